#include "net.h"

#include <string.h>

#include "base/xalloc.h"
#include "cover.h"
#include "rng.h"
#include "world.h"

#include "base/banned.h"

/* What kind of request it is; a fault kind fits some. */
enum fit {
	FIT_ANY = 1 << 0,
	FIT_API = 1 << 1, /* not the login service */
	FIT_WRITE = 1 << 2,
	FIT_GUARDED = 1 << 3,     /* with If-Match */
	FIT_LIST = 1 << 4,        /* events.list */
	FIT_FIRST = 1 << 5,       /* its first page */
	FIT_LATER = 1 << 6,       /* a later one */
	FIT_SINCE = 1 << 7,       /* with a sync token: first page */
	FIT_SINCE_LATER = 1 << 8, /* later page */
	FIT_GET = 1 << 9,         /* events.get */
	FIT_BATCH = 1 << 10,
};

static const struct {
	const char *words, *spec;
	unsigned fits;
} faults[] = {
#define X(id, words, fits, spec) {words, spec, FIT_##fits},
	SIM_FAULT_KINDS(X)
#undef X
};

const char *fault_words(enum fault_kind kind)
{
	return faults[kind].words;
}

static unsigned kind_of(const struct http_request *req)
{
	bool since = strstr(req->url, "syncToken=");
	bool later = strstr(req->url, "pageToken=");
	unsigned fits = FIT_ANY;

	if (strstr(req->url, "/token"))
		return fits;
	fits |= FIT_API;
	if (strstr(req->url, "/batch/"))
		return fits | FIT_BATCH;
	if (strcmp(req->method, "GET") != 0)
		return fits | FIT_WRITE |
		       (http_headers_get(&req->headers, "If-Match") ? FIT_GUARDED : 0);
	if (since)
		fits |= later ? FIT_SINCE_LATER : FIT_SINCE;
	if (strstr(req->url, "/events?"))
		fits |= FIT_LIST | (later ? FIT_LATER : FIT_FIRST);
	else if (strstr(req->url, "/events/"))
		fits |= FIT_GET;
	return fits;
}

/* --- faults ---------------------------------------------------------------------------------- */

/* One of the kinds that fit, by the fault's seed. */
static enum fault_kind pick_fault(unsigned fits, struct rng *r)
{
	enum fault_kind fit[FAULT_KINDS] = {0};
	uint32_t count = 0;

	for (int i = 0; i < FAULT_KINDS; i++)
		if (fits & faults[i].fits)
			fit[count++] = (enum fault_kind)i;
	return fit[rng_below(r, count)];
}

static const struct sim_fault *fault_due(const struct side *s)
{
	for (int i = 0; s->step && i < s->step->fault_count; i++)
		if (s->step->faults[i].at == s->requests)
			return &s->step->faults[i];
	return NULL;
}

/* -1: none. *out_r goes on with the fault's seed. */
static int set_fault(struct side *s, const struct http_request *req, struct rng *out_r)
{
	const struct sim_fault *f = fault_due(s);
	AUTO(free) char *spec = NULL;
	enum fault_kind kind;

	if (!f)
		return -1;
	*out_r = rng_from(f->seed, 1);
	kind = pick_fault(kind_of(req), out_r);
	spec = xasprintf("{%s,\"n\":%u%s%u}", faults[kind].spec, 1 + rng_below(out_r, 4),
			 faults[kind].spec[1] == 'm' ? ",\"after\":" : ",\"delay_ms\":",
			 faults[kind].spec[1] == 'm' ? rng_below(out_r, 3) : 0);
	json_object_put(sandbox(s->world, "POST", "faults", spec));
	return (int)kind;
}

static void clear_fault(struct side *s, int kind, unsigned hits)
{
	if (kind < 0)
		return;
	json_object_put(sandbox(s->world, "DELETE", "faults", NULL));
	if (fg_faults_hit(s->world->fg) == hits)
		return;
	COVER(faults[kind]);
	world_trace(s->world, "       FAULT: %s", faults[kind].words);
}

/* --- what others do meanwhile ----------------------------------------------------------------- */

static void note_meanwhile(struct side *s, const struct op *op)
{
	if (op_is_sync(op->kind))
		COVER(seen[op->store == s->index ? SEEN_LOCKED : SEEN_NESTED_SYNC]);
	else if (op_is_at_google(op->kind))
		COVER(seen[SEEN_GOOGLE_MEANWHILE]);
	else
		COVER(seen[SEEN_LOCAL_MEANWHILE]);
}

static void meanwhile(struct side *s, bool after)
{
	const struct step *step = s->step;
	int requests = s->requests;

	for (int i = 0; step && i < step->while_count; i++) {
		const struct sim_while *m = &step->whiles[i];
		struct side *watched;

		if (m->at != requests || m->after != after || m->op.store >= s->world->h->stores)
			continue;
		watched = crash_suspend(s->world);
		world_trace(s->world, "     meanwhile:");
		if (op_any(s->world, &m->op, NULL))
			note_meanwhile(s, &m->op);
		crash_resume(s->world, watched);
	}
	s->step = step;
	s->requests = requests;
}

/* --- one exchange ----------------------------------------------------------------------------- */

static int dead(struct err *err)
{
	return err_set(err, ERR_FAILED, "taken for dead by a test");
}

static void count_request(struct side *s, const struct http_request *req)
{
	unsigned kind = kind_of(req);

	s->world->request_n++;
	COVER(requests);
	s->lists += kind & FIT_LIST ? 1 : 0;
	s->calendar_lists += strstr(req->url, "/calendarList") ? 1 : 0;
	s->writes += kind & (FIT_WRITE | FIT_BATCH) ? 1 : 0;
	if (kind & FIT_LATER)
		COVER(seen[SEEN_PAGED]);
	if (kind & FIT_BATCH)
		COVER(seen[SEEN_BATCH]);
	if (kind == FIT_ANY)
		COVER(seen[SEEN_REFRESH]);
}

static void note_answer(const struct http_response *r)
{
	if (r->status == 409 && strstr(r->body.buf, "\"duplicate\""))
		COVER(seen[SEEN_DUPLICATE]);
	if (r->status == 412)
		COVER(seen[SEEN_PRECONDITION]);
	if (r->status == 404 || (r->status == 410 && strstr(r->body.buf, "\"deleted\"")))
		COVER(seen[SEEN_GONE]);
}

/* A cut answer breaks the connection, or passes for a whole one on the way. */
static int cut(struct http_response *out, struct rng *r, struct err *err)
{
	if (rng_chance(r, 50)) {
		out->body.len /= 2;
		if (out->body.alloc)
			out->body.buf[out->body.len] = '\0';
		return 0;
	}
	http_response_release(out);
	return err_set(err, ERR_NETWORK, "the connection was closed without a whole answer");
}

/* What google/http.c adds to each request. */
static void add_headers(struct http_headers *to, const struct http_headers *from)
{
	for (size_t i = 0; i < from->count; i++)
		http_headers_add(to, from->list[i].name, from->list[i].value);
	http_headers_add(to, "User-Agent", "calsync (gzip)");
	http_headers_add(to, "Accept-Encoding", "gzip");
}

/* JSON, or of a batch the requests in it. */
static void trace_body(struct world *w, const char *body, size_t len)
{
	static const char *const wanted[] = {"{", "POST ", "PUT ", "PATCH ", "DELETE ", "If-Match"};

	for (const char *end = body + len, *next; body < end; body = next) {
		size_t n = (size_t)(end - body);
		const char *lf = memchr(body, '\n', n);

		next = lf ? lf + 1 : end;
		n = (size_t)(next - body);
		while (n && (body[n - 1] == '\n' || body[n - 1] == '\r'))
			n--;
		for (size_t i = 0; i < ARRAY_SIZE(wanted); i++)
			if (!strncmp(body, wanted[i], strlen(wanted[i])))
				world_trace(w, "        %.*s", (int)n, body);
	}
}

/* Without what is in every one of them. */
static void trace_request(struct side *s, const struct http_request *req, int status)
{
	const char *path = strstr(req->url, "127.0.0.1:1") + strlen("127.0.0.1:1");
	const char *if_match = http_headers_get(&req->headers, "If-Match");

	if (!strncmp(path, "/calendar/v3/", 13))
		path += 13;
	world_trace(s->world, "     %2d %s %.*s%s%s%s%s -> %d", s->requests, req->method,
		    (int)strcspn(path, "?"), path, strstr(path, "syncToken=") ? " (since)" : "",
		    strstr(path, "pageToken=") ? " (next page)" : "", if_match ? " if " : "",
		    if_match ? if_match : "", status);
	if (req->body && strcmp(req->method, "GET") != 0 && strncmp(path, "/token", 6) != 0)
		trace_body(s->world, req->body, req->body_len);
}

static int serve(struct side *s, const struct http_request *req, struct http_response *out,
		 struct err *err)
{
	AUTO(http_headers_release) struct http_headers headers = {0};
	struct http_request whole = *req;
	struct world *w = s->world;
	unsigned hits = fg_faults_hit(w->fg);
	size_t violations = fg_violations(w->fg);
	struct rng r = {0};
	int kind, status;

	w->now_ms += 40;
	kind = set_fault(s, req, &r);
	count_request(s, req);
	add_headers(&headers, &req->headers);
	whole.headers = headers;
	status = google_handle(w, &whole, out);
	trace_request(s, req, status < 0 ? 0 : out->status);
	clear_fault(s, kind, hits);
	if (fg_violations(w->fg) != violations)
		world_break(w, "R no request that Google silently refuses", "%s %s", req->method,
			    req->url);
	if (status == FG_TRUNCATED)
		return cut(out, &r, err);
	if (status)
		return err_set(err, ERR_NETWORK, "the connection was closed without an answer");
	note_answer(out);
	return 0;
}

static int exchange(struct transport *t, const struct http_request *req, struct http_response *out,
		    struct err *err)
{
	struct side *s = (struct side *)t;
	int status;

	if (s->world->crash.side == s && s->world->crash.dead)
		return dead(err);
	if (s->store && store_in_transaction(s->store))
		world_break(s->world, "T no request inside of a transaction", "%s %s", req->method,
			    req->url);
	s->requests++;
	if (crash_here(s->world, POINT_BEFORE_SEND))
		return dead(err);
	meanwhile(s, false);
	status = serve(s, req, out, err);
	meanwhile(s, true);
	if (!crash_here(s->world, POINT_AFTER_SEND))
		return status;
	if (!status)
		http_response_release(out);
	return dead(err);
}

void net_init(struct side *s)
{
	s->transport = (struct transport){exchange, NULL};
}
