/* A series cut in two, by rules, zones, places and edits: no occurrence comes, goes, or is mixed up. */
#include "sync/split.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/time.h"
#include "base/xalloc.h"
#include "model/event.h"

#define MOST 64

static struct err err;

static struct json_object *parse(const char *text)
{
	struct json_object *obj = NULL;

	if (json_parse(text, strlen(text), &obj, &err))
		fail_msg("%s: %s", text, err.msg);
	return obj;
}

/* "2026-03-20T02:30" in a zone, or "2026-03-20" and NULL; an hour, or a day. */
static struct json_object *series(const char *start, const char *zone, const char *lines)
{
	AUTO(free) char *text = NULL;
	struct civil c = {0};
	char a[RFC3339_LEN], b[RFC3339_LEN];
	int64_t utc;

	sscanf(start, "%d-%d-%dT%d:%d", &c.year, &c.month, &c.day, &c.hour, &c.minute);
	if (!zone) {
		date_format(&c, a);
		civil_from_days(days_from_civil(c.year, c.month, c.day) + 1, &c);
		date_format(&c, b);
		text = xasprintf(
			"{\"id\":\"serie\",\"summary\":\"team\",\"start\":{\"date\":\"%s\"},"
			"\"end\":{\"date\":\"%s\"},\"recurrence\":[%s]}",
			a, b, lines);
		return parse(text);
	}
	zone_to_utc(zone, &c, &utc);
	rfc3339_format(utc, zone_offset(zone, utc), a);
	rfc3339_format(utc + 3600, zone_offset(zone, utc + 3600), b);
	text = xasprintf("{\"id\":\"serie\",\"summary\":\"team\",\"start\":{\"dateTime\":\"%s\","
			 "\"timeZone\":\"%s\"},\"end\":{\"dateTime\":\"%s\",\"timeZone\":\"%s\"},"
			 "\"recurrence\":[%s]}",
			 a, zone, b, zone, lines);
	return parse(text);
}

static void expand(const struct json_object *r, const char *zone, struct occurrence_list *out)
{
	if (recur_expand(r, zone, RECUR_PAST, RECUR_FUTURE, MOST, out, &err))
		fail_msg("%s: %s", json_text((struct json_object *)r), err.msg);
}

/* By so much on the wall clock. */
static void move(struct json_object *r, int64_t by, const char *zone)
{
	AUTO(json_object_put) struct json_object *was = json_clone(r);
	AUTO(json_object_put) struct json_object *now = json_clone(r);
	int64_t start, end;
	struct civil c;
	bool all_day;

	event_span(r, "UTC", &start, &end, &all_day);
	if (all_day) {
		char buf[DATE_LEN];

		civil_from_s(start + by / DAY_S * DAY_S, &c);
		date_format(&c, buf);
		json_set_str(json_get(now, "start"), "date", buf);
		civil_from_s(end + by / DAY_S * DAY_S, &c);
		date_format(&c, buf);
		json_set_str(json_get(now, "end"), "date", buf);
	} else {
		char buf[RFC3339_LEN];
		int64_t length = end - start;

		zone_civil(zone, start, &c);
		civil_from_s(civil_to_s(&c) + by, &c);
		zone_to_utc(zone, &c, &start);
		rfc3339_format(start, zone_offset(zone, start), buf);
		json_set_str(json_get(now, "start"), "dateTime", buf);
		rfc3339_format(start + length, zone_offset(zone, start + length), buf);
		json_set_str(json_get(now, "end"), "dateTime", buf);
	}
	json_set(r, "start", json_clone(json_get(now, "start")));
	json_set(r, "end", json_clone(json_get(now, "end")));
	if (event_is_master(was)) {
		struct json_object *lines = NULL;

		if (recur_shift(was, r, "Europe/Berlin", &lines, &err))
			fail_msg("%s", err.msg);
		json_set(r, "recurrence", lines);
	}
}

static size_t cases;

static void check_carried(const struct split *sp, const struct occurrence_list *old, size_t cut,
			  const struct occurrence_list *rest, const char *name)
{
	for (size_t i = cut; i < old->count; i++) {
		AUTO(split_exception_release) struct split_exception x = {0};
		AUTO(json_object_put)
		struct json_object *mine = split_instance(sp->old, sp->zone, &old->items[i]);

		json_set_str(mine, "summary", "own");
		if (split_carry(sp, mine, old->items[i].start_utc, false, &x, &err))
			fail_msg("%s: %s", name, err.msg);
		if (x.goes || x.at.start_utc != rest->items[i - cut].start_utc)
			fail_msg("%s: occurrence %zu is lost or mixed up", name, i);
		if (i == cut && strcmp(json_str(sp->new, "summary"), "team") != 0) {
			assert_null(x.resource); /* the edit was of this one: nothing is its own */
			continue;
		}
		assert_string_equal(x.at.id, json_str(x.resource, "id"));
		assert_string_equal(json_str(x.resource, "recurringEventId"), "rest");
		assert_string_equal(json_str(x.resource, "summary"), "own");
		/* its time was not changed: it goes with the series */
		assert_true(event_field_equal("start", json_get(x.resource, "start"),
					      json_get(x.base, "start")));
	}
}

static void check(const char *start, const char *zone, const char *lines, size_t cut, int64_t by,
		  const char *title)
{
	AUTO(json_object_put) struct json_object *old = series(start, zone, lines);
	AUTO(json_object_put) struct json_object *whole = NULL;
	AUTO(json_object_put) struct json_object *edited = NULL;
	AUTO(occurrence_list_release) struct occurrence_list all = {0}, first = {0}, second = {0};
	AUTO(occurrence_list_release) struct occurrence_list rest = {0};
	AUTO(json_object_put) struct json_object *trimmed = json_clone(old);
	AUTO(free)
	char *name = xasprintf("%s %s %s cut %zu by %lld", start, zone ? zone : "", lines, cut,
			       (long long)by);
	struct json_object *kept = NULL;
	struct split sp;

	expand(old, "Europe/Berlin", &all);
	if (cut >= all.count)
		return;
	if (split_old(old, "Europe/Berlin", &all.items[cut], &kept, &err) ||
	    split_new(old, "Europe/Berlin", &all.items[cut], &whole, &err))
		fail_msg("%s: %s", name, err.msg);
	json_set(trimmed, "recurrence", kept);
	assert_true(event_is_master(trimmed) && event_is_master(whole));
	json_set_str(whole, "id", "rest");
	expand(trimmed, "Europe/Berlin", &first);
	expand(whole, "Europe/Berlin", &second);
	if (first.count != cut || second.count != all.count - cut)
		fail_msg("%s: %zu and %zu of %zu", name, first.count, second.count, all.count);
	for (size_t i = 0; i < all.count; i++) {
		const struct occurrence *o = i < cut ? &first.items[i] : &second.items[i - cut];

		if (o->start_utc != all.items[i].start_utc || o->end_utc != all.items[i].end_utc)
			fail_msg("%s: occurrence %zu has moved", name, i);
	}
	edited = json_clone(whole);
	json_set_str(edited, "summary", title);
	if (by)
		move(edited, by, zone);
	expand(edited, "Europe/Berlin", &rest);
	if (rest.count != second.count)
		fail_msg("%s: %zu instead of %zu: %s", name, rest.count, second.count,
			 json_text(edited));
	sp = (struct split){.zone = "Europe/Berlin",
			    .old = old,
			    .whole = whole,
			    .new = edited,
			    .at_utc = all.items[cut].start_utc};
	check_carried(&sp, &all, cut, &rest, name);
	cases++;
}

static void test_split__no_occurrence_comes_or_goes(void **state)
{
	static const char *const lines[] = {
		"\"RRULE:FREQ=DAILY;COUNT=14\"",
		"\"RRULE:FREQ=DAILY;UNTIL=20260402\"",
		"\"RRULE:FREQ=DAILY;INTERVAL=2;COUNT=9\"",
		"\"RRULE:FREQ=WEEKLY;COUNT=9\"",
		"\"RRULE:FREQ=WEEKLY;BYDAY=MO,FR,SU;COUNT=12\"",
		"\"RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,SA;UNTIL=20260601\"",
		"\"RRULE:FREQ=DAILY;COUNT=12\",\"EXDATE;VALUE=DATE:20260322,20260329\"",
		"\"RDATE;VALUE=DATE:20260323,20260329,20260405\"",
	};
	/* each has a change of its own within two weeks of its start, or none */
	static const struct {
		const char *start, *zone;
	} places[] = {
		{"2026-03-20T10:00", "Europe/Berlin"},
		{"2026-03-20T02:30", "Europe/Berlin"},
		{"2026-03-20T03:30", "Europe/Berlin"},
		{"2026-03-20T23:45", "Europe/Berlin"},
		{"2026-03-20T01:30", "Europe/London"},
		{"2026-03-20T00:15", "Asia/Beirut"},
		{"2026-03-20T02:10", "Asia/Jerusalem"},
		{"2026-03-20T10:00", "Asia/Kolkata"},
		{"2026-03-20T10:00", "America/New_York"},
		{"2026-03-20T02:30", "Australia/Sydney"},
		{"2026-03-20T02:15", "Australia/Lord_Howe"},
		{"2026-03-20T00:30", "America/Santiago"},
		{"2026-03-20T12:00", "Pacific/Apia"},
		{"2026-03-20T02:30", "Antarctica/Troll"},
		{"2026-03-20", NULL},
	};
	static const int64_t moves[] = {0, 5400, -7200, DAY_S, -2 * DAY_S, 3 * DAY_S + 1800};

	(void)state;
	cases = 0;
	for (size_t p = 0; p < ARRAY_SIZE(places); p++)
		for (size_t l = 0; l < ARRAY_SIZE(lines); l++)
			for (size_t cut = 1; cut < 12; cut++)
				for (size_t m = 0; m < ARRAY_SIZE(moves); m++)
					check(places[p].start, places[p].zone, lines[l], cut,
					      moves[m], m % 2 ? "new" : "team");
	assert_true(cases > 5000);
}

static void test_split__exceptions_keep_what_was_changed(void **state)
{
	AUTO(json_object_put)
	struct json_object *old =
		series("2026-03-02T10:00", "Europe/Berlin", "\"RRULE:FREQ=WEEKLY;COUNT=8\"");
	AUTO(json_object_put) struct json_object *whole = NULL;
	AUTO(json_object_put) struct json_object *edited = NULL;
	AUTO(json_object_put) struct json_object *moved = NULL;
	AUTO(occurrence_list_release) struct occurrence_list all = {0};
	AUTO(split_exception_release) struct split_exception x = {0}, y = {0}, z = {0};
	struct split sp = {.zone = "Europe/Berlin", .old = old};

	(void)state;
	expand(old, sp.zone, &all);
	assert_int_equal(split_new(old, sp.zone, &all.items[2], &whole, &err), 0);
	json_set_str(whole, "id", "rest");
	edited = json_clone(whole);
	json_set_str(edited, "location", "new room");
	move(edited, 3600, "Europe/Berlin");
	sp.whole = whole;
	sp.new = edited;
	sp.at_utc = all.items[2].start_utc;
	/* its own time stays, the edit comes along */
	moved = split_instance(old, sp.zone, &all.items[4]);
	json_set_str(json_get(moved, "start"), "dateTime", "2026-04-01T15:00:00+02:00");
	json_set_str(json_get(moved, "end"), "dateTime", "2026-04-01T16:00:00+02:00");
	assert_int_equal(split_carry(&sp, moved, all.items[4].start_utc, false, &x, &err), 0);
	assert_string_equal(json_path_str(x.resource, "start/dateTime"),
			    "2026-04-01T15:00:00+02:00");
	assert_string_equal(json_str(x.resource, "location"), "new room");
	assert_string_equal(json_path_str(x.resource, "originalStartTime/dateTime"),
			    "2026-03-30T11:00:00+02:00");
	/* one that is as its series says needs no row; a cancelled one has no resource */
	json_object_put(moved);
	moved = split_instance(old, sp.zone, &all.items[5]);
	assert_int_equal(split_carry(&sp, moved, all.items[5].start_utc, false, &y, &err), 0);
	assert_true(!y.goes && !y.resource);
	assert_int_equal(split_carry(&sp, moved, all.items[5].start_utc, true, &z, &err), 0);
	assert_true(!z.goes && !z.resource && z.base);
	/* no place for it */
	split_exception_release(&z);
	json_set(edited, "recurrence", parse("[\"RRULE:FREQ=WEEKLY;COUNT=2\"]"));
	assert_int_equal(split_carry(&sp, moved, all.items[5].start_utc, false, &z, &err), 0);
	assert_true(z.goes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_split__no_occurrence_comes_or_goes),
		cmocka_unit_test(test_split__exceptions_keep_what_was_changed),
	};

	return cmocka_run_group_tests_name("split", tests, NULL, NULL);
}
