/* Moves that meet what was done to the event meanwhile, at Google or here: deletes, edits, other moves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"
#include "move_world.h"

static void test_move__meets_a_delete(void **state)
{
	struct world *w = *state;
	AUTO(free) char *a = google_add(w, "a");
	AUTO(free) char *b = google_add(w, "b");
	int64_t work = add_calendar(w, WORK, "owner");

	/* deleted there: the move, an edit, beats it */
	OK(move_to(w, row_of(w, a), work));
	google_delete(w, a);
	/* both deleted */
	{
		int64_t row = row_of(w, b);

		OK(move_to(w, row, work));
		assert_false(delete_row(w, row));
		google_delete(w, b);
	}
	sync_ok(w);
	assert_in_work(w, a, "summary", "a");
	assert_same(w, 1);
	assert_at_rest(w);
	assert_same(w, 1);
}

static void test_move__deleted_here_while_it_waits(void **state)
{
	struct world *w = *state;
	AUTO(free) char *a = google_add(w, "a");
	AUTO(free) char *b = google_add(w, "b");
	int64_t work = add_calendar(w, WORK, "owner");
	int64_t row = row_of(w, a), row2 = row_of(w, b);

	OK(move_to(w, row, work));
	assert_false(delete_row(w, row));
	/* edited there meanwhile: an edit beats a delete */
	OK(move_to(w, row2, work));
	assert_false(delete_row(w, row2));
	google_patch(w, b, "{\"summary\":\"edited there\"}");
	forget_log(w);
	sync_ok(w);
	sync_ok(w);
	assert_same(w, 1);
	assert_int_equal(calendar_of(w, row2), work);
	assert_at_rest(w);
}

/* Edited there, then moved there to where it was moved here: the delete must not go after it. */
static void test_move__a_delete_that_follows_it_knows_the_edit(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	struct sync_options queued = {.queued = true};
	int64_t work = add_calendar(w, WORK, "owner");
	int64_t row = row_of(w, id);

	google_patch(w, id, "{\"summary\":\"edited there\"}");
	OK(move_to(w, row, work));
	google_move(w, id, WORK);
	assert_false(delete_row(w, row));
	OK(run_sync(w, &queued));
	sync_ok(w);
	assert_in_work(w, id, "summary", "edited there");
	assert_same(w, 1);
	assert_at_rest(w);
}

static void test_move__somebody_else_moved_it(void **state)
{
	struct world *w = *state;
	AUTO(free) char *same = google_add(w, "same");
	AUTO(free) char *other = google_add(w, "other");
	int64_t work = add_calendar(w, WORK, "owner");

	add_calendar(w, THIRD, "owner");
	OK(move_to(w, row_of(w, same), work));
	OK(move_to(w, row_of(w, other), work));
	google_move(w, same, WORK);
	google_move(w, other, THIRD);
	sync_ok(w);
	assert_in_work(w, same, "summary", "same");
	/* the move made here goes on from where it is */
	assert_in_work(w, other, "summary", "other");
	assert_at_rest(w);
	assert_same(w, 2);
}

/* What looks like a delete is none: the edit goes after the event, and does not make it two. */
static void test_move__at_google_takes_an_edit_along(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	int64_t row;

	add_calendar(w, WORK, "owner");
	row = row_of(w, id);
	google_move(w, id, WORK);
	edit(w, row, "summary", "b");
	sync_ok(w);
	assert_at_rest(w);
	assert_same(w, 1);
	assert_in_work(w, id, "summary", "b");
}

/* The new calendar was read first: the event is here twice, edited where it was. */
static void test_move__at_google_was_seen_before_the_edit_went_out(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	struct sync_options only = {.calendar = WORK};
	int64_t row;

	add_calendar(w, WORK, "owner");
	row = row_of(w, id);
	google_move(w, id, WORK);
	OK(run_sync(w, &only));
	edit(w, row, "summary", "b");
	sync_ok(w);
	assert_at_rest(w);
	assert_same(w, 1);
	assert_in_work(w, id, "summary", "b");
}

/* Both the row where it was and the one where it is have edits: one event has both. */
static void test_move__at_google_brings_two_edits_together(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	struct sync_options only = {.calendar = WORK};
	int64_t work = add_calendar(w, WORK, "owner");
	int64_t row = row_of(w, id);
	AUTO(event_release) struct event there = {0};
	bool found;

	google_move(w, id, WORK);
	OK(run_sync(w, &only));
	OK(store_event_get(w->store, work, id, &there, &found, &err));
	assert_true(found);
	edit(w, row, "summary", "b");
	edit(w, there.rowid, "location", "there");
	sync_ok(w);
	assert_at_rest(w);
	assert_same(w, 1);
	assert_in_work(w, id, "summary", "b");
	assert_in_work(w, id, "location", "there");
}

static void add_guest(struct world *w, int64_t row, const char *email)
{
	AUTO(free) char *text = xasprintf("[{\"email\":\"%s\"}]", email);
	AUTO(event_release) struct event e = {0};
	AUTO(event_release) struct event out = {0};
	struct local_options o = {0};
	struct json_object *guests = NULL;

	w->clock.now_ms += 1000;
	OK(store_event_get_row(w->store, row, &e, &err));
	OK(json_parse(text, strlen(text), &guests, &err));
	json_set(e.resource, "attendees", guests);
	OK(local_edit(w->store, &w->clock.clock, row, e.resource, &o, &out, &err));
}

/* Deleted there, and made again elsewhere by who had invited somebody else: nobody is taken off. */
static void test_move__made_again_elsewhere_with_guests_of_both(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	AUTO(free)
	char *again = xasprintf("{\"id\":\"%s\",\"summary\":\"a\",\"start\":{\"dateTime\":"
				"\"2026-02-01T10:00:00Z\"},\"end\":{\"dateTime\":"
				"\"2026-02-01T11:00:00Z\"},\"attendees\":[{\"email\":"
				"\"theirs@example.com\"}]}",
				id);
	AUTO(json_object_put) struct json_object *there = NULL;

	add_calendar(w, WORK, "owner");
	add_guest(w, row_of(w, id), "ours@example.com");
	google_delete(w, id);
	control(w, "POST", "/sandbox/clock", "{\"advance_ms\":60000}");
	json_object_put(on_google(w, "POST", WORK, "", again));
	sync_ok(w);
	assert_at_rest(w);
	assert_same(w, 1);
	there = events_of(w, WORK);
	assert_int_equal(json_object_array_length(json_get(json_get(there, id), "attendees")), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_move__meets_a_delete),
		TEST(test_move__deleted_here_while_it_waits),
		TEST(test_move__a_delete_that_follows_it_knows_the_edit),
		TEST(test_move__somebody_else_moved_it),
		TEST(test_move__at_google_takes_an_edit_along),
		TEST(test_move__at_google_was_seen_before_the_edit_went_out),
		TEST(test_move__at_google_brings_two_edits_together),
		TEST(test_move__made_again_elsewhere_with_guests_of_both),
	};

	return cmocka_run_group_tests_name("sync_move_met", tests, NULL, NULL);
}
