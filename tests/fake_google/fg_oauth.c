#include "fg_oauth.h"

#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "base/banned.h"

#define DAY_MS        (86400 * 1000LL)
#define SIX_MONTHS_MS (183 * DAY_MS)
#define MAX_REFRESH   100 /* per account and client; the oldest goes silently */
#define MINTED_CLIENT "sandbox-control"

const struct fg_client fg_clients[] = {
	{"calsync-sandbox.apps.googleusercontent.com", "sandbox-secret", NULL},
	{"calsync-marked.apps.googleusercontent.com", "GOCSPX-CanarySecret/7x+Q=", NULL},
	{"calsync-web.apps.googleusercontent.com", "sandbox-web-secret",
	 "http://127.0.0.1:8085/callback"},
	{0},
};

const struct fg_client *fg_client_find(const char *id)
{
	for (const struct fg_client *c = fg_clients; c->id; c++)
		if (!strcmp(c->id, id))
			return c;
	return NULL;
}

/* -- state ---------------------------------------------------------------------------------- */

struct fg_oauth_state *fg_oauth_new(void)
{
	return xcalloc(1, sizeof(struct fg_oauth_state));
}

static void access_release(struct fg_access *a)
{
	free(a->token);
	free(a->client_id);
}

void fg_oauth_free(struct fg_oauth_state *oauth)
{
	if (!oauth)
		return;
	for (size_t i = 0; i < oauth->pages.count; i++)
		fg_consent_release(&oauth->pages.list[i]);
	for (size_t i = 0; i < oauth->codes.count; i++)
		fg_consent_release(&oauth->codes.list[i]);
	for (size_t i = 0; i < oauth->access.count; i++)
		access_release(&oauth->access.list[i]);
	for (size_t i = 0; i < oauth->refresh.count; i++)
		free(oauth->refresh.list[i].token);
	free(oauth->pages.list);
	free(oauth->codes.list);
	free(oauth->access.list);
	free(oauth->refresh.list);
	free(oauth);
}

char *fg_oauth_new_token(struct fg *fg, const char *prefix, size_t n)
{
	const char *mark = json_object_get_string(fg->config.token_mark);
	AUTO(free) char *begin = xasprintf("%s%s", prefix, mark ? mark : "");

	return fg_new_token(fg, begin, n);
}

static void access_drop(struct fg_oauth_state *oauth, size_t i)
{
	access_release(&oauth->access.list[i]);
	oauth->access.list[i] = oauth->access.list[--oauth->access.count];
}

const char *fg_oauth_issue(struct fg *fg, struct fg_account *account, const char *client_id,
			   uint32_t scopes)
{
	struct fg_oauth_state *oauth = fg->oauth;
	int64_t now = fg_now_ms(fg);
	struct fg_access *a;

	for (size_t i = oauth->access.count; i-- > 0;)
		if (oauth->access.list[i].expires_ms <= now)
			access_drop(oauth, i);
	a = FG_LIST_ADD(&oauth->access);
	a->token = fg_oauth_new_token(fg, "ya29.a0", 150);
	a->account = account;
	a->client_id = xstrdup(client_id);
	a->scopes = scopes;
	a->expires_ms = now + fg->config.access_token_ttl * 1000LL;
	return a->token;
}

char *fg_oauth_mint(struct fg *fg, struct fg_account *account, uint32_t scopes)
{
	char *token = xstrdup(fg_oauth_issue(fg, account, MINTED_CLIENT, scopes));

	/* The test's own hand at Google must not wither when the test moves the clock. */
	fg->oauth->access.list[fg->oauth->access.count - 1].expires_ms = INT64_MAX;
	return token;
}

bool fg_oauth_check(struct fg *fg, const char *access_token, struct fg_token *out)
{
	for (size_t i = 0; i < fg->oauth->access.count; i++) {
		const struct fg_access *a = &fg->oauth->access.list[i];

		if (strcmp(a->token, access_token) != 0)
			continue;
		out->account = a->account;
		out->scopes = a->scopes;
		out->client_id = a->client_id;
		return a->expires_ms > fg_now_ms(fg);
	}
	return false;
}

void fg_oauth_expire(struct fg *fg, struct fg_account *account, bool access, bool refresh)
{
	struct fg_oauth_state *oauth = fg->oauth;

	/* Tokens made by POST /sandbox/token are the test's own hands: they stay. */
	for (size_t i = oauth->access.count; access && i-- > 0;)
		if ((!account || oauth->access.list[i].account == account) &&
		    strcmp(oauth->access.list[i].client_id, MINTED_CLIENT) != 0)
			access_drop(oauth, i);
	for (size_t i = 0; refresh && i < oauth->refresh.count; i++)
		if (!account || oauth->refresh.list[i].account == account)
			oauth->refresh.list[i].dead = true;
}

/* -- answers -------------------------------------------------------------------------------- */

int fg_oauth_fail(struct fg_call *call, int status, const char *error, const char *description)
{
	struct json_object *obj = json_object_new_object();

	json_set_str(obj, "error", error);
	if (description)
		json_set_str(obj, "error_description", description);
	fg_reply_json(call, status, obj);
	return -1;
}

/* Its signature cannot be checked (the sandbox has no certificate page); clients that take it
 * from the token endpoint itself need not. */
static char *id_token(struct fg_call *call, const struct fg_account *account,
		      const struct fg_client *client)
{
	AUTO(json_object_put) struct json_object *claims = json_object_new_object();
	static const char header[] = "{\"alg\":\"RS256\",\"kid\":\"sandbox\",\"typ\":\"JWT\"}";
	AUTO(free) char *head = fg_base64url(header, strlen(header));
	AUTO(free) char *signature = fg_oauth_new_token(call->fg, "", 342);
	AUTO(free) char *body = NULL;
	int64_t now = fg_now_ms(call->fg) / 1000;

	json_set_str(claims, "iss", "https://accounts.google.com");
	json_set_str(claims, "azp", client->id);
	json_set_str(claims, "aud", client->id);
	json_set_str(claims, "sub", account->sub);
	json_set_str(claims, "email", account->email);
	json_set_bool(claims, "email_verified", true);
	json_set_int(claims, "iat", now);
	json_set_int(claims, "exp", now + 3600);
	body = fg_base64url(json_text(claims), strlen(json_text(claims)));
	return xasprintf("%s.%s.%s", head, body, signature);
}

static struct fg_refresh *refresh_add(struct fg *fg, struct fg_account *account,
				      const struct fg_client *client, uint32_t scopes)
{
	struct fg_oauth_state *oauth = fg->oauth;
	struct fg_refresh *oldest = NULL;
	struct fg_refresh *r;
	int alive = 0;

	for (size_t i = 0; i < oauth->refresh.count; i++) {
		r = &oauth->refresh.list[i];
		if (r->dead || r->account != account || r->client != client)
			continue;
		if (!oldest)
			oldest = r;
		alive++;
	}
	if (alive >= MAX_REFRESH)
		oldest->dead = true;
	r = FG_LIST_ADD(&oauth->refresh);
	r->token = fg_oauth_new_token(fg, "1//0", 96);
	r->account = account;
	r->client = client;
	r->scopes = scopes;
	r->used_ms = fg_now_ms(fg);
	if (fg->config.refresh_token_expires_in)
		r->expires_ms = r->used_ms + fg->config.refresh_token_expires_in * 1000LL;
	return r;
}

const char *fg_oauth_mint_refresh(struct fg *fg, struct fg_account *account, uint32_t scopes)
{
	return refresh_add(fg, account, &fg_clients[0], scopes)->token;
}

/* refresh may be NULL: none in the answer. */
static int reply_tokens(struct fg_call *call, struct fg_account *account,
			const struct fg_client *client, uint32_t scopes,
			const struct fg_refresh *refresh)
{
	struct json_object *obj = json_object_new_object();
	AUTO(free) char *scope_text = fg_scopes_text(scopes);
	struct fg *fg = call->fg;

	json_set_str(obj, "access_token", fg_oauth_issue(fg, account, client->id, scopes));
	json_set_int(obj, "expires_in", fg->config.access_token_ttl);
	if (refresh)
		json_set_str(obj, "refresh_token", refresh->token);
	json_set_str(obj, "scope", scope_text);
	json_set_str(obj, "token_type", "Bearer");
	if (scopes & (FG_S_OPENID | FG_S_EMAIL | FG_S_PROFILE)) {
		AUTO(free) char *token = id_token(call, account, client);

		json_set_str(obj, "id_token", token);
	}
	if (refresh && refresh->expires_ms)
		json_set_int(obj, "refresh_token_expires_in",
			     (refresh->expires_ms - fg_now_ms(fg)) / 1000);
	call->account = account;
	fg_reply_json(call, 200, obj);
	http_headers_add(&call->out->headers, "Cache-Control",
			 "no-cache, no-store, max-age=0, must-revalidate");
	return 0;
}

/* -- the grants ----------------------------------------------------------------------------- */

struct form {
	struct fg_param *list;
	size_t count;
};

static const char *form_get(const struct form *form, const char *name)
{
	return fg_params_get(form->list, form->count, name);
}

/* A parameter that must be there and not be empty; else 400 and NULL. */
static const char *form_need(struct fg_call *call, const struct form *form, const char *name)
{
	const char *value = form_get(form, name);

	if (value && *value)
		return value;
	AUTO(free) char *message = xasprintf("Missing required parameter: %s", name);

	fg_oauth_fail(call, 400, "invalid_request", message);
	return NULL;
}

/* Client id and secret from the form, or from HTTP Basic (RFC 6749, 2.3.1). */
static const struct fg_client *client_check(struct fg_call *call, const struct form *form)
{
	const char *header = fg_header(call, "Authorization");
	const struct fg_client *client;
	const char *id = form_get(form, "client_id");
	const char *secret = form_get(form, "client_secret");
	AUTO(free) char *pair = NULL;
	AUTO(free) char *basic_id = NULL;
	AUTO(free) char *basic_secret = NULL;

	if (!id && header && !strncasecmp(header, "Basic ", 6)) {
		size_t len;
		const char *colon;

		pair = (char *)fg_base64url_decode(header + 6, strlen(header + 6), &len);
		colon = pair ? strchr(pair, ':') : NULL;
		if (colon) {
			id = basic_id = fg_url_decode(pair, (size_t)(colon - pair), true);
			secret = basic_secret = fg_url_decode(colon + 1, strlen(colon + 1), true);
		}
	}
	if (!id || !*id) {
		fg_oauth_fail(call, 400, "invalid_request",
			      "Could not determine client ID from request.");
		return NULL;
	}
	client = fg_client_find(id);
	if (!client) {
		fg_oauth_fail(call, 401, "invalid_client", "The OAuth client was not found.");
		return NULL;
	}
	if (!secret || !*secret) {
		fg_oauth_fail(call, 400, "invalid_request", "client_secret is missing.");
		return NULL;
	}
	if (strcmp(secret, client->secret) != 0) {
		fg_oauth_fail(call, 401, "invalid_client",
			      "The provided client secret is invalid.");
		return NULL;
	}
	return client;
}

static int verifier_check(struct fg_call *call, const struct fg_consent *code, const char *verifier)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	AUTO(free) char *computed = NULL;
	unsigned int len = 0;

	if (!code->challenge)
		return verifier ? fg_oauth_fail(call, 400, "invalid_grant",
						"code_verifier or verifier is not needed.")
				: 0;
	if (!verifier)
		return fg_oauth_fail(call, 400, "invalid_grant", "Missing code verifier.");
	if (code->s256) {
		if (!EVP_Digest(verifier, strlen(verifier), digest, &len, EVP_sha256(), NULL))
			abort();
		computed = fg_base64url(digest, len);
	} else {
		computed = xstrdup(verifier);
	}
	if (strcmp(computed, code->challenge) != 0)
		return fg_oauth_fail(call, 400, "invalid_grant", "Invalid code verifier.");
	return 0;
}

static bool has_refresh(const struct fg *fg, const struct fg_account *account,
			const struct fg_client *client)
{
	for (size_t i = 0; i < fg->oauth->refresh.count; i++) {
		const struct fg_refresh *r = &fg->oauth->refresh.list[i];

		if (!r->dead && r->account == account && r->client == client)
			return true;
	}
	return false;
}

static int grant_code(struct fg_call *call, const struct form *form)
{
	const struct fg_client *client = client_check(call, form);
	const char *text = client ? form_need(call, form, "code") : NULL;
	const char *uri = text ? form_need(call, form, "redirect_uri") : NULL;
	struct fg_consent *code = NULL;
	struct fg_refresh *refresh = NULL;

	if (!uri)
		return -1;
	for (size_t i = 0; i < call->fg->oauth->codes.count; i++)
		if (!strcmp(call->fg->oauth->codes.list[i].id, text))
			code = &call->fg->oauth->codes.list[i];
	if (!code)
		return fg_oauth_fail(call, 400, "invalid_grant", "Malformed auth code.");
	if (code->used)
		return fg_oauth_fail(call, 400, "invalid_grant", "Code was already redeemed.");
	if (code->client != client)
		return fg_oauth_fail(call, 400, "unauthorized_client", "Unauthorized");
	if (code->expires_ms <= fg_now_ms(call->fg))
		return fg_oauth_fail(call, 400, "invalid_grant", "Bad Request");
	if (strcmp(code->redirect_uri, uri) != 0)
		return fg_oauth_fail(call, 400, "redirect_uri_mismatch", "Bad Request");
	if (verifier_check(call, code, form_get(form, "code_verifier")))
		return -1;
	code->used = true;
	/* A web application's user sees the page for offline access only once, and only that
	 * consent gives a refresh token. */
	if (!client->redirect_uri ||
	    (code->offline && (code->reconsent || !has_refresh(call->fg, code->account, client))))
		refresh = refresh_add(call->fg, code->account, client, code->scopes);
	return reply_tokens(call, code->account, client, code->scopes, refresh);
}

static int grant_refresh(struct fg_call *call, const struct form *form)
{
	const struct fg_client *client = client_check(call, form);
	const char *text = client ? form_need(call, form, "refresh_token") : NULL;
	const char *narrow = form_get(form, "scope");
	struct fg *fg = call->fg;
	struct fg_refresh *r = NULL;
	int64_t now = fg_now_ms(fg);
	uint32_t scopes;

	if (!text)
		return -1;
	for (size_t i = 0; i < fg->oauth->refresh.count; i++)
		if (!strcmp(fg->oauth->refresh.list[i].token, text))
			r = &fg->oauth->refresh.list[i];
	if (!r)
		return fg_oauth_fail(call, 400, "invalid_grant", "Bad Request");
	if (r->client != client)
		return fg_oauth_fail(call, 400, "unauthorized_client", "Unauthorized");
	if (r->dead || now - r->used_ms > SIX_MONTHS_MS || (r->expires_ms && r->expires_ms <= now))
		return fg_oauth_fail(call, 400, "invalid_grant",
				     "Token has been expired or revoked.");
	scopes = r->scopes;
	if (narrow && *narrow && (!fg_scopes_parse(narrow, &scopes) || (scopes & ~r->scopes)))
		return fg_oauth_fail(call, 400, "invalid_scope", "Bad Request");
	r->used_ms = now;
	if (!fg->config.rotate_refresh_tokens)
		return reply_tokens(call, r->account, client, scopes, NULL);
	r->dead = true;
	struct fg_account *account = r->account; /* adding moves the list */

	return reply_tokens(call, account, client, scopes,
			    refresh_add(fg, account, client, r->scopes));
}

/* The form body of /token, /revoke, /device/code; -1 after answering. */
static int form_read(struct fg_call *call, struct form *form)
{
	const char *type = fg_header(call, "Content-Type");

	if (strcmp(call->req->method, "POST") != 0)
		return fg_reply_html(call, 404, "<title>Error 404 (Not Found)!!1</title>\n"), -1;
	if (fg_param(call, "client_secret") || fg_param(call, "refresh_token"))
		fg_violation(call, "a secret in the query of an OAuth request");
	if (call->req->body_len &&
	    (!type || strncasecmp(type, "application/x-www-form-urlencoded", 33) != 0))
		return fg_oauth_fail(call, 400, "invalid_request",
				     "The body must be application/x-www-form-urlencoded.");
	if (call->req->body)
		fg_params_parse(call->req->body, call->req->body_len, &form->list, &form->count);
	return 0;
}

static int token_endpoint(struct fg_call *call, const struct form *form)
{
	const char *type = form_get(form, "grant_type");

	if (!type || !*type)
		return fg_oauth_fail(call, 400, "invalid_request",
				     "Required parameter is missing: grant_type");
	if (!strcmp(type, "authorization_code"))
		return grant_code(call, form);
	if (!strcmp(type, "refresh_token"))
		return grant_refresh(call, form);
	if (!strcmp(type, "urn:ietf:params:oauth:grant-type:jwt-bearer"))
		return fg_jwt_grant(call, form->list, form->count);
	AUTO(free) char *message = xasprintf("Invalid grant_type: %s", type);

	return fg_oauth_fail(call, 400, "unsupported_grant_type", message);
}

/* Either token kills the grant: all tokens of that user in the project. */
static void revoke_grant(struct fg *fg, struct fg_account *account)
{
	struct fg_oauth_state *oauth = fg->oauth;

	fg_oauth_expire(fg, account, true, true);
	for (size_t i = 0; i < oauth->codes.count; i++)
		if (oauth->codes.list[i].account == account)
			oauth->codes.list[i].used = true;
	for (const struct fg_client *c = fg_clients; c->id; c++)
		fg_push_grant_gone(fg, account, c->id);
}

static int revoke_endpoint(struct fg_call *call, const struct form *form)
{
	const char *text = form_get(form, "token");
	struct fg_oauth_state *oauth = call->fg->oauth;
	struct fg_account *account = NULL;
	struct fg_token token;

	if (!text)
		text = fg_param(call, "token");
	if (!text || !*text)
		return fg_oauth_fail(call, 400, "invalid_request",
				     "Missing required parameter: token");
	for (size_t i = 0; i < oauth->refresh.count; i++)
		if (!strcmp(oauth->refresh.list[i].token, text) && !oauth->refresh.list[i].dead)
			account = oauth->refresh.list[i].account;
	if (!account && fg_oauth_check(call->fg, text, &token))
		account = token.account;
	if (!account)
		return fg_oauth_fail(call, 400, "invalid_token", "Token expired or revoked");
	call->account = account;
	revoke_grant(call->fg, account);
	return fg_reply_json(call, 200, json_object_new_object());
}

/* Calendar's scopes are not among the few that the device flow allows. */
static int device_endpoint(struct fg_call *call, const struct form *form)
{
	const char *id = form_need(call, form, "client_id");
	const char *scope = id ? form_need(call, form, "scope") : NULL;

	if (!scope)
		return -1;
	if (!fg_client_find(id))
		return fg_oauth_fail(call, 401, "invalid_client",
				     "The OAuth client was not found.");
	AUTO(free) char *message = xasprintf("Invalid device flow scope: %s", scope);

	return fg_oauth_fail(call, 400, "invalid_scope", message);
}

int fg_oauth_handle(struct fg_call *call, const char *path)
{
	struct form form = {0};
	bool token = !strcmp(path, "/token");
	bool device = !strcmp(path, "/device/code");

	if (!strcmp(path, "/o/oauth2/v2/auth") || !strcmp(path, "/o/oauth2/auth")) {
		fg_consent_page(call);
		return 0;
	}
	if (!strcmp(path, "/o/oauth2/v2/auth/decision")) {
		fg_consent_decision(call);
		return 0;
	}
	if (!token && !device && strcmp(path, "/revoke") != 0)
		return -1;
	if (!form_read(call, &form)) {
		if (token)
			token_endpoint(call, &form);
		else if (device)
			device_endpoint(call, &form);
		else
			revoke_endpoint(call, &form);
	}
	fg_params_free(form.list, form.count);
	return 0;
}
