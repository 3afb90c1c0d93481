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

static void channel_metric(struct json_object *channels, const char *name, const char *help,
			   const char *member)
{
	metric(name, "gauge", help);
	for (size_t i = 0; i < count(channels); i++) {
		const struct json_object *c = at(channels, i);

		if (!strcmp(json_str(c, "state"), "active"))
			sample(name, timestamp(c, member), json_str(c, "account"), "calendar",
			       json_str(c, "calendar"));
	}
}

static void channel_metrics(struct json_object *channels, bool webhook_is_read)
{
	channel_metric(channels, "channel_expiration_timestamp_seconds",
		       "When the calendar's push channel ends", "expiration");
	if (!webhook_is_read)
		return;
	channel_metric(channels, "channel_verified_timestamp_seconds",
		       "When the first message came over the push channel; 0 = none yet",
		       "verified");
	channel_metric(channels, "channel_last_message_timestamp_seconds",
		       "When the last change was announced over the push channel; 0 = none yet",
		       "lastMessage");
}

static int64_t in_state(struct json_object *queue, const char *account, const char *state)
{
	int64_t n = 0;

	for (size_t i = 0; i < count(queue); i++)
		n += !strcmp(json_str(at(queue, i), "account"), account) &&
		     !strcmp(json_str(at(queue, i), "state"), state);
	return n;
}

/* Else what it knows is not 0, but not known. */
static bool webhook_is_read(struct json_object *problems)
{
	for (size_t i = 0; i < count(problems); i++)
		if (!strcmp(json_str(at(problems, i), "kind"), "webhook"))
			return false;
	return true;
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
	bool is_read = webhook_is_read(json_get(answer, "problems"));

	account_metrics(accounts);
	calendar_metrics(accounts);
	event_metrics(accounts);
	channel_metrics(json_get(answer, "channels"), is_read);
	if (is_read) {
		metric("notifications_waiting", "gauge",
		       "Announced changes that no sync has taken yet");
		out_printf("calsync_notifications_waiting %zu\n",
			   count(json_get(answer, "notifications")));
	}
	metric("queue_entries", "gauge", "Changes that wait to be sent, by state");
	for (size_t i = 0; i < count(accounts); i++)
		for (size_t k = 0; k < ARRAY_SIZE(states); k++)
			sample("queue_entries",
			       in_state(queue, json_str(at(accounts, i), "name"), states[k]),
			       json_str(at(accounts, i), "name"), "state", states[k]);
	metric("problems", "gauge", "What `calsync status --check` complains about");
	out_printf("calsync_problems %zu\n", count(json_get(answer, "problems")));
}
