/* Commands that are taken back: of each event only what the command changed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"
#include "series_world.h"

#include "sync/local_series.h"
#include "sync/undo.h"

static int64_t begin_command(struct world *w, const char *name, struct local_options *o)
{
	w->clock.now_ms += 1000;
	OK(store_command_add(w->store, name, w->clock.now_ms, &o->command_id, &err));
	return o->command_id;
}

static char *command_add_event(struct world *w, const char *summary)
{
	AUTO(json_object_put) struct json_object *r = timed(summary);
	AUTO(event_release) struct event e = {0};
	struct local_options o = {0};

	begin_command(w, "event add", &o);
	OK(local_add(w->store, &w->clock.clock, w->calendar.id, r, &o, &e, &err));
	return xstrdup(e.id);
}

static void edit_in(struct world *w, const char *id, const char *field, const char *value,
		    const struct local_options *o)
{
	AUTO(event_release) struct event e = {0};
	AUTO(event_release) struct event out = {0};
	AUTO(json_object_put) struct json_object *r = NULL;

	OK(store_event_get_row(w->store, row_of(w, id), &e, &err));
	r = json_clone(e.resource);
	json_set_str(r, field, value);
	OK(local_edit(w->store, &w->clock.clock, e.rowid, r, o, &out, &err));
}

static void command_edit(struct world *w, const char *id, const char *field, const char *value)
{
	struct local_options o = {0};

	begin_command(w, "event edit", &o);
	edit_in(w, id, field, value, &o);
}

static void command_delete(struct world *w, const char *id)
{
	struct local_options o = {0};
	bool gone;

	begin_command(w, "event rm", &o);
	OK(local_delete(w->store, &w->clock.clock, row_of(w, id), &o, &gone, &err));
}

/* Take the last command back; how many of its events could not be. */
static size_t undo(struct world *w, const char *name, size_t events, struct undo_result *out)
{
	AUTO(command_release) struct command c = {0};
	struct local_options o = {0};
	size_t failed = 0;
	bool found;

	begin_command(w, "undo", &o);
	OK(store_begin(w->store, &err));
	OK(store_command_set_undone(w->store, o.command_id, w->clock.now_ms, &err));
	OK(store_command_last(w->store, 0, &c, &found, &err));
	assert_true(found);
	assert_string_equal(c.name, name);
	OK(undo_command(w->store, &w->clock.clock, c.id, &o, out, &err));
	OK(store_commit(w->store, &err));
	assert_int_equal(out->count, events);
	for (size_t i = 0; i < out->count; i++)
		failed += out->items[i].err.code != ERR_NONE;
	return failed;
}

static void undo_ok(struct world *w, const char *name, size_t events)
{
	AUTO(undo_result_release) struct undo_result r = {0};

	assert_int_equal(undo(w, name, events, &r), 0);
}

static void assert_quiet(struct world *w, size_t count)
{
	assert_equal_sides(w, count);
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
}

static void test_undo__an_add_is_deleted_sent_or_not(void **state)
{
	struct world *w = *state;
	AUTO(free) char *unsent = command_add_event(w, "a");

	undo_ok(w, "event add", 1);
	assert_int_equal(row_of(w, unsent), 0);
	sync_ok(w);
	assert_quiet(w, 0);

	AUTO(free) char *sent = command_add_event(w, "b");

	sync_ok(w);
	assert_int_equal(google_count(w), 1);
	undo_ok(w, "event add", 1);
	sync_ok(w);
	assert_quiet(w, 0);
}

static void test_undo__an_edit_goes_back_and_what_google_changed_stays(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "first");

	sync_ok(w);
	command_edit(w, id, "summary", "second");
	sync_ok(w);
	google_patch(w, id, "{\"location\":\"there\"}");
	sync_ok(w);
	undo_ok(w, "event edit", 1);
	sync_ok(w);
	assert_google(w, id, "summary", "first");
	assert_google(w, id, "location", "there");
	assert_quiet(w, 1);
}

static void test_undo__before_it_was_sent_nothing_is_sent(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "first");

	sync_ok(w);
	command_edit(w, id, "summary", "second");
	undo_ok(w, "event edit", 1);
	forget_log(w);
	assert_quiet(w, 1);
	assert_int_equal(requests(w, "PATCH", "/"), 0);
}

/* Google changed another field, and we do not know yet: the pull merges it. */
static void test_undo__what_google_changed_and_we_did_not_see_stays(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "first");

	sync_ok(w);
	command_edit(w, id, "summary", "second");
	sync_ok(w);
	google_patch(w, id, "{\"location\":\"there\"}");
	undo_ok(w, "event edit", 1);
	sync_ok(w);
	assert_google(w, id, "summary", "first");
	assert_google(w, id, "location", "there");
	assert_int_equal(w->last.conflicts, 0);
	assert_quiet(w, 1);
}

static void test_undo__the_same_field_changed_since_stays_and_is_named(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "first");
	AUTO(undo_result_release) struct undo_result partly = {0};
	AUTO(undo_result_release) struct undo_result none = {0};
	struct local_options o = {0};

	sync_ok(w);
	begin_command(w, "event edit", &o);
	edit_in(w, id, "summary", "second", &o);
	edit_in(w, id, "location", "here", &o); /* one command, two changes */
	sync_ok(w);
	google_patch(w, id, "{\"summary\":\"theirs\"}");
	sync_ok(w);
	assert_int_equal(undo(w, "event edit", 1, &partly), 0);
	assert_string_equal(json_text(partly.items[0].kept), "[\"summary\"]");
	sync_ok(w);
	assert_google(w, id, "summary", "theirs");
	assert_google(w, id, "location", NULL);

	command_edit(w, id, "summary", "mine");
	sync_ok(w);
	google_patch(w, id, "{\"summary\":\"theirs again\"}");
	sync_ok(w);
	assert_int_equal(undo(w, "event edit", 1, &none), 1);
	assert_int_equal(none.items[0].err.code, ERR_CONFLICT);
	assert_quiet(w, 1);
	assert_google(w, id, "summary", "theirs again");
}

static void test_undo__a_guest_taken_back_and_an_answer_kept(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "party");
	AUTO(event_release) struct event e = {0};
	AUTO(event_release) struct event out = {0};
	AUTO(json_object_put) struct json_object *r = NULL;
	AUTO(json_object_put) struct json_object *guest = json_object_new_object();
	AUTO(json_object_put) struct json_object *events = NULL;
	struct local_options o = {0};
	struct json_object *guests;

	google_patch(w, id, "{\"attendees\":[{\"email\":\"a@example.com\"}]}");
	sync_ok(w);
	OK(store_event_get_row(w->store, row_of(w, id), &e, &err));
	r = json_clone(e.resource);
	json_set_str(guest, "email", "b@example.com");
	json_object_array_add(json_get(r, "attendees"), TAKE(guest));
	begin_command(w, "event edit", &o);
	OK(local_edit(w->store, &w->clock.clock, e.rowid, r, &o, &out, &err));
	sync_ok(w);
	google_patch(w, id,
		     "{\"attendees\":[{\"email\":\"a@example.com\",\"responseStatus\":"
		     "\"accepted\"},{\"email\":\"b@example.com\"}]}");
	sync_ok(w);
	undo_ok(w, "event edit", 1);
	sync_ok(w);
	events = google_events(w);
	guests = json_get(json_get(events, id), "attendees");
	assert_int_equal(json_object_array_length(guests), 1);
	assert_string_equal(json_str(json_object_array_get_idx(guests, 0), "responseStatus"),
			    "accepted");
	assert_quiet(w, 1);
}

static void test_undo__a_delete_is_restored_sent_or_not(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");

	sync_ok(w);
	command_delete(w, id);
	undo_ok(w, "event rm", 1);
	assert_quiet(w, 1);
	command_delete(w, id);
	sync_ok(w);
	assert_int_equal(google_count(w), 0);
	undo_ok(w, "event rm", 1);
	sync_ok(w);
	assert_google(w, id, "summary", "a");
	assert_quiet(w, 1);
}

static void test_undo__again_goes_one_command_further_back(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = command_add_event(w, "one");
	AUTO(command_release) struct command c = {0};
	bool found;

	command_edit(w, id, "summary", "two");
	sync_ok(w);
	command_edit(w, id, "summary", "three");
	command_delete(w, id);
	sync_ok(w);
	undo_ok(w, "event rm", 1);
	sync_ok(w);
	assert_google(w, id, "summary", "three");
	undo_ok(w, "event edit", 1);
	undo_ok(w, "event edit", 1);
	sync_ok(w);
	assert_google(w, id, "summary", "one");
	undo_ok(w, "event add", 1);
	sync_ok(w);
	assert_quiet(w, 0);
	OK(store_command_last(w->store, 0, &c, &found, &err));
	assert_false(found);
}

static void test_undo__all_events_of_a_command_and_why_one_is_not(void **state)
{
	struct world *w = *state;
	AUTO(free) char *a = google_add(w, "a");
	AUTO(free) char *b = google_add(w, "b");
	AUTO(undo_result_release) struct undo_result r = {0};
	struct local_options o = {0};

	sync_ok(w);
	begin_command(w, "event edit", &o);
	edit_in(w, a, "summary", "a2", &o);
	edit_in(w, b, "summary", "b2", &o);
	sync_ok(w);
	google_delete(w, b);
	sync_ok(w);
	assert_int_equal(undo(w, "event edit", 2, &r), 1);
	assert_int_equal(r.items[0].err.code, ERR_NONE);
	assert_int_equal(r.items[1].err.code, ERR_NOT_FOUND);
	assert_string_equal(r.items[1].event.id, b);
	sync_ok(w);
	assert_google(w, a, "summary", "a");
	assert_quiet(w, 1);
}

static void test_undo__a_read_only_calendar_is_said(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	AUTO(undo_result_release) struct undo_result r = {0};
	struct calendar c = w->calendar;
	bool changed;

	sync_ok(w);
	command_edit(w, id, "summary", "b");
	sync_ok(w);
	c.access_role = (char *)"reader";
	OK(store_calendar_upsert(w->store, &c, &changed, &err));
	assert_int_equal(undo(w, "event edit", 1, &r), 1);
	assert_int_equal(r.items[0].err.code, ERR_READ_ONLY);
	assert_google(w, id, "summary", "b");
}

static void test_undo__an_edit_that_beat_a_delete_is_there_already(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");

	sync_ok(w);
	command_delete(w, id);
	google_patch(w, id, "{\"summary\":\"edited\"}");
	sync_ok(w);
	undo_ok(w, "event rm", 1);
	sync_ok(w);
	assert_google(w, id, "summary", "edited");
	assert_quiet(w, 1);
}

static void test_undo__what_was_renamed_at_google_is_found(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");

	sync_ok(w);
	command_edit(w, id, "summary", "b");
	google_delete(w, id);
	control(w, "POST", "/sandbox/expire", "{\"tombstones\":true}");
	sync_ok(w); /* an edit beats a delete, under a new id */
	assert_equal_sides(w, 1);
	assert_int_equal(row_of(w, id), 0);
	undo_ok(w, "event edit", 1);
	sync_ok(w);
	assert_quiet(w, 1);
}

static void test_undo__a_deleted_series_with_its_occurrences(void **state)
{
	struct world *w = *state;

	add_daily(w, DAILY_THIRD);
	sync_ok(w);
	for (int sent = 0; sent < 2; sent++) {
		AUTO(event_release) struct event cancelled = {0};

		command_delete(w, DAILY);
		if (sent)
			sync_ok(w);
		assert_int_equal(google_count(w), sent ? 0 : 2);
		undo_ok(w, "event rm", 2);
		sync_ok(w);
		assert_google(w, DAILY, "summary", "team");
		assert_google(w, DAILY_SECOND, "summary", "special");
		OK(store_event_get_row(w->store, row_of(w, DAILY_THIRD), &cancelled, &err));
		assert_true(event_is_cancelled(cancelled.resource));
		assert_quiet(w, 2);
	}
}

static void test_undo__a_deleted_occurrence(void **state)
{
	struct world *w = *state;

	add_daily(w, DAILY_THIRD);
	sync_ok(w);
	for (int sent = 0; sent < 2; sent++) {
		AUTO(event_release) struct event out = {0};
		AUTO(occurrence_release) struct occurrence at = {0};
		AUTO(json_object_put) struct json_object *there = NULL;
		struct local_options o = {0};

		nth_occurrence(w, DAILY, 3, &at);
		begin_command(w, "event rm", &o);
		OK(local_occurrence_delete(w->store, &w->clock.clock, row_of(w, DAILY), &at, &o,
					   &out, &err));
		if (sent)
			sync_ok(w);
		forget_log(w);
		undo_ok(w, "event rm", 1);
		sync_ok(w);
		if (!sent) /* nothing is left of it */
			assert_int_equal(row_of(w, DAILY_FOURTH), 0);
		there = at_google(w, "GET", "/" DAILY_FOURTH, NULL);
		assert_string_equal(json_str(there, "status"), "confirmed");
		assert_string_equal(json_str(there, "summary"), "team");
		assert_quiet(w, sent ? 3 : 2);
	}
}

static void test_undo__an_edited_occurrence(void **state)
{
	struct world *w = *state;

	add_daily(w, DAILY_THIRD);
	sync_ok(w);
	for (int sent = 0; sent < 2; sent++) {
		AUTO(event_release) struct event out = {0};
		AUTO(occurrence_release) struct occurrence at = {0};
		AUTO(json_object_put) struct json_object *edited = NULL;
		struct local_options o = {0};

		nth_occurrence(w, DAILY, 3, &at);
		edited = what_it_is(w, DAILY, &at);
		json_set_str(edited, "summary", "another");
		begin_command(w, "event edit", &o);
		OK(local_occurrence_edit(w->store, &w->clock.clock, row_of(w, DAILY), &at, edited,
					 &o, &out, &err));
		if (sent) {
			sync_ok(w);
			assert_google(w, DAILY_FOURTH, "summary", "another");
		}
		undo_ok(w, "event edit", 1);
		if (!sent)
			assert_int_equal(row_of(w, DAILY_FOURTH), 0);
		sync_ok(w);
		if (sent)
			assert_google(w, DAILY_FOURTH, "summary", "team");
		assert_quiet(w, sent ? 3 : 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_undo__an_add_is_deleted_sent_or_not),
		TEST(test_undo__an_edit_goes_back_and_what_google_changed_stays),
		TEST(test_undo__before_it_was_sent_nothing_is_sent),
		TEST(test_undo__what_google_changed_and_we_did_not_see_stays),
		TEST(test_undo__the_same_field_changed_since_stays_and_is_named),
		TEST(test_undo__a_guest_taken_back_and_an_answer_kept),
		TEST(test_undo__a_delete_is_restored_sent_or_not),
		TEST(test_undo__again_goes_one_command_further_back),
		TEST(test_undo__all_events_of_a_command_and_why_one_is_not),
		TEST(test_undo__a_read_only_calendar_is_said),
		TEST(test_undo__an_edit_that_beat_a_delete_is_there_already),
		TEST(test_undo__what_was_renamed_at_google_is_found),
		TEST(test_undo__a_deleted_series_with_its_occurrences),
		TEST(test_undo__a_deleted_occurrence),
		TEST(test_undo__an_edited_occurrence),
	};

	return cmocka_run_group_tests_name("sync_undo", tests, NULL, NULL);
}
