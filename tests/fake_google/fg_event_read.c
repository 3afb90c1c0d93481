#include "fg_model.h"

#include <string.h>

#include "base/time.h"

#include "base/banned.h"

int fg_view_init(struct fg_call *call, const struct fg_entry *e, struct fg_view *out)
{
	int64_t max = 0;

	*out = (struct fg_view){.cal = e->cal, .role = fg_seen_role(call, e)};
	out->zone = fg_param(call, "timeZone");
	if (out->zone && !zone_valid(out->zone)) {
		AUTO(free) char *message = xasprintf("Invalid time zone: %s", out->zone);

		return fg_fail_param(call, message, "timeZone");
	}
	if (fg_param_int(call, "maxAttendees", 1, &max))
		return -1;
	out->max_attendees = (size_t)max;
	return 0;
}

/* -- what a caller may not see ------------------------------------------------------------------ */

/* All that a free/busy reader learns, or a reader of a private event. */
static struct json_object *strip_details(const struct json_object *res)
{
	static const char *const keep[] = {"kind",
					   "etag",
					   "id",
					   "status",
					   "htmlLink",
					   "created",
					   "updated",
					   "start",
					   "end",
					   "recurrence",
					   "recurringEventId",
					   "originalStartTime",
					   "transparency",
					   "iCalUID",
					   "sequence",
					   "eventType"};
	struct json_object *out = json_object_new_object();

	for (size_t i = 0; i < ARRAY_SIZE(keep); i++)
		if (json_get(res, keep[i]))
			json_set(out, keep[i], json_object_get(json_get(res, keep[i])));
	if (json_get(res, "start"))
		json_set_str(out, "visibility", "private");
	return out;
}

static bool is_private(const struct json_object *res)
{
	const char *v = json_str(res, "visibility");

	return v && (!strcmp(v, "private") || !strcmp(v, "confidential"));
}

static bool hides_details(const struct fg_view *v, const struct json_object *res)
{
	if (v->role == FG_ROLE_FREEBUSY)
		return true;
	return (v->role == FG_ROLE_READER || v->role == FG_ROLE_WRITER_NO_PRIVATE) &&
	       is_private(res);
}

/* -- shaping -------------------------------------------------------------------------------------- */

static void cut_attendees(struct json_object *res, size_t max)
{
	struct json_object *all = json_get(res, "attendees");
	struct json_object *own;

	if (!json_object_is_type(all, json_type_array) || json_object_array_length(all) <= max)
		return;
	own = json_object_new_array();
	for (size_t i = 0; i < json_object_array_length(all); i++) {
		struct json_object *a = json_object_array_get_idx(all, i);

		if (json_flag(a, "self", false))
			json_object_array_add(own, json_object_get(a));
	}
	json_set(res, "attendees", own);
	json_set_bool(res, "attendeesOmitted", true);
}

struct json_object *fg_view_render(const struct fg_view *v, struct json_object *res)
{
	static const char *const times[] = {"start", "end", "originalStartTime"};
	struct json_object *out;

	if (hides_details(v, res))
		out = strip_details(res);
	else if (v->zone || v->max_attendees)
		out = fg_shallow(res);
	else
		return json_object_get(res);
	for (size_t i = 0; v->zone && i < ARRAY_SIZE(times); i++)
		if (json_get(out, times[i]))
			json_set(out, times[i], fg_when_render(json_get(out, times[i]), v->zone));
	if (v->max_attendees)
		cut_attendees(out, v->max_attendees);
	return out;
}

struct json_object *fg_event_stub(const struct json_object *res)
{
	static const char *const keep[] = {
		"kind", "etag", "id", "status", "recurringEventId", "originalStartTime"};
	struct json_object *out = json_object_new_object();

	for (size_t i = 0; i < ARRAY_SIZE(keep); i++)
		if (json_get(res, keep[i]))
			json_set(out, keep[i], json_object_get(json_get(res, keep[i])));
	return out;
}

/* -- events.get ------------------------------------------------------------------------------------- */

int fg_events_get(struct fg_call *call)
{
	struct fg_entry *e = fg_access(call, FG_ROLE_FREEBUSY);
	AUTO(json_object_put) struct json_object *plain = NULL;
	struct fg_target target;
	struct json_object *res;
	struct fg_view view;

	if (!e || fg_view_init(call, e, &view))
		return -1;
	if (!fg_target_find(e->cal, call->event_id, &target))
		return fg_fail_not_found(call);
	if (target.ev && target.ev->versions && call->bend == FG_BEND_STALE) {
		res = target.ev->versions->res;
		call->fg->faults_hit++;
	} else if (target.ev)
		res = target.ev->res;
	else
		res = plain = fg_instance_new(target.master, e->cal, &target.at);
	if (fg_not_modified(call, json_str(res, "etag")))
		return 0;
	return fg_reply_json(call, 200, fg_view_render(&view, res));
}
