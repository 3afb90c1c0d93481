#include "web/listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "base/term.h"
#include "base/xalloc.h"
#include "base/banned.h"

#define INHERITED_FIRST 3 /* sd_listen_fds(3): SD_LISTEN_FDS_START */

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
	struct sockaddr_storage storage;
};

static void listener_release(struct listener *l)
{
	struct stat st;

	if (l->fd >= 0)
		close(l->fd);
	/* Unless somebody else listens there by now. */
	if (l->made && !lstat(l->made, &st) && st.st_dev == l->device && st.st_ino == l->inode)
		unlink(l->made);
	free(l->name);
	free(l->made);
}
DEFINE_AUTO_VALUE(struct listener, listener_release)

void listener_list_release(struct listener_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		listener_release(&l->items[i]);
	free(l->items);
	memset(l, 0, sizeof(*l));
}

static void append(struct listener_list *l, struct listener *item)
{
	l->items = xreallocarray(l->items, l->count + 1, sizeof(*l->items));
	l->items[l->count++] = *item;
	*item = (struct listener){.fd = -1};
}

/* Name and kind, as the system tells them of a socket that listens. */
static int describe(struct listener *l, struct err *err)
{
	union address a = {0};
	socklen_t len = sizeof(a);
	char host[INET6_ADDRSTRLEN];

	if (getsockname(l->fd, &a.any, &len))
		return err_set(err, ERR_FAILED, "cannot tell what is listened on: %s",
			       strerror(errno));
	switch (a.any.sa_family) {
	case AF_INET:
		l->name = xasprintf("%s:%u", inet_ntop(AF_INET, &a.in.sin_addr, host, sizeof(host)),
				    ntohs(a.in.sin_port));
		l->is_loopback = ntohl(a.in.sin_addr.s_addr) >> 24 == 127;
		return 0;
	case AF_INET6:
		l->name = xasprintf("[%s]:%u",
				    inet_ntop(AF_INET6, &a.in6.sin6_addr, host, sizeof(host)),
				    ntohs(a.in6.sin6_port));
		l->is_loopback = IN6_IS_ADDR_LOOPBACK(&a.in6.sin6_addr);
		return 0;
	case AF_UNIX: {
		size_t path_len = len - offsetof(struct sockaddr_un, sun_path);
		const char *path = a.un.sun_path;

		l->name = path_len && !*path ? xasprintf("unix:@%.*s", (int)path_len - 1, path + 1)
					     : xasprintf("unix:%.*s", (int)path_len, path);
		l->is_unix = l->is_loopback = true;
		return 0;
	}
	default:
		return err_set(err, ERR_FAILED, "a socket is neither TCP nor UNIX");
	}
}

/* --- TCP --------------------------------------------------------------------------------- */

static int bad_address(const char *where, struct err *err)
{
	AUTO(free) char *clean = term_clean(where);

	return err_set(err, ERR_USAGE,
		       "'%s' is nothing to listen on: it is ADDRESS:PORT, [ADDRESS]:PORT or "
		       "unix:PATH, the address in numbers",
		       clean);
}

static int parse_tcp(const char *where, union address *out, socklen_t *out_len, struct err *err)
{
	struct addrinfo hints = {.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE,
				 .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;
	AUTO(free) char *host = xstrdup(where);
	char *colon = strrchr(host, ':'), *start = host;

	if (!colon || colon == host || !colon[1] || strspn(colon + 1, "0123456789") > 5 ||
	    colon[1 + strspn(colon + 1, "0123456789")] || strtol(colon + 1, NULL, 10) > 65535)
		return bad_address(where, err);
	*colon = '\0';
	hints.ai_family = AF_INET;
	if (*start == '[' && colon[-1] == ']') {
		start++;
		colon[-1] = '\0';
		hints.ai_family = AF_INET6;
	}
	if (getaddrinfo(start, colon + 1, &hints, &found))
		return bad_address(where, err);
	memcpy(out, found->ai_addr, found->ai_addrlen);
	*out_len = found->ai_addrlen;
	freeaddrinfo(found);
	return 0;
}

static int no_listen(const char *where, int error, struct err *err)
{
	const char *mend = "";

	if (error == EADDRINUSE)
		mend = "; another program listens there ('ss -ltnxp' shows which): end that one, "
		       "or "
		       "name another address with --listen";
	else if (error == EACCES)
		mend = "; a port below 1024 or that folder is not for this user: use another, or "
		       "let systemd open the socket";
	else if (error == EADDRNOTAVAIL)
		mend = "; this machine does not have that address";
	return err_set(err, ERR_FAILED, "cannot listen on %s: %s%s", where, strerror(error), mend);
}

static int open_tcp(struct listener *l, const char *where, struct err *err)
{
	union address a = {0};
	socklen_t len = 0;
	int one = 1;

	if (parse_tcp(where, &a, &len, err))
		return -1;
	l->fd = socket(a.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return no_listen(where, errno, err);
	setsockopt(l->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	/* [::] and 0.0.0.0 can be named side by side. */
	if (a.any.sa_family == AF_INET6)
		setsockopt(l->fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	if (bind(l->fd, &a.any, len) || listen(l->fd, SOMAXCONN))
		return no_listen(where, errno, err);
	return 0;
}

/* --- UNIX -------------------------------------------------------------------------------- */

/* A socket that a process left behind when it was killed is taken away; one that somebody answers
 * at is not, and no other file. */
static int remove_stale(const char *path, const union address *a, const char *where,
			struct err *err)
{
	AUTO(close_fd) int fd = -1;
	struct stat st;

	if (lstat(path, &st))
		return errno == ENOENT ? 0 : no_listen(where, errno, err);
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, ERR_FAILED,
			       "cannot listen on %s: there is something that is no socket", where);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return no_listen(where, errno, err);
	if (!connect(fd, &a->any, sizeof(a->un)) || errno != ECONNREFUSED)
		return no_listen(where, EADDRINUSE, err);
	if (unlink(path) && errno != ENOENT)
		return no_listen(where, errno, err);
	return 0;
}

static int open_unix(struct listener *l, const char *where, const char *path, struct err *err)
{
	union address a = {.un.sun_family = AF_UNIX};
	struct stat st;
	mode_t mask;
	int rc;

	if (!*path || strlen(path) >= sizeof(a.un.sun_path))
		return err_set(err, ERR_USAGE,
			       "the path in '%s' is empty, or longer than %zu bytes", where,
			       sizeof(a.un.sun_path) - 1);
	memcpy(a.un.sun_path, path, strlen(path) + 1);
	if (remove_stale(path, &a, where, err))
		return -1;
	l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (l->fd < 0)
		return no_listen(where, errno, err);
	mask = umask(0117); /* 0660: for the proxy's group */
	rc = bind(l->fd, &a.any, sizeof(a.un));
	umask(mask);
	if (rc || lstat(path, &st))
		return no_listen(where, errno, err);
	l->made = xstrdup(path);
	l->device = st.st_dev;
	l->inode = st.st_ino;
	return listen(l->fd, SOMAXCONN) ? no_listen(where, errno, err) : 0;
}

int listen_on(struct listener_list *l, const char *where, struct err *err)
{
	AUTO(listener_release) struct listener one = {.fd = -1};
	int rc = !strncmp(where, "unix:", 5) ? open_unix(&one, where, where + 5, err)
					     : open_tcp(&one, where, err);

	if (rc || describe(&one, err))
		return -1;
	append(l, &one);
	return 0;
}

/* --- handed over ------------------------------------------------------------------------- */

static int take(struct listener_list *l, int fd, struct err *err)
{
	AUTO(listener_release) struct listener one = {.fd = fd};
	int type = 0, listens = 0;
	socklen_t len = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) || type != SOCK_STREAM ||
	    getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &len) || !listens)
		return err_set(err, ERR_FAILED,
			       "what systemd hands over as descriptor %d is no listening stream "
			       "socket (ListenStream=, Accept=no)",
			       fd);
	if (fcntl(fd, F_SETFD, FD_CLOEXEC) || fcntl(fd, F_SETFL, O_NONBLOCK))
		return err_set(err, ERR_FAILED, "cannot take over descriptor %d: %s", fd,
			       strerror(errno));
	if (describe(&one, err))
		return -1;
	append(l, &one);
	return 0;
}

int listen_inherited(struct listener_list *l, struct err *err)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	long count = 0;
	int rc = 0;

	if (pid && fds && strtol(pid, NULL, 10) == getpid())
		count = strtol(fds, NULL, 10);
	/* For this process alone. */
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	for (long i = 0; i < count && i < 64 && !rc; i++)
		rc = take(l, INHERITED_FIRST + (int)i, err);
	return rc;
}
