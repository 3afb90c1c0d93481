#include "web/hook_batch.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "base/banned.h"

struct item {
	struct hook_message m;
	enum hook_outcome outcome;
};

/* What the messages of one channel come to. */
struct note {
	const char *channel; /* of its first item */
	const char *resource;
	size_t first, count; /* in the order of b->order */
	int64_t calendar_id;
	int64_t number;   /* the highest that is news */
	int64_t counted;  /* of those, without 'sync' */
	bool is_verified; /* it had a message before */
};

struct hook_batch {
	struct item *items;
	size_t count, room;
	size_t *order; /* of items, by channel and number */
	struct note *notes;
	size_t note_count;
	int64_t *woken; /* calendars */
};

struct hook_batch *hook_batch_new(void)
{
	return xcalloc(1, sizeof(struct hook_batch));
}

void hook_batch_free(struct hook_batch *b)
{
	if (!b)
		return;
	free(b->items);
	free(b->order);
	free(b->notes);
	free(b->woken);
	free(b);
}

void hook_batch_clear(struct hook_batch *b)
{
	b->count = 0;
	b->note_count = 0;
}

size_t hook_batch_count(const struct hook_batch *b)
{
	return b->count;
}

size_t hook_batch_add(struct hook_batch *b, const struct hook_message *m)
{
	if (b->count == b->room) {
		b->room = b->room ? 2 * b->room : 16;
		b->items = xreallocarray(b->items, b->room, sizeof(*b->items));
		b->order = xreallocarray(b->order, b->room, sizeof(*b->order));
		b->notes = xreallocarray(b->notes, b->room, sizeof(*b->notes));
		b->woken = xreallocarray(b->woken, b->room, sizeof(*b->woken));
	}
	b->items[b->count] = (struct item){.m = *m, .outcome = HOOK_FAILED};
	return b->count++;
}

enum hook_outcome hook_batch_outcome(const struct hook_batch *b, size_t place)
{
	return b->items[place].outcome;
}

void hook_batch_fail(struct hook_batch *b)
{
	for (size_t i = 0; i < b->count; i++)
		b->items[i].outcome = HOOK_FAILED;
}

/* --- looking up -------------------------------------------------------------------------- */

static int by_channel(const void *a, const void *b, void *arg)
{
	const struct item *items = arg;
	const struct item *x = &items[*(const size_t *)a], *y = &items[*(const size_t *)b];
	int order = strcmp(x->m.channel, y->m.channel);

	return order ? order : (x->m.number > y->m.number) - (x->m.number < y->m.number);
}

/* Whether the channel is known, its token right and its resource the same. Who asks for a channel
 * that is not there waits for the same hash and the same comparison. */
static enum hook_outcome admit(const struct hook_channel *c, bool found, const char *resource,
			       const struct hook_message *m)
{
	static const unsigned char nobody[HOOK_HASH_LEN];
	bool is_equal = digest_equal(found ? c->token_hash : nobody, m->token_hash);

	if (!found)
		return HOOK_NO_CHANNEL;
	if (!is_equal)
		return HOOK_NO_TOKEN;
	if (resource && strcmp(resource, m->resource) != 0)
		return HOOK_NO_RESOURCE;
	return HOOK_NOTED;
}

/* The items from order[n->first] on are of one channel, in the order of their numbers. */
static int look_up(struct hook_batch *b, struct hook *hook, struct note *n, struct err *err)
{
	AUTO(hook_channel_release) struct hook_channel c = {0};
	bool found;

	if (hook_channel_get(hook, n->channel, &c, &found, err))
		return -1;
	n->calendar_id = c.calendar_id;
	n->number = c.last_number;
	n->is_verified = c.verified_ms != 0;
	n->counted = 0;
	n->resource = NULL;
	for (size_t i = n->first; i < n->first + n->count; i++) {
		struct item *it = &b->items[b->order[i]];

		it->outcome = admit(&c, found, n->resource ? n->resource : c.resource_id, &it->m);
		if (it->outcome != HOOK_NOTED)
			continue;
		n->resource = it->m.resource;
		/* What is on disk repeats nothing that may yet fail: within a batch all share its
		 * fate. */
		if (it->m.number <= c.last_number)
			it->outcome = HOOK_REPEATED;
		if (it->m.number <= n->number)
			continue;
		n->number = it->m.number;
		n->counted += !it->m.is_sync;
	}
	return 0;
}

static bool is_news(const struct hook_batch *b, const struct note *n)
{
	for (size_t i = n->first; i < n->first + n->count; i++)
		if (b->items[b->order[i]].outcome == HOOK_NOTED)
			return true;
	return false;
}

static int look_up_all(struct hook_batch *b, struct hook *hook, bool *out_any, struct err *err)
{
	*out_any = false;
	b->note_count = 0;
	for (size_t i = 0; i < b->count; i++)
		b->order[i] = i;
	qsort_r(b->order, b->count, sizeof(*b->order), by_channel, b->items);
	for (size_t i = 0; i < b->count;) {
		struct note *n = &b->notes[b->note_count++];

		*n = (struct note){.channel = b->items[b->order[i]].m.channel, .first = i};
		while (i < b->count && !strcmp(b->items[b->order[i]].m.channel, n->channel)) {
			n->count++;
			i++;
		}
		if (look_up(b, hook, n, err))
			return -1;
		*out_any = *out_any || is_news(b, n);
	}
	return 0;
}

/* --- writing ----------------------------------------------------------------------------- */

static int wake(struct hook_batch *b, struct hook *hook, int64_t calendar_id, int64_t now_ms,
		struct hook_settled *out, struct err *err)
{
	for (size_t i = 0; i < out->wakes; i++)
		if (b->woken[i] == calendar_id)
			return 0;
	b->woken[out->wakes++] = calendar_id;
	return hook_wake_add(hook, calendar_id, now_ms, err);
}

static int write_all(struct hook_batch *b, struct hook *hook, int64_t now_ms,
		     struct hook_settled *out, struct err *err)
{
	for (size_t i = 0; i < b->note_count; i++) {
		const struct note *n = &b->notes[i];
		bool news;

		if (!is_news(b, n))
			continue;
		if (hook_channel_note(hook, n->channel, n->number, n->resource, n->counted, now_ms,
				      &news, err))
			return -1;
		/* No news: the channel was removed since it was looked up. Nobody waits for it. */
		if (news && n->counted && wake(b, hook, n->calendar_id, now_ms, out, err))
			return -1;
		out->syncs += news && !n->is_verified;
	}
	return 0;
}

/* What the database has no part in stays as it is: who is not known is not told of its trouble. */
static void fail_news(struct hook_batch *b)
{
	for (size_t i = 0; i < b->count; i++)
		if (b->items[i].outcome == HOOK_NOTED)
			b->items[i].outcome = HOOK_FAILED;
}

/* out_any: there was something to write. */
static int attempt(struct hook_batch *b, struct hook *hook, int64_t now_ms, bool *out_any,
		   struct hook_settled *out, struct err *err)
{
	*out = (struct hook_settled){0};
	if (look_up_all(b, hook, out_any, err)) {
		hook_rollback(hook);
		hook_batch_fail(b);
		return -1;
	}
	if (!*out_any) {
		hook_rollback(hook);
		return 0;
	}
	if (write_all(b, hook, now_ms, out, err)) {
		hook_rollback(hook);
		return -1;
	}
	if (hook_commit(hook, err))
		return -1;
	out->committed = true;
	return 0;
}

int hook_batch_settle(struct hook_batch *b, struct hook *hook, int64_t now_ms,
		      struct hook_settled *out, struct err *err)
{
	bool any = false;
	int rc;

	*out = (struct hook_settled){0};
	if (!b->count) /* and no array yet */
		return 0;
	if (hook_begin_read(hook, err)) {
		hook_batch_fail(b);
		return -1;
	}
	/* It takes the lock of a writer when it comes to writing: strangers must not keep other
	 * writers waiting. That fails when somebody else has it, or has written meanwhile; then it
	 * is waited for, and looked anew. */
	rc = attempt(b, hook, now_ms, &any, out, err);
	if (rc && any)
		rc = hook_begin(hook, err) || attempt(b, hook, now_ms, &any, out, err) ? -1 : 0;
	if (rc) {
		fail_news(b);
		*out = (struct hook_settled){0};
	}
	return rc;
}
