#include "sync/wakes.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "base/banned.h"

struct absorption {
	struct store *store;
	struct hook *hook;
	struct clock *clock;
	const struct wake_scope *scope;
	struct hook_wake *wakes; /* those in scope */
	size_t count;
};

static void absorption_release(struct absorption *a)
{
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

static bool in_scope(const struct wake_scope *s, const struct calendar *c)
{
	if (!s || !s->accounts)
		return true;
	for (size_t i = 0; i < s->accounts->count; i++)
		if (s->accounts->items[i].id == c->account_id)
			return !s->calendars || !s->calendars[i] ||
			       !strcmp(s->calendars[i], c->google_id);
	return false;
}

/* Inside a transaction of the store's. What is not in scope leaves the list, and stays. */
static int request_all(struct absorption *a, struct err *err)
{
	size_t kept = 0;

	for (size_t i = 0; i < a->count; i++) {
		AUTO(calendar_release) struct calendar c = {0};
		const struct hook_wake *w = &a->wakes[i];
		bool found;

		if (find_calendar(a->store, w->calendar_id, &c, &found, err))
			return -1;
		if (found && !in_scope(a->scope, &c))
			continue;
		if (found && store_request_add(a->store, w->calendar_id, "notification",
					       clock_now_ms(a->clock), err))
			return -1;
		log_debug("sync", "calendar %lld: notification -> %s", (long long)w->calendar_id,
			  found ? "queued" : "nobody syncs it");
		a->wakes[kept++] = *w;
	}
	a->count = kept;
	return 0;
}

static int request_durably(struct absorption *a, struct err *err)
{
	if (store_begin(a->store, err))
		return -1;
	if (!request_all(a, err))
		return store_commit(a->store, err);
	store_rollback(a->store);
	return -1;
}

static int remove_all(struct absorption *a, struct err *err)
{
	if (hook_begin(a->hook, err))
		return -1;
	for (size_t i = 0; i < a->count; i++) {
		if (hook_wake_done(a->hook, &a->wakes[i], err)) {
			hook_rollback(a->hook);
			return -1;
		}
	}
	return hook_commit(a->hook, err);
}

int wakes_absorb(struct store *s, struct clock *clock, const char *hook_path,
		 const struct wake_scope *scope, struct err *err)
{
	AUTO(absorption_release)
	struct absorption a = {.store = s, .clock = clock, .scope = scope};

	if (hook_open(hook_path, false, &a.hook, err))
		return err->code == ERR_NOT_FOUND ? 0 : -1;
	/* Order matters: what comes in after the bell is silenced rings it again. */
	if ((!scope && hook_bell_silence(a.hook, err)) ||
	    hook_wake_list(a.hook, &a.wakes, &a.count, err))
		return -1;
	if (!a.count)
		return 0;
	/* Order matters (W1). */
	return request_durably(&a, err) || remove_all(&a, err) ? -1 : 0;
}

int wakes_note_next(struct store *s, struct clock *clock, const char *hook_path, struct err *err)
{
	AUTO(hook_close) struct hook *hook = NULL;
	int64_t at_ms;

	if (hook_open(hook_path, false, &hook, err))
		return err->code == ERR_NOT_FOUND ? 0 : -1;
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
	} else if (hook_wake_look(hook, &all, &count, err)) {
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
