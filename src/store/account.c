#include <string.h>

#include "base/id_map.h"
#include "base/xalloc.h"
#include "store/internal.h"

#include "base/banned.h"

static const char *const state_names[] = {
#define X(id, name) name,
	ACCOUNT_STATES(X)
#undef X
};

const char *account_state_name(enum account_state state)
{
	return state_names[state];
}

void account_release(struct account *a)
{
	free(a->name);
	free(a->email);
	free(a->base_url);
	free(a->auth);
	free(a->client_id);
	free(a->subject);
	free(a->scopes);
	free(a->last_error);
	free(a->list_sync_token);
	memset(a, 0, sizeof(*a));
}

char *account_word(const char *name)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789@._+-";

	/* No name holds a quote of its own (cmd/connect.c). */
	if (*name && *name != '-' && !name[strspn(name, plain)])
		return xstrdup(name);
	return xasprintf("'%s'", name);
}

int account_must_reconnect(const char *name, struct err *err)
{
	AUTO(free) char *word = account_word(name);

	return err_set(err, ERR_TOKEN_EXPIRED,
		       "Calendar token expired. Connect the account again: calsync connect %s",
		       word);
}

int account_check_state(const struct account *a, struct err *err)
{
	AUTO(free) char *word = account_word(a->name);

	switch (a->state) {
	case ACCOUNT_CONNECTED:
		return 0;
	case ACCOUNT_REAUTH_REQUIRED:
		return account_must_reconnect(a->name, err);
	case ACCOUNT_DISCONNECTED:
		break;
	}
	return err_set(err, ERR_NOT_CONNECTED,
		       "account '%s' is disconnected; to connect it again: calsync connect %s",
		       a->name, word);
}

void account_list_release(struct account_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		account_release(&l->items[i]);
	free(l->items);
	memset(l, 0, sizeof(*l));
}

void account_list_map(const struct account_list *l, struct id_map *out)
{
	for (size_t i = 0; i < l->count; i++)
		id_map_add(out, l->items[i].id, i);
	id_map_sort(out);
}

#define ACCOUNT_COLUMNS                                                                          \
	"account_id, name, email, state, base_url, auth, client_id, subject, scopes, read_only," \
	" connected_ms, token_expires_ms, last_sync_ms, last_error, not_before_ms,"              \
	" list_sync_token"

static int account_read(struct stmt *st, struct account *out, struct err *err)
{
	AUTO(account_release) struct account a = {0};
	int state = name_index(state_names, ARRAY_SIZE(state_names), col_text(st, 3));

	a.id = col_int(st, 0);
	a.name = col_dup(st, 1);
	if (state < 0)
		return err_set(err, ERR_STORE, "stored account '%s' is damaged: unknown state",
			       a.name);
	a.email = col_dup(st, 2);
	a.state = (enum account_state)state;
	a.base_url = col_dup(st, 4);
	a.auth = col_dup(st, 5);
	a.client_id = col_dup(st, 6);
	a.subject = col_dup(st, 7);
	a.scopes = col_dup(st, 8);
	a.read_only = col_bool(st, 9);
	a.connected_ms = col_int(st, 10);
	a.token_expires_ms = col_int(st, 11);
	a.last_sync_ms = col_int(st, 12);
	a.last_error = col_dup(st, 13);
	a.not_before_ms = col_int(st, 14);
	a.list_sync_token = col_dup(st, 15);
	*out = a;
	memset(&a, 0, sizeof(a));
	return 0;
}

static const char *or_empty(const char *s)
{
	return s ? s : "";
}

static void account_bind(struct stmt *st, const struct account *a)
{
	stmt_text(st, ":name", a->name);
	stmt_text(st, ":email", or_empty(a->email));
	stmt_text(st, ":state", account_state_name(a->state));
	stmt_text(st, ":base_url", or_empty(a->base_url));
	stmt_text(st, ":auth", a->auth ? a->auth : "installed");
	stmt_text(st, ":client_id", a->client_id);
	stmt_text(st, ":subject", a->subject);
	stmt_text(st, ":scopes", or_empty(a->scopes));
	stmt_bool(st, ":read_only", a->read_only);
	stmt_int(st, ":connected_ms", a->connected_ms);
	stmt_int(st, ":token_expires_ms", a->token_expires_ms);
	stmt_int(st, ":last_sync_ms", a->last_sync_ms);
	stmt_text(st, ":last_error", a->last_error);
	stmt_int(st, ":not_before_ms", a->not_before_ms);
	stmt_text(st, ":list_sync_token", a->list_sync_token);
}

static int name_taken(struct store *s, const struct account *a, struct err *err)
{
	if (db_failed_unique(s->db))
		return err_set(err, ERR_STORE, "an account named '%s' is there already", a->name);
	return -1;
}

static const char sql_account_add[] =
	"INSERT INTO account (name, email, state, base_url, auth, client_id, subject, scopes,"
	" read_only, connected_ms, token_expires_ms, last_sync_ms, last_error, not_before_ms,"
	" list_sync_token)"
	" VALUES (:name, :email, :state, :base_url, :auth, :client_id, :subject, :scopes,"
	" :read_only, :connected_ms, :token_expires_ms, :last_sync_ms, :last_error,"
	" :not_before_ms, :list_sync_token)"
	" RETURNING account_id";

int store_account_add(struct store *s, struct account *a, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_account_add, &st, err))
		return -1;
	account_bind(st, a);
	return stmt_run_id(st, &a->id, err) ? name_taken(s, a, err) : 0;
}

static const char sql_account_update[] =
	"UPDATE account SET name = :name, email = :email, state = :state, base_url = :base_url,"
	" auth = :auth, client_id = :client_id, subject = :subject, scopes = :scopes,"
	" read_only = :read_only, connected_ms = :connected_ms,"
	" token_expires_ms = :token_expires_ms, last_sync_ms = :last_sync_ms,"
	" last_error = :last_error, not_before_ms = :not_before_ms,"
	" list_sync_token = :list_sync_token"
	" WHERE account_id = :id";

int store_account_update(struct store *s, const struct account *a, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_account_update, &st, err))
		return -1;
	account_bind(st, a);
	stmt_int(st, ":id", a->id);
	if (stmt_run(st, err))
		return name_taken(s, a, err);
	if (!stmt_changes(st))
		return err_set(err, ERR_NOT_FOUND, "account '%s' is no longer there", a->name);
	return 0;
}

static const char sql_account_get[] = "SELECT " ACCOUNT_COLUMNS " FROM account WHERE name = :name";

int store_account_get(struct store *s, const char *name, struct account *out, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	int status;

	if (db_prepare(s->db, sql_account_get, &st, err))
		return -1;
	stmt_text(st, ":name", name);
	status = stmt_step(st, err);
	if (status < 0)
		return -1;
	if (!status)
		return err_set(err, ERR_NOT_FOUND, "no account named '%s'", name);
	return account_read(st, out, err);
}

static const char sql_account_get_id[] =
	"SELECT " ACCOUNT_COLUMNS " FROM account WHERE account_id = :id";

int store_account_get_id(struct store *s, int64_t account_id, struct account *out, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	int status;

	if (db_prepare(s->db, sql_account_get_id, &st, err))
		return -1;
	stmt_int(st, ":id", account_id);
	status = stmt_step(st, err);
	if (status < 0)
		return -1;
	if (!status)
		return err_set(err, ERR_NOT_FOUND, "the account is no longer there");
	return account_read(st, out, err);
}

static int list_read(struct stmt *st, struct account_list *out, struct err *err)
{
	AUTO(account_list_release) struct account_list list = {0};
	int status;

	while ((status = stmt_step(st, err)) == 1) {
		list.items = xreallocarray(list.items, list.count + 1, sizeof(*list.items));
		if (account_read(st, &list.items[list.count], err))
			return -1;
		list.count++;
	}
	if (status < 0)
		return -1;
	*out = list;
	memset(&list, 0, sizeof(list));
	return 0;
}

static const char sql_account_list[] = "SELECT " ACCOUNT_COLUMNS " FROM account ORDER BY name";

int store_account_list(struct store *s, struct account_list *out, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	return db_prepare(s->db, sql_account_list, &st, err) ? -1 : list_read(st, out, err);
}

/* From what is due to its accounts: thousands with nothing queued are not even read. */
static const char sql_queue_accounts[] =
	"SELECT " ACCOUNT_COLUMNS " FROM account WHERE state = 'connected' AND account_id IN ("
	" SELECT c.account_id FROM calendar c WHERE c.calendar_id IN ("
	"  SELECT r.calendar_id FROM sync_request r WHERE r.not_before_ms <= :now"
	"  UNION SELECT o.calendar_id FROM outbox o"
	"   WHERE o.state = 'queued' AND o.not_before_ms <= :now))"
	" ORDER BY EXISTS (SELECT 1 FROM calendar c CROSS JOIN sync_request r"
	"  ON r.calendar_id = c.calendar_id WHERE c.account_id = account.account_id"
	"  AND (c.sync_token IS NULL OR c.pull_page_token IS NOT NULL)"
	"  AND r.not_before_ms <= :now), name";

int store_queue_accounts(struct store *s, int64_t now_ms, struct account_list *out, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_queue_accounts, &st, err))
		return -1;
	stmt_int(st, ":now", now_ms);
	return list_read(st, out, err);
}

/* All else goes with it: ON DELETE CASCADE. */
static const char sql_account_remove[] = "DELETE FROM account WHERE account_id = :id";

static int remove_row(struct store *s, int64_t account_id, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_account_remove, &st, err))
		return -1;
	stmt_int(st, ":id", account_id);
	if (stmt_run(st, err))
		return -1;
	if (!stmt_changes(st))
		return err_set(err, ERR_NOT_FOUND, "the account is no longer there");
	return 0;
}

int store_account_remove(struct store *s, int64_t account_id, struct err *err)
{
	struct db_join join;
	int status;

	if (db_join_begin(s->db, &join, err))
		return -1;
	/* Its events are gone without an entry in the log: who follows that has to look anew. */
	status = store_history_raise_floor(s, err) || remove_row(s, account_id, err) ? -1 : 0;
	return db_join_end(s->db, &join, status, err);
}
