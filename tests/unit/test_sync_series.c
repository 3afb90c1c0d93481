/* Local edits of one occurrence of a series, and occurrences that have no series here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"
#include "series_world.h"

/* --- this one ------------------------------------------------------------------------------ */

static void test_series__one_occurrence_becomes_an_exception(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence at = {0};
	AUTO(event_release) struct event e = {0};

	begin_weekly(w, 2, &at);
	assert_string_equal(at.id, "serie_20260316T090000Z");
	edit_one(w, "serie", &at, "summary", "special");
	OK(store_event_get_row(w->store, row_of(w, at.id), &e, &err));
	assert_int_equal(e.pending, PENDING_UPDATE);
	assert_false(e.at_google);
	forget_log(w);
	sync_ok(w);
	assert_int_equal(requests(w, "PATCH", "/events/serie_20260316T090000Z"), 1);
	assert_int_equal(requests(w, "POST", "/events"), 0);
	assert_int_equal(w->last.pushed.updated, 1);
	assert_settled(w, "one");
	/* and again, an ordinary event now */
	forget_log(w);
	edit_one(w, "serie", &at, "location", "there");
	sync_ok(w);
	assert_int_equal(requests(w, "GET", "/events/serie_20260316T090000Z"), 0);
	assert_settled(w, "again");
}

static void test_series__one_occurrence_is_deleted(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence at = {0};
	AUTO(occurrence_release) struct occurrence edited = {0};
	AUTO(event_release) struct event e = {0};

	begin_weekly(w, 2, &at);
	nth_occurrence(w, "serie", 4, &edited);
	delete_one(w, "serie", &at);
	edit_one(w, "serie", &edited, "summary", "special");
	delete_one(w, "serie", &edited);
	sync_ok(w);
	assert_int_equal(w->last.pushed.deleted, 2);
	OK(store_event_get_row(w->store, row_of(w, at.id), &e, &err));
	assert_true(event_is_cancelled(e.resource));
	assert_settled(w, "deleted");
	assert_int_equal(stored_rows(w), 3);
	/* one that is an exception at Google */
	{
		AUTO(occurrence_release) struct occurrence at2 = {0};

		nth_occurrence(w, "serie", 5, &at2);
		edit_one(w, "serie", &at2, "summary", "special");
		sync_ok(w);
		delete_one(w, "serie", &at2);
		sync_ok(w);
		assert_settled(w, "deleted exception");
	}
	/* twice is no */
	assert_int_equal(local_occurrence_delete(w->store, &w->clock.clock, row_of(w, "serie"), &at,
						 &plain, &e, &err),
			 -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

static void test_series__an_edit_taken_back_leaves_no_row(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence at = {0};

	add_series(w, "serie", "2026-03-02T10:00:00", "Europe/Berlin", "\"RRULE:FREQ=WEEKLY\"");
	sync_ok(w);
	nth_occurrence(w, "serie", 2, &at);
	edit_one(w, "serie", &at, "summary", "special");
	assert_int_equal(edit_one(w, "serie", &at, "summary", "team"), 0);
	assert_int_equal(row_of(w, at.id), 0);
	assert_int_equal(edit_one(w, "serie", &at, "summary", "team"), 0);
	forget_log(w);
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
	assert_settled(w, "taken back");
}

/* Somebody made an exception of it meanwhile, or changed the series. */
static void test_series__an_edit_meets_googles(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence a = {0}, b = {0}, c = {0}, d = {0};
	AUTO(json_object_put) struct json_object *events = NULL;

	begin_weekly(w, 1, &a);
	nth_occurrence(w, "serie", 2, &b);
	nth_occurrence(w, "serie", 3, &c);
	nth_occurrence(w, "serie", 4, &d);
	edit_one(w, "serie", &a, "summary", "ours");
	google_patch(w, a.id, "{\"location\":\"theirs\"}");
	edit_one(w, "serie", &b, "summary", "ours");
	google_delete(w, b.id);
	delete_one(w, "serie", &c);
	google_patch(w, c.id, "{\"location\":\"theirs\"}");
	delete_one(w, "serie", &d);
	google_patch(w, "serie", "{\"description\":\"for all\"}");
	sync_ok(w);
	events = google_events(w);
	assert_string_equal(json_str(json_get(events, a.id), "summary"), "ours");
	assert_string_equal(json_str(json_get(events, a.id), "location"), "theirs");
	assert_string_equal(json_str(json_get(events, b.id), "summary"), "ours");
	assert_string_equal(json_str(json_get(events, c.id), "location"), "theirs");
	assert_null(json_get(events, d.id)); /* a change of the series is none of the occurrence */
	assert_settled(w, "met");
}

static void test_series__an_occurrence_outlives_its_series(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence a = {0}, b = {0}, c = {0};

	add_weekly(w, "serie");
	add_weekly(w, "other");
	sync_ok(w);
	nth_occurrence(w, "serie", 1, &a);
	nth_occurrence(w, "serie", 2, &b);
	nth_occurrence(w, "other", 6, &c);
	edit_one(w, "serie", &a, "summary", "ours");
	delete_one(w, "serie", &b);
	google_delete(w, "serie");
	/* the rule has no such occurrence any more */
	edit_one(w, "other", &c, "summary", "ours, too");
	google_patch(w, "other", "{\"recurrence\":[\"RRULE:FREQ=WEEKLY;COUNT=3\"]}");
	sync_ok(w);
	sync_ok(w);
	assert_settled(w, "outlives");
	assert_int_equal(google_count(w), 3);
}

static void test_series__of_a_series_that_waits_or_stays_here(void **state)
{
	struct world *w = *state;
	struct local_options here = {.no_sync = true};
	AUTO(occurrence_release) struct occurrence at = {0};

	for (int stays = 0; stays < 2; stays++) {
		const char *id = stays ? "heres" : "later";
		AUTO(json_object_put) struct json_object *r = timed("team");
		AUTO(event_release) struct event e = {0};

		json_set_str(r, "id", id);
		json_set_str(json_get(r, "start"), "timeZone", "Europe/Berlin");
		json_set_str(json_get(r, "end"), "timeZone", "Europe/Berlin");
		json_set(r, "recurrence", json_tokener_parse("[\"RRULE:FREQ=DAILY;COUNT=5\"]"));
		OK(local_add(w->store, &w->clock.clock, w->calendar.id, r, stays ? &here : &plain,
			     &e, &err));
		occurrence_release(&at);
		nth_occurrence(w, id, 1, &at);
		edit_one(w, id, &at, "summary", "special");
		occurrence_release(&at);
		nth_occurrence(w, id, 2, &at);
		delete_one(w, id, &at);
		occurrence_release(&at);
		nth_occurrence(w, id, 3, &at);
		edit_one(w, id, &at, "summary", "special");
		delete_one(w, id, &at);
	}
	sync_ok(w);
	assert_int_equal(requests(w, NULL, "/events/heres"), 0);
	{
		AUTO(lines_release) struct lines all = {0};
		size_t mine = 0;

		by_store(w, &all);
		assert_int_equal(all.count, 6); /* three each */
		for (size_t i = 0; i < all.count; i++)
			mine += strstr(all.items[i], "heres") != NULL;
		assert_int_equal(mine, 3);
	}
	assert_true(delete_row(w, row_of(w, "heres")));
	assert_settled(w, "waits");
}

/* It needs a person, who holds the series back: no sync fails for it, and each says so once. */
static void test_series__an_occurrence_waits_with_a_series_that_is_held(void **state)
{
	struct world *w = *state;
	struct local_options here = {.no_sync = true};
	AUTO(json_object_put) struct json_object *r = timed("team");
	AUTO(occurrence_release) struct occurrence at = {0};
	AUTO(outbox_release) struct outbox op = {0};
	AUTO(event_release) struct event e = {0};
	bool found;

	json_set_str(r, "id", "later");
	json_set_str(json_get(r, "start"), "timeZone", "Europe/Berlin");
	json_set_str(json_get(r, "end"), "timeZone", "Europe/Berlin");
	json_set(r, "recurrence", json_tokener_parse("[\"RRULE:FREQ=DAILY;COUNT=5\"]"));
	OK(local_add(w->store, &w->clock.clock, w->calendar.id, r, &plain, &e, &err));
	event_release(&e);
	json_set_str(r, "summary", "group");
	OK(local_edit(w->store, &w->clock.clock, row_of(w, "later"), r, &here, &e, &err));
	event_release(&e);
	nth_occurrence(w, "later", 1, &at);
	edit_one(w, "later", &at, "summary", "special");
	sync_ok(w);
	sync_ok(w);
	assert_int_equal(requests(w, "POST", "/events"), 0);
	OK(store_outbox_get(w->store, row_of(w, at.id), &op, &found, &err));
	assert_true(found);
	assert_string_equal(op.last_error, "its series is kept back by --no-sync");
	json_set_str(r, "summary", "team");
	OK(local_edit(w->store, &w->clock.clock, row_of(w, "later"), r, &plain, &e, &err));
	sync_ok(w);
	assert_settled(w, "held");
}

/* What is to be deleted is looked at after our own edit of its series, which changes its etag. */
static void test_series__a_delete_of_one_waits_for_the_edit_of_all(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence at = {0};

	begin_weekly(w, 2, &at);
	delete_one(w, "serie", &at);
	edit(w, row_of(w, "serie"), "summary", "group");
	sync_ok(w);
	assert_int_equal(w->last.conflicts, 0);
	assert_settled(w, "one of all");
	assert_int_equal(stored_rows(w), 2);
}

/* --- exceptions without a series ------------------------------------------------------------- */

/* Invited to one occurrence alone: it is kept and shown, its series is asked for once. */
static void test_series__an_exception_without_its_series_is_kept(void **state)
{
	struct world *w = *state;
	AUTO(lines_release) struct lines here = {0};

	sync_ok(w);
	control(w, "POST", "/sandbox/accounts", "{\"email\":\"boss@example.com\"}");
	json_object_put(
		as_boss(w, "POST", "",
			"{\"id\":\"bosses\",\"summary\":\"board\",\"start\":{\"dateTime\":"
			"\"2026-03-02T10:00:00\",\"timeZone\":\"Europe/Berlin\"},\"end\":{"
			"\"dateTime\":\"2026-03-02T11:00:00\",\"timeZone\":\"Europe/Berlin\"},"
			"\"recurrence\":[\"RRULE:FREQ=DAILY\"]}"));
	json_object_put(as_boss(w, "PATCH", "/bosses_20260303T090000Z",
				"{\"attendees\":[{\"email\":\"user1@example.com\"}]}"));
	forget_log(w);
	sync_ok(w);
	assert_int_equal(requests(w, "GET", "/events/bosses"), 1);
	assert_true(row_of(w, "bosses_20260303T090000Z") != 0);
	forget_log(w);
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
	by_store(w, &here);
	assert_int_equal(here.count, 1);
	/* the answer to it alone */
	edit(w, row_of(w, "bosses_20260303T090000Z"), "colorId", "3");
	sync_ok(w);
	assert_settled(w, "alone");
	{
		struct sync_options full = {.full = true};

		forget_log(w);
		OK(run_sync(w, &full));
		assert_int_equal(requests(w, "GET", "/events/bosses"), 0);
		assert_settled(w, "full");
	}
	json_object_put(as_boss(w, "DELETE", "/bosses_20260303T090000Z", NULL));
	sync_ok(w);
	assert_int_equal(stored_rows(w), 0);
}

static void test_series__a_missing_series_is_asked_for(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence at = {0};

	begin_weekly(w, 3, &at);
	OK(store_event_delete(w->store, row_of(w, "serie"), &err));
	google_patch(w, at.id, "{\"summary\":\"changed\"}");
	forget_log(w);
	sync_ok(w);
	assert_int_equal(requests(w, "GET", "/events/serie"), 1);
	assert_settled(w, "asked for");
	assert_int_equal(stored_rows(w), 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_series__one_occurrence_becomes_an_exception),
		TEST(test_series__one_occurrence_is_deleted),
		TEST(test_series__an_edit_taken_back_leaves_no_row),
		TEST(test_series__an_edit_meets_googles),
		TEST(test_series__an_occurrence_outlives_its_series),
		TEST(test_series__of_a_series_that_waits_or_stays_here),
		TEST(test_series__an_occurrence_waits_with_a_series_that_is_held),
		TEST(test_series__a_delete_of_one_waits_for_the_edit_of_all),
		TEST(test_series__an_exception_without_its_series_is_kept),
		TEST(test_series__a_missing_series_is_asked_for),
	};

	return cmocka_run_group_tests_name("sync_series", tests, NULL, NULL);
}
