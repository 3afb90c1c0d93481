/* A version of an event's log becomes the event again. */
#include "sync/restore.h"

#include <string.h>
#include <strings.h>

#include "base/xalloc.h"
#include "base/banned.h"
#include "model/event.h"
#include "model/rights.h"
#include "sync/engine.h"
#include "sync/local_series.h"
#include "sync/split.h"

static bool is_visible(const struct event *e)
{
	return !e->hidden && !event_is_cancelled(e->resource);
}

static struct json_object *find_guest(const struct json_object *event, const char *email)
{
	struct json_object *list = json_get(event, "attendees");

	for (size_t i = 0;
	     json_object_is_type(list, json_type_array) && i < json_object_array_length(list);
	     i++) {
		struct json_object *guest = json_object_array_get_idx(list, i);
		const char *other = json_str(guest, "email");

		if (other && email && !strcasecmp(other, email))
			return guest;
	}
	return NULL;
}

/* What a guest has said since is the guest's own: an older list does not take it back. */
static void keep_answers(struct json_object *wanted, const struct json_object *now)
{
	static const char *const own[] = {"responseStatus", "comment", "additionalGuests"};
	struct json_object *list = json_get(wanted, "attendees");

	for (size_t i = 0;
	     json_object_is_type(list, json_type_array) && i < json_object_array_length(list);
	     i++) {
		struct json_object *guest = json_object_array_get_idx(list, i);
		const struct json_object *said = find_guest(now, json_str(guest, "email"));

		for (size_t k = 0; said && k < ARRAY_SIZE(own); k++) {
			if (json_get(said, own[k]))
				json_set(guest, own[k], json_clone(json_get(said, own[k])));
			else
				json_del(guest, own[k]);
		}
	}
}

static int edit_to(struct store *s, struct clock *clock, const struct event *now,
		   const struct json_object *version, const struct local_options *o,
		   struct event *out, struct err *err)
{
	AUTO(json_object_put) struct json_object *wanted = json_clone(version);

	keep_answers(wanted, now->resource);
	return local_edit(s, clock, now->rowid, wanted, o, out, err);
}

/* --- a delete that waits is taken back ------------------------------------------------------ */

/* What the series says of an occurrence that it only computes. *out NULL: nothing. */
static int computed(struct store *s, const struct event *e, struct event *series,
		    struct occurrence *at, struct json_object **out, struct err *err)
{
	const char *id = json_str(e->resource, "recurringEventId");
	AUTO(calendar_release) struct calendar c = {0};
	int64_t start;
	bool found;

	*out = NULL;
	if (store_calendar_get(s, e->calendar_id, &c, err) ||
	    store_event_get(s, e->calendar_id, id, series, &found, err))
		return -1;
	if (!found || series->hidden ||
	    !event_time_utc(json_get(e->resource, "originalStartTime"), c.time_zone, &start))
		return 0;
	if (recur_find(series->resource, c.time_zone, start, at, &found, err))
		return -1;
	if (found)
		*out = split_instance(series->resource, c.time_zone, at);
	return 0;
}

/* A delete of what is no event at Google that was never tried: nothing is to be sent, unless the
 * version is not what the series says. out_done false: it is another case. */
static int unhide_computed(struct store *s, struct clock *clock, const struct event *e,
			   const struct json_object *version, const struct local_options *o,
			   struct event *out, bool *out_done, struct err *err)
{
	AUTO(json_object_put) struct json_object *says = NULL;
	AUTO(json_object_put) struct json_object *wanted = NULL;
	AUTO(occurrence_release) struct occurrence at = {0};
	AUTO(event_release) struct event series = {0};
	struct event now = *e; /* borrows */

	*out_done = false;
	if (computed(s, e, &series, &at, &says, err))
		return -1;
	if (!says)
		return 0;
	*out_done = true;
	now.changed_ms = local_later_than(e->changed_ms, clock);
	wanted = local_with_fields_of(says, version);
	if (!event_equal(says, version))
		return store_event_delete(s, e->rowid, err) ||
				       local_occurrence_edit(s, clock, series.rowid, &at, wanted, o,
							     out, err)
			       ? -1
			       : 0;
	if (local_note_change(s, &now, o, NULL, says, err) || store_event_delete(s, e->rowid, err))
		return -1;
	*out = (struct event){
		.calendar_id = e->calendar_id,
		.id = xstrdup(e->id),
		.resource = TAKE(says),
		.sync_status = SYNC_SYNCED,
		.changed_ms = now.changed_ms,
		.account = xstrdup(e->account),
		.calendar = xstrdup(e->calendar),
	};
	return 0;
}

/* An occurrence that was hidden with its series has no entry of its own: what was tried is the
 * delete of the series. */
static int series_was_tried(struct store *s, const struct event *e, bool *out, struct err *err)
{
	const char *series = json_str(e->resource, "recurringEventId");
	AUTO(event_release) struct event master = {0};
	AUTO(outbox_release) struct outbox op = {0};
	bool found;

	*out = false;
	if (!series)
		return 0;
	if (store_event_get(s, e->calendar_id, series, &master, &found, err))
		return -1;
	if (found && store_outbox_get(s, master.rowid, &op, &found, err))
		return -1;
	*out = found && op.attempts > 0;
	return 0;
}

/* The delete that waits is taken back. When it was tried already it may have been carried out: then
 * that it takes place is an edit, which has to be sent, and beats the delete. */
static int unhide(struct store *s, struct clock *clock, struct event *e,
		  const struct json_object *version, const struct local_options *o,
		  struct event *out, struct err *err)
{
	AUTO(outbox_release) struct outbox op = {0};
	bool found, tried, is_computed, done = false;

	if (store_outbox_get(s, e->rowid, &op, &found, err) || series_was_tried(s, e, &tried, err))
		return -1;
	tried = tried || op.attempts > 0;
	/* An occurrence that Google only computes has its series' version for a base, and no
	 * etag. */
	is_computed = !e->at_google && !e->etag && event_is_exception(e->resource);
	if (is_computed && !tried && unhide_computed(s, clock, e, version, o, out, &done, err))
		return -1;
	if (done)
		return 0;
	e->changed_ms = local_later_than(e->changed_ms, clock);
	e->hidden = false;
	xstr_set(&e->last_error, NULL);
	json_object_put(e->base);
	e->base = NULL;
	if (e->at_google || is_computed) {
		e->base = e->resource;
		e->resource = local_with_fields_of(e->base, version);
		if (tried)
			json_set_str(e->base, "status", "cancelled");
	} else {
		json_object_put(e->resource);
		e->resource = json_clone(version);
	}
	if (local_note_change(s, e, o, NULL, e->resource, err))
		return -1;
	if (e->at_google && event_equal(e->resource, e->base)) {
		json_object_put(e->base);
		e->base = NULL;
		e->sync_status = SYNC_SYNCED;
		return store_outbox_delete(s, e->rowid, err) || store_event_put(s, e, err) ||
				       store_event_get_row(s, e->rowid, out, err)
			       ? -1
			       : 0;
	}
	if (!e->at_google && !is_computed)
		xstr_set(&e->etag, ETAG_UNKNOWN);
	e->sync_status = SYNC_LOCAL_ONLY;
	if (store_event_put(s, e, err))
		return -1;
	if (!found)
		op.created_ms = e->changed_ms;
	op.event_rowid = e->rowid;
	op.op = e->at_google || is_computed ? PENDING_UPDATE : PENDING_CREATE;
	op.state = o->no_sync ? OUTBOX_HELD : OUTBOX_QUEUED;
	op.not_before_ms = 0;
	xstr_set(&op.last_error, NULL);
	local_widen_send_updates(&op, o->send_updates);
	return store_outbox_put(s, &op, err) || store_event_get_row(s, e->rowid, out, err) ? -1 : 0;
}

/* A row for what is gone: what would be sent, and what says whose it is. */
static struct json_object *new_resource(const struct json_object *version)
{
	static const char *const kept[] = {"kind",      "iCalUID",          "created",
					   "creator",   "organizer",        "recurringEventId",
					   "eventType", "originalStartTime"};
	struct json_object *r = event_insert_body(version);

	for (size_t i = 0; i < ARRAY_SIZE(kept); i++)
		if (json_get(version, kept[i]))
			json_set(r, kept[i], json_clone(json_get(version, kept[i])));
	if (!json_has(r, "status"))
		json_set_str(r, "status", "confirmed");
	return r;
}

static int check_anew(struct store *s, const struct calendar *c, const struct history *h,
		      struct err *err)
{
	const char *series = json_str(h->resource, "recurringEventId");
	const char *organizer = json_path_str(h->resource, "organizer/email");
	AUTO(event_release) struct event master = {0};
	bool found;

	if (!event_is_organized(h->resource))
		return err_set(err, ERR_READ_ONLY,
			       "only its organizer (%s) can bring event '%s' back; ask for a new "
			       "invitation",
			       organizer ? organizer : "somebody else", h->event_id);
	if (event_check_type(h->resource, NULL, c->primary, err))
		return -1;
	if (!series)
		return 0;
	if (store_event_get(s, c->id, series, &master, &found, err))
		return -1;
	if (!found || !is_visible(&master))
		return err_set(err, ERR_NOT_FOUND,
			       "event '%s' is an occurrence of a series that is gone; bring that "
			       "back first: 'calsync event restore %s'",
			       h->event_id, series);
	return 0;
}

/* An occurrence that its series has, and that has no row: it is there already, and is edited to
 * what it was. out_done false: it is another case. */
static int edit_computed(struct store *s, struct clock *clock, const struct calendar *c,
			 const struct history *h, const struct local_options *o, struct event *out,
			 bool *out_done, struct err *err)
{
	const struct event e = {.calendar_id = c->id, .resource = h->resource}; /* borrows */
	AUTO(json_object_put) struct json_object *says = NULL;
	AUTO(json_object_put) struct json_object *wanted = NULL;
	AUTO(occurrence_release) struct occurrence at = {0};
	AUTO(event_release) struct event series = {0};

	*out_done = false;
	if (!event_is_exception(h->resource))
		return 0;
	if (computed(s, &e, &series, &at, &says, err))
		return -1;
	if (!says || strcmp(at.id, h->event_id) != 0)
		return 0;
	*out_done = true;
	wanted = local_with_fields_of(says, h->resource);
	return local_occurrence_edit(s, clock, series.rowid, &at, wanted, o, out, err);
}

static int make_anew(struct store *s, struct clock *clock, const struct calendar *c,
		     const struct history *h, const struct local_options *o, struct event *out,
		     struct err *err)
{
	AUTO(outbox_release) struct outbox op = {0};
	AUTO(event_release)
	struct event e = {
		.calendar_id = c->id,
		.id = xstrdup(h->event_id),
		.resource = new_resource(h->resource),
		/* What Google had once it knows by this id for good: no insert can use it again. */
		.etag = json_has(h->resource, "etag") ? xstrdup(ETAG_UNKNOWN) : NULL,
		.sync_status = SYNC_LOCAL_ONLY,
		.changed_ms = local_later_than(h->at_ms, clock),
	};

	bool done;

	if (check_anew(s, c, h, err) || edit_computed(s, clock, c, h, o, out, &done, err))
		return -1;
	if (done)
		return 0;
	if (store_event_put(s, &e, err) || local_note_change(s, &e, o, NULL, e.resource, err))
		return -1;
	if (o->no_sync || h->local_only)
		return store_event_get_row(s, e.rowid, out, err);
	op.event_rowid = e.rowid;
	op.op = PENDING_CREATE;
	op.created_ms = e.changed_ms;
	local_widen_send_updates(&op, o->send_updates);
	return store_outbox_put(s, &op, err) || store_event_get_row(s, e.rowid, out, err) ? -1 : 0;
}

int restore_cancelled(struct store *s, const struct history *h, struct err *err)
{
	const char *series = json_str(h->resource, "recurringEventId");
	AUTO(event_release) struct event now = {0};
	AUTO(event_release) struct event master = {0};
	AUTO(event_release)
	struct event e = {
		.calendar_id = h->calendar_id,
		.id = xstrdup(h->event_id),
		.resource = json_clone(h->resource),
		.at_google = true,
		.sync_status = SYNC_SYNCED,
	};
	bool found, there;

	if (!series)
		return 0;
	if (store_event_get(s, h->calendar_id, h->event_id, &now, &found, err) ||
	    store_event_get(s, h->calendar_id, series, &master, &there, err))
		return -1;
	return found || !there || master.hidden ? 0 : store_event_put(s, &e, err);
}

int restore_one(struct store *s, struct clock *clock, int64_t calendar_id, const struct history *h,
		const struct local_options *o, struct event *out, struct err *err)
{
	AUTO(calendar_release) struct calendar c = {0};
	AUTO(event_release) struct event now = {0};
	bool found;

	if (store_calendar_get(s, calendar_id, &c, err) || local_check_writable(s, &c, err) ||
	    store_event_get(s, calendar_id, h->event_id, &now, &found, err))
		return -1;
	if (!found)
		return make_anew(s, clock, &c, h, o, out, err);
	return now.hidden ? unhide(s, clock, &now, h->resource, o, out, err)
			  : edit_to(s, clock, &now, h->resource, o, out, err);
}

int restore_carry_out(struct store *s, struct clock *clock, const struct restore_plan *p,
		      const struct local_options *o, struct event_list *out, struct err *err)
{
	AUTO(event_list_release) struct event_list list = {0};
	struct history version = p->version; /* borrows */

	version.local_only = p->local_only;
	list.items = xcalloc(p->along.count + 1, sizeof(*list.items));
	if (restore_one(s, clock, p->calendar_id, &version, o, &list.items[0], err))
		return -1;
	list.count = 1;
	for (size_t i = 0; i < p->along.count; i++) {
		const struct history *h = &p->along.items[i];

		if (h->op == HISTORY_KEPT ? restore_cancelled(s, h, err)
					  : restore_one(s, clock, p->calendar_id, h, o,
							&list.items[list.count], err))
			return err_wrap(err, "its occurrence '%s'", h->event_id);
		list.count += h->op != HISTORY_KEPT;
	}
	*out = list;
	memset(&list, 0, sizeof(list));
	return 0;
}
