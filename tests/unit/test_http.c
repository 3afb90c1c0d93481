/* The transport over libcurl, against a server that says exactly what it is told to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>
#include <zlib.h>

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/io.h"
#include "base/xalloc.h"
#include "google/http.h"

#define OK_EMPTY "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

struct answer {
	const char *text;
	size_t len; /* 0 = strlen */
	bool close; /* behind the answer */
	bool hold;  /* say nothing until the client goes away */
};

struct server {
	int fd, port, stop[2];
	pthread_t thread;
	const struct answer *answers;
	size_t count;
	/* For the test to look at once the server has stopped. */
	struct strbuf seen; /* all requests, one after the other */
	int requests, connections;
};

/* One request into s->seen; false when the client has closed. */
static bool read_request(struct server *s, int fd)
{
	struct strbuf buf = STRBUF_INIT;
	size_t want = 0;
	char *end = NULL;
	bool whole = false;

	while (!whole) {
		struct pollfd p[2] = {{.fd = fd, .events = POLLIN},
				      {.fd = s->stop[0], .events = POLLIN}};
		char chunk[4096];
		ssize_t n;

		if (poll(p, 2, -1) < 0 || (p[1].revents && !p[0].revents))
			break;
		n = read(fd, chunk, sizeof(chunk));
		if (n <= 0)
			break;
		strbuf_add(&buf, chunk, (size_t)n);
		end = strstr(buf.buf, "\r\n\r\n");
		if (end) {
			const char *length = strcasestr(buf.buf, "\r\nContent-Length: ");

			want = (size_t)(end + 4 - buf.buf);
			if (length && length < end)
				want += strtoul(length + 18, NULL, 10);
			whole = buf.len >= want;
		}
	}
	if (whole) {
		strbuf_add(&s->seen, buf.buf, buf.len);
		s->requests++;
	}
	strbuf_release(&buf);
	return whole;
}

static void serve_connection(struct server *s, int fd)
{
	while (read_request(s, fd)) {
		size_t at = (size_t)s->requests - 1;
		const struct answer *a = &s->answers[at < s->count ? at : s->count - 1];

		if (a->hold) {
			struct pollfd p[2] = {{.fd = fd, .events = POLLRDHUP},
					      {.fd = s->stop[0], .events = POLLIN}};

			poll(p, 2, -1);
			return;
		}
		if (io_write_all(fd, a->text, a->len ? a->len : strlen(a->text)) || a->close)
			return;
	}
}

static void *serve(void *arg)
{
	struct server *s = arg;

	for (;;) {
		struct pollfd p[2] = {{.fd = s->fd, .events = POLLIN},
				      {.fd = s->stop[0], .events = POLLIN}};
		int fd;

		if (poll(p, 2, -1) < 0 || !p[0].revents)
			return NULL;
		fd = accept(s->fd, NULL, NULL);
		if (fd < 0)
			return NULL;
		s->connections++;
		serve_connection(s, fd);
		close(fd);
	}
}

static void server_start(struct server *s, const struct answer *answers, size_t count)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);

	*s = (struct server){.answers = answers, .count = count, .seen = STRBUF_INIT};
	s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s->fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(s->fd, 8), 0);
	assert_int_equal(getsockname(s->fd, (struct sockaddr *)&addr, &len), 0);
	s->port = ntohs(addr.sin_port);
	assert_int_equal(pipe(s->stop), 0);
	assert_int_equal(pthread_create(&s->thread, NULL, serve, s), 0);
}

static void server_stop(struct server *s)
{
	if (s->stop[1] <= 0)
		return;
	close(s->stop[1]);
	pthread_join(s->thread, NULL);
	close(s->stop[0]);
	close(s->fd);
	s->stop[1] = 0;
}

static void server_release(struct server *s)
{
	server_stop(s);
	strbuf_release(&s->seen);
}
DEFINE_AUTO_VALUE(struct server, server_release)

static struct transport *new_transport(void)
{
	struct transport *t = NULL;
	struct err err;

	if (http_transport_new(&t, &err))
		fail_msg("%s", err.msg);
	return t;
}

static int ask(struct transport *t, const struct server *s, struct http_request *req,
	       struct http_response *out, struct err *err)
{
	AUTO(free) char *url = xasprintf("http://127.0.0.1:%d%s", s->port, req->url);
	struct http_request full = *req;

	memset(err, 0, sizeof(*err));
	full.url = url;
	return t->exchange(t, &full, out, err);
}

static void ask_good(struct transport *t, const struct server *s, struct http_request *req,
		     struct http_response *out)
{
	struct err err;

	if (ask(t, s, req, out, &err))
		fail_msg("%s", err.msg);
}

static bool saw(const struct server *s, const char *text)
{
	return strstr(s->seen.buf, text) != NULL;
}

/* --- what is sent ------------------------------------------------------------------------ */

static void test_http__a_get(void **state)
{
	static const struct answer answers[] = {
		{.text = "HTTP/1.1 200 OK\r\nETag:  \"1\" \r\nX-Empty:\r\nContent-Length: "
			 "11\r\n\r\n"
			 "{\"id\": \"1\"}"}};
	AUTO(server_release) struct server s;
	AUTO(transport_free) struct transport *t = new_transport();
	AUTO(http_response_release) struct http_response r = HTTP_RESPONSE_INIT;
	AUTO(http_headers_release) struct http_headers headers = {0};
	struct http_request req = {.method = "GET", .url = "/calendar/v3/a%2Fb?x=%40"};

	(void)state;
	server_start(&s, answers, 1);
	http_headers_add(&headers, "Authorization", "Bearer t1");
	req.headers = headers;
	ask_good(t, &s, &req, &r);
	server_stop(&s);
	assert_int_equal(r.status, 200);
	assert_string_equal(r.body.buf, "{\"id\": \"1\"}");
	assert_string_equal(http_headers_get(&r.headers, "etag"), "\"1\"");
	assert_string_equal(http_headers_get(&r.headers, "X-EMPTY"), "");
	assert_int_equal(strncmp(s.seen.buf, "GET /calendar/v3/a%2Fb?x=%40 HTTP/1.1\r\n", 39), 0);
	assert_true(saw(&s, "\r\nAuthorization: Bearer t1\r\n"));
	assert_true(saw(&s, "\r\nAccept-Encoding: gzip\r\n"));
	assert_true(saw(&s, "\r\nUser-Agent: calsync/" CALSYNC_VERSION " (gzip)\r\n"));
	assert_false(saw(&s, "Content-Type"));
	assert_false(saw(&s, "Content-Length"));
	assert_false(saw(&s, "Cookie"));
}

static void test_http__bodies(void **state)
{
	static const struct answer answers[] = {{.text = OK_EMPTY}};
	static const struct {
		const char *method, *body, *want;
	} cases[] = {
		{"POST", "{\"a\":1}", "\r\nContent-Length: 7\r\n"},
		{"PATCH", "{}", "\r\nContent-Length: 2\r\n"},
		{"PUT", "", "\r\nContent-Length: 0\r\n"},
		{"POST", NULL, "\r\nContent-Length: 0\r\n"},
		{"DELETE", NULL, "DELETE /x HTTP/1.1\r\n"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(server_release) struct server s;
		AUTO(transport_free) struct transport *t = new_transport();
		AUTO(http_response_release) struct http_response r = HTTP_RESPONSE_INIT;
		AUTO(http_headers_release) struct http_headers headers = {0};
		AUTO(free) char *line = xasprintf("%s /x HTTP/1.1\r\n", cases[i].method);
		struct http_request req = {
			.method = cases[i].method, .url = "/x", .body = cases[i].body};

		server_start(&s, answers, 1);
		if (req.body) {
			req.body_len = strlen(req.body);
			http_headers_add(&headers, "Content-Type", "application/json");
			req.headers = headers;
		}
		ask_good(t, &s, &req, &r);
		server_stop(&s);
		assert_int_equal(strncmp(s.seen.buf, line, strlen(line)), 0);
		assert_true(saw(&s, cases[i].want));
		assert_false(saw(&s, "Expect:"));
		assert_false(saw(&s, "x-www-form-urlencoded"));
		if (req.body)
			assert_true(saw(&s, "\r\nContent-Type: application/json\r\n"));
		if (!strcmp(cases[i].method, "DELETE"))
			assert_false(saw(&s, "Content-Length"));
	}
}

/* A long body would make libcurl wait for "100 Continue" otherwise. */
static void test_http__long_bodies_go_out_at_once(void **state)
{
	static const struct answer answers[] = {{.text = OK_EMPTY}};
	AUTO(server_release) struct server s;
	AUTO(transport_free) struct transport *t = new_transport();
	AUTO(http_response_release) struct http_response r = HTTP_RESPONSE_INIT;
	AUTO(free) char *body = xmalloc(3000000);
	struct http_request req = {
		.method = "POST", .url = "/x", .body = body, .body_len = 3000000};

	(void)state;
	memset(body, 'x', 3000000);
	server_start(&s, answers, 1);
	ask_good(t, &s, &req, &r);
	server_stop(&s);
	assert_false(saw(&s, "Expect:"));
	assert_int_equal(s.requests, 1);
}

static void test_http__connections_are_kept(void **state)
{
	static const struct answer answers[] = {{.text = OK_EMPTY}};
	AUTO(server_release) struct server s;
	AUTO(transport_free) struct transport *t = new_transport();

	(void)state;
	server_start(&s, answers, 1);
	for (int i = 0; i < 5; i++) {
		AUTO(http_response_release) struct http_response r = HTTP_RESPONSE_INIT;
		struct http_request req = {.method = i % 2 ? "POST" : "GET", .url = "/x"};

		ask_good(t, &s, &req, &r);
	}
	server_stop(&s);
	assert_int_equal(s.requests, 5);
	assert_int_equal(s.connections, 1);
}

/* --- what is refused before anything is sent --------------------------------------------- */

static void test_http__control_characters_are_refused(void **state)
{
	static const struct answer answers[] = {{.text = OK_EMPTY}};
	static const char *const bad[][2] = {
		{"X-A", "a\r\nX-B: c"}, {"X-A", "a\nb"},  {"X-A", "\x01"}, {"X-A", "a\x7f"},
		{"X A", "a"},           {"X-A\r\n", "a"}, {"X-A:", "a"},   {"", "a"},
	};
	AUTO(server_release) struct server s;
	AUTO(transport_free) struct transport *t = new_transport();
	struct err err;

	(void)state;
	server_start(&s, answers, 1);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO(http_response_release) struct http_response r = HTTP_RESPONSE_INIT;
		AUTO(http_headers_release) struct http_headers headers = {0};
		struct http_request req = {.method = "GET", .url = "/x"};

		http_headers_add(&headers, bad[i][0], bad[i][1]);
		req.headers = headers;
		assert_int_equal(ask(t, &s, &req, &r, &err), -1);
		assert_int_equal(err.code, ERR_FAILED);
	}
	for (int i = 0; i < 2; i++) {
		AUTO(http_response_release) struct http_response r = HTTP_RESPONSE_INIT;
		struct http_request req = {.method = i ? "GET" : "GET / HTTP/1.1\r\nX:",
					   .url = i ? "/a\r\nX: y" : "/x"};

		assert_int_equal(ask(t, &s, &req, &r, &err), -1);
		assert_int_equal(err.code, ERR_FAILED);
	}
	server_stop(&s);
	assert_int_equal(s.connections, 0);
}

static void test_http__other_schemes_and_plain_http_are_refused(void **state)
{
	static const char *const urls[] = {
		"http://example.com/",
		"http://192.168.1.1/",
		"http://127.0.0.1.example.com/",
		"http://localhost.example.com/",
		"http://128.0.0.1/",
		"http://0x7f000001/",
		"http://2130706433/",
		"http://127.1/",
		"http://user@127.0.0.1/",
		"http://127.0.0.1@example.com/",
		"http://example.com\\@127.0.0.1/",
		"http://127.0.0.1:0/",
		"http://127.0.0.1:99999/",
		"http://127.0.0.1:80:80/",
		"http://[::1/",
		"http://[::2]/",
		"http:///x",
		"https://",
		"https://a b/",
		"ftp://127.0.0.1/",
		"file:///etc/passwd",
		"gopher://127.0.0.1/",
		"127.0.0.1/",
		"",
	};
	AUTO(transport_free) struct transport *t = new_transport();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		AUTO(http_response_release) struct http_response r = HTTP_RESPONSE_INIT;
		struct http_request req = {.method = "GET", .url = urls[i]};
		struct err err = {0};

		if (t->exchange(t, &req, &r, &err) != -1 || err.code != ERR_FAILED)
			fail_msg("%s: %s", urls[i], err.msg);
	}
}

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
	char home[] = "/tmp/calsync-http-XXXXXX";
	AUTO(free) char *netrc = NULL;
	AUTO(free) char *old_home = xstrdup_null(getenv("HOME"));
	AUTO(server_release) struct server s;
	AUTO(transport_free) struct transport *t = new_transport();
	struct err err;

	(void)state;
	assert_non_null(mkdtemp(home));
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
	unlink(netrc);
	rmdir(home);
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

/* --- TLS --------------------------------------------------------------------------------- */

struct tls_server {
	int fd, port;
	SSL_CTX *ctx;
	pthread_t thread;
	bool greeted;      /* the client opened a TLS connection */
	int request_bytes; /* what it said inside of it */
};

/* A certificate for 127.0.0.1 that nobody has signed. */
static X509 *make_certificate(EVP_PKEY *key)
{
	X509 *cert = X509_new();
	X509_NAME *name = X509_get_subject_name(cert);
	X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");

	X509_set_version(cert, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
	X509_gmtime_adj(X509_getm_notBefore(cert), -60);
	X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"127.0.0.1", -1,
				   -1, 0);
	X509_set_issuer_name(cert, name);
	X509_add_ext(cert, san, -1);
	X509_EXTENSION_free(san);
	X509_set_pubkey(cert, key);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	return cert;
}

static void *serve_tls(void *arg)
{
	struct tls_server *s = arg;
	SSL *ssl = SSL_new(s->ctx);
	char buf[1000];
	int fd = accept(s->fd, NULL, NULL), n;

	SSL_set_fd(ssl, fd);
	s->greeted = recv(fd, buf, 1, MSG_PEEK) == 1;
	if (SSL_accept(ssl) == 1) {
		n = SSL_read(ssl, buf, sizeof(buf));
		s->request_bytes = n > 0 ? n : 0;
	}
	SSL_free(ssl);
	close(fd);
	return NULL;
}

/* The token must not reach somebody who merely has the port. */
static void test_http__an_unknown_certificate_is_refused(void **state)
{
	struct sockaddr_in addr = {.sin_family = AF_INET,
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t len = sizeof(addr);
	EVP_PKEY *key = EVP_RSA_gen(2048);
	X509 *cert = make_certificate(key);
	struct tls_server s = {.ctx = SSL_CTX_new(TLS_server_method())};
	AUTO(transport_free) struct transport *t = new_transport();
	AUTO(http_response_release) struct http_response r = HTTP_RESPONSE_INIT;
	AUTO(http_headers_release) struct http_headers headers = {0};
	AUTO(free) char *url = NULL;
	struct http_request req = {.method = "GET"};
	struct err err;

	(void)state;
	assert_int_equal(SSL_CTX_use_certificate(s.ctx, cert), 1);
	assert_int_equal(SSL_CTX_use_PrivateKey(s.ctx, key), 1);
	s.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(s.fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(s.fd, 1), 0);
	assert_int_equal(getsockname(s.fd, (struct sockaddr *)&addr, &len), 0);
	assert_int_equal(pthread_create(&s.thread, NULL, serve_tls, &s), 0);
	url = xasprintf("https://127.0.0.1:%d/x", ntohs(addr.sin_port));
	req.url = url;
	http_headers_add(&headers, "Authorization", "Bearer t1");
	req.headers = headers;
	assert_int_equal(t->exchange(t, &req, &r, &err), -1);
	pthread_join(s.thread, NULL);
	assert_int_equal(err.code, ERR_NETWORK);
	assert_non_null(strstr(err.msg, "certificate"));
	assert_true(s.greeted);
	assert_int_equal(s.request_bytes, 0);
	close(s.fd);
	SSL_CTX_free(s.ctx);
	X509_free(cert);
	EVP_PKEY_free(key);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http__a_get),
		cmocka_unit_test(test_http__bodies),
		cmocka_unit_test(test_http__long_bodies_go_out_at_once),
		cmocka_unit_test(test_http__connections_are_kept),
		cmocka_unit_test(test_http__control_characters_are_refused),
		cmocka_unit_test(test_http__other_schemes_and_plain_http_are_refused),
		cmocka_unit_test(test_http__redirects_are_not_followed),
		cmocka_unit_test(test_http__cookies_and_netrc_are_not_used),
		cmocka_unit_test(test_http__no_proxy_for_this_machine),
		cmocka_unit_test(test_http__interim_answers_are_passed_over),
		cmocka_unit_test(test_http__gzip_is_undone_and_bounded),
		cmocka_unit_test(test_http__half_answers_are_no_answers),
		cmocka_unit_test(test_http__nobody_listens),
		cmocka_unit_test(test_http__time_is_limited),
		cmocka_unit_test(test_http__too_many_headers),
		cmocka_unit_test(test_http__an_unknown_certificate_is_refused),
	};

	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
