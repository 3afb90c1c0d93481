/* The steps of channels.c: one channel made, stopped, forgotten. Not for other directories. */
#ifndef SYNC_CHANNEL_STEP_H
#define SYNC_CHANNEL_STEP_H

#include "base/clock.h"
#include "google/google.h"
#include "model/channel.h"
#include "store/hook.h"
#include "store/store.h"

struct channel_step {
	struct store *store;
	struct clock *clock;
	struct google *google;
	struct hook *hook; /* NULL only where none is made, and there is none */
	int64_t account_id;
	bool is_clock_wrong; /* a channel that Google has just made is over by it */
};

/*
 * A channel for a calendar; afterwards it is the only ACTIVE one. dark: changes may have gone
 * unnoticed before, so the calendar is to be synced.
 *
 * Errors  as of google_watch_events(). When Google has certainly made none no row is left behind.
 *         ERR_FAILED and is_clock_wrong: it would be taken for over at once, and is stopped.
 */
int channel_make(struct channel_step *s, const struct calendar *c, const char *address, bool dark,
		 struct err *err);
/* One that Google does not know (any more) is stopped. On failure it is STOPPING, and known to have
 * failed once more. */
int channel_stop(struct channel_step *s, const struct channel *c, struct err *err);
/* No request: its rows go. */
int channel_forget(struct channel_step *s, const char *id, struct err *err);

#endif
