/* Pulling what lies in a window; the sync token, and a full pull under way, stay as they are. */
#include <string.h>

#include "base/banned.h"
#include "model/event.h"
#include "sync/pull.h"
#include "sync/wire.h"

static int settle_missing(struct pull *p, const char *id, struct json_object *item, bool gone,
			  struct err *err)
{
	AUTO(event_release) struct event row = {0};
	bool found;

	if (store_event_get(p->e->store, p->c->id, id, &row, &found, err))
		return -1;
	if (!found)
		return 0;
	return gone ? apply_gone(p->e, &row, item, p->r, err)
		    : apply_item(p->e, p->c, &row, item, p->r, err);
}

/*
 * An event that the window's listing lacks: moved out of it, or gone. Only events.get says which;
 * what it says is certain, so the absence guard has no part in this.
 */
static int confirm_missing(struct pull *p, const char *id, struct err *err)
{
	AUTO(json_object_put) struct json_object *item = NULL;
	struct err why = {0};
	bool gone;

	if (pull_get(p, id, GET_SURELY, &item, &why) && why.code != ERR_NOT_FOUND &&
	    why.code != ERR_GONE) {
		*err = why;
		return -1;
	}
	if (why.code == ERR_NONE && !item)
		return 0; /* no answer to the question */
	gone = !item || (event_is_cancelled(item) && !event_is_exception(item));
	if (p->e->options->dry_run)
		return settle_missing(p, id, item, gone, err);
	if (store_begin(p->e->store, err))
		return -1;
	if (!settle_missing(p, id, item, gone, err))
		return store_commit(p->e->store, err);
	store_rollback(p->e->store);
	return -1;
}

/*
 * A server that is behind may list an event that has gone since: a later listing of the window
 * would not show it, but nobody promises one, and to the sync token it is over. What is not here
 * although it has not changed since the last sync is asked for.
 */
static int is_over(struct pull *p, const struct json_object *listed, bool *out, struct err *err)
{
	int64_t known_ms = p->c->last_sync_ms + google_clock_skew_ms(p->e->google);
	AUTO(json_object_put) struct json_object *item = NULL;
	AUTO(event_release) struct event row = {0};
	const char *id = wire_item_id(listed);
	struct err why;
	bool found;

	*out = false;
	if (!id || remote_updated_ms(listed) >= known_ms)
		return 0;
	if (store_event_get(p->e->store, p->c->id, id, &row, &found, err))
		return -1;
	if (found)
		return 0;
	if (!pull_get(p, id, GET_ONCE, &item, &why)) {
		*out = event_is_cancelled(item);
		return 0;
	}
	*out = why.code == ERR_NOT_FOUND || why.code == ERR_GONE;
	if (!*out)
		*err = why;
	return *out ? 0 : -1;
}

int window_ask(struct pull *p, struct json_object *page, struct err *err)
{
	struct json_object *items = json_get(page, "items");

	for (size_t i = json_object_array_length(items); p->c->sync_token && i-- > 0;) {
		bool over;

		if (is_over(p, json_object_array_get_idx(items, i), &over, err))
			return -1;
		if (over)
			json_object_array_del_idx(items, i, 1);
	}
	return 0;
}

int pull_window(struct engine *e, const struct calendar *c, struct calendar_result *r,
		struct err *err)
{
	AUTO(json_object_put) struct json_object *seen = json_object_new_object();
	AUTO(event_list_release) struct event_list rows = {0};
	AUTO(pull_release)
	struct pull p = {.e = e, .c = c, .r = r, .window = true, .seen_ids = seen};
	struct event_query q = EVENT_QUERY_INIT;

	/* What was here before: rows that this pull adds need no confirmation. */
	q.calendar_id = c->id;
	q.has_start = q.has_end = q.masters = true;
	q.start_utc = e->options->start_utc;
	q.end_utc = e->options->end_utc;
	q.include_hidden = true;
	if (store_event_list(e->store, &q, &rows, err) || pull_pages(&p, NULL, err))
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
