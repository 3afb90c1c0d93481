#include "sync/channels.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "base/banned.h"
#include "google/error.h"
#include "store/channel.h"
#include "sync/channel_step.h"
#include "sync/engine.h"
#include "sync/channel_plan.h"
#include "sync/lock.h"

struct run {
	struct channel_step step;
	const struct sync_env *env;
	const struct account *account;
	const struct channels_options *o;
	const char *hook_path;
	struct calendar_list calendars;
	struct channel_list channels;
	struct channels_result *out;
	bool dead;  /* whatever is asked now meets the same trouble */
	bool stale; /* channels have come or gone since they were read */
};

static void run_release(struct run *r)
{
	channel_list_release(&r->channels);
	calendar_list_release(&r->calendars);
	hook_close(r->step.hook);
	google_free(r->step.google);
}
DEFINE_AUTO_VALUE(struct run, run_release)

void channels_result_release(struct channels_result *r)
{
	for (size_t i = 0; i < r->trouble_count; i++) {
		free(r->troubles[i].calendar);
		free(r->troubles[i].summary);
	}
	for (size_t i = 0; i < r->live_count; i++) {
		free(r->live[i].calendar);
		free(r->live[i].summary);
		channel_release(&r->live[i].channel);
	}
	free(r->troubles);
	free(r->live);
	free(r->account);
	memset(r, 0, sizeof(*r));
}

/* --- what there is ------------------------------------------------------------------------ */

/* Not made here: a run that makes no channel needs none, nor does another store's matter to it. */
static int open_hook(struct run *r, bool create, struct err *err)
{
	if (r->step.hook || !hook_open_of(r->env->store, r->hook_path, create, &r->step.hook, err))
		return 0;
	if (create || (err->code == ERR_INVALID && r->o->push == PUSH_SWITCH_ON))
		return -1;
	return err->code == ERR_NOT_FOUND || err->code == ERR_INVALID ? 0 : -1;
}

/* What the webhook knows of it: its messages may have told the resource id. */
static int ask_hook(struct run *r, struct channel *c, struct err *err)
{
	AUTO(hook_channel_release) struct hook_channel seen = {0};
	bool found = false;

	if (r->step.hook && hook_channel_get(r->step.hook, c->id, &seen, &found, err))
		return -1;
	c->deaf = !found;
	if (found && !c->resource_id)
		c->resource_id = TAKE(seen.resource_id);
	return 0;
}

static int load(struct run *r, struct err *err)
{
	calendar_list_release(&r->calendars);
	channel_list_release(&r->channels);
	if (open_hook(r, false, err) ||
	    store_calendar_list(r->env->store, r->account->id, &r->calendars, err) ||
	    store_channel_list(r->env->store, r->account->id, &r->channels, err))
		return -1;
	for (size_t i = 0; i < r->channels.count; i++)
		if (ask_hook(r, &r->channels.items[i], err))
			return -1;
	r->stale = false;
	return 0;
}

/* Of thousands of accounts most have nothing to be done: they are read once. */
static int load_again(struct run *r, struct err *err)
{
	return r->stale ? load(r, err) : 0;
}

static bool in_scope(const struct run *r, const struct calendar *c)
{
	return !r->o->calendar_id || c->id == r->o->calendar_id;
}

static struct calendar *find_calendar(struct run *r, int64_t id)
{
	for (size_t i = 0; i < r->calendars.count; i++)
		if (r->calendars.items[i].id == id)
			return &r->calendars.items[i];
	return NULL;
}

static bool is_wanted(const struct run *r, const struct calendar *c)
{
	return r->o->push != PUSH_END_ALL && c->push == PUSH_ON && c->selected && !c->gone;
}

static void plan(struct run *r, int64_t window_ms, struct channel_plan *out)
{
	AUTO(free) struct channel_need *needs = xcalloc(r->calendars.count, sizeof(*needs));
	struct channel_situation s = {.now_ms = clock_now_ms(r->env->clock),
				      .window_ms = window_ms,
				      .address = r->o->address,
				      .needs = needs,
				      .channels = r->channels.items,
				      .channel_count = r->channels.count};

	for (size_t i = 0; i < r->calendars.count; i++) {
		const struct calendar *c = &r->calendars.items[i];

		if (in_scope(r, c))
			needs[s.need_count++] = (struct channel_need){c->id, is_wanted(r, c)};
	}
	channel_plan_build(&s, out);
}

/* --- what calendars want ------------------------------------------------------------------ */

static enum push_state switched(const struct run *r, const struct calendar *c)
{
	if (!in_scope(r, c))
		return c->push;
	if (r->o->push == PUSH_SWITCH_OFF && c->push == PUSH_ON)
		return PUSH_OFF;
	if (r->o->push == PUSH_SWITCH_ON && c->selected && !c->gone &&
	    (c->push == PUSH_OFF || r->o->calendar_id))
		return PUSH_ON;
	return c->push;
}

static int switch_rows(struct run *r, struct err *err)
{
	for (size_t i = 0; i < r->calendars.count; i++) {
		struct calendar *c = &r->calendars.items[i];
		enum push_state push = switched(r, c);

		if (push != c->push && store_calendar_set_push(r->env->store, c->id, push, err))
			return -1;
		c->push = push;
	}
	return 0;
}

static int switch_push(struct run *r, struct err *err)
{
	bool change = false;

	for (size_t i = 0; i < r->calendars.count; i++)
		change |= switched(r, &r->calendars.items[i]) != r->calendars.items[i].push;
	if (!change)
		return 0;
	if (store_begin(r->env->store, err))
		return -1;
	if (!switch_rows(r, err))
		return store_commit(r->env->store, err);
	store_rollback(r->env->store);
	return -1;
}

/* --- making ------------------------------------------------------------------------------- */

static void note_first(struct err *first, const struct err *err)
{
	if (first->code == ERR_NONE)
		*first = *err;
}

static void note_trouble(struct run *r, const struct calendar *c, bool unsupported,
			 const struct err *err)
{
	struct channels_result *out = r->out;
	struct calendar_trouble *t;

	out->troubles =
		xreallocarray(out->troubles, out->trouble_count + 1, sizeof(*out->troubles));
	t = &out->troubles[out->trouble_count++];
	*t = (struct calendar_trouble){.calendar = xstrdup(c->google_id),
				       .summary = xstrdup_null(c->summary),
				       .unsupported = unsupported,
				       .err = *err};
	if (!unsupported)
		note_first(&out->err, err);
}

/* Its code and reason stay: what is said of them is for people. */
static void explain(const struct run *r, const struct calendar *c, struct err *err)
{
	struct err why = *err;

	if (google_refuses_address(&why)) {
		err_set(err, ERR_GOOGLE,
			"%s; BACKEND_URL must be the https address that Google reaches this "
			"machine by (now '%s'), and its domain one that the OAuth client's project "
			"may use",
			why.msg, r->o->address);
	} else if (!strcmp(why.reason, "pushNotSupportedForRequestedResource")) {
		err_set(err, ERR_GOOGLE,
			"Google sends no notifications for calendar '%s': its changes are fetched "
			"by every 'calsync sync'",
			c->summary);
	} else if (google_says_gone(&why)) {
		err_set(err, ERR_GOOGLE,
			"Google does not know calendar '%s' just now (%s): 'calsync renew-watches' "
			"tries again, unless 'calsync sync' finds it gone from the account's list",
			c->summary, why.msg);
	} else {
		if (!engine_is_fatal(err)) /* that is the account's own */
			err_wrap(err, "calendar '%s'", c->summary);
		return;
	}
	err->http_status = why.http_status;
	memcpy(err->reason, why.reason, sizeof(err->reason));
}

/* That Google cannot push for it is written down: it is not tried for ever. That it is not found may
 * pass; whether it is gone the list of calendars says. Returns whether no other calendar would fare
 * better. */
static bool make_failed(struct run *r, struct calendar *c, struct err *err)
{
	bool unsupported = !strcmp(err->reason, "pushNotSupportedForRequestedResource");
	bool fatal;

	/* By a wrong clock nothing is ended, either. */
	r->dead = engine_is_fatal(err) || r->step.is_clock_wrong;
	fatal = r->dead || google_refuses_address(err);
	explain(r, c, err);
	if (unsupported) {
		struct err late;

		if (store_calendar_set_push(r->env->store, c->id, PUSH_UNSUPPORTED, &late)) {
			*err = late;
			unsupported = false;
			fatal = r->dead = true;
		}
	}
	note_trouble(r, c, unsupported, err);
	r->out->is_common = fatal;
	return fatal;
}

/* Before a row is written for it: whether Google may be asked at all. */
static int open_google(struct run *r, struct err *err)
{
	if (r->step.google)
		return 0;
	if (account_check_state(r->account, err))
		return -1;
	return engine_open_google(r->env, r->account, r->o->patience, r->o->deadline_ms, false,
				  &r->step.google, err);
}

static int make_all(struct run *r, struct err *err)
{
	AUTO(channel_plan_release) struct channel_plan p = {0};
	bool fatal = false;

	plan(r, r->o->window_ms, &p);
	for (size_t i = 0; i < p.count && !fatal; i++) {
		struct calendar *c = find_calendar(r, p.ops[i].calendar_id);
		struct err why;

		if (p.ops[i].kind != CHANNEL_MAKE)
			continue;
		if (open_google(r, err) || open_hook(r, true, err))
			return -1;
		r->stale = true;
		if (!channel_make(&r->step, c, r->o->address, p.ops[i].dark, &why))
			r->out->made++;
		else
			fatal = make_failed(r, c, &why);
	}
	return 0;
}

/* --- ending ------------------------------------------------------------------------------- */

static int end_one(struct run *r, const struct channel_op *op, struct err *err)
{
	r->stale = true;
	if (op->kind == CHANNEL_FORGET)
		return channel_forget(&r->step, op->channel->id, err);
	if (open_google(r, err) || channel_stop(&r->step, op->channel, err))
		return -1;
	r->out->stopped++;
	return 0;
}

/* Planned anew, with what was made: only what has been replaced is stopped. */
static int end_all(struct run *r, struct err *err)
{
	AUTO(channel_plan_release) struct channel_plan p = {0};

	if (load_again(r, err))
		return -1;
	plan(r, 0, &p);
	for (size_t i = 0; i < p.count; i++) {
		struct err why;

		if (p.ops[i].kind == CHANNEL_MAKE || !end_one(r, &p.ops[i], &why))
			continue;
		if (why.code == ERR_STORE) {
			*err = why;
			return -1;
		}
		note_first(&r->out->stop_err, &why);
		if (engine_is_fatal(&why))
			break;
	}
	return 0;
}

/* --- one account -------------------------------------------------------------------------- */

static void add_live(struct run *r, const struct calendar *c, struct channel *taken)
{
	struct channels_result *out = r->out;

	out->live = xreallocarray(out->live, out->live_count + 1, sizeof(*out->live));
	out->live[out->live_count++] = (struct live_channel){.calendar = xstrdup(c->google_id),
							     .summary = xstrdup_null(c->summary),
							     .channel = *taken};
	memset(taken, 0, sizeof(*taken));
}

static int sum_up(struct run *r, struct err *err)
{
	int64_t now = clock_now_ms(r->env->clock);

	if (load_again(r, err))
		return -1;
	for (size_t i = 0; i < r->calendars.count; i++) {
		const struct calendar *c = &r->calendars.items[i];

		for (size_t k = 0; k < r->channels.count && in_scope(r, c); k++) {
			struct channel *ch = &r->channels.items[k];

			if (!ch->id || ch->calendar_id != c->id)
				continue;
			/* What is new still was asked for, and the answer lost. */
			r->out->left += ch->state != CHANNEL_ACTIVE;
			if (channel_is_live(ch, now))
				add_live(r, c, ch);
		}
	}
	return 0;
}

static int run_locked(struct run *r, struct err *err)
{
	int status;

	if (load(r, err) || switch_push(r, err))
		return -1;
	status = make_all(r, err);
	if (!status && !r->dead)
		status = end_all(r, err);
	if (r->step.google)
		r->out->requests = google_requests(r->step.google);
	return status || sum_up(r, err) ? -1 : 0;
}

static bool is_due(struct run *r, int64_t window_ms)
{
	AUTO(channel_plan_release) struct channel_plan p = {0};

	plan(r, window_ms, &p);
	return p.count > 0;
}

/* What a run would do: first make, then end (end_all()). */
static int look(struct run *r, struct err *err)
{
	if (load(r, err))
		return -1;
	r->out->due = is_due(r, r->o->window_ms) || is_due(r, 0);
	return r->out->due ? 0 : sum_up(r, err);
}

/* The row as it is when the lock is held. */
static int run_account(struct run *r, struct account *now, int *lock, struct err *err)
{
	struct store *s = r->env->store;

	if (!r->o->look && channel_lock_take(store_path(s), r->step.account_id, r->env->clock,
					     r->o->wait_ms, lock, err))
		return -1;
	if (store_account_get_id(s, r->step.account_id, now, err))
		return -1;
	return r->o->look ? look(r, err) : run_locked(r, err);
}

int channels_run(const struct sync_env *env, const char *hook_path, const struct account *account,
		 const struct channels_options *o, struct channels_result *out, struct err *err)
{
	AUTO(close_fd) int lock = -1;
	AUTO(account_release) struct account now = {0};
	AUTO(run_release)
	struct run r = {
		.step = {.store = env->store, .clock = env->clock, .account_id = account->id},
		.env = env,
		.account = &now,
		.o = o,
		.hook_path = hook_path,
		.out = out};

	memset(out, 0, sizeof(*out));
	out->account = xstrdup(account->name);
	if (!run_account(&r, &now, &lock, err))
		return 0;
	out->err = *err;
	return -1;
}

/* --- the webhook's database --------------------------------------------------------------- */

static int compare_channels(const void *a, const void *b)
{
	const struct channel *x = a, *y = b;

	return strcmp(x->id, y->id);
}

static bool is_listed(const struct channel_list *sorted, const char *id)
{
	const struct channel wanted = {.id = (char *)id};

	return sorted->count && bsearch(&wanted, sorted->items, sorted->count,
					sizeof(*sorted->items), compare_channels);
}

/* A whole disconnected account's, or more: one commit. */
static int remove_unlisted(struct hook *hook, const struct hook_channel_list *known,
			   const struct channel_list *ours, struct err *err)
{
	if (hook_begin(hook, err))
		return -1;
	for (size_t i = 0; i < known->count; i++) {
		if (!is_listed(ours, known->items[i].id) &&
		    hook_channel_remove(hook, known->items[i].id, err)) {
			hook_rollback(hook);
			return -1;
		}
	}
	return hook_commit(hook, err);
}

static bool are_all_listed(const struct hook_channel_list *known, const struct channel_list *ours)
{
	for (size_t i = 0; i < known->count; i++)
		if (!is_listed(ours, known->items[i].id))
			return false;
	return true;
}

int channels_tidy(struct store *s, const char *hook_path, struct err *err)
{
	AUTO(hook_close) struct hook *hook = NULL;
	AUTO(hook_channel_list_release) struct hook_channel_list known = {0};
	AUTO(channel_list_release) struct channel_list ours = {0};

	if (hook_open_of(s, hook_path, false, &hook, err))
		return err->code == ERR_NOT_FOUND || err->code == ERR_INVALID ? 0 : -1;
	/* In this order: what is made meanwhile is in the store before it is there. */
	if (hook_channel_list(hook, &known, err) || store_channel_list(s, 0, &ours, err))
		return -1;
	if (ours.count)
		qsort(ours.items, ours.count, sizeof(*ours.items), compare_channels);
	return are_all_listed(&known, &ours) ? 0 : remove_unlisted(hook, &known, &ours, err);
}
