/*
 * What reaches a terminal: server text with nothing in it that a terminal obeys,
 * column widths, colour.
 */
#ifndef BASE_TERM_H
#define BASE_TERM_H

#include <stdbool.h>
#include <stdio.h>

#include "base/strbuf.h"

enum term_color { TERM_AUTO, TERM_ALWAYS, TERM_NEVER };

/*
 * Append s with control characters (C0, DEL, C1), bidirectional controls
 * (U+061C, U+200E, U+200F, U+202A..202E, U+2066..2069), line separators and invalid UTF-8
 * replaced by U+FFFD; tab and newline become a space: one line in, one line out.
 */
void term_add_clean(struct strbuf *sb, const char *s);
char *term_clean(const char *s); /* the same as a new string; NULL gives "" */

/* --color, NO_COLOR and whether f is a terminal, in that order. */
bool term_use_color(FILE *f, enum term_color wish);

/* What is typed at standard input is not shown from here on; false: that is no terminal. Shown again
 * after term_show_typing(), and when a signal ends the program before. */
bool term_hide_typing(void);
void term_show_typing(void);

/* Whether buf is valid UTF-8 (RFC 3629: no surrogates, no overlong forms). */
bool utf8_valid(const char *buf, size_t len);
/* Every byte that belongs to no character becomes a question mark. */
void utf8_repair(char *s);

#endif
