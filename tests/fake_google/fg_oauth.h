/* What the three OAuth files share: fg_oauth.c (tokens), fg_consent.c, fg_jwt.c. */
#ifndef FG_OAUTH_H
#define FG_OAUTH_H

#include "fg_edge.h"

struct fg_client {
	const char *id, *secret;
	const char *redirect_uri; /* the registered one of a web client; NULL = installed */
};
extern const struct fg_client fg_clients[];             /* ends with a row of NULLs */
const struct fg_client *fg_client_find(const char *id); /* NULL when there is none */

/* What the consent page was asked for; once allowed, what the code stands for. */
struct fg_consent {
	char *id; /* owned, all of these: the page's request id, later the code */
	const struct fg_client *client;
	char *redirect_uri;
	char *state;     /* NULL = none sent */
	char *challenge; /* NULL = no PKCE */
	bool s256;       /* else plain */
	bool offline;    /* a web client gets a refresh token */
	bool reconsent;  /* prompt=consent */
	uint32_t scopes;
	struct fg_account *account; /* NULL until allowed */
	int64_t expires_ms;
	bool used;
};

struct fg_access {
	char *token; /* owned */
	struct fg_account *account;
	char *client_id; /* owned */
	uint32_t scopes;
	int64_t expires_ms;
};

struct fg_refresh {
	char *token; /* owned */
	struct fg_account *account;
	const struct fg_client *client;
	uint32_t scopes;
	int64_t used_ms;    /* last use: six idle months kill it */
	int64_t expires_ms; /* 0 = never by itself */
	bool dead;          /* revoked, replaced or one too many */
};

struct fg_oauth_state {
	FG_LIST(struct fg_consent) pages;
	FG_LIST(struct fg_consent) codes;
	FG_LIST(struct fg_access) access;
	FG_LIST(struct fg_refresh) refresh;
};

void fg_consent_release(struct fg_consent *c);
int fg_consent_page(struct fg_call *call);
int fg_consent_decision(struct fg_call *call);

/* The JWT bearer grant at /token. form: the request's parameters. */
int fg_jwt_grant(struct fg_call *call, const struct fg_param *form, size_t count);

/* A token or code of n random characters behind prefix and the configured mark. The caller's. */
char *fg_oauth_new_token(struct fg *fg, const char *prefix, size_t n);
const char *fg_oauth_issue(struct fg *fg, struct fg_account *account, const char *client_id,
			   uint32_t scopes); /* a new access token; borrowed */

/* base64url without padding. _decode: NULL when it is none; NUL-terminated; the caller's. */
char *fg_base64url(const void *data, size_t len);
unsigned char *fg_base64url_decode(const char *s, size_t len, size_t *out_len);

#endif
