/* Rules from the wire: refused or run, but never without end, and never half. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "ical/rule.h"
#include "recur_series.h"

/* Of one call, whatever it is asked: many times what the bounds allow, so that only a walk without
 * end (or one that grows with the square) takes so long. */
#define CALL_S 20

static const char start[] = "2026-03-02T09:00:00";

static double cpu_s(void)
{
	return (double)clock() / CLOCKS_PER_SEC;
}

/* 0 or -1; fails when it takes too long or is no error that says something. */
static int run(const char *lines, int64_t from, int64_t to, size_t max, struct occurrence_list *out)
{
	AUTO(json_object_put)
	struct json_object *master = series(start, start, "Europe/Berlin", lines);
	double began = cpu_s();
	int status;

	memset(&err, 0, sizeof(err));
	status = recur_expand(master, "UTC", from, to, max, out, &err);
	if (cpu_s() - began > CALL_S)
		fail_msg("'%s' took %.1f s", lines, cpu_s() - began);
	if (status && (err.code != ERR_INVALID || !*err.msg))
		fail_msg("'%s': %s", lines, err.msg);
	return status;
}

static void test_recur_bounds__rules_that_never_match_end(void **state)
{
	static const char *const rules[] = {
		"FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
		"FREQ=MONTHLY;BYMONTH=2;BYMONTHDAY=30",
		"FREQ=WEEKLY;BYMONTH=2;BYMONTHDAY=30",
		"FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30",
		"FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30;COUNT=5",
		"FREQ=YEARLY;BYYEARDAY=366;BYMONTH=1",
		"FREQ=YEARLY;BYWEEKNO=53;BYMONTH=6",
		"FREQ=YEARLY;BYDAY=53MO;BYMONTH=6",
		"FREQ=MONTHLY;BYSETPOS=366",
		"FREQ=DAILY;BYHOUR=9;BYSETPOS=2",
		"FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
		"FREQ=MINUTELY;BYMONTH=2;BYMONTHDAY=30",
		"FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
		"FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30;COUNT=2147483648",
	};
	AUTO(occurrence_list_release) struct occurrence_list list = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		AUTO(free) char *line = xasprintf("RRULE:%s", rules[i]);

		/* To the end of year 9999: nothing but the start. */
		if (run(line, RECUR_PAST, RECUR_FUTURE, 10, &list))
			fail_msg("%s: %s", line, err.msg);
		assert_int_equal(list.count, 1);
		assert_false(list.truncated);
	}
}

/* Below a day, what hardly ever matches is too much work for an endless window: said, not guessed. */
static void test_recur_bounds__too_much_work_is_an_error(void **state)
{
	static const char *const rules[] = {
		"FREQ=HOURLY;INTERVAL=24;BYHOUR=11;BYMINUTE=7;BYSETPOS=9",
		"FREQ=MINUTELY;INTERVAL=60;BYMINUTE=30",
		"FREQ=SECONDLY;INTERVAL=60;BYSECOND=30",
		"FREQ=SECONDLY;COUNT=2147483648;BYSETPOS=2",
		"FREQ=SECONDLY;COUNT=99999999",
	};
	AUTO(occurrence_list_release) struct occurrence_list list = {0};
	int64_t day = utc_of("2026-03-03T00:00:00Z");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		AUTO(free) char *line = xasprintf("RRULE:%s", rules[i]);

		if (i > 0 && !run(line, utc_of("9000-01-01T00:00:00Z"), RECUR_FUTURE, 10, &list) &&
		    i > 2)
			fail_msg("%s: %zu", line, list.count);
		/* A window of a day is no trouble. */
		if (run(line, day, day + DAY_S, 100000, &list))
			fail_msg("%s: %s", line, err.msg);
	}
	assert_int_equal(run("RRULE:FREQ=SECONDLY;COUNT=99999999", utc_of("2029-01-01T00:00:00Z"),
			     RECUR_FUTURE, 10, &list),
			 -1);
	assert_non_null(strstr(err.msg, "FREQ=SECONDLY;COUNT=99999999"));
	assert_non_null(strstr(err.msg, "more than 12000000 days or 2000000 times"));
}

static void test_recur_bounds__dense_rules_are_cut_at_max(void **state)
{
	static const char *const rules[] = {
		"FREQ=SECONDLY",
		"FREQ=SECONDLY;COUNT=2147483648",
		"FREQ=YEARLY;BYDAY=SU,MO,TU,WE,TH,FR,SA;BYHOUR=0,1,2,3,4,5,6,7,8,9,10,11,12,13,14;"
		"BYMINUTE=0,1,2,3,4,5,6,7,8,9,10;BYSECOND=0,1,2,3,4,5,6,7,8,9,10,11,12,13",
	};
	AUTO(occurrence_list_release) struct occurrence_list list = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		AUTO(free) char *line = xasprintf("RRULE:%s", rules[i]);

		if (run(line, RECUR_PAST, RECUR_FUTURE, 1000, &list))
			fail_msg("%s: %s", line, err.msg);
		assert_int_equal(list.count, 1000);
		assert_true(list.truncated);
	}
}

static void test_recur_bounds__far_windows_cost_no_more_than_near_ones(void **state)
{
	static const char *const rules[] = {
		"FREQ=YEARLY",
		"FREQ=MONTHLY;BYDAY=-1FR",
		"FREQ=WEEKLY;INTERVAL=3",
		"FREQ=DAILY",
		"FREQ=HOURLY;INTERVAL=7",
		"FREQ=MINUTELY;INTERVAL=11",
		"FREQ=SECONDLY;INTERVAL=3001",
	};
	int64_t from = utc_of("9990-01-01T00:00:00Z");
	AUTO(occurrence_list_release) struct occurrence_list list = {0};
	double began = cpu_s();

	(void)state;
	for (int n = 0; n < 1000; n++) {
		for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
			AUTO(free) char *line = xasprintf("RRULE:%s", rules[i]);

			assert_int_equal(run(line, from, from + 40 * DAY_S, 3, &list), 0);
			assert_true(list.count || i == 0);
		}
	}
	/* 7000 calls; each would take a tenth of a second if it went there from the start. */
	if (cpu_s() - began > 100)
		fail_msg("%.1f s", cpu_s() - began);
}

static void test_recur_bounds__the_ends_of_time(void **state)
{
	static const struct {
		const char *start, *rule;
		size_t count;
	} rows[] = {
		{"9999-12-30", "FREQ=DAILY", 2},
		{"9999-12-30T23:00:00", "FREQ=HOURLY", 25},
		{"9998-06-01", "FREQ=YEARLY", 2},
		{"9999-01-01", "FREQ=WEEKLY;BYDAY=FR", 53},
		{"9999-12-27", "FREQ=YEARLY;BYWEEKNO=52,53,1", 1},
		{"0001-01-01", "FREQ=DAILY;COUNT=3", 3},
		{"0001-01-01", "FREQ=YEARLY;BYWEEKNO=1;COUNT=3", 3},
		{"2026-03-02", "FREQ=YEARLY;INTERVAL=2147483647", 1},
		{"2026-03-02", "FREQ=DAILY;INTERVAL=99999999999999999999", 1},
		{"2026-03-02T09:00:00", "FREQ=SECONDLY;INTERVAL=99999999999999999999", 118},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(free) char *line = xasprintf("RRULE:%s", rows[i].rule);
		AUTO(json_object_put)
		struct json_object *master = series(rows[i].start, rows[i].start, "UTC", line);
		AUTO(occurrence_list_release) struct occurrence_list list = {0};

		expand(master, "UTC", INT64_MIN, INT64_MAX, 1000, &list);
		if (list.count != rows[i].count)
			fail_msg("%s %s: %zu", rows[i].start, rows[i].rule, list.count);
	}
}

static void test_recur_bounds__what_is_no_rule_is_refused(void **state)
{
	static const char *const lines[] = {
		"",
		"RRULE",
		"RRULE:",
		"RRULE:;",
		"RRULE:FREQ",
		"RRULE:FREQ=",
		"RRULE:FREQ=OFTEN",
		"RRULE:COUNT=2",
		"RRULE:FREQ=DAILY;FREQ=DAILY",
		"RRULE:FREQ=DAILY;INTERVAL=0",
		"RRULE:FREQ=DAILY;INTERVAL=-1",
		"RRULE:FREQ=DAILY;COUNT=0",
		"RRULE:FREQ=DAILY;COUNT=",
		"RRULE:FREQ=DAILY;UNTIL=never",
		"RRULE:FREQ=DAILY;UNTIL=20260230",
		"RRULE:FREQ=DAILY;UNTIL=20260228T250000Z",
		"RRULE:FREQ=DAILY;BYDAY=",
		"RRULE:FREQ=DAILY;BYDAY=XX",
		"RRULE:FREQ=DAILY;BYDAY=0MO",
		"RRULE:FREQ=DAILY;BYDAY=54MO",
		"RRULE:FREQ=DAILY;BYMONTH=13",
		"RRULE:FREQ=DAILY;BYMONTH=0",
		"RRULE:FREQ=DAILY;BYMONTH=-1",
		"RRULE:FREQ=DAILY;BYMONTH=1,",
		"RRULE:FREQ=DAILY;BYMONTHDAY=0",
		"RRULE:FREQ=DAILY;BYMONTHDAY=-32",
		"RRULE:FREQ=DAILY;BYYEARDAY=367",
		"RRULE:FREQ=DAILY;BYWEEKNO=54",
		"RRULE:FREQ=DAILY;BYSETPOS=0",
		"RRULE:FREQ=DAILY;BYHOUR=24",
		"RRULE:FREQ=DAILY;BYMINUTE=60",
		"RRULE:FREQ=DAILY;BYSECOND=61",
		"RRULE:FREQ=DAILY;BYSECOND=99999999999999999999",
		"RRULE:FREQ=DAILY;BYEASTER=1",
		"RRULE:FREQ=DAILY;SKIP=OMIT",
		"RRULE:FREQ=DAILY;RSCALE=CHINESE",
		"RRULE:FREQ=YEARLY;RSCALE=KLINGON",
		"RRULE:FREQ=YEARLY;RSCALE=CHINESE;BYMONTH=10L",
		"RRULE:FREQ=YEARLY;RSCALE=CHINESE;INTERVAL=2",
		"RRULE:FREQ=YEARLY;RSCALE=CHINESE;BYDAY=MO",
		"RRULE:FREQ=MONTHLY;RSCALE=ETHIOPIC;BYMONTH=13",
		"RRULE;X=FREQ=DAILY",
		"EXRULE:FREQ=NEVER",
		"RDATE:",
		"RDATE:tomorrow",
		"RDATE:20260302T090000Z,",
		"RDATE:20260302/P",
		"RDATE:20260302T090000Z/",
		"RDATE;TZID=Nowhere/Else:20260302T090000",
		"EXDATE:20261301",
		"EXDATE:20260302T0900",
		"DTSTART:20260302T090000Z",
		"VALARM",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		AUTO(json_object_put)
		struct json_object *master =
			series(start, start, "Europe/Berlin", "RRULE:FREQ=DAILY");
		AUTO(json_object_put) struct json_object *out = NULL;
		AUTO(occurrence_list_release) struct occurrence_list list = {0};
		bool has;

		json_object_array_add(json_get(master, "recurrence"),
				      json_object_new_string(lines[i]));
		memset(&err, 0, sizeof(err));
		if (!recur_expand(master, "UTC", RECUR_PAST, RECUR_FUTURE, 9, &list, &err) ||
		    err.code != ERR_INVALID)
			fail_msg("'%s' is taken", lines[i]);
		assert_int_equal(recur_has(master, "UTC", INT64_MIN, &has, &err), -1);
		assert_int_equal(recur_trim(master, "UTC", INT64_MAX, &out, &err), -1);
		assert_int_equal(recur_rest(master, "UTC", 0, &out, &err), -1);
	}
}

static void test_recur_bounds__what_is_no_series_is_refused(void **state)
{
	static const char *const texts[] = {
		"{}",
		"{\"start\": 7, \"recurrence\": [\"RRULE:FREQ=DAILY\"]}",
		"{\"start\": {}, \"recurrence\": [\"RRULE:FREQ=DAILY\"]}",
		"{\"start\": {\"date\": \"2026-02-30\"}, \"recurrence\": [\"RRULE:FREQ=DAILY\"]}",
		"{\"start\": {\"dateTime\": \"soon\"}, \"recurrence\": [\"RRULE:FREQ=DAILY\"]}",
		"{\"start\": {\"date\": \"2026-02-03\"}, \"recurrence\": [7]}",
		"{\"start\": {\"date\": \"2026-02-03\"}, \"recurrence\": [null]}",
		"{\"start\": {\"date\": \"2026-02-03\"}, \"recurrence\": [[]]}",
		"{\"start\": {\"date\": \"2026-02-03\"}, \"recurrence\": [\"RRULE:FREQ=HOURLY\"]}",
	};
	AUTO(occurrence_list_release) struct occurrence_list list = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		AUTO(json_object_put) struct json_object *master = NULL;

		assert_int_equal(json_parse(texts[i], strlen(texts[i]), &master, &err), 0);
		if (!recur_expand(master, "UTC", RECUR_PAST, RECUR_FUTURE, 9, &list, &err))
			fail_msg("'%s' is taken", texts[i]);
	}
}

/* An end that is none, before the start, or of the other kind makes an event of no length (a day). */
static void test_recur_bounds__odd_ends(void **state)
{
	static const char *const ends[] = {"null",
					   "{}",
					   "7",
					   "{\"date\": \"2020-01-01\"}",
					   "{\"dateTime\": \"2020-01-01T00:00:00Z\"}",
					   "{\"dateTime\": \"x\"}"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		AUTO(json_object_put)
		struct json_object *timed = series(start, start, "UTC", "RRULE:FREQ=DAILY");
		AUTO(json_object_put)
		struct json_object *days =
			series("2026-03-02", "2026-03-02", "", "RRULE:FREQ=DAILY");
		struct json_object *end;
		AUTO(occurrence_list_release) struct occurrence_list list = {0};

		assert_int_equal(json_parse(ends[i], strlen(ends[i]), &end, &err), 0);
		json_set(timed, "end", json_object_get(end));
		json_set(days, "end", end);
		expand(timed, "UTC", RECUR_PAST, RECUR_FUTURE, 1, &list);
		assert_int_equal(list.items[0].end_utc, list.items[0].start_utc);
		json_object_put(recur_instance(timed, "UTC", &list.items[0]));
		expand(days, "UTC", RECUR_PAST, RECUR_FUTURE, 1, &list);
		assert_int_equal(list.items[0].end_utc - list.items[0].start_utc, DAY_S);
	}
}

/* --- nonsense ----------------------------------------------------------------------------- */

static uint64_t seed;

static int pick(int n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (int)((seed >> 33) % (uint64_t)n);
}

static char *nonsense(void)
{
	static const char *const words[] = {
		"RRULE:",
		"EXRULE:",
		"RDATE:",
		"EXDATE:",
		"FREQ=",
		"YEARLY",
		"MONTHLY",
		"WEEKLY",
		"DAILY",
		"HOURLY",
		"MINUTELY",
		"SECONDLY",
		";",
		";",
		";",
		",",
		"=",
		"COUNT=",
		"INTERVAL=",
		"UNTIL=",
		"BYDAY=",
		"BYMONTH=",
		"BYHOUR=",
		"BYSETPOS=",
		"BYWEEKNO=",
		"BYYEARDAY=",
		"BYMONTHDAY=",
		"MO",
		"-1SU",
		"2FR",
		"1",
		"-1",
		"31",
		"366",
		"-366",
		"99999999999",
		"20260302",
		"20260302T090000Z",
		"20260302T090000",
		"00010101",
		"99991231T235959Z",
		"/PT1H",
		"/P9999W",
		"TZID=Europe/Berlin",
		"VALUE=DATE",
		":",
		"RSCALE=HEBREW",
		"SKIP=FORWARD",
		"5L",
		"WKST=SU",
		"\xc3\xa4",
		"%n%s",
		" ",
	};
	/* Most of these are fine by themselves, few of them together. */
	static const char *const parts[] = {
		"COUNT=3",           "COUNT=2147483648",
		"INTERVAL=7",        "INTERVAL=99999999999",
		"UNTIL=20300101",    "UNTIL=00010101T000000Z",
		"BYDAY=MO,-1SU",     "BYDAY=53FR",
		"BYMONTH=2",         "BYHOUR=0,23",
		"BYMINUTE=59",       "BYSECOND=60",
		"BYSETPOS=-366,2",   "BYSETPOS=1",
		"BYWEEKNO=53,-53",   "BYYEARDAY=366,-366",
		"BYMONTHDAY=30,-31", "WKST=WE",
		"RSCALE=HEBREW",     "RSCALE=GREGORIAN",
		"SKIP=FORWARD",      "BYMONTH=5L",
		"BYEASTER=1",
	};
	struct strbuf text = STRBUF_INIT;
	int n = pick(6);

	if (pick(4)) {
		strbuf_adds(&text, words[pick(8) ? 0 : pick(4)]);
		strbuf_addf(&text, "FREQ=%s", words[5 + pick(7)]);
		for (int i = 0; i < n; i++)
			strbuf_addf(&text, ";%s", parts[pick(ARRAY_SIZE(parts))]);
	}
	for (int i = pick(3) ? 0 : n; i; i--)
		strbuf_adds(&text, words[pick(ARRAY_SIZE(words))]);
	return strbuf_detach(&text);
}

static void test_recur_bounds__nonsense(void **state)
{
	int taken = 0;

	(void)state;
	seed = 7;
	for (int i = 0; i < 5000; i++) {
		AUTO(free) char *one = nonsense();
		AUTO(free) char *two = nonsense();
		AUTO(free) char *lines = xasprintf("%s|%s", one, pick(3) ? "" : two);
		AUTO(occurrence_list_release) struct occurrence_list list = {0};
		int64_t from = utc_of("2026-01-01T00:00:00Z") + (int64_t)pick(100000) * DAY_S;

		taken += !run(lines, from, from + 10 * DAY_S, 50, &list);
	}
	assert_true(taken > 500);
}

/* --- other calendars ---------------------------------------------------------------------- */

static void test_recur_bounds__other_calendars_by_window_and_cut(void **state)
{
	static const char *const rules[] = {
		"RSCALE=CHINESE;FREQ=YEARLY",
		"RSCALE=CHINESE;FREQ=YEARLY;COUNT=9",
		"RSCALE=CHINESE;FREQ=MONTHLY;UNTIL=20150101T000000Z",
		"RSCALE=HEBREW;FREQ=YEARLY;BYMONTH=5L;BYMONTHDAY=8;SKIP=FORWARD",
		"RSCALE=ISLAMIC-CIVIL;FREQ=YEARLY;BYMONTH=9",
		"RSCALE=GREGORIAN;FREQ=MONTHLY;SKIP=BACKWARD;BYMONTHDAY=31;INTERVAL=3",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		AUTO(free) char *line = xasprintf("RRULE:%s", rules[i]);
		AUTO(json_object_put)
		struct json_object *master = series("2013-02-10", "2013-02-11", "", line);
		AUTO(occurrence_list_release) struct occurrence_list all = {0};

		expand(master, "UTC", RECUR_PAST, utc_of("2040-01-01T00:00:00Z"), 12, &all);
		assert_true(all.count > 8);
		for (size_t k = 1; k < all.count; k++) {
			AUTO(occurrence_list_release) struct occurrence_list part = {0};
			AUTO(json_object_put) struct json_object *lines = NULL;
			AUTO(json_object_put)
			struct json_object *rest = recur_instance(master, "UTC", &all.items[k]);
			int64_t at = all.items[k].start_utc;

			expand(master, "UTC", at, at + 1, 9, &part);
			assert_int_equal(part.count, 1);
			assert_string_equal(part.items[0].id, all.items[k].id);
			assert_int_equal(recur_trim(master, "UTC", at, &lines, &err), 0);
			json_set(rest, "start", json_clone(json_get(master, "start")));
			json_set(rest, "recurrence", lines);
			lines = NULL;
			expand(rest, "UTC", RECUR_PAST, utc_of("2040-01-01T00:00:00Z"), 99, &part);
			assert_int_equal(part.count, k);
			if (recur_rest(master, "UTC", at, &lines, &err))
				continue; /* said, not guessed */
			json_object_put(rest);
			rest = recur_instance(master, "UTC", &all.items[k]);
			json_set(rest, "recurrence", TAKE(lines));
			expand(rest, "UTC", RECUR_PAST, all.items[all.count - 1].end_utc, 99,
			       &part);
			if (part.count != all.count - k)
				fail_msg("%s: %s", line, all.items[k].id);
			for (size_t n = 0; n < part.count; n++)
				assert_int_equal(part.items[n].day, all.items[k + n].day);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recur_bounds__rules_that_never_match_end),
		cmocka_unit_test(test_recur_bounds__too_much_work_is_an_error),
		cmocka_unit_test(test_recur_bounds__dense_rules_are_cut_at_max),
		cmocka_unit_test(test_recur_bounds__far_windows_cost_no_more_than_near_ones),
		cmocka_unit_test(test_recur_bounds__the_ends_of_time),
		cmocka_unit_test(test_recur_bounds__what_is_no_rule_is_refused),
		cmocka_unit_test(test_recur_bounds__what_is_no_series_is_refused),
		cmocka_unit_test(test_recur_bounds__odd_ends),
		cmocka_unit_test(test_recur_bounds__nonsense),
		cmocka_unit_test(test_recur_bounds__other_calendars_by_window_and_cut),
	};

	return cmocka_run_group_tests_name("recur_bounds", tests, NULL, NULL);
}
