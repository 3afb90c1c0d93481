#include "cmd/connect.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "cmd/same_user.h"
#include "cmd/output.h"
#include "base/banned.h"

static int check_opts(const struct connect_opts *o, struct err *err)
{
	if (o->service_account && !o->subject)
		return err_set(err, ERR_USAGE, "--service-account needs --subject USER");
	if (o->subject && !o->service_account)
		return err_set(err, ERR_USAGE, "--subject goes with --service-account only");
	if (o->service_account && (o->refresh_token_stdin || o->client_secrets || o->no_browser))
		return err_set(err, ERR_USAGE,
			       "--service-account goes with none of --client-secrets, --no-browser "
			       "and --refresh-token-stdin");
	if (o->refresh_token_stdin && o->no_browser)
		return err_set(err, ERR_USAGE,
			       "--refresh-token-stdin and --no-browser both read standard input");
	return 0;
}

int connect_same_host(const struct connect *c, const struct account *a, struct err *err)
{
	if (!a->id || c->opts->force || !strcmp(a->base_url, c->base_url))
		return 0;
	return err_set(err, ERR_USAGE,
		       "account '%s' was connected with %s; --force to connect it with %s", a->name,
		       *a->base_url ? a->base_url : "Google itself",
		       *c->base_url ? c->base_url : "Google itself");
}

/* The account that a name stands for. */
static int find_existing(struct cmd_context *cx, struct connect *c, struct err *err)
{
	AUTO(account_list_release) struct account_list all = {0};

	if (!cx->store || !c->name)
		return 0;
	if (store_account_list(cx->store, &all, err))
		return -1;
	for (size_t i = 0; i < all.count; i++) {
		if (!strcmp(all.items[i].name, c->name)) {
			c->existing = all.items[i];
			memset(&all.items[i], 0, sizeof(all.items[i]));
			break;
		}
	}
	return connect_same_host(c, &c->existing, err);
}

/* A repair asks for what the account had; after `disconnect` the options decide anew. */
static bool is_read_only(const struct connect *c)
{
	return c->opts->read_only ||
	       (c->existing.read_only && c->existing.state != ACCOUNT_DISCONNECTED);
}

/* The one that most needs a login goes before, and one that somebody ended comes last. */
static bool is_nearer(const struct account *a, const struct account *b)
{
	static const int order[] = {
		[ACCOUNT_REAUTH_REQUIRED] = 0, [ACCOUNT_CONNECTED] = 1, [ACCOUNT_DISCONNECTED] = 2};

	return !b || order[a->state] < order[b->state];
}

/* Without NAME: whoever has logged in may be here already, under whatever name. */
static int find_by_address(struct cmd_context *cx, struct connect *c, struct err *err)
{
	AUTO(account_list_release) struct account_list all = {0};
	struct account *found = NULL;

	if (!cx->store || c->name)
		return 0;
	if (store_account_list(cx->store, &all, err))
		return -1;
	for (size_t i = 0; i < all.count; i++) {
		struct account *a = &all.items[i];

		if (!strcmp(a->email, c->email) && !strcmp(a->base_url, c->base_url) &&
		    is_nearer(a, found))
			found = a;
	}
	if (!found)
		return 0;
	account_release(&c->existing);
	c->existing = *found;
	memset(found, 0, sizeof(*found));
	c->read_only = is_read_only(c); /* whatever more was asked for */
	return 0;
}

/* Without NAME a new account is called by its address, which may be none that messages can name. */
static int check_own_name(const struct connect *c, struct err *err)
{
	AUTO(free) char *email = term_clean(c->email);
	struct err why;

	if (c->name || c->existing.id || !cmd_check_account_name(c->email, &why))
		return 0;
	return err_set(
		err, ERR_USAGE,
		"%s has logged in, but no account can be called by that address; nothing was "
		"connected: give it another name, as in: calsync connect work",
		email);
}

/* Half an hour or more: times of events and ends of logins are then judged wrongly. */
static void warn_of_clock(int64_t skew_ms)
{
	long long minutes = llabs(skew_ms) / 60000;
	const char *unit = minutes < 120 ? "minutes" : minutes < 48 * 60 ? "hours" : "days";

	if (minutes < 30)
		return;
	log_warn("connect",
		 "this computer's clock is %lld %s %s Google's; set it (timedatectl set-ntp true)",
		 minutes < 120       ? minutes
		 : minutes < 48 * 60 ? minutes / 60
				     : minutes / (24 * 60),
		 unit, skew_ms > 0 ? "behind" : "ahead of");
}

/* --force has replaced the key that these were sealed with. */
static void warn_of_cut_off(const struct connect *c)
{
	for (size_t i = 0; i < json_object_array_length(c->cut_off); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(c->cut_off, i));
		AUTO(free) char *word = account_word(name);

		log_warn("connect",
			 "the login of account '%s' was sealed with the key that is lost; connect "
			 "it again: calsync connect %s",
			 name, word);
	}
}

static void warn_of_same_user(const struct account *a, const struct json_object *names)
{
	for (size_t i = 0; i < json_object_array_length(names); i++)
		log_warn("connect",
			 "account '%s' is connected as %s, too: the same calendars are kept twice",
			 json_object_get_string(json_object_array_get_idx(names, i)), a->email);
}

static int report(struct cmd_context *cx, const struct connect *c, const struct account *a,
		  struct err *err)
{
	AUTO(calendar_list_release) struct calendar_list l = {0};
	AUTO(free) char *name = term_clean(a->name);
	AUTO(free) char *email = term_clean(a->email);
	AUTO(json_object_put) struct json_object *same_user = NULL;
	struct json_object *answer, *calendars;
	size_t selected = 0;

	if (store_calendar_list(cx->store, a->id, &l, err) ||
	    same_user_names(cx, a, false, &same_user, err))
		return -1;
	warn_of_clock(c->token.skew_ms);
	if (c->refresh_expires_in_s)
		log_warn("connect",
			 "Google will end this login in %" PRId64
			 " days: the OAuth consent screen is "
			 "in testing; publish it to be asked no more",
			 (c->refresh_expires_in_s + 43200) / 86400);
	if (c->cut_off)
		warn_of_cut_off(c);
	if (same_user)
		warn_of_same_user(a, same_user);
	calendars = json_object_new_array();
	for (size_t i = 0; i < l.count; i++) {
		json_object_array_add(calendars, json_calendar(&l.items[i]));
		selected += l.items[i].selected;
	}
	if (cx->global.json) {
		answer = json_object_new_object();
		json_set_bool(answer, "success", true);
		json_set(answer, "account", json_account(a));
		json_set(answer, "calendars", calendars);
		if (c->refresh_expires_in_s)
			json_set_int(answer, "refreshTokenExpiresIn", c->refresh_expires_in_s);
		if (c->cut_off)
			json_set(answer, "cutOff", json_object_get(c->cut_off));
		if (same_user)
			json_set(answer, "sameUser", json_object_get(same_user));
		out_json(cx, answer);
		return 0;
	}
	json_object_put(calendars);
	out_note(cx, "%s is connected as %s%s: %zu calendar%s, %zu selected for sync\n", email,
		 name, a->read_only ? " (read only)" : "", l.count, l.count == 1 ? "" : "s",
		 selected);
	return 0;
}

/* Edits that an expired login kept here go out now; what does not get through stays queued. */
static void send_waiting(struct cmd_context *cx, const struct account *a)
{
	AUTO(outbox_list_release) struct outbox_list waiting = {0};
	AUTO(free) int64_t *rowids = NULL;
	struct sync_env env;
	struct err err;

	if (store_outbox_list(cx->store, a->id, 0, INT64_MAX, 0, &waiting, &err))
		goto later;
	if (!waiting.count)
		return;
	rowids = xcalloc(waiting.count, sizeof(*rowids));
	for (size_t i = 0; i < waiting.count; i++)
		rowids[i] = waiting.items[i].event_rowid;
	if (!cmd_sync_env(cx, &env, &err) && !sync_events(&env, a, rowids, waiting.count, &err))
		return;
later:
	log_warn("connect", "what waits to be sent stays queued for the next sync: %s", err.msg);
}

/* A key that is gone is told before anybody is asked to log in. */
static int check_key(struct cmd_context *cx, const struct connect *c, struct err *err)
{
	struct secret_box *box;
	bool has_key;

	if (cmd_has_key(cx, &has_key, err))
		return -1;
	return has_key && !c->opts->force ? cmd_secret_box(cx, &box, err) : 0;
}

/* For the browser: what the terminal says may hold more than belongs there. */
static const char *failure_text(const struct err *err)
{
	if (!strcmp(err->reason, "access_denied"))
		return "Access was not allowed, so nothing was connected. You can close this page.";
	return "Nothing was connected. The terminal in which calsync runs says why.";
}

static int run_connect(struct cmd_context *cx, struct err *err)
{
	AUTO(connect_release) struct connect c = {.opts = cx->opts};
	AUTO(account_release) struct account a = {0};
	AUTO(free) char *page = NULL;

	c.name = cx->argc ? cx->argv[0] : cx->global.account;
	if ((c.name && cmd_check_account_name(c.name, err)) || check_opts(c.opts, err) ||
	    config_google_base_url(cx->config, &c.base_url, err) || find_existing(cx, &c, err) ||
	    check_key(cx, &c, err))
		return -1;
	c.read_only = is_read_only(&c);
	c.scopes = c.read_only ? OAUTH_SCOPES_READ : OAUTH_SCOPES_WRITE;
	if (connect_login(cx, &c, err) || find_by_address(cx, &c, err) || check_own_name(&c, err) ||
	    connect_save(cx, &c, &a, err)) {
		if (c.loopback)
			loopback_answer(c.loopback, false, "calsync is not connected",
					failure_text(err));
		return -1;
	}
	if (c.loopback) {
		page = xasprintf("%s is connected. You can close this page.", a.email);
		loopback_answer(c.loopback, true, "calsync is connected", page);
	}
	send_waiting(cx, &a);
	return report(cx, &c, &a, err);
}

static const struct option_spec options[] = {
	OPT_STRING(0, "client-secrets", struct connect_opts, client_secrets, "FILE",
		   "the OAuth client, as downloaded from Google (client_secret.json)"),
	OPT_FLAG(0, "no-browser", struct connect_opts, no_browser,
		 "print the address to open; its answer may also be pasted"),
	OPT_FLAG(0, "read-only", struct connect_opts, read_only,
		 "ask for no right to change events"),
	OPT_CHOICE(0, "calendars", struct connect_opts, calendars, "primary|owned|all",
		   "which calendars to sync (default: primary)"),
	OPT_STRING(0, "service-account", struct connect_opts, service_account, "FILE",
		   "log in with a service account's key"),
	OPT_STRING(0, "subject", struct connect_opts, subject, "USER",
		   "the user that the service account acts for"),
	OPT_FLAG(0, "refresh-token-stdin", struct connect_opts, refresh_token_stdin,
		 "read a refresh token from standard input"),
	OPT_FLAG(0, "force", struct connect_opts, force,
		 "another user or host may take this account's place; a lost key is replaced"),
	OPT_END,
};

const struct cmd cmd_connect = {
	.name = "connect",
	.synopsis = "[OPTION]... [NAME]",
	.summary = "log in to a Google account",
	.help = "Opens Google's consent page in $BROWSER (or by xdg-open) and waits for its answer "
		"on\n"
		"127.0.0.1. NAME defaults to the account's address. Connecting again repairs an "
		"expired\n"
		"account and keeps its events. Nothing is stored before the login has been "
		"proved:\n"
		"refreshed once, and the calendars listed.\n\n"
		"The OAuth client is --client-secrets, else GOOGLE_CLIENT_ID and "
		"GOOGLE_CLIENT_SECRET,\n"
		"else google.client_id and google.client_secret in the configuration.\n",
	.options = options,
	.opts_size = sizeof(struct connect_opts),
	.needs = NEEDS_STORE_OPTIONAL,
	.max_args = 1,
	.arg = "ACCOUNT",
	.run = run_connect,
};
