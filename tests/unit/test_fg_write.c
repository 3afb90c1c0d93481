/* Writes of single events: etags, `updated`, tombstones, mails, violations. The answers
 * themselves are in tests/data/fake_google/events.json. */
#include "fg_fixture.h"

#define TEST(name) cmocka_unit_test(test_fg_write__##name)

static char *etag_of(struct google *g, const char *path)
{
	google(g, "GET", path, NULL);
	assert_status(g, 200);
	return xstrdup(json_str(g->json, "etag"));
}

static void test_fg_write__ids_are_26_characters(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	const char *id;

	(void)state;
	add_event(g, "{\"start\":{\"date\":\"2026-01-05\"},\"end\":{\"date\":\"2026-01-06\"}}");
	id = json_str(g->json, "id");
	assert_int_equal(strlen(id), 26);
	assert_int_equal(strspn(id, "0123456789abcdefghijklmnopqrstuv"), 26);
}

static void test_fg_write__every_change_has_a_new_etag(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(json_object_put) struct json_object *seen = json_object_new_object();

	(void)state;
	add_simple(g, "alpha", 5, "");
	for (int i = 0; i < 5; i++) {
		AUTO(free) char *body = xasprintf("{\"summary\":\"%d\"}", i);
		const char *etag = json_str(g->json, "etag");

		/* quotes are part of it */
		assert_int_equal(etag[0], '"');
		assert_int_equal(strspn(etag + 1, "0123456789"), strlen(etag) - 2);
		assert_false(json_has(seen, etag));
		json_set_bool(seen, etag, true);
		google(g, "PATCH", PRIMARY "/alpha", body);
		assert_status(g, 200);
	}
}

static void test_fg_write__etag_is_twice_updated(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	add_simple(g, "alpha", 5, "");
	/* 2026-01-01T00:00:00Z and some milliseconds, in microseconds, doubled */
	assert_true(!strncmp(json_str(g->json, "etag"), "\"353445120", 10));
	assert_true(!strncmp(json_str(g->json, "updated"), "2026-01-01T00:00:00.", 20));
	assert_string_equal(json_str(g->json, "created"), "2026-01-01T00:00:00.000Z");
}

static void test_fg_write__reminders_do_not_move_updated(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *updated = NULL;
	AUTO(free) char *etag = NULL;
	AUTO(free) char *token = NULL;

	(void)state;
	add_simple(g, "alpha", 5, "");
	updated = xstrdup(json_str(g->json, "updated"));
	etag = xstrdup(json_str(g->json, "etag"));
	token = full_sync(g, "");
	google(g, "PATCH", PRIMARY "/alpha", "{\"reminders\":{\"useDefault\":false}}");
	assert_string_equal(json_str(g->json, "updated"), updated);
	assert_string_not_equal(json_str(g->json, "etag"), etag);
	delta(g, token, "");
	assert_int_equal(item_count(g), 1);
	google(g, "PATCH", PRIMARY "/alpha", "{\"colorId\":\"2\"}");
	assert_string_not_equal(json_str(g->json, "updated"), updated);
}

static void test_fg_write__a_refused_write_changes_nothing(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = NULL;
	AUTO(free) char *etag = NULL;

	(void)state;
	add_simple(g, "alpha", 5, "");
	etag = xstrdup(json_str(g->json, "etag"));
	token = full_sync(g, "");
	google(g, "PATCH", PRIMARY "/alpha", "{\"summary\":\"x\",\"colorId\":\"99\"}");
	assert_status(g, 400);
	g->if_match = "\"1\"";
	google(g, "PATCH", PRIMARY "/alpha", "{\"summary\":\"x\"}");
	assert_refused(g, 412, "conditionNotMet");
	/* insert is not an upsert */
	google(g, "POST", PRIMARY,
	       "{\"id\":\"alpha\",\"summary\":\"x\",\"start\":{\"date\":\"2026-01-05\"},"
	       "\"end\":{\"date\":\"2026-01-06\"}}");
	assert_refused(g, 409, "duplicate");
	google(g, "GET", PRIMARY "/alpha", NULL);
	assert_string_equal(json_str(g->json, "summary"), "alpha");
	assert_string_equal(json_str(g->json, "etag"), etag);
	delta(g, token, "");
	assert_int_equal(item_count(g), 0);
}

static void test_fg_write__tombstones(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *etag = NULL;
	AUTO(free) char *dead = NULL;

	(void)state;
	add_simple(g, "alpha", 5, "");
	etag = etag_of(g, PRIMARY "/alpha");
	g->if_match = etag;
	google(g, "DELETE", PRIMARY "/alpha", NULL);
	assert_status(g, 204);
	assert_int_equal(g->last.body.len, 0);
	dead = etag_of(g, PRIMARY "/alpha");
	assert_string_not_equal(dead, etag);
	assert_string_equal(json_str(g->json, "status"), "cancelled");
	/* a guarded second delete sees the new etag first */
	g->if_match = etag;
	google(g, "DELETE", PRIMARY "/alpha", NULL);
	assert_refused(g, 412, "conditionNotMet");
	g->if_match = dead;
	google(g, "DELETE", PRIMARY "/alpha", NULL);
	assert_refused(g, 410, "deleted");
	google(g, "DELETE", PRIMARY "/alpha", NULL);
	assert_refused(g, 410, "deleted");
	google(g, "POST", PRIMARY,
	       "{\"id\":\"alpha\",\"start\":{\"date\":\"2026-01-05\"},\"end\":{\"date\":"
	       "\"2026-01-06\"}}");
	assert_refused(g, 409, "duplicate");
	/* revive */
	google(g, "PATCH", PRIMARY "/alpha", "{\"status\":\"confirmed\"}");
	assert_status(g, 200);
	google(g, "GET", PRIMARY, NULL);
	assert_int_equal(item_count(g), 1);
	assert_string_equal(json_str(item(g, 0), "summary"), "alpha");
}

static void test_fg_write__old_tombstones_cannot_be_had_back(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	add_simple(g, "alpha", 5, "");
	add_simple(g, "living", 5, "");
	google(g, "DELETE", PRIMARY "/alpha", NULL);
	google(g, "PATCH", PRIMARY "/alpha", "{\"status\":\"confirmed\"}");
	assert_status(g, 200);
	google(g, "DELETE", PRIMARY "/alpha", NULL);
	google(g, "POST", "/sandbox/expire", "{\"tombstones\":true}");
	assert_status(g, 200);
	google(g, "PATCH", PRIMARY "/alpha", "{\"status\":\"confirmed\"}");
	assert_refused(g, 404, "notFound");
	google(g, "POST", PRIMARY,
	       "{\"id\":\"alpha\",\"start\":{\"date\":\"2026-01-05\"},"
	       "\"end\":{\"date\":\"2026-01-06\"}}");
	assert_refused(g, 409, "duplicate");
	google(g, "PATCH", PRIMARY "/living", "{\"summary\":\"x\"}");
	assert_status(g, 200);
}

static void test_fg_write__cancelling_is_deleting(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = NULL;

	(void)state;
	add_simple(g, "alpha", 5, "");
	token = full_sync(g, "");
	google(g, "PATCH", PRIMARY "/alpha", "{\"status\":\"cancelled\"}");
	assert_status(g, 200);
	google(g, "GET", PRIMARY, NULL);
	assert_int_equal(item_count(g), 0);
	delta(g, token, "");
	assert_int_equal(json_object_object_length(item(g, 0)), 4);
}

static void test_fg_write__conference_comes_later(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = full_sync(g, "");
	AUTO(free) char *link = NULL;

	(void)state;
	google(g, "POST", PRIMARY "?conferenceDataVersion=1",
	       "{\"id\":\"meets\",\"start\":{\"date\":\"2026-01-05\"},\"end\":{\"date\":"
	       "\"2026-01-06\"},\"conferenceData\":{\"createRequest\":{\"requestId\":\"r1\"}}}");
	assert_status(g, 200);
	assert_false(json_has(g->json, "hangoutLink"));
	delta(g, token, "");
	assert_int_equal(item_count(g), 1);
	link = xstrdup(json_str(item(g, 0), "hangoutLink"));
	assert_true(!strncmp(link, "https://meet.google.com/", 24));
	/* the same request again makes no second one */
	google(g, "PATCH", PRIMARY "/meets?conferenceDataVersion=1",
	       "{\"conferenceData\":{\"createRequest\":{\"requestId\":\"r1\"}}}");
	assert_status(g, 200);
	assert_string_equal(json_str(g->json, "hangoutLink"), link);
	/* without the flag it stays, with it null removes it */
	google(g, "PUT", PRIMARY "/meets",
	       "{\"start\":{\"date\":\"2026-01-05\"},\"end\":{\"date\":\"2026-01-06\"}}");
	assert_string_equal(json_str(g->json, "hangoutLink"), link);
	/* another request makes another one */
	google(g, "PATCH", PRIMARY "/meets?conferenceDataVersion=1",
	       "{\"conferenceData\":{\"createRequest\":{\"requestId\":\"r2\"}}}");
	google(g, "GET", PRIMARY "/meets", NULL);
	assert_string_not_equal(json_str(g->json, "hangoutLink"), link);
	google(g, "PATCH", PRIMARY "/meets?conferenceDataVersion=1", "{\"conferenceData\":null}");
	assert_false(json_has(g->json, "hangoutLink"));
	assert_false(json_has(g->json, "conferenceData"));
}

static size_t mails(struct google *g)
{
	google(g, "GET", "/sandbox/mail", NULL);
	return json_object_array_length(g->json);
}

static void test_fg_write__nobody_is_mailed_unasked(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	struct json_object *mail;

	(void)state;
	google(g, "POST", "/sandbox/accounts", "{\"email\":\"user2@example.com\"}");
	add_simple(g, "alpha", 5, ",\"attendees\":[{\"email\":\"a@example.net\"}]");
	google(g, "PATCH", PRIMARY "/alpha?sendUpdates=none", "{\"summary\":\"x\"}");
	assert_status(g, 200);
	assert_int_equal(mails(g), 0);
	google(g, "PATCH", PRIMARY "/alpha?sendUpdates=all", "{\"summary\":\"y\"}");
	assert_int_equal(mails(g), 1);
	mail = json_object_array_get_idx(g->json, 0);
	assert_string_equal(json_str(mail, "to"), "a@example.net");
	assert_string_equal(json_str(mail, "sendUpdates"), "all");
	assert_string_equal(json_str(mail, "what"), "update");
	google(g, "PATCH", PRIMARY "/alpha?sendUpdates=externalOnly",
	       "{\"attendees\":[{\"email\":\"a@example.net\"},{\"email\":\"user2@example.com\"}]}");
	assert_status(g, 200);
	assert_int_equal(mails(g), 2); /* Google's own users get none */
	google(g, "DELETE", PRIMARY "/alpha?sendUpdates=all", NULL);
	assert_int_equal(mails(g), 4);
	assert_string_equal(json_str(json_object_array_get_idx(g->json, 3), "what"),
			    "cancellation");
	/* the body is not the place for it */
	google(g, "DELETE", "/sandbox/mail", NULL);
	add_simple(g, "bravo", 5,
		   ",\"sendUpdates\":\"all\",\"attendees\":[{\"email\":\"a@example.net\"}]");
	assert_int_equal(mails(g), 0);
}

static bool violated(struct google *g, const char *what)
{
	google(g, "GET", "/sandbox/violations", NULL);
	return strstr(g->last.body.buf, what) != NULL;
}

static void test_fg_write__silently_ignored_is_a_violation(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	add_simple(g, "alpha", 5, "");
	assert_false(violated(g, "conferenceDataVersion"));
	add_simple(g, "bravo", 5,
		   ",\"conferenceData\":{\"createRequest\":{\"requestId\":\"r\"}},"
		   "\"attachments\":[{\"fileUrl\":\"https://x\"}],\"iCalUID\":\"u\"");
	assert_true(violated(g, "conferenceDataVersion"));
	assert_true(violated(g, "supportsAttachments"));
	assert_true(violated(g, "iCalUID"));
}

static void test_fg_write__another_events_meet_data_are_a_violation(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *body = NULL;

	(void)state;
	google(g, "POST", PRIMARY "?conferenceDataVersion=1",
	       "{\"id\":\"meets\",\"start\":{\"date\":\"2026-01-05\"},\"end\":{\"date\":"
	       "\"2026-01-06\"},\"conferenceData\":{\"createRequest\":{\"requestId\":\"r1\"}}}");
	google(g, "GET", PRIMARY "/meets", NULL);
	body = xasprintf("{\"conferenceData\":%s}", json_text(json_get(g->json, "conferenceData")));
	google(g, "PATCH", PRIMARY "/meets?conferenceDataVersion=1", body);
	assert_false(violated(g, "Meet data"));
	add_simple(g, "alpha", 5, "");
	google(g, "PATCH", PRIMARY "/alpha?conferenceDataVersion=1", body);
	assert_true(violated(g, "Meet data"));
}

static void test_fg_write__html_link_is_the_id_and_the_calendar(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	add_simple(g, "alpha", 5, "");
	assert_string_equal(json_str(g->json, "htmlLink"),
			    "https://www.google.com/calendar/event?eid="
			    "YWxwaGEgdXNlcjFAZXhhbXBsZS5jb20");
}

static void test_fg_write__no_working_location_in_a_batch(void **state)
{
	static const char part[] =
		"--b\r\nContent-Type: application/http\r\n\r\n"
		"POST " PRIMARY " HTTP/1.1\r\nContent-Type: application/json\r\n\r\n"
		"{\"start\":{\"date\":\"2026-03-02\"},\"end\":{\"date\":\"2026-03-03\"},"
		"\"eventType\":\"workingLocation\",\"visibility\":\"public\",\"transparency\":"
		"\"transparent\",\"workingLocationProperties\":{\"type\":\"homeOffice\"}}"
		"\r\n--b--\r\n";
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *bearer = xasprintf("Bearer %s", g->token);
	struct http_request req = {.method = "POST",
				   .url = "/batch/calendar/v3",
				   .body = part,
				   .body_len = sizeof(part) - 1};

	(void)state;
	google_forget(g);
	http_headers_add(&req.headers, "Authorization", bearer);
	http_headers_add(&req.headers, "Content-Type", "multipart/mixed; boundary=b");
	assert_int_equal(fg_handle(g->fg, &req, &g->last), 0);
	http_headers_release(&req.headers);
	assert_int_equal(g->last.status, 200);
	assert_non_null(strstr(g->last.body.buf, "HTTP/1.1 400"));
	assert_non_null(strstr(g->last.body.buf, "eventTypeRestriction"));
}

static void test_fg_write__no_input_breaks_it(void **state)
{
	static const char *const bodies[] = {
		"",
		"null",
		"[]",
		"7",
		"\"x\"",
		"{\"start\":7,\"end\":[]}",
		"{\"start\":{\"date\":7},\"end\":{\"dateTime\":null}}",
		"{\"start\":null,\"end\":null,\"recurrence\":null}",
		"{\"attendees\":[7,null,{}]}",
		"{\"attendees\":[null]}",
		"{\"attachments\":[null]}",
		"{\"reminders\":{\"overrides\":{}}}",
		"{\"reminders\":{\"overrides\":[null]}}",
		"{\"reminders\":{\"useDefault\":\"yes\"}}",
		"{\"extendedProperties\":{\"private\":[]}}",
		"{\"extendedProperties\":{\"private\":{\"a\":{}}}}",
		"{\"extendedProperties\":[]}",
		"{\"recurrence\":[null]}",
		"{\"recurrence\":[\"RRULE:\"]}",
		"{\"recurrence\":[\"RRULE\"]}",
		"{\"recurrence\":[\"RRULE:FREQ=DAILY;BYDAY=99MO;BYSETPOS=-999\"]}",
		"{\"recurrence\":[\"EXDATE;TZID=:\",\"RDATE;VALUE=PERIOD:/\"]}",
		"{\"organizer\":{\"email\":null}}",
		"{\"conferenceData\":{\"createRequest\":[]}}",
		"{\"sequence\":\"99999999999999999999\"}",
		"{\"source\":{\"url\":7}}",
		"{\"gadget\":{\"preferences\":[]}}",
		"{\"start\":{\"dateTime\":\"9999-12-31T23:59:59Z\",\"timeZone\":\"\"},"
		"\"end\":{\"dateTime\":\"0001-01-01T00:00:00Z\"}}",
	};
	static const char *const targets[][2] = {
		{"POST", PRIMARY},
		{"POST", PRIMARY "/import?conferenceDataVersion=1"},
		{"PUT", PRIMARY "/alpha?supportsAttachments=true"},
		{"PATCH", PRIMARY "/alpha?conferenceDataVersion=1"},
		{"PATCH", PRIMARY "/serie_20260106T090000Z"},
		{"POST", "/calendar/v3/calendars"},
		{"PATCH", "/calendar/v3/calendars/primary"},
		{"PATCH", "/calendar/v3/users/me/calendarList/primary"},
		{"POST", "/calendar/v3/users/me/calendarList"},
		{"POST", "/calendar/v3/freeBusy"},
	};
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	add_simple(g, "alpha", 5, "");
	add_simple(g, "serie", 5, ",\"recurrence\":[\"RRULE:FREQ=DAILY\"]");
	for (size_t t = 0; t < ARRAY_SIZE(targets); t++)
		for (size_t i = 0; i < ARRAY_SIZE(bodies); i++) {
			google(g, targets[t][0], targets[t][1], bodies[i]);
			if (g->last.status >= 500)
				fail_msg("%s %s: %d", targets[t][1], bodies[i], g->last.status);
		}
	google(g, "GET", PRIMARY "?singleEvents=true&showDeleted=true", NULL);
	assert_status(g, 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(ids_are_26_characters),
		TEST(every_change_has_a_new_etag),
		TEST(etag_is_twice_updated),
		TEST(reminders_do_not_move_updated),
		TEST(a_refused_write_changes_nothing),
		TEST(tombstones),
		TEST(old_tombstones_cannot_be_had_back),
		TEST(cancelling_is_deleting),
		TEST(conference_comes_later),
		TEST(nobody_is_mailed_unasked),
		TEST(silently_ignored_is_a_violation),
		TEST(another_events_meet_data_are_a_violation),
		TEST(html_link_is_the_id_and_the_calendar),
		TEST(no_working_location_in_a_batch),
		TEST(no_input_breaks_it),
	};

	return cmocka_run_group_tests_name("fg_write", tests, NULL, NULL);
}
