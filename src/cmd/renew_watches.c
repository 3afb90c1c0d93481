/* `renew-watches`: no push channel ends before there is the next; what a timer runs. */
#include "cmd/push.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cmd/jobs.h"
#include "cmd/output.h"
#include "store/channel.h"
#include "base/banned.h"

#define WITHIN_DEFAULT_S CHANNEL_TTL_S /* every channel, whenever the timer comes */

/* Accounts in a row that got no answer: from then on those that are left are not even tried. Each
 * would try again and again, for half a minute, what has failed for all. */
#define OUTAGE 3

struct renew_opts {
	const char *within;
	struct int_value jobs;
};

struct renewal {
	struct cmd_context *cx;
	int64_t window_ms;
	struct account_list accounts;
	struct json_object **answers; /* one an account, see answer_of() */
	size_t *due;                  /* places in accounts: those that have something to do */
	size_t due_count;
	const char *silent_url;   /* whose base URL got no answer; borrowed, NULL = none */
	size_t silent, not_tried; /* accounts in a row; accounts */
};

static void renewal_release(struct renewal *n)
{
	for (size_t i = 0; n->answers && i < n->accounts.count; i++)
		json_object_put(n->answers[i]);
	free(n->answers);
	free(n->due);
	account_list_release(&n->accounts);
}
DEFINE_AUTO_VALUE(struct renewal, renewal_release)

/* --- what to do ---------------------------------------------------------------------------- */

static int parse_within(const char *text, int64_t *out_ms, struct err *err)
{
	struct duration d = {.seconds = WITHIN_DEFAULT_S};

	if (text && duration_parse(text, &d, err)) {
		err->code = ERR_USAGE;
		return err_wrap(err, "--within");
	}
	if (duration_seconds(&d) < 0)
		return err_set(err, ERR_USAGE, "--within '%s' is a time that is over", text);
	*out_ms = duration_seconds(&d) * 1000;
	return 0;
}

/* All that are not disconnected, unless one is named: the timer has no favourite. */
static int choose_accounts(struct cmd_context *cx, struct account_list *out, struct err *err)
{
	const char *env = getenv("CALSYNC_ACCOUNT");
	size_t kept = 0;

	if (cx->global.account || (env && *env))
		return cmd_accounts(cx, out, err);
	if (store_account_list(cx->store, out, err))
		return -1;
	for (size_t i = 0; i < out->count; i++) {
		if (out->items[i].state == ACCOUNT_DISCONNECTED)
			account_release(&out->items[i]);
		else
			out->items[kept++] = out->items[i];
	}
	out->count = kept;
	return 0;
}

static int is_watched(struct cmd_context *cx, const struct account *a, bool *out, struct err *err)
{
	AUTO(calendar_list_release) struct calendar_list list = {0};

	*out = false;
	if (store_calendar_list(cx->store, a->id, &list, err))
		return -1;
	for (size_t i = 0; i < list.count; i++)
		*out |= list.items[i].push == PUSH_ON && list.items[i].selected &&
			!list.items[i].gone;
	return 0;
}

/* --- one account --------------------------------------------------------------------------- */

static struct json_object *account_json(const struct channels_result *r)
{
	struct json_object *o = json_object_new_object();

	json_set_str(o, "account", r->account);
	json_set_bool(o, "success", r->err.code == ERR_NONE);
	json_set(o, "error", sync_error_json(&r->err));
	json_set_int(o, "renewed", r->made);
	json_set_int(o, "stopped", r->stopped);
	json_set_int(o, "left", r->left);
	json_set_int(o, "requests", r->requests);
	return o;
}

static bool got_no_answer(const struct channels_result *r)
{
	return (r->err.code == ERR_NETWORK || r->stop_err.code == ERR_NETWORK) && !r->made &&
	       !r->stopped;
}

/*
 * What became of an account, in whichever process it was worked on:
 *   account   its part of the command's answer
 *   channels  that are at work
 *   errors    all there were
 *   polled    calendars that Google has just said it cannot push for
 *   notices   what to tell of them
 *   good      something went well
 *   silent    Google, or the network, did not answer
 * worked: it could be worked on at all; else r->err says why not.
 */
static struct json_object *answer_of(const struct channels_result *r, bool worked)
{
	struct json_object *o = json_object_new_object();
	struct json_object *channels = json_object_new_array();
	struct json_object *errors = json_object_new_array();
	struct json_object *polled = json_object_new_array();
	struct json_object *notices = json_object_new_array();
	bool idle = !r->live_count && !r->stopped;

	if (!worked)
		json_object_array_add(errors, sync_error_json(&r->err));
	for (size_t i = 0; i < r->trouble_count; i++) {
		const struct calendar_trouble *t = &r->troubles[i];

		if (t->unsupported) {
			json_object_array_add(polled, push_polled_json(r->account, t->calendar));
			json_object_array_add(notices, json_object_new_string(t->err.msg));
		} else {
			json_object_array_add(errors, sync_error_json(&t->err));
		}
	}
	push_add_channels(channels, r);
	json_set(o, "account", account_json(r));
	json_set(o, "channels", channels);
	json_set(o, "errors", errors);
	json_set(o, "polled", polled);
	json_set(o, "notices", notices);
	json_set_bool(o, "good", r->made || (r->err.code == ERR_NONE && !idle));
	json_set_bool(o, "silent", got_no_answer(r));
	return o;
}

static struct json_object *failure(const struct account *a, const struct err *why)
{
	struct channels_result r = {.account = a->name, .err = *why};

	return answer_of(&r, false);
}

static int options_for(struct renewal *n, struct cmd_context *cx, const struct account *a,
		       struct channels_options *out, char **address, struct err *err)
{
	bool watched;

	*out = (struct channels_options){
		.window_ms = n->window_ms, .wait_ms = PUSH_WAIT_MS, .patience = GOOGLE_PATIENT};
	if (is_watched(cx, a, &watched, err))
		return -1;
	/* What is left of an account that is watched no more is stopped without an address. */
	if (watched && push_address(cx, a, address, err))
		return -1;
	out->address = *address;
	return 0;
}

/* Its answer, unless there is something to do: then NULL. */
static struct json_object *look(struct renewal *n, const struct account *a)
{
	AUTO(channels_result_release) struct channels_result r = {0};
	AUTO(free) char *address = NULL;
	struct channels_options o;
	struct err err;

	if (options_for(n, n->cx, a, &o, &address, &err))
		return failure(a, &err);
	o.look = true;
	if (push_peek(n->cx, a, &o, &r, &err))
		return failure(a, &err);
	return r.due ? NULL : answer_of(&r, true);
}

static struct json_object *renew(struct cmd_context *cx, size_t i, void *renewal)
{
	struct renewal *n = renewal;
	const struct account *a = &n->accounts.items[n->due[i]];
	AUTO(channels_result_release) struct channels_result r = {0};
	AUTO(free) char *address = NULL;
	struct channels_options o;
	struct err err;
	bool worked;

	if (options_for(n, cx, a, &o, &address, &err))
		return failure(a, &err);
	worked = !push_run(cx, a, &o, &r, &err);
	push_warn_left(&r);
	return answer_of(&r, worked);
}

/* --- all of them --------------------------------------------------------------------------- */

static const struct account *due_account(const struct renewal *n, size_t i)
{
	return &n->accounts.items[n->due[i]];
}

static bool is_silent(const struct renewal *n, const struct account *a)
{
	return n->silent_url && !strcmp(n->silent_url, a->base_url);
}

static struct json_object *not_renewed(size_t i, const struct err *why, void *renewal)
{
	return failure(due_account(renewal, i), why);
}

static int admit(size_t i, void *renewal, struct err *err)
{
	struct renewal *n = renewal;

	if (n->silent < OUTAGE || !is_silent(n, due_account(n, i)))
		return 0;
	n->not_tried++;
	return err_set(err, ERR_NETWORK,
		       "not tried: Google did not answer for %d accounts before it; the next "
		       "'calsync renew-watches' tries again",
		       OUTAGE);
}

static bool flag(const struct json_object *answer, const char *name)
{
	return json_object_get_boolean(json_get(answer, name));
}

/* What went wrong is told when it has: the whole may take long. */
static void tell_troubles(const struct json_object *answer)
{
	const char *account = json_str(json_get(answer, "account"), "account");
	struct json_object *errors = json_get(answer, "errors");
	struct json_object *notices = json_get(answer, "notices");

	for (size_t i = 0; i < json_object_array_length(errors); i++)
		log_error("renew-watches", "%s: %s", account,
			  json_str(json_object_array_get_idx(errors, i), "message"));
	for (size_t i = 0; i < json_object_array_length(notices); i++)
		log_warn("renew-watches", "%s: %s", account,
			 json_object_get_string(json_object_array_get_idx(notices, i)));
}

static void note_end(size_t i, const struct json_object *answer, void *renewal)
{
	struct renewal *n = renewal;
	const struct account *a = due_account(n, i);

	tell_troubles(answer);
	if (flag(answer, "silent")) {
		n->silent = is_silent(n, a) ? n->silent + 1 : 1;
		n->silent_url = a->base_url;
	} else if (is_silent(n, a) && json_int(json_get(answer, "account"), "requests", 0)) {
		n->silent = 0;
	}
}

/* Most have nothing to do, most of the time: no process is started for them. */
static void look_at_all(struct renewal *n)
{
	n->answers = xcalloc(n->accounts.count, sizeof(*n->answers));
	n->due = xcalloc(n->accounts.count, sizeof(*n->due));
	for (size_t i = 0; i < n->accounts.count; i++) {
		n->answers[i] = look(n, &n->accounts.items[i]);
		if (n->answers[i])
			tell_troubles(n->answers[i]);
		else
			n->due[n->due_count++] = i;
	}
}

static void renew_all(struct renewal *n, size_t at_once)
{
	struct jobs jobs = {.count = n->due_count,
			    .at_once = at_once,
			    .arg = n,
			    .run = renew,
			    .failed = not_renewed,
			    .admit = admit,
			    .over = note_end};
	AUTO(json_object_put) struct json_object *answers = jobs_run(n->cx, &jobs);

	for (size_t i = 0; i < n->due_count; i++)
		n->answers[n->due[i]] = json_object_get(json_object_array_get_idx(answers, i));
	if (n->not_tried)
		log_error("renew-watches",
			  "Google did not answer for %d accounts in a row: %zu more were not tried",
			  OUTAGE, n->not_tried);
}

/* --- the answer ---------------------------------------------------------------------------- */

struct totals {
	int64_t made, stopped, left, requests;
	bool good;                                        /* something went well */
	bool bad[9];                                      /* exit statuses that were met */
	const struct json_object *error;                  /* the first; borrowed, NULL = none */
	struct json_object *accounts, *channels, *polled; /* borrowed */
};

static void add_all(struct json_object *to, struct json_object *from)
{
	for (size_t i = 0; i < json_object_array_length(from); i++)
		json_object_array_add(to, json_object_get(json_object_array_get_idx(from, i)));
}

static void add_answer(struct totals *t, const struct json_object *answer)
{
	struct json_object *account = json_get(answer, "account");
	struct json_object *errors = json_get(answer, "errors");

	for (size_t i = 0; i < json_object_array_length(errors); i++) {
		const struct json_object *error = json_object_array_get_idx(errors, i);

		t->bad[json_error_status(error)] = true;
		if (!t->error)
			t->error = error;
	}
	t->good |= flag(answer, "good");
	t->made += json_int(account, "renewed", 0);
	t->stopped += json_int(account, "stopped", 0);
	t->left += json_int(account, "left", 0);
	t->requests += json_int(account, "requests", 0);
	json_object_array_add(t->accounts, json_object_get(account));
	add_all(t->channels, json_get(answer, "channels"));
	add_all(t->polled, json_get(answer, "polled"));
}

/* As of sync: what a person must do comes before what passes. */
static int exit_status(const struct totals *t)
{
	static const int order[] = {3, 1, 4, 5, 2};
	bool may_pass = false;

	for (size_t i = 1; i < ARRAY_SIZE(order); i++)
		may_pass = may_pass || t->bad[order[i]];
	/* Dead logins alone, however well the others went: no later run mends them. */
	if (!may_pass && t->bad[3])
		return 3;
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (t->bad[order[i]])
			return t->good ? 7 : order[i];
	return 0;
}

static const char *message(const struct totals *t)
{
	if (t->error)
		return json_str(t->error, "message");
	if (!json_object_array_length(t->channels))
		return "No calendar is watched";
	return t->made ? "Calendar push notifications renewed" : "No channel ends that soon";
}

static void tell(struct cmd_context *cx, const struct totals *t)
{
	struct json_object *answer;

	if (!cx->global.json) {
		out_note(cx, "%" PRId64 " renewed, %" PRId64 " stopped, %zu at work\n", t->made,
			 t->stopped, json_object_array_length(t->channels));
		return;
	}
	answer = json_object_new_object();
	json_set_bool(answer, "success", !t->error);
	json_set_str(answer, "message", message(t));
	if (t->error)
		json_set(answer, "error", json_clone(t->error));
	json_set_int(answer, "renewed", t->made);
	json_set_int(answer, "stopped", t->stopped);
	json_set_int(answer, "left", t->left);
	json_set_int(answer, "requests", t->requests);
	json_set(answer, "channels", json_object_get(t->channels));
	json_set(answer, "polled", json_object_get(t->polled));
	json_set(answer, "accounts", json_object_get(t->accounts));
	out_json(cx, answer);
}

static int run_renew(struct cmd_context *cx, struct err *err)
{
	const struct renew_opts *o = cx->opts;
	AUTO(renewal_release) struct renewal n = {.cx = cx};
	AUTO(json_object_put) struct json_object *accounts = json_object_new_array();
	AUTO(json_object_put) struct json_object *channels = json_object_new_array();
	AUTO(json_object_put) struct json_object *polled = json_object_new_array();
	struct totals t = {.accounts = accounts, .channels = channels, .polled = polled};

	if (parse_within(o->within, &n.window_ms, err) || choose_accounts(cx, &n.accounts, err) ||
	    push_tidy(cx, err))
		return -1;
	look_at_all(&n);
	renew_all(&n, o->jobs.given ? (size_t)o->jobs.n : JOBS_DEFAULT);
	for (size_t i = 0; i < n.accounts.count; i++) {
		if (!json_object_array_length(json_get(n.answers[i], "errors")))
			cmd_warn_dead(&n.accounts.items[i]);
		add_answer(&t, n.answers[i]);
	}
	tell(cx, &t);
	return exit_status(&t);
}

static const struct option_spec options[] = {
	OPT_STRING(0, "within", struct renew_opts, within, "TIME",
		   "those that end within this time (default: 7d, which is all)"),
	OPT_INT('j', "jobs", struct renew_opts, jobs, "N", 1, 64,
		"accounts at a time (default: 4)"),
	OPT_END,
};

const struct cmd cmd_renew_watches = {
	.name = "renew-watches",
	.synopsis = "[--within TIME] [--jobs N]",
	.summary = "renew push channels before they end",
	.help = "Of every account, unless --account names one: each watched calendar gets a new\n"
		"channel, then its old one is stopped. What 'calsync watch' and 'calsync "
		"stop-watch'\n"
		"could not finish is finished, and channels of calendars that are no longer "
		"synced\n"
		"are stopped. Run it every six days, as its systemd timer does.\n"
		"\n"
		"When Google does not answer for three accounts in a row the others are not "
		"tried:\n"
		"they fail as those did, and the next run goes on.\n",
	.options = options,
	.opts_size = sizeof(struct renew_opts),
	.needs = NEEDS_STORE,
	.run = run_renew,
};
