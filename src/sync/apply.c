/* What one event from Google does to its row: plan_event() decides, the functions here write. */
#include <assert.h>
#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "base/xalloc.h"
#include "base/banned.h"
#include "model/event.h"
#include "model/rights.h"
#include "sync/engine.h"
#include "sync/merge.h"
#include "sync/plan.h"
#include "sync/version.h"

void path_events(struct strbuf *sb, const char *calendar_id, const char *event_id)
{
	strbuf_adds(sb, "calendars/");
	strbuf_add_urlencoded(sb, calendar_id);
	strbuf_adds(sb, "/events");
	if (event_id) {
		strbuf_addc(sb, '/');
		strbuf_add_urlencoded(sb, event_id);
	}
}

bool local_is_newer(const struct engine *e, const struct event *row,
		    const struct json_object *remote)
{
	const char *updated = json_str(remote, "updated");
	struct rfc3339 t;
	struct err ignored;

	if (!updated || rfc3339_parse(updated, &t, &ignored) || !t.has_offset)
		return true;
	return row->changed_ms + google_clock_skew_ms(e->google) >= t.utc * 1000 + t.ms;
}

static enum plan_here here(const struct event *row)
{
	if (!row)
		return HERE_ABSENT;
	switch (row->pending) {
	case PENDING_CREATE:
		return HERE_CREATE;
	case PENDING_UPDATE:
		return HERE_UPDATE;
	case PENDING_DELETE:
		return HERE_DELETE;
	case PENDING_NONE:
		break;
	}
	/* A local-only event that has Google's id all the same: treat it as a create of ours. */
	return row->at_google ? HERE_IN_STEP : HERE_CREATE;
}

static struct version_note note_of(const struct engine *e, const struct event *row,
				   const char *origin)
{
	return (struct version_note){.calendar_id = row->calendar_id,
				     .event_id = row->id,
				     .origin = origin,
				     .at_ms = clock_now_ms(e->clock)};
}

int engine_changed(struct engine *e, const struct event *row, const char *origin,
		   struct json_object *before, const struct json_object *after, struct err *err)
{
	const struct version_note n = note_of(e, row, origin);

	return version_changed(e->store, &n, before, after, err);
}

/* The row is Google's version and nothing waits. */
static int become_remote(struct engine *e, struct event *row, struct json_object *item,
			 struct err *err)
{
	json_object_put(row->resource);
	row->resource = json_clone(item);
	json_object_put(row->base);
	row->base = NULL;
	xstr_set(&row->etag, json_str(item, "etag"));
	row->at_google = true;
	row->hidden = false;
	row->sync_status = SYNC_SYNCED;
	xstr_set(&row->last_error, NULL);
	if (row->pending != PENDING_NONE && store_outbox_delete(e->store, row->rowid, err))
		return -1;
	row->pending = PENDING_NONE;
	if (e->generation)
		row->generation = e->generation;
	return store_event_put(e->store, row, err);
}

static int insert_row(struct engine *e, const struct calendar *c, struct json_object *item,
		      struct err *err)
{
	AUTO(event_release)
	struct event row = {
		.calendar_id = c->id,
		.id = xstrdup(json_str(item, "id")),
		.resource = json_clone(item),
		.etag = xstrdup_null(json_str(item, "etag")),
		.at_google = true,
		.sync_status = SYNC_SYNCED,
		.generation = e->generation,
	};

	return store_event_put(e->store, &row, err) ||
			       engine_changed(e, &row, "google", NULL, item, err)
		       ? -1
		       : 0;
}

/* What waited as a create becomes an update of the event that Google turned out to have. */
static int queue_as_update(struct engine *e, const struct event *row, struct err *err)
{
	AUTO(outbox_release) struct outbox op = {0};
	bool found;

	if (store_outbox_get(e->store, row->rowid, &op, &found, err))
		return -1;
	if (!found) {
		op.event_rowid = row->rowid;
		op.created_ms = row->changed_ms;
	}
	op.op = PENDING_UPDATE;
	return store_outbox_put(e->store, &op, err);
}

/* What the merge replaces here, and of a conflict the version that lost. */
static int note_merge(struct engine *e, const struct event *row, struct json_object *item,
		      const struct merge_result *m, bool local_newer, struct err *err)
{
	const struct version_note lost = note_of(e, row, "google");

	if (!event_equal(row->resource, m->merged) &&
	    engine_changed(e, row, "merge", row->resource, m->merged, err))
		return -1;
	return m->conflicts && local_newer ? version_kept(e->store, &lost, item, err) : 0;
}

/* Merge Google's version into a row whose edit waits. base NULL: there was no common one. */
static int merge_row(struct engine *e, struct event *row, const struct json_object *base,
		     struct json_object *item, struct calendar_result *r, struct err *err)
{
	bool newer = local_is_newer(e, row, item);
	struct merge_result m;

	/* Our own insert, found at Google: what differs was edited here or there since, and the newer
	 * side is right. */
	if (!base && newer)
		base = item;
	merge_event(base, row->resource, item, newer, &m);
	/* An edit beats a delete: of an occurrence that Google cancelled, too. Its status is no
	 * field that the edit changed, so the merge alone would leave it cancelled. */
	if (event_is_cancelled(item) && !event_is_cancelled(row->resource)) {
		json_set_str(m.merged, "status", "confirmed");
		m.local_left = true;
	}
	r->conflicts += m.conflicts > 0;
	if (note_merge(e, row, item, &m, newer, err)) {
		json_object_put(m.merged);
		return -1;
	}
	if (!m.local_left) {
		json_object_put(m.merged);
		return become_remote(e, row, item, err);
	}
	json_object_put(row->resource);
	row->resource = m.merged;
	json_object_put(row->base);
	row->base = json_clone(item);
	xstr_set(&row->etag, json_str(item, "etag"));
	row->at_google = true;
	if (store_event_put(e->store, row, err))
		return -1;
	return queue_as_update(e, row, err);
}

/* Google deleted what was edited here: the edit goes out as an event that Google must get again.
 * An etag on a row that is not at Google says so: the id is taken there, by a tombstone that has
 * to be revived. */
static int revive_row(struct engine *e, struct event *row, const struct json_object *tombstone,
		      struct err *err)
{
	AUTO(outbox_release) struct outbox op = {0};
	const char *etag;
	bool found;

	json_object_put(row->base);
	row->base = NULL;
	row->at_google = false;
	etag = json_str(tombstone, "etag");
	xstr_set(&row->etag, etag ? etag : ETAG_UNKNOWN);
	if (event_is_cancelled(row->resource))
		json_set_str(row->resource, "status", "confirmed");
	if (store_event_put(e->store, row, err) ||
	    store_outbox_get(e->store, row->rowid, &op, &found, err))
		return -1;
	op.event_rowid = row->rowid;
	op.op = PENDING_CREATE;
	return store_outbox_put(e->store, &op, err);
}

/* What is remembered of an occurrence that goes with its series: a changed one as any event, of a
 * cancelled one that it is cancelled, or it would take place when the series is restored. */
static int note_occurrence(struct engine *e, const struct event *row, struct err *err)
{
	const struct version_note n = note_of(e, row, "google");

	if (event_is_cancelled(row->resource))
		return version_kept(e->store, &n, row->resource, err);
	return version_changed(e->store, &n, row->hidden ? NULL : row->resource, NULL, err);
}

/* The exceptions of a series go with their master. */
static int remove_exceptions(struct engine *e, const struct event *master,
			     struct calendar_result *r, struct err *err)
{
	AUTO(event_list_release) struct event_list list = {0};
	struct event_query q = EVENT_QUERY_INIT;

	q.calendar_id = master->calendar_id;
	q.recurring_event_id = master->id;
	q.include_hidden = q.include_cancelled = true;
	if (store_event_list(e->store, &q, &list, err))
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		struct event *row = &list.items[i];

		if (row->pending == PENDING_CREATE || row->pending == PENDING_UPDATE)
			continue; /* an edit beats a delete: Google will say what it thinks of it */
		if (note_occurrence(e, row, err) || store_event_delete(e->store, row->rowid, err))
			return -1;
		r->pulled.deleted += !event_is_cancelled(row->resource);
	}
	return 0;
}

static int remove_row(struct engine *e, struct event *row, struct calendar_result *r,
		      struct err *err)
{
	if (engine_changed(e, row, "google", row->hidden ? NULL : row->resource, NULL, err))
		return -1;
	if (event_is_master(row->resource) && remove_exceptions(e, row, r, err))
		return -1;
	return store_event_delete(e->store, row->rowid, err);
}

int apply_gone(struct engine *e, struct event *row, const struct json_object *tombstone,
	       struct calendar_result *r, struct err *err)
{
	enum plan_action action = plan_event(here(row), REMOTE_GONE);

	/* Only its organizer can bring a meeting back: from us it would be another one, of our own,
	 * with all the guests. What waited goes into the log. */
	if (action == PLAN_REVIVE && !event_is_organized(row->resource)) {
		r->conflicts++;
		action = PLAN_REMOVE;
	}
	log_debug("pull", "event %s: gone at Google: %s", row ? row->id : "-",
		  plan_action_name(action));
	switch (action) {
	case PLAN_REMOVE:
		r->pulled.deleted += !row->hidden && !event_is_cancelled(row->resource);
		return e->options->dry_run ? 0 : remove_row(e, row, r, err);
	case PLAN_REVIVE:
		r->conflicts++;
		return e->options->dry_run ? 0 : revive_row(e, row, tombstone, err);
	default:
		return 0;
	}
}

static int carry_out(struct engine *e, const struct calendar *c, struct event *row,
		     struct json_object *item, enum plan_action action, struct calendar_result *r,
		     struct err *err)
{
	/* Only what is here can be replaced, merged or removed: see plan.h. */
	assert(row || action == PLAN_INSERT || action == PLAN_NOTHING);
	switch (action) {
	case PLAN_INSERT:
		r->pulled.created += !event_is_cancelled(item);
		return e->options->dry_run ? 0 : insert_row(e, c, item, err);
	case PLAN_REPLACE:
		if (event_is_cancelled(item))
			r->pulled.deleted += !event_is_cancelled(row->resource);
		else
			r->pulled.updated++;
		if (e->options->dry_run)
			return 0;
		if (engine_changed(e, row, "google", row->resource, item, err))
			return -1;
		return become_remote(e, row, item, err);
	case PLAN_ADOPT:
		return e->options->dry_run ? 0 : merge_row(e, row, NULL, item, r, err);
	case PLAN_MERGE:
		r->pulled.updated++;
		if (e->options->dry_run)
			return 0;
		return merge_row(e, row, row->base, item, r, err);
	case PLAN_RESTORE:
		r->conflicts++;
		r->pulled.created++;
		if (e->options->dry_run)
			return 0;
		if (engine_changed(e, row, "google", NULL, item, err))
			return -1;
		return become_remote(e, row, item, err);
	default:
		return 0;
	}
}

int apply_item(struct engine *e, const struct calendar *c, struct event *row,
	       struct json_object *item, struct calendar_result *r, struct err *err)
{
	const char *etag = json_str(item, "etag");
	bool same = row && row->etag && etag && !strcmp(row->etag, etag);
	enum plan_action action;

	/* A cancelled occurrence that waits for deletion here is agreed upon. */
	if (row && row->pending == PENDING_DELETE && event_is_cancelled(item))
		return e->options->dry_run ? 0 : become_remote(e, row, item, err);
	action = plan_event(here(row), same ? REMOTE_UNCHANGED : REMOTE_CHANGED);
	if (action != PLAN_NOTHING)
		log_debug("pull", "event %s: %s", json_str(item, "id"), plan_action_name(action));
	return carry_out(e, c, row, item, action, r, err);
}
