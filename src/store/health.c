#include "store/health.h"

#include <string.h>
#include <time.h>

#include "base/xalloc.h"
#include "store/internal.h"
#include "store/schema.h"

#include "base/banned.h"

#define TROUBLE_ROWS 3
/* The last process of a store removes the index of the WAL, then the WAL: how often, and for how
 * long in ms, to wait for the second. */
#define SETTLE_TRIES 10
#define SETTLE_MS    10

static bool has_bytes(const char *path, const char *suffix)
{
	AUTO(free) char *name = xasprintf("%s%s", path, suffix);
	struct stat st;

	return !stat(name, &st) && st.st_size > 0;
}

static bool is_there(const char *path, const char *suffix)
{
	AUTO(free) char *name = xasprintf("%s%s", path, suffix);
	struct stat st;

	return !stat(name, &st);
}

/* SQLite would make the index of a WAL that has none, and put a journal back. */
static bool is_unsettled(const char *path)
{
	return has_bytes(path, "-journal") || (has_bytes(path, "-wal") && !is_there(path, "-shm"));
}

int store_newest_version(void)
{
	return schema_version();
}

const char *store_library_version(void)
{
	return db_library_version();
}

static enum store_kind kind_of(const struct db_header *h, const struct health_kind *k)
{
	if (h->empty)
		return STORE_NONE;
	if (!h->is_sqlite || h->application_id != k->application_id)
		return STORE_FOREIGN;
	if (h->user_version > k->newest)
		return STORE_NEWER;
	return h->user_version < k->newest ? STORE_OLDER : STORE_CURRENT;
}

int health_look(const char *path, const struct health_kind *kind, struct store_look *look,
		struct db **out, struct err *err)
{
	AUTO(db_close) struct db *db = NULL;
	struct db_header header;

	*out = NULL;
	memset(look, 0, sizeof(*look));
	if (stat(path, &look->before))
		memset(&look->before, 0, sizeof(look->before));
	/* While nothing is in the WAL the main file is all there is. */
	look->alone = !has_bytes(path, "-wal");
	if (db_open_to_look(path, look->alone, kind->bounds, &db, &header, err)) {
		if (err->code != ERR_NOT_FOUND)
			return -1;
		look->kind = STORE_NONE;
		return 0;
	}
	look->kind = kind_of(&header, kind);
	look->version = header.user_version;
	look->wal = header.wal;
	if (look->kind != STORE_CURRENT && look->kind != STORE_OLDER)
		return 0;
	if (is_unsettled(path)) {
		look->kind = STORE_UNSETTLED;
		return 0;
	}
	*out = TAKE(db);
	return 0;
}

int store_look(const char *path, struct store_look *look, struct store **out, struct err *err)
{
	struct health_kind kind = {.application_id = SCHEMA_APPLICATION_ID,
				   .newest = schema_version()};
	struct db *db;

	*out = NULL;
	if (health_look(path, &kind, look, &db, err))
		return -1;
	if (db) {
		*out = xcalloc(1, sizeof(**out));
		(*out)->db = db;
	}
	return 0;
}

/* What a death left stays; what a living process is at is over in a moment. */
static bool settles(const char *path)
{
	const struct timespec moment = {.tv_nsec = SETTLE_MS * 1000000L};

	for (int i = 0; i < SETTLE_TRIES; i++) {
		if (!is_unsettled(path))
			return true;
		nanosleep(&moment, NULL);
	}
	return false;
}

bool store_look_stale(const char *path, const struct store_look *look)
{
	const struct stat *was = &look->before;
	struct stat now;

	if (look->kind == STORE_UNSETTLED)
		return settles(path);
	if (!look->alone) /* locks and the WAL kept it whole */
		return false;
	if (stat(path, &now))
		return was->st_ino != 0;
	return now.st_ino != was->st_ino || now.st_size != was->st_size ||
	       now.st_mtim.tv_sec != was->st_mtim.tv_sec ||
	       now.st_mtim.tv_nsec != was->st_mtim.tv_nsec || has_bytes(path, "-wal");
}

static const char sql_integrity[] = "PRAGMA integrity_check(3)";
static const char sql_quick[] = "PRAGMA quick_check(3)";

int health_check_pages(struct db *db, bool quick, struct strbuf *out_trouble, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	int row, rows = 0;

	if (db_prepare(db, quick ? sql_quick : sql_integrity, &st, err))
		return -1;
	while ((row = stmt_step(st, err)) == 1 && rows < TROUBLE_ROWS) {
		const char *text = col_text(st, 0);

		if (text && strcmp(text, "ok") != 0)
			strbuf_addf(out_trouble, "%s%s", rows++ ? "; " : "", text);
	}
	return row < 0 ? -1 : 0;
}

int store_check_pages(struct store *s, bool quick, struct strbuf *out_trouble, struct err *err)
{
	return health_check_pages(s->db, quick, out_trouble, err);
}

static const char sql_references[] = "PRAGMA foreign_key_check";

int store_check_references(struct store *s, int64_t *out_count, char **out_table, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	AUTO(free) char *table = NULL;
	int64_t n = 0;
	int row;

	if (db_prepare(s->db, sql_references, &st, err))
		return -1;
	while ((row = stmt_step(st, err)) == 1)
		if (!n++)
			table = col_dup(st, 0);
	if (row < 0)
		return -1;
	*out_count = n;
	*out_table = TAKE(table);
	return 0;
}
