/* Who may change what: invitations, locked events, event types. A table of cases. */
#include "model/rights.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "model/event.h"

static struct err err;

static struct json_object *parse(const char *text)
{
	struct json_object *obj = NULL;

	if (json_parse(text, strlen(text), &obj, &err))
		fail_msg("%s: %s", text, err.msg);
	return obj;
}

/* Members of patch laid over obj; null removes. */
static struct json_object *with(const struct json_object *obj, const char *patch)
{
	AUTO(json_object_put) struct json_object *p = parse(patch);
	struct json_object *out = json_clone(obj);

	json_object_object_foreach (p, key, value) {
		if (value)
			json_set(out, key, json_clone(value));
		else
			json_del(out, key);
	}
	return out;
}

#define TIMES                                                                     \
	"\"start\":{\"dateTime\":\"2026-01-15T10:00:00Z\",\"timeZone\":\"UTC\"}," \
	"\"end\":{\"dateTime\":\"2026-01-15T11:00:00Z\",\"timeZone\":\"UTC\"},"
#define DAY "\"start\":{\"date\":\"2026-01-15\"},\"end\":{\"date\":\"2026-01-16\"}"
#define GUESTS                                                                                     \
	"\"attendees\":[{\"email\":\"boss@x\",\"organizer\":true,\"responseStatus\":\"accepted\"}" \
	","                                                                                        \
	"{\"email\":\"me@x\",\"self\":true,\"responseStatus\":\"needsAction\"}]"
#define INVITED "{" TIMES "\"organizer\":{\"email\":\"boss@x\"}," GUESTS
#define MINE    "{" TIMES "\"organizer\":{\"email\":\"me@x\",\"self\":true}," GUESTS

struct row {
	const char *was, *patch;
	const char *refusal; /* part of the message; NULL = allowed */
};

static void check_rows(const struct row *rows, size_t count,
		       int (*check)(const struct json_object *, const struct json_object *),
		       enum err_code code)
{
	for (size_t i = 0; i < count; i++) {
		AUTO(json_object_put) struct json_object *was = parse(rows[i].was);
		AUTO(json_object_put) struct json_object *now = with(was, rows[i].patch);
		int result = check(was, now);

		if (!rows[i].refusal && result)
			fail_msg("row %zu (%s): %s", i, rows[i].patch, err.msg);
		if (!rows[i].refusal)
			continue;
		if (!result)
			fail_msg("row %zu (%s) is allowed", i, rows[i].patch);
		if (!strstr(err.msg, rows[i].refusal))
			fail_msg("row %zu (%s): %s", i, rows[i].patch, err.msg);
		assert_int_equal(err.code, code);
	}
}

static int rights(const struct json_object *was, const struct json_object *now)
{
	return event_check_rights(was, now, &err);
}

static int type(const struct json_object *was, const struct json_object *now)
{
	return event_check_type(now, was, true, &err);
}

static void test_rights__of_guests_and_organizers(void **state)
{
	static const struct row rows[] = {
		{MINE "}", "{\"summary\":\"x\",\"attendees\":[],\"guestsCanModify\":true}", NULL},
		/* nobody organizes it yet; a private copy is one's own */
		{"{" TIMES "\"summary\":\"a\"}", "{\"summary\":\"b\",\"status\":\"tentative\"}",
		 NULL},
		{INVITED ",\"privateCopy\":true}", "{\"summary\":\"b\"}", NULL},
		/* a guest's own */
		{INVITED "}",
		 "{\"colorId\":\"3\",\"transparency\":\"transparent\",\"visibility\":\"private\","
		 "\"reminders\":{\"useDefault\":false},"
		 "\"extendedProperties\":{\"private\":{\"a\":\"b\"},\"shared\":{\"a\":\"b\"}}}",
		 NULL},
		{INVITED "}",
		 "{\"attendees\":[{\"email\":\"boss@x\",\"organizer\":true,\"responseStatus\":"
		 "\"accepted\"},{\"email\":\"ME@x\",\"self\":true,\"responseStatus\":\"declined\","
		 "\"comment\":\"no time\",\"additionalGuests\":2}]}",
		 NULL},
		/* what is shared */
		{INVITED "}", "{\"summary\":\"x\",\"location\":\"y\"}",
		 "only the organizer (boss@x) may change summary, location;"},
		{INVITED "}", "{\"summary\":\"x\"}", "calsync event respond"},
		{INVITED "}", "{\"description\":\"x\"}", "change description"},
		{INVITED "}", "{\"start\":{\"dateTime\":\"2026-01-15T10:30:00Z\"}}",
		 "change start"},
		{INVITED "}", "{\"end\":{\"dateTime\":\"2026-01-15T12:00:00Z\"}}", "change end"},
		{INVITED "}", "{\"recurrence\":[\"RRULE:FREQ=DAILY\"]}", "change recurrence"},
		{INVITED "}", "{\"status\":\"tentative\"}", "change status"},
		{INVITED "}", "{\"conferenceData\":{\"conferenceId\":\"x\"}}", "conferenceData"},
		{INVITED "}", "{\"attachments\":[{\"fileUrl\":\"https://x\"}]}", "attachments"},
		{INVITED "}", "{\"guestsCanModify\":true}", "guestsCanModify"},
		{INVITED "}", "{\"guestsCanInviteOthers\":false}", "guestsCanInviteOthers"},
		{INVITED "}", "{\"guestsCanSeeOtherGuests\":false}", "guestsCanSeeOtherGuests"},
		{INVITED "}", "{\"anyoneCanAddSelf\":true}", "anyoneCanAddSelf"},
		{INVITED "}", "{\"source\":{\"url\":\"https://x\"}}", "source"},
		/* with the organizer's leave the details, but not the leave itself */
		{INVITED ",\"guestsCanModify\":true}",
		 "{\"summary\":\"x\",\"location\":\"y\",\"recurrence\":[\"RRULE:FREQ=DAILY\"]}",
		 NULL},
		{INVITED ",\"guestsCanModify\":true}", "{\"guestsCanModify\":null}",
		 "guestsCanModify"},
		{INVITED ",\"guestsCanModify\":true}", "{\"status\":\"tentative\"}", "status"},
		/* the list */
		{INVITED "}",
		 "{\"attendees\":[{\"email\":\"boss@x\",\"responseStatus\":\"accepted\"},"
		 "{\"email\":\"me@x\",\"self\":true},{\"email\":\"new@x\"}]}",
		 NULL},
		{INVITED ",\"guestsCanInviteOthers\":false}",
		 "{\"attendees\":[{\"email\":\"boss@x\",\"responseStatus\":\"accepted\"},"
		 "{\"email\":\"me@x\",\"self\":true},{\"email\":\"new@x\"}]}",
		 "does not let guests invite others ('new@x')"},
		{INVITED "}", "{\"attendees\":[{\"email\":\"me@x\",\"self\":true}]}",
		 "remove guest 'boss@x'"},
		{INVITED "}",
		 "{\"attendees\":[{\"email\":\"boss@x\",\"responseStatus\":\"accepted\"}]}",
		 "calsync event respond"},
		{INVITED "}", "{\"attendees\":null}", "remove guest 'boss@x'"},
		{INVITED "}",
		 "{\"attendees\":[{\"email\":\"boss@x\",\"responseStatus\":\"declined\"},"
		 "{\"email\":\"me@x\",\"self\":true}]}",
		 "change guest 'boss@x'"},
		{INVITED "}",
		 "{\"attendees\":[{\"email\":\"boss@x\",\"responseStatus\":\"accepted\"},"
		 "{\"email\":\"me@x\",\"self\":true,\"optional\":true}]}",
		 "change guest 'me@x'"},
		/* locked, whoever organizes it */
		{MINE ",\"locked\":true}",
		 "{\"summary\":\"x\",\"recurrence\":[\"RRULE:FREQ=DAILY\"]}",
		 "locked: nobody may change summary, recurrence"},
		{MINE ",\"locked\":true}", "{\"colorId\":\"3\",\"attendees\":[]}", NULL},
	};

	(void)state;
	check_rows(rows, ARRAY_SIZE(rows), rights, ERR_READ_ONLY);
}

#define FOCUS "{" TIMES "\"eventType\":\"focusTime\",\"focusTimeProperties\":{}"
#define PLACE                                                                           \
	"\"eventType\":\"workingLocation\",\"visibility\":\"public\",\"transparency\":" \
	"\"transparent\",\"workingLocationProperties\":{\"type\":\"homeOffice\"}"
#define BORN                                                                               \
	"{" DAY ",\"eventType\":\"birthday\",\"visibility\":\"private\",\"transparency\":" \
	"\"transparent\",\"recurrence\":[\"RRULE:FREQ=YEARLY\"]"
#define TYPE_OF(t) ",\"birthdayProperties\":{\"type\":\"" t "\"}}"

static void test_rights__what_types_keep_from_everybody(void **state)
{
	static const struct row rows[] = {
		{"{" TIMES "\"eventType\":\"fromGmail\"}",
		 "{\"colorId\":\"1\",\"reminders\":{\"useDefault\":true},\"visibility\":"
		 "\"private\","
		 "\"transparency\":\"transparent\",\"status\":\"tentative\","
		 "\"attendees\":[{\"email\":\"a@x\"}],\"extendedProperties\":{\"private\":{}}}",
		 NULL},
		{"{" TIMES "\"eventType\":\"fromGmail\"}", "{\"summary\":\"x\",\"location\":\"y\"}",
		 "from a mail: nobody may change summary, location, only colorId, reminders, "
		 "visibility, transparency, status, attendees, extendedProperties"},
		{"{" TIMES "\"eventType\":\"fromGmail\"}",
		 "{\"end\":{\"dateTime\":\"2026-01-15T12:00:00Z\"}}", "change end"},
		{BORN TYPE_OF("birthday"),
		 "{\"colorId\":\"1\",\"summary\":\"x\",\"reminders\":{\"useDefault\":true},"
		 "\"start\":{\"date\":\"2026-01-16\"},\"end\":{\"date\":\"2026-01-17\"}}",
		 NULL},
		{BORN TYPE_OF("birthday"), "{\"location\":\"x\"}",
		 "birthday: nobody may change location, only colorId, summary, reminders, start, "
		 "end"},
		{BORN TYPE_OF("birthday"), "{\"recurrence\":null}", "change recurrence"},
		{BORN TYPE_OF("self"),
		 "{\"start\":{\"date\":\"2026-01-16\"},\"end\":{\"date\":"
		 "\"2026-01-17\"}}",
		 "from a contact or a profile: nobody may change start, end, only colorId, "
		 "summary, "
		 "reminders"},
		{BORN ",\"birthdayProperties\":{\"type\":\"birthday\",\"contact\":\"people/1\"}}",
		 "{\"start\":{\"date\":\"2026-01-16\"},\"end\":{\"date\":\"2026-01-17\"}}",
		 "nobody may change start, end"},
	};

	(void)state;
	check_rows(rows, ARRAY_SIZE(rows), type, ERR_READ_ONLY);
}

static void test_rights__what_types_have_to_look_like(void **state)
{
	static const struct row rows[] = {
		{BORN TYPE_OF("birthday"), "{\"end\":{\"date\":\"2026-01-17\"}}", "one whole day"},
		{FOCUS "}",
		 "{\"summary\":\"x\",\"focusTimeProperties\":{\"chatStatus\":"
		 "\"doNotDisturb\"}}",
		 NULL},
		{FOCUS "}", "{\"transparency\":\"transparent\"}", "focusTime: transparency"},
		{FOCUS "}", "{" DAY "}", "focusTime: it needs times of day"},
		{FOCUS "}", "{\"outOfOfficeProperties\":{\"declineMessage\":\"x\"}}",
		 "outOfOfficeProperties: an event of type 'focusTime' has none"},
		{"{" TIMES "\"eventType\":\"outOfOffice\"}", "{" DAY "}",
		 "outOfOffice: it needs times of day"},
		{"{" TIMES "\"summary\":\"x\"}",
		 "{\"workingLocationProperties\":{\"type\":\"homeOffice\"}}", "'default' has none"},
		{"{" DAY "," PLACE "}", "{\"visibility\":\"private\"}",
		 "visibility has to be public"},
		{"{" DAY "," PLACE "}", "{\"end\":{\"date\":\"2026-01-17\"}}", "one whole day"},
		{"{" DAY "," PLACE "}", "{\"summary\":\"x\"}", NULL},
		{"{" TIMES PLACE "}", "{\"end\":{\"dateTime\":\"2026-01-15T12:00:00Z\"}}", NULL},
		/* an older one that today's rules would not let be made may change elsewhere */
		{"{" DAY ",\"eventType\":\"outOfOffice\"}", "{\"summary\":\"x\"}", NULL},
		/* a type of a Google to come */
		{"{" TIMES "\"eventType\":\"picnic\"}", "{\"summary\":\"x\"}", NULL},
	};

	(void)state;
	check_rows(rows, ARRAY_SIZE(rows), type, ERR_INVALID);
}

static void test_rights__what_types_can_be_made(void **state)
{
	static const struct {
		const char *resource;
		bool primary;
		const char *refusal;
	} rows[] = {
		{"{" TIMES "\"summary\":\"x\"}", false, NULL},
		{"{" TIMES "\"eventType\":\"default\"}", false, NULL},
		{"{" TIMES "\"eventType\":\"fromGmail\"}", true, "only Google makes"},
		{"{" TIMES "\"eventType\":\"picnic\"}", true, "'picnic' is not one"},
		{FOCUS "}", true, NULL},
		{FOCUS "}", false, "on a primary calendar only"},
		{FOCUS ",\"transparency\":\"transparent\"}", true, "opaque"},
		{"{" DAY ",\"eventType\":\"outOfOffice\"}", true, "times of day"},
		{"{" DAY "," PLACE "}", true, NULL},
		{"{" DAY "," PLACE "}", false, "on a primary calendar only"},
		{"{" DAY ",\"eventType\":\"workingLocation\"}", true, "type is missing"},
		{BORN "}", false, NULL},
		{BORN ",\"summary\":\"Ada\"" TYPE_OF("birthday"), true, NULL},
		{BORN TYPE_OF("anniversary"), true, "type 'birthday'"},
		{"{" DAY ",\"eventType\":\"birthday\",\"visibility\":\"private\",\"transparency\":"
		 "\"transparent\"}",
		 true, "RRULE:FREQ=YEARLY"},
		{"{\"start\":{\"date\":\"2028-02-29\"},\"end\":{\"date\":\"2028-03-01\"},"
		 "\"eventType\":\"birthday\",\"visibility\":\"private\",\"transparency\":"
		 "\"transparent\",\"recurrence\":[\"RRULE:FREQ=YEARLY\"]}",
		 true, "BYMONTHDAY=-1"},
		{"{" DAY ",\"eventType\":\"birthday\",\"recurrence\":[\"RRULE:FREQ=YEARLY\"]}",
		 true, "visibility private"},
		{"{" TIMES "\"focusTimeProperties\":{\"declineMessage\":\"x\"}}", true,
		 "'default' has none"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(json_object_put) struct json_object *r = parse(rows[i].resource);
		int result = event_check_type(r, NULL, rows[i].primary, &err);

		if (!rows[i].refusal && result)
			fail_msg("row %zu: %s", i, err.msg);
		if (rows[i].refusal && !result)
			fail_msg("row %zu is allowed", i);
		if (rows[i].refusal && !strstr(err.msg, rows[i].refusal))
			fail_msg("row %zu: %s", i, err.msg);
	}
}

static void test_rights__a_guest_sends_the_own_answer_and_new_guests(void **state)
{
	static const struct {
		const char *was, *patch, *body;
	} rows[] = {
		{INVITED "}",
		 "{\"attendees\":[{\"email\":\"boss@x\",\"responseStatus\":\"accepted\"},"
		 "{\"email\":\"me@x\",\"self\":true,\"responseStatus\":\"declined\"}]}",
		 "{\"attendees\":[{\"email\":\"me@x\",\"responseStatus\":\"declined\"}]}"},
		{INVITED "}",
		 "{\"colorId\":\"2\",\"attendees\":[{\"email\":\"boss@x\",\"responseStatus\":"
		 "\"accepted\"},{\"email\":\"me@x\",\"self\":true},{\"email\":\"new@x\"}]}",
		 "{\"colorId\":\"2\",\"attendees\":[{\"email\":\"me@x\"},{\"email\":\"new@x\"}]}"},
		/* never a list that is taken for the organizer's */
		{INVITED "}", "{\"attendees\":[]}", "{}"},
		{MINE "}",
		 "{\"attendees\":[{\"email\":\"boss@x\",\"responseStatus\":\"accepted\"},"
		 "{\"email\":\"me@x\",\"self\":true,\"responseStatus\":\"declined\"}]}",
		 "{\"attendees\":[{\"email\":\"boss@x\",\"responseStatus\":\"accepted\"},"
		 "{\"email\":\"me@x\",\"responseStatus\":\"declined\"}]}"},
		{MINE "}", "{\"attendees\":[]}", "{\"attendees\":null}"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(json_object_put) struct json_object *was = parse(rows[i].was);
		AUTO(json_object_put) struct json_object *now = with(was, rows[i].patch);
		AUTO(json_object_put) struct json_object *want = parse(rows[i].body);
		AUTO(json_object_put) struct json_object *body = event_patch(was, now);

		if (!json_equal(body, want))
			fail_msg("row %zu: %s", i, json_text(body));
	}
}

static void test_rights__finds_the_own_entry(void **state)
{
	AUTO(json_object_put) struct json_object *invited = parse(INVITED "}");
	AUTO(json_object_put)
	struct json_object *unmarked = parse("{\"attendees\":[{},{\"email\":\"Me@X\"}]}");

	(void)state;
	assert_string_equal(json_str(event_self(invited, NULL), "email"), "me@x");
	assert_string_equal(json_str(event_self(invited, "boss@x"), "email"), "me@x");
	assert_string_equal(json_str(event_self(unmarked, "me@x"), "email"), "Me@X");
	assert_null(event_self(unmarked, "you@x"));
	assert_null(event_self(unmarked, NULL));
	assert_null(event_self(NULL, "me@x"));
}

static void test_rights__counts_whom_google_can_mail(void **state)
{
	static const struct {
		const char *before, *after; /* "" = none */
		size_t all, outside;
		bool to_organizer;
	} rows[] = {
		{"", "{\"attendees\":[{\"email\":\"a@x\"},{\"email\":\"b@y\"}]}", 2, 1, false},
		{"", "{}", 0, 0, false},
		{"", MINE "}", 1, 0, false},
		/* not oneself, not a room */
		{"",
		 "{\"attendees\":[{\"email\":\"Me@x\"},{\"email\":\"b@y\",\"resource\":true},"
		 "{\"email\":\"c@Y\"},7,{}]}",
		 1, 1, false},
		/* who was there, who came, each once */
		{"{\"attendees\":[{\"email\":\"a@x\"},{\"email\":\"b@y\"}]}",
		 "{\"attendees\":[{\"email\":\"A@x\"},{\"email\":\"c@y\"}]}", 3, 2, false},
		{"{\"attendees\":[{\"email\":\"a@x\"}]}", "", 1, 0, false},
		{INVITED "}", INVITED "}", 1, 0, true},
		{INVITED "}", "", 1, 0, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		AUTO(json_object_put)
		struct json_object *before = *rows[i].before ? parse(rows[i].before) : NULL;
		AUTO(json_object_put)
		struct json_object *after = *rows[i].after ? parse(rows[i].after) : NULL;
		struct guest_counts n;

		event_guest_counts(before, after, "me@x", &n);
		if (n.all != rows[i].all || n.outside != rows[i].outside ||
		    n.to_organizer != rows[i].to_organizer)
			fail_msg("row %zu: %zu, %zu outside", i, n.all, n.outside);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rights__of_guests_and_organizers),
		cmocka_unit_test(test_rights__what_types_keep_from_everybody),
		cmocka_unit_test(test_rights__what_types_have_to_look_like),
		cmocka_unit_test(test_rights__what_types_can_be_made),
		cmocka_unit_test(test_rights__a_guest_sends_the_own_answer_and_new_guests),
		cmocka_unit_test(test_rights__finds_the_own_entry),
		cmocka_unit_test(test_rights__counts_whom_google_can_mail),
	};

	return cmocka_run_group_tests_name("rights", tests, NULL, NULL);
}
