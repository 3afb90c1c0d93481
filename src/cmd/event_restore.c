/* `event restore`: a version of an event's log becomes the event again. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/xalloc.h"
#include "cmd/context.h"
#include "cmd/event_options.h"
#include "cmd/event_send.h"
#include "model/event.h"
#include "sync/restore.h"
#include "base/banned.h"

struct restore_options {
	struct send_options send;
};

static const struct option_spec options[] = {
	SEND_OPTIONS(struct restore_options, send),
	OPT_END,
};

/* "ID@42": an id of Google's has no such end. out_version 0: none is named. */
static int parse_name(const char *word, char **out_id, int64_t *out_version, struct err *err)
{
	const char *at = strrchr(word, '@');
	size_t digits = at ? strspn(at + 1, "0123456789") : 0;

	*out_version = 0;
	if (!at || at[1 + digits]) {
		*out_id = xstrdup(word);
		return 0;
	}
	if (!digits || digits > 18 || !strtoll(at + 1, NULL, 10))
		return err_set(err, ERR_USAGE,
			       "'%s' names no version; 'calsync event log ID' lists them", word);
	*out_id = xstrndup(word, (size_t)(at - word));
	*out_version = strtoll(at + 1, NULL, 10);
	return 0;
}

/* The event itself comes first: it is the answer under --json. Takes the events. */
static void note_changes(const struct restore_plan *p, struct json_object *before,
			 struct event_list *events, struct event_changes *changes)
{
	for (size_t i = 0; i < events->count; i++) {
		struct event_change *one = event_changes_add(changes);

		one->event = events->items[i];
		memset(&events->items[i], 0, sizeof(events->items[i]));
		one->verb = "restored";
		if (i || !p->living)
			continue;
		one->before = json_object_get(before);
		if (event_equal(before, one->event.resource))
			one->verb = "unchanged";
	}
}

static int restore(struct cmd_context *cx, const struct local_options *lo,
		   struct event_changes *changes, struct err *err)
{
	AUTO(event_name_release) struct event_name name = {0};
	AUTO(restore_plan_release) struct restore_plan p = {0};
	AUTO(event_list_release) struct event_list events = {0};
	AUTO(event_release) struct event now = {0};
	AUTO(free) char *id = NULL;
	int64_t version;
	bool found;

	if (parse_name(cx->argv[0], &id, &version, err) || cmd_event_name(cx, id, &name, err) ||
	    restore_find(cx->store, name.account_id, name.id, version, &p, err) ||
	    store_event_get(cx->store, p.calendar_id, name.id, &now, &found, err) ||
	    restore_carry_out(cx->store, cx->clock, &p, lo, &events, err))
		return -1;
	note_changes(&p, now.resource, &events, changes);
	return 0;
}

static int run_restore(struct cmd_context *cx, struct err *err)
{
	struct restore_options *o = cx->opts;
	AUTO(event_changes_release) struct event_changes changes = {0};
	struct local_options lo;

	if (send_options_local(&o->send, &lo, err) ||
	    event_command_begin(cx, "event restore", &lo, err))
		return -1;
	if (event_command_end(cx, &lo, restore(cx, &lo, &changes, err), err))
		return -1;
	return event_changes_finish(cx, &o->send, &changes, false);
}

const struct cmd cmd_event_restore = {
	.name = "restore",
	.parent = "event",
	.synopsis = "EVENT[@VERSION] [OPTION]...",
	.summary = "bring back a version of an event, also of a deleted one",
	.help = "VERSION is a number of 'event log'. Without it a deleted event comes back as it\n"
		"was last, a living one as it was before its last change; doing that twice\n"
		"changes nothing in the end.\n"
		"\n"
		"It is an edit like any other: what Google has is brought in step at once or by\n"
		"the next sync. An event that Google deleted is made there again; under another\n"
		"id when Google knows nothing of it any more. A series comes back with the\n"
		"changed occurrences that were deleted with it. Guests keep their answers.\n",
	.options = options,
	.opts_size = sizeof(struct restore_options),
	.needs = NEEDS_STORE,
	.min_args = 1,
	.max_args = 1,
	.arg = "EVENT",
	.run = run_restore,
};
