/* Sealed secrets: opaque bytes by account and field. */
#include "store/internal.h"

#include <string.h>

#include "base/xalloc.h"

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

void sealed_secret_list_release(struct sealed_secret_list *l)
{
	for (size_t i = 0; i < l->count; i++) {
		free(l->items[i].field);
		strbuf_release(&l->items[i].sealed);
	}
	free(l->items);
	memset(l, 0, sizeof(*l));
}

static const char sql_secret_list[] =
	"SELECT field, sealed FROM secret WHERE account_id = :account ORDER BY field";

int store_secret_list(struct store *s, int64_t account_id, struct sealed_secret_list *out,
		      struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	AUTO(sealed_secret_list_release) struct sealed_secret_list list = {0};
	int status;

	if (db_prepare(s->db, sql_secret_list, &st, err))
		return -1;
	stmt_int(st, ":account", account_id);
	while ((status = stmt_step(st, err)) == 1) {
		size_t len;
		const void *sealed = col_blob(st, 1, &len);
		struct sealed_secret *item;

		list.items = xreallocarray(list.items, list.count + 1, sizeof(*list.items));
		item = &list.items[list.count++];
		*item = (struct sealed_secret){.field = col_dup(st, 0), .sealed = STRBUF_INIT};
		if (len)
			strbuf_add(&item->sealed, sealed, len);
	}
	if (status < 0)
		return -1;
	*out = list;
	memset(&list, 0, sizeof(list));
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
