/* Sending the changes of a command at once, one try each. */
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "base/banned.h"
#include "google/google.h"
#include "sync/engine.h"
#include "sync/lock.h"

#define DEADLINE_MS 4500 /* the command is back within 5 s */
#define LOCK_MS     1000

/* The events' calendars, one after the other; rowids of other calendars are not theirs. */
static int push_rows(struct engine *e, const int64_t *rowids, size_t count, struct err *err)
{
	AUTO(free) int64_t *done = xcalloc(count, sizeof(*done));
	size_t done_count = 0;

	for (size_t i = 0; i < count; i++) {
		AUTO(event_release) struct event row = {0};
		AUTO(calendar_release) struct calendar c = {0};
		struct calendar_result r = {0};
		bool again = false;

		if (store_event_get_row(e->store, rowids[i], &row, err)) {
			if (err->code == ERR_NOT_FOUND)
				continue; /* gone with its calendar's turn */
			return -1;
		}
		for (size_t k = 0; k < done_count; k++)
			again |= done[k] == row.calendar_id;
		if (again)
			continue;
		done[done_count++] = row.calendar_id;
		if (store_calendar_get(e->store, row.calendar_id, &c, err) ||
		    push_calendar(e, &c, rowids, count, &r, err))
			return -1;
	}
	return 0;
}

/* Google's refusal of an event is kept with it. */
static int check_refused(struct store *s, const int64_t *rowids, size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++) {
		AUTO(event_release) struct event row = {0};
		struct err gone;

		if (store_event_get_row(s, rowids[i], &row, &gone))
			continue; /* deleted, as it should be */
		if (row.sync_status == SYNC_ERROR)
			return err_set(err, ERR_GOOGLE, "%s",
				       row.last_error ? row.last_error
						      : "Google refused the event");
	}
	return 0;
}

/* A sync that runs may have looked at the calendar for the last time: who holds the lock is told
 * by a request that it is to be looked at again. */
static void ask_for_more(const struct sync_env *env, const int64_t *rowids, size_t count)
{
	struct err err;

	for (size_t i = 0; i < count; i++) {
		AUTO(event_release) struct event row = {0};

		if (store_event_get_row(env->store, rowids[i], &row, &err))
			continue; /* sent, and gone, in this moment */
		if (store_request_add(env->store, row.calendar_id, "edit", clock_now_ms(env->clock),
				      &err))
			log_warn("sync", "cannot ask for another sync: %s, ignoring", err.msg);
	}
}

static int take_lock(const struct sync_env *env, const struct account *account,
		     const int64_t *rowids, size_t count, struct account_lock **out,
		     struct err *err)
{
	if (!account_lock_take(store_path(env->store), account->id, env->clock, LOCK_MS, out, err))
		return 0;
	if (err->code == ERR_LOCKED)
		ask_for_more(env, rowids, count);
	return -1;
}

int sync_events(const struct sync_env *env, const struct account *account, const int64_t *rowids,
		size_t count, struct err *err)
{
	AUTO(account_lock_free) struct account_lock *lock = NULL;
	AUTO(google_free) struct google *google = NULL;
	struct sync_options o = {.conflict = env->conflict};
	struct engine e = {.store = env->store, .clock = env->clock, .options = &o};

	if (account_check_state(account, err) ||
	    take_lock(env, account, rowids, count, &lock, err) ||
	    engine_open_google(env, account, GOOGLE_ONCE, DEADLINE_MS - LOCK_MS, false, &google,
			       err))
		return -1;
	e.google = google;
	if (push_rows(&e, rowids, count, err))
		return -1;
	return check_refused(env->store, rowids, count, err);
}
