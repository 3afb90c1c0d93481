#include "sync/sent.h"

#include "base/banned.h"
#include "model/event.h"

/* Each stands for a request that nobody answered: more than a few mean that nothing gets through,
 * and the oldest ones, which were answered with nothing most often, are the first to go. */
#define SENT_MAX 8

static size_t count(const struct json_object *list)
{
	return json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;
}

static bool same_field(const char *name, const struct json_object *a, const struct json_object *b)
{
	return event_field_equal(name, json_get(a, name), json_get(b, name));
}

struct json_object *sent_add(struct json_object *list_take, const struct json_object *version,
			     bool *out_added)
{
	struct json_object *list = list_take ? list_take : json_object_new_array();

	*out_added = false;
	for (size_t i = 0; i < count(list); i++)
		if (event_equal(json_object_array_get_idx(list, i), version))
			return list;
	if (count(list) >= SENT_MAX)
		json_object_array_del_idx(list, 0, 1);
	json_object_array_add(list, json_clone(version));
	*out_added = true;
	return list;
}

struct json_object *sent_drop_last(struct json_object *list_take)
{
	if (count(list_take) > 1) {
		json_object_array_del_idx(list_take, count(list_take) - 1, 1);
		return list_take;
	}
	json_object_put(list_take);
	return NULL;
}

/* Whether remote has all that this version changed of base. */
static bool has_arrived(const struct json_object *version, const struct json_object *base,
			const struct json_object *remote)
{
	bool changed = false;

	for (size_t i = 0; i < event_field_count(); i++) {
		const char *name = event_field_name(i);

		if (same_field(name, version, base))
			continue;
		if (!same_field(name, version, remote))
			return false;
		changed = true;
	}
	return changed;
}

static void take_changes(const struct json_object *version, struct json_object *base)
{
	for (size_t i = 0; i < event_field_count(); i++) {
		const char *name = event_field_name(i);
		struct json_object *v = json_get(version, name);

		if (same_field(name, version, base))
			continue;
		if (v)
			json_set(base, name, json_clone(v));
		else
			json_del(base, name);
	}
}

/* Of a create: the version with most of its fields in remote, the first one when there are two. */
static const struct json_object *origin_of(const struct json_object *list,
					   const struct json_object *remote)
{
	const struct json_object *best = NULL;
	size_t most = 0;

	for (size_t i = 0; i < count(list); i++) {
		const struct json_object *version = json_object_array_get_idx(list, i);
		size_t same = 0;

		for (size_t f = 0; f < event_field_count(); f++)
			same += same_field(event_field_name(f), version, remote);
		if (!best || same > most) {
			best = version;
			most = same;
		}
	}
	return best;
}

struct json_object *sent_base(const struct json_object *list, const struct json_object *base,
			      const struct json_object *remote)
{
	struct json_object *known;

	if (!base)
		return json_clone(origin_of(list, remote));
	known = json_clone(base);
	for (size_t i = count(list); i-- > 0;) {
		const struct json_object *version = json_object_array_get_idx(list, i);

		if (!has_arrived(version, base, remote))
			continue;
		take_changes(version, known);
		break;
	}
	return known;
}
