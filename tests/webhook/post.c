/*
 * post PORT CHANNELS COUNT SEED FIRST: COUNT new messages on each channel, as Google and others send them:
 * numbers above FIRST with gaps, each message perhaps twice or repeated later, 'sync' ones, and between them
 * messages with wrong tokens and of unknown channels. What is not answered with 2xx (the receiver was
 * killed, or said 503) is sent again until it is. One thread a channel.
 *
 * Prints a line for each channel: ID LAST_NUMBER MESSAGES, what the receiver must have counted.
 * Fails when a wrong message is answered otherwise than with 404, or a good one never.
 */
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "wire.h"

#include "base/banned.h"

#define PATIENCE_US 60000000 /* for one message, however often it is tried */

struct sender {
	const struct wire_channel *channel;
	int port, fd;
	int64_t first, count; /* numbers begin behind first */
	unsigned int seed;
	struct strbuf out, rest;
	int64_t last, messages;
	pthread_t thread;
};

static _Atomic int trouble;

static void complain(const struct sender *s, const char *what, int status)
{
	fprintf(stderr, "post: channel %s: %s (%d)\n", s->channel->id, what, status);
	trouble = 1;
}

static unsigned int dice(struct sender *s, unsigned int sides)
{
	return (unsigned int)rand_r(&s->seed) % sides;
}

static void hang_up(struct sender *s)
{
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -1;
	strbuf_reset(&s->rest);
}

/* The status, or -1: no answer. */
static int exchange(struct sender *s)
{
	struct wire_answer a;

	if (s->fd < 0)
		s->fd = wire_connect(s->port, 10);
	if (s->fd < 0 || wire_send(s->fd, s->out.buf, s->out.len) ||
	    wire_answer(s->fd, &s->rest, &a)) {
		hang_up(s);
		return -1;
	}
	if (a.close)
		hang_up(s);
	return a.status;
}

static void post_until_taken(struct sender *s, int64_t number, const char *state)
{
	static const struct timespec pause = {.tv_nsec = 20000000};
	int64_t end = wire_now_us() + PATIENCE_US;
	int status;

	wire_message(s->channel, number, state, &s->out);
	while ((status = exchange(s)) < 200 || status >= 300) {
		if ((status > 0 && status != 503) || wire_now_us() > end) {
			complain(s, "a good message is refused", status);
			return;
		}
		nanosleep(&pause, NULL);
	}
}

/* A killed receiver gives no answer: nothing is learnt then. */
static void post_wrong(struct sender *s, int64_t number)
{
	static char unknown[] = "00000000-0000-4000-8000-000000000000";
	struct wire_channel wrong = *s->channel;
	AUTO(free) char *token = xstrdup(wrong.token);
	int status;

	if (dice(s, 2)) {
		wrong.id = unknown;
	} else {
		token[strlen(token) - 1] ^= 1;
		wrong.token = token;
	}
	wire_message(&wrong, number, "exists", &s->out);
	status = exchange(s);
	if (status > 0 && status != 404)
		complain(s, "a wrong message is answered", status);
}

static void *run(void *arg)
{
	struct sender *s = arg;
	int64_t number = s->first;

	for (int64_t i = 0; i < s->count && !trouble; i++) {
		bool is_sync = dice(s, 20) == 0;

		number += 1 + (dice(s, 4) ? 0 : dice(s, 50));
		post_until_taken(s, number, is_sync ? "sync" : "exists");
		s->messages += !is_sync;
		if (dice(s, 3) == 0)
			post_until_taken(s, number, "exists");
		if (dice(s, 5) == 0)
			post_until_taken(s, number - dice(s, 40) % number, "exists");
		if (dice(s, 5) == 0)
			post_wrong(s, number + 1000);
	}
	s->last = number;
	hang_up(s);
	return NULL;
}

int main(int argc, char **argv)
{
	AUTO(wire_channels_release) struct wire_channels channels = {0};
	AUTO(free) struct sender *senders = NULL;

	if (argc != 6) {
		fprintf(stderr, "usage: post PORT CHANNELS COUNT SEED FIRST\n");
		return 2;
	}
	wire_load_channels(argv[2], &channels);
	senders = xcalloc(channels.count, sizeof(*senders));
	for (size_t i = 0; i < channels.count; i++) {
		struct sender *s = &senders[i];

		*s = (struct sender){
			.channel = &channels.items[i],
			.port = (int)strtol(argv[1], NULL, 10),
			.fd = -1,
			.count = strtoll(argv[3], NULL, 10),
			.seed = (unsigned int)(strtoul(argv[4], NULL, 10) * 1000 + i),
			.first = strtoll(argv[5], NULL, 10),
			.out = STRBUF_INIT,
			.rest = STRBUF_INIT,
		};
		if (pthread_create(&s->thread, NULL, run, s))
			return 1;
	}
	for (size_t i = 0; i < channels.count; i++) {
		struct sender *s = &senders[i];

		pthread_join(s->thread, NULL);
		printf("%s %" PRId64 " %" PRId64 "\n", s->channel->id, s->last, s->messages);
		strbuf_release(&s->out);
		strbuf_release(&s->rest);
	}
	return trouble;
}
