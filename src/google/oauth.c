#include "google/oauth.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <string.h>
#include <strings.h>

#include "base/io.h"
#include "base/json.h"
#include "base/random.h"
#include "base/url.h"
#include "base/xalloc.h"
#include "google/error.h"
#include "google/oauth_internal.h"
#include "secret/secret.h"

#include "base/banned.h"

#define FORM_TYPE        "application/x-www-form-urlencoded"
#define DEFAULT_EXPIRY_S 3600 /* RFC 6749 leaves expires_in to the server; Google always sends it */
#define MAX_EXPIRY_S     (24 * 3600)
#define MAX_REFRESH_S    (INT64_C(10) * 366 * 24 * 3600)
#define MAX_TOKEN        16384
#define FORM_ROOM        8192 /* a form does not grow past this: no copy of a secret stays behind */

void oauth_client_release(struct oauth_client *c)
{
	free(c->id);
	free(c->redirect_uri);
	secret_wipe_str(&c->secret);
	c->id = c->redirect_uri = NULL;
}

void oauth_token_release(struct oauth_token *t)
{
	secret_wipe_str(&t->access_token);
	secret_wipe_str(&t->refresh_token);
	free(t->scope);
	memset(t, 0, sizeof(*t));
}

void oauth_login_release(struct oauth_login *l)
{
	free(l->url);
	free(l->redirect_uri);
	secret_wipe_str(&l->state);
	secret_wipe_str(&l->verifier);
	memset(l, 0, sizeof(*l));
}

/* --- addresses --------------------------------------------------------------------------- */

static char *endpoint(const char *base_url, const char *google_host, const char *path)
{
	size_t n = strlen(base_url);

	while (n && base_url[n - 1] == '/')
		n--;
	return n ? xasprintf("%.*s%s", (int)n, base_url, path)
		 : xasprintf("https://%s%s", google_host, path);
}

char *oauth_auth_url(const char *base_url)
{
	return endpoint(base_url, "accounts.google.com", "/o/oauth2/v2/auth");
}

char *oauth_token_url(const char *base_url)
{
	return endpoint(base_url, "oauth2.googleapis.com", "/token");
}

char *oauth_revoke_url(const char *base_url)
{
	return endpoint(base_url, "oauth2.googleapis.com", "/revoke");
}

char *oauth_api_url(const char *base_url)
{
	return endpoint(base_url, "www.googleapis.com", "/calendar/v3/");
}

char *oauth_batch_url(const char *base_url)
{
	return endpoint(base_url, "www.googleapis.com", "/batch/calendar/v3");
}

/* --- the client file --------------------------------------------------------------------- */

/* Ids, secrets and tokens are visible ASCII (RFC 6749 appendix A); anything else is an accident or
 * an attack on the header that they end up in. */
static bool is_visible(const char *s, size_t max)
{
	size_t n = 0;

	for (; s[n]; n++)
		if (s[n] <= ' ' || s[n] >= 0x7f)
			return false;
	return n && n <= max;
}

/* A web client's first address that a listener of ours can be at; NULL when it has none. */
static char *find_redirect(const struct json_object *web)
{
	struct json_object *list = json_get(web, "redirect_uris");
	size_t n = json_object_is_type(list, json_type_array) ? json_object_array_length(list) : 0;

	for (size_t i = 0; i < n; i++) {
		struct json_object *item = json_object_array_get_idx(list, i);
		AUTO(free) char *host = NULL;
		AUTO(free) char *path = NULL;
		unsigned port;

		if (json_object_is_type(item, json_type_string) &&
		    !url_redirect_parts(json_object_get_string(item), &host, &port, &path))
			return xstrdup(json_object_get_string(item));
	}
	return NULL;
}

int oauth_client_load(const char *path, struct oauth_client *out, struct err *err)
{
	AUTO(secret_wipe_strbuf) struct strbuf text = STRBUF_INIT;
	AUTO(json_put_secret) struct json_object *root = NULL;
	struct json_object *client;
	const char *id, *secret;
	bool web;

	if (io_read_file(path, 65536, &text, err))
		return err_set(err, ERR_USAGE,
			       "%s; give the client_secret.json that Google's console offers for "
			       "download",
			       err->msg);
	if (json_parse_secret(text.buf, text.len, &root, err))
		return err_wrap(err,
				"'%s' is no client_secret.json; download it again from "
				"Google's console",
				path);
	client = json_get(root, "installed");
	web = !client;
	if (web)
		client = json_get(root, "web");
	if (!client)
		return err_set(err, ERR_INVALID,
			       "'%s' is no client_secret.json: it has neither \"installed\" nor "
			       "\"web\"; download one for a desktop app from Google's console",
			       path);
	if (json_word(client, "client_id", &id) || !id || !is_visible(id, 1024))
		return err_set(err, ERR_INVALID,
			       "'%s' holds no usable client_id; download the file again from "
			       "Google's console",
			       path);
	if (json_word(client, "client_secret", &secret) || (secret && !is_visible(secret, 1024)))
		return err_set(err, ERR_INVALID,
			       "'%s' holds no usable client_secret; download the file again from "
			       "Google's console",
			       path);
	out->id = xstrdup(id);
	out->secret = xstrdup_null(secret);
	out->web = web;
	out->redirect_uri = web ? find_redirect(client) : NULL;
	return 0;
}

/* --- forms and answers ------------------------------------------------------------------- */

void oauth_form_add(struct strbuf *form, const char *name, const char *value)
{
	if (form->len)
		strbuf_addc(form, '&');
	strbuf_adds(form, name);
	strbuf_addc(form, '=');
	strbuf_add_urlencoded(form, value);
}

static void form_begin(struct strbuf *form)
{
	strbuf_reserve(form, FORM_ROOM);
}

static int post_form(struct transport *t, const char *url, const struct strbuf *form,
		     struct http_response *out, struct err *err)
{
	AUTO(http_headers_release) struct http_headers headers = {0};
	struct http_request req = {
		.method = "POST", .url = url, .body = form->buf, .body_len = form->len};
	int rc;

	http_headers_add(&headers, "Content-Type", FORM_TYPE);
	http_headers_add(&headers, "Accept", "application/json");
	req.headers = headers;
	rc = t->exchange(t, &req, out, err);
	return rc;
}

static int replaced_answer(const struct http_response *r, enum err_code code, const char *what,
			   struct err *err)
{
	err_set(err, code,
		"Google's login service answered with %s; %ssee whether a proxy is in between",
		what, code == ERR_NETWORK ? "try again later, and " : "");
	err->http_status = r->status;
	return -1;
}

static int bad_answer(const struct http_response *r, const char *what, struct err *err)
{
	return replaced_answer(r, ERR_GOOGLE, what, err);
}

static int read_token(const struct http_response *r, const struct json_object *root, int64_t now_ms,
		      struct oauth_token *out, struct err *err)
{
	const char *access, *refresh, *type, *scope;
	int64_t expires = json_int(root, "expires_in", DEFAULT_EXPIRY_S);

	if (json_word(root, "access_token", &access) || !access || !is_visible(access, MAX_TOKEN))
		return bad_answer(r, "no usable access token", err);
	if (json_word(root, "refresh_token", &refresh) ||
	    (refresh && !is_visible(refresh, MAX_TOKEN)))
		return bad_answer(r, "a malformed refresh token", err);
	if (json_word(root, "token_type", &type) || (type && strcasecmp(type, "Bearer")))
		return bad_answer(r, "a token that is not of type Bearer", err);
	if (json_word(root, "scope", &scope))
		return bad_answer(r, "a malformed list of permissions", err);
	if (expires < 0)
		expires = 0;
	if (expires > MAX_EXPIRY_S)
		expires = MAX_EXPIRY_S;
	out->access_token = xstrdup(access);
	out->refresh_token = xstrdup_null(refresh);
	out->scope = xstrdup_null(scope);
	out->expires_ms = now_ms + expires * 1000;
	out->refresh_expires_in_s = json_int(root, "refresh_token_expires_in", 0);
	if (out->refresh_expires_in_s < 0 || out->refresh_expires_in_s > MAX_REFRESH_S)
		out->refresh_expires_in_s = 0; /* nothing to warn of */
	return 0;
}

/* The answer to a request for tokens, which the caller wipes: a refusal may repeat what it refuses. */
static int read_answer(const struct http_response *r, int64_t asked_ms, int64_t now_ms,
		       struct oauth_token *out, struct err *err)
{
	AUTO(json_put_secret) struct json_object *root = NULL;
	struct err parse;

	if (r->status != 200)
		return oauth_error(r, now_ms, err);
	if (json_parse_secret(r->body.buf, r->body.len, &root, &parse))
		return replaced_answer(r, ERR_NETWORK, "something that is no JSON", err);
	return read_token(r, root, asked_ms, out, err);
}

int oauth_token_request(struct transport *t, struct clock *clock, const char *base_url,
			const struct strbuf *form, struct oauth_token *out, int64_t *skew_ms,
			struct err *err)
{
	AUTO(free) char *url = oauth_token_url(base_url);
	AUTO(http_response_release) struct http_response r = HTTP_RESPONSE_INIT;
	/* The lifetime counts from when we asked: the answer may have travelled long. */
	int64_t asked_ms = clock_now_ms(clock), google_s;
	const char *date;
	int rc;

	if (post_form(t, url, form, &r, err))
		return -1;
	date = http_headers_get(&r.headers, "Date");
	google_s = date ? http_date_parse(date) : -1;
	out->skew_ms = google_s < 0 ? 0 : google_s * 1000 - clock_now_ms(clock);
	if (skew_ms)
		*skew_ms = out->skew_ms;
	rc = read_answer(&r, asked_ms, clock_now_ms(clock), out, err);
	secret_wipe_strbuf(&r.body);
	return rc;
}

/* --- refresh and revoke ------------------------------------------------------------------ */

int oauth_refresh(struct transport *t, struct clock *clock, const char *base_url,
		  const struct oauth_client *client, const char *refresh_token,
		  struct oauth_token *out, struct err *err)
{
	AUTO(secret_wipe_strbuf) struct strbuf form = STRBUF_INIT;

	form_begin(&form);
	oauth_form_add(&form, "grant_type", "refresh_token");
	oauth_form_add(&form, "refresh_token", refresh_token);
	oauth_form_add(&form, "client_id", client->id);
	if (client->secret)
		oauth_form_add(&form, "client_secret", client->secret);
	return oauth_token_request(t, clock, base_url, &form, out, NULL, err);
}

int oauth_revoke(struct transport *t, const char *base_url, const char *token, struct err *err)
{
	AUTO(free) char *url = oauth_revoke_url(base_url);
	AUTO(secret_wipe_strbuf) struct strbuf form = STRBUF_INIT;
	AUTO(http_response_release) struct http_response r = HTTP_RESPONSE_INIT;

	form_begin(&form);
	oauth_form_add(&form, "token", token);
	if (post_form(t, url, &form, &r, err))
		return -1;
	if (r.status >= 200 && r.status < 300)
		return 0;
	oauth_error(&r, 0, err);
	secret_wipe_strbuf(&r.body); /* it may repeat what it refuses */
	/* Revoked or expired before: what was wanted is the case. */
	if (!strcmp(err->reason, "invalid_token") || err->code == ERR_TOKEN_EXPIRED)
		return 0;
	return -1;
}

/* --- login ------------------------------------------------------------------------------- */

void base64url_add(struct strbuf *sb, const void *data, size_t len)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const unsigned char *p = data;
	unsigned bits = 0;
	int have = 0;

	for (size_t i = 0; i < len; i++) {
		bits = bits << 8 | p[i];
		for (have += 8; have >= 6; have -= 6)
			strbuf_addc(sb, alphabet[bits >> (have - 6) & 63]);
	}
	if (have)
		strbuf_addc(sb, alphabet[bits << (6 - have) & 63]);
}

static char *random_word(size_t bytes)
{
	struct strbuf sb = STRBUF_INIT;
	unsigned char raw[64];

	if (bytes > sizeof(raw))
		abort();
	strbuf_reserve(&sb, 2 * bytes);
	random_bytes(raw, bytes);
	base64url_add(&sb, raw, bytes);
	secret_wipe(raw, sizeof(raw));
	return strbuf_detach(&sb);
}

static int add_challenge(struct strbuf *url, const char *verifier, struct err *err)
{
	AUTO(strbuf_release) struct strbuf challenge = STRBUF_INIT;
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (!EVP_Digest(verifier, strlen(verifier), digest, &n, EVP_sha256(), NULL))
		return err_set(err, ERR_FAILED, "libcrypto has no SHA-256");
	base64url_add(&challenge, digest, n);
	oauth_form_add(url, "code_challenge", challenge.buf);
	oauth_form_add(url, "code_challenge_method", "S256");
	return 0;
}

int oauth_login_begin(const char *base_url, const struct oauth_client *client,
		      const char *redirect_uri, const char *scopes, const char *login_hint,
		      struct oauth_login *out, struct err *err)
{
	AUTO(oauth_login_release) struct oauth_login login = {0};
	AUTO(free) char *page = oauth_auth_url(base_url);
	AUTO(strbuf_release) struct strbuf query = STRBUF_INIT;

	login.redirect_uri = xstrdup(redirect_uri);
	login.state = random_word(32);
	login.verifier = random_word(48); /* 64 characters */
	oauth_form_add(&query, "client_id", client->id);
	oauth_form_add(&query, "redirect_uri", redirect_uri);
	oauth_form_add(&query, "response_type", "code");
	oauth_form_add(&query, "scope", scopes);
	if (add_challenge(&query, login.verifier, err))
		return -1;
	oauth_form_add(&query, "state", login.state);
	/* A refresh token also when this user agreed once before (and from a web client). */
	oauth_form_add(&query, "access_type", "offline");
	oauth_form_add(&query, "prompt", "consent");
	if (login_hint && *login_hint)
		oauth_form_add(&query, "login_hint", login_hint);
	login.url = xasprintf("%s?%s", page, query.buf);
	*out = login;
	memset(&login, 0, sizeof(login));
	return 0;
}

static int hex_value(char c)
{
	const char *digits = "0123456789abcdef", *at = c ? strchr(digits, c | 0x20) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* Undo application/x-www-form-urlencoded; NULL when an escape is broken or hides a NUL. */
static char *form_decode(const char *s, size_t len)
{
	AUTO(free) char *out = xmalloc(len + 1);
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		int high, low;

		if (s[i] != '%') {
			out[n++] = s[i] == '+' ? ' ' : s[i];
			continue;
		}
		if (i + 2 >= len)
			return NULL;
		high = hex_value(s[i + 1]);
		low = hex_value(s[i + 2]);
		if (high < 0 || low < 0 || !(high | low))
			return NULL;
		out[n++] = (char)(high << 4 | low);
		i += 2;
	}
	out[n] = '\0';
	return TAKE(out);
}

/* Which command that was only its caller knows. */
#define ONCE_MORE "; nothing was connected: give the same command again"

struct redirect { /* what came back; owned, NULL = absent */
	char *code, *state, *error, *error_description, *iss;
};

static void redirect_release(struct redirect *r)
{
	secret_wipe_str(&r->code);
	secret_wipe_str(&r->state);
	free(r->error);
	free(r->error_description);
	free(r->iss);
}

DEFINE_AUTO_VALUE(struct redirect, redirect_release)

static int redirect_add(struct redirect *r, const char *pair, size_t len, struct err *err)
{
	struct {
		const char *name;
		char **value;
	} known[] = {
		{"code", &r->code},   {"state", &r->state},
		{"error", &r->error}, {"error_description", &r->error_description},
		{"iss", &r->iss},
	};
	const char *eq = memchr(pair, '=', len);
	size_t name_len = eq ? (size_t)(eq - pair) : len;

	for (size_t i = 0; eq && i < ARRAY_SIZE(known); i++) {
		if (strlen(known[i].name) != name_len || memcmp(known[i].name, pair, name_len))
			continue;
		if (*known[i].value)
			return err_set(err, ERR_INVALID, "the redirect has '%s' twice" ONCE_MORE,
				       known[i].name);
		*known[i].value = form_decode(eq + 1, len - name_len - 1);
		if (!*known[i].value)
			return err_set(err, ERR_INVALID,
				       "the redirect has a malformed '%s'" ONCE_MORE,
				       known[i].name);
		return 0;
	}
	return 0; /* Google adds scope, authuser, prompt and whatever comes next */
}

static int redirect_parse(const char *query, struct redirect *out, struct err *err)
{
	const char *mark = strchr(query, '?');

	query = mark ? mark + 1 : query;
	query += strspn(query, " \t\r\n");
	for (;;) {
		size_t n = strcspn(query, "&# \t\r\n");

		if (redirect_add(out, query, n, err))
			return -1;
		if (query[n] != '&')
			return 0;
		query += n + 1;
	}
}

static int check_state(const struct redirect *r, const struct oauth_login *login, struct err *err)
{
	size_t n = strlen(login->state);

	if (!r->state)
		return err_set(err, ERR_INVALID,
			       "the redirect carries no state; paste the whole address that the "
			       "browser was sent to");
	if (strlen(r->state) != n || CRYPTO_memcmp(r->state, login->state, n))
		return err_set(err, ERR_INVALID,
			       "the redirect belongs to another login (its state differs); start "
			       "again");
	return 0;
}

static int check_issuer(const struct redirect *r, const char *base_url, struct err *err)
{
	size_t n = strlen(base_url);

	if (!r->iss || !strcmp(r->iss, "https://accounts.google.com"))
		return 0;
	while (n && base_url[n - 1] == '/')
		n--;
	if (n && strlen(r->iss) == n && !strncmp(r->iss, base_url, n))
		return 0;
	return err_set(err, ERR_INVALID,
		       "the redirect comes from another login service (%.100s) than Google's; "
		       "nothing was connected, start again",
		       r->iss);
}

#define REFUSED_HELP                                                                      \
	"; nothing was connected: see what the page said, and check the OAuth client in " \
	"Google's console"

static int check_refusal(const struct redirect *r, struct err *err)
{
	bool passes;

	if (!r->error)
		return 0;
	passes = !strcmp(r->error, "server_error") || !strcmp(r->error, "temporarily_unavailable");
	if (!strcmp(r->error, "access_denied"))
		err_set(err, ERR_NOT_CONNECTED,
			"access was denied in the browser" ONCE_MORE " and allow it");
	else
		err_set(err, passes ? ERR_NETWORK : ERR_GOOGLE,
			"Google refused the login: %.60s%s%.160s%s", r->error,
			r->error_description ? ": " : "",
			r->error_description ? r->error_description : "",
			passes ? ONCE_MORE " later" : REFUSED_HELP);
	snprintf(err->reason, sizeof(err->reason), "%s", r->error);
	return -1;
}

int oauth_login_finish(struct transport *t, struct clock *clock, const char *base_url,
		       const struct oauth_client *client, const struct oauth_login *login,
		       const char *query, struct oauth_token *out, struct err *err)
{
	AUTO(secret_wipe_strbuf) struct strbuf form = STRBUF_INIT;
	AUTO(redirect_release) struct redirect r = {0};

	if (redirect_parse(query, &r, err) || check_state(&r, login, err) ||
	    check_issuer(&r, base_url, err) || check_refusal(&r, err))
		return -1;
	if (!r.code || !*r.code)
		return err_set(err, ERR_INVALID, "the redirect carries no code" ONCE_MORE);
	form_begin(&form);
	oauth_form_add(&form, "grant_type", "authorization_code");
	oauth_form_add(&form, "code", r.code);
	oauth_form_add(&form, "client_id", client->id);
	if (client->secret)
		oauth_form_add(&form, "client_secret", client->secret);
	oauth_form_add(&form, "code_verifier", login->verifier);
	oauth_form_add(&form, "redirect_uri", login->redirect_uri);
	return oauth_token_request(t, clock, base_url, &form, out, NULL, err);
}
