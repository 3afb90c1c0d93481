#include "model/channel.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

const char *channel_state_name(enum channel_state state)
{
	static const char *const names[] = {
#define X(id, name) name,
		CHANNEL_STATES(X)
#undef X
	};

	return names[state];
}

const char *push_state_name(enum push_state state)
{
	static const char *const names[] = {
#define X(id, name) name,
		PUSH_STATES(X)
#undef X
	};

	return names[state];
}

void channel_release(struct channel *c)
{
	free(c->id);
	free(c->address);
	free(c->resource_id);
	free(c->last_error);
	memset(c, 0, sizeof(*c));
}

void channel_list_release(struct channel_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		channel_release(&l->items[i]);
	free(l->items);
	memset(l, 0, sizeof(*l));
}

int64_t channel_end_ms(const struct channel *c)
{
	if (c->expiration_ms)
		return c->expiration_ms;
	return c->created_ms + CHANNEL_TTL_S * INT64_C(1000);
}
