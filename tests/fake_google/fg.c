#include "fg_edge.h"

#include <string.h>
#include <strings.h>

#include "base/clock.h"

#include "base/banned.h"

static void rng_seed(struct fg *fg)
{
	/* splitmix64: neighbouring seeds must not give neighbouring sequences */
	uint64_t z = (fg->options.seed ? fg->options.seed : 1) + 0x9E3779B97F4A7C15ULL;

	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
	fg->rng = (z ^ (z >> 31)) | 1;
}

uint64_t fg_random(struct fg *fg)
{
	fg->rng ^= fg->rng << 13;
	fg->rng ^= fg->rng >> 7;
	fg->rng ^= fg->rng << 17;
	return fg->rng * 0x2545F4914F6CDD1DULL;
}

uint64_t fg_random_below(struct fg *fg, uint64_t limit)
{
	return (fg_random(fg) >> 11) % limit;
}

void fg_random_bytes(struct fg *fg, void *buf, size_t n)
{
	unsigned char *p = buf;

	for (size_t i = 0; i < n; i++)
		p[i] = (unsigned char)(fg_random(fg) >> 56);
}

static char *random_text(struct fg *fg, const char *prefix, const char *alphabet, size_t mask,
			 size_t n)
{
	size_t start = strlen(prefix);
	char *s = xmalloc(start + n + 1);

	memcpy(s, prefix, start);
	for (size_t i = 0; i < n; i++)
		s[start + i] = alphabet[(fg_random(fg) >> 40) & mask];
	s[start + n] = '\0';
	return s;
}

char *fg_new_id(struct fg *fg, size_t n)
{
	return random_text(fg, "", "0123456789abcdefghijklmnopqrstuv", 31, n);
}

char *fg_new_token(struct fg *fg, const char *prefix, size_t n)
{
	return random_text(fg, prefix,
			   "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", 63,
			   n);
}

int64_t fg_now_ms(const struct fg *fg)
{
	if (fg->clock_fixed_ms)
		return fg->clock_fixed_ms;
	return clock_now_ms(clock_system()) + fg->clock_offset_ms;
}

int64_t fg_stamp_us(struct fg *fg)
{
	int64_t now = fg_now_ms(fg) * 1000;

	/* A whole millisecond apart: `updated` has no more digits than that. */
	fg->last_stamp_us = now > fg->last_stamp_us ? now : fg->last_stamp_us + 1000;
	return fg->last_stamp_us;
}

struct fg_account *fg_account_find(const struct fg *fg, const char *email)
{
	for (struct fg_account *a = fg->accounts; a; a = a->next)
		if (!strcasecmp(a->email, email))
			return a;
	return NULL;
}

struct fg_account *fg_account_add(struct fg *fg, const char *email, const char *display_name,
				  const char *time_zone)
{
	struct fg_account *account = xcalloc(1, sizeof(*account));
	struct fg_account **at = &fg->accounts;

	account->email = xstrdup(email);
	account->display_name = xstrdup_null(display_name);
	account->time_zone = xstrdup(time_zone ? time_zone : fg->options.time_zone);
	account->sub = xasprintf("1%020llu", (unsigned long long)fg_random(fg));
	while (*at)
		at = &(*at)->next;
	*at = account;
	fg_account_created(fg, account);
	return account;
}

static void state_init(struct fg *fg)
{
	rng_seed(fg);
	fg->clock_fixed_ms = fg->options.now_ms;
	fg->clock_offset_ms = 0;
	fg->last_stamp_us = 0;
	fg->delay_ms = 0;
	fg_config_init(fg);
	fg->oauth = fg_oauth_new();
	fg->push = fg_push_new();
	fg->control = fg_control_new();
	fg->cal = fg_cal_state_new(fg);
	fg_account_add(fg, fg->options.account, NULL, NULL);
}

static void state_release(struct fg *fg)
{
	fg_push_free(fg->push);
	fg_oauth_free(fg->oauth);
	fg_cal_state_free(fg, fg->cal);
	fg_control_free(fg->control);
	fg_config_release(fg);
	while (fg->accounts) {
		struct fg_account *account = fg->accounts;

		fg->accounts = account->next;
		free(account->email);
		free(account->display_name);
		free(account->time_zone);
		free(account->sub);
		free(account);
	}
}

struct fg *fg_new(const struct fg_options *options)
{
	struct fg *fg = xcalloc(1, sizeof(*fg));

	fg->options = *options;
	fg->options.base_url =
		xstrdup(options->base_url ? options->base_url : "https://www.googleapis.com");
	fg->options.account = xstrdup(options->account ? options->account : "user1@example.com");
	fg->options.time_zone = xstrdup(options->time_zone ? options->time_zone : "Europe/Berlin");
	fg->loads = json_object_new_array();
	state_init(fg);
	return fg;
}

void fg_free(struct fg *fg)
{
	if (!fg)
		return;
	state_release(fg);
	fg_services_release(fg);
	json_object_put(fg->loads);
	free((char *)fg->options.base_url);
	free((char *)fg->options.account);
	free((char *)fg->options.time_zone);
	free(fg);
}

static int load(struct fg *fg, struct json_object *data, struct err *err)
{
	return fg_cal_load(fg, fg->accounts, NULL, data, err);
}

int fg_load(struct fg *fg, const char *text, size_t len, struct err *err)
{
	AUTO(json_object_put) struct json_object *data = NULL;

	if (json_parse(text, len, &data, err))
		return -1;
	if (load(fg, data, err))
		return -1;
	json_object_array_add(fg->loads, TAKE(data));
	return 0;
}

void fg_reset(struct fg *fg)
{
	state_release(fg);
	state_init(fg);
	for (size_t i = 0; i < json_object_array_length(fg->loads); i++) {
		struct err err;

		/* It loaded before, into the same empty state. */
		if (load(fg, json_object_array_get_idx(fg->loads, i), &err))
			abort();
	}
}

int64_t fg_delay_ms(const struct fg *fg)
{
	return fg->options.latency_ms + fg->delay_ms;
}

unsigned fg_faults_hit(const struct fg *fg)
{
	return fg->faults_hit;
}

void fg_set_clock(struct fg *fg, int64_t now_ms)
{
	fg->clock_fixed_ms = now_ms;
}

int fg_handle(struct fg *fg, const struct http_request *req, struct http_response *out)
{
	fg->delay_ms = 0;
	return fg_serve(fg, req, out, 0);
}

/* -- transport ---------------------------------------------------------------------------- */

struct fg_transport {
	struct transport base;
	struct fg *fg;
};

static int transport_exchange(struct transport *t, const struct http_request *req,
			      struct http_response *out, struct err *err)
{
	struct fg_transport *self = (struct fg_transport *)t;

	if (fg_handle(self->fg, req, out)) {
		http_response_release(out);
		return err_set(err, ERR_NETWORK,
			       "the connection was closed without a whole answer");
	}
	return 0;
}

static void transport_free(struct transport *t)
{
	free(t);
}

struct transport *fg_transport_new(struct fg *fg)
{
	struct fg_transport *t = xcalloc(1, sizeof(*t));

	t->base.exchange = transport_exchange;
	t->base.free = transport_free;
	t->fg = fg;
	return &t->base;
}
