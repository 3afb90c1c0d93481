#include "cmd/connect.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "google/google.h"
#include "secret/secret.h"
#include "store/account_seal.h"
#include "sync/lock.h"
#include "base/banned.h"

/* A login that is not stored is lost, and somebody has to give it again: longer than others wait. */
#define LOCK_WAIT_MS 60000
#define LOCK_TELL_MS 1000

/* --- secrets ----------------------------------------------------------------------------- */

struct secret_value {
	const char *field;
	const char *value; /* NULL = there is none */
};

static int seal_one(struct store *s, const struct secret_box *box, const struct account *a,
		    const struct secret_value *v, struct err *err)
{
	AUTO(strbuf_release) struct strbuf sealed = STRBUF_INIT;

	if (!v->value)
		return 0;
	if (account_seal(box, a, v->field, v->value, strlen(v->value), &sealed, err))
		return -1;
	return store_secret_put(s, a->id, v->field, sealed.buf, sealed.len, err);
}

static int check_one(struct store *s, const struct secret_box *box, const struct account *a,
		     const struct secret_value *v, struct err *err)
{
	AUTO(strbuf_release) struct strbuf sealed = STRBUF_INIT;
	AUTO(secret_wipe_strbuf) struct strbuf plain = STRBUF_INIT;

	if (!v->value)
		return 0;
	if (store_secret_get(s, a->id, v->field, &sealed, err) ||
	    account_unseal(box, a, v->field, &sealed, &plain, err))
		return -1;
	if (strcmp(plain.buf, v->value))
		return err_set(err, ERR_SECRET, "the stored %s reads back differently", v->field);
	return 0;
}

static int opens_all(struct cmd_context *cx, const struct secret_box *box, const struct account *a,
		     bool *out, struct err *err)
{
	AUTO(sealed_secret_list_release) struct sealed_secret_list secrets = {0};

	*out = true;
	if (store_secret_list(cx->store, a->id, &secrets, err))
		return -1;
	for (size_t i = 0; i < secrets.count && *out; i++)
		*out = cmd_secret_opens(box, a, &secrets.items[i]);
	return 0;
}

/* A key for this account in place of a lost one: what that sealed for others is lost, too. */
static int find_cut_off(struct cmd_context *cx, struct connect *c, const struct account *a,
			const struct secret_box *box, struct err *err)
{
	AUTO(account_list_release) struct account_list all = {0};
	bool opens;

	if (store_account_list(cx->store, &all, err))
		return -1;
	for (size_t i = 0; i < all.count; i++) {
		if (all.items[i].id == a->id)
			continue;
		if (opens_all(cx, box, &all.items[i], &opens, err))
			return -1;
		if (opens)
			continue;
		if (!c->cut_off)
			c->cut_off = json_object_new_array();
		json_object_array_add(c->cut_off, json_object_new_string(all.items[i].name));
	}
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
	bool replaced;

	if (cmd_secret_box_first(cx, c->opts->force, &replaced, &box, err) ||
	    cmd_secret_box_again(cx, &again, err) ||
	    (replaced && find_cut_off(cx, c, a, box, err)) ||
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
	if (!a->name)
		a->name = xstrdup(c->name ? c->name : c->email);
	xstr_set(&a->email, c->email);
	xstr_set(&a->base_url, c->base_url);
	xstr_set(&a->auth, c->service_key ? "service_account" : "installed");
	xstr_set(&a->client_id, c->client.id);
	xstr_set(&a->subject, c->service_key ? c->opts->subject : NULL);
	xstr_set(&a->scopes, c->granted);
	a->state = ACCOUNT_CONNECTED;
	a->read_only = c->read_only;
	a->connected_ms = clock_now_ms(cx->clock);
	a->token_expires_ms = c->token.expires_ms;
	a->not_before_ms = 0;
	xstr_set(&a->last_error, NULL);
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

/* --- all of it ---------------------------------------------------------------------------- */

static int same_person(const struct connect *c, const struct account *a, struct err *err)
{
	if (!a->email || c->opts->force || !strcmp(a->email, c->email)) /* NULL: a new one */
		return 0;
	return err_set(err, ERR_USAGE,
		       "account '%s' belongs to %s, but %s has logged in; choose another name, or "
		       "--force to replace the user",
		       a->name, a->email, c->email);
}

/* The proof's last part. Nothing of it is in the store: what is there works on meanwhile. */
static int fetch_calendars(struct cmd_context *cx, const struct connect *c,
			   struct json_object **out, struct err *err)
{
	AUTO(account_release) struct account a = {0};
	struct google_options o = {
		.clock = cx->clock,
		.store = cx->store,
		.access_token = c->token.access_token,
	};
	AUTO(google_free) struct google *g = NULL;

	fill_account(cx, c, &a);
	if (cmd_transport(cx, &o.transport, err) || google_new(&a, &o, &g, err) ||
	    sync_calendar_list_fetch(g, out, err))
		return err_wrap(err, "cannot list the calendars");
	return 0;
}

/* The account that was there when the login began, whatever it is called by now; else the one of
 * that name. */
static int find_row(struct store *s, const struct connect *c, struct account *out, struct err *err)
{
	const struct account *was = &c->existing;
	const char *name = was->id ? was->name : c->name ? c->name : c->email;
	struct err why = {.code = ERR_NOT_FOUND};

	if ((was->id && !store_account_get_id(s, was->id, out, &why)) ||
	    (why.code == ERR_NOT_FOUND && !store_account_get(s, name, out, &why)) ||
	    why.code == ERR_NOT_FOUND)
		return 0;
	*err = why;
	return -1;
}

/* What keeps others from an account's row while a login takes its place. */
struct hold {
	struct account_lock *lock;
	int renewals; /* a descriptor; -1 = none */
};

static void hold_release(struct hold *h)
{
	close_fd_ptr(&h->renewals);
	account_lock_free(h->lock);
	*h = (struct hold){.renewals = -1};
}
DEFINE_AUTO_VALUE(struct hold, hold_release)

static int wait_for_sync(struct cmd_context *cx, const struct account *a, struct account_lock **out,
			 struct err *err)
{
	const char *path = store_path(cx->store);
	AUTO(free) char *word = account_word(a->name);
	struct err held;

	if (!account_lock_take(path, a->id, cx->clock, LOCK_TELL_MS, out, err))
		return 0;
	if (err->code != ERR_LOCKED)
		return -1;
	log_warn("connect", "%s; waiting for up to %d s to store the login", err->msg,
		 LOCK_WAIT_MS / 1000);
	if (!account_lock_take(path, a->id, cx->clock, LOCK_WAIT_MS, out, &held))
		return 0;
	*err = held;
	return held.code != ERR_LOCKED
		       ? -1
		       : err_set(err, ERR_LOCKED,
				 "%s, and did not end within %d s; the login was not stored: when "
				 "it has ended, run 'calsync connect %s' again",
				 held.msg, LOCK_WAIT_MS / 1000, word);
}

/* Order matters: whoever renews the token while holding the account's lock has to come to an end;
 * what Google answers to the old login is stored before, or not at all. */
static int hold_take(struct cmd_context *cx, const struct account *a, struct hold *h,
		     struct err *err)
{
	if (wait_for_sync(cx, a, &h->lock, err))
		return -1;
	return google_token_lock(cx->store, a, cx->clock, GOOGLE_TOKEN_WAIT_MS, &h->renewals, err);
}

/*
 * Begin the transaction in which the account's row, when there is one, is ours alone: a sync that
 * ends, or another login that was quicker, may have changed, made or removed it until now.
 *
 * a  the row as it is; id 0 = there is none
 */
static int begin_locked(struct cmd_context *cx, const struct connect *c, struct hold *h,
			struct account *a, struct err *err)
{
	int64_t held = 0;
	int rc;

	for (;;) {
		if (store_begin(cx->store, err) || find_row(cx->store, c, a, err))
			return -1;
		if (!a->id || a->id == held)
			return 0;
		/* Order matters: whoever holds the account's locks may wait for the database. */
		store_rollback(cx->store);
		hold_release(h);
		held = a->id;
		rc = hold_take(cx, a, h, err);
		account_release(a);
		if (rc)
			return -1;
	}
}

static int write_steps(struct cmd_context *cx, struct connect *c, struct account *a,
		       const struct json_object *calendars, struct err *err)
{
	bool other_user = a->email && strcmp(a->email, c->email);

	if (same_person(c, a, err) || connect_same_host(c, a, err))
		return -1;
	fill_account(cx, c, a);
	if (a->id ? store_account_update(cx->store, a, err) : store_account_add(cx->store, a, err))
		return -1;
	if ((other_user && forget_sync_tokens(cx->store, a->id, err)) ||
	    sync_calendar_list_take(cx->store, a, calendars, err) ||
	    select_calendars(cx, c, a->id, err))
		return -1;
	/* Last: a key that is made now stays. */
	return put_secrets(cx, c, a, err) ? -1 : store_commit(cx->store, err);
}

int connect_save(struct cmd_context *cx, struct connect *c, struct account *out, struct err *err)
{
	AUTO(account_release) struct account a = {0};
	AUTO(hold_release) struct hold hold = {.renewals = -1};
	AUTO(json_object_put) struct json_object *calendars = NULL;
	int rc;

	if (cmd_store_create(cx, err) || fetch_calendars(cx, c, &calendars, err))
		return -1;
	rc = begin_locked(cx, c, &hold, &a, err);
	if (!rc)
		rc = write_steps(cx, c, &a, calendars, err);
	if (store_in_transaction(cx->store))
		store_rollback(cx->store);
	return rc ? -1 : store_account_get_id(cx->store, a.id, out, err);
}
