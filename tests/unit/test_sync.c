/* The engine, both directions: what goes out, what comes in, what stays. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"

static void test_sync__pulls_everything_then_asks_once_a_calendar(void **state)
{
	struct world *w = *state;
	char *ids[3];

	for (size_t i = 0; i < 3; i++)
		ids[i] = google_add(w, "x");
	sync_ok(w);
	assert_int_equal(w->last.pulled.created, 3);
	assert_equal_sides(w, 3);
	forget_log(w);
	sync_ok(w);
	assert_int_equal(w->last.pulled.created + w->last.pulled.updated + w->last.pulled.deleted,
			 0);
	assert_int_equal(w->last.requests, 2);
	assert_int_equal(requests(w, "GET", "/events"), 1);
	assert_int_equal(requests(w, "GET", "/calendarList"), 1);
	for (size_t i = 0; i < 3; i++)
		free(ids[i]);
}

static void test_sync__google_changes_arrive(void **state)
{
	struct world *w = *state;
	AUTO(free) char *a = google_add(w, "a");
	AUTO(free) char *b = google_add(w, "b");

	sync_ok(w);
	google_patch(w, a, "{\"summary\":\"a2\",\"location\":\"here\"}");
	google_delete(w, b);
	sync_ok(w);
	assert_int_equal(w->last.pulled.updated, 1);
	assert_int_equal(w->last.pulled.deleted, 1);
	assert_equal_sides(w, 1);
}

static void test_sync__local_changes_go_out(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "a");

	sync_ok(w);
	assert_int_equal(w->last.pushed.created, 1);
	assert_int_equal(w->last.pulled.created, 0);
	assert_equal_sides(w, 1);
	edit(w, row, "summary", "b");
	forget_log(w);
	sync_ok(w);
	assert_int_equal(w->last.pushed.updated, 1);
	assert_int_equal(requests(w, "PATCH", "/events/"), 1);
	assert_equal_sides(w, 1);
	assert_false(delete_row(w, row));
	sync_ok(w);
	assert_int_equal(w->last.pushed.deleted, 1);
	assert_equal_sides(w, 0);
	forget_log(w);
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
}

static void test_sync__an_edit_taken_back_sends_nothing(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	int64_t row;

	sync_ok(w);
	row = row_of(w, id);
	edit(w, row, "summary", "b");
	edit(w, row, "summary", "a");
	assert_equal_sides(w, 1);
	assert_true(delete_row(w, add(w, "never sent")));
	assert_equal_sides(w, 1);
}

static void test_sync__local_only_stays_local(void **state)
{
	struct world *w = *state;
	int64_t row = add_with(w, "mine", NULL, true);
	AUTO(event_release) struct event e = {0};

	sync_ok(w);
	sync_ok(w);
	edit(w, row, "summary", "still mine");
	sync_ok(w);
	assert_int_equal(google_count(w), 0);
	OK(store_event_get_row(w->store, row, &e, &err));
	assert_int_equal(e.sync_status, SYNC_LOCAL_ONLY);
	assert_false(e.at_google);
}

static void test_sync__an_edit_in_a_calendar_that_is_not_selected_goes_out(void **state)
{
	struct world *w = *state;
	AUTO(free) char *there = google_add(w, "not asked for");

	OK(store_calendar_set_selected(w->store, w->calendar.id, false, &err));
	sync_ok(w);
	assert_int_equal(w->last.calendar_count, 0);
	add(w, "a");
	sync_ok(w);
	assert_int_equal(w->last.pushed.created, 1);
	assert_int_equal(row_of(w, there), 0);
	assert_int_equal(google_count(w), 2);
}

static void test_sync__a_dry_run_writes_nothing(void **state)
{
	struct world *w = *state;
	AUTO(free) char *a = google_add(w, "a");
	struct sync_options dry = {.dry_run = true};

	add(w, "b");
	forget_log(w);
	OK(run_sync(w, &dry));
	assert_int_equal(w->last.pulled.created, 1);
	assert_int_equal(w->last.pushed.created, 1);
	assert_int_equal(requests(w, "POST", "/"), 0);
	assert_int_equal(row_of(w, a), 0);
	sync_ok(w);
	assert_equal_sides(w, 2);
}

static void test_sync__a_dry_run_leaves_rows_as_they_are(void **state)
{
	struct world *w = *state;
	AUTO(free) char *changed = google_add(w, "changed");
	AUTO(free) char *gone = google_add(w, "gone");
	struct sync_options dry = {.dry_run = true};
	AUTO(event_release) struct event e = {0};

	sync_ok(w);
	google_patch(w, changed, "{\"summary\":\"changed there\"}");
	google_delete(w, gone);
	OK(run_sync(w, &dry));
	assert_int_equal(w->last.pulled.updated, 1);
	assert_int_equal(w->last.pulled.deleted, 1);
	OK(store_event_get_row(w->store, row_of(w, changed), &e, &err));
	assert_string_equal(json_str(e.resource, "summary"), "changed");
	assert_true(row_of(w, gone) > 0);
	sync_ok(w);
	assert_int_equal(w->last.pulled.updated, 1);
	assert_equal_sides(w, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sync__pulls_everything_then_asks_once_a_calendar),
		TEST(test_sync__google_changes_arrive),
		TEST(test_sync__local_changes_go_out),
		TEST(test_sync__an_edit_taken_back_sends_nothing),
		TEST(test_sync__local_only_stays_local),
		TEST(test_sync__an_edit_in_a_calendar_that_is_not_selected_goes_out),
		TEST(test_sync__a_dry_run_writes_nothing),
		TEST(test_sync__a_dry_run_leaves_rows_as_they_are),
	};

	return cmocka_run_group_tests_name("sync", tests, NULL, NULL);
}
