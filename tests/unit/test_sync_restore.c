/* Versions that come back: of living events, of deleted ones on either side, of series. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"

#include "sync/restore.h"

/* The newest change of an event that was logged. */
static int64_t last_version(struct world *w, const char *id)
{
	AUTO(history_list_release) struct history_list list = {0};
	struct history_query q = {.event_id = id, .newest_first = true, .limit = 1};

	OK(store_history_list(w->store, &q, &list, &err));
	assert_int_equal(list.count, 1);
	return list.items[0].id;
}

/* Returns the row of the event itself. */
static int64_t restore_with(struct world *w, const char *id, int64_t version,
			    const struct local_options *o, size_t events)
{
	AUTO(restore_plan_release) struct restore_plan p = {0};
	AUTO(event_list_release) struct event_list out = {0};

	w->clock.now_ms += 1000;
	OK(store_begin(w->store, &err));
	OK(restore_find(w->store, w->account.id, id, version, &p, &err));
	OK(restore_carry_out(w->store, &w->clock.clock, &p, o, &out, &err));
	OK(store_commit(w->store, &err));
	assert_int_equal(out.count, events);
	return out.items[0].rowid;
}

static int64_t restore(struct world *w, const char *id, int64_t version)
{
	struct local_options o = {0};

	return restore_with(w, id, version, &o, 1);
}

static enum err_code restore_fails(struct world *w, const char *id, int64_t version)
{
	AUTO(restore_plan_release) struct restore_plan p = {0};
	struct local_options o = {0};
	AUTO(event_list_release) struct event_list out = {0};
	int result;

	OK(store_begin(w->store, &err));
	result = restore_find(w->store, w->account.id, id, version, &p, &err) ||
		 restore_carry_out(w->store, &w->clock.clock, &p, &o, &out, &err);
	store_rollback(w->store);
	assert_true(result);
	return err.code;
}

static void assert_google(struct world *w, const char *id, const char *field, const char *value)
{
	AUTO(json_object_put) struct json_object *events = google_events(w);
	const char *has = json_str(json_get(events, id), field);

	assert_true(json_has(events, id));
	if (value)
		assert_string_equal(has, value);
	else
		assert_null(has);
}

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
		assert_int_equal(sync_events(&w->env, &w->account, &row, 1, &err), -1);
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
	w->hooked.method = "DELETE";
	w->hooked.url = "/events";
	w->hooked.after = restore_meanwhile;
	w->hooked.arg = w;
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

/* --- series -------------------------------------------------------------------------------- */

/* Every day at ten from February 2nd, five times; of the second the title, the third moved, the
 * fourth cancelled. */
static char *add_series(struct world *w)
{
	AUTO(json_object_put)
	struct json_object *e =
		at_google(w, "POST", "",
			  "{\"summary\":\"daily\",\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=5\"],"
			  "\"start\":{\"dateTime\":\"2026-02-02T10:00:00Z\",\"timeZone\":\"UTC\"},"
			  "\"end\":{\"dateTime\":\"2026-02-02T11:00:00Z\",\"timeZone\":\"UTC\"}}");
	char *id = xstrdup(json_str(e, "id"));
	AUTO(free) char *second = xasprintf("%s_20260203T100000Z", id);
	AUTO(free) char *third = xasprintf("%s_20260204T100000Z", id);
	AUTO(free) char *fourth = xasprintf("%s_20260205T100000Z", id);

	google_patch(w, second, "{\"summary\":\"special\"}");
	google_patch(w, third,
		     "{\"start\":{\"dateTime\":\"2026-02-04T15:00:00Z\"},"
		     "\"end\":{\"dateTime\":\"2026-02-04T16:00:00Z\"}}");
	google_delete(w, fourth);
	return id;
}

/* Ids of the cancelled occurrences that the store knows, as Google does. */
static void assert_cancelled(struct world *w, const char *const *ids, size_t count)
{
	AUTO(event_list_release) struct event_list list = {0};
	struct event_query q = EVENT_QUERY_INIT;
	size_t cancelled = 0;

	q.include_cancelled = true;
	OK(store_event_list(w->store, &q, &list, &err));
	for (size_t i = 0; i < list.count; i++)
		cancelled += event_is_cancelled(list.items[i].resource);
	assert_int_equal(cancelled, count);
	for (size_t i = 0; i < count; i++) {
		AUTO(free) char *path = xasprintf("/%s", ids[i]);
		AUTO(event_release) struct event row = {0};
		AUTO(json_object_put) struct json_object *there = at_google(w, "GET", path, NULL);

		OK(store_event_get_row(w->store, row_of(w, ids[i]), &row, &err));
		assert_true(event_is_cancelled(row.resource));
		assert_string_equal(json_str(there, "status"), "cancelled");
		assert_string_equal(json_str(there, "recurringEventId"),
				    json_str(row.resource, "recurringEventId"));
	}
}

static void test_restore__a_series_comes_back_with_its_changed_occurrences(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = add_series(w);
	AUTO(free) char *second = xasprintf("%s_20260203T100000Z", id);
	AUTO(free) char *third = xasprintf("%s_20260204T100000Z", id);
	AUTO(free) char *fourth = xasprintf("%s_20260205T100000Z", id);
	AUTO(json_object_put) struct json_object *events = NULL;
	struct local_options o = {0};

	sync_ok(w);
	assert_int_equal(google_count(w), 3);
	/* One that goes by itself, long before, stays away. */
	google_delete(w, third);
	sync_ok(w);
	w->clock.now_ms += 600 * 1000;
	google_delete(w, id);
	sync_ok(w);
	assert_int_equal(row_of(w, second), 0);
	restore_with(w, id, 0, &o, 2);
	sync_ok(w);
	events = google_events(w);
	assert_int_equal(json_object_object_length(events), 2);
	assert_google(w, second, "summary", "special");
	assert_google(w, id, "summary", "daily");
	assert_equal_sides(w, 2);
	assert_cancelled(w, (const char *[]){third, fourth}, 2);
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
	/* A full listing says the same. */
	OK(store_calendar_set_sync(w->store, w->calendar.id, NULL, 1, NULL, &err));
	sync_ok(w);
	assert_equal_sides(w, 2);
	assert_cancelled(w, (const char *[]){third, fourth}, 2);
}

static void test_restore__a_series_deleted_here(void **state)
{
	/* before the delete is sent; after it; when its answer was lost */
	static const char *const when[] = {"waits", "sent", "drop_after", "drop_before"};
	struct world *w = *state;
	AUTO(free) char *id = add_series(w);
	AUTO(free) char *second = xasprintf("%s_20260203T100000Z", id);
	AUTO(free) char *third = xasprintf("%s_20260204T100000Z", id);
	AUTO(free) char *fourth = xasprintf("%s_20260205T100000Z", id);
	struct local_options o = {0};

	sync_ok(w);
	for (size_t i = 0; i < ARRAY_SIZE(when); i++) {
		int64_t row = row_of(w, id);
		AUTO(free)
		char *lost = xasprintf("{\"method\":\"DELETE\",\"action\":\"%s\"}", when[i]);
		AUTO(event_list_release) struct event_list list = {0};
		struct event_query q = EVENT_QUERY_INIT;

		edit(w, row_of(w, third), "location", when[i]);
		sync_ok(w);
		delete_row(w, row);
		OK(store_event_list(w->store, &q, &list, &err));
		assert_int_equal(list.count, 0);
		if (i == 1) {
			sync_ok(w);
			assert_int_equal(stored_rows(w), 0);
			assert_int_equal(google_count(w), 0);
		} else if (i > 1) {
			fault(w, lost);
			assert_int_equal(sync_events(&w->env, &w->account, &row, 1, &err), -1);
		}
		restore_with(w, id, 0, &o, 3);
		sync_ok(w);
		assert_equal_sides(w, 3);
		assert_google(w, second, "summary", "special");
		assert_google(w, third, "location", when[i]);
		assert_cancelled(w, (const char *[]){fourth}, 1);
		sync_ok(w);
		assert_int_equal(w->last.requests, 2);
	}
}

static void test_restore__a_series_changed_at_google_comes_back_whole(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = add_series(w);
	AUTO(free) char *fourth = xasprintf("%s_20260205T100000Z", id);

	sync_ok(w);
	delete_row(w, row_of(w, id));
	google_patch(w, id, "{\"location\":\"there\"}");
	sync_ok(w); /* an edit beats a delete */
	assert_equal_sides(w, 3);
	assert_google(w, id, "location", "there");
	assert_cancelled(w, (const char *[]){fourth}, 1);
}

static void test_restore__a_series_under_a_new_id_takes_its_occurrences_along(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = add_series(w);
	AUTO(free) char *second = NULL;
	AUTO(free) char *fourth = NULL;
	AUTO(event_release) struct event e = {0};
	struct local_options o = {0};
	int64_t row;

	sync_ok(w);
	google_delete(w, id);
	sync_ok(w);
	control(w, "POST", "/sandbox/expire", "{\"tombstones\":true}");
	row = restore_with(w, id, 0, &o, 3);
	sync_ok(w);
	OK(store_event_get_row(w->store, row, &e, &err));
	assert_string_not_equal(e.id, id);
	second = xasprintf("%s_20260203T100000Z", e.id);
	assert_google(w, second, "summary", "special");
	assert_google(w, second, "recurringEventId", e.id);
	assert_equal_sides(w, 3);
	fourth = xasprintf("%s_20260205T100000Z", e.id);
	assert_cancelled(w, (const char *[]){fourth}, 1);
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
}

static void test_restore__a_cancelled_occurrence_takes_place_again(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = add_series(w);
	AUTO(free) char *second = xasprintf("%s_20260203T100000Z", id);

	sync_ok(w);
	google_delete(w, second);
	sync_ok(w);
	assert_int_equal(google_count(w), 2);
	restore(w, second, 0);
	sync_ok(w);
	assert_google(w, second, "summary", "special");
	assert_google(w, second, "status", "confirmed");
	assert_equal_sides(w, 3);
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
}

static void test_restore__a_cancelled_occurrence_that_never_was_changed(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = add_series(w);
	AUTO(free) char *fourth = xasprintf("%s_20260205T100000Z", id);
	AUTO(free) char *never = xasprintf("%s_20260209T100000Z", id);
	AUTO(json_object_put) struct json_object *events = NULL;

	sync_ok(w);
	restore(w, fourth, 0);
	sync_ok(w);
	events = google_events(w);
	assert_string_equal(json_str(json_get(events, fourth), "summary"), "daily");
	assert_string_equal(json_path_str(json_get(events, fourth), "start/dateTime"),
			    "2026-02-05T11:00:00+01:00");
	assert_string_equal(json_path_str(json_get(events, fourth), "end/dateTime"),
			    "2026-02-05T12:00:00+01:00");
	assert_equal_sides(w, 4);
	assert_cancelled(w, NULL, 0);
	assert_int_equal(restore_fails(w, never, 0), ERR_INVALID);
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
}

static void test_restore__an_occurrence_needs_its_series(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = add_series(w);
	AUTO(free) char *second = xasprintf("%s_20260203T100000Z", id);

	sync_ok(w);
	google_delete(w, id);
	sync_ok(w);
	assert_int_equal(restore_fails(w, second, 0), ERR_NOT_FOUND);
	assert_non_null(strstr(err.msg, id));
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
		TEST(test_restore__a_series_comes_back_with_its_changed_occurrences),
		TEST(test_restore__a_series_deleted_here),
		TEST(test_restore__a_series_changed_at_google_comes_back_whole),
		TEST(test_restore__a_series_under_a_new_id_takes_its_occurrences_along),
		TEST(test_restore__a_cancelled_occurrence_takes_place_again),
		TEST(test_restore__a_cancelled_occurrence_that_never_was_changed),
		TEST(test_restore__old_versions_are_forgotten_once_a_day),
		TEST(test_restore__an_occurrence_needs_its_series),
	};

	return cmocka_run_group_tests_name("sync_restore", tests, NULL, NULL);
}
