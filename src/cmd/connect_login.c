#include "cmd/connect.h"

#include <ctype.h>
#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/term.h"
#include "base/xalloc.h"
#include "cmd/scopes.h"
#include "google/error.h"
#include "secret/secret.h"
#include "store/account_seal.h"
#include "base/banned.h"

#define LOGIN_TIMEOUT_S     300
#define LOGIN_TIMEOUT_MAX_S (24 * 60 * 60)
#define SECRET_FILE_MAX     65536

void connect_release(struct connect *c)
{
	account_release(&c->existing);
	oauth_client_release(&c->client);
	oauth_token_release(&c->token);
	secret_wipe_str(&c->service_key);
	loopback_free(c->loopback);
	free(c->base_url);
	free(c->granted);
	free(c->email);
	json_object_put(c->cut_off);
}

/* --- scopes ------------------------------------------------------------------------------ */

/* People can untick permissions on the consent page: what is missing is named. */
static int check_scopes(const char *granted, const char *asked, struct err *err)
{
	AUTO(strbuf_release) struct strbuf missing = STRBUF_INIT;

	scopes_missing(granted, asked, &missing);
	if (!missing.len)
		return 0;
	return err_set(err, ERR_NOT_CONNECTED,
		       "Google did not grant the permission %s; connect again and leave every "
		       "permission ticked",
		       missing.buf);
}

/* --- the OAuth client -------------------------------------------------------------------- */

/* *out stays NULL when the account holds no such value. */
static int stored_value(struct cmd_context *cx, const struct account *a, const char *field,
			char **out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf sealed = STRBUF_INIT;
	AUTO(secret_wipe_strbuf) struct strbuf plain = STRBUF_INIT;
	struct secret_box *box;

	if (store_secret_get(cx->store, a->id, field, &sealed, err))
		return err->code == ERR_NOT_FOUND ? 0 : -1;
	if (cmd_secret_box(cx, &box, err) || account_unseal(box, a, field, &sealed, &plain, err))
		return -1;
	*out = xstrndup(plain.buf, plain.len);
	return 0;
}

static int stored_client(struct cmd_context *cx, const struct account *a, struct oauth_client *out,
			 struct err *err)
{
	if (!stored_value(cx, a, "client_secret", &out->secret, err) &&
	    !stored_value(cx, a, "client_redirect", &out->redirect_uri, err)) {
		out->id = xstrdup(a->client_id);
		out->web = out->redirect_uri != NULL;
		return 0;
	}
	if (err->code != ERR_SECRET)
		return -1;
	/* --force was given already, or is of no use: the key is there, and seals others. */
	log_debug("connect", "%s", err->msg);
	return err_set(err, ERR_SECRET,
		       "the OAuth client of account '%s' lies in the store, but does not open; "
		       "give it again: --client-secrets FILE",
		       a->name);
}

static int find_client(struct cmd_context *cx, struct connect *c, struct err *err)
{
	const char *id = config_client_id(cx->config);

	if (c->opts->client_secrets)
		return oauth_client_load(c->opts->client_secrets, &c->client, err)
			       ? err_wrap(err, "--client-secrets")
			       : 0;
	if (id) {
		c->client.id = xstrdup(id);
		c->client.secret = xstrdup_null(config_client_secret(cx->config));
		return 0;
	}
	/* A repair needs no client again, and its secret goes to no other host than before. */
	if (c->existing.client_id && !strcmp(c->existing.base_url, c->base_url))
		return stored_client(cx, &c->existing, &c->client, err);
	return err_set(err, ERR_USAGE,
		       "no OAuth client: give --client-secrets FILE (Google's client_secret.json) "
		       "or set GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET");
}

/* --- the ways to a token ----------------------------------------------------------------- */

static int login_timeout_ms(const struct cmd_context *cx, int64_t *out, struct err *err)
{
	const char *text = config_get(cx->config, "connect.timeout");
	size_t digits = text ? strspn(text, "0123456789") : 0;
	long s = text && digits && digits < 7 && !text[digits] ? strtol(text, NULL, 10) : 0;

	if (text && (s < 1 || s > LOGIN_TIMEOUT_MAX_S))
		return err_set(err, ERR_INVALID,
			       "connect.timeout = %s: it is a number of seconds from 1 to %d", text,
			       LOGIN_TIMEOUT_MAX_S);
	*out = (text ? s : LOGIN_TIMEOUT_S) * 1000;
	return 0;
}

static bool is_made_of(const char *s, size_t len, const char *also)
{
	for (size_t i = 0; i < len; i++)
		if (!isalnum((unsigned char)s[i]) && !strchr(also, s[i]))
			return false;
	return len > 0;
}

/* "[-p PORT] USER@HOST" as this machine was reached, for a person to type elsewhere. What would
 * mean something to a shell is left for them to fill in. */
static char *ssh_target(void)
{
	const struct passwd *me = getpwuid(geteuid());
	const char *user = me ? me->pw_name : "";
	const char *connection = getenv("SSH_CONNECTION"); /* CLIENT PORT SERVER PORT */
	char host[256] = "", server[64], port[8];

	if (!is_made_of(user, strlen(user), "._-") || *user == '-')
		user = "USER";
	if (connection && sscanf(connection, "%*s %*s %63s %7s", server, port) == 2 &&
	    is_made_of(server, strlen(server), ".:") && is_made_of(port, strlen(port), ""))
		return strcmp(port, "22") ? xasprintf("-p %s %s@%s", port, user, server)
					  : xasprintf("%s@%s", user, server);
	if (gethostname(host, sizeof(host) - 1) || !is_made_of(host, strlen(host), ".-") ||
	    *host == '-')
		return xasprintf("%s@HOST", user);
	return xasprintf("%s@%s", user, host);
}

/* On stderr: stdout is for the answer. */
static void show_address(const char *url, unsigned port, bool pasting)
{
	AUTO(free) char *target = pasting ? ssh_target() : NULL;

	if (pasting)
		fprintf(stderr,
			"Open this address in a browser, on any machine:\n\n%s\n\n"
			"When you have agreed, the browser goes to an address on its own machine, "
			"port %u.\nIf that page does not load, paste its whole address here; or "
			"run "
			"this on the browser's\nmachine before you open the page:\n\n"
			"    ssh -L %u:127.0.0.1:%u %s\n\n",
			url, port, port, port, target);
	else
		fprintf(stderr,
			"Opening your browser. If nothing happens, open this address:\n\n%s\n\n",
			url);
}

/* Show the page, wait for its answer, trade the code. */
static int consent(struct cmd_context *cx, struct connect *c, struct transport *t,
		   const struct oauth_login *login, struct err *err)
{
	AUTO(secret_wipe_str) char *query = NULL;
	bool pasting = c->opts->no_browser || !browser_likely();
	struct err problem = {0};
	int64_t timeout_ms;

	if (login_timeout_ms(cx, &timeout_ms, err))
		return -1;
	if (!pasting && browser_open(login->url, &problem)) {
		log_warn("connect", "%s", problem.msg);
		pasting = true;
	}
	if (pasting || !cx->global.quiet)
		show_address(login->url, loopback_port(c->loopback), pasting);
	if (loopback_wait(c->loopback, login->state, pasting ? STDIN_FILENO : -1, timeout_ms,
			  &query, err))
		return -1;
	if (!oauth_login_finish(t, cx->clock, c->base_url, &c->client, login, query, &c->token,
				err))
		return 0;
	if (err->code == ERR_TOKEN_EXPIRED)
		return err_wrap(err, "the answer of the consent page is used up or too old; give "
				     "the same command again");
	return -1;
}

static int no_refresh_token(const struct connect *c, struct err *err)
{
	if (c->client.web)
		return err_set(err, ERR_NOT_CONNECTED,
			       "Google's answer held no refresh token: a client of type \"web\" "
			       "gets one at the first consent only; remove its access at "
			       "https://myaccount.google.com/connections and connect again, or use "
			       "a client for desktop apps");
	return err_set(err, ERR_NOT_CONNECTED,
		       "Google's answer held no refresh token; is the OAuth client one for desktop "
		       "apps? If it is, remove its access at "
		       "https://myaccount.google.com/connections and connect again");
}

static int browser_login(struct cmd_context *cx, struct connect *c, struct transport *t,
			 struct err *err)
{
	AUTO(oauth_login_release) struct oauth_login login = {0};
	const char *hint = c->existing.email                 ? c->existing.email
			   : c->name && strchr(c->name, '@') ? c->name
							     : NULL;

	if (c->client.web && !c->client.redirect_uri)
		return err_set(err, ERR_INVALID,
			       "the OAuth client is of type \"web\", and none of its redirect_uris "
			       "is on this machine; add http://127.0.0.1:8085/callback to them in "
			       "Google's console, or use a client for desktop apps");
	if (loopback_open(cx->clock, c->client.redirect_uri, &c->loopback, err) ||
	    oauth_login_begin(c->base_url, &c->client, loopback_redirect_uri(c->loopback),
			      c->scopes, hint, &login, err) ||
	    consent(cx, c, t, &login, err))
		return -1;
	return c->token.refresh_token ? 0 : no_refresh_token(c, err);
}

/* A line of stdin byte by byte, so that no other buffer keeps a copy of it; -1 when it is longer
 * than the buffer or holds a NUL. */
static int read_secret_line(char *line, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while ((n = read(STDIN_FILENO, line + len, 1)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || line[len] == '\n')
			break;
		if (!line[len] || ++len == size)
			return -1;
	}
	if (len && line[len - 1] == '\r')
		len--;
	line[len] = '\0';
	return 0;
}

/* One line of stdin: a token is never an argument, where ps would show it. */
static int imported_login(struct connect *c, struct err *err)
{
	char line[2048]; /* Google's are up to 512 bytes long */
	bool hidden = term_hide_typing();
	int r;

	if (hidden)
		fputs("Refresh token (what you type is not shown): ", stderr);
	r = read_secret_line(line, sizeof(line));
	if (hidden)
		term_show_typing();

	if (!r && *line &&
	    !line[strspn(line, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
			       "-._~+/=")])
		c->token.refresh_token = xstrdup(line);
	else if (!r && !*line)
		err_set(err, ERR_INVALID,
			"no refresh token on standard input; give it as one line, as in: calsync "
			"connect NAME --refresh-token-stdin <FILE");
	else
		err_set(err, ERR_INVALID,
			"what came on standard input is no refresh token: give one line of at most "
			"%zu bytes, without spaces",
			sizeof(line) - 1);
	secret_wipe(line, sizeof(line));
	return c->token.refresh_token ? 0 : -1;
}

static int read_key_file(const char *path, struct strbuf *out, struct err *err)
{
	if (io_read_file(path, SECRET_FILE_MAX, out, err)) {
		err->code = ERR_USAGE; /* not one of the things that exit status 5 is about */
		return err_wrap(err, "--service-account");
	}
	if (!out->len || memchr(out->buf, 0, out->len))
		return err_set(err, ERR_INVALID,
			       "'%s' is no service account's key file; make a key of type JSON in "
			       "Google's console",
			       path);
	return 0;
}

static int explain_refused_key(const struct connect *c, struct err *err)
{
	if (!strcmp(err->reason, "unauthorized_client"))
		return err_wrap(err,
				"the Workspace administrator has to delegate these scopes to the "
				"service account's client id: %s",
				c->scopes);
	if (!strcmp(err->reason, "invalid_grant"))
		return err_wrap(err,
				"check --subject, whether the key was deleted in Google's console, "
				"and this computer's clock");
	return -1;
}

static int service_login(struct cmd_context *cx, struct connect *c, struct transport *t,
			 struct err *err)
{
	AUTO(secret_wipe_strbuf) struct strbuf key = STRBUF_INIT;

	if (read_key_file(c->opts->service_account, &key, err))
		return -1;
	if (oauth_service_account(t, cx->clock, c->base_url, key.buf, key.len, c->opts->subject,
				  c->scopes, &c->token, err))
		return explain_refused_key(c, err);
	c->service_key = xstrndup(key.buf, key.len);
	c->granted = xstrdup(c->token.scope ? c->token.scope : c->scopes);
	return 0;
}

/* The login's second half: a refresh shows that it will still work in an hour. */
static int prove_refresh(struct cmd_context *cx, struct connect *c, struct transport *t,
			 struct err *err)
{
	AUTO(oauth_token_release) struct oauth_token fresh = {0};

	if (c->token.scope && check_scopes(c->token.scope, c->scopes, err))
		return -1;
	if (oauth_refresh(t, cx->clock, c->base_url, &c->client, c->token.refresh_token, &fresh,
			  err))
		return err_wrap(err,
				c->opts->refresh_token_stdin && err->code == ERR_TOKEN_EXPIRED
					? "the refresh token is revoked, expired, or of another "
					  "OAuth client; run 'calsync connect' without "
					  "--refresh-token-stdin"
					: "the new login does not work");
	c->refresh_expires_in_s = c->token.refresh_expires_in_s;
	if (!fresh.refresh_token)
		fresh.refresh_token = TAKE(c->token.refresh_token);
	if (!fresh.scope)
		fresh.scope = TAKE(c->token.scope);
	c->granted = xstrdup(fresh.scope ? fresh.scope : c->scopes);
	oauth_token_release(&c->token);
	c->token = fresh;
	memset(&fresh, 0, sizeof(fresh));
	return check_scopes(c->granted, c->scopes, err);
}

/* Whose login this is. The scopes we ask for open no profile, but the primary calendar's id is the
 * account's address. */
static int ask_identity(struct cmd_context *cx, struct connect *c, struct transport *t,
			struct err *err)
{
	AUTO(http_response_release) struct http_response r = HTTP_RESPONSE_INIT;
	AUTO(http_headers_release) struct http_headers headers = {0};
	AUTO(json_object_put) struct json_object *entry = NULL;
	AUTO(free) char *api = oauth_api_url(c->base_url);
	AUTO(free) char *url = xasprintf("%susers/me/calendarList/primary", api);
	AUTO(secret_wipe_str) char *bearer = xasprintf("Bearer %s", c->token.access_token);
	struct http_request req = {.method = "GET", .url = url};
	const char *id;
	int rc;

	http_headers_add(&headers, "Authorization", bearer);
	req.headers = headers;
	rc = t->exchange(t, &req, &r, err);
	secret_wipe(headers.list[0].value, strlen(headers.list[0].value));
	if (!rc && r.status != 200)
		rc = google_error(&r, clock_now_ms(cx->clock), err);
	if (!rc && json_parse(r.body.buf, r.body.len, &entry, err)) {
		err->code = ERR_GOOGLE; /* it is no input of the user's that is wrong */
		rc = -1;
	}
	if (rc && err->code == ERR_NOT_FOUND)
		err->code = ERR_GOOGLE;
	if (rc)
		return err_wrap(err, "the login works, but its calendars cannot be read%s",
				err->http_status == 403 || err->http_status == 404
					? " (has this user Google Calendar?)"
					: "");
	id = json_str(entry, "id");
	if (!id || !*id)
		return err_set(err, ERR_GOOGLE, "Google's answer names no primary calendar");
	c->email = xstrdup(id);
	return 0;
}

int connect_login(struct cmd_context *cx, struct connect *c, struct err *err)
{
	struct transport *t;

	if (!c->opts->service_account && find_client(cx, c, err))
		return -1;
	if (cmd_transport(cx, &t, err))
		return -1;
	if (c->opts->service_account) {
		if (service_login(cx, c, t, err))
			return -1;
	} else if (c->opts->refresh_token_stdin) {
		if (imported_login(c, err) || prove_refresh(cx, c, t, err))
			return -1;
	} else if (browser_login(cx, c, t, err) || prove_refresh(cx, c, t, err)) {
		return -1;
	}
	return ask_identity(cx, c, t, err);
}
