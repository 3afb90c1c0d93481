/*
 * What Google sends and nobody can read: the event is set aside with what is wrong, and everything
 * else goes on. Its row has the status error.
 *
 * A1  It is never sent: an event without a change that waits cannot be changed here, and a change
 *     that waits goes on waiting (still 'queued', which no refused one is) until Google's version can
 *     be read and merged.
 * A2  What was here is shown on, with the times of the new version when those can be read.
 * A3  The next version that can be read ends it, also one with the same etag: apply_item() asks
 *     aside_is().
 */
#include <string.h>

#include "base/log.h"
#include "base/salvage.h"
#include "base/xalloc.h"
#include "base/banned.h"
#include "model/event.h"
#include "model/readable.h"
#include "sync/engine.h"
#include "sync/occurrences.h"

int aside_check(const struct json_object *item, struct err *why)
{
	const char *damage = json_damage(item);

	if (damage)
		return err_set(why, ERR_GOOGLE, "%s", damage);
	return event_readable(item, why);
}

int aside_is(struct engine *e, const struct event *row, bool *out, struct err *err)
{
	AUTO(outbox_release) struct outbox op = {0};
	bool found;

	*out = row->sync_status == SYNC_ERROR;
	if (!*out || row->pending == PENDING_NONE)
		return 0;
	if (store_outbox_get(e->store, row->rowid, &op, &found, err))
		return -1;
	*out = found && op.state == OUTBOX_QUEUED;
	return 0;
}

static char *explain(const struct err *why)
{
	return xasprintf("Google's version of the event cannot be read: %s", why->msg);
}

static int insert_aside(struct engine *e, const struct calendar *c, const struct json_object *item,
			const struct err *why, struct err *err)
{
	AUTO(event_release)
	struct event row = {
		.calendar_id = c->id,
		.id = xstrdup(json_str(item, "id")),
		.resource = event_readable_part(item),
		.etag = xstrdup_null(json_str(item, "etag")),
		.at_google = true,
		.sync_status = SYNC_ERROR,
		.last_error = explain(why),
		.generation = e->generation,
	};

	if (store_event_put(e->store, &row, err))
		return -1;
	return engine_changed(e, &row, "google", NULL, row.resource, err);
}

/* As much of the new version as says when the event is, if it does; else what was here. */
static int show(struct engine *e, struct event *row, const struct json_object *item,
		struct err *err)
{
	AUTO(json_object_put) struct json_object *part = event_readable_part(item);
	struct err ignored;

	if (event_readable(part, &ignored) && !event_readable(row->resource, &ignored))
		return 0;
	if (!event_equal(row->resource, part) &&
	    engine_changed(e, row, "google", row->hidden ? NULL : row->resource, part, err))
		return -1;
	json_object_put(row->resource);
	row->resource = TAKE(part);
	return 0;
}

/* Nothing waits, or a delete: an edit beats it, whatever it says. */
static int set_row_aside(struct engine *e, struct event *row, const struct json_object *item,
			 const struct err *why, struct err *err)
{
	const struct version_note how = {.origin = "google", .at_ms = clock_now_ms(e->clock)};
	bool comes_back = row->hidden && event_is_master(row->resource);

	if (show(e, row, item, err) || (comes_back && occurrences_show(e->store, row, &how, err)))
		return -1;
	if (row->pending != PENDING_NONE && store_outbox_delete(e->store, row->rowid, err))
		return -1;
	row->pending = PENDING_NONE;
	row->hidden = false;
	row->at_google = true;
	row->sync_status = SYNC_ERROR;
	free(row->last_error);
	row->last_error = explain(why);
	xstr_set(&row->etag, json_str(item, "etag"));
	if (e->generation)
		row->generation = e->generation;
	return store_event_put(e->store, row, err);
}

/* The edit, and the base that it was made on, stay as they are. */
static int set_edit_aside(struct engine *e, struct event *row, const struct err *why,
			  struct err *err)
{
	AUTO(outbox_release) struct outbox op = {0};
	bool found;

	if (store_outbox_get(e->store, row->rowid, &op, &found, err))
		return -1;
	if (!found || op.state != OUTBOX_QUEUED)
		return 0; /* it goes nowhere as it is */
	row->sync_status = SYNC_ERROR;
	free(row->last_error);
	row->last_error = explain(why);
	xstr_set(&op.last_error, row->last_error);
	return store_outbox_put(e->store, &op, err) || store_event_put(e->store, row, err) ? -1 : 0;
}

/* Said before, of the same version. */
static bool is_known(const struct event *row, const struct json_object *item, const struct err *why)
{
	AUTO(free) char *text = explain(why);
	const char *etag = json_str(item, "etag");

	return row->sync_status == SYNC_ERROR && row->pending == PENDING_NONE && etag &&
	       row->etag && !strcmp(row->etag, etag) && row->last_error &&
	       !strcmp(row->last_error, text);
}

int aside_set(struct engine *e, const struct calendar *c, struct event *row,
	      const struct json_object *item, const struct err *why, struct calendar_result *r,
	      struct err *err)
{
	log_warn("pull", "calendar '%s': event '%s' cannot be read: %s", c->summary,
		 json_str(item, "id"), why->msg);
	r->unreadable++;
	if (e->options->dry_run || (row && is_known(row, item, why)))
		return 0;
	if (!row)
		return insert_aside(e, c, item, why, err);
	if (row->pending == PENDING_NONE || row->pending == PENDING_DELETE)
		return set_row_aside(e, row, item, why, err);
	return set_edit_aside(e, row, why, err);
}
