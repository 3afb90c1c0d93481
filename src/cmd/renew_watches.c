/* `renew-watches`: no push channel ends before there is the next; what a timer runs. */
#include "cmd/push.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cmd/output.h"
#include "store/channel.h"
#include "base/banned.h"

#define WITHIN_DEFAULT_S CHANNEL_TTL_S /* every channel, whenever the timer comes */

struct renew_opts {
	const char *within;
};

struct renewal {
	struct cmd_context *cx;
	int64_t window_ms;
	struct json_object *accounts, *channels; /* borrowed */
	int64_t made, stopped, left, requests;
	bool good;      /* something went well */
	bool bad[9];    /* exit statuses that were met */
	struct err err; /* the first */
};

/* --- what to do ---------------------------------------------------------------------------- */

static int parse_within(const char *text, int64_t *out_ms, struct err *err)
{
	struct duration d = {.seconds = WITHIN_DEFAULT_S};

	if (text && duration_parse(text, &d, err)) {
		err->code = ERR_USAGE;
		return err_wrap(err, "--within");
	}
	if (duration_seconds(&d) < 0)
		return err_set(err, ERR_USAGE, "--within '%s' is a time that is over", text);
	*out_ms = duration_seconds(&d) * 1000;
	return 0;
}

/* All that are not disconnected, unless one is named: the timer has no favourite. */
static int choose_accounts(struct cmd_context *cx, struct account_list *out, struct err *err)
{
	const char *env = getenv("CALSYNC_ACCOUNT");
	size_t kept = 0;

	if (cx->global.account || (env && *env))
		return cmd_accounts(cx, out, err);
	if (store_account_list(cx->store, out, err))
		return -1;
	for (size_t i = 0; i < out->count; i++) {
		if (out->items[i].state == ACCOUNT_DISCONNECTED)
			account_release(&out->items[i]);
		else
			out->items[kept++] = out->items[i];
	}
	out->count = kept;
	return 0;
}

static int is_watched(struct cmd_context *cx, const struct account *a, bool *out, struct err *err)
{
	AUTO(calendar_list_release) struct calendar_list list = {0};

	*out = false;
	if (store_calendar_list(cx->store, a->id, &list, err))
		return -1;
	for (size_t i = 0; i < list.count; i++)
		*out |= list.items[i].push == PUSH_ON && list.items[i].selected &&
			!list.items[i].gone;
	return 0;
}

/* --- one account --------------------------------------------------------------------------- */

static void note_failure(struct renewal *n, const struct account *a, const struct err *err)
{
	n->bad[err_exit_status(err->code)] = true;
	if (n->err.code == ERR_NONE)
		n->err = *err;
	log_error("renew-watches", "%s: %s", a->name, err->msg);
}

static void note_account(struct renewal *n, const struct channels_result *r)
{
	struct json_object *o = json_object_new_object();

	json_set_str(o, "account", r->account);
	json_set_bool(o, "success", r->err.code == ERR_NONE);
	json_set(o, "error", sync_error_json(&r->err));
	json_set_int(o, "renewed", r->made);
	json_set_int(o, "stopped", r->stopped);
	json_set_int(o, "left", r->left);
	json_set_int(o, "requests", r->requests);
	json_object_array_add(n->accounts, o);
	push_add_channels(n->channels, r);
	n->made += r->made;
	n->stopped += r->stopped;
	n->left += r->left;
	n->requests += r->requests;
}

static int run_account(struct renewal *n, const struct account *a, struct channels_result *r,
		       struct err *err)
{
	AUTO(free) char *address = NULL;
	struct channels_options o = {
		.window_ms = n->window_ms, .wait_ms = PUSH_WAIT_MS, .patience = GOOGLE_PATIENT};
	bool watched;

	if (is_watched(n->cx, a, &watched, err))
		return -1;
	/* What is left of an account that is watched no more is stopped without an address. */
	if (watched && push_address(n->cx, a, &address, err))
		return -1;
	o.address = address;
	return push_run(n->cx, a, &o, r, err);
}

/* Whatever becomes of it does not stop the others. */
static void renew(struct renewal *n, const struct account *a)
{
	AUTO(channels_result_release) struct channels_result r = {0};
	bool idle;
	struct err err;

	if (run_account(n, a, &r, &err)) {
		r.err = err;
		if (!r.account)
			r.account = xstrdup(a->name);
		note_failure(n, a, &err);
	}
	push_warn_left(&r);
	for (size_t i = 0; i < r.trouble_count; i++)
		if (!r.troubles[i].unsupported)
			note_failure(n, a, &r.troubles[i].err);
	idle = !r.live_count && !r.stopped;
	n->good |= r.made || (r.err.code == ERR_NONE && !idle);
	note_account(n, &r);
}

/* --- the answer ---------------------------------------------------------------------------- */

/* As of sync: what a person must do comes before what passes. */
static int exit_status(const struct renewal *n)
{
	static const int order[] = {3, 1, 4, 5, 2};
	bool may_pass = false;

	for (size_t i = 1; i < ARRAY_SIZE(order); i++)
		may_pass = may_pass || n->bad[order[i]];
	/* Dead logins alone, however well the others went: no later run mends them. */
	if (!may_pass && n->bad[3])
		return 3;
	for (size_t i = 0; i < ARRAY_SIZE(order); i++)
		if (n->bad[order[i]])
			return n->good ? 7 : order[i];
	return 0;
}

static const char *message(const struct renewal *n)
{
	if (n->err.code != ERR_NONE)
		return n->err.msg;
	if (!json_object_array_length(n->channels))
		return "No calendar is watched";
	return n->made ? "Calendar push notifications renewed" : "No channel ends that soon";
}

static void tell(const struct renewal *n)
{
	struct json_object *answer;
	bool good = n->err.code == ERR_NONE;

	if (!n->cx->global.json) {
		out_note(n->cx, "%" PRId64 " renewed, %" PRId64 " stopped, %zu at work\n", n->made,
			 n->stopped, json_object_array_length(n->channels));
		return;
	}
	answer = json_object_new_object();
	json_set_bool(answer, "success", good);
	json_set_str(answer, "message", message(n));
	if (!good)
		json_set(answer, "error", sync_error_json(&n->err));
	json_set_int(answer, "renewed", n->made);
	json_set_int(answer, "stopped", n->stopped);
	json_set_int(answer, "left", n->left);
	json_set_int(answer, "requests", n->requests);
	json_set(answer, "channels", json_object_get(n->channels));
	json_set(answer, "accounts", json_object_get(n->accounts));
	out_json(n->cx, answer);
}

static int run_renew(struct cmd_context *cx, struct err *err)
{
	const struct renew_opts *o = cx->opts;
	AUTO(account_list_release) struct account_list accounts = {0};
	AUTO(json_object_put) struct json_object *answers = json_object_new_array();
	AUTO(json_object_put) struct json_object *channels = json_object_new_array();
	struct renewal n = {.cx = cx, .accounts = answers, .channels = channels};

	if (parse_within(o->within, &n.window_ms, err) || choose_accounts(cx, &accounts, err) ||
	    push_tidy(cx, err))
		return -1;
	for (size_t i = 0; i < accounts.count; i++)
		renew(&n, &accounts.items[i]);
	tell(&n);
	return exit_status(&n);
}

static const struct option_spec options[] = {
	OPT_STRING(0, "within", struct renew_opts, within, "TIME",
		   "those that end within this time (default: 7d, which is all)"),
	OPT_END,
};

const struct cmd cmd_renew_watches = {
	.name = "renew-watches",
	.synopsis = "[--within TIME]",
	.summary = "renew push channels before they end",
	.help = "Of every account, unless --account names one: each watched calendar gets a new\n"
		"channel, then its old one is stopped. What 'calsync watch' and 'calsync "
		"stop-watch'\n"
		"could not finish is finished, and channels of calendars that are no longer "
		"synced\n"
		"are stopped. Run it every six days, as its systemd timer does.\n",
	.options = options,
	.opts_size = sizeof(struct renew_opts),
	.needs = NEEDS_STORE,
	.run = run_renew,
};
