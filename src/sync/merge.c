#include "sync/merge.h"

#include <string.h>

#include "model/event.h"

struct sides {
	const struct json_object *base, *local, *remote;
};

/* Fields that only make sense together are judged together: a start from one side and an end from
 * the other may not even be in order. Ends with NULL. */
static const char *const span[] = {"start", "end", NULL};

static bool differ(const char *const *unit, const struct json_object *a,
		   const struct json_object *b)
{
	for (; *unit; unit++)
		if (!event_field_equal(*unit, json_get(a, *unit), json_get(b, *unit)))
			return true;
	return false;
}

static void take(const char *const *unit, const struct json_object *from, struct json_object *into)
{
	for (; *unit; unit++) {
		struct json_object *v = json_get(from, *unit);

		if (v)
			json_set(into, *unit, json_clone(v));
		else
			json_del(into, *unit);
	}
}

static void merge_unit(const char *const *unit, const struct sides *s, bool local_newer,
		       struct merge_result *out)
{
	bool both;

	if (!differ(unit, s->base, s->local))
		return; /* merged starts as remote */
	if (!differ(unit, s->local, s->remote))
		return;
	both = differ(unit, s->base, s->remote);
	if (both)
		out->conflicts++;
	if (both && !local_newer)
		return;
	take(unit, s->local, out->merged);
	out->local_left = true;
}

void merge_event(const struct json_object *base, const struct json_object *local,
		 const struct json_object *remote, bool local_newer, struct merge_result *out)
{
	const struct sides sides = {base, local, remote};

	out->merged = json_clone(remote);
	out->conflicts = 0;
	out->local_left = false;
	for (size_t i = 0; i < event_field_count(); i++) {
		const char *single[] = {event_field_name(i), NULL};

		if (!strcmp(single[0], "start"))
			merge_unit(span, &sides, local_newer, out);
		else if (strcmp(single[0], "end") != 0)
			merge_unit(single, &sides, local_newer, out);
	}
}
