#include <assert.h>
#include <string.h>

#include "base/xalloc.h"
#include "store/event_index.h"
#include "store/internal.h"

#include "base/banned.h"

void calendar_release(struct calendar *c)
{
	free(c->account);
	free(c->google_id);
	free(c->summary);
	free(c->time_zone);
	free(c->access_role);
	json_object_put(c->resource);
	free(c->sync_token);
	free(c->last_error);
	free(c->progress.page_token);
	memset(c, 0, sizeof(*c));
}

bool calendar_is_pulled_in_full(const struct calendar *c)
{
	return !c->sync_token || c->progress.page_token;
}

bool calendar_takes_writes(const struct calendar *c)
{
	static const char *const roles[] = {"owner", "writer", "writerWithoutPrivateAccess"};

	for (size_t i = 0; c->access_role && i < ARRAY_SIZE(roles); i++)
		if (!strcmp(c->access_role, roles[i]))
			return true;
	return false;
}

void calendar_list_release(struct calendar_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		calendar_release(&l->items[i]);
	free(l->items);
	memset(l, 0, sizeof(*l));
}

#define CALENDAR_SELECT                                                                    \
	"SELECT c.calendar_id, c.account_id, a.name, c.google_id, c.summary, c.time_zone," \
	" c.access_role, c.is_primary, c.selected, c.gone, c.resource, c.sync_token,"      \
	" c.last_sync_ms, c.last_error, c.pull_page_token, c.pull_generation,"             \
	" c.pull_seen, c.pull_holes, c.pull_at_ms, c.push"                                 \
	" FROM calendar c JOIN account a ON a.account_id = c.account_id"

static int calendar_read(struct stmt *st, struct calendar *out, struct err *err)
{
	static const char *const pushes[] = {
#define X(id, name) name,
		PUSH_STATES(X)
#undef X
	};
	AUTO(calendar_release) struct calendar c = {0};
	int push = name_index(pushes, ARRAY_SIZE(pushes), col_text(st, 19));

	c.id = col_int(st, 0);
	c.account_id = col_int(st, 1);
	c.account = col_dup(st, 2);
	c.google_id = col_dup(st, 3);
	c.summary = col_dup(st, 4);
	c.time_zone = col_dup(st, 5);
	c.access_role = col_dup(st, 6);
	c.primary = col_bool(st, 7);
	c.selected = col_bool(st, 8);
	c.gone = col_bool(st, 9);
	if (col_json(st, 10, "calendar", c.google_id, &c.resource, err))
		return -1;
	c.sync_token = col_dup(st, 11);
	c.last_sync_ms = col_int(st, 12);
	c.last_error = col_dup(st, 13);
	c.progress.page_token = col_dup(st, 14);
	c.progress.generation = col_int(st, 15);
	c.progress.seen = col_int(st, 16);
	c.progress.holes = col_bool(st, 17);
	c.progress.at_ms = col_int(st, 18);
	if (push < 0)
		return err_set(err, ERR_STORE, "calendar '%s' is damaged", c.google_id);
	c.push = (enum push_state)push;
	*out = c;
	memset(&c, 0, sizeof(c));
	return 0;
}

static int no_calendar(struct err *err)
{
	return err_set(err, ERR_NOT_FOUND, "the calendar is no longer there");
}

static const char sql_calendar_get[] = CALENDAR_SELECT " WHERE c.calendar_id = :id";

int store_calendar_get(struct store *s, int64_t id, struct calendar *out, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	int status;

	if (db_prepare(s->db, sql_calendar_get, &st, err))
		return -1;
	stmt_int(st, ":id", id);
	status = stmt_step(st, err);
	if (status < 0)
		return -1;
	return status ? calendar_read(st, out, err) : no_calendar(err);
}

#define CALENDAR_ORDER " ORDER BY a.name, c.is_primary DESC, c.summary, c.calendar_id"

static const char sql_calendar_list[] = CALENDAR_SELECT CALENDAR_ORDER;
static const char sql_calendar_list_of[] =
	CALENDAR_SELECT " WHERE c.account_id = :account" CALENDAR_ORDER;

int store_calendar_list(struct store *s, int64_t account_id, struct calendar_list *out,
			struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	AUTO(calendar_list_release) struct calendar_list list = {0};
	int status;

	if (db_prepare(s->db, account_id ? sql_calendar_list_of : sql_calendar_list, &st, err))
		return -1;
	if (account_id)
		stmt_int(st, ":account", account_id);
	while ((status = stmt_step(st, err)) == 1) {
		list.items = xreallocarray(list.items, list.count + 1, sizeof(*list.items));
		if (calendar_read(st, &list.items[list.count], err))
			return -1;
		list.count++;
	}
	if (status < 0)
		return -1;
	*out = list;
	memset(&list, 0, sizeof(list));
	return 0;
}

/* --- upsert ------------------------------------------------------------------------------ */

static const char *zone_of(const struct calendar *c)
{
	return c->time_zone ? c->time_zone : "UTC";
}

static bool str_equal(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* The descriptive fields: what store_calendar_upsert() may write. */
static bool described_alike(const struct calendar *a, const struct calendar *b)
{
	return str_equal(a->summary, b->summary) && str_equal(zone_of(a), zone_of(b)) &&
	       str_equal(a->access_role, b->access_role) && a->primary == b->primary &&
	       a->gone == b->gone && json_equal(a->resource, b->resource);
}

static const char sql_calendar_find[] =
	CALENDAR_SELECT " WHERE c.account_id = :account AND c.google_id = :google_id";

/* 1 = found, 0 = not, -1 */
static int calendar_find(struct store *s, const struct calendar *c, struct calendar *out,
			 struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	int status;

	if (db_prepare(s->db, sql_calendar_find, &st, err))
		return -1;
	stmt_int(st, ":account", c->account_id);
	stmt_text(st, ":google_id", c->google_id);
	status = stmt_step(st, err);
	if (status != 1)
		return status;
	return calendar_read(st, out, err) ? -1 : 1;
}

static void describe(struct stmt *st, const struct calendar *c)
{
	stmt_text(st, ":summary", c->summary);
	stmt_text(st, ":time_zone", zone_of(c));
	stmt_text(st, ":access_role", c->access_role);
	stmt_bool(st, ":primary", c->primary);
	stmt_bool(st, ":gone", c->gone);
	stmt_text(st, ":resource", json_bind(c->resource));
}

static const char sql_calendar_insert[] =
	"INSERT INTO calendar (account_id, google_id, summary, time_zone, access_role, is_primary,"
	" selected, gone, resource, last_sync_ms)"
	" VALUES (:account, :google_id, :summary, :time_zone, :access_role, :primary, :selected,"
	" :gone, :resource, 0)"
	" RETURNING calendar_id";

static int calendar_insert(struct store *s, struct calendar *c, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_calendar_insert, &st, err))
		return -1;
	stmt_int(st, ":account", c->account_id);
	stmt_text(st, ":google_id", c->google_id);
	stmt_bool(st, ":selected", c->selected);
	describe(st, c);
	return stmt_run_id(st, &c->id, err);
}

static const char sql_calendar_update[] =
	"UPDATE calendar SET summary = :summary, time_zone = :time_zone,"
	" access_role = :access_role, is_primary = :primary, resource = :resource,"
	/* One that is back is read in full: who knows what it is now. */
	" sync_token = CASE WHEN gone > :gone THEN NULL ELSE sync_token END,"
	" pull_page_token = CASE WHEN gone > :gone THEN NULL ELSE pull_page_token END,"
	" gone = :gone WHERE calendar_id = :id";

static int calendar_update(struct store *s, int64_t id, const struct calendar *c, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_calendar_update, &st, err))
		return -1;
	stmt_int(st, ":id", id);
	describe(st, c);
	return stmt_run(st, err);
}

/* Inside a transaction, so what is found stays so. */
static int upsert(struct store *s, struct calendar *c, bool *out_changed, struct err *err)
{
	AUTO(calendar_release) struct calendar old = {0};
	int found = calendar_find(s, c, &old, err);

	if (found < 0)
		return -1;
	*out_changed = !found || !described_alike(&old, c);
	if (!found)
		return calendar_insert(s, c, err);
	c->id = old.id;
	if (!*out_changed)
		return 0;
	if (calendar_update(s, old.id, c, err))
		return -1;
	/* All-day events begin at the calendar's midnight. (The column is NOT NULL.) */
	assert(old.time_zone);
	return strcmp(old.time_zone, zone_of(c)) ? event_index_rebuild(s, old.id, err) : 0;
}

int store_calendar_upsert(struct store *s, struct calendar *c, bool *out_changed, struct err *err)
{
	AUTO(calendar_release) struct calendar old = {0};
	int found = calendar_find(s, c, &old, err);
	struct db_join join;

	if (found < 0)
		return -1;
	/* The usual case takes no write lock. */
	if (found && described_alike(&old, c)) {
		c->id = old.id;
		*out_changed = false;
		return 0;
	}
	if (db_join_begin(s->db, &join, err))
		return -1;
	return db_join_end(s->db, &join, upsert(s, c, out_changed, err), err);
}

/* --- single fields ----------------------------------------------------------------------- */

static int set_flag(struct store *s, const char *sql, int64_t id, bool value, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql, &st, err))
		return -1;
	stmt_int(st, ":id", id);
	stmt_bool(st, ":value", value);
	if (stmt_run(st, err))
		return -1;
	return stmt_changes(st) ? 0 : no_calendar(err);
}

static const char sql_set_selected[] =
	"UPDATE calendar SET selected = :value WHERE calendar_id = :id";

int store_calendar_set_selected(struct store *s, int64_t id, bool selected, struct err *err)
{
	return set_flag(s, sql_set_selected, id, selected, err);
}

static const char sql_set_gone[] = "UPDATE calendar SET gone = :value WHERE calendar_id = :id";

int store_calendar_set_gone(struct store *s, int64_t id, bool gone, struct err *err)
{
	return set_flag(s, sql_set_gone, id, gone, err);
}

static const char sql_set_sync[] =
	"UPDATE calendar SET sync_token = :token, last_sync_ms = :at, last_error = :error"
	" WHERE calendar_id = :id";

int store_calendar_set_sync(struct store *s, int64_t id, const char *sync_token,
			    int64_t last_sync_ms, const char *last_error, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_set_sync, &st, err))
		return -1;
	stmt_int(st, ":id", id);
	stmt_text(st, ":token", sync_token);
	stmt_int(st, ":at", last_sync_ms);
	stmt_text(st, ":error", last_error);
	if (stmt_run(st, err))
		return -1;
	return stmt_changes(st) ? 0 : no_calendar(err);
}

static const char sql_set_progress[] =
	"UPDATE calendar SET pull_page_token = :token, pull_generation = :generation,"
	" pull_seen = :seen, pull_holes = :holes, pull_at_ms = :at WHERE calendar_id = :id";

int store_calendar_set_progress(struct store *s, int64_t id, const struct pull_progress *p,
				struct err *err)
{
	static const struct pull_progress none;
	AUTO(stmt_done) struct stmt *st = NULL;

	if (!p)
		p = &none;
	if (db_prepare(s->db, sql_set_progress, &st, err))
		return -1;
	stmt_int(st, ":id", id);
	stmt_text(st, ":token", p->page_token);
	stmt_int(st, ":generation", p->generation);
	stmt_int(st, ":seen", p->seen);
	stmt_bool(st, ":holes", p->holes);
	stmt_int(st, ":at", p->at_ms);
	if (stmt_run(st, err))
		return -1;
	return stmt_changes(st) ? 0 : no_calendar(err);
}
