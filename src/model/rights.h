/*
 * Who may change what of an event: its organizer, its guests, nobody. Pure; what Google would
 * answer with 403 or 400 is refused here before it is stored.
 *
 * An event has one organizer, a calendar. On that calendar all of it may be written. A guest's copy
 * on another calendar has parts of its own (the guest's answer, reminders, colour, ...); the rest
 * is shared and is the organizer's, unless guestsCanModify. Some event types take few changes from
 * anybody, and `locked` keeps the main parts from all.
 *
 * Source  Calendar API v3, Events resource (organizer, guestsCanModify, locked), event types
 */
#ifndef MODEL_RIGHTS_H
#define MODEL_RIGHTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/json.h"

/* Whether the calendar that the resource lies in is its organizer, or nobody else is (an event that
 * Google does not have yet, a private copy from an import). */
bool event_is_organized(const struct json_object *resource);

/* The calendar's own entry among the guests, NULL when it is not invited. address: the calendar's
 * id, for entries that Google has not marked yet; may be NULL. Borrowed. */
struct json_object *event_self(const struct json_object *resource, const char *address);

/*
 * Whether `edited` may follow `was`.
 * Errors  ERR_READ_ONLY: names the fields, whose they are, and what may be changed instead
 */
int event_check_rights(const struct json_object *was, const struct json_object *edited,
		       struct err *err);

/*
 * Whether the type allows what the resource says: when it is made (was NULL) all of it, else what
 * the edit changed. primary: on an account's primary calendar.
 * Errors  ERR_INVALID (not possible for this type), ERR_READ_ONLY (nobody may change that)
 */
int event_check_type(const struct json_object *resource, const struct json_object *was,
		     bool primary, struct err *err);

/* The guests as a PATCH may carry them: of an event that others organize one's own entry, and
 * guests that were added; a whole list would be taken for the organizer's. Caller's. */
struct json_object *event_attendees_patch(const struct json_object *from,
					  const struct json_object *to);

/* Whom Google can mail of a change, apart from the calendar itself and rooms. */
struct guest_counts {
	size_t all;
	size_t outside;    /* with an address outside of the given domain */
	bool to_organizer; /* an invitation: it is the organizer (all is 1) */
};

/* before NULL: the event is new; after NULL: it is deleted. A guest that was removed hears of it.
 * address: the calendar's own, whose domain counts. */
void event_guest_counts(const struct json_object *before, const struct json_object *after,
			const char *address, struct guest_counts *out);

#endif
