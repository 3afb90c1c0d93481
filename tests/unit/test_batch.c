#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/random.h"
#include "fakes.h"
#include "google/batch.h"

#define PARTS 3
#define TYPE  "multipart/mixed; boundary=batch_xyz"

static void release_all(struct batch_part parts[PARTS])
{
	for (size_t i = 0; i < PARTS; i++)
		batch_part_release(&parts[i]);
}

static int decode(const char *type, const char *text, size_t len, struct batch_part parts[PARTS],
		  struct err *err)
{
	AUTO(free) char *exact = xmalloc(len ? len : 1); /* no NUL behind it: ASan sees overreads */
	int rc;

	memcpy(exact, text, len);
	rc = batch_decode(type, exact, len, parts, PARTS, err);
	for (size_t i = 0; !rc && i < PARTS; i++)
		if (parts[i].status) {
			/* Borrowed text lies inside; move the view to what outlives exact. */
			assert_true(parts[i].body >= exact &&
				    parts[i].body + parts[i].body_len <= exact + len);
			parts[i].body = text + (parts[i].body - exact);
		}
	return rc;
}

/* --- encode ------------------------------------------------------------------------------ */

static void test_encode__writes_what_google_reads(void **state)
{
	AUTO(json_object_put) struct json_object *body = json_object_new_object();
	struct gcall calls[] = {
		{.method = "PATCH",
		 .path = "calendars/a%40b/events/e1?sendUpdates=none",
		 .body = body,
		 .if_match = "\"123\""},
		{.method = "DELETE", .path = "calendars/a%40b/events/e2"},
	};
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;
	AUTO(free) char *type = NULL;
	AUTO(free) char *want = NULL;
	const char *boundary;

	(void)state;
	json_set_str(body, "summary", "Caf\xc3\xa9");
	batch_encode(calls, 2, &out, &type);
	assert_int_equal(strncmp(type, "multipart/mixed; boundary=", 26), 0);
	boundary = type + 26;
	assert_true(strlen(boundary) >= 20 && strlen(boundary) <= 70);
	want = xasprintf("--%s\r\n"
			 "Content-Type: application/http\r\n"
			 "Content-ID: <item-0>\r\n"
			 "\r\n"
			 "PATCH /calendar/v3/calendars/a%%40b/events/e1?sendUpdates=none\r\n"
			 "If-Match: \"123\"\r\n"
			 "Content-Type: application/json; charset=UTF-8\r\n"
			 "Content-Length: 19\r\n"
			 "\r\n"
			 "{\"summary\":\"Caf\xc3\xa9\"}\r\n"
			 "--%s\r\n"
			 "Content-Type: application/http\r\n"
			 "Content-ID: <item-1>\r\n"
			 "\r\n"
			 "DELETE /calendar/v3/calendars/a%%40b/events/e2\r\n"
			 "\r\n"
			 "\r\n"
			 "--%s--\r\n",
			 boundary, boundary, boundary);
	assert_string_equal(out.buf, want);
}

/* A description may hold any text, also the boundary that would be drawn next. */
static void test_encode__boundary_does_not_occur_in_a_part(void **state)
{
	struct gcall call = {.method = "POST", .path = "calendars/a/events"};
	AUTO(free) char *first = NULL;
	AUTO(free) char *second = NULL;
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT;

	(void)state;
	random_seed_for_tests(9);
	batch_encode(&call, 1, &out, &first);
	strbuf_reset(&out);
	call.body = json_object_new_object();
	json_set_str(call.body, "description", strchr(first, '=') + 1);
	random_seed_for_tests(9);
	batch_encode(&call, 1, &out, &second);
	random_seed_for_tests(0);
	json_object_put(call.body);
	assert_string_not_equal(first, second);
	/* The old one is in there as text only. */
	assert_non_null(strstr(out.buf, strchr(first, '=') + 1));
}

/* --- decode ------------------------------------------------------------------------------ */

static const char good[] = "preamble to be passed over\r\n"
			   "--batch_xyz\r\n"
			   "Content-Type: application/http\r\n"
			   "Content-ID: <response-item-2>\r\n"
			   "\r\n"
			   "HTTP/1.1 204 No Content\r\n"
			   "Content-Length: 0\r\n"
			   "\r\n"
			   "\r\n"
			   "--batch_xyz\r\n"
			   "content-id: <response-item-0>\r\n"
			   "Content-Type: application/http\r\n"
			   "\r\n"
			   "HTTP/1.1 200 OK\r\n"
			   "Content-Type: application/json; charset=UTF-8\r\n"
			   "ETag: \"1\"\r\n"
			   "\r\n"
			   "{\"id\": \"e0\"}\r\n"
			   "--batch_xyz  \r\n"
			   "Content-Type: application/http\r\n"
			   "Content-ID: response-item-1\r\n"
			   "\r\n"
			   "HTTP/1.1 412 Precondition Failed\r\n"
			   "Retry-After: 9\r\n"
			   "\r\n"
			   "{\"error\":{\"errors\":[{\"reason\":\"conditionNotMet\"}]}}\r\n"
			   "--batch_xyz--\r\n"
			   "epilogue\r\n";

static void check_good(struct batch_part parts[PARTS])
{
	assert_int_equal(parts[0].status, 200);
	assert_int_equal(strncmp(parts[0].body, "{\"id\": \"e0\"}", 12), 0);
	assert_string_equal(http_headers_get(&parts[0].headers, "etag"), "\"1\"");
	assert_int_equal(parts[1].status, 412);
	assert_string_equal(http_headers_get(&parts[1].headers, "Retry-After"), "9");
	assert_int_equal(parts[2].status, 204);
}

static void test_decode__matches_by_content_id_in_any_order(void **state)
{
	struct batch_part parts[PARTS];
	struct err err;

	(void)state;
	assert_int_equal(decode(TYPE, good, sizeof(good) - 1, parts, &err), 0);
	check_good(parts);
	release_all(parts);
}

static void test_decode__bare_line_feeds_and_quoted_boundary(void **state)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct batch_part parts[PARTS];
	struct err err;

	(void)state;
	for (const char *p = good; *p; p++)
		if (*p != '\r')
			strbuf_addc(&text, *p);
	assert_int_equal(decode("Multipart/Mixed; charset=x; Boundary=\"batch_xyz\"", text.buf,
				text.len, parts, &err),
			 0);
	check_good(parts);
	release_all(parts);
}

static void test_decode__missing_unknown_and_repeated_parts(void **state)
{
	static const char text[] = "--batch_xyz\r\nContent-ID: <response-item-7>\r\n\r\n"
				   "HTTP/1.1 200 OK\r\n\r\n{}\r\n"
				   "--batch_xyz\r\nContent-ID: <response-item-1>\r\n\r\n"
				   "HTTP/1.1 200 OK\r\n\r\n{\"n\":1}\r\n"
				   "--batch_xyz\r\nContent-ID: <response-item-1>\r\n\r\n"
				   "HTTP/1.1 404 Not Found\r\n\r\n{\"n\":2}\r\n"
				   "--batch_xyz\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}\r\n"
				   "--batch_xyz--";
	struct batch_part parts[PARTS];
	struct err err;

	(void)state;
	assert_int_equal(decode(TYPE, text, sizeof(text) - 1, parts, &err), 0);
	assert_int_equal(parts[0].status, 0);
	assert_int_equal(parts[1].status, 200);
	assert_int_equal(parts[2].status, 0);
	release_all(parts);
}

static void test_decode__odd_ids_and_status_lines_do_not_count(void **state)
{
	static const char *const ids[] = {
		"<item-0>",           "<response-item->",
		"<response-item-0x>", "<response-item--1>",
		"<response-item-3>",  "<response-item- 0>",
		"response",           "<response-item-99999999999999999999>",
	};
	static const char *const lines[] = {
		"HTTP/1.1",       "HTTP/1.1 20",     "HTTP/1.1 abc",   "200 OK",
		"HTTP/1.1 999 X", "HTTP/1.1 2000 X", "HTTP/1.1 099 X", "",
		"FTP/1.1 200 OK", "HTTP/ 200 OK",
	};
	struct batch_part parts[PARTS];
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(ids) + ARRAY_SIZE(lines); i++) {
		bool id = i < ARRAY_SIZE(ids);
		AUTO(free)
		char *text = xasprintf(
			"--batch_xyz\r\nContent-ID: %s\r\n\r\n%s\r\n\r\n{}\r\n--batch_xyz--\r\n",
			id ? ids[i] : "<response-item-0>",
			id ? "HTTP/1.1 200 OK" : lines[i - ARRAY_SIZE(ids)]);

		if (decode(TYPE, text, strlen(text), parts, &err) != -1)
			fail_msg("case %zu was read as a part", i);
		assert_int_equal(err.code, ERR_GOOGLE);
	}
}

static void test_decode__what_is_no_multipart_is_refused(void **state)
{
	/* RFC 2046 allows 70 characters. */
	static const char too_long[] =
		"multipart/mixed; boundary="
		"0123456789012345678901234567890123456789012345678901234567890123456789X";
	static const char *const types[] = {
		NULL,
		"",
		"text/html",
		"multipart/mixed",
		"multipart/mixed; boundary=",
		"multipart/mixed; boundary=\"\"",
		"multipart/mixed; boundary=\"batch_xyz",
		"multipart/mixed; xboundary=batch_xyz",
		"multipart/mixed; boundary=other",
		"application/json; boundary=batch_xyz",
		too_long,
	};
	struct batch_part parts[PARTS];
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (decode(types[i], good, sizeof(good) - 1, parts, &err) != -1)
			fail_msg("'%s' was read as multipart", types[i]);
		assert_int_equal(err.code, ERR_GOOGLE);
	}
	assert_int_equal(decode(TYPE, "", 0, parts, &err), -1);
	assert_int_equal(decode(TYPE, "--batch_xyz--", 13, parts, &err), -1);
}

/* Wherever the answer is cut, a part is either whole or not there; never a wrong status. */
static void test_decode__every_truncation(void **state)
{
	static const int status[PARTS] = {200, 412, 204};
	struct batch_part parts[PARTS];
	size_t whole = 0;
	struct err err;

	(void)state;
	for (size_t n = 0; n < sizeof(good); n++) {
		if (decode(TYPE, good, n, parts, &err)) {
			assert_int_equal(err.code, ERR_GOOGLE);
			continue;
		}
		whole = 0;
		for (size_t i = 0; i < PARTS; i++) {
			assert_true(!parts[i].status || parts[i].status == status[i]);
			whole += parts[i].status != 0;
		}
		release_all(parts);
	}
	assert_int_equal(whole, PARTS);
}

/* Random damage: no crash, no overread (ASan), nothing outside the text. */
static void test_decode__random_damage(void **state)
{
	static const char bytes[] = "\r\n-:<> 0\t\0\xff";

	(void)state;
	random_seed_for_tests(77);
	for (int round = 0; round < 3000; round++) {
		char text[sizeof(good)];
		size_t len = sizeof(good) - 1;
		struct batch_part parts[PARTS];
		struct err err;

		memcpy(text, good, len);
		for (uint64_t hits = 1 + random_below(4); hits; hits--) {
			size_t at = (size_t)random_below(len);

			if (random_below(3)) {
				text[at] = bytes[random_below(sizeof(bytes))];
			} else {
				memmove(text + at, text + at + 1, len - at - 1);
				len--;
			}
		}
		if (!decode(TYPE, text, len, parts, &err))
			release_all(parts);
	}
	random_seed_for_tests(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encode__writes_what_google_reads),
		cmocka_unit_test(test_encode__boundary_does_not_occur_in_a_part),
		cmocka_unit_test(test_decode__matches_by_content_id_in_any_order),
		cmocka_unit_test(test_decode__bare_line_feeds_and_quoted_boundary),
		cmocka_unit_test(test_decode__missing_unknown_and_repeated_parts),
		cmocka_unit_test(test_decode__odd_ids_and_status_lines_do_not_count),
		cmocka_unit_test(test_decode__what_is_no_multipart_is_refused),
		cmocka_unit_test(test_decode__every_truncation),
		cmocka_unit_test(test_decode__random_damage),
	};

	return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
