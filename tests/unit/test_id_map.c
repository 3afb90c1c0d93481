#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "base/id_map.h"

static void test_id_map__finds_what_was_added_and_nothing_else(void **state)
{
	AUTO(id_map_release) struct id_map m = {0};
	size_t place = 77;

	(void)state;
	id_map_sort(&m);
	assert_false(id_map_find(&m, 0, &place));
	for (size_t i = 0; i < 1000; i++) /* in no order: 7 and 1000 have no common divisor */
		id_map_add(&m, (int64_t)(7 * i % 1000) * 2 - 500, i);
	id_map_add(&m, INT64_MIN, 1000);
	id_map_add(&m, INT64_MAX, 1001);
	id_map_sort(&m);
	for (size_t i = 0; i < 1000; i++) {
		int64_t id = (int64_t)(7 * i % 1000) * 2 - 500;

		assert_true(id_map_find(&m, id, &place));
		assert_int_equal(place, i);
		place = 77;
		assert_false(id_map_find(&m, id + 1, &place));
		assert_int_equal(place, 77);
	}
	assert_true(id_map_find(&m, INT64_MIN, &place));
	assert_int_equal(place, 1000);
	assert_true(id_map_find(&m, INT64_MAX, NULL));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_id_map__finds_what_was_added_and_nothing_else),
	};

	return cmocka_run_group_tests_name("id_map", tests, NULL, NULL);
}
