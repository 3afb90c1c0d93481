/*
 * What the receiver counts, and how Prometheus reads it.
 *
 * Source  Prometheus, "Exposition formats": text format 0.0.4
 */
#ifndef WEB_METRICS_H
#define WEB_METRICS_H

#include <stdint.h>

#include "base/strbuf.h"

/* How a request ended: name in the metrics, what it means. */
#define METRIC_OUTCOMES(X)                                        \
	X(METRIC_ACCEPTED, "accepted") /* on disk */              \
	X(METRIC_REPEATED, "repeated") /* known already */        \
	X(METRIC_UNKNOWN, "unknown_channel")                      \
	X(METRIC_TOKEN, "wrong_token")                            \
	X(METRIC_RESOURCE, "wrong_resource")                      \
	X(METRIC_FAILED, "failed")       /* not taken: 503 */     \
	X(METRIC_MALFORMED, "malformed") /* 400, 405, 413, 431 */ \
	X(METRIC_NOT_FOUND, "not_found") /* another path */

enum metric_outcome {
#define X(code, name) code,
	METRIC_OUTCOMES(X)
#undef X
		METRIC_OUTCOME_COUNT
};

#define METRIC_BATCH_BUCKETS 8 /* 1, 2, 4, ... 128; what is larger is in +Inf */

struct metrics {
	uint64_t outcomes[METRIC_OUTCOME_COUNT];
	uint64_t connections;         /* accepted */
	uint64_t connections_refused; /* there was no room */
	uint64_t connections_pushed;  /* made room for another */
	uint64_t connections_expired; /* ran out of time */
	uint64_t commits, commits_failed;
	uint64_t batch_buckets[METRIC_BATCH_BUCKETS]; /* not summed up */
	uint64_t batches, batched;                    /* committed; messages in those */
	uint64_t drains, drains_failed;
	int64_t last_drain_ms; /* end of the last that went well, epoch; 0 = none yet */
	int64_t start_ms;      /* epoch */
};

/* Those that are asked for at the moment of the scrape. */
struct metrics_now {
	int64_t now_ms;
	uint64_t open;      /* connections */
	int64_t wakes;      /* calendars that wait; -1 = the database does not answer */
	bool database_up;   /* it also takes what is written */
	int drain_failures; /* in a row */
};

/* A commit of so many messages. */
void metrics_batch(struct metrics *m, size_t messages);
void metrics_text(const struct metrics *m, const struct metrics_now *now, struct strbuf *out);

#endif
