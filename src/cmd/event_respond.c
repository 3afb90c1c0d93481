#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "cmd/context.h"
#include "cmd/event_options.h"
#include "cmd/event_send.h"
#include "cmd/event_target.h"
#include "model/event.h"
#include "model/rights.h"
#include "sync/local.h"
#include "sync/local_series.h"
#include "base/banned.h"

struct respond_options {
	struct send_options send;
	const char *comment, *occurrence;
};

static const struct option_spec options[] = {
	OPT_STRING('m', "comment", struct respond_options, comment, "TEXT",
		   "a word to the organizer; '' takes it back"),
	OPT_STRING(0, "occurrence", struct respond_options, occurrence, "TIME",
		   "the occurrence of a series that starts then"),
	SEND_OPTIONS(struct respond_options, send),
	OPT_END,
};

/* Google's word for an answer; its own words are taken, too. */
static int parse_answer(const char *word, const char **out, struct err *err)
{
	static const char *const words[][2] = {
		{"yes", "accepted"}, {"no", "declined"}, {"maybe", "tentative"}};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (strcasecmp(word, words[i][0]) != 0 && strcasecmp(word, words[i][1]) != 0)
			continue;
		*out = words[i][1];
		return 0;
	}
	return err_set(err, ERR_USAGE, "'%s' is no answer; it is yes, no or maybe", word);
}

static int not_invited(const struct event *e, const char *calendar, struct err *err)
{
	if (event_is_organized(e->resource))
		return err_set(err, ERR_INVALID,
			       "event '%s' is one of calendar '%s' itself: nobody waits for its "
			       "answer",
			       e->id, calendar);
	return err_set(err, ERR_INVALID, "calendar '%s' is not invited to event '%s'", calendar,
		       e->id);
}

static int answer(struct cmd_context *cx, const struct respond_options *o,
		  const struct local_options *lo, const char *status, struct event_change *change,
		  struct err *err)
{
	AUTO(event_target_release) struct event_target t = {0};
	AUTO(json_object_put) struct json_object *edited = NULL;
	const struct event *event;
	struct json_object *self;

	if (event_target_find(cx, cx->argv[0], o->occurrence, NULL, &t, err))
		return -1;
	event = t.named ? &t.occurrence : &t.event;
	edited = json_clone(event->resource);
	self = event_self(edited, t.calendar.google_id);
	if (!self)
		return not_invited(event, t.calendar.google_id, err);
	json_set_str(self, "responseStatus", status);
	if (o->comment && *o->comment)
		json_set_str(self, "comment", o->comment);
	else if (o->comment)
		json_del(self, "comment");
	if (t.named ? local_occurrence_edit(cx->store, cx->clock, t.event.rowid, &t.at, edited, lo,
					    &change->event, err)
		    : local_edit(cx->store, cx->clock, event->rowid, edited, lo, &change->event,
				 err))
		return -1;
	change->before = json_object_get(event->resource);
	change->verb = event_equal(event->resource, change->event.resource) ? "unchanged" : status;
	return 0;
}

static int run_respond(struct cmd_context *cx, struct err *err)
{
	struct respond_options *o = cx->opts;
	AUTO(event_changes_release) struct event_changes changes = {0};
	struct local_options lo;
	const char *status = NULL;

	if (parse_answer(cx->argv[1], &status, err) || send_options_local(&o->send, &lo, err) ||
	    event_command_begin(cx, "event respond", &lo, err))
		return -1;
	if (event_command_end(cx, &lo, answer(cx, o, &lo, status, event_changes_add(&changes), err),
			      err))
		return -1;
	return event_changes_finish(cx, &o->send, &changes, false);
}

const struct cmd cmd_event_respond = {
	.name = "respond",
	.parent = "event",
	.synopsis = "EVENT yes|no|maybe [OPTION]...",
	.summary = "answer an invitation",
	.help = "Nothing but the answer is sent: the other guests' stay as they are. Of a series\n"
		"it is the answer to all of it, with --occurrence TIME (or an occurrence's id)\n"
		"to that one. The organizer sees it; a mail goes out only with --notify.\n",
	.options = options,
	.opts_size = sizeof(struct respond_options),
	.needs = NEEDS_STORE,
	.min_args = 2,
	.max_args = 2,
	.arg = "EVENT",
	.run = run_respond,
};
