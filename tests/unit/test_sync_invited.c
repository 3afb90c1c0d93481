/* The engine and invitations: what a guest changes, answers and loses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"

#include "model/rights.h"

#define ME "user1@example.com"

#define MEETING                                              \
	"{\"id\":\"meeting\",\"summary\":\"Plans\","         \
	"\"start\":{\"dateTime\":\"2026-02-01T10:00:00Z\"}," \
	"\"end\":{\"dateTime\":\"2026-02-01T11:00:00Z\"},"   \
	"\"attendees\":[{\"email\":\"" ME "\"},{\"email\":\"third@example.net\"}]"

/* boss has invited us; we know of it. Returns our row. */
static int64_t invited(struct world *w, const char *more)
{
	AUTO(free) char *body = xasprintf(MEETING "%s}", more);

	control(w, "POST", "/sandbox/accounts", "{\"email\":\"" BOSS "\"}");
	json_object_put(as_boss(w, "POST", "", body));
	sync_ok(w);
	assert_true(row_of(w, "meeting") != 0);
	forget_log(w);
	return row_of(w, "meeting");
}

/* The responseStatus of an address in a resource; the resource may be of either side. */
static const char *answer_in(const struct json_object *r, const char *email)
{
	struct json_object *list = json_get(r, "attendees");

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *a = json_object_array_get_idx(list, i);

		if (!strcmp(json_str(a, "email"), email))
			return json_str(a, "responseStatus");
	}
	fail_msg("%s is no guest", email);
	return NULL;
}

static struct json_object *resource_of(struct world *w, int64_t row)
{
	AUTO(event_release) struct event e = {0};

	OK(store_event_get_row(w->store, row, &e, &err));
	return json_clone(e.resource);
}

static void respond(struct world *w, int64_t row, const char *status)
{
	AUTO(json_object_put) struct json_object *r = resource_of(w, row);
	AUTO(event_release) struct event out = {0};
	struct local_options o = {0};

	w->clock.now_ms += 1000;
	json_set_str(event_self(r, ME), "responseStatus", status);
	OK(local_edit(w->store, &w->clock.clock, row, r, &o, &out, &err));
}

/* The body of the last PATCH. */
static struct json_object *last_patch(struct world *w)
{
	AUTO(json_object_put)
	struct json_object *log = ask(w, "GET", "/sandbox/requests", NULL, NULL, NULL);
	struct json_object *body = NULL;

	for (size_t i = 0; i < json_object_array_length(log); i++) {
		struct json_object *r = json_object_array_get_idx(log, i);
		const char *text = json_str(r, "body");

		if (strcmp(json_str(r, "method"), "PATCH") != 0)
			continue;
		json_object_put(TAKE(body));
		OK(json_parse(text, strlen(text), &body, &err));
	}
	assert_non_null(body);
	return body;
}

static void test_invited__an_answer_goes_out_alone(void **state)
{
	struct world *w = *state;
	int64_t row = invited(w, "");
	AUTO(json_object_put) struct json_object *body = NULL;
	AUTO(json_object_put) struct json_object *theirs = NULL;
	AUTO(json_object_put) struct json_object *ours = NULL;

	respond(w, row, "accepted");
	sync_ok(w);
	body = last_patch(w);
	assert_int_equal(json_object_object_length(body), 1);
	assert_int_equal(json_object_array_length(json_get(body, "attendees")), 1);
	theirs = as_boss(w, "GET", "/meeting", NULL);
	assert_string_equal(answer_in(theirs, ME), "accepted");
	assert_string_equal(answer_in(theirs, "third@example.net"), "needsAction");
	ours = resource_of(w, row);
	assert_string_equal(answer_in(ours, ME), "accepted");
	assert_int_equal(json_object_array_length(json_get(ours, "attendees")), 2);
	forget_log(w);
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
}

static void test_invited__the_own_parts_go_out(void **state)
{
	struct world *w = *state;
	int64_t row = invited(w, "");

	edit(w, row, "colorId", "7");
	edit(w, row, "visibility", "private");
	sync_ok(w);
	assert_int_equal(w->last.pushed.updated, 1);
	assert_equal_sides(w, 1);
}

static void test_invited__shared_fields_are_refused_at_once(void **state)
{
	struct world *w = *state;
	int64_t row = invited(w, "");
	AUTO(json_object_put) struct json_object *r = resource_of(w, row);
	AUTO(event_release) struct event out = {0};
	struct local_options o = {0};

	json_set_str(r, "summary", "mine");
	assert_int_equal(local_edit(w->store, &w->clock.clock, row, r, &o, &out, &err), -1);
	assert_int_equal(err.code, ERR_READ_ONLY);
	sync_ok(w);
	assert_int_equal(requests(w, "PATCH", "/events/"), 0);
	assert_equal_sides(w, 1);
}

static void test_invited__with_leave_the_details_go_out(void **state)
{
	struct world *w = *state;
	int64_t row = invited(w, ",\"guestsCanModify\":true");
	AUTO(json_object_put) struct json_object *theirs = NULL;

	edit(w, row, "summary", "ours");
	sync_ok(w);
	theirs = as_boss(w, "GET", "/meeting", NULL);
	assert_string_equal(json_str(theirs, "summary"), "ours");
	assert_equal_sides(w, 1);
}

static void test_invited__leave_that_was_taken_back_is_an_error_of_the_event(void **state)
{
	struct world *w = *state;
	int64_t row = invited(w, ",\"guestsCanModify\":true");
	AUTO(event_release) struct event e = {0};

	edit(w, row, "summary", "ours");
	json_object_put(as_boss(w, "PATCH", "/meeting", "{\"guestsCanModify\":false}"));
	OK(run_sync(w, NULL));
	assert_int_equal(w->last.failed_events, 1);
	OK(store_event_get_row(w->store, row, &e, &err));
	assert_int_equal(e.sync_status, SYNC_ERROR);
	assert_non_null(strstr(e.last_error, "organizer"));
}

static void test_invited__the_organizers_list_goes_out_whole(void **state)
{
	struct world *w = *state;
	AUTO(json_object_put)
	struct json_object *e =
		at_google(w, "POST", "",
			  "{\"id\":\"ours1\",\"start\":{\"dateTime\":"
			  "\"2026-02-01T10:00:00Z\"},\"end\":{\"dateTime\":"
			  "\"2026-02-01T11:00:00Z\"},\"attendees\":[{\"email\":\"" ME
			  "\"},{\"email\":\"third@example.net\"}]}");
	AUTO(json_object_put) struct json_object *events = NULL;

	sync_ok(w);
	respond(w, row_of(w, "ours1"), "tentative");
	sync_ok(w);
	events = google_events(w);
	assert_string_equal(answer_in(json_get(events, "ours1"), ME), "tentative");
	assert_int_equal(json_object_array_length(json_get(json_get(events, "ours1"), "attendees")),
			 2);
	assert_equal_sides(w, 1);
}

static void test_invited__an_answer_to_a_meeting_that_was_called_off_makes_no_meeting(void **state)
{
	struct world *w = *state;
	int64_t row = invited(w, "");
	AUTO(json_object_put) struct json_object *theirs = NULL;
	AUTO(history_list_release) struct history_list log = {0};
	struct history_query q = {.event_id = "meeting", .newest_first = true};

	respond(w, row, "accepted");
	json_object_put(as_boss(w, "DELETE", "/meeting", NULL));
	sync_ok(w);
	assert_int_equal(row_of(w, "meeting"), 0);
	assert_int_equal(w->last.conflicts, 1);
	assert_equal_sides(w, 0);
	assert_int_equal(requests(w, "PUT", "/events/") + requests(w, "POST", "/events"), 0);
	theirs = as_boss(w, "GET", "/meeting", NULL);
	assert_string_equal(json_str(theirs, "status"), "cancelled");
	/* what was to be sent is in the log */
	OK(store_history_list(w->store, &q, &log, &err));
	assert_int_equal(log.items[0].op, HISTORY_DELETE);
	assert_string_equal(answer_in(log.items[0].resource, ME), "accepted");
	forget_log(w);
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
}

static void test_invited__deleting_an_invitation_declines_it(void **state)
{
	struct world *w = *state;
	int64_t row = invited(w, "");
	AUTO(json_object_put) struct json_object *theirs = NULL;

	delete_row(w, row);
	sync_ok(w);
	assert_equal_sides(w, 0);
	theirs = as_boss(w, "GET", "/meeting", NULL);
	assert_string_equal(json_str(theirs, "status"), "confirmed");
	assert_string_equal(answer_in(theirs, ME), "declined");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_invited__an_answer_goes_out_alone),
		TEST(test_invited__the_own_parts_go_out),
		TEST(test_invited__shared_fields_are_refused_at_once),
		TEST(test_invited__with_leave_the_details_go_out),
		TEST(test_invited__leave_that_was_taken_back_is_an_error_of_the_event),
		TEST(test_invited__the_organizers_list_goes_out_whole),
		TEST(test_invited__an_answer_to_a_meeting_that_was_called_off_makes_no_meeting),
		TEST(test_invited__deleting_an_invitation_declines_it),
	};

	return cmocka_run_group_tests_name("sync_invited", tests, NULL, NULL);
}
