#include "web/hook_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "base/banned.h"

/* A writer that hangs must not keep the receiver from its clients, nor from its watchdog. */
#define BUSY_TIMEOUT_MS 2000

struct hook_file {
	char *path;
	struct hook *hook; /* NULL = it was lost, and could not be opened again yet */
	dev_t device;
	ino_t inode;
};

static int open_file(struct hook_file *f, bool create, struct err *err)
{
	struct hook *hook;
	struct stat st;

	if (hook_open(f->path, create, &hook, err))
		return -1;
	if (stat(f->path, &st)) {
		hook_close(hook);
		return err_set(err, ERR_STORE, "cannot open database '%s': %s", f->path,
			       strerror(errno));
	}
	hook_set_busy_timeout(hook, BUSY_TIMEOUT_MS);
	f->hook = hook;
	f->device = st.st_dev;
	f->inode = st.st_ino;
	return 0;
}

int hook_file_open(const char *path, struct hook_file **out, struct err *err)
{
	AUTO(hook_file_close) struct hook_file *f = xcalloc(1, sizeof(*f));

	f->path = xstrdup(path);
	if (open_file(f, true, err))
		return -1;
	*out = TAKE(f);
	return 0;
}

void hook_file_close(struct hook_file *f)
{
	if (!f)
		return;
	hook_close(f->hook);
	free(f->path);
	free(f);
}

const char *hook_file_path(const struct hook_file *f)
{
	return f->path;
}

int hook_file_get(struct hook_file *f, struct hook **out, struct err *err)
{
	struct stat st;
	bool is_there = !stat(f->path, &st);

	if (f->hook && (!is_there || st.st_dev != f->device || st.st_ino != f->inode)) {
		log_warn("webhookd", "database '%s' is not the file any more that was opened",
			 f->path);
		hook_close(f->hook);
		f->hook = NULL;
	}
	if (!f->hook && open_file(f, false, err))
		return -1;
	*out = f->hook;
	return 0;
}
