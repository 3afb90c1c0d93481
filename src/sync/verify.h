/*
 * Comparing the store with Google, without writing anything on either side: no event, no sync
 * token, no run in the log. A login that has to be renewed on the way is used and forgotten, but
 * for a refresh token that Google replaced: the old one may be void.
 *
 *   here \ Google           | shows it                  | does not show it
 *   ------------------------+---------------------------+------------------
 *   in step                 | each writable field       | missing_at_google
 *   a change of it waits    | counted apart             | counted apart
 *   local only              | each writable field       | counted apart
 *   not there               | missing_here              | -
 *
 * What cannot be read is "unreadable", whatever is here.
 *
 * A cancelled occurrence is an event whose status differs; where both sides have it cancelled
 * nothing else counts.
 */
#ifndef SYNC_VERIFY_H
#define SYNC_VERIFY_H

#include "sync/sync.h"

struct verify_options {
	const char *calendar; /* Google id, selected or not; NULL = every selected one */
	int64_t wait_ms;      /* for the account's lock */
};

/*
 * One account: {"account", "success", "error", "requests", "events", "waiting", "localOnly",
 * "differences", "calendars": [{"calendar", "summary", "success", "error", "events", "waiting",
 * "localOnly", "differences": [{"kind", "id", "summary", "fields": [{"field", "local",
 * "remote"}]}]}]}; events counts what Google shows. Caller's; whatever happens is in it.
 */
struct json_object *verify_account(const struct sync_env *env, const struct account *account,
				   const struct verify_options *o);

/* The same of one that could not even begin (its key is gone). */
struct json_object *verify_failure(const struct account *account, const struct err *why);

#endif
