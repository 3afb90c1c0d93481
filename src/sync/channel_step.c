#include "sync/channel_step.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/random.h"
#include "base/time.h"
#include "base/xalloc.h"
#include "base/banned.h"
#include "google/channel.h"
#include "google/error.h"
#include "secret/digest.h"
#include "secret/secret.h"
#include "store/bell.h"
#include "store/channel.h"

#define TOKEN_BYTES 32

/* "<account>.<256 random bits>"; the account only tells a person who reads a log whose it was. */
static char *new_token(int64_t account_id)
{
	unsigned char bytes[TOKEN_BYTES];
	AUTO(secret_wipe_strbuf) struct strbuf token = STRBUF_INIT;

	random_bytes(bytes, sizeof(bytes));
	strbuf_reserve(&token, 24 + sizeof(bytes) * 2);
	strbuf_addf(&token, "%lld.", (long long)account_id);
	for (size_t i = 0; i < sizeof(bytes); i++)
		strbuf_addf(&token, "%02x", bytes[i]);
	secret_wipe(bytes, sizeof(bytes));
	return strbuf_detach(&token);
}

int channel_forget(struct channel_step *s, const char *id, struct err *err)
{
	/* Order matters: a row of the webhook's has one in the store. */
	if (store_channel_remove(s->store, id, err))
		return -1;
	return s->hook ? hook_channel_remove(s->hook, id, err) : 0;
}

/* Order matters: a message can come before the answer, and the answer not at all. */
static int write_down(struct channel_step *s, const struct channel *c, const char *token,
		      struct err *err)
{
	struct hook_channel known = {
		.id = c->id, .calendar_id = c->calendar_id, .created_ms = c->created_ms};

	digest_sha256(token, strlen(token), known.token_hash);
	if (store_channel_add(s->store, c, err))
		return -1;
	return hook_channel_add(s->hook, &known, err);
}

/* Changes of the time without a channel told nobody. Before the row says that there is one: a death
 * in between makes the next run say so once more. */
static int wake(struct channel_step *s, int64_t calendar_id, struct err *err)
{
	struct err unheard;

	if (hook_wake_add(s->hook, calendar_id, clock_now_ms(s->clock), err))
		return -1;
	if (bell_ring(hook_path(s->hook), &unheard))
		log_warn("watch", "%s: the next sync will see it, ignoring", unheard.msg);
	return 0;
}

static int settle(struct channel_step *s, const struct channel *c, const char *resource_id,
		  int64_t expiration_ms, bool dark, struct err *err)
{
	if (dark && wake(s, c->calendar_id, err))
		return -1;
	if (store_channel_activate(s->store, c, resource_id, expiration_ms, err))
		return -1;
	return hook_channel_set_resource(s->hook, c->id, resource_id, err);
}

/* Who went on with it would forget it at once, and make the next. */
static int give_up(struct channel_step *s, const struct channel *c, char *resource_id,
		   int64_t expiration_ms, struct err *err)
{
	struct channel past = *c;
	struct err late;
	char end[RFC3339_LEN];

	past.resource_id = resource_id;
	if (channel_stop(s, &past, &late))
		log_warn("watch", "%s: it is tried again, ignoring", late.msg);
	s->is_clock_wrong = true;
	rfc3339_format(expiration_ms / 1000, 0, end);
	return err_set(
		err, ERR_FAILED,
		"the channel that Google has just made ends at %s, which is over by the clock "
		"of this machine: set that right",
		end);
}

/* Whether the channel may have been made all the same. */
static bool is_unsure(const struct channel_step *s, const struct err *err)
{
	return google_was_unsure(s->google) || err->code == ERR_NETWORK ||
	       (err->http_status >= 200 && err->http_status < 300);
}

static int make_under(struct channel_step *s, const struct calendar *c, const struct channel *ch,
		      bool dark, struct err *err)
{
	AUTO(secret_wipe_str) char *token = new_token(s->account_id);
	AUTO(free) char *resource = NULL;
	struct watch_request request = {.calendar = c->google_id,
					.id = ch->id,
					.address = ch->address,
					.token = token,
					.ttl_s = CHANNEL_TTL_S};
	int64_t expiration_ms;
	struct err late;

	if (write_down(s, ch, token, err)) {
		if (channel_forget(s, ch->id, &late))
			log_warn("watch", "%s, ignoring", late.msg);
		return -1;
	}
	if (!google_watch_events(s->google, &request, &resource, &expiration_ms, err)) {
		if (expiration_ms && expiration_ms <= clock_now_ms(s->clock))
			return give_up(s, ch, resource, expiration_ms, err);
		log_info("watch", "channel %s: new -> active", ch->id);
		return settle(s, ch, resource, expiration_ms, dark, err);
	}
	if (!is_unsure(s, err) && channel_forget(s, ch->id, &late))
		log_warn("watch", "%s: it is forgotten when it would have ended, ignoring",
			 late.msg);
	return -1;
}

int channel_make(struct channel_step *s, const struct calendar *c, const char *address, bool dark,
		 struct err *err)
{
	for (int tries = 0;; tries++) {
		char id[RANDOM_UUID_LEN];
		struct channel ch = {.id = id,
				     .calendar_id = c->id,
				     .address = (char *)address,
				     .created_ms = clock_now_ms(s->clock)};

		random_uuid(id);
		if (!make_under(s, c, &ch, dark, err))
			return 0;
		/* By somebody else, or by a request of ours whose answer was lost. */
		if (strcmp(err->reason, "channelIdNotUnique") != 0 || tries)
			return -1;
	}
}

int channel_stop(struct channel_step *s, const struct channel *c, struct err *err)
{
	struct err late;

	if (c->state != CHANNEL_STOPPING &&
	    store_channel_stopping(s->store, c->id, c->resource_id, err))
		return -1;
	if (!google_stop_channel(s->google, c->id, c->resource_id, err) || google_says_gone(err)) {
		log_info("watch", "channel %s: stopped", c->id);
		return channel_forget(s, c->id, err);
	}
	if (store_channel_stop_failed(s->store, c->id, err->msg, &late))
		log_warn("watch", "%s, ignoring", late.msg);
	return -1;
}
