/* What a full listing did not show: is it gone, and may it go here? */
#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "base/banned.h"
#include "model/event.h"
#include "sync/pull.h"

#define SWEEP_FREE    10 /* so many may always go */
#define SWEEP_PERCENT 20 /* and so much of a calendar */

/* A change at Google shows in its listings after a while. */
#define LATE_MS (5 * 60 * 1000)

/* When Google changed it, after the listing began: by its clock, which is ours and the skew. Before
 * that it is negative; INT64_MIN = not known. */
static int64_t changed_since_ms(const struct pull *p, const struct event *row)
{
	const char *updated = json_str(row->resource, "updated");
	int64_t began_ms = p->started_ms + google_clock_skew_ms(p->e->google);
	struct rfc3339 t;
	struct err ignored;

	if (!updated || rfc3339_parse(updated, &t, &ignored) || !t.has_offset)
		return INT64_MIN;
	return t.utc * 1000 + t.ms - began_ms;
}

/* The ids on a page, as a set. */
static struct json_object *ids_of(const struct json_object *items)
{
	struct json_object *ids = json_object_new_object();

	for (size_t i = 0; i < json_object_array_length(items); i++) {
		const char *id = json_str(json_object_array_get_idx(items, i), "id");

		if (id)
			json_set_bool(ids, id, true);
	}
	return ids;
}

static int ask_for(struct pull *p, const struct event *row, struct json_object *items,
		   struct err *err)
{
	AUTO(json_object_put) struct json_object *item = NULL;
	struct err why;

	if (pull_get(p, row->id, GET_SURELY, &item, &why)) {
		if (why.code == ERR_NOT_FOUND || why.code == ERR_GONE)
			return 0;
		*err = why;
		return -1;
	}
	/* Gone it is, then: what the sweep does about it is the guard's to say. */
	if (!item || (event_is_cancelled(item) && !event_is_exception(item)))
		return 0;
	log_debug("pull", "event %s: not listed yet", row->id);
	/* It should have been: either the list is late, or that answer is. Not so a cancelled
	 * occurrence, which is listed only while its series has it. */
	p->late |= changed_since_ms(p, row) < 0 && !event_is_cancelled(item);
	json_object_array_add(items, TAKE(item));
	return 0;
}

/*
 * Whether a row that the listing lacks may have come after its page: by when Google changed it, or,
 * between the runs of one listing, as an occurrence whose series was moved here or that was deleted
 * here (no generation): of those `updated` is old, or not known.
 */
static bool came_late(const struct pull *p, const struct event *row)
{
	return changed_since_ms(p, row) >= -LATE_MS ||
	       (p->resumed && !row->generation && event_is_exception(row->resource));
}

int sweep_ask(struct pull *p, struct json_object *page, struct err *err)
{
	AUTO(event_list_release) struct event_list list = {0};
	AUTO(json_object_put) struct json_object *listed = NULL;
	struct json_object *items = json_get(page, "items");

	if (!p->e->generation || p->e->options->dry_run)
		return 0;
	if (store_event_unseen(p->e->store, p->c->id, p->e->generation, &list, err))
		return -1;
	listed = ids_of(items);
	for (size_t i = 0; i < list.count; i++) {
		const struct event *row = &list.items[i];

		if (!json_has(listed, row->id) && came_late(p, row) && ask_for(p, row, items, err))
			return -1;
	}
	return 0;
}

/* The absence guard (promise 9): a listing that lost much of a calendar is more likely wrong than
 * right, so a person has to say how many events may go. */
static int guard_sweep(struct pull *p, int64_t missing, struct err *err)
{
	int64_t total;

	if (!missing || missing <= p->e->options->allow_deletes)
		return 0;
	if (store_event_count(p->e->store, p->c->id, &total, err))
		return -1;
	if (p->seen && (missing <= SWEEP_FREE || missing * 100 <= total * SWEEP_PERCENT))
		return 0;
	return err_set(
		err, ERR_MASS_DELETE,
		"Google's full listing lacks %lld of %lld events: nothing is deleted here; if"
		" they are to go, run 'calsync sync --allow-deletes %lld'",
		(long long)missing, (long long)total, (long long)missing);
}

int sweep(struct pull *p, struct err *err)
{
	AUTO(event_list_release) struct event_list list = {0};
	int64_t missing = 0;

	if (p->e->options->dry_run)
		return 0; /* rows were not marked: nothing can be said */
	if (store_event_unseen(p->e->store, p->c->id, p->e->generation, &list, err))
		return -1;
	for (size_t i = 0; i < list.count; i++)
		missing += list.items[i].pending == PENDING_NONE &&
			   !event_is_cancelled(list.items[i].resource); /* no event to anybody */
	if (guard_sweep(p, missing, err))
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		AUTO(event_release) struct event row = {0};
		bool found;

		/* A master takes its exceptions along: look whether the row is still there. */
		if (store_event_get(p->e->store, p->c->id, list.items[i].id, &row, &found, err))
			return -1;
		if (found && apply_gone(p->e, &row, NULL, p->r, err))
			return -1;
	}
	return 0;
}
