#include "sync/merge.h"

#include <string.h>
#include <strings.h>

#include "base/banned.h"
#include "model/event.h"

struct merge {
	const struct json_object *base, *local, *remote;
	const struct merge_rule *rule;
	struct merge_result *out;
};

void merge_result_release(struct merge_result *m)
{
	json_object_put(m->merged);
	json_object_put(m->fields);
	memset(m, 0, sizeof(*m));
}

size_t merge_contested(const struct merge_result *m)
{
	return json_object_array_length(m->fields);
}

static void contest(struct merge *m, const char *field)
{
	json_object_array_add(m->out->fields, json_object_new_string(field));
}

/* Set a member to a copy of v, or take it off when v is NULL. */
static void put(struct json_object *into, const char *key, const struct json_object *v)
{
	if (v)
		json_set(into, key, json_clone(v));
	else
		json_del(into, key);
}

/* --- units ------------------------------------------------------------------------------- */

/* Names of fields that are judged together, ended by NULL. */
typedef const char *const unit[];

static const unit span = {"start", "end", NULL};
static const unit schedule = {"start", "end", "recurrence", NULL};

static bool differ(const char *const *u, const struct json_object *a, const struct json_object *b)
{
	for (; *u; u++)
		if (!event_field_equal(*u, json_get(a, *u), json_get(b, *u)))
			return true;
	return false;
}

/* Whose value of a contested field stands. */
static enum merge_side winner(const struct merge *m, const char *field)
{
	return m->rule->remote_fields && json_has(m->rule->remote_fields, field)
		       ? MERGE_REMOTE
		       : m->rule->contested;
}

static void merge_unit(struct merge *m, const char *const *u)
{
	if (!differ(u, m->base, m->local) || !differ(u, m->local, m->remote))
		return; /* merged starts as remote */
	if (differ(u, m->base, m->remote)) {
		for (const char *const *field = u; *field; field++)
			if (!event_field_equal(*field, json_get(m->local, *field),
					       json_get(m->remote, *field)))
				contest(m, *field);
		if (winner(m, *u) == MERGE_REMOTE)
			return;
	}
	for (; *u; u++)
		put(m->out->merged, *u, json_get(m->local, *u));
}

static bool all_day(const struct json_object *event)
{
	return json_path_str(event, "start/date") != NULL;
}

/* One side's rule beside the other's times is refused when one of them is all-day and the other is
 * not: then the three stand and fall together. */
static bool kind_changed(const struct merge *m)
{
	return m->base &&
	       (all_day(m->base) != all_day(m->local) || all_day(m->base) != all_day(m->remote));
}

/* --- by part ----------------------------------------------------------------------------- */

/* One part (a guest's member, a property): the three values to the one that stands. */
static const struct json_object *merge_part(enum merge_side side, const struct json_object *base,
					    const struct json_object *local,
					    const struct json_object *remote, bool *contested)
{
	if (json_equal(base, local) || json_equal(local, remote))
		return remote;
	if (json_equal(base, remote))
		return local;
	*contested = true;
	return side == MERGE_LOCAL ? local : remote;
}

static void merge_keys(enum merge_side side, const struct json_object *base,
		       const struct json_object *local, const struct json_object *remote,
		       struct json_object *out, bool *contested)
{
	const struct json_object *const sides[] = {local, remote};

	for (size_t i = 0; i < 2; i++) {
		if (!json_object_is_type(sides[i], json_type_object))
			continue;
		json_object_object_foreach ((struct json_object *)sides[i], key, value) {
			(void)value;
			put(out, key,
			    merge_part(side, json_get(base, key), json_get(local, key),
				       json_get(remote, key), contested));
		}
	}
}

static void merge_properties(struct merge *m)
{
	static const char *const groups[] = {"private", "shared"};
	static const char field[] = "extendedProperties";
	const struct json_object *base = json_get(m->base, field);
	const struct json_object *local = json_get(m->local, field);
	const struct json_object *remote = json_get(m->remote, field);
	struct json_object *merged = remote ? json_clone(remote) : json_object_new_object();
	bool contested = false;

	for (size_t i = 0; i < 2; i++) {
		struct json_object *group = json_object_new_object();

		merge_keys(winner(m, field), json_get(base, groups[i]), json_get(local, groups[i]),
			   json_get(remote, groups[i]), group, &contested);
		if (json_object_object_length(group)) {
			json_set(merged, groups[i], group);
			continue;
		}
		json_object_put(group);
		json_del(merged, groups[i]);
	}
	if (contested)
		contest(m, field);
	if (json_object_object_length(merged))
		json_set(m->out->merged, field, merged);
	else {
		json_object_put(merged);
		json_del(m->out->merged, field);
	}
}

/* --- attendees --------------------------------------------------------------------------- */

static const struct json_object *guest(const struct json_object *list, const char *email)
{
	if (!email || !json_object_is_type(list, json_type_array))
		return NULL;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const struct json_object *at = json_object_array_get_idx(list, i);
		const char *has = json_str(at, "email");

		if (has && !strcasecmp(has, email))
			return at;
	}
	return NULL;
}

/* One guest who is on both lists: each member by itself; what only Google says is remote's. */
static struct json_object *merge_guest(struct merge *m, const struct json_object *base,
				       const struct json_object *local,
				       const struct json_object *remote, bool *contested)
{
	struct json_object *merged = json_clone(remote);

	for (size_t i = 0; i < event_guest_member_count(); i++) {
		const char *name = event_guest_member(i);
		const struct json_object *b = json_get(base, name), *l = json_get(local, name);
		const struct json_object *r = json_get(remote, name);

		/* Without a base both sides invited him: what one of them left open is no
		 * change. */
		if (!strcmp(name, "email") || event_guest_member_equal(name, l, r) ||
		    event_guest_member_equal(name, b, l))
			continue;
		if (event_guest_member_equal(name, b, r)) {
			put(merged, name, l);
			continue;
		}
		*contested = true;
		if (winner(m, "attendees") == MERGE_LOCAL)
			put(merged, name, l);
	}
	return merged;
}

/* Who is on one list only: new there, or taken off the other one. One who was taken off while the
 * other side changed something about him stays: an edit beats a delete. */
static bool guest_stays(const struct json_object *base, const struct json_object *has)
{
	return !base || !event_guest_equal(base, has);
}

static void merge_attendees(struct merge *m)
{
	static const char field[] = "attendees";
	const struct json_object *base = json_get(m->base, field);
	const struct json_object *local = json_get(m->local, field);
	const struct json_object *remote = json_get(m->remote, field);
	struct json_object *list = json_object_new_array();
	bool contested = false;

	/* In Google's order, then who was added here. */
	for (size_t i = 0; remote && i < json_object_array_length(remote); i++) {
		const struct json_object *r = json_object_array_get_idx(remote, i);
		const char *email = json_str(r, "email");
		const struct json_object *b = guest(base, email), *l = guest(local, email);

		if (l)
			json_object_array_add(list, merge_guest(m, b, l, r, &contested));
		else if (guest_stays(b, r))
			json_object_array_add(list, json_clone(r));
	}
	for (size_t i = 0; local && i < json_object_array_length(local); i++) {
		const struct json_object *l = json_object_array_get_idx(local, i);
		const char *email = json_str(l, "email");

		if (!guest(remote, email) && guest_stays(guest(base, email), l))
			json_object_array_add(list, json_clone(l));
	}
	if (contested)
		contest(m, field);
	if (json_object_array_length(list))
		json_set(m->out->merged, field, list);
	else {
		json_object_put(list);
		json_del(m->out->merged, field);
	}
}

/* What can be looked into: a list of guests who all have an address, an object, or nothing. */
static bool has_parts(const struct json_object *event, const char *field)
{
	struct json_object *v = json_get(event, field);

	if (!v)
		return true;
	if (strcmp(field, "attendees") != 0)
		return json_object_is_type(v, json_type_object);
	if (!json_object_is_type(v, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(v); i++)
		if (!json_str(json_object_array_get_idx(v, i), "email"))
			return false;
	return true;
}

/* --- the whole --------------------------------------------------------------------------- */

static bool by_part(const struct merge *m, const char *field)
{
	if (m->rule->whole ||
	    (strcmp(field, "attendees") != 0 && strcmp(field, "extendedProperties") != 0))
		return false;
	/* Without a common version there is nothing to tell an addition from a removal. */
	return m->base && has_parts(m->base, field) && has_parts(m->local, field) &&
	       has_parts(m->remote, field);
}

/* Its status is no field that the edit changed, so by itself it would stay cancelled. */
static bool edit_beats_cancel(const struct merge *m)
{
	return event_is_cancelled(m->remote) && !event_is_cancelled(m->local) &&
	       (!m->base || !event_equal(m->base, m->local));
}

static void merge_field(struct merge *m, const char *field)
{
	const char *const single[] = {field, NULL};

	if (!strcmp(field, "status") && edit_beats_cancel(m))
		return;
	if (!strcmp(field, "end") || (!strcmp(field, "recurrence") && kind_changed(m)))
		return; /* with start */
	if (!strcmp(field, "start"))
		merge_unit(m, kind_changed(m) ? schedule : span);
	else if (!by_part(m, field) || !differ(single, m->base, m->local) ||
		 !differ(single, m->base, m->remote))
		merge_unit(m, single);
	else if (!strcmp(field, "attendees"))
		merge_attendees(m);
	else
		merge_properties(m);
}

void merge_event(const struct json_object *base, const struct json_object *local,
		 const struct json_object *remote, const struct merge_rule *rule,
		 struct merge_result *out)
{
	struct merge m = {.base = base, .local = local, .remote = remote, .rule = rule, .out = out};

	out->merged = json_clone(remote);
	out->fields = json_object_new_array();
	for (size_t i = 0; i < event_field_count(); i++)
		merge_field(&m, event_field_name(i));
	if (edit_beats_cancel(&m))
		json_set_str(out->merged, "status", "confirmed");
	out->local_left = !event_equal(out->merged, remote);
}
