#include "store/hook.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "store/health.h"
#include "store/hook_schema.h"
#include "store/internal.h"
#include "store/schema.h"

#include "base/banned.h"

/* What a row may say: the receiver writes none beyond it. */
#define WORD_MAX  1024
#define TIME_MAX  253402300799999 /* ms: the end of the year 9999 */
#define COUNT_MAX (1LL << 53)

struct hook {
	struct db *db;
};

/* --- what a column may hold -------------------------------------------------------------- */

/* A number that others may add to and make a time of. */
static bool is_number(struct stmt *st, int col, int64_t max)
{
	return col_is(st, col, COL_INT) && col_int(st, col) >= 0 && col_int(st, col) <= max;
}

/* Visible ASCII, as the receiver takes it (web/hook_check.c). */
static bool is_word(struct stmt *st, int col)
{
	size_t len;
	const char *s = col_is(st, col, COL_TEXT) ? col_text_len(st, col, &len) : NULL;

	if (!s || !len || len > WORD_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (s[i] <= ' ' || s[i] >= 0x7f)
			return false;
	return true;
}

/* --- opening ----------------------------------------------------------------------------- */

/* A folder that is made to be shared makes a file that is shared. */
static int share(const char *path, struct err *err)
{
	AUTO(free) char *folder = xstrdup(path);
	char *slash = strrchr(folder, '/');
	AUTO(close_fd) int fd = -1;
	struct stat st;

	if (slash)
		slash[slash == folder] = '\0';
	if (stat(slash ? folder : ".", &st) || !(st.st_mode & S_ISGID) || !(st.st_mode & S_IWGRP))
		return 0;
	/* Nobody holds a lock in an empty file: closing another descriptor of it drops none. */
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st))
		return err_set(err, ERR_STORE, "cannot open database '%s': %s", path,
			       strerror(errno));
	/* The other's is the other's to share. */
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || !fchmod(fd, 0660))
		return 0;
	return err_set(err, ERR_STORE, "cannot share database '%s' with its group: %s", path,
		       strerror(errno));
}

int hook_open(const char *path, bool create, struct hook **out, struct err *err)
{
	AUTO(db_close) struct db *db = NULL;
	struct db_header header;
	struct hook *h;

	if (hook_schema_open(path, create, &db, &header, err))
		return -1;
	/* First of all, and also of what somebody left who died before he had shared it. */
	if (header.empty && share(path, err))
		return -1;
	if (header.empty && !create)
		return err_set(err, ERR_NOT_FOUND, "database '%s' is empty", path);
	if (!header.empty &&
	    (!header.is_sqlite || header.application_id != SCHEMA_HOOK_APPLICATION_ID))
		return err_set(
			err, ERR_STORE,
			"'%s' is not a webhook database of calsync; if it was one, " HOOK_MEND,
			path);
	if (hook_schema_settle(db, err) || db_use_wal(db, header.wal, err))
		return -1;
	h = xcalloc(1, sizeof(*h));
	h->db = TAKE(db);
	*out = h;
	return 0;
}

void hook_close(struct hook *h)
{
	if (!h)
		return;
	db_close(h->db);
	free(h);
}

int hook_look(const char *path, struct store_look *look, struct hook **out, struct err *err)
{
	struct db *db;

	*out = NULL;
	if (hook_schema_look(path, look, &db, err))
		return -1;
	if (db) {
		*out = xcalloc(1, sizeof(**out));
		(*out)->db = db;
	}
	return 0;
}

int hook_check_pages(struct hook *h, bool quick, struct strbuf *out_trouble, struct err *err)
{
	return health_check_pages(h->db, quick, out_trouble, err);
}

const char *hook_path(const struct hook *h)
{
	return db_path(h->db);
}

void hook_set_busy_timeout(struct hook *h, int ms)
{
	db_set_busy_timeout(h->db, ms);
}

int hook_begin(struct hook *h, struct err *err)
{
	return db_begin_at(h->db, false, __FILE__, __LINE__, err);
}

int hook_begin_read(struct hook *h, struct err *err)
{
	return db_begin_read_at(h->db, __FILE__, __LINE__, err);
}

int hook_commit(struct hook *h, struct err *err)
{
	return db_commit(h->db, err);
}

void hook_rollback(struct hook *h)
{
	db_rollback(h->db);
}

/* --- the owner --------------------------------------------------------------------------- */

static const char sql_owner_get[] = "SELECT store_id FROM owner LIMIT 1";

/* NULL: nobody. */
static int owner_get(struct hook *h, char **out, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	int status;

	if (db_prepare(h->db, sql_owner_get, &st, err))
		return -1;
	status = stmt_step(st, err);
	if (status < 0)
		return -1;
	if (status && !is_word(st, 0))
		return hook_damaged(h->db, "its owner makes no sense", err);
	*out = status ? col_dup(st, 0) : NULL;
	return 0;
}

static const char sql_owner_set[] =
	"INSERT INTO owner (store_id) SELECT :id WHERE NOT EXISTS (SELECT 1 FROM owner)";
static const char sql_owner_replace[] = "UPDATE owner SET store_id = :id";

static int owner_write(struct hook *h, const char *sql, const char *id, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(h->db, sql, &st, err))
		return -1;
	stmt_text(st, ":id", id);
	return stmt_run(st, err);
}

static int not_ours(const struct hook *h, struct err *err)
{
	return err_set(err, ERR_INVALID,
		       "webhook database '%s' is another store's; name another file for this one "
		       "(webhook.database, CALSYNC_WEBHOOK_DB); or, when that store is gone for "
		       "good, " HOOK_MEND,
		       hook_path(h));
}

/* Nobody else uses what lies beside a store: whose it was, was there before. */
static bool is_beside(const struct hook *h, const struct store *s)
{
	AUTO(free) char *own = xasprintf("%s-webhook", store_path(s));
	struct stat a, b;

	return !stat(own, &a) && !stat(hook_path(h), &b) && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

int hook_check_owner(struct hook *h, struct store *s, struct err *err)
{
	AUTO(free) char *owner = NULL, *id = NULL;

	if (owner_get(h, &owner, err) || store_identity_look(s, &id, err))
		return -1;
	if (!owner || (id && !strcmp(owner, id)) || is_beside(h, s))
		return 0;
	return not_ours(h, err);
}

static int claim(struct hook *h, struct store *s, struct err *err)
{
	AUTO(free) char *owner = NULL, *id = NULL;

	if (owner_get(h, &owner, err) || store_identity(s, &id, err))
		return -1;
	if (owner && strcmp(owner, id) != 0 && is_beside(h, s))
		return owner_write(h, sql_owner_replace, id, err);
	/* Another store may be first: look who it was. */
	if (!owner && owner_write(h, sql_owner_set, id, err))
		return -1;
	return hook_check_owner(h, s, err);
}

int hook_open_of(struct store *s, const char *path, bool create, struct hook **out, struct err *err)
{
	AUTO(hook_close) struct hook *h = NULL;

	if (hook_open(path, create, &h, err) || claim(h, s, err))
		return -1;
	*out = TAKE(h);
	return 0;
}

/* --- channels ---------------------------------------------------------------------------- */

void hook_channel_release(struct hook_channel *c)
{
	free(c->id);
	free(c->resource_id);
	memset(c, 0, sizeof(*c));
}

void hook_channel_list_release(struct hook_channel_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		hook_channel_release(&l->items[i]);
	free(l->items);
	memset(l, 0, sizeof(*l));
}

static const char sql_channel_add[] =
	"INSERT INTO channel (channel_id, calendar_id, token_hash, resource_id, created_ms,"
	" verified_ms, last_message_ms, last_number, messages)"
	" VALUES (:id, :calendar, :hash, :resource, :created, 0, 0, 0, 0)";

int hook_channel_add(struct hook *h, const struct hook_channel *c, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(h->db, sql_channel_add, &st, err))
		return -1;
	stmt_text(st, ":id", c->id);
	stmt_int(st, ":calendar", c->calendar_id);
	stmt_blob(st, ":hash", c->token_hash, HOOK_HASH_LEN);
	stmt_text(st, ":resource", c->resource_id);
	stmt_int(st, ":created", c->created_ms);
	return stmt_run(st, err);
}

static const char sql_channel_resource[] =
	"UPDATE channel SET resource_id = :resource WHERE channel_id = :id";

int hook_channel_set_resource(struct hook *h, const char *id, const char *resource_id,
			      struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(h->db, sql_channel_resource, &st, err))
		return -1;
	stmt_text(st, ":id", id);
	stmt_text(st, ":resource", resource_id);
	return stmt_run(st, err);
}

static const char sql_channel_remove[] = "DELETE FROM channel WHERE channel_id = :id";

int hook_channel_remove(struct hook *h, const char *id, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(h->db, sql_channel_remove, &st, err))
		return -1;
	stmt_text(st, ":id", id);
	return stmt_run(st, err);
}

static const char sql_channel_note[] =
	"UPDATE channel SET last_number = :number,"
	" resource_id = coalesce(resource_id, :resource),"
	" verified_ms = CASE WHEN verified_ms = 0 THEN :now ELSE verified_ms END,"
	" last_message_ms = CASE WHEN :counted > 0 THEN :now ELSE last_message_ms END,"
	" messages = messages + :counted"
	" WHERE channel_id = :id AND last_number < :number";

int hook_channel_note(struct hook *h, const char *id, int64_t number, const char *resource_id,
		      int64_t counted, int64_t now_ms, bool *out_news, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(h->db, sql_channel_note, &st, err))
		return -1;
	stmt_text(st, ":id", id);
	stmt_int(st, ":number", number);
	stmt_text(st, ":resource", resource_id);
	stmt_int(st, ":counted", counted);
	stmt_int(st, ":now", now_ms);
	if (stmt_run(st, err))
		return -1;
	*out_news = stmt_changes(st) > 0;
	return 0;
}

#define CHANNEL_SELECT                                                                      \
	"SELECT channel_id, calendar_id, token_hash, resource_id, created_ms, verified_ms," \
	" last_message_ms, last_number, messages FROM channel"

static bool is_channel(struct stmt *st)
{
	return is_word(st, 0) && is_number(st, 1, INT64_MAX) && col_is(st, 2, COL_BLOB) &&
	       (col_is_null(st, 3) || is_word(st, 3)) && is_number(st, 4, TIME_MAX) &&
	       is_number(st, 5, TIME_MAX) && is_number(st, 6, TIME_MAX) &&
	       is_number(st, 7, INT64_MAX) && is_number(st, 8, COUNT_MAX);
}

static int channel_read(struct hook *h, struct stmt *st, struct hook_channel *out, struct err *err)
{
	size_t len;
	const void *hash = col_blob(st, 2, &len);

	if (!is_channel(st) || len != HOOK_HASH_LEN)
		return hook_damaged(h->db, "a row of channel makes no sense", err);
	*out = (struct hook_channel){
		.id = col_dup(st, 0),
		.calendar_id = col_int(st, 1),
		.resource_id = col_dup(st, 3),
		.created_ms = col_int(st, 4),
		.verified_ms = col_int(st, 5),
		.last_message_ms = col_int(st, 6),
		.last_number = col_int(st, 7),
		.messages = col_int(st, 8),
	};
	memcpy(out->token_hash, hash, HOOK_HASH_LEN);
	return 0;
}

static const char sql_channel_get[] = CHANNEL_SELECT " WHERE channel_id = :id";

int hook_channel_get(struct hook *h, const char *id, struct hook_channel *out, bool *out_found,
		     struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	int status;

	if (db_prepare(h->db, sql_channel_get, &st, err))
		return -1;
	stmt_text(st, ":id", id);
	status = stmt_step(st, err);
	if (status < 0 || (status && channel_read(h, st, out, err)))
		return -1;
	*out_found = status;
	return 0;
}

static const char sql_channel_list[] =
	CHANNEL_SELECT " ORDER BY calendar_id, created_ms, channel_id LIMIT :max";

int hook_channel_list(struct hook *h, struct hook_channel_list *out, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	AUTO(hook_channel_list_release) struct hook_channel_list list = {0};
	size_t room = 0;
	int status;

	if (db_prepare(h->db, sql_channel_list, &st, err))
		return -1;
	stmt_int(st, ":max", HOOK_ROWS_MAX + 1);
	while ((status = stmt_step(st, err)) == 1) {
		if (list.count == HOOK_ROWS_MAX)
			return hook_too_many(h->db, "channel", err);
		if (list.count == room) {
			room = 2 * room + 16;
			list.items = xreallocarray(list.items, room, sizeof(*list.items));
		}
		if (channel_read(h, st, &list.items[list.count], err))
			return -1;
		list.count++;
	}
	if (status < 0)
		return -1;
	*out = list;
	memset(&list, 0, sizeof(list));
	return 0;
}

/* --- wakes ------------------------------------------------------------------------------- */

/* The ticket starts from the clock: a row that was served and made again is another one. As long as
 * nobody has seen it, it stands for one more message as it is: a burst writes it once. */
static const char sql_wake_add[] =
	"INSERT INTO wake (calendar_id, ticket, at_ms, is_seen) VALUES (:calendar, :now, :now, 0)"
	" ON CONFLICT (calendar_id) DO UPDATE SET is_seen = 0,"
	" ticket = CASE WHEN excluded.ticket > ticket THEN excluded.ticket ELSE ticket + 1 END"
	" WHERE is_seen";

int hook_wake_add(struct hook *h, int64_t calendar_id, int64_t now_ms, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(h->db, sql_wake_add, &st, err))
		return -1;
	stmt_int(st, ":calendar", calendar_id);
	stmt_int(st, ":now", now_ms);
	return stmt_run(st, err);
}

static const char sql_wake_see[] = "UPDATE wake SET is_seen = 1 WHERE NOT is_seen";

static int see_all(struct hook *h, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	return db_prepare(h->db, sql_wake_see, &st, err) ? -1 : stmt_run(st, err);
}

static const char sql_wake_list[] =
	"SELECT calendar_id, ticket, at_ms FROM wake ORDER BY at_ms, calendar_id LIMIT :max";

int hook_wake_look(struct hook *h, struct hook_wake **out, size_t *out_count, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	AUTO(free) struct hook_wake *list = NULL;
	size_t n = 0, room = 0;
	int status;

	if (db_prepare(h->db, sql_wake_list, &st, err))
		return -1;
	stmt_int(st, ":max", HOOK_ROWS_MAX + 1);
	while ((status = stmt_step(st, err)) == 1) {
		if (n == HOOK_ROWS_MAX)
			return hook_too_many(h->db, "wake", err);
		if (!is_number(st, 0, INT64_MAX) || !is_number(st, 1, COUNT_MAX) ||
		    !is_number(st, 2, TIME_MAX))
			return hook_damaged(h->db, "a row of wake makes no sense", err);
		if (n == room) {
			room = 2 * room + 16;
			list = xreallocarray(list, room, sizeof(*list));
		}
		list[n++] = (struct hook_wake){.calendar_id = col_int(st, 0),
					       .ticket = col_int(st, 1),
					       .at_ms = col_int(st, 2)};
	}
	if (status < 0)
		return -1;
	*out = TAKE(list);
	*out_count = n;
	return 0;
}

int hook_wake_list(struct hook *h, struct hook_wake **out, size_t *out_count, struct err *err)
{
	AUTO(free) struct hook_wake *list = NULL;
	size_t n = 0;
	struct db_join join;
	int rc;

	if (db_join_begin(h->db, &join, err))
		return -1;
	rc = hook_wake_look(h, &list, &n, err) || see_all(h, err) ? -1 : 0;
	if (db_join_end(h->db, &join, rc, err))
		return -1;
	*out = TAKE(list);
	*out_count = n;
	return 0;
}

static const char sql_wake_count[] = "SELECT count(*) FROM wake";

int hook_wake_count(struct hook *h, int64_t *out, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(h->db, sql_wake_count, &st, err) || stmt_step(st, err) < 0)
		return -1;
	*out = col_int(st, 0);
	return 0;
}

static const char sql_wake_new[] = "SELECT EXISTS (SELECT 1 FROM wake WHERE NOT is_seen)";

int hook_wake_is_new(struct hook *h, bool *out, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(h->db, sql_wake_new, &st, err) || stmt_step(st, err) < 0)
		return -1;
	*out = col_int(st, 0);
	return 0;
}

static const char sql_wake_done[] =
	"DELETE FROM wake WHERE calendar_id = :calendar AND ticket = :ticket AND is_seen";

int hook_wake_done(struct hook *h, const struct hook_wake *w, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(h->db, sql_wake_done, &st, err))
		return -1;
	stmt_int(st, ":calendar", w->calendar_id);
	stmt_int(st, ":ticket", w->ticket);
	return stmt_run(st, err);
}

/* --- whether it can be written to -------------------------------------------------------- */

/* The page is written although it ends as it was; a row that is there already would write none. */
static const char sql_try_put[] =
	"INSERT INTO wake (calendar_id, ticket, at_ms, is_seen) VALUES (-1, 0, 0, 1)";
static const char sql_try_take[] = "DELETE FROM wake WHERE calendar_id = -1";

static int run(struct hook *h, const char *sql, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	return db_prepare(h->db, sql, &st, err) ? -1 : stmt_run(st, err);
}

int hook_try_to_write(struct hook *h, struct err *err)
{
	if (hook_begin(h, err))
		return -1;
	if (!run(h, sql_try_put, err) && !run(h, sql_try_take, err))
		return hook_commit(h, err);
	hook_rollback(h);
	return -1;
}

/* --- the next try ------------------------------------------------------------------------ */

static const char sql_next_set[] = "UPDATE next_try SET at_ms = :at WHERE at_ms <> :at";

int hook_next_set(struct hook *h, int64_t at_ms, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(h->db, sql_next_set, &st, err))
		return -1;
	stmt_int(st, ":at", at_ms);
	return stmt_run(st, err);
}

static const char sql_next_get[] = "SELECT at_ms FROM next_try";

int hook_next_get(struct hook *h, int64_t *out_ms, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	int status;

	if (db_prepare(h->db, sql_next_get, &st, err))
		return -1;
	status = stmt_step(st, err);
	if (status < 0)
		return -1;
	if (status && !is_number(st, 0, TIME_MAX))
		return hook_damaged(h->db, "the next try makes no sense", err);
	*out_ms = status ? col_int(st, 0) : 0;
	return 0;
}
