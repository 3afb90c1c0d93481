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

/* --- for people -------------------------------------------------------------------------- */

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
	show_queue(cx, json_get(answer, "queue"));
	show_runs(cx, json_get(answer, "runs"));
	if (count(problems))
		out_printf("%sproblems:\n", count(accounts) ? "\n" : "");
	for (size_t i = 0; i < count(problems); i++) {
		AUTO(free) char *text = term_clean(json_str(at(problems, i), "message"));

		out_printf("  %s%s%s\n", out_style_on(cx, OUT_BAD), text, out_style_off(cx));
	}
}

/* --- for Prometheus ---------------------------------------------------------------------- */

static void add_label(struct strbuf *sb, const char *name, const char *value)
{
	strbuf_addf(sb, "%s%s=\"", sb->len ? "," : "", name);
	for (const char *p = value ? value : ""; *p; p++) {
		if (*p == '\\' || *p == '"')
			strbuf_addc(sb, '\\');
		if (*p == '\n')
			strbuf_adds(sb, "\\n");
		else
			strbuf_addc(sb, *p);
	}
	strbuf_addc(sb, '"');
}

static void metric(const char *name, const char *type, const char *help)
{
	out_printf("# HELP calsync_%s %s\n# TYPE calsync_%s %s\n", name, help, name, type);
}

static void sample(const char *name, int64_t value, const char *account, const char *label,
		   const char *label_value)
{
	AUTO(strbuf_release) struct strbuf labels = STRBUF_INIT;

	add_label(&labels, "account", account);
	if (label)
		add_label(&labels, label, label_value);
	out_printf("calsync_%s{%s} %" PRId64 "\n", name, labels.buf, value);
}

/* Seconds since 1970 of a member of ours; 0 = never */
static int64_t timestamp(const struct json_object *o, const char *member)
{
	const char *text = json_str(o, member);
	struct rfc3339 time;
	struct err err;

	return text && !rfc3339_parse(text, &time, &err) ? time.utc : 0;
}

static void account_metrics(struct json_object *accounts)
{
	static const char *const states[] = {
#define X(id, name) name,
		ACCOUNT_STATES(X)
#undef X
	};

	metric("account_state", "gauge", "1 for the state that the account is in");
	for (size_t i = 0; i < count(accounts); i++)
		for (size_t k = 0; k < ARRAY_SIZE(states); k++)
			sample("account_state",
			       !strcmp(json_str(at(accounts, i), "state"), states[k]),
			       json_str(at(accounts, i), "name"), "state", states[k]);
	metric("account_last_sync_timestamp_seconds", "gauge",
	       "When the account was last synced well; 0 = never");
	for (size_t i = 0; i < count(accounts); i++)
		sample("account_last_sync_timestamp_seconds",
		       timestamp(at(accounts, i), "lastSync"), json_str(at(accounts, i), "name"),
		       NULL, NULL);
}

static void calendar_metrics(struct json_object *accounts)
{
	metric("calendar_last_sync_timestamp_seconds", "gauge",
	       "When the selected calendar was last synced well; 0 = never");
	for (size_t i = 0; i < count(accounts); i++) {
		struct json_object *list = json_get(at(accounts, i), "calendars");

		for (size_t k = 0; k < count(list); k++)
			if (json_flag(at(list, k), "selected", false))
				sample("calendar_last_sync_timestamp_seconds",
				       timestamp(at(list, k), "lastSync"),
				       json_str(at(accounts, i), "name"), "calendar",
				       json_str(at(list, k), "id"));
	}
}

static void event_metrics(struct json_object *accounts)
{
	metric("events", "gauge", "Events in the store by sync status");
	for (size_t i = 0; i < count(accounts); i++) {
		json_object_object_foreach (json_get(at(accounts, i), "events"), status, n)
			sample("events", json_object_get_int64(n),
			       json_str(at(accounts, i), "name"), "status", status);
	}
}

static int64_t in_state(struct json_object *queue, const char *account, const char *state)
{
	int64_t n = 0;

	for (size_t i = 0; i < count(queue); i++)
		n += !strcmp(json_str(at(queue, i), "account"), account) &&
		     !strcmp(json_str(at(queue, i), "state"), state);
	return n;
}

void status_prometheus(struct json_object *answer)
{
	static const char *const states[] = {
#define X(id, name) name,
		OUTBOX_STATES(X)
#undef X
	};
	struct json_object *accounts = json_get(answer, "accounts");
	struct json_object *queue = json_get(answer, "queue");

	account_metrics(accounts);
	calendar_metrics(accounts);
	event_metrics(accounts);
	metric("queue_entries", "gauge", "Changes that wait to be sent, by state");
	for (size_t i = 0; i < count(accounts); i++)
		for (size_t k = 0; k < ARRAY_SIZE(states); k++)
			sample("queue_entries",
			       in_state(queue, json_str(at(accounts, i), "name"), states[k]),
			       json_str(at(accounts, i), "name"), "state", states[k]);
	metric("problems", "gauge", "What `calsync status --check` complains about");
	out_printf("calsync_problems %zu\n", count(json_get(answer, "problems")));
}
