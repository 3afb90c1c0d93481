/* What tests of the client's side of the network share: a clock that only moves when it is told to
 * or slept on, a transport that answers from a script, and short words for the fake Google. */
#ifndef TESTS_FAKES_H
#define TESTS_FAKES_H

#include <string.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/xalloc.h"
#include "../fake_google/fg.h"
#include "google/transport.h"

/* --- clock ------------------------------------------------------------------------------- */

struct fake_clock {
	struct clock base;
	int64_t now, mono;
	int64_t slept; /* in all */
	int sleeps;
};

static inline int64_t fake_now(struct clock *c)
{
	return ((struct fake_clock *)c)->now;
}

static inline int64_t fake_mono(struct clock *c)
{
	return ((struct fake_clock *)c)->mono;
}

static inline void fake_sleep(struct clock *c, int64_t ms)
{
	struct fake_clock *f = (struct fake_clock *)c;

	if (ms <= 0)
		return;
	f->now += ms;
	f->mono += ms;
	f->slept += ms;
	f->sleeps++;
}

static inline struct fake_clock fake_clock_at(int64_t now_ms)
{
	return (struct fake_clock){
		.base = {fake_now, fake_mono, fake_sleep}, .now = now_ms, .mono = 1};
}

/* --- scripted transport ------------------------------------------------------------------ */

struct scripted_answer {
	int status;          /* 0 = the connection drops */
	const char *headers; /* "Name: value\nName: value", NULL = none */
	const char *body;    /* NULL = empty */
};

struct scripted_request {                    /* what was asked; owned */
	char *method, *url, *body, *headers; /* headers: "Name: value\n" each */
	int64_t at_ms;                       /* the clock's now */
};

struct scripted {
	struct transport base;
	struct clock *clock; /* NULL allowed */
	const struct scripted_answer *answers;
	size_t answer_count, next; /* the last answer is repeated when they run out */
	struct scripted_request *asked;
	size_t asked_count;
	long last_timeout_ms;
};

static inline void scripted_headers(const char *text, struct http_headers *out)
{
	while (text && *text) {
		size_t n = strcspn(text, "\n"), colon = strcspn(text, ":");
		char *name = xstrndup(text, colon);
		char *value = xstrndup(text + colon + 2, n - colon - 2);

		http_headers_add(out, name, value);
		free(name);
		free(value);
		text += n + (text[n] == '\n');
	}
}

static inline int scripted_exchange(struct transport *t, const struct http_request *req,
				    struct http_response *out, struct err *err)
{
	struct scripted *s = (struct scripted *)t;
	const struct scripted_answer *a = &s->answers[s->next];
	struct scripted_request *asked;
	struct strbuf headers = STRBUF_INIT;

	s->asked = xreallocarray(s->asked, s->asked_count + 1, sizeof(*s->asked));
	asked = &s->asked[s->asked_count++];
	for (size_t i = 0; i < req->headers.count; i++)
		strbuf_addf(&headers, "%s: %s\n", req->headers.list[i].name,
			    req->headers.list[i].value);
	asked->method = xstrdup(req->method);
	asked->url = xstrdup(req->url);
	asked->body = req->body ? xstrndup(req->body, req->body_len) : NULL;
	asked->headers = strbuf_detach(&headers);
	asked->at_ms = s->clock ? clock_now_ms(s->clock) : 0;
	s->last_timeout_ms = req->timeout_ms;
	if (s->next + 1 < s->answer_count)
		s->next++;
	if (!a->status)
		return err_set(err, ERR_NETWORK, "no answer from 'scripted'");
	out->status = a->status;
	scripted_headers(a->headers, &out->headers);
	if (a->body)
		strbuf_adds(&out->body, a->body);
	return 0;
}

static inline void scripted_set(struct scripted *s, const struct scripted_answer *answers,
				size_t count)
{
	s->base.exchange = scripted_exchange;
	s->answers = answers;
	s->answer_count = count;
	s->next = 0;
}

static inline void scripted_forget(struct scripted *s)
{
	for (size_t i = 0; i < s->asked_count; i++) {
		free(s->asked[i].method);
		free(s->asked[i].url);
		free(s->asked[i].body);
		free(s->asked[i].headers);
	}
	free(s->asked);
	s->asked = NULL;
	s->asked_count = 0;
}

/* --- fake Google ------------------------------------------------------------------------- */

/* One request to the fake; the JSON of its answer (caller's) or NULL. *out_status may be NULL. */
static inline struct json_object *fake_ask(struct fg *fg, const char *method, const char *path,
					   const char *type, const char *body, int *out_status)
{
	struct http_response r = HTTP_RESPONSE_INIT;
	struct http_request req = {
		.method = method, .url = path, .body = body, .body_len = body ? strlen(body) : 0};
	struct json_object *json = NULL;
	struct err err;

	if (body)
		http_headers_add(&req.headers, "Content-Type", type);
	if (fg_handle(fg, &req, &r))
		abort();
	if (out_status)
		*out_status = r.status;
	if (r.body.len && json_parse(r.body.buf, r.body.len, &json, &err))
		json = NULL;
	http_headers_release(&req.headers);
	http_response_release(&r);
	return json;
}

/* POST /sandbox/...; ends the program when the fake refuses: a mistake of the test. */
static inline void fake_control(struct fg *fg, const char *path, const char *json)
{
	int status;
	struct json_object *answer = fake_ask(fg, "POST", path, "application/json", json, &status);

	if (status < 200 || status > 299) {
		fprintf(stderr, "%s %s: %d %s\n", path, json, status, json_text(answer));
		abort();
	}
	json_object_put(answer);
}

#endif
