#include "base/time.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

static struct err err;

static void test_time__every_day_of_eight_centuries_converts_both_ways(void **state)
{
	struct civil c = {.year = 1600, .month = 1, .day = 1};
	int64_t days = days_from_civil(1600, 1, 1);

	(void)state;
	for (; c.year < 2400; days++) {
		struct civil back;

		assert_int_equal(days_from_civil(c.year, c.month, c.day), days);
		civil_from_days(days, &back);
		assert_memory_equal(&back, &c, sizeof(c));
		if (++c.day > days_in_month(c.year, c.month)) {
			c.day = 1;
			if (++c.month > 12) {
				c.month = 1;
				c.year++;
			}
		}
	}
	assert_int_equal(days_from_civil(1970, 1, 1), 0);
}

static void test_time__rfc3339_reads_what_google_writes(void **state)
{
	struct rfc3339 t;

	(void)state;
	assert_int_equal(rfc3339_parse("2026-01-15T10:00:00+02:00", &t, &err), 0);
	assert_int_equal(t.utc, 1768464000);
	assert_int_equal(rfc3339_parse("2026-01-15T08:00:00.5Z", &t, &err), 0);
	assert_int_equal(t.utc, 1768464000);
	assert_int_equal(t.ms, 500);
	assert_int_equal(rfc3339_parse("2026-01-15T08:00:00", &t, &err), 0);
	assert_false(t.has_offset);
}

static void test_time__rfc3339_refuses_what_is_not_a_time(void **state)
{
	static const char *const bad[] = {
		"",
		"2026-02-30T10:00:00Z",
		"2026-01-15 10:00:00Z",
		"2026-01-15T24:00:00Z",
		"2026-01-15T10:00Z",
		"2026-01-15T10:00:00+2:00",
		"2026-01-15T10:00:00Zx",
		"2026-13-01T10:00:00Z",
		"0000-01-01T00:00:00Z",
		"2026-01-15T10:00:00.Z",
	};
	struct rfc3339 t;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(rfc3339_parse(bad[i], &t, &err), -1);
}

static void test_time__formats(void **state)
{
	char buf[RFC3339_LEN];

	(void)state;
	rfc3339_format(1768464000, 7200, buf);
	assert_string_equal(buf, "2026-01-15T10:00:00+02:00");
	rfc3339_format(1768464000, -12600, buf);
	assert_string_equal(buf, "2026-01-15T04:30:00-03:30");
	rfc3339_format(1768464000, 0, buf);
	assert_string_equal(buf, "2026-01-15T08:00:00Z");
	rfc3339_format_ms(-1, buf);
	assert_string_equal(buf, "1969-12-31T23:59:59.999Z");
}

static void test_time__zone_names_are_checked(void **state)
{
	(void)state;
	assert_true(zone_valid("Europe/Berlin"));
	assert_true(zone_valid("UTC"));
	assert_true(zone_valid("Etc/GMT+5"));
	assert_false(zone_valid("Europe/Nowhere"));
	assert_false(zone_valid("../../etc/passwd"));
	assert_false(zone_valid("Europe"));
	assert_false(zone_valid("/usr/share/zoneinfo/UTC"));
	assert_false(zone_valid(""));
}

static void test_time__a_skipped_time_moves_forward_by_the_gap(void **state)
{
	struct civil c = {2026, 3, 29, 2, 30, 0}; /* Berlin skips 02:00..03:00 */
	struct civil back;
	int64_t utc;

	(void)state;
	assert_int_equal(zone_to_utc("Europe/Berlin", &c, &utc), ZONE_GAP);
	zone_civil("Europe/Berlin", utc, &back);
	assert_int_equal(back.hour, 3);
	assert_int_equal(back.minute, 30);
}

static void test_time__a_doubled_time_is_the_first(void **state)
{
	struct civil c = {2026, 10, 25, 2, 30, 0};
	int64_t utc;

	(void)state;
	assert_int_equal(zone_to_utc("Europe/Berlin", &c, &utc), ZONE_OVERLAP);
	assert_int_equal(zone_offset("Europe/Berlin", utc), 7200);
}

/* Every hour of two years in zones with half-hour, negative and southern changes: going to civil
 * time and back gives the instant, or its earlier twin. */
static void test_time__round_trips_across_changes(void **state)
{
	static const char *const zones[] = {
		"Europe/Berlin", "America/New_York",  "Australia/Lord_Howe",
		"Europe/Dublin", "America/Sao_Paulo", "Asia/Kolkata",
		"Pacific/Apia",  "Africa/Casablanca", "UTC",
	};

	(void)state;
	for (size_t z = 0; z < sizeof(zones) / sizeof(*zones); z++) {
		for (int64_t t = 1735689600; t < 1735689600 + 2 * 366 * (int64_t)DAY_S; t += 1800) {
			struct civil c;
			int64_t back;
			enum zone_fit fit;

			zone_civil(zones[z], t, &c);
			fit = zone_to_utc(zones[z], &c, &back);
			assert_int_not_equal(fit, ZONE_GAP);
			if (fit == ZONE_EXACT)
				assert_int_equal(back, t);
			else
				assert_true(back == t || (back < t && t - back <= 7200));
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_time__every_day_of_eight_centuries_converts_both_ways),
		cmocka_unit_test(test_time__rfc3339_reads_what_google_writes),
		cmocka_unit_test(test_time__rfc3339_refuses_what_is_not_a_time),
		cmocka_unit_test(test_time__formats),
		cmocka_unit_test(test_time__zone_names_are_checked),
		cmocka_unit_test(test_time__a_skipped_time_moves_forward_by_the_gap),
		cmocka_unit_test(test_time__a_doubled_time_is_the_first),
		cmocka_unit_test(test_time__round_trips_across_changes),
	};

	return cmocka_run_group_tests_name("time", tests, NULL, NULL);
}
