#include "sync/local_series.h"

#include <string.h>

#include "base/xalloc.h"
#include "base/banned.h"
#include "model/event.h"
#include "model/rights.h"
#include "sync/occurrences.h"
#include "sync/split.h"
#include "sync/resolve.h"

void row_list_release(struct row_list *l)
{
	free(l->items);
	*l = (struct row_list){0};
}

void row_list_add(struct row_list *l, int64_t row)
{
	l->items = xreallocarray(l->items, l->count + 1, sizeof(*l->items));
	l->items[l->count++] = row;
}

/* A series that is being changed. */
struct work {
	struct store *s;
	struct clock *clock;
	const struct local_options *o;
	const struct occurrence *at;
	struct event series;
	struct calendar calendar;
	bool goes_out; /* Google has the series, or shall get it */
};

static void work_release(struct work *w)
{
	event_release(&w->series);
	calendar_release(&w->calendar);
}
DEFINE_AUTO_VALUE(struct work, work_release)

static int work_begin(struct work *w, int64_t series_row, struct err *err)
{
	if (local_read(w->s, series_row, &w->series, err) ||
	    store_calendar_get(w->s, w->series.calendar_id, &w->calendar, err))
		return -1;
	if (!event_is_master(w->series.resource))
		return err_set(err, ERR_INVALID, "event '%s' is no series", w->series.id);
	w->goes_out = w->series.at_google || w->series.pending != PENDING_NONE;
	return 0;
}

/* --- one occurrence ------------------------------------------------------------------------ */

static int queue(const struct work *w, const struct event *row, enum pending_op what,
		 struct err *err)
{
	AUTO(outbox_release) struct outbox op = {0};
	bool found;

	if (!w->goes_out)
		return 0;
	if (store_outbox_get(w->s, row->rowid, &op, &found, err))
		return -1;
	if (!found) {
		op.event_rowid = row->rowid;
		op.created_ms = row->changed_ms;
	}
	op.op = what;
	op.state = w->o->no_sync ? OUTBOX_HELD : OUTBOX_QUEUED;
	local_widen_send_updates(&op, w->o->send_updates);
	return store_outbox_put(w->s, &op, err);
}

/* A row for an occurrence of `series` that had none. resource_take NULL: it is deleted. */
static int put_new(const struct work *w, const struct event *series, const struct occurrence *at,
		   struct json_object *base_take, struct json_object *resource_take,
		   int64_t *out_row, struct err *err)
{
	AUTO(event_release)
	struct event row = {
		.calendar_id = series->calendar_id,
		.id = xstrdup(at->id),
		.sync_status = SYNC_LOCAL_ONLY,
		.changed_ms = local_later_than(series->changed_ms, w->clock),
		/* In the log an occurrence of a series that goes out goes out, too. */
		.pending = w->goes_out ? PENDING_UPDATE : PENDING_NONE,
	};
	bool deleted = !resource_take;
	struct json_object *before = base_take;

	row.resource = deleted ? json_object_get(base_take) : resource_take;
	row.base = base_take;
	if (local_note_change(w->s, &row, w->o, before, deleted ? NULL : row.resource, err))
		return -1;
	if (deleted) {
		row.base = NULL;
		json_object_put(before);
		if (w->goes_out)
			row.hidden = true;
		else
			json_set_str(row.resource, "status", "cancelled");
	}
	if (store_event_put(w->s, &row, err))
		return -1;
	*out_row = row.rowid;
	return queue(w, &row, deleted ? PENDING_DELETE : PENDING_UPDATE, err);
}

/* As the series says it: no row. */
static void as_series_says(const struct work *w, struct json_object *resource_take,
			   struct event *out)
{
	*out = (struct event){
		.calendar_id = w->series.calendar_id,
		.id = xstrdup(w->at->id),
		.resource = resource_take,
		.at_google = w->series.at_google,
		.sync_status = w->series.sync_status,
		.pending = w->series.pending,
		.account = xstrdup_null(w->series.account),
		.calendar = xstrdup_null(w->series.calendar),
	};
}

static int is_deleted(const struct work *w, struct err *err)
{
	return err_set(err, ERR_NOT_FOUND, "occurrence '%s' is deleted", w->at->id);
}

static int edit_new(struct work *w, const struct json_object *resource, struct event *out,
		    struct err *err)
{
	AUTO(json_object_put)
	struct json_object *base = split_instance(w->series.resource, w->calendar.time_zone, w->at);
	AUTO(json_object_put) struct json_object *edited = local_with_fields_of(base, resource);
	int64_t row;

	if (event_check(edited, base, err) || event_check_rights(base, edited, err) ||
	    event_check_type(edited, base, false, err))
		return -1;
	if (event_is_master(edited))
		return err_set(err, ERR_INVALID,
			       "an occurrence of a series has no rule of its own");
	if (event_equal(edited, base)) {
		as_series_says(w, TAKE(base), out);
		return 0;
	}
	if (put_new(w, &w->series, w->at, TAKE(base), TAKE(edited), &row, err))
		return -1;
	return store_event_get_row(w->s, row, out, err);
}

static int occurrence_edit(struct work *w, int64_t series_row, struct json_object *resource,
			   struct event *out, struct err *err)
{
	AUTO(event_release) struct event row = {0};
	bool found;

	if (work_begin(w, series_row, err) ||
	    store_event_get(w->s, w->series.calendar_id, w->at->id, &row, &found, err))
		return -1;
	if (!found)
		return edit_new(w, resource, out, err);
	if (row.hidden || event_is_cancelled(row.resource))
		return is_deleted(w, err);
	return local_edit(w->s, w->clock, row.rowid, resource, w->o, out, err);
}

int local_occurrence_edit(struct store *s, struct clock *clock, int64_t series_row,
			  const struct occurrence *at, struct json_object *resource,
			  const struct local_options *o, struct event *out, struct err *err)
{
	AUTO(work_release) struct work w = {.s = s, .clock = clock, .o = o, .at = at};
	bool own;

	if (local_begin(s, &own, err))
		return -1;
	return local_finish(s, own, occurrence_edit(&w, series_row, resource, out, err), err);
}

static int delete_new(struct work *w, struct event *out, struct err *err)
{
	int64_t row;

	if (put_new(w, &w->series, w->at,
		    split_instance(w->series.resource, w->calendar.time_zone, w->at), NULL, &row,
		    err))
		return -1;
	return store_event_get_row(w->s, row, out, err);
}

static int occurrence_delete(struct work *w, int64_t series_row, struct event *out, struct err *err)
{
	AUTO(event_release) struct event row = {0};
	bool found, gone;

	if (work_begin(w, series_row, err) ||
	    store_event_get(w->s, w->series.calendar_id, w->at->id, &row, &found, err))
		return -1;
	if (!found)
		return delete_new(w, out, err);
	if (row.hidden || event_is_cancelled(row.resource))
		return is_deleted(w, err);
	if (local_delete(w->s, w->clock, row.rowid, w->o, &gone, err))
		return -1;
	return store_event_get_row(w->s, row.rowid, out, err);
}

int local_occurrence_delete(struct store *s, struct clock *clock, int64_t series_row,
			    const struct occurrence *at, const struct local_options *o,
			    struct event *out, struct err *err)
{
	AUTO(work_release) struct work w = {.s = s, .clock = clock, .o = o, .at = at};
	bool own;

	if (local_begin(s, &own, err))
		return -1;
	return local_finish(s, own, occurrence_delete(&w, series_row, out, err), err);
}

static int list_exceptions(const struct work *w, struct event_list *out, struct err *err)
{
	return store_event_occurrences(w->s, w->series.calendar_id, w->series.id, out, err);
}

/* Deleted here, where it was enough to say so: now Google has to be told. */
static int hide_cancelled(const struct work *w, struct event *row, bool *out_goes, struct err *err)
{
	AUTO(occurrence_release) struct occurrence at = {0};
	int64_t start;

	*out_goes = false;
	if (!event_time_utc(json_get(row->resource, "originalStartTime"), w->calendar.time_zone,
			    &start))
		return 0;
	if (recur_find(w->series.resource, w->calendar.time_zone, start, &at, out_goes, err))
		return -1;
	if (!*out_goes)
		return 0;
	json_object_put(row->resource);
	row->resource = split_instance(w->series.resource, w->calendar.time_zone, &at);
	row->hidden = true;
	return store_event_put(w->s, row, err);
}

int local_occurrences_queue(struct store *s, const struct event *series, struct err *err)
{
	static const struct local_options o;
	AUTO(work_release) struct work w = {.s = s, .o = &o, .goes_out = true};
	AUTO(event_list_release) struct event_list list = {0};

	if (store_event_get_row(s, series->rowid, &w.series, err) ||
	    store_calendar_get(s, series->calendar_id, &w.calendar, err) ||
	    list_exceptions(&w, &list, err))
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		struct event *row = &list.items[i];
		bool cancelled = event_is_cancelled(row->resource), goes = true;

		if (row->pending != PENDING_NONE || row->at_google)
			continue;
		if (cancelled && hide_cancelled(&w, row, &goes, err))
			return -1;
		if (goes && queue(&w, row, cancelled ? PENDING_DELETE : PENDING_UPDATE, err))
			return -1;
	}
	return 0;
}

int local_occurrences_keep(struct store *s, const struct event *series, struct err *err)
{
	static const struct local_options o;
	AUTO(work_release) struct work w = {.s = s, .o = &o};
	AUTO(event_list_release) struct event_list list = {0};

	if (store_event_get_row(s, series->rowid, &w.series, err) ||
	    list_exceptions(&w, &list, err))
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		struct event *row = &list.items[i];

		if (row->pending == PENDING_NONE || !occurrence_is_computed(row))
			continue;
		if (row->hidden)
			json_set_str(row->resource, "status", "cancelled");
		row->hidden = false;
		row->sync_status = SYNC_LOCAL_ONLY;
		xstr_set(&row->last_error, NULL);
		if (store_outbox_delete(s, row->rowid, err) || store_event_put(s, row, err))
			return -1;
	}
	return 0;
}

/* --- cutting ------------------------------------------------------------------------------- */

static int check_cut(const struct work *w, struct err *err)
{
	const char *type = json_str(w->series.resource, "eventType");
	const char *organizer = json_path_str(w->series.resource, "organizer/email");

	if (!event_is_organized(w->series.resource))
		return err_set(err, ERR_READ_ONLY,
			       "only the organizer (%s) may change how series '%s' goes on",
			       organizer ? organizer : "another calendar", w->series.id);
	if (type && !strcmp(type, "birthday"))
		return err_set(err, ERR_READ_ONLY,
			       "a birthday recurs every year: it cannot be cut");
	/* The cut would wait with the conflict, and the rest of the series would not. */
	return conflict_refuse_waiting(w->s, &w->series, err);
}

/* When an exception takes place by the rule. False: it does not say. */
static bool original_start(const struct work *w, const struct event *row, int64_t *out)
{
	struct recur_stamp stamp;
	size_t base;

	if (event_time_utc(json_get(row->resource, "originalStartTime"), w->calendar.time_zone,
			   out))
		return true;
	if (!recur_instance_parse(row->id, &base, &stamp))
		return false;
	*out = recur_stamp_utc(&stamp, w->calendar.time_zone);
	return true;
}

/*
 * An exception of the old series that its end leaves out. Google resets it with the end of the
 * series, or (nobody promises that) leaves it behind: what Google may have is deleted by name.
 */
static int drop_exception(struct work *w, struct event *row, struct row_list *rows, struct err *err)
{
	AUTO(outbox_release) struct outbox op = {0};
	bool found, gone;

	if (row->hidden) /* its own delete waits */
		return 0;
	if (event_is_cancelled(row->resource) && row->pending == PENDING_NONE)
		return store_event_delete(w->s, row->rowid, err);
	if (store_outbox_get(w->s, row->rowid, &op, &found, err))
		return -1;
	if (!row->at_google && op.attempts == 0 && !op.move_from) {
		row->changed_ms = local_later_than(row->changed_ms, w->clock);
		return local_note_change(w->s, row, w->o, row->resource, NULL, err) ||
				       store_event_delete(w->s, row->rowid, err)
			       ? -1
			       : 0;
	}
	if (local_delete(w->s, w->clock, row->rowid, w->o, &gone, err))
		return -1;
	if (!gone)
		row_list_add(rows, row->rowid);
	return 0;
}

static int trim(struct work *w, struct json_object *lines, struct row_list *rows, struct err *err)
{
	AUTO(json_object_put) struct json_object *edited = json_clone(w->series.resource);
	AUTO(event_release) struct event out = {0};

	json_set(edited, "recurrence", json_object_get(lines));
	if (local_edit(w->s, w->clock, w->series.rowid, edited, w->o, &out, err))
		return -1;
	row_list_add(rows, w->series.rowid);
	return 0;
}

/* The exceptions from the split on, as they are before anything changes. */
static int left_out(const struct work *w, struct event_list *out, struct err *err)
{
	AUTO(event_list_release) struct event_list all = {0};

	if (list_exceptions(w, &all, err))
		return -1;
	out->items = xcalloc(all.count + 1, sizeof(*out->items));
	for (size_t i = 0; i < all.count; i++) {
		int64_t start;

		if (!original_start(w, &all.items[i], &start) || start < w->at->start_utc)
			continue;
		out->items[out->count++] = all.items[i];
		memset(&all.items[i], 0, sizeof(all.items[i]));
	}
	return 0;
}

static int drop_all(struct work *w, struct event_list *list, struct row_list *rows, struct err *err)
{
	for (size_t i = 0; i < list->count; i++)
		if (drop_exception(w, &list->items[i], rows, err))
			return -1;
	return 0;
}

static int series_trim(struct work *w, int64_t series_row, struct row_list *rows, struct err *err)
{
	AUTO(json_object_put) struct json_object *lines = NULL;
	AUTO(event_list_release) struct event_list list = {0};

	if (work_begin(w, series_row, err) || check_cut(w, err) ||
	    split_old(w->series.resource, w->calendar.time_zone, w->at, &lines, err) ||
	    left_out(w, &list, err) || trim(w, lines, rows, err))
		return -1;
	return drop_all(w, &list, rows, err);
}

int local_series_trim(struct store *s, struct clock *clock, int64_t series_row,
		      const struct occurrence *at, const struct local_options *o, struct event *out,
		      struct row_list *rows, struct err *err)
{
	AUTO(work_release) struct work w = {.s = s, .clock = clock, .o = o, .at = at};
	AUTO(row_list_release) struct row_list list = {0};
	bool own;

	if (local_begin(s, &own, err) ||
	    local_finish(s, own, series_trim(&w, series_row, &list, err), err) ||
	    store_event_get_row(s, series_row, out, err))
		return -1;
	*rows = list;
	list = (struct row_list){0};
	return 0;
}

/* Without --no-sync's own meaning for a new event: held back, it goes out with the old series. */
static int add_rest(struct work *w, struct json_object *resource, struct event *out,
		    struct err *err)
{
	AUTO(outbox_release) struct outbox op = {0};
	struct local_options o = *w->o;
	bool found;

	o.no_sync = !w->goes_out;
	if (local_add(w->s, w->clock, w->series.calendar_id, resource, &o, out, err))
		return -1;
	if (!w->goes_out || !w->o->no_sync)
		return 0;
	if (store_outbox_get(w->s, out->rowid, &op, &found, err))
		return -1;
	op.state = OUTBOX_HELD;
	return store_outbox_put(w->s, &op, err);
}

static int carry(struct work *w, const struct split *sp, const struct event *rest,
		 const struct event *row, struct row_list *rows, struct err *err)
{
	AUTO(split_exception_release) struct split_exception x = {0};
	bool cancelled = row->hidden || event_is_cancelled(row->resource);
	int64_t start = 0, new_row;

	(void)original_start(w, row, &start); /* left_out() has read it */
	if (split_carry(sp, row->resource, start, cancelled, &x, err))
		return -1;
	if (x.goes || (!cancelled && !x.resource))
		return 0;
	if (put_new(w, rest, &x.at, TAKE(x.base), TAKE(x.resource), &new_row, err))
		return -1;
	row_list_add(rows, new_row);
	return 0;
}

static int series_split(struct work *w, int64_t series_row, struct json_object *resource,
			struct event *out, struct row_list *rows, struct err *err)
{
	AUTO(json_object_put) struct json_object *lines = NULL;
	AUTO(json_object_put) struct json_object *whole = NULL;
	AUTO(event_list_release) struct event_list list = {0};
	AUTO(event_release) struct event rest = {0};
	struct split sp;

	if (work_begin(w, series_row, err) || check_cut(w, err) ||
	    split_old(w->series.resource, w->calendar.time_zone, w->at, &lines, err) ||
	    split_new(w->series.resource, w->calendar.time_zone, w->at, &whole, err) ||
	    left_out(w, &list, err) || trim(w, lines, rows, err) ||
	    add_rest(w, resource, &rest, err))
		return -1;
	row_list_add(rows, rest.rowid);
	sp = (struct split){.zone = w->calendar.time_zone,
			    .old = w->series.resource,
			    .whole = whole,
			    .new = rest.resource,
			    .at_utc = w->at->start_utc};
	for (size_t i = 0; i < list.count && event_is_master(rest.resource); i++)
		if (carry(w, &sp, &rest, &list.items[i], rows, err))
			return -1;
	if (drop_all(w, &list, rows, err))
		return -1;
	return store_event_get_row(w->s, rest.rowid, out, err);
}

int local_series_split(struct store *s, struct clock *clock, int64_t series_row,
		       const struct occurrence *at, struct json_object *resource,
		       const struct local_options *o, struct event *out, struct row_list *rows,
		       struct err *err)
{
	AUTO(work_release) struct work w = {.s = s, .clock = clock, .o = o, .at = at};
	AUTO(row_list_release) struct row_list list = {0};
	bool own;

	if (local_begin(s, &own, err) ||
	    local_finish(s, own, series_split(&w, series_row, resource, out, &list, err), err))
		return -1;
	*rows = list;
	list = (struct row_list){0};
	return 0;
}
