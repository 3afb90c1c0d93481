#include "server.h"

#include <microhttpd.h>
#include <string.h>
#include <strings.h>
#include <zlib.h>

#include "base/clock.h"
#include "base/xalloc.h"

#include "base/banned.h"

#define MAX_BODY   (32 * 1024 * 1024)
#define IDLE_S     120
#define GZIP_WBITS (15 + 16) /* zlib: +16 writes a gzip header */
#define MIN_GZIP   256       /* bytes; below that Google does not compress either */

/* One request, from its first line to the last byte of its answer. */
struct exchange {
	char *uri; /* owned; raw, as it came */
	struct strbuf body;
	bool begun; /* the callback has seen the headers */
	bool too_large;
	bool handled; /* the model has answered: out and result are set */
	int result;   /* of fg_handle() */
	struct http_response out;
	struct MHD_Connection *connection;
	int64_t due_ms; /* monotonic; when a held back answer goes out; 0 = it is not held */
	struct exchange *next_held;
};

struct server {
	struct MHD_Daemon *daemon;
	struct fg *fg;
	struct exchange *held; /* suspended connections */
};

/* -- requests in ---------------------------------------------------------------------------- */

/* MHD would decode the path: a %2F inside an id must stay one. */
static void *exchange_begin(void *cls, const char *uri, struct MHD_Connection *connection)
{
	struct exchange *x = xcalloc(1, sizeof(*x));

	(void)cls;
	x->uri = xstrdup(uri);
	x->body = (struct strbuf)STRBUF_INIT;
	x->out = (struct http_response)HTTP_RESPONSE_INIT;
	x->connection = connection;
	return x;
}

static void exchange_end(void *cls, struct MHD_Connection *connection, void **at,
			 enum MHD_RequestTerminationCode why)
{
	struct server *server = cls;
	struct exchange *x = *at;

	(void)connection;
	(void)why;
	if (!x)
		return;
	for (struct exchange **p = &server->held; *p; p = &(*p)->next_held) {
		if (*p == x) {
			*p = x->next_held;
			break;
		}
	}
	free(x->uri);
	strbuf_release(&x->body);
	http_response_release(&x->out);
	free(x);
	*at = NULL;
}

static enum MHD_Result take_header(void *cls, enum MHD_ValueKind kind, const char *key,
				   const char *value)
{
	(void)kind;
	http_headers_add(cls, key, value ? value : "");
	return MHD_YES;
}

static void handle(struct server *server, struct exchange *x, const char *method)
{
	struct http_request req = {.method = method, .url = x->uri};
	int64_t delay;

	MHD_get_connection_values(x->connection, MHD_HEADER_KIND, take_header, &req.headers);
	if (x->body.len) {
		req.body = x->body.buf;
		req.body_len = x->body.len;
	}
	x->result = fg_handle(server->fg, &req, &x->out);
	x->handled = true;
	http_headers_release(&req.headers);
	delay = fg_delay_ms(server->fg);
	if (delay > 0 && strncmp(x->uri, "/sandbox/", 9) != 0)
		x->due_ms = clock_system()->mono_ms(clock_system()) + delay;
}

/* -- answers out ---------------------------------------------------------------------------- */

static const char *header_of(struct exchange *x, const char *name)
{
	return MHD_lookup_connection_value(x->connection, MHD_HEADER_KIND, name);
}

/* Google wants both: Accept-Encoding, and "gzip" in the User-Agent. */
static bool wants_gzip(struct exchange *x)
{
	const char *accept = header_of(x, "Accept-Encoding");
	const char *agent = header_of(x, "User-Agent");

	return accept && strstr(accept, "gzip") && agent && strstr(agent, "gzip") &&
	       x->out.body.len >= MIN_GZIP;
}

static void gzip(struct strbuf *body)
{
	z_stream z = {0};
	struct strbuf out = STRBUF_INIT;
	unsigned char chunk[16384];
	int r;

	if (deflateInit2(&z, Z_BEST_SPEED, Z_DEFLATED, GZIP_WBITS, 8, Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
	z.next_in = (unsigned char *)body->buf;
	z.avail_in = (unsigned int)body->len;
	do {
		z.next_out = chunk;
		z.avail_out = sizeof(chunk);
		r = deflate(&z, Z_FINISH);
		strbuf_add(&out, chunk, sizeof(chunk) - z.avail_out);
	} while (r == Z_OK);
	deflateEnd(&z);
	strbuf_release(body);
	*body = out;
}

/* Half of the body, then the connection closes: MHD announces the whole length. */
static ssize_t read_half(void *cls, uint64_t pos, char *buf, size_t max)
{
	const struct exchange *x = cls;
	size_t half = x->out.body.len / 2;
	size_t n = pos < half ? half - (size_t)pos : 0;

	if (!n)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	n = n < max ? n : max;
	memcpy(buf, x->out.body.buf + pos, n);
	return (ssize_t)n;
}

static enum MHD_Result send_answer(struct exchange *x)
{
	struct MHD_Response *response;
	enum MHD_Result r;

	if (x->result < 0)
		return MHD_NO; /* closes the connection */
	if (wants_gzip(x)) {
		gzip(&x->out.body);
		http_headers_add(&x->out.headers, "Content-Encoding", "gzip");
		http_headers_add(&x->out.headers, "Vary", "Origin, X-Origin, Referer");
	}
	if (x->result == FG_TRUNCATED && x->out.body.len)
		response = MHD_create_response_from_callback(x->out.body.len, 16384, read_half, x,
							     NULL);
	else
		response = MHD_create_response_from_buffer(x->out.body.len, x->out.body.buf,
							   MHD_RESPMEM_MUST_COPY);
	if (!response)
		abort();
	for (size_t i = 0; i < x->out.headers.count; i++)
		MHD_add_response_header(response, x->out.headers.list[i].name,
					x->out.headers.list[i].value);
	r = MHD_queue_response(x->connection, (unsigned int)x->out.status, response);
	MHD_destroy_response(response);
	return r;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *size, void **at)
{
	struct server *server = cls;
	struct exchange *x = *at;
	(void)url;
	(void)version;

	if (!x->begun) {
		x->begun = true;
		return MHD_YES;
	}
	if (*size) {
		if (x->body.len + *size > MAX_BODY)
			x->too_large = true;
		else
			strbuf_add(&x->body, data, *size);
		*size = 0;
		return MHD_YES;
	}
	if (!x->handled && x->too_large) {
		x->handled = true;
		x->out.status = 413;
		http_headers_add(&x->out.headers, "Content-Type", "text/html; charset=UTF-8");
		strbuf_adds(&x->out.body,
			    "<title>Error 413 (Request Entity Too Large)!!1</title>\n");
	}
	if (!x->handled) {
		handle(server, x, method);
		if (x->due_ms) {
			x->next_held = server->held;
			server->held = x;
			MHD_suspend_connection(connection);
			return MHD_YES;
		}
	}
	return send_answer(x);
}

/* -- the daemon ----------------------------------------------------------------------------- */

struct server *server_new(int listen_fd, struct err *err)
{
	struct server *server = xcalloc(1, sizeof(*server));

	server->daemon = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_SUPPRESS_DATE_NO_CLOCK, 0, NULL,
		NULL, on_request, server, MHD_OPTION_LISTEN_SOCKET, listen_fd,
		MHD_OPTION_URI_LOG_CALLBACK, exchange_begin, NULL, MHD_OPTION_NOTIFY_COMPLETED,
		exchange_end, server, MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int)IDLE_S,
		MHD_OPTION_END);
	if (!server->daemon) {
		free(server);
		close(listen_fd);
		err_set(err, ERR_FAILED, "cannot start the HTTP server");
		return NULL;
	}
	return server;
}

void server_attach(struct server *server, struct fg *fg)
{
	server->fg = fg;
}

static void resume(struct exchange **at)
{
	struct exchange *x = *at;

	*at = x->next_held;
	x->next_held = NULL;
	MHD_resume_connection(x->connection);
}

void server_free(struct server *server)
{
	if (!server)
		return;
	/* MHD does not stop with connections suspended. */
	while (server->held)
		resume(&server->held);
	MHD_stop_daemon(server->daemon);
	free(server);
}

int server_fd(const struct server *server)
{
	return MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

int64_t server_timeout_ms(const struct server *server)
{
	MHD_UNSIGNED_LONG_LONG idle;
	int64_t now = clock_system()->mono_ms(clock_system());
	int64_t wait = -1;

	if (MHD_get_timeout(server->daemon, &idle) == MHD_YES)
		wait = (int64_t)idle;
	for (const struct exchange *x = server->held; x; x = x->next_held) {
		int64_t left = x->due_ms > now ? x->due_ms - now : 0;

		if (wait < 0 || left < wait)
			wait = left;
	}
	return wait;
}

void server_run(struct server *server)
{
	int64_t now = clock_system()->mono_ms(clock_system());
	struct exchange **at = &server->held;

	while (*at) {
		if ((*at)->due_ms <= now)
			resume(at);
		else
			at = &(*at)->next_held;
	}
	MHD_run(server->daemon);
}

unsigned int server_connections(const struct server *server)
{
	return MHD_get_daemon_info(server->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS)
		->num_connections;
}
