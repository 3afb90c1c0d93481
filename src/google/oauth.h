/*
 * OAuth 2.0 at Google's endpoints: installed apps with a loopback redirect (RFC 8252) and PKCE
 * (RFC 7636), refresh, revocation, service accounts (RFC 7523).
 *
 * base_url "" means Google: accounts.google.com, oauth2.googleapis.com, www.googleapis.com; else
 * all of them live below it (/o/oauth2/v2/auth, /token, /revoke, /calendar/v3, /batch/calendar/v3).
 * Tokens in these structs are secrets: released with oauth_token_release(), which wipes them.
 */
#ifndef GOOGLE_OAUTH_H
#define GOOGLE_OAUTH_H

#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"
#include "google/transport.h"

#define OAUTH_SCOPES_WRITE                                 \
	"https://www.googleapis.com/auth/calendar.events " \
	"https://www.googleapis.com/auth/calendar.calendarlist.readonly"
#define OAUTH_SCOPES_READ                                           \
	"https://www.googleapis.com/auth/calendar.events.readonly " \
	"https://www.googleapis.com/auth/calendar.calendarlist.readonly"

struct oauth_client {
	char *id;
	char *secret;       /* NULL = none */
	bool web;           /* of a web application: answered at its own addresses only */
	char *redirect_uri; /* the first on this machine; NULL = none, or any port will do */
};
void oauth_client_release(struct oauth_client *c);
/* Google's client_secret.json, key "installed" or "web". ERR_USAGE / ERR_INVALID. */
int oauth_client_load(const char *path, struct oauth_client *out, struct err *err);

struct oauth_token {
	char *access_token;
	char *refresh_token;          /* NULL = the answer held none: keep the old one */
	char *scope;                  /* as granted; NULL = not said */
	int64_t expires_ms;           /* clock time */
	int64_t refresh_expires_in_s; /* 0 = unlimited; 7 days: a consent screen in Testing */
	int64_t skew_ms;              /* Google's clock minus ours; also of a refusal */
};
void oauth_token_release(struct oauth_token *t);

/* The three endpoints. Caller frees. */
char *oauth_auth_url(const char *base_url);
char *oauth_token_url(const char *base_url);
char *oauth_revoke_url(const char *base_url);
char *oauth_api_url(const char *base_url); /* ".../calendar/v3/" */
char *oauth_batch_url(const char *base_url);

/*
 * A browser login. begin() makes verifier, challenge and state and the URL to open; the redirect
 * comes to redirect_uri; finish() checks the answer's query against it and trades the code.
 */
struct oauth_login {
	char *url; /* to open in a browser */
	char *redirect_uri;
	char *state;    /* 256 random bits */
	char *verifier; /* secret */
};
int oauth_login_begin(const char *base_url, const struct oauth_client *client,
		      const char *redirect_uri, const char *scopes, const char *login_hint,
		      struct oauth_login *out, struct err *err);
void oauth_login_release(struct oauth_login *l);
/* query: what follows '?' of the redirect, or the whole redirected URL. ERR_INVALID when state does
 * not match, ERR_NOT_CONNECTED (reason access_denied) when the user refused. */
int oauth_login_finish(struct transport *t, struct clock *clock, const char *base_url,
		       const struct oauth_client *client, const struct oauth_login *login,
		       const char *query, struct oauth_token *out, struct err *err);

/* Errors: ERR_TOKEN_EXPIRED (invalid_grant: permanent, reason set), ERR_GOOGLE (invalid_client and
 * other refusals), ERR_NETWORK (also 5xx), ERR_RATE_LIMITED. */
int oauth_refresh(struct transport *t, struct clock *clock, const char *base_url,
		  const struct oauth_client *client, const char *refresh_token,
		  struct oauth_token *out, struct err *err);
int oauth_revoke(struct transport *t, const char *base_url, const char *token, struct err *err);
/* key_json: the service account's key file; signs a JWT with RS256 and trades it. */
int oauth_service_account(struct transport *t, struct clock *clock, const char *base_url,
			  const char *key_json, size_t key_len, const char *subject,
			  const char *scopes, struct oauth_token *out, struct err *err);

DEFINE_AUTO_VALUE(struct oauth_client, oauth_client_release)
DEFINE_AUTO_VALUE(struct oauth_token, oauth_token_release)
DEFINE_AUTO_VALUE(struct oauth_login, oauth_login_release)

#endif
