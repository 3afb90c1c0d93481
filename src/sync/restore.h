/*
 * Bringing back what the log of an event holds (version.h), as a local edit.
 *
 *   there is now          what is done                             what goes out
 *   a living event        its writable fields become the           PATCH of what differs
 *                         version's; guests keep their answers
 *   one whose delete      the delete is taken back, then as above  PATCH, or nothing
 *   waits
 *   a cancelled           it takes place again, as the version     PATCH, status confirmed
 *   occurrence            says
 *   nothing               a new row under the old id               PUT on what Google keeps of it;
 *                                                                  a new id when that is gone, too
 *
 * Changed occurrences that went together with their series come back with it: those whose own last
 * entry in the log is a delete by the same hand, either in the same command or, by a sync, within
 * RESTORE_MOMENT_MS of the series' own. One that had been deleted by itself before stays deleted,
 * and one that was cancelled stays cancelled.
 *
 * An event that was local only (--no-sync) when it was deleted is local only again. What others
 * organize cannot be brought back by us: from us it would be another meeting.
 */
#ifndef SYNC_RESTORE_H
#define SYNC_RESTORE_H

#include "sync/local.h"

#define RESTORE_MOMENT_MS 60000 /* a sync's pages may lie so far apart */

struct restore_plan {
	int64_t calendar_id;       /* where it goes */
	struct history version;    /* what comes back */
	bool living;               /* the event is there */
	bool local_only;           /* when it is made anew: nothing of it is sent */
	struct history_list along; /* occurrences that come back with it; oldest first */
};
void restore_plan_release(struct restore_plan *p);

/*
 * Choose what comes back of an event of one account. version 0: of a deleted event the last one, of
 * a living one the newest that differs from it in a field that can be written.
 * Errors  ERR_NOT_FOUND (no such version of it), ERR_INVALID (there was no event before that
 *         change; nothing differs), ERR_AMBIGUOUS (it lives in several calendars)
 */
int restore_find(struct store *s, int64_t account_id, const char *event_id, int64_t version,
		 struct restore_plan *out, struct err *err);

/*
 * Do it, in the caller's transaction.
 *
 * out       the events that came back or were changed, as they are now, the event itself first; an
 *           occurrence that is as its series says again has no row (rowid 0)
 * Errors    ERR_READ_ONLY (calendar, account or event takes no such change), ERR_INVALID (the
 *           version does not fit any more), ERR_NOT_FOUND (an occurrence whose series is gone)
 */
int restore_carry_out(struct store *s, struct clock *clock, const struct restore_plan *p,
		      const struct local_options *o, struct event_list *out, struct err *err);

/* Bring one version back where the row is now, without its occurrences; for undo. */
int restore_one(struct store *s, struct clock *clock, int64_t calendar_id, const struct history *h,
		const struct local_options *o, struct event *out, struct err *err);

/* An occurrence that was cancelled when its series went, and still is at Google: it is here again
 * as that, if its series is. */
int restore_cancelled(struct store *s, const struct history *h, struct err *err);

DEFINE_AUTO_VALUE(struct restore_plan, restore_plan_release)

#endif
