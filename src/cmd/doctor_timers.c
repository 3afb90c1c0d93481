/* Whether systemd runs what has to run by itself. */
#include "cmd/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "base/banned.h"

#define TIMERS     "timers"
#define SYSTEMD_MS 3000
#define WORD_MAX   64

static void become(char *const argv[], int out)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null >= 0) {
		dup2(null, STDIN_FILENO);
		dup2(null, STDERR_FILENO);
	}
	dup2(out, STDOUT_FILENO);
	signal(SIGPIPE, SIG_DFL);
	unsetenv("GOOGLE_CLIENT_SECRET"); /* none of its business */
	(void)close_range(3, ~0U, 0);     /* libraries open files, too */
	execvp(argv[0], argv);
	_exit(errno == ENOENT ? 127 : 126);
}

/* Read until it closes its output, or the time is over. */
static bool collect(struct clock *clock, int fd, char word[WORD_MAX])
{
	int64_t end = clock->mono_ms(clock) + SYSTEMD_MS;
	size_t len = 0;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		int64_t left = end - clock->mono_ms(clock);
		char dropped[256];
		ssize_t n;

		if (left <= 0)
			return false;
		if (poll(&p, 1, (int)left) <= 0)
			continue;
		n = len < WORD_MAX - 1 ? read(fd, word + len, WORD_MAX - 1 - len)
				       : read(fd, dropped, sizeof(dropped));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if (len < WORD_MAX - 1)
			len += (size_t)n;
		word[len] = '\0';
	}
	word[strcspn(word, "\r\n")] = '\0';
	return true;
}

enum asked { ASKED, ASKED_NO_SYSTEMD, ASKED_IN_VAIN };

/* systemctl [--user] is-enabled UNIT, its first line. Its exit status says less than that. */
static enum asked ask_systemd(struct clock *clock, bool user, const char *unit, char word[WORD_MAX])
{
	char systemctl[] = "systemctl", user_option[] = "--user", verb[] = "is-enabled";
	AUTO(free) char *name = xstrdup(unit);
	char *for_user[] = {systemctl, user_option, verb, name, NULL};
	char *for_system[] = {systemctl, verb, name, NULL};
	int out[2], status = 0;
	bool in_time;
	pid_t child;

	word[0] = '\0';
	if (pipe2(out, O_CLOEXEC))
		return ASKED_IN_VAIN;
	child = fork();
	if (child == 0)
		become(user ? for_user : for_system, out[1]);
	close(out[1]);
	in_time = child > 0 && collect(clock, out[0], word);
	close(out[0]);
	if (child < 0)
		return ASKED_IN_VAIN;
	if (!in_time)
		kill(child, SIGKILL);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127 && !*word)
		return ASKED_NO_SYSTEMD;
	return in_time ? ASKED : ASKED_IN_VAIN;
}

/* A unit that ought to run. */
struct wanted {
	const char *name;
	const char *without; /* what does not happen when it does not run */
};

static void report(struct doctor *d, const struct wanted *w, enum timer_state state, bool user)
{
	const char *option = user ? "--user " : "";
	AUTO(free) char *enable = xasprintf("systemctl %senable --now %s", option, w->name);

	switch (state) {
	case TIMER_ENABLED:
		doctor_add(d, TIMERS, FINDING_OK, "%s is enabled%s", w->name,
			   user ? "" : " for the system");
		return;
	case TIMER_INSTALLED:
		doctor_add(d, TIMERS, FINDING_WARNING, "%s is installed, but not enabled: %s",
			   w->name, w->without);
		doctor_mend(d, "%s", enable);
		return;
	case TIMER_MASKED:
		doctor_add(d, TIMERS, FINDING_WARNING, "%s is masked: %s", w->name, w->without);
		doctor_mend(d, "systemctl %sunmask %s, then %s", option, w->name, enable);
		return;
	case TIMER_ABSENT:
		doctor_add(d, TIMERS, FINDING_WARNING, "%s is not installed: %s", w->name,
			   w->without);
		doctor_mend(d, "make install puts it in place, then %s", enable);
		return;
	case TIMER_UNKNOWN:
		doctor_add(d, TIMERS, FINDING_WARNING,
			   "systemd does not say whether %s is enabled: no %s is running, or it "
			   "hangs",
			   w->name, user ? "user manager" : "system manager");
		doctor_mend(d, "%s%s", user ? "loginctl enable-linger, then " : "", enable);
	}
}

/* Returns false when there is no systemd. */
static bool look(struct doctor *d, const struct wanted *w)
{
	struct clock *clock = d->cx->clock;
	/* Set for a service of the system: the user manager is none of its business. */
	const char *state_dir = getenv("STATE_DIRECTORY");
	bool is_service = state_dir && *state_dir;
	enum timer_state for_user = TIMER_UNKNOWN, for_system;
	char word[WORD_MAX];

	if (!is_service) {
		if (ask_systemd(clock, true, w->name, word) == ASKED_NO_SYSTEMD)
			return false;
		for_user = verdict_timer(word);
		if (for_user == TIMER_ENABLED) {
			report(d, w, for_user, true);
			return true;
		}
	}
	if (ask_systemd(clock, false, w->name, word) == ASKED_NO_SYSTEMD)
		return false;
	for_system = verdict_timer(word);
	if (is_service || for_system == TIMER_ENABLED)
		report(d, w, for_system, false);
	else
		report(d, w, for_user, true);
	return true;
}

void doctor_timers(struct doctor *d)
{
	static const struct wanted sync = {"calsync-sync.timer", "nothing syncs by itself"};
	static const struct wanted renew = {"calsync-renew-watches.timer",
					    "push channels end after seven days"};
	const char *url = d->cx->config ? config_backend_url(d->cx->config) : getenv("BACKEND_URL");

	if (!look(d, &sync)) {
		doctor_add(d, TIMERS, FINDING_SKIPPED, "there is no systemd here");
		doctor_mend(d, "have 'calsync --quiet sync --all' run every hour, by cron for "
			       "example");
		return;
	}
	if (url && *url)
		look(d, &renew);
}
