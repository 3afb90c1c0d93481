/*
 * The seam between our client and Google: one HTTP exchange in, one answer out.
 * libcurl stands behind it in the product (google/http.c), a simulated Google in tests.
 */
#ifndef GOOGLE_TRANSPORT_H
#define GOOGLE_TRANSPORT_H

#include <stddef.h>

#include "base/err.h"
#include "base/strbuf.h"

struct http_header {
	char *name;  /* owned; compared without regard to case */
	char *value; /* owned */
};

struct http_headers {
	struct http_header *list; /* in order; a name may come more than once */
	size_t count;
};

void http_headers_add(struct http_headers *h, const char *name, const char *value);
const char *http_headers_get(const struct http_headers *h, const char *name); /* first, or NULL */
void http_headers_release(struct http_headers *h);

struct http_request {
	const char *method;          /* "GET", "POST", "PUT", "PATCH", "DELETE" */
	const char *url;             /* absolute, encoded */
	struct http_headers headers; /* Authorization, Content-Type, If-Match, ... */
	const char *body;            /* NULL = none; not copied */
	size_t body_len;             /* bytes */
	long timeout_ms;             /* for the whole exchange; 0 = the transport's default */
};

struct http_response {
	int status; /* 100..599 */
	struct http_headers headers;
	struct strbuf body; /* decoded (gzip undone) */
};

#define HTTP_RESPONSE_INIT          \
	{                           \
		.body = STRBUF_INIT \
	}
void http_response_release(struct http_response *r);
DEFINE_AUTO_VALUE(struct http_response, http_response_release)
DEFINE_AUTO_VALUE(struct http_headers, http_headers_release)

struct transport {
	/*
	 * Send one request, receive one whole answer.
	 *
	 * out     HTTP_RESPONSE_INIT on entry; the caller releases it. Untouched on failure.
	 * Errors  ERR_NETWORK: no whole answer came (the request may have been carried out);
	 *         ERR_FAILED: the request could not be made at all (bad URL, forbidden scheme);
	 *         ERR_GOOGLE: the answer is beyond every limit: asking again would not help.
	 *         Any HTTP status is a success here.
	 */
	int (*exchange)(struct transport *t, const struct http_request *req,
			struct http_response *out, struct err *err);
	void (*free)(struct transport *t);
};

#endif
