/* The file of a database before SQLite opens it. */
#ifndef STORE_DB_FILE_H
#define STORE_DB_FILE_H

#include <stdbool.h>

#include "base/err.h"

/*
 * Whether a regular file is there. create makes a missing one (0600) and its folders (0700).
 * follow: it may be a symlink to one.
 * Errors: ERR_NOT_FOUND when it is missing and not to be made; ERR_STORE.
 */
int db_file_check(const char *path, bool create, bool follow, struct err *err);

/* Its path without a symlink in the names of its folders; the file itself may be one. Caller's. */
int db_file_resolve(const char *path, char **out, struct err *err);

#endif
