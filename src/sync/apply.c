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
#include "sync/plan.h"
#include "sync/version.h"

/* How far Google's clock may be off from what its answers say. */
#define SKEW_MS (60 * 60 * 1000LL)

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

static int64_t time_member(const struct json_object *resource, const char *name)
{
	const char *text = json_str(resource, name);
	struct rfc3339 t;
	struct err ignored;

	if (!text || rfc3339_parse(text, &t, &ignored) || !t.has_offset)
		return INT64_MIN;
	return t.utc * 1000 + t.ms;
}

int64_t remote_updated_ms(const struct json_object *resource)
{
	return time_member(resource, "updated");
}

bool remote_edited_since_made(const struct json_object *resource)
{
	int64_t created = time_member(resource, "created"), updated = remote_updated_ms(resource);

	return created != INT64_MIN && updated != INT64_MIN && updated - created >= 1000;
}

bool remote_made_ms(const struct engine *e, const struct json_object *remote, int64_t *out)
{
	int64_t ms = remote_updated_ms(remote);

	if (ms == INT64_MIN)
		return false;
	*out = ms - google_clock_skew_ms(e->google);
	return true;
}

bool local_is_newer(const struct engine *e, const struct event *row,
		    const struct json_object *remote)
{
	int64_t made_ms;

	return !remote_made_ms(e, remote, &made_ms) || row->changed_ms >= made_ms;
}

/* An edit that waits for a person says so in its outbox entry alone. */
static int here_update(struct engine *e, const struct event *row, enum plan_here *out,
		       struct err *err)
{
	AUTO(outbox_release) struct outbox op = {0};
	bool found;

	if (store_outbox_get(e->store, row->rowid, &op, &found, err))
		return -1;
	*out = found && op.state == OUTBOX_CONFLICT ? HERE_CONFLICT : HERE_UPDATE;
	return 0;
}

static int here(struct engine *e, const struct event *row, enum plan_here *out, struct err *err)
{
	if (!row) {
		*out = HERE_ABSENT;
		return 0;
	}
	switch (row->pending) {
	case PENDING_CREATE: /* an etag on what is not at Google is that of a tombstone there */
		*out = row->etag ? HERE_REVIVE : HERE_CREATE;
		break;
	case PENDING_UPDATE:
		return here_update(e, row, out, err);
	case PENDING_DELETE:
		*out = HERE_DELETE;
		break;
	case PENDING_NONE:
		*out = row->at_google ? HERE_IN_STEP : HERE_LOCAL_ONLY;
		break;
	}
	return 0;
}

/* An answer may come from a server that is behind the one that we heard last, and show an event as
 * it was: what we know is newer, and what is newer still comes with the next sync token. A time
 * that has not come yet is none: it would keep every true version away. Reminders change without
 * it: which of two that say the same is the newer one the sync token tells, and a window has
 * none. */
static bool is_older(const struct engine *e, const struct calendar *c, const struct event *row,
		     const struct json_object *item)
{
	bool token_tells = e->alive && e->options->has_window && c->sync_token;
	int64_t now = clock_now_ms(e->clock) + google_clock_skew_ms(e->google);
	int64_t had = remote_updated_ms(row->resource), has = remote_updated_ms(item);

	return has != INT64_MIN && (has < had || (has == had && token_tells)) &&
	       had <= now + SKEW_MS;
}

/* What Google says of an event that it shows. */
static enum plan_remote there(const struct engine *e, const struct calendar *c,
			      const struct event *row, const struct json_object *item)
{
	const char *etag = json_str(item, "etag");

	if (row && ((row->etag && etag && !strcmp(row->etag, etag)) || is_older(e, c, row, item)))
		return REMOTE_UNCHANGED;
	return event_is_cancelled(item) ? REMOTE_CANCELLED : REMOTE_CHANGED;
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

int row_become_remote(struct engine *e, struct event *row, struct json_object *item,
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

/* What is remembered of an occurrence that goes with its series: a changed one as any event, of a
 * cancelled one that it is cancelled, or it would take place when the series is restored. When the
 * delete of the series waited here, all that is in the log since then. */
static int note_occurrence(struct engine *e, const struct event *master, const struct event *row,
			   struct err *err)
{
	const struct version_note n = note_of(e, row, "google");

	if (event_is_cancelled(row->resource))
		return master->hidden ? 0 : version_kept(e->store, &n, row->resource, err);
	return version_changed(e->store, &n, row->hidden ? NULL : row->resource, NULL, err);
}

/* An edit beats a delete, of a changed occurrence that of its series, too: Google then shows it
 * without its series. */
static bool outlives_series(const struct engine *e, const struct event *row)
{
	if (row->pending == PENDING_CREATE || row->pending == PENDING_UPDATE)
		return true; /* Google will say what it thinks of it */
	if (event_is_cancelled(row->resource) || row->hidden)
		return false;
	return json_has(e->alive, row->id) || (e->generation && row->generation == e->generation);
}

/* The exceptions of a series go with their master. */
static int remove_exceptions(struct engine *e, const struct event *master,
			     struct calendar_result *r, struct err *err)
{
	AUTO(event_list_release) struct event_list list = {0};

	if (store_event_occurrences(e->store, master->calendar_id, master->id, &list, err))
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		struct event *row = &list.items[i];

		if (outlives_series(e, row))
			continue;
		if (note_occurrence(e, master, row, err) ||
		    store_event_delete(e->store, row->rowid, err))
			return -1;
		r->pulled.deleted += !event_is_cancelled(row->resource);
	}
	return 0;
}

int apply_series_gone(struct engine *e, int64_t calendar_id, const char *id,
		      struct calendar_result *r, struct err *err)
{
	const struct event series = {.calendar_id = calendar_id, .id = (char *)id};

	return e->options->dry_run ? 0 : remove_exceptions(e, &series, r, err);
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

static void log_plan(const char *id, enum plan_here h, enum plan_remote r, enum plan_action action)
{
	if (action != PLAN_NOTHING)
		log_debug("pull", "event %s: %s here, %s there: %s", id, plan_here_name(h),
			  plan_remote_name(r), plan_action_name(action));
}

int apply_gone(struct engine *e, struct event *row, const struct json_object *tombstone,
	       struct calendar_result *r, struct err *err)
{
	enum plan_action action;
	enum plan_here h;

	if (here(e, row, &h, err))
		return -1;
	action = plan_event(h, REMOTE_GONE);
	/* Only its organizer can bring a meeting back: from us it would be another one, of our own,
	 * with all the guests. What waited goes into the log. */
	if (action == PLAN_REVIVE && !event_is_organized(row->resource)) {
		r->conflicts++;
		action = PLAN_REMOVE;
	}
	log_plan(row->id, h, REMOTE_GONE, action);
	switch (action) {
	case PLAN_REMOVE:
		r->pulled.deleted += !row->hidden && !event_is_cancelled(row->resource);
		return e->options->dry_run ? 0 : remove_row(e, row, r, err);
	case PLAN_REVIVE:
		return reconcile_revive(e, row, tombstone, r, err);
	default:
		return 0;
	}
}

static int replace_row(struct engine *e, struct event *row, struct json_object *item,
		       struct calendar_result *r, struct err *err)
{
	if (event_is_cancelled(item))
		r->pulled.deleted += !row->hidden && !event_is_cancelled(row->resource);
	else
		r->pulled.updated++;
	if (e->options->dry_run)
		return 0;
	if (engine_changed(e, row, "google", row->hidden ? NULL : row->resource, item, err))
		return -1;
	return row_become_remote(e, row, item, err);
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
		return replace_row(e, row, item, r, err);
	case PLAN_ADOPT:
	case PLAN_MERGE:
	case PLAN_REINSTATE:
		return reconcile_merge(e, row, row->base, item, r, err);
	case PLAN_RESTORE:
		return reconcile_restore(e, row, item, r, err);
	case PLAN_AGREE:
		return e->options->dry_run ? 0 : row_become_remote(e, row, item, err);
	case PLAN_NOTHING:
	case PLAN_REMOVE: /* of what is gone: apply_gone() */
	case PLAN_REVIVE:
		break;
	}
	return 0;
}

int apply_item(struct engine *e, const struct calendar *c, struct event *row,
	       struct json_object *item, struct calendar_result *r, struct err *err)
{
	enum plan_remote remote = there(e, c, row, item);
	enum plan_action action;
	enum plan_here h;
	struct err why;
	bool aside = false;

	if (aside_check(item, &why))
		return aside_set(e, c, row, item, &why, r, err);
	if (here(e, row, &h, err) || (row && aside_is(e, row, &aside, err)))
		return -1;
	if (aside) { /* that ends here */
		row->sync_status = SYNC_LOCAL_ONLY;
		xstr_set(&row->last_error, NULL);
		if (remote == REMOTE_UNCHANGED)
			remote = event_is_cancelled(item) ? REMOTE_CANCELLED : REMOTE_CHANGED;
	}
	action = plan_event(h, remote);
	log_plan(json_str(item, "id"), h, remote, action);
	return carry_out(e, c, row, item, action, r, err);
}
