/*
 * What becomes of a series' changed and cancelled occurrences when the series itself goes or comes
 * back. Google deletes them with it: none of them has a request of its own.
 *
 * While the delete of the series waits, the rows of changed occurrences are hidden without an entry
 * in the outbox. One whose own delete waits is left alone.
 *
 * All inside the caller's transaction.
 */
#ifndef SYNC_OCCURRENCES_H
#define SYNC_OCCURRENCES_H

#include "store/store.h"
#include "sync/local.h"
#include "sync/version.h"

/* The series (its changed_ms is the moment) is deleted here. gone: its row goes at once, so theirs
 * do. What was there is in the log, also which ones were cancelled (version_kept()). */
int occurrences_hide(struct store *s, const struct event *series, const struct local_options *o,
		     bool gone, struct err *err);

/* Google has deleted the series as it was asked to: what is hidden or cancelled goes. */
int occurrences_drop(struct store *s, const struct event *series, struct err *err);

/* Google only computes it from its series: all that its row holds is what was changed here. */
bool occurrence_is_computed(const struct event *row);

/* The series is back: what was hidden with it is shown again, in the log as `how` says (but for the
 * calendar and the event). One that Google only computes is as its series says, without a row. */
int occurrences_show(struct store *s, const struct event *series, const struct version_note *how,
		     struct err *err);

#endif
