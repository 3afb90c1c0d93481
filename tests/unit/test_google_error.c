/* What an answer means: every row of the reference's table of errors, both envelopes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fakes.h"
#include "google/error.h"

static void classify(int status, const char *headers, const char *body, struct err *err)
{
	AUTO(http_response_release) struct http_response r = HTTP_RESPONSE_INIT;

	memset(err, 0, sizeof(*err));
	r.status = status;
	scripted_headers(headers, &r.headers);
	if (body)
		strbuf_adds(&r.body, body);
	assert_int_equal(google_error(&r, 0, err), -1);
	assert_int_equal(err->http_status, status);
}

static const struct row {
	int status;
	const char *domain, *reason, *message;
	enum err_code code;
	bool may_pass;
} rows[] = {
	{400, "calendar", "timeRangeEmpty", "The specified time range is empty.", ERR_GOOGLE,
	 false},
	{400, "global", "invalid", "Invalid Value", ERR_GOOGLE, false},
	{400, "global", "required", "Missing end time.", ERR_GOOGLE, false},
	{400, "global", "badRequest", "Bad Request", ERR_GOOGLE, false},
	{400, "global", "parseError", "Parse Error", ERR_GOOGLE, false},
	{400, "global", "invalidParameter", "Invalid", ERR_GOOGLE, false},
	{400, "calendar", "pushNotSupportedForRequestedResource", "Push", ERR_GOOGLE, false},
	{400, "global", "channelIdNotUnique", "Channel id X not unique", ERR_GOOGLE, false},
	{401, "global", "authError", "Invalid Credentials", ERR_UNAUTHORIZED, false},
	{401, "global", "required", "Login Required.", ERR_UNAUTHORIZED, false},
	{401, "global", "push.webhookUrlUnauthorized", "Unauthorized WebHook", ERR_GOOGLE, false},
	{400, "global", "push.webhookUrlNotHttps", "WebHook callback", ERR_GOOGLE, false},
	{403, "usageLimits", "userRateLimitExceeded", "User Rate Limit", ERR_RATE_LIMITED, true},
	{403, "usageLimits", "rateLimitExceeded", "Rate Limit Exceeded", ERR_RATE_LIMITED, true},
	{403, "usageLimits", "quotaExceeded", "Calendar usage limits", ERR_RATE_LIMITED, false},
	{403, "usageLimits", "dailyLimitExceeded", "Daily Limit", ERR_RATE_LIMITED, false},
	{403, "usageLimits", "accessNotConfigured", "has not been used", ERR_FORBIDDEN, false},
	{403, "calendar", "forbiddenForNonOrganizer", "Shared", ERR_FORBIDDEN, false},
	{403, "calendar", "requiredAccessLevel", "You need", ERR_FORBIDDEN, false},
	{403, "calendar", "forbiddenForServiceAccounts", "Service", ERR_FORBIDDEN, false},
	{403, "global", "insufficientPermissions", "Insufficient", ERR_FORBIDDEN, false},
	{403, "global", "forbidden", "Forbidden", ERR_FORBIDDEN, false},
	{404, "global", "notFound", "Not Found", ERR_NOT_FOUND, false},
	{409, "global", "duplicate", "already exists.", ERR_DUPLICATE, false},
	{409, "global", "conflict", "Conflict", ERR_NETWORK, true},
	{410, "calendar", "fullSyncRequired", "Sync token", ERR_FULL_SYNC, false},
	{410, "global", "fullSyncRequired", "Sync token", ERR_FULL_SYNC, false},
	{410, "calendar", "updatedMinTooLongAgo", "The requested", ERR_FULL_SYNC, false},
	{410, "global", "deleted", "Resource has been deleted", ERR_GONE, false},
	{412, "global", "conditionNotMet", "Precondition Failed", ERR_PRECONDITION, false},
	{429, "usageLimits", "rateLimitExceeded", "Rate Limit Exceeded", ERR_RATE_LIMITED, true},
	{500, "global", "backendError", "Backend Error", ERR_NETWORK, true},
	{502, "global", "backendError", "Backend Error", ERR_NETWORK, true},
	{503, "global", "backendError", "Backend Error", ERR_NETWORK, true},
	{504, "global", "backendError", "Backend Error", ERR_NETWORK, true},
	{408, "global", "timeout", "Timeout", ERR_NETWORK, true},
};

static void check_row(const struct row *row, const char *body)
{
	struct err err;

	classify(row->status, NULL, body, &err);
	if (err.code != row->code || strcmp(err.reason, row->reason))
		fail_msg("%d %s: code %s, reason %s", row->status, row->reason, err_name(err.code),
			 err.reason);
	assert_int_equal(google_may_pass(&err), row->may_pass);
	assert_null(strchr(err.msg, '\n'));
}

static void test_error__each_row_in_the_backends_envelope(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(free)
		char *body = xasprintf(
			"{\n \"error\": {\n  \"errors\": [{\"domain\": \"%s\", \"reason\": \"%s\", "
			"\"message\": \"%s\"}], \"code\": %d, \"message\": \"%s\"}}\n",
			rows[i].domain, rows[i].reason, rows[i].message, rows[i].status,
			rows[i].message);

		check_row(&rows[i], body);
	}
}

static void test_error__each_row_in_the_front_ends_envelope(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(free)
		char *body = xasprintf(
			"{\"error\": {\"code\": %d, \"message\": \"Outer words. %s\", \"errors\": ["
			"{\"message\": \"%s\", \"domain\": \"%s\", \"reason\": \"%s\", "
			"\"location\": "
			"\"Authorization\", \"locationType\": \"header\"}], \"status\": \"SOME\", "
			"\"details\": [{\"@type\": \"x\"}]}}",
			rows[i].status, rows[i].message, rows[i].message, rows[i].domain,
			rows[i].reason);

		check_row(&rows[i], body);
	}
}

static void test_error__bodies_that_are_no_envelope(void **state)
{
	static const char *const bodies[] = {
		NULL,
		"",
		"<html>502 Bad Gateway</html>",
		"[]",
		"{}",
		"null",
		"{\"error\": []}",
		"{\"error\": {\"errors\": {}}}",
		"{\"error\": {\"errors\": [7, null]}}",
		"{\"error\": {\"code\": \"x\", \"message\": 5, \"errors\": [{\"reason\": []}]}}",
		"{\"error\": {\"details\": [7, {\"reason\": 1}], \"status\": {}}}",
		"{\"err",
	};
	static const struct {
		int status;
		enum err_code code;
	} expected[] = {{302, ERR_GOOGLE},       {400, ERR_GOOGLE},       {401, ERR_UNAUTHORIZED},
			{403, ERR_FORBIDDEN},    {404, ERR_NOT_FOUND},    {410, ERR_GONE},
			{412, ERR_PRECONDITION}, {429, ERR_RATE_LIMITED}, {418, ERR_GOOGLE},
			{500, ERR_NETWORK},      {502, ERR_NETWORK},      {503, ERR_NETWORK},
			{504, ERR_NETWORK},      {599, ERR_NETWORK}};
	struct err err;

	(void)state;
	for (size_t b = 0; b < ARRAY_SIZE(bodies); b++)
		for (size_t i = 0; i < ARRAY_SIZE(expected); i++) {
			AUTO(free) char *code = xasprintf("%d", expected[i].status);

			classify(expected[i].status, NULL, bodies[b], &err);
			assert_int_equal(err.code, expected[i].code);
			assert_string_equal(err.reason, "");
			assert_non_null(strstr(err.msg, code));
		}
}

static void test_error__the_front_end_without_a_list_of_errors(void **state)
{
	struct err err;

	(void)state;
	classify(429, NULL,
		 "{\"error\":{\"code\":429,\"message\":\"Q\",\"status\":"
		 "\"RESOURCE_EXHAUSTED\"}}",
		 &err);
	assert_int_equal(err.code, ERR_RATE_LIMITED);
	assert_true(google_may_pass(&err));
	classify(403, NULL,
		 "{\"error\":{\"code\":403,\"message\":\"Q\",\"status\":\"PERMISSION_DENIED\","
		 "\"details\":[{\"@type\":\"ErrorInfo\",\"reason\":\"RATE_LIMIT_EXCEEDED\"}]}}",
		 &err);
	assert_int_equal(err.code, ERR_RATE_LIMITED);
	classify(403, NULL,
		 "{\"error\":{\"code\":403,\"message\":\"Q\",\"status\":\"PERMISSION_DENIED\","
		 "\"details\":[{\"reason\":\"ACCESS_TOKEN_SCOPE_INSUFFICIENT\"}]}}",
		 &err);
	assert_int_equal(err.code, ERR_FORBIDDEN);
	assert_non_null(strstr(err.msg, "calsync connect"));
	classify(409, NULL,
		 "{\"error\":{\"code\":409,\"message\":\"Q\",\"status\":\"ALREADY_EXISTS\"}}",
		 &err);
	assert_int_equal(err.code, ERR_DUPLICATE);
}

static void test_error__gone_sync_token_is_known_by_its_location_too(void **state)
{
	struct err err;

	(void)state;
	classify(410, NULL,
		 "{\"error\":{\"errors\":[{\"domain\":\"calendar\",\"reason\":\"gone\","
		 "\"location\":\"syncToken\",\"locationType\":\"parameter\"}],\"code\":410}}",
		 &err);
	assert_int_equal(err.code, ERR_FULL_SYNC);
}

static void test_error__tells_what_to_do(void **state)
{
	struct err err;

	(void)state;
	classify(403, NULL,
		 "{\"error\":{\"errors\":[{\"domain\":\"usageLimits\",\"reason\":"
		 "\"accessNotConfigured\"}],\"code\":403,\"message\":\"Google Calendar API "
		 "has not been used in project 1 before or it is disabled.\"}}",
		 &err);
	assert_non_null(strstr(err.msg, "enable the Google Calendar API"));
	classify(404, NULL,
		 "{\"error\":{\"errors\":[{\"reason\":\"notFound\"}],\"message\":\"Not Found\"}}",
		 &err);
	assert_string_equal(err.msg, "Google answered 404 notFound: Not Found");
	classify(503, NULL, NULL, &err);
	assert_string_equal(err.msg, "Google answered 503");
}

static void test_error__long_texts_are_cut(void **state)
{
	AUTO(free) char *word = xmalloc(5001);
	AUTO(free) char *body = NULL;
	struct err err;

	(void)state;
	memset(word, 'x', 5000);
	word[5000] = '\0';
	body = xasprintf("{\"error\":{\"errors\":[{\"reason\":\"%s\"}],\"message\":\"%s\"}}", word,
			 word);
	classify(400, NULL, body, &err);
	assert_int_equal(strlen(err.reason), sizeof(err.reason) - 1);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
}

static void test_error__nesting_beyond_the_limit_is_no_envelope(void **state)
{
	AUTO(strbuf_release) struct strbuf body = STRBUF_INIT;
	struct err err;

	(void)state;
	for (int i = 0; i < 100; i++)
		strbuf_adds(&body, "{\"error\":");
	classify(500, NULL, body.buf, &err);
	assert_int_equal(err.code, ERR_NETWORK);
}

/* --- OAuth ------------------------------------------------------------------------------- */

static void test_oauth_error__codes(void **state)
{
	static const struct {
		int status;
		const char *body;
		enum err_code code;
		const char *reason;
	} cases[] = {
		{400,
		 "{\"error\":\"invalid_grant\",\"error_description\":\"Token has been expired or "
		 "revoked.\"}",
		 ERR_TOKEN_EXPIRED, "invalid_grant"},
		{400, "{\"error\":\"invalid_grant\"}", ERR_TOKEN_EXPIRED, "invalid_grant"},
		{401, "{\"error\":\"invalid_client\"}", ERR_GOOGLE, "invalid_client"},
		{400, "{\"error\":\"invalid_request\"}", ERR_GOOGLE, "invalid_request"},
		{400, "{\"error\":\"unauthorized_client\"}", ERR_GOOGLE, "unauthorized_client"},
		{400, "{\"error\":\"invalid_scope\"}", ERR_GOOGLE, "invalid_scope"},
		{403, "{\"error\":\"org_internal\"}", ERR_GOOGLE, "org_internal"},
		{429, "{\"error\":\"rate_limit_exceeded\"}", ERR_RATE_LIMITED,
		 "rate_limit_exceeded"},
		{500, "{\"error\":\"internal_failure\"}", ERR_NETWORK, "internal_failure"},
		{503, "", ERR_NETWORK, ""},
		{502, "<html>", ERR_NETWORK, ""},
		/* A broken server is not the end of a login, whatever its body says. */
		{500, "{\"error\":\"invalid_grant\"}", ERR_NETWORK, "invalid_grant"},
		{400, "<html>invalid_grant</html>", ERR_GOOGLE, ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(http_response_release) struct http_response r = HTTP_RESPONSE_INIT;
		struct err err;

		r.status = cases[i].status;
		strbuf_adds(&r.body, cases[i].body);
		assert_int_equal(oauth_error(&r, 0, &err), -1);
		if (err.code != cases[i].code)
			fail_msg("case %zu: %s", i, err.msg);
		assert_string_equal(err.reason, cases[i].reason);
		assert_int_equal(err.http_status, cases[i].status);
	}
}

/* --- dates ------------------------------------------------------------------------------- */

static void test_http_date__good_and_bad(void **state)
{
	static const char *const bad[] = {
		"",
		"Sun",
		"Sun, 06 Nov 1994",
		"Sun, 06 Nov 1994 08:49:37",
		"Sun, 06 Nov 1994 08:49:37 CET",
		"Sun, 06 Nov 1994 08:49:37 GMT ",
		"Sun, 31 Feb 1994 08:49:37 GMT",
		"Sun, 06 ovJ 1994 08:49:37 GMT",
		"Sun, 06 No 1994 08:49:37 GMT",
		"Sun, 00 Nov 1994 08:49:37 GMT",
		"Sun, 06 Nov 1994 24:49:37 GMT",
		"Sun, 06 Nov 1994 08:60:37 GMT",
		"Sunday, 06-Nov-94 08:49:37 GMT",
		"1994-11-06",
		"Sun, 06 Nov 1994 -1:49:37 GMT",
		"Sun, 06 Nov 99999 08:49:37 GMT",
	};

	(void)state;
	assert_int_equal(http_date_parse("Sun, 06 Nov 1994 08:49:37 GMT"), 784111777);
	assert_int_equal(http_date_parse("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
	assert_int_equal(http_date_parse("Thu, 29 Feb 2024 23:59:60 GMT"), 1709251200);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (http_date_parse(bad[i]) != -1)
			fail_msg("'%s' was taken for a date", bad[i]);
}

static void test_retry_after__seconds_and_dates(void **state)
{
	static const struct {
		const char *headers;
		int seconds;
	} cases[] = {
		{NULL, 0},
		{"Retry-After: 5", 5},
		{"retry-after: 120", 120},
		{"Retry-After: 0", 0},
		{"Retry-After: 99999999999999999999", INT32_MAX},
		{"Retry-After: -5", 0},
		{"Retry-After: soon", 0},
		{"Retry-After: 5s", 0},
		/* By Google's own clock when it says what time it is, else by ours (1000 s). */
		{"Retry-After: Thu, 01 Jan 1970 00:17:00 GMT", 20},
		{"Retry-After: Thu, 01 Jan 1970 00:10:00 GMT", 0},
		{"Date: Thu, 01 Jan 1970 00:16:00 GMT\nRetry-After: Thu, 01 Jan 1970 00:17:00 GMT",
		 60},
		{"Date: nonsense\nRetry-After: Thu, 01 Jan 1970 00:17:00 GMT", 20},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(http_headers_release) struct http_headers h = {0};

		scripted_headers(cases[i].headers, &h);
		assert_int_equal(http_retry_after(&h, 1000 * 1000), cases[i].seconds);
	}
}

static void test_error__carries_retry_after(void **state)
{
	struct err err;

	(void)state;
	classify(503, "Retry-After: 17", "", &err);
	assert_int_equal(err.retry_after, 17);
	classify(403, "Retry-After: 3600",
		 "{\"error\":{\"errors\":[{\"reason\":\"rateLimitExceeded\"}]}}", &err);
	assert_int_equal(err.retry_after, 3600);
}

static void test_error__gone_is_what_google_itself_says(void **state)
{
	struct err err;

	(void)state;
	classify(404, NULL, "{\"error\":{\"errors\":[{\"reason\":\"notFound\"}]}}", &err);
	assert_true(google_says_gone(&err));
	classify(410, NULL, "{\"error\":{\"errors\":[{\"reason\":\"deleted\"}]}}", &err);
	assert_true(google_says_gone(&err));
	classify(403, NULL, "{\"error\":{\"errors\":[{\"reason\":\"notFound\"}]}}", &err);
	assert_false(google_says_gone(&err));
	/* A proxy's. */
	classify(404, NULL, "<html><h1>Not Found</h1></html>", &err);
	assert_false(google_says_gone(&err));
	classify(404, NULL, NULL, &err);
	assert_false(google_says_gone(&err));
}

static void test_error__an_address_that_is_refused(void **state)
{
	struct err err;

	(void)state;
	classify(401, NULL,
		 "{\"error\":{\"errors\":[{\"reason\":\"push.webhookUrlUnauthorized\"}]}}", &err);
	assert_true(google_refuses_address(&err));
	classify(401, NULL, "{\"error\":{\"errors\":[{\"reason\":\"authError\"}]}}", &err);
	assert_false(google_refuses_address(&err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_error__each_row_in_the_backends_envelope),
		cmocka_unit_test(test_error__each_row_in_the_front_ends_envelope),
		cmocka_unit_test(test_error__bodies_that_are_no_envelope),
		cmocka_unit_test(test_error__the_front_end_without_a_list_of_errors),
		cmocka_unit_test(test_error__gone_sync_token_is_known_by_its_location_too),
		cmocka_unit_test(test_error__tells_what_to_do),
		cmocka_unit_test(test_error__long_texts_are_cut),
		cmocka_unit_test(test_error__gone_is_what_google_itself_says),
		cmocka_unit_test(test_error__an_address_that_is_refused),
		cmocka_unit_test(test_error__nesting_beyond_the_limit_is_no_envelope),
		cmocka_unit_test(test_oauth_error__codes),
		cmocka_unit_test(test_http_date__good_and_bad),
		cmocka_unit_test(test_retry_after__seconds_and_dates),
		cmocka_unit_test(test_error__carries_retry_after),
	};

	return cmocka_run_group_tests_name("google_error", tests, NULL, NULL);
}
