/*
 * One run of a scenario from its kept state: what comes after the preparations, with a kill or two,
 * what a person would do about it, and the end.
 *
 * After a kill   of a command whose change is durable: on with the next; of one whose change is not:
 *                the scenario's final command, then the same command again; of a command that can
 *                be repeated (no `done`): the same command again. The second kill ends whichever
 *                command comes first after the first one.
 * In the end     the scenario's final command; once more, which has to find nothing to do, within
 *                one request a calendar and account, none of them a write.
 */
#ifndef CRASH_LIFE_H
#define CRASH_LIFE_H

#include "world.h"

#define KILLS_MAX 2

struct plan {
	size_t statement; /* a VERB_KILL of the scenario */
	struct kill_point kills[KILLS_MAX];
	size_t count; /* of kills; 0 = undisturbed */
};

/*
 * Run it in a fork of this process.
 *
 * want        the state that it has to end in; NULL: any, and the result tells it
 * out_result  the caller's:
 *             "error": what went wrong, in words (null: nothing did);
 *             "hits": kills that happened;
 *             "repair": effects of the first command after the first kill (0 = none came);
 *             "effects", of an undisturbed run: of each VERB_KILL [{"what", "half"}];
 *             "state", when want is NULL: as of state_take()
 * Returns -1 only when there was no run.
 */
int life_run(struct world *w, const struct scenario *s, const struct plan *plan,
	     const struct json_object *want, struct json_object **out_result, struct err *err);

#endif
