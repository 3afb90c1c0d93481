#include "sync/sync.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "base/banned.h"
#include "google/google.h"
#include "sync/engine.h"
#include "sync/lock.h"
#include "sync/queue.h"

static void add_counts(struct sync_counts *sum, const struct sync_counts *n)
{
	sum->created += n->created;
	sum->updated += n->updated;
	sum->deleted += n->deleted;
}

int engine_open_google(const struct sync_env *env, const struct account *a,
		       enum google_patience patience, int64_t deadline_ms, bool no_writes,
		       struct google **out, struct err *err)
{
	struct google_options o = {
		.transport = env->transport,
		.clock = env->clock,
		.store = env->store,
		.box = env->box,
		.patience = patience,
		.project_units = env->project_units,
		.no_writes = no_writes,
	};
	AUTO(account_release) struct account now = {0};

	if (deadline_ms) {
		o.timeout_ms = (long)deadline_ms;
		o.deadline_ms = env->clock->mono_ms(env->clock) + deadline_ms;
	}
	/* The row as it is under the caller's lock: a login may have ended, or come, before, and its
	 * name may be another one's by now. */
	if (store_account_get_id(env->store, a->id, &now, err))
		return -1;
	return google_new(&now, &o, out, err);
}

/* --- all calendars of an account ---------------------------------------------------------- */

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
		/* Not selected: not pulled, but edits go out. */
		if (engine_sync_calendar(e, c, e->options->calendar || c->selected, r, out))
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
		out->unreadable += r->unreadable;
	}
}

/* The list of calendars could not be had: those that would have been synced are asked for again. */
static void ask_again(struct engine *e, const struct account *a, const struct err *why)
{
	AUTO(calendar_list_release) struct calendar_list list = {0};
	struct err err;

	if (!queue_may_pass(why))
		return;
	if (store_calendar_list(e->store, a->id, &list, &err)) {
		log_warn("sync", "%s, ignoring", err.msg);
		return;
	}
	for (size_t i = 0; i < list.count; i++) {
		const struct calendar *c = &list.items[i];
		bool meant = e->options->calendar ? !strcmp(e->options->calendar, c->google_id)
						  : c->selected && !c->gone;

		if (meant)
			queue_sync_failed(e->store, e->clock, c, why);
	}
}

static int work(struct engine *e, const struct account *a, struct sync_result *out, struct err *err)
{
	AUTO(account_release) struct account copy = {0};
	int64_t changed;

	if (store_account_get_id(e->store, a->id, &copy, err))
		return -1;
	if (e->options->queued)
		return engine_sync_queued(e, &copy, out, err);
	if (!e->options->dry_run && sync_calendar_list(e->google, e->store, &copy, &changed, err)) {
		if (!e->options->has_window)
			ask_again(e, &copy, err);
		return -1;
	}
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

	if (store_account_get_id(e->store, a->id, &now, err))
		return -1;
	if (out->success && !e->options->calendar && !e->options->has_window && !e->options->queued)
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
	if (!write_outcome(e, a, started_ms, out, err) &&
	    (!e->google || !google_return_units(e->google, err)))
		return store_commit(e->store, err);
	store_rollback(e->store);
	return -1;
}

/* --- the log of versions ------------------------------------------------------------------ */

#define PRUNED_KEY "history_pruned_ms"
#define PRUNE_MS   (24LL * 60 * 60 * 1000) /* not oftener: what is a day too old does no harm */

static int prune_now(struct store *s, int64_t before_ms, int64_t now_ms, struct err *err)
{
	char text[24];

	snprintf(text, sizeof(text), "%lld", (long long)now_ms);
	if (store_begin(s, err))
		return -1;
	if (!store_history_prune(s, before_ms, err) && !store_meta_set(s, PRUNED_KEY, text, err))
		return store_commit(s, err);
	store_rollback(s);
	return -1;
}

/* Forget what is too old. Nothing is written when there is none, or within a day of the last time
 * (a clock that went back counts as another day). */
static int prune(const struct sync_env *env, struct err *err)
{
	AUTO(free) char *text = NULL;
	int64_t now = clock_now_ms(env->clock);
	int64_t before = now - env->history_ms;
	int64_t last;
	bool due;

	if (store_meta_get(env->store, PRUNED_KEY, &text, err))
		return -1;
	last = text ? strtoll(text, NULL, 10) : 0;
	if (last <= now && now - last < PRUNE_MS)
		return 0;
	if (store_history_due(env->store, before, &due, err))
		return -1;
	return due ? prune_now(env->store, before, now, err) : 0;
}

/* Nothing was done that is worth a line in the log of runs: what is due could not be sent. */
static bool was_idle(const struct sync_result *out)
{
	for (size_t i = 0; i < out->calendar_count; i++)
		if (!out->calendars[i].success)
			return false;
	return !out->requests;
}

static int sync_locked(const struct sync_env *env, const struct account *account,
		       const struct sync_options *o, struct sync_result *out, struct err *err)
{
	AUTO(account_lock_free) struct account_lock *lock = NULL;
	AUTO(google_free) struct google *google = NULL;
	struct engine e = {.store = env->store, .clock = env->clock, .options = o};
	int64_t started_ms = clock_now_ms(env->clock);
	struct err late;
	int result;

	if (account_lock_take(store_path(env->store), account->id, env->clock, o->wait_ms, &lock,
			      err) ||
	    engine_open_google(env, account, o->queued ? GOOGLE_BRISK : GOOGLE_PATIENT, 0,
			       o->dry_run, &google, err))
		return -1;
	e.google = google;
	out->success = true;
	result = work(&e, account, out, err);
	sum_up(out);
	if (store_conflict_count(env->store, account->id, &out->conflicts_waiting, &late))
		log_warn("sync", "cannot count the conflicts that wait: %s, ignoring", late.msg);
	out->requests = google_requests(google);
	if (result) {
		out->success = false;
		out->err = *err;
	}
	if (o->dry_run || (o->queued && !result && was_idle(out)))
		return result;
	if (save_outcome(&e, account, started_ms, out, &late) && !result) {
		*err = late;
		return -1;
	}
	if (env->history_ms && prune(env, &late))
		log_warn("sync", "cannot forget old versions: %s, ignoring", late.msg);
	return result;
}

int sync_account(const struct sync_env *env, const struct account *account,
		 const struct sync_options *o, struct sync_result *out, struct err *err)
{
	bool any = true;

	memset(out, 0, sizeof(*out));
	out->account = xstrdup(account->name);
	if (!account_check_state(account, err) &&
	    !(o->queued && engine_is_queued(env, account, &any, err))) {
		if (!any) { /* no lock, no request */
			out->success = true;
			return 0;
		}
		if (!sync_locked(env, account, o, out, err))
			return 0;
	}
	out->success = false;
	out->err = *err;
	return -1;
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
