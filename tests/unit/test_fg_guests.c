/* Guests' copies: same id, own etag, shared fields carried over, answers carried back. */
#include "fg_fixture.h"

#define TEST(name) cmocka_unit_test(test_fg_guests__##name)

struct two {
	struct google *g;
	char *guest; /* token of user2@example.com */
};

static struct two *two_new(void)
{
	struct two *t = xcalloc(1, sizeof(*t));

	t->g = google_new();
	google(t->g, "POST", "/sandbox/accounts",
	       "{\"email\":\"user2@example.com\",\"timeZone\":\"America/New_York\"}");
	assert_int_equal(t->g->last.status / 100, 2);
	t->guest = google_token(t->g, "user2@example.com");
	return t;
}

static void two_free(struct two *t)
{
	google_free(t->g);
	free(t->guest);
	free(t);
}
DEFINE_AUTO(struct two, two_free)

static struct json_object *as_guest(struct two *t, const char *method, const char *url,
				    const char *body)
{
	return google_send(t->g, t->guest, method, url, body);
}

#define INVITE                                                                                  \
	",\"extendedProperties\":{\"private\":{\"p\":\"1\"},\"shared\":{\"s\":\"2\"}},"         \
	"\"colorId\":\"5\",\"attendees\":[{\"email\":\"user1@example.com\",\"responseStatus\":" \
	"\"accepted\"},{\"email\":\"user2@example.com\"},{\"email\":\"out@example.net\"}]"

/* The responseStatus of an address in the last answer. */
static const char *answer_of(struct google *g, const char *email)
{
	struct json_object *list = json_get(g->json, "attendees");

	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (!strcmp(json_str(json_object_array_get_idx(list, i), "email"), email))
			return json_str(json_object_array_get_idx(list, i), "responseStatus");
	fail_msg("%s is no attendee", email);
	return NULL;
}

static void test_fg_guests__a_copy_with_the_same_id(void **state)
{
	AUTO(two_free) struct two *t = two_new();
	AUTO(free) char *etag = NULL;

	(void)state;
	add_simple(t->g, "alpha", 5, INVITE);
	etag = xstrdup(json_str(t->g->json, "etag"));
	as_guest(t, "GET", PRIMARY "/alpha", NULL);
	assert_status(t->g, 200);
	assert_string_not_equal(json_str(t->g->json, "etag"), etag);
	assert_string_equal(json_path_str(t->g->json, "organizer/email"), "user1@example.com");
	assert_false(json_has(json_get(t->g->json, "organizer"), "self"));
	assert_false(json_has(json_get(t->g->json, "creator"), "self"));
	assert_false(json_has(t->g->json, "colorId"));
	assert_null(json_path(t->g->json, "extendedProperties/private"));
	assert_string_equal(json_path_str(t->g->json, "extendedProperties/shared/s"), "2");
	assert_string_equal(json_path_str(t->g->json, "start/dateTime"),
			    "2026-01-05T04:00:00-05:00");
	assert_true(json_flag(json_object_array_get_idx(json_get(t->g->json, "attendees"), 1),
			      "self", false));
	assert_string_equal(answer_of(t->g, "user2@example.com"), "needsAction");
}

static void test_fg_guests__an_answer_reaches_the_organizer(void **state)
{
	AUTO(two_free) struct two *t = two_new();
	AUTO(free) char *token = NULL;
	AUTO(free) char *etag = NULL;

	(void)state;
	add_simple(t->g, "alpha", 5, INVITE);
	etag = xstrdup(json_str(t->g->json, "etag"));
	token = full_sync(t->g, "");
	as_guest(t, "PATCH", PRIMARY "/alpha",
		 "{\"attendees\":[{\"email\":\"user2@example.com\",\"responseStatus\":"
		 "\"tentative\",\"comment\":\"late\"}]}");
	assert_status(t->g, 200);
	assert_string_equal(answer_of(t->g, "user2@example.com"), "tentative");
	assert_string_equal(answer_of(t->g, "user1@example.com"), "accepted");
	delta(t->g, token, "");
	assert_int_equal(item_count(t->g), 1);
	google(t->g, "GET", PRIMARY "/alpha", NULL);
	assert_string_equal(answer_of(t->g, "user2@example.com"), "tentative");
	assert_string_not_equal(json_str(t->g->json, "etag"), etag);
	assert_int_equal(json_object_array_length(json_get(t->g->json, "attendees")), 3);
}

static void test_fg_guests__the_organizer_s_changes_arrive(void **state)
{
	AUTO(two_free) struct two *t = two_new();

	(void)state;
	add_simple(t->g, "alpha", 5, INVITE);
	as_guest(t, "PATCH", PRIMARY "/alpha", "{\"colorId\":\"9\"}");
	assert_status(t->g, 200);
	google(t->g, "PATCH", PRIMARY "/alpha", "{\"summary\":\"new\",\"colorId\":\"1\"}");
	as_guest(t, "GET", PRIMARY "/alpha", NULL);
	assert_string_equal(json_str(t->g->json, "summary"), "new");
	assert_string_equal(json_str(t->g->json, "colorId"), "9");
	as_guest(t, "PATCH", PRIMARY "/alpha", "{\"summary\":\"mine\"}");
	assert_refused(t->g, 403, "forbiddenForNonOrganizer");
	as_guest(t, "PATCH", PRIMARY "/alpha?supportsAttachments=true",
		 "{\"attachments\":[{\"fileUrl\":\"https://drive.example.com/1\"}]}");
	assert_refused(t->g, 403, "forbiddenForNonOrganizer");
	as_guest(t, "PATCH", PRIMARY "/alpha?conferenceDataVersion=1",
		 "{\"conferenceData\":{\"createRequest\":{\"requestId\":\"r1\"}}}");
	assert_refused(t->g, 403, "forbiddenForNonOrganizer");
}

static void test_fg_guests__with_leave_they_may_change_it(void **state)
{
	AUTO(two_free) struct two *t = two_new();

	(void)state;
	add_simple(t->g, "alpha", 5, INVITE ",\"guestsCanModify\":true");
	as_guest(t, "PATCH", PRIMARY "/alpha", "{\"location\":\"here\"}");
	assert_status(t->g, 200);
	google(t->g, "GET", PRIMARY "/alpha", NULL);
	assert_string_equal(json_str(t->g->json, "location"), "here");
	assert_string_equal(json_str(t->g->json, "colorId"), "5");
	assert_string_equal(json_path_str(t->g->json, "start/dateTime"),
			    "2026-01-05T10:00:00+01:00");
}

static void test_fg_guests__shared_properties_are_everybody_s(void **state)
{
	AUTO(two_free) struct two *t = two_new();

	(void)state;
	add_simple(t->g, "alpha", 5, INVITE);
	as_guest(t, "PATCH", PRIMARY "/alpha",
		 "{\"extendedProperties\":{\"shared\":{\"s\":\"3\"},\"private\":{\"q\":\"9\"}}}");
	assert_status(t->g, 200);
	google(t->g, "GET", PRIMARY "/alpha", NULL);
	assert_string_equal(json_path_str(t->g->json, "extendedProperties/shared/s"), "3");
	assert_string_equal(json_path_str(t->g->json, "extendedProperties/private/p"), "1");
	assert_null(json_path(t->g->json, "extendedProperties/private/q"));
}

static void test_fg_guests__instances_of_a_series(void **state)
{
	AUTO(two_free) struct two *t = two_new();

	(void)state;
	add_simple(t->g, "serie", 5, INVITE ",\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=4\"]");
	google(t->g, "DELETE", PRIMARY "/serie_20260106T090000Z", NULL);
	assert_status(t->g, 204);
	google(t->g, "PATCH", PRIMARY "/serie_20260107T090000Z", "{\"summary\":\"other\"}");
	as_guest(t, "GET", PRIMARY "?singleEvents=true&orderBy=startTime", NULL);
	assert_int_equal(item_count(t->g), 3);
	assert_string_equal(json_str(item(t->g, 1), "summary"), "other");
	/* declined by deleting: the organizer sees it on that instance alone */
	as_guest(t, "DELETE", PRIMARY "/serie_20260108T090000Z", NULL);
	assert_status(t->g, 204);
	google(t->g, "GET", PRIMARY "/serie_20260108T090000Z", NULL);
	assert_string_equal(json_str(t->g->json, "status"), "confirmed");
	assert_string_equal(answer_of(t->g, "user2@example.com"), "declined");
	google(t->g, "GET", PRIMARY "/serie", NULL);
	assert_string_equal(answer_of(t->g, "user2@example.com"), "needsAction");
	/* the series ends for both */
	google(t->g, "DELETE", PRIMARY "/serie", NULL);
	as_guest(t, "GET", PRIMARY, NULL);
	assert_int_equal(item_count(t->g), 0);
}

static void test_fg_guests__the_organizer_s_list_replaces(void **state)
{
	AUTO(two_free) struct two *t = two_new();

	(void)state;
	add_simple(t->g, "alpha", 5, INVITE);
	google(t->g, "PATCH", PRIMARY "/alpha",
	       "{\"attendees\":[{\"email\":\"out@example.net\"}]}");
	assert_int_equal(json_object_array_length(json_get(t->g->json, "attendees")), 1);
	as_guest(t, "GET", PRIMARY "/alpha", NULL);
	assert_string_equal(json_str(t->g->json, "status"), "cancelled");
	/* invited again */
	google(t->g, "PATCH", PRIMARY "/alpha",
	       "{\"attendees\":[{\"email\":\"user2@example.com\"}]}");
	as_guest(t, "GET", PRIMARY "/alpha", NULL);
	assert_string_equal(json_str(t->g->json, "status"), "confirmed");
}

static void test_fg_guests__deleting(void **state)
{
	AUTO(two_free) struct two *t = two_new();

	(void)state;
	add_simple(t->g, "alpha", 5, INVITE);
	/* a guest who deletes it declines */
	as_guest(t, "DELETE", PRIMARY "/alpha", NULL);
	assert_status(t->g, 204);
	google(t->g, "GET", PRIMARY "/alpha", NULL);
	assert_string_equal(json_str(t->g->json, "status"), "confirmed");
	assert_string_equal(answer_of(t->g, "user2@example.com"), "declined");
	/* and does not get it back by the organizer's changes */
	google(t->g, "PATCH", PRIMARY "/alpha", "{\"summary\":\"new\"}");
	as_guest(t, "GET", PRIMARY "/alpha", NULL);
	assert_string_equal(json_str(t->g->json, "status"), "cancelled");
	/* the organizer's delete cancels the copies */
	add_simple(t->g, "bravo", 5, INVITE);
	google(t->g, "DELETE", PRIMARY "/bravo", NULL);
	as_guest(t, "GET", PRIMARY "/bravo", NULL);
	assert_string_equal(json_str(t->g->json, "status"), "cancelled");
}

static void test_fg_guests__adding_others(void **state)
{
	AUTO(two_free) struct two *t = two_new();

	(void)state;
	add_simple(t->g, "alpha", 5, INVITE);
	as_guest(t, "PATCH", PRIMARY "/alpha",
		 "{\"attendees\":[{\"email\":\"fourth@example.net\"}]}");
	assert_status(t->g, 200);
	google(t->g, "GET", PRIMARY "/alpha", NULL);
	assert_int_equal(json_object_array_length(json_get(t->g->json, "attendees")), 4);
	assert_string_equal(answer_of(t->g, "fourth@example.net"), "needsAction");
}

static void test_fg_guests__own_response_only(void **state)
{
	AUTO(two_free) struct two *t = two_new();

	(void)state;
	add_simple(t->g, "alpha", 5, INVITE);
	google(t->g, "PATCH", PRIMARY "/alpha",
	       "{\"attendeesOmitted\":true,\"attendees\":[{\"email\":\"user1@example.com\","
	       "\"responseStatus\":\"declined\"}]}");
	assert_status(t->g, 200);
	assert_int_equal(json_object_array_length(json_get(t->g->json, "attendees")), 3);
	assert_string_equal(answer_of(t->g, "user1@example.com"), "declined");
}

static void test_fg_guests__an_import_tells_nobody(void **state)
{
	AUTO(two_free) struct two *t = two_new();

	(void)state;
	google(t->g, "POST", PRIMARY "/import",
	       "{\"iCalUID\":\"u@x\",\"start\":{\"date\":\"2026-01-05\"},\"end\":{\"date\":"
	       "\"2026-01-06\"},\"attendees\":[{\"email\":\"user2@example.com\"}]}");
	assert_status(t->g, 200);
	as_guest(t, "GET", PRIMARY, NULL);
	assert_int_equal(item_count(t->g), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_copy_with_the_same_id),
		TEST(an_answer_reaches_the_organizer),
		TEST(the_organizer_s_changes_arrive),
		TEST(with_leave_they_may_change_it),
		TEST(shared_properties_are_everybody_s),
		TEST(instances_of_a_series),
		TEST(the_organizer_s_list_replaces),
		TEST(deleting),
		TEST(adding_others),
		TEST(own_response_only),
		TEST(an_import_tells_nobody),
	};

	return cmocka_run_group_tests_name("fg_guests", tests, NULL, NULL);
}
