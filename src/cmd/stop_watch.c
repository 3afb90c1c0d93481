/* `stop-watch`: calendars lose their push channels. */
#include "cmd/push.h"

#include <inttypes.h>

#include "base/log.h"
#include "cmd/output.h"
#include "base/banned.h"

struct stop_opts {
	const char *calendar;
};

static void print_json(struct cmd_context *cx, const struct channels_result *r)
{
	struct json_object *answer = json_object_new_object();
	bool good = r->stop_err.code == ERR_NONE;

	json_set_bool(answer, "success", good);
	json_set_str(answer, "message",
		     good ? "Calendar push notifications disabled" : r->stop_err.msg);
	if (!good)
		json_set(answer, "error", sync_error_json(&r->stop_err));
	json_set_int(answer, "stopped", r->stopped);
	json_set_int(answer, "left", r->left);
	json_set_int(answer, "requests", r->requests);
	out_json(cx, answer);
}

static int run_stop_watch(struct cmd_context *cx, struct err *err)
{
	const struct stop_opts *o = cx->opts;
	AUTO(account_release) struct account a = {0};
	AUTO(calendar_release) struct calendar c = {0};
	AUTO(channels_result_release) struct channels_result r = {0};
	struct channels_options options = {
		.push = PUSH_SWITCH_OFF, .wait_ms = PUSH_WAIT_MS, .patience = GOOGLE_PATIENT};

	if (cmd_account(cx, &a, err) ||
	    (o->calendar && cmd_calendar(cx, a.id, o->calendar, &c, err)) || push_tidy(cx, err))
		return -1;
	options.calendar_id = c.id;
	if (push_run(cx, &a, &options, &r, err))
		return -1;
	push_warn_left(&r);
	if (r.stop_err.code == ERR_NONE)
		cmd_warn_dead(&a);
	if (cx->global.json)
		print_json(cx, &r);
	else
		out_note(cx, "%" PRId64 " channel%s stopped\n", r.stopped,
			 r.stopped == 1 ? "" : "s");
	if (r.stop_err.code == ERR_NONE)
		return 0;
	return r.stopped ? 7 : err_exit_status(r.stop_err.code);
}

static const struct option_spec options[] = {
	OPT_STRING(0, "calendar", struct stop_opts, calendar, "CALENDAR", "of this calendar alone"),
	OPT_END,
};

const struct cmd cmd_stop_watch = {
	.name = "stop-watch",
	.synopsis = "[--calendar CALENDAR]",
	.summary = "let Google notify no longer",
	.help = "Stops the push channels of an account. Its calendars are synced as before, by\n"
		"'calsync sync'. What cannot be stopped now is tried again by 'calsync\n"
		"sync' and 'calsync renew-watches'; a channel that is left alone ends by itself "
		"after a week.\n",
	.options = options,
	.opts_size = sizeof(struct stop_opts),
	.needs = NEEDS_STORE,
	.run = run_stop_watch,
};
