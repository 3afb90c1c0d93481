/*
 * Part of kill.so: a calsync that stands before its main(), with everything loaded, and runs it in a
 * fork of itself whenever the driver asks. Four fifths of the time of a short command go into loading
 * the libraries that libcurl needs; thousands of runs cannot each pay that.
 *
 * The driver asks over the socket in $CALSYNC_CRASH_START with a length and so many bytes of texts:
 * the files for stdin, stdout and stderr, then argv, each with its NUL. It gets the process id at
 * once, and the wait status when the process has ended.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kill.h"
#include "page.h"

#define REQUEST_MAX (1 << 20)
#define ARGS_MAX    4096
#define FILES       3 /* before argv */

typedef int main_fn(int argc, char **argv, char **envp);
typedef int start_fn(main_fn *fn, int argc, char **argv, void (*init)(void), void (*fini)(void),
		     void (*rtld_fini)(void), void *stack_end);

int __libc_start_main(main_fn *fn, int argc, char **argv, void (*init)(void), void (*fini)(void),
		      void (*rtld_fini)(void), void *stack_end);

static main_fn *calsync_main;

static _Noreturn void broken(const char *what)
{
	perror(what);
	_exit(97);
}

/* False at the end of what the driver sends. */
static int read_all(int fd, void *buf, size_t n)
{
	for (size_t got = 0; got < n;) {
		ssize_t r = read(fd, (char *)buf + got, n - got);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0)
			broken("kill.so: cannot read a request");
		if (r == 0)
			return 0;
		got += (size_t)r;
	}
	return 1;
}

/* path NULL: the request had too few texts. */
static void open_as(int fd, const char *path, int flags)
{
	int opened = path ? open(path, flags, 0600) : -1;

	if (opened < 0 || dup2(opened, fd) < 0)
		broken(path);
	close(opened);
}

/* In the fork: becomes the command. */
static int run(char *text, size_t len, int fd, char **envp)
{
	static char *words[FILES + ARGS_MAX + 1];
	int n = 0;

	for (char *p = text; p < text + len && n < FILES + ARGS_MAX; p += strlen(p) + 1)
		words[n++] = p;
	close(fd);
	setpgid(0, 0); /* kill.so ends the whole group */
	open_as(0, words[0], O_RDONLY);
	open_as(1, words[1], O_WRONLY | O_CREAT | O_TRUNC);
	open_as(2, words[2], O_WRONLY | O_CREAT | O_TRUNC);
	kill_begin();
	return calsync_main(n - FILES, words + FILES, envp);
}

/* The variable's value; nobody sees it after that. */
static int number(const char *name)
{
	const char *text = getenv(name);
	int n = text ? (int)strtol(text, NULL, 10) : -1;

	unsetenv(name);
	return n;
}

/* What the command had started became our child when it ended. */
static void wait_for_the_rest(void)
{
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
}

static int wait_for_requests(int argc, char **argv, char **envp)
{
	static char text[REQUEST_MAX];
	int fd = number(CRASH_START_ENV);
	uint32_t len;

	(void)argc, (void)argv;
	kill_attach(number(CRASH_PAGE_ENV));
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	unsetenv("LD_PRELOAD"); /* none of this for what calsync itself may start */
	/* What calsync loads when it needs it is there already then. */
	if (!dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL))
		fprintf(stderr, "kill.so: %s\n", dlerror());
	while (read_all(fd, &len, sizeof(len))) {
		int32_t answer[2]; /* process, status */
		pid_t pid;

		if (len >= sizeof(text) || !read_all(fd, text, len))
			break;
		text[len] = '\0';
		pid = fork();
		if (pid < 0)
			broken("kill.so: cannot fork");
		if (pid == 0) /* returns into libc, which calls exit() as after any main() */
			return run(text, len, fd, envp);
		answer[0] = pid;
		if (write(fd, &answer[0], sizeof(answer[0])) != sizeof(answer[0]))
			break;
		while (waitpid(pid, &answer[1], 0) < 0)
			if (errno != EINTR)
				broken("kill.so: cannot wait");
		wait_for_the_rest();
		if (write(fd, &answer[1], sizeof(answer[1])) != sizeof(answer[1]))
			break;
	}
	_exit(0);
}

int __libc_start_main(main_fn *fn, int argc, char **argv, void (*init)(void), void (*fini)(void),
		      void (*rtld_fini)(void), void *stack_end)
{
	start_fn *real = (start_fn *)dlsym(RTLD_NEXT, "__libc_start_main");

	calsync_main = fn;
	if (getenv(CRASH_START_ENV) && getenv(CRASH_PAGE_ENV))
		fn = wait_for_requests;
	return real(fn, argc, argv, init, fini, rtld_fini, stack_end);
}
