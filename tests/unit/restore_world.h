/* Versions of a world that come back. After sync_world.h. */
#ifndef TESTS_UNIT_RESTORE_WORLD_H
#define TESTS_UNIT_RESTORE_WORLD_H

#include "sync/restore.h"

/* The newest change of an event that was logged. */
static inline int64_t last_version(struct world *w, const char *id)
{
	AUTO(history_list_release) struct history_list list = {0};
	struct history_query q = {.event_id = id, .newest_first = true, .limit = 1};

	OK(store_history_list(w->store, &q, &list, &err));
	assert_int_equal(list.count, 1);
	return list.items[0].id;
}

/* Returns the row of the event itself. */
static inline int64_t restore_with(struct world *w, const char *id, int64_t version,
				   const struct local_options *o, size_t events)
{
	AUTO(restore_plan_release) struct restore_plan p = {0};
	AUTO(event_list_release) struct event_list out = {0};

	w->clock.now_ms += 1000;
	OK(store_begin(w->store, &err));
	OK(restore_find(w->store, w->account.id, id, version, &p, &err));
	OK(restore_carry_out(w->store, &w->clock.clock, &p, o, &out, &err));
	OK(store_commit(w->store, &err));
	assert_int_equal(out.count, events);
	return out.items[0].rowid;
}

static inline int64_t restore(struct world *w, const char *id, int64_t version)
{
	struct local_options o = {0};

	return restore_with(w, id, version, &o, 1);
}

static inline enum err_code restore_fails(struct world *w, const char *id, int64_t version)
{
	AUTO(restore_plan_release) struct restore_plan p = {0};
	struct local_options o = {0};
	AUTO(event_list_release) struct event_list out = {0};
	int result;

	OK(store_begin(w->store, &err));
	result = restore_find(w->store, w->account.id, id, version, &p, &err) ||
		 restore_carry_out(w->store, &w->clock.clock, &p, &o, &out, &err);
	store_rollback(w->store);
	assert_true(result);
	return err.code;
}

#endif
