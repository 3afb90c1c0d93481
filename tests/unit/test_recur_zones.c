/* Series over every change of clocks in many zones: the hour of the wall stays, the instants are those
 * that the offsets of the tz database say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "ical/rule.h"
#include "recur_series.h"

#define HOUR 3600

static const char *const zones[] = {
	"Europe/Berlin",      "Europe/London",       "Europe/Lisbon",       "Europe/Dublin",
	"Europe/Istanbul",    "Europe/Moscow",       "Europe/Chisinau",     "Atlantic/Azores",
	"America/New_York",   "America/Chicago",     "America/Denver",      "America/Los_Angeles",
	"America/Anchorage",  "America/St_Johns",    "America/Havana",      "America/Sao_Paulo",
	"America/Santiago",   "America/Asuncion",    "America/Mexico_City", "America/Caracas",
	"America/Nuuk",       "Asia/Tehran",         "Asia/Jerusalem",      "Asia/Amman",
	"Asia/Beirut",        "Asia/Gaza",           "Asia/Pyongyang",      "Australia/Sydney",
	"Australia/Adelaide", "Australia/Lord_Howe", "Pacific/Auckland",    "Pacific/Chatham",
	"Pacific/Apia",       "Africa/Casablanca",   "Africa/Cairo",        "Antarctica/Troll",
};

struct change {
	const char *zone;
	int64_t at; /* the first second with the new offset */
	int before, after;
};

/* Calls fn for every change from 2006 to 2026; returns how many there are. */
static int each_change(void (*fn)(const struct change *c))
{
	int64_t from = utc_of("2006-01-01T00:00:00Z"), to = utc_of("2026-12-31T00:00:00Z");
	int count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(zones); i++) {
		assert_true(zone_valid(zones[i]));
		for (int64_t day = from; day < to; day += DAY_S) {
			struct change c = {zones[i], 0, zone_offset(zones[i], day),
					   zone_offset(zones[i], day + DAY_S)};
			int64_t low = day, high = day + DAY_S;

			if (c.before == c.after)
				continue;
			while (high - low > 1) {
				int64_t middle = low + (high - low) / 2;

				if (zone_offset(zones[i], middle) == c.before)
					low = middle;
				else
					high = middle;
			}
			c.at = high;
			fn(&c);
			count++;
		}
	}
	return count;
}

/* Where a civil time near the change is: by the two offsets alone. */
static int64_t instant(const struct change *c, int64_t civil)
{
	int64_t early = civil - c->before, late = civil - c->after;

	if (early < c->at) /* it comes before the change; if again behind it, the first counts */
		return early;
	if (late >= c->at)
		return late;
	return early; /* in the gap: as far behind the change as it was into the gap */
}

static void stamp(char buf[24], int64_t civil)
{
	char text[RFC3339_LEN];

	rfc3339_format(civil, 0, text);
	snprintf(buf, 24, "%.19s", text);
}

/* Another change so near that two offsets do not tell the days around this one. */
static bool lonely(const struct change *c)
{
	return zone_offset(c->zone, c->at - 6 * DAY_S) == c->before &&
	       zone_offset(c->zone, c->at + 6 * DAY_S) == c->after;
}

static void fail_at(const struct change *c, const char *start, const char *rule, const char *what)
{
	char at[RFC3339_LEN];

	rfc3339_format(c->at, 0, at);
	fail_msg("%s at %s, %s %s: %s", c->zone, at, start, rule, what);
}

/* A series of n civil times that are step apart, its start at a civil time; expected: by instant(). */
static void check_series(const struct change *c, int64_t start, int64_t step, int n,
			 const char *rule)
{
	char text[24], end[24];
	AUTO(free) char *lines = xasprintf("RRULE:FREQ=%s;COUNT=%d", rule, n);
	AUTO(json_object_put) struct json_object *master = NULL;
	AUTO(occurrence_list_release) struct occurrence_list list = {0};
	int64_t last = INT64_MIN;
	size_t at = 0;
	bool has;

	stamp(text, start);
	stamp(end, start + HOUR);
	master = series(text, end, c->zone, lines);
	/* The calendar's own zone has no say. */
	expand(master, "Asia/Kolkata", RECUR_PAST, RECUR_FUTURE, 1000, &list);
	for (int i = 0; i < n; i++) {
		int64_t want = instant(c, start + i * step);
		struct civil civil;

		if (want == last) /* two civil times in and behind a gap are one instant */
			continue;
		if (want < last) /* a gap moved the one before behind this one */
			return;
		last = want;
		if (at == list.count || list.items[at].start_utc != want)
			fail_at(c, text, rule,
				at == list.count ? "one is missing" : list.items[at].id);
		zone_civil(c->zone, want, &civil);
		if (civil_to_s(&civil) != start + i * step &&
		    (c->after <= c->before ||
		     civil_to_s(&civil) != start + i * step + c->after - c->before))
			fail_at(c, text, rule, "the clock on the wall is another");
		assert_int_equal(recur_has(master, "UTC", want, &has, &err), 0);
		if (!has)
			fail_at(c, text, rule, "has() does not know it");
		assert_int_equal(recur_has(master, "UTC", want + 1, &has, &err), 0);
		if (has)
			fail_at(c, text, rule, "has() knows more");
		at++;
	}
	if (at != list.count)
		fail_at(c, text, rule, "more than there should be");
}

static void days_over(const struct change *c)
{
	/* In the middle of what is skipped or repeated, at its edges, and beside it. */
	int64_t wall = c->at + (c->before < c->after ? c->before : c->after);
	int64_t width = c->before < c->after ? c->after - c->before : c->before - c->after;
	const int64_t times[] = {wall - 60, wall, wall + width / 2, wall + width - 60,
				 wall + width};

	if (!lonely(c))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		check_series(c, times[i] - 3 * DAY_S, DAY_S, 7, "DAILY");
		check_series(c, times[i] - 2 * DAY_S, 2 * DAY_S, 3, "DAILY;INTERVAL=2");
	}
}

static void test_recur_zones__days_over_every_change(void **state)
{
	(void)state;
	assert_true(each_change(days_over) > 1000);
}

static void hours_over(const struct change *c)
{
	int64_t wall = c->at + c->before;

	if (!lonely(c) || c->after - c->before > 3 * HOUR)
		return;
	check_series(c, wall - 5 * HOUR, HOUR, 12, "HOURLY");
	check_series(c, wall - 6 * HOUR, 2 * HOUR, 9, "HOURLY;INTERVAL=2");
}

static void test_recur_zones__hours_over_every_change(void **state)
{
	(void)state;
	assert_true(each_change(hours_over) > 1000);
}

/* Whole days are the calendar's: from its midnight to its midnight, 23 or 25 hours long. */
static void all_day_over(const struct change *c)
{
	int64_t day = (c->at + c->before) / DAY_S;
	struct civil civil;
	char first[DATE_LEN], next[DATE_LEN];
	AUTO(json_object_put) struct json_object *master = NULL;
	AUTO(occurrence_list_release) struct occurrence_list list = {0};

	if (!lonely(c))
		return;
	civil_from_days(day - 3, &civil);
	date_format(&civil, first);
	civil_from_days(day - 2, &civil);
	date_format(&civil, next);
	master = series(first, next, "", "RRULE:FREQ=DAILY;COUNT=7");
	expand(master, c->zone, RECUR_PAST, RECUR_FUTURE, 99, &list);
	if (list.count != 7)
		fail_at(c, first, "", "not seven days");
	for (int i = 0; i < 7; i++) {
		const struct occurrence *o = &list.items[i];
		AUTO(free) char *id = NULL;

		civil_from_days(day - 3 + i, &civil);
		id = xasprintf("abcde_%04d%02d%02d", civil.year, civil.month, civil.day);
		if (strcmp(o->id, id) != 0 || o->day != day - 3 + i || o->days != 1)
			fail_at(c, first, "", o->id);
		if (o->start_utc != instant(c, (day - 3 + i) * DAY_S) ||
		    o->end_utc != instant(c, (day - 2 + i) * DAY_S))
			fail_at(c, first, o->id, "not from midnight to midnight");
	}
}

static void test_recur_zones__whole_days_over_every_change(void **state)
{
	(void)state;
	assert_true(each_change(all_day_over) > 1000);
}

/* Cut at each occurrence, the one that a gap moved included: the rest keeps the hour of the rule. */
static void cut_over(const struct change *c)
{
	/* In the middle of what is skipped or repeated. */
	int64_t wall = c->at + c->before + (c->after - c->before) / 2;
	char text[24], end[24];
	AUTO(json_object_put) struct json_object *master = NULL;
	AUTO(occurrence_list_release) struct occurrence_list all = {0};

	if (!lonely(c))
		return;
	stamp(text, wall - 2 * DAY_S);
	stamp(end, wall - 2 * DAY_S + HOUR);
	master = series(text, end, c->zone, "RRULE:FREQ=DAILY;COUNT=6");
	expand(master, c->zone, RECUR_PAST, RECUR_FUTURE, 99, &all);
	for (size_t i = 1; i < all.count; i++) {
		AUTO(json_object_put) struct json_object *lines = NULL;
		AUTO(json_object_put)
		struct json_object *rest = recur_instance(master, c->zone, &all.items[i]);
		AUTO(occurrence_list_release) struct occurrence_list halves = {0};
		size_t n = 0;

		if (recur_rest(master, c->zone, all.items[i].start_utc, &lines, &err))
			fail_at(c, text, all.items[i].id, err.msg);
		json_set(rest, "recurrence", json_object_get(lines));
		expand(rest, c->zone, RECUR_PAST, RECUR_FUTURE, 99, &halves);
		for (size_t k = i; k < all.count; k++, n++)
			if (n == halves.count ||
			    halves.items[n].start_utc != all.items[k].start_utc)
				fail_at(c, text, all.items[i].id, json_text(lines));
		if (halves.count != n)
			fail_at(c, text, all.items[i].id, json_text(lines));
		json_object_put(lines);
		lines = NULL;
		assert_int_equal(recur_trim(master, c->zone, all.items[i].start_utc, &lines, &err),
				 0);
		json_set(rest, "start", json_clone(json_get(master, "start")));
		json_set(rest, "recurrence", json_object_get(lines));
		expand(rest, c->zone, RECUR_PAST, RECUR_FUTURE, 99, &halves);
		if (halves.count != i ||
		    halves.items[i - 1].start_utc != all.items[i - 1].start_utc)
			fail_at(c, text, all.items[i].id, json_text(lines));
	}
}

static void test_recur_zones__cut_over_every_change(void **state)
{
	(void)state;
	assert_true(each_change(cut_over) > 1000);
}

/* A start in the second of two equal hours is the occurrence that it is, not one an hour earlier. */
static void test_recur_zones__a_start_in_the_second_of_two_hours(void **state)
{
	AUTO(json_object_put)
	struct json_object *master = series("2025-10-26T02:30:00", "2025-10-26T02:45:00",
					    "Europe/Berlin", "RRULE:FREQ=DAILY;COUNT=2");
	AUTO(occurrence_list_release) struct occurrence_list list = {0};

	(void)state;
	json_set_str(json_get(master, "start"), "dateTime", "2025-10-26T02:30:00+01:00");
	json_set_str(json_get(master, "end"), "dateTime", "2025-10-26T02:45:00+01:00");
	expand(master, "UTC", RECUR_PAST, RECUR_FUTURE, 9, &list);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.items[0].start_utc, utc_of("2025-10-26T01:30:00Z"));
	assert_int_equal(list.items[1].start_utc, utc_of("2025-10-27T01:30:00Z"));
}

/* Without a zone of its own a series has the calendar's; one that nobody knows counts as UTC. */
static void test_recur_zones__whose_zone(void **state)
{
	static const struct {
		const char *own, *calendar, *second;
	} rows[] = {
		{"America/New_York", "Europe/Berlin", "2026-03-08T12:00:00Z"},
		{NULL, "America/New_York", "2026-03-08T12:00:00Z"},
		{NULL, "Nowhere/At_All", "2026-03-08T13:00:00Z"},
		{"Nowhere/At_All", "America/New_York", "2026-03-08T12:00:00Z"},
		{"../../etc/passwd", NULL, "2026-03-08T13:00:00Z"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(json_object_put)
		struct json_object *master = series("2026-03-07T13:00:00Z", "2026-03-07T14:00:00Z",
						    "", "RRULE:FREQ=DAILY;COUNT=2");
		AUTO(occurrence_list_release) struct occurrence_list list = {0};

		json_del(json_get(master, "start"), "timeZone");
		if (rows[i].own)
			json_set_str(json_get(master, "start"), "timeZone", rows[i].own);
		expand(master, rows[i].calendar ? rows[i].calendar : "", RECUR_PAST, RECUR_FUTURE,
		       9, &list);
		assert_int_equal(list.count, 2);
		assert_int_equal(list.items[1].start_utc, utc_of(rows[i].second));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recur_zones__days_over_every_change),
		cmocka_unit_test(test_recur_zones__hours_over_every_change),
		cmocka_unit_test(test_recur_zones__whole_days_over_every_change),
		cmocka_unit_test(test_recur_zones__cut_over_every_change),
		cmocka_unit_test(test_recur_zones__a_start_in_the_second_of_two_hours),
		cmocka_unit_test(test_recur_zones__whose_zone),
	};

	return cmocka_run_group_tests_name("recur_zones", tests, NULL, NULL);
}
