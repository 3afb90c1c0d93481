/* Occurrences of series that are edited here while Google is asked about them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"

#include "series_world.h"

#define SERIES     "serie"
#define OCCURRENCE SERIES "_20260316T090000Z" /* the third one */

/* An edit of what is only computed so far. */
static void make_exception(struct world *w)
{
	AUTO(occurrence_release) struct occurrence at = {0};
	AUTO(event_release) struct event master = {0};
	AUTO(event_release) struct event out = {0};
	AUTO(json_object_put) struct json_object *r = NULL;

	nth_occurrence(w, SERIES, 2, &at);
	assert_string_equal(at.id, OCCURRENCE);
	OK(store_event_get_row(w->store, row_of(w, SERIES), &master, &err));
	r = split_instance(master.resource, w->calendar.time_zone, &at);
	json_set_str(r, "summary", "special");
	w->clock.now_ms += 1000;
	OK(local_occurrence_edit(w->store, &w->clock.clock, master.rowid, &at, r, &plain, &out,
				 &err));
}

static void make_longer(struct world *w)
{
	AUTO(event_release) struct event e = {0};
	AUTO(event_release) struct event out = {0};
	AUTO(json_object_put) struct json_object *r = NULL;
	struct json_object *lines = json_object_new_array();

	OK(store_event_get_row(w->store, row_of(w, SERIES), &e, &err));
	r = json_clone(e.resource);
	json_object_array_add(lines, json_object_new_string("RRULE:FREQ=WEEKLY;COUNT=9"));
	json_set(r, "recurrence", lines);
	w->clock.now_ms += 1000;
	OK(local_edit(w->store, &w->clock.clock, e.rowid, r, &plain, &out, &err));
}

static void edit_location(void *arg)
{
	struct world *w = arg;

	edit(w, row_of(w, OCCURRENCE), "location", "mine");
}

static void delete_exception(void *arg)
{
	struct world *w = arg;

	assert_false(delete_row(w, row_of(w, OCCURRENCE)));
}

static void forget_exception(void *arg)
{
	struct world *w = arg;

	OK(store_event_delete(w->store, row_of(w, OCCURRENCE), &err));
}

static void take_back(void *arg)
{
	struct world *w = arg;

	edit(w, row_of(w, OCCURRENCE), "summary", "team");
	assert_int_equal(row_of(w, OCCURRENCE), 0);
}

/* The series has new times, and its exceptions are read again; one of them is changed on both sides. */
static void read_again_meanwhile(struct world *w, void (*act)(void *))
{
	AUTO(account_release) struct account a = {0};
	int64_t row;

	add_weekly(w, SERIES);
	sync_ok(w);
	make_exception(w);
	sync_ok(w);
	pass_time(w, 60 * 1000);
	row = row_of(w, SERIES);
	make_longer(w);
	google_patch(w, OCCURRENCE, "{\"description\":\"there\"}");
	meanwhile(w, "POST", "/batch", act);
	OK(store_account_get(w->store, "me", &a, &err));
	OK(sync_events(&w->env, &a, &row, 1, &err));
	assert_null(w->hooked.after);
}

static void assert_says(struct world *w, const char *field, const char *want)
{
	AUTO(event_release) struct event e = {0};
	const char *has;

	OK(store_event_get_row(w->store, row_of(w, OCCURRENCE), &e, &err));
	has = json_str(e.resource, field);
	assert_string_equal(has ? has : "nothing", want);
}

static void test_meanwhile__an_edit_survives_that_exceptions_are_read_again(void **state)
{
	struct world *w = *state;

	read_again_meanwhile(w, edit_location);
	sync_ok(w);
	assert_says(w, "location", "mine");
	assert_says(w, "description", "there");
	assert_settled(w, "edited");
}

/* Somebody changed it at Google, and that beats the delete: as with any event. */
static void test_meanwhile__a_delete_meets_what_was_changed_while_it_was_read_again(void **state)
{
	struct world *w = *state;
	AUTO(event_release) struct event e = {0};

	read_again_meanwhile(w, delete_exception);
	OK(store_event_get_row(w->store, row_of(w, OCCURRENCE), &e, &err));
	assert_int_equal(e.pending, PENDING_DELETE);
	sync_ok(w);
	assert_says(w, "description", "there");
	assert_settled(w, "deleted");
}

static void test_meanwhile__a_row_that_went_is_not_read_again(void **state)
{
	struct world *w = *state;

	read_again_meanwhile(w, forget_exception);
	assert_int_equal(row_of(w, OCCURRENCE), 0);
}

/* What was edited of the occurrence is as the series says again: it has no row any more. */
static void test_meanwhile__an_edit_is_taken_back_while_its_occurrence_is_looked_at(void **state)
{
	struct world *w = *state;

	add_weekly(w, SERIES);
	sync_ok(w);
	make_exception(w);
	meanwhile(w, "GET", "/events/" OCCURRENCE, take_back);
	sync_ok(w);
	assert_null(w->hooked.after);
	assert_int_equal(requests(w, "PATCH", "/events"), 0);
	assert_settled(w, "taken back");
}

/* Whatever else takes the row away: the calendar goes on, and the pull tells what became of it. */
static void test_meanwhile__a_row_that_went_takes_no_answer(void **state)
{
	static const struct {
		const char *method;
		int status; /* of the answer that the row does not wait for; 0: the good one */
	} cases[] = {{"GET", 0}, {"PATCH", 0}, {"PATCH", 412}};
	struct world *w = *state;

	add_weekly(w, SERIES);
	sync_ok(w);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		make_exception(w);
		if (cases[i].status)
			fault(w, "{\"method\":\"PATCH\",\"action\":\"status\",\"status\":412}");
		meanwhile(w, cases[i].method, "/events/" OCCURRENCE, forget_exception);
		sync_ok(w);
		assert_null(w->hooked.after);
		assert_settled(w, "the row went");
		if (row_of(w, OCCURRENCE))
			google_patch(w, OCCURRENCE, "{\"summary\":\"team\"}");
		sync_ok(w);
		if (row_of(w, OCCURRENCE))
			forget_exception(w);
	}
	assert_int_equal(fg_faults_hit(w->fg), 1);
}

static void rename_series(void *arg)
{
	struct world *w = arg;

	pass_time(w, 60 * 1000);
	google_patch(w, SERIES, "{\"summary\":\"theirs\"}");
}

/* The edit loses to the series, which is newer: Google computes the occurrence, and it needs no row. */
static void test_meanwhile__an_edit_loses_to_its_series_after_the_look(void **state)
{
	struct world *w = *state;

	add_weekly(w, SERIES);
	sync_ok(w);
	make_exception(w);
	meanwhile(w, "GET", OCCURRENCE, rename_series);
	sync_ok(w);
	assert_null(w->hooked.after);
	assert_int_equal(row_of(w, OCCURRENCE), 0);
	assert_settled(w, "lost");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_meanwhile__an_edit_survives_that_exceptions_are_read_again),
		TEST(test_meanwhile__a_delete_meets_what_was_changed_while_it_was_read_again),
		TEST(test_meanwhile__a_row_that_went_is_not_read_again),
		TEST(test_meanwhile__an_edit_is_taken_back_while_its_occurrence_is_looked_at),
		TEST(test_meanwhile__a_row_that_went_takes_no_answer),
		TEST(test_meanwhile__an_edit_loses_to_its_series_after_the_look),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
