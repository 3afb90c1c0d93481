/* `queue drop`: what waits is not sent after all. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/xalloc.h"
#include "cmd/event_send.h"
#include "cmd/output.h"
#include "cmd/queue.h"
#include "model/event.h"
#include "sync/lock.h"
#include "sync/queue.h"
#include "base/banned.h"

#define LOCK_MS 1000

struct drop_opts {
	const char *calendar;
};

struct drop {
	struct cmd_context *cx;
	struct queue_items queue;
	struct queue_item **chosen;  /* borrowed from queue */
	struct account_lock **locks; /* of the accounts of chosen, one each */
	size_t count, lock_count;
};

static void drop_release(struct drop *d)
{
	for (size_t i = 0; i < d->lock_count; i++)
		account_lock_free(d->locks[i]);
	free(d->locks);
	free(d->chosen);
	queue_items_release(&d->queue);
}
DEFINE_AUTO_VALUE(struct drop, drop_release)

/* All are looked up before the first is dropped. */
static int choose(struct drop *d, struct err *err)
{
	size_t argc = (size_t)d->cx->argc;

	d->chosen = xcalloc(argc, sizeof(*d->chosen));
	for (size_t i = 0; i < argc; i++) {
		struct queue_item *q;
		bool twice = false;

		if (queue_find(&d->queue, d->cx->argv[i], &q, err))
			return -1;
		for (size_t k = 0; k < d->count; k++)
			twice |= d->chosen[k] == q;
		if (!twice)
			d->chosen[d->count++] = q;
	}
	return 0;
}

/* Nobody may be sending what is dropped. */
static int lock_accounts(struct drop *d, struct err *err)
{
	d->locks = xcalloc(d->count, sizeof(*d->locks));
	for (size_t i = 0; i < d->count; i++) {
		int64_t account = d->chosen[i]->calendar.account_id;
		bool held = false;

		for (size_t k = 0; k < i; k++)
			held |= d->chosen[k]->calendar.account_id == account;
		if (held)
			continue;
		if (account_lock_take(store_path(d->cx->store), account, d->cx->clock, LOCK_MS,
				      &d->locks[d->lock_count], err))
			return -1;
		d->lock_count++;
	}
	return 0;
}

/* A series takes its occurrences' entries along: those that are named themselves go first. */
static int drop_some(struct drop *d, bool occurrences, const struct local_options *lo,
		     struct err *err)
{
	for (size_t i = 0; i < d->count; i++) {
		struct queue_item *q = d->chosen[i];
		bool occurrence = !q->is_calendar && event_is_exception(q->event.resource);

		if (occurrence != occurrences)
			continue;
		if (q->is_calendar ? store_request_drop(d->cx->store, q->calendar.id, err)
				   : queue_drop(d->cx->store, d->cx->clock, q->event.rowid,
						lo->command_id, err))
			return -1;
	}
	return 0;
}

static int drop_all(struct drop *d, const struct local_options *lo, struct err *err)
{
	return drop_some(d, true, lo, err) || drop_some(d, false, lo, err) ? -1 : 0;
}

static const char *outcome(const struct queue_item *q)
{
	if (q->is_calendar)
		return "not synced before its next turn";
	switch (q->op.op) {
	case PENDING_CREATE:
		return "stays here alone";
	case PENDING_DELETE:
		return "is there again";
	default:
		return "is as Google has it";
	}
}

static void tell(const struct drop *d)
{
	struct json_object *answer, *list;

	if (!d->cx->global.json) {
		for (size_t i = 0; i < d->count; i++)
			out_note(d->cx, "dropped %s: %s\n", queue_item_id(d->chosen[i]),
				 outcome(d->chosen[i]));
		return;
	}
	answer = json_object_new_object();
	list = json_object_new_array();
	for (size_t i = 0; i < d->count; i++)
		json_object_array_add(list, queue_item_json(d->chosen[i]));
	json_set_bool(answer, "success", true);
	json_set(answer, "dropped", list);
	out_json(d->cx, answer);
}

static int run_drop(struct cmd_context *cx, struct err *err)
{
	const struct drop_opts *o = cx->opts;
	AUTO(drop_release) struct drop d = {.cx = cx};
	struct local_options lo = {0};

	if (queue_take_wakes(cx, err) || queue_load(cx, o->calendar, &d.queue, err) ||
	    choose(&d, err) || lock_accounts(&d, err) ||
	    event_command_begin(cx, "queue drop", &lo, err))
		return -1;
	if (event_command_end(cx, &lo, drop_all(&d, &lo, err), err))
		return -1;
	tell(&d);
	return 0;
}

static const struct option_spec options[] = {
	OPT_STRING(0, "calendar", struct drop_opts, calendar, "CALENDAR", "of this calendar alone"),
	OPT_END,
};

const struct cmd cmd_queue_drop = {
	.name = "drop",
	.parent = "queue",
	.synopsis = "[--calendar CALENDAR] ID...",
	.summary = "take back what waits to be sent",
	.help = "ID is that of the event, or the first four or more characters of it, or that of "
		"the\n"
		"calendar. A changed event goes back to the version that Google has, and the "
		"change\n"
		"stays in 'calsync event log'; a deleted event is there again; a new event stays "
		"here\n"
		"alone and is never sent. A calendar is not synced before its next turn.\n",
	.options = options,
	.opts_size = sizeof(struct drop_opts),
	.needs = NEEDS_STORE,
	.min_args = 1,
	.max_args = -1,
	.arg = "ID",
	.run = run_drop,
};
