#include "wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/io.h"
#include "base/xalloc.h"

#include "base/banned.h"

#define FILE_MAX (1 << 22)

/* --- channels ---------------------------------------------------------------------------- */

static char *take_word(char **at)
{
	char *word = strsep(at, " \n");

	return word && *word ? word : NULL;
}

void wire_load_channels(const char *path, struct wire_channels *out)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err err;
	char *at;

	*out = (struct wire_channels){0};
	if (io_read_file(path, FILE_MAX, &text, &err)) {
		fprintf(stderr, "%s\n", err.msg);
		exit(1);
	}
	for (at = text.buf; at && *at;) {
		const char *id = take_word(&at), *resource = take_word(&at);
		const char *token = take_word(&at);

		if (!id || !resource || !token) {
			fprintf(stderr, "%s: a line is no ID RESOURCE_ID TOKEN\n", path);
			exit(1);
		}
		out->items = xreallocarray(out->items, out->count + 1, sizeof(*out->items));
		out->items[out->count++] = (struct wire_channel){
			.id = xstrdup(id), .resource = xstrdup(resource), .token = xstrdup(token)};
	}
	if (!out->count) {
		fprintf(stderr, "%s: no channel\n", path);
		exit(1);
	}
}

void wire_channels_release(struct wire_channels *c)
{
	for (size_t i = 0; i < c->count; i++) {
		free(c->items[i].id);
		free(c->items[i].resource);
		free(c->items[i].token);
	}
	free(c->items);
}

/* What Google sends, and what a proxy adds is not there. */
void wire_message(const struct wire_channel *c, int64_t number, const char *state,
		  struct strbuf *out)
{
	strbuf_reset(out);
	strbuf_addf(out,
		    "POST " WIRE_PATH " HTTP/1.1\r\n"
		    "Host: calendar.example.org\r\n"
		    "Accept: */*\r\n"
		    "X-Goog-Channel-ID: %s\r\n"
		    "X-Goog-Channel-Expiration: Tue, 19 Nov 2030 01:13:52 GMT\r\n"
		    "X-Goog-Resource-State: %s\r\n"
		    "X-Goog-Message-Number: %" PRId64 "\r\n"
		    "X-Goog-Resource-ID: %s\r\n"
		    "X-Goog-Resource-URI: https://www.googleapis.com/calendar/v3/calendars/"
		    "primary/events?alt=json\r\n"
		    "X-Goog-Channel-Token: %s\r\n"
		    "Content-Length: 0\r\n"
		    "User-Agent: APIs-Google; (+https://developers.google.com/webmasters/"
		    "APIs-Google)\r\n"
		    "Accept-Encoding: gzip,deflate,br\r\n\r\n",
		    c->id, state, number, c->resource, c->token);
}

/* --- the socket -------------------------------------------------------------------------- */

int wire_connect(int port, int timeout_s)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct timeval limit = {.tv_sec = timeout_s};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (struct sockaddr *)&to, sizeof(to))) {
		close(fd);
		return -1;
	}
	return fd;
}

int wire_send(int fd, const void *data, size_t len)
{
	const char *at = data;

	while (len) {
		ssize_t n = send(fd, at, len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		at += n;
		len -= (size_t)n;
	}
	return 0;
}

static int read_more(int fd, struct strbuf *rest)
{
	char buf[4096];
	ssize_t n;

	do
		n = recv(fd, buf, sizeof(buf), 0);
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return -1;
	strbuf_add(rest, buf, (size_t)n);
	return 0;
}

static void drop(struct strbuf *sb, size_t len)
{
	memmove(sb->buf, sb->buf + len, sb->len - len + 1);
	sb->len -= len;
}

/* The value of a header, NULL without it. */
static const char *header(const char *head, const char *name)
{
	const char *line = strcasestr(head, name);

	return line ? line + strlen(name) : NULL;
}

int wire_answer(int fd, struct strbuf *rest, struct wire_answer *out)
{
	const char *length;
	char *end;
	size_t head, body;

	while (!rest->buf || !(end = strstr(rest->buf, "\r\n\r\n")))
		if (read_more(fd, rest))
			return -1;
	if (strncmp(rest->buf, "HTTP/1.", 7) != 0 || rest->len < 12)
		return -1;
	end[2] = '\0'; /* the headers alone are looked through */
	out->status = (int)strtol(rest->buf + 9, NULL, 10);
	length = header(rest->buf, "\r\nContent-Length:");
	out->close = header(rest->buf, "\r\nConnection: close") != NULL;
	head = (size_t)(end + 4 - rest->buf);
	body = length ? (size_t)strtoul(length, NULL, 10) : 0;
	while (rest->len < head + body)
		if (read_more(fd, rest))
			return -1;
	drop(rest, head + body);
	return 0;
}

int64_t wire_now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}
