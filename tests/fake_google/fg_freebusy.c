#include "fg_query.h"

#include <stdlib.h>
#include <string.h>

#include "base/time.h"

#include "base/banned.h"

#define MAX_RANGE_S (92LL * DAY_S) /* Google's limit is not documented: two to three months */
#define MAX_ITEMS   50

struct span {
	int64_t start, end;
};

struct spans {
	struct span *list;
	size_t count, alloc;
};

static void add_span(struct spans *s, int64_t start, int64_t end)
{
	if (s->count == s->alloc) {
		s->alloc = s->alloc ? s->alloc * 2 : 32;
		s->list = xreallocarray(s->list, s->alloc, sizeof(*s->list));
	}
	s->list[s->count++] = (struct span){start, end};
}

static int compare(const void *a, const void *b)
{
	const struct span *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

static bool declined(const struct json_object *res)
{
	const struct json_object *list = json_get(res, "attendees");

	for (size_t i = 0; i < fg_len(list); i++) {
		const struct json_object *a = json_object_array_get_idx(list, i);
		const char *status = json_str(a, "responseStatus");

		if (json_flag(a, "self", false))
			return status && !strcmp(status, "declined");
	}
	return false;
}

static bool busy(const struct json_object *res)
{
	const char *transparency = json_str(res, "transparency");

	return !(transparency && !strcmp(transparency, "transparent")) && !declined(res);
}

static void add_event(struct spans *s, const struct json_object *res, const struct fg_cal *cal)
{
	struct fg_when start, end;

	if (busy(res) && !fg_when_parse(json_get(res, "start"), cal->zone, &start) &&
	    !fg_when_parse(json_get(res, "end"), cal->zone, &end))
		add_span(s, fg_when_utc(&start, cal->zone), fg_when_utc(&end, cal->zone));
}

static struct json_object *period(const struct span *s, const char *zone)
{
	struct json_object *out = json_object_new_object();
	char buf[RFC3339_LEN];

	rfc3339_format(s->start, zone_offset(zone, s->start), buf);
	json_set_str(out, "start", buf);
	rfc3339_format(s->end, zone_offset(zone, s->end), buf);
	json_set_str(out, "end", buf);
	return out;
}

/* The busy times cut to the window, those that touch joined. */
static struct json_object *join(struct spans *s, const struct span *window, const char *zone)
{
	struct json_object *out = json_object_new_array();
	struct span open = {0};
	bool any = false;

	if (s->count)
		qsort(s->list, s->count, sizeof(*s->list), compare);
	for (size_t i = 0; i < s->count; i++) {
		struct span at = s->list[i];

		at.start = at.start < window->start ? window->start : at.start;
		at.end = at.end > window->end ? window->end : at.end;
		if (at.start >= at.end)
			continue;
		if (any && at.start <= open.end) {
			open.end = at.end > open.end ? at.end : open.end;
			continue;
		}
		if (any)
			json_object_array_add(out, period(&open, zone));
		open = at;
		any = true;
	}
	if (any)
		json_object_array_add(out, period(&open, zone));
	return out;
}

static struct json_object *calendar_busy(struct fg_call *call, struct fg_entry *e,
					 const struct span *window, const char *zone)
{
	struct fg_query q = {.call = call, .entry = e, .single_events = true, .updated_min = -1};
	AUTO(fg_refs_release) struct fg_refs refs = {0};
	struct spans spans = {0};
	struct json_object *out;

	q.time_min = window->start;
	q.time_max = q.horizon = window->end;
	q.view = (struct fg_view){.cal = e->cal, .role = FG_ROLE_OWNER};
	fg_match_all(&q, &refs);
	for (size_t i = 0; i < refs.count; i++) {
		AUTO(json_object_put)
		struct json_object *res = fg_match_render(&q, &refs.list[i]);

		if (res)
			add_event(&spans, res, e->cal);
	}
	out = join(&spans, window, zone);
	free(spans.list);
	return out;
}

static struct json_object *one_calendar(struct fg_call *call, const char *id,
					const struct span *window, const char *zone)
{
	struct json_object *out = json_object_new_object();
	struct fg_cal *cal = strcmp(id, "primary") ? fg_cal_find(call->fg, id)
						   : fg_account_primary(call->account)->cal;
	struct fg_entry *e = cal ? fg_entry_find(call->account, cal) : NULL;
	struct json_object *errors, *error;

	if (e && fg_entry_usable(e)) {
		json_set(out, "busy", calendar_busy(call, e, window, zone));
		return out;
	}
	errors = json_object_new_array();
	error = json_object_new_object();
	json_set_str(error, "domain", "global");
	json_set_str(error, "reason", "notFound");
	json_object_array_add(errors, error);
	json_set(out, "errors", errors);
	json_set(out, "busy", json_object_new_array());
	return out;
}

static int read_time(struct fg_call *call, const char *key, int64_t *out)
{
	const char *value = json_str(call->body, key);
	struct rfc3339 t;
	struct err err;

	if (!value)
		return fg_fail_required(call, !strcmp(key, "timeMin")
						      ? "Missing timeMin parameter."
						      : "Missing timeMax parameter.");
	if (rfc3339_parse(value, &t, &err) || !t.has_offset)
		return fg_fail(call, 400, "global", "badRequest", "Bad Request", NULL, NULL);
	*out = t.utc;
	return 0;
}

static void set_time(struct json_object *root, const char *key, int64_t utc)
{
	char buf[RFC3339_LEN];

	rfc3339_format_ms(utc * 1000, buf);
	json_set_str(root, key, buf);
}

int fg_freebusy_query(struct fg_call *call)
{
	const struct json_object *items = json_get(call->body, "items");
	const char *zone = json_str(call->body, "timeZone");
	struct json_object *root, *calendars;
	struct span window;

	if (read_time(call, "timeMin", &window.start) || read_time(call, "timeMax", &window.end))
		return -1;
	if (window.end <= window.start)
		return fg_fail(call, 400, "calendar", "timeRangeEmpty",
			       "The specified time range is empty.", "parameter", "timeMax");
	if (window.end - window.start > MAX_RANGE_S)
		return fg_fail(call, 400, "calendar", "timeRangeTooLong",
			       "The requested time range is too long.", "parameter", "timeMax");
	if (zone && !zone_valid(zone))
		return fg_fail_invalid(call, "Invalid time zone.");
	if (fg_len(items) > MAX_ITEMS)
		return fg_fail(call, 400, "calendar", "tooManyCalendarsRequested",
			       "Too many calendars requested.", NULL, NULL);
	calendars = json_object_new_object();
	for (size_t i = 0; i < fg_len(items); i++) {
		const char *id = json_str(json_object_array_get_idx(items, i), "id");

		if (id)
			json_set(calendars, id,
				 one_calendar(call, id, &window, zone ? zone : "UTC"));
	}
	root = json_object_new_object();
	json_set_str(root, "kind", "calendar#freeBusy");
	set_time(root, "timeMin", window.start);
	set_time(root, "timeMax", window.end);
	json_set(root, "calendars", calendars);
	return fg_reply_json(call, 200, root);
}
