/*
 * A calendar where the account may see no more than when it is busy (role freeBusyReader): items
 * carry times and nothing else, and a series comes as its occurrences.
 *
 * What was known when the role said more is not lost for that: a known event keeps what it has and
 * gets the new times, occurrences of a known series are not added beside it, and nothing is swept.
 * Etags are not kept: they are those of the whole event, and must not make it look known when the
 * role shows it again.
 */
#include <string.h>

#include "base/xalloc.h"
#include "base/banned.h"
#include "model/event.h"
#include "sync/pull.h"

static bool same_but_etag(const struct json_object *a, const struct json_object *b)
{
	AUTO(json_object_put) struct json_object *x = json_clone(a);
	AUTO(json_object_put) struct json_object *y = json_clone(b);

	json_del(x, "etag");
	json_del(y, "etag");
	return json_equal(x, y);
}

int busy_item(struct pull *p, const struct event *row, const struct json_object *item,
	      struct json_object **out, struct err *err)
{
	static const char *const shown[] = {"status", "start", "end", "originalStartTime",
					    "updated"};
	const char *series = json_str(item, "recurringEventId");
	AUTO(event_release) struct event master = {0};
	const struct json_object *had;
	bool known = false;

	*out = NULL;
	if (!row) {
		if (series && store_event_get(p->e->store, p->c->id, series, &master, &known, err))
			return -1;
		if (!known) {
			*out = json_clone(item);
			json_del(*out, "etag");
		}
		return 0;
	}
	had = row->base ? row->base : row->resource;
	*out = json_clone(had);
	for (size_t i = 0; i < ARRAY_SIZE(shown); i++)
		if (json_has(item, shown[i]))
			json_set(*out, shown[i], json_clone(json_get(item, shown[i])));
	json_del(*out, "etag");
	if (same_but_etag(*out, had))
		json_object_put(TAKE(*out));
	return 0;
}
