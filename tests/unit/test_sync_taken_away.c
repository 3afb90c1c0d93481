/* Calendars that are taken away, and what waits in them or for them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"

#define WORK "work@group.calendar.google.com"

/* Google finds neither the event nor its calendar for a while: nobody deleted it. */
static void assert_move_waits(struct world *w, int status, const char *reason)
{
	AUTO(free)
	char *refused = xasprintf("{\"match\":\"/calendars/user1\",\"times\":0,\"action\":"
				  "\"status\",\"status\":%d,\"reason\":\"%s\"}",
				  status, reason);
	AUTO(free)
	char *not_moved = xasprintf("{\"match\":\"/move\",\"times\":0,\"action\":\"status\","
				    "\"status\":404,\"reason\":\"notFound\"}");
	AUTO(free) char *id = google_add(w, "a");
	AUTO(event_release) struct event moved = {0};
	AUTO(event_release) struct event waits = {0};
	AUTO(outbox_release) struct outbox op = {0};
	struct local_options o = {0};
	int64_t work = add_calendar(w, WORK, "owner");
	bool found;

	w->clock.now_ms += 1000;
	OK(local_move(w->store, &w->clock.clock, row_of(w, id), work, &o, &moved, &err));
	fault(w, not_moved);
	fault(w, refused);
	OK(run_sync(w, NULL));
	assert_false(w->last.success);
	OK(store_event_get_row(w->store, moved.rowid, &waits, &err));
	OK(store_outbox_get(w->store, moved.rowid, &op, &found, &err));
	assert_true(found);
	assert_int_equal(op.move_from, w->calendar.id);
	assert_int_equal(op.state, OUTBOX_QUEUED);
	assert_string_equal(waits.id, id);
	assert_true(strstr(waits.last_error, "may not be read") != NULL);
	control(w, "DELETE", "/sandbox/faults", NULL);
	w->clock.now_ms += 300 * 1000;
	sync_ok(w);
	sync_ok(w);
	assert_int_equal(google_count(w), 0); /* of the first calendar */
	assert_int_equal(stored_rows(w), 1);
}

static void test_taken_away__a_move_waits_for_a_calendar_that_is_refused(void **state)
{
	assert_move_waits(*state, 403, "forbidden");
}

static void test_taken_away__a_move_waits_for_a_calendar_that_is_not_found(void **state)
{
	assert_move_waits(*state, 404, "notFound");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_taken_away__a_move_waits_for_a_calendar_that_is_refused),
		TEST(test_taken_away__a_move_waits_for_a_calendar_that_is_not_found),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
