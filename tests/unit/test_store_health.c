/* A store that is looked at without touching it, while others work on it or have died there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "store/health.h"
#include "store_fixture.h"

static char wal[sizeof(db_file) + 8];

/* As between the two removals of a process that closes the store: no index, frames still there. */
static int setup(void **state)
{
	FILE *f;

	if (fixture_store(state))
		return -1;
	store_close(store);
	store = NULL;
	snprintf(wal, sizeof(wal), "%s-wal", db_file);
	f = fopen(wal, "w");
	return !f || fputs("frames", f) < 0 || fchmod(fileno(f), 0600) || fclose(f);
}

static void look(struct store_look *out, enum store_kind kind)
{
	AUTO(store_close) struct store *seen = NULL;

	OK(store_look(db_file, out, &seen, &err));
	assert_int_equal(out->kind, kind);
	assert_int_equal(seen != NULL, kind == STORE_CURRENT);
}

static void test_store_health__what_a_death_left_stays(void **state)
{
	struct store_look found;

	(void)state;
	look(&found, STORE_UNSETTLED);
	assert_false(store_look_stale(db_file, &found));
	look(&found, STORE_UNSETTLED);
}

static void test_store_health__a_store_that_is_being_closed_is_looked_at_again(void **state)
{
	struct store_look found;

	(void)state;
	look(&found, STORE_UNSETTLED);
	assert_int_equal(unlink(wal), 0);
	assert_true(store_look_stale(db_file, &found));
	look(&found, STORE_CURRENT);
	assert_false(store_look_stale(db_file, &found));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_store_health__what_a_death_left_stays, setup,
						fixture_end),
		cmocka_unit_test_setup_teardown(
			test_store_health__a_store_that_is_being_closed_is_looked_at_again, setup,
			fixture_end),
	};

	return cmocka_run_group_tests_name("store_health", tests, NULL, NULL);
}
