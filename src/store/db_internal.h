/* What db.c (files, transactions) and stmt.c (statements) share: no other file knows sqlite3.h. */
#ifndef STORE_DB_INTERNAL_H
#define STORE_DB_INTERNAL_H

#include <sqlite3.h>

#include "store/db.h"

struct stmt {
	struct db *db;
	sqlite3_stmt *handle;
	uint32_t hash;     /* of the text */
	const char *place; /* of the text, when it was handed out last: to be compared, not read */
	bool busy;         /* handed out */
	int bind_rc;       /* first failed bind since it was handed out */
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
	/* See db_open_wary(); mend NULL = a file that nobody else writes. */
	const char *mend;
	int64_t steps, steps_max; /* of the statement that was begun last */
};

/* What SQLite says went wrong, with the file's name. Always -1. */
int db_fail(struct db *db, int rc, struct err *err);
/* A test says that the process is dead: see base/fault.h. Always -1. */
int db_dead(const struct db *db, struct err *err);

#endif
