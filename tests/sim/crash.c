/* The process that dies: from one effect on, none passes; then another process opens the store. */
#include "world.h"

#include <string.h>

#include "cover.h"

#include "base/banned.h"

static const char *const names[] = {
#define X(id, name) name,
	SIM_POINTS(X)
#undef X
};

const char *point_name(enum point p)
{
	return names[p];
}

static void die(struct crash *c, enum point p)
{
	struct world *w = c->side->world;

	c->dead = true;
	c->point = p;
	c->digest = peek_digest(c->side->peek);
	c->request_n = w->request_n;
	c->now_ms = w->now_ms;
	COVER(points[p]);
	world_trace(w, "     store %d dies at %s", c->side->index + 1, names[p]);
}

bool crash_here(struct world *w, enum point p)
{
	struct crash *c = &w->crash;

	if (c->side && !c->dead && c->left > 0 && --c->left == 0)
		die(c, p);
	return c->side && c->dead;
}

static bool dies(struct fault_hook *hook, const char *name)
{
	struct crash *c = (struct crash *)hook;

	if (!c->side)
		return false;
	for (int i = 0; i < POINT_KINDS; i++)
		if (!strcmp(names[i], name))
			return crash_here(c->side->world, (enum point)i);
	return c->dead; /* within a transaction nothing is final */
}

void crash_arm(struct side *s, int at)
{
	struct crash *c = &s->world->crash;

	if (!at)
		return;
	*c = (struct crash){.hook = {dies}, .side = s, .left = at};
	fault_hook = &c->hook;
}

struct side *crash_suspend(struct world *w)
{
	struct side *was = w->crash.side;

	w->crash.side = NULL;
	return was;
}

void crash_resume(struct world *w, struct side *was)
{
	w->crash.side = was;
}

bool crash_over(struct side *s, enum point *out_point)
{
	struct world *w = s->world;
	struct crash c = w->crash;

	if (c.side != s)
		return false;
	w->crash.side = NULL;
	fault_hook = NULL;
	if (!c.dead)
		return false;
	store_close(s->store);
	s->store = NULL;
	if (w->request_n != c.request_n)
		world_break(w, "C nothing passes after death", "store %d sent a request",
			    s->index + 1);
	if (peek_digest(s->peek) != c.digest)
		world_break(w, "C nothing passes after death", "store %d was written to",
			    s->index + 1);
	side_open(s);
	w->now_ms = c.now_ms;
	*out_point = c.point;
	return true;
}
