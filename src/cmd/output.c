#include "cmd/output.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/time.h"
#include "sync/sync.h"
#include "base/banned.h"

void out_json(struct cmd_context *cx, struct json_object *answer_take)
{
	AUTO(json_object_put) struct json_object *answer = answer_take;

	out_ndjson(cx, answer);
}

void out_ndjson(struct cmd_context *cx, struct json_object *obj)
{
	fputs(json_text(obj), stdout);
	fputc('\n', stdout);
	cx->json_printed = true;
}

void out_printf(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
}

void out_note(const struct cmd_context *cx, const char *fmt, ...)
{
	va_list ap;

	if (cx->global.quiet || cx->global.json)
		return;
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
}

struct json_object *json_failure(const struct err *e)
{
	struct json_object *o = json_object_new_object();

	json_set_bool(o, "success", false);
	json_set(o, "error", sync_error_json(e));
	return o;
}

struct json_object *json_time_ms(int64_t ms)
{
	char buf[RFC3339_LEN];

	if (!ms)
		return NULL;
	rfc3339_format_ms(ms, buf);
	return json_object_new_string(buf);
}

int json_error_status(const struct json_object *error)
{
	const char *name = json_str(error, "code");

#define X(code, text, status)            \
	if (name && !strcmp(name, text)) \
		return status;
	ERR_CODES(X)
#undef X
	return 1;
}

/* Google's members first, ours after them; ours win when a file smuggled in such a name. */
struct json_object *json_event(const struct event *e)
{
	struct json_object *o = json_clone(e->resource);

	json_set_str(o, "id", e->id);
	json_set_str(o, "account", e->account);
	json_set_str(o, "calendar", e->calendar);
	json_set_str(o, "googleEventId", e->at_google ? e->id : NULL);
	json_set_str(o, "syncStatus", sync_status_name(e->sync_status));
	json_set_str(o, "lastSyncError", e->last_error);
	json_set_str(o, "pendingOp", pending_op_name(e->pending));
	return o;
}

struct json_object *json_account(const struct account *a)
{
	struct json_object *o = json_object_new_object();

	json_set_str(o, "name", a->name);
	json_set_str(o, "email", a->email);
	json_set_str(o, "state", account_state_name(a->state));
	json_set_str(o, "auth", a->auth);
	json_set_str(o, "subject", a->subject);
	json_set_bool(o, "readOnly", a->read_only);
	json_set_str(o, "scopes", a->scopes);
	json_set(o, "connectedAt", json_time_ms(a->connected_ms));
	json_set(o, "tokenExpires", json_time_ms(a->token_expires_ms));
	json_set(o, "lastSync", json_time_ms(a->last_sync_ms));
	json_set_str(o, "lastError", a->last_error);
	return o;
}

const char *out_push(const char *state)
{
	return strcmp(state, "unsupported") != 0 ? state : "polled";
}

struct json_object *json_calendar(const struct calendar *c)
{
	struct json_object *o = json_object_new_object();

	json_set_str(o, "id", c->google_id);
	json_set_str(o, "account", c->account);
	json_set_str(o, "summary", c->summary);
	json_set_str(o, "timeZone", c->time_zone);
	json_set_str(o, "accessRole", c->access_role);
	json_set_bool(o, "primary", c->primary);
	json_set_bool(o, "selected", c->selected);
	json_set_bool(o, "gone", c->gone);
	json_set_str(o, "push", push_state_name(c->push));
	json_set(o, "lastSync", json_time_ms(c->last_sync_ms));
	json_set_str(o, "lastError", c->last_error);
	return o;
}

static const char *const style_on[] = {
	[OUT_PLAIN] = "",        [OUT_BOLD] = "\033[1m", [OUT_GOOD] = "\033[32m",
	[OUT_WARN] = "\033[33m", [OUT_BAD] = "\033[31m", [OUT_DIM] = "\033[2m",
};

bool out_color(const struct cmd_context *cx)
{
	return term_use_color(stdout, cx->color);
}

const char *out_style_on(const struct cmd_context *cx, enum out_style style)
{
	return out_color(cx) ? style_on[style] : "";
}

const char *out_style_off(const struct cmd_context *cx)
{
	return out_color(cx) ? "\033[0m" : "";
}

void out_time_ms(int64_t ms, char buf[OUT_TIME_LEN])
{
	struct civil c;

	if (!ms) {
		snprintf(buf, OUT_TIME_LEN, "never");
		return;
	}
	zone_civil(zone_system(), ms / 1000, &c);
	snprintf(buf, OUT_TIME_LEN, "%04d-%02d-%02d %02d:%02d", c.year, c.month, c.day, c.hour,
		 c.minute);
}

void out_age_ms(int64_t age_ms, char buf[OUT_TIME_LEN])
{
	long long s = age_ms / 1000;

	if (s < 60)
		snprintf(buf, OUT_TIME_LEN, "just now");
	else if (s < 60 * 60)
		snprintf(buf, OUT_TIME_LEN, "%lld min ago", s / 60);
	else if (s < 48 * 60 * 60)
		snprintf(buf, OUT_TIME_LEN, "%lld h ago", s / (60 * 60));
	else
		snprintf(buf, OUT_TIME_LEN, "%lld d ago", s / DAY_S);
}
