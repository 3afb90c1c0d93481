/* What a log line or an error may say of a secret: nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/log.h"
#include "base/redact.h"
#include "base/xalloc.h"

struct row {
	const char *text, *want; /* want NULL: as it is */
};

static void check(const struct row *rows, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		AUTO(free) char *text = xstrdup(rows[i].text);

		redact(text);
		assert_string_equal(text, rows[i].want ? rows[i].want : rows[i].text);
		redact(text); /* and once more: the error that a log line repeats */
		assert_string_equal(text, rows[i].want ? rows[i].want : rows[i].text);
	}
}

static void test_redact__headers(void **state)
{
	static const struct row rows[] = {
		{"Authorization: Bearer ya29.a0Secret", "Authorization: ***"},
		{"> authorization:Basic c2VjcmV0\r\n> Host: x", "> authorization:***\r\n> Host: x"},
		{"AUTHORIZATION:\tsecret", "AUTHORIZATION:\t***"},
		{"Proxy-Authorization: Digest username=x, response=y", "Proxy-Authorization: ***"},
		{"Cookie: SID=1; HSID=2\nNext: 1", "Cookie: ***\nNext: 1"},
		{"Set-Cookie: SID=1", "Set-Cookie: ***"},
		{"X-Goog-Api-Key: AIzaSecret", "X-Goog-Api-Key: ***"},
		{"sent Bearer abcdefghijklmnopqrstuvwxyz to it", "sent Bearer *** to it"},
		{"a Bearer t1 is no good", "a Bearer ** is no good"},
		{"Basic dXNlcjpwYXNzd29yZA==", "Basic ***"},
	};

	(void)state;
	check(rows, ARRAY_SIZE(rows));
}

static void test_redact__forms_and_queries(void **state)
{
	static const struct row rows[] = {
		{"grant_type=refresh_token&refresh_token=1//0abc&client_id=x&client_secret=s3",
		 "grant_type=refresh_token&refresh_token=***&client_id=x&client_secret=**"},
		{"http://127.0.0.1:1/callback?state=x&code=4/0AbC&scope=y",
		 "http://127.0.0.1:1/callback?state=x&code=***&scope=y"},
		{"code=4%2F0AbC&code_verifier=vvv", "code=***&code_verifier=***"},
		{"?access_token=abc#frag", "?access_token=***#frag"},
		{"assertion=e.y.J&x=1", "assertion=***&x=1"},
		{"?token=abc", "?token=***"},
		{"&id_token=abc&", "&id_token=***&"},
		{"GOOGLE_CLIENT_SECRET=abc ./calsync", "GOOGLE_CLIENT_SECRET=*** ./calsync"},
		{"google.client_secret = 'a b c' there", "google.client_secret = '***' there"},
		{"code=\"a b\" c", "code=\"***\" c"},
		{"(password=abc)", "(password=***)"},
		{"ACCESS_TOKEN=ABC", "ACCESS_TOKEN=***"},
		{"code=a&code=b", "code=*&code=*"},
	};

	(void)state;
	check(rows, ARRAY_SIZE(rows));
}

static void test_redact__json(void **state)
{
	static const struct row rows[] = {
		{"{\"access_token\":\"abc\",\"expires_in\":3600}",
		 "{\"access_token\":\"***\",\"expires_in\":3600}"},
		{"{\"refresh_token\" : \"a\\\"b\", \"x\": 1}",
		 "{\"refresh_token\" : \"***\", \"x\": 1}"},
		{"{\"client_secret\": \"abc", "{\"client_secret\": \"***"}, /* cut short */
		{"{\"id_token\":\"abc\\\\\"}", "{\"id_token\":\"***\"}"},
		{"\"{\\\"access_token\\\":\\\"abc\\\",\\\"x\\\":1}\"",
		 "\"{\\\"access_token\\\":\\\"***\\\",\\\"x\\\":1}\""},
		{"\"private_key\": \"-----BEGIN PRIVATE KEY-----\\nMII\\n-----END PRIVATE "
		 "KEY-----\\n\"}",
		 "\"private_key\": \"***\"}"},
		{"{'assertion': 'abc'}", "{'assertion': '***'}"},
	};

	(void)state;
	check(rows, ARRAY_SIZE(rows));
}

static void test_redact__shapes(void **state)
{
	static const struct row rows[] = {
		{"the token ya29.a0AbC-_x was refused", "the token *** was refused"},
		{"'1//0gAbCdEfGh-x' is unknown", "'***' is unknown"},
		{"1%2F%2F0gAbCdEfGh", "***"},
		{"got 4/0AbCdEfGhIjK, used", "got ***, used"},
		{"secret GOCSPX-abcd_e", "secret ***"},
		{"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln-_ is expired", "*** is expired"},
		{"key -----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY----- end",
		 "key *** end"},
		{"-----BEGIN RSA PRIVATE KEY----- MIIE", "***"},
	};

	(void)state;
	check(rows, ARRAY_SIZE(rows));
}

/* Nothing else goes. */
static void test_redact__what_stays(void **state)
{
	static const struct row rows[] = {
		{"", NULL},
		{"Google answered 403 rateLimitExceeded: slow down", NULL},
		{"{\"error\": {\"code\": 401, \"message\": \"x\"}}", NULL},
		{"the token: not found", NULL},
		{"exit code: 3", NULL},
		{"error_code=12&pageToken=abc&syncToken=def", NULL},
		{"a token that is not of type Bearer", NULL},
		{"Bearer authentication is wanted", NULL},
		{"Basic rules", NULL},
		{"decode=x, barcode=y", NULL},
		{"event 4/0 of 1//0", NULL},
		{"eyJust a word. And another", NULL},
		{"-----BEGIN CERTIFICATE----- MII", NULL},
		{"-----BEGIN ", NULL},
		{"token=", NULL},
		{"\"access_token\": null", NULL},
		{"see https://example.com/access_token", NULL},
		{"Unauthorization: x", NULL},
		{"B\xc3\xbc"
		 "ro: caf\xc3\xa9",
		 NULL},
	};

	(void)state;
	check(rows, ARRAY_SIZE(rows));
}

static void test_redact__every_error_and_log_line(void **state)
{
	struct err err = {0};
	char line[300] = "";
	int fds[2], saved;

	(void)state;
	err_set(&err, ERR_NETWORK, "no answer from 'x': %s",
		"bad header 'Authorization: Bearer abc'");
	assert_string_equal(err.msg, "no answer from 'x': bad header 'Authorization: ***");
	err_wrap(&err, "with %s", "refresh_token=abc");
	assert_non_null(strstr(err.msg, "with refresh_token=***: no answer"));
	assert_int_equal(pipe(fds), 0);
	saved = dup(STDERR_FILENO);
	dup2(fds[1], STDERR_FILENO);
	log_set_level(2);
	log_debug("http", "GET /x?access_token=%s", "abc");
	log_error("http", "code=%s", "abc");
	log_set_level(0);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fds[1]);
	assert_true(read(fds[0], line, sizeof(line) - 1) > 0);
	close(fds[0]);
	assert_string_equal(line, "calsync: debug: http: GET /x?access_token=***\n"
				  "calsync: http: code=***\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_redact__headers),
		cmocka_unit_test(test_redact__forms_and_queries),
		cmocka_unit_test(test_redact__json),
		cmocka_unit_test(test_redact__shapes),
		cmocka_unit_test(test_redact__what_stays),
		cmocka_unit_test(test_redact__every_error_and_log_line),
	};

	return cmocka_run_group_tests_name("redact", tests, NULL, NULL);
}
