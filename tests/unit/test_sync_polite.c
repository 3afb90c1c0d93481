/* What a sync costs Google: how many requests, and how they are batched. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"

static struct json_object *request_log(struct world *w)
{
	return ask(w, "GET", "/sandbox/requests", NULL, NULL, NULL);
}

static bool is_part(const struct json_object *r)
{
	return json_get(r, "batch") != NULL;
}

static bool is_envelope(const struct json_object *r)
{
	return strstr(json_str(r, "path"), "/batch/") != NULL;
}

struct tally {
	int64_t envelopes, parts, alone; /* alone: writes outside of a batch */
	int64_t largest;                 /* parts of the largest batch */
};

static struct tally count_log(struct world *w)
{
	AUTO(json_object_put) struct json_object *log = request_log(w);
	AUTO(json_object_put) struct json_object *sizes = json_object_new_object();
	struct tally t = {0};

	for (size_t i = 0; i < json_object_array_length(log); i++) {
		struct json_object *r = json_object_array_get_idx(log, i);
		AUTO(free) char *batch = NULL;

		if (is_part(r)) {
			int64_t n;

			batch = xstrdup(json_text(json_get(r, "batch")));
			n = json_int(sizes, batch, 0) + 1;
			json_set_int(sizes, batch, n);
			t.largest = n > t.largest ? n : t.largest;
			t.parts++;
		} else if (is_envelope(r)) {
			t.envelopes++;
		} else if (strcmp(json_str(r, "method"), "GET") != 0) {
			t.alone++;
		}
	}
	return t;
}

/* --- how many ------------------------------------------------------------------------------ */

static void test_polite__requests_for_so_many_changes(void **state)
{
	static const struct {
		int changes;
		int64_t requests;
	} rows[] = {
		{0, 2},     /* calendarList.list and events.list */
		{1, 3},     /* and the insert */
		{50, 3},    /* and one batch */
		{1000, 22}, /* and twenty */
	};
	struct world *w = *state;
	size_t there = 0;

	sync_ok(w);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		for (int k = 0; k < rows[i].changes; k++)
			add(w, "x");
		there += (size_t)rows[i].changes;
		sync_ok(w);
		print_message("%d local changes: %lld requests\n", rows[i].changes,
			      (long long)w->last.requests);
		assert_int_equal(w->last.requests, rows[i].requests);
		assert_int_equal(w->last.pushed.created, rows[i].changes);
	}
	assert_equal_sides(w, there);
	/* What was sent comes back as an echo, and makes nothing more. */
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
}

static void test_polite__one_list_for_each_selected_calendar(void **state)
{
	struct world *w = *state;
	AUTO(calendar_list_release) struct calendar_list l = {0};

	for (int i = 0; i < 4; i++) {
		AUTO(free)
		char *body =
			xasprintf("{\"account\":\"user1@example.com\",\"id\":\"c%d@example.com\","
				  "\"summary\":\"c%d\",\"accessRole\":\"owner\"}",
				  i, i);

		control(w, "POST", "/sandbox/calendars", body);
	}
	sync_ok(w);
	OK(store_calendar_list(w->store, w->account.id, &l, &err));
	assert_int_equal(l.count, 5);
	for (size_t i = 0; i < 3; i++)
		OK(store_calendar_set_selected(w->store, l.items[i].id, true, &err));
	sync_ok(w);
	forget_log(w);
	sync_ok(w);
	assert_int_equal(w->last.requests, 1 + 3);
	assert_int_equal(requests(w, "GET", "calendarList"), 1);
	assert_int_equal(requests(w, "GET", "/events"), 3);
}

/* --- batches ------------------------------------------------------------------------------- */

static void test_batch__no_more_than_fifty_parts(void **state)
{
	struct world *w = *state;
	struct tally t;

	sync_ok(w);
	for (int i = 0; i < 120; i++)
		add(w, "x");
	forget_log(w);
	sync_ok(w);
	t = count_log(w);
	assert_int_equal(t.envelopes, 3);
	assert_int_equal(t.parts, 120);
	assert_int_equal(t.largest, 50);
	assert_int_equal(t.alone, 0);
	assert_equal_sides(w, 120);
}

/* Parts that failed go out alone, however many there are: what made them fail in company must not do
 * so again. */
static void test_batch__a_failed_part_goes_out_alone(void **state)
{
	struct world *w = *state;
	struct tally t;

	sync_ok(w);
	for (int i = 0; i < 20; i++)
		add(w, "x");
	forget_log(w);
	fault(w, "{\"method\":\"POST\",\"match\":\"/events\",\"after\":5,\"times\":3,"
		 "\"action\":\"status\",\"status\":503,\"reason\":\"backendError\"}");
	sync_ok(w);
	t = count_log(w);
	assert_int_equal(t.envelopes, 1);
	assert_int_equal(t.parts, 20);
	assert_int_equal(t.alone, 3);
	assert_int_equal(w->last.pushed.created, 20);
	assert_equal_sides(w, 20);
}

/* An answer that is missing for a part says nothing: that one is asked about again, alone. */
static void test_batch__a_lost_part_is_sent_again_alone(void **state)
{
	static const char *const actions[] = {"part_lost", "part_skipped"};
	struct world *w = *state;

	sync_ok(w);
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++) {
		AUTO(free)
		char *body =
			xasprintf("{\"match\":\"/batch\",\"action\":\"%s\",\"n\":4}", actions[i]);
		struct tally t;

		for (int k = 0; k < 10; k++)
			add(w, "x");
		forget_log(w);
		fault(w, body);
		sync_ok(w);
		t = count_log(w);
		assert_int_equal(t.envelopes, 1);
		assert_int_equal(t.alone, 1);
		assert_equal_sides(w, 10 * (i + 1));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_polite__requests_for_so_many_changes),
		TEST(test_polite__one_list_for_each_selected_calendar),
		TEST(test_batch__no_more_than_fifty_parts),
		TEST(test_batch__a_failed_part_goes_out_alone),
		TEST(test_batch__a_lost_part_is_sent_again_alone),
	};

	return cmocka_run_group_tests_name("sync_polite", tests, NULL, NULL);
}
