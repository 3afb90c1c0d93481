/* Series: expansion, instances, exceptions, splits, and what sync says of them. */
#include "fg_fixture.h"

#define TEST(name) cmocka_unit_test(test_fg_series__##name)

static void add_rules(struct google *g, const char *id, const char *start, const char *zone,
		      const char *rules)
{
	AUTO(free)
	char *json =
		xasprintf("{\"id\":\"%s\",\"start\":{\"dateTime\":\"%sT09:00:00\",\"timeZone\":"
			  "\"%s\"},\"end\":{\"dateTime\":\"%sT10:00:00\",\"timeZone\":\"%s\"},"
			  "\"recurrence\":[%s]}",
			  id, start, zone, start, zone, rules);

	add_event(g, json);
}

static void single_events(struct google *g, const char *query)
{
	AUTO(free)
	char *url =
		xasprintf(PRIMARY "?singleEvents=true&orderBy=startTime&maxResults=2500&%s", query);

	google(g, "GET", url, NULL);
	assert_status(g, 200);
}

/* The starts of the listed items, each cut to its day, joined by spaces. */
static char *days(struct google *g)
{
	struct strbuf sb = STRBUF_INIT;

	for (size_t i = 0; i < item_count(g); i++) {
		const char *at = json_path_str(item(g, i), "start/dateTime");

		strbuf_addf(&sb, "%s%.10s", i ? " " : "",
			    at ? at : json_path_str(item(g, i), "start/date"));
	}
	return strbuf_detach(&sb);
}

static void assert_days(struct google *g, const char *want)
{
	AUTO(free) char *have = days(g);

	assert_string_equal(have, want);
}

static void test_fg_series__keeps_its_hour_over_a_change(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	add_rules(g, "berli", "2026-03-28", "Europe/Berlin", "\"RRULE:FREQ=DAILY;COUNT=3\"");
	single_events(g, "");
	assert_int_equal(item_count(g), 3);
	assert_string_equal(json_path_str(item(g, 0), "start/dateTime"),
			    "2026-03-28T09:00:00+01:00");
	assert_string_equal(json_path_str(item(g, 2), "start/dateTime"),
			    "2026-03-30T09:00:00+02:00");
	assert_string_equal(json_str(item(g, 0), "id"), "berli_20260328T080000Z");
	assert_string_equal(json_str(item(g, 2), "id"), "berli_20260330T070000Z");
	assert_string_equal(json_str(item(g, 2), "recurringEventId"), "berli");
	assert_string_equal(json_path_str(item(g, 2), "originalStartTime/dateTime"),
			    "2026-03-30T09:00:00+02:00");
	assert_false(json_has(item(g, 2), "recurrence"));
}

static void test_fg_series__expands_in_its_own_zone(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	/* New York changes on 8 March, the calendar's Berlin three weeks later */
	add_rules(g, "nuork", "2026-03-07", "America/New_York", "\"RRULE:FREQ=DAILY;COUNT=2\"");
	single_events(g, "");
	assert_string_equal(json_path_str(item(g, 0), "start/dateTime"),
			    "2026-03-07T15:00:00+01:00");
	assert_string_equal(json_path_str(item(g, 1), "start/dateTime"),
			    "2026-03-08T14:00:00+01:00");
	assert_string_equal(json_path_str(item(g, 1), "start/timeZone"), "America/New_York");
}

static void test_fg_series__all_day(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	add_event(g, "{\"id\":\"dates\",\"start\":{\"date\":\"2026-03-28\"},\"end\":{\"date\":"
		     "\"2026-03-29\"},\"recurrence\":[\"RRULE:FREQ=DAILY;UNTIL=20260330\","
		     "\"EXDATE;VALUE=DATE:20260329\",\"RDATE;VALUE=DATE:20260402\"]}");
	single_events(g, "");
	assert_days(g, "2026-03-28 2026-03-30 2026-04-02");
	assert_string_equal(json_str(item(g, 1), "id"), "dates_20260330");
	assert_string_equal(json_path_str(item(g, 1), "end/date"), "2026-03-31");
}

static void test_fg_series__rules_and_dates(void **state)
{
	static const struct {
		const char *start, *rules, *days;
	} rows[] = {
		{"2026-01-05", "\"RRULE:FREQ=WEEKLY;BYDAY=MO,WE;COUNT=4\"",
		 "2026-01-05 2026-01-07 2026-01-12 2026-01-14"},
		{"2026-01-31", "\"RRULE:FREQ=MONTHLY;COUNT=3\"",
		 "2026-01-31 2026-03-31 2026-05-31"},
		{"2026-01-05", "\"RRULE:FREQ=DAILY;COUNT=4\",\"EXDATE:20260106T080000Z\"",
		 "2026-01-05 2026-01-07 2026-01-08"},
		{"2026-01-05",
		 "\"RRULE:FREQ=DAILY;COUNT=3\","
		 "\"EXDATE;TZID=Europe/Berlin:20260106T090000,20260107T090000\"",
		 "2026-01-05"},
		{"2026-01-05", "\"RRULE:FREQ=DAILY;COUNT=4\",\"EXRULE:FREQ=DAILY;INTERVAL=2\"",
		 "2026-01-06 2026-01-08"},
		{"2026-01-05", "\"RDATE;TZID=Europe/Berlin:20260110T090000,20260108T090000\"",
		 "2026-01-05 2026-01-08 2026-01-10"},
		/* inclusive: until the very start */
		{"2026-01-05", "\"RRULE:FREQ=DAILY;UNTIL=20260107T080000Z\"",
		 "2026-01-05 2026-01-06 2026-01-07"},
		{"2026-01-05", "\"RRULE:FREQ=DAILY;UNTIL=20260107T075959Z\"",
		 "2026-01-05 2026-01-06"},
		/* in summer UTC and the zone differ by another offset */
		{"2026-07-06", "\"RRULE:FREQ=DAILY;UNTIL=20260707T070000Z\"",
		 "2026-07-06 2026-07-07"},
		{"2026-01-06", "\"RRULE:FREQ=WEEKLY;BYDAY=MO;COUNT=2\"",
		 "2026-01-06 2026-01-12 2026-01-19"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(google_free) struct google *g = google_new();

		add_rules(g, "rules", rows[i].start, "Europe/Berlin", rows[i].rules);
		single_events(g, "");
		assert_days(g, rows[i].days);
	}
}

static void test_fg_series__endless_ends_far_ahead(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	add_rules(g, "ever1", "2026-01-05", "Europe/Berlin", "\"RRULE:FREQ=WEEKLY\"");
	single_events(g, "");
	assert_in_range(item_count(g), 104, 2499);
	single_events(g, "timeMin=2040-01-01T00:00:00Z&timeMax=2040-02-01T00:00:00Z");
	assert_days(g, "2040-01-02 2040-01-09 2040-01-16 2040-01-23 2040-01-30");
	/* without expansion the master stands for all */
	google(g, "GET", PRIMARY "?timeMin=2040-01-01T00:00:00Z", NULL);
	assert_int_equal(item_count(g), 1);
	assert_true(json_has(item(g, 0), "recurrence"));
}

static void test_fg_series__window(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	add_rules(g, "dails", "2026-01-05", "Europe/Berlin", "\"RRULE:FREQ=DAILY;COUNT=10\"");
	single_events(g, "timeMin=2026-01-06T09:00:00Z&timeMax=2026-01-08T08:00:00Z");
	assert_days(g, "2026-01-07"); /* ends at timeMin, starts at timeMax: both out */
	single_events(g, "timeMin=2026-01-06T08:59:59Z&timeMax=2026-01-08T08:00:01Z");
	assert_days(g, "2026-01-06 2026-01-07 2026-01-08");
}

static void test_fg_series__ended_masters_are_still_listed(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	add_rules(g, "dails", "2025-01-05", "Europe/Berlin", "\"RRULE:FREQ=DAILY;COUNT=2\"");
	google(g, "GET", PRIMARY "?timeMin=2026-01-01T00:00:00Z", NULL);
	assert_int_equal(item_count(g), 1);
	google(g, "GET", PRIMARY "?timeMax=2025-01-05T08:00:00Z", NULL);
	assert_int_equal(item_count(g), 0);
}

/* -- exceptions --------------------------------------------------------------------------------- */

static void test_fg_series__exceptions_replace_instances(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	add_rules(g, "dails", "2026-01-05", "Europe/Berlin", "\"RRULE:FREQ=DAILY;COUNT=3\"");
	google(g, "PATCH", PRIMARY "/dails_20260106T080000Z",
	       "{\"start\":{\"dateTime\":\"2026-01-09T12:00:00+01:00\"},"
	       "\"end\":{\"dateTime\":\"2026-01-09T13:00:00+01:00\"}}");
	assert_status(g, 200);
	google(g, "DELETE", PRIMARY "/dails_20260107T080000Z", NULL);
	single_events(g, "");
	assert_days(g, "2026-01-05 2026-01-09");
	assert_string_equal(json_str(item(g, 1), "id"), "dails_20260106T080000Z");
	/* two rows beside the master */
	google(g, "GET", PRIMARY, NULL);
	assert_int_equal(item_count(g), 3);
	assert_string_equal(json_str(item_by_id(g, "dails_20260107T080000Z"), "status"),
			    "cancelled");
}

static void test_fg_series__instances(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	add_rules(g, "dails", "2026-01-05", "Europe/Berlin", "\"RRULE:FREQ=DAILY;COUNT=4\"");
	google(g, "DELETE", PRIMARY "/dails_20260107T080000Z", NULL);
	google(g, "PATCH", PRIMARY "/dails_20260106T080000Z", "{\"summary\":\"x\"}");
	google(g, "GET", PRIMARY "/dails/instances", NULL);
	assert_status(g, 200);
	assert_days(g, "2026-01-05 2026-01-06 2026-01-08");
	google(g, "GET", PRIMARY "/dails/instances?showDeleted=true", NULL);
	assert_int_equal(item_count(g), 4);
	google(g, "GET",
	       PRIMARY "/dails/instances?timeMin=2026-01-06T09:00:00Z&timeMax=2026-01-08T08:00:01Z",
	       NULL);
	assert_days(g, "2026-01-06 2026-01-08"); /* here timeMin is inclusive */
	google(g, "GET", PRIMARY "/dails/instances?originalStart=2026-01-06T09:00:00%2B01:00",
	       NULL);
	assert_int_equal(item_count(g), 1);
	assert_string_equal(json_str(item(g, 0), "summary"), "x");
	google(g, "GET", PRIMARY "/dails/instances?maxResults=2", NULL);
	assert_int_equal(item_count(g), 2);
	{
		AUTO(free) char *page = query_value(json_str(g->json, "nextPageToken"));
		AUTO(free)
		char *url = xasprintf(PRIMARY "/dails/instances?maxResults=2&pageToken=%s", page);

		google(g, "GET", url, NULL);
		assert_days(g, "2026-01-08");
	}
}

static void test_fg_series__a_new_rule_resets_exceptions(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = NULL;

	(void)state;
	add_rules(g, "dails", "2026-01-05", "Europe/Berlin", "\"RRULE:FREQ=DAILY;COUNT=5\"");
	google(g, "PATCH", PRIMARY "/dails_20260106T080000Z", "{\"summary\":\"kept\"}");
	google(g, "PATCH", PRIMARY "/dails_20260108T080000Z", "{\"summary\":\"lost\"}");
	token = full_sync(g, "");
	google(g, "PATCH", PRIMARY "/dails",
	       "{\"recurrence\":[\"RRULE:FREQ=DAILY;UNTIL=20260107T080000Z\"]}");
	assert_status(g, 200);
	delta(g, token, "");
	assert_int_equal(item_count(g), 2);
	assert_string_equal(json_str(item_by_id(g, "dails_20260108T080000Z"), "status"),
			    "cancelled");
	google(g, "GET", PRIMARY, NULL);
	assert_int_equal(item_count(g), 2);
	assert_string_equal(json_str(item_by_id(g, "dails_20260106T080000Z"), "summary"), "kept");
	google(g, "GET", PRIMARY "/dails_20260108T080000Z", NULL);
	assert_string_equal(json_str(g->json, "status"), "cancelled");
	/* longer again: a plain instance is back */
	google(g, "PATCH", PRIMARY "/dails", "{\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=5\"]}");
	google(g, "GET", PRIMARY "/dails_20260108T080000Z", NULL);
	assert_string_equal(json_str(g->json, "status"), "confirmed");
	assert_false(json_has(g->json, "summary"));
	single_events(g, "");
	assert_int_equal(item_count(g), 5);
	google(g, "PATCH", PRIMARY "/dails_20260108T080000Z", "{\"summary\":\"again\"}");
	assert_status(g, 200);
	single_events(g, "");
	assert_int_equal(item_count(g), 5);
}

static void test_fg_series__a_new_time_changes_instance_ids(void **state)
{
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	add_rules(g, "dails", "2026-01-05", "Europe/Berlin", "\"RRULE:FREQ=DAILY;COUNT=2\"");
	google(g, "PATCH", PRIMARY "/dails",
	       "{\"start\":{\"dateTime\":\"2026-01-05T11:00:00+01:00\"},"
	       "\"end\":{\"dateTime\":\"2026-01-05T12:00:00+01:00\"}}");
	assert_status(g, 200);
	single_events(g, "");
	assert_string_equal(json_str(item(g, 0), "id"), "dails_20260105T100000Z");
	google(g, "GET", PRIMARY "/dails_20260105T080000Z", NULL);
	assert_status(g, 404);
}

static void test_fg_series__deleting_it_deletes_all(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = NULL;

	(void)state;
	add_rules(g, "dails", "2026-01-05", "Europe/Berlin", "\"RRULE:FREQ=DAILY;COUNT=3\"");
	google(g, "PATCH", PRIMARY "/dails_20260106T080000Z", "{\"summary\":\"x\"}");
	token = full_sync(g, "");
	google(g, "DELETE", PRIMARY "/dails", NULL);
	assert_status(g, 204);
	google(g, "GET", PRIMARY, NULL);
	assert_int_equal(item_count(g), 0);
	single_events(g, "showDeleted=true");
	assert_int_equal(item_count(g), 0);
	delta(g, token, "");
	assert_int_equal(item_count(g), 2);
	for (size_t i = 0; i < 2; i++)
		assert_string_equal(json_str(item(g, i), "status"), "cancelled");
	assert_int_equal(json_object_object_length(item_by_id(g, "dails")), 4);
}

/* A list while it is dead says nothing of exceptions: who reads on from there hears of them. */
static void test_fg_series__a_revived_one_tells_its_exceptions(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = NULL;

	(void)state;
	add_rules(g, "dails", "2026-01-05", "Europe/Berlin", "\"RRULE:FREQ=DAILY;COUNT=3\"");
	google(g, "PATCH", PRIMARY "/dails_20260106T080000Z", "{\"summary\":\"x\"}");
	google(g, "DELETE", PRIMARY "/dails", NULL);
	token = full_sync(g, "");
	assert_int_equal(item_count(g), 0);
	google(g, "PATCH", PRIMARY "/dails", "{\"status\":\"confirmed\"}");
	assert_status(g, 200);
	delta(g, token, "");
	assert_int_equal(item_count(g), 2);
	assert_string_equal(json_str(item_by_id(g, "dails"), "status"), "confirmed");
	assert_string_equal(json_str(item_by_id(g, "dails_20260106T080000Z"), "status"),
			    "cancelled");
}

/* -- sync with singleEvents ----------------------------------------------------------------------- */

static void test_fg_series__delta_of_instances(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *first = NULL;
	AUTO(free) char *second = NULL;
	AUTO(free) char *third = NULL;

	(void)state;
	add_rules(g, "dails", "2026-01-05", "Europe/Berlin", "\"RRULE:FREQ=DAILY;COUNT=4\"");
	first = full_sync(g, "singleEvents=true");
	assert_int_equal(item_count(g), 4);
	/* a title: every instance again */
	google(g, "PATCH", PRIMARY "/dails", "{\"summary\":\"new\"}");
	delta(g, first, "singleEvents=true");
	assert_int_equal(item_count(g), 4);
	assert_string_equal(json_str(item(g, 3), "summary"), "new");
	/* a shorter rule: what is gone is cancelled */
	second = query_value(json_str(g->json, "nextSyncToken"));
	google(g, "PATCH", PRIMARY "/dails", "{\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=2\"]}");
	delta(g, second, "singleEvents=true");
	assert_int_equal(item_count(g), 4);
	assert_string_equal(json_str(item_by_id(g, "dails_20260106T080000Z"), "status"),
			    "confirmed");
	assert_string_equal(json_str(item_by_id(g, "dails_20260108T080000Z"), "status"),
			    "cancelled");
	assert_string_equal(json_str(item_by_id(g, "dails_20260108T080000Z"), "recurringEventId"),
			    "dails");
	/* the series is deleted: so is each instance, the master is never named */
	third = query_value(json_str(g->json, "nextSyncToken"));
	google(g, "DELETE", PRIMARY "/dails", NULL);
	delta(g, third, "singleEvents=true");
	assert_int_equal(item_count(g), 2);
	assert_null(item_by_id(g, "dails"));
	assert_string_equal(json_str(item(g, 0), "status"), "cancelled");
	/* a token from the start sees all four gone */
	delta(g, first, "singleEvents=true");
	assert_int_equal(item_count(g), 4);
}

static void test_fg_series__single_that_becomes_one(void **state)
{
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = NULL;

	(void)state;
	add_simple(g, "alone", 5, "");
	token = full_sync(g, "singleEvents=true");
	google(g, "PATCH", PRIMARY "/alone", "{\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=2\"]}");
	assert_status(g, 200);
	delta(g, token, "singleEvents=true");
	assert_int_equal(item_count(g), 3);
	assert_string_equal(json_str(item_by_id(g, "alone"), "status"), "cancelled");
	assert_non_null(item_by_id(g, "alone_20260105T090000Z"));
}

/* -- splits -------------------------------------------------------------------------------------- */

static void test_fg_series__split(void **state)
{
	static const char text[] =
		"{\"kind\":\"calendar#event\",\"id\":\"dails_R20260107T090000\",\"summary\":"
		"\"tail\","
		"\"start\":{\"dateTime\":\"2026-01-07T11:00:00+01:00\",\"timeZone\":"
		"\"Europe/"
		"Berlin\"},\"end\":{\"dateTime\":\"2026-01-07T12:00:00+01:00\",\"timeZone\":"
		"\"Europe/Berlin\"},\"recurrence\":[\"RRULE:FREQ=DAILY;COUNT=2\"]}";
	AUTO(google_free) struct google *g = google_new();
	AUTO(free) char *token = NULL;
	struct err err;

	(void)state;
	add_rules(g, "dails", "2026-01-05", "Europe/Berlin", "\"RRULE:FREQ=DAILY;COUNT=4\"");
	token = full_sync(g, "");
	google(g, "PATCH", PRIMARY "/dails",
	       "{\"recurrence\":[\"RRULE:FREQ=DAILY;UNTIL=20260107T075959Z\"]}");
	assert_int_equal(fg_load(g->fg, text, strlen(text), &err), 0);
	delta(g, token, "");
	assert_int_equal(item_count(g), 2);
	single_events(g, "");
	assert_days(g, "2026-01-05 2026-01-06 2026-01-07 2026-01-08");
	/* its instances have the base's id, and name the new master */
	assert_string_equal(json_str(item(g, 2), "id"), "dails_20260107T100000Z");
	assert_string_equal(json_str(item(g, 2), "recurringEventId"), "dails_R20260107T090000");
	google(g, "PATCH", PRIMARY "/dails_20260108T100000Z", "{\"summary\":\"x\"}");
	assert_status(g, 200);
	assert_string_equal(json_str(g->json, "recurringEventId"), "dails_R20260107T090000");
	google(g, "GET", PRIMARY "/dails_R20260107T090000/instances", NULL);
	assert_int_equal(item_count(g), 2);
	assert_string_equal(json_str(item(g, 1), "summary"), "x");
}

static void test_fg_series__an_exception_without_its_master(void **state)
{
	static const char text[] =
		"[{\"kind\":\"calendar#event\",\"id\":\"gone_20260106T080000Z\",\"status\":"
		"\"confirmed\",\"recurringEventId\":\"gone\",\"originalStartTime\":{\"dateTime\":"
		"\"2026-01-06T09:00:00+01:00\"},\"start\":{\"date\":\"2026-01-06\"},\"end\":{"
		"\"date\":"
		"\"2026-01-07\"}},{\"kind\":\"calendar#event\",\"id\":\"gone_20260107T080000Z\","
		"\"status\":\"cancelled\",\"recurringEventId\":\"gone\",\"originalStartTime\":"
		"{\"dateTime\":\"2026-01-07T09:00:00+01:00\"}}]";
	AUTO(google_free) struct google *g = google_new();
	struct err err;

	(void)state;
	assert_int_equal(fg_load(g->fg, text, strlen(text), &err), 0);
	google(g, "GET", PRIMARY, NULL);
	assert_int_equal(item_count(g), 2);
	single_events(g, "");
	assert_int_equal(item_count(g), 1);
	google(g, "PATCH", PRIMARY "/gone_20260106T080000Z", "{\"summary\":\"x\"}");
	assert_status(g, 200);
}

static void test_fg_series__wild_rules_come_to_an_end(void **state)
{
	static const char *const rules[] = {
		"RRULE:FREQ=SECONDLY;BYMONTH=2;BYMONTHDAY=30",
		"RRULE:FREQ=HOURLY;BYMONTH=2;BYMONTHDAY=30",
		"RRULE:FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30",
		"RRULE:FREQ=DAILY;INTERVAL=32767",
		"RRULE:FREQ=MINUTELY",
		"RRULE:FREQ=YEARLY;BYYEARDAY=366;BYDAY=1MO",
		"RRULE:FREQ=MONTHLY;BYSETPOS=366;BYDAY=MO",
	};
	AUTO(google_free) struct google *g = google_new();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		AUTO(free)
		char *text =
			xasprintf("{\"kind\":\"calendar#event\",\"id\":\"wild%zu\",\"start\":"
				  "{\"date\":\"2026-01-05\"},\"end\":{\"date\":\"2026-01-06\"},"
				  "\"recurrence\":[\"%s\"]}",
				  i, rules[i]);
		struct err err;

		assert_int_equal(fg_load(g->fg, text, strlen(text), &err), 0);
	}
	single_events(g, "timeMax=2027-01-01T00:00:00Z");
	assert_true(item_count(g) >= ARRAY_SIZE(rules));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(keeps_its_hour_over_a_change),
		TEST(expands_in_its_own_zone),
		TEST(all_day),
		TEST(rules_and_dates),
		TEST(endless_ends_far_ahead),
		TEST(window),
		TEST(ended_masters_are_still_listed),
		TEST(exceptions_replace_instances),
		TEST(instances),
		TEST(a_new_rule_resets_exceptions),
		TEST(a_new_time_changes_instance_ids),
		TEST(deleting_it_deletes_all),
		TEST(a_revived_one_tells_its_exceptions),
		TEST(delta_of_instances),
		TEST(single_that_becomes_one),
		TEST(split),
		TEST(an_exception_without_its_master),
		TEST(wild_rules_come_to_an_end),
	};

	return cmocka_run_group_tests_name("fg_series", tests, NULL, NULL);
}
