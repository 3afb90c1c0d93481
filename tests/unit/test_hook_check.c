/* What a request to the receiver is: a table of first lines and headers. */
#include "web/hook_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "base/strbuf.h"

static struct hook_message message;
static const char *why;

/* headers: "Name: value\nName: value\n" */
static enum hook_verdict judge_at(bool is_metrics, const char *method, const char *target,
				  const char *version, const char *headers)
{
	struct hook_request r;

	memset(&message, 0xaa, sizeof(message));
	hook_request_begin(&r, is_metrics, target);
	for (const char *at = headers; *at;) {
		size_t len = strcspn(at, "\n"), name = strcspn(at, ":");

		/* As libmicrohttpd gives them: without the blanks before the value. */
		size_t blank = name + 1 + strspn(at + name + 1, " ");

		hook_request_header(&r, at, name, at + blank, len - blank);
		at += len + 1;
	}
	return hook_request_judge(&r, method, version, &message, &why);
}

static enum hook_verdict judge(const char *method, const char *target, const char *headers)
{
	return judge_at(false, method, target, "HTTP/1.1", headers);
}

#define ID       "X-Goog-Channel-ID: 4ba78bf0-6a47-11e2-bcfd-0800200c9a66\n"
#define TOKEN    "X-Goog-Channel-Token: 7.00ff\n"
#define NUMBER   "X-Goog-Message-Number: 12\n"
#define RESOURCE "X-Goog-Resource-ID: ret08u3rv24htgh289g\n"
#define STATE    "X-Goog-Resource-State: exists\n"
#define GOOD     ID TOKEN NUMBER RESOURCE STATE

static void test_hook_check__a_message(void **state)
{
	unsigned char hash[DIGEST_LEN];

	(void)state;
	assert_int_equal(judge("POST", HOOK_PATH,
			       "Host: x\nContent-Length: 0\n" GOOD
			       "X-Goog-Resource-URI: https://www.googleapis.com/x\n"),
			 HOOK_MESSAGE);
	assert_null(why);
	assert_string_equal(message.channel, "4ba78bf0-6a47-11e2-bcfd-0800200c9a66");
	assert_string_equal(message.resource, "ret08u3rv24htgh289g");
	assert_int_equal(message.number, 12);
	assert_false(message.is_sync);
	digest_sha256("7.00ff", 6, hash);
	assert_memory_equal(message.token_hash, hash, DIGEST_LEN);
}

static void test_hook_check__states(void **state)
{
	static const struct {
		const char *header;
		enum hook_verdict verdict;
		bool is_sync;
	} table[] = {
		{"X-Goog-Resource-State: sync\n", HOOK_MESSAGE, true},
		{"X-Goog-Resource-State: exists\n", HOOK_MESSAGE, false},
		{"X-Goog-Resource-State: not_exists\n", HOOK_MESSAGE, false},
		{"x-goog-resource-state: \texists \t\n", HOOK_MESSAGE, false},
		{"X-Goog-Resource-State: Exists\n", HOOK_BAD, false},
		{"X-Goog-Resource-State: exist\n", HOOK_BAD, false},
		{"X-Goog-Resource-State: existss\n", HOOK_BAD, false},
		{"X-Goog-Resource-State: \n", HOOK_BAD, false},
		{"", HOOK_BAD, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO(strbuf_release) struct strbuf h = STRBUF_INIT;

		strbuf_addf(&h, ID TOKEN NUMBER RESOURCE "%s", table[i].header);
		assert_int_equal(judge("POST", HOOK_PATH, h.buf), table[i].verdict);
		if (table[i].verdict == HOOK_MESSAGE)
			assert_int_equal(message.is_sync, table[i].is_sync);
	}
}

static void test_hook_check__numbers(void **state)
{
	static const struct {
		const char *text;
		int64_t number; /* 0 = refused */
	} table[] = {
		{"1", 1},
		{"007", 7},
		{"9223372036854775807", INT64_MAX},
		{"9223372036854775808", 0},
		{"18446744073709551617", 0},
		{"0", 0},
		{"-1", 0},
		{"+1", 0},
		{"1.0", 0},
		{"1e3", 0},
		{"0x10", 0},
		{"1 2", 0},
		{"1,2", 0},
		{"", 0},
		{"00000000000000000001", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO(strbuf_release) struct strbuf h = STRBUF_INIT;

		strbuf_addf(&h, ID TOKEN RESOURCE STATE "X-Goog-Message-Number: %s\n",
			    table[i].text);
		assert_int_equal(judge("POST", HOOK_PATH, h.buf),
				 table[i].number ? HOOK_MESSAGE : HOOK_BAD);
		if (table[i].number)
			assert_int_equal(message.number, table[i].number);
	}
}

static void test_hook_check__each_field_is_needed_once(void **state)
{
	static const char *const fields[] = {ID, TOKEN, NUMBER, RESOURCE, STATE};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		AUTO(strbuf_release) struct strbuf h = STRBUF_INIT;

		for (size_t j = 0; j < ARRAY_SIZE(fields); j++)
			if (j != i)
				strbuf_adds(&h, fields[j]);
		assert_int_equal(judge("POST", HOOK_PATH, h.buf), HOOK_BAD);
		strbuf_adds(&h, fields[i]);
		assert_int_equal(judge("POST", HOOK_PATH, h.buf), HOOK_MESSAGE);
		strbuf_adds(&h, fields[i]); /* twice, and the same */
		assert_int_equal(judge("POST", HOOK_PATH, h.buf), HOOK_BAD);
	}
}

/* One field of so many 'a', and of what else is no word. */
static void test_hook_check__lengths_and_letters(void **state)
{
	static const struct {
		const char *name, *others;
		int max;
	} table[] = {
		{"X-Goog-Channel-ID", TOKEN NUMBER RESOURCE STATE, HOOK_CHANNEL_MAX},
		{"X-Goog-Channel-Token", ID NUMBER RESOURCE STATE, HOOK_TOKEN_MAX},
		{"X-Goog-Resource-ID", ID TOKEN NUMBER STATE, HOOK_RESOURCE_MAX},
	};
	static const char *const words[] = {"", "a b", "a\tb", "caf\xc3\xa9"};
	char many[512];

	(void)state;
	memset(many, 'a', sizeof(many));
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		for (int len = table[i].max; len <= table[i].max + 1; len++) {
			AUTO(strbuf_release) struct strbuf h = STRBUF_INIT;

			strbuf_addf(&h, "%s: %.*s\n%s", table[i].name, len, many, table[i].others);
			assert_int_equal(judge("POST", HOOK_PATH, h.buf),
					 len > table[i].max ? HOOK_BAD : HOOK_MESSAGE);
		}
		for (size_t j = 0; j < ARRAY_SIZE(words); j++) {
			AUTO(strbuf_release) struct strbuf h = STRBUF_INIT;

			strbuf_addf(&h, "%s: %s\n%s", table[i].name, words[j], table[i].others);
			assert_int_equal(judge("POST", HOOK_PATH, h.buf), HOOK_BAD);
		}
	}
}

static void test_hook_check__paths_and_methods(void **state)
{
	static const struct {
		const char *method, *target;
		enum hook_verdict verdict;
	} table[] = {
		{"POST", HOOK_PATH, HOOK_MESSAGE},
		{"POST", HOOK_PATH "?", HOOK_MESSAGE},
		{"POST", HOOK_PATH "?a=b/c", HOOK_MESSAGE},
		{"POST", HOOK_PATH "/", HOOK_NOT_FOUND},
		{"POST", HOOK_PATH "x", HOOK_NOT_FOUND},
		{"POST", "/api/calendar/webhook/googl", HOOK_NOT_FOUND},
		{"POST", "/api//calendar/webhook/google", HOOK_NOT_FOUND},
		{"POST", "/api/calendar/webhook%2Fgoogle", HOOK_NOT_FOUND},
		{"POST", HOOK_PATH "%00", HOOK_NOT_FOUND},
		{"POST", "/API/calendar/webhook/google", HOOK_NOT_FOUND},
		{"POST", "http://x" HOOK_PATH, HOOK_NOT_FOUND},
		{"POST", "", HOOK_NOT_FOUND},
		{"POST", "/", HOOK_NOT_FOUND},
		{"GET", "/", HOOK_NOT_FOUND},
		{"GET", HOOK_PATH, HOOK_WANTS_POST},
		{"HEAD", HOOK_PATH, HOOK_WANTS_POST},
		{"PUT", HOOK_PATH, HOOK_WANTS_POST},
		{"post", HOOK_PATH, HOOK_WANTS_POST},
		{"POSTS", HOOK_PATH, HOOK_WANTS_POST},
		{"GET", HOOK_HEALTH_PATH, HOOK_HEALTH},
		{"HEAD", HOOK_HEALTH_PATH "?x", HOOK_HEALTH},
		{"POST", HOOK_HEALTH_PATH, HOOK_WANTS_GET},
		{"GET", HOOK_METRICS_PATH, HOOK_NOT_FOUND},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		enum hook_verdict got = judge(table[i].method, table[i].target, GOOD);

		if (got != table[i].verdict)
			fail_msg("%s %s: %d", table[i].method, table[i].target, (int)got);
		assert_int_equal(why != NULL, got != HOOK_MESSAGE && got != HOOK_HEALTH);
	}
}

static void test_hook_check__the_address_for_metrics_has_metrics_alone(void **state)
{
	(void)state;
	assert_int_equal(judge_at(true, "GET", HOOK_METRICS_PATH, "HTTP/1.1", ""), HOOK_METRICS);
	assert_int_equal(judge_at(true, "POST", HOOK_METRICS_PATH, "HTTP/1.1", ""), HOOK_WANTS_GET);
	assert_int_equal(judge_at(true, "GET", HOOK_HEALTH_PATH, "HTTP/1.1", ""), HOOK_NOT_FOUND);
	assert_int_equal(judge_at(true, "POST", HOOK_PATH, "HTTP/1.1", GOOD), HOOK_NOT_FOUND);
}

static void test_hook_check__framing(void **state)
{
	static const struct {
		const char *headers;
		enum hook_verdict verdict;
	} table[] = {
		{"Content-Length: 0\n", HOOK_MESSAGE},
		{"Content-Length: 4096\n", HOOK_MESSAGE},
		{"Content-Length: 4097\n", HOOK_BODY_TOO_LARGE},
		{"Content-Length: 1073741824\n", HOOK_BODY_TOO_LARGE},
		{"Content-Length: 99999999999999999999\n", HOOK_BAD_FRAMING},
		{"Content-Length: -1\n", HOOK_BAD_FRAMING},
		{"Content-Length: +1\n", HOOK_BAD_FRAMING},
		{"Content-Length: 1, 1\n", HOOK_BAD_FRAMING},
		{"Content-Length: 0x1\n", HOOK_BAD_FRAMING},
		{"Content-Length: \n", HOOK_BAD_FRAMING},
		{"Content-Length: 1\nContent-Length: 1\n", HOOK_BAD_FRAMING},
		{"Content-Length: 1\ncontent-length: 2\n", HOOK_BAD_FRAMING},
		{"Transfer-Encoding: chunked\n", HOOK_MESSAGE},
		{"Transfer-Encoding: Chunked\n", HOOK_MESSAGE},
		{"Transfer-Encoding: chunked\nContent-Length: 4\n", HOOK_BAD_FRAMING},
		{"Content-Length: 4\nTransfer-Encoding: chunked\n", HOOK_BAD_FRAMING},
		{"Transfer-Encoding: chunked\nTransfer-Encoding: chunked\n", HOOK_BAD_FRAMING},
		{"Transfer-Encoding: xchunked\n", HOOK_BAD_FRAMING},
		{"Transfer-Encoding: gzip, chunked\n", HOOK_BAD_FRAMING},
		{"Transfer-Encoding: identity\n", HOOK_BAD_FRAMING},
		{"Transfer-Encoding: \n", HOOK_BAD_FRAMING},
		{"Content-Length : 0\n", HOOK_BAD_FRAMING},
		{"Transfer-Encoding\t: chunked\n", HOOK_BAD_FRAMING},
		{": x\n", HOOK_BAD_FRAMING},
		{"A(b): x\n", HOOK_BAD_FRAMING},
		{"X\xc3\xa9: x\n", HOOK_BAD_FRAMING},
		{"X: \x01\n", HOOK_BAD_FRAMING},
		{"X: a\x7f\n", HOOK_BAD_FRAMING},
		{"X: a\rContent-Length: 34\n", HOOK_BAD_FRAMING},
		{"X: a\tb\n", HOOK_MESSAGE},
		{"Host: h\n", HOOK_MESSAGE},
		{"Host: h\nhost: h\n", HOOK_BAD_FRAMING},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		AUTO(strbuf_release) struct strbuf h = STRBUF_INIT;
		enum hook_verdict got;

		strbuf_addf(&h, "%s" GOOD, table[i].headers);
		got = judge("POST", HOOK_PATH, h.buf);
		if (got != table[i].verdict)
			fail_msg("%s: %d", table[i].headers, (int)got);
		/* Where the request goes does not matter to that. */
		if (got != HOOK_MESSAGE)
			assert_int_equal(judge("GET", "/other", h.buf), got);
	}
	assert_int_equal(
		judge_at(false, "POST", HOOK_PATH, "HTTP/1.0", "Transfer-Encoding: chunked\n" GOOD),
		HOOK_BAD_FRAMING);
	assert_int_equal(judge_at(false, "POST", HOOK_PATH, "HTTP/1.0", "Content-Length: 0\n" GOOD),
			 HOOK_MESSAGE);
}

static void test_hook_check__headers_together(void **state)
{
	AUTO(strbuf_release) struct strbuf h = STRBUF_INIT;

	(void)state;
	strbuf_adds(&h, GOOD "X: ");
	while (h.len < HOOK_HEADERS_MAX - 300)
		strbuf_addc(&h, 'x');
	assert_int_equal(judge("POST", HOOK_PATH, h.buf), HOOK_MESSAGE);
	while (h.len < HOOK_HEADERS_MAX + 300)
		strbuf_addc(&h, 'x');
	assert_int_equal(judge("POST", HOOK_PATH, h.buf), HOOK_HEADERS_TOO_LARGE);
}

static void test_hook_check__a_query_counts_as_headers_do(void **state)
{
	AUTO(strbuf_release) struct strbuf target = STRBUF_INIT;

	(void)state;
	strbuf_addf(&target, HOOK_PATH "?%0*d", HOOK_HEADERS_MAX - 300, 0);
	assert_int_equal(judge("POST", target.buf, GOOD), HOOK_MESSAGE);
	strbuf_addf(&target, "%0300d", 0);
	assert_int_equal(judge("POST", target.buf, GOOD), HOOK_HEADERS_TOO_LARGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hook_check__a_message),
		cmocka_unit_test(test_hook_check__states),
		cmocka_unit_test(test_hook_check__numbers),
		cmocka_unit_test(test_hook_check__each_field_is_needed_once),
		cmocka_unit_test(test_hook_check__lengths_and_letters),
		cmocka_unit_test(test_hook_check__paths_and_methods),
		cmocka_unit_test(test_hook_check__the_address_for_metrics_has_metrics_alone),
		cmocka_unit_test(test_hook_check__framing),
		cmocka_unit_test(test_hook_check__headers_together),
		cmocka_unit_test(test_hook_check__a_query_counts_as_headers_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
