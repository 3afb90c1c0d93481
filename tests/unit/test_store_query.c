/* What a query over events finds, and by which index. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "store/event_row.h"
#include "store_fixture.h"

static void test_store_query__rows_come_by_start_then_id(void **state)
{
	int64_t calendar = add_calendar();
	struct event_query q = EVENT_QUERY_INIT;

	(void)state;
	add_event(calendar, "c", TIMED("2026-01-02T10:00:00Z", "2026-01-02T11:00:00Z"));
	add_event(calendar, "b", TIMED("2026-01-02T12:00:00+02:00", "2026-01-02T11:00:00Z"));
	add_event(calendar, "a", TIMED("2026-01-03T10:00:00Z", "2026-01-03T11:00:00Z"));
	add_event(calendar, "none", "{}");
	assert_finds(&q, "none b c a");
	q.calendar_id = calendar;
	assert_finds(&q, "none b c a");
	q.limit = 2;
	assert_finds(&q, "none b");
	q.has_end = true;
	q.end_utc = at("2027-01-01T00:00:00Z");
	assert_finds(&q, "b c");
}

static void test_store_query__a_window_is_open_at_both_ends(void **state)
{
	int64_t calendar = add_calendar();
	struct event_query q = EVENT_QUERY_INIT;

	(void)state;
	add_event(calendar, "before", TIMED("2026-01-01T09:00:00Z", "2026-01-01T10:00:00Z"));
	add_event(calendar, "into", TIMED("2026-01-01T09:00:00Z", "2026-01-01T10:00:01Z"));
	add_event(calendar, "inside", TIMED("2026-01-01T10:00:00Z", "2026-01-01T11:00:00Z"));
	add_event(calendar, "outof", TIMED("2026-01-01T11:59:59Z", "2026-01-01T13:00:00Z"));
	add_event(calendar, "after", TIMED("2026-01-01T12:00:00Z", "2026-01-01T13:00:00Z"));
	/* Longer than what the index of starts is asked for first. */
	add_event(calendar, "around", TIMED("2020-01-01T00:00:00Z", "2030-01-01T00:00:00Z"));
	add_event(calendar, "month", TIMED("2025-12-01T10:00:01Z", "2026-01-01T10:00:01Z"));
	add_event(calendar, "overmonth", TIMED("2025-12-01T10:00:00Z", "2026-01-01T10:00:01Z"));
	add_event(calendar, "nostart", "{}");
	q.has_start = q.has_end = true;
	q.start_utc = at("2026-01-01T10:00:00Z");
	q.end_utc = at("2026-01-01T12:00:00Z");
	assert_finds(&q, "around overmonth month into inside outof");
	q.calendar_id = calendar;
	assert_finds(&q, "around overmonth month into inside outof");
	q.has_start = false;
	assert_finds(&q, "around overmonth month before into inside outof");
	q.has_start = true;
	q.has_end = false;
	assert_finds(&q, "around overmonth month into inside outof after");
	q.start_utc = INT64_MIN;
	assert_finds(&q, "around overmonth month before into inside outof after");
}

static void test_store_query__an_all_day_event_lasts_the_calendars_day(void **state)
{
	int64_t berlin = add_calendar_in(add_account("b"), "b", "Europe/Berlin");
	struct event_query q = EVENT_QUERY_INIT;

	(void)state;
	add_event(berlin, "day", ALL_DAY("2026-01-15", "2026-01-16"));
	q.has_start = q.has_end = true;
	q.start_utc = at("2026-01-14T22:00:00Z");
	q.end_utc = at("2026-01-14T23:00:00Z");
	assert_finds(&q, "");
	q.end_utc++;
	assert_finds(&q, "day");
	q.start_utc = at("2026-01-15T23:00:00Z");
	q.end_utc = q.start_utc + 3600;
	assert_finds(&q, "");
	q.start_utc--;
	assert_finds(&q, "day");
}

static void test_store_query__a_new_calendar_zone_moves_all_day_events(void **state)
{
	int64_t account = add_account("b");
	int64_t id = add_calendar_in(account, "b", "Europe/Berlin");
	int64_t other = add_calendar_in(account, "other", "Europe/Berlin");
	struct calendar c = {.account_id = account,
			     .google_id = (char *)"b",
			     .summary = (char *)"b",
			     .access_role = (char *)"owner",
			     .time_zone = (char *)"America/New_York"};
	struct event_query q = EVENT_QUERY_INIT;
	bool changed = false;

	(void)state;
	add_event(id, "day", ALL_DAY("2026-01-15", "2026-01-16"));
	add_event(id, "series",
		  "{\"start\": {\"date\": \"2026-01-15\"}, \"end\": {\"date\": \"2026-01-16\"},"
		  " \"recurrence\": [\"RRULE:FREQ=DAILY;UNTIL=20260120\"]}");
	add_event(id, "timed", TIMED("2026-01-15T08:00:00Z", "2026-01-15T09:00:00Z"));
	add_event(other, "otherday", ALL_DAY("2026-01-15", "2026-01-16"));
	q.has_start = q.has_end = true;
	q.start_utc = at("2026-01-14T23:00:00Z");
	q.end_utc = at("2026-01-15T05:00:00Z");
	assert_finds(&q, "day otherday series");
	OK(store_calendar_upsert(store, &c, &changed, &err));
	assert_true(changed);
	assert_finds(&q, "otherday");
	q.end_utc++;
	assert_finds(&q, "otherday day series");
	q.start_utc = at("2026-01-16T04:59:59Z");
	q.end_utc = q.start_utc + 1;
	assert_finds(&q, "day series");
}

static void test_store_query__a_series_reaches_as_far_as_its_rules_say(void **state)
{
	int64_t calendar = add_calendar();
	struct event_query q = EVENT_QUERY_INIT;
	static const struct {
		const char *id, *recurrence;
	} series[] = {
		{"endless", "\"RRULE:FREQ=DAILY\""},
		{"counted", "\"RRULE:FREQ=DAILY;COUNT=3\""},
		{"dates", "\"RDATE;VALUE=DATE:20270101\""},
		{"until",
		 "\"EXDATE;VALUE=DATE:20260102\", \"RRULE:FREQ=DAILY;UNTIL=20260110T090000Z\""},
		{"later",
		 "\"RRULE:FREQ=DAILY;UNTIL=20260110\", \"RRULE:FREQ=DAILY;UNTIL=20260301\""},
		{"first",
		 "\"RRULE:FREQ=DAILY;UNTIL=20260301\", \"RRULE:FREQ=DAILY;UNTIL=20260110\""},
		{"half", "\"RRULE:FREQ=DAILY;UNTIL=20260110\", \"RRULE:FREQ=DAILY\""},
		{"unread", "\"RRULE:FREQ=DAILY;UNTIL=2026xx\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(series); i++) {
		AUTO(free)
		char *text = xasprintf("{\"start\": {\"dateTime\": \"2026-01-01T09:00:00Z\"},"
				       " \"end\": {\"dateTime\": \"2026-01-01T10:00:00Z\"},"
				       " \"recurrence\": [%s]}",
				       series[i].recurrence);

		add_event(calendar, series[i].id, text);
	}
	q.has_start = q.has_end = true;
	q.start_utc = at("2026-01-10T09:30:00Z"); /* the last one of "until" goes on */
	q.end_utc = at("2026-01-10T10:00:00Z");
	assert_finds(&q, "");
	q.masters = true;
	assert_finds(&q, "counted dates endless first half later unread until");
	q.start_utc = at("2026-01-14T00:00:00Z");
	q.end_utc = at("2026-01-15T00:00:00Z");
	assert_finds(&q, "counted dates endless first half later unread");
	q.start_utc = at("2026-04-01T00:00:00Z");
	q.end_utc = at("2026-04-02T00:00:00Z");
	assert_finds(&q, "counted dates endless half unread");
	/* Not before it begins. */
	q.start_utc = at("2025-04-01T00:00:00Z");
	q.end_utc = at("2026-01-01T09:00:00Z");
	assert_finds(&q, "");
}

static void test_store_query__filters_narrow_a_query(void **state)
{
	int64_t ann = add_account("ann"), bob = add_account("bob");
	int64_t a1 = add_calendar_in(ann, "a1", "UTC"), a2 = add_calendar_in(ann, "a2", "UTC");
	int64_t b1 = add_calendar_in(bob, "b1", "UTC");
	AUTO(json_object_put) struct json_object *resource = json_of("{}");
	struct event hidden = {.calendar_id = a1,
			       .id = (char *)"hidden",
			       .hidden = true,
			       .resource = resource,
			       .sync_status = SYNC_LOCAL_ONLY};
	struct event_query q = EVENT_QUERY_INIT;

	(void)state;
	add_event(a1, "one", "{}");
	add_event(a2, "two", "{}");
	add_event(b1, "three", "{}");
	add_event(a1, "one_20260101", "{\"status\": \"cancelled\", \"recurringEventId\": \"one\"}");
	add_event(b1, "one_20260102", "{\"recurringEventId\": \"one\"}");
	OK(store_event_put(store, &hidden, &err));
	assert_finds(&q, "one one_20260102 three two");
	q.account_id = ann;
	assert_finds(&q, "one two");
	q.calendar_id = a2;
	assert_finds(&q, "two");
	q.account_id = bob;
	assert_finds(&q, "");
	q = (struct event_query)EVENT_QUERY_INIT;
	q.include_hidden = true;
	assert_finds(&q, "hidden one one_20260102 three two");
	q.sync_status = SYNC_LOCAL_ONLY;
	assert_finds(&q, "hidden");
	q.sync_status = SYNC_ERROR;
	assert_finds(&q, "");
	q = (struct event_query)EVENT_QUERY_INIT;
	q.include_cancelled = true;
	q.calendar_id = a1;
	assert_finds(&q, "one one_20260101");
	q.calendar_id = 0;
	q.recurring_event_id = "one";
	assert_finds(&q, "one_20260101 one_20260102");
	q.include_cancelled = false;
	assert_finds(&q, "one_20260102");
}

static void test_store_query__a_prefix_is_taken_literally(void **state)
{
	int64_t calendar = add_calendar();
	struct event_query q = EVENT_QUERY_INIT;

	(void)state;
	add_event(calendar, "abcd", "{}");
	add_event(calendar, "abcde1", "{}");
	add_event(calendar, "abcdzzz", "{}");
	add_event(calendar, "abce", "{}");
	add_event(calendar, "ABCD", "{}");
	add_event(calendar, "abcd\xc3\xbf", "{}");
	add_event(calendar, "ab_d", "{}");
	q.id_prefix = "abcd";
	assert_finds(&q, "abcd abcde1 abcdzzz abcd\xc3\xbf");
	q.id_prefix = "ab_";
	assert_finds(&q, "ab_d");
	q.id_prefix = "ab%";
	assert_finds(&q, "");
	q.id_prefix = "abcde1";
	assert_finds(&q, "abcde1");
	q.id_prefix = "";
	assert_finds(&q, "ABCD ab_d abcd abcde1 abcdzzz abcd\xc3\xbf abce");
}

static void test_store_query__search_ignores_case_and_knows_no_wildcards(void **state)
{
	int64_t calendar = add_calendar();
	struct event_query q = EVENT_QUERY_INIT;

	(void)state;
	add_event(calendar, "a", "{\"summary\": \"Team LUNCH\"}");
	add_event(calendar, "b", "{\"description\": \"bring lunch\"}");
	add_event(calendar, "c", "{\"location\": \"The Lunchbox\", \"summary\": \"100% off_it\"}");
	add_event(calendar, "d", "{\"summary\": \"10000 offxit\", \"x\": \"lunch\"}");
	add_event(calendar, "e", "{\"summary\": \"C:\\\\temp 'quoted'\"}");
	add_event(calendar, "f", "{\"summary\": \"Caf\\u00e9\"}");
	add_event(calendar, "g", "{}");
	q.search = "lunch";
	assert_finds(&q, "a b c");
	q.search = "LuNcH";
	assert_finds(&q, "a b c");
	q.search = "0% o";
	assert_finds(&q, "c");
	q.search = "f_i";
	assert_finds(&q, "c");
	q.search = "c:\\TEMP 'q";
	assert_finds(&q, "e");
	q.search = "caf\xc3\xa9";
	assert_finds(&q, "f");
	q.search = "%";
	assert_finds(&q, "c");
	q.search = "' OR 1=1 --";
	assert_finds(&q, "");
}

static int stop_at_second(const struct event *e, void *arg)
{
	int *seen = arg;

	(void)e;
	return ++*seen == 2 ? 42 : 0;
}

/* Asks the same thing again for each row, as a walk inside a walk. */
static int walk_inside(const struct event *e, void *arg)
{
	struct event_query q = EVENT_QUERY_INIT;
	struct strbuf ids = STRBUF_INIT;

	(void)e;
	OK(store_event_each(store, &q, note_id, &ids, &err));
	assert_string_equal(ids.buf, "a b c");
	strbuf_release(&ids);
	++*(int *)arg;
	return 0;
}

static void test_store_query__a_walk_can_stop_and_can_nest(void **state)
{
	int64_t calendar = add_calendar();
	struct event_query q = EVENT_QUERY_INIT;
	int seen = 0;

	(void)state;
	add_event(calendar, "a", "{}");
	add_event(calendar, "b", "{}");
	add_event(calendar, "c", "{}");
	assert_int_equal(store_event_each(store, &q, stop_at_second, &seen, &err), 42);
	assert_int_equal(seen, 2);
	seen = 0;
	OK(store_event_each(store, &q, walk_inside, &seen, &err));
	assert_int_equal(seen, 3);
}

/* --- plans ------------------------------------------------------------------------------- */

/* How SQLite would look for this, in one line. */
static char *plan_of(const struct event_query *q)
{
	struct strbuf sql = STRBUF_INIT, plan = STRBUF_INIT;
	AUTO(stmt_done) struct stmt *st = NULL;

	strbuf_adds(&sql, "EXPLAIN QUERY PLAN ");
	event_query_text(&sql, q);
	OK(db_prepare(store->db, sql.buf, &st, &err));
	while (stmt_step(st, &err) == 1)
		strbuf_addf(&plan, "%s; ", col_text(st, 3));
	strbuf_release(&sql);
	return strbuf_detach(&plan);
}

static void assert_plan(const struct event_query *q, const char *has)
{
	AUTO(free) char *plan = plan_of(q);

	if (!strstr(plan, has) ||
	    (strcmp(has, "SCAN e USING INDEX event_by_start") && strstr(plan, "SCAN e")))
		fail_msg("plan lacks '%s': %s", has, plan);
}

static void test_store_query__queries_go_by_an_index(void **state)
{
	int64_t calendar = add_calendar();
	struct event_query q = EVENT_QUERY_INIT;

	(void)state;
	add_event(calendar, "one", "{}");
	/* All rows in order: no sort. */
	assert_plan(&q, "SCAN e USING INDEX event_by_start");
	q.id_prefix = "abcd";
	assert_plan(&q, "SEARCH e USING INDEX event_by_id (id>? AND id<?)");
	q.account_id = 1;
	assert_plan(&q, "(calendar_id=? AND id>? AND id<?)");
	q = (struct event_query)EVENT_QUERY_INIT;
	q.recurring_event_id = "one";
	assert_plan(&q, "SEARCH e USING INDEX event_by_series (recurring_event_id=?)");
	q.calendar_id = calendar;
	assert_plan(&q, "SEARCH e USING INDEX event_by_series"
			" (recurring_event_id=? AND calendar_id=?)");
	q = (struct event_query)EVENT_QUERY_INIT;
	q.has_start = q.has_end = true;
	for (int i = 0; i < 6; i++) {
		q.masters = i % 2;
		q.calendar_id = i / 2 == 1 ? calendar : 0;
		q.account_id = i / 2 == 2 ? 1 : 0;
		assert_plan(&q, "SEARCH e USING INDEX event_by_calendar_start"
				" (calendar_id=? AND start_utc>? AND start_utc<?)");
		assert_plan(&q,
			    "SEARCH e USING INDEX event_by_reach (calendar_id=? AND start_utc<?)");
	}
	q.has_end = false;
	assert_plan(&q, "SEARCH e USING INDEX event_by_calendar_start"
			" (calendar_id=? AND start_utc>?)");
}

static void test_store_query__ten_thousand_rows_are_found_again(void **state)
{
	int64_t calendar = add_calendar();
	struct event_query q = EVENT_QUERY_INIT;
	int64_t n = 0;

	(void)state;
	for (int i = 0; i < 10000; i++) {
		AUTO(free) char *id = xasprintf("%08xev", (unsigned)i * 2654435761u);

		if (i % 2500 == 0)
			OK(store_begin(store, &err));
		add_event(calendar, id, TIMED("2026-01-15T08:00:00Z", "2026-01-15T09:00:00Z"));
		if (i % 2500 == 2499)
			OK(store_commit(store, &err));
	}
	OK(store_event_count(store, calendar, &n, &err));
	assert_int_equal(n, 10000);
	q.id_prefix = "9e3779b1";
	assert_finds(&q, "9e3779b1ev");
	/* The choice of the index does not change with the rows. */
	assert_plan(&q, "SEARCH e USING INDEX event_by_id (id>? AND id<?)");
}

static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_store, fixture_end)
	T(test_store_query__rows_come_by_start_then_id),
	T(test_store_query__a_window_is_open_at_both_ends),
	T(test_store_query__an_all_day_event_lasts_the_calendars_day),
	T(test_store_query__a_new_calendar_zone_moves_all_day_events),
	T(test_store_query__a_series_reaches_as_far_as_its_rules_say),
	T(test_store_query__filters_narrow_a_query),
	T(test_store_query__a_prefix_is_taken_literally),
	T(test_store_query__search_ignores_case_and_knows_no_wildcards),
	T(test_store_query__a_walk_can_stop_and_can_nest),
	T(test_store_query__queries_go_by_an_index),
	T(test_store_query__ten_thousand_rows_are_found_again),
};

int main(void)
{
	return cmocka_run_group_tests_name("store_query", tests, NULL, NULL);
}
