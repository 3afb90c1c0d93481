#include "store/hook_schema.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/xalloc.h"
#include "store/health.h"
#include "store/internal.h"
#include "store/schema.h"

#include "base/banned.h"

#define VALUE_BYTES 65536       /* the receiver takes none of more than some hundred */
#define FILE_BYTES  (256 << 20) /* of the file and its WAL each: ten times HOOK_ROWS_MAX rows */
/* Of SQLite's machine: opening takes hundreds, listing and sorting HOOK_ROWS_MAX rows 4 millions. */
#define STEPS_TO_OPEN 50000
#define STEPS_MAX     20000000

/* Conventions as in schema.c. */
#define TABLE_CHANNEL                                   \
	"CREATE TABLE channel ("                        \
	" channel_id TEXT PRIMARY KEY NOT NULL,"        \
	" calendar_id INTEGER NOT NULL,"                \
	" token_hash BLOB NOT NULL,"                    \
	" resource_id TEXT," /* NULL = not known yet */ \
	" created_ms INTEGER NOT NULL,"                 \
	" verified_ms INTEGER NOT NULL,"                \
	" last_message_ms INTEGER NOT NULL,"            \
	" last_number INTEGER NOT NULL,"                \
	" messages INTEGER NOT NULL"                    \
	") STRICT, WITHOUT ROWID"

#define TABLE_WAKE                                                               \
	"CREATE TABLE wake ("                                                    \
	" calendar_id INTEGER PRIMARY KEY,"                                      \
	" ticket INTEGER NOT NULL," /* another one for what came after a look */ \
	" at_ms INTEGER NOT NULL,"                                               \
	" is_seen INTEGER NOT NULL" /* somebody has been told of this ticket */  \
	") STRICT"

/* One row: when what failed is to be tried again; 0 = nothing is. */
#define TABLE_NEXT_TRY "CREATE TABLE next_try (at_ms INTEGER NOT NULL) STRICT"

/* One row: the store whose channels and wakes these are (store_identity()); none = nobody's yet. */
#define TABLE_OWNER "CREATE TABLE owner (store_id TEXT NOT NULL) STRICT"

static const char step_1[] = TABLE_CHANNEL ";" TABLE_WAKE ";" TABLE_NEXT_TRY ";"
					   "INSERT INTO next_try VALUES (0);";

static const char step_2[] = TABLE_OWNER ";";

static const char *const steps[] = {step_1, step_2};

/* All that is in sqlite_schema, by name, and from which step on. */
static const struct {
	const char *name, *sql;
	int since;
} tables[] = {
	{"channel", TABLE_CHANNEL, 1},
	{"next_try", TABLE_NEXT_TRY, 1},
	{"owner", TABLE_OWNER, 2},
	{"wake", TABLE_WAKE, 1},
};

int hook_damaged(const struct db *db, const char *what, struct err *err)
{
	return err_set(err, ERR_STORE,
		       "'%s' is not a webhook database of calsync as it should be (%s); " HOOK_MEND,
		       db_path(db), what);
}

int hook_too_many(const struct db *db, const char *table, struct err *err)
{
	AUTO(free) char *what = xasprintf("more than %d rows of %s", HOOK_ROWS_MAX, table);

	return hook_damaged(db, what, err);
}

/* --- opening ----------------------------------------------------------------------------- */

static int check_beside(const char *path, const char *suffix, struct err *err)
{
	AUTO(free) char *name = xasprintf("%s%s", path, suffix);
	struct stat st;

	if (lstat(name, &st))
		return errno == ENOENT ? 0
				       : err_set(err, ERR_STORE, "cannot open '%s': %s", name,
						 strerror(errno));
	if (S_ISREG(st.st_mode) && st.st_size <= FILE_BYTES)
		return 0;
	return err_set(
		err, ERR_STORE,
		"'%s' is not as it should be in a webhook database of calsync (%s); " HOOK_MEND,
		name, S_ISREG(st.st_mode) ? "too large" : "not a regular file");
}

static int check_files(const char *path, struct err *err)
{
	static const char *const beside[] = {"-wal", "-shm", "-journal", ""};

	for (size_t i = 0; i < ARRAY_SIZE(beside); i++)
		if (check_beside(path, beside[i], err))
			return -1;
	return 0;
}

static const struct db_bounds bounds = {VALUE_BYTES, STEPS_TO_OPEN, HOOK_MEND};

int hook_schema_open(const char *path, bool create, struct db **out, struct db_header *out_header,
		     struct err *err)
{
	AUTO(db_close) struct db *db = NULL;
	struct db_header header;

	if (db_open_wary(path, create, &bounds, &db, &header, err) || check_files(path, err))
		return -1;
	*out_header = header;
	*out = TAKE(db);
	return 0;
}

static const char sql_schema[] =
	"SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY name LIMIT :max";

static bool is_text(struct stmt *st, int col, const char *want)
{
	size_t len;
	const char *text = col_is(st, col, COL_TEXT) ? col_text_len(st, col, &len) : NULL;

	return text && len == strlen(want) && !memcmp(text, want, len);
}

/* The next one that this version has; ARRAY_SIZE(tables) = none. */
static size_t next_table(size_t from, int version)
{
	while (from < ARRAY_SIZE(tables) && tables[from].since > version)
		from++;
	return from;
}

static int check_tables(struct db *db, int version, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	size_t n = next_table(0, version);
	int status;

	if (db_prepare(db, sql_schema, &st, err))
		return -1;
	stmt_int(st, ":max", ARRAY_SIZE(tables) + 1);
	while ((status = stmt_step(st, err)) == 1 && n < ARRAY_SIZE(tables)) {
		if (!is_text(st, 0, "table") || !is_text(st, 1, tables[n].name) ||
		    !is_text(st, 2, tables[n].name) || !is_text(st, 3, tables[n].sql))
			return hook_damaged(db, "its tables are not ours", err);
		n = next_table(n + 1, version);
	}
	if (status < 0)
		return -1;
	return status || n < ARRAY_SIZE(tables) ? hook_damaged(db, "its tables are not ours", err)
						: 0;
}

/* What another program's version holds is known to schema_migrate() alone. */
static int check_version(struct db *db, struct err *err)
{
	int version, rc;

	if (db_begin_read_at(db, __FILE__, __LINE__, err))
		return -1;
	rc = db_user_version(db, &version, err);
	if (!rc && version >= 0 && version <= (int)ARRAY_SIZE(steps))
		rc = check_tables(db, version, err);
	db_rollback(db);
	return rc;
}

int hook_schema_look(const char *path, struct store_look *look, struct db **out, struct err *err)
{
	static const struct health_kind kind = {SCHEMA_HOOK_APPLICATION_ID, ARRAY_SIZE(steps),
						&bounds};
	AUTO(db_close) struct db *db = NULL;

	*out = NULL;
	if (check_files(path, err) || health_look(path, &kind, look, &db, err))
		return -1;
	if (!db)
		return 0;
	if (check_version(db, err))
		return -1;
	db_set_steps_max(db, STEPS_MAX);
	*out = TAKE(db);
	return 0;
}

int hook_schema_settle(struct db *db, struct err *err)
{
	if (check_version(db, err) ||
	    schema_migrate(db, SCHEMA_HOOK_APPLICATION_ID, steps, ARRAY_SIZE(steps), err) ||
	    check_version(db, err))
		return -1;
	db_set_steps_max(db, STEPS_MAX);
	return 0;
}
