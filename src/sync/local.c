#include "sync/local.h"

#include <string.h>

#include "base/random.h"
#include "base/xalloc.h"
#include "base/banned.h"
#include "model/event.h"
#include "model/rights.h"
#include "sync/occurrences.h"
#include "sync/resolve.h"
#include "sync/version.h"

static int rank(const char *send_updates)
{
	static const char *const order[] = {"none", "externalOnly", "all"};

	for (size_t i = 0; send_updates && i < ARRAY_SIZE(order); i++)
		if (!strcmp(send_updates, order[i]))
			return (int)i;
	return 0;
}

static void widen(char **updates, const char *wish)
{
	if (!*updates || rank(wish) > rank(*updates))
		xstr_set(updates, wish ? wish : "none");
}

void local_widen_send_updates(struct outbox *o, const char *wish)
{
	widen(&o->send_updates, wish);
	widen(&o->late_updates, wish);
}

int local_check_writable(struct store *s, const struct calendar *c, struct err *err)
{
	AUTO(account_release) struct account a = {0};

	if (store_account_get(s, c->account, &a, err))
		return -1;
	if (a.read_only)
		return err_set(err, ERR_READ_ONLY,
			       "account '%s' is connected read-only; to write, disconnect it and "
			       "connect it again (its events stay)",
			       a.name);
	if (c->gone)
		return err_set(err, ERR_READ_ONLY,
			       "calendar '%s' is no longer on the account's list", c->summary);
	if (!calendar_takes_writes(c))
		return err_set(err, ERR_READ_ONLY,
			       "calendar '%s' is read-only (your role there is '%s')", c->summary,
			       c->access_role);
	return 0;
}

int local_begin(struct store *s, bool *out_own, struct err *err)
{
	*out_own = !store_in_transaction(s);
	return *out_own ? store_begin(s, err) : 0;
}

int local_finish(struct store *s, bool own, int result, struct err *err)
{
	if (own && !result)
		return store_commit(s, err);
	if (own)
		store_rollback(s);
	return result;
}

int local_note_change(struct store *s, const struct event *e, const struct local_options *o,
		      struct json_object *before, const struct json_object *after, struct err *err)
{
	const struct version_note n = {
		.calendar_id = e->calendar_id,
		.event_id = e->id,
		.origin = "local",
		.at_ms = e->changed_ms,
		.command_id = o->command_id,
		.local_only = !e->at_google && e->pending == PENDING_NONE,
	};

	return version_changed(s, &n, before, after, err);
}

/* What is kept of a new event: what would be sent, and what Google always adds. */
static struct json_object *new_resource(const struct json_object *resource)
{
	struct json_object *r = event_insert_body(resource);
	const char *id = json_str(resource, "id");
	char made[27];

	if (!id || !event_id_valid(id)) {
		random_event_id(made);
		json_set_str(r, "id", made);
	}
	json_set_str(r, "kind", "calendar#event");
	if (!json_has(r, "status"))
		json_set_str(r, "status", "confirmed");
	return r;
}

static int add(struct store *s, struct clock *clock, int64_t calendar_id,
	       const struct json_object *resource, const struct local_options *o, int64_t *out_row,
	       struct err *err)
{
	AUTO(calendar_release) struct calendar c = {0};
	AUTO(event_release) struct event e = {0};
	AUTO(event_release) struct event old = {0};
	AUTO(outbox_release) struct outbox op = {0};
	bool found;

	if (store_calendar_get(s, calendar_id, &c, err) || local_check_writable(s, &c, err) ||
	    event_check_type(resource, NULL, c.primary, err))
		return -1;
	e.calendar_id = calendar_id;
	e.resource = new_resource(resource);
	e.id = xstrdup(json_str(e.resource, "id"));
	e.changed_ms = clock_now_ms(clock);
	if (store_event_get(s, calendar_id, e.id, &old, &found, err))
		return -1;
	if (found)
		return err_set(err, ERR_INVALID, "event '%s' is in calendar '%s' already", e.id,
			       c.summary);
	if (store_event_put(s, &e, err) || local_note_change(s, &e, o, NULL, e.resource, err))
		return -1;
	*out_row = e.rowid;
	if (o->no_sync)
		return 0;
	op.event_rowid = e.rowid;
	op.op = PENDING_CREATE;
	op.created_ms = e.changed_ms;
	local_widen_send_updates(&op, o->send_updates);
	return store_outbox_put(s, &op, err);
}

int local_add(struct store *s, struct clock *clock, int64_t calendar_id,
	      struct json_object *resource, const struct local_options *o, struct event *out,
	      struct err *err)
{
	int64_t row = 0;
	bool own;

	if (event_check(resource, NULL, err) || local_begin(s, &own, err))
		return -1;
	if (local_finish(s, own, add(s, clock, calendar_id, resource, o, &row, err), err))
		return -1;
	return store_event_get_row(s, row, out, err);
}

struct json_object *local_with_fields_of(const struct json_object *event,
					 const struct json_object *resource)
{
	struct json_object *edited = json_clone(event);

	for (size_t i = 0; i < event_field_count(); i++) {
		const char *field = event_field_name(i);
		struct json_object *v = json_get(resource, field);

		if (v)
			json_set(edited, field, json_clone(v));
		else
			json_del(edited, field);
	}
	return edited;
}

/* Write the edited row and queue what it needs now: nothing for an event that only lives here. */
static int queue_edit(struct store *s, struct event *e, const struct local_options *o,
		      struct err *err)
{
	AUTO(outbox_release) struct outbox op = {0};
	bool found, waits;

	if (store_outbox_get(s, e->rowid, &op, &found, err))
		return -1;
	waits = found && op.state == OUTBOX_CONFLICT; /* a person still has to decide */
	if (!waits) {
		op.state = o->no_sync ? OUTBOX_HELD : OUTBOX_QUEUED;
		op.not_before_ms = 0;
		xstr_set(&op.last_error, NULL);
		xstr_set(&e->last_error, NULL);
	}
	e->sync_status = SYNC_LOCAL_ONLY;
	if (store_event_put(s, e, err))
		return -1;
	if (!found && !e->at_google)
		return 0;
	if (!found) {
		op.event_rowid = e->rowid;
		op.created_ms = e->changed_ms;
	}
	if (!found || op.op != PENDING_CREATE)
		op.op = PENDING_UPDATE;
	local_widen_send_updates(&op, o->send_updates);
	return store_outbox_put(s, &op, err);
}

/* The edit took back what waited: the row is Google's version again. */
static int settle_undone(struct store *s, struct event *e, struct err *err)
{
	if (conflict_settle(s, e, e->changed_ms, err))
		return -1;
	json_object_put(e->resource);
	e->resource = TAKE(e->base);
	e->sync_status = SYNC_SYNCED;
	xstr_set(&e->last_error, NULL);
	return store_outbox_delete(s, e->rowid, err) || store_event_put(s, e, err) ? -1 : 0;
}

/* Whether something waits beside the edit itself, so that taking the edit back ends nothing: a
 * version that went out and was not answered (it may be at Google), a move. */
static int waits_anyway(struct store *s, int64_t rowid, bool *out, struct err *err)
{
	AUTO(outbox_release) struct outbox op = {0};
	bool found;

	if (store_outbox_get(s, rowid, &op, &found, err))
		return -1;
	*out = op.sent || op.move_from;
	return 0;
}

int64_t local_later_than(int64_t previous_ms, struct clock *clock)
{
	int64_t now = clock_now_ms(clock);

	return now > previous_ms ? now : previous_ms + 1;
}

int local_read(struct store *s, int64_t rowid, struct event *e, struct err *err)
{
	AUTO(calendar_release) struct calendar c = {0};

	if (store_event_get_row(s, rowid, e, err))
		return -1;
	if (e->hidden)
		return err_set(err, ERR_NOT_FOUND, "event '%s' is deleted", e->id);
	if (store_calendar_get(s, e->calendar_id, &c, err))
		return -1;
	return local_check_writable(s, &c, err);
}

/* An occurrence that Google only computes (local_series.h) is as its series says again: no row. */
static int settle_computed(struct store *s, struct event *e, struct err *err)
{
	int64_t row = e->rowid;

	json_object_put(e->resource);
	e->resource = TAKE(e->base);
	e->sync_status = SYNC_SYNCED;
	e->pending = PENDING_NONE;
	e->rowid = 0;
	return store_event_delete(s, row, err);
}

/* out_left: what is left when the row is gone. */
static int edit(struct store *s, struct clock *clock, int64_t rowid,
		const struct json_object *resource, const struct local_options *o,
		struct event *out_left, struct err *err)
{
	AUTO(event_release) struct event e = {0};
	AUTO(json_object_put) struct json_object *edited = NULL;
	AUTO(json_object_put) struct json_object *before = NULL;
	bool more, waits;

	if (local_read(s, rowid, &e, err) || waits_anyway(s, rowid, &more, err))
		return -1;
	if (e.sync_status == SYNC_ERROR && e.pending == PENDING_NONE) /* set aside: aside.c */
		return err_set(err, ERR_INVALID, "event '%s' can be deleted, but not changed: %s",
			       e.id, e.last_error ? e.last_error : "it cannot be read");
	edited = local_with_fields_of(e.resource, resource);
	if (event_check(edited, e.resource, err) || event_check_rights(e.resource, edited, err) ||
	    event_check_type(edited, e.resource, false, err))
		return -1;
	if (event_equal(edited, e.resource))
		return 0;
	e.changed_ms = local_later_than(e.changed_ms, clock);
	if (local_note_change(s, &e, o, e.resource, edited, err))
		return -1;
	before = TAKE(e.resource);
	e.resource = TAKE(edited);
	if (e.at_google && !e.base)
		e.base = TAKE(before);
	/* What goes back to Google's last known value is still a change of what was sent. */
	if (e.at_google && !more && event_equal(e.resource, e.base))
		return settle_undone(s, &e, err);
	if (local_is_computed(&e) && !more && event_equal(e.resource, e.base)) {
		if (conflict_waits(s, &e, &waits, err))
			return -1;
		if (waits) /* somebody changed it there: it is no longer as its series says */
			return settle_undone(s, &e, err);
		if (settle_computed(s, &e, err))
			return -1;
		*out_left = e;
		memset(&e, 0, sizeof(e));
		return 0;
	}
	return queue_edit(s, &e, o, err);
}

int local_edit(struct store *s, struct clock *clock, int64_t rowid, struct json_object *resource,
	       const struct local_options *o, struct event *out, struct err *err)
{
	AUTO(event_release) struct event left = {0};
	bool own;

	if (local_begin(s, &own, err))
		return -1;
	if (local_finish(s, own, edit(s, clock, rowid, resource, o, &left, err), err))
		return -1;
	if (!left.id)
		return store_event_get_row(s, rowid, out, err);
	*out = left;
	memset(&left, 0, sizeof(left));
	return 0;
}

bool local_is_computed(const struct event *e)
{
	return !e->at_google && e->base && event_is_exception(e->resource);
}

/* Of a series that is only here: it takes place no more. */
static int cancel_computed(struct store *s, struct event *e, struct err *err)
{
	if (e->base) {
		json_object_put(e->resource);
		e->resource = TAKE(e->base);
	}
	json_set_str(e->resource, "status", "cancelled");
	return store_event_put(s, e, err);
}

/* An occurrence of a series that is only here: without a row it would take place. */
static int of_local_series(struct store *s, const struct event *e, bool *out, struct err *err)
{
	const char *id = json_str(e->resource, "recurringEventId");
	AUTO(event_release) struct event series = {0};
	bool found;

	*out = false;
	if (!id)
		return 0;
	if (store_event_get(s, e->calendar_id, id, &series, &found, err))
		return -1;
	*out = found && !series.at_google && series.pending == PENDING_NONE;
	return 0;
}

static int hide_or_drop(struct store *s, struct clock *clock, int64_t rowid,
			const struct local_options *o, bool *out_gone, struct err *err)
{
	AUTO(event_release) struct event e = {0};
	AUTO(outbox_release) struct outbox op = {0};
	int64_t created;
	bool queued, computed, stays_here;

	if (local_read(s, rowid, &e, err) || store_outbox_get(s, rowid, &op, &queued, err) ||
	    of_local_series(s, &e, &stays_here, err))
		return -1;
	e.changed_ms = local_later_than(e.changed_ms, clock);
	if (local_note_change(s, &e, o, e.resource, NULL, err))
		return -1;
	computed = local_is_computed(&e);
	if (!queued && !e.at_google && (computed || stays_here)) {
		*out_gone = false;
		return cancel_computed(s, &e, err);
	}
	/* A create that was tried may have reached Google although no answer came. What waits to be
	 * moved is there, in another calendar; an occurrence is, by its series. */
	*out_gone = !e.at_google && !(queued && (op.attempts > 0 || op.move_from || computed));
	if (event_is_master(e.resource) && occurrences_hide(s, &e, o, *out_gone, err))
		return -1;
	if (*out_gone)
		return store_event_delete(s, rowid, err);
	if (conflict_settle(s, &e, e.changed_ms, err))
		return -1;
	if (computed)
		xstr_set(&e.etag, NULL);
	if (e.base) { /* an edit that waited is over */
		json_object_put(e.resource);
		e.resource = TAKE(e.base);
	}
	e.hidden = true;
	e.sync_status = SYNC_LOCAL_ONLY;
	xstr_set(&e.last_error, NULL);
	created = queued ? op.created_ms : e.changed_ms;
	if (store_event_put(s, &e, err))
		return -1;
	op.event_rowid = rowid;
	op.op = PENDING_DELETE;
	op.state = o->no_sync ? OUTBOX_HELD : OUTBOX_QUEUED;
	op.created_ms = created;
	op.not_before_ms = 0;
	xstr_set(&op.last_error, NULL);
	local_widen_send_updates(&op, o->send_updates);
	return store_outbox_put(s, &op, err);
}

int local_delete(struct store *s, struct clock *clock, int64_t rowid, const struct local_options *o,
		 bool *out_gone, struct err *err)
{
	bool own;

	if (local_begin(s, &own, err))
		return -1;
	return local_finish(s, own, hide_or_drop(s, clock, rowid, o, out_gone, err), err);
}
