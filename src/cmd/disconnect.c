#include "cmd/output.h"
#include "cmd/push.h"
#include "cmd/same_user.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "google/google.h"
#include "google/oauth.h"
#include "store/account_seal.h"
#include "store/channel.h"
#include "store/hook.h"
#include "sync/lock.h"
#include "base/banned.h"

#define LOCK_WAIT_MS 10000
#define STOP_MS      5000 /* for the channels together: they end by themselves, too */

struct disconnect_opts {
	bool purge;
	bool force;
};

enum revocation { REVOKED, NOTHING_TO_REVOKE, SHARED, NOT_REVOKED };

/* The stored refresh token, else the access token: revoking either ends the whole grant. */
static int load_token(struct cmd_context *cx, const struct account *a, char **out, struct err *err)
{
	static const char *const fields[] = {"refresh_token", "access_token"};

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
		    account_unseal(box, a, fields[i], &sealed, &plain, err))
			return -1;
		*out = xstrdup(plain.buf);
		return 0;
	}
	return err_set(err, ERR_NOT_FOUND, "account '%s' holds no token", a->name);
}

static bool is_grant(const struct account *a)
{
	/* A service account has no grant of the user's:
	 * its key is withdrawn in Google's console. */
	if (a->auth && !strcmp(a->auth, "service_account"))
		return false;
	/* Google has said of this very token that it knows it no more (only then is the account in
	 * this state: google/token.c, T2), and hears nothing of it again. */
	return a->state != ACCOUNT_REAUTH_REQUIRED;
}

/* A login that does not open now, as its key is away, may be revoked later: it is not thrown away
 * for that. */
static int check_readable(struct cmd_context *cx, const struct account *a, struct err *err)
{
	AUTO(secret_wipe_str) char *token = NULL;

	if (!is_grant(a) || !load_token(cx, a, &token, err) || err->code == ERR_NOT_FOUND)
		return 0;
	return err_wrap(err,
			"account '%s' stays as it is, for its login cannot be read, and so not be "
			"revoked; mend that, or forget the login with --force",
			a->name);
}

/* shared_with  whose logins would end, too; NULL = nobody's */
static enum revocation revoke_login(struct cmd_context *cx, const struct account *a,
				    const struct json_object *shared_with, struct err *err)
{
	AUTO(secret_wipe_str) char *token = NULL;
	struct transport *t;

	if (!is_grant(a))
		return NOTHING_TO_REVOKE;
	if (shared_with && a->state == ACCOUNT_CONNECTED)
		return SHARED;
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

/* --- push channels ------------------------------------------------------------------------- */

/* While the login still is one. Best effort: r->stop_err says why some are left. */
static void stop_channels(struct cmd_context *cx, const struct account *a,
			  const struct channel_list *channels, struct channels_result *r)
{
	static const struct channels_options o = {.push = PUSH_END_ALL,
						  .wait_ms = LOCK_WAIT_MS,
						  .patience = GOOGLE_ONCE,
						  .deadline_ms = STOP_MS};
	struct err err;

	if (!channels->count || a->state != ACCOUNT_CONNECTED)
		return;
	if (push_run(cx, a, &o, r, &err))
		r->stop_err = err;
	/* A login that Google knows no more can stop nothing, as it cannot be revoked. */
	if (r->stop_err.code == ERR_TOKEN_EXPIRED)
		r->stop_err = (struct err){0};
}

/* In the transaction that forgets the login: with it goes the means to stop them. */
static int forget_channels(struct cmd_context *cx, const struct channel_list *channels,
			   struct err *err)
{
	for (size_t i = 0; i < channels->count; i++)
		if (store_channel_remove(cx->store, channels->items[i].id, err))
			return -1;
	return 0;
}

/* What comes over them from now on is refused. */
static void forget_at_webhook(struct cmd_context *cx, const struct channel_list *channels)
{
	AUTO(free) char *path = cmd_webhook_db_path(cx);
	AUTO(hook_close) struct hook *hook = NULL;
	struct err err;

	if (!channels->count)
		return;
	if (hook_open(path, false, &hook, &err)) {
		if (err.code == ERR_NOT_FOUND)
			return;
		goto failed;
	}
	for (size_t i = 0; i < channels->count; i++)
		if (hook_channel_remove(hook, channels->items[i].id, &err))
			goto failed;
	return;
failed:
	log_warn("disconnect",
		 "the webhook forgets the channels at the next 'calsync "
		 "renew-watches': %s, ignoring",
		 err.msg);
}

/* --- all of it ----------------------------------------------------------------------------- */

static int forget_steps(struct cmd_context *cx, struct account *a, bool purge,
			const struct channel_list *channels, struct err *err)
{
	if (purge)
		return store_account_remove(cx->store, a->id, err);
	a->state = ACCOUNT_DISCONNECTED;
	a->token_expires_ms = 0;
	a->not_before_ms = 0;
	if (store_secret_delete(cx->store, a->id, NULL, err) || forget_channels(cx, channels, err))
		return -1;
	return store_account_update(cx->store, a, err);
}

static int forget(struct cmd_context *cx, struct account *a, bool purge,
		  const struct channel_list *channels, struct err *err)
{
	if (store_begin(cx->store, err))
		return -1;
	if (!forget_steps(cx, a, purge, channels, err))
		return store_commit(cx->store, err);
	store_rollback(cx->store);
	return -1;
}

static const char *const revocation_words[] = {[REVOKED] = "revoked",
					       [NOTHING_TO_REVOKE] = "nothing",
					       [SHARED] = "shared",
					       [NOT_REVOKED] = "failed"};

struct ending {
	enum revocation revocation;
	struct err problem;              /* why it was not revoked */
	struct json_object *shared_with; /* names of accounts with the same grant; NULL = none */
	struct channels_result channels;
};

static void ending_release(struct ending *e)
{
	json_object_put(e->shared_with);
	channels_result_release(&e->channels);
}
DEFINE_AUTO_VALUE(struct ending, ending_release)

static bool is_whole(const struct ending *e)
{
	return e->revocation != NOT_REVOKED && e->channels.stop_err.code == ERR_NONE;
}

static void print_json(struct cmd_context *cx, const struct account *a, const struct ending *e,
		       bool purged)
{
	struct json_object *answer = json_object_new_object();

	json_set_bool(answer, "success", is_whole(e));
	json_set(answer, "account", json_account(a));
	json_set_str(answer, "revocation", revocation_words[e->revocation]);
	if (e->revocation == SHARED)
		json_set(answer, "sharedWith", json_object_get(e->shared_with));
	json_set_int(answer, "channelsStopped", e->channels.stopped);
	json_set_bool(answer, "purged", purged);
	if (!is_whole(e))
		json_set(answer, "error",
			 sync_error_json(e->revocation == NOT_REVOKED ? &e->problem
								      : &e->channels.stop_err));
	out_json(cx, answer);
}

static void tell_failures(const struct ending *e)
{
	if (e->channels.stop_err.code != ERR_NONE)
		log_error("disconnect",
			  "not every push channel could be stopped (%s): what comes over them is "
			  "refused, and they end by themselves within a week",
			  e->channels.stop_err.msg);
	if (e->revocation == NOT_REVOKED)
		log_error("disconnect",
			  "the secrets are forgotten here, but Google could not be told to revoke "
			  "the login (%s); revoke it at https://myaccount.google.com/connections",
			  e->problem.msg);
}

static void tell_shared(const struct account *a, const struct ending *e)
{
	AUTO(strbuf_release) struct strbuf names = STRBUF_INIT;

	for (size_t i = 0; i < json_object_array_length(e->shared_with); i++)
		strbuf_addf(&names, "%s'%s'", i ? ", " : "",
			    json_object_get_string(json_object_array_get_idx(e->shared_with, i)));
	log_warn("disconnect",
		 "the login of '%s' is not revoked at Google, as that would end those of the same "
		 "user and OAuth project, too (%s): the last of them that is disconnected revokes "
		 "it",
		 a->name, names.buf);
}

/* The row as it is now, if that is still the account that *a was. */
static int read_again(struct cmd_context *cx, struct account *a, struct err *err)
{
	AUTO(free) char *name = TAKE(a->name);
	int64_t id = a->id;

	account_release(a);
	if (store_account_get_id(cx->store, id, a, err))
		return err_wrap(err, "account '%s'", name);
	return 0;
}

static int end_login(struct cmd_context *cx, struct account *a, bool purge, struct ending *e,
		     struct err *err)
{
	AUTO(channel_list_release) struct channel_list channels = {0};
	AUTO(close_fd) int renewals = -1;

	if (store_channel_list(cx->store, a->id, &channels, err))
		return -1;
	/* Order matters: without the login nothing can be stopped; that may renew the token, and so
	 * may others who hold no account's lock: what Google gives them is revoked, not what it
	 * replaced. */
	stop_channels(cx, a, &channels, &e->channels);
	if (google_token_lock(cx->store, a, cx->clock, GOOGLE_TOKEN_WAIT_MS, &renewals, err) ||
	    read_again(cx, a, err) || same_user_names(cx, a, true, &e->shared_with, err))
		return -1;
	e->revocation = revoke_login(cx, a, e->shared_with, &e->problem);
	if (forget(cx, a, purge, &channels, err)) {
		if (e->revocation == REVOKED)
			err_wrap(err, "the login is revoked at Google, but not forgotten here");
		return -1;
	}
	forget_at_webhook(cx, &channels);
	return 0;
}

static int run_disconnect(struct cmd_context *cx, struct err *err)
{
	const struct disconnect_opts *o = cx->opts;
	AUTO(account_release) struct account a = {0};
	AUTO(account_lock_free) struct account_lock *lock = NULL;
	AUTO(ending_release) struct ending e = {0};
	int rc;

	if (cmd_account_named(cx, cx->argv[0], &a, err) ||
	    account_lock_take(store_path(cx->store), a.id, cx->clock, LOCK_WAIT_MS, &lock, err))
		return -1;
	/* A sync may have ended while we waited. */
	if (read_again(cx, &a, err) || (!o->force && check_readable(cx, &a, err)))
		return -1;
	rc = end_login(cx, &a, o->purge, &e, err);
	if (!rc && cx->global.json) {
		print_json(cx, &a, &e, o->purge);
	} else if (!rc) {
		AUTO(free) char *name = term_clean(a.name);

		out_note(cx, "%s is disconnected; its events %s\n", name,
			 o->purge ? "are removed" : "stay");
	}
	if (!rc && e.revocation == SHARED)
		tell_shared(&a, &e);
	if (!rc && !is_whole(&e)) {
		tell_failures(&e);
		rc = 7;
	}
	return rc;
}

static const struct option_spec options[] = {
	OPT_FLAG(0, "purge", struct disconnect_opts, purge,
		 "also remove its calendars and events from the store"),
	OPT_FLAG(0, "force", struct disconnect_opts, force,
		 "forget also a login that cannot be read, and so not be revoked"),
	OPT_END,
};

const struct cmd cmd_disconnect = {
	.name = "disconnect",
	.synopsis = "[--purge] [--force] NAME",
	.summary = "revoke a login and forget its secrets",
	.help = "Its push channels are stopped first. Events stay in the store unless --purge. "
		"When\n"
		"Google cannot be told, the secrets are forgotten all the same and the exit "
		"status\n"
		"is 7. A login whose key cannot be read is kept unless --force. A login is not "
		"revoked\n"
		"while another account of the same Google user and OAuth project would end with "
		"it.\n",
	.options = options,
	.opts_size = sizeof(struct disconnect_opts),
	.needs = NEEDS_STORE_OPTIONAL,
	.min_args = 1,
	.max_args = 1,
	.arg = "ACCOUNT",
	.run = run_disconnect,
};
