/*
 * Events that wait to be moved: the row is in its new calendar, Google has it in the old one
 * (outbox.move_from).
 *
 *   WAITS --[POST .../move]--> ARRIVED: merged with the answer; what differs goes out as a PATCH
 *     |         | 404, 410, 409
 *     |         +--> look in the new calendar (an answer was lost, or somebody moved it there): ARRIVED
 *     |              in the old one (the new one takes nothing): REFUSED
 *     |              in the account's others (somebody moved it there): WAITS to be moved from there
 *     |              nowhere: deleted at Google; an edit beats a delete: made anew in the new one
 *     |              nowhere, and the old one may not be read: WAITS
 *     +--[pull of the old calendar]--> takes what changed, goes on waiting; never comes back there
 *     +--[pull of the new calendar]--> ARRIVED
 *
 * The exceptions of a series wait for its move, which takes them along at Google.
 */
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "base/banned.h"
#include "model/event.h"
#include "model/rights.h"
#include "sync/push.h"

/* --- the exceptions of a series that has arrived ------------------------------------------- */

/* Its own version at Google has another etag now, which a pull will tell. */
static int release(struct store *s, struct event *row, struct outbox *op, struct err *err)
{
	op->move_from = 0;
	row->at_google = true;
	xstr_set(&row->etag, NULL);
	if (op->op != PENDING_UPDATE || op->state == OUTBOX_CONFLICT || op->sent ||
	    !event_equal(row->resource, row->base))
		return store_event_put(s, row, err) || store_outbox_put(s, op, err) ? -1 : 0;
	json_object_put(TAKE(row->base));
	row->sync_status = SYNC_SYNCED;
	return store_outbox_delete(s, row->rowid, err) || store_event_put(s, row, err) ? -1 : 0;
}

static int release_exceptions(struct store *s, const struct event *master, struct err *err)
{
	AUTO(event_list_release) struct event_list list = {0};

	if (store_event_occurrences(s, master->calendar_id, master->id, &list, err))
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		AUTO(outbox_release) struct outbox op = {0};
		bool found;

		if (store_outbox_get(s, list.items[i].rowid, &op, &found, err))
			return -1;
		if (found && op.move_from && release(s, &list.items[i], &op, err))
			return -1;
	}
	return 0;
}

/* What a pull has put into the old calendar meanwhile went along, too. What Google says of it here
 * a pull tells, or a look. */
static int bring_exceptions(struct store *s, int64_t from, const struct event *master,
			    struct err *err)
{
	AUTO(event_list_release) struct event_list list = {0};

	if (store_event_occurrences(s, from, master->id, &list, err))
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		AUTO(event_release) struct event there = {0};
		struct event *row = &list.items[i];
		bool found;

		if (store_event_get(s, master->calendar_id, row->id, &there, &found, err))
			return -1;
		if (found)
			continue; /* its own move brings it */
		row->calendar_id = master->calendar_id;
		row->generation = 0;
		xstr_set(&row->etag, NULL);
		if (store_event_put(s, row, err))
			return -1;
	}
	return 0;
}

/* Google has it in the row's calendar now. What waits is an ordinary change from here on. */
static int arrive(struct store *s, struct event *row, struct outbox *op, struct err *err)
{
	int64_t from = op->move_from;

	op->move_from = 0;
	op->attempts = 0;
	row->at_google = op->op != PENDING_CREATE;
	if (store_event_put(s, row, err) || store_outbox_put(s, op, err))
		return -1;
	if (!event_is_master(row->resource))
		return 0;
	if (from && from != row->calendar_id && bring_exceptions(s, from, row, err))
		return -1;
	return release_exceptions(s, row, err);
}

/* --- pulls --------------------------------------------------------------------------------- */

static bool is_unedited(const struct event *row)
{
	return row->pending == PENDING_UPDATE && row->base && event_equal(row->resource, row->base);
}

/* Nothing but the move waits: Google's version is the one to move. */
static int take_along(struct engine *e, struct event *row, struct json_object *item,
		      struct calendar_result *r, struct err *err)
{
	r->pulled.updated++;
	if (engine_changed(e, row, "google", row->resource, item, err))
		return -1;
	json_object_put(row->resource);
	json_object_put(row->base);
	row->resource = json_clone(item);
	row->base = json_clone(item);
	xstr_set(&row->etag, json_str(item, "etag"));
	return store_event_put(e->store, row, err);
}

/* What the merge made of the row, and the move that goes on waiting. */
static int keep_moving(struct engine *e, int64_t rowid, const struct outbox *before,
		       struct err *err)
{
	AUTO(event_release) struct event row = {0};
	AUTO(outbox_release) struct outbox op = {0};
	bool found;

	if (store_event_get_row(e->store, rowid, &row, err) ||
	    store_outbox_get(e->store, rowid, &op, &found, err))
		return -1;
	if (!found) {
		op.event_rowid = rowid;
		op.op = PENDING_UPDATE;
		op.state = before->state == OUTBOX_CONFLICT ? OUTBOX_QUEUED : before->state;
		op.created_ms = before->created_ms;
		xstr_set(&op.send_updates, before->send_updates);
	}
	op.move_from = before->move_from;
	op.attempts = before->attempts;
	if (!row.base)
		row.base = json_clone(row.resource);
	row.at_google = false;
	row.sync_status = SYNC_LOCAL_ONLY;
	return store_event_put(e->store, &row, err) || store_outbox_put(e->store, &op, err) ? -1
											    : 0;
}

static int take_at_source(struct engine *e, const struct calendar *c, struct event *row,
			  struct json_object *item, struct calendar_result *r, struct err *err)
{
	const char *etag = json_str(item, "etag");
	AUTO(outbox_release) struct outbox op = {0};
	bool found;

	if (e->options->dry_run || (row->etag && etag && !strcmp(row->etag, etag)))
		return 0;
	if (is_unedited(row))
		return take_along(e, row, item, r, err);
	if (store_outbox_get(e->store, row->rowid, &op, &found, err) ||
	    apply_item(e, c, row, item, r, err))
		return -1;
	return keep_moving(e, row->rowid, &op, err);
}

int move_seen_at_source(struct engine *e, const struct calendar *c, struct json_object *item,
			struct calendar_result *r, bool *out_taken, struct err *err)
{
	AUTO(event_release) struct event row = {0};
	bool found;

	if (store_event_get_moving(e->store, c->id, json_str(item, "id"), &row, &found, err))
		return -1;
	*out_taken = found;
	/* Moved by us with a lost answer, or by somebody, or deleted: the move will tell. */
	if (!found || (event_is_cancelled(item) && !event_is_exception(row.resource)))
		return 0;
	return take_at_source(e, c, &row, item, r, err);
}

int move_seen_at_destination(struct engine *e, struct event *row, const struct json_object *item,
			     bool *out_taken, struct err *err)
{
	AUTO(outbox_release) struct outbox op = {0};
	bool found;

	*out_taken = false;
	if (row->pending == PENDING_NONE || row->at_google)
		return 0;
	if (store_outbox_get(e->store, row->rowid, &op, &found, err))
		return -1;
	if (!found || !op.move_from)
		return 0;
	if (event_is_cancelled(item) && !event_is_exception(row->resource)) {
		*out_taken = true; /* from when it was here before */
		return 0;
	}
	return e->options->dry_run ? 0 : arrive(e->store, row, &op, err);
}

/* --- the push ------------------------------------------------------------------------------ */

int move_prepare(struct push *p, struct job *j, struct err *err)
{
	AUTO(calendar_release) struct calendar from = {0};
	const char *send_updates = j->op.send_updates ? j->op.send_updates : "none";

	if (store_calendar_get(p->e->store, j->op.move_from, &from, err))
		return -1;
	xstr_set(&j->from, from.google_id);
	path_events(&j->path, from.google_id, j->row.id);
	if (j->op.op == PENDING_DELETE) { /* no need to move it first */
		j->kind = JOB_DELETE;
		j->if_match = xstrdup_null(j->row.etag);
		strbuf_addf(&j->path, "?sendUpdates=%s", send_updates);
		return 0;
	}
	j->kind = JOB_MOVE;
	strbuf_adds(&j->path, "/move?destination=");
	strbuf_add_urlencoded(&j->path, p->c->google_id);
	strbuf_addf(&j->path, "&sendUpdates=%s", send_updates);
	return 0;
}

static int write_moved(struct push *p, struct job *j, struct json_object *answer, struct err *err)
{
	AUTO(event_release) struct event now = {0};
	AUTO(event_release) struct event arrived = {0};
	AUTO(outbox_release) struct outbox op = {0};
	struct calendar_result merged = {0};
	bool found;

	if (store_event_get_row(p->e->store, j->rowid, &now, err) ||
	    store_outbox_get(p->e->store, j->rowid, &op, &found, err))
		return -1;
	if (!found)
		return err_set(err, ERR_STORE, "event '%s': what waited of it is gone", now.id);
	if (now.calendar_id !=
	    p->c->id) { /* moved on while it was under way: from where it is now */
		op.move_from = p->c->id;
		return store_outbox_put(p->e->store, &op, err);
	}
	/* Also when a delete waits: what was edited at Google before the move beats it. */
	if (arrive(p->e->store, &now, &op, err) ||
	    store_event_get_row(p->e->store, j->rowid, &arrived, err) ||
	    apply_item(p->e, p->c, &arrived, answer, &merged, err))
		return -1;
	p->r->conflicts += merged.conflicts;
	return 0;
}

int move_done(struct push *p, struct job *j, struct json_object *answer, struct err *err)
{
	return push_in_transaction(p, j, answer, write_moved, err);
}

/* Nobody has it any more: an edit beats a delete. tombstone: what its new calendar keeps of it. */
static int write_anew(struct push *p, struct job *j, struct json_object *tombstone, struct err *err)
{
	AUTO(event_release) struct event now = {0};
	AUTO(outbox_release) struct outbox op = {0};
	bool found;

	if (store_event_get_row(p->e->store, j->rowid, &now, err) ||
	    store_outbox_get(p->e->store, j->rowid, &op, &found, err))
		return -1;
	/* Deleted, or moved on, while it was looked for: that is another request. */
	if (now.hidden || now.calendar_id != p->c->id)
		return 0;
	log_info("push", "event %s: deleted at Google before it was moved: made anew", now.id);
	p->r->conflicts++;
	if (now.base && json_has(j->tombstone, "start") &&
	    push_take_last_version(p, &now, now.base, j->tombstone, err))
		return -1;
	json_object_put(TAKE(now.base));
	now.at_google = false;
	xstr_set(&now.etag, event_is_cancelled(tombstone) ? json_str(tombstone, "etag") : NULL);
	if (event_is_cancelled(now.resource))
		json_set_str(now.resource, "status", "confirmed");
	op.event_rowid = now.rowid;
	op.op = PENDING_CREATE;
	op.move_from = 0;
	op.attempts = 0;
	json_object_put(TAKE(op.sent)); /* no version of what is here now */
	push_event_renewed(&now);
	if (store_event_put(p->e->store, &now, err) || store_outbox_put(p->e->store, &op, err))
		return -1;
	return event_is_master(now.resource) ? push_series_renewed(p, &now, now.id, err) : 0;
}

/* An event that is live, and not a guest's copy. */
static bool is_there(const struct json_object *remote)
{
	return remote && !event_is_cancelled(remote) && event_is_organized(remote);
}

/* *out NULL: there is none. */
static int look(struct push *p, const char *calendar, const char *id, struct json_object **out,
		struct err *err)
{
	struct err why;

	*out = NULL;
	if (!engine_get_event(p->e, calendar, id, GET_SURELY, out, &why))
		return 0;
	/* 403: a calendar that may not be read holds nothing of ours. */
	if (why.code == ERR_NOT_FOUND || why.code == ERR_GONE || why.code == ERR_FORBIDDEN)
		return 0;
	*err = why;
	return -1;
}

static int write_from(struct push *p, struct job *j, struct json_object *unused, struct err *err)
{
	AUTO(outbox_release) struct outbox op = {0};
	bool found;

	(void)unused;
	if (store_outbox_get(p->e->store, j->rowid, &op, &found, err))
		return -1;
	op.move_from = j->found_in;
	return found ? store_outbox_put(p->e->store, &op, err) : 0;
}

/* The last of them is that of the calendar in which it was deleted. */
static void note_tombstone(struct job *j, int64_t calendar, struct json_object *remote)
{
	if (!event_is_cancelled(remote) || event_is_exception(remote) ||
	    (j->died_in && remote_updated_ms(remote) <= remote_updated_ms(j->tombstone)))
		return;
	j->died_in = calendar;
	json_object_put(j->tombstone);
	j->tombstone = json_object_get(remote);
}

/* Somebody moved it to a calendar of this account that is neither. An occurrence is where its
 * series is, also when it is cancelled there. */
int move_look_elsewhere(struct push *p, struct job *j, struct json_object **out, struct err *err)
{
	AUTO(calendar_list_release) struct calendar_list list = {0};

	j->found_in = j->died_in = 0;
	if (store_calendar_list(p->e->store, p->c->account_id, &list, err))
		return -1;
	for (size_t i = 0; i < list.count && !j->found_in; i++) {
		const struct calendar *c = &list.items[i];
		AUTO(json_object_put) struct json_object *remote = NULL;
		AUTO(json_object_put) struct json_object *series = NULL;

		if (c->gone || c->id == p->c->id || c->id == j->op.move_from)
			continue;
		if (look(p, c->google_id, j->row.id, &remote, err))
			return -1;
		if (event_is_exception(remote) && event_is_cancelled(remote) &&
		    look(p, c->google_id, json_str(remote, "recurringEventId"), &series, err))
			return -1;
		if (!is_there(remote) && !is_there(series)) {
			if (calendar_takes_writes(c))
				note_tombstone(j, c->id, remote);
			continue;
		}
		j->found_in = c->id;
		*out = TAKE(remote);
	}
	return 0;
}

/*
 * Whether its old calendar may be read at all: "not there" means something only then. Of one that
 * was taken away, Google says 403, or 404 as of an event that is gone. *out false: *out_why says
 * why.
 */
static int may_read_source(struct push *p, const struct job *j, bool *out, struct err *out_why,
			   struct err *err)
{
	AUTO(json_object_put) struct json_object *page = NULL;
	AUTO(strbuf_release) struct strbuf path = STRBUF_INIT;
	AUTO(calendar_release) struct calendar from = {0};
	struct gcall call = {.method = "GET"};
	struct err why;

	if (store_calendar_get(p->e->store, j->op.move_from, &from, err))
		return -1;
	path_events(&path, from.google_id, NULL);
	strbuf_adds(&path, "?maxResults=1&fields=kind");
	call.path = path.buf;
	*out = !google_call(p->e->google, &call, &page, &why);
	if (*out)
		return 0;
	if (why.code != ERR_NOT_FOUND && why.code != ERR_FORBIDDEN) {
		*err = why;
		return -1;
	}
	engine_explain_calendar(&from, &why);
	*out_why = why;
	return 0;
}

int move_missed(struct push *p, struct job *j, const struct err *why, struct err *err)
{
	struct err unreadable;
	bool readable;
	AUTO(json_object_put) struct json_object *here = NULL;
	AUTO(json_object_put) struct json_object *there = NULL;
	AUTO(json_object_put) struct json_object *elsewhere = NULL;

	if (look(p, p->c->google_id, j->row.id, &here, err))
		return -1;
	if (is_there(here)) {
		p->r->pushed.updated++;
		if (event_is_master(
			    here)) /* not always the one that was moved: another one may be there */
			instance_note_other_series(p, j->row.id);
		return move_done(p, j, here, err);
	}
	if (look(p, j->from, j->row.id, &there, err))
		return -1;
	if (is_there(there) && why->code == ERR_NOT_FOUND) /* the calendar, or that passes */
		return push_missed(p, j, why, err);
	if (is_there(there)) /* the new calendar takes no such id */
		return push_refused(p, j, why, err);
	if (move_look_elsewhere(p, j, &elsewhere, err))
		return -1;
	if (j->found_in)
		return push_in_transaction(p, j, NULL, write_from, err);
	note_tombstone(j, j->op.move_from, there);
	if (may_read_source(p, j, &readable, &unreadable, err))
		return -1;
	if (!readable) /* it is there, for all we know: a new one would double it */
		return push_waits(p, j, &unreadable, err);
	return push_in_transaction(p, j, here, write_anew, err);
}

/* Changed in its old calendar since: an edit beats a delete, and it goes on waiting. */
static int write_changed(struct push *p, struct job *j, struct json_object *remote, struct err *err)
{
	AUTO(calendar_release) struct calendar from = {0};
	bool taken;

	if (store_calendar_get(p->e->store, j->op.move_from, &from, err))
		return -1;
	return move_seen_at_source(p->e, &from, remote, p->r, &taken, err);
}

int move_delete_missed(struct push *p, struct job *j, const struct err *why, struct err *err)
{
	AUTO(json_object_put) struct json_object *here = NULL;
	AUTO(json_object_put) struct json_object *there = NULL;

	if (look(p, p->c->google_id, j->row.id, &here, err))
		return -1;
	if (is_there(here))
		return push_in_transaction(p, j, here, write_moved, err);
	if (why->code != ERR_GONE && look(p, j->from, j->row.id, &there, err))
		return -1;
	if (there && !event_is_cancelled(there))
		return why->code == ERR_PRECONDITION
			       ? push_in_transaction(p, j, there, write_changed, err)
			       : push_missed(p, j, why, err);
	return push_deleted(p, j, err);
}
