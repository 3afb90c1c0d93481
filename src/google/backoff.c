#include "google/backoff.h"

#include "base/random.h"

int64_t backoff_window_ms(int failed)
{
	int64_t window = BACKOFF_BASE_MS;

	for (int i = 1; i < failed && window < BACKOFF_CAP_MS; i++)
		window *= 2;
	return window < BACKOFF_CAP_MS ? window : BACKOFF_CAP_MS;
}

int64_t backoff_delay_ms(int failed, int retry_after_s)
{
	int64_t delay = 1 + (int64_t)random_below((uint64_t)backoff_window_ms(failed));
	int64_t least = (int64_t)retry_after_s * 1000;

	if (!least || delay >= least)
		return delay;
	/* Spread those whom the server sent away with the same number; short of a whole window, as
	 * it said when it is ready. */
	return least + delay % 1000;
}
