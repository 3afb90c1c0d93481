/* The fields of Google's Event resource (discovery, revision 20260519), in the order in which
 * answers carry them. */
#ifndef FG_DRAFT_H
#define FG_DRAFT_H

#include "fg_model.h"

enum fg_field_flag {
	FG_F_WRITE = 1 << 0,  /* insert, update, patch */
	FG_F_CREATE = 1 << 1, /* at creation only */
	FG_F_SHARED = 1 << 2, /* one value for all guests: the organizer's to change */
	FG_F_LOCKED = 1 << 3, /* cannot change while `locked` */
	FG_F_KEEP = 1 << 4,   /* an update (PUT) without it leaves it alone */
};

struct fg_event_field {
	const char *name;
	enum json_type type;
	unsigned flags;     /* enum fg_field_flag */
	const char *absent; /* the value that answers leave out, as text; NULL = none */
};

extern const struct fg_event_field fg_event_fields[];          /* ends with a NULL name */
const struct fg_event_field *fg_event_field(const char *name); /* NULL = no such field */

/* -- fg_event_parts.c: the parts of an event; each makes its own part of `next` proper ----------
 *
 * All return -1 after answering with an error. next is the caller's own copy.
 */
struct fg_draft {
	struct fg_call *call;
	struct fg_entry *entry;
	enum fg_write how;
	const struct json_object *body; /* what was sent; never NULL */
	const struct json_object *old;  /* the event before; NULL at creation */
	struct json_object *next;       /* what it becomes */
};
bool fg_draft_sent(const struct fg_draft *d, const char *key); /* in the body, null or not */
bool fg_draft_changed(const struct fg_draft *d, const char *key);

int fg_check_times(struct fg_draft *d);
int fg_check_recurrence(struct fg_draft *d);
int fg_check_attendees(struct fg_draft *d);
int fg_check_reminders(struct fg_draft *d);
int fg_check_props(struct fg_draft *d);
int fg_check_conference(struct fg_draft *d);
int fg_check_attachments(struct fg_draft *d);
int fg_check_type(struct fg_draft *d); /* event types; fg_event_type.c */

#endif
