/* Google's quota a minute, shared by processes side by side and one after the other. */
#include "google_bench.h"

#include "base/fault.h"

static const struct scripted_answer good[] = {OK_EVENT};

/* As another process on the same account would. */
static struct google *another(struct bench *b, const char *name)
{
	AUTO(account_release) struct account a = {0};
	struct google *g = NULL;
	struct err err;

	if (store_account_get(b->store, name, &a, &err) || google_new(&a, &b->o, &g, &err))
		fail_msg("%s", err.msg);
	return g;
}

static void ask(struct google *g)
{
	struct gcall call = {.method = "GET", .path = "calendars/a/events/e1"};
	struct err err;

	if (google_call(g, &call, NULL, &err))
		fail_msg("%s", err.msg);
}

/* No sliding minute holds more requests (of one unit each). */
static void assert_minute(const struct bench *b, size_t limit)
{
	for (size_t i = limit; i < b->script.asked_count; i++)
		assert_true(b->script.asked[i].at_ms - b->script.asked[i - limit].at_ms >= 60000);
}

static void test_budget__two_processes_share_it(void **state)
{
	AUTO(bench_release) struct bench b;
	AUTO(google_free) struct google *second = NULL;
	int64_t began;

	(void)state;
	bench_init(&b, good, 1);
	second = another(&b, "me");
	began = b.clock.now;
	for (int i = 0; i < 700; i++) {
		ask(b.g);
		ask(second);
	}
	assert_int_equal(b.script.asked_count, 1400);
	assert_minute(&b, 600);
	/* And not much less than there is. */
	assert_in_range(b.clock.now - began, 120000, 150000);
}

static void test_budget__the_next_run_keeps_to_it(void **state)
{
	AUTO(bench_release) struct bench b;

	(void)state;
	bench_init(&b, good, 1);
	for (int i = 0; i < 600; i++) {
		ask(b.g);
		if (i % 7 == 6)
			reopen(&b); /* its in-process memory is gone, what it did not use is not */
	}
	ask(b.g);
	assert_minute(&b, 600);
	assert_in_range(b.script.asked[600].at_ms - b.script.asked[0].at_ms, 60000, 61000);
}

static void test_budget__unused_units_are_given_back(void **state)
{
	AUTO(bench_release) struct bench b;

	(void)state;
	bench_init(&b, good, 1);
	for (int i = 0; i < 300; i++) {
		ask(b.g);
		ask(b.g);
		reopen(&b);
	}
	/* 300 leases of 25 would have been 7500. */
	assert_in_range(b.clock.now - NOW_MS, 0, 59000);
}

static void test_budget__impatient_calls_do_not_wait(void **state)
{
	AUTO(bench_release) struct bench b;
	struct err err;

	(void)state;
	bench_init(&b, good, 1);
	for (int i = 0; i < 600; i++)
		ask(b.g);
	b.o.patience = GOOGLE_ONCE;
	reopen(&b);
	b.clock.sleeps = 0;
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.code, ERR_RATE_LIMITED);
	assert_in_range(err.retry_after, 1, 60);
	assert_int_equal(b.clock.sleeps, 0);
	assert_int_equal(b.script.asked_count, 600);
}

static void add_account(struct bench *b, const char *name)
{
	struct account a = b->account; /* borrows */
	AUTO(account_release) struct account other = {0};
	struct err err;

	a.id = 0;
	a.name = (char *)name;
	if (store_account_add(b->store, &a, &err) ||
	    store_account_get(b->store, name, &other, &err))
		fail_msg("%s", err.msg);
	account_release(&b->account);
	b->account = other;
	memset(&other, 0, sizeof(other));
	put_secret(b, "access_token", "at-1");
}

static void test_budget__one_account_does_not_stop_another(void **state)
{
	AUTO(bench_release) struct bench b;
	AUTO(google_free) struct google *other = NULL;
	int64_t before;

	(void)state;
	bench_init(&b, good, 1);
	add_account(&b, "other");
	for (int i = 0; i < 600; i++)
		ask(b.g);
	other = another(&b, "other");
	before = b.clock.now;
	for (int i = 0; i < 10; i++)
		ask(other);
	assert_int_equal(b.clock.now, before);
}

static void test_budget__all_accounts_of_a_client_share_the_project(void **state)
{
	AUTO(bench_release) struct bench b;

	(void)state;
	bench_init(&b, good, 1);
	b.o.project_units = 100;
	reopen(&b);
	for (int i = 0; i < 20; i++) {
		AUTO(free) char *name = xasprintf("account %d", i);
		AUTO(google_free) struct google *g = NULL;

		add_account(&b, name);
		g = another(&b, name);
		for (int k = 0; k < 10; k++)
			ask(g);
	}
	assert_int_equal(b.script.asked_count, 200);
	assert_minute(&b, 100);
}

static void test_budget__a_clock_that_is_set_back_locks_nobody_out(void **state)
{
	AUTO(bench_release) struct bench b;
	int64_t before;

	(void)state;
	bench_init(&b, good, 1);
	for (int i = 0; i < 600; i++)
		ask(b.g);
	b.clock.now -= 24 * HOUR;
	reopen(&b);
	set_expiry(&b, b.clock.now + HOUR);
	before = b.clock.now;
	ask(b.g);
	assert_in_range(b.clock.now - before, 0, 60000);
}

/* A hook that lets everything pass and counts what reaches the disk. */
struct counter {
	struct fault_hook hook;
	int writes;
};

static bool count_writes(struct fault_hook *hook, const char *point)
{
	struct counter *c = (struct counter *)hook;

	c->writes += !strcmp(point, "store.commit") || !strcmp(point, "store.write");
	return false;
}

static void test_budget__costs_few_writes(void **state)
{
	AUTO(bench_release) struct bench b;
	struct counter c = {.hook = {count_writes}};
	struct err err;

	(void)state;
	bench_init(&b, good, 1);
	fault_hook = &c.hook;
	for (int i = 0; i < 20; i++)
		ask(b.g);
	assert_int_equal(c.writes, 1);
	assert_int_equal(store_begin(b.store, &err), 0);
	assert_int_equal(google_return_units(b.g, &err), 0);
	assert_int_equal(store_commit(b.store, &err), 0);
	assert_int_equal(c.writes, 2); /* that of the caller */
	google_free(TAKE(b.g));
	assert_int_equal(c.writes, 2);
	fault_hook = NULL;
}

/* --- thousands ----------------------------------------------------------------------------- */

#define ACCOUNTS 5000
#define JOBS     4
#define UNITS    4 /* of each */

static struct store *open_store(void)
{
	AUTO(free) char *db = xasprintf("%s/thousands.db", dir);
	struct store *s = NULL;
	struct err err;

	if (store_open(db, STORE_CREATE, &s, &err) || store_begin(s, &err))
		fail_msg("%s", err.msg);
	return s;
}

static void lease_for(struct store *s, int account, int64_t *now, struct rate_lease *lease)
{
	AUTO(free) char *user = xasprintf("user %d", account);
	const struct rate_bucket buckets[] = {{user, 600}, {"project", 10000}};
	struct err err;

	for (;;) {
		struct rate_wish wish = {UNITS, 25, *now};
		int64_t wait;

		if (store_rate_take(s, buckets, 2, &wish, lease, &wait, &err))
			fail_msg("%s", err.msg);
		if (!wait)
			return;
		assert_in_range(wait, 1, 60000);
		*now += wait;
	}
}

/* Four jobs at a time, each account a few requests, faster than the project allows. */
static void test_budget__five_thousand_accounts_of_one_project(void **state)
{
	AUTO(store_close) struct store *s = open_store();
	AUTO(free) int64_t *spent = xcalloc(ACCOUNTS, sizeof(*spent));
	struct rate_lease leases[JOBS] = {0};
	int64_t now = NOW_MS;
	struct err err;

	(void)state;
	for (int i = 0; i < ACCOUNTS + JOBS; i++) {
		struct rate_lease *lease = &leases[i % JOBS];

		if (i >= JOBS) { /* the account before it is done */
			lease->left -= UNITS;
			spent[i - JOBS] = now;
			if (store_rate_return(s, lease, now, &err))
				fail_msg("%s", err.msg);
		}
		if (i < ACCOUNTS)
			lease_for(s, i, &now, lease);
		now += 5;
	}
	for (size_t i = 10000 / UNITS; i < ACCOUNTS; i++)
		assert_true(spent[i] - spent[i - 10000 / UNITS] >= 60000);
	assert_in_range(now - NOW_MS, 60000, 130000);
	store_rollback(s);
}

static void test_rate__as_much_as_there_is(void **state)
{
	AUTO(store_close) struct store *s = open_store();
	const struct rate_bucket b = {"b", 100};
	struct rate_lease one = {0}, two = {0};
	struct rate_wish wish = {10, 60, NOW_MS};
	int64_t wait;
	struct err err;

	(void)state;
	assert_int_equal(store_rate_take(s, &b, 1, &wish, &one, &wait, &err), 0);
	assert_int_equal(one.left, 60);
	assert_int_equal(store_rate_take(s, &b, 1, &wish, &two, &wait, &err), 0);
	assert_int_equal(two.left, 40);
	wish.need = 1;
	assert_int_equal(store_rate_take(s, &b, 1, &wish, &(struct rate_lease){0}, &wait, &err), 0);
	assert_int_equal(wait, 65000); /* they may be spent for five seconds yet */
	/* What is given back is there for others, and what was used until now counts from now. */
	one.left = 50;
	assert_int_equal(store_rate_return(s, &one, NOW_MS + 1000, &err), 0);
	assert_int_equal(one.left, 0);
	wish = (struct rate_wish){50, 50, NOW_MS + 1000};
	assert_int_equal(store_rate_take(s, &b, 1, &wish, &one, &wait, &err), 0);
	assert_int_equal(wait, 0);
	assert_int_equal(one.left, 50);
	wish = (struct rate_wish){1, 1, NOW_MS + 1000};
	assert_int_equal(store_rate_take(s, &b, 1, &wish, &(struct rate_lease){0}, &wait, &err), 0);
	assert_int_equal(wait, 60000);
	/* More than there ever is waits for all of it. */
	wish = (struct rate_wish){1000, 1000, NOW_MS + 70000};
	assert_int_equal(store_rate_take(s, &b, 1, &wish, &(struct rate_lease){0}, &wait, &err), 0);
	assert_int_equal(wait, 0);
	store_rollback(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_budget__two_processes_share_it),
		cmocka_unit_test(test_budget__the_next_run_keeps_to_it),
		cmocka_unit_test(test_budget__unused_units_are_given_back),
		cmocka_unit_test(test_budget__impatient_calls_do_not_wait),
		cmocka_unit_test(test_budget__one_account_does_not_stop_another),
		cmocka_unit_test(test_budget__all_accounts_of_a_client_share_the_project),
		cmocka_unit_test(test_budget__a_clock_that_is_set_back_locks_nobody_out),
		cmocka_unit_test(test_budget__costs_few_writes),
		cmocka_unit_test(test_budget__five_thousand_accounts_of_one_project),
		cmocka_unit_test(test_rate__as_much_as_there_is),
	};

	return cmocka_run_group_tests_name("budget", tests, temp_dir_make, temp_dir_remove);
}
