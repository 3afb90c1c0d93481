#include "cmd/context.h"
#include "cmd/output.h"

#include "base/banned.h"

static enum out_style state_style(enum account_state state)
{
	switch (state) {
	case ACCOUNT_CONNECTED:
		return OUT_GOOD;
	case ACCOUNT_REAUTH_REQUIRED:
		return OUT_BAD;
	case ACCOUNT_DISCONNECTED:
		return OUT_DIM;
	}
	return OUT_PLAIN;
}

static int run_accounts(struct cmd_context *cx, struct err *err)
{
	AUTO(account_list_release) struct account_list l = {0};
	AUTO(table_free) struct table *t = NULL;

	if (cx->store && cmd_accounts(cx, &l, err))
		return -1;
	if (cx->global.json) {
		struct json_object *answer = json_object_new_array();

		for (size_t i = 0; i < l.count; i++)
			json_object_array_add(answer, json_account(&l.items[i]));
		out_json(cx, answer);
		return 0;
	}
	if (!l.count) {
		out_note(cx, "no account is connected yet; run 'calsync connect'\n");
		return 0;
	}
	t = table_new(cx);
	table_column(t, "NAME", 0);
	table_column(t, "ADDRESS", 0);
	table_column(t, "STATE", 0);
	table_column(t, "LAST SYNC", 0);
	for (size_t i = 0; i < l.count; i++) {
		const struct account *a = &l.items[i];
		char when[OUT_TIME_LEN];

		out_time_ms(a->last_sync_ms, when);
		table_row(t);
		table_cell(t, a->name);
		table_cell(t, a->email);
		table_cell_styled(t, account_state_name(a->state), state_style(a->state));
		table_cell(t, when);
	}
	table_print(t);
	return 0;
}

const struct cmd cmd_accounts_cmd = {
	.name = "accounts",
	.summary = "list the accounts",
	.needs = NEEDS_STORE_OPTIONAL,
	.run = run_accounts,
};
