#include "base/when.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/cleanup.h"

static struct err err;

static int64_t utc_of(const char *text)
{
	struct rfc3339 t;

	assert_int_equal(rfc3339_parse(text, &t, &err), 0);
	assert_true(t.has_offset);
	return t.utc;
}

/* "2026-01-15" for a day, else the instant as RFC 3339 with the zone's offset; "!": refused. */
static const char *read_at(const char *phrase, const char *zone, const char *now)
{
	static char buf[RFC3339_LEN];
	struct when w;

	memset(&err, 0, sizeof(err));
	if (when_parse(phrase, zone, utc_of(now), &w, &err)) {
		assert_int_equal(err.code, ERR_INVALID);
		assert_non_null(strchr(err.msg, '\''));
		return "!";
	}
	assert_string_equal(w.zone, zone);
	if (w.is_day)
		date_format(&w.civil, buf);
	else
		rfc3339_format(w.utc, zone_offset(zone, w.utc), buf);
	return buf;
}

struct row {
	const char *phrase, *want;
};

static void check_rows(const struct row *rows, size_t n, const char *zone, const char *now)
{
	for (size_t i = 0; i < n; i++) {
		const char *got = read_at(rows[i].phrase, zone, now);

		if (strcmp(got, rows[i].want))
			fail_msg("'%s' gave %s, not %s", rows[i].phrase, got, rows[i].want);
	}
}

static void test_when__every_documented_form(void **state)
{
	static const struct row rows[] = {
		{"2026-01-15T10:00:00+02:00", "2026-01-15T09:00:00+01:00"},
		{"2026-01-15T10:00:00Z", "2026-01-15T11:00:00+01:00"},
		{"2026-01-15t10:00:00.25z", "2026-01-15T11:00:00+01:00"},
		{"2026-01-15T10:00:00", "2026-01-15T10:00:00+01:00"},
		{"2026-01-15T10:00", "2026-01-15T10:00:00+01:00"},
		{"2026-01-15 10:00:00-0530", "2026-01-15T16:30:00+01:00"},
		{"2026-01-15 10:00", "2026-01-15T10:00:00+01:00"},
		{"2026-01-15 10:00:30", "2026-01-15T10:00:30+01:00"},
		{"2026-07-15 10:00", "2026-07-15T10:00:00+02:00"},
		{"2026-1-5 9:05", "2026-01-05T09:05:00+01:00"},
		{"2026-01-15", "2026-01-15"},
		{"now", "2026-01-14T17:53:20+01:00"},
		{"today", "2026-01-14"},
		{"Tomorrow", "2026-01-15"},
		{"yesterday", "2026-01-13"},
		{"tomorrow 9:30", "2026-01-15T09:30:00+01:00"},
		{"  tomorrow\t at  9:30 ", "2026-01-15T09:30:00+01:00"},
		{"9:30 tomorrow", "2026-01-15T09:30:00+01:00"},
		{"7am tomorrow", "2026-01-15T07:00:00+01:00"},
		{"today 12 AM", "2026-01-14T00:00:00+01:00"},
		{"today 12pm", "2026-01-14T12:00:00+01:00"},
		{"2:30 pm", "2026-01-14T14:30:00+01:00"},
		{"14:00", "2026-01-14T14:00:00+01:00"},
		{"23:59:60", "2026-01-14T23:59:59+01:00"},
		{"+2h", "2026-01-14T19:53:20+01:00"},
		{"-45m", "2026-01-14T17:08:20+01:00"},
		{"+90s", "2026-01-14T17:54:50+01:00"},
		{"+3d", "2026-01-17T17:53:20+01:00"},
		{"+1w", "2026-01-21T17:53:20+01:00"},
		{"+1d3h", "2026-01-15T20:53:20+01:00"},
		{"-1d3h", "2026-01-13T14:53:20+01:00"},
	};

	(void)state;
	check_rows(rows, ARRAY_SIZE(rows), "Europe/Berlin", "2026-01-14T17:53:20+01:00");
}

static void test_when__refuses_the_rest(void **state)
{
	static const char *const bad[] = {
		"",
		" ",
		"10",
		"2026",
		"2026-01",
		"2026-13-01",
		"2026-02-29",
		"2026-00-10",
		"01/02/2026",
		"1.2.2026",
		"15 January",
		"next friday",
		"friday monday",
		"10:00 11:00",
		"friday 10:00 11:00",
		"25:00",
		"10:60",
		"10:00:61",
		"10:am",
		"13pm",
		"0am",
		"10:00Z",
		"friday 10:00Z",
		"10:00Z 2026-01-15",
		"2026-01-15 10:00+25:00",
		"2026-01-15 10:00+1",
		"2026-01-15x",
		"x2026-01-15",
		"at 10:00",
		"10:00 at",
		"+",
		"+2",
		"+2x",
		"2h",
		"+1mo",
		"+1y",
		"+ +1h",
		"+1d -3h",
		"now now",
		"now +2h",
		"fri.",
		"today at",
		"2026-01-15T",
		"T10:00",
		"10:0",
		"+999999999999999999999d",
		"+99999999d",
		"0000-01-01",
		"9999-12-31",
		"10\n11",
		"\xff",
		"2026-01-15 10:00 pm x",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (strcmp(read_at(bad[i], "UTC", "2026-01-14T12:00:00Z"), "!"))
			fail_msg("'%s' was accepted", bad[i]);
}

static void test_when__a_refusal_shows_the_forms_and_leaves_out_alone(void **state)
{
	struct when w, before;
	char longer[500];

	(void)state;
	memset(&w, 0x5a, sizeof(w));
	before = w;
	assert_int_equal(when_parse("someday", "UTC", 0, &w, &err), -1);
	assert_non_null(strstr(err.msg, "'someday'"));
	assert_non_null(strstr(err.msg, "friday 14:00"));
	assert_non_null(strstr(err.msg, "+2h"));
	assert_int_equal(when_parse("2026-02-30", "UTC", 0, &w, &err), -1);
	assert_non_null(strstr(err.msg, "no such day"));
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(when_parse(longer, "UTC", 0, &w, &err), -1);
	assert_non_null(strstr(err.msg, "too long"));
	assert_memory_equal(&w, &before, sizeof(w));
}

/* From every weekday to every weekday, alone and with a time before and after now. */
static void test_when__weekdays_are_the_next_ones(void **state)
{
	static const char *const names[] = {"sunday",   "monday", "tuesday", "wednesday",
					    "thursday", "friday", "saturday"};

	(void)state;
	for (int from = 0; from < 7; from++) {
		int64_t noon = utc_of("2026-01-11T12:00:00Z") + from * DAY_S; /* a Sunday */

		for (int to = 0; to < 7; to++) {
			int ahead = (to - from + 7) % 7;
			char phrase[32];
			struct when w;

			assert_int_equal(when_parse(names[to], "UTC", noon, &w, &err), 0);
			assert_true(w.is_day);
			assert_int_equal(w.utc - noon, (ahead ? ahead : 7) * DAY_S - DAY_S / 2);
			snprintf(phrase, sizeof(phrase), "%.3s 14:00", names[to]);
			assert_int_equal(when_parse(phrase, "UTC", noon, &w, &err), 0);
			assert_int_equal(w.utc - noon, ahead * DAY_S + 7200);
			snprintf(phrase, sizeof(phrase), "%s 12:00", names[to]);
			assert_int_equal(when_parse(phrase, "UTC", noon, &w, &err), 0);
			assert_int_equal(w.utc - noon, (ahead ? ahead : 7) * DAY_S);
			assert_int_equal(civil_weekday(&w.civil), to);
		}
	}
}

static void test_when__today_is_the_zones_today(void **state)
{
	static const struct row east[] = {{"today", "2026-01-15"},
					  {"thursday", "2026-01-22"},
					  {"8:00", "2026-01-15T08:00:00+14:00"}};
	static const struct row west[] = {{"today", "2026-01-13"}, {"wednesday", "2026-01-14"}};

	(void)state;
	check_rows(east, ARRAY_SIZE(east), "Pacific/Kiritimati", "2026-01-14T10:30:00Z");
	check_rows(west, ARRAY_SIZE(west), "Pacific/Pago_Pago", "2026-01-14T10:30:00Z");
}

static void test_when__year_ends_and_leap_days(void **state)
{
	static const struct row new_year[] = {
		{"tomorrow", "2027-01-01"},       {"+1d", "2027-01-01T23:30:00Z"},
		{"+31m", "2027-01-01T00:01:00Z"}, {"saturday 8:00", "2027-01-02T08:00:00Z"},
		{"+1w", "2027-01-07T23:30:00Z"},
	};
	static const struct row leap[] = {
		{"tomorrow", "2028-02-29"},
		{"+2d", "2028-03-01T10:00:00Z"},
		{"2028-02-29 1am", "2028-02-29T01:00:00Z"},
		{"2100-02-29", "!"},
		{"2400-02-29", "2400-02-29"},
	};

	(void)state;
	check_rows(new_year, ARRAY_SIZE(new_year), "UTC", "2026-12-31T23:30:00Z");
	check_rows(leap, ARRAY_SIZE(leap), "UTC", "2028-02-28T10:00:00Z");
}

static void test_when__dst_gap_moves_forward_and_says_so(void **state)
{
	int64_t now = utc_of("2026-03-28T02:30:00+01:00");
	struct when w;

	(void)state;
	assert_int_equal(when_parse("2026-03-29 02:30", "Europe/Berlin", now, &w, &err), 0);
	assert_int_equal(w.fit, ZONE_GAP);
	assert_int_equal(w.utc, utc_of("2026-03-29T03:30:00+02:00"));
	assert_int_equal(w.civil.hour, 3);
	assert_int_equal(when_parse("+1d", "Europe/Berlin", now, &w, &err), 0);
	assert_int_equal(w.fit, ZONE_GAP);
	assert_int_equal(w.utc, utc_of("2026-03-29T03:30:00+02:00"));
	/* Given with an offset there is nothing to move. */
	assert_int_equal(when_parse("2026-03-29T01:30:00Z", "Europe/Berlin", now, &w, &err), 0);
	assert_int_equal(w.fit, ZONE_EXACT);
	assert_int_equal(w.civil.hour, 3);
	/* Lord Howe moves by half an hour. */
	assert_int_equal(when_parse("2026-10-04 02:10", "Australia/Lord_Howe", now, &w, &err), 0);
	assert_int_equal(w.fit, ZONE_GAP);
	assert_int_equal(w.civil.minute, 40);
}

static void test_when__dst_overlap_is_the_first(void **state)
{
	int64_t now = utc_of("2026-10-24T12:00:00Z");
	struct when w;

	(void)state;
	assert_int_equal(when_parse("2026-10-25 02:30", "Europe/Berlin", now, &w, &err), 0);
	assert_int_equal(w.fit, ZONE_OVERLAP);
	assert_int_equal(w.utc, utc_of("2026-10-25T02:30:00+02:00"));
	assert_int_equal(when_parse("2026-10-25T02:30:00+01:00", "Europe/Berlin", now, &w, &err),
			 0);
	assert_int_equal(w.fit, ZONE_EXACT);
	assert_int_equal(w.utc, utc_of("2026-10-25T02:30:00+01:00"));
}

static void test_when__days_keep_the_wall_clock_hours_do_not(void **state)
{
	static const struct row spring[] = {{"+1d", "2026-03-29T12:00:00+02:00"},
					    {"+24h", "2026-03-29T13:00:00+02:00"},
					    {"+1w", "2026-04-04T12:00:00+02:00"},
					    {"+1d2h", "2026-03-29T14:00:00+02:00"}};
	static const struct row autumn[] = {{"+1d", "2026-10-25T12:00:00+01:00"},
					    {"+24h", "2026-10-25T11:00:00+01:00"}};

	(void)state;
	check_rows(spring, ARRAY_SIZE(spring), "Europe/Berlin", "2026-03-28T12:00:00+01:00");
	check_rows(autumn, ARRAY_SIZE(autumn), "Europe/Berlin", "2026-10-24T12:00:00+02:00");
}

/* Santiago changes at midnight: the day of the change begins at one. */
static void test_when__a_day_whose_midnight_is_skipped_is_still_that_day(void **state)
{
	struct when w;

	(void)state;
	assert_int_equal(when_parse("2026-09-06", "America/Santiago", 0, &w, &err), 0);
	assert_true(w.is_day);
	assert_int_equal(w.fit, ZONE_EXACT);
	assert_int_equal(w.civil.day, 6);
	assert_int_equal(w.utc, utc_of("2026-09-06T01:00:00-03:00"));
}

static void test_when__a_bare_time_of_day_is_told_apart(void **state)
{
	static const struct {
		const char *phrase;
		bool clock_only;
	} rows[] = {{"14:00", true},         {"2 pm", true}, {"today 14:00", false},
		    {"14:00 friday", false}, {"now", false}, {"+2h", false},
		    {"2026-01-15", false}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct when w;

		assert_int_equal(when_parse(rows[i].phrase, "UTC", 0, &w, &err), 0);
		assert_int_equal(w.clock_only, rows[i].clock_only);
	}
}

static void test_when__durations(void **state)
{
	static const struct {
		const char *text;
		int64_t days, seconds;
	} rows[] = {
		{"10m", 0, 600},
		{"1h30m", 0, 5400},
		{"90min", 0, 5400},
		{"2 days", 2, 0},
		{"2 DAYS 1 hour", 2, 3600},
		{"1.5h", 0, 5400},
		{"0.5d", 0, 43200},
		{"1w2d", 9, 0},
		{"45 s", 0, 45},
		{"0m", 0, 0},
		{"PT1H30M", 0, 5400},
		{"pt90m", 0, 5400},
		{"P1D", 1, 0},
		{"P1DT2H", 1, 7200},
		{"P2W", 14, 0},
		{"-P1DT1S", -1, -1},
		{"-1d3h", -1, -10800},
		{"+10m", 0, 600},
		{"10min 10minutes", 0, 1200},
	};
	static const char *const bad[] = {
		"",        "-",
		"10",      "h",
		"1x",      "1h 30",
		"1mo",     "1 month",
		"1y",      "1h-30m",
		"P",       "PT",
		"P1H",     "PT1D",
		"P1M",     "PT1M1H",
		"P1DT",    "1,5h",
		"1.h",     ".5h",
		"0.0001s", "99999999999999999999h",
		"400000d", "10mbar",
		"foo10m",  "1h:30m",
		"1:30",    "1d\xff",
		"sec s",   "1 sec secs",
	};
	struct duration d;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		if (duration_parse(rows[i].text, &d, &err))
			fail_msg("%s", err.msg);
		assert_int_equal(d.days, rows[i].days);
		assert_int_equal(d.seconds, rows[i].seconds);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (!duration_parse(bad[i], &d, &err))
			fail_msg("'%s' was accepted", bad[i]);
		assert_int_equal(err.code, ERR_INVALID);
		assert_non_null(strstr(err.msg, "1h30m"));
	}
}

static void test_when__add_stays_inside_the_calendar(void **state)
{
	struct duration d = {.days = -3};
	struct when w;

	(void)state;
	assert_int_equal(when_add(utc_of("0001-01-03T00:00:00Z"), &d, "UTC", &w, &err), -1);
	assert_int_equal(err.code, ERR_INVALID);
	d.days = 300000;
	assert_int_equal(when_add(utc_of("9998-01-03T00:00:00Z"), &d, "UTC", &w, &err), -1);
	d.days = 1;
	assert_int_equal(when_add(utc_of("2026-02-28T10:00:00Z"), &d, "UTC", &w, &err), 0);
	assert_int_equal(w.civil.month, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_when__every_documented_form),
		cmocka_unit_test(test_when__refuses_the_rest),
		cmocka_unit_test(test_when__a_refusal_shows_the_forms_and_leaves_out_alone),
		cmocka_unit_test(test_when__weekdays_are_the_next_ones),
		cmocka_unit_test(test_when__today_is_the_zones_today),
		cmocka_unit_test(test_when__year_ends_and_leap_days),
		cmocka_unit_test(test_when__dst_gap_moves_forward_and_says_so),
		cmocka_unit_test(test_when__dst_overlap_is_the_first),
		cmocka_unit_test(test_when__days_keep_the_wall_clock_hours_do_not),
		cmocka_unit_test(test_when__a_day_whose_midnight_is_skipped_is_still_that_day),
		cmocka_unit_test(test_when__a_bare_time_of_day_is_told_apart),
		cmocka_unit_test(test_when__durations),
		cmocka_unit_test(test_when__add_stays_inside_the_calendar),
	};

	return cmocka_run_group_tests_name("when", tests, NULL, NULL);
}
