/* Meet links and attachments survive whatever else of an event is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"

#define FILES                                                       \
	"\"attachments\":[{\"fileUrl\":\"https://drive.google.com/" \
	"open?id=1\",\"title\":\"Plan\"}]"

/* An event at Google with a Meet link and an attachment; we have it, too. Returns our row. */
static int64_t with_meet(struct world *w, const char *more)
{
	AUTO(free)
	char *body =
		xasprintf("{\"id\":\"meet1\",\"summary\":\"a\",\"start\":{\"dateTime\":"
			  "\"2026-02-01T10:00:00Z\",\"timeZone\":\"UTC\"},\"end\":{\"dateTime\":"
			  "\"2026-02-01T11:00:00Z\",\"timeZone\":\"UTC\"}," FILES
			  ",\"conferenceData\":{\"createRequest\":{\"requestId\":\"r1\"}}%s}",
			  more);

	json_object_put(
		at_google(w, "POST", "?conferenceDataVersion=1&supportsAttachments=true", body));
	sync_ok(w);
	return row_of(w, "meet1");
}

static void no_violations(struct world *w)
{
	AUTO(json_object_put)
	struct json_object *list = ask(w, "GET", "/sandbox/violations", NULL, NULL, NULL);

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *v = json_object_array_get_idx(list, i);

		if (!strstr(json_str(v, "what"), "gzip")) /* libcurl's business */
			fail_msg("violation: %s", json_text(v));
	}
}

/* Google has the link and the file, and so have we. */
static char *link_of(struct world *w, const char *id)
{
	AUTO(json_object_put) struct json_object *events = google_events(w);
	struct json_object *e = json_get(events, id);

	assert_non_null(e);
	if (!json_str(e, "hangoutLink") || !json_path(e, "conferenceData/entryPoints"))
		fail_msg("no link: %s", json_text(e));
	assert_int_equal(json_object_array_length(json_get(e, "attachments")), 1);
	return xstrdup(json_str(e, "hangoutLink"));
}

static void assert_kept(struct world *w, const char *link)
{
	AUTO(free) char *now = link_of(w, "meet1");

	assert_string_equal(now, link);
	assert_equal_sides(w, 1);
	no_violations(w);
}

static void test_meet__survives_edits(void **state)
{
	struct world *w = *state;
	int64_t row = with_meet(w, "");
	AUTO(free) char *link = link_of(w, "meet1");
	AUTO(json_object_put) struct json_object *r = NULL;
	AUTO(event_release) struct event e = {0};
	AUTO(event_release) struct event out = {0};
	struct local_options o = {0};

	edit(w, row, "summary", "b");
	sync_ok(w);
	assert_kept(w, link);
	OK(store_event_get_row(w->store, row, &e, &err));
	r = json_clone(e.resource);
	json_set_str(json_get(r, "start"), "dateTime", "2026-02-01T10:15:00Z");
	json_object_object_add(r, "recurrence", json_tokener_parse("[\"RRULE:FREQ=DAILY\"]"));
	OK(local_edit(w->store, &w->clock.clock, row, r, &o, &out, &err));
	sync_ok(w);
	assert_kept(w, link);
}

static void test_meet__survives_a_merge(void **state)
{
	struct world *w = *state;
	int64_t row = with_meet(w, "");
	AUTO(free) char *link = link_of(w, "meet1");

	edit(w, row, "summary", "ours");
	google_patch(w, "meet1", "{\"summary\":\"theirs\",\"location\":\"there\"}");
	sync_ok(w);
	assert_kept(w, link);
}

static void test_meet__survives_being_revived(void **state)
{
	struct world *w = *state;
	int64_t row = with_meet(w, "");
	AUTO(free) char *link = link_of(w, "meet1");

	edit(w, row, "summary", "b");
	google_delete(w, "meet1");
	forget_log(w);
	sync_ok(w);
	assert_int_equal(requests(w, "PUT", "/meet1"), 1);
	assert_kept(w, link);
}

static void test_meet__an_open_wish_survives_being_revived(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	AUTO(event_release) struct event e = {0};
	AUTO(event_release) struct event out = {0};
	AUTO(json_object_put) struct json_object *events = NULL;
	struct local_options o = {0};

	sync_ok(w);
	OK(store_event_get_row(w->store, row_of(w, id), &e, &err));
	json_object_object_add(e.resource, "conferenceData",
			       json_tokener_parse("{\"createRequest\":{\"requestId\":\"r9\"}}"));
	OK(local_edit(w->store, &w->clock.clock, e.rowid, e.resource, &o, &out, &err));
	google_delete(w, id);
	sync_ok(w);
	sync_ok(w); /* Google makes it after the answer */
	events = google_events(w);
	assert_non_null(json_str(json_get(events, id), "hangoutLink"));
	assert_equal_sides(w, 1);
	no_violations(w);
}

/* A link is made for one event: under another id, or added again, it goes without. */
static void test_meet__is_not_copied(void **state)
{
	struct world *w = *state;
	int64_t row = with_meet(w, "");
	AUTO(event_release) struct event e = {0};
	AUTO(event_release) struct event copy = {0};
	AUTO(json_object_put) struct json_object *events = NULL;
	struct local_options o = {0};

	OK(store_event_get_row(w->store, row, &e, &err));
	json_del(e.resource, "id");
	OK(local_add(w->store, &w->clock.clock, w->calendar.id, e.resource, &o, &copy, &err));
	assert_false(json_has(copy.resource, "conferenceData"));
	sync_ok(w);
	events = google_events(w);
	assert_false(json_has(json_get(events, copy.id), "hangoutLink"));
	assert_int_equal(
		json_object_array_length(json_get(json_get(events, copy.id), "attachments")), 1);
	assert_equal_sides(w, 2);
	no_violations(w);
}

static void test_meet__goes_out_with_a_new_id_when_the_old_one_is_lost(void **state)
{
	struct world *w = *state;
	int64_t row = with_meet(w, "");

	edit(w, row, "summary", "b");
	google_delete(w, "meet1");
	/* the tombstone cannot be revived: the trash was emptied */
	fault(w,
	      "{\"method\":\"PUT\",\"match\":\"/events/meet1\",\"times\":0,\"action\":\"status\","
	      "\"status\":403,\"domain\":\"global\",\"reason\":\"forbidden\"}");
	sync_ok(w);
	sync_ok(w);
	assert_equal_sides(w, 1);
	no_violations(w);
}

static void test_meet__leaves_only_when_asked_to(void **state)
{
	struct world *w = *state;
	int64_t row = with_meet(w, "");
	AUTO(event_release) struct event e = {0};
	AUTO(event_release) struct event out = {0};
	AUTO(json_object_put) struct json_object *events = NULL;
	struct local_options o = {0};

	OK(store_event_get_row(w->store, row, &e, &err));
	json_del(e.resource, "conferenceData");
	json_del(e.resource, "attachments");
	OK(local_edit(w->store, &w->clock.clock, row, e.resource, &o, &out, &err));
	sync_ok(w);
	events = google_events(w);
	assert_false(json_has(json_get(events, "meet1"), "hangoutLink"));
	assert_false(json_has(json_get(events, "meet1"), "attachments"));
	assert_equal_sides(w, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_meet__survives_edits),
		TEST(test_meet__survives_a_merge),
		TEST(test_meet__survives_being_revived),
		TEST(test_meet__an_open_wish_survives_being_revived),
		TEST(test_meet__is_not_copied),
		TEST(test_meet__goes_out_with_a_new_id_when_the_old_one_is_lost),
		TEST(test_meet__leaves_only_when_asked_to),
	};

	return cmocka_run_group_tests_name("sync_meet", tests, NULL, NULL);
}
