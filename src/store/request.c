/* Calendars that shall be synced: one row each, however many asked for it. */
#include <string.h>

#include "base/xalloc.h"
#include "store/internal.h"

#include "base/banned.h"

void sync_request_release(struct sync_request *r)
{
	free(r->account);
	free(r->calendar);
	free(r->reason);
	free(r->last_error);
	memset(r, 0, sizeof(*r));
}

void sync_request_list_release(struct sync_request_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		sync_request_release(&l->items[i]);
	free(l->items);
	memset(l, 0, sizeof(*l));
}

/* The ticket starts from the clock: one that was dropped and asked for again is another one. */
static const char sql_request_add[] =
	"INSERT INTO sync_request (calendar_id, ticket, requested_ms, attempts, not_before_ms,"
	" reason) VALUES (:calendar, :now, :now, 0, 0, :reason)"
	" ON CONFLICT (calendar_id) DO UPDATE SET"
	" ticket = CASE WHEN excluded.ticket > ticket THEN excluded.ticket ELSE ticket + 1 END,"
	" not_before_ms = 0, reason = excluded.reason";

int store_request_add(struct store *s, int64_t calendar_id, const char *reason, int64_t now_ms,
		      struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_request_add, &st, err))
		return -1;
	stmt_int(st, ":calendar", calendar_id);
	stmt_int(st, ":now", now_ms);
	stmt_text(st, ":reason", reason);
	return stmt_run(st, err);
}

static void request_read(struct stmt *st, struct sync_request *out)
{
	*out = (struct sync_request){
		.calendar_id = col_int(st, 0),
		.account_id = col_int(st, 1),
		.account = col_dup(st, 2),
		.calendar = col_dup(st, 3),
		.ticket = col_int(st, 4),
		.requested_ms = col_int(st, 5),
		.attempts = (int)col_int(st, 6),
		.not_before_ms = col_int(st, 7),
		.reason = col_dup(st, 8),
		.last_error = col_dup(st, 9),
	};
}

#define REQUEST_COLUMNS                                                                      \
	"SELECT r.calendar_id, c.account_id, a.name, c.google_id, r.ticket, r.requested_ms," \
	" r.attempts, r.not_before_ms, r.reason, r.last_error"
#define REQUEST_SELECT                                         \
	REQUEST_COLUMNS " FROM sync_request r JOIN calendar c" \
			" ON c.calendar_id = r.calendar_id"    \
			" JOIN account a ON a.account_id = c.account_id"

static const char sql_request_get[] = REQUEST_SELECT " WHERE r.calendar_id = :calendar";

int store_request_get(struct store *s, int64_t calendar_id, struct sync_request *out,
		      bool *out_found, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	int status;

	if (db_prepare(s->db, sql_request_get, &st, err))
		return -1;
	stmt_int(st, ":calendar", calendar_id);
	status = stmt_step(st, err);
	if (status < 0)
		return -1;
	if (status)
		request_read(st, out);
	*out_found = status;
	return 0;
}

#define REQUEST_DUE                              \
	" (:due < 0 OR r.not_before_ms <= :due)" \
	" ORDER BY r.requested_ms, r.calendar_id"

static const char sql_request_list[] = REQUEST_SELECT " WHERE" REQUEST_DUE;
/* In this order: an account has few calendars, and thousands of accounts may have asked. */
static const char sql_request_list_of[] =
	REQUEST_COLUMNS " FROM account a CROSS JOIN calendar c ON c.account_id = a.account_id"
			" CROSS JOIN sync_request r ON r.calendar_id = c.calendar_id"
			" WHERE a.account_id = :account AND" REQUEST_DUE;

int store_request_list(struct store *s, int64_t account_id, int64_t due_ms,
		       struct sync_request_list *out, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	AUTO(sync_request_list_release) struct sync_request_list list = {0};
	int status;

	if (db_prepare(s->db, account_id ? sql_request_list_of : sql_request_list, &st, err))
		return -1;
	if (account_id)
		stmt_int(st, ":account", account_id);
	stmt_int(st, ":due", due_ms);
	while ((status = stmt_step(st, err)) == 1) {
		list.items = xreallocarray(list.items, list.count + 1, sizeof(*list.items));
		request_read(st, &list.items[list.count++]);
	}
	if (status < 0)
		return -1;
	*out = list;
	memset(&list, 0, sizeof(list));
	return 0;
}

static const char sql_request_done[] =
	"DELETE FROM sync_request WHERE calendar_id = :calendar AND ticket = :ticket";

int store_request_done(struct store *s, int64_t calendar_id, int64_t ticket, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_request_done, &st, err))
		return -1;
	stmt_int(st, ":calendar", calendar_id);
	stmt_int(st, ":ticket", ticket);
	return stmt_run(st, err);
}

static const char sql_request_failed[] =
	"UPDATE sync_request SET attempts = attempts + 1, not_before_ms = :not_before,"
	" last_error = :error WHERE calendar_id = :calendar";

int store_request_failed(struct store *s, int64_t calendar_id, int64_t not_before_ms,
			 const char *error, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_request_failed, &st, err))
		return -1;
	stmt_int(st, ":calendar", calendar_id);
	stmt_int(st, ":not_before", not_before_ms);
	stmt_text(st, ":error", error);
	return stmt_run(st, err);
}

static const char sql_request_drop[] = "DELETE FROM sync_request WHERE calendar_id = :calendar";

int store_request_drop(struct store *s, int64_t calendar_id, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_request_drop, &st, err))
		return -1;
	stmt_int(st, ":calendar", calendar_id);
	return stmt_run(st, err);
}

/* A dead login keeps everything of its account back, until somebody connects it. */
static const char sql_queue_next[] =
	"SELECT min(q.at_ms) FROM ("
	"  SELECT r.calendar_id, r.not_before_ms AS at_ms FROM sync_request r"
	"   WHERE r.not_before_ms > :now"
	"  UNION ALL SELECT o.calendar_id, o.not_before_ms FROM outbox o"
	"   WHERE o.state = 'queued' AND o.not_before_ms > :now) q"
	" JOIN calendar c ON c.calendar_id = q.calendar_id"
	" JOIN account a ON a.account_id = c.account_id WHERE a.state = 'connected'";

int store_queue_next(struct store *s, int64_t now_ms, int64_t *out_ms, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_queue_next, &st, err))
		return -1;
	stmt_int(st, ":now", now_ms);
	if (stmt_step(st, err) < 0)
		return -1;
	*out_ms = col_int(st, 0); /* NULL reads as 0 */
	return 0;
}
