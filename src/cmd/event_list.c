#include <string.h>

#include "base/json.h"
#include "base/time.h"
#include "cmd/context.h"
#include "cmd/event_print.h"
#include "cmd/event_rows.h"
#include "cmd/occurrence.h"
#include "cmd/output.h"
#include "cmd/window.h"
#include "model/event.h"
#include "base/banned.h"

struct list_options {
	const char *start, *end, *calendar, *search, *sync_status, *format;
	bool no_expand;
};

static const struct option_spec options[] = {
	OPT_STRING('s', "start", struct list_options, start, "TIME", "what ends after TIME"),
	OPT_STRING('e', "end", struct list_options, end, "TIME",
		   "what begins before TIME; a day is included"),
	OPT_STRING('c', "calendar", struct list_options, calendar, "CALENDAR", "of one calendar"),
	OPT_STRING(0, "search", struct list_options, search, "TEXT",
		   "with TEXT in title, description or location"),
	OPT_CHOICE(0, "sync-status", struct list_options, sync_status, "local_only|synced|error",
		   "in this state"),
	OPT_CHOICE(0, "format", struct list_options, format, EVENT_ROWS_FORMATS,
		   "how to print (default table)"),
	OPT_FLAG(0, "no-expand", struct list_options, no_expand,
		 "series as they are stored, not their occurrences"),
	OPT_END,
};

struct lister {
	struct event_rows rows;
	struct table *table;
	const char *zone;
	bool expand, many_calendars, many_accounts;
};

/* --- the table ---------------------------------------------------------------------------- */

static const char *kind_text(const struct event *e)
{
	if (event_is_master(e->resource))
		return "series";
	if (!e->rowid)
		return "occurrence";
	return event_is_exception(e->resource) ? "changed occurrence" : "";
}

static int table_event(const struct event *e, void *arg)
{
	struct lister *l = arg;
	AUTO(strbuf_release) struct strbuf start = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf end = STRBUF_INIT;
	const char *state = event_text_state(e);
	const char *kind = kind_text(e);

	event_text_start(e->resource, l->zone, &start);
	event_text_end(e->resource, l->zone, &end);
	l->rows.count++;
	table_row(l->table);
	table_cell_styled(l->table, e->id, OUT_DIM);
	table_cell(l->table, start.buf);
	table_cell(l->table, end.buf);
	table_cell(l->table, json_str(e->resource, "summary"));
	if (l->many_accounts)
		table_cell(l->table, e->account);
	if (l->many_calendars)
		table_cell(l->table, e->calendar);
	table_cellf(l->table, "%s%s%s", kind, *kind && *state ? ", " : "", state);
	return 0;
}

/* --- all of them -------------------------------------------------------------------------- */

/* In a window series are expanded, without one everything is shown as it is stored. */
static int each(const struct lister *l, const struct event_query *q,
		int (*fn)(const struct event *e, void *arg), void *arg, struct err *err)
{
	AUTO(happening_list_release) struct happening_list list = {0};
	struct cmd_context *cx = l->rows.cx;

	if (!l->expand || !(q->has_start || q->has_end))
		return store_event_each(cx->store, q, fn, arg, err);
	if (happenings_find(cx->store, q, clock_now_ms(cx->clock) / 1000, &list, err))
		return -1;
	for (size_t i = 0; i < list.count; i++)
		fn(&list.items[i].event, arg);
	return 0;
}

static int list_json(struct lister *l, const struct event_query *q, struct err *err)
{
	if (each(l, q, event_row_json, &l->rows, err))
		return -1;
	event_rows_json_end(&l->rows);
	return 0;
}

static int list_tsv(struct lister *l, const struct event_query *q, struct err *err)
{
	event_rows_tsv_head();
	return each(l, q, event_row_tsv, &l->rows, err);
}

/* Columns that would say the same in every row are left out. */
static int count_sources(struct lister *l, const struct event_query *q, struct err *err)
{
	AUTO(calendar_list_release) struct calendar_list calendars = {0};

	if (q->calendar_id)
		return 0;
	if (store_calendar_list(l->rows.cx->store, q->account_id, &calendars, err))
		return -1;
	l->many_calendars = calendars.count > 1;
	for (size_t i = 1; i < calendars.count; i++)
		if (calendars.items[i].account_id != calendars.items[0].account_id)
			l->many_accounts = true;
	return 0;
}

static int list_table(struct lister *l, const struct event_query *q, struct err *err)
{
	AUTO(table_free) struct table *table = table_new(l->rows.cx);

	if (count_sources(l, q, err))
		return -1;
	l->table = table;
	table_column(table, "ID", 0);
	table_column(table, "START", 0);
	table_column(table, "END", 0);
	table_column(table, "TITLE", TABLE_CUT);
	if (l->many_accounts)
		table_column(table, "ACCOUNT", TABLE_CUT);
	if (l->many_calendars)
		table_column(table, "CALENDAR", TABLE_CUT);
	table_column(table, "NOTE", TABLE_CUT);
	if (each(l, q, table_event, l, err))
		return -1;
	table_print(table);
	if (!l->rows.count)
		out_note(l->rows.cx, "no event\n");
	return 0;
}

static int make_query(struct cmd_context *cx, const struct list_options *o, struct event_query *q,
		      struct err *err)
{
	char zone[64];
	enum sync_status status;
	struct window w;

	if (event_rows_query(cx, o->calendar, o->search, q, zone, err) ||
	    window_parse(o->start, o->end, zone, clock_now_ms(cx->clock) / 1000, &w, err))
		return -1;
	q->has_start = w.has_start;
	q->has_end = w.has_end;
	q->start_utc = w.start_utc;
	q->end_utc = w.end_utc;
	if (o->sync_status && !sync_status_parse(o->sync_status, &status))
		q->sync_status = status;
	return 0;
}

static int run_list(struct cmd_context *cx, struct err *err)
{
	const struct list_options *o = cx->opts;
	const char *format = event_rows_format(cx, o->format);
	struct event_query q = EVENT_QUERY_INIT;
	struct lister l = {.rows.cx = cx, .zone = zone_system(), .expand = !o->no_expand};

	if (make_query(cx, o, &q, err))
		return -1;
	if (!strcmp(format, "json"))
		return list_json(&l, &q, err);
	if (!strcmp(format, "ndjson"))
		return each(&l, &q, event_row_ndjson, &l.rows, err);
	if (!strcmp(format, "tsv"))
		return list_tsv(&l, &q, err);
	return list_table(&l, &q, err);
}

const struct cmd cmd_event_list = {
	.name = "list",
	.parent = "event",
	.synopsis = "[OPTION]...",
	.summary = "list events",
	.help = "Without --start and --end all events are listed as they are stored, with them\n"
		"what touches the time between. TIME is read as by 'event add', in the zone of\n"
		"--calendar or else the system's; a day given to --end is included.\n"
		"\n"
		"Between two times a series is shown as its occurrences, each with the id that\n"
		"Google gives it; one that was changed or cancelled is shown as it is now, or not\n"
		"at all. With --no-expand, and without a time, a series is one row and its\n"
		"changed occurrences are rows of their own. Without --end series are followed\n"
		"for 366 days from --start (or from now, if that is later), and a warning says so\n"
		"when one goes on; of one series at most 10000 occurrences are shown.\n"
		"\n"
		"The table shows times in the system's zone, and the last day of an all-day\n"
		"event. tsv has a header line and Google's values: dates and RFC 3339 times,\n"
		"an all-day event's end being the day after.\n",
	.options = options,
	.opts_size = sizeof(struct list_options),
	.needs = NEEDS_STORE,
	.flags = CMD_TELLS_DEAD,
	.run = run_list,
};
