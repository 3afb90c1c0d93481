/*
 * What watch, stop-watch, renew-watches and disconnect share: where Google is to send its messages,
 * and how channels are shown.
 */
#ifndef CMD_PUSH_H
#define CMD_PUSH_H

#include "cmd/context.h"
#include "sync/channels.h"

#define PUSH_WAIT_MS (30 * 1000) /* for another command at work on the same channels */

/*
 * The whole address for an account: BACKEND_URL with the receiver's path. Caller's. Errors:
 * ERR_USAGE, not set or not fit (https, or http to this machine when what stands in for Google
 * is here, too); says what to set.
 */
int push_address(struct cmd_context *cx, const struct account *a, char **out, struct err *err);

/* One run over an account's channels; channels_run() with what the context has. */
int push_run(struct cmd_context *cx, const struct account *a, const struct channels_options *o,
	     struct channels_result *out, struct err *err);
/* Whether such a run had something to do (o->look); asks for no key and no login. */
int push_peek(struct cmd_context *cx, const struct account *a, const struct channels_options *o,
	      struct channels_result *out, struct err *err);
/* Before the runs of a command: what a death left in the webhook's database. */
int push_tidy(struct cmd_context *cx, struct err *err);

/* {"id", "resourceId", "expiration"}; account not NULL: also "account" and "calendar". */
struct json_object *push_channel_json(const struct live_channel *l, const char *account);
/* An array of them, with account and calendar; appended. */
void push_add_channels(struct json_object *list, const struct channels_result *r);
/* {"account", "calendar"}, of one that Google cannot push for. */
struct json_object *push_polled_json(const char *account, const char *calendar);
/* What could not be stopped is told on stderr; it is tried again. */
void push_warn_left(const struct channels_result *r);

#endif
