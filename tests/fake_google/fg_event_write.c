#include "fg_model.h"

#include <string.h>

#include "base/time.h"

#include "base/banned.h"

/* -- stored events ---------------------------------------------------------------------------- */

static bool is_cancelled(const struct json_object *res)
{
	const char *status = json_str(res, "status");

	return status && !strcmp(status, "cancelled");
}

static void cancel_exceptions(struct fg *fg, struct fg_cal *cal, const char *master_id)
{
	struct fg_event *ev;

	for (ev = fg_event_exceptions(cal, master_id); ev; ev = ev->next_sibling)
		if (!ev->cancelled)
			fg_event_cancel(fg, cal, ev);
}

void fg_event_cancel(struct fg *fg, struct fg_cal *cal, struct fg_event *ev)
{
	struct json_object *res = fg_shallow(ev->res);

	json_set_str(res, "status", "cancelled");
	fg_event_stamp(fg, res, true);
	fg_event_replace(cal, ev, res);
	fg_event_notify(fg, cal, ev);
	if (!ev->master)
		cancel_exceptions(fg, cal, ev->id);
}

/*
 * A series that lives again: its exceptions were no part of what a list told while it was dead, so
 * they are told again, cancelled as they are.
 */
static void tell_exceptions(struct fg *fg, struct fg_cal *cal, const char *master_id)
{
	struct fg_event *ev;

	for (ev = fg_event_exceptions(cal, master_id); ev; ev = ev->next_sibling)
		if (!ev->stub)
			fg_event_cancel(fg, cal, ev);
}

void fg_event_reset_exceptions(struct fg *fg, struct fg_cal *cal, const struct fg_event *master)
{
	struct fg_event *ev;

	for (ev = fg_event_exceptions(cal, master->id); ev; ev = ev->next_sibling) {
		struct fg_when at;

		if (ev->stub ||
		    fg_when_parse(json_get(ev->res, "originalStartTime"), cal->zone, &at) ||
		    (fg_event_is_series(master) && fg_series_has(master->res, cal->zone, &at)))
			continue;
		fg_event_cancel(fg, cal, ev);
		ev->stub = true;
	}
}

/* -- the fields that are Google's ------------------------------------------------------------- */

static struct json_object *person(const char *email, const char *name, bool self)
{
	struct json_object *p = json_object_new_object();

	json_set_str(p, "email", email);
	if (name)
		json_set_str(p, "displayName", name);
	if (self)
		json_set_bool(p, "self", true);
	return p;
}

static struct json_object *organizer_of(const struct fg_cal *cal)
{
	return person(cal->id, cal->primary ? NULL : json_str(cal->props, "summary"), true);
}

static void set_absent(struct json_object *res, const char *key, struct json_object *value_take)
{
	if (json_get(res, key))
		json_object_put(value_take);
	else
		json_set(res, key, value_take);
}

static void set_created(struct fg *fg, struct json_object *res)
{
	char buf[RFC3339_LEN];

	rfc3339_format_ms(fg_now_ms(fg) / 1000 * 1000, buf);
	json_set_str(res, "created", buf);
}

struct fg_event *fg_event_create(struct fg_call *call, struct fg_entry *e,
				 struct json_object *next_take)
{
	AUTO(json_object_put) struct json_object *next = next_take;
	const char *id = json_str(next, "id");
	AUTO(free) char *link = fg_event_link(id, e->cal);
	AUTO(free) char *uid = xasprintf("%s@google.com", id);
	struct fg_event *ev = fg_event_find(e->cal, id);
	const char *me = call->account->email;

	json_set_str(next, "kind", "calendar#event");
	json_set_str(next, "htmlLink", link);
	set_created(call->fg, next);
	json_set(next, "creator", person(me, NULL, !strcmp(me, e->cal->id)));
	set_absent(next, "organizer", organizer_of(e->cal));
	set_absent(next, "iCalUID", json_object_new_string(uid));
	fg_event_stamp(call->fg, next, true);
	if (ev)
		fg_event_replace(e->cal, ev, fg_in_order(next));
	else
		ev = fg_event_put(e->cal, fg_in_order(next));
	return ev;
}

/* -- answers ------------------------------------------------------------------------------------ */

static int reply_event(struct fg_call *call, const struct fg_entry *e, struct json_object *res)
{
	struct fg_view view;

	if (fg_view_init(call, e, &view))
		return -1;
	view.zone = NULL;
	return fg_reply_json(call, 200, fg_view_render(&view, res));
}

/* A conference is made after the answer: a change of its own. */
static void finish_conference(struct fg_call *call, struct fg_cal *cal, struct fg_event *ev)
{
	const char *code = json_path_str(ev->res, "conferenceData/createRequest/status/statusCode");
	AUTO(json_object_put) struct json_object *res = NULL;
	AUTO(free) char *raw = NULL;
	struct json_object *done;

	if (!code || strcmp(code, "pending") != 0)
		return;
	res = json_clone(ev->res);
	raw = fg_new_id(call->fg, 10);
	for (char *p = raw; *p; p++)
		*p = (char)('a' + (unsigned char)*p % 26);
	done = fg_conference_done(json_get(res, "conferenceData"), raw);
	json_set_str(res, "hangoutLink", json_path_str(done, "uri"));
	json_object_put(done);
	fg_event_stamp(call->fg, res, true);
	fg_event_replace(cal, ev, fg_in_order(res));
	fg_event_notify(call->fg, cal, ev);
}

static int finish_write(struct fg_call *call, const struct fg_entry *e, struct fg_event *ev,
			const struct json_object *old, enum fg_send send)
{
	AUTO(json_object_put) struct json_object *answer = json_object_get(ev->res);
	int status;

	fg_guests_update(call, e->cal, ev, old, send);
	fg_event_notify(call->fg, e->cal, ev);
	status = reply_event(call, e, answer);
	finish_conference(call, e->cal, ev);
	return status;
}

/* -- insert, import, quickAdd --------------------------------------------------------------------- */

static bool valid_id(const char *id)
{
	size_t n = strlen(id);

	return n >= 5 && n <= 1024 && id[strspn(id, "0123456789abcdefghijklmnopqrstuv")] == '\0';
}

static int choose_id(struct fg_call *call, const struct fg_cal *cal, struct json_object *next)
{
	const char *id = json_str(next, "id");
	AUTO(free) char *made = NULL;

	if (id && !valid_id(id))
		return fg_fail_invalid(call, "Invalid resource id value.");
	if (id && fg_event_find((struct fg_cal *)cal, id))
		return fg_fail(call, 409, "global", "duplicate",
			       "The requested identifier already exists.", NULL, NULL);
	if (id)
		return 0;
	made = fg_new_id(call->fg, 26);
	json_set_str(next, "id", made);
	return 0;
}

int fg_events_insert(struct fg_call *call)
{
	struct fg_entry *e = fg_access(call, FG_ROLE_WRITER_NO_PRIVATE);
	AUTO(json_object_put) struct json_object *next = NULL;
	enum fg_send send;
	struct fg_view view;

	if (!e || fg_view_init(call, e, &view) || fg_send_param(call, &send))
		return -1;
	if (json_str(call->body, "id") && !valid_id(json_str(call->body, "id")))
		return fg_fail_invalid(call, "Invalid resource id value.");
	if (fg_write_build(call, e, FG_INSERT, NULL, &next) || choose_id(call, e->cal, next))
		return -1;
	if (json_get(next, "iCalUID"))
		fg_violation(call, "iCalUID on insert: use import to keep one");
	json_del(next, "iCalUID");
	if (is_cancelled(next))
		return fg_fail_invalid(call, "Invalid Value");
	return finish_write(call, e, fg_event_create(call, e, TAKE(next)), NULL, send);
}

/* '_' and the UID's bytes in base32hex. */
static char *imported_id(const char *uid)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
	struct strbuf out = STRBUF_INIT;
	unsigned v = 0, bits = 0;

	strbuf_addc(&out, '_');
	for (; *uid; uid++) {
		v = v << 8 | (unsigned char)*uid;
		for (bits += 8; bits >= 5; bits -= 5)
			strbuf_addc(&out, digits[v >> (bits - 5) & 31]);
		v &= (1u << bits) - 1;
	}
	if (bits)
		strbuf_addc(&out, digits[v << (5 - bits) & 31]);
	return strbuf_detach(&out);
}

static int import_again(struct fg_call *call, struct fg_entry *e, struct fg_event *ev,
			struct json_object *next)
{
	static const char *const keep[] = {"id", "htmlLink", "created", "creator", "kind"};

	for (size_t i = 0; i < ARRAY_SIZE(keep); i++)
		if (json_get(ev->res, keep[i]))
			json_set(next, keep[i], json_clone(json_get(ev->res, keep[i])));
	if (!json_get(next, "organizer") && json_get(ev->res, "organizer"))
		json_set(next, "organizer", json_clone(json_get(ev->res, "organizer")));
	fg_event_stamp(call->fg, next, true);
	fg_event_replace(e->cal, ev, fg_in_order(next));
	fg_event_notify(call->fg, e->cal, ev);
	return reply_event(call, e, ev->res);
}

int fg_events_import(struct fg_call *call)
{
	struct fg_entry *e = fg_access(call, FG_ROLE_WRITER_NO_PRIVATE);
	AUTO(json_object_put) struct json_object *next = NULL;
	AUTO(free) char *id = NULL;
	struct fg_event *ev;
	const char *uid, *email;

	if (!e || fg_write_build(call, e, FG_IMPORT, NULL, &next))
		return -1;
	uid = json_str(next, "iCalUID");
	if (!uid || !*uid)
		return fg_fail_required(call, "Missing iCalUID.");
	email = json_path_str(next, "organizer/email");
	if (email)
		json_set(next, "organizer",
			 person(email, json_path_str(next, "organizer/displayName"),
				!strcmp(email, e->cal->id)));
	else
		json_del(next, "organizer");
	json_set_bool(next, "privateCopy", true);
	ev = fg_map_get(e->cal->uids, uid);
	if (ev)
		return import_again(call, e, ev, next);
	id = imported_id(uid);
	json_set_str(next, "id", id);
	ev = fg_event_create(call, e, TAKE(next));
	fg_event_notify(call->fg, e->cal, ev);
	return reply_event(call, e, ev->res);
}

int fg_events_quick_add(struct fg_call *call)
{
	struct fg_entry *e = fg_access(call, FG_ROLE_WRITER_NO_PRIVATE);
	const char *text = fg_param(call, "text");
	AUTO(json_object_put) struct json_object *body = NULL;
	AUTO(json_object_put) struct json_object *next = NULL;
	struct fg_when start = {.s = (fg_now_ms(call->fg) / 60000 + 60) * 60};
	struct fg_when end = {.s = start.s + 3600};
	enum fg_send send;

	if (!e || fg_send_param(call, &send))
		return -1;
	if (!text || !*text)
		return fg_fail(call, 400, "global", "required", "Required parameter: text",
			       "parameter", "text");
	/* Google reads times and places out of the text; this makes an event an hour from now. */
	body = json_object_new_object();
	json_set_str(body, "summary", text);
	json_set(body, "start", fg_when_new(&start, e->cal->zone, e->cal->zone));
	json_set(body, "end", fg_when_new(&end, e->cal->zone, e->cal->zone));
	call->body = body;
	if (fg_write_build(call, e, FG_INSERT, NULL, &next) || choose_id(call, e->cal, next)) {
		call->body = NULL;
		return -1;
	}
	call->body = NULL;
	return finish_write(call, e, fg_event_create(call, e, TAKE(next)), NULL, send);
}

/* -- update and patch -------------------------------------------------------------------------------- */

/* An exception where a plain instance was. */
static struct fg_event *put_instance(struct fg_cal *cal, const struct fg_target *target,
				     struct json_object *res_take)
{
	if (!target->spare)
		return fg_event_put(cal, res_take);
	fg_event_replace(cal, target->spare, res_take);
	target->spare->stub = false;
	return target->spare;
}

/* Whether only reminders differ: such a change does not move `updated`. */
static bool reminders_only(const struct json_object *old, const struct json_object *next)
{
	json_object_object_foreach ((struct json_object *)next, key, value)
		if (strcmp(key, "reminders") != 0 && !json_equal(json_get(old, key), value))
			return false;
	json_object_object_foreach ((struct json_object *)old, key2, value2)
		if (value2 && strcmp(key2, "reminders") != 0 && !json_get(next, key2))
			return false;
	return true;
}

static struct fg_event *store_change(struct fg_call *call, struct fg_entry *e,
				     struct fg_target *target, const struct json_object *old,
				     struct json_object *next)
{
	struct fg_event *ev = target->ev;

	if (ev && json_equal(old, next))
		return ev;
	fg_event_stamp(call->fg, next, !ev || !reminders_only(old, next));
	if (!ev)
		return put_instance(e->cal, target, json_object_get(next));
	fg_event_replace(e->cal, ev, json_object_get(next));
	ev->stub = false;
	if (!ev->master && ev->past && ev->past->until_seq == ev->seq)
		fg_event_reset_exceptions(call->fg, e->cal, ev);
	if (!ev->master && ev->cancelled)
		cancel_exceptions(call->fg, e->cal, ev->id);
	else if (!ev->master && is_cancelled(old))
		tell_exceptions(call->fg, e->cal, ev->id);
	return ev;
}

static int change_event(struct fg_call *call, enum fg_write how)
{
	struct fg_entry *e = fg_access(call, FG_ROLE_WRITER_NO_PRIVATE);
	AUTO(json_object_put) struct json_object *next = NULL;
	AUTO(json_object_put) struct json_object *old = NULL;
	struct fg_target target;
	enum fg_send send;
	struct fg_view view;

	if (!e || fg_view_init(call, e, &view) || fg_send_param(call, &send))
		return -1;
	if (!fg_target_find(e->cal, call->event_id, &target) || (target.ev && target.ev->stub))
		return fg_fail_not_found(call);
	old = target.ev ? json_object_get(target.ev->res)
			: fg_instance_new(target.master, e->cal, &target.at);
	if (fg_check_if_match(call, json_str(old, "etag")))
		return -1;
	if (fg_write_build(call, e, how, old, &next))
		return -1;
	return finish_write(call, e, store_change(call, e, &target, old, next), old, send);
}

int fg_events_update(struct fg_call *call)
{
	return change_event(call, FG_UPDATE);
}

int fg_events_patch(struct fg_call *call)
{
	return change_event(call, FG_PATCH);
}

/* -- delete -------------------------------------------------------------------------------------------- */

static void delete_instance(struct fg_call *call, struct fg_entry *e, const struct fg_target *t,
			    enum fg_send send)
{
	AUTO(json_object_put)
	struct json_object *old = fg_instance_new(t->master, e->cal, &t->at);
	struct json_object *res = fg_shallow(old);
	struct fg_event *ev;

	json_set_str(res, "status", "cancelled");
	fg_event_stamp(call->fg, res, true);
	ev = put_instance(e->cal, t, res);
	fg_event_notify(call->fg, e->cal, ev);
	fg_guests_update(call, e->cal, ev, old, send);
}

int fg_events_delete(struct fg_call *call)
{
	struct fg_entry *e = fg_access(call, FG_ROLE_WRITER_NO_PRIVATE);
	AUTO(json_object_put) struct json_object *old = NULL;
	struct fg_target target;
	enum fg_send send;

	if (!e || fg_send_param(call, &send))
		return -1;
	if (!fg_target_find(e->cal, call->event_id, &target))
		return fg_fail_not_found(call);
	old = json_object_get(target.ev ? target.ev->res : target.master->res);
	if (fg_check_if_match(call, json_str(old, "etag")))
		return -1;
	if (target.ev && target.ev->cancelled)
		return fg_fail(call, 410, "global", "deleted", "Resource has been deleted", NULL,
			       NULL);
	if (!target.ev) {
		delete_instance(call, e, &target, send);
		return fg_reply_empty(call, 204);
	}
	fg_event_cancel(call->fg, e->cal, target.ev);
	fg_guests_update(call, e->cal, target.ev, old, send);
	return fg_reply_empty(call, 204);
}

/* -- move ------------------------------------------------------------------------------------------------ */

static int check_move(struct fg_call *call, struct fg_entry *from, const struct fg_target *target,
		      struct fg_entry *to)
{
	const struct json_object *organizer;

	if (!target->ev || target->ev->master)
		return fg_fail(call, 400, "calendar", "cannotChangeOrganizerOfInstance",
			       "Cannot change the organizer of an instance.", NULL, NULL);
	organizer = json_get(target->ev->res, "organizer");
	if (target->ev->cancelled)
		return fg_fail_not_found(call);
	if (strcmp(fg_event_type(target->ev), "default") != 0)
		return fg_fail(call, 400, "calendar", "eventTypeRestriction",
			       "Events of this type cannot be moved.", NULL, NULL);
	if (organizer && !json_flag(organizer, "self", false))
		return fg_fail(call, 403, "calendar", "forbiddenForNonOrganizer",
			       "Shared properties can only be changed by the organizer of the "
			       "event.",
			       NULL, NULL);
	if (from->cal == to->cal)
		return fg_fail_invalid(call, "Invalid Value");
	if (fg_event_find(to->cal, target->ev->id) && !fg_event_find(to->cal, target->ev->id)->stub)
		return fg_fail(call, 409, "global", "duplicate",
			       "The requested identifier already exists.", NULL, NULL);
	return 0;
}

static struct fg_event *move_one(struct fg *fg, struct fg_cal *from, struct fg_event *ev,
				 struct fg_cal *to)
{
	struct fg_event *copy = fg_event_find(to, ev->id);
	struct json_object *res = fg_shallow(ev->res);
	AUTO(free) char *link = fg_event_link(ev->id, to);

	json_set(res, "organizer", organizer_of(to));
	json_set_str(res, "htmlLink", link);
	fg_event_stamp(fg, res, true);
	if (copy)
		fg_event_replace(to, copy, res);
	else
		copy = fg_event_put(to, res);
	copy->stub = false;
	fg_event_notify(fg, to, copy);
	fg_event_cancel(fg, from, ev);
	ev->stub = true;
	return copy;
}

int fg_events_move(struct fg_call *call)
{
	struct fg_entry *e = fg_access(call, FG_ROLE_WRITER_NO_PRIVATE);
	const char *destination = fg_param(call, "destination");
	struct fg_target target;
	struct fg_event *ev, *moved;
	struct fg_entry *to;
	enum fg_send send;

	if (!e || fg_send_param(call, &send))
		return -1;
	if (!destination || !*destination)
		return fg_fail(call, 400, "global", "required", "Required parameter: destination",
			       "parameter", "destination");
	if (!fg_target_find(e->cal, call->event_id, &target) || (target.ev && target.ev->stub))
		return fg_fail_not_found(call);
	to = fg_access_id(call, destination, FG_ROLE_WRITER_NO_PRIVATE);
	if (!to || check_move(call, e, &target, to))
		return -1;
	for (ev = fg_event_exceptions(e->cal, target.ev->id); ev; ev = ev->next_sibling)
		if (!ev->stub)
			move_one(call->fg, e->cal, ev, to->cal);
	moved = move_one(call->fg, e->cal, target.ev, to->cal);
	return reply_event(call, to, moved->res);
}
