#include "fg_model.h"

#include <string.h>

#include "base/time.h"

#include "base/banned.h"

/* -- the change list ------------------------------------------------------------------------ */

static void unlink_change(struct fg_cal *cal, struct fg_event *ev)
{
	if (ev->older)
		ev->older->newer = ev->newer;
	else
		cal->oldest = ev->newer;
	if (ev->newer)
		ev->newer->older = ev->older;
	else
		cal->newest = ev->older;
}

static void append_change(struct fg_cal *cal, struct fg_event *ev)
{
	ev->seq = ++cal->seq;
	ev->older = cal->newest;
	ev->newer = NULL;
	if (cal->newest)
		cal->newest->newer = ev;
	else
		cal->oldest = ev;
	cal->newest = ev;
}

/* -- what is known about an event without reading its resource ------------------------------ */

static void read_stamp(struct fg_event *ev)
{
	const char *updated = json_str(ev->res, "updated");
	struct rfc3339 t;
	struct err err;

	ev->stamp_us = 0;
	if (updated && !rfc3339_parse(updated, &t, &err))
		ev->stamp_us = (t.utc * 1000 + t.ms) * 1000;
}

static void refresh(struct fg_cal *cal, struct fg_event *ev)
{
	const char *status = json_str(ev->res, "status");

	ev->cancelled = status && !strcmp(status, "cancelled");
	ev->has_span = !fg_when_parse(json_get(ev->res, "start"), cal->zone, &ev->start) &&
		       !fg_when_parse(json_get(ev->res, "end"), cal->zone, &ev->end);
	read_stamp(ev);
	if (ev->stamp_us > cal->stamp_us)
		cal->stamp_us = ev->stamp_us;
}

static void index_new(struct fg_cal *cal, struct fg_event *ev)
{
	size_t base = fg_base_len(ev->id);

	fg_map_put(cal->events, ev->id, ev);
	if (ev->master) {
		struct fg_event *first = fg_map_get(cal->series, ev->master);

		if (first) {
			ev->next_sibling = first->next_sibling;
			first->next_sibling = ev;
		} else {
			fg_map_put(cal->series, ev->master, ev);
		}
	} else if (ev->uid) {
		fg_map_put(cal->uids, ev->uid, ev);
	}
	if (ev->id[base]) {
		struct fg_event *first;

		ev->base = xstrndup(ev->id, base);
		first = fg_map_get(cal->splits, ev->base);
		if (first) {
			ev->next_split = first->next_split;
			first->next_split = ev;
		} else {
			fg_map_put(cal->splits, ev->base, ev);
		}
	}
}

struct fg_event *fg_event_find(struct fg_cal *cal, const char *id)
{
	return fg_map_get(cal->events, id);
}

struct fg_event *fg_event_put(struct fg_cal *cal, struct json_object *res_take)
{
	struct fg_event *ev = xcalloc(1, sizeof(*ev));

	ev->id = xstrdup(json_str(res_take, "id"));
	ev->master = xstrdup_null(json_str(res_take, "recurringEventId"));
	ev->uid = xstrdup_null(json_str(res_take, "iCalUID"));
	ev->res = res_take;
	if (cal->count == cal->alloc) {
		cal->alloc = cal->alloc ? cal->alloc * 2 : 64;
		cal->order = xreallocarray(cal->order, cal->alloc, sizeof(struct fg_event *));
	}
	cal->order[cal->count++] = ev;
	index_new(cal, ev);
	refresh(cal, ev);
	append_change(cal, ev);
	return ev;
}

static bool same_member(const struct json_object *a, const struct json_object *b, const char *key)
{
	return json_equal(json_get(a, key), json_get(b, key));
}

#define VERSIONS_KEPT 8

static void version_free(struct fg_version *v)
{
	json_object_put(v->res);
	free(v);
}

static void keep_version(struct fg_event *ev)
{
	struct fg_version *v = xcalloc(1, sizeof(*v));
	struct fg_version **at = &ev->versions;

	*v = (struct fg_version){ev->versions, ev->seq, json_object_get(ev->res), ev->stub};
	ev->versions = v;
	for (int n = 0; *at; n++) {
		if (n < VERSIONS_KEPT) {
			at = &(*at)->older;
			continue;
		}
		version_free(*at); /* the last one: there was one too many */
		*at = NULL;
	}
}

bool fg_event_at(const struct fg_event *ev, uint64_t seq, struct fg_version *out)
{
	const struct fg_version *v = ev->versions;

	if (ev->seq <= seq) {
		*out = (struct fg_version){.seq = ev->seq, .res = ev->res, .stub = ev->stub};
		return true;
	}
	while (v && v->seq > seq)
		v = v->older;
	if (!v)
		return false;
	*out = *v;
	return true;
}

void fg_event_replace(struct fg_cal *cal, struct fg_event *ev, struct json_object *res_take)
{
	struct json_object *old = ev->res;

	keep_version(ev);
	ev->res = res_take;
	unlink_change(cal, ev);
	append_change(cal, ev);
	if (!ev->master && json_get(old, "start") &&
	    (!same_member(old, res_take, "start") || !same_member(old, res_take, "recurrence"))) {
		struct fg_past *past = xcalloc(1, sizeof(*past));

		past->until_seq = ev->seq;
		past->res = old;
		past->next = ev->past;
		ev->past = past;
	} else {
		json_object_put(old);
	}
	ev->verbatim = false;
	refresh(cal, ev);
}

void fg_event_free(struct fg_event *ev)
{
	while (ev->past) {
		struct fg_past *past = ev->past;

		ev->past = past->next;
		json_object_put(past->res);
		free(past);
	}
	while (ev->versions) {
		struct fg_version *v = ev->versions;

		ev->versions = v->older;
		version_free(v);
	}
	json_object_put(ev->res);
	free(ev->id);
	free(ev->master);
	free(ev->uid);
	free(ev->base);
	free(ev);
}

int fg_each_event(struct fg *fg, int (*fn)(const struct fg_held *held, void *arg), void *arg)
{
	for (size_t i = 0; i < fg->cal->count; i++) {
		const struct fg_cal *cal = fg->cal->cals[i];

		for (size_t k = 0; !cal->deleted && k < cal->count; k++) {
			const struct fg_event *ev = cal->order[k];
			struct fg_held held = {cal->id, ev->id, ev->res, ev->stub};
			int status = fn(&held, arg);

			if (status)
				return status;
		}
	}
	return 0;
}

/* -- small answers ------------------------------------------------------------------------- */

void fg_event_stamp(struct fg *fg, struct json_object *res, bool updated)
{
	int64_t us = fg_stamp_us(fg);
	AUTO(free) char *etag = xasprintf("\"%lld\"", (long long)us * 2);
	char buf[RFC3339_LEN];

	json_set_str(res, "etag", etag);
	if (!updated)
		return;
	rfc3339_format_ms(us / 1000, buf);
	json_set_str(res, "updated", buf);
}

const char *fg_event_etag(const struct fg_event *ev)
{
	const char *etag = json_str(ev->res, "etag");

	return etag ? etag : "";
}

struct fg_event *fg_event_exceptions(struct fg_cal *cal, const char *master_id)
{
	return fg_map_get(cal->series, master_id);
}

bool fg_event_is_series(const struct fg_event *ev)
{
	return json_object_is_type(json_get(ev->res, "recurrence"), json_type_array);
}

const char *fg_event_type(const struct fg_event *ev)
{
	const char *type = json_str(ev->res, "eventType");

	return type ? type : "default";
}

void fg_event_notify(struct fg *fg, struct fg_cal *cal, const struct fg_event *ev)
{
	for (struct fg_account *a = fg->accounts; a; a = a->next) {
		const struct fg_entry *e = fg_entry_find(a, cal);

		if (e && fg_entry_usable(e))
			fg_push_changed(fg, a, cal->id, fg_event_type(ev));
	}
}

char *fg_event_link(const char *id, const struct fg_cal *cal)
{
	AUTO(free) char *text = xasprintf("%s %s", id, cal->id);
	AUTO(free) char *eid = fg_token_base64(text);

	eid[strcspn(eid, "=")] = '\0';
	return xasprintf("https://www.google.com/calendar/event?eid=%s", eid);
}

/* -- an id as a client names it -------------------------------------------------------------- */

static bool plain_instance(struct fg_cal *cal, struct fg_event *master, const struct fg_when *at,
			   struct fg_target *out)
{
	if (!master || master->cancelled || !fg_event_is_series(master) ||
	    !fg_series_has(master->res, cal->zone, at))
		return false;
	*out = (struct fg_target){.master = master, .at = *at};
	return true;
}

bool fg_target_find(struct fg_cal *cal, const char *id, struct fg_target *out)
{
	struct fg_event *ev = fg_event_find(cal, id);
	struct fg_when at;
	size_t base_len;

	if (ev && ev->stub && ev->master && fg_instance_parse(id, &base_len, &at) &&
	    plain_instance(cal, fg_event_find(cal, ev->master), &at, out)) {
		out->spare = ev;
		return true;
	}
	if (ev) {
		*out = (struct fg_target){.ev = ev};
		return true;
	}
	if (!fg_instance_parse(id, &base_len, &at))
		return false;

	AUTO(free) char *base = xstrndup(id, base_len);

	if (plain_instance(cal, fg_event_find(cal, base), &at, out))
		return true;
	for (ev = fg_map_get(cal->splits, base); ev; ev = ev->next_split)
		if (plain_instance(cal, ev, &at, out))
			return true;
	return false;
}
