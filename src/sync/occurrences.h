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

/* The series (its changed_ms is the moment) is deleted here. gone: its row goes at once, so theirs
 * do. What was there is in the log, also which ones were cancelled (version_kept()). */
int occurrences_hide(struct store *s, const struct event *series, const struct local_options *o,
		     bool gone, struct err *err);

/* Google has deleted the series as it was asked to: what is hidden or cancelled goes. */
int occurrences_drop(struct store *s, const struct event *series, struct err *err);

/* The series is back, since it was changed at Google: what was hidden with it is shown again. */
int occurrences_show(struct store *s, const struct event *series, int64_t at_ms, struct err *err);

#endif
