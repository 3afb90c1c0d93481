/*
 * `calsync __complete WORD...`: what could stand in the place of the last word. The completion
 * scripts of all shells ask here, so that their words are those of the tables and of the store.
 *
 * Output  lines of "candidate TAB description"; the single line ":file" asks for file names
 */
#include "cmd/context.h"
#include "cmd/output.h"

#include <string.h>
#include <unistd.h>

#include "base/io.h"
#include "base/xalloc.h"
#include "base/banned.h"

#define ZONE_TABLE     "/usr/share/zoneinfo/tzdata.zi"
#define ZONE_TABLE_MAX (1 << 20)
#define EVENTS_MAX     200

struct completion {
	const struct cmd *group, *cmd;
	const struct option_spec *open; /* the option whose value comes next; NULL = none */
	bool after_dashes;
	struct cmd_context at; /* what --db, --config and -a say so far */
};

static void offer(const char *prefix, const char *lead, const char *word, const char *description)
{
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;

	if (strncmp(word, prefix, strlen(prefix)))
		return;
	strbuf_adds(&line, lead);
	term_add_clean(&line, word);
	if (description && *description) {
		strbuf_addc(&line, '\t');
		term_add_clean(&line, description);
	}
	out_printf("%s\n", line.buf);
}

/* --- what the words so far mean ---------------------------------------------------------- */

static const struct option_spec *by_name(const struct option_spec *list, const char *name,
					 size_t len)
{
	for (const struct option_spec *o = list; o && o->type != OPTION_END; o++)
		if (strlen(o->long_name) == len && !strncmp(o->long_name, name, len))
			return o;
	return NULL;
}

static const struct option_spec *by_letter(const struct option_spec *list, char letter)
{
	for (const struct option_spec *o = list; o && o->type != OPTION_END; o++)
		if (o->short_name == letter)
			return o;
	return NULL;
}

static const struct option_spec *command_options(const struct completion *c)
{
	const struct cmd *cmd = c->cmd ? c->cmd : c->group ? cmd_default_of(c->group) : NULL;

	return cmd ? cmd->options : NULL;
}

static bool takes_value(const struct option_spec *o)
{
	return o && o->type != OPTION_FLAG && o->type != OPTION_COUNT;
}

/* The three global options that decide which names there are. */
static void keep_value(struct completion *c, const struct option_spec *o, const char *value)
{
	if (by_name(global_options, o->long_name, strlen(o->long_name)) != o)
		return;
	if (!strcmp(o->long_name, "db"))
		c->at.global.db = value;
	if (!strcmp(o->long_name, "config"))
		c->at.global.config = value;
	if (!strcmp(o->long_name, "account"))
		c->at.global.account = value;
}

static const struct option_spec *long_option(const struct completion *c, const char *word)
{
	size_t len = strcspn(word + 2, "=");
	const struct option_spec *o = by_name(command_options(c), word + 2, len);

	return o ? o : by_name(global_options, word + 2, len);
}

static void take_option(struct completion *c, const char *word)
{
	const struct option_spec *o;

	if (word[1] == '-') {
		o = long_option(c, word);
		if (takes_value(o) && strchr(word, '='))
			keep_value(c, o, strchr(word, '=') + 1);
		else if (takes_value(o))
			c->open = o;
		return;
	}
	for (const char *p = word + 1; *p; p++) {
		o = by_letter(command_options(c), *p);
		if (!o)
			o = by_letter(global_options, *p);
		if (!takes_value(o))
			continue;
		if (p[1])
			keep_value(c, o, p + 1);
		else
			c->open = o;
		return;
	}
}

static void take_word(struct completion *c, const char *word)
{
	const struct cmd *found;

	if (c->open) {
		keep_value(c, c->open, word);
		c->open = NULL;
	} else if (!c->after_dashes && !strcmp(word, "--")) {
		c->after_dashes = true;
	} else if (!c->after_dashes && word[0] == '-' && word[1]) {
		take_option(c, word);
	} else if (!c->cmd) {
		found = cmd_find(c->group ? c->group->name : NULL, word);
		if (found && cmd_is_group(found))
			c->group = found;
		else if (found)
			c->cmd = found;
		else if (c->group)
			c->cmd = cmd_default_of(c->group);
	}
}

/* --- candidates from the store ----------------------------------------------------------- */

/* No store, no names: completion has no way to complain. */
static bool open_store(struct completion *c)
{
	struct err err;
	AUTO(free) char *path = NULL;

	if (c->at.store)
		return true;
	if (config_load(c->at.global.config, &c->at.config, &err))
		return false;
	path = config_db_path(c->at.config, c->at.global.db);
	return !access(path, F_OK) && !store_open(path, 0, &c->at.store, &err);
}

static void offer_accounts(struct completion *c, const char *prefix, const char *lead)
{
	AUTO(account_list_release) struct account_list l = {0};
	struct err err;

	if (!open_store(c) || store_account_list(c->at.store, &l, &err))
		return;
	for (size_t i = 0; i < l.count; i++)
		offer(prefix, lead, l.items[i].name, l.items[i].email);
}

static int64_t wished_account(struct completion *c)
{
	AUTO(account_release) struct account a = {0};
	const char *wish = cmd_account_wish(&c->at);
	struct err err;

	if (!wish || cmd_account_named(&c->at, wish, &a, &err))
		return 0;
	return a.id;
}

static void offer_calendars(struct completion *c, const char *prefix, const char *lead)
{
	AUTO(calendar_list_release) struct calendar_list l = {0};
	struct err err;

	if (!open_store(c) || store_calendar_list(c->at.store, wished_account(c), &l, &err))
		return;
	for (size_t i = 0; i < l.count; i++)
		if (!l.items[i].gone)
			offer(prefix, lead, l.items[i].google_id, l.items[i].summary);
}

static void offer_events(struct completion *c, const char *prefix, const char *lead)
{
	AUTO(event_list_release) struct event_list l = {0};
	struct event_query q = EVENT_QUERY_INIT;
	struct err err;

	if (!open_store(c))
		return;
	q.account_id = wished_account(c);
	q.id_prefix = *prefix ? prefix : NULL;
	q.limit = EVENTS_MAX;
	if (store_event_list(c->at.store, &q, &l, &err))
		return;
	for (size_t i = 0; i < l.count; i++)
		offer(prefix, lead, l.items[i].id, json_str(l.items[i].resource, "summary"));
}

/* --- others ------------------------------------------------------------------------------ */

/* "Z name ..." is a zone, "L target name" another name for one. */
static void offer_zones(const char *prefix, const char *lead)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err err;

	if (io_read_file(ZONE_TABLE, ZONE_TABLE_MAX, &text, &err))
		return;
	for (const char *line = text.buf, *next; *line; line = next) {
		const char *name = line + 2;

		next = line + strcspn(line, "\n");
		next += *next == '\n';
		if (strncmp(line, "Z ", 2) && strncmp(line, "L ", 2))
			continue;
		if (*line == 'L') {
			name += strcspn(name, " \n");
			name += *name == ' ';
		}
		AUTO(free) char *zone = xstrndup(name, strcspn(name, " \n"));
		offer(prefix, lead, zone, NULL);
	}
}

static void offer_choices(const char *choices, const char *prefix, const char *lead)
{
	for (const char *p = choices; p; p = strchr(p, '|') ? strchr(p, '|') + 1 : NULL) {
		AUTO(free) char *word = xstrndup(p, strcspn(p, "|"));

		offer(prefix, lead, word, NULL);
	}
}

static void offer_commands(const char *parent, const char *prefix)
{
	for (const struct cmd *const *c = cmd_table; *c; c++)
		if (!((*c)->flags & CMD_HIDDEN) &&
		    (parent ? (*c)->parent && !strcmp((*c)->parent, parent) : !(*c)->parent))
			offer(prefix, "", (*c)->name, (*c)->summary);
}

static void offer_kind(struct completion *c, const char *kind, const char *prefix, const char *lead)
{
	if (!kind)
		return;
	if (!strcmp(kind, "FILE"))
		out_printf(":file\n");
	else if (!strcmp(kind, "ACCOUNT"))
		offer_accounts(c, prefix, lead);
	else if (!strcmp(kind, "CALENDAR"))
		offer_calendars(c, prefix, lead);
	else if (!strcmp(kind, "EVENT") || !strcmp(kind, "ID"))
		offer_events(c, prefix, lead);
	else if (!strcmp(kind, "ZONE"))
		offer_zones(prefix, lead);
	else if (!strcmp(kind, "COMMAND"))
		offer_commands(NULL, prefix);
	else if (strchr(kind, '|'))
		offer_choices(kind, prefix, lead);
}

static void offer_value(struct completion *c, const struct option_spec *o, const char *prefix,
			const char *lead)
{
	if (o->type == OPTION_CHOICE)
		offer_choices(o->arg, prefix, lead);
	else
		offer_kind(c, o->arg, prefix, lead);
}

/* The command's first; a global one of the same name is hidden by it. */
static void offer_options(const struct option_spec *own, const char *prefix)
{
	for (const struct option_spec *o = own; o && o->type != OPTION_END; o++)
		offer(prefix, "--", o->long_name, o->help);
	for (const struct option_spec *o = global_options; o->type != OPTION_END; o++)
		if (!by_name(own, o->long_name, strlen(o->long_name)))
			offer(prefix, "--", o->long_name, o->help);
}

static void complete(struct completion *c, const char *word)
{
	if (c->open) {
		offer_value(c, c->open, word, "");
	} else if (!c->after_dashes && !strncmp(word, "--", 2) && strchr(word, '=')) {
		const struct option_spec *o = long_option(c, word);
		size_t len = strcspn(word, "=") + 1;
		AUTO(free) char *lead = xstrndup(word, len);

		if (takes_value(o))
			offer_value(c, o, word + len, lead);
	} else if (!c->after_dashes && word[0] == '-') {
		offer_options(command_options(c), word[1] ? word + 2 : "");
	} else if (!c->cmd) {
		offer_commands(c->group ? c->group->name : NULL, word);
	} else {
		offer_kind(c, c->cmd->arg, word, "");
	}
}

static int run_complete(struct cmd_context *cx, struct err *err)
{
	struct completion c = {.at = {.clock = cx->clock}};

	(void)err;
	for (int i = 0; i + 1 < cx->argc; i++)
		take_word(&c, cx->argv[i]);
	complete(&c, cx->argc ? cx->argv[cx->argc - 1] : "");
	cmd_context_release(&c.at);
	return 0;
}

const struct cmd cmd_complete = {
	.name = "__complete",
	.synopsis = "[WORD]...",
	.summary = "print what could complete a command line",
	.flags = CMD_HIDDEN,
	.max_args = -1,
	.run = run_complete,
};
