/* `calendars list`, `calendars select`, `calendars deselect`: which calendars take part in sync. */
#include "cmd/context.h"
#include "cmd/output.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "base/banned.h"

/* --- list -------------------------------------------------------------------------------- */

static void print_table(const struct cmd_context *cx, const struct calendar_list *l, bool several)
{
	AUTO(table_free) struct table *t = table_new(cx);

	table_column(t, "SYNC", 0);
	if (several)
		table_column(t, "ACCOUNT", 0);
	table_column(t, "ID", 0);
	table_column(t, "TITLE", TABLE_CUT);
	table_column(t, "ROLE", 0);
	table_column(t, "LAST SYNC", 0);
	table_column(t, "PUSH", 0);
	for (size_t i = 0; i < l->count; i++) {
		const struct calendar *c = &l->items[i];
		char when[OUT_TIME_LEN];

		out_time_ms(c->last_sync_ms, when);
		table_row(t);
		table_cell_styled(t,
				  c->gone       ? "gone"
				  : c->selected ? "yes"
						: "no",
				  c->gone       ? OUT_WARN
				  : c->selected ? OUT_GOOD
						: OUT_DIM);
		if (several)
			table_cell(t, c->account);
		table_cell(t, c->google_id);
		table_cell(t, c->summary);
		table_cell(t, c->access_role);
		table_cell(t, when);
		table_cell(t, out_push(push_state_name(c->push)));
	}
	table_print(t);
}

static int run_list(struct cmd_context *cx, struct err *err)
{
	AUTO(account_list_release) struct account_list accounts = {0};
	struct json_object *answer = NULL;
	bool several;

	if (cmd_accounts(cx, &accounts, err))
		return -1;
	several = accounts.count > 1;
	if (cx->global.json)
		answer = json_object_new_array();
	/* One account: the table is its own; several: one table with a column for them. */
	for (size_t i = 0; i < (several ? 1 : accounts.count); i++) {
		AUTO(calendar_list_release) struct calendar_list l = {0};

		if (store_calendar_list(cx->store, several ? 0 : accounts.items[i].id, &l, err)) {
			json_object_put(answer);
			return -1;
		}
		if (!answer)
			print_table(cx, &l, several);
		for (size_t k = 0; answer && k < l.count; k++)
			json_object_array_add(answer, json_calendar(&l.items[k]));
	}
	if (answer)
		out_json(cx, answer);
	return 0;
}

const struct cmd cmd_calendars_list = {
	.name = "list",
	.parent = "calendars",
	.summary = "list them",
	.flags = CMD_DEFAULT | CMD_TELLS_DEAD,
	.needs = NEEDS_STORE,
	.run = run_list,
};

/* --- select, deselect -------------------------------------------------------------------- */

/* What was announced while it was not synced was dropped, and its channel may live on: nobody would
 * announce it again. */
static int select_one(struct cmd_context *cx, const struct calendar *c, bool selected,
		      struct err *err)
{
	if (store_calendar_set_selected(cx->store, c->id, selected, err))
		return -1;
	if (!selected || c->push != PUSH_ON)
		return 0;
	return store_request_add(cx->store, c->id, "selected", clock_now_ms(cx->clock), err);
}

static int apply(struct cmd_context *cx, const struct calendar *found, bool selected,
		 struct err *err)
{
	if (store_begin(cx->store, err))
		return -1;
	for (int i = 0; i < cx->argc; i++) {
		if (found[i].selected == selected)
			continue;
		if (select_one(cx, &found[i], selected, err)) {
			store_rollback(cx->store);
			return -1;
		}
	}
	return store_commit(cx->store, err);
}

static void report(struct cmd_context *cx, struct calendar *found, bool selected)
{
	struct json_object *list = cx->global.json ? json_object_new_array() : NULL;

	for (int i = 0; i < cx->argc; i++) {
		AUTO(free) char *title = term_clean(found[i].summary);

		found[i].selected = selected;
		if (list)
			json_object_array_add(list, json_calendar(&found[i]));
		else
			out_note(cx, "%s is %s\n", title,
				 selected ? "selected for sync"
					  : "no longer synced; its events stay");
	}
	if (list) {
		struct json_object *answer = json_object_new_object();

		json_set_bool(answer, "success", true);
		json_set(answer, "calendars", list);
		out_json(cx, answer);
	}
}

/* All names are looked up before the first is changed. */
static int set_selected(struct cmd_context *cx, bool selected, struct err *err)
{
	struct calendar *found = xcalloc((size_t)cx->argc, sizeof(*found));
	int r = 0;

	for (int i = 0; !r && i < cx->argc; i++)
		r = cmd_calendar(cx, 0, cx->argv[i], &found[i], err);
	for (int i = 0; !r && selected && i < cx->argc; i++)
		if (found[i].gone)
			r = err_set(err, ERR_NOT_FOUND,
				    "calendar '%s' is no longer on the account's list at Google",
				    cx->argv[i]);
	if (!r)
		r = apply(cx, found, selected, err);
	if (!r)
		report(cx, found, selected);
	for (int i = 0; i < cx->argc; i++)
		calendar_release(&found[i]);
	free(found);
	return r;
}

static int run_select(struct cmd_context *cx, struct err *err)
{
	return set_selected(cx, true, err);
}

static int run_deselect(struct cmd_context *cx, struct err *err)
{
	return set_selected(cx, false, err);
}

#define NAMING_HELP "A calendar is named by its id, its title when no other has it, or 'primary'.\n"

const struct cmd cmd_calendars_select = {
	.name = "select",
	.parent = "calendars",
	.synopsis = "CALENDAR...",
	.summary = "let calendars take part in sync",
	.help = NAMING_HELP,
	.needs = NEEDS_STORE,
	.flags = CMD_TELLS_DEAD,
	.min_args = 1,
	.max_args = -1,
	.arg = "CALENDAR",
	.run = run_select,
};

const struct cmd cmd_calendars_deselect = {
	.name = "deselect",
	.parent = "calendars",
	.synopsis = "CALENDAR...",
	.summary = "leave calendars out of sync; their events stay",
	.help = NAMING_HELP,
	.needs = NEEDS_STORE,
	.flags = CMD_TELLS_DEAD,
	.min_args = 1,
	.max_args = -1,
	.arg = "CALENDAR",
	.run = run_deselect,
};

const struct cmd cmd_calendars = {
	.name = "calendars",
	.summary = "list calendars, choose which to sync",
};
