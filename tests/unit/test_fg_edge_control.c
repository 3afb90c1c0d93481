/* The control interface under /sandbox/. */
#include "fg_edge_fixture.h"

#define TEST(name) cmocka_unit_test(test_fg_control__##name)

static void call(struct google *g, const char *method, const char *what, const char *body)
{
	AUTO(free) char *url = xasprintf("/sandbox/%s", what);

	assert_int_equal(raw(g, method, url, NULL, NULL, body, body ? strlen(body) : 0), 0);
}

static void test_fg_control__refuses_nonsense(void **state)
{
	static const struct {
		const char *method, *what, *body;
		int status;
	} cases[] = {
		{"POST", "accounts", "{}", 400},
		{"POST", "accounts", "{\"email\":\"no-at\"}", 400},
		{"POST", "accounts", "{\"email\":\"a@b\",\"timeZone\":\"Mars/Base\"}", 400},
		{"POST", "accounts", "{\"email\":\"User1@example.com\"}", 409},
		{"POST", "accounts", "[", 400},
		{"POST", "accounts", "[]", 400},
		{"POST", "token", "{\"account\":\"nobody@example.com\"}", 404},
		{"POST", "token", "{\"scopes\":[\"nonsense\"]}", 400},
		{"POST", "token", "{\"scopes\":\"calendar\"}", 400},
		{"POST", "token", "{\"scopes\":[null]}", 400},
		{"POST", "faults", "{}", 400},
		{"POST", "faults", "{\"action\":\"explode\"}", 400},
		{"POST", "faults", "{\"action\":\"status\",\"statsu\":500}", 400},
		{"POST", "faults", "{\"action\":\"status\",\"status\":99}", 400},
		{"POST", "clock", "{}", 400},
		{"POST", "clock", "{\"now\":\"yesterday\"}", 400},
		{"POST", "clock", "{\"now\":\"2026-01-01T00:00:00\"}", 400},
		{"POST", "expire", "{}", 400},
		{"POST", "expire", "{\"access_tokens\":true,\"account\":\"nobody@example.com\"}",
		 404},
		{"POST", "config", "{\"max_pgae\":1}", 400},
		{"POST", "config", "{\"max_page\":\"1\"}", 400},
		{"POST", "config", "{\"max_page\":-1}", 400},
		{"POST", "config", "{\"rate_status\":500}", 400},
		{"POST", "config", "{\"empty_pages\":1}", 400},
		{"POST", "config", "{\"granted_scopes\":[\"nonsense\"]}", 400},
		{"POST", "config", "{\"granted_scopes\":{}}", 400},
		{"POST", "config", "{\"token_mark\":1}", 400},
		{"POST", "config", "{\"token_mark\":\"a b\"}", 400},
		{"POST", "load", "nonsense", 400},
		{"POST", "calendars", "{\"account\":\"nobody@example.com\"}", 404},
		{"DELETE", "calendars", NULL, 400},
		{"DELETE", "calendars?id=none", NULL, 404},
		{"GET", "nothing", NULL, 404},
		{"PUT", "clock", "{}", 404},
	};
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		call(g, cases[i].method, cases[i].what, cases[i].body);
		if (g->last.status != cases[i].status)
			fail_msg("%s %s %s: %d instead of %d: %s", cases[i].method, cases[i].what,
				 cases[i].body ? cases[i].body : "", g->last.status,
				 cases[i].status, g->last.body.buf);
		assert_non_null(json_str(g->json, "error"));
	}
}

static void test_fg_control__a_refused_config_changes_nothing(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	call(g, "POST", "config", "{\"max_page\":7,\"nonsense\":1}");
	assert_status(g, 400);
	assert_int_equal(json_int(control(g, "GET", "config", NULL), "max_page", -1), 0);
	configure(g, "{\"max_page\":7,\"granted_scopes\":[\"" SCOPE "calendar\"]}");
	assert_int_equal(json_int(g->json, "max_page", -1), 7);
	assert_int_equal(json_object_array_length(json_get(g->json, "granted_scopes")), 1);
	configure(g, "{\"granted_scopes\":null}");
	assert_null(json_get(g->json, "granted_scopes"));
	assert_int_equal(json_int(g->json, "max_page", -1), 7);
}

static void test_fg_control__accounts(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = NULL;

	(void)state;
	control(g, "POST", "accounts",
		"{\"email\":\"two@example.com\",\"displayName\":\"Two\",\"timeZone\":\"Asia/"
		"Tokyo\"}");
	token = google_token(g, "TWO@example.com");
	google_send(g, token, "GET", "/calendar/v3/calendars/primary", NULL);
	assert_status(g, 200);
	assert_string_equal(json_str(g->json, "id"), "two@example.com");
	assert_string_equal(json_str(g->json, "timeZone"), "Asia/Tokyo");
	assert_int_equal(json_object_array_length(control(g, "GET", "accounts", NULL)), 2);
	/* one does not see the other's */
	google_send(g, token, "GET", "/calendar/v3/calendars/user1%40example.com", NULL);
	assert_refused(g, 404, "notFound");
}

/* -- the request log ---------------------------------------------------------------------------- */

static void test_fg_control__request_log(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	struct json_object *entry;
	struct json_object *log;

	(void)state;
	control(g, "DELETE", "requests", NULL);
	add_simple(g, "event01", 5, "");
	google_send(g, NULL, "GET", PRIMARY "?maxResults=1&q=%20x", NULL);
	log = control(g, "GET", "requests", NULL);
	assert_int_equal(json_object_array_length(log), 2); /* not the control calls */
	entry = json_object_array_get_idx(log, 0);
	assert_string_equal(json_str(entry, "method"), "POST");
	assert_string_equal(json_str(entry, "path"), PRIMARY);
	assert_string_equal(json_str(entry, "query"), "");
	assert_int_equal(json_int(entry, "status", 0), 200);
	assert_string_equal(json_str(entry, "account"), "user1@example.com");
	assert_string_equal(json_path_str(entry, "headers/content-type"), "application/json");
	assert_non_null(strstr(json_str(entry, "body"), "\"summary\":\"event01\""));
	assert_string_equal(json_str(entry, "time"), "2026-01-01T00:00:00.000Z");
	entry = json_object_array_get_idx(log, 1);
	assert_string_equal(json_str(entry, "query"), "maxResults=1&q=%20x");
	assert_int_equal(json_int(entry, "status", 0), 401);
	assert_null(json_get(entry, "account"));
	assert_null(json_get(entry, "body"));
	assert_true(json_int(entry, "n", 0) == 2);
	control(g, "DELETE", "requests", NULL);
	assert_int_equal(json_object_array_length(control(g, "GET", "requests", NULL)), 0);
}

static void test_fg_control__log_survives_any_bytes(void **state)
{
	static const char body[] = "{\"a\":\"\xff\xfe\",\0}";
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	raw(g, "POST", PRIMARY "?q=\x80", "X-Odd: \xc3\x28", NULL, body, sizeof(body) - 1);
	assert_non_null(control(g, "GET", "requests", NULL));
	assert_int_equal(json_object_array_length(g->json), 1);
}

/* -- the clock ---------------------------------------------------------------------------------- */

static void test_fg_control__clock(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	assert_string_equal(json_str(control(g, "GET", "clock", NULL), "now"),
			    "2026-01-01T00:00:00.000Z");
	control(g, "POST", "clock", "{\"advance_ms\":61001}");
	assert_string_equal(json_str(g->json, "now"), "2026-01-01T00:01:01.001Z");
	control(g, "POST", "clock", "{\"now\":\"2026-03-01T01:00:00.5+01:00\"}");
	assert_string_equal(json_str(g->json, "now"), "2026-03-01T00:00:00.500Z");
	add_simple(g, "event01", 5, "");
	assert_string_equal(json_str(g->json, "created"), "2026-03-01T00:00:00.000Z");
}

static void test_fg_control__clock_follows_the_system(void **state)
{
	const struct fg_options options = {0};
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *before = NULL;

	(void)state;
	fg_free(g->fg);
	g->fg = fg_new(&options);
	before = xstrdup(json_str(control(g, "GET", "clock", NULL), "now"));
	usleep(3000);
	assert_true(strcmp(json_str(control(g, "GET", "clock", NULL), "now"), before) > 0);
	control(g, "POST", "clock", "{\"now\":\"2031-05-05T00:00:00Z\"}");
	usleep(3000);
	assert_int_equal(strncmp(json_str(control(g, "GET", "clock", NULL), "now"),
				 "2031-05-05T00:00:0", 18),
			 0);
}

/* -- faults ------------------------------------------------------------------------------------- */

static int ask(struct google *g, const char *method, const char *url, const char *body)
{
	AUTO(free) char *bearer = xasprintf("Authorization: Bearer %s", g->token);

	return raw(g, method, url, bearer, "Content-Type: application/json", body,
		   body ? strlen(body) : 0);
}

static void test_fg_control__fault_after_and_times(void **state)
{
	static const int want[] = {200, 503, 503, 200};
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	control(g, "POST", "faults",
		"{\"method\":\"GET\",\"match\":\"colors?a=b\",\"after\":1,\"times\":2,"
		"\"action\":\"status\",\"retry_after\":9}");
	for (size_t i = 0; i < ARRAY_SIZE(want); i++) {
		ask(g, "GET", "/calendar/v3/colors", NULL);
		assert_status(g, 200);
		ask(g, "GET", "/calendar/v3/colors?a=b", NULL);
		assert_status(g, want[i]);
		if (want[i] == 503)
			assert_string_equal(answer_header(g, "Retry-After"), "9");
	}
	control(g, "POST", "faults", "{\"action\":\"status\",\"status\":500,\"times\":0}");
	for (int i = 0; i < 5; i++) {
		ask(g, "GET", "/calendar/v3/colors", NULL);
		assert_refused(g, 500, "backendError");
	}
	assert_int_equal(json_object_array_length(control(g, "GET", "faults", NULL)), 2);
	control(g, "DELETE", "faults", NULL);
	ask(g, "GET", "/calendar/v3/colors", NULL);
	assert_status(g, 200);
}

static void test_fg_control__fault_before_and_after_effect(void **state)
{
	static const struct {
		const char *fault;
		int result, status;
		bool applied;
	} cases[] = {
		{"{\"method\":\"POST\",\"action\":\"status\",\"status\":503}", 0, 503, false},
		{"{\"method\":\"POST\",\"action\":\"status_after\",\"status\":500}", 0, 500, true},
		{"{\"method\":\"POST\",\"action\":\"drop_before\"}", -1, 0, false},
		{"{\"method\":\"POST\",\"action\":\"drop_after\"}", -1, 0, true},
		{"{\"method\":\"POST\",\"action\":\"garbage\"}", 0, 200, false},
		{"{\"method\":\"POST\",\"action\":\"truncate\"}", FG_TRUNCATED, 200, true},
		{"{\"method\":\"POST\",\"action\":\"delay\",\"delay_ms\":250}", 0, 200, true},
	};
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(free)
		char *body = xasprintf("{\"id\":\"event0%zu\",\"start\":{\"date\":\"2026-01-05\"},"
				       "\"end\":{\"date\":\"2026-01-06\"}}",
				       i);
		AUTO(free) char *url = xasprintf(PRIMARY "/event0%zu", i);
		AUTO(free)
		char *fault = xasprintf("%.*s,\"match\":\"" PRIMARY "\"}",
					(int)strlen(cases[i].fault) - 1, cases[i].fault);

		control(g, "POST", "faults", fault);
		assert_int_equal(ask(g, "POST", PRIMARY, body), cases[i].result);
		assert_int_equal(g->last.status, cases[i].status);
		assert_int_equal(fg_delay_ms(g->fg), strstr(fault, "delay_ms") ? 250 : 0);
		if (strstr(fault, "garbage"))
			assert_null(g->json);
		ask(g, "GET", url, NULL);
		assert_status(g, cases[i].applied ? 200 : 404);
		assert_int_equal(fg_delay_ms(g->fg), 0);
	}
}

static void test_fg_control__fault_answers(void **state)
{
	static const struct {
		const char *fault;
		int status;
		const char *reason, *domain;
	} cases[] = {
		{"{\"action\":\"status\",\"status\":403}", 403, "rateLimitExceeded", "usageLimits"},
		{"{\"action\":\"status\",\"status\":429}", 429, "rateLimitExceeded", "usageLimits"},
		{"{\"action\":\"status\",\"status\":403,\"reason\":\"quotaExceeded\"}", 403,
		 "quotaExceeded", "usageLimits"},
		{"{\"action\":\"status\",\"status\":410,\"reason\":\"fullSyncRequired\","
		 "\"domain\":\"calendar\"}",
		 410, "fullSyncRequired", "calendar"},
		{"{\"action\":\"status\",\"status\":401}", 401, "authError", "global"},
		{"{\"action\":\"status\",\"status\":404}", 404, "notFound", "global"},
		{"{\"action\":\"status\"}", 503, "backendError", "global"},
	};
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(free) char *domain = xasprintf("\"domain\": \"%s\"", cases[i].domain);

		control(g, "POST", "faults", cases[i].fault);
		ask(g, "GET", PRIMARY, NULL);
		assert_refused(g, cases[i].status, cases[i].reason);
		assert_non_null(strstr(g->last.body.buf, domain));
		if (cases[i].status == 410)
			assert_non_null(strstr(g->last.body.buf, "\"location\": \"syncToken\""));
	}
}

static void test_fg_control__faults_of_the_token_endpoint(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *code = get_code(g, "");

	(void)state;
	control(g, "POST", "faults", "{\"match\":\"/token\",\"action\":\"status\",\"status\":400}");
	exchange(g, code, "");
	assert_oauth(g, 400, "invalid_grant", "Token has been expired or revoked.");
	control(g, "POST", "faults", "{\"match\":\"/token\",\"action\":\"status\"}");
	exchange(g, code, "");
	assert_oauth(g, 503, "internal_failure", "Backend Error");
	control(g, "POST", "faults",
		"{\"match\":\"/token\",\"action\":\"status\",\"status\":400,"
		"\"reason\":\"admin_policy_enforced\",\"message\":\"no\"}");
	exchange(g, code, "");
	assert_oauth(g, 400, "admin_policy_enforced", "no");
	exchange(g, code, ""); /* not one of them used the code up */
	assert_status(g, 200);
}

static void test_fg_control__a_dropped_request_is_logged(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	struct json_object *log;

	(void)state;
	control(g, "POST", "faults", "{\"action\":\"drop_before\"}");
	assert_int_equal(ask(g, "GET", "/calendar/v3/colors", NULL), -1);
	log = control(g, "GET", "requests", NULL);
	assert_int_equal(json_object_array_length(log), 1);
	assert_int_equal(json_int(json_object_array_get_idx(log, 0), "status", -1), 0);
}

/* The simulation's door: a lost answer is a network error whatever happened behind it. */
static void test_fg_control__transport(void **state)
{
	static const char *const faults[] = {"drop_before", "drop_after", "truncate"};
	AUTO(google_free) struct google *g = google_new();
	struct transport *t = fg_transport_new(g->fg);
	struct http_request req = {.method = "GET",
				   .url = "https://www.googleapis.com/calendar/v3/nothing"};

	(void)state;
	for (size_t i = 0; i <= ARRAY_SIZE(faults); i++) {
		struct http_response out = HTTP_RESPONSE_INIT;
		struct err err;
		int r;

		if (i < ARRAY_SIZE(faults)) {
			AUTO(free) char *fault = xasprintf("{\"action\":\"%s\"}", faults[i]);

			control(g, "POST", "faults", fault);
		}
		r = t->exchange(t, &req, &out, &err);
		assert_int_equal(r, i < ARRAY_SIZE(faults) ? -1 : 0);
		if (r) {
			assert_int_equal(err.code, ERR_NETWORK);
			assert_int_equal(out.status, 0);
			assert_int_equal(out.headers.count, 0);
			assert_int_equal(out.body.len, 0);
		} else {
			assert_int_equal(out.status, 404);
		}
		http_response_release(&out);
	}
	t->free(t);
}

/* -- state -------------------------------------------------------------------------------------- */

static void test_fg_control__state_shows_everything(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	struct json_object *account, *calendar, *events;

	(void)state;
	add_simple(g, "event01", 5, ",\"description\":\"d\"");
	add_simple(g, "event02", 6, "");
	google(g, "DELETE", PRIMARY "/event02", NULL);
	control(g, "GET", "state", NULL);
	account = json_object_array_get_idx(json_get(g->json, "accounts"), 0);
	assert_string_equal(json_str(account, "email"), "user1@example.com");
	calendar = json_object_array_get_idx(json_get(account, "calendars"), 0);
	assert_string_equal(json_str(calendar, "id"), "user1@example.com");
	assert_string_equal(json_str(calendar, "accessRole"), "owner");
	events = json_get(calendar, "events");
	assert_int_equal(json_object_array_length(events), 2);
	for (size_t i = 0; i < 2; i++) {
		struct json_object *e = json_object_array_get_idx(events, i);
		bool gone = !strcmp(json_str(e, "id"), "event02");

		assert_string_equal(json_str(e, "status"), gone ? "cancelled" : "confirmed");
	}
}

static void test_fg_control__load_and_reset(void **state)
{
	static const char start[] = "[{\"id\":\"start01\",\"summary\":\"s\",\"start\":{\"date\":"
				    "\"2026-01-05\"},\"end\":{\"date\":\"2026-01-06\"}}]";
	static const char later[] = "{\"id\":\"later01\",\"summary\":\"l\",\"start\":{\"date\":"
				    "\"2026-01-05\"},\"end\":{\"date\":\"2026-01-06\"}}";
	AUTO(google_free) struct google *g = google_new();
	struct err err;

	(void)state;
	assert_int_equal(fg_load(g->fg, start, strlen(start), &err), 0);
	assert_int_equal(fg_load(g->fg, "{", 1, &err), -1);
	control(g, "POST", "load", later);
	google(g, "GET", PRIMARY, NULL);
	assert_int_equal(item_count(g), 2);
	configure(g, "{\"max_page\":1}");
	control(g, "POST", "accounts", "{\"email\":\"two@example.com\"}");
	control(g, "POST", "reset", NULL);
	/* tokens too are of the time before */
	google(g, "GET", PRIMARY, NULL);
	assert_refused(g, 401, "authError");
	free(g->token);
	g->token = google_token(g, "user1@example.com");
	google(g, "GET", PRIMARY, NULL);
	assert_int_equal(item_count(g), 1);
	assert_string_equal(json_str(item(g, 0), "id"), "start01");
	assert_int_equal(json_object_array_length(control(g, "GET", "accounts", NULL)), 1);
	assert_int_equal(json_int(control(g, "GET", "config", NULL), "max_page", -1), 0);
	assert_int_equal(violations(g, ""), 1); /* the list above alone */
}

static void test_fg_control__calendars_come_and_go(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	control(g, "POST", "calendars",
		"{\"id\":\"team@group.calendar.google.com\",\"summary\":\"Team\","
		"\"accessRole\":\"reader\",\"timeZone\":\"Asia/Tokyo\"}");
	assert_string_equal(json_str(g->json, "accessRole"), "reader");
	google(g, "GET", "/calendar/v3/users/me/calendarList/team%40group.calendar.google.com",
	       NULL);
	assert_status(g, 200);
	google(g, "POST", "/calendar/v3/calendars/team%40group.calendar.google.com/events", "{}");
	assert_status(g, 403);
	control(g, "POST", "calendars",
		"{\"id\":\"team@group.calendar.google.com\",\"accessRole\":\"writer\"}");
	google(g, "POST", "/calendar/v3/calendars/team%40group.calendar.google.com/events",
	       "{\"start\":{\"date\":\"2026-01-05\"},\"end\":{\"date\":\"2026-01-06\"}}");
	assert_status(g, 200);
	control(g, "DELETE", "calendars?id=team%40group.calendar.google.com", NULL);
	google(g, "GET", "/calendar/v3/calendars/team%40group.calendar.google.com/events", NULL);
	assert_refused(g, 404, "notFound");
}

static void test_fg_control__mail(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	struct json_object *list;

	(void)state;
	add_simple(g, "event01", 5, ",\"attendees\":[{\"email\":\"guest@example.net\"}]");
	assert_int_equal(json_object_array_length(control(g, "GET", "mail", NULL)), 0);
	google(g, "PATCH", PRIMARY "/event01?sendUpdates=all", "{\"summary\":\"new\"}");
	list = control(g, "GET", "mail", NULL);
	assert_int_equal(json_object_array_length(list), 1);
	assert_string_equal(json_str(json_object_array_get_idx(list, 0), "to"),
			    "guest@example.net");
	assert_string_equal(json_str(json_object_array_get_idx(list, 0), "sendUpdates"), "all");
	control(g, "DELETE", "mail", NULL);
	assert_int_equal(json_object_array_length(control(g, "GET", "mail", NULL)), 0);
}

/* The same seed gives the same ids and tokens, another one others. */
static void test_fg_control__seeded(void **state)
{
	char *ids[3];

	(void)state;
	for (int i = 0; i < 3; i++) {
		const struct fg_options options = {.seed = i < 2 ? 3 : 4, .now_ms = FG_TEST_NOW};
		AUTO(google_free) struct google *g = google_new();
		AUTO(free) char *token = NULL;

		fg_free(g->fg);
		g->fg = fg_new(&options);
		token = google_token(g, "user1@example.com");
		google_send(
			g, token, "POST", PRIMARY,
			"{\"start\":{\"date\":\"2026-01-05\"},\"end\":{\"date\":\"2026-01-06\"}}");
		assert_status(g, 200);
		ids[i] = xasprintf("%s %s %s", token, json_str(g->json, "id"),
				   json_str(g->json, "etag"));
	}
	assert_string_equal(ids[0], ids[1]);
	assert_string_not_equal(ids[0], ids[2]);
	for (int i = 0; i < 3; i++)
		free(ids[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refuses_nonsense),
		TEST(a_refused_config_changes_nothing),
		TEST(accounts),
		TEST(request_log),
		TEST(log_survives_any_bytes),
		TEST(clock),
		TEST(clock_follows_the_system),
		TEST(fault_after_and_times),
		TEST(fault_before_and_after_effect),
		TEST(fault_answers),
		TEST(faults_of_the_token_endpoint),
		TEST(a_dropped_request_is_logged),
		TEST(transport),
		TEST(state_shows_everything),
		TEST(load_and_reset),
		TEST(calendars_come_and_go),
		TEST(mail),
		TEST(seeded),
	};

	return cmocka_run_group_tests_name("fg_control", tests, NULL, NULL);
}
