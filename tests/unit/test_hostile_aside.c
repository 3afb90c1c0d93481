/* What nobody can read is set aside, event by event: the others go on, an edit of it waits, and the
 * next version that can be read ends it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/salvage.h"
#include "hostile_stage.h"
#include "model/readable.h"

#define VERSION(id, etag, rest) "{\"id\":\"" id "\",\"etag\":\"\\\"" etag "\\\"\"," rest "}"

static const char quiet[] = "{\"items\":[],\"nextSyncToken\":\"tq\"}";

static void run_page(struct stage *s, const char *items)
{
	AUTO(free) char *page = xasprintf("{\"items\":[%s],\"nextSyncToken\":\"t\"}", items);

	run_good(s, page);
}

static void assert_aside(struct stage *s, const char *id, const char *why)
{
	AUTO(event_release) struct event row = {0};

	find_row(s, id, &row);
	assert_int_equal(row.sync_status, SYNC_ERROR);
	assert_true(row.at_google);
	if (!row.last_error || !strstr(row.last_error, "cannot be read") ||
	    !strstr(row.last_error, why))
		fail_msg("%s: '%s' lacks '%s'", id, row.last_error ? row.last_error : "", why);
}

static void assert_normal(struct stage *s, const char *id, const char *title)
{
	AUTO(event_release) struct event row = {0};

	find_row(s, id, &row);
	assert_int_equal(row.sync_status, SYNC_SYNCED);
	assert_null(row.last_error);
	assert_string_equal(json_str(row.resource, "summary"), title);
}

/* --- what is wrong ------------------------------------------------------------------------- */

static const struct {
	const char *rest, *why;
} wrong[] = {
	{"\"summary\":\"x\"", "'start' is missing"},
	{"\"start\":null,\"end\":null", "'start' is missing"},
	{"\"start\":\"2026-01-01\"", "'start' is no time"},
	{"\"start\":[]", "'start' is no time"},
	{"\"start\":{}", "'start' is no time"},
	{"\"start\":{\"timeZone\":\"UTC\"}", "'start' is no time"},
	{"\"start\":{\"date\":\"2026-02-30\"}", "'start' is no time"},
	{"\"start\":{\"date\":7}", "'start' is no time"},
	{"\"start\":{\"dateTime\":\"99999-01-01T00:00:00Z\"}", "'start' is no time"},
	{"\"start\":{\"dateTime\":\"yesterday\"}", "'start' is no time"},
	{"\"start\":{\"dateTime\":\"2026-01-01T10:00:00\",\"timeZone\":\"Mars/Phobos\"}",
	 "'start' is no time"},
	{"\"start\":{\"date\":\"2026-01-01\"},\"end\":{\"date\":\"2026-99-01\"}",
	 "'end' is no time"},
	{"\"start\":{\"date\":\"2026-01-01\"},\"end\":{\"dateTime\":\"2026-01-01T10:00:00Z\"}",
	 "is a day, the other not"},
	{SPAN ",\"recurrence\":{}", "'recurrence' is no list"},
	{SPAN ",\"recurrence\":\"RRULE:FREQ=DAILY\"", "'recurrence' is no list"},
	{SPAN ",\"recurrence\":[\"RRULE:FREQ=DAILY\",7]", "'recurrence' is no list"},
	{SPAN ",\"recurringEventId\":7", "'recurringEventId' is no text"},
	{"\"status\":\"cancelled\",\"recurringEventId\":7", "'recurringEventId' is no text"},
	{SPAN ",\"status\":7", "'status' is no text"},
	{SPAN ",\"summary\":{}", "'summary' is no text"},
	{SPAN ",\"attendees\":{}", "'attendees' is no list"},
	{SPAN ",\"attendees\":[{\"email\":7}]", "'attendees' is no list"},
	{SPAN ",\"reminders\":[]", "'reminders' is no object"},
	{SPAN ",\"extendedProperties\":{\"private\":{\"a\":{}}}", "'extendedProperties' is no"},
	{SPAN ",\"guestsCanModify\":\"yes\"", "'guestsCanModify' is neither"},
	{SPAN ",\"conferenceData\":5", "'conferenceData' is no object"},
	{SPAN ",\"location\":\"\xff\xfe\"", "\"location\" cannot be read"},
	{SPAN ",\"location\":\"\xed\xa0\x80\"", "\"location\" cannot be read"},
	{SPAN ",\"location\":nonsense", "\"location\" cannot be read"},
	{SPAN
	 ",\"x\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]",
	 "\"x\" cannot be read"},
};

/* Alone it is set aside; the others come, in a first pull, an incremental and a full one; a version
 * that can be read ends it. */
static void one_wrong(const char *rest, const char *why)
{
	AUTO(stage_release) struct stage s;
	AUTO(free) char *bad = xasprintf("{\"id\":\"odd00\",\"etag\":\"\\\"1\\\"\",%s}", rest);
	AUTO(free) char *items = xasprintf(GOOD("good0") ",%s," GOOD("good1"), bad);
	AUTO(free) char *page = xasprintf("{\"items\":[%s],\"nextSyncToken\":\"t\"}", items);
	const struct sync_options full = {.full = true};

	stage_init(&s);
	run_page(&s, items);
	if (s.last.unreadable != 1)
		fail_msg("%.200s: %d unreadable", rest, (int)s.last.unreadable);
	assert_int_equal(s.last.failed_events, 0);
	assert_normal(&s, "good0", "good");
	assert_normal(&s, "good1", "good");
	assert_aside(&s, "odd00", why);
	run_good(&s, quiet);
	assert_int_equal(s.last.unreadable, 0);
	assert_aside(&s, "odd00", why);
	(void)run(&s, &full, (const char *const[]){page}, 1);
	assert_true(s.last.success);
	assert_int_equal(count_rows(&s), 3);
	assert_aside(&s, "odd00", why);
	/* With the same etag: it may be us who can read it now. */
	run_page(&s, GOOD("odd00"));
	assert_normal(&s, "odd00", "good");
	run_page(&s, bad);
	assert_aside(&s, "odd00", why);
	run_page(&s, "{\"id\":\"odd00\",\"status\":\"cancelled\"}");
	assert_int_equal(count_rows(&s), 2);
}

static void test_aside__each_kind_of_damage(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++)
		one_wrong(wrong[i].rest, wrong[i].why);
}

/* So deep that nobody parses it: brackets still say where it ends. */
static void test_aside__nested_without_end(void **state)
{
	struct strbuf deep = STRBUF_INIT;

	(void)state;
	strbuf_adds(&deep, SPAN ",\"x\":");
	for (int i = 0; i < 100000; i++)
		strbuf_addc(&deep, '[');
	for (int i = 0; i < 100000; i++)
		strbuf_addc(&deep, ']');
	one_wrong(deep.buf, "\"x\" cannot be read");
	strbuf_release(&deep);
}

static void test_aside__odd_but_readable_is_normal(void **state)
{
	static const char *const fine[] = {
		SPAN ",\"summary\":\"good\",\"location\":\"\\ud800\"",
		SPAN ",\"summary\":\"good\",\"recurrence\":[\"RRULE:FREQ=NEVER\"]",
		SPAN ",\"summary\":\"good\",\"unknown\":[{},7,null]",
		"\"summary\":\"good\",\"start\":{\"dateTime\":\"2026-02-01T10:00:00+01:00\","
		"\"timeZone\":\"Mars/Phobos\"},\"end\":{\"dateTime\":\"2026-02-01T11:00:00Z\"}",
		"\"summary\":\"good\",\"start\":{\"date\":\"2026-02-02\"},\"end\":{\"date\":"
		"\"2026-02-01\"}",
		"\"summary\":\"good\",\"start\":{\"date\":\"2026-02-02\"},\"end\":null",
		SPAN ",\"summary\":\"good\",\"attendees\":null,\"status\":null",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fine); i++) {
		AUTO(stage_release) struct stage s;
		AUTO(free)
		char *item = xasprintf("{\"id\":\"odd00\",\"etag\":\"\\\"1\\\"\",%s}", fine[i]);

		stage_init(&s);
		run_page(&s, item);
		assert_int_equal(s.last.unreadable, 0);
		assert_normal(&s, "odd00", "good");
	}
}

static void test_aside__a_huge_title_is_normal(void **state)
{
	AUTO(stage_release) struct stage s;
	AUTO(free) char *title = xcalloc(1, (1 << 20) + 1);
	AUTO(free) char *item = NULL;

	(void)state;
	memset(title, 'x', 1 << 20);
	item = xasprintf("{\"id\":\"odd00\",\"summary\":\"%s\"," SPAN "}", title);
	stage_init(&s);
	run_page(&s, item);
	assert_normal(&s, "odd00", title);
}

/* --- ids ----------------------------------------------------------------------------------- */

static void test_aside__without_a_usable_id_it_is_counted(void **state)
{
	static const char *const odd[] = {
		"null",
		"7",
		"\"x\"",
		"[]",
		"{}",
		"{\"id\":7}",
		"{\"id\":\"..\"," SPAN "}",
		"{\"id\":\"good\\u0000\"," SPAN "}",
		"{\"id\":\"\xff\"," SPAN "}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		AUTO(stage_release) struct stage s;
		AUTO(free) char *items = xasprintf("%s," GOOD("good0"), odd[i]);

		stage_init(&s);
		run_page(&s, items);
		assert_int_equal(s.last.unreadable, 1);
		assert_int_equal(count_rows(&s), 1);
		assert_normal(&s, "good0", "good");
	}
}

static void test_aside__twice_on_one_page_the_last_counts(void **state)
{
	AUTO(stage_release) struct stage s;

	(void)state;
	stage_init(&s);
	run_page(&s, VERSION("twice", "1", "\"summary\":\"a\"," SPAN) "," VERSION(
			     "twice", "2", "\"summary\":\"b\"," SPAN));
	assert_normal(&s, "twice", "b");
	run_page(&s, VERSION("twice", "3", "\"summary\":\"c\"," SPAN) "," VERSION("twice", "4",
										  "\"start\":7"));
	assert_aside(&s, "twice", "'start'");
	run_page(&s, VERSION("twice", "5", "\"start\":7") "," VERSION("twice", "6",
								      "\"summary\":\"d\"," SPAN));
	assert_normal(&s, "twice", "d");
	assert_int_equal(count_rows(&s), 1);
}

/* --- what is shown ------------------------------------------------------------------------- */

static void test_aside__shows_the_times_that_can_be_read(void **state)
{
	AUTO(stage_release) struct stage s;
	AUTO(event_release) struct event row = {0};
	AUTO(event_release) struct event kept = {0};

	(void)state;
	stage_init(&s);
	run_page(&s, GOOD("good0"));
	run_page(&s, VERSION("good0", "2",
			     "\"summary\":\"moved\",\"location\":[],\"start\":{\"date\":"
			     "\"2026-03-01\"},\"end\":{\"date\":\"2026-03-02\"}"));
	find_row(&s, "good0", &row);
	assert_string_equal(json_str(row.resource, "summary"), "moved");
	assert_string_equal(json_path_str(row.resource, "start/date"), "2026-03-01");
	assert_false(json_has(row.resource, "location"));
	run_page(&s, VERSION("good0", "3", "\"summary\":\"when?\",\"start\":{}"));
	find_row(&s, "good0", &kept);
	assert_string_equal(json_str(kept.resource, "summary"), "moved");
	assert_int_equal(kept.sync_status, SYNC_ERROR);
}

static void test_aside__a_later_bad_time_does_not_keep_good_versions_away(void **state)
{
	AUTO(stage_release) struct stage s;

	(void)state;
	stage_init(&s);
	run_page(&s, VERSION("good0", "1",
			     "\"summary\":\"a\",\"updated\":\"9999-12-31T23:59:59.000Z\"," SPAN));
	run_page(&s, VERSION("good0", "2",
			     "\"summary\":\"b\",\"updated\":\"2026-01-01T00:00:00.000Z\"," SPAN));
	assert_normal(&s, "good0", "b");
	run_page(&s, VERSION("good0", "3", "\"summary\":\"c\",\"updated\":\"zzz\"," SPAN));
	run_page(&s, VERSION("good0", "4",
			     "\"summary\":\"d\",\"updated\":\"2026-01-02T00:00:00.000Z\"," SPAN));
	assert_normal(&s, "good0", "d");
}

/* --- edits --------------------------------------------------------------------------------- */

static int set_title(struct stage *s, const char *id, const char *title)
{
	AUTO(event_release) struct event e = {0};
	AUTO(event_release) struct event now = {0};
	const struct local_options o = {0};

	find_row(s, id, &e);
	json_set_str(e.resource, "summary", title);
	s->b.clock.now += 1000;
	return local_edit(s->b.store, &s->b.clock.base, e.rowid, e.resource, &o, &now, &err);
}

static int asked(struct stage *s)
{
	return s->host.asked;
}

static void test_aside__cannot_be_changed_but_deleted(void **state)
{
	AUTO(stage_release) struct stage s;
	AUTO(event_release) struct event e = {0};
	const struct local_options o = {0};
	bool gone;

	(void)state;
	stage_init(&s);
	run_page(&s, VERSION("odd00", "1", "\"start\":7"));
	assert_int_equal(set_title(&s, "odd00", "mine"), -1);
	assert_int_equal(err.code, ERR_INVALID);
	assert_non_null(strstr(err.msg, "'start' is no time"));
	run_good(&s, quiet);
	assert_int_equal(asked(&s), 2);
	find_row(&s, "odd00", &e);
	assert_int_equal(local_delete(s.b.store, &s.b.clock.base, e.rowid, &o, &gone, &err), 0);
	s.host.write_status = 204;
	s.host.write_body = NULL;
	run_good(&s, quiet);
	assert_int_equal(s.last.pushed.deleted, 1);
	assert_int_equal(count_rows(&s), 0);
}

/* An edit waits, however often it is tried, until there is something to merge it with. */
static void test_aside__an_edit_waits_until_it_can_be_merged(void **state)
{
	AUTO(stage_release) struct stage s;
	AUTO(event_release) struct event row = {0};
	AUTO(outbox_release) struct outbox op = {0};
	bool found;

	(void)state;
	stage_init(&s);
	run_page(&s, GOOD("good0"));
	assert_int_equal(set_title(&s, "good0", "mine"), 0);
	s.host.write_status = 412;
	s.host.get_status = 200;
	s.host.get_body = VERSION("good0", "2", "\"summary\":\"theirs\",\"start\":{}");
	run_good(&s, quiet);
	assert_aside(&s, "good0", "'start'");
	check_title(&s, "good0", "mine");
	find_row(&s, "good0", &row);
	assert_int_equal(row.pending, PENDING_UPDATE);
	assert_int_equal(store_outbox_get(s.b.store, row.rowid, &op, &found, &err), 0);
	assert_int_equal(op.state, OUTBOX_QUEUED);
	assert_non_null(strstr(op.last_error, "cannot be read"));
	/* It is not sent again and again. */
	run_good(&s, quiet);
	assert_int_equal(asked(&s), 2);
	/* What can be read is merged, and the edit goes out. */
	s.host.write_status = 200;
	s.host.write_body =
		VERSION("good0", "4", "\"summary\":\"mine\",\"location\":\"there\"," SPAN);
	run_page(&s, VERSION("good0", "3", "\"summary\":\"good\",\"location\":\"there\"," SPAN));
	assert_normal(&s, "good0", "mine");
	assert_int_equal(s.last.pushed.updated, 1);
}

static void test_aside__an_edit_beats_a_delete_that_waits(void **state)
{
	AUTO(stage_release) struct stage s;
	AUTO(event_release) struct event e = {0};
	AUTO(event_release) struct event now = {0};
	const struct local_options o = {0};
	bool gone;

	(void)state;
	stage_init(&s);
	run_page(&s, GOOD("good0"));
	find_row(&s, "good0", &e);
	assert_int_equal(local_delete(s.b.store, &s.b.clock.base, e.rowid, &o, &gone, &err), 0);
	s.host.write_status = 412;
	s.host.get_status = 200;
	s.host.get_body = VERSION("good0", "2", "\"start\":{}");
	run_good(&s, quiet);
	assert_aside(&s, "good0", "'start'");
	find_row(&s, "good0", &now);
	assert_false(now.hidden);
	assert_int_equal(now.pending, PENDING_NONE);
}

/* Google's answer to a write must be an event that can be read: it would become the row. */
static void test_aside__an_unreadable_answer_to_a_write(void **state)
{
	AUTO(stage_release) struct stage s;
	AUTO(event_release) struct event row = {0};

	(void)state;
	stage_init(&s);
	run_page(&s, GOOD("good0"));
	assert_int_equal(set_title(&s, "good0", "mine"), 0);
	s.host.write_status = 200;
	s.host.write_body = VERSION("good0", "2", "\"summary\":\"mine\"");
	(void)run(&s, NULL, (const char *const[]){quiet}, 1);
	check_title(&s, "good0", "mine");
	find_row(&s, "good0", &row);
	assert_non_null(json_path_str(row.resource, "start/dateTime"));
	assert_int_not_equal(row.sync_status, SYNC_SYNCED);
	s.host.write_body = VERSION("good0", "3", "\"summary\":\"mine\"," SPAN);
	s.b.clock.now += HOUR;
	run_good(&s, quiet);
	assert_normal(&s, "good0", "mine");
}

/* --- salvage ------------------------------------------------------------------------------- */

static struct json_object *salvaged(const char *text, const char *list)
{
	struct json_object *out = NULL;

	return json_salvage(text, strlen(text), list, &out, &err) ? NULL : out;
}

static void check_salvage(const char *text, const char *list, const char *wanted)
{
	AUTO(json_object_put) struct json_object *got = salvaged(text, list);

	if (!wanted && got)
		fail_msg("%s: %s", text, json_text(got));
	if (wanted)
		assert_string_equal(got ? json_text(got) : "(nothing)", wanted);
}

static void test_salvage__leaves_out_what_is_damaged(void **state)
{
	(void)state;
	check_salvage(" {\"a\":1} ", NULL, "{\"a\":1}");
	check_salvage("{\"a\":\"\xff\",\"b\":[1,{}]}", NULL, "{\"b\":[1,{}]}");
	check_salvage("{\"a\":x,\"b\":2 , \"c\" : \"\\\"}{\" }", NULL,
		      "{\"b\":2,\"c\":\"\\\"}{\"}");
	check_salvage("{\"\xff\":1,\"b\":2}", NULL, "{\"b\":2}");
	check_salvage("{\"l\":[{\"a\":1},{\"a\":x,\"b\":2},7],\"m\":3}", "l",
		      "{\"l\":[{\"a\":1},{\"b\":2},7],\"m\":3}");
	check_salvage("{\"l\":[]}", "l", "{\"l\":[]}");
	/* What is not in the list has to be whole, and so has what is no object. */
	check_salvage("{\"l\":[],\"m\":x}", "l", NULL);
	check_salvage("{\"l\":[x]}", "l", NULL);
	check_salvage("{\"l\":x}", "l", NULL);
	check_salvage("{\"l\":[{\"a\":x}", "l", NULL);
	check_salvage("{\"l\":[{\"a\":x}]} 7", "l", NULL);
	check_salvage("{\"a\":x} 7", NULL, NULL);
	check_salvage("{\"a\":x", NULL, NULL);
	check_salvage("{\"a\":x]", NULL, NULL);
	check_salvage("{\"a\" x}", NULL, NULL);
	check_salvage("[x]", NULL, NULL);
	check_salvage("", NULL, NULL);
	check_salvage("{", "l", NULL);
}

static void test_salvage__says_what_was_damaged(void **state)
{
	AUTO(json_object_put) struct json_object *got = salvaged("{\"a\":1,\"b\":x,\"c\":y}", NULL);
	AUTO(json_object_put) struct json_object *whole = salvaged("{\"a\":1}", NULL);

	(void)state;
	assert_non_null(strstr(json_damage(got), "\"b\" cannot be read"));
	assert_null(json_damage(whole));
	assert_null(json_damage(NULL));
}

/* Bytes changed at random: no crash, and what json_parse() takes is the same. */
static void test_salvage__any_text(void **state)
{
	static const char page[] =
		"{\"items\":[" GOOD("good0") "," GOOD("good1") "],\"x\":{\"y\":[1]}}";
	static const char bytes[] = "{}[]\",:\\x0 \xff\n";
	uint32_t n = 20260101;

	(void)state;
	for (int round = 0; round < 20000; round++) {
		AUTO(free) char *text = xstrdup(page);
		AUTO(json_object_put) struct json_object *parsed = NULL;
		AUTO(json_object_put) struct json_object *got = NULL;

		for (int i = 0; i < 3; i++) {
			n = n * 1664525u + 1013904223u;
			text[(n >> 8) % (sizeof(page) - 1)] = bytes[(n >> 4) % (sizeof(bytes) - 1)];
		}
		got = salvaged(text, round % 2 ? "items" : NULL);
		if (!json_parse(text, strlen(text), &parsed, &err))
			assert_true(json_equal(got, parsed));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_aside__each_kind_of_damage),
		cmocka_unit_test(test_aside__nested_without_end),
		cmocka_unit_test(test_aside__odd_but_readable_is_normal),
		cmocka_unit_test(test_aside__a_huge_title_is_normal),
		cmocka_unit_test(test_aside__without_a_usable_id_it_is_counted),
		cmocka_unit_test(test_aside__twice_on_one_page_the_last_counts),
		cmocka_unit_test(test_aside__shows_the_times_that_can_be_read),
		cmocka_unit_test(test_aside__a_later_bad_time_does_not_keep_good_versions_away),
		cmocka_unit_test(test_aside__cannot_be_changed_but_deleted),
		cmocka_unit_test(test_aside__an_edit_waits_until_it_can_be_merged),
		cmocka_unit_test(test_aside__an_edit_beats_a_delete_that_waits),
		cmocka_unit_test(test_aside__an_unreadable_answer_to_a_write),
		cmocka_unit_test(test_salvage__leaves_out_what_is_damaged),
		cmocka_unit_test(test_salvage__says_what_was_damaged),
		cmocka_unit_test(test_salvage__any_text),
	};

	return cmocka_run_group_tests_name("hostile_aside", tests, temp_dir_make, temp_dir_remove);
}
