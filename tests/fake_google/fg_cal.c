#include "fg_model.h"

#include <string.h>

#include "base/time.h"

#include "base/banned.h"

static const char *const role_names[] = {
#define X(role, name) [role] = name,
	FG_ROLES(X)
#undef X
};

const char *fg_role_name(enum fg_role role)
{
	return role_names[role];
}

int fg_role_parse(const char *name, enum fg_role *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(role_names); i++) {
		if (!strcmp(role_names[i], name)) {
			*out = (enum fg_role)i;
			return 0;
		}
	}
	return -1;
}

/* -- state ------------------------------------------------------------------------------------ */

struct fg_cal_state *fg_cal_state_new(struct fg *fg)
{
	struct fg_cal_state *state = xcalloc(1, sizeof(*state));

	(void)fg;
	state->by_id = fg_map_new();
	return state;
}

static void cal_free(struct fg_cal *cal)
{
	for (size_t i = 0; i < cal->count; i++)
		fg_event_free(cal->order[i]);
	free(cal->order);
	lh_table_free(cal->events);
	lh_table_free(cal->series);
	lh_table_free(cal->uids);
	lh_table_free(cal->splits);
	json_object_put(cal->props);
	free(cal->id);
	free(cal->zone);
	free(cal);
}

static void account_cal_free(struct fg_account_cal *ac)
{
	if (!ac)
		return;
	for (size_t i = 0; i < ac->count; i++) {
		json_object_put(ac->entries[i]->prefs);
		free(ac->entries[i]);
	}
	free(ac->entries);
	json_object_put(ac->settings);
	free(ac);
}

void fg_cal_state_free(struct fg *fg, struct fg_cal_state *cal)
{
	for (struct fg_account *a = fg->accounts; a; a = a->next) {
		account_cal_free(a->cal);
		a->cal = NULL;
	}
	if (!cal)
		return;
	fg_listings_drop(cal, NULL);
	lh_table_free(cal->by_id);
	for (size_t i = 0; i < cal->count; i++)
		cal_free(cal->cals[i]);
	free(cal->cals);
	free(cal);
}

struct fg_cal *fg_cal_find(struct fg *fg, const char *id)
{
	return fg_map_get(fg->cal->by_id, id);
}

struct fg_cal *fg_cal_new(struct fg *fg, const char *id, struct fg_account *owner, const char *zone)
{
	struct fg_cal_state *state = fg->cal;
	struct fg_cal *cal = xcalloc(1, sizeof(*cal));

	cal->id = xstrdup(id);
	cal->zone = xstrdup(zone);
	cal->owner = owner;
	cal->props = json_object_new_object();
	cal->watchable = true;
	cal->serial = ++state->serial;
	cal->etag_us = fg_stamp_us(fg);
	cal->stamp_us = cal->etag_us;
	cal->events = fg_map_new();
	cal->series = fg_map_new();
	cal->uids = fg_map_new();
	cal->splits = fg_map_new();
	if (state->count == state->alloc) {
		state->alloc = state->alloc ? state->alloc * 2 : 16;
		state->cals = xreallocarray(state->cals, state->alloc, sizeof(struct fg_cal *));
	}
	state->cals[state->count++] = cal;
	fg_map_put(state->by_id, cal->id, cal);
	return cal;
}

void fg_cal_remove(struct fg *fg, struct fg_cal *cal)
{
	if (cal->deleted)
		return;
	cal->deleted = true;
	fg_map_del(fg->cal->by_id, cal->id);
}

/* -- entries ---------------------------------------------------------------------------------- */

struct fg_entry *fg_entry_find(const struct fg_account *account, const struct fg_cal *cal)
{
	for (size_t i = 0; i < account->cal->count; i++)
		if (account->cal->entries[i]->cal == cal)
			return account->cal->entries[i];
	return NULL;
}

bool fg_entry_usable(const struct fg_entry *e)
{
	return !e->cal->deleted && e->role > FG_ROLE_NONE;
}

void fg_entry_touch(struct fg *fg, struct fg_account *account, struct fg_entry *e)
{
	e->seq = ++account->cal->seq;
	e->etag_us = fg_stamp_us(fg);
}

struct fg_entry *fg_entry_add(struct fg *fg, struct fg_account *account, struct fg_cal *cal,
			      enum fg_role role)
{
	struct fg_account_cal *ac = account->cal;
	struct fg_entry *e = xcalloc(1, sizeof(*e));

	e->cal = cal;
	e->role = role;
	e->listed = true;
	e->prefs = json_object_new_object();
	json_set_str(e->prefs, "colorId", cal->primary ? "14" : "7");
	json_set_bool(e->prefs, "selected", true);
	json_set(e->prefs, "defaultReminders", json_object_new_array());
	if (ac->count == ac->alloc) {
		ac->alloc = ac->alloc ? ac->alloc * 2 : 8;
		ac->entries = xreallocarray(ac->entries, ac->alloc, sizeof(struct fg_entry *));
	}
	ac->entries[ac->count++] = e;
	fg_entry_touch(fg, account, e);
	return e;
}

struct json_object *fg_entry_reminders(const struct fg_entry *e)
{
	return json_get(e->prefs, "defaultReminders");
}

static void primary_prefs(struct json_object *prefs)
{
	static const char *const types[] = {"eventCreation", "eventChange", "eventCancellation",
					    "eventResponse"};
	struct json_object *reminders = json_object_new_array();
	struct json_object *reminder = json_object_new_object();
	struct json_object *settings = json_object_new_object();
	struct json_object *list = json_object_new_array();

	json_set_str(reminder, "method", "popup");
	json_set_int(reminder, "minutes", 10);
	json_object_array_add(reminders, reminder);
	json_set(prefs, "defaultReminders", reminders);
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		struct json_object *item = json_object_new_object();

		json_set_str(item, "type", types[i]);
		json_set_str(item, "method", "email");
		json_object_array_add(list, item);
	}
	json_set(settings, "notifications", list);
	json_set(prefs, "notificationSettings", settings);
}

struct json_object *fg_conference_properties(void)
{
	struct json_object *props = json_object_new_object();
	struct json_object *types = json_object_new_array();

	json_object_array_add(types, json_object_new_string("hangoutsMeet"));
	json_set(props, "allowedConferenceSolutionTypes", types);
	return props;
}

void fg_account_created(struct fg *fg, struct fg_account *account)
{
	struct fg_cal *cal;
	struct fg_entry *e;

	account->cal = xcalloc(1, sizeof(*account->cal));
	account->cal->settings = fg_settings_new(account);
	cal = fg_cal_new(fg, account->email, account, account->time_zone);
	cal->primary = true;
	json_set_str(cal->props, "summary", account->email);
	json_set(cal->props, "conferenceProperties", fg_conference_properties());
	e = fg_entry_add(fg, account, cal, FG_ROLE_OWNER);
	primary_prefs(e->prefs);
}

struct fg_entry *fg_account_primary(const struct fg_account *account)
{
	return account->cal->entries[0];
}

/* -- access ----------------------------------------------------------------------------------- */

static int fail_role(struct fg_call *call, enum fg_role need)
{
	static const char *const words[] = {
		[FG_ROLE_NONE] = "",         [FG_ROLE_FREEBUSY] = "freeBusyReader",
		[FG_ROLE_READER] = "reader", [FG_ROLE_WRITER_NO_PRIVATE] = "writer",
		[FG_ROLE_WRITER] = "writer", [FG_ROLE_OWNER] = "owner",
	};
	AUTO(free)
	char *message = xasprintf("You need to have %s access to this calendar.", words[need]);

	return fg_fail(call, 403, "calendar", "requiredAccessLevel", message, NULL, NULL);
}

/* Some scopes reach the events of some calendars only. */
static bool narrow_scope_fits(const struct fg_call *call, const struct fg_entry *e)
{
	uint32_t has = call->scopes;

	if (has & (FG_S_EVENTS_OWNED | FG_S_EVENTS_OWNED_READONLY) && e->role == FG_ROLE_OWNER)
		return true;
	if (has & FG_S_APP_CREATED && e->cal->app_created && e->cal->owner == call->account)
		return true;
	/* Public are here the generated ones: holidays. */
	return has & FG_S_EVENTS_FREEBUSY || (has & FG_S_EVENTS_PUBLIC_READONLY && !e->cal->owner);
}

static bool about_events(const struct fg_call *call)
{
	return call->nsegments >= 3 && !strcmp(call->segments[2], "events");
}

enum fg_role fg_seen_role(const struct fg_call *call, const struct fg_entry *e)
{
	const uint32_t more = FG_EVENTS_EVERYWHERE | FG_S_EVENTS_OWNED |
			      FG_S_EVENTS_OWNED_READONLY | FG_S_APP_CREATED |
			      FG_S_EVENTS_PUBLIC_READONLY;

	return call->scopes & FG_S_EVENTS_FREEBUSY && !(call->scopes & more) ? FG_ROLE_FREEBUSY
									     : e->role;
}

struct fg_entry *fg_access_id(struct fg_call *call, const char *id, enum fg_role need)
{
	struct fg_cal *cal = !strcmp(id, "primary") ? fg_account_primary(call->account)->cal
						    : fg_cal_find(call->fg, id);
	struct fg_entry *e = cal ? fg_entry_find(call->account, cal) : NULL;

	if (!e || !fg_entry_usable(e)) {
		fg_fail_not_found(call);
		return NULL;
	}
	if (about_events(call) && !(call->scopes & FG_EVENTS_EVERYWHERE) &&
	    !narrow_scope_fits(call, e)) {
		fg_require_scope(call, FG_EVENTS_EVERYWHERE);
		return NULL;
	}
	if (e->role < need) {
		fail_role(call, need);
		return NULL;
	}
	return e;
}

struct fg_entry *fg_access(struct fg_call *call, enum fg_role need)
{
	return fg_access_id(call, call->calendar_id, need);
}

int fg_cal_watch_target(struct fg_call *call, const char **out_id)
{
	struct fg_entry *e = fg_access(call, FG_ROLE_FREEBUSY);

	if (!e)
		return -1;
	if (!e->cal->watchable)
		return fg_fail(call, 400, "calendar", "pushNotSupportedForRequestedResource",
			       "Push notifications are not supported by this resource.", NULL,
			       NULL);
	*out_id = e->cal->id;
	return 0;
}

/* -- zones -------------------------------------------------------------------------------------- */

static void render_times(struct fg_event *ev, const char *zone)
{
	static const char *const keys[] = {"start", "end", "originalStartTime"};
	struct json_object *res = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const struct json_object *edt = json_get(ev->res, keys[i]);

		if (!json_str(edt, "dateTime"))
			continue;
		if (!res)
			res = fg_shallow(ev->res);
		json_set(res, keys[i], fg_when_render(edt, zone));
	}
	if (!res)
		return;
	json_object_put(ev->res);
	ev->res = res;
}

void fg_cal_set_zone(struct fg_cal *cal, const char *zone, bool keep_verbatim)
{
	if (!strcmp(cal->zone, zone))
		return;
	xstr_set(&cal->zone, zone);
	for (size_t i = 0; i < cal->count; i++) {
		if (cal->order[i]->verbatim && keep_verbatim)
			continue;
		cal->order[i]->verbatim = false;
		render_times(cal->order[i], zone);
	}
}

/* -- control ------------------------------------------------------------------------------------ */

void fg_cal_expire_tokens(struct fg *fg, struct fg_account *account, bool sync, bool page)
{
	for (struct fg_account *a = fg->accounts; a; a = a->next) {
		if (account && a != account)
			continue;
		if (sync)
			a->cal->sync_epoch++;
		if (page) {
			a->cal->page_epoch++;
			fg_listings_drop(fg->cal, a);
		}
	}
}

/* What was deleted long ago cannot be had back; its id stays taken. A cancelled occurrence stays as
 * long as its series. */
static void expire_tombstones(struct fg_cal *cal)
{
	for (size_t i = 0; i < cal->count; i++) {
		struct fg_event *ev = cal->order[i];
		const struct fg_event *master = ev->master ? fg_event_find(cal, ev->master) : NULL;

		if (ev->cancelled && (!master || master->cancelled))
			ev->stub = true;
	}
}

void fg_cal_expire_tombstones(struct fg *fg, struct fg_account *account)
{
	for (struct fg_account *a = fg->accounts; a; a = a->next) {
		if (account && a != account)
			continue;
		for (size_t i = 0; i < a->cal->count; i++)
			expire_tombstones(a->cal->entries[i]->cal);
	}
}

void fg_entry_set_role(struct fg *fg, struct fg_account *account, struct fg_entry *e,
		       enum fg_role role)
{
	if (e->role == role)
		return;
	e->role = role;
	e->epoch++; /* a changed ACL ends the sync tokens of the events */
	e->etag_us = fg_stamp_us(fg);
	if (role == FG_ROLE_NONE) /* other changes of it do not surface on the list */
		fg_entry_touch(fg, account, e);
}

struct json_object *fg_cal_dump(struct fg *fg, struct fg_account *account)
{
	struct json_object *root = json_object_new_object();
	struct json_object *list = json_object_new_array();

	(void)fg;
	json_set_str(root, "email", account->email);
	for (size_t i = 0; i < account->cal->count; i++) {
		struct fg_entry *e = account->cal->entries[i];
		struct json_object *item, *events;

		if (!fg_entry_usable(e))
			continue;
		item = fg_entry_json(account, e);
		events = json_object_new_array();
		for (size_t k = 0; k < e->cal->count; k++)
			json_object_array_add(events, json_object_get(e->cal->order[k]->res));
		json_set(item, "events", events);
		json_object_array_add(list, item);
	}
	json_set(root, "calendars", list);
	return root;
}
