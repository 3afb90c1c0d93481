/* Versions of series and of their occurrences that come back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"
#include "restore_world.h"

/* Every day at ten from February 2nd, five times; of the second the title, the third moved, the
 * fourth cancelled. */
static char *add_series(struct world *w)
{
	AUTO(json_object_put)
	struct json_object *e =
		at_google(w, "POST", "",
			  "{\"summary\":\"daily\",\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=5\"],"
			  "\"start\":{\"dateTime\":\"2026-02-02T10:00:00Z\",\"timeZone\":\"UTC\"},"
			  "\"end\":{\"dateTime\":\"2026-02-02T11:00:00Z\",\"timeZone\":\"UTC\"}}");
	char *id = xstrdup(json_str(e, "id"));
	AUTO(free) char *second = xasprintf("%s_20260203T100000Z", id);
	AUTO(free) char *third = xasprintf("%s_20260204T100000Z", id);
	AUTO(free) char *fourth = xasprintf("%s_20260205T100000Z", id);

	google_patch(w, second, "{\"summary\":\"special\"}");
	google_patch(w, third,
		     "{\"start\":{\"dateTime\":\"2026-02-04T15:00:00Z\"},"
		     "\"end\":{\"dateTime\":\"2026-02-04T16:00:00Z\"}}");
	google_delete(w, fourth);
	return id;
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
	AUTO(free) char *id = add_series(w);
	AUTO(free) char *second = xasprintf("%s_20260203T100000Z", id);
	AUTO(free) char *third = xasprintf("%s_20260204T100000Z", id);
	AUTO(free) char *fourth = xasprintf("%s_20260205T100000Z", id);
	AUTO(json_object_put) struct json_object *events = NULL;
	struct local_options o = {0};

	sync_ok(w);
	assert_int_equal(google_count(w), 3);
	/* One that goes by itself, long before, stays away. */
	google_delete(w, third);
	sync_ok(w);
	w->clock.now_ms += 600 * 1000;
	google_delete(w, id);
	sync_ok(w);
	assert_int_equal(row_of(w, second), 0);
	restore_with(w, id, 0, &o, 2);
	sync_ok(w);
	events = google_events(w);
	assert_int_equal(json_object_object_length(events), 2);
	assert_google(w, second, "summary", "special");
	assert_google(w, id, "summary", "daily");
	assert_equal_sides(w, 2);
	assert_cancelled(w, (const char *[]){third, fourth}, 2);
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
	/* A full listing says the same. */
	OK(store_calendar_set_sync(w->store, w->calendar.id, NULL, 1, NULL, &err));
	sync_ok(w);
	assert_equal_sides(w, 2);
	assert_cancelled(w, (const char *[]){third, fourth}, 2);
}

static void test_restore__a_series_deleted_here(void **state)
{
	/* before the delete is sent; after it; when its answer was lost */
	static const char *const when[] = {"waits", "sent", "drop_after", "drop_before"};
	struct world *w = *state;
	AUTO(free) char *id = add_series(w);
	AUTO(free) char *second = xasprintf("%s_20260203T100000Z", id);
	AUTO(free) char *third = xasprintf("%s_20260204T100000Z", id);
	AUTO(free) char *fourth = xasprintf("%s_20260205T100000Z", id);
	struct local_options o = {0};

	sync_ok(w);
	for (size_t i = 0; i < ARRAY_SIZE(when); i++) {
		int64_t row = row_of(w, id);
		AUTO(free)
		char *lost = xasprintf("{\"method\":\"DELETE\",\"action\":\"%s\"}", when[i]);
		AUTO(event_list_release) struct event_list list = {0};
		struct event_query q = EVENT_QUERY_INIT;

		edit(w, row_of(w, third), "location", when[i]);
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
		restore_with(w, id, 0, &o, 3);
		sync_ok(w);
		assert_equal_sides(w, 3);
		assert_google(w, second, "summary", "special");
		assert_google(w, third, "location", when[i]);
		assert_cancelled(w, (const char *[]){fourth}, 1);
		sync_ok(w);
		assert_int_equal(w->last.requests, 2);
	}
}

static void test_restore__a_series_changed_at_google_comes_back_whole(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = add_series(w);
	AUTO(free) char *fourth = xasprintf("%s_20260205T100000Z", id);

	sync_ok(w);
	delete_row(w, row_of(w, id));
	google_patch(w, id, "{\"location\":\"there\"}");
	sync_ok(w); /* an edit beats a delete */
	assert_equal_sides(w, 3);
	assert_google(w, id, "location", "there");
	assert_cancelled(w, (const char *[]){fourth}, 1);
}

static void test_restore__a_series_under_a_new_id_takes_its_occurrences_along(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = add_series(w);
	AUTO(free) char *second = NULL;
	AUTO(free) char *fourth = NULL;
	AUTO(event_release) struct event e = {0};
	struct local_options o = {0};
	int64_t row;

	sync_ok(w);
	google_delete(w, id);
	sync_ok(w);
	control(w, "POST", "/sandbox/expire", "{\"tombstones\":true}");
	row = restore_with(w, id, 0, &o, 3);
	sync_ok(w);
	OK(store_event_get_row(w->store, row, &e, &err));
	assert_string_not_equal(e.id, id);
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
	AUTO(free) char *id = add_series(w);
	AUTO(free) char *second = xasprintf("%s_20260203T100000Z", id);

	sync_ok(w);
	google_delete(w, second);
	sync_ok(w);
	assert_int_equal(google_count(w), 2);
	restore(w, second, 0);
	sync_ok(w);
	assert_google(w, second, "summary", "special");
	assert_google(w, second, "status", "confirmed");
	assert_equal_sides(w, 3);
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
}

static void test_restore__a_cancelled_occurrence_that_never_was_changed(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = add_series(w);
	AUTO(free) char *fourth = xasprintf("%s_20260205T100000Z", id);
	AUTO(free) char *never = xasprintf("%s_20260209T100000Z", id);
	AUTO(json_object_put) struct json_object *events = NULL;

	sync_ok(w);
	restore(w, fourth, 0);
	sync_ok(w);
	events = google_events(w);
	assert_string_equal(json_str(json_get(events, fourth), "summary"), "daily");
	assert_string_equal(json_path_str(json_get(events, fourth), "start/dateTime"),
			    "2026-02-05T11:00:00+01:00");
	assert_string_equal(json_path_str(json_get(events, fourth), "end/dateTime"),
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
	AUTO(free) char *id = add_series(w);
	AUTO(free) char *second = xasprintf("%s_20260203T100000Z", id);

	sync_ok(w);
	google_delete(w, id);
	sync_ok(w);
	assert_int_equal(restore_fails(w, second, 0), ERR_NOT_FOUND);
	assert_non_null(strstr(err.msg, id));
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
