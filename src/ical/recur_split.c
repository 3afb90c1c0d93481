/* A series cut in two: what stays of its lines, and what the lines of the rest are. */
#include <string.h>
#include <strings.h>

#include "base/strbuf.h"
#include "base/xalloc.h"
#include "ical/recur.h"
#include "ical/rscale.h"
#include "ical/series.h"
#include "base/banned.h"

static void add_line(struct json_object *lines, const char *text)
{
	json_object_array_add(lines, json_object_new_string(text));
}

/* yyyymmddThhmmssZ of an instant, yyyymmdd of a date. */
static void add_stamp(struct strbuf *out, const struct series *s, int64_t key)
{
	struct civil c;

	civil_from_s(key, &c);
	strbuf_addf(out, "%04d%02d%02d", c.year, c.month, c.day);
	if (!s->all_day)
		strbuf_addf(out, "T%02d%02d%02dZ", c.hour, c.minute, c.second);
}

/* --- dates -------------------------------------------------------------------------------- */

static bool is_date(const char *item, size_t len)
{
	struct stamp stamp;

	return stamp_parse(item, len, &stamp) && stamp.kind == STAMP_DATE;
}

/*
 * A date in a timed series stands for the start's time of day, which the rest of the series may not
 * have: as an instant it stays what it is.
 */
static void add_item(struct strbuf *out, const struct series *s, const struct point *p,
		     const char *item, size_t len, bool as_utc)
{
	if (!as_utc) {
		strbuf_add(out, item, len);
		return;
	}
	add_stamp(out, s, p->key);
	if (p->length != s->length)
		strbuf_addf(out, "/PT%lldS", (long long)p->length);
}

/* The line with those of its dates whose key is in [from, to); nothing when there is none. */
static void keep_dates(struct json_object *lines, const struct series *s,
		       const struct series_line *line, int64_t from, int64_t to)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *at = line->value, *item;
	bool as_utc = false;
	size_t kept = 0, len;

	while (date_item(&at, &item, &len))
		as_utc |= !s->all_day && is_date(item, len);
	if (as_utc)
		strbuf_adds(&text, line->kind == LINE_RDATE ? "RDATE:" : "EXDATE:");
	else
		strbuf_add(&text, line->text, (size_t)(line->value - line->text));
	at = line->value;
	while (date_item(&at, &item, &len)) {
		struct point p = series_date(s, line, item, len);

		if (p.key < from || p.key >= to)
			continue;
		if (kept++)
			strbuf_addc(&text, ',');
		add_item(&text, s, &p, item, len, as_utc);
	}
	if (kept)
		add_line(lines, text.buf);
}

/* --- rules -------------------------------------------------------------------------------- */

/* The rule's line without the parts that end it; ends without a semicolon. */
static void add_endless(struct strbuf *out, const struct series_line *line)
{
	const char *p = line->value;
	bool first = true;

	strbuf_add(out, line->text, (size_t)(line->value - line->text));
	while (*p) {
		size_t len = strcspn(p, ";");

		if (len && strncasecmp(p, "COUNT=", 6) != 0 && strncasecmp(p, "UNTIL=", 6) != 0) {
			strbuf_adds(out, first ? "" : ";");
			strbuf_add(out, p, len);
			first = false;
		}
		p += len + (p[len] == ';');
	}
}

/* A rule of the old series: what it gives after `last` is cut off. */
static int trim_rule(struct json_object *lines, const struct series *s,
		     const struct series_line *line, int64_t split, int64_t last, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct rule *r = line->rule;
	int64_t keys, civils;

	if (s->start_key >= split) /* an RDATE before the start is what stays */
		return 0;
	if (r->has_until && series_until(s, r) <= last) {
		add_line(lines, line->text);
		return 0;
	}
	if (r->count >= 0) {
		if (series_count_before(s, line, split, &keys, &civils, err))
			return -1;
		if (keys >= r->count) { /* all of it is before the split */
			add_line(lines, line->text);
			return 0;
		}
	}
	add_endless(&text, line);
	strbuf_adds(&text, ";UNTIL=");
	add_stamp(&text, s, last);
	add_line(lines, text.buf);
	return 0;
}

int recur_trim(const struct json_object *master, const char *zone, int64_t split_utc,
	       struct json_object **out_recurrence, struct err *err)
{
	AUTO(json_object_put) struct json_object *lines = json_object_new_array();
	AUTO(series_release) struct series s = {0};
	int64_t split, last = 0;
	bool found;

	if (series_read(master, zone, &s, err))
		return -1;
	split = series_key_of_utc(&s, split_utc);
	if (series_last_before(&s, split, &found, &last, err))
		return -1;
	if (!found)
		return err_set(err, ERR_INVALID, "no occurrence of the series is before that time");
	for (size_t i = 0; i < s.count; i++) {
		const struct series_line *line = &s.lines[i];

		if (line->kind == LINE_RDATE || line->kind == LINE_EXDATE)
			keep_dates(lines, &s, line, INT64_MIN, split);
		else if (line->kind == LINE_EXRULE)
			add_line(lines, line->text);
		else if (trim_rule(lines, &s, line, split, last, err))
			return -1;
	}
	if (s.start_key >= split) {
		AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

		strbuf_adds(&text, s.all_day ? "EXDATE;VALUE=DATE:" : "EXDATE:");
		add_stamp(&text, &s, s.start_key);
		add_line(lines, text.buf);
	}
	*out_recurrence = TAKE(lines);
	return 0;
}

/* --- the rest ----------------------------------------------------------------------------- */

static void add_numbers(struct strbuf *out, const char *name, uint64_t mask)
{
	bool first = true;

	strbuf_addf(out, ";%s=", name);
	for (int i = 0; i < 64; i++) {
		if (mask >> i & 1) {
			strbuf_addf(out, first ? "%d" : ",%d", i);
			first = false;
		}
	}
}

/* rule_close() takes one weekday, one month, one day of the month. */
static void add_days(struct strbuf *out, const struct rule *open, const struct rule *closed)
{
	static const char *const names[] = {"SU", "MO", "TU", "WE", "TH", "FR", "SA"};

	if (!open->month && closed->month)
		add_numbers(out, "BYMONTH", closed->month);
	if (!open->month_day.any && closed->month_day.any)
		add_numbers(out, "BYMONTHDAY", closed->month_day.up[0] << 1);
	if (!open->weekday && !open->nth_any && closed->weekday)
		strbuf_addf(out, ";BYDAY=%s", names[__builtin_ctzll(closed->weekday)]);
}

/* What the rule takes from the old start and would not find at the new one. */
static void add_closed(struct strbuf *out, const struct series *s, const struct rule *r,
		       int64_t start)
{
	struct rule was = *r, is = *r;

	rule_close(&was, s->start, s->all_day);
	rule_close(&is, start, s->all_day);
	/* What rule_close() adds to the days of the month is one of 1..31. */
	if (was.month != is.month || was.weekday != is.weekday ||
	    was.month_day.up[0] != is.month_day.up[0])
		add_days(out, r, &was);
	if (was.hour != is.hour)
		add_numbers(out, "BYHOUR", was.hour);
	if (was.minute != is.minute)
		add_numbers(out, "BYMINUTE", was.minute);
	if (was.second != is.second)
		add_numbers(out, "BYSECOND", was.second);
}

/* How many of its results a rule of another calendar must share with its continuation. */
#define RSCALE_PROBE 24

/* Such a rule cannot be looked into: both are run. */
static int rscale_in_step(const struct series *s, const struct series_line *line, int64_t start,
			  bool *out, struct err *err)
{
	AUTO(rscale_walk_release) struct rscale_walk was = {0};
	AUTO(rscale_walk_release) struct rscale_walk is = {0};
	struct rule endless = *line->rule;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *value;
	int64_t a = 0, b = 0;

	endless.count = -1;
	add_endless(&text, line);
	value = text.buf + (line->value - line->text);
	if (rscale_walk_init(&was, &endless, value, s->start, s->all_day, start, RECUR_FUTURE,
			     err) ||
	    rscale_walk_init(&is, &endless, value, start, s->all_day, start, RECUR_FUTURE, err))
		return -1;
	*out = true;
	for (int i = 0; i < RSCALE_PROBE && *out; i++) {
		int first = rscale_walk_next(&was, &a, err);
		int second = rscale_walk_next(&is, &b, err);

		if (first < 0 || second < 0)
			return -1;
		if (!first && !second)
			break;
		*out = first == second && a == b;
	}
	return 0;
}

static int in_step(const struct series *s, const struct series_line *line, int64_t start, bool *out,
		   struct err *err)
{
	struct rule closed = *line->rule;

	if (closed.rscale)
		return rscale_in_step(s, line, start, out, err);
	rule_close(&closed, s->start, s->all_day);
	*out = rule_in_step(&closed, s->start, start);
	return 0;
}

static int rest_rule(struct json_object *lines, const struct series *s,
		     const struct series_line *line, int64_t split, struct err *err)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const struct rule *r = line->rule;
	int64_t start = series_civil(s, split);
	int64_t keys, civils = 0;
	bool ok;

	if (r->has_until && series_until(s, r) < split)
		return 0;
	if (r->count >= 0 && series_count_before(s, line, split, &keys, &civils, err))
		return -1;
	if (r->count >= 0 && civils >= r->count)
		return 0;
	if (in_step(s, line, start, &ok, err))
		return -1;
	if (!ok)
		return err_set(err, ERR_INVALID,
			       "the series cannot be cut there: '%s' could not go on from that"
			       " occurrence",
			       line->text);
	add_endless(&text, line);
	if (!r->rscale)
		add_closed(&text, s, r, start);
	if (r->count >= 0)
		strbuf_addf(&text, ";COUNT=%lld", (long long)(r->count - civils));
	if (r->has_until) {
		strbuf_adds(&text, ";UNTIL=");
		add_stamp(&text, s, series_until(s, r));
	}
	add_line(lines, text.buf);
	return 0;
}

int recur_rest(const struct json_object *master, const char *zone, int64_t split_utc,
	       struct json_object **out_recurrence, struct err *err)
{
	AUTO(json_object_put) struct json_object *lines = json_object_new_array();
	AUTO(series_release) struct series s = {0};
	int64_t split;
	bool has;

	if (series_read(master, zone, &s, err) || series_has(&s, split_utc, &has, err))
		return -1;
	if (!has)
		return err_set(err, ERR_INVALID, "no occurrence of the series starts at that time");
	split = series_key_of_utc(&s, split_utc);
	for (size_t i = 0; i < s.count; i++) {
		const struct series_line *line = &s.lines[i];

		if (line->kind == LINE_RDATE || line->kind == LINE_EXDATE)
			keep_dates(lines, &s, line, split + 1, INT64_MAX);
		else if (rest_rule(lines, &s, line, split, err))
			return -1;
	}
	*out_recurrence = TAKE(lines);
	return 0;
}
