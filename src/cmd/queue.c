/* `queue`: what waits to be sent or to be synced, and why. */
#include "cmd/queue.h"

#include "cmd/output.h"
#include "base/banned.h"

struct queue_opts {
	const char *calendar;
};

static enum out_style style_of(const struct queue_item *q)
{
	if (q->is_calendar)
		return OUT_PLAIN;
	switch (q->op.state) {
	case OUTBOX_REFUSED:
		return OUT_BAD;
	case OUTBOX_CONFLICT:
	case OUTBOX_HELD:
		return OUT_WARN;
	case OUTBOX_QUEUED:
		break;
	}
	return OUT_PLAIN;
}

static void print_row(struct table *t, const struct queue_item *q, int64_t now_ms, bool accounts)
{
	int64_t next = queue_item_not_before(q);
	int64_t since = q->is_calendar ? q->request.requested_ms : q->op.created_ms;
	char when[OUT_TIME_LEN];

	table_row(t);
	table_cell(t, queue_item_id(q));
	if (accounts)
		table_cell(t, q->calendar.account);
	table_cell(t,
		   q->is_calendar ? q->calendar.summary : json_str(q->event.resource, "summary"));
	table_cell(t, queue_item_op(q));
	table_cell_styled(t, q->is_calendar ? "queued" : outbox_state_name(q->op.state),
			  style_of(q));
	table_cellf(t, "%d", q->is_calendar ? q->request.attempts : q->op.attempts);
	out_age_ms(now_ms - since, when);
	table_cell(t, when);
	out_time_ms(next, when);
	table_cell(t, next > now_ms ? when : "");
	table_cell(t, q->reason);
}

static bool has_several_accounts(const struct queue_items *l)
{
	for (size_t i = 1; i < l->count; i++)
		if (l->items[i].calendar.account_id != l->items[0].calendar.account_id)
			return true;
	return false;
}

static void print_table(const struct cmd_context *cx, const struct queue_items *l)
{
	AUTO(table_free) struct table *t = table_new(cx);
	bool accounts = has_several_accounts(l);

	if (!l->count)
		out_note(cx, "nothing is queued\n");
	table_column(t, "ID", 0);
	if (accounts)
		table_column(t, "ACCOUNT", 0);
	table_column(t, "TITLE", TABLE_CUT);
	table_column(t, "CHANGE", 0);
	table_column(t, "STATE", 0);
	table_column(t, "TRIES", TABLE_RIGHT);
	table_column(t, "SINCE", 0);
	table_column(t, "NEXT TRY", 0);
	table_column(t, "REASON", TABLE_CUT);
	for (size_t i = 0; i < l->count; i++)
		print_row(t, &l->items[i], clock_now_ms(cx->clock), accounts);
	table_print(t);
}

static int run_list(struct cmd_context *cx, struct err *err)
{
	const struct queue_opts *o = cx->opts;
	AUTO(queue_items_release) struct queue_items l = {0};
	struct json_object *answer;

	if (queue_load(cx, o->calendar, &l, err))
		return -1;
	if (!cx->global.json) {
		print_table(cx, &l);
		return 0;
	}
	answer = json_object_new_array();
	for (size_t i = 0; i < l.count; i++)
		json_object_array_add(answer, queue_item_json(&l.items[i]));
	out_json(cx, answer);
	return 0;
}

static const struct option_spec options[] = {
	OPT_STRING(0, "calendar", struct queue_opts, calendar, "CALENDAR",
		   "of this calendar alone"),
	OPT_END,
};

const struct cmd cmd_queue_list = {
	.name = "list",
	.parent = "queue",
	.synopsis = "[--calendar CALENDAR]",
	.summary = "show what waits, and why",
	.help = "Changes to events that wait to be sent, and calendars that shall be synced "
		"because\n"
		"Google announced a change or a sync failed. A change is 'queued' (the next sync\n"
		"sends it), 'held' (--no-sync), 'refused' by Google, or in 'conflict'.\n",
	.options = options,
	.opts_size = sizeof(struct queue_opts),
	.needs = NEEDS_STORE,
	.flags = CMD_DEFAULT,
	.run = run_list,
};

const struct cmd cmd_queue = {
	.name = "queue",
	.summary = "show what waits to be sent or synced; try it again, or drop it",
};
