/* What a channel sends, and how it fares. */
#include "fg_push.h"

#include "base/time.h"

#include "base/banned.h"

#define MAX_ATTEMPTS 6

/* -- changes -------------------------------------------------------------------------------- */

void fg_push_queue(struct fg *fg, size_t channel, bool exists)
{
	struct fg_channel *c = &fg->push->channels.list[channel];
	struct fg_message *m = FG_LIST_ADD(&fg->push->queue);

	/* 1 for sync; later ones are larger, not contiguous. */
	c->last_number += exists ? 1 + (long)fg_random_below(fg, 4000) : 1;
	m->channel = channel;
	m->exists = exists;
	m->number = c->last_number;
	m->due_ms = fg_now_ms(fg);
	if (exists && fg->config.push_duplicates) {
		struct fg_message copy = *m;

		*FG_LIST_ADD(&fg->push->queue) = copy;
	}
}

static bool waiting(const struct fg_push_state *push, size_t channel)
{
	for (size_t i = 0; i < push->queue.count; i++) {
		const struct fg_message *m = &push->queue.list[i];

		if (m->channel == channel && m->exists && !m->sent)
			return true;
	}
	return false;
}

static void changed(struct fg *fg, struct fg_account *account, const char *path,
		    const char *event_type)
{
	AUTO(free)
	char *uri = xasprintf("https://www.googleapis.com/calendar/v3/%s?alt=json", path);
	AUTO(free) char *type = xasprintf(" %s ", event_type ? event_type : "default");

	for (size_t i = 0; i < fg->push->channels.count; i++) {
		struct fg_channel *c = &fg->push->channels.list[i];

		if (c->account != account || strcmp(c->resource_uri, uri) != 0 ||
		    !fg_channel_alive(fg, c) || (c->event_types && !strstr(c->event_types, type)) ||
		    waiting(fg->push, i))
			continue;
		c->changes++;
		/* Delivery is not guaranteed. */
		if (fg->config.push_drop_every && !(c->changes % fg->config.push_drop_every))
			continue;
		fg_push_queue(fg, i, true);
	}
}

void fg_push_changed(struct fg *fg, struct fg_account *account, const char *calendar_id,
		     const char *event_type)
{
	AUTO(strbuf_release) struct strbuf path = STRBUF_INIT;

	strbuf_adds(&path, "calendars/");
	strbuf_add_urlencoded(&path, calendar_id);
	strbuf_adds(&path, "/events");
	changed(fg, account, path.buf, event_type);
}

void fg_push_list_changed(struct fg *fg, struct fg_account *account)
{
	changed(fg, account, "users/me/calendarList", NULL);
}

/* -- delivery ------------------------------------------------------------------------------- */

static void queue_drop(struct fg_push_state *push, size_t i)
{
	memmove(&push->queue.list[i], &push->queue.list[i + 1],
		(push->queue.count - i - 1) * sizeof(*push->queue.list));
	push->queue.count--;
}

static void http_date(int64_t ms, char *buf, size_t size)
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(buf, size, "%a, %d %b %Y %H:%M:%S GMT", &tm);
}

static void build(const struct fg_channel *c, const struct fg_message *m, struct http_request *out)
{
	char number[24], expires[64];

	snprintf(number, sizeof(number), "%ld", m->number);
	http_date(c->expires_ms, expires, sizeof(expires));
	*out = (struct http_request){.method = "POST", .url = xstrdup(c->address)};
	http_headers_add(&out->headers, "Accept", "*/*");
	http_headers_add(&out->headers, "User-Agent",
			 "APIs-Google; (+https://developers.google.com/webmasters/"
			 "APIs-Google.html)");
	http_headers_add(&out->headers, "X-Goog-Channel-ID", c->id);
	http_headers_add(&out->headers, "X-Goog-Channel-Expiration", expires);
	if (c->token)
		http_headers_add(&out->headers, "X-Goog-Channel-Token", c->token);
	http_headers_add(&out->headers, "X-Goog-Message-Number", number);
	http_headers_add(&out->headers, "X-Goog-Resource-ID", c->resource_id);
	http_headers_add(&out->headers, "X-Goog-Resource-State", m->exists ? "exists" : "sync");
	http_headers_add(&out->headers, "X-Goog-Resource-URI", c->resource_uri);
}

bool fg_next_notification(struct fg *fg, struct http_request *out)
{
	struct fg_push_state *push = fg->push;
	int64_t now = fg_now_ms(fg);

	for (size_t i = 0; i < push->queue.count; i++) {
		struct fg_message *m = &push->queue.list[i];
		const struct fg_channel *c = &push->channels.list[m->channel];

		if (m->sent || m->due_ms > now)
			continue;
		if (c->expires_ms <= now) {
			queue_drop(push, i--);
			continue;
		}
		m->sent = true;
		m->attempts++;
		build(c, m, out);
		return true;
	}
	return false;
}

int64_t fg_next_due_ms(const struct fg *fg)
{
	int64_t now = fg_now_ms(fg);
	int64_t due = -1;

	for (size_t i = 0; i < fg->push->queue.count; i++) {
		const struct fg_message *m = &fg->push->queue.list[i];
		int64_t left = m->due_ms > now ? m->due_ms - now : 0;

		if (!m->sent && (due < 0 || left < due))
			due = left;
	}
	return due;
}

static void log_delivery(struct fg *fg, const struct http_request *sent, int status)
{
	struct json_object *entry = json_object_new_object();
	char now[RFC3339_LEN];

	rfc3339_format_ms(fg_now_ms(fg), now);
	json_set_str(entry, "time", now);
	json_set_str(entry, "address", sent->url);
	json_set_str(entry, "channel", http_headers_get(&sent->headers, "X-Goog-Channel-ID"));
	json_set_str(entry, "state", http_headers_get(&sent->headers, "X-Goog-Resource-State"));
	json_set_int(entry, "number",
		     strtol(http_headers_get(&sent->headers, "X-Goog-Message-Number"), NULL, 10));
	json_set_int(entry, "status", status);
	json_object_array_add(fg->push->log, entry);
}

void fg_notification_result(struct fg *fg, const struct http_request *sent, int status)
{
	struct fg_push_state *push = fg->push;
	const char *id = http_headers_get(&sent->headers, "X-Goog-Channel-ID");
	long number = strtol(http_headers_get(&sent->headers, "X-Goog-Message-Number"), NULL, 10);
	bool again = status == 500 || (status >= 502 && status <= 504);

	log_delivery(fg, sent, status);
	for (size_t i = 0; i < push->queue.count; i++) {
		struct fg_message *m = &push->queue.list[i];

		if (!m->sent || m->number != number ||
		    strcmp(push->channels.list[m->channel].id, id) != 0)
			continue;
		if (!again || m->attempts >= MAX_ATTEMPTS) {
			queue_drop(push, i);
			return;
		}
		m->sent = false;
		m->due_ms =
			fg_now_ms(fg) + (500LL << m->attempts) + (int64_t)fg_random_below(fg, 250);
		return;
	}
}

void fg_notification_release(struct http_request *req)
{
	free((char *)req->url);
	http_headers_release(&req->headers);
	*req = (struct http_request){0};
}
