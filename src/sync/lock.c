#include "sync/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/xalloc.h"
#include "base/banned.h"

/* Each account has a record of this many bytes: the holder's process id as text. Nobody trusts
 * it; it only tells a person whom to look for. */
#define RECORD  16
#define POLL_MS 50

struct account_lock {
	int fd;
};

static int try_lock(int fd, int64_t account_id)
{
	struct flock fl = {
		.l_type = F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = account_id * RECORD,
		.l_len = RECORD,
	};

	return fcntl(fd, F_OFD_SETLK, &fl);
}

static void read_holder(int fd, int64_t account_id, char pid[RECORD + 1])
{
	ssize_t n = pread(fd, pid, RECORD, account_id * RECORD);

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
	/* By whichever link the database was opened: there is one lock. */
	AUTO(free) char *real = realpath(db_path, NULL);
	AUTO(free) char *path = xasprintf("%s-lock", real ? real : db_path);
	AUTO(close_fd) int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	int64_t end = clock->mono_ms(clock) + wait_ms;

	if (fd < 0)
		return err_set(err, ERR_STORE, "cannot open '%s': %s", path, strerror(errno));
	while (try_lock(fd, account_id)) {
		char pid[RECORD + 1];

		if (errno != EAGAIN && errno != EACCES)
			return err_set(err, ERR_STORE, "cannot lock '%s': %s", path,
				       strerror(errno));
		if (clock->mono_ms(clock) < end) {
			clock->sleep_ms(clock, POLL_MS);
			continue;
		}
		read_holder(fd, account_id, pid);
		return err_set(err, ERR_LOCKED, "another sync of this account is running%s%s",
			       *pid ? ", process " : "", pid);
	}
	write_holder(fd, account_id);
	*out = xmalloc(sizeof(**out));
	(*out)->fd = fd;
	fd = -1;
	return 0;
}

void account_lock_free(struct account_lock *lock)
{
	if (!lock)
		return;
	close(lock->fd);
	free(lock);
}
