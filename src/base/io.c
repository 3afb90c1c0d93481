#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/random.h"
#include "base/xalloc.h"

#include "base/banned.h"

int io_read_fd(int fd, const char *name, size_t limit, struct strbuf *out, struct err *err)
{
	char chunk[8192];
	size_t total = 0;
	ssize_t n;
	int rc = 0;

	while ((n = read(fd, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			rc = err_set(err, ERR_FAILED, "cannot read '%s': %s", name,
				     strerror(errno));
			break;
		}
		total += (size_t)n;
		if (total > limit) {
			rc = err_set(err, ERR_FAILED, "'%s' is larger than %zu bytes", name, limit);
			break;
		}
		strbuf_add(out, chunk, (size_t)n);
	}
	explicit_bzero(chunk, sizeof(chunk)); /* it may have been a key */
	return rc;
}

int io_read_file(const char *path, size_t limit, struct strbuf *out, struct err *err)
{
	/* O_NONBLOCK: a FIFO put there must not hang us. */
	AUTO(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;

	if (fd < 0)
		return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_FAILED,
			       "cannot open '%s': %s", path, strerror(errno));
	if (fstat(fd, &st))
		return err_set(err, ERR_FAILED, "cannot read '%s': %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_FAILED, "'%s' is not a regular file", path);
	if ((uintmax_t)st.st_size <= limit)
		strbuf_reserve(out, (size_t)st.st_size);
	return io_read_fd(fd, path, limit, out, err);
}

int io_write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		p += n;
		len -= (size_t)n;
	}
	return 0;
}

static char *parent_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(".");
	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

/* A new name is on disk only once its folder is. */
static int sync_parent(const char *path)
{
	AUTO(free) char *dir = parent_of(path);
	AUTO(close_fd) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -1;
	/* Some file systems cannot sync a folder and say EINVAL: nothing more can be done there. */
	return fsync(fd) && errno != EINVAL ? -1 : 0;
}

static int fill(int fd, const void *data, size_t len, mode_t mode)
{
	return fchmod(fd, mode) || io_write_all(fd, data, len) || fsync(fd) ? -1 : 0;
}

/* Write a file of its own beside path, synced; the caller renames it. */
static int write_temp(const char *path, const void *data, size_t len, mode_t mode, char **out_temp,
		      struct err *err)
{
	char id[27];
	AUTO(free) char *temp = NULL;
	AUTO(close_fd) int fd = -1;

	random_event_id(id);
	temp = xasprintf("%s.%.12s.tmp", path, id);
	fd = open(temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(err, ERR_FAILED, "cannot create '%s': %s", temp, strerror(errno));
	if (fill(fd, data, len, mode)) {
		err_set(err, ERR_FAILED, "cannot write '%s': %s", temp, strerror(errno));
		unlink(temp);
		return -1;
	}
	*out_temp = TAKE(temp);
	return 0;
}

int io_rename(const char *from, const char *to, struct err *err)
{
	if (rename(from, to))
		return err_set(err, ERR_FAILED, "cannot replace '%s': %s", to, strerror(errno));
	if (sync_parent(to))
		return err_set(err, ERR_FAILED, "cannot write '%s': %s", to, strerror(errno));
	return 0;
}

int io_write_file(const char *path, const void *data, size_t len, mode_t mode, struct err *err)
{
	AUTO(free) char *temp = NULL;

	if (write_temp(path, data, len, mode, &temp, err))
		return -1;
	if (io_rename(temp, path, err)) {
		unlink(temp);
		return -1;
	}
	return 0;
}

/* Name the file path unless that name is taken; temp is gone afterwards when 0 is returned. */
static int move_if_free(const char *temp, const char *path)
{
	if (!link(temp, path)) {
		unlink(temp);
		return 0;
	}
	if (errno == EEXIST)
		return -1;
	/* No hard links on this file system. */
	return renameat2(AT_FDCWD, temp, AT_FDCWD, path, RENAME_NOREPLACE);
}

/* By way of a name of its own, for file systems without files that have none. */
static int create_by_temp(const char *path, const void *data, size_t len, mode_t mode,
			  struct err *err)
{
	AUTO(free) char *temp = NULL;

	if (write_temp(path, data, len, mode, &temp, err))
		return -1;
	if (move_if_free(temp, path)) {
		int error = errno;

		unlink(temp);
		return err_set(err, error == EEXIST ? ERR_LOCKED : ERR_FAILED,
			       "cannot create '%s': %s", path, strerror(error));
	}
	return 0;
}

/* Without a name until it is complete: whoever is killed leaves no half, and no second copy of what
 * may be a key. *out_able false: this cannot be done here, and nothing has happened. */
static int create_nameless(const char *path, const void *data, size_t len, mode_t mode,
			   bool *out_able, struct err *err)
{
	AUTO(free) char *dir = parent_of(path);
	AUTO(close_fd) int fd = open(dir, O_WRONLY | O_TMPFILE | O_CLOEXEC, 0600);
	char self[40];

	*out_able = fd >= 0;
	if (fd < 0)
		return 0;
	if (fill(fd, data, len, mode))
		return err_set(err, ERR_FAILED, "cannot write '%s': %s", path, strerror(errno));
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	if (!linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW))
		return 0;
	if (errno == EEXIST)
		return err_set(err, ERR_LOCKED, "cannot create '%s': %s", path, strerror(errno));
	*out_able = false; /* no /proc */
	return 0;
}

int io_create_file(const char *path, const void *data, size_t len, mode_t mode, struct err *err)
{
	bool able;

	if (create_nameless(path, data, len, mode, &able, err))
		return -1;
	if (!able && create_by_temp(path, data, len, mode, err))
		return -1;
	if (sync_parent(path))
		return err_set(err, ERR_FAILED, "cannot write '%s': %s", path, strerror(errno));
	return 0;
}

int io_mkdir_p(const char *path, mode_t mode, struct err *err)
{
	struct stat st;

	if (!mkdir(path, mode) || (!stat(path, &st) && S_ISDIR(st.st_mode)))
		return 0;
	if (errno == ENOENT && strcmp(path, "/") && strcmp(path, ".")) {
		AUTO(free) char *dir = parent_of(path);

		if (strcmp(dir, path) && io_mkdir_p(dir, mode, err))
			return -1;
		if (!mkdir(path, mode) || errno == EEXIST)
			return 0;
	}
	return err_set(err, ERR_FAILED, "cannot create folder '%s': %s", path, strerror(errno));
}

int io_mkdir_parents(const char *path, mode_t mode, struct err *err)
{
	AUTO(free) char *dir = parent_of(path);

	return io_mkdir_p(dir, mode, err);
}

bool io_allow_open(size_t wanted, size_t *out_limit)
{
	struct rlimit limit;

	*out_limit = wanted;
	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= wanted)
		return true;
	limit.rlim_cur = limit.rlim_max < wanted ? limit.rlim_max : wanted;
	if (setrlimit(RLIMIT_NOFILE, &limit))
		getrlimit(RLIMIT_NOFILE, &limit);
	*out_limit = limit.rlim_cur;
	return limit.rlim_cur >= wanted;
}
