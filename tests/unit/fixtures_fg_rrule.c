/* The fake Google's expansion against rules with known occurrences: $FIXTURES/rrule/(name).tsv. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "../fake_google/fg_model.h"
#include "base/time.h"

#include "base/banned.h"

enum { DTSTART, TZID, RRULE, EXPECTED, COMPLETE, EXTRA, CHECK, COLUMNS };

static void split(char *line, char *out[COLUMNS])
{
	static char none[1];

	for (int i = 0; i < COLUMNS; i++)
		out[i] = line ? strsep(&line, "\t") : none;
}

/* 19970902T090000 or 19970902 as seconds of a civil time; -1 = neither. */
static int64_t stamp(const char *s)
{
	struct civil c = {0};
	int n = sscanf(s, "%4d%2d%2dT%2d%2d%2d", &c.year, &c.month, &c.day, &c.hour, &c.minute,
		       &c.second);

	return n >= 3 ? civil_to_s(&c) : -1;
}

static struct json_object *point(const char *s)
{
	struct json_object *edt = json_object_new_object();
	struct civil c;
	char buf[RFC3339_LEN];

	civil_from_s(stamp(s), &c);
	if (strchr(s, 'T')) {
		rfc3339_format(civil_to_s(&c), 0, buf);
		json_set_str(edt, "dateTime", buf);
		json_set_str(edt, "timeZone", "UTC");
	} else {
		date_format(&c, buf);
		json_set_str(edt, "date", buf);
	}
	return edt;
}

static void add_lines(struct json_object *list, char *text, const char *prefix)
{
	char *one;

	while ((one = strsep(&text, "|"))) {
		AUTO(free) char *line = xasprintf("%s%s", prefix, one);

		if (*one)
			json_object_array_add(list, json_object_new_string(line));
	}
}

/* Rules of hours, weeks of the year and the like, which no calendar's dialog makes, are left to
 * libical. */
static bool skipped(char *cols[COLUMNS])
{
	static const char *const parts[] = {"BYWEEKNO", "BYSETPOS",  "BYHOUR", "BYMINUTE",
					    "BYSECOND", "BYYEARDAY", "HOURLY", "BYEASTER"};

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (strstr(cols[RRULE], parts[i]))
			return true;
	return strstr(cols[EXTRA], "START-AT") || strstr(cols[EXTRA], "AFTER") ||
	       strstr(cols[EXTRA], "WINDOW") || strstr(cols[RRULE], "SECONDLY") ||
	       strstr(cols[RRULE], "MINUTELY") || stamp(cols[DTSTART]) < 0;
}

/* Two collections contradict each other: a yearly rule by the day of the month means every month of the
 * year (RFC 5545: BYMONTHDAY expands a year), as in dateutil.tsv, not the start's alone. */
static const char *decided(const char *rule)
{
	static const char *const rows[][2] = {
		{"FREQ=YEARLY;BYMONTHDAY=29;COUNT=3", "20240229,20240329,20240429"},
		{"FREQ=YEARLY;BYMONTHDAY=-29,-1;COUNT=4", "20240201,20240229,20240303,20240331"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (!strcmp(rows[i][0], rule))
			return rows[i][1];
	return NULL;
}

/* The expected list is all there is (or its beginning), after a DTSTART that the rule need not
 * give: to Google the event itself is always there. */
static bool as_expected(char *cols[COLUMNS], const struct fg_times *have)
{
	int64_t start = stamp(cols[DTSTART]);
	char *rest = cols[EXPECTED], *one;
	size_t i = 0;

	if (have->count && have->list[0].s == start && stamp(cols[EXPECTED]) != start)
		i = 1;
	while ((one = strsep(&rest, ","))) {
		if (!*one)
			continue;
		if (i >= have->count || have->list[i].s != stamp(one))
			return false;
		i++;
	}
	return strcmp(cols[COMPLETE], "yes") != 0 || i == have->count;
}

static void run_file(const char *name, size_t least)
{
	AUTO(free) char *path = xasprintf("%s/rrule/%s", getenv("FIXTURES"), name);
	AUTO(fclose) FILE *f = fopen(path, "r");
	AUTO(free) char *line = NULL;
	size_t size = 0, checked = 0;
	int n = 0;

	assert_non_null(f);
	while (getline(&line, &size, f) > 0) {
		AUTO(json_object_put) struct json_object *res = json_object_new_object();
		AUTO(fg_times_release) struct fg_times times = {0};
		AUTO(free) char *where = xasprintf("%s:%d", name, ++n);
		struct json_object *rules = json_object_new_array();
		char *cols[COLUMNS];

		line[strcspn(line, "\n")] = '\0';
		split(line, cols);
		json_set(res, "recurrence", rules);
		if (n == 1 || skipped(cols))
			continue;
		json_set(res, "start", point(cols[DTSTART]));
		AUTO(free) char *shown = xstrdup(cols[RRULE]);
		add_lines(rules, cols[RRULE], "RRULE:");
		cols[RRULE] = shown;
		AUTO(free) char *expected = xstrdup_null(decided(shown));
		if (expected)
			cols[EXPECTED] = expected;
		checked++;
		if (strstr(cols[EXTRA], "INVALID")) {
			assert_non_null(fg_series_check(rules, false));
			continue;
		}
		add_lines(rules, cols[EXTRA], "");
		fg_series_expand(res, "UTC", FG_NEVER, &times);
		if (!as_expected(cols, &times))
			fail_msg("%s: %s", where, shown);
	}
	assert_true(checked >= least);
}

static void fixtures_fg_rrule__dateutil(void **state)
{
	(void)state;
	run_file("dateutil.tsv", 40);
}

static void fixtures_fg_rrule__libical(void **state)
{
	(void)state;
	run_file("libical-icalrecur.tsv", 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fixtures_fg_rrule__dateutil),
		cmocka_unit_test(fixtures_fg_rrule__libical),
	};

	return cmocka_run_group_tests_name("fixtures_fg_rrule", tests, NULL, NULL);
}
