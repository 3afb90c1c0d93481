/*
 * Series as what happens: occurrences that have no row of their own in the store, beside the rows
 * that have one. An exception (a row with recurringEventId) stands in for the occurrence with its
 * originalStartTime; a cancelled one, or one whose delete waits, takes it away.
 */
#ifndef CMD_OCCURRENCE_H
#define CMD_OCCURRENCE_H

#include "cmd/cmd.h"
#include "ical/recur.h"
#include "store/store.h"

/*
 * The occurrence that an instance id names (`<master>_<UTC start or date>`), and the row of its
 * master, among the accounts that cmd_accounts() gives. For ids that cmd_event() does not know.
 * Errors: ERR_NOT_FOUND: no instance id, no such series, none starts then, or it is cancelled;
 * ERR_AMBIGUOUS: in several calendars; ERR_INVALID: the series cannot be expanded.
 */
int occurrence_find(struct cmd_context *cx, const char *id, struct event *out_master,
		    struct occurrence *out, struct err *err);

/* As a row that is shown: the master's, with the instance's id and resource; rowid is 0. */
void occurrence_event(const struct event *master, const char *zone, const struct occurrence *o,
		      struct event *out);

/* A row, or an occurrence, in a window. */
struct happening {
	struct event event; /* rowid 0 = an occurrence without a row */
	int64_t start_utc, end_utc;
	bool all_day;
};
struct happening_list {
	struct happening *items;
	size_t count, alloc;
};
void happening_list_release(struct happening_list *l);
DEFINE_AUTO_VALUE(struct happening_list, happening_list_release)

/* Of one series no more than this in one answer. */
#define HAPPENINGS_PER_SERIES 10000
/* Without an end a series is followed for so long. */
#define SERIES_AHEAD_DAYS 366

/*
 * What a query with a window gives, series expanded; in order of start, then id. A window without
 * an end follows series for SERIES_AHEAD_DAYS from its start (at least from now_utc). What is left
 * out by that or by HAPPENINGS_PER_SERIES, and a series that cannot be expanded (its master is in
 * the list then), is told by a warning.
 */
int happenings_find(struct store *s, const struct event_query *window, int64_t now_utc,
		    struct happening_list *out, struct err *err);

#endif
