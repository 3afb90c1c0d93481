#include "base/when.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"

#include "base/banned.h"

#define TEXT_MAX  128
#define WORDS_MAX 4

#define TIME_FORMS                                                                \
	"2026-01-15, '2026-01-15 10:00', 2026-01-15T10:00:00+01:00, now, today, " \
	"tomorrow, 'friday 14:00', 14:00, 2pm, +2h, +3d"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* min..max digits at *s, which moves on; -1 when they are not there. */
static int read_digits(const char **s, int min, int max)
{
	int value = 0, n = 0;

	for (; n < max && is_digit(**s); n++, (*s)++)
		value = value * 10 + (**s - '0');
	return n < min ? -1 : value;
}

/* --- instants ----------------------------------------------------------------------------- */

/* Whether a time zone can still move it without leaving the years 0001..9999. */
static bool in_range(int64_t s)
{
	return s >= days_from_civil(1, 1, 2) * DAY_S && s < days_from_civil(9999, 12, 31) * DAY_S;
}

static void set_instant(struct when *w, const char *zone, int64_t utc, enum zone_fit fit)
{
	memset(w, 0, sizeof(*w));
	w->utc = utc;
	w->fit = fit;
	zone_civil(zone, utc, &w->civil);
	snprintf(w->zone, sizeof(w->zone), "%s", zone);
}

static void set_civil(struct when *w, const char *zone, const struct civil *c)
{
	int64_t utc;
	enum zone_fit fit = zone_to_utc(zone, c, &utc);

	set_instant(w, zone, utc, fit);
}

static void set_day(struct when *w, const char *zone, const struct civil *day)
{
	struct civil midnight = {.year = day->year, .month = day->month, .day = day->day};

	set_civil(w, zone, &midnight);
	w->is_day = true;
	w->civil = midnight;
	w->fit = ZONE_EXACT; /* a day that starts after a gap is still that day */
}

int when_add(int64_t utc, const struct duration *d, const char *zone, struct when *out,
	     struct err *err)
{
	enum zone_fit fit = ZONE_EXACT;
	int64_t sum = utc + duration_seconds(d);

	if (!in_range(sum))
		return err_set(err, ERR_INVALID, "that is outside of the years 1 to 9999");
	if (d->days) {
		struct civil c;

		zone_civil(zone, utc, &c);
		civil_from_s(civil_to_s(&c) + d->days * DAY_S, &c);
		fit = zone_to_utc(zone, &c, &utc);
	}
	set_instant(out, zone, utc + d->seconds, d->seconds ? ZONE_EXACT : fit);
	return 0;
}

/* --- phrases ------------------------------------------------------------------------------ */

enum day_kind { DAY_NONE, DAY_DATE, DAY_RELATIVE, DAY_WEEKDAY };

struct phrase {
	enum day_kind day_kind;
	struct civil date; /* DAY_DATE */
	int day;           /* DAY_RELATIVE: days from today; DAY_WEEKDAY: 0 = Sunday */
	bool has_time;
	int hour, minute, second;
	bool has_offset; /* only behind a DAY_DATE */
	int offset_s;
};

/* Words in lower case, a date's T taken as a space; -1: too many. text is below TEXT_MAX bytes. */
static int split_words(const char *text, char buf[TEXT_MAX], char *words[WORDS_MAX])
{
	size_t len = strlen(text);
	char *save = NULL;
	int n = 0;

	for (size_t i = 0; i <= len; i++)
		buf[i] = (char)tolower((unsigned char)text[i]);
	for (size_t i = 1; i + 1 < len; i++)
		if (buf[i] == 't' && is_digit(buf[i - 1]) && is_digit(buf[i + 1]))
			buf[i] = ' ';
	for (char *w = strtok_r(buf, " \t", &save); w; w = strtok_r(NULL, " \t", &save)) {
		if (n == WORDS_MAX)
			return -1;
		words[n++] = w;
	}
	return n;
}

/* 1: a date; 0: not of that shape; -1: of that shape, but no such day. */
static int read_date(const char *s, struct civil *out)
{
	struct civil c = {0};

	c.year = read_digits(&s, 4, 4);
	if (c.year < 0 || *s++ != '-')
		return 0;
	c.month = read_digits(&s, 1, 2);
	if (c.month < 0 || *s++ != '-')
		return 0;
	c.day = read_digits(&s, 1, 2);
	if (c.day < 0 || *s)
		return 0;
	if (c.year < 1 || c.month < 1 || c.month > 12 || c.day < 1 ||
	    c.day > days_in_month(c.year, c.month))
		return -1;
	*out = c;
	return 1;
}

static bool read_day_name(const char *s, struct phrase *p)
{
	static const char *const relative[] = {"yesterday", "today", "tomorrow"};
	static const char *const weekdays[] = {"sunday",   "monday", "tuesday", "wednesday",
					       "thursday", "friday", "saturday"};

	for (int i = 0; i < 3; i++) {
		if (strcmp(s, relative[i]))
			continue;
		p->day_kind = DAY_RELATIVE;
		p->day = i - 1;
		return true;
	}
	for (int i = 0; i < 7; i++) {
		if (strcmp(s, weekdays[i]) && (strlen(s) != 3 || strncmp(s, weekdays[i], 3)))
			continue;
		p->day_kind = DAY_WEEKDAY;
		p->day = i;
		return true;
	}
	return false;
}

/* z, +02:00, +0200, -05 to the end of the word. */
static bool read_offset(const char *s, struct phrase *p)
{
	int sign, hours, minutes = 0;

	p->has_offset = true;
	if (!strcmp(s, "z"))
		return true;
	if (*s != '+' && *s != '-')
		return false;
	sign = *s++ == '-' ? -1 : 1;
	hours = read_digits(&s, 2, 2);
	if (*s == ':')
		s++;
	if (*s)
		minutes = read_digits(&s, 2, 2);
	if (*s || hours < 0 || hours > 23 || minutes < 0 || minutes > 59)
		return false;
	p->offset_s = sign * (hours * 3600 + minutes * 60);
	return true;
}

/* am or pm in the word itself or, when *used says so then, as the next one. */
static bool read_half(const char *s, const char *next, struct phrase *p, int *used)
{
	if (!*s && next) {
		s = next;
		*used = 2;
	}
	if ((strcmp(s, "am") && strcmp(s, "pm")) || p->hour < 1 || p->hour > 12)
		return false;
	p->hour = p->hour % 12 + (*s == 'p' ? 12 : 0);
	return true;
}

/* hh:mm[:ss[.fraction]][offset], or on a twelve-hour clock. Returns the words used, 0 = no time. */
static int read_time(const char *s, const char *next, struct phrase *p)
{
	bool minutes = false;
	int used = 1;

	p->hour = read_digits(&s, 1, 2);
	if (p->hour < 0 || p->hour > 23)
		return 0;
	if (*s == ':') {
		minutes = true;
		s++;
		p->minute = read_digits(&s, 2, 2);
		if (*s == ':') {
			s++;
			p->second = read_digits(&s, 2, 2);
			if (*s == '.' && is_digit(s[1]))
				s += 1 + strspn(s + 1, "0123456789");
		}
	}
	if (p->minute < 0 || p->minute > 59 || p->second < 0 || p->second > 60)
		return 0;
	if (p->second == 60)
		p->second = 59;
	p->has_time = true;
	if (*s == 'a' || *s == 'p' || (!*s && next && (!strcmp(next, "am") || !strcmp(next, "pm"))))
		return read_half(s, next, p, &used) ? used : 0;
	if (!minutes)
		return 0;
	if (*s && !read_offset(s, p))
		return 0;
	return used;
}

/* 1: understood; 0: not; -1: names a day that does not exist. */
static int read_phrase(char *const *words, int n, struct phrase *p)
{
	for (int i = 0; i < n;) {
		int used = p->day_kind == DAY_NONE ? read_date(words[i], &p->date) : 0;

		if (used < 0)
			return -1;
		if (used) {
			p->day_kind = DAY_DATE;
		} else if (p->day_kind == DAY_NONE && read_day_name(words[i], p)) {
			used = 1;
		} else if (i > 0 && i + 1 < n && !strcmp(words[i], "at") && !p->has_time) {
			used = 1;
		} else if (!p->has_time) {
			used = read_time(words[i], i + 1 < n ? words[i + 1] : NULL, p);
			/* An offset says what a date and a time of day mean, nothing else. */
			if (p->has_offset && p->day_kind != DAY_DATE)
				used = 0;
		}
		if (!used)
			return 0;
		i += used;
	}
	return p->day_kind != DAY_NONE || p->has_time;
}

static void phrase_day(const struct phrase *p, const char *zone, int64_t now_utc, int64_t extra,
		       struct civil *out)
{
	struct civil today;
	int64_t days;
	int ahead;

	if (p->day_kind == DAY_DATE) {
		*out = p->date;
		return;
	}
	zone_civil(zone, now_utc, &today);
	days = days_from_civil(today.year, today.month, today.day);
	ahead = p->day_kind == DAY_WEEKDAY ? (p->day + 7 - civil_weekday(&today)) % 7 : p->day;
	civil_from_days(days + ahead + extra, out);
}

static void phrase_when(const struct phrase *p, const char *zone, int64_t now_utc, int64_t extra,
			struct when *out)
{
	struct civil c;

	phrase_day(p, zone, now_utc, extra, &c);
	if (!p->has_time) {
		set_day(out, zone, &c);
		return;
	}
	c.hour = p->hour;
	c.minute = p->minute;
	c.second = p->second;
	if (p->has_offset)
		set_instant(out, zone, civil_to_s(&c) - p->offset_s, ZONE_EXACT);
	else
		set_civil(out, zone, &c);
}

/* A weekday is the next one: today only with a time that is still to come. */
static void resolve(const struct phrase *p, const char *zone, int64_t now_utc, struct when *out)
{
	struct civil today;

	phrase_when(p, zone, now_utc, 0, out);
	zone_civil(zone, now_utc, &today);
	if (p->day_kind == DAY_WEEKDAY && p->day == civil_weekday(&today) &&
	    (!p->has_time || out->utc <= now_utc))
		phrase_when(p, zone, now_utc, 7, out);
}

static int parse_from_now(const char *text, const char *zone, int64_t now_utc, struct when *out,
			  struct err *err)
{
	struct err unused;
	struct duration d;

	if (duration_parse(text, &d, &unused))
		return err_set(err, ERR_INVALID,
			       "'%s' is not a time from now; use one like +2h, -45m, +3d, +1d12h",
			       text);
	return when_add(now_utc, &d, zone, out, err);
}

int when_parse(const char *text, const char *zone, int64_t now_utc, struct when *out,
	       struct err *err)
{
	char buf[TEXT_MAX];
	char *words[WORDS_MAX];
	struct phrase p = {0};
	struct when w;
	int n, ok;

	if (strlen(text) >= TEXT_MAX)
		return err_set(err, ERR_INVALID,
			       "that is too long for a time; use one like " TIME_FORMS);
	n = split_words(text, buf, words);
	if (n == 1 && !strcmp(words[0], "now")) {
		set_instant(out, zone, now_utc, ZONE_EXACT);
		return 0;
	}
	if (n > 0 && (*words[0] == '+' || *words[0] == '-'))
		return parse_from_now(text, zone, now_utc, out, err);
	ok = n > 0 ? read_phrase(words, n, &p) : 0;
	if (ok < 0)
		return err_set(err, ERR_INVALID, "'%s': there is no such day", text);
	if (!ok)
		return err_set(err, ERR_INVALID, "'%s' is not a time; use one like " TIME_FORMS,
			       text);
	resolve(&p, zone, now_utc, &w);
	if (!in_range(w.utc))
		return err_set(err, ERR_INVALID, "'%s' is outside of the years 1 to 9999", text);
	*out = w;
	out->clock_only = p.day_kind == DAY_NONE;
	return 0;
}
