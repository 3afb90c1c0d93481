/* Opening a browser, without a shell: the address is one argument, whatever is in it. */
#include "cmd/connect.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "base/banned.h"

#define WORDS_MAX 32

static bool set(const char *name)
{
	const char *value = getenv(name);

	return value && *value;
}

bool browser_likely(void)
{
	return set("BROWSER") || set("DISPLAY") || set("WAYLAND_DISPLAY");
}

/* word with every %s replaced by url; *used tells whether there was one */
static char *substitute(const char *word, const char *url, bool *used)
{
	struct strbuf sb = STRBUF_INIT;
	const char *at;

	while ((at = strstr(word, "%s"))) {
		strbuf_add(&sb, word, (size_t)(at - word));
		strbuf_adds(&sb, url);
		word = at + 2;
		*used = true;
	}
	strbuf_adds(&sb, word);
	return strbuf_detach(&sb);
}

/* "firefox --new-window %s" and the address as an argument vector; without %s it comes last. A
 * command that is the name of a file is taken whole, spaces and all. */
static char **arguments(const char *command, const char *url)
{
	char **argv = xcalloc(WORDS_MAX + 2, sizeof(*argv));
	size_t n = 0;
	bool used = false;

	if (strchr(command, '/') && !access(command, X_OK)) {
		argv[n++] = xstrdup(command);
	} else {
		for (const char *p = command + strspn(command, " "); *p && n < WORDS_MAX;) {
			size_t len = strcspn(p, " ");
			AUTO(free) char *word = xstrndup(p, len);

			argv[n++] = substitute(word, url, &used);
			p += len;
			p += strspn(p, " ");
		}
	}
	if (!used)
		argv[n++] = xstrdup(url);
	return argv;
}

/* In the grandchild: the browser outlives us, and nobody waits for it. */
static void become(char **argv, int report)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0)
		dup2(null, STDIN_FILENO);
	dup2(STDERR_FILENO, STDOUT_FILENO); /* stdout is for our answer alone */
	signal(SIGPIPE, SIG_DFL);
	unsetenv("GOOGLE_CLIENT_SECRET");               /* no business of the browser's */
	(void)close_range(3, ~0U, CLOSE_RANGE_CLOEXEC); /* libraries open files, too */
	setsid();
	execvp(argv[0], argv);
	int e = errno;
	if (write(report, &e, sizeof(e)) < 0)
		_exit(126);
	_exit(127);
}

static int spawn(char **argv, struct err *err)
{
	int report[2], failure = 0;
	pid_t child;
	ssize_t n;

	if (pipe2(report, O_CLOEXEC))
		return err_set(err, ERR_FAILED, "cannot start a browser: %s", strerror(errno));
	child = fork();
	if (child == 0) {
		pid_t grandchild = fork();

		if (grandchild == 0)
			become(argv, report[1]);
		_exit(grandchild < 0 ? 1 : 0);
	}
	close(report[1]);
	n = child < 0 ? 0 : read(report[0], &failure, sizeof(failure));
	close(report[0]);
	if (child < 0)
		return err_set(err, ERR_FAILED, "cannot start a browser: %s", strerror(errno));
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
		;
	if (n == (ssize_t)sizeof(failure))
		return err_set(err, ERR_FAILED, "cannot start the browser '%s': %s", argv[0],
			       strerror(failure));
	return 0;
}

int browser_open(const char *url, struct err *err)
{
	const char *command = getenv("BROWSER");
	char **argv = arguments(command && *command ? command : "xdg-open", url);
	int r = spawn(argv, err);

	for (char **p = argv; *p; p++)
		free(*p);
	free(argv);
	return r;
}
