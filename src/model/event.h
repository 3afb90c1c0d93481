/*
 * Google's event resource as a JSON object: what may be written, what counts as the same, when
 * it happens. Pure functions, no I/O. The stored struct event (store/store.h) holds such objects.
 *
 * Source  Calendar API v3, Events resource; google's time rules (offset or timeZone, exclusive end)
 */
#ifndef MODEL_EVENT_H
#define MODEL_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"

/* A field that a client may send in a PATCH. */
bool event_field_writable(const char *field);
/* The writable fields, 0 <= i < event_field_count(). */
size_t event_field_count(void);
const char *event_field_name(size_t i);

/*
 * Check a resource that is to be created (was NULL) or edited here (was: the version before; only
 * what differs is checked): start and end there, of one kind, end after start, zones known,
 * reminders in range, recurrence lines that are what they say, attendees with an address.
 * Errors: ERR_INVALID, naming the field.
 */
int event_check(const struct json_object *resource, const struct json_object *was, struct err *err);

/* A client-made id that Google accepts: 5..1024 of a-v and 0-9. */
bool event_id_valid(const char *id);

/*
 * Start and end as instants. An all-day event runs from 00:00 of its first day to 00:00 after its
 * last in the given zone. Returns false when the resource has no usable start (a bare tombstone).
 * A missing end counts as the start.
 */
bool event_span(const struct json_object *resource, const char *calendar_zone, int64_t *out_start,
		int64_t *out_end, bool *out_all_day);
bool event_time_utc(const struct json_object *time, const char *calendar_zone, int64_t *out_utc);

bool event_is_cancelled(const struct json_object *resource);
bool event_is_master(const struct json_object *resource);    /* has recurrence */
bool event_is_exception(const struct json_object *resource); /* has recurringEventId */

/* Whether one writable field means the same on both sides: instants by value and zone, defaults
 * equal to absence, lists in order where order matters. Either may be NULL. */
bool event_field_equal(const char *field, const struct json_object *a, const struct json_object *b);

/* The members of a guest (an element of attendees) that a client may say something about. */
size_t event_guest_member_count(void);
const char *event_guest_member(size_t i);
/* Whether one of them means the same: absence is the default. Either may be NULL. */
bool event_guest_member_equal(const char *member, const struct json_object *a,
			      const struct json_object *b);
/* Whether all of them do, the address aside. */
bool event_guest_equal(const struct json_object *a, const struct json_object *b);

/* Whether all writable fields mean the same. */
bool event_equal(const struct json_object *a, const struct json_object *b);

/*
 * The body of a PATCH that turns `from` into `to`: changed writable fields only; nested objects
 * as Google merges them (null for what goes away, also the other kind of start/end); arrays
 * whole. An empty object when nothing writable differs. Caller's.
 */
struct json_object *event_patch(const struct json_object *from, const struct json_object *to);

/* Only the writable fields (and id), as the body of an insert. Caller's. */
struct json_object *event_insert_body(const struct json_object *resource);

/* A conference belongs to the event that it was made for: one that takes the place of an event with
 * this conferenceData (may be NULL) asks for another one, if that was or is to be one of Meet. */
void event_new_conference(struct json_object *resource, const struct json_object *had);

#endif
