/* The request log, violations, mails and quota: what tests read back. */
#include "fg_control.h"

#include <ctype.h>
#include <string.h>

#include "base/term.h"
#include "base/time.h"

#include "base/banned.h"

#define MINUTE_MS 60000

struct fg_control_state *fg_control_new(void)
{
	struct fg_control_state *control = xcalloc(1, sizeof(*control));

	control->requests = json_object_new_array();
	control->violations = json_object_new_array();
	control->mail = json_object_new_array();
	return control;
}

void fg_control_free(struct fg_control_state *control)
{
	if (!control)
		return;
	json_object_put(control->requests);
	json_object_put(control->violations);
	json_object_put(control->mail);
	fg_faults_clear(control);
	free(control->rates.list);
	free(control);
}

/* JSON text must be UTF-8; what a client sent need not be. */
static struct json_object *text_object(const char *text, size_t len)
{
	AUTO(free) char *clean = NULL;

	if (utf8_valid(text, len))
		return json_object_new_string_len(text, (int)len);
	clean = xstrndup(text, len);
	for (char *p = clean; *p; p++)
		if ((unsigned char)*p >= 0x80)
			*p = '?';
	return json_object_new_string(clean);
}

static struct json_object *headers_object(const struct http_headers *headers)
{
	struct json_object *obj = json_object_new_object();

	for (size_t i = 0; i < headers->count; i++) {
		AUTO(free) char *name = xstrdup(headers->list[i].name);
		const char *value = headers->list[i].value;

		for (char *p = name; *p; p++)
			*p = (char)tolower((unsigned char)*p);
		json_set(obj, name, text_object(value, strlen(value)));
	}
	return obj;
}

int fg_log_request(struct fg *fg, const struct http_request *req, int batch_n)
{
	struct fg_control_state *control = fg->control;
	const char *target = fg_url_target(req->url);
	size_t path_len = strcspn(target, "?");
	struct json_object *entry;
	char now[RFC3339_LEN];

	control->request_count++;
	if (!fg->config.log_requests)
		return control->request_count;
	entry = json_object_new_object();
	rfc3339_format_ms(fg_now_ms(fg), now);
	json_set_int(entry, "n", control->request_count);
	if (batch_n)
		json_set_int(entry, "batch", batch_n);
	json_set_str(entry, "time", now);
	json_set_str(entry, "method", req->method);
	json_set(entry, "path", text_object(target, path_len));
	target += path_len + (target[path_len] == '?');
	json_set(entry, "query", text_object(target, strlen(target)));
	json_set(entry, "headers", headers_object(&req->headers));
	json_set(entry, "body", req->body ? text_object(req->body, req->body_len) : NULL);
	json_set(entry, "status", NULL);
	json_set(entry, "account", NULL);
	json_object_array_add(control->requests, entry);
	return control->request_count;
}

void fg_log_answer(struct fg *fg, int n, int status, const char *account)
{
	struct json_object *list = fg->control->requests;

	for (size_t i = json_object_array_length(list); i-- > 0;) {
		struct json_object *entry = json_object_array_get_idx(list, i);

		if (json_int(entry, "n", 0) != n)
			continue;
		/* 0: the connection was dropped, no status was seen */
		json_set_int(entry, "status", status);
		json_set_str(entry, "account", account);
		return;
	}
}

void fg_log_violation(struct fg *fg, int n, const char *method, const char *path, const char *what)
{
	struct json_object *entry = json_object_new_object();

	json_set_int(entry, "n", n);
	json_set_str(entry, "method", method);
	json_set(entry, "path", text_object(path, strlen(path)));
	json_set(entry, "what", text_object(what, strlen(what)));
	json_object_array_add(fg->control->violations, entry);
}

size_t fg_violations(const struct fg *fg)
{
	return json_object_array_length(fg->control->violations);
}

void fg_mail(struct fg *fg, const char *to, const char *event_id, const char *send_updates,
	     const char *what)
{
	struct json_object *entry = json_object_new_object();

	json_set_str(entry, "to", to);
	json_set_str(entry, "event", event_id);
	json_set_str(entry, "sendUpdates", send_updates);
	json_set_str(entry, "what", what);
	json_object_array_add(fg->control->mail, entry);
}

bool fg_rate_take(struct fg *fg, struct fg_account *account, int units)
{
	struct fg_control_state *control = fg->control;
	int64_t now = fg_now_ms(fg);
	size_t kept = 0;
	int used = 0;

	if (!fg->config.rate_per_minute)
		return true;
	for (size_t i = 0; i < control->rates.count; i++) {
		struct fg_rate_use *use = &control->rates.list[i];

		if (now - use->at_ms >= MINUTE_MS)
			continue;
		if (use->account == account)
			used += use->units;
		control->rates.list[kept++] = *use;
	}
	control->rates.count = kept;
	if (used + units > fg->config.rate_per_minute)
		return false;
	*FG_LIST_ADD(&control->rates) = (struct fg_rate_use){account, now, units};
	return true;
}
