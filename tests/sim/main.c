/*
 * Random histories from seeds, in several processes; prints TAP. See HACKING.md, "The simulation".
 *
 *   sim [--seed N] [--count N] [--jobs N]    run N histories from a seed on
 *   --kept FILE                              and those of seeds that failed once, one a line
 *   sim --replay SEED                        one, with all that happens in it
 *   --brief 1                                do not shrink and replay what fails; few histories need
 *                                            not show everything
 */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../unit/temp_tree.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cover.h"
#include "run.h"

#include "base/banned.h"

#define JOBS_MAX    64
#define BLOCKS      20
#define HISTORY_S   60 /* none takes longer: one that does hangs */
#define BROKEN_DIED "X the program goes on (a crash, a leak, or no end)"

struct options {
	uint64_t seed, count;
	uint64_t *kept; /* owned */
	size_t kept_count;
	int jobs;
	bool replay, brief;
};

/* What the workers tell. */
struct shared {
	uint64_t current[JOBS_MAX];  /* seed under way; 0 = none */
	uint64_t failed;             /* the lowest seed that failed; 0 = none so far */
	uint64_t blocks[BLOCKS + 1]; /* histories that held; the last one: those that are kept */
};

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void make_lab(struct lab *lab, const char *root, int worker)
{
	char dir[TEMP_TREE_LEN + 16];

	snprintf(dir, sizeof(dir), "%s/%d", root, worker);
	if (mkdir(dir, 0700) && access(dir, W_OK)) {
		fprintf(stderr, "sim: cannot make %s\n", dir);
		exit(2);
	}
	lab_open(lab, dir);
}

/* --- workers ---------------------------------------------------------------------------------- */

static uint64_t block_of(const struct options *o, uint64_t i)
{
	return i < o->count ? i * BLOCKS / o->count : BLOCKS;
}

static uint64_t seed_of(const struct options *o, uint64_t i)
{
	return i < o->count ? o->seed + i : o->kept[i - o->count];
}

static void note_failed(struct shared *shared, uint64_t seed)
{
	if (!shared->failed || seed < shared->failed)
		shared->failed = seed;
}

static void work(const struct options *o, struct shared *shared, const char *root, int worker)
{
	struct sim_history *h = xmalloc(sizeof(*h));
	struct lab lab;

	make_lab(&lab, root, worker);
	for (uint64_t i = (uint64_t)worker; i < o->count + o->kept_count && !shared->failed;
	     i += (uint64_t)o->jobs) {
		struct outcome out;

		shared->current[worker] = seed_of(o, i);
		alarm(HISTORY_S);
		history_make(seed_of(o, i), h);
		run_history(h, &lab, NULL, &out);
		if (out.broken)
			note_failed(shared, seed_of(o, i));
		else
			__atomic_fetch_add(&shared->blocks[block_of(o, i)], 1, __ATOMIC_RELAXED);
	}
	alarm(0);
	lab_close(&lab);
	free(h);
	exit(0); /* with the leak check */
}

/* In a process of its own: whatever becomes of it. */
struct tried {
	const char *root;
	FILE *trace;
};

static void run_apart(const struct sim_history *h, void *arg, struct outcome *out)
{
	const struct tried *t = arg;
	struct outcome *told = mmap(NULL, sizeof(*told), PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	int status;
	pid_t pid;

	if (told == MAP_FAILED)
		abort();
	fflush(NULL);
	pid = fork();
	if (pid < 0)
		abort();
	if (!pid) {
		struct lab lab;

		if (!t->trace && !freopen("/dev/null", "w", stderr))
			exit(2);
		cover = NULL;
		make_lab(&lab, t->root, JOBS_MAX);
		alarm(HISTORY_S);
		run_history(h, &lab, t->trace, told);
		lab_close(&lab);
		exit(0);
	}
	if (waitpid(pid, &status, 0) != pid)
		abort();
	*out = *told; /* the text of an invariant is in the same place in both */
	munmap(told, sizeof(*told));
	if (status)
		*out = (struct outcome){.broken = BROKEN_DIED};
}

/* --- what is printed -------------------------------------------------------------------------- */

static void explain(const struct options *o, uint64_t seed, const char *root)
{
	struct tried quiet = {root, NULL}, loud = {root, stdout};
	struct sim_history *h = xmalloc(sizeof(*h));
	struct outcome out;
	size_t steps;

	(void)o;
	history_make(seed, h);
	steps = h->step_count;
	run_apart(h, &quiet, &out);
	if (!out.broken) {
		printf("# seed %" PRIu64 " holds when it is run again\n", seed);
		free(h);
		return;
	}
	printf("# seed %" PRIu64 ": %s: %s\n", seed, out.broken, out.why);
	shrink_history(h, out.broken, run_apart, &quiet);
	printf("# shrunk from %zu steps to %zu:\n", steps, h->step_count);
	history_print(h, stdout);
	printf("# what happens in it:\n");
	run_apart(h, &loud, &out);
	printf("# %s: %s\n# again: make sim SEED=%" PRIu64 "\n", out.broken ? out.broken : "?",
	       out.why, seed);
	free(h);
}

static int print_blocks(const struct options *o, const struct shared *shared)
{
	int failed = 0;

	printf("1..%d\n", BLOCKS + 2);
	for (uint64_t i = 0; i < BLOCKS; i++) {
		uint64_t first = o->seed + (i * o->count + BLOCKS - 1) / BLOCKS;
		uint64_t last = o->seed + ((i + 1) * o->count + BLOCKS - 1) / BLOCKS;
		bool good = shared->blocks[i] == last - first;

		failed += !good;
		printf("%sok %" PRIu64 " - histories %" PRIu64 " to %" PRIu64 "\n",
		       good ? "" : "not ", i + 1, first, last - 1);
	}
	if (shared->blocks[BLOCKS] != o->kept_count)
		failed++;
	printf("%sok %d - histories that failed once: %zu\n",
	       shared->blocks[BLOCKS] == o->kept_count ? "" : "not ", BLOCKS + 1, o->kept_count);
	return failed;
}

static int run_all(const struct options *o, struct shared *shared, const char *root)
{
	double start = now_s(), took;
	int failed, never;

	cover_share();
	fflush(NULL);
	for (int i = 0; i < o->jobs; i++) {
		pid_t pid = fork();

		if (pid < 0)
			abort();
		if (!pid)
			work(o, shared, root, i);
	}
	for (int i = 0, status; i < o->jobs; i++) {
		if (wait(&status) < 0)
			abort();
		for (int k = 0; status && k < o->jobs; k++)
			if (shared->current[k]) /* one of them; the replay tells which */
				note_failed(shared, shared->current[k]);
	}
	took = now_s() - start;
	failed = print_blocks(o, shared);
	never = cover_print(stdout);
	printf("%sok %d - every kind of step, fault, death and plan occurred\n",
	       never ? "not " : "", BLOCKS + 2);
	printf("# %" PRIu64 " histories, %" PRIu64 " requests in %.1f s: %.0f histories a minute\n",
	       cover->histories, cover->requests, took, (double)cover->histories / took * 60);
	if (shared->failed && o->brief)
		printf("# again: make sim SEED=%" PRIu64 "\n", shared->failed);
	else if (shared->failed)
		explain(o, shared->failed, root);
	return failed || (never && !o->brief) || shared->failed;
}

static int replay(const struct options *o, const char *root)
{
	struct tried loud = {root, stdout};
	struct sim_history *h = xmalloc(sizeof(*h));
	struct outcome out;

	history_make(o->seed, h);
	history_print(h, stdout);
	run_apart(h, &loud, &out);
	if (out.broken)
		explain(o, o->seed, root);
	else
		printf("# seed %" PRIu64 " holds\n", o->seed);
	free(h);
	return out.broken != NULL;
}

/* --- options ---------------------------------------------------------------------------------- */

static uint64_t number(const char *text)
{
	char *end;
	uint64_t n = text ? strtoull(text, &end, 10) : 0;

	if (!text || !*text || *end || !n) {
		fprintf(stderr,
			"usage: sim [--seed N] [--count N] [--jobs N] [--brief 1] [--kept FILE] |"
			" --replay SEED\n");
		exit(2);
	}
	return n;
}

static void read_kept(const char *path, struct options *o)
{
	FILE *f = path ? fopen(path, "r") : NULL;
	char *line = NULL;
	size_t size = 0;

	if (!f) {
		fprintf(stderr, "sim: cannot read %s\n", path ? path : "--kept");
		exit(2);
	}
	while (getline(&line, &size, f) >= 0) {
		line[strcspn(line, "\n")] = '\0';
		if (*line == '#' || !*line)
			continue;
		o->kept = xreallocarray(o->kept, o->kept_count + 1, sizeof(*o->kept));
		o->kept[o->kept_count++] = number(line);
	}
	free(line);
	fclose(f);
}

static void read_options(char **argv, struct options *o)
{
	for (argv++; *argv; argv += 2) {
		uint64_t n;

		if (!strcmp(argv[0], "--kept")) {
			read_kept(argv[1], o);
			continue;
		}
		n = number(argv[1]);
		if (!strcmp(argv[0], "--seed"))
			o->seed = n;
		else if (!strcmp(argv[0], "--count"))
			o->count = n;
		else if (!strcmp(argv[0], "--jobs") && n <= JOBS_MAX)
			o->jobs = (int)n;
		else if (!strcmp(argv[0], "--brief"))
			o->brief = true;
		else if (!strcmp(argv[0], "--replay"))
			o->seed = n, o->replay = true;
		else
			number(NULL);
	}
}

int main(int argc, char **argv)
{
	struct options o = {.seed = 1, .count = 10000};
	struct shared *shared;
	char root[TEMP_TREE_LEN];
	int status;

	(void)argc;
	o.jobs = (int)sysconf(_SC_NPROCESSORS_ONLN);
	read_options(argv, &o);
	if (!access("/dev/shm", W_OK))
		setenv("TMPDIR", "/dev/shm", 1); /* in memory */
	if (temp_tree_make(root)) {
		fprintf(stderr, "sim: cannot make a temporary folder\n");
		return 2;
	}
	log_set_level(getenv("SIMV") ? 3 : -1);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		      0);
	if (shared == MAP_FAILED)
		abort();
	status = o.replay ? replay(&o, root) : run_all(&o, shared, root);
	temp_tree_remove(root);
	free(o.kept);
	return status ? 1 : 0;
}
