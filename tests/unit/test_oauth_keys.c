/* Key files: service accounts and the tokens they are traded for, OAuth clients. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

#include "base/io.h"
#include "fakes.h"
#include "google/oauth.h"
#include "google/oauth_internal.h"
#include "temp_tree.h"

#define NOW_MS 1768464000000

/* --- service accounts -------------------------------------------------------------------- */

static char *key_file(EVP_PKEY *pkey, const char *type)
{
	AUTO(json_object_put) struct json_object *obj = json_object_new_object();
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem = NULL;
	long n;

	assert_int_equal(PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL), 1);
	n = BIO_get_mem_data(bio, &pem);
	json_set_str(obj, "type", type);
	json_set_str(obj, "client_email", "robot@project.iam.gserviceaccount.com");
	json_set_str(obj, "private_key_id", "kid1");
	json_set(obj, "private_key", json_object_new_string_len(pem, (int)n));
	BIO_free(bio);
	return xstrdup(json_text(obj));
}

static struct json_object *jwt_part(const char *form, int index)
{
	static const char alphabet[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const char *at = strstr(form, "assertion=") + strlen("assertion=");
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct json_object *obj = NULL;
	unsigned bits = 0;
	int have = 0;
	struct err err;

	while (index--)
		at = strchr(at, '.') + 1;
	for (; *at && *at != '.'; at++) {
		bits = bits << 6 | (unsigned)(strchr(alphabet, *at) - alphabet);
		have += 6;
		if (have >= 8) {
			have -= 8;
			strbuf_addc(&text, (char)(bits >> have));
		}
	}
	assert_int_equal(json_parse(text.buf, text.len, &obj, &err), 0);
	return obj;
}

static void test_service_account__signs_what_google_asks_for(void **state)
{
	static const struct scripted_answer good[] = {{200, NULL, "{\"access_token\": \"a\"}"}};
	EVP_PKEY *pkey = EVP_RSA_gen(2048);
	AUTO(free) char *key = key_file(pkey, "service_account");
	AUTO(oauth_token_release) struct oauth_token out = {0};
	struct fake_clock clock = fake_clock_at(NOW_MS);
	AUTO(json_object_put) struct json_object *header = NULL;
	AUTO(json_object_put) struct json_object *claims = NULL;
	struct scripted s = {0};
	struct err err;

	(void)state;
	scripted_set(&s, good, 1);
	assert_int_equal(oauth_service_account(&s.base, &clock.base, "", key, strlen(key),
					       "user@example.com", "scope1 scope2", &out, &err),
			 0);
	assert_non_null(
		strstr(s.asked[0].body,
		       "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&"));
	header = jwt_part(s.asked[0].body, 0);
	claims = jwt_part(s.asked[0].body, 1);
	assert_string_equal(json_text(header),
			    "{\"alg\":\"RS256\",\"typ\":\"JWT\",\"kid\":\"kid1\"}");
	assert_string_equal(json_str(claims, "iss"), "robot@project.iam.gserviceaccount.com");
	assert_string_equal(json_str(claims, "sub"), "user@example.com");
	assert_string_equal(json_str(claims, "scope"), "scope1 scope2");
	assert_string_equal(json_str(claims, "aud"), "https://oauth2.googleapis.com/token");
	assert_int_equal(json_int(claims, "iat", 0), NOW_MS / 1000);
	assert_int_equal(json_int(claims, "exp", 0), NOW_MS / 1000 + 3600);
	scripted_forget(&s);
	EVP_PKEY_free(pkey);
}

/* Google says invalid_grant to a JWT from the future or the past: that is the clock's fault. */
static void test_service_account__wrong_clock_is_corrected_once(void **state)
{
	static const struct scripted_answer answers[] = {
		{400, "Date: Thu, 15 Jan 2026 10:00:00 GMT", "{\"error\": \"invalid_grant\"}"},
		{200, NULL, "{\"access_token\": \"a\"}"},
	};
	static const struct scripted_answer twice[] = {
		{400, "Date: Thu, 15 Jan 2026 10:00:00 GMT", "{\"error\": \"invalid_grant\"}"},
	};
	static const struct scripted_answer right_clock[] = {
		{400, "Date: Thu, 15 Jan 2026 08:00:10 GMT", "{\"error\": \"invalid_grant\"}"},
	};
	EVP_PKEY *pkey = EVP_RSA_gen(2048);
	AUTO(free) char *key = key_file(pkey, "service_account");
	AUTO(oauth_token_release) struct oauth_token out = {0};
	struct fake_clock clock = fake_clock_at(NOW_MS); /* 08:00 */
	AUTO(json_object_put) struct json_object *claims = NULL;
	struct scripted s = {0};
	struct err err;

	(void)state;
	scripted_set(&s, answers, 2);
	assert_int_equal(oauth_service_account(&s.base, &clock.base, "", key, strlen(key), NULL,
					       "s", &out, &err),
			 0);
	claims = jwt_part(s.asked[1].body, 1);
	assert_int_equal(json_int(claims, "iat", 0), 1768471200);
	assert_false(json_has(claims, "sub"));
	scripted_forget(&s);
	scripted_set(&s, twice, 1);
	assert_int_equal(oauth_service_account(&s.base, &clock.base, "", key, strlen(key), NULL,
					       "s", &out, &err),
			 -1);
	assert_int_equal(err.code, ERR_TOKEN_EXPIRED);
	assert_int_equal(s.asked_count, 2);
	scripted_forget(&s);
	scripted_set(&s, right_clock, 1);
	assert_int_equal(oauth_service_account(&s.base, &clock.base, "", key, strlen(key), NULL,
					       "s", &out, &err),
			 -1);
	assert_int_equal(s.asked_count, 1);
	scripted_forget(&s);
	EVP_PKEY_free(pkey);
}

static void test_service_account__unusable_keys(void **state)
{
	static const struct scripted_answer never[] = {{.status = 500}};
	EVP_PKEY *ec = EVP_EC_gen("P-256");
	char *const keys[] = {
		xstrdup(""),
		xstrdup("{}"),
		xstrdup("{\"type\": \"authorized_user\"}"),
		xstrdup("{\"type\": \"service_account\", \"client_email\": \"a\"}"),
		xstrdup("{\"type\": \"service_account\", \"client_email\": \"a\", \"private_key\": "
			"\"x\"}"),
		key_file(ec, "service_account"),
		key_file(ec, "other"),
	};
	struct fake_clock clock = fake_clock_at(NOW_MS);
	struct scripted s = {0};

	(void)state;
	scripted_set(&s, never, 1);
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		AUTO(oauth_token_release) struct oauth_token out = {0};
		struct err err;

		assert_int_equal(oauth_service_account(&s.base, &clock.base, "", keys[i],
						       strlen(keys[i]), NULL, "s", &out, &err),
				 -1);
		assert_int_equal(err.code, ERR_INVALID);
		free(keys[i]);
	}
	assert_int_equal(s.asked_count, 0);
	EVP_PKEY_free(ec);
}

/* --- the client file --------------------------------------------------------------------- */

static void test_client__files(void **state)
{
	static const struct {
		const char *text;
		enum err_code code;
	} cases[] = {
		{"{\"installed\": {\"client_id\": \"id1\", \"client_secret\": \"s1\"}}", ERR_NONE},
		{"{\"web\": {\"client_id\": \"id1\", \"client_secret\": \"s1\"}}", ERR_NONE},
		{"{\"installed\": {\"client_id\": \"id1\"}}", ERR_NONE},
		{"{\"installed\": {}}", ERR_INVALID},
		{"{\"installed\": {\"client_id\": \"a b\"}}", ERR_INVALID},
		{"{\"installed\": {\"client_id\": \"a\", \"client_secret\": \"a\\nb\"}}",
		 ERR_INVALID},
		{"{\"type\": \"service_account\"}", ERR_INVALID},
		{"{\"installed\":", ERR_INVALID},
		{"", ERR_INVALID},
	};
	char folder[TEMP_TREE_LEN];
	AUTO(free) char *path = NULL;
	struct oauth_client c = {0};
	struct err err;

	(void)state;
	assert_int_equal(temp_tree_make(folder), 0);
	path = xasprintf("%s/client.json", folder);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		assert_int_equal(
			io_write_file(path, cases[i].text, strlen(cases[i].text), 0600, &err), 0);
		memset(&err, 0, sizeof(err));
		if (oauth_client_load(path, &c, &err) != (cases[i].code ? -1 : 0) ||
		    err.code != cases[i].code)
			fail_msg("case %zu: %s", i, err.msg);
		if (err.code)
			continue;
		assert_string_equal(c.id, "id1");
		if (c.secret)
			assert_string_equal(c.secret, "s1");
		oauth_client_release(&c);
	}
	temp_tree_remove(folder);
	assert_int_equal(oauth_client_load(path, &c, &err), -1);
	assert_int_equal(err.code, ERR_USAGE);
	assert_non_null(strstr(err.msg, path));
}

/* A web client is answered at an address of its own, the first that is on this machine. */
static void test_client__redirect_of_a_web_client(void **state)
{
	static const struct {
		const char *text, *redirect;
		bool web;
	} rows[] = {
		{"{\"installed\":{\"client_id\":\"i\",\"redirect_uris\":[\"http://localhost\"]}}",
		 NULL, false},
		{"{\"web\":{\"client_id\":\"i\"}}", NULL, true},
		{"{\"web\":{\"client_id\":\"i\",\"redirect_uris\":\"http://localhost\"}}", NULL,
		 true},
		{"{\"web\":{\"client_id\":\"i\",\"redirect_uris\":[7,null,{}]}}", NULL, true},
		{"{\"web\":{\"client_id\":\"i\",\"redirect_uris\":[\"https://example.com/a\"]}}",
		 NULL, true},
		{"{\"web\":{\"client_id\":\"i\",\"redirect_uris\":[\"https://example.com/a\","
		 "\"http://127.0.0.1:8085/callback\",\"http://localhost:1/\"]}}",
		 "http://127.0.0.1:8085/callback", true},
	};
	char folder[TEMP_TREE_LEN];
	AUTO(free) char *path = NULL;

	(void)state;
	assert_int_equal(temp_tree_make(folder), 0);
	path = xasprintf("%s/client.json", folder);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(oauth_client_release) struct oauth_client c = {0};
		struct err err;

		assert_int_equal(
			io_write_file(path, rows[i].text, strlen(rows[i].text), 0600, &err), 0);
		if (oauth_client_load(path, &c, &err))
			fail_msg("row %zu: %s", i, err.msg);
		assert_int_equal(c.web, rows[i].web);
		if (!rows[i].redirect)
			assert_null(c.redirect_uri);
		else
			assert_string_equal(c.redirect_uri, rows[i].redirect);
	}
	temp_tree_remove(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_service_account__signs_what_google_asks_for),
		cmocka_unit_test(test_service_account__wrong_clock_is_corrected_once),
		cmocka_unit_test(test_service_account__unusable_keys),
		cmocka_unit_test(test_client__files),
		cmocka_unit_test(test_client__redirect_of_a_web_client),
	};

	return cmocka_run_group_tests_name("oauth_keys", tests, NULL, NULL);
}
