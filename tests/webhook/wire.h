/*
 * A client of the webhook, for tests and benchmarks: channels from a file, messages as Google sends
 * them, answers from a blocking socket.
 *
 * Channels file   a line each: ID RESOURCE_ID TOKEN, as the receiver's database has them
 */
#ifndef TESTS_WEBHOOK_WIRE_H
#define TESTS_WEBHOOK_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/strbuf.h"

#define WIRE_PATH "/api/calendar/webhook/google"

struct wire_channel {
	char *id, *resource, *token;
};

struct wire_channels {
	struct wire_channel *items;
	size_t count;
};
/* Ends the program when the file cannot be read or holds none. */
void wire_load_channels(const char *path, struct wire_channels *out);
void wire_channels_release(struct wire_channels *c);

/* One message's request. state: "sync", "exists", ... Replaces what out holds. */
void wire_message(const struct wire_channel *c, int64_t number, const char *state,
		  struct strbuf *out);

/* To 127.0.0.1, with timeouts of timeout_s for each read and write. -1: not accepted. */
int wire_connect(int port, int timeout_s);
/* All of it, or -1. */
int wire_send(int fd, const void *data, size_t len);

struct wire_answer {
	int status;
	bool close; /* the server ends the connection behind it */
};
/* One answer, its body thrown away; rest keeps what came behind it. -1: the connection ended, or
 * nothing came in time. */
int wire_answer(int fd, struct strbuf *rest, struct wire_answer *out);

int64_t wire_now_us(void); /* monotonic */

DEFINE_AUTO_VALUE(struct wire_channels, wire_channels_release)

#endif
