/* `event explain`: why an event is, or is not, the same here and at Google. */
#include <string.h>

#include "base/json.h"
#include "base/term.h"
#include "base/time.h"
#include "base/xalloc.h"
#include "cmd/context.h"
#include "cmd/event_print.h"
#include "cmd/output.h"
#include "model/event.h"
#include "base/banned.h"

struct explain {
	struct cmd_context *cx;
	struct event event;
	bool found; /* it is in the store; else event is its last version */
	struct account account;
	struct calendar calendar;
	struct outbox op;
	bool waits; /* op is filled */
	struct json_object *reasons;
};

static void explain_release(struct explain *x)
{
	event_release(&x->event);
	account_release(&x->account);
	calendar_release(&x->calendar);
	outbox_release(&x->op);
	json_object_put(x->reasons);
}
DEFINE_AUTO_VALUE(struct explain, explain_release)

/* message_take; mend: a command or a sentence, NULL = there is nothing to mend. */
static void add(struct explain *x, const char *code, char *message_take, const char *mend)
{
	struct json_object *r = json_object_new_object();
	AUTO(free) char *message = message_take;

	json_set_str(r, "code", code);
	json_set_str(r, "message", message);
	json_set_str(r, "mend", mend);
	json_object_array_add(x->reasons, r);
}

/* "'calsync VERB ID'" */
static char *command(const char *verb, const char *argument)
{
	return xasprintf("'calsync %s %s'", verb, argument);
}

/* --- which event -------------------------------------------------------------------------- */

/* What is there now, before what is hidden or cancelled. */
static int choose_row(struct event_list *rows, struct event *out, struct err *err)
{
	size_t living = 0, pick = 0;

	for (size_t i = 0; i < rows->count; i++) {
		const struct event *e = &rows->items[i];

		if (e->hidden || event_is_cancelled(e->resource))
			continue;
		if (living++)
			return err_set(err, ERR_AMBIGUOUS,
				       "event '%s' is in calendars '%s' and '%s': one of them has "
				       "to be named, which 'event explain' cannot",
				       e->id, rows->items[pick].calendar, e->calendar);
		pick = i;
	}
	*out = rows->items[pick];
	memset(&rows->items[pick], 0, sizeof(rows->items[pick]));
	return 0;
}

/* It is gone: its log says since when. */
static int explain_gone(struct explain *x, const struct event_name *name, struct err *err)
{
	AUTO(history_list_release) struct history_list log = {0};
	struct history_query q = {
		.account_id = name->account_id, .event_id = name->id, .newest_first = true};
	AUTO(free) char *mend = command("event restore", name->id);
	const struct history *h = NULL;
	char when[OUT_TIME_LEN];

	if (store_history_list(x->cx->store, &q, &log, err))
		return -1;
	for (size_t i = 0; i < log.count && !h; i++)
		if (log.items[i].op == HISTORY_DELETE)
			h = &log.items[i];
	if (!h)
		return err_set(err, ERR_NOT_FOUND, "no event '%s'", name->id);
	x->event.id = xstrdup(h->event_id);
	x->event.account = xstrdup(h->account);
	x->event.calendar = xstrdup(h->calendar);
	x->event.calendar_id = h->calendar_id;
	x->event.resource = json_clone(h->resource);
	x->event.sync_status = SYNC_SYNCED;
	out_time_ms(h->at_ms, when);
	add(x, "deleted",
	    xasprintf("it was deleted %s on %s",
		      strcmp(h->origin, "google") != 0 ? "here" : "at Google", when),
	    mend);
	return 0;
}

static int find(struct explain *x, const char *id, struct err *err)
{
	AUTO(event_name_release) struct event_name name = {0};
	AUTO(event_list_release) struct event_list rows = {0};
	struct event_query q = EVENT_QUERY_INIT;
	struct store *s = x->cx->store;

	if (cmd_event_name(x->cx, id, &name, err))
		return -1;
	q.account_id = name.account_id;
	q.id = name.id;
	q.include_hidden = q.include_cancelled = true;
	if (store_event_list(s, &q, &rows, err))
		return -1;
	x->found = rows.count > 0;
	if (!x->found)
		return explain_gone(x, &name, err);
	return choose_row(&rows, &x->event, err) ||
			       store_outbox_get(s, x->event.rowid, &x->op, &x->waits, err)
		       ? -1
		       : 0;
}

/* --- the event itself --------------------------------------------------------------------- */

static const char *op_text(const struct explain *x)
{
	if (x->op.move_from)
		return "its move from another calendar";
	switch (x->op.op) {
	case PENDING_CREATE:
		return "the event";
	case PENDING_DELETE:
		return "its deletion";
	default:
		return "a change of it";
	}
}

static int explain_conflict(struct explain *x, struct err *err)
{
	AUTO(conflict_release) struct conflict c = {0};
	AUTO(free) char *mend = NULL;
	bool found;

	if (store_conflict_waiting(x->cx->store, x->event.rowid, &c, &found, err))
		return -1;
	mend = found ? xasprintf("'calsync conflicts show %lld', then 'calsync conflicts resolve'",
				 (long long)c.id)
		     : command("queue retry", x->event.id);
	add(x, "conflict", xstrdup("it was changed here and at Google, and a person has to decide"),
	    mend);
	return 0;
}

/* An occurrence is sent when its series is at Google. */
static int explain_series(struct explain *x, struct err *err)
{
	const char *series = json_str(x->event.resource, "recurringEventId");
	AUTO(event_release) struct event master = {0};
	AUTO(free) char *mend = NULL;
	bool found;

	if (!series)
		return 0;
	if (store_event_get(x->cx->store, x->event.calendar_id, series, &master, &found, err))
		return -1;
	if (!found || master.pending != PENDING_CREATE)
		return 0;
	mend = command("event explain", series);
	add(x, "series_waiting", xasprintf("its series '%s' is not at Google yet", series), mend);
	return 0;
}

/* What sends it, where that is in anybody's hands here: the other reasons say what else mends. */
static char *how_to_send(const struct explain *x)
{
	AUTO(free) char *retry = NULL;
	AUTO(free) char *drop = NULL;

	if (!x->calendar.gone && calendar_takes_writes(&x->calendar)) {
		retry = command("queue retry", x->event.id);
		return xasprintf("the next 'calsync sync' sends it; %s does at once", retry);
	}
	drop = command("queue drop", x->event.id);
	return xasprintf("it is sent when its calendar takes changes again; %s takes it back",
			 drop);
}

static int explain_queued(struct explain *x, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	AUTO(free) char *mend = how_to_send(x);
	int64_t now = clock_now_ms(x->cx->clock);
	char when[OUT_TIME_LEN];

	strbuf_addf(&text, "%s waits to be sent", op_text(x));
	if (x->op.attempts)
		strbuf_addf(&text, "; tried %d time%s", x->op.attempts,
			    x->op.attempts == 1 ? "" : "s");
	if (x->op.not_before_ms > now) {
		out_time_ms(x->op.not_before_ms, when);
		strbuf_addf(&text, ", again not before %s", when);
	}
	if (x->op.last_error)
		strbuf_addf(&text, "; last: %s", x->op.last_error);
	add(x, "waiting", strbuf_detach(&text), mend);
	return explain_series(x, err);
}

static int explain_waiting(struct explain *x, struct err *err)
{
	AUTO(free) char *mend = command("queue retry", x->event.id);
	AUTO(free) char *edit = NULL;

	switch (x->op.state) {
	case OUTBOX_QUEUED:
		return explain_queued(x, err);
	case OUTBOX_CONFLICT:
		return explain_conflict(x, err);
	case OUTBOX_HELD:
		add(x, "held", xasprintf("%s is held back by --no-sync", op_text(x)), mend);
		return 0;
	case OUTBOX_REFUSED:
		break;
	}
	edit = xasprintf("'calsync event edit %s' with what Google takes, or %s to ask again",
			 x->event.id, mend);
	add(x, "refused",
	    xasprintf("Google refused %s: %s", op_text(x),
		      x->op.last_error ? x->op.last_error : "it did not say why"),
	    edit);
	return 0;
}

static void explain_in_step(struct explain *x)
{
	char when[OUT_TIME_LEN];

	out_time_ms(x->calendar.last_sync_ms, when);
	if (event_is_cancelled(x->event.resource))
		add(x, "cancelled", xstrdup("this occurrence of its series does not take place"),
		    NULL);
	add(x, "synced",
	    xasprintf("Google has this version (etag %s); its calendar was last synced: %s",
		      x->event.etag ? x->event.etag : "not known", when),
	    NULL);
}

static int explain_event(struct explain *x, struct err *err)
{
	const struct event *e = &x->event;
	AUTO(free) char *mend = command("queue retry", e->id);

	if (x->waits)
		return explain_waiting(x, err);
	if (e->hidden) {
		add(x, "deleted_with_series", xstrdup("it is deleted together with its series"),
		    NULL);
	} else if (e->sync_status == SYNC_ERROR) {
		add(x, "unreadable",
		    xasprintf("what Google sent for it cannot be read: %s",
			      e->last_error ? e->last_error : "no reason is known"),
		    "the next sync that brings a readable version mends it");
	} else if (!e->at_google) {
		add(x, "local_only", xstrdup("it is kept here alone (--no-sync)"), mend);
	} else {
		explain_in_step(x);
	}
	return 0;
}

/* --- where it is -------------------------------------------------------------------------- */

static void explain_account(struct explain *x)
{
	const struct account *a = &x->account;
	AUTO(free) char *mend = command("connect", a->name);
	char when[OUT_TIME_LEN];

	if (a->state == ACCOUNT_REAUTH_REQUIRED)
		add(x, "connect_again",
		    xasprintf("account '%s' must be connected again: its login is no longer valid",
			      a->name),
		    mend);
	if (a->state == ACCOUNT_DISCONNECTED)
		add(x, "disconnected", xasprintf("account '%s' is disconnected", a->name), mend);
	if (a->read_only)
		add(x, "account_read_only",
		    xasprintf("account '%s' is connected read-only: nothing is sent", a->name),
		    "disconnect it and connect it again without --read-only (its events stay)");
	if (a->not_before_ms > clock_now_ms(x->cx->clock)) {
		out_time_ms(a->not_before_ms, when);
		add(x, "google_asks_to_wait",
		    xasprintf("Google asked not to be called before %s", when), NULL);
	}
}

static void explain_calendar(struct explain *x)
{
	const struct calendar *c = &x->calendar;
	AUTO(free) char *mend = command("calendars select", c->google_id);

	if (c->gone)
		add(x, "calendar_gone",
		    xasprintf("calendar '%s' is no longer on the account's list", c->summary),
		    "its owner has to share it again, or it is subscribed to again at Google");
	else if (!c->selected)
		add(x, "calendar_not_selected",
		    xasprintf("calendar '%s' is not selected: changes at Google do not come here",
			      c->summary),
		    mend);
	if (!c->gone && !calendar_takes_writes(c))
		add(x, "calendar_read_only",
		    xasprintf("calendar '%s' is read-only (your role there is '%s'): changes here "
			      "are refused",
			      c->summary, c->access_role),
		    "its owner can give you the right to make changes");
	if (c->selected && c->last_error)
		add(x, "calendar_error",
		    xasprintf("the last sync of calendar '%s' failed: %s", c->summary,
			      c->last_error),
		    "'calsync sync' tries again");
}

static int explain(struct explain *x, const char *id, struct err *err)
{
	struct store *s = x->cx->store;

	x->reasons = json_object_new_array();
	if (find(x, id, err) || store_calendar_get(s, x->event.calendar_id, &x->calendar, err) ||
	    cmd_account_of(x->cx, x->event.calendar_id, &x->account, err))
		return -1;
	if (x->found && explain_event(x, err))
		return -1;
	explain_account(x);
	explain_calendar(x);
	return 0;
}

/* --- the answer --------------------------------------------------------------------------- */

static bool is_synced(const struct explain *x)
{
	const struct event *e = &x->event;

	return e->sync_status == SYNC_SYNCED && !x->waits && !e->hidden;
}

static void print_json(struct explain *x)
{
	struct json_object *answer = json_object_new_object();
	struct json_object *status = json_object_new_object();
	struct json_object *event = json_event(&x->event);

	if (!x->found || x->event.hidden)
		json_set_str(event, "status", "cancelled");
	json_set_bool(status, "synced", is_synced(x));
	json_set_str(status, "error", x->event.last_error);
	json_set(answer, "event", event);
	json_set(answer, "syncStatus", status);
	json_set(answer, "reasons", json_object_get(x->reasons));
	out_json(x->cx, answer);
}

static void print_text(const struct explain *x)
{
	AUTO(free) char *title = term_clean(json_str(x->event.resource, "summary"));
	AUTO(strbuf_release) struct strbuf span = STRBUF_INIT;

	event_text_span(x->event.resource, zone_system(), &span);
	out_printf("%s%s%s  %s  %s\n", out_style_on(x->cx, OUT_BOLD), *title ? title : "(no title)",
		   out_style_off(x->cx), span.buf,
		   !x->found || x->event.hidden ? "deleted"
		   : is_synced(x)               ? "in step with Google"
						: "not in step with Google");
	for (size_t i = 0; i < json_object_array_length(x->reasons); i++) {
		const struct json_object *r = json_object_array_get_idx(x->reasons, i);
		AUTO(free) char *message = term_clean(json_str(r, "message"));
		AUTO(free) char *mend = term_clean(json_str(r, "mend"));

		out_printf("- %s\n", message);
		if (*mend)
			out_printf("  %s%s%s\n", out_style_on(x->cx, OUT_DIM), mend,
				   out_style_off(x->cx));
	}
}

static int run_explain(struct cmd_context *cx, struct err *err)
{
	AUTO(explain_release) struct explain x = {.cx = cx};

	if (explain(&x, cx->argv[0], err))
		return -1;
	if (cx->global.json)
		print_json(&x);
	else
		print_text(&x);
	return 0;
}

const struct cmd cmd_event_explain = {
	.name = "explain",
	.parent = "event",
	.synopsis = "EVENT",
	.summary = "say why an event is, or is not, in step with Google",
	.help = "Each reason with what mends it, also of an event that is deleted. Nothing is\n"
		"asked of Google: it is what this store knows.\n"
		"\n"
		"--json answers {\"event\", \"syncStatus\", \"reasons\": [{\"code\", \"message\",\n"
		"\"mend\"}, ...]}; calsync-event-explain(1) lists the codes.\n",
	.needs = NEEDS_STORE,
	.min_args = 1,
	.max_args = 1,
	.arg = "EVENT",
	.run = run_explain,
};
