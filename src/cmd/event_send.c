#include "cmd/event_send.h"

#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/term.h"
#include "base/time.h"
#include "base/xalloc.h"
#include "cmd/context.h"
#include "cmd/event_print.h"
#include "cmd/output.h"
#include "model/event.h"
#include "sync/sync.h"
#include "base/banned.h"

struct event_change *event_changes_add(struct event_changes *c)
{
	struct event_change *one;

	c->items = xreallocarray(c->items, c->count + 1, sizeof(*c->items));
	one = &c->items[c->count++];
	memset(one, 0, sizeof(*one));
	return one;
}

void event_changes_release(struct event_changes *c)
{
	for (size_t i = 0; i < c->count; i++) {
		event_release(&c->items[i].event);
		json_object_put(c->items[i].before);
		row_list_release(&c->items[i].also);
	}
	free(c->items);
	memset(c, 0, sizeof(*c));
}

/* --- one command -------------------------------------------------------------------------- */

int event_command_begin(struct cmd_context *cx, const char *name, struct local_options *lo,
			struct err *err)
{
	if (store_begin(cx->store, err))
		return -1;
	if (!store_command_add(cx->store, name, clock_now_ms(cx->clock), &lo->command_id, err))
		return 0;
	store_rollback(cx->store);
	return -1;
}

int event_command_end(struct cmd_context *cx, const struct local_options *lo, int result,
		      struct err *err)
{
	if (!result && !store_command_drop_unused(cx->store, lo->command_id, err))
		return store_commit(cx->store, err);
	store_rollback(cx->store);
	return result ? result : -1;
}

/* --- sending ------------------------------------------------------------------------------ */

static bool is_state(struct store *s, int64_t rowid, enum outbox_state state, struct err *err)
{
	AUTO(outbox_release) struct outbox op = {0};
	bool found = false;

	return !store_outbox_get(s, rowid, &op, &found, err) && found && op.state == state;
}

static bool is_queued(struct store *s, int64_t rowid, struct err *err)
{
	return is_state(s, rowid, OUTBOX_QUEUED, err);
}

/* design.md section 3 fixes how this one begins. */
static void name_the_repair(const struct account *a, struct err *err)
{
	if (err->code == ERR_TOKEN_EXPIRED)
		account_must_reconnect(a->name, err);
}

static int send_rows(struct cmd_context *cx, const struct account *a, const int64_t *rowids,
		     size_t count, struct err *err)
{
	struct sync_env env;

	/* Before the key is asked for: without a login nobody needs it. */
	if (account_check_state(a, err))
		return -1;
	if (!cmd_sync_env(cx, &env, err) && !sync_events(&env, a, rowids, count, err))
		return 0;
	name_the_repair(a, err);
	return -1;
}

static void forget_google(struct event *e)
{
	e->pending = PENDING_NONE;
	e->sync_status = SYNC_SYNCED;
	e->at_google = false;
}

static void tell_conflict(const struct event *e, struct err *err)
{
	err_set(err, ERR_CONFLICT, "%s",
		e->last_error ? e->last_error : "changed here and at Google");
}

/* What went out with an event and did not get through is its trouble, too. */
static void read_back_others(struct cmd_context *cx, struct event_change *c, const struct err *sent)
{
	struct err err = {0};

	for (size_t i = 0; c->sent && i < c->also.count; i++) {
		AUTO(event_release) struct event row = {0};

		if (store_event_get_row(cx->store, c->also.items[i], &row, &err))
			continue; /* deleted, as it should be */
		if (row.pending == PENDING_NONE && row.sync_status == SYNC_SYNCED)
			continue;
		c->sent = false;
		if (row.sync_status == SYNC_ERROR && row.last_error)
			err_set(&c->err, ERR_GOOGLE, "%s", row.last_error);
		else if (sent->code != ERR_NONE)
			c->err = *sent;
		else
			err_set(&c->err, ERR_FAILED, "not all of it was sent");
	}
}

/* What became of one event. sent: what send_rows() said of all of its account. */
static void read_back(struct cmd_context *cx, struct event_change *c, const struct err *sent)
{
	struct event now = {0};
	struct err err = {0};

	if (store_event_get_row(cx->store, c->event.rowid, &now, &err)) {
		c->gone = err.code == ERR_NOT_FOUND;
		c->sent = c->gone;
		if (c->gone)
			forget_google(&c->event);
		else
			c->err = err;
		return;
	}
	if (c->deleted && event_is_cancelled(now.resource) && now.pending == PENDING_NONE &&
	    now.sync_status == SYNC_SYNCED) {
		/* An occurrence: its row stays, and says that it does not take place. */
		event_release(&now);
		forget_google(&c->event);
		c->sent = true;
		return;
	}
	event_release(&c->event);
	c->event = now;
	c->sent = now.pending == PENDING_NONE && now.sync_status == SYNC_SYNCED;
	if (c->deleted && c->sent) {
		c->deleted = false;
		c->verb = "kept";
		err_set(&c->err, ERR_CONFLICT,
			"the event was changed at Google meanwhile: an edit beats a delete");
	}
	if (c->sent)
		return;
	if (now.sync_status == SYNC_ERROR && now.last_error)
		err_set(&c->err, sent->code != ERR_NONE ? sent->code : ERR_GOOGLE, "%s",
			now.last_error);
	else if (sent->code != ERR_NONE)
		c->err = *sent;
	else if (is_state(cx->store, now.rowid, OUTBOX_CONFLICT, &err))
		tell_conflict(&now, &c->err);
	else if (is_queued(cx->store, now.rowid, &err))
		err_set(&c->err, ERR_FAILED, "not sent");
}

/* All of one account's changes in one go, starting with the first that still waits. */
static void send_account(struct cmd_context *cx, struct event_changes *c, bool *waiting,
			 size_t first, struct err *last)
{
	AUTO(account_release) struct account a = {0};
	AUTO(row_list_release) struct row_list rows = {0};
	AUTO(free) size_t *which = xcalloc(c->count, sizeof(*which));
	const char *name = c->items[first].event.account;
	struct err err = {0};
	size_t n = 0;

	for (size_t i = first; i < c->count; i++) {
		if (!waiting[i] || strcmp(c->items[i].event.account, name) != 0)
			continue;
		waiting[i] = false;
		which[n++] = i;
		row_list_add(&rows, c->items[i].event.rowid);
		for (size_t k = 0; k < c->items[i].also.count; k++)
			row_list_add(&rows, c->items[i].also.items[k]);
	}
	/* No network for one account is no network for the next: the five seconds are spent. */
	if (last->code == ERR_NETWORK)
		err = *last;
	else if (!cmd_account_named(cx, name, &a, &err))
		(void)send_rows(cx, &a, rows.items, rows.count, &err);
	for (size_t i = 0; i < n; i++) {
		read_back(cx, &c->items[which[i]], &err);
		read_back_others(cx, &c->items[which[i]], &err);
	}
	*last = err;
}

void event_changes_send(struct cmd_context *cx, struct event_changes *c)
{
	AUTO(free) bool *waiting = xcalloc(c->count, sizeof(*waiting));
	struct err last = {0};

	for (size_t i = 0; i < c->count; i++) {
		struct event_change *one = &c->items[i];
		struct err err = {0};

		if (one->gone) {
			one->sent = true;
			forget_google(&one->event);
			continue;
		}
		waiting[i] = is_queued(cx->store, one->event.rowid, &err);
		if (is_state(cx->store, one->event.rowid, OUTBOX_CONFLICT, &err))
			tell_conflict(&one->event, &err);
		one->err = err;
		one->sent =
			one->event.sync_status == SYNC_SYNCED && one->event.pending == PENDING_NONE;
	}
	event_guests_tell(cx->store, c, waiting);
	for (size_t i = 0; i < c->count; i++)
		if (waiting[i])
			send_account(cx, c, waiting, i, &last);
}

/* --- the answer --------------------------------------------------------------------------- */

struct json_object *event_change_json(const struct event_change *c)
{
	struct json_object *answer = json_object_new_object();
	struct json_object *status = json_object_new_object();
	struct json_object *event;

	json_set_bool(status, "synced", c->sent);
	json_set_str(status, "error", c->err.code == ERR_NONE ? NULL : c->err.msg);
	event = json_event(&c->event);
	if (c->deleted)
		json_set_str(event, "status", "cancelled");
	json_set(answer, "event", event);
	json_set(answer, "syncStatus", status);
	return answer;
}

static void print_json(struct cmd_context *cx, const struct event_changes *c, bool many)
{
	struct json_object *answer, *list;

	if (!many) {
		out_json(cx, event_change_json(&c->items[0]));
		return;
	}
	list = json_object_new_array();
	for (size_t i = 0; i < c->count; i++)
		json_object_array_add(list, event_change_json(&c->items[i]));
	answer = json_object_new_object();
	json_set(answer, "events", list);
	out_json(cx, answer);
}

static void print_lines(const struct cmd_context *cx, const struct event_changes *c)
{
	for (size_t i = 0; i < c->count; i++) {
		const struct event_change *one = &c->items[i];
		AUTO(strbuf_release) struct strbuf span = STRBUF_INIT;
		AUTO(free) char *title = term_clean(json_str(one->event.resource, "summary"));
		const char *state = one->gone ? "" : event_text_state(&one->event);

		event_text_span(one->event.resource, zone_system(), &span);
		out_note(cx, "%s %s  %s  %s%s%s%s\n", one->verb, one->event.id, span.buf,
			 *title ? title : "(no title)", *state ? "  (" : "", state,
			 *state ? ")" : "");
	}
}

struct reason {
	const struct event_change *first; /* that has it */
	size_t count;
};

static bool same_reason(const struct event_change *a, const struct event_change *b)
{
	return !strcmp(a->err.msg, b->err.msg) &&
	       (a->event.sync_status == SYNC_ERROR) == (b->event.sync_status == SYNC_ERROR);
}

static void tell_reason(const struct reason *r, bool as_error)
{
	const char *what = "kept here, and queued for the next sync";

	if (r->first->event.sync_status == SYNC_ERROR)
		what = "not at Google: edit it, or 'calsync event rm'";
	else if (r->first->err.code == ERR_CONFLICT)
		what = "kept here, until you decide";
	else if (r->first->err.code == ERR_LOCKED)
		what = "kept here; that sync sends it, or the next one";
	(as_error ? log_error : log_warn)("event", "%s (%zu %s %s)", r->first->err.msg, r->count,
					  r->count == 1 ? "change" : "changes", what);
}

/* One line for each reason, not for each event. */
void event_changes_tell(const struct event_changes *c, bool as_error)
{
	AUTO(free) struct reason *reasons = NULL;
	size_t n = 0;

	for (size_t i = 0; i < c->count; i++) {
		const struct event_change *one = &c->items[i];
		size_t k = 0;

		if (one->err.code == ERR_NONE)
			continue;
		if (one->sent) {
			log_warn("event", "event '%s': %s", one->event.id, one->err.msg);
			continue;
		}
		while (k < n && !same_reason(reasons[k].first, one))
			k++;
		if (k == n) {
			reasons = xreallocarray(reasons, n + 1, sizeof(*reasons));
			reasons[n++] = (struct reason){.first = one};
		}
		reasons[k].count++;
	}
	for (size_t k = 0; k < n; k++)
		tell_reason(&reasons[k], as_error);
}

/* 3 or 4 for what a login or time may mend (also another process at work, and what is kept local
 * on purpose), 6 for what a person has to decide, 1 for the rest: Google refuses the event, the key
 * is lost. */
static int unsent_status(const struct event_change *c)
{
	int status = c->err.code == ERR_NONE || c->err.code == ERR_LOCKED
			     ? 4
			     : err_exit_status(c->err.code);

	return status == 3 || status == 6 || (status == 4 && c->event.sync_status != SYNC_ERROR)
		       ? status
		       : 1;
}

/* What a person has to do comes before what time may mend. */
static int required_status(const struct event_changes *c)
{
	static const int order[] = {3, 1, 6, 4};
	bool seen[7] = {false};

	for (size_t i = 0; i < c->count; i++) {
		const struct event_change *one = &c->items[i];

		if (one->sent)
			continue;
		seen[unsent_status(one)] = true;
		if (one->err.code == ERR_NONE)
			log_error("event", "event '%s' is kept local (--no-sync)", one->event.id);
	}
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (seen[order[i]])
			return order[i];
	return 0;
}

int event_changes_report(struct cmd_context *cx, const struct send_options *o,
			 const struct event_changes *c)
{
	if (!cx->global.json)
		print_lines(cx, c);
	event_changes_tell(c, o->require_sync);
	return o->require_sync ? required_status(c) : 0;
}

int event_changes_finish(struct cmd_context *cx, const struct send_options *o,
			 struct event_changes *c, bool many)
{
	event_changes_send(cx, c);
	if (cx->global.json)
		print_json(cx, c, many);
	return event_changes_report(cx, o, c);
}
