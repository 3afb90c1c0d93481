/* OAuth: the consent page, codes, refresh, revocation. */
#include <openssl/evp.h>

#include "../fake_google/fg_oauth.h"
#include "fg_edge_fixture.h"

#define TEST(name) cmocka_unit_test(test_fg_oauth__##name)

static const char verifier[] = "abcdefghijklmnopqrstuvwxyz0123456789-._~ABCDEF";
/* base64url(SHA-256(verifier)) */
static char *challenge_of(const char *text)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned int len;

	assert_true(EVP_Digest(text, strlen(text), digest, &len, EVP_sha256(), NULL));
	return fg_base64url(digest, len);
}

/* -- the page ----------------------------------------------------------------------------------- */

static void page(struct google *g, const char *query)
{
	AUTO(free) char *url = xasprintf("/o/oauth2/v2/auth?%s", query);

	raw(g, "GET", url, NULL, NULL, NULL, 0);
}

static void test_fg_oauth__page_refuses(void **state)
{
	static const struct {
		const char *query, *says;
	} cases[] = {
		{"redirect_uri=" REDIRECT "&response_type=code&scope=email", "client_id"},
		{"client_id=nobody&redirect_uri=" REDIRECT "&response_type=code&scope=email",
		 "invalid_client"},
		{"client_id=" CLIENT "&response_type=code&scope=email", "redirect_uri"},
		{"client_id=" CLIENT "&redirect_uri=http://example.com/cb&response_type=code"
		 "&scope=email",
		 "redirect_uri_mismatch"},
		{"client_id=" CLIENT "&redirect_uri=http://127.0.0.1.example.com/"
		 "&response_type=code&scope=email",
		 "redirect_uri_mismatch"},
		{"client_id=" CLIENT "&redirect_uri=https://127.0.0.1:1/&response_type=code"
		 "&scope=email",
		 "redirect_uri_mismatch"},
		{"client_id=" CLIENT "&redirect_uri=urn:ietf:wg:oauth:2.0:oob&response_type=code"
		 "&scope=email",
		 "invalid_request"},
		{"client_id=" CLIENT "&redirect_uri=" REDIRECT "&scope=email", "response_type"},
		{"client_id=" CLIENT "&redirect_uri=" REDIRECT "&response_type=token&scope=email",
		 "unsupported_response_type"},
		{"client_id=" CLIENT "&redirect_uri=" REDIRECT "&response_type=code", "scope"},
		{"client_id=" CLIENT "&redirect_uri=" REDIRECT "&response_type=code&scope=nonsense",
		 "invalid_scope"},
		{AUTH_QUERY "&code_challenge_method=S512&code_challenge=x", "invalid_request"},
		{AUTH_QUERY "&code_challenge_method=S256&code_challenge=short", "invalid_request"},
		{AUTH_QUERY "&code_challenge_method=S256", "invalid_request"},
		{"client_id=calsync-web.apps.googleusercontent.com&redirect_uri=" REDIRECT
		 "&response_type=code&scope=email",
		 "redirect_uri_mismatch"},
	};
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		page(g, cases[i].query);
		assert_status(g, 400);
		assert_null(answer_header(g, "Location"));
		if (!strstr(g->last.body.buf, cases[i].says))
			fail_msg("'%s' is not in the page of %s: %s", cases[i].says, cases[i].query,
				 g->last.body.buf);
	}
}

static void test_fg_oauth__page_escapes_what_it_is_given(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	page(g, "client_id=" CLIENT "&redirect_uri=%3Cscript%3E&response_type=code&scope=email");
	assert_status(g, 400);
	assert_null(strstr(g->last.body.buf, "<script>"));
}

static void test_fg_oauth__page_lists_accounts_and_scopes(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	control(g, "POST", "accounts", "{\"email\":\"two@example.com\"}");
	page(g, AUTH_QUERY "&login_hint=two@example.com");
	assert_non_null(strstr(g->last.body.buf, "value=\"user1@example.com\""));
	assert_non_null(strstr(g->last.body.buf, "value=\"two@example.com\" checked"));
	assert_non_null(strstr(g->last.body.buf, SCOPE "calendar<"));
	assert_non_null(strstr(g->last.body.buf, "name=\"decision\" value=\"allow\""));
	assert_non_null(strstr(g->last.body.buf, "name=\"decision\" value=\"deny\""));
}

static void test_fg_oauth__any_loopback_port_is_fine(void **state)
{
	static const char *const uris[] = {"http://127.0.0.1", "http://127.0.0.1:1/",
					   "http://[::1]:65535/x/y", "http://localhost:80/?a=b"};
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(uris); i++) {
		AUTO(free) char *uri = query_value(uris[i]);
		AUTO(free)
		char *query = xasprintf("client_id=" CLIENT "&redirect_uri=%s&response_type=code"
					"&scope=email&state=s",
					uri);

		consent(g, query, "allow");
		assert_status(g, 302);
		assert_int_equal(strncmp(answer_header(g, "Location"), uris[i], strlen(uris[i])),
				 0);
	}
}

static void test_fg_oauth__deny(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *error = NULL;
	AUTO(free) char *echoed = NULL;
	AUTO(free) char *code = NULL;

	(void)state;
	consent(g, AUTH_QUERY, "deny");
	assert_status(g, 302);
	error = location_param(g, "error");
	echoed = location_param(g, "state");
	code = location_param(g, "code");
	assert_string_equal(error, "access_denied");
	assert_string_equal(echoed, "st");
	assert_null(code);
}

static void test_fg_oauth__a_page_is_answered_once(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *form = NULL;
	const char *at;

	(void)state;
	page(g, AUTH_QUERY);
	at = strstr(g->last.body.buf, "name=\"request\" value=\"") + 22;
	form = xasprintf("request=%.*s&decision=allow", (int)strcspn(at, "\""), at);
	post_form(g, "/o/oauth2/v2/auth/decision", form);
	assert_status(g, 302);
	post_form(g, "/o/oauth2/v2/auth/decision", form);
	assert_status(g, 400);
}

static void test_fg_oauth__noted_as_violations(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	page(g, "client_id=" CLIENT "&redirect_uri=" REDIRECT "&response_type=code&scope=email"
		"&include_granted_scopes=true&bogus=1");
	assert_status(g, 200);
	assert_int_equal(violations(g, "include_granted_scopes"), 1);
	assert_int_equal(violations(g, "without state"), 1);
	assert_int_equal(violations(g, "'bogus'"), 1);
}

/* -- codes -------------------------------------------------------------------------------------- */

static void test_fg_oauth__code_gives_tokens(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *code = get_code(g, "");

	(void)state;
	exchange(g, code, "");
	assert_status(g, 200);
	assert_int_equal(json_int(g->json, "expires_in", 0), 3599);
	assert_string_equal(json_str(g->json, "token_type"), "Bearer");
	assert_string_equal(json_str(g->json, "scope"), SCOPE "calendar");
	assert_non_null(json_str(g->json, "refresh_token"));
	assert_true(strlen(json_str(g->json, "refresh_token")) <= 512);
	assert_true(strlen(json_str(g->json, "access_token")) <= 2048);
	assert_true(strlen(code) <= 256);
	assert_false(json_has(g->json, "id_token"));
	assert_false(json_has(g->json, "refresh_token_expires_in"));
	exchange(g, code, "");
	assert_oauth(g, 400, "invalid_grant", "Code was already redeemed.");
}

static void test_fg_oauth__code_expires(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *code = get_code(g, "");
	AUTO(free) char *other = get_code(g, "");

	(void)state;
	advance(g, 10 * 60 * 1000 - 1);
	exchange(g, code, "");
	assert_status(g, 200);
	advance(g, 1);
	exchange(g, other, "");
	assert_oauth(g, 400, "invalid_grant", "Bad Request");
}

static void test_fg_oauth__pkce(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *challenge = challenge_of(verifier);
	AUTO(free)
	char *s256 = xasprintf("&code_challenge=%s&code_challenge_method=S256", challenge);
	AUTO(free) char *plain = xasprintf("&code_challenge=%s", verifier);
	AUTO(free) char *right = xasprintf("&code_verifier=%s", verifier);
	AUTO(free) char *wrong = xasprintf("&code_verifier=%s", challenge);
	AUTO(free) char *code1 = get_code(g, s256);
	AUTO(free) char *code2 = get_code(g, plain);
	AUTO(free) char *code3 = get_code(g, "");

	(void)state;
	exchange(g, code1, "");
	assert_oauth(g, 400, "invalid_grant", "Missing code verifier.");
	exchange(g, code1, wrong);
	assert_oauth(g, 400, "invalid_grant", "Invalid code verifier.");
	exchange(g, code1, right);
	assert_status(g, 200);
	/* the default method is plain */
	exchange(g, code2, wrong);
	assert_oauth(g, 400, "invalid_grant", "Invalid code verifier.");
	exchange(g, code2, right);
	assert_status(g, 200);
	exchange(g, code3, right);
	assert_oauth(g, 400, "invalid_grant", "code_verifier or verifier is not needed.");
}

static void test_fg_oauth__token_endpoint_refuses(void **state)
{
	static const struct {
		const char *form;
		int status;
		const char *error, *description;
	} cases[] = {
		{"a=b", 400, "invalid_request", "Required parameter is missing: grant_type"},
		{"grant_type=password", 400, "unsupported_grant_type",
		 "Invalid grant_type: password"},
		{"grant_type=refresh_token", 400, "invalid_request",
		 "Could not determine client ID from request."},
		{"grant_type=refresh_token&client_id=x", 401, "invalid_client",
		 "The OAuth client was not found."},
		{"grant_type=refresh_token&client_id=" CLIENT, 400, "invalid_request",
		 "client_secret is missing."},
		{"grant_type=refresh_token&client_id=" CLIENT "&client_secret=x", 401,
		 "invalid_client", "The provided client secret is invalid."},
		{"grant_type=refresh_token&client_id=" CLIENT "&client_secret=" SECRET, 400,
		 "invalid_request", "Missing required parameter: refresh_token"},
		{"grant_type=refresh_token&refresh_token=x&client_id=" CLIENT
		 "&client_secret=" SECRET,
		 400, "invalid_grant", "Bad Request"},
		{"grant_type=authorization_code&client_id=" CLIENT "&client_secret=" SECRET, 400,
		 "invalid_request", "Missing required parameter: code"},
		{"grant_type=authorization_code&code=x&client_id=" CLIENT "&client_secret=" SECRET,
		 400, "invalid_request", "Missing required parameter: redirect_uri"},
		{"grant_type=authorization_code&code=x&redirect_uri=" REDIRECT "&client_id=" CLIENT
		 "&client_secret=" SECRET,
		 400, "invalid_grant", "Malformed auth code."},
		{"grant_type=urn:ietf:params:oauth:grant-type:jwt-bearer", 400, "invalid_request",
		 "Missing required parameter: assertion"},
	};
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		post_form(g, "/token", cases[i].form);
		assert_oauth(g, cases[i].status, cases[i].error, cases[i].description);
	}
	raw(g, "POST", "/token", "Content-Type: application/json", NULL, "{}", 2);
	assert_status(g, 400);
	raw(g, "GET", "/token", NULL, NULL, NULL, 0);
	assert_status(g, 404);
}

static void test_fg_oauth__other_redirect_or_client(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *code = get_code(g, "");
	AUTO(free) char *value = query_value(code);
	AUTO(free)
	char *other_uri = xasprintf("grant_type=authorization_code&code=%s&client_id=" CLIENT
				    "&client_secret=" SECRET "&redirect_uri=http://127.0.0.1:9/cb",
				    value);
	AUTO(free)
	char *other_client = xasprintf("grant_type=authorization_code&code=%s&client_id="
				       "calsync-web.apps.googleusercontent.com&client_secret="
				       "sandbox-web-secret&redirect_uri=" REDIRECT,
				       value);

	(void)state;
	post_form(g, "/token", other_uri);
	assert_oauth(g, 400, "redirect_uri_mismatch", "Bad Request");
	post_form(g, "/token", other_client);
	assert_oauth(g, 400, "unauthorized_client", "Unauthorized");
}

static void test_fg_oauth__basic_authentication(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *code = get_code(g, "");
	AUTO(free) char *value = query_value(code);
	AUTO(free) char *pair = fg_base64url(CLIENT ":" SECRET, strlen(CLIENT ":" SECRET));
	AUTO(free) char *header = xasprintf("Authorization: Basic %s", pair);
	AUTO(free)
	char *form =
		xasprintf("grant_type=authorization_code&code=%s&redirect_uri=" REDIRECT, value);

	(void)state;
	raw(g, "POST", "/token", FORM, header, form, strlen(form));
	assert_status(g, 200);
}

static void test_fg_oauth__device_flow_knows_no_calendar(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	post_form(g, "/device/code", "client_id=" CLIENT "&scope=" SCOPE "calendar");
	assert_oauth(g, 400, "invalid_scope", "Invalid device flow scope: " SCOPE "calendar");
}

/* -- refresh, expiry, revocation ---------------------------------------------------------------- */

/* A connected user: sets the tokens, the caller's. */
static void connect(struct google *g, char **out_refresh, char **out_access)
{
	AUTO(free) char *code = get_code(g, "");

	exchange(g, code, "");
	assert_status(g, 200);
	*out_refresh = xstrdup(json_str(g->json, "refresh_token"));
	*out_access = xstrdup(json_str(g->json, "access_token"));
}

static void test_fg_oauth__tokens_bear_the_mark(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = NULL;
	AUTO(free) char *access = NULL;

	(void)state;
	configure(g, "{\"token_mark\":\"Marked7/+=\",\"rotate_refresh_tokens\":true}");
	connect(g, &token, &access);
	assert_int_equal(strncmp(token, "1//0Marked7/+=", 14), 0);
	assert_int_equal(strncmp(access, "ya29.a0Marked7/+=", 17), 0);
	configure(g, "{\"token_mark\":null}");
	refresh(g, token);
	assert_null(strstr(json_str(g->json, "refresh_token"), "Marked7"));
}

static void test_fg_oauth__refresh(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = NULL;
	AUTO(free) char *access = NULL;

	(void)state;
	connect(g, &token, &access);
	refresh(g, token);
	assert_status(g, 200);
	assert_false(json_has(g->json, "refresh_token"));
	assert_string_not_equal(json_str(g->json, "access_token"), access);
	/* the access token of before lives on until it expires */
	google_send(g, access, "GET", "/calendar/v3/colors", NULL);
	assert_status(g, 200);
	advance(g, 3599 * 1000);
	google_send(g, access, "GET", "/calendar/v3/colors", NULL);
	assert_refused(g, 401, "authError");
	refresh(g, token);
	assert_status(g, 200);
}

static void test_fg_oauth__rotation(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = NULL;
	AUTO(free) char *access = NULL;
	AUTO(free) char *next = NULL;

	(void)state;
	connect(g, &token, &access);
	configure(g, "{\"rotate_refresh_tokens\":true}");
	refresh(g, token);
	assert_status(g, 200);
	next = xstrdup(json_str(g->json, "refresh_token"));
	refresh(g, token);
	assert_oauth(g, 400, "invalid_grant", "Token has been expired or revoked.");
	refresh(g, next);
	assert_status(g, 200);
}

static void test_fg_oauth__refresh_tokens_die(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = NULL;
	AUTO(free) char *access = NULL;
	AUTO(free) char *limited = NULL;
	AUTO(free) char *access2 = NULL;

	(void)state;
	connect(g, &token, &access);
	configure(g, "{\"refresh_token_expires_in\":604800}");
	connect(g, &limited, &access2);
	refresh(g, limited);
	assert_status(g, 200);
	advance(g, 604800 * 1000LL);
	refresh(g, limited);
	assert_oauth(g, 400, "invalid_grant", "Token has been expired or revoked.");
	refresh(g, token);
	assert_status(g, 200);
	/* six months without use */
	advance(g, 184 * 86400 * 1000LL);
	refresh(g, token);
	assert_oauth(g, 400, "invalid_grant", "Token has been expired or revoked.");
}

static void test_fg_oauth__time_limited_grant_says_so(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *code = get_code(g, "");

	(void)state;
	configure(g, "{\"refresh_token_expires_in\":604800}");
	exchange(g, code, "");
	assert_int_equal(json_int(g->json, "refresh_token_expires_in", 0), 604800);
}

static void test_fg_oauth__hundred_refresh_tokens(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	char *tokens[101];
	char *access;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(tokens); i++) {
		connect(g, &tokens[i], &access);
		free(access);
	}
	refresh(g, tokens[0]);
	assert_oauth(g, 400, "invalid_grant", "Token has been expired or revoked.");
	refresh(g, tokens[1]);
	assert_status(g, 200);
	refresh(g, tokens[100]);
	assert_status(g, 200);
	for (size_t i = 0; i < ARRAY_SIZE(tokens); i++)
		free(tokens[i]);
}

static void test_fg_oauth__revoke(void **state)
{
	for (int with_access = 0; with_access < 2; with_access++) {
		AUTO(google_free) struct google *g = google_new();
		AUTO(free) char *token = NULL;
		AUTO(free) char *access = NULL;
		AUTO(free) char *form = NULL;
		AUTO(free) char *value = NULL;

		connect(g, &token, &access);
		value = query_value(with_access ? access : token);
		form = xasprintf("token=%s", value);
		post_form(g, "/revoke", form);
		assert_status(g, 200);
		refresh(g, token);
		assert_oauth(g, 400, "invalid_grant", "Token has been expired or revoked.");
		google_send(g, access, "GET", "/calendar/v3/colors", NULL);
		assert_refused(g, 401, "authError");
		post_form(g, "/revoke", form);
		assert_oauth(g, 400, "invalid_token", "Token expired or revoked");
		/* the test's own token is no part of the grant */
		google(g, "GET", "/calendar/v3/colors", NULL);
		assert_status(g, 200);
	}
	(void)state;
}

static void test_fg_oauth__expire_on_demand(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = NULL;
	AUTO(free) char *access = NULL;

	(void)state;
	connect(g, &token, &access);
	control(g, "POST", "expire", "{\"access_tokens\":true}");
	google_send(g, access, "GET", "/calendar/v3/colors", NULL);
	assert_refused(g, 401, "authError");
	refresh(g, token);
	assert_status(g, 200);
	control(g, "POST", "expire", "{\"refresh_tokens\":true,\"account\":\"user1@example.com\"}");
	refresh(g, token);
	assert_oauth(g, 400, "invalid_grant", "Token has been expired or revoked.");
}

static void test_fg_oauth__partial_grant(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *code = NULL;
	AUTO(free) char *access = NULL;

	(void)state;
	configure(g, "{\"granted_scopes\":[\"" SCOPE "calendar.events.readonly\"]}");
	code = get_code(g, "");
	exchange(g, code, "");
	assert_string_equal(json_str(g->json, "scope"), SCOPE "calendar.events.readonly");
	access = xstrdup(json_str(g->json, "access_token"));
	google_send(g, access, "GET", PRIMARY, NULL);
	assert_status(g, 200);
	google_send(g, access, "GET", "/calendar/v3/colors", NULL);
	assert_refused(g, 403, "insufficientPermissions");
}

static void test_fg_oauth__web_client_gets_refresh_token_only_offline(void **state)
{
#define WEB_QUERY                                                                              \
	"client_id=calsync-web.apps.googleusercontent.com&redirect_uri=http://127.0.0.1:8085/" \
	"callback&response_type=code&state=s&scope=email"
	static const struct {
		const char *query;
		bool refresh;
	} steps[] = {
		{WEB_QUERY, false},
		{WEB_QUERY "&access_type=offline", true},
		{WEB_QUERY "&access_type=offline", false}, /* only the first consent */
		{WEB_QUERY "&access_type=offline&prompt=consent", true},
	};
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		AUTO(free) char *code = NULL;
		AUTO(free) char *value = NULL;
		AUTO(free) char *form = NULL;

		consent(g, steps[i].query, "allow");
		code = location_param(g, "code");
		value = query_value(code);
		form = xasprintf("grant_type=authorization_code&code=%s&client_id=calsync-web.apps."
				 "googleusercontent.com&client_secret=sandbox-web-secret&"
				 "redirect_uri=http://127.0.0.1:8085/callback",
				 value);
		post_form(g, "/token", form);
		assert_status(g, 200);
		assert_int_equal(json_has(g->json, "refresh_token"), steps[i].refresh);
		assert_true(json_has(g->json, "id_token"));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(page_refuses),
		TEST(page_escapes_what_it_is_given),
		TEST(page_lists_accounts_and_scopes),
		TEST(any_loopback_port_is_fine),
		TEST(deny),
		TEST(a_page_is_answered_once),
		TEST(noted_as_violations),
		TEST(code_gives_tokens),
		TEST(code_expires),
		TEST(pkce),
		TEST(token_endpoint_refuses),
		TEST(other_redirect_or_client),
		TEST(basic_authentication),
		TEST(device_flow_knows_no_calendar),
		TEST(tokens_bear_the_mark),
		TEST(refresh),
		TEST(rotation),
		TEST(refresh_tokens_die),
		TEST(time_limited_grant_says_so),
		TEST(hundred_refresh_tokens),
		TEST(revoke),
		TEST(expire_on_demand),
		TEST(partial_grant),
		TEST(web_client_gets_refresh_token_only_offline),
	};

	return cmocka_run_group_tests_name("fg_oauth", tests, NULL, NULL);
}
