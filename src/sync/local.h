/*
 * Local edits: a change to an event and its place in the outbox, committed in one transaction
 * before anything is sent (promise 1).
 *
 * What waits folds:   create + edit = create     create + delete = nothing left (when never sent)
 *                     update + edit = update     update + delete = delete
 *                     delete + restore = update
 */
#ifndef SYNC_LOCAL_H
#define SYNC_LOCAL_H

#include "base/clock.h"
#include "store/store.h"

struct local_options {
	bool no_sync;             /* add: a local-only event; edit, rm: hold the change back */
	const char *send_updates; /* "none" (also for NULL), "all", "externalOnly" */
	int64_t command_id;       /* of store_command_add(), for the event's log; 0 = none */
};

/* The time of a change: two changes of an event never look like one. */
int64_t local_later_than(int64_t previous_ms, struct clock *clock);

/*
 * Add an event. resource is a Google event resource; its id is kept when it has a valid one, else
 * one is made. Borrowed; the stored copy has what Google would add (status,
 * id, kind).
 * Errors  ERR_READ_ONLY (calendar or account takes no writes), ERR_INVALID (bad resource, or the
 *         id is in this calendar already), ERR_STORE
 */
int local_add(struct store *s, struct clock *clock, int64_t calendar_id,
	      struct json_object *resource, const struct local_options *o, struct event *out,
	      struct err *err);

/* Replace what the user sees of an event by resource (whole, edited copy of event.resource; only
 * writable fields count). Changing nothing writes nothing. An event that Google refused is sent
 * again; a local-only one stays so. out has rowid 0 when an occurrence is as its series says again
 * and so has no row any more. ERR_NOT_FOUND when the row is gone; ERR_READ_ONLY for what is not
 * this account's to change (model/rights.h). */
int local_edit(struct store *s, struct clock *clock, int64_t rowid, struct json_object *resource,
	       const struct local_options *o, struct event *out, struct err *err);

/* Delete. Without a Google copy the row goes at once (out_gone true); else it is hidden until
 * Google has deleted it. */
int local_delete(struct store *s, struct clock *clock, int64_t rowid, const struct local_options *o,
		 bool *out_gone, struct err *err);

/* Whether it is an occurrence that was edited here and that Google only computes from its series
 * (local_series.h): its base is what the series says. */
bool local_is_computed(const struct event *e);

/*
 * Move an event to another calendar of the same account (local_move.c): at once here, at Google
 * with the next push, see outbox.move_from. A series takes its exceptions along. Moving it back
 * before anything was sent leaves nothing to send; to where it is already changes nothing.
 * Errors  ERR_READ_ONLY (either calendar, or who organizes it), ERR_INVALID (another account's
 *         calendar, an occurrence, a type that cannot be moved, an event of this id there)
 */
int local_move(struct store *s, struct clock *clock, int64_t rowid, int64_t to_calendar_id,
	       const struct local_options *o, struct event *out, struct err *err);

/* --- what the other local changes are made of (restore.c, local_move.c) ----------------------- */

/* A row that the user sees, in a calendar that takes changes. ERR_NOT_FOUND, ERR_READ_ONLY. */
int local_read(struct store *s, int64_t rowid, struct event *out, struct err *err);
/* A transaction around a change, unless the caller has one around several; result: of the
 * change. */
int local_begin(struct store *s, bool *out_own, struct err *err);
int local_finish(struct store *s, bool own, int result, struct err *err);
/* Now, but after previous_ms: two changes never look like one. */
int64_t local_later_than(int64_t previous_ms, struct clock *clock);
/* ERR_READ_ONLY with the reason when events of the calendar may not be changed here. */
int local_check_writable(struct store *s, const struct calendar *c, struct err *err);
/* The event was `before` until now (e->changed_ms), and is `after`; NULL: none to a reader. */
int local_note_change(struct store *s, const struct event *e, const struct local_options *o,
		      struct json_object *before, const struct json_object *after, struct err *err);
/* The event as it is, with every writable field as in resource. Caller's. */
struct json_object *local_with_fields_of(const struct json_object *event,
					 const struct json_object *resource);
/* Changes that fold into one request mail whom any of them wanted mailed. */
void local_widen_send_updates(struct outbox *o, const char *wish);

#endif
