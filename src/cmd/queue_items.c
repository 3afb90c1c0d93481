#include "cmd/queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/id_map.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cmd/output.h"
#include "sync/queue.h"
#include "sync/wakes.h"
#include "base/banned.h"

#define PREFIX_MIN     4
#define CANDIDATES_MAX 8

void queue_items_release(struct queue_items *l)
{
	for (size_t i = 0; i < l->count; i++) {
		event_release(&l->items[i].event);
		outbox_release(&l->items[i].op);
		sync_request_release(&l->items[i].request);
		calendar_release(&l->items[i].calendar);
		free(l->items[i].reason);
	}
	free(l->items);
	memset(l, 0, sizeof(*l));
}

static struct queue_item *add_item(struct queue_items *l)
{
	struct queue_item *q;

	l->items = xreallocarray(l->items, l->count + 1, sizeof(*l->items));
	q = &l->items[l->count++];
	memset(q, 0, sizeof(*q));
	return q;
}

/* --- load --------------------------------------------------------------------------------- */

struct loading {
	struct cmd_context *cx;
	const struct account *account;
	int64_t calendar_id; /* 0 = any */
	struct queue_items *out;
};

static int load_calendars(struct loading *l, struct err *err)
{
	AUTO(sync_request_list_release) struct sync_request_list list = {0};

	if (store_request_list(l->cx->store, l->account->id, -1, &list, err))
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		AUTO(strbuf_release) struct strbuf why = STRBUF_INIT;
		struct queue_item *q;

		if (l->calendar_id && list.items[i].calendar_id != l->calendar_id)
			continue;
		q = add_item(l->out);
		q->is_calendar = true;
		q->request = list.items[i];
		memset(&list.items[i], 0, sizeof(list.items[i]));
		if (store_calendar_get(l->cx->store, q->request.calendar_id, &q->calendar, err))
			return -1;
		queue_why_unsynced(l->account, &q->request, &why);
		q->reason = strbuf_detach(&why);
	}
	return 0;
}

static int load_event(struct loading *l, struct outbox *op, struct err *err)
{
	AUTO(strbuf_release) struct strbuf why = STRBUF_INIT;
	struct event event = {0};
	struct queue_item *q;

	if (store_event_get_row(l->cx->store, op->event_rowid, &event, err))
		return err->code == ERR_NOT_FOUND ? 0 : -1; /* sent, and gone, in this moment */
	q = add_item(l->out);
	q->event = event;
	q->op = *op;
	memset(op, 0, sizeof(*op));
	if (store_calendar_get(l->cx->store, event.calendar_id, &q->calendar, err))
		return -1;
	queue_why_unsent(l->account, &q->calendar, &q->op, clock_now_ms(l->cx->clock), &why);
	q->reason = strbuf_detach(&why);
	return 0;
}

static int load_events(struct loading *l, struct err *err)
{
	AUTO(outbox_list_release) struct outbox_list list = {0};

	if (store_outbox_list(l->cx->store, l->account->id, l->calendar_id, -1, 0, &list, err))
		return -1;
	for (size_t i = 0; i < list.count; i++)
		if (load_event(l, &list.items[i], err))
			return -1;
	return 0;
}

static int load_wake(struct loading *l, const struct account_list *accounts,
		     const struct id_map *places, const struct hook_wake *wake, struct err *err)
{
	AUTO(calendar_release) struct calendar c = {0};
	AUTO(strbuf_release) struct strbuf why = STRBUF_INIT;
	struct queue_item *q;
	size_t place;

	if (l->calendar_id && wake->calendar_id != l->calendar_id)
		return 0;
	if (store_calendar_get(l->cx->store, wake->calendar_id, &c, err))
		return err->code == ERR_NOT_FOUND ? 0 : -1;
	if (!id_map_find(places, c.account_id, &place))
		return 0;
	q = add_item(l->out);
	q->is_calendar = true;
	q->calendar = c;
	memset(&c, 0, sizeof(c));
	q->request = (struct sync_request){.calendar_id = wake->calendar_id,
					   .requested_ms = wake->at_ms,
					   .reason = xstrdup("notification")};
	queue_why_unsynced(&accounts->items[place], &q->request, &why);
	q->reason = strbuf_detach(&why);
	return 0;
}

/* Calendars that are in the list by now. */
static void map_requested(const struct queue_items *l, struct id_map *out)
{
	for (size_t i = 0; i < l->count; i++)
		if (l->items[i].is_calendar)
			id_map_add(out, l->items[i].calendar.id, i);
	id_map_sort(out);
}

/* Notifications that no sync has taken yet. */
static int load_wakes(struct loading *l, const struct account_list *accounts, struct err *err)
{
	AUTO(free) char *hook_path = cmd_webhook_db_path(l->cx);
	AUTO(free) struct hook_wake *wakes = NULL;
	AUTO(id_map_release) struct id_map places = {0}, requested = {0};
	size_t count;

	if (wakes_look(l->cx->store, hook_path, &wakes, &count, err)) {
		log_warn("queue", "what Google announced is not shown: %s, ignoring", err->msg);
		return 0;
	}
	map_requested(l->out, &requested);
	account_list_map(accounts, &places);
	for (size_t i = 0; i < count; i++)
		if (!id_map_find(&requested, wakes[i].calendar_id, NULL) &&
		    load_wake(l, accounts, &places, &wakes[i], err))
			return -1;
	return 0;
}

int queue_take_wakes(struct cmd_context *cx, struct err *err)
{
	static const struct wake_scope all;
	AUTO(free) char *hook_path = cmd_webhook_db_path(cx);

	return wakes_absorb(cx->store, cx->clock, hook_path, &all, err);
}

int queue_load(struct cmd_context *cx, const char *calendar, struct queue_items *out,
	       struct err *err)
{
	AUTO(account_list_release) struct account_list accounts = {0};
	AUTO(calendar_release) struct calendar c = {0};
	AUTO(queue_items_release) struct queue_items list = {0};
	struct loading l = {.cx = cx, .out = &list};

	if (cmd_accounts(cx, &accounts, err))
		return -1;
	if (calendar && cmd_calendar(cx, 0, calendar, &c, err))
		return -1;
	l.calendar_id = c.id;
	for (size_t i = 0; i < accounts.count; i++) {
		l.account = &accounts.items[i];
		if (load_calendars(&l, err))
			return -1;
	}
	if (load_wakes(&l, &accounts, err))
		return -1;
	for (size_t i = 0; i < accounts.count; i++) {
		l.account = &accounts.items[i];
		if (load_events(&l, err))
			return -1;
	}
	*out = list;
	memset(&list, 0, sizeof(list));
	return 0;
}

/* --- find --------------------------------------------------------------------------------- */

const char *queue_item_id(const struct queue_item *q)
{
	return q->is_calendar ? q->calendar.google_id : q->event.id;
}

static bool is_named(const struct queue_item *q, const char *id, bool exact)
{
	const char *has = queue_item_id(q);

	if (exact || q->is_calendar)
		return !strcmp(has, id);
	return !strncmp(has, id, strlen(id));
}

static size_t match(const struct queue_items *l, const char *id, bool exact, size_t *first,
		    struct strbuf *names)
{
	size_t n = 0;

	for (size_t i = 0; i < l->count; i++) {
		const struct queue_item *q = &l->items[i];

		if (!is_named(q, id, exact))
			continue;
		if (!n++)
			*first = i;
		if (n <= CANDIDATES_MAX)
			strbuf_addf(names, "%s%s (%s)", n > 1 ? ", " : "", queue_item_id(q),
				    q->calendar.google_id);
	}
	return n;
}

int queue_find(const struct queue_items *l, const char *id, struct queue_item **out,
	       struct err *err)
{
	AUTO(strbuf_release) struct strbuf names = STRBUF_INIT;
	size_t first = 0;
	size_t n = match(l, id, true, &first, &names);

	if (!n && strlen(id) < PREFIX_MIN)
		return err_set(err, ERR_USAGE,
			       "'%s' is too short for an event's id: at least %d characters", id,
			       PREFIX_MIN);
	if (!n)
		n = match(l, id, false, &first, &names);
	if (!n)
		return err_set(err, ERR_NOT_FOUND, "'%s' is not in the queue", id);
	if (n > 1)
		return err_set(err, ERR_AMBIGUOUS,
			       "'%s' names several entries: %s; say more of the id, -a ACCOUNT or "
			       "--calendar",
			       id, names.buf);
	*out = &l->items[first];
	return 0;
}

/* --- JSON --------------------------------------------------------------------------------- */

const char *queue_item_op(const struct queue_item *q)
{
	if (q->is_calendar)
		return "sync";
	if (q->op.move_from)
		return "move";
	return pending_op_name(q->op.op);
}

int64_t queue_item_not_before(const struct queue_item *q)
{
	if (q->is_calendar)
		return q->request.not_before_ms;
	return q->op.state == OUTBOX_QUEUED ? q->op.not_before_ms : 0;
}

struct json_object *queue_item_json(const struct queue_item *q)
{
	struct json_object *o = json_object_new_object();
	bool calendar = q->is_calendar;

	json_set_str(o, "id", queue_item_id(q));
	json_set_str(o, "kind", calendar ? "calendar" : "event");
	json_set_str(o, "account", q->calendar.account);
	json_set_str(o, "calendar", q->calendar.google_id);
	json_set_str(o, "event", calendar ? NULL : q->event.id);
	json_set_str(o, "summary",
		     calendar ? q->calendar.summary : json_str(q->event.resource, "summary"));
	json_set_str(o, "op", queue_item_op(q));
	json_set_str(o, "state", calendar ? "queued" : outbox_state_name(q->op.state));
	json_set_int(o, "attempts", calendar ? q->request.attempts : q->op.attempts);
	json_set(o, "since", json_time_ms(calendar ? q->request.requested_ms : q->op.created_ms));
	json_set(o, "notBefore", json_time_ms(queue_item_not_before(q)));
	json_set_str(o, "reason", q->reason);
	json_set_str(o, "lastError", calendar ? q->request.last_error : q->op.last_error);
	return o;
}
