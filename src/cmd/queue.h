/*
 * What the queue commands share: one list of what waits, changes to events and calendars that shall
 * be synced alike.
 */
#ifndef CMD_QUEUE_H
#define CMD_QUEUE_H

#include "cmd/context.h"

struct queue_item {
	bool is_calendar;            /* a calendar that shall be synced, else an event */
	struct event event;          /* as it is here */
	struct outbox op;            /* its change; id 0 = none: it is kept local */
	struct sync_request request; /* the calendar's */
	struct calendar calendar;    /* the event's, or the one to sync */
	char *reason;                /* why it waits, one line */
};

struct queue_items {
	struct queue_item *items;
	size_t count;
};
void queue_items_release(struct queue_items *l);
DEFINE_AUTO_VALUE(struct queue_items, queue_items_release)

/* Everything that waits: of the account wished for, else of all; calendar (as cmd_calendar() takes
 * it) NULL = any. Calendars first, then changes, each oldest first. */
int queue_load(struct cmd_context *cx, const char *calendar, struct queue_items *out,
	       struct err *err);
/* Before something is done to the queue: what Google announced is in it, too. Whoever waits for the
 * bell goes on hearing it. */
int queue_take_wakes(struct cmd_context *cx, struct err *err);
/* An entry by the id of its event, a prefix of that, or the id of its calendar. Borrowed. Errors:
 * ERR_NOT_FOUND, ERR_AMBIGUOUS, ERR_USAGE (a prefix that is too short). */
int queue_find(const struct queue_items *l, const char *id, struct queue_item **out,
	       struct err *err);

/* One element of `queue`. Caller's. */
struct json_object *queue_item_json(const struct queue_item *q);
/* "sync", "create", "update", "delete", "move" */
const char *queue_item_op(const struct queue_item *q);
const char *queue_item_id(const struct queue_item *q);
/* When it is tried again at the earliest; 0 = at once, or not by itself. */
int64_t queue_item_not_before(const struct queue_item *q);

#endif
