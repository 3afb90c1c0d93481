/*
 * measure N COMMAND...: run a command N times, its output thrown away, and print the median of its
 * wall time in microseconds and the largest of its peak resident sets in KiB. Fails when the
 * command fails once.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Returns the wall time, or -1. */
static int64_t run_once(char **argv, long *out_peak_kib)
{
	int64_t start = now_us();
	struct rusage usage;
	int status;
	pid_t pid = fork();

	if (!pid) {
		int null = open("/dev/null", O_WRONLY | O_CLOEXEC);

		if (null < 0 || dup2(null, STDOUT_FILENO) < 0)
			_exit(126);
		execvp(argv[0], argv);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &usage) != pid || !WIFEXITED(status) ||
	    WEXITSTATUS(status))
		return -1;
	if (usage.ru_maxrss > *out_peak_kib)
		*out_peak_kib = usage.ru_maxrss;
	return now_us() - start;
}

int main(int argc, char **argv)
{
	long n = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
	int64_t *times;
	long peak_kib = 0;

	if (n < 1 || n > 100000) {
		fputs("usage: measure N COMMAND...\n", stderr);
		return 2;
	}
	times = calloc((size_t)n, sizeof(*times));
	if (!times)
		return 1;
	for (long i = 0; i < n; i++) {
		times[i] = run_once(argv + 2, &peak_kib);
		if (times[i] < 0) {
			fprintf(stderr, "measure: %s failed\n", argv[2]);
			free(times);
			return 1;
		}
	}
	qsort(times, (size_t)n, sizeof(*times), by_size);
	printf("%" PRId64 " %ld\n", times[n / 2], peak_kib);
	free(times);
	return 0;
}
