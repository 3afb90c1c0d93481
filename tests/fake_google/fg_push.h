/*
 * Push channels and the messages they cause.
 *
 *   watch --> WAITING (sync) --[fg_next_notification]--> SENT --[2xx, 102]--> gone
 *   change -> WAITING (exists)     ^                       |--[500 502 503 504]--> WAITING, later
 *                                  +-----------------------+--[anything else]----> gone
 *
 * A change that meets a WAITING exists message of its channel is merged into it. Message
 * numbers grow with gaps. Ids stay taken for ever, also after stop and expiry.
 */
#ifndef FG_PUSH_H
#define FG_PUSH_H

#include "fg_edge.h"

struct fg_channel {
	char *id, *resource_id, *resource_uri, *address; /* owned */
	char *token;                                     /* owned; NULL = none */
	char *event_types; /* owned; each with a space on both sides; NULL = all */
	char *client_id;   /* owned */
	struct fg_account *account;
	int64_t expires_ms;
	bool stopped;
	long last_number;
	int changes; /* exists messages so far, lost ones too */
};

struct fg_message {
	size_t channel; /* index: channels stay for ever */
	bool exists;    /* else sync */
	long number;
	int64_t due_ms;
	int attempts;
	bool sent;
};

struct fg_push_state {
	FG_LIST(struct fg_channel) channels;
	FG_LIST(struct fg_message) queue;
	struct json_object *log; /* array, owned: GET /sandbox/notifications */
};

bool fg_channel_alive(const struct fg *fg, const struct fg_channel *c);
/* A message for channel number `channel`: exists, or sync. Due at once. */
void fg_push_queue(struct fg *fg, size_t channel, bool exists);

#endif
