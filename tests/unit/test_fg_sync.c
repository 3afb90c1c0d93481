#include "fg_fixture.h"

#define TEST(name) cmocka_unit_test(test_fg_sync__##name)

static void test_fg_sync__full_then_incremental(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = NULL;
	AUTO(free) char *second = NULL;
	struct json_object *stub;

	(void)state;
	add_simple(g, "aaaaa", 5, "");
	add_simple(g, "bbbbb", 6, "");
	token = full_sync(g, "");
	assert_int_equal(item_count(g), 2);
	assert_string_equal(json_str(g->json, "kind"), "calendar#events");
	assert_string_equal(json_str(g->json, "timeZone"), "Europe/Berlin");
	assert_string_equal(json_str(g->json, "accessRole"), "owner");

	delta(g, token, "");
	assert_status(g, 200);
	assert_int_equal(item_count(g), 0);
	second = query_value(json_str(g->json, "nextSyncToken"));

	google(g, "DELETE", PRIMARY "/aaaaa", NULL);
	assert_status(g, 204);
	google(g, "PATCH", PRIMARY "/bbbbb", "{\"summary\":\"new\"}");
	assert_status(g, 200);
	add_simple(g, "ccccc", 7, "");
	delta(g, second, "");
	assert_int_equal(item_count(g), 3);
	stub = item_by_id(g, "aaaaa");
	assert_int_equal(json_object_object_length(stub), 4);
	assert_string_equal(json_str(stub, "kind"), "calendar#event");
	assert_string_equal(json_str(stub, "status"), "cancelled");
	assert_non_null(json_str(stub, "etag"));
	assert_string_equal(json_str(item_by_id(g, "bbbbb"), "summary"), "new");
	assert_non_null(item_by_id(g, "ccccc"));
	/* the first token still gives everything since it */
	delta(g, token, "");
	assert_int_equal(item_count(g), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(full_then_incremental),
	};

	return cmocka_run_group_tests_name("fg_sync", tests, NULL, NULL);
}
