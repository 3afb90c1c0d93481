/*
 * The options that `event add` and `event edit` share, and what they do to an event.
 *
 * A field's options are applied in this order: --clear, then all others; so clearing and setting
 * the same field replaces it.
 */
#ifndef CMD_EVENT_OPTIONS_H
#define CMD_EVENT_OPTIONS_H

#include "cmd/cmd.h"
#include "store/store.h"
#include "sync/local.h"

/* How a change goes out: also those of `event rm`. */
struct send_options {
	const char *notify; /* "none" (also NULL), "all", "external" */
	bool no_sync;
	bool require_sync;
};

struct event_options {
	struct send_options send;
	/* what the event is */
	const char *title; /* add: the argument; edit: --title */
	const char *start, *end, *duration, *timezone;
	bool all_day;
	const char *location, *description, *color, *visibility;
	bool free, meet;
	struct string_list attendees, reminders, rules;
	/* edit only */
	struct string_list clear;
	const char *occurrence, *scope; /* event_target.h */
	/* add only */
	const char *calendar, *from_json;
};

#define SEND_OPTIONS(S, field)                                                                  \
	OPT_CHOICE(0, "notify", S, field.notify, "none|all|external",                           \
		   "mail guests (default none)"),                                               \
		OPT_FLAG(0, "no-sync", S, field.no_sync, "keep the change here, send nothing"), \
		OPT_FLAG(0, "require-sync", S, field.require_sync,                              \
			 "fail (3 or 4) when the change did not reach Google")

#define EVENT_FIELD_OPTIONS(S)                                                                    \
	OPT_STRING('s', "start", S, start, "TIME", "when it begins; a day alone: all day"),       \
		OPT_STRING('e', "end", S, end, "TIME",                                            \
			   "when it ends; of an all-day event the last day"),                     \
		OPT_STRING('d', "duration", S, duration, "DURATION",                              \
			   "how long it lasts, as 1h30m"),                                        \
		OPT_FLAG(0, "all-day", S, all_day, "whole days"),                                 \
		OPT_STRING(0, "timezone", S, timezone, "ZONE",                                    \
			   "zone of the times, as Europe/Berlin"),                                \
		OPT_STRING('l', "location", S, location, "TEXT", "where it is"),                  \
		OPT_STRING(0, "description", S, description, "TEXT", "what it is about"),         \
		OPT_STRINGS(0, "attendee", S, attendees, "ADDRESS", "invite a guest"),            \
		OPT_STRINGS('r', "reminder", S, reminders, "10m[:popup|email]",                   \
			    "remind before it begins; at most five"),                             \
		OPT_STRINGS(0, "rrule", S, rules, "RULE", "repeat, as FREQ=WEEKLY;BYDAY=MO"),     \
		OPT_STRING(0, "color", S, color, "COLOR", "1 to 11, or Google's name of it"),     \
		OPT_CHOICE(0, "visibility", S, visibility, "default|public|private|confidential", \
			   "who may see it"),                                                     \
		OPT_FLAG(0, "free", S, free, "show as free, not busy"),                           \
		OPT_FLAG(0, "meet", S, meet, "ask for a Google Meet link")

/* Whether any option says what the event is. */
bool event_options_any(const struct event_options *o);

/*
 * Change resource as the options say. An empty object becomes a new event; else it is the event
 * being edited.
 *
 * calendar_zone  the zone for times without --timezone (an edited event's own comes first)
 * Errors         ERR_USAGE (options that contradict each other, --start missing), ERR_INVALID
 * Warns          on stderr of a time that a DST change skips
 */
int event_options_apply(const struct event_options *o, const char *calendar_zone, int64_t now_utc,
			struct json_object *resource, struct err *err);

/* Without what says when it is. */
struct event_options event_options_without_times(const struct event_options *o);

/* The same for start and end alone (event_times.c). */
int event_times_apply(const struct event_options *o, const char *calendar_zone, int64_t now_utc,
		      struct json_object *resource, struct err *err);

/* Check --notify and friends, fill out (borrows). */
int send_options_local(const struct send_options *o, struct local_options *out, struct err *err);

#endif
