/* A row becomes another event at Google, with an id of its own; what belongs to it goes along. */
#include "sync/push.h"

#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "base/xalloc.h"
#include "base/banned.h"
#include "google/event_id.h"
#include "model/event.h"

/* A row goes on under another id, and its log with it. To those who follow what changes the old one
 * is gone, and a new one is there. */
static int rename_row(struct push *p, struct event *row, const char *id, struct err *err)
{
	struct json_object *seen = row->hidden ? NULL : row->resource;

	if (!strcmp(row->id, id))
		return store_event_put(p->e->store, row, err);
	if (store_history_rename(p->e->store, row->calendar_id, row->id, id, err) ||
	    engine_changed(p->e, row, "google", seen, NULL, err))
		return -1;
	xstr_set(&row->id, id);
	json_set_str(row->resource, "id", id);
	if (engine_changed(p->e, row, "google", NULL, seen ? row->resource : NULL, err))
		return -1;
	return store_event_put(p->e->store, row, err);
}

/* A conference stays with the event that it was made for: that of the series is the occurrence's,
 * too, or it asks for one of its own. */
static void renew_conference(struct event *row)
{
	AUTO(json_object_put)
	struct json_object *had = json_object_get(json_get(row->resource, "conferenceData"));
	struct json_object *of_series = json_get(row->base, "conferenceData");

	event_new_conference(row->resource, of_series ? NULL : had);
	if (had && of_series)
		json_set(row->resource, "conferenceData", json_clone(of_series));
}

/* A changed occurrence of a series that is another one at Google now, which knows it by the id of
 * that series. */
static int follow_series(struct push *p, struct event *row, const struct event *series,
			 const char *old, struct err *err)
{
	AUTO(outbox_release) struct outbox op = {0};
	size_t n = strlen(old);
	AUTO(free) char *own = NULL;
	enum room room = ROOM_FREE;
	bool found;

	if (strncmp(row->id, old, n) != 0 || row->id[n] != '_')
		return 0; /* of a split series, whose occurrences are named after the one before */
	if (store_outbox_get(p->e->store, row->rowid, &op, &found, err))
		return -1;
	own = xasprintf("%s%s", series->id, row->id + n);
	if (strcmp(own, row->id) != 0 && push_make_room(p, row, row->calendar_id, own, &room, err))
		return -1;
	if (room == ROOM_MERGED)
		return 0;
	json_set_str(row->resource, "recurringEventId", series->id);
	json_object_put(TAKE(row->base));
	xstr_set(&row->etag, NULL);
	row->at_google = event_is_cancelled(row->resource);
	row->sync_status = SYNC_LOCAL_ONLY;
	if (found && op.op == PENDING_DELETE) { /* computed there: it is looked at before it goes */
		row->at_google = false;
		op.move_from = 0;
		return rename_row(p, row, own, err) || store_outbox_put(p->e->store, &op, err) ? -1
											       : 0;
	}
	if (row->at_google) { /* it takes place there, until it is cancelled again */
		row->base = json_clone(row->resource);
		json_set_str(row->base, "status", "confirmed");
	} else if (instance_computed(p, series->resource, row->resource, &row->base, err)) {
		return -1;
	} else if (!row->base) {
		xstr_set(&row->etag, ETAG_UNKNOWN);
	}
	renew_conference(row);
	if (rename_row(p, row, own, err))
		return -1;
	op.event_rowid = row->rowid;
	op.move_from = 0;
	op.op = row->base ? PENDING_UPDATE : PENDING_CREATE;
	if (op.state == OUTBOX_CONFLICT) /* the version that it met is gone with the old series */
		op.state = OUTBOX_QUEUED;
	if (!found)
		op.created_ms = clock_now_ms(p->e->clock);
	return store_outbox_put(p->e->store, &op, err);
}

int push_series_renewed(struct push *p, const struct event *series, const char *old,
			struct err *err)
{
	AUTO(event_list_release) struct event_list occurrences = {0};

	if (store_event_occurrences(p->e->store, series->calendar_id, old, &occurrences, err))
		return -1;
	for (size_t i = 0; i < occurrences.count; i++)
		if (follow_series(p, &occurrences.items[i], series, old, err))
			return -1;
	return 0;
}

void push_event_renewed(struct event *row)
{
	AUTO(json_object_put)
	struct json_object *had = json_object_get(json_get(row->resource, "conferenceData"));

	event_new_conference(row->resource, had);
	if (row->base)
		event_new_conference(row->base, NULL);
}

/* The id belongs to somebody else, or cannot be used again: the event goes out under a new one. */
static int write_new_id(struct push *p, struct job *j, struct json_object *unused, struct err *err)
{
	AUTO(event_release) struct event now = {0};
	AUTO(free) char *old = NULL;
	enum room room;
	char id[27];

	(void)unused;
	if (store_event_get_row(p->e->store, j->rowid, &now, err))
		return -1;
	event_id_after(p->c->google_id, now.id, id);
	log_info("push", "event %s: the id is taken at Google, going on as %s", now.id, id);
	old = xstrdup(now.id);
	if (push_make_room(p, &now, now.calendar_id, id, &room, err))
		return -1;
	xstr_set(&now.etag, NULL);
	push_event_renewed(&now);
	if (room != ROOM_MERGED && rename_row(p, &now, id, err))
		return -1;
	xstr_set(&now.id, id);
	return push_series_renewed(p, &now, old, err);
}

int push_new_id(struct push *p, struct job *j, struct err *err)
{
	j->renamed = true;
	return push_in_transaction(p, j, NULL, write_new_id, err);
}
