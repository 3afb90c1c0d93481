/* The bearer token: when it is renewed, where it is kept, and how a login ends. */
#include "google_bench.h"

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

static void test_token__of_a_new_login_leaves_the_stored_one_alone(void **state)
{
	static const struct scripted_answer answers[] = {OK_EVENT, UNAUTH, TOKEN_OK("at-3")};
	AUTO(account_release) struct account before = {0};
	AUTO(account_release) struct account after = {0};
	AUTO(bench_release) struct bench b;
	struct err err;

	(void)state;
	bench_init(&b, answers, ARRAY_SIZE(answers));
	row(&b, &before);
	b.o.access_token = "new-1";
	reopen(&b);
	get_good(&b);
	assert_true(bearer_is(&b.script.asked[0], "new-1"));
	/* Neither is another one asked for, nor does the stored one pass for it. */
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.code, ERR_TOKEN_EXPIRED);
	assert_int_equal(b.script.asked_count, 2);
	row(&b, &after);
	assert_int_equal(after.state, ACCOUNT_CONNECTED);
	assert_int_equal(after.token_expires_ms, before.token_expires_ms);
	expect_secret(&b, "access_token", "at-1");
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

/* Nor for one that writes nothing (sync --dry-run). */
static void test_token__rotation_met_by_a_dry_run(void **state)
{
	static const struct scripted_answer answers[] = {DEAD, TOKEN_OK("at-3"), OK_EVENT};
	AUTO(bench_release) struct bench b;
	struct meddling m;

	(void)state;
	bench_init(&b, answers, ARRAY_SIZE(answers));
	b.o.no_writes = true;
	meddle(&m, &b, 0, other_process_rotates_only);
	set_expiry(&b, 0);
	get_good(&b);
	assert_int_equal(b.script.asked_count, 3);
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

static const struct scripted_answer both_tokens[] = {
	{200, NULL,
	 "{\"access_token\": \"at-2\", \"refresh_token\": \"rt-2\", \"expires_in\": 3600}"},
	OK_EVENT,
};

static void other_process_renames(struct bench *b)
{
	AUTO(account_release) struct account a = {0};

	row(b, &a);
	xstr_set(&a.name, "another");
	save_row(b, &a);
}

/* The login is the account's, whatever that is called. */
static void test_token__another_name_meanwhile(void **state)
{
	AUTO(bench_release) struct bench b;
	struct meddling m;

	(void)state;
	bench_init(&b, both_tokens, ARRAY_SIZE(both_tokens));
	meddle(&m, &b, 0, other_process_renames);
	set_expiry(&b, 0);
	get_good(&b);
	expect_secret(&b, "refresh_token", "rt-2");
	expect_secret(&b, "access_token", "at-2");
}

static void other_process_purges(struct bench *b)
{
	struct err err;

	if (store_account_remove(b->store, b->account.id, &err))
		fail_msg("%s", err.msg);
}

/* An access token whose companion is not on disk would be lost with the process. */
static void test_token__nothing_is_used_that_cannot_be_stored(void **state)
{
	AUTO(bench_release) struct bench b;
	struct meddling m;
	struct err err;

	(void)state;
	bench_init(&b, both_tokens, ARRAY_SIZE(both_tokens));
	meddle(&m, &b, 0, other_process_purges);
	set_expiry(&b, 0);
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_int_equal(b.script.asked_count, 1);
	assert_true(is_token_request(&b.script.asked[0]));
	assert_false(store_in_transaction(b.store));
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

static void test_token__an_access_token_that_does_not_open_is_renewed(void **state)
{
	static const struct scripted_answer answers[] = {TOKEN_OK("at-2"), OK_EVENT};
	AUTO(bench_release) struct bench b;
	struct err err;

	(void)state;
	bench_init(&b, answers, 2);
	assert_int_equal(
		store_secret_put(b.store, b.account.id, "access_token", "damaged", 7, &err), 0);
	get_good(&b);
	assert_int_equal(b.script.asked_count, 2);
	assert_true(bearer_is(&b.script.asked[1], "at-2"));
	expect_secret(&b, "access_token", "at-2");
}

/* The second token, put there by the other process, is refused too. */
static void test_token__rotated_and_dead_all_the_same(void **state)
{
	static const struct scripted_answer answers[] = {DEAD};
	AUTO(bench_release) struct bench b;
	AUTO(account_release) struct account a = {0};
	struct meddling m;
	struct err err;

	(void)state;
	bench_init(&b, answers, 1);
	meddle(&m, &b, 0, other_process_rotates_only);
	set_expiry(&b, 0);
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.code, ERR_TOKEN_EXPIRED);
	assert_int_equal(b.script.asked_count, 2);
	assert_non_null(strstr(b.script.asked[1].body, "refresh_token=rt-2&"));
	row(&b, &a);
	assert_int_equal(a.state, ACCOUNT_REAUTH_REQUIRED);
}

static void other_process_disconnects_and_forgets(struct bench *b)
{
	struct err err;

	other_process_disconnects(b);
	assert_int_equal(store_secret_delete(b->store, b->account.id, NULL, &err), 0);
}

/* What a disconnect revokes is refused afterwards: that is no expired login. */
static void test_token__refused_because_of_a_disconnect(void **state)
{
	static const struct scripted_answer answers[] = {DEAD};
	AUTO(bench_release) struct bench b;
	AUTO(account_release) struct account a = {0};
	struct meddling m;
	struct err err;

	(void)state;
	bench_init(&b, answers, 1);
	meddle(&m, &b, 0, other_process_disconnects_and_forgets);
	set_expiry(&b, 0);
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.code, ERR_NOT_CONNECTED);
	row(&b, &a);
	assert_int_equal(a.state, ACCOUNT_DISCONNECTED);
}

/* Somebody who can write the database, and cannot read the key, names a host of his own. */
static void test_token__a_host_changed_in_the_store_gets_nothing(void **state)
{
	static const struct scripted_answer answers[] = {TOKEN_OK("at-2"), OK_EVENT};
	AUTO(bench_release) struct bench b;
	AUTO(account_release) struct account a = {0};
	struct err err;

	(void)state;
	bench_init(&b, answers, 2);
	row(&b, &a);
	free(a.base_url);
	a.base_url = xstrdup("https://evil.example");
	save_row(&b, &a);
	reopen(&b);
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.code, ERR_SECRET);
	set_expiry(&b, NOW_MS); /* nor does the refresh token go there */
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.code, ERR_SECRET);
	assert_int_equal(b.script.asked_count, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_token__stored_one_is_used_by_each_process),
		cmocka_unit_test(test_token__renewed_with_less_than_five_minutes_left),
		cmocka_unit_test(test_token__short_lived_ones_are_used_up_to_a_tenth),
		cmocka_unit_test(test_token__401_renews_once_and_repeats),
		cmocka_unit_test(test_token__401_twice_gives_up),
		cmocka_unit_test(test_token__of_a_new_login_leaves_the_stored_one_alone),
		cmocka_unit_test(test_token__rotated_one_is_stored_before_use),
		cmocka_unit_test(test_token__invalid_grant_ends_the_login),
		cmocka_unit_test(test_token__names_are_quoted_for_the_shell),
		cmocka_unit_test(test_token__disconnected_sends_nothing),
		cmocka_unit_test(test_token__without_a_login_in_the_store),
		cmocka_unit_test(test_token__one_that_does_not_open_is_kept),
		cmocka_unit_test(test_token__one_renewed_by_another_process_is_taken),
		cmocka_unit_test(test_token__401_takes_the_one_of_another_process),
		cmocka_unit_test(test_token__rotation_by_another_process_is_no_dead_login),
		cmocka_unit_test(test_token__rotation_met_by_a_dry_run),
		cmocka_unit_test(test_token__a_login_that_another_process_lost_comes_back),
		cmocka_unit_test(test_token__another_name_meanwhile),
		cmocka_unit_test(test_token__nothing_is_used_that_cannot_be_stored),
		cmocka_unit_test(test_token__a_disconnect_meanwhile_stays),
		cmocka_unit_test(test_token__goes_to_the_account_s_host_only),
		cmocka_unit_test(test_token__a_host_changed_in_the_store_gets_nothing),
		cmocka_unit_test(test_new__base_url_that_is_not_safe),
		cmocka_unit_test(test_token__an_access_token_that_does_not_open_is_renewed),
		cmocka_unit_test(test_token__rotated_and_dead_all_the_same),
		cmocka_unit_test(test_token__refused_because_of_a_disconnect),
	};

	return cmocka_run_group_tests_name("google_token", tests, temp_dir_make, temp_dir_remove);
}
