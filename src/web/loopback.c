#include "web/loopback.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/strbuf.h"
#include "base/url.h"
#include "base/xalloc.h"
#include "secret/secret.h"
#include "base/banned.h"

#define CALLBACK       "/callback"
#define CLIENTS_MAX    16
#define REQUEST_MAX    8192  /* bytes of a request's head, and of a pasted line */
#define CLIENT_LIFE_MS 10000 /* a client that has not asked by then is hung up on */
#define BACKLOG        64

struct client {
	int fd; /* -1 = free */
	int64_t end_ms;
	struct strbuf head;
	bool refused; /* it has its answer, and is still sending */
};

struct loopback {
	struct clock *clock;
	int fd;
	unsigned port;
	char *redirect_uri;
	char *host; /* "127.0.0.1:PORT", what Host must say */
	char *path; /* "/callback", what the target must be */
	struct client clients[CLIENTS_MAX];
	int waiting_fd; /* the browser whose page is still to come; -1 = none */
	struct strbuf pasted;
};

/* Returns the listening socket, *port being the one that it got. */
static int listen_on(unsigned *port, struct err *err)
{
	struct sockaddr_in addr = {.sin_family = AF_INET, .sin_port = htons((uint16_t)*port)};
	socklen_t len = sizeof(addr);
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	/* A port that the client names was perhaps ours a moment ago. */
	if (fd >= 0 && *port)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd >= 0 && !bind(fd, (struct sockaddr *)&addr, sizeof(addr)) && !listen(fd, BACKLOG) &&
	    !getsockname(fd, (struct sockaddr *)&addr, &len)) {
		*port = ntohs(addr.sin_port);
		return fd;
	}
	if (*port && errno == EADDRINUSE)
		err_set(err, ERR_FAILED,
			"port %u, which this OAuth client's redirect address names, is in use by "
			"another program; end that one, or use a client for desktop apps",
			*port);
	else
		err_set(err, ERR_FAILED, "cannot listen on 127.0.0.1, port %u: %s", *port,
			strerror(errno));
	if (fd >= 0)
		close(fd);
	return -1;
}

int loopback_open(struct clock *clock, const char *redirect_uri, struct loopback **out,
		  struct err *err)
{
	AUTO(free) char *host = NULL;
	AUTO(free) char *path = NULL;
	unsigned port = 0;
	struct loopback *l;
	int fd;

	if (redirect_uri && url_redirect_parts(redirect_uri, &host, &port, &path))
		return err_set(err, ERR_INVALID, "'%s' is no address of this machine",
			       redirect_uri);
	fd = listen_on(&port, err);
	if (fd < 0)
		return -1;
	l = xcalloc(1, sizeof(*l));
	l->clock = clock;
	l->fd = fd;
	l->waiting_fd = -1;
	l->port = port;
	l->host = host ? TAKE(host) : xasprintf("127.0.0.1:%u", port);
	l->path = path ? TAKE(path) : xstrdup(CALLBACK);
	l->redirect_uri =
		redirect_uri ? xstrdup(redirect_uri) : xasprintf("http://%s%s", l->host, l->path);
	l->pasted = (struct strbuf)STRBUF_INIT;
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		l->clients[i].fd = -1;
		l->clients[i].head = (struct strbuf)STRBUF_INIT;
	}
	*out = l;
	return 0;
}

const char *loopback_redirect_uri(const struct loopback *l)
{
	return l->redirect_uri;
}

unsigned loopback_port(const struct loopback *l)
{
	return l->port;
}

/* --- answers ----------------------------------------------------------------------------- */

static void add_html(struct strbuf *sb, const char *s)
{
	for (; *s; s++) {
		if (*s == '<')
			strbuf_adds(sb, "&lt;");
		else if (*s == '&')
			strbuf_adds(sb, "&amp;");
		else
			strbuf_addc(sb, *s);
	}
}

/* No script, nothing loaded from anywhere, in nobody's frame; the style is the page's own. */
#define PAGE_HEADERS                                                                        \
	"Content-Type: text/html; charset=utf-8\r\n"                                        \
	"Cache-Control: no-store\r\n"                                                       \
	"Referrer-Policy: no-referrer\r\n"                                                  \
	"X-Content-Type-Options: nosniff\r\n"                                               \
	"Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; base-uri " \
	"'none'; form-action 'none'; frame-ancestors 'none'\r\n"                            \
	"Connection: close\r\n"

#define PAGE_STYLE                                                                        \
	":root{color-scheme:light dark;--paper:#fff;--desk:#f1f3f4;--ink:#202124;"        \
	"--good:#137333;--bad:#b3261e}\n"                                                 \
	"@media(prefers-color-scheme:dark){:root{--paper:#2a2b2e;--desk:#1b1c1e;"         \
	"--ink:#e8eaed;--good:#81c995;--bad:#f2b8b5}}\n"                                  \
	"body{margin:0;min-height:100vh;display:flex;align-items:center;"                 \
	"justify-content:center;background:var(--desk);color:var(--ink);"                 \
	"font:1.0625rem/1.5 system-ui,sans-serif}\n"                                      \
	"main{box-sizing:border-box;width:100%;max-width:30rem;margin:1rem;padding:2rem;" \
	"border-radius:.75rem;background:var(--paper);overflow-wrap:anywhere}\n"          \
	"h1{margin:0 0 .75rem;font-size:1.5rem;line-height:1.25}\n"                       \
	"p{margin:0}\n"                                                                   \
	".good h1{color:var(--good)}.bad h1{color:var(--bad)}\n"

/* Send a whole answer, the last that is sent. It fits the socket's buffer; who does not read it misses
 * it. */
static void answer(int fd, const char *status, const char *title, const char *text)
{
	AUTO(strbuf_release) struct strbuf body = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf all = STRBUF_INIT;

	strbuf_adds(&body, "<!DOCTYPE html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
			   "<meta name=\"viewport\" content=\"width=device-width, "
			   "initial-scale=1\">\n<title>");
	add_html(&body, title);
	strbuf_adds(&body, "</title>\n<style>\n" PAGE_STYLE "</style>\n<main class=\"");
	strbuf_adds(&body, *status == '2' ? "good" : "bad");
	strbuf_adds(&body, "\">\n<h1>");
	add_html(&body, title);
	strbuf_adds(&body, "</h1>\n<p>");
	add_html(&body, text);
	strbuf_adds(&body, "</p>\n</main>\n</html>\n");
	strbuf_addf(&all, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n" PAGE_HEADERS "\r\n%s", status,
		    body.len, body.buf);
	if (send(fd, all.buf, all.len, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		log_debug("loopback", "a client did not take its answer: %s", strerror(errno));
	shutdown(fd, SHUT_WR);
}

/* To who has sent all that there is to read: closed with something unread, the connection is reset,
 * and the answer may be lost. */
static void reply(int fd, const char *status, const char *title, const char *text)
{
	answer(fd, status, title, text);
	close(fd);
}

void loopback_answer(struct loopback *l, bool good, const char *title, const char *text)
{
	if (l->waiting_fd < 0)
		return;
	reply(l->waiting_fd, good ? "200 OK" : "400 Bad Request", title, text);
	l->waiting_fd = -1;
}

/* --- requests ---------------------------------------------------------------------------- */

/* In a time that says nothing of where they differ. */
static bool same_secret(const char *a, const char *b, size_t len)
{
	volatile unsigned char differ = 0;

	for (size_t i = 0; i < len; i++)
		differ |= (unsigned char)(a[i] ^ b[i]);
	return !differ;
}

/* Whether the query has this state. States are made of unreserved characters: a server has no
 * reason to encode one, and one that it did encode would not match: safe. */
static bool has_state(const char *query, size_t len, const char *state)
{
	static const char name[] = "state=";
	size_t name_len = strlen(name), state_len = strlen(state);
	const char *end = query + len;

	while (query < end) {
		const char *amp = memchr(query, '&', (size_t)(end - query));
		const char *stop = amp ? amp : end;

		if ((size_t)(stop - query) == name_len + state_len &&
		    !memcmp(query, name, name_len) &&
		    same_secret(query + name_len, state, state_len))
			return true;
		query = stop + 1;
	}
	return false;
}

static bool host_matches(const struct loopback *l, const char *head)
{
	size_t len = strlen(l->host);

	for (const char *p = strstr(head, "\r\n"); p; p = strstr(p, "\r\n")) {
		p += 2;
		if (strncasecmp(p, "Host:", 5))
			continue;
		p += 5 + strspn(p + 5, " \t");
		return !strncmp(p, l->host, len) && p[len] == '\r';
	}
	return false;
}

/* A whole head has come: true when it is the answer that we wait for, which then sits in
 * *out_query and its client in l->waiting_fd; else the client has had its refusal. */
static bool take_request(struct loopback *l, struct client *c, const char *state, char **out_query)
{
	const char *head = c->head.buf;
	const char *target = head + 4;
	size_t len = strcspn(target, " \r\n?");
	size_t query_len;
	int fd = c->fd;

	c->fd = -1;
	if (strncmp(head, "GET ", 4)) {
		reply(fd, "405 Method Not Allowed", "Not here", "Only GET is answered.");
		return false;
	}
	if (len != strlen(l->path) || strncmp(target, l->path, len) || !host_matches(l, head)) {
		reply(fd, "404 Not Found", "Not here", "There is nothing at this address.");
		return false;
	}
	target += len + (target[len] == '?');
	query_len = strcspn(target, " \r\n");
	if (!has_state(target, query_len, state)) {
		reply(fd, "400 Bad Request", "Not this login",
		      "This is not the answer to the login that calsync waits for.");
		return false;
	}
	*out_query = xstrndup(target, query_len);
	l->waiting_fd = fd;
	return true;
}

static void hang_up(struct client *c)
{
	close(c->fd);
	c->fd = -1;
}

/* A browser sends the cookies that any program of this machine has set. */
static void refuse_long(struct client *c)
{
	answer(c->fd, "431 Request Header Fields Too Large", "Too long",
	       "calsync reads no request as long as this one; perhaps the browser has many cookies "
	       "of this machine. calsync still waits: open its address in a private window, or end "
	       "it and run it with --no-browser.");
	c->refused = true;
}

/* What a client has sent so far: true when that is a whole head. */
static bool read_head(struct client *c)
{
	char buf[2048];
	ssize_t n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0 || (!c->refused && memchr(buf, 0, (size_t)n)))
		hang_up(c);
	else if (!c->refused && c->head.len + (size_t)n > REQUEST_MAX)
		refuse_long(c);
	else if (!c->refused)
		strbuf_add(&c->head, buf, (size_t)n);
	secret_wipe(buf, sizeof(buf));
	return c->fd >= 0 && !c->refused && strstr(c->head.buf, "\r\n\r\n") != NULL;
}

static void accept_clients(struct loopback *l)
{
	int fd;

	while ((fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK)) >= 0) {
		struct client *c = &l->clients[0];

		/* A free place, else that of the one who has dawdled longest. */
		for (size_t i = 0; i < CLIENTS_MAX && c->fd >= 0; i++)
			if (l->clients[i].fd < 0 || l->clients[i].end_ms < c->end_ms)
				c = &l->clients[i];
		if (c->fd >= 0)
			hang_up(c);
		c->fd = fd;
		c->refused = false;
		c->end_ms = l->clock->mono_ms(l->clock) + CLIENT_LIFE_MS;
		/* A code comes with it: emptied for good, and of its full size from the start, as
		 * growing leaves copies. */
		secret_wipe_strbuf(&c->head);
		strbuf_reserve(&c->head, REQUEST_MAX);
	}
}

/* --- the pasted address ------------------------------------------------------------------ */

static bool take_line(const char *line, size_t len, const char *state, char **out_query)
{
	const char *query;

	while (len && strchr(" \t\r", line[len - 1]))
		len--;
	while (len && strchr(" \t", *line)) {
		line++;
		len--;
	}
	if (!len)
		return false;
	query = memchr(line, '?', len);
	query = query ? query + 1 : line;
	len -= (size_t)(query - line);
	if (!has_state(query, len, state)) {
		log_warn("loopback",
			 "that is not the answer to this login; paste the whole address "
			 "that the browser shows after you have agreed");
		return false;
	}
	*out_query =
		xstrndup(query, strcspn(query, " #\r\n") < len ? strcspn(query, " #\r\n") : len);
	return true;
}

/* The first line of what was pasted, which is forgotten, up to len. */
static void drop_pasted(struct strbuf *pasted, size_t len)
{
	size_t left = pasted->len - len;

	memmove(pasted->buf, pasted->buf + len, left);
	secret_wipe(pasted->buf + left, len);
	pasted->len = left;
}

/* Returns true when the answer came; clears *fd at the end of the input. */
static bool read_paste(struct loopback *l, int *fd, const char *state, char **out_query)
{
	char buf[1024];
	ssize_t n = read(*fd, buf, sizeof(buf));
	char *newline;
	bool found;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	strbuf_reserve(&l->pasted, REQUEST_MAX + sizeof(buf) - l->pasted.len);
	if (n <= 0)
		*fd = -1;
	else
		strbuf_add(&l->pasted, buf, (size_t)n);
	secret_wipe(buf, sizeof(buf));
	while ((newline = memchr(l->pasted.buf, '\n', l->pasted.len))) {
		size_t len = (size_t)(newline - l->pasted.buf);

		found = take_line(l->pasted.buf, len, state, out_query);
		drop_pasted(&l->pasted, len + 1);
		if (found)
			return true;
	}
	if (*fd < 0 || l->pasted.len > REQUEST_MAX) {
		found = take_line(l->pasted.buf, l->pasted.len, state, out_query);
		drop_pasted(&l->pasted, l->pasted.len);
		return found;
	}
	return false;
}

/* --- the wait ---------------------------------------------------------------------------- */

int loopback_wait(struct loopback *l, const char *state, int paste_fd, int64_t timeout_ms,
		  char **out_query, struct err *err)
{
	int64_t end_ms = l->clock->mono_ms(l->clock) + timeout_ms;

	for (;;) {
		struct pollfd fds[CLIENTS_MAX + 2] = {{.fd = l->fd, .events = POLLIN},
						      {.fd = paste_fd, .events = POLLIN}};
		int64_t now = l->clock->mono_ms(l->clock);
		int64_t next = end_ms;

		if (now >= end_ms)
			return err_set(
				err, ERR_NOT_CONNECTED,
				"no answer from the consent page within %lld seconds; if the "
				"page showed an error, mend that, then give the same command "
				"again",
				(long long)(timeout_ms + 999) / 1000);
		for (size_t i = 0; i < CLIENTS_MAX; i++) {
			struct client *c = &l->clients[i];

			if (c->fd >= 0 && now >= c->end_ms)
				hang_up(c);
			if (c->fd >= 0 && c->end_ms < next)
				next = c->end_ms;
			fds[i + 2] = (struct pollfd){.fd = c->fd, .events = POLLIN};
		}
		if (poll(fds, CLIENTS_MAX + 2, (int)(next - now)) < 0 && errno != EINTR)
			return err_set(err, ERR_FAILED, "cannot wait for the browser: %s",
				       strerror(errno));
		for (size_t i = 0; i < CLIENTS_MAX; i++)
			if (fds[i + 2].fd >= 0 && fds[i + 2].revents && read_head(&l->clients[i]) &&
			    take_request(l, &l->clients[i], state, out_query))
				return 0;
		if (fds[1].fd >= 0 && fds[1].revents && read_paste(l, &paste_fd, state, out_query))
			return 0;
		if (fds[0].revents)
			accept_clients(l);
	}
}

/* --- the end ----------------------------------------------------------------------------- */

/* Who asked while the first answer was looked at: a page that was loaded twice, say. */
static void turn_away(struct loopback *l)
{
	accept_clients(l);
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		struct client *c = &l->clients[i];

		if (c->fd < 0 || !read_head(c))
			continue;
		reply(c->fd, "410 Gone", "This login is over",
		      "calsync no longer waits for an answer. The terminal in which it runs says "
		      "how it went.");
		c->fd = -1;
	}
}

void loopback_free(struct loopback *l)
{
	if (!l)
		return;
	loopback_answer(l, false, "calsync is not connected",
			"Something went wrong. The terminal in which calsync runs says what.");
	turn_away(l);
	for (size_t i = 0; i < CLIENTS_MAX; i++) {
		if (l->clients[i].fd >= 0)
			close(l->clients[i].fd);
		secret_wipe_strbuf(&l->clients[i].head);
	}
	close(l->fd);
	secret_wipe_strbuf(&l->pasted);
	free(l->redirect_uri);
	free(l->host);
	free(l->path);
	free(l);
}
