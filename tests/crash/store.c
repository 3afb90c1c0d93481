#include "store.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/xalloc.h"
#include "folder.h"

#include "base/banned.h"

#define SQL_MAX (1 << 20)

static int fail(sqlite3 *db, const char *what, struct err *err)
{
	return err_set(err, ERR_STORE, "%s: %s", what, sqlite3_errmsg(db));
}

int store_change(const struct world *w, const char *sql, struct err *err)
{
	AUTO(free) char *path = world_store(w);
	AUTO(sqlite3_close) sqlite3 *db = NULL;

	if (sqlite3_open(path, &db) != SQLITE_OK ||
	    sqlite3_exec(db, sql, NULL, NULL, NULL) != SQLITE_OK)
		return fail(db, sql, err);
	return 0;
}

int store_load(const struct world *w, const char *file, struct err *err)
{
	AUTO(strbuf_release) struct strbuf sql = STRBUF_INIT;
	AUTO(free) char *path = world_store(w);

	if (io_mkdir_parents(path, 0700, err) || io_read_file(file, SQL_MAX, &sql, err))
		return -1;
	/* As calsync leaves it. */
	strbuf_adds(&sql, "PRAGMA journal_mode = WAL;");
	if (store_change(w, sql.buf, err))
		return -1;
	return chmod(path, 0600) ? err_set(err, ERR_FAILED, "cannot chmod '%s'", path) : 0;
}

int store_peek(struct world *w, sqlite3 **out, struct err *err)
{
	static const char *const ends[] = {"-journal", "-wal", "-shm", ""};
	AUTO(free) char *store = world_store(w);
	AUTO(sqlite3_close) sqlite3 *db = NULL;
	bool found = false;

	*out = NULL;
	/* The file itself last: found says whether it is there. */
	for (size_t i = 0; i < ARRAY_SIZE(ends); i++) {
		AUTO(free) char *from = xasprintf("%s%s", store, ends[i]);
		AUTO(free) char *to = xasprintf("%s%s", w->probe, ends[i]);

		if (unlink(to) && errno != ENOENT)
			return err_set(err, ERR_FAILED, "cannot remove '%s'", to);
		if (folder_copy_file(from, to, &found, err))
			return -1;
	}
	if (!found)
		return 0;
	if (sqlite3_open_v2(w->probe, &db, SQLITE_OPEN_READWRITE, NULL) != SQLITE_OK)
		return fail(db, "cannot open the store's copy", err);
	*out = TAKE(db);
	return 0;
}

int store_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, struct err *err)
{
	if (sqlite3_prepare_v2(db, sql, -1, out, NULL) != SQLITE_OK)
		return fail(db, sql, err);
	return 0;
}

static bool has_tables(sqlite3 *db)
{
	AUTO(sqlite3_finalize) sqlite3_stmt *st = NULL;
	struct err ignored;

	return !store_prepare(db, "SELECT 1 FROM sqlite_schema", &st, &ignored) &&
	       sqlite3_step(st) == SQLITE_ROW;
}

int store_says(struct world *w, const char *sql, bool absent, bool *out, struct err *err)
{
	AUTO(sqlite3_close) sqlite3 *db = NULL;
	AUTO(sqlite3_finalize) sqlite3_stmt *st = NULL;
	int rc;

	*out = absent;
	if (store_peek(w, &db, err))
		return -1;
	if (!db || !has_tables(db))
		return 0;
	if (store_prepare(db, sql, &st, err))
		return -1;
	rc = sqlite3_step(st);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		return fail(db, sql, err);
	*out = rc == SQLITE_ROW && sqlite3_column_int(st, 0);
	return 0;
}

int store_whole(struct world *w, struct err *err)
{
	static const char sql[] = "SELECT integrity_check FROM pragma_integrity_check"
				  " UNION ALL SELECT 'foreign key of ' || \"table\""
				  " FROM pragma_foreign_key_check";
	AUTO(sqlite3_close) sqlite3 *db = NULL;
	AUTO(sqlite3_finalize) sqlite3_stmt *st = NULL;
	int rc;

	if (store_peek(w, &db, err))
		return -1;
	if (!db)
		return 0;
	if (store_prepare(db, sql, &st, err))
		return err_wrap(err, "damaged");
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		if (strcmp((const char *)sqlite3_column_text(st, 0), "ok") != 0)
			return err_set(err, ERR_STORE, "damaged: %s", sqlite3_column_text(st, 0));
	return rc == SQLITE_DONE ? 0 : fail(db, "damaged", err);
}

int store_id_of(struct world *w, const char *title, char **out, struct err *err)
{
	AUTO(sqlite3_close) sqlite3 *db = NULL;
	AUTO(sqlite3_finalize) sqlite3_stmt *st = NULL;

	*out = NULL;
	if (store_peek(w, &db, err))
		return -1;
	if (!db)
		return 0;
	if (store_prepare(db,
			  "SELECT id, hidden, event_row FROM event WHERE summary = ?1 UNION ALL"
			  " SELECT event_id, 2, history_id FROM history"
			  " WHERE resource ->> 'summary' = ?1 ORDER BY 2, 3",
			  &st, err))
		return -1;
	sqlite3_bind_text(st, 1, title, -1, SQLITE_STATIC);
	if (sqlite3_step(st) == SQLITE_ROW)
		*out = xstrdup((const char *)sqlite3_column_text(st, 0));
	return 0;
}
