#include "web/drain.h"

#include <sys/wait.h>

#include "base/banned.h"

enum drain_end drain_judge(int wait_status)
{
	if (!WIFEXITED(wait_status))
		return DRAIN_FAILED;
	switch (WEXITSTATUS(wait_status)) {
	case 0:
	case 6: /* conflicts wait for a person */
		return DRAIN_DONE;
	case 3: /* a login is dead: that account is left out from now on */
	case 7:
		return DRAIN_PARTIAL;
	default:
		return DRAIN_FAILED;
	}
}

/* D3 */
static int64_t grown_ms(int failures, int64_t most)
{
	int64_t delay = DRAIN_RETRY_MIN_MS;

	for (int i = 1; i < failures && delay < most; i++)
		delay *= 2;
	return delay < most ? delay : most;
}

/* Give or take a quarter. */
static int64_t retry_delay_ms(int failures, uint32_t random)
{
	int64_t delay = grown_ms(failures, DRAIN_RETRY_MAX_MS);

	return delay - delay / 4 + (int64_t)random % (delay / 2 + 1);
}

/* D2: not before then; earlier than what was planned, or else that stays. */
static void plan(struct drain *d, int64_t at_ms)
{
	int64_t gap = d->failures && d->last == DRAIN_FAILED
			      ? grown_ms(d->failures, DRAIN_BROKEN_MS)
			      : DRAIN_SPACING_MS;

	if (d->was_started && at_ms < d->started_ms + gap)
		at_ms = d->started_ms + gap;
	if (!d->is_due || at_ms < d->due_ms)
		d->due_ms = at_ms;
	d->is_due = true;
}

void drain_news(struct drain *d, int64_t now_ms)
{
	if (d->running)
		d->news = true;
	else
		plan(d, now_ms + DRAIN_DEBOUNCE_MS);
}

bool drain_wants_start(const struct drain *d, int64_t now_ms)
{
	return !d->running && d->is_due && now_ms >= d->due_ms;
}

void drain_started(struct drain *d, int64_t now_ms)
{
	d->running = true;
	d->news = false;
	d->is_due = false;
	d->was_started = true;
	d->started_ms = now_ms;
}

void drain_ended(struct drain *d, int64_t now_ms, enum drain_end end, bool rows_wait,
		 uint32_t random)
{
	bool again = d->news;

	d->running = false;
	d->news = false;
	d->last = end;
	if (end == DRAIN_DONE && (again || !rows_wait)) {
		d->failures = 0;
	} else {
		d->failures++;
		d->due_ms = now_ms + retry_delay_ms(d->failures, random);
		d->is_due = true;
	}
	if (again)
		plan(d, now_ms);
}

int64_t drain_timeout_ms(const struct drain *d, int64_t now_ms)
{
	if (d->running || !d->is_due)
		return -1;
	return d->due_ms > now_ms ? d->due_ms - now_ms : 0;
}
