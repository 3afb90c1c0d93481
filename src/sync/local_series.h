/*
 * Local edits of series by occurrence: this one, this and following. (All of it: local_edit() of
 * the series.) Each in one transaction, or in the caller's.
 *
 * This one: a row of its own for the occurrence, under Google's instance id, with recurringEventId
 * and originalStartTime. What the series said of it is its base, and it has no etag: at Google the
 * instance is only computed, until the first change makes it an event. So the push looks first what
 * Google says of it (instance.c), lest it goes over what somebody else made of it. An occurrence
 * that is deleted is hidden until Google has deleted it, then a cancelled row.
 *
 * This and following: see split.h. At Google the old series is patched, the new one inserted, then
 * its exceptions are made (push.c keeps the order).
 *
 * A series that is only here has occurrences that are only here.
 */
#ifndef SYNC_LOCAL_SERIES_H
#define SYNC_LOCAL_SERIES_H

#include "ical/recur.h"
#include "sync/local.h"

/*
 * Edit one occurrence: resource is an edited copy of what it is now (of its row, or of
 * split_instance()).
 *
 * out      its row; rowid 0 when it has none (any more): it is as the series says
 * Errors   as local_edit(); ERR_NOT_FOUND: it is deleted
 */
int local_occurrence_edit(struct store *s, struct clock *clock, int64_t series_row,
			  const struct occurrence *at, struct json_object *resource,
			  const struct local_options *o, struct event *out, struct err *err);

/* Delete one. out: the hidden (or cancelled) row. */
int local_occurrence_delete(struct store *s, struct clock *clock, int64_t series_row,
			    const struct occurrence *at, const struct local_options *o,
			    struct event *out, struct err *err);

/* A series that was only here is about to go out: what was changed of its occurrences goes, too.
 * Inside the caller's transaction. */
int local_occurrences_queue(struct store *s, const struct event *series, struct err *err);

/* The way back: a series that was to go out stays here alone, and so does what was changed of its
 * occurrences. Inside the caller's transaction. */
int local_occurrences_keep(struct store *s, const struct event *series, struct err *err);

struct row_list { /* rows that a change touched, for the push after it */
	int64_t *items;
	size_t count;
};
void row_list_add(struct row_list *l, int64_t row);
void row_list_release(struct row_list *l);
DEFINE_AUTO_VALUE(struct row_list, row_list_release)

/*
 * Cut a series before an occurrence that is not its first one.
 *
 * resource  of the new series: split_new(), edited
 * out       the new series
 * rows      all that changed, also the exceptions; the old series first, then the new one
 * Errors    ERR_READ_ONLY (not its organizer, a birthday), ERR_INVALID
 */
int local_series_split(struct store *s, struct clock *clock, int64_t series_row,
		       const struct occurrence *at, struct json_object *resource,
		       const struct local_options *o, struct event *out, struct row_list *rows,
		       struct err *err);

/* Delete an occurrence that is not the first, and what follows. out: the series. */
int local_series_trim(struct store *s, struct clock *clock, int64_t series_row,
		      const struct occurrence *at, const struct local_options *o, struct event *out,
		      struct row_list *rows, struct err *err);

#endif
