#include "google/http.h"

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/url.h"
#include "base/xalloc.h"
#include "secret/secret.h"

#include "base/banned.h"

#define CONNECT_MS  10000L
#define EXCHANGE_MS 30000L
#define MAX_BODY    (64u << 20)
#define MAX_HEADERS 200
#define USER_AGENT  "calsync/" CALSYNC_VERSION " (gzip)"

/* Every libcurl function in use; the types come from its own header. */
#define CURL_FUNCTIONS(X)     \
	X(curl_global_init)   \
	X(curl_easy_init)     \
	X(curl_easy_cleanup)  \
	X(curl_easy_reset)    \
	X(curl_easy_setopt)   \
	X(curl_easy_perform)  \
	X(curl_easy_getinfo)  \
	X(curl_easy_strerror) \
	X(curl_slist_append)  \
	X(curl_version_info)  \
	X(curl_slist_free_all)

static struct {
#define X(name) __typeof__(name) *name##_;
	CURL_FUNCTIONS(X)
#undef X
	char error[200]; /* why loading failed; "" = it did not */
} lib;

static void load_library(void)
{
	void *handle = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
	void *symbol;

	if (!handle) {
		snprintf(lib.error, sizeof(lib.error), "%s", dlerror());
		return;
	}
	/* POSIX gives function pointers only through a data pointer. */
#define X(name)                                                                          \
	symbol = dlsym(handle, #name);                                                   \
	if (!symbol) {                                                                   \
		snprintf(lib.error, sizeof(lib.error), "libcurl.so.4 has no %s", #name); \
		return;                                                                  \
	}                                                                                \
	memcpy(&lib.name##_, &symbol, sizeof(symbol));
	CURL_FUNCTIONS(X)
#undef X
	if (lib.curl_global_init_(CURL_GLOBAL_DEFAULT))
		snprintf(lib.error, sizeof(lib.error), "libcurl cannot be initialised");
}

struct http {
	struct transport base;
	CURL *curl; /* kept between exchanges: its connections stay open */
};

struct exchange { /* what the callbacks fill */
	struct http_response answer;
	bool too_large;
	bool headers_end; /* the empty line behind them came */
};

/* The body may be a token's: what it grew out of is wiped. */
static void add_wiped(struct strbuf *sb, const char *data, size_t n)
{
	AUTO(secret_wipe_strbuf) struct strbuf old = STRBUF_INIT;

	if (sb->alloc && sb->len + n + 1 > sb->alloc) {
		old = *sb;
		*sb = (struct strbuf)STRBUF_INIT;
		strbuf_reserve(sb, 2 * old.alloc + n);
		strbuf_add(sb, old.buf, old.len);
	}
	strbuf_add(sb, data, n);
}

static size_t on_body(char *data, size_t size, size_t count, void *arg)
{
	struct exchange *x = arg;
	size_t n = size * count;

	if (n > MAX_BODY - x->answer.body.len) {
		x->too_large = true;
		return 0;
	}
	add_wiped(&x->answer.body, data, n);
	return n;
}

static size_t on_header(char *data, size_t size, size_t count, void *arg)
{
	struct exchange *x = arg;
	size_t n = size * count, len = n;
	char *colon, *value, *name;

	/* A new status line (after 100 Continue, or a proxy's CONNECT): what came before it was not
	 * the answer. */
	if (n >= 5 && !memcmp(data, "HTTP/", 5)) {
		http_headers_release(&x->answer.headers);
		x->headers_end = false;
		return n;
	}
	while (len && strchr("\r\n \t", data[len - 1]))
		len--;
	if (!len)
		x->headers_end = true; /* for good: trailers may follow the body */
	colon = memchr(data, ':', len);
	if (!colon)
		return n;
	if (x->answer.headers.count == MAX_HEADERS) {
		x->too_large = true;
		return 0;
	}
	name = xstrndup(data, (size_t)(colon - data));
	value = colon + 1;
	while (value < data + len && (*value == ' ' || *value == '\t'))
		value++;
	value = xstrndup(value, (size_t)(data + len - value));
	http_headers_add(&x->answer.headers, name, value);
	free(name);
	free(value);
	return n;
}

static bool is_header_name(const char *s)
{
	return *s &&
	       !s[strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_")];
}

static bool has_control(const char *s)
{
	for (; *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return true;
	return false;
}

struct header_list {
	struct curl_slist *first;
};

static void header_list_release(struct header_list *l)
{
	for (struct curl_slist *at = l->first; at; at = at->next)
		secret_wipe(at->data, strlen(at->data)); /* one of them is the bearer token */
	lib.curl_slist_free_all_(l->first);
	l->first = NULL;
}

DEFINE_AUTO_VALUE(struct header_list, header_list_release)

static void header_list_add(struct header_list *l, const char *line)
{
	struct curl_slist *longer = lib.curl_slist_append_(l->first, line);

	if (!longer)
		abort(); /* out of memory */
	l->first = longer;
}

static int make_headers(const struct http_request *req, struct header_list *out, struct err *err)
{
	for (size_t i = 0; i < req->headers.count; i++) {
		const struct http_header *h = &req->headers.list[i];
		AUTO(secret_wipe_str) char *line = NULL;

		if (!is_header_name(h->name) || has_control(h->value))
			return err_set(err, ERR_FAILED,
				       "header '%s' of a request has a forbidden character",
				       is_header_name(h->name) ? h->name : "?");
		/* "Name;" is how libcurl spells a header without a value. */
		line = *h->value ? xasprintf("%s: %s", h->name, h->value)
				 : xasprintf("%s;", h->name);
		header_list_add(out, line);
	}
	/* Not libcurl's form default, and no pause for "100 Continue". */
	if (!http_headers_get(&req->headers, "Content-Type"))
		header_list_add(out, "Content-Type:");
	header_list_add(out, "Expect:");
	return 0;
}

/* libcurl's own would stay open in a program that we start. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	(void)arg;
	(void)purpose;
	return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Everything that does not depend on the request, anew each time: reset forgets it. */
static CURLcode set_rules(CURL *curl, bool loopback)
{
	CURLcode rc = CURLE_OK;

	lib.curl_easy_reset_(curl);
#define SET(option, value)                                                   \
	do {                                                                 \
		if (rc == CURLE_OK)                                          \
			rc = lib.curl_easy_setopt_(curl, (option), (value)); \
	} while (0)
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_NOPROGRESS, 1L);
	SET(CURLOPT_PROTOCOLS_STR, loopback ? "http,https" : "https");
	SET(CURLOPT_REDIR_PROTOCOLS_STR, "https");
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_SSL_VERIFYPEER, 1L);
	SET(CURLOPT_SSL_VERIFYHOST, 2L);
	SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	SET(CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
	SET(CURLOPT_PATH_AS_IS, 1L);
	SET(CURLOPT_HTTP09_ALLOWED, 0L);
	SET(CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	SET(CURLOPT_ACCEPT_ENCODING, "gzip");
	SET(CURLOPT_USERAGENT, USER_AGENT);
	SET(CURLOPT_TCP_KEEPALIVE, 1L);
	SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
#if LIBCURL_VERSION_NUM >= 0x075700
	/* A name server that says nothing must not hold us beyond the limit. An older library does
	 * not know this. */
	if (rc == CURLE_OK)
		lib.curl_easy_setopt_(curl, CURLOPT_QUICK_EXIT, 1L);
#endif
	/* A proxy of the environment has no business with this machine's own services. */
	if (loopback)
		SET(CURLOPT_NOPROXY, "*");
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_HEADERFUNCTION, on_header);
	return rc;
}

static CURLcode set_request(CURL *curl, const struct http_request *req, struct curl_slist *headers,
			    struct exchange *x, char *errbuf)
{
	bool get = !strcmp(req->method, "GET");
	CURLcode rc = CURLE_OK;

	SET(CURLOPT_URL, req->url);
	SET(CURLOPT_HTTPHEADER, headers);
	SET(CURLOPT_TIMEOUT_MS, req->timeout_ms > 0 ? req->timeout_ms : EXCHANGE_MS);
	SET(CURLOPT_WRITEDATA, x);
	SET(CURLOPT_HEADERDATA, x);
	SET(CURLOPT_ERRORBUFFER, errbuf);
	if (get) {
		SET(CURLOPT_HTTPGET, 1L);
	} else {
		/* A POST without a body says Content-Length: 0; a DELETE says nothing. */
		if (req->body || strcmp(req->method, "DELETE")) {
			SET(CURLOPT_POSTFIELDSIZE_LARGE,
			    (curl_off_t)(req->body ? req->body_len : 0));
			SET(CURLOPT_POSTFIELDS, req->body ? req->body : "");
		}
		SET(CURLOPT_CUSTOMREQUEST, req->method);
	}
#undef SET
	return rc;
}

/* Method and path, with the segments that hold an address blanked: calendar ids do. */
static void log_exchange(const struct http_request *req, const char *outcome, long long us)
{
	AUTO(strbuf_release) struct strbuf path = STRBUF_INIT;
	const char *at;

	if (log_level() < 2)
		return;
	at = strstr(req->url, "//") + 2;
	at += strcspn(at, "/?#");
	while (*at == '/') {
		size_t n = 1 + strcspn(at + 1, "/?#");
		AUTO(free) char *segment = xstrndup(at, n);

		if (strchr(segment, '@') || strstr(segment, "%40"))
			strbuf_adds(&path, "/*");
		else
			strbuf_adds(&path, segment);
		at += n;
	}
	log_debug("http", "%s %s: %s, %lld ms", req->method, path.buf, outcome, us / 1000);
}

/* What a person looks at first. A server that does not answer in time and one that hangs up are
 * told apart by libcurl's words. */
static const char *failed_part(CURLcode rc)
{
	switch (rc) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return HTTP_FAILED_DNS;
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_PROXY:
		return HTTP_FAILED_PROXY;
	case CURLE_COULDNT_CONNECT:
		return HTTP_FAILED_CONNECT;
	case CURLE_OPERATION_TIMEDOUT:
		return HTTP_FAILED_TIMEOUT;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ENGINE_NOTFOUND:
	case CURLE_SSL_ENGINE_INITFAILED:
	case CURLE_SSL_CACERT_BADFILE:
	case CURLE_SSL_CRL_BADFILE:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return HTTP_FAILED_TLS;
	default:
		return HTTP_FAILED_HTTP;
	}
}

static int no_answer(const char *host, const char *why, CURLcode rc, struct err *err)
{
	err_set(err, ERR_NETWORK, "no answer from '%s': %s", host, why);
	snprintf(err->reason, sizeof(err->reason), "%s", failed_part(rc));
	return -1;
}

static int describe_failure(CURLcode rc, bool sent, const struct http_request *req,
			    const struct exchange *x, const char *errbuf, struct err *err)
{
	AUTO(free) char *host = url_host(req->url);
	const char *why = *errbuf ? errbuf : lib.curl_easy_strerror_(rc);

	if (x->too_large)
		return err_set(err, ERR_GOOGLE, "the answer of '%s' is larger than %u MiB", host,
			       MAX_BODY >> 20);
	if (sent) /* also CURLE_UNSUPPORTED_PROTOCOL: an answer that is not HTTP */
		return no_answer(host, why, rc, err);
	switch (rc) {
	case CURLE_UNSUPPORTED_PROTOCOL:
	case CURLE_URL_MALFORMAT:
	case CURLE_FAILED_INIT:
	case CURLE_NOT_BUILT_IN:
	case CURLE_UNKNOWN_OPTION:
	case CURLE_BAD_FUNCTION_ARGUMENT:
	case CURLE_OUT_OF_MEMORY:
		return err_set(err, ERR_FAILED, "a request to '%s' cannot be made: %s", host, why);
	default:
		return no_answer(host, why, rc, err);
	}
}

/*
 * With CURLOPT_NOSIGNAL libcurl leaves SIGPIPE alone, and TLS writes to a connection that the
 * server has closed would end the program with it. Held back in this thread only: what we
 * print into a closed pipe shall end us as ever.
 */
struct sigpipe {
	sigset_t before;
	bool was_pending;
};

static void sigpipe_hold(struct sigpipe *s)
{
	sigset_t pipe_only, pending;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	sigpending(&pending);
	s->was_pending = sigismember(&pending, SIGPIPE) == 1;
	pthread_sigmask(SIG_BLOCK, &pipe_only, &s->before);
}

static void sigpipe_release(const struct sigpipe *s)
{
	const struct timespec now = {0, 0};
	sigset_t pipe_only;

	sigemptyset(&pipe_only);
	sigaddset(&pipe_only, SIGPIPE);
	if (!s->was_pending)
		(void)sigtimedwait(&pipe_only, NULL, &now); /* forget ours */
	pthread_sigmask(SIG_SETMASK, &s->before, NULL);
}

static CURLcode perform(CURL *curl)
{
	struct sigpipe held;
	CURLcode rc;

	sigpipe_hold(&held);
	rc = lib.curl_easy_perform_(curl);
	sigpipe_release(&held);
	return rc;
}

static int http_exchange(struct transport *t, const struct http_request *req,
			 struct http_response *out, struct err *err)
{
	struct http *http = (struct http *)t;
	AUTO(header_list_release) struct header_list headers = {0};
	struct exchange x = {.answer = HTTP_RESPONSE_INIT};
	char errbuf[CURL_ERROR_SIZE] = "";
	char outcome[40];
	curl_off_t us = 0, sent_us = 0;
	long status = 0;
	CURLcode rc;

	if (url_check(req->url, err)) {
		err->code = ERR_FAILED;
		return -1;
	}
	if (!*req->method || req->method[strspn(req->method, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")])
		return err_set(err, ERR_FAILED, "a request has a malformed method");
	if (make_headers(req, &headers, err))
		return -1;
	rc = set_rules(http->curl, url_is_loopback(req->url));
	if (rc == CURLE_OK)
		rc = set_request(http->curl, req, headers.first, &x, errbuf);
	if (rc == CURLE_OK)
		rc = perform(http->curl);
	if (rc == CURLE_OK)
		rc = lib.curl_easy_getinfo_(http->curl, CURLINFO_RESPONSE_CODE, &status);
	/* libcurl takes a connection that ends among the headers for a whole answer. */
	if (rc == CURLE_OK && !x.headers_end)
		rc = CURLE_PARTIAL_FILE;
	lib.curl_easy_getinfo_(http->curl, CURLINFO_TOTAL_TIME_T, &us);
	lib.curl_easy_getinfo_(http->curl, CURLINFO_PRETRANSFER_TIME_T, &sent_us);
	if (rc == CURLE_OK)
		snprintf(outcome, sizeof(outcome), "%ld", status);
	else
		snprintf(outcome, sizeof(outcome), "no answer (libcurl %d)", (int)rc);
	log_exchange(req, outcome, us);
	/* libcurl keeps pointers to headers and body otherwise. */
	lib.curl_easy_reset_(http->curl);
	if (rc != CURLE_OK) {
		describe_failure(rc, sent_us > 0, req, &x, errbuf, err);
		secret_wipe_strbuf(&x.answer.body);
		http_response_release(&x.answer);
		return -1;
	}
	x.answer.status = (int)status;
	*out = x.answer;
	return 0;
}

static void http_free(struct transport *t)
{
	struct http *http = (struct http *)t;

	struct sigpipe held;

	sigpipe_hold(&held); /* it says goodbye on open TLS connections */
	lib.curl_easy_cleanup_(http->curl);
	sigpipe_release(&held);
	free(http);
}

static int need_library(struct err *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, load_library);
	if (*lib.error)
		return err_set(err, ERR_FAILED,
			       "cannot load libcurl (on Debian: apt install libcurl4): %s",
			       lib.error);
	return 0;
}

int http_library_version(const char **out, struct err *err)
{
	if (need_library(err))
		return -1;
	*out = lib.curl_version_info_(CURLVERSION_FIRST)->version;
	return 0;
}

int http_transport_new(struct transport **out, struct err *err)
{
	struct http *http;

	if (need_library(err))
		return -1;
	http = xcalloc(1, sizeof(*http));
	http->base.exchange = http_exchange;
	http->base.free = http_free;
	http->curl = lib.curl_easy_init_();
	if (!http->curl) {
		free(http);
		return err_set(err, ERR_FAILED, "libcurl cannot be initialised");
	}
	*out = &http->base;
	return 0;
}
