/*
 * Field-level three-way merge of an event, in Google's terms. Pure.
 *
 * A writable field changed on one side only takes that side's value. Changed on both to the same
 * value: that value. Changed on both differently: contested, and the rule says whose value stands.
 * Read-only and unknown fields are always remote's.
 *
 * An edit beats a delete: an occurrence that remote has cancelled and local has edited takes place.
 *
 * Units, which are judged and taken as a whole:
 *   start + end         an end from one side may not even lie behind the other's start
 *   + recurrence        when a side changed between timed and all-day: rules name such times too
 *   every other field   also nested ones that Google replaces as a whole (reminders, attachments)
 * By part, when the rule says so:
 *   attendees           by address (without regard to case), each guest member by member: a guest
 *                       added here and an answer given there both survive; who is taken off one
 *                       list and changed on the other stays
 *   extendedProperties  by key of private and shared, as a PATCH of Google's does
 *
 * What is promised (and tested on random events): merging what is equal changes nothing; one side
 * unchanged gives the other; merging the result again gives the result; disjoint changes are all
 * in the result, whatever the rule.
 */
#ifndef SYNC_MERGE_H
#define SYNC_MERGE_H

#include <stdbool.h>

#include "base/json.h"

enum merge_side { MERGE_LOCAL, MERGE_REMOTE };

struct merge_rule {
	enum merge_side contested; /* whose value stands where both changed */
	bool whole;                /* every field is one unit, attendees and properties too */
	/* Fields where remote's value stands all the same: a set of names, borrowed; NULL =
	 * none. */
	const struct json_object *remote_fields;
};

struct merge_result {
	struct json_object *merged; /* caller's */
	struct json_object *fields; /* names of the contested fields, a list; caller's */
	bool local_left;            /* merged still differs from remote: something to send */
};
void merge_result_release(struct merge_result *m);
size_t merge_contested(const struct merge_result *m); /* how many fields */

/* base NULL = no common version: every field that differs counts as changed on both sides. */
void merge_event(const struct json_object *base, const struct json_object *local,
		 const struct json_object *remote, const struct merge_rule *rule,
		 struct merge_result *out);

static inline void merge_result_release_ptr(struct merge_result *m)
{
	merge_result_release(m);
}

#endif
