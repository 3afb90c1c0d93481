#include "fields.h"

#include <string.h>

#include "base/time.h"
#include "base/xalloc.h"
#include "units.h"
#include "world.h"

#include "base/banned.h"

#define FIRST_START \
	1772438400 /* 2026-03-02T08:00:00Z: the clocks change within the weeks behind it */

static const char *const zones[] = {SIM_ZONE, SIM_ZONE, "America/New_York", "UTC"};

/* --- times ----------------------------------------------------------------------------------- */

static int64_t start_of(unsigned n)
{
	return FIRST_START + (int64_t)n * 60 + (int64_t)(n % 11) * 7 * DAY_S;
}

static struct json_object *timed(int64_t at, const char *zone)
{
	struct json_object *t = json_object_new_object();
	char text[RFC3339_LEN];

	rfc3339_format(at, zone_offset(zone, at), text);
	json_set_str(t, "dateTime", text);
	json_set_str(t, "timeZone", zone);
	return t;
}

static struct json_object *day(int64_t days)
{
	struct json_object *t = json_object_new_object();
	char text[DATE_LEN];
	struct civil c;

	civil_from_days(FIRST_START / DAY_S + days, &c);
	date_format(&c, text);
	json_set_str(t, "date", text);
	return t;
}

static void set_span(struct rng *r, unsigned n, bool all_day, struct json_object *e)
{
	const char *zone = zones[rng_below(r, ARRAY_SIZE(zones))];
	int64_t start = start_of(n);

	if (all_day) {
		json_set(e, "start", day(n));
		json_set(e, "end", day(n + 1 + n % 3));
		return;
	}
	json_set(e, "start", timed(start, zone));
	json_set(e, "end", timed(start + 900 * (1 + n % 8), zone));
}

static void change_time(struct rng *r, unsigned n, enum fields_of what, struct json_object *e)
{
	bool all_day = json_path(e, "start/date") != NULL;

	if (what == FIELDS_EVENT && rng_chance(r, 25))
		all_day = !all_day;
	set_span(r, n, all_day, e);
}

/* --- texts and choices ------------------------------------------------------------------------ */

static void set_text(struct rng *r, unsigned n, const char *field, struct json_object *e)
{
	AUTO(free) char *value = xasprintf("%c%u", field[0], n);

	if (json_str(e, field) && rng_chance(r, 15))
		json_del(e, field);
	else
		json_set_str(e, field, value);
}

static void change_text(struct rng *r, unsigned n, enum fields_of what, struct json_object *e)
{
	static const char *const texts[] = {"summary", "description", "location"};

	(void)what;
	set_text(r, n, texts[rng_below(r, ARRAY_SIZE(texts))], e);
}

static void change_choice(struct rng *r, unsigned n, enum fields_of what, struct json_object *e)
{
	static const struct {
		const char *field, *value;
	} choices[] = {
		{"transparency", "transparent"}, {"transparency", "opaque"},
		{"visibility", "private"},       {"visibility", "default"},
		{"status", "tentative"},         {"status", "confirmed"},
	};
	uint32_t i = rng_below(r, ARRAY_SIZE(choices));
	AUTO(free) char *color = xasprintf("%u", 1 + n % 11);

	if (rng_chance(r, 30) || what == FIELDS_INVITATION)
		json_set_str(e, "colorId", color);
	else
		json_set_str(e, choices[i].field, choices[i].value);
}

static void change_flag(struct rng *r, unsigned n, enum fields_of what, struct json_object *e)
{
	static const char *const flags[] = {"guestsCanInviteOthers", "guestsCanModify",
					    "guestsCanSeeOtherGuests"};

	(void)n;
	(void)what;
	json_set_bool(e, flags[rng_below(r, ARRAY_SIZE(flags))], rng_chance(r, 50));
}

/* --- objects and lists ------------------------------------------------------------------------ */

static void change_reminders(struct rng *r, unsigned n, enum fields_of what, struct json_object *e)
{
	struct json_object *reminders = json_object_new_object();
	bool usual = rng_chance(r, 20);

	(void)what;
	json_set_bool(reminders, "useDefault", usual);
	if (!usual) {
		struct json_object *list = json_object_new_array();
		struct json_object *one = json_object_new_object();

		json_set_str(one, "method", rng_chance(r, 50) ? "popup" : "email");
		json_set_int(one, "minutes", n);
		json_object_array_add(list, one);
		json_set(reminders, "overrides", list);
	}
	json_set(e, "reminders", reminders);
}

/* The mark lies among the shared ones: it stays. */
static void change_property(struct rng *r, unsigned n, enum fields_of what, struct json_object *e)
{
	const char *kind = what == FIELDS_INVITATION || rng_chance(r, 60) ? "private" : "shared";
	AUTO(free) char *key = xasprintf("p%u", rng_below(r, 3));
	AUTO(free) char *value = xasprintf("v%u", n);
	struct json_object *all = json_get(e, "extendedProperties");
	struct json_object *map;

	if (!all) {
		all = json_object_new_object();
		json_set(e, "extendedProperties", all);
	}
	map = json_get(all, kind);
	if (!map) {
		map = json_object_new_object();
		json_set(all, kind, map);
	}
	if (json_str(map, key) && rng_chance(r, 20))
		json_del(map, key);
	else
		json_set_str(map, key, value);
}

static void add_guest(struct json_object *list, const char *email)
{
	struct json_object *guest = json_object_new_object();

	json_set_str(guest, "email", email);
	json_set_str(guest, "responseStatus", "needsAction");
	json_object_array_add(list, guest);
}

struct json_object *fields_guest(const struct json_object *resource, const char *email)
{
	struct json_object *list = json_get(resource, "attendees");

	for (size_t i = 0; list && i < json_object_array_length(list); i++) {
		struct json_object *a = json_object_array_get_idx(list, i);

		if (!strcmp(json_str(a, "email"), email))
			return a;
	}
	return NULL;
}

static void change_guests(struct rng *r, unsigned n, enum fields_of what, struct json_object *e)
{
	struct json_object *list = json_get(e, "attendees");
	AUTO(free) char *email = xasprintf("g%u@example.net", n);

	(void)what;
	if (!list) {
		list = json_object_new_array();
		json_set(e, "attendees", list);
	}
	if (json_object_array_length(list) > 1 && rng_chance(r, 30))
		json_object_array_del_idx(
			list, rng_below(r, (uint32_t)json_object_array_length(list)), 1);
	else if (!fields_guest(e, SIM_GUEST) && rng_chance(r, 50))
		add_guest(list, SIM_GUEST);
	else
		add_guest(list, email);
}

/* The own answer to an invitation; of an own event there is none. */
static void set_answer(struct rng *r, unsigned n, const char *email, struct json_object *e)
{
	static const char *const answers[] = {"accepted", "tentative", "declined"};
	struct json_object *a = fields_guest(e, email);
	AUTO(free) char *comment = xasprintf("c%u", n);

	if (!a)
		return;
	json_set_str(a, "responseStatus", answers[rng_below(r, ARRAY_SIZE(answers))]);
	json_set_str(a, "comment", comment);
}

static void change_answer(struct rng *r, unsigned n, enum fields_of what, struct json_object *e)
{
	(void)what;
	set_answer(r, n, SIM_ACCOUNT, e);
}

void fields_answer(struct rng *r, unsigned no, const char *email, struct json_object *resource)
{
	set_answer(r, no * FIELDS_NUMBERS, email, resource);
}

void fields_invite(struct json_object *resource, const char *email)
{
	if (!json_get(resource, "attendees"))
		json_set(resource, "attendees", json_object_new_array());
	add_guest(json_get(resource, "attendees"), email);
}

static void change_link(struct rng *r, unsigned n, enum fields_of what, struct json_object *e)
{
	AUTO(free) char *url = xasprintf("https://example.org/%u", n);
	struct json_object *one = json_object_new_object();
	struct json_object *list = json_object_new_array();

	(void)what;
	if (rng_chance(r, 50)) {
		json_set_str(one, "url", url);
		json_set(e, "source", one);
		json_object_put(list);
		return;
	}
	json_set_str(one, "fileUrl", url);
	json_object_array_add(list, one);
	json_set(e, "attachments", list);
}

static void change_conference(struct rng *r, unsigned n, enum fields_of what, struct json_object *e)
{
	AUTO(free) char *id = xasprintf("r%u", n);
	struct json_object *data, *wish, *key;

	(void)r;
	(void)what;
	if (json_get(e, "conferenceData"))
		return;
	data = json_object_new_object();
	wish = json_object_new_object();
	key = json_object_new_object();
	json_set_str(key, "type", "hangoutsMeet");
	json_set_str(wish, "requestId", id);
	json_set(wish, "conferenceSolutionKey", key);
	json_set(data, "createRequest", wish);
	json_set(e, "conferenceData", data);
}

/* --- series ----------------------------------------------------------------------------------- */

static void set_rule(struct rng *r, unsigned n, struct json_object *e)
{
	struct json_object *lines = json_object_new_array();
	bool all_day = json_path(e, "start/date") != NULL;
	AUTO(free) char *rule = NULL;

	if (all_day || rng_chance(r, 40)) {
		rule = xasprintf("RRULE:FREQ=%s;COUNT=%u", n % 2 ? "DAILY" : "WEEKLY", 3 + n % 5);
	} else {
		struct civil c;
		struct rfc3339 start;
		struct err err;

		/* Three to seven days on, and n seconds: a rule that nobody else has. */
		if (rfc3339_parse(json_path_str(e, "start/dateTime"), &start, &err))
			abort();
		civil_from_s(start.utc + (3 + n % 5) * DAY_S + n % 3600, &c);
		rule = xasprintf("RRULE:FREQ=DAILY;UNTIL=%04d%02d%02dT%02d%02d%02dZ", c.year,
				 c.month, c.day, c.hour, c.minute, c.second);
	}
	json_object_array_add(lines, json_object_new_string(rule));
	json_set(e, "recurrence", lines);
}

static void change_rule(struct rng *r, unsigned n, enum fields_of what, struct json_object *e)
{
	(void)what;
	set_rule(r, n, e);
}

/* --- one to three of them --------------------------------------------------------------------- */

#define OWN   (1u << FIELDS_EVENT | 1u << FIELDS_SERIES | 1u << FIELDS_OCCURRENCE)
#define EVERY (OWN | 1u << FIELDS_INVITATION)

static const struct {
	void (*change)(struct rng *r, unsigned n, enum fields_of what, struct json_object *e);
	uint8_t weight;
	unsigned of;
} changes[] = {
	{change_text, 10, OWN},
	{change_time, 6, OWN},
	{change_choice, 4, EVERY},
	{change_flag, 2, OWN},
	{change_reminders, 3, EVERY},
	{change_property, 4, EVERY},
	{change_guests, 3, OWN},
	{change_answer, 6, 1u << FIELDS_INVITATION},
	{change_link, 2, OWN},
	{change_conference, 1, OWN},
	{change_rule, 3, 1u << FIELDS_SERIES},
};

enum fields_of fields_scope(const struct json_object *resource)
{
	const struct json_object *organizer = json_get(resource, "organizer");

	if (organizer && !json_flag(organizer, "self", false))
		return FIELDS_INVITATION;
	if (json_get(resource, "recurringEventId"))
		return FIELDS_OCCURRENCE;
	return json_get(resource, "recurrence") ? FIELDS_SERIES : FIELDS_EVENT;
}

static void change_one(struct rng *r, unsigned n, enum fields_of what, struct json_object *e)
{
	uint32_t sum = 0, at;

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++)
		sum += changes[i].of >> what & 1 ? changes[i].weight : 0;
	at = rng_below(r, sum);
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		uint32_t weight = changes[i].of >> what & 1 ? changes[i].weight : 0;

		if (at < weight) {
			changes[i].change(r, n, what, e);
			return;
		}
		at -= weight;
	}
}

void fields_change(struct rng *r, unsigned no, enum fields_of what, struct json_object *resource)
{
	unsigned count = 1 + rng_below(r, 3);

	for (unsigned i = 0; i < count; i++)
		change_one(r, no * FIELDS_NUMBERS + i, what, resource);
}

struct json_object *fields_make(struct rng *r, unsigned no, bool series)
{
	struct json_object *e = json_object_new_object();
	struct json_object *properties = json_object_new_object();
	struct json_object *shared = json_object_new_object();
	unsigned n = no * FIELDS_NUMBERS + 4; /* fields_change() uses the first three */
	AUTO(free) char *mark = xasprintf("m%u", no);
	AUTO(free) char *summary = xasprintf("s%u", n);

	json_set_str(shared, MARK_KEY, mark);
	json_set(properties, "shared", shared);
	json_set(e, "extendedProperties", properties);
	json_set_str(e, "summary", summary);
	set_span(r, n, rng_chance(r, 25), e);
	if (series)
		set_rule(r, n, e);
	if (rng_chance(r, 60))
		fields_change(r, no, series ? FIELDS_SERIES : FIELDS_EVENT, e);
	return e;
}
