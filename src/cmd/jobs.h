/*
 * Many accounts, several at a time: each in a child process with a store and a transport of its own,
 * since no database handle may cross a fork. Whatever becomes of one does not stop the others. An
 * answer is JSON, as the command wants it.
 */
#ifndef CMD_JOBS_H
#define CMD_JOBS_H

#include "cmd/context.h"

#define JOBS_DEFAULT 4

struct jobs {
	size_t count;   /* of what there is to do: 0 .. count - 1 */
	size_t at_once; /* 1: one after the other, and no process is started */
	void *arg;      /* of all that is called */
	/* Do one; whatever happens is in the answer. In a child what it changes of arg is lost. */
	struct json_object *(*run)(struct cmd_context *cx, size_t i, void *arg);
	/* The answer of one that could not be done at all. */
	struct json_object *(*failed)(size_t i, const struct err *why, void *arg);
	/* Before one is begun. -1: it is not, and has failed. NULL = all are. */
	int (*admit)(size_t i, void *arg, struct err *err);
	/* One that was begun has ended; its answer borrowed. NULL = nobody wants to know. */
	void (*over)(size_t i, const struct json_object *answer, void *arg);
};

/* Returns an array of the answers, in order. Closes cx->store when processes are started. */
struct json_object *jobs_run(struct cmd_context *cx, const struct jobs *jobs);

#endif
