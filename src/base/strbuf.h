/*
 * A growing byte string. buf is always NUL-terminated (also when empty), len
 * does not count that NUL. Start from STRBUF_INIT, end with strbuf_release().
 */
#ifndef BASE_STRBUF_H
#define BASE_STRBUF_H

#include <stdbool.h>
#include <stddef.h>

#include "base/cleanup.h"

struct strbuf {
	char *buf;    /* never NULL; points to a shared "" before the first write */
	size_t len;   /* bytes in use */
	size_t alloc; /* 0 = buf is the shared "" */
};

extern char strbuf_empty[];
#define STRBUF_INIT                 \
	{                           \
		.buf = strbuf_empty \
	}

void strbuf_release(struct strbuf *sb); /* back to STRBUF_INIT */
void strbuf_reset(struct strbuf *sb);   /* empty, memory kept */
/* Room for extra more bytes: until they are used up nothing is copied elsewhere (secrets). */
void strbuf_reserve(struct strbuf *sb, size_t extra);
void strbuf_add(struct strbuf *sb, const void *data, size_t n);
void strbuf_adds(struct strbuf *sb, const char *s);
void strbuf_addc(struct strbuf *sb, char c);
void strbuf_addf(struct strbuf *sb, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Percent-encode all but RFC 3986 unreserved characters: safe in a path segment or a query. */
void strbuf_add_urlencoded(struct strbuf *sb, const char *s);
/* Hand the string over: the caller frees it; sb is empty again. */
char *strbuf_detach(struct strbuf *sb);

DEFINE_AUTO_VALUE(struct strbuf, strbuf_release)

#endif
