/* `undo`: the last local command is taken back. */
#include "sync/undo.h"

#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/term.h"
#include "base/xalloc.h"
#include "cmd/context.h"
#include "cmd/event_options.h"
#include "cmd/event_send.h"
#include "cmd/output.h"
#include "base/banned.h"

struct undo_options {
	struct send_options send;
	bool dry_run;
};

static const struct option_spec options[] = {
	OPT_FLAG('n', "dry-run", struct undo_options, dry_run,
		 "say what would be done, change nothing"),
	SEND_OPTIONS(struct undo_options, send),
	OPT_END,
};

struct undoing {
	struct cmd_context *cx;
	const struct undo_options *o;
	struct command command;
	struct undo_result result;
	struct event_changes changes; /* of what was taken back, in that order */
};

static void undoing_release(struct undoing *u)
{
	command_release(&u->command);
	undo_result_release(&u->result);
	event_changes_release(&u->changes);
}
DEFINE_AUTO_VALUE(struct undoing, undoing_release)

/* --- doing it ----------------------------------------------------------------------------- */

static int find_command(struct undoing *u, struct err *err)
{
	const char *wish = cmd_account_wish(u->cx);
	AUTO(account_release) struct account a = {0};
	bool found;

	if ((wish && cmd_account_named(u->cx, wish, &a, err)) ||
	    store_command_last(u->cx->store, a.id, &u->command, &found, err))
		return -1;
	if (!found)
		return err_set(err, ERR_FAILED,
			       "there is no command to take back; 'calsync event log ID' shows the "
			       "versions of an event");
	return 0;
}

/* What undoes is in the log as a command, but none that the next undo takes back. */
static int take_back(struct undoing *u, struct local_options *lo, struct err *err)
{
	struct store *s = u->cx->store;

	if (find_command(u, err))
		return -1;
	return undo_command(s, u->cx->clock, u->command.id, lo, &u->result, err) ||
			       store_command_set_undone(s, lo->command_id,
							clock_now_ms(u->cx->clock), err)
		       ? -1
		       : 0;
}

static const char *verb(const struct undo_item *item)
{
	if (!item->changed)
		return "unchanged";
	switch (item->kind) {
	case UNDO_ADD:
		return "deleted";
	case UNDO_CHANGE:
		return "changed";
	case UNDO_MOVE:
		return "moved";
	case UNDO_DELETE:
		break;
	}
	return "restored";
}

/* The events move over: from now on they belong to the changes. */
static void collect_changes(struct undoing *u)
{
	for (size_t i = 0; i < u->result.count; i++) {
		struct undo_item *item = &u->result.items[i];
		struct event_change *one;

		if (item->err.code != ERR_NONE)
			continue;
		one = event_changes_add(&u->changes);
		one->event = item->event;
		memset(&item->event, 0, sizeof(item->event));
		one->before = json_object_get(item->before);
		one->verb = verb(item);
		one->gone = item->gone;
		one->deleted = item->kind == UNDO_ADD;
	}
}

/* --- the answer --------------------------------------------------------------------------- */

static size_t count_failed(const struct undo_result *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->count; i++)
		n += r->items[i].err.code != ERR_NONE;
	return n;
}

static struct json_object *failed_json(const struct undo_item *item)
{
	struct json_object *o = json_object_new_object();
	struct json_object *status = json_object_new_object();
	struct json_object *event = json_event(&item->event);
	const struct event *e = &item->event;

	if (item->gone || e->hidden)
		json_set_str(event, "status", "cancelled");
	json_set_bool(status, "synced",
		      e->sync_status == SYNC_SYNCED && e->pending == PENDING_NONE);
	json_set_str(status, "error", e->last_error);
	json_set(o, "event", event);
	json_set(o, "syncStatus", status);
	json_set_bool(o, "undone", false);
	json_set_str(o, "error", item->err.msg);
	return o;
}

static struct json_object *item_json(const struct undo_item *item, const struct event_change *c)
{
	struct json_object *o;

	if (item->err.code != ERR_NONE)
		return failed_json(item);
	o = event_change_json(c);
	json_set_bool(o, "undone", true);
	json_set_str(o, "error", NULL);
	return o;
}

static void print_json(struct undoing *u, const struct err *failure)
{
	struct json_object *answer = json_object_new_object();
	struct json_object *command = json_object_new_object();
	struct json_object *events = json_object_new_array();
	size_t next = 0;

	for (size_t i = 0; i < u->result.count; i++) {
		const struct undo_item *item = &u->result.items[i];
		const struct event_change *c = &u->changes.items[next];

		next += item->err.code == ERR_NONE;
		json_object_array_add(events, item_json(item, c));
	}
	json_set_str(command, "name", u->command.name);
	json_set(command, "at", json_time_ms(u->command.at_ms));
	json_set_bool(answer, "success", failure->code == ERR_NONE);
	json_set(answer, "error", sync_error_json(failure));
	json_set_bool(answer, "dryRun", u->o->dry_run);
	json_set(answer, "command", command);
	json_set(answer, "events", events);
	out_json(u->cx, answer);
}

/* "'Title' (id)" */
static char *event_title(const struct event *e)
{
	AUTO(free) char *title = term_clean(json_str(e->resource, "summary"));

	return xasprintf("'%s' (%s)", title, e->id);
}

static void tell_kept(const struct undo_item *item, const struct event *e)
{
	AUTO(free) char *title = event_title(e);
	AUTO(strbuf_release) struct strbuf fields = STRBUF_INIT;

	for (size_t i = 0; i < json_object_array_length(item->kept); i++)
		strbuf_addf(&fields, "%s%s", i ? ", " : "",
			    json_object_get_string(json_object_array_get_idx(item->kept, i)));
	log_warn("undo", "event %s: changed since, so it stays: %s", title, fields.buf);
}

static void tell_items(const struct undoing *u)
{
	size_t next = 0;

	for (size_t i = 0; i < u->result.count; i++) {
		const struct undo_item *item = &u->result.items[i];

		if (item->err.code == ERR_NONE) {
			const struct event *e = &u->changes.items[next++].event;

			if (item->kept)
				tell_kept(item, e);
		} else {
			AUTO(free) char *title = event_title(&item->event);

			log_error("undo", "event %s: %s", title, item->err.msg);
		}
	}
}

static void print_head(const struct undoing *u)
{
	char when[OUT_TIME_LEN];

	out_time_ms(u->command.at_ms, when);
	out_note(u->cx, "%s '%s' of %s\n", u->o->dry_run ? "would take back" : "took back",
		 u->command.name, when);
}

static void first_failure(const struct undo_result *r, struct err *out)
{
	for (size_t i = 0; i < r->count && out->code == ERR_NONE; i++)
		*out = r->items[i].err;
}

static int finish(struct undoing *u)
{
	size_t failed = count_failed(&u->result);
	const struct send_options nothing = {0};
	struct err failure = {0};
	int status;

	first_failure(&u->result, &failure);
	collect_changes(u);
	if (!u->o->dry_run)
		event_changes_send(u->cx, &u->changes);
	if (u->cx->global.json)
		print_json(u, &failure);
	else
		print_head(u);
	status = event_changes_report(u->cx, u->o->dry_run ? &nothing : &u->o->send, &u->changes);
	tell_items(u);
	if (failed)
		return failed < u->result.count ? 7 : 1;
	return status;
}

static int run_undo(struct cmd_context *cx, struct err *err)
{
	struct undo_options *o = cx->opts;
	AUTO(undoing_release) struct undoing u = {.cx = cx, .o = o};
	struct local_options lo;
	int result;

	if (send_options_local(&o->send, &lo, err) || event_command_begin(cx, "undo", &lo, err))
		return -1;
	result = take_back(&u, &lo, err);
	if (!result && o->dry_run)
		store_rollback(cx->store); /* all that was to be known is in u */
	else if (event_command_end(cx, &lo, result, err))
		return -1;
	return finish(&u);
}

const struct cmd cmd_undo = {
	.name = "undo",
	.synopsis = "[OPTION]...",
	.summary = "take back the last command that changed events",
	.help = "What 'event add' added is deleted, what a command changed is changed back, what\n"
		"it deleted is restored, in all events of the command. Only what the command\n"
		"changed is taken back: what Google or others have changed since stays, and\n"
		"--dry-run shows what would happen. Again, it takes back the command before;\n"
		"it does not take back itself ('event restore' does).\n"
		"\n"
		"With --account the last command that changed something in that account. Exit\n"
		"status 7 means that some of the events could not be taken back, 1 that none\n"
		"could; the command counts as taken back all the same.\n",
	.options = options,
	.opts_size = sizeof(struct undo_options),
	.needs = NEEDS_STORE,
	.run = run_undo,
};
