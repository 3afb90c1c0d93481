#include "cmd/event_options.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/log.h"
#include "base/random.h"
#include "base/when.h"
#include "model/event.h"
#include "model/rrule.h"
#include "base/xalloc.h"
#include "base/banned.h"

#define REMINDERS_MAX        5
#define REMINDER_MINUTES_MAX 40320 /* four weeks: Google's limit */

bool event_options_any(const struct event_options *o)
{
	return o->title || o->start || o->end || o->duration || o->timezone || o->all_day ||
	       o->location || o->description || o->color || o->visibility || o->free || o->meet ||
	       o->attendees.count || o->reminders.count || o->rules.count || o->clear.count;
}

struct event_options event_options_without_times(const struct event_options *o)
{
	struct event_options rest = *o;

	rest.start = rest.end = rest.duration = rest.timezone = NULL;
	rest.all_day = false;
	return rest;
}

int send_options_local(const struct send_options *o, struct local_options *out, struct err *err)
{
	memset(out, 0, sizeof(*out));
	if (o->no_sync && o->require_sync)
		return err_set(err, ERR_USAGE, "--no-sync and --require-sync exclude each other");
	out->no_sync = o->no_sync;
	out->send_updates = "none";
	if (o->notify && !strcmp(o->notify, "all"))
		out->send_updates = "all";
	if (o->notify && !strcmp(o->notify, "external"))
		out->send_updates = "externalOnly";
	return 0;
}

/* --- one field each ----------------------------------------------------------------------- */

/* The options' own words are taken too: who wrote --color 5 will write --clear color. */
static const char *field_name(const char *word)
{
	static const char *const names[][2] = {
		{"title", "summary"},       {"attendee", "attendees"}, {"reminder", "reminders"},
		{"rrule", "recurrence"},    {"color", "colorId"},      {"free", "transparency"},
		{"meet", "conferenceData"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(word, names[i][0]))
			return names[i][1];
	return word;
}

static int clear_fields(const struct string_list *fields, struct json_object *resource,
			struct err *err)
{
	for (size_t i = 0; i < fields->count; i++) {
		const char *field = field_name(fields->items[i]);

		if (!strcmp(field, "start") || !strcmp(field, "end") || !strcmp(field, "status"))
			return err_set(err, ERR_USAGE, "--clear %s: an event cannot be without it",
				       field);
		if (!event_field_writable(field))
			return err_set(
				err, ERR_USAGE,
				"--clear '%s': no such field; use Google's names, as location, "
				"description, attendees, recurrence, reminders, colorId, "
				"visibility, transparency, conferenceData",
				field);
		json_del(resource, field);
		/* Without an own list it is the calendar's default reminders. */
		if (!strcmp(field, "reminders")) {
			struct json_object *reminders = json_object_new_object();

			json_set_bool(reminders, "useDefault", true);
			json_set(resource, "reminders", reminders);
		}
	}
	return 0;
}

static int set_text(struct json_object *resource, const char *field, const char *option,
		    const char *value, struct err *err)
{
	if (!value)
		return 0;
	if (!*value)
		return err_set(err, ERR_USAGE, "%s is empty; 'event edit ID --clear %s' removes it",
			       option, field);
	json_set_str(resource, field, value);
	return 0;
}

static int set_color(const char *color, struct json_object *resource, struct err *err)
{
	static const char *const names[] = {"lavender",  "sage",      "grape",   "flamingo",
					    "banana",    "tangerine", "peacock", "graphite",
					    "blueberry", "basil",     "tomato"};
	char id[4];

	for (unsigned i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(id, sizeof(id), "%u", i + 1);
		if (strcmp(color, id) != 0 && strcasecmp(color, names[i]) != 0)
			continue;
		json_set_str(resource, "colorId", id);
		return 0;
	}
	return err_set(err, ERR_INVALID,
		       "unknown colour '%s'; use 1 to 11, or lavender, sage, grape, flamingo, "
		       "banana, tangerine, peacock, graphite, blueberry, basil, tomato",
		       color);
}

static bool same_address(const struct json_object *attendee, const char *email)
{
	const char *other = json_str(attendee, "email");

	return other && !strcasecmp(other, email);
}

/* Guests are added; one who is there already keeps answer and name. */
static void add_attendees(const struct string_list *emails, struct json_object *resource)
{
	struct json_object *list = json_get(resource, "attendees");

	if (!json_object_is_type(list, json_type_array)) {
		list = json_object_new_array();
		json_set(resource, "attendees", list);
	}
	for (size_t i = 0; i < emails->count; i++) {
		struct json_object *guest;
		bool there = false;

		for (size_t k = 0; k < json_object_array_length(list) && !there; k++)
			there = same_address(json_object_array_get_idx(list, k), emails->items[i]);
		if (there)
			continue;
		guest = json_object_new_object();
		json_set_str(guest, "email", emails->items[i]);
		json_object_array_add(list, guest);
	}
}

/* 10m, 1h:email */
static int parse_reminder(const char *text, struct json_object **out, struct err *err)
{
	const char *colon = strrchr(text, ':');
	const char *method = colon ? colon + 1 : "popup";
	AUTO(free) char *before = xstrndup(text, colon ? (size_t)(colon - text) : strlen(text));
	struct duration d;
	int64_t s;

	if (strcmp(method, "popup") != 0 && strcmp(method, "email") != 0)
		return err_set(err, ERR_INVALID,
			       "--reminder '%s': it is popup or email, as in 10m:email", text);
	if (duration_parse(before, &d, err))
		return err_wrap(err, "--reminder");
	s = duration_seconds(&d);
	if (s < 0 || s % 60 || s / 60 > REMINDER_MINUTES_MAX)
		return err_set(err, ERR_INVALID,
			       "--reminder '%s' is not in whole minutes from 0 to %d (four weeks)",
			       text, REMINDER_MINUTES_MAX);
	*out = json_object_new_object();
	json_set_str(*out, "method", method);
	json_set_int(*out, "minutes", s / 60);
	return 0;
}

static int set_reminders(const struct string_list *texts, struct json_object *resource,
			 struct err *err)
{
	AUTO(json_object_put) struct json_object *list = json_object_new_array();
	struct json_object *reminders;

	if (texts->count > REMINDERS_MAX)
		return err_set(err, ERR_INVALID, "%zu reminders; Google takes at most %d",
			       texts->count, REMINDERS_MAX);
	for (size_t i = 0; i < texts->count; i++) {
		struct json_object *one = NULL;

		if (parse_reminder(texts->items[i], &one, err))
			return -1;
		json_object_array_add(list, one);
	}
	reminders = json_object_new_object();
	json_set_bool(reminders, "useDefault", false);
	json_set(reminders, "overrides", TAKE(list));
	json_set(resource, "reminders", reminders);
	return 0;
}

static int set_recurrence(const struct string_list *rules, struct json_object *resource,
			  struct err *err)
{
	static const char *const names[] = {
		"RRULE:", "EXRULE:", "RDATE:", "RDATE;", "EXDATE:", "EXDATE;"};
	AUTO(json_object_put) struct json_object *lines = json_object_new_array();

	for (size_t i = 0; i < rules->count; i++) {
		AUTO(free) char *line = NULL;

		for (size_t k = 0; k < ARRAY_SIZE(names) && !line; k++)
			if (!strncasecmp(rules->items[i], names[k], strlen(names[k])))
				line = xasprintf("%s%s", names[k],
						 rules->items[i] + strlen(names[k]));
		if (!line)
			line = xasprintf("RRULE:%s", rules->items[i]);
		if (recurrence_line_check(line, err))
			return err_wrap(err, "--rrule");
		json_object_array_add(lines, json_object_new_string(line));
	}
	json_set(resource, "recurrence", TAKE(lines));
	return 0;
}

static void ask_for_meet(struct json_object *resource)
{
	struct json_object *data, *request, *key;
	char id[27];

	if (json_path(resource, "conferenceData/entryPoints")) {
		log_warn("event", "the event has a conference already; it stays as it is");
		return;
	}
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

int event_options_apply(const struct event_options *o, const char *calendar_zone, int64_t now_utc,
			struct json_object *resource, struct err *err)
{
	if (clear_fields(&o->clear, resource, err) ||
	    set_text(resource, "summary", "the title", o->title, err) ||
	    set_text(resource, "location", "--location", o->location, err) ||
	    set_text(resource, "description", "--description", o->description, err))
		return -1;
	if (o->rules.count && event_is_exception(resource))
		return err_set(err, ERR_INVALID,
			       "--rrule: this is one occurrence of series '%s'; edit that",
			       json_str(resource, "recurringEventId"));
	if (o->rules.count && set_recurrence(&o->rules, resource, err))
		return -1;
	if (event_times_apply(o, calendar_zone, now_utc, resource, err))
		return -1;
	if (o->attendees.count)
		add_attendees(&o->attendees, resource);
	if (o->reminders.count && set_reminders(&o->reminders, resource, err))
		return -1;
	if (o->color && set_color(o->color, resource, err))
		return -1;
	if (o->visibility)
		json_set_str(resource, "visibility", o->visibility);
	if (o->free)
		json_set_str(resource, "transparency", "transparent");
	if (o->meet)
		ask_for_meet(resource);
	return 0;
}
