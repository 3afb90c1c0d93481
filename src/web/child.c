#include "web/child.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "base/banned.h"

#define ARGS_MAX 16

/* By its path, so that ps shows its name; it has none any more when it was replaced since. */
static void run_self(const char *const argv[])
{
	char path[PATH_MAX];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 1);

	if (len > 0) {
		path[len] = '\0';
		execv(path, (char *const *)argv); /* POSIX: it does not change them */
	}
	execv("/proc/self/exe", (char *const *)argv);
}

_Noreturn static void become(const char *const argv[], pid_t parent)
{
	sigset_t none;
	int null = open("/dev/null", O_RDWR);

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent || null < 0 || dup2(null, 0) < 0 || dup2(null, 1) < 0)
		_exit(1);
	close_range(3, ~0U, 0);
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	unsetenv("GOOGLE_CLIENT_SECRET"); /* a login's own lies sealed in the store */
	run_self(argv);
	_exit(1);
}

int child_start(const char *const argv[], pid_t *out, struct err *err)
{
	const char *args[ARGS_MAX] = {"calsync"};
	pid_t parent = getpid(), pid;

	for (size_t i = 0; argv[i] && i + 2 < ARGS_MAX; i++)
		args[i + 1] = argv[i];
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		return err_set(err, ERR_FAILED, "cannot start 'calsync %s': %s", argv[0],
			       strerror(errno));
	if (!pid)
		become(args, parent);
	*out = pid;
	return 0;
}

int child_reap(pid_t pid, int *out_status)
{
	pid_t got;

	do
		got = waitpid(pid, out_status, WNOHANG);
	while (got < 0 && errno == EINTR);
	return got == pid;
}
