/* What the transport over libcurl sends, and to whom. */
#include "http_server.h"

#include <fcntl.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/log.h"

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

static void test_http__connections_end_with_an_exec(void **state)
{
	static const struct answer answers[] = {{.text = OK_EMPTY}};
	AUTO(server_release) struct server s;
	AUTO(transport_free) struct transport *t = new_transport();
	AUTO(http_response_release) struct http_response r = HTTP_RESPONSE_INIT;
	struct http_request req = {.method = "GET", .url = "/x"};
	int found = 0;

	(void)state;
	server_start(&s, answers, 1);
	ask_good(t, &s, &req, &r);
	for (int fd = 3; fd < 1024; fd++) {
		struct sockaddr_in peer = {0};
		socklen_t len = sizeof(peer);

		if (getpeername(fd, (struct sockaddr *)&peer, &len) || peer.sin_family != AF_INET ||
		    ntohs(peer.sin_port) != s.port)
			continue;
		found++;
		assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	}
	assert_int_equal(found, 1);
	server_stop(&s);
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

/* --- the log ----------------------------------------------------------------------------- */

static void test_http__the_log_tells_no_secrets(void **state)
{
	static const struct answer answers[] = {
		{.text = "HTTP/1.1 404 Not Found\r\nX-Answer: h3\r\nContent-Length: 2\r\n\r\nb4"}};
	AUTO(server_release) struct server s;
	AUTO(transport_free) struct transport *t = new_transport();
	AUTO(http_response_release) struct http_response r = HTTP_RESPONSE_INIT;
	AUTO(http_headers_release) struct http_headers headers = {0};
	AUTO(strbuf_release) struct strbuf log = STRBUF_INIT;
	struct http_request req = {
		.method = "POST",
		.url = "/calendar/v3/calendars/user1%40example.com/events/e1?q=q5",
		.body = "b2",
		.body_len = 2};
	int pipe_fds[2], old = dup(STDERR_FILENO);
	struct err err;

	(void)state;
	server_start(&s, answers, 1);
	http_headers_add(&headers, "Authorization", "Bearer t1");
	req.headers = headers;
	assert_int_equal(pipe(pipe_fds), 0);
	fflush(stderr);
	dup2(pipe_fds[1], STDERR_FILENO);
	close(pipe_fds[1]);
	log_set_level(2);
	ask_good(t, &s, &req, &r);
	log_set_level(0);
	dup2(old, STDERR_FILENO);
	close(old);
	assert_int_equal(io_read_fd(pipe_fds[0], "log", 10000, &log, &err), 0);
	close(pipe_fds[0]);
	if (!strstr(log.buf, "POST /calendar/v3/calendars/*/events/e1: 404, "))
		fail_msg("'%s'", log.buf);
	for (const char *const *word =
		     (const char *const[]){"t1", "b2", "h3", "b4", "q5", "user1", NULL};
	     *word; word++)
		assert_null(strstr(log.buf, *word));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_http__a_get),
		cmocka_unit_test(test_http__bodies),
		cmocka_unit_test(test_http__long_bodies_go_out_at_once),
		cmocka_unit_test(test_http__connections_are_kept),
		cmocka_unit_test(test_http__connections_end_with_an_exec),
		cmocka_unit_test(test_http__control_characters_are_refused),
		cmocka_unit_test(test_http__other_schemes_and_plain_http_are_refused),
		cmocka_unit_test(test_http__an_unknown_certificate_is_refused),
		cmocka_unit_test(test_http__the_log_tells_no_secrets),
	};

	return cmocka_run_group_tests_name("http", tests, NULL, NULL);
}
