#include "base/duration.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/time.h"

#include "base/banned.h"

#define TEXT_MAX 128
/* About a thousand years: far enough for any calendar, near enough that no sum overflows. */
#define DURATION_MAX_S (INT64_C(366) * 1000 * DAY_S)
#define DURATION_FORMS "10m, 1h30m, 90min, 2 days, 1w, PT1H30M"

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const struct unit {
	const char *names; /* each between spaces */
	int seconds;       /* days count apart, see add_amount() */
} units[] = {
	{" s sec secs second seconds ", 1}, {" m min mins minute minutes ", 60},
	{" h hr hrs hour hours ", 3600},    {" d day days ", DAY_S},
	{" w week weeks ", 7 * DAY_S},
};

static int unit_seconds(const char *name, size_t len)
{
	char word[12];

	if (!len || len > sizeof(word) - 3)
		return 0;
	snprintf(word, sizeof(word), " %.*s ", (int)len, name);
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (strcasestr(units[i].names, word))
			return units[i].seconds;
	return 0;
}

/* A number with up to three decimals, in thousandths. */
static bool read_amount(const char **s, int64_t *out)
{
	int64_t value = 0;
	int scale = 100;

	if (!is_digit(**s))
		return false;
	for (; is_digit(**s); (*s)++) {
		value = value * 10 + (**s - '0');
		if (value > DURATION_MAX_S)
			return false;
	}
	value *= 1000;
	if (**s == '.') {
		(*s)++;
		if (!is_digit(**s))
			return false;
		for (; is_digit(**s); (*s)++, scale /= 10) {
			if (!scale)
				return false;
			value += (**s - '0') * scale;
		}
	}
	*out = value;
	return true;
}

/* Whole days stay days; what is left of a broken one is hours. */
static bool add_amount(struct duration *d, int64_t thousandths, int unit)
{
	int64_t whole;

	if (thousandths / 1000 > DURATION_MAX_S / unit)
		return false;
	whole = thousandths * unit / 1000;
	if (thousandths * unit % 1000)
		return false;
	if (unit >= DAY_S) {
		d->days += whole / DAY_S;
		d->seconds += whole % DAY_S;
	} else {
		d->seconds += whole;
	}
	return duration_seconds(d) <= DURATION_MAX_S;
}

/* PnW, PnDTnHnMnS; s is behind the P. Each unit once, in this order. */
static bool parse_iso(const char *s, struct duration *d)
{
	const char *left = "WD"; /* units that may still come */
	bool in_time = false;

	if (!*s)
		return false;
	while (*s) {
		const char *at;
		int64_t amount;

		if (!in_time && (*s == 'T' || *s == 't')) {
			in_time = true;
			left = "HMS";
			s++;
		}
		if (!read_amount(&s, &amount) || !*s)
			return false;
		at = strchr(left, toupper((unsigned char)*s));
		if (!at || !add_amount(d, amount, unit_seconds(s, 1)))
			return false;
		left = at + 1;
		s++;
	}
	return true;
}

static bool parse_plain(const char *s, struct duration *d)
{
	bool any = false;

	for (;;) {
		const char *unit;
		int64_t amount;

		s += strspn(s, " ");
		if (!*s)
			return any;
		if (!read_amount(&s, &amount))
			return false;
		s += strspn(s, " ");
		unit = s;
		while (isalpha((unsigned char)*s))
			s++;
		if (!unit_seconds(unit, (size_t)(s - unit)) ||
		    !add_amount(d, amount, unit_seconds(unit, (size_t)(s - unit))))
			return false;
		any = true;
	}
}

int duration_parse(const char *text, struct duration *out, struct err *err)
{
	struct duration d = {0};
	const char *s = text + strspn(text, " \t");
	char buf[TEXT_MAX];
	size_t len = strlen(s);
	int sign = 1;
	bool ok;

	while (len && strchr(" \t", s[len - 1]))
		len--;
	if (len >= sizeof(buf))
		return err_set(err, ERR_INVALID,
			       "that is too long for a duration; use one like " DURATION_FORMS);
	if (!len)
		goto bad;
	memcpy(buf, s, len);
	buf[len] = '\0';
	s = buf;
	if (*s == '+' || *s == '-')
		sign = *s++ == '-' ? -1 : 1;
	ok = *s == 'P' || *s == 'p' ? parse_iso(s + 1, &d) : parse_plain(s, &d);
	if (!ok)
		goto bad;
	out->days = sign * d.days;
	out->seconds = sign * d.seconds;
	return 0;
bad:
	return err_set(err, ERR_INVALID, "'%s' is not a duration; use one like " DURATION_FORMS,
		       text);
}

int64_t duration_seconds(const struct duration *d)
{
	return d->days * DAY_S + d->seconds;
}
