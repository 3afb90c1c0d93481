/*
 * libmicrohttpd's daemons behind the receiver: one without TLS, one with the present certificate,
 * and those of earlier certificates as long as they have connections. None of them accepts by
 * itself: one daemon serves any number of listeners, and who may come in is not theirs to say.
 * Of an old certificate's connections the owner makes every answer the last, and none is open for
 * longer than a request may take.
 *
 * Order of calls  fill the callbacks -> daemons_start() -> daemons_stop()
 */
#ifndef WEB_DAEMONS_H
#define WEB_DAEMONS_H

#include <poll.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "web/mhd.h"

#define DAEMONS_MAX 8

struct daemons {
	const struct mhd *mhd;
	size_t connections; /* of each at most */
	void *(*on_target)(void *arg, const char *target, struct MHD_Connection *c);
	MHD_AccessHandlerCallback on_request;
	MHD_RequestCompletedCallback on_request_end;
	MHD_NotifyConnectionCallback on_connection;
	void *arg;

	/* [0] without TLS, [1] the present certificate, then the old ones, oldest first */
	struct MHD_Daemon *all[DAEMONS_MAX];
	size_t count;
	char trouble[200]; /* what libmicrohttpd said first since a start */
};

int daemons_start(struct daemons *d, struct err *err);
void daemons_stop(struct daemons *d); /* hangs up on all */
/* As receiver_set_tls(). Where there is no room for one more old certificate the oldest one's
 * connections are hung up on. */
int daemons_set_tls(struct daemons *d, const char *cert, const char *key, struct err *err);
bool daemons_is_old(const struct daemons *d, const struct MHD_Daemon *one);
/* Takes the socket, and closes it when that fails. may_tls: with TLS if there is a certificate. */
void daemons_add(struct daemons *d, bool may_tls, int fd, const struct sockaddr *addr,
		 socklen_t len);
size_t daemons_pollfds(const struct daemons *d, struct pollfd fds[DAEMONS_MAX]);
int64_t daemons_timeout_ms(const struct daemons *d); /* -1 = for ever */
void daemons_run(struct daemons *d);

#endif
