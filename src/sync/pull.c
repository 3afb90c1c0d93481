/*
 * Pulling: Google's changes into the store.
 *
 *   TOKEN --[page]--> ... --[last page]--> next token        (incremental)
 *     |  410
 *     v
 *   FULL  --[page]--> ... --[last page, sweep]--> token      (every row seen gets the generation)
 *
 * I1  A page is one transaction.
 * I2  The sync token moves only in the transaction that stores its last page.
 * I3  Rows are swept only after the last page of a full listing, in that same transaction, and
 *     only when the absence guard lets them go. The sync token says that it was the last one, and
 *     none of its items was unreadable.
 */
#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "base/xalloc.h"
#include "base/banned.h"
#include "model/event.h"
#include "sync/engine.h"
#include "sync/wire.h"

#define PAGE_SIZE     2500
#define SWEEP_FREE    10 /* so many may always go */
#define SWEEP_PERCENT 20 /* and so much of a calendar */

struct pull {
	struct engine *e;
	const struct calendar *c;
	struct calendar_result *r;
	const char *sync_token;       /* NULL = full */
	int64_t seen;                 /* items of a full pull */
	bool window;                  /* only what lies in the options' window */
	bool holes;                   /* an item could not be read: absence says nothing */
	struct json_object *seen_ids; /* window: a set */
	struct json_object *orphans;  /* cancelled occurrences, id -> the series we did not have */
};

static void add_param(struct strbuf *path, const char *name, const char *value)
{
	strbuf_addf(path, "&%s=", name);
	strbuf_add_urlencoded(path, value);
}

static int fetch_page(struct pull *p, const char *page_token, struct json_object **out,
		      struct err *err)
{
	AUTO(strbuf_release) struct strbuf path = STRBUF_INIT;
	struct gcall call = {.method = "GET"};
	char text[RFC3339_LEN];

	path_events(&path, p->c->google_id, NULL);
	strbuf_addf(&path, "?maxResults=%d&prettyPrint=false", PAGE_SIZE);
	if (p->sync_token)
		add_param(&path, "syncToken", p->sync_token);
	if (p->window) {
		rfc3339_format(p->e->options->start_utc, 0, text);
		add_param(&path, "timeMin", text);
		rfc3339_format(p->e->options->end_utc, 0, text);
		add_param(&path, "timeMax", text);
	}
	if (page_token)
		add_param(&path, "pageToken", page_token);
	call.path = path.buf;
	if (google_call(p->e->google, &call, out, err))
		return -1;
	if (!json_object_is_type(json_get(*out, "items"), json_type_array)) {
		json_object_put(TAKE(*out));
		return err_set(err, ERR_GOOGLE, "the answer to events.list holds no items");
	}
	return 0;
}

/* In a full pull a later page may repeat an event in an older version: keep the newer one. */
static bool older_repeat(const struct pull *p, const struct event *row,
			 const struct json_object *item)
{
	const char *had = json_str(row->resource, "updated");
	const char *has = json_str(item, "updated");

	return p->e->generation && row->generation == p->e->generation && had && has &&
	       strcmp(has, had) < 0; /* both are UTC with milliseconds: text order is time order */
}

static bool in_window(const struct pull *p, const struct json_object *item)
{
	const struct sync_options *o = p->e->options;
	int64_t start, end;
	bool all_day;

	if (event_is_master(item) || !event_span(item, p->c->time_zone, &start, &end, &all_day))
		return true;
	return start < o->end_utc &&
	       (end > o->start_utc || (end == start && start >= o->start_utc));
}

/* A cancelled occurrence means something only beside its series, which may come on a later page,
 * or have been deleted on this one. */
static int note_orphan(struct pull *p, const struct json_object *item, struct err *err)
{
	const char *master = json_str(item, "recurringEventId");
	AUTO(event_release) struct event row = {0};
	bool found;

	if (store_event_get(p->e->store, p->c->id, master, &row, &found, err))
		return -1;
	if (!found)
		json_set_str(p->orphans, json_str(item, "id"), master);
	return 0;
}

static int drop_orphans(struct pull *p, struct err *err)
{
	json_object_object_foreach (p->orphans, id, master) {
		AUTO(event_release) struct event series = {0};
		AUTO(event_release) struct event row = {0};
		bool found, orphan;

		if (store_event_get(p->e->store, p->c->id, json_object_get_string(master), &series,
				    &found, err) ||
		    store_event_get(p->e->store, p->c->id, id, &row, &orphan, err))
			return -1;
		if (found || !orphan || !event_is_cancelled(row.resource) ||
		    row.pending != PENDING_NONE)
			continue;
		if (store_event_delete(p->e->store, row.rowid, err))
			return -1;
	}
	return 0;
}

/* Every event has a start, unless it is a tombstone. */
static bool is_readable(const struct json_object *item)
{
	return wire_id_usable(json_str(item, "id")) &&
	       (event_is_cancelled(item) ||
		json_object_is_type(json_get(item, "start"), json_type_object));
}

/* A row that apply_item() wrote has the generation already. */
static int touch(struct pull *p, const struct event *row, struct err *err)
{
	if (p->e->options->dry_run || !p->e->generation || row->generation == p->e->generation)
		return 0;
	return store_event_touch(p->e->store, row->rowid, p->e->generation, err);
}

static int take_item(struct pull *p, struct json_object *item, struct err *err)
{
	AUTO(event_release) struct event row = {0};
	const char *id = json_str(item, "id");
	bool exception = event_is_exception(item);
	bool found;

	if (!is_readable(item)) {
		log_warn("pull",
			 "calendar '%s': Google sent what is no event (id '%.64s'), ignoring",
			 p->c->summary, id ? id : "");
		p->holes = true;
		return 0;
	}
	if (p->window) {
		json_set_bool(p->seen_ids, id, true);
		if (!in_window(p, item))
			return 0;
	}
	p->seen++;
	if (store_event_get(p->e->store, p->c->id, id, &row, &found, err))
		return -1;
	/* A tombstone may carry nothing but its id; a cancelled occurrence of a series is kept. */
	if (event_is_cancelled(item) && !exception && !(found && event_is_exception(row.resource)))
		return found ? apply_gone(p->e, &row, item, p->r, err) : 0;
	if (found && older_repeat(p, &row, item))
		return 0;
	if (apply_item(p->e, p->c, found ? &row : NULL, item, p->r, err))
		return -1;
	if (exception && event_is_cancelled(item) && note_orphan(p, item, err))
		return -1;
	return found ? touch(p, &row, err) : 0;
}

static int take_items(struct pull *p, const struct json_object *page, struct err *err)
{
	struct json_object *items = json_get(page, "items");

	for (size_t i = 0; i < json_object_array_length(items); i++) {
		struct json_object *item = json_object_array_get_idx(items, i);

		if (take_item(p, item, err))
			return -1;
	}
	return 0;
}

/* The absence guard (promise 9): a listing that lost much of a calendar is more likely wrong than
 * right, so a person has to say how many events may go. */
static int guard_sweep(struct pull *p, int64_t missing, struct err *err)
{
	int64_t total;

	if (!missing || missing <= p->e->options->allow_deletes)
		return 0;
	if (store_event_count(p->e->store, p->c->id, &total, err))
		return -1;
	if (p->seen && (missing <= SWEEP_FREE || missing * 100 <= total * SWEEP_PERCENT))
		return 0;
	return err_set(
		err, ERR_MASS_DELETE,
		"Google's full listing lacks %lld of %lld events: nothing is deleted here; if"
		" they are to go, run 'calsync sync --allow-deletes %lld'",
		(long long)missing, (long long)total, (long long)missing);
}

static int sweep(struct pull *p, struct err *err)
{
	AUTO(event_list_release) struct event_list list = {0};
	int64_t missing = 0;

	if (p->e->options->dry_run)
		return 0; /* rows were not marked: nothing can be said */
	if (store_event_unseen(p->e->store, p->c->id, p->e->generation, &list, err))
		return -1;
	for (size_t i = 0; i < list.count; i++)
		missing += list.items[i].pending == PENDING_NONE;
	if (guard_sweep(p, missing, err))
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		AUTO(event_release) struct event row = {0};
		bool found;

		/* A master takes its exceptions along: look whether the row is still there. */
		if (store_event_get(p->e->store, p->c->id, list.items[i].id, &row, &found, err))
			return -1;
		if (found && apply_gone(p->e, &row, NULL, p->r, err))
			return -1;
	}
	return 0;
}

/* A changed role or zone of a calendar does not come through calendarList's sync token; each
 * answer of events.list says them. */
static int note_properties(struct pull *p, const struct json_object *page, struct err *err)
{
	const char *role = json_str(page, "accessRole");
	const char *zone = json_str(page, "timeZone");
	AUTO(json_object_put) struct json_object *resource = NULL;
	struct calendar c = *p->c; /* borrows */
	bool changed;

	if (role)
		c.access_role = (char *)role;
	if (zone && zone_valid(zone))
		c.time_zone = (char *)zone;
	if (!strcmp(c.access_role, p->c->access_role) && !strcmp(c.time_zone, p->c->time_zone))
		return 0;
	log_info("pull", "calendar '%s': role %s, zone %s", c.summary, c.access_role, c.time_zone);
	c.resource = resource = json_clone(p->c->resource);
	if (resource) {
		json_set_str(resource, "accessRole", c.access_role);
		json_set_str(resource, "timeZone", c.time_zone);
	}
	return store_calendar_upsert(p->e->store, &c, &changed, err);
}

static int store_page(struct pull *p, const struct json_object *page, bool last, struct err *err)
{
	const char *token = json_str(page, "nextSyncToken");

	if (take_items(p, page, err))
		return -1;
	if (last && !p->e->options->dry_run &&
	    (drop_orphans(p, err) || note_properties(p, page, err)))
		return -1;
	if (!last || p->window)
		return 0;
	if (!token)
		log_info("pull", "calendar '%s': the listing ends without a sync token",
			 p->c->summary);
	if (p->e->generation && token && !p->holes && sweep(p, err))
		return -1;
	if (p->e->options->dry_run)
		return 0;
	return store_calendar_set_sync(p->e->store, p->c->id, token, clock_now_ms(p->e->clock),
				       NULL, err);
}

static int commit_page(struct pull *p, const struct json_object *page, bool last, struct err *err)
{
	struct sync_counts before = p->r->pulled;
	int64_t conflicts = p->r->conflicts;

	if (p->e->options->dry_run)
		return store_page(p, page, last, err);
	if (store_begin(p->e->store, err))
		return -1;
	if (!store_page(p, page, last, err) && !store_commit(p->e->store, err))
		return 0;
	store_rollback(p->e->store);
	p->r->pulled = before;
	p->r->conflicts = conflicts;
	return -1;
}

static int pull_pages(struct pull *p, struct err *err)
{
	AUTO(json_object_put) struct json_object *orphans = json_object_new_object();
	AUTO(json_object_put) struct json_object *seen = json_object_new_object();
	AUTO(free) char *token = NULL;

	p->orphans = orphans;
	for (;;) {
		AUTO(json_object_put) struct json_object *page = NULL;
		const char *next;

		if (fetch_page(p, token, &page, err) ||
		    wire_next_page(page, seen, "events.list", &next, err))
			return -1;
		if (commit_page(p, page, !next, err))
			return -1;
		if (!next)
			return 0;
		xstr_set(&token, next);
	}
}

/* A number that no earlier pull of this store used, even when the clock went back. */
static int64_t new_generation(struct engine *e, const struct calendar *c)
{
	int64_t now = clock_now_ms(e->clock);

	return now > c->last_sync_ms ? now : c->last_sync_ms + 1;
}

static int pull_full(struct pull *p, struct err *err)
{
	int result;

	p->sync_token = NULL;
	p->e->generation = new_generation(p->e, p->c);
	p->seen = 0;
	p->holes = false;
	p->r->full = true;
	result = pull_pages(p, err);
	p->e->generation = 0;
	return result;
}

int pull_calendar(struct engine *e, const struct calendar *c, struct calendar_result *r,
		  struct err *err)
{
	struct pull p = {.e = e, .c = c, .r = r};

	if (e->options->full || !c->sync_token)
		return pull_full(&p, err);
	p.sync_token = c->sync_token;
	if (!pull_pages(&p, err))
		return 0;
	if (err->code == ERR_FULL_SYNC) {
		log_info("pull", "calendar '%s': the sync token is too old, reading all",
			 c->summary);
		return pull_full(&p, err);
	}
	return -1;
}

/* --- windows ------------------------------------------------------------------------------- */

/* An event that the window's listing lacks: only events.get says whether it is deleted. */
static int confirm_missing(struct pull *p, const char *id, struct err *err)
{
	AUTO(strbuf_release) struct strbuf path = STRBUF_INIT;
	AUTO(json_object_put) struct json_object *item = NULL;
	AUTO(event_release) struct event row = {0};
	struct gcall call = {.method = "GET"};
	bool found, gone = false;
	int result;

	path_events(&path, p->c->google_id, id);
	call.path = path.buf;
	if (google_call(p->e->google, &call, &item, err)) {
		if (err->code != ERR_NOT_FOUND && err->code != ERR_GONE)
			return -1;
		gone = true;
	}
	if (!gone && !wire_is_event(item, id)) {
		log_warn("pull", "event '%s': Google's answer is no event, ignoring", id);
		return 0;
	}
	gone = gone || (event_is_cancelled(item) && !event_is_exception(item));
	if (!p->e->options->dry_run && store_begin(p->e->store, err))
		return -1;
	result = store_event_get(p->e->store, p->c->id, id, &row, &found, err);
	if (!result && found)
		result = gone ? apply_gone(p->e, &row, item, p->r, err)
			      : apply_item(p->e, p->c, &row, item, p->r, err);
	if (p->e->options->dry_run)
		return result;
	if (result) {
		store_rollback(p->e->store);
		return -1;
	}
	return store_commit(p->e->store, err);
}

int pull_window(struct engine *e, const struct calendar *c, struct calendar_result *r,
		struct err *err)
{
	AUTO(json_object_put) struct json_object *seen = json_object_new_object();
	AUTO(event_list_release) struct event_list rows = {0};
	struct pull p = {.e = e, .c = c, .r = r, .window = true, .seen_ids = seen};
	struct event_query q = EVENT_QUERY_INIT;

	/* What was here before: rows that this pull adds need no confirmation. */
	q.calendar_id = c->id;
	q.has_start = q.has_end = true;
	q.start_utc = e->options->start_utc;
	q.end_utc = e->options->end_utc;
	q.include_hidden = true;
	if (store_event_list(e->store, &q, &rows, err) || pull_pages(&p, err))
		return -1;
	for (size_t i = 0; i < rows.count; i++) {
		const struct event *row = &rows.items[i];

		/* A listing shows a series by its master: its exceptions may lie outside. */
		if (!row->at_google || json_has(seen, row->id))
			continue;
		if (confirm_missing(&p, row->id, err))
			return -1;
	}
	return 0;
}
