/* Calls, tokens, retries: over a real store, the fake Google, and scripted answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/random.h"
#include "fakes.h"
#include "google/backoff.h"
#include "google/google.h"
#include "google/http.h"
#include "google/oauth.h"

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

static char dir[] = "/tmp/calsync-google-XXXXXX";

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

static void put_secret(struct bench *b, const char *field, const char *value)
{
	AUTO(strbuf_release) struct strbuf sealed = STRBUF_INIT;
	AUTO(free) char *id = xasprintf("%lld", (long long)b->account.id);
	struct err err;

	if (secret_seal(b->box, id, field, value, strlen(value), &sealed, &err) ||
	    store_secret_put(b->store, b->account.id, field, sealed.buf, sealed.len, &err))
		fail_msg("%s", err.msg);
}

static void expect_secret(struct bench *b, const char *field, const char *value)
{
	AUTO(strbuf_release) struct strbuf sealed = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf plain = STRBUF_INIT;
	AUTO(free) char *id = xasprintf("%lld", (long long)b->account.id);
	struct err err;

	if (store_secret_get(b->store, b->account.id, field, &sealed, &err) ||
	    secret_unseal(b->box, id, field, sealed.buf, sealed.len, &plain, &err))
		fail_msg("%s", err.msg);
	assert_null(memmem(sealed.buf, sealed.len, value, strlen(value)));
	assert_string_equal(plain.buf, value);
}

static void row(struct bench *b, struct account *out)
{
	struct err err;

	if (store_account_get(b->store, "me", out, &err))
		fail_msg("%s", err.msg);
}

static void save_row(struct bench *b, const struct account *a)
{
	struct err err;

	if (store_account_update(b->store, a, &err))
		fail_msg("%s", err.msg);
}

/* A fresh connection object on what the store holds now: the next process. */
static void reopen(struct bench *b)
{
	AUTO(account_release) struct account a = {0};
	struct err err;

	google_free(b->g);
	b->g = NULL;
	row(b, &a);
	if (google_new(&a, &b->o, &b->g, &err))
		fail_msg("%s", err.msg);
}

static void bench_release(struct bench *b)
{
	google_free(b->g);
	scripted_forget(&b->script);
	store_close(b->store);
	secret_box_free(b->box);
	account_release(&b->account);
	random_seed_for_tests(0);
}
DEFINE_AUTO_VALUE(struct bench, bench_release)

static void bench_init(struct bench *b, const struct scripted_answer *answers, size_t count)
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

static void set_expiry(struct bench *b, int64_t expires_ms)
{
	AUTO(account_release) struct account a = {0};

	row(b, &a);
	a.token_expires_ms = expires_ms;
	save_row(b, &a);
	reopen(b);
}

static int get(struct bench *b, struct err *err)
{
	struct gcall call = {.method = "GET", .path = "calendars/primary/events/e1"};
	struct json_object *out = NULL;
	int rc;

	memset(err, 0, sizeof(*err));
	rc = google_call(b->g, &call, &out, err);
	json_object_put(out);
	return rc;
}

static void get_good(struct bench *b)
{
	struct err err;

	if (get(b, &err))
		fail_msg("%s", err.msg);
}

static bool is_token_request(const struct scripted_request *r)
{
	return !strcmp(r->url, BASE "/token");
}

static bool bearer_is(const struct scripted_request *r, const char *token)
{
	AUTO(free) char *line = xasprintf("Authorization: Bearer %s\n", token);

	return strstr(r->headers, line) != NULL;
}

/* --- a call ------------------------------------------------------------------------------ */

static void test_call__sends_what_it_is_given(void **state)
{
	static const struct scripted_answer good[] = {OK_EVENT};
	AUTO(bench_release) struct bench b;
	AUTO(json_object_put) struct json_object *body = json_object_new_object();
	AUTO(json_object_put) struct json_object *out = NULL;
	struct gcall call = {.method = "PATCH",
			     .path = "calendars/a%40b/events/e1?sendUpdates=none",
			     .body = body,
			     .if_match = "\"77\""};
	struct err err;

	(void)state;
	bench_init(&b, good, 1);
	json_set_str(body, "summary", "x");
	assert_int_equal(google_call(b.g, &call, &out, &err), 0);
	assert_string_equal(json_str(out, "id"), "e1");
	assert_int_equal(b.script.asked_count, 1);
	assert_string_equal(b.script.asked[0].method, "PATCH");
	assert_string_equal(b.script.asked[0].url,
			    BASE "/calendar/v3/calendars/a%40b/events/e1?sendUpdates=none");
	assert_string_equal(b.script.asked[0].body, "{\"summary\":\"x\"}");
	assert_string_equal(b.script.asked[0].headers,
			    "Authorization: Bearer at-1\n"
			    "Content-Type: application/json; charset=UTF-8\n"
			    "If-Match: \"77\"\n");
	assert_int_equal(google_requests(b.g), 1);
}

static void test_call__refuses_what_could_break_out(void **state)
{
	static const struct scripted_answer good[] = {OK_EVENT};
	static const char *const paths[] = {"", "/x", "a b", "a\r\nX: y", "caf\xc3\xa9", "a\x7f"};
	static const char *const etags[] = {"", "\"1\"\r\nX: y", "\"\x01\"", "\"\xc3\xa9\""};
	AUTO(bench_release) struct bench b;
	struct gresult result;
	struct err err;

	(void)state;
	bench_init(&b, good, 1);
	for (size_t i = 0; i < ARRAY_SIZE(paths) + ARRAY_SIZE(etags); i++) {
		bool path = i < ARRAY_SIZE(paths);
		struct gcall call = {.method = "GET",
				     .path = path ? paths[i] : "colors",
				     .if_match = path ? NULL : etags[i - ARRAY_SIZE(paths)]};

		assert_int_equal(google_call(b.g, &call, NULL, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
		assert_int_equal(google_batch(b.g, &call, 1, &result, &err), -1);
		assert_int_equal(err.code, ERR_INVALID);
	}
	assert_int_equal(b.script.asked_count, 0);
}

static void test_call__empty_answers(void **state)
{
	static const struct scripted_answer empty[] = {
		FAIL(204), FAIL(200), {200, NULL, " \n"}, FAIL(200)};
	AUTO(bench_release) struct bench b;
	struct gcall delete = {.method = "DELETE", .path = "calendars/a/events/e1"};
	struct json_object *out = (struct json_object *)&b;
	struct err err;

	(void)state;
	bench_init(&b, empty, ARRAY_SIZE(empty));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(google_call(b.g, &delete, &out, &err), 0);
		assert_null(out);
	}
	/* Not wanted, not read. */
	delete.method = "POST";
	assert_int_equal(google_call(b.g, &delete, NULL, &err), 0);
}

/* --- tokens ------------------------------------------------------------------------------ */

static void test_token__stored_one_is_used_by_each_process(void **state)
{
	static const struct scripted_answer good[] = {OK_EVENT};
	AUTO(bench_release) struct bench b;

	(void)state;
	bench_init(&b, good, 1);
	for (int i = 0; i < 3; i++) {
		get_good(&b);
		reopen(&b);
	}
	assert_int_equal(b.script.asked_count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_true(bearer_is(&b.script.asked[i], "at-1"));
}

static void test_token__renewed_with_less_than_five_minutes_left(void **state)
{
	static const struct scripted_answer answers[] = {TOKEN_OK("at-2"), OK_EVENT};
	static const struct {
		int64_t left_ms;
		bool renewed;
	} cases[] = {{5 * 60000 + 1, false}, {5 * 60000, true}, {1, true}, {-HOUR, true}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(bench_release) struct bench b;
		AUTO(account_release) struct account a = {0};

		bench_init(&b, answers + !cases[i].renewed, 2 - !cases[i].renewed);
		set_expiry(&b, NOW_MS + cases[i].left_ms);
		get_good(&b);
		assert_int_equal(b.script.asked_count, cases[i].renewed ? 2 : 1);
		if (!cases[i].renewed)
			continue;
		assert_true(is_token_request(&b.script.asked[0]));
		assert_string_equal(
			b.script.asked[0].body,
			"grant_type=refresh_token&refresh_token=rt-1&client_id="
			"calsync-sandbox.apps.googleusercontent.com&client_secret=sandbox-secret");
		assert_true(bearer_is(&b.script.asked[1], "at-2"));
		expect_secret(&b, "access_token", "at-2");
		expect_secret(&b, "refresh_token", "rt-1");
		row(&b, &a);
		assert_int_equal(a.token_expires_ms, NOW_MS + 3600000);
		assert_int_equal(google_requests(b.g), 2);
	}
}

static void test_token__short_lived_ones_are_used_up_to_a_tenth(void **state)
{
	static const struct scripted_answer answers[] = {
		{200, NULL, "{\"access_token\": \"at-2\", \"expires_in\": 100}"},
		OK_EVENT,
		OK_EVENT,
		{200, NULL, "{\"access_token\": \"at-3\", \"expires_in\": 100}"},
		OK_EVENT,
	};
	AUTO(bench_release) struct bench b;

	(void)state;
	bench_init(&b, answers, ARRAY_SIZE(answers));
	set_expiry(&b, 0);
	get_good(&b);
	b.clock.now += 89000;
	get_good(&b);
	b.clock.now += 2000;
	get_good(&b);
	assert_int_equal(b.script.asked_count, 5);
	assert_true(bearer_is(&b.script.asked[2], "at-2"));
	assert_true(is_token_request(&b.script.asked[3]));
	assert_true(bearer_is(&b.script.asked[4], "at-3"));
}

static void test_token__401_renews_once_and_repeats(void **state)
{
	static const struct scripted_answer answers[] = {UNAUTH, TOKEN_OK("at-2"), OK_EVENT};

	(void)state;
	for (int patience = 0; patience < 2; patience++) {
		AUTO(bench_release) struct bench b;

		bench_init(&b, answers, ARRAY_SIZE(answers));
		b.o.patience = patience ? GOOGLE_ONCE : GOOGLE_PATIENT;
		reopen(&b);
		get_good(&b);
		assert_int_equal(b.script.asked_count, 3);
		assert_true(bearer_is(&b.script.asked[0], "at-1"));
		assert_true(bearer_is(&b.script.asked[2], "at-2"));
		assert_int_equal(b.clock.sleeps, 0);
	}
}

static void test_token__401_twice_gives_up(void **state)
{
	static const struct scripted_answer answers[] = {UNAUTH, TOKEN_OK("at-2"), UNAUTH};
	AUTO(bench_release) struct bench b;
	struct err err;

	(void)state;
	bench_init(&b, answers, ARRAY_SIZE(answers));
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.code, ERR_TOKEN_EXPIRED);
	assert_int_equal(err.http_status, 401);
	assert_int_equal(strncmp(err.msg, "Calendar token expired.", 23), 0);
	assert_int_equal(b.script.asked_count, 3);
}

static void test_token__rotated_one_is_stored_before_use(void **state)
{
	static const struct scripted_answer answers[] = {
		{200, NULL,
		 "{\"access_token\": \"at-2\", \"refresh_token\": \"rt-2\", \"expires_in\": 3600}"},
		DROPPED,
	};
	AUTO(bench_release) struct bench b;
	struct err err;

	(void)state;
	bench_init(&b, answers, ARRAY_SIZE(answers));
	b.o.patience = GOOGLE_ONCE;
	set_expiry(&b, 0);
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.code, ERR_NETWORK);
	expect_secret(&b, "refresh_token", "rt-2");
	expect_secret(&b, "access_token", "at-2");
}

static void test_token__invalid_grant_ends_the_login(void **state)
{
	static const struct scripted_answer answers[] = {DEAD};
	AUTO(bench_release) struct bench b;
	AUTO(account_release) struct account a = {0};
	struct gcall call = {.method = "GET", .path = "colors"};
	struct gresult result;
	struct err err;

	(void)state;
	bench_init(&b, answers, 1);
	set_expiry(&b, 0);
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.code, ERR_TOKEN_EXPIRED);
	assert_string_equal(err.reason, "invalid_grant");
	assert_int_equal(err.http_status, 400);
	assert_string_equal(err.msg, "Calendar token expired. Connect the account again: calsync "
				     "connect me");
	assert_int_equal(google_account_state(b.g), ACCOUNT_REAUTH_REQUIRED);
	row(&b, &a);
	assert_int_equal(a.state, ACCOUNT_REAUTH_REQUIRED);
	expect_secret(&b, "refresh_token", "rt-1"); /* not thrown away */
	/* Nothing more is sent, in this process or the next. */
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(google_batch(b.g, &call, 1, &result, &err), -1);
	reopen(&b);
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.code, ERR_TOKEN_EXPIRED);
	assert_int_equal(strncmp(err.msg, "Calendar token expired.", 23), 0);
	assert_int_equal(b.script.asked_count, 1);
	assert_int_equal(b.clock.sleeps, 0);
}

static void test_token__names_are_quoted_for_the_shell(void **state)
{
	static const struct scripted_answer answers[] = {DEAD};
	AUTO(bench_release) struct bench b;
	AUTO(account_release) struct account a = {0};
	struct err err;

	(void)state;
	bench_init(&b, answers, 1);
	row(&b, &a);
	xstr_set(&a.name, "my work; rm");
	a.state = ACCOUNT_REAUTH_REQUIRED;
	save_row(&b, &a);
	google_free(b.g);
	assert_int_equal(google_new(&a, &b.o, &b.g, &err), 0);
	assert_int_equal(get(&b, &err), -1);
	assert_non_null(strstr(err.msg, "calsync connect 'my work; rm'"));
	assert_int_equal(b.script.asked_count, 0);
}

static void test_token__disconnected_sends_nothing(void **state)
{
	static const struct scripted_answer good[] = {OK_EVENT};
	AUTO(bench_release) struct bench b;
	AUTO(account_release) struct account a = {0};
	struct err err;

	(void)state;
	bench_init(&b, good, 1);
	row(&b, &a);
	a.state = ACCOUNT_DISCONNECTED;
	save_row(&b, &a);
	reopen(&b);
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.code, ERR_NOT_CONNECTED);
	assert_int_equal(b.script.asked_count, 0);
}

static void test_token__without_a_login_in_the_store(void **state)
{
	static const struct scripted_answer good[] = {OK_EVENT};
	AUTO(bench_release) struct bench b;
	struct err err;

	(void)state;
	bench_init(&b, good, 1);
	assert_int_equal(store_secret_delete(b.store, b.account.id, NULL, &err), 0);
	set_expiry(&b, 0);
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.code, ERR_NOT_CONNECTED);
	assert_int_equal(b.script.asked_count, 0);
}

static void test_token__one_that_does_not_open_is_kept(void **state)
{
	static const struct scripted_answer good[] = {TOKEN_OK("at-2"), OK_EVENT};
	AUTO(bench_release) struct bench b;
	AUTO(strbuf_release) struct strbuf kept = STRBUF_INIT;
	struct err err;

	(void)state;
	bench_init(&b, good, 2);
	assert_int_equal(
		store_secret_put(b.store, b.account.id, "refresh_token", "damaged", 7, &err), 0);
	set_expiry(&b, 0);
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.code, ERR_SECRET);
	assert_int_equal(b.script.asked_count, 0);
	assert_int_equal(store_secret_get(b.store, b.account.id, "refresh_token", &kept, &err), 0);
	assert_string_equal(kept.buf, "damaged");
}

/* Another process acts while this one waits for Google's answer. */
struct meddling {
	struct scripted *script;
	struct bench *b;
	void (*act)(struct bench *b);
	size_t at; /* before the answer to this request */
	struct transport base;
};

static int meddling_exchange(struct transport *t, const struct http_request *req,
			     struct http_response *out, struct err *err)
{
	struct meddling *m = (struct meddling *)((char *)t - offsetof(struct meddling, base));

	if (m->script->asked_count == m->at)
		m->act(m->b);
	return m->script->base.exchange(&m->script->base, req, out, err);
}

static void meddle(struct meddling *m, struct bench *b, size_t at, void (*act)(struct bench *b))
{
	*m = (struct meddling){.script = &b->script,
			       .b = b,
			       .act = act,
			       .at = at,
			       .base = {.exchange = meddling_exchange}};
	b->o.transport = &m->base;
}

static void other_process_renews(struct bench *b)
{
	AUTO(account_release) struct account a = {0};

	put_secret(b, "refresh_token", "rt-2");
	put_secret(b, "access_token", "at-2");
	row(b, &a);
	a.token_expires_ms = b->clock.now + HOUR;
	save_row(b, &a);
}

static void other_process_rotates_only(struct bench *b)
{
	put_secret(b, "refresh_token", "rt-2");
}

static void other_process_gives_up(struct bench *b)
{
	AUTO(account_release) struct account a = {0};

	row(b, &a);
	a.state = ACCOUNT_REAUTH_REQUIRED;
	save_row(b, &a);
}

static void other_process_disconnects(struct bench *b)
{
	AUTO(account_release) struct account a = {0};

	row(b, &a);
	a.state = ACCOUNT_DISCONNECTED;
	save_row(b, &a);
}

static void test_token__one_renewed_by_another_process_is_taken(void **state)
{
	static const struct scripted_answer good[] = {OK_EVENT};
	AUTO(bench_release) struct bench b;

	(void)state;
	bench_init(&b, good, 1);
	get_good(&b);
	b.clock.now += HOUR;
	other_process_renews(&b);
	get_good(&b);
	assert_int_equal(b.script.asked_count, 2);
	assert_true(bearer_is(&b.script.asked[1], "at-2"));
}

static void test_token__401_takes_the_one_of_another_process(void **state)
{
	static const struct scripted_answer answers[] = {UNAUTH, OK_EVENT};
	AUTO(bench_release) struct bench b;
	struct meddling m;

	(void)state;
	bench_init(&b, answers, ARRAY_SIZE(answers));
	meddle(&m, &b, 0, other_process_renews);
	reopen(&b);
	get_good(&b);
	assert_int_equal(b.script.asked_count, 2);
	assert_true(bearer_is(&b.script.asked[1], "at-2"));
}

static void test_token__rotation_by_another_process_is_no_dead_login(void **state)
{
	static const struct scripted_answer answers[] = {DEAD, TOKEN_OK("at-3"), OK_EVENT};
	AUTO(bench_release) struct bench b;
	AUTO(account_release) struct account a = {0};
	struct meddling m;

	(void)state;
	bench_init(&b, answers, ARRAY_SIZE(answers));
	meddle(&m, &b, 0, other_process_rotates_only);
	set_expiry(&b, 0);
	get_good(&b);
	assert_int_equal(b.script.asked_count, 3);
	assert_non_null(strstr(b.script.asked[1].body, "refresh_token=rt-2&"));
	row(&b, &a);
	assert_int_equal(a.state, ACCOUNT_CONNECTED);
	expect_secret(&b, "refresh_token", "rt-2");
}

static void test_token__a_login_that_another_process_lost_comes_back(void **state)
{
	static const struct scripted_answer answers[] = {TOKEN_OK("at-2"), OK_EVENT};
	AUTO(bench_release) struct bench b;
	AUTO(account_release) struct account a = {0};
	struct meddling m;

	(void)state;
	bench_init(&b, answers, ARRAY_SIZE(answers));
	meddle(&m, &b, 0, other_process_gives_up);
	set_expiry(&b, 0);
	get_good(&b);
	row(&b, &a);
	assert_int_equal(a.state, ACCOUNT_CONNECTED);
}

static void other_process_renames(struct bench *b)
{
	AUTO(account_release) struct account a = {0};

	row(b, &a);
	xstr_set(&a.name, "another");
	save_row(b, &a);
}

/* Both or none: an access token whose companion is not on disk would be lost with the process. */
static void test_token__nothing_is_used_that_cannot_be_stored(void **state)
{
	static const struct scripted_answer answers[] = {
		{200, NULL,
		 "{\"access_token\": \"at-2\", \"refresh_token\": \"rt-2\", \"expires_in\": 3600}"},
		OK_EVENT,
	};
	AUTO(bench_release) struct bench b;
	struct meddling m;
	struct err err;

	(void)state;
	bench_init(&b, answers, ARRAY_SIZE(answers));
	meddle(&m, &b, 0, other_process_renames);
	set_expiry(&b, 0);
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(b.script.asked_count, 1);
	assert_true(is_token_request(&b.script.asked[0]));
	assert_false(store_in_transaction(b.store));
	expect_secret(&b, "refresh_token", "rt-1");
	expect_secret(&b, "access_token", "at-1");
}

static void test_token__a_disconnect_meanwhile_stays(void **state)
{
	static const struct scripted_answer answers[] = {TOKEN_OK("at-2"), OK_EVENT};
	AUTO(bench_release) struct bench b;
	AUTO(account_release) struct account a = {0};
	struct meddling m;
	struct err err;

	(void)state;
	bench_init(&b, answers, ARRAY_SIZE(answers));
	meddle(&m, &b, 0, other_process_disconnects);
	set_expiry(&b, 0);
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.code, ERR_NOT_CONNECTED);
	assert_int_equal(b.script.asked_count, 1);
	row(&b, &a);
	assert_int_equal(a.state, ACCOUNT_DISCONNECTED);
}

static void test_token__goes_to_the_account_s_host_only(void **state)
{
	static const struct scripted_answer answers[] = {TOKEN_OK("at-2"), OK_EVENT};
	AUTO(bench_release) struct bench b;

	(void)state;
	setenv("CALSYNC_GOOGLE_BASE_URL", "https://evil.test", 1);
	bench_init(&b, answers, ARRAY_SIZE(answers));
	set_expiry(&b, 0);
	get_good(&b);
	unsetenv("CALSYNC_GOOGLE_BASE_URL");
	for (size_t i = 0; i < b.script.asked_count; i++)
		assert_int_equal(strncmp(b.script.asked[i].url, BASE "/", strlen(BASE) + 1), 0);
}

static void test_new__base_url_that_is_not_safe(void **state)
{
	static const struct scripted_answer good[] = {OK_EVENT};
	static const char *const urls[] = {"http://example.com", "ftp://127.0.0.1", "https://a@b",
					   "https://example.com/path",
					   "http://127.0.0.1.evil.test"};
	AUTO(bench_release) struct bench b;
	struct google *g = NULL;
	struct err err;

	(void)state;
	bench_init(&b, good, 1);
	for (size_t i = 0; i < ARRAY_SIZE(urls); i++) {
		xstr_set(&b.account.base_url, urls[i]);
		assert_int_equal(google_new(&b.account, &b.o, &g, &err), -1);
		assert_null(g);
	}
}

/* --- retries ----------------------------------------------------------------------------- */

static void test_retry__what_may_pass_is_tried_again(void **state)
{
	static const struct scripted_answer trouble[] = {
		DROPPED,
		FAIL(500),
		FAIL(503),
		REASON(403, "rateLimitExceeded"),
		REASON(403, "userRateLimitExceeded"),
		REASON(429, "rateLimitExceeded"),
		REASON(409, "conflict"),
		{200, NULL, "<html>not Google</html>"},
		{200, NULL, "{\"id\": \"cut sho"},
		FAIL(200),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(trouble); i++) {
		struct scripted_answer answers[] = {trouble[i], trouble[i], OK_EVENT};
		AUTO(bench_release) struct bench b;

		bench_init(&b, answers, 3);
		get_good(&b);
		assert_int_equal(b.script.asked_count, 3);
		assert_int_equal(b.clock.sleeps, 2);
		assert_in_range(b.clock.slept, 2, 3000);
	}
}

static void test_retry__what_will_not_pass_is_not(void **state)
{
	static const struct scripted_answer trouble[] = {
		REASON(400, "invalid"),
		REASON(403, "forbidden"),
		REASON(403, "quotaExceeded"),
		REASON(403, "dailyLimitExceeded"),
		REASON(403, "accessNotConfigured"),
		REASON(404, "notFound"),
		REASON(409, "duplicate"),
		REASON(410, "fullSyncRequired"),
		REASON(410, "deleted"),
		REASON(412, "conditionNotMet"),
		{302, "Location: https://evil.test/", ""},
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(trouble); i++) {
		AUTO(bench_release) struct bench b;

		bench_init(&b, &trouble[i], 1);
		assert_int_equal(get(&b, &err), -1);
		assert_int_equal(err.http_status, trouble[i].status);
		assert_int_equal(b.script.asked_count, 1);
		assert_int_equal(b.clock.sleeps, 0);
	}
}

static void test_retry__ends_after_six_tries(void **state)
{
	static const struct scripted_answer trouble[] = {FAIL(503)};
	AUTO(bench_release) struct bench b;
	struct err err;

	(void)state;
	bench_init(&b, trouble, 1);
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.code, ERR_NETWORK);
	assert_int_equal(err.http_status, 503);
	assert_int_equal(b.script.asked_count, BACKOFF_TRIES);
	assert_in_range(b.clock.slept, 5, 1000 + 2000 + 4000 + 8000 + 16000);
}

static void test_retry__once_means_once(void **state)
{
	static const struct scripted_answer trouble[] = {DROPPED, FAIL(503),
							 REASON(403, "rateLimitExceeded")};
	struct err err;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(trouble); i++) {
		AUTO(bench_release) struct bench b;

		bench_init(&b, &trouble[i], 1);
		b.o.patience = GOOGLE_ONCE;
		reopen(&b);
		assert_int_equal(get(&b, &err), -1);
		assert_int_equal(b.script.asked_count, 1);
		assert_int_equal(b.clock.sleeps, 0);
	}
}

static void test_retry__stops_before_the_deadline(void **state)
{
	static const struct scripted_answer trouble[] = {FAIL(503)};
	AUTO(bench_release) struct bench b;
	struct err err;

	(void)state;
	bench_init(&b, trouble, 1);
	b.o.deadline_ms = b.clock.mono + 3000;
	reopen(&b);
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.http_status, 503);
	assert_in_range(b.script.asked_count, 2, 5);
	assert_in_range(b.clock.slept, 1, 2999);
}

static void test_once__the_deadline_bounds_the_request(void **state)
{
	static const struct scripted_answer good[] = {OK_EVENT};
	AUTO(bench_release) struct bench b;
	struct err err;

	(void)state;
	bench_init(&b, good, 1);
	b.o.patience = GOOGLE_ONCE;
	b.o.timeout_ms = 5000;
	b.o.deadline_ms = b.clock.mono + 8000;
	reopen(&b);
	get_good(&b);
	assert_int_equal(b.script.last_timeout_ms, 5000);
	b.clock.mono += 6000;
	get_good(&b);
	assert_int_equal(b.script.last_timeout_ms, 2000);
	b.clock.mono += 2000;
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.code, ERR_NETWORK);
	assert_int_equal(b.script.asked_count, 2);
}

static void test_retry__token_endpoint_is_retried_too(void **state)
{
	static const struct scripted_answer answers[] = {FAIL(503), DROPPED, TOKEN_OK("at-2"),
							 OK_EVENT};
	AUTO(bench_release) struct bench b;
	AUTO(account_release) struct account a = {0};

	(void)state;
	bench_init(&b, answers, ARRAY_SIZE(answers));
	set_expiry(&b, 0);
	get_good(&b);
	assert_int_equal(b.script.asked_count, 4);
	row(&b, &a);
	assert_int_equal(a.state, ACCOUNT_CONNECTED);
}

static void test_retry_after__is_a_lower_bound(void **state)
{
	static const struct scripted_answer answers[] = {
		{429, "Retry-After: 7", "{}"}, {503, "Retry-After: 60", ""}, OK_EVENT};
	AUTO(bench_release) struct bench b;
	AUTO(account_release) struct account a = {0};

	(void)state;
	bench_init(&b, answers, ARRAY_SIZE(answers));
	get_good(&b);
	assert_in_range(b.script.asked[1].at_ms - b.script.asked[0].at_ms, 7000, 9000);
	assert_in_range(b.script.asked[2].at_ms - b.script.asked[1].at_ms, 60000, 62000);
	row(&b, &a);
	assert_int_equal(a.not_before_ms, 0);
}

static void test_retry_after__long_ones_end_the_run_and_bind_the_next(void **state)
{
	static const struct scripted_answer answers[] = {
		{403, "Retry-After: 600",
		 "{\"error\":{\"errors\":[{\"reason\":\"rateLimitExceeded\"}]}}"},
		OK_EVENT};
	AUTO(bench_release) struct bench b;
	AUTO(account_release) struct account a = {0};
	struct err err;

	(void)state;
	bench_init(&b, answers, ARRAY_SIZE(answers));
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.code, ERR_RATE_LIMITED);
	assert_int_equal(err.retry_after, 600);
	assert_int_equal(b.clock.sleeps, 0);
	row(&b, &a);
	assert_int_equal(a.not_before_ms, NOW_MS + 600000);
	/* Again at once, also from a new process: nothing goes out. */
	assert_int_equal(get(&b, &err), -1);
	reopen(&b);
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.code, ERR_RATE_LIMITED);
	assert_int_equal(err.retry_after, 600);
	assert_int_equal(b.script.asked_count, 1);
	/* Half a minute before its end a patient call waits for it; an impatient one does not. */
	b.clock.now += 570000;
	b.o.patience = GOOGLE_ONCE;
	reopen(&b);
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.retry_after, 30);
	b.o.patience = GOOGLE_PATIENT;
	reopen(&b);
	get_good(&b);
	assert_int_equal(b.script.asked[1].at_ms, NOW_MS + 600000);
}

static void test_retry_after__impatient_calls_note_it(void **state)
{
	static const struct scripted_answer answers[] = {{503, "Retry-After: 20", ""}};
	AUTO(bench_release) struct bench b;
	AUTO(account_release) struct account a = {0};
	struct err err;

	(void)state;
	bench_init(&b, answers, 1);
	b.o.patience = GOOGLE_ONCE;
	reopen(&b);
	assert_int_equal(get(&b, &err), -1);
	row(&b, &a);
	assert_int_equal(a.not_before_ms, NOW_MS + 20000);
}

/* --- pace and clock ---------------------------------------------------------------------- */

static void test_pace__ten_a_second_and_six_hundred_units_a_minute(void **state)
{
	static const struct scripted_answer good[] = {OK_EVENT};
	AUTO(bench_release) struct bench b;
	struct gcall patch = {.method = "PATCH", .path = "calendars/a/events/e1"};
	struct err err;

	(void)state;
	bench_init(&b, good, 1);
	for (int i = 0; i < 250; i++)
		assert_int_equal(google_call(b.g, &patch, NULL, &err), 0);
	for (size_t i = 10; i < b.script.asked_count; i++)
		assert_true(b.script.asked[i].at_ms - b.script.asked[i - 10].at_ms >= 1000);
	/* 200 patches are 600 units. */
	for (size_t i = 200; i < b.script.asked_count; i++)
		assert_true(b.script.asked[i].at_ms - b.script.asked[i - 200].at_ms >= 60000);
	assert_in_range(b.clock.slept, 60000, 66000);
}

static void test_pace__token_requests_count(void **state)
{
	static const struct scripted_answer answers[] = {UNAUTH, TOKEN_OK("at-2"), UNAUTH};
	AUTO(bench_release) struct bench b;
	struct err err;

	(void)state;
	bench_init(&b, answers, ARRAY_SIZE(answers));
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(google_requests(b.g), 3);
}

static void test_skew__from_the_date_header(void **state)
{
	static const struct scripted_answer answers[] = {
		{200, "Date: Thu, 15 Jan 2026 08:01:00 GMT", "{}"},
		{503, "Date: Thu, 15 Jan 2026 07:59:00 GMT", ""},
		{200, NULL, "{}"},
	};
	AUTO(bench_release) struct bench b;

	(void)state;
	bench_init(&b, answers, ARRAY_SIZE(answers));
	assert_int_equal(google_clock_skew_ms(b.g), 0);
	get_good(&b);
	assert_int_equal(google_clock_skew_ms(b.g), 60500);
	get_good(&b); /* the refusal had a Date, the answer after it none */
	assert_in_range(google_clock_skew_ms(b.g) + 70000, 10000, 10500);
}

/* --- batches ----------------------------------------------------------------------------- */

#define BATCH_TYPE "Content-Type: multipart/mixed; boundary=b1"
#define PART(id, status, body)                                                     \
	"--b1\r\nContent-Type: application/http\r\nContent-ID: <response-item-" id \
	">\r\n\r\nHTTP/1.1 " status "\r\nContent-Type: application/json\r\n\r\n" body "\r\n"

static void three_calls(struct gcall calls[3])
{
	for (int i = 0; i < 3; i++)
		calls[i] = (struct gcall){.method = i == 2 ? "DELETE" : "PATCH",
					  .path = "calendars/a/events/e1"};
}

static void release_results(struct gresult *r, size_t n)
{
	for (size_t i = 0; i < n; i++)
		gresult_release(&r[i]);
}

static void test_batch__each_part_has_its_own_fate(void **state)
{
	static const struct scripted_answer answers[] = {
		{200, BATCH_TYPE,
		 PART("2", "204 No Content", "")
			 PART("1", "412 Precondition Failed",
			      "{\"error\":{\"errors\":[{\"reason\":\"conditionNotMet\"}]}}")
				 PART("0", "200 OK", "{\"id\": \"e0\"}") "--b1--\r\n"},
	};
	AUTO(bench_release) struct bench b;
	struct gcall calls[3];
	struct gresult r[3];
	struct err err;

	(void)state;
	bench_init(&b, answers, 1);
	three_calls(calls);
	assert_int_equal(google_batch(b.g, calls, 3, r, &err), 0);
	assert_int_equal(b.script.asked_count, 1);
	assert_int_equal(google_requests(b.g), 1);
	assert_string_equal(b.script.asked[0].url, BASE "/batch/calendar/v3");
	assert_true(bearer_is(&b.script.asked[0], "at-1"));
	assert_int_equal(r[0].status, 200);
	assert_int_equal(r[0].err.code, ERR_NONE);
	assert_string_equal(json_str(r[0].json, "id"), "e0");
	assert_int_equal(r[1].status, 412);
	assert_int_equal(r[1].err.code, ERR_PRECONDITION);
	assert_string_equal(r[1].err.reason, "conditionNotMet");
	assert_int_equal(r[2].status, 204);
	assert_null(r[2].json);
	assert_int_equal(r[2].err.code, ERR_NONE);
	release_results(r, 3);
}

static void test_batch__lost_and_garbled_parts_are_unknown(void **state)
{
	static const struct scripted_answer answers[] = {
		{200, BATCH_TYPE,
		 PART("0", "200 OK", "{\"id\": \"e")
			 PART("2", "401 Unauthorized", "") "--b1--\r\n"},
	};
	AUTO(bench_release) struct bench b;
	struct gcall calls[3];
	struct gresult r[3];
	struct err err;

	(void)state;
	bench_init(&b, answers, 1);
	three_calls(calls);
	assert_int_equal(google_batch(b.g, calls, 3, r, &err), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(r[i].status, 0);
		assert_int_equal(r[i].err.code, ERR_NETWORK);
		assert_null(r[i].json);
	}
	assert_int_equal(r[2].status, 401);
	assert_int_equal(r[2].err.code, ERR_UNAUTHORIZED);
	release_results(r, 3);
}

static void test_batch__outer_trouble_is_handled_like_a_call_s(void **state)
{
	static const struct scripted_answer answers[] = {
		UNAUTH,
		TOKEN_OK("at-2"),
		FAIL(503),
		DROPPED,
		{200, "Content-Type: text/html", "<html>"},
		{200, BATCH_TYPE,
		 PART("0", "200 OK", "{}") PART("1", "200 OK", "{}")
			 PART("2", "204 x", "") "--b1--"},
	};
	AUTO(bench_release) struct bench b;
	struct gcall calls[3];
	struct gresult r[3];
	struct err err;

	(void)state;
	bench_init(&b, answers, ARRAY_SIZE(answers));
	three_calls(calls);
	assert_int_equal(google_batch(b.g, calls, 3, r, &err), 0);
	assert_int_equal(b.script.asked_count, 6);
	assert_string_equal(b.script.asked[0].body, b.script.asked[5].body);
	assert_int_equal(r[2].status, 204);
	release_results(r, 3);
}

static void test_batch__malformed_answers_fail_the_whole(void **state)
{
	static const struct scripted_answer answers[] = {{200, BATCH_TYPE, "--b1--"}};
	AUTO(bench_release) struct bench b;
	struct gcall calls[3];
	struct gresult r[3];
	struct err err;

	(void)state;
	bench_init(&b, answers, 1);
	b.o.patience = GOOGLE_ONCE;
	reopen(&b);
	three_calls(calls);
	assert_int_equal(google_batch(b.g, calls, 3, r, &err), -1);
	assert_int_equal(err.code, ERR_GOOGLE);
	assert_int_equal(err.http_status, 200);
	assert_int_equal(google_batch(b.g, calls, 0, r, &err), 0);
	assert_int_equal(b.script.asked_count, 1);
}

static void test_batch__parts_count_as_calls(void **state)
{
	static const struct scripted_answer answers[] = {
		{200, BATCH_TYPE, PART("0", "200 OK", "{}") "--b1--"}};
	AUTO(bench_release) struct bench b;
	struct gcall calls[50];
	struct gresult r[50];
	struct err err;

	(void)state;
	bench_init(&b, answers, 1);
	for (int i = 0; i < 50; i++)
		calls[i] = (struct gcall){.method = "PATCH", .path = "calendars/a/events/e1"};
	for (int i = 0; i < 5; i++) {
		assert_int_equal(google_batch(b.g, calls, 50, r, &err), 0);
		release_results(r, 50);
	}
	/* Four times 150 units are a minute's worth. */
	assert_in_range(b.script.asked[3].at_ms - b.script.asked[0].at_ms, 0, 1000);
	assert_in_range(b.script.asked[4].at_ms - b.script.asked[0].at_ms, 60000, 61000);
}

/* --- the fake Google --------------------------------------------------------------------- */

/* A client that is connected to the fake with a token that the fake issued. */
static struct fg *connect_fake(struct bench *b)
{
	struct fg_options o = {.seed = 3, .now_ms = NOW_MS, .base_url = BASE};
	struct fg *fg = fg_new(&o);
	AUTO(json_object_put)
	struct json_object *token =
		fake_ask(fg, "POST", "/sandbox/token", "application/json", "{}", NULL);

	b->o.transport = fg_transport_new(fg);
	put_secret(b, "access_token", json_str(token, "access_token"));
	reopen(b);
	return fg;
}

static void test_fake__batch_and_calls_agree(void **state)
{
	static const char text[] =
		"{\"id\": \"aaaaa1\", \"summary\": \"s\", \"start\": {\"date\": \"2026-02-01\"},"
		" \"end\": {\"date\": \"2026-02-02\"}}";
	AUTO(bench_release) struct bench b;
	AUTO(json_object_put) struct json_object *body = NULL;
	AUTO(json_object_put) struct json_object *event = NULL;
	AUTO(json_object_put) struct json_object *violations = NULL;
	struct gcall calls[] = {
		{.method = "GET", .path = "calendars/primary/events/aaaaa1"},
		{.method = "PATCH", .path = "calendars/primary/events/aaaaa1", .if_match = "\"0\""},
		{.method = "GET", .path = "users/me/calendarList/primary"},
		{.method = "DELETE", .path = "calendars/primary/events/nosuch"},
	};
	struct gcall insert = {.method = "POST", .path = "calendars/primary/events"};
	struct gresult r[ARRAY_SIZE(calls)];
	struct fg *fg;
	struct err err;

	(void)state;
	bench_init(&b, NULL, 0);
	fg = connect_fake(&b);
	assert_int_equal(json_parse(text, sizeof(text) - 1, &body, &err), 0);
	insert.body = body;
	if (google_call(b.g, &insert, &event, &err))
		fail_msg("%s", err.msg);
	calls[1].body = body;
	json_del(body, "id");
	if (google_batch(b.g, calls, ARRAY_SIZE(calls), r, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(r[0].status, 200);
	assert_true(json_equal(r[0].json, event));
	assert_int_equal(r[1].err.code, ERR_PRECONDITION);
	assert_string_equal(json_str(r[2].json, "id"), "user1@example.com");
	assert_int_equal(r[3].err.code, ERR_NOT_FOUND);
	release_results(r, ARRAY_SIZE(r));
	assert_int_equal(google_call(b.g, &insert, NULL, &err), 0);
	violations = fake_ask(fg, "GET", "/sandbox/violations", NULL, NULL, NULL);
	for (size_t i = 0; i < json_object_array_length(violations); i++) {
		struct json_object *v = json_object_array_get_idx(violations, i);

		/* Those headers are http.c's: see test_http. */
		assert_non_null(strstr(json_str(v, "what"), "no gzip"));
	}
	b.o.transport->free(b.o.transport);
	fg_free(fg);
}

static int make_dir(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int remove_dir(void **state)
{
	AUTO(free) char *command = xasprintf("rm -rf '%s'", dir);

	(void)state;
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_call__sends_what_it_is_given),
		cmocka_unit_test(test_call__refuses_what_could_break_out),
		cmocka_unit_test(test_call__empty_answers),
		cmocka_unit_test(test_token__stored_one_is_used_by_each_process),
		cmocka_unit_test(test_token__renewed_with_less_than_five_minutes_left),
		cmocka_unit_test(test_token__short_lived_ones_are_used_up_to_a_tenth),
		cmocka_unit_test(test_token__401_renews_once_and_repeats),
		cmocka_unit_test(test_token__401_twice_gives_up),
		cmocka_unit_test(test_token__rotated_one_is_stored_before_use),
		cmocka_unit_test(test_token__invalid_grant_ends_the_login),
		cmocka_unit_test(test_token__names_are_quoted_for_the_shell),
		cmocka_unit_test(test_token__disconnected_sends_nothing),
		cmocka_unit_test(test_token__without_a_login_in_the_store),
		cmocka_unit_test(test_token__one_that_does_not_open_is_kept),
		cmocka_unit_test(test_token__one_renewed_by_another_process_is_taken),
		cmocka_unit_test(test_token__401_takes_the_one_of_another_process),
		cmocka_unit_test(test_token__rotation_by_another_process_is_no_dead_login),
		cmocka_unit_test(test_token__a_login_that_another_process_lost_comes_back),
		cmocka_unit_test(test_token__nothing_is_used_that_cannot_be_stored),
		cmocka_unit_test(test_token__a_disconnect_meanwhile_stays),
		cmocka_unit_test(test_token__goes_to_the_account_s_host_only),
		cmocka_unit_test(test_new__base_url_that_is_not_safe),
		cmocka_unit_test(test_retry__what_may_pass_is_tried_again),
		cmocka_unit_test(test_retry__what_will_not_pass_is_not),
		cmocka_unit_test(test_retry__ends_after_six_tries),
		cmocka_unit_test(test_retry__once_means_once),
		cmocka_unit_test(test_retry__stops_before_the_deadline),
		cmocka_unit_test(test_once__the_deadline_bounds_the_request),
		cmocka_unit_test(test_retry__token_endpoint_is_retried_too),
		cmocka_unit_test(test_retry_after__is_a_lower_bound),
		cmocka_unit_test(test_retry_after__long_ones_end_the_run_and_bind_the_next),
		cmocka_unit_test(test_retry_after__impatient_calls_note_it),
		cmocka_unit_test(test_pace__ten_a_second_and_six_hundred_units_a_minute),
		cmocka_unit_test(test_pace__token_requests_count),
		cmocka_unit_test(test_skew__from_the_date_header),
		cmocka_unit_test(test_batch__each_part_has_its_own_fate),
		cmocka_unit_test(test_batch__lost_and_garbled_parts_are_unknown),
		cmocka_unit_test(test_batch__outer_trouble_is_handled_like_a_call_s),
		cmocka_unit_test(test_batch__malformed_answers_fail_the_whole),
		cmocka_unit_test(test_batch__parts_count_as_calls),
		cmocka_unit_test(test_fake__batch_and_calls_agree),
	};

	return cmocka_run_group_tests_name("google", tests, make_dir, remove_dir);
}
