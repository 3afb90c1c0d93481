#include "base/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/xalloc.h"
#include "base/banned.h"

#define POLL_MS 50

char *lock_path(const char *db_path)
{
	AUTO(free) char *real = realpath(db_path, NULL);

	return xasprintf("%s-lock", real ? real : db_path);
}

int lock_take(const char *path, int64_t start, int64_t len, struct clock *clock, int64_t wait_ms,
	      int *out_fd, struct err *err)
{
	AUTO(close_fd) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int64_t end = clock->mono_ms(clock) + wait_ms;
	struct flock fl = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = start, .l_len = len};

	if (fd < 0)
		return err_set(err, ERR_STORE, "cannot open '%s': %s", path, strerror(errno));
	while (fcntl(fd, F_OFD_SETLK, &fl)) {
		if (errno != EAGAIN && errno != EACCES)
			return err_set(err, ERR_STORE, "cannot lock '%s': %s", path,
				       strerror(errno));
		if (clock->mono_ms(clock) >= end)
			return err_set(err, ERR_LOCKED, "'%s' is locked by another process", path);
		clock->sleep_ms(clock, POLL_MS);
	}
	*out_fd = fd;
	fd = -1;
	return 0;
}
