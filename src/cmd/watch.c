/* `watch`: calendars get a push channel each. */
#include "cmd/push.h"

#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "cmd/output.h"
#include "store/channel.h"
#include "base/banned.h"

#define DAY_MS (24 * 60 * 60 * INT64_C(1000))

struct watch_opts {
	const char *calendar;
};

struct watch {
	struct cmd_context *cx;
	struct account account;
	struct calendar calendar; /* the one that was named; id 0 = none was */
	struct calendar_list all; /* of the account, afterwards */
	struct channels_result result;
};

static void watch_release(struct watch *w)
{
	account_release(&w->account);
	calendar_release(&w->calendar);
	calendar_list_release(&w->all);
	channels_result_release(&w->result);
}
DEFINE_AUTO_VALUE(struct watch, watch_release)

/* --- which -------------------------------------------------------------------------------- */

static int choose_calendar(struct watch *w, const char *name, struct err *err)
{
	struct calendar *c = &w->calendar;

	if (cmd_calendar(w->cx, w->account.id, name, c, err))
		return -1;
	if (c->gone)
		return err_set(err, ERR_NOT_FOUND,
			       "calendar '%s' is no longer on the account's list at Google", name);
	if (!c->selected)
		return err_set(err, ERR_USAGE,
			       "calendar '%s' is not synced, so there is nothing to notify of; "
			       "first: calsync calendars select '%s'",
			       name, c->google_id);
	return 0;
}

static bool is_meant(const struct watch *w, const struct calendar *c)
{
	return c->selected && !c->gone && (!w->calendar.id || c->id == w->calendar.id);
}

/* Of the calendars that were to be watched, those that Google cannot push for. */
static bool is_polled(const struct watch *w, const struct calendar *c)
{
	return is_meant(w, c) && c->push == PUSH_UNSUPPORTED;
}

/* --- how it went --------------------------------------------------------------------------- */

/* Nothing came of it: why. */
static int nothing_watched(const struct watch *w, struct err *err)
{
	const struct channels_result *r = &w->result;

	if (r->err.code != ERR_NONE || r->trouble_count) {
		*err = r->err.code != ERR_NONE ? r->err : r->troubles[0].err;
		return -1;
	}
	for (size_t i = 0; i < w->all.count; i++)
		if (is_polled(w, &w->all.items[i]))
			return err_set(err, ERR_GOOGLE,
				       "Google sends no notifications for any selected calendar of "
				       "account '%s': every 'calsync sync' fetches their changes",
				       w->account.name);
	return err_set(err, ERR_FAILED,
		       "no calendar of account '%s' is selected for sync; 'calsync calendars' "
		       "lists them",
		       w->account.name);
}

static struct json_object *polled_json(const struct watch *w)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < w->all.count; i++)
		if (is_polled(w, &w->all.items[i]))
			json_object_array_add(
				list, push_polled_json(w->account.name, w->all.items[i].google_id));
	return list;
}

static void print_json(struct watch *w)
{
	const struct channels_result *r = &w->result;
	struct json_object *answer = json_object_new_object();
	struct json_object *channels = json_object_new_array();
	bool good = r->err.code == ERR_NONE;

	push_add_channels(channels, r);
	json_set_bool(answer, "success", good);
	json_set_str(answer, "message", good ? "Calendar push notifications enabled" : r->err.msg);
	if (!good)
		json_set(answer, "error", sync_error_json(&r->err));
	json_set(answer, "channel", push_channel_json(&r->live[0], NULL));
	json_set(answer, "channels", channels);
	json_set(answer, "polled", polled_json(w));
	json_set_int(answer, "requests", r->requests);
	out_json(w->cx, answer);
}

static void print(const struct watch *w)
{
	const struct channels_result *r = &w->result;

	for (size_t i = 0; i < r->live_count; i++) {
		AUTO(free) char *title = term_clean(r->live[i].summary);
		char until[OUT_TIME_LEN];

		out_time_ms(channel_end_ms(&r->live[i].channel), until);
		out_note(w->cx, "%s: Google notifies until %s\n", title, until);
	}
	for (size_t i = 0; i < w->all.count; i++) {
		AUTO(free) char *title = term_clean(w->all.items[i].summary);

		if (is_polled(w, &w->all.items[i]))
			out_note(w->cx,
				 "%s: Google cannot notify; every sync fetches its changes\n",
				 title);
	}
}

static void tell_troubles(const struct channels_result *r)
{
	for (size_t i = 0; i < r->trouble_count; i++)
		if (!r->troubles[i].unsupported)
			log_error("watch", "%s", r->troubles[i].err.msg);
}

static int run_watch(struct cmd_context *cx, struct err *err)
{
	const struct watch_opts *o = cx->opts;
	AUTO(watch_release) struct watch w = {.cx = cx};
	AUTO(free) char *address = NULL;
	struct channels_options options = {.push = PUSH_SWITCH_ON,
					   .window_ms = DAY_MS,
					   .wait_ms = PUSH_WAIT_MS,
					   .patience = GOOGLE_PATIENT};
	struct channels_result *r = &w.result;

	if (cmd_account(cx, &w.account, err) || account_check_state(&w.account, err) ||
	    (o->calendar && choose_calendar(&w, o->calendar, err)) ||
	    push_address(cx, &w.account, &address, err) || push_tidy(cx, err))
		return -1;
	options.address = address;
	options.calendar_id = w.calendar.id;
	if (push_run(cx, &w.account, &options, r, err) ||
	    store_calendar_list(cx->store, w.account.id, &w.all, err))
		return -1;
	push_warn_left(r);
	if (!r->live_count || (r->is_common && !r->made))
		return nothing_watched(&w, err);
	tell_troubles(r);
	if (cx->global.json)
		print_json(&w);
	else
		print(&w);
	return r->err.code == ERR_NONE ? 0 : 7;
}

static const struct option_spec options[] = {
	OPT_STRING(0, "calendar", struct watch_opts, calendar, "CALENDAR",
		   "this calendar alone; it must be selected for sync"),
	OPT_END,
};

const struct cmd cmd_watch = {
	.name = "watch",
	.synopsis = "[--calendar CALENDAR]",
	.summary = "let Google notify of changes at once",
	.help = "Every selected calendar gets a push channel, which lives for a week: let "
		"'calsync\n"
		"renew-watches' run every six days. Google sends its notifications to\n"
		"$BACKEND_URL/api/calendar/webhook/google, where 'calsync webhookd' must answer.\n"
		"What Google cannot notify of (holidays, birthdays) is fetched by every sync.\n",
	.options = options,
	.opts_size = sizeof(struct watch_opts),
	.needs = NEEDS_STORE,
	.run = run_watch,
};
