/* Both sides of a calendar, field by field, as they are. */
#include <string.h>

#include "base/xalloc.h"
#include "state.h"
#include "store.h"

#include "base/banned.h"

/* A cancelled occurrence is sure to carry these only. */
static struct json_object *what_counts(struct json_object *event)
{
	static const char *const keys[] = {"id", "status", "recurringEventId", "originalStartTime"};
	const char *status = json_str(event, "status");
	struct json_object *out;

	if (!status || strcmp(status, "cancelled") != 0)
		return json_object_get(event);
	out = json_object_new_object();
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		json_set(out, keys[i], json_clone(json_get(event, keys[i])));
	return out;
}

/* What Google lists of a calendar, by id. */
static int list_google(struct world *w, const char *account, const char *calendar,
		       struct json_object **out, struct err *err)
{
	AUTO(json_object_put) struct json_object *all = json_object_new_object();
	AUTO(strbuf_release) struct strbuf base = STRBUF_INIT;
	AUTO(free) char *token = NULL;

	strbuf_adds(&base, "calendars/");
	strbuf_add_urlencoded(&base, calendar);
	strbuf_adds(&base, "/events?maxResults=2500");
	do {
		AUTO(json_object_put) struct json_object *page = NULL;
		AUTO(strbuf_release) struct strbuf path = STRBUF_INIT;
		struct json_object *items;

		strbuf_adds(&path, base.buf);
		if (token) {
			strbuf_adds(&path, "&pageToken=");
			strbuf_add_urlencoded(&path, token);
		}
		if (google_call_as(&w->google, account, "GET", path.buf, NULL, &page, err))
			return -1;
		items = json_get(page, "items");
		for (size_t i = 0; i < json_object_array_length(items); i++) {
			struct json_object *item = json_object_array_get_idx(items, i);

			json_set(all, json_str(item, "id"), json_object_get(item));
		}
		xstr_set(&token, json_str(page, "nextPageToken"));
	} while (token);
	*out = TAKE(all);
	return 0;
}

/* A cancelled occurrence of a series that is gone tells nothing. */
static bool is_orphan(const struct json_object *event, const struct json_object *all)
{
	const char *status = json_str(event, "status");
	const char *series = json_str(event, "recurringEventId");

	return status && !strcmp(status, "cancelled") && (!series || !json_has(all, series));
}

static int compare_rows(sqlite3_stmt *st, struct json_object *google, struct err *err)
{
	while (sqlite3_step(st) == SQLITE_ROW) {
		const char *id = (const char *)sqlite3_column_text(st, 0);
		const char *text = (const char *)sqlite3_column_text(st, 1);
		AUTO(json_object_put) struct json_object *resource = NULL;
		AUTO(json_object_put) struct json_object *here = NULL;
		AUTO(json_object_put) struct json_object *there = NULL;

		if (json_parse(text, strlen(text), &resource, err))
			return -1;
		if (!json_has(google, id))
			return err_set(err, ERR_FAILED, "only here: %s", text);
		here = what_counts(resource);
		there = what_counts(json_get(google, id));
		if (!json_equal(here, there))
			return err_set(err, ERR_FAILED, "the sides differ: %s / %s", text,
				       json_text(there));
		json_del(google, id);
	}
	return 0;
}

static int compare_calendar(struct world *w, sqlite3 *db, sqlite3_int64 calendar_id,
			    const char *account, const char *calendar, struct err *err)
{
	AUTO(json_object_put) struct json_object *google = NULL;
	AUTO(sqlite3_finalize) sqlite3_stmt *st = NULL;

	if (list_google(w, account, calendar, &google, err) ||
	    store_prepare(db, "SELECT id, resource FROM event WHERE calendar_id = ?", &st, err))
		return -1;
	json_object_object_foreach (google, id, event) {
		(void)id;
		if (is_orphan(event, google))
			json_set(event, "orphan", json_object_new_boolean(1));
	}
	sqlite3_bind_int64(st, 1, calendar_id);
	if (compare_rows(st, google, err))
		return -1;
	json_object_object_foreach (google, left, item) {
		(void)left;
		if (!json_has(item, "orphan"))
			return err_set(err, ERR_FAILED, "only at Google: %s", json_text(item));
	}
	return 0;
}

int state_sides(struct world *w, struct err *err)
{
	AUTO(sqlite3_close) sqlite3 *db = NULL;
	AUTO(sqlite3_finalize) sqlite3_stmt *st = NULL;

	if (store_peek(w, &db, err))
		return -1;
	if (!db)
		return err_set(err, ERR_FAILED, "there is no store");
	if (store_prepare(db,
			  "SELECT calendar_id, email, google_id FROM calendar"
			  " JOIN account USING (account_id) WHERE selected = 1 AND gone = 0",
			  &st, err))
		return -1;
	while (sqlite3_step(st) == SQLITE_ROW)
		if (compare_calendar(w, db, sqlite3_column_int64(st, 0),
				     (const char *)sqlite3_column_text(st, 1),
				     (const char *)sqlite3_column_text(st, 2), err))
			return -1;
	return 0;
}

/* --- titles -------------------------------------------------------------------------------- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static char *join_sorted(char **titles, size_t count)
{
	struct strbuf out = STRBUF_INIT;

	if (count)
		qsort((void *)titles, count, sizeof(*titles), by_text);
	for (size_t i = 0; i < count; i++)
		strbuf_addf(&out, "%s%s", i ? ", " : "", titles[i]);
	return strbuf_detach(&out);
}

static char *sort_list(const char *text)
{
	AUTO(free) char *copy = xstrdup(text);
	AUTO(free) char **titles = NULL;
	size_t n = 0;

	for (char *rest = copy, *title; (title = strsep(&rest, ","));) {
		titles = xreallocarray((void *)titles, n + 1, sizeof(*titles));
		titles[n] = title + strspn(title, " ");
		n += *titles[n] != '\0';
	}
	return join_sorted(titles, n);
}

int state_there(struct world *w, const char *titles, struct err *err)
{
	AUTO(json_object_put) struct json_object *google = NULL;
	AUTO(free) char *want = sort_list(titles);
	AUTO(free) char **have = NULL;
	AUTO(free) char *got = NULL;
	size_t n = 0;

	if (list_google(w, "user1@example.com", "user1@example.com", &google, err))
		return -1;
	have = xcalloc((size_t)json_object_object_length(google) + 1, sizeof(*have));
	json_object_object_foreach (google, id, event) {
		(void)id;
		if (json_str(event, "summary"))
			have[n++] = (char *)json_str(event, "summary");
	}
	got = join_sorted(have, n);
	if (strcmp(want, got) != 0)
		return err_set(err, ERR_FAILED, "at Google is '%s', not '%s'", got, want);
	return 0;
}
