/*
 * Notifications that came together, settled together: looked up, then all that is news noted in
 * one transaction, on disk once for all of them.
 *
 *   hook_batch_add() for each -> hook_batch_settle() -> hook_batch_outcome() of each
 *   -> hook_batch_clear()
 *
 * A channel is noted once a batch, with its highest number; a calendar is woken once.
 */
#ifndef WEB_HOOK_BATCH_H
#define WEB_HOOK_BATCH_H

#include "store/hook.h"
#include "web/hook_check.h"

struct hook_batch;

enum hook_outcome {
	HOOK_NOTED,       /* on disk */
	HOOK_REPEATED,    /* known already: nothing was written */
	HOOK_NO_CHANNEL,  /* there is none of this name */
	HOOK_NO_TOKEN,    /* not the channel's token */
	HOOK_NO_RESOURCE, /* not the channel's resource */
	HOOK_FAILED,      /* the database did not take it: to be sent again */
};

struct hook_settled {
	bool committed; /* something was written */
	size_t wakes;   /* calendars that were woken */
	size_t syncs;   /* channels whose first message this was */
};

struct hook_batch *hook_batch_new(void);
void hook_batch_free(struct hook_batch *b); /* NULL allowed */
void hook_batch_clear(struct hook_batch *b);
size_t hook_batch_count(const struct hook_batch *b);
/* Copies; returns its place in the batch: 0, 1, ... */
size_t hook_batch_add(struct hook_batch *b, const struct hook_message *m);
/*
 * -1: the database failed, and every message that it should have answered for or taken is
 * HOOK_FAILED. All have an outcome in any case.
 */
int hook_batch_settle(struct hook_batch *b, struct hook *hook, int64_t now_ms,
		      struct hook_settled *out, struct err *err);
/* All of them HOOK_FAILED: there is no database. */
void hook_batch_fail(struct hook_batch *b);
enum hook_outcome hook_batch_outcome(const struct hook_batch *b, size_t place);

DEFINE_AUTO(struct hook_batch, hook_batch_free)

#endif
