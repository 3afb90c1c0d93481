#include <assert.h>
#include <string.h>

#include "base/xalloc.h"
#include "store/event_index.h"
#include "store/event_row.h"
#include "store/internal.h"

#include "base/banned.h"

static const char *const op_names[] = {
#define X(id, name) name,
	PENDING_OPS(X)
#undef X
};

static const char *const status_names[] = {
#define X(id, name) name,
	SYNC_STATUSES(X)
#undef X
};

const char *pending_op_name(enum pending_op op)
{
	return op_names[op];
}

const char *sync_status_name(enum sync_status status)
{
	return status_names[status];
}

int sync_status_parse(const char *name, enum sync_status *out)
{
	int i = name_index(status_names, ARRAY_SIZE(status_names), name);

	if (i < 0)
		return -1;
	*out = (enum sync_status)i;
	return 0;
}

int pending_op_parse(const char *name, enum pending_op *out)
{
	int i = name ? name_index(op_names, ARRAY_SIZE(op_names), name) : PENDING_NONE;

	if (i < 0)
		return -1;
	*out = (enum pending_op)i;
	return 0;
}

void event_release(struct event *e)
{
	free(e->id);
	json_object_put(e->resource);
	json_object_put(e->base);
	free(e->etag);
	free(e->last_error);
	free(e->account);
	free(e->calendar);
	memset(e, 0, sizeof(*e));
}

void event_list_release(struct event_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		event_release(&l->items[i]);
	free(l->items);
	memset(l, 0, sizeof(*l));
}

void event_list_add(struct event_list *l, struct event *e_take)
{
	/* Grows by doubling, at counts 0, 1, 3, 7, ... */
	if (!(l->count & (l->count + 1)))
		l->items = xreallocarray(l->items, 2 * l->count + 1, sizeof(*l->items));
	l->items[l->count++] = *e_take;
	memset(e_take, 0, sizeof(*e_take));
}

/* --- reading ----------------------------------------------------------------------------- */

int event_read(struct stmt *st, struct event *out, struct err *err)
{
	AUTO(event_release) struct event e = {0};

	e.rowid = col_int(st, 0);
	e.calendar_id = col_int(st, 1);
	e.id = col_dup(st, 2);
	e.etag = col_dup(st, 3);
	e.at_google = col_bool(st, 4);
	if (sync_status_parse(col_text(st, 5), &e.sync_status) ||
	    pending_op_parse(col_text(st, 6), &e.pending))
		return err_set(err, ERR_STORE, "stored event '%s' is damaged: unknown state", e.id);
	e.hidden = col_bool(st, 7);
	e.last_error = col_dup(st, 8);
	e.changed_ms = col_int(st, 9);
	e.generation = col_int(st, 10);
	e.account = col_dup(st, 11);
	e.calendar = col_dup(st, 12);
	if (col_json(st, 13, "event", e.id, &e.resource, err) ||
	    col_json(st, 14, "event", e.id, &e.base, err))
		return -1;
	if (!json_object_is_type(e.resource, json_type_object))
		return err_set(err, ERR_STORE, "stored event '%s' is damaged: no object", e.id);
	*out = e;
	memset(&e, 0, sizeof(e));
	return 0;
}

static const char sql_event_get[] =
	EVENT_SELECT EVENT_FROM " WHERE e.calendar_id = :calendar AND e.id = :id";

int store_event_get(struct store *s, int64_t calendar_id, const char *id, struct event *out,
		    bool *out_found, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	int status;

	if (db_prepare(s->db, sql_event_get, &st, err))
		return -1;
	stmt_int(st, ":calendar", calendar_id);
	stmt_text(st, ":id", id);
	status = stmt_step(st, err);
	if (status < 0 || (status && event_read(st, out, err)))
		return -1;
	*out_found = status;
	return 0;
}

static const char sql_event_get_moving[] =
	EVENT_SELECT EVENT_FROM " WHERE o.move_from = :calendar AND e.id = :id";

int store_event_get_moving(struct store *s, int64_t from_calendar_id, const char *id,
			   struct event *out, bool *out_found, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	int status;

	if (db_prepare(s->db, sql_event_get_moving, &st, err))
		return -1;
	stmt_int(st, ":calendar", from_calendar_id);
	stmt_text(st, ":id", id);
	status = stmt_step(st, err);
	if (status < 0 || (status && event_read(st, out, err)))
		return -1;
	*out_found = status;
	return 0;
}

static const char sql_event_get_row[] = EVENT_SELECT EVENT_FROM " WHERE e.event_row = :row";

int store_event_get_row(struct store *s, int64_t rowid, struct event *out, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	int status;

	if (db_prepare(s->db, sql_event_get_row, &st, err))
		return -1;
	stmt_int(st, ":row", rowid);
	status = stmt_step(st, err);
	if (status < 0)
		return -1;
	if (!status)
		return err_set(err, ERR_NOT_FOUND, "the event is no longer there");
	return event_read(st, out, err);
}

/* --- writing ----------------------------------------------------------------------------- */

static const char sql_zone[] = "SELECT time_zone FROM calendar WHERE calendar_id = :calendar";

static int calendar_zone(struct store *s, int64_t calendar_id, char **out, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	int status;

	if (db_prepare(s->db, sql_zone, &st, err))
		return -1;
	stmt_int(st, ":calendar", calendar_id);
	status = stmt_step(st, err);
	if (status < 0)
		return -1;
	if (!status)
		return err_set(err, ERR_NOT_FOUND, "the event's calendar is no longer there");
	*out = col_dup(st, 0);
	return 0;
}

static void event_bind(struct stmt *st, const struct event *e, const struct event_index *ix)
{
	stmt_int(st, ":calendar", e->calendar_id);
	stmt_text(st, ":id", e->id);
	stmt_int(st, ":generation", e->generation);
	stmt_bool(st, ":at_google", e->at_google);
	stmt_bool(st, ":hidden", e->hidden);
	stmt_text(st, ":sync_status", sync_status_name(e->sync_status));
	stmt_int(st, ":changed_ms", e->changed_ms);
	stmt_text(st, ":etag", e->etag);
	stmt_text(st, ":last_error", e->last_error);
	stmt_text(st, ":resource", json_bind(e->resource));
	stmt_text(st, ":base", json_bind(e->base));
	event_index_bind(st, ix, e->changed_ms);
}

static int id_taken(struct store *s, const struct event *e, struct err *err)
{
	if (db_failed_unique(s->db))
		return err_set(err, ERR_STORE, "event '%s' is in this calendar already", e->id);
	return -1;
}

static const char sql_event_insert[] =
	"INSERT INTO event (calendar_id, id, generation, at_google, hidden, sync_status,"
	" changed_ms, etag, last_error, cancelled, all_day, start_utc, end_utc, reach, until_utc,"
	" updated_ms, start_time, end_time, status, recurring_event_id, ical_uid, summary,"
	" location, description, resource, base)"
	" VALUES (:calendar, :id, :generation, :at_google, :hidden, :sync_status,"
	" :changed_ms, :etag, :last_error, :cancelled, :all_day, :start_utc, :end_utc, :reach,"
	" :until_utc, :updated_ms, :start_time, :end_time, :status, :recurring_event_id, :ical_uid,"
	" :summary, :location, :description, :resource, :base)"
	" RETURNING event_row";

static int event_insert(struct store *s, struct event *e, const struct event_index *ix,
			struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_event_insert, &st, err))
		return -1;
	event_bind(st, e, ix);
	return stmt_run_id(st, &e->rowid, err) ? id_taken(s, e, err) : 0;
}

/* An entry in the outbox goes along when the event moves to another calendar. */
static const char sql_outbox_follow[] = "UPDATE outbox SET calendar_id = :calendar"
					" WHERE event_row = :row AND calendar_id <> :calendar";

static int outbox_follow(struct store *s, const struct event *e, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_outbox_follow, &st, err))
		return -1;
	stmt_int(st, ":row", e->rowid);
	stmt_int(st, ":calendar", e->calendar_id);
	return stmt_run(st, err);
}

static const char sql_event_update[] =
	"UPDATE event SET calendar_id = :calendar, id = :id, generation = :generation,"
	" at_google = :at_google, hidden = :hidden, sync_status = :sync_status,"
	" changed_ms = :changed_ms, etag = :etag, last_error = :last_error,"
	" cancelled = :cancelled, all_day = :all_day, start_utc = :start_utc, end_utc = :end_utc,"
	" reach = :reach, until_utc = :until_utc, updated_ms = :updated_ms,"
	" start_time = :start_time, end_time = :end_time, status = :status,"
	" recurring_event_id = :recurring_event_id, ical_uid = :ical_uid, summary = :summary,"
	" location = :location, description = :description, resource = :resource, base = :base"
	" WHERE event_row = :row";

static int event_update(struct store *s, const struct event *e, const struct event_index *ix,
			struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_event_update, &st, err))
		return -1;
	stmt_int(st, ":row", e->rowid);
	event_bind(st, e, ix);
	if (stmt_run(st, err))
		return id_taken(s, e, err);
	if (!stmt_changes(st))
		return err_set(err, ERR_NOT_FOUND, "event '%s' is no longer there", e->id);
	return outbox_follow(s, e, err);
}

static int event_put(struct store *s, struct event *e, struct err *err)
{
	AUTO(free) char *zone = NULL;
	struct event_index ix;

	if (calendar_zone(s, e->calendar_id, &zone, err))
		return -1;
	event_index_derive(e->resource, zone, &ix);
	return e->rowid ? event_update(s, e, &ix, err) : event_insert(s, e, &ix, err);
}

int store_event_put(struct store *s, struct event *e, struct err *err)
{
	struct db_join join;

	assert(e->id && e->resource);
	if (db_join_begin(s->db, &join, err))
		return -1;
	return db_join_end(s->db, &join, event_put(s, e, err), err);
}

/* The outbox entry goes with it: ON DELETE CASCADE. */
static const char sql_event_delete[] = "DELETE FROM event WHERE event_row = :row";

int store_event_delete(struct store *s, int64_t rowid, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_event_delete, &st, err))
		return -1;
	stmt_int(st, ":row", rowid);
	return stmt_run(st, err);
}

static const char sql_event_touch[] =
	"UPDATE event SET generation = :generation WHERE event_row = :row";

int store_event_touch(struct store *s, int64_t rowid, int64_t generation, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_event_touch, &st, err))
		return -1;
	stmt_int(st, ":row", rowid);
	stmt_int(st, ":generation", generation);
	if (stmt_run(st, err))
		return -1;
	if (!stmt_changes(st))
		return err_set(err, ERR_NOT_FOUND, "the event is no longer there");
	return 0;
}
