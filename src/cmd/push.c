#include "cmd/push.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "cmd/doctor_verdict.h"
#include "cmd/output.h"
#include "base/banned.h"

#define RECEIVER_PATH "/api/calendar/webhook/google"

int push_address(struct cmd_context *cx, const struct account *a, char **out, struct err *err)
{
	const char *url = config_backend_url(cx->config);
	enum finding_status status;
	const char *trouble;
	size_t n;

	if (!url)
		return err_set(err, ERR_USAGE,
			       "BACKEND_URL is not set: it is the https address that Google "
			       "reaches 'calsync webhookd' by, without %s; set it in the "
			       "environment, or webhook.backend_url in '%s'",
			       RECEIVER_PATH, config_path(cx->config));
	trouble = verdict_channel(url, a->base_url, &status);
	if (status == FINDING_ERROR)
		return err_set(err, ERR_USAGE, "BACKEND_URL '%s' %s", url, trouble);
	n = strlen(url);
	while (n && url[n - 1] == '/')
		n--;
	*out = xasprintf("%.*s%s", (int)n, url, RECEIVER_PATH);
	return 0;
}

int push_run(struct cmd_context *cx, const struct account *a, const struct channels_options *o,
	     struct channels_result *out, struct err *err)
{
	AUTO(free) char *hook_path = cmd_webhook_db_path(cx);
	struct sync_env env;

	memset(out, 0, sizeof(*out));
	if (!cmd_sync_env(cx, &env, err))
		return channels_run(&env, hook_path, a, o, out, err);
	out->account = xstrdup(a->name);
	out->err = *err;
	return -1;
}

int push_peek(struct cmd_context *cx, const struct account *a, const struct channels_options *o,
	      struct channels_result *out, struct err *err)
{
	AUTO(free) char *hook_path = cmd_webhook_db_path(cx);
	struct sync_env env = {.store = cx->store, .clock = cx->clock};

	return channels_run(&env, hook_path, a, o, out, err);
}

int push_tidy(struct cmd_context *cx, struct err *err)
{
	AUTO(free) char *hook_path = cmd_webhook_db_path(cx);

	return channels_tidy(cx->store, hook_path, err);
}

struct json_object *push_channel_json(const struct live_channel *l, const char *account)
{
	struct json_object *o = json_object_new_object();

	if (account) {
		json_set_str(o, "account", account);
		json_set_str(o, "calendar", l->calendar);
	}
	json_set_str(o, "id", l->channel.id);
	json_set_str(o, "resourceId", l->channel.resource_id);
	json_set(o, "expiration", json_time_ms(channel_end_ms(&l->channel)));
	return o;
}

void push_add_channels(struct json_object *list, const struct channels_result *r)
{
	for (size_t i = 0; i < r->live_count; i++)
		json_object_array_add(list, push_channel_json(&r->live[i], r->account));
}

struct json_object *push_polled_json(const char *account, const char *calendar)
{
	struct json_object *o = json_object_new_object();

	json_set_str(o, "account", account);
	json_set_str(o, "calendar", calendar);
	return o;
}

void push_warn_left(const struct channels_result *r)
{
	if (r->stop_err.code != ERR_NONE && !r->left)
		log_warn("watch",
			 "%s: a channel that nobody needs could not be stopped (%s); it ends "
			 "by itself",
			 r->account, r->stop_err.msg);
	else if (r->stop_err.code != ERR_NONE)
		log_warn("watch",
			 "%s: %" PRId64 " old channel%s could not be stopped (%s); the next "
			 "'calsync sync' or 'calsync renew-watches' tries again, and it ends by "
			 "itself",
			 r->account, r->left, r->left == 1 ? "" : "s", r->stop_err.msg);
}
