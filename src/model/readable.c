#include "model/readable.h"

#include <string.h>

#include "base/time.h"
#include "base/xalloc.h"
#include "base/banned.h"
#include "model/event.h"

enum kind {
	TEXT,
	TEXTS, /* a list of texts */
	FLAG,
	OBJECT,
	PEOPLE, /* a list of objects; email is a text */
	FILES,  /* a list of objects */
	MOMENT, /* an object with a time that exists */
	OVERRIDES,
	PROPERTIES, /* private and shared: objects of texts */
};

static const char *const kind_names[] = {
	[TEXT] = "no text",
	[TEXTS] = "no list of texts",
	[FLAG] = "neither true nor false",
	[OBJECT] = "no object",
	[PEOPLE] = "no list of people",
	[FILES] = "no list of files",
	[MOMENT] = "no time that exists",
	[OVERRIDES] = "no object with a list of reminders",
	[PROPERTIES] = "no object of texts",
};

static const struct {
	const char *name;
	enum kind kind;
} fields[] = {
	{"etag", TEXT},
	{"status", TEXT},
	{"start", MOMENT},
	{"end", MOMENT},
	{"recurrence", TEXTS},
	{"recurringEventId", TEXT},
	{"originalStartTime", MOMENT},
	{"created", TEXT},
	{"updated", TEXT},
	{"summary", TEXT},
	{"description", TEXT},
	{"location", TEXT},
	{"colorId", TEXT},
	{"transparency", TEXT},
	{"visibility", TEXT},
	{"iCalUID", TEXT},
	{"eventType", TEXT},
	{"creator", OBJECT},
	{"organizer", OBJECT},
	{"attendees", PEOPLE},
	{"attachments", FILES},
	{"attendeesOmitted", FLAG},
	{"anyoneCanAddSelf", FLAG},
	{"guestsCanInviteOthers", FLAG},
	{"guestsCanModify", FLAG},
	{"guestsCanSeeOtherGuests", FLAG},
	{"privateCopy", FLAG},
	{"locked", FLAG},
	{"reminders", OVERRIDES},
	{"extendedProperties", PROPERTIES},
	{"conferenceData", OBJECT},
	{"source", OBJECT},
};

static bool is_object(const struct json_object *v)
{
	return json_object_is_type(v, json_type_object);
}

static bool is_text(const struct json_object *v)
{
	return json_object_is_type(v, json_type_string);
}

static bool is_list_of(const struct json_object *v, bool (*fits)(const struct json_object *))
{
	if (!json_object_is_type(v, json_type_array))
		return false;
	for (size_t i = 0; i < json_object_array_length(v); i++)
		if (!fits(json_object_array_get_idx(v, i)))
			return false;
	return true;
}

static bool is_person(const struct json_object *v)
{
	struct json_object *email = json_get(v, "email");

	return is_object(v) && (!email || is_text(email));
}

/* A zone that we do not know does no harm beside an offset; without one it says when. */
static bool is_moment(const struct json_object *v)
{
	const char *date_time = json_str(v, "dateTime");
	struct json_object *zone = json_get(v, "timeZone");
	struct rfc3339 t;
	struct err ignored;
	int64_t utc;

	if (!is_object(v) || (zone && !is_text(zone)) || !event_time_utc(v, "UTC", &utc))
		return false;
	if (!zone || !date_time || rfc3339_parse(date_time, &t, &ignored) || t.has_offset)
		return true;
	return zone_valid(json_object_get_string(zone));
}

static bool are_overrides(const struct json_object *v)
{
	struct json_object *list = json_get(v, "overrides");

	return is_object(v) && (!list || is_list_of(list, is_object));
}

static bool are_texts(const struct json_object *v)
{
	if (!v)
		return true;
	if (!is_object(v))
		return false;
	json_object_object_foreach ((struct json_object *)v, key, value) {
		(void)key;
		if (!is_text(value))
			return false;
	}
	return true;
}

static bool fits(const struct json_object *v, enum kind kind)
{
	switch (kind) {
	case TEXT:
		return is_text(v);
	case TEXTS:
		return is_list_of(v, is_text);
	case FLAG:
		return json_object_is_type(v, json_type_boolean);
	case OBJECT:
		return is_object(v);
	case PEOPLE:
		return is_list_of(v, is_person);
	case FILES:
		return is_list_of(v, is_object);
	case MOMENT:
		return is_moment(v);
	case OVERRIDES:
		return are_overrides(v);
	case PROPERTIES:
		return is_object(v) && are_texts(json_get(v, "private")) &&
		       are_texts(json_get(v, "shared"));
	}
	return false;
}

static bool is_day(const struct json_object *moment)
{
	return json_str(moment, "date") && !json_str(moment, "dateTime");
}

static int check_times(const struct json_object *resource, struct err *err)
{
	struct json_object *start = json_get(resource, "start");
	struct json_object *end = json_get(resource, "end");

	if (!start)
		return err_set(err, ERR_GOOGLE, "'start' is missing");
	if (end && is_day(start) != is_day(end))
		return err_set(err, ERR_GOOGLE, "one of 'start' and 'end' is a day, the other not");
	return 0;
}

int event_readable(const struct json_object *resource, struct err *err)
{
	struct json_object *series = json_get(resource, "recurringEventId");

	/* Nothing of it is looked at, except what it is the tombstone of. */
	if (event_is_cancelled(resource) && !series)
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		struct json_object *v = json_get(resource, fields[i].name);

		if (v && !fits(v, fields[i].kind))
			return err_set(err, ERR_GOOGLE, "'%s' is %s", fields[i].name,
				       kind_names[fields[i].kind]);
	}
	return event_is_cancelled(resource) ? 0 : check_times(resource, err);
}

static bool is_good_field(const char *name, const struct json_object *v)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (!strcmp(fields[i].name, name))
			return !v || fits(v, fields[i].kind);
	return true;
}

struct json_object *event_readable_part(const struct json_object *resource)
{
	struct json_object *part = json_object_new_object();
	struct json_object *start, *end;

	json_object_object_foreach ((struct json_object *)resource, name, v)
		if (is_good_field(name, v))
			json_set(part, name, json_clone(v));
	start = json_get(part, "start");
	end = json_get(part, "end");
	if (start && end && is_day(start) != is_day(end))
		json_del(part, "end");
	return part;
}
