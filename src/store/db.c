#include "store/db.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

#include "base/fault.h"
#include "base/strbuf.h"
#include "base/xalloc.h"

#include "base/banned.h"

#define BUSY_TIMEOUT_MS 10000
#define HEADER_LEN      100

struct stmt {
	struct db *db;
	sqlite3_stmt *handle;
	uint32_t hash; /* of the text */
	bool busy;     /* handed out */
	int bind_rc;   /* first failed bind since it was handed out */
};

struct db {
	sqlite3 *handle;
	char *path;
	struct stmt **stmts; /* compiled so far, each once or as often as used at the same time */
	size_t count;
	int busy_timeout_ms;
	const char *begin_file; /* who opened the transaction; NULL = none is open */
	int begin_line;
	bool spoiled;       /* a step of several statements failed in it */
	bool failed_unique; /* see db_failed_unique() */
};

static int fail(struct db *db, int rc, struct err *err)
{
	db->failed_unique = rc == SQLITE_CONSTRAINT_UNIQUE || rc == SQLITE_CONSTRAINT_PRIMARYKEY;
	switch (rc & 0xff) {
	case SQLITE_BUSY:
		return err_set(err, ERR_STORE,
			       "database '%s' is busy: another process is writing to it", db->path);
	case SQLITE_NOMEM:
		abort();
	default:
		return err_set(err, ERR_STORE, "database '%s': %s", db->path,
			       sqlite3_errmsg(db->handle));
	}
}

/* A test says that the process is dead: see base/fault.h. */
static int dead(const struct db *db, struct err *err)
{
	return err_set(err, ERR_STORE, "database '%s': taken for dead by a test", db->path);
}

/* --- opening ----------------------------------------------------------------------------- */

static int make_folders(const char *path, struct err *err)
{
	AUTO(free) char *folder = xstrdup(path);

	for (char *p = strchr(folder + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(folder, 0700) && errno != EEXIST)
			return err_set(err, ERR_STORE, "cannot make folder '%s': %s", folder,
				       strerror(errno));
		*p = '/';
	}
	return 0;
}

/* Made here and not by SQLite: 0600 whatever the umask says. SQLite gives the WAL and its index
 * the mode of the main file. */
static int make_file(const char *path, struct err *err)
{
	AUTO(close_fd) int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 && errno == ENOENT && *path) {
		if (make_folders(path, err))
			return -1;
		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	}
	if (fd < 0 && errno == EEXIST) /* another process was faster */
		return 0;
	if (fd < 0 || fchmod(fd, 0600))
		return err_set(err, ERR_STORE, "cannot create database '%s': %s", path,
			       strerror(errno));
	return 0;
}

static int check_file(const char *path, bool create, struct err *err)
{
	struct stat st;

	if (stat(path, &st)) {
		if (errno == ENOENT && create)
			return make_file(path, err);
		return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_STORE,
			       "cannot open database '%s': %s", path, strerror(errno));
	}
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_STORE, "cannot open database '%s': not a regular file",
			       path);
	return 0;
}

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

int db_open(const char *path, bool create, struct db **out, struct db_header *out_header,
	    struct err *err)
{
	AUTO(db_close) struct db *db = NULL;
	AUTO(free) char *name = NULL;
	struct db_header header;
	int rc;

	if (check_file(path, create, err))
		return -1;
	db = xcalloc(1, sizeof(*db));
	db->path = xstrdup(path);
	/* ":memory:" is a file's name like any other. */
	name = xasprintf("%s%s", path[0] == '/' ? "" : "./", path);
	rc = sqlite3_open_v2(name, &db->handle, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc != SQLITE_OK) {
		int system_error = db->handle ? sqlite3_system_errno(db->handle) : 0;

		return err_set(err, ERR_STORE, "cannot open database '%s': %s", path,
			       system_error ? strerror(system_error) : sqlite3_errstr(rc));
	}
	if (sqlite3_db_readonly(db->handle, "main") == 1)
		return err_set(err, ERR_STORE, "cannot write to database '%s': it is read-only",
			       path);
	if (configure(db, err) || read_header(db, &header, err))
		return -1;
	*out_header = header;
	*out = TAKE(db);
	return 0;
}

int db_open_to_look(const char *path, bool alone, struct db **out, struct db_header *out_header,
		    struct err *err)
{
	AUTO(db_close) struct db *db = NULL;
	AUTO(strbuf_release) struct strbuf uri = STRBUF_INIT;
	struct db_header header;
	int rc;

	if (check_file(path, false, err))
		return -1;
	db = xcalloc(1, sizeof(*db));
	db->path = xstrdup(path);
	strbuf_adds(&uri, path[0] == '/' ? "file:" : "file:./");
	strbuf_add_urlencoded(&uri, path);
	strbuf_adds(&uri, alone ? "?immutable=1" : "");
	rc = sqlite3_open_v2(uri.buf, &db->handle,
			     SQLITE_OPEN_READONLY | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX, NULL);
	if (rc != SQLITE_OK) {
		int system_error = db->handle ? sqlite3_system_errno(db->handle) : 0;

		return err_set(err, ERR_STORE, "cannot open database '%s': %s", path,
			       system_error ? strerror(system_error) : sqlite3_errstr(rc));
	}
	if (configure(db, err) || read_header(db, &header, err))
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
	int rc = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? 0 : fail(db, rc, err);
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
	return rc == SQLITE_DONE ? 0 : fail(db, rc, err);
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
		return dead(db, err);
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
		status = dead(db, err);
	else
		status = run_text(db, "COMMIT", err);
	if (status)
		db_rollback(db);
	db->begin_file = NULL;
	if (!status && fault_point("store.committed"))
		return dead(db, err);
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

/* --- statements -------------------------------------------------------------------------- */

static uint32_t text_hash(const char *s) /* FNV-1a */
{
	uint32_t hash = 2166136261u;

	for (; *s; s++)
		hash = (hash ^ (unsigned char)*s) * 16777619u;
	return hash;
}

int db_prepare(struct db *db, const char *sql, struct stmt **out, struct err *err)
{
	uint32_t hash = text_hash(sql);
	struct stmt *st = NULL;
	sqlite3_stmt *handle;
	int rc;

	/* Going on without the transaction would commit each further write by itself. */
	if (db->begin_file && sqlite3_get_autocommit(db->handle))
		return err_set(err, ERR_STORE,
			       "database '%s': the transaction that %s:%d opened is lost", db->path,
			       db->begin_file, db->begin_line);
	for (size_t i = 0; i < db->count && !st; i++)
		if (db->stmts[i]->hash == hash && !db->stmts[i]->busy &&
		    !strcmp(sqlite3_sql(db->stmts[i]->handle), sql))
			st = db->stmts[i];
	if (!st) {
		rc = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &handle,
					NULL);
		if (rc != SQLITE_OK)
			return fail(db, rc, err);
		st = xcalloc(1, sizeof(*st));
		st->db = db;
		st->handle = handle;
		st->hash = hash;
		db->stmts = xreallocarray(db->stmts, db->count + 1, sizeof(struct stmt *));
		db->stmts[db->count++] = st;
	}
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
	if (watched && !sqlite3_stmt_busy(st->handle) &&
	    fault_point(alone ? "store.write" : "store.change"))
		return dead(st->db, err);
	rc = sqlite3_step(st->handle);
	if (rc == SQLITE_ROW)
		return 1;
	if (rc == SQLITE_DONE && watched && alone && fault_point("store.written"))
		return dead(st->db, err);
	if (rc == SQLITE_DONE)
		return 0;
	return fail(st->db, rc, err);
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
