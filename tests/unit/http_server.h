/* A server on the loopback address that says exactly what it is told to. */
#ifndef TESTS_HTTP_SERVER_H
#define TESTS_HTTP_SERVER_H

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
#include <unistd.h>

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
static inline bool read_request(struct server *s, int fd)
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

static inline void serve_connection(struct server *s, int fd)
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

static inline void *serve(void *arg)
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

static inline void server_start(struct server *s, const struct answer *answers, size_t count)
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

static inline void server_stop(struct server *s)
{
	if (s->stop[1] <= 0)
		return;
	close(s->stop[1]);
	pthread_join(s->thread, NULL);
	close(s->stop[0]);
	close(s->fd);
	s->stop[1] = 0;
}

static inline void server_release(struct server *s)
{
	server_stop(s);
	strbuf_release(&s->seen);
}
DEFINE_AUTO_VALUE(struct server, server_release)

static inline struct transport *new_transport(void)
{
	struct transport *t = NULL;
	struct err err;

	if (http_transport_new(&t, &err))
		fail_msg("%s", err.msg);
	return t;
}

static inline int ask(struct transport *t, const struct server *s, struct http_request *req,
		      struct http_response *out, struct err *err)
{
	AUTO(free) char *url = xasprintf("http://127.0.0.1:%d%s", s->port, req->url);
	struct http_request full = *req;

	memset(err, 0, sizeof(*err));
	full.url = url;
	return t->exchange(t, &full, out, err);
}

static inline void ask_good(struct transport *t, const struct server *s, struct http_request *req,
			    struct http_response *out)
{
	struct err err;

	if (ask(t, s, req, out, &err))
		fail_msg("%s", err.msg);
}

static inline bool saw(const struct server *s, const char *text)
{
	return strstr(s->seen.buf, text) != NULL;
}

#endif
