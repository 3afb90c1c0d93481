/* The listener of a browser login, over real sockets: clients connect and write first, what they
 * sent waits in the socket until loopback_wait() looks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/strbuf.h"
#include "base/url.h"
#include "base/xalloc.h"
#include "web/loopback.h"

#define STATE "s-t_a~t.e"

struct fixture {
	struct loopback *l;
	unsigned port;
	struct err err;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	log_set_level(-1);
	assert_int_equal(loopback_open(clock_system(), NULL, &f->l, &f->err), 0);
	assert_int_equal(
		sscanf(loopback_redirect_uri(f->l), "http://127.0.0.1:%u/callback", &f->port), 1);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	loopback_free(f->l);
	free(f);
	return 0;
}

static int client(const struct fixture *f, const char *text)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)f->port)};
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	return fd;
}

static int asks(const struct fixture *f, const char *method, const char *target)
{
	AUTO(free)
	char *text =
		xasprintf("%s %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\n\r\n", method, target, f->port);

	return client(f, text);
}

/* Everything that the server says to a client, up to its end. */
static char *answer(int fd)
{
	struct strbuf sb = STRBUF_INIT;
	char buf[512];
	ssize_t n;

	while ((n = read(fd, buf, sizeof(buf))) > 0)
		strbuf_add(&sb, buf, (size_t)n);
	close(fd);
	return strbuf_detach(&sb);
}

/* What every page says, whoever gets it. */
static void assert_answer(int fd, const char *begin)
{
	static const char *const parts[] = {
		"Content-Type: text/html; charset=utf-8\r\n",
		"Cache-Control: no-store\r\n",
		"Referrer-Policy: no-referrer\r\n",
		"X-Content-Type-Options: nosniff\r\n",
		"Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; "
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'\r\n",
		"Connection: close\r\n",
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">",
	};
	AUTO(free) char *text = answer(fd);
	const char *length = strstr(text, "Content-Length: ");
	const char *body = strstr(text, "\r\n\r\n");

	assert_memory_equal(text, begin, strlen(begin));
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		if (!strstr(text, parts[i]))
			fail_msg("'%s' is missing in\n%s", parts[i], text);
	assert_non_null(length);
	assert_non_null(body);
	assert_int_equal(strtoul(length + 16, NULL, 10), strlen(body + 4));
	/* Neither the code, nor the state, nor anything that runs or loads. */
	assert_null(strstr(text, "c0de"));
	assert_null(strstr(text, "s-t_a~t.e"));
	assert_null(strstr(text, "<script"));
	assert_null(strstr(text, "://"));
}

#define GOOD "/callback?code=c0de&state=" STATE "&scope=x"

static void test_loopback__the_matching_get_ends_the_wait(void **state)
{
	struct fixture *f = *state;
	AUTO(free) char *query = NULL;
	int fd = asks(f, "GET", GOOD);

	assert_int_equal(loopback_wait(f->l, STATE, -1, 5000, &query, &f->err), 0);
	assert_string_equal(query, "code=c0de&state=" STATE "&scope=x");
	loopback_answer(f->l, true, "calsync is connected", "a < b & c");
	assert_answer(fd, "HTTP/1.1 200 OK\r\n");
}

static void test_loopback__a_failure_is_told_too(void **state)
{
	struct fixture *f = *state;
	AUTO(free) char *query = NULL;
	int fd = asks(f, "GET", GOOD);

	assert_int_equal(loopback_wait(f->l, STATE, -1, 5000, &query, &f->err), 0);
	loopback_answer(f->l, false, "calsync is not connected", "see there");
	assert_answer(fd, "HTTP/1.1 400 ");
}

static void test_loopback__others_are_refused_and_do_not_end_it(void **state)
{
	struct fixture *f = *state;
	AUTO(free) char *query = NULL;
	int favicon = asks(f, "GET", "/favicon.ico");
	int longer = asks(f, "GET", "/callbackx?state=" STATE);
	int post = asks(f, "POST", GOOD);
	int foreign = asks(f, "GET", "/callback?code=c0de&state=other");
	int part = asks(f, "GET", "/callback?code=c0de&state=" STATE "x&xstate=" STATE);
	int none = asks(f, "GET", "/callback");
	int host = client(f, "GET " GOOD " HTTP/1.1\r\nHost: evil.example\r\n\r\n");
	int garbage = client(f, "\x16\x03\x01 no HTTP at all\r\n\r\n");
	int good = asks(f, "GET", GOOD);

	assert_int_equal(loopback_wait(f->l, STATE, -1, 5000, &query, &f->err), 0);
	loopback_answer(f->l, true, "done", "done");
	assert_answer(good, "HTTP/1.1 200 ");
	assert_answer(favicon, "HTTP/1.1 404 ");
	assert_answer(longer, "HTTP/1.1 404 ");
	assert_answer(post, "HTTP/1.1 405 ");
	assert_answer(foreign, "HTTP/1.1 400 ");
	assert_answer(part, "HTTP/1.1 400 ");
	assert_answer(none, "HTTP/1.1 400 ");
	assert_answer(host, "HTTP/1.1 404 ");
	assert_answer(garbage, "HTTP/1.1 405 ");
}

static void test_loopback__the_answer_counts_once(void **state)
{
	struct fixture *f = *state;
	AUTO(free) char *query = NULL;
	int fd = asks(f, "GET", GOOD), again, silent;

	assert_int_equal(loopback_wait(f->l, STATE, -1, 5000, &query, &f->err), 0);
	again = asks(f, "GET", GOOD);
	silent = client(f, "");
	loopback_answer(f->l, true, "done", "done");
	assert_answer(fd, "HTTP/1.1 200 ");
	loopback_free(f->l);
	f->l = NULL;
	assert_answer(again, "HTTP/1.1 410 ");
	close(silent);
}

static void test_loopback__a_text_of_others_is_no_markup(void **state)
{
	struct fixture *f = *state;
	AUTO(free) char *query = NULL;
	AUTO(free) char *text = NULL;
	int fd = asks(f, "GET", GOOD);

	assert_int_equal(loopback_wait(f->l, STATE, -1, 5000, &query, &f->err), 0);
	loopback_answer(f->l, true, "<b>&", "<img src=x>");
	text = answer(fd);
	assert_non_null(strstr(text, "<h1>&lt;b>&amp;</h1>"));
	assert_non_null(strstr(text, "<p>&lt;img src=x></p>"));
	assert_null(strstr(text, "<img"));
}

static void test_loopback__addresses_that_it_can_be(void **state)
{
	static const struct {
		const char *uri;
		bool can;
	} rows[] = {
		{"http://127.0.0.1:8085/callback", true}, {"http://127.0.0.1:8085", true},
		{"http://localhost:8085/", true},         {"http://localhost/oauth2", true},
		{"http://127.0.0.1:0/", false},           {"http://127.0.0.1:65536/", false},
		{"http://127.0.0.1:123456/", false},      {"http://127.0.0.1:/", false},
		{"http://127.0.0.1:80x/", false},         {"http://127.0.0.1.evil.test/", false},
		{"http://localhost@evil.test/", false},   {"http://127.0.0.1:80@evil.test/", false},
		{"http://127.0.0.1:80/?a=b", false},      {"http://127.0.0.1:80/#a", false},
		{"https://127.0.0.1:80/", false},         {"https://example.com/callback", false},
		{"urn:ietf:wg:oauth:2.0:oob", false},     {"", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(free) char *host = NULL;
		AUTO(free) char *path = NULL;
		unsigned port;

		if (!url_redirect_parts(rows[i].uri, &host, &port, &path) != rows[i].can)
			fail_msg("%s", rows[i].uri);
	}
}

/* The port and the path that a web client is bound to. */
static void test_loopback__a_named_address(void **state)
{
	struct fixture *f = *state;
	AUTO(free) char *taken = xasprintf("http://127.0.0.1:%u/there", f->port);
	AUTO(free) char *query = NULL;
	struct loopback *second = NULL;
	int wrong, fd;

	assert_int_equal(loopback_open(clock_system(), taken, &second, &f->err), -1);
	assert_int_equal(f->err.code, ERR_FAILED);
	assert_non_null(strstr(f->err.msg, "in use"));
	assert_int_equal(loopback_open(clock_system(), "https://example.com/", &second, &f->err),
			 -1);
	assert_int_equal(f->err.code, ERR_INVALID);
	assert_null(second);
	loopback_free(f->l);
	assert_int_equal(loopback_open(clock_system(), taken, &f->l, &f->err), 0);
	assert_string_equal(loopback_redirect_uri(f->l), taken);
	assert_int_equal(loopback_port(f->l), f->port);
	wrong = asks(f, "GET", GOOD);
	fd = asks(f, "GET", "/there?code=c0de&state=" STATE);
	assert_int_equal(loopback_wait(f->l, STATE, -1, 5000, &query, &f->err), 0);
	loopback_answer(f->l, true, "done", "done");
	assert_answer(fd, "HTTP/1.1 200 ");
	assert_answer(wrong, "HTTP/1.1 404 ");
}

static void test_loopback__slow_clients_do_not_block(void **state)
{
	struct fixture *f = *state;
	AUTO(free) char *query = NULL;
	int silent[20]; /* more than it keeps: the oldest give way */
	int fd;

	for (size_t i = 0; i < ARRAY_SIZE(silent); i++)
		silent[i] = client(f, i % 2 ? "GET /call" : "");
	fd = asks(f, "GET", GOOD);
	assert_int_equal(loopback_wait(f->l, STATE, -1, 5000, &query, &f->err), 0);
	loopback_answer(f->l, true, "done", "done");
	assert_answer(fd, "HTTP/1.1 200 ");
	for (size_t i = 0; i < ARRAY_SIZE(silent); i++)
		close(silent[i]);
}

static void test_loopback__a_long_head_is_refused(void **state)
{
	struct fixture *f = *state;
	AUTO(free) char *query = NULL;
	AUTO(strbuf_release) struct strbuf huge = STRBUF_INIT;
	int endless, fd;

	strbuf_adds(&huge, "GET /callback?state=" STATE "&code=");
	for (size_t i = 0; i < 20000; i++)
		strbuf_addc(&huge, 'x');
	endless = client(f, huge.buf);
	assert_int_equal(loopback_wait(f->l, STATE, -1, 200, &query, &f->err), -1);
	assert_answer(endless, "HTTP/1.1 431 ");
	/* The end of its head may be there as well: it is not the answer. */
	strbuf_adds(&huge, " HTTP/1.1\r\n\r\n");
	endless = client(f, huge.buf);
	assert_int_equal(loopback_wait(f->l, STATE, -1, 200, &query, &f->err), -1);
	assert_null(query);
	fd = asks(f, "GET", GOOD);
	assert_int_equal(loopback_wait(f->l, STATE, -1, 5000, &query, &f->err), 0);
	loopback_answer(f->l, true, "done", "done");
	assert_answer(fd, "HTTP/1.1 200 ");
	assert_answer(endless, "HTTP/1.1 431 ");
}

static void test_loopback__the_wait_has_an_end(void **state)
{
	struct fixture *f = *state;
	char *query = NULL;

	assert_int_equal(loopback_wait(f->l, STATE, -1, 30, &query, &f->err), -1);
	assert_int_equal(f->err.code, ERR_NOT_CONNECTED);
	assert_null(query);
}

static int pasted(struct fixture *f, const char *text, char **out_query)
{
	int fds[2], r;

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(write(fds[1], text, strlen(text)), strlen(text));
	close(fds[1]);
	r = loopback_wait(f->l, STATE, fds[0], 200, out_query, &f->err);
	close(fds[0]);
	return r;
}

static void test_loopback__the_address_may_be_pasted(void **state)
{
	static const char *const texts[] = {
		"http://127.0.0.1:1/callback?code=c0de&state=" STATE "\n",
		"  http://127.0.0.1:1/callback?code=c0de&state=" STATE "  \r\n",
		"\n\nhttp://x/?state=wrong\nhttp://127.0.0.1:1/callback?code=c0de&state=" STATE
		"\n",
		"http://127.0.0.1:1/callback?code=c0de&state=" STATE, /* no newline at the end */
		"code=c0de&state=" STATE "\n",
	};

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		AUTO(free) char *query = NULL;

		assert_int_equal(pasted(*state, texts[i], &query), 0);
		assert_string_equal(query, "code=c0de&state=" STATE);
	}
}

static void test_loopback__a_wrong_paste_is_not_taken(void **state)
{
	static const char *const texts[] = {
		"",
		"hello\n",
		"http://127.0.0.1:1/callback?code=c0de\n",
		"http://127.0.0.1:1/callback?code=c0de&state=" STATE "x\n",
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		char *query = NULL;

		assert_int_equal(pasted(f, texts[i], &query), -1);
		assert_int_equal(f->err.code, ERR_NOT_CONNECTED);
		assert_null(query);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(test_loopback__##name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(the_matching_get_ends_the_wait),
		TEST(a_failure_is_told_too),
		TEST(others_are_refused_and_do_not_end_it),
		TEST(the_answer_counts_once),
		TEST(a_text_of_others_is_no_markup),
		TEST(addresses_that_it_can_be),
		TEST(a_named_address),
		TEST(slow_clients_do_not_block),
		TEST(a_long_head_is_refused),
		TEST(the_wait_has_an_end),
		TEST(the_address_may_be_pasted),
		TEST(a_wrong_paste_is_not_taken),
	};

	return cmocka_run_group_tests_name("loopback", tests, NULL, NULL);
}
