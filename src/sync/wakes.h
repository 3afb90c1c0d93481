/*
 * Google's notifications, as the receiver left them in the webhook's database (store/hook.h), become
 * the store's requests to sync.
 *
 *   W1  A wake goes only when its request is committed: a death in between makes one sync more.
 *   W2  One that comes meanwhile has another ticket, and stays: it makes another sync.
 *   W3  A run takes only what it is going to serve. The bell is silenced by who takes all.
 *   W4  Runs on the queue follow one another: what comes while one pulls a calendar in full would
 *       wait for all of its pages. That pull ends behind its page instead, and its request stays;
 *       the run that what came will start goes on with it, behind what is quick.
 */
#ifndef SYNC_WAKES_H
#define SYNC_WAKES_H

#include "base/clock.h"
#include "store/hook.h"
#include "store/store.h"

struct wake_scope {                          /* borrowed */
	const struct account_list *accounts; /* NULL = of all */
	/* One an account: Google's id of the only calendar; NULL, and a NULL in it = every one. */
	char *const *calendars;
};

/* scope NULL: all that waits. Without a webhook's database there is nothing to do, and none is made.
 * ERR_INVALID: it is another store's, and left alone. */
int wakes_absorb(struct store *s, struct clock *clock, const char *hook_path,
		 const struct wake_scope *scope, struct err *err);

/* W4: whether something came since somebody took what waited. */
bool wakes_came(struct store *s, const char *hook_path);

/* Behind a sync: leave word of when the queue is due next, for who starts the next one. Not in another
 * store's database. */
int wakes_note_next(struct store *s, struct clock *clock, const char *hook_path, struct err *err);

/* What waits, oldest first, of calendars that are synced; to look at. An array of the caller's. */
int wakes_look(struct store *s, const char *hook_path, struct hook_wake **out, size_t *out_count,
	       struct err *err);

#endif
