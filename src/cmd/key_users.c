#include "cmd/key_users.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/xalloc.h"
#include "base/banned.h"

#define LIST_MAX (1U << 20)

static char *list_path(const char *key_path)
{
	return xasprintf("%s.stores", key_path);
}

/* Its line. What no line can hold is nobody's: it counts as another store, also for itself. */
static char *line_of(const char *store_path)
{
	AUTO(free) char *real = realpath(store_path, NULL);

	return real && !strchr(real, '\n') ? xasprintf("%s\n", real) : xstrdup("?\n");
}

/* Of the lines of text: whether this one is there, and whether any other. */
static void look_for(const char *text, const char *line, bool *out_this, bool *out_others)
{
	size_t len = strlen(line);

	*out_this = *out_others = false;
	while (*text) {
		const char *end = strchrnul(text, '\n');
		size_t n = (size_t)(end - text) + (*end == '\n');

		if (n == len && !memcmp(text, line, len) && *line != '?')
			*out_this = true;
		else
			*out_others = true;
		text += n;
	}
}

static int append(const char *path, const char *line, struct err *err)
{
	AUTO(close_fd) int fd = -1;

	fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	/* Where nothing can be written no key is replaced. */
	if (fd < 0 && (errno == EACCES || errno == EROFS))
		return 0;
	if (fd < 0 || io_write_all(fd, line, strlen(line)) || fsync(fd))
		return err_set(err, ERR_SECRET, "cannot write '%s': %s", path, strerror(errno));
	return 0;
}

int key_users_add(const char *key_path, const char *store_path, struct err *err)
{
	AUTO(free) char *path = list_path(key_path);
	AUTO(free) char *line = line_of(store_path);
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err none;
	bool is_there = false, others;

	if (!io_read_file(path, LIST_MAX, &text, &none))
		look_for(text.buf, line, &is_there, &others);
	return is_there ? 0 : append(path, line, err);
}

bool key_users_has_others(const char *key_path, const char *store_path)
{
	AUTO(free) char *path = list_path(key_path);
	AUTO(free) char *line = line_of(store_path);
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err err;
	bool is_there, others;

	if (io_read_file(path, LIST_MAX, &text, &err))
		return true;
	look_for(text.buf, line, &is_there, &others);
	return others;
}
