/*
 * When a series takes place. Pure functions over Google's event resource of a master.
 *
 * Time     A rule runs over civil times of start.timeZone (the calendar's zone when there is none),
 *          each result then becomes an instant: what a DST change skips moves forward by the gap,
 *          what occurs twice is the first (base/time.h). So nine o'clock stays nine o'clock. An
 *          all-day series runs over dates; its instants are midnights of the calendar's zone.
 * Set      DTSTART, every RRULE, every RDATE, without EXRULEs and EXDATEs. As at Google the start
 *          of the master is an occurrence whether or not a rule gives it (and is not counted by
 *          COUNT then), unless an EXDATE names it. UNTIL is inclusive.
 * Rules    RFC 5545 section 3.3.10, run by rule.h; where it says nothing of a combination, the
 *          parts narrow each other. RSCALE (RFC 7529) by years and months, run by libical.
 * Bounds   Years 1 to 9999. Work follows the window, not the distance from the start, but for a
 *          rule with COUNT, which is counted from its start. No call looks at more than 12 million
 *          days, or 2 million times below a day, for a rule (RULE_MAX_WORK): some tenths of a
 *          second. What would need more is ERR_INVALID, never a part of the truth. A rule of days,
 *          weeks, months or years stays below that up to year 9999, also one that never matches.
 * Errors   ERR_INVALID: no usable start, a line that is no recurrence line, a rule that is not
 *          supported (the message names it), or one beyond the bounds.
 *
 * zone is the calendar's in every function; one that the tz database does not know counts as UTC.
 */
#ifndef ICAL_RECUR_H
#define ICAL_RECUR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/json.h"

/* A window that is open at an end. */
#define RECUR_PAST   (-62135596800) /* 0001-01-01 */
#define RECUR_FUTURE 253402300800   /* 10000-01-01 */

struct occurrence {
	char *id;          /* Google's instance id */
	int64_t start_utc; /* by the rule: originalStartTime */
	int64_t end_utc;   /* not before start_utc */
	bool all_day;
	int64_t day, days; /* all-day: the first day (since 1970-01-01) and how many; else 0 */
};

void occurrence_release(struct occurrence *o);
DEFINE_AUTO_VALUE(struct occurrence, occurrence_release)

struct occurrence_list {
	struct occurrence *items; /* in order of start */
	size_t count;
	bool truncated; /* there are more than max in the window: these are the first ones */
};
void occurrence_list_release(struct occurrence_list *l);
DEFINE_AUTO_VALUE(struct occurrence_list, occurrence_list_release)

/* The occurrences that end after from_utc and start before to_utc, at most max of them. */
int recur_expand(const struct json_object *master, const char *zone, int64_t from_utc,
		 int64_t to_utc, size_t max, struct occurrence_list *out, struct err *err);

/* Whether an occurrence starts then. */
int recur_has(const struct json_object *master, const char *zone, int64_t start_utc, bool *out,
	      struct err *err);

/* The occurrence that starts then; *out_found false: there is none, out is untouched. */
int recur_find(const struct json_object *master, const char *zone, int64_t start_utc,
	       struct occurrence *out, bool *out_found, struct err *err);

/* The occurrence as events.instances would show it: the master's fields, with id, start, end,
 * recurringEventId, originalStartTime of its own and without recurrence. Caller's. */
struct json_object *recur_instance(const struct json_object *master, const char *zone,
				   const struct occurrence *o);

/*
 * Google's id of the instance that starts then: `<master>_<UTC start>` (20260131T080000Z), for an
 * all-day series `<master>_<date>`. What Google splits off a series is called
 * `<first master>_R<stamp>`; its instances go by the first master's name. Caller's.
 */
char *recur_instance_id(const char *master_id, bool all_day, int64_t start_utc, int64_t day);

/* The other way: the first master's name (id, up to *out_base_len) and the start. False: not such
 * an id. */
struct recur_stamp {
	bool all_day;
	int64_t at; /* seconds UTC; all-day: of the date's midnight in UTC */
};
bool recur_instance_parse(const char *id, size_t *out_base_len, struct recur_stamp *out);
/* The instant that a stamp means in a calendar. */
int64_t recur_stamp_utc(const struct recur_stamp *s, const char *zone);
/* Whether the master's instances go by this name: it is its id, or its id without _R<stamp>. */
bool recur_master_named(const char *master_id, const char *base, size_t base_len);

/*
 * A series cut in two before split_utc. The lines are new arrays, the caller's; an empty one means
 * that the start of its half is all there is: a single event.
 *
 *   recur_trim()  the old series without what starts at the split or later. COUNT gives way to an
 *                 UNTIL at the last occurrence that stays. ERR_INVALID when none stays.
 *   recur_rest()  a new series whose start is the occurrence at split_utc, and which goes on as the
 *                 old one: COUNT less what came before, and what the rule took from the old start
 *                 and the new one does not say (a time that the split's DST change moved, an RDATE
 *                 at another hour) spelled out. ERR_INVALID when no occurrence starts then, or when
 *                 no lines can say it (a second rule that is not in step at the split).
 */
int recur_trim(const struct json_object *master, const char *zone, int64_t split_utc,
	       struct json_object **out_recurrence, struct err *err);
int recur_rest(const struct json_object *master, const char *zone, int64_t split_utc,
	       struct json_object **out_recurrence, struct err *err);

/*
 * A series that is moved as a whole: another day, another time of day, another zone, whole days
 * instead of times. By the wall clock: what was two days and an hour after the start stays so.
 *
 *   recur_shift_span()  start and end of `into` (the master) move as those of one occurrence do,
 *                       from `was` to `now`; the length becomes that of `now`
 *   recur_shift()       the lines of `was` for the start of `now`: UNTIL, EXDATE and RDATE move
 *                       along, so do the weekdays of a daily or weekly rule. ERR_INVALID: a rule
 *                       that says days or times in another way cannot follow (the message says so)
 */
int recur_shift_span(const struct json_object *was, const struct json_object *now, const char *zone,
		     struct json_object *into, struct err *err);
int recur_shift(const struct json_object *was, const struct json_object *now, const char *zone,
		struct json_object **out_recurrence, struct err *err);
/* Where an occurrence of `was` that starts then goes when its start goes to that of `now`. */
int recur_shift_start(const struct json_object *was, const struct json_object *now,
		      const char *zone, int64_t start_utc, int64_t *out_utc, struct err *err);

#endif
