/* A series moved as a whole: its start and length, and the lines that name times of their own. */
#include <string.h>
#include <strings.h>

#include "base/strbuf.h"
#include "base/xalloc.h"
#include "ical/recur.h"
#include "ical/series.h"
#include "model/event.h"
#include "base/banned.h"

/* A start, as days and a time of day of its zone. */
struct place {
	bool all_day;
	const char *zone; /* borrowed */
	int64_t day, clock;
	int64_t length; /* days of an all-day event, else seconds */
};

/* By how much all of a series moves. */
struct shift {
	const struct series *s;
	struct place to; /* where its start goes */
	int64_t days;
	int64_t clock; /* between timed series: of the time of day, which may leave the day */
	int64_t usual; /* time of day of the series as it was */
};

static int64_t floor_div(int64_t n, int64_t by)
{
	return n / by - (n % by < 0);
}

static int read_place(const struct json_object *r, const char *cal_zone, struct place *out,
		      struct err *err)
{
	const char *zone = json_path_str(r, "start/timeZone");
	int64_t start, end;
	struct civil c;
	bool all_day;

	if (!event_span(r, "UTC", &start, &end, &all_day))
		return err_set(err, ERR_INVALID, "the event has no start");
	out->all_day = all_day;
	out->zone = zone && zone_valid(zone) ? zone : zone_valid(cal_zone) ? cal_zone : "UTC";
	if (all_day) {
		out->day = floor_div(start, DAY_S);
		out->clock = 0;
		out->length = floor_div(end - start + DAY_S - 1, DAY_S);
		return 0;
	}
	event_span(r, out->zone, &start, &end, &all_day);
	zone_civil(out->zone, start, &c);
	out->day = days_from_civil(c.year, c.month, c.day);
	out->clock = c.hour * 3600 + c.minute * 60 + c.second;
	out->length = end - start;
	return 0;
}

/* --- the span ------------------------------------------------------------------------------ */

static void set_date(struct json_object *into, const char *key, int64_t day)
{
	struct json_object *time = json_object_new_object();
	char buf[DATE_LEN];
	struct civil c;

	civil_from_days(day, &c);
	date_format(&c, buf);
	json_set_str(time, "date", buf);
	json_set(into, key, time);
}

static void set_instant(struct json_object *into, const char *key, int64_t utc, const char *zone)
{
	struct json_object *time = json_object_new_object();
	char buf[RFC3339_LEN];

	rfc3339_format(utc, zone_offset(zone, utc), buf);
	json_set_str(time, "dateTime", buf);
	json_set_str(time, "timeZone", zone);
	json_set(into, key, time);
}

int recur_shift_span(const struct json_object *was, const struct json_object *now, const char *zone,
		     struct json_object *into, struct err *err)
{
	struct place from, to, own;
	struct civil c;
	int64_t utc;

	if (read_place(was, zone, &from, err) || read_place(now, zone, &to, err) ||
	    read_place(into, zone, &own, err))
		return -1;
	own.day += to.day - from.day;
	if (to.all_day) {
		set_date(into, "start", own.day);
		set_date(into, "end", own.day + to.length);
		return 0;
	}
	/* The first occurrence may not be at the usual time itself
	 * (one that a DST change moved). */
	own.clock = from.all_day ? to.clock : own.clock + to.clock - from.clock;
	civil_from_s(own.day * DAY_S + own.clock, &c);
	zone_to_utc(to.zone, &c, &utc);
	set_instant(into, "start", utc, to.zone);
	set_instant(into, "end", utc + to.length, to.zone);
	return 0;
}

/* --- dates and UNTIL ----------------------------------------------------------------------- */

/* The wall clock of a time of the series; of one that a DST change moved,
 * where it was meant to be. */
static int64_t meant_civil(const struct shift *h, int64_t key)
{
	int64_t civil = series_civil(h->s, key);
	int64_t usual = floor_div(civil, DAY_S) * DAY_S + h->usual;

	return series_key(h->s, usual) == key ? usual : civil;
}

/* Where a time of the series goes: an instant, or a day's midnight as if in UTC. */
static int64_t moved_key(const struct shift *h, int64_t key)
{
	int64_t civil = meant_civil(h, key);
	struct civil c;
	int64_t utc;

	if (h->to.all_day)
		return (floor_div(civil, DAY_S) + h->days) * DAY_S;
	civil += h->days * DAY_S + (h->s->all_day ? h->to.clock : h->clock);
	civil_from_s(civil, &c);
	zone_to_utc(h->to.zone, &c, &utc);
	return utc;
}

static void add_stamp(struct strbuf *out, const struct shift *h, int64_t key)
{
	struct civil c;

	civil_from_s(key, &c);
	strbuf_addf(out, "%04d%02d%02d", c.year, c.month, c.day);
	if (!h->to.all_day)
		strbuf_addf(out, "T%02d%02d%02dZ", c.hour, c.minute, c.second);
}

static void shift_dates(const struct shift *h, const struct series_line *line, struct strbuf *out)
{
	const char *at = line->value, *item;
	bool first = true;
	size_t len;

	strbuf_adds(out, line->kind == LINE_RDATE ? "RDATE" : "EXDATE");
	strbuf_adds(out, h->to.all_day ? ";VALUE=DATE:" : ":");
	while (date_item(&at, &item, &len)) {
		struct point p = series_date(h->s, line, item, len);

		strbuf_adds(out, first ? "" : ",");
		add_stamp(out, h, moved_key(h, p.key));
		if (p.length != h->s->length && !h->to.all_day && !h->s->all_day)
			strbuf_addf(out, "/PT%lldS", (long long)p.length);
		first = false;
	}
}

/* --- rules --------------------------------------------------------------------------------- */

static int cannot_follow(const struct series_line *line, const char *what, struct err *err)
{
	return err_set(
		err, ERR_INVALID,
		"the series cannot be moved like that: '%s' names its %s; give it a new rule, "
		"too (--rrule)",
		line->text, what);
}

static bool days_are_free(const struct rule *r)
{
	return !r->rscale && !r->month && !r->nth_any && !r->month_day.any && !r->year_day.any &&
	       !r->week_no.any && !r->set_pos.any;
}

/* Whether the rule's days go along when all its days move. */
static bool days_follow(const struct rule *r)
{
	if (!days_are_free(r))
		return false;
	return !r->weekday || r->freq == RULE_WEEKLY || r->freq == RULE_DAILY;
}

static bool names_clock(const struct rule *r)
{
	return r->hour || r->minute || r->second;
}

/* One time a day, which rule_close() then knows. False: several. */
static bool one_clock(const struct series *s, const struct rule *r, int64_t *out)
{
	struct rule closed = *r;

	rule_close(&closed, s->start, s->all_day);
	if (closed.freq > RULE_DAILY || __builtin_popcountll(closed.hour) != 1 ||
	    __builtin_popcountll(closed.minute) != 1 || __builtin_popcountll(closed.second) != 1)
		return false;
	*out = __builtin_ctzll(closed.hour) * 3600 + __builtin_ctzll(closed.minute) * 60 +
	       __builtin_ctzll(closed.second);
	return true;
}

static int check_rule(const struct shift *h, const struct series_line *line, struct err *err)
{
	const struct rule *r = line->rule;
	bool clock = h->clock || h->to.all_day != h->s->all_day;
	int64_t at;

	if (h->days && !days_follow(r))
		return cannot_follow(line, "days", err);
	if (h->to.all_day && r->freq > RULE_DAILY)
		return cannot_follow(line, "times", err);
	if (!clock || !names_clock(r))
		return 0;
	if (!one_clock(h->s, r, &at))
		return cannot_follow(line, "times", err);
	at += h->clock;
	if (!h->to.all_day && (at < 0 || at >= DAY_S))
		return cannot_follow(line, "times", err);
	return 0;
}

static const char *const weekdays[] = {"SU", "MO", "TU", "WE", "TH", "FR", "SA"};

static void add_weekdays(const struct shift *h, uint64_t mask, struct strbuf *out)
{
	bool first = true;

	strbuf_adds(out, "BYDAY=");
	for (int i = 0; i < 7; i++) {
		int64_t was = ((i - h->days) % 7 + 7) % 7;

		if (!(mask >> was & 1))
			continue;
		strbuf_addf(out, "%s%s", first ? "" : ",", weekdays[i]);
		first = false;
	}
}

static bool is_part(const char *part, const char *name)
{
	size_t n = strlen(name);

	return !strncasecmp(part, name, n) && part[n] == '=';
}

/* A start that a DST change moved is none of the rule's, and not counted;
 * moved on purpose it is. */
static bool start_joins(const struct shift *h, const struct rule *r)
{
	int64_t day = floor_div(h->s->start, DAY_S) * DAY_S;
	int64_t at;

	return h->clock && names_clock(r) && one_clock(h->s, r, &at) && day + at != h->s->start &&
	       series_key(h->s, day + at) == h->s->start_key;
}

/* One part of the rule as it is after the move; nothing when it goes. */
static void shift_part(const struct shift *h, const struct rule *r, const char *part, size_t len,
		       struct strbuf *out)
{
	bool clock = h->clock || h->to.all_day != h->s->all_day;

	if (is_part(part, "COUNT") && start_joins(h, r)) {
		strbuf_addf(out, "COUNT=%lld", (long long)r->count + 1);
	} else if (is_part(part, "UNTIL")) {
		strbuf_adds(out, "UNTIL=");
		add_stamp(out, h, moved_key(h, series_until(h->s, r)));
	} else if (is_part(part, "BYDAY") && h->days) {
		add_weekdays(h, r->weekday, out);
	} else if (is_part(part, "WKST") && h->days) {
		strbuf_addf(out, "WKST=%s", weekdays[((r->wkst + h->days) % 7 + 7) % 7]);
	} else if (clock && (is_part(part, "BYHOUR") || is_part(part, "BYMINUTE") ||
			     is_part(part, "BYSECOND"))) {
		return; /* add_clock() */
	} else {
		strbuf_add(out, part, len);
	}
}

/* Weeks are told from each other by the day that they begin with: it has to move, too. */
static bool needs_wkst(const struct shift *h, const struct rule *r)
{
	return h->days % 7 && r->freq == RULE_WEEKLY && r->interval > 1 && r->weekday;
}

static void add_clock(const struct shift *h, const struct rule *r, struct strbuf *out)
{
	int64_t at;

	if (!names_clock(r) || h->to.all_day || (!h->clock && !h->s->all_day) ||
	    !one_clock(h->s, r, &at))
		return;
	at += h->clock;
	strbuf_addf(out, ";BYHOUR=%lld;BYMINUTE=%lld;BYSECOND=%lld", (long long)(at / 3600),
		    (long long)(at / 60 % 60), (long long)(at % 60));
}

static int shift_rule(const struct shift *h, const struct series_line *line, struct strbuf *out,
		      struct err *err)
{
	const char *p = line->value;
	bool first = true, wkst = false;

	if (check_rule(h, line, err))
		return -1;
	strbuf_add(out, line->text, (size_t)(line->value - line->text));
	while (*p) {
		AUTO(strbuf_release) struct strbuf part = STRBUF_INIT;
		size_t len = strcspn(p, ";");

		wkst |= is_part(p, "WKST");
		if (len)
			shift_part(h, line->rule, p, len, &part);
		if (part.len) {
			strbuf_adds(out, first ? "" : ";");
			strbuf_add(out, part.buf, part.len);
			first = false;
		}
		p += len + (p[len] == ';');
	}
	if (!wkst && needs_wkst(h, line->rule))
		strbuf_addf(out, ";WKST=%s", weekdays[((line->rule->wkst + h->days) % 7 + 7) % 7]);
	add_clock(h, line->rule, out);
	return 0;
}

/* --- all lines ----------------------------------------------------------------------------- */

/* A start that a DST change moved was meant to be at the time that the rule says. */
static void find_meant(const struct series *s, struct place *from)
{
	int64_t at;

	for (size_t i = 0; i < s->count && !s->all_day; i++) {
		const struct rule *r = s->lines[i].rule;

		if (s->lines[i].kind == LINE_RRULE && names_clock(r) && one_clock(s, r, &at) &&
		    series_key(s, from->day * DAY_S + at) == s->start_key)
			from->clock = at;
	}
}

static int read_shift(const struct series *s, const struct json_object *was,
		      const struct json_object *now, const char *zone, struct shift *out,
		      struct err *err)
{
	struct place from;

	out->s = s;
	if (read_place(was, zone, &from, err) || read_place(now, zone, &out->to, err))
		return -1;
	out->days = out->to.day - from.day;
	out->clock = 0;
	out->usual = from.clock;
	if (json_equal(json_get(was, "start"), json_get(now, "start")))
		return 0;
	find_meant(s, &from);
	out->usual = from.clock;
	out->clock = from.all_day || out->to.all_day ? 0 : out->to.clock - from.clock;
	return 0;
}

/* The same days, the same time of day, in the same zone. */
static bool stays(const struct shift *h)
{
	return !h->days && !h->clock && h->to.all_day == h->s->all_day &&
	       (h->to.all_day || !strcmp(h->to.zone, h->s->zone));
}

int recur_shift(const struct json_object *was, const struct json_object *now, const char *zone,
		struct json_object **out_recurrence, struct err *err)
{
	AUTO(json_object_put) struct json_object *lines = json_object_new_array();
	AUTO(series_release) struct series s = {0};
	struct shift h;

	if (series_read(was, zone, &s, err) || read_shift(&s, was, now, zone, &h, err))
		return -1;
	for (size_t i = 0; i < s.count; i++) {
		const struct series_line *line = &s.lines[i];
		AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

		if (stays(&h))
			strbuf_adds(&text, line->text);
		else if (line->kind == LINE_RDATE || line->kind == LINE_EXDATE)
			shift_dates(&h, line, &text);
		else if (shift_rule(&h, line, &text, err))
			return -1;
		json_object_array_add(lines, json_object_new_string(text.buf));
	}
	*out_recurrence = TAKE(lines);
	return 0;
}

int recur_shift_start(const struct json_object *was, const struct json_object *now,
		      const char *zone, int64_t start_utc, int64_t *out_utc, struct err *err)
{
	AUTO(series_release) struct series s = {0};
	struct civil c;
	struct shift h;
	int64_t key;

	if (series_read(was, zone, &s, err) || read_shift(&s, was, now, zone, &h, err))
		return -1;
	if (stays(&h)) {
		*out_utc = start_utc;
		return 0;
	}
	key = moved_key(&h, series_key_of_utc(&s, start_utc));
	if (!h.to.all_day) {
		*out_utc = key;
		return 0;
	}
	civil_from_s(key, &c);
	zone_to_utc(zone, &c, out_utc);
	return 0;
}
