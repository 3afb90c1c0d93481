#include "google/error.h"

#include <limits.h>
#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/time.h"

#include "base/banned.h"

int64_t http_date_parse(const char *s)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct civil c = {0};
	char month[4];
	const char *found;
	int end = 0;

	if (sscanf(s, "%*3s, %2d %3s %4d %2d:%2d:%2d GMT%n", &c.day, month, &c.year, &c.hour,
		   &c.minute, &c.second, &end) != 6 ||
	    !end || s[end])
		return -1;
	found = strstr(months, month);
	if (!found || strlen(month) != 3 || (found - months) % 3)
		return -1;
	c.month = (int)(found - months) / 3 + 1;
	if (c.year < 1970 || c.year > 9999 || c.day < 1 || c.day > days_in_month(c.year, c.month) ||
	    c.hour < 0 || c.hour > 23 || c.minute < 0 || c.minute > 59 || c.second < 0 ||
	    c.second > 60)
		return -1;
	return civil_to_s(&c);
}

int http_retry_after(const struct http_headers *headers, int64_t now_ms)
{
	const char *value = http_headers_get(headers, "Retry-After");
	const char *date = http_headers_get(headers, "Date");
	int64_t then, now = -1, wait;

	if (!value || !*value)
		return 0;
	if (strspn(value, "0123456789") == strlen(value)) {
		wait = strlen(value) > 9 ? INT_MAX : strtol(value, NULL, 10);
		return (int)wait;
	}
	then = http_date_parse(value);
	if (then < 0)
		return 0;
	if (date)
		now = http_date_parse(date);
	if (now < 0)
		now = now_ms / 1000;
	wait = then - now;
	if (wait <= 0)
		return 0;
	return wait > INT_MAX ? INT_MAX : (int)wait;
}

static const char *first_of(const char *a, const char *b)
{
	return a && *a ? a : b;
}

static bool one_of(const char *s, const char *const *list)
{
	for (; *list; list++)
		if (!strcmp(s, *list))
			return true;
	return false;
}

struct answer { /* borrowed from the parsed body; never NULL, "" when it does not say */
	const char *reason, *message, *location;
};

/* The reason of a detail (google.rpc.ErrorInfo), as the front end sends it. */
static const char *detail_reason(const struct json_object *error)
{
	struct json_object *details = json_get(error, "details");

	if (!json_object_is_type(details, json_type_array))
		return NULL;
	for (size_t i = 0; i < json_object_array_length(details); i++) {
		const char *reason = json_str(json_object_array_get_idx(details, i), "reason");

		if (reason)
			return reason;
	}
	return NULL;
}

static void read_envelope(const struct json_object *root, struct answer *out)
{
	struct json_object *error = json_get(root, "error");
	struct json_object *list = json_get(error, "errors");
	struct json_object *first = NULL;

	if (json_object_is_type(list, json_type_array) && json_object_array_length(list))
		first = json_object_array_get_idx(list, 0);
	out->reason =
		first_of(json_str(first, "reason"),
			 first_of(detail_reason(error), first_of(json_str(error, "status"), "")));
	out->message =
		first_of(json_str(error, "message"), first_of(json_str(first, "message"), ""));
	out->location = first_of(json_str(first, "location"), "");
	if (json_object_is_type(error, json_type_string)) {
		out->reason = json_object_get_string(error);
		out->message = first_of(json_str(root, "error_description"), "");
	}
}

static bool is_quota(const char *reason)
{
	static const char *const quota[] = {
		"rateLimitExceeded",   "userRateLimitExceeded",   "quotaExceeded",
		"dailyLimitExceeded",  "dailyLimitExceededUnreg", "userRateLimitExceededUnreg",
		"RATE_LIMIT_EXCEEDED", "RESOURCE_EXHAUSTED",      NULL};

	return one_of(reason, quota);
}

static enum err_code conflict_code(const char *reason)
{
	static const char *const taken[] = {"duplicate", "alreadyExists", "ALREADY_EXISTS", NULL};

	/* A collision of requests passes by itself; it has no code of its own among scripts. */
	return one_of(reason, taken) ? ERR_DUPLICATE : ERR_NETWORK;
}

static enum err_code gone_code(const struct answer *a)
{
	static const char *const full[] = {"fullSyncRequired", "updatedMinTooLongAgo", NULL};

	if (one_of(a->reason, full) || !strcmp(a->location, "syncToken"))
		return ERR_FULL_SYNC;
	return ERR_GONE;
}

/* The address that events.watch names is not to Google's liking; the token is. */
static bool is_about_address(const char *reason)
{
	return strstr(reason, "webhookUrl") != NULL;
}

static enum err_code code_of(int status, const struct answer *a)
{
	switch (status) {
	case 401:
		return is_about_address(a->reason) ? ERR_GOOGLE : ERR_UNAUTHORIZED;
	case 403:
		return is_quota(a->reason) ? ERR_RATE_LIMITED : ERR_FORBIDDEN;
	case 404:
		return ERR_NOT_FOUND;
	case 408:
		return ERR_NETWORK;
	case 409:
		return conflict_code(a->reason);
	case 410:
		return gone_code(a);
	case 412:
		return ERR_PRECONDITION;
	case 429:
		return ERR_RATE_LIMITED;
	default:
		return status >= 500 ? ERR_NETWORK : ERR_GOOGLE;
	}
}

/* What the user can do about it, where Google's words do not say so. */
static const char *advice(int status, const char *reason)
{
	if (status != 403)
		return NULL;
	if (!strcmp(reason, "accessNotConfigured") || !strcmp(reason, "SERVICE_DISABLED"))
		return "enable the Google Calendar API for the project of your OAuth client at "
		       "https://console.cloud.google.com/apis/library/calendar-json.googleapis.com";
	if (!strcmp(reason, "insufficientPermissions") ||
	    !strcmp(reason, "ACCESS_TOKEN_SCOPE_INSUFFICIENT"))
		return "the login does not cover this; run 'calsync connect' again and leave every "
		       "permission ticked";
	return NULL;
}

static void finish(const struct http_response *r, const char *reason, int64_t now_ms,
		   struct err *err)
{
	err->http_status = r->status;
	err->retry_after = http_retry_after(&r->headers, now_ms);
	snprintf(err->reason, sizeof(err->reason), "%s", reason);
}

/* The body as JSON, or NULL: 5xx and proxies send HTML, or nothing. */
static struct json_object *parse_body(const struct http_response *r)
{
	struct json_object *root = NULL;
	struct err ignored;

	if (!r->body.len || json_parse_secret(r->body.buf, r->body.len, &root, &ignored))
		return NULL;
	return root;
}

int google_error(const struct http_response *r, int64_t now_ms, struct err *err)
{
	AUTO(json_put_secret) struct json_object *root = parse_body(r);
	struct answer a;
	enum err_code code;
	const char *hint;

	read_envelope(root, &a);
	code = code_of(r->status, &a);
	hint = advice(r->status, a.reason);
	if (!hint)
		hint = a.message;
	err_set(err, code, "Google answered %d%s%s%s%s", r->status, *a.reason ? " " : "", a.reason,
		*hint ? ": " : "", hint);
	finish(r, a.reason, now_ms, err);
	return -1;
}

int oauth_error(const struct http_response *r, int64_t now_ms, struct err *err)
{
	AUTO(json_put_secret) struct json_object *root = parse_body(r);
	struct answer a;
	enum err_code code = ERR_GOOGLE;
	const char *help = "";

	read_envelope(root, &a);
	if (r->status == 429)
		code = ERR_RATE_LIMITED;
	else if (r->status >= 500 || r->status == 408)
		code = ERR_NETWORK;
	else if (!strcmp(a.reason, "invalid_grant"))
		code = ERR_TOKEN_EXPIRED;
	else if (!strcmp(a.reason, "invalid_client"))
		help = "; check the client id and client secret";
	else if (!*a.reason)
		help = "; that is no answer of Google's own: see whether a proxy or firewall is "
		       "in between, and whether the base URL of Google (CALSYNC_GOOGLE_BASE_URL) "
		       "is set wrongly";
	err_set(err, code, "Google's login service answered %d%s%s%s%s%s", r->status,
		*a.reason ? " " : "", a.reason, *a.message ? ": " : "", a.message, help);
	finish(r, a.reason, now_ms, err);
	return -1;
}

bool google_refuses_address(const struct err *err)
{
	return is_about_address(err->reason);
}

bool google_says_gone(const struct err *err)
{
	return *err->reason &&
	       (err->code == ERR_NOT_FOUND || err->code == ERR_GONE || err->code == ERR_FULL_SYNC);
}

bool google_may_pass(const struct err *err)
{
	static const char *const hours[] = {"quotaExceeded", "dailyLimitExceeded",
					    "dailyLimitExceededUnreg", NULL};

	if (err->code == ERR_RATE_LIMITED)
		return !one_of(err->reason, hours);
	if (err->code == ERR_NETWORK)
		return true;
	/* A success whose body was no answer: cut short or replaced on its way. */
	return err->code == ERR_GOOGLE && err->http_status >= 200 && err->http_status < 300;
}
