#include <string.h>

#include "base/xalloc.h"
#include "store/internal.h"

#include "base/banned.h"

static const char *const state_names[] = {
#define X(id, name) name,
	CONFLICT_STATES(X)
#undef X
};

const char *conflict_state_name(enum conflict_state state)
{
	return state_names[state];
}

void conflict_release(struct conflict *c)
{
	free(c->event_id);
	free(c->policy);
	free(c->taken);
	json_object_put(c->fields);
	json_object_put(c->base);
	json_object_put(c->local);
	json_object_put(c->remote);
	free(c->account);
	free(c->calendar);
	memset(c, 0, sizeof(*c));
}

void conflict_list_release(struct conflict_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		conflict_release(&l->items[i]);
	free(l->items);
	memset(l, 0, sizeof(*l));
}

/* --- writing ----------------------------------------------------------------------------- */

static void conflict_bind(struct stmt *st, const struct conflict *c)
{
	stmt_int(st, ":calendar", c->calendar_id);
	stmt_int(st, ":row", c->event_rowid);
	stmt_text(st, ":event", c->event_id);
	stmt_text(st, ":state", conflict_state_name(c->state));
	stmt_text(st, ":policy", c->policy);
	stmt_text(st, ":taken", c->taken);
	stmt_int(st, ":at_ms", c->at_ms);
	stmt_int(st, ":resolved_ms", c->resolved_ms);
	stmt_text(st, ":fields", c->fields ? json_text(c->fields) : "[]");
	stmt_text(st, ":base", json_bind(c->base));
	stmt_text(st, ":local", json_bind(c->local));
	stmt_text(st, ":remote", json_bind(c->remote));
}

static const char sql_conflict_insert[] =
	"INSERT INTO conflict (calendar_id, event_row, event_id, state, policy, taken, at_ms, "
	"resolved_ms,"
	" fields, base, local, remote)"
	" VALUES (:calendar, :row, :event, :state, :policy, :taken, :at_ms, :resolved_ms, :fields,"
	" :base, :local, :remote)"
	" RETURNING conflict_id";

static const char sql_conflict_update[] =
	"UPDATE conflict SET calendar_id = :calendar, event_row = :row, event_id = :event, state = "
	":state,"
	" policy = :policy, taken = :taken, at_ms = :at_ms, resolved_ms = :resolved_ms,"
	" fields = :fields, base = :base, local = :local, remote = :remote"
	" WHERE conflict_id = :id";

int store_conflict_put(struct store *s, struct conflict *c, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, c->id ? sql_conflict_update : sql_conflict_insert, &st, err))
		return -1;
	conflict_bind(st, c);
	if (c->id) {
		stmt_int(st, ":id", c->id);
		return stmt_run(st, err);
	}
	return stmt_run_id(st, &c->id, err);
}

/* --- reading ----------------------------------------------------------------------------- */

/* Whether a record waits is asked of the outbox: see the schema. */
#define WAITS                                                     \
	"(k.state = 'waiting' AND EXISTS (SELECT 1 FROM outbox o" \
	" WHERE o.event_row = k.event_row AND o.state = 'conflict'))"
#define STATE_NOW "CASE WHEN k.state = 'waiting' AND NOT " WAITS " THEN 'resolved' ELSE k.state END"

/* The event by its row, when that is still there: it may have been moved or got another id. */
#define CONFLICT_SELECT                                                                   \
	"SELECT k.conflict_id, coalesce(e.calendar_id, k.calendar_id),"                   \
	" coalesce(e.id, k.event_id), " STATE_NOW ", k.policy, k.taken,"                  \
	" k.at_ms, k.resolved_ms, k.fields, k.base, k.local, k.remote, a.name,"           \
	" c.google_id, k.event_row"                                                       \
	" FROM conflict k LEFT JOIN event e ON e.event_row = k.event_row"                 \
	" LEFT JOIN calendar c ON c.calendar_id = coalesce(e.calendar_id, k.calendar_id)" \
	" LEFT JOIN account a ON a.account_id = c.account_id"

static int conflict_read(struct stmt *st, struct conflict *out, struct err *err)
{
	AUTO(conflict_release) struct conflict c = {0};
	int state = name_index(state_names, ARRAY_SIZE(state_names), col_text(st, 3));

	c.id = col_int(st, 0);
	c.calendar_id = col_int(st, 1);
	c.event_id = col_dup(st, 2);
	if (state < 0)
		return err_set(err, ERR_STORE, "stored conflict of '%s' is damaged: unknown state",
			       c.event_id);
	c.state = (enum conflict_state)state;
	c.policy = col_dup(st, 4);
	c.taken = col_dup(st, 5);
	c.at_ms = col_int(st, 6);
	c.resolved_ms = col_int(st, 7);
	if (col_json(st, 8, "conflict of event", c.event_id, &c.fields, err) ||
	    col_json(st, 9, "conflict of event", c.event_id, &c.base, err) ||
	    col_json(st, 10, "conflict of event", c.event_id, &c.local, err) ||
	    col_json(st, 11, "conflict of event", c.event_id, &c.remote, err))
		return -1;
	c.account = col_dup(st, 12);
	c.calendar = col_dup(st, 13);
	c.event_rowid = col_int(st, 14);
	*out = c;
	memset(&c, 0, sizeof(c));
	return 0;
}

static int read_one(struct stmt *st, struct conflict *out, bool *out_found, struct err *err)
{
	int status = stmt_step(st, err);

	if (status < 0 || (status && conflict_read(st, out, err)))
		return -1;
	*out_found = status;
	return 0;
}

static const char sql_conflict_get[] = CONFLICT_SELECT " WHERE k.conflict_id = :id";

int store_conflict_get(struct store *s, int64_t id, struct conflict *out, bool *out_found,
		       struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_conflict_get, &st, err))
		return -1;
	stmt_int(st, ":id", id);
	return read_one(st, out, out_found, err);
}

static const char sql_conflict_waiting[] = CONFLICT_SELECT " WHERE k.event_row = :row AND " WAITS
							   " ORDER BY k.conflict_id DESC LIMIT 1";

int store_conflict_waiting(struct store *s, int64_t event_rowid, struct conflict *out,
			   bool *out_found, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_conflict_waiting, &st, err))
		return -1;
	stmt_int(st, ":row", event_rowid);
	return read_one(st, out, out_found, err);
}

/* Put together from the filters asked for, so that each has its index. */
static void list_text(struct strbuf *sql, const struct conflict_query *q)
{
	strbuf_adds(sql, CONFLICT_SELECT " WHERE 1 = 1");
	if (q->account_id)
		strbuf_adds(sql, " AND c.account_id = :account");
	if (q->calendar_id)
		strbuf_adds(sql, " AND c.calendar_id = :calendar");
	if (q->event_id)
		strbuf_adds(sql, " AND (k.event_id = :event OR e.id = :event)");
	if (q->event_prefix)
		strbuf_adds(sql, " AND ((k.event_id >= :prefix AND k.event_id < :prefix_end)"
				 " OR (e.id >= :prefix AND e.id < :prefix_end))");
	if (q->state >= 0)
		strbuf_adds(sql, " AND " STATE_NOW " = :state");
	strbuf_adds(sql, " ORDER BY k.conflict_id DESC");
	if (q->limit)
		strbuf_adds(sql, " LIMIT :limit");
}

int store_conflict_list(struct store *s, const struct conflict_query *q, struct conflict_list *out,
			struct err *err)
{
	AUTO(strbuf_release) struct strbuf sql = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf prefix_end = STRBUF_INIT;
	AUTO(stmt_done) struct stmt *st = NULL;
	AUTO(conflict_list_release) struct conflict_list list = {0};
	int status;

	list_text(&sql, q);
	if (db_prepare(s->db, sql.buf, &st, err))
		return -1;
	if (q->account_id)
		stmt_int(st, ":account", q->account_id);
	if (q->calendar_id)
		stmt_int(st, ":calendar", q->calendar_id);
	if (q->event_id)
		stmt_text(st, ":event", q->event_id);
	if (q->event_prefix) {
		/* The highest code point ends the range: no id holds it. */
		strbuf_addf(&prefix_end, "%s\xf4\x8f\xbf\xbf", q->event_prefix);
		stmt_text(st, ":prefix", q->event_prefix);
		stmt_text(st, ":prefix_end", prefix_end.buf);
	}
	if (q->state >= 0)
		stmt_text(st, ":state", conflict_state_name((enum conflict_state)q->state));
	if (q->limit)
		stmt_int(st, ":limit", q->limit > INT64_MAX ? INT64_MAX : (int64_t)q->limit);
	while ((status = stmt_step(st, err)) == 1) {
		if (!(list.count & (list.count + 1))) /* 0, 1, 3, 7, ...: double */
			list.items =
				xreallocarray(list.items, 2 * list.count + 1, sizeof(*list.items));
		if (conflict_read(st, &list.items[list.count], err))
			return -1;
		list.count++;
	}
	if (status < 0)
		return -1;
	*out = list;
	memset(&list, 0, sizeof(list));
	return 0;
}

static const char sql_conflict_count[] =
	"SELECT count(*) FROM conflict k JOIN event e ON e.event_row = k.event_row"
	" JOIN calendar c ON c.calendar_id = e.calendar_id"
	" WHERE " WAITS " AND (:account = 0 OR c.account_id = :account)";

int store_conflict_count(struct store *s, int64_t account_id, int64_t *out_waiting, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_conflict_count, &st, err))
		return -1;
	stmt_int(st, ":account", account_id);
	if (stmt_step(st, err) < 0)
		return -1;
	*out_waiting = col_int(st, 0);
	return 0;
}
