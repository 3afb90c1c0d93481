/* A series moved as a whole: every occurrence moves, none comes or goes. */
#include "ical/recur.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/time.h"
#include "base/xalloc.h"

#define MOST 400

static struct err err;

static struct json_object *parse(const char *text)
{
	struct json_object *obj = NULL;

	if (json_parse(text, strlen(text), &obj, &err))
		fail_msg("%s: %s", text, err.msg);
	return obj;
}

/* "2026-03-02T10:00 Europe/Berlin 60" (minutes) or "2026-03-02 1" (days), with lines or NULL. */
static struct json_object *event(const char *span, const char *lines)
{
	char start[32], zone[64];
	struct json_object *r;
	struct civil c = {0};
	int64_t utc;
	int n;

	if (sscanf(span, "%31s %63s %d", start, zone, &n) == 3) {
		AUTO(free) char *text = NULL;
		char a[RFC3339_LEN], b[RFC3339_LEN];

		assert_int_equal(sscanf(start, "%d-%d-%dT%d:%d", &c.year, &c.month, &c.day, &c.hour,
					&c.minute),
				 5);
		zone_to_utc(zone, &c, &utc);
		rfc3339_format(utc, zone_offset(zone, utc), a);
		rfc3339_format(utc + n * 60, zone_offset(zone, utc + n * 60), b);
		text = xasprintf("{\"id\":\"serie\",\"start\":{\"dateTime\":\"%s\",\"timeZone\":"
				 "\"%s\"},\"end\":{\"dateTime\":\"%s\",\"timeZone\":\"%s\"}}",
				 a, zone, b, zone);
		r = parse(text);
	} else {
		AUTO(free) char *text = NULL;
		char a[DATE_LEN], b[DATE_LEN];

		assert_int_equal(sscanf(span, "%d-%d-%d %d", &c.year, &c.month, &c.day, &n), 4);
		date_format(&c, a);
		civil_from_days(days_from_civil(c.year, c.month, c.day) + n, &c);
		date_format(&c, b);
		text = xasprintf("{\"id\":\"serie\",\"start\":{\"date\":\"%s\"},\"end\":{\"date\":"
				 "\"%s\"}}",
				 a, b);
		r = parse(text);
	}
	if (lines) {
		AUTO(free) char *text = xasprintf("[%s]", lines);

		json_set(r, "recurrence", parse(text));
	}
	return r;
}

/* The starts, as civil times of the series' zone. */
static size_t starts(const struct json_object *r, int64_t *out)
{
	AUTO(occurrence_list_release) struct occurrence_list list = {0};
	const char *zone = json_path_str(r, "start/timeZone");

	if (recur_expand(r, "Europe/Berlin", RECUR_PAST, RECUR_FUTURE, MOST, &list, &err))
		fail_msg("%s: %s", json_text((struct json_object *)r), err.msg);
	for (size_t i = 0; i < list.count; i++) {
		struct civil c;

		zone_civil(zone ? zone : "Europe/Berlin", list.items[i].start_utc, &c);
		out[i] = civil_to_s(&c);
	}
	return list.count;
}

static void check(const char *was_span, const char *lines, const char *now_span, const char *want)
{
	AUTO(json_object_put) struct json_object *was = event(was_span, lines);
	AUTO(json_object_put) struct json_object *now = event(now_span, lines);
	struct json_object *moved = NULL;
	int64_t a[MOST] = {0}, b[MOST] = {0};
	size_t n;

	if (recur_shift(was, now, "Europe/Berlin", &moved, &err))
		fail_msg("%s: %s", lines, err.msg);
	json_set(now, "recurrence", moved);
	if (want) {
		AUTO(free) char *text = xasprintf("[%s]", want);
		AUTO(json_object_put) struct json_object *list = parse(text);

		if (!json_equal(moved, list))
			fail_msg("%s became %s", lines, json_text(moved));
	}
	n = starts(was, a);
	if (starts(now, b) != n)
		fail_msg("%s: %zu occurrences became another number: %s", lines, n,
			 json_text(moved));
	for (size_t i = 0; i < n; i++) {
		bool days = !strchr(was_span, 'T') || !strchr(now_span, 'T');

		if (days ? (b[i] / DAY_S - b[0] / DAY_S) != (a[i] / DAY_S - a[0] / DAY_S)
			 : b[i] - b[0] != a[i] - a[0])
			fail_msg("%s: occurrence %zu is off: %s", lines, i, json_text(moved));
	}
}

static void test_recur_shift__lines_move_along(void **state)
{
	static const struct {
		const char *was, *lines, *now, *want;
	} rows[] = {
		/* the time of day */
		{"2026-03-02T10:00 Europe/Berlin 60", "\"RRULE:FREQ=DAILY;COUNT=40\"",
		 "2026-03-02T11:30 Europe/Berlin 30", "\"RRULE:FREQ=DAILY;COUNT=40\""},
		{"2026-03-02T10:00 Europe/Berlin 60", "\"RRULE:FREQ=DAILY;UNTIL=20260430T080000Z\"",
		 "2026-03-02T12:00 Europe/Berlin 60",
		 "\"RRULE:FREQ=DAILY;UNTIL=20260430T100000Z\""},
		{"2026-03-02T10:00 Europe/Berlin 60", "\"RRULE:UNTIL=20260430;FREQ=DAILY\"",
		 "2026-03-02T08:00 Europe/Berlin 60",
		 "\"RRULE:UNTIL=20260430T195959Z;FREQ=DAILY\""},
		{"2026-03-02T10:00 Europe/Berlin 60",
		 "\"RRULE:FREQ=DAILY;COUNT=40\",\"EXDATE;TZID=Europe/"
		 "Berlin:20260304T100000,20260405T100000\",\"EXDATE:20260306T090000Z\"",
		 "2026-03-02T11:00 Europe/Berlin 60",
		 "\"RRULE:FREQ=DAILY;COUNT=40\",\"EXDATE:20260304T100000Z,20260405T090000Z\","
		 "\"EXDATE:20260306T100000Z\""},
		{"2026-03-02T10:00 Europe/Berlin 60",
		 "\"RRULE:FREQ=WEEKLY;COUNT=8\",\"RDATE:20260310T090000Z\",\"EXRULE:FREQ=MONTHLY\"",
		 "2026-03-02T08:00 Europe/Berlin 60",
		 "\"RRULE:FREQ=WEEKLY;COUNT=8\",\"RDATE:20260310T070000Z\",\"EXRULE:FREQ="
		 "MONTHLY\""},
		/* the day */
		{"2026-03-02T10:00 Europe/Berlin 60",
		 "\"RRULE:FREQ=WEEKLY;BYDAY=MO,WE,SU;COUNT=20\"",
		 "2026-03-03T10:00 Europe/Berlin 60",
		 "\"RRULE:FREQ=WEEKLY;BYDAY=MO,TU,TH;COUNT=20\""},
		{"2026-03-02T10:00 Europe/Berlin 60", "\"RRULE:FREQ=WEEKLY;BYDAY=MO,WE;COUNT=20\"",
		 "2026-02-28T10:00 Europe/Berlin 60", "\"RRULE:FREQ=WEEKLY;BYDAY=MO,SA;COUNT=20\""},
		{"2026-03-02T10:00 Europe/Berlin 60",
		 "\"RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,SU;COUNT=20\"",
		 "2026-03-03T10:00 Europe/Berlin 60",
		 "\"RRULE:FREQ=WEEKLY;INTERVAL=2;BYDAY=MO,TU;COUNT=20;WKST=TU\""},
		{"2026-03-02T10:00 Europe/Berlin 60",
		 "\"RRULE:FREQ=WEEKLY;WKST=SU;INTERVAL=2;BYDAY=MO,SU;COUNT=20\"",
		 "2026-03-07T10:00 Europe/Berlin 60",
		 "\"RRULE:FREQ=WEEKLY;WKST=FR;INTERVAL=2;BYDAY=FR,SA;COUNT=20\""},
		{"2026-03-02T10:00 Europe/Berlin 60", "\"RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=20\"",
		 "2026-03-09T10:00 Europe/Berlin 60", "\"RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=20\""},
		{"2026-03-02T10:00 Europe/Berlin 60",
		 "\"RRULE:FREQ=DAILY;BYDAY=MO,TU,WE;COUNT=20\"",
		 "2026-03-04T10:00 Europe/Berlin 60",
		 "\"RRULE:FREQ=DAILY;BYDAY=WE,TH,FR;COUNT=20\""},
		{"2026-03-02T10:00 Europe/Berlin 60",
		 "\"RRULE:FREQ=WEEKLY;UNTIL=20260601T080000Z\",\"EXDATE:20260309T090000Z\"",
		 "2026-03-04T10:00 Europe/Berlin 60",
		 "\"RRULE:FREQ=WEEKLY;UNTIL=20260603T080000Z\",\"EXDATE:20260311T090000Z\""},
		/* over midnight */
		{"2026-03-02T23:00 Europe/Berlin 60", "\"RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=9\"",
		 "2026-03-03T01:00 Europe/Berlin 60", "\"RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=9\""},
		/* the zone */
		{"2026-03-02T20:00 Europe/Berlin 60",
		 "\"RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=9\",\"EXDATE:20260316T190000Z\"",
		 "2026-03-03T04:00 Asia/Tokyo 60",
		 "\"RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=9\",\"EXDATE:20260316T190000Z\""},
		{"2026-03-02T10:00 Europe/Berlin 60",
		 "\"RRULE:FREQ=DAILY;COUNT=60\",\"EXDATE:20260409T080000Z\"",
		 "2026-03-02T10:00 America/New_York 60",
		 "\"RRULE:FREQ=DAILY;COUNT=60\",\"EXDATE:20260409T140000Z\""},
		/* a rule that says its one time of day */
		{"2026-03-02T10:00 Europe/Berlin 60", "\"RRULE:FREQ=DAILY;BYHOUR=10;COUNT=9\"",
		 "2026-03-02T12:30 Europe/Berlin 60",
		 "\"RRULE:FREQ=DAILY;COUNT=9;BYHOUR=12;BYMINUTE=30;BYSECOND=0\""},
		/* whole days */
		{"2026-03-02 1",
		 "\"RRULE:FREQ=WEEKLY;BYDAY=MO;UNTIL=20260601\",\"EXDATE;VALUE=DATE:20260309\","
		 "\"RDATE;VALUE=DATE:20260312\"",
		 "2026-03-04 2",
		 "\"RRULE:FREQ=WEEKLY;BYDAY=WE;UNTIL=20260603\",\"EXDATE;VALUE=DATE:20260311\","
		 "\"RDATE;VALUE=DATE:20260314\""},
		{"2026-03-02 1",
		 "\"RRULE:FREQ=WEEKLY;UNTIL=20260601\",\"EXDATE;VALUE=DATE:20260309\"",
		 "2026-03-02T10:00 Europe/Berlin 60",
		 "\"RRULE:FREQ=WEEKLY;UNTIL=20260601T080000Z\",\"EXDATE:20260309T090000Z\""},
		{"2026-03-02T10:00 Europe/Berlin 60",
		 "\"RRULE:FREQ=WEEKLY;UNTIL=20260601T080000Z\",\"EXDATE:20260309T090000Z\"",
		 "2026-03-03 1",
		 "\"RRULE:FREQ=WEEKLY;UNTIL=20260602\",\"EXDATE;VALUE=DATE:20260310\""},
		/* months and years from the start */
		{"2026-03-02T10:00 Europe/Berlin 60", "\"RRULE:FREQ=MONTHLY;COUNT=9\"",
		 "2026-03-02T11:00 Europe/Berlin 60", "\"RRULE:FREQ=MONTHLY;COUNT=9\""},
		{"2026-03-02T10:00 Europe/Berlin 60", "\"RRULE:FREQ=MONTHLY;BYDAY=1MO;COUNT=9\"",
		 "2026-03-02T11:00 Europe/Berlin 60", "\"RRULE:FREQ=MONTHLY;BYDAY=1MO;COUNT=9\""},
		/* nothing moves: not a letter changes */
		{"2026-03-02T10:00 Europe/Berlin 60",
		 "\"RRULE:FREQ=DAILY;UNTIL=20260430\",\"EXDATE;TZID=Europe/"
		 "Berlin:20260304T100000\"",
		 "2026-03-02T10:00 Europe/Berlin 90",
		 "\"RRULE:FREQ=DAILY;UNTIL=20260430\",\"EXDATE;TZID=Europe/"
		 "Berlin:20260304T100000\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		check(rows[i].was, rows[i].lines, rows[i].now, rows[i].want);
}

/* Every rule that can follow, by every distance, in zones with changes of their own. */
static void test_recur_shift__no_occurrence_comes_or_goes(void **state)
{
	static const char *const lines[] = {
		"\"RRULE:FREQ=DAILY;COUNT=50\",\"EXDATE:20260310T090000Z\"",
		"\"RRULE:FREQ=DAILY;INTERVAL=3;UNTIL=20261130\"",
		"\"RRULE:FREQ=WEEKLY;BYDAY=MO,TU,SA;UNTIL=20261130T080000Z\"",
		"\"RRULE:FREQ=WEEKLY;INTERVAL=3;BYDAY=MO,SU;COUNT=30\"",
		"\"RRULE:FREQ=WEEKLY;INTERVAL=2;WKST=WE;BYDAY=MO,TU,WE;COUNT=30\"",
		"\"RDATE:20260306T090000Z,20260401T080000Z\"",
	};
	static const char *const to[] = {
		"2026-03-02T11:00 Europe/Berlin 60",    "2026-03-02T06:15 Europe/Berlin 60",
		"2026-03-03T10:00 Europe/Berlin 60",    "2026-03-04T15:00 Europe/Berlin 60",
		"2026-03-08T10:00 Europe/Berlin 60",    "2026-02-27T10:00 Europe/Berlin 60",
		"2026-03-02T10:00 America/New_York 60", "2026-03-02T18:00 Asia/Tokyo 60",
		"2026-03-05T12:00 Asia/Tehran 60",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
		for (size_t k = 0; k < ARRAY_SIZE(to); k++)
			check("2026-03-02T10:00 Europe/Berlin 60", lines[i], to[k], NULL);
}

static void test_recur_shift__what_cannot_follow_is_refused(void **state)
{
	static const struct {
		const char *was, *lines, *now, *names;
	} rows[] = {
		{"2026-03-02T10:00 Europe/Berlin 60", "\"RRULE:FREQ=MONTHLY;BYDAY=1MO\"",
		 "2026-03-03T10:00 Europe/Berlin 60", "names its days"},
		{"2026-03-02T10:00 Europe/Berlin 60", "\"RRULE:FREQ=MONTHLY;BYMONTHDAY=2\"",
		 "2026-03-03T10:00 Europe/Berlin 60", "names its days"},
		{"2026-03-02T10:00 Europe/Berlin 60", "\"RRULE:FREQ=YEARLY;BYMONTH=3\"",
		 "2026-03-03T10:00 Europe/Berlin 60", "names its days"},
		{"2026-03-02T10:00 Europe/Berlin 60",
		 "\"RRULE:FREQ=WEEKLY;BYDAY=MO,TU;BYSETPOS=1\"",
		 "2026-03-03T10:00 Europe/Berlin 60", "names its days"},
		{"2026-03-02T10:00 Europe/Berlin 60", "\"RRULE:FREQ=DAILY;BYHOUR=10,14\"",
		 "2026-03-02T11:00 Europe/Berlin 60", "names its times"},
		{"2026-03-02T10:00 Europe/Berlin 60", "\"RRULE:FREQ=HOURLY;COUNT=3\"",
		 "2026-03-02 1", "names its times"},
		{"2026-03-02T23:00 Europe/Berlin 60", "\"RRULE:FREQ=DAILY;BYHOUR=23\"",
		 "2026-03-03T01:00 Europe/Berlin 60", NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(json_object_put) struct json_object *was = event(rows[i].was, rows[i].lines);
		AUTO(json_object_put) struct json_object *now = event(rows[i].now, rows[i].lines);
		AUTO(json_object_put) struct json_object *moved = NULL;
		int result = recur_shift(was, now, "Europe/Berlin", &moved, &err);

		if (!rows[i].names && result)
			fail_msg("%s: %s", rows[i].lines, err.msg);
		if (!rows[i].names)
			continue;
		if (!result)
			fail_msg("%s became %s", rows[i].lines, json_text(moved));
		assert_int_equal(err.code, ERR_INVALID);
		if (!strstr(err.msg, rows[i].names) || !strstr(err.msg, "--rrule"))
			fail_msg("%s", err.msg);
	}
}

static void test_recur_shift__the_span_moves_as_an_occurrence_does(void **state)
{
	static const struct {
		const char *series, *was, *now, *want;
	} rows[] = {
		{"2026-03-02T10:00 Europe/Berlin 60", "2026-04-06T10:00 Europe/Berlin 60",
		 "2026-04-07T12:30 Europe/Berlin 30", "2026-03-03T12:30 Europe/Berlin 30"},
		/* summer time in between */
		{"2026-03-02T01:30 Europe/Berlin 60", "2026-06-01T01:30 Europe/Berlin 60",
		 "2026-05-31T23:00 Europe/Berlin 60", "2026-03-01T23:00 Europe/Berlin 60"},
		{"2026-03-02T10:00 Europe/Berlin 60", "2026-04-06T10:00 Europe/Berlin 60",
		 "2026-04-06T17:00 Asia/Tokyo 60", "2026-03-02T17:00 Asia/Tokyo 60"},
		{"2026-03-02 1", "2026-04-06 1", "2026-04-05 3", "2026-03-01 3"},
		{"2026-03-02 2", "2026-04-06 2", "2026-04-06T10:00 Europe/Berlin 60",
		 "2026-03-02T10:00 Europe/Berlin 60"},
		{"2026-03-02T10:00 Europe/Berlin 60", "2026-04-06T10:00 Europe/Berlin 60",
		 "2026-04-08 1", "2026-03-04 1"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(json_object_put) struct json_object *into = event(rows[i].series, NULL);
		AUTO(json_object_put) struct json_object *was = event(rows[i].was, NULL);
		AUTO(json_object_put) struct json_object *now = event(rows[i].now, NULL);
		AUTO(json_object_put) struct json_object *want = event(rows[i].want, NULL);

		assert_int_equal(recur_shift_span(was, now, "Europe/Berlin", into, &err), 0);
		if (!json_equal(into, want))
			fail_msg("row %zu: %s", i, json_text(into));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recur_shift__lines_move_along),
		cmocka_unit_test(test_recur_shift__no_occurrence_comes_or_goes),
		cmocka_unit_test(test_recur_shift__what_cannot_follow_is_refused),
		cmocka_unit_test(test_recur_shift__the_span_moves_as_an_occurrence_does),
	};

	return cmocka_run_group_tests_name("recur_shift", tests, NULL, NULL);
}
