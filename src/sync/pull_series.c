/* Series in pulls: an exception whose series is not here, and what a changed series leaves
 * behind. */
#include <string.h>

#include "base/log.h"
#include "base/banned.h"
#include "ical/recur.h"
#include "model/event.h"
#include "sync/pull.h"
#include "sync/wire.h"

/* --- an exception without its series ------------------------------------------------------- */

static bool on_page(const struct json_object *items, const char *id)
{
	for (size_t i = 0; i < json_object_array_length(items); i++) {
		const char *other = json_str(json_object_array_get_idx(items, i), "id");

		if (other && !strcmp(other, id))
			return true;
	}
	return false;
}

/* The series that this item needs and that nobody has asked for; NULL = none. */
static int missing_series(struct pull *p, const struct json_object *items,
			  const struct json_object *item, const char **out, struct err *err)
{
	const char *series = json_str(item, "recurringEventId");
	AUTO(event_release) struct event row = {0};
	bool found;

	*out = NULL;
	if (event_is_cancelled(item) || !wire_id_usable(series) || json_has(p->asked, series) ||
	    on_page(items, series))
		return 0;
	if (store_event_get(p->e->store, p->c->id, series, &row, &found, err))
		return -1;
	if (!found)
		*out = series;
	return 0;
}

int series_ask(struct pull *p, struct json_object *page, struct err *err)
{
	struct json_object *items = json_get(page, "items");
	size_t listed = json_object_array_length(items);

	/* A full listing shows every series that there is. */
	if (p->e->generation)
		return 0;
	if (!p->asked)
		p->asked = json_object_new_object();
	for (size_t i = 0; i < listed; i++) {
		AUTO(json_object_put) struct json_object *item = NULL;
		const char *series;
		struct err why;

		if (missing_series(p, items, json_object_array_get_idx(items, i), &series, err))
			return -1;
		if (!series)
			continue;
		json_set_bool(p->asked, series, true);
		if (pull_get(p, series, GET_ONCE, &item, &why)) {
			/* One who is invited to an occurrence alone does not see its series. */
			if (why.code == ERR_NOT_FOUND || why.code == ERR_GONE ||
			    why.code == ERR_FORBIDDEN)
				continue;
			*err = why;
			return -1;
		}
		if (!item || event_is_cancelled(item))
			continue;
		log_debug("pull", "series %s: asked for, an exception came without it", series);
		json_object_array_add(items, TAKE(item));
	}
	return 0;
}

/* --- cancelled occurrences that the series does not have any more --------------------------- */

void series_note_cancelled(struct pull *p, const char *series)
{
	if (!p->cancelled_in)
		p->cancelled_in = json_object_new_object();
	json_set_bool(p->cancelled_in, series, true);
}

static int prune_row(struct pull *p, const struct event *series, const struct event *row,
		     struct err *err)
{
	int64_t start;
	bool has;
	struct err why;

	if (!event_is_cancelled(row->resource) || row->pending != PENDING_NONE ||
	    !event_time_utc(json_get(row->resource, "originalStartTime"), p->c->time_zone, &start))
		return 0;
	/* A rule that we cannot run may have it. */
	if (recur_has(series->resource, p->c->time_zone, start, &has, &why) || has)
		return 0;
	return store_event_delete(p->e->store, row->rowid, err);
}

static int prune(struct pull *p, const char *id, struct err *err)
{
	AUTO(event_list_release) struct event_list rows = {0};
	AUTO(event_release) struct event series = {0};
	bool found;

	if (store_event_get(p->e->store, p->c->id, id, &series, &found, err))
		return -1;
	/* An edit that waits may bring it back, or be taken back. */
	if (!found || series.pending != PENDING_NONE)
		return 0;
	if (store_event_occurrences(p->e->store, p->c->id, id, &rows, err))
		return -1;
	for (size_t i = 0; i < rows.count; i++)
		if (prune_row(p, &series, &rows.items[i], err))
			return -1;
	return 0;
}

int series_prune(struct pull *p, struct err *err)
{
	if (!p->cancelled_in)
		return 0;
	json_object_object_foreach (p->cancelled_in, id, unused) {
		(void)unused;
		if (prune(p, id, err))
			return -1;
	}
	return 0;
}
