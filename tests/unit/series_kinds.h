/* Series of every kind, the places in them that are edited, and the edits. After series_world.h. */
#ifndef TESTS_UNIT_SERIES_KINDS_H
#define TESTS_UNIT_SERIES_KINDS_H

struct kind {
	const char *start, *zone, *lines;
	size_t at; /* the occurrence that is edited */
};

static const struct kind kinds[] = {
	{"2026-03-02T10:00:00", "Europe/Berlin", "\"RRULE:FREQ=WEEKLY;COUNT=12\"", 5},
	{"2026-03-02T10:00:00", "Europe/Berlin",
	 "\"RRULE:FREQ=WEEKLY;BYDAY=MO,TH;UNTIL=20260615T080000Z\"", 7},
	{"2026-03-20T02:30:00", "Europe/Berlin", "\"RRULE:FREQ=DAILY;COUNT=20\"", 9},
	{"2026-03-20T02:30:00", "Europe/Berlin", "\"RRULE:FREQ=DAILY;COUNT=20\"", 10},
	{"2026-10-15T02:30:00", "Europe/Berlin", "\"RRULE:FREQ=DAILY;UNTIL=20261110T013000Z\"", 10},
	{"2026-03-02T10:00:00", "America/New_York", "\"RRULE:FREQ=WEEKLY;COUNT=10\"", 4},
	{"2026-03-02T10:00:00", "Asia/Kolkata",
	 "\"RRULE:FREQ=DAILY;COUNT=14\",\"EXDATE:20260304T043000Z,20260310T043000Z\"", 6},
	{"2026-03-02T10:00:00", "Europe/Berlin",
	 "\"RRULE:FREQ=WEEKLY;COUNT=10\",\"RDATE;TZID=Europe/Berlin:20260306T100000,"
	 "20260501T100000\"",
	 6},
	{"2026-03-02", NULL, "\"RRULE:FREQ=WEEKLY;COUNT=10\"", 4},
	{"2026-03-02", NULL,
	 "\"RRULE:FREQ=WEEKLY;BYDAY=MO,WE;UNTIL=20260601\",\"EXDATE;VALUE=DATE:20260413\"", 6},
	{"2026-01-31T09:00:00", "Europe/Berlin", "\"RRULE:FREQ=MONTHLY;BYMONTHDAY=-1\"", 3},
	{"2026-02-05T09:00:00", "Europe/London", "\"RRULE:FREQ=MONTHLY;BYDAY=1TH;COUNT=9\"", 4},
};

enum change { TITLE, LATER, EARLIER_DAY, LONGER, CHANGES };

/* Exceptions before and behind the place: renamed, moved, cancelled. Made at Google. */
static inline void add_exceptions(struct world *w, const struct kind *k)
{
	for (size_t n = 1; n < 4; n++) {
		for (int behind = 0; behind < 2; behind++) {
			AUTO(occurrence_release) struct occurrence at = {0};
			char a[RFC3339_LEN], b[RFC3339_LEN];

			if (!behind && n > k->at - 1)
				continue;
			nth_occurrence(w, "serie", behind ? k->at + n : n - 1, &at);
			if (n == 1)
				google_patch(w, at.id, "{\"summary\":\"renamed\"}");
			if (n == 2)
				google_delete(w, at.id);
			if (n == 3 && k->zone) {
				AUTO(free) char *body = NULL;

				rfc3339_format(at.start_utc + 3 * 3600, 0, a);
				rfc3339_format(at.end_utc + 4 * 3600, 0, b);
				body = xasprintf("{\"start\":{\"dateTime\":\"%s\"},\"end\":{"
						 "\"dateTime\":\"%s\"}}",
						 a, b);
				google_patch(w, at.id, body);
			}
		}
	}
	sync_ok(w);
	assert_same_happens(w, "before");
}

static inline void set_at(struct json_object *r, const char *key, int64_t at, const char *zone)
{
	struct json_object *t = json_get(r, key);
	char buf[RFC3339_LEN];

	rfc3339_format(at, zone ? zone_offset(zone, at) : 0, buf);
	if (zone) {
		json_set_str(t, "dateTime", buf);
		return;
	}
	buf[DATE_LEN - 1] = '\0';
	json_set_str(t, "date", buf);
}

/* By so much on the wall clock; the length stays, or grows. */
static inline void shift_span(struct json_object *r, int64_t by, int64_t longer, const char *zone)
{
	int64_t start, end, length;
	struct civil c;
	bool all_day;

	assert_true(event_span(r, "UTC", &start, &end, &all_day));
	length = end - start + longer;
	if (zone) {
		zone_civil(zone, start, &c);
		civil_from_s(civil_to_s(&c) + by, &c);
		zone_to_utc(zone, &c, &start);
	} else {
		start += by / DAY_S * DAY_S;
	}
	set_at(r, "start", start, zone);
	set_at(r, "end", start + length, zone);
}

/* The change on an occurrence, or a master. False: this kind of series cannot take it. */
static inline bool change(struct json_object *r, enum change what, const char *zone)
{
	AUTO(json_object_put) struct json_object *was = json_clone(r);
	struct json_object *lines = NULL;

	switch (what) {
	case TITLE:
		json_set_str(r, "summary", "changed");
		return true;
	case LONGER:
		shift_span(r, 0, zone ? 1800 : DAY_S, zone);
		return true;
	case LATER:
		shift_span(r, 5400, 0, zone);
		break;
	default:
		shift_span(r, -DAY_S, 0, zone);
	}
	if (!event_is_master(r))
		return true;
	if (recur_shift(was, r, "Europe/Berlin", &lines, &err))
		return false;
	json_set(r, "recurrence", lines);
	return true;
}

/* Cut the series of a kind there and change the rest. False: it cannot be changed so. */
static inline bool cut(struct world *w, const struct kind *k, enum change what, struct event *out)
{
	AUTO(occurrence_release) struct occurrence at = {0};
	AUTO(event_release) struct event e = {0};
	AUTO(json_object_put) struct json_object *r = NULL;
	AUTO(row_list_release) struct row_list rows = {0};

	nth_occurrence(w, "serie", k->at, &at);
	OK(store_event_get_row(w->store, row_of(w, "serie"), &e, &err));
	OK(split_new(e.resource, w->calendar.time_zone, &at, &r, &err));
	if (!change(r, what, k->zone))
		return false;
	w->clock.now_ms += 1000;
	OK(local_series_split(w->store, &w->clock.clock, e.rowid, &at, r, &plain, out, &rows,
			      &err));
	assert_true(rows.count >= 2 && rows.items[0] == e.rowid && rows.items[1] == out->rowid);
	return true;
}

#endif
