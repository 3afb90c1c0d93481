/* What waited of a series or of one of its occurrences is taken back: it is as Google has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync/queue.h"
#include "sync/undo.h"
#include "sync_world.h"

#include "series_world.h"

static void drop(struct world *w, const char *id)
{
	w->clock.now_ms += 1000;
	OK(store_begin(w->store, &err));
	OK(queue_drop(w->store, &w->clock.clock, row_of(w, id), 0, &err));
	OK(store_commit(w->store, &err));
}

/* The last thing that the log says of it. */
static void assert_last_change(struct world *w, const char *id, enum history_op op,
			       const char *origin)
{
	AUTO(history_list_release) struct history_list l = {0};
	struct history_query q = {.event_id = id, .newest_first = true, .limit = 1};

	OK(store_history_list(w->store, &q, &l, &err));
	assert_int_equal(l.count, 1);
	assert_int_equal(l.items[0].op, op);
	assert_string_equal(l.items[0].origin, origin);
}

/* --- the delete of a series ---------------------------------------------------------------- */

static void test_series_back__dropped_delete_shows_its_occurrences(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence sent = {0};
	AUTO(occurrence_release) struct occurrence waits = {0};

	begin_weekly(w, 2, &sent);
	nth_occurrence(w, "serie", 4, &waits);
	edit_one(w, "serie", &sent, "summary", "special");
	sync_ok(w);
	edit_one(w, "serie", &waits, "summary", "never sent");
	delete_row(w, row_of(w, "serie"));
	drop(w, "serie");
	assert_last_change(w, sent.id, HISTORY_CREATE, "local");
	assert_last_change(w, waits.id, HISTORY_CREATE, "local");
	assert_same_happens(w, "dropped");
	assert_settled(w, "dropped");
	/* and an edit of either goes out as any other */
	edit_one(w, "serie", &sent, "summary", "again");
	edit_one(w, "serie", &waits, "summary", "sent now");
	sync_ok(w);
	assert_int_equal(w->last.pushed.updated, 2);
	assert_settled(w, "edited again");
}

/* An edit beats a delete: the series comes back, and what was changed of it with it. */
static void test_series_back__edit_at_google_shows_its_occurrences(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence at = {0};

	begin_weekly(w, 2, &at);
	edit_one(w, "serie", &at, "summary", "special");
	sync_ok(w);
	delete_row(w, row_of(w, "serie"));
	control(w, "POST", "/sandbox/clock", "{\"advance_ms\":1000}");
	google_patch(w, "serie", "{\"location\":\"there\"}");
	sync_ok(w);
	assert_int_equal(w->last.conflicts, 1);
	assert_last_change(w, at.id, HISTORY_CREATE, "google");
	assert_settled(w, "edited there");
}

static void test_series_back__unreadable_version_shows_its_occurrences(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence at = {0};
	AUTO(event_release) struct event e = {0};
	struct local_options held = {.no_sync = true};
	bool gone;

	begin_weekly(w, 2, &at);
	edit_one(w, "serie", &at, "summary", "special");
	sync_ok(w);
	w->clock.now_ms += 1000;
	OK(local_delete(w->store, &w->clock.clock, row_of(w, "serie"), &held, &gone, &err));
	google_patch(w, "serie", "{\"location\":\"there\"}");
	fault(w, "{\"method\":\"GET\",\"match\":\"/events?\",\"times\":1,\"action\":\"damage\"}");
	OK(run_sync(w, NULL));
	assert_int_equal(w->last.unreadable, 1);
	OK(store_event_get_row(w->store, row_of(w, "serie"), &e, &err));
	assert_int_equal(e.sync_status, SYNC_ERROR);
	assert_false(e.hidden);
	assert_last_change(w, at.id, HISTORY_CREATE, "google");
	control(w, "POST", "/sandbox/clock", "{\"advance_ms\":1000}");
	google_patch(w, "serie", "{\"location\":\"here\"}");
	sync_ok(w);
	assert_settled(w, "readable again");
}

/* --- one occurrence ------------------------------------------------------------------------ */

static void test_series_back__dropped_edit_can_be_made_again(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence at = {0};

	begin_weekly(w, 2, &at);
	edit_one(w, "serie", &at, "summary", "special");
	drop(w, at.id);
	assert_int_equal(row_of(w, at.id), 0);
	assert_last_change(w, at.id, HISTORY_UPDATE, "local");
	assert_settled(w, "dropped");
	edit_one(w, "serie", &at, "summary", "again");
	sync_ok(w);
	assert_int_equal(w->last.pushed.updated, 1);
	assert_settled(w, "edited again");
}

static void test_series_back__dropped_delete_can_be_made_again(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence at = {0};

	begin_weekly(w, 2, &at);
	delete_one(w, "serie", &at);
	drop(w, at.id);
	assert_int_equal(row_of(w, at.id), 0);
	assert_last_change(w, at.id, HISTORY_CREATE, "local");
	assert_settled(w, "dropped");
	delete_one(w, "serie", &at);
	sync_ok(w);
	assert_int_equal(w->last.pushed.deleted, 1);
	assert_settled(w, "deleted again");
}

/* --- a series that is only here ------------------------------------------------------------ */

static void undo(struct world *w, int64_t command_id)
{
	AUTO(undo_result_release) struct undo_result r = {0};
	struct local_options o = {.no_sync = true};

	w->clock.now_ms += 1000;
	OK(store_begin(w->store, &err));
	OK(store_command_add(w->store, "undo", w->clock.now_ms, &o.command_id, &err));
	OK(undo_command(w->store, &w->clock.clock, command_id, &o, &r, &err));
	OK(store_commit(w->store, &err));
	assert_int_equal(r.count, 1);
	assert_int_equal(r.items[0].err.code, ERR_NONE);
}

static void test_series_back__local_occurrence_goes_after_an_undo(void **state)
{
	struct world *w = *state;
	AUTO(json_object_put) struct json_object *r = timed("s");
	AUTO(occurrence_release) struct occurrence at = {0};
	AUTO(event_release) struct event series = {0};
	AUTO(event_release) struct event first = {0};
	AUTO(event_release) struct event second = {0};
	AUTO(lines_release) struct lines lines = {0};
	struct local_options keep = {.no_sync = true}, rm = {.no_sync = true};
	struct json_object *rule = json_object_new_array();

	json_set_str(json_get(r, "start"), "timeZone", "UTC");
	json_set_str(json_get(r, "end"), "timeZone", "UTC");
	json_object_array_add(rule, json_object_new_string("RRULE:FREQ=DAILY;COUNT=5"));
	json_set(r, "recurrence", rule);
	OK(local_add(w->store, &w->clock.clock, w->calendar.id, r, &keep, &series, &err));
	nth_occurrence(w, series.id, 2, &at);
	OK(store_command_add(w->store, "event rm", w->clock.now_ms, &rm.command_id, &err));
	OK(local_occurrence_delete(w->store, &w->clock.clock, series.rowid, &at, &rm, &first,
				   &err));
	undo(w, rm.command_id);
	by_store(w, &lines);
	assert_int_equal(lines.count, 5);
	lines_release(&lines);
	OK(local_occurrence_delete(w->store, &w->clock.clock, series.rowid, &at, &keep, &second,
				   &err));
	assert_true(event_is_cancelled(second.resource));
	by_store(w, &lines);
	assert_int_equal(lines.count, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_series_back__dropped_delete_shows_its_occurrences),
		TEST(test_series_back__edit_at_google_shows_its_occurrences),
		TEST(test_series_back__unreadable_version_shows_its_occurrences),
		TEST(test_series_back__dropped_edit_can_be_made_again),
		TEST(test_series_back__dropped_delete_can_be_made_again),
		TEST(test_series_back__local_occurrence_goes_after_an_undo),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
