/* On top of fg_fixture.h: raw requests, forms, the consent page, control calls. */
#ifndef FG_EDGE_FIXTURE_H
#define FG_EDGE_FIXTURE_H

#include "fg_fixture.h"

#define CLIENT   "calsync-sandbox.apps.googleusercontent.com"
#define SECRET   "sandbox-secret"
#define REDIRECT "http://127.0.0.1:4321/cb"
#define SCOPE    "https://www.googleapis.com/auth/"
#define FORM     "Content-Type: application/x-www-form-urlencoded"

/* header: "Name: value" or NULL, twice. Returns fg_handle()'s result. */
static inline int raw(struct google *g, const char *method, const char *url, const char *header1,
		      const char *header2, const char *body, size_t len)
{
	struct http_request req = {.method = method, .url = url, .body = body, .body_len = len};
	const char *headers[] = {header1, header2};
	struct err err;
	int r;

	google_forget(g);
	for (size_t i = 0; i < 2; i++) {
		const char *colon = headers[i] ? strstr(headers[i], ": ") : NULL;

		if (colon) {
			AUTO(free)
			char *name = xstrndup(headers[i], (size_t)(colon - headers[i]));

			http_headers_add(&req.headers, name, colon + 2);
		}
	}
	r = fg_handle(g->fg, &req, &g->last);
	http_headers_release(&req.headers);
	if (g->last.body.len)
		json_parse(g->last.body.buf, g->last.body.len, &g->json, &err);
	return r;
}

static inline void post_form(struct google *g, const char *url, const char *form)
{
	assert_int_equal(raw(g, "POST", url, FORM, NULL, form, strlen(form)), 0);
}

/* A control call that must work; the answer's JSON, borrowed until the next request. */
static inline struct json_object *control(struct google *g, const char *method, const char *what,
					  const char *body)
{
	AUTO(free) char *url = xasprintf("/sandbox/%s", what);

	raw(g, method, url, NULL, NULL, body, body ? strlen(body) : 0);
	if (g->last.status != 200 && g->last.status != 204)
		fail_msg("%s %s: %d %s", method, what, g->last.status, g->last.body.buf);
	return g->json;
}

static inline void configure(struct google *g, const char *json)
{
	control(g, "POST", "config", json);
}

static inline void advance(struct google *g, long long ms)
{
	AUTO(free) char *body = xasprintf("{\"advance_ms\":%lld}", ms);

	control(g, "POST", "clock", body);
}

/* How many violations mention `what`; clears none. */
static inline int violations(struct google *g, const char *what)
{
	struct json_object *list = control(g, "GET", "violations", NULL);
	int n = 0;

	for (size_t i = 0; i < json_object_array_length(list); i++)
		n += strstr(json_str(json_object_array_get_idx(list, i), "what"), what) != NULL;
	return n;
}

static inline const char *answer_header(const struct google *g, const char *name)
{
	return http_headers_get(&g->last.headers, name);
}

/* The value of a parameter in the Location of the last answer; the caller's; NULL = absent. */
static inline char *location_param(const struct google *g, const char *name)
{
	AUTO(free) char *key = xasprintf("%s=", name);
	const char *at = answer_header(g, "Location");
	struct strbuf sb = STRBUF_INIT;

	assert_non_null(at);
	at = strchr(at, '?');
	while (at && strncmp(at + 1, key, strlen(key)) != 0)
		at = strchr(at + 1, '&');
	if (!at)
		return NULL;
	for (at += 1 + strlen(key); *at && *at != '&'; at++) {
		if (*at == '%') {
			char hex[3] = {at[1], at[2], '\0'};

			strbuf_addc(&sb, (char)strtol(hex, NULL, 16));
			at += 2;
		} else {
			strbuf_addc(&sb, *at);
		}
	}
	return strbuf_detach(&sb);
}

/* Open the page with this query and answer it; the last answer is the redirect. */
static inline void consent(struct google *g, const char *query, const char *decision)
{
	AUTO(free) char *url = xasprintf("/o/oauth2/v2/auth?%s", query);
	AUTO(free) char *form = NULL;
	const char *at;

	raw(g, "GET", url, NULL, NULL, NULL, 0);
	assert_status(g, 200);
	at = strstr(g->last.body.buf, "name=\"request\" value=\"");
	assert_non_null(at);
	at += strlen("name=\"request\" value=\"");
	form = xasprintf("request=%.*s&account=user1%%40example.com&decision=%s",
			 (int)strcspn(at, "\""), at, decision);
	post_form(g, "/o/oauth2/v2/auth/decision", form);
}

#define AUTH_QUERY                                                                                \
	"client_id=" CLIENT "&redirect_uri=" REDIRECT "&response_type=code&state=st&scope=" SCOPE \
	"calendar"

/* The whole way with a query's extra ("" or "&...") to a code; the caller's. */
static inline char *get_code(struct google *g, const char *extra)
{
	AUTO(free) char *query = xasprintf(AUTH_QUERY "%s", extra);
	char *code;

	consent(g, query, "allow");
	assert_status(g, 302);
	code = location_param(g, "code");
	assert_non_null(code);
	return code;
}

/* Exchange it; extra: "" or "&code_verifier=...". */
static inline void exchange(struct google *g, const char *code, const char *extra)
{
	AUTO(free) char *value = query_value(code);
	AUTO(free)
	char *form = xasprintf("grant_type=authorization_code&code=%s&client_id=" CLIENT
			       "&client_secret=" SECRET "&redirect_uri=" REDIRECT "%s",
			       value, extra);

	post_form(g, "/token", form);
}

static inline void refresh(struct google *g, const char *token)
{
	AUTO(free) char *value = query_value(token);
	AUTO(free)
	char *form = xasprintf("grant_type=refresh_token&refresh_token=%s&client_id=" CLIENT
			       "&client_secret=" SECRET,
			       value);

	post_form(g, "/token", form);
}

#define assert_oauth(g, want, error_, description_)                                          \
	do {                                                                                 \
		assert_status(g, want);                                                      \
		assert_string_equal(json_str((g)->json, "error"), error_);                   \
		assert_string_equal(json_str((g)->json, "error_description"), description_); \
	} while (0)

#endif
