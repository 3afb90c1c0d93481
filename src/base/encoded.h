/*
 * Text as it stands in a query, in JSON, or in JSON within either: what a character there means.
 */
#ifndef BASE_ENCODED_H
#define BASE_ENCODED_H

#include <stddef.h>

/* "%2f", "%252f", "\/", "\u002f", however often: the length, and what it means. 0: nothing is encoded
 * here. */
size_t encoded_char(const char *at, char *out);
/* How long `c` is here, as it is or encoded; 0: it is not here. */
size_t encoded_length(const char *at, char c);
/* How long the spaces and tabs here are. */
size_t encoded_blanks(const char *at);
/* The last character of a text, decoded when it is "%3D", "%253D", "\u003d" or "\n"; 0: it is empty. */
char encoded_before(const char *begin, const char *end);

/* A quote with the backslashes before it: in a string that is in a string they are more. */
struct quote {
	char mark;
	size_t escapes;
};

/* The length of the quote here; 0: there is none. */
size_t quote_at(const char *at, struct quote *out);
/* The length of a string that the like of `q` ends; cut short, it is what there is. */
size_t quoted_length(const char *at, const struct quote *q);

#endif
