#include "cmd/sync_report.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/xalloc.h"
#include "cmd/output.h"
#include "base/banned.h"

struct job {
	pid_t pid; /* 0 = not started, or over */
	int fd;    /* its answer comes from here; -1 = none */
	struct strbuf answer;
};

static void job_release(struct job *j)
{
	if (j->fd >= 0)
		close(j->fd);
	strbuf_release(&j->answer);
}

/* In the child: everything that the parent had open is its own affair. */
static void child_main(struct cmd_context *parent, const char *db, const struct account *a,
		       const struct sync_options *o, int fd)
{
	struct cmd_context cx = *parent;
	struct json_object *answer;
	struct err err = {0};
	const char *text;

	if (store_open(db, 0, &cx.store, &err)) {
		struct sync_result failed = {.account = a->name, .err = err};

		answer = sync_result_json(&failed);
	} else {
		answer = sync_one(&cx, a, o);
	}
	text = json_text(answer);
	if (io_write_all(fd, text, strlen(text)))
		_exit(1);
	json_object_put(answer);
	if (cx.transport)
		cx.transport->free(cx.transport);
	secret_box_free(cx.box);
	store_close(cx.store);
	_exit(0);
}

/* all[next], for account a; those before it were started. */
static int start(struct cmd_context *cx, const char *db, const struct account *a,
		 const struct sync_options *o, struct job *all, size_t next, struct err *err)
{
	struct job *j = &all[next];
	pid_t parent = getpid();
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return err_set(err, ERR_FAILED, "cannot start a job: %s", strerror(errno));
	fflush(NULL);
	j->pid = fork();
	if (j->pid == 0) {
		close(fds[0]);
		for (size_t i = 0; i < next; i++) /* the answers of others are the parent's */
			if (all[i].fd >= 0)
				close(all[i].fd);
		/* A parent that is killed takes its jobs along; the store survives that. */
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			_exit(1);
		child_main(cx, db, a, o, fds[1]);
	}
	close(fds[1]);
	if (j->pid < 0) {
		close(fds[0]);
		j->pid = 0;
		return err_set(err, ERR_FAILED, "cannot start a job: %s", strerror(errno));
	}
	j->fd = fds[0];
	return 0;
}

static struct json_object *collect(struct job *j, const struct account *a,
				   const struct err *trouble)
{
	struct sync_result failed = {.account = a->name};
	struct json_object *answer = NULL;
	struct err err;

	if (trouble->code == ERR_NONE && !json_parse(j->answer.buf, j->answer.len, &answer, &err))
		return answer;
	if (trouble->code == ERR_NONE)
		err_set(&failed.err, ERR_FAILED, "its job ended without an answer");
	else
		failed.err = *trouble;
	return sync_result_json(&failed);
}

/* Read what has come; at the end of an answer its job is over. */
static void drain(struct job *j)
{
	char buf[4096];
	ssize_t n = read(j->fd, buf, sizeof(buf));

	if (n < 0 && errno == EINTR)
		return;
	if (n > 0) {
		strbuf_add(&j->answer, buf, (size_t)n);
		return;
	}
	close(j->fd);
	j->fd = -1;
	while (waitpid(j->pid, NULL, 0) < 0 && errno == EINTR)
		;
	j->pid = 0;
}

/* Of those that run alone: poll() takes no more than the process may have open, and there may be
 * thousands of accounts. Returns how many still run. */
static size_t wait_for_some(struct job *jobs, size_t count, size_t running)
{
	AUTO(free) struct pollfd *fds = xcalloc(running, sizeof(*fds));
	AUTO(free) struct job **who = xcalloc(running, sizeof(*who));
	size_t n = 0, left = 0;

	for (size_t i = 0; i < count && n < running; i++) {
		if (jobs[i].fd < 0)
			continue;
		fds[n] = (struct pollfd){.fd = jobs[i].fd, .events = POLLIN};
		who[n++] = &jobs[i];
	}
	if (poll(fds, n, -1) < 0) {
		if (errno == EINTR)
			return running;
		fds[0].revents = POLLIN; /* without a choice: wait for the first */
	}
	for (size_t i = 0; i < n; i++) {
		if (fds[i].revents)
			drain(who[i]);
		left += who[i]->fd >= 0;
	}
	return left;
}

struct json_object *sync_in_parallel(struct cmd_context *cx, const struct account_list *accounts,
				     char *const *calendars, const struct sync_options *options,
				     size_t jobs)
{
	AUTO(free) char *db = xstrdup(store_path(cx->store));
	AUTO(free) struct err *trouble = xcalloc(accounts->count, sizeof(*trouble));
	struct job *all = xcalloc(accounts->count, sizeof(*all));
	struct json_object *answers = json_object_new_array();
	size_t next = 0, running = 0;

	store_close(cx->store);
	cx->store = NULL;
	for (size_t i = 0; i < accounts->count; i++) {
		all[i].fd = -1;
		all[i].answer = (struct strbuf)STRBUF_INIT;
	}
	while (next < accounts->count || running) {
		for (; next < accounts->count && running < jobs; next++) {
			struct sync_options o = *options;

			o.calendar = calendars[next];
			trouble[next] = (struct err){0};
			if (!start(cx, db, &accounts->items[next], &o, all, next, &trouble[next]))
				running++;
			else if (running)
				break; /* when one has ended there may be room again */
		}
		if (running)
			running = wait_for_some(all, accounts->count, running);
	}
	for (size_t i = 0; i < accounts->count; i++) {
		json_object_array_add(answers, collect(&all[i], &accounts->items[i], &trouble[i]));
		job_release(&all[i]);
	}
	free(all);
	return answers;
}
