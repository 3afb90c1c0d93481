/*
 * Who is connected, in the order of how long each has been about its request: the first is the next
 * to run out of time, and the first to go when there is no room.
 *
 * Time   A request has PEER_DEADLINE_MS from the accept, or from the end of the connection's
 *        request before; bytes that trickle in do not extend it. That is the limit of an idle
 *        connection, too.
 * Room   When all places are taken, or all of an address, the one that has been about its request
 *        for longest makes room: whoever keeps places by dawdling loses them, and whoever is
 *        quick is let in. Requests that are complete stay.
 */
#ifndef WEB_PEERS_H
#define WEB_PEERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#define PEER_DEADLINE_MS 10000
#define PEER_ADDRESS_LEN 16

/* Begins the struct of whoever keeps more of a connection. */
struct peer {
	struct peer *prev, *next;
	int fd; /* libmicrohttpd's */
	int64_t since_ms;
	bool has_address; /* else of this machine: a proxy, who counts its clients itself */
	unsigned char address[PEER_ADDRESS_LEN]; /* IPv6, or IPv4 mapped; of IPv6 the network */
	bool is_busy;                            /* its request is complete: it waits for us */
	bool is_doomed;                          /* shut down, about to be closed */
};

struct peers {
	struct peer *first, *last;
	size_t count, doomed;
};

/* Fill has_address and address. An IPv6 address counts by its /64: a host has as many as it likes. */
void peer_set_address(struct peer *p, const struct sockaddr *addr);
void peers_add(struct peers *l, struct peer *p, int64_t now_ms);
void peers_remove(struct peers *l, struct peer *p);
void peers_restart(struct peers *l, struct peer *p, int64_t now_ms); /* its request is over */
/*
 * Make room for one that is to come. Returns false when there is none. out_pushed: another one was
 * shut down for it; it is closed, and gone from the list, in the next round.
 */
bool peers_make_room(struct peers *l, const struct peer *coming, size_t max, size_t max_address,
		     bool *out_pushed);
/* Shut down those whose time is over; returns how many. */
size_t peers_expire(struct peers *l, int64_t now_ms);
/* Shut down all that are not busy. */
void peers_expire_all(struct peers *l);
/* Until the next one's time is over; -1 = there is none. */
int64_t peers_timeout_ms(const struct peers *l, int64_t now_ms);

#endif
