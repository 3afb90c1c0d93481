/*
 * Which addresses a secret may be sent to: https anywhere, plain http to this machine only.
 *
 * The check is stricter than RFC 3986 on purpose, so that nothing that passes here is
 * read as another host by the HTTP library: no user info, no escapes and no odd
 * characters in the authority.
 */
#ifndef BASE_URL_H
#define BASE_URL_H

#include <stdbool.h>

#include "base/err.h"

/* An absolute http or https URL that may be asked. Errors: ERR_INVALID, without the URL's query. */
int url_check(const char *url, struct err *err);
/* Same, and nothing behind the host and port but perhaps a single slash. */
int url_check_base(const char *url, struct err *err);
/* 127.0.0.0/8, ::1 or localhost; url has passed url_check(). */
bool url_is_loopback(const char *url);
/*
 * "http://HOST[:PORT][/PATH]", HOST being 127.0.0.1 or localhost: where an OAuth client may be
 * answered on this machine. out_host is as a Host header says it, with the port; out_path begins
 * with a slash. The caller frees both. -1 for every other address.
 */
int url_redirect_parts(const char *uri, char **out_host, unsigned *out_port, char **out_path);
/* Host without port and brackets, for messages. Caller frees. */
char *url_host(const char *url);

#endif
