#include "cmd/event_target.h"

#include <string.h>

#include "base/json.h"
#include "base/strbuf.h"
#include "base/when.h"
#include "base/xalloc.h"
#include "cmd/context.h"
#include "cmd/occurrence.h"
#include "model/event.h"
#include "sync/split.h"
#include "base/banned.h"

void event_target_release(struct event_target *t)
{
	calendar_release(&t->calendar);
	event_release(&t->event);
	occurrence_release(&t->at);
	event_release(&t->occurrence);
	memset(t, 0, sizeof(*t));
}

/* --- the id -------------------------------------------------------------------------------- */

/* An exception and its series, when that is here. */
static int find_series(struct cmd_context *cx, struct event_target *t, struct err *err)
{
	const char *series = json_str(t->event.resource, "recurringEventId");
	AUTO(event_release) struct event master = {0};
	int64_t start;
	bool found;

	if (store_event_get(cx->store, t->event.calendar_id, series, &master, &found, err))
		return -1;
	if (!found || master.hidden ||
	    !event_time_utc(json_get(t->event.resource, "originalStartTime"), t->calendar.time_zone,
			    &start))
		return 0;
	t->named = true;
	t->occurrence = t->event;
	t->event = master;
	memset(&master, 0, sizeof(master));
	if (recur_find(t->event.resource, t->calendar.time_zone, start, &t->at, &found, err))
		return err_wrap(err, "series '%s'", t->event.id);
	if (!found) { /* the rule has moved on: it stands for itself */
		t->at.id = xstrdup(t->occurrence.id);
		t->at.start_utc = t->at.end_utc = start;
	}
	return 0;
}

static int find_by_id(struct cmd_context *cx, const char *id, struct event_target *t,
		      struct err *err)
{
	if (!cmd_event(cx, id, &t->event, err)) {
		if (store_calendar_get(cx->store, t->event.calendar_id, &t->calendar, err))
			return -1;
		return event_is_exception(t->event.resource) ? find_series(cx, t, err) : 0;
	}
	if (err->code != ERR_NOT_FOUND || occurrence_find(cx, id, &t->event, &t->at, err) ||
	    store_calendar_get(cx->store, t->event.calendar_id, &t->calendar, err))
		return -1;
	t->named = true;
	return 0;
}

/* --- the occurrence by its time ------------------------------------------------------------ */

struct candidate {
	int64_t original_utc;
	int64_t start_utc;       /* as it is now */
	const struct event *row; /* NULL = none; borrowed */
};

struct finder {
	struct cmd_context *cx;
	struct event_target *t;
	struct event_list rows;
	const char *zone; /* of the series */
	struct when when;
	int64_t from, to; /* what starts in it is meant; of a time: that second */
	struct candidate *found;
	size_t count;
	bool deleted; /* one that would be meant is */
};

static void finder_release(struct finder *f)
{
	event_list_release(&f->rows);
	free(f->found);
}
DEFINE_AUTO_VALUE(struct finder, finder_release)

static bool inside(const struct finder *f, int64_t utc)
{
	return utc >= f->from && utc < f->to;
}

static void add(struct finder *f, int64_t original, const struct event *row)
{
	int64_t start = original, end;
	bool all_day;

	for (size_t i = 0; i < f->count; i++)
		if (f->found[i].original_utc == original)
			return;
	if (row && (row->hidden || event_is_cancelled(row->resource))) {
		f->deleted = true;
		return;
	}
	if (row)
		(void)event_span(row->resource, f->t->calendar.time_zone, &start, &end, &all_day);
	f->found = xreallocarray(f->found, f->count + 1, sizeof(*f->found));
	f->found[f->count++] = (struct candidate){original, start, row};
}

static bool original_of(const struct finder *f, const struct event *row, int64_t *out)
{
	return event_time_utc(json_get(row->resource, "originalStartTime"),
			      f->t->calendar.time_zone, out);
}

static const struct event *row_at(const struct finder *f, int64_t original)
{
	int64_t start;

	for (size_t i = 0; i < f->rows.count; i++)
		if (original_of(f, &f->rows.items[i], &start) && start == original)
			return &f->rows.items[i];
	return NULL;
}

/* By the rule, and what has a row of its own because the rule no longer has it. */
static int find_by_rule(struct finder *f, struct err *err)
{
	AUTO(occurrence_list_release) struct occurrence_list list = {0};

	if (recur_expand(f->t->event.resource, f->t->calendar.time_zone, f->from - 1, f->to,
			 SIZE_MAX, &list, err))
		return err_wrap(err, "series '%s'", f->t->event.id);
	for (size_t i = 0; i < list.count; i++)
		if (inside(f, list.items[i].start_utc))
			add(f, list.items[i].start_utc, row_at(f, list.items[i].start_utc));
	for (size_t i = 0; i < f->rows.count; i++) {
		int64_t original;

		if (original_of(f, &f->rows.items[i], &original) && inside(f, original))
			add(f, original, &f->rows.items[i]);
	}
	return 0;
}

static void find_moved(struct finder *f)
{
	for (size_t i = 0; i < f->rows.count; i++) {
		const struct event *row = &f->rows.items[i];
		int64_t original, start, end;
		bool all_day;

		if (row->hidden || event_is_cancelled(row->resource) ||
		    !event_span(row->resource, f->t->calendar.time_zone, &start, &end, &all_day))
			continue;
		if (inside(f, start) && original_of(f, row, &original))
			add(f, original, row);
	}
}

static void add_time(const struct finder *f, struct strbuf *out, int64_t utc)
{
	struct civil c;

	zone_civil(f->zone, utc, &c);
	strbuf_addf(out, "%04d-%02d-%02d", c.year, c.month, c.day);
	if (json_path_str(f->t->event.resource, "start/dateTime"))
		strbuf_addf(out, " %02d:%02d", c.hour, c.minute);
}

static int none_found(struct finder *f, const char *text, struct err *err)
{
	AUTO(occurrence_list_release) struct occurrence_list next = {0};
	AUTO(strbuf_release) struct strbuf when = STRBUF_INIT;
	struct err ignored; /* a hint that cannot be given */

	if (f->deleted)
		return err_set(err, ERR_NOT_FOUND,
			       "the occurrence of '%s' at '%s' is deleted already", f->t->event.id,
			       text);
	if (!recur_expand(f->t->event.resource, f->t->calendar.time_zone, f->from, RECUR_FUTURE, 1,
			  &next, &ignored) &&
	    next.count) {
		strbuf_adds(&when, "; the next one is at ");
		add_time(f, &when, next.items[0].start_utc);
	}
	return err_set(err, ERR_NOT_FOUND, "series '%s' has no occurrence at '%s'%s",
		       f->t->event.id, text, when.buf);
}

static int several_found(const struct finder *f, const char *text, struct err *err)
{
	AUTO(strbuf_release) struct strbuf list = STRBUF_INIT;

	for (size_t i = 0; i < f->count && i < 8; i++) {
		strbuf_adds(&list, i ? ", " : "");
		add_time(f, &list, f->found[i].start_utc);
	}
	return err_set(err, ERR_AMBIGUOUS, "'%s' names several occurrences of '%s': %s%s", text,
		       f->t->event.id, list.buf, f->count > 8 ? ", ..." : "");
}

static int take(struct finder *f, const struct candidate *c, struct err *err)
{
	struct event_target *t = f->t;
	bool found;

	event_release(&t->occurrence);
	occurrence_release(&t->at);
	memset(&t->at, 0, sizeof(t->at));
	t->named = true;
	if (recur_find(t->event.resource, t->calendar.time_zone, c->original_utc, &t->at, &found,
		       err))
		return -1;
	if (!found && c->row) {
		t->at.id = xstrdup(c->row->id);
		t->at.start_utc = t->at.end_utc = c->original_utc;
	}
	return c->row ? store_event_get_row(f->cx->store, c->row->rowid, &t->occurrence, err) : 0;
}

static int read_time(struct finder *f, const char *text, struct err *err)
{
	const char *zone = json_path_str(f->t->event.resource, "start/timeZone");
	bool all_day = json_path_str(f->t->event.resource, "start/dateTime") == NULL;
	struct duration day = {.days = 1};
	struct when end;

	f->zone = zone && zone_valid(zone) ? zone : f->t->calendar.time_zone;
	if (when_parse(text, f->zone, clock_now_ms(f->cx->clock) / 1000, &f->when, err))
		return err_wrap(err, "--occurrence");
	if (all_day && !f->when.is_day)
		return err_set(err, ERR_INVALID,
			       "--occurrence '%s': the series is one of whole days; give a day",
			       text);
	f->from = f->when.utc;
	f->to = f->from + 1;
	if (f->when.is_day) {
		if (when_add(f->from, &day, f->zone, &end, err))
			return -1;
		f->to = end.utc;
	}
	return 0;
}

static int find_by_time(struct cmd_context *cx, struct event_target *t, const char *text,
			struct err *err)
{
	AUTO(finder_release) struct finder f = {.cx = cx, .t = t};

	if (read_time(&f, text, err) ||
	    store_event_occurrences(cx->store, t->event.calendar_id, t->event.id, &f.rows, err) ||
	    find_by_rule(&f, err))
		return -1;
	if (!f.count || f.when.is_day)
		find_moved(&f);
	if (!f.count)
		return none_found(&f, text, err);
	if (f.count > 1)
		return several_found(&f, text, err);
	return take(&f, &f.found[0], err);
}

/* --- the scope ----------------------------------------------------------------------------- */

/* What the occurrence is now, when it has no row. */
static void fill_occurrence(struct event_target *t)
{
	if (t->occurrence.rowid)
		return;
	occurrence_event(&t->event, t->calendar.time_zone, &t->at, &t->occurrence);
	json_object_put(t->occurrence.resource);
	t->occurrence.resource = split_instance(t->event.resource, t->calendar.time_zone, &t->at);
}

static int check_scope(const struct event_target *t, const char *occurrence, const char *scope,
		       struct err *err)
{
	bool series = event_is_master(t->event.resource);

	if (!series && !t->named && occurrence)
		return err_set(err, ERR_USAGE, "--occurrence: event '%s' is no series",
			       t->event.id);
	if (!series && !t->named && scope && strcmp(scope, "this") != 0)
		return err_set(err, ERR_USAGE, "--scope %s: event '%s' is no series", scope,
			       t->event.id);
	if (series && !t->named && !occurrence && scope && strcmp(scope, "all") != 0)
		return err_set(
			err, ERR_USAGE,
			"--scope %s needs an occurrence of series '%s': say --occurrence TIME",
			scope, t->event.id);
	return 0;
}

static int choose_scope(struct event_target *t, const char *scope, struct err *err)
{
	bool first;

	t->scope = t->named ? SCOPE_THIS : SCOPE_ALL;
	if (!t->named || !scope)
		return 0;
	if (!strcmp(scope, "all"))
		t->scope = SCOPE_ALL;
	if (strcmp(scope, "following") != 0)
		return 0;
	t->scope = SCOPE_FOLLOWING;
	if (split_is_first(t->event.resource, t->calendar.time_zone, &t->at, &first, err))
		return -1;
	if (first)
		t->scope = SCOPE_ALL;
	return 0;
}

int event_target_find(struct cmd_context *cx, const char *id, const char *occurrence,
		      const char *scope, struct event_target *out, struct err *err)
{
	AUTO(event_target_release) struct event_target t = {0};

	if (find_by_id(cx, id, &t, err) || check_scope(&t, occurrence, scope, err) ||
	    (occurrence && find_by_time(cx, &t, occurrence, err)) || choose_scope(&t, scope, err))
		return -1;
	if (t.named)
		fill_occurrence(&t);
	*out = t;
	memset(&t, 0, sizeof(t));
	return 0;
}
