/* `sync --start --end`: what lies in the window, both ways, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"

/* 2026-02-01 to 2026-02-08: google_add() makes its events on the first day of it. */
static const struct sync_options window = {
	.has_window = true, .start_utc = 1769904000, .end_utc = 1770508800};

static void window_ok(struct world *w)
{
	OK(run_sync(w, &window));
	if (!w->last.success)
		fail_msg("window: %s", w->last.err.msg);
}

static void read_calendar(struct world *w, struct calendar *out)
{
	OK(store_calendar_get(w->store, w->calendar.id, out, &err));
}

static char *google_add_on(struct world *w, const char *summary, const char *day)
{
	AUTO(free)
	char *body = xasprintf("{\"summary\":\"%s\",\"start\":{\"dateTime\":\"%sT10:00:00Z\"},"
			       "\"end\":{\"dateTime\":\"%sT11:00:00Z\"}}",
			       summary, day, day);
	AUTO(json_object_put) struct json_object *e = at_google(w, "POST", "", body);

	return xstrdup(json_str(e, "id"));
}

static char *google_add_series(struct world *w)
{
	AUTO(json_object_put)
	struct json_object *e =
		at_google(w, "POST", "",
			  "{\"summary\":\"weekly\",\"recurrence\":[\"RRULE:FREQ=WEEKLY;COUNT=20\"],"
			  "\"start\":{\"dateTime\":\"2026-01-06T10:00:00Z\",\"timeZone\":\"UTC\"},"
			  "\"end\":{\"dateTime\":\"2026-01-06T11:00:00Z\",\"timeZone\":\"UTC\"}}");

	return xstrdup(json_str(e, "id"));
}

static const char *text_of(struct world *w, const char *id, const char *path, struct event *out)
{
	bool found;

	OK(store_event_get(w->store, w->calendar.id, id, out, &found, &err));
	assert_true(found);
	return json_path_str(out->resource, path);
}

static void test_window__creates_updates_and_deletes_inside_alone(void **state)
{
	struct world *w = *state;
	AUTO(free) char *changed = google_add(w, "changed");
	AUTO(free) char *gone = google_add(w, "gone");
	AUTO(free) char *outside = google_add_on(w, "outside", "2026-06-01");
	AUTO(free) char *outside_gone = google_add_on(w, "outside gone", "2026-06-02");
	AUTO(free) char *made = NULL;
	AUTO(free) char *outside_made = NULL;
	AUTO(event_release) struct event in = {0};
	AUTO(event_release) struct event out = {0};

	sync_ok(w);
	google_patch(w, changed, "{\"summary\":\"changed!\"}");
	google_patch(w, outside, "{\"summary\":\"outside!\"}");
	google_delete(w, gone);
	google_delete(w, outside_gone);
	made = google_add(w, "made");
	outside_made = google_add_on(w, "outside made", "2026-06-03");
	window_ok(w);
	assert_int_equal(w->last.pulled.created, 1);
	assert_int_equal(w->last.pulled.updated, 1);
	assert_int_equal(w->last.pulled.deleted, 1);
	assert_string_equal(text_of(w, changed, "summary", &in), "changed!");
	assert_string_equal(text_of(w, outside, "summary", &out), "outside");
	assert_int_equal(row_of(w, gone), 0);
	assert_true(row_of(w, outside_gone) > 0);
	assert_int_equal(row_of(w, outside_made), 0);
	sync_ok(w);
	assert_equal_sides(w, 4);
}

static void test_window__leaves_token_and_progress_alone(void **state)
{
	struct world *w = *state;
	AUTO(calendar_release) struct calendar before = {0};
	AUTO(calendar_release) struct calendar after = {0};
	char *ids[6];

	for (size_t i = 0; i < 6; i++)
		ids[i] = google_add(w, "x");
	control(w, "POST", "/sandbox/config", "{\"max_page\":2}");
	fault(w, "{\"method\":\"GET\",\"match\":\"pageToken\",\"times\":0,"
		 "\"action\":\"drop_before\"}");
	run_sync(w, NULL);
	control(w, "DELETE", "/sandbox/faults", NULL);
	read_calendar(w, &before);
	assert_non_null(before.progress.page_token);
	window_ok(w);
	read_calendar(w, &after);
	assert_null(after.sync_token);
	assert_string_equal(after.progress.page_token, before.progress.page_token);
	assert_int_equal(after.progress.generation, before.progress.generation);
	sync_ok(w);
	assert_equal_sides(w, 6);
	calendar_release(&before);
	calendar_release(&after);
	read_calendar(w, &before);
	window_ok(w);
	read_calendar(w, &after);
	assert_string_equal(after.sync_token, before.sync_token);
	for (size_t i = 0; i < 6; i++)
		free(ids[i]);
}

/* Missing from the window is not gone: it may have moved. */
static void test_window__an_event_that_left_it_is_kept(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "moves");
	AUTO(event_release) struct event e = {0};

	sync_ok(w);
	google_patch(w, id,
		     "{\"start\":{\"dateTime\":\"2026-07-01T10:00:00Z\"},"
		     "\"end\":{\"dateTime\":\"2026-07-01T11:00:00Z\"}}");
	forget_log(w);
	window_ok(w);
	assert_int_equal(requests(w, "GET", id), 1);
	assert_int_equal(w->last.pulled.deleted, 0);
	assert_non_null(strstr(text_of(w, id, "start/dateTime", &e), "2026-07-01"));
	assert_equal_sides(w, 1);
}

/* When Google does not answer the question, nothing is deleted. */
static void test_window__without_confirmation_nothing_goes(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "gone");
	AUTO(free) char *body = NULL;

	sync_ok(w);
	google_delete(w, id);
	body = xasprintf("{\"method\":\"GET\",\"match\":\"%s\",\"times\":0,\"action\":\"status\","
			 "\"status\":503}",
			 id);
	fault(w, body);
	OK(run_sync(w, &window));
	assert_false(w->last.success);
	assert_true(row_of(w, id) > 0);
	control(w, "DELETE", "/sandbox/faults", NULL);
	window_ok(w);
	assert_int_equal(row_of(w, id), 0);
}

/* Each is confirmed, so the guard of full listings has no part in it. */
static void test_window__many_confirmed_deletions_go(void **state)
{
	struct world *w = *state;
	char *ids[15];

	for (size_t i = 0; i < 15; i++)
		ids[i] = google_add(w, "x");
	sync_ok(w);
	for (size_t i = 0; i < 15; i++)
		google_delete(w, ids[i]);
	window_ok(w);
	assert_int_equal(w->last.pulled.deleted, 15);
	assert_equal_sides(w, 0);
	for (size_t i = 0; i < 15; i++)
		free(ids[i]);
}

/* A series belongs to it by its occurrences, wherever the first of them lies. */
static void test_window__series_that_occur_in_it(void **state)
{
	struct world *w = *state;
	AUTO(free) char *series = google_add_series(w);
	AUTO(free) char *in = xasprintf("%s_20260203T100000Z", series);
	AUTO(event_release) struct event e = {0};

	window_ok(w);
	assert_true(row_of(w, series) > 0);
	sync_ok(w);
	google_patch(w, in, "{\"summary\":\"special\"}");
	window_ok(w);
	assert_string_equal(text_of(w, in, "summary", &e), "special");
	edit(w, row_of(w, series), "location", "here");
	window_ok(w);
	assert_int_equal(w->last.pushed.updated, 1);
	google_delete(w, series);
	window_ok(w);
	assert_int_equal(row_of(w, series), 0);
	assert_int_equal(row_of(w, in), 0);
	sync_ok(w);
	assert_equal_sides(w, 0);
}

static void test_window__edits_outside_wait(void **state)
{
	struct world *w = *state;
	AUTO(free) char *in = google_add(w, "in");
	AUTO(free) char *out = google_add_on(w, "out", "2026-06-01");

	sync_ok(w);
	edit(w, row_of(w, in), "location", "here");
	edit(w, row_of(w, out), "location", "here");
	window_ok(w);
	assert_int_equal(w->last.pushed.updated, 1);
	{
		AUTO(outbox_list_release) struct outbox_list l = {0};

		OK(store_outbox_list(w->store, 0, 0, -1, 0, &l, &err));
		assert_int_equal(l.count, 1);
		assert_string_equal(l.items[0].event_id, out);
		assert_int_equal(l.items[0].attempts, 0);
	}
	sync_ok(w);
	assert_equal_sides(w, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_window__creates_updates_and_deletes_inside_alone),
		TEST(test_window__leaves_token_and_progress_alone),
		TEST(test_window__an_event_that_left_it_is_kept),
		TEST(test_window__without_confirmation_nothing_goes),
		TEST(test_window__many_confirmed_deletions_go),
		TEST(test_window__series_that_occur_in_it),
		TEST(test_window__edits_outside_wait),
	};

	return cmocka_run_group_tests_name("sync_window", tests, NULL, NULL);
}
