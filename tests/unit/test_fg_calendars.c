/* The calendarList and its tokens, calendars that come and go, roles, moves, loading. */
#include "fg_fixture.h"

#define TEST(name) cmocka_unit_test(test_fg_calendars__##name)
#define LIST       "/calendar/v3/users/me/calendarList"
#define TEAM       "team@group.calendar.google.com"
#define TEAM_URL   "/calendar/v3/calendars/team%40group.calendar.google.com/events"

static void control(struct google *g, const char *more)
{
	AUTO(free)
	char *body = xasprintf("{\"account\":\"user1@example.com\",%s}", more);

	google(g, "POST", "/sandbox/calendars", body);
	assert_int_equal(g->last.status / 100, 2);
}

static void list(struct google *g, const char *query)
{
	AUTO(free) char *url = xasprintf(LIST "?%s", query);

	google(g, "GET", url, NULL);
}

static char *list_token(struct google *g)
{
	list(g, "");
	assert_status(g, 200);
	return query_value(json_str(g->json, "nextSyncToken"));
}

static void list_delta(struct google *g, const char *token)
{
	AUTO(free) char *query = xasprintf("syncToken=%s", token);

	list(g, query);
}

static void test_fg_calendars__list(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	control(g, "\"id\":\"a@x\",\"accessRole\":\"reader\",\"summary\":\"A\"");
	control(g, "\"id\":\"b@x\",\"accessRole\":\"freeBusyReader\"");
	control(g, "\"id\":\"h@x\",\"hidden\":true");
	list(g, "");
	assert_int_equal(item_count(g), 3);
	assert_true(json_flag(item(g, 0), "primary", false));
	assert_string_equal(json_str(item(g, 1), "summary"), "A");
	assert_string_equal(json_str(item(g, 1), "accessRole"), "reader");
	list(g, "showHidden=true");
	assert_int_equal(item_count(g), 4);
	assert_true(json_flag(item_by_id(g, "h@x"), "hidden", false));
	list(g, "minAccessRole=reader");
	assert_int_equal(item_count(g), 2);
	list(g, "minAccessRole=owner");
	assert_int_equal(item_count(g), 1);
	list(g, "minAccessRole=king");
	assert_status(g, 400);
}

static void test_fg_calendars__pages(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *first = NULL;
	AUTO(free) char *token = NULL;
	AUTO(free) char *query = NULL;
	int pages = 0;
	size_t n = 0;

	(void)state;
	for (int i = 0; i < 6; i++) {
		AUTO(free) char *more = xasprintf("\"id\":\"c%d@x\"", i);

		control(g, more);
	}
	google(g, "POST", "/sandbox/config", "{\"empty_pages\":true}");
	query = xstrdup("maxResults=3");
	do {
		list(g, query);
		assert_status(g, 200);
		n += item_count(g);
		pages++;
		free(query);
		query = NULL;
		free(token);
		token = json_str(g->json, "nextPageToken")
				? query_value(json_str(g->json, "nextPageToken"))
				: NULL;
		if (!token)
			break;
		assert_false(json_has(g->json, "nextSyncToken"));
		if (!first)
			first = xstrdup(token);
		query = xasprintf("maxResults=3&pageToken=%s", token);
	} while (pages < 20);
	assert_int_equal(n, 7);
	assert_int_equal(pages, 5);
	assert_non_null(json_str(g->json, "nextSyncToken"));
	query = xasprintf("maxResults=2&pageToken=%s", first);
	list(g, query);
	assert_refused(g, 400, "invalid");
}

static void test_fg_calendars__sync(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = NULL;
	AUTO(free) char *restricted = NULL;

	(void)state;
	control(g, "\"id\":\"a@x\",\"accessRole\":\"reader\"");
	token = list_token(g);
	list_delta(g, token);
	assert_int_equal(item_count(g), 0);
	/* appears, is hidden, disappears */
	control(g, "\"id\":\"new@x\"");
	list_delta(g, token);
	assert_int_equal(item_count(g), 1);
	google(g, "PATCH", LIST "/new%40x", "{\"hidden\":true}");
	list_delta(g, token);
	assert_true(json_flag(item_by_id(g, "new@x"), "hidden", false));
	google(g, "DELETE", "/sandbox/calendars?id=a@x&account=user1@example.com", NULL);
	assert_int_equal(g->last.status / 100, 2);
	list_delta(g, token);
	assert_true(json_flag(item_by_id(g, "a@x"), "deleted", false));
	google(g, "GET", "/calendar/v3/calendars/a%40x/events", NULL);
	assert_refused(g, 404, "notFound");
	list(g, "");
	assert_null(item_by_id(g, "a@x"));
	/* ... and comes back */
	control(g, "\"id\":\"a@x\",\"accessRole\":\"reader\"");
	google(g, "GET", "/calendar/v3/calendars/a%40x/events", NULL);
	assert_status(g, 200);

	restricted = xasprintf("minAccessRole=owner&syncToken=%s", token);
	list(g, restricted);
	assert_refused(g, 400, "invalid");
	google(g, "POST", "/sandbox/expire", "{\"sync_tokens\":true}");
	list_delta(g, token);
	assert_refused(g, 410, "fullSyncRequired");
	list_delta(g, "nonsense");
	assert_refused(g, 400, "invalid");
}

static void test_fg_calendars__titles_do_not_surface(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = NULL;

	(void)state;
	control(g, "\"id\":\"a@x\",\"accessRole\":\"owner\"");
	token = list_token(g);
	control(g, "\"id\":\"a@x\",\"summary\":\"New title\",\"accessRole\":\"writer\"");
	list_delta(g, token);
	assert_int_equal(item_count(g), 0);
	list(g, "");
	assert_string_equal(json_str(item_by_id(g, "a@x"), "summary"), "New title");
}

static void test_fg_calendars__not_modified(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *etag = NULL;

	(void)state;
	list(g, "");
	etag = xstrdup(json_str(g->json, "etag"));
	g->if_none_match = etag;
	list(g, "");
	assert_status(g, 304);
	control(g, "\"id\":\"a@x\"");
	g->if_none_match = etag;
	list(g, "");
	assert_status(g, 200);
}

static void test_fg_calendars__free_busy_reader(void **state)
{
	static const char text[] =
		"{\"calendars\":[{\"id\":\"" TEAM "\",\"accessRole\":\"freeBusyReader\","
		"\"events\":[{\"id\":\"serie\",\"summary\":\"Secret\",\"start\":{\"date\":"
		"\"2026-01-05\"},\"end\":{\"date\":\"2026-01-06\"},\"recurrence\":"
		"[\"RRULE:FREQ=DAILY;COUNT=3\"]}]}]}";
	AUTO(google_free) struct google *g = google_new();
	struct err err;

	(void)state;
	assert_int_equal(fg_load(g->fg, text, strlen(text), &err), 0);
	google(g, "GET", TEAM_URL, NULL);
	assert_status(g, 200);
	assert_string_equal(json_str(g->json, "accessRole"), "freeBusyReader");
	assert_int_equal(item_count(g), 3); /* as singleEvents=true */
	assert_false(json_has(item(g, 0), "summary"));
	assert_string_equal(json_path_str(item(g, 0), "start/date"), "2026-01-05");
	assert_string_equal(json_str(item(g, 0), "recurringEventId"), "serie");
}

static void test_fg_calendars__a_new_zone_moves_no_instant(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = NULL;

	(void)state;
	add_simple(g, "alpha", 5, "");
	add_event(g, "{\"id\":\"dated\",\"start\":{\"date\":\"2026-01-05\"},\"end\":{\"date\":"
		     "\"2026-01-06\"}}");
	token = full_sync(g, "");
	google(g, "PATCH", "/calendar/v3/calendars/primary", "{\"timeZone\":\"Asia/Tokyo\"}");
	assert_status(g, 200);
	google(g, "GET", PRIMARY "/alpha", NULL);
	assert_string_equal(json_path_str(g->json, "start/dateTime"), "2026-01-05T18:00:00+09:00");
	assert_string_equal(json_path_str(g->json, "start/timeZone"), "Europe/Berlin");
	google(g, "GET", PRIMARY "/dated", NULL);
	assert_string_equal(json_path_str(g->json, "start/date"), "2026-01-05");
	delta(g, token, "");
	assert_int_equal(item_count(g), 0);
	google(g, "GET", PRIMARY, NULL);
	assert_string_equal(json_str(g->json, "timeZone"), "Asia/Tokyo");
}

static void test_fg_calendars__create_and_delete(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *id = NULL;
	AUTO(free) char *url = NULL;
	AUTO(free) char *events = NULL;
	AUTO(free) char *token = list_token(g);

	(void)state;
	google(g, "POST", "/calendar/v3/calendars", "{\"summary\":\"Mine\"}");
	assert_status(g, 200);
	id = query_value(json_str(g->json, "id"));
	url = xasprintf("/calendar/v3/calendars/%s", id);
	events = xasprintf("%s/events", url);
	list_delta(g, token);
	assert_int_equal(item_count(g), 1);
	assert_string_equal(json_str(item(g, 0), "accessRole"), "owner");
	google(g, "DELETE", url, NULL);
	assert_status(g, 204);
	google(g, "GET", events, NULL);
	assert_refused(g, 404, "notFound");
	list_delta(g, token);
	assert_true(json_flag(item(g, 0), "deleted", false));
}

static void test_fg_calendars__moving_a_series(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = NULL;
	struct json_object *stub;

	(void)state;
	control(g, "\"id\":\"" TEAM "\"");
	add_simple(g, "serie", 5, ",\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=3\"]");
	google(g, "PATCH", PRIMARY "/serie_20260106T090000Z", "{\"summary\":\"x\"}");
	token = full_sync(g, "");
	google(g, "POST", PRIMARY "/serie/move?destination=team%40group.calendar.google.com", NULL);
	assert_status(g, 200);
	assert_string_equal(json_str(g->json, "id"), "serie");
	delta(g, token, "");
	assert_int_equal(item_count(g), 2);
	stub = item_by_id(g, "serie");
	assert_int_equal(json_object_object_length(stub), 4);
	assert_string_equal(json_str(stub, "status"), "cancelled");
	google(g, "GET", TEAM_URL, NULL);
	assert_int_equal(item_count(g), 2);
	assert_true(json_path(item_by_id(g, "serie"), "organizer/self") != NULL);
	google(g, "GET", TEAM_URL "/serie/instances", NULL);
	assert_int_equal(item_count(g), 3);
	google(g, "GET", PRIMARY, NULL);
	assert_int_equal(item_count(g), 0);
	/* and back home */
	google(g, "POST", TEAM_URL "/serie/move?destination=primary", NULL);
	assert_status(g, 200);
	google(g, "GET", PRIMARY, NULL);
	assert_int_equal(item_count(g), 2);
}

/* -- scopes --------------------------------------------------------------------------------------- */

static char *scoped_token(struct google *g, const char *scope)
{
	AUTO(free)
	char *body = xasprintf("{\"scopes\":[\"https://www.googleapis.com/auth/%s\"]}", scope);

	return xstrdup(
		json_str(google_send(g, NULL, "POST", "/sandbox/token", body), "access_token"));
}

static void test_fg_calendars__narrow_scopes(void **state)
{
	static const struct {
		const char *scope;
		int primary, team, holidays, made; /* status of events.list */
	} rows[] = {
		{"calendar.events.readonly", 200, 200, 200, 200},
		{"calendar.events.owned", 200, 403, 403, 200},
		{"calendar.events.owned.readonly", 200, 403, 403, 200},
		{"calendar.app.created", 403, 403, 403, 200},
		{"calendar.events.public.readonly", 403, 403, 200, 403},
		{"calendar.events.freebusy", 200, 200, 200, 200},
	};
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *id = NULL;
	AUTO(free) char *made = NULL;

	(void)state;
	google(g, "POST", "/sandbox/accounts", "{\"email\":\"user2@example.com\"}");
	google(g, "POST", "/sandbox/calendars",
	       "{\"account\":\"user2@example.com\",\"id\":\"" TEAM "\"}");
	control(g, "\"id\":\"" TEAM "\",\"accessRole\":\"writer\"");
	control(g, "\"id\":\"de#holiday@v\",\"accessRole\":\"reader\"");
	google(g, "POST", "/calendar/v3/calendars", "{\"summary\":\"Mine\"}");
	id = query_value(json_str(g->json, "id"));
	made = xasprintf("/calendar/v3/calendars/%s/events", id);
	add_simple(g, "alpha", 5, "");
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(free) char *token = scoped_token(g, rows[i].scope);

		google_send(g, token, "GET", PRIMARY, NULL);
		assert_status(g, rows[i].primary);
		google_send(g, token, "GET", TEAM_URL, NULL);
		assert_status(g, rows[i].team);
		google_send(g, token, "GET", "/calendar/v3/calendars/de%23holiday%40v/events",
			    NULL);
		assert_status(g, rows[i].holidays);
		google_send(g, token, "GET", made, NULL);
		assert_status(g, rows[i].made);
		if (rows[i].made == 403)
			assert_string_equal(google_reason(g), "insufficientPermissions");
	}
	{
		AUTO(free) char *token = scoped_token(g, "calendar.events.freebusy");

		google_send(g, token, "GET", PRIMARY, NULL);
		assert_string_equal(json_str(g->json, "accessRole"), "freeBusyReader");
		assert_false(json_has(item(g, 0), "summary"));
	}
}

/* -- loading -------------------------------------------------------------------------------------- */

static int load(struct google *g, const char *text, struct err *err)
{
	return fg_load(g->fg, text, strlen(text), err);
}

static void test_fg_calendars__load_shapes(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	struct err err;

	(void)state;
	assert_int_equal(load(g, "{\"start\":{\"date\":\"2026-01-05\"}}", &err), 0);
	assert_int_equal(load(g,
			      "[{\"id\":\"same\",\"summary\":\"old\",\"updated\":"
			      "\"2026-01-01T00:00:00.000Z\"},{\"id\":\"same\",\"summary\":\"new\","
			      "\"updated\":\"2026-01-02T00:00:00.000Z\"},{\"id\":\"same\","
			      "\"summary\":\"older\",\"updated\":\"2025-01-02T00:00:00.000Z\"}]",
			      &err),
			 0);
	google(g, "GET", PRIMARY, NULL);
	assert_int_equal(item_count(g), 2);
	assert_string_equal(json_str(item_by_id(g, "same"), "summary"), "new");
	assert_non_null(json_str(item_by_id(g, "same"), "etag"));
	assert_int_equal(load(g,
			      "{\"kind\":\"calendar#events\",\"timeZone\":\"Asia/Tokyo\","
			      "\"defaultReminders\":[{\"method\":\"popup\",\"minutes\":30}],"
			      "\"items\":[]}",
			      &err),
			 0);
	google(g, "GET", PRIMARY, NULL);
	assert_string_equal(json_str(g->json, "timeZone"), "Asia/Tokyo");
	assert_int_equal(
		json_int(json_object_array_get_idx(json_get(g->json, "defaultReminders"), 0),
			 "minutes", 0),
		30);
	assert_int_equal(load(g,
			      "{\"account\":\"new@example.com\",\"calendars\":[{\"id\":\"" TEAM
			      "\",\"accessRole\":\"reader\",\"events\":[{\"id\":\"one\"}]}]}",
			      &err),
			 0);
	google(g, "GET", "/sandbox/state", NULL);
	assert_non_null(strstr(g->last.body.buf, "new@example.com"));
	assert_non_null(strstr(g->last.body.buf, TEAM));
}

static void test_fg_calendars__load_refuses_other_json(void **state)
{
	static const char *const texts[] = {
		"7",
		"\"x\"",
		"null",
		"{}",
		"{\"error\":{\"code\":400}}",
		"[7]",
		"[null]",
		"{\"kind\":\"calendar#events\",\"items\":7}",
		"{\"kind\":\"calendar#freeBusy\",\"timeMin\":\"x\"}",
		"{\"calendars\":[{}]}",
		"{\"calendars\":[{\"id\":\"x\",\"accessRole\":\"king\"}]}",
		"{"};
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct err err = {0};

		if (!load(g, texts[i], &err))
			fail_msg("%s was loaded", texts[i]);
		assert_int_equal(err.code, ERR_INVALID);
	}
}

static void test_fg_calendars__loaded_strangeness(void **state)
{
	static const char text[] =
		"[{\"id\":\"odd01\",\"start\":7,\"end\":\"x\",\"recurrence\":\"RRULE\"},"
		"{\"id\":\"odd02\",\"start\":{\"dateTime\":\"never\"},\"recurrence\":[7,null]},"
		"{\"id\":\"odd03\",\"recurringEventId\":\"odd03\"},"
		"{\"id\":7,\"updated\":\"yesterday\",\"attendees\":{}},"
		"{\"id\":\"odd05\",\"status\":\"cancelled\"},"
		"{\"id\":\"odd06\",\"start\":{\"date\":\"2026-01-05\"},\"recurrence\":[]},"
		"{\"id\":\"odd07_20260105\",\"organizer\":7,\"attendees\":[7,null,{\"email\":8}]}]";
	AUTO(google_free) struct google *g = google_new();
	static const char *const queries[] = {"",
					      "showDeleted=true",
					      "singleEvents=true",
					      "singleEvents=true&orderBy=startTime&q=x",
					      "timeMin=2026-01-01T00:00:00Z",
					      "maxAttendees=1",
					      "timeZone=UTC"};
	struct err err;

	(void)state;
	assert_int_equal(load(g, text, &err), 0);
	for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
		AUTO(free) char *url = xasprintf(PRIMARY "?%s", queries[i]);

		google(g, "GET", url, NULL);
		assert_status(g, 200);
	}
	for (int i = 1; i <= 6; i++) {
		AUTO(free) char *url = xasprintf(PRIMARY "/odd0%d", i);

		google(g, "PATCH", url, "{\"summary\":\"x\",\"attendees\":[]}");
		assert_true(g->last.status < 500);
		google(g, "DELETE", url, NULL);
		assert_true(g->last.status < 500);
	}
	google(g, "POST", "/calendar/v3/freeBusy",
	       "{\"timeMin\":\"2026-01-01T00:00:00Z\",\"timeMax\":\"2026-02-01T00:00:00Z\","
	       "\"items\":[{\"id\":\"primary\"},7,{}]}");
	assert_status(g, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(list),
		TEST(pages),
		TEST(sync),
		TEST(titles_do_not_surface),
		TEST(not_modified),
		TEST(free_busy_reader),
		TEST(a_new_zone_moves_no_instant),
		TEST(create_and_delete),
		TEST(moving_a_series),
		TEST(narrow_scopes),
		TEST(load_shapes),
		TEST(load_refuses_other_json),
		TEST(loaded_strangeness),
	};

	return cmocka_run_group_tests_name("fg_calendars", tests, NULL, NULL);
}
