/* A world (sync_world.h) whose account has push channels: the webhook's database, and Google's
 * messages, which come into it as the receiver would write them. Include after cmocka.h. */
#ifndef TESTS_UNIT_CHANNEL_WORLD_H
#define TESTS_UNIT_CHANNEL_WORLD_H

#include "sync/channels.h"

#include "secret/digest.h"
#include "store/bell.h"
#include "store/channel.h"
#include "store/hook.h"
#include "sync_world.h"

#define ADDRESS "https://hook.example.org/api/calendar/webhook/google"
#define HOUR_MS (60 * 60 * INT64_C(1000))
#define DAY_MS  (24 * HOUR_MS)

static char hook_file[TEMP_TREE_LEN + 16];
static struct channels_result result; /* of the last run */

static inline int channel_setup(void **state)
{
	int rc = setup(state);
	struct world *w = *state;

	snprintf(hook_file, sizeof(hook_file), "%s/hook", w->dir);
	return rc;
}

static inline int channel_teardown(void **state)
{
	channels_result_release(&result);
	return teardown(state);
}

/* A new access token, good for an hour. */
static inline void log_in(struct world *w)
{
	connect_again(w);
	w->account.token_expires_ms = w->clock.now_ms + HOUR_MS;
	OK(store_account_update(w->store, &w->account, &err));
}

static inline int run_channels(struct world *w, const struct channels_options *o)
{
	AUTO(account_release) struct account a = {0};

	channels_result_release(&result);
	OK(store_account_get(w->store, "me", &a, &err));
	return channels_run(&w->env, hook_file, &a, o, &result, &err);
}

static inline int watch(struct world *w)
{
	struct channels_options o = {
		.push = PUSH_SWITCH_ON, .address = ADDRESS, .window_ms = DAY_MS};

	return run_channels(w, &o);
}

static inline void watch_ok(struct world *w)
{
	OK(watch(w));
	if (result.err.code != ERR_NONE)
		fail_msg("watch: %s", result.err.msg);
}

static inline int renew(struct world *w, int64_t window_ms)
{
	struct channels_options o = {.address = ADDRESS, .window_ms = window_ms};

	return run_channels(w, &o);
}

static inline void renew_ok(struct world *w)
{
	OK(renew(w, 7 * DAY_MS));
	if (result.err.code != ERR_NONE)
		fail_msg("renew: %s", result.err.msg);
}

static inline int stop_watch(struct world *w, enum push_switch how)
{
	struct channels_options o = {.push = how};

	return run_channels(w, &o);
}

/* --- what there is ------------------------------------------------------------------------- */

/* The channels that live at Google; caller's. */
static inline struct json_object *google_channels(struct world *w)
{
	AUTO(json_object_put)
	struct json_object *state = ask(w, "GET", "/sandbox/state", NULL, NULL, NULL);

	return json_clone(json_get(state, "channels"));
}

static inline size_t google_channel_count(struct world *w)
{
	AUTO(json_object_put) struct json_object *list = google_channels(w);

	return json_object_array_length(list);
}

static inline struct channel_list our_channels(struct world *w)
{
	struct channel_list list;

	OK(store_channel_list(w->store, 0, &list, &err));
	return list;
}

static inline size_t our_count(struct world *w)
{
	AUTO(channel_list_release) struct channel_list list = our_channels(w);

	return list.count;
}

static inline size_t hook_count(void)
{
	AUTO(hook_close) struct hook *h = NULL;
	AUTO(hook_channel_list_release) struct hook_channel_list list = {0};

	if (hook_open(hook_file, false, &h, &err))
		return 0;
	OK(hook_channel_list(h, &list, &err));
	return list.count;
}

static inline int64_t wakes(void)
{
	AUTO(hook_close) struct hook *h = NULL;
	int64_t n;

	if (hook_open(hook_file, false, &h, &err))
		return 0;
	OK(hook_wake_count(h, &n, &err));
	return n;
}

/* One row, ACTIVE, which lives at Google and is known to the webhook; and nothing else anywhere. */
static inline void assert_one_channel(struct world *w)
{
	AUTO(channel_list_release) struct channel_list ours = our_channels(w);
	AUTO(json_object_put) struct json_object *theirs = google_channels(w);
	struct json_object *there = json_object_array_get_idx(theirs, 0);

	assert_int_equal(ours.count, 1);
	assert_int_equal(json_object_array_length(theirs), 1);
	assert_int_equal(hook_count(), 1);
	assert_int_equal(ours.items[0].state, CHANNEL_ACTIVE);
	assert_string_equal(ours.items[0].id, json_str(there, "id"));
	assert_string_equal(ours.items[0].resource_id, json_str(there, "resourceId"));
	assert_int_equal(ours.items[0].expiration_ms, json_int(there, "expiration", 0));
	assert_string_equal(json_str(there, "address"), ADDRESS);
}

/* --- messages ------------------------------------------------------------------------------ */

/* All that Google sends now, as the receiver would write it down. How many it took. */
static inline int deliver(struct world *w)
{
	AUTO(hook_close) struct hook *h = NULL;
	struct http_request req;
	int taken = 0;

	if (hook_open(hook_file, false, &h, &err))
		return 0;
	while (fg_next_notification(w->fg, &req)) {
		const char *id = http_headers_get(&req.headers, "X-Goog-Channel-ID");
		const char *token = http_headers_get(&req.headers, "X-Goog-Channel-Token");
		const char *state = http_headers_get(&req.headers, "X-Goog-Resource-State");
		const char *number = http_headers_get(&req.headers, "X-Goog-Message-Number");
		bool exists = strcmp(state, "sync") != 0;
		unsigned char hash[DIGEST_LEN];
		AUTO(hook_channel_release) struct hook_channel c = {0};
		bool found, news = false;

		OK(hook_channel_get(h, id, &c, &found, &err));
		digest_sha256(token, strlen(token), hash);
		if (found && digest_equal(hash, c.token_hash)) {
			OK(hook_channel_note(h, id, strtol(number, NULL, 10),
					     http_headers_get(&req.headers, "X-Goog-Resource-ID"),
					     exists, w->clock.now_ms, &news, &err));
			if (news && exists)
				OK(hook_wake_add(h, c.calendar_id, w->clock.now_ms, &err));
			taken += news;
		}
		fg_notification_result(w->fg, &req, 204);
		fg_notification_release(&req);
	}
	return taken;
}

#define CHANNEL_TEST(name) cmocka_unit_test_setup_teardown(name, channel_setup, channel_teardown)

#endif
