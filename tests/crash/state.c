#include "state.h"

#include <ftw.h>
#include <string.h>
#include <sys/stat.h>

#include "base/xalloc.h"
#include "store.h"

#include "base/banned.h"

#define SHOW_MAX   12  /* lines of a difference */
#define SHOW_WIDTH 200 /* bytes of each */
#define ID_MIN     5   /* Google's shortest */

struct state {
	struct json_object *ids; /* id -> title */
	struct json_object *lines;
	char *const *except; /* texts of lines that are left out; NULL at the end, or NULL */
};

static void add_line(struct state *s, struct strbuf *line)
{
	bool wanted = true;

	for (char *const *text = s->except; text && *text; text++)
		wanted &= !strstr(line->buf, *text);
	if (wanted)
		json_object_array_add(s->lines, json_object_new_string(line->buf));
	strbuf_reset(line);
}

/* --- the same text for the same thing ------------------------------------------------------ */

/* Every id in it becomes "<title>". */
static void add_text(const struct state *s, const char *text, struct strbuf *out)
{
	while (*text) {
		/* An id ends at '_' (of an occurrence), '@' (of a UID) and whatever an id cannot hold. */
		size_t n = strspn(text, "0123456789abcdefghijklmnopqrstuvwxyz");
		AUTO(free) char *word = xstrndup(text, n);
		const char *title = n < ID_MIN ? NULL : json_str(s->ids, word);

		if (title)
			strbuf_addf(out, "<%s>", title);
		else
			strbuf_adds(out, word);
		text += n;
		if (*text)
			strbuf_addc(out, *text++);
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool is_volatile(const char *key)
{
	static const char *const keys[] = {"etag", "updated", "created", "htmlLink", "requestId"};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(key, keys[i]))
			return true;
	return false;
}

static void add_json(const struct state *s, struct json_object *value, struct strbuf *out);

static void add_object(const struct state *s, struct json_object *value, struct strbuf *out)
{
	size_t n = 0, count = (size_t)json_object_object_length(value);
	AUTO(free) const char **keys = xcalloc(count + 1, sizeof(*keys));

	json_object_object_foreach (value, key, member) {
		(void)member;
		if (!is_volatile(key))
			keys[n++] = key;
	}
	qsort((void *)keys, n, sizeof(*keys), by_text);
	strbuf_addc(out, '{');
	for (size_t i = 0; i < n; i++) {
		strbuf_addf(out, "%s%s: ", i ? ", " : "", keys[i]);
		add_json(s, json_get(value, keys[i]), out);
	}
	strbuf_addc(out, '}');
}

static void add_json(const struct state *s, struct json_object *value, struct strbuf *out)
{
	switch (json_object_get_type(value)) {
	case json_type_object:
		add_object(s, value, out);
		return;
	case json_type_array:
		strbuf_addc(out, '[');
		for (size_t i = 0; i < json_object_array_length(value); i++) {
			if (i)
				strbuf_adds(out, ", ");
			add_json(s, json_object_array_get_idx(value, i), out);
		}
		strbuf_addc(out, ']');
		return;
	case json_type_string:
		strbuf_addc(out, '"');
		add_text(s, json_object_get_string(value), out);
		strbuf_addc(out, '"');
		return;
	default:
		strbuf_adds(out, json_text(value));
	}
}

/* --- Google -------------------------------------------------------------------------------- */

typedef void event_fn(struct state *s, const char *account, const char *calendar,
		      struct json_object *event);

static void each_event(struct state *s, const struct json_object *google, event_fn *fn)
{
	struct json_object *accounts = json_get(google, "accounts");

	for (size_t i = 0; i < json_object_array_length(accounts); i++) {
		struct json_object *a = json_object_array_get_idx(accounts, i);
		struct json_object *calendars = json_get(a, "calendars");

		for (size_t k = 0; k < json_object_array_length(calendars); k++) {
			struct json_object *c = json_object_array_get_idx(calendars, k);
			struct json_object *events = json_get(c, "events");

			for (size_t m = 0; m < json_object_array_length(events); m++)
				fn(s, json_str(a, "email"), json_str(c, "id"),
				   json_object_array_get_idx(events, m));
		}
	}
}

/* Occurrences have their series' id in theirs: that one is replaced. */
static void learn(struct state *s, const char *id, const char *title)
{
	if (id && title && strlen(id) >= ID_MIN && !strchr(id, '_') && !json_has(s->ids, id))
		json_set_str(s->ids, id, title);
}

static void learn_event(struct state *s, const char *account, const char *calendar,
			struct json_object *event)
{
	(void)account, (void)calendar;
	learn(s, json_str(event, "id"), json_str(event, "summary"));
}

static void google_event(struct state *s, const char *account, const char *calendar,
			 struct json_object *event)
{
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;

	strbuf_addf(&line, "google %s %s ", account, calendar);
	add_json(s, event, &line);
	add_line(s, &line);
}

static int google_log(struct world *w, struct state *s, const char *log, struct err *err)
{
	AUTO(json_object_put) struct json_object *list = NULL;
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;

	if (google_control(&w->google, "GET", log, NULL, &list, err))
		return -1;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *item = json_object_array_get_idx(list, i);

		json_del(item, "n");
		strbuf_addf(&line, "%s ", log);
		add_json(s, item, &line);
		add_line(s, &line);
	}
	return 0;
}

/* --- the store ----------------------------------------------------------------------------- */

static int learn_rows(struct state *s, sqlite3 *db, struct err *err)
{
	AUTO(sqlite3_finalize) sqlite3_stmt *st = NULL;

	if (store_prepare(db,
			  "SELECT id, summary FROM event UNION ALL"
			  " SELECT event_id, resource ->> 'summary' FROM history UNION ALL"
			  " SELECT value, 'key' FROM meta WHERE key = 'key_id'",
			  &st, err))
		return -1;
	while (sqlite3_step(st) == SQLITE_ROW)
		learn(s, (const char *)sqlite3_column_text(st, 0),
		      (const char *)sqlite3_column_text(st, 1));
	return 0;
}

static bool ends(const char *text, const char *end)
{
	size_t n = strlen(text), m = strlen(end);

	return n >= m && !strcmp(text + n - m, end);
}

/* Columns that name a row of another table, and what that row is called instead. */
static const struct {
	const char *column, *sql;
} references[] = {
	{"account_id", "SELECT name FROM account WHERE account_id = ?"},
	{"calendar_id", "SELECT google_id FROM calendar WHERE calendar_id = ?"},
	{"event_row", "SELECT id FROM event WHERE event_row = ?"},
};

static int add_reference(struct state *s, sqlite3 *db, const char *sql, sqlite3_int64 number,
			 struct strbuf *line, struct err *err)
{
	AUTO(sqlite3_finalize) sqlite3_stmt *st = NULL;

	if (store_prepare(db, sql, &st, err))
		return -1;
	sqlite3_bind_int64(st, 1, number);
	if (sqlite3_step(st) == SQLITE_ROW)
		add_text(s, (const char *)sqlite3_column_text(st, 0), line);
	else
		strbuf_adds(line, "none");
	return 0;
}

static void add_value(struct state *s, sqlite3_stmt *st, int col, struct strbuf *line)
{
	const char *name = sqlite3_column_name(st, col);
	const char *text = (const char *)sqlite3_column_text(st, col);
	AUTO(json_object_put) struct json_object *json = NULL;
	struct err ignored;

	if (sqlite3_column_type(st, col) == SQLITE_NULL)
		strbuf_adds(line, "NULL");
	else if (ends(name, "_ms"))
		strbuf_adds(line, sqlite3_column_int64(st, col) ? "set" : "0");
	else if (ends(name, "token") || !strcmp(name, "etag") || !strcmp(name, "sealed"))
		strbuf_adds(line, "set");
	else if (*text == '{' && !json_parse(text, strlen(text), &json, &ignored))
		add_json(s, json, line);
	else
		add_text(s, text, line);
}

/* The number of a row itself; how often something was tried, or by which pull it was seen. */
static bool is_uncompared(const char *table, const char *column)
{
	AUTO(free) char *own = xasprintf("%s_id", table);
	AUTO(free) char *own_row = xasprintf("%s_row", table);

	return !strcmp(column, own) || !strcmp(column, own_row) || !strcmp(column, "generation") ||
	       !strcmp(column, "attempts");
}

/* What a key and a store are known by: each run that makes one makes another one. */
static bool is_identity(const char *table, sqlite3_stmt *st, int col)
{
	const char *key;

	if (strcmp(table, "meta") != 0 || strcmp(sqlite3_column_name(st, col), "value") != 0)
		return false;
	key = (const char *)sqlite3_column_text(st, 0);
	return !strcmp(key, "key_check") || !strcmp(key, "store_id");
}

static int add_row(struct state *s, sqlite3 *db, const char *table, sqlite3_stmt *st,
		   struct err *err)
{
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;

	strbuf_addf(&line, "store %s", table);
	for (int i = 0; i < sqlite3_column_count(st); i++) {
		const char *name = sqlite3_column_name(st, i);
		const char *sql = NULL;

		if (is_uncompared(table, name))
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(references); k++)
			if (!strcmp(name, references[k].column))
				sql = references[k].sql;
		strbuf_addf(&line, " %s=", name);
		if (is_identity(table, st, i))
			strbuf_adds(&line,
				    sqlite3_column_type(st, i) == SQLITE_NULL ? "NULL" : "set");
		else if (!sql)
			add_value(s, st, i, &line);
		else if (add_reference(s, db, sql, sqlite3_column_int64(st, i), &line, err))
			return -1;
	}
	add_line(s, &line);
	return 0;
}

static int add_table(struct state *s, sqlite3 *db, const char *table, struct err *err)
{
	AUTO(free) char *sql = xasprintf("SELECT * FROM \"%s\"", table);
	AUTO(sqlite3_finalize) sqlite3_stmt *st = NULL;

	if (store_prepare(db, sql, &st, err))
		return -1;
	while (sqlite3_step(st) == SQLITE_ROW)
		if (add_row(s, db, table, st, err))
			return -1;
	return 0;
}

static int add_store(struct state *s, sqlite3 *db, struct err *err)
{
	AUTO(sqlite3_finalize) sqlite3_stmt *st = NULL;

	if (store_prepare(db,
			  "SELECT name FROM sqlite_schema WHERE type = 'table'"
			  " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
			  " AND name NOT IN ('run', 'rate')",
			  &st, err))
		return -1;
	while (sqlite3_step(st) == SQLITE_ROW)
		if (add_table(s, db, (const char *)sqlite3_column_text(st, 0), err))
			return -1;
	return 0;
}

/* --- files --------------------------------------------------------------------------------- */

static struct state *walk_state; /* nftw() has no argument for its callback */
static size_t walk_skip;

static int walk_file(const char *path, const struct stat *st, int kind, struct FTW *place)
{
	AUTO(strbuf_release) struct strbuf line = STRBUF_INIT;

	(void)kind, (void)place;
	/* Processes that end at the same time may leave both to the next one. */
	if (ends(path, ".db-wal") || ends(path, ".db-shm"))
		return 0;
	strbuf_adds(&line, "file ");
	add_text(walk_state, path + walk_skip, &line);
	strbuf_addf(&line, " %o", (unsigned int)st->st_mode);
	add_line(walk_state, &line);
	return 0;
}

static int add_files(struct state *s, const char *home, struct err *err)
{
	int rc;

	walk_state = s;
	walk_skip = strlen(home);
	rc = nftw(home, walk_file, 16, FTW_PHYS);
	walk_state = NULL;
	return rc ? err_set(err, ERR_FAILED, "cannot walk through '%s'", home) : 0;
}

/* --- all of it ----------------------------------------------------------------------------- */

static int by_line(const void *a, const void *b)
{
	return strcmp(json_object_get_string(*(struct json_object *const *)a),
		      json_object_get_string(*(struct json_object *const *)b));
}

int state_take(struct world *w, char *const *except, struct json_object **out, struct err *err)
{
	AUTO(json_object_put) struct json_object *google = google_state(&w->google);
	AUTO(json_object_put) struct json_object *ids = json_object_new_object();
	AUTO(json_object_put) struct json_object *lines = json_object_new_array();
	AUTO(sqlite3_close) sqlite3 *db = NULL;
	struct state s = {.ids = ids, .lines = lines, .except = except};

	if (store_peek(w, &db, err))
		return -1;
	each_event(&s, google, learn_event);
	if (db && learn_rows(&s, db, err))
		return -1;
	each_event(&s, google, google_event);
	if (google_log(w, &s, "mail", err) || google_log(w, &s, "violations", err) ||
	    (db && add_store(&s, db, err)) || add_files(&s, w->home, err))
		return -1;
	json_object_array_sort(lines, by_line);
	*out = TAKE(lines);
	return 0;
}

/* The line from shortly before it differs from the other one, if they are alike at all. */
static void show(const char *sign, const char *line, const char *other, struct strbuf *out)
{
	size_t same = 0;

	while (other && line[same] && line[same] == other[same])
		same++;
	if (same < SHOW_WIDTH / 2)
		strbuf_addf(out, "%s %.*s\n", sign, SHOW_WIDTH, line);
	else
		strbuf_addf(out, "%s %.60s ... %.*s\n", sign, line, SHOW_WIDTH,
			    line + same - SHOW_WIDTH / 4);
}

static const char *line_at(const struct json_object *lines, size_t i)
{
	return json_object_get_string(json_object_array_get_idx(lines, i));
}

/* The first line in a sorted list that is not before text. */
static size_t position(const struct json_object *lines, const char *text)
{
	size_t i = 0;

	while (line_at(lines, i) && strcmp(line_at(lines, i), text) < 0)
		i++;
	return i;
}

/* Of the other list's lines around where this one would stand, the one that is more like it. */
static const char *likest(const struct json_object *lines, const char *text)
{
	size_t at = position(lines, text), best = 0;
	const char *found = NULL;

	for (size_t i = at ? at - 1 : 0; i <= at; i++) {
		const char *line = line_at(lines, i);
		size_t same = 0;

		while (line && line[same] && line[same] == text[same])
			same++;
		if (same > best) {
			best = same;
			found = line;
		}
	}
	return found;
}

bool state_differs(const struct json_object *want, const struct json_object *got,
		   struct strbuf *out)
{
	size_t i = 0, k = 0, shown = 0;

	while (line_at(want, i) || line_at(got, k)) {
		const char *a = line_at(want, i), *b = line_at(got, k);
		int order = !a ? 1 : !b ? -1 : strcmp(a, b);

		if (order && shown++ < SHOW_MAX)
			show(order < 0 ? "-" : "+", order < 0 ? a : b,
			     order < 0 ? likest(got, a) : likest(want, b), out);
		i += order <= 0;
		k += order >= 0;
	}
	return shown > 0;
}

size_t state_count(struct world *w, const char *log)
{
	AUTO(json_object_put) struct json_object *list = NULL;
	struct err err;

	return google_control(&w->google, "GET", log, NULL, &list, &err)
		       ? 0
		       : json_object_array_length(list);
}

size_t state_writes(struct world *w)
{
	AUTO(json_object_put) struct json_object *list = NULL;
	struct err err;
	size_t n = 0;

	if (google_control(&w->google, "GET", "requests", NULL, &list, &err))
		return SIZE_MAX;
	for (size_t i = 0; i < json_object_array_length(list); i++)
		n += strcmp(json_str(json_object_array_get_idx(list, i), "method"), "GET") != 0;
	return n;
}
