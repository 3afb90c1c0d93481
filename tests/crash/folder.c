#include "folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/xalloc.h"

#include "base/banned.h"

#define FILE_MAX (64 << 20)

DEFINE_AUTO(DIR, closedir)

static int system_error(struct err *err, const char *what, const char *path)
{
	return err_set(err, ERR_FAILED, "cannot %s '%s': %s", what, path, strerror(errno));
}

char *folder_make(struct err *err)
{
	const char *base = getenv("TMPDIR");
	char *path;

	if (!base || !*base)
		base = access("/dev/shm", W_OK | X_OK) ? "/tmp" : "/dev/shm";
	path = xasprintf("%s/calsync-crash-XXXXXX", base);
	if (mkdtemp(path))
		return path;
	system_error(err, "make", path);
	free(path);
	return NULL;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *place)
{
	(void)st, (void)kind, (void)place;
	return remove(path);
}

int folder_remove(const char *path, struct err *err)
{
	if (nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS) && errno != ENOENT)
		return system_error(err, "remove", path);
	return 0;
}

int folder_copy_file(const char *from, const char *to, bool *out_found, struct err *err)
{
	AUTO(strbuf_release) struct strbuf content = STRBUF_INIT;
	AUTO(close_fd) int fd = -1;
	struct stat st;

	*out_found = !stat(from, &st);
	if (!*out_found)
		return errno == ENOENT ? 0 : system_error(err, "see", from);
	if (io_read_file(from, FILE_MAX, &content, err))
		return -1;
	fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, st.st_mode & 07777);
	if (fd < 0 || io_write_all(fd, content.buf, content.len))
		return system_error(err, "write", to);
	return 0;
}

static int copy_into(const char *from, const char *to, struct err *err)
{
	AUTO(closedir) DIR *dir = opendir(from);
	struct dirent *entry;
	struct stat st;

	if (!dir || stat(from, &st))
		return system_error(err, "read", from);
	if (mkdir(to, st.st_mode & 07777))
		return system_error(err, "make", to);
	while ((entry = readdir(dir))) {
		AUTO(free) char *source = xasprintf("%s/%s", from, entry->d_name);
		AUTO(free) char *target = xasprintf("%s/%s", to, entry->d_name);
		bool found;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (entry->d_type == DT_DIR ? copy_into(source, target, err)
					    : folder_copy_file(source, target, &found, err))
			return -1;
	}
	return 0;
}

int folder_copy(const char *from, const char *to, struct err *err)
{
	return folder_remove(to, err) ? -1 : copy_into(from, to, err);
}
