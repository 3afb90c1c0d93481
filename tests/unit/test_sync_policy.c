/* Who wins where both sides changed the same field, and what a person makes of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"
#include "sync/resolve.h"

static void sync_by(struct world *w, enum conflict_policy policy)
{
	struct sync_options o = {.conflict = policy};

	OK(run_sync(w, &o));
	if (!w->last.success)
		fail_msg("sync: %s", w->last.err.msg);
}

/* Both sides have it; then each edits the title (and another field of its own). The edit here is
 * the older one unless local_newer. */
static int64_t both_edit(struct world *w, char **out_id, bool local_newer)
{
	AUTO(free) char *id = google_add(w, "base");
	int64_t row;

	sync_ok(w);
	row = row_of(w, id);
	if (local_newer) {
		google_patch(w, id, "{\"summary\":\"there\",\"description\":\"there\"}");
		pass_time(w, 60 * 1000);
	}
	edit(w, row, "summary", "here");
	edit(w, row, "location", "here");
	if (!local_newer) {
		pass_time(w, 60 * 1000);
		google_patch(w, id, "{\"summary\":\"there\",\"description\":\"there\"}");
	}
	*out_id = TAKE(id);
	return row;
}

static void google_has(struct world *w, const char *id, const char *summary)
{
	AUTO(json_object_put) struct json_object *events = google_events(w);
	struct json_object *e = json_get(events, id);

	assert_string_equal(json_str(e, "summary"), summary);
	/* What one side changed alone is there whoever wins. */
	assert_string_equal(json_str(e, "location"), "here");
	assert_string_equal(json_str(e, "description"), "there");
}

static struct conflict the_conflict(struct world *w, enum conflict_state state)
{
	AUTO(conflict_list_release) struct conflict_list list = {0};
	struct conflict_query q = CONFLICT_QUERY_INIT;
	struct conflict c;

	q.state = (int)state;
	OK(store_conflict_list(w->store, &q, &list, &err));
	assert_int_equal(list.count, 1);
	c = list.items[0];
	memset(&list.items[0], 0, sizeof(list.items[0]));
	return c;
}

/* The version that lost is in the event's log. */
static void log_has(struct world *w, const char *id, const char *summary)
{
	AUTO(history_list_release) struct history_list list = {0};
	const struct history_query q = {.event_id = id};
	bool found = false;

	OK(store_history_list(w->store, &q, &list, &err));
	for (size_t i = 0; i < list.count; i++) {
		const char *had = json_str(list.items[i].resource, "summary");

		found |= had && !strcmp(had, summary);
	}
	if (!found)
		fail_msg("no version '%s' in the log", summary);
}

static void conflict_count_is(struct world *w, int64_t want)
{
	AUTO(conflict_list_release) struct conflict_list list = {0};
	struct conflict_query q = CONFLICT_QUERY_INIT;

	OK(store_conflict_list(w->store, &q, &list, &err));
	assert_int_equal(list.count, want);
}

static void resolve(struct world *w, enum conflict_state state, enum resolve_take take)
{
	AUTO(conflict_release) struct conflict c = the_conflict(w, state);
	AUTO(resolution_release) struct resolution r = {0};
	struct local_options o = {0};

	w->clock.now_ms += 1000;
	OK(conflict_resolve(w->store, &w->clock.clock, &c, take, &o, &r, &err));
}

/* --- policies ---------------------------------------------------------------------------- */

static void test_policy__each_names_its_winner(void **state)
{
	static const struct {
		enum conflict_policy policy;
		bool local_newer;
		const char *wins;
	} cases[] = {
		{POLICY_MERGE, true, "here"},   {POLICY_MERGE, false, "there"},
		{POLICY_NEWEST, true, "here"},  {POLICY_NEWEST, false, "there"},
		{POLICY_LOCAL, true, "here"},   {POLICY_LOCAL, false, "here"},
		{POLICY_REMOTE, true, "there"}, {POLICY_REMOTE, false, "there"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct world *w;
		AUTO(free) char *id = NULL;
		AUTO(conflict_release) struct conflict c = {0};

		if (i) {
			teardown(state);
			setup(state);
		}
		w = *state;
		both_edit(w, &id, cases[i].local_newer);
		sync_by(w, cases[i].policy);
		assert_int_equal(w->last.conflicts, 1);
		assert_int_equal(w->last.conflicts_waiting, 0);
		google_has(w, id, cases[i].wins);
		assert_equal_sides(w, 1);
		c = the_conflict(w, CONFLICT_DECIDED);
		assert_string_equal(c.event_id, id);
		assert_string_equal(c.policy, conflict_policy_name(cases[i].policy));
		assert_string_equal(c.taken, !strcmp(cases[i].wins, "here") ? "local" : "remote");
		assert_string_equal(json_text(c.fields), "[\"summary\"]");
		assert_string_equal(json_str(c.base, "summary"), "base");
		assert_string_equal(json_str(c.local, "summary"), "here");
		assert_string_equal(json_str(c.remote, "summary"), "there");
		log_has(w, id, !strcmp(cases[i].wins, "here") ? "there" : "here");
		sync_by(w, cases[i].policy);
		assert_int_equal(w->last.requests, 2);
		assert_int_equal(w->last.conflicts, 0);
	}
}

static void test_policy__disjoint_edits_are_no_conflict(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "base");

	sync_ok(w);
	edit(w, row_of(w, id), "location", "here");
	google_patch(w, id, "{\"description\":\"there\"}");
	sync_by(w, POLICY_MANUAL);
	assert_int_equal(w->last.conflicts, 0);
	conflict_count_is(w, 0);
	google_has(w, id, "base");
	assert_equal_sides(w, 1);
}

/* --- manual ------------------------------------------------------------------------------ */

static void assert_waits(struct world *w, int64_t row, const char *id)
{
	AUTO(event_release) struct event e = {0};
	AUTO(json_object_put) struct json_object *events = google_events(w);
	AUTO(outbox_release) struct outbox op = {0};
	bool found;

	OK(store_event_get_row(w->store, row, &e, &err));
	assert_string_equal(json_str(e.resource, "summary"), "here");
	assert_int_equal(e.sync_status, SYNC_LOCAL_ONLY);
	assert_non_null(strstr(e.last_error, "calsync conflicts show"));
	OK(store_outbox_get(w->store, row, &op, &found, &err));
	assert_true(found);
	assert_int_equal(op.state, OUTBOX_CONFLICT);
	assert_string_equal(json_str(json_get(events, id), "summary"), "there");
}

static void test_manual__both_versions_stay_and_all_else_goes_on(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = NULL;
	int64_t row = both_edit(w, &id, true);
	struct sync_options full = {.full = true};

	add(w, "other");
	sync_by(w, POLICY_MANUAL);
	assert_int_equal(w->last.conflicts, 1);
	assert_int_equal(w->last.conflicts_waiting, 1);
	assert_int_equal(w->last.pulled.updated, 0); /* what is seen here is the edit, as before */
	assert_int_equal(w->last.pushed.created, 1);
	assert_waits(w, row, id);
	/* Neither a later sync, nor one that lists everything, nor another policy decides. */
	sync_by(w, POLICY_MANUAL);
	assert_int_equal(w->last.conflicts, 0);
	assert_int_equal(w->last.conflicts_waiting, 1);
	assert_int_equal(w->last.requests, 2);
	OK(run_sync(w, &full));
	assert_int_equal(w->last.conflicts, 0);
	assert_waits(w, row, id);
	google_patch(w, id, "{\"colorId\":\"5\"}");
	sync_by(w, POLICY_REMOTE);
	assert_waits(w, row, id);
	conflict_count_is(w, 1);
}

static void test_manual__take_local(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = NULL;

	both_edit(w, &id, false);
	sync_by(w, POLICY_MANUAL);
	resolve(w, CONFLICT_WAITING, TAKE_LOCAL);
	sync_by(w, POLICY_MANUAL);
	assert_int_equal(w->last.conflicts, 0);
	google_has(w, id, "here");
	assert_equal_sides(w, 1);
	conflict_count_is(w, 1);
}

static void test_manual__take_remote(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = NULL;

	both_edit(w, &id, true);
	sync_by(w, POLICY_MANUAL);
	resolve(w, CONFLICT_WAITING, TAKE_REMOTE);
	sync_by(w, POLICY_MANUAL);
	google_has(w, id, "there");
	assert_equal_sides(w, 1);
}

static void test_manual__take_both(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = NULL;
	AUTO(json_object_put) struct json_object *events = NULL;
	size_t here = 0;

	both_edit(w, &id, true);
	sync_by(w, POLICY_MANUAL);
	resolve(w, CONFLICT_WAITING, TAKE_BOTH);
	sync_by(w, POLICY_MANUAL);
	google_has(w, id, "there");
	assert_equal_sides(w, 2);
	events = google_events(w);
	json_object_object_foreach (events, key, e) {
		(void)key;
		here += !strcmp(json_str(e, "summary"), "here");
	}
	assert_int_equal(here, 1);
}

static void test_manual__an_edit_while_it_waits_is_part_of_it(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = NULL;
	AUTO(json_object_put) struct json_object *events = NULL;
	int64_t row = both_edit(w, &id, true);

	sync_by(w, POLICY_MANUAL);
	edit(w, row, "colorId", "7");
	sync_by(w, POLICY_MANUAL);
	assert_waits(w, row, id);
	resolve(w, CONFLICT_WAITING, TAKE_REMOTE);
	sync_by(w, POLICY_MANUAL);
	google_has(w, id, "there");
	events = google_events(w);
	assert_string_equal(json_str(json_get(events, id), "colorId"), "7");
	assert_equal_sides(w, 1);
}

static void test_manual__a_delete_while_it_waits_decides(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = NULL;
	int64_t row = both_edit(w, &id, true);

	sync_by(w, POLICY_MANUAL);
	delete_row(w, row);
	sync_by(w, POLICY_MANUAL);
	assert_int_equal(w->last.conflicts, 0);
	assert_int_equal(w->last.conflicts_waiting, 0);
	assert_equal_sides(w, 0);
}

static void test_manual__taking_the_edit_back_decides(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "base");
	int64_t row;

	sync_ok(w);
	row = row_of(w, id);
	edit(w, row, "summary", "here");
	google_patch(w, id, "{\"summary\":\"there\"}");
	sync_by(w, POLICY_MANUAL);
	edit(w, row, "summary", "base");
	sync_by(w, POLICY_MANUAL);
	assert_int_equal(w->last.conflicts_waiting, 0);
	assert_equal_sides(w, 1);
	conflict_count_is(w, 1);
}

static void test_manual__google_comes_round(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = NULL;
	AUTO(conflict_release) struct conflict c = {0};

	both_edit(w, &id, true);
	sync_by(w, POLICY_MANUAL);
	google_patch(w, id, "{\"summary\":\"base\"}");
	sync_by(w, POLICY_MANUAL);
	assert_int_equal(w->last.conflicts_waiting, 0);
	google_has(w, id, "here");
	assert_equal_sides(w, 1);
	c = the_conflict(w, CONFLICT_RESOLVED);
	assert_null(c.taken);
}

static void test_manual__deleted_at_google_while_it_waits(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = NULL;

	both_edit(w, &id, true);
	sync_by(w, POLICY_MANUAL);
	google_delete(w, id);
	sync_by(w, POLICY_MANUAL);
	assert_int_equal(w->last.conflicts_waiting, 0);
	assert_equal_sides(w, 1); /* an edit beats a delete */
}

/* --- decided ones, decided again --------------------------------------------------------- */

static void test_resolve__the_other_side_after_all(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = NULL;
	AUTO(json_object_put) struct json_object *events = NULL;
	int64_t row = both_edit(w, &id, true);

	sync_by(w, POLICY_MERGE);
	google_has(w, id, "here");
	edit(w, row, "colorId", "7"); /* what came since stays */
	resolve(w, CONFLICT_DECIDED, TAKE_REMOTE);
	sync_by(w, POLICY_MERGE);
	google_has(w, id, "there");
	events = google_events(w);
	assert_string_equal(json_str(json_get(events, id), "colorId"), "7");
	resolve(w, CONFLICT_RESOLVED, TAKE_LOCAL);
	sync_by(w, POLICY_MERGE);
	google_has(w, id, "here");
	assert_equal_sides(w, 1);
}

static void test_resolve__the_loser_becomes_an_event(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = NULL;

	both_edit(w, &id, false);
	sync_by(w, POLICY_MERGE);
	google_has(w, id, "there");
	resolve(w, CONFLICT_DECIDED, TAKE_BOTH);
	sync_by(w, POLICY_MERGE);
	google_has(w, id, "there");
	assert_equal_sides(w, 2);
	resolve(w, CONFLICT_RESOLVED, TAKE_BOTH); /* once is enough */
	sync_by(w, POLICY_MERGE);
	assert_equal_sides(w, 2);
}

static void test_resolve__an_edit_against_a_delete(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "base");
	AUTO(conflict_release) struct conflict c = {0};
	AUTO(resolution_release) struct resolution r = {0};
	struct local_options o = {0};

	sync_ok(w);
	edit(w, row_of(w, id), "summary", "here");
	google_delete(w, id);
	sync_ok(w);
	assert_equal_sides(w, 1);
	c = the_conflict(w, CONFLICT_DECIDED);
	assert_null(c.remote);
	assert_string_equal(c.taken, "local");
	assert_int_equal(conflict_resolve(w->store, &w->clock.clock, &c, TAKE_BOTH, &o, &r, &err),
			 -1);
	assert_int_equal(err.code, ERR_INVALID);
	resolve(w, CONFLICT_DECIDED, TAKE_REMOTE);
	sync_ok(w);
	assert_equal_sides(w, 0);
}

static void test_resolve__a_delete_against_an_edit(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "base");
	AUTO(conflict_release) struct conflict c = {0};

	sync_ok(w);
	delete_row(w, row_of(w, id));
	google_patch(w, id, "{\"summary\":\"there\"}");
	sync_ok(w);
	assert_equal_sides(w, 1);
	c = the_conflict(w, CONFLICT_DECIDED);
	assert_null(c.local);
	assert_string_equal(c.taken, "remote");
	resolve(w, CONFLICT_DECIDED, TAKE_LOCAL);
	sync_ok(w);
	assert_equal_sides(w, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_policy__each_names_its_winner),
		TEST(test_policy__disjoint_edits_are_no_conflict),
		TEST(test_manual__both_versions_stay_and_all_else_goes_on),
		TEST(test_manual__take_local),
		TEST(test_manual__take_remote),
		TEST(test_manual__take_both),
		TEST(test_manual__an_edit_while_it_waits_is_part_of_it),
		TEST(test_manual__a_delete_while_it_waits_decides),
		TEST(test_manual__taking_the_edit_back_decides),
		TEST(test_manual__google_comes_round),
		TEST(test_manual__deleted_at_google_while_it_waits),
		TEST(test_resolve__the_other_side_after_all),
		TEST(test_resolve__the_loser_becomes_an_event),
		TEST(test_resolve__an_edit_against_a_delete),
		TEST(test_resolve__a_delete_against_an_edit),
	};

	return cmocka_run_group_tests_name("sync_policy", tests, NULL, NULL);
}
