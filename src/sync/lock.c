#include "sync/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/term.h"
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

/* The first line of a small file of /proc; false when there is none. */
static bool read_line(const char *path, char *buf, int size)
{
	FILE *f = fopen(path, "re");
	bool read;

	if (!f)
		return false;
	read = fgets(buf, size, f) != NULL;
	fclose(f);
	if (read)
		buf[strcspn(buf, "\n")] = '\0';
	return read;
}

/* Seconds since a process began, -1 when nobody knows. Source: proc(5), /proc/PID/stat (22). */
static int64_t process_age_s(const char *pid)
{
	AUTO(free) char *path = xasprintf("/proc/%s/stat", pid);
	char line[1024], up[64];
	unsigned long long ticks = 0;
	const char *at;

	if (!read_line(path, line, sizeof(line)) || !read_line("/proc/uptime", up, sizeof(up)))
		return -1;
	at = strrchr(line, ')'); /* a command's name may hold anything */
	if (!at || sscanf(at + 1,
			  " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d "
			  "%*d %*d %llu",
			  &ticks) != 1)
		return -1;
	return (int64_t)strtod(up, NULL) -
	       (int64_t)(ticks / (unsigned long long)sysconf(_SC_CLK_TCK));
}

/* ", process 1234 (calsync, for 12 s)", as much of it as can be known: the number may be of another
 * machine's or container's process. */
static char *describe_holder(int fd, int64_t account_id)
{
	char pid[RECORD + 1], command[64];
	ssize_t n = pread(fd, pid, RECORD, account_id * RECORD);
	AUTO(free) char *path = NULL;
	AUTO(free) char *name = NULL;
	int64_t age;

	pid[n > 0 ? n : 0] = '\0';
	pid[strspn(pid, "0123456789")] = '\0';
	if (!*pid)
		return xstrdup("");
	path = xasprintf("/proc/%s/comm", pid);
	age = process_age_s(pid);
	if (!read_line(path, command, sizeof(command)) || age < 0)
		return xasprintf(", process %s (not one of this system's)", pid);
	name = term_clean(command);
	return xasprintf(", process %s (%s, for %lld %s)", pid, name,
			 (long long)(age < 120 ? age : age / 60), age < 120 ? "s" : "min");
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
		AUTO(free) char *holder = NULL;

		if (errno != EAGAIN && errno != EACCES)
			return err_set(err, ERR_STORE, "cannot lock '%s': %s", path,
				       strerror(errno));
		if (clock->mono_ms(clock) < end) {
			clock->sleep_ms(clock, POLL_MS);
			continue;
		}
		holder = describe_holder(fd, account_id);
		return err_set(err, ERR_LOCKED, "another sync of this account is running%s",
			       holder);
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
