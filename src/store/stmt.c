/* Compiled statements, kept by their text, and what they bind and read. */
#include <assert.h>
#include <string.h>

#include "base/fault.h"
#include "base/xalloc.h"
#include "store/db_internal.h"

#include "base/banned.h"

static uint32_t text_hash(const char *s) /* FNV-1a */
{
	uint32_t hash = 2166136261u;

	for (; *s; s++)
		hash = (hash ^ (unsigned char)*s) * 16777619u;
	return hash;
}

static bool is_free_for(const struct stmt *st, const char *sql)
{
	return !st->busy && !strcmp(sqlite3_sql(st->handle), sql);
}

static struct stmt *find(const struct db *db, const char *sql, uint32_t hash)
{
	for (size_t i = 0; i < db->count; i++)
		if (db->stmts[i]->hash == hash && is_free_for(db->stmts[i], sql))
			return db->stmts[i];
	return NULL;
}

/* Most texts are constants: where the text was the last time it most likely is again. */
static struct stmt *find_by_place(const struct db *db, const char *sql)
{
	for (size_t i = 0; i < db->count; i++)
		if (db->stmts[i]->place == sql && is_free_for(db->stmts[i], sql))
			return db->stmts[i];
	return NULL;
}

int db_prepare(struct db *db, const char *sql, struct stmt **out, struct err *err)
{
	struct stmt *st = find_by_place(db, sql);
	uint32_t hash = st ? st->hash : text_hash(sql);
	sqlite3_stmt *handle;
	int rc;

	/* Going on without the transaction would commit each further write by itself. */
	if (db->begin_file && sqlite3_get_autocommit(db->handle))
		return err_set(err, ERR_STORE,
			       "database '%s': the transaction that %s:%d opened is lost", db->path,
			       db->begin_file, db->begin_line);
	if (!st)
		st = find(db, sql, hash);
	if (!st) {
		db->steps = 0;
		rc = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle,
					NULL);
		if (rc != SQLITE_OK) {
			db_fail(db, rc, err);
			return -1;
		}
		st = xcalloc(1, sizeof(*st));
		st->db = db;
		st->handle = handle;
		st->hash = hash;
		db->stmts = xreallocarray(db->stmts, db->count + 1, sizeof(struct stmt *));
		db->stmts[db->count++] = st;
	}
	st->place = sql;
	st->busy = true;
	st->bind_rc = SQLITE_OK;
	*out = st;
	return 0;
}

void stmt_done(struct stmt *st)
{
	if (!st)
		return;
	sqlite3_reset(st->handle);
	sqlite3_clear_bindings(st->handle);
	st->busy = false;
}

static int param(struct stmt *st, const char *name)
{
	int i = sqlite3_bind_parameter_index(st->handle, name);

	assert(i > 0);
	return i;
}

static void keep_rc(struct stmt *st, int rc)
{
	if (st->bind_rc == SQLITE_OK)
		st->bind_rc = rc;
}

void stmt_int(struct stmt *st, const char *name, int64_t value)
{
	keep_rc(st, sqlite3_bind_int64(st->handle, param(st, name), value));
}

void stmt_bool(struct stmt *st, const char *name, bool value)
{
	stmt_int(st, name, value);
}

void stmt_text(struct stmt *st, const char *name, const char *value)
{
	keep_rc(st, sqlite3_bind_text64(st->handle, param(st, name), value,
					value ? strlen(value) : 0, SQLITE_STATIC, SQLITE_UTF8));
}

void stmt_blob(struct stmt *st, const char *name, const void *data, size_t len)
{
	/* A NULL pointer would bind NULL, not an empty value. */
	keep_rc(st, sqlite3_bind_blob64(st->handle, param(st, name), len ? data : "", len,
					SQLITE_STATIC));
}

void stmt_null(struct stmt *st, const char *name)
{
	keep_rc(st, sqlite3_bind_null(st->handle, param(st, name)));
}

int stmt_step(struct stmt *st, struct err *err)
{
	bool watched = fault_hook != NULL && !sqlite3_stmt_readonly(st->handle);
	bool alone = !st->db->begin_file;
	int rc;

	if (st->bind_rc != SQLITE_OK)
		return err_set(err, ERR_STORE, "database '%s': %s", st->db->path,
			       sqlite3_errstr(st->bind_rc));
	if (!sqlite3_stmt_busy(st->handle))
		st->db->steps = 0;
	if (watched && !sqlite3_stmt_busy(st->handle) &&
	    fault_point(alone ? "store.write" : "store.change"))
		return db_dead(st->db, err);
	rc = sqlite3_step(st->handle);
	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE && watched && alone && fault_point("store.written"))
		return db_dead(st->db, err);
	if (rc == SQLITE_DONE)
		return 0;
	return db_fail(st->db, rc, err);
}

int stmt_run(struct stmt *st, struct err *err)
{
	int status;

	do
		status = stmt_step(st, err);
	while (status == 1);
	return status;
}

int stmt_run_id(struct stmt *st, int64_t *out_id, struct err *err)
{
	int64_t id;

	if (stmt_step(st, err) < 0)
		return -1;
	id = col_int(st, 0);
	if (stmt_run(st, err))
		return -1;
	*out_id = id;
	return 0;
}

int64_t stmt_changes(const struct stmt *st)
{
	return sqlite3_changes64(st->db->handle);
}

bool db_failed_unique(const struct db *db)
{
	return db->failed_unique;
}

bool col_is(struct stmt *st, int col, enum col_type type)
{
	static const int types[] = {
		[COL_INT] = SQLITE_INTEGER, [COL_TEXT] = SQLITE_TEXT, [COL_BLOB] = SQLITE_BLOB};

	return sqlite3_column_type(st->handle, col) == types[type];
}

bool col_is_null(struct stmt *st, int col)
{
	return sqlite3_column_type(st->handle, col) == SQLITE_NULL;
}

int64_t col_int(struct stmt *st, int col)
{
	return sqlite3_column_int64(st->handle, col);
}

bool col_bool(struct stmt *st, int col)
{
	return col_int(st, col) != 0;
}

const char *col_text_len(struct stmt *st, int col, size_t *out_len)
{
	const char *text = (const char *)sqlite3_column_text(st->handle, col);

	if (!text && !col_is_null(st, col)) /* out of memory */
		abort();
	*out_len = (size_t)sqlite3_column_bytes(st->handle, col);
	return text;
}

const char *col_text(struct stmt *st, int col)
{
	size_t len;

	return col_text_len(st, col, &len);
}

char *col_dup(struct stmt *st, int col)
{
	return xstrdup_null(col_text(st, col));
}

const void *col_blob(struct stmt *st, int col, size_t *out_len)
{
	const void *data = sqlite3_column_blob(st->handle, col);

	*out_len = (size_t)sqlite3_column_bytes(st->handle, col);
	return data;
}
