/*
 * How things stand, as lines of text that two runs can be compared by: Google's calendars with
 * events and tombstones, the mails that guests got, what the client did wrong, every row of the
 * store, every file below home.
 *
 * What differs from run to run is made alike: an event's id becomes its title, times and tokens
 * only are there or not, row numbers are left out. `updated`, `created`, `etag`, `htmlLink` and
 * a conference's `requestId` are left out of resources. The log of runs is not compared: a repair is a run.
 */
#ifndef CRASH_STATE_H
#define CRASH_STATE_H

#include "world.h"

/* A sorted array of strings, without those that hold one of these texts (a list with NULL at its end,
 * or NULL). Caller's. */
int state_take(struct world *w, char *const *except, struct json_object **out, struct err *err);
/* What one has and the other has not, as text ("- line", "+ line"). False: nothing. */
bool state_differs(const struct json_object *want, const struct json_object *got,
		   struct strbuf *out);

/* Each selected calendar is the same on both sides, in every field of every event. */
int state_sides(struct world *w, struct err *err);
/* user1's live events at Google are those of this list ("A, B"), each once. */
int state_there(struct world *w, const char *titles, struct err *err);
/* What the sandbox noted: mails, requests that change something. */
size_t state_count(struct world *w, const char *log);
size_t state_writes(struct world *w);

#endif
