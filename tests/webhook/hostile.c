/*
 * hostile PORT CHANNELS [PID]: clients that mean no good, all at once, while a good message is posted
 * ten times a second and must be answered with 2xx within a second each time.
 *
 *   500 connections that send a byte a second and never an empty line
 *   headers of 64 KiB; a declared body of 1 GiB, and a part of it; a chunked body without an end
 *   a hundred pipelined requests; pairs that proxies and servers read differently; lines that do not
 *   end with CR LF; NUL bytes; no HTTP at all
 *
 * But for what is no HTTP each of them carries a good message, and would be answered without its one
 * hostile thing.
 *
 * Prints what became of each, TAP. PID: of the receiver, whose peak memory must stay below 32 MiB.
 */
#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/xalloc.h"
#include "wire.h"

#include "base/banned.h"

#define SLOW       500
#define SECONDS    25 /* longer than two deadlines of a request */
#define DEADLINE_S 10 /* of a request, promised by the receiver */
#define SLACK_S    3
#define ANSWER_US  1000000
#define PEAK_KIB   (32L * 1024)
#define PIPELINED  100

static int port, tests, failures;
static struct wire_channels channels;
static _Atomic bool over;

__attribute__((format(printf, 2, 3))) static void tell(bool good, const char *fmt, ...)
{
	va_list ap;

	printf("%sok %d - ", good ? "" : "not ", ++tests);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n");
	failures += !good;
}

static void sleep_ms(long ms)
{
	struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

	nanosleep(&t, NULL);
}

/* --- the good client --------------------------------------------------------------------- */

struct good {
	int64_t sent, worst_us, failed;
};

static void *post_good(void *arg)
{
	AUTO(strbuf_release) struct strbuf out = STRBUF_INIT, rest = STRBUF_INIT;
	struct good *g = arg;
	int64_t number = wire_now_us();

	while (!over) {
		int64_t start = wire_now_us(), took;
		struct wire_answer a = {0};
		int fd = wire_connect(port, 5);

		wire_message(&channels.items[0], ++number, "exists", &out);
		strbuf_reset(&rest);
		if (fd < 0 || wire_send(fd, out.buf, out.len) || wire_answer(fd, &rest, &a) ||
		    a.status / 100 != 2)
			g->failed++;
		if (fd >= 0)
			close(fd);
		took = wire_now_us() - start;
		if (took > g->worst_us)
			g->worst_us = took;
		g->sent++;
		sleep_ms(100);
	}
	return NULL;
}

/* --- slow ones --------------------------------------------------------------------------- */

struct slow {
	int opened, ended;
	int64_t longest_us; /* that one of them lived */
};

static bool is_ended(int fd)
{
	char buf[512];
	ssize_t n;

	do
		n = recv(fd, buf, sizeof(buf), MSG_DONTWAIT);
	while (n > 0);
	return n == 0 || (errno != EAGAIN && errno != EINTR);
}

static void *be_slow(void *arg)
{
	static const char drip[] =
		"POST " WIRE_PATH
		" HTTP/1.1\r\nHost: h\r\nX-Nothing: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";
	struct slow *s = arg;
	int fd[SLOW];
	int64_t opened[SLOW];

	for (int i = 0; i < SLOW; i++) {
		fd[i] = wire_connect(port, 5);
		opened[i] = wire_now_us();
		s->opened += fd[i] >= 0;
	}
	for (size_t n = 0; !over; n++) {
		for (int i = 0; i < SLOW; i++) {
			if (fd[i] < 0 || (!wire_send(fd[i], &drip[n % (sizeof(drip) - 1)], 1) &&
					  !is_ended(fd[i])))
				continue;
			if (wire_now_us() - opened[i] > s->longest_us)
				s->longest_us = wire_now_us() - opened[i];
			close(fd[i]);
			fd[i] = -1;
			s->ended++;
		}
		sleep_ms(1000);
	}
	for (int i = 0; i < SLOW; i++)
		if (fd[i] >= 0)
			close(fd[i]);
	return NULL;
}

/* --- one at a time ----------------------------------------------------------------------- */

/* What the receiver says to these bytes: a status, 0 = it ended the connection, -1 = it waits.
 * out_more: how many answers came behind the first. */
static int say(const char *bytes, size_t len, int *out_more)
{
	static const struct timeval more_limit = {.tv_sec = 1};
	AUTO(strbuf_release) struct strbuf rest = STRBUF_INIT;
	struct wire_answer first = {0}, next;
	int64_t start = wire_now_us();
	int fd = wire_connect(port, DEADLINE_S + SLACK_S), status;

	*out_more = 0;
	if (fd < 0)
		return 0;
	(void)!wire_send(fd, bytes, len); /* it may have hung up already: its answer counts */
	if (!wire_answer(fd, &rest, &first)) {
		status = first.status;
		setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &more_limit, sizeof(more_limit));
		while (!first.close && !wire_answer(fd, &rest, &next)) {
			++*out_more;
			if (next.close)
				break;
		}
	} else {
		status = wire_now_us() - start > (DEADLINE_S + SLACK_S) * 1000000L ? -1 : 0;
	}
	close(fd);
	return status;
}

static void refused(const char *name, const char *bytes, size_t len)
{
	int more, status = say(bytes, len, &more);

	tell((status == 0 || (status >= 400 && status < 500) || status == 505) && !more,
	     "%s: refused (%d, %d more)", name, status, more);
}

/* --- a good message, and one thing that is wrong with it ---------------------------------- */

#define SECOND "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n"

struct message {
	const char *target, *id, *token, *number; /* NULL = good ones */
	size_t id_len, token_len, number_len;     /* of those that are not */
};

static void add_header(struct strbuf *out, const char *name, const char *value, size_t len)
{
	strbuf_addf(out, "%s: ", name);
	strbuf_add(out, value, len);
	strbuf_adds(out, "\r\n");
}

/* A request line and all headers but those of the length; not the empty line. */
static void add_message(struct strbuf *out, const struct message *m)
{
	const struct wire_channel *c = &channels.items[channels.count - 1];
	AUTO(free) char *number = xasprintf("%" PRId64, wire_now_us());

	strbuf_addf(out, "POST %s HTTP/1.1\r\nHost: h\r\n", m->target ? m->target : WIRE_PATH);
	add_header(out, "X-Goog-Channel-ID", m->id ? m->id : c->id,
		   m->id ? m->id_len : strlen(c->id));
	add_header(out, "X-Goog-Channel-Token", m->token ? m->token : c->token,
		   m->token ? m->token_len : strlen(c->token));
	add_header(out, "X-Goog-Message-Number", m->number ? m->number : number,
		   m->number ? m->number_len : strlen(number));
	add_header(out, "X-Goog-Resource-ID", c->resource, strlen(c->resource));
	add_header(out, "X-Goog-Resource-State", "exists", strlen("exists"));
}

/* rest: what is behind the good headers. */
static void refused_bytes(const char *name, const char *rest, size_t len)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	add_message(&text, &(struct message){0});
	strbuf_add(&text, rest, len);
	refused(name, text.buf, text.len);
}

static void refused_text(const char *name, const char *rest)
{
	refused_bytes(name, rest, strlen(rest));
}

/* Of each below only the one thing is wrong: without it, it is answered, and what follows too. */
static void good_one(void)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	int more, status;

	add_message(&text, &(struct message){0});
	strbuf_adds(&text, "X: a\r\nContent-Length: 0\r\n\r\n" SECOND);
	status = say(text.buf, text.len, &more);
	tell(status / 100 == 2 && more == 1, "a good message: taken (%d, %d more)", status, more);
}

/* Read in more than one way: nothing behind it may be taken for a request. */
static void taken_alone(const char *name, const char *rest)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	int more, status;

	add_message(&text, &(struct message){0});
	strbuf_adds(&text, rest);
	status = say(text.buf, text.len, &more);
	tell((status / 100 == 2 || status / 100 == 4) && !more,
	     "%s: nothing is read behind it (%d, %d more)", name, status, more);
}

static void large_headers(void)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT, target = STRBUF_INIT;

	for (int i = 0; i < 64; i++)
		strbuf_addf(&text, "X-Large-%d: %01000d\r\n", i, i);
	strbuf_adds(&text, "Content-Length: 0\r\n\r\n");
	refused_text("64 headers of 1 KiB", text.buf);
	strbuf_reset(&text);
	strbuf_addf(&text, "X-Large: %065536d\r\n\r\n", 0);
	refused_text("one header of 64 KiB", text.buf);
	strbuf_reset(&text);
	strbuf_addf(&text, "X-Large: %08192d\r\n\r\n", 0);
	refused_text("one header of 8 KiB", text.buf);
	strbuf_addf(&target, WIRE_PATH "?%09000d", 0);
	strbuf_reset(&text);
	add_message(&text, &(struct message){.target = target.buf});
	strbuf_adds(&text, "Content-Length: 0\r\n\r\n");
	refused("a query of 9,000 bytes", text.buf, text.len);
	strbuf_reset(&target);
	strbuf_addf(&target, WIRE_PATH "?%065536d", 0);
	strbuf_reset(&text);
	add_message(&text, &(struct message){.target = target.buf});
	strbuf_adds(&text, "Content-Length: 0\r\n\r\n");
	refused("a query of 64 KiB", text.buf, text.len);
}

static void large_bodies(void)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	strbuf_addf(&text, "Content-Length: 1073741824\r\n\r\n%0100000d", 0);
	refused_text("a declared body of 1 GiB", text.buf);
	strbuf_reset(&text);
	strbuf_adds(&text, "Transfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; i < 100; i++)
		strbuf_addf(&text, "400\r\n%01024d\r\n", i);
	refused_text("a chunked body of 100 KiB without an end", text.buf);
	refused_text("a body length of 2^64 + 5",
		     "Content-Length: 18446744073709551621\r\n\r\nhello");
	refused_text("a negative body length", "Content-Length: -1\r\n\r\n");
}

/* RFC 9112 section 6.3: what two readers may understand differently. None may be taken for two
 * requests. */
static void smuggling(void)
{
	refused_text("Content-Length and Transfer-Encoding",
		     "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SECOND);
	refused_text("two different Content-Lengths",
		     "Content-Length: 0\r\nContent-Length: 34\r\n\r\n" SECOND);
	refused_text("a Content-Length list", "Content-Length: 0, 34\r\n\r\n" SECOND);
	refused_text("an unknown Transfer-Encoding",
		     "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" SECOND);
	refused_text("chunked twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: "
				      "identity\r\n\r\n0\r\n\r\n" SECOND);
	refused_text("a space before the colon",
		     "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" SECOND);
	refused_text("a folded header", "X: a\r\n Content-Length: 34\r\n\r\n" SECOND);
	refused_text("a second Host", "Host: h\r\n\r\n" SECOND);
	refused_text("no chunk size", "Transfer-Encoding: chunked\r\n\r\nzz\r\n" SECOND);
	refused_text("a chunk size of 2^64",
		     "Transfer-Encoding: chunked\r\n\r\n10000000000000000\r\n" SECOND);
	taken_alone("a chunked body", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" SECOND);
	taken_alone("chunk lines that end with LF",
		    "Transfer-Encoding: chunked\r\n\r\n0\n\n" SECOND);
}

/* RFC 9112 section 2.2: a line ends with CR LF. */
static void loose_lines(void)
{
	refused_text("a bare line feed between headers", "X: a\nContent-Length: 34\r\n\r\n" SECOND);
	refused_text("a bare line feed behind the last header", "X: a\n\r\n" SECOND);
	refused_text("a bare line feed for the empty line", "X: a\r\n\n" SECOND);
	refused_text("a bare carriage return", "X: a\rContent-Length: 34\r\n\r\n" SECOND);
}

static void refused_message(const char *name, const struct message *m)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	add_message(&text, m);
	strbuf_adds(&text, "Content-Length: 0\r\n\r\n");
	refused(name, text.buf, text.len);
}

/* As long as with a NUL the rest would be a good message. */
static void nul_bytes(void)
{
#define BYTES(text) (text), sizeof(text) - 1
	const struct wire_channel *c = &channels.items[channels.count - 1];
	AUTO(strbuf_release) struct strbuf id = STRBUF_INIT, token = STRBUF_INIT;
	AUTO(free) char *number = xasprintf("%" PRId64, wire_now_us());

	refused_bytes("a NUL in a header", BYTES("X: h\0h\r\n\r\n" SECOND));
	refused_bytes("a NUL behind a header",
		      BYTES("X: h\0\r\nContent-Length: 34\r\n\r\n" SECOND));
	refused_bytes("a NUL in a header's name", BYTES("X\0: h\r\n\r\n" SECOND));
	refused_bytes("a NUL in Content-Length", BYTES("Content-Length: 0\0 34\r\n\r\n" SECOND));
	refused_bytes("a NUL in Transfer-Encoding",
		      BYTES("Transfer-Encoding: chunked\0x\r\n\r\n0\r\n\r\n" SECOND));
	strbuf_add(&id, c->id, strlen(c->id));
	strbuf_add(&id, BYTES("\0x"));
	refused_message("a NUL in the channel's id",
			&(struct message){.id = id.buf, .id_len = id.len});
	strbuf_add(&token, c->token, strlen(c->token));
	strbuf_add(&token, BYTES("\0zzz"));
	refused_message("a NUL in the channel's token",
			&(struct message){.token = token.buf, .token_len = token.len});
	refused_message("a NUL behind the message's number",
			&(struct message){.number = number, .number_len = strlen(number) + 1});
#undef BYTES
}

static void pipelined(void)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT, one = STRBUF_INIT;
	int64_t number = wire_now_us();
	int more, status;

	for (int i = 0; i < PIPELINED; i++) {
		wire_message(&channels.items[channels.count - 1], ++number, "exists", &one);
		strbuf_add(&text, one.buf, one.len);
	}
	status = say(text.buf, text.len, &more);
	tell(status / 100 == 2 && more == PIPELINED - 1,
	     "%d pipelined messages are all answered (%d, %d more)", PIPELINED, status, more);
}

static void no_http(void)
{
	static const char hello[] =
		"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\x00\xff\xfe\r\n\r\n";
	AUTO(strbuf_release) struct strbuf noise = STRBUF_INIT;
	unsigned int seed = 7;

	refused("TLS to the plain port", hello, sizeof(hello) - 1);
	for (int i = 0; i < 4096; i++)
		strbuf_addc(&noise, (char)rand_r(&seed));
	strbuf_adds(&noise, "\r\n\r\n");
	refused("4 KiB of noise", noise.buf, noise.len);
	refused("HTTP/0.9", "GET /\r\n\r\n", 9);
	refused("the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 24);
}

static long peak_kib(const char *pid)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(free) char *path = xasprintf("/proc/%s/status", pid);
	struct err err;
	const char *line;

	if (io_read_file(path, 1 << 16, &text, &err))
		return -1;
	line = strstr(text.buf, "VmHWM:");
	return line ? strtol(line + 6, NULL, 10) : -1;
}

int main(int argc, char **argv)
{
	struct rlimit files = {.rlim_cur = 2 * SLOW, .rlim_max = 2 * SLOW};
	struct good good = {0};
	struct slow slow = {0};
	pthread_t good_thread, slow_thread;
	int64_t end = wire_now_us() + SECONDS * 1000000L;

	if (argc < 3) {
		fprintf(stderr, "usage: hostile PORT CHANNELS [PID]\n");
		return 2;
	}
	port = (int)strtol(argv[1], NULL, 10);
	wire_load_channels(argv[2], &channels);
	setvbuf(stdout, NULL, _IOLBF, 0);
	setrlimit(RLIMIT_NOFILE, &files);
	if (pthread_create(&good_thread, NULL, post_good, &good) ||
	    pthread_create(&slow_thread, NULL, be_slow, &slow))
		return 1;
	sleep_ms(500);
	good_one();
	large_headers();
	large_bodies();
	smuggling();
	loose_lines();
	nul_bytes();
	pipelined();
	no_http();
	while (wire_now_us() < end)
		sleep_ms(100);
	over = true;
	pthread_join(good_thread, NULL);
	pthread_join(slow_thread, NULL);
	tell(slow.opened == SLOW && slow.ended == SLOW &&
		     slow.longest_us < (DEADLINE_S + SLACK_S) * 1000000L,
	     "%d slow connections: %d opened, %d ended, the last after %.1f s", SLOW, slow.opened,
	     slow.ended, (double)slow.longest_us / 1e6);
	tell(good.sent > 50 && !good.failed && good.worst_us < ANSWER_US,
	     "%" PRId64 " good messages meanwhile: %" PRId64 " failed, the slowest took %.3f s",
	     good.sent, good.failed, (double)good.worst_us / 1e6);
	if (argc > 3) {
		long peak = peak_kib(argv[3]);

		tell(peak > 0 && peak < PEAK_KIB, "the receiver's peak memory is %ld KiB", peak);
	}
	printf("1..%d\n", tests);
	wire_channels_release(&channels);
	return failures != 0;
}
