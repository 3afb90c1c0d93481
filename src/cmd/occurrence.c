#include "cmd/occurrence.h"

#include <string.h>

#include "base/log.h"
#include "base/strbuf.h"
#include "base/time.h"
#include "base/xalloc.h"
#include "cmd/context.h"
#include "model/event.h"
#include "base/banned.h"

/* --- zones of calendars ------------------------------------------------------------------- */

static const char *calendar_zone(const struct calendar_list *l, int64_t calendar_id)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->items[i].id == calendar_id)
			return l->items[i].time_zone;
	return "UTC";
}

/* --- what has a row ----------------------------------------------------------------------- */

/* The original starts of a series' exceptions, sorted. */
struct taken {
	int64_t *starts;
	size_t count;
};

static void taken_release(struct taken *t)
{
	free(t->starts);
	*t = (struct taken){0};
}
DEFINE_AUTO_VALUE(struct taken, taken_release)

static int compare_starts(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* By originalStartTime, or what its id says. */
static bool original_start(const struct event *e, const char *zone, int64_t *out)
{
	struct recur_stamp stamp;
	size_t base;

	if (event_time_utc(json_get(e->resource, "originalStartTime"), zone, out))
		return true;
	if (!recur_instance_parse(e->id, &base, &stamp))
		return false;
	*out = recur_stamp_utc(&stamp, zone);
	return true;
}

static int taken_read(struct store *s, const struct event *master, const char *zone,
		      struct taken *out, struct err *err)
{
	AUTO(event_list_release) struct event_list list = {0};

	if (store_event_occurrences(s, master->calendar_id, master->id, &list, err))
		return -1;
	out->starts = xcalloc(list.count ? list.count : 1, sizeof(*out->starts));
	for (size_t i = 0; i < list.count; i++)
		if (original_start(&list.items[i], zone, &out->starts[out->count]))
			out->count++;
	qsort(out->starts, out->count, sizeof(*out->starts), compare_starts);
	return 0;
}

static bool taken_has(const struct taken *t, int64_t start)
{
	return t->count && bsearch(&start, t->starts, t->count, sizeof(*t->starts), compare_starts);
}

/* --- one occurrence ----------------------------------------------------------------------- */

void occurrence_event(const struct event *master, const char *zone, const struct occurrence *o,
		      struct event *out)
{
	*out = (struct event){
		.calendar_id = master->calendar_id,
		.id = xstrdup(o->id),
		.resource = recur_instance(master->resource, zone, o),
		.at_google = master->at_google,
		.sync_status = master->sync_status,
		.pending = master->pending,
		.last_error = xstrdup_null(master->last_error),
		.changed_ms = master->changed_ms,
		.account = xstrdup_null(master->account),
		.calendar = xstrdup_null(master->calendar),
	};
}

/* Whether this row is the series that the id is of, and one of its occurrences is there then. */
static int has_occurrence(struct store *s, const struct event *master, const char *zone,
			  const struct recur_stamp *stamp, bool *out, struct err *err)
{
	AUTO(taken_release) struct taken taken = {0};
	int64_t start = recur_stamp_utc(stamp, zone);
	bool all_day = json_path_str(master->resource, "start/dateTime") == NULL;

	*out = false;
	if (!event_is_master(master->resource) || all_day != stamp->all_day)
		return 0;
	if (recur_has(master->resource, zone, start, out, err) ||
	    taken_read(s, master, zone, &taken, err))
		return -1;
	*out = *out && !taken_has(&taken, start);
	return 0;
}

static int find_masters(struct cmd_context *cx, const char *base, struct event_list *out,
			struct err *err)
{
	AUTO(account_list_release) struct account_list accounts = {0};
	struct event_query q = EVENT_QUERY_INIT;

	if (cmd_accounts(cx, &accounts, err))
		return -1;
	if (cmd_account_wish(cx) && accounts.count == 1)
		q.account_id = accounts.items[0].id;
	q.id_prefix = base;
	return store_event_list(cx->store, &q, out, err);
}

static int occurrence_at(const struct event *master, const char *zone,
			 const struct recur_stamp *stamp, struct occurrence *out, struct err *err)
{
	AUTO(occurrence_list_release) struct occurrence_list list = {0};
	int64_t start = recur_stamp_utc(stamp, zone);

	/* One of no length ends where a window that begins with it does. */
	if (recur_expand(master->resource, zone, start - 1, start + 1, SIZE_MAX, &list, err))
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		if (list.items[i].start_utc != start)
			continue;
		*out = list.items[i];
		list.items[i].id = NULL;
		return 0;
	}
	return err_set(err, ERR_NOT_FOUND, "no occurrence of '%s' starts then", master->id);
}

int occurrence_find(struct cmd_context *cx, const char *id, struct event *out_master,
		    struct occurrence *out, struct err *err)
{
	AUTO(calendar_list_release) struct calendar_list calendars = {0};
	AUTO(event_list_release) struct event_list masters = {0};
	AUTO(strbuf_release) struct strbuf found = STRBUF_INIT;
	AUTO(free) char *base = NULL;
	struct event *pick = NULL;
	struct recur_stamp stamp;
	size_t len;
	bool has;

	if (!recur_instance_parse(id, &len, &stamp))
		return err_set(err, ERR_NOT_FOUND, "no event '%s'", id);
	base = xstrndup(id, len);
	if (find_masters(cx, base, &masters, err) ||
	    store_calendar_list(cx->store, 0, &calendars, err))
		return -1;
	for (size_t i = 0; i < masters.count; i++) {
		struct event *e = &masters.items[i];

		if (!recur_master_named(e->id, base, len))
			continue;
		if (has_occurrence(cx->store, e, calendar_zone(&calendars, e->calendar_id), &stamp,
				   &has, err))
			return err_wrap(err, "series '%s'", e->id);
		if (!has)
			continue;
		strbuf_addf(&found, "%s%s", pick ? ", " : "", e->calendar);
		pick = pick ? masters.items + masters.count : e;
	}
	if (!pick)
		return err_set(err, ERR_NOT_FOUND, "no event '%s'", id);
	if (pick == masters.items + masters.count)
		return err_set(err, ERR_AMBIGUOUS, "'%s' is in several calendars: %s", id,
			       found.buf);
	if (occurrence_at(pick, calendar_zone(&calendars, pick->calendar_id), &stamp, out, err))
		return -1;
	*out_master = *pick;
	memset(pick, 0, sizeof(*pick));
	return 0;
}

/* --- all that happens --------------------------------------------------------------------- */

void happening_list_release(struct happening_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		event_release(&l->items[i].event);
	free(l->items);
	*l = (struct happening_list){0};
}

static struct happening *happening_add(struct happening_list *l)
{
	if (l->count == l->alloc) {
		l->alloc = l->alloc ? l->alloc * 2 : 64;
		l->items = xreallocarray(l->items, l->alloc, sizeof(*l->items));
	}
	l->items[l->count] = (struct happening){0};
	return &l->items[l->count++];
}

static int compare_happenings(const void *a, const void *b)
{
	const struct happening *x = a, *y = b;
	int by_id;

	if (x->start_utc != y->start_utc)
		return x->start_utc < y->start_utc ? -1 : 1;
	by_id = strcmp(x->event.id, y->event.id);
	if (by_id)
		return by_id;
	return x->event.calendar_id < y->event.calendar_id
		       ? -1
		       : x->event.calendar_id > y->event.calendar_id;
}

struct search {
	struct store *store;
	struct calendar_list calendars;
	int64_t from, to;
	bool open_end;
	bool more; /* a series goes on behind an open end */
	struct happening_list *out;
};

/* Takes the row over. */
static void add_row(const struct search *f, struct event *e)
{
	struct happening *h = happening_add(f->out);

	(void)event_span(e->resource, calendar_zone(&f->calendars, e->calendar_id), &h->start_utc,
			 &h->end_utc, &h->all_day);
	h->event = *e;
	memset(e, 0, sizeof(*e));
}

static void look_behind(struct search *f, const struct event *master, const char *zone)
{
	AUTO(occurrence_list_release) struct occurrence_list list = {0};
	struct err ignored; /* what cannot be looked at may be there */

	if (!f->open_end || f->more)
		return;
	f->more = recur_expand(master->resource, zone, f->to, RECUR_FUTURE, 1, &list, &ignored) ||
		  list.count;
}

/* A series that Google has and that cannot be expanded here must not hide the others. */
static int add_series(struct search *f, struct event *master, struct err *err)
{
	AUTO(occurrence_list_release) struct occurrence_list list = {0};
	AUTO(taken_release) struct taken taken = {0};
	const char *zone = calendar_zone(&f->calendars, master->calendar_id);
	struct err why;

	if (recur_expand(master->resource, zone, f->from, f->to, HAPPENINGS_PER_SERIES, &list,
			 &why)) {
		log_warn("list", "series '%s' is shown as it is stored: %s", master->id, why.msg);
		add_row(f, master);
		return 0;
	}
	if (list.truncated)
		log_warn("list", "series '%s' has more than %d occurrences in this time",
			 master->id, HAPPENINGS_PER_SERIES);
	look_behind(f, master, zone);
	if (!list.count)
		return 0;
	if (taken_read(f->store, master, zone, &taken, err))
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		const struct occurrence *o = &list.items[i];
		struct happening *h;

		if (taken_has(&taken, o->start_utc))
			continue;
		h = happening_add(f->out);
		h->start_utc = o->start_utc;
		h->end_utc = o->end_utc;
		h->all_day = o->all_day;
		occurrence_event(master, zone, o, &h->event);
	}
	return 0;
}

static void warn_of_more(const struct search *f)
{
	char until[RFC3339_LEN];

	if (!f->more)
		return;
	rfc3339_format(f->to, zone_offset(zone_system(), f->to), until);
	until[DATE_LEN - 1] = '\0';
	log_warn("list", "series are followed until %s only; --end TIME shows more", until);
}

static int search_rows(struct search *f, const struct event_query *window, struct err *err)
{
	AUTO(event_list_release) struct event_list rows = {0};
	struct event_query q = *window;

	q.masters = true;
	if (store_calendar_list(f->store, 0, &f->calendars, err) ||
	    store_event_list(f->store, &q, &rows, err))
		return -1;
	for (size_t i = 0; i < rows.count; i++) {
		if (!event_is_master(rows.items[i].resource))
			add_row(f, &rows.items[i]);
		else if (add_series(f, &rows.items[i], err))
			return -1;
	}
	return 0;
}

int happenings_find(struct store *s, const struct event_query *window, int64_t now_utc,
		    struct happening_list *out, struct err *err)
{
	AUTO(happening_list_release) struct happening_list list = {0};
	int64_t begin =
		window->has_start && window->start_utc > now_utc ? window->start_utc : now_utc;
	struct search f = {
		.store = s,
		.from = window->has_start ? window->start_utc : RECUR_PAST,
		.to = window->has_end ? window->end_utc
				      : begin + (int64_t)SERIES_AHEAD_DAYS * DAY_S,
		.open_end = !window->has_end,
		.out = &list,
	};
	int status = search_rows(&f, window, err);

	calendar_list_release(&f.calendars);
	if (status)
		return -1;
	warn_of_more(&f);
	if (list.count)
		qsort(list.items, list.count, sizeof(*list.items), compare_happenings);
	*out = list;
	list = (struct happening_list){0};
	return 0;
}
