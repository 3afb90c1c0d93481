#include "fg_query.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

void fg_refs_release(struct fg_refs *r)
{
	for (size_t i = 0; i < r->count; i++)
		json_object_put(r->list[i].res);
	free(r->list);
	*r = (struct fg_refs){0};
}

struct fg_ref *fg_refs_add(struct fg_refs *r, struct fg_event *ev)
{
	if (r->count == r->alloc) {
		r->alloc = r->alloc ? r->alloc * 2 : 64;
		r->list = xreallocarray(r->list, r->alloc, sizeof(*r->list));
	}
	r->list[r->count] = (struct fg_ref){.ev = ev};
	return &r->list[r->count++];
}

/* -- filters --------------------------------------------------------------------------------- */

static bool contains(const char *text, const char *word)
{
	return text && strcasestr(text, word);
}

static bool person_has(const struct json_object *person, const char *word)
{
	return contains(json_str(person, "email"), word) ||
	       contains(json_str(person, "displayName"), word);
}

static bool has_word(const struct json_object *res, const char *word)
{
	static const char *const paths[] = {
		"workingLocationProperties/officeLocation/buildingId",
		"workingLocationProperties/officeLocation/deskId",
		"workingLocationProperties/officeLocation/label",
		"workingLocationProperties/customLocation/label",
	};
	struct json_object *attendees = json_get(res, "attendees");

	if (contains(json_str(res, "summary"), word) ||
	    contains(json_str(res, "description"), word) ||
	    contains(json_str(res, "location"), word) ||
	    person_has(json_get(res, "organizer"), word))
		return true;
	for (size_t i = 0; i < fg_len(attendees); i++)
		if (person_has(json_object_array_get_idx(attendees, i), word))
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		if (contains(json_path_str(res, paths[i]), word))
			return true;
	return false;
}

/* Every word must occur somewhere. */
static bool match_text(const struct json_object *res, const char *q)
{
	for (q += strspn(q, " "); *q; q += strspn(q, " ")) {
		size_t n = strcspn(q, " ");
		AUTO(free) char *word = xstrndup(q, n);

		if (!has_word(res, word))
			return false;
		q += n;
	}
	return true;
}

/* All constraints must hold, as the reference page says. */
static bool match_props(const struct fg_query *q, const struct json_object *res, const char *param,
			const char *kind)
{
	const struct json_object *props = json_get(json_get(res, "extendedProperties"), kind);
	const char *value;

	for (size_t i = 0; (value = fg_param_n(q->call, param, i)); i++) {
		size_t n = strcspn(value, "=");
		AUTO(free) char *name = xstrndup(value, n);
		const char *have = json_str(props, name);

		if (!have || strcmp(have, value + n + 1) != 0)
			return false;
	}
	return true;
}

static bool match_type(const struct fg_query *q, const struct fg_event *ev)
{
	const char *value = fg_param_n(q->call, "eventTypes", 0);

	if (!value)
		return true;
	for (size_t i = 0; (value = fg_param_n(q->call, "eventTypes", i)); i++)
		if (!strcmp(value, fg_event_type(ev)))
			return true;
	return false;
}

static bool match_content(const struct fg_query *q, const struct fg_event *ev)
{
	const char *uid = json_str(ev->res, "iCalUID");

	if (q->ical_uid && (!uid || strcmp(uid, q->ical_uid) != 0))
		return false;
	if (q->updated_min >= 0 && ev->stamp_us < q->updated_min)
		return false;
	return match_type(q, ev) && (!q->q || match_text(ev->res, q->q)) &&
	       match_props(q, ev->res, "privateExtendedProperty", "private") &&
	       match_props(q, ev->res, "sharedExtendedProperty", "shared");
}

static bool in_window(const struct fg_query *q, const struct fg_when *start,
		      const struct fg_when *end)
{
	const char *zone = q->entry->cal->zone;

	if (q->time_max != FG_NEVER && fg_when_utc(start, zone) >= q->time_max)
		return false;
	return q->time_min == INT64_MIN || fg_when_utc(end, zone) > q->time_min;
}

static bool event_in_window(const struct fg_query *q, const struct fg_event *ev)
{
	struct fg_when at;

	if (!ev->has_span) {
		if (fg_when_parse(json_get(ev->res, "originalStartTime"), q->entry->cal->zone, &at))
			return true;
		return in_window(q, &at, &at);
	}
	/* A master counts until for ever: Google returns those that ended, too. */
	if (fg_event_is_series(ev))
		return q->time_max == FG_NEVER ||
		       fg_when_utc(&ev->start, q->entry->cal->zone) < q->time_max;
	return in_window(q, &ev->start, &ev->end);
}

/* -- expansion --------------------------------------------------------------------------------- */

/* All-day starts count as UTC midnights, which no zone is further from than a day. */
static int64_t expand_until(const struct fg_query *q)
{
	return q->horizon + 86400;
}

static struct fg_event *exception_at(struct fg_cal *cal, const struct fg_event *master,
				     const struct fg_when *at)
{
	AUTO(free) char *id = fg_instance_id(master->id, at);
	struct fg_event *ev = fg_event_find(cal, id);

	return ev && !ev->stub ? ev : NULL; /* one that was reset counts no more */
}

static void add_occurrences(const struct fg_query *q, struct fg_event *ev,
			    const struct fg_times *times, bool gone, struct fg_refs *out)
{
	struct fg_cal *cal = q->entry->cal;
	bool exceptions = fg_event_exceptions(cal, ev->id) != NULL;
	int64_t length = ev->has_span ? ev->end.s - ev->start.s : 0;

	for (size_t i = 0; i < times->count; i++) {
		const struct fg_when *at = &times->list[i];
		struct fg_when end = {.all_day = at->all_day, .s = at->s + length};
		struct fg_ref *ref;

		if (!in_window(q, at, &end) || fg_when_utc(at, cal->zone) >= q->horizon)
			continue;
		if (exceptions && exception_at(cal, ev, at))
			continue;
		ref = fg_refs_add(out, ev);
		ref->occurrence = true;
		ref->at = *at;
		ref->gone = gone;
		ref->sort = fg_when_utc(at, cal->zone);
	}
}

static void add_series(const struct fg_query *q, struct fg_event *ev, bool gone,
		       struct fg_refs *out)
{
	AUTO(fg_times_release) struct fg_times times = {0};

	fg_series_expand(ev->res, q->entry->cal->zone, expand_until(q), &times);
	add_occurrences(q, ev, &times, gone, out);
}

static bool has_time(const struct fg_times *t, const struct fg_when *at)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->list[i].s == at->s && t->list[i].all_day == at->all_day)
			return true;
	return false;
}

/* The instances that a changed series had after `since` and has no more. */
static void add_past(const struct fg_query *q, struct fg_event *ev, struct fg_refs *out)
{
	const char *zone = q->entry->cal->zone;
	AUTO(fg_times_release) struct fg_times now = {0};
	AUTO(fg_times_release) struct fg_times gone = {0};

	if (fg_event_is_series(ev))
		fg_series_expand(ev->res, zone, expand_until(q), &now);
	for (const struct fg_past *p = ev->past; p && p->until_seq > q->since; p = p->next) {
		AUTO(fg_times_release) struct fg_times was = {0};

		if (!json_get(p->res, "recurrence")) {
			if (!ev->cancelled && fg_event_is_series(ev))
				fg_refs_add(out, ev)->gone = true;
			continue;
		}
		fg_series_expand(p->res, zone, expand_until(q), &was);
		for (size_t i = 0; i < was.count; i++)
			if (!has_time(&now, &was.list[i]) && !has_time(&gone, &was.list[i]))
				fg_times_add(&gone, &was.list[i]);
	}
	add_occurrences(q, ev, &gone, true, out);
}

/* -- which events ---------------------------------------------------------------------------------- */

static const struct fg_event *master_of(const struct fg_query *q, const struct fg_event *ev)
{
	return ev->master ? fg_event_find(q->entry->cal, ev->master) : NULL;
}

/* The table of showDeleted and singleEvents. */
static bool shows_cancelled(const struct fg_query *q, const struct fg_event *ev, bool stub)
{
	const struct fg_event *master = master_of(q, ev);

	if (q->updated_min >= 0)
		return true;
	if (stub)
		return q->show_deleted && !q->single_events;
	if (ev->master && (!master || !master->cancelled))
		return !q->single_events || q->show_deleted;
	if (!q->show_deleted)
		return false;
	return !q->single_events || (!ev->master && !fg_event_is_series(ev));
}

static bool is_cancelled(const struct json_object *res)
{
	const char *status = json_str(res, "status");

	return status && !strcmp(status, "cancelled");
}

/* As things were at q->as_of. */
static void match_before(const struct fg_query *q, struct fg_refs *out)
{
	const struct fg_cal *cal = q->entry->cal;

	for (size_t i = 0; i < cal->count; i++) {
		struct fg_version v;
		struct fg_ref *ref;

		if (!fg_event_at(cal->order[i], q->as_of, &v) ||
		    (q->incremental && v.seq <= q->since))
			continue;
		if (!q->incremental && is_cancelled(v.res) &&
		    !shows_cancelled(q, cal->order[i], v.stub))
			continue;
		ref = fg_refs_add(out, cal->order[i]);
		ref->res = json_object_get(v.res);
		ref->stub = v.stub;
	}
}

void fg_match_all(const struct fg_query *q, struct fg_refs *out)
{
	const struct fg_cal *cal = q->entry->cal;

	if (q->late) {
		match_before(q, out);
		return;
	}
	for (size_t i = 0; i < cal->count; i++) {
		struct fg_event *ev = cal->order[i];

		if (ev->cancelled && !shows_cancelled(q, ev, ev->stub))
			continue;
		if (!match_content(q, ev))
			continue;
		if (q->single_events && !ev->cancelled && fg_event_is_series(ev))
			add_series(q, ev, false, out);
		else if (event_in_window(q, ev))
			fg_refs_add(out, ev)->sort =
				ev->has_span ? fg_when_utc(&ev->start, cal->zone) : 0;
	}
}

void fg_match_changes(const struct fg_query *q, struct fg_refs *out)
{
	struct fg_event *ev = q->entry->cal->newest;

	if (q->late) {
		match_before(q, out);
		return;
	}
	while (ev && ev->older && ev->older->seq > q->since)
		ev = ev->older;
	for (; ev; ev = ev->newer) {
		if (ev->seq <= q->since || !match_type(q, ev))
			continue;
		if (!q->single_events || ev->stub) {
			fg_refs_add(out, ev);
			continue;
		}
		add_past(q, ev, out);
		if (fg_event_is_series(ev))
			add_series(q, ev, ev->cancelled, out);
		else
			fg_refs_add(out, ev);
	}
}

void fg_match_series(const struct fg_query *q, struct fg_event *master, struct fg_refs *out)
{
	struct fg_event *ev;

	if (!master->cancelled)
		add_series(q, master, false, out);
	for (ev = fg_event_exceptions(q->entry->cal, master->id); ev; ev = ev->next_sibling) {
		struct fg_when at;

		if ((ev->cancelled && !q->show_deleted) || !event_in_window(q, ev) ||
		    fg_when_parse(json_get(ev->res, "originalStartTime"), q->entry->cal->zone, &at))
			continue;
		fg_refs_add(out, ev)->sort = fg_when_utc(&at, q->entry->cal->zone);
	}
}

static int compare_refs(const void *a, const void *b)
{
	const struct fg_ref *x = a, *y = b;

	if (x->sort != y->sort)
		return x->sort < y->sort ? -1 : 1;
	return strcmp(x->ev->id, y->ev->id);
}

void fg_match_sort(const struct fg_query *q, struct fg_refs *refs)
{
	if (q->order == FG_ORDER_UPDATED)
		for (size_t i = 0; i < refs->count; i++)
			refs->list[i].sort = refs->list[i].ev->stamp_us;
	if (refs->count)
		qsort(refs->list, refs->count, sizeof(*refs->list), compare_refs);
}

/* -- rendering ---------------------------------------------------------------------------------------- */

static struct json_object *render_version(const struct fg_query *q, const struct fg_event *ev,
					  struct json_object *res, bool is_stub)
{
	AUTO(json_object_put) struct json_object *stub = NULL;

	if (!is_cancelled(res))
		return fg_view_render(&q->view, res);
	if (!q->incremental && !shows_cancelled(q, ev, is_stub))
		return NULL; /* deleted since the first page */
	if (!is_stub && !ev->master && q->show_deleted)
		return fg_view_render(&q->view, res);
	stub = fg_event_stub(res);
	return fg_view_render(&q->view, stub);
}

static struct json_object *render_stored(const struct fg_query *q, const struct fg_event *ev)
{
	return render_version(q, ev, ev->res, ev->stub);
}

struct json_object *fg_match_older(const struct fg_query *q, const struct fg_ref *ref)
{
	const struct fg_event *ev = ref->ev;
	const struct fg_version *v = ev->versions;
	const char *now = json_str(ev->res, "updated");
	const char *then = v ? json_str(v->res, "updated") : NULL;

	/* The one that a client can know for the older one: `updated` says so. */
	if (q->single_events || ref->res || !now || !then || strcmp(then, now) >= 0 ||
	    is_cancelled(v->res))
		return NULL;
	return render_version(q, ev, v->res, v->stub);
}

static struct json_object *render_gone(const struct fg_query *q, const struct fg_ref *ref)
{
	AUTO(json_object_put) struct json_object *stub = NULL;

	if (ref->occurrence)
		return fg_instance_gone(ref->ev, q->entry->cal, &ref->at);
	stub = fg_event_stub(ref->ev->res); /* members of its own but for the shared values */
	json_set_str(stub, "status", "cancelled");
	return TAKE(stub);
}

struct json_object *fg_match_render(const struct fg_query *q, const struct fg_ref *ref)
{
	AUTO(json_object_put) struct json_object *plain = NULL;
	const struct fg_event *exception;

	if (ref->res)
		return render_version(q, ref->ev, ref->res, ref->stub);
	if (ref->gone)
		return render_gone(q, ref);
	if (!ref->occurrence)
		return render_stored(q, ref->ev);
	exception = exception_at(q->entry->cal, ref->ev, &ref->at);
	if (exception)
		return render_stored(q, exception); /* made since the first page */
	if (ref->ev->cancelled || !fg_event_is_series(ref->ev))
		return NULL;
	plain = fg_instance_new(ref->ev, q->entry->cal, &ref->at);
	return fg_view_render(&q->view, plain);
}
