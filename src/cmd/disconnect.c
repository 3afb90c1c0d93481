#include "cmd/context.h"
#include "cmd/output.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "google/oauth.h"
#include "sync/lock.h"
#include "base/banned.h"

#define LOCK_WAIT_MS 10000

struct disconnect_opts {
	bool purge;
};

enum revocation { REVOKED, NOTHING_TO_REVOKE, NOT_REVOKED };

/* The stored refresh token, else the access token: revoking either ends the whole grant. */
static int load_token(struct cmd_context *cx, const struct account *a, char **out, struct err *err)
{
	static const char *const fields[] = {"refresh_token", "access_token"};
	AUTO(free) char *owner = account_seal_name(a);

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		AUTO(strbuf_release) struct strbuf sealed = STRBUF_INIT;
		AUTO(secret_wipe_strbuf) struct strbuf plain = STRBUF_INIT;
		struct secret_box *box;

		if (store_secret_get(cx->store, a->id, fields[i], &sealed, err)) {
			if (err->code == ERR_NOT_FOUND)
				continue;
			return -1;
		}
		if (cmd_secret_box(cx, &box, err) ||
		    secret_unseal(box, owner, fields[i], sealed.buf, sealed.len, &plain, err))
			return -1;
		*out = xstrdup(plain.buf);
		return 0;
	}
	return err_set(err, ERR_NOT_FOUND, "account '%s' holds no token", a->name);
}

static enum revocation revoke_login(struct cmd_context *cx, const struct account *a,
				    struct err *err)
{
	AUTO(secret_wipe_str) char *token = NULL;
	struct transport *t;

	/* A service account has no grant of the user's:
	 * its key is withdrawn in Google's console. */
	if (a->auth && !strcmp(a->auth, "service_account"))
		return NOTHING_TO_REVOKE;
	/* Google has said that it knows this login no more, and hears nothing of it again. */
	if (a->state == ACCOUNT_REAUTH_REQUIRED)
		return NOTHING_TO_REVOKE;
	if (load_token(cx, a, &token, err))
		return err->code == ERR_NOT_FOUND ? NOTHING_TO_REVOKE : NOT_REVOKED;
	if (cmd_transport(cx, &t, err))
		return NOT_REVOKED;
	if (oauth_revoke(t, a->base_url, token, err)) {
		/* Revoked or expired before: that is what was wanted. */
		if (!strcmp(err->reason, "invalid_token") || !strcmp(err->reason, "invalid_grant"))
			return NOTHING_TO_REVOKE;
		return NOT_REVOKED;
	}
	return REVOKED;
}

static int forget_steps(struct cmd_context *cx, struct account *a, bool purge, struct err *err)
{
	if (purge)
		return store_account_remove(cx->store, a->id, err);
	a->state = ACCOUNT_DISCONNECTED;
	a->token_expires_ms = 0;
	a->not_before_ms = 0;
	if (store_secret_delete(cx->store, a->id, NULL, err))
		return -1;
	return store_account_update(cx->store, a, err);
}

static int forget(struct cmd_context *cx, struct account *a, bool purge, struct err *err)
{
	if (store_begin(cx->store, err))
		return -1;
	if (!forget_steps(cx, a, purge, err))
		return store_commit(cx->store, err);
	store_rollback(cx->store);
	return -1;
}

static int run_disconnect(struct cmd_context *cx, struct err *err)
{
	static const char *const words[] = {
		[REVOKED] = "revoked", [NOTHING_TO_REVOKE] = "nothing", [NOT_REVOKED] = "failed"};
	const struct disconnect_opts *o = cx->opts;
	AUTO(account_release) struct account a = {0};
	AUTO(account_lock_free) struct account_lock *lock = NULL;
	struct err problem = {0};
	enum revocation revocation;

	if (cmd_account_named(cx, cx->argv[0], &a, err) ||
	    account_lock_take(store_path(cx->store), a.id, cx->clock, LOCK_WAIT_MS, &lock, err))
		return -1;
	account_release(&a); /* a sync may have ended while we waited: the row as it is now */
	if (cmd_account_named(cx, cx->argv[0], &a, err))
		return -1;
	revocation = revoke_login(cx, &a, &problem);
	if (forget(cx, &a, o->purge, err)) {
		if (revocation == REVOKED)
			err_wrap(err, "the login is revoked at Google, but not forgotten here");
		return -1;
	}
	if (cx->global.json) {
		struct json_object *answer = json_object_new_object();

		json_set_bool(answer, "success", revocation != NOT_REVOKED);
		json_set(answer, "account", json_account(&a));
		json_set_str(answer, "revocation", words[revocation]);
		json_set_bool(answer, "purged", o->purge);
		if (revocation == NOT_REVOKED)
			json_set(answer, "error", sync_error_json(&problem));
		out_json(cx, answer);
	} else {
		AUTO(free) char *name = term_clean(a.name);

		out_note(cx, "%s is disconnected; its events %s\n", name,
			 o->purge ? "are removed" : "stay");
	}
	if (revocation != NOT_REVOKED)
		return 0;
	log_error(
		"disconnect",
		"the secrets are forgotten here, but Google could not be told to revoke the login "
		"(%s); revoke it at https://myaccount.google.com/connections",
		problem.msg);
	return 7;
}

static const struct option_spec options[] = {
	OPT_FLAG(0, "purge", struct disconnect_opts, purge,
		 "also remove its calendars and events from the store"),
	OPT_END,
};

const struct cmd cmd_disconnect = {
	.name = "disconnect",
	.synopsis = "[--purge] NAME",
	.summary = "revoke a login and forget its secrets",
	.help = "Events stay in the store unless --purge. When Google cannot be told, the secrets "
		"are\n"
		"forgotten all the same and the exit status is 7.\n",
	.options = options,
	.opts_size = sizeof(struct disconnect_opts),
	.needs = NEEDS_STORE,
	.min_args = 1,
	.max_args = 1,
	.arg = "ACCOUNT",
	.run = run_disconnect,
};
