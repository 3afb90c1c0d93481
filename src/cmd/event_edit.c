#include <string.h>

#include "base/json.h"
#include "cmd/context.h"
#include "cmd/event_options.h"
#include "cmd/event_send.h"
#include "cmd/event_target.h"
#include "ical/recur.h"
#include "model/event.h"
#include "sync/local.h"
#include "sync/local_series.h"
#include "sync/split.h"
#include "base/banned.h"

static const struct option_spec options[] = {
	OPT_STRING(0, "title", struct event_options, title, "TEXT", "the new title"),
	EVENT_FIELD_OPTIONS(struct event_options),
	OPT_STRINGS(0, "clear", struct event_options, clear, "FIELD",
		    "empty a field (Google's name of it or the option's)"),
	SCOPE_OPTIONS(struct event_options, occurrence, scope),
	SEND_OPTIONS(struct event_options, send),
	OPT_END,
};

struct edit {
	struct cmd_context *cx;
	const struct event_options *o;
	const struct local_options *lo;
	struct event_target target;
	struct event_change *change;
};

static int apply(const struct edit *e, const struct event_options *o, struct json_object *resource,
		 struct err *err)
{
	return event_options_apply(o, e->target.calendar.time_zone,
				   clock_now_ms(e->cx->clock) / 1000, resource, err);
}

/* The lines of a series that was moved move along, unless they were given anew. */
static int move_lines(const struct edit *e, const struct json_object *was, struct json_object *now,
		      struct err *err)
{
	struct json_object *lines = NULL;

	if (!event_is_master(was) ||
	    event_field_equal("start", json_get(was, "start"), json_get(now, "start")) ||
	    !event_field_equal("recurrence", json_get(was, "recurrence"),
			       json_get(now, "recurrence")))
		return 0;
	if (recur_shift(was, now, e->target.calendar.time_zone, &lines, err))
		return -1;
	json_set(now, "recurrence", lines);
	return 0;
}

static void note_verb(struct edit *e, const struct json_object *was)
{
	e->change->before = json_clone(was);
	e->change->verb = event_equal(was, e->change->event.resource) ? "unchanged" : "changed";
}

/* An event that is no series, or all of a series, or an exception whose series is not here. */
static int edit_row(struct edit *e, struct json_object *edited, struct err *err)
{
	const struct event *event = &e->target.event;

	if (move_lines(e, event->resource, edited, err) ||
	    local_edit(e->cx->store, e->cx->clock, event->rowid, edited, e->lo, &e->change->event,
		       err))
		return -1;
	note_verb(e, event->resource);
	return 0;
}

static int edit_this(struct edit *e, struct err *err)
{
	const struct event_target *t = &e->target;
	AUTO(json_object_put) struct json_object *edited = json_clone(t->occurrence.resource);

	if (apply(e, e->o, edited, err) ||
	    local_occurrence_edit(e->cx->store, e->cx->clock, t->event.rowid, &t->at, edited, e->lo,
				  &e->change->event, err))
		return -1;
	note_verb(e, t->occurrence.resource);
	return 0;
}

static int edit_following(struct edit *e, struct err *err)
{
	const struct event_target *t = &e->target;
	AUTO(json_object_put) struct json_object *rest = NULL;
	AUTO(json_object_put) struct json_object *edited = NULL;

	if (split_new(t->event.resource, t->calendar.time_zone, &t->at, &rest, err))
		return -1;
	edited = json_clone(rest);
	if (apply(e, e->o, edited, err) || move_lines(e, rest, edited, err))
		return -1;
	if (event_equal(rest, edited)) { /* nothing to cut a series for */
		e->change->event = e->target.event;
		memset(&e->target.event, 0, sizeof(e->target.event));
		e->change->verb = "unchanged";
		return 0;
	}
	if (local_series_split(e->cx->store, e->cx->clock, t->event.rowid, &t->at, edited, e->lo,
			       &e->change->event, &e->change->also, err))
		return -1;
	e->change->before = json_clone(t->event.resource);
	e->change->verb = "changed";
	return 0;
}

/* All of it moves as the named occurrence does. */
static int edit_all(struct edit *e, struct err *err)
{
	const struct event_target *t = &e->target;
	struct event_options rest = event_options_without_times(e->o);
	AUTO(json_object_put) struct json_object *edited = json_clone(t->event.resource);
	AUTO(json_object_put) struct json_object *was = NULL;
	AUTO(json_object_put) struct json_object *now = NULL;

	if (!t->named)
		return apply(e, e->o, edited, err) || edit_row(e, edited, err) ? -1 : 0;
	was = split_instance(t->event.resource, t->calendar.time_zone, &t->at);
	now = json_clone(was);
	if (event_times_apply(e->o, t->calendar.time_zone, clock_now_ms(e->cx->clock) / 1000, now,
			      err) ||
	    (!(event_field_equal("start", json_get(was, "start"), json_get(now, "start")) &&
	       event_field_equal("end", json_get(was, "end"), json_get(now, "end"))) &&
	     recur_shift_span(was, now, t->calendar.time_zone, edited, err)) ||
	    apply(e, &rest, edited, err))
		return -1;
	return edit_row(e, edited, err);
}

static int edit(struct edit *e, struct err *err)
{
	if (event_target_find(e->cx, e->cx->argv[0], e->o->occurrence, e->o->scope, &e->target,
			      err))
		return -1;
	if (e->target.scope == SCOPE_THIS)
		return edit_this(e, err);
	return e->target.scope == SCOPE_FOLLOWING ? edit_following(e, err) : edit_all(e, err);
}

static int run_edit(struct cmd_context *cx, struct err *err)
{
	struct event_options *o = cx->opts;
	AUTO(event_changes_release) struct event_changes changes = {0};
	struct local_options lo;
	struct edit e = {.cx = cx, .o = o, .lo = &lo};
	int result;

	if (!event_options_any(o))
		return err_set(err, ERR_USAGE,
			       "nothing to change; say what, as --title or --start "
			       "(see 'calsync event edit --help')");
	/* From the look at the event to the write in one transaction: what a sync or another edit
	 * changes in between would be taken back otherwise. */
	if (send_options_local(&o->send, &lo, err) ||
	    event_command_begin(cx, "event edit", &lo, err))
		return -1;
	e.change = event_changes_add(&changes);
	result = event_command_end(cx, &lo, edit(&e, err), err);
	event_target_release(&e.target);
	return result ? -1 : event_changes_finish(cx, &o->send, &changes, false);
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
		"to busy. An edit held back by --no-sync goes out with the next one without.\n"
		"\n"
		"Of a series --occurrence TIME names the occurrence that starts then (a day is\n"
		"enough when there is one on it), and --scope says what is changed: this one\n"
		"alone (the default beside an occurrence), this and following, or all (the\n"
		"default for a series). A series that is moved takes its excluded and added\n"
		"dates along, and a weekly rule its weekdays.\n",
	.options = options,
	.opts_size = sizeof(struct event_options),
	.needs = NEEDS_STORE,
	.min_args = 1,
	.max_args = 1,
	.arg = "EVENT",
	.run = run_edit,
};
