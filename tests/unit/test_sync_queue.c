/* Requests to sync a calendar: what makes them, what serves them and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"
#include "queue_world.h"

/* The clock has moved: the access token shall not end meanwhile. */
static void keep_token(struct world *w)
{
	AUTO(account_release) struct account a = {0};

	OK(store_account_get(w->store, "me", &a, &err));
	a.token_expires_ms = w->clock.now_ms + HOUR_MS;
	OK(store_account_update(w->store, &a, &err));
}

static int64_t runs(struct world *w)
{
	AUTO(run_list_release) struct run_list l = {0};

	OK(store_run_list(w->store, 0, 0, &l, &err));
	return (int64_t)l.count;
}

/* --- sync --queued ------------------------------------------------------------------------- */

static void test_queued__nothing_is_no_request_and_no_run(void **state)
{
	struct world *w = *state;
	struct account_lock *held = NULL;

	sync_ok(w);
	/* Not even the lock is needed. */
	OK(account_lock_take(store_path(w->store), w->account.id, &w->clock.clock, 0, &held, &err));
	drain(w);
	account_lock_free(held);
	assert_true(w->last.success);
	assert_int_equal(w->last.requests, 0);
	assert_int_equal(requests(w, NULL, "/"), 0);
	assert_int_equal(runs(w), 1);
}

static void test_queued__a_request_is_one_request(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = NULL;

	sync_ok(w);
	id = google_add(w, "a");
	ask_for(w);
	ask_for(w); /* coalesced */
	drain(w);
	assert_true(w->last.success);
	assert_int_equal(w->last.requests, 1);
	assert_int_equal(requests(w, "GET", "/events"), 1);
	assert_int_equal(w->last.pulled.created, 1);
	assert_false(is_asked_for(w));
	assert_equal_sides(w, 1);
	drain(w);
	assert_int_equal(w->last.requests, 0);
}

static void test_queued__a_change_is_sent_and_nothing_fetched(void **state)
{
	struct world *w = *state;

	sync_ok(w);
	add(w, "mine");
	drain(w);
	assert_true(w->last.success);
	assert_int_equal(w->last.requests, 1);
	assert_int_equal(w->last.pushed.created, 1);
	assert_equal_sides(w, 1);
}

static void test_queued__what_is_quick_goes_first(void **state)
{
	struct world *w = *state;
	int64_t team = add_calendar(w, "team@group.calendar.google.com", "owner");

	/* The account's first calendar will be listed anew. */
	OK(store_calendar_set_sync(w->store, w->calendar.id, NULL, 0, NULL, &err));
	ask_for(w);
	OK(store_request_add(w->store, team, "notification", w->clock.now_ms, &err));
	drain(w);
	assert_true(w->last.success);
	assert_int_equal(w->last.calendar_count, 2);
	assert_string_equal(w->last.calendars[0].calendar, "team@group.calendar.google.com");
	assert_false(w->last.calendars[0].full);
	assert_true(w->last.calendars[1].full);
}

static void ask_meanwhile(void *arg)
{
	ask_for(arg);
}

static void test_queued__a_request_during_the_sync_makes_another(void **state)
{
	struct world *w = *state;

	sync_ok(w);
	ask_for(w);
	meanwhile(w, "GET", "/events?", ask_meanwhile);
	drain(w);
	assert_true(w->last.success);
	assert_int_equal(w->last.requests, 2);
	assert_int_equal(w->last.calendar_count, 1);
	assert_false(is_asked_for(w));
}

static void ask_every_time(void *arg)
{
	struct world *w = arg;

	ask_for(w);
	w->hooked.after = ask_every_time;
}

static void test_queued__requests_without_end_stay_queued(void **state)
{
	struct world *w = *state;

	sync_ok(w);
	ask_for(w);
	meanwhile(w, "GET", "/events?", ask_every_time);
	drain(w);
	w->hooked.after = NULL;
	assert_true(w->last.success);
	assert_int_equal(w->last.requests, 3);
	assert_true(is_asked_for(w));
	drain(w);
	assert_int_equal(w->last.requests, 1);
	assert_false(is_asked_for(w));
}

static void change_meanwhile(void *arg)
{
	add(arg, "meanwhile");
}

static void test_queued__a_change_during_the_sync_is_sent(void **state)
{
	struct world *w = *state;

	sync_ok(w);
	ask_for(w);
	meanwhile(w, "GET", "/events?", change_meanwhile);
	drain(w);
	assert_equal_sides(w, 1);
}

static void test_queued__failures_are_spaced(void **state)
{
	struct world *w = *state;
	int64_t before = 0;

	sync_ok(w);
	ask_for(w);
	fault(w, "{\"match\":\"/events\",\"times\":0,\"action\":\"status\",\"status\":503}");
	for (int n = 1; n <= 10; n++) {
		AUTO(sync_request_release) struct sync_request r = {0};
		int64_t spacing, most = MINUTE_MS << (n - 1 > 6 ? 6 : n - 1);

		drain(w);
		assert_false(w->last.success);
		assert_int_equal(w->last.err.code, ERR_NETWORK);
		assert_true(request(w, &r));
		assert_int_equal(r.attempts, n);
		assert_non_null(strstr(r.last_error, "503"));
		spacing = r.not_before_ms - w->clock.now_ms;
		most = most > HOUR_MS ? HOUR_MS : most;
		assert_in_range(spacing, most / 2, most);
		before = requests(w, NULL, "/");
		assert_true(before > 0);
		/* Not before its time. */
		w->clock.now_ms += spacing - 1;
		drain(w);
		assert_true(w->last.success);
		assert_int_equal(requests(w, NULL, "/"), 0);
		w->clock.now_ms += 1;
		keep_token(w);
	}
	control(w, "DELETE", "/sandbox/faults", NULL);
	drain(w);
	assert_true(w->last.success);
	assert_false(is_asked_for(w));
}

/* Somebody who asks anew is served at once. */
static void test_queued__a_notification_does_not_wait_for_the_spacing(void **state)
{
	struct world *w = *state;

	sync_ok(w);
	ask_for(w);
	fault(w, "{\"match\":\"/events\",\"times\":2,\"action\":\"status\",\"status\":503}");
	drain(w);
	assert_false(w->last.success);
	ask_for(w);
	drain(w);
	assert_true(w->last.success);
	assert_int_equal(w->last.requests, 1);
	assert_false(is_asked_for(w));
}

static void test_queued__retry_after_is_kept_to(void **state)
{
	struct world *w = *state;
	AUTO(sync_request_release) struct sync_request r = {0};

	sync_ok(w);
	ask_for(w);
	fault(w, "{\"match\":\"/events\",\"action\":\"status\",\"status\":429,"
		 "\"retry_after\":5000}");
	drain(w);
	assert_int_equal(w->last.err.code, ERR_RATE_LIMITED);
	assert_true(request(w, &r));
	assert_true(r.not_before_ms >= w->clock.now_ms + 5000 * 1000 - 1000);
}

/* Others wait behind it: it comes again by itself. */
static void test_queued__no_pause_of_googles_is_slept_through(void **state)
{
	static const char *const faults[] = {
		"{\"match\":\"/events\",\"times\":0,\"action\":\"status\",\"status\":503}",
		"{\"match\":\"/events\",\"times\":0,\"action\":\"status\",\"status\":503,"
		"\"retry_after\":50}",
	};
	struct world *w = *state;

	sync_ok(w);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		int64_t start = w->clock.now_ms;

		ask_for(w);
		fault(w, faults[i]);
		drain(w);
		assert_false(w->last.success);
		assert_true(is_asked_for(w));
		assert_in_range(w->clock.now_ms - start, 0, 1000);
		assert_in_range(requests(w, NULL, "/"), 1, 2);
		control(w, "DELETE", "/sandbox/faults", NULL);
		keep_token(w);
	}
	/* Nor is what was said before. */
	ask_for(w);
	drain(w);
	assert_int_equal(w->last.err.code, ERR_RATE_LIMITED);
	assert_int_equal(requests(w, NULL, "/"), 0);
}

static void test_queued__a_dead_login_waits_without_being_tried(void **state)
{
	struct world *w = *state;
	AUTO(account_release) struct account a = {0};
	AUTO(sync_request_release) struct sync_request r = {0};

	sync_ok(w);
	ask_for(w);
	OK(store_account_get(w->store, "me", &a, &err));
	a.state = ACCOUNT_REAUTH_REQUIRED;
	OK(store_account_update(w->store, &a, &err));
	forget_log(w);
	assert_int_equal(run_sync(w, &queued), -1);
	assert_int_equal(err.code, ERR_TOKEN_EXPIRED);
	assert_int_equal(requests(w, NULL, "/"), 0);
	assert_true(request(w, &r));
	assert_int_equal(r.attempts, 0);
}

static void test_queued__a_deselected_calendar_is_not_asked_for(void **state)
{
	struct world *w = *state;

	sync_ok(w);
	ask_for(w);
	OK(store_calendar_set_selected(w->store, w->calendar.id, false, &err));
	drain(w);
	assert_true(w->last.success);
	assert_int_equal(w->last.requests, 0);
	assert_false(is_asked_for(w));
}

static void test_queued__a_dry_run_leaves_the_queue(void **state)
{
	struct world *w = *state;
	struct sync_options o = {.queued = true, .dry_run = true};
	int64_t row;

	sync_ok(w);
	ask_for(w);
	row = add(w, "mine");
	forget_log(w);
	OK(run_sync(w, &o));
	assert_int_equal(w->last.pushed.created, 1);
	assert_int_equal(w->last.requests, 1);
	assert_int_equal(requests(w, "POST", "/"), 0);
	assert_true(is_asked_for(w));
	{
		AUTO(outbox_release) struct outbox op = {0};

		read_op(w, row, &op);
		assert_int_equal(op.attempts, 0);
	}
}

/* --- a plain sync -------------------------------------------------------------------------- */

static void test_sync__serves_who_asked_before_it(void **state)
{
	struct world *w = *state;

	sync_ok(w);
	ask_for(w);
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
	assert_false(is_asked_for(w));
}

static void test_sync__does_not_serve_who_asks_meanwhile(void **state)
{
	struct world *w = *state;

	sync_ok(w);
	ask_for(w);
	meanwhile(w, "GET", "/events?", ask_meanwhile);
	sync_ok(w);
	assert_true(is_asked_for(w));
	drain(w);
	assert_int_equal(w->last.requests, 1);
	assert_false(is_asked_for(w));
}

static void test_sync__a_window_serves_nobody(void **state)
{
	struct world *w = *state;
	struct sync_options window = {
		.has_window = true, .start_utc = 1769817600, .end_utc = 1770076800};

	sync_ok(w);
	ask_for(w);
	OK(run_sync(w, &window));
	assert_true(w->last.success);
	assert_true(is_asked_for(w));
}

static void test_sync__what_may_pass_is_asked_for_again(void **state)
{
	struct world *w = *state;
	AUTO(sync_request_release) struct sync_request r = {0};

	sync_ok(w);
	fault(w, "{\"match\":\"/events\",\"times\":0,\"action\":\"drop_before\"}");
	run_sync(w, NULL);
	assert_false(w->last.success);
	assert_true(request(w, &r));
	assert_string_equal(r.reason, "retry");
	assert_int_equal(r.attempts, 1);
	assert_true(r.not_before_ms > w->clock.now_ms);
	control(w, "DELETE", "/sandbox/faults", NULL);
	sync_ok(w); /* whoever asks for a sync gets one, whatever the spacing says */
	assert_false(is_asked_for(w));
}

static void test_sync__without_the_list_the_selected_are_asked_for_again(void **state)
{
	struct world *w = *state;

	sync_ok(w);
	fault(w, "{\"match\":\"calendarList\",\"times\":0,\"action\":\"drop_before\"}");
	assert_int_equal(run_sync(w, NULL), -1);
	control(w, "DELETE", "/sandbox/faults", NULL);
	assert_true(is_asked_for(w));
	OK(store_calendar_set_selected(w->store, w->calendar.id, false, &err));
	OK(store_request_drop(w->store, w->calendar.id, &err));
	fault(w, "{\"match\":\"calendarList\",\"times\":0,\"action\":\"drop_before\"}");
	assert_int_equal(run_sync(w, NULL), -1);
	assert_false(is_asked_for(w));
}

static void test_sync__what_will_not_pass_is_not_asked_for_again(void **state)
{
	struct world *w = *state;
	AUTO(sync_request_release) struct sync_request r = {0};

	sync_ok(w);
	fault(w, "{\"match\":\"/events\",\"times\":0,\"action\":\"status\",\"status\":404,"
		 "\"reason\":\"notFound\"}");
	run_sync(w, NULL);
	assert_false(w->last.success);
	assert_false(is_asked_for(w));
	/* Who asked keeps waiting, for long. */
	ask_for(w);
	run_sync(w, NULL);
	assert_true(request(w, &r));
	assert_true(r.not_before_ms >= w->clock.now_ms + HOUR_MS / 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_queued__nothing_is_no_request_and_no_run),
		TEST(test_queued__a_request_is_one_request),
		TEST(test_queued__a_change_is_sent_and_nothing_fetched),
		TEST(test_queued__what_is_quick_goes_first),
		TEST(test_queued__a_request_during_the_sync_makes_another),
		TEST(test_queued__requests_without_end_stay_queued),
		TEST(test_queued__a_change_during_the_sync_is_sent),
		TEST(test_queued__failures_are_spaced),
		TEST(test_queued__a_notification_does_not_wait_for_the_spacing),
		TEST(test_queued__retry_after_is_kept_to),
		TEST(test_queued__no_pause_of_googles_is_slept_through),
		TEST(test_queued__a_dead_login_waits_without_being_tried),
		TEST(test_queued__a_deselected_calendar_is_not_asked_for),
		TEST(test_queued__a_dry_run_leaves_the_queue),
		TEST(test_sync__serves_who_asked_before_it),
		TEST(test_sync__does_not_serve_who_asks_meanwhile),
		TEST(test_sync__a_window_serves_nobody),
		TEST(test_sync__what_may_pass_is_asked_for_again),
		TEST(test_sync__without_the_list_the_selected_are_asked_for_again),
		TEST(test_sync__what_will_not_pass_is_not_asked_for_again),
	};

	return cmocka_run_group_tests_name("sync_queue", tests, NULL, NULL);
}
