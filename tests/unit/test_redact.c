/* What a log line or an error may say of a secret: nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
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
		{"> Authorization : Bearer abcdefgh", "> Authorization : ***"},
		{"\"Authorization: Bearer abc\" was refused", "\"Authorization: ***\" was refused"},
		{"'Cookie: SID=1; HSID=2' and more", "'Cookie: ***' and more"},
		{"Cookie: SID=1; HSID=2  and more", "Cookie: ***  and more"},
		{"Bearer%20abcdef0123456789", "Bearer%20***"},
		{"X-Goog-Channel-Token: abc is wrong", "X-Goog-Channel-Token: *** is wrong"},
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

/* As a server repeats it: encoded, escaped, in another spelling. */
static void test_redact__as_others_write_it(void **state)
{
	static const struct row rows[] = {
		{"access_token%3Dya29.a0SECRET", "access_token%3D***"},
		{"refresh_token%253Dabc", "refresh_token%253D***"},
		{"Bearer%20ya29.a0SECRET", "Bearer%20***"},
		{"state%3Dabc%26code%3D4%2F0AbCdEfGhIjKlMnOpQr", "state%3Dabc%26code%3D***"},
		{"%7B%22access_token%22%3A%22abc%22%7D", "%7B%22access_token%22%3A%22***"},
		{"bad \\u003dya29.a0SECRET", "bad \\u003d***"},
		{"bad token\\u003d1//0SECRETSECRET", "bad token\\u003d***"},
		{"\\u0026code\\u003dabc\\u0026x", "\\u0026code\\u003d***\\u0026x"},
		{"line\\nya29.a0SECRET", "line\\n***"},
		{"line\\n1//0SECRETsecret", "line\\n***"},
		{"line\\neyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJ4In0.c2ln", "line\\n***"},
		{"x 1\\/\\/0SECRETsecret", "x ***"},
		{"refresh_token=1\\/\\/0SECRET", "refresh_token=***"},
		{"{\\\"refresh_token\\\": \\\"abc\\\"}", "{\\\"refresh_token\\\": \\\"***\\\"}"},
		{"{\\\\\\\"refresh_token\\\\\\\": \\\\\\\"a\\\"c\\\\\\\"}",
		 "{\\\\\\\"refresh_token\\\\\\\": \\\\\\\"***\\\\\\\"}"},
		{"refreshToken: \"abc\"", "refreshToken: \"***\""},
		{"accessToken=abc", "accessToken=***"},
		{"\"clientSecret\": \"abc\"", "\"clientSecret\": \"***\""},
		{"idToken=abc", "idToken=***"},
		{"refresh_token: abcdefghij0123456789", "refresh_token: ***"},
		{"client_secret abcdefghij0123456789 it is", "client_secret *** it is"},
		{"token=[abc]", "token=[***]"},
		{"client_secret='a\\'b'", "client_secret='***'"},
		{"ya29.\001SECRET", "***"},
		{"ya29.\xe2\x80\x8bSECRET x", "*** x"},
		{"refresh_token: abcdefghij\0010123456789", "refresh_token: ***"},
		{"xya29.a0SECRET", "x***"},
		{"{\"authorizationCode\": \"4\\/0Ab\\/c\"}", "{\"authorizationCode\": \"***\"}"},
		{"auth_code%25253D4%25252F0Ab", "auth_code%25253D***"},
		{"refresh_token=1\\u002f\\u002f0Ab\\u002b\\u0026x=1",
		 "refresh_token=***\\u0026x=1"},
		{"is 4\\\\/0AbCdEfGhIjK", "is ***"},
		{"is ya29.a0Ab\\/c\\u003d.", "is ***"},
	};

	(void)state;
	check(rows, ARRAY_SIZE(rows));
}

static void test_redact__passwords(void **state)
{
	static const struct row rows[] = {
		{"password: hunter2", "password: ***"},
		{"Password: hunter2, user: x", "Password: ***, user: x"},
		{"smtp_passwd: abc", "smtp_passwd: ***"},
		{"passphrase: a", "passphrase: *"},
		{"client_secret: sandbox-secret", "client_secret: ***"},
		{"proxyPassword=x/y", "proxyPassword=***"},
		{"a password is wanted", NULL},
		{"no password: ", NULL},
	};

	(void)state;
	check(rows, ARRAY_SIZE(rows));
}

#define HEX_KEY  "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define PEM_LINE "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"

/* Without anything that says what it is. */
static void test_redact__keys_alone(void **state)
{
	static const struct row rows[] = {
		{HEX_KEY, "***"},
		{"key '" HEX_KEY "' here", "key '***' here"},
		{"key=" HEX_KEY "\n", "key=***\n"},
		{PEM_LINE, "***"},
		{"\n" PEM_LINE "\n" PEM_LINE "\nx", "\n***\n***\nx"},
		{PEM_LINE "\r\n" PEM_LINE "\r\n", "***\r\n***\r\n"},
		{HEX_KEY "0", NULL},
		{"c_" HEX_KEY "@group.calendar.google.com", NULL},
		{HEX_KEY "@group.calendar.google.com", NULL},
		{"/calendars/" HEX_KEY "%40group.calendar.google.com", NULL},
		{"'/cache/" HEX_KEY "'", NULL},
		{PEM_LINE ".ics", NULL},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaz", NULL},
	};

	(void)state;
	check(rows, ARRAY_SIZE(rows));
}

static void test_redact__older_shapes(void **state)
{
	static const struct row rows[] = {
		{"refresh 1//xEoDL4iW3cxlI7yDbSRFYNG01k is dead", "refresh *** is dead"},
		{"access 1/fFAGRNJru1FTz70BzhT3Zg is dead", "access *** is dead"},
		{"code 4/P7q7W91a-oMsCeLvIaQm6bTrgtp7 bad", "code *** bad"},
		{"code 4/1AX4XfWhSecretSecretSecret bad", "code *** bad"},
		{"GET /x/1//0abcdefghijklmnopqrstuvwxyz0123456789ABCDEF", "GET /x/***"},
	};

	(void)state;
	check(rows, ARRAY_SIZE(rows));
}

/* libcurl repeats a proxy's address with all that is in it. */
static void test_redact__credentials_in_an_address(void **state)
{
	static const struct row rows[] = {
		{"http://user:hunter2@proxy:3128/ failed", "http://***@proxy:3128/ failed"},
		{"https_proxy='socks5://u:p@h'", "https_proxy='socks5://***@h'"},
		{"http://u:p@ss@h", "http://***@h"},
		{"http://127.0.0.1:8080/a@b", NULL},
		{"https://h/x?to=a:b@c", NULL},
		{"http://host:1 and a@b", NULL},
	};

	(void)state;
	check(rows, ARRAY_SIZE(rows));
}

/* What we say of our own: names, paths, dates, the command that mends it. */
static void test_redact__our_own_words_stay(void **state)
{
	static const struct row rows[] = {
		{"run: calsync connect 'Basic 101'", NULL},
		{"run: calsync connect 4/0clock-standup", NULL},
		{"no calendar 'Basic 3D printing'", NULL},
		{"Basic understanding2", NULL},
		{"no event 'Bearer 2'", NULL},
		{"a Bearer t1 is no good", NULL},
		{"no calendar 'Cookie: baking with Ada'", NULL},
		{"cookie:'", NULL},
		{"calendar \"Authorization: team meeting\" is gone", NULL},
		{"authorization: see the manual", NULL},
		{"key.file=/x/4/0/calsync/keyfile", NULL},
		{"cannot open '/srv/4/0/calsync/calsync.db': No such file or directory", NULL},
		{"cannot open '/data/1//0abcdefghij/x.db'", NULL},
		{"cannot open '/data/1//0AbcDefghij/x.db'", NULL},
		{"cannot open '/backup/4/01-2026-calendar.ics'", NULL},
		{"event from 4/01/2026-04/02/2026 is odd", NULL},
		{"'4/03/2026T10:00' is no time", NULL},
		{"1/holidays-in-the-united-kingdom", NULL},
		{"'code=12' is no time", NULL},
		{"exit code=7", NULL},
		{"HTTP code=503 from proxy", NULL},
		{"https://example.com/x?code=200&y=1", NULL},
		{"the 'Door code=\"1234\"'", NULL},
		{"Dress code=casual", NULL},
		{"unknown option --code=abc", NULL},
		{"eyJlookslikeThis.butnotAtoken", NULL},
		{"no file 'eyJhbGciOi.backup2026.json'", NULL},
		{"\"private_key\" in 'k.json' is no PEM", NULL},
		{"the token: /home/ada/calendars/2026/x", NULL},
	};

	(void)state;
	check(rows, ARRAY_SIZE(rows));
}

/* Whatever is repeated, the time grows with the length alone. */
static void test_redact__long_lines(void **state)
{
	static const char *const units[] = {
		"token ",
		"token\\",
		"token:/%3A",
		"access_token ",
		"Cookie: ",
		"Cookie:a ",
		"Authorization: a ",
		"Authorization:/",
		"Bearer+",
		"Bearer+/",
		"Basic ",
		"1/0aaaaaaaa ",
		"4/",
		"1//",
		"eyJaaaaa-",
		"-eyJaaaaa.a",
		"-----BEGIN ",
		"-----BEGIN x--",
		"http://",
		"://a:",
		"code=1 ",
		"%25",
		"\\u00",
		"X-Goog-Api-Key:",
		"\\\\\"token\":",
		"ya29.",
		"access_token=\\/",
		"\001",
		"password: ",
		"password:\\/",
		"ya29.\\/",
		"4\\",
		"%2525",
		"=a",
		"a=",
	};
	enum { LENGTH = 200000 };
	AUTO(free) char *text = xmalloc(LENGTH + 100);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		clock_t start = clock();
		size_t unit = strlen(units[i]), n = 0;

		for (; n < LENGTH; n += unit)
			memcpy(text + n, units[i], unit);
		memcpy(text + n, " x", 3);
		redact(text);
		if (clock() - start > 2 * CLOCKS_PER_SEC)
			fail_msg("'%s' takes %ld ms", units[i],
				 (long)((clock() - start) / (CLOCKS_PER_SEC / 1000)));
	}
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
	assert_string_equal(err.msg, "no answer from 'x': bad header 'Authorization: ***'");
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
		cmocka_unit_test(test_redact__as_others_write_it),
		cmocka_unit_test(test_redact__passwords),
		cmocka_unit_test(test_redact__keys_alone),
		cmocka_unit_test(test_redact__older_shapes),
		cmocka_unit_test(test_redact__credentials_in_an_address),
		cmocka_unit_test(test_redact__our_own_words_stay),
		cmocka_unit_test(test_redact__long_lines),
		cmocka_unit_test(test_redact__what_stays),
		cmocka_unit_test(test_redact__every_error_and_log_line),
	};

	return cmocka_run_group_tests_name("redact", tests, NULL, NULL);
}
