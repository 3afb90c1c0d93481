/* Who follows the feed of changes has what the store has, after each step of random histories. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"

#include "sync/restore.h"

#define HISTORIES 20
#define STEPS     30

struct reader {
	struct world *w;
	struct json_object *copy; /* id -> resource */
	int64_t seq;
};

static bool is_visible(struct world *w, const char *id, struct event *out)
{
	bool found;

	OK(store_event_get(w->store, w->calendar.id, id, out, &found, &err));
	return found && !out->hidden && !event_is_cancelled(out->resource);
}

/* As a program does: the event as it is now, for each entry. Returns how many there were. */
static size_t follow(struct reader *r)
{
	AUTO(history_list_release) struct history_list list = {0};
	struct history_query q = {.after = r->seq, .changes = true};

	OK(store_history_list(r->w->store, &q, &list, &err));
	for (size_t i = 0; i < list.count; i++) {
		AUTO(event_release) struct event e = {0};
		const char *id = list.items[i].event_id;

		if (is_visible(r->w, id, &e))
			json_set(r->copy, id, json_clone(e.resource));
		else
			json_del(r->copy, id);
		r->seq = list.items[i].id;
	}
	return list.count;
}

static void compare(const struct reader *r, uint64_t seed, int step)
{
	AUTO(event_list_release) struct event_list list = {0};
	struct event_query q = EVENT_QUERY_INIT;

	OK(store_event_list(r->w->store, &q, &list, &err));
	if (list.count != (size_t)json_object_object_length(r->copy))
		fail_msg("seed %llu step %d: %zu events, the reader has %d",
			 (unsigned long long)seed, step, list.count,
			 json_object_object_length(r->copy));
	for (size_t i = 0; i < list.count; i++)
		if (!event_equal(list.items[i].resource, json_get(r->copy, list.items[i].id)))
			fail_msg("seed %llu step %d: the reader has another '%s'",
				 (unsigned long long)seed, step, list.items[i].id);
}

static char *some_event(struct world *w)
{
	AUTO(event_list_release) struct event_list list = {0};
	struct event_query q = EVENT_QUERY_INIT;

	OK(store_event_list(w->store, &q, &list, &err));
	return list.count ? xstrdup(list.items[random_below(list.count)].id) : NULL;
}

static char *some_google_event(struct world *w)
{
	AUTO(json_object_put) struct json_object *events = google_events(w);
	size_t n = (size_t)json_object_object_length(events);
	size_t pick = n ? random_below(n) : 0;

	json_object_object_foreach (events, id, event) {
		(void)event;
		if (!pick--)
			return xstrdup(id);
	}
	return NULL;
}

static void restore_something(struct world *w)
{
	AUTO(history_list_release) struct history_list log = {0};
	AUTO(restore_plan_release) struct restore_plan p = {0};
	AUTO(event_list_release) struct event_list out = {0};
	struct history_query q = {.changes = true};
	struct local_options o = {0};

	OK(store_history_list(w->store, &q, &log, &err));
	if (!log.count)
		return;
	w->clock.now_ms += 1000;
	OK(store_begin(w->store, &err));
	if (restore_find(w->store, w->account.id, log.items[random_below(log.count)].event_id, 0,
			 &p, &err) ||
	    restore_carry_out(w->store, &w->clock.clock, &p, &o, &out, &err))
		store_rollback(w->store);
	else
		OK(store_commit(w->store, &err));
}

static void sync_somehow(struct world *w)
{
	static const char *const faults[] = {
		"{\"method\":\"POST\",\"match\":\"/events\",\"action\":\"drop_after\"}",
		"{\"method\":\"PATCH\",\"action\":\"drop_before\"}",
		"{\"method\":\"DELETE\",\"action\":\"drop_after\"}",
	};
	uint64_t n = random_below(8);

	if (n < ARRAY_SIZE(faults))
		fault(w, faults[n]);
	else if (n == 3)
		OK(store_calendar_set_sync(w->store, w->calendar.id, NULL, 1, NULL, &err));
	run_sync(w, NULL);
	control(w, "DELETE", "/sandbox/faults", NULL);
}

/* Returns how many entries it has to leave, -1 = any number. */
static int act(struct world *w, uint64_t n)
{
	AUTO(free) char *here = some_event(w);
	AUTO(free) char *there = some_google_event(w);
	AUTO(free) char *text = xasprintf("text %llu", (unsigned long long)random_below(1000000));
	AUTO(free) char *patch = xasprintf("{\"%s\":\"%s\"}", n % 2 ? "summary" : "location", text);

	switch (n) {
	case 0:
		add_with(w, text, NULL, random_below(5) == 0);
		return 1;
	case 1:
	case 2:
		if (!here)
			return 0;
		edit(w, row_of(w, here), n % 2 ? "summary" : "location", text);
		return 1;
	case 3:
		if (!here)
			return 0;
		delete_row(w, row_of(w, here));
		return 1;
	case 4:
		free(google_add(w, text));
		return 0;
	case 5:
	case 6:
		if (there)
			google_patch(w, there, patch);
		return 0;
	case 7:
		if (there)
			google_delete(w, there);
		return 0;
	case 8:
		restore_something(w);
		return -1;
	default:
		sync_somehow(w);
		return -1;
	}
}

static void history(uint64_t seed)
{
	void *state = NULL;
	struct reader r = {0};

	assert_int_equal(setup(&state), 0);
	random_seed_for_tests(seed);
	r.w = state;
	r.copy = json_object_new_object();
	for (int i = 0; i < STEPS; i++) {
		int wanted = act(r.w, random_below(13));
		size_t entries = follow(&r);

		if (wanted >= 0 && entries != (size_t)wanted)
			fail_msg("seed %llu step %d: %zu entries instead of %d",
				 (unsigned long long)seed, i, entries, wanted);
		compare(&r, seed, i);
	}
	json_object_put(r.copy);
	assert_int_equal(teardown(&state), 0);
}

static void test_changes__a_reader_has_what_the_store_has(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= HISTORIES; seed++)
		history(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes__a_reader_has_what_the_store_has),
	};

	return cmocka_run_group_tests_name("sync_changes", tests, NULL, NULL);
}
