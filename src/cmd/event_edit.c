#include <string.h>

#include "base/json.h"
#include "cmd/context.h"
#include "cmd/event_options.h"
#include "cmd/event_send.h"
#include "model/event.h"
#include "sync/local.h"
#include "base/banned.h"

static const struct option_spec options[] = {
	OPT_STRING(0, "title", struct event_options, title, "TEXT", "the new title"),
	EVENT_FIELD_OPTIONS(struct event_options),
	OPT_STRINGS(0, "clear", struct event_options, clear, "FIELD",
		    "empty a field (Google's name of it or the option's)"),
	SEND_OPTIONS(struct event_options, send),
	OPT_END,
};

static int edit(struct cmd_context *cx, const struct event_options *o,
		const struct local_options *lo, struct event_change *change, struct err *err)
{
	AUTO(event_release) struct event event = {0};
	AUTO(calendar_release) struct calendar calendar = {0};
	AUTO(json_object_put) struct json_object *edited = NULL;

	if (cmd_event(cx, cx->argv[0], &event, err) ||
	    store_calendar_get(cx->store, event.calendar_id, &calendar, err))
		return -1;
	edited = json_clone(event.resource);
	if (event_options_apply(o, calendar.time_zone, clock_now_ms(cx->clock) / 1000, edited, err))
		return -1;
	if (local_edit(cx->store, cx->clock, event.rowid, edited, lo, &change->event, err))
		return -1;
	change->before = json_object_get(event.resource);
	change->verb =
		event_equal(event.resource, change->event.resource) ? "unchanged" : "changed";
	return 0;
}

static int run_edit(struct cmd_context *cx, struct err *err)
{
	struct event_options *o = cx->opts;
	AUTO(event_changes_release) struct event_changes changes = {0};
	struct local_options lo;

	if (!event_options_any(o))
		return err_set(err, ERR_USAGE,
			       "nothing to change; say what, as --title or --start "
			       "(see 'calsync event edit --help')");
	/* From the look at the event to the write in one transaction: what a sync or another edit
	 * changes in between would be taken back otherwise. */
	if (send_options_local(&o->send, &lo, err) ||
	    event_command_begin(cx, "event edit", &lo, err))
		return -1;
	if (event_command_end(cx, &lo, edit(cx, o, &lo, event_changes_add(&changes), err), err))
		return -1;
	return event_changes_finish(cx, &o->send, &changes, false);
}

const struct cmd cmd_event_edit = {
	.name = "edit",
	.parent = "event",
	.synopsis = "EVENT [OPTION]...",
	.summary = "change an event, here and at Google",
	.help = "TIME and DURATION are read as by 'event add'; a time of day alone is on the\n"
		"event's own day. What is not given stays: moving only --start keeps the\n"
		"length, --timezone alone shows the same instants in another zone. A --start\n"
		"that is a day, or --all-day, makes the event an all-day one; a --start with\n"
		"a time of day makes it a timed one, of an hour unless --end or --duration\n"
		"says otherwise.\n"
		"\n"
		"--attendee adds guests to those invited; '--clear attendees --attendee A'\n"
		"replaces them. --reminder and --rrule replace what there was. '--clear\n"
		"reminders' goes back to the calendar's own reminders, '--clear transparency'\n"
		"to busy. An edit of a series changes all of it. An edit held back by\n"
		"--no-sync goes out with the next one without.\n",
	.options = options,
	.opts_size = sizeof(struct event_options),
	.needs = NEEDS_STORE | NEEDS_SECRETS,
	.min_args = 1,
	.max_args = 1,
	.arg = "EVENT",
	.run = run_edit,
};
