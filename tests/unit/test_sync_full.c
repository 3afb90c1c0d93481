/* The engine's listings: full pulls and sweeps, the absence guard, series, windows. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"

static void test_sync__a_dead_token_leads_to_a_full_pull_with_a_sweep(void **state)
{
	struct world *w = *state;
	AUTO(free) char *a = google_add(w, "a");
	AUTO(free) char *b = google_add(w, "b");
	int64_t kept;

	sync_ok(w);
	kept = add_with(w, "only here", NULL, true);
	google_delete(w, a);
	control(w, "POST", "/sandbox/expire", "{\"sync_tokens\":true}");
	sync_ok(w);
	assert_true(w->last.calendars[0].full);
	assert_int_equal(w->last.pulled.deleted, 1);
	assert_int_equal(row_of(w, a), 0);
	assert_true(row_of(w, b) > 0);
	delete_row(w, kept);
	assert_equal_sides(w, 1);
}

static void test_sync__a_large_absence_deletes_nothing(void **state)
{
	struct world *w = *state;
	char *ids[30];
	struct sync_options allow = {.allow_deletes = 15};

	for (size_t i = 0; i < 30; i++)
		ids[i] = google_add(w, "x");
	sync_ok(w);
	for (size_t i = 0; i < 15; i++)
		google_delete(w, ids[i]);
	control(w, "POST", "/sandbox/expire", "{\"sync_tokens\":true}");
	assert_int_equal(run_sync(w, NULL), 0);
	assert_false(w->last.success);
	assert_int_equal(w->last.err.code, ERR_MASS_DELETE);
	assert_non_null(strstr(w->last.err.msg, "15"));
	assert_true(row_of(w, ids[0]) > 0);
	allow.allow_deletes = 14;
	run_sync(w, &allow);
	assert_int_equal(w->last.err.code, ERR_MASS_DELETE);
	allow.allow_deletes = 15;
	run_sync(w, &allow);
	assert_true(w->last.success);
	assert_equal_sides(w, 15);
	for (size_t i = 0; i < 30; i++)
		free(ids[i]);
}

static void test_sync__an_empty_listing_deletes_nothing(void **state)
{
	struct world *w = *state;
	AUTO(free) char *a = google_add(w, "a");
	struct sync_options full = {.full = true};

	sync_ok(w);
	google_delete(w, a);
	run_sync(w, &full);
	assert_int_equal(w->last.err.code, ERR_MASS_DELETE);
	assert_true(row_of(w, a) > 0);
}

static void test_sync__a_pull_that_breaks_off_goes_on_next_time(void **state)
{
	struct world *w = *state;
	char *ids[6];
	AUTO(calendar_release) struct calendar c = {0};

	control(w, "POST", "/sandbox/config", "{\"max_page\":2,\"empty_pages\":true}");
	for (size_t i = 0; i < 6; i++)
		ids[i] = google_add(w, "x");
	fault(w, "{\"method\":\"GET\",\"match\":\"pageToken\",\"after\":1,\"times\":0,"
		 "\"action\":\"drop_before\"}");
	run_sync(w, NULL);
	assert_false(w->last.success);
	assert_int_equal(w->last.err.code, ERR_NETWORK);
	OK(store_calendar_get(w->store, w->calendar.id, &c, &err));
	assert_null(c.sync_token);
	control(w, "DELETE", "/sandbox/faults", NULL);
	sync_ok(w);
	assert_equal_sides(w, 6);
	for (size_t i = 0; i < 6; i++)
		free(ids[i]);
}

static void test_sync__a_series_comes_and_goes_with_its_exceptions(void **state)
{
	struct world *w = *state;
	AUTO(json_object_put)
	struct json_object *master =
		at_google(w, "POST", "",
			  "{\"summary\":\"weekly\",\"recurrence\":[\"RRULE:FREQ=WEEKLY;COUNT=5\"],"
			  "\"start\":{\"dateTime\":\"2026-02-02T10:00:00Z\",\"timeZone\":\"UTC\"},"
			  "\"end\":{\"dateTime\":\"2026-02-02T11:00:00Z\",\"timeZone\":\"UTC\"}}");
	AUTO(free) char *second = xasprintf("%s_20260209T100000Z", json_str(master, "id"));
	AUTO(free) char *third = xasprintf("%s_20260216T100000Z", json_str(master, "id"));

	google_patch(w, second, "{\"summary\":\"moved\"}");
	google_delete(w, third);
	sync_ok(w);
	assert_int_equal(stored_rows(w), 3); /* the cancelled one, too: it must not come back */
	assert_equal_sides(w, 2);
	edit(w, row_of(w, second), "location", "here");
	edit(w, row_of(w, json_str(master, "id")), "summary", "weekly!");
	sync_ok(w);
	assert_equal_sides(w, 2);
	control(w, "POST", "/sandbox/expire", "{\"sync_tokens\":true}");
	sync_ok(w);
	assert_int_equal(w->last.pulled.created + w->last.pulled.updated + w->last.pulled.deleted,
			 0);
	assert_int_equal(stored_rows(w), 3);
	google_delete(w, json_str(master, "id"));
	sync_ok(w);
	assert_int_equal(stored_rows(w), 0);
}

static void test_sync__a_deleted_occurrence_is_cancelled_at_google(void **state)
{
	struct world *w = *state;
	AUTO(json_object_put)
	struct json_object *master =
		at_google(w, "POST", "",
			  "{\"summary\":\"daily\",\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=3\"],"
			  "\"start\":{\"date\":\"2026-02-02\"},\"end\":{\"date\":\"2026-02-03\"}}");
	AUTO(free) char *second = xasprintf("%s_20260203", json_str(master, "id"));

	google_patch(w, second, "{\"summary\":\"special\"}");
	sync_ok(w);
	assert_equal_sides(w, 2);
	delete_row(w, row_of(w, second));
	sync_ok(w);
	assert_equal_sides(w, 1);
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
	assert_int_equal(w->last.pulled.deleted, 0);
}

static void test_sync__a_full_pull_in_pages_touches_nothing_that_is_the_same(void **state)
{
	struct world *w = *state;
	char *ids[7];

	for (size_t i = 0; i < 7; i++)
		ids[i] = google_add(w, "x");
	sync_ok(w);
	control(w, "POST", "/sandbox/config", "{\"max_page\":2}");
	control(w, "POST", "/sandbox/expire", "{\"sync_tokens\":true}");
	google_delete(w, ids[6]);
	sync_ok(w);
	assert_int_equal(w->last.pulled.created, 0);
	assert_int_equal(w->last.pulled.updated, 0);
	assert_int_equal(w->last.pulled.deleted, 1);
	assert_equal_sides(w, 6);
	for (size_t i = 0; i < 7; i++)
		free(ids[i]);
}

static void test_sync__a_full_pull_leaves_hidden_what_waits_to_be_deleted(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	struct local_options held = {.no_sync = true};
	AUTO(event_release) struct event e = {0};
	bool gone;

	sync_ok(w);
	OK(local_delete(w->store, &w->clock.clock, row_of(w, id), &held, &gone, &err));
	control(w, "POST", "/sandbox/expire", "{\"sync_tokens\":true}");
	sync_ok(w);
	assert_true(w->last.calendars[0].full);
	assert_int_equal(google_count(w), 1);
	OK(store_event_get_row(w->store, row_of(w, id), &e, &err));
	assert_true(e.hidden);
	assert_int_equal(e.pending, PENDING_DELETE);
}

static void test_sync__a_lost_role_is_noticed_with_the_next_pull(void **state)
{
	struct world *w = *state;
	AUTO(json_object_put) struct json_object *r = timed("a");
	AUTO(calendar_release) struct calendar c = {0};
	struct local_options o = {0};
	struct event e;

	control(w, "POST", "/sandbox/calendars",
		"{\"account\":\"user1@example.com\",\"id\":\"user1@example.com\","
		"\"accessRole\":\"reader\",\"timeZone\":\"Asia/Tokyo\"}");
	sync_ok(w);
	OK(store_calendar_get(w->store, w->calendar.id, &c, &err));
	assert_string_equal(c.access_role, "reader");
	assert_string_equal(c.time_zone, "Asia/Tokyo");
	assert_int_equal(local_add(w->store, &w->clock.clock, w->calendar.id, r, &o, &e, &err), -1);
	assert_int_equal(err.code, ERR_READ_ONLY);
}

static void test_sync__a_window_leaves_the_rest_and_the_token_alone(void **state)
{
	struct world *w = *state;
	AUTO(free) char *a = google_add(w, "in");
	AUTO(calendar_release) struct calendar before = {0};
	AUTO(calendar_release) struct calendar after = {0};
	AUTO(json_object_put) struct json_object *far = NULL;
	struct sync_options window = {.has_window = true,
				      .start_utc = 1769817600, /* 2026-01-31 */
				      .end_utc = 1770076800};  /* 2026-02-03 */

	sync_ok(w);
	OK(store_calendar_get(w->store, w->calendar.id, &before, &err));
	google_delete(w, a);
	far = at_google(w, "POST", "",
			"{\"summary\":\"out\",\"start\":{\"date\":\"2026-06-01\"},"
			"\"end\":{\"date\":\"2026-06-02\"}}");
	OK(run_sync(w, &window));
	assert_true(w->last.success);
	assert_int_equal(w->last.pulled.deleted, 1);
	assert_int_equal(row_of(w, json_str(far, "id")), 0);
	OK(store_calendar_get(w->store, w->calendar.id, &after, &err));
	assert_string_equal(before.sync_token, after.sync_token);
	sync_ok(w);
	assert_equal_sides(w, 1);
}

static void test_sync__a_window_finds_that_a_series_from_before_is_gone(void **state)
{
	struct world *w = *state;
	static const char body[] =
		"{\"id\":\"%s\",\"summary\":\"s\",\"recurrence\":[\"RRULE:FREQ=WEEKLY;%s\"],"
		"\"start\":{\"dateTime\":\"2026-03-02T10:00:00\",\"timeZone\":\"UTC\"},"
		"\"end\":{\"dateTime\":\"2026-03-02T11:00:00\",\"timeZone\":\"UTC\"}}";
	AUTO(free) char *reaching = xasprintf(body, "reaching", "COUNT=8");
	AUTO(free) char *over = xasprintf(body, "overbefore", "UNTIL=20260310T000000Z");
	struct sync_options window = {.has_window = true,
				      .start_utc = 1773532800, /* 2026-03-15 */
				      .end_utc = 1774137600};  /* 2026-03-22 */

	json_object_put(at_google(w, "POST", "", reaching));
	json_object_put(at_google(w, "POST", "", over));
	sync_ok(w);
	google_delete(w, "reaching");
	google_delete(w, "overbefore");
	OK(run_sync(w, &window));
	assert_true(w->last.success);
	assert_int_equal(w->last.pulled.deleted, 1);
	assert_int_equal(row_of(w, "reaching"), 0);
	assert_true(row_of(w, "overbefore") > 0); /* not of the window */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sync__a_dead_token_leads_to_a_full_pull_with_a_sweep),
		TEST(test_sync__a_large_absence_deletes_nothing),
		TEST(test_sync__an_empty_listing_deletes_nothing),
		TEST(test_sync__a_pull_that_breaks_off_goes_on_next_time),
		TEST(test_sync__a_series_comes_and_goes_with_its_exceptions),
		TEST(test_sync__a_deleted_occurrence_is_cancelled_at_google),
		TEST(test_sync__a_full_pull_in_pages_touches_nothing_that_is_the_same),
		TEST(test_sync__a_full_pull_leaves_hidden_what_waits_to_be_deleted),
		TEST(test_sync__a_lost_role_is_noticed_with_the_next_pull),
		TEST(test_sync__a_window_leaves_the_rest_and_the_token_alone),
		TEST(test_sync__a_window_finds_that_a_series_from_before_is_gone),
	};

	return cmocka_run_group_tests_name("sync_full", tests, NULL, NULL);
}
