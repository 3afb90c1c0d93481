/* When to ask again, and how often at most: pure arithmetic, so many seeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/random.h"
#include "google/backoff.h"
#include "google/ratelimit.h"

static void test_backoff__window_doubles_up_to_the_cap(void **state)
{
	static const int64_t windows[] = {1000, 2000, 4000, 8000, 16000, 32000, 32000, 32000};

	(void)state;
	for (int i = 0; i < (int)ARRAY_SIZE(windows); i++)
		assert_int_equal(backoff_window_ms(i + 1), windows[i]);
	assert_int_equal(backoff_window_ms(1000000), 32000);
}

static void test_backoff__delay_stays_in_its_window(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 2000; seed++) {
		random_seed_for_tests(seed);
		for (int failed = 1; failed <= 8; failed++) {
			int64_t d = backoff_delay_ms(failed, 0);

			assert_in_range(d, 1, backoff_window_ms(failed));
		}
	}
	random_seed_for_tests(0);
}

/* Full jitter: the whole window is used, with its middle as the mean. */
static void test_backoff__delay_fills_its_window(void **state)
{
	int64_t sum = 0, min = INT64_MAX, max = 0;

	(void)state;
	random_seed_for_tests(42);
	for (int i = 0; i < 4000; i++) {
		int64_t d = backoff_delay_ms(4, 0);

		sum += d;
		min = d < min ? d : min;
		max = d > max ? d : max;
	}
	random_seed_for_tests(0);
	assert_in_range(sum / 4000, 3700, 4300);
	assert_in_range(min, 1, 100);
	assert_in_range(max, 7900, 8000);
}

static void test_backoff__never_sooner_than_retry_after(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 500; seed++) {
		random_seed_for_tests(seed);
		for (int failed = 1; failed <= 6; failed++)
			for (int after = 1; after <= 60; after += 7) {
				int64_t d = backoff_delay_ms(failed, after);

				assert_in_range(d, after * 1000,
						after * 1000 + backoff_window_ms(failed));
			}
	}
	random_seed_for_tests(0);
}

/* --- rate -------------------------------------------------------------------------------- */

struct sent {
	int64_t at;
	int units;
};

/* No window of that length, wherever it starts, holds more than allowed. */
static void check_windows(const struct sent *s, size_t n)
{
	size_t first_s = 0, first_min = 0;
	int units = 0;

	for (size_t i = 0; i < n; i++) {
		units += s[i].units;
		while (s[first_s].at <= s[i].at - RATE_REQUEST_MS)
			first_s++;
		while (s[first_min].at <= s[i].at - RATE_UNIT_MS)
			units -= s[first_min++].units;
		assert_in_range(i - first_s + 1, 1, RATE_REQUESTS);
		assert_in_range(units, 0, RATE_UNITS);
	}
}

static void run_sender(uint64_t seed, int max_units, int max_pause)
{
	static struct sent sent[3000];
	struct ratelimit r = {0};
	int64_t now = 5000;

	random_seed_for_tests(seed);
	for (size_t i = 0; i < ARRAY_SIZE(sent); i++) {
		int units = (int)random_below((uint64_t)max_units + 1);
		int64_t wait;

		if (max_pause)
			now += (int64_t)random_below((uint64_t)max_pause);
		wait = ratelimit_delay_ms(&r, now, units);
		if (wait) {
			/* Not a millisecond longer than needed. */
			struct ratelimit before = r;

			assert_true(ratelimit_delay_ms(&before, now + wait - 1, units) > 0);
			now += wait;
		}
		assert_int_equal(ratelimit_delay_ms(&r, now, units), 0);
		ratelimit_note(&r, now, units);
		sent[i] = (struct sent){now, units};
	}
	random_seed_for_tests(0);
	check_windows(sent, ARRAY_SIZE(sent));
}

static void test_ratelimit__no_window_is_exceeded(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		run_sender(seed, 0, 0);     /* token requests only */
		run_sender(seed, 1, 0);     /* as fast as it goes */
		run_sender(seed, 3, 150);   /* about at the limit */
		run_sender(seed, 150, 500); /* batches of patches */
		run_sender(seed, 600, 0);
	}
}

static void test_ratelimit__ten_at_once_then_a_second(void **state)
{
	struct ratelimit r = {0};

	(void)state;
	for (int i = 0; i < 10; i++) {
		assert_int_equal(ratelimit_delay_ms(&r, 100, 1), 0);
		ratelimit_note(&r, 100, 1);
	}
	assert_int_equal(ratelimit_delay_ms(&r, 100, 1), 1000);
	assert_int_equal(ratelimit_delay_ms(&r, 1099, 1), 1);
	assert_int_equal(ratelimit_delay_ms(&r, 1100, 1), 0);
}

static void test_ratelimit__six_hundred_units_a_minute(void **state)
{
	struct ratelimit r = {0};

	(void)state;
	for (int i = 0; i < 4; i++)
		ratelimit_note(&r, 1000 * i, 150);
	assert_int_equal(ratelimit_delay_ms(&r, 4000, 1), 56000);
	assert_int_equal(ratelimit_delay_ms(&r, 4000, 151), 57000);
	assert_int_equal(ratelimit_delay_ms(&r, 4000, 600), 59000);
	assert_int_equal(ratelimit_delay_ms(&r, 4000, 0), 0); /* a token request */
	assert_int_equal(ratelimit_delay_ms(&r, 60000, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backoff__window_doubles_up_to_the_cap),
		cmocka_unit_test(test_backoff__delay_stays_in_its_window),
		cmocka_unit_test(test_backoff__delay_fills_its_window),
		cmocka_unit_test(test_backoff__never_sooner_than_retry_after),
		cmocka_unit_test(test_ratelimit__no_window_is_exceeded),
		cmocka_unit_test(test_ratelimit__ten_at_once_then_a_second),
		cmocka_unit_test(test_ratelimit__six_hundred_units_a_minute),
	};

	return cmocka_run_group_tests_name("backoff", tests, NULL, NULL);
}
