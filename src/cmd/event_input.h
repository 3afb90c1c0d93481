/*
 * `event add --from-json`: event resources from a file or standard input.
 *
 * Shape   one JSON object, an array of them, or one object per line (blank lines are skipped)
 * Taken   the fields that a client may write, and id, eventType; what else Google or calsync
 *         itself puts into an event (etag, created, account, ...) is dropped. An id that only
 *         Google can make (one with '_') is dropped too: the event gets a new one.
 * Refused all of it when one is bad: no object, an unknown field, an occurrence of a series, a
 *         deleted event, anything that event_check() refuses.
 */
#ifndef CMD_EVENT_INPUT_H
#define CMD_EVENT_INPUT_H

#include <stddef.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"

struct event_input {
	struct json_object **items; /* clean resources, ready for local_add() */
	size_t *places;             /* line, or position in the array, from 1 */
	size_t count;
	const char *unit; /* "line" or "event" */
};
void event_input_release(struct event_input *in);
DEFINE_AUTO_VALUE(struct event_input, event_input_release)

/*
 * path "-" is standard input. calendar_zone: for times that have neither offset nor timeZone.
 * Errors  ERR_USAGE (cannot be read), ERR_INVALID naming every bad line; with more than three of
 *         them each reason is a line of its own on stderr.
 */
int event_input_read(const char *path, const char *calendar_zone, struct event_input *out,
		     struct err *err);

#endif
