/* Who is connected: who runs out of time, and who makes room for whom. */
#include "web/peers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <unistd.h>

#include "base/cleanup.h"

#define MANY 8

static struct peers list;
static struct peer all[MANY];
static int far[MANY]; /* the other ends */

static int setup(void **state)
{
	(void)state;
	memset(&list, 0, sizeof(list));
	memset(all, 0, sizeof(all));
	for (int i = 0; i < MANY; i++) {
		int fds[2];

		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds))
			return -1;
		all[i].fd = fds[0];
		far[i] = fds[1];
	}
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	for (int i = 0; i < MANY; i++) {
		close(all[i].fd);
		close(far[i]);
	}
	return 0;
}

static bool was_hung_up_on(int i)
{
	char c;

	return recv(far[i], &c, 1, MSG_DONTWAIT) == 0;
}

static void set_address(struct peer *p, const char *text)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	struct sockaddr un = {.sa_family = AF_UNIX};

	if (inet_pton(AF_INET, text, &in.sin_addr) == 1)
		peer_set_address(p, (const struct sockaddr *)&in);
	else if (inet_pton(AF_INET6, text, &in6.sin6_addr) == 1)
		peer_set_address(p, (const struct sockaddr *)&in6);
	else
		peer_set_address(p, &un);
}

static void add(int i, const char *address, int64_t now)
{
	set_address(&all[i], address);
	peers_add(&list, &all[i], now);
}

static bool room(const char *address, size_t max, size_t max_address, bool *pushed)
{
	struct peer p = {.fd = -1};

	set_address(&p, address);
	return peers_make_room(&list, &p, max, max_address, pushed);
}

static void test_peers__addresses(void **state)
{
	static const struct {
		const char *a, *b;
		bool has, same;
	} table[] = {
		{"192.0.2.1", "192.0.2.1", true, true},
		{"192.0.2.1", "192.0.2.2", true, false},
		{"192.0.2.1", "::ffff:192.0.2.1", true, true},
		{"2001:db8::1", "2001:db8::ffff:0:0:2", true, true}, /* of one /64 */
		{"2001:db8::1", "2001:db8:0:1::1", true, false},
		{"127.0.0.1", "127.9.9.9", false, false},
		{"::1", "::ffff:127.0.0.1", false, false},
		{"unix", "unix", false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
		struct peer a = {0}, b = {0};

		set_address(&a, table[i].a);
		set_address(&b, table[i].b);
		assert_int_equal(a.has_address, table[i].has);
		assert_int_equal(b.has_address, table[i].has);
		if (table[i].has)
			assert_int_equal(!memcmp(a.address, b.address, PEER_ADDRESS_LEN),
					 table[i].same);
	}
}

static void test_peers__time_runs_from_the_end_of_the_last_request(void **state)
{
	(void)state;
	assert_int_equal(peers_timeout_ms(&list, 0), -1);
	add(0, "unix", 1000);
	add(1, "unix", 1500);
	assert_int_equal(peers_timeout_ms(&list, 1000), PEER_DEADLINE_MS);
	assert_int_equal(peers_expire(&list, 1000 + PEER_DEADLINE_MS - 1), 0);
	peers_restart(&list, &all[0], 2000);
	assert_int_equal(peers_timeout_ms(&list, 1500), PEER_DEADLINE_MS);
	assert_int_equal(peers_expire(&list, 1500 + PEER_DEADLINE_MS), 1);
	assert_true(was_hung_up_on(1));
	assert_false(was_hung_up_on(0));
	/* Once, and then it waits for the one that is left. */
	assert_int_equal(peers_expire(&list, 1500 + PEER_DEADLINE_MS), 0);
	assert_int_equal(peers_timeout_ms(&list, 2000), PEER_DEADLINE_MS);
	assert_int_equal(peers_timeout_ms(&list, 20000), 0);
	peers_remove(&list, &all[1]);
	peers_remove(&list, &all[0]);
	assert_int_equal(list.count, 0);
	assert_int_equal(list.doomed, 0);
	assert_null(list.first);
	assert_null(list.last);
}

static void test_peers__who_waits_for_us_is_not_hurried(void **state)
{
	(void)state;
	add(0, "unix", 0);
	add(1, "unix", 0);
	all[0].is_busy = true;
	assert_int_equal(peers_expire(&list, 100000), 1);
	assert_false(was_hung_up_on(0));
	assert_int_equal(peers_timeout_ms(&list, 100000), -1);
	peers_expire_all(&list);
	assert_false(was_hung_up_on(0));
	peers_restart(&list, &all[0], 100000);
	peers_expire_all(&list);
	assert_true(was_hung_up_on(0));
}

static void test_peers__a_full_house_lets_the_slowest_go(void **state)
{
	bool pushed;

	(void)state;
	for (int i = 0; i < 4; i++) {
		assert_true(room("unix", 4, 100, &pushed));
		assert_false(pushed);
		add(i, "unix", i);
	}
	all[0].is_busy = true;
	peers_restart(&list, &all[1], 10); /* a good one: it was quick */
	assert_true(room("192.0.2.1", 4, 100, &pushed));
	assert_true(pushed);
	assert_true(was_hung_up_on(2));
	/* Its place is the newcomer's, though it is still in the list. */
	add(4, "192.0.2.1", 11);
	assert_true(room("unix", 4, 100, &pushed));
	assert_true(pushed);
	assert_true(was_hung_up_on(3));
	for (int i = 0; i < 5; i++)
		all[i].is_busy = true;
	assert_true(room("unix", 4, 100, &pushed)); /* 3 and 2 are on their way out */
	assert_false(pushed);
	add(5, "unix", 12);
	all[5].is_busy = true;
	assert_false(room("unix", 4, 100, &pushed));
	assert_false(pushed);
}

static void test_peers__an_address_pushes_out_its_own(void **state)
{
	bool pushed;

	(void)state;
	add(0, "192.0.2.9", 0);
	add(1, "2001:db8::1", 1);
	add(2, "2001:db8::2", 2);
	add(3, "127.0.0.1", 3);
	add(4, "127.0.0.1", 4);
	add(5, "127.0.0.1", 5);
	assert_true(room("2001:db8::3", 100, 2, &pushed));
	assert_true(pushed);
	assert_true(was_hung_up_on(1));
	assert_false(was_hung_up_on(0));
	assert_true(room("127.0.0.1", 100, 2, &pushed));
	assert_false(pushed);
	all[2].is_busy = true;
	add(6, "2001:db8::3", 6);
	all[6].is_busy = true;
	assert_false(room("2001:db8::4", 100, 2, &pushed));
	assert_true(room("192.0.2.9", 100, 2, &pushed));
	assert_false(pushed);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_peers__addresses),
		TEST(test_peers__time_runs_from_the_end_of_the_last_request),
		TEST(test_peers__who_waits_for_us_is_not_hurried),
		TEST(test_peers__a_full_house_lets_the_slowest_go),
		TEST(test_peers__an_address_pushes_out_its_own),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
