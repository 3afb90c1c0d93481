/* The engine under trouble: lost, refused and garbled answers, edits under way, locks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"

static void edit_meanwhile(void *arg)
{
	struct world *w = arg;
	AUTO(event_list_release) struct event_list list = {0};
	struct event_query q = EVENT_QUERY_INIT;

	OK(store_event_list(w->store, &q, &list, &err));
	edit(w, list.items[0].rowid, "location", "changed meanwhile");
}

static void test_sync__a_lost_answer_makes_no_duplicate(void **state)
{
	struct world *w = *state;

	add(w, "a");
	fault(w, "{\"method\":\"POST\",\"match\":\"/events\",\"action\":\"drop_after\"}");
	sync_ok(w);
	assert_equal_sides(w, 1);
	assert_int_equal(w->last.pushed.created, 1);
}

static void test_sync__a_lost_answer_in_an_earlier_run_makes_no_duplicate(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "a");

	fault(w, "{\"method\":\"POST\",\"match\":\"/events\",\"action\":\"drop_after\"}");
	assert_int_equal(push(w, row), -1);
	assert_int_equal(err.code, ERR_NETWORK);
	assert_int_equal(google_count(w), 1);
	edit(w, row, "summary", "edited since");
	sync_ok(w);
	assert_equal_sides(w, 1);
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
}

static void test_sync__a_lost_answer_to_an_update_or_delete_is_settled(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "a");

	sync_ok(w);
	edit(w, row, "summary", "b");
	fault(w, "{\"method\":\"PATCH\",\"action\":\"drop_after\"}");
	sync_ok(w);
	assert_equal_sides(w, 1);
	delete_row(w, row);
	fault(w, "{\"method\":\"DELETE\",\"action\":\"drop_after\"}");
	sync_ok(w);
	assert_equal_sides(w, 0);
	assert_int_equal(w->last.conflicts, 0);
}

static void test_sync__an_edit_taken_back_after_a_lost_answer_stays_taken_back(void **state)
{
	static const char *const faults[] = {"drop_after", "drop_before"};
	struct world *w = *state;
	int64_t row = add(w, "a");

	sync_ok(w);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		AUTO(json_object_put) struct json_object *events = NULL;
		AUTO(free)
		char *lost = xasprintf("{\"method\":\"PATCH\",\"action\":\"%s\"}", faults[i]);

		edit(w, row, "summary", "b");
		fault(w, lost);
		assert_int_equal(push(w, row), -1);
		assert_int_equal(err.code, ERR_NETWORK);
		edit(w, row, "summary", "a");
		sync_ok(w);
		assert_equal_sides(w, 1);
		events = google_events(w);
		json_object_object_foreach (events, id, e) {
			(void)id;
			assert_string_equal(json_str(e, "summary"), "a");
		}
		assert_int_equal(w->last.conflicts, 0);
	}
}

static void test_sync__a_taken_id_of_somebody_else_gets_a_new_one(void **state)
{
	struct world *w = *state;
	AUTO(json_object_put) struct json_object *e = NULL;

	e = at_google(
		w, "POST", "",
		"{\"id\":\"taken0\",\"summary\":\"theirs\",\"start\":{\"date\":\"2026-05-05\"},"
		"\"end\":{\"date\":\"2026-05-06\"}}");
	pass_time(w, 600 * 1000);
	add_with(w, "mine", "taken0", false);
	sync_ok(w);
	assert_equal_sides(w, 2);
}

static void test_sync__a_garbled_answer_is_asked_about_again(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "a");

	fault(w, "{\"method\":\"POST\",\"match\":\"/events\",\"action\":\"garbage\",\"times\":0}");
	assert_int_equal(push(w, row), -1);
	assert_int_equal(err_exit_status(err.code), 4);
	control(w, "DELETE", "/sandbox/faults", NULL);
	sync_ok(w);
	assert_equal_sides(w, 1);
}

static void test_sync__what_google_refuses_waits_for_an_edit(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "a");
	AUTO(event_release) struct event e = {0};

	fault(w, "{\"method\":\"POST\",\"match\":\"/events\",\"action\":\"status\",\"status\":400,"
		 "\"reason\":\"invalid\",\"message\":\"Invalid thing.\"}");
	run_sync(w, NULL);
	assert_false(w->last.success);
	assert_int_equal(w->last.failed_events, 1);
	OK(store_event_get_row(w->store, row, &e, &err));
	assert_int_equal(e.sync_status, SYNC_ERROR);
	assert_non_null(strstr(e.last_error, "Invalid thing."));
	forget_log(w);
	run_sync(w, NULL);
	assert_int_equal(requests(w, "POST", "/events"), 0);
	edit(w, row, "summary", "b");
	sync_ok(w);
	assert_equal_sides(w, 1);
}

/* What was refused is not what is there now: that has not been asked about yet. */
static void test_sync__a_refusal_does_not_hold_back_what_was_edited_since(void **state)
{
	struct world *w = *state;

	add(w, "a");
	fault(w, "{\"method\":\"POST\",\"match\":\"/events\",\"action\":\"status\",\"status\":400,"
		 "\"reason\":\"invalid\",\"message\":\"Invalid thing.\"}");
	meanwhile(w, "POST", "/events", edit_meanwhile);
	sync_ok(w); /* nothing of what is here now was refused */
	assert_int_equal(fg_faults_hit(w->fg), 1);
	assert_null(w->hooked.after);
	assert_equal_sides(w, 1);
}

static void test_sync__many_changes_go_in_batches(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 120; i++)
		add(w, "x");
	fault(w, "{\"method\":\"POST\",\"match\":\"/events\",\"after\":7,\"action\":\"status\","
		 "\"status\":503,\"reason\":\"backendError\"}");
	sync_ok(w);
	assert_int_equal(w->last.pushed.created, 120);
	assert_equal_sides(w, 120);
	/* calendarList, three batches, the part that failed, events.list, a second look: */
	assert_true(w->last.requests <= 7);
}

static void test_sync__without_batches_events_go_one_by_one(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 3; i++)
		add(w, "x");
	fault(w, "{\"match\":\"/batch\",\"times\":0,\"action\":\"status\",\"status\":404,"
		 "\"reason\":\"notFound\"}");
	sync_ok(w);
	assert_int_equal(w->last.pushed.created, 3);
	assert_equal_sides(w, 3);
}

static void test_sync__an_edit_during_its_request_is_kept(void **state)
{
	struct world *w = *state;
	AUTO(json_object_put) struct json_object *events = NULL;
	AUTO(event_release) struct event e = {0};
	int64_t row = add(w, "a");

	meanwhile(w, "POST", "/events", edit_meanwhile);
	sync_ok(w);
	assert_equal_sides(w, 1);
	events = google_events(w);
	OK(store_event_get_row(w->store, row, &e, &err));
	assert_string_equal(json_str(e.resource, "location"), "changed meanwhile");
	assert_string_equal(json_str(json_get(events, e.id), "location"), "changed meanwhile");
}

static void test_sync__an_edit_during_the_pull_goes_out_in_the_same_run(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");

	sync_ok(w);
	google_patch(w, id, "{\"location\":\"there\"}");
	meanwhile(w, "GET", "/events?", edit_meanwhile);
	sync_ok(w);
	assert_equal_sides(w, 1);
	assert_int_equal(w->last.pushed.updated, 1);
}

static void test_sync__a_delete_after_a_lost_answer_reaches_google(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "a");

	fault(w, "{\"method\":\"POST\",\"match\":\"/events\",\"action\":\"drop_after\"}");
	assert_int_equal(push(w, row), -1);
	assert_int_equal(google_count(w), 1);
	assert_false(delete_row(w, row));
	sync_ok(w);
	assert_equal_sides(w, 0);
}

static void test_sync__a_calendar_that_may_not_be_read_deletes_nothing(void **state)
{
	struct world *w = *state;
	AUTO(free) char *a = google_add(w, "a");

	sync_ok(w);
	fault(w, "{\"method\":\"GET\",\"match\":\"/events\",\"action\":\"status\",\"status\":404,"
		 "\"reason\":\"notFound\"}");
	run_sync(w, NULL);
	assert_false(w->last.success);
	assert_int_equal(err_exit_status(w->last.err.code), 1);
	assert_true(row_of(w, a) > 0);
	sync_ok(w);
	assert_equal_sides(w, 1);
}

static void test_sync__a_dead_login_sends_nothing_more_and_keeps_edits(void **state)
{
	struct world *w = *state;
	AUTO(account_release) struct account a = {0};
	int64_t row = add(w, "a");

	seal_token(w, "refresh_token", "revoked");
	seal_token(w, "client_secret", "sandbox-secret");
	seal_token(w, "access_token", "dead");
	assert_int_equal(push(w, row), -1);
	assert_int_equal(err.code, ERR_TOKEN_EXPIRED);
	assert_int_equal(strncmp(err.msg, "Calendar token expired.", 23), 0);
	assert_non_null(strstr(err.msg, "calsync connect me"));
	OK(store_account_get(w->store, "me", &a, &err));
	assert_int_equal(a.state, ACCOUNT_REAUTH_REQUIRED);
	forget_log(w);
	assert_int_equal(run_sync(w, NULL), -1);
	assert_int_equal(w->last.err.code, ERR_TOKEN_EXPIRED);
	assert_int_equal(requests(w, NULL, "/"), 0);
	assert_true(row_of(w, "x") == 0 && row > 0);
}

static void test_sync__one_syncer_an_account(void **state)
{
	struct world *w = *state;
	struct account_lock *held = NULL, *second = NULL;
	AUTO(free) char *link = NULL;
	struct sync_options wait = {.wait_ms = 500};
	char pid[32];

	add(w, "a");
	OK(account_lock_take(store_path(w->store), w->account.id, &w->clock.clock, 0, &held, &err));
	forget_log(w);
	assert_int_equal(run_sync(w, NULL), -1);
	assert_int_equal(err.code, ERR_LOCKED);
	snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
	assert_non_null(strstr(err.msg, pid));
	/* Also for those who come by a symbolic link. */
	link = xasprintf("%s/link.db", w->dir);
	assert_int_equal(symlink("calsync.db", link), 0);
	assert_int_equal(account_lock_take(link, w->account.id, &w->clock.clock, 0, &second, &err),
			 -1);
	w->clock.slept_ms = 0;
	assert_int_equal(run_sync(w, &wait), -1);
	assert_true(w->clock.slept_ms >= 500);
	assert_int_equal(requests(w, NULL, "/"), 0);
	account_lock_free(held);
	sync_ok(w);
	assert_equal_sides(w, 1);
}

static void try_lock(void *arg)
{
	struct world *w = arg;
	struct account_lock *second = NULL;

	assert_int_equal(account_lock_take(store_path(w->store), w->account.id, &w->clock.clock, 0,
					   &second, &err),
			 -1);
	assert_int_equal(err.code, ERR_LOCKED);
}

static void test_sync__holds_its_account_until_it_ends(void **state)
{
	struct world *w = *state;
	struct account_lock *next = NULL;

	meanwhile(w, "GET", "/events?", try_lock);
	sync_ok(w);
	assert_null(w->hooked.after);
	OK(account_lock_take(store_path(w->store), w->account.id, &w->clock.clock, 0, &next, &err));
	account_lock_free(next);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sync__a_lost_answer_makes_no_duplicate),
		TEST(test_sync__a_lost_answer_in_an_earlier_run_makes_no_duplicate),
		TEST(test_sync__a_lost_answer_to_an_update_or_delete_is_settled),
		TEST(test_sync__an_edit_taken_back_after_a_lost_answer_stays_taken_back),
		TEST(test_sync__a_taken_id_of_somebody_else_gets_a_new_one),
		TEST(test_sync__a_garbled_answer_is_asked_about_again),
		TEST(test_sync__what_google_refuses_waits_for_an_edit),
		TEST(test_sync__a_refusal_does_not_hold_back_what_was_edited_since),
		TEST(test_sync__many_changes_go_in_batches),
		TEST(test_sync__without_batches_events_go_one_by_one),
		TEST(test_sync__an_edit_during_its_request_is_kept),
		TEST(test_sync__an_edit_during_the_pull_goes_out_in_the_same_run),
		TEST(test_sync__a_delete_after_a_lost_answer_reaches_google),
		TEST(test_sync__a_calendar_that_may_not_be_read_deletes_nothing),
		TEST(test_sync__a_dead_login_sends_nothing_more_and_keeps_edits),
		TEST(test_sync__one_syncer_an_account),
		TEST(test_sync__holds_its_account_until_it_ends),
	};

	return cmocka_run_group_tests_name("sync_trouble", tests, NULL, NULL);
}
