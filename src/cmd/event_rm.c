#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/xalloc.h"
#include "cmd/context.h"
#include "cmd/event_options.h"
#include "cmd/event_send.h"
#include "cmd/event_target.h"
#include "sync/local.h"
#include "sync/local_series.h"
#include "base/banned.h"

struct rm_options {
	struct send_options send;
	const char *occurrence, *scope;
};

static const struct option_spec options[] = {
	SCOPE_OPTIONS(struct rm_options, occurrence, scope),
	SEND_OPTIONS(struct rm_options, send),
	OPT_END,
};

struct targets {
	struct event_target *items;
	size_t count;
};

static void targets_release(struct targets *t)
{
	for (size_t i = 0; i < t->count; i++)
		event_target_release(&t->items[i]);
	free(t->items);
}
DEFINE_AUTO_VALUE(struct targets, targets_release)

static bool is_named_twice(const struct targets *all, const struct event_target *t)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct event_target *other = &all->items[i];

		if (other->event.rowid == t->event.rowid && other->named == t->named &&
		    (!t->named || !strcmp(other->at.id, t->at.id)))
			return true;
	}
	return false;
}

/* All ids are looked up first: a wrong one must not leave half of the work done. */
static int find_all(struct cmd_context *cx, const struct rm_options *o, struct targets *out,
		    struct err *err)
{
	if (cx->argc > 1 && o->occurrence)
		return err_set(err, ERR_USAGE, "--occurrence names one occurrence of one series");
	for (int i = 0; i < cx->argc; i++) {
		struct event_target t = {0};

		if (event_target_find(cx, cx->argv[i], o->occurrence, o->scope, &t, err))
			return -1;
		if (is_named_twice(out, &t)) {
			event_target_release(&t);
			continue;
		}
		out->items = xreallocarray(out->items, out->count + 1, sizeof(*out->items));
		out->items[out->count++] = t;
	}
	return 0;
}

static void take(struct event *from, struct event *to)
{
	event_release(to);
	*to = *from;
	memset(from, 0, sizeof(*from));
}

/* What the answer shows: the event as it was, deleted. */
static int delete_row(struct cmd_context *cx, const struct local_options *lo,
		      struct event_change *c, struct err *err)
{
	struct event now;

	if (local_delete(cx->store, cx->clock, c->event.rowid, lo, &c->gone, err))
		return err_wrap(err, "event '%s'", c->event.id);
	if (c->gone)
		return 0;
	if (store_event_get_row(cx->store, c->event.rowid, &now, err))
		return -1;
	take(&now, &c->event);
	return 0;
}

static int delete_this(struct cmd_context *cx, const struct local_options *lo,
		       struct event_target *t, struct event_change *c, struct err *err)
{
	struct event now = {0};

	take(&t->occurrence, &c->event);
	if (local_occurrence_delete(cx->store, cx->clock, t->event.rowid, &t->at, lo, &now, err))
		return err_wrap(err, "event '%s'", t->at.id);
	/* Shown as it was, unless the row still says so. */
	c->event.rowid = now.rowid;
	c->event.pending = now.pending;
	c->event.sync_status = now.sync_status;
	event_release(&now);
	return 0;
}

static int end_series(struct cmd_context *cx, const struct local_options *lo,
		      struct event_target *t, struct event_change *c, struct err *err)
{
	c->deleted = false;
	c->verb = "ended";
	c->before = json_clone(t->event.resource);
	if (local_series_trim(cx->store, cx->clock, t->event.rowid, &t->at, lo, &c->event, &c->also,
			      err))
		return err_wrap(err, "series '%s'", t->event.id);
	return 0;
}

static int delete_one(struct cmd_context *cx, const struct local_options *lo,
		      struct event_target *t, struct event_change *c, struct err *err)
{
	c->verb = "deleted";
	c->deleted = true;
	if (t->named && t->scope == SCOPE_THIS)
		return delete_this(cx, lo, t, c, err);
	if (t->scope == SCOPE_FOLLOWING)
		return end_series(cx, lo, t, c, err);
	take(&t->event, &c->event);
	return delete_row(cx, lo, c, err);
}

static int delete_all(struct cmd_context *cx, const struct local_options *lo,
		      struct targets *targets, struct event_changes *changes, struct err *err)
{
	for (size_t i = 0; i < targets->count; i++)
		if (delete_one(cx, lo, &targets->items[i], event_changes_add(changes), err))
			return -1;
	return 0;
}

static int run_rm(struct cmd_context *cx, struct err *err)
{
	struct rm_options *o = cx->opts;
	AUTO(event_changes_release) struct event_changes changes = {0};
	AUTO(targets_release) struct targets targets = {0};
	struct local_options lo;

	if (send_options_local(&o->send, &lo, err) || find_all(cx, o, &targets, err) ||
	    event_command_begin(cx, "event rm", &lo, err))
		return -1;
	if (event_command_end(cx, &lo, delete_all(cx, &lo, &targets, &changes, err), err))
		return -1;
	return event_changes_finish(cx, &o->send, &changes, changes.count > 1);
}

const struct cmd cmd_event_rm = {
	.name = "rm",
	.parent = "event",
	.synopsis = "EVENT... [OPTION]...",
	.summary = "delete events, here and at Google",
	.help = "When one of the events is not found, none is deleted. Deleting a series\n"
		"deletes all of it; --occurrence TIME (or the id of an occurrence) deletes that\n"
		"one alone, with --scope following also what comes after it. With --no-sync an\n"
		"event that Google has is deleted here, and stays there. An event that was\n"
		"changed at Google meanwhile is kept, with a warning: an edit beats a delete.\n"
		"\n"
		"--json answers {\"event\", \"syncStatus\"}, for several events {\"events\":\n"
		"[{\"event\", \"syncStatus\"}, ...]}; the event's status is then \"cancelled\".\n",
	.options = options,
	.opts_size = sizeof(struct rm_options),
	.needs = NEEDS_STORE,
	.min_args = 1,
	.max_args = -1,
	.arg = "EVENT",
	.run = run_rm,
};
