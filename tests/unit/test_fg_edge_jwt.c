/* Service accounts: the JWT bearer grant. */
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "../fake_google/fg_oauth.h"
#include "fg_edge_fixture.h"

#define TEST(name) cmocka_unit_test(test_fg_jwt__##name)

#define ROBOT "robot@project.iam.gserviceaccount.com"

static EVP_PKEY *robot_key;

static int make_key(void **state)
{
	(void)state;
	robot_key = EVP_RSA_gen(2048);
	return robot_key ? 0 : -1;
}

static int drop_key(void **state)
{
	(void)state;
	EVP_PKEY_free(robot_key);
	return 0;
}

static void add_robot(struct google *g)
{
	AUTO(json_object_put) struct json_object *file = json_object_new_object();
	BIO *bio = BIO_new(BIO_s_mem());
	struct err err;
	char *pem;
	long len;

	assert_true(PEM_write_bio_PrivateKey(bio, robot_key, NULL, NULL, 0, NULL, NULL));
	len = BIO_get_mem_data(bio, &pem);
	json_set(file, "private_key", json_object_new_string_len(pem, (int)len));
	json_set_str(file, "type", "service_account");
	json_set_str(file, "client_email", ROBOT);
	BIO_free_all(bio);
	assert_int_equal(
		fg_service_account_add(g->fg, json_text(file), strlen(json_text(file)), &err), 0);
}

/* claims: JSON text. The caller frees it. */
static char *sign(const char *header, const char *claims)
{
	AUTO(free) char *a = fg_base64url(header, strlen(header));
	AUTO(free) char *b = fg_base64url(claims, strlen(claims));
	AUTO(free) char *text = xasprintf("%s.%s", a, b);
	AUTO(free) char *c = NULL;
	unsigned char signature[512];
	size_t len = sizeof(signature);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();

	assert_int_equal(EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, robot_key), 1);
	assert_int_equal(EVP_DigestSign(ctx, signature, &len, (unsigned char *)text, strlen(text)),
			 1);
	EVP_MD_CTX_free(ctx);
	c = fg_base64url(signature, len);
	return xasprintf("%s.%s", text, c);
}

static void present(struct google *g, const char *assertion)
{
	AUTO(free)
	char *form = xasprintf("grant_type=urn%%3Aietf%%3Aparams%%3Aoauth%%3Agrant-type%%3A"
			       "jwt-bearer&assertion=%s",
			       assertion);

	post_form(g, "/token", form);
}

#define NOW_S  (FG_TEST_NOW / 1000)
#define RS256  "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"1\"}"
#define GOOGLE "https://oauth2.googleapis.com/token"

static char *claims(const char *iss, const char *scope, const char *aud, long long iat,
		    long long exp, const char *more)
{
	return xasprintf("{\"iss\":\"%s\",\"scope\":\"%s\",\"aud\":\"%s\",\"iat\":%lld,"
			 "\"exp\":%lld%s}",
			 iss, scope, aud, iat, exp, more);
}

static void test_fg_jwt__refuses(void **state)
{
	static const char late[] =
		"Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable "
		"timeframe. Check your iat and exp values in the JWT claim.";
	static const struct {
		const char *header, *iss, *scope, *aud;
		long long iat, exp;
		const char *more;
		int status;
		const char *error, *description;
	} cases[] = {
		{RS256, "x@y", SCOPE "calendar", GOOGLE, NOW_S, NOW_S + 60, "", 400,
		 "invalid_grant", "Invalid grant: account not found"},
		{"{\"alg\":\"none\"}", ROBOT, SCOPE "calendar", GOOGLE, NOW_S, NOW_S + 60, "", 400,
		 "invalid_grant", "Invalid JWT Signature."},
		{RS256, ROBOT, SCOPE "calendar", "https://example.com", NOW_S, NOW_S + 60, "", 400,
		 "invalid_grant",
		 "Invalid JWT: Failed audience check. The right audience is " GOOGLE},
		{RS256, ROBOT, SCOPE "calendar", GOOGLE, NOW_S, NOW_S + 3601, "", 400,
		 "invalid_grant", late},
		{RS256, ROBOT, SCOPE "calendar", GOOGLE, NOW_S + 600, NOW_S + 900, "", 400,
		 "invalid_grant", late},
		{RS256, ROBOT, SCOPE "calendar", GOOGLE, NOW_S - 3900, NOW_S - 400, "", 400,
		 "invalid_grant", late},
		{RS256, ROBOT, "", GOOGLE, NOW_S, NOW_S + 60, "", 400, "invalid_scope",
		 "Empty or missing scope not allowed."},
		{RS256, ROBOT, "nonsense", GOOGLE, NOW_S, NOW_S + 60, "", 400, "invalid_scope",
		 "Invalid OAuth scope or ID token audience provided."},
		{RS256, ROBOT, SCOPE "calendar", GOOGLE, NOW_S, NOW_S + 60,
		 ",\"sub\":\"nobody@example.com\"", 400, "invalid_grant",
		 "Invalid email or User ID"},
		{RS256, ROBOT, SCOPE "calendar.events", GOOGLE, NOW_S, NOW_S + 60,
		 ",\"sub\":\"user1@example.com\"", 401, "unauthorized_client",
		 "Client is unauthorized to retrieve access tokens using this method, or client "
		 "not authorized for any of the scopes requested."},
	};
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	add_robot(g);
	configure(g, "{\"delegated_scopes\":[\"" SCOPE "calendar\"]}");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(free)
		char *text = claims(cases[i].iss, cases[i].scope, cases[i].aud, cases[i].iat,
				    cases[i].exp, cases[i].more);
		AUTO(free) char *token = sign(cases[i].header, text);

		present(g, token);
		assert_oauth(g, cases[i].status, cases[i].error, cases[i].description);
	}
	present(g, "no.jwt");
	assert_oauth(g, 400, "invalid_grant", "Bad Request");
}

static void test_fg_jwt__signature(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *text = claims(ROBOT, SCOPE "calendar", GOOGLE, NOW_S, NOW_S + 3600, "");
	AUTO(free) char *token = sign(RS256, text);

	(void)state;
	add_robot(g);
	present(g, token);
	assert_status(g, 200);
	assert_false(json_has(g->json, "refresh_token"));
	assert_int_equal(json_int(g->json, "expires_in", 0), 3599);
	/* one digit of the claims changed */
	strchr(token, '.')[5] ^= 1;
	present(g, token);
	assert_status(g, 400);
	assert_string_equal(json_str(g->json, "error"), "invalid_grant");
}

static void test_fg_jwt__acts_for(void **state)
{
	static const struct {
		const char *more, *primary;
	} cases[] = {{",\"sub\":\"user1@example.com\"", "user1@example.com"}, {"", ROBOT}};
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	add_robot(g);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(free)
		char *text =
			claims(ROBOT, SCOPE "calendar", GOOGLE, NOW_S, NOW_S + 3600, cases[i].more);
		AUTO(free) char *token = sign(RS256, text);
		AUTO(free) char *access = NULL;

		present(g, token);
		access = xstrdup(json_str(g->json, "access_token"));
		google_send(g, access, "GET", "/calendar/v3/calendars/primary", NULL);
		assert_status(g, 200);
		assert_string_equal(json_str(g->json, "id"), cases[i].primary);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(refuses),
		TEST(signature),
		TEST(acts_for),
	};

	return cmocka_run_group_tests_name("fg_jwt", tests, make_key, drop_key);
}
