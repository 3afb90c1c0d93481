/*
 * What google.c (requests, retries), token.c (the bearer token) and batch.c share.
 *
 *   google_call, google_batch
 *        -> google_send       waits, retries, renews on a 401
 *             -> token_ensure   store, or the token endpoint
 *             -> google_exchange   counts, stays below the rates, reads the Date header
 *                  -> budget_take    the store's, which all processes share
 */
#ifndef GOOGLE_INTERNAL_H
#define GOOGLE_INTERNAL_H

#include "google/google.h"
#include "google/oauth.h"
#include "google/oauth_internal.h"
#include "google/ratelimit.h"

struct google {
	struct transport counted; /* first: google_exchange() gets it and finds the whole */
	struct google_options o;
	struct account account; /* our copy of id, name, state, base_url, auth, ... */
	char *api_url, *batch_url;
	char *quota_user;      /* whom Google shall charge; NULL = whose token it is */
	char *access_token;    /* secret; NULL = not read yet */
	bool unstored;         /* that is all there is of the login: options.access_token */
	int64_t expires_ms;    /* of access_token */
	int64_t lifetime_ms;   /* of access_token when it was new; 0 = not known */
	int64_t not_before_ms; /* no request before (Retry-After of a run before) */
	int64_t requests;
	int64_t skew_ms;
	struct ratelimit rate;
	int units;   /* quota that the exchange under way costs */
	bool unsure; /* google_was_unsure() */
	struct rate_lease lease;
};

/* Units of the budget that all processes share. *out_wait_ms: 0 = they are taken, else how long to
 * wait before asking again. */
int budget_take(struct google *g, int units, int64_t *out_wait_ms, struct err *err);

/* A bearer token in g->access_token that is good for a while, of a login that is still the account's.
 * rejected: the one that Google just refused with 401, or NULL. Errors: ERR_TOKEN_EXPIRED,
 * ERR_NOT_CONNECTED, and those of a try that may pass. Retries nothing. */
int token_ensure(struct google *g, const char *rejected, struct err *err);
/* The account's row as it is now. ERR_NOT_FOUND when it is gone; ERR_NOT_CONNECTED when another
 * login has taken its place since google_new(). */
int google_row(struct google *g, struct account *out, struct err *err);
/* "Calendar token expired. ..." ending with the command that repairs it; http_status and reason as
 * in err before. */
int token_expired(const struct google *g, struct err *err);

struct send { /* a request that google_send() may repeat */
	const char *method;
	const char *url;
	const char *content_type; /* of body */
	const char *body;         /* NULL = none */
	size_t body_len;
	const char *if_match;
	int units;
	/* Read a success (2xx); -1 with ERR_GOOGLE when it is no answer of Google's. */
	int (*read)(void *arg, const struct http_response *r, struct err *err);
	void *arg;
};
int google_send(struct google *g, const struct send *s, struct err *err);

/* Units of Google's quota that a call costs. */
int google_units(const char *method);
/* Whether method, path and etag can stand in a request line and header; ERR_INVALID. */
int google_check_call(const struct gcall *call, struct err *err);
/* The JSON of a success. out NULL = not wanted, nothing is read. *out NULL for an empty answer to a
 * DELETE or a 204. salvage: as in struct gcall. */
int google_read_json(const char *method, int status, const char *body, size_t len,
		     const char *salvage, struct json_object **out, struct err *err);

/* transport exchange() of g->counted. */
int google_exchange(struct transport *t, const struct http_request *req, struct http_response *out,
		    struct err *err);

#endif
