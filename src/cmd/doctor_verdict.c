#include "cmd/doctor_verdict.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/url.h"
#include "google/http.h"

#include "base/banned.h"

const char *finding_status_name(enum finding_status status)
{
	static const char *const names[] = {
#define X(id, name) name,
		FINDING_STATUSES(X)
#undef X
	};

	return names[status];
}

enum finding_status verdict_clock(int64_t skew_ms)
{
	int64_t off = skew_ms < 0 ? -skew_ms : skew_ms;

	if (off > CLOCK_ERROR_S * 1000)
		return FINDING_ERROR;
	return off > CLOCK_WARNING_S * 1000 ? FINDING_WARNING : FINDING_OK;
}

#define SPACE_ERROR   (UINT64_C(8) << 20)
#define SPACE_WARNING (UINT64_C(128) << 20)

enum finding_status verdict_space(uint64_t free_bytes, uint64_t store_bytes)
{
	if (free_bytes < SPACE_ERROR)
		return FINDING_ERROR;
	return free_bytes < SPACE_WARNING || free_bytes < store_bytes ? FINDING_WARNING
								      : FINDING_OK;
}

/* --- the address for notifications ------------------------------------------------------- */

enum reach { REACH_ALL, REACH_NAMELESS, REACH_PRIVATE, REACH_HERE };

static enum reach reach_v4(uint32_t a)
{
	static const struct {
		uint32_t net;
		int bits;
		enum reach reach;
	} nets[] = {
		{0x7f000000, 8, REACH_HERE},     /* 127.0.0.0/8 */
		{0x00000000, 8, REACH_HERE},     /* 0.0.0.0/8 */
		{0x0a000000, 8, REACH_PRIVATE},  /* 10.0.0.0/8, RFC 1918, as the next two */
		{0xac100000, 12, REACH_PRIVATE}, /* 172.16.0.0/12 */
		{0xc0a80000, 16, REACH_PRIVATE}, /* 192.168.0.0/16 */
		{0xa9fe0000, 16, REACH_PRIVATE}, /* 169.254.0.0/16, link-local */
		{0x64400000, 10, REACH_PRIVATE}, /* 100.64.0.0/10, behind a provider's NAT */
	};

	for (size_t i = 0; i < ARRAY_SIZE(nets); i++)
		if (!((a ^ nets[i].net) >> (32 - nets[i].bits)))
			return nets[i].reach;
	return REACH_ALL;
}

static enum reach reach_v6(const struct in6_addr *a)
{
	uint32_t v4;

	if (IN6_IS_ADDR_LOOPBACK(a) || IN6_IS_ADDR_UNSPECIFIED(a))
		return REACH_HERE;
	if (IN6_IS_ADDR_V4MAPPED(a)) {
		memcpy(&v4, a->s6_addr + 12, sizeof(v4));
		return reach_v4(ntohl(v4));
	}
	return IN6_IS_ADDR_LINKLOCAL(a) || (a->s6_addr[0] & 0xfe) == 0xfc ? REACH_PRIVATE
									  : REACH_ALL;
}

static bool ends_with(const char *s, const char *end)
{
	size_t n = strlen(s), m = strlen(end);

	return n >= m && !strcasecmp(s + n - m, end);
}

static enum reach reach_name(const char *host)
{
	const char *dot = strchr(host, '.');

	if (!strcasecmp(host, "localhost") || ends_with(host, ".localhost"))
		return REACH_HERE;
	return !dot || !dot[1] || ends_with(host, ".local") ? REACH_NAMELESS : REACH_ALL;
}

/* Who can reach the host; inet_aton() also knows 127.1 and 2130706433, as libraries do. */
static enum reach reach_of(const char *url)
{
	AUTO(free) char *host = url_host(url);
	struct in_addr v4;
	struct in6_addr v6;

	if (inet_aton(host, &v4))
		return reach_v4(ntohl(v4.s_addr));
	return inet_pton(AF_INET6, host, &v6) == 1 ? reach_v6(&v6) : reach_name(host);
}

const char *verdict_channel(const char *url, const char *base_url, enum finding_status *out_status)
{
	struct err err;

	*out_status = FINDING_ERROR;
	if (url_check(url, &err)) /* plain http passes for this machine alone */
		return strncasecmp(url, "http:", 5) != 0
			       ? "is no https address"
			       : "is not https: Google sends notifications to nothing else";
	if (strchr(url, '?') || strchr(url, '#'))
		return "has a query or a fragment: it is scheme, host, and perhaps a path";
	if (*base_url && url_is_loopback(base_url)) {
		*out_status = FINDING_OK; /* what stands in for Google is here as well */
		return NULL;
	}
	switch (reach_of(url)) {
	case REACH_HERE:
		return "is an address of this machine: Google cannot reach it";
	case REACH_PRIVATE:
		*out_status = FINDING_WARNING;
		return "is an address of a private network: Google cannot reach it";
	case REACH_NAMELESS:
		*out_status = FINDING_WARNING;
		return "has a host that is known in its own network alone: Google cannot find it";
	case REACH_ALL:
		break;
	}
	*out_status = FINDING_OK;
	return NULL;
}

/* --- the timers -------------------------------------------------------------------------- */

enum timer_state verdict_timer(const char *word)
{
	static const struct {
		const char *word;
		enum timer_state state;
	} words[] = {
		{"enabled", TIMER_ENABLED},     {"enabled-runtime", TIMER_ENABLED},
		{"static", TIMER_INSTALLED},    {"disabled", TIMER_INSTALLED},
		{"indirect", TIMER_INSTALLED},  {"linked", TIMER_INSTALLED},
		{"generated", TIMER_INSTALLED}, {"linked-runtime", TIMER_INSTALLED},
		{"masked", TIMER_MASKED},       {"masked-runtime", TIMER_MASKED},
		{"not-found", TIMER_ABSENT},    {"bad", TIMER_ABSENT},
		{"transient", TIMER_INSTALLED},
	};

	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (!strcmp(words[i].word, word))
			return words[i].state;
	return TIMER_UNKNOWN;
}

/* --- versions ---------------------------------------------------------------------------- */

static long next_number(const char **p)
{
	char *end;
	long n;

	if (**p < '0' || **p > '9')
		return 0;
	n = strtol(*p, &end, 10);
	*p = *end == '.' ? end + 1 : end;
	return n;
}

int version_compare(const char *a, const char *b)
{
	for (int i = 0; i < 4; i++) {
		long x = next_number(&a), y = next_number(&b);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}

#define UPGRADE_SQLITE "upgrade SQLite (to 3.51.3 or later; 3.50.7 and 3.44.6 are mended too)"
#define WAL_RESET                                                                               \
	"can in rare cases damage a database that two processes use at the same time (the WAL-" \
	"reset bug), unless the distribution has mended it"

/*
 * Only what this program would meet, and each with its source. The first line that fits counts.
 */
static const struct known_bad list[] = {
	/* "STRICT tables": sqlite.org/stricttables.html. Our tables are. */
	{"SQLite", "0", "3.37.0", FINDING_ERROR, "does not know STRICT tables, which the store has",
	 UPGRADE_SQLITE},
	/* sqlite.org/wal.html#walresetbug: 3.7.0 to 3.51.2, mended in 3.51.3, 3.50.7 and 3.44.6. We
	 * use WAL, and a sync, webhookd and a command may meet. */
	{"SQLite", "3.7.0", "3.44.6", FINDING_WARNING, WAL_RESET, UPGRADE_SQLITE},
	{"SQLite", "3.45.0", "3.50.7", FINDING_WARNING, WAL_RESET, UPGRADE_SQLITE},
	{"SQLite", "3.51.0", "3.51.3", FINDING_WARNING, WAL_RESET, UPGRADE_SQLITE},
	/* github.com/vapor/sqlite-nio/pull/101, which quotes the announcement */
	{"SQLite", "3.52.0", "3.52.1", FINDING_WARNING, "was withdrawn by its authors",
	 "upgrade SQLite"},
	/* curl.se/libcurl/c/CURLOPT_PROTOCOLS_STR.html: since 7.85.0. Every request sets it. */
	{"libcurl", "0", "7.85.0", FINDING_ERROR, "is too old: no request can be made with it",
	 "upgrade libcurl (to 7.87.0 or later)"},
	/* github.com/curl/curl/issues/9813, mended in 7.87.0 */
	{"libcurl", "7.86.0", "7.87.0", FINDING_WARNING,
	 "ignores all but the last name in no_proxy", "upgrade libcurl"},
	/* github.com/curl/curl/issues/11485, mended in 8.2.1. A move is such a request. */
	{"libcurl", "8.2.0", "8.2.1", FINDING_WARNING,
	 "hangs on a POST without a body over HTTP/2: events cannot be moved", "upgrade libcurl"},
	/* github.com/curl/curl/issues/15725, of 8.11.1 */
	{"libcurl", "8.11.1", "8.12.0", FINDING_WARNING,
	 "closes a file twice after it has looked up a name, perhaps one that is not its own",
	 "upgrade libcurl"},
	/* github.com/openssl/openssl/issues/18625, mended in 3.0.5: RS256 of a service account */
	{"libcrypto", "3.0.4", "3.0.5", FINDING_WARNING,
	 "damages memory when it signs for a service account on processors with AVX-512",
	 "upgrade OpenSSL"},
};

const struct known_bad *verdict_version(const char *library, const char *version)
{
	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		if (!strcmp(list[i].library, library) &&
		    version_compare(version, list[i].from) >= 0 &&
		    version_compare(version, list[i].before) < 0)
			return &list[i];
	return NULL;
}

/* --- the network ------------------------------------------------------------------------- */

const char *verdict_network_mend(const char *part)
{
	static const struct {
		const char *part, *mend;
	} mends[] = {
		{HTTP_FAILED_DNS,
		 "the name is not found: look at the network connection and at /etc/resolv.conf"},
		{HTTP_FAILED_PROXY, "look at the variables https_proxy and no_proxy"},
		{HTTP_FAILED_CONNECT,
		 "the name is found, but nobody answers there: look at firewall and https_proxy"},
		{HTTP_FAILED_TLS,
		 "the server is reached, but TLS fails: look at the clock, at the certificates "
		 "(Debian: apt install ca-certificates) and at proxies that open TLS"},
		{HTTP_FAILED_TIMEOUT,
		 "no answer in time: look at firewall and https_proxy, or try again later"},
		{HTTP_FAILED_HTTP,
		 "connected, but what answers does not speak HTTP: look at https_proxy, or try "
		 "again later"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(mends); i++)
		if (!strcmp(mends[i].part, part))
			return mends[i].mend;
	return NULL;
}
