/*
 * The command table: a command is one file that describes itself, its line in
 * list.h, and a run() that finds everything it needs in the context.
 *
 *   static const struct option_spec options[] = {
 *           OPT_FLAG('n', "dry-run", struct sync_opts, dry_run, "plan only, send nothing"),
 *           OPT_END
 *   };
 *   const struct cmd cmd_sync = {
 *           .name = "sync", .synopsis = "[-n]", .summary = "exchange changes with Google Calendar",
 *           .options = options, .opts_size = sizeof(struct sync_opts),
 *           .needs = NEEDS_STORE, .run = run_sync,
 *   };
 *
 * Grammar  options (global ones and, once it is named, the command's) and arguments in any order;
 *          `--name VALUE`, `--name=VALUE`, `-nVALUE`, `-n VALUE`, flags cluster (`-qv`); `--` ends
 *          the options; names are never abbreviated; of a repeated single option the last counts.
 * Errors   A wrong command line is ERR_USAGE: one line on stderr, exit status 2.
 */
#ifndef CMD_CMD_H
#define CMD_CMD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/config.h"
#include "base/err.h"
#include "base/strbuf.h"
#include "base/term.h"

/* --- options ----------------------------------------------------------------------------- */

enum option_type {
	OPTION_END,
	OPTION_FLAG,    /* bool */
	OPTION_COUNT,   /* int: how often it was given */
	OPTION_STRING,  /* const char *, borrowed from argv; NULL = not given */
	OPTION_STRINGS, /* struct string_list, in the order given */
	OPTION_CHOICE,  /* const char *: one of `arg`'s words; NULL = not given */
	OPTION_INT,     /* struct int_value, checked against min and max */
};

struct string_list {
	const char **items; /* the list is freed with the context, the strings are argv's */
	size_t count;
};

struct int_value {
	bool given;
	int64_t n;
};

struct option_spec {
	enum option_type type;
	char short_name;       /* 0 = none */
	const char *long_name; /* without the dashes */
	size_t offset;         /* of its field in the command's option struct */
	/* What help calls the value; CHOICE: the words, "a|b|c". For completion the names ACCOUNT,
	 * CALENDAR, EVENT, FILE and ZONE are understood. */
	const char *arg;
	const char *help; /* one line, lower case, no full stop */
	int64_t min, max; /* INT */
};

/* The offset, and a compile-time complaint when the field is of another type. */
#define OPT_FIELD_(S, f, T) (offsetof(S, f) + 0 * sizeof((T *)0 == &((S *)0)->f))

#define OPT_FLAG(s, l, S, f, h)                                          \
	{                                                                \
		OPTION_FLAG, s, l, OPT_FIELD_(S, f, bool), NULL, h, 0, 0 \
	}
#define OPT_COUNT(s, l, S, f, h)                                         \
	{                                                                \
		OPTION_COUNT, s, l, OPT_FIELD_(S, f, int), NULL, h, 0, 0 \
	}
#define OPT_STRING(s, l, S, f, a, h)                                            \
	{                                                                       \
		OPTION_STRING, s, l, OPT_FIELD_(S, f, const char *), a, h, 0, 0 \
	}
#define OPT_CHOICE(s, l, S, f, a, h)                                            \
	{                                                                       \
		OPTION_CHOICE, s, l, OPT_FIELD_(S, f, const char *), a, h, 0, 0 \
	}
#define OPT_STRINGS(s, l, S, f, a, h)                                                  \
	{                                                                              \
		OPTION_STRINGS, s, l, OPT_FIELD_(S, f, struct string_list), a, h, 0, 0 \
	}
#define OPT_INT(s, l, S, f, a, lo, hi, h)                                          \
	{                                                                          \
		OPTION_INT, s, l, OPT_FIELD_(S, f, struct int_value), a, h, lo, hi \
	}
#define OPT_END                                          \
	{                                                \
		OPTION_END, 0, NULL, 0, NULL, NULL, 0, 0 \
	}

/* --- commands ---------------------------------------------------------------------------- */

enum cmd_needs {
	NEEDS_CONFIG = 1 << 0,         /* cx->config (all of the below bring it too) */
	NEEDS_STORE = 1 << 1,          /* cx->store; no file yet: ERR_NOT_CONNECTED */
	NEEDS_STORE_CREATE = 1 << 2,   /* cx->store, made when missing */
	NEEDS_STORE_OPTIONAL = 1 << 3, /* cx->store, NULL when there is no file yet */
};

enum cmd_flags {
	CMD_HIDDEN = 1 << 0,  /* internal: in no list */
	CMD_DEFAULT = 1 << 1, /* what its parent does when no subcommand is named */
	/* What Google takes no login of is shown as it was: cmd_open() tells of such accounts. */
	CMD_TELLS_DEAD = 1 << 2,
};

struct cmd_context;

struct cmd {
	const char *name;
	const char *parent;   /* name of its group; NULL = top level */
	const char *synopsis; /* what follows the name: "[-n] CALENDAR..."; NULL = nothing */
	const char *summary;  /* one line, lower case, no full stop */
	const char *help; /* paragraphs below the options, each line ending in \n; NULL = none */
	const struct option_spec *options; /* NULL = none */
	size_t opts_size;                  /* of the struct behind cx->opts */
	unsigned needs;
	unsigned flags;
	int min_args, max_args; /* max_args -1: any number */
	const char *arg; /* what an argument is, for messages and completion: "EVENT", "a|b", ... */
	/*
	 * Do it. Returns the exit status (0..8), or -1 with err filled: main then prints the
	 * message on stderr and, under --json, the failure object on stdout unless JSON was printed
	 * already, and exits with err's status. NULL: a group that has only subcommands.
	 */
	int (*run)(struct cmd_context *cx, struct err *err);
};

/* All of them, in the order of list.h; ends with NULL. */
extern const struct cmd *const cmd_table[];
/* parent NULL = a top-level command; NULL when there is none of this name */
const struct cmd *cmd_find(const char *parent, const char *name);
const struct cmd *cmd_default_of(const struct cmd *group);
bool cmd_is_group(const struct cmd *c);
/* The visible command of that parent whose name is nearest to word, NULL when none is near. */
const struct cmd *cmd_nearest(const char *parent, const char *word);
/* How many letters differ between two names, neighbours that changed places counting one. SIZE_MAX:
 * too long to be looked at. */
size_t cmd_distance(const char *a, const char *b);

/* --- one run ----------------------------------------------------------------------------- */

struct global_options {
	const char *db, *config, *account, *color; /* NULL = not given */
	bool json, quiet, help, version;
	int verbose;
};
extern const struct option_spec global_options[];

struct cmd_context {
	const struct cmd *cmd;   /* the command to run; NULL = none named */
	const struct cmd *group; /* the group named before it; NULL = none */
	struct global_options global;
	void *opts;  /* the command's option struct, zeroed before parsing */
	int argc;    /* arguments without options */
	char **argv; /* ends with NULL */

	struct clock *clock;
	struct config *config; /* per .needs */
	struct store *store;   /* per .needs */
	enum term_color color;
	bool json_printed; /* a whole JSON answer is out: main adds none */

	/* Made on first use, by context.h; not for use by commands. */
	struct secret_box *box;
	struct transport *transport;
};

/* Fill cmd, group, global, opts, argc and argv from the command line (argv[0] is skipped). Checks
 * the number of arguments unless help or version is asked for. */
int cmd_parse(struct cmd_context *cx, int argc, char **argv, struct err *err);

/* Open what cx->cmd needs. */
int cmd_open(struct cmd_context *cx, struct err *err);
void cmd_context_release(struct cmd_context *cx);

/* The text of --help: of a command, a group, or (both NULL) of the program. */
void cmd_help(const struct cmd *c, struct strbuf *out);
/* "calsync event add" */
void cmd_full_name(const struct cmd *c, struct strbuf *out);

#endif
