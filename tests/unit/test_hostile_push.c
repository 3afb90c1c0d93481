/* What Google answers to edits and look-ups, nonsense included: no edit is lost, and what is no event
 * becomes none here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include <sqlite3.h>

#include "hostile_stage.h"

/* --- answers to writes --------------------------------------------------------------------- */

struct answer {
	int status;
	const char *type, *body;
};

#define JSON "application/json"

static const struct answer answers[] = {
	{200, JSON, ""},
	{200, JSON, "{}"},
	{200, JSON, "[]"},
	{200, JSON, "null"},
	{200, JSON, "{\"id\":7}"},
	{200, JSON, "{\"id\":\"..\"}"},
	{200, JSON, GOOD("good1")},
	{200, JSON, "{\"id\":\"other\",\"start\":7,\"attendees\":{}}"},
	{200, "text/html", "<html>log in</html>"},
	{200, "multipart/mixed", "--x\r\n"},
	{200, "multipart/mixed; boundary=x", "--x\r\n\r\n--x--"},
	{200, "multipart/mixed; boundary=x",
	 "--x\r\nContent-ID: <response-item-0>\r\n\r\nHTTP/1.1 200 OK\r\n\r\n{}\r\n--x\r\n"
	 "Content-ID: <response-item-0>\r\n\r\nHTTP/1.1 999 X\r\n\r\n\r\n--x\r\n"
	 "Content-ID: <response-item-99999999999999999999>\r\n\r\nHTTP/1.1\r\n--x--"},
	{204, NULL, NULL},
	{302, JSON, "{}"},
	{400, JSON, "{\"error\":5}"},
	{400, JSON, "{\"error\":{\"errors\":{},\"details\":{},\"message\":[]}}"},
	{401, JSON, "{\"error\":[]}"},
	{403, JSON, "{\"error\":{\"errors\":[7,null]}}"},
	{404, "text/html", "\xff\xfe"},
	{409, JSON, "{\"error\":{\"errors\":[{\"reason\":\"duplicate\"}]}}"},
	{410, JSON, "{}"},
	{412, JSON, "{}"},
	{429, JSON, "{}"},
	{500, NULL, NULL},
	{599, JSON, "{\"error\":\"invalid_grant\"}"},
};

/* An edit is never forgotten unless Google said that it has it, or that the event is gone. */
static void one_write_answer(const struct answer *a)
{
	static const char *const quiet = "{\"items\":[],\"nextSyncToken\":\"t2\"}";
	AUTO(stage_release) struct stage s;
	AUTO(calendar_list_release) struct calendar_list l = {0};
	AUTO(event_release) struct event made = {0};
	AUTO(json_object_put) struct json_object *new_event = NULL;
	const struct local_options o = {0};
	static const char text[] = "{\"summary\":\"mine\"," SPAN "}";

	stage_init(&s);
	run_good(&s, three);
	edit_everything(&s);
	if (json_parse(text, strlen(text), &new_event, &err) ||
	    store_calendar_list(s.b.store, s.b.account.id, &l, &err) ||
	    local_add(s.b.store, &s.b.clock.base, l.items[0].id, new_event, &o, &made, &err))
		fail_msg("%s", err.msg);
	s.host.write_status = a->status;
	s.host.write_type = a->type;
	s.host.write_body = a->body;
	for (int i = 0; i < 3; i++) {
		(void)run(&s, NULL, &quiet, 1);
		s.b.clock.now += HOUR;
	}
	if (count_rows(&s) != 4)
		fail_msg("%d %s: %lld events are left of 4", a->status, a->body,
			 (long long)count_rows(&s));
}

static void test_writes__no_answer_loses_an_edit(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++)
		one_write_answer(&answers[i]);
}

static void get_row(struct stage *s, const char *id, struct event *out)
{
	AUTO(calendar_list_release) struct calendar_list l = {0};
	bool found = false;

	if (store_calendar_list(s->b.store, s->b.account.id, &l, &err) ||
	    store_event_get(s->b.store, l.items[0].id, id, out, &found, &err))
		fail_msg("%s", err.msg);
	assert_true(found);
}

static void set_title(struct stage *s, const char *id, const char *title)
{
	AUTO(event_release) struct event e = {0};
	AUTO(event_release) struct event now = {0};
	const struct local_options o = {0};

	get_row(s, id, &e);
	json_set_str(e.resource, "summary", title);
	if (local_edit(s->b.store, &s->b.clock.base, e.rowid, e.resource, &o, &now, &err))
		fail_msg("%s", err.msg);
}

/* To "what has become of it?" comes what is no event: the row keeps what it has. */
static void test_lookups__an_answer_that_is_no_event_becomes_no_row(void **state)
{
	static const char *const odd[] = {"{}", "[]", "{\"id\":7}", "{\"id\":\"good1\"}",
					  GOOD("good1")};
	static const char *const quiet = "{\"items\":[],\"nextSyncToken\":\"t2\"}";
	const struct sync_options window = {
		.has_window = true, .start_utc = 1767225600, .end_utc = 1798761600};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		AUTO(stage_release) struct stage s;
		AUTO(event_release) struct event row = {0};

		stage_init(&s);
		run_good(&s, three);
		s.host.get_status = 200;
		s.host.get_body = odd[i];
		(void)run(&s, &window, &quiet, 1);
		check_title(&s, "good0", "good");
		set_title(&s, "good0", "mine");
		s.host.write_status = 412;
		(void)run(&s, NULL, &quiet, 1);
		check_title(&s, "good0", "mine");
		assert_int_equal(count_rows(&s), 3);
		/* The edit waits, with the reason: it is not refused. */
		get_row(&s, "good0", &row);
		assert_int_equal(row.pending, PENDING_UPDATE);
		assert_int_equal(row.sync_status, SYNC_LOCAL_ONLY);
		assert_non_null(row.last_error);
	}
}

/* --- while a request is under way ----------------------------------------------------------- */

static void edit_again(void *arg)
{
	set_title(arg, "good0", "second");
}

/* An edit beats a delete, so it goes out as a revival; the tombstone has changed again meanwhile,
 * and the user goes on typing. */
static void test_race__an_edit_while_a_tombstone_is_revived(void **state)
{
	static const char *const gone =
		"{\"items\":[{\"id\":\"good0\",\"etag\":\"\\\"2\\\"\",\"status\":\"cancelled\"}],"
		"\"nextSyncToken\":\"t2\"}";
	AUTO(stage_release) struct stage s;
	AUTO(event_release) struct event e = {0};

	(void)state;
	stage_init(&s);
	run_good(&s, three);
	set_title(&s, "good0", "first");
	s.host.get_status = 200;
	s.host.get_body = "{\"id\":\"good0\",\"etag\":\"\\\"3\\\"\",\"status\":\"cancelled\"}";
	s.host.write_status = 412;
	(void)run(&s, NULL, &gone, 1); /* the edit has become a revival */
	s.host.on_write = edit_again;
	s.host.arg = &s;
	(void)run(&s, NULL, &gone, 1);
	get_row(&s, "good0", &e);
	assert_string_equal(json_str(e.resource, "summary"), "second");
	assert_int_equal(e.pending, PENDING_CREATE);
	assert_string_equal(e.etag, "\"3\"");
}

static int64_t count_history(struct stage *s)
{
	sqlite3 *db = NULL;
	sqlite3_stmt *st = NULL;
	int64_t n;

	assert_int_equal(sqlite3_open(store_path(s->b.store), &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db,
					    "SELECT count(*) FROM history"
					    " WHERE resource LIKE '%only here%'",
					    -1, &st, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	n = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

/* Its insert arrived although no answer came, and somebody deleted it there: what goes here can be
 * restored from the history. */
static void test_race__a_new_event_deleted_there_stays_in_the_history(void **state)
{
	static const char *const quiet = "{\"items\":[],\"nextSyncToken\":\"t2\"}";
	static const char text[] = "{\"id\":\"mine0\",\"summary\":\"only here\"," SPAN "}";
	const struct local_options o = {0};
	AUTO(stage_release) struct stage s;
	AUTO(calendar_list_release) struct calendar_list l = {0};
	AUTO(event_release) struct event made = {0};
	AUTO(json_object_put) struct json_object *new_event = NULL;

	(void)state;
	stage_init(&s);
	run_good(&s, three);
	if (json_parse(text, strlen(text), &new_event, &err) ||
	    store_calendar_list(s.b.store, s.b.account.id, &l, &err) ||
	    local_add(s.b.store, &s.b.clock.base, l.items[0].id, new_event, &o, &made, &err))
		fail_msg("%s", err.msg);
	s.host.write_status = 409;
	s.host.write_body = "{\"error\":{\"errors\":[{\"reason\":\"duplicate\"}]}}";
	s.host.get_status = 200;
	s.host.get_body = "{\"id\":\"mine0\",\"status\":\"cancelled\",\"summary\":\"only here\","
			  "\"created\":\"2036-01-01T00:00:00Z\"}";
	run_good(&s, quiet);
	assert_false(has(&s, "mine0"));
	assert_int_equal(count_history(&s), 1);
}

/* --- at random ----------------------------------------------------------------------------- */

#define FUZZ_ROUNDS 120
#define FUZZ_IDS    6

static uint32_t fuzz_state;

static uint32_t pick(uint32_t below)
{
	fuzz_state = fuzz_state * 1664525u + 1013904223u;
	return (fuzz_state >> 8) % below;
}

static const char *const fuzz_values[] = {
	"null",
	"true",
	"7",
	"-1",
	"1e300",
	"\"\"",
	"\"x\"",
	"\"cancelled\"",
	"\"confirmed\"",
	"\"2026-02-01\"",
	"\"2026-02-01T10:00:00Z\"",
	"\"2026-02-01T10:00:00\"",
	"\"Europe/Berlin\"",
	"\"RRULE:FREQ=DAILY;UNTIL=20260301T000000Z\"",
	"\"\\u0000\\u202e\"",
};

static const char *const fuzz_keys[] = {
	"id",         "etag",        "status",       "summary",
	"start",      "end",         "recurrence",   "recurringEventId",
	"attendees",  "reminders",   "updated",      "created",
	"date",       "dateTime",    "timeZone",     "email",
	"overrides",  "useDefault",  "private",      "extendedProperties",
	"source",     "attachments", "transparency", "conferenceData",
	"visibility", "iCalUID",     "sequence",     "originalStartTime",
};

static void add_value(struct strbuf *sb, int depth)
{
	uint32_t kind = pick(depth > 3 ? 4 : 7);
	uint32_t n = pick(4);

	if (kind < 4) {
		strbuf_adds(sb, fuzz_values[pick(ARRAY_SIZE(fuzz_values))]);
		return;
	}
	strbuf_addc(sb, kind < 6 ? '{' : '[');
	for (uint32_t i = 0; i < n; i++) {
		if (i)
			strbuf_addc(sb, ',');
		if (kind < 6)
			strbuf_addf(sb, "\"%s\":", fuzz_keys[pick(ARRAY_SIZE(fuzz_keys))]);
		add_value(sb, depth + 1);
	}
	strbuf_addc(sb, kind < 6 ? '}' : ']');
}

/* An event with some of its members replaced, of one of a few ids so that they meet again. */
static void add_event(struct strbuf *sb)
{
	uint32_t n = pick(5);

	strbuf_addf(sb, "{\"id\":\"fuzz%u\",\"etag\":\"\\\"%u\\\"\",\"summary\":\"s%u\"," SPAN,
		    pick(FUZZ_IDS), pick(50), pick(5));
	for (uint32_t i = 0; i < n; i++) {
		strbuf_addf(sb, ",\"%s\":", fuzz_keys[1 + pick(ARRAY_SIZE(fuzz_keys) - 1)]);
		add_value(sb, 0);
	}
	strbuf_addc(sb, '}');
}

static char *fuzz_page(int round)
{
	struct strbuf sb = STRBUF_INIT;

	strbuf_adds(&sb, "{\"items\":[");
	for (int i = 0; i < 4; i++) {
		if (i)
			strbuf_addc(&sb, ',');
		add_event(&sb);
	}
	strbuf_addf(&sb, "],\"nextSyncToken\":\"t%d\"}", round);
	return strbuf_detach(&sb);
}

/* Pages, edits and answers that nobody thought of: no crash, no loop, a store that can be read, and
 * what is good comes through. */
static void test_fuzz__histories_of_nonsense(void **state)
{
	const char *seed = getenv("FUZZ_SEED");
	AUTO(stage_release) struct stage s;

	(void)state;
	/* FUZZ_SEED=N tries another history. */
	fuzz_state = seed ? (uint32_t)strtoul(seed, NULL, 10) : 20260101;
	stage_init(&s);
	for (int round = 0; round < FUZZ_ROUNDS; round++) {
		AUTO(free) char *page = fuzz_page(round);
		struct strbuf answer = STRBUF_INIT;
		const struct sync_options o = {.full = !pick(4)};

		add_event(&answer);
		s.host.write_status =
			(int)(const uint32_t[]){200, 200, 400, 404, 409, 412}[pick(6)];
		s.host.write_body = answer.buf;
		s.host.get_status = pick(2) ? 200 : 0;
		s.host.get_body = answer.buf;
		if (!pick(3))
			edit_everything(&s);
		(void)run(&s, &o, (const char *const[]){page}, 1);
		if (s.last.err.code == ERR_STORE)
			fail_msg("round %d: %s", round, s.last.err.msg);
		(void)count_rows(&s);
		strbuf_release(&answer);
	}
	s.host.write_status = 404;
	s.host.write_body = "{}";
	s.host.get_status = 0;
	(void)run(&s, NULL, (const char *const[]){three}, 1);
	check_title(&s, "good0", "good");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_writes__no_answer_loses_an_edit),
		cmocka_unit_test(test_lookups__an_answer_that_is_no_event_becomes_no_row),
		cmocka_unit_test(test_fuzz__histories_of_nonsense),
		cmocka_unit_test(test_race__an_edit_while_a_tombstone_is_revived),
		cmocka_unit_test(test_race__a_new_event_deleted_there_stays_in_the_history),
	};

	return cmocka_run_group_tests_name("hostile_push", tests, temp_dir_make, temp_dir_remove);
}
