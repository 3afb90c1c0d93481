/* What doctor makes of what it saw. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "base/strbuf.h"
#include "cmd/doctor_verdict.h"
#include "cmd/scopes.h"
#include "google/http.h"
#include "google/oauth.h"

static void test_doctor__keys(void **state)
{
	(void)state;
	for (size_t i = 0; verdict_key_at(i); i++) {
		assert_true(verdict_key_known(verdict_key_at(i)));
		assert_string_equal(verdict_key_near(verdict_key_at(i)), verdict_key_at(i));
	}
	assert_false(verdict_key_known("sync.conflct"));
	assert_false(verdict_key_known("sync."));
	assert_string_equal(verdict_key_near("sync.conflct"), "sync.conflict");
	assert_string_equal(verdict_key_near("snyc.conflict"), "sync.conflict");
	assert_string_equal(verdict_key_near("calsync.client_id"), "google.client_id");
	assert_null(verdict_key_near("x.y"));
	assert_null(verdict_key_near("entirely.other"));
}

static void test_doctor__values(void **state)
{
	static const struct {
		const char *key, *value;
		enum finding_status want;
	} cases[] = {
		{"sync.conflict", "merge", FINDING_OK},
		{"sync.conflict", "manual", FINDING_OK},
		{"sync.conflict", "Merge", FINDING_ERROR},
		{"sync.conflict", "", FINDING_ERROR},
		{"history.days", "0", FINDING_OK},
		{"history.days", "36500", FINDING_OK},
		{"history.days", "36501", FINDING_ERROR},
		{"history.days", "-1", FINDING_ERROR},
		{"history.days", "9 ", FINDING_ERROR},
		{"history.days", "99999999999999999999", FINDING_ERROR},
		{"google.project_units_per_minute", "1", FINDING_OK},
		{"google.project_units_per_minute", "0", FINDING_ERROR},
		{"google.project_units_per_minute", "1000001", FINDING_ERROR},
		{"google.base_url", "https://example.org", FINDING_OK},
		{"google.base_url", "http://127.0.0.1:1", FINDING_OK},
		{"google.base_url", "http://example.org", FINDING_ERROR},
		{"google.base_url", "https://example.org/path", FINDING_ERROR},
		{"key.provider", "file", FINDING_OK},
		{"key.provider", "floppy", FINDING_ERROR},
		{"key.file", "/etc/key", FINDING_OK},
		{"key.file", "~/key", FINDING_OK},
		{"key.file", "key", FINDING_WARNING},
		{"store.path", "x.db", FINDING_WARNING},
		{"status.late_after", "3h", FINDING_OK},
		{"status.late_after", "3", FINDING_ERROR},
		{"connect.timeout", "300", FINDING_OK},
		{"connect.timeout", "0", FINDING_WARNING},
		{"google.client_id", "anything", FINDING_OK},
		{"no.such", "anything", FINDING_OK},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum finding_status status;
		const char *trouble = verdict_value(cases[i].key, cases[i].value, &status);

		if (status != cases[i].want)
			fail_msg("%s = %s: %s", cases[i].key, cases[i].value,
				 finding_status_name(status));
		assert_int_equal(trouble != NULL, status != FINDING_OK);
	}
}

static void test_doctor__clock(void **state)
{
	(void)state;
	assert_int_equal(verdict_clock(0), FINDING_OK);
	assert_int_equal(verdict_clock(60000), FINDING_OK);
	assert_int_equal(verdict_clock(-60000), FINDING_OK);
	assert_int_equal(verdict_clock(60001), FINDING_WARNING);
	assert_int_equal(verdict_clock(-60001), FINDING_WARNING);
	assert_int_equal(verdict_clock(300000), FINDING_WARNING);
	assert_int_equal(verdict_clock(300001), FINDING_ERROR);
	assert_int_equal(verdict_clock(-300001), FINDING_ERROR);
	assert_int_equal(verdict_clock(86400000LL * 36500), FINDING_ERROR);
}

static void test_doctor__space(void **state)
{
	const uint64_t mib = 1 << 20;

	(void)state;
	assert_int_equal(verdict_space(0, 0), FINDING_ERROR);
	assert_int_equal(verdict_space(7 * mib, 0), FINDING_ERROR);
	assert_int_equal(verdict_space(8 * mib, 0), FINDING_WARNING);
	assert_int_equal(verdict_space(128 * mib, 0), FINDING_OK);
	assert_int_equal(verdict_space(128 * mib, 129 * mib), FINDING_WARNING);
	assert_int_equal(verdict_space(UINT64_MAX, UINT64_MAX), FINDING_OK);
}

static void test_doctor__channel(void **state)
{
	static const struct {
		const char *url, *base;
		enum finding_status want;
	} cases[] = {
		{"https://example.org", "", FINDING_OK},
		{"https://example.org:8443/base", "", FINDING_OK},
		{"https://example.org", "https://sandbox.example.org", FINDING_OK},
		{"https://8.8.8.8", "", FINDING_OK},
		{"https://[2001:4860::1]/", "", FINDING_OK},
		{"https://172.15.0.1", "", FINDING_OK},
		{"https://172.32.0.1", "", FINDING_OK},
		{"https://192.169.0.1", "", FINDING_OK},
		{"https://100.128.0.1", "", FINDING_OK},
		{"https://mylocal.example", "", FINDING_OK},
		/* what stands in for Google is on this machine */
		{"http://127.0.0.1:1", "http://127.0.0.1:2", FINDING_OK},
		{"http://localhost:1/x", "http://[::1]:2", FINDING_OK},
		{"https://127.0.0.1", "http://127.0.0.1:2", FINDING_OK},
		{"https://10.0.0.1", "http://127.0.0.1:2", FINDING_OK},
		{"https://host", "http://127.0.0.1:2", FINDING_OK},
		/* this machine */
		{"http://127.0.0.1:1", "", FINDING_ERROR},
		{"http://127.0.0.1:1", "https://sandbox.example.org", FINDING_ERROR},
		{"https://127.0.0.1", "", FINDING_ERROR},
		{"https://127.0.0.1", "https://sandbox.example.org", FINDING_ERROR},
		{"https://127.1:8443/x", "", FINDING_ERROR},
		{"https://2130706433", "", FINDING_ERROR},
		{"https://0.0.0.0", "", FINDING_ERROR},
		{"https://localhost", "", FINDING_ERROR},
		{"https://LOCALHOST:8443", "", FINDING_ERROR},
		{"https://a.localhost", "", FINDING_ERROR},
		{"https://[::1]/", "", FINDING_ERROR},
		{"https://[::]/", "", FINDING_ERROR},
		{"https://[::ffff:127.0.0.1]/", "", FINDING_ERROR},
		/* this network */
		{"https://10.0.0.1", "", FINDING_WARNING},
		{"https://172.16.0.1", "", FINDING_WARNING},
		{"https://172.31.255.255", "", FINDING_WARNING},
		{"https://192.168.1.5:8443/x", "", FINDING_WARNING},
		{"https://169.254.1.1", "", FINDING_WARNING},
		{"https://100.64.0.1", "", FINDING_WARNING},
		{"https://[fe80::1]", "", FINDING_WARNING},
		{"https://[fd12::1]:8443/", "", FINDING_WARNING},
		{"https://[fc00::1]", "", FINDING_WARNING},
		{"https://[::ffff:192.168.1.5]", "", FINDING_WARNING},
		{"https://host", "", FINDING_WARNING},
		{"https://host.:8443/x", "", FINDING_WARNING},
		{"https://host.local", "", FINDING_WARNING},
		/* no address at all */
		{"http://example.org", "http://127.0.0.1:2", FINDING_ERROR},
		{"example.org", "", FINDING_ERROR},
		{"ftp://example.org", "", FINDING_ERROR},
		{"https://u:p@example.org", "", FINDING_ERROR},
		{"https://example.org/?a=b", "", FINDING_ERROR},
		{"", "", FINDING_ERROR},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum finding_status status;
		const char *trouble = verdict_channel(cases[i].url, cases[i].base, &status);

		if (status != cases[i].want)
			fail_msg("%s for '%s': %s", cases[i].url, cases[i].base,
				 finding_status_name(status));
		assert_int_equal(trouble != NULL, status != FINDING_OK);
	}
}

static void test_doctor__timer(void **state)
{
	(void)state;
	assert_int_equal(verdict_timer("enabled"), TIMER_ENABLED);
	assert_int_equal(verdict_timer("enabled-runtime"), TIMER_ENABLED);
	assert_int_equal(verdict_timer("disabled"), TIMER_INSTALLED);
	assert_int_equal(verdict_timer("static"), TIMER_INSTALLED);
	assert_int_equal(verdict_timer("masked"), TIMER_MASKED);
	assert_int_equal(verdict_timer("not-found"), TIMER_ABSENT);
	assert_int_equal(verdict_timer(""), TIMER_UNKNOWN);
	assert_int_equal(verdict_timer("Failed to connect to bus"), TIMER_UNKNOWN);
}

static void test_doctor__versions_in_order(void **state)
{
	static const char *const in_order[] = {"",       "3.9",    "3.9.1",  "3.10",  "3.40.0",
					       "3.40.1", "3.40.2", "3.51.0", "4",     "7.88.1",
					       "8.2.0",  "8.10.0", "8.10.1", "10.0.0"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(in_order); i++)
		for (size_t k = 0; k < ARRAY_SIZE(in_order); k++)
			assert_int_equal(version_compare(in_order[i], in_order[k]),
					 i < k ? -1 : i > k);
	assert_int_equal(version_compare("8.10.0-DEV", "8.10.0"), 0);
	assert_int_equal(version_compare("3.0", "3.0.0"), 0);
	assert_int_equal(version_compare("1.1.1w", "1.1.1"), 0);
}

static void test_doctor__versions_known_bad(void **state)
{
	static const struct {
		const char *library, *version;
		enum finding_status want;
	} cases[] = {
		{"SQLite", "3.36.0", FINDING_ERROR},    {"SQLite", "3.37.0", FINDING_WARNING},
		{"SQLite", "3.40.1", FINDING_WARNING},  {"SQLite", "3.44.5", FINDING_WARNING},
		{"SQLite", "3.44.6", FINDING_OK},       {"SQLite", "3.45.0", FINDING_WARNING},
		{"SQLite", "3.50.6", FINDING_WARNING},  {"SQLite", "3.50.7", FINDING_OK},
		{"SQLite", "3.51.0", FINDING_WARNING},  {"SQLite", "3.51.2", FINDING_WARNING},
		{"SQLite", "3.51.3", FINDING_OK},       {"SQLite", "3.52.0", FINDING_WARNING},
		{"SQLite", "3.53.0", FINDING_OK},       {"libcurl", "7.84.0", FINDING_ERROR},
		{"libcurl", "7.85.0", FINDING_OK},      {"libcurl", "7.86.0", FINDING_WARNING},
		{"libcurl", "7.88.1", FINDING_OK},      {"libcurl", "8.2.0", FINDING_WARNING},
		{"libcurl", "8.2.1", FINDING_OK},       {"libcurl", "8.11.0", FINDING_OK},
		{"libcurl", "8.11.1", FINDING_WARNING}, {"libcurl", "8.12.0", FINDING_OK},
		{"libcrypto", "3.0.3", FINDING_OK},     {"libcrypto", "3.0.4", FINDING_WARNING},
		{"libcrypto", "3.0.5", FINDING_OK},     {"json-c", "0.16", FINDING_OK},
		{"SQLite", "nonsense", FINDING_ERROR},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		const struct known_bad *bad = verdict_version(cases[i].library, cases[i].version);

		if ((bad ? bad->status : FINDING_OK) != cases[i].want)
			fail_msg("%s %s: %s", cases[i].library, cases[i].version,
				 bad ? bad->why : "nothing");
	}
}

static void test_doctor__network(void **state)
{
	static const char *const parts[] = {HTTP_FAILED_DNS,     HTTP_FAILED_PROXY,
					    HTTP_FAILED_CONNECT, HTTP_FAILED_TLS,
					    HTTP_FAILED_TIMEOUT, HTTP_FAILED_HTTP};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		assert_non_null(verdict_network_mend(parts[i]));
	assert_null(verdict_network_mend(""));
}

#define AUTH      "https://www.googleapis.com/auth/"
#define EVENTS    "calendar.events (to read and change events)"
#define CALENDARS "calendar.calendarlist.readonly (to see which calendars there are)"

static void test_doctor__scopes(void **state)
{
	static const struct {
		const char *granted, *asked, *want;
	} cases[] = {
		{OAUTH_SCOPES_WRITE, OAUTH_SCOPES_WRITE, ""},
		{OAUTH_SCOPES_WRITE, OAUTH_SCOPES_READ, ""},
		{OAUTH_SCOPES_READ, OAUTH_SCOPES_WRITE, EVENTS},
		{AUTH "calendar", OAUTH_SCOPES_WRITE, ""},
		{AUTH "calendar.readonly", OAUTH_SCOPES_READ, ""},
		{AUTH "calendar.readonly", OAUTH_SCOPES_WRITE, EVENTS},
		{"", OAUTH_SCOPES_WRITE, EVENTS " and " CALENDARS},
		{AUTH "calendar.eventsx", OAUTH_SCOPES_WRITE, EVENTS " and " CALENDARS},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		AUTO(strbuf_release) struct strbuf missing = STRBUF_INIT;

		scopes_missing(cases[i].granted, cases[i].asked, &missing);
		assert_string_equal(missing.buf, cases[i].want);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_doctor__keys),
		cmocka_unit_test(test_doctor__values),
		cmocka_unit_test(test_doctor__clock),
		cmocka_unit_test(test_doctor__space),
		cmocka_unit_test(test_doctor__channel),
		cmocka_unit_test(test_doctor__timer),
		cmocka_unit_test(test_doctor__versions_in_order),
		cmocka_unit_test(test_doctor__versions_known_bad),
		cmocka_unit_test(test_doctor__network),
		cmocka_unit_test(test_doctor__scopes),
	};

	return cmocka_run_group_tests_name("doctor", tests, NULL, NULL);
}
