/*
 * One Google user under several names: Google has one grant for a user and an OAuth client's
 * project, and revoking any token of it ends all of them (RFC 7009, 2.1).
 */
#ifndef CMD_SAME_USER_H
#define CMD_SAME_USER_H

#include "cmd/cmd.h"
#include "store/store.h"

struct json_object;

/*
 * The names of other accounts that are connected as the user of a, at the same host.
 *
 * grant  only those whose logins end when that of a is revoked; a service account's has no grant
 * out    an array of strings, caller's; NULL = there are none
 */
int same_user_names(struct cmd_context *cx, const struct account *a, bool grant,
		    struct json_object **out, struct err *err);

#endif
