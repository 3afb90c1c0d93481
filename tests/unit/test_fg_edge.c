/* The front of the API: routes, bearer, scopes, parameters, masks, bodies, conditions, quota. */
#include "fg_edge_fixture.h"

#define TEST(name) cmocka_unit_test(test_fg_edge__##name)

/* -- routes and credentials --------------------------------------------------------------------- */

static void test_fg_edge__unknown_routes_are_html_404(void **state)
{
	static const struct {
		const char *method, *url;
	} cases[] = {
		{"GET", "/"},
		{"GET", "/calendar/v3"},
		{"GET", "/calendar/v3/nothing"},
		{"GET", "/calendar/v3/calendars/primary/nothing"},
		{"GET", "/calendar/v3/calendars//events"},
		{"HEAD", "/calendar/v3/colors"},
		{"DELETE", "/calendar/v3/colors"},
		{"GET", "/calendar/v3/freebusy"}, /* freeBusy has a capital B */
		{"BREW", "/calendar/v3/colors"},
	};
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		google(g, cases[i].method, cases[i].url, NULL);
		assert_status(g, 404);
		assert_string_equal(answer_header(g, "Content-Type"), "text/html; charset=UTF-8");
	}
}

static void test_fg_edge__bearer(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *code = get_code(g, "");
	AUTO(free) char *token = NULL;

	(void)state;
	google_send(g, NULL, "GET", "/calendar/v3/colors", NULL);
	assert_refused(g, 401, "required");
	assert_string_equal(json_path_str(g->json, "error/status"), "UNAUTHENTICATED");
	assert_string_equal(answer_header(g, "WWW-Authenticate"),
			    "Bearer realm=\"https://accounts.google.com/\"");
	google_send(g, "nonsense", "GET", "/calendar/v3/colors", NULL);
	assert_refused(g, 401, "authError");
	exchange(g, code, "");
	token = xstrdup(json_str(g->json, "access_token"));
	advance(g, 3599 * 1000 - 1);
	google_send(g, token, "GET", "/calendar/v3/colors", NULL);
	assert_status(g, 200);
	advance(g, 1);
	google_send(g, token, "GET", "/calendar/v3/colors", NULL);
	assert_refused(g, 401, "authError");
	/* the test's own stays */
	google(g, "GET", "/calendar/v3/colors", NULL);
	assert_status(g, 200);
}

static bool starts(const struct google *g, const char *with)
{
	return !strncmp(g->last.body.buf, with, strlen(with));
}

/* The front end's envelope has code first and a status, the backend's errors first and none. */
static void test_fg_edge__envelopes(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	google_send(g, NULL, "GET", "/calendar/v3/colors", NULL);
	assert_true(starts(g, "{\n \"error\": {\n  \"code\": 401,\n"));
	google(g, "GET", PRIMARY "/never00", NULL);
	assert_string_equal(g->last.body.buf, "{\n"
					      " \"error\": {\n"
					      "  \"errors\": [\n"
					      "   {\n"
					      "    \"domain\": \"global\",\n"
					      "    \"reason\": \"notFound\",\n"
					      "    \"message\": \"Not Found\"\n"
					      "   }\n"
					      "  ],\n"
					      "  \"code\": 404,\n"
					      "  \"message\": \"Not Found\"\n"
					      " }\n"
					      "}\n");
	assert_string_equal(answer_header(g, "Content-Type"), "application/json; charset=UTF-8");
}

static void test_fg_edge__date_is_the_models(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	google(g, "GET", "/calendar/v3/colors", NULL);
	assert_string_equal(answer_header(g, "Date"), "Thu, 01 Jan 2026 00:00:00 GMT");
}

static char *scoped(struct google *g, const char *scope)
{
	AUTO(free) char *body = xasprintf("{\"scopes\":[\"" SCOPE "%s\"]}", scope);

	return xstrdup(json_str(control(g, "POST", "token", body), "access_token"));
}

static void test_fg_edge__each_scope_opens_its_own_methods(void **state)
{
	static const struct {
		const char *scope, *method, *url, *body;
		bool open;
	} cases[] = {
		{"calendar", "GET", "/calendar/v3/users/me/settings", NULL, true},
		{"calendar.readonly", "GET", "/calendar/v3/users/me/calendarList", NULL, true},
		{"calendar.readonly", "POST", PRIMARY, "{}", false},
		{"calendar.readonly", "DELETE", PRIMARY "/x0000", NULL, false},
		{"calendar.events", "GET", PRIMARY, NULL, true},
		{"calendar.events", "GET", "/calendar/v3/colors", NULL, false},
		{"calendar.events", "GET", "/calendar/v3/users/me/calendarList", NULL, false},
		{"calendar.events", "GET", "/calendar/v3/calendars/primary", NULL, false},
		{"calendar.events", "POST", "/calendar/v3/freeBusy", "{}", false},
		{"calendar.events.readonly", "GET", PRIMARY, NULL, true},
		{"calendar.events.readonly", "PATCH", PRIMARY "/x0000", "{}", false},
		{"calendar.calendarlist.readonly", "GET", "/calendar/v3/colors", NULL, true},
		{"calendar.calendarlist.readonly", "POST", "/calendar/v3/users/me/calendarList",
		 "{}", false},
		{"calendar.calendarlist.readonly", "GET", PRIMARY, NULL, false},
		{"calendar.settings.readonly", "GET", "/calendar/v3/users/me/settings", NULL, true},
		{"calendar.settings.readonly", "GET", PRIMARY, NULL, false},
		{"calendar.calendars.readonly", "GET", "/calendar/v3/calendars/primary", NULL,
		 true},
		{"calendar.calendars.readonly", "POST", "/calendar/v3/channels/stop",
		 "{\"id\":\"a\",\"resourceId\":\"b\"}", false},
	};
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(free) char *token = scoped(g, cases[i].scope);

		google_send(g, token, cases[i].method, cases[i].url, cases[i].body);
		if (cases[i].open)
			assert_status(g, 200);
		else
			assert_refused(g, 403, "insufficientPermissions");
	}
	assert_string_equal(json_path_str(g->json, "error/status"), "PERMISSION_DENIED");
}

/* -- paths and parameters ----------------------------------------------------------------------- */

static void test_fg_edge__ids_are_decoded_once(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	control(g, "POST", "calendars", "{\"id\":\"a b/c#d%e@x.example\",\"summary\":\"odd\"}");
	google(g, "GET", "/calendar/v3/calendars/a%20b%2Fc%23d%25e%40x.example", NULL);
	assert_status(g, 200);
	assert_string_equal(json_str(g->json, "id"), "a b/c#d%e@x.example");
	assert_int_equal(violations(g, "unencoded"), 0);
	google(g, "GET", "/calendar/v3/calendars/user1@example.com", NULL);
	assert_status(g, 200);
	assert_int_equal(violations(g, "unencoded"), 1);
}

static void test_fg_edge__absolute_urls(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	google(g, "GET", "https://www.googleapis.com/calendar/v3/colors", NULL);
	assert_status(g, 200);
}

static void test_fg_edge__unknown_parameters_are_noted(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	google(g, "GET",
	       PRIMARY "?maxResults=5&alt=json&prettyPrint=false&quotaUser=x&key=y&sendUpdates=all",
	       NULL);
	assert_status(g, 200);
	assert_int_equal(violations(g, "unknown query parameter"), 1);
	assert_int_equal(violations(g, "'sendUpdates'"), 1);
}

static void test_fg_edge__bad_values(void **state)
{
	static const char *const urls[] = {
		PRIMARY "?maxResults=x",
		PRIMARY "?maxResults=0",
		PRIMARY "?maxResults=-3",
		PRIMARY "?maxResults=",
		PRIMARY "?maxResults=99999999999999999999",
		PRIMARY "?showDeleted=maybe",
		PRIMARY "?alt=xml",
	};
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		google(g, "GET", urls[i], NULL);
		assert_refused(g, 400, "invalid");
	}
}

static void test_fg_edge__pretty_print(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	google(g, "GET", "/calendar/v3/users/me/settings/timezone", NULL);
	assert_true(starts(g, "{\n \"kind\": \"calendar#setting\",\n"));
	google(g, "GET", "/calendar/v3/users/me/settings/timezone?prettyPrint=false", NULL);
	assert_true(starts(g, "{\"kind\":\"calendar#setting\","));
}

static void test_fg_edge__fields(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	add_simple(g, "event01", 5, "");
#define SEE(mask, want)                                                            \
	do {                                                                       \
		google(g, "GET", PRIMARY "?prettyPrint=false&fields=" mask, NULL); \
		assert_status(g, 200);                                             \
		assert_string_equal(g->last.body.buf, want);                       \
	} while (0)
	SEE("summary", "{\"summary\":\"user1@example.com\"}");
	SEE("items/id", "{\"items\":[{\"id\":\"event01\"}]}");
	SEE("kind,items(id,start/timeZone)",
	    "{\"kind\":\"calendar#events\",\"items\":[{\"id\":\"event01\","
	    "\"start\":{\"timeZone\":\"Europe/Berlin\"}}]}");
	SEE("items(organizer/*)", "{\"items\":[{\"organizer\":{\"email\":\"user1@example.com\","
				  "\"self\":true}}]}");
	SEE("items/start/timeZone,items/id",
	    "{\"items\":[{\"id\":\"event01\",\"start\":{\"timeZone\":\"Europe/Berlin\"}}]}");
	SEE("nextPageToken", "{}");
	/* on a write it trims the answer alone */
	google(g, "PATCH", PRIMARY "/event01?prettyPrint=false&fields=id", "{\"summary\":\"new\"}");
	assert_string_equal(g->last.body.buf, "{\"id\":\"event01\"}");
	google(g, "GET", PRIMARY "/event01", NULL);
	assert_string_equal(json_str(g->json, "summary"), "new");
}

static void test_fg_edge__bad_fields(void **state)
{
	static const char *const masks[] = {"items(",      "items)",      "items(id",  "items()",
					    ",",           "items,,kind", "items//id", "nonsense",
					    "items(nope)", "items/",      "a b"};
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
		AUTO(free) char *value = query_value(masks[i]);
		AUTO(free) char *url = xasprintf(PRIMARY "?fields=%s", value);

		google(g, "GET", url, NULL);
		assert_refused(g, 400, "invalidParameter");
		/* an error is never trimmed */
		assert_non_null(json_path(g->json, "error/message"));
	}
	/* and nothing was done */
	google(g, "POST", PRIMARY "?fields=nonsense", "{\"id\":\"event01\"}");
	assert_refused(g, 400, "invalidParameter");
	google(g, "GET", PRIMARY "/event01", NULL);
	assert_status(g, 404);
}

/* -- bodies ------------------------------------------------------------------------------------- */

static void test_fg_edge__malformed_bodies(void **state)
{
	static const char *const bodies[] = {"{",       "[]",       "\"x\"",    "{} x",
					     "{'a':1}", "{\"a\":}", "\xff\xfe", "nul"};
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
		google(g, "POST", PRIMARY, bodies[i]);
		assert_refused(g, 400, "parseError");
	}
}

static void test_fg_edge__body_violations(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	add_event(g, "{\"id\":\"event01\",\"start\":{\"date\":\"2026-01-05\",\"hour\":1},"
		     "\"end\":{\"date\":\"2026-01-06\"},\"sumary\":\"x\","
		     "\"htmlLink\":\"x\",\"created\":\"2026-01-01T00:00:00Z\","
		     "\"attendees\":[{\"email\":\"a@example.com\",\"self\":true,\"nick\":\"n\"}],"
		     "\"extendedProperties\":{\"private\":{\"any\":\"thing\"}}}");
	assert_int_equal(violations(g, "unknown field 'sumary'"), 1);
	assert_int_equal(violations(g, "unknown field 'start.hour'"), 1);
	assert_int_equal(violations(g, "unknown field 'attendees.nick'"), 1);
	assert_int_equal(violations(g, "read-only field 'attendees.self'"), 1);
	assert_int_equal(violations(g, "read-only field 'htmlLink'"), 1);
	assert_int_equal(violations(g, "read-only field 'created'"), 1);
	assert_int_equal(violations(g, "unknown field"), 3);
	google(g, "GET", PRIMARY "/event01", "{}");
	assert_int_equal(violations(g, "a body on events.get"), 1);
}

static void test_fg_edge__agent_must_say_gzip(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *bearer = xasprintf("Authorization: Bearer %s", g->token);
	struct http_request req = {.method = "GET", .url = "/calendar/v3/colors"};

	(void)state;
	raw(g, "GET", "/calendar/v3/colors", bearer, "Accept-Encoding: gzip", NULL, 0);
	assert_int_equal(violations(g, "no gzip"), 1);
	control(g, "DELETE", "violations", NULL);
	http_headers_add(&req.headers, "Authorization", bearer + 15);
	http_headers_add(&req.headers, "Accept-Encoding", "gzip");
	http_headers_add(&req.headers, "User-Agent", "calsync/1 (gzip)");
	google_forget(g);
	assert_int_equal(fg_handle(g->fg, &req, &g->last), 0);
	http_headers_release(&req.headers);
	assert_status(g, 200);
	assert_int_equal(violations(g, ""), 0);
}

/* -- conditions --------------------------------------------------------------------------------- */

static void test_fg_edge__conditions(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *etag = NULL;

	(void)state;
	add_simple(g, "event01", 5, "");
	etag = xstrdup(json_str(g->json, "etag"));
	assert_int_equal(etag[0], '"');
	assert_string_equal(answer_header(g, "ETag"), etag);
	g->if_none_match = etag;
	google(g, "GET", PRIMARY "/event01", NULL);
	assert_status(g, 304);
	assert_int_equal(g->last.body.len, 0);
	assert_string_equal(answer_header(g, "ETag"), etag);
	g->if_match = etag;
	google(g, "PATCH", PRIMARY "/event01", "{\"summary\":\"b\"}");
	assert_status(g, 200);
	g->if_match = etag;
	google(g, "PATCH", PRIMARY "/event01", "{\"summary\":\"c\"}");
	assert_refused(g, 412, "conditionNotMet");
	assert_non_null(strstr(g->last.body.buf, "\"locationType\": \"header\""));
	assert_non_null(strstr(g->last.body.buf, "\"location\": \"If-Match\""));
	g->if_none_match = etag;
	google(g, "GET", PRIMARY "/event01", NULL);
	assert_status(g, 200);
	assert_string_equal(json_str(g->json, "summary"), "b");
}

/* -- quota -------------------------------------------------------------------------------------- */

static void test_fg_edge__quota_is_a_sliding_minute(void **state)
{
	static const int forms[] = {403, 429};
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		AUTO(free)
		char *config = xasprintf("{\"rate_per_minute\":2,\"rate_status\":%d}", forms[i]);

		configure(g, config);
		google(g, "GET", "/calendar/v3/colors", NULL);
		assert_status(g, 200);
		advance(g, 40000);
		google(g, "GET", "/calendar/v3/colors", NULL);
		assert_status(g, 200);
		google(g, "GET", "/calendar/v3/colors", NULL);
		assert_refused(g, forms[i], "rateLimitExceeded");
		assert_non_null(strstr(g->last.body.buf, "\"domain\": \"usageLimits\""));
		/* the first one is a minute old, the second is not */
		advance(g, 20000);
		google(g, "GET", "/calendar/v3/colors", NULL);
		assert_status(g, 200);
		google(g, "GET", "/calendar/v3/colors", NULL);
		assert_status(g, forms[i]);
		advance(g, 60000);
	}
}

static void test_fg_edge__a_patch_costs_three(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	add_simple(g, "event01", 5, "");
	configure(g, "{\"rate_per_minute\":4}");
	google(g, "PATCH", PRIMARY "/event01", "{\"summary\":\"b\"}");
	assert_status(g, 200);
	google(g, "GET", "/calendar/v3/colors", NULL);
	assert_status(g, 200);
	google(g, "GET", "/calendar/v3/colors", NULL);
	assert_refused(g, 403, "rateLimitExceeded");
}

static void test_fg_edge__quota_is_per_user(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *other = NULL;

	(void)state;
	control(g, "POST", "accounts", "{\"email\":\"two@example.com\"}");
	other = google_token(g, "two@example.com");
	configure(g, "{\"rate_per_minute\":1}");
	google(g, "GET", "/calendar/v3/colors", NULL);
	google(g, "GET", "/calendar/v3/colors", NULL);
	assert_refused(g, 403, "rateLimitExceeded");
	google_send(g, other, "GET", "/calendar/v3/colors", NULL);
	assert_status(g, 200);
}

/* -- robustness --------------------------------------------------------------------------------- */

static void test_fg_edge__odd_targets_answer(void **state)
{
	static const char *const urls[] = {
		"",
		"?",
		"//",
		"/calendar/v3/calendars/%/events",
		"/calendar/v3/calendars/%zz/events?%=%&&=&a",
		"/calendar/v3/calendars/%00/events",
		"/calendar/v3/calendars/primary/events?maxResults=1&maxResults",
		"/sandbox/",
		"/sandbox/nothing",
		"/o/oauth2/v2/auth",
		"http://",
		"http://x",
	};
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		google(g, "GET", urls[i], NULL);
		assert_in_range(g->last.status, 400, 404);
	}
}

/* Cut, repeat and flip bytes of requests that work: an answer always comes. */
static void test_fg_edge__mangled_requests_answer(void **state)
{
	static const char good[] =
		"{\"id\":\"event01\",\"summary\":\"x\",\"start\":{\"dateTime\":"
		"\"2026-01-05T10:00:00+01:00\",\"timeZone\":\"Europe/Berlin\"},\"end\":"
		"{\"dateTime\":\"2026-01-05T11:00:00+01:00\",\"timeZone\":\"Europe/Berlin\"},"
		"\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=3\"],\"attendees\":[{\"email\":"
		"\"a@example.com\"}],\"reminders\":{\"useDefault\":false,\"overrides\":"
		"[{\"method\":\"popup\",\"minutes\":10}]}}";
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *bearer = xasprintf("Authorization: Bearer %s", g->token);
	uint32_t seed = 12345;

	(void)state;
	for (int i = 0; i < 2000; i++) {
		AUTO(free) char *body = xstrdup(good);
		size_t len = strlen(good);

		for (int k = 0; k < 3; k++) {
			seed = seed * 1664525 + 1013904223;
			body[(seed >> 8) % len] = (char)(seed >> 24);
		}
		if (i % 7 == 0)
			len = (seed >> 8) % len;
		assert_int_equal(raw(g, "POST", PRIMARY, bearer, "Content-Type: application/json",
				     body, len),
				 0);
		assert_in_range(g->last.status, 200, 499);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(unknown_routes_are_html_404),
		TEST(bearer),
		TEST(envelopes),
		TEST(date_is_the_models),
		TEST(each_scope_opens_its_own_methods),
		TEST(ids_are_decoded_once),
		TEST(absolute_urls),
		TEST(unknown_parameters_are_noted),
		TEST(bad_values),
		TEST(pretty_print),
		TEST(fields),
		TEST(bad_fields),
		TEST(malformed_bodies),
		TEST(body_violations),
		TEST(agent_must_say_gzip),
		TEST(conditions),
		TEST(quota_is_a_sliding_minute),
		TEST(a_patch_costs_three),
		TEST(quota_is_per_user),
		TEST(odd_targets_answer),
		TEST(mangled_requests_answer),
	};

	return cmocka_run_group_tests_name("fg_edge", tests, NULL, NULL);
}
