/*
 * What is not sent before Google was asked what it has.
 *
 * An edit that beat a delete: a request of ours whose answer was lost may have arrived before the
 * event was deleted, the event may be there after all, and it may have been changed before it went.
 * A delete of what was made here and sent, and never answered: there is no etag to guard it.
 */
#include "sync/push.h"

#include <string.h>

#include "base/xalloc.h"
#include "base/banned.h"
#include "model/event.h"
#include "sync/local.h"
#include "sync/merge.h"
#include "sync/sent.h"
#include "sync/version.h"

/* The look-up did not get through. Of this event alone it is when what came is no event. */
static int wait(struct push *p, struct job *j, const struct err *why, struct err *err)
{
	p->stop = push_is_general(why) && why->code != ERR_GOOGLE;
	return push_waits(p, j, why, err);
}

/* What a restored event came from is a tombstone that says what it says, too. It was seen before
 * anything was sent, and has another etag when what was sent has arrived since. */
static bool is_restored_from(const struct event *row, const struct json_object *tombstone)
{
	const char *etag = json_str(tombstone, "etag");

	return !row->base && (!row->etag || !strcmp(row->etag, ETAG_UNKNOWN) || !etag ||
			      !strcmp(row->etag, etag));
}

/* Whether a tombstone says in each field that was edited here what we say: the edit had arrived,
 * and who deleted the event knew of it. A tombstone without details tells nothing. */
static bool knew_our_edit(const struct job *j, const struct json_object *tombstone)
{
	if (!j->sent_before || !json_has(tombstone, "start") ||
	    is_restored_from(&j->row, tombstone))
		return false;
	for (size_t i = 0; i < event_field_count(); i++) {
		const char *field = event_field_name(i);
		struct json_object *here = json_get(j->row.resource, field);

		if (!event_field_equal(field, here, json_get(j->row.base, field)) &&
		    !event_field_equal(field, here, json_get(tombstone, field)))
			return false;
	}
	return true;
}

int push_take_last_version(struct push *p, struct event *now, const struct json_object *base,
			   struct json_object *tombstone, struct err *err)
{
	static const struct merge_rule ours = {.contested = MERGE_LOCAL};
	const struct version_note lost = {.calendar_id = now->calendar_id,
					  .event_id = now->id,
					  .origin = "google",
					  .at_ms = clock_now_ms(p->e->clock)};
	const char *status = json_str(now->resource, "status");
	AUTO(merge_result_release) struct merge_result m = {0};
	AUTO(json_object_put) struct json_object *merged = NULL;

	merge_event(base, now->resource, tombstone, &ours, &m);
	json_set_str(m.merged, "status", status ? status : "confirmed");
	merged = local_with_fields_of(now->resource, m.merged);
	if (merge_contested(&m) && version_kept(p->e->store, &lost, tombstone, err))
		return -1;
	if (!event_equal(now->resource, merged) &&
	    engine_changed(p->e, now, "merge", now->resource, merged, err))
		return -1;
	json_object_put(now->resource);
	now->resource = TAKE(merged);
	return 0;
}

/* The event goes out as it would be had nobody deleted it. */
static int write_ready(struct push *p, struct job *j, struct json_object *tombstone,
		       struct err *err)
{
	AUTO(json_object_put) struct json_object *base = NULL;
	AUTO(event_release) struct event now = {0};
	const char *etag = json_str(tombstone, "etag");

	if (store_event_get_row(p->e->store, j->rowid, &now, err))
		return -1;
	xstr_set(&now.etag, etag ? etag : ETAG_UNKNOWN);
	base = sent_base(j->op.sent, now.base, tombstone);
	if (base && json_has(tombstone, "start") &&
	    push_take_last_version(p, &now, base, tombstone, err))
		return -1;
	return store_event_put(p->e->store, &now, err);
}

int push_make_room(struct push *p, const struct event *now, int64_t calendar, const char *id,
		   enum room *out, struct err *err)
{
	static const struct merge_rule ours = {.contested = MERGE_LOCAL};
	AUTO(merge_result_release) struct merge_result m = {0};
	AUTO(json_object_put) struct json_object *merged = NULL;
	AUTO(event_release) struct event there = {0};
	struct version_note was;
	bool found;

	*out = ROOM_FREE;
	if (store_event_get(p->e->store, calendar, id, &there, &found, err))
		return -1;
	if (!found)
		return 0;
	was = (struct version_note){.calendar_id = calendar,
				    .event_id = id,
				    .origin = "merge",
				    .at_ms = clock_now_ms(p->e->clock)};
	*out = ROOM_MADE;
	if (there.pending == PENDING_NONE)
		return (!event_equal(there.resource, now->base) &&
			version_kept(p->e->store, &was, there.resource, err)) ||
				       store_event_delete(p->e->store, there.rowid, err)
			       ? -1
			       : 0;
	*out = ROOM_MERGED;
	merge_event(now->base, now->resource, there.resource, &ours, &m);
	merged = local_with_fields_of(there.resource, m.merged);
	if (engine_changed(p->e, now, "merge", now->hidden ? NULL : now->resource, NULL, err) ||
	    engine_changed(p->e, &there, "merge", there.hidden ? NULL : there.resource, merged,
			   err))
		return -1;
	json_object_put(there.resource);
	there.resource = TAKE(merged);
	there.changed_ms = local_later_than(there.changed_ms, p->e->clock);
	return store_event_put(p->e->store, &there, err) ||
			       store_event_delete(p->e->store, now->rowid, err)
		       ? -1
		       : 0;
}

/* What was done here to occurrences of a series that was moved goes after it, too. What Google has
 * of them there is not known yet: they are looked at. */
static int occurrences_follow(struct push *p, const struct event *series, int64_t calendar,
			      struct err *err)
{
	AUTO(event_list_release) struct event_list rows = {0};
	struct event_query q = EVENT_QUERY_INIT;

	q.calendar_id = p->c->id;
	q.recurring_event_id = series->id;
	q.include_hidden = true;
	if (store_event_list(p->e->store, &q, &rows, err))
		return -1;
	for (size_t i = 0; i < rows.count; i++) {
		struct event *row = &rows.items[i];
		enum room room;

		if (row->pending != PENDING_UPDATE && row->pending != PENDING_DELETE)
			continue;
		if (push_make_room(p, row, calendar, row->id, &room, err))
			return -1;
		if (room == ROOM_MERGED)
			continue;
		row->at_google |= room == ROOM_MADE; /* no pull shows it again */
		row->calendar_id = calendar;
		xstr_set(&row->etag, NULL);
		if (store_event_put(p->e->store, row, err))
			return -1;
	}
	return 0;
}

static int write_followed(struct push *p, struct job *j, struct json_object *there, struct err *err)
{
	AUTO(event_release) struct event now = {0};
	enum room room;

	if (store_event_get_row(p->e->store, j->rowid, &now, err) ||
	    push_make_room(p, &now, j->found_in, now.id, &room, err))
		return -1;
	if (room == ROOM_MERGED)
		return 0;
	now.calendar_id = j->found_in;
	now.at_google = true;
	if (now.pending == PENDING_DELETE) /* an edit beats it there, too: it is looked at */
		xstr_set(&now.etag, NULL);
	if (store_event_put(p->e->store, &now, err))
		return -1;
	if (now.pending == PENDING_DELETE)
		return 0;
	if (event_is_master(now.resource) && occurrences_follow(p, &now, j->found_in, err))
		return -1;
	if (reconcile_merge(p->e, &now, now.base, there, p->r, err))
		return -1;
	return room == ROOM_FREE && event_is_exception(there)
		       ? instance_merged(p, j->rowid, there, true, err)
		       : 0;
}

/* It was moved, and deleted there: there it comes back, under its own id. */
static int write_died_elsewhere(struct push *p, struct job *j, struct json_object *tombstone,
				struct err *err)
{
	AUTO(event_release) struct event now = {0};
	const char *etag = json_str(tombstone, "etag");
	enum room room;

	if (store_event_get_row(p->e->store, j->rowid, &now, err) ||
	    push_make_room(p, &now, j->died_in, now.id, &room, err))
		return -1;
	if (room == ROOM_MERGED)
		return 0;
	now.calendar_id = j->died_in;
	xstr_set(&now.etag, etag ? etag : ETAG_UNKNOWN);
	if (store_event_put(p->e->store, &now, err))
		return -1;
	return event_is_master(now.resource) ? occurrences_follow(p, &now, j->died_in, err) : 0;
}

int push_follow(struct push *p, struct job *j, struct json_object *there, struct err *err)
{
	return push_in_transaction(p, j, there, write_followed, err);
}

/* Whether the series of an occurrence is in the occurrence's calendar. */
static int look_for_series(struct push *p, const struct job *j, bool *out, struct err *err)
{
	AUTO(json_object_put) struct json_object *series = NULL;
	struct err why;

	*out = false;
	if (!engine_get_event(p->e, p->c->google_id, json_str(j->row.resource, "recurringEventId"),
			      GET_SURELY, &series, &why)) {
		*out = !event_is_cancelled(series);
		return 0;
	}
	if (why.code == ERR_NOT_FOUND || why.code == ERR_GONE)
		return 0;
	*err = why;
	return -1;
}

int delete_is_done(struct push *p, struct job *j, struct json_object *tombstone, struct err *err)
{
	AUTO(json_object_put) struct json_object *moved = NULL;
	bool has_series = true;
	struct err why;

	j->found_in = 0;
	if (event_is_exception(j->row.resource) &&
	    (look_for_series(p, j, &has_series, &why) ||
	     (!has_series && move_look_elsewhere(p, j, &moved, &why))))
		return wait(p, j, &why, err);
	if (!has_series && j->found_in)
		return push_follow(p, j, moved, err);
	if (!tombstone)
		return push_deleted(p, j, err);
	p->r->pushed.deleted++;
	return push_take_remote(p, j, tombstone, err);
}

int delete_look(struct push *p, struct job *j, struct err *err)
{
	AUTO(json_object_put) struct json_object *remote = NULL;
	struct err why;

	if (engine_get_event(p->e, p->c->google_id, j->row.id, GET_SURELY, &remote, &why)) {
		if (why.code == ERR_NOT_FOUND || why.code == ERR_GONE)
			return delete_is_done(p, j, NULL, err);
		return wait(p, j, &why, err);
	}
	if (event_is_cancelled(remote))
		return delete_is_done(p, j, NULL, err);
	return push_take_remote(p, j, remote, err);
}

int revive_look(struct push *p, struct job *j, struct err *err)
{
	AUTO(json_object_put) struct json_object *remote = NULL;
	AUTO(json_object_put) struct json_object *moved = NULL;
	struct err why;

	if (engine_get_event(p->e, p->c->google_id, j->row.id, GET_SURELY, &remote, &why) &&
	    why.code != ERR_NOT_FOUND && why.code != ERR_GONE)
		return wait(p, j, &why, err);
	if (remote && !event_is_cancelled(remote))
		return push_take_remote(p, j, remote, err);
	if (move_look_elsewhere(p, j, &moved, &why))
		return wait(p, j, &why, err);
	if (j->found_in)
		return push_follow(p, j, moved, err);
	if (j->died_in && remote_updated_ms(j->tombstone) > remote_updated_ms(remote))
		return push_in_transaction(p, j, j->tombstone, write_died_elsewhere, err);
	if (!remote)
		return push_new_id(p, j, err);
	if (knew_our_edit(j, remote))
		return push_arrived_and_gone(p, j, err);
	j->looked = true;
	return push_in_transaction(p, j, remote, write_ready, err);
}
