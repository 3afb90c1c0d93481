/* What occurred, counted over all histories and processes: a simulation that never does a thing
 * proves nothing about it. */
#ifndef SIM_COVER_H
#define SIM_COVER_H

#include <stdint.h>
#include <stdio.h>

#include "history.h"
#include "net.h"
#include "sync/plan.h"

#define PLAN_KINDS (PLAN_AGREE + 1)

#define SIM_EVENTS(X)                                                            \
	X(SEEN_LOCAL_MEANWHILE, "a store edited while its sync was under way")   \
	X(SEEN_GOOGLE_MEANWHILE, "google edited while a sync was under way")     \
	X(SEEN_NESTED_SYNC, "a store synced while another's sync was under way") \
	X(SEEN_LOCKED, "a second sync of the same store found it locked")        \
	X(SEEN_PAGED, "a listing of several pages")                              \
	X(SEEN_BATCH, "a batch")                                                 \
	X(SEEN_CONFLICT, "a conflict of fields")                                 \
	X(SEEN_GUARD, "a sweep that the absence guard stopped")                  \
	X(SEEN_DUPLICATE, "409 duplicate")                                       \
	X(SEEN_PRECONDITION, "412 for an etag that was old")                     \
	X(SEEN_GONE, "410 or 404 for an event that is gone")                     \
	X(SEEN_REFRESH, "a token refreshed")                                     \
	X(SEEN_HELD, "an edit held at the end")                                  \
	X(SEEN_REFUSED, "an edit refused at the end")                            \
	X(SEEN_THIRD_ROUND, "a history that took three rounds to come to rest")

enum seen {
#define X(id, words) id,
	SIM_EVENTS(X)
#undef X
		SEEN_KINDS
};

struct cover {
	uint64_t ops[OP_KINDS];
	uint64_t faults[FAULT_KINDS];
	uint64_t points[POINT_KINDS];
	uint64_t plans[PLAN_KINDS];
	uint64_t seen[SEEN_KINDS];
	uint64_t requests, histories;
};

extern struct cover *cover; /* shared by all workers; NULL = nobody counts */

#define COVER(member)                                                            \
	do {                                                                     \
		if (cover)                                                       \
			__atomic_fetch_add(&cover->member, 1, __ATOMIC_RELAXED); \
	} while (0)

void cover_share(void); /* before the workers are forked */
/* A table of all counters; returns how many stand at 0. */
int cover_print(FILE *out);

#endif
