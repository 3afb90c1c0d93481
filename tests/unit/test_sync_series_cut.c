/* Local edits of a series, all of it or from one occurrence on; both sides then say the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"
#include "series_world.h"
#include "series_kinds.h"

static void each_kind(void **state, void (*fn)(struct world *w, const struct kind *k,
					       enum change what, const char *name))
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		for (int what = 0; what < CHANGES; what++) {
			AUTO(free) char *name = xasprintf("kind %zu, change %d", i, what);
			void *one = NULL;

			setup(&one);
			add_series(one, "serie", kinds[i].start, kinds[i].zone, kinds[i].lines);
			sync_ok(one);
			add_exceptions(one, &kinds[i]);
			fn(one, &kinds[i], (enum change)what, name);
			teardown(&one);
		}
	}
}

static void cut_and_compare(struct world *w, const struct kind *k, enum change what,
			    const char *name)
{
	AUTO(lines_release) struct lines before = {0};
	AUTO(lines_release) struct lines planned = {0};
	AUTO(lines_release) struct lines after = {0};
	AUTO(event_release) struct event rest = {0};
	AUTO(occurrence_release) struct occurrence at = {0};
	size_t kept = 0, named = 0;

	nth_occurrence(w, "serie", k->at, &at);
	by_store(w, &before);
	if (!cut(w, k, what, &rest))
		return;
	by_store(w, &planned);
	sync_ok(w);
	sync_ok(w);
	by_store(w, &after);
	assert_lines(&planned, &after, name);
	assert_settled(w, name);
	/* As many as before: none comes or goes. What is before the cut is as it was. */
	if (after.count != before.count)
		fail_msg("%s: %zu instead of %zu", name, after.count, before.count);
	for (size_t i = 0; i < before.count; i++) {
		for (size_t n = 0; n < after.count; n++)
			kept += !strcmp(before.items[i], after.items[n]);
		named += strstr(before.items[i], "renamed") != NULL;
	}
	if (kept < k->at - 1)
		fail_msg("%s: only %zu are as they were", name, kept);
	for (size_t n = 0; n < after.count; n++)
		named -= strstr(after.items[n], "renamed") != NULL;
	assert_int_equal(named, 0); /* exceptions keep what was changed of them */
}

static void test_series__following_is_a_series_of_its_own(void **state)
{
	each_kind(state, cut_and_compare);
}

static void trim_and_compare(struct world *w, const struct kind *k, enum change what,
			     const char *name)
{
	AUTO(occurrence_release) struct occurrence at = {0};
	AUTO(lines_release) struct lines before = {0};
	AUTO(lines_release) struct lines after = {0};
	AUTO(event_release) struct event e = {0};
	AUTO(row_list_release) struct row_list rows = {0};

	if (what != TITLE)
		return;
	nth_occurrence(w, "serie", k->at, &at);
	by_store(w, &before);
	w->clock.now_ms += 1000;
	OK(local_series_trim(w->store, &w->clock.clock, row_of(w, "serie"), &at, &plain, &e, &rows,
			     &err));
	sync_ok(w);
	sync_ok(w);
	by_store(w, &after);
	assert_settled(w, name);
	if (after.count > k->at || after.count + 3 < k->at)
		fail_msg("%s: %zu of %zu are left", name, after.count, before.count);
	for (size_t i = 0; i < after.count; i++)
		assert_string_equal(after.items[i], before.items[i]);
}

static void test_series__rm_following_ends_it(void **state)
{
	each_kind(state, trim_and_compare);
}

static void edit_all_and_compare(struct world *w, const struct kind *k, enum change what,
				 const char *name)
{
	AUTO(event_release) struct event e = {0};
	AUTO(event_release) struct event out = {0};
	AUTO(lines_release) struct lines before = {0};
	AUTO(lines_release) struct lines after = {0};

	by_store(w, &before);
	OK(store_event_get_row(w->store, row_of(w, "serie"), &e, &err));
	if (!change(e.resource, what, k->zone))
		return;
	w->clock.now_ms += 1000;
	OK(local_edit(w->store, &w->clock.clock, e.rowid, e.resource, &plain, &out, &err));
	sync_ok(w);
	sync_ok(w);
	by_store(w, &after);
	assert_settled(w, name);
	/* Google drops the exceptions of a series that is moved, and with them what was cancelled. */
	if (after.count < before.count)
		fail_msg("%s: %zu of %zu are left", name, after.count, before.count);
}

static void test_series__all_of_it(void **state)
{
	each_kind(state, edit_all_and_compare);
}

static void test_series__the_exception_that_is_named_takes_the_edit(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence at = {0};
	AUTO(occurrence_release) struct occurrence other = {0};
	AUTO(event_release) struct event e = {0};
	AUTO(event_release) struct event out = {0};
	AUTO(row_list_release) struct row_list rows = {0};
	AUTO(json_object_put) struct json_object *r = NULL;
	AUTO(lines_release) struct lines after = {0};
	size_t own = 0;

	begin_weekly(w, 3, &at);
	nth_occurrence(w, "serie", 5, &other);
	google_patch(w, at.id, "{\"summary\":\"own title\",\"location\":\"own place\"}");
	google_patch(w, other.id, "{\"summary\":\"own title\",\"location\":\"own place\"}");
	sync_ok(w);
	OK(store_event_get_row(w->store, row_of(w, "serie"), &e, &err));
	OK(split_new(e.resource, w->calendar.time_zone, &at, &r, &err));
	json_set_str(r, "summary", "new title");
	OK(local_series_split(w->store, &w->clock.clock, e.rowid, &at, r, &plain, &out, &rows,
			      &err));
	sync_ok(w);
	assert_settled(w, "named");
	by_store(w, &after);
	for (size_t i = 0; i < after.count; i++) {
		own += strstr(after.items[i], "own title own place") != NULL;
		own += strstr(after.items[i], "new title own place") != NULL;
	}
	assert_int_equal(own, 2);
}

static void test_series__a_cut_series_has_a_link_of_its_own(void **state)
{
	struct world *w = *state;
	AUTO(event_release) struct event rest = {0};
	AUTO(json_object_put) struct json_object *events = NULL;
	const char *a, *b;

	json_object_put(at_google(
		w, "POST", "?conferenceDataVersion=1&supportsAttachments=true",
		"{\"id\":\"serie\",\"summary\":\"team\",\"start\":{\"dateTime\":\"2026-03-02T10:00:"
		"00\","
		"\"timeZone\":\"Europe/Berlin\"},\"end\":{\"dateTime\":\"2026-03-02T11:00:00\","
		"\"timeZone\":\"Europe/Berlin\"},\"recurrence\":[\"RRULE:FREQ=WEEKLY;COUNT=12\"],"
		"\"attachments\":[{\"fileUrl\":\"https://x.example.com/1\"}],"
		"\"conferenceData\":{\"createRequest\":{\"requestId\":\"r1\"}}}"));
	sync_ok(w);
	add_exceptions(w, &kinds[0]);
	assert_true(cut(w, &kinds[0], TITLE, &rest));
	sync_ok(w);
	sync_ok(w);
	events = google_events(w);
	a = json_str(json_get(events, "serie"), "hangoutLink");
	b = json_str(json_get(events, rest.id), "hangoutLink");
	assert_non_null(a);
	assert_non_null(b);
	assert_string_not_equal(a, b);
	assert_int_equal(
		json_object_array_length(json_get(json_get(events, rest.id), "attachments")), 1);
	assert_settled(w, "meet");
	{
		AUTO(json_object_put)
		struct json_object *v = ask(w, "GET", "/sandbox/violations", NULL, NULL, NULL);

		for (size_t i = 0; i < json_object_array_length(v); i++)
			if (strstr(json_str(json_object_array_get_idx(v, i), "what"), "Meet"))
				fail_msg("%s", json_text(v));
	}
}

static void test_series__what_cannot_be_cut(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence at = {0};
	AUTO(event_release) struct event out = {0};
	AUTO(row_list_release) struct row_list rows = {0};
	AUTO(json_object_put) struct json_object *r = timed("x");

	control(w, "POST", "/sandbox/load",
		"[{\"id\":\"invited\",\"organizer\":{\"email\":\"boss@example.com\"},\"start\":{"
		"\"dateTime\":\"2026-03-02T10:00:00+01:00\",\"timeZone\":\"Europe/"
		"Berlin\"},\"end\":{"
		"\"dateTime\":\"2026-03-02T11:00:00+01:00\",\"timeZone\":\"Europe/Berlin\"},"
		"\"recurrence\":[\"RRULE:FREQ=DAILY\"]},"
		"{\"id\":\"born\",\"eventType\":\"birthday\",\"start\":{\"date\":\"2020-03-02\"},"
		"\"end\":{\"date\":\"2020-03-03\"},\"recurrence\":[\"RRULE:FREQ=YEARLY\"]}]");
	sync_ok(w);
	nth_occurrence(w, "invited", 2, &at);
	assert_int_equal(local_series_split(w->store, &w->clock.clock, row_of(w, "invited"), &at, r,
					    &plain, &out, &rows, &err),
			 -1);
	assert_int_equal(err.code, ERR_READ_ONLY);
	assert_int_equal(local_series_trim(w->store, &w->clock.clock, row_of(w, "born"), &at,
					   &plain, &out, &rows, &err),
			 -1);
	assert_int_equal(err.code, ERR_READ_ONLY);
	sync_ok(w);
	assert_int_equal(requests(w, "PATCH", "/events"), 0);
}

/* Cancelled occurrences that the series has no place for any more are not kept. */
static void test_series__what_a_shorter_series_leaves_is_not_kept(void **state)
{
	struct world *w = *state;

	add_series(w, "serie", kinds[0].start, kinds[0].zone, kinds[0].lines);
	sync_ok(w);
	add_exceptions(w, &kinds[0]);
	assert_int_equal(stored_rows(w), 7);
	google_patch(w, "serie", "{\"recurrence\":[\"RRULE:FREQ=WEEKLY;COUNT=5\"]}");
	sync_ok(w);
	assert_settled(w, "shorter");
	assert_int_equal(stored_rows(w), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_series__following_is_a_series_of_its_own),
		cmocka_unit_test(test_series__rm_following_ends_it),
		cmocka_unit_test(test_series__all_of_it),
		TEST(test_series__the_exception_that_is_named_takes_the_edit),
		TEST(test_series__a_cut_series_has_a_link_of_its_own),
		TEST(test_series__what_cannot_be_cut),
		TEST(test_series__what_a_shorter_series_leaves_is_not_kept),
	};

	return cmocka_run_group_tests_name("sync_series_cut", tests, NULL, NULL);
}
