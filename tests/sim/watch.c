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

void watch_begin(struct side *s, struct watch *w)
{
	peek_rows(s->peek, &w->before);
	for (size_t i = 0; i < w->before.count; i++)
		ledger_held(s->world->ledger, w->before.list[i].resource);
}

static const struct peek_row *by_row(const struct peek_rows *rows, int64_t row)
{
	for (size_t i = 0; i < rows->count; i++)
		if (rows->list[i].row == row)
			return &rows->list[i];
	return NULL;
}

static void compare(struct side *s, const struct peek_row *was, const struct peek_row *is)
{
	AUTO(free) char *mark = event_mark(was->resource);
	AUTO(units_release) struct units before = {0};
	AUTO(units_release) struct units after = {0};

	if (!mark || (is && json_equal(was->resource, is->resource)))
		return;
	units_read(was->resource, &before);
	if (is)
		units_read(is->resource, &after);
	for (size_t i = 0; i < before.count; i++) {
		const struct unit *u = &before.list[i];

		if ((is && !strcmp(units_get(&after, u->name), u->value)) ||
		    !strcmp(u->name, "conference") ||
		    ledger_has_logged(s->world->ledger, s->index, mark, u->name, u->value))
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
	for (size_t i = 0; i < after.count; i++)
		ledger_held(s->world->ledger, after.list[i].resource);
	for (size_t i = 0; i < w->before.count; i++)
		compare(s, &w->before.list[i], by_row(&after, w->before.list[i].row));
	peek_rows_release(&w->before);
}
