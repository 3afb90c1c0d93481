#include "base/url.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/xalloc.h"

#include "base/banned.h"

/* What lies between "//" and the path. Borrowed from url; NULL when the scheme is no http(s). */
static const char *authority(const char *url, bool *out_https, size_t *out_len)
{
	if (!strncasecmp(url, "https://", 8)) {
		*out_https = true;
		url += 8;
	} else if (!strncasecmp(url, "http://", 7)) {
		*out_https = false;
		url += 7;
	} else {
		return NULL;
	}
	*out_len = strcspn(url, "/?#");
	return url;
}

/* Length of the host in "host", "host:port" or "[v6]:port"; 0 when that is malformed. */
static size_t host_length(const char *s, size_t len)
{
	size_t host = 0;
	long port = 0;

	if (len && *s == '[') {
		const char *end = memchr(s, ']', len);

		if (!end || strspn(s + 1, "0123456789abcdefABCDEF:.") != (size_t)(end - s - 1))
			return 0;
		host = (size_t)(end - s) + 1;
	} else {
		host = strspn(s,
			      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-");
	}
	if (host > len)
		host = len;
	if (!host || host == len)
		return host;
	if (s[host] != ':' || host + 1 == len)
		return 0;
	for (size_t i = host + 1; i < len; i++) {
		if (s[i] < '0' || s[i] > '9')
			return 0;
		port = port * 10 + (s[i] - '0');
		if (port > 65535)
			return 0;
	}
	return port ? host : 0;
}

char *url_host(const char *url)
{
	bool https;
	size_t len = 0, host;
	const char *s = authority(url, &https, &len);

	if (!s)
		return xstrdup("");
	host = host_length(s, len);
	if (host > 2 && *s == '[')
		return xstrndup(s + 1, host - 2);
	return xstrndup(s, host);
}

bool url_is_loopback(const char *url)
{
	AUTO(free) char *host = url_host(url);
	struct in_addr v4;
	struct in6_addr v6;

	if (!strcasecmp(host, "localhost"))
		return true;
	if (inet_pton(AF_INET, host, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, host, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

int url_check(const char *url, struct err *err)
{
	bool https = false;
	size_t len = 0;
	const char *s = authority(url, &https, &len);

	if (!s)
		return err_set(err, ERR_INVALID, "the address is no https URL");
	if (!host_length(s, len))
		return err_set(err, ERR_INVALID, "the URL has no usable host name");
	for (const char *p = url; *p; p++)
		if (*p <= ' ' || *p >= 0x7f || *p == '\\')
			return err_set(err, ERR_INVALID,
				       "the URL has a character that must be encoded");
	if (!https && !url_is_loopback(url))
		return err_set(err, ERR_INVALID,
			       "plain http is allowed to a loopback address only; use https");
	return 0;
}

int url_check_base(const char *url, struct err *err)
{
	bool https;
	size_t len = 0;
	const char *s;

	if (url_check(url, err))
		return -1;
	s = authority(url, &https, &len);
	if (s[len] && strcmp(s + len, "/"))
		return err_set(err, ERR_INVALID, "only scheme, host and port may be given");
	return 0;
}

/* ":PORT" or nothing at p; the length of it, -1 when it is malformed. */
static int parse_port(const char *p, unsigned *out)
{
	size_t digits;

	*out = 80;
	if (*p != ':')
		return 0;
	digits = strspn(p + 1, "0123456789");
	if (!digits || digits > 5)
		return -1;
	*out = (unsigned)strtoul(p + 1, NULL, 10);
	return *out && *out <= 65535 ? (int)digits + 1 : -1;
}

int url_redirect_parts(const char *uri, char **out_host, unsigned *out_port, char **out_path)
{
	static const char *const names[] = {"http://127.0.0.1", "http://localhost"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const char *end = uri + strlen(names[i]);
		unsigned port;
		int n;

		if (strncmp(uri, names[i], strlen(names[i])))
			continue;
		n = parse_port(end, &port);
		if (n < 0 || strpbrk(end, "?#") || (end[n] && end[n] != '/'))
			return -1;
		end += n;
		uri += strlen("http://");
		*out_host = xstrndup(uri, (size_t)(end - uri));
		*out_port = port;
		*out_path = xstrdup(*end ? end : "/");
		return 0;
	}
	return -1;
}
