/* A queue of what cannot be sent: draining it asks nobody, and leaves no trace in the log of runs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"

static const struct sync_options queued = {.queued = true};

static int64_t runs(struct world *w)
{
	AUTO(run_list_release) struct run_list l = {0};

	OK(store_run_list(w->store, 0, 0, &l, &err));
	return (int64_t)l.count;
}

static void assert_idle(struct world *w)
{
	int64_t before = runs(w);

	forget_log(w);
	for (int i = 0; i < 3; i++) {
		OK(run_sync(w, &queued));
		assert_true(w->last.success);
		assert_int_equal(w->last.requests, 0);
	}
	assert_int_equal(requests(w, NULL, "/"), 0);
	assert_int_equal(runs(w), before);
}

static void set_read_only(struct world *w, bool read_only)
{
	AUTO(account_release) struct account a = {0};

	OK(store_account_get(w->store, "me", &a, &err));
	a.read_only = read_only;
	OK(store_account_update(w->store, &a, &err));
}

static void test_idle__an_account_that_may_not_write(void **state)
{
	struct world *w = *state;

	add(w, "x");
	set_read_only(w, true);
	assert_idle(w);
	set_read_only(w, false);
	OK(run_sync(w, &queued));
	assert_int_equal(w->last.pushed.created, 1);
	assert_int_equal(runs(w), 1);
}

static void test_idle__a_calendar_that_takes_no_writes(void **state)
{
	struct world *w = *state;
	AUTO(calendar_release) struct calendar c = {0};
	bool changed;

	add(w, "x");
	OK(store_calendar_get(w->store, w->calendar.id, &c, &err));
	xstr_set(&c.access_role, "reader");
	OK(store_calendar_upsert(w->store, &c, &changed, &err));
	assert_idle(w);
	assert_int_equal(w->last.calendar_count, 0);
}

/* aside.c, A1: an edit that waits for a version that can be read. */
static void test_idle__an_event_that_is_set_aside(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "x");
	AUTO(event_release) struct event e = {0};

	sync_ok(w);
	edit(w, row_of(w, id), "location", "here");
	OK(store_event_get_row(w->store, row_of(w, id), &e, &err));
	e.sync_status = SYNC_ERROR;
	OK(store_event_put(w->store, &e, &err));
	assert_idle(w);
	assert_int_equal(w->last.calendar_count, 1); /* it was looked at */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_idle__an_account_that_may_not_write),
		TEST(test_idle__a_calendar_that_takes_no_writes),
		TEST(test_idle__an_event_that_is_set_aside),
	};

	return cmocka_run_group_tests_name("sync_idle", tests, NULL, NULL);
}
