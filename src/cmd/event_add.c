#include <string.h>

#include "base/time.h"
#include "base/xalloc.h"
#include "cmd/context.h"
#include "cmd/event_input.h"
#include "cmd/event_options.h"
#include "cmd/event_send.h"
#include "sync/local.h"
#include "base/banned.h"

static const struct option_spec options[] = {
	EVENT_FIELD_OPTIONS(struct event_options),
	OPT_STRING('c', "calendar", struct event_options, calendar, "CALENDAR",
		   "which calendar (default primary)"),
	OPT_STRING(0, "from-json", struct event_options, from_json, "FILE",
		   "add Google event resources from FILE (- is standard input)"),
	SEND_OPTIONS(struct event_options, send),
	OPT_END,
};

static int add_all(struct cmd_context *cx, const struct calendar *c, const struct event_input *in,
		   const struct local_options *lo, struct event_changes *changes, struct err *err)
{
	for (size_t i = 0; i < in->count; i++) {
		struct event_change *one = event_changes_add(changes);

		one->verb = "added";
		if (!local_add(cx->store, cx->clock, c->id, in->items[i], lo, &one->event, err))
			continue;
		changes->count--;
		if (in->places)
			err_wrap(err, "nothing was added: %s %zu", in->unit, in->places[i]);
		return -1;
	}
	return 0;
}

/* All of them or, when one is bad, none. */
static int add_command(struct cmd_context *cx, const struct calendar *c,
		       const struct event_input *in, struct local_options *lo,
		       struct event_changes *changes, struct err *err)
{
	if (event_command_begin(cx, "event add", lo, err))
		return -1;
	return event_command_end(cx, lo, add_all(cx, c, in, lo, changes, err), err);
}

static int check_usage(const struct cmd_context *cx, const struct event_options *o, struct err *err)
{
	if (!o->from_json)
		return cx->argc ? 0 : err_set(err, ERR_USAGE, "an event needs a TITLE");
	if (cx->argc || event_options_any(o))
		return err_set(err, ERR_USAGE,
			       "--from-json says all about the events; leave out the title and the "
			       "options that describe one");
	return 0;
}

static int run_add(struct cmd_context *cx, struct err *err)
{
	struct event_options *o = cx->opts;
	AUTO(account_release) struct account account = {0};
	AUTO(calendar_release) struct calendar calendar = {0};
	AUTO(event_input_release) struct event_input in = {0};
	AUTO(event_changes_release) struct event_changes changes = {0};
	struct local_options lo;

	if (check_usage(cx, o, err) || send_options_local(&o->send, &lo, err))
		return -1;
	if (cmd_account(cx, &account, err) ||
	    cmd_calendar(cx, account.id, o->calendar ? o->calendar : "primary", &calendar, err))
		return -1;
	if (o->from_json) {
		if (event_input_read(o->from_json, calendar.time_zone, &in, err))
			return -1;
	} else {
		in.items = xcalloc(1, sizeof(struct json_object *));
		in.items[in.count++] = json_object_new_object();
		o->title = cx->argv[0];
		if (event_options_apply(o, calendar.time_zone, clock_now_ms(cx->clock) / 1000,
					in.items[0], err))
			return -1;
	}
	if (add_command(cx, &calendar, &in, &lo, &changes, err))
		return -1;
	return event_changes_finish(cx, &o->send, &changes, changes.count > 1);
}

const struct cmd cmd_event_add = {
	.name = "add",
	.parent = "event",
	.synopsis = "TITLE --start TIME [--end TIME | --duration DURATION] [OPTION]...\n"
		    "       calsync event add --from-json FILE [OPTION]...",
	.summary = "add an event, here and at Google",
	.help = "TIME is RFC 3339, '2026-01-15 10:00', 2026-01-15 (a day), now, today,\n"
		"tomorrow, yesterday, a weekday (the next one; today counts only with a time\n"
		"still to come), a day with a time ('friday 14:00', 'tomorrow 9:30'), 14:00\n"
		"or 2pm (today; in --end the day of the start), or a time from now: +2h, +3d\n"
		"(days keep the time of day when the clocks change in between). DURATION is\n"
		"10m, 1h30m, 90min, '2 days', 1w or PT1H30M.\n"
		"\n"
		"A --start that is a day alone makes an all-day event; the day given to its\n"
		"--end is the last one. Without an end an event lasts an hour, or the day. A\n"
		"time that a clock change skips moves forward, with a warning; of one that\n"
		"occurs twice the first is taken.\n"
		"\n"
		"The event is safe in the local store before anything is sent. When Google\n"
		"cannot be reached it is queued for the next sync, and the exit status is\n"
		"still 0; --require-sync makes that 3 or 4. With --no-sync it stays here,\n"
		"through later syncs too. Nobody is mailed unless --notify asks for it.\n"
		"\n"
		"--from-json takes one JSON object, an array of them, or one object per line.\n"
		"All are added, or (when one is bad) none. --json answers {\"event\",\n"
		"\"syncStatus\"}, for several events {\"events\": [{\"event\", \"syncStatus\"},\n"
		"...]}.\n",
	.options = options,
	.opts_size = sizeof(struct event_options),
	.needs = NEEDS_STORE,
	.min_args = 0,
	.max_args = 1,
	.arg = "TITLE",
	.run = run_add,
};
