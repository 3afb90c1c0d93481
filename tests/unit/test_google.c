/* Calls, retries, pace and batches: over a real store, scripted answers, the fake Google. */
#include "google_bench.h"

#include "google/backoff.h"

/* --- a call ------------------------------------------------------------------------------ */

static void test_call__sends_what_it_is_given(void **state)
{
	static const struct scripted_answer good[] = {OK_EVENT};
	AUTO(bench_release) struct bench b;
	AUTO(json_object_put) struct json_object *body = json_object_new_object();
	AUTO(json_object_put) struct json_object *out = NULL;
	struct gcall call = {.method = "PATCH",
			     .path = "calendars/a%40b/events/e1?sendUpdates=none",
			     .body = body,
			     .if_match = "\"77\""};
	struct err err;

	(void)state;
	bench_init(&b, good, 1);
	json_set_str(body, "summary", "x");
	assert_int_equal(google_call(b.g, &call, &out, &err), 0);
	assert_string_equal(json_str(out, "id"), "e1");
	assert_int_equal(b.script.asked_count, 1);
	assert_string_equal(b.script.asked[0].method, "PATCH");
	assert_string_equal(b.script.asked[0].url,
			    BASE "/calendar/v3/calendars/a%40b/events/e1?sendUpdates=none");
	assert_string_equal(b.script.asked[0].body, "{\"summary\":\"x\"}");
	assert_string_equal(b.script.asked[0].headers,
			    "Authorization: Bearer at-1\n"
			    "Content-Type: application/json; charset=UTF-8\n"
			    "If-Match: \"77\"\n");
	assert_int_equal(google_requests(b.g), 1);
}

static void test_call__refuses_what_could_break_out(void **state)
{
	static const struct scripted_answer good[] = {OK_EVENT};
	static const char *const paths[] = {"", "/x", "a b", "a\r\nX: y", "caf\xc3\xa9", "a\x7f"};
	static const char *const etags[] = {"", "\"1\"\r\nX: y", "\"\x01\"", "\"\xc3\xa9\""};
	AUTO(bench_release) struct bench b;
	struct gresult result;
	struct err err;

	(void)state;
	bench_init(&b, good, 1);
	for (size_t i = 0; i < ARRAY_SIZE(paths) + ARRAY_SIZE(etags); i++) {
		bool path = i < ARRAY_SIZE(paths);
		struct gcall call = {.method = "GET",
				     .path = path ? paths[i] : "colors",
				     .if_match = path ? NULL : etags[i - ARRAY_SIZE(paths)]};

		assert_int_equal(google_call(b.g, &call, NULL, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		assert_int_equal(google_batch(b.g, &call, 1, &result, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
	}
	assert_int_equal(b.script.asked_count, 0);
}

static void test_call__empty_answers(void **state)
{
	static const struct scripted_answer empty[] = {
		FAIL(204), FAIL(200), {200, NULL, " \n"}, FAIL(200)};
	AUTO(bench_release) struct bench b;
	struct gcall delete = {.method = "DELETE", .path = "calendars/a/events/e1"};
	struct json_object *out = (struct json_object *)&b;
	struct err err;

	(void)state;
	bench_init(&b, empty, ARRAY_SIZE(empty));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(google_call(b.g, &delete, &out, &err), 0);
		assert_null(out);
	}
	/* Not wanted, not read. */
	delete.method = "POST";
	assert_int_equal(google_call(b.g, &delete, NULL, &err), 0);
}

/* --- retries ----------------------------------------------------------------------------- */

static void test_retry__what_may_pass_is_tried_again(void **state)
{
	static const struct scripted_answer trouble[] = {
		DROPPED,
		FAIL(500),
		FAIL(503),
		REASON(403, "rateLimitExceeded"),
		REASON(403, "userRateLimitExceeded"),
		REASON(429, "rateLimitExceeded"),
		REASON(409, "conflict"),
		{200, NULL, "<html>not Google</html>"},
		{200, NULL, "{\"id\": \"cut sho"},
		FAIL(200),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(trouble); i++) {
		struct scripted_answer answers[] = {trouble[i], trouble[i], OK_EVENT};
		AUTO(bench_release) struct bench b;

		bench_init(&b, answers, 3);
		get_good(&b);
		assert_int_equal(b.script.asked_count, 3);
		assert_int_equal(b.clock.sleeps, 2);
		assert_in_range(b.clock.slept, 2, 3000);
	}
}

static void test_retry__what_will_not_pass_is_not(void **state)
{
	static const struct scripted_answer trouble[] = {
		REASON(400, "invalid"),
		REASON(403, "forbidden"),
		REASON(403, "quotaExceeded"),
		REASON(403, "dailyLimitExceeded"),
		REASON(403, "accessNotConfigured"),
		REASON(404, "notFound"),
		REASON(409, "duplicate"),
		REASON(410, "fullSyncRequired"),
		REASON(410, "deleted"),
		REASON(412, "conditionNotMet"),
		{302, "Location: https://evil.test/", ""},
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(trouble); i++) {
		AUTO(bench_release) struct bench b;

		bench_init(&b, &trouble[i], 1);
		assert_int_equal(get(&b, &err), -1);
		assert_int_equal(err.http_status, trouble[i].status);
		assert_int_equal(b.script.asked_count, 1);
		assert_int_equal(b.clock.sleeps, 0);
	}
}

static void test_retry__ends_after_six_tries(void **state)
{
	static const struct scripted_answer trouble[] = {FAIL(503)};
	AUTO(bench_release) struct bench b;
	struct err err;

	(void)state;
	bench_init(&b, trouble, 1);
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.code, ERR_NETWORK);
	assert_int_equal(err.http_status, 503);
	assert_int_equal(b.script.asked_count, BACKOFF_TRIES);
	assert_in_range(b.clock.slept, 5, 1000 + 2000 + 4000 + 8000 + 16000);
}

static void test_retry__once_means_once(void **state)
{
	static const struct scripted_answer trouble[] = {DROPPED, FAIL(503),
							 REASON(403, "rateLimitExceeded")};
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(trouble); i++) {
		AUTO(bench_release) struct bench b;

		bench_init(&b, &trouble[i], 1);
		b.o.patience = GOOGLE_ONCE;
		reopen(&b);
		assert_int_equal(get(&b, &err), -1);
		assert_int_equal(b.script.asked_count, 1);
		assert_int_equal(b.clock.sleeps, 0);
	}
}

static void test_retry__stops_before_the_deadline(void **state)
{
	static const struct scripted_answer trouble[] = {FAIL(503)};
	AUTO(bench_release) struct bench b;
	struct err err;

	(void)state;
	bench_init(&b, trouble, 1);
	b.o.deadline_ms = b.clock.mono + 3000;
	reopen(&b);
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.http_status, 503);
	assert_in_range(b.script.asked_count, 2, 5);
	assert_in_range(b.clock.slept, 1, 2999);
}

static void test_once__the_deadline_bounds_the_request(void **state)
{
	static const struct scripted_answer good[] = {OK_EVENT};
	AUTO(bench_release) struct bench b;
	struct err err;

	(void)state;
	bench_init(&b, good, 1);
	b.o.patience = GOOGLE_ONCE;
	b.o.timeout_ms = 5000;
	b.o.deadline_ms = b.clock.mono + 8000;
	reopen(&b);
	get_good(&b);
	assert_int_equal(b.script.last_timeout_ms, 5000);
	b.clock.mono += 6000;
	get_good(&b);
	assert_int_equal(b.script.last_timeout_ms, 2000);
	b.clock.mono += 2000;
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.code, ERR_NETWORK);
	assert_int_equal(b.script.asked_count, 2);
}

static void test_retry__token_endpoint_is_retried_too(void **state)
{
	static const struct scripted_answer answers[] = {FAIL(503), DROPPED, TOKEN_OK("at-2"),
							 OK_EVENT};
	AUTO(bench_release) struct bench b;
	AUTO(account_release) struct account a = {0};

	(void)state;
	bench_init(&b, answers, ARRAY_SIZE(answers));
	set_expiry(&b, 0);
	get_good(&b);
	assert_int_equal(b.script.asked_count, 4);
	row(&b, &a);
	assert_int_equal(a.state, ACCOUNT_CONNECTED);
}

static void test_retry_after__is_a_lower_bound(void **state)
{
	static const struct scripted_answer answers[] = {
		{429, "Retry-After: 7", "{}"}, {503, "Retry-After: 60", ""}, OK_EVENT};
	AUTO(bench_release) struct bench b;
	AUTO(account_release) struct account a = {0};

	(void)state;
	bench_init(&b, answers, ARRAY_SIZE(answers));
	get_good(&b);
	assert_in_range(b.script.asked[1].at_ms - b.script.asked[0].at_ms, 7000, 9000);
	assert_in_range(b.script.asked[2].at_ms - b.script.asked[1].at_ms, 60000, 62000);
	row(&b, &a);
	assert_int_equal(a.not_before_ms, 0);
}

static void test_retry_after__long_ones_end_the_run_and_bind_the_next(void **state)
{
	static const struct scripted_answer answers[] = {
		{403, "Retry-After: 600",
		 "{\"error\":{\"errors\":[{\"reason\":\"rateLimitExceeded\"}]}}"},
		OK_EVENT};
	AUTO(bench_release) struct bench b;
	AUTO(account_release) struct account a = {0};
	struct err err;

	(void)state;
	bench_init(&b, answers, ARRAY_SIZE(answers));
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.code, ERR_RATE_LIMITED);
	assert_int_equal(err.retry_after, 600);
	assert_int_equal(b.clock.sleeps, 0);
	row(&b, &a);
	assert_int_equal(a.not_before_ms, NOW_MS + 600000);
	/* Again at once, also from a new process: nothing goes out. */
	assert_int_equal(get(&b, &err), -1);
	reopen(&b);
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.code, ERR_RATE_LIMITED);
	assert_int_equal(err.retry_after, 600);
	assert_int_equal(b.script.asked_count, 1);
	/* Half a minute before its end a patient call waits for it; an impatient one does not. */
	b.clock.now += 570000;
	b.o.patience = GOOGLE_ONCE;
	reopen(&b);
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.retry_after, 30);
	b.o.patience = GOOGLE_PATIENT;
	reopen(&b);
	get_good(&b);
	assert_int_equal(b.script.asked[1].at_ms, NOW_MS + 600000);
}

static void test_retry_after__a_clock_that_was_wrong_keeps_nobody_away(void **state)
{
	static const struct scripted_answer answers[] = {
		{429, "Retry-After: 86400", "{}"}, OK_EVENT, {429, "Retry-After: 600", "{}"}};
	AUTO(bench_release) struct bench b;
	AUTO(account_release) struct account a = {0};
	struct err err;

	(void)state;
	bench_init(&b, answers, ARRAY_SIZE(answers));
	assert_int_equal(get(&b, &err), -1);
	/* A whole day is the most that is kept. */
	reopen(&b);
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.retry_after, 86400);
	assert_int_equal(b.script.asked_count, 1);
	b.clock.now -= 1000;
	reopen(&b);
	get_good(&b);
	/* What Google says then takes its place. */
	assert_int_equal(get(&b, &err), -1);
	row(&b, &a);
	assert_int_equal(a.not_before_ms, b.clock.now + 600000);
}

static void test_retry_after__impatient_calls_note_it(void **state)
{
	static const struct scripted_answer answers[] = {{503, "Retry-After: 20", ""}};
	AUTO(bench_release) struct bench b;
	AUTO(account_release) struct account a = {0};
	struct err err;

	(void)state;
	bench_init(&b, answers, 1);
	b.o.patience = GOOGLE_ONCE;
	reopen(&b);
	assert_int_equal(get(&b, &err), -1);
	row(&b, &a);
	assert_int_equal(a.not_before_ms, NOW_MS + 20000);
}

/* --- pace and clock ---------------------------------------------------------------------- */

static void test_pace__ten_a_second_and_six_hundred_units_a_minute(void **state)
{
	static const struct scripted_answer good[] = {OK_EVENT};
	AUTO(bench_release) struct bench b;
	struct gcall patch = {.method = "PATCH", .path = "calendars/a/events/e1"};
	struct err err;

	(void)state;
	bench_init(&b, good, 1);
	for (int i = 0; i < 250; i++)
		assert_int_equal(google_call(b.g, &patch, NULL, &err), 0);
	for (size_t i = 10; i < b.script.asked_count; i++)
		assert_true(b.script.asked[i].at_ms - b.script.asked[i - 10].at_ms >= 1000);
	/* 200 patches are 600 units. */
	for (size_t i = 200; i < b.script.asked_count; i++)
		assert_true(b.script.asked[i].at_ms - b.script.asked[i - 200].at_ms >= 60000);
	assert_in_range(b.clock.slept, 60000, 66000);
}

static void test_pace__token_requests_count(void **state)
{
	static const struct scripted_answer answers[] = {UNAUTH, TOKEN_OK("at-2"), UNAUTH};
	AUTO(bench_release) struct bench b;
	struct err err;

	(void)state;
	bench_init(&b, answers, ARRAY_SIZE(answers));
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(google_requests(b.g), 3);
}

static void test_skew__from_the_date_header(void **state)
{
	static const struct scripted_answer answers[] = {
		{200, "Date: Thu, 15 Jan 2026 08:01:00 GMT", "{}"},
		{503, "Date: Thu, 15 Jan 2026 07:59:00 GMT", ""},
		{200, NULL, "{}"},
	};
	AUTO(bench_release) struct bench b;

	(void)state;
	bench_init(&b, answers, ARRAY_SIZE(answers));
	assert_int_equal(google_clock_skew_ms(b.g), 0);
	get_good(&b);
	assert_int_equal(google_clock_skew_ms(b.g), 60500);
	get_good(&b); /* the refusal had a Date, the answer after it none */
	assert_in_range(google_clock_skew_ms(b.g) + 70000, 10000, 10500);
}

/* --- batches ----------------------------------------------------------------------------- */

#define BATCH_TYPE "Content-Type: multipart/mixed; boundary=b1"
#define PART(id, status, body)                                                     \
	"--b1\r\nContent-Type: application/http\r\nContent-ID: <response-item-" id \
	">\r\n\r\nHTTP/1.1 " status "\r\nContent-Type: application/json\r\n\r\n" body "\r\n"

static void three_calls(struct gcall calls[3])
{
	for (int i = 0; i < 3; i++)
		calls[i] = (struct gcall){.method = i == 2 ? "DELETE" : "PATCH",
					  .path = "calendars/a/events/e1"};
}

static void release_results(struct gresult *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		gresult_release(&r[i]);
}

static void test_batch__each_part_has_its_own_fate(void **state)
{
	static const struct scripted_answer answers[] = {
		{200, BATCH_TYPE,
		 PART("2", "204 No Content", "")
			 PART("1", "412 Precondition Failed",
			      "{\"error\":{\"errors\":[{\"reason\":\"conditionNotMet\"}]}}")
				 PART("0", "200 OK", "{\"id\": \"e0\"}") "--b1--\r\n"},
	};
	AUTO(bench_release) struct bench b;
	struct gcall calls[3];
	struct gresult r[3];
	struct err err;

	(void)state;
	bench_init(&b, answers, 1);
	three_calls(calls);
	assert_int_equal(google_batch(b.g, calls, 3, r, &err), 0);
	assert_int_equal(b.script.asked_count, 1);
	assert_int_equal(google_requests(b.g), 1);
	assert_string_equal(b.script.asked[0].url, BASE "/batch/calendar/v3");
	assert_true(bearer_is(&b.script.asked[0], "at-1"));
	assert_int_equal(r[0].status, 200);
	assert_int_equal(r[0].err.code, ERR_NONE);
	assert_string_equal(json_str(r[0].json, "id"), "e0");
	assert_int_equal(r[1].status, 412);
	assert_int_equal(r[1].err.code, ERR_PRECONDITION);
	assert_string_equal(r[1].err.reason, "conditionNotMet");
	assert_int_equal(r[2].status, 204);
	assert_null(r[2].json);
	assert_int_equal(r[2].err.code, ERR_NONE);
	release_results(r, 3);
}

static void test_batch__lost_and_garbled_parts_are_unknown(void **state)
{
	static const struct scripted_answer answers[] = {
		{200, BATCH_TYPE,
		 PART("0", "200 OK", "{\"id\": \"e")
			 PART("2", "401 Unauthorized", "") "--b1--\r\n"},
	};
	AUTO(bench_release) struct bench b;
	struct gcall calls[3];
	struct gresult r[3];
	struct err err;

	(void)state;
	bench_init(&b, answers, 1);
	three_calls(calls);
	assert_int_equal(google_batch(b.g, calls, 3, r, &err), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(r[i].status, 0);
		assert_int_equal(r[i].err.code, ERR_NETWORK);
		assert_null(r[i].json);
	}
	assert_int_equal(r[2].status, 401);
	assert_int_equal(r[2].err.code, ERR_UNAUTHORIZED);
	release_results(r, 3);
}

static void test_batch__outer_trouble_is_handled_like_a_call_s(void **state)
{
	static const struct scripted_answer answers[] = {
		UNAUTH,
		TOKEN_OK("at-2"),
		FAIL(503),
		DROPPED,
		{200, "Content-Type: text/html", "<html>"},
		{200, BATCH_TYPE,
		 PART("0", "200 OK", "{}") PART("1", "200 OK", "{}")
			 PART("2", "204 x", "") "--b1--"},
	};
	AUTO(bench_release) struct bench b;
	struct gcall calls[3];
	struct gresult r[3];
	struct err err;

	(void)state;
	bench_init(&b, answers, ARRAY_SIZE(answers));
	three_calls(calls);
	assert_int_equal(google_batch(b.g, calls, 3, r, &err), 0);
	assert_int_equal(b.script.asked_count, 6);
	assert_string_equal(b.script.asked[0].body, b.script.asked[5].body);
	assert_int_equal(r[2].status, 204);
	release_results(r, 3);
}

static void test_batch__malformed_answers_fail_the_whole(void **state)
{
	static const struct scripted_answer answers[] = {{200, BATCH_TYPE, "--b1--"}};
	AUTO(bench_release) struct bench b;
	struct gcall calls[3];
	struct gresult r[3];
	struct err err;

	(void)state;
	bench_init(&b, answers, 1);
	b.o.patience = GOOGLE_ONCE;
	reopen(&b);
	three_calls(calls);
	assert_int_equal(google_batch(b.g, calls, 3, r, &err), -1);
	assert_int_equal(err.code, ERR_GOOGLE);
	assert_int_equal(err.http_status, 200);
	assert_int_equal(google_batch(b.g, calls, 0, r, &err), 0);
	assert_int_equal(b.script.asked_count, 1);
}

static void test_batch__parts_count_as_calls(void **state)
{
	static const struct scripted_answer answers[] = {
		{200, BATCH_TYPE, PART("0", "200 OK", "{}") "--b1--"}};
	AUTO(bench_release) struct bench b;
	struct gcall calls[50];
	struct gresult r[50];
	struct err err;

	(void)state;
	bench_init(&b, answers, 1);
	for (int i = 0; i < 50; i++)
		calls[i] = (struct gcall){.method = "PATCH", .path = "calendars/a/events/e1"};
	for (int i = 0; i < 5; i++) {
		assert_int_equal(google_batch(b.g, calls, 50, r, &err), 0);
		release_results(r, 50);
	}
	/* Four times 150 units are a minute's worth. */
	assert_in_range(b.script.asked[3].at_ms - b.script.asked[0].at_ms, 0, 1000);
	assert_in_range(b.script.asked[4].at_ms - b.script.asked[0].at_ms, 60000, 61000);
}

/* --- the fake Google --------------------------------------------------------------------- */

/* A client that is connected to the fake with a token that the fake issued. */
static struct fg *connect_fake(struct bench *b)
{
	struct fg_options o = {.seed = 3, .now_ms = NOW_MS, .base_url = BASE};
	struct fg *fg = fg_new(&o);
	AUTO(json_object_put)
	struct json_object *token =
		fake_ask(fg, "POST", "/sandbox/token", "application/json", "{}", NULL);

	b->o.transport = fg_transport_new(fg);
	put_secret(b, "access_token", json_str(token, "access_token"));
	reopen(b);
	return fg;
}

static void test_fake__batch_and_calls_agree(void **state)
{
	static const char text[] =
		"{\"id\": \"aaaaa1\", \"summary\": \"s\", \"start\": {\"date\": \"2026-02-01\"},"
		" \"end\": {\"date\": \"2026-02-02\"}}";
	AUTO(bench_release) struct bench b;
	AUTO(json_object_put) struct json_object *body = NULL;
	AUTO(json_object_put) struct json_object *event = NULL;
	AUTO(json_object_put) struct json_object *violations = NULL;
	struct gcall calls[] = {
		{.method = "GET", .path = "calendars/primary/events/aaaaa1"},
		{.method = "PATCH", .path = "calendars/primary/events/aaaaa1", .if_match = "\"0\""},
		{.method = "GET", .path = "users/me/calendarList/primary"},
		{.method = "DELETE", .path = "calendars/primary/events/nosuch"},
	};
	struct gcall insert = {.method = "POST", .path = "calendars/primary/events"};
	struct gresult r[ARRAY_SIZE(calls)];
	struct fg *fg;
	struct err err;

	(void)state;
	bench_init(&b, NULL, 0);
	fg = connect_fake(&b);
	assert_int_equal(json_parse(text, sizeof(text) - 1, &body, &err), 0);
	insert.body = body;
	if (google_call(b.g, &insert, &event, &err))
		fail_msg("%s", err.msg);
	calls[1].body = body;
	json_del(body, "id");
	if (google_batch(b.g, calls, ARRAY_SIZE(calls), r, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(r[0].status, 200);
	assert_true(json_equal(r[0].json, event));
	assert_int_equal(r[1].err.code, ERR_PRECONDITION);
	assert_string_equal(json_str(r[2].json, "id"), "user1@example.com");
	assert_int_equal(r[3].err.code, ERR_NOT_FOUND);
	release_results(r, ARRAY_SIZE(r));
	assert_int_equal(google_call(b.g, &insert, NULL, &err), 0);
	violations = fake_ask(fg, "GET", "/sandbox/violations", NULL, NULL, NULL);
	for (size_t i = 0; i < json_object_array_length(violations); i++) {
		struct json_object *v = json_object_array_get_idx(violations, i);

		/* Those headers are http.c's: see test_http. */
		assert_non_null(strstr(json_str(v, "what"), "no gzip"));
	}
	b.o.transport->free(b.o.transport);
	fg_free(fg);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_call__sends_what_it_is_given),
		cmocka_unit_test(test_call__refuses_what_could_break_out),
		cmocka_unit_test(test_call__empty_answers),
		cmocka_unit_test(test_retry__what_may_pass_is_tried_again),
		cmocka_unit_test(test_retry__what_will_not_pass_is_not),
		cmocka_unit_test(test_retry__ends_after_six_tries),
		cmocka_unit_test(test_retry__once_means_once),
		cmocka_unit_test(test_retry__stops_before_the_deadline),
		cmocka_unit_test(test_once__the_deadline_bounds_the_request),
		cmocka_unit_test(test_retry__token_endpoint_is_retried_too),
		cmocka_unit_test(test_retry_after__is_a_lower_bound),
		cmocka_unit_test(test_retry_after__long_ones_end_the_run_and_bind_the_next),
		cmocka_unit_test(test_retry_after__a_clock_that_was_wrong_keeps_nobody_away),
		cmocka_unit_test(test_retry_after__impatient_calls_note_it),
		cmocka_unit_test(test_pace__ten_a_second_and_six_hundred_units_a_minute),
		cmocka_unit_test(test_pace__token_requests_count),
		cmocka_unit_test(test_skew__from_the_date_header),
		cmocka_unit_test(test_batch__each_part_has_its_own_fate),
		cmocka_unit_test(test_batch__lost_and_garbled_parts_are_unknown),
		cmocka_unit_test(test_batch__outer_trouble_is_handled_like_a_call_s),
		cmocka_unit_test(test_batch__malformed_answers_fail_the_whole),
		cmocka_unit_test(test_batch__parts_count_as_calls),
		cmocka_unit_test(test_fake__batch_and_calls_agree),
	};

	return cmocka_run_group_tests_name("google", tests, temp_dir_make, temp_dir_remove);
}
