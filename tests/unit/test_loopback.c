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
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/strbuf.h"
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
	assert_int_equal(loopback_open(clock_system(), &f->l, &f->err), 0);
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

static void assert_answer(int fd, const char *begin)
{
	AUTO(free) char *text = answer(fd);

	assert_memory_equal(text, begin, strlen(begin));
	assert_non_null(strstr(text, "Cache-Control: no-store\r\n"));
	assert_non_null(strstr(text, "Referrer-Policy: no-referrer\r\n"));
	assert_null(strstr(text, "c0de"));
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

static void test_loopback__a_head_without_end_is_hung_up_on(void **state)
{
	struct fixture *f = *state;
	AUTO(free) char *query = NULL;
	AUTO(strbuf_release) struct strbuf huge = STRBUF_INIT;
	int endless, fd;

	strbuf_adds(&huge, "GET /callback?state=" STATE "&code=");
	for (size_t i = 0; i < 20000; i++)
		strbuf_addc(&huge, 'x');
	endless = client(f, huge.buf);
	fd = asks(f, "GET", GOOD);
	assert_int_equal(loopback_wait(f->l, STATE, -1, 5000, &query, &f->err), 0);
	loopback_answer(f->l, true, "done", "done");
	assert_answer(fd, "HTTP/1.1 200 ");
	close(endless);
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
		TEST(slow_clients_do_not_block),
		TEST(a_head_without_end_is_hung_up_on),
		TEST(the_wait_has_an_end),
		TEST(the_address_may_be_pasted),
		TEST(a_wrong_paste_is_not_taken),
	};

	return cmocka_run_group_tests_name("loopback", tests, NULL, NULL);
}
