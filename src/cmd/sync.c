/* `sync`: one account or all of them, several at a time, and one answer for the whole. */
#include "cmd/sync_report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "base/xalloc.h"
#include "cmd/context.h"
#include "cmd/jobs.h"
#include "cmd/hook_trouble.h"
#include "cmd/output.h"
#include "cmd/push.h"
#include "cmd/window.h"
#include "store/channel.h"
#include "sync/wakes.h"
#include "base/banned.h"

struct sync_opts {
	bool all, queued, full, dry_run, exit_code;
	const char *calendar, *start, *end, *conflict;
	struct int_value jobs, wait, allow_deletes;
};

#define LEFTOVERS_MS  10000 /* for all old channels of an account */
#define QUEUED_WAIT_S 30 /* a sync that runs may be over soon, and serves nobody who asked since */

/* --- what to do -------------------------------------------------------------------------- */

/* The zone that --start and --end are read in: the calendar's when one is named. */
static int window_zone(struct cmd_context *cx, const struct sync_opts *o, int64_t account_id,
		       char **out, struct err *err)
{
	AUTO(calendar_release) struct calendar c = {0};

	if (o->calendar && cmd_calendar(cx, account_id, o->calendar, &c, err)) {
		if (account_id || err->code != ERR_AMBIGUOUS)
			return -1;
		c.time_zone = NULL; /* every account has a 'primary': no one zone */
	}
	*out = xstrdup(c.time_zone ? c.time_zone : zone_system());
	return 0;
}

static int parse_window(struct cmd_context *cx, const struct sync_opts *o, int64_t account_id,
			struct sync_options *out, struct err *err)
{
	AUTO(free) char *zone = NULL;
	int64_t now = clock_now_ms(cx->clock) / 1000;
	struct window w;

	if (!o->start && !o->end)
		return 0;
	if (!o->start || !o->end)
		return err_set(err, ERR_USAGE, "--start and --end go together");
	if (window_zone(cx, o, account_id, &zone, err) ||
	    window_parse(o->start, o->end, zone, now, &w, err))
		return -1;
	out->has_window = true;
	out->start_utc = w.start_utc;
	out->end_utc = w.end_utc;
	return 0;
}

/* The accounts, and on which calendar of each ("" = all selected ones). */
struct plan {
	struct account_list accounts;
	char **calendars; /* one an account; NULL = every selected one */
	struct sync_options options;
};

static void plan_release(struct plan *p)
{
	for (size_t i = 0; p->calendars && i < p->accounts.count; i++)
		free(p->calendars[i]);
	free(p->calendars);
	account_list_release(&p->accounts);
}
DEFINE_AUTO_VALUE(struct plan, plan_release)

/* Under --all a disconnected account is left alone: that is what the user wanted of it. */
static void drop_disconnected(struct account_list *l)
{
	size_t kept = 0;

	for (size_t i = 0; i < l->count; i++) {
		if (l->items[i].state == ACCOUNT_DISCONNECTED)
			account_release(&l->items[i]);
		else
			l->items[kept++] = l->items[i];
	}
	l->count = kept;
}

/* account.default says whom to take when one is needed: for the queue none is. */
static bool takes_any_account(const struct cmd_context *cx, const struct sync_opts *o)
{
	const char *env = getenv("CALSYNC_ACCOUNT");

	return o->all || (o->queued && !cx->global.account && !(env && *env));
}

static int choose_accounts(struct cmd_context *cx, const struct sync_opts *o,
			   struct account_list *out, struct err *err)
{
	struct account one = {0};

	/* What is queued waits while its login is dead: nothing is to be reported. */
	if (o->queued && takes_any_account(cx, o))
		return store_queue_accounts(cx->store, clock_now_ms(cx->clock), out, err);
	if (o->all) {
		if (store_account_list(cx->store, out, err))
			return -1;
		drop_disconnected(out);
		if (!out->count)
			return err_set(err, ERR_NOT_CONNECTED,
				       "no account is connected; run 'calsync connect'");
		return 0;
	}
	if (cmd_account(cx, &one, err))
		return -1;
	out->items = xcalloc(1, sizeof(*out->items));
	out->items[0] = one;
	out->count = 1;
	return 0;
}

/* With --all --calendar C the accounts that have no C are left out; one must have it. */
static int choose_calendars(struct cmd_context *cx, const struct sync_opts *o, struct plan *p,
			    struct err *err)
{
	size_t kept = 0;

	p->calendars = xcalloc(p->accounts.count, sizeof(*p->calendars));
	for (size_t i = 0; o->calendar && i < p->accounts.count; i++) {
		struct account *a = &p->accounts.items[i];
		AUTO(calendar_release) struct calendar c = {0};

		if (cmd_calendar(cx, a->id, o->calendar, &c, err)) {
			if (!o->all || err->code != ERR_NOT_FOUND)
				return -1;
			account_release(a);
			memset(a, 0, sizeof(*a));
			continue;
		}
		p->calendars[kept] = xstrdup(c.google_id);
		if (kept != i) {
			p->accounts.items[kept] = *a;
			memset(a, 0, sizeof(*a));
		}
		kept++;
	}
	if (!o->calendar)
		return 0;
	p->accounts.count = kept;
	if (!kept)
		return err_set(err, ERR_NOT_FOUND, "no account has a calendar '%s'", o->calendar);
	return 0;
}

static int check_options(const struct cmd_context *cx, const struct sync_opts *o, struct err *err)
{
	if (o->queued && (o->full || o->calendar || o->start || o->end))
		return err_set(err, ERR_USAGE,
			       "--queued takes what the queue holds: no --calendar, --start, "
			       "--end, --full");
	if (o->all && cx->global.account)
		return err_set(err, ERR_USAGE, "--all and --account exclude each other");
	if (o->full && (o->start || o->end))
		return err_set(err, ERR_USAGE, "--full syncs everything: it takes no window");
	return 0;
}

static int make_plan(struct cmd_context *cx, const struct sync_opts *o, struct plan *p,
		     struct err *err)
{
	if (choose_accounts(cx, o, &p->accounts, err) || choose_calendars(cx, o, p, err))
		return -1;
	p->options.full = o->full;
	p->options.dry_run = o->dry_run;
	p->options.queued = o->queued;
	p->options.wait_ms = (o->queued && !o->wait.given ? QUEUED_WAIT_S : o->wait.n) * 1000;
	p->options.allow_deletes = o->allow_deletes.n;
	if (cmd_conflict_policy(cx, &p->options.conflict, err))
		return -1;
	if (o->conflict) /* one of the option's words */
		conflict_policy_parse(o->conflict, &p->options.conflict);
	return parse_window(cx, o, p->accounts.count == 1 ? p->accounts.items[0].id : 0,
			    &p->options, err);
}

/* --- notifications ------------------------------------------------------------------------ */

/* What Google announced is in the queue from here on. A run that fails in that leaves it to the
 * next one and does the rest, but all is not well: *out says so. */
static void absorb(struct cmd_context *cx, const struct wake_scope *scope, struct err *out)
{
	AUTO(free) char *hook_path = cmd_webhook_db_path(cx);
	struct err err;

	if (!wakes_absorb(cx->store, cx->clock, hook_path, scope, &err))
		return;
	hook_explain(hook_path, &err);
	*out = err;
}

/* Who starts syncs is told when the queue is due next. Jobs have closed our store. */
static void note_next(struct cmd_context *cx, const char *db)
{
	AUTO(free) char *hook_path = cmd_webhook_db_path(cx);
	struct err err;

	if ((!cx->store && store_open(db, 0, &cx->store, &err)) ||
	    wakes_note_next(cx->store, cx->clock, hook_path, &err))
		log_warn("sync", "the next try of what failed is left to a timer: %s, ignoring",
			 err.msg);
}

/* A window is not the calendar: who announced a change is not served by it. */
static bool serves_notifications(const struct sync_opts *o)
{
	return !o->dry_run && !o->start && !o->end;
}

/* --- doing it ---------------------------------------------------------------------------- */

/* What watch, stop-watch and renew-watches could not stop. No part of the sync: renew-watches tries
 * again, too, and in the end it ends by itself. */
static void stop_leftovers(struct cmd_context *cx, const struct account *a,
			   const struct sync_options *o, struct sync_result *result)
{
	AUTO(channel_list_release) struct channel_list channels = {0};
	AUTO(channels_result_release) struct channels_result r = {0};
	struct channels_options options = {.patience = GOOGLE_ONCE, .deadline_ms = LEFTOVERS_MS};
	bool any = false;
	struct err err = {0};

	if (o->dry_run || o->queued || o->has_window || o->calendar)
		return;
	if (store_channel_list(cx->store, a->id, &channels, &err))
		log_info("sync", "%s, ignoring", err.msg);
	for (size_t i = 0; i < channels.count; i++)
		any |= channels.items[i].state != CHANNEL_ACTIVE;
	if (any && push_run(cx, a, &options, &r, &err))
		log_info("sync", "old push channels are not stopped yet: %s, ignoring", err.msg);
	result->requests += r.requests;
}

/* The i-th account of the plan. */
static struct json_object *sync_one(struct cmd_context *cx, size_t i, void *plan)
{
	const struct plan *p = plan;
	const struct account *a = &p->accounts.items[i];
	struct sync_options o = p->options;
	AUTO(sync_result_release) struct sync_result result = {0};
	struct sync_env env = {.store = cx->store, .clock = cx->clock};
	struct err err = {0};

	o.calendar = p->calendars[i];
	if (cmd_sync_env(cx, &env, &err)) {
		result.account = xstrdup(a->name);
		result.err = err;
		if (!o.dry_run)
			sync_note_failure(&env, a, &result);
	} else if (sync_account(&env, a, &o, &result, &err)) {
		result.success = false;
		result.err = err;
	} else {
		stop_leftovers(cx, a, &o, &result);
	}
	return sync_result_json(&result);
}

static struct json_object *not_synced(size_t i, const struct err *why, void *plan)
{
	const struct plan *p = plan;
	struct sync_result failed = {.account = p->accounts.items[i].name, .err = *why};

	return sync_result_json(&failed);
}

static int run_sync(struct cmd_context *cx, struct err *err)
{
	const struct sync_opts *o = cx->opts;
	AUTO(plan_release) struct plan p = {0};
	AUTO(json_object_put) struct json_object *accounts = NULL;
	AUTO(free) char *db = xstrdup(store_path(cx->store));
	AUTO(free) char *hook_path = cmd_webhook_db_path(cx);
	struct jobs jobs = {.at_once = o->jobs.given ? (size_t)o->jobs.n : JOBS_DEFAULT,
			    .arg = &p,
			    .run = sync_one,
			    .failed = not_synced};
	bool everything = takes_any_account(cx, o) && !o->calendar;
	struct sync_reporting how = {
		.dry_run = o->dry_run, .exit_code = o->exit_code, .queued = o->queued};

	if (check_options(cx, o, err))
		return -1;
	/* Before it is looked who has something queued. */
	if (everything && serves_notifications(o))
		absorb(cx, NULL, &how.notifications);
	if (make_plan(cx, o, &p, err))
		return -1;
	if (!everything && serves_notifications(o)) {
		struct wake_scope mine = {.accounts = &p.accounts, .calendars = p.calendars};

		absorb(cx, &mine, &how.notifications);
	} else if (o->queued && serves_notifications(o) && how.notifications.code == ERR_NONE) {
		p.options.makes_way = hook_path;
	}
	jobs.count = p.accounts.count;
	accounts = jobs_run(cx, &jobs);
	/* The same database: its trouble is told once. */
	if (!o->dry_run && how.notifications.code == ERR_NONE)
		note_next(cx, db);
	return sync_report(cx, accounts, &how);
}

static const struct option_spec options[] = {
	OPT_FLAG(0, "all", struct sync_opts, all, "every connected account"),
	OPT_FLAG(0, "queued", struct sync_opts, queued,
		 "only what the queue holds and is due, of every account"),
	OPT_STRING(0, "calendar", struct sync_opts, calendar, "CALENDAR",
		   "this calendar alone, selected or not"),
	OPT_STRING(0, "start", struct sync_opts, start, "TIME",
		   "with --end: only events in this window"),
	OPT_STRING(0, "end", struct sync_opts, end, "TIME", "the window's end; a day is included"),
	OPT_FLAG(0, "full", struct sync_opts, full, "forget sync tokens: compare everything"),
	OPT_FLAG('n', "dry-run", struct sync_opts, dry_run,
		 "read and plan, change nothing anywhere"),
	OPT_CHOICE(0, "conflict", struct sync_opts, conflict, "merge|newest|local|remote|manual",
		   "who wins a field that both sides changed (default merge)"),
	OPT_INT('j', "jobs", struct sync_opts, jobs, "N", 1, 64, "accounts at a time (default: 4)"),
	OPT_INT(0, "wait", struct sync_opts, wait, "SECONDS", 0, 86400,
		"wait for another sync of the account to end"),
	OPT_INT(0, "allow-deletes", struct sync_opts, allow_deletes, "N", 0, INT32_MAX,
		"let a full sync remove up to N events that Google no longer has"),
	OPT_FLAG(0, "exit-code", struct sync_opts, exit_code, "exit with 8 when anything changed"),
	OPT_END,
};

const struct cmd cmd_sync = {
	.name = "sync",
	.synopsis = "[OPTION]...",
	.summary = "exchange changes with Google Calendar",
	.help = "Both directions: what waits here is sent, what changed at Google is fetched. "
		"Exit\n"
		"status 3 means that an account must be connected again, 4 to try later, 7 that "
		"some\n"
		"accounts or calendars went well and others did not, or that what Google\n"
		"announced could not be read.\n"
		"\n"
		"What each side changed alone is merged. Where both changed the same field, the\n"
		"newer edit wins under 'merge' and 'newest' ('merge' also looks into guests and\n"
		"extended properties), the named side under 'local' and 'remote'; under 'manual'\n"
		"both versions stay until 'calsync conflicts resolve', and the exit status is 6.\n"
		"An edit always beats a delete.\n"
		"\n"
		"Everything that waits is sent, whenever its next try was due; only what Google\n"
		"refused, what --no-sync holds and what waits for a decision stays. --queued "
		"keeps\n"
		"to the times of the next tries, fetches the calendars that were asked for alone\n"
		"('calsync queue' shows it all), and asks Google nothing when nothing is due.\n",
	.options = options,
	.opts_size = sizeof(struct sync_opts),
	.needs = NEEDS_STORE,
	.run = run_sync,
};
