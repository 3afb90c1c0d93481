/*
 * After a local change is committed: try Google once, say what came of it.
 *
 * An event that stays local (no outbox entry that is queued) needs no network, and none is loaded.
 */
#ifndef CMD_EVENT_SEND_H
#define CMD_EVENT_SEND_H

#include "cmd/cmd.h"
#include "cmd/event_options.h"
#include "store/store.h"
#include "sync/local_series.h"

struct event_change {
	struct event event; /* as it is now; of a deleted one, as it was */
	struct json_object
		*before;      /* resource before the change, for who hears of it; may be NULL */
	struct row_list also; /* rows of the same change that go out with it and are not shown */
	const char *verb;     /* "added", "changed", ... */
	bool deleted;         /* it was to be deleted */
	bool gone;            /* the row is no longer in the store */
	bool sent;            /* in step with Google (or on neither side) */
	struct err err;       /* why not; code ERR_NONE while not sent: it is kept local */
};

struct event_changes {
	struct event_change *items;
	size_t count;
};
struct event_change *event_changes_add(struct event_changes *c); /* zeroed, valid until the next */
void event_changes_release(struct event_changes *c);
DEFINE_AUTO_VALUE(struct event_changes, event_changes_release)

/*
 * A command's changes to events: one transaction around them all, and one row that `undo` takes
 * back as a whole. begin puts its number into lo. end commits when result is 0, else it rolls back
 * and returns result; a command that changed nothing leaves no row.
 */
int event_command_begin(struct cmd_context *cx, const char *name, struct local_options *lo,
			struct err *err);
int event_command_end(struct cmd_context *cx, const struct local_options *lo, int result,
		      struct err *err);

/* Send what is queued of these changes, each account's in one go; what became of each is in it. */
void event_changes_send(struct cmd_context *cx, struct event_changes *c);
/* Why some are not at Google, on stderr: one line for each reason. */
void event_changes_tell(const struct event_changes *c, bool as_error);

/*
 * Say on stderr whom the changes will mail, or that they mail nobody although there are guests.
 *
 * waiting  which of them are about to be sent; cleared, and the change's err set, where it cannot
 *          be told: what nobody was told of is not mailed
 * Order    after the change is safe, before the first byte is sent
 */
void event_guests_tell(struct store *s, struct event_changes *c, bool *waiting);

/*
 * Send what is queued of these changes, each account's in one go, then print the answer:
 * {"event", "syncStatus"}, or {"events": [...]} when many is set; or a line for each event. A
 * deleted event has the status "cancelled" there.
 *
 * Returns the exit status: 0, also when something could not be sent (a warning says so), unless
 * --require-sync asked for more: then 3 (connect again), 4 (later) or 1 (time will not mend it).
 */
int event_changes_finish(struct cmd_context *cx, const struct send_options *o,
			 struct event_changes *c, bool many);

/* For an answer of another shape, after event_changes_send(): {"event", "syncStatus"} of one,
 * caller's; and the lines (none under --json), the warnings and the exit status. */
struct json_object *event_change_json(const struct event_change *c);
int event_changes_report(struct cmd_context *cx, const struct send_options *o,
			 const struct event_changes *c);

#endif
