/* The webhook's own database: channels, wakes, the bell. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>
#include <fcntl.h>

#include "base/xalloc.h"
#include "secret/digest.h"
#include "store/bell.h"
#include "store/hook.h"
#include "store_fixture.h"

static struct hook *hook;
static char hook_file[TEMP_TREE_LEN + 32];

static int fixture_hook(void **state)
{
	if (fixture_folder(state))
		return -1;
	snprintf(hook_file, sizeof(hook_file), "%s/hook.db", folder);
	return hook_open(hook_file, true, &hook, &err);
}

static int fixture_hook_end(void **state)
{
	hook_close(hook);
	hook = NULL;
	return fixture_end(state);
}

static void add(const char *id, int64_t calendar)
{
	struct hook_channel c = {
		.id = (char *)id,
		.calendar_id = calendar,
		.created_ms = 1000,
	};

	digest_sha256(id, strlen(id), c.token_hash);
	OK(hook_channel_add(hook, &c, &err));
}

static bool note(const char *id, int64_t number, const char *resource, bool exists, int64_t now)
{
	bool news;

	OK(hook_channel_note(hook, id, number, resource, exists, now, &news, &err));
	return news;
}

static void test_hook__a_channel_comes_back(void **state)
{
	AUTO(hook_channel_release) struct hook_channel got = {0};
	unsigned char hash[DIGEST_LEN];
	bool found;

	(void)state;
	add("one", 7);
	OK(hook_channel_get(hook, "two", &got, &found, &err));
	assert_false(found);
	OK(hook_channel_get(hook, "one", &got, &found, &err));
	assert_true(found);
	digest_sha256("one", 3, hash);
	assert_memory_equal(got.token_hash, hash, DIGEST_LEN);
	assert_int_equal(got.calendar_id, 7);
	assert_null(got.resource_id);
	assert_int_equal(got.created_ms, 1000);
	assert_int_equal(got.verified_ms, 0);
	assert_int_equal(got.last_message_ms, 0);
	assert_int_equal(got.last_number, 0);
	assert_int_equal(got.messages, 0);
}

static void test_hook__messages_are_noted_once(void **state)
{
	AUTO(hook_channel_list_release) struct hook_channel_list list = {0};

	(void)state;
	add("one", 7);
	assert_true(note("one", 1, "res", false, 2000));
	assert_false(note("one", 1, "res", false, 2001));
	assert_true(note("one", 5, "other", true, 3000));
	assert_false(note("one", 5, "res", true, 3001));
	assert_false(note("one", 4, "res", true, 3002));
	assert_false(note("gone", 9, "res", true, 3003));
	OK(hook_channel_list(hook, &list, &err));
	assert_int_equal(list.count, 1);
	assert_string_equal(list.items[0].resource_id, "res");
	assert_int_equal(list.items[0].verified_ms, 2000);
	assert_int_equal(list.items[0].last_message_ms, 3000);
	assert_int_equal(list.items[0].last_number, 5);
	assert_int_equal(list.items[0].messages, 1);
	OK(hook_channel_set_resource(hook, "one", "told", &err));
	OK(hook_channel_remove(hook, "one", &err));
	OK(hook_channel_remove(hook, "one", &err));
	hook_channel_list_release(&list);
	OK(hook_channel_list(hook, &list, &err));
	assert_int_equal(list.count, 0);
}

static void test_hook__a_wake_is_one_row_and_goes_only_with_its_ticket(void **state)
{
	AUTO(free) struct hook_wake *list = NULL, *later = NULL;
	size_t n;
	int64_t count;

	(void)state;
	OK(hook_wake_add(hook, 7, 5000, &err));
	OK(hook_wake_add(hook, 7, 5000, &err));
	OK(hook_wake_add(hook, 8, 4000, &err));
	OK(hook_wake_list(hook, &list, &n, &err));
	assert_int_equal(n, 2);
	assert_int_equal(list[0].calendar_id, 8);
	assert_int_equal(list[1].at_ms, 5000);
	assert_int_equal(list[1].ticket, 5000); /* nobody had seen it in between */

	OK(hook_wake_add(hook, 7, 4000, &err)); /* also by a clock that was set back */
	OK(hook_wake_done(hook, &list[1], &err));
	OK(hook_wake_done(hook, &list[0], &err));
	OK(hook_wake_list(hook, &later, &n, &err));
	assert_int_equal(n, 1);
	assert_int_equal(later[0].calendar_id, 7);
	assert_int_equal(later[0].at_ms, 5000);
	OK(hook_wake_done(hook, &later[0], &err));
	OK(hook_wake_count(hook, &count, &err));
	assert_int_equal(count, 0);
}

/* Whoever has looked must not take away what came after that, in whatever order. */
static void test_hook__a_wake_that_was_seen_changes_with_the_next_message(void **state)
{
	AUTO(free) struct hook_wake *first = NULL, *second = NULL, *third = NULL;
	struct hook *other;
	size_t n;

	(void)state;
	OK(hook_wake_add(hook, 7, 5000, &err));
	/* Who only looks leaves no mark, and so may take nothing away. */
	OK(hook_wake_look(hook, &first, &n, &err));
	assert_int_equal(n, 1);
	OK(hook_wake_done(hook, &first[0], &err));
	free(TAKE(first));
	OK(hook_wake_list(hook, &first, &n, &err));
	assert_int_equal(n, 1);
	OK(hook_wake_add(hook, 7, 5000, &err));
	OK(hook_wake_add(hook, 7, 6000, &err)); /* not seen since: the same row */
	OK(hook_open(hook_file, false, &other, &err));
	OK(hook_wake_list(other, &second, &n, &err));
	assert_int_equal(n, 1);
	assert_int_equal(second[0].ticket, 5001);
	assert_int_equal(second[0].at_ms, 5000);
	OK(hook_wake_done(hook, &first[0], &err));
	OK(hook_wake_list(hook, &third, &n, &err)); /* listing by itself changes no ticket */
	assert_int_equal(n, 1);
	assert_int_equal(third[0].ticket, 5001);
	OK(hook_wake_done(other, &second[0], &err));
	free(TAKE(third));
	OK(hook_wake_list(hook, &third, &n, &err));
	assert_int_equal(n, 0);
	hook_close(other);
}

static void test_hook__the_next_try_is_one_time(void **state)
{
	int64_t at;

	(void)state;
	OK(hook_next_get(hook, &at, &err));
	assert_int_equal(at, 0);
	OK(hook_next_set(hook, 7000, &err));
	OK(hook_next_set(hook, 5000, &err));
	OK(hook_next_get(hook, &at, &err));
	assert_int_equal(at, 5000);
	OK(hook_next_set(hook, 0, &err));
	OK(hook_next_get(hook, &at, &err));
	assert_int_equal(at, 0);
}

static void test_hook__what_is_rolled_back_did_not_happen(void **state)
{
	int64_t count;

	(void)state;
	OK(hook_begin(hook, &err));
	OK(hook_wake_add(hook, 7, 1, &err));
	hook_rollback(hook);
	OK(hook_begin(hook, &err));
	OK(hook_wake_add(hook, 8, 1, &err));
	OK(hook_commit(hook, &err));
	hook_close(hook);
	OK(hook_open(hook_file, false, &hook, &err));
	OK(hook_wake_count(hook, &count, &err));
	assert_int_equal(count, 1);
}

static mode_t mode_of(const char *suffix)
{
	AUTO(free) char *path = xasprintf("%s%s", hook_file, suffix);
	struct stat st;

	return stat(path, &st) ? 0 : st.st_mode & 07777;
}

static void test_hook__only_a_folder_made_for_it_shares_the_file(void **state)
{
	(void)state;
	OK(hook_wake_add(hook, 7, 1, &err));
	assert_int_equal(mode_of(""), 0600);
	assert_int_equal(mode_of("-wal"), 0600);
	hook_close(hook);
	hook = NULL;
	assert_int_equal(unlink(hook_file), 0);
	assert_int_equal(chmod(folder, 02770), 0);
	OK(hook_open(hook_file, true, &hook, &err));
	OK(hook_wake_add(hook, 7, 1, &err));
	assert_int_equal(mode_of(""), 0660);
	assert_int_equal(mode_of("-wal"), 0660);
	assert_int_equal(mode_of("-shm"), 0660);
	/* Also one whose maker died early, by whoever looks next. */
	hook_close(hook);
	hook = NULL;
	assert_int_equal(unlink(hook_file), 0);
	assert_int_equal(close(open(hook_file, O_CREAT | O_WRONLY | O_CLOEXEC, 0600)), 0);
	FAILS(ERR_NOT_FOUND, hook_open(hook_file, false, &hook, &err));
	assert_int_equal(mode_of(""), 0660);
	assert_int_equal(chmod(folder, 0700), 0);
}

static void test_hook__the_bell_is_a_file_beside_it(void **state)
{
	(void)state;
	OK(bell_silence(hook_file, &err));
	OK(bell_ring(hook_file, &err));
	OK(bell_ring(hook_file, &err));
	assert_int_equal(mode_of("-wake"), 0600);
	OK(bell_silence(hook_file, &err));
	assert_int_equal(mode_of("-wake"), 0);
}

/* Receiver and syncer are two users, and both ring. */
static void test_hook__a_bell_that_somebody_else_rang_is_rung(void **state)
{
	AUTO(free) char *bell = xasprintf("%s-wake", hook_file);
	int status;
	pid_t child;

	(void)state;
	OK(bell_ring(hook_file, &err));
	assert_int_equal(chmod(bell, 0), 0);
	assert_int_equal(chmod(folder, 0777), 0);
	child = fork();
	if (child == 0) /* root could open it */
		_exit((!getuid() && setuid(65534)) || bell_ring(hook_file, &err));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	assert_int_equal(chmod(folder, 0700), 0);
	OK(bell_silence(hook_file, &err));
}

static void test_hook__another_database_is_not_taken_for_it(void **state)
{
	struct hook *other = NULL;

	(void)state;
	snprintf(db_file, sizeof(db_file), "%s/calsync.db", folder);
	FAILS(ERR_NOT_FOUND, hook_open(db_file, false, &other, &err));
	OK(store_open(db_file, STORE_CREATE, &store, &err));
	FAILS(ERR_STORE, hook_open(db_file, true, &other, &err));
	assert_non_null(strstr(err.msg, "is not a webhook database"));
	store_close(store);
	store = NULL;
	FAILS(ERR_STORE, store_open(hook_file, STORE_CREATE, &store, &err));
}

static void test_hook__is_the_store_s_that_used_it_first(void **state)
{
	AUTO(store_close) struct store *second = NULL;
	AUTO(free) char *copy = NULL, *id = NULL, *same = NULL;
	struct hook *h = NULL;
	char file[sizeof(hook_file)];

	(void)state;
	snprintf(file, sizeof(file), "%s/one.db", folder);
	OK(store_open(file, STORE_CREATE, &store, &err));
	snprintf(file, sizeof(file), "%s/two.db", folder);
	OK(store_open(file, STORE_CREATE, &second, &err));
	/* To look makes nobody's of nobody. */
	OK(hook_check_owner(hook, store, &err));
	OK(hook_check_owner(hook, second, &err));
	OK(store_identity_look(store, &id, &err));
	assert_null(id);
	for (int i = 0; i < 2; i++) {
		OK(hook_open_of(store, hook_file, false, &h, &err));
		hook_close(TAKE(h));
	}
	OK(hook_check_owner(hook, store, &err));
	FAILS(ERR_INVALID, hook_check_owner(hook, second, &err));
	FAILS(ERR_INVALID, hook_open_of(second, hook_file, true, &h, &err));
	assert_null(h);
	assert_non_null(strstr(err.msg, hook_file));
	assert_non_null(strstr(err.msg, "name another file for this one (webhook.database"));
	assert_non_null(strstr(err.msg, "then run 'calsync renew-watches'"));
	/* The store is known by the same id for good. */
	OK(store_identity(store, &id, &err));
	OK(store_identity(store, &same, &err));
	assert_string_equal(id, same);
	OK(store_identity(second, &copy, &err));
	assert_string_not_equal(id, copy);
	/* As a backup would bring it back. */
	OK(store_meta_set(second, "store_id", id, &err));
	OK(hook_open_of(second, hook_file, false, &h, &err));
	hook_close(h);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_hook, fixture_hook_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_hook__a_channel_comes_back),
		TEST(test_hook__messages_are_noted_once),
		TEST(test_hook__a_wake_is_one_row_and_goes_only_with_its_ticket),
		TEST(test_hook__a_wake_that_was_seen_changes_with_the_next_message),
		TEST(test_hook__the_next_try_is_one_time),
		TEST(test_hook__what_is_rolled_back_did_not_happen),
		TEST(test_hook__only_a_folder_made_for_it_shares_the_file),
		TEST(test_hook__the_bell_is_a_file_beside_it),
		TEST(test_hook__a_bell_that_somebody_else_rang_is_rung),
		TEST(test_hook__is_the_store_s_that_used_it_first),
		TEST(test_hook__another_database_is_not_taken_for_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
