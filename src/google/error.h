/*
 * What an HTTP answer means: Google's two error envelopes, OAuth's, and bodies that are none of
 * them, sorted by what to do. Pure.
 *
 * Source  google-calendar-api.md 3.6, 5.1, 5.2, 7.2
 */
#ifndef GOOGLE_ERROR_H
#define GOOGLE_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "google/transport.h"

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110 section 5.6.7). Seconds since 1970; -1 = malformed. */
int64_t http_date_parse(const char *s);
/* Retry-After in seconds: a number, or a date, measured from the answer's Date header or else
 * now_ms; 0 = none, malformed, or past. */
int http_retry_after(const struct http_headers *headers, int64_t now_ms);

/*
 * Describe an answer that is no success; returns -1. Codes as google_call() lists them in google.h,
 * and ERR_UNAUTHORIZED for a 401 that is about the token. http_status, reason and retry_after are
 * filled. The message carries the server's words as they came.
 */
int google_error(const struct http_response *r, int64_t now_ms, struct err *err);
/* The same for the token and revocation endpoints. */
int oauth_error(const struct http_response *r, int64_t now_ms, struct err *err);

/* Whether what Google does not like is the address that events.watch named
 * (push.webhookUrlNotHttps, push.webhookUrlUnauthorized, ...). */
bool google_refuses_address(const struct err *err);

/* Whether Google itself says that what the call named is not there (any more): a 404 or 410 with a
 * reason. One without comes from something on the way. */
bool google_says_gone(const struct err *err);

/* Whether the same call may work when it is sent again in this run. */
bool google_may_pass(const struct err *err);

#endif
