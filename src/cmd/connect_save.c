#include "cmd/connect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "google/google.h"
#include "secret/secret.h"
#include "sync/lock.h"
#include "base/banned.h"

#define LOCK_WAIT_MS 10000

/* The account as it was: what a failed connect puts back. */
struct backup {
	struct account account; /* id 0 = there was none */
	struct sealed_secret_list secrets;
};

static void backup_release(struct backup *b)
{
	account_release(&b->account);
	sealed_secret_list_release(&b->secrets);
}
DEFINE_AUTO_VALUE(struct backup, backup_release)

/* Under the account's lock: a sync that ends meanwhile may have got a new refresh token. */
static int take_backup(struct store *s, const char *name, struct backup *b, struct err *err)
{
	return store_account_get(s, name, &b->account, err) ||
			       store_secret_list(s, b->account.id, &b->secrets, err)
		       ? -1
		       : 0;
}

static int put_back_steps(struct store *s, const struct backup *b, struct err *err)
{
	if (store_secret_delete(s, b->account.id, NULL, err) ||
	    store_account_update(s, &b->account, err))
		return -1;
	for (size_t i = 0; i < b->secrets.count; i++) {
		const struct sealed_secret *v = &b->secrets.items[i];

		if (store_secret_put(s, b->account.id, v->field, v->sealed.buf, v->sealed.len, err))
			return -1;
	}
	return store_commit(s, err);
}

/* After a failure: its reason is told already, so a second one only goes to the log. */
static void put_back(struct store *s, const struct backup *b, int64_t new_id)
{
	struct err err = {0};
	int r;

	if (!b->account.id) {
		r = store_account_remove(s, new_id, &err);
	} else {
		r = store_begin(s, &err);
		if (!r)
			r = put_back_steps(s, b, &err);
		if (store_in_transaction(s))
			store_rollback(s);
	}
	if (r)
		log_error("connect", "cannot undo the unfinished login: %s", err.msg);
}

/* --- secrets ----------------------------------------------------------------------------- */

struct secret_value {
	const char *field;
	const char *value; /* NULL = there is none */
};

static int seal_one(struct store *s, const struct secret_box *box, const struct account *a,
		    const struct secret_value *v, struct err *err)
{
	AUTO(strbuf_release) struct strbuf sealed = STRBUF_INIT;
	AUTO(free) char *owner = account_seal_name(a);

	if (!v->value)
		return 0;
	if (secret_seal(box, owner, v->field, v->value, strlen(v->value), &sealed, err))
		return -1;
	return store_secret_put(s, a->id, v->field, sealed.buf, sealed.len, err);
}

static int check_one(struct store *s, const struct secret_box *box, const struct account *a,
		     const struct secret_value *v, struct err *err)
{
	AUTO(strbuf_release) struct strbuf sealed = STRBUF_INIT;
	AUTO(secret_wipe_strbuf) struct strbuf plain = STRBUF_INIT;
	AUTO(free) char *owner = account_seal_name(a);

	if (!v->value)
		return 0;
	if (store_secret_get(s, a->id, v->field, &sealed, err) ||
	    secret_unseal(box, owner, v->field, sealed.buf, sealed.len, &plain, err))
		return -1;
	if (strcmp(plain.buf, v->value))
		return err_set(err, ERR_SECRET, "the stored %s reads back differently", v->field);
	return 0;
}

/* Read back with a key that was itself read back: a key that did not reach its provider would
 * show at the next start otherwise, when the login is gone. */
static int put_secrets(struct cmd_context *cx, struct connect *c, const struct account *a,
		       struct err *err)
{
	const struct secret_value values[] = {
		{"refresh_token", c->service_key ? NULL : c->token.refresh_token},
		{"access_token", c->token.access_token},
		{"client_secret", c->client.secret},
		/* No secret; what a web client is good for without it is nothing. */
		{"client_redirect", c->client.redirect_uri},
		{"service_account_key", c->service_key},
	};
	AUTO(secret_box_free) struct secret_box *again = NULL;
	struct secret_box *box;

	if (cmd_secret_box_first(cx, c->opts->force, &c->new_key, &box, err) ||
	    cmd_secret_box_again(cx, &again, err) ||
	    store_secret_delete(cx->store, a->id, NULL, err))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(values); i++)
		if (seal_one(cx->store, box, a, &values[i], err) ||
		    check_one(cx->store, again, a, &values[i], err))
			return -1;
	return 0;
}

/* --- the account ------------------------------------------------------------------------- */

static void fill_account(const struct cmd_context *cx, const struct connect *c, struct account *a)
{
	bool other_user = a->email && strcmp(a->email, c->email);

	if (!a->name)
		a->name = xstrdup(c->name ? c->name : c->email);
	xstr_set(&a->email, c->email);
	xstr_set(&a->base_url, c->base_url);
	xstr_set(&a->auth, c->service_key ? "service_account" : "installed");
	xstr_set(&a->client_id, c->client.id);
	xstr_set(&a->subject, c->service_key ? c->opts->subject : NULL);
	xstr_set(&a->scopes, c->granted);
	/* Until the calendars are known, see finish(). */
	a->state = a->id && a->state != ACCOUNT_DISCONNECTED ? ACCOUNT_REAUTH_REQUIRED
							     : ACCOUNT_DISCONNECTED;
	a->read_only = c->read_only;
	a->connected_ms = clock_now_ms(cx->clock);
	a->token_expires_ms = c->token.expires_ms;
	a->not_before_ms = 0;
	xstr_set(&a->last_error, NULL);
	if (other_user)
		xstr_set(&a->list_sync_token, NULL);
}

/* Sync tokens belong to a user: with another one each calendar starts over. */
static int forget_sync_tokens(struct store *s, int64_t account_id, struct err *err)
{
	AUTO(calendar_list_release) struct calendar_list l = {0};

	if (store_calendar_list(s, account_id, &l, err))
		return -1;
	for (size_t i = 0; i < l.count; i++)
		if (store_calendar_set_sync(s, l.items[i].id, NULL, l.items[i].last_sync_ms, NULL,
					    err))
			return -1;
	return 0;
}

static int write_steps(struct cmd_context *cx, struct connect *c, struct account *a,
		       struct err *err)
{
	bool other_user = a->email && strcmp(a->email, c->email);

	fill_account(cx, c, a);
	if (a->id ? store_account_update(cx->store, a, err) : store_account_add(cx->store, a, err))
		return -1;
	if (other_user && forget_sync_tokens(cx->store, a->id, err))
		return -1;
	if (put_secrets(cx, c, a, err))
		return -1;
	return store_commit(cx->store, err);
}

static int write_account(struct cmd_context *cx, struct connect *c, struct account *a,
			 struct err *err)
{
	AUTO(close_fd) int renewals = -1;
	int r;

	/* What Google answers to the old login is stored before, or not at all. Let go before the
	 * calendars are listed: until finish() nobody renews a token of this account. */
	if (a->id &&
	    google_token_lock(cx->store, a, cx->clock, GOOGLE_TOKEN_WAIT_MS, &renewals, err))
		return -1;
	if (store_begin(cx->store, err))
		return -1;
	r = write_steps(cx, c, a, err);
	if (store_in_transaction(cx->store))
		store_rollback(cx->store);
	return r;
}

static bool wanted(const char *which, const struct calendar *c)
{
	if (c->gone)
		return false;
	if (!strcmp(which, "primary"))
		return c->primary;
	return !strcmp(which, "all") || !strcmp(c->access_role, "owner");
}

/* --calendars adds; what a person selected before stays so. */
static int select_calendars(struct cmd_context *cx, const struct connect *c, int64_t account_id,
			    struct err *err)
{
	AUTO(calendar_list_release) struct calendar_list l = {0};

	if (!c->opts->calendars)
		return 0;
	if (store_calendar_list(cx->store, account_id, &l, err))
		return -1;
	for (size_t i = 0; i < l.count; i++)
		if (!l.items[i].selected && wanted(c->opts->calendars, &l.items[i]) &&
		    store_calendar_set_selected(cx->store, l.items[i].id, true, err))
			return -1;
	return 0;
}

static int finish_steps(struct cmd_context *cx, const struct connect *c, const char *name,
			struct err *err)
{
	AUTO(account_release) struct account now = {0};

	if (store_account_get(cx->store, name, &now, err) || select_calendars(cx, c, now.id, err))
		return -1;
	now.state = ACCOUNT_CONNECTED;
	if (store_account_update(cx->store, &now, err))
		return -1;
	return store_commit(cx->store, err);
}

/* Connected, and with the calendars that were asked for: a connect that is killed before this
 * leaves an account that has to be connected again. */
static int finish(struct cmd_context *cx, const struct connect *c, const char *name,
		  struct err *err)
{
	int r;

	if (store_begin(cx->store, err))
		return -1;
	r = finish_steps(cx, c, name, err);
	if (store_in_transaction(cx->store))
		store_rollback(cx->store);
	return r;
}

static int list_calendars(struct cmd_context *cx, const struct connect *c, struct account *a,
			  struct err *err)
{
	struct google_options o = {
		.clock = cx->clock,
		.store = cx->store,
		.access_token = c->token.access_token,
		.token_expires_ms = c->token.expires_ms,
	};
	AUTO(google_free) struct google *g = NULL;
	int64_t changed;

	a->state = ACCOUNT_CONNECTED; /* to us; to others when all is done */
	if (cmd_transport(cx, &o.transport, err) || cmd_secret_box(cx, &o.box, err) ||
	    google_new(a, &o, &g, err) || sync_calendar_list(g, cx->store, a, &changed, err))
		return err_wrap(err, "cannot list the calendars");
	return finish(cx, c, a->name, err);
}

static int same_person(const struct connect *c, const struct account *a, struct err *err)
{
	if (!a->id || c->opts->force || !strcmp(a->email, c->email))
		return 0;
	return err_set(err, ERR_USAGE,
		       "account '%s' belongs to %s, but %s has logged in; choose another name, or "
		       "--force to replace the user",
		       a->name, a->email, c->email);
}

/* --- the key ------------------------------------------------------------------------------ */

/*
 * Take away the key that a failed first login made. Order matters: the store forgets it first, so
 * that whoever dies in between leaves a key too many, not a store without its key; and another
 * login that has begun to use it meanwhile keeps it.
 */
static int remove_key(struct cmd_context *cx, const struct key_place *k, struct err *err)
{
	AUTO(account_list_release) struct account_list all = {0};
	bool kept;
	int r = 0;

	if (store_begin(cx->store, err))
		return -1;
	if (!store_account_list(cx->store, &all, err) && !all.count)
		r = store_meta_set(cx->store, "key_provider", NULL, err) ||
		    store_meta_set(cx->store, "key_id", NULL, err) ||
		    store_meta_set(cx->store, KEY_CHECK, NULL, err) || store_commit(cx->store, err);
	if (store_in_transaction(cx->store))
		store_rollback(cx->store);
	if (r || store_begin(cx->store, err))
		return -1;
	r = cmd_has_key(cx, &kept, err);
	if (!r && !kept)
		r = k->provider->remove(k->where, err);
	store_rollback(cx->store);
	return r;
}

/* --- all of it ---------------------------------------------------------------------------- */

int connect_save(struct cmd_context *cx, struct connect *c, struct account *out, struct err *err)
{
	AUTO(account_release) struct account a = {0};
	AUTO(account_lock_free) struct account_lock *lock = NULL;
	AUTO(backup_release) struct backup before = {0};
	struct err problem = {0};
	const char *name = c->existing.id ? c->existing.name : c->name ? c->name : c->email;

	if (cmd_store_create(cx, err))
		return -1;
	if (!store_account_get(cx->store, name, &a, err)) {
		if (account_lock_take(store_path(cx->store), a.id, cx->clock, LOCK_WAIT_MS, &lock,
				      err))
			return -1;
		account_release(&a);
		if (take_backup(cx->store, name, &before, err) ||
		    same_person(c, &before.account, err) ||
		    store_account_get(cx->store, name, &a, err))
			return -1;
	} else if (err->code != ERR_NOT_FOUND) {
		return -1;
	}
	if (!write_account(cx, c, &a, err)) {
		if (!list_calendars(cx, c, &a, err))
			return store_account_get(cx->store, a.name, out, err);
		put_back(cx->store, &before, a.id);
	}
	if (c->new_key.provider && remove_key(cx, &c->new_key, &problem))
		log_error("connect", "cannot remove the key of the unfinished login: %s",
			  problem.msg);
	return -1;
}
