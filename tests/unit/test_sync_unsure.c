/* What is not certain is not taken for certain: answers that got lost, a 404 that passes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"
#include "series_world.h"
#include "series_kinds.h"

/* The one event at Google; NULL when there is none. */
static char *field_at_google(struct world *w, const char *field)
{
	AUTO(json_object_put) struct json_object *events = google_events(w);

	assert_true(json_object_object_length(events) <= 1);
	json_object_object_foreach (events, id, e) {
		(void)id;
		return xstrdup_null(json_str(e, field));
	}
	return NULL;
}

#define assert_at_google(w, field, want)                           \
	do {                                                       \
		AUTO(free) char *has_ = field_at_google(w, field); \
		assert_string_equal(has_ ? has_ : "none", want);   \
	} while (0)

static char *id_of(struct world *w, int64_t row)
{
	AUTO(event_release) struct event e = {0};

	OK(store_event_get_row(w->store, row, &e, &err));
	return xstrdup(e.id);
}

/* One try for the row, which this fault ends. */
static void push_fails(struct world *w, int64_t row, const char *trouble, enum err_code code)
{
	fault(w, trouble);
	assert_int_equal(push(w, row), -1);
	assert_int_equal(err.code, code);
	w->clock.now_ms += 300 * 1000; /* past the spacing of tries */
}

/* One whose answer is lost on its way. */
static void push_unanswered(struct world *w, int64_t row, const char *method)
{
	AUTO(free) char *lost = xasprintf("{\"method\":\"%s\",\"action\":\"drop_after\"}", method);

	push_fails(w, row, lost, ERR_NETWORK);
}

static void test_sync__a_404_that_passes_refuses_nothing(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "a");

	sync_ok(w);
	edit(w, row, "summary", "b");
	fault(w, "{\"method\":\"PATCH\",\"action\":\"status\",\"status\":404}");
	sync_ok(w);
	assert_at_google(w, "summary", "b");
	assert_equal_sides(w, 1);
}

static void test_sync__a_404_that_passes_is_no_delete(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "a");

	sync_ok(w);
	delete_row(w, row);
	fault(w, "{\"method\":\"DELETE\",\"action\":\"status\",\"status\":404}");
	sync_ok(w);
	assert_equal_sides(w, 0);
}

static void test_sync__a_404_that_passes_makes_no_second_event(void **state)
{
	struct world *w = *state;

	add(w, "a");
	fault(w, "{\"method\":\"POST\",\"action\":\"status_after\",\"status\":500}");
	fault(w,
	      "{\"method\":\"GET\",\"match\":\"/events/\",\"action\":\"status\",\"status\":404}");
	sync_ok(w);
	assert_int_equal(google_count(w), 1);
	assert_equal_sides(w, 1);
}

static void test_sync__an_edit_after_a_lost_answer_beats_the_delete(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "a");
	AUTO(free) char *id = id_of(w, row);

	push_unanswered(w, row, "POST");
	edit(w, row, "location", "there");
	google_delete(w, id);
	sync_ok(w);
	assert_at_google(w, "location", "there");
	assert_equal_sides(w, 1);
}

/* Who deleted it did not know of it. */
static void test_sync__an_edit_that_met_a_rate_limit_has_not_arrived(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "a");
	AUTO(free) char *id = id_of(w, row);

	push_unanswered(w, row, "POST");
	edit(w, row, "location", "there");
	push_fails(w, row, "{\"method\":\"POST\",\"action\":\"status\",\"status\":429}",
		   ERR_RATE_LIMITED);
	google_delete(w, id);
	sync_ok(w);
	assert_at_google(w, "location", "there");
	assert_equal_sides(w, 1);
}

/* Of two versions that were sent and never answered the first one arrived, and was deleted. */
static void test_sync__an_edit_whose_insert_came_too_late_has_not_arrived(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "a");
	AUTO(free) char *id = id_of(w, row);

	push_unanswered(w, row, "POST");
	edit(w, row, "location", "there");
	google_delete(w, id);
	push_fails(w, row, "{\"method\":\"POST\",\"action\":\"drop_before\"}", ERR_NETWORK);
	sync_ok(w);
	assert_at_google(w, "location", "there");
	assert_equal_sides(w, 1);
}

static void test_sync__who_deletes_an_edit_that_arrived_knew_it(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "a");
	AUTO(free) char *id = id_of(w, row);

	sync_ok(w);
	edit(w, row, "location", "there");
	push_unanswered(w, row, "PATCH");
	google_delete(w, id);
	sync_ok(w);
	assert_int_equal(google_count(w), 0);
	assert_equal_sides(w, 0);
}

static void test_sync__a_revived_event_has_what_was_changed_before_it_went(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "a");
	AUTO(free) char *id = id_of(w, row);

	sync_ok(w);
	edit(w, row, "location", "there");
	google_patch(w, id, "{\"summary\":\"b\"}");
	google_delete(w, id);
	sync_ok(w);
	assert_at_google(w, "summary", "b");
	assert_at_google(w, "location", "there");
	assert_equal_sides(w, 1);
}

/* The first try arrives and is not answered, the second finds another version, the look-up fails. */
static void test_sync__a_delete_after_tries_of_which_one_arrived(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "a");

	sync_ok(w);
	edit(w, row, "summary", "b");
	fault(w, "{\"method\":\"PATCH\",\"action\":\"truncate\"}");
	fault(w, "{\"method\":\"GET\",\"match\":\"/events/\",\"action\":\"status\",\"status\":403,"
		 "\"reason\":\"quotaExceeded\"}");
	assert_int_equal(run_sync(w, NULL), 0);
	assert_false(w->last.success);
	delete_row(w, row);
	w->clock.now_ms += 300 * 1000;
	sync_ok(w);
	assert_int_equal(google_count(w), 0);
	assert_equal_sides(w, 0);
}

static void test_sync__a_delete_of_what_was_never_answered_looks_first(void **state)
{
	static const struct {
		bool edited;
		int64_t left;
	} cases[] = {{false, 0}, {true, 1}};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t row = add(w, "a");
		AUTO(free) char *id = id_of(w, row);

		push_unanswered(w, row, "POST");
		if (cases[i].edited)
			google_patch(w, id, "{\"location\":\"there\"}");
		assert_false(delete_row(w, row));
		sync_ok(w);
		assert_int_equal(google_count(w), cases[i].left);
		assert_equal_sides(w, (size_t)cases[i].left);
	}
}

/* The edit of one field went out before somebody changed that field; another one was edited since. */
static void test_sync__the_newer_edit_of_a_field_is_not_that_of_another_one(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "a");
	AUTO(free) char *id = id_of(w, row);

	sync_ok(w);
	edit(w, row, "summary", "here");
	push_unanswered(w, row, "PATCH");
	control(w, "POST", "/sandbox/clock", "{\"advance_ms\":600000}");
	google_patch(w, id, "{\"summary\":\"there\"}");
	w->clock.now_ms += 600 * 1000;
	edit(w, row, "location", "l");
	sync_ok(w);
	assert_at_google(w, "summary", "there");
	assert_at_google(w, "location", "l");
	assert_equal_sides(w, 1);
}

/* The first of two gets no answer, and the second never leaves: an event that has its id at Google
 * meanwhile is somebody else's. */
static void test_sync__what_was_never_sent_was_not_tried(void **state)
{
	struct world *w = *state;
	AUTO(json_object_put) struct json_object *office = timed("office");
	AUTO(json_object_put) struct json_object *events = NULL;
	AUTO(event_release) struct event first = {0};
	AUTO(outbox_release) struct outbox op = {0};
	struct local_options o = {0};
	struct json_object *place = json_object_new_object();
	int64_t row;
	bool found;

	json_set_str(place, "type", "homeOffice");
	json_set(office, "workingLocationProperties", place);
	json_set_str(office, "eventType", "workingLocation"); /* goes out alone */
	json_set_str(office, "visibility", "public");
	json_set_str(office, "transparency", "transparent");
	json_object_put(at_google(w, "POST", "",
				  "{\"id\":\"takenid\",\"summary\":\"theirs\","
				  "\"start\":{\"dateTime\":\"2026-02-01T10:00:00Z\"},"
				  "\"end\":{\"dateTime\":\"2026-02-01T11:00:00Z\"}}"));
	pass_time(w, 600 * 1000);
	OK(local_add(w->store, &w->clock.clock, w->calendar.id, office, &o, &first, &err));
	row = add_with(w, "ours", "takenid", false);
	fault(w, "{\"method\":\"POST\",\"match\":\"/events\",\"times\":0,"
		 "\"action\":\"drop_before\"}");
	OK(run_sync(w, NULL));
	assert_false(w->last.success);
	OK(store_outbox_get(w->store, first.rowid, &op, &found, &err));
	assert_int_equal(op.attempts, 1);
	outbox_release(&op);
	OK(store_outbox_get(w->store, row, &op, &found, &err));
	assert_int_equal(op.attempts, 0);
	assert_null(op.sent);
	control(w, "DELETE", "/sandbox/faults", NULL);
	w->clock.now_ms += 300 * 1000;
	sync_ok(w);
	events = google_events(w);
	assert_string_equal(json_str(json_get(events, "takenid"), "summary"), "theirs");
	assert_equal_sides(w, 3);
}

/* --- series -------------------------------------------------------------------------------- */

/* Google says of it what was sent: it is an event of its own, and stays here without waiting for a pull. */
static void test_series__an_occurrence_whose_edit_arrived_keeps_its_row(void **state)
{
	struct world *w = *state;
	AUTO(occurrence_release) struct occurrence at = {0};
	int64_t row;

	begin_weekly(w, 2, &at);
	row = edit_one(w, "serie", &at, "summary", "special");
	push_unanswered(w, row, "PATCH");
	OK(push(w, row));
	assert_int_equal(row_of(w, at.id), row);
	assert_settled(w, "arrived");
}

/* Every request of the push once lost before, once after its effect; then all is well. */
static void test_series__lost_answers_are_harmless(void **state)
{
	static const char *const actions[] = {"drop_before", "drop_after"};
	static const char *const methods[] = {"POST", "PATCH", "DELETE", "GET"};

	(void)state;
	for (size_t a = 0; a < ARRAY_SIZE(actions); a++) {
		for (size_t m = 0; m < ARRAY_SIZE(methods); m++) {
			for (int after = 0; after < 4; after++) {
				AUTO(event_release) struct event rest = {0};
				AUTO(lines_release) struct lines planned = {0};
				AUTO(lines_release) struct lines done = {0};
				AUTO(free) char *fault_body = NULL;
				AUTO(free)
				char *name =
					xasprintf("%s of %s %d", actions[a], methods[m], after);
				void *one = NULL;
				struct world *w;

				setup(&one);
				w = one;
				add_series(w, "serie", kinds[0].start, kinds[0].zone,
					   kinds[0].lines);
				sync_ok(w);
				add_exceptions(w, &kinds[0]);
				assert_true(cut(w, &kinds[0], LATER, &rest));
				by_store(w, &planned);
				/* No batches, so that each request is one of its own; five tries are
				 * lost, which ends the run. */
				control(w, "POST", "/sandbox/faults",
					"{\"match\":\"/batch\",\"times\":0,\"action\":\"status\","
					"\"status\":404}");
				fault_body =
					xasprintf("{\"method\":\"%s\",\"match\":\"/events\","
						  "\"after\":%d,\"times\":0,\"action\":\"%s\"}",
						  methods[m], after, actions[a]);
				fault(w, fault_body);
				(void)run_sync(w, NULL);
				control(w, "DELETE", "/sandbox/faults", NULL);
				connect_again(w);
				sync_ok(w);
				sync_ok(w);
				by_store(w, &done);
				assert_lines(&planned, &done, name);
				assert_settled(w, name);
				teardown(&one);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sync__a_404_that_passes_refuses_nothing),
		TEST(test_sync__a_404_that_passes_is_no_delete),
		TEST(test_sync__a_404_that_passes_makes_no_second_event),
		TEST(test_sync__an_edit_after_a_lost_answer_beats_the_delete),
		TEST(test_sync__an_edit_that_met_a_rate_limit_has_not_arrived),
		TEST(test_sync__an_edit_whose_insert_came_too_late_has_not_arrived),
		TEST(test_sync__who_deletes_an_edit_that_arrived_knew_it),
		TEST(test_sync__a_revived_event_has_what_was_changed_before_it_went),
		TEST(test_sync__a_delete_after_tries_of_which_one_arrived),
		TEST(test_sync__a_delete_of_what_was_never_answered_looks_first),
		TEST(test_sync__the_newer_edit_of_a_field_is_not_that_of_another_one),
		TEST(test_sync__what_was_never_sent_was_not_tried),
		TEST(test_series__an_occurrence_whose_edit_arrived_keeps_its_row),
		cmocka_unit_test(test_series__lost_answers_are_harmless),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
