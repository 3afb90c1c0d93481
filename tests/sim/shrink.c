#include "run.h"

#include <string.h>

#include "base/xalloc.h"

#include "base/banned.h"

#define TRIES_MAX 3000

struct shrink {
	struct sim_history *best;
	const char *broken;
	void (*runs)(const struct sim_history *h, void *arg, struct outcome *out);
	void *arg;
	int tries;
};

/* Whether the candidate breaks the same; then it is the best one. */
static bool better(struct shrink *s, const struct sim_history *candidate)
{
	struct outcome out;

	if (s->tries++ >= TRIES_MAX)
		return false;
	s->runs(candidate, s->arg, &out);
	if (!out.broken || strcmp(out.broken, s->broken) != 0)
		return false;
	*s->best = *candidate;
	return true;
}

/* Without the steps from `at` on. */
static bool try_without(struct shrink *s, size_t at, size_t count)
{
	AUTO(free) struct sim_history *c = xmalloc(sizeof(*c));

	*c = *s->best;
	if (at + count > c->step_count)
		count = c->step_count - at;
	memmove(&c->steps[at], &c->steps[at + count],
		(c->step_count - at - count) * sizeof(c->steps[0]));
	c->step_count -= count;
	return better(s, c);
}

static bool drop_steps(struct shrink *s)
{
	bool any = false;

	for (size_t size = s->best->step_count / 2 ? s->best->step_count / 2 : 1; size; size /= 2)
		for (size_t at = 0; at < s->best->step_count;)
			if (try_without(s, at, size))
				any = true;
			else
				at += size;
	return any;
}

static bool try_step(struct shrink *s, size_t i, const struct step *step)
{
	AUTO(free) struct sim_history *c = xmalloc(sizeof(*c));

	*c = *s->best;
	c->steps[i] = *step;
	return better(s, c);
}

/* A step without what goes wrong in it, all at once or one by one. */
static bool calm_step(struct shrink *s, size_t i)
{
	struct step step = s->best->steps[i];
	bool any = false;

	step.crash = 0;
	any |= s->best->steps[i].crash && try_step(s, i, &step);
	step = s->best->steps[i];
	step.fault_count = 0;
	any |= s->best->steps[i].fault_count && try_step(s, i, &step);
	for (int k = s->best->steps[i].fault_count - 1; k >= 0; k--) {
		step = s->best->steps[i];
		memmove(&step.faults[k], &step.faults[k + 1],
			(size_t)(step.fault_count - k - 1) * sizeof(step.faults[0]));
		step.fault_count--;
		any |= try_step(s, i, &step);
	}
	for (int k = s->best->steps[i].while_count - 1; k >= 0; k--) {
		step = s->best->steps[i];
		memmove(&step.whiles[k], &step.whiles[k + 1],
			(size_t)(step.while_count - k - 1) * sizeof(step.whiles[0]));
		step.while_count--;
		any |= try_step(s, i, &step);
	}
	return any;
}

static bool settle(struct shrink *s)
{
	AUTO(free) struct sim_history *c = xmalloc(sizeof(*c));
	bool any = false;

	for (uint8_t n = 1; n < s->best->stores; n++) {
		*c = *s->best;
		c->stores = n;
		any |= better(s, c);
	}
	for (uint8_t n = 1; n < s->best->calendars; n++) {
		*c = *s->best;
		c->calendars = n;
		any |= better(s, c);
	}
	for (int i = 0; i < SIM_STORES; i++) {
		*c = *s->best;
		c->skew_ms[i] = 0;
		any |= s->best->skew_ms[i] && better(s, c);
	}
	*c = *s->best;
	c->max_page = 0;
	any |= s->best->max_page && better(s, c);
	*c = *s->best;
	c->empty_pages = false;
	any |= s->best->empty_pages && better(s, c);
	*c = *s->best;
	c->max_batch = 1000;
	any |= s->best->max_batch != 1000 && better(s, c);
	return any;
}

void shrink_history(struct sim_history *h, const char *broken,
		    void (*runs)(const struct sim_history *h, void *arg, struct outcome *out),
		    void *arg)
{
	struct shrink s = {.best = h, .broken = broken, .runs = runs, .arg = arg};
	bool any;

	do {
		any = drop_steps(&s);
		any |= settle(&s);
		for (size_t i = 0; i < h->step_count; i++)
			any |= calm_step(&s, i);
	} while (any && s.tries < TRIES_MAX);
}
