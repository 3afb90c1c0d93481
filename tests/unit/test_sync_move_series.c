/* Series that somebody moves at Google, and what was done here to their occurrences. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"
#include "move_world.h"
#include "series_world.h"

/* It says what was edited here: the occurrence is computed there, and needs no row. */
static void test_move_series__says_what_was_edited_of_an_occurrence(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence at = {0};

	add_weekly(w, "serie");
	add_calendar(w, WORK, "owner");
	nth_occurrence(w, "serie", 2, &at);
	edit_one(w, "serie", &at, "summary", "new");
	google_patch(w, "serie", "{\"summary\":\"new\"}");
	google_move(w, "serie", WORK);
	sync_ok(w);
	assert_at_rest(w);
	assert_same(w, 1);
	assert_int_equal(stored_rows(w), 1);
}

/* The new calendar is read before the series goes there, with an edit, and the deleted occurrence after it:
 * who changed that at Google is right, and no pull shows it again. */
static void test_move_series__takes_along_the_delete_of_a_changed_occurrence(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence at = {0};
	struct sync_options only = {.calendar = WORK};
	int64_t row;

	add_weekly(w, "serie");
	add_calendar(w, WORK, "owner");
	row = row_of(w, "serie");
	nth_occurrence(w, "serie", 2, &at);
	delete_one(w, "serie", &at);
	edit(w, row, "summary", "new");
	google_patch(w, at.id, "{\"location\":\"there\"}");
	google_move(w, "serie", WORK);
	OK(run_sync(w, &only));
	sync_ok(w);
	assert_at_rest(w);
	assert_in_work(w, "serie", "summary", "new");
	assert_in_work(w, at.id, "location", "there");
	assert_same(w, 2);
}

static void assert_no_violation(struct world *w, const char *about)
{
	AUTO(json_object_put)
	struct json_object *list = ask(w, "GET", "/sandbox/violations", NULL, NULL, NULL);

	if (strstr(json_text(list), about))
		fail_msg("%s", json_text(list));
}

static char *link_in(struct world *w, const char *calendar_id, const char *id)
{
	AUTO(json_object_put) struct json_object *events = events_of(w, calendar_id);
	const char *link = json_str(json_get(events, id), "hangoutLink");

	if (!link)
		fail_msg("no link: %s in %s: %s", id, calendar_id, json_text(events));
	return xstrdup(link ? link : "");
}

/* The Meet link of an occurrence is lost with the series that was deleted: it gets another one. */
static void test_move_series__made_anew_asks_for_the_meet_links_of_its_occurrences(void **state)
{
	struct world *w = *state;
	static const char third[] = "serie_20260203T100000Z";
	AUTO(event_release) struct event series = {0};
	AUTO(free) char *path = xasprintf("/%s?conferenceDataVersion=1", third);
	AUTO(free) char *old = NULL;
	AUTO(free) char *now = NULL;
	int64_t work = add_calendar(w, WORK, "owner");
	bool found;

	json_object_put(on_google(
		w, "POST", WORK, "",
		"{\"id\":\"serie\",\"start\":{\"dateTime\":\"2026-02-01T10:00:00Z\",\"timeZone\":"
		"\"UTC\"},\"end\":{\"dateTime\":\"2026-02-01T11:00:00Z\",\"timeZone\":\"UTC\"},"
		"\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=5\"]}"));
	json_object_put(
		on_google(w, "PATCH", WORK, path,
			  "{\"conferenceData\":{\"createRequest\":{\"requestId\":\"r1\"}}}"));
	sync_ok(w);
	old = link_in(w, WORK, third);
	OK(store_event_get(w->store, work, "serie", &series, &found, &err));
	OK(move_to(w, series.rowid, w->calendar.id));
	json_object_put(on_google(w, "DELETE", WORK, "/serie", NULL));
	sync_ok(w);
	sync_ok(w);
	now = link_in(w, HOME, third);
	assert_string_not_equal(now, old);
	assert_no_violation(w, "conference");
	assert_at_rest(w);
	assert_same(w, 2);
}

/* What was cancelled of it waits with it, and no sync fails. */
static void test_move_series__deleted_while_it_waits_and_kept_back(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence at = {0};
	struct local_options keep = {.no_sync = true};
	int64_t work = add_calendar(w, WORK, "owner");
	int64_t row;
	bool gone;

	add_weekly(w, "serie");
	sync_ok(w);
	row = row_of(w, "serie");
	nth_occurrence(w, "serie", 2, &at);
	delete_one(w, "serie", &at);
	sync_ok(w);
	OK(move_to(w, row, work));
	w->clock.now_ms += 1000;
	OK(local_delete(w->store, &w->clock.clock, row, &keep, &gone, &err));
	sync_ok(w);
	assert_at_rest(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_move_series__says_what_was_edited_of_an_occurrence),
		TEST(test_move_series__takes_along_the_delete_of_a_changed_occurrence),
		TEST(test_move_series__made_anew_asks_for_the_meet_links_of_its_occurrences),
		TEST(test_move_series__deleted_while_it_waits_and_kept_back),
	};

	return cmocka_run_group_tests_name("sync_move_series", tests, NULL, NULL);
}
