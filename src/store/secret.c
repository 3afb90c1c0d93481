/* Sealed secrets: opaque bytes by account and field. */
#include "store/internal.h"

#include "base/banned.h"

static const char sql_secret_put[] =
	"INSERT INTO secret (account_id, field, sealed) VALUES (:account, :field, :sealed)"
	" ON CONFLICT (account_id, field) DO UPDATE SET sealed = excluded.sealed";

int store_secret_put(struct store *s, int64_t account_id, const char *field, const void *sealed,
		     size_t len, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_secret_put, &st, err))
		return -1;
	stmt_int(st, ":account", account_id);
	stmt_text(st, ":field", field);
	stmt_blob(st, ":sealed", sealed, len);
	return stmt_run(st, err);
}

static const char sql_secret_get[] =
	"SELECT sealed FROM secret WHERE account_id = :account AND field = :field";

int store_secret_get(struct store *s, int64_t account_id, const char *field, struct strbuf *out,
		     struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	const void *sealed;
	size_t len;
	int status;

	if (db_prepare(s->db, sql_secret_get, &st, err))
		return -1;
	stmt_int(st, ":account", account_id);
	stmt_text(st, ":field", field);
	status = stmt_step(st, err);
	if (status < 0)
		return -1;
	if (!status)
		return err_set(err, ERR_NOT_FOUND, "no %s is stored for this account", field);
	sealed = col_blob(st, 0, &len);
	if (len)
		strbuf_add(out, sealed, len);
	return 0;
}

static const char sql_secret_delete[] =
	"DELETE FROM secret WHERE account_id = :account AND field = :field";
static const char sql_secret_delete_all[] = "DELETE FROM secret WHERE account_id = :account";

int store_secret_delete(struct store *s, int64_t account_id, const char *field, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, field ? sql_secret_delete : sql_secret_delete_all, &st, err))
		return -1;
	stmt_int(st, ":account", account_id);
	if (field)
		stmt_text(st, ":field", field);
	return stmt_run(st, err);
}
