/* What is asked about one account costs the same, however many others there are. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "db_steps.h"
#include "store/channel.h"
#include "store_fixture.h"

#define FEW  3
#define MANY 300

static int64_t first_account;

/* Each with a calendar, a channel, a request, an event and what waits of it. */
static void add_accounts(int count)
{
	OK(store_begin(store, &err));
	for (int i = 0; i < count; i++) {
		AUTO(free) char *name = xasprintf("%d", i);
		int64_t account = add_account(name);
		int64_t calendar = add_calendar_in(account, name, "UTC");
		struct channel c = {.id = name,
				    .calendar_id = calendar,
				    .address = (char *)"https://example.org",
				    .created_ms = 1};

		OK(store_channel_add(store, &c, &err));
		OK(store_request_add(store, calendar, "notification", 1, &err));
		add_outbox(add_event(calendar, "one", "{}"), PENDING_UPDATE);
		if (!i)
			first_account = account;
	}
	OK(store_commit(store, &err));
}

static int setup(void **state)
{
	steps_watch();
	return fixture_store(state);
}

static void list_channels(int64_t account, size_t want)
{
	AUTO(channel_list_release) struct channel_list list = {0};

	OK(store_channel_list(store, account, &list, &err));
	assert_int_equal(list.count, want);
}

static void list_requests(int64_t account, size_t want)
{
	AUTO(sync_request_list_release) struct sync_request_list list = {0};

	OK(store_request_list(store, account, -1, &list, &err));
	assert_int_equal(list.count, want);
}

static void list_outbox(int64_t account, size_t want)
{
	AUTO(outbox_list_release) struct outbox_list list = {0};

	OK(store_outbox_list(store, account, 0, -1, 0, &list, &err));
	assert_int_equal(list.count, want);
}

static void count_events(int64_t account, size_t want)
{
	struct event_counts n;

	OK(store_event_counts(store, account, &n, &err));
	assert_int_equal(n.by_status[SYNC_SYNCED], want);
	assert_int_equal(n.by_pending[PENDING_UPDATE], want);
}

static int64_t steps_of(void (*ask)(int64_t account, size_t want))
{
	ask(first_account, 1); /* prepares the statement: the schema is read but once */
	steps_reset(NULL);
	ask(first_account, 1);
	return steps_taken;
}

static void test_store_scale__one_account_is_asked_about_alone(void **state)
{
	static void (*const asks[])(int64_t account, size_t want) = {list_channels, list_requests,
								     list_outbox, count_events};
	int64_t few[ARRAY_SIZE(asks)];

	(void)state;
	add_accounts(FEW);
	for (size_t i = 0; i < ARRAY_SIZE(asks); i++) {
		few[i] = steps_of(asks[i]);
		assert_true(few[i] > 10);
		asks[i](0, FEW);
	}
	reopen();
	OK(db_exec(store->db, "DELETE FROM account", &err));
	add_accounts(MANY);
	for (size_t i = 0; i < ARRAY_SIZE(asks); i++) {
		int64_t steps = steps_of(asks[i]);

		if (steps > 2 * few[i])
			fail_msg("question %zu: %lld steps, among few accounts %lld", i,
				 (long long)steps, (long long)few[i]);
		asks[i](0, MANY);
	}
}

/* Connected accounts with something due, of which there is one. */
static int64_t steps_of_queue(int count)
{
	AUTO(account_list_release) struct account_list due = {0};

	OK(db_exec(store->db, "DELETE FROM account", &err));
	add_accounts(count);
	OK(db_exec(store->db,
		   "DELETE FROM sync_request WHERE calendar_id > (SELECT min(calendar_id) FROM "
		   "calendar); DELETE FROM outbox",
		   &err));
	OK(store_queue_accounts(store, 5, &due, &err));
	account_list_release(&due);
	steps_reset(NULL);
	OK(store_queue_accounts(store, 5, &due, &err));
	assert_int_equal(due.count, 1);
	assert_int_equal(due.items[0].id, first_account);
	return steps_taken;
}

static void test_store_queue__accounts_with_a_full_pull_are_last(void **state)
{
	static const char *const names[] = {"cut-short", "easy", "first", "quick"};
	static const char *const order[] = {"easy", "quick", "cut-short", "first"};
	const struct pull_progress begun = {.page_token = (char *)"page", .generation = 1};
	AUTO(account_list_release) struct account_list due = {0};

	(void)state;
	OK(db_exec(store->db, "DELETE FROM account", &err));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		int64_t account = add_account(names[i]);
		int64_t calendar = add_calendar_in(account, names[i], "UTC");

		if (strcmp(names[i], "first") != 0)
			OK(store_calendar_set_sync(store, calendar, "token", 1, NULL, &err));
		if (!strcmp(names[i], "cut-short"))
			OK(store_calendar_set_progress(store, calendar, &begun, &err));
		/* What is not due puts nobody back. */
		add_calendar_in(account, "never synced", "UTC");
		OK(store_request_add(store, calendar, "notification", 1, &err));
	}
	OK(store_queue_accounts(store, 5, &due, &err));
	assert_int_equal(due.count, ARRAY_SIZE(order));
	for (size_t i = 0; i < due.count; i++)
		assert_string_equal(due.items[i].name, order[i]);
}

static void test_store_scale__only_accounts_with_something_due_are_read(void **state)
{
	int64_t few = steps_of_queue(FEW);

	(void)state;
	assert_true(few > 10);
	assert_true(steps_of_queue(MANY) <= 2 * few);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_store_queue__accounts_with_a_full_pull_are_last, setup, fixture_end),
		cmocka_unit_test_setup_teardown(test_store_scale__one_account_is_asked_about_alone,
						setup, fixture_end),
		cmocka_unit_test_setup_teardown(
			test_store_scale__only_accounts_with_something_due_are_read, setup,
			fixture_end),
	};

	return cmocka_run_group_tests_name("store_scale", tests, NULL, NULL);
}
