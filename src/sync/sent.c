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

/* In a version on the list, beside Google's members: when it was edited last. */
#define CHANGED "calsyncChangedMs"

struct json_object *sent_add(struct json_object *list_take, const struct json_object *version,
			     int64_t changed_ms, bool *out_added)
{
	struct json_object *list = list_take ? list_take : json_object_new_array();
	struct json_object *copy;

	*out_added = false;
	for (size_t i = 0; i < count(list); i++)
		if (event_equal(json_object_array_get_idx(list, i), version))
			return list;
	if (count(list) >= SENT_MAX)
		json_object_array_del_idx(list, 0, 1);
	copy = json_clone(version);
	json_set_int(copy, CHANGED, changed_ms);
	json_object_array_add(list, copy);
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

/* Whether one of them says in this field what remote says. */
static bool is_sent(const struct json_object *list, const char *name,
		    const struct json_object *remote)
{
	for (size_t i = 0; i < count(list); i++)
		if (same_field(name, json_object_array_get_idx(list, i), remote))
			return true;
	return false;
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
	struct json_object *known = json_clone(base ? base : origin_of(list, remote));

	/* Field by field: who edits one of them at Google leaves the others as they arrived. */
	for (size_t i = 0; known && i < event_field_count(); i++) {
		const char *name = event_field_name(i);
		struct json_object *there = json_get(remote, name);

		if (same_field(name, known, remote) || !is_sent(list, name, remote))
			continue;
		if (there)
			json_set(known, name, json_clone(there));
		else
			json_del(known, name);
	}
	return known;
}

struct json_object *sent_older(const struct json_object *list, const struct json_object *local,
			       int64_t since_ms)
{
	struct json_object *names = NULL;

	for (size_t i = 0; i < count(list); i++) {
		const struct json_object *version = json_object_array_get_idx(list, i);

		if (json_int(version, CHANGED, INT64_MAX) >= since_ms)
			continue;
		for (size_t f = 0; f < event_field_count(); f++) {
			if (!same_field(event_field_name(f), version, local))
				continue;
			if (!names)
				names = json_object_new_object();
			json_set_bool(names, event_field_name(f), true);
		}
	}
	return names;
}
