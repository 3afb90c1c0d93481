/*
 * A Google that answers nonsense: whatever comes from the wire, the engine neither crashes nor
 * loops nor harms the store, and one bad event does not keep the others away.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "hostile_stage.h"
#include "sync/wire.h"

/* --- single events ------------------------------------------------------------------------- */

static const char *const odd_events[] = {
	"null",
	"7",
	"\"x\"",
	"[]",
	"{}",
	"{\"id\":7}",
	"{\"id\":\"\"}",
	"{\"id\":\".\"}",
	"{\"id\":\"..\"}",
	"{\"id\":\"a\\r\\nb\"}",
	"{\"id\":\"abc\\u202edef\"}",
	"{\"id\":\"abcde\\u0000x\"}",
	"{\"id\":\"../../calendars/other\"," SPAN "}",
	"{\"id\":\"bare0\"}",
	"{\"id\":\"odd00\",\"etag\":7," SPAN "}",
	"{\"id\":\"odd01\",\"etag\":\"a\\r\\nX-Evil: 1\"," SPAN "}",
	"{\"id\":\"odd02\",\"status\":7," SPAN "}",
	"{\"id\":\"odd03\",\"status\":{\"a\":1}," SPAN "}",
	"{\"id\":\"odd04\",\"start\":\"2026-01-01\",\"end\":[]}",
	"{\"id\":\"odd05\",\"start\":[{\"date\":\"2026-01-01\"}]}",
	"{\"id\":\"odd06\",\"start\":{\"date\":7},\"end\":{\"date\":null}}",
	"{\"id\":\"odd07\",\"start\":{\"date\":\"\\u202egarbage that goes on and on and on\","
	"\"dateTime\":\"2026-01-01T10:00:00Z\"}}",
	"{\"id\":\"odd08\",\"start\":{\"dateTime\":\"0000-01-01T00:00:00Z\"}}",
	"{\"id\":\"odd09\",\"start\":{\"dateTime\":\"0001-01-01T00:00:00+23:59\"},"
	"\"end\":{\"dateTime\":\"9999-12-31T23:59:60-23:59\"}}",
	"{\"id\":\"odd10\",\"start\":{\"dateTime\":\"-001-01-01T00:00:00Z\"}}",
	"{\"id\":\"odd11\",\"start\":{\"date\":\"0001-01-01\"},\"end\":{\"date\":\"9999-12-31\"}}",
	"{\"id\":\"odd12\",\"start\":{\"date\":\"2026-02-30\"},\"end\":{\"date\":\"2026-13-01\"}}",
	"{\"id\":\"odd13\",\"start\":{\"date\":\"2026-02-02\"},\"end\":{\"date\":\"2026-02-01\"}}",
	"{\"id\":\"odd14\",\"start\":{\"dateTime\":\"2026-02-01T10:00:00\","
	"\"timeZone\":\"../../../etc/passwd\"}}",
	"{\"id\":\"odd15\",\"attendees\":{\"email\":\"a@example.com\"}," SPAN "}",
	"{\"id\":\"odd16\",\"attendees\":[7,null,{},[],{\"email\":7}]," SPAN "}",
	"{\"id\":\"odd17\",\"recurrence\":{}," SPAN "}",
	"{\"id\":\"odd18\",\"recurrence\":[7,null,{},\"\",\"RRULE\",\"RRULE:UNTIL=\"]," SPAN "}",
	"{\"id\":\"odd19\",\"recurrence\":[\"RRULE:FREQ=DAILY;UNTIL=99999999T999999Z\"]," SPAN "}",
	"{\"id\":\"odd20\",\"recurringEventId\":7,\"status\":\"cancelled\"}",
	"{\"id\":\"odd21\",\"recurringEventId\":\"\",\"status\":\"cancelled\"}",
	"{\"id\":\"odd22\",\"recurringEventId\":\"odd22\",\"status\":\"cancelled\","
	"\"originalStartTime\":\"x\"}",
	"{\"id\":\"odd23\",\"reminders\":\"x\",\"source\":[1],\"extendedProperties\":\"x\"," SPAN
	"}",
	"{\"id\":\"odd24\",\"reminders\":[],\"source\":7,\"extendedProperties\":[7]," SPAN "}",
	"{\"id\":\"odd25\",\"reminders\":{\"overrides\":{},\"useDefault\":\"x\"}," SPAN "}",
	"{\"id\":\"odd26\",\"conferenceData\":5,\"attachments\":[7,null]," SPAN "}",
	"{\"id\":\"odd27\",\"summary\":{},\"description\":[],\"location\":7,\"iCalUID\":{}," SPAN
	"}",
	"{\"id\":\"odd28\",\"updated\":\"x\",\"created\":7," SPAN "}",
	"{\"id\":\"odd29\",\"sequence\":1e999,\"x\":-1e999,\"y\":1e-999," SPAN "}",
	"{\"id\":\"odd30\",\"sequence\":123456789012345678901234567890,\"z\":-0," SPAN "}",
	"{\"id\":\"odd31\",\"\":\"\",\"a\\u0000b\":\"c\\u0000d\",\"s\":\"\\ud800\"," SPAN "}",
	"{\"id\":\"odd32\",\"transparency\":[],\"visibility\":{},\"colorId\":3," SPAN "}",
	"{\"id\":\"odd33\",\"organizer\":\"x\",\"creator\":[],\"guestsCanModify\":\"yes\"," SPAN
	"}",
};

static void one_odd_event(const char *odd)
{
	AUTO(stage_release) struct stage s;
	AUTO(free)
	char *page = xasprintf(
		"{\"items\":[" GOOD("good0") ",%s," GOOD("good1") "],"
								  "\"nextSyncToken\":\"t1\"}",
		odd);
	AUTO(free)
	char *again = xasprintf("{\"items\":[%s," GOOD("good2") "],\"nextSyncToken\":\"t2\"}", odd);

	stage_init(&s);
	run_good(&s, page);
	assert_true(has(&s, "good0") && has(&s, "good1"));
	run_good(&s, again);
	assert_true(has(&s, "good2"));
	run_good(&s, "{\"items\":[],\"nextSyncToken\":\"t3\"}");
	assert_int_equal(s.last.pulled.created + s.last.pulled.updated + s.last.pulled.deleted, 0);
	edit_everything(&s);
	s.host.write_status = 400; /* it is refused, and not forgotten */
	(void)run(&s, NULL, (const char *const[]){again}, 1);
	assert_true(has(&s, "good0") && has(&s, "good1") && has(&s, "good2"));
}

static void test_events__one_bad_does_not_keep_the_others_away(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(odd_events); i++)
		one_odd_event(odd_events[i]);
}

static char *filled(const char *before, char fill, size_t n, const char *after)
{
	struct strbuf sb = STRBUF_INIT;

	strbuf_adds(&sb, before);
	for (size_t i = 0; i < n; i++)
		strbuf_addc(&sb, fill);
	strbuf_adds(&sb, after);
	return strbuf_detach(&sb);
}

static void test_events__huge_fields(void **state)
{
	AUTO(free) char *id = filled("{\"id\":\"", 'a', 4096, "\"," SPAN "}");
	AUTO(free)
	char *etag = filled("{\"id\":\"huge1\",\"etag\":\"", 'e', 1 << 20, "\"," SPAN "}");
	AUTO(free)
	char *zone = filled("{\"id\":\"huge2\",\"start\":{\"dateTime\":\"2026-02-01T10:00:00\","
			    "\"timeZone\":\"",
			    'Z', 1 << 20, "\"},\"end\":{\"dateTime\":\"2026-02-01T11:00:00\"}}");
	AUTO(free)
	char *date = filled("{\"id\":\"huge3\",\"start\":{\"date\":\"", '1', 1 << 20, "\"}}");
	struct strbuf lines = STRBUF_INIT;

	(void)state;
	strbuf_adds(&lines, "{\"id\":\"huge4\"," SPAN ",\"recurrence\":[\"RRULE:FREQ=DAILY\"");
	for (int i = 0; i < 10000; i++)
		strbuf_addf(&lines, ",\"EXDATE:%08dT100000Z\"", i);
	strbuf_adds(&lines, "]}");
	one_odd_event(id);
	one_odd_event(etag);
	one_odd_event(zone);
	one_odd_event(date);
	one_odd_event(lines.buf);
	strbuf_release(&lines);
}

/* A date beside a dateTime is not looked at: it must not get into the columns either. */
static void test_events__a_garbage_date_stays_out_of_the_views(void **state)
{
	AUTO(stage_release) struct stage s;
	AUTO(event_list_release) struct event_list l = {0};
	struct event_query q = EVENT_QUERY_INIT;
	int64_t start, end;
	bool all_day;

	(void)state;
	stage_init(&s);
	run_good(&s, "{\"items\":[{\"id\":\"odd07\",\"start\":{\"date\":\"garbage\","
		     "\"dateTime\":\"2026-01-01T10:00:00Z\"},\"end\":{\"date\":\"garbage\","
		     "\"dateTime\":\"2026-01-01T11:00:00Z\"}}],\"nextSyncToken\":\"t\"}");
	q.has_start = q.has_end = true;
	q.start_utc = 1767261600;
	q.end_utc = 1767261600 + 60;
	assert_int_equal(store_event_list(s.b.store, &q, &l, &err), 0);
	assert_int_equal(l.count, 1);
	assert_true(event_span(l.items[0].resource, "UTC", &start, &end, &all_day));
	assert_false(all_day);
}

/* --- whole pages --------------------------------------------------------------------------- */

static const char *const bad_pages[] = {
	"",
	"null",
	"[]",
	"7",
	"{}",
	"{\"items\":null}",
	"{\"items\":{}}",
	"{\"items\":\"x\"}",
	"{\"items\":[" GOOD("good9"),
	"{\"items\":[],\"nextPageToken\":7}",
	"{\"items\":[],\"nextPageToken\":{}}",
	"{\"items\":[],\"nextPageToken\":[],\"nextSyncToken\":\"t\"}",
	"{\"items\":[],\"nextPageToken\":false,\"nextSyncToken\":\"t\"}",
	"{\"items\":[],\"nextPageToken\":\"same\"}",
	"{\"items\":[],\"nextPageToken\":\"\"}",
	"{\"items\":[\xff\xfe]}",
	"{\"items\":[\"\xc3\"],\"nextSyncToken\":\"t\"}",
	"{'items':[],'nextSyncToken':'t'}",
	"{\"items\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]"
	"]"
	"],\"nextSyncToken\":\"t\"}",
};

/* A person has allowed the sweep, and still nothing of this is a listing that ended. */
static const struct sync_options full = {.full = true, .allow_deletes = 1000};

static void test_pages__nothing_is_swept_after_a_bad_one(void **state)
{
	AUTO(stage_release) struct stage s;

	(void)state;
	stage_init(&s);
	for (size_t i = 0; i < ARRAY_SIZE(bad_pages); i++) {
		run_good(&s, three);
		if (!run(&s, &full, &bad_pages[i], 1) && s.last.success)
			fail_msg("taken for a listing: %s", bad_pages[i]);
		assert_int_equal(count_rows(&s), 3);
	}
}

static void test_pages__a_listing_without_sync_token_sweeps_nothing(void **state)
{
	static const char *const empty[] = {"{\"items\":[]}"};
	static const char *const all[] = {"{\"items\":[],\"nextSyncToken\":\"t\"}"};
	AUTO(stage_release) struct stage s;

	(void)state;
	stage_init(&s);
	run_good(&s, three);
	(void)run(&s, &full, empty, 1);
	assert_int_equal(count_rows(&s), 3);
	(void)run(&s, &full, all, 1);
	assert_int_equal(count_rows(&s), 0); /* the test can fail */
}

static void test_pages__nothing_is_swept_when_an_item_was_unreadable(void **state)
{
	static const char *const holes[] = {"null", "{}", "{\"id\":7}", "{\"id\":\"good1\\u0000\"}",
					    "{\"id\":\"good\\u0001\"," SPAN "}"};
	AUTO(stage_release) struct stage s;

	(void)state;
	stage_init(&s);
	for (size_t i = 0; i < ARRAY_SIZE(holes); i++) {
		AUTO(free)
		char *page = xasprintf("{\"items\":[" GOOD("good0") ",%s],\"nextSyncToken\":\"t\"}",
				       holes[i]);

		run_good(&s, three);
		(void)run(&s, &full, (const char *const[]){page}, 1);
		assert_int_equal(count_rows(&s), 3);
		check_title(&s, "good1", "good");
	}
}

/* One that says which event it is is no hole: it is there, whatever it says, and the others are
 * swept by the usual rules. */
static void test_pages__what_is_set_aside_is_not_swept(void **state)
{
	static const char *const odd[] = {"{\"id\":\"good1\"}",
					  "{\"id\":\"good1\",\"start\":\"x\"}"};
	AUTO(stage_release) struct stage s;

	(void)state;
	stage_init(&s);
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		AUTO(event_release) struct event row = {0};
		AUTO(free)
		char *page = xasprintf("{\"items\":[" GOOD("good0") ",%s],\"nextSyncToken\":\"t\"}",
				       odd[i]);

		(void)run(&s, &full, (const char *const[]){three}, 1);
		assert_int_equal(count_rows(&s), 3);
		(void)run(&s, &full, (const char *const[]){page}, 1);
		assert_true(s.last.success);
		assert_int_equal(s.last.unreadable, 1);
		assert_true(has(&s, "good0") && has(&s, "good1") && !has(&s, "good2"));
		check_title(&s, "good1", "good"); /* the last version that could be read */
		find_row(&s, "good1", &row);
		assert_int_equal(row.sync_status, SYNC_ERROR);
		assert_int_equal(row.pending, PENDING_NONE);
		assert_true(row.last_error && strstr(row.last_error, "'start' is"));
	}
}

static void test_pages__a_loop_of_tokens_ends(void **state)
{
	static const char *const round[] = {
		"{\"items\":[],\"nextPageToken\":\"a\"}", "{\"items\":[],\"nextPageToken\":\"b\"}",
		"{\"items\":[],\"nextPageToken\":\"c\"}", "{\"items\":[],\"nextPageToken\":\"a\"}"};
	AUTO(stage_release) struct stage s;

	(void)state;
	stage_init(&s);
	run_good(&s, three);
	assert_false(!run(&s, &full, round, ARRAY_SIZE(round)) && s.last.success);
	assert_true(s.host.asked < 10);
	assert_int_equal(count_rows(&s), 3);
}

static void test_pages__without_end(void **state)
{
	AUTO(json_object_put) struct json_object *seen = json_object_new_object();
	AUTO(json_object_put) struct json_object *page = json_object_new_object();
	const char *next = NULL;
	int n = 0;

	(void)state;
	do {
		AUTO(free) char *token = xasprintf("t%d", n++);

		json_set_str(page, "nextPageToken", token);
	} while (n < 100000 && !wire_next_page(page, seen, "events.list", &next, &err));
	assert_int_equal(n, 20001);
	assert_int_equal(err.code, ERR_GOOGLE);
}

/* --- calendars ----------------------------------------------------------------------------- */

static void test_calendars__one_bad_entry_does_not_keep_the_others_away(void **state)
{
	static const char *const odd[] = {
		"null",
		"7",
		"[]",
		"{}",
		"{\"id\":7}",
		"{\"id\":\"..\"}",
		"{\"id\":\"c\\u0000\"}",
		"{\"id\":\"c2\",\"accessRole\":7,\"primary\":\"yes\",\"timeZone\":5}",
		"{\"id\":\"c3\",\"timeZone\":\"../../etc/passwd\",\"summaryOverride\":{}}",
		"{\"id\":\"c4\",\"primary\":true,\"x\":1e999}",
		"{\"id\":\"c5\",\"deleted\":true}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		AUTO(stage_release) struct stage s;
		AUTO(free)
		char *list =
			xasprintf("{\"items\":[%s," PRIMARY "],\"nextSyncToken\":\"l\"}", odd[i]);

		stage_init(&s);
		s.host.calendars = list;
		run_good(&s, three);
		assert_int_equal(count_rows(&s) % 3, 0);
		assert_true(has(&s, "good0"));
		run_good(&s, three);
	}
}

static void test_calendars__a_bad_list_takes_none_away(void **state)
{
	static const char *const good = three;
	AUTO(stage_release) struct stage s;

	(void)state;
	stage_init(&s);
	for (size_t i = 0; i < ARRAY_SIZE(bad_pages); i++) {
		AUTO(calendar_list_release) struct calendar_list l = {0};

		s.host.calendars = CALENDARS;
		run_good(&s, three);
		s.host.calendars = bad_pages[i];
		(void)run(&s, NULL, &good, 1);
		assert_int_equal(store_calendar_list(s.b.store, s.b.account.id, &l, &err), 0);
		assert_int_equal(l.count, 1);
		assert_false(l.items[0].gone);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events__one_bad_does_not_keep_the_others_away),
		cmocka_unit_test(test_events__huge_fields),
		cmocka_unit_test(test_events__a_garbage_date_stays_out_of_the_views),
		cmocka_unit_test(test_pages__nothing_is_swept_after_a_bad_one),
		cmocka_unit_test(test_pages__a_listing_without_sync_token_sweeps_nothing),
		cmocka_unit_test(test_pages__nothing_is_swept_when_an_item_was_unreadable),
		cmocka_unit_test(test_pages__what_is_set_aside_is_not_swept),
		cmocka_unit_test(test_pages__a_loop_of_tokens_ends),
		cmocka_unit_test(test_pages__without_end),
		cmocka_unit_test(test_calendars__one_bad_entry_does_not_keep_the_others_away),
		cmocka_unit_test(test_calendars__a_bad_list_takes_none_away),
	};

	return cmocka_run_group_tests_name("hostile", tests, temp_dir_make, temp_dir_remove);
}
