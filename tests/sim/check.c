/*
 * S  At the end every store equals Google: calendar by calendar the same live events with the same
 *    units and etags, the same cancelled occurrences of live series, and nothing waits. A row may
 *    be out of step when it is held by --no-sync, or when Google refused it and the reason is
 *    still there; what it knows of Google's version must be true all the same.
 */
#include <string.h>

#include "base/xalloc.h"
#include "cover.h"
#include "fields.h"
#include "world.h"

#include "base/banned.h"

struct held_event {
	const char *calendar, *id;
	struct json_object *resource;
	bool stub;
};

struct held_events {
	struct world *w;
	struct held_event *list;
	size_t count;
};

static int collect(const struct fg_held *held, void *arg)
{
	struct held_events *all = arg;
	bool ours = false;

	for (int i = 0; i < all->w->h->calendars; i++)
		ours |= !strcmp(all->w->calendars[i], held->calendar);
	if (!ours)
		return 0;
	if (!(all->count & (all->count + 1)))
		all->list = xreallocarray(all->list, 2 * all->count + 1, sizeof(*all->list));
	all->list[all->count++] =
		(struct held_event){held->calendar, held->id, held->resource, held->stub};
	return 0;
}

static bool is_cancelled(const struct json_object *resource)
{
	const char *status = json_str(resource, "status");

	return status && !strcmp(status, "cancelled");
}

static const struct held_event *held_find(const struct held_events *all, const char *calendar,
					  const char *id)
{
	for (size_t i = 0; i < all->count; i++)
		if (!strcmp(all->list[i].id, id) && !strcmp(all->list[i].calendar, calendar))
			return &all->list[i];
	return NULL;
}

static const struct peek_row *row_find(const struct peek_rows *rows, int64_t calendar,
				       const char *id)
{
	for (size_t i = 0; i < rows->count; i++)
		if (rows->list[i].calendar == calendar && !strcmp(rows->list[i].id, id))
			return &rows->list[i];
	return NULL;
}

static int calendar_index(const struct side *s, int64_t row)
{
	for (int i = 0; i < s->world->h->calendars; i++)
		if (s->calendars[i] == row)
			return i;
	return -1;
}

#define BREAK(s, ...) world_break((s)->world, "S every store equals Google", __VA_ARGS__)

/* --- rows out of step ------------------------------------------------------------------------- */

/* Google refuses what a guest changes of somebody else's event, occurrences that are none, and an
 * id that is taken. */
static bool is_rightly_refused(const struct held_events *all, const char *calendar,
			       const struct peek_row *row)
{
	const char *master = json_str(row->resource, "recurringEventId");
	const struct held_event *held = held_find(all, calendar, row->id);
	const struct held_event *series = master ? held_find(all, calendar, master) : NULL;

	if (!row->last_error)
		return false;
	if (row->move_from) /* to where a deleted event has its id, which a move cannot change */
		return held && is_cancelled(held->resource);
	if (fields_scope(row->resource) == FIELDS_INVITATION)
		return strstr(row->last_error, "forbiddenForNonOrganizer") != NULL;
	return master && (!held || held->stub || !series || is_cancelled(series->resource));
}

/* It goes with its series, whose delete is held back. */
static bool is_hidden_with_series(const struct peek_rows *rows, const struct peek_row *row)
{
	const char *master = json_str(row->resource, "recurringEventId");
	const struct peek_row *series = master ? row_find(rows, row->calendar, master) : NULL;

	return row->hidden && series && series->state && series->op &&
	       !strcmp(series->state, "held") && !strcmp(series->op, "delete");
}

/* Until somebody sends it, or edits what Google refused: whether that was right is asked of the
 * series. */
bool check_waits_for_series(const struct peek_rows *rows, const struct peek_row *row)
{
	const char *master = json_str(row->resource, "recurringEventId");
	const struct peek_row *series = master ? row_find(rows, row->calendar, master) : NULL;

	return series && series->state &&
	       (!strcmp(series->state, "held") || !strcmp(series->state, "refused")) &&
	       (!strcmp(series->op, "create") || series->move_from);
}

static bool is_out_of_step(struct side *s, const struct held_events *all,
			   const struct peek_rows *rows, const char *calendar,
			   const struct peek_row *row)
{
	if (!row->op) /* made with --no-sync: it never was queued */
		return !row->at_google && !strcmp(row->sync_status, "local_only");
	if (!strcmp(row->state, "held")) {
		COVER(seen[SEEN_HELD]);
		return true;
	}
	if (!strcmp(row->state, "refused") && is_rightly_refused(all, calendar, row)) {
		COVER(seen[SEEN_REFUSED]);
		return true;
	}
	if (check_waits_for_series(rows, row))
		return true;
	BREAK(s, "store %d, event %s: %s is %s (%s)", s->index + 1, row->id, row->op, row->state,
	      row->last_error ? row->last_error : "no reason");
	return false;
}

/* --- one row, one event ----------------------------------------------------------------------- */

/* As Google shows it to the account: of private events that may only be read, the times. */
static struct json_object *as_seen(struct world *w, const struct held_event *held)
{
	AUTO(free) char *path = NULL;

	if (strcmp(held->calendar, w->calendars[2]) != 0)
		return json_object_get(held->resource);
	path = xasprintf("calendars/shown%%40group.calendar.google.com/events/%s", held->id);
	return hand_ask(w, HAND_ACCOUNT, "GET", path, NULL);
}

static void check_same(struct side *s, const struct peek_row *row, const struct json_object *mine,
		       const struct held_event *held)
{
	AUTO(strbuf_release) struct strbuf diff = STRBUF_INIT;
	AUTO(units_release) struct units here = {0};
	AUTO(units_release) struct units there = {0};
	AUTO(json_object_put) struct json_object *seen = as_seen(s->world, held);
	const char *etag = json_str(seen, "etag");

	units_read(mine, &here);
	units_read(seen, &there);
	if (units_differ(&here, &there, &diff))
		BREAK(s, "store %d, event %s, here and at Google: %s", s->index + 1, row->id,
		      diff.buf);
	if (!row->etag || strcmp(row->etag, etag) != 0)
		BREAK(s, "store %d, event %s: etag %s, at Google %s", s->index + 1, row->id,
		      row->etag ? row->etag : "none", etag);
}

static void check_row(struct side *s, const struct held_events *all, const struct peek_rows *rows,
		      const struct peek_row *row)
{
	int i = calendar_index(s, row->calendar);
	const char *calendar = i < 0 ? "?" : s->world->calendars[i];
	const struct held_event *held = held_find(all, calendar, row->id);
	bool live = held && !held->stub && !is_cancelled(held->resource);

	if (row->op || !row->at_google) {
		if (!is_out_of_step(s, all, rows, calendar, row))
			return;
		if (live && row->at_google)
			check_same(s, row, row->base ? row->base : row->resource, held);
		return;
	}
	if (is_cancelled(row->resource)) {
		if (live)
			BREAK(s, "store %d, occurrence %s is cancelled here, and lives at Google",
			      s->index + 1, row->id);
		return;
	}
	if (is_hidden_with_series(rows, row)) {
		if (live)
			check_same(s, row, row->resource, held);
		return;
	}
	if (!live)
		BREAK(s, "store %d, event %s lives here, and not at Google", s->index + 1, row->id);
	else if (strcmp(row->sync_status, "synced") != 0 || row->base || row->hidden)
		BREAK(s, "store %d, event %s: nothing waits, yet it is %s", s->index + 1, row->id,
		      row->sync_status);
	else
		check_same(s, row, row->resource, held);
}

/* A cancelled occurrence means something only beside its live series. */
static bool is_missed(const struct held_events *all, const struct held_event *held)
{
	const char *master = json_str(held->resource, "recurringEventId");
	const struct held_event *series;

	if (held->stub)
		return false;
	if (!is_cancelled(held->resource))
		return true;
	series = master ? held_find(all, held->calendar, master) : NULL;
	return series && !series->stub && !is_cancelled(series->resource);
}

/* It is in another calendar here, held back with --no-sync, or refused (is_out_of_step() asks
 * why). */
static bool is_moved_here(const struct peek_rows *rows, int64_t calendar, const char *id)
{
	for (size_t i = 0; i < rows->count; i++) {
		const struct peek_row *row = &rows->list[i];

		if (row->move_from == calendar && !strcmp(row->id, id) &&
		    (!strcmp(row->state, "held") || !strcmp(row->state, "refused")))
			return true;
	}
	return false;
}

/* Or with its series. */
static bool is_away(const struct peek_rows *rows, int64_t calendar, const struct held_event *held)
{
	const char *master = json_str(held->resource, "recurringEventId");

	return is_moved_here(rows, calendar, held->id) ||
	       (master && is_moved_here(rows, calendar, master));
}

static void check_side(struct side *s, const struct held_events *all)
{
	AUTO(peek_rows_release) struct peek_rows rows = {0};

	peek_parsed(s->peek, &rows);
	for (size_t i = 0; i < rows.count; i++)
		check_row(s, all, &rows, &rows.list[i]);
	for (size_t i = 0; i < all->count; i++) {
		const struct held_event *held = &all->list[i];
		const struct peek_row *row = NULL;
		bool away = false;

		for (int k = 0; k < s->world->h->calendars && !row; k++)
			if (!strcmp(s->world->calendars[k], held->calendar)) {
				row = row_find(&rows, s->calendars[k], held->id);
				away = is_away(&rows, s->calendars[k], held);
			}
		if (!row && !away && is_missed(all, held))
			BREAK(s, "store %d, event %s of %s is not here", s->index + 1, held->id,
			      held->calendar);
		if (row && !row->op && is_missed(all, held) && is_cancelled(held->resource) &&
		    !is_cancelled(row->resource))
			BREAK(s, "store %d, occurrence %s lives here, and is cancelled at Google",
			      s->index + 1, held->id);
	}
}

void check_sides(struct world *w)
{
	struct held_events all = {.w = w};

	fg_each_event(w->fg, collect, &all);
	for (int i = 0; i < w->h->stores && !w->broken; i++)
		check_side(&w->sides[i], &all);
	free(all.list);
}

/* --- the ledger ------------------------------------------------------------------------------- */

static void add_rows(struct side *s, struct peek_rows *rows, struct ending *e)
{
	peek_parsed(s->peek, rows);
	for (size_t i = 0; i < rows->count; i++) {
		const struct peek_row *row = &rows->list[i];
		int k = calendar_index(s, row->calendar);

		if (row->op || !row->at_google || row->hidden)
			ending_add(e, s->index, row->resource, row->id,
				   k < 0 ? "?" : s->world->calendars[k], row->at_google);
	}
}

void check_ledger(struct world *w)
{
	AUTO(ending_release) struct ending e = {0};
	AUTO(strbuf_release) struct strbuf why = STRBUF_INIT;
	struct peek_rows rows[SIM_STORES] = {0};
	struct held_events all = {.w = w};
	const char *rule;

	fg_each_event(w->fg, collect, &all);
	for (size_t i = 0; i < all.count; i++)
		if (!all.list[i].stub && !is_cancelled(all.list[i].resource))
			ending_add(&e, AT_GOOGLE, all.list[i].resource, all.list[i].id,
				   all.list[i].calendar, true);
	for (int i = 0; i < w->h->stores; i++) {
		watch_log(&w->sides[i]);
		add_rows(&w->sides[i], &rows[i], &e);
	}
	rule = ledger_judge(w->ledger, &e, &why);
	if (rule)
		world_break(w, rule, "%s", why.buf);
	for (int i = 0; i < w->h->stores; i++)
		peek_rows_release(&rows[i]);
	free(all.list);
}
