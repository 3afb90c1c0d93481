#include "sync/undo.h"

#include <string.h>

#include "base/xalloc.h"
#include "base/banned.h"
#include "model/event.h"
#include "sync/merge.h"
#include "sync/restore.h"

void undo_result_release(struct undo_result *r)
{
	for (size_t i = 0; i < r->count; i++) {
		event_release(&r->items[i].event);
		json_object_put(r->items[i].before);
		json_object_put(r->items[i].kept);
	}
	free(r->items);
	memset(r, 0, sizeof(*r));
}

/* What one command did to one event: its first and its last row in the log, in one calendar; moved:
 * where it came to be in another one. Borrowed. */
struct deed {
	const struct history *first, *last, *moved;
};

struct undo {
	struct store *s;
	struct clock *clock;
	const struct local_options *o;
	const struct deed *deed;
	struct undo_item *item;
	bool living; /* item->event is a row that a reader sees */
};

static bool same_event(const struct history *a, const struct history *b)
{
	return a->calendar_id == b->calendar_id && !strcmp(a->event_id, b->event_id);
}

static size_t collect(const struct history_list *log, struct deed *deeds)
{
	size_t n = 0;

	for (size_t i = 0; i < log->count; i++) {
		const struct history *h = &log->items[i];
		size_t k = 0;

		if (h->op == HISTORY_KEPT)
			continue;
		while (k < n && !same_event(deeds[k].first, h))
			k++;
		if (k == n)
			deeds[n++].first = h;
		deeds[k].last = h;
	}
	return n;
}

/* An event that went in one calendar and came in another one was moved: one deed of the two. */
static size_t join_moves(struct deed *deeds, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++) {
		for (size_t k = 0; k < count && deeds[i].last->op == HISTORY_DELETE; k++)
			if (!deeds[k].first->resource && deeds[k].last->op != HISTORY_DELETE &&
			    !strcmp(deeds[i].first->event_id, deeds[k].first->event_id))
				deeds[i].moved = deeds[k].first;
	}
	for (size_t i = 0; i < count; i++) {
		bool other_half = false;

		for (size_t k = 0; k < count; k++)
			other_half = other_half || deeds[k].moved == deeds[i].first;
		if (!other_half)
			deeds[kept++] = deeds[i];
	}
	return kept;
}

/* Nothing before, nothing after: an event that came and went within the command. */
static bool is_nothing(const struct deed *d)
{
	return !d->first->resource && d->last->op == HISTORY_DELETE && !d->moved;
}

static enum undo_kind kind_of(const struct deed *d)
{
	if (d->moved)
		return UNDO_MOVE;
	if (!d->first->resource)
		return UNDO_ADD;
	return d->last->op == HISTORY_DELETE ? UNDO_DELETE : UNDO_CHANGE;
}

/* What the command made of the event, as the next change replaced it; NULL: nothing changed it
 * since. One that goes on under another id comes to be there once more, as it was. */
static int replaced_since(struct undo *u, struct json_object **out, struct err *err)
{
	const struct history *last = u->deed->moved ? u->deed->moved : u->deed->last;
	AUTO(history_list_release) struct history_list next = {0};
	struct history_query q = {.calendar_id = last->calendar_id,
				  .event_id = last->event_id,
				  .after = last->id,
				  .changes = true};

	if (store_history_list(u->s, &q, &next, err))
		return -1;
	for (size_t i = 0; i < next.count && !*out; i++)
		*out = json_object_get(next.items[i].resource);
	return 0;
}

/* The row as it is; when there is none, what is known of the event. */
static int look(struct undo *u, struct err *err)
{
	const struct history *h = u->deed->moved ? u->deed->moved : u->deed->first;
	struct event *e = &u->item->event;
	AUTO(json_object_put) struct json_object *known = NULL;
	bool found;

	if (store_event_get(u->s, h->calendar_id, h->event_id, e, &found, err) ||
	    replaced_since(u, &known, err))
		return -1;
	if (!known)
		known = json_object_get(u->deed->first->resource);
	u->living = found && !e->hidden && !event_is_cancelled(e->resource);
	if (u->living) {
		u->item->before = json_clone(e->resource);
		return 0;
	}
	if (found)
		return 0;
	e->calendar_id = h->calendar_id;
	e->id = xstrdup(h->event_id);
	e->account = xstrdup(h->account);
	e->calendar = xstrdup(h->calendar);
	e->resource = known ? json_clone(known) : json_object_new_object();
	u->item->gone = true;
	return 0;
}

static void is_now(struct undo *u, struct event *now_take)
{
	event_release(&u->item->event);
	u->item->event = *now_take;
	u->item->gone = false;
}

static int read_back(struct undo *u, int64_t rowid, struct err *err)
{
	struct event now = {0};

	if (store_event_get_row(u->s, rowid, &now, err))
		return -1;
	is_now(u, &now);
	return 0;
}

/* --- one event ----------------------------------------------------------------------------- */

static int undo_add(struct undo *u, struct err *err)
{
	struct event *e = &u->item->event;
	int64_t rowid = e->rowid;

	if (!u->living) {
		/* It went with its series, which was taken back first. */
		if (event_is_exception(e->resource))
			return 0;
		return err_set(err, ERR_NOT_FOUND, "it is deleted already");
	}
	u->item->changed = true;
	if (local_delete(u->s, u->clock, rowid, u->o, &u->item->gone, err))
		return -1;
	return u->item->gone ? 0 : read_back(u, rowid, err);
}

/* An occurrence whose series is not there either: that was taken back first. */
static int went_with_series(const struct undo *u, bool *out, struct err *err)
{
	const struct event *e = &u->item->event;
	const char *series = json_str(e->resource, "recurringEventId");
	AUTO(event_release) struct event master = {0};
	bool found;

	*out = false;
	if (!series)
		return 0;
	if (store_event_get(u->s, e->calendar_id, series, &master, &found, err))
		return -1;
	*out = !found || master.hidden;
	return 0;
}

static int undo_change(struct undo *u, struct err *err)
{
	AUTO(merge_result_release) struct merge_result m = {0};
	AUTO(json_object_put) struct json_object *after = NULL;
	const struct merge_rule rule = {.contested = MERGE_REMOTE};
	struct event *e = &u->item->event;
	struct event now = {0};
	bool went;

	if (!u->living && went_with_series(u, &went, err))
		return -1;
	if (!u->living && went)
		return 0;
	if (!u->living)
		return err_set(err, ERR_NOT_FOUND,
			       "it was deleted since; 'calsync event restore %s' brings it back",
			       e->id);
	if (replaced_since(u, &after, err))
		return -1;
	if (!after)
		after = json_object_get(e->resource);
	merge_event(after, u->deed->first->resource, e->resource, &rule, &m);
	if (merge_contested(&m))
		u->item->kept = json_object_get(m.fields);
	if (event_equal(m.merged, e->resource))
		return u->item->kept
			       ? err_set(err, ERR_CONFLICT, "what it changed was changed since")
			       : 0;
	u->item->changed = true;
	if (local_edit(u->s, u->clock, e->rowid, m.merged, u->o, &now, err))
		return -1;
	is_now(u, &now);
	return 0;
}

static int undo_delete(struct undo *u, struct err *err)
{
	struct history version = *u->deed->first; /* borrows */
	struct event now = {0};

	if (u->living)
		return 0;
	version.local_only = u->deed->last->local_only;
	u->item->changed = true;
	if (restore_one(u->s, u->clock, version.calendar_id, &version, u->o, &now, err))
		return -1;
	is_now(u, &now);
	return 0;
}

/* An occurrence goes with its series, which was moved back first. */
static int undo_move(struct undo *u, struct err *err)
{
	struct event *e = &u->item->event;
	AUTO(event_release) struct event out = {0};
	int64_t home = u->deed->first->calendar_id;
	bool found;

	if (event_is_exception(e->resource)) {
		if (store_event_get(u->s, home, u->deed->first->event_id, &out, &found, err))
			return -1;
		return found ? read_back(u, out.rowid, err)
			     : err_set(err, ERR_NOT_FOUND, "its series was not moved back");
	}
	if (!u->living)
		return err_set(err, ERR_NOT_FOUND,
			       "it is no longer in the calendar that it was moved to");
	u->item->changed = true;
	return local_move(u->s, u->clock, e->rowid, home, u->o, &out, err) ||
			       read_back(u, out.rowid, err)
		       ? -1
		       : 0;
}

static int undo_one(struct undo *u, struct err *err)
{
	u->item->kind = kind_of(u->deed);
	if (look(u, err))
		return -1;
	switch (u->item->kind) {
	case UNDO_ADD:
		return undo_add(u, err);
	case UNDO_CHANGE:
		return undo_change(u, err);
	case UNDO_MOVE:
		return undo_move(u, err);
	case UNDO_DELETE:
		break;
	}
	return undo_delete(u, err);
}

/* --- all of them --------------------------------------------------------------------------- */

static bool is_occurrence(const struct deed *d)
{
	const struct history *h = d->first->resource ? d->first : d->last;

	return h->resource ? event_is_exception(h->resource) : strchr(h->event_id, '_') != NULL;
}

static int undo_round(struct undo *u, const struct deed *deeds, size_t count, bool occurrences,
		      struct undo_result *r, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		struct err why = {0};

		if (is_nothing(&deeds[i]) || is_occurrence(&deeds[i]) != occurrences)
			continue;
		u->deed = &deeds[i];
		u->item = &r->items[r->count++];
		if (!undo_one(u, &why))
			continue;
		if (why.code == ERR_STORE) {
			*err = why;
			return -1;
		}
		u->item->changed = false;
		u->item->err = why;
	}
	return 0;
}

/* Occurrences that were cancelled when the command deleted their series stay cancelled. */
static int keep_cancelled(struct store *s, const struct history_list *log, struct err *err)
{
	for (size_t i = 0; i < log->count; i++) {
		const struct history *h = &log->items[i];

		if (h->op == HISTORY_KEPT && event_is_cancelled(h->resource) &&
		    restore_cancelled(s, h, err))
			return -1;
	}
	return 0;
}

int undo_command(struct store *s, struct clock *clock, int64_t command_id,
		 const struct local_options *o, struct undo_result *out, struct err *err)
{
	AUTO(history_list_release) struct history_list log = {0};
	AUTO(undo_result_release) struct undo_result r = {0};
	AUTO(free) struct deed *deeds = NULL;
	struct history_query q = {.command_id = command_id};
	struct undo u = {.s = s, .clock = clock, .o = o};
	size_t count;

	if (store_history_list(s, &q, &log, err))
		return -1;
	deeds = xcalloc(log.count, sizeof(*deeds));
	count = join_moves(deeds, collect(&log, deeds));
	r.items = xcalloc(count, sizeof(*r.items));
	if (undo_round(&u, deeds, count, false, &r, err) ||
	    undo_round(&u, deeds, count, true, &r, err) || keep_cancelled(s, &log, err) ||
	    store_command_set_undone(s, command_id, clock_now_ms(clock), err))
		return -1;
	*out = r;
	memset(&r, 0, sizeof(r));
	return 0;
}
