#include "cmd/status.h"

#include <stdlib.h>
#include <string.h>

#include "base/id_map.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cmd/hook_trouble.h"
#include "cmd/output.h"
#include "store/channel.h"
#include "sync/channel_plan.h"
#include "sync/wakes.h"
#include "base/banned.h"

/* Google sends a message right after a channel is made; webhookd may just be starting. */
#define VERIFY_MS (10 * 60 * INT64_C(1000))

/* --- channels ------------------------------------------------------------------------------ */

struct channel_view {
	struct channel *channel;  /* borrowed */
	struct hook_channel seen; /* what the webhook knows; id NULL = nothing */
};

static int look(struct gather *g, struct channel *c, struct channel_view *out, struct err *err)
{
	bool found = false;

	*out = (struct channel_view){.channel = c};
	if (g->hook && hook_channel_get(g->hook, c->id, &out->seen, &found, err))
		return -1;
	c->deaf = !found && g->hook_err.code == ERR_NONE;
	return 0;
}

/* The last thing that was heard of it. */
static int64_t heard_ms(const struct channel_view *v)
{
	if (v->seen.last_message_ms)
		return v->seen.last_message_ms;
	return v->seen.verified_ms ? v->seen.verified_ms : v->channel->created_ms;
}

static void add_channel(struct gather *g, const struct calendar *c, const struct channel_view *v)
{
	struct json_object *o = json_object_new_object();

	json_set_str(o, "account", c->account);
	json_set_str(o, "calendar", c->google_id);
	json_set_str(o, "summary", c->summary);
	json_set_str(o, "state", channel_state_name(v->channel->state));
	json_set_str(o, "id", v->channel->id);
	json_set_str(o, "resourceId", v->channel->resource_id);
	json_set(o, "created", json_time_ms(v->channel->created_ms));
	json_set(o, "expiration", json_time_ms(channel_end_ms(v->channel)));
	json_set(o, "verified", json_time_ms(v->seen.verified_ms));
	json_set(o, "lastMessage", json_time_ms(v->seen.last_message_ms));
	json_set_int(o, "messages", v->seen.messages);
	json_set_int(o, "silenceSeconds", (g->now_ms - heard_ms(v)) / 1000);
	json_set_str(o, "lastError", v->channel->last_error);
	json_object_array_add(g->channels, o);
}

/* Of one that a calendar relies on. Mere quiet is no trouble: nothing may have changed. */
static void judge(struct gather *g, const struct calendar *c, const struct channel_view *v)
{
	if (v->channel->deaf)
		status_problem(g, c->account, "channel",
			       "the webhook's database does not know the push channel of "
			       "calendar '%s': calsync renew-watches",
			       c->summary);
	else if (!v->seen.verified_ms && g->hook_err.code == ERR_NONE &&
		 g->now_ms - v->channel->created_ms > VERIFY_MS)
		status_problem(g, c->account, "channel",
			       "no message has come over the push channel of calendar '%s': is "
			       "'calsync webhookd' running, and does BACKEND_URL lead to it?",
			       c->summary);
}

static int add_calendar(struct gather *g, const struct account *a, const struct calendar *c,
			const struct channel_list *channels, struct err *err)
{
	bool wanted =
		c->push == PUSH_ON && c->selected && !c->gone && a->state == ACCOUNT_CONNECTED;
	bool has_one = false;

	g->push_wanted |= wanted;
	for (size_t i = 0; i < channels->count; i++) {
		AUTO(hook_channel_release) struct hook_channel seen = {0};
		struct channel *ch = &channels->items[i];
		struct channel_view v;

		if (ch->calendar_id != c->id)
			continue;
		if (look(g, ch, &v, err))
			return -1;
		seen = v.seen;
		add_channel(g, c, &v);
		if (ch->state != CHANNEL_ACTIVE || channel_end_ms(ch) <= g->now_ms)
			continue;
		has_one = true;
		if (wanted)
			judge(g, c, &v);
	}
	if (wanted && !has_one)
		status_problem(g, a->name, "channel",
			       "calendar '%s' is watched, and has no push channel that has not "
			       "ended: calsync renew-watches",
			       c->summary);
	return 0;
}

int status_channels(struct gather *g, const struct account *a, struct err *err)
{
	AUTO(calendar_list_release) struct calendar_list calendars = {0};
	AUTO(channel_list_release) struct channel_list channels = {0};

	if (store_calendar_list(g->cx->store, a->id, &calendars, err) ||
	    store_channel_list(g->cx->store, a->id, &channels, err))
		return -1;
	for (size_t i = 0; i < calendars.count; i++)
		if (add_calendar(g, a, &calendars.items[i], &channels, err))
			return -1;
	return 0;
}

/* A page that is damaged shows only when it is read. */
static int read_all(struct hook *hook, struct err *err)
{
	AUTO(hook_channel_list_release) struct hook_channel_list channels = {0};
	AUTO(free) struct hook_wake *wakes = NULL;
	size_t count;

	return hook_channel_list(hook, &channels, err) || hook_wake_look(hook, &wakes, &count, err)
		       ? -1
		       : 0;
}

struct hook *status_open_hook(struct gather *g)
{
	AUTO(free) char *path = cmd_webhook_db_path(g->cx);
	AUTO(hook_close) struct hook *hook = NULL;
	struct err err;

	if (!hook_open(path, false, &hook, &err) && !hook_check_owner(hook, g->cx->store, &err) &&
	    !read_all(hook, &err))
		return TAKE(hook);
	if (hook || err.code != ERR_NOT_FOUND)
		g->hook_err = err;
	return NULL;
}

void status_judge_hook(struct gather *g)
{
	AUTO(free) char *path = cmd_webhook_db_path(g->cx);
	struct err err = g->hook_err;

	if (err.code == ERR_NONE)
		return;
	if (!g->push_wanted) {
		log_warn("status", "what the webhook knows is not shown: %s, ignoring", err.msg);
		return;
	}
	hook_explain(path, &err);
	status_problem(g, NULL, "webhook", "%s", err.msg);
}

/* --- notifications ------------------------------------------------------------------------- */

static void add_notification(struct gather *g, const struct calendar *c, int64_t at_ms)
{
	struct json_object *o = json_object_new_object();

	json_set_str(o, "account", c->account);
	json_set_str(o, "calendar", c->google_id);
	json_set(o, "since", json_time_ms(at_ms));
	json_object_array_add(g->notifications, o);
}

int status_notifications(struct gather *g, const struct account_list *accounts, struct err *err)
{
	AUTO(free) struct hook_wake *wakes = NULL;
	AUTO(id_map_release) struct id_map shown = {0};
	size_t count = 0;

	account_list_map(accounts, &shown);
	if (g->hook && wakes_look(g->cx->store, hook_path(g->hook), &wakes, &count, err))
		return -1;
	for (size_t i = 0; i < count; i++) {
		AUTO(calendar_release) struct calendar c = {0};

		if (store_calendar_get(g->cx->store, wakes[i].calendar_id, &c, err)) {
			if (err->code == ERR_NOT_FOUND)
				continue; /* removed in this moment by another process */
			return -1;
		}
		if (id_map_find(&shown, c.account_id, NULL))
			add_notification(g, &c, wakes[i].at_ms);
	}
	return 0;
}
