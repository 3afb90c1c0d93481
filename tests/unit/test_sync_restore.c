/* Versions of single events that come back: of living ones, of deleted ones on either side. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"
#include "restore_world.h"

static void test_restore__a_field_comes_back_and_the_rest_stays(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "first");

	sync_ok(w);
	edit(w, row_of(w, id), "summary", "second");
	sync_ok(w);
	google_patch(w, id, "{\"summary\":\"third\",\"location\":\"there\"}");
	sync_ok(w);
	restore(w, id, 0); /* before Google's last change */
	sync_ok(w);
	assert_equal_sides(w, 1);
	assert_google(w, id, "summary", "second");
	assert_google(w, id, "location", NULL);
	restore(w, id, 0); /* and back: the newest that differs */
	sync_ok(w);
	assert_google(w, id, "summary", "third");
	assert_google(w, id, "location", "there");
	assert_equal_sides(w, 1);
}

static void test_restore__any_version_of_the_log(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "first");
	int64_t created, edited;

	sync_ok(w);
	created = last_version(w, id);
	edit(w, row_of(w, id), "summary", "second");
	edited = last_version(w, id);
	edit(w, row_of(w, id), "summary", "third");
	sync_ok(w);
	restore(w, id, edited);
	sync_ok(w);
	assert_google(w, id, "summary", "first");
	assert_int_equal(restore_fails(w, id, created), ERR_INVALID);
	assert_int_equal(restore_fails(w, id, 999), ERR_NOT_FOUND);
	assert_equal_sides(w, 1);
}

static void test_restore__what_never_changed_has_nothing_to_bring_back(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "only");

	sync_ok(w);
	assert_int_equal(restore_fails(w, id, 0), ERR_INVALID);
	assert_int_equal(restore_fails(w, "nosuch", 0), ERR_INVALID);
}

static void test_restore__guests_keep_what_they_answered(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "party");
	AUTO(json_object_put) struct json_object *events = NULL;
	struct json_object *guests;
	int64_t version;

	google_patch(w, id, "{\"attendees\":[{\"email\":\"a@example.com\"}]}");
	sync_ok(w);
	google_patch(w, id,
		     "{\"summary\":\"feast\",\"attendees\":[{\"email\":\"a@example.com\","
		     "\"responseStatus\":\"accepted\"},{\"email\":\"b@example.com\"}]}");
	sync_ok(w);
	version = last_version(w, id);
	restore(w, id, version);
	sync_ok(w);
	assert_equal_sides(w, 1);
	assert_google(w, id, "summary", "party");
	events = google_events(w);
	guests = json_get(json_get(events, id), "attendees");
	assert_int_equal(json_object_array_length(guests), 1);
	assert_string_equal(json_str(json_object_array_get_idx(guests, 0), "responseStatus"),
			    "accepted");
}

static void test_restore__a_delete_that_waits_is_taken_back(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");

	sync_ok(w);
	delete_row(w, row_of(w, id));
	restore(w, id, 0);
	forget_log(w);
	assert_equal_sides(w, 1); /* nothing waits */
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
	/* with an edit that had waited, too */
	edit(w, row_of(w, id), "summary", "b");
	delete_row(w, row_of(w, id));
	restore(w, id, 0);
	sync_ok(w);
	assert_google(w, id, "summary", "b");
	assert_equal_sides(w, 1);
}

static void test_restore__a_delete_whose_answer_was_lost_is_taken_back_there_too(void **state)
{
	static const char *const faults[] = {"drop_after", "drop_before"};
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");

	sync_ok(w);
	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		int64_t row = row_of(w, id);
		AUTO(free)
		char *lost = xasprintf("{\"method\":\"DELETE\",\"action\":\"%s\"}", faults[i]);

		delete_row(w, row);
		fault(w, lost);
		assert_int_equal(push(w, row), -1);
		assert_int_equal(err.code, ERR_NETWORK);
		restore(w, id, 0);
		sync_ok(w);
		assert_equal_sides(w, 1);
		assert_google(w, id, "summary", "a");
		sync_ok(w);
		assert_int_equal(w->last.requests, 2);
	}
}

static void restore_meanwhile(void *arg)
{
	struct world *w = arg;
	AUTO(history_list_release) struct history_list log = {0};
	struct history_query q = {.newest_first = true, .limit = 1};

	OK(store_history_list(w->store, &q, &log, &err));
	restore(w, log.items[0].event_id, 0);
}

static void test_restore__a_delete_that_is_under_way_is_taken_back(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");

	sync_ok(w);
	delete_row(w, row_of(w, id));
	meanwhile(w, "DELETE", "/events", restore_meanwhile);
	sync_ok(w);
	sync_ok(w);
	assert_equal_sides(w, 1);
	assert_google(w, id, "summary", "a");
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
}

static void test_restore__what_google_deleted_is_made_there_again(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");

	google_patch(w, id, "{\"location\":\"here\",\"colorId\":\"4\"}");
	sync_ok(w);
	google_delete(w, id);
	sync_ok(w);
	assert_int_equal(row_of(w, id), 0);
	restore(w, id, 0);
	sync_ok(w);
	assert_equal_sides(w, 1);
	assert_google(w, id, "summary", "a");
	assert_google(w, id, "location", "here");
	assert_google(w, id, "colorId", "4");
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
}

static void test_restore__what_was_deleted_on_both_sides(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "a");
	AUTO(event_release) struct event e = {0};

	sync_ok(w);
	OK(store_event_get_row(w->store, row, &e, &err));
	delete_row(w, row);
	sync_ok(w);
	assert_int_equal(google_count(w), 0);
	restore(w, e.id, 0);
	sync_ok(w);
	assert_equal_sides(w, 1);
	assert_google(w, e.id, "summary", "a");
}

/* Google has forgotten it for good: it is another event there, and its log goes along. */
static void test_restore__what_cannot_be_had_back_gets_a_new_id(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	AUTO(event_release) struct event e = {0};
	AUTO(history_list_release) struct history_list log = {0};
	struct history_query q = {.newest_first = true};
	int64_t row;

	sync_ok(w);
	google_delete(w, id);
	sync_ok(w);
	control(w, "POST", "/sandbox/expire", "{\"tombstones\":true}");
	row = restore(w, id, 0);
	sync_ok(w);
	assert_equal_sides(w, 1);
	OK(store_event_get_row(w->store, row, &e, &err));
	assert_string_not_equal(e.id, id);
	q.event_id = e.id;
	OK(store_history_list(w->store, &q, &log, &err));
	assert_int_equal(log.count, 4); /* new id, restored, deleted, came */
	assert_string_equal(json_str(log.items[2].resource, "summary"), "a");
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
}

static void test_restore__the_old_version_of_a_deleted_event(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "first");
	int64_t version;

	sync_ok(w);
	google_patch(w, id, "{\"summary\":\"second\"}");
	sync_ok(w);
	version = last_version(w, id);
	google_delete(w, id);
	sync_ok(w);
	restore(w, id, version);
	sync_ok(w);
	assert_equal_sides(w, 1);
	assert_google(w, id, "summary", "first");
}

static void test_restore__local_only_stays_local_only(void **state)
{
	struct world *w = *state;
	int64_t row = add_with(w, "mine", NULL, true);
	AUTO(event_release) struct event e = {0};
	AUTO(event_release) struct event now = {0};

	OK(store_event_get_row(w->store, row, &e, &err));
	assert_true(delete_row(w, row));
	row = restore(w, e.id, 0);
	sync_ok(w);
	assert_int_equal(google_count(w), 0);
	OK(store_event_get_row(w->store, row, &now, &err));
	assert_int_equal(now.sync_status, SYNC_LOCAL_ONLY);
	assert_int_equal(now.pending, PENDING_NONE);
	assert_string_equal(json_str(now.resource, "summary"), "mine");
}

/* Deleted before it was ever sent: an insert, as before. */
static void test_restore__what_was_never_sent_is_sent_now(void **state)
{
	struct world *w = *state;
	AUTO(event_release) struct event e = {0};
	int64_t row = add(w, "a");

	OK(store_event_get_row(w->store, row, &e, &err));
	assert_true(delete_row(w, row));
	restore(w, e.id, 0);
	sync_ok(w);
	assert_equal_sides(w, 1);
	assert_google(w, e.id, "summary", "a");
	assert_int_equal(requests(w, "POST", "/events"), 1);
}

static void test_restore__no_sync_keeps_it_here(void **state)
{
	struct world *w = *state;
	AUTO(free) char *a = google_add(w, "a");
	AUTO(free) char *b = google_add(w, "b");
	struct local_options o = {.no_sync = true};

	sync_ok(w);
	edit(w, row_of(w, a), "summary", "a2");
	google_delete(w, b);
	sync_ok(w);
	restore_with(w, a, 0, &o, 1);
	restore_with(w, b, 0, &o, 1);
	sync_ok(w);
	assert_google(w, a, "summary", "a2");
	assert_int_equal(google_count(w), 1);
	assert_true(row_of(w, b) != 0);
}

static void test_restore__read_only_is_refused_with_the_reason(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	struct calendar c = w->calendar;
	bool changed;

	sync_ok(w);
	google_delete(w, id);
	sync_ok(w);
	c.access_role = (char *)"reader";
	OK(store_calendar_upsert(w->store, &c, &changed, &err));
	assert_int_equal(restore_fails(w, id, 0), ERR_READ_ONLY);
	assert_non_null(strstr(err.msg, "read-only"));
	OK(store_calendar_upsert(w->store, &w->calendar, &changed, &err));
	OK(store_calendar_set_gone(w->store, w->calendar.id, true, &err));
	assert_int_equal(restore_fails(w, id, 0), ERR_READ_ONLY);
	assert_non_null(strstr(err.msg, "no longer on"));
}

static void test_restore__a_meeting_of_others_is_theirs_to_bring_back(void **state)
{
	struct world *w = *state;
	AUTO(json_object_put) struct json_object *r = timed("theirs");
	struct json_object *organizer = json_object_new_object();
	struct history h = {.calendar_id = w->calendar.id,
			    .event_id = (char *)"invited",
			    .op = HISTORY_DELETE,
			    .origin = (char *)"google",
			    .at_ms = NOW_MS,
			    .resource = r};

	json_set_str(organizer, "email", "boss@example.com");
	json_set(r, "organizer", organizer);
	json_set_str(r, "id", "invited");
	OK(store_history_add(w->store, &h, &err));
	assert_int_equal(restore_fails(w, "invited", 0), ERR_READ_ONLY);
	assert_non_null(strstr(err.msg, "boss@example.com"));
}

static int64_t log_rows(struct world *w)
{
	AUTO(history_list_release) struct history_list log = {0};
	struct history_query q = {0};

	OK(store_history_list(w->store, &q, &log, &err));
	return (int64_t)log.count;
}

static char *pruned_when(struct world *w)
{
	char *text = NULL;

	OK(store_meta_get(w->store, "history_pruned_ms", &text, &err));
	return text;
}

static void test_restore__old_versions_are_forgotten_once_a_day(void **state)
{
	const int64_t day = 24LL * 60 * 60 * 1000;
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	AUTO(free) char *never = NULL;
	AUTO(free) char *when = NULL;
	AUTO(free) char *again = NULL;
	struct history old = {.calendar_id = w->calendar.id,
			      .event_id = id,
			      .op = HISTORY_CREATE,
			      .origin = (char *)"google",
			      .at_ms = NOW_MS - 100 * day};

	OK(store_history_add(w->store, &old, &err));
	sync_ok(w); /* the other one comes */
	assert_int_equal(log_rows(w), 2);
	w->env.history_ms = 101 * day;
	sync_ok(w);
	assert_int_equal(log_rows(w), 2);
	never = pruned_when(w);
	assert_null(never); /* nothing was due: nothing was written */
	w->env.history_ms = 90 * day;
	sync_ok(w);
	assert_int_equal(log_rows(w), 1);
	when = pruned_when(w);
	assert_non_null(when);
	OK(store_history_add(w->store, &old, &err));
	w->clock.now_ms += 1000;
	sync_ok(w); /* not twice a day */
	assert_int_equal(log_rows(w), 2);
	again = pruned_when(w);
	assert_string_equal(again, when);
	w->clock.now_ms -= 3600 * 1000; /* unless the clock went back */
	sync_ok(w);
	assert_int_equal(log_rows(w), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_restore__a_field_comes_back_and_the_rest_stays),
		TEST(test_restore__any_version_of_the_log),
		TEST(test_restore__what_never_changed_has_nothing_to_bring_back),
		TEST(test_restore__guests_keep_what_they_answered),
		TEST(test_restore__a_delete_that_waits_is_taken_back),
		TEST(test_restore__a_delete_whose_answer_was_lost_is_taken_back_there_too),
		TEST(test_restore__a_delete_that_is_under_way_is_taken_back),
		TEST(test_restore__what_google_deleted_is_made_there_again),
		TEST(test_restore__what_was_deleted_on_both_sides),
		TEST(test_restore__what_cannot_be_had_back_gets_a_new_id),
		TEST(test_restore__the_old_version_of_a_deleted_event),
		TEST(test_restore__local_only_stays_local_only),
		TEST(test_restore__what_was_never_sent_is_sent_now),
		TEST(test_restore__no_sync_keeps_it_here),
		TEST(test_restore__read_only_is_refused_with_the_reason),
		TEST(test_restore__a_meeting_of_others_is_theirs_to_bring_back),
		TEST(test_restore__old_versions_are_forgotten_once_a_day),
	};

	return cmocka_run_group_tests_name("sync_restore", tests, NULL, NULL);
}
