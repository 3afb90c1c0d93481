/*
 * multipart/mixed with one HTTP request or answer a part: pure text in, text out.
 *
 * Source  google-calendar-api.md section 8; RFC 2046 section 5.1
 */
#ifndef GOOGLE_BATCH_H
#define GOOGLE_BATCH_H

#include "google/google.h"
#include "google/transport.h"

/* Appends the body to out; *out_type is the Content-Type with its boundary, caller's. The calls
 * have passed google_check_call(). Part i has Content-ID <item-i>. */
void batch_encode(const struct gcall *calls, size_t count, struct strbuf *out, char **out_type);

struct batch_part {
	int status;                  /* 0 = no whole answer with this Content-ID came */
	struct http_headers headers; /* of the inner answer; owned */
	const char *body;            /* borrowed from the outer body */
	size_t body_len;
};
void batch_part_release(struct batch_part *p);

/*
 * Read the answer to batch_encode(). parts[i] belongs to call i, whatever the order they came in;
 * all count of them are set when 0 is returned. A part that is cut short (no delimiter
 * after it) does not count as come; unknown and repeated Content-IDs are passed over.
 * Errors: ERR_GOOGLE when this is no multipart answer, or holds none of the parts.
 */
int batch_decode(const char *content_type, const char *body, size_t len, struct batch_part *parts,
		 size_t count, struct err *err);

#endif
