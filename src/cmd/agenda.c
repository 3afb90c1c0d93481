#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "base/term.h"
#include "base/time.h"
#include "base/when.h"
#include "base/xalloc.h"
#include "cmd/context.h"
#include "cmd/event_print.h"
#include "cmd/event_rows.h"
#include "cmd/occurrence.h"
#include "cmd/output.h"
#include "cmd/window.h"
#include "model/event.h"
#include "base/banned.h"

#define AGENDA_DAYS 7

struct agenda_options {
	const char *start, *end, *calendar, *search, *format;
};

static const struct option_spec options[] = {
	OPT_STRING('s', "start", struct agenda_options, start, "TIME", "from TIME (default today)"),
	OPT_STRING('e', "end", struct agenda_options, end, "TIME",
		   "until TIME (default seven days); a day is included"),
	OPT_STRING('c', "calendar", struct agenda_options, calendar, "CALENDAR", "of one calendar"),
	OPT_STRING(0, "search", struct agenda_options, search, "TEXT",
		   "with TEXT in title, description or location"),
	OPT_CHOICE(0, "format", struct agenda_options, format, EVENT_ROWS_FORMATS,
		   "how to print (default table)"),
	OPT_END,
};

struct agenda {
	struct cmd_context *cx;
	const char *zone; /* the system's */
	int64_t today, first_day, last_day;
	struct happening_list all;
	struct calendar_list calendars;
	bool many_calendars;
};

static void agenda_release(struct agenda *a)
{
	happening_list_release(&a->all);
	calendar_list_release(&a->calendars);
}
DEFINE_AUTO_VALUE(struct agenda, agenda_release)

/* --- days --------------------------------------------------------------------------------- */

static int64_t floor_day(int64_t s)
{
	return s / DAY_S - (s % DAY_S < 0);
}

/* Seconds of the wall clock, as if it were UTC. */
static int64_t local_s(const struct agenda *a, int64_t utc)
{
	return utc + zone_offset(a->zone, utc);
}

/* From when to when on the wall clock; an all-day event has its dates, whatever the zone. */
static void local_span(const struct agenda *a, const struct happening *h, int64_t *out_start,
		       int64_t *out_end)
{
	bool all_day;

	*out_start = *out_end = 0;
	if (h->all_day) {
		(void)event_span(h->event.resource, "UTC", out_start, out_end, &all_day);
		if (*out_end <= *out_start)
			*out_end = *out_start + DAY_S;
		return;
	}
	*out_start = local_s(a, h->start_utc);
	*out_end = local_s(a, h->end_utc);
	/* An hour that comes twice when clocks are put back may end before it began. */
	if (*out_end < *out_start)
		*out_end = *out_start;
}

/* What happens at midnight belongs to the day before, unless it begins then. */
static void day_span(const struct agenda *a, const struct happening *h, int64_t *out_first,
		     int64_t *out_last)
{
	int64_t start, end;

	local_span(a, h, &start, &end);
	*out_first = floor_day(start);
	*out_last = end > start ? floor_day(end - 1) : *out_first;
}

/* One event on one day. */
struct entry {
	int64_t day;
	int64_t from; /* seconds of that day; -1 = all of it */
	const struct happening *h;
};

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->day != y->day)
		return x->day < y->day ? -1 : 1;
	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	return x->h < y->h ? -1 : x->h > y->h; /* the list is in order */
}

static struct entry *make_entries(const struct agenda *a, size_t *out_count)
{
	struct entry *list = NULL;
	size_t count = 0, alloc = 0;

	for (size_t i = 0; i < a->all.count; i++) {
		const struct happening *h = &a->all.items[i];
		int64_t start, end, first, last;

		local_span(a, h, &start, &end);
		day_span(a, h, &first, &last);
		if (last > a->last_day)
			last = a->last_day;
		for (int64_t day = first > a->first_day ? first : a->first_day; day <= last;
		     day++) {
			bool whole =
				h->all_day || (start <= day * DAY_S && end >= (day + 1) * DAY_S);

			if (count == alloc) {
				alloc = alloc ? alloc * 2 : 64;
				list = xreallocarray(list, alloc, sizeof(*list));
			}
			list[count++] = (struct entry){
				day,
				whole                 ? -1
				: start > day * DAY_S ? start - day * DAY_S
						      : 0,
				h,
			};
		}
	}
	if (count)
		qsort(list, count, sizeof(*list), compare_entries);
	*out_count = count;
	return list;
}

/* --- for people --------------------------------------------------------------------------- */

static void heading(const struct agenda *a, int64_t day, bool first)
{
	static const char *const names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
	struct civil c;
	char date[DATE_LEN];

	civil_from_days(day, &c);
	date_format(&c, date);
	out_printf("%s%s%s %s%s%s\n", first ? "" : "\n", out_style_on(a->cx, OUT_BOLD),
		   names[civil_weekday(&c)], date,
		   day == a->today       ? " (today)"
		   : day == a->today + 1 ? " (tomorrow)"
					 : "",
		   out_style_off(a->cx));
}

static void add_clock(struct strbuf *out, int64_t s)
{
	strbuf_addf(out, "%02d:%02d", (int)(s / 3600 % 24), (int)(s / 60 % 60));
}

/* "09:00-10:00"; of one that goes over midnight "22:00-" and "-06:00". */
static void add_time(const struct agenda *a, const struct entry *e, struct strbuf *out)
{
	int64_t start, end, midnight = e->day * DAY_S;

	if (e->from < 0) {
		strbuf_adds(out, "all day");
		return;
	}
	local_span(a, e->h, &start, &end);
	if (start >= midnight)
		add_clock(out, start - midnight);
	else
		strbuf_adds(out, "     ");
	if (end == start)
		return;
	strbuf_addc(out, '-');
	if (end <= midnight + DAY_S)
		add_clock(out, end - midnight);
}

static const char *calendar_title(const struct agenda *a, const struct event *e)
{
	for (size_t i = 0; i < a->calendars.count; i++)
		if (a->calendars.items[i].id == e->calendar_id)
			return a->calendars.items[i].summary;
	return NULL;
}

/* "(2/3)": the second day of three. */
static void add_day_number(const struct agenda *a, const struct entry *e, struct strbuf *out)
{
	int64_t first, last;

	day_span(a, e->h, &first, &last);
	if (last > first)
		strbuf_addf(out, " (%d/%d)", (int)(e->day - first) + 1, (int)(last - first) + 1);
}

static void print_entry(const struct agenda *a, const struct entry *e)
{
	const struct event *event = &e->h->event;
	const char *state = event_text_state(event);
	AUTO(free) char *title = term_clean(json_str(event->resource, "summary"));
	AUTO(free) char *place = term_clean(json_str(event->resource, "location"));
	AUTO(free) char *calendar = term_clean(calendar_title(a, event));
	AUTO(strbuf_release) struct strbuf time = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf more = STRBUF_INIT;

	add_time(a, e, &time);
	add_day_number(a, e, &more);
	if (*place)
		strbuf_addf(&more, ", %s", place);
	if (a->many_calendars && *calendar)
		strbuf_addf(&more, " [%s]", calendar);
	if (*state)
		strbuf_addf(&more, " (%s)", state);
	out_printf("  %-11s  %s%s%s%s\n", time.buf, *title ? title : "(no title)",
		   out_style_on(a->cx, OUT_DIM), more.buf, out_style_off(a->cx));
}

static int print_days(struct agenda *a, struct err *err)
{
	AUTO(free) struct entry *entries = NULL;
	size_t count;

	if (store_calendar_list(a->cx->store, 0, &a->calendars, err))
		return -1;
	for (size_t i = 1; i < a->all.count; i++)
		if (a->all.items[i].event.calendar_id != a->all.items[0].event.calendar_id)
			a->many_calendars = true;
	entries = make_entries(a, &count);
	for (size_t i = 0; i < count; i++) {
		if (!i || entries[i].day != entries[i - 1].day)
			heading(a, entries[i].day, !i);
		print_entry(a, &entries[i]);
	}
	if (!count)
		out_note(a->cx, "no event\n");
	return 0;
}

/* --- which -------------------------------------------------------------------------------- */

static int agenda_window(const struct agenda_options *o, const char *zone, int64_t now,
			 struct window *out, struct err *err)
{
	const struct duration days = {.days = AGENDA_DAYS};
	struct when end;

	if (window_parse(o->start ? o->start : "today", o->end, zone, now, out, err))
		return -1;
	if (o->end)
		return 0;
	if (when_add(out->start_utc, &days, zone, &end, err))
		return err_wrap(err, "--start");
	out->end_utc = end.utc;
	return 0;
}

/* A day is the same day in every zone, but its instants are not: all-day events are looked for a
 * day further, and those that are on none of the agenda's days left out again. */
static void keep_shown(struct agenda *a, const struct window *w)
{
	size_t n = 0;

	for (size_t i = 0; i < a->all.count; i++) {
		struct happening *h = &a->all.items[i];
		int64_t first, last;
		bool shown;

		day_span(a, h, &first, &last);
		shown = h->all_day ? first <= a->last_day && last >= a->first_day
				   : h->end_utc > w->start_utc && h->start_utc < w->end_utc;
		if (shown)
			a->all.items[n++] = *h;
		else
			event_release(&h->event);
	}
	a->all.count = n;
}

static int find(struct agenda *a, const struct agenda_options *o, struct err *err)
{
	struct event_query q = EVENT_QUERY_INIT;
	int64_t now = clock_now_ms(a->cx->clock) / 1000;
	char calendar_zone[64];
	struct window w;

	if (event_rows_query(a->cx, o->calendar, o->search, &q, calendar_zone, err) ||
	    agenda_window(o, a->zone, now, &w, err))
		return -1;
	a->today = floor_day(local_s(a, now));
	a->first_day = floor_day(local_s(a, w.start_utc));
	a->last_day = floor_day(local_s(a, w.end_utc - 1));
	q.has_start = q.has_end = true;
	q.start_utc = w.start_utc - DAY_S;
	q.end_utc = w.end_utc + DAY_S;
	if (happenings_find(a->cx->store, &q, now, &a->all, err))
		return -1;
	keep_shown(a, &w);
	return 0;
}

static int run_agenda(struct cmd_context *cx, struct err *err)
{
	const struct agenda_options *o = cx->opts;
	const char *format = event_rows_format(cx, o->format);
	AUTO(agenda_release) struct agenda a = {.cx = cx, .zone = zone_system()};
	struct event_rows rows = {.cx = cx};
	int (*fn)(const struct event *e, void *arg) = event_row_ndjson;

	if (find(&a, o, err))
		return -1;
	if (!strcmp(format, "table"))
		return print_days(&a, err);
	if (!strcmp(format, "json"))
		fn = event_row_json;
	if (!strcmp(format, "tsv")) {
		event_rows_tsv_head();
		fn = event_row_tsv;
	}
	for (size_t i = 0; i < a.all.count; i++)
		fn(&a.all.items[i].event, &rows);
	if (!strcmp(format, "json"))
		event_rows_json_end(&rows);
	return 0;
}

const struct cmd cmd_agenda = {
	.name = "agenda",
	.synopsis = "[OPTION]...",
	.summary = "show the coming days",
	.help = "What happens from today on, seven days long or from --start to --end, grouped by\n"
		"day: all-day events first, series as their occurrences, an event of several days\n"
		"on each of them. TIME is read as by 'event add'. Days and times are those of\n"
		"the system's zone. Cancelled events are not shown.\n"
		"\n"
		"json, ndjson and tsv have each event once, in order of start, as 'event list'\n"
		"prints it; there too are the ids that other commands take.\n",
	.options = options,
	.opts_size = sizeof(struct agenda_options),
	.needs = NEEDS_STORE,
	.flags = CMD_TELLS_DEAD,
	.run = run_agenda,
};
