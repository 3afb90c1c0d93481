/*
 * The parts of `calsync connect`: connect_login.c gets tokens and proves that they work, without
 * a store; connect_save.c puts them into the store, all or nothing; connect.c is the command.
 */
#ifndef CMD_CONNECT_H
#define CMD_CONNECT_H

#include "cmd/context.h"
#include "google/oauth.h"
#include "web/loopback.h"

struct connect_opts {
	const char *client_secrets, *service_account, *subject, *calendars;
	bool no_browser, read_only, refresh_token_stdin, force;
};

/* One attempt. Everything is owned and wiped by connect_release(). */
struct connect {
	const struct connect_opts *opts;
	const char *name;        /* as given; NULL = the address */
	struct account existing; /* the account to be repaired; id 0 = a new one */
	char *base_url;
	bool read_only;
	const char *scopes; /* asked for; static */

	/* Filled by the login: */
	struct oauth_client client;   /* installed */
	struct oauth_token token;     /* with a refresh token unless a service account's */
	char *service_key;            /* secret; NULL = installed */
	char *granted;                /* scopes */
	char *email;                  /* whose calendars these are: the primary calendar's id */
	int64_t refresh_expires_in_s; /* 0 = unlimited */
	struct loopback *loopback;    /* the browser that waits for its page; NULL = none */

	/* Filled by connect_save(): */
	struct json_object *cut_off; /* names of accounts whose key --force replaced; NULL = none */
};
void connect_release(struct connect *c);

/* Tokens of one host are not mixed with another's: ERR_USAGE unless a is of c's, or --force. */
int connect_same_host(const struct connect *c, const struct account *a, struct err *err);

/*
 * Get tokens as the options say, check the granted scopes, refresh once, and ask Google whose
 * primary calendar they open. Nothing is written.
 */
int connect_login(struct cmd_context *cx, struct connect *c, struct err *err);

/*
 * Fetch the list of calendars with the new login; only then store account, calendars and secrets,
 * the latter read back through the key's provider, in one transaction. Whoever fails or is killed
 * before its end has changed nothing, and an account that was connected works on.
 */
int connect_save(struct cmd_context *cx, struct connect *c, struct account *out, struct err *err);

/* Open the consent page in a browser: $BROWSER, else xdg-open. Errors: ERR_FAILED. */
int browser_open(const char *url, struct err *err);
/* Whether there is a browser to open: $BROWSER, or a desktop. */
bool browser_likely(void);

DEFINE_AUTO_VALUE(struct connect, connect_release)

#endif
