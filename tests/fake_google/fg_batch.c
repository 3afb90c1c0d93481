/*
 * POST /batch/calendar/v3: a multipart/mixed body of whole requests.
 *
 * Parts run in an order that the seeded generator picks (Google promises none) and are
 * answered in the order they came. Each part is served like a request of its own: logged,
 * counted for quota, hit by faults.
 */
#include "fg_edge.h"

#include <ctype.h>
#include <strings.h>

#include "base/banned.h"

struct span {
	const char *at;
	size_t len;
};

struct part {
	char *method, *url; /* owned; NULL method = malformed */
	char *content_id;   /* owned; NULL = none */
	struct http_headers headers;
	struct span body;
	struct http_response out;
	bool skipped, unanswered; /* by a fault */
};

struct parts {
	FG_LIST(struct part) v;
};

static void parts_release(struct parts *parts)
{
	for (size_t i = 0; i < parts->v.count; i++) {
		struct part *p = &parts->v.list[i];

		free(p->method);
		free(p->url);
		free(p->content_id);
		http_headers_release(&p->headers);
		http_response_release(&p->out);
	}
	free(parts->v.list);
}
DEFINE_AUTO_VALUE(struct parts, parts_release)

/* -- reading -------------------------------------------------------------------------------- */

/* Take one line off; the line end (LF or CRLF) goes too. false when nothing is left. */
static bool take_line(struct span *text, struct span *line)
{
	const char *lf = memchr(text->at, '\n', text->len);
	size_t n = lf ? (size_t)(lf - text->at) : text->len;

	if (!text->len)
		return false;
	line->at = text->at;
	line->len = n && text->at[n - 1] == '\r' ? n - 1 : n;
	text->at += lf ? n + 1 : n;
	text->len -= lf ? n + 1 : n;
	return true;
}

/* Header lines up to the empty one; -1 when a line is none. */
static int take_headers(struct span *text, struct http_headers *out)
{
	struct span line;

	while (take_line(text, &line) && line.len) {
		const char *colon = memchr(line.at, ':', line.len);
		const char *value = colon ? colon + 1 : NULL;
		const char *end = line.at + line.len;

		if (!colon || colon == line.at)
			return -1;
		while (value < end && isspace((unsigned char)*value))
			value++;
		AUTO(free) char *name = xstrndup(line.at, (size_t)(colon - line.at));
		AUTO(free) char *text_value = xstrndup(value, (size_t)(end - value));

		http_headers_add(out, name, text_value);
	}
	return 0;
}

/* The boundary of the outer Content-Type; the caller's; NULL when there is none. */
static char *boundary_of(const char *type)
{
	const char *p;

	if (!type || strncasecmp(type, "multipart/mixed", 15) != 0)
		return NULL;
	for (p = strchr(type, ';'); p; p = strchr(p, ';')) {
		p += 1 + strspn(p + 1, " \t");
		if (strncasecmp(p, "boundary=", 9) != 0)
			continue;
		p += 9;
		if (*p == '"')
			return strchr(p + 1, '"') ? xstrndup(p + 1, strcspn(p + 1, "\"")) : NULL;
		return *p ? xstrndup(p, strcspn(p, "; \t")) : NULL;
	}
	return NULL;
}

static bool is_delimiter(const struct span *line, const char *boundary, bool *last)
{
	size_t n = strlen(boundary);
	size_t len = line->len;

	while (len && (line->at[len - 1] == ' ' || line->at[len - 1] == '\t'))
		len--;
	if (len < n + 2 || strncmp(line->at, "--", 2) != 0 ||
	    strncmp(line->at + 2, boundary, n) != 0)
		return false;
	*last = len == n + 4 && !strncmp(line->at + 2 + n, "--", 2);
	return *last || len == n + 2;
}

/* The inner request. A malformed one stays in the list without a method. */
static void parse_inner(struct part *part, struct span text)
{
	struct span line;
	const char *space, *rest, *url_end;

	/* RFC 7230, 3.5: be lenient about empty lines before the request line. */
	do {
		if (!take_line(&text, &line))
			return;
	} while (!line.len);
	space = memchr(line.at, ' ', line.len);
	if (!space)
		return;
	rest = space + 1;
	url_end = memchr(rest, ' ', line.len - (size_t)(rest - line.at));
	if (!url_end)
		url_end = line.at + line.len;
	if (url_end == rest || *rest != '/' || take_headers(&text, &part->headers))
		return;
	part->url = xstrndup(rest, (size_t)(url_end - rest));
	part->method = xstrndup(line.at, (size_t)(space - line.at));
	/* The line end before the next boundary belongs to the boundary. */
	while (text.len && (text.at[text.len - 1] == '\n' || text.at[text.len - 1] == '\r'))
		text.len--;
	part->body = text;
}

static const char *parse_part(struct parts *parts, struct span text)
{
	AUTO(http_headers_release) struct http_headers headers = {0};
	struct part *part;
	const char *type;

	if (take_headers(&text, &headers))
		return "malformed part headers";
	type = http_headers_get(&headers, "Content-Type");
	if (!type || strncasecmp(type, "application/http", 16) != 0)
		return "a part is not application/http";
	part = FG_LIST_ADD(&parts->v);
	part->out = (struct http_response)HTTP_RESPONSE_INIT;
	part->content_id = xstrdup_null(http_headers_get(&headers, "Content-ID"));
	parse_inner(part, text);
	return NULL;
}

/* NULL, or what is wrong with the whole. */
static const char *parse(struct parts *parts, const char *boundary, struct span text)
{
	struct span line, part = {0};
	const char *wrong;
	bool last = false;

	while (!last && take_line(&text, &line)) {
		if (!is_delimiter(&line, boundary, &last))
			continue;
		if (part.at) {
			part.len = (size_t)(line.at - part.at);
			wrong = parse_part(parts, part);
			if (wrong)
				return wrong;
		}
		part.at = text.at;
	}
	if (!last)
		return "the closing boundary is missing";
	return parts->v.count ? NULL : "it has no parts";
}

/* -- running -------------------------------------------------------------------------------- */

/* Outer headers but Content-* apply where the part has none; so do outer parameters. */
static void inherit(struct fg_call *call, struct part *part)
{
	const struct http_headers *outer = &call->req->headers;
	struct strbuf url = STRBUF_INIT;
	struct fg_param *own = NULL;
	size_t own_count = 0;
	const char *query = strchr(part->url, '?');

	for (size_t i = 0; i < outer->count; i++)
		if (strncasecmp(outer->list[i].name, "Content-", 8) != 0 &&
		    !http_headers_get(&part->headers, outer->list[i].name))
			http_headers_add(&part->headers, outer->list[i].name, outer->list[i].value);
	if (query)
		fg_params_parse(query + 1, strlen(query + 1), &own, &own_count);
	strbuf_adds(&url, part->url);
	for (size_t i = 0; i < call->nparams; i++) {
		if (fg_params_get(own, own_count, call->params[i].name))
			continue;
		strbuf_addc(&url, strchr(url.buf, '?') ? '&' : '?');
		strbuf_add_urlencoded(&url, call->params[i].name);
		strbuf_addc(&url, '=');
		strbuf_add_urlencoded(&url, call->params[i].value);
	}
	fg_params_free(own, own_count);
	free(part->url);
	part->url = strbuf_detach(&url);
}

static void run_part(struct fg_call *call, struct part *part)
{
	struct http_request req = {.method = part->method, .url = part->url};
	struct fg_call bad = {.fg = call->fg, .req = call->req, .out = &part->out};

	if (!part->method) {
		fg_fail(&bad, 400, "global", "badRequest", "Bad Request", NULL, NULL);
		return;
	}
	inherit(call, part);
	req.url = part->url;
	req.headers = part->headers; /* borrowed for the call */
	req.body = part->body.len ? part->body.at : NULL;
	req.body_len = part->body.len;
	fg_serve(call->fg, &req, &part->out, call->log_n);
}

static void note_dependent(struct fg_call *call, const struct parts *parts)
{
	for (size_t i = 0; i < parts->v.count; i++) {
		const struct part *a = &parts->v.list[i];
		size_t len = a->url ? strcspn(a->url, "?") : 0;

		if (!a->method || !strcmp(a->method, "GET") || !strcmp(a->method, "POST"))
			continue;
		for (size_t k = 0; k < i; k++) {
			const struct part *b = &parts->v.list[k];

			if (b->method && strcmp(b->method, "GET") != 0 &&
			    strcspn(b->url, "?") == len && !strncmp(a->url, b->url, len))
				fg_violation(call, "two writes to one event in a batch: %.*s",
					     (int)len, a->url);
		}
	}
}

static void run_shuffled(struct fg_call *call, struct parts *parts)
{
	size_t count = parts->v.count;
	AUTO(free) size_t *order = xcalloc(count, sizeof(*order));

	for (size_t i = 0; i < count; i++) {
		size_t k = (size_t)fg_random_below(call->fg, i + 1);

		order[i] = order[k];
		order[k] = i;
	}
	for (size_t i = 0; i < count; i++)
		if (!parts->v.list[order[i]].skipped)
			run_part(call, &parts->v.list[order[i]]);
}

/* -- answering ------------------------------------------------------------------------------ */

static const char *status_text(int status)
{
	static const struct {
		int status;
		const char *text;
	} names[] = {
		{200, "OK"},
		{204, "No Content"},
		{304, "Not Modified"},
		{400, "Bad Request"},
		{401, "Unauthorized"},
		{403, "Forbidden"},
		{404, "Not Found"},
		{409, "Conflict"},
		{410, "Gone"},
		{412, "Precondition Failed"},
		{429, "Too Many Requests"},
		{500, "Internal Server Error"},
		{501, "Not Implemented"},
		{502, "Bad Gateway"},
		{503, "Service Unavailable"},
		{504, "Gateway Timeout"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].status == status)
			return names[i].text;
	return "Unknown";
}

static void add_answer(struct strbuf *sb, const char *boundary, const struct part *part)
{
	strbuf_addf(sb, "--%s\r\nContent-Type: application/http\r\n", boundary);
	if (part->content_id && *part->content_id == '<')
		strbuf_addf(sb, "Content-ID: <response-%s\r\n", part->content_id + 1);
	else if (part->content_id)
		strbuf_addf(sb, "Content-ID: response-%s\r\n", part->content_id);
	strbuf_addf(sb, "\r\nHTTP/1.1 %d %s\r\n", part->out.status, status_text(part->out.status));
	for (size_t i = 0; i < part->out.headers.count; i++)
		strbuf_addf(sb, "%s: %s\r\n", part->out.headers.list[i].name,
			    part->out.headers.list[i].value);
	if (part->out.status != 204 && part->out.status != 304)
		strbuf_addf(sb, "Content-Length: %zu\r\n", part->out.body.len);
	strbuf_adds(sb, "\r\n");
	strbuf_add(sb, part->out.body.buf, part->out.body.len);
	strbuf_adds(sb, "\r\n");
}

static void bend_parts(struct fg_call *call, struct parts *parts)
{
	struct part *part = &parts->v.list[(size_t)call->bend_n % parts->v.count];

	part->skipped = call->bend == FG_BEND_PART_SKIPPED;
	part->unanswered = part->skipped || call->bend == FG_BEND_PART_LOST;
	call->fg->faults_hit += part->unanswered;
}

static int fail_batch(struct fg_call *call, const char *why)
{
	AUTO(free) char *message = xasprintf("Failed to parse batch request, error: %s.", why);

	return fg_fail_front(call, 400, message, "badRequest", message, NULL, "INVALID_ARGUMENT",
			     NULL);
}

int fg_batch_handle(struct fg_call *call)
{
	const struct http_request *req = call->req;
	AUTO(free) char *boundary = boundary_of(fg_header(call, "Content-Type"));
	AUTO(parts_release) struct parts parts = {0};
	AUTO(free) char *out_boundary = NULL;
	AUTO(free) char *type = NULL;
	const char *wrong;

	if (strcmp(req->method, "POST") != 0)
		return fail_batch(call, "a batch is sent with POST");
	if (!boundary)
		return fail_batch(call, "Content-Type must be multipart/mixed with a boundary");
	wrong = parse(&parts, boundary, (struct span){req->body ? req->body : "", req->body_len});
	if (wrong)
		return fail_batch(call, wrong);
	if (parts.v.count > (size_t)call->fg->config.max_batch_parts) {
		AUTO(free)
		char *why = xasprintf("The batch has %zu calls, more than the limit of %d",
				      parts.v.count, call->fg->config.max_batch_parts);

		return fail_batch(call, why);
	}
	note_dependent(call, &parts);
	bend_parts(call, &parts);
	run_shuffled(call, &parts);
	out_boundary = fg_new_token(call->fg, "batch_", 32);
	type = xasprintf("multipart/mixed; boundary=%s", out_boundary);
	http_response_release(call->out);
	call->out->status = 200;
	http_headers_add(&call->out->headers, "Content-Type", type);
	for (size_t i = 0; i < parts.v.count; i++)
		if (!parts.v.list[i].unanswered)
			add_answer(&call->out->body, out_boundary, &parts.v.list[i]);
	strbuf_addf(&call->out->body, "--%s--\r\n", out_boundary);
	return 0;
}
