/* `conflicts list`, `conflicts show`, `conflicts resolve`: what both sides changed, who wins. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/term.h"
#include "base/xalloc.h"
#include "cmd/context.h"
#include "cmd/event_options.h"
#include "cmd/event_send.h"
#include "cmd/output.h"
#include "sync/resolve.h"
#include "base/banned.h"

/* --- JSON -------------------------------------------------------------------------------- */

static struct json_object *conflict_json(const struct conflict *c)
{
	struct json_object *o = json_object_new_object();

	json_set_int(o, "id", c->id);
	json_set_str(o, "event", c->event_id);
	json_set_str(o, "account", c->account);
	json_set_str(o, "calendar", c->calendar);
	json_set_str(o, "state", conflict_state_name(c->state));
	json_set_str(o, "policy", c->policy);
	json_set_str(o, "taken", c->taken);
	json_set(o, "at", json_time_ms(c->at_ms));
	json_set(o, "resolvedAt", json_time_ms(c->resolved_ms));
	json_set(o, "fields", json_clone(c->fields));
	json_set(o, "base", json_clone(c->base));
	json_set(o, "local", json_clone(c->local));
	json_set(o, "remote", json_clone(c->remote));
	return o;
}

/* --- which one --------------------------------------------------------------------------- */

/* All digits: the number of a conflict. */
static bool number_of(const char *text, int64_t *out)
{
	if (!*text || strspn(text, "0123456789") != strlen(text) || strlen(text) > 18)
		return false;
	*out = strtoll(text, NULL, 10);
	return true;
}

static int ambiguous(const char *id, const struct conflict *a, const struct conflict *b,
		     struct err *err)
{
	if (strcmp(a->event_id, b->event_id) != 0)
		return err_set(err, ERR_AMBIGUOUS,
			       "'%s' begins the ids of several events with conflicts: '%s' "
			       "and '%s'",
			       id, a->event_id, b->event_id);
	return err_set(err, ERR_AMBIGUOUS,
		       "event '%s' has conflicts in '%s' (%s) and in '%s' (%s): name one by its "
		       "number, %" PRId64 " or %" PRId64,
		       a->event_id, a->calendar, a->account, b->calendar, b->account, a->id, b->id);
}

/* The newest one of an event, one that waits before all others. account_id 0 = any */
static int find_by_event(struct cmd_context *cx, int64_t account_id, const char *id,
			 struct conflict *out, bool *out_found, struct err *err)
{
	AUTO(conflict_list_release) struct conflict_list list = {0};
	struct conflict_query q = CONFLICT_QUERY_INIT;
	struct conflict *best = NULL;

	*out_found = false;
	if (strlen(id) < 4)
		return 0;
	q.account_id = account_id;
	q.event_prefix = id;
	if (store_conflict_list(cx->store, &q, &list, err))
		return -1;
	for (size_t i = 0; i < list.count; i++) {
		struct conflict *c = &list.items[i];

		if (best && (strcmp(best->event_id, c->event_id) != 0 ||
			     best->calendar_id != c->calendar_id))
			return ambiguous(id, best, c, err);
		if (!best || (c->state == CONFLICT_WAITING && best->state != CONFLICT_WAITING))
			best = c;
	}
	if (!best)
		return 0;
	*out = *best;
	memset(best, 0, sizeof(*best));
	*out_found = true;
	return 0;
}

static int find(struct cmd_context *cx, const char *id, struct conflict *out, struct err *err)
{
	const char *wish = cmd_account_wish(cx);
	AUTO(account_release) struct account account = {0};
	int64_t number;
	bool found = false;

	if (wish && cmd_account_named(cx, wish, &account, err))
		return -1;
	if (number_of(id, &number) && store_conflict_get(cx->store, number, out, &found, err))
		return -1;
	if (found && wish && strcmp(out->account, account.name) != 0) {
		conflict_release(out);
		found = false;
	}
	if (!found && find_by_event(cx, account.id, id, out, &found, err))
		return -1;
	if (!found)
		return err_set(err, ERR_NOT_FOUND,
			       "no conflict '%s'; 'calsync conflicts' lists them", id);
	return 0;
}

/* --- list -------------------------------------------------------------------------------- */

struct list_options {
	const char *state, *calendar;
};

static const struct option_spec list_options[] = {
	OPT_CHOICE(0, "state", struct list_options, state, "waiting|decided|resolved",
		   "in this state"),
	OPT_STRING('c', "calendar", struct list_options, calendar, "CALENDAR", "of one calendar"),
	OPT_END,
};

static const char *title_of(const struct conflict *c)
{
	const char *title = json_str(c->local, "summary");

	return title ? title : json_str(c->remote, "summary");
}

/* "summary, start"; what met when it was not two edits. */
static void add_fields(const struct conflict *c, struct strbuf *out)
{
	if (!c->remote)
		strbuf_adds(out, "edited here, deleted at Google");
	else if (!c->local)
		strbuf_adds(out, "deleted here, edited at Google");
	for (size_t i = 0; c->fields && i < json_object_array_length(c->fields); i++) {
		struct json_object *name = json_object_array_get_idx(c->fields, i);

		strbuf_addf(out, "%s%s", out->len ? ", " : "", json_object_get_string(name));
	}
}

static void list_table(const struct cmd_context *cx, const struct conflict_list *l)
{
	AUTO(table_free) struct table *t = table_new(cx);

	table_column(t, "ID", TABLE_RIGHT);
	table_column(t, "STATE", 0);
	table_column(t, "TAKEN", 0);
	table_column(t, "WHEN", 0);
	table_column(t, "EVENT", 0);
	table_column(t, "FIELDS", TABLE_CUT);
	table_column(t, "TITLE", TABLE_CUT);
	for (size_t i = 0; i < l->count; i++) {
		const struct conflict *c = &l->items[i];
		AUTO(strbuf_release) struct strbuf fields = STRBUF_INIT;
		char when[OUT_TIME_LEN];

		out_time_ms(c->at_ms, when);
		add_fields(c, &fields);
		table_row(t);
		table_cellf(t, "%" PRId64, c->id);
		table_cell_styled(t, conflict_state_name(c->state),
				  c->state == CONFLICT_WAITING ? OUT_WARN : OUT_PLAIN);
		table_cell(t, c->taken);
		table_cell(t, when);
		table_cell(t, c->event_id);
		table_cell(t, fields.buf);
		table_cell(t, title_of(c));
	}
	table_print(t);
	if (!l->count)
		out_note(cx, "no conflict\n");
}

static int run_list(struct cmd_context *cx, struct err *err)
{
	const struct list_options *o = cx->opts;
	AUTO(conflict_list_release) struct conflict_list list = {0};
	AUTO(account_release) struct account account = {0};
	AUTO(calendar_release) struct calendar calendar = {0};
	struct conflict_query q = CONFLICT_QUERY_INIT;
	const char *wish = cmd_account_wish(cx);
	struct json_object *answer;

	if (wish && cmd_account_named(cx, wish, &account, err))
		return -1;
	q.account_id = account.id;
	if (o->calendar && cmd_calendar(cx, account.id, o->calendar, &calendar, err))
		return -1;
	q.calendar_id = calendar.id;
	for (int s = CONFLICT_WAITING; o->state && s <= CONFLICT_RESOLVED; s++)
		if (!strcmp(o->state, conflict_state_name((enum conflict_state)s)))
			q.state = s;
	if (store_conflict_list(cx->store, &q, &list, err))
		return -1;
	if (!cx->global.json) {
		list_table(cx, &list);
		return 0;
	}
	answer = json_object_new_array();
	for (size_t i = 0; i < list.count; i++)
		json_object_array_add(answer, conflict_json(&list.items[i]));
	out_json(cx, answer);
	return 0;
}

const struct cmd cmd_conflicts_list = {
	.name = "list",
	.parent = "conflicts",
	.synopsis = "[OPTION]...",
	.summary = "list them, the newest first",
	.options = list_options,
	.opts_size = sizeof(struct list_options),
	.flags = CMD_DEFAULT | CMD_TELLS_DEAD,
	.needs = NEEDS_STORE,
	.run = run_list,
};

/* --- show -------------------------------------------------------------------------------- */

static void show_value(const struct cmd_context *cx, const char *side,
		       const struct json_object *version, const char *field)
{
	struct json_object *v = json_get(version, field);
	const char *text = "(none)";
	AUTO(free) char *clean = NULL;

	if (json_object_is_type(v, json_type_string))
		text = json_object_get_string(v);
	else if (v)
		text = json_text(v);
	if (!version)
		text = "(no event)";
	clean = term_clean(text);
	out_printf("  %s%-7s%s %s\n", out_style_on(cx, OUT_DIM), side, out_style_off(cx), clean);
}

static void show(const struct cmd_context *cx, const struct conflict *c)
{
	AUTO(free) char *title = term_clean(title_of(c));
	AUTO(free) char *calendar = term_clean(c->calendar);
	char when[OUT_TIME_LEN];

	out_time_ms(c->at_ms, when);
	out_printf("%sconflict %" PRId64 "%s  %s\n", out_style_on(cx, OUT_BOLD), c->id,
		   out_style_off(cx), *title ? title : "(no title)");
	out_printf("event %s in %s, %s\n", c->event_id, calendar, when);
	if (!c->remote)
		out_printf("edited here, deleted at Google\n");
	else if (!c->local)
		out_printf("deleted here, edited at Google\n");
	for (size_t i = 0; i < json_object_array_length(c->fields); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(c->fields, i));
		AUTO(free) char *clean = term_clean(name);

		out_printf("%s\n", clean);
		show_value(cx, "base", c->base, name);
		show_value(cx, "local", c->local, name);
		show_value(cx, "remote", c->remote, name);
	}
	if (c->state == CONFLICT_WAITING)
		out_printf("waits: 'calsync conflicts resolve %" PRId64
			   " --take local|remote|both'\n",
			   c->id);
	else if (c->taken)
		out_printf("%s by %s: %s\n", conflict_state_name(c->state),
			   c->resolved_ms ? "you" : c->policy, c->taken);
	else
		out_printf("went away by itself\n");
}

static int run_show(struct cmd_context *cx, struct err *err)
{
	AUTO(conflict_release) struct conflict c = {0};

	if (find(cx, cx->argv[0], &c, err))
		return -1;
	if (cx->global.json)
		out_json(cx, conflict_json(&c));
	else
		show(cx, &c);
	return 0;
}

const struct cmd cmd_conflicts_show = {
	.name = "show",
	.parent = "conflicts",
	.synopsis = "CONFLICT",
	.summary = "show what each side says",
	.help = "CONFLICT is its number, or its event's id or the first four or more characters\n"
		"of it.\n",
	.needs = NEEDS_STORE,
	.flags = CMD_TELLS_DEAD,
	.min_args = 1,
	.max_args = 1,
	.arg = "CONFLICT",
	.run = run_show,
};

/* --- resolve ----------------------------------------------------------------------------- */

struct resolve_options {
	const char *take;
	struct send_options send;
};

static const struct option_spec resolve_options[] = {
	OPT_CHOICE('t', "take", struct resolve_options, take, "local|remote|both",
		   "whose value stands; both: the loser becomes a new event"),
	SEND_OPTIONS(struct resolve_options, send),
	OPT_END,
};

/* The event as the answer shows it when it is no longer in the store. */
static void as_it_was(const struct conflict *c, struct event *out)
{
	out->calendar_id = c->calendar_id;
	out->id = xstrdup(c->event_id);
	out->account = xstrdup_null(c->account);
	out->calendar = xstrdup_null(c->calendar);
	out->resource = json_clone(c->local ? c->local : c->remote);
}

static int resolve(struct cmd_context *cx, const struct conflict *c, enum resolve_take take,
		   const struct local_options *lo, struct event_changes *changes, struct err *err)
{
	AUTO(resolution_release) struct resolution r = {0};
	struct event_change *one;

	if (conflict_resolve(cx->store, cx->clock, c, take, lo, &r, err))
		return -1;
	if (r.event.id || r.deleted) {
		one = event_changes_add(changes);
		one->verb = r.deleted ? "deleted" : "resolved";
		one->deleted = r.deleted;
		one->gone = !r.event.id;
		if (r.event.id)
			one->event = r.event;
		else
			as_it_was(c, &one->event);
		memset(&r.event, 0, sizeof(r.event));
	}
	if (r.other.id) {
		one = event_changes_add(changes);
		one->verb = "added";
		one->event = r.other;
		memset(&r.other, 0, sizeof(r.other));
	}
	return 0;
}

static int run_resolve(struct cmd_context *cx, struct err *err)
{
	const struct resolve_options *o = cx->opts;
	AUTO(event_changes_release) struct event_changes changes = {0};
	AUTO(conflict_release) struct conflict c = {0};
	struct local_options lo;
	enum resolve_take take = TAKE_LOCAL;

	if (!o->take)
		return err_set(err, ERR_USAGE, "say whose value stands: --take local|remote|both");
	if (!strcmp(o->take, "remote"))
		take = TAKE_REMOTE;
	if (!strcmp(o->take, "both"))
		take = TAKE_BOTH;
	if (send_options_local(&o->send, &lo, err) ||
	    event_command_begin(cx, "conflicts resolve", &lo, err))
		return -1;
	if (event_command_end(
		    cx, &lo,
		    find(cx, cx->argv[0], &c, err) || resolve(cx, &c, take, &lo, &changes, err) ? -1
												: 0,
		    err))
		return -1;
	return event_changes_finish(cx, &o->send, &changes, changes.count > 1);
}

const struct cmd cmd_conflicts_resolve = {
	.name = "resolve",
	.parent = "conflicts",
	.synopsis = "CONFLICT --take local|remote|both [OPTION]...",
	.summary = "decide one, whether it waits or was decided",
	.help = "Only the contested fields are decided: what each side changed alone stays. With\n"
		"'both' Google's version of the event stands and the local one becomes a new\n"
		"event (of a conflict that was decided: the version that lost). An edit that met\n"
		"a delete stands until you take the other side, which deletes the event.\n"
		"\n"
		"The answer is that of 'event edit'; with 'both' that of several events.\n",
	.options = resolve_options,
	.opts_size = sizeof(struct resolve_options),
	.needs = NEEDS_STORE,
	.min_args = 1,
	.max_args = 1,
	.arg = "CONFLICT",
	.run = run_resolve,
};

const struct cmd cmd_conflicts = {
	.name = "conflicts",
	.summary = "what both sides changed, and who wins",
	.help = "Whatever the policy ('sync --conflict'), a field that both sides changed is\n"
		"recorded here with the versions that met and what was done.\n",
};
