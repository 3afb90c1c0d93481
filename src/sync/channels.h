/*
 * Push channels carried out: what channel_plan.h plans, behind a transport and a clock.
 *
 *   make:  row in the store (NEW) -> row in the webhook's database -> events.watch
 *          -> a wake, when changes may have gone unnoticed -> ACTIVE, the old one STOPPING
 *          -> the resource id for the webhook
 *   stop:  STOPPING -> channels.stop -> out of the store -> out of the webhook's database
 *
 * Each arrow is a commit; between any two the process may die. What it leaves is a plan's input
 * like any other: the next run goes on, whichever command it is.
 *
 *   C1  No channel lives at Google that is in no row, up to a day after its end.
 *   C2  A row of the webhook's database has one in the store, or is taken out by the next run.
 *   C3  What failed to be stopped is tried again by every later run over its account, and
 *       by every whole sync of it.
 */
#ifndef SYNC_CHANNELS_H
#define SYNC_CHANNELS_H

#include "google/google.h"
#include "model/channel.h"
#include "sync/sync.h"

enum push_switch {
	PUSH_AS_IS,
	/* Every selected calendar in scope is to have a channel from now on; one that Google cannot
	 * push for only when it is named. */
	PUSH_SWITCH_ON,
	PUSH_SWITCH_OFF, /* no calendar in scope is to have one from now on */
	PUSH_END_ALL, /* for this run alone: all end, and what calendars want stays written down */
};

struct channels_options {
	enum push_switch push;
	const char *address; /* of our webhook; NULL: none is made */
	int64_t calendar_id; /* the scope: this one alone; 0 = all of the account */
	int64_t window_ms;   /* a channel that ends within it is replaced */
	int64_t wait_ms;     /* for another run over the account's channels */
	enum google_patience patience;
	int64_t deadline_ms; /* of the whole run from now; 0 = none */
	/* Only whether there is something to be done (result.due). Neither Google nor a secret is
	 * needed for that, no lock is taken, and nothing is written; push is not looked at. */
	bool look;
};

struct calendar_trouble {
	char *calendar, *summary; /* Google's id, title */
	bool unsupported;         /* Google cannot push for it; err says so */
	struct err err;
};

struct live_channel {
	char *calendar, *summary;
	struct channel channel;
};

struct channels_result { /* of one account */
	char *account;
	struct err err; /* the first that kept a channel from being made; code ERR_NONE = none */
	bool is_common; /* err would meet every other calendar, too: none was tried after it */
	struct err stop_err; /* the first that kept one from being stopped: it is tried again */
	int64_t made, stopped;
	/* That still are to be stopped; also those that Google may have made although no answer
	 * came. */
	int64_t left;
	int64_t requests;
	bool due; /* after a look: there is something to be done; else all here is as it stands */
	struct calendar_trouble
		*troubles; /* of calendars that are to have a channel and got none */
	size_t trouble_count;
	struct live_channel *live; /* in scope, in the end; by account's order of calendars */
	size_t live_count;
};
void channels_result_release(struct channels_result *r);

/*
 * Bring the channels of an account into line with what its calendars want. With nothing to do
 * nothing is asked and nothing is written.
 *
 * hook_path  the webhook's database; made when the first channel is. ERR_INVALID: a channel is to be
 *            made, and it is another store's
 * Returns    0 when the account could be worked on, whatever became of it (see out); -1 when
 *            nothing could be done at all: ERR_LOCKED, ERR_STORE, ... . out is filled in both cases.
 */
int channels_run(const struct sync_env *env, const char *hook_path, const struct account *account,
		 const struct channels_options *o, struct channels_result *out, struct err *err);

/* Take out of the webhook's database what the store has no channel for; another store's is left alone. */
int channels_tidy(struct store *s, const char *hook_path, struct err *err);

DEFINE_AUTO_VALUE(struct channels_result, channels_result_release)

#endif
