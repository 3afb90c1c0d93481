#include "store/bell.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/xalloc.h"

#include "base/banned.h"

char *bell_path(const char *path)
{
	return xasprintf("%s-wake", path);
}

int bell_ring(const char *path, struct err *err)
{
	AUTO(free) char *bell = bell_path(path);
	int fd;

	if (!access(bell, F_OK)) /* as a rule: making it locks its folder */
		return 0;
	/* Made, never opened: one that is there may be the other user's. */
	fd = open(bell, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 && errno == EEXIST)
		return 0;
	if (fd < 0)
		return err_set(err, ERR_STORE, "cannot make '%s': %s", bell, strerror(errno));
	close(fd);
	return 0;
}

int bell_silence(const char *path, struct err *err)
{
	AUTO(free) char *bell = bell_path(path);

	if (unlink(bell) && errno != ENOENT)
		return err_set(err, ERR_STORE, "cannot remove '%s': %s; remove it by hand", bell,
			       strerror(errno));
	return 0;
}
