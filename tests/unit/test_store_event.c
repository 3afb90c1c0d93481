/* Event rows: what is kept, what is derived, what a query finds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

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

static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_store, fixture_end)
	T(test_store_event__every_field_comes_back),
	T(test_store_event__what_is_not_there_is_said),
	T(test_store_event__an_id_is_taken_once_in_a_calendar),
	T(test_store_event__rows_come_by_start_then_id),
	T(test_store_event__a_window_is_open_at_both_ends),
};

int main(void)
{
	return cmocka_run_group_tests_name("store_event", tests, NULL, NULL);
}
