#include "fg_draft.h"

#include <string.h>

#include "base/banned.h"

/* The rules of event types: which may be created where, and what may change later. */

static int fail_restricted(struct fg_call *call, const char *message)
{
	return fg_fail(call, 400, "calendar", "eventTypeRestriction", message, NULL, NULL);
}

static bool str_is(const struct json_object *obj, const char *key, const char *value)
{
	const char *have = json_str(obj, key);

	return have && !strcmp(have, value);
}

static bool all_day(const struct json_object *ev)
{
	return json_str(json_get(ev, "start"), "date") != NULL;
}

static bool one_day(const struct json_object *ev)
{
	struct fg_when start, end;

	return !fg_when_parse(json_get(ev, "start"), "UTC", &start) &&
	       !fg_when_parse(json_get(ev, "end"), "UTC", &end) && start.all_day && end.all_day &&
	       end.s - start.s == 86400;
}

static int check_birthday(struct fg_draft *d)
{
	const struct json_object *lines = json_get(d->next, "recurrence");
	const char *rule = fg_len(lines) == 1
				   ? json_object_get_string(json_object_array_get_idx(lines, 0))
				   : "";
	const char *date = json_str(json_get(d->next, "start"), "date");
	const char *type = json_path_str(d->next, "birthdayProperties/type");
	bool leap = date && strlen(date) == 10 && !strcmp(date + 5, "02-29");

	if (!one_day(d->next))
		return fail_restricted(d->call, "A birthday event must be an all-day event that "
						"spans exactly one day.");
	if (strcmp(rule, leap ? "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1" : "RRULE:FREQ=YEARLY"))
		return fail_restricted(d->call, "A birthday event must recur every year.");
	if (!str_is(d->next, "visibility", "private") ||
	    !str_is(d->next, "transparency", "transparent"))
		return fail_restricted(d->call,
				       "A birthday event must be private and transparent.");
	if (json_path(d->next, "birthdayProperties/contact") || (type && strcmp(type, "birthday")))
		return fail_restricted(d->call, "Invalid birthday properties.");
	if (!type) {
		struct json_object *props = json_object_new_object();

		json_set_str(props, "type", "birthday");
		json_set(d->next, "birthdayProperties", props);
	}
	return 0;
}

static int check_decline_mode(struct fg_draft *d, const char *key)
{
	static const char modes[] = " declineNone declineAllConflictingInvitations "
				    "declineOnlyNewConflictingInvitations ";
	struct json_object *props = json_get(d->next, key);
	const char *mode = json_str(props, "autoDeclineMode");
	const char *chat = json_str(props, "chatStatus");
	AUTO(free) char *word = xasprintf(" %s ", mode ? mode : "declineNone");

	if (!strstr(modes, word))
		return fg_fail_invalid(d->call, "Invalid Value");
	if (chat && strcmp(chat, "available") != 0 && strcmp(chat, "doNotDisturb") != 0)
		return fg_fail_invalid(d->call, "Invalid Value");
	if (!str_is(d->next, "transparency", "opaque") && json_get(d->next, "transparency"))
		return fail_restricted(d->call, "Events of this type must be opaque.");
	if (all_day(d->next))
		return fail_restricted(d->call, "Events of this type cannot be all-day events.");
	return 0;
}

static int check_location(struct fg_draft *d)
{
	const struct json_object *props = json_get(d->next, "workingLocationProperties");
	const char *type = json_str(props, "type");

	if (!type || (strcmp(type, "homeOffice") != 0 && strcmp(type, "officeLocation") != 0 &&
		      strcmp(type, "customLocation") != 0))
		return fail_restricted(d->call, "Invalid working location properties.");
	if (!str_is(d->next, "visibility", "public") ||
	    !str_is(d->next, "transparency", "transparent"))
		return fail_restricted(d->call,
				       "A working location event must be public and transparent.");
	if (all_day(d->next) && !one_day(d->next))
		return fail_restricted(d->call,
				       "An all-day working location event must span exactly one "
				       "day.");
	return 0;
}

static int check_kind(struct fg_draft *d, const char *type)
{
	static const struct {
		const char *type, *props;
	} own[] = {{"birthday", "birthdayProperties"},
		   {"focusTime", "focusTimeProperties"},
		   {"outOfOffice", "outOfOfficeProperties"},
		   {"workingLocation", "workingLocationProperties"}};

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (strcmp(type, own[i].type) != 0 && fg_draft_sent(d, own[i].props) &&
		    json_get(d->next, own[i].props))
			return fail_restricted(d->call,
					       "Properties of another event type are set.");
	if (!strcmp(type, "birthday"))
		return check_birthday(d);
	if (!strcmp(type, "focusTime"))
		return check_decline_mode(d, "focusTimeProperties");
	if (!strcmp(type, "outOfOffice"))
		return check_decline_mode(d, "outOfOfficeProperties");
	return strcmp(type, "workingLocation") ? 0 : check_location(d);
}

static int check_creation(struct fg_draft *d, const char *type)
{
	static const char types[] =
		" birthday default focusTime fromGmail outOfOffice workingLocation ";
	AUTO(free) char *word = xasprintf(" %s ", type);

	if (!*type || strchr(type, ' ') || !strstr(types, word))
		return fg_fail_invalid(d->call, "Invalid Value");
	if (!strcmp(type, "fromGmail"))
		return fail_restricted(d->call, "Events of this type cannot be created.");
	if (d->how == FG_IMPORT && strcmp(type, "default") != 0)
		return fail_restricted(d->call, "Events of this type cannot be imported.");
	if (strcmp(type, "default") != 0 && strcmp(type, "birthday") != 0 &&
	    !d->entry->cal->primary)
		return fail_restricted(
			d->call, "Events of this type can be created on primary calendars only.");
	return check_kind(d, type);
}

/* Only the fields named may differ. */
static int check_only(struct fg_draft *d, const char *allowed)
{
	for (const struct fg_event_field *f = fg_event_fields; f->name; f++) {
		AUTO(free) char *word = xasprintf(" %s ", f->name);

		if (f->flags & FG_F_WRITE && !strstr(allowed, word) && fg_draft_sent(d, f->name) &&
		    fg_draft_changed(d, f->name))
			return fail_restricted(
				d->call, "This field cannot be changed for events of this type.");
	}
	return 0;
}

static int check_change(struct fg_draft *d, const char *type)
{
	const struct json_object *birthday = json_get(d->old, "birthdayProperties");

	if (!strcmp(type, "fromGmail"))
		return check_only(d, " colorId reminders visibility transparency status attendees "
				     "extendedProperties sequence ");
	if (!strcmp(type, "birthday"))
		return check_only(d,
				  json_get(birthday, "contact") || str_is(birthday, "type", "self")
					  ? " colorId summary reminders status sequence "
					  : " colorId summary reminders status sequence start "
					    "end ");
	/* Loaded events may be as they could not be written today. */
	if (d->how == FG_PATCH && !fg_draft_sent(d, "start") && !fg_draft_sent(d, "end") &&
	    !fg_draft_sent(d, "transparency") && !fg_draft_sent(d, "visibility") &&
	    !fg_draft_sent(d, "birthdayProperties") && !fg_draft_sent(d, "focusTimeProperties") &&
	    !fg_draft_sent(d, "outOfOfficeProperties") &&
	    !fg_draft_sent(d, "workingLocationProperties"))
		return 0;
	return check_kind(d, type);
}

int fg_check_type(struct fg_draft *d)
{
	const char *was = d->old ? json_str(d->old, "eventType") : NULL;
	const char *sent = json_str(d->call->body, "eventType");
	const char *type = d->old ? (was ? was : "default") : sent ? sent : "default";

	if (d->call->in_batch && !strcmp(type, "workingLocation"))
		return fail_restricted(d->call,
				       "Working location events cannot be written in a batch.");
	if (d->old && sent && strcmp(sent, type) != 0)
		return fail_restricted(d->call, "Event type cannot be changed.");
	if (!d->old && check_creation(d, type))
		return -1;
	if (d->old && check_change(d, type))
		return -1;
	json_set_str(d->next, "eventType", type);
	return 0;
}
