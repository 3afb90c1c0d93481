/* A conflict that waits, and everything else that can happen to its event meanwhile. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"
#include "restore_world.h"
#include "series_world.h"
#include "sync/resolve.h"

#define WORK "work@group.calendar.google.com"

static void sync_manual(struct world *w)
{
	struct sync_options o = {.conflict = POLICY_MANUAL};
	OK(run_sync(w, &o));
}

static int64_t waiting(struct world *w)
{
	int64_t n;
	OK(store_conflict_count(w->store, 0, &n, &err));
	return n;
}

/* A title of the occurrence here, another one there, and nobody decides. */
static void leave_undecided(struct world *w, const struct occurrence *at)
{
	edit_one(w, "serie", at, "summary", "here");
	google_patch(w, at->id, "{\"summary\":\"there\"}");
	sync_manual(w);
	assert_int_equal(waiting(w), 1);
}

static void edit_quietly(void *arg)
{
	struct world *w = arg;
	AUTO(event_list_release) struct event_list list = {0};
	struct event_query q = EVENT_QUERY_INIT;

	OK(store_event_list(w->store, &q, &list, &err));
	edit(w, list.items[0].rowid, "location", "quiet");
}

static int cut_at(struct world *w, const char *series, size_t n)
{
	AUTO(occurrence_release) struct occurrence at = {0};
	AUTO(event_release) struct event m = {0};
	AUTO(event_release) struct event out = {0};
	AUTO(row_list_release) struct row_list rows = {0};
	AUTO(json_object_put) struct json_object *r = NULL;

	nth_occurrence(w, series, n, &at);
	OK(store_event_get_row(w->store, row_of(w, series), &m, &err));
	OK(split_new(m.resource, w->calendar.time_zone, &at, &r, &err));
	json_set_str(r, "location", "new");
	w->clock.now_ms += 1000;
	return local_series_split(w->store, &w->clock.clock, m.rowid, &at, r, &plain, &out, &rows,
				  &err);
}

static void test_waiting__goes_with_its_event_to_another_calendar(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "base");
	int64_t work = add_calendar(w, WORK, "owner"), row;
	AUTO(event_release) struct event out = {0};
	AUTO(conflict_list_release) struct conflict_list list = {0};
	AUTO(resolution_release) struct resolution r = {0};
	struct conflict_query q = CONFLICT_QUERY_INIT;

	sync_ok(w);
	row = row_of(w, id);
	edit(w, row, "summary", "here");
	google_patch(w, id, "{\"summary\":\"there\"}");
	sync_manual(w);
	assert_int_equal(waiting(w), 1);
	OK(local_move(w->store, &w->clock.clock, row, work, &plain, &out, &err));
	assert_int_equal(waiting(w), 1);
	q.state = CONFLICT_WAITING;
	OK(store_conflict_list(w->store, &q, &list, &err));
	assert_int_equal(list.count, 1);
	OK(conflict_resolve(w->store, &w->clock.clock, &list.items[0], TAKE_LOCAL, &plain, &r,
			    &err));
	sync_ok(w);
	sync_ok(w);
	assert_int_equal(waiting(w), 0);
	assert_int_equal(google_count(w), 0); /* of the primary calendar */
	assert_string_equal(json_str(r.event.resource, "summary"), "here");
}

static void test_waiting__a_series_removed_and_restored_leaves_none_behind(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence at = {0};

	begin_weekly(w, 2, &at);
	edit_one(w, "serie", &at, "summary", "special");
	sync_ok(w);
	leave_undecided(w, &at);
	delete_row(w, row_of(w, "serie"));
	restore_with(w, "serie", 0, &plain, 2);
	sync_ok(w);
	pass_time(w, 60 * 1000);
	google_patch(w, at.id, "{\"summary\":\"newest\"}");
	sync_ok(w);
	sync_ok(w);
	assert_int_equal(waiting(w), 0);
	assert_same_happens(w, "after all");
}

static void test_waiting__ends_when_the_series_is_removed(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence at = {0};

	begin_weekly(w, 2, &at);
	edit_one(w, "serie", &at, "summary", "special");
	sync_ok(w);
	leave_undecided(w, &at);
	delete_row(w, row_of(w, "serie"));
	sync_ok(w);
	sync_ok(w);
	assert_int_equal(waiting(w), 0);
}

static void test_waiting__ends_when_the_edit_is_taken_back(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence at = {0};

	begin_weekly(w, 2, &at);
	leave_undecided(w, &at);
	edit_one(w, "serie", &at, "summary", "team");
	sync_ok(w);
	sync_ok(w);
	assert_int_equal(waiting(w), 0);
	assert_same_happens(w, "taken back");
}

static void test_waiting__ends_when_the_invitation_is_gone(void **state)
{
	struct world *w = *state;
	AUTO(event_release) struct event e = {0};
	AUTO(event_release) struct event out = {0};
	AUTO(json_object_put) struct json_object *r = NULL;
	int64_t row;

	control(w, "POST", "/sandbox/accounts", "{\"email\":\"" BOSS "\"}");
	json_object_put(as_boss(w, "POST", "",
				"{\"id\":\"meeting\",\"summary\":\"Plans\","
				"\"guestsCanModify\":true,"
				"\"start\":{\"dateTime\":\"2026-02-01T10:00:00Z\"},"
				"\"end\":{\"dateTime\":\"2026-02-01T11:00:00Z\"},"
				"\"attendees\":[{\"email\":\"user1@example.com\"}]}"));
	sync_ok(w);
	row = row_of(w, "meeting");
	OK(store_event_get_row(w->store, row, &e, &err));
	r = json_clone(e.resource);
	json_set_str(r, "summary", "here");
	w->clock.now_ms += 1000;
	OK(local_edit(w->store, &w->clock.clock, row, r, &plain, &out, &err));
	json_object_put(as_boss(w, "PATCH", "/meeting", "{\"summary\":\"there\"}"));
	sync_manual(w);
	assert_int_equal(waiting(w), 1);
	json_object_put(as_boss(w, "DELETE", "/meeting", NULL));
	sync_manual(w);
	sync_manual(w);
	assert_int_equal(waiting(w), 0);
}

static void test_waiting__its_series_is_not_cut(void **state)
{
	struct world *w = *state;
	AUTO(lines_release) struct lines there = {0};

	add_weekly(w, "serie");
	sync_ok(w);
	edit(w, row_of(w, "serie"), "summary", "here");
	google_patch(w, "serie", "{\"summary\":\"there\"}");
	sync_manual(w);
	assert_int_equal(waiting(w), 1);
	assert_int_equal(cut_at(w, "serie", 3), -1);
	assert_int_equal(err.code, ERR_CONFLICT);
	sync_manual(w);
	by_google(w, &there);
	assert_int_equal(there.count, 8);
}

static void test_resolve__a_move_goes_out_whoever_wins(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "base");
	int64_t work = add_calendar(w, WORK, "owner"), row;
	AUTO(event_release) struct event out = {0};
	AUTO(event_release) struct event e = {0};
	AUTO(conflict_list_release) struct conflict_list list = {0};
	AUTO(resolution_release) struct resolution r = {0};
	struct conflict_query q = CONFLICT_QUERY_INIT;
	struct sync_options o = {.conflict = POLICY_MANUAL};

	sync_ok(w);
	row = row_of(w, id);
	edit(w, row, "summary", "here");
	google_patch(w, id, "{\"summary\":\"there\"}");
	OK(local_move(w->store, &w->clock.clock, row, work, &plain, &out, &err));
	/* The move cannot be sent now; the pull of the old calendar sees the conflict. */
	fault(w, "{\"method\":\"POST\",\"match\":\"/"
		 "move\",\"times\":0,\"action\":\"status\",\"status\":400}");
	run_sync(w, &o);
	run_sync(w, &o);
	control(w, "DELETE", "/sandbox/faults", NULL);
	q.state = CONFLICT_WAITING;
	OK(store_conflict_list(w->store, &q, &list, &err));
	assert_int_equal(list.count, 1);
	OK(conflict_resolve(w->store, &w->clock.clock, &list.items[0], TAKE_REMOTE, &plain, &r,
			    &err));
	sync_ok(w);
	sync_ok(w);
	OK(store_event_get_row(w->store, row, &e, &err));
	assert_int_equal(e.calendar_id, work);
	assert_true(e.at_google);
	assert_int_equal(google_count(w), 0); /* it has left the primary calendar */
}

static void test_push__a_move_goes_out_when_the_edit_is_taken_back(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "base");
	int64_t work = add_calendar(w, WORK, "owner"), row;
	AUTO(event_release) struct event out = {0};
	AUTO(event_release) struct event e = {0};

	sync_ok(w);
	row = row_of(w, id);
	OK(local_move(w->store, &w->clock.clock, row, work, &plain, &out, &err));
	edit(w, row, "summary", "here");
	edit(w, row, "summary", "base");
	sync_ok(w);
	OK(store_event_get_row(w->store, row, &e, &err));
	assert_int_equal(e.calendar_id, work);
	assert_int_equal(e.pending, PENDING_NONE);
	assert_int_equal(google_count(w), 0); /* of the primary calendar */
}

static void test_resolve__finds_the_event_under_its_new_id(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "base");
	AUTO(conflict_list_release) struct conflict_list list = {0};
	AUTO(resolution_release) struct resolution r = {0};
	struct conflict_query q = CONFLICT_QUERY_INIT;

	sync_ok(w);
	edit(w, row_of(w, id), "summary", "here");
	google_delete(w, id);
	fault(w, "{\"method\":\"PUT\",\"match\":\"/"
		 "events\",\"times\":1,\"action\":\"status\",\"status\":404}");
	fault(w, "{\"method\":\"PUT\",\"match\":\"/"
		 "events\",\"times\":1,\"action\":\"status\",\"status\":404}");
	run_sync(w, NULL);
	sync_ok(w);
	OK(store_conflict_list(w->store, &q, &list, &err));
	assert_int_equal(list.count, 1);
	OK(conflict_resolve(w->store, &w->clock.clock, &list.items[0], TAKE_REMOTE, &plain, &r,
			    &err));
	sync_ok(w);
	assert_true(r.deleted);
	assert_int_equal(google_count(w), 0);
}

static void test_waiting__what_was_refused_is_sent_when_it_is_over(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "base");
	AUTO(outbox_release) struct outbox op = {0};
	AUTO(event_release) struct event e = {0};
	AUTO(json_object_put) struct json_object *events = NULL;
	int64_t row;
	bool found;

	sync_ok(w);
	row = row_of(w, id);
	edit(w, row, "summary", "here");
	fault(w, "{\"method\":\"PATCH\",\"match\":\"/"
		 "events\",\"times\":1,\"action\":\"status\",\"status\":400}");
	run_sync(w, NULL);
	pass_time(w, 60 * 1000);
	google_patch(w, id, "{\"summary\":\"there\"}");
	sync_manual(w);
	assert_int_equal(waiting(w), 1);
	pass_time(w, 60 * 1000);
	google_patch(w, id, "{\"summary\":\"base\"}");
	sync_manual(w);
	sync_manual(w);
	sync_manual(w);
	OK(store_event_get_row(w->store, row, &e, &err));
	OK(store_outbox_get(w->store, row, &op, &found, &err));
	assert_false(found);
	assert_int_equal(waiting(w), 0);
	assert_google(w, id, "summary", "here");
}

static void test_push__one_event_that_keeps_changing_stops_no_other(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "base");
	AUTO(free) char *other = NULL, *body = NULL;

	add_calendar(w, WORK, "owner");
	sync_ok(w);
	edit(w, row_of(w, id), "summary", "here");
	other = google_add(w, "other");
	body = xasprintf("{\"method\":\"PATCH\",\"match\":\"%s\",\"times\":0,\"action\":\"status\","
			 "\"status\":412}",
			 id);
	fault(w, body);
	run_sync(w, NULL);
	assert_true(row_of(w, other) > 0);
	assert_int_equal(w->last.calendar_count, 2);
}

static void test_push__a_quiet_edit_after_a_loud_one_mails_nobody(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "base");
	AUTO(event_release) struct event e = {0};
	AUTO(event_release) struct event out = {0};
	AUTO(json_object_put) struct json_object *r = NULL;
	AUTO(json_object_put) struct json_object *log = NULL;
	struct local_options o = {.send_updates = "all"};
	size_t loud = 0;

	sync_ok(w);
	OK(store_event_get_row(w->store, row_of(w, id), &e, &err));
	r = json_clone(e.resource);
	json_set_str(r, "summary", "loud");
	w->clock.now_ms += 1000;
	OK(local_edit(w->store, &w->clock.clock, e.rowid, r, &o, &out, &err));
	meanwhile(w, "PATCH", "/events", edit_quietly);
	forget_log(w);
	sync_ok(w);
	log = ask(w, "GET", "/sandbox/requests", NULL, NULL, NULL);
	for (size_t i = 0; i < json_object_array_length(log); i++) {
		const char *text = json_text(json_object_array_get_idx(log, i));
		loud += strstr(text, "PATCH") && strstr(text, "sendUpdates") && strstr(text, "all");
	}
	assert_int_equal(requests(w, "PATCH", "/events"), 2);
	assert_int_equal(loud, 1);
}

static void test_restore__adds_to_what_lives_again_at_google(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "x");
	AUTO(json_object_put) struct json_object *events = NULL;

	sync_ok(w);
	delete_row(w, row_of(w, id));
	sync_ok(w);
	google_patch(w, id,
		     "{\"status\":\"confirmed\",\"summary\":\"x\",\"description\":\"there\","
		     "\"start\":{\"dateTime\":\"2026-02-01T10:00:00Z\"},"
		     "\"end\":{\"dateTime\":\"2026-02-01T11:00:00Z\"}}");
	restore(w, id, 0);
	sync_ok(w);
	sync_ok(w);
	events = google_events(w);
	if (!json_str(json_get(events, id), "description"))
		fail_msg("what was changed at Google is gone");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_waiting__goes_with_its_event_to_another_calendar),
		TEST(test_waiting__a_series_removed_and_restored_leaves_none_behind),
		TEST(test_waiting__ends_when_the_series_is_removed),
		TEST(test_waiting__ends_when_the_edit_is_taken_back),
		TEST(test_waiting__ends_when_the_invitation_is_gone),
		TEST(test_waiting__its_series_is_not_cut),
		TEST(test_resolve__a_move_goes_out_whoever_wins),
		TEST(test_push__a_move_goes_out_when_the_edit_is_taken_back),
		TEST(test_restore__adds_to_what_lives_again_at_google),
		TEST(test_resolve__finds_the_event_under_its_new_id),
		TEST(test_waiting__what_was_refused_is_sent_when_it_is_over),
		TEST(test_push__one_event_that_keeps_changing_stops_no_other),
		TEST(test_push__a_quiet_edit_after_a_loud_one_mails_nobody),
	};

	return cmocka_run_group_tests_name("sync_waiting", tests, NULL, NULL);
}
