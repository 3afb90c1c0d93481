#include "store/db.h"

#include <sqlite3.h>
#include <string.h>

#include "base/fault.h"
#include "base/strbuf.h"
#include "base/xalloc.h"
#include "store/db_file.h"
#include "store/db_internal.h"

#include "base/banned.h"

#define BUSY_TIMEOUT_MS 10000
#define HEADER_LEN      100
#define STEPS_A_CALL    1000 /* of SQLite's machine */
#define WARY_VFS        "calsync-wary"

static bool is_damage(int rc)
{
	switch (rc & 0xff) {
	case SQLITE_ERROR: /* a table or a column is missing */
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_CANTOPEN:
	case SQLITE_TOOBIG:
	case SQLITE_CONSTRAINT:
	case SQLITE_MISMATCH:
		return true;
	default:
		return false;
	}
}

/* What a person can do about it; "" = nothing that is known here. */
static const char *mend_of(const struct db *db, int rc)
{
	if (db->mend && is_damage(rc))
		return db->mend;
	switch (rc & 0xff) {
	case SQLITE_FULL:
		return "make room on its disk, then run the command again";
	case SQLITE_READONLY:
		return "this user must be able to write to it and to its folder; 'calsync doctor' "
		       "says more";
	case SQLITE_IOERR:
		return "its disk may be full or failing; 'calsync doctor' says more";
	default:
		return "";
	}
}

int db_fail(struct db *db, int rc, struct err *err)
{
	const char *mend = mend_of(db, rc);

	db->failed_unique = rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY;
	switch (rc & 0xff) {
	case SQLITE_BUSY:
		err_set(err, ERR_STORE, "database '%s' is busy: another process is writing to it",
			db->path);
		break;
	case SQLITE_NOMEM:
		abort();
	case SQLITE_INTERRUPT: /* only count_steps() does that */
		err_set(err, ERR_STORE, "database '%s' holds far more than it should; %s", db->path,
			db->mend);
		break;
	default:
		err_set(err, ERR_STORE, "database '%s': %s%s%s", db->path,
			sqlite3_errmsg(db->handle), *mend ? "; " : "", mend);
	}
	return -1;
}

int db_dead(const struct db *db, struct err *err)
{
	return err_set(err, ERR_STORE, "database '%s': taken for dead by a test", db->path);
}

/* --- opening ----------------------------------------------------------------------------- */

static int32_t get_be32(const unsigned char *p)
{
	return (int32_t)((uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3]);
}

/* Through SQLite's own file handle: a second descriptor of ours, when closed, would drop the locks
 * of every other connection that this process has to the file (POSIX). */
static int read_header(struct db *db, struct db_header *out, struct err *err)
{
	unsigned char buf[HEADER_LEN] = {0};
	sqlite3_file *file = NULL;
	sqlite3_int64 size = 0;
	int rc = sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_FILE_POINTER, &file);

	if (rc == SQLITE_OK)
		rc = file->pMethods->xFileSize(file, &size);
	if (rc == SQLITE_OK)
		rc = file->pMethods->xRead(file, buf, sizeof(buf), 0);
	if (rc != SQLITE_OK && rc != SQLITE_IOERR_SHORT_READ)
		return err_set(err, ERR_STORE, "cannot read database '%s': %s", db->path,
			       sqlite3_errstr(rc));
	out->empty = size == 0;
	out->is_sqlite = !memcmp(buf, "SQLite format 3", 16);
	out->wal = buf[18] == 2 && buf[19] == 2;
	out->user_version = get_be32(buf + 60);
	out->application_id = get_be32(buf + 68);
	return 0;
}

/* None of these reads or writes the file. */
static int configure(struct db *db, struct err *err)
{
	static const struct {
		int option, value;
	} options[] = {
		{SQLITE_DBCONFIG_DEFENSIVE, 1},
		{SQLITE_DBCONFIG_DQS_DDL, 0},
		{SQLITE_DBCONFIG_DQS_DML, 0},
		{SQLITE_DBCONFIG_ENABLE_FKEY, 1},
		{SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
		/* Until the file is known to be ours:
		 * a newer program's WAL is not for us to fold. */
		{SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1},
	};

	sqlite3_extended_result_codes(db->handle, 1);
	db_set_busy_timeout(db, BUSY_TIMEOUT_MS);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		int rc = sqlite3_db_config(db->handle, options[i].option, options[i].value, NULL);

		if (rc != SQLITE_OK)
			return err_set(err, ERR_STORE,
				       "this SQLite (%s) lacks a safety setting (%d)",
				       sqlite3_libversion(), options[i].option);
	}
	return 0;
}

/* vfs NULL: SQLite's own. */
static int open_file(struct db *db, const char *name, int flags, const char *vfs, struct err *err)
{
	int rc = sqlite3_open_v2(name, &db->handle,
				 flags | SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, vfs);

	if (rc != SQLITE_OK) {
		int system_error = db->handle ? sqlite3_system_errno(db->handle) : 0;

		return err_set(err, ERR_STORE, "cannot open database '%s': %s", db->path,
			       system_error ? strerror(system_error) : sqlite3_errstr(rc));
	}
	if (sqlite3_db_readonly(db->handle, "main") == 1)
		return err_set(err, ERR_STORE, "cannot write to database '%s': it is read-only",
			       db->path);
	return configure(db, err);
}

int db_open(const char *path, bool create, struct db **out, struct db_header *out_header,
	    struct err *err)
{
	AUTO(db_close) struct db *db = NULL;
	AUTO(free) char *name = NULL;
	struct db_header header;

	if (db_file_check(path, create, true, err))
		return -1;
	db = xcalloc(1, sizeof(*db));
	db->path = xstrdup(path);
	/* ":memory:" is a file's name like any other. */
	name = xasprintf("%s%s", path[0] == '/' ? "" : "./", path);
	if (open_file(db, name, 0, NULL, err) || read_header(db, &header, err))
		return -1;
	*out_header = header;
	*out = TAKE(db);
	return 0;
}

/* --- a file that others write, too -------------------------------------------------------- */

/* A journal may name a super-journal anywhere, which SQLite removes when it has played the journal
 * back: whoever can write a journal could have any file of ours removed. */
static int open_but_super_journals(sqlite3_vfs *vfs, const char *name, sqlite3_file *file,
				   int flags, int *out_flags)
{
	if (flags & SQLITE_OPEN_SUPER_JOURNAL) {
		file->pMethods = NULL;
		return SQLITE_CANTOPEN;
	}
	return sqlite3_vfs_find(NULL)->xOpen(vfs, name, file, flags, out_flags);
}

static int register_wary_vfs(struct err *err)
{
	static sqlite3_vfs wary;
	sqlite3_vfs *own = sqlite3_vfs_find(NULL);
	int rc;

	if (wary.zName)
		return 0;
	wary = *own;
	wary.zName = WARY_VFS;
	wary.xOpen = open_but_super_journals;
	rc = sqlite3_vfs_register(&wary, 0);
	return rc == SQLITE_OK ? 0 : err_set(err, ERR_STORE, "SQLite: %s", sqlite3_errstr(rc));
}

static int count_steps(void *arg)
{
	struct db *db = arg;

	db->steps += STEPS_A_CALL;
	return db->steps > db->steps_max;
}

void db_set_steps_max(struct db *db, int64_t max)
{
	db->steps_max = max;
}

/* Also what comes to be in the file after its owner has looked through it must do no harm. */
static int restrict_all(struct db *db, const struct db_bounds *b, struct err *err)
{
	const struct {
		int limit, value;
	} limits[] = {
		{SQLITE_LIMIT_LENGTH, b->value_bytes},
		{SQLITE_LIMIT_SQL_LENGTH, b->value_bytes},
		{SQLITE_LIMIT_COLUMN, 100},
		{SQLITE_LIMIT_EXPR_DEPTH, 100},
		{SQLITE_LIMIT_COMPOUND_SELECT, 3},
		{SQLITE_LIMIT_ATTACHED, 0},
		{SQLITE_LIMIT_TRIGGER_DEPTH, 1},
	};

	db->mend = b->mend;
	db->steps_max = b->steps_max;
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++)
		sqlite3_limit(db->handle, limits[i].limit, limits[i].value);
	sqlite3_progress_handler(db->handle, STEPS_A_CALL, count_steps, db);
	if (sqlite3_db_config(db->handle, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL) != SQLITE_OK ||
	    sqlite3_db_config(db->handle, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL) != SQLITE_OK)
		return err_set(err, ERR_STORE, "this SQLite (%s) lacks a safety setting",
			       sqlite3_libversion());
	return db_exec(db, "PRAGMA cell_size_check = ON", err);
}

int db_open_wary(const char *path, bool create, const struct db_bounds *bounds, struct db **out,
		 struct db_header *out_header, struct err *err)
{
	AUTO(db_close) struct db *db = NULL;
	AUTO(free) char *name = NULL;
	struct db_header header;

	if (db_file_check(path, create, false, err) || db_file_resolve(path, &name, err) ||
	    register_wary_vfs(err))
		return -1;
	db = xcalloc(1, sizeof(*db));
	db->path = xstrdup(path);
	if (open_file(db, name, SQLITE_OPEN_NOFOLLOW, WARY_VFS, err) ||
	    restrict_all(db, bounds, err) || read_header(db, &header, err))
		return -1;
	*out_header = header;
	*out = TAKE(db);
	return 0;
}

int db_open_to_look(const char *path, bool alone, const struct db_bounds *bounds, struct db **out,
		    struct db_header *out_header, struct err *err)
{
	AUTO(db_close) struct db *db = NULL;
	AUTO(free) char *name = NULL;
	AUTO(strbuf_release) struct strbuf uri = STRBUF_INIT;
	struct db_header header;
	int rc;

	if (db_file_check(path, false, !bounds, err) ||
	    (bounds && (db_file_resolve(path, &name, err) || register_wary_vfs(err))))
		return -1;
	db = xcalloc(1, sizeof(*db));
	db->path = xstrdup(path);
	strbuf_adds(&uri, (name ? name : path)[0] == '/' ? "file:" : "file:./");
	strbuf_add_urlencoded(&uri, name ? name : path);
	strbuf_adds(&uri, alone ? "?immutable=1" : "");
	rc = sqlite3_open_v2(uri.buf, &db->handle,
			     SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX |
				     (bounds ? SQLITE_OPEN_NOFOLLOW : 0),
			     bounds ? WARY_VFS : NULL);
	if (rc != SQLITE_OK) {
		int system_error = db->handle ? sqlite3_system_errno(db->handle) : 0;

		return err_set(err, ERR_STORE, "cannot open database '%s': %s", path,
			       system_error ? strerror(system_error) : sqlite3_errstr(rc));
	}
	if (configure(db, err) || (bounds && restrict_all(db, bounds, err)) ||
	    read_header(db, &header, err))
		return -1;
	*out_header = header;
	*out = TAKE(db);
	return 0;
}

const char *db_library_version(void)
{
	return sqlite3_libversion();
}

/* SQLite does not wait for other connections when it changes the mode: two first starts meet
 * here. */
static int switch_to_wal(struct db *db, struct err *err)
{
	for (int waited_ms = 0;; waited_ms += 20) {
		AUTO(stmt_done) struct stmt *st = NULL;
		int status;

		if (db_prepare(db, "PRAGMA journal_mode = WAL", &st, err))
			return -1;
		status = stmt_step(st, err);
		if (status == 1 && !strcmp(col_text(st, 0), "wal"))
			return 0;
		if (status == 1)
			return err_set(err, ERR_STORE,
				       "database '%s' cannot use WAL on this file system",
				       db->path);
		if ((sqlite3_errcode(db->handle) & 0xff) != SQLITE_BUSY ||
		    waited_ms >= db->busy_timeout_ms)
			return -1;
		stmt_done(TAKE(st));
		sqlite3_sleep(20);
	}
}

void db_set_busy_timeout(struct db *db, int ms)
{
	db->busy_timeout_ms = ms;
	sqlite3_busy_timeout(db->handle, ms);
}

int db_use_wal(struct db *db, bool is_on, struct err *err)
{
	if (!is_on && switch_to_wal(db, err))
		return -1;
	/* FULL: a commit is on disk when it returns, also in WAL mode. Sorting a long list must not
	 * leave calendar text in files under /var/tmp. */
	if (db_exec(db,
		    "PRAGMA synchronous = FULL; PRAGMA cell_size_check = ON;"
		    "PRAGMA temp_store = MEMORY",
		    err))
		return -1;
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	return 0;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	for (size_t i = 0; i < db->count; i++) {
		sqlite3_finalize(db->stmts[i]->handle);
		free(db->stmts[i]);
	}
	free(db->stmts);
	/* Without statements this cannot be refused; an open transaction is rolled back. */
	sqlite3_close(db->handle);
	free(db->path);
	free(db);
}

const char *db_path(const struct db *db)
{
	return db->path;
}

int db_user_version(struct db *db, int *out, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(db, "PRAGMA user_version", &st, err) || stmt_step(st, err) < 0)
		return -1;
	*out = (int)col_int(st, 0);
	return 0;
}

int db_exec(struct db *db, const char *sql, struct err *err)
{
	int rc;

	db->steps = 0;
	rc = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : db_fail(db, rc, err);
}

/* --- transactions ------------------------------------------------------------------------ */

/* BEGIN and COMMIT: their points of effect are their callers'. */
static int run_text(struct db *db, const char *sql, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	int rc;

	if (db_prepare(db, sql, &st, err))
		return -1;
	rc = sqlite3_step(st->handle);
	return rc == SQLITE_DONE ? 0 : db_fail(db, rc, err);
}

bool db_in_transaction(const struct db *db)
{
	return db->begin_file;
}

static int begin(struct db *db, const char *sql, const char *file, int line, struct err *err)
{
	if (db->begin_file)
		return err_set(err, ERR_STORE,
			       "transaction at %s:%d inside the one that %s:%d opened", file, line,
			       db->begin_file, db->begin_line);
	if (run_text(db, sql, err))
		return -1;
	db->begin_file = file;
	db->begin_line = line;
	db->spoiled = false;
	return 0;
}

int db_begin_at(struct db *db, bool exclusive, const char *file, int line, struct err *err)
{
	if (!db->begin_file && fault_point("store.begin"))
		return db_dead(db, err);
	return begin(db, exclusive ? "BEGIN EXCLUSIVE" : "BEGIN IMMEDIATE", file, line, err);
}

int db_begin_read_at(struct db *db, const char *file, int line, struct err *err)
{
	return begin(db, "BEGIN", file, line, err);
}

void db_rollback(struct db *db)
{
	/* After some errors (disk full) SQLite has rolled back by itself. */
	if (!sqlite3_get_autocommit(db->handle))
		sqlite3_exec(db->handle, "ROLLBACK", NULL, NULL, NULL);
	db->begin_file = NULL;
}

int db_commit(struct db *db, struct err *err)
{
	int status;

	if (!db->begin_file)
		return err_set(err, ERR_STORE, "database '%s': no transaction to commit", db->path);
	if (db->spoiled)
		status =
			err_set(err, ERR_STORE,
				"database '%s': a step of the transaction that %s:%d opened failed",
				db->path, db->begin_file, db->begin_line);
	else if (fault_point("store.commit"))
		status = db_dead(db, err);
	else
		status = run_text(db, "COMMIT", err);
	if (status)
		db_rollback(db);
	db->begin_file = NULL;
	if (!status && fault_point("store.committed"))
		return db_dead(db, err);
	return status;
}

int db_join_begin_at(struct db *db, const char *file, int line, struct db_join *out,
		     struct err *err)
{
	bool own = !db->begin_file;

	if (own && db_begin_at(db, false, file, line, err))
		return -1;
	out->own = own;
	out->changes = sqlite3_total_changes64(db->handle);
	return 0;
}

int db_join_end(struct db *db, const struct db_join *join, int status, struct err *err)
{
	if (!status)
		return join->own ? db_commit(db, err) : 0;
	if (join->own)
		db_rollback(db);
	else if (sqlite3_total_changes64(db->handle) != join->changes)
		db->spoiled = true;
	return status;
}
