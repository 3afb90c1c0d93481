/*
 * kill.so, preloaded into the calsync that is tested: counts the calls that have an effect outside
 * the process, and ends it with SIGKILL at the one that the driver names. start.c runs the commands.
 *
 * Effects     what changes files, names, modes and folders; connect() and whatever sends. SQLite
 *             and libcurl reach them through the same dynamic symbols, also when loaded later.
 * No effects  reads, locks (they die with the process), and recv(): whether an answer was read
 *             shows outside only in what is done after it. Killed after send n is killed before,
 *             during and after the reading of its answer. stdout goes past this library (stdio
 *             calls its own write); it can be seen no later than the next effect.
 *
 * After effect n is before effect n + 1: nothing outside changes in between.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "kill.h"
#include "page.h"

/* How the call goes on. */
enum cut { GO_ON, DIE_IN_THE_MIDDLE, DIE_AFTER };

static struct crash_page *mapped;
static struct crash_page *page; /* NULL = nothing counts */

void kill_attach(int fd)
{
	mapped = mmap(NULL, sizeof(*page), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (mapped == MAP_FAILED) {
		perror("kill.so: cannot map the page");
		_exit(97);
	}
	close(fd);
}

void kill_begin(void)
{
	page = mapped;
}

/* All processes of the command at once: the driver made it a group of its own. */
static _Noreturn void die(void)
{
	kill(0, SIGKILL);
	for (;;)
		pause();
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* path NULL: the file behind fd. bytes < 0: it writes none. */
static enum cut begin(const char *call, const char *path, int fd, ssize_t bytes)
{
	char name[4096] = "", link[32];
	struct crash_effect *e;
	uint32_t n;

	if (!page)
		return GO_ON;
	n = __atomic_add_fetch(&page->count, 1, __ATOMIC_SEQ_CST);
	if (n > CRASH_EFFECTS_MAX) {
		fprintf(stderr, "kill.so: more than %d effects\n", CRASH_EFFECTS_MAX);
		_exit(97);
	}
	if (!path) {
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		if (readlink(link, name, sizeof(name) - 1) < 0)
			snprintf(name, sizeof(name), "?");
		if (!strncmp(name, "socket:", 7))
			name[6] = '\0';
		path = name;
	}
	e = &page->effects[n - 1];
	e->can_half = bytes >= 2;
	if (bytes >= 0)
		snprintf(e->what, sizeof(e->what), "%s %s %zd", call, last_part(path), bytes);
	else
		snprintf(e->what, sizeof(e->what), "%s %s", call, last_part(path));
	if (n != page->at)
		return GO_ON;
	if (page->when == CRASH_BEFORE)
		die();
	return page->when == CRASH_HALF && bytes >= 2 ? DIE_IN_THE_MIDDLE : DIE_AFTER;
}

static void end(enum cut cut)
{
	if (cut != GO_ON)
		die();
}

static size_t part(enum cut cut, size_t bytes)
{
	return cut == DIE_IN_THE_MIDDLE ? bytes / 2 : bytes;
}

/* The call of the same name behind ours. */
#define REAL(name, ...)                                                     \
	({                                                                  \
		static __typeof__(&(name)) real_;                           \
		if (!real_)                                                 \
			real_ = (__typeof__(real_))dlsym(RTLD_NEXT, #name); \
		real_(__VA_ARGS__);                                         \
	})

/* A whole call: kind of effect, then its arguments. */
#define EFFECT(path, fd, name, ...)                            \
	({                                                     \
		enum cut cut_ = begin(#name, path, fd, -1);    \
		__auto_type result_ = REAL(name, __VA_ARGS__); \
		end(cut_);                                     \
		result_;                                       \
	})

/* --- bytes ------------------------------------------------------------------------------- */

ssize_t write(int fd, const void *buf, size_t n)
{
	enum cut cut = begin("write", NULL, fd, (ssize_t)n);
	ssize_t result = REAL(write, fd, buf, part(cut, n));

	end(cut);
	return result;
}

ssize_t pwrite(int fd, const void *buf, size_t n, off_t at)
{
	enum cut cut = begin("pwrite", NULL, fd, (ssize_t)n);
	ssize_t result = REAL(pwrite, fd, buf, part(cut, n), at);

	end(cut);
	return result;
}

ssize_t pwrite64(int fd, const void *buf, size_t n, off64_t at)
{
	enum cut cut = begin("pwrite64", NULL, fd, (ssize_t)n);
	ssize_t result = REAL(pwrite64, fd, buf, part(cut, n), at);

	end(cut);
	return result;
}

ssize_t send(int fd, const void *buf, size_t n, int flags)
{
	enum cut cut = begin("send", NULL, fd, (ssize_t)n);
	ssize_t result = REAL(send, fd, buf, part(cut, n), flags);

	end(cut);
	return result;
}

ssize_t sendto(int fd, const void *buf, size_t n, int flags, const struct sockaddr *to,
	       socklen_t to_len)
{
	enum cut cut = begin("sendto", NULL, fd, (ssize_t)n);
	ssize_t result = REAL(sendto, fd, buf, part(cut, n), flags, to, to_len);

	end(cut);
	return result;
}

/* Those below gather their bytes from several places: they are not cut in two. */

ssize_t writev(int fd, const struct iovec *list, int count)
{
	return EFFECT(NULL, fd, writev, fd, list, count);
}

ssize_t pwritev(int fd, const struct iovec *list, int count, off_t at)
{
	return EFFECT(NULL, fd, pwritev, fd, list, count, at);
}

ssize_t pwritev64(int fd, const struct iovec *list, int count, off64_t at)
{
	return EFFECT(NULL, fd, pwritev64, fd, list, count, at);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
	return EFFECT(NULL, fd, sendmsg, fd, message, flags);
}

int sendmmsg(int fd, struct mmsghdr *messages, unsigned int count, int flags)
{
	return EFFECT(NULL, fd, sendmmsg, fd, messages, count, flags);
}

int connect(int fd, const struct sockaddr *to, socklen_t len)
{
	return EFFECT(NULL, fd, connect, fd, to, len);
}

/* --- files ------------------------------------------------------------------------------- */

int fsync(int fd)
{
	return EFFECT(NULL, fd, fsync, fd);
}

int fdatasync(int fd)
{
	return EFFECT(NULL, fd, fdatasync, fd);
}

int ftruncate(int fd, off_t length)
{
	return EFFECT(NULL, fd, ftruncate, fd, length);
}

int ftruncate64(int fd, off64_t length)
{
	return EFFECT(NULL, fd, ftruncate64, fd, length);
}

int truncate(const char *path, off_t length)
{
	return EFFECT(path, -1, truncate, path, length);
}

int fallocate(int fd, int mode, off_t at, off_t length)
{
	return EFFECT(NULL, fd, fallocate, fd, mode, at, length);
}

int posix_fallocate(int fd, off_t at, off_t length)
{
	return EFFECT(NULL, fd, posix_fallocate, fd, at, length);
}

/* The mode is there when the call may make a file: an effect, whether or not it does. */
static mode_t mode_of(int flags, va_list args)
{
	return flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(args, mode_t) : 0;
}

#define OPEN(name, path, flags, ...)                                                  \
	({                                                                            \
		enum cut cut_ = (flags)&O_CREAT ? begin(#name, path, -1, -1) : GO_ON; \
		int fd_ = REAL(name, __VA_ARGS__);                                    \
		end(cut_);                                                            \
		fd_;                                                                  \
	})

int open(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	return OPEN(open, path, flags, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	return OPEN(open64, path, flags, path, flags, mode);
}

int openat(int dir, const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	return OPEN(openat, path, flags, dir, path, flags, mode);
}

int openat64(int dir, const char *path, int flags, ...)
{
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = mode_of(flags, args);
	va_end(args);
	return OPEN(openat64, path, flags, dir, path, flags, mode);
}

int creat(const char *path, mode_t mode)
{
	return EFFECT(path, -1, creat, path, mode);
}

/* --- names, modes, folders --------------------------------------------------------------- */

int rename(const char *from, const char *to)
{
	return EFFECT(to, -1, rename, from, to);
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return EFFECT(to, -1, renameat, from_dir, from, to_dir, to);
}

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned int flags)
{
	return EFFECT(to, -1, renameat2, from_dir, from, to_dir, to, flags);
}

int link(const char *from, const char *to)
{
	return EFFECT(to, -1, link, from, to);
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	return EFFECT(to, -1, linkat, from_dir, from, to_dir, to, flags);
}

int symlink(const char *target, const char *path)
{
	return EFFECT(path, -1, symlink, target, path);
}

int unlink(const char *path)
{
	return EFFECT(path, -1, unlink, path);
}

int unlinkat(int dir, const char *path, int flags)
{
	return EFFECT(path, -1, unlinkat, dir, path, flags);
}

int mkdir(const char *path, mode_t mode)
{
	return EFFECT(path, -1, mkdir, path, mode);
}

int mkdirat(int dir, const char *path, mode_t mode)
{
	return EFFECT(path, -1, mkdirat, dir, path, mode);
}

int rmdir(const char *path)
{
	return EFFECT(path, -1, rmdir, path);
}

int chmod(const char *path, mode_t mode)
{
	return EFFECT(path, -1, chmod, path, mode);
}

int fchmod(int fd, mode_t mode)
{
	return EFFECT(NULL, fd, fchmod, fd, mode);
}

int fchmodat(int dir, const char *path, mode_t mode, int flags)
{
	return EFFECT(path, -1, fchmodat, dir, path, mode, flags);
}
