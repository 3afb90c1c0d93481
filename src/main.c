/* Parse the command line, open what the command needs, run it, print the one error, exit. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/output.h"
#include "secret/secret.h"

static void apply_globals(struct cmd_context *cx)
{
	const struct global_options *g = &cx->global;

	log_set_level(g->quiet ? -1 : g->verbose);
	if (g->color && !strcmp(g->color, "always"))
		cx->color = TERM_ALWAYS;
	if (g->color && !strcmp(g->color, "never"))
		cx->color = TERM_NEVER;
}

static int dispatch(struct cmd_context *cx, int argc, char **argv, struct err *err)
{
	int parsed = cmd_parse(cx, argc, argv, err);

	apply_globals(cx);
	if (parsed)
		return -1;
	if (cx->global.help) {
		AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

		cmd_help(cx->cmd ? cx->cmd : cx->group, &text);
		out_printf("%s", text.buf);
		return 0;
	}
	if (cx->global.version)
		return cmd_find(NULL, "version")->run(cx, err);
	if (cmd_open(cx, err))
		return -1;
	return cx->cmd->run(cx, err);
}

/* What was not written is not done: a full disk or a closed pipe must not look like success. */
static int flush_stdout(int status)
{
	errno = 0;
	if (!fflush(stdout) && !ferror(stdout))
		return status;
	if (errno != EPIPE)
		log_error("output", "cannot write to standard output: %s",
			  errno ? strerror(errno) : "write error");
	return status ? status : 1;
}

int main(int argc, char **argv)
{
	struct cmd_context cx = {.clock = clock_system()};
	struct err err = {0};
	int status;

	/* Of every command: the environment and the configuration may hold a client secret, too. */
	secret_no_core_dumps();
	signal(SIGPIPE, SIG_IGN); /* a write error, seen in flush_stdout() */
	status = dispatch(&cx, argc, argv, &err);
	if (status < 0) {
		status = err_exit_status(err.code);
		if (cx.global.json && !cx.json_printed)
			out_json(&cx, json_failure(&err));
		log_error(cx.cmd ? cx.cmd->name : "main", "%s", err.msg);
	}
	status = flush_stdout(status);
	cmd_context_release(&cx);
	return status;
}
