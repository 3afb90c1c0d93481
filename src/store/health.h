/*
 * A store looked at without touching it: no file made, nothing written, no schema step, no WAL
 * folded. For `doctor`, which has to be harmless whatever state the files are in.
 */
#ifndef STORE_HEALTH_H
#define STORE_HEALTH_H

#include <sys/stat.h>

#include "store/store.h"

enum store_kind {
	STORE_NONE,    /* no file, or an empty one: nobody has been connected */
	STORE_FOREIGN, /* no SQLite database, or another program's */
	STORE_NEWER,   /* of a newer calsync */
	STORE_OLDER,   /* the next command brings it up to date */
	STORE_CURRENT,
	STORE_UNSETTLED, /* left by a death or put back from a copy: only a writer can read it */
};

struct store_look {
	enum store_kind kind;
	int version;        /* of its schema, FOREIGN and NONE apart */
	bool wal;           /* journal mode WAL */
	bool alone;         /* looked at without locks: see store_look_stale() */
	struct stat before; /* of the main file */
};

int store_newest_version(void); /* of the schema, that this program knows */

/*
 * out: NULL unless OLDER or CURRENT. Reading functions of store.h work on a CURRENT one, writing
 * ones fail. Errors: ERR_STORE when the file cannot be opened or read.
 */
int store_look(const char *path, struct store_look *look, struct store **out, struct err *err);
/* Whether it changed since, so that what was found may be nonsense: look again. An UNSETTLED one is
 * waited for, 100 ms at most. */
bool store_look_stale(const char *path, const struct store_look *look);

/*
 * PRAGMA integrity_check, or quick_check, which leaves out whether the indexes fit. out_trouble:
 * SQLite's words, the first few of them; empty = none. Errors: ERR_STORE, it broke off.
 */
int store_check_pages(struct store *s, bool quick, struct strbuf *out_trouble, struct err *err);
/* PRAGMA foreign_key_check: rows that refer to one that is not there,
 * and the table of the first. */
int store_check_references(struct store *s, int64_t *out_count, char **out_table, struct err *err);

const char *store_library_version(void); /* SQLite's, at run time */

#endif
