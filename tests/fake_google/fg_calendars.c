#include "fg_model.h"

#include <string.h>

#include "base/time.h"

#include "base/banned.h"

static struct json_object *calendar_json(const struct fg_cal *cal)
{
	struct json_object *out = json_object_new_object();
	AUTO(free) char *etag = xasprintf("\"%lld\"", (long long)cal->etag_us * 2);
	static const char *const fields[] = {"summary", "description", "location"};

	json_set_str(out, "kind", "calendar#calendar");
	json_set_str(out, "etag", etag);
	json_set_str(out, "id", cal->id);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (json_get(cal->props, fields[i]))
			json_set(out, fields[i], json_clone(json_get(cal->props, fields[i])));
	json_set_str(out, "timeZone", cal->zone);
	if (json_get(cal->props, "conferenceProperties"))
		json_set(out, "conferenceProperties",
			 json_clone(json_get(cal->props, "conferenceProperties")));
	if (!cal->primary && cal->owner)
		json_set_str(out, "dataOwner", cal->owner->email);
	return out;
}

int fg_calendars_get(struct fg_call *call)
{
	const struct fg_entry *e = fg_access(call, FG_ROLE_FREEBUSY);
	AUTO(json_object_put) struct json_object *out = NULL;

	if (!e)
		return -1;
	out = calendar_json(e->cal);
	if (fg_not_modified(call, json_str(out, "etag")))
		return 0;
	return fg_reply_json(call, 200, TAKE(out));
}

/* The calendar's writable fields; an update (PUT) also clears those left out. */
static int write_calendar(struct fg_call *call, struct fg_cal *cal, bool clears)
{
	static const char *const fields[] = {"summary", "description", "location"};
	const char *zone = json_str(call->body, "timeZone");

	if (zone && !zone_valid(zone))
		return fg_fail_invalid(call, "Invalid time zone.");
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		struct json_object *value = json_get(call->body, fields[i]);

		if (value && !json_object_is_type(value, json_type_string))
			return fg_fail(call, 400, "global", "parseError", "Parse Error", NULL,
				       NULL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const char *value = json_str(call->body, fields[i]);

		if (!clears && !json_has(call->body, fields[i]))
			continue;
		json_del(cal->props, fields[i]);
		if (value && *value)
			json_set_str(cal->props, fields[i], value);
	}
	if (zone)
		fg_cal_set_zone(cal, zone, false);
	cal->etag_us = fg_stamp_us(call->fg);
	return 0;
}

static int change_calendar(struct fg_call *call, bool clears)
{
	struct fg_entry *e = fg_access(call, FG_ROLE_OWNER);
	AUTO(json_object_put) struct json_object *old = NULL;
	const char *summary = json_str(call->body, "summary");

	if (!e)
		return -1;
	old = calendar_json(e->cal);
	if (fg_check_if_match(call, json_str(old, "etag")))
		return -1;
	if ((clears || json_has(call->body, "summary")) && (!summary || !*summary))
		return fg_fail_required(call, "Missing summary.");
	if (write_calendar(call, e->cal, clears))
		return -1;
	return fg_reply_json(call, 200, calendar_json(e->cal));
}

int fg_calendars_patch(struct fg_call *call)
{
	return change_calendar(call, false);
}

int fg_calendars_update(struct fg_call *call)
{
	return change_calendar(call, true);
}

int fg_calendars_insert(struct fg_call *call)
{
	const char *summary = json_str(call->body, "summary");
	const char *zone = json_str(call->body, "timeZone");
	AUTO(free) char *unique = NULL;
	AUTO(free) char *id = NULL;
	struct fg_cal *cal;

	if (!summary || !*summary)
		return fg_fail_required(call, "Missing summary.");
	if (zone && !zone_valid(zone))
		return fg_fail_invalid(call, "Invalid time zone.");
	unique = fg_new_id(call->fg, 26);
	id = xasprintf("%s@group.calendar.google.com", unique);
	cal = fg_cal_new(call->fg, id, call->account, zone ? zone : "UTC");
	cal->app_created = true;
	json_set(cal->props, "conferenceProperties", fg_conference_properties());
	if (write_calendar(call, cal, false)) {
		fg_cal_remove(call->fg, cal);
		return -1;
	}
	fg_entry_add(call->fg, call->account, cal, FG_ROLE_OWNER);
	fg_push_list_changed(call->fg, call->account);
	return fg_reply_json(call, 200, calendar_json(cal));
}

int fg_calendars_delete(struct fg_call *call)
{
	struct fg_entry *e = fg_access(call, FG_ROLE_OWNER);

	if (!e)
		return -1;
	if (e->cal->primary)
		return fg_fail(call, 403, "calendar", "cannotDeletePrimaryCalendar",
			       "Cannot delete a primary calendar.", NULL, NULL);
	fg_cal_remove(call->fg, e->cal);
	for (struct fg_account *a = call->fg->accounts; a; a = a->next) {
		struct fg_entry *other = fg_entry_find(a, e->cal);

		if (!other)
			continue;
		other->deleted = true;
		fg_entry_touch(call->fg, a, other);
		fg_push_list_changed(call->fg, a);
	}
	return fg_reply_empty(call, 204);
}

int fg_calendars_clear(struct fg_call *call)
{
	struct fg_entry *e = fg_access(call, FG_ROLE_OWNER);

	if (!e)
		return -1;
	if (!e->cal->primary)
		return fg_fail_invalid(call, "Invalid Value");
	for (size_t i = 0; i < e->cal->count; i++)
		if (!e->cal->order[i]->cancelled)
			fg_event_cancel(call->fg, e->cal, e->cal->order[i]);
	return fg_reply_empty(call, 204);
}

/* -- control ---------------------------------------------------------------------------------------- */

static int read_spec(const struct json_object *spec, enum fg_role *role, struct err *err)
{
	const char *name = json_str(spec, "accessRole");
	const char *zone = json_str(spec, "timeZone");

	if (name && fg_role_parse(name, role))
		return err_set(err, ERR_INVALID, "'%s' is no access role", name);
	if (zone && !zone_valid(zone))
		return err_set(err, ERR_INVALID, "'%s' is no time zone", zone);
	return 0;
}

int fg_cal_control_put(struct fg *fg, struct fg_account *account, const struct json_object *spec,
		       struct json_object **out_entry, struct err *err)
{
	const char *id = json_str(spec, "id");
	const char *zone = json_str(spec, "timeZone");
	enum fg_role role = FG_ROLE_OWNER;
	AUTO(free) char *unique = NULL;
	AUTO(free) char *made = NULL;
	struct fg_cal *cal;
	struct fg_entry *e;
	bool was_listed;

	if (read_spec(spec, &role, err))
		return -1;
	if (!id) {
		unique = fg_new_id(fg, 26);
		made = xasprintf("%s@group.calendar.google.com", unique);
		id = made;
	}
	cal = strcmp(id, "primary") ? fg_cal_find(fg, id) : fg_account_primary(account)->cal;
	if (!cal) {
		cal = fg_cal_new(fg, id, role == FG_ROLE_OWNER ? account : NULL,
				 zone ? zone : account->time_zone);
		cal->watchable = !strchr(id, '#');
		json_set_str(cal->props, "summary", id);
	}
	e = fg_entry_find(account, cal);
	was_listed = e && e->listed && !e->deleted && fg_entry_usable(e);
	if (!e)
		e = fg_entry_add(fg, account, cal, role);
	if (json_str(spec, "accessRole") || !fg_entry_usable(e))
		fg_entry_set_role(fg, account, e, role);
	if (json_str(spec, "summary"))
		json_set_str(cal->props, "summary", json_str(spec, "summary"));
	if (zone)
		fg_cal_set_zone(cal, zone, false);
	if (json_has(spec, "hidden"))
		json_set_bool(e->prefs, "hidden", json_flag(spec, "hidden", false));
	e->listed = true;
	e->deleted = json_flag(spec, "deleted", false);
	cal->watchable = json_flag(spec, "watchable", cal->watchable);
	/* A title or a role alone does not surface through the list's sync token. */
	if (!was_listed || json_has(spec, "hidden") || e->deleted) {
		fg_entry_touch(fg, account, e);
		fg_push_list_changed(fg, account);
	}
	*out_entry = fg_entry_json(account, e);
	return 0;
}

int fg_cal_control_delete(struct fg *fg, struct fg_account *account, const char *id,
			  struct err *err)
{
	struct fg_cal *cal = fg_cal_find(fg, id);
	struct fg_entry *e = cal ? fg_entry_find(account, cal) : NULL;

	if (!e || !fg_entry_usable(e))
		return err_set(err, ERR_NOT_FOUND, "there is no calendar '%s'", id);
	fg_entry_set_role(fg, account, e, FG_ROLE_NONE);
	e->deleted = true;
	fg_push_list_changed(fg, account);
	return 0;
}
