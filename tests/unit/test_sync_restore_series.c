/* Versions of series and of their occurrences that come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"
#include "restore_world.h"
#include "series_world.h"

/* The second has a title of its own, the third is moved, the fourth cancelled. */
static void add_changed(struct world *w)
{
	add_daily(w, DAILY_FOURTH);
	google_patch(w, DAILY_THIRD,
		     "{\"start\":{\"dateTime\":\"2026-02-04T15:00:00Z\"},"
		     "\"end\":{\"dateTime\":\"2026-02-04T16:00:00Z\"}}");
}

/* Ids of the cancelled occurrences that the store knows, as Google does. */
static void assert_cancelled(struct world *w, const char *const *ids, size_t count)
{
	AUTO(event_list_release) struct event_list list = {0};
	struct event_query q = EVENT_QUERY_INIT;
	size_t cancelled = 0;

	q.include_cancelled = true;
	OK(store_event_list(w->store, &q, &list, &err));
	for (size_t i = 0; i < list.count; i++)
		cancelled += event_is_cancelled(list.items[i].resource);
	assert_int_equal(cancelled, count);
	for (size_t i = 0; i < count; i++) {
		AUTO(free) char *path = xasprintf("/%s", ids[i]);
		AUTO(event_release) struct event row = {0};
		AUTO(json_object_put) struct json_object *there = at_google(w, "GET", path, NULL);

		OK(store_event_get_row(w->store, row_of(w, ids[i]), &row, &err));
		assert_true(event_is_cancelled(row.resource));
		assert_string_equal(json_str(there, "status"), "cancelled");
		assert_string_equal(json_str(there, "recurringEventId"),
				    json_str(row.resource, "recurringEventId"));
	}
}

static void test_restore__a_series_comes_back_with_its_changed_occurrences(void **state)
{
	struct world *w = *state;
	AUTO(json_object_put) struct json_object *events = NULL;
	struct local_options o = {0};

	add_changed(w);
	sync_ok(w);
	assert_int_equal(google_count(w), 3);
	/* One that goes by itself, long before, stays away. */
	google_delete(w, DAILY_THIRD);
	sync_ok(w);
	w->clock.now_ms += 600 * 1000;
	google_delete(w, DAILY);
	sync_ok(w);
	assert_int_equal(row_of(w, DAILY_SECOND), 0);
	restore_with(w, DAILY, 0, &o, 2);
	sync_ok(w);
	events = google_events(w);
	assert_int_equal(json_object_object_length(events), 2);
	assert_google(w, DAILY_SECOND, "summary", "special");
	assert_google(w, DAILY, "summary", "team");
	assert_equal_sides(w, 2);
	assert_cancelled(w, (const char *[]){DAILY_THIRD, DAILY_FOURTH}, 2);
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
	/* A full listing says the same. */
	OK(store_calendar_set_sync(w->store, w->calendar.id, NULL, 1, NULL, &err));
	sync_ok(w);
	assert_equal_sides(w, 2);
	assert_cancelled(w, (const char *[]){DAILY_THIRD, DAILY_FOURTH}, 2);
}

static void test_restore__a_series_deleted_here(void **state)
{
	/* before the delete is sent; after it; when its answer was lost */
	static const char *const when[] = {"waits", "sent", "drop_after", "drop_before"};
	struct world *w = *state;
	struct local_options o = {0};

	add_changed(w);
	sync_ok(w);
	for (size_t i = 0; i < ARRAY_SIZE(when); i++) {
		int64_t row = row_of(w, DAILY);
		AUTO(free)
		char *lost = xasprintf("{\"method\":\"DELETE\",\"action\":\"%s\"}", when[i]);
		AUTO(event_list_release) struct event_list list = {0};
		struct event_query q = EVENT_QUERY_INIT;

		edit(w, row_of(w, DAILY_THIRD), "location", when[i]);
		sync_ok(w);
		delete_row(w, row);
		OK(store_event_list(w->store, &q, &list, &err));
		assert_int_equal(list.count, 0);
		if (i == 1) {
			sync_ok(w);
			assert_int_equal(stored_rows(w), 0);
			assert_int_equal(google_count(w), 0);
		} else if (i > 1) {
			fault(w, lost);
			assert_int_equal(push(w, row), -1);
		}
		restore_with(w, DAILY, 0, &o, 3);
		sync_ok(w);
		assert_equal_sides(w, 3);
		assert_google(w, DAILY_SECOND, "summary", "special");
		assert_google(w, DAILY_THIRD, "location", when[i]);
		assert_cancelled(w, (const char *[]){DAILY_FOURTH}, 1);
		sync_ok(w);
		assert_int_equal(w->last.requests, 2);
	}
}

static void test_restore__a_series_changed_at_google_comes_back_whole(void **state)
{
	struct world *w = *state;

	add_changed(w);
	sync_ok(w);
	delete_row(w, row_of(w, DAILY));
	google_patch(w, DAILY, "{\"location\":\"there\"}");
	sync_ok(w); /* an edit beats a delete */
	assert_equal_sides(w, 3);
	assert_google(w, DAILY, "location", "there");
	assert_cancelled(w, (const char *[]){DAILY_FOURTH}, 1);
}

static void test_restore__a_series_under_a_new_id_takes_its_occurrences_along(void **state)
{
	struct world *w = *state;
	AUTO(free) char *second = NULL;
	AUTO(free) char *fourth = NULL;
	AUTO(event_release) struct event e = {0};
	struct local_options o = {0};
	int64_t row;

	add_changed(w);
	sync_ok(w);
	google_delete(w, DAILY);
	sync_ok(w);
	control(w, "POST", "/sandbox/expire", "{\"tombstones\":true}");
	row = restore_with(w, DAILY, 0, &o, 3);
	sync_ok(w);
	OK(store_event_get_row(w->store, row, &e, &err));
	assert_string_not_equal(e.id, DAILY);
	second = xasprintf("%s_20260203T100000Z", e.id);
	assert_google(w, second, "summary", "special");
	assert_google(w, second, "recurringEventId", e.id);
	assert_equal_sides(w, 3);
	fourth = xasprintf("%s_20260205T100000Z", e.id);
	assert_cancelled(w, (const char *[]){fourth}, 1);
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
}

static void test_restore__a_cancelled_occurrence_takes_place_again(void **state)
{
	struct world *w = *state;

	add_changed(w);
	sync_ok(w);
	google_delete(w, DAILY_SECOND);
	sync_ok(w);
	assert_int_equal(google_count(w), 2);
	restore(w, DAILY_SECOND, 0);
	sync_ok(w);
	assert_google(w, DAILY_SECOND, "summary", "special");
	assert_google(w, DAILY_SECOND, "status", "confirmed");
	assert_equal_sides(w, 3);
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
}

static void test_restore__a_cancelled_occurrence_that_never_was_changed(void **state)
{
	struct world *w = *state;
	static const char never[] = DAILY "_20260209T100000Z";
	AUTO(json_object_put) struct json_object *events = NULL;

	add_changed(w);
	sync_ok(w);
	restore(w, DAILY_FOURTH, 0);
	sync_ok(w);
	events = google_events(w);
	assert_string_equal(json_str(json_get(events, DAILY_FOURTH), "summary"), "team");
	assert_string_equal(json_path_str(json_get(events, DAILY_FOURTH), "start/dateTime"),
			    "2026-02-05T11:00:00+01:00");
	assert_string_equal(json_path_str(json_get(events, DAILY_FOURTH), "end/dateTime"),
			    "2026-02-05T12:00:00+01:00");
	assert_equal_sides(w, 4);
	assert_cancelled(w, NULL, 0);
	assert_int_equal(restore_fails(w, never, 0), ERR_INVALID);
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
}

static void test_restore__an_occurrence_needs_its_series(void **state)
{
	struct world *w = *state;

	add_changed(w);
	sync_ok(w);
	google_delete(w, DAILY);
	sync_ok(w);
	assert_int_equal(restore_fails(w, DAILY_SECOND, 0), ERR_NOT_FOUND);
	assert_non_null(strstr(err.msg, DAILY));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_restore__a_series_comes_back_with_its_changed_occurrences),
		TEST(test_restore__a_series_deleted_here),
		TEST(test_restore__a_series_changed_at_google_comes_back_whole),
		TEST(test_restore__a_series_under_a_new_id_takes_its_occurrences_along),
		TEST(test_restore__a_cancelled_occurrence_takes_place_again),
		TEST(test_restore__a_cancelled_occurrence_that_never_was_changed),
		TEST(test_restore__an_occurrence_needs_its_series),
	};

	return cmocka_run_group_tests_name("sync_restore_series", tests, NULL, NULL);
}
