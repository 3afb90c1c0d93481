/* An answer of the login service that comes when the store holds another login, or has another key. */
#include "google_bench.h"

#define ROTATED                                                            \
	{                                                                  \
		200, NULL,                                                 \
			"{\"access_token\": \"late\", \"refresh_token\": " \
			"\"rt-late\", \"expires_in\": 3600}"               \
	}

/* The login is what it was when another process had done this, whether Google sent a new refresh
 * token along or not. */
static void answer_late(struct bench *b, void (*act)(struct bench *b), bool rotated,
			enum google_patience patience, struct meddling *m, struct err *err)
{
	static const struct scripted_answer plain[] = {TOKEN_OK("late"), OK_EVENT};
	static const struct scripted_answer replaced[] = {ROTATED, OK_EVENT};

	bench_init(b, rotated ? replaced : plain, 2);
	b->o.patience = patience;
	meddle(m, b, 0, act);
	set_expiry(b, 0);
	if (!get(b, err))
		err->code = ERR_NONE;
}

static void test_late__another_process_s_token_stays(void **state)
{
	(void)state;
	for (int rotated = 0; rotated < 2; rotated++) {
		AUTO(bench_release) struct bench b;
		struct meddling m;
		struct err err;

		answer_late(&b, other_process_renews, rotated, GOOGLE_PATIENT, &m, &err);
		assert_int_equal(err.code, ERR_NONE); /* and is gone on with */
		assert_int_equal(b.script.asked_count, 2);
		assert_true(bearer_is(&b.script.asked[1], "at-2"));
		expect_secret(&b, "refresh_token", "rt-2");
		expect_secret(&b, "access_token", "at-2");
	}
}

static void test_late__who_does_not_wait_is_told(void **state)
{
	AUTO(bench_release) struct bench b;
	struct meddling m;
	struct err err;

	(void)state;
	answer_late(&b, other_process_renews, true, GOOGLE_ONCE, &m, &err);
	assert_int_equal(err.code, ERR_NETWORK);
	assert_int_equal(b.script.asked_count, 1);
	expect_secret(&b, "refresh_token", "rt-2");
}

/* `connect --force` as another user. */
static void somebody_logs_in(struct bench *b)
{
	AUTO(account_release) struct account a = {0};

	put_secret(b, "refresh_token", "rt-user2");
	put_secret(b, "access_token", "at-user2");
	row(b, &a);
	xstr_set(&a.email, "user2@example.com");
	a.connected_ms++;
	a.token_expires_ms = b->clock.now + HOUR;
	save_row(b, &a);
}

static void test_late__a_new_login_is_not_touched(void **state)
{
	(void)state;
	for (int rotated = 0; rotated < 2; rotated++) {
		AUTO(bench_release) struct bench b;
		AUTO(account_release) struct account a = {0};
		struct meddling m;
		struct err err;

		answer_late(&b, somebody_logs_in, rotated, GOOGLE_PATIENT, &m, &err);
		/* The command was meant for the other user: it does not go on as this one. */
		assert_int_equal(err.code, ERR_NOT_CONNECTED);
		assert_non_null(strstr(err.msg, "run it again"));
		assert_int_equal(b.script.asked_count, 1);
		assert_int_equal(b.clock.sleeps, 0);
		expect_secret(&b, "refresh_token", "rt-user2");
		expect_secret(&b, "access_token", "at-user2");
		row(&b, &a);
		assert_int_equal(a.state, ACCOUNT_CONNECTED);
		assert_int_equal(a.token_expires_ms, b.clock.now + HOUR);
	}
}

static void test_late__the_old_login_s_end_is_not_the_new_one_s(void **state)
{
	static const struct scripted_answer answers[] = {DEAD};
	AUTO(bench_release) struct bench b;
	AUTO(account_release) struct account a = {0};
	struct meddling m;
	struct err err;

	(void)state;
	bench_init(&b, answers, 1);
	meddle(&m, &b, 0, somebody_logs_in);
	set_expiry(&b, 0);
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.code, ERR_NOT_CONNECTED);
	row(&b, &a);
	assert_int_equal(a.state, ACCOUNT_CONNECTED);
}

/* `key rotate`, whose box is b->box from then on; the command's own is kept in old_box. */
static struct secret_box *old_box;

static void somebody_changes_the_key(struct bench *b)
{
	AUTO(strbuf_release) struct strbuf check = STRBUF_INIT;
	struct err err;

	old_box = b->box;
	b->box = secret_box_random();
	if (secret_box_check(b->box, &check, &err) ||
	    store_meta_set(b->store, KEY_CHECK, check.buf, &err))
		fail_msg("%s", err.msg);
	put_secret(b, "refresh_token", "rt-1");
	put_secret(b, "access_token", "at-1");
	put_secret(b, "client_secret", "sandbox-secret");
}

static void assert_other_key(struct bench *b, const struct err *err)
{
	assert_int_equal(err->code, ERR_SECRET);
	assert_non_null(strstr(err->msg, "was changed while this command ran"));
	assert_false(store_in_transaction(b->store));
	expect_secret(b, "refresh_token", "rt-1");
	expect_secret(b, "access_token", "at-1");
}

static void test_late__nothing_is_sealed_with_a_key_that_was_replaced(void **state)
{
	(void)state;
	for (int rotated = 0; rotated < 2; rotated++) {
		AUTO(bench_release) struct bench b;
		struct meddling m;
		struct err err;

		answer_late(&b, somebody_changes_the_key, rotated, GOOGLE_PATIENT, &m, &err);
		assert_other_key(&b, &err);
		assert_int_equal(b.script.asked_count, 1);
		secret_box_free(old_box);
	}
}

/* Not even when what the old key sealed is there again: the store's key decides. */
static void somebody_changes_the_key_alone(struct bench *b)
{
	AUTO(secret_box_free) struct secret_box *fresh = secret_box_random();
	AUTO(strbuf_release) struct strbuf check = STRBUF_INIT;
	struct err err;

	if (secret_box_check(fresh, &check, &err) ||
	    store_meta_set(b->store, KEY_CHECK, check.buf, &err))
		fail_msg("%s", err.msg);
}

static void test_late__the_store_s_key_decides(void **state)
{
	AUTO(bench_release) struct bench b;
	struct meddling m;
	struct err err;

	(void)state;
	answer_late(&b, somebody_changes_the_key_alone, true, GOOGLE_PATIENT, &m, &err);
	assert_other_key(&b, &err);
}

/* Google is not asked for a token that could not be kept. */
static void test_late__nothing_is_asked_with_a_key_that_was_replaced(void **state)
{
	static const struct scripted_answer answers[] = {ROTATED, OK_EVENT};
	AUTO(bench_release) struct bench b;
	struct err err;

	(void)state;
	bench_init(&b, answers, 2);
	somebody_changes_the_key(&b);
	assert_int_equal(get(&b, &err), -1);
	assert_other_key(&b, &err);
	assert_int_equal(b.script.asked_count, 0);
	secret_box_free(old_box);
}

/* --- between two requests of one command ---------------------------------------------------- */

/* The first request's token is good for an hour; what is done before the second one counts. */
static void ask_twice(struct bench *b, void (*act)(struct bench *b), struct err *err)
{
	static const struct scripted_answer answers[] = {OK_EVENT, OK_EVENT};

	bench_init(b, answers, 2);
	get_good(b);
	act(b);
	if (!get(b, err))
		err->code = ERR_NONE;
}

static void test_between__nothing_is_sent_for_a_login_that_was_replaced(void **state)
{
	AUTO(bench_release) struct bench b;
	struct err err;

	(void)state;
	ask_twice(&b, somebody_logs_in, &err);
	assert_int_equal(err.code, ERR_NOT_CONNECTED);
	assert_non_null(strstr(err.msg, "run it again"));
	assert_int_equal(b.script.asked_count, 1);
}

static void somebody_disconnects(struct bench *b)
{
	AUTO(account_release) struct account a = {0};

	row(b, &a);
	a.state = ACCOUNT_DISCONNECTED;
	save_row(b, &a);
}

static void somebody_finds_it_dead(struct bench *b)
{
	AUTO(account_release) struct account a = {0};

	row(b, &a);
	a.state = ACCOUNT_REAUTH_REQUIRED;
	save_row(b, &a);
}

static void test_between__nothing_is_sent_for_a_login_that_has_ended(void **state)
{
	static const struct {
		void (*act)(struct bench *b);
		enum err_code code;
	} rows[] = {{somebody_disconnects, ERR_NOT_CONNECTED},
		    {somebody_finds_it_dead, ERR_TOKEN_EXPIRED}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(bench_release) struct bench b;
		struct err err;

		ask_twice(&b, rows[i].act, &err);
		assert_int_equal(err.code, rows[i].code);
		assert_int_equal(b.script.asked_count, 1);
	}
}

static void somebody_purges(struct bench *b)
{
	struct err err;

	if (store_account_remove(b->store, b->account.id, &err))
		fail_msg("%s", err.msg);
}

static void test_between__nor_for_an_account_that_is_gone(void **state)
{
	AUTO(bench_release) struct bench b;
	struct err err;

	(void)state;
	ask_twice(&b, somebody_purges, &err);
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_string_equal(err.msg, "account 'me': the account is no longer there");
	assert_int_equal(b.script.asked_count, 1);
}

static void somebody_renames(struct bench *b)
{
	AUTO(account_release) struct account a = {0};

	row(b, &a);
	xstr_set(&a.name, "other");
	save_row(b, &a);
}

static void test_between__an_account_may_get_another_name(void **state)
{
	AUTO(bench_release) struct bench b;
	struct err err;

	(void)state;
	ask_twice(&b, somebody_renames, &err);
	assert_int_equal(err.code, ERR_NONE);
	assert_int_equal(b.script.asked_count, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_late__another_process_s_token_stays),
		cmocka_unit_test(test_late__who_does_not_wait_is_told),
		cmocka_unit_test(test_late__a_new_login_is_not_touched),
		cmocka_unit_test(test_late__the_old_login_s_end_is_not_the_new_one_s),
		cmocka_unit_test(test_late__nothing_is_sealed_with_a_key_that_was_replaced),
		cmocka_unit_test(test_late__the_store_s_key_decides),
		cmocka_unit_test(test_late__nothing_is_asked_with_a_key_that_was_replaced),
		cmocka_unit_test(test_between__nothing_is_sent_for_a_login_that_was_replaced),
		cmocka_unit_test(test_between__nothing_is_sent_for_a_login_that_has_ended),
		cmocka_unit_test(test_between__nor_for_an_account_that_is_gone),
		cmocka_unit_test(test_between__an_account_may_get_another_name),
	};

	return cmocka_run_group_tests_name("token_late", tests, temp_dir_make, temp_dir_remove);
}
