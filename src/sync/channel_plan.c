#include "sync/channel_plan.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "base/banned.h"

#define GRACE_MS (24 * 60 * 60 * INT64_C(1000))

static void add_op(struct channel_plan *p, struct channel_op op)
{
	p->ops = xreallocarray(p->ops, p->count + 1, sizeof(*p->ops));
	p->ops[p->count++] = op;
}

bool channel_is_live(const struct channel *c, int64_t now_ms)
{
	return c->state == CHANNEL_ACTIVE && !c->deaf && channel_end_ms(c) > now_ms;
}

/* Of those that would do the one that lives longest; NULL = none. */
static const struct channel *find_best(const struct channel_situation *s, int64_t calendar_id)
{
	const struct channel *best = NULL;

	for (size_t i = 0; i < s->channel_count; i++) {
		const struct channel *c = &s->channels[i];

		if (c->calendar_id != calendar_id || !channel_is_live(c, s->now_ms) ||
		    (s->address && strcmp(c->address, s->address) != 0))
			continue;
		if (!best || channel_end_ms(c) > channel_end_ms(best))
			best = c;
	}
	return best;
}

/* The webhook learns of a channel before Google does. */
static bool was_never_asked_for(const struct channel *c)
{
	return c->state == CHANNEL_NEW && c->deaf && !c->resource_id;
}

/* keep: the one that the calendar goes on with; NULL = none yet, or none is to be. */
static void plan_old(const struct channel_situation *s, const struct channel *c, bool wanted,
		     const struct channel *keep, struct channel_plan *out)
{
	bool dispensable = !wanted || (keep && keep != c);
	struct channel_op op = {.calendar_id = c->calendar_id, .channel = c};

	if (s->now_ms >= channel_end_ms(c) + GRACE_MS || was_never_asked_for(c))
		op.kind = CHANNEL_FORGET;
	else if (c->resource_id && (c->state == CHANNEL_STOPPING || dispensable))
		op.kind = CHANNEL_STOP;
	else
		return;
	add_op(out, op);
}

static void plan_calendar(const struct channel_situation *s, const struct channel_need *need,
			  struct channel_plan *out)
{
	const struct channel *best = need->wanted ? find_best(s, need->calendar_id) : NULL;
	bool lasts = best && channel_end_ms(best) - s->now_ms > s->window_ms;

	if (need->wanted && !lasts && s->address)
		add_op(out, (struct channel_op){.kind = CHANNEL_MAKE,
						.calendar_id = need->calendar_id,
						.dark = !best});
	for (size_t i = 0; i < s->channel_count; i++)
		if (s->channels[i].calendar_id == need->calendar_id)
			plan_old(s, &s->channels[i], need->wanted, lasts ? best : NULL, out);
}

void channel_plan_build(const struct channel_situation *s, struct channel_plan *out)
{
	memset(out, 0, sizeof(*out));
	for (size_t i = 0; i < s->need_count; i++)
		plan_calendar(s, &s->needs[i], out);
}

void channel_plan_release(struct channel_plan *p)
{
	free(p->ops);
	memset(p, 0, sizeof(*p));
}
