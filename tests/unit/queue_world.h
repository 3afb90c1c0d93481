/* The queue of a world: who asked for a sync, what waits, and what drains it. After sync_world.h. */
#ifndef TESTS_UNIT_QUEUE_WORLD_H
#define TESTS_UNIT_QUEUE_WORLD_H

#include "sync/queue.h"

#define MINUTE_MS (60 * 1000LL)
#define HOUR_MS   (60 * MINUTE_MS)

static const struct sync_options queued = {.queued = true};

static inline void ask_for(struct world *w)
{
	OK(store_request_add(w->store, w->calendar.id, "notification", w->clock.now_ms, &err));
}

static inline bool request(struct world *w, struct sync_request *out)
{
	bool found;

	OK(store_request_get(w->store, w->calendar.id, out, &found, &err));
	return found;
}

static inline bool is_asked_for(struct world *w)
{
	AUTO(sync_request_release) struct sync_request r = {0};

	return request(w, &r);
}

static inline void drain(struct world *w)
{
	forget_log(w);
	OK(run_sync(w, &queued));
}

static inline void read_op(struct world *w, int64_t row, struct outbox *out)
{
	bool found;

	OK(store_outbox_get(w->store, row, out, &found, &err));
	assert_true(found);
}

#endif
