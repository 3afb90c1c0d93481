/*
 * Every kill point of a scenario: before each effect of its commands, in the middle of those
 * that write, after the last; and pairs, the second in what repairs the first.
 */
#ifndef CRASH_ENUMERATE_H
#define CRASH_ENUMERATE_H

#include "life.h"

/* So many processes share the work on each scenario: this one takes every count-th kill point. */
struct shard {
	size_t index, count;
};

/*
 * out  {"error": the scenario itself is wrong (null: it is not); "effects", "points", "all" (the
 *      points that there are), "doubles": numbers; "failures": [{"at", "why"}]}; the caller's
 * Returns -1 when it could not be tried at all.
 */
int enumerate_scenario(const struct scenario *s, const char *build, struct shard shard,
		       struct json_object **out, struct err *err);
/* One run alone, described with all that its commands print. spec: "0" for an undisturbed one that
 * lists its effects, else "LINE:17", "LINE:17h" (in the middle of the 17th effect), "LINE:17a"
 * (after it), "LINE:17,5" (and the repair at its 5th). */
int enumerate_one(const struct scenario *s, const char *build, const char *spec, struct err *err);

#endif
