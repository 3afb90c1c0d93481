/*
 * The log of what happened to events here: every version that is replaced or deleted, and the feed
 * of changes, in one place (store.h, struct history).
 */
#ifndef SYNC_VERSION_H
#define SYNC_VERSION_H

#include "base/clock.h"
#include "store/store.h"

struct version_note {
	int64_t calendar_id;
	const char *event_id;
	const char *origin; /* "local", "google", "merge" */
	int64_t at_ms;
	int64_t command_id; /* 0 = none */
	bool local_only;    /* what was there was to stay here */
};

/*
 * An event was `before` and is `after` now, inside the caller's transaction. NULL, or a cancelled
 * occurrence: no event to a reader. What kind of change it is follows from the two; when neither
 * is an event nothing is written.
 */
int version_changed(struct store *s, const struct version_note *n, struct json_object *before,
		    const struct json_object *after, struct err *err);

/* A version that never was the visible one: the loser of a conflict. */
int version_kept(struct store *s, const struct version_note *n, struct json_object *version,
		 struct err *err);

#endif
