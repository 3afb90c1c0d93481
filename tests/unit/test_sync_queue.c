/* The queue: requests to sync a calendar and changes that wait, what serves them and when. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync/queue.h"
#include "sync_world.h"

#define MINUTE_MS (60 * 1000LL)
#define HOUR_MS   (60 * MINUTE_MS)

static const struct sync_options queued = {.queued = true};

static void ask_for(struct world *w)
{
	OK(store_request_add(w->store, w->calendar.id, "notification", w->clock.now_ms, &err));
}

static bool request(struct world *w, struct sync_request *out)
{
	bool found;

	OK(store_request_get(w->store, w->calendar.id, out, &found, &err));
	return found;
}

static bool is_asked_for(struct world *w)
{
	AUTO(sync_request_release) struct sync_request r = {0};

	return request(w, &r);
}

/* The clock has moved: the access token shall not end meanwhile. */
static void keep_token(struct world *w)
{
	AUTO(account_release) struct account a = {0};

	OK(store_account_get(w->store, "me", &a, &err));
	a.token_expires_ms = w->clock.now_ms + HOUR_MS;
	OK(store_account_update(w->store, &a, &err));
}

static void drain(struct world *w)
{
	forget_log(w);
	OK(run_sync(w, &queued));
}

static void read_op(struct world *w, int64_t row, struct outbox *out)
{
	bool found;

	OK(store_outbox_get(w->store, row, out, &found, &err));
	assert_true(found);
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

static void ask_meanwhile(void *arg)
{
	ask_for(arg);
}

static void on_list(struct world *w, void (*after)(void *))
{
	w->hooked.method = "GET";
	w->hooked.url = "/events?";
	w->hooked.after = after;
	w->hooked.arg = w;
}

static void test_queued__a_request_during_the_sync_makes_another(void **state)
{
	struct world *w = *state;

	sync_ok(w);
	ask_for(w);
	on_list(w, ask_meanwhile);
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
	on_list(w, ask_every_time);
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
	on_list(w, change_meanwhile);
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
	fault(w, "{\"match\":\"/events\",\"times\":6,\"action\":\"status\",\"status\":503}");
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
	on_list(w, ask_meanwhile);
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

/* --- changes that wait --------------------------------------------------------------------- */

static void test_outbox__a_failed_try_has_a_next_one(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "mine");
	AUTO(outbox_release) struct outbox op = {0};

	fault(w, "{\"method\":\"POST\",\"match\":\"/events\",\"times\":0,"
		 "\"action\":\"drop_before\"}");
	assert_int_equal(sync_events(&w->env, &w->account, &row, 1, &err), -1);
	read_op(w, row, &op);
	assert_int_equal(op.attempts, 1);
	assert_in_range(op.not_before_ms - w->clock.now_ms, MINUTE_MS / 2, MINUTE_MS);
	control(w, "DELETE", "/sandbox/faults", NULL);
	drain(w);
	assert_int_equal(requests(w, NULL, "/"), 0);
	w->clock.now_ms = op.not_before_ms;
	drain(w);
	assert_int_equal(w->last.requests, 1);
	assert_int_equal(w->last.pushed.created, 1);
	sync_ok(w);
	assert_equal_sides(w, 1);
}

static void test_outbox__a_sync_tries_everything(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "mine");

	fault(w, "{\"method\":\"POST\",\"match\":\"/events\",\"action\":\"drop_before\"}");
	assert_int_equal(sync_events(&w->env, &w->account, &row, 1, &err), -1);
	sync_ok(w);
	assert_equal_sides(w, 1);
}

static void test_outbox__an_edit_does_not_wait(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "mine");
	AUTO(outbox_release) struct outbox op = {0};

	fault(w, "{\"method\":\"POST\",\"match\":\"/events\",\"action\":\"drop_before\"}");
	assert_int_equal(sync_events(&w->env, &w->account, &row, 1, &err), -1);
	edit(w, row, "location", "here");
	read_op(w, row, &op);
	assert_int_equal(op.not_before_ms, 0);
	OK(sync_events(&w->env, &w->account, &row, 1, &err));
}

static void test_outbox__an_edit_beside_a_sync_leaves_a_request(void **state)
{
	struct world *w = *state;
	struct account_lock *held = NULL;
	AUTO(sync_request_release) struct sync_request r = {0};
	int64_t row;

	sync_ok(w);
	row = add(w, "mine");
	OK(account_lock_take(store_path(w->store), w->account.id, &w->clock.clock, 0, &held, &err));
	assert_int_equal(sync_events(&w->env, &w->account, &row, 1, &err), -1);
	assert_int_equal(err.code, ERR_LOCKED);
	account_lock_free(held);
	assert_true(request(w, &r));
	assert_string_equal(r.reason, "edit");
	drain(w);
	assert_equal_sides(w, 1);
	assert_false(is_asked_for(w));
}

/* --- retry --------------------------------------------------------------------------------- */

static int retry(struct world *w, int64_t row)
{
	int result;

	OK(store_begin(w->store, &err));
	result = queue_retry(w->store, row, &err);
	if (result)
		store_rollback(w->store);
	else
		OK(store_commit(w->store, &err));
	return result;
}

static void refuse_once(struct world *w, const char *method)
{
	AUTO(free)
	char *body = xasprintf("{\"method\":\"%s\",\"match\":\"/events\",\"action\":\"status\","
			       "\"status\":400,\"reason\":\"invalid\",\"message\":\"No.\"}",
			       method);

	fault(w, body);
	run_sync(w, NULL);
	assert_int_equal(w->last.failed_events, 1);
}

static void test_retry__what_google_refused_is_sent_again(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "mine");
	AUTO(event_release) struct event e = {0};

	refuse_once(w, "POST");
	OK(retry(w, row));
	OK(store_event_get_row(w->store, row, &e, &err));
	assert_int_equal(e.sync_status, SYNC_LOCAL_ONLY);
	assert_null(e.last_error);
	OK(sync_events(&w->env, &w->account, &row, 1, &err));
	sync_ok(w);
	assert_equal_sides(w, 1);
}

static void test_retry__what_is_held_goes_out(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "mine"), local = add_with(w, "local", NULL, true);
	struct local_options hold = {.no_sync = true};
	AUTO(event_release) struct event e = {0};
	AUTO(event_release) struct event out = {0};

	sync_ok(w);
	OK(store_event_get_row(w->store, row, &e, &err));
	json_set_str(e.resource, "location", "held");
	w->clock.now_ms += 1000;
	OK(local_edit(w->store, &w->clock.clock, row, e.resource, &hold, &out, &err));
	sync_ok(w);
	assert_int_equal(w->last.pushed.updated, 0);
	assert_int_equal(google_count(w), 1);
	OK(retry(w, row));
	OK(retry(w, local));
	sync_ok(w);
	assert_equal_sides(w, 2);
	assert_int_equal(retry(w, row), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void test_retry__a_conflict_waits_for_a_person(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "mine");
	AUTO(outbox_release) struct outbox op = {0};

	read_op(w, row, &op);
	op.state = OUTBOX_CONFLICT;
	OK(store_outbox_put(w->store, &op, &err));
	assert_int_equal(retry(w, row), -1);
	assert_int_equal(err.code, ERR_CONFLICT);
}

/* --- drop ---------------------------------------------------------------------------------- */

static int drop(struct world *w, int64_t row)
{
	int result;

	w->clock.now_ms += 1000;
	OK(store_begin(w->store, &err));
	result = queue_drop(w->store, &w->clock.clock, row, 0, &err);
	if (result)
		store_rollback(w->store);
	else
		OK(store_commit(w->store, &err));
	return result;
}

static enum history_op last_version(struct world *w, int64_t row, const char *field, char **out)
{
	AUTO(event_release) struct event e = {0};
	AUTO(history_list_release) struct history_list l = {0};
	struct history_query q = {.newest_first = true, .limit = 1};

	OK(store_event_get_row(w->store, row, &e, &err));
	q.event_id = e.id;
	OK(store_history_list(w->store, &q, &l, &err));
	assert_int_equal(l.count, 1);
	*out = xstrdup_null(json_str(l.items[0].resource, field));
	return l.items[0].op;
}

static void test_drop__an_update_is_taken_back(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "mine");
	AUTO(free) char *place = NULL;

	sync_ok(w);
	edit(w, row, "location", "dropped");
	OK(drop(w, row));
	assert_equal_sides(w, 1);
	assert_int_equal(last_version(w, row, "location", &place), HISTORY_UPDATE);
	assert_string_equal(place, "dropped");
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
	assert_equal_sides(w, 1);
	assert_int_equal(drop(w, row), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void test_drop__a_refused_update_is_taken_back(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "mine");

	sync_ok(w);
	edit(w, row, "location", "dropped");
	refuse_once(w, "PATCH");
	OK(drop(w, row));
	assert_equal_sides(w, 1);
	sync_ok(w);
	assert_equal_sides(w, 1);
}

static void test_drop__a_new_event_stays_here_alone(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "mine");
	AUTO(event_release) struct event e = {0};

	OK(drop(w, row));
	sync_ok(w);
	assert_int_equal(google_count(w), 0);
	OK(store_event_get_row(w->store, row, &e, &err));
	assert_int_equal(e.sync_status, SYNC_LOCAL_ONLY);
	assert_int_equal(e.pending, PENDING_NONE);
	OK(retry(w, row));
	sync_ok(w);
	assert_equal_sides(w, 1);
}

static void test_drop__a_deleted_event_is_there_again(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "mine");
	AUTO(free) char *title = NULL;

	sync_ok(w);
	edit(w, row, "location", "never sent");
	assert_false(delete_row(w, row));
	OK(drop(w, row));
	assert_equal_sides(w, 1);
	assert_int_equal(last_version(w, row, "summary", &title), HISTORY_CREATE);
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
	assert_equal_sides(w, 1);
}

/* It reached Google although no answer came: the next sync finds it, whatever was dropped here. */
static void test_drop__a_new_event_that_arrived_is_adopted(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "mine");

	sync_ok(w);
	row = add(w, "second");
	fault(w, "{\"method\":\"POST\",\"match\":\"/events\",\"action\":\"drop_after\"}");
	assert_int_equal(sync_events(&w->env, &w->account, &row, 1, &err), -1);
	OK(drop(w, row));
	sync_ok(w);
	assert_equal_sides(w, 2);
}

/* --- when and why -------------------------------------------------------------------------- */

static void test_spacing__grows_to_an_hour(void **state)
{
	struct world *w = *state;
	struct err why = {.code = ERR_NETWORK};
	int64_t most = MINUTE_MS;

	for (int n = 1; n < 40; n++) {
		for (int i = 0; i < 50; i++)
			assert_in_range(queue_next_try_ms(&w->clock.clock, n, &why) -
						w->clock.now_ms,
					most / 2, most);
		most = most * 2 > HOUR_MS ? HOUR_MS : most * 2;
	}
	why.retry_after = 7200;
	assert_int_equal(queue_next_try_ms(&w->clock.clock, 1, &why) - w->clock.now_ms,
			 2 * HOUR_MS);
	why = (struct err){.code = ERR_TOKEN_EXPIRED};
	assert_int_equal(queue_next_try_ms(&w->clock.clock, 1, &why), 0);
	why = (struct err){.code = ERR_GOOGLE};
	assert_true(queue_next_try_ms(&w->clock.clock, 1, &why) - w->clock.now_ms >= HOUR_MS / 2);
}

static void check_why(const struct account *a, const struct calendar *c, const struct outbox *op,
		      const char *text)
{
	AUTO(strbuf_release) struct strbuf why = STRBUF_INIT;

	queue_why_unsent(a, c, op, NOW_MS, &why);
	if (!strstr(why.buf, text))
		fail_msg("'%s' lacks '%s'", why.buf, text);
}

static void test_why__the_nearest_reason_first(void **state)
{
	struct account a = {.name = (char *)"me", .state = ACCOUNT_CONNECTED};
	struct calendar c = {.access_role = (char *)"owner"};
	struct outbox op = {.op = PENDING_UPDATE};

	(void)state;
	check_why(&a, &c, &op, "not sent yet");
	op.last_error = (char *)"no network";
	check_why(&a, &c, &op, "no network");
	a.not_before_ms = NOW_MS + 1000;
	check_why(&a, &c, &op, "not to be called before 2026-01-01T10:00:01Z");
	c.access_role = (char *)"reader";
	check_why(&a, &c, &op, "read-only (your role there is 'reader')");
	a.read_only = true;
	check_why(&a, &c, &op, "connected read-only");
	c.gone = true;
	check_why(&a, &c, &op, "no longer on the account's list");
	a.state = ACCOUNT_DISCONNECTED;
	check_why(&a, &c, &op, "disconnected");
	a.state = ACCOUNT_REAUTH_REQUIRED;
	check_why(&a, &c, &op, "calsync connect me");
	op.state = OUTBOX_HELD;
	check_why(&a, &c, &op, "--no-sync");
	op.state = OUTBOX_CONFLICT;
	check_why(&a, &c, &op, "calsync conflicts");
	op.state = OUTBOX_REFUSED;
	check_why(&a, &c, &op, "no network");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_queued__nothing_is_no_request_and_no_run),
		TEST(test_queued__a_request_is_one_request),
		TEST(test_queued__a_change_is_sent_and_nothing_fetched),
		TEST(test_queued__a_request_during_the_sync_makes_another),
		TEST(test_queued__requests_without_end_stay_queued),
		TEST(test_queued__a_change_during_the_sync_is_sent),
		TEST(test_queued__failures_are_spaced),
		TEST(test_queued__a_notification_does_not_wait_for_the_spacing),
		TEST(test_queued__retry_after_is_kept_to),
		TEST(test_queued__a_dead_login_waits_without_being_tried),
		TEST(test_queued__a_deselected_calendar_is_not_asked_for),
		TEST(test_queued__a_dry_run_leaves_the_queue),
		TEST(test_sync__serves_who_asked_before_it),
		TEST(test_sync__does_not_serve_who_asks_meanwhile),
		TEST(test_sync__a_window_serves_nobody),
		TEST(test_sync__what_may_pass_is_asked_for_again),
		TEST(test_sync__without_the_list_the_selected_are_asked_for_again),
		TEST(test_sync__what_will_not_pass_is_not_asked_for_again),
		TEST(test_outbox__a_failed_try_has_a_next_one),
		TEST(test_outbox__a_sync_tries_everything),
		TEST(test_outbox__an_edit_does_not_wait),
		TEST(test_outbox__an_edit_beside_a_sync_leaves_a_request),
		TEST(test_retry__what_google_refused_is_sent_again),
		TEST(test_retry__what_is_held_goes_out),
		TEST(test_retry__a_conflict_waits_for_a_person),
		TEST(test_drop__an_update_is_taken_back),
		TEST(test_drop__a_refused_update_is_taken_back),
		TEST(test_drop__a_new_event_stays_here_alone),
		TEST(test_drop__a_deleted_event_is_there_again),
		TEST(test_drop__a_new_event_that_arrived_is_adopted),
		TEST(test_spacing__grows_to_an_hour),
		TEST(test_why__the_nearest_reason_first),
	};

	return cmocka_run_group_tests_name("sync_queue", tests, NULL, NULL);
}
