#include "ical/rule.h"

#include <string.h>
#include <strings.h>

#include "base/xalloc.h"
#include "base/banned.h"

/* --- stamps ------------------------------------------------------------------------------- */

static bool digits(const char *s, size_t n, int *out)
{
	*out = 0;
	for (size_t i = 0; i < n; i++) {
		if (s[i] < '0' || s[i] > '9')
			return false;
		*out = *out * 10 + (s[i] - '0');
	}
	return true;
}

bool stamp_parse(const char *s, size_t len, struct stamp *out)
{
	struct civil c = {0};

	if ((len != 8 && len != 15 && len != 16) || !digits(s, 4, &c.year) ||
	    !digits(s + 4, 2, &c.month) || !digits(s + 6, 2, &c.day))
		return false;
	if (c.year < 1 || c.month < 1 || c.month > 12 || c.day < 1 ||
	    c.day > days_in_month(c.year, c.month))
		return false;
	if (len > 8 &&
	    (s[8] != 'T' || !digits(s + 9, 2, &c.hour) || !digits(s + 11, 2, &c.minute) ||
	     !digits(s + 13, 2, &c.second) || (len == 16 && s[15] != 'Z')))
		return false;
	if (c.hour > 23 || c.minute > 59 || c.second > 60)
		return false;
	if (c.second == 60)
		c.second = 59;
	out->kind = len == 8 ? STAMP_DATE : len == 15 ? STAMP_LOCAL : STAMP_UTC;
	out->s = civil_to_s(&c);
	return true;
}

/* --- values ------------------------------------------------------------------------------- */

static void set_add(struct rule_set *set, long n)
{
	uint64_t *words = n > 0 ? set->up : set->down;
	unsigned long bit = (unsigned long)(n > 0 ? n : -n) - 1;

	words[bit / 64] |= UINT64_C(1) << bit % 64;
	set->any = true;
}

/* [+-]digits of exactly len bytes, at most six of them. */
static bool number(const char *s, size_t len, long *out)
{
	bool minus = len && *s == '-';
	int n;

	if (len && (*s == '-' || *s == '+')) {
		s++;
		len--;
	}
	if (!len || len > 6 || !digits(s, len, &n))
		return false;
	*out = minus ? -n : n;
	return true;
}

/* A positive number of any length; what is beyond all calendars is cut to 2^31 - 1. */
static bool big_number(const char *s, int64_t *out)
{
	int64_t n = 0;

	if (!*s)
		return false;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return false;
		n = n * 10 + (*s - '0');
		if (n > INT32_MAX)
			n = INT32_MAX;
	}
	*out = n;
	return n > 0;
}

static int word_index(const char *s, size_t len, const char *const *words, int count)
{
	for (int i = 0; i < count; i++)
		if (strlen(words[i]) == len && !strncasecmp(words[i], s, len))
			return i;
	return -1;
}

static int weekday_index(const char *s, size_t len)
{
	static const char *const names[] = {"SU", "MO", "TU", "WE", "TH", "FR", "SA"};

	return word_index(s, len, names, ARRAY_SIZE(names));
}

/* One item of each list. */

static bool weekday_item(const char *s, size_t len, struct rule *r)
{
	int day = len < 2 ? -1 : weekday_index(s + len - 2, 2);
	long n;

	if (day < 0)
		return false;
	if (len == 2) {
		r->weekday |= UINT64_C(1) << day;
		return true;
	}
	if (!number(s, len - 2, &n) || !n || n < -53 || n > 53)
		return false;
	set_add(&r->nth[day], n);
	r->nth_any = true;
	return true;
}

struct number_part {
	const char *name;
	long low, high;
	size_t mask; /* offset of a uint64_t, or of a struct rule_set when it is signed */
	bool is_signed;
};

static bool number_item(const char *s, size_t len, const struct number_part *part, struct rule *r)
{
	void *at = (char *)r + part->mask;
	long n;

	if (!number(s, len, &n))
		return false;
	if (part->is_signed) {
		if (!n || n < -part->high || n > part->high)
			return false;
		set_add(at, n);
		return true;
	}
	if (*s == '-' || n < part->low || n > part->high)
		return false;
	if (n == 60) /* a leap second counts as the one before it, as in base/time.h */
		n = 59;
	*(uint64_t *)at |= UINT64_C(1) << n;
	return true;
}

static bool list_part(const char *value, const struct number_part *part, struct rule *r)
{
	for (;;) {
		size_t len = strcspn(value, ",");

		if (part ? !number_item(value, len, part, r) : !weekday_item(value, len, r))
			return false;
		if (!value[len])
			return true;
		value += len + 1;
	}
}

/* --- the rule ----------------------------------------------------------------------------- */

enum part {
	PART_FREQ,
	PART_INTERVAL,
	PART_COUNT,
	PART_UNTIL,
	PART_WKST,
	PART_BYDAY,
	PART_RSCALE,
	PART_SKIP,
	PART_BYMONTH, /* from here on as in number_parts */
	PART_BYHOUR,
	PART_BYMINUTE,
	PART_BYSECOND,
	PART_BYMONTHDAY,
	PART_BYYEARDAY,
	PART_BYWEEKNO,
	PART_BYSETPOS,
	PART_NUMBERS = PART_BYMONTH,
};

static const char *const part_names[] = {"FREQ", "INTERVAL", "COUNT",  "UNTIL",
					 "WKST", "BYDAY",    "RSCALE", "SKIP"};

static const struct number_part number_parts[] = {
	{"BYMONTH", 1, 12, offsetof(struct rule, month), false},
	{"BYHOUR", 0, 23, offsetof(struct rule, hour), false},
	{"BYMINUTE", 0, 59, offsetof(struct rule, minute), false},
	{"BYSECOND", 0, 60, offsetof(struct rule, second), false},
	{"BYMONTHDAY", 1, 31, offsetof(struct rule, month_day), true},
	{"BYYEARDAY", 1, 366, offsetof(struct rule, year_day), true},
	{"BYWEEKNO", 1, 53, offsetof(struct rule, week_no), true},
	{"BYSETPOS", 1, 366, offsetof(struct rule, set_pos), true},
};

/* -1: no part of a rule that is known here */
static int part_index(const char *name)
{
	int i = word_index(name, strlen(name), part_names, ARRAY_SIZE(part_names));

	for (size_t n = 0; i < 0 && n < ARRAY_SIZE(number_parts); n++)
		if (!strcasecmp(name, number_parts[n].name))
			i = PART_NUMBERS + (int)n;
	return i;
}

/* Numbers of months of another calendar, an L behind those of leap months. */
static bool rscale_months(const char *value, struct rule *r)
{
	for (;;) {
		size_t len = strcspn(value, ",");
		size_t digits = len - (len && strchr("lL", value[len - 1]));
		long n;

		if (!number(value, digits, &n) || n < 1 || n > 13)
			return false;
		if (digits < len && r->leap_month <= n)
			r->leap_month = (int)n;
		if (!value[len])
			return true;
		value += len + 1;
	}
}

static bool part_parse(int part, const char *value, struct rule *r)
{
	static const char *const freqs[] = {"YEARLY", "MONTHLY",  "WEEKLY",  "DAILY",
					    "HOURLY", "MINUTELY", "SECONDLY"};
	int word;

	switch (part) {
	case PART_FREQ:
		word = word_index(value, strlen(value), freqs, ARRAY_SIZE(freqs));
		r->freq = word < 0 ? RULE_YEARLY : (enum rule_freq)word;
		return word >= 0;
	case PART_INTERVAL:
		return big_number(value, &r->interval);
	case PART_COUNT:
		return big_number(value, &r->count);
	case PART_UNTIL:
		r->has_until = stamp_parse(value, strlen(value), &r->until);
		return r->has_until;
	case PART_WKST:
		r->wkst = weekday_index(value, strlen(value));
		return r->wkst >= 0;
	case PART_BYDAY:
		return list_part(value, NULL, r);
	case PART_RSCALE:
	case PART_SKIP:
		return *value;
	case PART_BYMONTH:
		if (r->rscale)
			return rscale_months(value, r);
		return list_part(value, &number_parts[0], r);
	default:
		return list_part(value, &number_parts[part - PART_NUMBERS], r);
	}
}

/*
 * What libical and ICU are trusted with. Others they run wrongly (INTERVAL, months by BYMONTH), or
 * for minutes (the leap months of the Chinese calendar).
 */
static int rscale_check(const char *value, const struct rule *r, unsigned seen, struct err *err)
{
	bool gregorian = strcasestr(value, "RSCALE=GREGORIAN");
	unsigned fine = 1U << PART_FREQ | 1U << PART_INTERVAL | 1U << PART_COUNT |
			1U << PART_UNTIL | 1U << PART_WKST | 1U << PART_RSCALE | 1U << PART_SKIP |
			1U << PART_BYMONTHDAY;

	if (!(seen & 1U << PART_RSCALE))
		return seen & 1U << PART_SKIP
			       ? err_set(err, ERR_INVALID, "rule '%s': SKIP without RSCALE", value)
			       : 0;
	if (r->freq == RULE_YEARLY)
		fine |= 1U << PART_BYMONTH;
	if (gregorian)
		fine |= 1U << PART_BYYEARDAY;
	if (r->freq > RULE_MONTHLY || seen & ~fine ||
	    (r->leap_month && (r->leap_month != 5 || !strcasestr(value, "RSCALE=HEBREW"))) ||
	    strlen(value) > RULE_MAX_RSCALE_LENGTH ||
	    r->interval > (gregorian ? RULE_MAX_RSCALE_INTERVAL : 1))
		return err_set(err, ERR_INVALID, "rule '%s': not supported with RSCALE", value);
	return 0;
}

int rule_parse(const char *value, struct rule *out, struct err *err)
{
	AUTO(free) char *copy = xstrdup(value);
	struct rule r = {.interval = 1, .count = -1, .wkst = 1};
	unsigned seen = 0;
	char *at = copy;
	char *name;

	r.rscale = strcasestr(value, "RSCALE=");
	while ((name = strsep(&at, ";"))) {
		char *part_value = strchr(name, '=');
		int part;

		if (!*name) /* a trailing semicolon, as Google has been seen to write it */
			continue;
		if (part_value)
			*part_value++ = '\0';
		part = part_index(name);
		if (part < 0)
			return err_set(err, ERR_INVALID, "rule '%s': '%s' is not supported", value,
				       name);
		if (seen & 1U << part)
			return err_set(err, ERR_INVALID, "rule '%s': two of '%s'", value, name);
		seen |= 1U << part;
		if (!part_value || !part_parse(part, part_value, &r))
			return err_set(err, ERR_INVALID, "rule '%s': '%s' has no valid value",
				       value, name);
	}
	if (!(seen & 1U << PART_FREQ))
		return err_set(err, ERR_INVALID, "rule '%s' has no FREQ", value);
	if (rscale_check(value, &r, seen, err))
		return -1;
	*out = r;
	return 0;
}
