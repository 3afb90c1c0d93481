#include "fg_edge.h"

#include <stdarg.h>
#include <string.h>
#include <strings.h>

#include "base/banned.h"

#define API_ROOT "/calendar/v3/"
#define SIGN_IN_PAGE                                                                             \
	"Expected OAuth 2 access token, login cookie or other valid authentication credential. " \
	"See https://developers.google.com/identity/sign-in/web/devconsole-project."
#define NO_CREDENTIALS  "Request is missing required authentication credential. " SIGN_IN_PAGE
#define BAD_CREDENTIALS "Request had invalid authentication credentials. " SIGN_IN_PAGE
#define CHALLENGE       "Bearer realm=\"https://accounts.google.com/\""
#define NOT_FOUND_PAGE                                                               \
	"<!DOCTYPE html>\n<html lang=en>\n<title>Error 404 (Not Found)!!1</title>\n" \
	"<p><b>404.</b> <ins>That’s an error.</ins>\n"                             \
	"<p>The requested URL was not found on this server.\n"
#define BATCH_PATH "/batch/calendar/v3"

const char *fg_header(const struct fg_call *call, const char *name)
{
	return http_headers_get(&call->req->headers, name);
}

/* -- checks that answer --------------------------------------------------------------------- */

void fg_violation(struct fg_call *call, const char *fmt, ...)
{
	const char *target = fg_url_target(call->req->url);
	AUTO(free) char *path = xstrndup(target, strcspn(target, "?"));
	AUTO(free) char *what = NULL;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&what, fmt, ap) < 0)
		abort();
	va_end(ap);
	fg_log_violation(call->fg, call->log_n, call->req->method, path, what);
}

static struct json_object *scope_details(const struct fg_call *call)
{
	struct json_object *list = json_object_new_array();
	struct json_object *info = json_object_new_object();
	struct json_object *meta = json_object_new_object();
	AUTO(free) char *method = xasprintf("calendar.v3.%s", call->method->id);

	json_set_str(info, "@type", "type.googleapis.com/google.rpc.ErrorInfo");
	json_set_str(info, "reason", "ACCESS_TOKEN_SCOPE_INSUFFICIENT");
	json_set_str(info, "domain", "googleapis.com");
	json_set_str(meta, "service", "calendar-json.googleapis.com");
	json_set_str(meta, "method", method);
	json_set(info, "metadata", meta);
	json_object_array_add(list, info);
	return list;
}

int fg_require_scope(struct fg_call *call, uint32_t scopes)
{
	if (call->scopes & scopes)
		return 0;
	return fg_fail_front(call, 403, "Request had insufficient authentication scopes.",
			     "insufficientPermissions", "Insufficient Permission", NULL,
			     "PERMISSION_DENIED", scope_details(call));
}

int fg_check_if_match(struct fg_call *call, const char *etag)
{
	const char *want = fg_header(call, "If-Match");

	if (!want || !strcmp(want, etag))
		return 0;
	return fg_fail(call, 412, "global", "conditionNotMet", "Precondition Failed", "header",
		       "If-Match");
}

bool fg_not_modified(struct fg_call *call, const char *etag)
{
	const char *have = fg_header(call, "If-None-Match");

	if (!have || strcmp(have, etag) != 0)
		return false;
	fg_reply_empty(call, 304);
	http_headers_add(&call->out->headers, "ETag", etag);
	return true;
}

/* -- the route ------------------------------------------------------------------------------ */

static void segments_split(struct fg_call *call, const char *path)
{
	while (*path) {
		size_t n = strcspn(path, "/");

		call->segments = xreallocarray(call->segments, call->nsegments + 1, sizeof(char *));
		call->segments[call->nsegments++] = fg_url_decode(path, n, false);
		/* Google takes it, but an id with '#' or '%' in it fails the same way. */
		if (memchr(path, '@', n))
			fg_violation(call, "unencoded id in the path: '%.*s'", (int)n, path);
		path += n;
		if (*path == '/')
			path++;
	}
}

static bool path_matches(const char *pattern, char *const *segments, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		size_t n = strcspn(pattern, "/");

		if (!n || (*pattern != '{' &&
			   (strlen(segments[i]) != n || strncmp(pattern, segments[i], n) != 0)))
			return false;
		if (*pattern == '{' && !*segments[i])
			return false;
		pattern += n;
		if (*pattern == '/')
			pattern++;
	}
	return !*pattern;
}

static const struct fg_method *method_find(const struct fg_call *call)
{
	for (const struct fg_method *m = fg_methods; m->id; m++)
		if (!strcmp(m->verb, call->req->method) &&
		    path_matches(m->path, call->segments, call->nsegments))
			return m;
	return NULL;
}

static void ids_take(struct fg_call *call)
{
	const char *pattern = call->method->path;

	for (size_t i = 0; i < call->nsegments; i++) {
		if (!strncmp(pattern, "{calendarId}", 12))
			call->calendar_id = call->segments[i];
		else if (!strncmp(pattern, "{eventId}", 9))
			call->event_id = call->segments[i];
		else if (*pattern == '{')
			call->sub_id = call->segments[i];
		pattern += strcspn(pattern, "/");
		if (*pattern)
			pattern++;
	}
}

static const char *bearer(const struct fg_call *call)
{
	const char *value = fg_header(call, "Authorization");

	if (value && !strncasecmp(value, "Bearer ", 7))
		return value + 7;
	return value ? value : fg_param(call, "oauth_token");
}

static int authenticate(struct fg_call *call)
{
	const char *token = bearer(call);
	struct fg_token found;

	if (!token || !fg_oauth_check(call->fg, token, &found)) {
		fg_fail_front(call, 401, token ? BAD_CREDENTIALS : NO_CREDENTIALS,
			      token ? "authError" : "required",
			      token ? "Invalid Credentials" : "Login Required.", "Authorization",
			      "UNAUTHENTICATED", NULL);
		http_headers_add(&call->out->headers, "WWW-Authenticate",
				 token ? CHALLENGE ", error=\"invalid_token\"" : CHALLENGE);
		return -1;
	}
	call->account = found.account;
	call->scopes = found.scopes;
	call->client_id = found.client_id;
	return fg_require_scope(call, call->method->scopes);
}

static int check_quota(struct fg_call *call)
{
	const char *user = fg_param(call, "quotaUser");
	/* The reference page of events.patch: each patch request consumes three quota units. */
	int units = !strcmp(call->req->method, "PATCH") ? 3 : 1;

	if (user && strlen(user) > 40)
		fg_violation(call, "quotaUser is longer than 40 characters");
	if (fg_rate_take(call->fg, call->account, units))
		return 0;
	return fg_fail(call, call->fg->config.rate_status, "usageLimits", "rateLimitExceeded",
		       "Rate Limit Exceeded", NULL, NULL);
}

static bool param_known(const struct fg_method *method, const char *name)
{
	static const char global[] =
		" alt fields key oauth_token prettyPrint quotaUser userIp access_token ";
	AUTO(free) char *padded = xasprintf(" %s ", name);

	return strstr(global, padded) || strstr(method->params, padded);
}

static int check_params(struct fg_call *call)
{
	const char *alt = fg_param(call, "alt");

	for (size_t i = 0; i < call->nparams; i++)
		if (strchr(call->params[i].name, ' ') ||
		    !param_known(call->method, call->params[i].name))
			fg_violation(call, "unknown query parameter '%s'", call->params[i].name);
	if (alt && strcmp(alt, "json") != 0) {
		AUTO(free)
		char *message = xasprintf("Invalid value \"%s\" for parameter alt", alt);

		return fg_fail_param(call, message, "alt");
	}
	if (fg_mask_parse(fg_param(call, "fields"), call->method->answer, &call->mask)) {
		AUTO(free)
		char *message = xasprintf("Invalid field selection %s", fg_param(call, "fields"));

		return fg_fail(call, 400, "global", "invalidParameter", message, "parameter",
			       "fields");
	}
	return 0;
}

static int check_body(struct fg_call *call)
{
	const struct http_request *req = call->req;
	const char *type = fg_header(call, "Content-Type");
	struct json_object *body = NULL;
	struct err err;

	if (!req->body || !req->body_len)
		return 0;
	if (!call->method->schema) {
		fg_violation(call, "a body on %s", call->method->id);
		return 0;
	}
	if (!type || strncasecmp(type, "application/json", 16) != 0)
		fg_violation(call, "a body that is not declared application/json");
	if (json_parse(req->body, req->body_len, &body, &err) ||
	    !json_object_is_type(body, json_type_object)) {
		json_object_put(body);
		return fg_fail(call, 400, "global", "parseError", "Parse Error", NULL, NULL);
	}
	call->body = body;
	fg_schema_check(call, call->method->schema, body);
	return 0;
}

static void check_agent(struct fg_call *call)
{
	const char *agent = fg_header(call, "User-Agent");
	const char *accept = fg_header(call, "Accept-Encoding");

	if (!accept || !strstr(accept, "gzip") || !agent || !strstr(agent, "gzip"))
		fg_violation(call, "no gzip: Accept-Encoding and User-Agent must both say gzip");
}

static void api_handle(struct fg_call *call, const char *path)
{
	segments_split(call, path);
	call->method = method_find(call);
	if (!call->method) {
		fg_reply_html(call, 404, NOT_FOUND_PAGE);
		return;
	}
	ids_take(call);
	if (authenticate(call) || check_params(call) || check_quota(call) || check_body(call))
		return;
	check_agent(call);
	call->method->handler(call);
}

static void call_release(struct fg_call *call)
{
	for (size_t i = 0; i < call->nsegments; i++)
		free(call->segments[i]);
	free(call->segments);
	fg_params_free(call->params, call->nparams);
	json_object_put(call->body);
	fg_mask_free(call->mask);
}

static void dispatch(struct fg_call *call, const char *path, bool part)
{
	if (!strncmp(path, API_ROOT, strlen(API_ROOT)))
		api_handle(call, path + strlen(API_ROOT));
	else if (!strcmp(path, BATCH_PATH) && !part)
		fg_batch_handle(call);
	else if (part || fg_oauth_handle(call, path))
		fg_reply_html(call, 404, NOT_FOUND_PAGE);
	if (!call->out->status) {
		fg_violation(call, "the sandbox itself is at fault: no answer was made");
		fg_fail(call, 500, "global", "backendError", "Backend Error", NULL, NULL);
	}
}

/* -- faults --------------------------------------------------------------------------------- */

/* A reason that is Calendar's own says nothing here: what the token endpoint would say. */
static void fault_answer_oauth(struct fg_call *call, const struct fg_fault *fault)
{
	bool given = strcmp(fault->reason, "badRequest") != 0 &&
		     strcmp(fault->reason, "backendError") != 0 &&
		     strcmp(fault->reason, "rateLimitExceeded") != 0;

	if (given)
		fg_oauth_fail(call, fault->status, fault->reason, fault->message);
	else if (fault->status >= 500)
		fg_oauth_fail(call, fault->status, "internal_failure", "Backend Error");
	else if (fault->status == 429 || fault->status == 403)
		fg_oauth_fail(call, fault->status, "rate_limit_exceeded", "Rate Limit Exceeded");
	else
		fg_oauth_fail(call, fault->status, "invalid_grant",
			      "Token has been expired or revoked.");
}

static void fault_answer(struct fg_call *call, const struct fg_fault *fault)
{
	const char *target = fg_url_target(call->req->url);
	const char *param = !strcmp(fault->reason, "fullSyncRequired")       ? "syncToken"
			    : !strcmp(fault->reason, "updatedMinTooLongAgo") ? "updatedMin"
									     : NULL;
	char seconds[16];

	if (!strncmp(target, "/token", 6) || !strncmp(target, "/revoke", 7))
		fault_answer_oauth(call, fault);
	else if (fault->status == 401)
		fg_fail_front(call, 401, BAD_CREDENTIALS, fault->reason, fault->message,
			      "Authorization", "UNAUTHENTICATED", NULL);
	else
		fg_fail(call, fault->status, fault->domain, fault->reason, fault->message,
			param ? "parameter" : NULL, param);
	if (fault->retry_after) {
		snprintf(seconds, sizeof(seconds), "%d", fault->retry_after);
		http_headers_add(&call->out->headers, "Retry-After", seconds);
	}
}

static void date_header(struct fg_call *call)
{
	time_t now = (time_t)(fg_now_ms(call->fg) / 1000);
	struct tm tm;
	char text[64];

	gmtime_r(&now, &tm);
	strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
	http_headers_add(&call->out->headers, "Date", text);
}

static int serve(struct fg_call *call, const char *target, bool part)
{
	AUTO(free) char *path = xstrndup(target, strcspn(target, "?"));
	struct fg_fault fault;

	fg_fault_take(call->fg, call->req->method, target, part, &fault);
	call->fg->delay_ms += fault.delay_ms;
	call->bend = fault.bend;
	call->bend_n = fault.n;
	if (fault.action != FG_FAULT_NONE && fault.action != FG_FAULT_BEND)
		call->fg->faults_hit++;
	if (fault.action == FG_FAULT_DROP_BEFORE)
		return -1;
	if (fault.action == FG_FAULT_STATUS) {
		fault_answer(call, &fault);
		return 0;
	}
	if (fault.action != FG_FAULT_GARBAGE)
		dispatch(call, path, part);
	switch (fault.action) {
	case FG_FAULT_STATUS_AFTER:
		fault_answer(call, &fault);
		return 0;
	case FG_FAULT_DROP_AFTER:
		return -1;
	case FG_FAULT_TRUNCATE:
		return FG_TRUNCATED;
	case FG_FAULT_GARBAGE:
		fg_reply_html(call, 200, "<html><body>Sign in to this network</body></html>\n");
		return 0;
	default:
		return 0;
	}
}

int fg_serve(struct fg *fg, const struct http_request *req, struct http_response *out, int batch_n)
{
	struct fg_call call = {.fg = fg, .req = req, .out = out, .in_batch = batch_n != 0};
	const char *target = fg_url_target(req->url);
	const char *query = strchr(target, '?');
	int status;

	if (query)
		fg_params_parse(query + 1, strlen(query + 1), &call.params, &call.nparams);
	if (!batch_n && !strncmp(target, "/sandbox/", 9)) {
		AUTO(free) char *path = xstrndup(target, strcspn(target, "?"));

		fg_control_handle(&call, path);
		call_release(&call);
		return 0;
	}
	call.log_n = fg_log_request(fg, req, batch_n);
	status = serve(&call, target, batch_n != 0);
	if (status < 0)
		http_response_release(out);
	else
		date_header(&call);
	fg_log_answer(fg, call.log_n, status < 0 ? 0 : out->status,
		      call.account ? call.account->email : NULL);
	call_release(&call);
	return status;
}
