/*
 * The real engine, planner and store against the simulated Google, in one process: a world has
 * both sides, a clock that only moves when somebody sleeps, and hands to act on either side.
 * Include after cmocka.h.
 */
#ifndef TESTS_UNIT_SYNC_WORLD_H
#define TESTS_UNIT_SYNC_WORLD_H

#include "sync/sync.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/random.h"
#include "base/time.h"
#include "base/xalloc.h"
#include "google/google.h"
#include "model/event.h"
#include "store/account_seal.h"
#include "sync/local.h"
#include "sync/lock.h"
#include "../fake_google/fg.h"
#include "temp_tree.h"

#define NOW_MS 1767261600000 /* 2026-01-01T10:00:00Z */

/* A clock that only moves when somebody sleeps; the simulated Google has one of its own. */
struct test_clock {
	struct clock clock;
	int64_t now_ms;
	int64_t slept_ms;
};

static inline int64_t test_now(struct clock *c)
{
	return ((struct test_clock *)c)->now_ms;
}

static inline void test_sleep(struct clock *c, int64_t ms)
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
	char dir[TEMP_TREE_LEN];
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

static inline int hooked_exchange(struct transport *t, const struct http_request *req,
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

/* Act once, between the next request like this and its answer. */
static inline void meanwhile(struct world *w, const char *method, const char *url,
			     void (*act)(void *))
{
	w->hooked.method = method;
	w->hooked.url = url;
	w->hooked.after = act;
	w->hooked.arg = w;
}

/* --- Google's side ------------------------------------------------------------------------- */

static inline struct json_object *ask(struct world *w, const char *method, const char *url,
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

static inline void control(struct world *w, const char *method, const char *path, const char *body)
{
	json_object_put(ask(w, method, path, body, NULL, NULL));
}

/* Both clocks go on. */
static inline void pass_time(struct world *w, int64_t ms)
{
	AUTO(free) char *body = xasprintf("{\"advance_ms\":%lld}", (long long)ms);

	control(w, "POST", "/sandbox/clock", body);
	w->clock.now_ms += ms;
}

/* Act at Google as its owner would, with a token of one's own. */
static inline struct json_object *at_google(struct world *w, const char *method, const char *path,
					    const char *body)
{
	AUTO(json_object_put)
	struct json_object *t = ask(w, "POST", "/sandbox/token", "{}", NULL, NULL);
	AUTO(free) char *url = xasprintf("/calendar/v3/calendars/primary/events%s", path);

	return ask(w, method, url, body, json_str(t, "access_token"), NULL);
}

static inline char *google_add(struct world *w, const char *summary)
{
	AUTO(free)
	char *body = xasprintf("{\"summary\":\"%s\","
			       "\"start\":{\"dateTime\":\"2026-02-01T10:00:00Z\"},"
			       "\"end\":{\"dateTime\":\"2026-02-01T11:00:00Z\"}}",
			       summary);
	AUTO(json_object_put) struct json_object *e = at_google(w, "POST", "", body);

	return xstrdup(json_str(e, "id"));
}

static inline void google_patch(struct world *w, const char *id, const char *body)
{
	AUTO(free) char *path = xasprintf("/%s", id);

	json_object_put(at_google(w, "PATCH", path, body));
}

static inline void google_delete(struct world *w, const char *id)
{
	AUTO(free) char *path = xasprintf("/%s", id);

	json_object_put(at_google(w, "DELETE", path, NULL));
}

/* Those of an array of events that live, as an object id -> resource. */
static inline struct json_object *live_ones(const struct json_object *events)
{
	struct json_object *out = json_object_new_object();

	for (size_t i = 0; i < json_object_array_length(events); i++) {
		struct json_object *e = json_object_array_get_idx(events, i);

		if (!event_is_cancelled(e))
			json_set(out, json_str(e, "id"), json_clone(e));
	}
	return out;
}

/* The live events of the primary calendar, as an object id -> resource. */
static inline struct json_object *google_events(struct world *w)
{
	AUTO(json_object_put)
	struct json_object *state = ask(w, "GET", "/sandbox/state", NULL, NULL, NULL);
	struct json_object *account = json_object_array_get_idx(json_get(state, "accounts"), 0);
	struct json_object *calendar = json_object_array_get_idx(json_get(account, "calendars"), 0);

	return live_ones(json_get(calendar, "events"));
}

static inline int64_t google_count(struct world *w)
{
	AUTO(json_object_put) struct json_object *events = google_events(w);

	return json_object_object_length(events);
}

/* The event lives at Google, and has this in the field; NULL: nothing. */
static inline void assert_google(struct world *w, const char *id, const char *field,
				 const char *value)
{
	AUTO(json_object_put) struct json_object *events = google_events(w);
	const char *has = json_str(json_get(events, id), field);

	assert_true(json_has(events, id));
	if (value)
		assert_string_equal(has, value);
	else
		assert_null(has);
}

/* How many requests with a path that holds `part` Google has seen (batch parts too). */
static inline int64_t requests(struct world *w, const char *method, const char *part)
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

static inline void forget_log(struct world *w)
{
	control(w, "DELETE", "/sandbox/requests", NULL);
}

/* --- our side ------------------------------------------------------------------------------ */

static inline void seal_token(struct world *w, const char *field, const char *token)
{
	AUTO(strbuf_release) struct strbuf sealed = STRBUF_INIT;

	OK(account_seal(w->box, &w->account, field, token, strlen(token), &sealed, &err));
	OK(store_secret_put(w->store, w->account.id, field, sealed.buf, sealed.len, &err));
}

static inline void connect_account(struct world *w)
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
		.email = xstrdup("user1@example.com"),
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

static inline int setup(void **state)
{
	struct world *w = xcalloc(1, sizeof(*w));
	struct fg_options o = {.seed = 7, .now_ms = NOW_MS, .base_url = "http://127.0.0.1:1"};
	AUTO(free) char *db = NULL;
	AUTO(free) char *key = NULL;

	assert_int_equal(temp_tree_make(w->dir), 0);
	db = xasprintf("%s/calsync.db", w->dir);
	key = xasprintf("%s/key", w->dir);
	random_seed_for_tests(99);
	w->clock = (struct test_clock){{test_now, test_now, test_sleep}, NOW_MS, 0};
	w->fg = fg_new(&o);
	w->hooked = (struct hooked_transport){.t = {hooked_exchange, NULL},
					      .inner = fg_transport_new(w->fg)};
	OK(store_open(db, STORE_CREATE, &w->store, &err));
	OK(secret_box_open(key_provider_find("file"), key, true, &w->box, &err));
	w->env = (struct sync_env){.store = w->store,
				   .box = w->box,
				   .transport = &w->hooked.t,
				   .clock = &w->clock.clock};
	connect_account(w);
	forget_log(w);
	*state = w;
	return 0;
}

static inline int teardown(void **state)
{
	struct world *w = *state;

	sync_result_release(&w->last);
	calendar_release(&w->calendar);
	account_release(&w->account);
	secret_box_free(w->box);
	store_close(w->store);
	w->hooked.inner->free(w->hooked.inner);
	fg_free(w->fg);
	temp_tree_remove(w->dir);
	free(w);
	random_seed_for_tests(0);
	return 0;
}

static inline int run_sync(struct world *w, const struct sync_options *o)
{
	struct sync_options none = {0};
	AUTO(account_release) struct account a = {0};

	sync_result_release(&w->last);
	OK(store_account_get(w->store, "me", &a, &err));
	return sync_account(&w->env, &a, o ? o : &none, &w->last, &err);
}

static inline void sync_ok(struct world *w)
{
	if (run_sync(w, NULL) || !w->last.success)
		fail_msg("sync: %s", w->last.err.msg);
	assert_int_equal(w->last.err.code, ERR_NONE);
	for (size_t i = 0; i < w->last.calendar_count; i++)
		assert_int_equal(w->last.calendars[i].err.code, ERR_NONE);
}

/* What waits of one event goes out alone, as after a command. */
static inline int push(struct world *w, int64_t row)
{
	return sync_events(&w->env, &w->account, &row, 1, &err);
}

static inline struct json_object *timed(const char *summary)
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

static inline int64_t add_with(struct world *w, const char *summary, const char *id, bool no_sync)
{
	AUTO(json_object_put) struct json_object *r = timed(summary);
	AUTO(event_release) struct event e = {0};
	struct local_options o = {.no_sync = no_sync};

	if (id)
		json_set_str(r, "id", id);
	OK(local_add(w->store, &w->clock.clock, w->calendar.id, r, &o, &e, &err));
	return e.rowid;
}

static inline int64_t add(struct world *w, const char *summary)
{
	return add_with(w, summary, NULL, false);
}

static inline void edit(struct world *w, int64_t rowid, const char *field, const char *value)
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

static inline bool delete_row(struct world *w, int64_t rowid)
{
	struct local_options o = {0};
	bool gone;

	w->clock.now_ms += 1000;
	OK(local_delete(w->store, &w->clock.clock, rowid, &o, &gone, &err));
	return gone;
}

static inline void connect_again(struct world *w)
{
	AUTO(json_object_put)
	struct json_object *t = ask(w, "POST", "/sandbox/token", "{}", NULL, NULL);

	seal_token(w, "access_token", json_str(t, "access_token"));
}

static inline int64_t row_of(struct world *w, const char *id)
{
	AUTO(event_release) struct event e = {0};
	bool found;

	OK(store_event_get(w->store, w->calendar.id, id, &e, &found, &err));
	return found ? e.rowid : 0;
}

/* Both sides hold the same events, with the same fields, and nothing waits. */
static inline void assert_equal_sides(struct world *w, size_t count)
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

static inline void fault(struct world *w, const char *body)
{
	control(w, "POST", "/sandbox/faults", body);
}

static inline int64_t stored_rows(struct world *w)
{
	AUTO(event_list_release) struct event_list list = {0};
	struct event_query q = EVENT_QUERY_INIT;

	q.include_hidden = q.include_cancelled = true;
	OK(store_event_list(w->store, &q, &list, &err));
	return (int64_t)list.count;
}

/* A second calendar of the account; its id here. */
static inline int64_t add_calendar(struct world *w, const char *id, const char *role)
{
	AUTO(free)
	char *body =
		xasprintf("{\"id\":\"%s\",\"summary\":\"%s\",\"accessRole\":\"%s\"}", id, id, role);
	AUTO(calendar_list_release) struct calendar_list list = {0};

	control(w, "POST", "/sandbox/calendars", body);
	sync_ok(w);
	OK(store_calendar_list(w->store, w->account.id, &list, &err));
	for (size_t i = 0; i < list.count; i++) {
		if (strcmp(list.items[i].google_id, id) != 0)
			continue;
		OK(store_calendar_set_selected(w->store, list.items[i].id, true, &err));
		sync_ok(w);
		return list.items[i].id;
	}
	fail_msg("no calendar %s", id);
	return 0;
}

#define BOSS "boss@example.com"

/* Act at Google as the organizer, whose calendar nobody syncs here. */
static inline struct json_object *as_boss(struct world *w, const char *method, const char *path,
					  const char *body)
{
	AUTO(json_object_put)
	struct json_object *t =
		ask(w, "POST", "/sandbox/token", "{\"account\":\"" BOSS "\"}", NULL, NULL);
	AUTO(free) char *url = xasprintf("/calendar/v3/calendars/primary/events%s", path);

	return ask(w, method, url, body, json_str(t, "access_token"), NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

#endif
