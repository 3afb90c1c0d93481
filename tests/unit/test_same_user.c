/* Which accounts are of one Google user, and whose logins end together. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "base/json.h"
#include "base/xalloc.h"
#include "cmd/same_user.h"
#include "temp_dir.h"

#define CLIENT "123-abc.apps.googleusercontent.com"

static void expect(const struct account *other, const char *user, const char *grant)
{
	static int number;
	AUTO(free) char *path = xasprintf("%s/%d.db", dir, number++);
	struct account me = {.name = (char *)"me",
			     .email = (char *)"ada@example.com",
			     .base_url = (char *)"",
			     .auth = (char *)"installed",
			     .client_id = (char *)CLIENT};
	struct account another = *other;
	struct cmd_context cx = {0};
	struct err err = {0};

	if (store_open(path, STORE_CREATE, &cx.store, &err) ||
	    store_account_add(cx.store, &me, &err) || store_account_add(cx.store, &another, &err))
		fail_msg("%s", err.msg);
	for (int i = 0; i < 2; i++) {
		AUTO(json_object_put) struct json_object *names = NULL;

		if (same_user_names(&cx, &me, i, &names, &err))
			fail_msg("%s", err.msg);
		assert_string_equal(names ? json_object_to_json_string_ext(names, 0) : "none",
				    i ? grant : user);
	}
	store_close(cx.store);
}

#define OTHER(...)                                                               \
	&(struct account)                                                        \
	{                                                                        \
		.name = (char *)"other", .email = (char *)"ada@example.com",     \
		.base_url = (char *)"", .auth = (char *)"installed", __VA_ARGS__ \
	}

static void test_same_user__one_grant(void **state)
{
	(void)state;
	expect(OTHER(.client_id = (char *)CLIENT), "[\"other\"]", "[\"other\"]");
	expect(OTHER(.client_id = (char *)"123-x.apps.googleusercontent.com"), "[\"other\"]",
	       "[\"other\"]");
}

static void test_same_user__grants_of_their_own(void **state)
{
	(void)state;
	expect(OTHER(.client_id = (char *)"1234-abc.apps.googleusercontent.com"), "[\"other\"]",
	       "none");
	expect(OTHER(.client_id = (char *)"a"), "[\"other\"]", "none");
	/* A service account's login is no grant of the user's. */
	expect(&(struct account){.name = (char *)"other",
				 .email = (char *)"Ada@example.com",
				 .base_url = (char *)"",
				 .auth = (char *)"service_account"},
	       "[\"other\"]", "none");
}

static void test_same_user__others(void **state)
{
	(void)state;
	expect(OTHER(.client_id = (char *)CLIENT, .state = ACCOUNT_DISCONNECTED), "none", "none");
	expect(OTHER(.client_id = (char *)CLIENT, .state = ACCOUNT_REAUTH_REQUIRED), "none",
	       "none");
	expect(&(struct account){.name = (char *)"other",
				 .email = (char *)"bob@example.com",
				 .base_url = (char *)"",
				 .auth = (char *)"installed",
				 .client_id = (char *)CLIENT},
	       "none", "none");
	expect(&(struct account){.name = (char *)"other",
				 .email = (char *)"ada@example.com",
				 .base_url = (char *)"http://127.0.0.1:1",
				 .auth = (char *)"installed",
				 .client_id = (char *)CLIENT},
	       "none", "none");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_user__one_grant),
		cmocka_unit_test(test_same_user__grants_of_their_own),
		cmocka_unit_test(test_same_user__others),
	};

	return cmocka_run_group_tests_name("same_user", tests, temp_dir_make, temp_dir_remove);
}
