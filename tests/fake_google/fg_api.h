/*
 * Where the edge (routing, OAuth, batch, push, control) meets the model (calendars, events).
 *
 * Handlers: int fg_<resource>_<method>(struct fg_call *); see fg_internal.h for the convention.
 * The body has been checked for unknown and read-only fields (as violations, never refused).
 */
#ifndef FG_API_H
#define FG_API_H

#include "fg_internal.h"

/* The model's handlers (fg_cal.c, fg_event*.c). */
#define FG_MODEL_HANDLERS(X)       \
	X(fg_calendar_list_list)   \
	X(fg_calendar_list_get)    \
	X(fg_calendar_list_insert) \
	X(fg_calendar_list_patch)  \
	X(fg_calendar_list_update) \
	X(fg_calendar_list_delete) \
	X(fg_calendars_get)        \
	X(fg_calendars_insert)     \
	X(fg_calendars_patch)      \
	X(fg_calendars_update)     \
	X(fg_calendars_delete)     \
	X(fg_calendars_clear)      \
	X(fg_events_list)          \
	X(fg_events_get)           \
	X(fg_events_instances)     \
	X(fg_events_insert)        \
	X(fg_events_import)        \
	X(fg_events_quick_add)     \
	X(fg_events_update)        \
	X(fg_events_patch)         \
	X(fg_events_delete)        \
	X(fg_events_move)          \
	X(fg_colors_get)           \
	X(fg_settings_list)        \
	X(fg_settings_get)         \
	X(fg_freebusy_query)       \
	X(fg_acl_list)             \
	X(fg_acl_get)              \
	X(fg_acl_insert)           \
	X(fg_acl_patch)            \
	X(fg_acl_update)           \
	X(fg_acl_delete)

#define X(name) int name(struct fg_call *call);
FG_MODEL_HANDLERS(X)
#undef X

/* The edge's handlers (fg_push.c). */
int fg_events_watch(struct fg_call *call);
int fg_calendar_list_watch(struct fg_call *call);
int fg_settings_watch(struct fg_call *call);
int fg_acl_watch(struct fg_call *call);
int fg_channels_stop(struct fg_call *call);

/* -- hooks that the model provides -------------------------------------------------------- */

struct fg_cal_state *fg_cal_state_new(struct fg *fg);
void fg_cal_state_free(struct fg *fg, struct fg_cal_state *cal); /* accounts' cal too; NULL ok */
/* Make the primary calendar and whatever else the model keeps for an account. */
void fg_account_created(struct fg *fg, struct fg_account *account);

/* {"email", "calendars": [{"id", "summary", ..., "accessRole", "events": [...]}]}, all of it,
 * tombstones too. The caller owns it. */
struct json_object *fg_cal_dump(struct fg *fg, struct fg_account *account);
/* The shapes of fg_load() in fg.h. calendar_id NULL = the primary (or as the data say). */
int fg_cal_load(struct fg *fg, struct fg_account *account, const char *calendar_id,
		const struct json_object *data, struct err *err);
/* From now on older sync tokens answer 410 / page tokens 400. account NULL = everybody's. */
void fg_cal_expire_tokens(struct fg *fg, struct fg_account *account, bool sync, bool page);
/* Deleted events cannot be had back any more; their ids stay taken. */
void fg_cal_expire_tombstones(struct fg *fg, struct fg_account *account);
/* POST /sandbox/calendars: create or change a calendar and this account's entry for it. spec:
 * {"id"?, "summary"?, "accessRole"?, "timeZone"?, "hidden"?, "deleted"?, "watchable"?};
 * out_entry: the calendarList entry as it is now, the caller's. Errors: ERR_INVALID. */
int fg_cal_control_put(struct fg *fg, struct fg_account *account, const struct json_object *spec,
		       struct json_object **out_entry, struct err *err);
/* DELETE /sandbox/calendars: gone for this account as if access was lost. ERR_NOT_FOUND. */
int fg_cal_control_delete(struct fg *fg, struct fg_account *account, const char *id,
			  struct err *err);
/* May call->account watch the events (acl: the rules) of call->calendar_id? Answers 404, or 400
 * pushNotSupportedForRequestedResource, and gives -1; else the real id, borrowed. */
int fg_cal_watch_target(struct fg_call *call, const char **out_id);

#endif
