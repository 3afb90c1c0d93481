#include "google/ratelimit.h"

#include <assert.h>

static void forget_old(struct ratelimit *r, int64_t now_ms)
{
	while (r->count && r->spent[r->first].at_ms <= now_ms - RATE_UNIT_MS) {
		r->units -= r->spent[r->first].units;
		r->first = (r->first + 1) % RATE_UNITS;
		r->count--;
	}
}

/* When enough of the oldest units have left the window. */
static int64_t units_free_at(const struct ratelimit *r, int64_t now_ms, int units)
{
	int used = r->units;

	for (int i = 0; i < r->count && used + units > RATE_UNITS; i++) {
		int at = (r->first + i) % RATE_UNITS;

		used -= r->spent[at].units;
		now_ms = r->spent[at].at_ms + RATE_UNIT_MS;
	}
	return now_ms;
}

int64_t ratelimit_delay_ms(struct ratelimit *r, int64_t now_ms, int units)
{
	int64_t free_at;

	assert(units >= 0 && units <= RATE_UNITS);
	forget_old(r, now_ms);
	free_at = units_free_at(r, now_ms, units);
	if (r->sent >= RATE_REQUESTS) {
		int64_t slot = r->sent_ms[r->sent % RATE_REQUESTS] + RATE_REQUEST_MS;

		if (slot > free_at)
			free_at = slot;
	}
	return free_at > now_ms ? free_at - now_ms : 0;
}

void ratelimit_note(struct ratelimit *r, int64_t now_ms, int units)
{
	int at;

	r->sent_ms[r->sent++ % RATE_REQUESTS] = now_ms;
	if (units <= 0)
		return;
	forget_old(r, now_ms);
	assert(r->count < RATE_UNITS);
	at = (r->first + r->count++) % RATE_UNITS;
	r->spent[at].at_ms = now_ms;
	r->spent[at].units = units;
	r->units += units;
}
