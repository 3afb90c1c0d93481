/*
 * What is to be done about push channels. Pure: calendars and channels in, operations out.
 *
 * P1  A calendar that is to have a channel has one that is ACTIVE, sends to the right address, is
 *     known to the webhook, and lives longer than the window; else one is made.
 * P2  Until that one is ACTIVE nothing of the calendar's is stopped that may still send: there is
 *     no moment without a channel. One that is to have none loses all at once.
 * P3  A channel is stopped by its resource id. One that is NEW has none before its first message
 *     tells it; till then it is left alone.
 * P4  What can live no longer is forgotten without a request, but only a day after its end: clocks
 *     differ. What Google was never asked for is forgotten at once.
 * P5  Planned again after its operations were carried out, nothing is left to do.
 */
#ifndef SYNC_CHANNEL_PLAN_H
#define SYNC_CHANNEL_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/channel.h"

struct channel_need {
	int64_t calendar_id;
	bool wanted; /* it is to have a channel */
};

struct channel_situation { /* all borrowed */
	int64_t now_ms;
	int64_t window_ms;   /* one that ends within it is replaced */
	const char *address; /* of our webhook; NULL: none is made */
	const struct channel_need *needs;
	size_t need_count;
	const struct channel *channels; /* of other calendars: left alone */
	size_t channel_count;
};

enum channel_op_kind { CHANNEL_MAKE, CHANNEL_STOP, CHANNEL_FORGET };

struct channel_op {
	enum channel_op_kind kind;
	int64_t calendar_id;
	const struct channel *channel; /* to stop or forget; borrowed from the situation */
	bool dark; /* MAKE: no channel lives, so changes may have gone unnoticed */
};

struct channel_plan {
	struct channel_op *ops; /* by calendar, in the order of needs */
	size_t count;
};

void channel_plan_build(const struct channel_situation *s, struct channel_plan *out);
void channel_plan_release(struct channel_plan *p);
DEFINE_AUTO_VALUE(struct channel_plan, channel_plan_release)

/* Whether its messages reach us now. */
bool channel_is_live(const struct channel *c, int64_t now_ms);

#endif
