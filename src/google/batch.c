#include "google/batch.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "base/random.h"
#include "base/xalloc.h"
#include "google/error.h"
#include "google/internal.h"

#include "base/banned.h"

#define BOUNDARY_MAX 70 /* RFC 2046 */

/* --- encode ------------------------------------------------------------------------------ */

static void add_part(struct strbuf *out, const struct gcall *call, size_t index)
{
	const char *body = call->body ? json_text(call->body) : NULL;

	strbuf_addf(out, "Content-Type: application/http\r\nContent-ID: <item-%zu>\r\n\r\n", index);
	strbuf_addf(out, "%s /calendar/v3/%s\r\n", call->method, call->path);
	if (call->if_match)
		strbuf_addf(out, "If-Match: %s\r\n", call->if_match);
	if (body)
		strbuf_addf(out,
			    "Content-Type: application/json; charset=UTF-8\r\n"
			    "Content-Length: %zu\r\n",
			    strlen(body));
	strbuf_adds(out, "\r\n");
	if (body)
		strbuf_adds(out, body);
	strbuf_adds(out, "\r\n");
}

void batch_encode(const struct gcall *calls, size_t count, struct strbuf *out, char **out_type)
{
	struct strbuf *parts = xcalloc(count, sizeof(*parts));
	char id[27], boundary[40];
	bool taken;

	for (size_t i = 0; i < count; i++) {
		parts[i] = (struct strbuf)STRBUF_INIT;
		add_part(&parts[i], &calls[i], i);
	}
	do { /* 130 random bits: the second round is for the seeded generator of a test */
		random_event_id(id);
		snprintf(boundary, sizeof(boundary), "batch_%s", id);
		taken = false;
		for (size_t i = 0; i < count; i++)
			taken |= memmem(parts[i].buf, parts[i].len, boundary, strlen(boundary)) !=
				 NULL;
	} while (taken);
	for (size_t i = 0; i < count; i++) {
		strbuf_addf(out, "--%s\r\n", boundary);
		strbuf_add(out, parts[i].buf, parts[i].len);
		strbuf_release(&parts[i]);
	}
	free(parts);
	strbuf_addf(out, "--%s--\r\n", boundary);
	*out_type = xasprintf("multipart/mixed; boundary=%s", boundary);
}

/* --- decode ------------------------------------------------------------------------------ */

struct text { /* what is left to read */
	const char *at, *end;
};

/* The next line without its end (LF or CRLF); false at the end of the text. */
static bool next_line(struct text *t, struct text *out)
{
	const char *lf;

	if (t->at == t->end)
		return false;
	lf = memchr(t->at, '\n', (size_t)(t->end - t->at));
	out->at = t->at;
	out->end = lf ? lf : t->end;
	t->at = lf ? lf + 1 : t->end;
	if (out->end > out->at && out->end[-1] == '\r')
		out->end--;
	return true;
}

/* Headers up to and with the empty line behind them; -1 when that is missing or a line is none. */
static int read_headers(struct text *t, struct http_headers *out)
{
	struct text line;

	while (next_line(t, &line)) {
		const char *colon = memchr(line.at, ':', (size_t)(line.end - line.at));
		const char *value;
		char *name_copy, *value_copy;

		if (line.at == line.end)
			return 0;
		if (!colon)
			return -1;
		value = colon + 1;
		while (value < line.end && (*value == ' ' || *value == '\t'))
			value++;
		name_copy = xstrndup(line.at, (size_t)(colon - line.at));
		value_copy = xstrndup(value, (size_t)(line.end - value));
		http_headers_add(out, name_copy, value_copy);
		free(name_copy);
		free(value_copy);
	}
	return -1;
}

/* The boundary parameter, quoted or not, into buf; false when there is none that is usable. */
static bool find_boundary(const char *type, char buf[BOUNDARY_MAX + 3])
{
	const char *at;
	size_t n;

	if (!type || strncasecmp(type, "multipart/", 10))
		return false;
	at = strcasestr(type, "boundary=");
	if (!at || !strchr("; \t", at[-1]))
		return false;
	at += strlen("boundary=");
	if (*at == '"') {
		at++;
		n = strcspn(at, "\"");
		if (at[n] != '"')
			return false;
	} else {
		n = strcspn(at, "; \t");
	}
	if (!n || n > BOUNDARY_MAX)
		return false;
	snprintf(buf, BOUNDARY_MAX + 3, "--%.*s", (int)n, at);
	return true;
}

enum delimiter { NO_DELIMITER, NEXT_PART, LAST_PART };

static enum delimiter delimiter_of(const struct text *line, const char *mark)
{
	size_t n = strlen(mark), len = (size_t)(line->end - line->at);
	const char *rest = line->at + n;

	if (len < n || memcmp(line->at, mark, n))
		return NO_DELIMITER;
	if (len >= n + 2 && !memcmp(rest, "--", 2)) {
		for (rest += 2; rest < line->end; rest++)
			if (*rest != ' ' && *rest != '\t')
				return NO_DELIMITER;
		return LAST_PART;
	}
	for (; rest < line->end; rest++)
		if (*rest != ' ' && *rest != '\t')
			return NO_DELIMITER;
	return NEXT_PART;
}

/* Index from "<response-item-7>" (the brackets may be missing), or -1. */
static long part_index(const char *id, size_t count)
{
	char *end;
	unsigned long n;

	if (!id)
		return -1;
	if (*id == '<')
		id++;
	if (strncmp(id, "response-item-", 14) || id[14] < '0' || id[14] > '9')
		return -1;
	n = strtoul(id + 14, &end, 10);
	if ((*end && strcmp(end, ">")) || n >= count)
		return -1;
	return (long)n;
}

/* "HTTP/1.1 404 Not Found" -> 404, or 0. */
static int status_of(const struct text *line)
{
	AUTO(free) char *copy = xstrndup(line->at, (size_t)(line->end - line->at));
	int status = 0, end = 0;

	if (sscanf(copy, "HTTP/%*[0-9.] %3d%n", &status, &end) != 1 || !end)
		return 0;
	if (copy[end] && copy[end] != ' ')
		return 0;
	return status >= 100 && status <= 599 ? status : 0;
}

static void read_part(struct text t, struct batch_part *parts, size_t count)
{
	AUTO(http_headers_release) struct http_headers outer = {0};
	AUTO(http_headers_release) struct http_headers inner = {0};
	struct text line;
	long index;
	int status;

	if (read_headers(&t, &outer))
		return;
	index = part_index(http_headers_get(&outer, "Content-ID"), count);
	if (index < 0 || parts[index].status || !next_line(&t, &line))
		return;
	status = status_of(&line);
	if (!status)
		return;
	/* A 204 may end right behind its last header. */
	if (read_headers(&t, &inner) && t.at != t.end)
		return;
	parts[index].status = status;
	parts[index].headers = inner;
	parts[index].body = t.at;
	parts[index].body_len = (size_t)(t.end - t.at);
	memset(&inner, 0, sizeof(inner));
}

void batch_part_release(struct batch_part *p)
{
	http_headers_release(&p->headers);
	memset(p, 0, sizeof(*p));
}

int batch_decode(const char *content_type, const char *body, size_t len, struct batch_part *parts,
		 size_t count, struct err *err)
{
	struct text all = {body, body + len}, line, part = {0};
	char mark[BOUNDARY_MAX + 3];
	bool any = false;

	memset(parts, 0, count * sizeof(*parts));
	if (!find_boundary(content_type, mark))
		return err_set(err, ERR_GOOGLE, "Google answered a batch with something else");
	while (next_line(&all, &line)) {
		enum delimiter d = delimiter_of(&line, mark);

		if (d == NO_DELIMITER)
			continue;
		if (part.at) {
			part.end = line.at;
			read_part(part, parts, count);
		}
		part.at = all.at;
		if (d == LAST_PART)
			break;
	}
	for (size_t i = 0; i < count; i++)
		any |= parts[i].status != 0;
	if (!any && count)
		return err_set(err, ERR_GOOGLE,
			       "Google's answer to a batch holds none of its parts");
	return 0;
}

/* --- the call ---------------------------------------------------------------------------- */

struct batch {
	struct google *g;
	const struct gcall *calls;
	size_t count;
	struct gresult *results;
};

static void lost(struct gresult *r, const char *why)
{
	r->status = 0;
	err_set(&r->err, ERR_NETWORK, "%s", why);
}

static void take_part(struct batch *b, size_t i, struct batch_part *p)
{
	struct gresult *r = &b->results[i];
	struct http_response inner = HTTP_RESPONSE_INIT;
	struct err err;

	if (!p->status) {
		lost(r, "Google's answer holds nothing for this part of a batch");
		return;
	}
	r->status = p->status;
	if (p->status >= 200 && p->status < 300) {
		/* Cut short or garbled: whether it was carried out is not known. */
		if (google_read_json(b->calls[i].method, p->status, p->body, p->body_len, NULL,
				     &r->json, &err))
			lost(r, err.msg);
		return;
	}
	inner.status = p->status;
	inner.headers = p->headers;
	strbuf_add(&inner.body, p->body, p->body_len);
	google_error(&inner, clock_now_ms(b->g->o.clock), &r->err);
	strbuf_release(&inner.body);
}

static int read_batch(void *arg, const struct http_response *r, struct err *err)
{
	struct batch *b = arg;
	struct batch_part *parts = xcalloc(b->count, sizeof(*parts));
	int rc = batch_decode(http_headers_get(&r->headers, "Content-Type"), r->body.buf,
			      r->body.len, parts, b->count, err);

	for (size_t i = 0; i < b->count; i++) {
		if (!rc)
			take_part(b, i, &parts[i]);
		batch_part_release(&parts[i]);
	}
	free(parts);
	return rc;
}

int google_batch(struct google *g, const struct gcall *calls, size_t count, struct gresult *results,
		 struct err *err)
{
	AUTO(strbuf_release) struct strbuf body = STRBUF_INIT;
	AUTO(free) char *type = NULL;
	struct batch b = {.g = g, .calls = calls, .count = count, .results = results};
	struct send s = {.method = "POST", .url = g->batch_url, .read = read_batch, .arg = &b};

	assert(count <= GOOGLE_BATCH_MAX);
	memset(results, 0, count * sizeof(*results));
	if (!count)
		return 0;
	for (size_t i = 0; i < count; i++) {
		if (google_check_call(&calls[i], err))
			return -1;
		s.units += google_units(calls[i].method);
	}
	batch_encode(calls, count, &body, &type);
	s.content_type = type;
	s.body = body.buf;
	s.body_len = body.len;
	return google_send(g, &s, err);
}
