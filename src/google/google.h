/*
 * One account's connection to Google: a bearer token that renews itself, a rate limit, and
 * requests with their errors sorted by what to do about them.
 *
 * Tokens are sealed in the store; only the code below and oauth.c ever see them in the clear.
 */
#ifndef GOOGLE_GOOGLE_H
#define GOOGLE_GOOGLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/json.h"
#include "google/transport.h"
#include "secret/secret.h"
#include "store/store.h"

struct google; /* one account, one thread */

enum google_patience {
	GOOGLE_PATIENT, /* backoff and retries until the deadline (sync) */
	/* What fails is asked for again by itself, and others wait behind it (the queue): one more
	 * try within a second, and nobody's Retry-After is slept through. */
	GOOGLE_BRISK,
	/* One try, no backoff (event add|edit|rm), all of it before the deadline; a 401 still
	 * refreshes once, and the rate limit may hold a request back for up to a second. */
	GOOGLE_ONCE,
};

struct google_options {
	struct transport *transport; /* borrowed */
	struct clock *clock;         /* borrowed */
	struct store *store;         /* borrowed; tokens and not_before_ms are written through it */
	struct secret_box *box;      /* borrowed */
	/* Of a login that is not in the store yet, nor need its account be: what the store holds
	 * under that name is neither asked nor changed (no_writes is implied), and when Google
	 * refuses it that is the end. Borrowed for google_new() alone. NULL = none. */
	const char *access_token;
	enum google_patience patience;
	long timeout_ms;     /* per request; 0 = the transport's default */
	int64_t deadline_ms; /* clock mono_ms after which nothing is tried again; 0 = none */
	/* Nothing is written to the store: a renewed token is used and forgotten, a dead login only
	 * told. But a refresh token that Google replaced is kept, as the old one may be void. */
	bool no_writes;
	/* Quota units a minute for all accounts of the store with the same OAuth client;
	 * 0 = 10,000. */
	int64_t project_units;
};

/* account is copied; its base_url decides the host, for the API and the token endpoint alike. */
int google_new(const struct account *account, const struct google_options *options,
	       struct google **out, struct err *err);
void google_free(struct google *g); /* gives back what google_return_units() did not */
/*
 * Keep everybody from renewing the account's token, as whoever renews it does: for a change of the
 * login, or of the key that seals it. An answer of Google's that is under way is stored before.
 * Whoever holds that of all accounts holds all of their own locks before (sync/lock.h).
 *
 * a        NULL = all accounts
 * wait_ms  GOOGLE_TOKEN_WAIT_MS: a little more than one renewal may take
 * out_fd   closing it lets go
 * Errors   ERR_LOCKED, ERR_STORE
 */
#define GOOGLE_TOKEN_WAIT_MS 35000
int google_token_lock(const struct store *s, const struct account *a, struct clock *clock,
		      int64_t wait_ms, int *out_fd, struct err *err);
/* Give back quota that was leased and not used: for the last transaction of a run, or by itself. */
int google_return_units(struct google *g, struct err *err);

/* HTTP requests sent so far, token requests included; a batch is one. */
int64_t google_requests(const struct google *g);
/* Google's clock minus ours in ms, from the last Date header; 0 before the first answer. */
int64_t google_clock_skew_ms(const struct google *g);
/* Of the last call or batch: whether a try before the one that was answered got no answer, and may
 * have been carried out. */
bool google_was_unsure(const struct google *g);
/* ACCOUNT_REAUTH_REQUIRED after invalid_grant (also written to the store). */
enum account_state google_account_state(const struct google *g);

struct gcall {
	const char *method;
	const char *path;         /* encoded, below /calendar/v3/, with its query */
	struct json_object *body; /* NULL = none; borrowed */
	const char *if_match;     /* etag with its quotes; NULL = none */
	/* The answer may be damaged in parts, which base/salvage.h then leaves out: of the elements
	 * of the list of this name; "" = of the answer itself. NULL = it must be whole. */
	const char *salvage;
};

/*
 * Send one call; renew the token when it is about to expire, once more on a 401; retry with
 * truncated exponential backoff and full jitter what may pass (network, 5xx, 429, 403 with a
 * usageLimits reason, 409 conflict), never sooner than Retry-After; stay below 10 requests a second
 * and 600 quota units a minute (a patch costs three, a batch what its parts cost), and, with all
 * other processes on the store, below the user's and the project's units a minute. A Retry-After
 * that the call does not wait for is kept in the account's not_before_ms.
 *
 * out     the JSON answer, caller's; NULL for 204. May be NULL when it is not wanted.
 * Errors  ERR_TOKEN_EXPIRED, ERR_NETWORK (also 5xx, 409 conflict, and 2xx that is no JSON: whether
 *         a write was carried out is not known then), ERR_RATE_LIMITED, ERR_FULL_SYNC (410
 *         fullSyncRequired / updatedMinTooLongAgo), ERR_GONE (410 deleted), ERR_NOT_FOUND (404),
 *         ERR_DUPLICATE (409 duplicate), ERR_PRECONDITION (412), ERR_FORBIDDEN (other 403),
 *         ERR_GOOGLE (other 4xx), ERR_INVALID (path or etag not fit for a request),
 *         ERR_NOT_CONNECTED, ERR_STORE, ERR_SECRET. err->http_status, err->reason and
 *         err->retry_after are set from the answer; msg holds Google's words.
 */
int google_call(struct google *g, const struct gcall *call, struct json_object **out,
		struct err *err);

struct gresult {
	int status;               /* of the part; 0 = no answer for it (connection lost) */
	struct json_object *json; /* answer of a good part; owned; NULL for 204 */
	struct err err; /* code ERR_NONE when the part was good; same codes as google_call */
};
void gresult_release(struct gresult *r);

#define GOOGLE_BATCH_MAX 50

/*
 * Send up to GOOGLE_BATCH_MAX independent calls as one multipart/mixed request. Results come by
 * Content-ID in the order of calls; parts are not retried here. results[i] is filled for every i
 * when 0 is returned; -1 means that nothing is known of any part (err as google_call).
 */
int google_batch(struct google *g, const struct gcall *calls, size_t count, struct gresult *results,
		 struct err *err);

DEFINE_AUTO(struct google, google_free)

#endif
