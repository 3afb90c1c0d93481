/*
 * OAuth scopes: lists of them, separated by spaces, as Google grants and as we ask for them.
 */
#ifndef CMD_SCOPES_H
#define CMD_SCOPES_H

#include "base/strbuf.h"

/* Append those of `asked` that `granted` does not cover, in short and with what they are for:
 * "calendar.events (to read and change events)", by "and".
 * A wider permission covers a narrower one. */
void scopes_missing(const char *granted, const char *asked, struct strbuf *out);

#endif
