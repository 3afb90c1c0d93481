/* The database: its files, what SQLite says of it, and then what it says itself. */
#include "cmd/doctor.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "cmd/context.h"
#include "store/health.h"
#include "base/banned.h"

#define CHECK "database"

/* How often a store is looked at that others change meanwhile. */
#define LOOKS 3

/* --- files ------------------------------------------------------------------------------- */

static char *folder_of(const char *path)
{
	AUTO(free) char *copy = xstrdup(path);

	return xstrdup(dirname(copy));
}

static void check_owner(struct doctor *d, const char *path, const struct stat *st)
{
	if (st->st_uid == geteuid())
		return;
	doctor_add(d, CHECK, access(path, R_OK | W_OK) ? FINDING_ERROR : FINDING_WARNING,
		   "'%s' belongs to another user (id %ld, this is %ld)", path, (long)st->st_uid,
		   (long)geteuid());
	doctor_mend(d, "run calsync as that user, or name another store as --db");
}

static void check_file(struct doctor *d, const char *store, const char *suffix)
{
	AUTO(free) char *path = xasprintf("%s%s", store, suffix);
	struct stat st;

	if (stat(path, &st))
		return;
	check_owner(d, path, &st);
	if (st.st_mode & 077) {
		doctor_add(d, CHECK, FINDING_WARNING,
			   "others may open '%s' (mode %04o): it holds calendars", path,
			   st.st_mode & 07777);
		doctor_mend(d, "chmod 600 '%s'", path);
	}
	if (st.st_uid == geteuid() && access(path, R_OK | W_OK)) {
		doctor_add(d, CHECK, FINDING_ERROR, "'%s' cannot be read and written: %s", path,
			   strerror(errno));
		doctor_mend(d, "chmod 600 '%s'", path);
	}
}

/* Our own folder is for us alone; into another one (a home, /srv) others may look, but who can
 * write there can put another file in the store's place. */
static void check_folder(struct doctor *d, const char *folder)
{
	AUTO(free) char *copy = xstrdup(folder);
	bool ours = !strcmp(basename(copy), "calsync");
	struct stat st;

	if (stat(folder, &st))
		return;
	if ((st.st_mode & 022 && !(st.st_mode & S_ISVTX)) || (ours && st.st_mode & 077)) {
		doctor_add(d, CHECK, FINDING_WARNING, "others can %s the folder '%s' (mode %04o)",
			   st.st_mode & 022 ? "change" : "look into", folder, st.st_mode & 07777);
		doctor_mend(d, "chmod %s '%s'", ours ? "700" : "go-w", folder);
	}
	if (access(folder, W_OK)) {
		doctor_add(d, CHECK, FINDING_ERROR, "nothing can be written in '%s': %s", folder,
			   strerror(errno));
		doctor_mend(d, "SQLite makes files beside the store: chmod 700 '%s'", folder);
	}
}

static void check_space(struct doctor *d, const char *folder, uint64_t store_bytes)
{
	struct statvfs fs;
	uint64_t bytes;
	enum finding_status status;

	if (statvfs(folder, &fs))
		return;
	bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	status = verdict_space(bytes, store_bytes);
	if (status == FINDING_OK)
		return;
	doctor_add(d, CHECK, status, "only %llu MiB are free on the disk of '%s'",
		   (unsigned long long)(bytes >> 20), folder);
	doctor_mend(d, "make room there: what cannot be written cannot be synced");
}

/* --- what is in it ----------------------------------------------------------------------- */

static void check_pages(struct doctor *d, const char *path)
{
	AUTO(strbuf_release) struct strbuf trouble = STRBUF_INIT;
	AUTO(free) char *table = NULL;
	struct err err;
	int64_t rows = 0;

	if (store_check_pages(d->cx->store, d->o->quick, &trouble, &err))
		strbuf_addf(&trouble, "%s%s", trouble.len ? "; " : "", err.msg);
	if (trouble.len) {
		doctor_add(d, CHECK, FINDING_ERROR, "'%s' is damaged: %s", path, trouble.buf);
		doctor_mend(d,
			    "keep a copy of '%s', then put a backup in its place, or try: sqlite3 "
			    "'%s' .recover | sqlite3 NEW",
			    path, path);
		return;
	}
	if (store_check_references(d->cx->store, &rows, &table, &err)) {
		doctor_add(d, CHECK, FINDING_ERROR, "%s", err.msg);
	} else if (rows) {
		doctor_add(d, CHECK, FINDING_ERROR,
			   "%lld row%s of '%s' refer%s to what is not there (the first in table "
			   "%s)",
			   (long long)rows, rows == 1 ? "" : "s", path, rows == 1 ? "s" : "",
			   table);
		doctor_mend(d, "another program has written to it; put a backup back, or connect "
			       "again with a new store (--db)");
	}
}

static void check_shape(struct doctor *d, const char *path, const struct store_look *look)
{
	switch (look->kind) {
	case STORE_FOREIGN:
		doctor_add(d, CHECK, FINDING_ERROR, "'%s' is not a calsync database", path);
		doctor_mend(d, "name the right file as --db, CALSYNC_DB or store.path; if that was "
			       "it, put a backup back");
		return;
	case STORE_NEWER:
		doctor_add(d, CHECK, FINDING_ERROR,
			   "'%s' was written by a newer calsync (schema %d, this one knows %d)",
			   path, look->version, store_newest_version());
		doctor_mend(d, "upgrade calsync");
		return;
	case STORE_UNSETTLED:
		doctor_add(d, CHECK, FINDING_WARNING,
			   "'%s' was left in the midst of a write, or copied without all of its "
			   "files; it cannot be looked at as it is",
			   path);
		doctor_mend(d, "calsync status (any command finishes what was begun)");
		return;
	case STORE_OLDER:
		doctor_add(d, CHECK, FINDING_OK,
			   "'%s' has schema %d; the next command brings it to %d", path,
			   look->version, store_newest_version());
		return;
	default:
		if (!look->wal) {
			doctor_add(d, CHECK, FINDING_WARNING,
				   "'%s' is not in WAL mode: another program has changed that",
				   path);
			doctor_mend(d, "calsync status (any command turns it on)");
		}
	}
}

/* Accounts and key live in the store: without it there is nothing to say of them. */
static void skip_contents(struct doctor *d, const char *why, const char *mend)
{
	static const char *const checks[] = {"key", "accounts"};

	for (size_t i = 0; i < ARRAY_SIZE(checks); i++) {
		doctor_add(d, checks[i], FINDING_SKIPPED, "%s", why);
		if (mend)
			doctor_mend(d, "%s", mend);
	}
}

static int look_inside(struct doctor *d, const char *path, struct store_look *look, struct err *err)
{
	struct cmd_context *cx = d->cx;
	size_t begin = d->count;
	struct err trouble;

	if (store_look(path, look, &cx->store, &trouble)) {
		doctor_add(d, CHECK, FINDING_ERROR, "%s", trouble.msg);
		doctor_mend(d, "look at owner and mode: ls -l '%s'", path);
		skip_contents(d, "the database cannot be read", NULL);
		return 0;
	}
	if (look->kind == STORE_NONE) {
		doctor_add(d, CHECK, FINDING_SKIPPED, "'%s' is empty", path);
		skip_contents(d, "no account is connected yet", "calsync connect");
		return 0;
	}
	check_shape(d, path, look);
	if (!cx->store) {
		skip_contents(d, "the database cannot be read", NULL);
		return 0;
	}
	check_pages(d, path);
	if (d->count == begin)
		doctor_add(d, CHECK, FINDING_OK, "'%s' is whole (%s check, schema %d)", path,
			   d->o->quick ? "quick" : "full", look->version);
	if (look->kind != STORE_CURRENT) {
		skip_contents(d, "the database has an older schema", "calsync status");
		return 0;
	}
	if (store_account_list(cx->store, &d->accounts, &trouble)) {
		skip_contents(d, trouble.msg, NULL);
		return 0;
	}
	d->accounts_known = true;
	if (cx->global.account) {
		struct account one = {0};

		if (cmd_account_named(cx, cx->global.account, &one, err))
			return -1;
		account_list_release(&d->accounts);
		d->accounts = (struct account_list){.items = xcalloc(1, sizeof(*d->accounts.items)),
						    .count = 1};
		d->accounts.items[0] = one;
	}
	doctor_key(d);
	doctor_accounts(d);
	return 0;
}

static void forget(struct doctor *d, size_t begin)
{
	doctor_drop(d, begin);
	account_list_release(&d->accounts);
	d->accounts = (struct account_list){0};
	d->accounts_known = false;
	store_close(d->cx->store);
	d->cx->store = NULL;
}

int doctor_store(struct doctor *d, struct err *err)
{
	AUTO(free) char *path = NULL;
	AUTO(free) char *folder = NULL;
	struct store_look look = {0};
	struct stat st;
	size_t begin;

	if (!d->cx->config) {
		doctor_add(d, CHECK, FINDING_SKIPPED, "nothing says where it is");
		skip_contents(d, "nothing says where the database is", NULL);
		return 0;
	}
	path = config_db_path(d->cx->config, d->cx->global.db);
	folder = folder_of(path);
	if (stat(path, &st) && errno == ENOENT) {
		if (d->cx->global.account)
			return cmd_no_account_yet(d->cx->global.account, err);
		doctor_add(d, CHECK, FINDING_SKIPPED, "there is no '%s' yet", path);
		skip_contents(d, "no account is connected yet", "calsync connect");
		return 0;
	}
	check_file(d, path, "");
	check_file(d, path, "-wal");
	check_file(d, path, "-shm");
	check_folder(d, folder);
	check_space(d, folder, (uint64_t)st.st_size);
	begin = d->count;
	for (int i = 0; i < LOOKS; i++) {
		if (look_inside(d, path, &look, err))
			return -1;
		if (!store_look_stale(path, &look))
			break;
		if (i < LOOKS - 1)
			forget(d, begin);
	}
	return 0;
}
