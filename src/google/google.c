#include "google/internal.h"

#include <string.h>

#include "base/log.h"
#include "base/salvage.h"
#include "base/url.h"
#include "base/xalloc.h"
#include "google/backoff.h"
#include "google/error.h"

#include "base/banned.h"

/* In GOOGLE_ONCE no backoff is slept, but ten edits in a row may wait for the rate limit. */
#define ONCE_WAIT_MS 1000
#define BRISK_TRIES  2 /* the first one included */
#define BRISK_WAIT_S 1

/* A slip of the server must not keep an account away for years. */
#define NOT_BEFORE_MAX_S (24 * 60 * 60)

/* Nobody is kept away for longer than NOT_BEFORE_MAX_S: what says so was written by a clock that was
 * wrong. */
static int64_t remembered_wait(const struct account *a, struct clock *clock)
{
	int64_t latest = clock_now_ms(clock) + NOT_BEFORE_MAX_S * INT64_C(1000);

	return a->not_before_ms <= latest ? a->not_before_ms : 0;
}

int google_new(const struct account *account, const struct google_options *options,
	       struct google **out, struct err *err)
{
	struct google *g;

	if (*account->base_url && url_check_base(account->base_url, err))
		return err_wrap(err, "the base URL of account '%s'", account->name);
	g = xcalloc(1, sizeof(*g));
	g->counted.exchange = google_exchange;
	g->o = *options;
	g->o.access_token = NULL;
	g->account.id = account->id;
	g->account.state = account->state;
	g->account.connected_ms = account->connected_ms;
	g->account.name = xstrdup(account->name);
	g->account.base_url = xstrdup(account->base_url);
	g->account.auth = xstrdup(account->auth);
	g->account.client_id = xstrdup_null(account->client_id);
	g->account.subject = xstrdup_null(account->subject);
	g->account.scopes = xstrdup(account->scopes ? account->scopes : "");
	g->not_before_ms = remembered_wait(account, options->clock);
	g->api_url = oauth_api_url(account->base_url);
	g->batch_url = oauth_batch_url(account->base_url);
	if (!strcmp(account->auth, "service_account") && account->subject)
		g->quota_user = oauth_quota_user(account->subject);
	if (options->access_token) {
		g->access_token = xstrdup(options->access_token);
		g->unstored = true;
		g->o.no_writes = true;
	}
	*out = g;
	return 0;
}

void google_free(struct google *g)
{
	struct err err;

	if (!g)
		return;
	if (google_return_units(g, &err))
		log_warn("google", "cannot give back quota: %s, ignoring", err.msg);
	account_release(&g->account);
	secret_wipe_str(&g->access_token);
	free(g->api_url);
	free(g->batch_url);
	free(g->quota_user);
	free(g);
}

int64_t google_requests(const struct google *g)
{
	return g->requests;
}

int64_t google_clock_skew_ms(const struct google *g)
{
	return g->skew_ms;
}

bool google_was_unsure(const struct google *g)
{
	return g->unsure;
}

enum account_state google_account_state(const struct google *g)
{
	return g->account.state;
}

void gresult_release(struct gresult *r)
{
	json_object_put(r->json);
	memset(r, 0, sizeof(*r));
}

/* --- one exchange ------------------------------------------------------------------------ */

static void note_date(struct google *g, const struct http_headers *headers, int64_t sent_ms,
		      int64_t received_ms)
{
	const char *date = http_headers_get(headers, "Date");
	int64_t google_s = date ? http_date_parse(date) : -1;

	/* The header is cut to seconds: on average the truth is half of one later. */
	if (google_s >= 0)
		g->skew_ms = google_s * 1000 + 500 - (sent_ms + received_ms) / 2;
}

static int64_t mono_ms(const struct google *g)
{
	return g->o.clock->mono_ms(g->o.clock);
}

/* Whether the run may still sleep that long. */
static bool has_time(const struct google *g, int64_t ms)
{
	return !g->o.deadline_ms || mono_ms(g) + ms < g->o.deadline_ms;
}

/* Sleep, unless nobody would wait that long. */
static int pause_for(struct google *g, int64_t wait, struct err *err)
{
	if ((g->o.patience == GOOGLE_ONCE && wait > ONCE_WAIT_MS) || !has_time(g, wait)) {
		err_set(err, ERR_RATE_LIMITED,
			"too many requests for this account; go on in %lld s",
			(long long)(wait + 999) / 1000);
		err->retry_after = (int)((wait + 999) / 1000);
		return -1;
	}
	g->o.clock->sleep_ms(g->o.clock, wait);
	return 0;
}

/* Below what Google allows, so that it need not refuse: first what all processes share, then our
 * own pace (also by a clock that nobody sets). */
static int keep_pace(struct google *g, int units, struct err *err)
{
	int64_t wait;

	for (;;) {
		if (budget_take(g, units, &wait, err))
			return -1;
		if (!wait)
			break;
		if (pause_for(g, wait, err))
			return -1;
	}
	while ((wait = ratelimit_delay_ms(&g->rate, mono_ms(g), units)) > 0)
		if (pause_for(g, wait, err))
			return -1;
	ratelimit_note(&g->rate, mono_ms(g), units);
	return 0;
}

/* In GOOGLE_ONCE the deadline bounds the first try too: somebody waits for the prompt. */
static int limit_time(const struct google *g, struct http_request *req, struct err *err)
{
	int64_t left = g->o.deadline_ms - mono_ms(g);

	if (!req->timeout_ms)
		req->timeout_ms = g->o.timeout_ms;
	if (!g->o.deadline_ms || g->o.patience != GOOGLE_ONCE)
		return 0;
	if (left <= 0)
		return err_set(err, ERR_NETWORK, "no time left to ask Google");
	if (!req->timeout_ms || req->timeout_ms > left)
		req->timeout_ms = (long)left;
	return 0;
}

int google_exchange(struct transport *t, const struct http_request *req, struct http_response *out,
		    struct err *err)
{
	struct google *g = (struct google *)t;
	struct http_request timed = *req;
	int64_t sent_ms;

	if (keep_pace(g, g->units, err) || limit_time(g, &timed, err))
		return -1;
	sent_ms = clock_now_ms(g->o.clock);
	g->requests++;
	if (g->o.transport->exchange(g->o.transport, &timed, out, err))
		return -1;
	note_date(g, &out->headers, sent_ms, clock_now_ms(g->o.clock));
	return 0;
}

/* Google said when to come back, to us or to a run before. */
static int keep_away(struct google *g, struct err *err)
{
	int64_t wait = g->not_before_ms - clock_now_ms(g->o.clock);

	if (g->not_before_ms <= 0 || wait <= 0)
		return 0;
	if (g->o.patience == GOOGLE_PATIENT && wait <= RETRY_AFTER_MAX_S * 1000 &&
	    has_time(g, wait)) {
		g->o.clock->sleep_ms(g->o.clock, wait);
		return 0;
	}
	err_set(err, ERR_RATE_LIMITED, "Google asked not to be called for another %lld s",
		(long long)(wait + 999) / 1000);
	err->retry_after = wait / 1000 > 86400 * 365 ? 86400 * 365 : (int)((wait + 999) / 1000);
	return -1;
}

static int send_once(struct google *g, const struct send *s, struct http_response *out,
		     struct err *err)
{
	AUTO(http_headers_release) struct http_headers headers = {0};
	AUTO(secret_wipe_str) char *bearer = xasprintf("Bearer %s", g->access_token);
	struct http_request req = {
		.method = s->method, .url = s->url, .body = s->body, .body_len = s->body_len};
	int rc;

	http_headers_add(&headers, "Authorization", bearer);
	if (s->body)
		http_headers_add(&headers, "Content-Type", s->content_type);
	if (s->if_match)
		http_headers_add(&headers, "If-Match", s->if_match);
	if (g->quota_user)
		http_headers_add(&headers, "X-Goog-Quota-User", g->quota_user);
	req.headers = headers;
	g->units = s->units; /* token requests cost none */
	rc = google_exchange(&g->counted, &req, out, err);
	g->units = 0;
	secret_wipe(headers.list[0].value, strlen(headers.list[0].value));
	return rc;
}

/* --- retries ----------------------------------------------------------------------------- */

/* One whole try: token, request, a second request when the token was refused. */
static int attempt(struct google *g, const struct send *s, struct err *err)
{
	AUTO(secret_wipe_str) char *rejected = NULL;

	for (;;) {
		AUTO(http_response_release) struct http_response r = HTTP_RESPONSE_INIT;

		if (keep_away(g, err) || token_ensure(g, rejected, err) || send_once(g, s, &r, err))
			return -1;
		if (r.status >= 200 && r.status < 300) {
			if (!s->read(s->arg, &r, err))
				return 0;
			err->http_status = r.status;
			return -1;
		}
		google_error(&r, clock_now_ms(g->o.clock), err);
		if (err->code != ERR_UNAUTHORIZED)
			return -1;
		/* A token that is brand-new and refused: no other one will do better. */
		if (rejected)
			return token_expired(g, err);
		rejected = xstrdup(g->access_token);
	}
}

/* Keep the next run away for as long as Google said. */
static void save_not_before(struct google *g, int retry_after_s)
{
	AUTO(account_release) struct account row = {0};
	int64_t wait_s = retry_after_s < NOT_BEFORE_MAX_S ? retry_after_s : NOT_BEFORE_MAX_S;
	int64_t until = clock_now_ms(g->o.clock) + wait_s * 1000;
	bool own = !store_in_transaction(g->o.store);
	struct err err;

	if (until <= g->not_before_ms)
		return;
	g->not_before_ms = until;
	if (g->o.no_writes)
		return;
	if ((own && store_begin(g->o.store, &err)) || google_row(g, &row, &err))
		goto failed;
	row.not_before_ms = until;
	if (store_account_update(g->o.store, &row, &err) || (own && store_commit(g->o.store, &err)))
		goto failed;
	return;
failed:
	if (own)
		store_rollback(g->o.store);
	log_warn("google", "cannot note when Google may be asked again: %s, ignoring", err.msg);
}

/* Whether what failed that often is tried once more, after a pause. */
static bool tries_again(const struct google *g, int failed, const struct err *err, int64_t delay)
{
	bool is_brisk = g->o.patience == GOOGLE_BRISK;

	return g->o.patience != GOOGLE_ONCE && failed < (is_brisk ? BRISK_TRIES : BACKOFF_TRIES) &&
	       err->retry_after <= (is_brisk ? BRISK_WAIT_S : RETRY_AFTER_MAX_S) &&
	       has_time(g, delay);
}

/* As google_send(), but *err is left behind by what failed before a try that went well. */
static int send_patiently(struct google *g, const struct send *s, struct err *err)
{
	g->unsure = false;
	for (int failed = 1;; failed++) {
		int64_t delay;

		if (!attempt(g, s, err))
			return 0;
		if (!google_may_pass(err))
			return -1;
		if (g->not_before_ms > clock_now_ms(g->o.clock))
			return -1; /* nothing was sent: keep_away() said so */
		delay = backoff_delay_ms(failed, err->retry_after);
		if (!tries_again(g, failed, err, delay)) {
			if (err->retry_after && err->http_status)
				save_not_before(g, err->retry_after);
			return -1;
		}
		log_debug("google", "account %lld: try %d failed (%d %s), again in %lld ms",
			  (long long)g->account.id, failed, err->http_status, err->reason,
			  (long long)delay);
		g->o.clock->sleep_ms(g->o.clock, delay);
		/* No answer, one of a broken server, or one that nobody can read. */
		g->unsure |=
			err->code == ERR_NETWORK || (err->http_status && err->http_status < 300);
	}
}

int google_send(struct google *g, const struct send *s, struct err *err)
{
	struct err why;

	if (!send_patiently(g, s, &why))
		return 0;
	*err = why;
	return -1;
}

/* --- a single call ----------------------------------------------------------------------- */

int google_units(const char *method)
{
	return strcmp(method, "PATCH") ? 1 : 3;
}

static bool is_printable(const char *s, bool space)
{
	for (; *s; s++)
		if (*s < ' ' || *s >= 0x7f || (*s == ' ' && !space))
			return false;
	return true;
}

int google_check_call(const struct gcall *call, struct err *err)
{
	if (!*call->path || *call->path == '/' || !is_printable(call->path, false))
		return err_set(err, ERR_INVALID, "a request path is not encoded");
	if (call->if_match && (!*call->if_match || !is_printable(call->if_match, true)))
		return err_set(err, ERR_INVALID, "an etag has characters that no header may hold");
	return 0;
}

static int parse(const char *body, size_t len, const char *salvage, struct json_object **out,
		 struct err *err)
{
	if (!salvage)
		return json_parse(body, len, out, err);
	return json_salvage(body, len, *salvage ? salvage : NULL, out, err);
}

int google_read_json(const char *method, int status, const char *body, size_t len,
		     const char *salvage, struct json_object **out, struct err *err)
{
	AUTO(json_object_put) struct json_object *json = NULL;
	struct err why;

	if (!out)
		return 0;
	while (len && strchr(" \t\r\n", body[len - 1]))
		len--;
	if (!len && (status == 204 || !strcmp(method, "DELETE"))) {
		*out = NULL;
		return 0;
	}
	/* Cut short, or not from Google at all (a hotel's login page answers 200): it may pass. */
	if (parse(body, len, salvage, &json, &why))
		return err_set(err, ERR_NETWORK,
			       "the answer (%d) is not JSON as Google sends it: %s", status,
			       why.msg);
	if (!json_object_is_type(json, json_type_object))
		return err_set(err, ERR_NETWORK, "the answer (%d) is not JSON as Google sends it",
			       status);
	*out = TAKE(json);
	return 0;
}

struct reader {
	const char *method, *salvage;
	struct json_object **out;
};

static int read_call(void *arg, const struct http_response *r, struct err *err)
{
	struct reader *reader = arg;

	return google_read_json(reader->method, r->status, r->body.buf, r->body.len,
				reader->salvage, reader->out, err);
}

int google_call(struct google *g, const struct gcall *call, struct json_object **out,
		struct err *err)
{
	AUTO(free) char *url = NULL;
	struct reader reader = {.method = call->method, .salvage = call->salvage, .out = out};
	struct send s = {
		.method = call->method,
		.content_type = "application/json; charset=UTF-8",
		.if_match = call->if_match,
		.units = google_units(call->method),
		.read = read_call,
		.arg = &reader,
	};

	if (google_check_call(call, err))
		return -1;
	url = xasprintf("%s%s", g->api_url, call->path);
	s.url = url;
	if (call->body) {
		s.body = json_text(call->body);
		s.body_len = strlen(s.body);
	}
	return google_send(g, &s, err);
}
