/* Changes that wait: when they are tried again, retried or dropped by a person, and why they wait. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"
#include "queue_world.h"

static void test_outbox__a_failed_try_has_a_next_one(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "mine");
	AUTO(outbox_release) struct outbox op = {0};

	fault(w, "{\"method\":\"POST\",\"match\":\"/events\",\"times\":0,"
		 "\"action\":\"drop_before\"}");
	assert_int_equal(push(w, row), -1);
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
	assert_int_equal(push(w, row), -1);
	sync_ok(w);
	assert_equal_sides(w, 1);
}

static void test_outbox__an_edit_does_not_wait(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "mine");
	AUTO(outbox_release) struct outbox op = {0};

	fault(w, "{\"method\":\"POST\",\"match\":\"/events\",\"action\":\"drop_before\"}");
	assert_int_equal(push(w, row), -1);
	edit(w, row, "location", "here");
	read_op(w, row, &op);
	assert_int_equal(op.not_before_ms, 0);
	OK(push(w, row));
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
	assert_int_equal(push(w, row), -1);
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
	OK(push(w, row));
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
	assert_int_equal(push(w, row), -1);
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

	return cmocka_run_group_tests_name("sync_outbox", tests, NULL, NULL);
}
