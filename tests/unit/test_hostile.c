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
#include <sqlite3.h>

#include "google_bench.h"
#include "model/event.h"
#include "sync/local.h"
#include "sync/sync.h"
#include "sync/wire.h"

#define ASKED_MAX 3000 /* more requests than this in one sync are a loop */

#define PRIMARY                                                               \
	"{\"id\":\"me@example.com\",\"summary\":\"Me\",\"timeZone\":\"UTC\"," \
	"\"accessRole\":\"owner\",\"primary\":true}"
#define CALENDARS "{\"items\":[" PRIMARY "],\"nextSyncToken\":\"l1\"}"

#define GOOD(id)                                                                                   \
	"{\"id\":\"" id "\",\"etag\":\"\\\"1\\\"\",\"status\":\"confirmed\",\"summary\":\"good\"," \
	"\"start\":{\"dateTime\":\"2026-02-01T10:00:00Z\"},"                                       \
	"\"end\":{\"dateTime\":\"2026-02-01T11:00:00Z\"}}"
#define SPAN                                                 \
	"\"start\":{\"dateTime\":\"2026-02-01T10:00:00Z\"}," \
	"\"end\":{\"dateTime\":\"2026-02-01T11:00:00Z\"}"

struct host {
	struct transport t;
	const char *calendars;
	const char *const *pages; /* of events.list; the last is repeated when they run out */
	size_t page_count, next_page;
	int get_status; /* of a single event; 0 = as a write */
	const char *get_body;
	int write_status; /* of everything else */
	const char *write_type, *write_body;
	void (*on_write)(void *arg); /* once, while a write is under way */
	void *arg;
	int asked;
};

static int host_exchange(struct transport *t, const struct http_request *req,
			 struct http_response *out, struct err *err)
{
	struct host *h = (struct host *)t;
	const char *body = h->write_body;

	(void)err;
	if (++h->asked > ASKED_MAX)
		fail_msg("it asks for ever: %s %s", req->method, req->url);
	out->status = 200;
	if (strstr(req->url, "calendarList")) {
		body = h->calendars;
	} else if (!strcmp(req->method, "GET") && strstr(req->url, "/events?")) {
		body = h->pages[h->next_page];
		if (h->next_page + 1 < h->page_count)
			h->next_page++;
	} else if (!strcmp(req->method, "GET") && h->get_status) {
		out->status = h->get_status;
		body = h->get_body;
	} else {
		void (*on_write)(void *) = TAKE(h->on_write);

		if (on_write)
			on_write(h->arg);
		out->status = h->write_status;
		if (h->write_type)
			http_headers_add(&out->headers, "Content-Type", h->write_type);
	}
	if (body)
		strbuf_adds(&out->body, body);
	return 0;
}

struct stage {
	struct bench b;
	struct host host;
	struct sync_env env;
	struct sync_result last;
	int64_t calendar;
};

static struct err err;

static void stage_init(struct stage *s)
{
	static const struct scripted_answer unused[] = {DROPPED};

	memset(s, 0, sizeof(*s));
	bench_init(&s->b, unused, 1);
	s->host = (struct host){.t = {host_exchange, NULL},
				.calendars = CALENDARS,
				.write_status = 404,
				.write_body = "{}"};
	s->env = (struct sync_env){s->b.store, s->b.box, &s->host.t, &s->b.clock.base};
}

static void stage_release(struct stage *s)
{
	sync_result_release(&s->last);
	bench_release(&s->b);
}
DEFINE_AUTO_VALUE(struct stage, stage_release)

static int run(struct stage *s, const struct sync_options *o, const char *const *pages,
	       size_t count)
{
	static const struct sync_options none = {0};
	AUTO(account_release) struct account a = {0};
	int result;

	sync_result_release(&s->last);
	s->host.pages = pages;
	s->host.page_count = count;
	s->host.next_page = 0;
	s->host.asked = 0;
	/* The fake clock has slept through backoffs: the token shall not end meanwhile. */
	row(&s->b, &a);
	a.token_expires_ms = s->b.clock.now + HOUR * 10;
	a.not_before_ms = 0;
	save_row(&s->b, &a);
	result = sync_account(&s->env, &a, o ? o : &none, &s->last, &err);
	s->host.pages = NULL; /* they were the caller's */
	s->host.page_count = 0;
	return result;
}

static void run_good(struct stage *s, const char *page)
{
	if (run(s, NULL, &page, 1) || !s->last.success)
		fail_msg("%.300s: %s", page, s->last.err.msg);
}

static void list_rows(struct stage *s, struct event_list *out)
{
	struct event_query q = EVENT_QUERY_INIT;

	q.include_hidden = q.include_cancelled = true;
	if (store_event_list(s->b.store, &q, out, &err))
		fail_msg("%s", err.msg);
}

static bool has(struct stage *s, const char *id)
{
	AUTO(event_list_release) struct event_list l = {0};
	bool found = false;

	list_rows(s, &l);
	for (size_t i = 0; i < l.count; i++)
		found |= !strcmp(l.items[i].id, id);
	return found;
}

static int64_t count_rows(struct stage *s)
{
	AUTO(event_list_release) struct event_list l = {0};

	list_rows(s, &l);
	return (int64_t)l.count;
}

static void check_title(struct stage *s, const char *id, const char *title)
{
	AUTO(event_list_release) struct event_list l = {0};

	list_rows(s, &l);
	for (size_t i = 0; i < l.count; i++) {
		const char *has = json_str(l.items[i].resource, "summary");

		if (strcmp(l.items[i].id, id) != 0)
			continue;
		assert_string_equal(has ? has : "(none)", title);
		assert_non_null(json_path_str(l.items[i].resource, "start/dateTime"));
		return;
	}
	fail_msg("%s is gone", id);
}

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

/* What a user may do to any of them. */
static void edit_everything(struct stage *s)
{
	static const char more[] =
		"{\"summary\":\"mine\",\"reminders\":{\"useDefault\":false,\"overrides\":[]},"
		"\"source\":{\"url\":\"https://example.com\"},\"transparency\":\"transparent\","
		"\"extendedProperties\":{\"private\":{\"a\":\"b\"}},"
		"\"attendees\":[{\"email\":\"a@example.com\"}]," SPAN "}";
	AUTO(event_list_release) struct event_list l = {0};
	AUTO(json_object_put) struct json_object *fields = NULL;
	const struct local_options o = {0};

	if (json_parse(more, strlen(more), &fields, &err))
		fail_msg("%s", err.msg);
	list_rows(s, &l);
	for (size_t i = 0; i < l.count; i++) {
		AUTO(json_object_put)
		struct json_object *edited = json_clone(l.items[i].resource);
		AUTO(event_release) struct event now = {0};

		json_object_object_foreach (fields, key, value)
			json_set(edited, key, json_clone(value));
		if (!local_edit(s->b.store, &s->b.clock.base, l.items[i].rowid, edited, &o, &now,
				&err))
			assert_int_not_equal(now.pending, PENDING_NONE);
		else if (err.code != ERR_INVALID && err.code != ERR_NOT_FOUND)
			fail_msg("event %s: %s", l.items[i].id, err.msg);
	}
}

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

static const char three[] = "{\"items\":[" GOOD("good0") "," GOOD("good1") "," GOOD(
	"good2") "],"
		 "\"nextSyncToken\":\"t1\"}";

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
	static const char *const holes[] = {"null", "{}", "{\"id\":7}", "{\"id\":\"good1\"}",
					    "{\"id\":\"good1\",\"start\":\"x\"}"};
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events__one_bad_does_not_keep_the_others_away),
		cmocka_unit_test(test_events__huge_fields),
		cmocka_unit_test(test_events__a_garbage_date_stays_out_of_the_views),
		cmocka_unit_test(test_pages__nothing_is_swept_after_a_bad_one),
		cmocka_unit_test(test_pages__a_listing_without_sync_token_sweeps_nothing),
		cmocka_unit_test(test_pages__nothing_is_swept_when_an_item_was_unreadable),
		cmocka_unit_test(test_pages__a_loop_of_tokens_ends),
		cmocka_unit_test(test_pages__without_end),
		cmocka_unit_test(test_calendars__one_bad_entry_does_not_keep_the_others_away),
		cmocka_unit_test(test_calendars__a_bad_list_takes_none_away),
		cmocka_unit_test(test_writes__no_answer_loses_an_edit),
		cmocka_unit_test(test_lookups__an_answer_that_is_no_event_becomes_no_row),
		cmocka_unit_test(test_race__an_edit_while_a_tombstone_is_revived),
		cmocka_unit_test(test_race__a_new_event_deleted_there_stays_in_the_history),
	};

	return cmocka_run_group_tests_name("hostile", tests, temp_dir_make, temp_dir_remove);
}
