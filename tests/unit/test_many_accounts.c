/* Thousands of accounts: what is done for one does not cost one step for each other. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "channel_world.h"
#include "db_steps.h"

#include "cmd/queue.h"
#include "sync/wakes.h"

#define WAKES 350 /* not all of them in one transaction, and no multiple of a batch */

static int watched_setup(void **state)
{
	steps_watch();
	return channel_setup(state);
}

/* Another account with one calendar, that was notified. Returns the calendar's id. */
static int64_t add_notified(struct world *w, struct hook *h, int n)
{
	AUTO(free) char *name = xasprintf("account %d", n);
	struct account a = {.name = name,
			    .email = name,
			    .base_url = (char *)"",
			    .auth = (char *)"installed",
			    .scopes = (char *)"calendar"};
	struct calendar c = {.google_id = name,
			     .summary = name,
			     .time_zone = (char *)"UTC",
			     .access_role = (char *)"owner",
			     .selected = true};
	bool changed;

	OK(store_account_add(w->store, &a, &err));
	c.account_id = a.id;
	OK(store_calendar_upsert(w->store, &c, &changed, &err));
	OK(hook_wake_add(h, c.id, n + 1, &err));
	return c.id;
}

static void add_all_notified(struct world *w, int count)
{
	AUTO(hook_close) struct hook *h = NULL;

	OK(hook_open(hook_file, true, &h, &err));
	OK(store_begin(w->store, &err));
	OK(hook_begin(h, &err));
	for (int i = 0; i < count; i++)
		add_notified(w, h, i);
	OK(hook_commit(h, &err));
	OK(store_commit(w->store, &err));
}

static void test_many__notifications_do_not_keep_other_writers_away(void **state)
{
	struct world *w = *state;
	AUTO(sync_request_list_release) struct sync_request_list list = {0};

	add_all_notified(w, WAKES);
	steps_reset(NULL);
	OK(wakes_absorb(w->store, &w->clock.clock, hook_file, NULL, &err));
	/* One for the list of them, the others for no more than a hundred each. */
	assert_in_range(steps_transactions, 1 + 2 * 3, WAKES);
	OK(store_request_list(w->store, 0, -1, &list, &err));
	assert_int_equal(list.count, WAKES);
	assert_int_equal(wakes(), 0);
}

/* Every second account's. */
static void test_many__a_run_takes_what_it_serves_from_among_them(void **state)
{
	struct world *w = *state;
	AUTO(account_list_release) struct account_list accounts = {0};
	AUTO(sync_request_list_release) struct sync_request_list list = {0};
	struct wake_scope scope = {.accounts = &accounts};
	size_t kept = 0;

	add_all_notified(w, WAKES);
	OK(store_account_list(w->store, &accounts, &err));
	for (size_t i = 0; i < accounts.count; i++) {
		if (accounts.items[i].id != w->account.id && accounts.items[i].id % 2)
			accounts.items[kept++] = accounts.items[i];
		else
			account_release(&accounts.items[i]);
	}
	accounts.count = kept;
	OK(wakes_absorb(w->store, &w->clock.clock, hook_file, &scope, &err));
	OK(store_request_list(w->store, 0, -1, &list, &err));
	assert_int_equal(list.count, WAKES / 2);
	for (size_t i = 0; i < list.count; i++)
		assert_int_equal(list.items[i].account_id % 2, 1);
	assert_int_equal(wakes(), WAKES - WAKES / 2);
}

static int64_t statements_of_queue(struct world *w, size_t want)
{
	struct cmd_context cx = {.store = w->store,
				 .clock = &w->clock.clock,
				 .global.db = (char *)store_path(w->store)};
	AUTO(queue_items_release) struct queue_items items = {0};
	AUTO(config_free) struct config *config = NULL;

	OK(config_load(NULL, &config, &err));
	cx.config = config;
	steps_reset("");
	OK(queue_load(&cx, NULL, &items, &err));
	assert_int_equal(items.count, want);
	for (size_t i = 0; i < want; i++) {
		assert_true(items.items[i].is_calendar);
		assert_int_equal(items.items[i].request.requested_ms, i + 1);
		assert_string_equal(items.items[i].calendar.account,
				    items.items[i].calendar.google_id);
	}
	return steps_statements;
}

static void test_many__the_queue_is_read_once(void **state)
{
	struct world *w = *state;
	AUTO(hook_close) struct hook *h = NULL;
	int64_t few, many;

	assert_int_equal(setenv("CALSYNC_WEBHOOK_DB", hook_file, 1), 0);
	add_all_notified(w, 20);
	few = statements_of_queue(w, 20);
	OK(hook_open(hook_file, true, &h, &err));
	for (int i = 20; i < 60; i++)
		add_notified(w, h, i);
	many = statements_of_queue(w, 60);
	assert_in_range(many, few, 3 * few);
	/* What was asked for by others, too, is there once. */
	OK(store_request_add(w->store, w->calendar.id + 1, "notification", 1, &err));
	statements_of_queue(w, 60);
	unsetenv("CALSYNC_WEBHOOK_DB");
}

static void test_many__who_needs_nothing_is_read_once(void **state)
{
	struct world *w = *state;

	watch_ok(w);
	steps_reset("JOIN channel h");
	watch_ok(w);
	assert_int_equal(steps_statements, 1);
	assert_int_equal(result.live_count, 1);
	steps_reset("JOIN channel h");
	renew_ok(w);
	assert_int_equal(result.made, 1);
	assert_int_equal(steps_statements, 3); /* what was made, then what was stopped */
}

static void test_many__what_deaths_left_goes_at_once(void **state)
{
	struct world *w = *state;
	AUTO(hook_close) struct hook *h = NULL;
	int64_t taken;

	watch_ok(w);
	OK(hook_open(hook_file, false, &h, &err));
	for (int i = 0; i < 50; i++) {
		AUTO(free) char *id = xasprintf("%d", i * 7919 % 1000);

		OK(hook_channel_add(
			h, &(struct hook_channel){.id = id, .calendar_id = 99, .created_ms = 1},
			&err));
	}
	steps_reset(NULL);
	OK(channels_tidy(w->store, hook_file, &err));
	taken = steps_transactions;
	assert_one_channel(w);
	steps_reset(NULL);
	OK(channels_tidy(w->store, hook_file, &err));
	assert_int_equal(taken - steps_transactions, 1); /* for all fifty */
}

int main(void)
{
#define WATCHED(name) cmocka_unit_test_setup_teardown(name, watched_setup, channel_teardown)
	static const struct CMUnitTest tests[] = {
		WATCHED(test_many__notifications_do_not_keep_other_writers_away),
		WATCHED(test_many__a_run_takes_what_it_serves_from_among_them),
		WATCHED(test_many__the_queue_is_read_once),
		WATCHED(test_many__who_needs_nothing_is_read_once),
		WATCHED(test_many__what_deaths_left_goes_at_once),
	};

	return cmocka_run_group_tests_name("many_accounts", tests, NULL, NULL);
}
