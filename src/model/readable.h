/*
 * Whether Google's version of an event can be taken for one: every field that we look into has the
 * type that the API documents, and there is a time when it takes place. What cannot be read is set
 * aside with what is wrong; nothing behind this check has to ask again.
 *
 * Source  Calendar API v3, Events resource
 */
#ifndef MODEL_READABLE_H
#define MODEL_READABLE_H

#include "base/err.h"
#include "base/json.h"

/* Errors: ERR_GOOGLE, naming the first field that is wrong. A tombstone needs no more than to be
 * one. null stands for an absent field. */
int event_readable(const struct json_object *resource, struct err *err);

/* The fields of it that can be read; readable itself when the times are among them. Caller's. */
struct json_object *event_readable_part(const struct json_object *resource);

#endif
