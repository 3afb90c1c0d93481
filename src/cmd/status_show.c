#include "cmd/status.h"

#include <inttypes.h>
#include <string.h>

#include "base/time.h"
#include "cmd/output.h"
#include "base/banned.h"

static struct json_object *at(struct json_object *list, size_t i)
{
	return json_object_array_get_idx(list, i);
}

static size_t count(struct json_object *list)
{
	return list ? json_object_array_length(list) : 0;
}

static void ago(const struct json_object *o, char buf[OUT_TIME_LEN])
{
	if (json_get(o, "ageSeconds"))
		out_age_ms(json_int(o, "ageSeconds", 0) * 1000, buf);
	else
		out_time_ms(0, buf);
}

static void show_account(const struct cmd_context *cx, struct json_object *a)
{
	AUTO(free) char *name = term_clean(json_str(a, "name"));
	AUTO(free) char *email = term_clean(json_str(a, "email"));
	const char *state = json_str(a, "state");
	struct json_object *events = json_get(a, "events");
	struct json_object *calendars = json_get(a, "calendars");
	AUTO(table_free) struct table *t = table_new(cx);
	char when[OUT_TIME_LEN];

	ago(a, when);
	out_printf("%s%s%s (%s): %s%s%s%s, last sync %s\n", out_style_on(cx, OUT_BOLD), name,
		   out_style_off(cx), email,
		   out_style_on(cx, strcmp(state, "connected") ? OUT_BAD : OUT_GOOD), state,
		   out_style_off(cx), json_flag(a, "readOnly", false) ? " (read only)" : "", when);
	out_printf("  events: %" PRId64 " synced, %" PRId64 " only here, %" PRId64
		   " refused or unreadable\n",
		   json_int(events, "synced", 0), json_int(events, "local_only", 0),
		   json_int(events, "error", 0));
	table_column(t, "  CALENDAR", TABLE_CUT);
	table_column(t, "SYNC", 0);
	table_column(t, "LAST SYNC", 0);
	table_column(t, "PUSH", 0);
	table_column(t, "TROUBLE", TABLE_CUT);
	for (size_t i = 0; i < count(calendars); i++) {
		struct json_object *c = at(calendars, i);
		bool late = json_flag(c, "late", false);

		ago(c, when);
		table_row(t);
		table_cellf(t, "  %s", json_str(c, "summary") ? json_str(c, "summary") : "");
		table_cell(t, json_flag(c, "gone", false)       ? "gone"
			      : json_flag(c, "selected", false) ? "yes"
								: "no");
		table_cell_styled(t, when, late ? OUT_WARN : OUT_PLAIN);
		table_cell(t, out_push(json_str(c, "push")));
		table_cell_styled(t, json_str(c, "lastError"), OUT_BAD);
	}
	table_print(t);
}

static void show_queue(const struct cmd_context *cx, struct json_object *queue)
{
	AUTO(table_free) struct table *t = table_new(cx);

	if (!count(queue))
		return;
	out_printf("\n%zu change%s wait%s to be sent:\n", count(queue),
		   count(queue) == 1 ? "" : "s", count(queue) == 1 ? "s" : "");
	table_column(t, "  EVENT", 0);
	table_column(t, "TITLE", TABLE_CUT);
	table_column(t, "CHANGE", 0);
	table_column(t, "STATE", 0);
	table_column(t, "TRIES", TABLE_RIGHT);
	table_column(t, "REASON", TABLE_CUT);
	for (size_t i = 0; i < count(queue); i++) {
		struct json_object *e = at(queue, i);

		table_row(t);
		table_cellf(t, "  %s", json_str(e, "event"));
		table_cell(t, json_str(e, "summary"));
		table_cell(t, json_str(e, "op"));
		table_cell(t, json_str(e, "state"));
		table_cellf(t, "%" PRId64, json_int(e, "attempts", 0));
		table_cell(t, json_str(e, "lastError"));
	}
	table_print(t);
}

/* "1 h ago" of a member that is a time; "never" when it is null. */
static void ago_of(const struct json_object *o, const char *member, int64_t now_ms,
		   char buf[OUT_TIME_LEN])
{
	struct rfc3339 time;
	struct err err;

	if (!json_str(o, member) || rfc3339_parse(json_str(o, member), &time, &err))
		out_time_ms(0, buf);
	else
		out_age_ms(now_ms - time.utc * 1000, buf);
}

static void show_channel(struct table *t, const struct json_object *c, int64_t now_ms)
{
	const char *state = json_str(c, "state");
	bool active = !strcmp(state, "active");
	struct rfc3339 end;
	struct err err;
	char when[OUT_TIME_LEN];
	bool over;

	if (rfc3339_parse(json_str(c, "expiration"), &end, &err))
		end.utc = 0;
	over = end.utc * 1000 <= now_ms;
	table_row(t);
	table_cellf(t, "  %s", json_str(c, "summary") ? json_str(c, "summary") : "");
	table_cell(t, json_str(c, "account"));
	table_cell_styled(t, active && over ? "ended" : state,
			  active && !over ? OUT_GOOD : OUT_WARN);
	out_time_ms(end.utc * 1000, when);
	table_cell(t, when);
	ago_of(c, "verified", now_ms, when);
	table_cell(t, when);
	ago_of(c, "lastMessage", now_ms, when);
	table_cell(t, when);
	table_cell(t, json_str(c, "lastError"));
}

static void show_channels(const struct cmd_context *cx, struct json_object *channels)
{
	AUTO(table_free) struct table *t = table_new(cx);

	if (!count(channels))
		return;
	out_printf("\npush channels:\n");
	table_column(t, "  CALENDAR", TABLE_CUT);
	table_column(t, "ACCOUNT", 0);
	table_column(t, "STATE", 0);
	table_column(t, "UNTIL", 0);
	table_column(t, "FIRST MESSAGE", 0);
	table_column(t, "LAST CHANGE", 0);
	table_column(t, "TROUBLE", TABLE_CUT);
	for (size_t i = 0; i < count(channels); i++)
		show_channel(t, at(channels, i), clock_now_ms(cx->clock));
	table_print(t);
}

static void show_notifications(struct json_object *list)
{
	if (count(list))
		out_printf("\n%zu calendar%s changed at Google and wait%s for 'calsync sync "
			   "--queued'\n",
			   count(list), count(list) == 1 ? "" : "s", count(list) == 1 ? "s" : "");
}

static int64_t changes(const struct json_object *counts)
{
	return json_int(counts, "created", 0) + json_int(counts, "updated", 0) +
	       json_int(counts, "deleted", 0);
}

static void show_runs(const struct cmd_context *cx, struct json_object *runs)
{
	AUTO(table_free) struct table *t = table_new(cx);

	if (!count(runs))
		return;
	out_printf("\nlast runs:\n");
	table_column(t, "  WHEN", 0);
	table_column(t, "ACCOUNT", 0);
	table_column(t, "WHAT", 0);
	table_column(t, "HERE", TABLE_RIGHT);
	table_column(t, "AT GOOGLE", TABLE_RIGHT);
	table_column(t, "RESULT", TABLE_CUT);
	for (size_t i = 0; i < count(runs); i++) {
		struct json_object *r = at(runs, i);
		char when[OUT_TIME_LEN];

		ago(r, when);
		table_row(t);
		table_cellf(t, "  %s", when);
		table_cell(t, json_str(r, "account"));
		table_cell(t, json_str(r, "kind"));
		table_cellf(t, "%" PRId64, changes(json_get(r, "stats")));
		table_cellf(t, "%" PRId64, changes(json_get(r, "pushed")));
		if (json_flag(r, "success", false))
			table_cell_styled(t, "good", OUT_GOOD);
		else
			table_cell_styled(t, json_str(r, "error") ? json_str(r, "error") : "failed",
					  OUT_BAD);
	}
	table_print(t);
}

void status_show(const struct cmd_context *cx, struct json_object *answer)
{
	struct json_object *accounts = json_get(answer, "accounts");
	struct json_object *problems = json_get(answer, "problems");

	if (cx->global.quiet)
		return;
	for (size_t i = 0; i < count(accounts); i++) {
		if (i)
			out_printf("\n");
		show_account(cx, at(accounts, i));
	}
	show_channels(cx, json_get(answer, "channels"));
	show_notifications(json_get(answer, "notifications"));
	show_queue(cx, json_get(answer, "queue"));
	show_runs(cx, json_get(answer, "runs"));
	if (count(problems))
		out_printf("%sproblems:\n", count(accounts) ? "\n" : "");
	for (size_t i = 0; i < count(problems); i++) {
		AUTO(free) char *text = term_clean(json_str(at(problems, i), "message"));

		out_printf("  %s%s%s\n", out_style_on(cx, OUT_BAD), text, out_style_off(cx));
	}
}
