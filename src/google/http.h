/*
 * The product's transport: libcurl, loaded with dlopen() on first use so that
 * commands that stay local do not pay for it.
 *
 * Rules   https only, http to loopback addresses only; no redirects; TLS always verified; whole
 *         exchange limited (default 30 s, connect 10 s), answer at most 64 MiB decoded; no cookies,
 *         no netrc, the usual proxy variables but never for loopback; gzip asked
 *         for (Accept-Encoding and a User-Agent that says gzip); connections kept alive.
 * Log     method, path without query and without addresses, status, ms; never headers or bodies.
 */
#ifndef GOOGLE_HTTP_H
#define GOOGLE_HTTP_H

#include "google/transport.h"

/* Where it failed, as err->reason of ERR_NETWORK. */
#define HTTP_FAILED_DNS     "dns"
#define HTTP_FAILED_PROXY   "proxy"
#define HTTP_FAILED_CONNECT "connect"
#define HTTP_FAILED_TLS     "tls"
#define HTTP_FAILED_TIMEOUT "timeout" /* anywhere of the above */
#define HTTP_FAILED_HTTP    "http"    /* connected, but no whole answer came */

/* Errors: ERR_FAILED when libcurl cannot be loaded. */
int http_transport_new(struct transport **out, struct err *err);
/* Of the libcurl that is loaded, "7.88.1"; static. Errors: as above. */
int http_library_version(const char **out, struct err *err);

static inline void transport_free_ptr(struct transport **t)
{
	if (*t)
		(*t)->free(*t);
}

#endif
