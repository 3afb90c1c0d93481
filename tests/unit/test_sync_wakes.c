/* Notifications become requests to sync: none is lost, whenever it comes and whoever dies. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#include "channel_world.h"

#include "base/fault.h"
#include "sync/wakes.h"

static const struct sync_options queued = {.queued = true};

/* As the receiver does. */
static void notify(int64_t calendar_id, int64_t now_ms)
{
	AUTO(hook_close) struct hook *h = NULL;

	OK(hook_open(hook_file, true, &h, &err));
	OK(hook_wake_add(h, calendar_id, now_ms, &err));
	OK(bell_ring(hook_file, &err));
}

static void notify_ours(void *world)
{
	struct world *w = world;

	notify(w->calendar.id, w->clock.now_ms);
}

static bool bell_rings(void)
{
	AUTO(free) char *bell = xasprintf("%s-wake", hook_file);

	return !access(bell, F_OK);
}

static void absorb(struct world *w, const struct wake_scope *scope)
{
	OK(wakes_absorb(w->store, &w->clock.clock, hook_file, scope, &err));
}

static bool is_requested(struct world *w, int64_t calendar_id)
{
	struct sync_request r = {0};
	bool found;

	OK(store_request_get(w->store, calendar_id, &r, &found, &err));
	if (found)
		assert_string_equal(r.reason, "notification");
	sync_request_release(&r);
	return found;
}

static void test_wakes__without_a_webhook_nothing_is_made(void **state)
{
	struct world *w = *state;
	AUTO(free) struct hook_wake *list = NULL;
	size_t count;

	absorb(w, NULL);
	OK(wakes_look(w->store, hook_file, &list, &count, &err));
	assert_int_equal(count, 0);
	assert_int_not_equal(access(hook_file, F_OK), 0);
	assert_false(bell_rings());
}

/* What the next try is noted as; 0 = none. */
static int64_t noted(struct world *w)
{
	AUTO(hook_close) struct hook *h = NULL;
	int64_t at;

	OK(wakes_note_next(w->store, &w->clock.clock, hook_file, &err));
	OK(hook_open(hook_file, false, &h, &err));
	OK(hook_next_get(h, &at, &err));
	return at;
}

static void test_wakes__word_is_left_of_the_next_try(void **state)
{
	struct world *w = *state;
	int64_t now = w->clock.now_ms;

	OK(wakes_note_next(w->store, &w->clock.clock, hook_file, &err));
	assert_int_not_equal(access(hook_file, F_OK), 0); /* nobody to be told */
	notify_ours(w);
	absorb(w, NULL);
	assert_int_equal(noted(w), 0); /* due, not tried yet */
	OK(store_request_failed(w->store, w->calendar.id, now + 60000, "503", &err));
	assert_int_equal(noted(w), now + 60000);
	w->clock.now_ms = now + 60000;
	assert_int_equal(noted(w), 0); /* due again: that was said already */
	w->clock.now_ms = now;
	assert_int_equal(noted(w), now + 60000);
	OK(store_request_drop(w->store, w->calendar.id, &err));
	assert_int_equal(noted(w), 0);
}

static void test_wakes__many_messages_make_one_request(void **state)
{
	struct world *w = *state;
	AUTO(free) struct hook_wake *list = NULL;
	size_t count;

	for (int i = 0; i < 5; i++)
		notify_ours(w);
	OK(wakes_look(w->store, hook_file, &list, &count, &err));
	assert_int_equal(count, 1);
	assert_true(bell_rings());
	absorb(w, NULL);
	assert_int_equal(wakes(), 0);
	assert_false(bell_rings());
	assert_true(is_requested(w, w->calendar.id));
	forget_log(w);
	OK(run_sync(w, &queued));
	assert_int_equal(requests(w, "GET", "/events"), 1);
	assert_false(is_requested(w, w->calendar.id));
}

/* Promise 8: what is announced while a sync runs makes another one. */
static void test_wakes__one_during_a_sync_makes_another(void **state)
{
	struct world *w = *state;

	notify_ours(w);
	absorb(w, NULL);
	meanwhile(w, "GET", "/events", notify_ours);
	OK(run_sync(w, &queued));
	assert_false(is_requested(w, w->calendar.id));
	assert_int_equal(wakes(), 1);
	assert_true(bell_rings());
	absorb(w, NULL);
	forget_log(w);
	OK(run_sync(w, &queued));
	assert_int_equal(requests(w, "GET", "/events"), 1);
	forget_log(w);
	absorb(w, NULL);
	OK(run_sync(w, &queued));
	assert_int_equal(requests(w, NULL, ""), 0);
}

#define PAGES 5

/* W4: the webhook's other calendars are not kept waiting for pages without end. */
static void test_wakes__a_full_pull_makes_way(void **state)
{
	static const struct sync_options polite = {.queued = true, .makes_way = hook_file};
	struct world *w = *state;

	for (int i = 0; i < 2 * PAGES; i++)
		free(google_add(w, "x"));
	control(w, "POST", "/sandbox/config", "{\"max_page\":2}");
	notify_ours(w);
	absorb(w, NULL);
	/* Somebody is notified while its first page is on the way, and again in the second run. */
	for (int run = 0; run < 2; run++) {
		forget_log(w);
		meanwhile(w, "GET", "/events", notify_ours);
		OK(run_sync(w, &polite));
		assert_true(w->last.success);
		assert_int_equal(requests(w, "GET", "/events"), 1);
		assert_true(is_requested(w, w->calendar.id));
		assert_int_equal(wakes(), 1);
		absorb(w, NULL);
	}
	/* Nobody is: all the rest in one run, none of it twice. */
	forget_log(w);
	OK(run_sync(w, &polite));
	assert_int_equal(requests(w, "GET", "/events"), PAGES - 2);
	assert_false(is_requested(w, w->calendar.id));
	assert_equal_sides(w, 2 * PAGES);
}

/* What waits since before the run, since nobody could take it, cuts nothing short. */
static void test_wakes__a_full_pull_makes_no_way_for_the_old(void **state)
{
	static const struct sync_options polite = {.queued = true, .makes_way = hook_file};
	struct world *w = *state;
	struct account other = {.id = w->account.id + 1};
	struct account_list others = {.items = &other, .count = 1};
	struct wake_scope of_others = {.accounts = &others};

	for (int i = 0; i < 2 * PAGES; i++)
		free(google_add(w, "x"));
	control(w, "POST", "/sandbox/config", "{\"max_page\":2}");
	OK(store_request_add(w->store, w->calendar.id, "notification", w->clock.now_ms, &err));
	notify_ours(w);
	absorb(w, &of_others);
	assert_int_equal(wakes(), 1);
	OK(run_sync(w, &polite));
	assert_false(is_requested(w, w->calendar.id));
	assert_equal_sides(w, 2 * PAGES);
}

static void test_wakes__a_run_takes_what_it_serves(void **state)
{
	struct world *w = *state;
	int64_t team = add_calendar(w, "team@group.calendar.google.com", "owner");
	struct account other = {.id = w->account.id + 1};
	struct account_list accounts = {.items = &w->account, .count = 1};
	struct account_list others = {.items = &other, .count = 1};
	char *team_alone[] = {(char *)"team@group.calendar.google.com"};
	struct wake_scope mine = {.accounts = &accounts};
	struct wake_scope of_others = {.accounts = &others};
	struct wake_scope one = {.accounts = &accounts, .calendars = team_alone};

	notify_ours(w);
	notify(team, w->clock.now_ms);
	absorb(w, &of_others);
	assert_int_equal(wakes(), 2);
	absorb(w, &one);
	assert_int_equal(wakes(), 1);
	assert_true(is_requested(w, team));
	assert_false(is_requested(w, w->calendar.id));
	absorb(w, &mine);
	assert_int_equal(wakes(), 0);
	assert_true(is_requested(w, w->calendar.id));
	/* Others may wait for it. */
	assert_true(bell_rings());
}

static void test_wakes__what_nobody_syncs_is_dropped(void **state)
{
	struct world *w = *state;
	AUTO(free) struct hook_wake *list = NULL;
	size_t count;

	notify(w->calendar.id + 100, w->clock.now_ms);
	notify_ours(w);
	OK(store_calendar_set_selected(w->store, w->calendar.id, false, &err));
	OK(wakes_look(w->store, hook_file, &list, &count, &err));
	assert_int_equal(count, 0);
	absorb(w, NULL);
	assert_int_equal(wakes(), 0);
	assert_false(is_requested(w, w->calendar.id));
}

struct dying {
	struct fault_hook hook;
	int left;
	bool dead;
};

static bool dies(struct fault_hook *hook, const char *point)
{
	struct dying *d = (struct dying *)hook;

	(void)point;
	if (!d->dead)
		d->dead = d->left-- == 0;
	return d->dead;
}

static void test_wakes__whoever_dies_loses_none(void **state)
{
	struct world *w = *state;
	int n = 0;

	for (;; n++) {
		struct dying d = {.hook = {dies}, .left = n};

		notify_ours(w);
		fault_hook = &d.hook;
		wakes_absorb(w->store, &w->clock.clock, hook_file, NULL, &err);
		fault_hook = NULL;
		assert_true(wakes() == 1 || is_requested(w, w->calendar.id));
		absorb(w, NULL);
		assert_true(is_requested(w, w->calendar.id));
		OK(store_request_drop(w->store, w->calendar.id, &err));
		if (!d.dead)
			break;
	}
	assert_true(n >= 8); /* two transactions */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CHANNEL_TEST(test_wakes__without_a_webhook_nothing_is_made),
		CHANNEL_TEST(test_wakes__word_is_left_of_the_next_try),
		CHANNEL_TEST(test_wakes__many_messages_make_one_request),
		CHANNEL_TEST(test_wakes__one_during_a_sync_makes_another),
		CHANNEL_TEST(test_wakes__a_full_pull_makes_way),
		CHANNEL_TEST(test_wakes__a_full_pull_makes_no_way_for_the_old),
		CHANNEL_TEST(test_wakes__a_run_takes_what_it_serves),
		CHANNEL_TEST(test_wakes__what_nobody_syncs_is_dropped),
		CHANNEL_TEST(test_wakes__whoever_dies_loses_none),
	};

	return cmocka_run_group_tests_name("sync_wakes", tests, NULL, NULL);
}
