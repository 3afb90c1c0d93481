/* `changes`: what happened to events here, in order, for programs that follow it. */
#include <string.h>

#include "base/json.h"
#include "base/time.h"
#include "cmd/context.h"
#include "cmd/event_print.h"
#include "cmd/output.h"
#include "model/event.h"
#include "base/banned.h"

#define CHUNK 500 /* rows that are held in memory at a time */

struct changes_options {
	struct int_value since, limit;
	const char *format;
	bool last;
};

static const struct option_spec options[] = {
	OPT_INT(0, "since", struct changes_options, since, "SEQ", 0, INT64_MAX,
		"only what came after this number"),
	OPT_INT(0, "limit", struct changes_options, limit, "N", 1, INT64_MAX, "at most so many"),
	OPT_FLAG(0, "last", struct changes_options, last, "print the last number and nothing else"),
	OPT_CHOICE(0, "format", struct changes_options, format, "table|json|ndjson",
		   "how to print (default table)"),
	OPT_END,
};

struct feed {
	struct cmd_context *cx;
	const char *format;
	struct table *table;
	int64_t count;
};

/* The event as it is now; NULL: it is not there. */
static int read_event(struct feed *f, const struct history *h, struct event *out, bool *out_there,
		      struct err *err)
{
	bool found;

	if (store_event_get(f->cx->store, h->calendar_id, h->event_id, out, &found, err))
		return -1;
	*out_there = found && !out->hidden && !event_is_cancelled(out->resource);
	return 0;
}

/* --- one row ------------------------------------------------------------------------------ */

static struct json_object *row_json(const struct history *h, const struct event *e)
{
	struct json_object *o = json_object_new_object();

	json_set_int(o, "seq", h->id);
	json_set(o, "at", json_time_ms(h->at_ms));
	json_set_str(o, "op", history_op_name(h->op));
	json_set_str(o, "origin", h->origin);
	json_set_str(o, "account", h->account);
	json_set_str(o, "calendar", h->calendar);
	json_set_str(o, "id", h->event_id);
	json_set(o, "event", e ? json_event(e) : NULL);
	return o;
}

static void table_line(struct feed *f, const struct history *h, const struct event *e)
{
	const struct json_object *resource = e ? e->resource : h->resource;
	AUTO(strbuf_release) struct strbuf start = STRBUF_INIT;
	char when[OUT_TIME_LEN];

	out_time_ms(h->at_ms, when);
	if (resource)
		event_text_start(resource, zone_system(), &start);
	table_row(f->table);
	table_cellf(f->table, "%lld", (long long)h->id);
	table_cell(f->table, when);
	table_cell(f->table, history_op_name(h->op));
	table_cell(f->table, h->origin);
	table_cell(f->table, h->calendar);
	table_cell_styled(f->table, h->event_id, OUT_DIM);
	table_cell(f->table, start.buf);
	table_cell(f->table, resource ? json_str(resource, "summary") : "");
}

static int print_row(struct feed *f, const struct history *h, struct err *err)
{
	AUTO(event_release) struct event e = {0};
	AUTO(json_object_put) struct json_object *o = NULL;
	bool there;

	if (read_event(f, h, &e, &there, err))
		return -1;
	if (f->table) {
		table_line(f, h, there ? &e : NULL);
	} else {
		o = row_json(h, there ? &e : NULL);
		/* Opened by the first row, so that an error before it can still be an answer. */
		f->cx->json_printed = true;
		if (!strcmp(f->format, "json"))
			out_printf("%s%s", f->count ? "," : "[", json_text(o));
		else
			out_ndjson(f->cx, o);
	}
	f->count++;
	return 0;
}

/* --- all of them -------------------------------------------------------------------------- */

static int print_rows(struct feed *f, struct history_query *q, int64_t limit, struct err *err)
{
	for (;;) {
		AUTO(history_list_release) struct history_list list = {0};
		int64_t left = limit ? limit - f->count : CHUNK;

		q->limit = left < CHUNK ? (size_t)left : CHUNK;
		if (!left || store_history_list(f->cx->store, q, &list, err))
			return left ? -1 : 0;
		for (size_t i = 0; i < list.count; i++)
			if (print_row(f, &list.items[i], err))
				return -1;
		if (list.count < q->limit)
			return 0;
		q->after = list.items[list.count - 1].id;
	}
}

static int print_table(struct feed *f, struct history_query *q, int64_t limit, struct err *err)
{
	AUTO(table_free) struct table *t = table_new(f->cx);

	table_column(t, "SEQ", TABLE_RIGHT);
	table_column(t, "WHEN", 0);
	table_column(t, "WHAT", 0);
	table_column(t, "ORIGIN", 0);
	table_column(t, "CALENDAR", TABLE_CUT);
	table_column(t, "ID", 0);
	table_column(t, "START", 0);
	table_column(t, "TITLE", TABLE_CUT);
	f->table = t;
	if (print_rows(f, q, limit, err))
		return -1;
	table_print(t);
	if (!f->count)
		out_note(f->cx, "no change\n");
	return 0;
}

static int print_feed(struct feed *f, struct history_query *q, int64_t limit, struct err *err)
{
	if (!strcmp(f->format, "table"))
		return print_table(f, q, limit, err);
	if (print_rows(f, q, limit, err))
		return -1;
	f->cx->json_printed = true;
	if (!strcmp(f->format, "json"))
		out_printf("%s]\n", f->count ? "" : "[");
	return 0;
}

/* --- where it begins ---------------------------------------------------------------------- */

static int print_last(struct cmd_context *cx, int64_t last)
{
	struct json_object *answer;

	if (!cx->global.json) {
		out_printf("%lld\n", (long long)last);
		return 0;
	}
	answer = json_object_new_object();
	json_set_int(answer, "seq", last);
	out_json(cx, answer);
	return 0;
}

/* A reader must not take what is missing for what did not happen. */
static int check_since(struct cmd_context *cx, int64_t since, int64_t last, struct err *err)
{
	int64_t floor;

	if (store_history_floor(cx->store, &floor, err))
		return -1;
	if (since >= floor)
		return 0;
	return err_set(err, ERR_FAILED,
		       "changes after %lld are forgotten, up to %lld; read everything again with "
		       "'calsync event list --no-expand', and go on with --since %lld",
		       (long long)since, (long long)floor, (long long)last);
}

static int run_changes(struct cmd_context *cx, struct err *err)
{
	const struct changes_options *o = cx->opts;
	struct feed f = {.cx = cx, .format = o->format};
	const char *wish = cmd_account_wish(cx);
	AUTO(account_release) struct account a = {0};
	struct history_query q = {.changes = true, .after = o->since.n};
	int64_t first, last;

	if (o->last && (o->since.given || o->limit.given || o->format))
		return err_set(err, ERR_USAGE, "--last is asked for alone");
	if ((wish && cmd_account_named(cx, wish, &a, err)) ||
	    store_history_range(cx->store, &first, &last, err))
		return -1;
	if (o->last)
		return print_last(cx, last);
	if (o->since.given && check_since(cx, o->since.n, last, err))
		return -1;
	if (!f.format)
		f.format = cx->global.json ? "json" : "table";
	q.account_id = a.id;
	if (print_feed(&f, &q, o->limit.n, err))
		return -1;
	/* Forgotten while it was read: the answer may lack some. */
	return o->since.given ? check_since(cx, o->since.n, last, err) : 0;
}

const struct cmd cmd_changes = {
	.name = "changes",
	.synopsis = "[OPTION]...",
	.summary = "list what changed here, in order, for other programs",
	.help = "One entry a change of an event, whoever made it: SEQ grows, and a program that\n"
		"keeps the last one it has seen gets the rest with --since SEQ. It begins with\n"
		"'calsync changes --last', then reads everything ('calsync event list\n"
		"--no-expand'), then follows. Beyond the end there is nothing; before the\n"
		"entries that are still kept there is an error (exit status 1) that says to\n"
		"read everything again.\n"
		"\n"
		"JSON has \"event\": the event as it is now, null when it is not there any more.\n",
	.options = options,
	.opts_size = sizeof(struct changes_options),
	.needs = NEEDS_STORE,
	.run = run_changes,
};
