/* Occurrences that are pushed between two runs of one full pull are not swept with what is gone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"

#include "series_world.h"

#define WORK       "work@group.calendar.google.com"
#define SERIES     "aaaaa"
#define OCCURRENCE SERIES "_20260316T090000Z" /* the third one */

/* Until what was changed before is in every listing. */
#define SETTLED_MS (900 * 1000)

static void cut_off(struct world *w, const char *calendar)
{
	struct sync_options o = {.calendar = calendar, .full = true};

	control(w, "POST", "/sandbox/config", "{\"max_page\":2}");
	fault(w, "{\"method\":\"GET\",\"match\":\"pageToken\",\"after\":1,\"times\":0,"
		 "\"action\":\"drop_before\"}");
	OK(run_sync(w, &o));
	assert_false(w->last.success);
	control(w, "DELETE", "/sandbox/faults", NULL);
	w->clock.now_ms += 1000;
}

static void test_resume_series__an_occurrence_deleted_between_the_runs(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence at = {0};

	add_weekly(w, SERIES);
	for (int i = 0; i < 5; i++) {
		AUTO(free) char *id = google_add(w, "x");

		assert_non_null(id);
	}
	sync_ok(w);
	pass_time(w, SETTLED_MS);
	cut_off(w, NULL);
	nth_occurrence(w, SERIES, 2, &at);
	delete_one(w, SERIES, &at);
	sync_ok(w);
	assert_true(w->last.calendars[0].full);
	assert_true(row_of(w, OCCURRENCE) > 0);
	control(w, "POST", "/sandbox/config", "{\"max_page\":2500}");
	assert_settled(w, "resumed");
}

static void test_resume_series__a_series_moved_here_between_the_runs(void **state)
{
	struct world *w = *state;
	struct sync_options resume = {.calendar = WORK};
	AUTO(event_release) struct event out = {0};
	AUTO(event_release) struct event e = {0};
	int64_t work = add_calendar(w, WORK, "owner");
	bool found;

	add_weekly(w, SERIES);
	google_patch(w, OCCURRENCE, "{\"summary\":\"special\"}");
	for (int i = 0; i < 6; i++) {
		AUTO(json_object_put) struct json_object *r = timed("x");
		AUTO(event_release) struct event x = {0};

		OK(local_add(w->store, &w->clock.clock, work, r, &plain, &x, &err));
	}
	sync_ok(w);
	pass_time(w, SETTLED_MS);
	cut_off(w, WORK);
	OK(local_move(w->store, &w->clock.clock, row_of(w, SERIES), work, &plain, &out, &err));
	OK(run_sync(w, &resume));
	assert_true(w->last.success);
	assert_true(w->last.calendars[0].full);
	assert_int_equal(w->last.pulled.deleted, 0);
	OK(store_event_get(w->store, work, OCCURRENCE, &e, &found, &err));
	assert_true(found);
	assert_string_equal(json_str(e.resource, "summary"), "special");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_resume_series__an_occurrence_deleted_between_the_runs),
		TEST(test_resume_series__a_series_moved_here_between_the_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
