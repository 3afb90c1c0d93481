/*
 * Stay below what Google allows: HTTP requests a second and quota units a minute, both over a
 * sliding window. Pure: the caller brings the time (a monotonic clock) and does the sleeping.
 *
 * Source  google-calendar-api.md 5.3: 600 units a minute and user, a patch counts three, a batch
 *         counts its parts; design.md promise 10: 10 requests a second.
 */
#ifndef GOOGLE_RATELIMIT_H
#define GOOGLE_RATELIMIT_H

#include <stdint.h>

#define RATE_REQUESTS   10
#define RATE_REQUEST_MS 1000
#define RATE_UNITS      600
#define RATE_UNIT_MS    60000

struct ratelimit {                      /* all zero to start with */
	int64_t sent_ms[RATE_REQUESTS]; /* ring: when the last requests went out */
	int64_t sent;                   /* requests ever; the next slot is sent % RATE_REQUESTS */
	struct {
		int64_t at_ms;
		int units;
	} spent[RATE_UNITS]; /* ring: each entry costs at least one unit, so it cannot overflow */
	int first, count;    /* used part of the ring */
	int units;           /* sum over it */
};

/* Milliseconds to wait before a request of that many units (0..RATE_UNITS) may go out; 0 = now. */
int64_t ratelimit_delay_ms(struct ratelimit *r, int64_t now_ms, int units);
/* It goes out now. */
void ratelimit_note(struct ratelimit *r, int64_t now_ms, int units);

#endif
