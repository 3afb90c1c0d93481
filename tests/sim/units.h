/*
 * What an event says, taken apart into units with a text for each: equal texts mean the same. This
 * is the simulation's own reading of Google's reference; it shares nothing with the product's
 * notion of sameness, so that it cannot share its mistakes.
 *
 * Units   summary, description, location, colorId, status, transparency, visibility, time (start
 *         and end together), recurrence, reminders, source, attachments, the guests' four flags,
 *         conference; "guest EMAIL" and "private KEY", "shared KEY" one by one.
 * Absent  A unit at its default, or not there at all, is not in the list.
 */
#ifndef SIM_UNITS_H
#define SIM_UNITS_H

#include "base/json.h"
#include "base/strbuf.h"

struct unit {
	char *name, *value; /* owned */
};

struct units {
	struct unit *list; /* by name */
	size_t count;
};

void units_read(const struct json_object *resource, struct units *out);
void units_release(struct units *u);
const char *units_get(const struct units *u, const char *name); /* "" when it is absent */
/* The names of units that differ, with both values, separated by "; ". false: none. */
bool units_differ(const struct units *a, const struct units *b, struct strbuf *out);

/*
 * What an event is called in the simulation: the mark that was put into shared extended properties
 * when it was made, and for an occurrence of a series its original start. It stays, whatever
 * calendar or id the event is under. NULL for what nobody here made (a bare tombstone). Caller's.
 */
char *event_mark(const struct json_object *resource);
#define MARK_KEY "mark"

DEFINE_AUTO_VALUE(struct units, units_release)

#endif
