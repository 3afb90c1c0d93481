/*
 * A month of renewals by the clock: `renew-watches` with its default window of seven days, which is
 * how long a channel lives, run by a timer every six days. The worst that the timer and Google are
 * allowed to do: it is late each time by as much as RandomizedDelaySec and a sleeping machine make
 * it, and the run then fails, and is repeated every hour until it does not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "channel_world.h"

#define EVERY_MS (6 * DAY_MS)
#define RUNS     6
/* What the units of contrib/systemd say. */
#define UNITS_MS (6 * DAY_MS + 12 * HOUR_MS)

/* One of ours that Google still serves. */
static bool has_live_channel(struct world *w)
{
	AUTO(json_object_put) struct json_object *theirs = google_channels(w);
	AUTO(channel_list_release) struct channel_list ours = our_channels(w);

	for (size_t i = 0; i < ours.count; i++)
		for (size_t k = 0; k < json_object_array_length(theirs); k++)
			if (!strcmp(ours.items[i].id,
				    json_str(json_object_array_get_idx(theirs, k), "id")))
				return true;
	return false;
}

/* Minutes without a channel while so much time goes by. */
static int64_t pass(struct world *w, int64_t ms)
{
	const int64_t step = 10 * 60 * INT64_C(1000);
	int64_t gap = 0;

	for (; ms > 0; ms -= step) {
		pass_time(w, ms < step ? ms : step);
		if (!has_live_channel(w))
			gap += (ms < step ? ms : step) / 60000;
	}
	return gap;
}

/* The timer's run: late, and failing so often before it does not. */
static int64_t timer_run(struct world *w, int64_t window_ms, int64_t late_ms, int failures)
{
	int64_t gap = pass(w, EVERY_MS + late_ms);

	for (int i = 0; i < failures; i++) {
		fault(w, "{\"match\":\"events/watch\",\"action\":\"status\",\"status\":503,"
			 "\"times\":0}");
		log_in(w);
		OK(renew(w, window_ms));
		control(w, "DELETE", "/sandbox/faults", NULL);
		gap += !has_live_channel(w);
		gap += pass(w, HOUR_MS);
	}
	log_in(w);
	OK(renew(w, window_ms));
	gap += !has_live_channel(w);
	return gap;
}

static void begin(struct world *w)
{
	log_in(w);
	watch_ok(w);
	assert_true(has_live_channel(w));
}

static void test_channels__a_month_without_a_gap(void **state)
{
	struct world *w = *state;

	begin(w);
	for (int i = 0; i < RUNS; i++) {
		assert_int_equal(timer_run(w, 7 * DAY_MS, 0, 0), 0);
		assert_one_channel(w);
	}
	assert_int_equal(wakes(), 1); /* of the first one alone */
}

static void test_channels__a_month_of_the_worst_without_a_gap(void **state)
{
	struct world *w = *state;

	begin(w);
	for (int i = 0; i < RUNS; i++) {
		assert_int_equal(timer_run(w, 7 * DAY_MS, 12 * HOUR_MS, 11), 0);
		deliver(w);
	}
	/* What the failing runs left is stopped or forgotten. */
	pass(w, DAY_MS);
	log_in(w);
	renew_ok(w);
	pass(w, EVERY_MS);
	log_in(w);
	renew_ok(w);
	pass(w, 3 * DAY_MS);
	log_in(w);
	renew_ok(w);
	assert_one_channel(w);
}

/* The units leave alone what was made in the last twelve hours. So much may the next run be late, and
 * fail, when a channel was made just before the one that left it alone. */
static void test_channels__the_window_of_the_units_without_a_gap(void **state)
{
	struct world *w = *state;

	begin(w);
	assert_int_equal(pass(w, 11 * HOUR_MS), 0);
	log_in(w);
	OK(renew(w, UNITS_MS));
	assert_one_channel(w); /* the first one: it has more than that left */
	for (int i = 0; i < RUNS; i++) {
		assert_int_equal(timer_run(w, UNITS_MS, 2 * HOUR_MS, 8), 0);
		deliver(w);
	}
	assert_int_equal(wakes(), 1);
}

static void test_channels__the_units_late_by_more_than_half_a_day(void **state)
{
	struct world *w = *state;

	begin(w);
	assert_int_equal(pass(w, 11 * HOUR_MS), 0);
	log_in(w);
	OK(renew(w, UNITS_MS));
	assert_true(timer_run(w, UNITS_MS, 14 * HOUR_MS, 0) > 0);
}

/* What is shown above can fail: a window that the timer does not fit leaves gaps, and a run that is
 * a day late; a sync is told to look each time. */
static void test_channels__a_window_too_narrow_leaves_gaps(void **state)
{
	struct world *w = *state;

	begin(w);
	assert_int_equal(timer_run(w, HOUR_MS, 0, 0), 0);
	assert_true(timer_run(w, HOUR_MS, 0, 0) > 4 * 24 * 60);
	assert_int_equal(wakes(), 1);
	assert_true(has_live_channel(w));
	assert_true(timer_run(w, 7 * DAY_MS, DAY_MS + HOUR_MS, 0) > 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		CHANNEL_TEST(test_channels__a_month_without_a_gap),
		CHANNEL_TEST(test_channels__a_month_of_the_worst_without_a_gap),
		CHANNEL_TEST(test_channels__the_window_of_the_units_without_a_gap),
		CHANNEL_TEST(test_channels__the_units_late_by_more_than_half_a_day),
		CHANNEL_TEST(test_channels__a_window_too_narrow_leaves_gaps),
	};

	return cmocka_run_group_tests_name("channels_month", tests, NULL, NULL);
}
