#include <string.h>

#include "base/json.h"
#include "cmd/context.h"
#include "cmd/event_options.h"
#include "cmd/event_send.h"
#include "sync/local.h"
#include "base/banned.h"

struct rm_options {
	struct send_options send;
};

static const struct option_spec options[] = {
	SEND_OPTIONS(struct rm_options, send),
	OPT_END,
};

/* All ids are looked up first: a wrong one must not leave half of the work done. */
static int find_all(struct cmd_context *cx, struct event_changes *changes, struct err *err)
{
	for (int i = 0; i < cx->argc; i++) {
		struct event e = {0};
		struct event_change *one;
		bool twice = false;

		if (cmd_event(cx, cx->argv[i], &e, err))
			return -1;
		for (size_t k = 0; k < changes->count; k++)
			twice = twice || changes->items[k].event.rowid == e.rowid;
		if (twice) {
			event_release(&e);
			continue;
		}
		one = event_changes_add(changes);
		one->event = e;
		one->verb = "deleted";
		one->deleted = true;
	}
	return 0;
}

/* What the answer shows: the event as it was, deleted. */
static int delete_one(struct cmd_context *cx, const struct local_options *lo,
		      struct event_change *c, struct err *err)
{
	struct event now;

	if (local_delete(cx->store, cx->clock, c->event.rowid, lo, &c->gone, err))
		return err_wrap(err, "event '%s'", c->event.id);
	if (c->gone)
		return 0;
	if (store_event_get_row(cx->store, c->event.rowid, &now, err))
		return -1;
	event_release(&c->event);
	c->event = now;
	return 0;
}

static int delete_all(struct cmd_context *cx, const struct local_options *lo,
		      struct event_changes *changes, struct err *err)
{
	for (size_t i = 0; i < changes->count; i++)
		if (delete_one(cx, lo, &changes->items[i], err))
			return -1;
	return 0;
}

static int run_rm(struct cmd_context *cx, struct err *err)
{
	struct rm_options *o = cx->opts;
	AUTO(event_changes_release) struct event_changes changes = {0};
	struct local_options lo;

	if (send_options_local(&o->send, &lo, err) || find_all(cx, &changes, err) ||
	    event_command_begin(cx, "event rm", &lo, err))
		return -1;
	if (event_command_end(cx, &lo, delete_all(cx, &lo, &changes, err), err))
		return -1;
	return event_changes_finish(cx, &o->send, &changes, changes.count > 1);
}

const struct cmd cmd_event_rm = {
	.name = "rm",
	.parent = "event",
	.synopsis = "EVENT... [OPTION]...",
	.summary = "delete events, here and at Google",
	.help = "When one of the events is not found, none is deleted. Deleting a series\n"
		"deletes all of it. With --no-sync an event that Google has is deleted here,\n"
		"and stays there. An event that was changed at Google meanwhile is kept, with\n"
		"a warning: an edit beats a delete.\n"
		"\n"
		"--json answers {\"event\", \"syncStatus\"}, for several events {\"events\":\n"
		"[{\"event\", \"syncStatus\"}, ...]}; the event's status is then \"cancelled\".\n",
	.options = options,
	.opts_size = sizeof(struct rm_options),
	.needs = NEEDS_STORE | NEEDS_SECRETS,
	.min_args = 1,
	.max_args = -1,
	.arg = "EVENT",
	.run = run_rm,
};
