#include "base/config.h"

#include <ini.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/io.h"
#include "base/term.h"
#include "base/url.h"
#include "base/xalloc.h"

#include "base/banned.h"

#define HISTORY_DAYS     90
#define HISTORY_DAYS_MAX 36500

#define MAX_FILE (256 * 1024)
#define MAX_LINE 190 /* libinih cuts longer ones at its own limit of 200, without a word */

struct entry {
	char *key; /* "section.name" */
	char *value;
};

struct config {
	char *path;
	char *config_dir; /* ends in "calsync", or systemd's own; no slash */
	char *data_dir;
	char *home; /* NULL = not known */
	struct entry *entries;
	size_t count;
	const char *trouble; /* static: why on_pair() refused its first line; NULL = it did not */
};

void config_free(struct config *c)
{
	if (!c)
		return;
	for (size_t i = 0; i < c->count; i++) {
		if (c->entries[i].value)
			explicit_bzero(c->entries[i].value, strlen(c->entries[i].value));
		free(c->entries[i].key);
		free(c->entries[i].value);
	}
	free(c->entries);
	free(c->path);
	free(c->config_dir);
	free(c->data_dir);
	free(c->home);
	free(c);
}

static const char *env(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* XDG: a relative path there is to be ignored. */
static const char *env_path(const char *name)
{
	const char *value = env(name);

	return value && *value == '/' ? value : NULL;
}

/* systemd's directory variables list several, separated by colons; the first is ours. */
static char *env_systemd(const char *name)
{
	const char *value = env_path(name);

	return value ? xstrndup(value, strcspn(value, ":")) : NULL;
}

/* --- the file ---------------------------------------------------------------------------- */

const char *config_get(const struct config *c, const char *key)
{
	for (size_t i = 0; i < c->count; i++)
		if (!strcmp(c->entries[i].key, key))
			return c->entries[i].value;
	return NULL;
}

const char *config_key_at(const struct config *c, size_t i)
{
	return i < c->count ? c->entries[i].key : NULL;
}

/* inih: 0 = this line is refused. */
static int on_pair(void *arg, const char *section, const char *name, const char *value)
{
	struct config *c = arg;
	AUTO(free) char *key = xasprintf("%s.%s", section, name);
	const char *why;

	if (!*section)
		why = "a setting must stand below a [section]";
	else if (!*name)
		why = "this setting has no name";
	else if (config_get(c, key)) /* also an indented line: inih takes it for one more value */
		why = "this setting is there twice";
	else if (!*value)
		why = "this setting has no value; remove the line to unset it";
	else
		why = NULL;
	if (why) {
		if (!c->trouble)
			c->trouble = why;
		return 0;
	}
	c->entries = xreallocarray(c->entries, c->count + 1, sizeof(*c->entries));
	c->entries[c->count].key = TAKE(key);
	c->entries[c->count].value = xstrdup(value);
	c->count++;
	return 1;
}

/* What inih does not look at: its own line limit, bytes that are no text. */
static int check_text(const char *path, const struct strbuf *text, struct err *err)
{
	const char *at = text->buf, *end = text->buf + text->len;

	if (memchr(text->buf, '\0', text->len) || !utf8_valid(text->buf, text->len))
		return err_set(err, ERR_INVALID, "'%s' is no text file in UTF-8", path);
	for (int line = 1; at < end; line++) {
		const char *lf = memchr(at, '\n', (size_t)(end - at));

		if (!lf)
			lf = end;
		if (lf - at > MAX_LINE)
			return err_set(err, ERR_INVALID, "%s:%d: the line is longer than %d bytes",
				       path, line, MAX_LINE);
		at = lf + 1;
	}
	return 0;
}

/* inih names the first line it did not like, not whether it or on_pair() refused it. */
static bool is_pair(const char *text, int line)
{
	while (--line)
		text = strchr(text, '\n') + 1;
	text += strspn(text, " \t");
	return *text != '[' && strcspn(text, "=:") < strcspn(text, "\n");
}

static int parse(struct config *c, const struct strbuf *text, struct err *err)
{
	const char *why = "neither [section] nor key = value";
	int line;

	if (check_text(c->path, text, err))
		return -1;
	line = ini_parse_string(text->buf, on_pair, c);
	if (line > 0 && c->trouble && is_pair(text->buf, line))
		why = c->trouble;
	return line ? err_set(err, ERR_INVALID, "%s:%d: %s", c->path, line, why) : 0;
}

static int read_file(struct config *c, bool is_explicit, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	int rc = 0;

	if (io_read_file(c->path, MAX_FILE, &text, err)) {
		if (err->code == ERR_NOT_FOUND && !is_explicit)
			return 0;
		err->code = err->code == ERR_NOT_FOUND ? ERR_USAGE : ERR_INVALID;
		return err_wrap(err, "config file");
	}
	rc = parse(c, &text, err);
	explicit_bzero(text.buf, text.len); /* it may hold the client secret */
	return rc;
}

/* --- changes to the file ------------------------------------------------------------------ */

static void wipe_text(struct strbuf *sb)
{
	explicit_bzero(sb->buf, sb->len); /* it may hold the client secret */
	strbuf_release(sb);
}
DEFINE_AUTO_VALUE(struct strbuf, wipe_text)

/* Whether the line opens this section; *is_any: or any other. */
static bool opens(const char *line, const char *section, size_t len, bool *is_any)
{
	*is_any = *line == '[';
	return *is_any && !strncmp(line + 1, section, len) && line[len + 1] == ']';
}

static bool sets(const char *line, const char *name)
{
	size_t len = strlen(name);

	if (strncmp(line, name, len))
		return false;
	line += len + strspn(line + len, " \t");
	return *line == '=' || *line == ':';
}

/* The text with one setting changed: in its line, else in the first line of its section, else in a
 * section of its own at the end. */
static void edit_text(const char *text, const char *key, const char *value, struct strbuf *out)
{
	const char *name = strchr(key, '.') + 1;
	size_t section_len = (size_t)(name - 1 - key), after_section = 0;
	AUTO(free) char *line = value ? xasprintf("%s = %s\n", name, value) : xstrdup("");
	bool inside = false, done = false;

	for (const char *at = text; *at;) {
		size_t len = strcspn(at, "\n") + 1;
		bool is_any, is_this = opens(at, key, section_len, &is_any);

		if (!at[len - 1])
			len--;
		if (is_any)
			inside = is_this;
		if (inside && sets(at, name)) {
			strbuf_adds(out, line);
			done = true;
		} else {
			strbuf_add(out, at, len);
			if (out->buf[out->len - 1] != '\n')
				strbuf_addc(out, '\n');
		}
		if (is_this && !after_section)
			after_section = out->len;
		at += len;
	}
	if (done || !value)
		return;
	if (after_section) {
		AUTO(wipe_text) struct strbuf rest = STRBUF_INIT;

		strbuf_adds(&rest, out->buf + after_section);
		out->len = after_section;
		strbuf_adds(out, line);
		strbuf_adds(out, rest.buf);
	} else {
		strbuf_addf(out, "%s[%.*s]\n%s", out->len ? "\n" : "", (int)section_len, key, line);
	}
}

/* The new text says what the old one said, but for this setting. */
static bool differs_by(const struct config *old, const struct config *new, const char *key,
		       const char *value)
{
	const char *got = config_get(new, key);
	size_t others = 0;

	if (value ? !got || strcmp(got, value) : got != NULL)
		return false;
	for (size_t i = 0; i < old->count; i++) {
		const struct entry *e = &old->entries[i];

		if (!strcmp(e->key, key))
			continue;
		got = config_get(new, e->key);
		if (!got || strcmp(got, e->value))
			return false;
		others++;
	}
	return new->count == others + (value ? 1 : 0);
}

int config_set(const struct config *c, const char *key, const char *value, struct err *err)
{
	AUTO(config_free) struct config *old = xcalloc(1, sizeof(*old));
	AUTO(config_free) struct config *new = xcalloc(1, sizeof(*new));
	AUTO(wipe_text) struct strbuf text = STRBUF_INIT;
	AUTO(wipe_text) struct strbuf changed = STRBUF_INIT;
	AUTO(free) char *real = realpath(c->path, NULL); /* a link stays one */
	struct stat st = {.st_mode = 0600};
	struct err trouble;

	old->path = xstrdup(c->path);
	new->path = xstrdup(c->path);
	if (real && (stat(real, &st) || io_read_file(real, MAX_FILE, &text, err)))
		return err_set(err, ERR_FAILED, "cannot read '%s' to change it", c->path);
	if (parse(old, &text, err))
		return -1;
	strbuf_reserve(&changed, text.len + 512); /* no copy of it is left behind by growing */
	edit_text(text.buf, key, value, &changed);
	if (parse(new, &changed, &trouble) || !differs_by(old, new, key, value))
		return err_set(err, ERR_INVALID,
			       "'%s' cannot be set to '%s' in '%s' by a program; edit that file",
			       key, value ? value : "", c->path);
	if (!real && io_mkdir_parents(c->path, 0700, err))
		return -1;
	return io_write_file(real ? real : c->path, changed.buf, changed.len, st.st_mode & 0777,
			     err);
}

/* --- places ------------------------------------------------------------------------------ */

/* systemd's folder, else below the XDG one, else below home; NULL when nothing says. */
static char *find_dir(const char *systemd, const char *xdg, const char *home, const char *below)
{
	char *dir = env_systemd(systemd);

	if (dir)
		return dir;
	if (env_path(xdg))
		return xasprintf("%s/calsync", env_path(xdg));
	return home ? xasprintf("%s/%s/calsync", home, below) : NULL;
}

static int find_places(struct config *c, struct err *err)
{
	c->home = xstrdup_null(env_path("HOME"));
	c->config_dir = find_dir("CONFIGURATION_DIRECTORY", "XDG_CONFIG_HOME", c->home, ".config");
	c->data_dir = find_dir("STATE_DIRECTORY", "XDG_DATA_HOME", c->home, ".local/share");
	if (c->config_dir && c->data_dir)
		return 0;
	return err_set(
		err, ERR_USAGE,
		"HOME is not set, so there is no place for the calendar and its settings; set "
		"HOME, or XDG_CONFIG_HOME and XDG_DATA_HOME, to absolute paths");
}

static const char *named_file(const char *path)
{
	return path ? path : env("CALSYNC_CONFIG");
}

int config_load_places(const char *path, struct config **out, struct err *err)
{
	AUTO(config_free) struct config *c = xcalloc(1, sizeof(*c));
	const char *named = named_file(path);

	if (find_places(c, err))
		return -1;
	c->path = named ? xstrdup(named) : xasprintf("%s/config", c->config_dir);
	*out = TAKE(c);
	return 0;
}

int config_load(const char *path, struct config **out, struct err *err)
{
	AUTO(config_free) struct config *c = NULL;

	if (config_load_places(path, &c, err) || read_file(c, named_file(path) != NULL, err))
		return -1;
	*out = TAKE(c);
	return 0;
}

const char *config_path(const struct config *c)
{
	return c->path;
}

/* A value of the file: "~/" is the home folder there, as no shell sees it. */
static char *expand(const struct config *c, const char *path)
{
	if (c->home && !strncmp(path, "~/", 2))
		return xasprintf("%s%s", c->home, path + 1);
	return xstrdup(path);
}

char *config_db_path(const struct config *c, const char *option)
{
	const char *value = option ? option : env("CALSYNC_DB");

	if (value)
		return xstrdup(value);
	value = config_get(c, "store.path");
	return value ? expand(c, value) : xasprintf("%s/calsync.db", c->data_dir);
}

char *config_webhook_db_path(const struct config *c, const char *db_path)
{
	const char *value = env("CALSYNC_WEBHOOK_DB");

	if (value)
		return xstrdup(value);
	if (!c)
		return NULL;
	value = config_get(c, "webhook.database");
	return value ? expand(c, value) : xasprintf("%s-webhook", db_path);
}

char *config_key_path(const struct config *c)
{
	const char *value = config_get(c, "key.file");
	const char *xdg = env_path("XDG_CONFIG_HOME");

	if (value)
		return expand(c, value);
	/* Not systemd's configuration folder while there is another:
	 * services may not write there. */
	if (xdg)
		return xasprintf("%s/calsync/key", xdg);
	if (c->home)
		return xasprintf("%s/.config/calsync/key", c->home);
	return xasprintf("%s/key", c->config_dir);
}

/* --- Google ------------------------------------------------------------------------------ */

int config_google_base_url(const struct config *c, char **out, struct err *err)
{
	const char *name = "CALSYNC_GOOGLE_BASE_URL", *url = env(name);
	size_t n;

	if (!url) {
		name = "google.base_url";
		url = config_get(c, name);
	}
	if (!url) {
		*out = xstrdup("");
		return 0;
	}
	if (url_check_base(url, err)) {
		err->code = ERR_USAGE;
		return err_wrap(err, "%s", name);
	}
	n = strlen(url);
	*out = xstrndup(url, url[n - 1] == '/' ? n - 1 : n);
	return 0;
}

int config_history_days(const struct config *c, int *out, struct err *err)
{
	const char *text = config_get(c, "history.days");
	size_t digits = text ? strspn(text, "0123456789") : 0;

	*out = HISTORY_DAYS;
	if (!text)
		return 0;
	if (!digits || text[digits] || digits > 5 || strtol(text, NULL, 10) > HISTORY_DAYS_MAX)
		return err_set(err, ERR_USAGE,
			       "history.days in '%s' is '%s': it is a number of days from 0 (for "
			       "ever) to %d",
			       c->path, text, HISTORY_DAYS_MAX);
	*out = (int)strtol(text, NULL, 10);
	return 0;
}

const char *config_backend_url(const struct config *c)
{
	const char *value = env("BACKEND_URL");

	return value ? value : config_get(c, "webhook.backend_url");
}

const char *config_client_id(const struct config *c)
{
	const char *value = env("GOOGLE_CLIENT_ID");

	return value ? value : config_get(c, "google.client_id");
}

const char *config_client_secret(const struct config *c)
{
	const char *value = env("GOOGLE_CLIENT_SECRET");

	return value ? value : config_get(c, "google.client_secret");
}
