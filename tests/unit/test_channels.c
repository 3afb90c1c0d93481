/* Push channels made, renewed and stopped, against the simulated Google. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "channel_world.h"

/* --- the ordinary way ---------------------------------------------------------------------- */

static void test_channels__one_is_made_and_a_second_watch_asks_nothing(void **state)
{
	struct world *w = *state;
	AUTO(calendar_release) struct calendar c = {0};
	AUTO(free) char *made = NULL;

	watch_ok(w);
	assert_int_equal(result.made, 1);
	assert_int_equal(result.live_count, 1);
	assert_string_equal(result.live[0].calendar, w->calendar.google_id);
	assert_one_channel(w);
	made = xstrdup(result.live[0].channel.id);
	assert_int_equal(strlen(made), 36);
	OK(store_calendar_get(w->store, w->calendar.id, &c, &err));
	assert_int_equal(c.push, PUSH_ON);

	forget_log(w);
	watch_ok(w);
	assert_int_equal(result.made, 0);
	assert_int_equal(result.requests, 0);
	assert_int_equal(requests(w, NULL, ""), 0);
	assert_string_equal(result.live[0].channel.id, made);
	/* What changed before there was one told nobody; a sync is to look. */
	assert_int_equal(wakes(), 1);
}

static void test_channels__messages_are_known_by_their_token(void **state)
{
	struct world *w = *state;
	AUTO(hook_close) struct hook *h = NULL;
	AUTO(json_object_put) struct json_object *theirs = NULL;
	struct hook_channel_list seen;
	const char *token;

	watch_ok(w);
	assert_int_equal(deliver(w), 1); /* 'sync' */
	free(google_add(w, "Lunch"));
	assert_int_equal(deliver(w), 1);
	OK(hook_open(hook_file, false, &h, &err));
	OK(hook_channel_list(h, &seen, &err));
	assert_int_equal(seen.items[0].messages, 1);
	assert_true(seen.items[0].verified_ms != 0);
	hook_channel_list_release(&seen);
	theirs = google_channels(w);
	token = json_str(json_object_array_get_idx(theirs, 0), "token");
	assert_int_equal(strlen(token), 2 + 64); /* "1." and 256 bits */
	assert_int_equal(strncmp(token, "1.", 2), 0);
}

/* In the order in which they came. */
static void assert_calls(struct world *w, const char *want)
{
	AUTO(json_object_put)
	struct json_object *log = ask(w, "GET", "/sandbox/requests", NULL, NULL, NULL);
	AUTO(strbuf_release) struct strbuf got = STRBUF_INIT;

	for (size_t i = 0; i < json_object_array_length(log); i++) {
		const char *path = json_str(json_object_array_get_idx(log, i), "path");

		strbuf_adds(&got, strstr(path, "events/watch")    ? "watch "
				  : strstr(path, "channels/stop") ? "stop "
								  : "other ");
	}
	assert_string_equal(got.buf, want);
}

static void test_channels__renewal_makes_the_new_one_then_stops_the_old(void **state)
{
	struct world *w = *state;
	AUTO(free) char *old = NULL;

	watch_ok(w);
	old = xstrdup(result.live[0].channel.id);
	OK(renew(w, 6 * DAY_MS)); /* it lives seven days */
	assert_int_equal(result.made + result.stopped, 0);
	forget_log(w);
	pass_time(w, HOUR_MS);
	log_in(w);
	renew_ok(w);
	assert_calls(w, "watch stop ");
	assert_int_equal(result.made, 1);
	assert_int_equal(result.stopped, 1);
	assert_int_equal(result.left, 0);
	assert_string_not_equal(result.live[0].channel.id, old);
	assert_one_channel(w);
	/* There was one all the time: nothing can have gone unnoticed since the first. */
	assert_int_equal(wakes(), 1);
}

static void test_channels__what_no_calendar_wants_is_stopped(void **state)
{
	struct world *w = *state;

	watch_ok(w);
	OK(store_calendar_set_selected(w->store, w->calendar.id, false, &err));
	renew_ok(w);
	assert_int_equal(google_channel_count(w), 0);
	assert_int_equal(our_count(w), 0);
	assert_int_equal(hook_count(), 0);
	/* Selected again it has one again. */
	OK(store_calendar_set_selected(w->store, w->calendar.id, true, &err));
	renew_ok(w);
	assert_one_channel(w);
	OK(stop_watch(w, PUSH_SWITCH_OFF));
	assert_int_equal(result.stopped, 1);
	assert_int_equal(google_channel_count(w), 0);
	renew_ok(w);
	assert_int_equal(result.live_count, 0);
	assert_int_equal(result.requests, 0);
}

static void test_channels__an_end_of_all_leaves_what_is_wanted_written_down(void **state)
{
	struct world *w = *state;

	watch_ok(w);
	OK(stop_watch(w, PUSH_END_ALL));
	assert_int_equal(google_channel_count(w), 0);
	assert_int_equal(hook_count(), 0);
	renew_ok(w);
	assert_one_channel(w);
}

static void test_channels__another_address_makes_another_one(void **state)
{
	struct world *w = *state;
	struct channels_options o = {.address = "https://old.example.org/x",
				     .window_ms = DAY_MS,
				     .push = PUSH_SWITCH_ON};

	OK(run_channels(w, &o));
	assert_int_equal(result.made, 1);
	watch_ok(w);
	assert_int_equal(result.made, 1);
	assert_int_equal(result.stopped, 1);
	assert_one_channel(w);
}

static void test_channels__one_that_the_webhook_does_not_know_is_replaced(void **state)
{
	struct world *w = *state;

	watch_ok(w);
	assert_int_equal(unlink(hook_file), 0);
	watch_ok(w);
	assert_int_equal(result.made, 1);
	assert_one_channel(w);
}

static void test_channels__a_named_calendar_alone(void **state)
{
	struct world *w = *state;
	int64_t team = add_calendar(w, "team@group.calendar.google.com", "reader");
	struct channels_options o = {.push = PUSH_SWITCH_ON,
				     .address = ADDRESS,
				     .window_ms = DAY_MS,
				     .calendar_id = team};

	OK(run_channels(w, &o));
	assert_int_equal(result.made, 1);
	assert_string_equal(result.live[0].calendar, "team@group.calendar.google.com");
	watch_ok(w);
	assert_int_equal(result.made, 1);
	assert_int_equal(result.live_count, 2);
	assert_string_equal(result.live[0].calendar, w->calendar.google_id);
	o.push = PUSH_SWITCH_OFF;
	OK(run_channels(w, &o));
	assert_int_equal(result.stopped, 1);
	assert_int_equal(google_channel_count(w), 1);
}

/* --- trouble ------------------------------------------------------------------------------- */

static void test_channels__a_stop_that_fails_is_tried_again(void **state)
{
	struct world *w = *state;
	struct channel_list list;

	watch_ok(w);
	fault(w, "{\"match\":\"channels/stop\",\"action\":\"status\",\"status\":403,"
		 "\"reason\":\"forbidden\",\"times\":2}");
	renew_ok(w);
	assert_int_equal(result.made, 1);
	assert_int_equal(result.left, 1);
	assert_int_equal(result.stop_err.code, ERR_FORBIDDEN);
	list = our_channels(w);
	assert_int_equal(list.count, 2);
	assert_int_equal(list.items[0].state + list.items[1].state,
			 CHANNEL_ACTIVE + CHANNEL_STOPPING);
	channel_list_release(&list);
	assert_int_equal(google_channel_count(w), 2);
	watch_ok(w);
	assert_int_equal(result.left, 1);
	watch_ok(w);
	assert_int_equal(result.stopped, 1);
	assert_one_channel(w);
}

static void test_channels__one_that_google_does_not_know_is_stopped(void **state)
{
	static const int statuses[] = {404, 410};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(statuses); i++) {
		AUTO(free)
		char *f = xasprintf("{\"match\":\"channels/stop\",\"action\":\"status\","
				    "\"status\":%d,\"reason\":\"notFound\"}",
				    statuses[i]);

		watch_ok(w);
		fault(w, f);
		OK(stop_watch(w, PUSH_SWITCH_OFF));
		assert_int_equal(result.stop_err.code, ERR_NONE);
		assert_int_equal(our_count(w), 0);
	}
}

/* That may pass; the list of calendars says when it does not. The channel that there is stays. */
static void test_channels__a_calendar_that_is_not_found_is_tried_again(void **state)
{
	static const char *const answers[] = {"404,\"reason\":\"notFound\"",
					      "410,\"reason\":\"deleted\""};
	struct world *w = *state;

	watch_ok(w);
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		AUTO(calendar_release) struct calendar c = {0};
		AUTO(free)
		char *f = xasprintf("{\"match\":\"events/watch\",\"action\":\"status\","
				    "\"status\":%s}",
				    answers[i]);

		fault(w, f);
		OK(renew(w, 7 * DAY_MS));
		assert_int_equal(result.err.code, ERR_GOOGLE);
		assert_non_null(strstr(result.err.msg, "tries again"));
		assert_int_equal(result.trouble_count, 1);
		assert_int_equal(result.live_count, 1);
		OK(store_calendar_get(w->store, w->calendar.id, &c, &err));
		assert_int_equal(c.push, PUSH_ON);
		assert_int_equal(our_count(w), 1);
		assert_int_equal(hook_count(), 1);
		renew_ok(w);
		assert_int_equal(result.made, 1);
		assert_int_equal(our_count(w), 1);
	}
}

/* By it a channel that Google has just made is over. None is left behind, and none is forgotten that
 * lives. */
static void test_channels__a_clock_that_is_ahead_is_named(void **state)
{
	struct world *w = *state;

	w->clock.now_ms += 30 * DAY_MS;
	log_in(w);
	OK(watch(w));
	assert_int_equal(result.err.code, ERR_FAILED);
	assert_non_null(strstr(result.err.msg, "clock"));
	assert_int_equal(result.made + result.live_count, 0);
	assert_int_equal(google_channel_count(w), 0);
	assert_int_equal(our_count(w) + hook_count(), 0);
	w->clock.now_ms -= 30 * DAY_MS;
	log_in(w);
	watch_ok(w);
	w->clock.now_ms += 30 * DAY_MS;
	log_in(w);
	OK(renew(w, 7 * DAY_MS));
	assert_int_equal(result.err.code, ERR_FAILED);
	assert_int_equal(result.made, 0);
	assert_int_equal(google_channel_count(w), 1);
	assert_int_equal(our_count(w), 1);
	w->clock.now_ms -= 30 * DAY_MS;
	log_in(w);
	renew_ok(w);
	assert_int_equal(result.live_count, 1);
	assert_one_channel(w);
}

static void test_channels__a_calendar_that_cannot_be_pushed_is_polled(void **state)
{
	struct world *w = *state;
	int64_t holidays =
		add_calendar(w, "de.german#holiday@group.v.calendar.google.com", "reader");
	struct channels_options named = {.push = PUSH_SWITCH_ON,
					 .address = ADDRESS,
					 .window_ms = DAY_MS,
					 .calendar_id = holidays};
	AUTO(calendar_release) struct calendar c = {0};

	watch_ok(w);
	assert_int_equal(result.made, 1);
	assert_int_equal(result.trouble_count, 1);
	assert_true(result.troubles[0].unsupported);
	assert_int_equal(our_count(w), 1);
	assert_int_equal(hook_count(), 1);
	OK(store_calendar_get(w->store, holidays, &c, &err));
	assert_int_equal(c.push, PUSH_UNSUPPORTED);
	/* Not asked about again by itself; but when somebody names it. */
	forget_log(w);
	watch_ok(w);
	assert_int_equal(requests(w, NULL, ""), 0);
	OK(run_channels(w, &named));
	assert_int_equal(requests(w, NULL, "events/watch"), 1);
	assert_true(result.troubles[0].unsupported);
	assert_non_null(strstr(result.troubles[0].err.msg, "calsync sync"));
}

/* Of two calendars only one is asked for: the address is the same. The login is not at fault. */
static void test_channels__an_address_that_google_refuses_is_named(void **state)
{
	struct world *w = *state;

	add_calendar(w, "team@group.calendar.google.com", "owner");
	control(w, "POST", "/sandbox/config", "{\"webhook_verify\":true}");
	forget_log(w);
	OK(watch(w));
	assert_int_equal(result.err.code, ERR_GOOGLE);
	assert_int_equal(result.err.http_status, 401);
	assert_non_null(strstr(result.err.msg, "BACKEND_URL"));
	assert_non_null(strstr(result.err.msg, ADDRESS));
	assert_int_equal(requests(w, NULL, ""), 1);
	assert_int_equal(our_count(w), 0);
	control(w, "POST", "/sandbox/config", "{\"verified_domains\":[\"hook.example.org\"]}");
	watch_ok(w);
	assert_int_equal(result.made, 2);
}

static void test_channels__a_dead_login_asks_nothing_more(void **state)
{
	struct world *w = *state;

	seal_token(w, "access_token", "nobody's");
	OK(watch(w));
	assert_int_equal(result.err.code, ERR_NOT_CONNECTED); /* there is no refresh token */
	assert_int_equal(our_count(w), 0);
	assert_int_equal(hook_count(), 0);
	w->account.state = ACCOUNT_REAUTH_REQUIRED;
	OK(store_account_update(w->store, &w->account, &err));
	forget_log(w);
	assert_int_equal(watch(w), -1);
	assert_int_equal(err.code, ERR_TOKEN_EXPIRED);
	assert_int_equal(requests(w, NULL, ""), 0);
}

/* --- answers that are lost ----------------------------------------------------------------- */

/* The channel lives at Google; the retry meets its id, and makes another one. The first message
 * tells how the lost one can be stopped. */
static void test_channels__a_lost_answer_leaves_no_orphan(void **state)
{
	struct world *w = *state;

	fault(w, "{\"match\":\"events/watch\",\"action\":\"drop_after\"}");
	watch_ok(w);
	assert_int_equal(result.live_count, 1);
	assert_int_equal(google_channel_count(w), 2);
	assert_int_equal(our_count(w), 2);
	watch_ok(w); /* nothing is known of it yet */
	assert_int_equal(google_channel_count(w), 2);
	assert_int_equal(deliver(w), 2);
	watch_ok(w);
	assert_int_equal(result.stopped, 1);
	assert_one_channel(w);
}

static void test_channels__all_answers_lost_and_the_next_run_goes_on(void **state)
{
	struct world *w = *state;

	fault(w, "{\"match\":\"events/watch\",\"action\":\"drop_after\",\"times\":0}");
	OK(watch(w));
	assert_int_equal(result.err.code, ERR_NETWORK);
	assert_int_equal(result.live_count, 0);
	assert_int_equal(google_channel_count(w), 1);
	assert_int_equal(our_count(w), 1);
	control(w, "DELETE", "/sandbox/faults", NULL);
	deliver(w);
	renew_ok(w);
	assert_int_equal(result.made, 1);
	assert_one_channel(w);
}

static void test_channels__no_message_ever_came_and_it_is_forgotten(void **state)
{
	struct world *w = *state;

	fault(w, "{\"match\":\"events/watch\",\"action\":\"drop_before\",\"times\":0}");
	OK(watch(w));
	assert_int_equal(our_count(w), 1);
	control(w, "DELETE", "/sandbox/faults", NULL);
	pass_time(w, 8 * DAY_MS);
	log_in(w);
	renew_ok(w);
	assert_one_channel(w);
}

static void test_channels__an_answer_that_is_none_is_not_believed(void **state)
{
	struct world *w = *state;

	fault(w, "{\"match\":\"events/watch\",\"action\":\"garbage\",\"times\":0}");
	OK(watch(w));
	assert_int_equal(result.err.code, ERR_NETWORK);
	assert_int_equal(our_count(w), 1);
}

static bool look(struct world *w, int64_t window_ms)
{
	struct channels_options o = {.address = ADDRESS, .window_ms = window_ms, .look = true};

	forget_log(w);
	OK(run_channels(w, &o));
	assert_int_equal(requests(w, NULL, ""), 0);
	assert_int_equal(result.made + result.stopped, 0);
	return result.due;
}

static void test_channels__a_look_says_whether_there_is_something_to_do(void **state)
{
	struct world *w = *state;

	assert_false(look(w, DAY_MS)); /* no calendar is watched */
	assert_int_equal(result.live_count, 0);
	watch_ok(w);
	assert_false(look(w, DAY_MS));
	assert_int_equal(result.live_count, 1);
	assert_true(look(w, 7 * DAY_MS));
	assert_one_channel(w); /* and nothing was done */
	OK(store_calendar_set_selected(w->store, w->calendar.id, false, &err));
	assert_true(look(w, DAY_MS)); /* it is to be stopped */
	renew_ok(w);
	assert_false(look(w, DAY_MS));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CHANNEL_TEST(test_channels__one_is_made_and_a_second_watch_asks_nothing),
		CHANNEL_TEST(test_channels__messages_are_known_by_their_token),
		CHANNEL_TEST(test_channels__renewal_makes_the_new_one_then_stops_the_old),
		CHANNEL_TEST(test_channels__what_no_calendar_wants_is_stopped),
		CHANNEL_TEST(test_channels__an_end_of_all_leaves_what_is_wanted_written_down),
		CHANNEL_TEST(test_channels__another_address_makes_another_one),
		CHANNEL_TEST(test_channels__one_that_the_webhook_does_not_know_is_replaced),
		CHANNEL_TEST(test_channels__a_named_calendar_alone),
		CHANNEL_TEST(test_channels__a_stop_that_fails_is_tried_again),
		CHANNEL_TEST(test_channels__one_that_google_does_not_know_is_stopped),
		CHANNEL_TEST(test_channels__a_calendar_that_is_not_found_is_tried_again),
		CHANNEL_TEST(test_channels__a_clock_that_is_ahead_is_named),
		CHANNEL_TEST(test_channels__a_calendar_that_cannot_be_pushed_is_polled),
		CHANNEL_TEST(test_channels__an_address_that_google_refuses_is_named),
		CHANNEL_TEST(test_channels__a_dead_login_asks_nothing_more),
		CHANNEL_TEST(test_channels__a_lost_answer_leaves_no_orphan),
		CHANNEL_TEST(test_channels__all_answers_lost_and_the_next_run_goes_on),
		CHANNEL_TEST(test_channels__no_message_ever_came_and_it_is_forgotten),
		CHANNEL_TEST(test_channels__an_answer_that_is_none_is_not_believed),
		CHANNEL_TEST(test_channels__a_look_says_whether_there_is_something_to_do),
	};

	return cmocka_run_group_tests_name("channels", tests, NULL, NULL);
}
