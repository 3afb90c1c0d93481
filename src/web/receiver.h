/*
 * The HTTP side of the receiver: connections, requests, answers. No thread, no database: whoever
 * owns the loop settles the batches. What has come while one is settled is the next.
 *
 *   receiver_new() -> [receiver_set_tls()] -> for ever:
 *     poll() on receiver_pollfds() and the listeners, for at most receiver_timeout_ms()
 *     -> receiver_accept() -> receiver_run()
 *
 * R1  A notification is answered 204 only after its batch was settled, which is after the commit.
 * R2  Unknown channel, wrong token and wrong resource get the answer of a path where nothing is.
 * R3  A request whose end two readers could see in different places is refused, and its connection
 *     closed. So is one with a NUL in its head or a line that does not end with CR LF (head_check.h);
 *     behind a chunked body the connection is closed in any case.
 */
#ifndef WEB_RECEIVER_H
#define WEB_RECEIVER_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/strbuf.h"
#include "web/daemons.h"
#include "web/hook_batch.h"
#include "web/listen.h"
#include "web/metrics.h"

struct receiver;

struct receiver_options {
	struct clock *clock;
	struct metrics *metrics;
	size_t connections;             /* at a time */
	size_t connections_per_address; /* at a time; not counted for this machine's own */
	bool (*is_healthy)(void *arg);  /* whether the database answers */
	void (*settle)(void *arg, struct hook_batch *batch); /* what was not empty */
	void (*add_metrics)(void *arg, struct strbuf *out);
	void *arg;
};

/* ERR_FAILED: libmicrohttpd is not there. */
int receiver_new(const struct receiver_options *o, struct receiver **out, struct err *err);
void receiver_free(struct receiver *r); /* hangs up on all; NULL allowed */

/*
 * From now on new TCP connections speak TLS with this certificate; those that are open with an
 * earlier one end with their next answer, or when its time is over. In PEM; may be wiped afterwards.
 * ERR_INVALID, and all stays as it was.
 */
int receiver_set_tls(struct receiver *r, const char *cert, const char *key, struct err *err);

/* Whether to look at the listeners: not for a moment after descriptors have run out. */
bool receiver_wants_more(const struct receiver *r);
/* Take in whoever waits there. */
void receiver_accept(struct receiver *r, const struct listener *l);
/* Returns how many. */
size_t receiver_pollfds(const struct receiver *r, struct pollfd fds[DAEMONS_MAX]);
int64_t receiver_timeout_ms(const struct receiver *r); /* -1 = for ever */
/* Read, judge, settle the notifications among it, answer. */
void receiver_run(struct receiver *r);

size_t receiver_open(const struct receiver *r); /* connections */
/* From now on every answer is the last of its connection. */
void receiver_finish(struct receiver *r);
/* Hang up on those whose request is not complete. */
void receiver_hang_up(struct receiver *r);

DEFINE_AUTO(struct receiver, receiver_free)

#endif
