/* Servers of Google's that are behind the others: what they show is older than what we know. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"

static void google_moves_on(struct world *w, const char *id)
{
	google_patch(w, id, "{\"summary\":\"new\"}");
	google_patch(w, id, "{\"location\":\"there\"}");
}

static void assert_shown(struct world *w, const char *id, const char *summary)
{
	AUTO(event_release) struct event e = {0};
	bool found;

	OK(store_event_get(w->store, w->calendar.id, id, &e, &found, &err));
	assert_int_equal(found, summary != NULL);
	if (found)
		assert_string_equal(json_str(e.resource, "summary"), summary);
}

/* Three changes, one a page: the third page shows the first event again as it was. */
static void test_sync__a_later_page_with_an_older_version_changes_nothing(void **state)
{
	struct world *w = *state;
	AUTO(free) char *a = google_add(w, "a");
	AUTO(free) char *b = NULL;

	sync_ok(w);
	google_moves_on(w, a);
	b = google_add(w, "b");
	control(w, "POST", "/sandbox/config", "{\"max_page\":1}");
	fault(w, "{\"match\":\"pageToken\",\"action\":\"older\"}");
	sync_ok(w);
	assert_int_equal(fg_faults_hit(w->fg), 1);
	assert_shown(w, a, "new");
	assert_equal_sides(w, 2);
}

static void test_sync__a_later_page_does_not_bring_back_what_an_earlier_one_took(void **state)
{
	struct world *w = *state;
	AUTO(free) char *a = google_add(w, "a");
	AUTO(free) char *b = NULL;

	sync_ok(w);
	google_delete(w, a);
	b = google_add(w, "b");
	control(w, "POST", "/sandbox/config", "{\"max_page\":1}");
	fault(w, "{\"match\":\"pageToken\",\"action\":\"older\"}");
	sync_ok(w);
	assert_int_equal(fg_faults_hit(w->fg), 1);
	assert_shown(w, a, NULL);
	assert_equal_sides(w, 1);
}

/* A listing from before our own change: the row stays as Google's answer left it. */
static void test_sync__a_late_listing_does_not_take_back_what_we_pushed(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "a");

	sync_ok(w);
	edit(w, row, "location", "there");
	fault(w, "{\"match\":\"syncToken\",\"method\":\"GET\",\"after\":1,\"action\":\"late\"}");
	sync_ok(w);
	assert_int_equal(fg_faults_hit(w->fg), 1);
	assert_equal_sides(w, 1);
	assert_int_equal(w->last.pulled.updated, 0);
	sync_ok(w);
	assert_equal_sides(w, 1);
}

/* Deleted at Google; the full listing lacks it, and events.get still shows it. */
static void test_sync__what_list_and_get_disagree_on_is_settled_by_the_next_full_pull(void **state)
{
	struct world *w = *state;
	struct sync_options full = {.full = true};
	int64_t row = add(w, "a");
	AUTO(event_release) struct event e = {0};
	AUTO(free) char *b = NULL;

	sync_ok(w);
	OK(store_event_get_row(w->store, row, &e, &err));
	google_delete(w, e.id);
	b = google_add(w, "b");
	fault(w, "{\"match\":\"/events/\",\"action\":\"stale\"}");
	assert_int_equal(run_sync(w, &full), 0);
	assert_int_equal(fg_faults_hit(w->fg), 1);
	assert_shown(w, e.id, "a");
	w->clock.now_ms += 1000;
	sync_ok(w);
	assert_true(w->last.calendars[0].full);
	assert_shown(w, e.id, NULL);
	assert_equal_sides(w, 1);
}

static void test_sync__a_revived_event_stays_tentative(void **state)
{
	struct world *w = *state;
	AUTO(free) char *a = google_add(w, "a");
	AUTO(json_object_put) struct json_object *there = NULL;

	sync_ok(w);
	edit(w, row_of(w, a), "status", "tentative");
	google_delete(w, a);
	sync_ok(w);
	assert_equal_sides(w, 1);
	there = google_events(w);
	assert_string_equal(json_str(json_get(there, a), "status"), "tentative");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sync__a_later_page_with_an_older_version_changes_nothing),
		TEST(test_sync__a_later_page_does_not_bring_back_what_an_earlier_one_took),
		TEST(test_sync__a_late_listing_does_not_take_back_what_we_pushed),
		TEST(test_sync__what_list_and_get_disagree_on_is_settled_by_the_next_full_pull),
		TEST(test_sync__a_revived_event_stays_tentative),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
