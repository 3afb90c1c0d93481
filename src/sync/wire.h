/*
 * What is asked of Google's lists before the engine takes them: a server that errs (or a proxy
 * that stands in for it) must not make us loop, sweep after half of a listing, or ask for a path
 * that means something else.
 */
#ifndef SYNC_WIRE_H
#define SYNC_WIRE_H

#include <stdbool.h>

#include "base/err.h"
#include "base/json.h"

/* Whether an id can stand for one thing: 1 to 2048 visible ASCII characters, as all of Google's are
 * (so it can be printed as it is), and not "." or "..", which servers and proxies take out of a
 * path. id may be NULL. */
bool wire_id_usable(const char *id);
/* The "id" of an item when it is a usable one, else NULL. Borrowed. */
const char *wire_item_id(const struct json_object *item);

/* Whether an answer to a question about one event is that event. answer may be NULL. */
bool wire_is_event(const struct json_object *answer, const char *id);

/*
 * Where a listing goes on.
 *
 * seen     an object, empty before the first page: the tokens so far, as a set
 * what     names the request in messages, as "events.list"
 * out_next NULL on the last page; else borrowed from page
 * Errors   ERR_GOOGLE: the token is no string, came before, or there are pages without end
 */
int wire_next_page(const struct json_object *page, struct json_object *seen, const char *what,
		   const char **out_next, struct err *err);

#endif
