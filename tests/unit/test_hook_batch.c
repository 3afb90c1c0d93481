/* Notifications that came together: what each is answered, and what the database keeps. */
#include "web/hook_batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include "base/fault.h"
#include "store_fixture.h"
#include "web/hook_file.h"

static struct hook *hook;
static struct hook_batch *batch;
static struct hook_settled done;
static char hook_path_[TEMP_TREE_LEN + 32];

static int fixture_batch(void **state)
{
	if (fixture_folder(state))
		return -1;
	snprintf(hook_path_, sizeof(hook_path_), "%s/hook.db", folder);
	batch = hook_batch_new();
	return hook_open(hook_path_, true, &hook, &err);
}

static int fixture_batch_end(void **state)
{
	hook_batch_free(batch);
	hook_close(hook);
	hook = NULL;
	return fixture_end(state);
}

static void add_channel(const char *id, int64_t calendar, const char *resource)
{
	struct hook_channel c = {
		.id = (char *)id,
		.calendar_id = calendar,
		.resource_id = (char *)resource,
		.created_ms = 1000,
	};

	digest_sha256(id, strlen(id), c.token_hash); /* its token is its id */
	OK(hook_channel_add(hook, &c, &err));
}

static size_t add(const char *id, const char *token, int64_t number, const char *resource,
		  bool is_sync)
{
	struct hook_message m = {.number = number, .is_sync = is_sync};

	snprintf(m.channel, sizeof(m.channel), "%s", id);
	snprintf(m.resource, sizeof(m.resource), "%s", resource);
	digest_sha256(token, strlen(token), m.token_hash);
	return hook_batch_add(batch, &m);
}

static size_t exists(const char *id, int64_t number)
{
	return add(id, id, number, "res", false);
}

static void settle(int64_t now)
{
	OK(hook_batch_settle(batch, hook, now, &done, &err));
}

#define OUTCOME(place, what) assert_int_equal(hook_batch_outcome(batch, place), what)

/* Highest number, messages, and whether it was verified, of a channel. */
static void assert_channel(const char *id, int64_t number, int64_t messages, int64_t verified_ms)
{
	AUTO(hook_channel_release) struct hook_channel c = {0};
	bool found;

	OK(hook_channel_get(hook, id, &c, &found, &err));
	assert_true(found);
	assert_int_equal(c.last_number, number);
	assert_int_equal(c.messages, messages);
	assert_int_equal(c.verified_ms, verified_ms);
}

static int64_t wakes(void)
{
	int64_t n;

	OK(hook_wake_count(hook, &n, &err));
	return n;
}

static void test_batch__nothing_is_nothing(void **state)
{
	(void)state;
	settle(2000);
	assert_false(done.committed);
}

static void test_batch__a_first_message_verifies_and_wakes_nobody(void **state)
{
	(void)state;
	add_channel("one", 7, NULL);
	add("one", "one", 1, "res", true);
	settle(2000);
	OUTCOME(0, HOOK_NOTED);
	assert_true(done.committed);
	assert_int_equal(done.syncs, 1);
	assert_int_equal(done.wakes, 0);
	assert_channel("one", 1, 0, 2000);
	assert_int_equal(wakes(), 0);
}

static void test_batch__a_change_wakes_its_calendar(void **state)
{
	AUTO(free) struct hook_wake *list = NULL;
	size_t count;

	(void)state;
	add_channel("one", 7, "res");
	exists("one", 5);
	settle(2000);
	OUTCOME(0, HOOK_NOTED);
	assert_int_equal(done.wakes, 1);
	assert_channel("one", 5, 1, 2000);
	OK(hook_wake_list(hook, &list, &count, &err));
	assert_int_equal(count, 1);
	assert_int_equal(list[0].calendar_id, 7);
	assert_int_equal(list[0].at_ms, 2000);
}

static void test_batch__old_and_repeated_numbers_write_nothing(void **state)
{
	(void)state;
	add_channel("one", 7, "res");
	exists("one", 5);
	settle(2000);
	hook_batch_clear(batch);
	exists("one", 5);
	exists("one", 4);
	add("one", "one", 1, "res", true);
	settle(3000);
	for (size_t i = 0; i < 3; i++)
		OUTCOME(i, HOOK_REPEATED);
	assert_false(done.committed);
	assert_channel("one", 5, 1, 2000);
}

static void test_batch__many_of_one_channel_are_one_note(void **state)
{
	(void)state;
	add_channel("one", 7, "res");
	add_channel("two", 7, "res"); /* of the same calendar, as while one is renewed */
	add_channel("three", 8, "res");
	exists("one", 9);
	exists("two", 3);
	exists("one", 4);
	exists("one", 9);
	add("one", "one", 1, "res", true);
	exists("three", 2);
	settle(2000);
	OUTCOME(0, HOOK_NOTED);
	OUTCOME(1, HOOK_NOTED);
	OUTCOME(2, HOOK_NOTED);
	OUTCOME(3, HOOK_NOTED); /* not on disk before: it shares what becomes of the first */
	OUTCOME(4, HOOK_NOTED);
	OUTCOME(5, HOOK_NOTED);
	assert_int_equal(done.wakes, 2);
	assert_channel("one", 9, 2, 2000);
	assert_channel("two", 3, 1, 2000);
	assert_channel("three", 2, 1, 2000);
	assert_int_equal(wakes(), 2);
}

static void test_batch__who_may_not_is_not_noted(void **state)
{
	(void)state;
	add_channel("one", 7, "res");
	add("one", "two", 5, "res", false);
	add("two", "two", 5, "res", false);
	add("one", "one", 5, "other", false);
	add("", "", 5, "res", false);
	settle(2000);
	OUTCOME(0, HOOK_NO_TOKEN);
	OUTCOME(1, HOOK_NO_CHANNEL);
	OUTCOME(2, HOOK_NO_RESOURCE);
	OUTCOME(3, HOOK_NO_CHANNEL);
	assert_false(done.committed);
	assert_channel("one", 0, 0, 0);
}

static void test_batch__the_resource_is_learnt_from_the_first_right_message(void **state)
{
	(void)state;
	add_channel("one", 7, NULL);
	add("one", "bad", 1, "evil", false);
	add("one", "one", 2, "res", false);
	add("one", "one", 3, "other", false);
	settle(2000);
	OUTCOME(0, HOOK_NO_TOKEN);
	OUTCOME(1, HOOK_NOTED);
	OUTCOME(2, HOOK_NO_RESOURCE);
	assert_channel("one", 2, 1, 2000);
	hook_batch_clear(batch);
	add("one", "one", 4, "evil", false);
	add("one", "one", 4, "res", false);
	settle(2000);
	OUTCOME(0, HOOK_NO_RESOURCE);
	OUTCOME(1, HOOK_NOTED);
}

/* --- trouble ----------------------------------------------------------------------------- */

struct at_point {
	struct fault_hook base;
	const char *point; /* NULL = nowhere */
	bool dead;
	struct hook *other; /* writes before we do; NULL = nobody */
};

/* Somebody else, between the look and the write. */
static void write_between(struct at_point *p)
{
	struct hook *other = p->other;

	p->other = NULL;
	if (!other)
		return;
	fault_hook = NULL;
	OK(hook_wake_add(other, 99, 1000, &err));
	fault_hook = &p->base;
}

static bool dies(struct fault_hook *h, const char *point)
{
	struct at_point *p = (struct at_point *)h;

	if (!strcmp(point, "store.change"))
		write_between(p);
	p->dead = p->dead || (p->point && !strcmp(point, p->point));
	return p->dead;
}

static int settle_with(struct at_point *p)
{
	int rc;

	fault_hook = &p->base;
	rc = hook_batch_settle(batch, hook, 2000, &done, &err);
	fault_hook = NULL;
	return rc;
}

static void test_batch__another_writer_makes_it_look_anew(void **state)
{
	struct at_point p = {.base = {.dies = dies}};
	struct hook *other;

	(void)state;
	add_channel("one", 7, "res");
	OK(hook_open(hook_path_, false, &other, &err));
	p.other = other;
	exists("one", 5);
	add("nobody", "x", 5, "res", false);
	OK(settle_with(&p));
	assert_null(p.other);
	OUTCOME(0, HOOK_NOTED);
	OUTCOME(1, HOOK_NO_CHANNEL);
	assert_int_equal(done.wakes, 1);
	assert_channel("one", 5, 1, 2000);
	assert_int_equal(wakes(), 2);
	hook_close(other);
}

/* They are answered while somebody writes, and keep nobody from it. */
static void test_batch__strangers_wait_for_no_writer(void **state)
{
	struct hook *other;

	(void)state;
	add_channel("one", 7, "res");
	OK(hook_open(hook_path_, false, &other, &err));
	OK(hook_begin(other, &err));
	hook_set_busy_timeout(hook, 0);
	add("nobody", "x", 5, "res", false);
	add("one", "x", 5, "res", false);
	settle(2000);
	OUTCOME(0, HOOK_NO_CHANNEL);
	OUTCOME(1, HOOK_NO_TOKEN);
	hook_rollback(other);
	hook_close(other);
}

static void test_batch__what_was_not_committed_is_to_be_sent_again(void **state)
{
	static const char *const points[] = {"store.begin", "store.change", "store.commit"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
		struct at_point p = {.base = {.dies = dies}, .point = points[i]};
		int64_t others = !strcmp(points[i], "store.begin"); /* of the second try */
		struct hook *other;

		OK(hook_open(hook_path_, false, &other, &err));
		p.other = others ? other : NULL;
		add_channel(points[i], 7, "res");
		exists(points[i], 5);
		add("nobody", "x", 5, "res", false);
		exists(points[i], 5);
		exists(points[i], 4);
		assert_int_equal(settle_with(&p), -1);
		assert_true(p.dead);
		OUTCOME(0, HOOK_FAILED);
		/* Who is not known must not learn of our trouble by another answer. */
		OUTCOME(1, HOOK_NO_CHANNEL);
		/* Nor who repeats what was not written that it was. */
		OUTCOME(2, HOOK_FAILED);
		OUTCOME(3, HOOK_FAILED);
		assert_false(done.committed);
		assert_int_equal(done.wakes, 0);
		assert_channel(points[i], 0, 0, 0);
		assert_int_equal(wakes(), others);
		/* It comes again, and counts. */
		settle(3000);
		OUTCOME(0, HOOK_NOTED);
		assert_channel(points[i], 5, 2, 3000);
		hook_batch_clear(batch);
		assert_int_equal(wakes(), others + 1);
		hook_close(other);
		fixture_batch_end(state);
		fixture_batch(state);
	}
}

static void test_batch__a_writer_that_stays_is_not_waited_for_long(void **state)
{
	struct hook *other;

	(void)state;
	add_channel("one", 7, "res");
	OK(hook_open(hook_path_, false, &other, &err));
	OK(hook_begin(other, &err));
	hook_set_busy_timeout(hook, 50);
	exists("one", 5);
	assert_int_equal(hook_batch_settle(batch, hook, 2000, &done, &err), -1);
	OUTCOME(0, HOOK_FAILED);
	hook_rollback(other);
	settle(2000);
	OUTCOME(0, HOOK_NOTED);
	hook_close(other);
}

/* Hundreds at once, more than the arrays began with. */
static void test_batch__a_crowd(void **state)
{
	char id[32];

	(void)state;
	OK(hook_begin(hook, &err));
	for (int i = 0; i < 300; i++) {
		snprintf(id, sizeof(id), "channel-%d", i);
		add_channel(id, i % 100, "res");
	}
	OK(hook_commit(hook, &err));
	for (int n = 1; n <= 5; n++)
		for (int i = 0; i < 300; i++) {
			snprintf(id, sizeof(id), "channel-%d", i);
			assert_int_equal(exists(id, n), (n - 1) * 300 + i);
		}
	assert_int_equal(hook_batch_count(batch), 1500);
	settle(2000);
	for (size_t i = 0; i < 1500; i++)
		OUTCOME(i, HOOK_NOTED);
	assert_int_equal(done.wakes, 100);
	assert_channel("channel-299", 5, 5, 2000);
	assert_int_equal(wakes(), 100);
}

/* --- the file ---------------------------------------------------------------------------- */

static void test_batch__another_file_at_the_path_is_opened(void **state)
{
	AUTO(hook_file_close) struct hook_file *f = NULL;
	AUTO(hook_channel_release) struct hook_channel c = {0};
	char other[TEMP_TREE_LEN + 32], from[TEMP_TREE_LEN + 40];
	struct hook *h, *first;
	bool found;

	(void)state;
	OK(hook_file_open(hook_path_, &f, &err));
	OK(hook_file_get(f, &first, &err));
	OK(hook_file_get(f, &h, &err));
	assert_ptr_equal(h, first);
	/* Gone: it is not made anew, and not written to where nobody finds it. */
	snprintf(other, sizeof(other), "%s/moved.db", folder);
	hook_close(hook);
	hook = NULL;
	assert_int_equal(rename(hook_path_, other), 0);
	assert_int_equal(hook_file_get(f, &h, &err), -1);
	assert_int_equal(access(hook_path_, F_OK), -1);
	for (const char *const *tail = (const char *const[]){"-wal", "-shm", NULL}; *tail; tail++) {
		snprintf(from, sizeof(from), "%s%s", hook_path_, *tail);
		unlink(from);
	}
	/* Another one is there. */
	OK(hook_open(hook_path_, true, &hook, &err));
	add_channel("one", 7, "res");
	OK(hook_file_get(f, &h, &err));
	OK(hook_channel_get(h, "one", &c, &found, &err));
	assert_true(found);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_batch, fixture_batch_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_batch__nothing_is_nothing),
		TEST(test_batch__a_first_message_verifies_and_wakes_nobody),
		TEST(test_batch__a_change_wakes_its_calendar),
		TEST(test_batch__old_and_repeated_numbers_write_nothing),
		TEST(test_batch__many_of_one_channel_are_one_note),
		TEST(test_batch__who_may_not_is_not_noted),
		TEST(test_batch__the_resource_is_learnt_from_the_first_right_message),
		TEST(test_batch__another_writer_makes_it_look_anew),
		TEST(test_batch__strangers_wait_for_no_writer),
		TEST(test_batch__what_was_not_committed_is_to_be_sent_again),
		TEST(test_batch__a_writer_that_stays_is_not_waited_for_long),
		TEST(test_batch__a_crowd),
		TEST(test_batch__another_file_at_the_path_is_opened),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
