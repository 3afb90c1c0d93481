/* `event log`: every version of an event that was replaced or deleted here. */
#include <string.h>

#include "base/json.h"
#include "base/time.h"
#include "cmd/context.h"
#include "cmd/event_diff.h"
#include "cmd/event_print.h"
#include "cmd/output.h"
#include "model/event.h"
#include "base/banned.h"

struct event_log {
	struct cmd_context *cx;
	struct history_list versions; /* newest first */
	struct event_list now;        /* where it lives: one row a calendar */
};

static void event_log_release(struct event_log *l)
{
	history_list_release(&l->versions);
	event_list_release(&l->now);
}
DEFINE_AUTO_VALUE(struct event_log, event_log_release)

static int read_log(struct event_log *l, const char *id, struct err *err)
{
	AUTO(event_name_release) struct event_name name = {0};
	struct history_query q = {.newest_first = true};
	struct event_query e = EVENT_QUERY_INIT;

	if (cmd_event_name(l->cx, id, &name, err))
		return -1;
	q.account_id = e.account_id = name.account_id;
	q.event_id = e.id = name.id;
	return store_history_list(l->cx->store, &q, &l->versions, err) ||
			       store_event_list(l->cx->store, &e, &l->now, err)
		       ? -1
		       : 0;
}

/* What a change made of the event: the version that the next change in its calendar replaced, or
 * what is there now. NULL: no event. Borrowed. */
static const struct json_object *after(const struct event_log *l, size_t i)
{
	const struct history *h = &l->versions.items[i];

	while (i-- > 0) {
		const struct history *next = &l->versions.items[i];

		if (next->op != HISTORY_KEPT && next->calendar_id == h->calendar_id)
			return next->resource;
	}
	for (i = 0; i < l->now.count; i++)
		if (l->now.items[i].calendar_id == h->calendar_id)
			return l->now.items[i].resource;
	return NULL;
}

/* --- JSON --------------------------------------------------------------------------------- */

static struct json_object *version_json(const struct event_log *l, size_t i)
{
	const struct history *h = &l->versions.items[i];
	struct json_object *o = json_object_new_object();

	json_set_int(o, "version", h->id);
	json_set(o, "at", json_time_ms(h->at_ms));
	json_set_str(o, "op", history_op_name(h->op));
	json_set_str(o, "origin", h->origin);
	json_set_str(o, "command", h->command);
	json_set_str(o, "account", h->account);
	json_set_str(o, "calendar", h->calendar);
	json_set_str(o, "id", h->event_id);
	json_set(o, "changed",
		 h->op == HISTORY_UPDATE ? event_diff_fields(h->resource, after(l, i))
					 : json_object_new_array());
	json_set(o, "event", json_object_get(h->resource));
	return o;
}

static void log_json(struct event_log *l)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < l->versions.count; i++)
		json_object_array_add(list, version_json(l, i));
	out_json(l->cx, list);
}

/* --- for people --------------------------------------------------------------------------- */

/* "'Title' 2026-01-15 10:00-11:00" */
static void describe(const struct json_object *event, struct strbuf *out)
{
	event_diff_quote(json_str(event, "summary"), out);
	strbuf_addc(out, ' ');
	event_text_span(event, zone_system(), out);
}

static void change_cell(struct table *t, const struct event_log *l, size_t i)
{
	const struct history *h = &l->versions.items[i];
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	if (h->op == HISTORY_CREATE)
		describe(after(l, i), &text);
	else if (h->op == HISTORY_UPDATE)
		event_diff_text(h->resource, after(l, i), zone_system(), &text);
	else
		describe(h->resource, &text);
	table_cell(t, text.len ? text.buf : "nothing that can be edited");
}

static const char *origin_text(const struct history *h)
{
	if (!strcmp(h->origin, "google"))
		return "Google";
	if (!strcmp(h->origin, "merge"))
		return "both sides";
	return h->command ? h->command : "here";
}

static bool many_calendars(const struct history_list *l)
{
	for (size_t i = 1; i < l->count; i++)
		if (l->items[i].calendar_id != l->items[0].calendar_id)
			return true;
	return false;
}

static void log_table(const struct event_log *l)
{
	static const char *const ops[] = {
		[HISTORY_CREATE] = "created",
		[HISTORY_UPDATE] = "changed",
		[HISTORY_DELETE] = "deleted",
		[HISTORY_KEPT] = "not taken",
	};
	AUTO(table_free) struct table *t = table_new(l->cx);
	bool calendars = many_calendars(&l->versions);

	table_column(t, "VERSION", TABLE_RIGHT);
	table_column(t, "WHEN", 0);
	table_column(t, "WHAT", 0);
	table_column(t, "BY", 0);
	if (calendars)
		table_column(t, "CALENDAR", TABLE_CUT);
	table_column(t, "CHANGE", TABLE_CUT);
	for (size_t i = 0; i < l->versions.count; i++) {
		const struct history *h = &l->versions.items[i];
		char when[OUT_TIME_LEN];

		out_time_ms(h->at_ms, when);
		table_row(t);
		table_cellf(t, "%lld", (long long)h->id);
		table_cell(t, when);
		table_cell(t, h->op == HISTORY_KEPT && event_is_cancelled(h->resource)
				      ? "cancelled"
				      : ops[h->op]);
		table_cell(t, origin_text(h));
		if (calendars)
			table_cell(t, h->calendar);
		change_cell(t, l, i);
	}
	table_print(t);
	if (!l->versions.count)
		out_note(l->cx, "nothing of it was changed since calsync keeps versions\n");
}

static int run_log(struct cmd_context *cx, struct err *err)
{
	AUTO(event_log_release) struct event_log l = {.cx = cx};

	if (read_log(&l, cx->argv[0], err))
		return -1;
	if (cx->global.json)
		log_json(&l);
	else
		log_table(&l);
	return 0;
}

const struct cmd cmd_event_log = {
	.name = "log",
	.parent = "event",
	.synopsis = "EVENT",
	.summary = "show every version of an event that was replaced or deleted",
	.help = "Newest first, also of an event that is gone: its id, or the first four or more\n"
		"characters of it, still names it. VERSION is what 'event restore ID@VERSION'\n"
		"brings back: the event as it was before that line's change. 'not taken' is a\n"
		"version that lost a conflict.\n"
		"\n"
		"--json answers with an array of {\"version\", \"at\", \"op\", \"origin\", "
		"\"command\",\n"
		"\"changed\", \"event\", ...}; event is the version that was replaced, null when "
		"the\n"
		"event came to be.\n",
	.needs = NEEDS_STORE,
	.flags = CMD_TELLS_DEAD,
	.min_args = 1,
	.max_args = 1,
	.arg = "EVENT",
	.run = run_log,
};
