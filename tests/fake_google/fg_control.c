#include "fg_control.h"

#include <string.h>

#include "base/clock.h"
#include "base/time.h"

#include "base/banned.h"

static int fail(struct fg_call *call, int status, const char *message)
{
	struct json_object *obj = json_object_new_object();

	json_set_str(obj, "error", message);
	fg_reply_json(call, status, obj);
	return -1;
}

static int fail_err(struct fg_call *call, const struct err *err)
{
	return fail(call, err->code == ERR_NOT_FOUND ? 404 : 400, err->msg);
}

/* The account that body or query names, else the first; -1 after answering 404. */
static int account_named(struct fg_call *call, struct fg_account **out)
{
	const char *email = json_str(call->body, "account");

	if (!email)
		email = fg_param(call, "account");
	*out = email ? fg_account_find(call->fg, email) : call->fg->accounts;
	return *out ? 0 : fail(call, 404, "no such account");
}

/* -- accounts and tokens -------------------------------------------------------------------- */

static struct json_object *account_object(const struct fg_account *account)
{
	struct json_object *obj = json_object_new_object();

	json_set_str(obj, "email", account->email);
	json_set_str(obj, "displayName", account->display_name);
	json_set_str(obj, "timeZone", account->time_zone);
	return obj;
}

static int accounts_post(struct fg_call *call)
{
	const char *email = json_str(call->body, "email");
	const char *zone = json_str(call->body, "timeZone");

	if (!email || !strchr(email, '@'))
		return fail(call, 400, "email is missing");
	if (zone && !zone_valid(zone))
		return fail(call, 400, "unknown timeZone");
	if (fg_account_find(call->fg, email))
		return fail(call, 409, "this account exists");
	return fg_reply_json(call, 200,
			     account_object(fg_account_add(
				     call->fg, email, json_str(call->body, "displayName"), zone)));
}

static int accounts_get(struct fg_call *call)
{
	struct json_object *list = json_object_new_array();

	for (struct fg_account *a = call->fg->accounts; a; a = a->next)
		json_object_array_add(list, account_object(a));
	return fg_reply_json(call, 200, list);
}

static int token_post(struct fg_call *call)
{
	struct json_object *wanted = json_get(call->body, "scopes");
	struct fg_account *account;
	uint32_t scopes = wanted ? 0 : FG_S_CALENDAR;
	struct json_object *obj;

	if (account_named(call, &account))
		return -1;
	if (wanted && !json_object_is_type(wanted, json_type_array))
		return fail(call, 400, "scopes wants an array");
	for (size_t i = 0; wanted && i < json_object_array_length(wanted); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(wanted, i));
		uint32_t one;

		if (!name || !fg_scopes_parse(name, &one) || !one)
			return fail(call, 400, "unknown scope");
		scopes |= one;
	}
	AUTO(free) char *token = fg_oauth_mint(call->fg, account, scopes);

	obj = json_object_new_object();
	json_set_str(obj, "access_token", token);
	if (json_flag(call->body, "refresh", false))
		json_set_str(obj, "refresh_token",
			     fg_oauth_mint_refresh(call->fg, account, scopes));
	return fg_reply_json(call, 200, obj);
}

static int expire_post(struct fg_call *call)
{
	const struct json_object *body = call->body;
	bool access = json_flag(body, "access_tokens", false);
	bool refresh = json_flag(body, "refresh_tokens", false);
	bool sync = json_flag(body, "sync_tokens", false);
	bool page = json_flag(body, "page_tokens", false);
	bool tombstones = json_flag(body, "tombstones", false);
	struct fg_account *account = NULL;

	if (json_has(body, "account") && account_named(call, &account))
		return -1;
	if (!access && !refresh && !sync && !page && !tombstones)
		return fail(call, 400,
			    "name access_tokens, refresh_tokens, sync_tokens, page_tokens or "
			    "tombstones");
	fg_oauth_expire(call->fg, account, access, refresh);
	fg_cal_expire_tokens(call->fg, account, sync, page);
	if (tombstones)
		fg_cal_expire_tombstones(call->fg, account);
	return fg_reply_json(call, 200, json_object_new_object());
}

/* -- clock, config, faults ------------------------------------------------------------------ */

static int clock_get(struct fg_call *call)
{
	struct json_object *obj = json_object_new_object();
	char now[RFC3339_LEN];

	rfc3339_format_ms(fg_now_ms(call->fg), now);
	json_set_str(obj, "now", now);
	return fg_reply_json(call, 200, obj);
}

static void clock_move(struct fg *fg, int64_t by_ms)
{
	if (fg->clock_fixed_ms)
		fg->clock_fixed_ms += by_ms;
	else
		fg->clock_offset_ms += by_ms;
}

static int clock_post(struct fg_call *call)
{
	const char *now = json_str(call->body, "now");
	struct rfc3339 t;
	struct err err;

	if (now) {
		if (rfc3339_parse(now, &t, &err))
			return fail_err(call, &err);
		if (!t.has_offset)
			return fail(call, 400, "now needs an offset");
		clock_move(call->fg, t.utc * 1000 + t.ms - fg_now_ms(call->fg));
	} else if (json_has(call->body, "advance_ms")) {
		clock_move(call->fg, json_int(call->body, "advance_ms", 0));
	} else {
		return fail(call, 400, "name now or advance_ms");
	}
	return clock_get(call);
}

static int config_get(struct fg_call *call)
{
	return fg_reply_json(call, 200, fg_config_dump(call->fg));
}

static int config_post(struct fg_call *call)
{
	struct err err;

	if (fg_config_set(call->fg, call->body, &err))
		return fail_err(call, &err);
	return config_get(call);
}

static int faults_get(struct fg_call *call)
{
	return fg_reply_json(call, 200, fg_faults_dump(call->fg));
}

static int faults_post(struct fg_call *call)
{
	struct json_object *obj;
	struct err err;
	int id;

	if (fg_fault_add(call->fg, call->body, &id, &err))
		return fail_err(call, &err);
	obj = json_object_new_object();
	json_set_int(obj, "id", id);
	return fg_reply_json(call, 200, obj);
}

static int faults_delete(struct fg_call *call)
{
	fg_faults_clear(call->fg->control);
	return fg_reply_empty(call, 204);
}

/* -- logs ----------------------------------------------------------------------------------- */

static int reply_list(struct fg_call *call, struct json_object *list)
{
	return fg_reply_json(call, 200, json_object_get(list));
}

static int clear_list(struct fg_call *call, struct json_object **list)
{
	json_object_put(*list);
	*list = json_object_new_array();
	return fg_reply_empty(call, 204);
}

static int requests_get(struct fg_call *call)
{
	return reply_list(call, call->fg->control->requests);
}

static int requests_delete(struct fg_call *call)
{
	return clear_list(call, &call->fg->control->requests);
}

static int violations_get(struct fg_call *call)
{
	return reply_list(call, call->fg->control->violations);
}

static int violations_delete(struct fg_call *call)
{
	return clear_list(call, &call->fg->control->violations);
}

static int mail_get(struct fg_call *call)
{
	return reply_list(call, call->fg->control->mail);
}

static int mail_delete(struct fg_call *call)
{
	return clear_list(call, &call->fg->control->mail);
}

static int notifications_get(struct fg_call *call)
{
	return reply_list(call, *fg_push_log(call->fg));
}

static int notifications_delete(struct fg_call *call)
{
	return clear_list(call, fg_push_log(call->fg));
}

/* -- state ---------------------------------------------------------------------------------- */

static int state_get(struct fg_call *call)
{
	struct json_object *obj = json_object_new_object();
	struct json_object *list = json_object_new_array();
	char now[RFC3339_LEN];

	rfc3339_format_ms(fg_now_ms(call->fg), now);
	json_set_str(obj, "now", now);
	for (struct fg_account *a = call->fg->accounts; a; a = a->next)
		json_object_array_add(list, fg_cal_dump(call->fg, a));
	json_set(obj, "accounts", list);
	json_set(obj, "channels", fg_push_dump(call->fg));
	return fg_reply_json(call, 200, obj);
}

static int load_post(struct fg_call *call)
{
	AUTO(json_object_put) struct json_object *data = NULL;
	const struct http_request *req = call->req;
	struct fg_account *account;
	struct err err;

	/* The body may be an array: it is read here, not in fg_control_handle(). */
	if (json_parse(req->body ? req->body : "", req->body_len, &data, &err))
		return fail_err(call, &err);
	if (account_named(call, &account))
		return -1;
	if (fg_cal_load(call->fg, account, fg_param(call, "calendar"), data, &err))
		return fail_err(call, &err);
	return fg_reply_json(call, 200, json_object_new_object());
}

static int calendars_post(struct fg_call *call)
{
	AUTO(json_object_put) struct json_object *spec = json_clone(call->body);
	struct json_object *entry = NULL;
	struct fg_account *account;
	struct err err;

	if (account_named(call, &account))
		return -1;
	json_del(spec, "account");
	if (fg_cal_control_put(call->fg, account, spec, &entry, &err))
		return fail_err(call, &err);
	return fg_reply_json(call, 200, entry);
}

static int calendars_delete(struct fg_call *call)
{
	const char *id = fg_param(call, "id");
	struct fg_account *account;
	struct err err;

	if (account_named(call, &account))
		return -1;
	if (!id)
		return fail(call, 400, "id is missing");
	if (fg_cal_control_delete(call->fg, account, id, &err))
		return fail_err(call, &err);
	return fg_reply_empty(call, 204);
}

static int reset_post(struct fg_call *call)
{
	fg_reset(call->fg);
	return fg_reply_json(call, 200, json_object_new_object());
}

/* -- the table ------------------------------------------------------------------------------ */

static const struct endpoint {
	const char *verb, *path; /* below /sandbox/ */
	int (*handler)(struct fg_call *call);
	bool body; /* wants a JSON object */
} endpoints[] = {
	{"GET", "accounts", accounts_get, false},
	{"POST", "accounts", accounts_post, true},
	{"POST", "token", token_post, true},
	{"GET", "requests", requests_get, false},
	{"DELETE", "requests", requests_delete, false},
	{"GET", "violations", violations_get, false},
	{"DELETE", "violations", violations_delete, false},
	{"GET", "faults", faults_get, false},
	{"POST", "faults", faults_post, true},
	{"DELETE", "faults", faults_delete, false},
	{"GET", "clock", clock_get, false},
	{"POST", "clock", clock_post, true},
	{"POST", "expire", expire_post, true},
	{"GET", "config", config_get, false},
	{"POST", "config", config_post, true},
	{"GET", "state", state_get, false},
	{"POST", "load", load_post, false},
	{"POST", "calendars", calendars_post, true},
	{"DELETE", "calendars", calendars_delete, false},
	{"GET", "mail", mail_get, false},
	{"DELETE", "mail", mail_delete, false},
	{"GET", "notifications", notifications_get, false},
	{"DELETE", "notifications", notifications_delete, false},
	{"POST", "reset", reset_post, false},
};

static int read_body(struct fg_call *call)
{
	const struct http_request *req = call->req;
	struct json_object *body = NULL;
	struct err err;

	if (!req->body_len) {
		call->body = json_object_new_object();
		return 0;
	}
	if (json_parse(req->body, req->body_len, &body, &err))
		return fail_err(call, &err);
	if (!json_object_is_type(body, json_type_object)) {
		json_object_put(body);
		return fail(call, 400, "the body must be a JSON object");
	}
	call->body = body;
	return 0;
}

int fg_control_handle(struct fg_call *call, const char *path)
{
	path += strlen("/sandbox/");
	for (size_t i = 0; i < ARRAY_SIZE(endpoints); i++) {
		const struct endpoint *e = &endpoints[i];

		if (strcmp(e->verb, call->req->method) != 0 || strcmp(e->path, path) != 0)
			continue;
		if (e->body && read_body(call))
			return -1;
		return e->handler(call);
	}
	return fail(call, 404, "no such control endpoint");
}
