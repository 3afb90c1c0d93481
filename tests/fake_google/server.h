/*
 * The HTTP front door: libmicrohttpd before fg_handle(), in the caller's own thread.
 *
 * Order   server_new(), then again and again: wait until server_fd() is readable or
 *         server_timeout_ms() is over, server_run(); at the end server_free().
 */
#ifndef FG_SERVER_H
#define FG_SERVER_H

#include "fg.h"

struct server;

/* listen_fd: a listening socket; the server closes it. Errors: ERR_FAILED. */
struct server *server_new(int listen_fd, struct err *err);
/* Requests are answered from here on; fg must outlive the server. */
void server_attach(struct server *server, struct fg *fg);
void server_free(struct server *server);
int server_fd(const struct server *server);                   /* for poll(), readable = run it */
int64_t server_timeout_ms(const struct server *server);       /* -1 = nothing to wait for */
unsigned int server_connections(const struct server *server); /* open ones */
void server_run(struct server *server);

#endif
