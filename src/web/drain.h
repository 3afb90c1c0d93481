/*
 * When the queue is drained: arithmetic alone, the caller starts and reaps the child.
 *
 *   IDLE --[drain_news]--> DUE --[drain_started]--> RUNNING --[drain_ended]--> IDLE
 *                           ^                                      |
 *                           +--- news came meanwhile, or it failed-+
 *
 * D1  What is told while a run is under way makes another one: it may have come too late for this.
 * D2  News never waits longer than DRAIN_DEBOUNCE_MS, but runs begin DRAIN_SPACING_MS apart; while
 *     they fail altogether, up to DRAIN_BROKEN_MS.
 * D3  A failed run is tried again without news, after 1 s, 2 s ... 10 min; success resets that.
 *     So is one after which rows wait that nobody has asked for since.
 *
 * Units  *_ms are of a monotonic clock
 */
#ifndef WEB_DRAIN_H
#define WEB_DRAIN_H

#include <stdbool.h>
#include <stdint.h>

#define DRAIN_DEBOUNCE_MS  50
#define DRAIN_SPACING_MS   1000
#define DRAIN_BROKEN_MS    5000
#define DRAIN_RETRY_MIN_MS 1000
#define DRAIN_RETRY_MAX_MS 600000

enum drain_end {
	DRAIN_DONE,
	DRAIN_PARTIAL, /* some accounts are broken: no reason to keep the others waiting */
	DRAIN_FAILED,
};

struct drain {
	bool running;
	bool news;          /* came since the run began */
	bool is_due;        /* due_ms is set */
	int64_t due_ms;     /* when the next run may begin */
	bool was_started;   /* started_ms is set */
	int64_t started_ms; /* of the last run */
	int failures;       /* in a row */
	enum drain_end last;
}; /* all zero: nothing to do */

/* What the child's end means: its status as waitpid() gives it. Source: design.md, Exit status. */
enum drain_end drain_judge(int wait_status);

void drain_news(struct drain *d, int64_t now_ms); /* rows wait */
/* Whether a run is to begin now. */
bool drain_wants_start(const struct drain *d, int64_t now_ms);
void drain_started(struct drain *d, int64_t now_ms);
/*
 * rows_wait  the webhook's database still holds wakes
 * random     any number: spreads the tries of hosts that failed together
 */
void drain_ended(struct drain *d, int64_t now_ms, enum drain_end end, bool rows_wait,
		 uint32_t random);
/* Until drain_wants_start() will say yes; -1 = it will not by itself. */
int64_t drain_timeout_ms(const struct drain *d, int64_t now_ms);

#endif
