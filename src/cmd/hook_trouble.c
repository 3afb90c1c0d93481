#include "cmd/hook_trouble.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <libgen.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/xalloc.h"
#include "base/banned.h"

/* Its name, or its number when it has none. */
static char *user_name(uid_t id)
{
	const struct passwd *p = getpwuid(id);

	return p ? xstrdup(p->pw_name) : xasprintf("%ld", (long)id);
}

static char *group_name(gid_t id)
{
	const struct group *g = getgrgid(id);

	return g ? xstrdup(g->gr_name) : xasprintf("%ld", (long)id);
}

static char *owner_text(const char *path, const struct stat *st)
{
	AUTO(free) char *user = user_name(st->st_uid);
	AUTO(free) char *group = group_name(st->st_gid);
	AUTO(free) char *me = user_name(geteuid());

	return xasprintf("'%s' is of user '%s' and group '%s' (mode %04o), and this is user '%s'",
			 path, user, group, (unsigned)st->st_mode & 07777, me);
}

/* Of a file or folder that is there and refuses this. */
static char *refusal(const char *path, int wanted)
{
	struct stat st;

	if (!faccessat(AT_FDCWD, path, wanted, AT_EACCESS) || errno == ENOENT || stat(path, &st))
		return NULL;
	return owner_text(path, &st);
}

char *hook_barrier(const char *path)
{
	AUTO(free) char *copy = xstrdup(path);
	const char *folder = dirname(copy);
	char *text = refusal(folder, W_OK | X_OK);

	return text ? text : refusal(path, R_OK | W_OK);
}

void hook_explain(const char *path, struct err *err)
{
	AUTO(free) char *barrier = hook_barrier(path);
	struct err was = *err;

	if (was.code == ERR_INVALID) /* another store's: nothing in it was announced to this one */
		return;
	err_set(err, was.code,
		"what Google announced waits, and is not synced: %s%s%s; 'calsync doctor' says "
		"more",
		was.msg, barrier ? "; " : "", barrier ? barrier : "");
}
