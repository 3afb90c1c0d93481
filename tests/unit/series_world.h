/* Series in a world: what happens by the store, and what happens by Google. After sync_world.h. */
#ifndef TESTS_UNIT_SERIES_WORLD_H
#define TESTS_UNIT_SERIES_WORLD_H

#include "ical/recur.h"
#include "sync/local_series.h"
#include "sync/split.h"

#define WINDOW_FROM 1767225600 /* 2026-01-01 */
#define WINDOW_TO   1798761600 /* 2027-01-01 */

static const struct local_options plain;

/* A series at Google: "2026-03-02T10:00:00 Europe/Berlin" or "2026-03-02". */
static inline void add_series(struct world *w, const char *id, const char *start, const char *zone,
			      const char *lines)
{
	AUTO(free) char *body = NULL;

	if (zone)
		body = xasprintf(
			"{\"id\":\"%s\",\"summary\":\"team\",\"start\":{\"dateTime\":\"%s\","
			"\"timeZone\":\"%s\"},\"end\":{\"dateTime\":\"%.11s%02d%s\","
			"\"timeZone\":\"%s\"},\"recurrence\":[%s]}",
			id, start, zone, start, atoi(start + 11) + 1, start + 13, zone, lines);
	else
		body = xasprintf("{\"id\":\"%s\",\"summary\":\"team\",\"start\":{\"date\":\"%s\"},"
				 "\"end\":{\"date\":\"%.8s%02d\"},\"recurrence\":[%s]}",
				 id, start, start, atoi(start + 8) + 1, lines);
	json_object_put(at_google(w, "POST", "", body));
}

/* Mondays at ten, eight times. */
static inline void add_weekly(struct world *w, const char *id)
{
	add_series(w, id, "2026-03-02T10:00:00", "Europe/Berlin", "\"RRULE:FREQ=WEEKLY;COUNT=8\"");
}

#define DAILY        "serie"
#define DAILY_SECOND DAILY "_20260203T100000Z"
#define DAILY_THIRD  DAILY "_20260204T100000Z"
#define DAILY_FOURTH DAILY "_20260205T100000Z"

/* Every day at ten, five times; the second has a title of its own, another one is cancelled. */
static inline void add_daily(struct world *w, const char *cancelled)
{
	add_series(w, DAILY, "2026-02-02T10:00:00", "UTC", "\"RRULE:FREQ=DAILY;COUNT=5\"");
	google_patch(w, DAILY_SECOND, "{\"summary\":\"special\"}");
	google_delete(w, cancelled);
}

struct lines {
	char **items;
	size_t count;
};

static inline void lines_release(struct lines *l)
{
	for (size_t i = 0; i < l->count; i++)
		free(l->items[i]);
	free(l->items);
	*l = (struct lines){0};
}
DEFINE_AUTO_VALUE(struct lines, lines_release)

static inline void lines_add(struct lines *l, const struct json_object *r, const char *zone)
{
	const char *summary = json_str(r, "summary");
	const char *location = json_str(r, "location");
	int64_t start, end;
	bool all_day;

	if (!event_span(r, zone, &start, &end, &all_day))
		fail_msg("no start: %s", json_text((struct json_object *)r));
	if (start >= WINDOW_TO || end <= WINDOW_FROM)
		return;
	l->items = xreallocarray(l->items, l->count + 1, sizeof(*l->items));
	l->items[l->count++] = xasprintf("%lld %lld %s %s %s %s", (long long)start, (long long)end,
					 all_day ? "day" : "time", json_str(r, "id"),
					 summary ? summary : "-", location ? location : "-");
}

static inline int compare_lines(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static inline void lines_sort(struct lines *l)
{
	if (l->count)
		qsort(l->items, l->count, sizeof(*l->items), compare_lines);
}

static inline bool has_row(const struct event_list *rows, const struct event *master, int64_t start,
			   const char *zone)
{
	for (size_t i = 0; i < rows->count; i++) {
		const struct event *e = &rows->items[i];
		const char *series = json_str(e->resource, "recurringEventId");
		int64_t original;

		if (!series || strcmp(series, master->id) != 0)
			continue;
		if (event_time_utc(json_get(e->resource, "originalStartTime"), zone, &original) &&
		    original == start)
			return true;
	}
	return false;
}

/* What happens in the window by the store. */
static inline void by_store(struct world *w, struct lines *out)
{
	AUTO(event_list_release) struct event_list rows = {0};
	struct event_query q = EVENT_QUERY_INIT;
	const char *zone = w->calendar.time_zone;

	q.calendar_id = w->calendar.id;
	q.include_hidden = q.include_cancelled = true;
	OK(store_event_list(w->store, &q, &rows, &err));
	for (size_t i = 0; i < rows.count; i++) {
		AUTO(occurrence_list_release) struct occurrence_list list = {0};
		struct event *e = &rows.items[i];

		if (e->hidden || event_is_cancelled(e->resource))
			continue;
		if (!event_is_master(e->resource)) {
			lines_add(out, e->resource, zone);
			continue;
		}
		OK(recur_expand(e->resource, zone, WINDOW_FROM, WINDOW_TO, 10000, &list, &err));
		for (size_t k = 0; k < list.count; k++) {
			AUTO(json_object_put) struct json_object *r = NULL;

			if (has_row(&rows, e, list.items[k].start_utc, zone))
				continue;
			r = recur_instance(e->resource, zone, &list.items[k]);
			lines_add(out, r, zone);
		}
	}
	lines_sort(out);
}

/* The same by Google's own expansion. */
static inline void by_google(struct world *w, struct lines *out)
{
	AUTO(json_object_put)
	struct json_object *page =
		at_google(w, "GET",
			  "?singleEvents=true&maxResults=2500&timeMin=2026-01-01T00:00:00Z"
			  "&timeMax=2027-01-01T00:00:00Z",
			  NULL);
	struct json_object *items = json_get(page, "items");

	assert_false(json_has(page, "nextPageToken"));
	for (size_t i = 0; i < json_object_array_length(items); i++)
		lines_add(out, json_object_array_get_idx(items, i), w->calendar.time_zone);
	lines_sort(out);
}

static inline void assert_lines(const struct lines *a, const struct lines *b, const char *what)
{
	for (size_t i = 0; i < a->count || i < b->count; i++) {
		const char *x = i < a->count ? a->items[i] : "nothing";
		const char *y = i < b->count ? b->items[i] : "nothing";

		if (strcmp(x, y) != 0)
			fail_msg("%s: line %zu: '%s' instead of '%s' (%zu, %zu lines)", what, i, y,
				 x, a->count, b->count);
	}
}

/* The same happens on both sides, and nothing waits. */
static inline void assert_same_happens(struct world *w, const char *what)
{
	AUTO(lines_release) struct lines here = {0};
	AUTO(lines_release) struct lines there = {0};
	AUTO(outbox_list_release) struct outbox_list waiting = {0};

	OK(store_outbox_list(w->store, 0, 0, -1, 0, &waiting, &err));
	if (waiting.count)
		fail_msg("%s: %s waits: %s", what, waiting.items[0].event_id,
			 waiting.items[0].last_error);
	by_store(w, &here);
	by_google(w, &there);
	assert_lines(&there, &here, what);
}

/* A second sync writes nothing, asks once, and leaves the store as it is. */
static inline void assert_settled(struct world *w, const char *what)
{
	assert_same_happens(w, what);
	forget_log(w);
	sync_ok(w);
	if (requests(w, "POST", "/events") + requests(w, "PATCH", "/events") +
	    requests(w, "PUT", "/events") + requests(w, "DELETE", "/events"))
		fail_msg("%s: the second sync writes", what);
	forget_log(w);
	sync_ok(w);
	if (w->last.requests != 2)
		fail_msg("%s: %lld requests", what, (long long)w->last.requests);
	assert_same_happens(w, what);
}

/* The occurrence that starts then, of a series here. */
static inline void occurrence_at(struct world *w, const char *series, int64_t start,
				 struct occurrence *out)
{
	AUTO(event_release) struct event e = {0};
	bool found;

	OK(store_event_get_row(w->store, row_of(w, series), &e, &err));
	OK(recur_find(e.resource, w->calendar.time_zone, start, out, &found, &err));
	if (!found)
		fail_msg("nothing starts then");
}

/* The n-th of its rule. */
static inline void nth_occurrence(struct world *w, const char *series, size_t n,
				  struct occurrence *out)
{
	AUTO(event_release) struct event e = {0};
	AUTO(occurrence_list_release) struct occurrence_list list = {0};

	OK(store_event_get_row(w->store, row_of(w, series), &e, &err));
	OK(recur_expand(e.resource, w->calendar.time_zone, RECUR_PAST, RECUR_FUTURE, n + 1, &list,
			&err));
	assert_true(list.count == n + 1);
	*out = list.items[n];
	list.items[n].id = NULL;
}

/* A weekly series "serie" on both sides, and the n-th of it. */
static inline void begin_weekly(struct world *w, size_t n, struct occurrence *out)
{
	add_weekly(w, "serie");
	sync_ok(w);
	nth_occurrence(w, "serie", n, out);
}

/* An occurrence as it is here: its row, or what its series says of it. */
static inline struct json_object *what_it_is(struct world *w, const char *series,
					     const struct occurrence *at)
{
	AUTO(event_release) struct event row = {0};
	AUTO(event_release) struct event master = {0};
	bool found;

	OK(store_event_get(w->store, w->calendar.id, at->id, &row, &found, &err));
	if (found)
		return json_clone(row.resource);
	OK(store_event_get_row(w->store, row_of(w, series), &master, &err));
	return split_instance(master.resource, w->calendar.time_zone, at);
}

static inline int64_t edit_one(struct world *w, const char *series, const struct occurrence *at,
			       const char *field, const char *value)
{
	AUTO(json_object_put) struct json_object *r = what_it_is(w, series, at);
	AUTO(event_release) struct event out = {0};

	w->clock.now_ms += 1000;
	json_set_str(r, field, value);
	OK(local_occurrence_edit(w->store, &w->clock.clock, row_of(w, series), at, r, &plain, &out,
				 &err));
	return out.rowid;
}

static inline void delete_one(struct world *w, const char *series, const struct occurrence *at)
{
	AUTO(event_release) struct event out = {0};

	w->clock.now_ms += 1000;
	OK(local_occurrence_delete(w->store, &w->clock.clock, row_of(w, series), at, &plain, &out,
				   &err));
}

#endif
