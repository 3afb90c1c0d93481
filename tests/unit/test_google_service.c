/* Service accounts: a token is signed for, not refreshed. */
#include "google_bench.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

static char *service_key(void)
{
	AUTO(json_object_put) struct json_object *obj = json_object_new_object();
	EVP_PKEY *pkey = EVP_RSA_gen(2048);
	BIO *bio = BIO_new(BIO_s_mem());
	char *pem = NULL;
	long n;

	assert_int_equal(PEM_write_bio_PrivateKey(bio, pkey, NULL, NULL, 0, NULL, NULL), 1);
	n = BIO_get_mem_data(bio, &pem);
	json_set_str(obj, "type", "service_account");
	json_set_str(obj, "client_email", "robot@p.iam.gserviceaccount.com");
	json_set(obj, "private_key", json_object_new_string_len(pem, (int)n));
	BIO_free(bio);
	EVP_PKEY_free(pkey);
	return xstrdup(json_text(obj));
}

static void become_service_account(struct bench *b)
{
	AUTO(account_release) struct account a = {0};
	AUTO(free) char *key = service_key();

	row(b, &a);
	xstr_set(&a.auth, "service_account");
	xstr_set(&a.client_id, NULL);
	xstr_set(&a.subject, "user1@example.com");
	a.token_expires_ms = 0;
	save_row(b, &a);
	xstr_set(&b->account.subject, a.subject);
	put_secret(b, "service_account_key", key);
	reopen(b);
}

static void test_service_account__signs_again_and_names_its_user(void **state)
{
	static const struct scripted_answer answers[] = {TOKEN_OK("at-2"), OK_EVENT};
	AUTO(bench_release) struct bench b;
	const char *user;

	(void)state;
	bench_init(&b, answers, ARRAY_SIZE(answers));
	become_service_account(&b);
	get_good(&b);
	assert_int_equal(b.script.asked_count, 2);
	assert_non_null(strstr(b.script.asked[0].body, "assertion="));
	assert_true(bearer_is(&b.script.asked[1], "at-2"));
	expect_secret(&b, "access_token", "at-2");
	/* Whom Google charges: 40 characters, no address. */
	user = strstr(b.script.asked[1].headers, "X-Goog-Quota-User: ");
	assert_non_null(user);
	assert_int_equal(strspn(user + 19, "0123456789abcdef"), 40);
	assert_null(strstr(b.script.asked[1].headers, "user1"));
}

static void other_service_key(struct bench *b)
{
	put_secret(b, "service_account_key", "another");
}

static void test_service_account__another_key_meanwhile(void **state)
{
	static const struct scripted_answer answers[][2] = {{TOKEN_OK("late"), OK_EVENT}, {DEAD}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		AUTO(bench_release) struct bench b;
		AUTO(account_release) struct account a = {0};
		struct meddling m;
		struct err err;

		bench_init(&b, answers[i], 2 - i);
		b.o.patience = GOOGLE_ONCE;
		meddle(&m, &b, 0, other_service_key);
		become_service_account(&b);
		assert_int_equal(get(&b, &err), -1);
		assert_int_equal(err.code, i ? ERR_TOKEN_EXPIRED : ERR_NETWORK);
		assert_int_equal(b.script.asked_count, 1);
		expect_secret(&b, "access_token", "at-1");
		expect_secret(&b, "service_account_key", "another");
		row(&b, &a);
		assert_int_equal(a.state, ACCOUNT_CONNECTED);
	}
}

static void test_service_account__dead_key(void **state)
{
	static const struct scripted_answer answers[] = {DEAD};
	AUTO(bench_release) struct bench b;
	AUTO(account_release) struct account a = {0};
	struct err err;

	(void)state;
	bench_init(&b, answers, 1);
	become_service_account(&b);
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.code, ERR_TOKEN_EXPIRED);
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(b.script.asked_count, 1);
	row(&b, &a);
	assert_int_equal(a.state, ACCOUNT_REAUTH_REQUIRED);
}

/* Somebody who can write the database, and cannot read the key, names another user. */
static void test_service_account__a_user_changed_in_the_store_is_not_acted_for(void **state)
{
	static const struct scripted_answer answers[] = {TOKEN_OK("at-2"), OK_EVENT};
	AUTO(bench_release) struct bench b;
	AUTO(account_release) struct account a = {0};
	struct err err;

	(void)state;
	bench_init(&b, answers, 2);
	become_service_account(&b);
	row(&b, &a);
	xstr_set(&a.subject, "boss@example.com");
	save_row(&b, &a);
	reopen(&b);
	assert_int_equal(get(&b, &err), -1);
	assert_int_equal(err.code, ERR_SECRET);
	assert_int_equal(b.script.asked_count, 0);
}

/* Keys that were sealed when the user was no part of it. */
static void test_service_account__one_of_before_opens(void **state)
{
	static const struct scripted_answer answers[] = {TOKEN_OK("at-2"), OK_EVENT};
	AUTO(bench_release) struct bench b;
	AUTO(free) char *key = service_key();

	(void)state;
	bench_init(&b, answers, 2);
	become_service_account(&b);
	xstr_set(&b.account.subject, NULL);
	put_secret(&b, "service_account_key", key);
	get_good(&b);
	xstr_set(&b.account.subject, "user1@example.com");
	expect_secret(&b, "access_token", "at-2");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_service_account__signs_again_and_names_its_user),
		cmocka_unit_test(test_service_account__another_key_meanwhile),
		cmocka_unit_test(test_service_account__dead_key),
		cmocka_unit_test(
			test_service_account__a_user_changed_in_the_store_is_not_acted_for),
		cmocka_unit_test(test_service_account__one_of_before_opens),
	};

	return cmocka_run_group_tests_name("google_service", tests, temp_dir_make, temp_dir_remove);
}
