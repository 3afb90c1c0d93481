/*
 * What the queue holds, and nothing else: calendars that shall be synced, and calendars where a
 * change waits to be sent.
 *
 * Q1  A request is removed only by a sync that began after it, and went well (its ticket).
 * Q2  What comes in while its calendar is being synced makes another sync: in the same run, or,
 *     when it keeps coming, in the next one. It stays queued until then.
 * Q3  A calendar that failed is not tried again in the same run, nor one that made way for others.
 */
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "base/banned.h"
#include "sync/engine.h"

#define PASSES_MAX 3

int engine_is_queued(const struct sync_env *env, const struct account *a, bool *out,
		     struct err *err)
{
	AUTO(sync_request_list_release) struct sync_request_list asked = {0};
	AUTO(outbox_list_release) struct outbox_list waiting = {0};
	int64_t now = clock_now_ms(env->clock);

	if (store_request_list(env->store, a->id, now, &asked, err) ||
	    store_outbox_list(env->store, a->id, 0, now, 1, &waiting, err))
		return -1;
	*out = asked.count || (waiting.count && !a->read_only);
	return 0;
}

struct due {
	bool pull; /* somebody asked for a sync */
	bool push; /* a change is to be sent */
};

/* Nobody syncs it any more: what was asked for has no meaning. */
static int drop_request(struct engine *e, const struct calendar *c,
			const struct sync_request *asked, struct err *err)
{
	log_info("queue", "calendar '%s' is not synced: its request is dropped", c->summary);
	if (e->options->dry_run)
		return 0;
	return store_request_done(e->store, c->id, asked->ticket, err);
}

/* What may not be sent is not due: it waits for another login, or for the role. */
static int look(struct engine *e, const struct account *a, const struct calendar *c,
		struct due *out, struct err *err)
{
	AUTO(sync_request_release) struct sync_request asked = {0};
	AUTO(outbox_list_release) struct outbox_list waiting = {0};
	int64_t now = clock_now_ms(e->clock);
	bool found;

	*out = (struct due){0};
	if (store_request_get(e->store, c->id, &asked, &found, err))
		return -1;
	if (found && (!c->selected || c->gone)) {
		if (drop_request(e, c, &asked, err))
			return -1;
	} else if (found) {
		out->pull = asked.not_before_ms <= now;
	}
	if (c->gone || a->read_only || !calendar_takes_writes(c))
		return 0;
	if (store_outbox_list(e->store, 0, c->id, now, 1, &waiting, err))
		return -1;
	out->push = waiting.count > 0;
	return 0;
}

/* What is pulled in full goes last: the others are a request each. */
static void put_long_last(struct calendar_list *l)
{
	AUTO(free) struct calendar *late = xcalloc(l->count, sizeof(*late));
	size_t n = 0, kept = 0;

	for (size_t i = 0; i < l->count; i++) {
		if (calendar_is_pulled_in_full(&l->items[i]))
			late[n++] = l->items[i];
		else
			l->items[kept++] = l->items[i];
	}
	for (size_t i = 0; i < n; i++)
		l->items[kept + i] = late[i];
}

static struct calendar_result *result_of(struct sync_result *out, const struct calendar *c)
{
	for (size_t i = 0; i < out->calendar_count; i++)
		if (!strcmp(out->calendars[i].calendar, c->google_id))
			return &out->calendars[i];
	return NULL;
}

/* out_any: something was to be done. *out_fatal: nothing more can be done. */
static int pass(struct engine *e, const struct account *a, const struct calendar_list *list,
		struct sync_result *out, bool *out_any, bool *out_fatal, struct err *err)
{
	*out_any = *out_fatal = false;
	for (size_t i = 0; i < list->count && !*out_fatal; i++) {
		const struct calendar *c = &list->items[i];
		struct calendar_result *r = result_of(out, c);
		struct due due;

		if (r && (!r->success || r->is_cut_short))
			continue;
		if (look(e, a, c, &due, err))
			return -1;
		if (!due.pull && !due.push)
			continue;
		*out_any = true;
		if (!r)
			r = &out->calendars[out->calendar_count++];
		*out_fatal = engine_sync_calendar(e, c, due.pull, r, out);
	}
	return 0;
}

int engine_sync_queued(struct engine *e, const struct account *a, struct sync_result *out,
		       struct err *err)
{
	bool any = true, fatal = false;

	for (int n = 0; any && !fatal && n < PASSES_MAX; n++) {
		AUTO(calendar_list_release) struct calendar_list list = {0};

		/* Anew each time: sync tokens have moved. */
		if (store_calendar_list(e->store, a->id, &list, err))
			return -1;
		put_long_last(&list);
		if (!out->calendars)
			out->calendars = xcalloc(list.count, sizeof(*out->calendars));
		if (pass(e, a, &list, out, &any, &fatal, err))
			return -1;
		if (e->options->dry_run)
			break;
	}
	return 0;
}
