#include "model/event.h"

#include <string.h>
#include <strings.h>

#include "base/random.h"
#include "base/time.h"
#include "base/xalloc.h"
#include "base/banned.h"
#include "model/rights.h"

/* How a field's values compare and merge. */
enum field_kind {
	FIELD_TEXT,      /* "" and absence are the same */
	FIELD_ENUM,      /* absence is the default */
	FIELD_FLAG,      /* absence is the default */
	FIELD_TIME,      /* EventDateTime */
	FIELD_STRINGS,   /* list of strings whose order means nothing */
	FIELD_ATTENDEES, /* by address */
	FIELD_REMINDERS,
	FIELD_OBJECT, /* merged key by key by Google; {} and absence are the same */
	FIELD_CONFERENCE,
	FIELD_LIST, /* replaced as a whole; [] and absence are the same */
};

/* Every field that a client may write; sequence is Google's business (a lower one is refused). */
static const struct field {
	const char *name;
	enum field_kind kind;
	const char *absent; /* FIELD_ENUM, FIELD_FLAG: the default */
} fields[] = {
	{"summary", FIELD_TEXT, NULL},
	{"description", FIELD_TEXT, NULL},
	{"location", FIELD_TEXT, NULL},
	{"colorId", FIELD_TEXT, NULL},
	{"status", FIELD_ENUM, "confirmed"},
	{"start", FIELD_TIME, NULL},
	{"end", FIELD_TIME, NULL},
	{"recurrence", FIELD_STRINGS, NULL},
	{"transparency", FIELD_ENUM, "opaque"},
	{"visibility", FIELD_ENUM, "default"},
	{"attendees", FIELD_ATTENDEES, NULL},
	{"guestsCanInviteOthers", FIELD_FLAG, "true"},
	{"guestsCanModify", FIELD_FLAG, "false"},
	{"guestsCanSeeOtherGuests", FIELD_FLAG, "true"},
	{"anyoneCanAddSelf", FIELD_FLAG, "false"},
	{"extendedProperties", FIELD_OBJECT, NULL},
	{"conferenceData", FIELD_CONFERENCE, NULL},
	{"reminders", FIELD_REMINDERS, NULL},
	{"source", FIELD_OBJECT, NULL},
	{"attachments", FIELD_LIST, NULL},
	{"birthdayProperties", FIELD_OBJECT, NULL},
	{"focusTimeProperties", FIELD_OBJECT, NULL},
	{"outOfOfficeProperties", FIELD_OBJECT, NULL},
	{"workingLocationProperties", FIELD_OBJECT, NULL},
};

static const struct field *field_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (!strcmp(fields[i].name, name))
			return &fields[i];
	return NULL;
}

bool event_field_writable(const char *name)
{
	return field_find(name) != NULL;
}

size_t event_field_count(void)
{
	return ARRAY_SIZE(fields);
}

const char *event_field_name(size_t i)
{
	return fields[i].name;
}

bool event_id_valid(const char *id)
{
	size_t n = strlen(id);

	return n >= 5 && n <= 1024 && !id[strspn(id, "0123456789abcdefghijklmnopqrstuv")];
}

bool event_is_cancelled(const struct json_object *resource)
{
	const char *status = json_str(resource, "status");

	return status && !strcmp(status, "cancelled");
}

bool event_is_master(const struct json_object *resource)
{
	struct json_object *lines = json_get(resource, "recurrence");

	return json_object_is_type(lines, json_type_array) && json_object_array_length(lines) > 0;
}

bool event_is_exception(const struct json_object *resource)
{
	return json_str(resource, "recurringEventId") != NULL;
}

bool event_time_utc(const struct json_object *time, const char *calendar_zone, int64_t *out_utc)
{
	const char *date = json_str(time, "date");
	const char *date_time = json_str(time, "dateTime");
	const char *zone = json_str(time, "timeZone");
	struct rfc3339 t;
	struct civil day;
	struct err ignored;

	if (date_time) {
		if (rfc3339_parse(date_time, &t, &ignored))
			return false;
		if (t.has_offset)
			*out_utc = t.utc;
		else
			zone_to_utc(zone ? zone : calendar_zone, &t.civil, out_utc);
		return true;
	}
	if (!date || date_parse(date, &day, &ignored))
		return false;
	zone_to_utc(calendar_zone, &day, out_utc);
	return true;
}

bool event_span(const struct json_object *resource, const char *calendar_zone, int64_t *out_start,
		int64_t *out_end, bool *out_all_day)
{
	struct json_object *start = json_get(resource, "start");

	if (!start)
		start = json_get(resource, "originalStartTime"); /* a cancelled exception */
	if (!event_time_utc(start, calendar_zone, out_start))
		return false;
	if (!event_time_utc(json_get(resource, "end"), calendar_zone, out_end))
		*out_end = *out_start;
	/* dateTime counts when there are both, as in event_time_utc(). */
	*out_all_day = json_str(start, "date") && !json_str(start, "dateTime");
	return true;
}

/* --- sameness ---------------------------------------------------------------------------- */

static bool empty(const struct json_object *v)
{
	if (!v)
		return true;
	switch (json_object_get_type(v)) {
	case json_type_string:
		return !json_object_get_string_len(v);
	case json_type_array:
		return !json_object_array_length(v);
	case json_type_object: {
		json_object_object_foreach ((struct json_object *)v, key, child) {
			(void)key;
			if (!empty(child))
				return false;
		}
		return true;
	}
	default:
		return false;
	}
}

static bool time_equal(const struct json_object *a, const struct json_object *b)
{
	const char *zone_a = json_str(a, "timeZone");
	const char *zone_b = json_str(b, "timeZone");
	const char *date_a = json_str(a, "date");
	const char *date_b = json_str(b, "date");
	int64_t at_a, at_b;

	if (date_a || date_b)
		return date_a && date_b && !strcmp(date_a, date_b);
	/* Google fills in the calendar's zone where none was sent:
	 * a missing one is no difference. */
	if (zone_a && zone_b && strcmp(zone_a, zone_b) != 0)
		return false;
	if (!event_time_utc(a, "UTC", &at_a) || !event_time_utc(b, "UTC", &at_b))
		return json_equal(a, b);
	return at_a == at_b;
}

/* What we may say of a guest, and what absence means; the rest (self, organizer, ...)
 * is Google's. */
static const struct guest_member {
	const char *name;
	const char *absent;
} guest_members[] = {
	{"email", ""},
	{"displayName", ""},
	{"optional", "false"},
	{"resource", "false"},
	{"responseStatus", "needsAction"},
	{"comment", ""},
	{"additionalGuests", "0"},
};

size_t event_guest_member_count(void)
{
	return ARRAY_SIZE(guest_members);
}

const char *event_guest_member(size_t i)
{
	return guest_members[i].name;
}

static const char *text_or(const struct json_object *v, const char *absent)
{
	return v ? json_object_get_string((struct json_object *)v) : absent;
}

bool event_guest_member_equal(const char *member, const struct json_object *a,
			      const struct json_object *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(guest_members); i++)
		if (!strcmp(guest_members[i].name, member))
			return !strcmp(text_or(a, guest_members[i].absent),
				       text_or(b, guest_members[i].absent));
	return json_equal(a, b);
}

bool event_guest_equal(const struct json_object *a, const struct json_object *b)
{
	/* Whether it is a room is said once, when it is invited;
	 * Google does not always repeat it. */
	for (size_t i = 0; i < ARRAY_SIZE(guest_members); i++) {
		const char *name = guest_members[i].name;

		if (strcmp(name, "email") != 0 && strcmp(name, "resource") != 0 &&
		    !event_guest_member_equal(name, json_get(a, name), json_get(b, name)))
			return false;
	}
	return true;
}

/* A guest without the parts that Google adds or leaves out at their default. */
static struct json_object *attendee_clean(const struct json_object *attendee)
{
	struct json_object *clean = json_object_new_object();

	for (size_t i = 0; i < ARRAY_SIZE(guest_members); i++) {
		struct json_object *v = json_get(attendee, guest_members[i].name);

		if (v)
			json_set(clean, guest_members[i].name, json_clone(v));
	}
	return clean;
}

static const struct json_object *attendee_find(const struct json_object *list, const char *email)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *at = json_object_array_get_idx(list, i);
		const char *other = json_str(at, "email");

		if (other && email && !strcasecmp(other, email))
			return at;
	}
	return NULL;
}

static bool attendees_equal(const struct json_object *a, const struct json_object *b)
{
	if (!json_object_is_type(a, json_type_array) || !json_object_is_type(b, json_type_array) ||
	    json_object_array_length(a) != json_object_array_length(b))
		return false;
	for (size_t i = 0; i < json_object_array_length(a); i++) {
		const struct json_object *mine = json_object_array_get_idx(a, i);
		const struct json_object *other = attendee_find(b, json_str(mine, "email"));

		if (!other || !event_guest_equal(mine, other))
			return false;
	}
	return true;
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char **sorted_strings(const struct json_object *list)
{
	size_t n = json_object_array_length(list);
	const char **out = xcalloc(n, sizeof(*out));

	for (size_t i = 0; i < n; i++) {
		const char *s = json_object_get_string(json_object_array_get_idx(list, i));

		out[i] = s ? s : "";
	}
	qsort(out, n, sizeof(*out), compare_text);
	return out;
}

static bool strings_equal(const struct json_object *a, const struct json_object *b)
{
	AUTO(free) const char **x = NULL;
	AUTO(free) const char **y = NULL;

	if (!json_object_is_type(a, json_type_array) || !json_object_is_type(b, json_type_array) ||
	    json_object_array_length(a) != json_object_array_length(b))
		return false;
	x = sorted_strings(a);
	y = sorted_strings(b);
	for (size_t i = 0; i < json_object_array_length(a); i++)
		if (strcmp(x[i], y[i]) != 0)
			return false;
	return true;
}

static bool reminders_equal(const struct json_object *a, const struct json_object *b)
{
	/* Without reminders an event has the calendar's default ones. */
	if (json_flag(a, "useDefault", !a) != json_flag(b, "useDefault", !b))
		return false;
	return (empty(json_get(a, "overrides")) && empty(json_get(b, "overrides"))) ||
	       json_equal(json_get(a, "overrides"), json_get(b, "overrides"));
}

/* A request to make a conference is answered by the conference itself. */
static bool conference_equal(const struct json_object *a, const struct json_object *b)
{
	const char *ask_a = json_path_str(a, "createRequest/requestId");
	const char *ask_b = json_path_str(b, "createRequest/requestId");

	if ((ask_a && json_has(b, "conferenceId")) || (ask_b && json_has(a, "conferenceId")))
		return true;
	if (ask_a && ask_b)
		return !strcmp(ask_a, ask_b);
	return json_equal(a, b);
}

/* Whether b has in each of a's members what a has; an empty one is none. */
static bool members_in(const struct json_object *a, const struct json_object *b)
{
	if (!json_object_is_type(a, json_type_object))
		return true;
	json_object_object_foreach ((struct json_object *)a, key, value) {
		struct json_object *other = json_get(b, key);

		if (!(empty(value) && empty(other)) && !json_equal(value, other))
			return false;
	}
	return true;
}

static bool objects_equal(const struct json_object *a, const struct json_object *b)
{
	return members_in(a, b) && members_in(b, a);
}

static bool defaulted_equal(const struct field *f, const struct json_object *a,
			    const struct json_object *b)
{
	const char *x = a ? json_object_get_string((struct json_object *)a) : f->absent;
	const char *y = b ? json_object_get_string((struct json_object *)b) : f->absent;

	return !strcmp(x, y);
}

bool event_field_equal(const char *name, const struct json_object *a, const struct json_object *b)
{
	const struct field *f = field_find(name);

	if (f && (f->kind == FIELD_ENUM || f->kind == FIELD_FLAG))
		return defaulted_equal(f, a, b);
	if (f && f->kind == FIELD_REMINDERS)
		return reminders_equal(a, b);
	if (f && f->kind == FIELD_OBJECT)
		return objects_equal(a, b);
	if (empty(a) || empty(b))
		return empty(a) && empty(b);
	switch (f ? f->kind : FIELD_LIST) {
	case FIELD_TIME:
		return time_equal(a, b);
	case FIELD_STRINGS:
		return strings_equal(a, b);
	case FIELD_ATTENDEES:
		return attendees_equal(a, b);
	case FIELD_CONFERENCE:
		return conference_equal(a, b);
	default:
		return json_equal(a, b);
	}
}

bool event_equal(const struct json_object *a, const struct json_object *b)
{
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (!event_field_equal(fields[i].name, json_get(a, fields[i].name),
				       json_get(b, fields[i].name)))
			return false;
	return true;
}

/* --- bodies ------------------------------------------------------------------------------ */

/* RFC 7396: the object that turns `from` into `to` when merged into it. */
static struct json_object *merge_patch(const struct json_object *from, const struct json_object *to)
{
	struct json_object *patch = json_object_new_object();

	json_object_object_foreach ((struct json_object *)to, key, value) {
		struct json_object *old = json_get(from, key);

		if (json_equal(old, value))
			continue;
		if (json_object_is_type(old, json_type_object) &&
		    json_object_is_type(value, json_type_object))
			json_set(patch, key, merge_patch(old, value));
		else
			json_set(patch, key, json_clone(value));
	}
	if (json_object_is_type(from, json_type_object)) {
		json_object_object_foreach ((struct json_object *)from, gone, old_value) {
			if (old_value && !json_has(to, gone))
				json_set(patch, gone, NULL);
		}
	}
	return patch;
}

/* start and end go whole, with null for the keys that must go: Google merges objects, and a
 * leftover dateTime beside a date is refused. */
static struct json_object *time_patch(const struct json_object *from, const struct json_object *to)
{
	static const char *const keys[] = {"date", "dateTime", "timeZone"};
	struct json_object *patch = json_object_new_object();

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct json_object *v = json_get(to, keys[i]);

		if (v)
			json_set(patch, keys[i], json_clone(v));
		else if (json_get(from, keys[i]))
			json_set(patch, keys[i], NULL);
	}
	return patch;
}

static struct json_object *attendees_body(const struct json_object *list)
{
	struct json_object *out = json_object_new_array();

	for (size_t i = 0; i < json_object_array_length(list); i++)
		json_object_array_add(out, attendee_clean(json_object_array_get_idx(list, i)));
	return out;
}

static struct json_object *attachments_body(const struct json_object *list)
{
	struct json_object *out = json_object_new_array();

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *a = json_clone(json_object_array_get_idx(list, i));

		if (json_object_is_type(a, json_type_object))
			json_del(a, "fileId"); /* read-only */
		json_object_array_add(out, a);
	}
	return out;
}

static struct json_object *field_body(const struct field *f, const struct json_object *v)
{
	if (f->kind == FIELD_ATTENDEES && json_object_is_type(v, json_type_array))
		return attendees_body(v);
	if (!strcmp(f->name, "attachments") && json_object_is_type(v, json_type_array))
		return attachments_body(v);
	return json_clone(v);
}

/* Of an invitation only what a guest may send; NULL: nothing. */
static struct json_object *attendees_patch(const struct json_object *from,
					   const struct json_object *to)
{
	AUTO(json_object_put) struct json_object *list = event_attendees_patch(from, to);

	return empty(list) ? NULL : attendees_body(list);
}

struct json_object *event_patch(const struct json_object *from, const struct json_object *to)
{
	struct json_object *patch = json_object_new_object();

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const struct field *f = &fields[i];
		struct json_object *old = json_get(from, f->name);
		struct json_object *v = json_get(to, f->name);

		if (event_field_equal(f->name, old, v))
			continue;
		if (f->kind == FIELD_ATTENDEES && !event_is_organized(from)) {
			struct json_object *own = attendees_patch(from, to);

			if (own)
				json_set(patch, f->name, own);
			continue;
		}
		if (empty(v))
			json_set(patch, f->name, NULL);
		else if (f->kind == FIELD_TIME)
			json_set(patch, f->name, time_patch(old, v));
		else if ((f->kind == FIELD_OBJECT || f->kind == FIELD_REMINDERS ||
			  f->kind == FIELD_CONFERENCE) &&
			 json_object_is_type(v, json_type_object) && old)
			json_set(patch, f->name, merge_patch(old, v));
		else
			json_set(patch, f->name, field_body(f, v));
	}
	return patch;
}

/* Meet data belong to the event that they were made for: only a wish that is still open may go
 * along with a new one. NULL: none. */
static struct json_object *conference_wish(const struct json_object *data)
{
	static const char *const keys[] = {"requestId", "conferenceSolutionKey"};
	struct json_object *request = json_get(data, "createRequest");
	struct json_object *wish, *asked;

	if (!json_str(request, "requestId") || json_get(data, "conferenceId") ||
	    json_get(data, "entryPoints"))
		return NULL;
	wish = json_object_new_object();
	asked = json_object_new_object();
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (json_get(request, keys[i]))
			json_set(asked, keys[i], json_clone(json_get(request, keys[i])));
	json_set(wish, "createRequest", asked);
	return wish;
}

void event_new_conference(struct json_object *resource, const struct json_object *had)
{
	const char *type = json_path_str(had, "conferenceSolution/key/type");
	struct json_object *data, *request, *key;
	bool meet = had && (!type || !strcmp(type, "hangoutsMeet"));
	char id[27];

	json_del(resource, "conferenceData");
	json_del(resource, "hangoutLink");
	if (!meet)
		return;
	random_event_id(id);
	key = json_object_new_object();
	json_set_str(key, "type", "hangoutsMeet");
	request = json_object_new_object();
	json_set_str(request, "requestId", id);
	json_set(request, "conferenceSolutionKey", key);
	data = json_object_new_object();
	json_set(data, "createRequest", request);
	json_set(resource, "conferenceData", data);
}

struct json_object *event_insert_body(const struct json_object *resource)
{
	struct json_object *body = json_object_new_object();
	const char *type = json_str(resource, "eventType");

	json_set_str(body, "id", json_str(resource, "id"));
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const struct field *f = &fields[i];
		struct json_object *v = json_get(resource, f->name);

		if (f->kind == FIELD_CONFERENCE) {
			struct json_object *wish = conference_wish(v);

			if (wish)
				json_set(body, f->name, wish);
			continue;
		}
		if (!empty(v))
			json_set(body, f->name, field_body(f, v));
	}
	if (type && strcmp(type, "default") != 0)
		json_set_str(body, "eventType", type);
	return body;
}
