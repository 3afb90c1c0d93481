/* Faults that bend an answer which is otherwise good: what lists and batches may look like. */
#include "fg_edge_fixture.h"

#define TEST(name) cmocka_unit_test(test_fg_bend__##name)

/* Summaries of the page's items in order, "a b c"; a tombstone is "-id". The caller's. */
static char *shown(const struct google *g)
{
	struct strbuf sb = STRBUF_INIT;

	for (size_t i = 0; i < item_count(g); i++) {
		const char *summary = json_str(item(g, i), "summary");

		strbuf_addf(&sb, "%s%s%s", sb.len ? " " : "", summary ? "" : "-",
			    summary ? summary : json_str(item(g, i), "id"));
	}
	return strbuf_detach(&sb);
}

static unsigned hits(const struct google *g)
{
	return fg_faults_hit(g->fg);
}

static void fault(struct google *g, const char *action)
{
	AUTO(free)
	char *body = xasprintf("{\"match\":\"" PRIMARY "\",\"action\":\"%s\"}", action);

	control(g, "POST", "faults", body);
}

static void list(struct google *g, const char *query)
{
	AUTO(free) char *url = xasprintf(PRIMARY "?%s", query);

	google(g, "GET", url, NULL);
	assert_status(g, 200);
}

/* The page after the last answer's; action NULL = as it is. */
static void bent_page(struct google *g, const char *query, const char *action)
{
	AUTO(free) char *token = query_value(json_str(g->json, "nextPageToken"));
	AUTO(free) char *more = xasprintf("%s&pageToken=%s", query, token);

	if (action)
		fault(g, action);
	list(g, more);
}

static void next_page(struct google *g, const char *query)
{
	bent_page(g, query, NULL);
}

static char *sync_token(const struct google *g)
{
	const char *token = json_str(g->json, "nextSyncToken");

	assert_non_null(token);
	return query_value(token);
}

static void since(struct google *g, const char *token)
{
	AUTO(free) char *query = xasprintf("syncToken=%s", token);

	list(g, query);
}

#define assert_shows(g, want)                      \
	do {                                       \
		char *shown_ = shown(g);           \
		assert_string_equal(shown_, want); \
		free(shown_);                      \
	} while (0)

static void rename_event(struct google *g, const char *id, const char *summary)
{
	AUTO(free) char *url = xasprintf(PRIMARY "/%s", id);
	AUTO(free) char *body = xasprintf("{\"summary\":\"%s\"}", summary);

	google(g, "PATCH", url, body);
	assert_status(g, 200);
}

static void add_four(struct google *g)
{
	add_simple(g, "event01", 1, "");
	add_simple(g, "event02", 2, "");
	add_simple(g, "event03", 3, "");
	add_simple(g, "event04", 4, "");
}

/* -- pages -------------------------------------------------------------------------------------- */

static void test_fg_bend__reorder_keeps_the_items(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *plain = NULL;
	bool moved = false;

	(void)state;
	add_four(g);
	list(g, "");
	plain = shown(g);
	for (int i = 0; i < 10; i++) {
		AUTO(free) char *got = NULL;

		fault(g, "reorder");
		list(g, "");
		got = shown(g);
		moved |= strcmp(got, plain) != 0;
		assert_int_equal(item_count(g), 4);
		assert_non_null(item_by_id(g, "event01"));
		assert_non_null(item_by_id(g, "event04"));
	}
	assert_true(moved);
	assert_int_equal(hits(g), 10);
}

static void test_fg_bend__damage_spoils_one_start(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	size_t spoilt = 0;

	(void)state;
	add_four(g);
	fault(g, "damage");
	list(g, "");
	assert_int_equal(item_count(g), 4);
	for (size_t i = 0; i < 4; i++)
		spoilt += json_str(json_object_array_get_idx(json_get(g->json, "items"), i),
				   "start") != NULL;
	assert_int_equal(spoilt, 1);
	assert_int_equal(hits(g), 1);
	list(g, ""); /* what is stored is as it was */
	for (size_t i = 0; i < 4; i++)
		assert_true(json_object_is_type(
			json_get(json_object_array_get_idx(json_get(g->json, "items"), i), "start"),
			json_type_object));
}

static void test_fg_bend__repeat_shows_some_twice(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	add_four(g);
	fault(g, "repeat");
	list(g, "");
	assert_true(item_count(g) > 4 && item_count(g) <= 8);
	assert_string_equal(json_str(item(g, 4), "id"), "event01");
	assert_int_equal(hits(g), 1);
}

static void test_fg_bend__older_comes_on_a_later_page_only(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	add_four(g);
	rename_event(g, "event01", "new");
	fault(g, "older");
	list(g, "maxResults=2"); /* nothing was shown before */
	assert_shows(g, "new event02");
	assert_int_equal(hits(g), 0);
	bent_page(g, "maxResults=2", "older");
	assert_shows(g, "event03 event04 event01");
	assert_int_equal(hits(g), 1);
	/* Without an older version of what was shown there is nothing to repeat. */
	list(g, "maxResults=2&orderBy=updated");
	bent_page(g, "maxResults=2&orderBy=updated", "older");
	assert_int_equal(item_count(g), 2);
}

static void test_fg_bend__older_may_follow_a_tombstone(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = NULL;
	AUTO(free) char *query = NULL;

	(void)state;
	add_simple(g, "event01", 1, "");
	list(g, "");
	token = sync_token(g);
	query = xasprintf("maxResults=1&syncToken=%s", token);
	google(g, "DELETE", PRIMARY "/event01", NULL);
	add_simple(g, "event02", 2, "");
	list(g, query);
	assert_shows(g, "-event01");
	bent_page(g, query, "older");
	assert_shows(g, "event02 event01");
}

static void test_fg_bend__empty_page_before_this_one(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	add_four(g);
	fault(g, "empty_page");
	list(g, "maxResults=3");
	assert_int_equal(item_count(g), 0);
	assert_null(json_str(g->json, "nextSyncToken"));
	next_page(g, "maxResults=3");
	assert_int_equal(item_count(g), 3);
	bent_page(g, "maxResults=3", "empty_page");
	assert_int_equal(item_count(g), 0);
	next_page(g, "maxResults=3");
	assert_shows(g, "event04");
	assert_non_null(json_str(g->json, "nextSyncToken"));
	assert_int_equal(hits(g), 2);
}

/* -- servers that lag behind ------------------------------------------------------------------------ */

static void test_fg_bend__late_listing_is_an_old_one_and_loses_nothing(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = NULL;
	AUTO(free) char *again = NULL;

	(void)state;
	add_simple(g, "event01", 1, "");
	add_simple(g, "event02", 2, "");
	list(g, "");
	token = sync_token(g);
	rename_event(g, "event01", "one");
	rename_event(g, "event01", "two");
	google(g, "DELETE", PRIMARY "/event02", NULL);
	add_simple(g, "event03", 3, "");
	control(g, "POST", "faults", "{\"match\":\"syncToken\",\"action\":\"late\",\"n\":3}");
	since(g, token);
	assert_shows(g, "one");
	again = sync_token(g);
	since(g, again);
	assert_shows(g, "two -event02 event03");
	/* All of it held back: as if nothing had changed. */
	control(g, "POST", "faults", "{\"match\":\"syncToken\",\"action\":\"late\",\"n\":99}");
	since(g, token);
	assert_int_equal(item_count(g), 0);
	assert_int_equal(hits(g), 2);
}

static void test_fg_bend__late_full_listing(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = NULL;

	(void)state;
	add_four(g);
	google(g, "DELETE", PRIMARY "/event02", NULL);
	rename_event(g, "event03", "new");
	control(g, "POST", "faults", "{\"action\":\"late\",\"n\":2}");
	list(g, "maxResults=3");
	assert_shows(g, "event01 event02 event03");
	next_page(g, "maxResults=3");
	assert_shows(g, "event04");
	token = sync_token(g);
	since(g, token);
	assert_shows(g, "-event02 new");
}

static void test_fg_bend__late_knows_cancelled_occurrences(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = NULL;

	(void)state;
	add_simple(g, "event01", 1, ",\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=3\"]");
	google(g, "PATCH", PRIMARY "/event01_20260102T090000Z", "{\"summary\":\"moved\"}");
	google(g, "DELETE", PRIMARY "/event01_20260102T090000Z", NULL);
	control(g, "POST", "faults", "{\"action\":\"late\",\"n\":1}");
	list(g, "");
	assert_shows(g, "event01 moved");
	token = sync_token(g);
	since(g, token);
	assert_shows(g, "-event01_20260102T090000Z");
}

static void test_fg_bend__stale_answer_of_events_get(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *etag = NULL;

	(void)state;
	add_simple(g, "event01", 1, "");
	etag = xstrdup(json_str(g->json, "etag"));
	fault(g, "stale");
	google(g, "GET", PRIMARY "/event01", NULL); /* it never was another */
	assert_int_equal(hits(g), 0);
	rename_event(g, "event01", "new");
	fault(g, "stale");
	google(g, "GET", PRIMARY "/event01", NULL);
	assert_string_equal(json_str(g->json, "summary"), "event01");
	assert_string_equal(json_str(g->json, "etag"), etag);
	google(g, "GET", PRIMARY "/event01", NULL);
	assert_string_equal(json_str(g->json, "summary"), "new");
	assert_int_equal(hits(g), 1);
}

/* -- batches ------------------------------------------------------------------------------------- */

#define PART(id, event)                                                          \
	"--b1\r\nContent-Type: application/http\r\nContent-ID: <" id ">\r\n\r\n" \
	"POST " PRIMARY " HTTP/1.1\r\nContent-Type: application/json\r\n\r\n"    \
	"{\"id\":\"" event "\",\"start\":{\"date\":\"2026-01-05\"},"             \
	"\"end\":{\"date\":\"2026-01-06\"}}\r\n"

static void test_fg_bend__a_batch_answer_lacks_a_part(void **state)
{
	static const struct {
		const char *action;
		int second; /* what a look-up of the second part's event says */
	} cases[] = {{"part_lost", 200}, {"part_skipped", 404}};
	static const char body[] = PART("a", "event01") PART("b", "event02") "--b1--\r\n";

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(google_free) struct google *g = google_new();
		AUTO(free) char *bearer = xasprintf("Authorization: Bearer %s", g->token);
		AUTO(free)
		char *spec = xasprintf("{\"match\":\"/batch/\",\"action\":\"%s\",\"n\":1}",
				       cases[i].action);

		control(g, "POST", "faults", spec);
		raw(g, "POST", "/batch/calendar/v3", bearer,
		    "Content-Type: multipart/mixed; boundary=b1", body, strlen(body));
		assert_status(g, 200);
		assert_non_null(strstr(g->last.body.buf, "<response-a>"));
		assert_null(strstr(g->last.body.buf, "<response-b>"));
		google(g, "GET", PRIMARY "/event01", NULL);
		assert_status(g, 200);
		google(g, "GET", PRIMARY "/event02", NULL);
		assert_status(g, cases[i].second);
		assert_int_equal(hits(g), 1);
	}
}

/* -- the direct call --------------------------------------------------------------------------------- */

static int note_held(const struct fg_held *held, void *arg)
{
	strbuf_addf(arg, "%s%s ", held->id, held->stub ? "?" : "");
	return 0;
}

static void test_fg_bend__each_event_with_tombstones_and_stubs(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(strbuf_release) struct strbuf sb = STRBUF_INIT;

	(void)state;
	control(g, "POST", "calendars",
		"{\"id\":\"other@group.calendar.google.com\",\"summary\":\"Other\"}");
	add_four(g);
	google(g, "DELETE", PRIMARY "/event02", NULL);
	google(g, "POST", PRIMARY "/event03/move?destination=other%40group.calendar.google.com",
	       NULL);
	assert_status(g, 200);
	assert_int_equal(fg_each_event(g->fg, note_held, &sb), 0);
	assert_string_equal(sb.buf, "event01 event02 event03? event04 event03 ");
	fg_set_clock(g->fg, FG_TEST_NOW + 60000);
	assert_string_equal(json_str(control(g, "GET", "clock", NULL), "now"),
			    "2026-01-01T00:01:00.000Z");
}

static void test_fg_bend__a_refresh_token_for_the_test(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *form = NULL;

	(void)state;
	control(g, "POST", "token", "{\"refresh\":true}");
	form = xasprintf("grant_type=refresh_token&client_id=" CLIENT "&client_secret=" SECRET
			 "&refresh_token=%s",
			 json_str(g->json, "refresh_token"));
	post_form(g, "/token", form);
	assert_status(g, 200);
	assert_non_null(json_str(g->json, "access_token"));
	control(g, "POST", "expire", "{\"refresh_tokens\":true}");
	post_form(g, "/token", form);
	assert_status(g, 400);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(reorder_keeps_the_items),
		TEST(damage_spoils_one_start),
		TEST(repeat_shows_some_twice),
		TEST(older_comes_on_a_later_page_only),
		TEST(older_may_follow_a_tombstone),
		TEST(empty_page_before_this_one),
		TEST(late_listing_is_an_old_one_and_loses_nothing),
		TEST(late_full_listing),
		TEST(late_knows_cancelled_occurrences),
		TEST(stale_answer_of_events_get),
		TEST(a_batch_answer_lacks_a_part),
		TEST(each_event_with_tombstones_and_stubs),
		TEST(a_refresh_token_for_the_test),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
