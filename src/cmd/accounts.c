/* `accounts list`, `accounts rename`, `accounts default`. */
#include "cmd/context.h"
#include "cmd/output.h"

#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "sync/lock.h"
#include "base/banned.h"

#define LOCK_WAIT_MS 10000

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

/* The one that commands work on without -a: the standing choice, else the only one that is not
 * disconnected. NULL = there is none. Borrowed from the list. */
static const struct account *default_account(const struct cmd_context *cx,
					     const struct account_list *all)
{
	const char *standing = cmd_account_standing(cx);
	const struct account *active = NULL;
	size_t count = 0;

	for (size_t i = 0; i < all->count; i++) {
		if (standing && !strcmp(all->items[i].name, standing))
			return &all->items[i];
		if (all->items[i].state != ACCOUNT_DISCONNECTED) {
			active = &all->items[i];
			count++;
		}
	}
	return standing || count != 1 ? NULL : active;
}

static struct json_object *account_row(const struct account *a, const struct account *chosen)
{
	struct json_object *row = json_account(a);

	json_set_bool(row, "default", a == chosen);
	return row;
}

static int run_list(struct cmd_context *cx, struct err *err)
{
	AUTO(account_list_release) struct account_list all = {0};
	AUTO(account_release) struct account named = {0};
	AUTO(table_free) struct table *t = NULL;
	const char *only = cx->global.account;
	const struct account *chosen;

	if (cx->store && (store_account_list(cx->store, &all, err) ||
			  (only && cmd_account_named(cx, only, &named, err))))
		return -1;
	chosen = default_account(cx, &all);
	if (cx->global.json) {
		struct json_object *answer = json_object_new_array();

		for (size_t i = 0; i < all.count; i++)
			if (!only || !strcmp(only, all.items[i].name))
				json_object_array_add(answer, account_row(&all.items[i], chosen));
		out_json(cx, answer);
		return 0;
	}
	if (!all.count) {
		out_note(cx, "no account is connected yet; run 'calsync connect'\n");
		return 0;
	}
	t = table_new(cx);
	table_column(t, "NAME", 0);
	table_column(t, "ADDRESS", 0);
	table_column(t, "STATE", 0);
	table_column(t, "LAST SYNC", 0);
	table_column(t, "DEFAULT", 0);
	for (size_t i = 0; i < all.count; i++) {
		const struct account *a = &all.items[i];
		char when[OUT_TIME_LEN];

		if (only && strcmp(only, a->name))
			continue;
		out_time_ms(a->last_sync_ms, when);
		table_row(t);
		table_cell(t, a->name);
		table_cell(t, a->email);
		table_cell_styled(t, account_state_name(a->state), state_style(a->state));
		table_cell(t, when);
		table_cell(t, a == chosen ? "yes" : NULL);
	}
	table_print(t);
	return 0;
}

const struct cmd cmd_accounts_list = {
	.name = "list",
	.parent = "accounts",
	.summary = "list them",
	.flags = CMD_DEFAULT | CMD_TELLS_DEAD,
	.needs = NEEDS_STORE_OPTIONAL,
	.run = run_list,
};

/* --- rename ------------------------------------------------------------------------------- */

static int check_free(struct cmd_context *cx, const char *name, struct err *err)
{
	AUTO(account_release) struct account other = {0};

	if (!store_account_get(cx->store, name, &other, err))
		return err_set(err, ERR_USAGE,
			       "an account named '%s' is there already; choose another name", name);
	return err->code == ERR_NOT_FOUND ? 0 : -1;
}

/* Others change the row without the account's lock: who renews its token, above all. */
static int write_name(struct cmd_context *cx, const char *from, const char *to, struct account *a,
		      struct err *err)
{
	if (store_begin(cx->store, err))
		return -1;
	account_release(a);
	if (!cmd_account_named(cx, from, a, err)) {
		xstr_set(&a->name, to);
		if (!store_account_update(cx->store, a, err))
			return store_commit(cx->store, err);
	}
	store_rollback(cx->store);
	return -1;
}

/* A running sync writes the account's row as a whole, name included: not beside it. */
static int rename_locked(struct cmd_context *cx, const char *from, const char *to,
			 struct account *a, struct err *err)
{
	AUTO(account_lock_free) struct account_lock *lock = NULL;

	if (cmd_account_named(cx, from, a, err) || check_free(cx, to, err) ||
	    account_lock_take(store_path(cx->store), a->id, cx->clock, LOCK_WAIT_MS, &lock, err))
		return -1;
	return write_name(cx, from, to, a, err);
}

static int run_rename(struct cmd_context *cx, struct err *err)
{
	const char *from = cx->argv[0], *to = cx->argv[1];
	const char *in_config = config_get(cx->config, "account.default");
	const char *env = getenv("CALSYNC_ACCOUNT");
	AUTO(account_release) struct account a = {0};

	if (cmd_check_account_name(to, err) || rename_locked(cx, from, to, &a, err))
		return -1;
	if (cx->global.json) {
		struct json_object *answer = json_object_new_object();

		json_set_bool(answer, "success", true);
		json_set(answer, "account", json_account(&a));
		json_set_str(answer, "renamedFrom", from);
		out_json(cx, answer);
	} else {
		out_note(cx, "%s is called %s now\n", from, to);
	}
	if (in_config && !strcmp(in_config, from))
		log_warn("accounts",
			 "the default account in '%s' is still called '%s'; run: calsync accounts "
			 "default '%s'",
			 config_path(cx->config), from, to);
	if (env && !strcmp(env, from))
		log_warn("accounts", "CALSYNC_ACCOUNT still says '%s'", from);
	return 0;
}

const struct cmd cmd_accounts_rename = {
	.name = "rename",
	.parent = "accounts",
	.synopsis = "OLD NEW",
	.summary = "give an account another name here",
	.help = "Its events, its login and what waits to be sent stay as they are.\n",
	.needs = NEEDS_STORE_OPTIONAL,
	.min_args = 2,
	.max_args = 2,
	.arg = "ACCOUNT",
	.run = run_rename,
};

/* --- default ------------------------------------------------------------------------------ */

struct default_opts {
	bool clear;
};

static const char *default_source(const struct cmd_context *cx, const struct account *chosen)
{
	const char *env = getenv("CALSYNC_ACCOUNT");

	if (!chosen)
		return NULL;
	if (!cmd_account_standing(cx))
		return "only";
	return env && *env ? "environment" : "config";
}

static int show_default(struct cmd_context *cx, struct err *err)
{
	AUTO(account_list_release) struct account_list all = {0};
	const struct account *chosen;
	const char *standing = cmd_account_standing(cx);

	if (cx->store && store_account_list(cx->store, &all, err))
		return -1;
	chosen = default_account(cx, &all);
	if (cx->global.json) {
		struct json_object *answer = json_object_new_object();

		json_set_bool(answer, "success", true);
		json_set_str(answer, "default", chosen ? chosen->name : NULL);
		json_set_str(answer, "source", default_source(cx, chosen));
		out_json(cx, answer);
	} else if (chosen) {
		out_printf("%s\n", chosen->name);
	} else {
		out_note(cx, "there is no default account; run 'calsync accounts default NAME'\n");
	}
	if (standing && !chosen)
		log_warn("accounts", "no account is called '%s', which is to be the default",
			 standing);
	return 0;
}

static int run_default(struct cmd_context *cx, struct err *err)
{
	const struct default_opts *o = cx->opts;
	const char *name = cx->argc ? cx->argv[0] : NULL;
	const char *env = getenv("CALSYNC_ACCOUNT");
	AUTO(account_release) struct account a = {0};

	if (o->clear && name)
		return err_set(err, ERR_USAGE, "--clear goes without a name");
	if (!o->clear && !name)
		return show_default(cx, err);
	if ((name && cmd_account_named(cx, name, &a, err)) ||
	    config_set(cx->config, "account.default", name, err))
		return -1;
	if (cx->global.json) {
		struct json_object *answer = json_object_new_object();

		json_set_bool(answer, "success", true);
		json_set_str(answer, "default", name);
		json_set_str(answer, "source", name ? "config" : NULL);
		out_json(cx, answer);
	} else if (name) {
		out_note(cx, "%s is the default account now\n", name);
	} else {
		out_note(cx, "no account is the default now\n");
	}
	if (env && *env && (!name || strcmp(env, name)))
		log_warn("accounts", "CALSYNC_ACCOUNT says '%s', and goes before", env);
	return 0;
}

static const struct option_spec default_options[] = {
	OPT_FLAG(0, "clear", struct default_opts, clear, "let no account be the default"),
	OPT_END,
};

const struct cmd cmd_accounts_default = {
	.name = "default",
	.parent = "accounts",
	.synopsis = "[--clear | NAME]",
	.summary = "show or choose the account that commands work on without -a",
	.help = "The choice is account.default in the configuration file, whose other lines stay "
		"as "
		"they\n"
		"are. One account needs none.\n",
	.options = default_options,
	.opts_size = sizeof(struct default_opts),
	.needs = NEEDS_STORE_OPTIONAL,
	.max_args = 1,
	.arg = "ACCOUNT",
	.run = run_default,
};

const struct cmd cmd_accounts_group = {
	.name = "accounts",
	.summary = "list the accounts, rename one, choose the default",
};
