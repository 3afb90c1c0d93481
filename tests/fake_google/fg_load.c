#include "fg_model.h"

#include <string.h>

#include "base/time.h"

#include "base/banned.h"

/*
 * Recorded Google data as it is: nothing is normalised, what is missing is minted (id, etag,
 * kind, updated), and everything else comes back from the API as it was loaded.
 */

static bool known_zone(const char *zone)
{
	return zone && zone_valid(zone);
}

static bool newer(const struct json_object *a, const struct json_object *b)
{
	const char *ua = json_str(a, "updated");
	const char *ub = json_str(b, "updated");

	/* RFC 3339 UTC with the same number of digits compares as text. */
	return !ua || !ub || strcmp(ua, ub) >= 0;
}

static int load_event(struct fg *fg, struct fg_cal *cal, const struct json_object *data,
		      struct err *err)
{
	AUTO(json_object_put) struct json_object *res = NULL;
	struct fg_event *ev;
	const char *id;

	if (!json_object_is_type(data, json_type_object))
		return err_set(err, ERR_INVALID, "an event must be a JSON object");
	res = json_clone(data);
	id = json_str(res, "id");
	if (!id || !*id) {
		AUTO(free) char *minted = fg_new_id(fg, 26);

		json_set_str(res, "id", minted);
	}
	if (!json_get(res, "kind"))
		json_set_str(res, "kind", "calendar#event");
	if (!json_str(res, "status"))
		json_set_str(res, "status", "confirmed");
	if (!json_str(res, "etag"))
		fg_event_stamp(fg, res,
			       !json_str(res, "updated") &&
				       strcmp(json_str(res, "status"), "cancelled") != 0);
	ev = fg_event_find(cal, json_str(res, "id"));
	if (ev && !newer(res, ev->res))
		return 0;
	if (ev)
		fg_event_replace(cal, ev, json_object_get(res));
	else
		ev = fg_event_put(cal, json_object_get(res));
	ev->verbatim = true;
	return 0;
}

/* What an Events list says about its calendar. */
static void load_envelope(struct fg *fg, struct fg_account *account, struct fg_entry *e,
			  const struct json_object *list)
{
	const char *zone = json_str(list, "timeZone");
	const char *description = json_str(list, "description");
	struct json_object *reminders = json_get(list, "defaultReminders");

	if (known_zone(zone))
		fg_cal_set_zone(e->cal, zone, true);
	if (description && *description)
		json_set_str(e->cal->props, "description", description);
	if (!e->cal->primary && json_str(list, "summary"))
		json_set_str(e->cal->props, "summary", json_str(list, "summary"));
	if (json_object_is_type(reminders, json_type_array))
		json_set(e->prefs, "defaultReminders", json_clone(reminders));
	fg_entry_touch(fg, account, e);
}

static int load_events(struct fg *fg, struct fg_cal *cal, const struct json_object *events,
		       struct err *err)
{
	for (size_t i = 0; i < json_object_array_length(events); i++)
		if (load_event(fg, cal, json_object_array_get_idx(events, i), err))
			return err_wrap(err, "event %zu", i + 1);
	/* One change for whoever watches, however many events. */
	if (json_object_array_length(events) && cal->newest)
		fg_event_notify(fg, cal, cal->newest);
	return 0;
}

/* -- calendar lists ---------------------------------------------------------------------------- */

static void load_props(struct fg_entry *e, const struct json_object *data)
{
	static const char *const shared[] = {"summary", "description", "location",
					     "conferenceProperties", "autoAcceptInvitations"};
	static const char *const prefs[] = {
		"summaryOverride", "colorId",          "backgroundColor",      "foregroundColor",
		"hidden",          "defaultReminders", "notificationSettings",
	};

	for (size_t i = 0; i < ARRAY_SIZE(shared); i++)
		if (json_get(data, shared[i]))
			json_set(e->cal->props, shared[i], json_clone(json_get(data, shared[i])));
	for (size_t i = 0; i < ARRAY_SIZE(prefs); i++) {
		json_del(e->prefs, prefs[i]);
		if (json_get(data, prefs[i]))
			json_set(e->prefs, prefs[i], json_clone(json_get(data, prefs[i])));
	}
	json_del(e->prefs, "selected");
	if (json_flag(data, "selected", false))
		json_set_bool(e->prefs, "selected", true);
}

/* Generated calendars (holidays, birthdays, weather) cannot be watched. */
static bool generated(const char *id)
{
	return strchr(id, '#') != NULL;
}

static struct fg_entry *entry_for(struct fg *fg, struct fg_account *account, const char *id,
				  enum fg_role role, const char *zone)
{
	struct fg_cal *cal = fg_cal_find(fg, id);
	struct fg_entry *e;

	if (!cal) {
		cal = fg_cal_new(fg, id, role == FG_ROLE_OWNER ? account : NULL,
				 known_zone(zone) ? zone : account->time_zone);
		cal->watchable = !generated(id);
		json_set_str(cal->props, "summary", id);
	}
	e = fg_entry_find(account, cal);
	return e ? e : fg_entry_add(fg, account, cal, role);
}

static int load_calendar(struct fg *fg, struct fg_account *account, const struct json_object *data,
			 struct err *err)
{
	const char *id = json_str(data, "id");
	const char *role_name = json_str(data, "accessRole");
	const char *zone = json_str(data, "timeZone");
	const struct json_object *events = json_get(data, "events");
	enum fg_role role = FG_ROLE_OWNER;
	struct fg_entry *e;

	if (!id || !*id)
		return err_set(err, ERR_INVALID, "a calendar needs an id");
	if (role_name && fg_role_parse(role_name, &role))
		return err_set(err, ERR_INVALID, "'%s' is no access role", role_name);
	if (json_flag(data, "primary", false) || !strcmp(id, account->email) ||
	    !strcmp(id, "primary")) {
		e = fg_account_primary(account);
	} else {
		e = entry_for(fg, account, id, role, zone);
		fg_entry_set_role(fg, account, e, role);
	}
	if (known_zone(zone))
		fg_cal_set_zone(e->cal, zone, true);
	load_props(e, data);
	e->listed = true;
	e->deleted = json_flag(data, "deleted", false);
	fg_entry_touch(fg, account, e);
	if (json_object_is_type(events, json_type_array))
		return load_events(fg, e->cal, events, err);
	return 0;
}

static int load_calendars(struct fg *fg, struct fg_account *account, const struct json_object *list,
			  struct err *err)
{
	for (size_t i = 0; i < json_object_array_length(list); i++)
		if (load_calendar(fg, account, json_object_array_get_idx(list, i), err))
			return err_wrap(err, "calendar %zu", i + 1);
	return 0;
}

static bool kind_is(const struct json_object *obj, const char *kind)
{
	const char *have = json_str(obj, "kind");

	return have && !strcmp(have, kind);
}

static int load_into(struct fg *fg, struct fg_account *account, struct fg_entry *e,
		     const struct json_object *data, struct err *err)
{
	const struct json_object *items = json_get(data, "items");

	if (json_object_is_type(data, json_type_array))
		return load_events(fg, e->cal, data, err);
	if (!json_object_is_type(data, json_type_object))
		return err_set(err, ERR_INVALID, "events must be a JSON object or array");
	if (kind_is(data, "calendar#calendarListEntry"))
		return load_calendar(fg, account, data, err);
	if (!items && !kind_is(data, "calendar#events")) {
		if (!kind_is(data, "calendar#event") && !json_has(data, "start"))
			return err_set(err, ERR_INVALID, "this JSON holds no events");
		return load_event(fg, e->cal, data, err);
	}
	load_envelope(fg, account, e, data);
	if (!json_object_is_type(items, json_type_array))
		return items ? err_set(err, ERR_INVALID, "'items' must be an array") : 0;
	return load_events(fg, e->cal, items, err);
}

int fg_cal_load(struct fg *fg, struct fg_account *account, const char *calendar_id,
		const struct json_object *data, struct err *err)
{
	const struct json_object *calendars = json_get(data, "calendars");
	const char *email = json_str(data, "account");
	struct fg_entry *e = fg_account_primary(account);

	if (email) {
		account = fg_account_find(fg, email);
		if (!account)
			account = fg_account_add(fg, email, NULL, NULL);
		e = fg_account_primary(account);
	}
	if (kind_is(data, "calendar#calendarList")) {
		calendars = json_get(data, "items");
	} else if (json_object_is_type(data, json_type_object) &&
		   json_object_is_type(json_get(data, "timeMin"), json_type_string)) {
		return err_set(err, ERR_INVALID, "this JSON holds no events");
	}
	if (json_object_is_type(calendars, json_type_array))
		return load_calendars(fg, account, calendars, err);
	if (calendar_id && strcmp(calendar_id, "primary") != 0 &&
	    strcmp(calendar_id, account->email) != 0)
		e = entry_for(fg, account, calendar_id, FG_ROLE_OWNER, NULL);
	return load_into(fg, account, e, data, err);
}
