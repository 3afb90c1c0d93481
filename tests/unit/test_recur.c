#include "ical/recur.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <cmocka.h>

#include "base/strbuf.h"
#include "base/time.h"
#include "base/xalloc.h"
#include "ical/rule.h"
#include "recur_series.h"

/* The local start of each: "20260105T0900,20260112T0900", or dates. */
static char *starts(const struct occurrence_list *l, const char *zone)
{
	struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < l->count; i++) {
		struct civil c;

		if (l->items[i].all_day)
			civil_from_days(l->items[i].day, &c);
		else
			zone_civil(zone, l->items[i].start_utc, &c);
		strbuf_addf(&text, "%s%04d%02d%02d", i ? "," : "", c.year, c.month, c.day);
		if (!l->items[i].all_day)
			strbuf_addf(&text, "T%02d%02d", c.hour, c.minute);
	}
	return strbuf_detach(&text);
}

static void check(const char *start, const char *zone, const char *lines, const char *want)
{
	AUTO(json_object_put) struct json_object *master = series(start, start, zone, lines);
	AUTO(occurrence_list_release) struct occurrence_list list = {0};
	AUTO(free) char *got = NULL;

	expand(master, zone, RECUR_PAST, RECUR_FUTURE, 20, &list);
	got = starts(&list, zone);
	if (strcmp(got, want) != 0)
		fail_msg("%s %s: %s, not %s", start, lines, got, want);
}

/* --- the set ------------------------------------------------------------------------------ */

static void test_recur__lines_make_one_set(void **state)
{
	static const char berlin[] = "Europe/Berlin", start[] = "2026-03-02T09:00:00";

	(void)state;
	check(start, berlin, "RRULE:FREQ=WEEKLY;COUNT=3",
	      "20260302T0900,20260309T0900,20260316T0900");
	check(start, berlin, "RRULE:FREQ=WEEKLY;COUNT=2|RRULE:FREQ=DAILY;COUNT=2;INTERVAL=2",
	      "20260302T0900,20260304T0900,20260309T0900");
	/* The start is there whatever the rule says; COUNT counts what the rule gives. */
	check(start, berlin, "RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=2",
	      "20260302T0900,20260303T0900,20260310T0900");
	check(start, berlin, "RRULE:FREQ=WEEKLY;BYDAY=TU;COUNT=2|EXDATE:20260302T080000Z",
	      "20260303T0900,20260310T0900");
	check(start, berlin, "", "20260302T0900");
	/* UNTIL is inclusive, as an instant, as a local time and as a day. */
	check(start, berlin, "RRULE:FREQ=DAILY;UNTIL=20260303T080000Z",
	      "20260302T0900,20260303T0900");
	check(start, berlin, "RRULE:FREQ=DAILY;UNTIL=20260303T075959Z", "20260302T0900");
	check(start, berlin, "RRULE:FREQ=DAILY;UNTIL=20260303T090000",
	      "20260302T0900,20260303T0900");
	check(start, berlin, "RRULE:FREQ=DAILY;UNTIL=20260303", "20260302T0900,20260303T0900");
	check("2026-03-02", berlin, "RRULE:FREQ=DAILY;UNTIL=20260303", "20260302,20260303");
	check("2026-03-02", berlin, "RRULE:FREQ=DAILY;UNTIL=20260303T120000Z", "20260302,20260303");
	/* COUNT and UNTIL exclude each other; when both came anyway, the first to be met ends it. */
	check(start, berlin, "RRULE:FREQ=DAILY;COUNT=9;UNTIL=20260303",
	      "20260302T0900,20260303T0900");
	check(start, berlin, "RRULE:FREQ=DAILY;COUNT=2;UNTIL=20260309",
	      "20260302T0900,20260303T0900");
}

static void test_recur__dates_in_every_form(void **state)
{
	static const char berlin[] = "Europe/Berlin", start[] = "2026-03-02T09:00:00";

	(void)state;
	check(start, berlin, "RDATE:20260305T120000,20260304T080000Z|RDATE:20260301T100000",
	      "20260301T1000,20260302T0900,20260304T0900,20260305T1200");
	check(start, berlin, "RDATE;TZID=America/New_York:20260304T090000",
	      "20260302T0900,20260304T1500");
	check(start, berlin, "RDATE;TZID=\"America/New_York\":20260304T090000",
	      "20260302T0900,20260304T1500");
	check(start, berlin, "RDATE;VALUE=DATE:20260304", "20260302T0900,20260304T0900");
	check(start, berlin,
	      "RDATE;VALUE=PERIOD:20260304T080000Z/20260304T100000Z,20260305T080000Z/PT3H",
	      "20260302T0900,20260304T0900,20260305T0900");
	check("2026-03-02", berlin, "RDATE;VALUE=DATE:20260305,20260304|RDATE:20260306T100000Z",
	      "20260302,20260304,20260305,20260306");
	check(start, berlin,
	      "RRULE:FREQ=DAILY;COUNT=6|EXDATE:20260303T080000Z|EXDATE;TZID=Europe/"
	      "Berlin:20260304T090000|"
	      "EXDATE;VALUE=DATE:20260305|EXDATE;TZID=America/"
	      "New_York:20260306T030000,20260307T030000",
	      "20260302T0900");
	check(start, berlin, "RRULE:FREQ=DAILY;COUNT=4|EXRULE:FREQ=DAILY;INTERVAL=2",
	      "20260303T0900,20260305T0900");
	check("2026-03-02", berlin, "RRULE:FREQ=DAILY;COUNT=4|EXDATE;VALUE=DATE:20260303,20260304",
	      "20260302,20260305");
	check(start, berlin, "rrule:freq=daily;count=2", "20260302T0900,20260303T0900");
	check(start, berlin, "RRULE:FREQ=DAILY;COUNT=2;", "20260302T0900,20260303T0900");
}

static void test_recur__periods_have_a_length_of_their_own(void **state)
{
	AUTO(json_object_put)
	struct json_object *master =
		series("2026-03-02T09:00:00", "2026-03-02T10:00:00", "Europe/Berlin",
		       "RDATE;VALUE=PERIOD:20260304T080000Z/PT30H|RDATE:20260310T080000Z");
	AUTO(occurrence_list_release) struct occurrence_list list = {0};

	(void)state;
	expand(master, "UTC", utc_of("2026-03-05T10:00:00Z"), utc_of("2026-03-06T00:00:00Z"), 9,
	       &list);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.items[0].end_utc, utc_of("2026-03-05T14:00:00Z"));
	expand(master, "UTC", utc_of("2026-03-05T14:00:00Z"), RECUR_FUTURE, 9, &list);
	assert_int_equal(list.count, 1);
	assert_int_equal(list.items[0].end_utc - list.items[0].start_utc, 3600);
}

static void test_recur__windows_are_open_intervals(void **state)
{
	static const struct {
		const char *from, *to;
		size_t count;
	} rows[] = {
		{"2026-03-02T09:00:00Z", "2026-03-03T08:00:00Z",
		 0}, /* ends at from, starts at to */
		{"2026-03-02T08:59:59Z", "2026-03-03T08:00:00Z", 1},
		{"2026-03-02T09:00:00Z", "2026-03-03T08:00:01Z", 1},
		{"2026-03-02T08:30:00Z", "2026-03-02T08:31:00Z", 1},
		{"2100-01-01T00:00:00Z", "2100-01-08T00:00:00Z", 7},
		{"2020-01-01T00:00:00Z", "2026-03-01T00:00:00Z", 0},
	};
	AUTO(json_object_put)
	struct json_object *master = series("2026-03-02T09:00:00", "2026-03-02T10:00:00",
					    "Europe/Berlin", "RRULE:FREQ=DAILY");
	AUTO(json_object_put)
	struct json_object *days = series("2026-03-02", "2026-03-04", "", "RRULE:FREQ=WEEKLY");
	AUTO(occurrence_list_release) struct occurrence_list list = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		expand(master, "UTC", utc_of(rows[i].from), utc_of(rows[i].to), 99, &list);
		if (list.count != rows[i].count || list.truncated)
			fail_msg("%s: %zu", rows[i].from, list.count);
	}
	/* Two days from midnight to midnight of the calendar's zone. */
	expand(days, "America/New_York", utc_of("2026-03-11T03:59:59Z"),
	       utc_of("2026-03-16T04:00:00Z"), 9, &list);
	assert_int_equal(list.count, 1);
	assert_string_equal(list.items[0].id, "abcde_20260309");
	assert_int_equal(list.items[0].days, 2);
	assert_int_equal(list.items[0].start_utc, utc_of("2026-03-09T04:00:00Z"));
	assert_int_equal(list.items[0].end_utc, utc_of("2026-03-11T04:00:00Z"));
	expand(days, "America/New_York", utc_of("2026-03-11T04:00:00Z"),
	       utc_of("2026-03-16T04:00:00Z"), 9, &list);
	assert_int_equal(list.count, 0);
}

static void test_recur__max_says_that_there_is_more(void **state)
{
	AUTO(json_object_put)
	struct json_object *master = series("2026-03-02T09:00:00", "2026-03-02T10:00:00", "UTC",
					    "RRULE:FREQ=DAILY;COUNT=5|EXDATE:20260303T090000Z");
	AUTO(occurrence_list_release) struct occurrence_list list = {0};

	(void)state;
	for (size_t max = 0; max < 7; max++) {
		expand(master, "UTC", RECUR_PAST, RECUR_FUTURE, max, &list);
		assert_int_equal(list.count, max < 4 ? max : 4);
		assert_true(list.truncated == (max < 4));
	}
	expand(master, "UTC", RECUR_PAST, utc_of("2026-03-05T09:00:00Z"), 2, &list);
	assert_int_equal(list.count, 2);
	assert_false(list.truncated);
}

/* --- instances ---------------------------------------------------------------------------- */

static void test_recur__instances_look_like_googles(void **state)
{
	AUTO(json_object_put)
	struct json_object *master = series("2026-03-27T09:00:00", "2026-03-27T10:30:00",
					    "America/New_York", "RRULE:FREQ=DAILY");
	AUTO(json_object_put)
	struct json_object *days = series("2026-03-02", "2026-03-04", "", "RRULE:FREQ=WEEKLY");
	AUTO(occurrence_list_release) struct occurrence_list list = {0};
	AUTO(json_object_put) struct json_object *timed = NULL;
	AUTO(json_object_put) struct json_object *whole = NULL;

	(void)state;
	expand(master, "Europe/Berlin", utc_of("2026-03-29T00:00:00Z"), RECUR_FUTURE, 1, &list);
	timed = recur_instance(master, "Europe/Berlin", &list.items[0]);
	assert_string_equal(json_text(timed),
			    "{\"id\":\"abcde_20260329T130000Z\",\"summary\":\"Standup\","
			    "\"start\":{\"dateTime\":\"2026-03-29T15:00:00+02:00\",\"timeZone\":"
			    "\"America/New_York\"},"
			    "\"end\":{\"dateTime\":\"2026-03-29T16:30:00+02:00\",\"timeZone\":"
			    "\"America/New_York\"},"
			    "\"recurringEventId\":\"abcde\","
			    "\"originalStartTime\":{\"dateTime\":\"2026-03-29T15:00:00+02:00\","
			    "\"timeZone\":\"America/New_York\"}}");
	expand(days, "Europe/Berlin", utc_of("2026-03-09T00:00:00Z"), RECUR_FUTURE, 1, &list);
	whole = recur_instance(days, "Europe/Berlin", &list.items[0]);
	assert_string_equal(json_text(whole),
			    "{\"id\":\"abcde_20260309\",\"summary\":\"Standup\","
			    "\"start\":{\"date\":\"2026-03-09\"},\"end\":{\"date\":\"2026-03-11\"},"
			    "\"recurringEventId\":\"abcde\","
			    "\"originalStartTime\":{\"date\":\"2026-03-09\"}}");
}

static void test_recur__ids_both_ways(void **state)
{
	static const struct {
		const char *master, *id;
		bool all_day;
		const char *start;
	} rows[] = {
		{"abcde", "abcde_20260329T130000Z", false, "2026-03-29T13:00:00Z"},
		{"abcde", "abcde_20260329", true, "2026-03-29T00:00:00Z"},
		{"abcde_R20260301T090000", "abcde_20260329T130000Z", false, "2026-03-29T13:00:00Z"},
		{"abcde_R20260301", "abcde_20260329", true, "2026-03-29T00:00:00Z"},
		{"_60q30c1g60o30", "_60q30c1g60o30_20260329", true, "2026-03-29T00:00:00Z"},
		{"a_Rb", "a_Rb_20260329", true, "2026-03-29T00:00:00Z"},
	};
	static const char *const others[] = {"abcde",
					     "_20260329",
					     "abcde_2026",
					     "abcde_20260230",
					     "abcde_20260329T130000",
					     "abcde_R20260329T130000Z"};
	struct recur_stamp stamp;
	size_t base;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		int64_t at = utc_of(rows[i].start);
		AUTO(free)
		char *id = recur_instance_id(rows[i].master, rows[i].all_day, at, at / DAY_S);

		assert_string_equal(id, rows[i].id);
		assert_true(recur_instance_parse(id, &base, &stamp));
		assert_true(stamp.all_day == rows[i].all_day);
		assert_int_equal(stamp.at, at);
		assert_true(recur_master_named(rows[i].master, id, base));
		assert_false(recur_master_named("abcdef", id, base));
		assert_false(recur_master_named("abc", id, base));
	}
	for (size_t i = 0; i < 5; i++)
		assert_false(recur_instance_parse(others[i], &base, &stamp));
	stamp = (struct recur_stamp){true, utc_of("2026-03-29T00:00:00Z")};
	assert_int_equal(recur_stamp_utc(&stamp, "America/New_York"),
			 utc_of("2026-03-29T04:00:00Z"));
}

/* --- random series ------------------------------------------------------------------------ */

static uint64_t seed;

static int pick(int n)
{
	seed = seed * 6364136223846793005u + 1442695040888963407u;
	return (int)((seed >> 33) % (uint64_t)n);
}

static const char *const zones[] = {"Europe/Berlin",       "America/New_York", "UTC",
				    "Asia/Kolkata",        "Australia/Sydney", "America/Sao_Paulo",
				    "Australia/Lord_Howe", "Pacific/Apia",     "Africa/Casablanca"};

static void add_numbers(struct strbuf *out, const char *name, int low, int high, bool negative)
{
	int n = 1 + pick(3);

	strbuf_addf(out, ";%s=", name);
	for (int i = 0; i < n; i++) {
		int value = low + pick(high - low + 1);

		strbuf_addf(out, "%s%d", i ? "," : "", negative && pick(3) == 0 ? -value : value);
	}
}

static void add_stamp(struct strbuf *out, int64_t at, bool all_day)
{
	struct civil c;

	civil_from_s(at, &c);
	strbuf_addf(out, "%04d%02d%02d", c.year, c.month, c.day);
	if (!all_day)
		strbuf_addf(out, "T%02d%02d%02dZ", c.hour, c.minute, c.second);
}

static void add_rule(struct strbuf *out, int64_t start, bool all_day)
{
	static const char *const freqs[] = {"YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY"};
	static const char *const days[] = {"SU", "MO", "TU", "WE", "TH", "FR", "SA"};
	int freq = pick(all_day ? 4 : 5);

	strbuf_addf(out, "FREQ=%s", freqs[freq]);
	if (pick(2))
		strbuf_addf(out, ";INTERVAL=%d", 1 + pick(freq == 0 ? 2 : 4));
	if (pick(4) == 0)
		add_numbers(out, "BYMONTH", 1, 12, false);
	if (pick(4) == 0)
		add_numbers(out, "BYMONTHDAY", 1, 31, true);
	if (freq == 0 && pick(6) == 0)
		add_numbers(out, "BYWEEKNO", 1, 53, true);
	if (freq == 0 && pick(6) == 0)
		add_numbers(out, "BYYEARDAY", 1, 366, true);
	if (pick(3) == 0) {
		int n = 1 + pick(3);

		strbuf_adds(out, ";BYDAY=");
		for (int i = 0; i < n; i++) {
			strbuf_adds(out, i ? "," : "");
			if (freq < 2 && pick(2))
				strbuf_addf(out, "%d", pick(2) ? 1 + pick(4) : -1 - pick(2));
			strbuf_adds(out, days[pick(7)]);
		}
	}
	if (!all_day && pick(4) == 0)
		add_numbers(out, "BYHOUR", 0, 23, false);
	if (!all_day && pick(8) == 0)
		add_numbers(out, "BYMINUTE", 0, 59, false);
	if (pick(8) == 0)
		add_numbers(out, "BYSETPOS", 1, 4, true);
	if (pick(8) == 0)
		strbuf_addf(out, ";WKST=%s", days[pick(7)]);
	if (pick(3) == 0) {
		strbuf_addf(out, ";COUNT=%d", 1 + pick(60));
	} else if (pick(3) == 0) {
		strbuf_adds(out, ";UNTIL=");
		add_stamp(out, start + (int64_t)pick(900) * DAY_S, all_day);
	}
}

static void add_date_lines(struct strbuf *out, int64_t start, bool all_day)
{
	static const char *const names[] = {"RDATE", "EXDATE"};

	for (size_t i = 0; i < 2; i++) {
		int n = pick(4);

		if (!n || pick(2))
			continue;
		strbuf_addf(out, "|%s%s:", names[i], all_day || pick(4) == 0 ? ";VALUE=DATE" : "");
		for (int k = 0; k < n; k++) {
			int64_t at = start + (int64_t)pick(400) * DAY_S;

			strbuf_adds(out, k ? "," : "");
			add_stamp(out, at + (pick(4) ? 0 : 3600 * pick(24)),
				  all_day || strstr(out->buf, "VALUE=DATE"));
		}
	}
}

struct random_series {
	struct json_object *master;
	const char *zone;
	struct strbuf lines;
	int rules;
};

static void random_series_release(struct random_series *r)
{
	json_object_put(r->master);
	strbuf_release(&r->lines);
}
DEFINE_AUTO_VALUE(struct random_series, random_series_release)

static struct random_series random_series(void)
{
	struct random_series r = {.lines = STRBUF_INIT};
	bool all_day = pick(4) == 0;
	int64_t start = utc_of("2009-01-01T00:00:00Z") + (int64_t)pick(6000) * DAY_S +
			(all_day ? 0 : 900 * pick(96));
	char from[RFC3339_LEN], to[RFC3339_LEN];

	r.zone = zones[pick(ARRAY_SIZE(zones))];
	r.rules = 1 + (pick(5) == 0);
	for (int i = 0; i < r.rules; i++) {
		strbuf_adds(&r.lines, i ? "|RRULE:" : "RRULE:");
		add_rule(&r.lines, start, all_day);
	}
	add_date_lines(&r.lines, start, all_day);
	if (pick(10) == 0) {
		strbuf_adds(&r.lines, "|EXRULE:");
		add_rule(&r.lines, start, all_day);
	}
	rfc3339_format(start, 0, from);
	rfc3339_format(start + (all_day ? DAY_S : 60 * pick(3000)), 0, to);
	from[all_day ? 10 : 19] = to[all_day ? 10 : 19] = '\0';
	r.master = series(from, to, r.zone, r.lines.buf);
	return r;
}

#define FEW  150
#define LATE 2840140800 /* 2060: so far an hourly rule that never matches may be followed */

static bool same(const struct occurrence *a, const struct occurrence *b)
{
	return a->start_utc == b->start_utc && a->end_utc == b->end_utc && !strcmp(a->id, b->id);
}

static void test_recur__a_window_is_a_slice_and_has_agrees(void **state)
{
	int windows = 0;

	(void)state;
	for (seed = 1; windows < 800;) {
		AUTO(random_series_release) struct random_series r = random_series();
		AUTO(occurrence_list_release) struct occurrence_list all = {0};
		AUTO(occurrence_list_release) struct occurrence_list part = {0};
		int64_t from;
		size_t a, b;
		bool has;

		expand(r.master, r.zone, RECUR_PAST, LATE, FEW, &all);
		if (!all.count)
			continue;
		a = (size_t)pick((int)all.count);
		b = a + (size_t)pick((int)(all.count - a));
		/* From inside of one to inside of another. */
		from = all.items[a].start_utc - 1 + pick(2);
		expand(r.master, r.zone, from, all.items[b].start_utc + 1, FEW * 20, &part);
		for (size_t i = 0, n = 0; i <= b; i++) {
			if (all.items[i].end_utc <= from)
				continue;
			if (n >= part.count || !same(&part.items[n], &all.items[i]))
				fail_msg("%s %s: %s is not in the window", r.lines.buf, r.zone,
					 all.items[i].id);
			n++;
		}
		for (size_t i = 0; i < all.count; i++) {
			int64_t at = all.items[i].start_utc;

			assert_int_equal(recur_has(r.master, r.zone, at, &has, &err), 0);
			if (!has)
				fail_msg("%s %s: has no %s", r.lines.buf, r.zone, all.items[i].id);
			at += 1 + pick(DAY_S);
			if (i + 1 < all.count && at >= all.items[i + 1].start_utc)
				continue;
			if (i + 1 == all.count && all.truncated)
				continue;
			assert_int_equal(recur_has(r.master, r.zone, at, &has, &err), 0);
			if (has)
				fail_msg("%s %s: has more than %s", r.lines.buf, r.zone,
					 all.items[i].id);
		}
		windows++;
	}
}

/* --- a series cut in two ------------------------------------------------------------------ */

static struct json_object *with_lines(const struct json_object *master, struct json_object *lines)
{
	struct json_object *m = json_clone(master);

	json_set(m, "recurrence", json_object_get(lines));
	return m;
}

static struct json_object *from_split(const struct json_object *master, const char *zone,
				      const struct occurrence *o, struct json_object *lines)
{
	struct json_object *m = recur_instance(master, zone, o);

	json_set_str(m, "id", "abcde");
	json_del(m, "recurringEventId");
	json_del(m, "originalStartTime");
	json_set(m, "recurrence", json_object_get(lines));
	return m;
}

static void fail_split(const struct random_series *r, const struct json_object *lines,
		       const struct occurrence *split, const char *what)
{
	fail_msg("%s %s %s cut at %s: %s: %s", json_path_str(r->master, "start/dateTime") ?: "day",
		 r->zone, r->lines.buf, split->id, what, json_text((struct json_object *)lines));
}

static void check_split(const struct random_series *r, const struct occurrence_list *all, size_t at,
			int *refused)
{
	const struct occurrence *split = &all->items[at];
	int64_t end = all->truncated ? all->items[all->count - 1].start_utc : LATE;
	AUTO(json_object_put) struct json_object *old_lines = NULL;
	AUTO(json_object_put) struct json_object *new_lines = NULL;
	AUTO(json_object_put) struct json_object *old = NULL;
	AUTO(json_object_put) struct json_object *rest = NULL;
	AUTO(occurrence_list_release) struct occurrence_list first = {0};
	AUTO(occurrence_list_release) struct occurrence_list second = {0};
	size_t n = 0;

	if (recur_trim(r->master, r->zone, split->start_utc, &old_lines, &err))
		fail_split(r, NULL, split, err.msg);
	old = with_lines(r->master, old_lines);
	expand(old, r->zone, RECUR_PAST, LATE, FEW * 20, &first);
	if (first.count != at || first.truncated)
		fail_split(r, old_lines, split, "not so many stay");
	for (size_t i = 0; i < at; i++)
		if (!same(&first.items[i], &all->items[i]))
			fail_split(r, old_lines, split, "others stay");
	if (recur_rest(r->master, r->zone, split->start_utc, &new_lines, &err)) {
		assert_int_equal(err.code, ERR_INVALID);
		++*refused;
		return;
	}
	rest = from_split(r->master, r->zone, split, new_lines);
	expand(rest, r->zone, RECUR_PAST, end, FEW * 20, &second);
	for (size_t i = at; i < all->count && all->items[i].start_utc < end; i++, n++)
		if (n >= second.count || second.items[n].start_utc != all->items[i].start_utc)
			fail_split(r, new_lines, split, "others are in the rest");
	if (second.count != n)
		fail_split(r, new_lines, split, "more are in the rest");
}

static void test_recur__two_halves_are_the_whole(void **state)
{
	int splits = 0, refused = 0;

	(void)state;
	for (seed = 2; splits < 3000;) {
		AUTO(random_series_release) struct random_series r = random_series();
		AUTO(occurrence_list_release) struct occurrence_list all = {0};

		expand(r.master, r.zone, RECUR_PAST, LATE, FEW, &all);
		for (int i = 0; i < 3 && all.count > 1; i++, splits++)
			check_split(&r, &all, 1 + (size_t)pick((int)all.count - 1), &refused);
	}
	/* Only where a rule is out of step at an occurrence that is not its own. */
	if (refused * 12 > splits)
		fail_msg("%d of %d refused", refused, splits);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_recur__lines_make_one_set),
		cmocka_unit_test(test_recur__dates_in_every_form),
		cmocka_unit_test(test_recur__periods_have_a_length_of_their_own),
		cmocka_unit_test(test_recur__windows_are_open_intervals),
		cmocka_unit_test(test_recur__max_says_that_there_is_more),
		cmocka_unit_test(test_recur__instances_look_like_googles),
		cmocka_unit_test(test_recur__ids_both_ways),
		cmocka_unit_test(test_recur__a_window_is_a_slice_and_has_agrees),
		cmocka_unit_test(test_recur__two_halves_are_the_whole),
	};

	return cmocka_run_group_tests_name("recur", tests, NULL, NULL);
}
