/*
 * load PORT CONNECTIONS SECONDS CHANNELS: as many notifications as a receiver takes, each connection
 * on a channel of its own with growing numbers, the next message after the last one's answer.
 * Prints answers a second, and the median and the 99th percentile of their latency in microseconds.
 * Fails when an answer is no 2xx.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "wire.h"

#include "base/banned.h"

#define ANSWER_MAX 2048
#define LATENCIES  (1 << 20) /* measured of each run, at most */

struct connection {
	int fd;
	const struct wire_channel *channel;
	int64_t number, sent_us;
	struct strbuf out;
	char in[ANSWER_MAX];
	size_t in_len;
};

struct load {
	struct connection *items;
	size_t count;
	int epoll;
	int64_t answers;
	uint32_t *latency;
	size_t latencies;
};

static void fail(const char *what)
{
	fprintf(stderr, "load: %s\n", what);
	exit(1);
}

static void send_next(struct connection *c)
{
	wire_message(c->channel, ++c->number, "exists", &c->out);
	c->sent_us = wire_now_us();
	if (wire_send(c->fd, c->out.buf, c->out.len))
		fail("a connection ended");
	c->in_len = 0;
}

static void answered(struct load *l, struct connection *c)
{
	int64_t took = wire_now_us() - c->sent_us;

	if (c->in[9] != '2')
		fail(c->in);
	l->answers++;
	if (l->latencies < LATENCIES)
		l->latency[l->latencies++] = took < UINT32_MAX ? (uint32_t)took : UINT32_MAX;
}

/* Whether an answer is complete: none of 2xx has a body here, or a Content-Length of 0. */
static bool read_answer(struct connection *c)
{
	ssize_t n = recv(c->fd, c->in + c->in_len, ANSWER_MAX - 1 - c->in_len, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0)
		fail("a connection ended");
	c->in_len += (size_t)n;
	c->in[c->in_len] = '\0';
	return strstr(c->in, "\r\n\r\n") != NULL;
}

static void open_all(struct load *l, int port, const struct wire_channels *channels)
{
	l->epoll = epoll_create1(EPOLL_CLOEXEC);
	for (size_t i = 0; i < l->count; i++) {
		struct connection *c = &l->items[i];
		struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};

		c->channel = &channels->items[i % channels->count];
		/* Higher than those of an earlier run on the same channels. */
		c->number = wire_now_us();
		c->out = (struct strbuf)STRBUF_INIT;
		c->fd = wire_connect(port, 30);
		if (c->fd < 0 || epoll_ctl(l->epoll, EPOLL_CTL_ADD, c->fd, &e))
			fail("cannot connect");
	}
}

static void run(struct load *l, int64_t end_us)
{
	struct epoll_event ready[64];

	for (size_t i = 0; i < l->count; i++)
		send_next(&l->items[i]);
	while (wire_now_us() < end_us) {
		int n = epoll_wait(l->epoll, ready, 64, 1000);

		for (int i = 0; i < n; i++) {
			struct connection *c = ready[i].data.ptr;

			if (!read_answer(c))
				continue;
			answered(l, c);
			send_next(c);
		}
	}
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	AUTO(wire_channels_release) struct wire_channels channels = {0};
	struct load l = {0};
	double seconds = argc == 5 ? strtod(argv[3], NULL) : 0;
	int64_t start;

	if (argc != 5 || seconds <= 0) {
		fprintf(stderr, "usage: load PORT CONNECTIONS SECONDS CHANNELS\n");
		return 2;
	}
	wire_load_channels(argv[4], &channels);
	l.count = (size_t)strtoul(argv[2], NULL, 10);
	if (!l.count || l.count > channels.count)
		fail("there must be a channel for each connection");
	l.items = xcalloc(l.count, sizeof(*l.items));
	l.latency = xcalloc(LATENCIES, sizeof(*l.latency));
	open_all(&l, (int)strtol(argv[1], NULL, 10), &channels);
	start = wire_now_us();
	run(&l, start + (int64_t)(seconds * 1e6));
	seconds = (double)(wire_now_us() - start) / 1e6;
	if (!l.answers)
		fail("no answer came");
	qsort(l.latency, l.latencies, sizeof(*l.latency), by_size);
	printf("%.0f %" PRIu32 " %" PRIu32 "\n", (double)l.answers / seconds,
	       l.latency[l.latencies / 2], l.latency[l.latencies * 99 / 100]);
	for (size_t i = 0; i < l.count; i++) {
		close(l.items[i].fd);
		strbuf_release(&l.items[i].out);
	}
	free(l.items);
	free(l.latency);
	close(l.epoll);
	return 0;
}
