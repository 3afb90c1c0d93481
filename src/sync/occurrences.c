#include "sync/occurrences.h"

#include <string.h>

#include "base/xalloc.h"
#include "base/banned.h"
#include "model/event.h"
#include "sync/engine.h"

static int list(struct store *s, const struct event *series, struct event_list *out,
		struct err *err)
{
	return store_event_occurrences(s, series->calendar_id, series->id, out, err);
}

static int note_cancelled(struct store *s, const struct event *series, const struct event *row,
			  const struct local_options *o, struct err *err)
{
	const struct version_note n = {.calendar_id = row->calendar_id,
				       .event_id = row->id,
				       .origin = "local",
				       .at_ms = series->changed_ms,
				       .command_id = o->command_id};

	return version_kept(s, &n, row->resource, err);
}

static int hide(struct store *s, struct event *row, const struct local_options *o, bool gone,
		struct err *err)
{
	if (local_note_change(s, row, o, row->resource, NULL, err))
		return -1;
	if (gone)
		return store_event_delete(s, row->rowid, err);
	if (row->base) { /* an edit that waited is over */
		json_object_put(row->resource);
		row->resource = TAKE(row->base);
	}
	row->hidden = true;
	row->sync_status = row->at_google ? SYNC_SYNCED : SYNC_LOCAL_ONLY;
	xstr_set(&row->last_error, NULL);
	return store_outbox_delete(s, row->rowid, err) || store_event_put(s, row, err) ? -1 : 0;
}

int occurrences_hide(struct store *s, const struct event *series, const struct local_options *o,
		     bool gone, struct err *err)
{
	AUTO(event_list_release) struct event_list rows = {0};

	if (list(s, series, &rows, err))
		return -1;
	for (size_t i = 0; i < rows.count; i++) {
		struct event *row = &rows.items[i];
		bool cancelled = event_is_cancelled(row->resource);
		int result = 0;

		row->changed_ms = series->changed_ms;
		if (cancelled)
			result = note_cancelled(s, series, row, o, err);
		if (!result && !cancelled && !row->hidden)
			result = hide(s, row, o, gone, err);
		else if (!result && gone)
			result = store_event_delete(s, row->rowid, err);
		if (result)
			return -1;
	}
	return 0;
}

int occurrences_drop(struct store *s, const struct event *series, struct err *err)
{
	AUTO(event_list_release) struct event_list rows = {0};

	if (list(s, series, &rows, err))
		return -1;
	for (size_t i = 0; i < rows.count; i++) {
		const struct event *row = &rows.items[i];

		/* Also when its own delete waits: what that asks for is done. */
		bool gone = row->pending == PENDING_NONE || row->pending == PENDING_DELETE;

		if ((event_is_cancelled(row->resource) || (row->hidden && gone)) &&
		    store_event_delete(s, row->rowid, err))
			return -1;
	}
	return 0;
}

bool occurrence_is_computed(const struct event *row)
{
	return !row->at_google && event_is_exception(row->resource) &&
	       (!row->etag || strcmp(row->etag, ETAG_UNKNOWN) != 0);
}

int occurrences_show(struct store *s, const struct event *series, const struct version_note *how,
		     struct err *err)
{
	AUTO(event_list_release) struct event_list rows = {0};

	if (list(s, series, &rows, err))
		return -1;
	for (size_t i = 0; i < rows.count; i++) {
		struct event *row = &rows.items[i];
		struct version_note n = *how;

		if (!row->hidden || row->pending != PENDING_NONE)
			continue;
		n.calendar_id = row->calendar_id;
		n.event_id = row->id;
		row->hidden = false;
		if (version_changed(s, &n, NULL, row->resource, err) ||
		    (occurrence_is_computed(row) ? store_event_delete(s, row->rowid, err)
						 : store_event_put(s, row, err)))
			return -1;
	}
	return 0;
}
