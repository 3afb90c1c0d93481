/*
 * Time as a seam: the product sleeps and reads the system clock, the simulation
 * moves its own. Nothing else in the program calls time(), clock_gettime() or nanosleep().
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

struct clock {
	int64_t (*now_ms)(struct clock *);            /* ms since 1970-01-01 UTC */
	int64_t (*mono_ms)(struct clock *);           /* ms, never goes back */
	void (*sleep_ms)(struct clock *, int64_t ms); /* <= 0 returns at once */
};

struct clock *clock_system(void); /* static, never freed */

static inline int64_t clock_now_ms(struct clock *c)
{
	return c->now_ms(c);
}

/* Waits, as poll() takes them: -1 = for ever. */
static inline int64_t clock_until(int64_t then_ms, int64_t now_ms)
{
	return then_ms > now_ms ? then_ms - now_ms : 0;
}

static inline void clock_sooner(int64_t *wait_ms, int64_t ms)
{
	if (ms >= 0 && (*wait_ms < 0 || ms < *wait_ms))
		*wait_ms = ms;
}

#endif
