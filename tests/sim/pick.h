/*
 * Which of several events an op takes: the one whose name, mixed with the op's seed, gives the
 * highest hash. Others that come or go do not change the choice, unless they win.
 */
#ifndef SIM_PICK_H
#define SIM_PICK_H

#include "hashset.h"
#include "rng.h"
#include "units.h"

struct pick {
	uint32_t seed;
	uint64_t best; /* 0 = none yet */
};

/* Whether this event beats those before it. Named by its mark, else by its id. */
static inline bool pick_better(struct pick *p, const struct json_object *resource, const char *id)
{
	AUTO(free) char *mark = event_mark(resource);
	uint64_t h = rng_mix(hash_texts(mark ? mark : id, "", "") + p->seed) | 1;

	if (h <= p->best)
		return false;
	p->best = h;
	return true;
}

#endif
