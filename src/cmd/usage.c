/* The text of --help, from the tables alone. */
#include "cmd/cmd.h"

#include <string.h>

#include "base/banned.h"

#define HELP_COLUMN 28

static void add_option(const struct option_spec *o, struct strbuf *out)
{
	AUTO(strbuf_release) struct strbuf left = STRBUF_INIT;

	if (o->short_name)
		strbuf_addf(&left, "  -%c, --%s", o->short_name, o->long_name);
	else
		strbuf_addf(&left, "      --%s", o->long_name);
	if (o->arg)
		strbuf_addf(&left, " %s", o->arg);
	strbuf_adds(out, left.buf);
	if (left.len + 2 > HELP_COLUMN)
		strbuf_addf(out, "\n%*s", HELP_COLUMN, "");
	else
		strbuf_addf(out, "%*s", (int)(HELP_COLUMN - left.len), "");
	strbuf_addf(out, "%s%s\n", o->help, o->type == OPTION_STRINGS ? " (may be repeated)" : "");
}

static void add_options(const char *title, const struct option_spec *list, struct strbuf *out)
{
	if (!list || list->type == OPTION_END)
		return;
	strbuf_addf(out, "\n%s:\n", title);
	for (const struct option_spec *o = list; o->type != OPTION_END; o++)
		add_option(o, out);
}

static void add_commands(const char *parent, struct strbuf *out)
{
	for (const struct cmd *const *c = cmd_table; *c; c++) {
		AUTO(strbuf_release) struct strbuf left = STRBUF_INIT;

		if (((*c)->flags & CMD_HIDDEN) || !(*c)->parent != !parent ||
		    (parent && strcmp((*c)->parent, parent)))
			continue;
		strbuf_addf(&left, "  %s", (*c)->name);
		strbuf_addf(out, "%-*s%s%s\n", 16, left.buf, (*c)->summary,
			    (*c)->flags & CMD_DEFAULT ? " (the default)" : "");
	}
}

static void help_program(struct strbuf *out)
{
	strbuf_adds(out, "Usage: calsync [OPTION]... COMMAND [ARGUMENT]...\n"
			 "Keep a local calendar and Google Calendar the same, in both "
			 "directions.\n\nCommands:\n");
	add_commands(NULL, out);
	add_options("Options (before or after the command)", global_options, out);
	strbuf_adds(out, "\n'calsync help COMMAND' tells more about one.\n"
			 "\nExit status: 0 done, 1 failed, 2 usage, 3 connect again, 4 network or "
			 "Google not\navailable, 5 not found, 6 conflicts wait, 7 done in part, "
			 "8 something changed\n(only with --exit-code).\n");
}

void cmd_help(const struct cmd *c, struct strbuf *out)
{
	if (!c) {
		help_program(out);
		return;
	}
	strbuf_adds(out, "Usage: ");
	cmd_full_name(c, out);
	if (cmd_is_group(c)) {
		strbuf_addf(out, "%s [OPTION]... [ARGUMENT]...\n%s\n\nCommands:\n",
			    cmd_default_of(c) ? " [COMMAND]" : " COMMAND", c->summary);
		add_commands(c->name, out);
	} else {
		strbuf_addf(out, "%s%s\n%s\n", c->synopsis ? " " : "",
			    c->synopsis ? c->synopsis : "", c->summary);
	}
	add_options("Options", c->options, out);
	if (c->help)
		strbuf_addf(out, "\n%s", c->help);
	add_options("Global options", global_options, out);
}
