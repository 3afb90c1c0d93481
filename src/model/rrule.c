#include "model/rrule.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/cleanup.h"
#include "base/xalloc.h"
#include "base/banned.h"

/* A decimal number with an optional sign in low..high (by absolute value; 0 only when low is 0). */
static bool number(const char *s, size_t n, bool sign, long low, long high)
{
	long value = 0;

	if (n && sign && (*s == '+' || *s == '-')) {
		s++;
		n--;
	}
	if (!n || n > 6)
		return false;
	for (; n; s++, n--) {
		if (*s < '0' || *s > '9')
			return false;
		value = value * 10 + (*s - '0');
	}
	return value >= low && value <= high;
}

static bool one_of(const char *s, size_t n, const char *const *words)
{
	for (; *words; words++)
		if (strlen(*words) == n && !strncasecmp(s, *words, n))
			return true;
	return false;
}

static const char *const weekdays[] = {"SU", "MO", "TU", "WE", "TH", "FR", "SA", NULL};

/* [+-]53MO */
static bool weekday_num(const char *s, size_t n)
{
	if (n < 2 || !one_of(s + n - 2, 2, weekdays))
		return false;
	return n == 2 || number(s, n - 2, true, 1, 53);
}

/* 20260131, 20260131T100000, 20260131T100000Z */
static bool date_or_time(const char *s, size_t n)
{
	static const char shape[] = "ddddddddTddddddZ";

	if (n != 8 && n != 15 && n != 16)
		return false;
	for (size_t i = 0; i < n; i++) {
		bool digit = s[i] >= '0' && s[i] <= '9';

		if (shape[i] == 'd' ? !digit : s[i] != shape[i])
			return false;
	}
	return number(s + 4, 2, false, 1, 12) && number(s + 6, 2, false, 1, 31);
}

static bool each(const char *list, bool (*ok)(const char *s, size_t n))
{
	for (;;) {
		size_t n = strcspn(list, ",");

		if (!ok(list, n))
			return false;
		if (!list[n])
			return true;
		list += n + 1;
	}
}

static bool part_ok(const char *name, const char *value)
{
	static const char *const freqs[] = {"SECONDLY", "MINUTELY", "HOURLY", "DAILY",
					    "WEEKLY",   "MONTHLY",  "YEARLY", NULL};
	static const struct {
		const char *name;
		long low, high;
		bool sign;
	} lists[] = {
		{"BYSECOND", 0, 60, false},  {"BYMINUTE", 0, 59, false},  {"BYHOUR", 0, 23, false},
		{"BYMONTHDAY", 1, 31, true}, {"BYYEARDAY", 1, 366, true}, {"BYWEEKNO", 1, 53, true},
		{"BYMONTH", 1, 12, false},   {"BYSETPOS", 1, 366, true},
	};
	size_t n = strlen(value);

	if (!strcasecmp(name, "FREQ"))
		return one_of(value, n, freqs);
	if (!strcasecmp(name, "WKST"))
		return one_of(value, n, weekdays);
	if (!strcasecmp(name, "COUNT") || !strcasecmp(name, "INTERVAL"))
		return number(value, n, false, 1, 999999);
	if (!strcasecmp(name, "UNTIL"))
		return date_or_time(value, n);
	if (!strcasecmp(name, "BYDAY"))
		return each(value, weekday_num);
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		if (strcasecmp(name, lists[i].name) != 0)
			continue;
		for (;;) {
			n = strcspn(value, ",");
			if (!number(value, n, lists[i].sign, lists[i].low, lists[i].high))
				return false;
			if (!value[n])
				return true;
			value += n + 1;
		}
	}
	return false;
}

static int rule_check(const char *line, const char *rule, struct err *err)
{
	AUTO(free) char *copy = xstrdup(rule);
	bool freq = false, count = false, until = false;
	char *at = copy;
	char *part;

	while ((part = strsep(&at, ";"))) {
		char *value = strchr(part, '=');

		if (!value)
			return err_set(err, ERR_INVALID, "'%s': '%s' is no NAME=VALUE", line, part);
		*value++ = '\0';
		if (!part_ok(part, value))
			return err_set(err, ERR_INVALID, "'%s': '%s=%s' is not valid in a rule",
				       line, part, value);
		freq |= !strcasecmp(part, "FREQ");
		count |= !strcasecmp(part, "COUNT");
		until |= !strcasecmp(part, "UNTIL");
	}
	if (!freq)
		return err_set(err, ERR_INVALID, "'%s': a rule needs FREQ", line);
	if (count && until)
		return err_set(err, ERR_INVALID, "'%s': COUNT and UNTIL exclude each other", line);
	return 0;
}

int recurrence_line_check(const char *line, struct err *err)
{
	size_t name = strcspn(line, ":;");
	const char *value = strchr(line, ':');

	if (!value)
		return err_set(err, ERR_INVALID, "'%s' is no recurrence line (RRULE:FREQ=...)",
			       line);
	value++;
	if (!strncasecmp(line, "RRULE", 5) || !strncasecmp(line, "EXRULE", 6)) {
		if (line[name] != ':' || name != (line[0] == 'R' || line[0] == 'r' ? 5 : 6))
			return err_set(err, ERR_INVALID, "'%s' is no recurrence line", line);
		return rule_check(line, value, err);
	}
	if ((name == 5 && !strncasecmp(line, "RDATE", 5)) ||
	    (name == 6 && !strncasecmp(line, "EXDATE", 6))) {
		/* RDATE may also hold periods, which Google does not take. */
		if (!each(value, date_or_time))
			return err_set(err, ERR_INVALID, "'%s' holds no list of dates or times",
				       line);
		return 0;
	}
	return err_set(err, ERR_INVALID, "'%s' is none of RRULE, EXRULE, RDATE, EXDATE", line);
}
