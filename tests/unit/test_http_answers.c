/* What the transport over libcurl takes for an answer. */
#include "http_server.h"
#include "temp_tree.h"

#include <time.h>
#include <zlib.h>

/* --- what comes back --------------------------------------------------------------------- */

static void test_http__redirects_are_not_followed(void **state)
{
	AUTO(server_release) struct server s;
	AUTO(transport_free) struct transport *t = new_transport();
	AUTO(http_response_release) struct http_response r = HTTP_RESPONSE_INIT;
	static const struct answer answers[] = {
		{.text = "HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"},
		{.text = OK_EMPTY}};
	struct http_request req = {.method = "GET", .url = "/x"};

	(void)state;
	server_start(&s, answers, 2);
	ask_good(t, &s, &req, &r);
	server_stop(&s);
	assert_int_equal(r.status, 302);
	assert_int_equal(s.requests, 1);
}

static void test_http__cookies_and_netrc_are_not_used(void **state)
{
	static const struct answer answers[] = {
		{.text = "HTTP/1.1 200 OK\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n"}};
	char home[TEMP_TREE_LEN];
	AUTO(free) char *netrc = NULL;
	AUTO(free) char *old_home = xstrdup_null(getenv("HOME"));
	AUTO(server_release) struct server s;
	AUTO(transport_free) struct transport *t = new_transport();
	struct err err;

	(void)state;
	assert_int_equal(temp_tree_make(home), 0);
	netrc = xasprintf("%s/.netrc", home);
	assert_int_equal(io_write_file(netrc, "default login u password p\n", 27, 0600, &err), 0);
	setenv("HOME", home, 1);
	server_start(&s, answers, 1);
	for (int i = 0; i < 2; i++) {
		AUTO(http_response_release) struct http_response r = HTTP_RESPONSE_INIT;
		struct http_request req = {.method = "GET", .url = "/x"};

		ask_good(t, &s, &req, &r);
	}
	server_stop(&s);
	if (old_home)
		setenv("HOME", old_home, 1);
	temp_tree_remove(home);
	assert_int_equal(s.requests, 2);
	assert_false(saw(&s, "Cookie"));
	assert_false(saw(&s, "Authorization"));
}

static void test_http__no_proxy_for_this_machine(void **state)
{
	static const char *const names[] = {"http_proxy", "all_proxy", "ALL_PROXY"};
	static const struct answer answers[] = {{.text = OK_EMPTY}};
	AUTO(server_release) struct server s;
	AUTO(transport_free) struct transport *t = new_transport();
	AUTO(http_response_release) struct http_response r = HTTP_RESPONSE_INIT;
	struct http_request req = {.method = "GET", .url = "/x"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		setenv(names[i], "http://127.0.0.1:1", 1);
	server_start(&s, answers, 1);
	ask_good(t, &s, &req, &r);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		unsetenv(names[i]);
}

static void test_http__interim_answers_are_passed_over(void **state)
{
	static const struct answer answers[] = {
		{.text = "HTTP/1.1 103 Early Hints\r\nRetry-After: 99\r\n\r\n"
			 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"}};
	AUTO(server_release) struct server s;
	AUTO(transport_free) struct transport *t = new_transport();
	AUTO(http_response_release) struct http_response r = HTTP_RESPONSE_INIT;
	struct http_request req = {.method = "GET", .url = "/x"};

	(void)state;
	server_start(&s, answers, 1);
	ask_good(t, &s, &req, &r);
	assert_int_equal(r.status, 200);
	assert_null(http_headers_get(&r.headers, "Retry-After"));
	assert_string_equal(r.body.buf, "{}");
}

/* gzip of n bytes 'a', as an HTTP answer. */
static void gzip_answer(size_t n, struct strbuf *out)
{
	AUTO(free) unsigned char *plain = xmalloc(n);
	uLong bound = compressBound((uLong)n) + 64;
	AUTO(free) unsigned char *packed = xmalloc(bound);
	z_stream z = {0};

	memset(plain, 'a', n);
	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = plain;
	z.avail_in = (uInt)n;
	z.next_out = packed;
	z.avail_out = (uInt)bound;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	strbuf_addf(out, "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: %lu\r\n\r\n",
		    z.total_out);
	strbuf_add(out, packed, z.total_out);
	deflateEnd(&z);
}

static void test_http__gzip_is_undone_and_bounded(void **state)
{
	static const struct {
		size_t bytes;
		int rc;
	} cases[] = {{100000, 0}, {64u << 20, 0}, {(64u << 20) + 1, -1}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
		AUTO(server_release) struct server s;
		AUTO(transport_free) struct transport *t = new_transport();
		AUTO(http_response_release) struct http_response r = HTTP_RESPONSE_INIT;
		struct http_request req = {.method = "GET", .url = "/x"};
		struct answer answer;
		struct err err;

		gzip_answer(cases[i].bytes, &text);
		answer = (struct answer){.text = text.buf, .len = text.len};
		server_start(&s, &answer, 1);
		assert_int_equal(ask(t, &s, &req, &r, &err), cases[i].rc);
		server_stop(&s);
		if (cases[i].rc) {
			assert_int_equal(err.code, ERR_GOOGLE);
			assert_non_null(strstr(err.msg, "64 MiB"));
			assert_int_equal(r.status, 0);
			continue;
		}
		assert_int_equal(r.body.len, cases[i].bytes);
		assert_int_equal(r.body.buf[cases[i].bytes - 1], 'a');
	}
}

static void test_http__half_answers_are_no_answers(void **state)
{
	static const struct answer cases[] = {
		{.text = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}", .close = true},
		{.text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n",
		 .close = true},
		{.text = "HTTP/1.1 200 OK\r\nContent-", .close = true},
		{.text = "nonsense\r\n\r\n", .close = true},
		{.text = "\x1f\x8b", .close = true},
		{.text = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: "
			 "5\r\n\r\nplain"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(server_release) struct server s;
		AUTO(transport_free) struct transport *t = new_transport();
		AUTO(http_response_release) struct http_response r = HTTP_RESPONSE_INIT;
		struct http_request req = {.method = "GET", .url = "/secret-path?token=1"};
		struct err err;

		server_start(&s, &cases[i], 1);
		if (ask(t, &s, &req, &r, &err) != -1 || err.code != ERR_NETWORK)
			fail_msg("case %zu: %s", i, err.msg);
		assert_int_equal(r.status, 0);
		assert_int_equal(r.headers.count, 0);
		assert_null(strstr(err.msg, "secret-path"));
		assert_non_null(strstr(err.msg, "127.0.0.1"));
	}
}

static void test_http__nobody_listens(void **state)
{
	AUTO(transport_free) struct transport *t = new_transport();
	AUTO(http_response_release) struct http_response r = HTTP_RESPONSE_INIT;
	struct http_request req = {.method = "GET", .url = "http://127.0.0.1:1/x"};
	struct http_request tls = {.method = "GET", .url = "https://127.0.0.1:1/x"};
	struct err err;

	(void)state;
	assert_int_equal(t->exchange(t, &req, &r, &err), -1);
	assert_int_equal(err.code, ERR_NETWORK);
	assert_int_equal(t->exchange(t, &tls, &r, &err), -1);
	assert_int_equal(err.code, ERR_NETWORK);
}

static void test_http__time_is_limited(void **state)
{
	static const struct answer answers[] = {{.hold = true}};
	AUTO(server_release) struct server s;
	AUTO(transport_free) struct transport *t = new_transport();
	AUTO(http_response_release) struct http_response r = HTTP_RESPONSE_INIT;
	struct http_request req = {.method = "GET", .url = "/x", .timeout_ms = 200};
	struct timespec a, b;
	struct err err;

	(void)state;
	server_start(&s, answers, 1);
	clock_gettime(CLOCK_MONOTONIC, &a);
	assert_int_equal(ask(t, &s, &req, &r, &err), -1);
	clock_gettime(CLOCK_MONOTONIC, &b);
	assert_int_equal(err.code, ERR_NETWORK);
	assert_in_range((b.tv_sec - a.tv_sec) * 1000 + (b.tv_nsec - a.tv_nsec) / 1000000, 150,
			3000);
}

static void test_http__too_many_headers(void **state)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(server_release) struct server s;
	AUTO(transport_free) struct transport *t = new_transport();
	AUTO(http_response_release) struct http_response r = HTTP_RESPONSE_INIT;
	struct http_request req = {.method = "GET", .url = "/x"};
	struct answer answer;
	struct err err;

	(void)state;
	strbuf_adds(&text, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 300; i++)
		strbuf_addf(&text, "X-%d: y\r\n", i);
	strbuf_adds(&text, "Content-Length: 0\r\n\r\n");
	answer = (struct answer){.text = text.buf};
	server_start(&s, &answer, 1);
	assert_int_equal(ask(t, &s, &req, &r, &err), -1);
	assert_int_equal(err.code, ERR_GOOGLE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http__redirects_are_not_followed),
		cmocka_unit_test(test_http__cookies_and_netrc_are_not_used),
		cmocka_unit_test(test_http__no_proxy_for_this_machine),
		cmocka_unit_test(test_http__interim_answers_are_passed_over),
		cmocka_unit_test(test_http__gzip_is_undone_and_bounded),
		cmocka_unit_test(test_http__half_answers_are_no_answers),
		cmocka_unit_test(test_http__nobody_listens),
		cmocka_unit_test(test_http__time_is_limited),
		cmocka_unit_test(test_http__too_many_headers),
	};

	return cmocka_run_group_tests_name("http_answers", tests, NULL, NULL);
}
