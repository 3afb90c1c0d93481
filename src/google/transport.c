#include "google/transport.h"

#include <string.h>
#include <strings.h>

#include "base/xalloc.h"

void http_headers_add(struct http_headers *h, const char *name, const char *value)
{
	h->list = xreallocarray(h->list, h->count + 1, sizeof(*h->list));
	h->list[h->count].name = xstrdup(name);
	h->list[h->count].value = xstrdup(value);
	h->count++;
}

const char *http_headers_get(const struct http_headers *h, const char *name)
{
	for (size_t i = 0; i < h->count; i++)
		if (!strcasecmp(h->list[i].name, name))
			return h->list[i].value;
	return NULL;
}

void http_headers_release(struct http_headers *h)
{
	for (size_t i = 0; i < h->count; i++) {
		free(h->list[i].name);
		free(h->list[i].value);
	}
	free(h->list);
	memset(h, 0, sizeof(*h));
}

void http_response_release(struct http_response *r)
{
	http_headers_release(&r->headers);
	strbuf_release(&r->body);
	r->status = 0;
}
