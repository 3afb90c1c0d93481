/*
 * Moving an event to another calendar of its account.
 *
 *   Google has it in A      row in B, an update with move_from = A (B does not have it yet)
 *   not sent yet            row in B: just another calendar for the insert
 *   sent, no answer         row in B, a create with move_from = A: it may be there
 *   waits to move from A    to C: move_from stays A; back to A: nothing is left of it, unless the
 *                           move was tried and may have been made: then it goes from B to A
 *
 * The exceptions of a series have entries of their own, which wait for the series' (sync/move.c).
 */
#include "sync/local.h"

#include <string.h>

#include "base/xalloc.h"
#include "base/banned.h"
#include "model/event.h"
#include "model/rights.h"
#include "sync/occurrences.h"

struct mover {
	struct store *s;
	struct clock *clock;
	const struct local_options *o;
	const struct calendar *to;
};

/* --- what may be moved --------------------------------------------------------------------- */

static int check_event(const struct event *e, struct err *err)
{
	const char *type = json_str(e->resource, "eventType");
	const char *series = json_str(e->resource, "recurringEventId");
	const char *organizer = json_path_str(e->resource, "organizer/email");

	if (series)
		return err_set(
			err, ERR_INVALID,
			"event '%s' is one occurrence of series '%s', which moves as a whole",
			e->id, series);
	if (type && strcmp(type, "default") != 0)
		return err_set(err, ERR_READ_ONLY,
			       "event '%s' is of type '%s': Google moves only ordinary events",
			       e->id, type);
	if (!event_is_organized(e->resource))
		return err_set(err, ERR_READ_ONLY, "only the organizer (%s) may move event '%s'",
			       organizer ? organizer : "another calendar", e->id);
	return 0;
}

static int check_places(struct store *s, const struct calendar *from, const struct calendar *to,
			struct err *err)
{
	AUTO(free) char *word = account_word(to->account);

	if (from->account_id != to->account_id)
		return err_set(
			err, ERR_INVALID,
			"calendar '%s' is one of account '%s', the event of account '%s': it "
			"cannot be moved there, only copied (calsync event show --json ID, then "
			"calsync -a %s event add --from-json -) and then removed here",
			to->summary, to->account, from->account, word);
	return local_check_writable(s, from, err) || local_check_writable(s, to, err) ? -1 : 0;
}

/* A row in the way: what is left of an occurrence that is over goes, an event stays. */
static int clear_place(struct store *s, const struct calendar *to, const char *id, struct err *err)
{
	AUTO(event_release) struct event there = {0};
	bool found;

	if (store_event_get(s, to->id, id, &there, &found, err))
		return -1;
	if (!found)
		return 0;
	if (event_is_cancelled(there.resource) && there.pending == PENDING_NONE)
		return store_event_delete(s, there.rowid, err);
	return err_set(err, ERR_INVALID, "calendar '%s' has an event '%s' already%s", to->summary,
		       id, event_is_organized(there.resource) ? "" : ", as an invitation");
}

/* --- one row ------------------------------------------------------------------------------- */

/* Of an event that has not been asked to move before. */
static void leave_first(struct event *row, struct outbox *op, bool *waits)
{
	bool may_be_there = op->op == PENDING_CREATE && op->attempts > 0 && !row->etag;

	if (!row->at_google && !may_be_there) {
		/* A tombstone of the old calendar is no business of the new one. */
		if (op->op == PENDING_CREATE)
			xstr_set(&row->etag, NULL);
		return;
	}
	op->move_from = row->calendar_id;
	op->attempts = 0;
	if (*waits)
		return;
	*waits = true;
	op->event_rowid = row->rowid;
	op->op = PENDING_UPDATE;
	op->created_ms = row->changed_ms;
}

/* Of one that waits to move already. */
static void leave_again(const struct mover *m, struct event *row, struct outbox *op)
{
	if (op->move_from != m->to->id)
		return;
	if (op->attempts > 0) {
		op->move_from = row->calendar_id;
		return;
	}
	op->move_from = 0;
	if (op->op == PENDING_CREATE)
		op->attempts = 1;
	else
		row->at_google = true; /* only what is at Google waits to be moved */
}

static void queue(const struct mover *m, struct outbox *op)
{
	if (op->state != OUTBOX_CONFLICT) /* a person still has to decide */
		op->state = m->o->no_sync ? OUTBOX_HELD : OUTBOX_QUEUED;
	op->not_before_ms = 0;
	xstr_set(&op->last_error, NULL);
	local_widen_send_updates(op, m->o->send_updates);
}

/* It is back where Google has it, as Google has it. */
static bool is_undone(const struct event *row, const struct outbox *op)
{
	return row->at_google && !op->move_from && op->op == PENDING_UPDATE &&
	       op->state != OUTBOX_CONFLICT && !op->sent && event_equal(row->resource, row->base);
}

static int move_row(const struct mover *m, struct event *row, struct err *err)
{
	AUTO(outbox_release) struct outbox op = {0};
	struct json_object *seen = row->hidden ? NULL : row->resource;
	bool waits;

	row->changed_ms = local_later_than(row->changed_ms, m->clock);
	if (store_outbox_get(m->s, row->rowid, &op, &waits, err) ||
	    clear_place(m->s, m->to, row->id, err) ||
	    local_note_change(m->s, row, m->o, seen, NULL, err))
		return -1;
	if (waits && op.move_from)
		leave_again(m, row, &op);
	else
		leave_first(row, &op, &waits);
	row->calendar_id = m->to->id;
	if (!op.move_from && occurrence_is_computed(row)) /* it was looked at where it was */
		xstr_set(&row->etag, NULL);
	row->generation = 0; /* no listing of that calendar has shown it */
	if (local_note_change(m->s, row, m->o, NULL, seen, err))
		return -1;
	if (!waits)
		return store_event_put(m->s, row, err);
	if (op.move_from && !row->base && op.op == PENDING_UPDATE)
		row->base = json_clone(row->resource);
	xstr_set(&row->last_error, NULL);
	row->sync_status = SYNC_LOCAL_ONLY;
	if (is_undone(row, &op)) {
		json_object_put(row->resource);
		row->resource = TAKE(row->base);
		row->sync_status = SYNC_SYNCED;
		return store_outbox_delete(m->s, row->rowid, err) || store_event_put(m->s, row, err)
			       ? -1
			       : 0;
	}
	if (op.move_from)
		row->at_google = false; /* not in this calendar */
	queue(m, &op);
	return store_event_put(m->s, row, err) || store_outbox_put(m->s, &op, err) ? -1 : 0;
}

/* --- an event with what belongs to it ------------------------------------------------------ */

static int move_exceptions(const struct mover *m, const char *series, int64_t from, struct err *err)
{
	AUTO(event_list_release) struct event_list list = {0};

	if (store_event_occurrences(m->s, from, series, &list, err))
		return -1;
	for (size_t i = 0; i < list.count; i++)
		if (move_row(m, &list.items[i], err))
			return -1;
	return 0;
}

static int move(const struct mover *m, int64_t rowid, int64_t to_calendar_id, struct err *err)
{
	AUTO(calendar_release) struct calendar from = {0};
	AUTO(calendar_release) struct calendar to = {0};
	AUTO(event_release) struct event row = {0};
	struct mover there;

	if (local_read(m->s, rowid, &row, err) ||
	    store_calendar_get(m->s, row.calendar_id, &from, err) ||
	    store_calendar_get(m->s, to_calendar_id, &to, err))
		return -1;
	if (row.calendar_id == to.id)
		return 0;
	there = *m;
	there.to = &to;
	if (check_event(&row, err) || check_places(m->s, &from, &to, err) ||
	    move_row(&there, &row, err))
		return -1;
	return event_is_master(row.resource) ? move_exceptions(&there, row.id, from.id, err) : 0;
}

int local_move(struct store *s, struct clock *clock, int64_t rowid, int64_t to_calendar_id,
	       const struct local_options *o, struct event *out, struct err *err)
{
	struct mover m = {.s = s, .clock = clock, .o = o};
	bool own;

	if (local_begin(s, &own, err) ||
	    local_finish(s, own, move(&m, rowid, to_calendar_id, err), err))
		return -1;
	return store_event_get_row(s, rowid, out, err);
}
