#include "store/store.h"

#include <string.h>

#include "base/random.h"
#include "base/xalloc.h"
#include "store/internal.h"
#include "store/schema.h"

#include "base/banned.h"

static int not_connected(struct err *err)
{
	return err_set(err, ERR_NOT_CONNECTED,
		       "no account is connected yet; run 'calsync connect'");
}

int store_open(const char *path, unsigned flags, struct store **out, struct err *err)
{
	AUTO(db_close) struct db *db = NULL;
	bool create = flags & STORE_CREATE;
	struct db_header header;

	if (db_open(path, create, &db, &header, err))
		return err->code == ERR_NOT_FOUND ? not_connected(err) : -1;
	if (schema_check_header(db, &header, err))
		return -1;
	/* What a first start leaves that was killed before its tables were there. */
	if (header.empty && !create)
		return not_connected(err);
	/* In this order: the tables come to be in rollback mode, so that the main file itself (and
	 * not only the WAL) says from the first moment whose it is. */
	if (schema_upgrade(db, err) || db_use_wal(db, header.wal, err))
		return -1;
	*out = xcalloc(1, sizeof(**out));
	(*out)->db = TAKE(db);
	return 0;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	db_close(s->db);
	free(s);
}

const char *store_path(const struct store *s)
{
	return db_path(s->db);
}

int store_begin_at(struct store *s, const char *file, int line, struct err *err)
{
	return db_begin_at(s->db, false, file, line, err);
}

int store_commit(struct store *s, struct err *err)
{
	return db_commit(s->db, err);
}

void store_rollback(struct store *s)
{
	db_rollback(s->db);
}

bool store_in_transaction(const struct store *s)
{
	return db_in_transaction(s->db);
}

/* --- meta -------------------------------------------------------------------------------- */

static const char sql_meta_delete[] = "DELETE FROM meta WHERE key = :key";

static int meta_delete(struct store *s, const char *key, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_meta_delete, &st, err))
		return -1;
	stmt_text(st, ":key", key);
	return stmt_run(st, err);
}

static const char sql_meta_set[] = "INSERT INTO meta (key, value) VALUES (:key, :value)"
				   " ON CONFLICT (key) DO UPDATE SET value = excluded.value";

int store_meta_set(struct store *s, const char *key, const char *value, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (!value)
		return meta_delete(s, key, err);
	if (db_prepare(s->db, sql_meta_set, &st, err))
		return -1;
	stmt_text(st, ":key", key);
	stmt_text(st, ":value", value);
	return stmt_run(st, err);
}

static const char sql_meta_get[] = "SELECT value FROM meta WHERE key = :key";

int store_meta_get(struct store *s, const char *key, char **out, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	int status;

	if (db_prepare(s->db, sql_meta_get, &st, err))
		return -1;
	stmt_text(st, ":key", key);
	status = stmt_step(st, err);
	if (status < 0)
		return -1;
	*out = status ? col_dup(st, 0) : NULL;
	return 0;
}

#define IDENTITY_KEY "store_id"

static const char sql_identity_add[] = "INSERT INTO meta (key, value) VALUES (:key, :value)"
				       " ON CONFLICT (key) DO NOTHING";

static int identity_add(struct store *s, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	char id[RANDOM_UUID_LEN];

	random_uuid(id);
	if (db_prepare(s->db, sql_identity_add, &st, err))
		return -1;
	stmt_text(st, ":key", IDENTITY_KEY);
	stmt_text(st, ":value", id);
	return stmt_run(st, err);
}

int store_identity_look(struct store *s, char **out, struct err *err)
{
	return store_meta_get(s, IDENTITY_KEY, out, err);
}

int store_identity(struct store *s, char **out, struct err *err)
{
	AUTO(free) char *id = NULL;

	if (store_identity_look(s, &id, err))
		return -1;
	/* Another process may be first: read what counts. */
	if (!id && (identity_add(s, err) || store_identity_look(s, &id, err)))
		return -1;
	*out = TAKE(id);
	return 0;
}

/* --- shared by the table files ----------------------------------------------------------- */

int name_index(const char *const names[], size_t count, const char *name)
{
	for (size_t i = 0; i < count; i++)
		if (name && names[i] && !strcmp(names[i], name))
			return (int)i;
	return -1;
}

int col_json(struct stmt *st, int col, const char *what, const char *key, struct json_object **out,
	     struct err *err)
{
	size_t len;
	const char *text = col_text_len(st, col, &len);

	if (!text) {
		*out = NULL;
		return 0;
	}
	if (!json_parse(text, len, out, err))
		return 0;
	/* For the caller this is no bad input but a damaged store. */
	err->code = ERR_STORE;
	return err_wrap(err, "stored %s '%s' is damaged", what, key);
}

const char *json_bind(struct json_object *obj)
{
	return obj ? json_text(obj) : NULL;
}
