/*
 * A fake Google for one test, driven through fg_handle() as HTTP would: requests with a bearer
 * token, answers as status and JSON. Its clock stands still until the test moves it.
 */
#ifndef FG_FIXTURE_H
#define FG_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../fake_google/fg.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "base/xalloc.h"

#define FG_TEST_NOW 1767225600000 /* 2026-01-01T00:00:00Z */
#define PRIMARY     "/calendar/v3/calendars/primary/events"

struct google {
	struct fg *fg;
	char *token;          /* of user1@example.com */
	const char *if_match; /* for the next request only */
	const char *if_none_match;
	struct http_response last;
	struct json_object *json; /* of the last answer; NULL = it was none */
};

static inline void google_forget(struct google *g)
{
	http_response_release(&g->last);
	json_object_put(g->json);
	g->json = NULL;
}

/* Send one request; the JSON of the answer (borrowed until the next request), or NULL. */
static inline struct json_object *google_send(struct google *g, const char *token,
					      const char *method, const char *url, const char *body)
{
	struct http_request req = {.method = method, .url = url, .body = body};
	struct err err;

	google_forget(g);
	if (token) {
		AUTO(free) char *bearer = xasprintf("Bearer %s", token);

		http_headers_add(&req.headers, "Authorization", bearer);
	}
	if (body) {
		req.body_len = strlen(body);
		http_headers_add(&req.headers, "Content-Type", "application/json");
	}
	if (g->if_match)
		http_headers_add(&req.headers, "If-Match", g->if_match);
	if (g->if_none_match)
		http_headers_add(&req.headers, "If-None-Match", g->if_none_match);
	g->if_match = g->if_none_match = NULL;
	assert_int_equal(fg_handle(g->fg, &req, &g->last), 0);
	http_headers_release(&req.headers);
	if (g->last.body.len)
		json_parse(g->last.body.buf, g->last.body.len, &g->json, &err);
	return g->json;
}

static inline struct json_object *google(struct google *g, const char *method, const char *url,
					 const char *body)
{
	return google_send(g, g->token, method, url, body);
}

static inline char *google_token(struct google *g, const char *account)
{
	AUTO(free) char *body = xasprintf("{\"account\":\"%s\"}", account);

	return xstrdup(
		json_str(google_send(g, NULL, "POST", "/sandbox/token", body), "access_token"));
}

static inline struct google *google_new(void)
{
	const struct fg_options options = {.seed = 7, .now_ms = FG_TEST_NOW};
	struct google *g = xcalloc(1, sizeof(*g));

	g->last = (struct http_response)HTTP_RESPONSE_INIT;
	g->fg = fg_new(&options);
	g->token = google_token(g, "user1@example.com");
	return g;
}

static inline void google_free(struct google *g)
{
	google_forget(g);
	fg_free(g->fg);
	free(g->token);
	free(g);
}
DEFINE_AUTO(struct google, google_free)

/* The first error's reason of the last answer; "" = none. */
static inline const char *google_reason(const struct google *g)
{
	struct json_object *errors = json_path(g->json, "error/errors");
	const char *reason = NULL;

	if (json_object_is_type(errors, json_type_array) && json_object_array_length(errors))
		reason = json_str(json_object_array_get_idx(errors, 0), "reason");
	return reason ? reason : "";
}

#define assert_status(g, want)                                                            \
	do {                                                                              \
		if ((g)->last.status != (want))                                           \
			fail_msg("status %d instead of %d: %s", (g)->last.status, (want), \
				 (g)->last.body.buf);                                     \
	} while (0)
#define assert_refused(g, want, why)                        \
	do {                                                \
		assert_status(g, want);                     \
		assert_string_equal(google_reason(g), why); \
	} while (0)

static inline struct json_object *items(const struct google *g)
{
	struct json_object *list = json_get(g->json, "items");

	assert_true(json_object_is_type(list, json_type_array));
	return list;
}

static inline size_t item_count(const struct google *g)
{
	return json_object_array_length(items(g));
}

static inline struct json_object *item(const struct google *g, size_t i)
{
	assert_true(i < item_count(g));
	return json_object_array_get_idx(items(g), i);
}

/* The item with this id; NULL = none. */
static inline struct json_object *item_by_id(const struct google *g, const char *id)
{
	for (size_t i = 0; i < item_count(g); i++)
		if (!strcmp(json_str(item(g, i), "id"), id))
			return item(g, i);
	return NULL;
}

/* Insert into the primary calendar; the id given must be in the JSON. */
static inline void add_event(struct google *g, const char *json)
{
	google(g, "POST", PRIMARY, json);
	assert_status(g, 200);
}

/* A timed event of an hour on 2026-01-<day> with more members ("" or ",..."). */
static inline void add_simple(struct google *g, const char *id, int day, const char *more)
{
	AUTO(free)
	char *json = xasprintf("{\"id\":\"%s\",\"summary\":\"%s\","
			       "\"start\":{\"dateTime\":\"2026-01-%02dT10:00:00+01:00\","
			       "\"timeZone\":\"Europe/Berlin\"},"
			       "\"end\":{\"dateTime\":\"2026-01-%02dT11:00:00+01:00\","
			       "\"timeZone\":\"Europe/Berlin\"}%s}",
			       id, id, day, day, more);

	add_event(g, json);
}

/* A token as a query value; the caller frees it. */
static inline char *query_value(const char *text)
{
	struct strbuf sb = STRBUF_INIT;

	strbuf_add_urlencoded(&sb, text);
	return strbuf_detach(&sb);
}

/* List the primary calendar with this query ("" or "a=b&..."), and take its sync token. */
static inline char *full_sync(struct google *g, const char *query)
{
	AUTO(free) char *url = xasprintf(PRIMARY "?maxResults=2500&%s", query);

	google(g, "GET", url, NULL);
	assert_status(g, 200);
	assert_non_null(json_str(g->json, "nextSyncToken"));
	return query_value(json_str(g->json, "nextSyncToken"));
}

static inline void delta(struct google *g, const char *token, const char *query)
{
	AUTO(free) char *url = xasprintf(PRIMARY "?syncToken=%s&%s", token, query);

	google(g, "GET", url, NULL);
}

#endif
