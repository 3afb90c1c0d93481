#include "fg_oauth.h"

#include <ctype.h>
#include <string.h>

#include "base/banned.h"

#define CODE_TTL_MS (10 * 60 * 1000LL)
#define PAGE_TTL_MS (60 * 60 * 1000LL)

void fg_consent_release(struct fg_consent *c)
{
	free(c->id);
	free(c->redirect_uri);
	free(c->state);
	free(c->challenge);
	memset(c, 0, sizeof(*c));
}

static void add_html(struct strbuf *sb, const char *text)
{
	for (; *text; text++) {
		if (*text == '&')
			strbuf_adds(sb, "&amp;");
		else if (*text == '<')
			strbuf_adds(sb, "&lt;");
		else if (*text == '>')
			strbuf_adds(sb, "&gt;");
		else if (*text == '"')
			strbuf_adds(sb, "&quot;");
		else
			strbuf_addc(sb, *text);
	}
}

/* Google shows these to the user; the application never hears of them. */
static int fail_page(struct fg_call *call, const char *code, const char *what)
{
	AUTO(strbuf_release) struct strbuf sb = STRBUF_INIT;

	strbuf_adds(&sb, "<!DOCTYPE html>\n<html lang=\"en\">\n<title>Error 400: ");
	strbuf_adds(&sb, code);
	strbuf_adds(&sb, "</title>\n<h1>Access blocked: Authorization Error</h1>\n<p>");
	add_html(&sb, what);
	strbuf_adds(&sb, "</p>\n<p>Error 400: ");
	strbuf_adds(&sb, code);
	strbuf_adds(&sb, "</p>\n</html>\n");
	fg_reply_html(call, 400, sb.buf);
	return -1;
}

static const char *need(struct fg_call *call, const char *name)
{
	const char *value = fg_param(call, name);

	if (value && *value)
		return value;
	AUTO(free) char *what = xasprintf("Missing required parameter: %s", name);

	fail_page(call, "invalid_request", what);
	return NULL;
}

/* http://127.0.0.1, http://[::1] or http://localhost, any port, any path. */
static bool loopback_uri(const char *uri)
{
	static const char *const hosts[] = {"127.0.0.1", "[::1]", "localhost"};
	const char *p = uri + strlen("http://");
	char *end;

	if (strncmp(uri, "http://", strlen("http://")) != 0 || strchr(uri, '#'))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(hosts); i++) {
		const char *rest = p + strlen(hosts[i]);
		long port;

		if (strncmp(p, hosts[i], strlen(hosts[i])) != 0)
			continue;
		if (*rest == ':') {
			if (!isdigit((unsigned char)rest[1]))
				return false;
			port = strtol(rest + 1, &end, 10);
			if (port < 1 || port > 65535)
				return false;
			rest = end;
		}
		return !*rest || *rest == '/' || *rest == '?';
	}
	return false;
}

static int check_redirect(struct fg_call *call, const struct fg_client *client, const char *uri)
{
	if (!strncmp(uri, "urn:ietf:wg:oauth:2.0:oob", 25))
		return fail_page(call, "invalid_request",
				 "The out-of-band (OOB) flow has been blocked in order to keep "
				 "users secure.");
	if (client->redirect_uri ? strcmp(uri, client->redirect_uri) != 0 : !loopback_uri(uri)) {
		AUTO(free)
		char *what = xasprintf("You can't sign in because this app sent an invalid "
				       "request. redirect_uri=%s",
				       uri);

		return fail_page(call, "redirect_uri_mismatch", what);
	}
	return 0;
}

static int check_challenge(struct fg_call *call, bool *out_s256)
{
	const char *challenge = fg_param(call, "code_challenge");
	const char *method = fg_param(call, "code_challenge_method");
	size_t len = challenge ? strlen(challenge) : 0;

	if (method && strcmp(method, "S256") != 0 && strcmp(method, "plain") != 0)
		return fail_page(call, "invalid_request",
				 "Invalid parameter value for "
				 "code_challenge_method");
	if (method && !challenge)
		return fail_page(call, "invalid_request",
				 "code_challenge_method without code_challenge");
	*out_s256 = method && !strcmp(method, "S256");
	if (!challenge)
		return 0;
	if (len < 43 || len > 128 || (*out_s256 && len != 43) ||
	    strspn(challenge,
		   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~") != len)
		return fail_page(call, "invalid_request",
				 "Invalid parameter value for "
				 "code_challenge");
	return 0;
}

static void note_unknown(struct fg_call *call, const struct fg_client *client)
{
	static const char known[] =
		" client_id redirect_uri response_type scope state code_challenge "
		"code_challenge_method login_hint access_type prompt include_granted_scopes "
		"enable_granular_consent hd nonce display ";

	for (size_t i = 0; i < call->nparams; i++) {
		AUTO(free) char *padded = xasprintf(" %s ", call->params[i].name);

		if (!strstr(known, padded))
			fg_violation(call, "unknown query parameter '%s'", call->params[i].name);
	}
	if (!client->redirect_uri && fg_param(call, "include_granted_scopes"))
		fg_violation(call, "include_granted_scopes is not supported for installed apps");
	if (!fg_param(call, "state"))
		fg_violation(call, "an authorization request without state");
}

static void show_page(struct fg_call *call, const struct fg_consent *page)
{
	AUTO(strbuf_release) struct strbuf sb = STRBUF_INIT;
	AUTO(free) char *scopes = fg_scopes_text(page->scopes);
	const char *hint = fg_param(call, "login_hint");
	const struct fg_account *chosen = hint ? fg_account_find(call->fg, hint) : NULL;

	if (!chosen)
		chosen = call->fg->accounts;
	strbuf_adds(&sb, "<!DOCTYPE html>\n<html lang=\"en\">\n<title>Sign in - Google "
			 "Accounts (sandbox)</title>\n<h1>");
	add_html(&sb, page->client->id);
	strbuf_adds(&sb, " wants access to your Google Account</h1>\n<ul>\n");
	for (char *at = scopes; *at;) {
		size_t n = strcspn(at, " ");

		strbuf_addf(&sb, "<li>%.*s</li>\n", (int)n, at);
		at += n + (at[n] == ' ');
	}
	strbuf_adds(&sb, "</ul>\n<form method=\"post\" action=\"/o/oauth2/v2/auth/decision\">\n"
			 "<input type=\"hidden\" name=\"request\" value=\"");
	add_html(&sb, page->id);
	strbuf_adds(&sb, "\">\n");
	for (const struct fg_account *a = call->fg->accounts; a; a = a->next) {
		if (a->service)
			continue;
		strbuf_adds(&sb, "<p><label><input type=\"radio\" name=\"account\" value=\"");
		add_html(&sb, a->email);
		strbuf_adds(&sb, a == chosen ? "\" checked> " : "\"> ");
		add_html(&sb, a->email);
		strbuf_adds(&sb, "</label></p>\n");
	}
	strbuf_adds(&sb, "<button type=\"submit\" name=\"decision\" value=\"deny\">Cancel"
			 "</button>\n<button type=\"submit\" name=\"decision\" value=\"allow\">"
			 "Allow</button>\n</form>\n</html>\n");
	fg_reply_html(call, 200, sb.buf);
}

int fg_consent_page(struct fg_call *call)
{
	const char *id = need(call, "client_id");
	const struct fg_client *client = id ? fg_client_find(id) : NULL;
	const char *uri, *type, *scope;
	const char *access = fg_param(call, "access_type");
	const char *prompt = fg_param(call, "prompt");
	struct fg_consent *page;
	uint32_t scopes = 0;
	bool s256 = false;

	if (strcmp(call->req->method, "GET") != 0)
		return fail_page(call, "invalid_request", "The page is opened with GET.");
	if (!id)
		return -1;
	if (!client)
		return fail_page(call, "invalid_client", "The OAuth client was not found.");
	uri = need(call, "redirect_uri");
	if (!uri || check_redirect(call, client, uri))
		return -1;
	type = need(call, "response_type");
	if (!type)
		return -1;
	if (strcmp(type, "code") != 0)
		return fail_page(call, "unsupported_response_type", "Invalid response_type");
	scope = need(call, "scope");
	if (!scope)
		return -1;
	if (!fg_scopes_parse(scope, &scopes) || !scopes) {
		AUTO(free)
		char *what = xasprintf("Some requested scopes were invalid. [%s]", scope);

		return fail_page(call, "invalid_scope", what);
	}
	if (check_challenge(call, &s256))
		return -1;
	note_unknown(call, client);
	page = FG_LIST_ADD(&call->fg->oauth->pages);
	page->id = fg_new_token(call->fg, "", 43);
	page->client = client;
	page->redirect_uri = xstrdup(uri);
	page->state = xstrdup_null(fg_param(call, "state"));
	page->challenge = xstrdup_null(fg_param(call, "code_challenge"));
	page->s256 = s256;
	page->offline = access && !strcmp(access, "offline");
	page->reconsent = prompt && strstr(prompt, "consent");
	page->scopes = scopes;
	page->expires_ms = fg_now_ms(call->fg) + PAGE_TTL_MS;
	show_page(call, page);
	return 0;
}

/* -- the answer of the user ----------------------------------------------------------------- */

static uint32_t granted_scopes(const struct fg *fg, uint32_t asked)
{
	struct json_object *list = fg->config.granted_scopes;
	uint32_t scopes = 0;

	if (!list)
		return asked;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		uint32_t one;

		/* checked when it was set */
		if (fg_scopes_parse(json_object_get_string(json_object_array_get_idx(list, i)),
				    &one))
			scopes |= one;
	}
	return scopes;
}

static void add_query(struct strbuf *sb, const char *name, const char *value)
{
	strbuf_addc(sb, strchr(sb->buf, '?') ? '&' : '?');
	strbuf_addf(sb, "%s=", name);
	strbuf_add_urlencoded(sb, value);
}

static void redirect(struct fg_call *call, const struct fg_consent *page,
		     const struct fg_consent *code)
{
	AUTO(strbuf_release) struct strbuf sb = STRBUF_INIT;

	strbuf_adds(&sb, page->redirect_uri);
	if (!code)
		add_query(&sb, "error", "access_denied");
	if (page->state)
		add_query(&sb, "state", page->state);
	if (code) {
		AUTO(free) char *scopes = fg_scopes_text(code->scopes);

		add_query(&sb, "code", code->id);
		add_query(&sb, "scope", scopes);
	}
	fg_reply_html(call, 302, "<title>Moved Temporarily</title>\n");
	http_headers_add(&call->out->headers, "Location", sb.buf);
}

static struct fg_consent *code_make(struct fg *fg, const struct fg_consent *page,
				    struct fg_account *account)
{
	struct fg_consent *code = FG_LIST_ADD(&fg->oauth->codes);

	code->id = fg_oauth_new_token(fg, "4/0A", 60);
	code->client = page->client;
	code->redirect_uri = xstrdup(page->redirect_uri);
	code->challenge = xstrdup_null(page->challenge);
	code->s256 = page->s256;
	code->offline = page->offline;
	code->reconsent = page->reconsent;
	code->scopes = granted_scopes(fg, page->scopes);
	code->account = account;
	code->expires_ms = fg_now_ms(fg) + CODE_TTL_MS;
	return code;
}

static int decide(struct fg_call *call, const struct fg_param *form, size_t count)
{
	const char *id = fg_params_get(form, count, "request");
	const char *email = fg_params_get(form, count, "account");
	const char *decision = fg_params_get(form, count, "decision");
	struct fg *fg = call->fg;
	struct fg_consent *page = NULL;
	struct fg_account *account = email ? fg_account_find(fg, email) : fg->accounts;

	for (size_t i = 0; id && i < fg->oauth->pages.count; i++)
		if (!strcmp(fg->oauth->pages.list[i].id, id))
			page = &fg->oauth->pages.list[i];
	if (!page || page->used || page->expires_ms <= fg_now_ms(fg))
		return fail_page(call, "invalid_request", "This page has expired.");
	if (!decision || (strcmp(decision, "allow") != 0 && strcmp(decision, "deny") != 0))
		return fail_page(call, "invalid_request", "decision must be allow or deny");
	if (!account || account->service)
		return fail_page(call, "invalid_request", "There is no such account.");
	page->used = true;
	if (!strcmp(decision, "deny")) {
		redirect(call, page, NULL);
		return 0;
	}
	call->account = account;
	redirect(call, page, code_make(fg, page, account));
	return 0;
}

int fg_consent_decision(struct fg_call *call)
{
	struct fg_param *form = NULL;
	size_t count = 0;
	int r;

	if (strcmp(call->req->method, "POST") != 0)
		return fail_page(call, "invalid_request", "The form is sent with POST.");
	if (call->req->body)
		fg_params_parse(call->req->body, call->req->body_len, &form, &count);
	r = decide(call, form, count);
	fg_params_free(form, count);
	return r;
}
