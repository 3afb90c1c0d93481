/* The command line, from left to right: options of the program and of the command, command words,
 * arguments. The grammar is in cmd.h. */
#include "cmd/cmd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "base/banned.h"

const struct option_spec global_options[] = {
	OPT_STRING(0, "db", struct global_options, db, "FILE", "the store to work on"),
	OPT_STRING(0, "config", struct global_options, config, "FILE", "the configuration file"),
	OPT_STRING('a', "account", struct global_options, account, "ACCOUNT",
		   "the account to work on"),
	OPT_FLAG(0, "json", struct global_options, json, "print JSON on standard output"),
	OPT_FLAG('q', "quiet", struct global_options, quiet, "print errors only"),
	OPT_COUNT('v', "verbose", struct global_options, verbose,
		  "say more on standard error (repeat for debug lines)"),
	OPT_CHOICE(0, "color", struct global_options, color, "auto|always|never",
		   "colour in tables"),
	OPT_FLAG('h', "help", struct global_options, help, "print this help and exit"),
	OPT_FLAG(0, "version", struct global_options, version, "print the version and exit"),
	OPT_END,
};

struct words {
	int argc;
	char **argv;
	int next;
};

static const struct option_spec *find_option(const struct option_spec *list, const char *name,
					     size_t len, char short_name)
{
	for (const struct option_spec *o = list; o && o->type != OPTION_END; o++)
		if (name ? strlen(o->long_name) == len && !strncmp(o->long_name, name, len)
			 : o->short_name == short_name)
			return o;
	return NULL;
}

static bool takes_value(const struct option_spec *o)
{
	return o->type != OPTION_FLAG && o->type != OPTION_COUNT;
}

static bool is_choice(const char *choices, const char *value)
{
	size_t len = strlen(value);

	for (const char *p = choices; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL)
		if (len && strcspn(p, "|") == len && !strncmp(p, value, len))
			return true;
	return false;
}

static int store_int(const struct option_spec *o, const char *value, struct int_value *out,
		     struct err *err)
{
	char *end;
	long long n;

	errno = 0;
	n = strtoll(value, &end, 10);
	if (end == value || *end || errno == EINVAL)
		return err_set(err, ERR_USAGE, "--%s takes a whole number, not '%s'", o->long_name,
			       value);
	if (errno || n < o->min || n > o->max)
		return err_set(err, ERR_USAGE,
			       "--%s takes a number from %" PRId64 " to %" PRId64 ", not '%s'",
			       o->long_name, o->min, o->max, value);
	out->given = true;
	out->n = n;
	return 0;
}

static int store_option(const struct option_spec *o, void *base, const char *value, struct err *err)
{
	void *field = (char *)base + o->offset;

	switch (o->type) {
	case OPTION_FLAG:
		*(bool *)field = true;
		break;
	case OPTION_COUNT:
		++*(int *)field;
		break;
	case OPTION_CHOICE:
		if (!value || !is_choice(o->arg, value))
			return err_set(err, ERR_USAGE, "--%s takes one of %s, not '%s'",
				       o->long_name, o->arg, value);
		*(const char **)field = value;
		break;
	case OPTION_STRING:
		*(const char **)field = value;
		break;
	case OPTION_STRINGS: {
		struct string_list *l = field;

		l->items = xreallocarray(l->items, l->count + 1, sizeof(*l->items));
		l->items[l->count++] = value;
		break;
	}
	case OPTION_INT:
		return store_int(o, value, field, err);
	case OPTION_END:
		break;
	}
	return 0;
}

static void choose(struct cmd_context *cx, const struct cmd *c)
{
	cx->cmd = c;
	cx->opts = xcalloc(1, c->opts_size ? c->opts_size : 1);
}

/* The option and the struct it belongs to. An option that only a group's default command knows
 * chooses that command. Behind a command its own option comes before a global one of the same name:
 * `event add --color grape`; the global --color then stands before the command. */
static const struct option_spec *lookup(struct cmd_context *cx, const char *name, size_t len,
					char short_name, void **out_base)
{
	const struct option_spec *o;
	const struct cmd *c = cx->cmd;

	o = c ? find_option(c->options, name, len, short_name) : NULL;
	*out_base = cx->opts;
	if (o)
		return o;
	o = find_option(global_options, name, len, short_name);
	*out_base = &cx->global;
	if (o || c || !cx->group)
		return o;
	c = cmd_default_of(cx->group);
	o = c ? find_option(c->options, name, len, short_name) : NULL;
	if (o)
		choose(cx, c);
	*out_base = cx->opts;
	return o;
}

static int unknown_option(const struct cmd_context *cx, const char *word, size_t len,
			  struct err *err)
{
	AUTO(strbuf_release) struct strbuf name = STRBUF_INIT;

	if (!cx->cmd && !cx->group)
		return err_set(err, ERR_USAGE,
			       "unknown option '%.*s' (options of a command stand after its name)",
			       (int)len, word);
	cmd_full_name(cx->cmd ? cx->cmd : cx->group, &name);
	return err_set(err, ERR_USAGE, "unknown option '%.*s' (see '%s --help')", (int)len, word,
		       name.buf);
}

static int parse_long(struct cmd_context *cx, struct words *w, const char *word, struct err *err)
{
	size_t len = strcspn(word + 2, "=");
	const char *value = word[2 + len] ? word + 2 + len + 1 : NULL;
	void *base;
	const struct option_spec *o = lookup(cx, word + 2, len, 0, &base);

	if (!o)
		return unknown_option(cx, word, len + 2, err);
	if (!takes_value(o) && value)
		return err_set(err, ERR_USAGE, "--%s takes no value", o->long_name);
	if (takes_value(o) && !value) {
		if (w->next == w->argc)
			return err_set(err, ERR_USAGE, "--%s needs a value (%s)", o->long_name,
				       o->arg);
		value = w->argv[w->next++];
	}
	return store_option(o, base, value, err);
}

static int parse_short(struct cmd_context *cx, struct words *w, const char *word, struct err *err)
{
	for (const char *p = word + 1; *p; p++) {
		void *base;
		const struct option_spec *o = lookup(cx, NULL, 0, *p, &base);
		const char *value = NULL;

		if (!o) {
			char name[] = {'-', *p, 0};

			return *p & 0x80 ? unknown_option(cx, word, strlen(word), err)
					 : unknown_option(cx, name, 2, err);
		}
		if (takes_value(o)) {
			if (p[1])
				value = p + 1;
			else if (w->next < w->argc)
				value = w->argv[w->next++];
			else
				return err_set(err, ERR_USAGE, "-%c needs a value (%s)", *p,
					       o->arg);
		}
		if (store_option(o, base, value, err))
			return -1;
		if (value)
			break;
	}
	return 0;
}

static int unknown_command(const struct cmd_context *cx, const char *word, struct err *err)
{
	const char *parent = cx->group ? cx->group->name : NULL;
	const struct cmd *near = cmd_nearest(parent, word);
	AUTO(strbuf_release) struct strbuf full = STRBUF_INIT;

	if (parent)
		strbuf_addf(&full, "%s ", parent);
	strbuf_adds(&full, word);
	if (near)
		return err_set(err, ERR_USAGE, "unknown command '%s'; did you mean '%s%s%s'?",
			       full.buf, parent ? parent : "", parent ? " " : "", near->name);
	return err_set(err, ERR_USAGE, "unknown command '%s'; 'calsync help%s%s' lists them",
		       full.buf, parent ? " " : "", parent ? parent : "");
}

/* A word that is no option: the command, its subcommand, or an argument. */
static int parse_word(struct cmd_context *cx, char *word, bool after_dashes, struct err *err)
{
	const struct cmd *c;

	if (!cx->cmd && !after_dashes) {
		c = cmd_find(cx->group ? cx->group->name : NULL, word);
		if (c && cmd_is_group(c)) {
			cx->group = c;
			return 0;
		}
		if (c) {
			choose(cx, c);
			return 0;
		}
	}
	if (!cx->cmd && cx->group) {
		c = cmd_default_of(cx->group);
		if (c && c->max_args)
			choose(cx, c);
	}
	if (!cx->cmd)
		return unknown_command(cx, word, err);
	cx->argv = xreallocarray(cx->argv, (size_t)cx->argc + 2, sizeof(*cx->argv));
	cx->argv[cx->argc++] = word;
	cx->argv[cx->argc] = NULL;
	return 0;
}

static int check_count(const struct cmd_context *cx, struct err *err)
{
	const struct cmd *c = cx->cmd;
	AUTO(strbuf_release) struct strbuf name = STRBUF_INIT;

	cmd_full_name(c, &name);
	if (c->max_args >= 0 && cx->argc > c->max_args)
		return err_set(err, ERR_USAGE, "unexpected argument '%s' (see '%s --help')",
			       cx->argv[c->max_args], name.buf);
	if (cx->argc < c->min_args)
		return err_set(err, ERR_USAGE, "'%s' needs %s%s (see '%s --help')", name.buf,
			       c->arg ? c->arg : "an argument", c->min_args > 1 ? " ..." : "",
			       name.buf);
	return 0;
}

static int check_complete(struct cmd_context *cx, struct err *err)
{
	if (!cx->cmd && cx->group && cmd_default_of(cx->group))
		choose(cx, cmd_default_of(cx->group));
	if (!cx->cmd && cx->group)
		return err_set(err, ERR_USAGE,
			       "'calsync %s' needs a subcommand; 'calsync help %s' lists them",
			       cx->group->name, cx->group->name);
	if (!cx->cmd)
		return err_set(err, ERR_USAGE, "no command given; 'calsync help' lists them");
	return check_count(cx, err);
}

/* After an error the rest is not parsed, but scripts that asked for JSON still get it. */
static bool asks_for_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--json"))
			return true;
	return false;
}

int cmd_parse(struct cmd_context *cx, int argc, char **argv, struct err *err)
{
	struct words w = {.argc = argc, .argv = argv, .next = 1};
	bool after_dashes = false;

	cx->argv = xcalloc(1, sizeof(*cx->argv));
	for (int i = 1; i < argc; i++) {
		if (!utf8_valid(argv[i], strlen(argv[i]))) {
			cx->global.json = asks_for_json(argc, argv);
			return err_set(err, ERR_USAGE, "argument %d is no valid UTF-8 text", i);
		}
	}
	while (w.next < argc) {
		char *word = argv[w.next++];
		int r;

		/* What stands after __complete is a command line of its own. */
		if (cx->cmd && !strcmp(cx->cmd->name, "__complete"))
			after_dashes = true;
		if (!after_dashes && !strcmp(word, "--")) {
			after_dashes = true;
			continue;
		}
		if (!after_dashes && word[0] == '-' && word[1] == '-')
			r = parse_long(cx, &w, word, err);
		else if (!after_dashes && word[0] == '-' && word[1])
			r = parse_short(cx, &w, word, err);
		else
			r = parse_word(cx, word, after_dashes, err);
		if (r) {
			cx->global.json = asks_for_json(argc, argv);
			return -1;
		}
	}
	if (cx->global.help || cx->global.version)
		return 0;
	return check_complete(cx, err);
}
