/* What surrounds the program: timers and libraries. */
#include "cmd/doctor.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <libsmartcols.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/xalloc.h"
#include "google/http.h"
#include "ical/rscale.h"
#include "secret/library.h"
#include "store/health.h"
#include "base/banned.h"

/* --- timers ------------------------------------------------------------------------------ */

#define TIMER      "calsync-sync.timer"
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
static enum asked ask_systemd(struct clock *clock, bool user, char word[WORD_MAX])
{
	char systemctl[] = "systemctl", user_option[] = "--user", verb[] = "is-enabled",
	     unit[] = TIMER;
	char *for_user[] = {systemctl, user_option, verb, unit, NULL};
	char *for_system[] = {systemctl, verb, unit, NULL};
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

#define ENABLE_TIMER "systemctl --user enable --now " TIMER

void doctor_timers(struct doctor *d)
{
	struct clock *clock = d->cx->clock;
	char user[WORD_MAX], system[WORD_MAX];
	enum timer_state state;

	if (ask_systemd(clock, true, user) == ASKED_NO_SYSTEMD) {
		doctor_add(d, TIMERS, FINDING_SKIPPED, "there is no systemd here");
		doctor_mend(d, "have 'calsync --quiet sync --all' run every hour, by cron for "
			       "example");
		return;
	}
	state = verdict_timer(user);
	if (state != TIMER_ENABLED) {
		ask_systemd(clock, false, system);
		if (verdict_timer(system) == TIMER_ENABLED) {
			doctor_add(d, TIMERS, FINDING_OK, "%s is enabled for the system", TIMER);
			return;
		}
	}
	switch (state) {
	case TIMER_ENABLED:
		doctor_add(d, TIMERS, FINDING_OK, "%s is enabled", TIMER);
		return;
	case TIMER_INSTALLED:
		doctor_add(d, TIMERS, FINDING_WARNING,
			   "%s is installed, but not enabled: nothing syncs by itself", TIMER);
		doctor_mend(d, ENABLE_TIMER);
		return;
	case TIMER_MASKED:
		doctor_add(d, TIMERS, FINDING_WARNING, "%s is masked: nothing syncs by itself",
			   TIMER);
		doctor_mend(d, "systemctl --user unmask %s, then %s", TIMER, ENABLE_TIMER);
		return;
	case TIMER_ABSENT:
		doctor_add(d, TIMERS, FINDING_WARNING,
			   "%s is not installed: nothing syncs by itself", TIMER);
		doctor_mend(d, "make install puts it in place, then %s", ENABLE_TIMER);
		return;
	case TIMER_UNKNOWN:
		doctor_add(
			d, TIMERS, FINDING_WARNING,
			"systemd does not say whether %s is enabled: no user manager is running, "
			"or it hangs",
			TIMER);
		doctor_mend(d, "loginctl enable-linger, then %s", ENABLE_TIMER);
	}
}

/* --- libraries --------------------------------------------------------------------------- */

#define LIBRARIES "libraries"

static void note(struct doctor *d, struct strbuf *all, const char *library, const char *version)
{
	const struct known_bad *bad = verdict_version(library, version);

	strbuf_addf(all, "%s%s %s", all->len ? ", " : "", library, version);
	if (!bad)
		return;
	doctor_add(d, LIBRARIES, bad->status, "%s %s %s", library, version, bad->why);
	doctor_mend(d, "%s", bad->mend);
}

void doctor_libraries(struct doctor *d)
{
	AUTO(strbuf_release) struct strbuf all = STRBUF_INIT;
	const char *curl, *smartcols = NULL, *why;
	AUTO(free) char *ical = rscale_library_version(&why);
	struct err err;

	note(d, &all, "SQLite", store_library_version());
	if (!http_library_version(&curl, &err)) /* else the network's finding says so */
		note(d, &all, "libcurl", curl);
	note(d, &all, "libcrypto", secret_library_version());
	note(d, &all, "json-c", json_c_version());
	scols_get_library_version(&smartcols);
	if (smartcols)
		note(d, &all, "libsmartcols", smartcols);
	if (ical)
		note(d, &all, "libical", ical);
	doctor_add(d, LIBRARIES, FINDING_OK, "%s", all.buf);
	if (!ical) {
		doctor_add(d, LIBRARIES, FINDING_WARNING,
			   "libical cannot be loaded (%s): series in other calendars than the "
			   "Gregorian cannot be worked out",
			   why);
		doctor_mend(d, "install libical (on Debian: apt install libical3)");
	}
}
