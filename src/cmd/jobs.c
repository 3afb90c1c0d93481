#include "cmd/jobs.h"

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
#include "base/json.h"
#include "base/xalloc.h"
#include "base/banned.h"

struct job {
	pid_t pid; /* 0 = not started, or over */
	int fd;    /* its answer comes from here; -1 = none */
	struct strbuf text;
	struct json_object *answer; /* NULL = not over */
};

struct pool {
	struct cmd_context *cx;
	const struct jobs *jobs;
	char *db;
	struct job *all;
	size_t next; /* those before it were begun, or never will be */
	size_t running;
};

static void pool_release(struct pool *p)
{
	for (size_t i = 0; p->all && i < p->jobs->count; i++) {
		if (p->all[i].fd >= 0)
			close(p->all[i].fd);
		strbuf_release(&p->all[i].text);
		json_object_put(p->all[i].answer);
	}
	free(p->all);
	free(p->db);
}
DEFINE_AUTO_VALUE(struct pool, pool_release)

/* --- one ---------------------------------------------------------------------------------- */

/* In the child: everything that the parent had open is its own affair. */
static void child_main(const struct pool *p, size_t i, int fd)
{
	struct cmd_context cx = *p->cx;
	struct json_object *answer;
	struct err err = {0};
	const char *text;

	if (store_open(p->db, 0, &cx.store, &err))
		answer = p->jobs->failed(i, &err, p->jobs->arg);
	else
		answer = p->jobs->run(&cx, i, p->jobs->arg);
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

static int start(struct pool *p, size_t i, struct err *err)
{
	struct job *j = &p->all[i];
	pid_t parent = getpid();
	int fds[2];

	if (pipe2(fds, O_CLOEXEC))
		return err_set(err, ERR_FAILED, "cannot start a job: %s", strerror(errno));
	fflush(NULL);
	j->pid = fork();
	if (j->pid == 0) {
		close(fds[0]);
		for (size_t k = 0; k < i; k++) /* the answers of others are the parent's */
			if (p->all[k].fd >= 0)
				close(p->all[k].fd);
		/* A parent that is killed takes its jobs along; the store survives that. */
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			_exit(1);
		child_main(p, i, fds[1]);
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

static void fail(struct pool *p, size_t i, const struct err *why)
{
	p->all[i].answer = p->jobs->failed(i, why, p->jobs->arg);
}

static void tell(struct pool *p, size_t i)
{
	if (p->jobs->over)
		p->jobs->over(i, p->all[i].answer, p->jobs->arg);
}

static void finish(struct pool *p, size_t i)
{
	struct job *j = &p->all[i];
	struct err err;

	close(j->fd);
	j->fd = -1;
	while (waitpid(j->pid, NULL, 0) < 0 && errno == EINTR)
		;
	j->pid = 0;
	if (json_parse(j->text.buf, j->text.len, &j->answer, &err)) {
		err_set(&err, ERR_FAILED, "its job ended without an answer");
		fail(p, i, &err);
	}
	strbuf_release(&j->text);
	tell(p, i);
}

/* Read what has come; at the end of an answer its job is over. */
static void drain(struct pool *p, size_t i)
{
	char buf[4096];
	ssize_t n = read(p->all[i].fd, buf, sizeof(buf));

	if (n < 0 && errno == EINTR)
		return;
	if (n > 0)
		strbuf_add(&p->all[i].text, buf, (size_t)n);
	else
		finish(p, i);
}

/* --- all ---------------------------------------------------------------------------------- */

/* Of those that run alone: poll() takes no more than the process may have open, and there may be
 * thousands of accounts. */
static void wait_for_some(struct pool *p)
{
	AUTO(free) struct pollfd *fds = xcalloc(p->running, sizeof(*fds));
	AUTO(free) size_t *who = xcalloc(p->running, sizeof(*who));
	size_t n = 0;

	for (size_t i = 0; i < p->next && n < p->running; i++) {
		if (p->all[i].fd < 0)
			continue;
		fds[n] = (struct pollfd){.fd = p->all[i].fd, .events = POLLIN};
		who[n++] = i;
	}
	if (poll(fds, n, -1) < 0) {
		if (errno == EINTR)
			return;
		fds[0].revents = POLLIN; /* without a choice: wait for the first */
	}
	for (size_t i = 0; i < n; i++) {
		if (fds[i].revents)
			drain(p, who[i]);
		p->running -= p->all[who[i]].fd < 0;
	}
}

static bool is_admitted(struct pool *p, size_t i)
{
	struct err err;

	if (!p->jobs->admit || !p->jobs->admit(i, p->jobs->arg, &err))
		return true;
	fail(p, i, &err);
	return false;
}

static void start_some(struct pool *p)
{
	struct err err;

	for (; p->next < p->jobs->count && p->running < p->jobs->at_once; p->next++) {
		size_t i = p->next;

		if (!is_admitted(p, i))
			continue;
		if (!start(p, i, &err)) {
			p->running++;
			continue;
		}
		if (p->running)
			return; /* when one has ended there may be room again */
		fail(p, i, &err);
		tell(p, i);
	}
}

static void run_in_parallel(struct pool *p)
{
	store_close(p->cx->store);
	p->cx->store = NULL;
	while (p->next < p->jobs->count || p->running) {
		start_some(p);
		if (p->running)
			wait_for_some(p);
	}
}

static void run_in_turn(struct pool *p)
{
	for (size_t i = 0; i < p->jobs->count; i++) {
		if (!is_admitted(p, i))
			continue;
		p->all[i].answer = p->jobs->run(p->cx, i, p->jobs->arg);
		tell(p, i);
	}
}

struct json_object *jobs_run(struct cmd_context *cx, const struct jobs *jobs)
{
	AUTO(pool_release)
	struct pool p = {.cx = cx,
			 .jobs = jobs,
			 .db = xstrdup(store_path(cx->store)),
			 .all = xcalloc(jobs->count, sizeof(*p.all))};
	struct json_object *answers = json_object_new_array();

	for (size_t i = 0; i < jobs->count; i++) {
		p.all[i].fd = -1;
		p.all[i].text = (struct strbuf)STRBUF_INIT;
	}
	if (jobs->at_once > 1 && jobs->count > 1)
		run_in_parallel(&p);
	else
		run_in_turn(&p);
	for (size_t i = 0; i < jobs->count; i++)
		json_object_array_add(answers, TAKE(p.all[i].answer));
	return answers;
}
