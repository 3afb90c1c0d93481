#include "deliver.h"

#include <curl/curl.h>
#include <string.h>

#include "base/xalloc.h"

#include "base/banned.h"

#define TIMEOUT_MS 10000L

struct message {
	struct http_request req; /* owned, as fg_next_notification() gave it */
	CURL *easy;
	struct curl_slist *headers;
	struct message *next;
};

struct deliver {
	struct fg *fg;
	CURLM *multi;
	struct message *list; /* under way */
};

struct deliver *deliver_new(struct fg *fg)
{
	struct deliver *d = xcalloc(1, sizeof(*d));

	d->fg = fg;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) || !(d->multi = curl_multi_init()))
		abort();
	return d;
}

static void message_end(struct deliver *d, struct message **at)
{
	struct message *m = *at;

	*at = m->next;
	curl_multi_remove_handle(d->multi, m->easy);
	curl_easy_cleanup(m->easy);
	curl_slist_free_all(m->headers);
	fg_notification_release(&m->req);
	free(m);
}

void deliver_free(struct deliver *d)
{
	if (!d)
		return;
	while (d->list)
		message_end(d, &d->list);
	curl_multi_cleanup(d->multi);
	curl_global_cleanup();
	free(d);
}

static size_t discard(char *data, size_t size, size_t n, void *cls)
{
	(void)data;
	(void)cls;
	return size * n;
}

static void start(struct deliver *d, struct http_request *req_take)
{
	struct message *m = xcalloc(1, sizeof(*m));

	m->req = *req_take;
	m->easy = curl_easy_init();
	if (!m->easy)
		abort();
	for (size_t i = 0; i < m->req.headers.count; i++) {
		AUTO(free)
		char *line = xasprintf("%s: %s", m->req.headers.list[i].name,
				       m->req.headers.list[i].value);

		m->headers = curl_slist_append(m->headers, line);
	}
	m->headers = curl_slist_append(m->headers, "Content-Type:"); /* curl would add one */
	curl_easy_setopt(m->easy, CURLOPT_URL, m->req.url);
	curl_easy_setopt(m->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(m->easy, CURLOPT_POST, 1L);
	curl_easy_setopt(m->easy, CURLOPT_POSTFIELDS, "");
	curl_easy_setopt(m->easy, CURLOPT_POSTFIELDSIZE, 0L);
	curl_easy_setopt(m->easy, CURLOPT_HTTPHEADER, m->headers);
	curl_easy_setopt(m->easy, CURLOPT_WRITEFUNCTION, discard);
	curl_easy_setopt(m->easy, CURLOPT_TIMEOUT_MS, TIMEOUT_MS);
	curl_easy_setopt(m->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(m->easy, CURLOPT_NOPROXY, "*");
	curl_multi_add_handle(d->multi, m->easy);
	m->next = d->list;
	d->list = m;
}

static void finish(struct deliver *d, CURL *easy, CURLcode code)
{
	for (struct message **at = &d->list; *at; at = &(*at)->next) {
		long status = 0;

		if ((*at)->easy != easy)
			continue;
		if (code == CURLE_OK)
			curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
		fg_notification_result(d->fg, &(*at)->req, (int)status);
		message_end(d, at);
		return;
	}
}

void deliver_run(struct deliver *d)
{
	struct http_request req = {0};
	const CURLMsg *msg;
	int running, left;

	while (fg_next_notification(d->fg, &req))
		start(d, &req);
	curl_multi_perform(d->multi, &running);
	while ((msg = curl_multi_info_read(d->multi, &left))) {
		if (msg->msg == CURLMSG_DONE)
			finish(d, msg->easy_handle, msg->data.result);
	}
}

void deliver_wait(struct deliver *d, const int *fds, unsigned int count, int64_t timeout_ms)
{
	struct curl_waitfd extra[8] = {0};
	unsigned int n = count < ARRAY_SIZE(extra) ? count : (unsigned int)ARRAY_SIZE(extra);

	for (unsigned int i = 0; i < n; i++) {
		extra[i].fd = fds[i];
		extra[i].events = CURL_WAIT_POLLIN;
	}
	curl_multi_poll(d->multi, extra, n, (int)timeout_ms, NULL);
}
