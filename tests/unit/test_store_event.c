/* Event rows: what is kept, counted and left when they go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "store_fixture.h"

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

static void test_store_event__the_unseen_are_what_a_full_pull_did_not_show(void **state)
{
	int64_t calendar = add_calendar();
	int64_t other = add_calendar_in(add_account("bob"), "bob", "UTC");
	int64_t seen = add_event(calendar, "seen", "{}");
	int64_t later = add_event(calendar, "later", "{}");
	AUTO(json_object_put) struct json_object *resource = json_of("{}");
	struct event local = {.calendar_id = calendar, .id = (char *)"local", .resource = resource};
	struct event touched = {0};
	struct event_list list;
	int64_t n = 0;

	(void)state;
	add_outbox(add_event(calendar, "unseen", "{}"), PENDING_UPDATE);
	add_event(other, "elsewhere", "{}");
	OK(store_event_put(store, &local, &err));
	OK(store_event_touch(store, seen, 5, &err));
	OK(store_event_touch(store, later, 6, &err));
	OK(store_event_get_row(store, seen, &touched, &err));
	assert_int_equal(touched.generation, 5);
	assert_string_equal(touched.etag, "\"1\""); /* nothing else has changed */
	assert_int_equal(touched.sync_status, SYNC_SYNCED);
	event_release(&touched);
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
		TIMED("0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"),
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

static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_store, fixture_end)
	T(test_store_event__every_field_comes_back),
	T(test_store_event__what_is_not_there_is_said),
	T(test_store_event__an_id_is_taken_once_in_a_calendar),
	T(test_store_event__the_unseen_are_what_a_full_pull_did_not_show),
	T(test_store_event__counts_are_by_status_and_by_what_waits),
	T(test_store_event__a_deleted_row_takes_its_outbox_entry_along),
	T(test_store_event__a_row_that_no_longer_parses_is_named),
	T(test_store_event__odd_resources_are_kept_as_they_are),
};

int main(void)
{
	return cmocka_run_group_tests_name("store_event", tests, NULL, NULL);
}
