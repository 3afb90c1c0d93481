#include "fg_model.h"

#include <libical/ical.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"

#include "base/banned.h"

/*
 * Google expands a series in its own zone: a rule is run over civil times (libical sees them as
 * floating), and each result becomes an instant by that zone. So a meeting at nine stays at
 * nine over a DST change.
 */

/* More occurrences than anyone pages through; what is beyond is not there. */
#define MAX_OCCURRENCES 20000

struct series {
	bool all_day;
	const char *zone; /* of expansion */
	struct civil start;
	int64_t start_s;
};

void fg_times_release(struct fg_times *t)
{
	free(t->list);
	*t = (struct fg_times){0};
}

static void times_add(struct fg_times *t, bool all_day, int64_t s)
{
	if (t->count == t->alloc) {
		t->alloc = t->alloc ? t->alloc * 2 : 64;
		t->list = xreallocarray(t->list, t->alloc, sizeof(*t->list));
	}
	t->list[t->count++] = (struct fg_when){.all_day = all_day, .s = s};
}

void fg_times_add(struct fg_times *t, const struct fg_when *at)
{
	times_add(t, at->all_day, at->s);
}

static int compare(const void *a, const void *b)
{
	int64_t x = ((const struct fg_when *)a)->s, y = ((const struct fg_when *)b)->s;

	return x < y ? -1 : x > y;
}

static void times_sort(struct fg_times *t)
{
	size_t n = 0;

	if (!t->count)
		return;
	qsort(t->list, t->count, sizeof(*t->list), compare);
	for (size_t i = 0; i < t->count; i++)
		if (!n || t->list[n - 1].s != t->list[i].s)
			t->list[n++] = t->list[i];
	t->count = n;
}

static void times_remove(struct fg_times *t, const struct fg_times *gone)
{
	size_t n = 0;

	for (size_t i = 0; i < t->count; i++)
		if (!gone->count ||
		    !bsearch(&t->list[i], gone->list, gone->count, sizeof(*gone->list), compare))
			t->list[n++] = t->list[i];
	t->count = n;
}

/* -- the text of a date or time in a recurrence line -------------------------------------------- */

static bool two(const char *s, int *out)
{
	if (s[0] < '0' || s[0] > '9' || s[1] < '0' || s[1] > '9')
		return false;
	*out = (s[0] - '0') * 10 + s[1] - '0';
	return true;
}

/* YYYYMMDD or YYYYMMDDTHHMMSS[Z], exactly len characters. */
static bool parse_stamp(const char *s, size_t len, struct civil *c, bool *is_date, bool *utc)
{
	int century, year;

	memset(c, 0, sizeof(*c));
	if (len != 8 && len != 15 && len != 16)
		return false;
	if (!two(s, &century) || !two(s + 2, &year) || !two(s + 4, &c->month) ||
	    !two(s + 6, &c->day))
		return false;
	c->year = century * 100 + year;
	if (c->year < 1 || c->month < 1 || c->month > 12 || c->day < 1 ||
	    c->day > days_in_month(c->year, c->month))
		return false;
	*is_date = len == 8;
	*utc = len == 16;
	if (len == 8)
		return true;
	if (s[8] != 'T' || !two(s + 9, &c->hour) || !two(s + 11, &c->minute) ||
	    !two(s + 13, &c->second) || (len == 16 && s[15] != 'Z'))
		return false;
	return c->hour < 24 && c->minute < 60 && c->second < 60;
}

/* -- one line -------------------------------------------------------------------------------------- */

enum line_kind { LINE_RRULE, LINE_EXRULE, LINE_RDATE, LINE_EXDATE, LINE_BAD };

struct line {
	enum line_kind kind;
	char zone[64];     /* TZID; "" = none */
	const char *value; /* after the colon */
};

static void line_param(struct line *line, const char *p, size_t len)
{
	const char tzid[] = "TZID=";
	size_t n = sizeof(tzid) - 1;

	if (len > n && len - n < sizeof(line->zone) && !strncasecmp(p, tzid, n)) {
		memcpy(line->zone, p + n, len - n);
		line->zone[len - n] = '\0';
	}
}

static struct line parse_line(const char *text)
{
	static const char *const names[] = {"RRULE", "EXRULE", "RDATE", "EXDATE"};
	struct line line = {.kind = LINE_BAD};
	const char *colon = strchr(text, ':');
	size_t name_len = strcspn(text, ";:");

	if (!colon)
		return line;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strlen(names[i]) == name_len && !strncasecmp(names[i], text, name_len))
			line.kind = (enum line_kind)i;
	for (const char *p = text + name_len; *p == ';' && p < colon;) {
		size_t len = strcspn(++p, ";:");

		line_param(&line, p, len);
		p += len;
	}
	line.value = colon + 1;
	return line;
}

/* The zone that a line's local times are in. */
static const char *line_zone(const struct series *s, const struct line *line)
{
	return *line->zone && zone_valid(line->zone) ? line->zone : s->zone;
}

static int64_t stamp_to_when(const struct series *s, const struct line *line, struct civil c,
			     bool is_date, bool utc)
{
	int64_t at;

	if (s->all_day) {
		c.hour = c.minute = c.second = 0;
		return civil_to_s(&c);
	}
	if (is_date) {
		c.hour = s->start.hour;
		c.minute = s->start.minute;
		c.second = s->start.second;
	}
	if (utc)
		return civil_to_s(&c);
	zone_to_utc(line_zone(s, line), &c, &at);
	return at;
}

static bool add_dates(const struct series *s, const struct line *line, struct fg_times *out)
{
	const char *p = line->value;

	for (;;) {
		size_t len = strcspn(p, ",");
		size_t stamp = strcspn(p, ",/"); /* a period counts by its start */
		struct civil c;
		bool is_date, utc;

		if (!parse_stamp(p, stamp, &c, &is_date, &utc))
			return false;
		if (out)
			times_add(out, s->all_day, stamp_to_when(s, line, c, is_date, utc));
		if (!p[len])
			return true;
		p += len + 1;
	}
}

/* -- rules --------------------------------------------------------------------------------------------- */

static struct icaltimetype ical_time(const struct civil *c, bool all_day)
{
	struct icaltimetype t = icaltime_null_time();

	t.year = c->year;
	t.month = c->month;
	t.day = c->day;
	t.is_date = all_day;
	if (!all_day) {
		t.hour = c->hour;
		t.minute = c->minute;
		t.second = c->second;
	}
	return t;
}

static struct civil civil_time(struct icaltimetype t)
{
	return (struct civil){t.year, t.month, t.day, t.hour, t.minute, t.second};
}

static bool parse_rule(const char *value, struct icalrecurrencetype *out)
{
	AUTO(free) char *copy = xstrdup(value);

	icalerror_set_errors_are_fatal(0);
	icalerror_clear_errno();
	*out = icalrecurrencetype_from_string(copy);
	return out->freq != ICAL_NO_RECURRENCE && icalerrno == ICAL_NO_ERROR;
}

static bool given(const short *list)
{
	return list[0] != ICAL_RECURRENCE_ARRAY_MAX;
}

/* Below a month "1TU" is "TU"; and each day once. */
static void plain_days(short *list)
{
	size_t n = 0;

	for (size_t i = 0; list[i] != ICAL_RECURRENCE_ARRAY_MAX; i++) {
		short day = (short)icalrecurrencetype_day_day_of_week(list[i]);
		bool seen = false;

		for (size_t k = 0; k < n && !seen; k++)
			seen = list[k] == day;
		if (!seen)
			list[n++] = day;
	}
	list[n] = ICAL_RECURRENCE_ARRAY_MAX;
}

static int compare_shorts(const void *a, const void *b)
{
	return *(const short *)a - *(const short *)b;
}

/* In order, each once. */
static void sort(short *list)
{
	size_t count = 0, n = 0;

	while (given(list + count))
		count++;
	qsort(list, count, sizeof(*list), compare_shorts);
	for (size_t i = 0; i < count; i++)
		if (!n || list[n - 1] != list[i])
			list[n++] = list[i];
	list[n] = ICAL_RECURRENCE_ARRAY_MAX;
}

/* Say the same in words that libical 3.0 does not trip over: it keeps a yearly rule by days of the
 * month to the month of its start, loses negative ones in rules of weeks and days, and wants times
 * of day in their order. */
static void put_plainly(struct icalrecurrencetype *rule)
{
	bool days = given(rule->by_month_day);

	sort(rule->by_hour);
	sort(rule->by_minute);
	sort(rule->by_second);
	if (rule->freq == ICAL_WEEKLY_RECURRENCE || rule->freq == ICAL_DAILY_RECURRENCE) {
		plain_days(rule->by_day);
		if (days && rule->interval == 1 && !given(rule->by_set_pos))
			rule->freq = ICAL_MONTHLY_RECURRENCE;
	}
	if (rule->freq == ICAL_YEARLY_RECURRENCE && days && !given(rule->by_month) &&
	    !given(rule->by_week_no) && !given(rule->by_year_day)) {
		for (short i = 0; i < 12; i++)
			rule->by_month[i] = (short)(i + 1);
		rule->by_month[12] = ICAL_RECURRENCE_ARRAY_MAX;
	}
}

/* UNTIL is an instant; the rule runs over civil times of the zone. */
static void localise_until(const struct series *s, struct icalrecurrencetype *rule)
{
	struct civil c;

	if (icaltime_is_null_time(rule->until))
		return;
	if (rule->until.is_date) {
		if (s->all_day)
			return;
		rule->until.is_date = 0;
		rule->until.hour = 23;
		rule->until.minute = 59;
		rule->until.second = 59;
		return;
	}
	c = civil_time(rule->until);
	if (rule->until.zone && icaltime_is_utc(rule->until))
		zone_civil(s->zone, civil_to_s(&c), &c);
	rule->until = ical_time(&c, s->all_day);
}

static void add_rule(const struct series *s, const struct line *line, int64_t until,
		     struct fg_times *out)
{
	struct icalrecurrencetype rule;
	icalrecur_iterator *it;

	/* Below an hour a rule that hardly ever matches would keep libical busy for minutes. */
	if (!parse_rule(line->value, &rule) || rule.freq < ICAL_HOURLY_RECURRENCE) {
		icalrecurrencetype_clear(&rule);
		return;
	}
	put_plainly(&rule);
	localise_until(s, &rule);
	it = icalrecur_iterator_new(rule, ical_time(&s->start, s->all_day));
	for (int n = 0; it && n < MAX_OCCURRENCES; n++) {
		struct icaltimetype t = icalrecur_iterator_next(it);
		struct civil c = civil_time(t);
		int64_t at;

		if (icaltime_is_null_time(t))
			break;
		if (s->all_day) {
			c.hour = c.minute = c.second = 0;
			at = civil_to_s(&c);
		} else if (!memcmp(&c, &s->start, sizeof(c))) {
			at = s->start_s; /* maybe the second of two equal hours */
		} else {
			zone_to_utc(s->zone, &c, &at);
		}
		if (at > until)
			break;
		times_add(out, s->all_day, at);
	}
	icalrecur_iterator_free(it);
	icalrecurrencetype_clear(&rule);
}

/* -- the whole series ------------------------------------------------------------------------------ */

static bool series_init(const struct json_object *res, const char *cal_zone, struct series *s,
			struct fg_when *start)
{
	const struct json_object *edt = json_get(res, "start");
	const char *zone = json_str(edt, "timeZone");

	if (fg_when_parse(edt, cal_zone, start))
		return false;
	s->all_day = start->all_day;
	s->start_s = start->s;
	s->zone = zone && zone_valid(zone) ? zone : cal_zone;
	if (s->all_day)
		civil_from_s(start->s, &s->start);
	else
		zone_civil(s->zone, start->s, &s->start);
	return true;
}

void fg_series_expand(const struct json_object *res, const char *cal_zone, int64_t until,
		      struct fg_times *out)
{
	const struct json_object *lines = json_get(res, "recurrence");
	AUTO(fg_times_release) struct fg_times gone = {0};
	struct fg_when start;
	struct series s;

	if (!series_init(res, cal_zone, &s, &start) || start.s > until)
		return;
	times_add(out, s.all_day, start.s); /* DTSTART is the first, also beside its rule */
	for (size_t i = 0; i < fg_len(lines); i++) {
		const char *text = json_object_get_string(json_object_array_get_idx(lines, i));
		struct line line = parse_line(text ? text : "");

		switch (line.kind) {
		case LINE_RRULE:
			add_rule(&s, &line, until, out);
			break;
		case LINE_EXRULE:
			add_rule(&s, &line, until, &gone);
			break;
		case LINE_RDATE:
			add_dates(&s, &line, out);
			break;
		case LINE_EXDATE:
			add_dates(&s, &line, &gone);
			break;
		case LINE_BAD:
			break;
		}
	}
	times_sort(out);
	times_sort(&gone);
	times_remove(out, &gone);
	while (out->count && out->list[out->count - 1].s > until)
		out->count--;
}

bool fg_series_has(const struct json_object *res, const char *cal_zone, const struct fg_when *at)
{
	AUTO(fg_times_release) struct fg_times times = {0};

	fg_series_expand(res, cal_zone, at->s, &times);
	return times.count && times.list[times.count - 1].s == at->s &&
	       times.list[times.count - 1].all_day == at->all_day;
}

const char *fg_series_check(const struct json_object *recurrence, bool all_day)
{
	const struct series s = {.all_day = all_day, .zone = "UTC"};

	for (size_t i = 0; i < fg_len(recurrence); i++) {
		struct json_object *item = json_object_array_get_idx(recurrence, i);
		struct icalrecurrencetype rule;
		struct line line;
		bool ok;

		if (!json_object_is_type(item, json_type_string))
			return "Invalid recurrence rule.";
		line = parse_line(json_object_get_string(item));
		if (line.kind == LINE_BAD)
			return "Invalid recurrence rule.";
		if (line.kind == LINE_RDATE || line.kind == LINE_EXDATE) {
			if ((*line.zone && !zone_valid(line.zone)) || !add_dates(&s, &line, NULL))
				return "Invalid recurrence rule.";
			continue;
		}
		ok = parse_rule(line.value, &rule) &&
		     !(rule.count && !icaltime_is_null_time(rule.until));
		icalrecurrencetype_clear(&rule);
		if (!ok)
			return "Invalid recurrence rule.";
	}
	return NULL;
}

/* -- instances ---------------------------------------------------------------------------------------- */

size_t fg_base_len(const char *master_id)
{
	const char *mark = strstr(master_id, "_R");
	struct civil c;
	bool is_date, utc;

	for (; mark; mark = strstr(mark + 1, "_R"))
		if (parse_stamp(mark + 2, strlen(mark + 2), &c, &is_date, &utc) && !utc)
			return (size_t)(mark - master_id);
	return strlen(master_id);
}

char *fg_instance_id(const char *master_id, const struct fg_when *at)
{
	struct civil c;
	int base = (int)fg_base_len(master_id);

	civil_from_s(at->s, &c);
	if (at->all_day)
		return xasprintf("%.*s_%04d%02d%02d", base, master_id, c.year, c.month, c.day);
	return xasprintf("%.*s_%04d%02d%02dT%02d%02d%02dZ", base, master_id, c.year, c.month, c.day,
			 c.hour, c.minute, c.second);
}

bool fg_instance_parse(const char *id, size_t *out_base_len, struct fg_when *out)
{
	const char *mark = strrchr(id, '_');
	struct civil c;
	bool is_date, utc;

	if (!mark || mark == id || !parse_stamp(mark + 1, strlen(mark + 1), &c, &is_date, &utc) ||
	    is_date == utc)
		return false;
	*out_base_len = (size_t)(mark - id);
	*out = (struct fg_when){.all_day = is_date, .s = civil_to_s(&c)};
	return true;
}

static struct json_object *original_start(const struct fg_event *master, const struct fg_cal *cal,
					  const struct fg_when *at)
{
	const char *zone = json_str(json_get(master->res, "start"), "timeZone");

	return fg_when_new(at, zone, cal->zone);
}

struct json_object *fg_instance_new(const struct fg_event *master, const struct fg_cal *cal,
				    const struct fg_when *at)
{
	struct json_object *res = json_object_new_object();
	AUTO(free) char *id = fg_instance_id(master->id, at);
	AUTO(free) char *link = fg_event_link(id, cal);
	const char *end_zone = json_str(json_get(master->res, "end"), "timeZone");
	struct fg_when end = *at;

	end.s += master->has_span ? master->end.s - master->start.s : 0;
	json_object_object_foreach (master->res, key, value) {
		if (!strcmp(key, "recurrence")) {
			json_set_str(res, "recurringEventId", master->id);
			json_set(res, "originalStartTime", original_start(master, cal, at));
		} else if (!strcmp(key, "start")) {
			json_set(res, key, original_start(master, cal, at));
		} else if (!strcmp(key, "end")) {
			json_set(res, key, fg_when_new(&end, end_zone, cal->zone));
		} else {
			json_set(res, key, json_object_get(value));
		}
	}
	json_set_str(res, "id", id);
	if (json_get(res, "htmlLink"))
		json_set_str(res, "htmlLink", link);
	return res;
}

struct json_object *fg_instance_gone(const struct fg_event *master, const struct fg_cal *cal,
				     const struct fg_when *at)
{
	struct json_object *res = json_object_new_object();
	AUTO(free) char *id = fg_instance_id(master->id, at);

	json_set_str(res, "kind", "calendar#event");
	json_set_str(res, "etag", fg_event_etag(master));
	json_set_str(res, "id", id);
	json_set_str(res, "status", "cancelled");
	json_set_str(res, "recurringEventId", master->id);
	json_set(res, "originalStartTime", original_start(master, cal, at));
	return res;
}
