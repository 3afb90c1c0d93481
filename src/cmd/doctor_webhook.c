/* The webhook's database: where what Google announced waits for a sync. */
#include "cmd/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/strbuf.h"
#include "base/xalloc.h"
#include "cmd/context.h"
#include "cmd/hook_trouble.h"
#include "store/bell.h"
#include "store/health.h"
#include "store/hook.h"
#include "base/banned.h"

#define CHECK "webhook"
#define LOOKS 3 /* at one that others change meanwhile */

/* A calendar of these accounts relies on notifications. */
static bool is_needed(struct doctor *d)
{
	for (size_t i = 0; d->accounts_known && i < d->accounts.count; i++) {
		AUTO(calendar_list_release) struct calendar_list l = {0};
		struct err err;

		if (d->accounts.items[i].state != ACCOUNT_CONNECTED ||
		    store_calendar_list(d->cx->store, d->accounts.items[i].id, &l, &err))
			continue; /* that is told elsewhere */
		for (size_t k = 0; k < l.count; k++)
			if (l.items[k].push == PUSH_ON && l.items[k].selected && !l.items[k].gone)
				return true;
	}
	return false;
}

static void say_missing(struct doctor *d, const char *path)
{
	if (!is_needed(d)) {
		doctor_add(d, CHECK, FINDING_OK, "there is no '%s', and no calendar needs it",
			   path);
		return;
	}
	doctor_add(d, CHECK, FINDING_ERROR,
		   "calendars are watched, and '%s' is not there: nobody hears of their changes",
		   path);
	doctor_mend(d, "calsync renew-watches");
}

static void mend_by_new(struct doctor *d, const char *path)
{
	doctor_mend(d,
		    "move '%s' away, with its -wal and -shm, then make a new one: calsync "
		    "renew-watches && calsync sync --all",
		    path);
}

static bool refuses(const char *path, int wanted)
{
	return faccessat(AT_FDCWD, path, wanted, AT_EACCESS) != 0;
}

/* What is no database's own trouble: who may do what. */
static void check_barrier(struct doctor *d, const char *path)
{
	AUTO(free) char *barrier = hook_barrier(path);
	AUTO(free) char *copy = xstrdup(path);
	const char *folder = dirname(copy);
	bool outside = refuses(folder, W_OK | X_OK); /* it is the folder's mode, not the file's */
	struct stat st;

	if (!barrier)
		return;
	doctor_add(d, CHECK, FINDING_ERROR, "what Google announced cannot be taken over: %s",
		   barrier);
	if (!stat(outside ? folder : path, &st) && st.st_uid == geteuid())
		doctor_mend(d, "chmod u+%s '%s'", outside ? "rwx" : "rw", outside ? folder : path);
	else
		doctor_mend(
			d,
			"make this user a member of that group (usermod -aG), the folder mode 2770 "
			"and the file 0660, as calsync-system(8) has it; or run calsync as its "
			"owner");
}

/* A sync takes it away before it reads what waits, and fails when it cannot. */
static void check_bell(struct doctor *d, const char *path)
{
	AUTO(free) char *bell = bell_path(path);
	AUTO(free) char *copy = xstrdup(path);
	struct stat st, folder;

	if (lstat(bell, &st) || stat(dirname(copy), &folder))
		return;
	if (S_ISDIR(st.st_mode)) {
		doctor_add(d, CHECK, FINDING_ERROR, "'%s' is a folder, and no sync can remove it",
			   bell);
		doctor_mend(d, "rm -r '%s'", bell);
	} else if (folder.st_mode & S_ISVTX && geteuid() && geteuid() != st.st_uid &&
		   geteuid() != folder.st_uid) {
		doctor_add(d, CHECK, FINDING_ERROR,
			   "'%s' is another user's, and in its folder (mode %04o) only that one "
			   "may remove it",
			   bell, (unsigned)folder.st_mode & 07777);
		doctor_mend(d, "put the database into a folder without the sticky bit: "
			       "webhook.database, or CALSYNC_WEBHOOK_DB");
	}
}

static void check_pages(struct doctor *d, const char *path, struct hook *hook)
{
	AUTO(strbuf_release) struct strbuf trouble = STRBUF_INIT;
	struct err err;

	if (hook_check_pages(hook, d->o->quick, &trouble, &err))
		strbuf_addf(&trouble, "%s%s", trouble.len ? "; " : "", err.msg);
	if (!trouble.len)
		return;
	doctor_add(d, CHECK, FINDING_ERROR, "'%s' is damaged: %s", path, trouble.buf);
	mend_by_new(d, path);
}

/* A store that asks for no notifications misses none. */
static void check_owner(struct doctor *d, const char *path, struct hook *hook)
{
	struct err err;

	if (!d->cx->store || !hook_check_owner(hook, d->cx->store, &err))
		return;
	if (err.code != ERR_INVALID) {
		doctor_add(d, CHECK, FINDING_ERROR, "%s", err.msg);
		mend_by_new(d, path);
		return;
	}
	doctor_add(d, CHECK, is_needed(d) ? FINDING_ERROR : FINDING_WARNING,
		   "'%s' is another store's: this one hears nothing through it", path);
	doctor_mend(d,
		    "name another file: webhook.database, or CALSYNC_WEBHOOK_DB; when the other "
		    "store is gone for good: move '%s' away, with its -wal and -shm, then calsync "
		    "renew-watches && calsync sync --all",
		    path);
}

static void check_kind(struct doctor *d, const char *path, const struct store_look *look)
{
	switch (look->kind) {
	case STORE_NONE:
		say_missing(d, path);
		return;
	case STORE_FOREIGN:
		doctor_add(d, CHECK, FINDING_ERROR, "'%s' is not a webhook database of calsync",
			   path);
		mend_by_new(d, path);
		return;
	case STORE_NEWER:
		doctor_add(d, CHECK, FINDING_ERROR,
			   "'%s' was written by a newer calsync (schema %d)", path, look->version);
		doctor_mend(d, "upgrade calsync");
		return;
	case STORE_UNSETTLED:
		doctor_add(d, CHECK, FINDING_WARNING,
			   "'%s' was left in the midst of a write; it cannot be looked at as it "
			   "is",
			   path);
		doctor_mend(d, "calsync status (it finishes what was begun)");
		return;
	default:
		return;
	}
}

static void look(struct doctor *d, const char *path, struct store_look *out)
{
	AUTO(hook_close) struct hook *hook = NULL;
	size_t begin = d->count;
	struct err err;

	check_barrier(d, path);
	check_bell(d, path);
	if (hook_look(path, out, &hook, &err)) {
		if (d->count == begin) { /* no barrier that tells of it already */
			doctor_add(d, CHECK, FINDING_ERROR, "%s", err.msg);
			mend_by_new(d, path);
		}
		return;
	}
	check_kind(d, path, out);
	if (hook)
		check_pages(d, path, hook);
	if (hook && out->kind == STORE_CURRENT && d->count == begin)
		check_owner(d, path, hook);
	if (d->count == begin)
		doctor_add(d, CHECK, FINDING_OK, "'%s' is whole", path);
}

void doctor_webhook(struct doctor *d)
{
	AUTO(free) char *path = d->cx->config ? cmd_webhook_db_path(d->cx) : NULL;
	struct store_look found = {0};
	size_t begin = d->count;

	if (!path) {
		doctor_add(d, CHECK, FINDING_SKIPPED, "nothing says where its database is");
		return;
	}
	for (int i = 0; i < LOOKS; i++) {
		doctor_drop(d, begin);
		look(d, path, &found);
		if (!store_look_stale(path, &found))
			return;
	}
}
