/*
 * The push channels of the store's calendars (model/channel.h). The token of a channel is not here:
 * only its hash is kept, in the webhook's database (store/hook.h).
 *
 * Errors  as of store.h. A channel that is not there any more is no error.
 */
#ifndef STORE_CHANNEL_H
#define STORE_CHANNEL_H

#include "model/channel.h"
#include "store/store.h"

/* Reads id, calendar_id, address, created_ms; it is NEW. */
int store_channel_add(struct store *s, const struct channel *c, struct err *err);
/* It is ACTIVE, and those that its calendar had before are STOPPING; in one transaction. */
int store_channel_activate(struct store *s, const struct channel *c, const char *resource_id,
			   int64_t expiration_ms, struct err *err);
/* It is STOPPING; resource_id: what is known of it now. */
int store_channel_stopping(struct store *s, const char *id, const char *resource_id,
			   struct err *err);
int store_channel_stop_failed(struct store *s, const char *id, const char *error, struct err *err);
int store_channel_remove(struct store *s, const char *id, struct err *err);
/* account_id 0 = of all; by calendar, the oldest first */
int store_channel_list(struct store *s, int64_t account_id, struct channel_list *out,
		       struct err *err);
int store_calendar_set_push(struct store *s, int64_t id, enum push_state push, struct err *err);

#endif
