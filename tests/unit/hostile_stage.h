/* An account whose Google answers what a test tells it to: for the tests of the engine against
 * nonsense. */
#ifndef TESTS_HOSTILE_STAGE_H
#define TESTS_HOSTILE_STAGE_H

#include "google_bench.h"
#include "model/event.h"
#include "sync/local.h"
#include "sync/sync.h"

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

static inline int host_exchange(struct transport *t, const struct http_request *req,
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

static inline void stage_init(struct stage *s)
{
	static const struct scripted_answer unused[] = {DROPPED};

	memset(s, 0, sizeof(*s));
	bench_init(&s->b, unused, 1);
	/* the user of PRIMARY */
	xstr_set(&s->b.account.email, "me@example.com");
	save_row(&s->b, &s->b.account);
	s->host = (struct host){.t = {host_exchange, NULL},
				.calendars = CALENDARS,
				.write_status = 404,
				.write_body = "{}"};
	s->env = (struct sync_env){.store = s->b.store,
				   .box = s->b.box,
				   .transport = &s->host.t,
				   .clock = &s->b.clock.base};
}

static inline void stage_release(struct stage *s)
{
	sync_result_release(&s->last);
	bench_release(&s->b);
}
DEFINE_AUTO_VALUE(struct stage, stage_release)

static inline int run(struct stage *s, const struct sync_options *o, const char *const *pages,
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

static inline void run_good(struct stage *s, const char *page)
{
	if (run(s, NULL, &page, 1) || !s->last.success)
		fail_msg("%.300s: %s", page, s->last.err.msg);
}

static inline void list_rows(struct stage *s, struct event_list *out)
{
	struct event_query q = EVENT_QUERY_INIT;

	q.include_hidden = q.include_cancelled = true;
	if (store_event_list(s->b.store, &q, out, &err))
		fail_msg("%s", err.msg);
}

static inline bool has(struct stage *s, const char *id)
{
	AUTO(event_list_release) struct event_list l = {0};
	bool found = false;

	list_rows(s, &l);
	for (size_t i = 0; i < l.count; i++)
		found |= !strcmp(l.items[i].id, id);
	return found;
}

static inline void find_row(struct stage *s, const char *id, struct event *out)
{
	AUTO(calendar_list_release) struct calendar_list l = {0};
	bool found = false;

	if (store_calendar_list(s->b.store, s->b.account.id, &l, &err) ||
	    store_event_get(s->b.store, l.items[0].id, id, out, &found, &err))
		fail_msg("%s", err.msg);
	if (!found)
		fail_msg("%s is not there", id);
}

static inline int64_t count_rows(struct stage *s)
{
	AUTO(event_list_release) struct event_list l = {0};

	list_rows(s, &l);
	return (int64_t)l.count;
}

static inline void check_title(struct stage *s, const char *id, const char *title)
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

static const char three[] = "{\"items\":[" GOOD("good0") "," GOOD("good1") "," GOOD(
	"good2") "],"
		 "\"nextSyncToken\":\"t1\"}";

/* What a user may do to any of them. */
static inline void edit_everything(struct stage *s)
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

#endif
