/*
 * W  What a sync replaces or deletes stays in the event's log: each unit of each row that was there
 *    before it is there after it, or in the log of that store. Checked after every sync, also
 *    after one that died.
 */
#include <string.h>

#include "base/xalloc.h"
#include "world.h"

#include "base/banned.h"

static void take_version(void *arg, const struct json_object *version)
{
	struct side *s = arg;

	ledger_logged(s->world->ledger, s->index, version);
}

void watch_log(struct side *s)
{
	peek_log(s->peek, take_version, s);
}

static bool is_cancelled(const struct json_object *version)
{
	const char *status = json_str(version, "status");

	return status && !strcmp(status, "cancelled");
}

/* What Google told of an event that was cancelled there, where nobody here edits it: the log has
 * what it was before, if it was here. */
static bool is_tombstone(const struct peek_row *row)
{
	return is_cancelled(row->resource) &&
	       (!row->op || !strcmp(row->op, "delete") || is_cancelled(row->base));
}

/* Each version once: most rows stay as they are. */
static void note_held(struct side *s, struct peek_rows *rows)
{
	for (size_t i = 0; i < rows->count; i++) {
		uint64_t h = hash_texts(rows->list[i].text, "", "");

		if (hashset_has(&s->seen, h))
			continue;
		hashset_add(&s->seen, h);
		peek_parse(&rows->list[i]);
		if (!is_tombstone(&rows->list[i]))
			ledger_held(s->world->ledger, rows->list[i].resource);
	}
}

void watch_begin(struct side *s, struct watch *w)
{
	peek_rows(s->peek, &w->before);
	note_held(s, &w->before);
}

/* The row as it is now; when it is gone, one of another calendar that the event has moved to. */
static struct peek_row *find_again(const struct peek_rows *rows, const struct peek_row *was)
{
	struct peek_row *moved = NULL;

	for (size_t i = 0; i < rows->count; i++) {
		if (rows->list[i].row == was->row)
			return &rows->list[i];
		if (!strcmp(rows->list[i].id, was->id))
			moved = &rows->list[i];
	}
	return moved;
}

/* An occurrence whose row went is as its series says. */
static struct peek_row *series_of(const struct peek_rows *rows, struct peek_row *was)
{
	const char *series;

	peek_parse(was);
	series = json_str(was->resource, "recurringEventId");
	for (size_t i = 0; series && i < rows->count; i++)
		if (rows->list[i].calendar == was->calendar && !rows->list[i].hidden &&
		    !strcmp(rows->list[i].id, series))
			return &rows->list[i];
	return NULL;
}

/* series: what says of the occurrence now what there is to say, when its row is gone; may be
 * NULL */
static void compare(struct side *s, struct peek_row *was, struct peek_row *is,
		    struct peek_row *series)
{
	AUTO(units_release) struct units before = {0};
	AUTO(units_release) struct units after = {0};
	AUTO(free) char *mark = NULL;

	if (is && !strcmp(was->text, is->text))
		return;
	peek_parse(was);
	if (is)
		peek_parse(is);
	if (is_tombstone(was))
		return;
	mark = event_mark(was->resource);
	if (!mark)
		return;
	units_read(was->resource, &before);
	if (series)
		peek_parse(series);
	if (is || series)
		units_read((is ? is : series)->resource, &after);
	for (size_t i = 0; i < before.count; i++) {
		const struct unit *u = &before.list[i];

		if (!strcmp(units_get(&after, u->name), u->value) ||
		    !strcmp(u->name, "conference") ||
		    ledger_has_logged(s->world->ledger, s->index, mark, u->name, u->value) ||
		    ledger_has_logged_apart(s->world->ledger, s->index, mark, u->name, u->value))
			continue;
		world_break(s->world, "W what a sync replaces is in the log",
			    "store %d, event %s (%s): %s '%s' %s", s->index + 1, mark, was->id,
			    u->name, u->value, is ? "was replaced" : "went with its row");
	}
}

void watch_end(struct side *s, struct watch *w)
{
	AUTO(peek_rows_release) struct peek_rows after = {0};

	watch_log(s);
	peek_rows(s->peek, &after);
	note_held(s, &after);
	for (size_t i = 0; i < w->before.count; i++) {
		struct peek_row *was = &w->before.list[i];
		struct peek_row *is = find_again(&after, was);

		compare(s, was, is, is ? NULL : series_of(&after, was));
	}
	peek_rows_release(&w->before);
}
