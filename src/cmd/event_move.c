#include <string.h>

#include "base/json.h"
#include "cmd/context.h"
#include "cmd/event_options.h"
#include "cmd/event_send.h"
#include "sync/local.h"
#include "base/banned.h"

struct move_options {
	struct send_options send;
	const char *to;
};

static const struct option_spec options[] = {
	OPT_STRING(0, "to", struct move_options, to, "CALENDAR", "the calendar it shall be in"),
	SEND_OPTIONS(struct move_options, send),
	OPT_END,
};

/* One of the event's account; a name that only another account knows is told to be one of that. */
static int find_calendar(struct cmd_context *cx, const struct event *e, const char *name,
			 struct calendar *out, struct err *err)
{
	AUTO(calendar_release) struct calendar own = {0};
	struct err ignored;

	if (store_calendar_get(cx->store, e->calendar_id, &own, err))
		return -1;
	if (!cmd_calendar(cx, own.account_id, name, out, err))
		return 0;
	return err->code == ERR_NOT_FOUND && !cmd_calendar(cx, 0, name, out, &ignored) ? 0 : -1;
}

static int move(struct cmd_context *cx, const struct move_options *o,
		const struct local_options *lo, struct event_change *change, struct err *err)
{
	AUTO(event_release) struct event event = {0};
	AUTO(calendar_release) struct calendar to = {0};

	if (cmd_event(cx, cx->argv[0], &event, err) || find_calendar(cx, &event, o->to, &to, err) ||
	    local_move(cx->store, cx->clock, event.rowid, to.id, lo, &change->event, err))
		return -1;
	change->before = json_object_get(event.resource);
	change->verb = event.calendar_id == to.id ? "unchanged" : "moved";
	return 0;
}

static int run_move(struct cmd_context *cx, struct err *err)
{
	struct move_options *o = cx->opts;
	AUTO(event_changes_release) struct event_changes changes = {0};
	struct local_options lo;

	if (!o->to)
		return err_set(err, ERR_USAGE, "where to? say --to CALENDAR");
	if (send_options_local(&o->send, &lo, err) ||
	    event_command_begin(cx, "event move", &lo, err))
		return -1;
	if (event_command_end(cx, &lo, move(cx, o, &lo, event_changes_add(&changes), err), err))
		return -1;
	return event_changes_finish(cx, &o->send, &changes, false);
}

const struct cmd cmd_event_move = {
	.name = "move",
	.parent = "event",
	.synopsis = "EVENT --to CALENDAR [OPTION]...",
	.summary = "move an event to another calendar of its account",
	.help = "It keeps its id, its guests and their answers; the other calendar becomes its\n"
		"organizer. A series moves with its changed occurrences, and only as a whole.\n"
		"Google moves ordinary events alone, and only for their organizer. Moving it\n"
		"back before it was sent leaves nothing to send.\n",
	.options = options,
	.opts_size = sizeof(struct move_options),
	.needs = NEEDS_STORE,
	.min_args = 1,
	.max_args = 1,
	.arg = "EVENT",
	.run = run_move,
};
