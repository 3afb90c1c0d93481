/* Local edits of series: one occurrence, it and what follows, all; both sides then say the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"

#include "series_world.h"

static const struct local_options plain;

/* A series at Google: "2026-03-02T10:00:00 Europe/Berlin" or "2026-03-02". */
static void add_series(struct world *w, const char *id, const char *start, const char *zone,
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

static struct json_object *what_it_is(struct world *w, const char *series,
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

static int64_t edit_one(struct world *w, const char *series, const struct occurrence *at,
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

static void delete_one(struct world *w, const char *series, const struct occurrence *at)
{
	AUTO(event_release) struct event out = {0};

	w->clock.now_ms += 1000;
	OK(local_occurrence_delete(w->store, &w->clock.clock, row_of(w, series), at, &plain, &out,
				   &err));
}

/* --- this one ------------------------------------------------------------------------------ */

static void test_series__one_occurrence_becomes_an_exception(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence at = {0};
	AUTO(event_release) struct event e = {0};

	add_series(w, "serie", "2026-03-02T10:00:00", "Europe/Berlin",
		   "\"RRULE:FREQ=WEEKLY;COUNT=8\"");
	sync_ok(w);
	nth_occurrence(w, "serie", 2, &at);
	assert_string_equal(at.id, "serie_20260316T090000Z");
	edit_one(w, "serie", &at, "summary", "special");
	OK(store_event_get_row(w->store, row_of(w, at.id), &e, &err));
	assert_int_equal(e.pending, PENDING_UPDATE);
	assert_false(e.at_google);
	forget_log(w);
	sync_ok(w);
	assert_int_equal(requests(w, "PATCH", "/events/serie_20260316T090000Z"), 1);
	assert_int_equal(requests(w, "POST", "/events"), 0);
	assert_int_equal(w->last.pushed.updated, 1);
	assert_settled(w, "one");
	/* and again, an ordinary event now */
	forget_log(w);
	edit_one(w, "serie", &at, "location", "there");
	sync_ok(w);
	assert_int_equal(requests(w, "GET", "/events/serie_20260316T090000Z"), 0);
	assert_settled(w, "again");
}

static void test_series__one_occurrence_is_deleted(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence at = {0};
	AUTO(occurrence_release) struct occurrence edited = {0};
	AUTO(event_release) struct event e = {0};

	add_series(w, "serie", "2026-03-02T10:00:00", "Europe/Berlin",
		   "\"RRULE:FREQ=WEEKLY;COUNT=8\"");
	sync_ok(w);
	nth_occurrence(w, "serie", 2, &at);
	nth_occurrence(w, "serie", 4, &edited);
	delete_one(w, "serie", &at);
	edit_one(w, "serie", &edited, "summary", "special");
	delete_one(w, "serie", &edited);
	sync_ok(w);
	assert_int_equal(w->last.pushed.deleted, 2);
	OK(store_event_get_row(w->store, row_of(w, at.id), &e, &err));
	assert_true(event_is_cancelled(e.resource));
	assert_settled(w, "deleted");
	assert_int_equal(stored_rows(w), 3);
	/* one that is an exception at Google */
	{
		AUTO(occurrence_release) struct occurrence at2 = {0};

		nth_occurrence(w, "serie", 5, &at2);
		edit_one(w, "serie", &at2, "summary", "special");
		sync_ok(w);
		delete_one(w, "serie", &at2);
		sync_ok(w);
		assert_settled(w, "deleted exception");
	}
	/* twice is no */
	assert_int_equal(local_occurrence_delete(w->store, &w->clock.clock, row_of(w, "serie"), &at,
						 &plain, &e, &err),
			 -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void test_series__an_edit_taken_back_leaves_no_row(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence at = {0};

	add_series(w, "serie", "2026-03-02T10:00:00", "Europe/Berlin", "\"RRULE:FREQ=WEEKLY\"");
	sync_ok(w);
	nth_occurrence(w, "serie", 2, &at);
	edit_one(w, "serie", &at, "summary", "special");
	assert_int_equal(edit_one(w, "serie", &at, "summary", "team"), 0);
	assert_int_equal(row_of(w, at.id), 0);
	assert_int_equal(edit_one(w, "serie", &at, "summary", "team"), 0);
	forget_log(w);
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
	assert_settled(w, "taken back");
}

/* Somebody made an exception of it meanwhile, or changed the series. */
static void test_series__an_edit_meets_googles(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence a = {0}, b = {0}, c = {0}, d = {0};
	AUTO(json_object_put) struct json_object *events = NULL;

	add_series(w, "serie", "2026-03-02T10:00:00", "Europe/Berlin",
		   "\"RRULE:FREQ=WEEKLY;COUNT=8\"");
	sync_ok(w);
	nth_occurrence(w, "serie", 1, &a);
	nth_occurrence(w, "serie", 2, &b);
	nth_occurrence(w, "serie", 3, &c);
	nth_occurrence(w, "serie", 4, &d);
	edit_one(w, "serie", &a, "summary", "ours");
	google_patch(w, a.id, "{\"location\":\"theirs\"}");
	edit_one(w, "serie", &b, "summary", "ours");
	google_delete(w, b.id);
	delete_one(w, "serie", &c);
	google_patch(w, c.id, "{\"location\":\"theirs\"}");
	delete_one(w, "serie", &d);
	google_patch(w, "serie", "{\"description\":\"for all\"}");
	sync_ok(w);
	events = google_events(w);
	assert_string_equal(json_str(json_get(events, a.id), "summary"), "ours");
	assert_string_equal(json_str(json_get(events, a.id), "location"), "theirs");
	assert_string_equal(json_str(json_get(events, b.id), "summary"), "ours");
	assert_string_equal(json_str(json_get(events, c.id), "location"), "theirs");
	assert_null(json_get(events, d.id)); /* a change of the series is none of the occurrence */
	assert_settled(w, "met");
}

static void test_series__an_occurrence_outlives_its_series(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence a = {0}, b = {0}, c = {0};

	add_series(w, "serie", "2026-03-02T10:00:00", "Europe/Berlin",
		   "\"RRULE:FREQ=WEEKLY;COUNT=8\"");
	add_series(w, "other", "2026-03-02T10:00:00", "Europe/Berlin",
		   "\"RRULE:FREQ=WEEKLY;COUNT=8\"");
	sync_ok(w);
	nth_occurrence(w, "serie", 1, &a);
	nth_occurrence(w, "serie", 2, &b);
	nth_occurrence(w, "other", 6, &c);
	edit_one(w, "serie", &a, "summary", "ours");
	delete_one(w, "serie", &b);
	google_delete(w, "serie");
	/* the rule has no such occurrence any more */
	edit_one(w, "other", &c, "summary", "ours, too");
	google_patch(w, "other", "{\"recurrence\":[\"RRULE:FREQ=WEEKLY;COUNT=3\"]}");
	sync_ok(w);
	sync_ok(w);
	assert_settled(w, "outlives");
	assert_int_equal(google_count(w), 3);
}

static void test_series__of_a_series_that_waits_or_stays_here(void **state)
{
	struct world *w = *state;
	struct local_options here = {.no_sync = true};
	AUTO(occurrence_release) struct occurrence at = {0};

	for (int stays = 0; stays < 2; stays++) {
		const char *id = stays ? "heres" : "later";
		AUTO(json_object_put) struct json_object *r = timed("team");
		AUTO(event_release) struct event e = {0};

		json_set_str(r, "id", id);
		json_set_str(json_get(r, "start"), "timeZone", "Europe/Berlin");
		json_set_str(json_get(r, "end"), "timeZone", "Europe/Berlin");
		json_set(r, "recurrence", json_tokener_parse("[\"RRULE:FREQ=DAILY;COUNT=5\"]"));
		OK(local_add(w->store, &w->clock.clock, w->calendar.id, r, stays ? &here : &plain,
			     &e, &err));
		occurrence_release(&at);
		nth_occurrence(w, id, 1, &at);
		edit_one(w, id, &at, "summary", "special");
		occurrence_release(&at);
		nth_occurrence(w, id, 2, &at);
		delete_one(w, id, &at);
		occurrence_release(&at);
		nth_occurrence(w, id, 3, &at);
		edit_one(w, id, &at, "summary", "special");
		delete_one(w, id, &at);
	}
	sync_ok(w);
	assert_int_equal(requests(w, NULL, "/events/heres"), 0);
	{
		AUTO(lines_release) struct lines all = {0};
		size_t mine = 0;

		by_store(w, &all);
		assert_int_equal(all.count, 6); /* three each */
		for (size_t i = 0; i < all.count; i++)
			mine += strstr(all.items[i], "heres") != NULL;
		assert_int_equal(mine, 3);
	}
	assert_true(delete_row(w, row_of(w, "heres")));
	assert_settled(w, "waits");
}

/* It needs a person, who holds the series back: no sync fails for it, and each says so once. */
static void test_series__an_occurrence_waits_with_a_series_that_is_held(void **state)
{
	struct world *w = *state;
	struct local_options here = {.no_sync = true};
	AUTO(json_object_put) struct json_object *r = timed("team");
	AUTO(occurrence_release) struct occurrence at = {0};
	AUTO(outbox_release) struct outbox op = {0};
	AUTO(event_release) struct event e = {0};
	bool found;

	json_set_str(r, "id", "later");
	json_set_str(json_get(r, "start"), "timeZone", "Europe/Berlin");
	json_set_str(json_get(r, "end"), "timeZone", "Europe/Berlin");
	json_set(r, "recurrence", json_tokener_parse("[\"RRULE:FREQ=DAILY;COUNT=5\"]"));
	OK(local_add(w->store, &w->clock.clock, w->calendar.id, r, &plain, &e, &err));
	event_release(&e);
	json_set_str(r, "summary", "group");
	OK(local_edit(w->store, &w->clock.clock, row_of(w, "later"), r, &here, &e, &err));
	event_release(&e);
	nth_occurrence(w, "later", 1, &at);
	edit_one(w, "later", &at, "summary", "special");
	sync_ok(w);
	sync_ok(w);
	assert_int_equal(requests(w, "POST", "/events"), 0);
	OK(store_outbox_get(w->store, row_of(w, at.id), &op, &found, &err));
	assert_true(found);
	assert_string_equal(op.last_error, "its series is kept back by --no-sync");
	json_set_str(r, "summary", "team");
	OK(local_edit(w->store, &w->clock.clock, row_of(w, "later"), r, &plain, &e, &err));
	sync_ok(w);
	assert_settled(w, "held");
}

/* What is to be deleted is looked at after our own edit of its series, which changes its etag. */
static void test_series__a_delete_of_one_waits_for_the_edit_of_all(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence at = {0};

	add_series(w, "serie", "2026-03-02T10:00:00", "Europe/Berlin",
		   "\"RRULE:FREQ=WEEKLY;COUNT=8\"");
	sync_ok(w);
	nth_occurrence(w, "serie", 2, &at);
	delete_one(w, "serie", &at);
	edit(w, row_of(w, "serie"), "summary", "group");
	sync_ok(w);
	assert_int_equal(w->last.conflicts, 0);
	assert_settled(w, "one of all");
	assert_int_equal(stored_rows(w), 2);
}

/* --- this and following, all: series, places in them, edits ---------------------------------- */

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
static void add_exceptions(struct world *w, const struct kind *k)
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

static void set_at(struct json_object *r, const char *key, int64_t at, const char *zone)
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
static void shift_span(struct json_object *r, int64_t by, int64_t longer, const char *zone)
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
static bool change(struct json_object *r, enum change what, const char *zone)
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
static bool cut(struct world *w, const struct kind *k, enum change what, struct event *out)
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

static void each_kind(void **state, void (*fn)(struct world *w, const struct kind *k,
					       enum change what, const char *name))
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (int what = 0; what < CHANGES; what++) {
			AUTO(free) char *name = xasprintf("kind %zu, change %d", i, what);
			void *one = NULL;

			setup(&one);
			add_series(one, "serie", kinds[i].start, kinds[i].zone, kinds[i].lines);
			sync_ok(one);
			add_exceptions(one, &kinds[i]);
			fn(one, &kinds[i], (enum change)what, name);
			teardown(&one);
		}
	}
}

static void cut_and_compare(struct world *w, const struct kind *k, enum change what,
			    const char *name)
{
	AUTO(lines_release) struct lines before = {0};
	AUTO(lines_release) struct lines planned = {0};
	AUTO(lines_release) struct lines after = {0};
	AUTO(event_release) struct event rest = {0};
	AUTO(occurrence_release) struct occurrence at = {0};
	size_t kept = 0, named = 0;

	nth_occurrence(w, "serie", k->at, &at);
	by_store(w, &before);
	if (!cut(w, k, what, &rest))
		return;
	by_store(w, &planned);
	sync_ok(w);
	sync_ok(w);
	by_store(w, &after);
	assert_lines(&planned, &after, name);
	assert_settled(w, name);
	/* As many as before: none comes or goes. What is before the cut is as it was. */
	if (after.count != before.count)
		fail_msg("%s: %zu instead of %zu", name, after.count, before.count);
	for (size_t i = 0; i < before.count; i++) {
		for (size_t n = 0; n < after.count; n++)
			kept += !strcmp(before.items[i], after.items[n]);
		named += strstr(before.items[i], "renamed") != NULL;
	}
	if (kept < k->at - 1)
		fail_msg("%s: only %zu are as they were", name, kept);
	for (size_t n = 0; n < after.count; n++)
		named -= strstr(after.items[n], "renamed") != NULL;
	assert_int_equal(named, 0); /* exceptions keep what was changed of them */
}

static void test_series__following_is_a_series_of_its_own(void **state)
{
	each_kind(state, cut_and_compare);
}

static void trim_and_compare(struct world *w, const struct kind *k, enum change what,
			     const char *name)
{
	AUTO(occurrence_release) struct occurrence at = {0};
	AUTO(lines_release) struct lines before = {0};
	AUTO(lines_release) struct lines after = {0};
	AUTO(event_release) struct event e = {0};
	AUTO(row_list_release) struct row_list rows = {0};

	if (what != TITLE)
		return;
	nth_occurrence(w, "serie", k->at, &at);
	by_store(w, &before);
	w->clock.now_ms += 1000;
	OK(local_series_trim(w->store, &w->clock.clock, row_of(w, "serie"), &at, &plain, &e, &rows,
			     &err));
	sync_ok(w);
	sync_ok(w);
	by_store(w, &after);
	assert_settled(w, name);
	if (after.count > k->at || after.count + 3 < k->at)
		fail_msg("%s: %zu of %zu are left", name, after.count, before.count);
	for (size_t i = 0; i < after.count; i++)
		assert_string_equal(after.items[i], before.items[i]);
}

static void test_series__rm_following_ends_it(void **state)
{
	each_kind(state, trim_and_compare);
}

static void edit_all_and_compare(struct world *w, const struct kind *k, enum change what,
				 const char *name)
{
	AUTO(event_release) struct event e = {0};
	AUTO(event_release) struct event out = {0};
	AUTO(lines_release) struct lines before = {0};
	AUTO(lines_release) struct lines after = {0};

	by_store(w, &before);
	OK(store_event_get_row(w->store, row_of(w, "serie"), &e, &err));
	if (!change(e.resource, what, k->zone))
		return;
	w->clock.now_ms += 1000;
	OK(local_edit(w->store, &w->clock.clock, e.rowid, e.resource, &plain, &out, &err));
	sync_ok(w);
	sync_ok(w);
	by_store(w, &after);
	assert_settled(w, name);
	/* Google drops the exceptions of a series that is moved, and with them what was cancelled. */
	if (after.count < before.count)
		fail_msg("%s: %zu of %zu are left", name, after.count, before.count);
}

static void test_series__all_of_it(void **state)
{
	each_kind(state, edit_all_and_compare);
}

static void test_series__the_exception_that_is_named_takes_the_edit(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence at = {0};
	AUTO(occurrence_release) struct occurrence other = {0};
	AUTO(event_release) struct event e = {0};
	AUTO(event_release) struct event out = {0};
	AUTO(row_list_release) struct row_list rows = {0};
	AUTO(json_object_put) struct json_object *r = NULL;
	AUTO(lines_release) struct lines after = {0};
	size_t own = 0;

	add_series(w, "serie", "2026-03-02T10:00:00", "Europe/Berlin",
		   "\"RRULE:FREQ=WEEKLY;COUNT=8\"");
	sync_ok(w);
	nth_occurrence(w, "serie", 3, &at);
	nth_occurrence(w, "serie", 5, &other);
	google_patch(w, at.id, "{\"summary\":\"own title\",\"location\":\"own place\"}");
	google_patch(w, other.id, "{\"summary\":\"own title\",\"location\":\"own place\"}");
	sync_ok(w);
	OK(store_event_get_row(w->store, row_of(w, "serie"), &e, &err));
	OK(split_new(e.resource, w->calendar.time_zone, &at, &r, &err));
	json_set_str(r, "summary", "new title");
	OK(local_series_split(w->store, &w->clock.clock, e.rowid, &at, r, &plain, &out, &rows,
			      &err));
	sync_ok(w);
	assert_settled(w, "named");
	by_store(w, &after);
	for (size_t i = 0; i < after.count; i++) {
		own += strstr(after.items[i], "own title own place") != NULL;
		own += strstr(after.items[i], "new title own place") != NULL;
	}
	assert_int_equal(own, 2);
}

static void test_series__a_cut_series_has_a_link_of_its_own(void **state)
{
	struct world *w = *state;
	AUTO(event_release) struct event rest = {0};
	AUTO(json_object_put) struct json_object *events = NULL;
	const char *a, *b;

	json_object_put(at_google(
		w, "POST", "?conferenceDataVersion=1&supportsAttachments=true",
		"{\"id\":\"serie\",\"summary\":\"team\",\"start\":{\"dateTime\":\"2026-03-02T10:00:"
		"00\","
		"\"timeZone\":\"Europe/Berlin\"},\"end\":{\"dateTime\":\"2026-03-02T11:00:00\","
		"\"timeZone\":\"Europe/Berlin\"},\"recurrence\":[\"RRULE:FREQ=WEEKLY;COUNT=12\"],"
		"\"attachments\":[{\"fileUrl\":\"https://x.example.com/1\"}],"
		"\"conferenceData\":{\"createRequest\":{\"requestId\":\"r1\"}}}"));
	sync_ok(w);
	add_exceptions(w, &kinds[0]);
	assert_true(cut(w, &kinds[0], TITLE, &rest));
	sync_ok(w);
	sync_ok(w);
	events = google_events(w);
	a = json_str(json_get(events, "serie"), "hangoutLink");
	b = json_str(json_get(events, rest.id), "hangoutLink");
	assert_non_null(a);
	assert_non_null(b);
	assert_string_not_equal(a, b);
	assert_int_equal(
		json_object_array_length(json_get(json_get(events, rest.id), "attachments")), 1);
	assert_settled(w, "meet");
	{
		AUTO(json_object_put)
		struct json_object *v = ask(w, "GET", "/sandbox/violations", NULL, NULL, NULL);

		for (size_t i = 0; i < json_object_array_length(v); i++)
			if (strstr(json_str(json_object_array_get_idx(v, i), "what"), "Meet"))
				fail_msg("%s", json_text(v));
	}
}

static void test_series__what_cannot_be_cut(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence at = {0};
	AUTO(event_release) struct event out = {0};
	AUTO(row_list_release) struct row_list rows = {0};
	AUTO(json_object_put) struct json_object *r = timed("x");

	control(w, "POST", "/sandbox/load",
		"[{\"id\":\"invited\",\"organizer\":{\"email\":\"boss@example.com\"},\"start\":{"
		"\"dateTime\":\"2026-03-02T10:00:00+01:00\",\"timeZone\":\"Europe/"
		"Berlin\"},\"end\":{"
		"\"dateTime\":\"2026-03-02T11:00:00+01:00\",\"timeZone\":\"Europe/Berlin\"},"
		"\"recurrence\":[\"RRULE:FREQ=DAILY\"]},"
		"{\"id\":\"born\",\"eventType\":\"birthday\",\"start\":{\"date\":\"2020-03-02\"},"
		"\"end\":{\"date\":\"2020-03-03\"},\"recurrence\":[\"RRULE:FREQ=YEARLY\"]}]");
	sync_ok(w);
	nth_occurrence(w, "invited", 2, &at);
	assert_int_equal(local_series_split(w->store, &w->clock.clock, row_of(w, "invited"), &at, r,
					    &plain, &out, &rows, &err),
			 -1);
	assert_int_equal(err.code, ERR_READ_ONLY);
	assert_int_equal(local_series_trim(w->store, &w->clock.clock, row_of(w, "born"), &at,
					   &plain, &out, &rows, &err),
			 -1);
	assert_int_equal(err.code, ERR_READ_ONLY);
	sync_ok(w);
	assert_int_equal(requests(w, "PATCH", "/events"), 0);
}

/* --- exceptions without a series ------------------------------------------------------------- */

static struct json_object *as_boss(struct world *w, const char *method, const char *path,
				   const char *body)
{
	AUTO(json_object_put)
	struct json_object *t =
		ask(w, "POST", "/sandbox/token", "{\"account\":\"boss@example.com\"}", NULL, NULL);
	AUTO(free) char *url = xasprintf("/calendar/v3/calendars/primary/events%s", path);

	return ask(w, method, url, body, json_str(t, "access_token"), NULL);
}

/* Invited to one occurrence alone: it is kept and shown, its series is asked for once. */
static void test_series__an_exception_without_its_series_is_kept(void **state)
{
	struct world *w = *state;
	AUTO(lines_release) struct lines here = {0};

	sync_ok(w);
	control(w, "POST", "/sandbox/accounts", "{\"email\":\"boss@example.com\"}");
	json_object_put(
		as_boss(w, "POST", "",
			"{\"id\":\"bosses\",\"summary\":\"board\",\"start\":{\"dateTime\":"
			"\"2026-03-02T10:00:00\",\"timeZone\":\"Europe/Berlin\"},\"end\":{"
			"\"dateTime\":\"2026-03-02T11:00:00\",\"timeZone\":\"Europe/Berlin\"},"
			"\"recurrence\":[\"RRULE:FREQ=DAILY\"]}"));
	json_object_put(as_boss(w, "PATCH", "/bosses_20260303T090000Z",
				"{\"attendees\":[{\"email\":\"user1@example.com\"}]}"));
	forget_log(w);
	sync_ok(w);
	assert_int_equal(requests(w, "GET", "/events/bosses"), 1);
	assert_true(row_of(w, "bosses_20260303T090000Z") != 0);
	forget_log(w);
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
	by_store(w, &here);
	assert_int_equal(here.count, 1);
	/* the answer to it alone */
	edit(w, row_of(w, "bosses_20260303T090000Z"), "colorId", "3");
	sync_ok(w);
	assert_settled(w, "alone");
	{
		struct sync_options full = {.full = true};

		forget_log(w);
		OK(run_sync(w, &full));
		assert_int_equal(requests(w, "GET", "/events/bosses"), 0);
		assert_settled(w, "full");
	}
	json_object_put(as_boss(w, "DELETE", "/bosses_20260303T090000Z", NULL));
	sync_ok(w);
	assert_int_equal(stored_rows(w), 0);
}

static void test_series__a_missing_series_is_asked_for(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence at = {0};

	add_series(w, "serie", "2026-03-02T10:00:00", "Europe/Berlin",
		   "\"RRULE:FREQ=WEEKLY;COUNT=8\"");
	sync_ok(w);
	nth_occurrence(w, "serie", 3, &at);
	OK(store_event_delete(w->store, row_of(w, "serie"), &err));
	google_patch(w, at.id, "{\"summary\":\"changed\"}");
	forget_log(w);
	sync_ok(w);
	assert_int_equal(requests(w, "GET", "/events/serie"), 1);
	assert_settled(w, "asked for");
	assert_int_equal(stored_rows(w), 2);
}

/* Cancelled occurrences that the series has no place for any more are not kept. */
static void test_series__what_a_shorter_series_leaves_is_not_kept(void **state)
{
	struct world *w = *state;

	add_series(w, "serie", kinds[0].start, kinds[0].zone, kinds[0].lines);
	sync_ok(w);
	add_exceptions(w, &kinds[0]);
	assert_int_equal(stored_rows(w), 7);
	google_patch(w, "serie", "{\"recurrence\":[\"RRULE:FREQ=WEEKLY;COUNT=5\"]}");
	sync_ok(w);
	assert_settled(w, "shorter");
	assert_int_equal(stored_rows(w), 4);
}

/* --- nothing gets lost on the way ------------------------------------------------------------ */

/* Every request of the push once lost before, once after its effect; then all is well. */
static void test_series__lost_answers_are_harmless(void **state)
{
	static const char *const actions[] = {"drop_before", "drop_after"};
	static const char *const methods[] = {"POST", "PATCH", "DELETE", "GET"};

	(void)state;
	for (size_t a = 0; a < ARRAY_SIZE(actions); a++) {
		for (size_t m = 0; m < ARRAY_SIZE(methods); m++) {
			for (int after = 0; after < 4; after++) {
				AUTO(event_release) struct event rest = {0};
				AUTO(lines_release) struct lines planned = {0};
				AUTO(lines_release) struct lines done = {0};
				AUTO(free) char *fault_body = NULL;
				AUTO(free)
				char *name =
					xasprintf("%s of %s %d", actions[a], methods[m], after);
				void *one = NULL;
				struct world *w;

				setup(&one);
				w = one;
				add_series(w, "serie", kinds[0].start, kinds[0].zone,
					   kinds[0].lines);
				sync_ok(w);
				add_exceptions(w, &kinds[0]);
				assert_true(cut(w, &kinds[0], LATER, &rest));
				by_store(w, &planned);
				/* No batches, so that each request is one of its own; five tries are
				 * lost, which ends the run. */
				control(w, "POST", "/sandbox/faults",
					"{\"match\":\"/batch\",\"times\":0,\"action\":\"status\","
					"\"status\":404}");
				fault_body =
					xasprintf("{\"method\":\"%s\",\"match\":\"/events\","
						  "\"after\":%d,\"times\":0,\"action\":\"%s\"}",
						  methods[m], after, actions[a]);
				fault(w, fault_body);
				(void)run_sync(w, NULL);
				control(w, "DELETE", "/sandbox/faults", NULL);
				connect_again(w);
				sync_ok(w);
				sync_ok(w);
				by_store(w, &done);
				assert_lines(&planned, &done, name);
				assert_settled(w, name);
				teardown(&one);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_series__one_occurrence_becomes_an_exception),
		TEST(test_series__one_occurrence_is_deleted),
		TEST(test_series__an_edit_taken_back_leaves_no_row),
		TEST(test_series__an_edit_meets_googles),
		TEST(test_series__an_occurrence_outlives_its_series),
		TEST(test_series__of_a_series_that_waits_or_stays_here),
		TEST(test_series__an_occurrence_waits_with_a_series_that_is_held),
		TEST(test_series__a_delete_of_one_waits_for_the_edit_of_all),
		cmocka_unit_test(test_series__following_is_a_series_of_its_own),
		cmocka_unit_test(test_series__rm_following_ends_it),
		cmocka_unit_test(test_series__all_of_it),
		TEST(test_series__the_exception_that_is_named_takes_the_edit),
		TEST(test_series__a_cut_series_has_a_link_of_its_own),
		TEST(test_series__what_cannot_be_cut),
		TEST(test_series__an_exception_without_its_series_is_kept),
		TEST(test_series__a_missing_series_is_asked_for),
		TEST(test_series__what_a_shorter_series_leaves_is_not_kept),
		cmocka_unit_test(test_series__lost_answers_are_harmless),
	};

	return cmocka_run_group_tests_name("sync_series", tests, NULL, NULL);
}
