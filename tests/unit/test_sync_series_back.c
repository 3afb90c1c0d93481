/* What waited of a series or of one of its occurrences is taken back: it is as Google has it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync/queue.h"
#include "sync_world.h"

#include "series_world.h"

static const struct local_options plain;

static void add_series(struct world *w)
{
	json_object_put(at_google(w, "POST", "",
				  "{\"id\":\"serie\",\"summary\":\"team\","
				  "\"start\":{\"dateTime\":\"2026-03-02T10:00:00\","
				  "\"timeZone\":\"Europe/Berlin\"},"
				  "\"end\":{\"dateTime\":\"2026-03-02T11:00:00\","
				  "\"timeZone\":\"Europe/Berlin\"},"
				  "\"recurrence\":[\"RRULE:FREQ=WEEKLY;COUNT=8\"]}"));
	sync_ok(w);
}

static void edit_one(struct world *w, const struct occurrence *at, const char *value)
{
	AUTO(event_release) struct event row = {0};
	AUTO(event_release) struct event master = {0};
	AUTO(event_release) struct event out = {0};
	AUTO(json_object_put) struct json_object *r = NULL;
	bool found;

	w->clock.now_ms += 1000;
	OK(store_event_get(w->store, w->calendar.id, at->id, &row, &found, &err));
	OK(store_event_get_row(w->store, row_of(w, "serie"), &master, &err));
	r = found ? json_clone(row.resource)
		  : split_instance(master.resource, w->calendar.time_zone, at);
	json_set_str(r, "summary", value);
	OK(local_occurrence_edit(w->store, &w->clock.clock, master.rowid, at, r, &plain, &out,
				 &err));
}

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

	add_series(w);
	nth_occurrence(w, "serie", 2, &sent);
	nth_occurrence(w, "serie", 4, &waits);
	edit_one(w, &sent, "special");
	sync_ok(w);
	edit_one(w, &waits, "never sent");
	delete_row(w, row_of(w, "serie"));
	drop(w, "serie");
	assert_last_change(w, sent.id, HISTORY_CREATE, "local");
	assert_last_change(w, waits.id, HISTORY_CREATE, "local");
	assert_same_happens(w, "dropped");
	assert_settled(w, "dropped");
	/* and an edit of either goes out as any other */
	edit_one(w, &sent, "again");
	edit_one(w, &waits, "sent now");
	sync_ok(w);
	assert_int_equal(w->last.pushed.updated, 2);
	assert_settled(w, "edited again");
}

static void test_series_back__unreadable_version_shows_its_occurrences(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence at = {0};
	AUTO(event_release) struct event e = {0};
	struct local_options held = {.no_sync = true};
	bool gone;

	add_series(w);
	nth_occurrence(w, "serie", 2, &at);
	edit_one(w, &at, "special");
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_series_back__dropped_delete_shows_its_occurrences),
		TEST(test_series_back__unreadable_version_shows_its_occurrences),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
