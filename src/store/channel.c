#include "store/channel.h"

#include <string.h>

#include "base/xalloc.h"
#include "store/internal.h"

#include "base/banned.h"

static const char sql_channel_add[] =
	"INSERT INTO channel (channel_id, calendar_id, address, state, resource_id, expiration_ms,"
	" created_ms, attempts)"
	" VALUES (:id, :calendar, :address, 'new', NULL, 0, :created, 0)";

int store_channel_add(struct store *s, const struct channel *c, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_channel_add, &st, err))
		return -1;
	stmt_text(st, ":id", c->id);
	stmt_int(st, ":calendar", c->calendar_id);
	stmt_text(st, ":address", c->address);
	stmt_int(st, ":created", c->created_ms);
	return stmt_run(st, err);
}

static const char sql_channel_activate[] =
	"UPDATE channel SET state = 'active', resource_id = :resource, expiration_ms = :expiration"
	" WHERE channel_id = :id";

static int set_active(struct store *s, const char *id, const char *resource_id,
		      int64_t expiration_ms, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_channel_activate, &st, err))
		return -1;
	stmt_text(st, ":id", id);
	stmt_text(st, ":resource", resource_id);
	stmt_int(st, ":expiration", expiration_ms);
	return stmt_run(st, err);
}

/* One that is new keeps its state: what Google answered to it is not known. */
static const char sql_channel_replace[] =
	"UPDATE channel SET state = 'stopping'"
	" WHERE calendar_id = :calendar AND channel_id <> :id AND state = 'active'";

static int replace_others(struct store *s, const struct channel *c, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_channel_replace, &st, err))
		return -1;
	stmt_int(st, ":calendar", c->calendar_id);
	stmt_text(st, ":id", c->id);
	return stmt_run(st, err);
}

int store_channel_activate(struct store *s, const struct channel *c, const char *resource_id,
			   int64_t expiration_ms, struct err *err)
{
	struct db_join join;
	int status;

	if (db_join_begin(s->db, &join, err))
		return -1;
	status = set_active(s, c->id, resource_id, expiration_ms, err) || replace_others(s, c, err)
			 ? -1
			 : 0;
	return db_join_end(s->db, &join, status, err);
}

static const char sql_channel_stopping[] =
	"UPDATE channel SET state = 'stopping', resource_id = coalesce(:resource, resource_id)"
	" WHERE channel_id = :id";

int store_channel_stopping(struct store *s, const char *id, const char *resource_id,
			   struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_channel_stopping, &st, err))
		return -1;
	stmt_text(st, ":id", id);
	stmt_text(st, ":resource", resource_id);
	return stmt_run(st, err);
}

static const char sql_channel_stop_failed[] =
	"UPDATE channel SET attempts = attempts + 1, last_error = :error WHERE channel_id = :id";

int store_channel_stop_failed(struct store *s, const char *id, const char *error, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_channel_stop_failed, &st, err))
		return -1;
	stmt_text(st, ":id", id);
	stmt_text(st, ":error", error);
	return stmt_run(st, err);
}

static const char sql_channel_remove[] = "DELETE FROM channel WHERE channel_id = :id";

int store_channel_remove(struct store *s, const char *id, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_channel_remove, &st, err))
		return -1;
	stmt_text(st, ":id", id);
	return stmt_run(st, err);
}

static int channel_read(struct stmt *st, struct channel *out, struct err *err)
{
	static const char *const states[] = {
#define X(id, name) name,
		CHANNEL_STATES(X)
#undef X
	};
	int state = name_index(states, ARRAY_SIZE(states), col_text(st, 3));

	if (state < 0)
		return err_set(err, ERR_STORE, "channel '%s' is damaged", col_text(st, 0));
	*out = (struct channel){
		.id = col_dup(st, 0),
		.calendar_id = col_int(st, 1),
		.address = col_dup(st, 2),
		.state = (enum channel_state)state,
		.resource_id = col_dup(st, 4),
		.expiration_ms = col_int(st, 5),
		.created_ms = col_int(st, 6),
		.attempts = (int)col_int(st, 7),
		.last_error = col_dup(st, 8),
	};
	return 0;
}

#define CHANNEL_SELECT                                                                            \
	"SELECT h.channel_id, h.calendar_id, h.address, h.state, h.resource_id, h.expiration_ms," \
	" h.created_ms, h.attempts, h.last_error FROM "
#define CHANNEL_ORDER " ORDER BY h.calendar_id, h.created_ms, h.channel_id"

static const char sql_channel_list[] = CHANNEL_SELECT "channel h" CHANNEL_ORDER;
/* In this order, whatever SQLite may think of the tables: an account has few calendars. */
static const char sql_channel_list_of[] =
	CHANNEL_SELECT "calendar c CROSS JOIN channel h ON h.calendar_id = c.calendar_id"
		       " WHERE c.account_id = :account" CHANNEL_ORDER;

int store_channel_list(struct store *s, int64_t account_id, struct channel_list *out,
		       struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	AUTO(channel_list_release) struct channel_list list = {0};
	int status;

	if (db_prepare(s->db, account_id ? sql_channel_list_of : sql_channel_list, &st, err))
		return -1;
	if (account_id)
		stmt_int(st, ":account", account_id);
	while ((status = stmt_step(st, err)) == 1) {
		list.items = xreallocarray(list.items, list.count + 1, sizeof(*list.items));
		if (channel_read(st, &list.items[list.count], err))
			return -1;
		list.count++;
	}
	if (status < 0)
		return -1;
	*out = list;
	memset(&list, 0, sizeof(list));
	return 0;
}

static const char sql_calendar_push[] = "UPDATE calendar SET push = :push WHERE calendar_id = :id";

int store_calendar_set_push(struct store *s, int64_t id, enum push_state push, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_calendar_push, &st, err))
		return -1;
	stmt_int(st, ":id", id);
	stmt_text(st, ":push", push_state_name(push));
	return stmt_run(st, err);
}
