/*
 * The sockets that are listened on: opened here, or handed over by systemd.
 *
 * Source  sd_listen_fds(3)
 */
#ifndef WEB_LISTEN_H
#define WEB_LISTEN_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/cleanup.h"
#include "base/err.h"

struct listener {
	int fd;
	char *name; /* owned; "127.0.0.1:8787", "[::1]:8787", "unix:/run/calsync.sock" */
	bool is_unix;
	bool is_loopback; /* only this machine reaches it; UNIX sockets, too */
	bool is_metrics;  /* set by the caller */
	char *made;       /* owned; the UNIX socket's path, when it is ours to remove */
	dev_t device;     /* of that */
	ino_t inode;
};

struct listener_list {
	struct listener *items;
	size_t count;
};
void listener_list_release(struct listener_list *l); /* closes; removes UNIX sockets made here */
DEFINE_AUTO_VALUE(struct listener_list, listener_list_release)

/*
 * Listen, and append to the list.
 *
 * where   "ADDR:PORT", "[ADDR]:PORT", numeric; port 0 = one of the system's choice; "unix:PATH"
 * Errors  ERR_USAGE: not such an address; ERR_FAILED: in use, no permission, ...
 */
int listen_on(struct listener_list *l, const char *where, struct err *err);
/* Those that systemd has opened ($LISTEN_FDS), appended; its variables are taken out of the
 * environment. None is no error. ERR_FAILED: one is no listening stream socket. */
int listen_inherited(struct listener_list *l, struct err *err);

#endif
