#include "cmd/status.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/duration.h"
#include "base/xalloc.h"
#include "cmd/output.h"
#include "base/banned.h"

#define LATE_DEFAULT_S (2 * 60 * 60) /* the timer syncs every hour: one missed run is not late */
#define RUNS_SHOWN     5

struct status_opts {
	bool check;
	const char *format;
};

void status_problem(struct gather *g, const char *account, const char *kind, const char *fmt, ...)
{
	struct json_object *o = json_object_new_object();
	char text[400];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	utf8_repair(text); /* it may have been cut within a character */
	json_set_str(o, "account", account);
	json_set_str(o, "kind", kind);
	json_set_str(o, "message", text);
	json_object_array_add(g->problems, o);
}

static struct json_object *age(const struct gather *g, int64_t ms)
{
	return ms ? json_object_new_int64((g->now_ms - ms) / 1000) : NULL;
}

static bool is_late(const struct gather *g, const struct account *a, const struct calendar *c)
{
	int64_t since = c->last_sync_ms > a->connected_ms ? c->last_sync_ms : a->connected_ms;

	return a->state == ACCOUNT_CONNECTED && c->selected && !c->gone &&
	       g->now_ms - since > g->late_ms;
}

static struct json_object *calendar_status(struct gather *g, const struct account *a,
					   const struct calendar *c)
{
	struct json_object *o = json_calendar(c);
	bool late = is_late(g, a, c);
	char ago[OUT_TIME_LEN];

	json_set(o, "ageSeconds", age(g, c->last_sync_ms));
	json_set_bool(o, "late", late);
	out_age_ms(g->now_ms - c->last_sync_ms, ago);
	if (late && c->last_sync_ms)
		status_problem(g, a->name, "late", "calendar '%s' was last synced %s", c->summary,
			       ago);
	else if (late)
		status_problem(g, a->name, "late", "calendar '%s' has never been synced",
			       c->summary);
	if (c->last_error && c->selected && a->state != ACCOUNT_DISCONNECTED)
		status_problem(g, a->name, "calendar", "calendar '%s': %s", c->summary,
			       c->last_error);
	return o;
}

static struct json_object *counts_json(const struct event_counts *n)
{
	struct json_object *o = json_object_new_object();

	for (int i = 0; i < (int)ARRAY_SIZE(n->by_status); i++)
		json_set_int(o, sync_status_name((enum sync_status)i), n->by_status[i]);
	return o;
}

/* What Google refused has an entry that says so; every other error is Google's own data. */
static int count_refused(struct gather *g, const struct account *a, int64_t *out, struct err *err)
{
	AUTO(outbox_list_release) struct outbox_list l = {0};
	int64_t n = 0;

	if (store_outbox_list(g->cx->store, a->id, 0, -1, 0, &l, err))
		return -1;
	for (size_t i = 0; i < l.count; i++)
		n += l.items[i].state == OUTBOX_REFUSED;
	*out = n;
	return 0;
}

static void error_problems(struct gather *g, const struct account *a, int64_t refused,
			   int64_t unreadable)
{
	if (refused > 0)
		status_problem(g, a->name, "refused", "Google refused %" PRId64 " event%s of '%s'",
			       refused, refused == 1 ? "" : "s", a->name);
	if (unreadable > 0)
		status_problem(g, a->name, "unreadable",
			       "%" PRId64
			       " event%s of '%s' cannot be read as Google sent %s: 'calsync "
			       "event list --sync-status error'",
			       unreadable, unreadable == 1 ? "" : "s", a->name,
			       unreadable == 1 ? "it" : "them");
}

static int account_status(struct gather *g, const struct account *a, struct json_object **out,
			  struct err *err)
{
	AUTO(calendar_list_release) struct calendar_list l = {0};
	struct json_object *o, *calendars;
	struct event_counts n;
	int64_t refused;

	if (store_calendar_list(g->cx->store, a->id, &l, err) ||
	    store_event_counts(g->cx->store, a->id, &n, err) || count_refused(g, a, &refused, err))
		return -1;
	if (a->state == ACCOUNT_REAUTH_REQUIRED) {
		AUTO(free) char *word = account_word(a->name);

		g->reconnect = true;
		status_problem(g, a->name, "reconnect",
			       "account '%s' must be connected again: calsync connect %s", a->name,
			       word);
	} else if (a->last_error && a->state == ACCOUNT_CONNECTED) {
		status_problem(g, a->name, "sync", "the last sync of '%s' failed: %s", a->name,
			       a->last_error);
	}
	error_problems(g, a, refused, n.by_status[SYNC_ERROR] - refused);
	o = json_account(a);
	json_set(o, "ageSeconds", age(g, a->last_sync_ms));
	calendars = json_object_new_array();
	for (size_t i = 0; i < l.count; i++)
		json_object_array_add(calendars, calendar_status(g, a, &l.items[i]));
	json_set(o, "calendars", calendars);
	json_set(o, "events", counts_json(&n));
	*out = o;
	return 0;
}

static int queue_entry(struct gather *g, const struct outbox *e, struct json_object **out,
		       struct err *err)
{
	AUTO(event_release) struct event event = {0};
	struct json_object *o;

	if (store_event_get_row(g->cx->store, e->event_rowid, &event, err))
		return -1;
	o = json_object_new_object();
	json_set_int(o, "id", e->id);
	json_set_str(o, "account", event.account);
	json_set_str(o, "calendar", event.calendar);
	json_set_str(o, "event", event.id);
	json_set_str(o, "summary", json_str(event.resource, "summary"));
	json_set_str(o, "op", pending_op_name(e->op));
	json_set_str(o, "state", outbox_state_name(e->state));
	json_set_int(o, "attempts", e->attempts);
	json_set(o, "created", json_time_ms(e->created_ms));
	json_set(o, "notBefore", json_time_ms(e->not_before_ms));
	json_set_str(o, "lastError", e->last_error);
	*out = o;
	return 0;
}

static int add_queue(struct gather *g, int64_t account_id, const char *account,
		     struct json_object *queue, struct err *err)
{
	AUTO(outbox_list_release) struct outbox_list l = {0};
	size_t overdue = 0;

	if (store_outbox_list(g->cx->store, account_id, 0, -1, 0, &l, err))
		return -1;
	for (size_t i = 0; i < l.count; i++) {
		struct json_object *o;

		if (queue_entry(g, &l.items[i], &o, err)) {
			if (err->code == ERR_NOT_FOUND)
				continue; /* sent in this moment by another process */
			return -1;
		}
		json_object_array_add(queue, o);
		overdue += l.items[i].state == OUTBOX_QUEUED &&
			   g->now_ms - l.items[i].created_ms > g->late_ms;
	}
	if (overdue)
		status_problem(g, account, "queue", "%zu change%s of '%s' still wait%s to be sent",
			       overdue, overdue == 1 ? "" : "s", account, overdue == 1 ? "s" : "");
	return 0;
}

static int add_runs(struct gather *g, int64_t account_id, struct json_object *runs, struct err *err)
{
	AUTO(run_list_release) struct run_list l = {0};

	if (store_run_list(g->cx->store, account_id, RUNS_SHOWN, &l, err))
		return -1;
	for (size_t i = 0; i < l.count; i++) {
		const struct run_record *r = &l.items[i];
		struct json_object *o = json_object_new_object();

		json_set_str(o, "account", r->account);
		json_set_str(o, "kind", r->kind);
		json_set(o, "started", json_time_ms(r->started_ms));
		json_set(o, "finished", json_time_ms(r->finished_ms));
		json_set(o, "ageSeconds", age(g, r->finished_ms));
		json_set_bool(o, "success", r->success);
		json_set_str(o, "error", r->error);
		json_set(o, "stats", json_clone(json_get(r->detail, "stats")));
		json_set(o, "pushed", json_clone(json_get(r->detail, "pushed")));
		json_object_array_add(runs, o);
	}
	return 0;
}

static int fill(struct gather *g, const struct account_list *l, struct json_object *answer,
		struct err *err)
{
	struct json_object *accounts = json_object_new_array();
	struct json_object *queue = json_object_new_array();
	struct json_object *runs = json_object_new_array();

	g->problems = json_object_new_array();
	g->channels = json_object_new_array();
	g->notifications = json_object_new_array();
	json_set(answer, "accounts", accounts);
	json_set(answer, "channels", g->channels);
	json_set(answer, "notifications", g->notifications);
	json_set(answer, "queue", queue);
	json_set(answer, "runs", runs);
	json_set(answer, "problems", g->problems);
	for (size_t i = 0; i < l->count; i++) {
		const struct account *a = &l->items[i];
		struct json_object *o;

		if (account_status(g, a, &o, err))
			return -1;
		json_object_array_add(accounts, o);
		if (add_queue(g, a->id, a->name, queue, err) || status_channels(g, a, err))
			return -1;
	}
	status_judge_hook(g);
	/* Of all accounts in one list, newest first; of a chosen one only its own. */
	if (l->count && add_runs(g, l->count == 1 ? l->items[0].id : 0, runs, err))
		return -1;
	if (!l->count) {
		g->reconnect = true;
		status_problem(g, NULL, "reconnect",
			       "no account is connected; run 'calsync connect'");
	}
	return status_notifications(g, l, err);
}

static int late_after(struct gather *g, struct err *err)
{
	const char *text = config_get(g->cx->config, "status.late_after");
	struct duration d;

	g->late_ms = (int64_t)LATE_DEFAULT_S * 1000;
	if (!text)
		return 0;
	if (duration_parse(text, &d, err))
		return err_wrap(err, "status.late_after in '%s'", config_path(g->cx->config));
	g->late_ms = duration_seconds(&d) * 1000;
	return 0;
}

static int run_status(struct cmd_context *cx, struct err *err)
{
	const struct status_opts *o = cx->opts;
	struct gather g = {.cx = cx, .now_ms = clock_now_ms(cx->clock)};
	AUTO(account_list_release) struct account_list l = {0};
	AUTO(json_object_put) struct json_object *answer = json_object_new_object();
	AUTO(hook_close) struct hook *hook = NULL;
	bool json = cx->global.json || (o->format && !strcmp(o->format, "json"));
	bool good;

	if (late_after(&g, err) || cmd_accounts(cx, &l, err))
		return -1;
	g.hook = hook = status_open_hook(&g);
	if (fill(&g, &l, answer, err))
		return -1;
	good = !json_object_array_length(g.problems);
	json_set_bool(answer, "healthy", good);
	if (json)
		out_json(cx, json_object_get(answer));
	else if (o->format && !strcmp(o->format, "prometheus"))
		status_prometheus(answer);
	else
		status_show(cx, answer);
	if (!o->check)
		return 0;
	return g.reconnect ? 3 : good ? 0 : 1;
}

static const struct option_spec options[] = {
	OPT_FLAG(0, "check", struct status_opts, check,
		 "exit 1 when something is late or broken, 3 when an account must be connected "
		 "again"),
	OPT_CHOICE(0, "format", struct status_opts, format, "table|json|prometheus",
		   "how to print it (default: table)"),
	OPT_END,
};

const struct cmd cmd_status = {
	.name = "status",
	.synopsis = "[--check] [--format FORMAT]",
	.summary = "show accounts, calendars, what waits, and the last syncs",
	.help = "A selected calendar is late when its last good sync is more than two hours ago\n"
		"(status.late_after in the configuration). A push channel is in trouble when it "
		"has\n"
		"ended, or when no message came over it within ten minutes of its making; all "
		"of\n"
		"them are when the webhook's database cannot be read.\n",
	.options = options,
	.opts_size = sizeof(struct status_opts),
	.needs = NEEDS_STORE,
	.run = run_status,
};
