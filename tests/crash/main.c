/*
 * Crash enumeration: the calsync program as it is built, killed at every effect, and again while
 * it repairs.
 *
 *   crash [-j JOBS] [-s TEXT] [-a] FILE...  all scenarios of these files whose name holds TEXT
 *   crash -s TEXT -p SPEC FILE...           one run alone (enumerate.h says what SPEC is)
 *
 * -a: every kill point also of scenarios that are too long for that (spread).
 *
 * Prints TAP, one test a scenario; the last line is "crash: N passed, N failed". $CALSYNC_BUILD is
 * the folder with the programs (build); $TALLY as in tests/run-suite.sh.
 */
#include <errno.h>
#include <getopt.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/io.h"
#include "base/xalloc.h"
#include "enumerate.h"

#include "base/banned.h"

#define JOBS_MAX     64
#define FAILURES_MAX 4 /* shown of each scenario */

struct args {
	const char *build, *pick, *spec;
	size_t jobs;
	bool all;
	struct scenarios scenarios;
};

struct sum {
	int64_t effects, points, doubles;
	size_t passed, failed;
};

/* --- workers ------------------------------------------------------------------------------- */

/* Each works on all scenarios, in order, and tells the result of each in one line. */
static _Noreturn void work(const struct args *args, size_t index, int fd)
{
	struct shard shard = {.index = index, .count = args->jobs};
	int rc = 0;

	for (size_t i = 0; i < args->scenarios.count && !rc; i++) {
		struct json_object *result = NULL;
		AUTO(free) char *line = NULL;
		struct err err;

		if (enumerate_scenario(&args->scenarios.list[i], args->build, shard, &result, &err))
			json_set_str(result, "error", err.msg);
		line = xasprintf("%s\n", json_text(result));
		rc = io_write_all(fd, line, strlen(line));
		json_object_put(result);
	}
	_exit(rc ? 1 : 0);
}

static int start_workers(const struct args *args, FILE **out, struct err *err)
{
	for (size_t i = 0; i < args->jobs; i++) {
		int fds[2];
		pid_t pid;

		if (pipe(fds))
			return err_set(err, ERR_FAILED, "cannot make a pipe: %s", strerror(errno));
		fflush(NULL);
		pid = fork();
		if (pid < 0)
			return err_set(err, ERR_FAILED, "cannot fork: %s", strerror(errno));
		if (pid == 0) {
			close(fds[0]);
			for (size_t k = 0; k < i; k++)
				fclose(out[k]);
			work(args, i, fds[1]);
		}
		close(fds[1]);
		out[i] = fdopen(fds[0], "re");
	}
	return 0;
}

/* --- results ------------------------------------------------------------------------------- */

/* One worker's part of one scenario; a worker that died says nothing. */
static struct json_object *read_result(FILE *f)
{
	struct json_object *result = NULL;
	AUTO(free) char *line = NULL;
	size_t size = 0;
	struct err err;
	ssize_t n = getline(&line, &size, f);

	if (n <= 0 || json_parse(line, (size_t)n, &result, &err)) {
		result = json_object_new_object();
		json_set_str(result, "error", "a worker died");
		json_set(result, "failures", json_object_new_array());
	}
	return result;
}

/* Each line of text with "# " before it. */
static void comment(const char *text)
{
	while (*text) {
		size_t n = strcspn(text, "\n");

		printf("#   %.*s\n", (int)n, text);
		text += n + (text[n] == '\n');
	}
}

static void show_failures(const struct json_object *list, size_t *shown)
{
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const struct json_object *f = json_object_array_get_idx(list, i);

		if ((*shown)++ >= FAILURES_MAX)
			continue;
		printf("# killed at %s:\n", json_str(f, "at"));
		comment(json_str(f, "why"));
	}
}

static void report(const struct scenario *s, size_t number, struct json_object *const *parts,
		   size_t count, struct sum *sum)
{
	int64_t points = 0, doubles = 0, effects = json_int(parts[0], "effects", 0);
	size_t failures = 0, shown = 0;
	bool good = true;

	for (size_t i = 0; i < count; i++) {
		points += json_int(parts[i], "points", 0);
		doubles += json_int(parts[i], "doubles", 0);
		failures += json_object_array_length(json_get(parts[i], "failures"));
		good &= !json_str(parts[i], "error");
	}
	good &= !failures;
	printf("%s %zu - %s # %lld effects, %lld", good ? "ok" : "not ok", number, s->name,
	       (long long)effects, (long long)points);
	if (points != json_int(parts[0], "all", 0))
		printf(" of %lld", (long long)json_int(parts[0], "all", 0));
	printf(" kill points, %lld double kills\n", (long long)doubles);
	for (size_t i = 0; i < count; i++) {
		if (json_str(parts[i], "error"))
			comment(json_str(parts[i], "error"));
		show_failures(json_get(parts[i], "failures"), &shown);
	}
	if (shown > FAILURES_MAX)
		printf("# and %zu more\n", shown - FAILURES_MAX);
	fflush(stdout);
	sum->effects += effects;
	sum->points += points;
	sum->doubles += doubles;
	sum->passed += good;
	sum->failed += !good;
}

static void tally(const struct sum *sum)
{
	const char *path = getenv("TALLY");
	FILE *f = path && *path ? fopen(path, "ae") : NULL;

	if (f) {
		fprintf(f, "crash %zu %zu\n", sum->passed, sum->failed);
		fclose(f);
	}
}

static int run_all(const struct args *args, struct err *err)
{
	int64_t start = clock_system()->mono_ms(clock_system());
	FILE *from[JOBS_MAX] = {NULL};
	struct sum sum = {0};

	printf("1..%zu\n", args->scenarios.count);
	if (start_workers(args, from, err))
		return -1;
	for (size_t i = 0; i < args->scenarios.count; i++) {
		struct json_object *parts[JOBS_MAX] = {NULL};

		for (size_t k = 0; k < args->jobs; k++)
			parts[k] = read_result(from[k]);
		report(&args->scenarios.list[i], i + 1, parts, args->jobs, &sum);
		for (size_t k = 0; k < args->jobs; k++)
			json_object_put(parts[k]);
	}
	for (size_t k = 0; k < args->jobs; k++)
		fclose(from[k]);
	while (wait(NULL) > 0)
		;
	printf("# %zu scenarios, %lld effects, %lld kill points, %lld double kills in %lld s\n",
	       args->scenarios.count, (long long)sum.effects, (long long)sum.points,
	       (long long)sum.doubles,
	       (long long)(clock_system()->mono_ms(clock_system()) - start) / 1000);
	tally(&sum);
	printf("crash: %zu passed, %zu failed\n", sum.passed, sum.failed);
	return sum.failed || !sum.passed ? err_set(err, ERR_FAILED, "a scenario failed") : 0;
}

/* --- the command line ---------------------------------------------------------------------- */

/* Keep those whose name holds the text. */
static void pick(struct scenarios *s, const char *text)
{
	size_t n = 0;

	for (size_t i = 0; i < s->count; i++) {
		struct scenario kept = s->list[n];

		if (!strstr(s->list[i].name, text))
			continue;
		s->list[n++] = s->list[i];
		s->list[i] = kept;
	}
	for (size_t i = n; i < s->count; i++)
		scenario_release(&s->list[i]);
	s->count = n;
}

static int take_args(int argc, char **argv, struct args *args, struct err *err)
{
	int option;

	while ((option = getopt(argc, argv, "aj:s:p:")) != -1) {
		if (option == 'j')
			args->jobs = strtoul(optarg, NULL, 10);
		else if (option == 'a')
			args->all = true;
		else if (option == 's')
			args->pick = optarg;
		else if (option == 'p')
			args->spec = optarg;
		else
			return err_set(err, ERR_USAGE,
				       "usage: crash [-a] [-j JOBS] [-s TEXT] [-p SPEC] FILE...");
	}
	if (!args->jobs || args->jobs > JOBS_MAX)
		return err_set(err, ERR_USAGE, "1 to %d jobs", JOBS_MAX);
	for (; optind < argc; optind++)
		if (scenarios_load(argv[optind], &args->scenarios, err))
			return -1;
	pick(&args->scenarios, args->pick);
	for (size_t i = 0; i < args->scenarios.count && args->all; i++)
		args->scenarios.list[i].spread = 0;
	if (!args->scenarios.count)
		return err_set(err, ERR_USAGE, "no such scenario");
	return 0;
}

int main(int argc, char **argv)
{
	const char *named = getenv("CALSYNC_BUILD");
	AUTO(free) char *build = realpath(named ? named : "build", NULL);
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct args args = {
		.build = build,
		.pick = "",
		.jobs = cpus < 1          ? 1
			: cpus > JOBS_MAX ? JOBS_MAX
					  : (size_t)cpus,
	};
	struct err err;
	int rc;

	rc = take_args(argc, argv, &args, &err);
	if (!rc && !build)
		rc = err_set(&err, ERR_FAILED,
			     "there is no build: make, or name it in CALSYNC_BUILD");
	if (!rc)
		rc = args.spec ? enumerate_one(&args.scenarios.list[0], args.build, args.spec, &err)
			       : run_all(&args, &err);
	if (rc)
		fprintf(stderr, "crash: %s\n", err.msg);
	scenarios_release(&args.scenarios);
	return rc ? err_exit_status(err.code) : 0;
}
