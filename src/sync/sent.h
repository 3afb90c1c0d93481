/*
 * What was sent and never answered. A request whose answer is lost may have been carried out: the
 * versions that went out stay with the outbox entry until Google's answer, or a version with
 * another etag, tells. Then our own change is not taken for one of Google's: it is part of the
 * base. Pure.
 *
 * list     a JSON list of event resources, oldest first, as in struct outbox; NULL = none
 */
#ifndef SYNC_SENT_H
#define SYNC_SENT_H

#include <stdbool.h>

#include "base/json.h"

/* Add a version that goes out now (a copy of it), last edited at changed_ms. list_take may be NULL.
 * Returns the list, caller's; out_added: false when the version was on it already, from an earlier
 * attempt. */
struct json_object *sent_add(struct json_object *list_take, const struct json_object *version,
			     int64_t changed_ms, bool *out_added);
/* The newest version was refused for certain. Returns the list, caller's; NULL when it is empty. */
struct json_object *sent_drop_last(struct json_object *list_take);

/*
 * The last version that both sides had, now that Google shows `remote`: base, with each field that
 * remote has as it was sent. base NULL (what was sent is a create): the sent version that remote
 * comes from. Caller's; NULL when there is no common version.
 */
struct json_object *sent_base(const struct json_object *list, const struct json_object *base,
			      const struct json_object *remote);

/*
 * The fields of an edit that are as they were sent, in a version that was made before since_ms: the
 * edit as a whole may be newer, these of its fields are not. A set of names; caller's; NULL = none.
 */
struct json_object *sent_older(const struct json_object *list, const struct json_object *local,
			       int64_t since_ms);

#endif
