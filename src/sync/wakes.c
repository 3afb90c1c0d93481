#include "sync/wakes.h"

#include <stdlib.h>
#include <string.h>

#include "base/id_map.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "store/bell.h"
#include "base/banned.h"

/* In one transaction, of the store's or of the webhook's database: thousands may have come, and
 * others write meanwhile. */
#define BATCH 100

struct absorption {
	struct store *store;
	struct hook *hook;
	struct clock *clock;
	const struct wake_scope *scope;
	struct id_map places;    /* of the scope's accounts */
	struct hook_wake *wakes; /* those in scope */
	size_t count;
};

static void absorption_release(struct absorption *a)
{
	id_map_release(&a->places);
	free(a->wakes);
	hook_close(a->hook);
}
DEFINE_AUTO_VALUE(struct absorption, absorption_release)

/* *out_found false: it is gone with its account, or nobody syncs it. */
static int find_calendar(struct store *s, int64_t id, struct calendar *out, bool *out_found,
			 struct err *err)
{
	*out_found = false;
	if (store_calendar_get(s, id, out, err))
		return err->code == ERR_NOT_FOUND ? 0 : -1;
	*out_found = out->selected && !out->gone;
	return 0;
}

static bool in_scope(const struct absorption *a, const struct calendar *c)
{
	const struct wake_scope *s = a->scope;
	size_t i;

	if (!s || !s->accounts)
		return true;
	return id_map_find(&a->places, c->account_id, &i) &&
	       (!s->calendars || !s->calendars[i] || !strcmp(s->calendars[i], c->google_id));
}

/* *out_ours false: it is not in scope, and stays. */
static int request(struct absorption *a, const struct hook_wake *w, bool *out_ours, struct err *err)
{
	AUTO(calendar_release) struct calendar c = {0};
	bool found;

	if (find_calendar(a->store, w->calendar_id, &c, &found, err))
		return -1;
	*out_ours = !found || in_scope(a, &c);
	if (!*out_ours)
		return 0;
	if (found && store_request_add(a->store, w->calendar_id, "notification",
				       clock_now_ms(a->clock), err))
		return -1;
	log_debug("sync", "calendar %lld: notification -> %s", (long long)w->calendar_id,
		  found ? "queued" : "nobody syncs it");
	return 0;
}

static size_t batch_end(size_t from, size_t count)
{
	return count - from > BATCH ? from + BATCH : count;
}

/* Those from here to the batch's end; the ones in scope move to the front, behind *kept. */
static int request_batch(struct absorption *a, size_t from, size_t *kept, struct err *err)
{
	bool ours;

	if (store_begin(a->store, err))
		return -1;
	for (size_t i = from; i < batch_end(from, a->count); i++) {
		if (request(a, &a->wakes[i], &ours, err)) {
			store_rollback(a->store);
			return -1;
		}
		if (ours)
			a->wakes[(*kept)++] = a->wakes[i];
	}
	return store_commit(a->store, err);
}

static int request_all(struct absorption *a, struct err *err)
{
	size_t kept = 0;

	for (size_t i = 0; i < a->count; i = batch_end(i, a->count))
		if (request_batch(a, i, &kept, err))
			return -1;
	a->count = kept;
	return 0;
}

static int remove_batch(struct absorption *a, size_t from, struct err *err)
{
	if (hook_begin(a->hook, err))
		return -1;
	for (size_t i = from; i < batch_end(from, a->count); i++) {
		if (hook_wake_done(a->hook, &a->wakes[i], err)) {
			hook_rollback(a->hook);
			return -1;
		}
	}
	return hook_commit(a->hook, err);
}

static int remove_all(struct absorption *a, struct err *err)
{
	for (size_t i = 0; i < a->count; i = batch_end(i, a->count))
		if (remove_batch(a, i, err))
			return -1;
	return 0;
}

int wakes_absorb(struct store *s, struct clock *clock, const char *hook_path,
		 const struct wake_scope *scope, struct err *err)
{
	AUTO(absorption_release)
	struct absorption a = {.store = s, .clock = clock, .scope = scope};

	if (hook_open_of(s, hook_path, false, &a.hook, err))
		return err->code == ERR_NOT_FOUND ? 0 : -1;
	/* Order matters: what comes in after the bell is silenced rings it again. */
	if ((!scope && bell_silence(hook_path, err)) ||
	    hook_wake_list(a.hook, &a.wakes, &a.count, err))
		return -1;
	if (!a.count)
		return 0;
	if (scope && scope->accounts)
		account_list_map(scope->accounts, &a.places);
	/* Order matters (W1). */
	return request_all(&a, err) || remove_all(&a, err) ? -1 : 0;
}

bool wakes_came(struct store *s, const char *hook_path)
{
	AUTO(hook_close) struct hook *hook = NULL;
	struct err err;
	bool came = false;

	if ((hook_open_of(s, hook_path, false, &hook, &err) ||
	     hook_wake_is_new(hook, &came, &err)) &&
	    err.code != ERR_NOT_FOUND)
		log_debug("sync", "%s, ignoring", err.msg);
	return came;
}

int wakes_note_next(struct store *s, struct clock *clock, const char *hook_path, struct err *err)
{
	AUTO(hook_close) struct hook *hook = NULL;
	int64_t at_ms;

	if (hook_open_of(s, hook_path, false, &hook, err))
		return err->code == ERR_NOT_FOUND || err->code == ERR_INVALID ? 0 : -1;
	if (store_queue_next(s, clock_now_ms(clock), &at_ms, err))
		return -1;
	return hook_next_set(hook, at_ms, err);
}

int wakes_look(struct store *s, const char *hook_path, struct hook_wake **out, size_t *out_count,
	       struct err *err)
{
	AUTO(hook_close) struct hook *hook = NULL;
	AUTO(free) struct hook_wake *all = NULL;
	size_t count = 0, kept = 0;

	if (hook_open(hook_path, false, &hook, err)) {
		if (err->code != ERR_NOT_FOUND)
			return -1;
	} else if (hook_check_owner(hook, s, err) || hook_wake_look(hook, &all, &count, err)) {
		return -1;
	}
	for (size_t i = 0; i < count; i++) {
		AUTO(calendar_release) struct calendar c = {0};
		bool found;

		if (find_calendar(s, all[i].calendar_id, &c, &found, err))
			return -1;
		if (found)
			all[kept++] = all[i];
	}
	*out = TAKE(all);
	*out_count = kept;
	return 0;
}
