/*
 * What waits in the webhook's database, and who is told: the child that drains the queue, one at a
 * time and when web/drain.h says so, or the bell of --no-drain. Also the receiver's word on whether
 * that database works.
 *
 *   drainer_begin() -> for ever: [drainer_tell()] [drainer_reap()] drainer_tick(), after a wait of
 *   at most drainer_timeout_ms() -> drainer_stop() -> drainer_reap() until there is no child
 */
#ifndef CMD_WEBHOOKD_DRAIN_H
#define CMD_WEBHOOKD_DRAIN_H

#include <sys/types.h>

#include "cmd/webhookd.h"
#include "web/drain.h"
#include "web/metrics.h"

struct drainer {
	const struct webhookd *w;
	struct metrics *metrics;
	struct drain drain;
	pid_t child; /* 0 = none runs */
	bool is_stopping;
	bool is_read_bad;  /* when the database was read last */
	bool is_write_bad; /* when it was written to last; to read it proves nothing of that */
	int drain_status;  /* as was said last; 0 = well */
	bool bell_waits;   /* it could not be rung */
	int64_t bell_ms;   /* when to try again */
	int64_t look_ms;   /* when to look again for what is due */
	bool tries_wait;   /* something has failed, and is due later */
};

/* The first look: a sync that was killed may have left something. */
void drainer_begin(struct drainer *d);
/* Calendars wait in the database, committed. */
void drainer_tell(struct drainer *d);
/* The same when it may be so: an owner has come back. */
void drainer_tell_if_any(struct drainer *d);
/* After SIGCHLD, or at any time. */
void drainer_reap(struct drainer *d);
/* Start, ring and look when it is time for it. */
void drainer_tick(struct drainer *d);
int64_t drainer_timeout_ms(const struct drainer *d); /* until the next tick; -1 = for ever */
/* No child more; the one that runs is asked to end. */
void drainer_stop(struct drainer *d);

/* Calendars that wait; -1 = the database does not answer. */
int64_t drainer_count_wakes(struct drainer *d);
/* Whether notifications can be taken. */
bool drainer_is_database_well(struct drainer *d);
/* What became of a batch: told when that changes, not at every request. err: why it failed. */
void drainer_note_write(struct drainer *d, bool is_bad, const struct err *err);

#endif
