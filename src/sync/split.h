/*
 * A series cut in two before one of its occurrences ("this and following"): what the second series
 * is, and what becomes of the exceptions that lie in it. Pure; local_series.c writes it down.
 *
 *   the old series   ends before the split (recur_trim())
 *   the new series   has an id of its own, begins with the occurrence at the split and goes on as the
 *                    old one would have; then it is edited
 *   exceptions       from the split on are exceptions of the new series at the same place in it: they
 *                    keep what was changed of them (a time of their own, too) and take the edit for
 *                    the rest; a cancelled occurrence stays cancelled. Of the occurrence that was
 *                    edited by name the edit wins. One whose place the edited series does not have
 *                    goes.
 *
 * Meet data are made for one event: the new series asks for a link of its own when the old one has
 * one. Attachments go along.
 */
#ifndef SYNC_SPLIT_H
#define SYNC_SPLIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "ical/recur.h"

/* Whether an occurrence is the first of its series: "following" is all of it then. */
int split_is_first(const struct json_object *master, const char *zone, const struct occurrence *at,
		   bool *out, struct err *err);

/* The lines of the old series without the occurrence and what follows. Caller's. */
int split_old(const struct json_object *master, const char *zone, const struct occurrence *at,
	      struct json_object **out_recurrence, struct err *err);

/* The new series before it is edited: no id yet. Caller's. ERR_INVALID: it cannot be cut there. */
int split_new(const struct json_object *master, const char *zone, const struct occurrence *at,
	      struct json_object **out, struct err *err);

struct split {
	const char *zone;                /* of the calendar */
	const struct json_object *old;   /* the old series as it was before */
	const struct json_object *whole; /* split_new() of it */
	const struct json_object *new;   /* edited, with its id */
	int64_t at_utc;                  /* original start of the occurrence that was named */
};

struct split_exception {
	bool goes;                    /* the new series has no such place */
	struct occurrence at;         /* its place in the new series */
	struct json_object *base;     /* what the new series says of that occurrence */
	struct json_object *resource; /* the exception; NULL when it is as the series says */
};
void split_exception_release(struct split_exception *x);
DEFINE_AUTO_VALUE(struct split_exception, split_exception_release)

/* What becomes of an exception that had this original start. cancelled: resource stays NULL. */
int split_carry(const struct split *s, const struct json_object *exception, int64_t original_utc,
		bool cancelled, struct split_exception *out, struct err *err);

/* What a series says of one of its occurrences: recur_instance() without what is the master's own
 * (etag, link). Caller's. */
struct json_object *split_instance(const struct json_object *master, const char *zone,
				   const struct occurrence *at);

#endif
