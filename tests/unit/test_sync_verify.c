/* The comparison of both sides: what differs is named, and nothing is written. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "sync_world.h"
#include "series_world.h"

#include "base/io.h"
#include "sync/verify.h"

static struct json_object *verify(struct world *w)
{
	struct verify_options o = {0};
	AUTO(account_release) struct account a = {0};

	OK(store_account_get(w->store, "me", &a, &err));
	return verify_account(&w->env, &a, &o);
}

static struct json_object *differences(const struct json_object *answer)
{
	struct json_object *calendar = json_object_array_get_idx(json_get(answer, "calendars"), 0);

	return json_get(calendar, "differences");
}

static const struct json_object *difference_of(const struct json_object *answer, const char *id)
{
	struct json_object *list = differences(answer);

	for (size_t i = 0; i < json_object_array_length(list); i++) {
		const struct json_object *d = json_object_array_get_idx(list, i);

		if (!strcmp(json_str(d, "id"), id))
			return d;
	}
	return NULL;
}

static void assert_kind(const struct json_object *answer, const char *id, const char *kind)
{
	const struct json_object *d = difference_of(answer, id);

	assert_non_null(d);
	assert_string_equal(json_str(d, "kind"), kind);
}

static void assert_counts(const struct json_object *answer, int64_t events, int64_t waiting,
			  int64_t local_only, int64_t differences)
{
	assert_true(json_flag(answer, "success", false));
	assert_null(json_get(answer, "error"));
	assert_int_equal(json_int(answer, "events", -1), events);
	assert_int_equal(json_int(answer, "waiting", -1), waiting);
	assert_int_equal(json_int(answer, "localOnly", -1), local_only);
	assert_int_equal(json_int(answer, "differences", -1), differences);
}

/* Every byte of the database and of the log that SQLite keeps beside it. */
static void read_store(struct world *w, struct strbuf *out)
{
	static const char *const names[] = {"calsync.db", "calsync.db-wal"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		AUTO(free) char *path = xasprintf("%s/%s", w->dir, names[i]);

		OK(io_read_file(path, 16 << 20, out, &err));
	}
	assert_true(out->len > 4096);
}

static void assert_same_store(struct world *w, const struct strbuf *before)
{
	AUTO(strbuf_release) struct strbuf after = STRBUF_INIT;

	read_store(w, &after);
	assert_int_equal(after.len, before->len);
	assert_memory_equal(after.buf, before->buf, after.len);
}

static void test_verify__both_sides_the_same_over_many_pages(void **state)
{
	struct world *w = *state;
	AUTO(json_object_put) struct json_object *answer = NULL;

	add_daily(w, DAILY_THIRD);
	for (size_t i = 0; i < 7; i++)
		free(google_add(w, "x"));
	sync_ok(w);
	control(w, "POST", "/sandbox/config", "{\"max_page\":2}");
	forget_log(w);
	answer = verify(w);
	assert_counts(answer, 9, 0, 0, 0);
	assert_int_equal(requests(w, "GET", "/events"), 5); /* ten items, one of them cancelled */
	assert_int_equal(json_int(answer, "requests", 0), 5);
}

static void test_verify__each_kind_of_difference(void **state)
{
	struct world *w = *state;
	AUTO(free) char *changed = google_add(w, "changed");
	AUTO(free) char *gone = google_add(w, "gone");
	AUTO(free) char *same = google_add(w, "same");
	AUTO(free) char *added = NULL;
	AUTO(json_object_put) struct json_object *answer = NULL;
	const struct json_object *field;

	sync_ok(w);
	google_patch(w, changed, "{\"location\":\"there\"}");
	google_delete(w, gone);
	added = google_add(w, "added");
	answer = verify(w);
	assert_counts(answer, 3, 0, 0, 3);
	assert_kind(answer, changed, "differs");
	assert_kind(answer, gone, "missing_at_google");
	assert_kind(answer, added, "missing_here");
	assert_null(difference_of(answer, same));
	field = json_object_array_get_idx(json_get(difference_of(answer, changed), "fields"), 0);
	assert_string_equal(json_str(field, "field"), "location");
	assert_null(json_get(field, "local"));
	assert_string_equal(json_str(field, "remote"), "there");
	json_object_put(TAKE(answer));
	sync_ok(w);
	answer = verify(w);
	assert_counts(answer, 3, 0, 0, 0);
}

static void test_verify__what_waits_and_what_stays_here_are_no_differences(void **state)
{
	struct world *w = *state;
	AUTO(free) char *edited = google_add(w, "a");
	AUTO(free) char *deleted = google_add(w, "b");
	AUTO(json_object_put) struct json_object *answer = NULL;

	sync_ok(w);
	edit(w, row_of(w, edited), "summary", "a2");
	delete_row(w, row_of(w, deleted));
	add(w, "new");
	add_with(w, "mine", NULL, true);
	answer = verify(w);
	assert_counts(answer, 2, 3, 1, 0);
}

static void test_verify__occurrences(void **state)
{
	struct world *w = *state;
	AUTO(json_object_put) struct json_object *answer = NULL;
	const struct json_object *field;

	add_daily(w, DAILY_THIRD);
	sync_ok(w);
	google_delete(w, DAILY_SECOND); /* cancelled there, takes place here */
	google_patch(w, DAILY_THIRD, "{\"status\":\"confirmed\"}");
	google_delete(w, DAILY_FOURTH);
	answer = verify(w);
	assert_counts(answer, 2, 0, 0, 3);
	assert_kind(answer, DAILY_SECOND, "differs");
	assert_kind(answer, DAILY_THIRD, "differs");
	assert_kind(answer, DAILY_FOURTH, "missing_here");
	field = json_object_array_get_idx(json_get(difference_of(answer, DAILY_SECOND), "fields"),
					  0);
	assert_string_equal(json_str(field, "field"), "status");
	assert_string_equal(json_str(field, "remote"), "cancelled");
	/* A series that is deleted here takes its occurrences along: they wait with it. */
	json_object_put(TAKE(answer));
	sync_ok(w);
	delete_row(w, row_of(w, DAILY));
	answer = verify(w);
	assert_int_equal(json_int(answer, "differences", -1), 0);
}

static void test_verify__writes_nothing(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	AUTO(strbuf_release) struct strbuf before = STRBUF_INIT;
	AUTO(json_object_put) struct json_object *answer = NULL;

	sync_ok(w);
	google_patch(w, id, "{\"location\":\"there\"}");
	add(w, "waits");
	read_store(w, &before);
	forget_log(w);
	answer = verify(w);
	assert_counts(answer, 1, 1, 0, 1);
	assert_same_store(w, &before);
	assert_int_equal(requests(w, "GET", "/"), 1);
	assert_int_equal(requests(w, NULL, "/"), 1);
}

static void test_verify__trouble_is_told_and_leaves_no_trace(void **state)
{
	struct world *w = *state;
	AUTO(strbuf_release) struct strbuf before = STRBUF_INIT;
	AUTO(json_object_put) struct json_object *late = NULL;
	AUTO(json_object_put) struct json_object *dead = NULL;

	free(google_add(w, "a"));
	sync_ok(w);
	read_store(w, &before);
	fault(w, "{\"match\":\"/events\",\"times\":0,\"action\":\"status\",\"status\":429,"
		 "\"reason\":\"rateLimitExceeded\",\"retry_after\":7200}");
	late = verify(w);
	assert_false(json_flag(late, "success", true));
	assert_string_equal(json_path_str(late, "error/code"), "rate_limited");
	control(w, "DELETE", "/sandbox/faults", NULL);
	fault(w, "{\"match\":\"/events\",\"times\":0,\"action\":\"status\",\"status\":401,"
		 "\"reason\":\"authError\"}");
	dead = verify(w);
	assert_false(json_flag(dead, "success", true));
	assert_non_null(json_path_str(dead, "error/code"));
	assert_int_equal(json_int(dead, "differences", -1), 0);
	assert_same_store(w, &before);
}

static int spoil(struct transport *t, const struct http_request *req, struct http_response *out,
		 struct err *e)
{
	struct hooked_transport *h = (struct hooked_transport *)t;
	int result = h->inner->exchange(h->inner, req, out, e);
	char *text = out->body.len ? strstr(out->body.buf, "damaged") : NULL;

	if (text)
		*text = (char)0xff;
	return result;
}

/* One event that is no JSON does not keep the others from being compared. */
static void test_verify__an_event_that_cannot_be_read(void **state)
{
	struct world *w = *state;
	struct hooked_transport spoiling = {.t = {spoil, NULL}, .inner = &w->hooked.t};
	AUTO(free) char *damaged = google_add(w, "damaged");
	AUTO(free) char *other = google_add(w, "other");
	AUTO(json_object_put) struct json_object *answer = NULL;

	sync_ok(w);
	control(w, "POST", "/sandbox/clock", "{\"advance_ms\":1000}");
	google_patch(w, other, "{\"summary\":\"there\"}");
	w->env.transport = &spoiling.t;
	answer = verify(w);
	assert_counts(answer, 2, 0, 0, 2);
	assert_kind(answer, damaged, "unreadable");
	assert_kind(answer, other, "differs");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_verify__both_sides_the_same_over_many_pages),
		TEST(test_verify__each_kind_of_difference),
		TEST(test_verify__what_waits_and_what_stays_here_are_no_differences),
		TEST(test_verify__occurrences),
		TEST(test_verify__writes_nothing),
		TEST(test_verify__an_event_that_cannot_be_read),
		TEST(test_verify__trouble_is_told_and_leaves_no_trace),
	};

	return cmocka_run_group_tests_name("sync_verify", tests, NULL, NULL);
}
