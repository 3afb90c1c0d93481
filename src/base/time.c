#include "base/time.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/banned.h"

#define ZONE_DIR "/usr/share/zoneinfo/"

/* Days since the epoch by eras of 400 years, the year starting in March (so that the leap day is
 * its last): H. Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
int64_t days_from_civil(int year, int month, int day)
{
	int64_t y = year - (month <= 2);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t yoe = y - era * 400;
	int64_t doy = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
	int64_t doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return era * 146097 + doe - 719468;
}

void civil_from_days(int64_t days, struct civil *out)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	memset(out, 0, sizeof(*out));
	out->day = (int)(doy - (153 * mp + 2) / 5 + 1);
	out->month = (int)(mp < 10 ? mp + 3 : mp - 9);
	out->year = (int)(yoe + era * 400 + (out->month <= 2));
}

int64_t civil_to_s(const struct civil *c)
{
	return days_from_civil(c->year, c->month, c->day) * DAY_S + c->hour * 3600 +
	       c->minute * 60 + c->second;
}

void civil_from_s(int64_t s, struct civil *out)
{
	int64_t days = s / DAY_S;
	int rest = (int)(s % DAY_S);

	if (rest < 0) {
		rest += DAY_S;
		days--;
	}
	civil_from_days(days, out);
	out->hour = rest / 3600;
	out->minute = rest / 60 % 60;
	out->second = rest % 60;
}

int civil_weekday(const struct civil *c)
{
	int64_t w = (days_from_civil(c->year, c->month, c->day) + 4) % 7; /* 1970-01-01: Thursday */

	return (int)(w < 0 ? w + 7 : w);
}

int days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	if (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))
		return 29;
	return days[month - 1];
}

/* Exactly n digits at *s, which moves on; -1 when they are not there. */
static int digits(const char **s, int n)
{
	int value = 0;

	for (int i = 0; i < n; i++, (*s)++) {
		if (**s < '0' || **s > '9')
			return -1;
		value = value * 10 + (**s - '0');
	}
	return value;
}

static bool parse_date_part(const char **s, struct civil *out)
{
	out->year = digits(s, 4);
	if (out->year < 1 || *(*s)++ != '-')
		return false;
	out->month = digits(s, 2);
	if (out->month < 1 || out->month > 12 || *(*s)++ != '-')
		return false;
	out->day = digits(s, 2);
	return out->day >= 1 && out->day <= days_in_month(out->year, out->month);
}

static bool parse_time_part(const char **s, struct rfc3339 *out)
{
	struct civil *c = &out->civil;

	c->hour = digits(s, 2);
	if (c->hour < 0 || c->hour > 23 || *(*s)++ != ':')
		return false;
	c->minute = digits(s, 2);
	if (c->minute < 0 || c->minute > 59 || *(*s)++ != ':')
		return false;
	c->second = digits(s, 2);
	if (c->second < 0 || c->second > 60)
		return false;
	if (c->second == 60)
		c->second = 59;
	if (**s == '.') {
		int scale = 100;

		if (*++(*s) < '0' || **s > '9')
			return false;
		for (; **s >= '0' && **s <= '9'; (*s)++, scale /= 10)
			out->ms += (**s - '0') * scale;
	}
	return true;
}

static bool parse_offset(const char **s, struct rfc3339 *out)
{
	int sign, hours, minutes;

	if (!**s)
		return true;
	out->has_offset = true;
	if (**s == 'Z' || **s == 'z') {
		(*s)++;
		return true;
	}
	if (**s != '+' && **s != '-')
		return false;
	sign = *(*s)++ == '-' ? -1 : 1;
	hours = digits(s, 2);
	if (hours < 0 || hours > 23 || *(*s)++ != ':')
		return false;
	minutes = digits(s, 2);
	if (minutes < 0 || minutes > 59)
		return false;
	out->offset_s = sign * (hours * 3600 + minutes * 60);
	return true;
}

int date_parse(const char *s, struct civil *out, struct err *err)
{
	struct civil c = {0};
	const char *p = s;

	if (!parse_date_part(&p, &c) || *p)
		return err_set(err, ERR_INVALID, "'%s' is not a date (yyyy-mm-dd)", s);
	*out = c;
	return 0;
}

void date_format(const struct civil *c, char buf[DATE_LEN])
{
	snprintf(buf, DATE_LEN, "%04u-%02u-%02u", (unsigned)c->year % 10000,
		 (unsigned)c->month % 100, (unsigned)c->day % 100);
}

int rfc3339_parse(const char *s, struct rfc3339 *out, struct err *err)
{
	struct rfc3339 t = {0};
	const char *p = s;

	if (!parse_date_part(&p, &t.civil) || (*p != 'T' && *p != 't'))
		goto bad;
	p++;
	if (!parse_time_part(&p, &t) || !parse_offset(&p, &t) || *p)
		goto bad;
	t.utc = civil_to_s(&t.civil) - t.offset_s;
	*out = t;
	return 0;
bad:
	return err_set(err, ERR_INVALID, "'%s' is not a time (RFC 3339)", s);
}

static int format_civil(int64_t s, char *buf, size_t size)
{
	struct civil c;

	civil_from_s(s, &c);
	return snprintf(buf, size, "%04d-%02d-%02dT%02d:%02d:%02d", c.year, c.month, c.day, c.hour,
			c.minute, c.second);
}

void rfc3339_format(int64_t utc, int offset_s, char buf[RFC3339_LEN])
{
	int n = format_civil(utc + offset_s, buf, RFC3339_LEN);
	int minutes = abs(offset_s) / 60;

	if (!offset_s)
		snprintf(buf + n, RFC3339_LEN - (size_t)n, "Z");
	else
		snprintf(buf + n, RFC3339_LEN - (size_t)n, "%c%02d:%02d", offset_s < 0 ? '-' : '+',
			 minutes / 60 % 100, minutes % 60);
}

void rfc3339_format_ms(int64_t ms, char buf[RFC3339_LEN])
{
	int64_t s = ms / 1000;
	int rest = (int)(ms % 1000);
	int n;

	if (rest < 0) {
		rest += 1000;
		s--;
	}
	n = format_civil(s, buf, RFC3339_LEN);
	snprintf(buf + n, RFC3339_LEN - (size_t)n, ".%03dZ", rest);
}

bool zone_valid(const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
				      "0123456789/_+-";
	char path[sizeof(ZONE_DIR) + 64];
	char magic[4];
	FILE *f;
	bool ok;

	if (!*name || strlen(name) > 63 || name[0] == '/' || name[strspn(name, allowed)])
		return false;
	snprintf(path, sizeof(path), ZONE_DIR "%s", name);
	f = fopen(path, "re");
	if (!f)
		return false;
	ok = fread(magic, 1, sizeof(magic), f) == sizeof(magic) && !memcmp(magic, "TZif", 4);
	fclose(f);
	return ok;
}

const char *zone_system(void)
{
	static char name[64];
	char link[PATH_MAX];
	const char *tz = getenv("TZ");
	const char *at;
	ssize_t n;

	if (*name)
		return name;
	if (tz && *tz == ':')
		tz++;
	n = readlink("/etc/localtime", link, sizeof(link) - 1);
	link[n > 0 ? n : 0] = '\0';
	at = strstr(link, "zoneinfo/");
	if (tz && zone_valid(tz))
		snprintf(name, sizeof(name), "%s", tz);
	else if (!tz && at && zone_valid(at + strlen("zoneinfo/")))
		snprintf(name, sizeof(name), "%s", at + strlen("zoneinfo/"));
	else
		snprintf(name, sizeof(name), "UTC");
	return name;
}

/* Make name libc's current zone. Reading the file again is avoided while the zone stays. */
static void zone_enter(const char *name)
{
	static char current[64];
	char value[72];

	if (*current && !strcmp(current, name))
		return;
	zone_system(); /* remember $TZ before it is replaced */
	snprintf(current, sizeof(current), "%s", name);
	snprintf(value, sizeof(value), ":%s", zone_valid(name) ? name : "UTC");
	setenv("TZ", value, 1);
	tzset();
}

int zone_offset(const char *name, int64_t utc)
{
	time_t t = utc;
	struct tm tm;

	zone_enter(name);
	if (!localtime_r(&t, &tm))
		return 0;
	return (int)tm.tm_gmtoff;
}

void zone_civil(const char *name, int64_t utc, struct civil *out)
{
	civil_from_s(utc + zone_offset(name, utc), out);
}

enum zone_fit zone_to_utc(const char *name, const struct civil *c, int64_t *out_utc)
{
	int64_t s = civil_to_s(c);
	/* No zone is more than a day off UTC, and changes are further apart than two days. */
	int before = zone_offset(name, s - DAY_S);
	int after = zone_offset(name, s + DAY_S);
	bool early = zone_offset(name, s - before) == before;
	bool late = zone_offset(name, s - after) == after;

	if (early) {
		/* The offset before the change gives the earlier of two instants. */
		*out_utc = s - before;
		return late && before != after ? ZONE_OVERLAP : ZONE_EXACT;
	}
	if (late) {
		*out_utc = s - after;
		return ZONE_EXACT;
	}
	/* Read with the offset before the gap: as far behind it as the time was into it. */
	*out_utc = s - before;
	return ZONE_GAP;
}
