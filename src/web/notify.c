#include "web/notify.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/log.h"
#include "base/banned.h"

static void complain(const char *path, int error)
{
	static bool done;

	if (!done)
		log_warn("notify", "cannot tell the service manager at '%s': %s", path,
			 strerror(error));
	done = true;
}

void notify_send(const char *state)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un addr = {.sun_family = AF_UNIX};
	AUTO(close_fd) int fd = -1;
	socklen_t len;

	if (!path || !*path)
		return;
	if ((*path != '/' && *path != '@') || strlen(path) >= sizeof(addr.sun_path)) {
		complain(path, EINVAL);
		return;
	}
	memcpy(addr.sun_path, path, strlen(path));
	if (*path == '@') /* an abstract one */
		addr.sun_path[0] = '\0';
	len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || sendto(fd, state, strlen(state), MSG_NOSIGNAL | MSG_DONTWAIT,
			     (const struct sockaddr *)&addr, len) < 0)
		complain(path, errno);
}

int64_t notify_watchdog_ms(void)
{
	const char *usec = getenv("WATCHDOG_USEC");
	const char *pid = getenv("WATCHDOG_PID");
	long long n;

	if (!usec || (pid && strtoll(pid, NULL, 10) != getpid()))
		return 0;
	n = strtoll(usec, NULL, 10) / 2000;
	return n > 0 ? n : 0;
}
