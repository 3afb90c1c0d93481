/*
 * The bearer token: read from the store, renewed before it ends, and the login's end noticed once.
 *
 * T1  A refresh token that Google sends is committed before anything is sent with the access token
 *     that came with it.
 * T2  The account goes to reauth_required only while the store still holds the refresh token that
 *     Google refused, checked in the transaction that writes the state: another process may have
 *     put a newer one there.
 * T3  Once that happened nothing is sent any more, by this process or a later one: the account's row
 *     is read before each request. Nor is anything once the account was disconnected, or another
 *     login took its place.
 * T4  Of all processes on the store one at a time asks for a new token of an account. Whoever
 *     waited for it takes what the other got. The lock is held for the one request and for storing
 *     its answer, and goes with its holder. A new login, the end of one and a change of the key hold it,
 *     too.
 * T5  What Google answers is written only over what it was asked with, checked in the transaction
 *     that writes it: the store's key is still ours, and the login that was shown still stored.
 *     Else the answer is dropped.
 */
#include "google/internal.h"

#include <string.h>

#include "base/lock.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "store/account_seal.h"

#include "base/banned.h"

#define MARGIN_MS (5 * 60 * 1000)

/* Where in the lock file the tokens are (base/lock.h). */
#define TOKEN_LOCKS (INT64_C(1) << 40)

/* What Google is shown for a token. */
struct grant {
	const char *field; /* of the account's secrets */
	const char *value;
};

int token_expired(const struct google *g, struct err *err)
{
	struct err was = *err;

	account_must_reconnect(g->account.name, err);
	err->http_status = was.http_status;
	memcpy(err->reason, was.reason, sizeof(err->reason));
	return -1;
}

/* --- the store's side -------------------------------------------------------------------- */

/* A box is opened once, when a command begins. */
static int check_key(const struct google *g, struct err *err)
{
	AUTO(free) char *check = NULL;

	if (store_meta_get(g->o.store, KEY_CHECK, &check, err))
		return -1;
	if (!check || secret_box_is_known_by(g->o.box, check))
		return 0;
	return err_set(err, ERR_SECRET,
		       "the key that seals the logins was changed while this command ran; run it "
		       "again");
}

/* *out NULL when the store has none. */
static int load_secret(struct google *g, const char *field, char **out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf sealed = STRBUF_INIT;
	AUTO(secret_wipe_strbuf) struct strbuf plain = STRBUF_INIT;

	if (store_secret_get(g->o.store, g->account.id, field, &sealed, err)) {
		if (err->code != ERR_NOT_FOUND)
			return -1;
		*out = NULL;
		return 0;
	}
	if (account_unseal(g->o.box, &g->account, field, &sealed, &plain, err)) {
		struct err other_key;

		if (check_key(g, &other_key))
			*err = other_key;
		return -1;
	}
	*out = strbuf_detach(&plain);
	return 0;
}

static int is_stored(struct google *g, const struct grant *asked, bool *out, struct err *err)
{
	AUTO(secret_wipe_str) char *stored = NULL;

	if (load_secret(g, asked->field, &stored, err))
		return -1;
	*out = stored && !strcmp(stored, asked->value);
	return 0;
}

static int save_secret(struct google *g, const char *field, const char *value, struct err *err)
{
	AUTO(strbuf_release) struct strbuf sealed = STRBUF_INIT;

	if (account_seal(g->o.box, &g->account, field, value, strlen(value), &sealed, err))
		return -1;
	return store_secret_put(g->o.store, g->account.id, field, sealed.buf, sealed.len, err);
}

int google_row(struct google *g, struct account *out, struct err *err)
{
	if (store_account_get_id(g->o.store, g->account.id, out, err))
		return err_wrap(err, "account '%s'", g->account.name);
	if (out->connected_ms == g->account.connected_ms)
		return 0;
	account_release(out);
	*out = (struct account){0};
	return err_set(err, ERR_NOT_CONNECTED,
		       "account '%s' was connected anew while this command ran; run it again",
		       g->account.name);
}

/* Run fn in a transaction, or in the caller's when one is open. */
static int in_transaction(struct google *g, int (*fn)(struct google *, void *, struct err *),
			  void *arg, struct err *err)
{
	if (store_in_transaction(g->o.store))
		return fn(g, arg, err);
	if (store_begin(g->o.store, err))
		return -1;
	if (fn(g, arg, err)) {
		store_rollback(g->o.store);
		return -1;
	}
	return store_commit(g->o.store, err);
}

struct renewal {
	const struct grant *asked;
	const struct oauth_token *token;
};

static int save_token(struct google *g, void *arg, struct err *err)
{
	const struct renewal *r = arg;
	const struct oauth_token *token = r->token;
	AUTO(account_release) struct account row = {0};
	bool current;

	if (google_row(g, &row, err))
		return -1;
	/* Disconnected while we asked: its secrets were forgotten, and stay so. */
	if (row.state == ACCOUNT_DISCONNECTED) {
		g->account.state = row.state;
		return account_check_state(&g->account, err);
	}
	if (check_key(g, err) || is_stored(g, r->asked, &current, err))
		return -1;
	if (!current) /* what is stored now is as good: it may pass */
		return err_set(err, ERR_NETWORK,
			       "another process has replaced the login of account '%s' meanwhile",
			       g->account.name);
	if (token->refresh_token && save_secret(g, "refresh_token", token->refresh_token, err))
		return -1;
	if (save_secret(g, "access_token", token->access_token, err))
		return -1;
	row.token_expires_ms = token->expires_ms;
	/* A process that lost the race for a rotated token may have taken the login for dead. */
	if (row.state == ACCOUNT_REAUTH_REQUIRED)
		row.state = ACCOUNT_CONNECTED;
	return store_account_update(g->o.store, &row, err);
}

struct verdict {
	const struct grant *refused; /* what got invalid_grant */
	bool told_only;              /* the login's end is not written down */
	bool dead;                   /* out */
};

static int mark_dead(struct google *g, void *arg, struct err *err)
{
	struct verdict *v = arg;
	AUTO(account_release) struct account row = {0};

	if (google_row(g, &row, err))
		return -1;
	if (row.state == ACCOUNT_DISCONNECTED) {
		g->account.state = row.state;
		return account_check_state(&g->account, err);
	}
	if (is_stored(g, v->refused, &v->dead, err))
		return -1;
	if (!v->dead)
		return 0;
	row.state = ACCOUNT_REAUTH_REQUIRED;
	row.token_expires_ms = 0;
	return v->told_only ? 0 : store_account_update(g->o.store, &row, err);
}

/* --- the token in memory ----------------------------------------------------------------- */

static void keep(struct google *g, char **token_take, int64_t expires_ms, int64_t lifetime_ms)
{
	secret_wipe_str(&g->access_token);
	g->access_token = TAKE(*token_take);
	g->expires_ms = expires_ms;
	g->lifetime_ms = lifetime_ms;
}

/* Five minutes left, or a tenth of its life for a short-lived one. */
static bool is_fresh(const struct google *g)
{
	int64_t margin = MARGIN_MS;

	if (!g->access_token)
		return false;
	if (g->lifetime_ms && g->lifetime_ms / 10 < margin)
		margin = g->lifetime_ms / 10;
	return g->expires_ms - clock_now_ms(g->o.clock) > margin;
}

/* The row as it is now: another process may have found the login dead, or ended it. */
static int live_row(struct google *g, struct account *out, struct err *err)
{
	if (google_row(g, out, err))
		return -1;
	g->account.state = out->state;
	return account_check_state(&g->account, err);
}

/* The token as the store knows it now: another process may have renewed it. *out_new: whether it
 * holds another one than ours and the rejected one, which is ours then. */
static int reload(struct google *g, const char *rejected, bool *out_new, struct err *err)
{
	AUTO(account_release) struct account row = {0};
	AUTO(secret_wipe_str) char *token = NULL;
	struct err closed;

	*out_new = false;
	if (live_row(g, &row, err))
		return -1;
	if (!row.token_expires_ms)
		return 0;
	if (load_secret(g, "access_token", &token, &closed)) {
		if (closed.code == ERR_SECRET) {
			/* It is renewed; if it is the key that is wrong, nothing else opens. */
			log_debug("google", "account %lld: %s", (long long)g->account.id,
				  closed.msg);
			return 0;
		}
		*err = closed;
		return -1;
	}
	if (!token || (rejected && !strcmp(token, rejected)) ||
	    (g->access_token && !strcmp(token, g->access_token)))
		return 0;
	keep(g, &token, row.token_expires_ms, 0);
	*out_new = true;
	return 0;
}

static bool is_usable(const struct google *g, const char *rejected)
{
	return is_fresh(g) && !(rejected && !strcmp(g->access_token, rejected));
}

/* --- renewing ---------------------------------------------------------------------------- */

static int accept_token(struct google *g, const struct grant *asked, struct oauth_token *token,
			struct err *err)
{
	struct renewal renewal = {.asked = asked, .token = token};
	int64_t lifetime = token->expires_ms - clock_now_ms(g->o.clock);

	/* Order matters (T1): on disk first, then in use. */
	if ((token->refresh_token || !g->o.no_writes) &&
	    in_transaction(g, save_token, &renewal, err))
		return err->code == ERR_STORE ? err_wrap(err, "the renewed token cannot be saved")
					      : -1;
	g->account.state = ACCOUNT_CONNECTED;
	keep(g, &token->access_token, token->expires_ms, lifetime > 0 ? lifetime : 1);
	log_debug("google", "account %lld: token renewed, good for %lld s",
		  (long long)g->account.id, (long long)lifetime / 1000);
	return 0;
}

/* After invalid_grant: 0 when the store holds another login that is worth a try. */
static int refused(struct google *g, const struct grant *asked, struct err *err)
{
	struct verdict v = {.refused = asked, .told_only = g->o.no_writes};
	struct err trouble;

	if (in_transaction(g, mark_dead, &v, &trouble)) {
		*err = trouble;
		return -1;
	}
	if (!v.dead)
		return 0;
	g->account.state = ACCOUNT_REAUTH_REQUIRED;
	secret_wipe_str(&g->access_token);
	log_debug("google", "account %lld: connected -> reauth_required", (long long)g->account.id);
	return token_expired(g, err);
}

static int lacks(const struct google *g, const char *what, struct err *err)
{
	AUTO(free) char *word = account_word(g->account.name);

	return err_set(err, ERR_NOT_CONNECTED,
		       "account '%s' has no %s in the store; run: calsync connect %s",
		       g->account.name, what, word);
}

static int renew_service_account(struct google *g, struct err *err)
{
	AUTO(secret_wipe_str) char *key = NULL;
	AUTO(oauth_token_release) struct oauth_token token = {0};
	struct grant asked = {.field = "service_account_key"};

	if (load_secret(g, asked.field, &key, err))
		return -1;
	if (!key)
		return lacks(g, "key", err);
	asked.value = key;
	if (oauth_service_account(&g->counted, g->o.clock, g->account.base_url, key, strlen(key),
				  g->account.subject, g->account.scopes, &token, err)) {
		if (err->code != ERR_TOKEN_EXPIRED || refused(g, &asked, err))
			return -1;
		return token_expired(g, err); /* the other key is the next run's */
	}
	return accept_token(g, &asked, &token, err);
}

static int renew_installed(struct google *g, struct err *err)
{
	struct oauth_client client = {.id = g->account.client_id};
	AUTO(secret_wipe_str) char *secret = NULL;

	if (!client.id)
		return lacks(g, "OAuth client", err);
	if (load_secret(g, "client_secret", &secret, err))
		return -1;
	client.secret = secret;
	for (int tries = 0;; tries++) {
		AUTO(secret_wipe_str) char *refresh = NULL;
		AUTO(oauth_token_release) struct oauth_token token = {0};
		struct grant asked = {.field = "refresh_token"};

		if (load_secret(g, asked.field, &refresh, err))
			return -1;
		if (!refresh)
			return lacks(g, "login", err);
		asked.value = refresh;
		if (!oauth_refresh(&g->counted, g->o.clock, g->account.base_url, &client, refresh,
				   &token, err))
			return accept_token(g, &asked, &token, err);
		if (err->code != ERR_TOKEN_EXPIRED || refused(g, &asked, err))
			return -1;
		/* Replaced once more while we asked with the second one:
		 * leave it to the next run. */
		if (tries)
			return token_expired(g, err);
	}
}

int google_token_lock(const struct store *s, const struct account *a, struct clock *clock,
		      int64_t wait_ms, int *out_fd, struct err *err)
{
	AUTO(free) char *path = lock_path(store_path(s));
	int64_t start = a ? TOKEN_LOCKS + a->id : TOKEN_LOCKS, len = a ? 1 : TOKEN_LOCKS;

	if (!lock_take(path, start, len, clock, wait_ms, out_fd, err))
		return 0;
	if (err->code != ERR_LOCKED)
		return -1;
	return err_set(err, ERR_LOCKED,
		       "another process is renewing the login of %s%s%s and has not finished",
		       a ? "account '" : "an account", a ? a->name : "", a ? "'" : "");
}

static int lock_renewal(const struct google *g, int *out_fd, struct err *err)
{
	struct clock *clock = g->o.clock;
	int64_t wait_ms = GOOGLE_TOKEN_WAIT_MS, left = g->o.deadline_ms - clock->mono_ms(clock);

	/* The other one needs the write lock that we hold to store what it gets. */
	if (store_in_transaction(g->o.store))
		wait_ms = 0;
	else if (g->o.deadline_ms && left < wait_ms)
		wait_ms = left > 0 ? left : 0;
	if (!google_token_lock(g->o.store, &g->account, clock, wait_ms, out_fd, err))
		return 0;
	/* Not without it: of two that send the same refresh token, one loses what Google gives in
	 * its place. It will pass, like an answer that takes too long. */
	if (err->code == ERR_LOCKED)
		err->code = ERR_NETWORK;
	return -1;
}

static int renew(struct google *g, const char *rejected, struct err *err)
{
	AUTO(close_fd) int lock = -1;
	bool is_new;

	/* Order matters (T4): what another process got while we waited is there now. */
	if (lock_renewal(g, &lock, err) || reload(g, rejected, &is_new, err))
		return -1;
	if (is_new) /* moments ago: that is its life */
		g->lifetime_ms = g->expires_ms - clock_now_ms(g->o.clock);
	if (is_usable(g, rejected))
		return 0;
	if (!strcmp(g->account.auth, "service_account"))
		return renew_service_account(g, err);
	return renew_installed(g, err);
}

int token_ensure(struct google *g, const char *rejected, struct err *err)
{
	AUTO(account_release) struct account row = {0};
	bool is_new;

	if (g->unstored)
		return rejected ? err_set(err, ERR_TOKEN_EXPIRED,
					  "Google refuses the access token that it has just given")
				: 0;
	if (live_row(g, &row, err))
		return -1;
	if (!rejected && is_fresh(g))
		return 0;
	if (reload(g, rejected, &is_new, err))
		return -1;
	return is_usable(g, rejected) ? 0 : renew(g, rejected, err);
}
