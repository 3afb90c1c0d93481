/* What people do at a store: through the functions that the commands call. */
#include <string.h>

#include "base/xalloc.h"
#include "cover.h"
#include "fields.h"
#include "pick.h"
#include "rng.h"
#include "ical/recur.h"
#include "sync/local.h"
#include "sync/local_series.h"
#include "sync/split.h"
#include "world.h"

#include "base/banned.h"

/* A command's error is a breach, unless it is one that the product documents for the case. */
static bool refused(struct side *s, const char *what, const struct err *err, enum err_code expected)
{
	if (err->code != expected)
		world_break(s->world, "U a command does its work", "store %d: %s: %s", s->index + 1,
			    what, err->msg);
	else
		world_trace(s->world, "       refused: %s", err->msg);
	return false;
}

/* Whether the edit holds although the process that made it died. */
static bool holds(struct side *s, bool *out_died)
{
	enum point point;

	*out_died = crash_over(s, &point);
	return !*out_died || point == POINT_COMMITTED || point == POINT_WRITTEN;
}

/* --- rows ------------------------------------------------------------------------------------- */

static const struct peek_row *by_mark(const struct peek_rows *rows, const char *mark)
{
	for (size_t i = 0; i < rows->count; i++) {
		AUTO(free) char *has = event_mark(rows->list[i].resource);

		if (has && !strcmp(has, mark))
			return &rows->list[i];
	}
	return NULL;
}

static bool is_shown(const struct peek_row *row)
{
	const char *status = json_str(row->resource, "status");

	return !row->hidden && (!status || strcmp(status, "cancelled") != 0);
}

/* The one that the seed picks, among those that a person sees. */
static const struct peek_row *find(const struct peek_rows *rows, uint32_t seed)
{
	struct pick pick = {seed, 0};
	const struct peek_row *best = NULL;

	for (size_t i = 0; i < rows->count; i++)
		if (is_shown(&rows->list[i]) &&
		    pick_better(&pick, rows->list[i].resource, rows->list[i].id))
			best = &rows->list[i];
	return best;
}

static bool is_read_only(const struct side *s, int64_t calendar)
{
	return s->world->h->calendars > 2 && calendar == s->calendars[2];
}

static enum err_code expected_of(const struct side *s, int64_t calendar)
{
	return is_read_only(s, calendar) ? ERR_READ_ONLY : ERR_NONE;
}

/* --- commands --------------------------------------------------------------------------------- */

static bool add(struct side *s, const struct op *op, int crash_at, bool series, bool held)
{
	struct rng r = rng_from(op->seed, 2);
	int64_t calendar = s->calendars[rng_below(&r, s->world->h->calendars)];
	AUTO(json_object_put) struct json_object *body = fields_make(&r, op->no, series);
	AUTO(free) char *mark = event_mark(body);
	AUTO(event_release) struct event e = {0};
	AUTO(peek_rows_release) struct peek_rows rows = {0};
	struct local_options o = {.no_sync = held};
	const struct peek_row *row;
	struct err err;
	bool died;
	int status;

	crash_arm(s, crash_at);
	status = local_add(s->store, &s->clock.clock, calendar, body, &o, &e, &err);
	if (!holds(s, &died))
		return false;
	if (status && !died)
		return refused(s, "add", &err, expected_of(s, calendar));
	peek_parsed(s->peek, &rows);
	row = by_mark(&rows, mark);
	if (!row) {
		world_break(s->world, "D durable first", "store %d: added %s, and it is not there",
			    s->index + 1, mark);
		return false;
	}
	world_trace(s->world, "       %s: %s", row->id, json_text(body));
	ledger_write(s->world->ledger, s->index, op->no, NULL, row->resource);
	return true;
}

static bool edit(struct side *s, const struct op *op, int crash_at, bool held)
{
	struct rng r = rng_from(op->seed, 2);
	AUTO(json_object_put) struct json_object *after = NULL;
	AUTO(peek_rows_release) struct peek_rows rows = {0};
	AUTO(event_release) struct event e = {0};
	struct local_options o = {.no_sync = held};
	const struct peek_row *row;
	struct err err;
	bool died;
	int status;

	peek_parsed(s->peek, &rows);
	row = find(&rows, op->seed);
	if (!row)
		return false;
	after = json_clone(row->resource);
	fields_change(&r, op->no, fields_scope(row->resource), after);
	crash_arm(s, crash_at);
	status = local_edit(s->store, &s->clock.clock, row->row, after, &o, &e, &err);
	if (!holds(s, &died))
		return false;
	if (status && !died)
		return refused(s, "edit", &err, expected_of(s, row->calendar));
	world_trace(s->world, "       %s: %s", row->id, json_text(after));
	ledger_write(s->world->ledger, s->index, op->no, row->resource, after);
	return true;
}

static bool delete_event(struct side *s, const struct op *op, int crash_at, bool held)
{
	AUTO(peek_rows_release) struct peek_rows rows = {0};
	struct local_options o = {.no_sync = held};
	const struct peek_row *row;
	struct err err;
	bool gone, died;
	int status;

	peek_parsed(s->peek, &rows);
	row = find(&rows, op->seed);
	if (!row)
		return false;
	crash_arm(s, crash_at);
	status = local_delete(s->store, &s->clock.clock, row->row, &o, &gone, &err);
	if (!holds(s, &died))
		return false;
	if (status && !died)
		return refused(s, "rm", &err, expected_of(s, row->calendar));
	world_trace(s->world, "       %s", row->id);
	ledger_delete(s->world->ledger, s->index, op->no, row->resource);
	for (size_t i = 0; i < rows.count; i++) { /* a series takes its occurrences along */
		const char *master = json_str(rows.list[i].resource, "recurringEventId");

		if (master && rows.list[i].calendar == row->calendar && !strcmp(master, row->id) &&
		    is_shown(&rows.list[i]))
			ledger_delete(s->world->ledger, s->index, op->no, rows.list[i].resource);
	}
	return true;
}

/* --- occurrences, calendars ------------------------------------------------------------------- */

/* A series that the seed picks, and one of its first occurrences. */
static const struct peek_row *find_series(const struct side *s, struct peek_rows *rows,
					  uint32_t seed, struct occurrence *out)
{
	AUTO(occurrence_list_release) struct occurrence_list list = {0};
	struct pick pick = {seed, 0};
	struct peek_row *best = NULL;
	struct err err;
	size_t i;

	(void)s;
	for (i = 0; i < rows->count; i++)
		if (is_shown(&rows->list[i]) && json_get(rows->list[i].resource, "recurrence") &&
		    pick_better(&pick, rows->list[i].resource, rows->list[i].id))
			best = &rows->list[i];
	if (!best ||
	    recur_expand(best->resource, SIM_ZONE, RECUR_PAST, RECUR_FUTURE, 5, &list, &err) ||
	    !list.count)
		return NULL;
	i = seed % list.count;
	*out = list.items[i];
	memset(&list.items[i], 0, sizeof(list.items[i]));
	return best;
}

/* What a person sees of it: its row, or what the series says. NULL: it is cancelled. Caller's. */
static struct json_object *occurrence_seen(const struct peek_rows *rows,
					   const struct peek_row *series,
					   const struct occurrence *at)
{
	for (size_t i = 0; i < rows->count; i++)
		if (rows->list[i].calendar == series->calendar && !strcmp(rows->list[i].id, at->id))
			return is_shown(&rows->list[i]) ? json_clone(rows->list[i].resource) : NULL;
	return split_instance(series->resource, SIM_ZONE, at);
}

static bool edit_occurrence(struct side *s, const struct op *op, int crash_at)
{
	struct rng r = rng_from(op->seed, 2);
	AUTO(json_object_put) struct json_object *before = NULL;
	AUTO(json_object_put) struct json_object *after = NULL;
	AUTO(occurrence_release) struct occurrence at = {0};
	AUTO(peek_rows_release) struct peek_rows rows = {0};
	AUTO(event_release) struct event e = {0};
	struct local_options o = {0};
	const struct peek_row *series;
	struct err err;
	bool died;
	int status;

	peek_parsed(s->peek, &rows);
	series = find_series(s, &rows, op->seed, &at);
	before = series ? occurrence_seen(&rows, series, &at) : NULL;
	if (!before || fields_scope(series->resource) == FIELDS_INVITATION)
		return false;
	after = json_clone(before);
	fields_change(&r, op->no, FIELDS_OCCURRENCE, after);
	crash_arm(s, crash_at);
	status = local_occurrence_edit(s->store, &s->clock.clock, series->row, &at, after, &o, &e,
				       &err);
	if (!holds(s, &died))
		return false;
	if (status && !died)
		return refused(s, "edit --occurrence", &err, expected_of(s, series->calendar));
	world_trace(s->world, "       %s: %s", at.id, json_text(after));
	ledger_write(s->world->ledger, s->index, op->no, before, after);
	return true;
}

static bool cancel_occurrence(struct side *s, const struct op *op, int crash_at)
{
	AUTO(json_object_put) struct json_object *before = NULL;
	AUTO(occurrence_release) struct occurrence at = {0};
	AUTO(peek_rows_release) struct peek_rows rows = {0};
	AUTO(event_release) struct event e = {0};
	struct local_options o = {0};
	const struct peek_row *series;
	struct err err;
	bool died;
	int status;

	peek_parsed(s->peek, &rows);
	series = find_series(s, &rows, op->seed, &at);
	before = series ? occurrence_seen(&rows, series, &at) : NULL;
	if (!before || fields_scope(series->resource) == FIELDS_INVITATION)
		return false;
	crash_arm(s, crash_at);
	status = local_occurrence_delete(s->store, &s->clock.clock, series->row, &at, &o, &e, &err);
	if (!holds(s, &died))
		return false;
	if (status && !died)
		return refused(s, "rm --occurrence", &err, expected_of(s, series->calendar));
	world_trace(s->world, "       %s", at.id);
	ledger_delete(s->world->ledger, s->index, op->no, before);
	return true;
}

struct moved {
	struct side *side;
	const char *series;
	unsigned no;
};

/* Its changed occurrences go along at Google, also those that this store has not heard of. */
static int note_moved(const struct fg_held *held, void *arg)
{
	const struct moved *m = arg;
	const char *series = json_str(held->resource, "recurringEventId");
	const char *status = json_str(held->resource, "status");

	if (series && !strcmp(series, m->series) && status && strcmp(status, "cancelled") != 0)
		ledger_move(m->side->world->ledger, m->side->index, m->no, held->resource,
			    "elsewhere");
	return 0;
}

static bool move(struct side *s, const struct op *op, int crash_at)
{
	AUTO(peek_rows_release) struct peek_rows rows = {0};
	AUTO(event_release) struct event e = {0};
	struct local_options o = {0};
	const struct peek_row *row;
	int64_t to;
	struct err err;
	bool died;
	int status;

	peek_parsed(s->peek, &rows);
	row = find(&rows, op->seed);
	if (s->world->h->calendars < 2 || !row || is_read_only(s, row->calendar) ||
	    fields_scope(row->resource) == FIELDS_OCCURRENCE ||
	    fields_scope(row->resource) == FIELDS_INVITATION)
		return false;
	to = s->calendars[row->calendar == s->calendars[0] ? 1 : 0];
	crash_arm(s, crash_at);
	status = local_move(s->store, &s->clock.clock, row->row, to, &o, &e, &err);
	if (!holds(s, &died))
		return false;
	if (status && !died) /* an event of its id may be there already */
		return refused(s, "move", &err, ERR_INVALID);
	world_trace(s->world, "       %s", row->id);
	ledger_move(s->world->ledger, s->index, op->no, row->resource, "elsewhere");
	for (size_t i = 0; i < rows.count; i++)
		if (rows.list[i].calendar == row->calendar && is_shown(&rows.list[i]) &&
		    json_str(rows.list[i].resource, "recurringEventId") &&
		    !strcmp(json_str(rows.list[i].resource, "recurringEventId"), row->id))
			ledger_move(s->world->ledger, s->index, op->no, rows.list[i].resource,
				    "elsewhere");
	fg_each_event(s->world->fg, note_moved, &(struct moved){s, row->id, op->no});
	return true;
}

bool op_at_store(struct side *s, const struct op *op, int crash_at)
{
	s->world->now_ms += 1000;
	switch ((enum op_kind)op->kind) {
	case OP_L_ADD:
		return add(s, op, crash_at, false, false);
	case OP_L_ADD_SERIES:
		return add(s, op, crash_at, true, false);
	case OP_L_OCCURRENCE:
		return edit_occurrence(s, op, crash_at);
	case OP_L_CANCEL:
		return cancel_occurrence(s, op, crash_at);
	case OP_L_MOVE:
		return move(s, op, crash_at);
	case OP_L_ADD_HELD:
		return add(s, op, crash_at, false, true);
	case OP_L_EDIT:
		return edit(s, op, crash_at, false);
	case OP_L_EDIT_HELD:
		return edit(s, op, crash_at, true);
	case OP_L_DELETE:
		return delete_event(s, op, crash_at, false);
	case OP_L_DELETE_HELD:
		return delete_event(s, op, crash_at, true);
	default:
		abort();
	}
}
