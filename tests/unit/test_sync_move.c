/* Moving events between calendars: at once here, with the next push at Google, whatever fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"
#include "move_world.h"

static void test_move__goes_to_google_with_its_id(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	int64_t work = add_calendar(w, WORK, "owner");
	int64_t row = row_of(w, id);

	OK(move_to(w, row, work));
	assert_int_equal(calendar_of(w, row), work);
	assert_int_equal(row_of(w, id), 0);
	forget_log(w);
	sync_ok(w);
	assert_int_equal(requests(w, "POST", "/move"), 1);
	assert_int_equal(requests(w, "PATCH", "/events"), 0);
	assert_int_equal(w->last.pushed.updated, 1);
	assert_in_work(w, id, "summary", "a");
	assert_same(w, 1);
	assert_at_rest(w);
	assert_same(w, 1);
}

static void test_move__with_an_edit_of_either_side(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	int64_t work = add_calendar(w, WORK, "owner");
	int64_t row = row_of(w, id);

	edit(w, row, "summary", "ours");
	OK(move_to(w, row, work));
	edit(w, row, "description", "later");
	google_patch(w, id, "{\"location\":\"theirs\"}");
	sync_ok(w);
	assert_in_work(w, id, "summary", "ours");
	assert_in_work(w, id, "description", "later");
	assert_in_work(w, id, "location", "theirs");
	assert_same(w, 1);
	assert_at_rest(w);
}

static void test_move__of_what_google_does_not_have_yet_is_an_insert(void **state)
{
	struct world *w = *state;
	int64_t work = add_calendar(w, WORK, "owner");
	int64_t row = add(w, "a");
	int64_t mine = add_with(w, "mine", NULL, true);
	AUTO(event_release) struct event e = {0};

	OK(move_to(w, row, work));
	OK(move_to(w, mine, work));
	forget_log(w);
	sync_ok(w);
	assert_int_equal(requests(w, "POST", "/move"), 0);
	assert_int_equal(requests(w, "POST", "work%40group.calendar.google.com/events"), 1);
	OK(store_event_get_row(w->store, mine, &e, &err));
	assert_int_equal(e.sync_status, SYNC_LOCAL_ONLY);
	assert_int_equal(e.calendar_id, work);
	delete_row(w, mine);
	assert_same(w, 1);
}

static void test_move__of_what_may_have_arrived(void **state)
{
	struct world *w = *state;
	int64_t work = add_calendar(w, WORK, "owner");

	for (int arrived = 0; arrived < 2; arrived++) {
		int64_t row = add(w, "a");

		fault(w, arrived ? "{\"method\":\"POST\",\"times\":0,\"action\":\"drop_after\"}"
				 : "{\"method\":\"POST\",\"times\":0,\"action\":\"drop_before\"}");
		(void)run_sync(w, NULL);
		control(w, "DELETE", "/sandbox/faults", NULL);
		OK(move_to(w, row, work));
		sync_ok(w);
		assert_same(w, arrived + 1);
		assert_at_rest(w);
		assert_same(w, arrived + 1);
	}
}

static void test_move__back_before_it_was_sent_leaves_nothing(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	int64_t work = add_calendar(w, WORK, "owner");
	int64_t third = add_calendar(w, THIRD, "owner");
	int64_t row = row_of(w, id);

	OK(move_to(w, row, work));
	OK(move_to(w, row, third));
	OK(move_to(w, row, w->calendar.id));
	assert_same(w, 1);
	OK(move_to(w, row, w->calendar.id));
	assert_same(w, 1);
	edit(w, row, "summary", "b");
	OK(move_to(w, row, work));
	OK(move_to(w, row, w->calendar.id));
	forget_log(w);
	sync_ok(w);
	assert_int_equal(requests(w, "POST", "/move"), 0);
	assert_int_equal(requests(w, "PATCH", "/events"), 1);
	assert_same(w, 1);
}

static void test_move__on_to_a_third_calendar(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	int64_t work = add_calendar(w, WORK, "owner");
	int64_t third = add_calendar(w, THIRD, "owner");
	int64_t row = row_of(w, id);
	AUTO(json_object_put) struct json_object *there = NULL;

	OK(move_to(w, row, work));
	OK(move_to(w, row, third));
	sync_ok(w);
	there = events_of(w, THIRD);
	assert_true(json_has(there, id));
	assert_same(w, 1);
	assert_at_rest(w);
}

/* The answer is lost, or nothing came through; then moved on, back, edited or deleted. */
static void test_move__lost_answers_are_harmless(void **state)
{
	enum { AGAIN, BACK, ON, DELETED, EDITED, ENDS };
	static const char *const faults[] = {"drop_before", "drop_after", "status_after"};
	struct world *w = *state;
	int64_t work = add_calendar(w, WORK, "owner");
	int64_t third = add_calendar(w, THIRD, "owner");
	size_t left = 0;

	for (size_t f = 0; f < ARRAY_SIZE(faults); f++) {
		for (int end = AGAIN; end < ENDS; end++) {
			AUTO(free) char *id = google_add(w, "a");
			AUTO(free)
			char *body =
				xasprintf("{\"method\":\"POST\",\"match\":\"/move\",\"times\":0,"
					  "\"action\":\"%s\",\"status\":503}",
					  faults[f]);
			int64_t row;

			sync_ok(w);
			row = row_of(w, id);
			OK(move_to(w, row, work));
			fault(w, body);
			(void)run_sync(w, NULL);
			control(w, "DELETE", "/sandbox/faults", NULL);
			if (end == BACK)
				OK(move_to(w, row, w->calendar.id));
			if (end == ON)
				OK(move_to(w, row, third));
			if (end == DELETED)
				assert_false(delete_row(w, row));
			if (end == EDITED)
				edit(w, row, "summary", "b");
			left += end != DELETED;
			w->clock.now_ms += 60 * 1000;
			sync_ok(w);
			assert_same(w, left);
			if (end != DELETED)
				assert_int_equal(calendar_of(w, row), end == BACK ? w->calendar.id
								      : end == ON ? third
										  : work);
			assert_at_rest(w);
			assert_same(w, left);
		}
	}
}

/* While the move cannot be sent, pulls go on. */
static void test_move__pulls_do_not_bring_it_back(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	AUTO(free) char *edited = google_add(w, "b");
	int64_t work = add_calendar(w, WORK, "owner");
	int64_t row = row_of(w, id), row2 = row_of(w, edited);
	struct sync_options full = {.full = true};
	AUTO(event_release) struct event e = {0};

	OK(move_to(w, row, work));
	OK(move_to(w, row2, work));
	edit(w, row2, "description", "ours");
	google_patch(w, id, "{\"summary\":\"changed there\"}");
	google_patch(w, edited, "{\"summary\":\"changed there, too\"}");
	fault(w, "{\"method\":\"POST\",\"match\":\"/move\",\"times\":0,\"action\":\"status\","
		 "\"status\":409,\"domain\":\"global\",\"reason\":\"conflict\"}");
	for (int i = 0; i < 2; i++) {
		(void)run_sync(w, i ? &full : NULL);
		assert_int_equal(row_of(w, id), 0);
		assert_int_equal(calendar_of(w, row), work);
		OK(store_event_get_row(w->store, row, &e, &err));
		assert_string_equal(json_str(e.resource, "summary"), "changed there");
		event_release(&e);
		OK(store_event_get_row(w->store, row2, &e, &err));
		assert_string_equal(json_str(e.resource, "summary"), "changed there, too");
		assert_string_equal(json_str(e.resource, "description"), "ours");
		event_release(&e);
	}
	control(w, "DELETE", "/sandbox/faults", NULL);
	w->clock.now_ms += 60 * 1000;
	sync_ok(w);
	assert_same(w, 2);
	assert_at_rest(w);
}

static void test_move__not_found_for_a_moment_is_tried_again(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	int64_t work = add_calendar(w, WORK, "owner");

	OK(move_to(w, row_of(w, id), work));
	fault(w, "{\"method\":\"POST\",\"match\":\"/move\",\"action\":\"status\",\"status\":404}");
	sync_ok(w);
	assert_same(w, 1);
	assert_in_work(w, id, "summary", "a");
}

static void test_move__not_found_for_a_moment_is_deleted_all_the_same(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	int64_t work = add_calendar(w, WORK, "owner");
	int64_t row = row_of(w, id);

	OK(move_to(w, row, work));
	assert_false(delete_row(w, row));
	fault(w,
	      "{\"method\":\"DELETE\",\"match\":\"/events\",\"action\":\"status\",\"status\":404}");
	sync_ok(w);
	assert_same(w, 0);
}

static void delete_all(void *arg)
{
	struct world *w = arg;
	AUTO(event_list_release) struct event_list list = {0};
	struct event_query q = EVENT_QUERY_INIT;

	OK(store_event_list(w->store, &q, &list, &err));
	for (size_t i = 0; i < list.count; i++)
		delete_row(w, list.items[i].rowid);
}

static void move_all(void *arg)
{
	struct world *w = arg;
	AUTO(calendar_list_release) struct calendar_list calendars = {0};
	AUTO(event_list_release) struct event_list list = {0};
	struct event_query q = EVENT_QUERY_INIT;

	OK(store_calendar_list(w->store, w->account.id, &calendars, &err));
	OK(store_event_list(w->store, &q, &list, &err));
	for (size_t i = 0; i < list.count; i++)
		for (size_t k = 0; k < calendars.count; k++)
			if (!strcmp(calendars.items[k].google_id, WORK))
				OK(move_to(w, list.items[i].rowid, calendars.items[k].id));
}

/* Its insert arrived, and was sent again: what is found of it is not where it is to go. */
static void test_move__of_what_turns_out_to_have_arrived(void **state)
{
	struct world *w = *state;

	add_calendar(w, WORK, "owner");
	add(w, "a");
	fault(w, "{\"method\":\"POST\",\"match\":\"/events\",\"action\":\"drop_after\"}");
	meanwhile(w, "POST", "/events", move_all);
	sync_ok(w);
	assert_null(w->hooked.after);
	sync_ok(w);
	assert_at_rest(w);
	assert_same(w, 1);
}

/* Nothing is made anew of it. */
static void test_move__deleted_there_and_here_while_it_is_under_way(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	int64_t work = add_calendar(w, WORK, "owner");

	OK(move_to(w, row_of(w, id), work));
	google_delete(w, id);
	meanwhile(w, "POST", "/move", delete_all);
	sync_ok(w);
	assert_null(w->hooked.after);
	assert_same(w, 0);
	assert_int_equal(stored_rows(w), 0);
}

static void test_move__what_google_refuses_is_refused_here(void **state)
{
	static const struct {
		const char *more;
		enum err_code code;
		const char *why;
	} rows[] = {
		{",\"organizer\":{\"email\":\"boss@example.com\"}", ERR_READ_ONLY,
		 "only the organizer (boss@example.com)"},
		{",\"eventType\":\"fromGmail\"", ERR_READ_ONLY, "of type 'fromGmail'"},
		{",\"eventType\":\"birthday\"", ERR_READ_ONLY, "of type 'birthday'"},
		{",\"eventType\":\"focusTime\"", ERR_READ_ONLY, "of type 'focusTime'"},
		{",\"recurringEventId\":\"x\",\"originalStartTime\":{\"dateTime\":"
		 "\"2026-02-01T10:00:00Z\"}",
		 ERR_INVALID, "moves as a whole"},
	};
	struct world *w = *state;
	int64_t work = add_calendar(w, WORK, "owner");
	int64_t read_only = add_calendar(w, THIRD, "reader");

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(free)
		char *body = xasprintf("[{\"id\":\"fixed%zu\",\"start\":{\"dateTime\":"
				       "\"2026-02-01T10:00:00Z\"},\"end\":{\"dateTime\":"
				       "\"2026-02-01T11:00:00Z\"}%s}]",
				       i, rows[i].more);
		AUTO(free) char *id = xasprintf("fixed%zu", i);

		control(w, "POST", "/sandbox/load", body);
		sync_ok(w);
		assert_int_equal(move_to(w, row_of(w, id), work), -1);
		assert_int_equal(err.code, rows[i].code);
		if (!strstr(err.msg, rows[i].why))
			fail_msg("%s", err.msg);
	}
	{
		AUTO(free) char *id = google_add(w, "a");

		sync_ok(w);
		assert_int_equal(move_to(w, row_of(w, id), read_only), -1);
		assert_int_equal(err.code, ERR_READ_ONLY);
	}
}

/* The calendar is gone, or takes no writes any more: that shows when it is sent. */
static void test_move__refused_by_google_can_be_taken_back(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	int64_t work = add_calendar(w, WORK, "owner");
	int64_t row = row_of(w, id);
	AUTO(event_release) struct event e = {0};

	OK(move_to(w, row, work));
	fault(w, "{\"method\":\"POST\",\"match\":\"/move\",\"times\":0,\"action\":\"status\","
		 "\"status\":403,\"domain\":\"calendar\",\"reason\":\"requiredAccessLevel\"}");
	OK(run_sync(w, NULL));
	assert_int_equal(w->last.failed_events, 1);
	OK(store_event_get_row(w->store, row, &e, &err));
	assert_int_equal(e.sync_status, SYNC_ERROR);
	OK(move_to(w, row, w->calendar.id));
	control(w, "DELETE", "/sandbox/faults", NULL);
	sync_ok(w);
	assert_same(w, 1);
	assert_at_rest(w);
	assert_int_equal(calendar_of(w, row), w->calendar.id);
}

static void test_move__a_series_takes_its_exceptions_along(void **state)
{
	struct world *w = *state;
	int64_t work = add_calendar(w, WORK, "owner");
	int64_t row;

	json_object_put(at_google(
		w, "POST", "",
		"{\"id\":\"serie\",\"start\":{\"dateTime\":\"2026-02-01T10:00:00Z\",\"timeZone\":"
		"\"UTC\"},\"end\":{\"dateTime\":\"2026-02-01T11:00:00Z\",\"timeZone\":\"UTC\"},"
		"\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=5\"]}"));
	google_patch(w, "serie_20260202T100000Z", "{\"summary\":\"second\"}");
	google_patch(w, "serie_20260203T100000Z", "{\"summary\":\"third\"}");
	google_delete(w, "serie_20260204T100000Z");
	sync_ok(w);
	row = row_of(w, "serie");
	edit(w, row_of(w, "serie_20260203T100000Z"), "summary", "edited here");
	OK(move_to(w, row, work));
	assert_int_equal(row_of(w, "serie_20260202T100000Z"), 0);
	google_patch(w, "serie_20260202T100000Z", "{\"location\":\"meanwhile\"}");
	/* a pull before the move */
	fault(w, "{\"method\":\"POST\",\"match\":\"/move\",\"times\":0,\"action\":\"status\","
		 "\"status\":409,\"domain\":\"global\",\"reason\":\"conflict\"}");
	(void)run_sync(w, NULL);
	control(w, "DELETE", "/sandbox/faults", NULL);
	w->clock.now_ms += 60 * 1000;
	sync_ok(w);
	assert_in_work(w, "serie_20260202T100000Z", "location", "meanwhile");
	assert_in_work(w, "serie_20260203T100000Z", "summary", "edited here");
	assert_at_rest(w);
	assert_same(w, 3);
	assert_int_equal(stored_rows(w), 4); /* the cancelled one is kept */
	/* and back again, unsent and sent */
	OK(move_to(w, row, w->calendar.id));
	OK(move_to(w, row, work));
	assert_same(w, 3);
	OK(move_to(w, row, w->calendar.id));
	sync_ok(w);
	assert_at_rest(w);
	assert_same(w, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_move__goes_to_google_with_its_id),
		TEST(test_move__with_an_edit_of_either_side),
		TEST(test_move__of_what_google_does_not_have_yet_is_an_insert),
		TEST(test_move__of_what_may_have_arrived),
		TEST(test_move__back_before_it_was_sent_leaves_nothing),
		TEST(test_move__on_to_a_third_calendar),
		TEST(test_move__lost_answers_are_harmless),
		TEST(test_move__pulls_do_not_bring_it_back),
		TEST(test_move__not_found_for_a_moment_is_tried_again),
		TEST(test_move__not_found_for_a_moment_is_deleted_all_the_same),
		TEST(test_move__of_what_turns_out_to_have_arrived),
		TEST(test_move__deleted_there_and_here_while_it_is_under_way),
		TEST(test_move__what_google_refuses_is_refused_here),
		TEST(test_move__refused_by_google_can_be_taken_back),
		TEST(test_move__a_series_takes_its_exceptions_along),
	};

	return cmocka_run_group_tests_name("sync_move", tests, NULL, NULL);
}
