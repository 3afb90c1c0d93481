#include "scenario.h"

#include <ctype.h>
#include <stdint.h>
#include <string.h>

#include "base/io.h"
#include "base/xalloc.h"

#include "base/banned.h"

#define FILE_MAX (1 << 20)
#define DOUBLES  30 /* unless a scenario says otherwise */

struct reader {
	struct scenarios *out;
	const char *path;
	int line;
	bool open; /* a scenario has begun */
};

/* The one being read: the list moves as it grows. */
static struct scenario *current(struct reader *r)
{
	return &r->out->list[r->out->count - 1];
}

static int wrong(const struct reader *r, struct err *err, const char *what)
{
	return err_set(err, ERR_INVALID, "%s:%d: %s", r->path, r->line, what);
}

static struct statement *add_statement(struct reader *r, enum verb verb, const char *account,
				       const char *text)
{
	struct scenario *s = current(r);
	struct statement *st;

	s->list = xreallocarray(s->list, s->count + 1, sizeof(*s->list));
	st = &s->list[s->count++];
	memset(st, 0, sizeof(*st));
	st->verb = verb;
	st->line = r->line;
	st->text = xstrdup(text);
	st->account = xstrdup_null(account);
	st->exits = EXIT_BIT(0);
	return st;
}

/* --- statements ---------------------------------------------------------------------------- */

typedef int take_fn(struct reader *r, const char *text, struct err *err);

static int take_run(struct reader *r, const char *text, struct err *err)
{
	(void)err;
	add_statement(r, VERB_RUN, NULL, text);
	return 0;
}

static int take_kill(struct reader *r, const char *text, struct err *err)
{
	struct scenario *s = current(r);

	(void)err;
	if (s->prepared == SIZE_MAX)
		s->prepared = s->count;
	add_statement(r, VERB_KILL, NULL, text);
	return 0;
}

static int take_connect(struct reader *r, const char *text, struct err *err)
{
	char **words = words_split(text);
	const char *name = words[0] ? words[0] : "work";
	const char *email = words[0] && words[1] ? words[1] : "user1@example.com";
	AUTO(free) char *args = xasprintf("connect %s --refresh-token-stdin <%s", name, email);

	(void)err;
	add_statement(r, VERB_RUN, NULL, args);
	words_free(words);
	return 0;
}

static int take_event(struct reader *r, const char *text, struct err *err)
{
	(void)err;
	add_statement(r, VERB_EVENT, "user1@example.com", text);
	return 0;
}

static int take_google(struct reader *r, const char *text, struct err *err)
{
	(void)err;
	add_statement(r, VERB_GOOGLE, "user1@example.com", text);
	return 0;
}

static int take_google_as(struct reader *r, const char *text, struct err *err)
{
	const char *blank = strchr(text, ' ');
	AUTO(free) char *email = NULL;

	if (!blank)
		return wrong(r, err, "google-as wants EMAIL METHOD PATH");
	email = xstrndup(text, (size_t)(blank - text));
	add_statement(r, VERB_GOOGLE, email, blank + 1);
	return 0;
}

static int take_sandbox(struct reader *r, const char *text, struct err *err)
{
	(void)err;
	add_statement(r, VERB_SANDBOX, NULL, text);
	return 0;
}

static int take_store(struct reader *r, const char *text, struct err *err)
{
	(void)err;
	add_statement(r, VERB_STORE, NULL, text);
	return 0;
}

static int take_sql(struct reader *r, const char *text, struct err *err)
{
	(void)err;
	add_statement(r, VERB_SQL, NULL, text);
	return 0;
}

static int take_wait(struct reader *r, const char *text, struct err *err)
{
	(void)err;
	add_statement(r, VERB_WAIT, NULL, text);
	return 0;
}

/* The last run or kill. */
static struct statement *last_command(struct reader *r)
{
	struct scenario *s = current(r);
	struct statement *st = s->count ? &s->list[s->count - 1] : NULL;

	return st && (st->verb == VERB_KILL || st->verb == VERB_RUN) ? st : NULL;
}

static int take_done(struct reader *r, const char *text, struct err *err)
{
	struct statement *st = last_command(r);

	if (!st || st->verb != VERB_KILL)
		return wrong(r, err, "done comes after a kill");
	xstr_set(&st->done, text);
	return 0;
}

static int take_after(struct reader *r, const char *text, struct err *err)
{
	struct statement *st = last_command(r);

	if (!st || st->verb != VERB_KILL)
		return wrong(r, err, "after comes after a kill");
	xstr_set(&st->after, text);
	return 0;
}

static int take_number(struct reader *r, const char *text, long *out, struct err *err)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (!isdigit((unsigned char)*text) || *end)
		return wrong(r, err, "a number is missing");
	*out = n;
	return 0;
}

static int take_exits(struct reader *r, const char *text, uint32_t *out, struct err *err)
{
	char **words = words_split(text);
	uint32_t exits = 0;
	int rc = 0;

	for (char **p = words; *p && !rc; p++) {
		long n;

		rc = take_number(r, *p, &n, err);
		if (!rc && n > EXIT_MAX)
			rc = wrong(r, err, "no such exit status");
		if (!rc)
			exits |= EXIT_BIT(n);
	}
	words_free(words);
	if (!rc)
		*out = exits;
	return rc;
}

static int take_exit(struct reader *r, const char *text, struct err *err)
{
	struct statement *st = last_command(r);

	if (!st)
		return wrong(r, err, "exit comes after a run or kill");
	return take_exits(r, text, &st->exits, err);
}

static int take_final(struct reader *r, const char *text, struct err *err)
{
	(void)err;
	xstr_set(&current(r)->final, strcmp(text, "none") ? text : NULL);
	return 0;
}

static int take_final_exit(struct reader *r, const char *text, struct err *err)
{
	return take_exits(r, text, &current(r)->final_exits, err);
}

static int take_apart(struct reader *r, const char *text, struct err *err)
{
	(void)text, (void)err;
	current(r)->apart = true;
	return 0;
}

static int take_loose(struct reader *r, const char *text, struct err *err)
{
	(void)text, (void)err;
	current(r)->loose = true;
	return 0;
}

static int take_spread(struct reader *r, const char *text, struct err *err)
{
	return take_number(r, text, &current(r)->spread, err);
}

static int take_doubles(struct reader *r, const char *text, struct err *err)
{
	if (!strcmp(text, "all")) {
		current(r)->doubles = DOUBLES_ALL;
		return 0;
	}
	return take_number(r, text, &current(r)->doubles, err);
}

static void add_text(char ***list, const char *text)
{
	size_t n = 0;

	while (*list && (*list)[n])
		n++;
	*list = xreallocarray((void *)*list, n + 2, sizeof(**list));
	(*list)[n] = xstrdup(text);
	(*list)[n + 1] = NULL;
}

static int take_local(struct reader *r, const char *text, struct err *err)
{
	(void)err;
	add_text(&current(r)->local, text);
	return 0;
}

static int take_except(struct reader *r, const char *text, struct err *err)
{
	(void)err;
	add_text(&current(r)->except, text);
	return 0;
}

static int take_there(struct reader *r, const char *text, struct err *err)
{
	(void)err;
	xstr_set(&current(r)->there, text);
	return 0;
}

static int take_mails(struct reader *r, const char *text, struct err *err)
{
	return take_number(r, text, &current(r)->mails, err);
}

static int take_line(struct reader *r, char *line, struct err *err);

static int take_repeat(struct reader *r, const char *text, struct err *err)
{
	const char *rest = strchr(text, ' ');
	AUTO(free) char *number = NULL;
	long n;

	if (!rest)
		return wrong(r, err, "repeat wants N STATEMENT");
	number = xstrndup(text, (size_t)(rest - text));
	if (take_number(r, number, &n, err))
		return -1;
	for (long i = 1; i <= n; i++) {
		AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;

		for (const char *p = rest + 1; *p; p++) {
			if (p[0] == '%' && p[1] == 'd') {
				strbuf_addf(&line, "%ld", i);
				p++;
			} else {
				strbuf_addc(&line, *p);
			}
		}
		if (take_line(r, line.buf, err))
			return -1;
	}
	return 0;
}

static int take_scenario(struct reader *r, const char *text, struct err *err)
{
	struct scenarios *out = r->out;

	if (!*text)
		return wrong(r, err, "a scenario needs a name");
	out->list = xreallocarray(out->list, out->count + 1, sizeof(*out->list));
	out->list[out->count++] = (struct scenario){
		.name = xstrdup(text),
		.prepared = SIZE_MAX,
		.final = xstrdup("sync"),
		.final_exits = EXIT_BIT(0),
		.doubles = DOUBLES,
		.mails = -1,
	};
	r->open = true;
	return 0;
}

/* --- lines --------------------------------------------------------------------------------- */

static const struct {
	const char *word;
	take_fn *take;
} words[] = {
	{"scenario", take_scenario},
	{"run", take_run},
	{"kill", take_kill},
	{"connect", take_connect},
	{"event", take_event},
	{"google", take_google},
	{"google-as", take_google_as},
	{"sandbox", take_sandbox},
	{"store", take_store},
	{"sql", take_sql},
	{"wait", take_wait},
	{"repeat", take_repeat},
	{"done", take_done},
	{"after", take_after},
	{"exit", take_exit},
	{"final", take_final},
	{"final-exit", take_final_exit},
	{"apart", take_apart},
	{"loose", take_loose},
	{"spread", take_spread},
	{"doubles", take_doubles},
	{"except", take_except},
	{"local", take_local},
	{"there", take_there},
	{"mails", take_mails},
};

static int take_line(struct reader *r, char *line, struct err *err)
{
	size_t n;

	line += strspn(line, " \t");
	for (size_t len = strlen(line); len && isspace((unsigned char)line[len - 1]); len--)
		line[len - 1] = '\0';
	if (!*line || *line == '#')
		return 0;
	n = strcspn(line, " \t");
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strlen(words[i].word) != n || strncmp(words[i].word, line, n) != 0)
			continue;
		if (!r->open && words[i].take != take_scenario)
			return wrong(r, err, "this belongs into a scenario");
		line += n;
		return words[i].take(r, line + strspn(line, " \t"), err);
	}
	return wrong(r, err, "unknown word");
}

static int check_scenario(const struct scenario *s, const char *path, struct err *err)
{
	if (s->prepared == SIZE_MAX)
		return err_set(err, ERR_INVALID, "%s: '%s': nothing is killed", path, s->name);
	return 0;
}

int scenarios_load(const char *path, struct scenarios *out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct reader r = {.out = out, .path = path};
	size_t first = out->count;

	if (io_read_file(path, FILE_MAX, &text, err))
		return -1;
	for (char *line = text.buf, *next; line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		r.line++;
		if (take_line(&r, line, err))
			return -1;
	}
	for (size_t i = first; i < out->count; i++)
		if (check_scenario(&out->list[i], path, err))
			return -1;
	return 0;
}

void scenario_release(struct scenario *s)
{
	for (size_t i = 0; i < s->count; i++) {
		free(s->list[i].text);
		free(s->list[i].account);
		free(s->list[i].done);
		free(s->list[i].after);
	}
	free(s->list);
	words_free(s->local);
	words_free(s->except);
	free(s->there);
	free(s->final);
	free(s->name);
}

void scenarios_release(struct scenarios *s)
{
	for (size_t i = 0; i < s->count; i++)
		scenario_release(&s->list[i]);
	free(s->list);
	memset(s, 0, sizeof(*s));
}

/* --- words --------------------------------------------------------------------------------- */

static const char *take_word(const char *p, struct strbuf *out)
{
	while (*p && !isspace((unsigned char)*p)) {
		char quote = *p;

		if (quote != '\'' && quote != '"') {
			strbuf_addc(out, *p++);
			continue;
		}
		for (p++; *p && *p != quote; p++)
			strbuf_addc(out, *p);
		p += *p == quote;
	}
	return p;
}

char **words_split(const char *text)
{
	char **list = xcalloc(1, sizeof(*list));
	size_t n = 0;

	for (;;) {
		struct strbuf word = STRBUF_INIT;

		text += strspn(text, " \t");
		if (!*text)
			return list;
		text = take_word(text, &word);
		list = xreallocarray(list, n + 2, sizeof(*list));
		list[n++] = strbuf_detach(&word);
		list[n] = NULL;
	}
}

void words_free(char **list)
{
	for (char **p = list; p && *p; p++)
		free(*p);
	free((void *)list);
}
