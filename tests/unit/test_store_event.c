/* Event rows: what is kept, what is derived, what a query finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "store/event_row.h"
#include "store_fixture.h"

#define TIMED(start, end)                                                \
	"{\"summary\": \"s\", \"start\": {\"dateTime\": \"" start "\"}," \
	" \"end\": {\"dateTime\": \"" end "\"}}"
#define ALL_DAY(start, end)                      \
	"{\"start\": {\"date\": \"" start "\"}," \
	" \"end\": {\"date\": \"" end "\"}}"

static void test_store_event__every_field_comes_back(void **state)
{
	int64_t calendar = add_calendar();
	struct event e = {
		.calendar_id = calendar,
		.id = xstrdup("abc123"),
		.resource = json_of("{\"summary\": \"Caf\\u00e9\", \"x\": [1, 2.50, null]}"),
		.base = json_of("{\"summary\": \"old\"}"),
		.etag = xstrdup("\"3181\""),
		.at_google = true,
		.sync_status = SYNC_ERROR,
		.hidden = true,
		.last_error = xstrdup("no"),
		.changed_ms = 1700000000123,
		.generation = 7,
	};
	struct event got = {0};
	bool found = false;

	(void)state;
	OK(store_event_put(store, &e, &err));
	assert_true(e.rowid > 0);
	reopen();
	OK(store_event_get(store, calendar, "abc123", &got, &found, &err));
	assert_true(found);
	assert_int_equal(got.rowid, e.rowid);
	assert_int_equal(got.calendar_id, calendar);
	assert_string_equal(got.id, "abc123");
	assert_true(json_equal(got.resource, e.resource));
	assert_true(json_equal(got.base, e.base));
	assert_string_equal(got.etag, "\"3181\"");
	assert_true(got.at_google);
	assert_int_equal(got.sync_status, SYNC_ERROR);
	assert_int_equal(got.pending, PENDING_NONE);
	assert_true(got.hidden);
	assert_string_equal(got.last_error, "no");
	assert_int_equal(got.changed_ms, 1700000000123);
	assert_int_equal(got.generation, 7);
	assert_string_equal(got.account, "ann@example.com");
	assert_string_equal(got.calendar, "ann@example.com");
	event_release(&got);

	xstr_set(&e.etag, NULL);
	xstr_set(&e.last_error, NULL);
	json_object_put(TAKE(e.base));
	e.at_google = e.hidden = false;
	e.sync_status = SYNC_LOCAL_ONLY;
	OK(store_event_put(store, &e, &err));
	OK(store_event_get_row(store, e.rowid, &got, &err));
	assert_null(got.etag);
	assert_null(got.last_error);
	assert_null(got.base);
	assert_false(got.at_google);
	assert_false(got.hidden);
	assert_int_equal(got.sync_status, SYNC_LOCAL_ONLY);
	event_release(&got);
	event_release(&e);
}

static void test_store_event__what_is_not_there_is_said(void **state)
{
	int64_t calendar = add_calendar();
	struct event got = {.rowid = 99};
	AUTO(json_object_put) struct json_object *resource = json_of("{}");
	struct event e = {
		.rowid = 77, .calendar_id = calendar, .id = (char *)"x", .resource = resource};
	bool found = true;

	(void)state;
	OK(store_event_get(store, calendar, "none", &got, &found, &err));
	assert_false(found);
	assert_int_equal(got.rowid, 99);
	FAILS(ERR_NOT_FOUND, store_event_get_row(store, 77, &got, &err));
	FAILS(ERR_NOT_FOUND, store_event_touch(store, 77, 1, &err));
	FAILS(ERR_NOT_FOUND, store_event_put(store, &e, &err));
	e.rowid = 0;
	e.calendar_id = calendar + 1;
	FAILS(ERR_NOT_FOUND, store_event_put(store, &e, &err));
	assert_int_equal(e.rowid, 0);
	OK(store_event_delete(store, 77, &err));
}

static void test_store_event__an_id_is_taken_once_in_a_calendar(void **state)
{
	int64_t calendar = add_calendar();
	int64_t other = add_calendar_in(add_account("bob"), "bob", "UTC");
	AUTO(json_object_put) struct json_object *resource = json_of("{}");
	struct event e = {.calendar_id = calendar, .id = (char *)"same", .resource = resource};

	(void)state;
	add_event(calendar, "same", "{}");
	add_event(other, "same", "{}");
	FAILS(ERR_STORE, store_event_put(store, &e, &err));
	assert_non_null(strstr(err.msg, "'same' is in this calendar already"));
}

/* The ids of what a query finds, in its order, joined by spaces. */
static int note_id(const struct event *e, void *arg)
{
	strbuf_addf(arg, "%s%s", ((struct strbuf *)arg)->len ? " " : "", e->id);
	return 0;
}

#define assert_finds(query, ids)                                              \
	do {                                                                  \
		struct strbuf found_ = STRBUF_INIT;                           \
		struct event_list list_;                                      \
		OK(store_event_each(store, (query), note_id, &found_, &err)); \
		assert_string_equal(found_.buf, (ids));                       \
		strbuf_reset(&found_);                                        \
		OK(store_event_list(store, (query), &list_, &err));           \
		for (size_t i_ = 0; i_ < list_.count; i_++)                   \
			note_id(&list_.items[i_], &found_);                   \
		assert_string_equal(found_.buf, (ids));                       \
		event_list_release(&list_);                                   \
		strbuf_release(&found_);                                      \
	} while (0)

static int64_t at(const char *time)
{
	struct rfc3339 t;

	OK(rfc3339_parse(time, &t, &err));
	return t.utc;
}

static void test_store_event__rows_come_by_start_then_id(void **state)
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

static void test_store_event__a_window_is_open_at_both_ends(void **state)
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

static void test_store_event__an_all_day_event_lasts_the_calendars_day(void **state)
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

static void test_store_event__a_new_calendar_zone_moves_all_day_events(void **state)
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

static void test_store_event__a_series_reaches_as_far_as_its_rules_say(void **state)
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
	assert_finds(&q, "counted dates endless half later unread until");
	q.start_utc = at("2026-01-14T00:00:00Z");
	q.end_utc = at("2026-01-15T00:00:00Z");
	assert_finds(&q, "counted dates endless half later unread");
	q.start_utc = at("2026-04-01T00:00:00Z");
	q.end_utc = at("2026-04-02T00:00:00Z");
	assert_finds(&q, "counted dates endless half unread");
	/* Not before it begins. */
	q.start_utc = at("2025-04-01T00:00:00Z");
	q.end_utc = at("2026-01-01T09:00:00Z");
	assert_finds(&q, "");
}

static void test_store_event__filters_narrow_a_query(void **state)
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

static void test_store_event__a_prefix_is_taken_literally(void **state)
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

static void test_store_event__search_ignores_case_and_knows_no_wildcards(void **state)
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

static void test_store_event__a_walk_can_stop_and_can_nest(void **state)
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

static void test_store_event__the_unseen_are_what_a_full_pull_did_not_show(void **state)
{
	int64_t calendar = add_calendar();
	int64_t other = add_calendar_in(add_account("bob"), "bob", "UTC");
	int64_t seen = add_event(calendar, "seen", "{}");
	int64_t later = add_event(calendar, "later", "{}");
	AUTO(json_object_put) struct json_object *resource = json_of("{}");
	struct event local = {.calendar_id = calendar, .id = (char *)"local", .resource = resource};
	struct event_list list;
	int64_t n = 0;

	(void)state;
	add_outbox(add_event(calendar, "unseen", "{}"), PENDING_UPDATE);
	add_event(other, "elsewhere", "{}");
	OK(store_event_put(store, &local, &err));
	OK(store_event_touch(store, seen, 5, &err));
	OK(store_event_touch(store, later, 6, &err));
	OK(store_event_unseen(store, calendar, 5, &list, &err));
	assert_int_equal(list.count, 2);
	assert_string_equal(list.items[0].id, "unseen");
	assert_int_equal(list.items[0].pending, PENDING_UPDATE);
	assert_string_equal(list.items[1].id, "later");
	event_list_release(&list);
	OK(store_event_count(store, calendar, &n, &err));
	assert_int_equal(n, 3);
	OK(store_event_count(store, other, &n, &err));
	assert_int_equal(n, 1);
}

static void test_store_event__counts_are_by_status_and_by_what_waits(void **state)
{
	int64_t ann = add_account("ann"), bob = add_account("bob");
	int64_t a = add_calendar_in(ann, "a", "UTC"), b = add_calendar_in(bob, "b", "UTC");
	AUTO(json_object_put) struct json_object *resource = json_of("{}");
	struct event local = {.calendar_id = a, .id = (char *)"local", .resource = resource};
	struct event refused = {.calendar_id = a,
				.id = (char *)"refused",
				.resource = resource,
				.sync_status = SYNC_ERROR};
	struct event_counts counts;

	(void)state;
	OK(store_event_counts(store, 0, &counts, &err));
	assert_int_equal(counts.by_status[SYNC_SYNCED], 0);
	assert_int_equal(counts.by_pending[PENDING_NONE], 0);
	OK(store_event_put(store, &local, &err));
	OK(store_event_put(store, &refused, &err));
	add_outbox(local.rowid, PENDING_CREATE);
	add_outbox(refused.rowid, PENDING_UPDATE);
	add_event(a, "synced", "{}");
	add_event(a, "cancelled", "{\"status\": \"cancelled\"}");
	add_outbox(add_event(b, "going", "{}"), PENDING_DELETE);
	add_event(b, "staying", "{}");
	OK(store_event_counts(store, ann, &counts, &err));
	assert_int_equal(counts.by_status[SYNC_LOCAL_ONLY], 1);
	assert_int_equal(counts.by_status[SYNC_SYNCED], 1);
	assert_int_equal(counts.by_status[SYNC_ERROR], 1);
	assert_int_equal(counts.by_pending[PENDING_NONE], 1);
	assert_int_equal(counts.by_pending[PENDING_CREATE], 1);
	assert_int_equal(counts.by_pending[PENDING_UPDATE], 1);
	assert_int_equal(counts.by_pending[PENDING_DELETE], 0);
	OK(store_event_counts(store, 0, &counts, &err));
	assert_int_equal(counts.by_status[SYNC_SYNCED], 3);
	assert_int_equal(counts.by_pending[PENDING_NONE], 2);
	assert_int_equal(counts.by_pending[PENDING_DELETE], 1);
}

static void test_store_event__a_deleted_row_takes_its_outbox_entry_along(void **state)
{
	int64_t calendar = add_calendar();
	int64_t row = add_event(calendar, "one", "{}");
	int64_t kept = add_event(calendar, "two", "{}");
	struct outbox_list list;
	int64_t again;

	(void)state;
	add_outbox(row, PENDING_DELETE);
	add_outbox(kept, PENDING_UPDATE);
	OK(store_event_delete(store, row, &err));
	OK(store_outbox_list(store, 0, 0, -1, 0, &list, &err));
	assert_int_equal(list.count, 1);
	assert_int_equal(list.items[0].event_rowid, kept);
	outbox_list_release(&list);
	/* The number of a deleted row is not given out again. */
	OK(store_event_delete(store, kept, &err));
	again = add_event(calendar, "three", "{}");
	assert_true(again > kept);
}

static void test_store_event__a_row_that_no_longer_parses_is_named(void **state)
{
	int64_t calendar = add_calendar();
	int64_t row = add_event(calendar, "broken", "{}");
	static const char *const damage[] = {
		"UPDATE event SET resource = '{\"summary\": '",
		"UPDATE event SET resource = '[]'",
		"UPDATE event SET resource = '\"text\"'",
		"UPDATE event SET resource = ''",
		"UPDATE event SET resource = 'null'",
		"UPDATE event SET resource = '{}', base = '{\"a\": tru}'",
	};
	struct event e = {0};
	struct event_query q = EVENT_QUERY_INIT;
	struct event_list list;
	bool found;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(damage); i++) {
		OK(db_exec(store->db, damage[i], &err));
		FAILS(ERR_STORE, store_event_get(store, calendar, "broken", &e, &found, &err));
		assert_non_null(strstr(err.msg, "'broken'"));
		assert_null(e.id);
		FAILS(ERR_STORE, store_event_get_row(store, row, &e, &err));
		FAILS(ERR_STORE, store_event_list(store, &q, &list, &err));
		assert_non_null(strstr(err.msg, "'broken'"));
		assert_non_null(strstr(err.msg, "damaged"));
	}
	/* It can still be written over. */
	AUTO(json_object_put) struct json_object *resource = json_of("{}");
	e = (struct event){.rowid = row,
			   .calendar_id = calendar,
			   .id = (char *)"broken",
			   .resource = resource};
	OK(store_event_put(store, &e, &err));
	OK(store_event_list(store, &q, &list, &err));
	assert_int_equal(list.count, 1);
	event_list_release(&list);
}

static void test_store_event__odd_resources_are_kept_as_they_are(void **state)
{
	int64_t calendar = add_calendar();
	static const char *const odd[] = {
		"{}",
		"{\"summary\": 5, \"start\": \"now\", \"end\": [], \"status\": {}}",
		"{\"start\": {\"dateTime\": \"yesterday\"}, \"recurrence\": \"RRULE\"}",
		"{\"start\": {\"date\": \"2026-02-30\"}, \"recurrence\": [null, 5, {}]}",
		"{\"start\": {\"date\": \"2026-02-03\"}, \"recurrence\": [null, 5, {}]}",
		"{\"start\": {\"date\": \"2026-02-03\"}, \"end\": {\"date\": \"2026-01-01\"}}",
		"{\"start\": {\"dateTime\": \"0001-01-01T00:00:00+14:00\"},"
		" \"end\": {\"dateTime\": \"9999-12-31T23:59:59-12:00\"}}",
		"{\"summary\": \"a\\u0000b\", \"updated\": \"never\"}",
		"{\"big\": 12345678901234567890123, \"f\": 1.10, \"e\": 1e400}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		AUTO(free) char *id = xasprintf("odd%zu", i);
		AUTO(json_object_put) struct json_object *want = json_of(odd[i]);
		struct event got = {0};
		bool found = false;

		add_event(calendar, id, odd[i]);
		OK(store_event_get(store, calendar, id, &got, &found, &err));
		assert_string_equal(json_text(got.resource), json_text(want));
		event_release(&got);
	}
}

static void test_store_event__history_keeps_versions_after_the_event(void **state)
{
	int64_t calendar = add_calendar();
	int64_t row = add_event(calendar, "one", "{}");
	AUTO(json_object_put) struct json_object *old = json_of("{\"summary\": \"old\"}");
	AUTO(stmt_done) struct stmt *st = NULL;

	(void)state;
	OK(store_history_add(store, calendar, "one", old, "google", 1700000000001, &err));
	OK(store_event_delete(store, row, &err));
	OK(db_prepare(store->db, "SELECT event_id, origin, at_ms, resource FROM history", &st,
		      &err));
	assert_int_equal(stmt_step(st, &err), 1);
	assert_string_equal(col_text(st, 0), "one");
	assert_string_equal(col_text(st, 1), "google");
	assert_int_equal(col_int(st, 2), 1700000000001);
	assert_string_equal(col_text(st, 3), "{\"summary\":\"old\"}");
	FAILS(ERR_STORE, store_history_add(store, calendar, "one", old, "nobody", 1, &err));
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

static void test_store_event__queries_go_by_an_index(void **state)
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

static void test_store_event__ten_thousand_rows_are_found_again(void **state)
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
	T(test_store_event__every_field_comes_back),
	T(test_store_event__what_is_not_there_is_said),
	T(test_store_event__an_id_is_taken_once_in_a_calendar),
	T(test_store_event__rows_come_by_start_then_id),
	T(test_store_event__a_window_is_open_at_both_ends),
	T(test_store_event__an_all_day_event_lasts_the_calendars_day),
	T(test_store_event__a_new_calendar_zone_moves_all_day_events),
	T(test_store_event__a_series_reaches_as_far_as_its_rules_say),
	T(test_store_event__filters_narrow_a_query),
	T(test_store_event__a_prefix_is_taken_literally),
	T(test_store_event__search_ignores_case_and_knows_no_wildcards),
	T(test_store_event__a_walk_can_stop_and_can_nest),
	T(test_store_event__the_unseen_are_what_a_full_pull_did_not_show),
	T(test_store_event__counts_are_by_status_and_by_what_waits),
	T(test_store_event__a_deleted_row_takes_its_outbox_entry_along),
	T(test_store_event__a_row_that_no_longer_parses_is_named),
	T(test_store_event__odd_resources_are_kept_as_they_are),
	T(test_store_event__history_keeps_versions_after_the_event),
	T(test_store_event__queries_go_by_an_index),
	T(test_store_event__ten_thousand_rows_are_found_again),
};

int main(void)
{
	return cmocka_run_group_tests_name("store_event", tests, NULL, NULL);
}
