/* Push channels: watch and stop. What they send: fg_notify.c. */
#include "fg_push.h"

#include <strings.h>

#include "base/banned.h"

#define DEFAULT_TTL_S 604800
#define MAX_TTL_MS    (30 * 86400 * 1000LL)
#define SYNC_HEAD_MS  200 /* how far the sync message runs ahead of the answer, if it does */

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
		struct fg_channel *c = &push->channels.list[i];

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

bool fg_channel_alive(const struct fg *fg, const struct fg_channel *c)
{
	return !c->stopped && c->expires_ms > fg_now_ms(fg);
}

struct json_object *fg_push_dump(struct fg *fg)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < fg->push->channels.count; i++) {
		const struct fg_channel *c = &fg->push->channels.list[i];
		struct json_object *obj;

		if (!fg_channel_alive(fg, c))
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

static int reply_channel(struct fg_call *call, const struct fg_channel *c)
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
	struct fg_channel *c;
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
	fg_push_queue(call->fg, push->channels.count - 1, false);
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
		struct fg_channel *c = &push->channels.list[i];

		/* The same user through the same client; any user of it when a service account
		 * made the channel. */
		if (!fg_channel_alive(call->fg, c) || strcmp(c->id, id) != 0 ||
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
		struct fg_channel *c = &fg->push->channels.list[i];

		if (c->account == account && !strcmp(c->client_id, client_id))
			c->stopped = true;
	}
}
