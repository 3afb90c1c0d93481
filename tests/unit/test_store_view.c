/* The views that other programs read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "store_fixture.h"

/* The first column of the first row of a query; "(none)" without a row, "(null)" for NULL. */
static char *ask(const char *sql)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	int status;

	OK(db_prepare(store->db, sql, &st, &err));
	status = stmt_step(st, &err);
	if (status < 0)
		fail_msg("%s: %s", sql, err.msg);
	return status ? (col_is_null(st, 0) ? xstrdup("(null)") : col_dup(st, 0))
		      : xstrdup("(none)");
}

#define assert_sql(sql, want)                      \
	do {                                       \
		char *got_ = ask(sql);             \
		assert_string_equal(got_, (want)); \
		free(got_);                        \
	} while (0)

static void test_store_view__calendar_event_shows_what_is_listed(void **state)
{
	int64_t calendar = add_calendar_in(add_account("work"), "team@group", "Europe/Berlin");
	AUTO(json_object_put)
	struct json_object *local =
		json_of("{\"summary\": \"Draft\", \"start\": {\"date\": \"2026-01-15\"},"
			" \"end\": {\"date\": \"2026-01-17\"}}");
	struct event e = {.calendar_id = calendar,
			  .id = (char *)"local1",
			  .resource = local,
			  .sync_status = SYNC_ERROR,
			  .last_error = (char *)"Google said no",
			  .changed_ms = 1768471200999};
	AUTO(stmt_done) struct stmt *st = NULL;

	(void)state;
	add_event(calendar, "google1",
		  "{\"summary\": \"Lunch\", \"description\": \"d\", \"location\": \"l\","
		  " \"status\": \"tentative\", \"iCalUID\": \"u@google.com\","
		  " \"updated\": \"2026-01-01T10:00:00.500Z\","
		  " \"start\": {\"dateTime\": \"2026-01-15T10:00:00+01:00\"},"
		  " \"end\": {\"dateTime\": \"2026-01-15T11:30:00+01:00\"}}");
	OK(store_event_put(store, &e, &err));
	add_outbox(e.rowid, PENDING_CREATE);
	add_event(calendar, "gone1", "{\"status\": \"cancelled\", \"recurringEventId\": \"x\"}");
	e = (struct event){.calendar_id = calendar,
			   .id = (char *)"hidden1",
			   .resource = local,
			   .hidden = true};
	OK(store_event_put(store, &e, &err));

	OK(db_prepare(store->db,
		      "SELECT title, description, location, startTime, endTime, allDay, status,"
		      " syncStatus, lastSyncError, googleEventId, recurringEventId, isSeries,"
		      " iCalUID, pendingOp, calendarId, calendar, account, userId, updatedAt"
		      " FROM \"CalendarEvent\" WHERE id = 'google1'",
		      &st, &err));
	assert_int_equal(stmt_step(st, &err), 1);
	assert_string_equal(col_text(st, 0), "Lunch");
	assert_string_equal(col_text(st, 1), "d");
	assert_string_equal(col_text(st, 2), "l");
	assert_string_equal(col_text(st, 3), "2026-01-15T09:00:00Z");
	assert_string_equal(col_text(st, 4), "2026-01-15T10:30:00Z");
	assert_int_equal(col_int(st, 5), 0);
	assert_string_equal(col_text(st, 6), "tentative");
	assert_string_equal(col_text(st, 7), "synced");
	assert_true(col_is_null(st, 8));
	assert_string_equal(col_text(st, 9), "google1");
	assert_true(col_is_null(st, 10));
	assert_int_equal(col_int(st, 11), 0);
	assert_string_equal(col_text(st, 12), "u@google.com");
	assert_true(col_is_null(st, 13));
	assert_string_equal(col_text(st, 14), "team@group");
	assert_string_equal(col_text(st, 15), "team@group");
	assert_string_equal(col_text(st, 16), "work");
	assert_int_equal(col_int(st, 17), 1);
	assert_string_equal(col_text(st, 18), "2026-01-01T10:00:00Z");

	assert_sql("SELECT startTime || ' ' || endTime || ' ' || allDay FROM \"CalendarEvent\""
		   " WHERE id = 'local1'",
		   "2026-01-15 2026-01-17 1");
	assert_sql("SELECT googleEventId FROM CalendarEvent WHERE id = 'local1'", "(null)");
	assert_sql("SELECT syncStatus || ': ' || lastSyncError || ', ' || pendingOp || ' ' ||"
		   " status || ' ' || updatedAt FROM CalendarEvent WHERE id = 'local1'",
		   "error: Google said no, create confirmed 2026-01-15T10:00:00Z");
	assert_sql("SELECT group_concat(id) FROM (SELECT id FROM CalendarEvent ORDER BY id)",
		   "google1,local1");
}

static void test_store_view__user_has_the_columns_of_the_contract(void **state)
{
	struct account a = {.name = (char *)"work",
			    .email = (char *)"ann@example.com",
			    .state = ACCOUNT_REAUTH_REQUIRED,
			    .last_error = (char *)"expired"};

	(void)state;
	OK(store_account_add(store, &a, &err));
	assert_sql("SELECT id || ' ' || email || ' ' || name || ' ' || state || ' ' ||"
		   " lastSyncError FROM \"User\"",
		   "1 ann@example.com work reauth_required expired");
	assert_sql("SELECT lastSyncAt FROM \"User\"", "(null)");
	assert_sql("SELECT calendarWebhookChannelId FROM \"User\"", "(null)");
	assert_sql("SELECT calendarWebhookResourceId FROM \"User\"", "(null)");
	assert_sql("SELECT calendarWebhookExpiration FROM \"User\"", "(null)");
	a.last_sync_ms = 1768471200999;
	OK(store_account_update(store, &a, &err));
	assert_sql("SELECT lastSyncAt FROM \"User\"", "2026-01-15T10:00:00Z");
}

/* Derived columns follow every kind of write. */
static void test_store_view__times_follow_the_resource_and_the_zone(void **state)
{
	int64_t account = add_account("work");
	int64_t calendar = add_calendar_in(account, "c", "Europe/Berlin");
	AUTO(json_object_put)
	struct json_object *timed =
		json_of("{\"start\": {\"dateTime\": \"2026-07-01T12:00:00\","
			" \"timeZone\": \"Asia/Tokyo\"}, \"recurrence\": [\"RRULE:FREQ=DAILY\"]}");
	AUTO(json_object_put)
	struct json_object *floating =
		json_of("{\"start\": {\"dateTime\": \"2026-07-01T12:00:00\"}}");
	AUTO(json_object_put) struct json_object *none = json_of("{}");
	struct event e = {.calendar_id = calendar, .id = (char *)"one", .resource = timed};
	struct calendar c = {.account_id = account,
			     .google_id = (char *)"c",
			     .time_zone = (char *)"America/New_York"};
	bool changed;

	(void)state;
	OK(store_event_put(store, &e, &err));
	assert_sql("SELECT startTime || ' ' || endTime || ' ' || isSeries FROM CalendarEvent",
		   "2026-07-01T03:00:00Z 2026-07-01T03:00:00Z 1");
	e.resource = floating;
	OK(store_event_put(store, &e, &err));
	assert_sql("SELECT startTime || ' ' || isSeries FROM CalendarEvent",
		   "2026-07-01T10:00:00Z 0");
	OK(store_calendar_upsert(store, &c, &changed, &err));
	assert_sql("SELECT startTime FROM CalendarEvent", "2026-07-01T16:00:00Z");
	e.resource = none;
	OK(store_event_put(store, &e, &err));
	assert_sql("SELECT startTime FROM CalendarEvent", "(null)");
	assert_sql("SELECT title FROM CalendarEvent", "(null)");
}

static const struct CMUnitTest tests[] = {
#define T(name) cmocka_unit_test_setup_teardown(name, fixture_store, fixture_end)
	T(test_store_view__calendar_event_shows_what_is_listed),
	T(test_store_view__user_has_the_columns_of_the_contract),
	T(test_store_view__times_follow_the_resource_and_the_zone),
};

int main(void)
{
	return cmocka_run_group_tests_name("store_view", tests, NULL, NULL);
}
