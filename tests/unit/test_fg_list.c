/* events.list: pages, tokens, filters, what is shown. */
#include "fg_fixture.h"

#define TEST(name) cmocka_unit_test(test_fg_list__##name)

static void list(struct google *g, const char *query)
{
	AUTO(free) char *url = xasprintf(PRIMARY "?%s", query);

	google(g, "GET", url, NULL);
}

static void add_series(struct google *g, const char *id, const char *rule)
{
	AUTO(free) char *more = xasprintf(",\"recurrence\":[\"%s\"]", rule);

	add_simple(g, id, 5, more);
}

/* -- pages -------------------------------------------------------------------------------------- */

/* Follow all pages; returns the number of pages. The last answer is that of the last page. */
static int walk(struct google *g, const char *query, size_t *out_items, int *out_empty)
{
	AUTO(free) char *token = NULL;
	int pages = 0;

	*out_items = 0;
	*out_empty = 0;
	do {
		AUTO(free)
		char *full = token ? xasprintf("%s&pageToken=%s", query, token) : xstrdup(query);

		list(g, full);
		assert_status(g, 200);
		*out_items += item_count(g);
		*out_empty += item_count(g) == 0;
		free(token);
		token = json_str(g->json, "nextPageToken")
				? query_value(json_str(g->json, "nextPageToken"))
				: NULL;
		/* exactly one of the two */
		assert_true(!token == !!json_str(g->json, "nextSyncToken"));
		pages++;
	} while (token);
	return pages;
}

static void add_many(struct google *g, int n)
{
	for (int i = 0; i < n; i++) {
		AUTO(free) char *id = xasprintf("event%02d", i);

		add_simple(g, id, 1 + i % 28, "");
	}
}

static void test_fg_list__pages(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	size_t n;
	int empty;

	(void)state;
	add_many(g, 25);
	assert_int_equal(walk(g, "maxResults=10", &n, &empty), 3);
	assert_int_equal(n, 25);
	assert_int_equal(walk(g, "singleEvents=true&maxResults=7", &n, &empty), 4);
	assert_int_equal(n, 25);
	assert_int_equal(walk(g, "maxResults=99999", &n, &empty), 1);
	list(g, "maxResults=0");
	assert_status(g, 400);
	list(g, "maxResults=ten");
	assert_status(g, 400);
}

static void test_fg_list__short_and_empty_pages(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	size_t n;
	int empty;

	(void)state;
	add_many(g, 10);
	google(g, "POST", "/sandbox/config", "{\"max_page\":4,\"empty_pages\":true}");
	assert_int_equal(walk(g, "maxResults=250", &n, &empty), 5);
	assert_int_equal(n, 10);
	assert_int_equal(empty, 2);
}

static void test_fg_list__default_page_holds_250(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	add_series(g, "daili", "RRULE:FREQ=DAILY;COUNT=300");
	list(g, "singleEvents=true");
	assert_int_equal(item_count(g), 250);
	assert_non_null(json_str(g->json, "nextPageToken"));
}

static void test_fg_list__page_token_is_bound_to_its_query(void **state)
{
	static const char *const others[] = {"maxResults=3", "maxResults=2&showDeleted=true",
					     "maxResults=2&q=a", "maxResults=2&timeZone=UTC"};
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = NULL;
	AUTO(free) char *good = NULL;

	(void)state;
	add_many(g, 5);
	list(g, "maxResults=2");
	token = query_value(json_str(g->json, "nextPageToken"));
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		AUTO(free) char *query = xasprintf("%s&pageToken=%s", others[i], token);

		list(g, query);
		assert_refused(g, 400, "invalid");
		assert_string_equal(json_path_str(g->json, "error/message"),
				    "Invalid page token value.");
	}
	list(g, "maxResults=2&pageToken=nonsense");
	assert_refused(g, 400, "invalid");
	/* the order of parameters and those that shape the answer do not matter */
	good = xasprintf("pageToken=%s&fields=items(id),nextPageToken&maxResults=2", token);
	list(g, good);
	assert_status(g, 200);
	assert_int_equal(item_count(g), 2);
	/* a lost answer can be asked for again */
	list(g, good);
	assert_int_equal(item_count(g), 2);
	google(g, "POST", "/sandbox/expire", "{\"page_tokens\":true}");
	list(g, good);
	assert_refused(g, 400, "invalid");
}

static void test_fg_list__page_token_of_another_calendar(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = NULL;
	AUTO(free) char *url = NULL;

	(void)state;
	google(g, "POST", "/sandbox/calendars",
	       "{\"account\":\"user1@example.com\",\"id\":\"two@example.com\"}");
	add_many(g, 3);
	list(g, "maxResults=2");
	token = query_value(json_str(g->json, "nextPageToken"));
	url = xasprintf(
		"/calendar/v3/calendars/two%%40example.com/events?maxResults=2&pageToken=%s",
		token);
	google(g, "GET", url, NULL);
	assert_refused(g, 400, "invalid");
}

static void test_fg_list__changes_while_paging_are_not_lost(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *page = NULL;
	AUTO(free) char *rest = NULL;
	AUTO(free) char *sync = NULL;

	(void)state;
	add_many(g, 4);
	list(g, "maxResults=2");
	page = query_value(json_str(g->json, "nextPageToken"));
	google(g, "PATCH", PRIMARY "/event00", "{\"summary\":\"changed\"}");
	google(g, "DELETE", PRIMARY "/event03", NULL);
	add_simple(g, "fresh", 9, "");
	rest = xasprintf("maxResults=2&pageToken=%s", page);
	list(g, rest);
	assert_status(g, 200);
	assert_null(item_by_id(g, "event03")); /* gone before its page */
	sync = query_value(json_str(g->json, "nextSyncToken"));
	delta(g, sync, "");
	assert_int_equal(item_count(g), 3);
	assert_string_equal(json_str(item_by_id(g, "event00"), "summary"), "changed");
	assert_string_equal(json_str(item_by_id(g, "event03"), "status"), "cancelled");
	assert_non_null(item_by_id(g, "fresh"));
}

/* -- sync tokens ------------------------------------------------------------------------------------ */

static void test_fg_list__sync_token_refuses_other_restrictions(void **state)
{
	static const char *const queries[] = {"iCalUID=x",
					      "orderBy=updated",
					      "privateExtendedProperty=a%3Db",
					      "q=x",
					      "sharedExtendedProperty=a%3Db",
					      "timeMin=2026-01-01T00:00:00Z",
					      "timeMax=2026-01-01T00:00:00Z",
					      "updatedMin=2026-01-01T00:00:00Z",
					      "showDeleted=false"};
	static const char *const allowed[] = {"maxResults=5", "showDeleted=true",
					      "singleEvents=false", "fields=nextSyncToken"};
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = full_sync(g, "");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
		delta(g, token, queries[i]);
		assert_refused(g, 400, "invalid");
		assert_string_equal(json_path_str(g->json, "error/message"),
				    "Sync token cannot be used with other request restrictions.");
	}
	for (size_t i = 0; i < ARRAY_SIZE(allowed); i++) {
		delta(g, token, allowed[i]);
		assert_status(g, 200);
	}
}

static void test_fg_list__sync_token_is_bound(void **state)
{
	static const char *const others[] = {"singleEvents=true", "eventTypes=default",
					     "timeZone=UTC", "maxAttendees=1",
					     "showHiddenInvitations=true"};
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = full_sync(g, "");
	AUTO(free) char *single = full_sync(g, "singleEvents=true");

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		delta(g, token, others[i]);
		assert_refused(g, 400, "invalid");
	}
	delta(g, single, "singleEvents=true");
	assert_status(g, 200);
	delta(g, single, "");
	assert_status(g, 400);
	delta(g, "nonsense", "");
	assert_refused(g, 400, "invalid");
}

static void test_fg_list__sync_token_is_left_out(void **state)
{
	static const char *const queries[] = {"orderBy=updated",
					      "q=x",
					      "updatedMin=2025-12-31T00:00:00Z",
					      "iCalUID=x",
					      "privateExtendedProperty=a%3Db",
					      "sharedExtendedProperty=a%3Db",
					      "orderBy=startTime&singleEvents=true"};
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(queries); i++) {
		list(g, queries[i]);
		assert_status(g, 200);
		assert_false(json_has(g->json, "nextSyncToken"));
		assert_false(json_has(g->json, "nextPageToken"));
	}
	list(g, "timeMin=2026-01-01T00:00:00Z&timeMax=2026-02-01T00:00:00Z");
	assert_non_null(json_str(g->json, "nextSyncToken"));
}

static void assert_full_sync_required(struct google *g)
{
	assert_refused(g, 410, "fullSyncRequired");
	assert_string_equal(
		json_str(json_object_array_get_idx(json_path(g->json, "error/errors"), 0),
			 "location"),
		"syncToken");
}

static void test_fg_list__410(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = full_sync(g, "");
	AUTO(free) char *second = NULL;
	AUTO(free) char *third = NULL;

	(void)state;
	google(g, "POST", "/sandbox/expire", "{\"sync_tokens\":true}");
	delta(g, token, "");
	assert_full_sync_required(g);
	/* a changed role */
	second = full_sync(g, "");
	google(g, "POST", "/sandbox/calendars",
	       "{\"account\":\"user1@example.com\",\"id\":\"primary\",\"accessRole\":\"writer\"}");
	assert_status(g, 200);
	delta(g, second, "");
	assert_full_sync_required(g);
	/* age */
	third = full_sync(g, "");
	google(g, "POST", "/sandbox/clock", "{\"advance_ms\":8640000000}");
	free(g->token);
	g->token = google_token(g, "user1@example.com");
	delta(g, third, "");
	assert_full_sync_required(g);
}

static void test_fg_list__410_between_pages(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = full_sync(g, "");
	AUTO(free) char *query = NULL;
	AUTO(free) char *page = NULL;

	(void)state;
	add_many(g, 4);
	delta(g, token, "maxResults=2");
	assert_int_equal(item_count(g), 2);
	page = query_value(json_str(g->json, "nextPageToken"));
	query = xasprintf("maxResults=2&pageToken=%s", page);
	google(g, "POST", "/sandbox/expire", "{\"sync_tokens\":true}");
	delta(g, token, query);
	assert_full_sync_required(g);
}

static void test_fg_list__incremental_pages_keep_the_sync_token(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = full_sync(g, "");
	AUTO(free) char *page = NULL;
	AUTO(free) char *with = NULL;
	AUTO(free) char *without = NULL;

	(void)state;
	add_many(g, 4);
	delta(g, token, "maxResults=3");
	page = query_value(json_str(g->json, "nextPageToken"));
	assert_false(json_has(g->json, "nextSyncToken"));
	without = xasprintf("maxResults=3&pageToken=%s", page);
	list(g, without);
	assert_refused(g, 400, "invalid");
	with = xasprintf("maxResults=3&pageToken=%s", page);
	delta(g, token, with);
	assert_status(g, 200);
	assert_int_equal(item_count(g), 1);
	assert_non_null(json_str(g->json, "nextSyncToken"));
}

static void test_fg_list__token_of_another_account(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = full_sync(g, "");
	AUTO(free) char *other = NULL;
	AUTO(free)
	char *url =
		xasprintf("/calendar/v3/calendars/user1%%40example.com/events?syncToken=%s", token);

	(void)state;
	google(g, "POST", "/sandbox/accounts", "{\"email\":\"user2@example.com\"}");
	google(g, "POST", "/sandbox/calendars",
	       "{\"account\":\"user2@example.com\",\"id\":\"user1@example.com\","
	       "\"accessRole\":\"reader\"}");
	assert_status(g, 200);
	other = google_token(g, "user2@example.com");
	google_send(g, other, "GET", url, NULL);
	assert_full_sync_required(g);
}

/* -- what is shown ------------------------------------------------------------------------------------- */

/*
 * live: a single event; gone: a deleted one; serie: a live series of three with a changed
 * second and a deleted third instance; ended: a deleted series.
 */
static void matrix_calendar(struct google *g)
{
	add_simple(g, "alive", 5, "");
	add_simple(g, "gone1", 6, "");
	google(g, "DELETE", PRIMARY "/gone1", NULL);
	add_series(g, "serie", "RRULE:FREQ=DAILY;COUNT=3");
	google(g, "PATCH", PRIMARY "/serie_20260106T090000Z", "{\"summary\":\"other\"}");
	assert_status(g, 200);
	google(g, "DELETE", PRIMARY "/serie_20260107T090000Z", NULL);
	assert_status(g, 204);
	add_series(g, "ended", "RRULE:FREQ=DAILY;COUNT=3");
	google(g, "DELETE", PRIMARY "/ended", NULL);
	assert_status(g, 204);
}

static void test_fg_list__show_deleted_and_single_events(void **state)
{
	static const char *const ids[] = {"alive",
					  "serie",
					  "serie_20260106T090000Z",
					  "serie_20260105T090000Z",
					  "serie_20260107T090000Z",
					  "gone1",
					  "ended"};
	static const struct {
		const char *query;
		bool shown[ARRAY_SIZE(ids)];
	} rows[] = {
		{"", {true, true, true, false, true, false, false}},
		{"showDeleted=true", {true, true, true, false, true, true, true}},
		{"singleEvents=true", {true, false, true, true, false, false, false}},
		{"singleEvents=true&showDeleted=true",
		 {true, false, true, true, true, true, false}},
	};
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	matrix_calendar(g);
	for (size_t r = 0; r < ARRAY_SIZE(rows); r++) {
		list(g, rows[r].query);
		assert_status(g, 200);
		for (size_t i = 0; i < ARRAY_SIZE(ids); i++)
			if ((item_by_id(g, ids[i]) != NULL) != rows[r].shown[i])
				fail_msg("%s with '%s'", ids[i], rows[r].query);
	}
}

static void test_fg_list__cancelled_exceptions_name_their_place(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = full_sync(g, "");
	struct json_object *gone;

	(void)state;
	matrix_calendar(g);
	for (int round = 0; round < 2; round++) {
		if (round)
			delta(g, token, "");
		else
			list(g, "");
		gone = item_by_id(g, "serie_20260107T090000Z");
		assert_int_equal(json_object_object_length(gone), 6);
		assert_string_equal(json_str(gone, "recurringEventId"), "serie");
		assert_string_equal(json_path_str(gone, "originalStartTime/dateTime"),
				    "2026-01-07T10:00:00+01:00");
		assert_string_equal(json_path_str(gone, "originalStartTime/timeZone"),
				    "Europe/Berlin");
	}
	/* deleted masters and singles are stubs in a delta, whole with showDeleted */
	assert_int_equal(json_object_object_length(item_by_id(g, "ended")), 4);
	delta(g, token, "showDeleted=true");
	assert_string_equal(json_str(item_by_id(g, "gone1"), "summary"), "gone1");
}

static void assert_window(struct google *g, const char *query, bool shown)
{
	list(g, query);
	assert_status(g, 200);
	if ((item_count(g) == 1) != shown)
		fail_msg("%zu items with %s", item_count(g), query);
}

static void test_fg_list__window_is_exclusive(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	add_simple(g, "timed", 5, ""); /* 09:00Z to 10:00Z */
	assert_window(g, "timeMin=2026-01-05T09:59:59Z", true);
	assert_window(g, "timeMin=2026-01-05T10:00:00Z", false);
	assert_window(g, "timeMin=2026-01-05T11:00:00%2B01:00", false);
	assert_window(g, "timeMax=2026-01-05T09:00:01Z", true);
	assert_window(g, "timeMax=2026-01-05T09:00:00Z", false);
	assert_window(g, "timeMax=2026-01-05T09:00:00.900Z", false);
	list(g, "timeMin=2026-01-05T10:00:00");
	assert_status(g, 400);
	list(g, "timeMin=2026-01-05");
	assert_status(g, 400);
	list(g, "timeMin=2026-01-06T00:00:00Z&timeMax=2026-01-06T00:00:00Z");
	assert_refused(g, 400, "timeRangeEmpty");
}

static void test_fg_list__window_and_all_day(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	/* in Berlin: 2026-01-04T23:00Z to 2026-01-05T23:00Z */
	add_event(g, "{\"id\":\"alldai\",\"start\":{\"date\":\"2026-01-05\"},"
		     "\"end\":{\"date\":\"2026-01-06\"}}");
	assert_window(g, "timeMin=2026-01-05T22:59:59Z", true);
	assert_window(g, "timeMin=2026-01-05T23:00:00Z", false);
	assert_window(g, "timeMax=2026-01-04T23:00:01Z", true);
	assert_window(g, "timeMax=2026-01-04T23:00:00Z", false);
}

static void test_fg_list__order(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	add_simple(g, "later", 9, "");
	add_simple(g, "earli", 2, "");
	list(g, "orderBy=startTime");
	assert_refused(g, 400, "invalid");
	assert_string_equal(json_path_str(g->json, "error/message"),
			    "The requested ordering is not available for the particular query.");
	list(g, "orderBy=startTime&singleEvents=true");
	assert_string_equal(json_str(item(g, 0), "id"), "earli");
	list(g, "orderBy=updated");
	assert_string_equal(json_str(item(g, 0), "id"), "later");
	google(g, "PATCH", PRIMARY "/later", "{\"summary\":\"x\"}");
	list(g, "orderBy=updated");
	assert_string_equal(json_str(item(g, 0), "id"), "earli");
	list(g, "orderBy=colour");
	assert_status(g, 400);
}

static void assert_only(struct google *g, const char *query, const char *id)
{
	list(g, query);
	assert_status(g, 200);
	if (item_count(g) != 1 || strcmp(json_str(item(g, 0), "id"), id) != 0)
		fail_msg("%s: %s", query, g->last.body.buf);
}

static void test_fg_list__filters(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	add_simple(g, "alpha", 5,
		   ",\"description\":\"Quarterly numbers\",\"extendedProperties\":{\"private\":"
		   "{\"k\":\"v\",\"n\":\"1\"},\"shared\":{\"s\":\"t\"}}");
	add_simple(g, "bravo", 6, ",\"location\":\"Room 7\"");
	add_simple(g, "gamma", 7, ",\"attendees\":[{\"email\":\"zoe@example.net\"}]");
	add_simple(g, "focus", 8, ",\"eventType\":\"focusTime\",\"transparency\":\"opaque\"");
	assert_only(g, "q=quarterly", "alpha");
	assert_only(g, "q=room+7", "bravo");
	assert_only(g, "q=zoe", "gamma");
	assert_only(g, "iCalUID=bravo%40google.com", "bravo");
	assert_only(g, "privateExtendedProperty=k%3Dv", "alpha");
	assert_only(g, "privateExtendedProperty=k%3Dv&sharedExtendedProperty=s%3Dt", "alpha");
	assert_only(g, "eventTypes=focusTime", "focus");
	list(g, "privateExtendedProperty=k%3Dv&privateExtendedProperty=n%3D2");
	assert_int_equal(item_count(g), 0);
	list(g, "eventTypes=focusTime&eventTypes=default");
	assert_int_equal(item_count(g), 4);
	list(g, "eventTypes=party");
	assert_status(g, 400);
	list(g, "q=nothing");
	assert_int_equal(item_count(g), 0);
}

static void test_fg_list__updated_min(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	add_simple(g, "alpha", 5, "");
	add_simple(g, "bravo", 5, "");
	google(g, "POST", "/sandbox/clock", "{\"advance_ms\":60000}");
	google(g, "DELETE", PRIMARY "/alpha", NULL);
	assert_only(g, "updatedMin=2026-01-01T00:00:30Z", "alpha"); /* deleted, and returned */
	list(g, "updatedMin=2025-10-01T00:00:00Z");
	assert_refused(g, 410, "updatedMinTooLongAgo");
}

static void test_fg_list__zone_and_attendees(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	struct json_object *ev;

	(void)state;
	add_simple(g, "alpha", 5,
		   ",\"attendees\":[{\"email\":\"user1@example.com\"},"
		   "{\"email\":\"a@example.net\"},{\"email\":\"b@example.net\"}]");
	list(g, "timeZone=America/New_York&maxAttendees=2");
	ev = item(g, 0);
	assert_string_equal(json_path_str(ev, "start/dateTime"), "2026-01-05T04:00:00-05:00");
	assert_string_equal(json_path_str(ev, "start/timeZone"), "Europe/Berlin");
	assert_true(json_flag(ev, "attendeesOmitted", false));
	assert_int_equal(json_object_array_length(json_get(ev, "attendees")), 1);
	assert_true(
		json_flag(json_object_array_get_idx(json_get(ev, "attendees"), 0), "self", false));
	list(g, "maxAttendees=3");
	assert_false(json_has(item(g, 0), "attendeesOmitted"));
	list(g, "timeZone=Mars/Olympus");
	assert_status(g, 400);
}

static void test_fg_list__not_modified(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *etag = NULL;

	(void)state;
	add_simple(g, "alpha", 5, "");
	list(g, "");
	etag = xstrdup(json_str(g->json, "etag"));
	assert_true(!strncmp(etag, "\"p3", 3));
	g->if_none_match = etag;
	list(g, "");
	assert_status(g, 304);
	assert_int_equal(g->last.body.len, 0);
	add_simple(g, "bravo", 5, "");
	g->if_none_match = etag;
	list(g, "");
	assert_status(g, 200);
}

static void test_fg_list__missing_calendar(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	google(g, "GET", "/calendar/v3/calendars/nobody%40example.com/events", NULL);
	assert_refused(g, 404, "notFound");
}

static void test_fg_list__ten_thousand_events(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err err;
	size_t n;
	int empty;

	(void)state;
	strbuf_adds(&text, "{\"kind\":\"calendar#events\",\"items\":[");
	for (int i = 0; i < 10000; i++)
		strbuf_addf(&text,
			    "%s{\"id\":\"load%05d\",\"summary\":\"n\",\"start\":{\"date\":"
			    "\"2026-01-05\"},\"end\":{\"date\":\"2026-01-06\"}}",
			    i ? "," : "", i);
	strbuf_adds(&text, "]}");
	assert_int_equal(fg_load(g->fg, text.buf, text.len, &err), 0);
	assert_int_equal(walk(g, "maxResults=2500", &n, &empty), 4);
	assert_int_equal(n, 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(pages),
		TEST(short_and_empty_pages),
		TEST(default_page_holds_250),
		TEST(page_token_is_bound_to_its_query),
		TEST(page_token_of_another_calendar),
		TEST(changes_while_paging_are_not_lost),
		TEST(sync_token_refuses_other_restrictions),
		TEST(sync_token_is_bound),
		TEST(sync_token_is_left_out),
		TEST(410),
		TEST(410_between_pages),
		TEST(incremental_pages_keep_the_sync_token),
		TEST(token_of_another_account),
		TEST(show_deleted_and_single_events),
		TEST(cancelled_exceptions_name_their_place),
		TEST(window_is_exclusive),
		TEST(window_and_all_day),
		TEST(order),
		TEST(filters),
		TEST(updated_min),
		TEST(zone_and_attendees),
		TEST(not_modified),
		TEST(missing_calendar),
		TEST(ten_thousand_events),
	};

	return cmocka_run_group_tests_name("fg_list", tests, NULL, NULL);
}
