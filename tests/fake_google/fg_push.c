/*
 * Push channels and the messages they cause.
 *
 *   watch --> WAITING (sync) --[fg_next_notification]--> SENT --[2xx, 102]--> gone
 *   change -> WAITING (exists)     ^                       |--[500 502 503 504]--> WAITING, later
 *                                  +-----------------------+--[anything else]----> gone
 *
 * A change that meets a WAITING exists message of its channel is merged into it. Message
 * numbers grow with gaps. Ids stay taken for ever, also after stop and expiry.
 */
#include "fg_edge.h"

#include <strings.h>

#include "base/time.h"

#include "base/banned.h"

#define DEFAULT_TTL_S 604800
#define MAX_TTL_MS    (30 * 86400 * 1000LL)
#define MAX_ATTEMPTS  6
#define SYNC_HEAD_MS  200 /* how far the sync message runs ahead of the answer, if it does */

struct channel {
	char *id, *resource_id, *resource_uri, *address; /* owned */
	char *token;                                     /* owned; NULL = none */
	char *event_types; /* owned; each with a space on both sides; NULL = all */
	char *client_id;   /* owned */
	struct fg_account *account;
	int64_t expires_ms;
	bool stopped;
	long last_number;
	int changes; /* exists messages so far, lost ones too */
};

struct message {
	size_t channel; /* index: channels stay for ever */
	bool exists;    /* else sync */
	long number;
	int64_t due_ms;
	int attempts;
	bool sent;
};

struct fg_push_state {
	FG_LIST(struct channel) channels;
	FG_LIST(struct message) queue;
	struct json_object *log; /* array, owned: GET /sandbox/notifications */
};

struct fg_push_state *fg_push_new(void)
{
	struct fg_push_state *push = xcalloc(1, sizeof(*push));

	push->log = json_object_new_array();
	return push;
}

void fg_push_free(struct fg_push_state *push)
{
	if (!push)
		return;
	for (size_t i = 0; i < push->channels.count; i++) {
		struct channel *c = &push->channels.list[i];

		free(c->id);
		free(c->resource_id);
		free(c->resource_uri);
		free(c->address);
		free(c->token);
		free(c->event_types);
		free(c->client_id);
	}
	free(push->channels.list);
	free(push->queue.list);
	json_object_put(push->log);
	free(push);
}

static bool alive(const struct fg *fg, const struct channel *c)
{
	return !c->stopped && c->expires_ms > fg_now_ms(fg);
}

struct json_object *fg_push_dump(struct fg *fg)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < fg->push->channels.count; i++) {
		const struct channel *c = &fg->push->channels.list[i];
		struct json_object *obj;

		if (!alive(fg, c))
			continue;
		obj = json_object_new_object();
		json_set_str(obj, "id", c->id);
		json_set_str(obj, "account", c->account->email);
		json_set_str(obj, "resourceId", c->resource_id);
		json_set_str(obj, "resourceUri", c->resource_uri);
		json_set_str(obj, "address", c->address);
		json_set_str(obj, "token", c->token);
		json_set_int(obj, "expiration", c->expires_ms);
		json_set_int(obj, "lastMessage", c->last_number);
		json_object_array_add(list, obj);
	}
	return list;
}

struct json_object **fg_push_log(struct fg *fg)
{
	return &fg->push->log;
}

/* -- watch ---------------------------------------------------------------------------------- */

static int fail_push(struct fg_call *call, int status, const char *reason, const char *what,
		     const char *address)
{
	AUTO(free) char *message = xasprintf("%s: %s", what, address);

	return fg_fail(call, status, "global", reason, message, NULL, NULL);
}

static bool loopback(const char *host, size_t len)
{
	return (len == 9 && !strncmp(host, "127.0.0.1", len)) ||
	       (len == 5 && !strncmp(host, "[::1]", len)) ||
	       (len == 9 && !strncasecmp(host, "localhost", len));
}

static bool verified(const struct fg *fg, const char *host, size_t len)
{
	struct json_object *list = fg->config.verified_domains;

	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(list, i));

		if (strlen(name) == len && !strncasecmp(name, host, len))
			return true;
	}
	return false;
}

static int check_address(struct fg_call *call, const char *address)
{
	const struct fg *fg = call->fg;
	bool https = !strncasecmp(address, "https://", 8);
	bool http = !strncasecmp(address, "http://", 7);
	const char *host = address + (https ? 8 : 7);
	size_t len;

	if (!https && !http)
		return fail_push(call, 400, "push.webhookUrlNotHttps",
				 "WebHook callback must be HTTPS", address);
	len = *host == '[' ? strcspn(host, "]") + 1 : strcspn(host, ":/?#");
	if (!len || strpbrk(address, " \t\r\n"))
		return fail_push(call, 400, "push.webhookUrlNoHostOrAddress",
				 "WebHook callback has no host", address);
	if (http && !(fg->config.allow_http_webhook && loopback(host, len)))
		return fail_push(call, 400, "push.webhookUrlNotHttps",
				 "WebHook callback must be HTTPS", address);
	if (fg->config.webhook_verify && !verified(fg, host, len))
		return fail_push(call, 401, "push.webhookUrlUnauthorized",
				 "Unauthorized WebHook callback channel", address);
	return 0;
}

static int check_channel(struct fg_call *call)
{
	const char *id = json_str(call->body, "id");
	const char *type = json_str(call->body, "type");
	const char *address = json_str(call->body, "address");
	const char *token = json_str(call->body, "token");

	if (!id || !*id)
		return fg_fail_required(call, "Missing required field: id");
	if (strlen(id) > 64 ||
	    strspn(id, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=") !=
		    strlen(id))
		return fg_fail_invalid(call, "Invalid channel id.");
	if (!type)
		return fg_fail_required(call, "Missing required field: type");
	if (strcmp(type, "web_hook") != 0 && strcmp(type, "webhook") != 0)
		return fg_fail_invalid(call, "Unknown channel type.");
	if (!address || !*address)
		return fg_fail_required(call, "Missing required field: address");
	if (token && strlen(token) > 256)
		return fg_fail_invalid(call, "The channel token is longer than 256 characters.");
	return check_address(call, address);
}

/* The most restrictive of what was asked and Google's own limit; -1 after answering. */
static int lifetime(struct fg_call *call, int64_t *out_ms)
{
	const struct json_object *params = json_get(call->body, "params");
	int64_t now = fg_now_ms(call->fg);
	int64_t ttl = json_int(params, "ttl", -1);
	int64_t until = json_int(call->body, "expiration", -1);
	int64_t end;

	if ((json_get(params, "ttl") && ttl <= 0) ||
	    (json_get(call->body, "expiration") && until <= now))
		return fg_fail_invalid(call, "Invalid channel expiration.");
	if (ttl > MAX_TTL_MS / 1000)
		ttl = MAX_TTL_MS / 1000;
	end = now + (ttl > 0 ? ttl * 1000 : until > 0 ? MAX_TTL_MS : DEFAULT_TTL_S * 1000LL);
	if (until > 0 && until < end)
		end = until;
	*out_ms = end / 1000 * 1000;
	return 0;
}

static void note_params(struct fg_call *call)
{
	static const char fine[] = " alt fields key oauth_token prettyPrint quotaUser userIp "
				   "access_token eventTypes ";

	for (size_t i = 0; i < call->nparams; i++) {
		AUTO(free) char *padded = xasprintf(" %s ", call->params[i].name);

		if (!strstr(fine, padded))
			fg_violation(call, "'%s' has no documented meaning in a watch request",
				     call->params[i].name);
	}
}

/* Opaque, the same for every channel on this collection of this user. */
static char *resource_id(const struct fg_account *account, const char *uri)
{
	AUTO(free) char *text = xasprintf("%s %s", account->email, uri);
	uint64_t a = 0xcbf29ce484222325ULL, b = 0x84222325cbf29ce4ULL;
	char *out = xmalloc(27);

	for (const char *p = text; *p; p++) {
		a = (a ^ (unsigned char)*p) * 0x100000001b3ULL;
		b = (b + a) * 0x9E3779B97F4A7C15ULL;
	}
	for (int i = 0; i < 26; i++) {
		out[i] = "0123456789abcdefghijklmnopqrstuv-_"[(i < 13 ? a : b) & 31];
		if (i < 13)
			a >>= 5;
		else
			b >>= 5;
	}
	out[26] = '\0';
	return out;
}

static void queue_message(struct fg *fg, size_t channel, bool exists)
{
	struct channel *c = &fg->push->channels.list[channel];
	struct message *m = FG_LIST_ADD(&fg->push->queue);

	/* 1 for sync; later ones are larger, not contiguous. */
	c->last_number += exists ? 1 + (long)fg_random_below(fg, 4000) : 1;
	m->channel = channel;
	m->exists = exists;
	m->number = c->last_number;
	m->due_ms = fg_now_ms(fg);
	if (exists && fg->config.push_duplicates) {
		struct message copy = *m;

		*FG_LIST_ADD(&fg->push->queue) = copy;
	}
}

static int reply_channel(struct fg_call *call, const struct channel *c)
{
	struct json_object *obj = json_object_new_object();
	char expires[24];

	snprintf(expires, sizeof(expires), "%lld", (long long)c->expires_ms);
	json_set_str(obj, "kind", "api#channel");
	json_set_str(obj, "id", c->id);
	json_set_str(obj, "resourceId", c->resource_id);
	json_set_str(obj, "resourceUri", c->resource_uri);
	if (c->token)
		json_set_str(obj, "token", c->token);
	json_set_str(obj, "expiration", expires);
	return fg_reply_json(call, 200, obj);
}

/* path: of the collection, below /calendar/v3/, encoded. */
static int watch(struct fg_call *call, const char *path)
{
	struct fg_push_state *push = call->fg->push;
	const char *id = json_str(call->body, "id");
	struct channel *c;
	int64_t expires = 0;

	for (size_t i = 0; i < push->channels.count; i++) {
		if (strcmp(push->channels.list[i].id, id) != 0)
			continue;
		AUTO(free) char *message = xasprintf("Channel id %s not unique", id);

		return fg_fail(call, 400, "global", "channelIdNotUnique", message, NULL, NULL);
	}
	if (lifetime(call, &expires))
		return -1;
	c = FG_LIST_ADD(&push->channels);
	c->id = xstrdup(id);
	c->resource_uri = xasprintf("https://www.googleapis.com/calendar/v3/%s?alt=json", path);
	c->resource_id = resource_id(call->account, c->resource_uri);
	c->address = xstrdup(json_str(call->body, "address"));
	c->token = xstrdup_null(json_str(call->body, "token"));
	c->client_id = xstrdup(call->client_id);
	c->account = call->account;
	c->expires_ms = expires;
	if (fg_param(call, "eventTypes")) {
		struct strbuf types = STRBUF_INIT;

		for (size_t i = 0; fg_param_n(call, "eventTypes", i); i++)
			strbuf_addf(&types, " %s ", fg_param_n(call, "eventTypes", i));
		c->event_types = strbuf_detach(&types);
	}
	queue_message(call->fg, push->channels.count - 1, false);
	if (call->fg->config.push_sync_first)
		call->fg->delay_ms += SYNC_HEAD_MS;
	return reply_channel(call, c);
}

static int watch_calendar(struct fg_call *call, const char *collection)
{
	AUTO(strbuf_release) struct strbuf path = STRBUF_INIT;
	const char *id;

	note_params(call);
	if (fg_param(call, "syncToken"))
		return fg_fail_param(call, "Invalid sync token value.", "syncToken");
	if (check_channel(call) || fg_cal_watch_target(call, &id))
		return -1;
	strbuf_adds(&path, "calendars/");
	strbuf_add_urlencoded(&path, id);
	strbuf_addf(&path, "/%s", collection);
	return watch(call, path.buf);
}

int fg_events_watch(struct fg_call *call)
{
	static const char known[] =
		" birthday default focusTime fromGmail outOfOffice workingLocation ";

	for (size_t i = 0; fg_param_n(call, "eventTypes", i); i++) {
		AUTO(free) char *padded = xasprintf(" %s ", fg_param_n(call, "eventTypes", i));

		if (!strstr(known, padded))
			return fg_fail_param(call, "Invalid value for: eventTypes", "eventTypes");
	}
	return watch_calendar(call, "events");
}

int fg_acl_watch(struct fg_call *call)
{
	return watch_calendar(call, "acl");
}

static int watch_own(struct fg_call *call, const char *path)
{
	note_params(call);
	return check_channel(call) ? -1 : watch(call, path);
}

int fg_calendar_list_watch(struct fg_call *call)
{
	return watch_own(call, "users/me/calendarList");
}

int fg_settings_watch(struct fg_call *call)
{
	return watch_own(call, "users/me/settings");
}

/* -- stop ----------------------------------------------------------------------------------- */

int fg_channels_stop(struct fg_call *call)
{
	const char *id = json_str(call->body, "id");
	const char *resource = json_str(call->body, "resourceId");
	struct fg_push_state *push = call->fg->push;

	if (!id || !*id)
		return fg_fail_required(call, "Missing required field: id");
	if (!resource || !*resource)
		return fg_fail_required(call, "Missing required field: resourceId");
	for (size_t i = 0; i < push->channels.count; i++) {
		struct channel *c = &push->channels.list[i];

		/* The same user through the same client; any user of it when a service account
		 * made the channel. */
		if (!alive(call->fg, c) || strcmp(c->id, id) != 0 ||
		    strcmp(c->resource_id, resource) != 0 ||
		    strcmp(c->client_id, call->client_id) != 0 ||
		    (c->account != call->account && !c->account->service))
			continue;
		c->stopped = true;
		return fg_reply_empty(call, 204);
	}
	AUTO(free)
	char *message = xasprintf("Channel '%s' not found for project '407408718192'", id);

	return fg_fail(call, 404, "global", "notFound", message, NULL, NULL);
}

void fg_push_grant_gone(struct fg *fg, struct fg_account *account, const char *client_id)
{
	for (size_t i = 0; i < fg->push->channels.count; i++) {
		struct channel *c = &fg->push->channels.list[i];

		if (c->account == account && !strcmp(c->client_id, client_id))
			c->stopped = true;
	}
}

/* -- changes -------------------------------------------------------------------------------- */

static bool waiting(const struct fg_push_state *push, size_t channel)
{
	for (size_t i = 0; i < push->queue.count; i++) {
		const struct message *m = &push->queue.list[i];

		if (m->channel == channel && m->exists && !m->sent)
			return true;
	}
	return false;
}

static void changed(struct fg *fg, struct fg_account *account, const char *path,
		    const char *event_type)
{
	AUTO(free)
	char *uri = xasprintf("https://www.googleapis.com/calendar/v3/%s?alt=json", path);
	AUTO(free) char *type = xasprintf(" %s ", event_type ? event_type : "default");

	for (size_t i = 0; i < fg->push->channels.count; i++) {
		struct channel *c = &fg->push->channels.list[i];

		if (c->account != account || strcmp(c->resource_uri, uri) != 0 || !alive(fg, c) ||
		    (c->event_types && !strstr(c->event_types, type)) || waiting(fg->push, i))
			continue;
		c->changes++;
		/* Delivery is not guaranteed. */
		if (fg->config.push_drop_every && !(c->changes % fg->config.push_drop_every))
			continue;
		queue_message(fg, i, true);
	}
}

void fg_push_changed(struct fg *fg, struct fg_account *account, const char *calendar_id,
		     const char *event_type)
{
	AUTO(strbuf_release) struct strbuf path = STRBUF_INIT;

	strbuf_adds(&path, "calendars/");
	strbuf_add_urlencoded(&path, calendar_id);
	strbuf_adds(&path, "/events");
	changed(fg, account, path.buf, event_type);
}

void fg_push_list_changed(struct fg *fg, struct fg_account *account)
{
	changed(fg, account, "users/me/calendarList", NULL);
}

/* -- delivery ------------------------------------------------------------------------------- */

static void queue_drop(struct fg_push_state *push, size_t i)
{
	memmove(&push->queue.list[i], &push->queue.list[i + 1],
		(push->queue.count - i - 1) * sizeof(*push->queue.list));
	push->queue.count--;
}

static void http_date(int64_t ms, char *buf, size_t size)
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(buf, size, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

static void build(const struct channel *c, const struct message *m, struct http_request *out)
{
	char number[24], expires[64];

	snprintf(number, sizeof(number), "%ld", m->number);
	http_date(c->expires_ms, expires, sizeof(expires));
	*out = (struct http_request){.method = "POST", .url = xstrdup(c->address)};
	http_headers_add(&out->headers, "Accept", "*/*");
	http_headers_add(&out->headers, "User-Agent",
			 "APIs-Google; (+https://developers.google.com/webmasters/"
			 "APIs-Google.html)");
	http_headers_add(&out->headers, "X-Goog-Channel-ID", c->id);
	http_headers_add(&out->headers, "X-Goog-Channel-Expiration", expires);
	if (c->token)
		http_headers_add(&out->headers, "X-Goog-Channel-Token", c->token);
	http_headers_add(&out->headers, "X-Goog-Message-Number", number);
	http_headers_add(&out->headers, "X-Goog-Resource-ID", c->resource_id);
	http_headers_add(&out->headers, "X-Goog-Resource-State", m->exists ? "exists" : "sync");
	http_headers_add(&out->headers, "X-Goog-Resource-URI", c->resource_uri);
}

bool fg_next_notification(struct fg *fg, struct http_request *out)
{
	struct fg_push_state *push = fg->push;
	int64_t now = fg_now_ms(fg);

	for (size_t i = 0; i < push->queue.count; i++) {
		struct message *m = &push->queue.list[i];
		const struct channel *c = &push->channels.list[m->channel];

		if (m->sent || m->due_ms > now)
			continue;
		if (c->expires_ms <= now) {
			queue_drop(push, i--);
			continue;
		}
		m->sent = true;
		m->attempts++;
		build(c, m, out);
		return true;
	}
	return false;
}

int64_t fg_next_due_ms(const struct fg *fg)
{
	int64_t now = fg_now_ms(fg);
	int64_t due = -1;

	for (size_t i = 0; i < fg->push->queue.count; i++) {
		const struct message *m = &fg->push->queue.list[i];
		int64_t left = m->due_ms > now ? m->due_ms - now : 0;

		if (!m->sent && (due < 0 || left < due))
			due = left;
	}
	return due;
}

static void log_delivery(struct fg *fg, const struct http_request *sent, int status)
{
	struct json_object *entry = json_object_new_object();
	char now[RFC3339_LEN];

	rfc3339_format_ms(fg_now_ms(fg), now);
	json_set_str(entry, "time", now);
	json_set_str(entry, "address", sent->url);
	json_set_str(entry, "channel", http_headers_get(&sent->headers, "X-Goog-Channel-ID"));
	json_set_str(entry, "state", http_headers_get(&sent->headers, "X-Goog-Resource-State"));
	json_set_int(entry, "number",
		     strtol(http_headers_get(&sent->headers, "X-Goog-Message-Number"), NULL, 10));
	json_set_int(entry, "status", status);
	json_object_array_add(fg->push->log, entry);
}

void fg_notification_result(struct fg *fg, const struct http_request *sent, int status)
{
	struct fg_push_state *push = fg->push;
	const char *id = http_headers_get(&sent->headers, "X-Goog-Channel-ID");
	long number = strtol(http_headers_get(&sent->headers, "X-Goog-Message-Number"), NULL, 10);
	bool again = status == 500 || (status >= 502 && status <= 504);

	log_delivery(fg, sent, status);
	for (size_t i = 0; i < push->queue.count; i++) {
		struct message *m = &push->queue.list[i];

		if (!m->sent || m->number != number ||
		    strcmp(push->channels.list[m->channel].id, id) != 0)
			continue;
		if (!again || m->attempts >= MAX_ATTEMPTS) {
			queue_drop(push, i);
			return;
		}
		m->sent = false;
		m->due_ms =
			fg_now_ms(fg) + (500LL << m->attempts) + (int64_t)fg_random_below(fg, 250);
		return;
	}
}

void fg_notification_release(struct http_request *req)
{
	free((char *)req->url);
	http_headers_release(&req->headers);
	*req = (struct http_request){0};
}
