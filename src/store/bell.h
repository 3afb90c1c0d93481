/*
 * The bell beside the webhook's database (store/hook.h): an empty file, FILE-wake, which is there while
 * somebody ought to look. For systemd's PathExists=; the rows are the truth.
 *
 * path    of the database, which is not opened
 * Errors  ERR_STORE with the bell's name
 */
#ifndef STORE_BELL_H
#define STORE_BELL_H

#include "base/err.h"

char *bell_path(const char *path); /* the caller's */
/* Behind the commit of the rows. */
int bell_ring(const char *path, struct err *err);
/* Before the rows are read: what comes in afterwards rings again. */
int bell_silence(const char *path, struct err *err);

#endif
