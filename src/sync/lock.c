#include "sync/lock.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/lock.h"
#include "base/xalloc.h"
#include "base/banned.h"

/* Each account has a record of this many bytes: the holder's process id as text. Nobody trusts
 * it; it only tells a person whom to look for. */
#define RECORD 16

#define CHANNEL_LOCKS (INT64_C(1) << 41)

struct account_lock {
	int fd;
};

static void read_holder(const char *path, int64_t account_id, char pid[RECORD + 1])
{
	AUTO(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = fd < 0 ? 0 : pread(fd, pid, RECORD, account_id * RECORD);

	pid[n > 0 ? n : 0] = '\0';
	pid[strspn(pid, "0123456789")] = '\0';
}

static void write_holder(int fd, int64_t account_id)
{
	char pid[RECORD + 1];

	snprintf(pid, sizeof(pid), "%-*ld", RECORD, (long)getpid());
	/* Only a hint for people: a full disk must not stop a sync. */
	if (pwrite(fd, pid, RECORD, account_id * RECORD) != RECORD)
		return;
}

int account_lock_take(const char *db_path, int64_t account_id, struct clock *clock, int64_t wait_ms,
		      struct account_lock **out, struct err *err)
{
	AUTO(free) char *path = lock_path(db_path);
	char pid[RECORD + 1];
	int fd;

	if (lock_take(path, account_id * RECORD, RECORD, clock, wait_ms, &fd, err)) {
		if (err->code != ERR_LOCKED)
			return -1;
		read_holder(path, account_id, pid);
		return err_set(err, ERR_LOCKED, "another sync of this account is running%s%s",
			       *pid ? ", process " : "", pid);
	}
	write_holder(fd, account_id);
	*out = xmalloc(sizeof(**out));
	(*out)->fd = fd;
	return 0;
}

void account_lock_free(struct account_lock *lock)
{
	if (!lock)
		return;
	close(lock->fd);
	free(lock);
}

int channel_lock_take(const char *db_path, int64_t account_id, struct clock *clock, int64_t wait_ms,
		      int *out_fd, struct err *err)
{
	AUTO(free) char *path = lock_path(db_path);

	if (!lock_take(path, CHANNEL_LOCKS + account_id, 1, clock, wait_ms, out_fd, err))
		return 0;
	if (err->code != ERR_LOCKED)
		return -1;
	return err_set(err, ERR_LOCKED,
		       "another command is at work on the push channels of this account");
}
