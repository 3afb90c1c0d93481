#include "web/peers.h"

#include <netinet/in.h>
#include <string.h>

#include "base/banned.h"

void peer_set_address(struct peer *p, const struct sockaddr *addr)
{
	struct in6_addr a = {0};

	p->has_address = false;
	if (addr->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)addr;

		a.s6_addr[10] = a.s6_addr[11] = 0xff;
		memcpy(&a.s6_addr[12], &in->sin_addr, 4);
	} else if (addr->sa_family == AF_INET6) {
		a = ((const struct sockaddr_in6 *)(const void *)addr)->sin6_addr;
	} else {
		return;
	}
	if (IN6_IS_ADDR_LOOPBACK(&a) || (IN6_IS_ADDR_V4MAPPED(&a) && a.s6_addr[12] == 127))
		return;
	if (!IN6_IS_ADDR_V4MAPPED(&a))
		memset(&a.s6_addr[8], 0, 8);
	memcpy(p->address, &a, PEER_ADDRESS_LEN);
	p->has_address = true;
}

static void append(struct peers *l, struct peer *p)
{
	p->next = NULL;
	p->prev = l->last;
	if (l->last)
		l->last->next = p;
	else
		l->first = p;
	l->last = p;
}

static void take_out(struct peers *l, struct peer *p)
{
	if (p->prev)
		p->prev->next = p->next;
	else
		l->first = p->next;
	if (p->next)
		p->next->prev = p->prev;
	else
		l->last = p->prev;
}

void peers_add(struct peers *l, struct peer *p, int64_t now_ms)
{
	p->since_ms = now_ms;
	append(l, p);
	l->count++;
}

void peers_remove(struct peers *l, struct peer *p)
{
	take_out(l, p);
	l->count--;
	l->doomed -= p->is_doomed;
}

void peers_restart(struct peers *l, struct peer *p, int64_t now_ms)
{
	p->since_ms = now_ms;
	p->is_busy = false;
	take_out(l, p);
	append(l, p);
}

/* Its socket stays open until libmicrohttpd has seen that, and closes it. */
static void doom(struct peers *l, struct peer *p)
{
	p->is_doomed = true;
	l->doomed++;
	shutdown(p->fd, SHUT_RDWR);
}

static bool same_address(const struct peer *a, const struct peer *b)
{
	return a->has_address && b->has_address &&
	       !memcmp(a->address, b->address, PEER_ADDRESS_LEN);
}

/* Shut down the first that may go, of one address or (NULL) of any. */
static bool push_out(struct peers *l, const struct peer *like)
{
	for (struct peer *p = l->first; p; p = p->next) {
		if (p->is_busy || p->is_doomed || (like && !same_address(p, like)))
			continue;
		doom(l, p);
		return true;
	}
	return false;
}

bool peers_make_room(struct peers *l, const struct peer *coming, size_t max, size_t max_address,
		     bool *out_pushed)
{
	size_t same = 0;

	*out_pushed = false;
	for (const struct peer *p = l->first; p && coming->has_address; p = p->next)
		same += !p->is_doomed && same_address(p, coming);
	if (same >= max_address)
		*out_pushed = push_out(l, coming);
	else if (l->count - l->doomed >= max)
		*out_pushed = push_out(l, NULL);
	else
		return true;
	return *out_pushed;
}

size_t peers_expire(struct peers *l, int64_t now_ms)
{
	size_t n = 0;

	for (struct peer *p = l->first; p && now_ms - p->since_ms >= PEER_DEADLINE_MS;
	     p = p->next) {
		if (p->is_busy || p->is_doomed)
			continue;
		doom(l, p);
		n++;
	}
	return n;
}

void peers_expire_all(struct peers *l)
{
	for (struct peer *p = l->first; p; p = p->next)
		if (!p->is_busy && !p->is_doomed)
			doom(l, p);
}

int64_t peers_timeout_ms(const struct peers *l, int64_t now_ms)
{
	for (const struct peer *p = l->first; p; p = p->next)
		if (!p->is_busy && !p->is_doomed)
			return p->since_ms + PEER_DEADLINE_MS > now_ms
				       ? p->since_ms + PEER_DEADLINE_MS - now_ms
				       : 0;
	return -1;
}
