/*
 * Field-level three-way merge of an event. Pure.
 *
 * A writable field changed on one side only takes that side's value. Changed on both to the same
 * value: that value. Changed on both differently: a conflict, the newer side's value is taken.
 * start and end are one unit. Read-only fields are always remote's.
 */
#ifndef SYNC_MERGE_H
#define SYNC_MERGE_H

#include <stdbool.h>

#include "base/json.h"

struct merge_result {
	struct json_object *merged; /* caller's */
	int conflicts;              /* fields changed on both sides, differently */
	bool local_left;            /* merged still differs from remote: something to send */
};

/* base NULL = no common version: every field that differs counts as changed on both sides. */
void merge_event(const struct json_object *base, const struct json_object *local,
		 const struct json_object *remote, bool local_newer, struct merge_result *out);

#endif
