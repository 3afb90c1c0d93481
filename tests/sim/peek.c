#include "peek.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "base/strbuf.h"
#include "base/xalloc.h"
#include "hashset.h"

#include "base/banned.h"

#define TABLES_MAX 32

struct peek {
	sqlite3 *db;
	sqlite3_stmt *rows, *history, *conflicts;
	sqlite3_stmt *tables[TABLES_MAX];
	char *names[TABLES_MAX];
	size_t table_count;
	int64_t history_seen;
};

static void must(const struct peek *p, int rc, const char *what)
{
	if (rc == SQLITE_OK || rc == SQLITE_ROW || rc == SQLITE_DONE)
		return;
	fprintf(stderr, "sim: %s: %s\n", what, sqlite3_errmsg(p->db));
	abort();
}

static sqlite3_stmt *prepare(const struct peek *p, const char *sql)
{
	sqlite3_stmt *st = NULL;

	must(p, sqlite3_prepare_v3(p->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &st, NULL), sql);
	return st;
}

struct peek *peek_open(const char *path)
{
	struct peek *p = xcalloc(1, sizeof(*p));
	sqlite3_stmt *names;

	must(p, sqlite3_open_v2(path, &p->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL),
	     path);
	sqlite3_exec(p->db, "PRAGMA foreign_keys = OFF; PRAGMA synchronous = OFF", NULL, NULL,
		     NULL);
	p->rows = prepare(
		p, "SELECT e.event_row, e.calendar_id, e.id, e.etag, e.resource, e.base,"
		   " e.at_google, e.hidden, e.sync_status, o.op, o.state, e.last_error, o.move_from"
		   " FROM event e LEFT JOIN outbox o ON o.event_row = e.event_row"
		   " ORDER BY e.event_row");
	p->history = prepare(p, "SELECT history_id, resource FROM history WHERE history_id > ?"
				" ORDER BY history_id");
	p->conflicts = prepare(p, "SELECT base, local, remote FROM conflict");
	names = prepare(p, "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name");
	while (sqlite3_step(names) == SQLITE_ROW && p->table_count < TABLES_MAX)
		p->names[p->table_count++] = xstrdup((const char *)sqlite3_column_text(names, 0));
	sqlite3_finalize(names);
	return p;
}

void peek_close(struct peek *p)
{
	if (!p)
		return;
	sqlite3_finalize(p->rows);
	sqlite3_finalize(p->history);
	sqlite3_finalize(p->conflicts);
	for (size_t i = 0; i < p->table_count; i++) {
		sqlite3_finalize(p->tables[i]);
		free(p->names[i]);
	}
	sqlite3_close(p->db);
	free(p);
}

/* --- rows -------------------------------------------------------------------------------- */

static char *text(sqlite3_stmt *st, int col)
{
	return xstrdup_null((const char *)sqlite3_column_text(st, col));
}

static struct json_object *parse(const char *s)
{
	struct json_object *out = NULL;
	struct err err;

	if (s && json_parse(s, strlen(s), &out, &err)) {
		fprintf(stderr, "sim: a store holds what is no JSON: %s\n", err.msg);
		abort();
	}
	return out;
}

static struct json_object *json(sqlite3_stmt *st, int col)
{
	return parse((const char *)sqlite3_column_text(st, col));
}

void peek_parse(struct peek_row *row)
{
	if (!row->resource)
		row->resource = parse(row->text);
	if (!row->base)
		row->base = parse(row->base_text);
}

void peek_parsed(struct peek *p, struct peek_rows *out)
{
	peek_rows(p, out);
	for (size_t i = 0; i < out->count; i++)
		peek_parse(&out->list[i]);
}

void peek_rows(struct peek *p, struct peek_rows *out)
{
	sqlite3_stmt *st = p->rows;
	int rc;

	*out = (struct peek_rows){0};
	while ((rc = sqlite3_step(st)) == SQLITE_ROW) {
		if (!(out->count & (out->count + 1)))
			out->list =
				xreallocarray(out->list, 2 * out->count + 1, sizeof(*out->list));
		out->list[out->count++] = (struct peek_row){
			.row = sqlite3_column_int64(st, 0),
			.calendar = sqlite3_column_int64(st, 1),
			.id = text(st, 2),
			.etag = text(st, 3),
			.text = text(st, 4),
			.base_text = text(st, 5),
			.at_google = sqlite3_column_int(st, 6),
			.hidden = sqlite3_column_int(st, 7),
			.sync_status = text(st, 8),
			.op = text(st, 9),
			.state = text(st, 10),
			.last_error = text(st, 11),
			.move_from = sqlite3_column_int64(st, 12),
		};
	}
	must(p, rc, "rows");
	sqlite3_reset(st);
}

void peek_rows_release(struct peek_rows *r)
{
	for (size_t i = 0; i < r->count; i++) {
		struct peek_row *row = &r->list[i];

		free(row->id);
		free(row->etag);
		free(row->text);
		free(row->base_text);
		json_object_put(row->resource);
		json_object_put(row->base);
		free(row->sync_status);
		free(row->op);
		free(row->state);
		free(row->last_error);
	}
	free(r->list);
	*r = (struct peek_rows){0};
}

/* --- the log ----------------------------------------------------------------------------- */

void peek_log(struct peek *p, void (*fn)(void *arg, const struct json_object *version), void *arg)
{
	int rc;

	sqlite3_bind_int64(p->history, 1, p->history_seen);
	while ((rc = sqlite3_step(p->history)) == SQLITE_ROW) {
		AUTO(json_object_put) struct json_object *version = json(p->history, 1);

		p->history_seen = sqlite3_column_int64(p->history, 0);
		if (version)
			fn(arg, version);
	}
	must(p, rc, "history");
	sqlite3_reset(p->history);
	while ((rc = sqlite3_step(p->conflicts)) == SQLITE_ROW)
		for (int i = 0; i < 3; i++) {
			AUTO(json_object_put) struct json_object *version = json(p->conflicts, i);

			if (version)
				fn(arg, version);
		}
	must(p, rc, "conflict");
	sqlite3_reset(p->conflicts);
}

void peek_wipe(struct peek *p)
{
	AUTO(strbuf_release) struct strbuf sql = STRBUF_INIT;

	strbuf_adds(&sql, "BEGIN IMMEDIATE;");
	for (size_t i = 0; i < p->table_count; i++)
		if (strcmp(p->names[i], "meta") != 0)
			strbuf_addf(&sql, "DELETE FROM \"%s\";", p->names[i]);
	strbuf_adds(&sql, "COMMIT");
	must(p, sqlite3_exec(p->db, sql.buf, NULL, NULL, NULL), "wipe");
	p->history_seen = 0;
}

/* --- digests ----------------------------------------------------------------------------- */

static uint64_t hash_value(uint64_t h, sqlite3_stmt *st, int col)
{
	const unsigned char *data = sqlite3_column_blob(st, col);
	int len = sqlite3_column_bytes(st, col);

	h = (h ^ (unsigned)sqlite3_column_type(st, col)) * 0x100000001b3ULL;
	for (int i = 0; i < len; i++)
		h = (h ^ data[i]) * 0x100000001b3ULL;
	return h;
}

/* "calendar sync_token": what a sync that finds nothing may write. */
static bool is_idle_column(const char *table, const char *column)
{
	static const char *const idle[][2] = {
		{"account", "last_sync_ms"},  {"account", "list_sync_token"},
		{"account", "last_error"},    {"account", "token_expires_ms"},
		{"account", "not_before_ms"}, {"calendar", "sync_token"},
		{"calendar", "last_sync_ms"}, {"secret", "sealed"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(idle); i++)
		if (!strcmp(idle[i][0], table) && !strcmp(idle[i][1], column))
			return true;
	return false;
}

/* The record of the run, and of the quota that its requests cost. */
static bool is_idle_table(const char *table)
{
	return !strcmp(table, "run") || !strcmp(table, "rate") || !strcmp(table, "sqlite_sequence");
}

static uint64_t hash_table(struct peek *p, size_t i, bool idle)
{
	uint64_t h = hash_texts(p->names[i], "", "");
	sqlite3_stmt *st;
	int rc, cols;

	if (idle && is_idle_table(p->names[i]))
		return h;
	if (!p->tables[i]) {
		AUTO(free) char *sql = xasprintf("SELECT * FROM \"%s\"", p->names[i]);

		p->tables[i] = prepare(p, sql);
	}
	st = p->tables[i];
	cols = sqlite3_column_count(st);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW)
		for (int c = 0; c < cols; c++)
			if (!idle || !is_idle_column(p->names[i], sqlite3_column_name(st, c)))
				h = hash_value(h, st, c);
	must(p, rc, p->names[i]);
	sqlite3_reset(st);
	return h;
}

static uint64_t digest(struct peek *p, bool idle)
{
	uint64_t h = 1;

	for (size_t i = 0; i < p->table_count; i++)
		h = (h ^ hash_table(p, i, idle)) * 0x100000001b3ULL;
	return h;
}

uint64_t peek_digest(struct peek *p)
{
	return digest(p, false);
}

uint64_t peek_digest_idle(struct peek *p)
{
	return digest(p, true);
}
