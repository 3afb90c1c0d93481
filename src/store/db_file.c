#include "store/db_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/xalloc.h"

#include "base/banned.h"

static int make_folders(const char *path, struct err *err)
{
	AUTO(free) char *folder = xstrdup(path);

	for (char *p = strchr(folder + 1, '/'); p; p = strchr(p + 1, '/')) {
		*p = '\0';
		if (mkdir(folder, 0700) && errno != EEXIST)
			return err_set(err, ERR_STORE, "cannot make folder '%s': %s", folder,
				       strerror(errno));
		*p = '/';
	}
	return 0;
}

/* Made here and not by SQLite: 0600 whatever the umask says. SQLite gives the WAL and its index
 * the mode of the main file. */
static int make_file(const char *path, struct err *err)
{
	AUTO(close_fd) int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0 && errno == ENOENT && *path) {
		if (make_folders(path, err))
			return -1;
		fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	}
	if (fd < 0 && errno == EEXIST) /* another process was faster */
		return 0;
	if (fd < 0 || fchmod(fd, 0600))
		return err_set(err, ERR_STORE, "cannot create database '%s': %s", path,
			       strerror(errno));
	return 0;
}

int db_file_check(const char *path, bool create, bool follow, struct err *err)
{
	struct stat st;

	if (follow ? stat(path, &st) : lstat(path, &st)) {
		if (errno == ENOENT && create)
			return make_file(path, err);
		return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_STORE,
			       "cannot open database '%s': %s", path, strerror(errno));
	}
	if (S_ISLNK(st.st_mode))
		return err_set(err, ERR_STORE,
			       "cannot open database '%s': it is a symlink; remove it, and name the"
			       " file itself instead",
			       path);
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_STORE, "cannot open database '%s': not a regular file",
			       path);
	return 0;
}

int db_file_resolve(const char *path, char **out, struct err *err)
{
	const char *slash = strrchr(path, '/');
	AUTO(free)
	char *folder = slash ? xasprintf("%.*s", (int)(slash - path + 1), path) : xstrdup(".");
	AUTO(free) char *real = realpath(folder, NULL);

	if (!real)
		return err_set(err, ERR_STORE, "cannot open database '%s': %s", path,
			       strerror(errno));
	*out = xasprintf("%s%s%s", real, strcmp(real, "/") != 0 ? "/" : "",
			 slash ? slash + 1 : path);
	return 0;
}
