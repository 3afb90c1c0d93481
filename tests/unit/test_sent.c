/* What was sent and never answered: which base the next merge has. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"
#include "sync/sent.h"

static struct json_object *json_of(const char *text)
{
	struct json_object *out = NULL;

	if (text)
		OK(json_parse(text, strlen(text), &out, &err));
	return out;
}

static void check(const char *name, const char *list, const char *base, const char *remote,
		  const char *want)
{
	AUTO(json_object_put) struct json_object *l = json_of(list);
	AUTO(json_object_put) struct json_object *b = json_of(base);
	AUTO(json_object_put) struct json_object *r = json_of(remote);
	AUTO(json_object_put) struct json_object *w = json_of(want);
	AUTO(json_object_put) struct json_object *got = sent_base(l, b, r);

	if (!json_equal(got, w))
		fail_msg("%s: %s, not %s", name, json_text(got), want ? want : "none");
}

static void test_sent__the_base_has_what_arrived(void **state)
{
	(void)state;
	check("nothing was sent", NULL, "{\"summary\":\"a\"}", "{\"summary\":\"b\"}",
	      "{\"summary\":\"a\"}");
	check("it arrived", "[{\"summary\":\"b\"}]", "{\"summary\":\"a\"}", "{\"summary\":\"b\"}",
	      "{\"summary\":\"b\"}");
	check("it did not", "[{\"summary\":\"b\"}]", "{\"summary\":\"a\"}", "{\"summary\":\"c\"}",
	      "{\"summary\":\"a\"}");
	check("it arrived, and somebody changed another field", "[{\"summary\":\"b\"}]",
	      "{\"summary\":\"a\"}", "{\"summary\":\"b\",\"location\":\"x\"}",
	      "{\"summary\":\"b\"}");
	check("the first of two arrived",
	      "[{\"summary\":\"b\"},{\"summary\":\"b\",\"location\":\"x\"}]", "{\"summary\":\"a\"}",
	      "{\"summary\":\"b\"}", "{\"summary\":\"b\"}");
	check("the second of two arrived",
	      "[{\"summary\":\"b\"},{\"summary\":\"b\",\"location\":\"x\"}]", "{\"summary\":\"a\"}",
	      "{\"summary\":\"b\",\"location\":\"x\"}", "{\"summary\":\"b\",\"location\":\"x\"}");
	check("it took a field off", "[{}]", "{\"location\":\"x\"}", "{}", "{}");
	check("a create", "[{\"summary\":\"a\"},{\"summary\":\"b\"}]", NULL,
	      "{\"summary\":\"b\",\"location\":\"x\"}", "{\"summary\":\"b\"}");
	check("a create of which nothing is known", NULL, NULL, "{\"summary\":\"b\"}", NULL);
}

static void test_sent__the_list_is_short_and_has_each_once(void **state)
{
	struct json_object *list = NULL;
	bool added;

	(void)state;
	for (int i = 0; i < 20; i++) {
		AUTO(free) char *text = xasprintf("{\"summary\":\"%d\"}", i);
		AUTO(json_object_put) struct json_object *version = json_of(text);

		list = sent_add(list, version, 1000, &added);
		assert_true(added);
		list = sent_add(list, version, 1000, &added);
		assert_false(added);
	}
	assert_int_equal(json_object_array_length(list), 8);
	assert_string_equal(json_str(json_object_array_get_idx(list, 7), "summary"), "19");
	while (list)
		list = sent_drop_last(list);
	assert_null(sent_drop_last(NULL));
}

/* --- with the engine --------------------------------------------------------------------- */

/* An edit whose request arrives and whose answer does not. */
static int64_t sent_unanswered(struct world *w, const char *title)
{
	int64_t row = add(w, "a");

	sync_ok(w);
	edit(w, row, "summary", title);
	fault(w, "{\"method\":\"PATCH\",\"action\":\"drop_after\"}");
	assert_int_equal(push(w, row), -1);
	assert_int_equal(err.code, ERR_NETWORK);
	return row;
}

static void only_title_is(struct world *w, const char *title)
{
	AUTO(json_object_put) struct json_object *events = google_events(w);

	assert_equal_sides(w, 1);
	json_object_object_foreach (events, id, e) {
		(void)id;
		assert_string_equal(json_str(e, "summary"), title);
	}
}

static void test_sent__an_edit_after_a_lost_answer_is_no_conflict(void **state)
{
	struct world *w = *state;
	int64_t row = sent_unanswered(w, "b");
	struct sync_options o = {.conflict = POLICY_REMOTE};

	edit(w, row, "summary", "c");
	OK(run_sync(w, &o));
	assert_int_equal(w->last.conflicts, 0);
	only_title_is(w, "c");
}

static void test_sent__a_delete_after_a_lost_answer_deletes(void **state)
{
	struct world *w = *state;

	delete_row(w, sent_unanswered(w, "b"));
	sync_ok(w);
	assert_int_equal(w->last.conflicts, 0);
	assert_equal_sides(w, 0);
}

static void test_sent__a_delete_still_meets_somebodys_edit(void **state)
{
	struct world *w = *state;
	int64_t row = sent_unanswered(w, "b");
	AUTO(event_release) struct event e = {0};

	OK(store_event_get_row(w->store, row, &e, &err));
	google_patch(w, e.id, "{\"location\":\"somebody\"}");
	delete_row(w, row);
	sync_ok(w);
	assert_int_equal(w->last.conflicts, 1);
	only_title_is(w, "b");
}

static void test_sent__a_new_event_edited_after_a_lost_answer(void **state)
{
	struct world *w = *state;
	struct sync_options o = {.conflict = POLICY_REMOTE};
	int64_t row = add(w, "a");

	fault(w, "{\"method\":\"POST\",\"match\":\"/events\",\"action\":\"drop_after\"}");
	assert_int_equal(push(w, row), -1);
	edit(w, row, "summary", "b");
	OK(run_sync(w, &o));
	assert_int_equal(w->last.conflicts, 0);
	only_title_is(w, "b");
}

static void test_sent__taken_back_when_it_never_arrived(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "a");

	sync_ok(w);
	edit(w, row, "summary", "b");
	fault(w, "{\"method\":\"PATCH\",\"action\":\"drop_before\"}");
	assert_int_equal(push(w, row), -1);
	edit(w, row, "summary", "a");
	forget_log(w);
	sync_ok(w);
	assert_int_equal(requests(w, "PATCH", "events"), 0);
	only_title_is(w, "a");
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
}

static void test_sent__a_refusal_leaves_nothing_to_wonder_about(void **state)
{
	struct world *w = *state;
	AUTO(outbox_release) struct outbox op = {0};
	int64_t row = add(w, "a");
	bool found;

	sync_ok(w);
	edit(w, row, "summary", "b");
	fault(w,
	      "{\"method\":\"PATCH\",\"action\":\"status\",\"status\":400,\"reason\":\"invalid\"}");
	push(w, row);
	OK(store_outbox_get(w->store, row, &op, &found, &err));
	assert_true(found);
	assert_int_equal(op.state, OUTBOX_REFUSED);
	assert_null(op.sent);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sent__the_base_has_what_arrived),
		cmocka_unit_test(test_sent__the_list_is_short_and_has_each_once),
		TEST(test_sent__an_edit_after_a_lost_answer_is_no_conflict),
		TEST(test_sent__a_delete_after_a_lost_answer_deletes),
		TEST(test_sent__a_delete_still_meets_somebodys_edit),
		TEST(test_sent__a_new_event_edited_after_a_lost_answer),
		TEST(test_sent__taken_back_when_it_never_arrived),
		TEST(test_sent__a_refusal_leaves_nothing_to_wonder_about),
	};

	return cmocka_run_group_tests_name("sent", tests, NULL, NULL);
}
