/* `queue retry`: what waits, was refused or is held goes out now. */
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cmd/event_send.h"
#include "cmd/output.h"
#include "cmd/queue.h"
#include "sync/queue.h"
#include "base/banned.h"

struct retry_opts {
	bool all;
	const char *calendar;
};

struct retry {
	struct cmd_context *cx;
	struct queue_items queue;
	struct queue_items local;   /* named, kept local and so not in the queue */
	struct queue_item **chosen; /* borrowed from both */
	size_t count;
	struct event_changes changes; /* the events among chosen, in that order */
};

static void retry_release(struct retry *r)
{
	queue_items_release(&r->queue);
	queue_items_release(&r->local);
	free(r->chosen);
	event_changes_release(&r->changes);
}
DEFINE_AUTO_VALUE(struct retry, retry_release)

/* --- which -------------------------------------------------------------------------------- */

static void choose(struct retry *r, struct queue_item *q)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->chosen[i] == q)
			return;
	r->chosen[r->count++] = q;
}

/* An event that `event add --no-sync` keeps here is in no queue. */
static int choose_local(struct retry *r, const char *id, struct err *err)
{
	struct queue_item *q = &r->local.items[r->local.count];
	struct err why;

	if (cmd_event(r->cx, id, &q->event, &why)) {
		*err = why.code == ERR_AMBIGUOUS ? why : *err;
		return -1;
	}
	r->local.count++;
	if (q->event.at_google || q->event.pending != PENDING_NONE)
		return err_set(err, ERR_NOT_FOUND, "nothing of event '%s' waits to be sent",
			       q->event.id);
	q->op.op = PENDING_CREATE;
	q->reason = xstrdup("");
	if (store_calendar_get(r->cx->store, q->event.calendar_id, &q->calendar, err))
		return -1;
	choose(r, q);
	return 0;
}

static int choose_named(struct retry *r, struct err *err)
{
	size_t argc = (size_t)r->cx->argc;

	r->local.items = xcalloc(argc, sizeof(*r->local.items));
	r->chosen = xcalloc(argc, sizeof(*r->chosen));
	for (size_t i = 0; i < argc; i++) {
		struct queue_item *q;

		if (!queue_find(&r->queue, r->cx->argv[i], &q, err))
			choose(r, q);
		else if (err->code != ERR_NOT_FOUND || choose_local(r, r->cx->argv[i], err))
			return -1;
	}
	return 0;
}

/* What --no-sync holds is let go by its name alone; a conflict waits for a person. */
static void choose_all(struct retry *r)
{
	r->chosen = xcalloc(r->queue.count, sizeof(*r->chosen));
	for (size_t i = 0; i < r->queue.count; i++) {
		struct queue_item *q = &r->queue.items[i];

		if (q->is_calendar || q->op.state == OUTBOX_QUEUED || q->op.state == OUTBOX_REFUSED)
			choose(r, q);
	}
}

/* --- do it -------------------------------------------------------------------------------- */

static int queue_one(struct retry *r, struct queue_item *q, struct err *err)
{
	struct event_change *c;

	if (q->is_calendar)
		return store_request_add(r->cx->store, q->calendar.id, q->request.reason,
					 clock_now_ms(r->cx->clock), err);
	if (queue_retry(r->cx->store, q->event.rowid, err))
		return -1;
	c = event_changes_add(&r->changes);
	c->verb = "sent";
	c->deleted = q->op.op == PENDING_DELETE;
	return store_event_get_row(r->cx->store, q->event.rowid, &c->event, err);
}

static int queue_all(struct retry *r, struct err *err)
{
	if (store_begin(r->cx->store, err))
		return -1;
	for (size_t i = 0; i < r->count; i++) {
		if (queue_one(r, r->chosen[i], err)) {
			store_rollback(r->cx->store);
			return -1;
		}
	}
	return store_commit(r->cx->store, err);
}

/* --- tell --------------------------------------------------------------------------------- */

static struct json_object *entry_json(const struct queue_item *q, const struct event_change *c)
{
	struct json_object *o = json_object_new_object();
	const char *why = c && c->err.code != ERR_NONE ? c->err.msg : NULL;

	json_set_str(o, "id", queue_item_id(q));
	json_set_str(o, "kind", q->is_calendar ? "calendar" : "event");
	json_set_str(o, "account", q->calendar.account);
	json_set_str(o, "calendar", q->calendar.google_id);
	json_set_str(o, "op", queue_item_op(q));
	json_set_bool(o, "sent", c && c->sent);
	json_set_str(o, "error", why);
	return o;
}

static void tell(const struct retry *r)
{
	struct json_object *answer = json_object_new_object();
	struct json_object *list = json_object_new_array();
	size_t event = 0;

	for (size_t i = 0; i < r->count; i++) {
		const struct queue_item *q = r->chosen[i];
		const struct event_change *c = q->is_calendar ? NULL : &r->changes.items[event++];
		AUTO(free)
		char *title = term_clean(q->is_calendar ? q->calendar.summary
							: json_str(q->event.resource, "summary"));

		json_object_array_add(list, entry_json(q, c));
		if (!r->cx->global.json)
			out_note(r->cx, "%s %s  %s\n", c && c->sent ? "sent" : "queued",
				 queue_item_id(q), title);
	}
	json_set_bool(answer, "success", true);
	json_set(answer, "entries", list);
	if (r->cx->global.json)
		out_json(r->cx, answer);
	else
		json_object_put(answer);
	if (!r->count)
		out_note(r->cx, "nothing is queued\n");
	event_changes_tell(&r->changes, false);
}

static int run_retry(struct cmd_context *cx, struct err *err)
{
	const struct retry_opts *o = cx->opts;
	AUTO(retry_release) struct retry r = {.cx = cx};

	if (!cx->argc && !o->all)
		return err_set(err, ERR_USAGE,
			       "name what to try again ('calsync queue' lists it), or say --all");
	if (cx->argc && o->all)
		return err_set(err, ERR_USAGE, "--all and names exclude each other");
	if (queue_take_wakes(cx, err) || queue_load(cx, o->calendar, &r.queue, err))
		return -1;
	if (o->all)
		choose_all(&r);
	else if (choose_named(&r, err))
		return -1;
	if (queue_all(&r, err))
		return -1;
	event_changes_send(cx, &r.changes);
	tell(&r);
	return 0;
}

static const struct option_spec options[] = {
	OPT_FLAG(0, "all", struct retry_opts, all,
		 "everything that is queued or was refused; not what --no-sync holds"),
	OPT_STRING(0, "calendar", struct retry_opts, calendar, "CALENDAR",
		   "of this calendar alone"),
	OPT_END,
};

const struct cmd cmd_queue_retry = {
	.name = "retry",
	.parent = "queue",
	.synopsis = "[--calendar CALENDAR] --all | ID...",
	.summary = "try again what waits or was refused, send what is held",
	.help = "ID is that of the event, or the first four or more characters of it, or that of "
		"the\n"
		"calendar. A change is sent at once, with one try; when that fails it stays "
		"queued. A\n"
		"calendar is due at once: 'calsync sync --queued' syncs it. A change that "
		"--no-sync\n"
		"holds, and an event that was added with it, go out when they are named.\n",
	.options = options,
	.opts_size = sizeof(struct retry_opts),
	.needs = NEEDS_STORE,
	.max_args = -1,
	.arg = "ID",
	.run = run_retry,
};
