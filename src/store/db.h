/*
 * SQLite behind a small statement API. Only db.c (files, transactions) and stmt.c (statements) know
 * sqlite3.h.
 *
 * Statements  db_prepare() hands out a compiled statement from the connection's cache (by text),
 *             stmt_done() gives it back. Bind by name, step, read columns by position. A statement
 *             in use is never handed out twice: a walk may run the same query inside itself.
 * Borrowed    Texts and blobs bound stay the caller's until stmt_done(); columns are valid until
 *             the next stmt_step() or stmt_done().
 * Errors      ERR_STORE with the file's name and SQLite's message.
 */
#ifndef STORE_DB_H
#define STORE_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"

struct db;
struct stmt;

/* What the first bytes of the main file say; the WAL, when there is one, may know better.
 * Source: SQLite's "Database File Format", section 1.3 */
struct db_header {
	bool empty;     /* no byte in it: a database that is still to be made */
	bool is_sqlite; /* begins as an SQLite file does */
	bool wal;       /* journal mode WAL */
	int32_t application_id;
	int32_t user_version;
};

/*
 * Open the file and read its header; nothing in it, or in its WAL, is touched. create makes a
 * missing file (0600) and its folders (0700).
 * Errors: ERR_NOT_FOUND when it is missing and not to be made; ERR_STORE.
 */
int db_open(const char *path, bool create, struct db **out, struct db_header *out_header,
	    struct err *err);
/*
 * As db_open(), a file that another user may write as well, and who may mean harm: it must not be a
 * symlink (its folder may), no trigger and no view of it works, no file beside it can make SQLite
 * remove another one, and its size and shape bound what reading it costs. What the rows say is for
 * the caller to check.
 */
struct db_bounds {
	int value_bytes;   /* of a text, a blob, a row or a statement */
	int64_t steps_max; /* of SQLite's machine for a statement; db_set_steps_max() */
	const char *mend;  /* what follows "; " in messages about what is damaged; static */
};
int db_open_wary(const char *path, bool create, const struct db_bounds *bounds, struct db **out,
		 struct db_header *out_header, struct err *err);
void db_set_steps_max(struct db *db, int64_t max);
/*
 * Open it to look, whoever may be using it: nothing is made, written or folded, and no lock file
 * comes to be. alone: nobody has a WAL beside the file; what another process writes from then on is
 * not seen, and may be seen by half: the caller looks whether the file has changed.
 * bounds: as db_open_wary(); NULL for a file that nobody else writes.
 * Errors: ERR_NOT_FOUND; ERR_STORE.
 */
int db_open_to_look(const char *path, bool alone, const struct db_bounds *bounds, struct db **out,
		    struct db_header *out_header, struct err *err);
const char *db_library_version(void); /* of the SQLite that is loaded; static */
/* How long a statement waits for another process's write; 10 s from the start. */
void db_set_busy_timeout(struct db *db, int ms);
/* The file is ours: settings that hold for the connection, WAL when it is not on yet. */
int db_use_wal(struct db *db, bool is_on, struct err *err);
void db_close(struct db *db); /* rolls back; NULL allowed */
const char *db_path(const struct db *db);
int db_user_version(struct db *db, int *out, struct err *err);

/* Several statements without parameters or results: schema, pragmas. */
int db_exec(struct db *db, const char *sql, struct err *err);

/* --- transactions ------------------------------------------------------------------------ */

/* exclusive: also in rollback mode nobody else reads (making the schema). Remembers who opened it:
 * opening a second one names the first. file must live on (__FILE__). */
int db_begin_at(struct db *db, bool exclusive, const char *file, int line, struct err *err);
/* One view of the file for several statements that read; ends with db_rollback(). */
int db_begin_read_at(struct db *db, const char *file, int line, struct err *err);
int db_commit(struct db *db, struct err *err); /* on failure rolled back */
void db_rollback(struct db *db);
bool db_in_transaction(const struct db *db);

/*
 * For a function of several statements: joins the caller's transaction, else opens its own.
 *
 *	if (db_join_begin(db, &join, err))
 *		return -1;
 *	return db_join_end(db, &join, work(...), err);
 *
 * A failure after the first row changed spoils the caller's transaction: half a step must not be
 * committed. One before that leaves it as it was.
 */
struct db_join {
	bool own;
	int64_t changes; /* rows changed by the connection before */
};
#define db_join_begin(db, out, err) db_join_begin_at((db), __FILE__, __LINE__, (out), (err))
int db_join_begin_at(struct db *db, const char *file, int line, struct db_join *out,
		     struct err *err);
int db_join_end(struct db *db, const struct db_join *join, int status, struct err *err);

/* --- statements -------------------------------------------------------------------------- */

int db_prepare(struct db *db, const char *sql, struct stmt **out, struct err *err);
void stmt_done(struct stmt *st);

/* name with its colon: ":id". A name that the statement lacks is a mistake of ours (assert); any
 * other trouble is kept and reported by the next stmt_step(). */
void stmt_int(struct stmt *st, const char *name, int64_t value);
void stmt_bool(struct stmt *st, const char *name, bool value);
void stmt_text(struct stmt *st, const char *name, const char *value); /* NULL binds NULL */
void stmt_blob(struct stmt *st, const char *name, const void *data, size_t len);
void stmt_null(struct stmt *st, const char *name);

int stmt_step(struct stmt *st, struct err *err); /* 1 = a row, 0 = no more, -1 */
int stmt_run(struct stmt *st, struct err *err);  /* steps to the end: 0, -1 */
/* An insert that returns the id of its row, which is only sure to be there
 * when the statement has ended. */
int stmt_run_id(struct stmt *st, int64_t *out_id, struct err *err);
int64_t stmt_changes(const struct stmt *st); /* rows that the last write changed */
/* Whether the connection's last failure was a key that is there already. */
bool db_failed_unique(const struct db *db);

enum col_type { COL_INT, COL_TEXT, COL_BLOB };
bool col_is(struct stmt *st, int col, enum col_type type);
bool col_is_null(struct stmt *st, int col);
int64_t col_int(struct stmt *st, int col);
bool col_bool(struct stmt *st, int col);
const char *col_text(struct stmt *st, int col);                      /* NULL for NULL */
char *col_dup(struct stmt *st, int col);                             /* caller's; NULL for NULL */
const void *col_blob(struct stmt *st, int col, size_t *out_len);     /* NULL for an empty one */
const char *col_text_len(struct stmt *st, int col, size_t *out_len); /* NULL for NULL */

DEFINE_AUTO(struct db, db_close)
DEFINE_AUTO(struct stmt, stmt_done)

#endif
