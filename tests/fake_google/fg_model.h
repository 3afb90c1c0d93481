/*
 * The calendar model: what accounts see as calendars and events. Private to fg_cal*.c,
 * fg_event*.c, fg_series.c and fg_load.c; the edge knows fg_api.h alone.
 *
 * A calendar keeps its events by id and in order of creation; every change moves an event to the
 * end of the calendar's change list and gives it the calendar's next sequence number. A sync
 * token is such a number, so an incremental run walks the change list from its end. Nothing is
 * ever removed from a calendar but by clearing the whole model: deleted events stay as
 * tombstones, so pointers to events and calendars stay good.
 *
 * An account's way to a calendar is an entry: its role and its calendarList settings.
 *
 * Where Google's behaviour is not known, the model takes the stricter reading, so that a client
 * that works here works there:
 *  - a dateTime without offset and zone is refused, and so is an all-day event of no length;
 *  - a sync token used with other singleEvents, eventTypes, ... than it was made with is a 400;
 *  - a guest without guestsCanModify may not change summary, times, place, rule, conference or
 *    attachments (403);
 *  - types other than default cannot be imported (the old behaviour made them default);
 *  - with timeMin, masters whose last instance is over are still listed;
 *  - a conference is always pending in the answer, and a change of its own afterwards;
 *  - a patch that changes nothing keeps the etag.
 * Where it is simpler than Google: reminders belong to the calendar, not to each user of it;
 * endless series end three years ahead (or at timeMax); repeated property filters must all
 * match; sync tokens live 60 days and updatedMin reaches back 30; quickAdd reads no times out of
 * its text; a master's other changes do not reach its exceptions; a moved event leaves a stub
 * also where the old organizer is a guest; acl.* is not there.
 */
#ifndef FG_MODEL_H
#define FG_MODEL_H

#include "fg_api.h"

#include <json-c/linkhash.h>

/* accessRole, lowest first. */
#define FG_ROLES(X)                                                \
	X(FG_ROLE_NONE, "none")                                    \
	X(FG_ROLE_FREEBUSY, "freeBusyReader")                      \
	X(FG_ROLE_READER, "reader")                                \
	X(FG_ROLE_WRITER_NO_PRIVATE, "writerWithoutPrivateAccess") \
	X(FG_ROLE_WRITER, "writer")                                \
	X(FG_ROLE_OWNER, "owner")

enum fg_role {
#define X(role, name) role,
	FG_ROLES(X)
#undef X
};
const char *fg_role_name(enum fg_role role);
int fg_role_parse(const char *name, enum fg_role *out); /* -1: no such role */

/* A point in time as Google's EventDateTime gives it. */
struct fg_when {
	bool all_day;
	int64_t s; /* timed: the instant in UTC; all-day: midnight of the day as if in UTC */
};
#define FG_NEVER INT64_MAX

struct fg_cal;

struct fg_event {
	char *id;
	struct json_object *res;     /* owned; as answered without a timeZone parameter; shared with
				    answers, so replaced and never changed in place */
	char *master;                /* owned; recurringEventId; NULL = no instance */
	char *uid;                   /* owned; iCalUID at creation; NULL = none */
	char *base;                  /* owned; of an id <base>_R<start>; NULL = no such id */
	struct fg_event *next_split; /* the next one with the same base */
	struct fg_event *next_sibling; /* the next exception of the same master id */
	struct fg_when start, end;     /* unset when there are none (tombstones) */
	bool has_span;
	bool cancelled;
	bool stub;                      /* moved away: nothing but kind, etag, id, status is left */
	bool verbatim;                  /* loaded: times stay as they were written */
	uint64_t seq;                   /* of its last change */
	int64_t stamp_us;               /* of `updated` */
	struct fg_event *older, *newer; /* change list */
	struct fg_past *past;           /* earlier times and rules, newest first */
	struct fg_version *versions;    /* what it was before its last changes, newest first */
};

/* What an event was, for an answer that comes from a server behind the others. */
struct fg_version {
	struct fg_version *older;
	uint64_t seq;            /* of the change that made it */
	struct json_object *res; /* owned */
	bool stub;
};

/* What a series (or single event) was before a change of its times: the instances that it had
 * then are cancelled for a client that follows instances. */
struct fg_past {
	struct fg_past *next;
	uint64_t until_seq;      /* the change that ended it */
	struct json_object *res; /* owned */
};

struct fg_cal {
	char *id;
	char *zone;
	struct fg_account *owner;  /* data owner; NULL for generated calendars (holidays) */
	struct json_object *props; /* owned; Calendar's other fields: summary, description, ... */
	bool primary;
	bool deleted;
	bool watchable;
	bool app_created;        /* through calendars.insert: what calendar.app.created reaches */
	unsigned serial;         /* tells a calendar from a later one with the same id */
	int64_t etag_us;         /* of the Calendar resource */
	uint64_t seq;            /* of the last change of an event */
	int64_t stamp_us;        /* of the last change of an event */
	struct lh_table *events; /* id -> struct fg_event */
	struct lh_table *series; /* master id -> first struct fg_event with that master */
	struct lh_table *uids;   /* iCalUID -> struct fg_event that is no instance */
	struct lh_table *splits; /* base id -> struct fg_event with an id <base>_R<start> */
	struct fg_event **order; /* by creation */
	size_t count, alloc;
	struct fg_event *oldest, *newest; /* change list */
};

struct fg_entry {
	struct fg_cal *cal;
	enum fg_role role;
	bool listed;  /* on the calendarList; else only accessible */
	bool deleted; /* a tombstone of the calendarList */
	struct json_object
		*prefs; /* owned; writable fields: colorId, summaryOverride, hidden, ... */
	uint64_t seq;   /* of its last change */
	int64_t etag_us;
	unsigned epoch; /* raised when the role changes: events' sync tokens die */
};

struct fg_account_cal {
	struct fg_entry **entries; /* by creation */
	size_t count, alloc;
	uint64_t seq;        /* of the last change of an entry */
	unsigned sync_epoch; /* raised to expire all sync tokens */
	unsigned page_epoch;
	struct json_object *settings; /* owned; id -> value */
};

struct fg_listing;

struct fg_cal_state {
	struct fg_cal **cals; /* all, also the deleted */
	size_t count, alloc;
	struct lh_table *by_id; /* live ones */
	unsigned serial;
	struct fg_listing *listings; /* newest first: what page tokens refer to */
	uint64_t listing_id;
};

/* A new object with the same members (shared, so never change those). The caller owns it. */
struct json_object *fg_shallow(const struct json_object *obj);

/* Length of an array; 0 for anything else. */
static inline size_t fg_len(const struct json_object *array)
{
	return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

/* -- maps: string keys, borrowed ------------------------------------------------------------ */

static inline struct lh_table *fg_map_new(void)
{
	return lh_kchar_table_new(16, NULL);
}
static inline void *fg_map_get(struct lh_table *map, const char *key)
{
	void *value = NULL;

	lh_table_lookup_ex(map, key, &value);
	return value;
}
void fg_map_put(struct lh_table *map, const char *key_borrowed, void *value); /* replaces */
void fg_map_del(struct lh_table *map, const char *key);
DEFINE_AUTO(struct lh_table, lh_table_free)

/* -- fg_cal.c: calendars and the way to them ------------------------------------------------ */

/* A live calendar by its real id; NULL = none. */
struct fg_cal *fg_cal_find(struct fg *fg, const char *id);
struct fg_cal *fg_cal_new(struct fg *fg, const char *id, struct fg_account *owner,
			  const char *zone);
struct fg_entry *fg_entry_find(const struct fg_account *account, const struct fg_cal *cal);
struct fg_entry *fg_entry_add(struct fg *fg, struct fg_account *account, struct fg_cal *cal,
			      enum fg_role role);
/* Whether the account may use the calendar at all. */
bool fg_entry_usable(const struct fg_entry *e);
void fg_entry_touch(struct fg *fg, struct fg_account *account, struct fg_entry *e);
/* The entry for call->calendar_id ("primary" too); NULL after answering 404, or 403 when the
 * role is lower than the one needed. */
struct fg_entry *fg_access(struct fg_call *call, enum fg_role need);
struct fg_entry *fg_access_id(struct fg_call *call, const char *id, enum fg_role need);
/* Scopes that reach the events of every calendar. */
#define FG_EVENTS_EVERYWHERE (FG_S_CALENDAR | FG_S_READONLY | FG_S_EVENTS | FG_S_EVENTS_READONLY)
/* The role that the caller reads with: less than the entry's with a free/busy scope alone. */
enum fg_role fg_seen_role(const struct fg_call *call, const struct fg_entry *e);
struct fg_entry *fg_account_primary(const struct fg_account *account);
void fg_cal_remove(struct fg *fg, struct fg_cal *cal); /* for everybody; the id is free again */
/* A changed role ends the sync tokens of the calendar's events. */
void fg_entry_set_role(struct fg *fg, struct fg_account *account, struct fg_entry *e,
		       enum fg_role role);
struct json_object *fg_conference_properties(void);
/* Write all times anew; those of loaded events stay when keep_verbatim. */
void fg_cal_set_zone(struct fg_cal *cal, const char *zone, bool keep_verbatim);
struct json_object *fg_entry_reminders(const struct fg_entry *e); /* borrowed; NULL = none */

/* -- fg_cal_list.c, fg_settings.c --------------------------------------------------------- */

/* The calendarListEntry as answered. The caller owns it. */
struct json_object *fg_entry_json(const struct fg_account *account, const struct fg_entry *e);
struct json_object *fg_settings_new(const struct fg_account *account);

/* -- fg_event_list.c ------------------------------------------------------------------------ */

/* Forget what page tokens refer to; account NULL = everybody's. */
void fg_listings_drop(struct fg_cal_state *state, const struct fg_account *account);

/* -- fg_token.c ------------------------------------------------------------------------------ */

/* An opaque token that holds text, and back. NULL: not one of ours. The caller frees both. */
char *fg_token_base64(const char *text); /* the caller frees it */
char *fg_token_seal(const char *text);
char *fg_token_open(const char *token);
uint64_t fg_hash(uint64_t h, const char *s); /* FNV-1a, goes on from h; start with FG_HASH_INIT */
#define FG_HASH_INIT 0xcbf29ce484222325ULL
/* Of every parameter but the page token and those that only shape the answer. */
uint64_t fg_query_hash(const struct fg_call *call);
/* Size of a page: maxResults (400 when it is bad), `absent` without, at most cap and config. */
int fg_page_size(struct fg_call *call, int absent, int cap, size_t *out);
/* "\"p3...\"" of a collection. */
void fg_collection_etag(char buf[48], uint64_t a, uint64_t b);

/* -- fg_when.c: times ------------------------------------------------------------------------- */

/* An EventDateTime that Google would have sent or that has been checked. -1: it is none. */
int fg_when_parse(const struct json_object *edt, const char *cal_zone, struct fg_when *out);
/* The instant: a day begins at midnight in the calendar's zone. */
int64_t fg_when_utc(const struct fg_when *w, const char *cal_zone);
/* A copy of edt with its dateTime written in that zone. The caller owns it. */
struct json_object *fg_when_render(const struct json_object *edt, const char *zone);
/* {"date"} or {"dateTime", "timeZone"}; edt_zone NULL = no timeZone member. */
struct json_object *fg_when_new(const struct fg_when *w, const char *edt_zone, const char *zone);

/* -- fg_event.c: the store --------------------------------------------------------------------- */

struct fg_event *fg_event_find(struct fg_cal *cal, const char *id);
/* A new event. res needs an id; taken. It is on the change list at once. */
struct fg_event *fg_event_put(struct fg_cal *cal, struct json_object *res_take);
/* Replace its resource (taken) and move it to the end of the change list. */
void fg_event_replace(struct fg_cal *cal, struct fg_event *ev, struct json_object *res_take);
/* The event as it was at a change number; false: it was not there yet. Borrowed. */
bool fg_event_at(const struct fg_event *ev, uint64_t seq, struct fg_version *out);
/* Set etag and, unless only reminders changed, `updated`. */
void fg_event_stamp(struct fg *fg, struct json_object *res, bool updated);
const char *fg_event_etag(const struct fg_event *ev);
/* The first exception of a master id; the others by next_sibling. */
struct fg_event *fg_event_exceptions(struct fg_cal *cal, const char *master_id);
bool fg_event_is_series(const struct fg_event *ev); /* has recurrence */
const char *fg_event_type(const struct fg_event *ev);
void fg_event_free(struct fg_event *ev);
/* Tell the accounts that see this calendar. */
void fg_event_notify(struct fg *fg, struct fg_cal *cal, const struct fg_event *ev);
char *fg_event_link(const char *id, const struct fg_cal *cal); /* htmlLink; the caller frees it */

/* An event id on this calendar as a client may name it: a stored event, or a plain instance of
 * a live series. false: there is none. */
struct fg_target {
	struct fg_event *ev;     /* stored; NULL for a plain instance */
	struct fg_event *spare;  /* a plain instance's: the stub with its id; NULL = none */
	struct fg_event *master; /* of a plain instance */
	struct fg_when at;       /* of a plain instance: its original start */
};
bool fg_target_find(struct fg_cal *cal, const char *id, struct fg_target *out);

/* -- fg_series.c: expansion --------------------------------------------------------------------- */

struct fg_times {
	struct fg_when *list; /* original starts, ascending, no doubles */
	size_t count, alloc;
};
void fg_times_release(struct fg_times *t);
void fg_times_add(struct fg_times *t, const struct fg_when *at);
DEFINE_AUTO_VALUE(struct fg_times, fg_times_release)
/* The original starts of a series (a resource with start and recurrence) up to and including
 * `until` (FG_NEVER: to its end). Endless or very long series stop at a fixed number. */
void fg_series_expand(const struct json_object *res, const char *cal_zone, int64_t until,
		      struct fg_times *out);
bool fg_series_has(const struct json_object *res, const char *cal_zone, const struct fg_when *at);
/* NULL = the lines are well formed; else what is wrong with them. */
const char *fg_series_check(const struct json_object *recurrence, bool all_day);
/* "<base>_20260102" or "<base>_20260102T090000Z"; base without a "_R..." of its own. */
char *fg_instance_id(const char *master_id, const struct fg_when *at);
/* Take an instance id apart: length of the base, and the start. false: it is none. */
bool fg_instance_parse(const char *id, size_t *out_base_len, struct fg_when *out);
size_t fg_base_len(const char *master_id); /* without "_R..." */
/* A plain instance as a resource: the master without its rule. The caller owns it. */
struct json_object *fg_instance_new(const struct fg_event *master, const struct fg_cal *cal,
				    const struct fg_when *at);
/* Its tombstone. */
struct json_object *fg_instance_gone(const struct fg_event *master, const struct fg_cal *cal,
				     const struct fg_when *at);

/* -- fg_event_read.c: rendering ------------------------------------------------------------------ */

/* How a caller wants to see events. */
struct fg_view {
	const struct fg_cal *cal;
	enum fg_role role;
	const char *zone;     /* timeZone parameter; NULL = the calendar's */
	size_t max_attendees; /* 0 = all */
};
/* timeZone, maxAttendees: 400 when they are bad. */
int fg_view_init(struct fg_call *call, const struct fg_entry *e, struct fg_view *out);
/* The resource as this caller sees it (owned by the caller of this). */
struct json_object *fg_view_render(const struct fg_view *v, struct json_object *res);
struct json_object *fg_event_stub(const struct json_object *res); /* the minimal tombstone */

/* -- fg_event_check.c: what a write may say ------------------------------------------------------- */

enum fg_write { FG_INSERT, FG_IMPORT, FG_UPDATE, FG_PATCH, FG_LOAD };

/*
 * Make the resource that a write leads to.
 *
 * old  the event before it (NULL at creation); for an instance: as it would be answered
 * out  the caller's; complete but for etag and updated
 * Returns -1 after answering.
 */
int fg_write_build(struct fg_call *call, struct fg_entry *e, enum fg_write how,
		   const struct json_object *old, struct json_object **out);

/* Google's order of fields, those at their default left out. The caller owns it. */
struct json_object *fg_in_order(const struct json_object *res);

/* -- fg_conference.c -------------------------------------------------------------------------- */

/* Turn a pending conferenceData into a Meet conference named by ten letters. Returns {"uri"},
 * the caller's. */
struct json_object *fg_conference_done(struct json_object *data, const char *letters);

/* -- fg_event_guests.c: other people's copies ------------------------------------------------- */

enum fg_send { FG_SEND_NONE, FG_SEND_ALL, FG_SEND_EXTERNAL };
/* sendUpdates (or the old sendNotifications): 400 when it is bad. */
int fg_send_param(struct fg_call *call, enum fg_send *out);
/*
 * Carry a change of ev to the copies of its guests, or a guest's answer to the organizer's copy,
 * and note the mails.
 *
 * old  the resource before the change; NULL = it is new
 */
void fg_guests_update(struct fg_call *call, struct fg_cal *cal, struct fg_event *ev,
		      const struct json_object *old, enum fg_send send);

/* -- fg_event_write.c ------------------------------------------------------------------------------ */

/* Cancel a stored event, and with a series its exceptions: a tombstone with its details, a new
 * etag and a new `updated`. */
void fg_event_cancel(struct fg *fg, struct fg_cal *cal, struct fg_event *ev);
/* Exceptions whose original start is none of the series any more are as if never made. */
void fg_event_reset_exceptions(struct fg *fg, struct fg_cal *cal, const struct fg_event *master);
/* Complete what fg_write_build() made into a new event of this calendar, and store it. */
struct fg_event *fg_event_create(struct fg_call *call, struct fg_entry *e,
				 struct json_object *next_take);

#endif
