/* Looking into calsync's store, always into a copy: opening it would already repair it. */
#ifndef CRASH_STORE_H
#define CRASH_STORE_H

#include <sqlite3.h>

#include "world.h"

DEFINE_AUTO(sqlite3, sqlite3_close)
DEFINE_AUTO(sqlite3_stmt, sqlite3_finalize)

/* Make the store from an SQL file. */
int store_load(const struct world *w, const char *file, struct err *err);
/* Change the store itself. */
int store_change(const struct world *w, const char *sql, struct err *err);
/* The copy as it is now. *out NULL: there is no store yet. */
int store_peek(struct world *w, sqlite3 **out, struct err *err);
int store_prepare(sqlite3 *db, const char *sql, sqlite3_stmt **out, struct err *err);
/* Whether the first value of the first row is true; no row is false. absent: the answer when there is
 * no store yet, or an empty one. */
int store_says(struct world *w, const char *sql, bool absent, bool *out, struct err *err);
/* SQLite finds nothing wrong with it. */
int store_whole(struct world *w, struct err *err);
/* The id of the event that has, or had, this title; NULL = none. Caller's. */
int store_id_of(struct world *w, const char *title, char **out, struct err *err);

#endif
