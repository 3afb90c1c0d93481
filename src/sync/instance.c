/*
 * Occurrences of series at Google: an instance that nobody changed is only computed there, and has
 * no row here.
 *
 *   edited here   --[look]--> merged with what Google says of it now --[patch, If-Match]--> in step
 *   deleted here  --[look]--> unchanged: delete, If-Match --> a cancelled row
 *                     +-----> changed by somebody: an edit beats a delete
 *
 * The look is an events.get: before it no etag is known that could guard the first write.
 *
 * When the times of a series have changed, Google may have reset exceptions: they are read again.
 */
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "base/banned.h"
#include "ical/recur.h"
#include "model/event.h"
#include "sync/push.h"
#include "sync/split.h"

bool instance_needs_look(const struct job *j)
{
	return event_is_exception(j->row.resource) && !j->row.etag && !j->op.move_from &&
	       (j->op.op == PENDING_UPDATE || j->op.op == PENDING_DELETE);
}

int instance_computed(const struct push *p, const struct json_object *series,
		      const struct json_object *exception, struct json_object **out,
		      struct err *err)
{
	AUTO(occurrence_release) struct occurrence at = {0};
	int64_t start;
	bool found = false;

	*out = NULL;
	if (!event_is_master(series) ||
	    !event_time_utc(json_get(exception, "originalStartTime"), p->c->time_zone, &start))
		return 0;
	if (recur_find(series, p->c->time_zone, start, &at, &found, err))
		return -1;
	if (found)
		*out = split_instance(series, p->c->time_zone, &at);
	return 0;
}

/* --- what the look found ------------------------------------------------------------------- */

int instance_merged(struct push *p, int64_t rowid, const struct json_object *answer,
		    bool was_computed, struct err *err)
{
	AUTO(event_release) struct event now = {0};

	if (store_event_get_row(p->e->store, rowid, &now, err))
		return -1;
	if (now.pending == PENDING_NONE && !event_is_cancelled(answer) && was_computed)
		return store_event_delete(p->e->store, rowid, err); /* as the series says */
	if (now.pending == PENDING_NONE)
		return 0;
	now.at_google = now.at_google && !was_computed;
	/* An answer from before what we know says nothing new: it was looked at all the same. */
	if (!now.etag)
		xstr_set(&now.etag, json_str(answer, "etag"));
	return store_event_put(p->e->store, &now, err);
}

static int write_looked(struct push *p, struct job *j, struct json_object *answer, struct err *err)
{
	AUTO(event_release) struct event now = {0};
	struct calendar_result merged = {0};
	bool was_computed;

	if (store_event_get_row(p->e->store, j->rowid, &now, err))
		return -1;
	if (now.pending == PENDING_DELETE && j->unchanged) {
		xstr_set(&now.etag, json_str(answer, "etag"));
		return store_event_put(p->e->store, &now, err);
	}
	was_computed = !now.at_google;
	if (now.pending == PENDING_DELETE) {
		if (apply_item(p->e, p->c, &now, answer, p->r, err))
			return -1;
		/* An event of its own comes with the next pull; this one may still be computed. */
		return was_computed && now.pending == PENDING_NONE && !event_is_cancelled(answer)
			       ? store_event_delete(p->e->store, j->rowid, err)
			       : 0;
	}
	if (now.pending != PENDING_UPDATE)
		return 0;
	if (apply_item(p->e, p->c, &now, answer, &merged, err))
		return -1;
	p->r->conflicts += merged.conflicts;
	p->r->waiting += merged.waiting;
	return instance_merged(p, j->rowid, answer, was_computed, err);
}

/*
 * Whether nobody has changed an occurrence that is to be deleted: Google says of it what we knew,
 * or what its series says by now.
 */
static int is_unchanged(struct push *p, const struct job *j, const struct json_object *answer,
			bool *out, struct err *err)
{
	const char *id = json_str(answer, "recurringEventId");
	AUTO(json_object_put) struct json_object *series = NULL;
	AUTO(json_object_put) struct json_object *says = NULL;
	struct err gone;

	*out = event_equal(answer, j->row.resource);
	if (*out || !id || event_is_cancelled(answer))
		return 0;
	if (engine_get_event(p->e, p->c->google_id, id, GET_SURELY, &series, &gone)) {
		if (gone.code == ERR_NOT_FOUND || gone.code == ERR_GONE)
			return 0;
		*err = gone;
		return -1;
	}
	if (instance_computed(p, series, answer, &says, err))
		return -1;
	*out = says && event_equal(answer, says);
	return 0;
}

int instance_looked(struct push *p, struct job *j, struct json_object *answer, struct err *err)
{
	j->unchanged = false;
	if (j->op.op == PENDING_DELETE && is_unchanged(p, j, answer, &j->unchanged, err))
		return -1;
	return push_in_transaction(p, j, answer, write_looked, err);
}

/* --- what a delete leaves ------------------------------------------------------------------ */

int instance_cancelled(struct push *p, struct event *row, bool *out_kept, struct err *err)
{
	static const char *const keep[] = {"kind", "id", "recurringEventId", "originalStartTime"};
	const char *id = json_str(row->resource, "recurringEventId");
	AUTO(event_release) struct event series = {0};
	AUTO(json_object_put) struct json_object *says = NULL;
	struct json_object *tombstone;

	*out_kept = false;
	if (!id || store_event_get(p->e->store, row->calendar_id, id, &series, out_kept, err))
		return id ? -1 : 0;
	if (!*out_kept || series.hidden)
		*out_kept = false;
	else if (instance_computed(p, series.resource, row->resource, &says, err))
		return -1;
	*out_kept = says != NULL;
	if (!*out_kept)
		return 0;
	tombstone = json_object_new_object();
	for (size_t i = 0; i < ARRAY_SIZE(keep); i++)
		if (json_get(row->resource, keep[i]))
			json_set(tombstone, keep[i], json_clone(json_get(row->resource, keep[i])));
	json_set_str(tombstone, "status", "cancelled");
	json_object_put(row->resource);
	row->resource = tombstone;
	json_object_put(TAKE(row->base));
	xstr_set(&row->etag, NULL); /* a pull tells */
	xstr_set(&row->last_error, NULL);
	row->generation = 0; /* no listing has shown it so */
	row->at_google = true;
	row->hidden = false;
	row->sync_status = SYNC_SYNCED;
	return store_outbox_delete(p->e->store, row->rowid, err) ||
			       store_event_put(p->e->store, row, err)
		       ? -1
		       : 0;
}

/* --- after a series has changed its times -------------------------------------------------- */

static void note_series(struct push *p, const char *series)
{
	if (!p->reset)
		p->reset = json_object_new_object();
	json_set_bool(p->reset, series, true);
}

void instance_note_other_series(struct push *p, const char *series)
{
	note_series(p, series);
	p->other_series = true;
}

void instance_note_change(struct push *p, const struct job *j, const struct json_object *answer)
{
	static const char *const times[] = {"start", "recurrence"};
	bool changed = false;

	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		changed |= !event_field_equal(times[i], json_get(j->row.base, times[i]),
					      json_get(answer, times[i]));
	if (changed && event_is_master(j->row.base))
		note_series(p, j->row.id);
}

/* The row as it is now: who edited it while it was read has the last word, and the edit goes out.
 * *out false: there is nothing to take. */
static int still_in_step(struct push *p, int64_t rowid, struct event *out_row, bool *out,
			 struct err *err)
{
	struct err why;

	*out = false;
	if (store_event_get_row(p->e->store, rowid, out_row, &why)) {
		if (why.code == ERR_NOT_FOUND)
			return 0;
		*err = why;
		return -1;
	}
	*out = out_row->calendar_id == p->c->id && out_row->pending == PENDING_NONE;
	return 0;
}

static int take_again(struct push *p, int64_t rowid, const struct gresult *result, struct err *err)
{
	AUTO(json_object_put) struct json_object *says = NULL;
	AUTO(event_release) struct event row = {0};
	AUTO(event_release) struct event series = {0};
	struct calendar_result pulled = {0};
	bool take, found;

	if (still_in_step(p, rowid, &row, &take, err))
		return -1;
	if (!take)
		return 0;
	if (result->err.code == ERR_NOT_FOUND || result->err.code == ERR_GONE)
		return apply_gone(p->e, &row, NULL, &pulled, err);
	if (result->err.code != ERR_NONE || !result->json)
		return 0; /* the next pull tells */
	if (store_event_get(p->e->store, row.calendar_id,
			    json_str(row.resource, "recurringEventId"), &series, &found, err))
		return -1;
	if (found && instance_computed(p, series.resource, row.resource, &says, err))
		return -1;
	if (event_is_cancelled(result->json) && !says)
		return apply_gone(p->e, &row, result->json, &pulled, err);
	if (apply_item(p->e, p->c, &row, result->json, &pulled, err))
		return -1;
	/* As its series says: it needs no row. */
	return says && event_equal(result->json, says) ? store_event_delete(p->e->store, rowid, err)
						       : 0;
}

/* A batch of them in one request and one transaction. */
static int read_again(struct push *p, const struct event *rows, size_t count, struct err *err)
{
	struct gresult results[GOOGLE_BATCH_MAX] = {0};
	struct gcall calls[GOOGLE_BATCH_MAX] = {0};
	struct strbuf paths[GOOGLE_BATCH_MAX];
	struct err why;
	int result = 0;

	for (size_t i = 0; i < count; i++) {
		paths[i] = (struct strbuf)STRBUF_INIT;
		path_events(&paths[i], p->c->google_id, rows[i].id);
		calls[i] = (struct gcall){.method = "GET", .path = paths[i].buf};
	}
	if (google_batch(p->e->google, calls, count, results, &why))
		log_info("push", "exceptions are not read again yet: %s", why.msg);
	else if (!(result = store_begin(p->e->store, err))) {
		for (size_t i = 0; i < count && !result; i++)
			result = take_again(p, rows[i].rowid, &results[i], err);
		if (!result)
			result = store_commit(p->e->store, err);
		else
			store_rollback(p->e->store);
	}
	for (size_t i = 0; i < count; i++) {
		gresult_release(&results[i]);
		strbuf_release(&paths[i]);
	}
	return result;
}

int instance_read_again(struct push *p, struct err *err)
{
	if (!p->reset || p->stop)
		return 0;
	json_object_object_foreach (p->reset, series, unused) {
		AUTO(event_list_release) struct event_list list = {0};
		struct event_query q = EVENT_QUERY_INIT;
		size_t n = 0;

		(void)unused;
		q.calendar_id = p->c->id;
		q.recurring_event_id = series;
		q.include_cancelled = true;
		if (store_event_list(p->e->store, &q, &list, err))
			return -1;
		for (size_t i = 0; i < list.count; i++) {
			struct event other = list.items[n];

			if (list.items[i].pending != PENDING_NONE || !list.items[i].at_google)
				continue;
			list.items[n++] = list.items[i];
			list.items[i] = other;
		}
		for (size_t at = 0; at < n; at += GOOGLE_BATCH_MAX)
			if (read_again(p, list.items + at,
				       n - at < GOOGLE_BATCH_MAX ? n - at : GOOGLE_BATCH_MAX, err))
				return -1;
	}
	return 0;
}
