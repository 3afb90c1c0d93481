/* The planner's table and the merge: cases by name, then properties on random events. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/xalloc.h"
#include "model/event.h"
#include "sync/merge.h"
#include "sync/plan.h"

#include "base/banned.h"

static const struct merge_rule local_wins = {.contested = MERGE_LOCAL};
static const struct merge_rule remote_wins = {.contested = MERGE_REMOTE};
static const struct merge_rule whole = {.contested = MERGE_REMOTE, .whole = true};

static struct json_object *json_of(const char *text)
{
	struct json_object *out = NULL;
	struct err err;

	if (text && json_parse(text, strlen(text), &out, &err))
		fail_msg("%s: %s", text, err.msg);
	return out;
}

/* --- the planner ------------------------------------------------------------------------- */

static void test_plan__the_table_of_cases(void **state)
{
	/* As the header, docs/sync.md and calsync-model(7) have it. */
	static const char *const want[][5] = {
		{"absent", "insert", "insert", "insert", "nothing"},
		{"in step", "nothing", "replace", "replace", "remove"},
		{"local only", "adopt", "adopt", "adopt", "nothing"},
		{"create", "adopt", "adopt", "adopt", "nothing"},
		{"revive", "adopt", "adopt", "nothing", "nothing"},
		{"update", "nothing", "merge", "reinstate", "revive"},
		{"delete", "nothing", "restore", "agree", "remove"},
		{"conflict", "nothing", "merge", "reinstate", "revive"},
	};

	(void)state;
	for (int h = HERE_ABSENT; h <= HERE_CONFLICT; h++) {
		assert_string_equal(plan_here_name(h), want[h][0]);
		for (int r = REMOTE_UNCHANGED; r <= REMOTE_GONE; r++)
			assert_string_equal(plan_action_name(plan_event(h, r)), want[h][r + 1]);
	}
	assert_string_equal(plan_remote_name(REMOTE_CANCELLED), "cancelled");
}

static char *row_of(int h)
{
	const char *c[4];

	for (int r = 0; r < 4; r++)
		c[r] = plan_action_name(plan_event(h, r));
	return xasprintf("| %s | %s | %s | %s | %s |", plan_here_name(h), c[0], c[1], c[2], c[3]);
}

/* The documentation is the table: a case that changes must change there. */
static void test_plan__the_documentation_has_the_same_table(void **state)
{
	AUTO(fclose) FILE *f = fopen("docs/sync.md", "r");
	AUTO(free) char *text = xcalloc(1, 65536);

	(void)state;
	assert_non_null(f);
	assert_true(fread(text, 1, 65535, f) > 0);
	for (int h = HERE_ABSENT; h <= HERE_CONFLICT; h++) {
		AUTO(free) char *row = row_of(h);

		if (!strstr(text, row))
			fail_msg("docs/sync.md lacks the line: %s", row);
	}
}

static void test_plan__a_policy_says_who_wins(void **state)
{
	static const struct {
		enum conflict_policy policy;
		bool newer;
		enum merge_side side;
		bool whole;
	} cases[] = {
		{POLICY_MERGE, true, MERGE_LOCAL, false},
		{POLICY_MERGE, false, MERGE_REMOTE, false},
		{POLICY_NEWEST, true, MERGE_LOCAL, true},
		{POLICY_NEWEST, false, MERGE_REMOTE, true},
		{POLICY_LOCAL, false, MERGE_LOCAL, false},
		{POLICY_REMOTE, true, MERGE_REMOTE, false},
	};
	enum conflict_policy p;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct merge_rule rule = plan_rule(cases[i].policy, cases[i].newer);

		assert_int_equal(rule.contested, cases[i].side);
		assert_int_equal(rule.whole, cases[i].whole);
	}
	assert_int_equal(conflict_policy_parse("manual", &p), 0);
	assert_int_equal(p, POLICY_MANUAL);
	assert_string_equal(conflict_policy_name(p), "manual");
	assert_int_equal(conflict_policy_parse("mine", &p), -1);
}

/* --- the merge, case by case ------------------------------------------------------------- */

static void check(const char *name, const char *base, const char *local, const char *remote,
		  const struct merge_rule *rule, const char *want, const char *contested)
{
	AUTO(json_object_put) struct json_object *b = json_of(base);
	AUTO(json_object_put) struct json_object *l = json_of(local);
	AUTO(json_object_put) struct json_object *r = json_of(remote);
	AUTO(json_object_put) struct json_object *w = json_of(want);
	AUTO(merge_result_release) struct merge_result m = {0};

	merge_event(b, l, r, rule, &m);
	if (!json_equal(m.merged, w))
		fail_msg("%s: merged to %s, not %s", name, json_text(m.merged), want);
	if (strcmp(json_text(m.fields), contested) != 0)
		fail_msg("%s: contested %s, not %s", name, json_text(m.fields), contested);
	assert_int_equal(m.local_left, !event_equal(w, r));
}

#define A       "{\"email\":\"a@x\"}"
#define B       "{\"email\":\"b@x\"}"
#define C       "{\"email\":\"c@x\"}"
#define A_YES   "{\"email\":\"a@x\",\"responseStatus\":\"accepted\"}"
#define A_NO    "{\"email\":\"A@x\",\"responseStatus\":\"declined\"}"
#define G(list) "{\"attendees\":[" list "]}"
#define T(s, e)                                                                                   \
	"\"start\":{\"dateTime\":\"2026-01-01T" s ":00Z\"},\"end\":{\"dateTime\":\"2026-01-01T" e \
	":00Z\"}"
#define D "\"start\":{\"date\":\"2026-01-01\"},\"end\":{\"date\":\"2026-01-02\"}"

static void test_merge__fields(void **state)
{
	(void)state;
	check("one side each", "{\"summary\":\"a\"}", "{\"summary\":\"b\"}",
	      "{\"summary\":\"a\",\"location\":\"x\"}", &remote_wins,
	      "{\"summary\":\"b\",\"location\":\"x\"}", "[]");
	check("both alike", "{\"summary\":\"a\"}", "{\"summary\":\"b\"}", "{\"summary\":\"b\"}",
	      &local_wins, "{\"summary\":\"b\"}", "[]");
	check("contested, local", "{\"summary\":\"a\"}", "{\"summary\":\"b\"}",
	      "{\"summary\":\"c\"}", &local_wins, "{\"summary\":\"b\"}", "[\"summary\"]");
	check("contested, remote", "{\"summary\":\"a\"}", "{\"summary\":\"b\"}",
	      "{\"summary\":\"c\"}", &remote_wins, "{\"summary\":\"c\"}", "[\"summary\"]");
	check("taken off here", "{\"location\":\"x\"}", "{}", "{\"location\":\"x\"}", &remote_wins,
	      "{}", "[]");
	check("taken off here, changed there", "{\"location\":\"x\"}", "{}", "{\"location\":\"y\"}",
	      &local_wins, "{}", "[\"location\"]");
	check("unknown and read-only fields are remote's", "{\"summary\":\"a\",\"etag\":\"1\"}",
	      "{\"summary\":\"b\",\"etag\":\"1\",\"novel\":1}",
	      "{\"summary\":\"a\",\"etag\":\"2\",\"novel\":2}", &local_wins,
	      "{\"summary\":\"b\",\"etag\":\"2\",\"novel\":2}", "[]");
	check("no common version", NULL, "{\"summary\":\"b\",\"location\":\"x\"}",
	      "{\"summary\":\"c\",\"location\":\"x\"}", &remote_wins,
	      "{\"summary\":\"c\",\"location\":\"x\"}", "[\"summary\"]");
	check("an occurrence edited here, cancelled there", "{\"summary\":\"a\"}",
	      "{\"summary\":\"b\"}", "{\"summary\":\"a\",\"status\":\"cancelled\"}", &remote_wins,
	      "{\"summary\":\"b\",\"status\":\"confirmed\"}", "[]");
	check("an occurrence left alone here, cancelled there", "{\"summary\":\"a\"}",
	      "{\"summary\":\"a\"}", "{\"summary\":\"a\",\"status\":\"cancelled\"}", &local_wins,
	      "{\"summary\":\"a\",\"status\":\"cancelled\"}", "[]");
	check("a default is no change", "{}", "{\"visibility\":\"default\",\"summary\":\"b\"}",
	      "{\"visibility\":\"private\"}", &local_wins,
	      "{\"visibility\":\"private\",\"summary\":\"b\"}", "[]");
}

static void test_merge__units(void **state)
{
	(void)state;
	check("start here, end there", "{" T("10:00", "11:00") "}", "{" T("12:00", "13:00") "}",
	      "{" T("10:00", "11:30") "}", &local_wins, "{" T("12:00", "13:00") "}",
	      "[\"start\",\"end\"]");
	check("the same instant is no change", "{" T("10:00", "11:00") "}",
	      "{" T("10:00", "11:00") ",\"summary\":\"b\"}",
	      "{\"start\":{\"dateTime\":\"2026-01-01T11:00:00+01:00\"},"
	      "\"end\":{\"dateTime\":\"2026-01-01T13:00:00+01:00\"}}",
	      &local_wins,
	      "{\"start\":{\"dateTime\":\"2026-01-01T11:00:00+01:00\"},"
	      "\"end\":{\"dateTime\":\"2026-01-01T13:00:00+01:00\"},\"summary\":\"b\"}",
	      "[]");
	check("times and rule apart", "{" D ",\"recurrence\":[\"RRULE:FREQ=DAILY\"]}",
	      "{\"start\":{\"date\":\"2026-01-03\"},\"end\":{\"date\":\"2026-01-04\"},"
	      "\"recurrence\":[\"RRULE:FREQ=DAILY\"]}",
	      "{" D ",\"recurrence\":[\"RRULE:FREQ=WEEKLY\"]}", &remote_wins,
	      "{\"start\":{\"date\":\"2026-01-03\"},\"end\":{\"date\":\"2026-01-04\"},"
	      "\"recurrence\":[\"RRULE:FREQ=WEEKLY\"]}",
	      "[]");
	check("all-day here, a rule of times there",
	      "{" D ",\"recurrence\":[\"RRULE:FREQ=DAILY\"]}",
	      "{" T("10:00", "11:00") ",\"recurrence\":[\"RRULE:FREQ=DAILY\"]}",
	      "{" D ",\"recurrence\":[\"RRULE:FREQ=DAILY;UNTIL=20260601\"]}", &local_wins,
	      "{" T("10:00", "11:00") ",\"recurrence\":[\"RRULE:FREQ=DAILY\"]}",
	      "[\"start\",\"end\",\"recurrence\"]");
	check("reminders as a whole", "{\"reminders\":{\"useDefault\":true}}",
	      "{\"reminders\":{\"useDefault\":false,\"overrides\":[{\"method\":\"popup\","
	      "\"minutes\":5}]}}",
	      "{\"reminders\":{\"useDefault\":false}}", &remote_wins,
	      "{\"reminders\":{\"useDefault\":false}}", "[\"reminders\"]");
	check("a list as a whole", "{\"recurrence\":[\"RRULE:FREQ=DAILY\"]}",
	      "{\"recurrence\":[\"RRULE:FREQ=DAILY\",\"EXDATE;VALUE=DATE:20260101\"]}",
	      "{\"recurrence\":[\"RRULE:FREQ=DAILY\",\"EXDATE;VALUE=DATE:20260102\"]}",
	      &remote_wins,
	      "{\"recurrence\":[\"RRULE:FREQ=DAILY\",\"EXDATE;VALUE=DATE:20260102\"]}",
	      "[\"recurrence\"]");
}

static void test_merge__guests(void **state)
{
	(void)state;
	check("a guest here, an answer there", G(A), G(A "," B), G(A_YES), &remote_wins,
	      G(A_YES "," B), "[]");
	check("guests on both sides", G(A), G(A "," B), G(A "," C), &remote_wins, G(A "," C "," B),
	      "[]");
	check("taken off here", G(A "," B), G(B), G(A "," B "," C), &remote_wins, G(B "," C), "[]");
	check("taken off there", G(A "," B), G(A "," B "," C), G(B), &remote_wins, G(B "," C),
	      "[]");
	check("taken off here, answered there", G(A "," B), G(B), G(A_YES "," B), &local_wins,
	      G(A_YES "," B), "[]");
	check("answered here, taken off there", G(A "," B), G(A_YES "," B), G(B "," C),
	      &remote_wins, G(B "," C "," A_YES), "[]");
	check("two answers", G(A), G(A_YES), G(A_NO), &remote_wins, G(A_NO), "[\"attendees\"]");
	check("two answers, whatever the case of the address", G(A), G(A_NO), G(A_YES), &local_wins,
	      "{\"attendees\":[{\"email\":\"a@x\",\"responseStatus\":\"declined\"}]}",
	      "[\"attendees\"]");
	check("invited on both sides: the answer stays", "{\"attendees\":[]}", G(A), G(A_YES),
	      &local_wins, G(A_YES), "[]");
	check("all taken off here, none changed there", G(A "," B), "{}", G(A "," B), &remote_wins,
	      "{}", "[]");
	check("all taken off here, one new there", G(A), "{}", G(A "," C), &remote_wins, G(C),
	      "[]");
	check("as one unit", G(A), G(A "," B), G(A "," C), &whole, G(A "," C), "[\"attendees\"]");
	check("what Google says of a guest stays", G(A),
	      "{\"attendees\":[{\"email\":\"a@x\",\"optional\":true}]}",
	      "{\"attendees\":[{\"email\":\"a@x\",\"self\":true,\"responseStatus\":\"accepted\"}]}",
	      &remote_wins,
	      "{\"attendees\":[{\"email\":\"a@x\",\"self\":true,\"responseStatus\":\"accepted\","
	      "\"optional\":true}]}",
	      "[]");
	check("a list that is none is one unit", "{\"attendees\":3}", G(A), "{\"attendees\":4}",
	      &local_wins, G(A), "[\"attendees\"]");
}

static void test_merge__properties(void **state)
{
#define P(priv) "{\"extendedProperties\":{\"private\":{" priv "}}}"
	(void)state;
	check("two keys", P("\"a\":\"1\""), P("\"a\":\"1\",\"b\":\"2\""),
	      P("\"a\":\"1\",\"c\":\"3\""), &remote_wins, P("\"a\":\"1\",\"b\":\"2\",\"c\":\"3\""),
	      "[]");
	check("one key", P("\"a\":\"1\""), P("\"a\":\"2\""), P("\"a\":\"3\""), &local_wins,
	      P("\"a\":\"2\""), "[\"extendedProperties\"]");
	check("taken off here, another changed there", P("\"a\":\"1\",\"b\":\"1\""),
	      P("\"b\":\"1\""), P("\"a\":\"1\",\"b\":\"2\""), &remote_wins, P("\"b\":\"2\""), "[]");
	check("the last one taken off on both sides", P("\"a\":\"1\",\"b\":\"1\""),
	      P("\"b\":\"1\""), P("\"a\":\"1\""), &remote_wins, "{}", "[]");
	check("private and shared", "{\"extendedProperties\":{}}", P("\"a\":\"1\""),
	      "{\"extendedProperties\":{\"shared\":{\"a\":\"2\"}}}", &remote_wins,
	      "{\"extendedProperties\":{\"shared\":{\"a\":\"2\"},\"private\":{\"a\":\"1\"}}}",
	      "[]");
#undef P
}

/* --- properties of it on random events --------------------------------------------------- */

static uint64_t seed;

static unsigned draw(unsigned n)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed % n);
}

/* A value for a field, from few, so that sides often agree; n tells them apart. NULL: absent. */
static struct json_object *value_of(const char *field, unsigned n)
{
	static const char *const times[] = {
		"{\"dateTime\":\"2026-01-01T10:00:00Z\",\"timeZone\":\"UTC\"}",
		"{\"dateTime\":\"2026-01-02T10:00:00Z\",\"timeZone\":\"UTC\"}",
		"{\"date\":\"2026-01-01\"}",
		"{\"dateTime\":\"2026-01-01T11:00:00+01:00\",\"timeZone\":\"UTC\"}",
	};
	static const char *const guests[] = {
		"[" A "]", "[" A_YES "]", "[" A "," B "]", "[" A_NO "," C "]", "[" B "]",
	};
	static const char *const properties[] = {
		"{\"private\":{\"a\":\"1\"}}",
		"{\"private\":{\"a\":\"2\",\"b\":\"1\"}}",
		"{\"shared\":{\"a\":\"1\"}}",
		"{\"private\":{\"b\":\"1\"},\"shared\":{\"a\":\"2\"}}",
	};
	static const char *const reminders[] = {
		"{\"useDefault\":true}",
		"{\"useDefault\":false}",
		"{\"useDefault\":false,\"overrides\":[{\"method\":\"popup\",\"minutes\":5}]}",
	};
	static const char *const rules[] = {
		"[\"RRULE:FREQ=DAILY\"]",
		"[\"RRULE:FREQ=WEEKLY\"]",
		"[\"RRULE:FREQ=DAILY\",\"EXDATE;VALUE=DATE:20260105\"]",
	};

	if (!strcmp(field, "start") || !strcmp(field, "end"))
		return json_of(times[n % ARRAY_SIZE(times)]);
	if (n % 5 == 4)
		return NULL;
	if (!strcmp(field, "attendees"))
		return json_of(guests[n % ARRAY_SIZE(guests)]);
	if (!strcmp(field, "extendedProperties"))
		return json_of(properties[n % ARRAY_SIZE(properties)]);
	if (!strcmp(field, "reminders"))
		return json_of(reminders[n % ARRAY_SIZE(reminders)]);
	if (!strcmp(field, "recurrence"))
		return json_of(rules[n % ARRAY_SIZE(rules)]);
	if (!strncmp(field, "guestsCan", 9) || !strcmp(field, "anyoneCanAddSelf"))
		return json_object_new_boolean(n % 2);
	return json_object_new_string(n % 2 ? "one" : "two");
}

/* Some fields of a copy become others. touched: a flag for each field (may be NULL). */
static struct json_object *edited(const struct json_object *event, unsigned one_in, bool *touched)
{
	struct json_object *out = json_clone(event);

	for (size_t i = 0; i < event_field_count(); i++) {
		const char *name = event_field_name(i);
		struct json_object *v;

		if (draw(one_in))
			continue;
		v = value_of(name, draw(20));
		if (touched)
			touched[i] = !event_field_equal(name, v, json_get(event, name));
		if (v)
			json_set(out, name, v);
		else
			json_del(out, name);
	}
	return out;
}

static const struct merge_rule *any_rule(void)
{
	static const struct merge_rule *const rules[] = {&local_wins, &remote_wins, &whole};

	return rules[draw(ARRAY_SIZE(rules))];
}

static void merged_is(const struct json_object *b, const struct json_object *l,
		      const struct json_object *r, const struct merge_rule *rule,
		      const struct json_object *want, const char *what)
{
	AUTO(merge_result_release) struct merge_result m = {0};

	merge_event(b, l, r, rule, &m);
	if (!event_equal(m.merged, want) || merge_contested(&m))
		fail_msg("%s: base %s local %s remote %s: merged %s, contested %s", what,
			 json_object_to_json_string((struct json_object *)b),
			 json_object_to_json_string((struct json_object *)l),
			 json_object_to_json_string((struct json_object *)r), json_text(m.merged),
			 json_text(m.fields));
}

/* Start, end and a rule may be one unit: for the question of disjointness they are one field. */
static size_t unit_of(size_t field)
{
	const char *name = event_field_name(field);

	if (strcmp(name, "end") != 0 && strcmp(name, "recurrence") != 0)
		return field;
	for (size_t i = 0; i < event_field_count(); i++)
		if (!strcmp(event_field_name(i), "start"))
			return i;
	return field;
}

/* Which side each field of the result has to come from when no unit was touched by both. */
static void check_disjoint(const struct json_object *b, const struct json_object *l,
			   const bool *by_l, const struct json_object *r, const bool *by_r)
{
	bool l_unit[64] = {false}, r_unit[64] = {false};
	AUTO(json_object_put) struct json_object *want = json_clone(r);

	for (size_t i = 0; i < event_field_count(); i++) {
		l_unit[unit_of(i)] |= by_l[i];
		r_unit[unit_of(i)] |= by_r[i];
	}
	for (size_t i = 0; i < event_field_count(); i++) {
		const char *name = event_field_name(i);
		struct json_object *v = json_get(l, name);

		if (l_unit[unit_of(i)] && r_unit[unit_of(i)])
			return; /* not disjoint */
		if (!by_l[i])
			continue;
		if (v)
			json_set(want, name, json_clone(v));
		else
			json_del(want, name);
	}
	merged_is(b, l, r, any_rule(), want, "disjoint");
}

static void check_again(const struct json_object *b, const struct json_object *l,
			const struct json_object *r)
{
	const struct merge_rule *rule = any_rule();
	AUTO(merge_result_release) struct merge_result once = {0};
	AUTO(merge_result_release) struct merge_result twice = {0};

	merge_event(b, l, r, rule, &once);
	merge_event(r, once.merged, r, rule, &twice); /* as it is after the merge was stored */
	if (!event_equal(once.merged, twice.merged) || merge_contested(&twice))
		fail_msg("merging again changed %s to %s", json_text(once.merged),
			 json_text(twice.merged));
}

/* Contested is exactly what both sides changed differently, and both rules name the same. */
static void check_contest(const struct json_object *b, const struct json_object *l,
			  const struct json_object *r)
{
	AUTO(merge_result_release) struct merge_result mine = {0};
	AUTO(merge_result_release) struct merge_result theirs = {0};

	merge_event(b, l, r, &local_wins, &mine);
	merge_event(b, l, r, &remote_wins, &theirs);
	assert_string_equal(json_text(mine.fields), json_text(theirs.fields));
	if (!merge_contested(&mine) && !event_equal(mine.merged, theirs.merged))
		fail_msg("uncontested, but the rule matters: %s, %s", json_text(mine.merged),
			 json_text(theirs.merged));
	for (size_t i = 0; i < merge_contested(&mine); i++) {
		const char *name =
			json_object_get_string(json_object_array_get_idx(mine.fields, i));

		if (event_field_equal(name, json_get(l, name), json_get(r, name)))
			fail_msg("%s is contested, but the same on both sides", name);
	}
}

/* There is something to send exactly when something differs. */
static void check_patch(const struct json_object *l, const struct json_object *r)
{
	AUTO(json_object_put) struct json_object *patch = event_patch(r, l);

	if ((json_object_object_length(patch) == 0) != event_equal(l, r))
		fail_msg("patch %s", json_text(patch));
}

/* MERGE_CASES=N tries more, MERGE_SEED=N others. */
static void test_merge__properties_of_random_events(void **state)
{
	const char *cases = getenv("MERGE_CASES"), *start = getenv("MERGE_SEED");
	long n = cases ? strtol(cases, NULL, 10) : 5000;

	(void)state;
	seed = start ? strtoull(start, NULL, 10) : 20260101;
	for (long i = 0; i < n; i++) {
		AUTO(json_object_put) struct json_object *none = json_object_new_object();
		bool by_l[64] = {false}, by_r[64] = {false};
		AUTO(json_object_put) struct json_object *b = edited(none, 2, NULL);
		AUTO(json_object_put) struct json_object *l = edited(b, 2 + draw(8), by_l);
		AUTO(json_object_put) struct json_object *r = edited(b, 2 + draw(8), by_r);

		merged_is(b, b, b, any_rule(), b, "identity");
		merged_is(b, l, b, any_rule(), l, "local alone");
		merged_is(b, b, r, any_rule(), r, "remote alone");
		merged_is(b, l, l, any_rule(), l, "both alike");
		check_disjoint(b, l, by_l, r, by_r);
		check_again(b, l, r);
		check_contest(b, l, r);
		check_patch(l, r);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_plan__the_table_of_cases),
		cmocka_unit_test(test_plan__the_documentation_has_the_same_table),
		cmocka_unit_test(test_plan__a_policy_says_who_wins),
		cmocka_unit_test(test_merge__fields),
		cmocka_unit_test(test_merge__units),
		cmocka_unit_test(test_merge__guests),
		cmocka_unit_test(test_merge__properties),
		cmocka_unit_test(test_merge__properties_of_random_events),
	};

	return cmocka_run_group_tests_name("merge", tests, NULL, NULL);
}
