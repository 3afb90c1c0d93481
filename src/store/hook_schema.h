/*
 * What the webhook's database has to look like, and that it does: the receiver, which the internet
 * talks to, writes it too, and who has taken the receiver over must not get further through it than
 * to syncs too many, notifications lost, or an error that is told.
 */
#ifndef STORE_HOOK_SCHEMA_H
#define STORE_HOOK_SCHEMA_H

#include "store/db.h"

struct store_look;

#define HOOK_ROWS_MAX 100000 /* of a table; twenty times the calendars of a large installation */

/* Channels that the file does not know are made anew by renew-watches; a sync finds what was not
 * notified. */
#define HOOK_MEND                                                                          \
	"remove it with its -wal, -shm and -journal, then run 'calsync renew-watches' and" \
	" 'calsync sync'"

/* db_open_wary() with its bounds. What lies beside the file must be files of a bearable size. */
int hook_schema_open(const char *path, bool create, struct db **out, struct db_header *out_header,
		     struct err *err);
/* health_look() with the same care. ERR_STORE also: there is more or less than calsync makes. */
int hook_schema_look(const char *path, struct store_look *look, struct db **out, struct err *err);
/* Make or upgrade the tables. ERR_STORE: there is anything more or less than calsync makes. */
int hook_schema_settle(struct db *db, struct err *err);

/* ERR_STORE with what mends it. */
int hook_damaged(const struct db *db, const char *what, struct err *err);
int hook_too_many(const struct db *db, const char *table, struct err *err);

#endif
