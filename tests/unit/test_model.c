#include "model/event.h"
#include "model/rrule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

static struct err err;

static struct json_object *parse(const char *text)
{
	struct json_object *obj = NULL;

	if (json_parse(text, strlen(text), &obj, &err))
		fail_msg("%s: %s", text, err.msg);
	return obj;
}

#define TIMED                                                                                      \
	"\"start\":{\"dateTime\":\"2026-01-15T10:00:00Z\"},\"end\":{\"dateTime\":\"2026-01-15T11:" \
	"00:00Z\"}"

static void test_event__check_refuses_what_google_refuses(void **state)
{
	static const char *const bad[] = {
		"[]",
		"{}",
		"{\"start\":{\"date\":\"2026-01-15\"}}",
		"{\"start\":{\"date\":\"2026-01-15\"},\"end\":{\"date\":\"2026-01-15\"}}",
		"{\"start\":{\"date\":\"2026-01-15\"},\"end\":{\"dateTime\":\"2026-01-16T10:00:"
		"00Z\"}}",
		"{\"start\":{\"date\":\"2026-01-15\",\"dateTime\":\"2026-01-15T10:00:00Z\"},"
		"\"end\":{\"date\":\"2026-01-16\"}}",
		"{\"start\":{\"dateTime\":\"2026-01-15T10:00:00Z\",\"timeZone\":\"Mars/Base\"},"
		"\"end\":{\"dateTime\":\"2026-01-15T11:00:00Z\"}}",
		"{" TIMED ",\"summary\":7}",
		"{" TIMED ",\"status\":\"cancelled\"}",
		"{" TIMED ",\"visibility\":\"secret\"}",
		"{" TIMED ",\"colorId\":\"12\"}",
		"{" TIMED ",\"recurrence\":[\"RRULE:FREQ=DAILY\"]}", /* no time zone */
		"{" TIMED ",\"recurrence\":\"RRULE:FREQ=DAILY\"}",
		"{" TIMED ",\"attendees\":[{\"email\":\"nobody\"}]}",
		"{" TIMED ",\"attendees\":[{}]}",
		"{" TIMED ",\"reminders\":{\"useDefault\":false,\"overrides\":[{\"method\":\"sms\","
		"\"minutes\":1}]}}",
		"{" TIMED
		",\"reminders\":{\"useDefault\":false,\"overrides\":[{\"method\":\"popup\","
		"\"minutes\":40321}]}}",
		"{" TIMED ",\"reminders\":{\"overrides\":[{\"method\":\"popup\",\"minutes\":1},"
		"{\"method\":\"popup\",\"minutes\":2},{\"method\":\"popup\",\"minutes\":3},"
		"{\"method\":\"popup\",\"minutes\":4},{\"method\":\"popup\",\"minutes\":5},"
		"{\"method\":\"popup\",\"minutes\":6}]}}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		AUTO(json_object_put) struct json_object *r = parse(bad[i]);

		if (!event_check(r, NULL, &err))
			fail_msg("accepted: %s", bad[i]);
		assert_int_equal(err.code, ERR_INVALID);
	}
}

static void test_event__check_of_an_edit_looks_at_what_changed(void **state)
{
	/* Zero length: Google's own page makes such events, its API refuses to. */
	AUTO(json_object_put)
	struct json_object *was =
		parse("{\"summary\":\"a\",\"start\":{\"dateTime\":\"2026-01-15T10:00:00Z\"},"
		      "\"end\":{\"dateTime\":\"2026-01-15T10:00:00Z\"}}");
	AUTO(json_object_put) struct json_object *now = json_clone(was);

	(void)state;
	json_set_str(now, "summary", "b");
	assert_int_equal(event_check(now, was, &err), 0);
	assert_int_equal(event_check(now, NULL, &err), -1);
	json_set_str(json_get(now, "start"), "dateTime", "2026-01-15T10:30:00Z");
	assert_int_equal(event_check(now, was, &err), -1);
}

static void test_rrule__lines(void **state)
{
	static const char *const good[] = {
		"RRULE:FREQ=DAILY",
		"RRULE:FREQ=MONTHLY;BYDAY=-1FR,2MO;COUNT=3;WKST=SU",
		"RRULE:FREQ=WEEKLY;UNTIL=20260101T075959Z;INTERVAL=2",
		"EXDATE;TZID=Europe/Berlin:20260101T100000,20260102T100000",
		"EXDATE;VALUE=DATE:20260101",
		"RDATE:20260101T100000Z",
		"EXRULE:FREQ=YEARLY;BYMONTHDAY=-1",
	};
	static const char *const bad[] = {
		"",
		"FREQ=DAILY",
		"RRULE:",
		"RRULE:COUNT=3",
		"RRULE:FREQ=FORTNIGHTLY",
		"RRULE:FREQ=DAILY;COUNT=0",
		"RRULE:FREQ=DAILY;COUNT=3;UNTIL=20260101",
		"RRULE:FREQ=DAILY;BYDAY=XX",
		"RRULE:FREQ=DAILY;FOO=1",
		"RRULE:FREQ=DAILY;;",
		"DTSTART:20260101T100000Z",
		"EXDATE:tomorrow",
		"RRULEX:FREQ=DAILY",
		"RRULE:FREQ=DAILY;BYMONTH=13",
		"RRULE;X=1:FREQ=DAILY",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (recurrence_line_check(good[i], &err))
			fail_msg("refused: %s: %s", good[i], err.msg);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (!recurrence_line_check(bad[i], &err))
			fail_msg("accepted: %s", bad[i]);
}

static void test_event__equal_means_the_same_not_the_same_text(void **state)
{
	static const char *const same[][3] = {
		{"start", "{\"dateTime\":\"2026-01-15T10:00:00Z\"}",
		 "{\"dateTime\":\"2026-01-15T11:00:00+01:00\",\"timeZone\":\"Europe/Berlin\"}"},
		{"start", "{\"dateTime\":\"2026-01-15T11:00:00\",\"timeZone\":\"Europe/Berlin\"}",
		 "{\"dateTime\":\"2026-01-15T11:00:00+01:00\",\"timeZone\":\"Europe/Berlin\"}"},
		{"transparency", "\"opaque\"", "null"},
		{"guestsCanInviteOthers", "true", "null"},
		{"summary", "\"\"", "null"},
		{"attendees", "[{\"email\":\"a@x.org\"},{\"email\":\"b@x.org\"}]",
		 "[{\"email\":\"B@x.org\",\"responseStatus\":\"needsAction\"},{\"email\":\"a@x."
		 "org\","
		 "\"self\":true}]"},
		{"reminders", "null", "{\"useDefault\":true}"},
		{"recurrence", "[\"RRULE:FREQ=DAILY\",\"EXDATE:20260101T100000Z\"]",
		 "[\"EXDATE:20260101T100000Z\",\"RRULE:FREQ=DAILY\"]"},
		{"extendedProperties", "{\"private\":{}}", "null"},
		{"conferenceData", "{\"createRequest\":{\"requestId\":\"r\"}}",
		 "{\"conferenceId\":\"abc\"}"},
	};
	static const char *const different[][3] = {
		{"start", "{\"date\":\"2026-01-15\"}", "{\"dateTime\":\"2026-01-15T00:00:00Z\"}"},
		{"start", "{\"dateTime\":\"2026-01-15T10:00:00Z\",\"timeZone\":\"Europe/Berlin\"}",
		 "{\"dateTime\":\"2026-01-15T10:00:00Z\",\"timeZone\":\"Europe/Paris\"}"},
		{"transparency", "\"transparent\"", "null"},
		{"reminders", "{\"useDefault\":false}", "null"},
		{"attendees", "[{\"email\":\"a@x.org\",\"responseStatus\":\"accepted\"}]",
		 "[{\"email\":\"a@x.org\"}]"},
		{"attendees", "[{\"email\":\"a@x.org\"}]", "null"},
		{"summary", "\"a\"", "\"A\""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(same); i++) {
		AUTO(json_object_put) struct json_object *a = parse(same[i][1]);
		AUTO(json_object_put) struct json_object *b = parse(same[i][2]);

		if (!event_field_equal(same[i][0], a, b) || !event_field_equal(same[i][0], b, a))
			fail_msg("%s differs: %s %s", same[i][0], same[i][1], same[i][2]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(different); i++) {
		AUTO(json_object_put) struct json_object *a = parse(different[i][1]);
		AUTO(json_object_put) struct json_object *b = parse(different[i][2]);

		if (event_field_equal(different[i][0], a, b))
			fail_msg("%s is equal: %s %s", different[i][0], different[i][1],
				 different[i][2]);
	}
}

static void check_patch(const char *from, const char *to, const char *expected)
{
	AUTO(json_object_put) struct json_object *a = parse(from);
	AUTO(json_object_put) struct json_object *b = parse(to);
	AUTO(json_object_put) struct json_object *want = parse(expected);
	AUTO(json_object_put) struct json_object *patch = event_patch(a, b);

	if (!json_equal(patch, want))
		fail_msg("patch is %s, not %s", json_text(patch), expected);
}

static void test_event__patch_carries_only_what_changed(void **state)
{
	(void)state;
	check_patch("{" TIMED ",\"summary\":\"a\",\"etag\":\"1\"}",
		    "{" TIMED ",\"summary\":\"b\",\"etag\":\"2\",\"hangoutLink\":\"x\"}",
		    "{\"summary\":\"b\"}");
	check_patch("{\"summary\":\"a\",\"location\":\"x\"}", "{\"summary\":\"a\"}",
		    "{\"location\":null}");
	/* timed -> all-day: the other kind's keys must be nulled, or Google keeps both */
	check_patch("{\"start\":{\"dateTime\":\"2026-01-15T10:00:00Z\",\"timeZone\":\"UTC\"}}",
		    "{\"start\":{\"date\":\"2026-01-15\"}}",
		    "{\"start\":{\"date\":\"2026-01-15\",\"dateTime\":null,\"timeZone\":null}}");
	check_patch("{\"extendedProperties\":{\"private\":{\"a\":\"1\",\"b\":\"2\"}}}",
		    "{\"extendedProperties\":{\"private\":{\"a\":\"1\",\"c\":\"3\"}}}",
		    "{\"extendedProperties\":{\"private\":{\"b\":null,\"c\":\"3\"}}}");
	check_patch("{\"attendees\":[{\"email\":\"a@x\",\"self\":true}]}",
		    "{\"attendees\":[{\"email\":\"a@x\",\"self\":true},{\"email\":\"b@x\"}]}",
		    "{\"attendees\":[{\"email\":\"a@x\"},{\"email\":\"b@x\"}]}");
}

static void test_event__insert_body_leaves_read_only_fields_out(void **state)
{
	AUTO(json_object_put)
	struct json_object *r =
		parse("{\"id\":\"abcde\",\"kind\":\"calendar#event\",\"etag\":\"1\",\"htmlLink\":"
		      "\"x\"," TIMED ",\"creator\":{\"email\":\"a@x\"},\"sequence\":3,\"iCalUID\":"
		      "\"u\",\"eventType\":\"default\","
		      "\"conferenceData\":{\"conferenceId\":\"m\"}}");
	AUTO(json_object_put) struct json_object *want = parse("{\"id\":\"abcde\"," TIMED "}");
	AUTO(json_object_put) struct json_object *body = event_insert_body(r);

	(void)state;
	assert_true(json_equal(body, want));
}

static void test_event__span(void **state)
{
	AUTO(json_object_put)
	struct json_object *day =
		parse("{\"start\":{\"date\":\"2026-03-29\"},\"end\":{\"date\":\"2026-03-30\"}}");
	AUTO(json_object_put)
	struct json_object *bare = parse("{\"id\":\"abcde\",\"status\":\"cancelled\"}");
	int64_t start, end;
	bool all_day;

	(void)state;
	assert_true(event_span(day, "Europe/Berlin", &start, &end, &all_day));
	assert_true(all_day);
	assert_int_equal(end - start, 23 * 3600); /* the day of the change */
	assert_false(event_span(bare, "UTC", &start, &end, &all_day));
	assert_true(event_is_cancelled(bare));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_event__check_refuses_what_google_refuses),
		cmocka_unit_test(test_event__check_of_an_edit_looks_at_what_changed),
		cmocka_unit_test(test_rrule__lines),
		cmocka_unit_test(test_event__equal_means_the_same_not_the_same_text),
		cmocka_unit_test(test_event__patch_carries_only_what_changed),
		cmocka_unit_test(test_event__insert_body_leaves_read_only_fields_out),
		cmocka_unit_test(test_event__span),
	};

	return cmocka_run_group_tests_name("model", tests, NULL, NULL);
}
