#include "fg_draft.h"

#include <string.h>

#include "base/time.h"

#include "base/banned.h"

#define W (FG_F_WRITE)
#define S (FG_F_WRITE | FG_F_SHARED)
#define L (FG_F_WRITE | FG_F_SHARED | FG_F_LOCKED)
#define C (FG_F_CREATE | FG_F_KEEP)
#define R (FG_F_KEEP)

const struct fg_event_field fg_event_fields[] = {
	{"kind", json_type_string, R, NULL},
	{"etag", json_type_string, R, NULL},
	{"id", json_type_string, C, NULL},
	{"status", json_type_string, W, NULL},
	{"htmlLink", json_type_string, R, NULL},
	{"created", json_type_string, R, NULL},
	{"updated", json_type_string, R, NULL},
	{"summary", json_type_string, L, ""},
	{"description", json_type_string, L, ""},
	{"location", json_type_string, L, ""},
	{"colorId", json_type_string, W, ""},
	{"creator", json_type_object, R, NULL},
	{"organizer", json_type_object, R, NULL},
	{"start", json_type_object, L, NULL},
	{"end", json_type_object, L, NULL},
	{"endTimeUnspecified", json_type_boolean, R, "false"},
	{"recurrence", json_type_array, L, "[]"},
	{"recurringEventId", json_type_string, R, NULL},
	{"originalStartTime", json_type_object, R, NULL},
	{"transparency", json_type_string, W, "opaque"},
	{"visibility", json_type_string, W, "default"},
	{"iCalUID", json_type_string, C, NULL},
	{"sequence", json_type_int, W | FG_F_KEEP, NULL},
	{"attendees", json_type_array, W, "[]"},
	{"attendeesOmitted", json_type_boolean, W, "false"},
	{"extendedProperties", json_type_object, W, "{}"},
	{"hangoutLink", json_type_string, R, NULL},
	{"conferenceData", json_type_object, S, NULL},
	{"gadget", json_type_object, W, NULL},
	{"anyoneCanAddSelf", json_type_boolean, S, "false"},
	{"guestsCanInviteOthers", json_type_boolean, S, "true"},
	{"guestsCanModify", json_type_boolean, S, "false"},
	{"guestsCanSeeOtherGuests", json_type_boolean, S, "true"},
	{"privateCopy", json_type_boolean, R, "false"},
	{"locked", json_type_boolean, R, "false"},
	{"reminders", json_type_object, W, NULL},
	{"source", json_type_object, W, NULL},
	{"workingLocationProperties", json_type_object, W, NULL},
	{"outOfOfficeProperties", json_type_object, W, NULL},
	{"focusTimeProperties", json_type_object, W, NULL},
	{"birthdayProperties", json_type_object, W, NULL},
	{"attachments", json_type_array, S, "[]"},
	{"eventType", json_type_string, C, NULL},
	{NULL, json_type_null, 0, NULL},
};

const struct fg_event_field *fg_event_field(const char *name)
{
	for (const struct fg_event_field *f = fg_event_fields; f->name; f++)
		if (!strcmp(f->name, name))
			return f;
	return NULL;
}

bool fg_draft_sent(const struct fg_draft *d, const char *key)
{
	return json_has(d->body, key);
}

bool fg_draft_changed(const struct fg_draft *d, const char *key)
{
	return !json_equal(json_get(d->old, key), json_get(d->next, key));
}

/* -- the body -------------------------------------------------------------------------------- */

static bool creates(enum fg_write how)
{
	return how == FG_INSERT || how == FG_IMPORT;
}

static bool takes(const struct fg_draft *d, const struct fg_event_field *f)
{
	if (!strcmp(f->name, "organizer"))
		return d->how == FG_IMPORT;
	return f->flags & FG_F_WRITE || (f->flags & FG_F_CREATE && creates(d->how));
}

/* Google also takes a number for a string and a string for a number or a flag. */
static bool fits(const struct json_object *value, enum json_type type)
{
	if (!value || json_object_is_type(value, type))
		return true;
	return type == json_type_int && json_object_is_type(value, json_type_string) &&
	       json_object_get_string_len(value) &&
	       !json_object_get_string((struct json_object *)value)[strspn(
		       json_object_get_string((struct json_object *)value), "0123456789")];
}

/* The fields of the body that count; those of a wrong type are refused. */
static int filter_body(const struct fg_draft *d, struct json_object **out)
{
	AUTO(json_object_put) struct json_object *body = json_object_new_object();

	json_object_object_foreach ((struct json_object *)d->body, key, value) {
		const struct fg_event_field *f = fg_event_field(key);

		if (!f || !takes(d, f))
			continue;
		if (!fits(value, f->type))
			return fg_fail(d->call, 400, "global", "parseError", "Parse Error", NULL,
				       NULL);
		json_set(body, key, json_clone(value));
	}
	*out = TAKE(body);
	return 0;
}

/* Merge as a patch does: objects by member, all else replaced, null removes. */
static void merge(struct json_object *into, const struct json_object *from)
{
	json_object_object_foreach ((struct json_object *)from, key, value) {
		struct json_object *have = json_get(into, key);

		if (!value)
			json_del(into, key);
		else if (json_object_is_type(value, json_type_object) &&
			 json_object_is_type(have, json_type_object))
			merge(have, value);
		else if (json_object_is_type(value, json_type_object)) {
			struct json_object *fresh = json_object_new_object();

			merge(fresh, value);
			json_set(into, key, fresh);
		} else
			json_set(into, key, json_clone(value));
	}
}

/* What an update (PUT) without the field leaves as it was. */
static void keep_old(struct fg_draft *d)
{
	for (const struct fg_event_field *f = fg_event_fields; f->name; f++)
		if (f->flags & FG_F_KEEP && json_get(d->old, f->name) &&
		    !json_get(d->next, f->name))
			json_set(d->next, f->name, json_clone(json_get(d->old, f->name)));
}

/* -- small fields ------------------------------------------------------------------------------- */

static int check_enum(struct fg_draft *d, const char *key, const char *words)
{
	const char *value = json_str(d->next, key);
	AUTO(free) char *word = value ? xasprintf(" %s ", value) : NULL;

	if (!word || (*value && !strchr(value, ' ') && strstr(words, word)))
		return 0;
	return fg_fail_invalid(d->call, "Invalid Value");
}

static int check_color(struct fg_draft *d)
{
	const char *color = json_str(d->next, "colorId");
	int64_t n = json_int(d->next, "colorId", 0);

	if (!color || !*color || !fg_draft_sent(d, "colorId") || (n >= 1 && n <= 11))
		return 0;
	return fg_fail_invalid(d->call, "Invalid Value");
}

static int check_sequence(struct fg_draft *d)
{
	int64_t was = json_int(d->old, "sequence", 0);
	int64_t n = json_int(d->next, "sequence", was);

	if (fg_draft_sent(d, "sequence") && d->old && n < was)
		return fg_fail_invalid(d->call, "Invalid sequence value. The specified sequence "
						"number is below the current sequence number of "
						"the resource. Re-fetch the resource and use its "
						"sequence number on the following request.");
	if (n < 0 || n > INT32_MAX)
		return fg_fail_invalid(d->call, "Invalid Value");
	if (d->old && n == was &&
	    (fg_draft_changed(d, "start") || fg_draft_changed(d, "end") ||
	     fg_draft_changed(d, "recurrence")))
		n++;
	json_set_int(d->next, "sequence", n);
	return 0;
}

static int check_source(struct fg_draft *d)
{
	const struct json_object *source = json_get(d->next, "source");
	const char *url = json_str(source, "url");

	if (!source || !fg_draft_sent(d, "source"))
		return 0;
	if (!url || (strncmp(url, "http://", 7) != 0 && strncmp(url, "https://", 8) != 0))
		return fg_fail_invalid(d->call, "Invalid Value");
	return 0;
}

/* -- who may change what --------------------------------------------------------------------------- */

static bool is_organizer(const struct json_object *old)
{
	const struct json_object *organizer = json_get(old, "organizer");

	return !organizer || json_flag(organizer, "self", false) ||
	       json_flag(old, "privateCopy", false);
}

static bool is_absent(const struct fg_event_field *f, struct json_object *value)
{
	if (!value || !f->absent)
		return !value;
	if (f->type == json_type_string)
		return !strcmp(json_object_get_string(value), f->absent);
	if (f->type == json_type_object)
		return !json_object_object_length(value);
	return !strcmp(json_text(value), f->absent);
}

static bool same_value(const struct fg_draft *d, const struct fg_event_field *f)
{
	struct fg_when a, b;
	struct json_object *was = json_get(d->old, f->name);
	struct json_object *is = json_get(d->next, f->name);

	if (is_absent(f, was) && is_absent(f, is))
		return true;
	if (json_equal(was, is))
		return true;
	if (!strcmp(f->name, "start") || !strcmp(f->name, "end"))
		return !fg_when_parse(was, d->entry->cal->zone, &a) &&
		       !fg_when_parse(is, d->entry->cal->zone, &b) && a.s == b.s &&
		       a.all_day == b.all_day;
	return false;
}

static int check_rights(struct fg_draft *d)
{
	bool guest =
		d->old && !is_organizer(d->old) && !json_flag(d->old, "guestsCanModify", false);
	bool locked = json_flag(d->old, "locked", false);

	for (const struct fg_event_field *f = fg_event_fields; (guest || locked) && f->name; f++) {
		if (!(f->flags & FG_F_WRITE) || same_value(d, f))
			continue;
		if (guest && f->flags & FG_F_SHARED)
			return fg_fail(d->call, 403, "calendar", "forbiddenForNonOrganizer",
				       "Shared properties can only be changed by the organizer of "
				       "the event.",
				       NULL, NULL);
		if (locked && f->flags & FG_F_LOCKED)
			return fg_fail_forbidden(d->call);
	}
	return 0;
}

/* -- the result -------------------------------------------------------------------------------------- */

struct json_object *fg_in_order(const struct json_object *next)
{
	struct json_object *out = json_object_new_object();

	for (const struct fg_event_field *f = fg_event_fields; f->name; f++) {
		struct json_object *value = json_get(next, f->name);

		if (!is_absent(f, value))
			json_set(out, f->name, json_object_get(value));
	}
	/* Loaded data may have fields that nobody has told us of. */
	json_object_object_foreach ((struct json_object *)next, key, value)
		if (value && !fg_event_field(key))
			json_set(out, key, json_object_get(value));
	return out;
}

static int check_all(struct fg_draft *d)
{
	/* Order matters: what a parameter keeps as it was is no change that needs a right. */
	if (fg_check_type(d) || fg_check_times(d) || fg_check_recurrence(d) ||
	    fg_check_conference(d) || fg_check_attachments(d) || check_rights(d) ||
	    fg_check_attendees(d) || fg_check_reminders(d) || fg_check_props(d) || check_color(d) ||
	    check_sequence(d) || check_source(d))
		return -1;
	if (check_enum(d, "status", " confirmed tentative cancelled ") ||
	    check_enum(d, "transparency", " opaque transparent ") ||
	    check_enum(d, "visibility", " default public private confidential "))
		return -1;
	return 0;
}

int fg_write_build(struct fg_call *call, struct fg_entry *e, enum fg_write how,
		   const struct json_object *old, struct json_object **out)
{
	AUTO(json_object_put) struct json_object *nothing = json_object_new_object();
	AUTO(json_object_put) struct json_object *body = NULL;
	AUTO(json_object_put) struct json_object *next = NULL;
	struct fg_draft d = {.call = call, .entry = e, .how = how, .old = old};

	d.body = call->body ? call->body : nothing;
	if (filter_body(&d, &body))
		return -1;
	d.body = body;
	next = how == FG_PATCH ? json_clone(old) : json_object_new_object();
	merge(next, body);
	d.next = next;
	if (old)
		keep_old(&d);
	if (!json_str(next, "status"))
		json_set_str(next, "status", "confirmed");
	if (check_all(&d))
		return -1;
	*out = fg_in_order(next);
	return 0;
}
