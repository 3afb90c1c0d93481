/*
 * How long to wait before a call is tried again: pure arithmetic.
 *
 * Source  google-calendar-api.md 5.4; "full jitter": uniform between nothing and the window, so
 *         that clients that failed together do not come back together.
 */
#ifndef GOOGLE_BACKOFF_H
#define GOOGLE_BACKOFF_H

#include <stdint.h>

#define BACKOFF_BASE_MS 1000
#define BACKOFF_CAP_MS  32000
#define BACKOFF_TRIES   6 /* the first one included */

/* Longer than this is not slept through: the run ends and the next one keeps to it. */
#define RETRY_AFTER_MAX_S 60

/* Upper end of the window after `failed` tries (1, 2, ...): 1 s, 2 s, 4 s, ... 32 s. */
int64_t backoff_window_ms(int failed);
/*
 * 1 .. backoff_window_ms(failed), drawn at random; with retry_after_s > 0 never less than that, and
 * at most one window more.
 */
int64_t backoff_delay_ms(int failed, int retry_after_s);

#endif
