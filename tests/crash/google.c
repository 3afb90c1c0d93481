#include "google.h"

#include <string.h>

#include "base/xalloc.h"

#include "base/banned.h"

#define REDIRECT "http%3A%2F%2F127.0.0.1%3A1%2F"
/* RFC 7636, appendix B. */
#define VERIFIER  "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
#define SCOPES                                                         \
	"https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcalendar.events%20" \
	"https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcalendar.calendarlist.readonly"

void google_init(struct google *g, const char *base_url)
{
	struct fg_options options = {.base_url = base_url};

	g->fg = fg_new(&options);
	g->bearers = json_object_new_object();
}

void google_release(struct google *g)
{
	fg_free(g->fg);
	json_object_put(g->bearers);
	memset(g, 0, sizeof(*g));
}

/* type: of the body. Any status is a success. */
static int exchange(struct google *g, const char *method, const char *url, const char *bearer,
		    const char *type, const char *body, struct http_response *out, struct err *err)
{
	AUTO(http_headers_release) struct http_headers headers = {0};
	struct http_request req = {.method = method, .url = url, .body = body};

	/* Without these two the sandbox notes a violation: they would be the client's. */
	http_headers_add(&headers, "Accept-Encoding", "gzip");
	http_headers_add(&headers, "User-Agent", "a person (gzip)");
	if (bearer) {
		AUTO(free) char *value = xasprintf("Bearer %s", bearer);

		http_headers_add(&headers, "Authorization", value);
	}
	if (body) {
		req.body_len = strlen(body);
		http_headers_add(&headers, "Content-Type", type);
	}
	req.headers = headers;
	if (fg_handle(g->fg, &req, out))
		return err_set(err, ERR_FAILED, "%s %s: no answer", method, url);
	return 0;
}

static int call(struct google *g, const char *method, const char *url, const char *bearer,
		const char *type, const char *body, struct json_object **out, struct err *err)
{
	AUTO(http_response_release) struct http_response answer = HTTP_RESPONSE_INIT;

	if (exchange(g, method, url, bearer, type, body, &answer, err))
		return -1;
	if (answer.status < 200 || answer.status > 299)
		return err_set(err, ERR_FAILED, "%s %s: %d %s", method, url, answer.status,
			       answer.body.buf);
	if (!out)
		return 0;
	return json_parse(answer.body.buf, answer.body.len, out, err);
}

int google_control(struct google *g, const char *method, const char *path, const char *body,
		   struct json_object **out, struct err *err)
{
	AUTO(free) char *url = xasprintf("/sandbox/%s", path);

	return call(g, method, url, NULL, "application/json", body, out, err);
}

static int bearer_of(struct google *g, const char *account, const char **out, struct err *err)
{
	AUTO(json_object_put) struct json_object *answer = NULL;
	AUTO(free) char *body = xasprintf("{\"account\": \"%s\"}", account);

	if (!json_has(g->bearers, account)) {
		if (google_control(g, "POST", "token", body, &answer, err))
			return -1;
		json_set_str(g->bearers, account, json_str(answer, "access_token"));
	}
	*out = json_str(g->bearers, account);
	return 0;
}

int google_call_as(struct google *g, const char *account, const char *method, const char *path,
		   const char *body, struct json_object **out, struct err *err)
{
	AUTO(free) char *url = xasprintf("/calendar/v3/%s", path);
	const char *bearer;

	if (bearer_of(g, account, &bearer, err))
		return -1;
	return call(g, method, url, bearer, "application/json", body, out, err);
}

/* --- a login ------------------------------------------------------------------------------- */

/* The text between two others; caller's, or NULL. */
static char *between(const char *text, const char *before, const char *after)
{
	const char *start = text ? strstr(text, before) : NULL;
	const char *end;

	if (!start)
		return NULL;
	start += strlen(before);
	end = strpbrk(start, after);
	return end ? xstrndup(start, (size_t)(end - start)) : xstrdup(start);
}

/* The consent page, then what its form posts: where the browser is sent holds the code. */
static int consent(struct google *g, const char *account, char **out_code, struct err *err)
{
	static const char page_url[] =
		"/o/oauth2/v2/auth?client_id=" CRASH_CLIENT_ID "&response_type=code"
		"&redirect_uri=" REDIRECT "&state=x&code_challenge=" CHALLENGE
		"&code_challenge_method=S256&scope=" SCOPES;
	static const char form[] = "application/x-www-form-urlencoded";
	AUTO(http_response_release) struct http_response page = HTTP_RESPONSE_INIT;
	AUTO(http_response_release) struct http_response decided = HTTP_RESPONSE_INIT;
	AUTO(strbuf_release) struct strbuf body = STRBUF_INIT;
	AUTO(free) char *request = NULL;

	if (exchange(g, "GET", page_url, NULL, form, NULL, &page, err))
		return -1;
	request = between(page.body.buf, "name=\"request\" value=\"", "\"");
	if (!request)
		return err_set(err, ERR_FAILED, "the consent page has no request: %s",
			       page.body.buf);
	strbuf_addf(&body, "request=%s&decision=allow&account=", request);
	strbuf_add_urlencoded(&body, account);
	if (exchange(g, "POST", "/o/oauth2/v2/auth/decision", NULL, form, body.buf, &decided, err))
		return -1;
	*out_code = between(http_headers_get(&decided.headers, "Location"), "code=", "&");
	if (!*out_code)
		return err_set(err, ERR_FAILED, "the consent of '%s' gave no code: %d %s", account,
			       decided.status, decided.body.buf);
	return 0;
}

char *google_refresh_token(struct google *g, const char *account, struct err *err)
{
	AUTO(json_object_put) struct json_object *answer = NULL;
	AUTO(strbuf_release) struct strbuf body = STRBUF_INIT;
	AUTO(free) char *code = NULL;

	if (consent(g, account, &code, err))
		return NULL;
	strbuf_adds(&body, "grant_type=authorization_code&client_id=" CRASH_CLIENT_ID
			   "&client_secret=" CRASH_CLIENT_SECRET "&code_verifier=" VERIFIER
			   "&redirect_uri=" REDIRECT "&code=");
	strbuf_adds(&body, code); /* as it came: encoded */
	if (call(g, "POST", "/token", NULL, "application/x-www-form-urlencoded", body.buf, &answer,
		 err))
		return NULL;
	return xstrdup(json_str(answer, "refresh_token"));
}

/* --- what is there ------------------------------------------------------------------------- */

struct json_object *google_state(struct google *g)
{
	struct json_object *state = NULL;
	struct err err;

	if (google_control(g, "GET", "state", NULL, &state, &err)) {
		fprintf(stderr, "the sandbox does not tell its state: %s\n", err.msg);
		abort();
	}
	return state;
}

static char *id_in(const struct json_object *events, const char *title)
{
	for (size_t i = 0; i < json_object_array_length(events); i++) {
		const struct json_object *e = json_object_array_get_idx(events, i);
		const char *summary = json_str(e, "summary");
		const char *status = json_str(e, "status");

		if (summary && !strcmp(summary, title) && strcmp(status, "cancelled") != 0)
			return xstrdup(json_str(e, "id"));
	}
	return NULL;
}

char *google_id_of(struct google *g, const char *title)
{
	AUTO(json_object_put) struct json_object *state = google_state(g);
	struct json_object *accounts = json_get(state, "accounts");
	char *id = NULL;

	for (size_t i = 0; !id && i < json_object_array_length(accounts); i++) {
		struct json_object *calendars =
			json_get(json_object_array_get_idx(accounts, i), "calendars");

		for (size_t k = 0; !id && k < json_object_array_length(calendars); k++)
			id = id_in(json_get(json_object_array_get_idx(calendars, k), "events"),
				   title);
	}
	return id;
}
