/*
 * Whether the head of a request is written as RFC 9112 wants it: each line ends with CR LF, and no NUL
 * is in it. libmicrohttpd before 1.0 takes a bare LF for an end of line, and ends a value at a NUL
 * without a word; the proxy before it may see another header there, or another request.
 *
 * It gives names and values where they stand in its buffer, in their order. What it left out shows in
 * the distances: of the head as it came only separators may lie between them.
 *
 *   head_check_begin() -> head_check_header() for each, in the order in which they came
 *   -> head_check_end()
 */
#ifndef WEB_HEAD_CHECK_H
#define WEB_HEAD_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct head_check {
	uintptr_t begin, next; /* of the head; of the line that comes */
	bool is_loose;
};

/* The words of the first line, where they stand. target_len: as it came, with its query. */
void head_check_begin(struct head_check *h, const char *method, const char *target,
		      size_t target_len, const char *version);
void head_check_header(struct head_check *h, const char *name, size_t name_len, const char *value,
		       size_t value_len);
/* head_len: with the empty line at its end. Returns whether it is well written. */
bool head_check_end(const struct head_check *h, size_t head_len);

#endif
