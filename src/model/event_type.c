/* event_check_type(): Google's rules for the types of events. */
#include <string.h>

#include "base/strbuf.h"
#include "base/time.h"
#include "base/banned.h"
#include "model/event.h"
#include "model/rights.h"

#define BIRTHDAY_RULE      "RRULE:FREQ=YEARLY"
#define BIRTHDAY_RULE_LEAP "RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=-1"

static bool is(const struct json_object *r, const char *field, const char *value)
{
	const char *has = json_str(r, field);

	return has && !strcmp(has, value);
}

static bool changed(const struct json_object *was, const struct json_object *r, const char *field)
{
	return !event_field_equal(field, json_get(was, field), json_get(r, field));
}

static bool all_day(const struct json_object *r)
{
	return json_path_str(r, "start/date") != NULL;
}

static bool one_day(const struct json_object *r)
{
	int64_t start, end;

	return all_day(r) && event_time_utc(json_get(r, "start"), "UTC", &start) &&
	       event_time_utc(json_get(r, "end"), "UTC", &end) && end - start == DAY_S;
}

/* --- what may change later ------------------------------------------------------------------ */

/* Only the allowed fields. */
static int check_only(const struct json_object *r, const struct json_object *was, const char *what,
		      const char *const *allowed, size_t count, struct err *err)
{
	AUTO(strbuf_release) struct strbuf fixed = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf free_ones = STRBUF_INIT;

	for (size_t i = 0; i < event_field_count(); i++) {
		const char *field = event_field_name(i);
		bool may = false;

		for (size_t k = 0; k < count; k++)
			may |= !strcmp(field, allowed[k]);
		if (!may && changed(was, r, field))
			strbuf_addf(&fixed, "%s%s", fixed.len ? ", " : "", field);
	}
	if (!fixed.len)
		return 0;
	for (size_t k = 0; k < count; k++)
		strbuf_addf(&free_ones, "%s%s", k ? ", " : "", allowed[k]);
	return err_set(err, ERR_READ_ONLY, "%s: nobody may change %s, only %s", what, fixed.buf,
		       free_ones.buf);
}

static int check_gmail_edit(const struct json_object *r, const struct json_object *was,
			    struct err *err)
{
	static const char *const allowed[] = {"colorId",           "reminders", "visibility",
					      "transparency",      "status",    "attendees",
					      "extendedProperties"};

	return check_only(r, was, "Google made this event from a mail", allowed,
			  ARRAY_SIZE(allowed), err);
}

static int check_birthday_edit(const struct json_object *r, const struct json_object *was,
			       struct err *err)
{
	static const char *const allowed[] = {"colorId", "summary", "reminders", "start", "end"};
	struct json_object *birthday = json_get(was, "birthdayProperties");
	bool linked = json_has(birthday, "contact") || is(birthday, "type", "self");

	if (check_only(r, was,
		       linked ? "this birthday comes from a contact or a profile"
			      : "this is a birthday",
		       allowed, ARRAY_SIZE(allowed) - (linked ? 2 : 0), err))
		return -1;
	if ((changed(was, r, "start") || changed(was, r, "end")) && !one_day(r))
		return err_set(err, ERR_INVALID, "a birthday is one whole day");
	return 0;
}

/* --- what each kind has to look like -------------------------------------------------------- */

static int check_birthday(const struct json_object *r, struct err *err)
{
	struct json_object *lines = json_get(r, "recurrence");
	const char *rule = event_is_master(r) && json_object_array_length(lines) == 1
				   ? json_object_get_string(json_object_array_get_idx(lines, 0))
				   : "";
	const char *date = json_path_str(r, "start/date");
	const char *type = json_path_str(r, "birthdayProperties/type");
	bool leap = date && strlen(date) == 10 && !strcmp(date + 5, "02-29");

	if (!one_day(r))
		return err_set(err, ERR_INVALID, "a birthday is one whole day");
	if (strcmp(rule, leap ? BIRTHDAY_RULE_LEAP : BIRTHDAY_RULE) != 0)
		return err_set(err, ERR_INVALID, "a birthday has the one rule '%s'",
			       leap ? BIRTHDAY_RULE_LEAP : BIRTHDAY_RULE);
	if (!is(r, "visibility", "private") || !is(r, "transparency", "transparent"))
		return err_set(err, ERR_INVALID,
			       "a birthday has visibility private and transparency transparent");
	if (json_path(r, "birthdayProperties/contact") || (type && strcmp(type, "birthday") != 0))
		return err_set(err, ERR_INVALID,
			       "only birthdays of type 'birthday' without a contact can be made");
	return 0;
}

/* focusTime, outOfOffice */
static int check_busy_time(const struct json_object *r, const char *type, struct err *err)
{
	if (is(r, "transparency", "transparent"))
		return err_set(err, ERR_INVALID, "%s: transparency has to be opaque", type);
	if (all_day(r))
		return err_set(err, ERR_INVALID, "%s: it needs times of day, not whole days", type);
	return 0;
}

static int check_working_location(const struct json_object *r, struct err *err)
{
	const char *type = json_path_str(r, "workingLocationProperties/type");

	if (!type)
		return err_set(err, ERR_INVALID,
			       "workingLocation: workingLocationProperties.type is missing");
	if (!is(r, "visibility", "public") || !is(r, "transparency", "transparent"))
		return err_set(err, ERR_INVALID,
			       "workingLocation: visibility has to be public, transparency "
			       "transparent");
	if (all_day(r) && !one_day(r))
		return err_set(err, ERR_INVALID, "workingLocation: times of day, or one whole day");
	return 0;
}

static int check_shape(const struct json_object *r, const char *type, struct err *err)
{
	if (!strcmp(type, "birthday"))
		return check_birthday(r, err);
	if (!strcmp(type, "focusTime") || !strcmp(type, "outOfOffice"))
		return check_busy_time(r, type, err);
	return strcmp(type, "workingLocation") != 0 ? 0 : check_working_location(r, err);
}

/* Properties that belong to another type. */
static int check_properties(const struct json_object *r, const struct json_object *was,
			    const char *type, struct err *err)
{
	static const char *const own[][2] = {{"birthday", "birthdayProperties"},
					     {"focusTime", "focusTimeProperties"},
					     {"outOfOffice", "outOfOfficeProperties"},
					     {"workingLocation", "workingLocationProperties"}};

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		if (strcmp(type, own[i][0]) != 0 && json_get(r, own[i][1]) &&
		    (!was || changed(was, r, own[i][1])))
			return err_set(err, ERR_INVALID,
				       "%s: an event of type '%s' has none (the type of an event "
				       "never changes)",
				       own[i][1], type);
	return 0;
}

static int check_new(const struct json_object *r, const char *type, bool primary, struct err *err)
{
	static const char *const types[] = {"default", "birthday", "focusTime", "outOfOffice",
					    "workingLocation"};
	bool known = false;

	if (!strcmp(type, "fromGmail"))
		return err_set(err, ERR_INVALID,
			       "eventType fromGmail: only Google makes such events, from mails");
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		known |= !strcmp(type, types[i]);
	if (!known)
		return err_set(err, ERR_INVALID, "eventType '%s' is not one that can be made",
			       type);
	if (strcmp(type, "default") != 0 && strcmp(type, "birthday") != 0 && !primary)
		return err_set(err, ERR_INVALID,
			       "eventType %s: such events can be made on a primary calendar only",
			       type);
	return check_properties(r, NULL, type, err) || check_shape(r, type, err) ? -1 : 0;
}

/* Whether the edit touches what check_shape() looks at: older events may break today's rules. */
static bool shape_due(const struct json_object *r, const struct json_object *was)
{
	static const char *const fields[] = {"start",
					     "end",
					     "transparency",
					     "visibility",
					     "focusTimeProperties",
					     "outOfOfficeProperties",
					     "workingLocationProperties"};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (changed(was, r, fields[i]))
			return true;
	return false;
}

int event_check_type(const struct json_object *r, const struct json_object *was, bool primary,
		     struct err *err)
{
	const char *named = json_str(was ? was : r, "eventType");
	const char *type = named ? named : "default";

	if (!was)
		return check_new(r, type, primary, err);
	if (check_properties(r, was, type, err))
		return -1;
	if (!strcmp(type, "fromGmail"))
		return check_gmail_edit(r, was, err);
	if (!strcmp(type, "birthday"))
		return check_birthday_edit(r, was, err);
	return shape_due(r, was) ? check_shape(r, type, err) : 0;
}
