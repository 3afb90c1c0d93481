/* When the queue is drained: the rules D1 to D3 of web/drain.h. */
#include "web/drain.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/cleanup.h"

#define EXITED(status) ((status) << 8)

static void test_drain__judges_every_end(void **state)
{
	static const struct {
		int status;
		enum drain_end end;
	} table[] = {
		{EXITED(0), DRAIN_DONE},    {EXITED(1), DRAIN_FAILED},
		{EXITED(2), DRAIN_FAILED},  {EXITED(3), DRAIN_PARTIAL},
		{EXITED(4), DRAIN_FAILED},  {EXITED(5), DRAIN_FAILED},
		{EXITED(6), DRAIN_DONE},    {EXITED(7), DRAIN_PARTIAL},
		{EXITED(99), DRAIN_FAILED}, {9 /* SIGKILL */, DRAIN_FAILED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		assert_int_equal(drain_judge(table[i].status), table[i].end);
}

static void test_drain__does_nothing_unasked(void **state)
{
	struct drain d = {0};

	(void)state;
	assert_false(drain_wants_start(&d, 0));
	assert_false(drain_wants_start(&d, 1 << 30));
	assert_int_equal(drain_timeout_ms(&d, 0), -1);
}

static void test_drain__news_that_keep_coming_do_not_put_it_off(void **state)
{
	struct drain d = {0};

	(void)state;
	for (int64_t now = 1000; now < 1000 + DRAIN_DEBOUNCE_MS; now += 10) {
		drain_news(&d, now);
		assert_false(drain_wants_start(&d, now));
	}
	assert_int_equal(drain_timeout_ms(&d, 1010), DRAIN_DEBOUNCE_MS - 10);
	assert_true(drain_wants_start(&d, 1000 + DRAIN_DEBOUNCE_MS));
	assert_int_equal(drain_timeout_ms(&d, 5000), 0);
}

static void test_drain__one_at_a_time_and_news_meanwhile_make_another(void **state)
{
	struct drain d = {0};

	(void)state;
	drain_news(&d, 0);
	drain_started(&d, 50);
	assert_int_equal(drain_timeout_ms(&d, 60), -1);
	drain_news(&d, 60);
	assert_false(drain_wants_start(&d, 10000));
	drain_ended(&d, 200, DRAIN_DONE, true, 0);
	assert_false(drain_wants_start(&d, 50 + DRAIN_SPACING_MS - 1));
	assert_true(drain_wants_start(&d, 50 + DRAIN_SPACING_MS));
	drain_started(&d, 1050);
	drain_ended(&d, 9000, DRAIN_DONE, false, 0);
	assert_int_equal(drain_timeout_ms(&d, 9000), -1);
	/* The spacing is over by now: the debounce alone. */
	drain_news(&d, 9001);
	assert_int_equal(drain_timeout_ms(&d, 9001), DRAIN_DEBOUNCE_MS);
}

/* What it waits after `failures` in a row without news, with this draw. */
static int64_t retry_after(int failures, uint32_t random)
{
	struct drain d = {0};

	for (int i = 0; i < failures; i++) {
		drain_started(&d, 0);
		drain_ended(&d, 100, DRAIN_FAILED, true, random);
	}
	return drain_timeout_ms(&d, 100);
}

static void test_drain__failures_grow_apart(void **state)
{
	static const int64_t want[] = {1000,  2000,   4000,   8000,   16000,  32000,
				       64000, 128000, 256000, 512000, 600000, 600000};

	(void)state;
	for (int i = 0; i < (int)ARRAY_SIZE(want); i++) {
		int64_t delay = want[i];

		assert_int_equal(retry_after(i + 1, 0), delay - delay / 4);
		assert_int_equal(retry_after(i + 1, (uint32_t)(delay / 2)), delay + delay / 4);
		assert_in_range(retry_after(i + 1, UINT32_MAX), delay - delay / 4,
				delay + delay / 4);
	}
	assert_in_range(retry_after(100000, 7), 450000, 750000);
}

static void test_drain__success_ends_the_growth(void **state)
{
	struct drain d = {0};

	(void)state;
	for (int i = 0; i < 5; i++) {
		drain_started(&d, 0);
		drain_ended(&d, 0, DRAIN_FAILED, true, 0);
	}
	assert_int_equal(d.failures, 5);
	drain_started(&d, 100000);
	drain_ended(&d, 100001, DRAIN_DONE, false, 0);
	assert_int_equal(d.failures, 0);
	assert_int_equal(drain_timeout_ms(&d, 100001), -1);
}

static void test_drain__rows_that_stay_are_tried_again_apart(void **state)
{
	struct drain d = {0};

	(void)state;
	drain_news(&d, 0);
	drain_started(&d, 50);
	drain_ended(&d, 200, DRAIN_DONE, true, 0); /* and nothing came meanwhile */
	assert_int_equal(drain_timeout_ms(&d, 200), DRAIN_RETRY_MIN_MS - DRAIN_RETRY_MIN_MS / 4);
}

static void test_drain__one_broken_account_does_not_hold_up_the_others(void **state)
{
	struct drain d = {0};

	(void)state;
	for (int i = 0; i < 20; i++) {
		drain_started(&d, 0);
		drain_ended(&d, 100, DRAIN_PARTIAL, false, 0);
	}
	assert_true(drain_timeout_ms(&d, 100) > 400000);
	drain_news(&d, 5000);
	assert_int_equal(drain_timeout_ms(&d, 5000), DRAIN_DEBOUNCE_MS);
	drain_started(&d, 5050);
	drain_news(&d, 5060);
	drain_ended(&d, 5100, DRAIN_PARTIAL, false, 0);
	assert_int_equal(drain_timeout_ms(&d, 5050), DRAIN_SPACING_MS);
}

static void test_drain__news_come_sooner_than_a_late_try_but_not_at_once(void **state)
{
	struct drain d = {0};

	(void)state;
	for (int i = 0; i < 20; i++) {
		drain_started(&d, 1000);
		drain_ended(&d, 1100, DRAIN_FAILED, true, 0);
	}
	drain_news(&d, 1200);
	assert_int_equal(drain_timeout_ms(&d, 1000), DRAIN_BROKEN_MS);
	/* News meanwhile: the same. */
	drain_started(&d, 6000);
	drain_news(&d, 6001);
	drain_ended(&d, 6100, DRAIN_FAILED, true, 0);
	assert_int_equal(drain_timeout_ms(&d, 6000), DRAIN_BROKEN_MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_drain__judges_every_end),
		cmocka_unit_test(test_drain__does_nothing_unasked),
		cmocka_unit_test(test_drain__news_that_keep_coming_do_not_put_it_off),
		cmocka_unit_test(test_drain__one_at_a_time_and_news_meanwhile_make_another),
		cmocka_unit_test(test_drain__failures_grow_apart),
		cmocka_unit_test(test_drain__success_ends_the_growth),
		cmocka_unit_test(test_drain__rows_that_stay_are_tried_again_apart),
		cmocka_unit_test(test_drain__one_broken_account_does_not_hold_up_the_others),
		cmocka_unit_test(test_drain__news_come_sooner_than_a_late_try_but_not_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
