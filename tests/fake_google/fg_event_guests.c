#include "fg_draft.h"

#include <string.h>
#include <strings.h>

#include "base/banned.h"

/*
 * A guest with an account here has a copy of the event on the primary calendar, with the same
 * id. The organizer's changes go to every copy; a guest's answer goes to the organizer's copy
 * and from there to the others. What is private to a copy stays: reminders, colour, private
 * properties, transparency.
 */

int fg_send_param(struct fg_call *call, enum fg_send *out)
{
	const char *value = fg_param(call, "sendUpdates");
	bool old_flag = false;

	if (fg_param_bool(call, "sendNotifications", &old_flag))
		return -1;
	*out = old_flag ? FG_SEND_ALL : FG_SEND_NONE;
	if (!value)
		return 0;
	if (!strcmp(value, "all"))
		*out = FG_SEND_ALL;
	else if (!strcmp(value, "externalOnly"))
		*out = FG_SEND_EXTERNAL;
	else if (!strcmp(value, "none"))
		*out = FG_SEND_NONE;
	else
		return fg_fail_param(call, "Invalid Value", "sendUpdates");
	return 0;
}

static struct json_object *find(const struct json_object *res, const char *email)
{
	struct json_object *list = json_get(res, "attendees");

	for (size_t i = 0; i < fg_len(list); i++) {
		struct json_object *a = json_object_array_get_idx(list, i);
		const char *have = json_str(a, "email");

		if (have && !strcasecmp(have, email))
			return a;
	}
	return NULL;
}

static const char *organizer_email(const struct json_object *res)
{
	return json_path_str(res, "organizer/email");
}

static bool is_cancelled(const struct json_object *res)
{
	const char *status = json_str(res, "status");

	return status && !strcmp(status, "cancelled");
}

static void mail(struct fg_call *call, const struct json_object *res, const char *to,
		 enum fg_send send, const char *what)
{
	static const char *const names[] = {"none", "all", "externalOnly"};

	if (send == FG_SEND_NONE || (send == FG_SEND_EXTERNAL && fg_account_find(call->fg, to)))
		return;
	fg_mail(call->fg, to, json_str(res, "id"), names[send], what);
}

/* -- copies ------------------------------------------------------------------------------------- */

static struct json_object *copy_people(const struct json_object *list, const char *self)
{
	struct json_object *out = json_object_new_array();

	for (size_t i = 0; i < fg_len(list); i++) {
		struct json_object *a = json_clone(json_object_array_get_idx(list, i));
		const char *email = json_str(a, "email");

		json_del(a, "self");
		if (email && !strcasecmp(email, self))
			json_set_bool(a, "self", true);
		json_object_array_add(out, a);
	}
	return out;
}

static struct json_object *copy_person(const struct json_object *p, const char *self)
{
	struct json_object *out = json_clone(p);
	const char *email = json_str(p, "email");

	json_del(out, "self");
	if (email && !strcasecmp(email, self))
		json_set_bool(out, "self", true);
	return out;
}

/* The shared part of res on top of what the copy keeps for itself. */
static struct json_object *make_copy(const struct json_object *res, const struct json_object *was,
				     const struct fg_cal *to)
{
	static const char *const own[] = {"reminders", "colorId", "transparency", "visibility"};
	const struct json_object *shared = json_path(res, "extendedProperties/shared");
	const struct json_object *private = json_path(was, "extendedProperties/private");
	struct json_object *out = fg_shallow(res);
	AUTO(free) char *link = fg_event_link(json_str(res, "id"), to);

	for (size_t i = 0; i < ARRAY_SIZE(own); i++) {
		json_del(out, own[i]);
		if (json_get(was, own[i]))
			json_set(out, own[i], json_clone(json_get(was, own[i])));
	}
	if (!json_get(out, "reminders")) {
		json_set(out, "reminders", json_object_new_object());
		json_set_bool(json_get(out, "reminders"), "useDefault", true);
	}
	json_del(out, "source");
	json_del(out, "extendedProperties");
	if (shared || private) {
		struct json_object *props = json_object_new_object();

		if (private)
			json_set(props, "private", json_clone(private));
		if (shared)
			json_set(props, "shared", json_clone(shared));
		json_set(out, "extendedProperties", props);
	}
	json_set_str(out, "htmlLink", link);
	json_set(out, "attendees", copy_people(json_get(res, "attendees"), to->id));
	if (json_get(res, "creator"))
		json_set(out, "creator", copy_person(json_get(res, "creator"), to->id));
	json_set(out, "organizer", copy_person(json_get(res, "organizer"), to->id));
	for (const char *const *key =
		     (const char *const[]){"start", "end", "originalStartTime", NULL};
	     *key; key++)
		if (json_get(res, *key))
			json_set(out, *key, fg_when_render(json_get(res, *key), to->zone));
	return out;
}

static void update_copy(struct fg_call *call, const struct json_object *res, struct fg_cal *to)
{
	struct fg_event *copy = fg_event_find(to, json_str(res, "id"));
	AUTO(json_object_put)
	struct json_object *next = make_copy(res, copy ? copy->res : NULL, to);

	if (copy) {
		/* etag and updated are the copy's own: not a difference. */
		json_set_str(next, "etag", fg_event_etag(copy));
		if (json_get(copy->res, "updated"))
			json_set(next, "updated", json_object_get(json_get(copy->res, "updated")));
		if (json_equal(next, copy->res))
			return;
	}
	fg_event_stamp(call->fg, next, true);
	if (copy) {
		fg_event_replace(to, copy, fg_in_order(next));
		copy->stub = false;
		if (copy->past && copy->past->until_seq == copy->seq)
			fg_event_reset_exceptions(call->fg, to, copy);
	} else {
		copy = fg_event_put(to, fg_in_order(next));
	}
	fg_event_notify(call->fg, to, copy);
}

static void cancel_copy(struct fg_call *call, const struct json_object *res, struct fg_cal *to)
{
	struct fg_event *copy = fg_event_find(to, json_str(res, "id"));
	const char *master = json_str(res, "recurringEventId");

	if (copy && !copy->cancelled)
		fg_event_cancel(call->fg, to, copy);
	/* An instance of a series that the guest has, too. */
	if (!copy && master && is_cancelled(res) && fg_event_find(to, master))
		update_copy(call, res, to);
}

static struct fg_cal *guest_calendar(struct fg_call *call, const char *email,
				     const struct fg_cal *organizer)
{
	struct fg_account *account = fg_account_find(call->fg, email);
	struct fg_cal *cal = account ? fg_account_primary(account)->cal : NULL;

	return cal == organizer ? NULL : cal;
}

/* A guest who declined by removing the event does not get it back with each change of it. */
static bool has_left(const struct json_object *res, struct fg_cal *to)
{
	struct fg_event *copy = fg_event_find(to, json_str(res, "id"));
	const char *answer = json_str(find(res, to->id), "responseStatus");

	return copy && copy->cancelled && answer && !strcmp(answer, "declined");
}

/* -- from the organizer --------------------------------------------------------------------------- */

static void tell_guests(struct fg_call *call, struct fg_cal *cal, const struct json_object *res,
			const struct json_object *old, enum fg_send send)
{
	struct json_object *list = json_get(res, "attendees");
	struct json_object *was = json_get(old, "attendees");
	bool gone = is_cancelled(res);

	for (size_t i = 0; i < fg_len(list); i++) {
		const char *email = json_str(json_object_array_get_idx(list, i), "email");
		struct fg_cal *to = email ? guest_calendar(call, email, cal) : NULL;

		if (!email || !strcasecmp(email, cal->id))
			continue;
		mail(call, res, email, send,
		     gone                      ? "cancellation"
		     : old && find(old, email) ? "update"
					       : "invitation");
		if (to && gone)
			cancel_copy(call, res, to);
		else if (to && !has_left(res, to))
			update_copy(call, res, to);
	}
	for (size_t i = 0; i < fg_len(was); i++) {
		const char *email = json_str(json_object_array_get_idx(was, i), "email");
		struct fg_cal *to = email ? guest_calendar(call, email, cal) : NULL;

		if (!email || find(res, email) || !strcasecmp(email, cal->id))
			continue;
		mail(call, res, email, send, "cancellation");
		if (to)
			cancel_copy(call, res, to);
	}
}

/* -- from a guest ------------------------------------------------------------------------------------ */

/* The guest's entry in the organizer's list; a new guest is added to it. */
static struct json_object *answered(const struct json_object *res, const struct json_object *copy,
				    const char *me, bool declined)
{
	static const char *const keys[] = {"responseStatus", "comment", "additionalGuests"};
	struct json_object *out = fg_shallow(res);
	struct json_object *list = json_clone(json_get(res, "attendees"));
	struct json_object *mine = json_get(copy, "attendees");

	json_set(out, "attendees", list ? list : json_object_new_array());
	for (size_t i = 0; i < fg_len(mine); i++) {
		const struct json_object *from = json_object_array_get_idx(mine, i);
		const char *email = json_str(from, "email");
		struct json_object *to = email ? find(out, email) : NULL;

		if (email && !to) {
			struct json_object *fresh = json_clone(from);

			json_del(fresh, "self");
			json_object_array_add(json_get(out, "attendees"), fresh);
		}
		if (!to || strcasecmp(email, me) != 0)
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(keys); k++) {
			json_del(to, keys[k]);
			if (json_get(from, keys[k]))
				json_set(to, keys[k], json_clone(json_get(from, keys[k])));
		}
		if (declined)
			json_set_str(to, "responseStatus", "declined");
	}
	return out;
}

/* What any guest may change of all copies: shared properties, and with leave the event itself. */
static void take_changes(struct json_object *out, const struct json_object *copy,
			 const struct fg_cal *home)
{
	struct json_object *shared = json_path(copy, "extendedProperties/shared");
	struct json_object *props = json_clone(json_get(out, "extendedProperties"));

	if (!props)
		props = json_object_new_object();
	json_del(props, "shared");
	if (shared)
		json_set(props, "shared", json_clone(shared));
	json_set(out, "extendedProperties", props);
	if (!json_flag(out, "guestsCanModify", false))
		return;
	for (const struct fg_event_field *f = fg_event_fields; f->name; f++) {
		struct json_object *value = json_get(copy, f->name);

		if (!(f->flags & FG_F_LOCKED))
			continue;
		json_del(out, f->name);
		if (value && f->type == json_type_object)
			json_set(out, f->name, fg_when_render(value, home->zone));
		else if (value)
			json_set(out, f->name, json_clone(value));
	}
}

/* The organizer's event, or the instance of the organizer's series as an exception of its own. */
static struct fg_event *main_event(struct fg_call *call, struct fg_cal *home, const char *id)
{
	struct fg_target target;
	struct json_object *res;

	if (!fg_target_find(home, id, &target))
		return NULL;
	if (target.ev || target.spare)
		return target.ev;
	res = fg_instance_new(target.master, home, &target.at);
	fg_event_stamp(call->fg, res, true);
	return fg_event_put(home, res);
}

static void tell_organizer(struct fg_call *call, struct fg_cal *cal, const struct fg_event *ev,
			   enum fg_send send)
{
	const char *email = organizer_email(ev->res);
	struct fg_cal *home = email ? fg_cal_find(call->fg, email) : NULL;
	struct fg_event *main_copy = home && home != cal ? main_event(call, home, ev->id) : NULL;
	AUTO(json_object_put) struct json_object *answer = NULL;
	AUTO(json_object_put) struct json_object *next = NULL;
	AUTO(json_object_put) struct json_object *old = NULL;

	if (!main_copy || main_copy->cancelled)
		return;
	old = json_object_get(main_copy->res);
	answer = answered(old, ev->res, cal->id, ev->cancelled);
	if (!ev->cancelled)
		take_changes(answer, ev->res, home);
	next = fg_in_order(answer);
	if (json_equal(old, next))
		return;
	fg_event_stamp(call->fg, next, true);
	fg_event_replace(home, main_copy, json_object_get(next));
	if (main_copy->past && main_copy->past->until_seq == main_copy->seq)
		fg_event_reset_exceptions(call->fg, home, main_copy);
	fg_event_notify(call->fg, home, main_copy);
	mail(call, main_copy->res, email, send, "update");
	tell_guests(call, home, main_copy->res, old, FG_SEND_NONE);
}

void fg_guests_update(struct fg_call *call, struct fg_cal *cal, struct fg_event *ev,
		      const struct json_object *old, enum fg_send send)
{
	const struct json_object *organizer = json_get(ev->res, "organizer");

	if (json_flag(ev->res, "privateCopy", false) ||
	    (!fg_len(json_get(ev->res, "attendees")) && !fg_len(json_get(old, "attendees"))))
		return;
	if (json_flag(organizer, "self", false))
		tell_guests(call, cal, ev->res, old, send);
	else
		tell_organizer(call, cal, ev, send);
}
