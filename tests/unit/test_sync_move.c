/* Moving events between calendars: at once here, with the next push at Google, whatever fails. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"

#define HOME  "user1@example.com"
#define WORK  "work@group.calendar.google.com"
#define THIRD "third@group.calendar.google.com"

/* A second calendar of the account; its id here. */
static int64_t calendar(struct world *w, const char *id, const char *role)
{
	AUTO(free)
	char *body =
		xasprintf("{\"id\":\"%s\",\"summary\":\"%s\",\"accessRole\":\"%s\"}", id, id, role);
	AUTO(calendar_list_release) struct calendar_list list = {0};

	control(w, "POST", "/sandbox/calendars", body);
	sync_ok(w);
	OK(store_calendar_list(w->store, w->account.id, &list, &err));
	for (size_t i = 0; i < list.count; i++) {
		if (strcmp(list.items[i].google_id, id) != 0)
			continue;
		OK(store_calendar_set_selected(w->store, list.items[i].id, true, &err));
		sync_ok(w);
		return list.items[i].id;
	}
	fail_msg("no calendar %s", id);
	return 0;
}

static int move_to(struct world *w, int64_t row, int64_t calendar_id)
{
	struct local_options o = {0};
	AUTO(event_release) struct event out = {0};

	w->clock.now_ms += 1000;
	return local_move(w->store, &w->clock.clock, row, calendar_id, &o, &out, &err);
}

/* Act at Google on any calendar. */
static struct json_object *on_google(struct world *w, const char *method, const char *calendar_id,
				     const char *path, const char *body)
{
	AUTO(json_object_put)
	struct json_object *t = ask(w, "POST", "/sandbox/token", "{}", NULL, NULL);
	AUTO(free)
	char *url = xasprintf("/calendar/v3/calendars/%s/events%s", calendar_id, path);

	return ask(w, method, url, body, json_str(t, "access_token"), NULL);
}

/* Live events of a calendar at Google, as id -> resource. */
static struct json_object *events_of(struct world *w, const char *calendar_id)
{
	AUTO(json_object_put)
	struct json_object *page = on_google(w, "GET", calendar_id, "?maxResults=2500", NULL);
	struct json_object *out = json_object_new_object();
	struct json_object *items = json_get(page, "items");

	for (size_t i = 0; i < json_object_array_length(items); i++) {
		struct json_object *e = json_object_array_get_idx(items, i);

		if (!event_is_cancelled(e))
			json_set(out, json_str(e, "id"), json_clone(e));
	}
	return out;
}

/* Each calendar has the same events here and there; nothing waits; count of all events. */
static void assert_same(struct world *w, size_t count)
{
	AUTO(calendar_list_release) struct calendar_list list = {0};
	AUTO(outbox_list_release) struct outbox_list waiting = {0};
	size_t sum = 0;

	OK(store_outbox_list(w->store, 0, 0, -1, 0, &waiting, &err));
	if (waiting.count)
		fail_msg("%s waits: %s", waiting.items[0].event_id, waiting.items[0].last_error);
	OK(store_calendar_list(w->store, w->account.id, &list, &err));
	for (size_t i = 0; i < list.count; i++) {
		AUTO(json_object_put) struct json_object *remote = NULL;
		AUTO(event_list_release) struct event_list local = {0};
		struct event_query q = EVENT_QUERY_INIT;

		q.calendar_id = list.items[i].id;
		remote = events_of(w, list.items[i].google_id);
		OK(store_event_list(w->store, &q, &local, &err));
		assert_int_equal(local.count, json_object_object_length(remote));
		sum += local.count;
		for (size_t k = 0; k < local.count; k++) {
			struct event *e = &local.items[k];

			if (!event_equal(e->resource, json_get(remote, e->id)))
				fail_msg("%s differs: %s", e->id, json_text(e->resource));
			assert_int_equal(e->sync_status, SYNC_SYNCED);
			assert_true(e->at_google);
		}
	}
	assert_int_equal(sum, count);
}

/* The next sync asks once a calendar and writes nothing. */
static void assert_at_rest(struct world *w)
{
	sync_ok(w);
	forget_log(w);
	sync_ok(w);
	assert_int_equal(requests(w, "POST", "/events") + requests(w, "PATCH", "/events") +
				 requests(w, "PUT", "/events") + requests(w, "DELETE", "/events"),
			 0);
	assert_int_equal(w->last.requests, 1 + (int64_t)w->last.calendar_count);
}

static int64_t calendar_of(struct world *w, int64_t row)
{
	AUTO(event_release) struct event e = {0};

	OK(store_event_get_row(w->store, row, &e, &err));
	return e.calendar_id;
}

static void test_move__goes_to_google_with_its_id(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	int64_t work = calendar(w, WORK, "owner");
	int64_t row = row_of(w, id);
	AUTO(json_object_put) struct json_object *there = NULL;

	OK(move_to(w, row, work));
	assert_int_equal(calendar_of(w, row), work);
	assert_int_equal(row_of(w, id), 0);
	forget_log(w);
	sync_ok(w);
	assert_int_equal(requests(w, "POST", "/move"), 1);
	assert_int_equal(requests(w, "PATCH", "/events"), 0);
	assert_int_equal(w->last.pushed.updated, 1);
	there = events_of(w, WORK);
	assert_true(json_has(there, id));
	assert_same(w, 1);
	assert_at_rest(w);
	assert_same(w, 1);
}

static void test_move__with_an_edit_of_either_side(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	int64_t work = calendar(w, WORK, "owner");
	int64_t row = row_of(w, id);
	AUTO(json_object_put) struct json_object *there = NULL;

	edit(w, row, "summary", "ours");
	OK(move_to(w, row, work));
	edit(w, row, "description", "later");
	google_patch(w, id, "{\"location\":\"theirs\"}");
	sync_ok(w);
	there = events_of(w, WORK);
	assert_string_equal(json_str(json_get(there, id), "summary"), "ours");
	assert_string_equal(json_str(json_get(there, id), "description"), "later");
	assert_string_equal(json_str(json_get(there, id), "location"), "theirs");
	assert_same(w, 1);
	assert_at_rest(w);
}

static void test_move__of_what_google_does_not_have_yet_is_an_insert(void **state)
{
	struct world *w = *state;
	int64_t work = calendar(w, WORK, "owner");
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
	int64_t work = calendar(w, WORK, "owner");

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
	int64_t work = calendar(w, WORK, "owner");
	int64_t third = calendar(w, THIRD, "owner");
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
	int64_t work = calendar(w, WORK, "owner");
	int64_t third = calendar(w, THIRD, "owner");
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
	int64_t work = calendar(w, WORK, "owner");
	int64_t third = calendar(w, THIRD, "owner");
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
	int64_t work = calendar(w, WORK, "owner");
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

static void test_move__meets_a_delete(void **state)
{
	struct world *w = *state;
	AUTO(free) char *a = google_add(w, "a");
	AUTO(free) char *b = google_add(w, "b");
	int64_t work = calendar(w, WORK, "owner");
	AUTO(json_object_put) struct json_object *there = NULL;

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
	there = events_of(w, WORK);
	assert_true(json_has(there, a));
	assert_same(w, 1);
	assert_at_rest(w);
	assert_same(w, 1);
}

static void test_move__deleted_here_while_it_waits(void **state)
{
	struct world *w = *state;
	AUTO(free) char *a = google_add(w, "a");
	AUTO(free) char *b = google_add(w, "b");
	int64_t work = calendar(w, WORK, "owner");
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

static void assert_in_work(struct world *w, const char *id, const char *field, const char *want)
{
	AUTO(json_object_put) struct json_object *there = events_of(w, WORK);

	assert_string_equal(json_str(json_get(there, id), field), want);
}

/* Edited there, then moved there to where it was moved here: the delete must not go after it. */
static void test_move__a_delete_that_follows_it_knows_the_edit(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	AUTO(free) char *path = xasprintf("/%s/move?destination=" WORK, id);
	struct sync_options queued = {.queued = true};
	int64_t work = calendar(w, WORK, "owner");
	int64_t row = row_of(w, id);

	google_patch(w, id, "{\"summary\":\"edited there\"}");
	OK(move_to(w, row, work));
	json_object_put(on_google(w, "POST", HOME, path, NULL));
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
	AUTO(free) char *path = xasprintf("/%s/move?destination=" WORK, same);
	AUTO(free) char *path2 = xasprintf("/%s/move?destination=" THIRD, other);
	int64_t work = calendar(w, WORK, "owner");
	AUTO(json_object_put) struct json_object *there = NULL;

	calendar(w, THIRD, "owner");
	OK(move_to(w, row_of(w, same), work));
	OK(move_to(w, row_of(w, other), work));
	json_object_put(on_google(w, "POST", HOME, path, NULL));
	json_object_put(on_google(w, "POST", HOME, path2, NULL));
	sync_ok(w);
	there = events_of(w, WORK);
	assert_true(json_has(there, same));
	assert_true(json_has(there, other)); /* the move made here goes on from where it is */
	assert_at_rest(w);
	assert_same(w, 2);
}

/* What looks like a delete is none: the edit goes after the event, and does not make it two. */
static void test_move__at_google_takes_an_edit_along(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	AUTO(free) char *path = xasprintf("/%s/move?destination=" WORK, id);
	int64_t row;

	calendar(w, WORK, "owner");
	row = row_of(w, id);
	json_object_put(on_google(w, "POST", HOME, path, NULL));
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
	AUTO(free) char *path = xasprintf("/%s/move?destination=" WORK, id);
	struct sync_options only = {.calendar = WORK};
	int64_t row;

	calendar(w, WORK, "owner");
	row = row_of(w, id);
	json_object_put(on_google(w, "POST", HOME, path, NULL));
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
	AUTO(free) char *path = xasprintf("/%s/move?destination=" WORK, id);
	struct sync_options only = {.calendar = WORK};
	int64_t work = calendar(w, WORK, "owner");
	int64_t row = row_of(w, id);
	AUTO(event_release) struct event there = {0};
	bool found;

	json_object_put(on_google(w, "POST", HOME, path, NULL));
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

static void test_move__not_found_for_a_moment_is_tried_again(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	int64_t work = calendar(w, WORK, "owner");

	OK(move_to(w, row_of(w, id), work));
	fault(w, "{\"method\":\"POST\",\"match\":\"/move\",\"action\":\"status\",\"status\":404}");
	sync_ok(w);
	assert_same(w, 1);
	assert_in_work(w, id, "summary", "a");
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
	int64_t work = calendar(w, WORK, "owner");
	int64_t read_only = calendar(w, THIRD, "reader");

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
	int64_t work = calendar(w, WORK, "owner");
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
	int64_t work = calendar(w, WORK, "owner");
	AUTO(json_object_put) struct json_object *there = NULL;
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
	there = events_of(w, WORK);
	assert_string_equal(json_str(json_get(there, "serie_20260202T100000Z"), "location"),
			    "meanwhile");
	assert_string_equal(json_str(json_get(there, "serie_20260203T100000Z"), "summary"),
			    "edited here");
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
		TEST(test_move__meets_a_delete),
		TEST(test_move__deleted_here_while_it_waits),
		TEST(test_move__a_delete_that_follows_it_knows_the_edit),
		TEST(test_move__somebody_else_moved_it),
		TEST(test_move__at_google_takes_an_edit_along),
		TEST(test_move__at_google_was_seen_before_the_edit_went_out),
		TEST(test_move__at_google_brings_two_edits_together),
		TEST(test_move__not_found_for_a_moment_is_tried_again),
		TEST(test_move__what_google_refuses_is_refused_here),
		TEST(test_move__refused_by_google_can_be_taken_back),
		TEST(test_move__a_series_takes_its_exceptions_along),
	};

	return cmocka_run_group_tests_name("sync_move", tests, NULL, NULL);
}
