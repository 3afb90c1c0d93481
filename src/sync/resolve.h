/*
 * A person decides a conflict: local writes only, what is to be sent is queued.
 *
 *   waiting    take local:  the edit goes out, over Google's version
 *              take remote: Google's value of the contested fields stands; the rest of the edit
 *                           goes out
 *              take both:   as remote, and the local version becomes a new event
 *   decided    the same ends, starting from what the policy has made of it and from what was
 *              edited since
 *
 * An edit against a delete was decided for the edit: taking the other side deletes the event.
 */
#ifndef SYNC_RESOLVE_H
#define SYNC_RESOLVE_H

#include "sync/local.h"

enum resolve_take { TAKE_LOCAL, TAKE_REMOTE, TAKE_BOTH };

struct resolution {
	struct event event; /* as it is now; id NULL: it is deleted, or gone */
	struct event other; /* TAKE_BOTH: the new event; id NULL otherwise */
	bool deleted;       /* the event's delete is queued or done */
};
void resolution_release(struct resolution *r);

/*
 * Inside the caller's transaction, or one of its own. The conflict is noted as resolved.
 * Errors  ERR_NOT_FOUND: the event is no longer there; ERR_INVALID: TAKE_BOTH of a delete, or what
 *         would result is no event that Google takes; ERR_READ_ONLY; ERR_STORE
 */
int conflict_resolve(struct store *s, struct clock *clock, const struct conflict *c,
		     enum resolve_take take, const struct local_options *o, struct resolution *out,
		     struct err *err);

int conflict_waits(struct store *s, const struct event *row, bool *out, struct err *err);
/* ERR_CONFLICT while a conflict of this event waits, for what cannot be done before it is
 * decided. */
int conflict_refuse_waiting(struct store *s, const struct event *row, struct err *err);
/* The user deletes an event, or takes his edit of it back, while a conflict of it waits: that
 * decides it. Google's version in the record becomes the row's base (in memory: the caller writes
 * the row); inside the caller's transaction. Without a conflict nothing happens. */
int conflict_settle(struct store *s, struct event *row, int64_t now_ms, struct err *err);

static inline void resolution_release_ptr(struct resolution *r)
{
	resolution_release(r);
}

#endif
