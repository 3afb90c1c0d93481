#include "sync/sync.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "base/banned.h"
#include "google/google.h"
#include "sync/engine.h"
#include "sync/lock.h"

#define EVENTS_DEADLINE_MS 4500 /* of a push after an edit; the command is back within 5 s */
#define EVENTS_LOCK_MS     1000

void sync_result_release(struct sync_result *r)
{
	for (size_t i = 0; i < r->calendar_count; i++) {
		free(r->calendars[i].calendar);
		free(r->calendars[i].summary);
	}
	free(r->calendars);
	free(r->account);
	memset(r, 0, sizeof(*r));
}

static void add_counts(struct sync_counts *sum, const struct sync_counts *n)
{
	sum->created += n->created;
	sum->updated += n->updated;
	sum->deleted += n->deleted;
}

static int check_state(const struct account *a, struct err *err)
{
	if (a->state == ACCOUNT_REAUTH_REQUIRED)
		return err_set(err, ERR_TOKEN_EXPIRED,
			       "Calendar token expired. Run 'calsync connect %s' to connect again",
			       a->name);
	if (a->state == ACCOUNT_DISCONNECTED)
		return err_set(err, ERR_NOT_CONNECTED,
			       "account '%s' is disconnected; run 'calsync connect %s'", a->name,
			       a->name);
	return 0;
}

static int open_google(const struct sync_env *env, const struct account *a,
		       enum google_patience patience, int64_t deadline_ms, struct google **out,
		       struct err *err)
{
	struct google_options o = {
		.transport = env->transport,
		.clock = env->clock,
		.store = env->store,
		.box = env->box,
		.patience = patience,
	};

	if (deadline_ms) {
		o.timeout_ms = (long)deadline_ms;
		o.deadline_ms = env->clock->mono_ms(env->clock) + deadline_ms;
	}
	return google_new(a, &o, out, err);
}

/* --- one calendar -------------------------------------------------------------------------- */

static int exchange(struct engine *e, const struct calendar *c, struct calendar_result *r,
		    struct err *err)
{
	struct err unsent = {0};

	if (!e->options->calendar && !c->selected)
		return push_calendar(e, c, NULL, 0, r, err); /* not pulled, but edits go out */
	/* First what is ours, so that a pull finds its echoes in step. What could not be sent
	 * does not keep Google's changes away, unless nothing gets through at all. */
	if (push_calendar(e, c, NULL, 0, r, &unsent) && unsent.code == ERR_STORE) {
		*err = unsent;
		return -1;
	}
	if (unsent.code == ERR_TOKEN_EXPIRED || unsent.code == ERR_NOT_CONNECTED ||
	    unsent.code == ERR_NETWORK || unsent.code == ERR_RATE_LIMITED) {
		*err = unsent;
		return -1;
	}
	if (e->options->has_window ? pull_window(e, c, r, err) : pull_calendar(e, c, r, err))
		return -1;
	/* A merge may have left something to send, and an edit may have come in meanwhile. */
	if (!e->options->dry_run && unsent.code == ERR_NONE)
		push_calendar(e, c, NULL, 0, r, &unsent);
	if (unsent.code != ERR_NONE) {
		*err = unsent;
		return -1;
	}
	return 0;
}

/* What Google's refusal of a whole calendar means to a person. */
static void explain_calendar(const struct calendar *c, struct err *err)
{
	if (err->code == ERR_NOT_FOUND || err->code == ERR_FORBIDDEN) {
		/* 404 is ERR_NOT_FOUND to us, but the calendar is known here: not a wrong name. */
		err_wrap(err, "calendar '%s' may not be read", c->summary);
		err->code = ERR_FORBIDDEN;
	}
}

static int sync_calendar(struct engine *e, const struct calendar *c, struct calendar_result *r)
{
	struct err why, ignored;

	r->calendar = xstrdup(c->google_id);
	r->summary = xstrdup(c->summary);
	if (!exchange(e, c, r, &why)) {
		r->success = true;
		return 0;
	}
	r->err = why; /* an error that was overcome leaves no trace */
	explain_calendar(c, &r->err);
	log_info("sync", "calendar '%s': %s", c->summary, r->err.msg);
	if (!e->options->dry_run) {
		AUTO(calendar_release) struct calendar now = {0};

		/* The token as it is now: pages of an incremental pull may have moved nothing yet. */
		if (!store_calendar_get(e->store, c->id, &now, &ignored))
			store_calendar_set_sync(e->store, c->id, now.sync_token, now.last_sync_ms,
						r->err.msg, &ignored);
	}
	return -1;
}

/* Trouble that every other calendar of the account would meet, too. */
static bool is_fatal(const struct err *err)
{
	return err->code == ERR_TOKEN_EXPIRED || err->code == ERR_NOT_CONNECTED ||
	       err->code == ERR_STORE || err->code == ERR_SECRET || err->code == ERR_NETWORK;
}

/* A calendar that is not selected takes part when an edit in it waits. */
static int takes_part(struct store *s, const struct calendar *c, bool *out, struct err *err)
{
	AUTO(outbox_list_release) struct outbox_list waiting = {0};

	*out = c->selected && !c->gone;
	if (c->selected || c->gone)
		return 0;
	if (store_outbox_list(s, 0, c->id, INT64_MAX, 1, &waiting, err))
		return -1;
	*out = waiting.count > 0;
	return 0;
}

static int sync_calendars(struct engine *e, const struct account *a, struct sync_result *out,
			  struct err *err)
{
	AUTO(calendar_list_release) struct calendar_list list = {0};
	bool found = false;

	if (store_calendar_list(e->store, a->id, &list, err))
		return -1;
	out->calendars = xcalloc(list.count, sizeof(*out->calendars));
	for (size_t i = 0; i < list.count; i++) {
		struct calendar *c = &list.items[i];
		struct calendar_result *r = &out->calendars[out->calendar_count];

		if (e->options->calendar && strcmp(e->options->calendar, c->google_id) != 0)
			continue;
		if (!e->options->calendar) {
			bool take;

			if (takes_part(e->store, c, &take, err))
				return -1;
			if (!take)
				continue;
		}
		found = true;
		out->calendar_count++;
		if (!sync_calendar(e, c, r) && !r->failed_events)
			continue;
		out->success = false;
		if (out->err.code == ERR_NONE && r->err.code != ERR_NONE)
			out->err = r->err;
		if (is_fatal(&r->err))
			break;
	}
	if (e->options->calendar && !found)
		return err_set(err, ERR_NOT_FOUND, "account '%s' has no calendar '%s'", a->name,
			       e->options->calendar);
	return 0;
}

/* --- one account --------------------------------------------------------------------------- */

static void sum_up(struct sync_result *out)
{
	for (size_t i = 0; i < out->calendar_count; i++) {
		const struct calendar_result *r = &out->calendars[i];

		add_counts(&out->pulled, &r->pulled);
		add_counts(&out->pushed, &r->pushed);
		out->conflicts += r->conflicts;
		out->failed_events += r->failed_events;
	}
}

static int work(struct engine *e, const struct account *a, struct sync_result *out, struct err *err)
{
	AUTO(account_release) struct account copy = {0};
	int64_t changed;

	if (store_account_get(e->store, a->name, &copy, err))
		return -1;
	if (!e->options->dry_run && sync_calendar_list(e->google, e->store, &copy, &changed, err))
		return -1;
	return sync_calendars(e, &copy, out, err);
}

static int write_outcome(struct engine *e, const struct account *a, int64_t started_ms,
			 const struct sync_result *out, struct err *err)
{
	AUTO(account_release) struct account now = {0};
	AUTO(json_object_put) struct json_object *detail = sync_result_json(out);
	struct run_record record = {
		.account_id = a->id,
		.kind = (char *)"sync",
		.started_ms = started_ms,
		.finished_ms = clock_now_ms(e->clock),
		.success = out->success,
		.error = (char *)(out->err.code == ERR_NONE ? NULL : out->err.msg),
		.detail = detail,
	};

	if (store_account_get(e->store, a->name, &now, err))
		return -1;
	if (out->success && !e->options->calendar && !e->options->has_window)
		now.last_sync_ms = record.finished_ms;
	xstr_set(&now.last_error, record.error);
	if (store_account_update(e->store, &now, err))
		return -1;
	return store_run_add(e->store, &record, err);
}

/* The last thing of a run: when it ended, and how. */
static int save_outcome(struct engine *e, const struct account *a, int64_t started_ms,
			const struct sync_result *out, struct err *err)
{
	if (store_begin(e->store, err))
		return -1;
	if (!write_outcome(e, a, started_ms, out, err))
		return store_commit(e->store, err);
	store_rollback(e->store);
	return -1;
}

int sync_account(const struct sync_env *env, const struct account *account,
		 const struct sync_options *o, struct sync_result *out, struct err *err)
{
	AUTO(account_lock_free) struct account_lock *lock = NULL;
	AUTO(google_free) struct google *google = NULL;
	struct engine e = {.store = env->store, .clock = env->clock, .options = o};
	int64_t started_ms = clock_now_ms(env->clock);
	struct err late;
	int result;

	memset(out, 0, sizeof(*out));
	out->account = xstrdup(account->name);
	if (check_state(account, err) ||
	    account_lock_take(store_path(env->store), account->id, env->clock, o->wait_ms, &lock,
			      err) ||
	    open_google(env, account, GOOGLE_PATIENT, 0, &google, err)) {
		out->err = *err;
		return -1;
	}
	e.google = google;
	out->success = true;
	result = work(&e, account, out, err);
	sum_up(out);
	if (store_conflict_count(env->store, account->id, CONFLICT_WAITING, &out->conflicts_waiting,
				 &late))
		log_warn("sync", "cannot count the conflicts that wait: %s, ignoring", late.msg);
	out->requests = google_requests(google);
	if (result) {
		out->success = false;
		out->err = *err;
	}
	if (!o->dry_run && save_outcome(&e, account, started_ms, out, &late) && !result) {
		*err = out->err = late;
		out->success = false;
		return -1;
	}
	return result;
}

void sync_note_failure(const struct sync_env *env, const struct account *account,
		       const struct sync_result *result)
{
	struct engine e = {.store = env->store, .clock = env->clock};
	struct sync_options o = {0};
	struct err late;

	e.options = &o;
	if (save_outcome(&e, account, clock_now_ms(env->clock), result, &late))
		log_warn("sync", "cannot note that the sync failed: %s, ignoring", late.msg);
}

/* --- single events ------------------------------------------------------------------------- */

/* The events' calendars, one after the other; rowids of other calendars are not theirs. */
static int push_rows(struct engine *e, const int64_t *rowids, size_t count, struct err *err)
{
	AUTO(free) int64_t *done = xcalloc(count, sizeof(*done));
	size_t done_count = 0;

	for (size_t i = 0; i < count; i++) {
		AUTO(event_release) struct event row = {0};
		AUTO(calendar_release) struct calendar c = {0};
		struct calendar_result r = {0};
		bool again = false;

		if (store_event_get_row(e->store, rowids[i], &row, err)) {
			if (err->code == ERR_NOT_FOUND)
				continue; /* gone with its calendar's turn */
			return -1;
		}
		for (size_t k = 0; k < done_count; k++)
			again |= done[k] == row.calendar_id;
		if (again)
			continue;
		done[done_count++] = row.calendar_id;
		if (store_calendar_get(e->store, row.calendar_id, &c, err) ||
		    push_calendar(e, &c, rowids, count, &r, err))
			return -1;
	}
	return 0;
}

/* Google's refusal of an event is kept with it. */
static int check_refused(struct store *s, const int64_t *rowids, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		AUTO(event_release) struct event row = {0};
		struct err gone;

		if (store_event_get_row(s, rowids[i], &row, &gone))
			continue; /* deleted, as it should be */
		if (row.sync_status == SYNC_ERROR)
			return err_set(err, ERR_GOOGLE, "%s",
				       row.last_error ? row.last_error
						      : "Google refused the event");
	}
	return 0;
}

int sync_events(const struct sync_env *env, const struct account *account, const int64_t *rowids,
		size_t count, struct err *err)
{
	AUTO(account_lock_free) struct account_lock *lock = NULL;
	AUTO(google_free) struct google *google = NULL;
	struct sync_options o = {.conflict = env->conflict};
	struct engine e = {.store = env->store, .clock = env->clock, .options = &o};

	if (check_state(account, err) ||
	    account_lock_take(store_path(env->store), account->id, env->clock, EVENTS_LOCK_MS,
			      &lock, err) ||
	    open_google(env, account, GOOGLE_ONCE, EVENTS_DEADLINE_MS - EVENTS_LOCK_MS, &google,
			err))
		return -1;
	e.google = google;
	if (push_rows(&e, rowids, count, err))
		return -1;
	return check_refused(env->store, rowids, count, err);
}
