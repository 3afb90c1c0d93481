/* The engine when both sides changed: merges, the newer edit, edit against delete. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"

static void test_sync__fields_changed_on_both_sides_merge(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	AUTO(json_object_put) struct json_object *events = NULL;

	sync_ok(w);
	edit(w, row_of(w, id), "summary", "local");
	google_patch(w, id, "{\"location\":\"remote\"}");
	sync_ok(w);
	assert_int_equal(w->last.conflicts, 0);
	assert_equal_sides(w, 1);
	events = google_events(w);
	assert_string_equal(json_str(json_get(events, id), "summary"), "local");
	assert_string_equal(json_str(json_get(events, id), "location"), "remote");
}

static void test_sync__the_newer_edit_of_one_field_wins(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	AUTO(json_object_put) struct json_object *events = NULL;

	sync_ok(w);
	edit(w, row_of(w, id), "summary", "older, here");
	pass_time(w, 60 * 1000);
	google_patch(w, id, "{\"summary\":\"newer, there\"}");
	sync_ok(w);
	assert_int_equal(w->last.conflicts, 1);
	assert_equal_sides(w, 1);
	events = google_events(w);
	assert_string_equal(json_str(json_get(events, id), "summary"), "newer, there");
}

static void test_sync__newer_is_judged_by_googles_clock(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	AUTO(json_object_put) struct json_object *events = NULL;

	sync_ok(w);
	/* Our clock stands an hour behind Google's: the edit made here later has the smaller time. */
	control(w, "POST", "/sandbox/clock", "{\"advance_ms\":3600000}");
	google_patch(w, id, "{\"summary\":\"older, there\"}");
	pass_time(w, 60 * 1000);
	edit(w, row_of(w, id), "summary", "newer, here");
	/* A token that Google's clock has not let expire. */
	connect_again(w);
	sync_ok(w);
	assert_int_equal(w->last.conflicts, 1);
	assert_equal_sides(w, 1);
	events = google_events(w);
	assert_string_equal(json_str(json_get(events, id), "summary"), "newer, here");
}

static void test_sync__an_edit_beats_a_delete(void **state)
{
	struct world *w = *state;
	AUTO(free) char *a = google_add(w, "a");
	AUTO(free) char *b = google_add(w, "b");

	sync_ok(w);
	edit(w, row_of(w, a), "summary", "edited here");
	google_delete(w, a);
	delete_row(w, row_of(w, b));
	google_patch(w, b, "{\"summary\":\"edited there\"}");
	sync_ok(w);
	assert_equal_sides(w, 2);
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
}

static void test_sync__both_deleted_is_agreed(void **state)
{
	struct world *w = *state;
	AUTO(free) char *a = google_add(w, "a");

	sync_ok(w);
	delete_row(w, row_of(w, a));
	google_delete(w, a);
	sync_ok(w);
	assert_equal_sides(w, 0);
	assert_int_equal(w->last.conflicts, 0);
}

static void test_sync__unknown_fields_survive_an_edit(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	AUTO(json_object_put) struct json_object *events = NULL;
	AUTO(json_object_put) struct json_object *violations = NULL;

	google_patch(w, id,
		     "{\"extendedProperties\":{\"private\":{\"k\":\"v\"}},\"colorId\":\"3\","
		     "\"guestsCanModify\":true}");
	sync_ok(w);
	edit(w, row_of(w, id), "summary", "b");
	sync_ok(w);
	events = google_events(w);
	assert_string_equal(json_path_str(json_get(events, id), "extendedProperties/private/k"),
			    "v");
	assert_true(json_flag(json_get(events, id), "guestsCanModify", false));
	assert_equal_sides(w, 1);
	violations = ask(w, "GET", "/sandbox/violations", NULL, NULL, NULL);
	for (size_t i = 0; i < json_object_array_length(violations); i++) {
		struct json_object *v = json_object_array_get_idx(violations, i);

		/* gzip is libcurl's business, which has no part in this */
		if (!strstr(json_str(v, "what"), "gzip"))
			fail_msg("violation: %s", json_text(v));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sync__fields_changed_on_both_sides_merge),
		TEST(test_sync__the_newer_edit_of_one_field_wins),
		TEST(test_sync__newer_is_judged_by_googles_clock),
		TEST(test_sync__an_edit_beats_a_delete),
		TEST(test_sync__both_deleted_is_agreed),
		TEST(test_sync__unknown_fields_survive_an_edit),
	};

	return cmocka_run_group_tests_name("sync_conflict", tests, NULL, NULL);
}
