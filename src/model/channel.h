/*
 * Push channels: Google's promise to POST a message to us whenever a calendar changes, for a while.
 *
 *   NEW --[events.watch is answered]--> ACTIVE --[replaced, or not wanted]--> STOPPING --> gone
 *    |                                                                           ^
 *    +---[no answer came, but a message: it lives, under the id that we chose]---+
 *
 * A row is NEW, and on disk, before Google is asked: the first message can be faster than the
 * answer, and an answer can be lost. STOPPING lasts until channels.stop is answered.
 *
 * Source  Calendar API v3, Push notifications
 */
#ifndef MODEL_CHANNEL_H
#define MODEL_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"

/* What we ask for, and Google's default. It may give less, and says so. */
#define CHANNEL_TTL_S (7 * 24 * 60 * 60)

#define CHANNEL_STATES(X)           \
	X(CHANNEL_NEW, "new")       \
	X(CHANNEL_ACTIVE, "active") \
	X(CHANNEL_STOPPING, "stopping")
enum channel_state {
#define X(id, name) id,
	CHANNEL_STATES(X)
#undef X
};
const char *channel_state_name(enum channel_state state);

/* Whether a calendar is to have a channel. */
#define PUSH_STATES(X)     \
	X(PUSH_OFF, "off") \
	X(PUSH_ON, "on")   \
	X(PUSH_UNSUPPORTED, "unsupported") /* Google cannot: it is polled alone */
enum push_state {
#define X(id, name) id,
	PUSH_STATES(X)
#undef X
};
const char *push_state_name(enum push_state state);

struct channel {
	char *id; /* Google's channel id, ours by origin: a UUID */
	int64_t calendar_id;
	char *address; /* where Google sends its messages */
	enum channel_state state;
	char *resource_id;     /* Google's, needed to stop it; NULL = not known yet */
	int64_t expiration_ms; /* 0 = not known: it lives no longer than CHANNEL_TTL_S */
	int64_t created_ms;
	int attempts;     /* of stopping it that failed */
	char *last_error; /* of the last of them; NULL = none */
	/* The webhook does not know it: its messages are refused. Filled by sync/channels.c. */
	bool deaf;
};
void channel_release(struct channel *c);

struct channel_list {
	struct channel *items;
	size_t count;
};
void channel_list_release(struct channel_list *l);

/* When it ends by itself, at the latest. */
int64_t channel_end_ms(const struct channel *c);

DEFINE_AUTO_VALUE(struct channel, channel_release)
DEFINE_AUTO_VALUE(struct channel_list, channel_list_release)

#endif
