#include "cmd/cmd.h"
#include "cmd/output.h"

static int run_help(struct cmd_context *cx, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct cmd *c = NULL;

	for (int i = 0; i < cx->argc; i++) {
		const struct cmd *sub = cmd_find(c ? c->name : NULL, cx->argv[i]);
		const struct cmd *near = cmd_nearest(c ? c->name : NULL, cx->argv[i]);

		if (!sub && near)
			return err_set(err, ERR_USAGE, "no command '%s'; did you mean '%s'?",
				       cx->argv[i], near->name);
		if (!sub)
			return err_set(err, ERR_USAGE, "no command '%s'; 'calsync help' lists them",
				       cx->argv[i]);
		c = sub;
	}
	cmd_help(c, &text);
	out_printf("%s", text.buf);
	return 0;
}

const struct cmd cmd_help_cmd = {
	.name = "help",
	.synopsis = "[COMMAND [SUBCOMMAND]]",
	.summary = "explain a command",
	.max_args = 2,
	.arg = "COMMAND",
	.run = run_help,
};
