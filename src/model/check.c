/* event_check(): what we refuse before Google has to. */
#include <string.h>

#include "base/time.h"
#include "base/banned.h"
#include "model/event.h"
#include "model/rrule.h"

#define REMINDERS_MAX        5
#define REMINDER_MINUTES_MAX 40320 /* four weeks */

static int check_text(const struct json_object *r, const char *field, struct err *err)
{
	struct json_object *v = json_get(r, field);

	if (v && !json_object_is_type(v, json_type_string))
		return err_set(err, ERR_INVALID, "%s is no string", field);
	return 0;
}

static int check_choice(const struct json_object *r, const char *field, const char *const *choices,
			struct err *err)
{
	const char *value = json_str(r, field);

	if (check_text(r, field, err))
		return -1;
	if (!value)
		return 0;
	for (; *choices; choices++)
		if (!strcmp(value, *choices))
			return 0;
	return err_set(err, ERR_INVALID, "%s '%s' is not one that Google knows", field, value);
}

static int check_time(const struct json_object *r, const char *field, struct err *err)
{
	struct json_object *t = json_get(r, field);
	const char *date = json_str(t, "date");
	const char *date_time = json_str(t, "dateTime");
	const char *zone = json_str(t, "timeZone");
	struct civil day;
	struct rfc3339 at;

	if (!json_object_is_type(t, json_type_object))
		return err_set(err, ERR_INVALID, "%s is missing", field);
	if (!date == !date_time)
		return err_set(err, ERR_INVALID, "%s needs either date or dateTime", field);
	if (zone && !zone_valid(zone))
		return err_set(err, ERR_INVALID, "%s: unknown time zone '%s'", field, zone);
	if (date ? date_parse(date, &day, err) : rfc3339_parse(date_time, &at, err))
		return err_wrap(err, "%s", field);
	return 0;
}

static int check_span(const struct json_object *r, struct err *err)
{
	struct json_object *start = json_get(r, "start");
	struct json_object *end = json_get(r, "end");
	int64_t from, to;

	if (check_time(r, "start", err) || check_time(r, "end", err))
		return -1;
	if (!json_str(start, "date") != !json_str(end, "date"))
		return err_set(err, ERR_INVALID,
			       "start and end must either both be a day or both be a time");
	if (event_time_utc(start, "UTC", &from) && event_time_utc(end, "UTC", &to) && to <= from)
		return err_set(err, ERR_INVALID, "the end is not after the start");
	return 0;
}

static int check_recurrence(const struct json_object *r, struct err *err)
{
	struct json_object *lines = json_get(r, "recurrence");

	if (!lines)
		return 0;
	if (!json_object_is_type(lines, json_type_array))
		return err_set(err, ERR_INVALID, "recurrence is no list");
	for (size_t i = 0; i < json_object_array_length(lines); i++) {
		struct json_object *line = json_object_array_get_idx(lines, i);

		if (!json_object_is_type(line, json_type_string))
			return err_set(err, ERR_INVALID, "recurrence holds what is no string");
		if (recurrence_line_check(json_object_get_string(line), err))
			return err_wrap(err, "recurrence");
	}
	if (event_is_master(r) && json_path_str(r, "start/dateTime") &&
	    (!json_path_str(r, "start/timeZone") || !json_path_str(r, "end/timeZone")))
		return err_set(err, ERR_INVALID, "a series needs a timeZone in start and end");
	return 0;
}

static int check_reminders(const struct json_object *r, struct err *err)
{
	static const char *const methods[] = {"email", "popup", NULL};
	struct json_object *reminders = json_get(r, "reminders");
	struct json_object *overrides = json_get(reminders, "overrides");

	if (reminders && !json_object_is_type(reminders, json_type_object))
		return err_set(err, ERR_INVALID, "reminders is no object");
	if (!overrides)
		return 0;
	if (!json_object_is_type(overrides, json_type_array))
		return err_set(err, ERR_INVALID, "reminders.overrides is no list");
	if (json_object_array_length(overrides) > REMINDERS_MAX)
		return err_set(err, ERR_INVALID, "more than %d reminders", REMINDERS_MAX);
	if (json_object_array_length(overrides) && json_flag(reminders, "useDefault", false))
		return err_set(err, ERR_INVALID,
			       "reminders: useDefault and overrides exclude each other");
	for (size_t i = 0; i < json_object_array_length(overrides); i++) {
		struct json_object *o = json_object_array_get_idx(overrides, i);
		int64_t minutes = json_int(o, "minutes", -1);

		if (!json_str(o, "method") || check_choice(o, "method", methods, err))
			return err_set(err, ERR_INVALID, "a reminder is 'popup' or 'email'");
		if (minutes < 0 || minutes > REMINDER_MINUTES_MAX)
			return err_set(err, ERR_INVALID, "a reminder is 0 to %d minutes before",
				       REMINDER_MINUTES_MAX);
	}
	return 0;
}

static int check_attendees(const struct json_object *r, struct err *err)
{
	static const char *const answers[] = {"needsAction", "declined", "tentative", "accepted",
					      NULL};
	struct json_object *list = json_get(r, "attendees");

	if (!list)
		return 0;
	if (!json_object_is_type(list, json_type_array))
		return err_set(err, ERR_INVALID, "attendees is no list");
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *a = json_object_array_get_idx(list, i);
		const char *email = json_str(a, "email");
		const char *at = email ? strchr(email, '@') : NULL;

		if (!at || at == email || !at[1] || strpbrk(email, " \t\r\n<>,;") ||
		    strchr(at + 1, '@'))
			return err_set(err, ERR_INVALID, "attendee '%s' is no address",
				       email ? email : "");
		if (check_choice(a, "responseStatus", answers, err))
			return -1;
	}
	return 0;
}

static int check_color(const struct json_object *r, struct err *err)
{
	static const char *const colors[] = {"1", "2", "3",  "4",  "5", "6", "7",
					     "8", "9", "10", "11", "",  NULL};

	if (check_choice(r, "colorId", colors, err))
		return err_set(err, ERR_INVALID, "colorId is '1' to '11'");
	return 0;
}

/* Whether a field is to be checked: all of them for a new event, the changed ones for an old one,
 * since Google may hold what it would not take from us (a zero-length event, ...). */
static bool due(const char *field, const struct json_object *r, const struct json_object *was)
{
	return !was || !event_field_equal(field, json_get(r, field), json_get(was, field));
}

int event_check(const struct json_object *r, const struct json_object *was, struct err *err)
{
	static const char *const texts[] = {"summary", "description", "location", "eventType"};
	static const char *const states[] = {"confirmed", "tentative", NULL};
	static const char *const visible[] = {"default", "public", "private", "confidential", NULL};
	static const char *const busy[] = {"opaque", "transparent", NULL};
	bool span = due("start", r, was) || due("end", r, was);

	if (!json_object_is_type(r, json_type_object))
		return err_set(err, ERR_INVALID, "an event is a JSON object");
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (check_text(r, texts[i], err))
			return -1;
	if (due("status", r, was) && check_choice(r, "status", states, err))
		return -1;
	if (due("visibility", r, was) && check_choice(r, "visibility", visible, err))
		return -1;
	if (due("transparency", r, was) && check_choice(r, "transparency", busy, err))
		return -1;
	if (due("colorId", r, was) && check_color(r, err))
		return -1;
	if (span && check_span(r, err))
		return -1;
	if ((span || due("recurrence", r, was)) && check_recurrence(r, err))
		return -1;
	if (due("reminders", r, was) && check_reminders(r, err))
		return -1;
	return due("attendees", r, was) ? check_attendees(r, err) : 0;
}
