/* What happened to events here, and the commands that did it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "store/internal.h"

#include "base/banned.h"

static const char *const op_names[] = {
#define X(id, name) name,
	HISTORY_OPS(X)
#undef X
};

const char *history_op_name(enum history_op op)
{
	return op_names[op];
}

void history_release(struct history *h)
{
	free(h->event_id);
	free(h->origin);
	json_object_put(h->resource);
	free(h->account);
	free(h->calendar);
	free(h->command);
	memset(h, 0, sizeof(*h));
}

void history_list_release(struct history_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		history_release(&l->items[i]);
	free(l->items);
	memset(l, 0, sizeof(*l));
}

static const char sql_history_add[] =
	"INSERT INTO history (calendar_id, event_id, op, origin, at_ms, command_id,"
	" local_only, resource)"
	" VALUES (:calendar, :id, :op, :origin, :at_ms, :command, :local_only, :resource)";

int store_history_add(struct store *s, const struct history *h, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_history_add, &st, err))
		return -1;
	stmt_int(st, ":calendar", h->calendar_id);
	stmt_text(st, ":id", h->event_id);
	stmt_text(st, ":op", history_op_name(h->op));
	stmt_text(st, ":origin", h->origin);
	stmt_int(st, ":at_ms", h->at_ms);
	if (h->command_id)
		stmt_int(st, ":command", h->command_id);
	else
		stmt_null(st, ":command");
	stmt_int(st, ":local_only", h->local_only);
	stmt_text(st, ":resource", json_bind(h->resource));
	return stmt_run(st, err);
}

#define HISTORY_SELECT                                                             \
	"SELECT h.history_id, h.calendar_id, h.event_id, h.op, h.origin, h.at_ms," \
	" h.command_id, h.resource, a.name, c.google_id, k.name, h.local_only"     \
	" FROM history h LEFT JOIN calendar c ON c.calendar_id = h.calendar_id"    \
	" LEFT JOIN account a ON a.account_id = c.account_id"                      \
	" LEFT JOIN command k ON k.command_id = h.command_id"

static int history_read(struct stmt *st, struct history *out, struct err *err)
{
	AUTO(history_release) struct history h = {0};
	int op = name_index(op_names, ARRAY_SIZE(op_names), col_text(st, 3));

	h.id = col_int(st, 0);
	h.calendar_id = col_int(st, 1);
	h.event_id = col_dup(st, 2);
	if (op < 0)
		return err_set(err, ERR_STORE, "stored version of '%s' is damaged: unknown change",
			       h.event_id);
	h.op = (enum history_op)op;
	h.origin = col_dup(st, 4);
	h.at_ms = col_int(st, 5);
	h.command_id = col_int(st, 6);
	if (col_json(st, 7, "version of event", h.event_id, &h.resource, err))
		return -1;
	h.account = col_dup(st, 8);
	h.calendar = col_dup(st, 9);
	h.command = col_dup(st, 10);
	h.local_only = col_int(st, 11);
	*out = h;
	memset(&h, 0, sizeof(h));
	return 0;
}

static const char sql_history_get[] = HISTORY_SELECT " WHERE h.history_id = :id";

int store_history_get(struct store *s, int64_t id, struct history *out, bool *out_found,
		      struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	int status;

	if (db_prepare(s->db, sql_history_get, &st, err))
		return -1;
	stmt_int(st, ":id", id);
	status = stmt_step(st, err);
	if (status < 0 || (status && history_read(st, out, err)))
		return -1;
	*out_found = status;
	return 0;
}

/* Put together from the filters asked for, so that each has its index. */
static void list_text(struct strbuf *sql, const struct history_query *q)
{
	strbuf_adds(sql, HISTORY_SELECT " WHERE h.history_id > :after");
	if (q->account_id)
		strbuf_adds(sql, " AND h.calendar_id IN (SELECT n.calendar_id FROM calendar n"
				 " WHERE n.account_id = :account)");
	if (q->calendar_id)
		strbuf_adds(sql, " AND h.calendar_id = :calendar");
	if (q->event_id)
		strbuf_adds(sql, " AND h.event_id = :event");
	if (q->command_id)
		strbuf_adds(sql, " AND h.command_id = :command");
	if (q->has_moment)
		strbuf_adds(sql, " AND h.at_ms BETWEEN :from_ms AND :until_ms");
	if (q->changes)
		strbuf_adds(sql, " AND h.op <> 'kept'");
	strbuf_adds(sql,
		    q->newest_first ? " ORDER BY h.history_id DESC" : " ORDER BY h.history_id");
	if (q->limit)
		strbuf_adds(sql, " LIMIT :limit");
}

int store_history_list(struct store *s, const struct history_query *q, struct history_list *out,
		       struct err *err)
{
	AUTO(strbuf_release) struct strbuf sql = STRBUF_INIT;
	AUTO(stmt_done) struct stmt *st = NULL;
	AUTO(history_list_release) struct history_list list = {0};
	int status;

	list_text(&sql, q);
	if (db_prepare(s->db, sql.buf, &st, err))
		return -1;
	stmt_int(st, ":after", q->after);
	if (q->account_id)
		stmt_int(st, ":account", q->account_id);
	if (q->calendar_id)
		stmt_int(st, ":calendar", q->calendar_id);
	if (q->event_id)
		stmt_text(st, ":event", q->event_id);
	if (q->command_id)
		stmt_int(st, ":command", q->command_id);
	if (q->has_moment) {
		stmt_int(st, ":from_ms", q->from_ms);
		stmt_int(st, ":until_ms", q->until_ms);
	}
	if (q->limit)
		stmt_int(st, ":limit", q->limit > INT64_MAX ? INT64_MAX : (int64_t)q->limit);
	while ((status = stmt_step(st, err)) == 1) {
		if (!(list.count & (list.count + 1))) /* 0, 1, 3, 7, ...: double */
			list.items =
				xreallocarray(list.items, 2 * list.count + 1, sizeof(*list.items));
		if (history_read(st, &list.items[list.count], err))
			return -1;
		list.count++;
	}
	if (status < 0)
		return -1;
	*out = list;
	memset(&list, 0, sizeof(list));
	return 0;
}

static const char sql_history_rename[] =
	"UPDATE history SET event_id = :new WHERE calendar_id = :calendar AND event_id = :id";

int store_history_rename(struct store *s, int64_t calendar_id, const char *id, const char *new_id,
			 struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_history_rename, &st, err))
		return -1;
	stmt_int(st, ":calendar", calendar_id);
	stmt_text(st, ":id", id);
	stmt_text(st, ":new", new_id);
	return stmt_run(st, err);
}

void event_name_release(struct event_name *n)
{
	free(n->account);
	free(n->id);
	memset(n, 0, sizeof(*n));
}

void event_name_list_release(struct event_name_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		event_name_release(&l->items[i]);
	free(l->items);
	memset(l, 0, sizeof(*l));
}

static const char sql_event_names[] =
	"SELECT c.account_id, a.name, n.id FROM"
	" (SELECT calendar_id, id FROM event WHERE id >= :prefix AND id < :prefix_end"
	"  UNION SELECT calendar_id, event_id FROM history"
	"  WHERE event_id >= :prefix AND event_id < :prefix_end) n"
	" JOIN calendar c ON c.calendar_id = n.calendar_id"
	" JOIN account a ON a.account_id = c.account_id"
	" WHERE (:account = 0 OR c.account_id = :account)"
	" GROUP BY c.account_id, a.name, n.id ORDER BY n.id, c.account_id LIMIT :limit";

int store_event_names(struct store *s, int64_t account_id, const char *prefix, size_t limit,
		      struct event_name_list *out, struct err *err)
{
	/* The highest code point ends the range: no id holds it. */
	AUTO(free) char *prefix_end = xasprintf("%s\xf4\x8f\xbf\xbf", prefix);
	AUTO(stmt_done) struct stmt *st = NULL;
	AUTO(event_name_list_release) struct event_name_list list = {0};
	int status;

	if (db_prepare(s->db, sql_event_names, &st, err))
		return -1;
	stmt_text(st, ":prefix", prefix);
	stmt_text(st, ":prefix_end", prefix_end);
	stmt_int(st, ":account", account_id);
	stmt_int(st, ":limit", (int64_t)limit);
	while ((status = stmt_step(st, err)) == 1) {
		list.items = xreallocarray(list.items, list.count + 1, sizeof(*list.items));
		list.items[list.count++] = (struct event_name){
			.account_id = col_int(st, 0),
			.account = col_dup(st, 1),
			.id = col_dup(st, 2),
		};
	}
	if (status < 0)
		return -1;
	*out = list;
	memset(&list, 0, sizeof(list));
	return 0;
}

/* The sequence remembers the highest number also when its row is forgotten. */
static const char sql_history_range[] =
	"SELECT coalesce((SELECT min(history_id) FROM history), 0),"
	" coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'history'), 0)";

int store_history_range(struct store *s, int64_t *out_first, int64_t *out_last, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_history_range, &st, err))
		return -1;
	if (stmt_step(st, err) < 0)
		return -1;
	*out_first = col_int(st, 0);
	*out_last = col_int(st, 1);
	return 0;
}

/* In meta: the number outlives its row. */
#define FLOOR_KEY "history_floor"

int store_history_floor(struct store *s, int64_t *out, struct err *err)
{
	AUTO(free) char *text = NULL;

	if (store_meta_get(s, FLOOR_KEY, &text, err))
		return -1;
	*out = text ? strtoll(text, NULL, 10) : 0;
	return 0;
}

static int raise_floor(struct store *s, int64_t id, struct err *err)
{
	char text[24];
	int64_t floor;

	if (store_history_floor(s, &floor, err))
		return -1;
	if (id <= floor)
		return 0;
	snprintf(text, sizeof(text), "%lld", (long long)id);
	return store_meta_set(s, FLOOR_KEY, text, err);
}

int store_history_raise_floor(struct store *s, struct err *err)
{
	int64_t first, last;

	return store_history_range(s, &first, &last, err) || raise_floor(s, last, err) ? -1 : 0;
}

static const char sql_history_due[] =
	"SELECT EXISTS (SELECT 1 FROM history WHERE at_ms < :before)"
	" OR EXISTS (SELECT 1 FROM conflict WHERE state <> 'waiting' AND at_ms < :before)";

int store_history_due(struct store *s, int64_t before_ms, bool *out, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_history_due, &st, err))
		return -1;
	stmt_int(st, ":before", before_ms);
	if (stmt_step(st, err) < 0)
		return -1;
	*out = col_int(st, 0) != 0;
	return 0;
}

/* The clock may have gone back in between: older rows are not always the lower ones. */
static const char sql_prune_top[] =
	"SELECT coalesce(max(history_id), 0) FROM history WHERE at_ms < :before";

static int note_pruned(struct store *s, int64_t before_ms, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	int64_t top;

	if (db_prepare(s->db, sql_prune_top, &st, err))
		return -1;
	stmt_int(st, ":before", before_ms);
	if (stmt_step(st, err) < 0)
		return -1;
	top = col_int(st, 0);
	return stmt_run(st, err) || raise_floor(s, top, err) ? -1 : 0;
}

static const char sql_prune_history[] = "DELETE FROM history WHERE at_ms < :before";
static const char sql_prune_command[] =
	"DELETE FROM command WHERE at_ms < :before"
	" AND NOT EXISTS (SELECT 1 FROM history h WHERE h.command_id = command.command_id)";
static const char sql_prune_conflict[] =
	"DELETE FROM conflict WHERE at_ms < :before AND (state <> 'waiting' OR NOT EXISTS"
	" (SELECT 1 FROM outbox o WHERE o.event_row = conflict.event_row AND o.state = "
	"'conflict'))";

int store_history_prune(struct store *s, int64_t before_ms, struct err *err)
{
	static const char *const sql[] = {sql_prune_history, sql_prune_command, sql_prune_conflict};
	struct db_join join;
	int status = 0;

	if (db_join_begin(s->db, &join, err))
		return -1;
	status = note_pruned(s, before_ms, err);
	for (size_t i = 0; !status && i < ARRAY_SIZE(sql); i++) {
		AUTO(stmt_done) struct stmt *st = NULL;

		status = db_prepare(s->db, sql[i], &st, err);
		if (status)
			break;
		stmt_int(st, ":before", before_ms);
		status = stmt_run(st, err);
	}
	return db_join_end(s->db, &join, status, err);
}

/* --- commands ---------------------------------------------------------------------------- */

void command_release(struct command *c)
{
	free(c->name);
	memset(c, 0, sizeof(*c));
}

static const char sql_command_add[] =
	"INSERT INTO command (at_ms, undone_ms, name) VALUES (:at_ms, 0, :name)"
	" RETURNING command_id";

int store_command_add(struct store *s, const char *name, int64_t now_ms, int64_t *out_id,
		      struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_command_add, &st, err))
		return -1;
	stmt_int(st, ":at_ms", now_ms);
	stmt_text(st, ":name", name);
	return stmt_run_id(st, out_id, err);
}

static const char sql_command_drop[] =
	"DELETE FROM command WHERE command_id = :id"
	" AND NOT EXISTS (SELECT 1 FROM history h WHERE h.command_id = command.command_id)";

int store_command_drop_unused(struct store *s, int64_t id, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_command_drop, &st, err))
		return -1;
	stmt_int(st, ":id", id);
	return stmt_run(st, err);
}

static const char sql_command_last[] =
	"SELECT command_id, at_ms, name FROM command"
	" WHERE undone_ms = 0"
	" AND EXISTS (SELECT 1 FROM history h JOIN calendar c ON c.calendar_id = h.calendar_id"
	"  WHERE h.command_id = command.command_id"
	"  AND (:account = 0 OR c.account_id = :account))"
	" ORDER BY command_id DESC LIMIT 1";

int store_command_last(struct store *s, int64_t account_id, struct command *out, bool *out_found,
		       struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	int status;

	if (db_prepare(s->db, sql_command_last, &st, err))
		return -1;
	stmt_int(st, ":account", account_id);
	status = stmt_step(st, err);
	if (status < 0)
		return -1;
	*out_found = status;
	if (!status)
		return 0;
	out->id = col_int(st, 0);
	out->at_ms = col_int(st, 1);
	out->name = col_dup(st, 2);
	return 0;
}

static const char sql_command_undone[] =
	"UPDATE command SET undone_ms = :at_ms WHERE command_id = :id";

int store_command_set_undone(struct store *s, int64_t id, int64_t now_ms, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_command_undone, &st, err))
		return -1;
	stmt_int(st, ":id", id);
	stmt_int(st, ":at_ms", now_ms);
	return stmt_run(st, err);
}
