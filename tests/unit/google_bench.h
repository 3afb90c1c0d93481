/* An account in a store of its own, connected to a scripted Google: for the tests of google/. */
#ifndef TESTS_GOOGLE_BENCH_H
#define TESTS_GOOGLE_BENCH_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/random.h"
#include "fakes.h"
#include "google/google.h"
#include "google/http.h"
#include "google/oauth.h"
#include "store/account_seal.h"
#include "temp_dir.h"

#define BASE   "http://127.0.0.1:9"
#define NOW_MS 1768464000000
#define HOUR   3600000

#define TOKEN_OK(name)                                                          \
	{                                                                       \
		200, NULL,                                                      \
			"{\"access_token\": \"" name                            \
			"\", \"expires_in\": 3600, \"token_type\": \"Bearer\"}" \
	}
#define DEAD                                                                              \
	{                                                                                 \
		400, NULL, "{\"error\": \"invalid_grant\", \"error_description\": \"x\"}" \
	}
#define OK_EVENT                              \
	{                                     \
		200, NULL, "{\"id\": \"e1\"}" \
	}
#define UNAUTH                                                                                  \
	{                                                                                       \
		401, NULL, "{\"error\":{\"errors\":[{\"reason\":\"authError\"}],\"code\":401}}" \
	}
#define FAIL(n)               \
	{                     \
		n, NULL, NULL \
	}
#define DROPPED               \
	{                     \
		0, NULL, NULL \
	}
#define REASON(n, r)                                                         \
	{                                                                    \
		n, NULL, "{\"error\":{\"errors\":[{\"reason\":\"" r "\"}]}}" \
	}

/* One account in a new store, connected to a scripted Google (or the fake). */
struct bench {
	struct store *store;
	struct secret_box *box;
	struct account account;
	struct scripted script;
	struct fake_clock clock;
	struct google_options o;
	struct google *g;
};

static inline void put_secret(struct bench *b, const char *field, const char *value)
{
	AUTO(strbuf_release) struct strbuf sealed = STRBUF_INIT;
	struct err err;

	if (account_seal(b->box, &b->account, field, value, strlen(value), &sealed, &err) ||
	    store_secret_put(b->store, b->account.id, field, sealed.buf, sealed.len, &err))
		fail_msg("%s", err.msg);
}

static inline void expect_secret(struct bench *b, const char *field, const char *value)
{
	AUTO(strbuf_release) struct strbuf sealed = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf plain = STRBUF_INIT;
	struct err err;

	if (store_secret_get(b->store, b->account.id, field, &sealed, &err) ||
	    account_unseal(b->box, &b->account, field, &sealed, &plain, &err))
		fail_msg("%s", err.msg);
	assert_null(memmem(sealed.buf, sealed.len, value, strlen(value)));
	assert_string_equal(plain.buf, value);
}

static inline void row(struct bench *b, struct account *out)
{
	struct err err;

	if (store_account_get(b->store, "me", out, &err))
		fail_msg("%s", err.msg);
}

static inline void save_row(struct bench *b, const struct account *a)
{
	struct err err;

	if (store_account_update(b->store, a, &err))
		fail_msg("%s", err.msg);
}

/* A fresh connection object on what the store holds now: the next process. */
static inline void reopen(struct bench *b)
{
	AUTO(account_release) struct account a = {0};
	struct err err;

	google_free(b->g);
	b->g = NULL;
	row(b, &a);
	if (google_new(&a, &b->o, &b->g, &err))
		fail_msg("%s", err.msg);
}

static inline void bench_release(struct bench *b)
{
	google_free(b->g);
	scripted_forget(&b->script);
	store_close(b->store);
	secret_box_free(b->box);
	account_release(&b->account);
	random_seed_for_tests(0);
}
DEFINE_AUTO_VALUE(struct bench, bench_release)

static inline void bench_init(struct bench *b, const struct scripted_answer *answers, size_t count)
{
	static int number;
	AUTO(free) char *db = xasprintf("%s/%d.db", dir, number++);
	AUTO(free) char *key = xasprintf("%s/key", dir);
	struct err err;

	memset(b, 0, sizeof(*b));
	random_seed_for_tests(5);
	b->clock = fake_clock_at(NOW_MS);
	scripted_set(&b->script, answers, count);
	b->script.clock = &b->clock.base;
	if (store_open(db, STORE_CREATE, &b->store, &err) ||
	    secret_box_open(key_provider_find("file"), key, true, &b->box, &err))
		fail_msg("%s", err.msg);
	b->account.name = xstrdup("me");
	b->account.email = xstrdup("user1@example.com");
	b->account.base_url = xstrdup(BASE);
	b->account.auth = xstrdup("installed");
	b->account.client_id = xstrdup("calsync-sandbox.apps.googleusercontent.com");
	b->account.scopes = xstrdup(OAUTH_SCOPES_WRITE);
	b->account.token_expires_ms = NOW_MS + HOUR;
	if (store_account_add(b->store, &b->account, &err))
		fail_msg("%s", err.msg);
	put_secret(b, "access_token", "at-1");
	put_secret(b, "refresh_token", "rt-1");
	put_secret(b, "client_secret", "sandbox-secret");
	b->o = (struct google_options){.transport = &b->script.base,
				       .clock = &b->clock.base,
				       .store = b->store,
				       .box = b->box};
	reopen(b);
}

static inline void set_expiry(struct bench *b, int64_t expires_ms)
{
	AUTO(account_release) struct account a = {0};

	row(b, &a);
	a.token_expires_ms = expires_ms;
	save_row(b, &a);
	reopen(b);
}

static inline int get(struct bench *b, struct err *err)
{
	struct gcall call = {.method = "GET", .path = "calendars/primary/events/e1"};
	struct json_object *out = NULL;
	int rc;

	memset(err, 0, sizeof(*err));
	rc = google_call(b->g, &call, &out, err);
	json_object_put(out);
	return rc;
}

/* Whatever went wrong on the way, err is as it was. */
static inline void get_good(struct bench *b)
{
	struct err err = {0};

	if (get(b, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(err.code, ERR_NONE);
}

static inline bool is_token_request(const struct scripted_request *r)
{
	return !strcmp(r->url, BASE "/token");
}

static inline bool bearer_is(const struct scripted_request *r, const char *token)
{
	AUTO(free) char *line = xasprintf("Authorization: Bearer %s\n", token);

	return strstr(r->headers, line) != NULL;
}

/* Another process acts while this one waits for Google's answer. */
struct meddling {
	struct scripted *script;
	struct bench *b;
	void (*act)(struct bench *b);
	size_t at; /* before the answer to this request */
	struct transport base;
};

static inline int meddling_exchange(struct transport *t, const struct http_request *req,
				    struct http_response *out, struct err *err)
{
	struct meddling *m = (struct meddling *)((char *)t - offsetof(struct meddling, base));

	if (m->script->asked_count == m->at)
		m->act(m->b);
	return m->script->base.exchange(&m->script->base, req, out, err);
}

static inline void meddle(struct meddling *m, struct bench *b, size_t at,
			  void (*act)(struct bench *b))
{
	*m = (struct meddling){.script = &b->script,
			       .b = b,
			       .act = act,
			       .at = at,
			       .base = {.exchange = meddling_exchange}};
	b->o.transport = &m->base;
}

static inline void other_process_renews(struct bench *b)
{
	AUTO(account_release) struct account a = {0};

	put_secret(b, "refresh_token", "rt-2");
	put_secret(b, "access_token", "at-2");
	row(b, &a);
	a.token_expires_ms = b->clock.now + HOUR;
	save_row(b, &a);
}

#endif
