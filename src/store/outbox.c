#include <assert.h>
#include <string.h>

#include "base/xalloc.h"
#include "store/event_row.h"
#include "store/internal.h"

#include "base/banned.h"

static const char *const state_names[] = {
#define X(id, name) name,
	OUTBOX_STATES(X)
#undef X
};

const char *outbox_state_name(enum outbox_state state)
{
	return state_names[state];
}

void outbox_release(struct outbox *o)
{
	free(o->event_id);
	free(o->send_updates);
	free(o->last_error);
	json_object_put(o->sent);
	free(o->late_updates);
	memset(o, 0, sizeof(*o));
}

void outbox_list_release(struct outbox_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		outbox_release(&l->items[i]);
	free(l->items);
	memset(l, 0, sizeof(*l));
}

#define OUTBOX_SELECT                                                                        \
	"SELECT o.outbox_id, o.event_row, o.calendar_id, e.id, o.op, o.state, o.created_ms," \
	" o.attempts, o.not_before_ms, o.send_updates, o.last_error, o.move_from, o.sent, "  \
	"o.late_updates"                                                                     \
	" FROM outbox o JOIN event e ON e.event_row = o.event_row"

static int outbox_read(struct stmt *st, struct outbox *out, struct err *err)
{
	AUTO(outbox_release) struct outbox o = {0};
	int state = name_index(state_names, ARRAY_SIZE(state_names), col_text(st, 5));

	o.id = col_int(st, 0);
	o.event_rowid = col_int(st, 1);
	o.calendar_id = col_int(st, 2);
	o.event_id = col_dup(st, 3);
	if (state < 0 || pending_op_parse(col_text(st, 4), &o.op) || o.op == PENDING_NONE)
		return err_set(err, ERR_STORE, "stored outbox entry of '%s' is damaged",
			       o.event_id);
	o.state = (enum outbox_state)state;
	o.created_ms = col_int(st, 6);
	o.attempts = (int)col_int(st, 7);
	o.not_before_ms = col_int(st, 8);
	o.send_updates = col_dup(st, 9);
	o.last_error = col_dup(st, 10);
	o.move_from = col_int(st, 11); /* NULL reads as 0 */
	if (col_json(st, 12, "outbox entry of", o.event_id, &o.sent, err))
		return -1;
	o.late_updates = col_dup(st, 13);
	*out = o;
	memset(&o, 0, sizeof(o));
	return 0;
}

/* An entry that is there keeps its number, and so its place in the queue. */
static const char sql_outbox_put[] =
	"INSERT INTO outbox (event_row, calendar_id, op, state, created_ms, attempts,"
	" not_before_ms, send_updates, last_error, move_from, sent, late_updates)"
	" SELECT e.event_row, e.calendar_id, :op, :state, :created_ms, :attempts,"
	" :not_before_ms, :send_updates, :last_error, :move_from, :sent, :late_updates"
	" FROM event e WHERE e.event_row = :row"
	" ON CONFLICT (event_row) DO UPDATE SET op = excluded.op, state = excluded.state,"
	" created_ms = excluded.created_ms, attempts = excluded.attempts,"
	" not_before_ms = excluded.not_before_ms, send_updates = excluded.send_updates,"
	" last_error = excluded.last_error, move_from = excluded.move_from,"
	" sent = excluded.sent, late_updates = excluded.late_updates"
	" RETURNING outbox_id";

int store_outbox_put(struct store *s, struct outbox *o, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	int64_t id;
	int status;

	assert(o->op != PENDING_NONE);
	if (db_prepare(s->db, sql_outbox_put, &st, err))
		return -1;
	stmt_int(st, ":row", o->event_rowid);
	stmt_text(st, ":op", pending_op_name(o->op));
	stmt_text(st, ":state", outbox_state_name(o->state));
	stmt_int(st, ":created_ms", o->created_ms);
	stmt_int(st, ":attempts", o->attempts);
	stmt_int(st, ":not_before_ms", o->not_before_ms);
	stmt_text(st, ":send_updates", o->send_updates ? o->send_updates : "none");
	stmt_text(st, ":last_error", o->last_error);
	if (o->move_from)
		stmt_int(st, ":move_from", o->move_from);
	else
		stmt_null(st, ":move_from");
	stmt_text(st, ":sent", json_bind(o->sent));
	stmt_text(st, ":late_updates", o->late_updates);
	status = stmt_step(st, err);
	if (status < 0)
		return -1;
	if (!status)
		return err_set(err, ERR_NOT_FOUND, "the event to send is no longer there");
	id = col_int(st, 0);
	if (stmt_run(st, err))
		return -1;
	o->id = id;
	return 0;
}

static const char sql_outbox_get[] = OUTBOX_SELECT " WHERE o.event_row = :row";

int store_outbox_get(struct store *s, int64_t event_rowid, struct outbox *out, bool *out_found,
		     struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	int status;

	if (db_prepare(s->db, sql_outbox_get, &st, err))
		return -1;
	stmt_int(st, ":row", event_rowid);
	status = stmt_step(st, err);
	if (status < 0 || (status && outbox_read(st, out, err)))
		return -1;
	*out_found = status;
	return 0;
}

static const char sql_outbox_delete[] = "DELETE FROM outbox WHERE event_row = :row";

int store_outbox_delete(struct store *s, int64_t event_rowid, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_outbox_delete, &st, err))
		return -1;
	stmt_int(st, ":row", event_rowid);
	return stmt_run(st, err);
}

/* Put together from the filters asked for, so that each has its index. */
static void list_text(struct strbuf *sql, int64_t account_id, int64_t calendar_id, int64_t due_ms,
		      size_t limit)
{
	strbuf_adds(sql, OUTBOX_SELECT " WHERE 1 = 1");
	if (account_id)
		strbuf_adds(sql, " AND o.calendar_id IN (SELECT c.calendar_id FROM calendar c"
				 " WHERE c.account_id = :account)");
	if (calendar_id)
		strbuf_adds(sql, " AND o.calendar_id = :calendar");
	if (due_ms >= 0)
		strbuf_adds(sql, " AND o.state = 'queued' AND o.not_before_ms <= :due");
	strbuf_adds(sql, " ORDER BY o.outbox_id");
	if (limit)
		strbuf_adds(sql, " LIMIT :limit");
}

int store_outbox_list(struct store *s, int64_t account_id, int64_t calendar_id, int64_t due_ms,
		      size_t limit, struct outbox_list *out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf sql = STRBUF_INIT;
	AUTO(stmt_done) struct stmt *st = NULL;
	AUTO(outbox_list_release) struct outbox_list list = {0};
	int status;

	list_text(&sql, account_id, calendar_id, due_ms, limit);
	if (db_prepare(s->db, sql.buf, &st, err))
		return -1;
	if (account_id)
		stmt_int(st, ":account", account_id);
	if (calendar_id)
		stmt_int(st, ":calendar", calendar_id);
	if (due_ms >= 0)
		stmt_int(st, ":due", due_ms);
	if (limit)
		stmt_int(st, ":limit", limit > INT64_MAX ? INT64_MAX : (int64_t)limit);
	while ((status = stmt_step(st, err)) == 1) {
		list.items = xreallocarray(list.items, list.count + 1, sizeof(*list.items));
		if (outbox_read(st, &list.items[list.count], err))
			return -1;
		list.count++;
	}
	if (status < 0)
		return -1;
	*out = list;
	memset(&list, 0, sizeof(list));
	return 0;
}
