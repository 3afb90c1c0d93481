/* Logins, refreshes and revocation against the fake Google, and against answers that it never
 * gives. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>

#include "base/random.h"
#include "fakes.h"
#include "google/http.h"
#include "google/oauth.h"
#include "google/oauth_internal.h"

#define BASE     "http://127.0.0.1:9"
#define REDIRECT "http://127.0.0.1:40123/callback"
#define NOW_MS   1768464000000

static struct oauth_client installed = {.id = (char *)"calsync-sandbox.apps.googleusercontent.com",
					.secret = (char *)"sandbox-secret"};

struct bench {
	struct fg *fg;
	struct transport *t;
	struct fake_clock clock;
};

static void bench_release(struct bench *b)
{
	b->t->free(b->t);
	fg_free(b->fg);
}
DEFINE_AUTO_VALUE(struct bench, bench_release)

static struct bench bench_new(void)
{
	struct fg_options o = {.seed = 1, .now_ms = NOW_MS, .base_url = BASE};
	struct bench b = {.clock = fake_clock_at(NOW_MS)};

	b.fg = fg_new(&o);
	b.t = fg_transport_new(b.fg);
	return b;
}

static void begin(struct oauth_login *login)
{
	struct err err;

	if (oauth_login_begin(BASE, &installed, REDIRECT, OAUTH_SCOPES_WRITE, NULL, login, &err))
		fail_msg("%s", err.msg);
}

/* Open the page and answer it as a user would; the address that the browser is sent to. */
static char *answer_page(struct fg *fg, const char *url, const char *decision)
{
	AUTO(http_response_release) struct http_response page = HTTP_RESPONSE_INIT;
	AUTO(http_response_release) struct http_response r = HTTP_RESPONSE_INIT;
	AUTO(http_headers_release) struct http_headers headers = {0};
	AUTO(free) char *form = NULL;
	AUTO(free) char *id = NULL;
	struct http_request get = {.method = "GET", .url = url};
	struct http_request post = {.method = "POST", .url = BASE "/o/oauth2/v2/auth/decision"};
	const char *at;

	assert_int_equal(fg_handle(fg, &get, &page), 0);
	if (page.status != 200)
		fail_msg("%d %s", page.status, page.body.buf);
	at = strstr(page.body.buf, "name=\"request\" value=\"");
	assert_non_null(at);
	at += strlen("name=\"request\" value=\"");
	id = xstrndup(at, strcspn(at, "\""));
	form = xasprintf("request=%s&account=user1%%40example.com&decision=%s", id, decision);
	http_headers_add(&headers, "Content-Type", "application/x-www-form-urlencoded");
	post.headers = headers;
	post.body = form;
	post.body_len = strlen(form);
	assert_int_equal(fg_handle(fg, &post, &r), 0);
	assert_int_equal(r.status, 302);
	return xstrdup(http_headers_get(&r.headers, "Location"));
}

static void log_in(struct bench *b, struct oauth_token *token)
{
	AUTO(oauth_login_release) struct oauth_login login = {0};
	AUTO(free) char *redirect = NULL;
	struct err err;

	begin(&login);
	redirect = answer_page(b->fg, login.url, "allow");
	if (oauth_login_finish(b->t, &b->clock.base, BASE, &installed, &login, redirect, token,
			       &err))
		fail_msg("%s", err.msg);
}

static void no_violations(struct fg *fg)
{
	AUTO(json_object_put)
	struct json_object *list = fake_ask(fg, "GET", "/sandbox/violations", NULL, NULL, NULL);

	assert_string_equal(json_text(list), "[]");
}

/* --- addresses --------------------------------------------------------------------------- */

static void test_urls__google_and_sandbox(void **state)
{
	static const struct {
		char *(*fn)(const char *);
		const char *google, *sandbox;
	} rows[] = {
		{oauth_auth_url, "https://accounts.google.com/o/oauth2/v2/auth",
		 "https://sandbox.test/o/oauth2/v2/auth"},
		{oauth_token_url, "https://oauth2.googleapis.com/token",
		 "https://sandbox.test/token"},
		{oauth_revoke_url, "https://oauth2.googleapis.com/revoke",
		 "https://sandbox.test/revoke"},
		{oauth_api_url, "https://www.googleapis.com/calendar/v3/",
		 "https://sandbox.test/calendar/v3/"},
		{oauth_batch_url, "https://www.googleapis.com/batch/calendar/v3",
		 "https://sandbox.test/batch/calendar/v3"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(free) char *google = rows[i].fn("");
		AUTO(free) char *sandbox = rows[i].fn("https://sandbox.test");
		AUTO(free) char *slash = rows[i].fn("https://sandbox.test/");

		assert_string_equal(google, rows[i].google);
		assert_string_equal(sandbox, rows[i].sandbox);
		assert_string_equal(slash, rows[i].sandbox);
	}
}

/* --- login ------------------------------------------------------------------------------- */

static char *query_value(const char *url, const char *name)
{
	AUTO(free) char *key = xasprintf("%s=", name);
	const char *at = strchr(url, '?');

	while (at) {
		at++;
		if (!strncmp(at, key, strlen(key)))
			return xstrndup(at + strlen(key), strcspn(at + strlen(key), "&"));
		at = strchr(at, '&');
	}
	return NULL;
}

static void test_login__url_carries_pkce_and_state(void **state)
{
	AUTO(oauth_login_release) struct oauth_login login = {0};
	AUTO(oauth_login_release) struct oauth_login other = {0};
	AUTO(strbuf_release) struct strbuf want = STRBUF_INIT;
	AUTO(free) char *challenge = NULL;
	AUTO(free) char *sent_state = NULL;
	unsigned char digest[32];

	(void)state;
	begin(&login);
	begin(&other);
	assert_in_range(strlen(login.verifier), 43, 128);
	assert_int_equal(strspn(login.verifier,
				"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				"0123456789-._~"),
			 strlen(login.verifier));
	assert_int_equal(strlen(login.state), 43); /* 256 bits */
	assert_string_not_equal(login.verifier, other.verifier);
	assert_string_not_equal(login.state, other.state);
	assert_null(strstr(login.url, login.verifier));
	EVP_Digest(login.verifier, strlen(login.verifier), digest, NULL, EVP_sha256(), NULL);
	base64url_add(&want, digest, sizeof(digest));
	challenge = query_value(login.url, "code_challenge");
	assert_string_equal(challenge, want.buf);
	sent_state = query_value(login.url, "state");
	assert_string_equal(sent_state, login.state);
	assert_non_null(
		strstr(login.url, "&redirect_uri=http%3A%2F%2F127.0.0.1%3A40123%2Fcallback&"));
	assert_null(strstr(login.url, "include_granted_scopes"));
	assert_null(strstr(login.url, "login_hint"));
}

/* RFC 7636 appendix B. */
static void test_base64url__known_answer(void **state)
{
	static const unsigned char digest[] = {19, 211, 30,  150, 26,  26,  216, 236, 47,  22,  177,
					       12, 76,  152, 46,  8,   118, 168, 120, 173, 109, 241,
					       68, 86,  110, 225, 137, 74,  203, 112, 249, 195};
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	(void)state;
	base64url_add(&out, digest, sizeof(digest));
	assert_string_equal(out.buf, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
	strbuf_reset(&out);
	base64url_add(&out, "a", 1);
	base64url_add(&out, "ab", 2);
	assert_string_equal(out.buf, "YQYWI");
}

static void test_login__allowed(void **state)
{
	AUTO(bench_release) struct bench b = bench_new();
	AUTO(oauth_token_release) struct oauth_token token = {0};

	(void)state;
	log_in(&b, &token);
	assert_non_null(token.access_token);
	assert_non_null(token.refresh_token);
	assert_non_null(strstr(token.scope, "calendar.events"));
	assert_non_null(strstr(token.scope, "calendar.calendarlist.readonly"));
	assert_int_equal(token.expires_ms, NOW_MS + 3599 * 1000);
	assert_int_equal(token.refresh_expires_in_s, 0);
	no_violations(b.fg);
}

static void test_login__pasted_forms_of_the_redirect(void **state)
{
	AUTO(bench_release) struct bench b = bench_new();

	(void)state;
	for (int form = 0; form < 5; form++) {
		AUTO(oauth_login_release) struct oauth_login login = {0};
		AUTO(oauth_token_release) struct oauth_token token = {0};
		AUTO(free) char *redirect = NULL;
		AUTO(free) char *pasted = NULL;
		const char *query;
		struct err err;

		begin(&login);
		redirect = answer_page(b.fg, login.url, "allow");
		query = strchr(redirect, '?') + 1;
		if (form == 0)
			pasted = xstrdup(query);
		else if (form == 1)
			pasted = xasprintf("  %s\r\n", redirect);
		else if (form == 2)
			pasted = xasprintf("%s&authuser=0&prompt=consent#fragment&state=x",
					   redirect);
		else if (form == 3)
			pasted = xasprintf("%s&iss=https%%3A%%2F%%2Faccounts.google.com", redirect);
		else
			pasted = xasprintf("%s&iss=http%%3A%%2F%%2F127.0.0.1%%3A9", redirect);
		if (oauth_login_finish(b.t, &b.clock.base, BASE, &installed, &login, pasted, &token,
				       &err))
			fail_msg("form %d: %s", form, err.msg);
	}
}

static void test_login__denied(void **state)
{
	AUTO(bench_release) struct bench b = bench_new();
	AUTO(oauth_login_release) struct oauth_login login = {0};
	AUTO(oauth_token_release) struct oauth_token token = {0};
	AUTO(free) char *redirect = NULL;
	struct err err;

	(void)state;
	begin(&login);
	redirect = answer_page(b.fg, login.url, "deny");
	assert_int_equal(oauth_login_finish(b.t, &b.clock.base, BASE, &installed, &login, redirect,
					    &token, &err),
			 -1);
	assert_int_equal(err.code, ERR_NOT_CONNECTED);
	assert_string_equal(err.reason, "access_denied");
	assert_non_null(strstr(err.msg, "denied"));
	assert_null(token.access_token);
}

static void test_login__forged_redirects_send_nothing(void **state)
{
	static const struct scripted_answer never[] = {{.status = 500}};
	AUTO(oauth_login_release) struct oauth_login login = {0};
	struct fake_clock clock = fake_clock_at(NOW_MS);
	struct scripted s = {0};
	const char *st;

	(void)state;
	scripted_set(&s, never, 1);
	begin(&login);
	st = login.state;
	char *const cases[] = {
		xstrdup(""),
		xstrdup("code=4/0A"),
		xstrdup("code=4/0A&state="),
		xstrdup("code=4/0A&state=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
		xasprintf("code=4/0A&state=%s0", st),
		xasprintf("code=4/0A&state=%.42s", st),
		xasprintf("code=4/0A&state=%s&state=%s", st, st),
		xasprintf("code=a&code=b&state=%s", st),
		xasprintf("state=%s", st),
		xasprintf("code=&state=%s", st),
		xasprintf("code=%%00&state=%s", st),
		xasprintf("code=%%4&state=%s", st),
		xasprintf("code=%%zz&state=%s", st),
		xasprintf("code=x&state=%s&iss=https://evil.test", st),
		xasprintf("code=x&state=%s&iss=https://accounts.google.com.evil.test", st),
		xasprintf("code=x&state=%s&iss=http://accounts.google.com", st),
		xasprintf("code=x&state=%s&iss=" BASE, st),
		xasprintf("code=x&state=%s&iss=", st),
		xasprintf("error=access_denied&state=%s&iss=https://evil.test", st),
		xasprintf("code=x&state=%s&iss=https://accounts.google.com&iss=https://evil.test",
			  st),
		xasprintf("error=access_denied"),
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(oauth_token_release) struct oauth_token token = {0};
		struct err err;

		if (oauth_login_finish(&s.base, &clock.base, "", &installed, &login, cases[i],
				       &token, &err) != -1 ||
		    err.code != ERR_INVALID)
			fail_msg("case %zu: %s", i, err.msg);
		free(cases[i]);
	}
	assert_int_equal(s.asked_count, 0);
	scripted_forget(&s);
}

static void test_login__code_works_once(void **state)
{
	AUTO(bench_release) struct bench b = bench_new();
	AUTO(oauth_login_release) struct oauth_login login = {0};
	AUTO(oauth_token_release) struct oauth_token token = {0};
	AUTO(oauth_token_release) struct oauth_token second = {0};
	AUTO(free) char *redirect = NULL;
	struct err err;

	(void)state;
	begin(&login);
	redirect = answer_page(b.fg, login.url, "allow");
	assert_int_equal(oauth_login_finish(b.t, &b.clock.base, BASE, &installed, &login, redirect,
					    &token, &err),
			 0);
	assert_int_equal(oauth_login_finish(b.t, &b.clock.base, BASE, &installed, &login, redirect,
					    &second, &err),
			 -1);
	assert_string_equal(err.reason, "invalid_grant");
}

static void test_login__another_verifier_is_refused(void **state)
{
	AUTO(bench_release) struct bench b = bench_new();
	AUTO(oauth_login_release) struct oauth_login login = {0};
	AUTO(oauth_token_release) struct oauth_token token = {0};
	AUTO(free) char *redirect = NULL;
	struct err err;

	(void)state;
	begin(&login);
	redirect = answer_page(b.fg, login.url, "allow");
	login.verifier[0] = login.verifier[0] == 'A' ? 'B' : 'A';
	assert_int_equal(oauth_login_finish(b.t, &b.clock.base, BASE, &installed, &login, redirect,
					    &token, &err),
			 -1);
	assert_null(token.access_token);
}

/* --- refresh and revoke ------------------------------------------------------------------ */

static int refresh(struct bench *b, const char *refresh_token, struct oauth_token *out,
		   struct err *err)
{
	memset(err, 0, sizeof(*err));
	return oauth_refresh(b->t, &b->clock.base, BASE, &installed, refresh_token, out, err);
}

static void test_refresh__keeps_or_rotates(void **state)
{
	AUTO(bench_release) struct bench b = bench_new();
	AUTO(oauth_token_release) struct oauth_token first = {0};
	AUTO(oauth_token_release) struct oauth_token kept = {0};
	AUTO(oauth_token_release) struct oauth_token rotated = {0};
	AUTO(oauth_token_release) struct oauth_token late = {0};
	struct err err;

	(void)state;
	log_in(&b, &first);
	assert_int_equal(refresh(&b, first.refresh_token, &kept, &err), 0);
	assert_null(kept.refresh_token);
	assert_string_not_equal(kept.access_token, first.access_token);
	fake_control(b.fg, "/sandbox/config", "{\"rotate_refresh_tokens\": true}");
	assert_int_equal(refresh(&b, first.refresh_token, &rotated, &err), 0);
	assert_non_null(rotated.refresh_token);
	assert_string_not_equal(rotated.refresh_token, first.refresh_token);
	assert_int_equal(refresh(&b, first.refresh_token, &late, &err), -1);
	assert_int_equal(err.code, ERR_TOKEN_EXPIRED);
	assert_string_equal(err.reason, "invalid_grant");
	assert_int_equal(err.http_status, 400);
	no_violations(b.fg);
}

static void test_refresh__wrong_client(void **state)
{
	AUTO(bench_release) struct bench b = bench_new();
	AUTO(oauth_token_release) struct oauth_token token = {0};
	AUTO(oauth_token_release) struct oauth_token out = {0};
	struct oauth_client wrong = {.id = installed.id, .secret = (char *)"wrong"};
	struct err err;

	(void)state;
	log_in(&b, &token);
	assert_int_equal(
		oauth_refresh(b.t, &b.clock.base, BASE, &wrong, token.refresh_token, &out, &err),
		-1);
	assert_int_equal(err.code, ERR_GOOGLE);
	assert_string_equal(err.reason, "invalid_client");
	assert_non_null(strstr(err.msg, "client secret"));
}

static void test_revoke__ends_the_grant_and_repeats(void **state)
{
	AUTO(bench_release) struct bench b = bench_new();
	AUTO(oauth_token_release) struct oauth_token token = {0};
	AUTO(oauth_token_release) struct oauth_token out = {0};
	struct err err;

	(void)state;
	log_in(&b, &token);
	assert_int_equal(oauth_revoke(b.t, BASE, token.refresh_token, &err), 0);
	assert_int_equal(refresh(&b, token.refresh_token, &out, &err), -1);
	assert_int_equal(err.code, ERR_TOKEN_EXPIRED);
	assert_int_equal(oauth_revoke(b.t, BASE, token.refresh_token, &err), 0); /* gone is gone */
	fake_control(b.fg, "/sandbox/faults",
		     "{\"match\": \"/revoke\", \"action\": \"status\", "
		     "\"status\": 503, \"times\": 1}");
	assert_int_equal(oauth_revoke(b.t, BASE, token.refresh_token, &err), -1);
	assert_int_equal(err.code, ERR_NETWORK);
}

static void test_refresh__answers_of_somebody_in_between(void **state)
{
	static const struct scripted_answer answers[] = {
		{201, NULL, "{}"},
		{204, NULL, ""},
		{302, "Location: https://portal.test/", ""},
		{307, "Location: https://portal.test/", "<html>"},
		{403, NULL, "<html>blocked</html>"},
		{404, NULL, "<html>"},
	};
	struct fake_clock clock = fake_clock_at(NOW_MS);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		AUTO(oauth_token_release) struct oauth_token out = {0};
		struct scripted s = {0};
		struct err err = {0};

		scripted_set(&s, &answers[i], 1);
		assert_int_equal(
			oauth_refresh(&s.base, &clock.base, "", &installed, "1//r", &out, &err),
			-1);
		if (err.code != ERR_GOOGLE || !strstr(err.msg, "no answer of Google's own") ||
		    !strstr(err.msg, "CALSYNC_GOOGLE_BASE_URL"))
			fail_msg("case %zu: %s", i, err.msg);
		scripted_forget(&s);
	}
}

static void test_refresh__answers_that_google_never_gives(void **state)
{
	static const struct {
		struct scripted_answer answer;
		enum err_code code;
	} cases[] = {
		{{0, NULL, NULL}, ERR_NETWORK},
		{{200, NULL, ""}, ERR_NETWORK},
		{{200, NULL, "<html>"}, ERR_NETWORK},
		{{200, NULL, "[]"}, ERR_GOOGLE},
		{{200, NULL, "{}"}, ERR_GOOGLE},
		{{200, NULL, "{\"access_token\": 7}"}, ERR_GOOGLE},
		{{200, NULL, "{\"access_token\": \"\"}"}, ERR_GOOGLE},
		{{200, NULL, "{\"access_token\": \"a\\u0000b\"}"}, ERR_GOOGLE},
		{{200, NULL, "{\"access_token\": \"a\", \"refresh_token\": \"b\\u0000c\"}"},
		 ERR_GOOGLE},
		{{200, NULL, "{\"access_token\": \"a\", \"refresh_token\": 7}"}, ERR_GOOGLE},
		{{200, NULL, "{\"access_token\": \"a\", \"token_type\": 7}"}, ERR_GOOGLE},
		{{200, NULL, "{\"access_token\": \"a\", \"scope\": [\"s\"]}"}, ERR_GOOGLE},
		{{200, NULL, "{\"access_token\": \"a b\"}"}, ERR_GOOGLE},
		{{200, NULL, "{\"access_token\": \"a\\r\\nX-Evil: 1\"}"}, ERR_GOOGLE},
		{{200, NULL, "{\"access_token\": \"a\", \"token_type\": \"MAC\"}"}, ERR_GOOGLE},
		{{200, NULL, "{\"access_token\": \"a\", \"refresh_token\": \"b\\n\"}"}, ERR_GOOGLE},
		{{302, "Location: https://evil.test/token", ""}, ERR_GOOGLE},
		{{429, "Retry-After: 30", ""}, ERR_RATE_LIMITED},
		{{503, NULL, "<html>"}, ERR_NETWORK},
	};
	struct fake_clock clock = fake_clock_at(NOW_MS);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(oauth_token_release) struct oauth_token out = {0};
		struct scripted s = {0};
		struct err err = {0};

		scripted_set(&s, &cases[i].answer, 1);
		if (oauth_refresh(&s.base, &clock.base, "", &installed, "1//r", &out, &err) != -1 ||
		    err.code != cases[i].code)
			fail_msg("case %zu: %s", i, err.msg);
		assert_null(out.access_token);
		assert_int_equal(s.asked_count, 1);
		assert_string_equal(s.asked[0].url, "https://oauth2.googleapis.com/token");
		/* Errors reach terminals and logs. */
		assert_null(strstr(err.msg, "1//r"));
		assert_null(strstr(err.msg, "sandbox-secret"));
		scripted_forget(&s);
	}
}

static void test_refresh__odd_lifetimes(void **state)
{
	static const struct {
		const char *member;
		int64_t seconds;
	} cases[] = {
		{"", 3600},
		{", \"expires_in\": 60", 60},
		{", \"expires_in\": \"120\"", 120},
		{", \"expires_in\": -5", 0},
		{", \"expires_in\": 99999999999", 86400},
		{", \"expires_in\": []", 3600},
	};
	struct fake_clock clock = fake_clock_at(NOW_MS);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(oauth_token_release) struct oauth_token out = {0};
		AUTO(free) char *body = xasprintf("{\"access_token\": \"a\"%s}", cases[i].member);
		struct scripted_answer answer = {200, NULL, body};
		struct scripted s = {0};
		struct err err;

		scripted_set(&s, &answer, 1);
		assert_int_equal(
			oauth_refresh(&s.base, &clock.base, "", &installed, "r", &out, &err), 0);
		assert_int_equal(out.expires_ms - NOW_MS, cases[i].seconds * 1000);
		scripted_forget(&s);
	}
}

/* Random damage to a good redirect: no crash, and no code goes out unless the state is whole. */
static void test_login__damaged_redirects(void **state)
{
	static const struct scripted_answer refusal[] = {
		{400, NULL, "{\"error\":\"invalid_grant\"}"}};
	static const char bytes[] = "%&=?#+ \n\0"
				    "0aZ\xff";
	struct fake_clock clock = fake_clock_at(NOW_MS);
	AUTO(oauth_login_release) struct oauth_login login = {0};
	AUTO(free) char *good = NULL;
	struct scripted s = {0};

	(void)state;
	begin(&login);
	scripted_set(&s, refusal, 1);
	good = xasprintf(
		"code=4%%2F0Aab&state=%s&scope=a%%20b&iss=https%%3A%%2F%%2Faccounts.google.com",
		login.state);
	random_seed_for_tests(11);
	for (int round = 0; round < 2000; round++) {
		AUTO(oauth_token_release) struct oauth_token token = {0};
		AUTO(free) char *text = xstrdup(good);
		size_t before = s.asked_count;
		struct err err;

		for (uint64_t hits = 1 + random_below(3); hits; hits--)
			text[random_below(strlen(good))] = bytes[random_below(sizeof(bytes) - 1)];
		assert_int_equal(oauth_login_finish(&s.base, &clock.base, "", &installed, &login,
						    text, &token, &err),
				 -1);
		if (s.asked_count > before)
			assert_non_null(strstr(text, login.state));
	}
	random_seed_for_tests(0);
	scripted_forget(&s);
}

static void test_refresh__a_login_s_end_beyond_reason_is_none(void **state)
{
	static const char *const odd[] = {"9223372036854775807", "-9223372036854775808", "-1",
					  "\"99999999999999999999\"", "1e300"};
	struct fake_clock clock = fake_clock_at(NOW_MS);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		AUTO(oauth_token_release) struct oauth_token out = {0};
		AUTO(free)
		char *body = xasprintf("{\"access_token\":\"a\",\"refresh_token_expires_in\":%s}",
				       odd[i]);
		struct scripted_answer answer = {200, NULL, body};
		struct scripted s = {0};
		struct err err;

		scripted_set(&s, &answer, 1);
		assert_int_equal(
			oauth_refresh(&s.base, &clock.base, "", &installed, "r", &out, &err), 0);
		assert_int_equal(out.refresh_expires_in_s, 0);
		scripted_forget(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refresh__answers_of_somebody_in_between),
		cmocka_unit_test(test_urls__google_and_sandbox),
		cmocka_unit_test(test_login__url_carries_pkce_and_state),
		cmocka_unit_test(test_base64url__known_answer),
		cmocka_unit_test(test_login__allowed),
		cmocka_unit_test(test_login__pasted_forms_of_the_redirect),
		cmocka_unit_test(test_login__denied),
		cmocka_unit_test(test_login__forged_redirects_send_nothing),
		cmocka_unit_test(test_login__code_works_once),
		cmocka_unit_test(test_login__another_verifier_is_refused),
		cmocka_unit_test(test_refresh__keeps_or_rotates),
		cmocka_unit_test(test_refresh__a_login_s_end_beyond_reason_is_none),
		cmocka_unit_test(test_refresh__wrong_client),
		cmocka_unit_test(test_revoke__ends_the_grant_and_repeats),
		cmocka_unit_test(test_refresh__answers_that_google_never_gives),
		cmocka_unit_test(test_refresh__odd_lifetimes),
		cmocka_unit_test(test_login__damaged_redirects),
	};

	return cmocka_run_group_tests_name("oauth", tests, NULL, NULL);
}
