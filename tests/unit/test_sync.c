/* The real engine, planner and store against the simulated Google, in one process. */
#include "sync/sync.h"

#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "base/random.h"
#include "base/time.h"
#include "base/xalloc.h"
#include "google/google.h"
#include "model/event.h"
#include "sync/local.h"
#include "sync/lock.h"
#include "../fake_google/fg.h"

#define NOW_MS 1767261600000 /* 2026-01-01T10:00:00Z */

/* A clock that only moves when somebody sleeps; the simulated Google has one of its own. */
struct test_clock {
	struct clock clock;
	int64_t now_ms;
	int64_t slept_ms;
};

static int64_t test_now(struct clock *c)
{
	return ((struct test_clock *)c)->now_ms;
}

static void test_sleep(struct clock *c, int64_t ms)
{
	struct test_clock *t = (struct test_clock *)c;

	if (ms <= 0)
		return;
	t->now_ms += ms;
	t->slept_ms += ms;
}

/* A hook between a request and its answer: somebody edits meanwhile. */
struct hooked_transport {
	struct transport t;
	struct transport *inner;
	const char *method, *url; /* called once, after the next request like this */
	void (*after)(void *arg);
	void *arg;
};

struct world {
	char dir[64];
	struct fg *fg;
	struct hooked_transport hooked;
	struct test_clock clock;
	struct store *store;
	struct secret_box *box;
	struct account account;
	struct calendar calendar;
	struct sync_env env;
	struct sync_result last;
};

static struct err err;

#define OK(call)                                                                       \
	do {                                                                           \
		if (call)                                                              \
			fail_msg("%s:%d: %s: %s", __FILE__, __LINE__, #call, err.msg); \
	} while (0)

static int hooked_exchange(struct transport *t, const struct http_request *req,
			   struct http_response *out, struct err *e)
{
	struct hooked_transport *h = (struct hooked_transport *)t;
	int result = h->inner->exchange(h->inner, req, out, e);

	if (h->after && !strcmp(req->method, h->method) && strstr(req->url, h->url)) {
		void (*after)(void *) = TAKE(h->after);

		after(h->arg);
	}
	return result;
}

/* --- Google's side ------------------------------------------------------------------------- */

static struct json_object *ask(struct world *w, const char *method, const char *url,
			       const char *body, const char *token, int *out_status)
{
	AUTO(http_headers_release) struct http_headers headers = {0};
	AUTO(http_response_release) struct http_response r = HTTP_RESPONSE_INIT;
	AUTO(free) char *bearer = token ? xasprintf("Bearer %s", token) : NULL;
	struct json_object *out = NULL;
	struct http_request req = {.method = method, .url = url, .body = body};

	http_headers_add(&headers, "User-Agent", "test (gzip)");
	if (body)
		http_headers_add(&headers, "Content-Type", "application/json");
	if (bearer)
		http_headers_add(&headers, "Authorization", bearer);
	req.headers = headers;
	req.body_len = body ? strlen(body) : 0;
	assert_int_equal(fg_handle(w->fg, &req, &r), 0);
	if (out_status)
		*out_status = r.status;
	else if (r.status >= 300)
		fail_msg("%s %s: %d %s", method, url, r.status, r.body.buf);
	if (r.body.len)
		OK(json_parse(r.body.buf, r.body.len, &out, &err));
	return out;
}

static void control(struct world *w, const char *method, const char *path, const char *body)
{
	json_object_put(ask(w, method, path, body, NULL, NULL));
}

/* Act at Google as its owner would, with a token of one's own. */
static struct json_object *at_google(struct world *w, const char *method, const char *path,
				     const char *body)
{
	AUTO(json_object_put)
	struct json_object *t = ask(w, "POST", "/sandbox/token", "{}", NULL, NULL);
	AUTO(free) char *url = xasprintf("/calendar/v3/calendars/primary/events%s", path);

	return ask(w, method, url, body, json_str(t, "access_token"), NULL);
}

static char *google_add(struct world *w, const char *summary)
{
	AUTO(free)
	char *body = xasprintf("{\"summary\":\"%s\","
			       "\"start\":{\"dateTime\":\"2026-02-01T10:00:00Z\"},"
			       "\"end\":{\"dateTime\":\"2026-02-01T11:00:00Z\"}}",
			       summary);
	AUTO(json_object_put) struct json_object *e = at_google(w, "POST", "", body);

	return xstrdup(json_str(e, "id"));
}

static void google_patch(struct world *w, const char *id, const char *body)
{
	AUTO(free) char *path = xasprintf("/%s", id);

	json_object_put(at_google(w, "PATCH", path, body));
}

static void google_delete(struct world *w, const char *id)
{
	AUTO(free) char *path = xasprintf("/%s", id);

	json_object_put(at_google(w, "DELETE", path, NULL));
}

/* The live events of the primary calendar, as an object id -> resource. */
static struct json_object *google_events(struct world *w)
{
	AUTO(json_object_put)
	struct json_object *state = ask(w, "GET", "/sandbox/state", NULL, NULL, NULL);
	struct json_object *out = json_object_new_object();
	struct json_object *account = json_object_array_get_idx(json_get(state, "accounts"), 0);
	struct json_object *calendar = json_object_array_get_idx(json_get(account, "calendars"), 0);
	struct json_object *events = json_get(calendar, "events");

	for (size_t i = 0; i < json_object_array_length(events); i++) {
		struct json_object *e = json_object_array_get_idx(events, i);

		if (!event_is_cancelled(e))
			json_set(out, json_str(e, "id"), json_clone(e));
	}
	return out;
}

static int64_t google_count(struct world *w)
{
	AUTO(json_object_put) struct json_object *events = google_events(w);

	return json_object_object_length(events);
}

/* How many requests with a path that holds `part` Google has seen (batch parts too). */
static int64_t requests(struct world *w, const char *method, const char *part)
{
	AUTO(json_object_put)
	struct json_object *log = ask(w, "GET", "/sandbox/requests", NULL, NULL, NULL);
	int64_t n = 0;

	for (size_t i = 0; i < json_object_array_length(log); i++) {
		struct json_object *r = json_object_array_get_idx(log, i);

		n += (!method || !strcmp(json_str(r, "method"), method)) &&
		     strstr(json_str(r, "path"), part) != NULL;
	}
	return n;
}

static void forget_log(struct world *w)
{
	control(w, "DELETE", "/sandbox/requests", NULL);
}

/* --- our side ------------------------------------------------------------------------------ */

static void seal_token(struct world *w, const char *field, const char *token)
{
	AUTO(strbuf_release) struct strbuf sealed = STRBUF_INIT;
	char account[24];

	snprintf(account, sizeof(account), "%lld", (long long)w->account.id);
	OK(secret_seal(w->box, account, field, token, strlen(token), &sealed, &err));
	OK(store_secret_put(w->store, w->account.id, field, sealed.buf, sealed.len, &err));
}

static void connect_account(struct world *w)
{
	AUTO(json_object_put)
	struct json_object *t = ask(w, "POST", "/sandbox/token", "{}", NULL, NULL);
	AUTO(google_free) struct google *g = NULL;
	AUTO(calendar_list_release) struct calendar_list list = {0};
	struct google_options o = {.transport = &w->hooked.t,
				   .clock = &w->clock.clock,
				   .store = w->store,
				   .box = w->box};
	int64_t changed;

	w->account = (struct account){
		.name = xstrdup("me"),
		.email = xstrdup(""),
		.base_url = xstrdup("http://127.0.0.1:1"),
		.auth = xstrdup("installed"),
		.client_id = xstrdup("calsync-sandbox.apps.googleusercontent.com"),
		.scopes = xstrdup("https://www.googleapis.com/auth/calendar"),
		.connected_ms = w->clock.now_ms,
		.token_expires_ms = w->clock.now_ms + 3600 * 1000,
	};
	OK(store_account_add(w->store, &w->account, &err));
	seal_token(w, "access_token", json_str(t, "access_token"));
	OK(google_new(&w->account, &o, &g, &err));
	OK(sync_calendar_list(g, w->store, &w->account, &changed, &err));
	OK(store_calendar_list(w->store, w->account.id, &list, &err));
	assert_int_equal(list.count, 1);
	OK(store_calendar_get(w->store, list.items[0].id, &w->calendar, &err));
	assert_true(w->calendar.selected);
}

static int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	struct fg_options o = {.seed = 7, .now_ms = NOW_MS, .base_url = "http://127.0.0.1:1"};
	AUTO(free) char *db = NULL;
	AUTO(free) char *key = NULL;

	snprintf(w->dir, sizeof(w->dir), "/tmp/calsync-test-XXXXXX");
	assert_non_null(mkdtemp(w->dir));
	db = xasprintf("%s/calsync.db", w->dir);
	key = xasprintf("%s/key", w->dir);
	random_seed_for_tests(99);
	w->clock = (struct test_clock){{test_now, test_now, test_sleep}, NOW_MS, 0};
	w->fg = fg_new(&o);
	w->hooked = (struct hooked_transport){.t = {hooked_exchange, NULL},
					      .inner = fg_transport_new(w->fg)};
	OK(store_open(db, STORE_CREATE, &w->store, &err));
	OK(secret_box_open(key_provider_find("file"), key, true, &w->box, &err));
	w->env = (struct sync_env){w->store, w->box, &w->hooked.t, &w->clock.clock};
	connect_account(w);
	forget_log(w);
	*state = w;
	return 0;
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static int teardown(void **state)
{
	struct world *w = *state;

	sync_result_release(&w->last);
	calendar_release(&w->calendar);
	account_release(&w->account);
	secret_box_free(w->box);
	store_close(w->store);
	w->hooked.inner->free(w->hooked.inner);
	fg_free(w->fg);
	nftw(w->dir, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
	free(w);
	random_seed_for_tests(0);
	return 0;
}

static int run_sync(struct world *w, const struct sync_options *o)
{
	struct sync_options none = {0};
	AUTO(account_release) struct account a = {0};

	sync_result_release(&w->last);
	OK(store_account_get(w->store, "me", &a, &err));
	return sync_account(&w->env, &a, o ? o : &none, &w->last, &err);
}

static void sync_ok(struct world *w)
{
	if (run_sync(w, NULL) || !w->last.success)
		fail_msg("sync: %s", w->last.err.msg);
	assert_int_equal(w->last.err.code, ERR_NONE);
	for (size_t i = 0; i < w->last.calendar_count; i++)
		assert_int_equal(w->last.calendars[i].err.code, ERR_NONE);
}

static struct json_object *timed(const char *summary)
{
	struct json_object *e = NULL;
	AUTO(free)
	char *text = xasprintf("{\"summary\":\"%s\","
			       "\"start\":{\"dateTime\":\"2026-02-03T10:00:00Z\"},"
			       "\"end\":{\"dateTime\":\"2026-02-03T11:00:00Z\"}}",
			       summary);

	OK(json_parse(text, strlen(text), &e, &err));
	return e;
}

static int64_t add_with(struct world *w, const char *summary, const char *id, bool no_sync)
{
	AUTO(json_object_put) struct json_object *r = timed(summary);
	AUTO(event_release) struct event e = {0};
	struct local_options o = {.no_sync = no_sync};

	if (id)
		json_set_str(r, "id", id);
	OK(local_add(w->store, &w->clock.clock, w->calendar.id, r, &o, &e, &err));
	return e.rowid;
}

static int64_t add(struct world *w, const char *summary)
{
	return add_with(w, summary, NULL, false);
}

static void edit(struct world *w, int64_t rowid, const char *field, const char *value)
{
	AUTO(event_release) struct event e = {0};
	AUTO(event_release) struct event out = {0};
	AUTO(json_object_put) struct json_object *r = NULL;
	struct local_options o = {0};

	w->clock.now_ms += 1000;
	OK(store_event_get_row(w->store, rowid, &e, &err));
	r = json_clone(e.resource);
	json_set_str(r, field, value);
	OK(local_edit(w->store, &w->clock.clock, rowid, r, &o, &out, &err));
}

static bool delete_row(struct world *w, int64_t rowid)
{
	struct local_options o = {0};
	bool gone;

	w->clock.now_ms += 1000;
	OK(local_delete(w->store, &w->clock.clock, rowid, &o, &gone, &err));
	return gone;
}

static void connect_again(struct world *w)
{
	AUTO(json_object_put)
	struct json_object *t = ask(w, "POST", "/sandbox/token", "{}", NULL, NULL);

	seal_token(w, "access_token", json_str(t, "access_token"));
}

static int64_t row_of(struct world *w, const char *id)
{
	AUTO(event_release) struct event e = {0};
	bool found;

	OK(store_event_get(w->store, w->calendar.id, id, &e, &found, &err));
	return found ? e.rowid : 0;
}

/* Both sides hold the same events, with the same fields, and nothing waits. */
static void assert_equal_sides(struct world *w, size_t count)
{
	AUTO(json_object_put) struct json_object *remote = google_events(w);
	AUTO(event_list_release) struct event_list local = {0};
	AUTO(outbox_list_release) struct outbox_list waiting = {0};
	struct event_query q = EVENT_QUERY_INIT;

	OK(store_event_list(w->store, &q, &local, &err));
	OK(store_outbox_list(w->store, 0, 0, -1, 0, &waiting, &err));
	assert_int_equal(waiting.count, 0);
	assert_int_equal(local.count, count);
	assert_int_equal(json_object_object_length(remote), count);
	for (size_t i = 0; i < local.count; i++) {
		struct event *e = &local.items[i];

		if (!event_equal(e->resource, json_get(remote, e->id)))
			fail_msg("%s differs: %s", e->id, json_text(e->resource));
		assert_int_equal(e->sync_status, SYNC_SYNCED);
		assert_true(e->at_google);
	}
}

static void fault(struct world *w, const char *body)
{
	control(w, "POST", "/sandbox/faults", body);
}

/* --- tests --------------------------------------------------------------------------------- */

static void test_sync__pulls_everything_then_asks_once_a_calendar(void **state)
{
	struct world *w = *state;
	char *ids[3];

	for (size_t i = 0; i < 3; i++)
		ids[i] = google_add(w, "x");
	sync_ok(w);
	assert_int_equal(w->last.pulled.created, 3);
	assert_equal_sides(w, 3);
	forget_log(w);
	sync_ok(w);
	assert_int_equal(w->last.pulled.created + w->last.pulled.updated + w->last.pulled.deleted,
			 0);
	assert_int_equal(w->last.requests, 2);
	assert_int_equal(requests(w, "GET", "/events"), 1);
	assert_int_equal(requests(w, "GET", "/calendarList"), 1);
	for (size_t i = 0; i < 3; i++)
		free(ids[i]);
}

static void test_sync__google_changes_arrive(void **state)
{
	struct world *w = *state;
	AUTO(free) char *a = google_add(w, "a");
	AUTO(free) char *b = google_add(w, "b");

	sync_ok(w);
	google_patch(w, a, "{\"summary\":\"a2\",\"location\":\"here\"}");
	google_delete(w, b);
	sync_ok(w);
	assert_int_equal(w->last.pulled.updated, 1);
	assert_int_equal(w->last.pulled.deleted, 1);
	assert_equal_sides(w, 1);
}

static void test_sync__local_changes_go_out(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "a");

	sync_ok(w);
	assert_int_equal(w->last.pushed.created, 1);
	assert_int_equal(w->last.pulled.created, 0);
	assert_equal_sides(w, 1);
	edit(w, row, "summary", "b");
	forget_log(w);
	sync_ok(w);
	assert_int_equal(w->last.pushed.updated, 1);
	assert_int_equal(requests(w, "PATCH", "/events/"), 1);
	assert_equal_sides(w, 1);
	assert_false(delete_row(w, row));
	sync_ok(w);
	assert_int_equal(w->last.pushed.deleted, 1);
	assert_equal_sides(w, 0);
	forget_log(w);
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
}

static void test_sync__an_edit_taken_back_sends_nothing(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	int64_t row;

	sync_ok(w);
	row = row_of(w, id);
	edit(w, row, "summary", "b");
	edit(w, row, "summary", "a");
	assert_equal_sides(w, 1);
	assert_true(delete_row(w, add(w, "never sent")));
	assert_equal_sides(w, 1);
}

static void test_sync__a_lost_answer_makes_no_duplicate(void **state)
{
	struct world *w = *state;

	add(w, "a");
	fault(w, "{\"method\":\"POST\",\"match\":\"/events\",\"action\":\"drop_after\"}");
	sync_ok(w);
	assert_equal_sides(w, 1);
	assert_int_equal(w->last.pushed.created, 1);
}

static void test_sync__a_lost_answer_in_an_earlier_run_makes_no_duplicate(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "a");

	fault(w, "{\"method\":\"POST\",\"match\":\"/events\",\"action\":\"drop_after\"}");
	assert_int_equal(sync_events(&w->env, &w->account, &row, 1, &err), -1);
	assert_int_equal(err.code, ERR_NETWORK);
	assert_int_equal(google_count(w), 1);
	edit(w, row, "summary", "edited since");
	sync_ok(w);
	assert_equal_sides(w, 1);
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
}

static void test_sync__a_lost_answer_to_an_update_or_delete_is_settled(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "a");

	sync_ok(w);
	edit(w, row, "summary", "b");
	fault(w, "{\"method\":\"PATCH\",\"action\":\"drop_after\"}");
	sync_ok(w);
	assert_equal_sides(w, 1);
	delete_row(w, row);
	fault(w, "{\"method\":\"DELETE\",\"action\":\"drop_after\"}");
	sync_ok(w);
	assert_equal_sides(w, 0);
	assert_int_equal(w->last.conflicts, 0);
}

static void test_sync__a_taken_id_of_somebody_else_gets_a_new_one(void **state)
{
	struct world *w = *state;
	AUTO(json_object_put) struct json_object *e = NULL;

	e = at_google(
		w, "POST", "",
		"{\"id\":\"taken0\",\"summary\":\"theirs\",\"start\":{\"date\":\"2026-05-05\"},"
		"\"end\":{\"date\":\"2026-05-06\"}}");
	w->clock.now_ms += 600 * 1000;
	control(w, "POST", "/sandbox/clock", "{\"advance_ms\":600000}");
	add_with(w, "mine", "taken0", false);
	sync_ok(w);
	assert_equal_sides(w, 2);
}

static void test_sync__fields_changed_on_both_sides_merge(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	AUTO(json_object_put) struct json_object *events = NULL;

	sync_ok(w);
	edit(w, row_of(w, id), "summary", "local");
	google_patch(w, id, "{\"location\":\"remote\"}");
	sync_ok(w);
	assert_int_equal(w->last.conflicts, 0);
	assert_equal_sides(w, 1);
	events = google_events(w);
	assert_string_equal(json_str(json_get(events, id), "summary"), "local");
	assert_string_equal(json_str(json_get(events, id), "location"), "remote");
}

static void test_sync__the_newer_edit_of_one_field_wins(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	AUTO(json_object_put) struct json_object *events = NULL;

	sync_ok(w);
	edit(w, row_of(w, id), "summary", "older, here");
	control(w, "POST", "/sandbox/clock", "{\"advance_ms\":60000}");
	w->clock.now_ms += 60000;
	google_patch(w, id, "{\"summary\":\"newer, there\"}");
	sync_ok(w);
	assert_int_equal(w->last.conflicts, 1);
	assert_equal_sides(w, 1);
	events = google_events(w);
	assert_string_equal(json_str(json_get(events, id), "summary"), "newer, there");
}

static void test_sync__newer_is_judged_by_googles_clock(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	AUTO(json_object_put) struct json_object *events = NULL;

	sync_ok(w);
	/* Our clock stands an hour behind Google's: the edit made here later has the smaller time. */
	control(w, "POST", "/sandbox/clock", "{\"advance_ms\":3600000}");
	google_patch(w, id, "{\"summary\":\"older, there\"}");
	control(w, "POST", "/sandbox/clock", "{\"advance_ms\":60000}");
	w->clock.now_ms += 60000;
	edit(w, row_of(w, id), "summary", "newer, here");
	/* A token that Google's clock has not let expire. */
	connect_again(w);
	sync_ok(w);
	assert_int_equal(w->last.conflicts, 1);
	assert_equal_sides(w, 1);
	events = google_events(w);
	assert_string_equal(json_str(json_get(events, id), "summary"), "newer, here");
}

static void test_sync__a_garbled_answer_is_asked_about_again(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "a");

	fault(w, "{\"method\":\"POST\",\"match\":\"/events\",\"action\":\"garbage\",\"times\":0}");
	assert_int_equal(sync_events(&w->env, &w->account, &row, 1, &err), -1);
	assert_int_equal(err_exit_status(err.code), 4);
	control(w, "DELETE", "/sandbox/faults", NULL);
	sync_ok(w);
	assert_equal_sides(w, 1);
}

static void test_sync__an_edit_beats_a_delete(void **state)
{
	struct world *w = *state;
	AUTO(free) char *a = google_add(w, "a");
	AUTO(free) char *b = google_add(w, "b");

	sync_ok(w);
	edit(w, row_of(w, a), "summary", "edited here");
	google_delete(w, a);
	delete_row(w, row_of(w, b));
	google_patch(w, b, "{\"summary\":\"edited there\"}");
	sync_ok(w);
	assert_equal_sides(w, 2);
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
}

static void test_sync__both_deleted_is_agreed(void **state)
{
	struct world *w = *state;
	AUTO(free) char *a = google_add(w, "a");

	sync_ok(w);
	delete_row(w, row_of(w, a));
	google_delete(w, a);
	sync_ok(w);
	assert_equal_sides(w, 0);
	assert_int_equal(w->last.conflicts, 0);
}

static void test_sync__a_dead_token_leads_to_a_full_pull_with_a_sweep(void **state)
{
	struct world *w = *state;
	AUTO(free) char *a = google_add(w, "a");
	AUTO(free) char *b = google_add(w, "b");
	int64_t kept;

	sync_ok(w);
	kept = add_with(w, "only here", NULL, true);
	google_delete(w, a);
	control(w, "POST", "/sandbox/expire", "{\"sync_tokens\":true}");
	sync_ok(w);
	assert_true(w->last.calendars[0].full);
	assert_int_equal(w->last.pulled.deleted, 1);
	assert_int_equal(row_of(w, a), 0);
	assert_true(row_of(w, b) > 0);
	delete_row(w, kept);
	assert_equal_sides(w, 1);
}

static void test_sync__a_large_absence_deletes_nothing(void **state)
{
	struct world *w = *state;
	char *ids[30];
	struct sync_options allow = {.allow_deletes = 15};

	for (size_t i = 0; i < 30; i++)
		ids[i] = google_add(w, "x");
	sync_ok(w);
	for (size_t i = 0; i < 15; i++)
		google_delete(w, ids[i]);
	control(w, "POST", "/sandbox/expire", "{\"sync_tokens\":true}");
	assert_int_equal(run_sync(w, NULL), 0);
	assert_false(w->last.success);
	assert_int_equal(w->last.err.code, ERR_MASS_DELETE);
	assert_non_null(strstr(w->last.err.msg, "15"));
	assert_true(row_of(w, ids[0]) > 0);
	allow.allow_deletes = 14;
	run_sync(w, &allow);
	assert_int_equal(w->last.err.code, ERR_MASS_DELETE);
	allow.allow_deletes = 15;
	run_sync(w, &allow);
	assert_true(w->last.success);
	assert_equal_sides(w, 15);
	for (size_t i = 0; i < 30; i++)
		free(ids[i]);
}

static void test_sync__an_empty_listing_deletes_nothing(void **state)
{
	struct world *w = *state;
	AUTO(free) char *a = google_add(w, "a");
	struct sync_options full = {.full = true};

	sync_ok(w);
	google_delete(w, a);
	run_sync(w, &full);
	assert_int_equal(w->last.err.code, ERR_MASS_DELETE);
	assert_true(row_of(w, a) > 0);
}

static void test_sync__a_pull_that_breaks_off_goes_on_next_time(void **state)
{
	struct world *w = *state;
	char *ids[6];
	AUTO(calendar_release) struct calendar c = {0};

	control(w, "POST", "/sandbox/config", "{\"max_page\":2,\"empty_pages\":true}");
	for (size_t i = 0; i < 6; i++)
		ids[i] = google_add(w, "x");
	fault(w, "{\"method\":\"GET\",\"match\":\"pageToken\",\"after\":1,\"times\":0,"
		 "\"action\":\"drop_before\"}");
	run_sync(w, NULL);
	assert_false(w->last.success);
	assert_int_equal(w->last.err.code, ERR_NETWORK);
	OK(store_calendar_get(w->store, w->calendar.id, &c, &err));
	assert_null(c.sync_token);
	control(w, "DELETE", "/sandbox/faults", NULL);
	sync_ok(w);
	assert_equal_sides(w, 6);
	for (size_t i = 0; i < 6; i++)
		free(ids[i]);
}

static void test_sync__local_only_stays_local(void **state)
{
	struct world *w = *state;
	int64_t row = add_with(w, "mine", NULL, true);
	AUTO(event_release) struct event e = {0};

	sync_ok(w);
	sync_ok(w);
	edit(w, row, "summary", "still mine");
	sync_ok(w);
	assert_int_equal(google_count(w), 0);
	OK(store_event_get_row(w->store, row, &e, &err));
	assert_int_equal(e.sync_status, SYNC_LOCAL_ONLY);
	assert_false(e.at_google);
}

static void test_sync__what_google_refuses_waits_for_an_edit(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "a");
	AUTO(event_release) struct event e = {0};

	fault(w, "{\"method\":\"POST\",\"match\":\"/events\",\"action\":\"status\",\"status\":400,"
		 "\"reason\":\"invalid\",\"message\":\"Invalid thing.\"}");
	run_sync(w, NULL);
	assert_false(w->last.success);
	assert_int_equal(w->last.failed_events, 1);
	OK(store_event_get_row(w->store, row, &e, &err));
	assert_int_equal(e.sync_status, SYNC_ERROR);
	assert_non_null(strstr(e.last_error, "Invalid thing."));
	forget_log(w);
	run_sync(w, NULL);
	assert_int_equal(requests(w, "POST", "/events"), 0);
	edit(w, row, "summary", "b");
	sync_ok(w);
	assert_equal_sides(w, 1);
}

static void test_sync__many_changes_go_in_batches(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 120; i++)
		add(w, "x");
	fault(w, "{\"method\":\"POST\",\"match\":\"/events\",\"after\":7,\"action\":\"status\","
		 "\"status\":503,\"reason\":\"backendError\"}");
	sync_ok(w);
	assert_int_equal(w->last.pushed.created, 120);
	assert_equal_sides(w, 120);
	/* calendarList, three batches, the part that failed, events.list, a second look: */
	assert_true(w->last.requests <= 7);
}

static int64_t stored_rows(struct world *w)
{
	AUTO(event_list_release) struct event_list list = {0};
	struct event_query q = EVENT_QUERY_INIT;

	q.include_hidden = q.include_cancelled = true;
	OK(store_event_list(w->store, &q, &list, &err));
	return (int64_t)list.count;
}

static void test_sync__a_series_comes_and_goes_with_its_exceptions(void **state)
{
	struct world *w = *state;
	AUTO(json_object_put)
	struct json_object *master =
		at_google(w, "POST", "",
			  "{\"summary\":\"weekly\",\"recurrence\":[\"RRULE:FREQ=WEEKLY;COUNT=5\"],"
			  "\"start\":{\"dateTime\":\"2026-02-02T10:00:00Z\",\"timeZone\":\"UTC\"},"
			  "\"end\":{\"dateTime\":\"2026-02-02T11:00:00Z\",\"timeZone\":\"UTC\"}}");
	AUTO(free) char *second = xasprintf("%s_20260209T100000Z", json_str(master, "id"));
	AUTO(free) char *third = xasprintf("%s_20260216T100000Z", json_str(master, "id"));

	google_patch(w, second, "{\"summary\":\"moved\"}");
	google_delete(w, third);
	sync_ok(w);
	assert_int_equal(stored_rows(w), 3); /* the cancelled one, too: it must not come back */
	assert_equal_sides(w, 2);
	edit(w, row_of(w, second), "location", "here");
	edit(w, row_of(w, json_str(master, "id")), "summary", "weekly!");
	sync_ok(w);
	assert_equal_sides(w, 2);
	control(w, "POST", "/sandbox/expire", "{\"sync_tokens\":true}");
	sync_ok(w);
	assert_int_equal(w->last.pulled.created + w->last.pulled.updated + w->last.pulled.deleted,
			 0);
	assert_int_equal(stored_rows(w), 3);
	google_delete(w, json_str(master, "id"));
	sync_ok(w);
	assert_int_equal(stored_rows(w), 0);
}

static void test_sync__a_deleted_occurrence_is_cancelled_at_google(void **state)
{
	struct world *w = *state;
	AUTO(json_object_put)
	struct json_object *master =
		at_google(w, "POST", "",
			  "{\"summary\":\"daily\",\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=3\"],"
			  "\"start\":{\"date\":\"2026-02-02\"},\"end\":{\"date\":\"2026-02-03\"}}");
	AUTO(free) char *second = xasprintf("%s_20260203", json_str(master, "id"));

	google_patch(w, second, "{\"summary\":\"special\"}");
	sync_ok(w);
	assert_equal_sides(w, 2);
	delete_row(w, row_of(w, second));
	sync_ok(w);
	assert_equal_sides(w, 1);
	sync_ok(w);
	assert_int_equal(w->last.requests, 2);
	assert_int_equal(w->last.pulled.deleted, 0);
}

static void test_sync__without_batches_events_go_one_by_one(void **state)
{
	struct world *w = *state;

	for (int i = 0; i < 3; i++)
		add(w, "x");
	fault(w, "{\"match\":\"/batch\",\"times\":0,\"action\":\"status\",\"status\":404,"
		 "\"reason\":\"notFound\"}");
	sync_ok(w);
	assert_int_equal(w->last.pushed.created, 3);
	assert_equal_sides(w, 3);
}

static void test_sync__an_edit_in_a_calendar_that_is_not_selected_goes_out(void **state)
{
	struct world *w = *state;
	AUTO(free) char *there = google_add(w, "not asked for");

	OK(store_calendar_set_selected(w->store, w->calendar.id, false, &err));
	sync_ok(w);
	assert_int_equal(w->last.calendar_count, 0);
	add(w, "a");
	sync_ok(w);
	assert_int_equal(w->last.pushed.created, 1);
	assert_int_equal(row_of(w, there), 0);
	assert_int_equal(google_count(w), 2);
}

static void edit_meanwhile(void *arg)
{
	struct world *w = arg;
	AUTO(event_list_release) struct event_list list = {0};
	struct event_query q = EVENT_QUERY_INIT;

	OK(store_event_list(w->store, &q, &list, &err));
	edit(w, list.items[0].rowid, "location", "changed meanwhile");
}

static void test_sync__an_edit_during_its_request_is_kept(void **state)
{
	struct world *w = *state;
	AUTO(json_object_put) struct json_object *events = NULL;
	AUTO(event_release) struct event e = {0};
	int64_t row = add(w, "a");

	w->hooked.method = "POST";
	w->hooked.url = "/events";
	w->hooked.after = edit_meanwhile;
	w->hooked.arg = w;
	sync_ok(w);
	assert_equal_sides(w, 1);
	events = google_events(w);
	OK(store_event_get_row(w->store, row, &e, &err));
	assert_string_equal(json_str(e.resource, "location"), "changed meanwhile");
	assert_string_equal(json_str(json_get(events, e.id), "location"), "changed meanwhile");
}

static void test_sync__an_edit_during_the_pull_goes_out_in_the_same_run(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");

	sync_ok(w);
	google_patch(w, id, "{\"location\":\"there\"}");
	w->hooked.method = "GET";
	w->hooked.url = "/events?";
	w->hooked.after = edit_meanwhile;
	w->hooked.arg = w;
	sync_ok(w);
	assert_equal_sides(w, 1);
	assert_int_equal(w->last.pushed.updated, 1);
}

static void test_sync__a_delete_after_a_lost_answer_reaches_google(void **state)
{
	struct world *w = *state;
	int64_t row = add(w, "a");

	fault(w, "{\"method\":\"POST\",\"match\":\"/events\",\"action\":\"drop_after\"}");
	assert_int_equal(sync_events(&w->env, &w->account, &row, 1, &err), -1);
	assert_int_equal(google_count(w), 1);
	assert_false(delete_row(w, row));
	sync_ok(w);
	assert_equal_sides(w, 0);
}

static void test_sync__a_full_pull_in_pages_touches_nothing_that_is_the_same(void **state)
{
	struct world *w = *state;
	char *ids[7];

	for (size_t i = 0; i < 7; i++)
		ids[i] = google_add(w, "x");
	sync_ok(w);
	control(w, "POST", "/sandbox/config", "{\"max_page\":2}");
	control(w, "POST", "/sandbox/expire", "{\"sync_tokens\":true}");
	google_delete(w, ids[6]);
	sync_ok(w);
	assert_int_equal(w->last.pulled.created, 0);
	assert_int_equal(w->last.pulled.updated, 0);
	assert_int_equal(w->last.pulled.deleted, 1);
	assert_equal_sides(w, 6);
	for (size_t i = 0; i < 7; i++)
		free(ids[i]);
}

static void test_sync__a_lost_role_is_noticed_with_the_next_pull(void **state)
{
	struct world *w = *state;
	AUTO(json_object_put) struct json_object *r = timed("a");
	AUTO(calendar_release) struct calendar c = {0};
	struct local_options o = {0};
	struct event e;

	control(w, "POST", "/sandbox/calendars",
		"{\"account\":\"user1@example.com\",\"id\":\"user1@example.com\","
		"\"accessRole\":\"reader\",\"timeZone\":\"Asia/Tokyo\"}");
	sync_ok(w);
	OK(store_calendar_get(w->store, w->calendar.id, &c, &err));
	assert_string_equal(c.access_role, "reader");
	assert_string_equal(c.time_zone, "Asia/Tokyo");
	assert_int_equal(local_add(w->store, &w->clock.clock, w->calendar.id, r, &o, &e, &err), -1);
	assert_int_equal(err.code, ERR_READ_ONLY);
}

static void test_sync__a_dry_run_writes_nothing(void **state)
{
	struct world *w = *state;
	AUTO(free) char *a = google_add(w, "a");
	struct sync_options dry = {.dry_run = true};

	add(w, "b");
	forget_log(w);
	OK(run_sync(w, &dry));
	assert_int_equal(w->last.pulled.created, 1);
	assert_int_equal(w->last.pushed.created, 1);
	assert_int_equal(requests(w, "POST", "/"), 0);
	assert_int_equal(row_of(w, a), 0);
	sync_ok(w);
	assert_equal_sides(w, 2);
}

static void test_sync__a_window_leaves_the_rest_and_the_token_alone(void **state)
{
	struct world *w = *state;
	AUTO(free) char *a = google_add(w, "in");
	AUTO(calendar_release) struct calendar before = {0};
	AUTO(calendar_release) struct calendar after = {0};
	AUTO(json_object_put) struct json_object *far = NULL;
	struct sync_options window = {.has_window = true,
				      .start_utc = 1769817600, /* 2026-01-31 */
				      .end_utc = 1770076800};  /* 2026-02-03 */

	sync_ok(w);
	OK(store_calendar_get(w->store, w->calendar.id, &before, &err));
	google_delete(w, a);
	far = at_google(w, "POST", "",
			"{\"summary\":\"out\",\"start\":{\"date\":\"2026-06-01\"},"
			"\"end\":{\"date\":\"2026-06-02\"}}");
	OK(run_sync(w, &window));
	assert_true(w->last.success);
	assert_int_equal(w->last.pulled.deleted, 1);
	assert_int_equal(row_of(w, json_str(far, "id")), 0);
	OK(store_calendar_get(w->store, w->calendar.id, &after, &err));
	assert_string_equal(before.sync_token, after.sync_token);
	sync_ok(w);
	assert_equal_sides(w, 1);
}

static void test_sync__a_calendar_that_may_not_be_read_deletes_nothing(void **state)
{
	struct world *w = *state;
	AUTO(free) char *a = google_add(w, "a");

	sync_ok(w);
	fault(w, "{\"method\":\"GET\",\"match\":\"/events\",\"action\":\"status\",\"status\":404,"
		 "\"reason\":\"notFound\"}");
	run_sync(w, NULL);
	assert_false(w->last.success);
	assert_int_equal(err_exit_status(w->last.err.code), 1);
	assert_true(row_of(w, a) > 0);
	sync_ok(w);
	assert_equal_sides(w, 1);
}

static void test_sync__a_dead_login_sends_nothing_more_and_keeps_edits(void **state)
{
	struct world *w = *state;
	AUTO(account_release) struct account a = {0};
	int64_t row = add(w, "a");

	seal_token(w, "refresh_token", "revoked");
	seal_token(w, "client_secret", "sandbox-secret");
	seal_token(w, "access_token", "dead");
	assert_int_equal(sync_events(&w->env, &w->account, &row, 1, &err), -1);
	assert_int_equal(err.code, ERR_TOKEN_EXPIRED);
	assert_int_equal(strncmp(err.msg, "Calendar token expired.", 23), 0);
	assert_non_null(strstr(err.msg, "calsync connect me"));
	OK(store_account_get(w->store, "me", &a, &err));
	assert_int_equal(a.state, ACCOUNT_REAUTH_REQUIRED);
	forget_log(w);
	assert_int_equal(run_sync(w, NULL), -1);
	assert_int_equal(w->last.err.code, ERR_TOKEN_EXPIRED);
	assert_int_equal(requests(w, NULL, "/"), 0);
	assert_true(row_of(w, "x") == 0 && row > 0);
}

static void test_sync__unknown_fields_survive_an_edit(void **state)
{
	struct world *w = *state;
	AUTO(free) char *id = google_add(w, "a");
	AUTO(json_object_put) struct json_object *events = NULL;
	AUTO(json_object_put) struct json_object *violations = NULL;

	google_patch(w, id,
		     "{\"extendedProperties\":{\"private\":{\"k\":\"v\"}},\"colorId\":\"3\","
		     "\"guestsCanModify\":true}");
	sync_ok(w);
	edit(w, row_of(w, id), "summary", "b");
	sync_ok(w);
	events = google_events(w);
	assert_string_equal(json_path_str(json_get(events, id), "extendedProperties/private/k"),
			    "v");
	assert_true(json_flag(json_get(events, id), "guestsCanModify", false));
	assert_equal_sides(w, 1);
	violations = ask(w, "GET", "/sandbox/violations", NULL, NULL, NULL);
	for (size_t i = 0; i < json_object_array_length(violations); i++) {
		struct json_object *v = json_object_array_get_idx(violations, i);

		/* gzip is libcurl's business, which has no part in this */
		if (!strstr(json_str(v, "what"), "gzip"))
			fail_msg("violation: %s", json_text(v));
	}
}

static void test_sync__one_syncer_an_account(void **state)
{
	struct world *w = *state;
	struct account_lock *held = NULL;
	struct sync_options wait = {.wait_ms = 500};
	char pid[32];

	add(w, "a");
	OK(account_lock_take(store_path(w->store), w->account.id, &w->clock.clock, 0, &held, &err));
	forget_log(w);
	assert_int_equal(run_sync(w, NULL), -1);
	assert_int_equal(err.code, ERR_LOCKED);
	snprintf(pid, sizeof(pid), "process %ld", (long)getpid());
	assert_non_null(strstr(err.msg, pid));
	w->clock.slept_ms = 0;
	assert_int_equal(run_sync(w, &wait), -1);
	assert_true(w->clock.slept_ms >= 500);
	assert_int_equal(requests(w, NULL, "/"), 0);
	account_lock_free(held);
	sync_ok(w);
	assert_equal_sides(w, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_sync__pulls_everything_then_asks_once_a_calendar),
		TEST(test_sync__google_changes_arrive),
		TEST(test_sync__local_changes_go_out),
		TEST(test_sync__an_edit_taken_back_sends_nothing),
		TEST(test_sync__a_lost_answer_makes_no_duplicate),
		TEST(test_sync__a_lost_answer_in_an_earlier_run_makes_no_duplicate),
		TEST(test_sync__a_lost_answer_to_an_update_or_delete_is_settled),
		TEST(test_sync__a_taken_id_of_somebody_else_gets_a_new_one),
		TEST(test_sync__fields_changed_on_both_sides_merge),
		TEST(test_sync__the_newer_edit_of_one_field_wins),
		TEST(test_sync__newer_is_judged_by_googles_clock),
		TEST(test_sync__a_garbled_answer_is_asked_about_again),
		TEST(test_sync__an_edit_beats_a_delete),
		TEST(test_sync__both_deleted_is_agreed),
		TEST(test_sync__a_dead_token_leads_to_a_full_pull_with_a_sweep),
		TEST(test_sync__a_large_absence_deletes_nothing),
		TEST(test_sync__an_empty_listing_deletes_nothing),
		TEST(test_sync__a_pull_that_breaks_off_goes_on_next_time),
		TEST(test_sync__local_only_stays_local),
		TEST(test_sync__what_google_refuses_waits_for_an_edit),
		TEST(test_sync__many_changes_go_in_batches),
		TEST(test_sync__a_series_comes_and_goes_with_its_exceptions),
		TEST(test_sync__a_deleted_occurrence_is_cancelled_at_google),
		TEST(test_sync__without_batches_events_go_one_by_one),
		TEST(test_sync__an_edit_in_a_calendar_that_is_not_selected_goes_out),
		TEST(test_sync__an_edit_during_its_request_is_kept),
		TEST(test_sync__an_edit_during_the_pull_goes_out_in_the_same_run),
		TEST(test_sync__a_delete_after_a_lost_answer_reaches_google),
		TEST(test_sync__a_full_pull_in_pages_touches_nothing_that_is_the_same),
		TEST(test_sync__a_lost_role_is_noticed_with_the_next_pull),
		TEST(test_sync__a_dry_run_writes_nothing),
		TEST(test_sync__a_window_leaves_the_rest_and_the_token_alone),
		TEST(test_sync__a_calendar_that_may_not_be_read_deletes_nothing),
		TEST(test_sync__a_dead_login_sends_nothing_more_and_keeps_edits),
		TEST(test_sync__unknown_fields_survive_an_edit),
		TEST(test_sync__one_syncer_an_account),
	};

	return cmocka_run_group_tests_name("sync", tests, NULL, NULL);
}
