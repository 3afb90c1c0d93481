/*
 * Pulling: Google's changes into the store.
 *
 *   TOKEN --[page]--> ... --[last page]--> next token        (incremental)
 *     |  410
 *     v
 *   FULL  --[page]--> ... --[last page, sweep]--> token      (every row seen gets the generation)
 *     ^                |
 *     +--[next run]----+  interrupted: it goes on with the page after the last one that is stored
 *
 * I1  A page is one transaction. In a full pull it holds where the pull goes on, too.
 * I2  The sync token moves only in the transaction that stores its last page.
 * I3  Rows are swept only after the last page of a full listing, in that same transaction, and
 *     only when the absence guard lets them go. The sync token says that it was the last one, and
 *     none of its items was unreadable.
 * I4  A full pull has one generation, however many runs it takes: what an earlier one of them saw
 *     is not swept. What was made at Google since it began is asked for first (sweep_ask()).
 */
#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "base/xalloc.h"
#include "base/banned.h"
#include "model/event.h"
#include "sync/pull.h"
#include "sync/wakes.h"
#include "sync/wire.h"

#define PAGE_SIZE 2500

/* How long a page token is taken for good: Google promises nothing. */
#define RESUME_MAX_MS (24 * 60 * 60 * 1000LL)

/* A listing may have to begin anew: its page is lost, then the sync token is too old, then its page
 * is lost again. */
#define BEGINNINGS_MAX 4

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
	call.salvage = "items";
	p->paged = page_token != NULL;
	if (google_call(p->e->google, &call, out, err))
		return -1;
	if (!json_object_is_type(json_get(*out, "items"), json_type_array)) {
		json_object_put(TAKE(*out));
		return err_set(err, ERR_GOOGLE, "the answer to events.list holds no items");
	}
	return 0;
}

/* A page may come from a server that is behind the one before, and show an event that an earlier
 * page showed as deleted. If it came back since, the next sync token says so. */
static bool is_repeat_of_gone(struct pull *p, const struct json_object *item)
{
	const char *id = json_str(item, "id");

	if (!event_is_cancelled(item))
		return json_has(p->gone, id);
	json_set_bool(p->gone, id, true);
	return false;
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
	AUTO(event_release) struct event row = {0};
	bool found;

	if (store_event_get(p->e->store, p->c->id, json_str(item, "recurringEventId"), &row, &found,
			    err))
		return -1;
	p->orphans |= !found;
	if (found)
		series_note_cancelled(p, row.id);
	return 0;
}

static int drop_orphans(struct pull *p, struct err *err)
{
	AUTO(event_list_release) struct event_list list = {0};

	if (!p->orphans)
		return 0;
	if (store_event_orphans(p->e->store, p->c->id, &list, err))
		return -1;
	for (size_t i = 0; i < list.count; i++)
		if (store_event_delete(p->e->store, list.items[i].rowid, err))
			return -1;
	return 0;
}

/* A row that apply_item() wrote has the generation already. */
static int touch(struct pull *p, const struct event *row, struct err *err)
{
	if (p->e->options->dry_run || !p->e->generation || row->generation == p->e->generation)
		return 0;
	return store_event_touch(p->e->store, row->rowid, p->e->generation, err);
}

/* Without a usable id it can have no row. */
static int pass_over(struct pull *p)
{
	log_warn("pull", "calendar '%s': Google sent what is no event, ignoring", p->c->summary);
	p->r->unreadable++;
	p->holes = true;
	return 0;
}

/* It is on the list, whatever it says: its row is not swept, nor what else is missing spared. */
static int set_aside(struct pull *p, struct event *row, const struct json_object *item,
		     const struct err *why, struct err *err)
{
	AUTO(event_release) struct event moving = {0};
	bool is_moving = false;

	/* It has a row, where it is to go: that one waits for what can be read. */
	if (!row && store_event_get_moving(p->e->store, p->c->id, json_str(item, "id"), &moving,
					   &is_moving, err))
		return -1;
	if (is_moving) {
		p->r->unreadable++;
		return 0;
	}
	if (aside_set(p->e, p->c, row, item, why, p->r, err))
		return -1;
	return row ? touch(p, row, err) : 0;
}

/* Only its times are shown. */
static int take_busy(struct pull *p, struct event *row, const struct json_object *item,
		     struct err *err)
{
	AUTO(json_object_put) struct json_object *known = NULL;

	if (busy_item(p, row, item, &known, err) ||
	    (known && apply_item(p->e, p->c, row, known, p->r, err)))
		return -1;
	return row ? touch(p, row, err) : 0;
}

static int take_item(struct pull *p, struct json_object *item, struct err *err)
{
	AUTO(event_release) struct event row = {0};
	const char *id = wire_item_id(item);
	bool exception = event_is_exception(item);
	bool found, moving = false;
	struct err why;

	if (!id)
		return pass_over(p);
	if (p->window) {
		json_set_bool(p->seen_ids, id, true);
		if (!in_window(p, item))
			return 0;
	}
	p->seen++;
	if (is_repeat_of_gone(p, item))
		return 0;
	if (store_event_get(p->e->store, p->c->id, id, &row, &found, err))
		return -1;
	if (aside_check(item, &why))
		return set_aside(p, found ? &row : NULL, item, &why, err);
	if (found ? move_seen_at_destination(p->e, &row, item, &moving, err)
		  : move_seen_at_source(p->e, p->c, item, p->r, &moving, err))
		return -1;
	if (moving)
		return 0;
	/* A tombstone may carry nothing but its id; a cancelled occurrence of a series is kept. */
	if (event_is_cancelled(item) && !exception && !(found && event_is_exception(row.resource)))
		return found ? apply_gone(p->e, &row, item, p->r, err)
			     : apply_series_gone(p->e, p->c->id, id, p->r, err);
	if (exception && !event_is_cancelled(item))
		json_set_bool(p->e->alive, id, true);
	if (p->busy_only && !event_is_cancelled(item))
		return take_busy(p, found ? &row : NULL, item, err);
	if (apply_item(p->e, p->c, found ? &row : NULL, item, p->r, err))
		return -1;
	if (exception && event_is_cancelled(item) && note_orphan(p, item, err))
		return -1;
	return found ? touch(p, &row, err) : 0;
}

static int take_items(struct pull *p, const struct json_object *page, struct err *err)
{
	struct json_object *items = json_get(page, "items");
	const char *role = json_str(page, "accessRole");

	p->busy_only = role && !strcmp(role, "freeBusyReader");
	p->holes |= p->busy_only; /* what it does not show may be there all the same */
	for (size_t i = 0; i < json_object_array_length(items); i++) {
		struct json_object *item = json_object_array_get_idx(items, i);

		if (take_item(p, item, err))
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

/* Where a full pull goes on when this run is cut off. */
static int save_progress(struct pull *p, const char *next, struct err *err)
{
	const struct pull_progress at = {
		.page_token = (char *)next,
		.generation = p->e->generation,
		.seen = p->seen,
		.holes = p->holes,
		.at_ms = clock_now_ms(p->e->clock),
	};

	return store_calendar_set_progress(p->e->store, p->c->id, &at, err);
}

static int store_last_page(struct pull *p, const struct json_object *page, struct err *err)
{
	const char *token = json_str(page, "nextSyncToken");

	if (!p->e->options->dry_run &&
	    (drop_orphans(p, err) || series_prune(p, err) || note_properties(p, page, err)))
		return -1;
	if (p->window)
		return 0;
	if (!token)
		log_info("pull", "calendar '%s': the listing ends without a sync token",
			 p->c->summary);
	if (p->e->generation && token && !p->holes && !p->late && sweep(p, err))
		return -1;
	if (p->late)
		token = NULL;
	if (p->e->options->dry_run)
		return 0;
	if (p->stored && store_calendar_set_progress(p->e->store, p->c->id, NULL, err))
		return -1;
	return store_calendar_set_sync(p->e->store, p->c->id, token, clock_now_ms(p->e->clock),
				       NULL, err);
}

static int store_page(struct pull *p, const struct json_object *page, const char *next,
		      struct err *err)
{
	if (take_items(p, page, err))
		return -1;
	if (!next)
		return store_last_page(p, page, err);
	if (!p->e->generation || p->e->options->dry_run)
		return 0;
	return save_progress(p, next, err);
}

static int commit_page(struct pull *p, const struct json_object *page, const char *next,
		       struct err *err)
{
	struct sync_counts before = p->r->pulled;
	int64_t conflicts = p->r->conflicts;

	if (p->e->options->dry_run)
		return store_page(p, page, next, err);
	if (store_begin(p->e->store, err))
		return -1;
	if (!store_page(p, page, next, err) && !store_commit(p->e->store, err)) {
		/* An incremental pull leaves the place of an older full one until its last page. */
		if (!p->window && (!next || p->e->generation))
			p->stored = next;
		return 0;
	}
	store_rollback(p->e->store);
	p->r->pulled = before;
	p->r->conflicts = conflicts;
	return -1;
}

/* Where a full pull stands is in the store: it can end behind any page. */
static bool makes_way(struct pull *p)
{
	const char *way = p->e->options->makes_way;

	if (!way || !p->e->generation || !wakes_came(p->e->store, way))
		return false;
	log_info("pull", "calendar '%s': others were notified; it goes on with the next run",
		 p->c->summary);
	p->r->is_cut_short = true;
	return true;
}

int pull_pages(struct pull *p, const char *page_token, struct err *err)
{
	AUTO(json_object_put) struct json_object *seen = json_object_new_object();
	AUTO(json_object_put) struct json_object *gone = json_object_new_object();
	AUTO(free) char *token = xstrdup_null(page_token);

	p->gone = gone;
	json_object_put(p->e->alive);
	p->e->alive = json_object_new_object();
	if (token)
		json_set_bool(seen, token, true);
	for (;;) {
		AUTO(json_object_put) struct json_object *page = NULL;
		const char *next;

		if (fetch_page(p, token, &page, err) ||
		    wire_next_page(page, seen, "events.list", &next, err) ||
		    (p->window && window_ask(p, page, err)) || series_ask(p, page, err) ||
		    (!next && sweep_ask(p, page, err)) || commit_page(p, page, next, err))
			return -1;
		if (!next || makes_way(p))
			return 0;
		xstr_set(&token, next);
	}
}

int pull_get(struct pull *p, const char *id, int tries, struct json_object **out, struct err *err)
{
	struct json_object *item = NULL;
	struct err why;

	if (engine_get_event(p->e, p->c->google_id, id, tries, &item, &why)) {
		if (why.http_status != 200) {
			*err = why;
			return -1;
		}
		log_warn("pull", "event '%s': %s, ignoring", id, why.msg);
	}
	*out = item;
	return 0;
}

/* --- full and incremental ------------------------------------------------------------------ */

/* A number above that of every row, even when the clock went back. */
static int new_generation(struct engine *e, const struct calendar *c, int64_t *out, struct err *err)
{
	int64_t now = clock_now_ms(e->clock), last;

	if (store_event_last_generation(e->store, c->id, &last, err))
		return -1;
	*out = now > last ? now : last + 1;
	return 0;
}

/* at: where an earlier run was interrupted; NULL = from page one */
static int pull_full(struct pull *p, const struct pull_progress *at, struct err *err)
{
	int64_t now = clock_now_ms(p->e->clock);
	int64_t generation = at ? at->generation : 0;
	int result;

	if (!at && new_generation(p->e, p->c, &generation, err))
		return -1;
	p->sync_token = NULL;
	p->e->generation = generation;
	p->started_ms = now < generation ? now : generation;
	p->seen = at ? at->seen : 0;
	p->holes = at && at->holes;
	p->late = false;
	p->resumed = at != NULL;
	p->orphans = at != NULL; /* an earlier run may have left some */
	p->r->full = true;
	result = pull_pages(p, at ? at->page_token : NULL, err);
	p->e->generation = 0;
	return result;
}

static int pull_changes(struct pull *p, struct err *err)
{
	p->sync_token = p->c->sync_token;
	p->r->full = false;
	return pull_pages(p, NULL, err);
}

static bool may_resume(const struct engine *e, const struct calendar *c)
{
	int64_t age = clock_now_ms(e->clock) - c->progress.at_ms;

	return c->progress.page_token && !e->options->full && !e->options->dry_run && age >= 0 &&
	       age < RESUME_MAX_MS;
}

/* Google no longer knows the page that it named itself. */
static bool lost_page(const struct pull *p, const struct err *err)
{
	return p->paged &&
	       (err->code == ERR_FULL_SYNC || (err->code == ERR_GOOGLE && err->http_status == 400));
}

/* Whether what was read so far is worth keeping: the trouble says nothing about the listing. */
static bool keeps_progress(const struct err *err)
{
	switch (err->code) {
	case ERR_NETWORK:
	case ERR_RATE_LIMITED:
	case ERR_TOKEN_EXPIRED:
	case ERR_NOT_CONNECTED:
	case ERR_UNAUTHORIZED:
	case ERR_STORE:
	case ERR_SECRET:
		return true;
	default:
		return false;
	}
}

/* The next run begins with page one. */
static void forget_progress(struct pull *p)
{
	struct err err;

	if (p->stored && !p->e->options->dry_run &&
	    store_calendar_set_progress(p->e->store, p->c->id, NULL, &err))
		log_warn("pull", "calendar '%s': %s, ignoring", p->c->summary, err.msg);
}

int pull_calendar(struct engine *e, const struct calendar *c, struct calendar_result *r,
		  struct err *err)
{
	AUTO(pull_release)
	struct pull p = {.e = e, .c = c, .r = r, .stored = c->progress.page_token != NULL};
	const struct pull_progress *at = may_resume(e, c) ? &c->progress : NULL;
	bool full = at || e->options->full || !c->sync_token;

	for (int beginnings = 1;; beginnings++) {
		if (!(full ? pull_full(&p, at, err) : pull_changes(&p, err)))
			return 0;
		if (beginnings == BEGINNINGS_MAX ||
		    !(lost_page(&p, err) || (!full && err->code == ERR_FULL_SYNC)))
			break;
		log_info("pull", "calendar '%s': Google no longer knows the %s, beginning anew",
			 c->summary, p.paged ? "page" : "sync token");
		/* The page of a full pull says nothing about the sync token from before it. */
		full = at && c->sync_token ? false : full || err->code == ERR_FULL_SYNC;
		at = NULL;
	}
	if (!keeps_progress(err))
		forget_progress(&p);
	return -1;
}
