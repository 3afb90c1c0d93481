/* Push channels: watch, messages, delivery, stop. */
#include "fg_edge_fixture.h"

#define TEST(name) cmocka_unit_test(test_fg_push__##name)
#define WATCH      PRIMARY "/watch"
#define DAY_MS     86400000LL

static void watch(struct google *g, const char *id, const char *more)
{
	AUTO(free)
	char *body = xasprintf("{\"id\":\"%s\",\"type\":\"web_hook\","
			       "\"address\":\"https://example.com/hook\"%s}",
			       id, more);

	google(g, "POST", WATCH, body);
}

static void stop(struct google *g, const char *token, const char *id, const char *resource)
{
	AUTO(free) char *body = xasprintf("{\"id\":\"%s\",\"resourceId\":\"%s\"}", id, resource);

	google_send(g, token, "POST", "/calendar/v3/channels/stop", body);
}

/* Take the next message and answer it with this status (0 = not delivered). Its "state number",
 * or "" when none waits; static. */
static const char *deliver(struct google *g, int status)
{
	static char text[64];
	struct http_request req;

	if (!fg_next_notification(g->fg, &req))
		return "";
	snprintf(text, sizeof(text), "%s %s",
		 http_headers_get(&req.headers, "X-Goog-Resource-State"),
		 http_headers_get(&req.headers, "X-Goog-Message-Number"));
	fg_notification_result(g->fg, &req, status);
	fg_notification_release(&req);
	return text;
}

/* The number of an exists message that must wait now. */
static long exists(struct google *g, int status)
{
	const char *text = deliver(g, status);

	assert_int_equal(strncmp(text, "exists ", 7), 0);
	return strtol(text + 7, NULL, 10);
}

static void change(struct google *g)
{
	static int n;
	AUTO(free) char *id = xasprintf("event%04d", n++);

	add_simple(g, id, 5, "");
}

/* -- watch -------------------------------------------------------------------------------------- */

static void test_fg_push__answer(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	watch(g, "c1", ",\"token\":\"t\",\"payload\":true");
	assert_status(g, 200);
	assert_string_equal(json_str(g->json, "kind"), "api#channel");
	assert_string_equal(json_str(g->json, "id"), "c1");
	assert_string_equal(json_str(g->json, "token"), "t");
	assert_string_equal(json_str(g->json, "resourceUri"),
			    "https://www.googleapis.com/calendar/v3/calendars/"
			    "user1%40example.com/events?alt=json");
	/* int64 as a string; seven days when nothing was asked for */
	assert_true(json_object_is_type(json_get(g->json, "expiration"), json_type_string));
	assert_int_equal(json_int(g->json, "expiration", 0), FG_TEST_NOW + 7 * DAY_MS);
}

static void test_fg_push__refuses(void **state)
{
	static const struct {
		const char *body;
		int status;
		const char *reason;
	} cases[] = {
		{"{}", 400, "required"},
		{"{\"id\":\"a\"}", 400, "required"},
		{"{\"id\":\"a\",\"type\":\"web_hook\"}", 400, "required"},
		{"{\"id\":\"a\",\"type\":\"mail\",\"address\":\"https://x.example/\"}", 400,
		 "invalid"},
		{"{\"id\":\"a b\",\"type\":\"web_hook\",\"address\":\"https://x.example/\"}", 400,
		 "invalid"},
		{"{\"id\":\"01234567890123456789012345678901234567890123456789012345678901234\","
		 "\"type\":\"web_hook\",\"address\":\"https://x.example/\"}",
		 400, "invalid"},
		{"{\"id\":\"a\",\"type\":\"web_hook\",\"address\":\"http://x.example/\"}", 400,
		 "push.webhookUrlNotHttps"},
		{"{\"id\":\"a\",\"type\":\"web_hook\",\"address\":\"http://127.0.0.1/\"}", 400,
		 "push.webhookUrlNotHttps"},
		{"{\"id\":\"a\",\"type\":\"web_hook\",\"address\":\"x.example\"}", 400,
		 "push.webhookUrlNotHttps"},
		{"{\"id\":\"a\",\"type\":\"web_hook\",\"address\":\"https:///path\"}", 400,
		 "push.webhookUrlNoHostOrAddress"},
		{"{\"id\":\"a\",\"type\":\"web_hook\",\"address\":\"https://x.example/\","
		 "\"expiration\":1}",
		 400, "invalid"},
		{"{\"id\":\"a\",\"type\":\"web_hook\",\"address\":\"https://x.example/\","
		 "\"params\":{\"ttl\":\"-5\"}}",
		 400, "invalid"},
	};
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = xmalloc(258);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		google(g, "POST", WATCH, cases[i].body);
		assert_refused(g, cases[i].status, cases[i].reason);
	}
	assert_non_null(strstr(g->last.body.buf, "message"));
	memset(token, 't', 257);
	token[257] = '\0';
	AUTO(free) char *more = xasprintf(",\"token\":\"%s\"", token);

	watch(g, "a", more);
	assert_refused(g, 400, "invalid");
	google(g, "POST", WATCH "?syncToken=x",
	       "{\"id\":\"a\",\"type\":\"web_hook\",\"address\":\"https://x.example/\"}");
	assert_refused(g, 400, "invalid");
	/* nothing of that made a channel */
	assert_int_equal(
		json_object_array_length(json_get(control(g, "GET", "state", NULL), "channels")),
		0);
	assert_string_equal(deliver(g, 200), "");
}

static void test_fg_push__messages_of_refusals(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	google(g, "POST", WATCH,
	       "{\"id\":\"a\",\"type\":\"web_hook\",\"address\":\"http://x.example/h\"}");
	assert_string_equal(json_path_str(g->json, "error/message"),
			    "WebHook callback must be HTTPS: http://x.example/h");
	watch(g, "c1", "");
	watch(g, "c1", "");
	assert_refused(g, 400, "channelIdNotUnique");
	assert_string_equal(json_path_str(g->json, "error/message"), "Channel id c1 not unique");
}

static void test_fg_push__loopback_http_on_request(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	configure(g, "{\"allow_http_webhook\":true}");
	google(g, "POST", WATCH,
	       "{\"id\":\"a\",\"type\":\"webhook\",\"address\":\"http://127.0.0.1:80/\"}");
	assert_status(g, 200);
	google(g, "POST", WATCH,
	       "{\"id\":\"b\",\"type\":\"web_hook\",\"address\":\"http://127.0.0.1.x.example/\"}");
	assert_refused(g, 400, "push.webhookUrlNotHttps");
}

static void test_fg_push__domain_verification(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	configure(g, "{\"webhook_verify\":true,\"verified_domains\":[\"good.example\"]}");
	watch(g, "a", "");
	assert_refused(g, 401, "push.webhookUrlUnauthorized");
	google(g, "POST", WATCH,
	       "{\"id\":\"a\",\"type\":\"web_hook\",\"address\":\"https://good.example/\"}");
	assert_status(g, 200);
}

static void test_fg_push__lifetime(void **state)
{
	static const struct {
		const char *more;
		long long ms;
	} cases[] = {
		{",\"params\":{\"ttl\":\"3600\"}", 3600000},
		{",\"params\":{\"ttl\":\"99999999\"}", 30 * DAY_MS},
		{",\"expiration\":1767229200000", 3600000},
		{",\"expiration\":\"1767229200000\"", 3600000},
		{",\"expiration\":1797229200000", 30 * DAY_MS},
		{",\"params\":{\"ttl\":\"60\"},\"expiration\":1767229200000", 60000},
	};
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(free) char *id = xasprintf("c%zu", i);

		watch(g, id, cases[i].more);
		assert_status(g, 200);
		assert_int_equal(json_int(g->json, "expiration", 0), FG_TEST_NOW + cases[i].ms);
	}
}

static void test_fg_push__unwatchable(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	static const char body[] =
		"{\"id\":\"a\",\"type\":\"web_hook\",\"address\":\"https://x.example/\"}";

	(void)state;
	control(g, "POST", "calendars",
		"{\"id\":\"en.german#holiday@group.v.calendar.google.com\",\"summary\":\"H\","
		"\"accessRole\":\"reader\",\"watchable\":false}");
	google(g, "POST",
	       "/calendar/v3/calendars/en.german%23holiday%40group.v.calendar.google.com/events/"
	       "watch",
	       body);
	assert_refused(g, 400, "pushNotSupportedForRequestedResource");
	google(g, "POST", "/calendar/v3/calendars/no%40example.com/events/watch", body);
	assert_refused(g, 404, "notFound");
	/* and the id is still free */
	google(g, "POST", WATCH, body);
	assert_status(g, 200);
}

/* -- messages ----------------------------------------------------------------------------------- */

static void test_fg_push__message_headers(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	struct http_request req;

	(void)state;
	watch(g, "c1", ",\"token\":\"secret\"");
	assert_true(fg_next_notification(g->fg, &req));
	assert_string_equal(req.method, "POST");
	assert_string_equal(req.url, "https://example.com/hook");
	assert_int_equal(req.body_len, 0);
#define HEADER(name, want) assert_string_equal(http_headers_get(&req.headers, name), want)
	HEADER("X-Goog-Channel-ID", "c1");
	HEADER("X-Goog-Channel-Token", "secret");
	HEADER("X-Goog-Message-Number", "1");
	HEADER("X-Goog-Resource-State", "sync");
	HEADER("X-Goog-Resource-ID", json_str(g->json, "resourceId"));
	HEADER("X-Goog-Resource-URI", json_str(g->json, "resourceUri"));
	HEADER("X-Goog-Channel-Expiration", "Thu, 08 Jan 2026 00:00:00 GMT");
	assert_int_equal(strncmp(http_headers_get(&req.headers, "User-Agent"), "APIs-Google", 11),
			 0);
	fg_notification_result(g->fg, &req, 200);
	fg_notification_release(&req);
	assert_string_equal(deliver(g, 200), "");
}

static void test_fg_push__every_kind_of_change(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	long last = 1;

	(void)state;
	watch(g, "c1", "");
	assert_string_equal(deliver(g, 200), "sync 1");
	for (int i = 0; i < 4; i++) {
		long number;

		if (i == 0)
			add_simple(g, "event01", 5, "");
		else if (i == 1)
			google(g, "PATCH", PRIMARY "/event01", "{\"summary\":\"b\"}");
		else if (i == 2)
			google(g, "DELETE", PRIMARY "/event01", NULL);
		else
			google(g, "PATCH", PRIMARY "/event01", "{\"status\":\"confirmed\"}");
		number = exists(g, 200);
		assert_true(number > last);
		last = number;
		assert_string_equal(deliver(g, 200), "");
	}
	/* a read or a refused write is no change */
	google(g, "GET", PRIMARY, NULL);
	google(g, "DELETE", PRIMARY "/never00", NULL);
	assert_string_equal(deliver(g, 200), "");
	/* 4 exists messages that were numbered 2 to 5 would have no gaps */
	assert_true(last > 5);
}

static void test_fg_push__changes_merge(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	watch(g, "c1", "");
	deliver(g, 200);
	change(g);
	change(g);
	change(g);
	exists(g, 200);
	assert_string_equal(deliver(g, 200), "");
}

static void test_fg_push__two_channels_one_resource(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *resource = NULL;

	(void)state;
	watch(g, "c1", "");
	resource = xstrdup(json_str(g->json, "resourceId"));
	google(g, "POST", "/calendar/v3/calendars/user1%40example.com/events/watch",
	       "{\"id\":\"c2\",\"type\":\"web_hook\",\"address\":\"https://x.example/\"}");
	assert_string_equal(json_str(g->json, "resourceId"), resource);
	google(g, "POST", "/calendar/v3/users/me/calendarList/watch",
	       "{\"id\":\"c3\",\"type\":\"web_hook\",\"address\":\"https://x.example/\"}");
	assert_string_not_equal(json_str(g->json, "resourceId"), resource);
	for (int i = 0; i < 3; i++)
		assert_string_equal(deliver(g, 200), "sync 1");
	change(g);
	exists(g, 200);
	exists(g, 200);
	assert_string_equal(deliver(g, 200), "");
}

static void test_fg_push__calendar_list(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	google(g, "POST", "/calendar/v3/users/me/calendarList/watch",
	       "{\"id\":\"c1\",\"type\":\"web_hook\",\"address\":\"https://x.example/\"}");
	assert_string_equal(
		json_str(g->json, "resourceUri"),
		"https://www.googleapis.com/calendar/v3/users/me/calendarList?alt=json");
	deliver(g, 200);
	google(g, "POST", "/calendar/v3/calendars", "{\"summary\":\"new\"}");
	assert_status(g, 200);
	exists(g, 200);
	google(g, "POST", "/calendar/v3/users/me/settings/watch",
	       "{\"id\":\"c2\",\"type\":\"web_hook\",\"address\":\"https://x.example/\"}");
	assert_status(g, 200);
}

static void test_fg_push__event_types(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	google(g, "POST", WATCH "?eventTypes=focusTime&eventTypes=outOfOffice",
	       "{\"id\":\"c1\",\"type\":\"web_hook\",\"address\":\"https://x.example/\"}");
	assert_status(g, 200);
	deliver(g, 200);
	change(g);
	assert_string_equal(deliver(g, 200), "");
	google(g, "POST", PRIMARY,
	       "{\"eventType\":\"focusTime\",\"transparency\":\"opaque\",\"focusTimeProperties\":{}"
	       ","
	       "\"start\":{\"dateTime\":\"2026-01-05T10:00:00Z\"},"
	       "\"end\":{\"dateTime\":\"2026-01-05T11:00:00Z\"}}");
	assert_status(g, 200);
	exists(g, 200);
	google(g, "POST", WATCH "?eventTypes=nonsense",
	       "{\"id\":\"c2\",\"type\":\"web_hook\",\"address\":\"https://x.example/\"}");
	assert_refused(g, 400, "invalid");
}

static void test_fg_push__expiry(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	watch(g, "c1", ",\"params\":{\"ttl\":\"60\"}");
	deliver(g, 200);
	change(g); /* waits, undelivered, past the end */
	advance(g, 60000);
	assert_string_equal(deliver(g, 200), "");
	change(g);
	assert_string_equal(deliver(g, 200), "");
	assert_int_equal(fg_next_due_ms(g->fg), -1);
	watch(g, "c1", "");
	assert_refused(g, 400, "channelIdNotUnique");
}

static void test_fg_push__lost_and_doubled(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	long first;

	(void)state;
	watch(g, "c1", "");
	deliver(g, 200);
	configure(g, "{\"push_drop_every\":2,\"push_duplicates\":true}");
	change(g);
	first = exists(g, 200);
	assert_int_equal(exists(g, 200), first);
	assert_string_equal(deliver(g, 200), "");
	change(g);
	assert_string_equal(deliver(g, 200), ""); /* the second one is lost */
	change(g);
	assert_true(exists(g, 200) > first);
}

static void test_fg_push__sync_before_the_answer(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	watch(g, "c1", "");
	assert_int_equal(fg_delay_ms(g->fg), 0);
	configure(g, "{\"push_sync_first\":true}");
	watch(g, "c2", "");
	/* the answer is held back while the message is due at once */
	assert_true(fg_delay_ms(g->fg) > 0);
	assert_int_equal(fg_next_due_ms(g->fg), 0);
}

/* -- delivery ----------------------------------------------------------------------------------- */

static void test_fg_push__retried_only_on_some_statuses(void **state)
{
	static const int again[] = {500, 502, 503, 504};
	static const int never[] = {0, 102, 200, 201, 202, 204, 301, 400, 404, 410, 501, 505};
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	watch(g, "c1", "");
	deliver(g, 200);
	for (size_t i = 0; i < ARRAY_SIZE(never); i++) {
		change(g);
		exists(g, never[i]);
		advance(g, 100000);
		assert_string_equal(deliver(g, 200), "");
	}
	for (size_t i = 0; i < ARRAY_SIZE(again); i++) {
		long number;

		change(g);
		number = exists(g, again[i]);
		/* later, not at once, and under the same number */
		assert_string_equal(deliver(g, 200), "");
		assert_true(fg_next_due_ms(g->fg) > 0);
		advance(g, fg_next_due_ms(g->fg));
		assert_int_equal(exists(g, 200), number);
		advance(g, 100000);
		assert_string_equal(deliver(g, 200), "");
	}
}

static void test_fg_push__retries_grow_and_end(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	int64_t last = 0;
	int n = 1;

	(void)state;
	watch(g, "c1", "");
	deliver(g, 200);
	change(g);
	for (exists(g, 503); fg_next_due_ms(g->fg) >= 0; n++) {
		int64_t due = fg_next_due_ms(g->fg);

		assert_true(due > last);
		last = due;
		advance(g, due);
		exists(g, 503);
	}
	assert_in_range(n, 3, 20);
}

/* -- stop --------------------------------------------------------------------------------------- */

static void test_fg_push__stop(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *resource = NULL;
	AUTO(free) char *other = NULL;

	(void)state;
	control(g, "POST", "accounts", "{\"email\":\"two@example.com\"}");
	other = google_token(g, "two@example.com");
	watch(g, "c1", "");
	resource = xstrdup(json_str(g->json, "resourceId"));
	deliver(g, 200);
	google(g, "POST", "/calendar/v3/channels/stop", "{\"id\":\"c1\"}");
	assert_refused(g, 400, "required");
	stop(g, g->token, "c1", "wrong");
	assert_refused(g, 404, "notFound");
	stop(g, g->token, "c9", resource);
	assert_refused(g, 404, "notFound");
	assert_int_equal(strncmp(json_path_str(g->json, "error/message"),
				 "Channel 'c9' not found for project ", 35),
			 0);
	stop(g, other, "c1", resource); /* another user's */
	assert_refused(g, 404, "notFound");
	change(g);
	exists(g, 200);
	stop(g, g->token, "c1", resource);
	assert_status(g, 204);
	change(g);
	assert_string_equal(deliver(g, 200), "");
	stop(g, g->token, "c1", resource);
	assert_refused(g, 404, "notFound");
	watch(g, "c1", "");
	assert_refused(g, 400, "channelIdNotUnique");
}

static void test_fg_push__only_the_same_client_stops(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *code = get_code(g, "");
	AUTO(free) char *access = NULL;
	AUTO(free) char *resource = NULL;

	(void)state;
	exchange(g, code, "");
	access = xstrdup(json_str(g->json, "access_token"));
	watch(g, "c1", ""); /* by the client of POST /sandbox/token */
	resource = xstrdup(json_str(g->json, "resourceId"));
	stop(g, access, "c1", resource);
	assert_refused(g, 404, "notFound");
	stop(g, g->token, "c1", resource);
	assert_status(g, 204);
}

static void test_fg_push__revoking_ends_channels(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *code = get_code(g, "");
	AUTO(free) char *access = NULL;
	AUTO(free) char *form = NULL;

	(void)state;
	exchange(g, code, "");
	access = xstrdup(json_str(g->json, "access_token"));
	google_send(g, access, "POST", WATCH,
		    "{\"id\":\"c1\",\"type\":\"web_hook\",\"address\":\"https://x.example/\"}");
	assert_status(g, 200);
	deliver(g, 200);
	form = xasprintf("token=%s", access);
	post_form(g, "/revoke", form);
	assert_status(g, 200);
	change(g);
	assert_string_equal(deliver(g, 200), "");
}

static void test_fg_push__state_and_log(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	struct json_object *list;

	(void)state;
	watch(g, "c1", "");
	deliver(g, 204);
	list = json_get(control(g, "GET", "state", NULL), "channels");
	assert_int_equal(json_object_array_length(list), 1);
	assert_string_equal(json_str(json_object_array_get_idx(list, 0), "account"),
			    "user1@example.com");
	list = control(g, "GET", "notifications", NULL);
	assert_int_equal(json_object_array_length(list), 1);
	assert_int_equal(json_int(json_object_array_get_idx(list, 0), "status", 0), 204);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(answer),
		TEST(refuses),
		TEST(messages_of_refusals),
		TEST(loopback_http_on_request),
		TEST(domain_verification),
		TEST(lifetime),
		TEST(unwatchable),
		TEST(message_headers),
		TEST(every_kind_of_change),
		TEST(changes_merge),
		TEST(two_channels_one_resource),
		TEST(calendar_list),
		TEST(event_types),
		TEST(expiry),
		TEST(lost_and_doubled),
		TEST(sync_before_the_answer),
		TEST(retried_only_on_some_statuses),
		TEST(retries_grow_and_end),
		TEST(stop),
		TEST(only_the_same_client_stops),
		TEST(revoking_ends_channels),
		TEST(state_and_log),
	};

	return cmocka_run_group_tests_name("fg_push", tests, NULL, NULL);
}
