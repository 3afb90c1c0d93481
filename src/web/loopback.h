/*
 * The other end of a browser login: listens on 127.0.0.1 until the browser comes
 * back with Google's answer.
 *
 *   loopback_open() -> loopback_redirect_uri() into the consent page's address
 *   -> loopback_wait() -> trade the code -> loopback_answer() tells the person how it went
 *
 * Only `GET /callback?...` with this login's state counts, and only once. Other paths get 404,
 * another state 400, what is too long 431, and what is no HTTP is hung up on; none of them ends the
 * wait or delays the right one. Who comes after it is told that the login is over.
 *
 * Source  RFC 8252 sections 7.3 and 8.3 (loopback redirect), RFC 6749 section 10.12 (state)
 */
#ifndef WEB_LOOPBACK_H
#define WEB_LOOPBACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"

struct loopback;

/*
 * Listen on 127.0.0.1, a port of the system's choice.
 *
 * redirect_uri  NULL, or the one address that this OAuth client may be answered at: its port then
 * Errors        ERR_FAILED, also when that port is in use;
 *               ERR_INVALID for another machine's address
 */
int loopback_open(struct clock *clock, const char *redirect_uri, struct loopback **out,
		  struct err *err);
void loopback_free(struct loopback *l); /* a browser that still waits is told that it failed */
const char *loopback_redirect_uri(const struct loopback *l); /* "http://127.0.0.1:PORT/callback" */
unsigned loopback_port(const struct loopback *l);

/*
 * Wait for the redirect.
 *
 * paste_fd   a file descriptor on which the redirected address may come as a line (stdin);
 *            -1 = none. Its end is not the end of the wait. A line that is not this login's answer
 *            is warned about, not taken.
 * out_query  what followed the '?', caller frees; holds the code: a secret until it is used
 * Errors     ERR_NOT_CONNECTED after timeout_ms; ERR_FAILED when the sockets fail
 */
int loopback_wait(struct loopback *l, const char *state, int paste_fd, int64_t timeout_ms,
		  char **out_query, struct err *err);

/* Send the browser its page (plain text; nothing when the answer was pasted). */
void loopback_answer(struct loopback *l, bool good, const char *title, const char *text);

static inline void loopback_free_ptr(struct loopback **l)
{
	loopback_free(*l);
}

#endif
