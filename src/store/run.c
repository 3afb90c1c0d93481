#include <string.h>

#include "base/xalloc.h"
#include "store/internal.h"

#include "base/banned.h"

#define RUNS_KEPT 1000 /* of each account */

void run_record_release(struct run_record *r)
{
	free(r->account);
	free(r->kind);
	free(r->error);
	json_object_put(r->detail);
	memset(r, 0, sizeof(*r));
}

void run_list_release(struct run_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		run_record_release(&l->items[i]);
	free(l->items);
	memset(l, 0, sizeof(*l));
}

static const char sql_run_insert[] =
	"INSERT INTO run (account_id, kind, started_ms, finished_ms, success, error, detail)"
	" VALUES (:account, :kind, :started_ms, :finished_ms, :success, :error, :detail)";

static int run_insert(struct store *s, const struct run_record *r, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_run_insert, &st, err))
		return -1;
	stmt_int(st, ":account", r->account_id);
	stmt_text(st, ":kind", r->kind);
	stmt_int(st, ":started_ms", r->started_ms);
	stmt_int(st, ":finished_ms", r->finished_ms);
	stmt_bool(st, ":success", r->success);
	stmt_text(st, ":error", r->error);
	stmt_text(st, ":detail", json_bind(r->detail));
	return stmt_run(st, err);
}

static const char sql_run_forget[] = "DELETE FROM run WHERE account_id = :account AND run_id <="
				     " (SELECT n.run_id FROM run n WHERE n.account_id = :account"
				     "  ORDER BY n.run_id DESC LIMIT 1 OFFSET :kept)";

static int run_forget(struct store *s, int64_t account_id, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_run_forget, &st, err))
		return -1;
	stmt_int(st, ":account", account_id);
	stmt_int(st, ":kept", RUNS_KEPT);
	return stmt_run(st, err);
}

int store_run_add(struct store *s, const struct run_record *r, struct err *err)
{
	struct db_join join;
	int status;

	if (db_join_begin(s->db, &join, err))
		return -1;
	status = run_insert(s, r, err);
	if (!status)
		status = run_forget(s, r->account_id, err);
	return db_join_end(s->db, &join, status, err);
}

static int run_read(struct stmt *st, struct run_record *out, struct err *err)
{
	AUTO(run_record_release) struct run_record r = {0};

	r.id = col_int(st, 0);
	r.account_id = col_int(st, 1);
	r.account = col_dup(st, 2);
	r.kind = col_dup(st, 3);
	r.started_ms = col_int(st, 4);
	r.finished_ms = col_int(st, 5);
	r.success = col_bool(st, 6);
	r.error = col_dup(st, 7);
	if (col_json(st, 8, "run of account", r.account, &r.detail, err))
		return -1;
	*out = r;
	memset(&r, 0, sizeof(r));
	return 0;
}

#define RUN_SELECT                                                                    \
	"SELECT r.run_id, r.account_id, a.name, r.kind, r.started_ms, r.finished_ms," \
	" r.success, r.error, r.detail"                                               \
	" FROM run r LEFT JOIN account a ON a.account_id = r.account_id"

int store_run_list(struct store *s, int64_t account_id, size_t limit, struct run_list *out,
		   struct err *err)
{
	AUTO(strbuf_release) struct strbuf sql = STRBUF_INIT;
	AUTO(stmt_done) struct stmt *st = NULL;
	AUTO(run_list_release) struct run_list list = {0};
	int status;

	strbuf_adds(&sql, RUN_SELECT);
	strbuf_adds(&sql, account_id ? " WHERE r.account_id = :account" : "");
	strbuf_adds(&sql, " ORDER BY r.run_id DESC");
	strbuf_adds(&sql, limit ? " LIMIT :limit" : "");
	if (db_prepare(s->db, sql.buf, &st, err))
		return -1;
	if (account_id)
		stmt_int(st, ":account", account_id);
	if (limit)
		stmt_int(st, ":limit", limit > INT64_MAX ? INT64_MAX : (int64_t)limit);
	while ((status = stmt_step(st, err)) == 1) {
		list.items = xreallocarray(list.items, list.count + 1, sizeof(*list.items));
		if (run_read(st, &list.items[list.count], err))
			return -1;
		list.count++;
	}
	if (status < 0)
		return -1;
	*out = list;
	memset(&list, 0, sizeof(list));
	return 0;
}
