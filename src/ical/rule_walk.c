#include <string.h>

#include "ical/rule.h"
#include "base/banned.h"

#define ALL_HOURS   ((UINT64_C(1) << 24) - 1)
#define ALL_SIXTY   ((UINT64_C(1) << 60) - 1)
#define END_OF_TIME 253402300800 /* 10000-01-01 */

static const int64_t unit_s[] = {[RULE_HOURLY] = 3600, [RULE_MINUTELY] = 60, [RULE_SECONDLY] = 1};

static int64_t floor_div(int64_t a, int64_t b)
{
	return a / b - (a % b < 0);
}

static int64_t day_of(int64_t s)
{
	return floor_div(s, DAY_S);
}

static int weekday_of(int64_t day)
{
	return (int)(day + 4 - 7 * floor_div(day + 4, 7)); /* 1970-01-01 was a Thursday */
}

static int bit_count(uint64_t mask)
{
	return __builtin_popcountll(mask);
}

/* The n-th set bit, from 0. */
static int bit_number(uint64_t mask, int n)
{
	while (n-- > 0)
		mask &= mask - 1;
	return __builtin_ctzll(mask);
}

static bool set_has(const struct rule_set *set, int up, int down)
{
	return set->up[(up - 1) / 64] >> (up - 1) % 64 & 1 ||
	       set->down[(down - 1) / 64] >> (down - 1) % 64 & 1;
}

static void set_only(struct rule_set *set, int up)
{
	memset(set, 0, sizeof(*set));
	set->up[(up - 1) / 64] = UINT64_C(1) << (up - 1) % 64;
	set->any = true;
}

/* --- weeks -------------------------------------------------------------------------------- */

static int64_t week_start(const struct rule *r, int64_t day)
{
	return day - (weekday_of(day) - r->wkst + 7) % 7;
}

/* The first day of week one: the first week with at least four days in the year. */
static int64_t first_week(const struct rule *r, int year)
{
	return week_start(r, days_from_civil(year, 1, 4));
}

/* The year whose weeks hold this day; near New Year it may be the next or the last one. */
static int week_year(const struct rule *r, int64_t day)
{
	struct civil c;

	civil_from_days(day, &c);
	if (day >= first_week(r, c.year + 1))
		return c.year + 1;
	return day < first_week(r, c.year) ? c.year - 1 : c.year;
}

static bool week_passes(const struct rule *r, int64_t day)
{
	int year = week_year(r, day);
	int64_t first = first_week(r, year);
	int64_t weeks = (first_week(r, year + 1) - first) / 7;
	int64_t week = (day - first) / 7;

	return set_has(&r->week_no, (int)week + 1, (int)(weeks - week));
}

/* --- days --------------------------------------------------------------------------------- */

/* The n-th of its weekday: in the month, or in the year for a yearly rule without BYMONTH. */
static bool nth_passes(const struct rule *r, int weekday, const struct civil *c, int year_day,
		       int year_length)
{
	bool in_year = r->freq == RULE_YEARLY && !r->month;
	int at = in_year ? year_day : c->day;
	int length = in_year ? year_length : days_in_month(c->year, c->month);

	return set_has(&r->nth[weekday], (at - 1) / 7 + 1, (length - at) / 7 + 1);
}

/* Whether a day passes all of the rule's parts. */
static bool day_passes(const struct rule *r, int64_t day)
{
	int weekday = weekday_of(day);
	struct civil c;
	int year_day, year_length;

	if (r->weekday && !r->nth_any && !(r->weekday >> weekday & 1))
		return false;
	civil_from_days(day, &c);
	if (r->month && !(r->month >> c.month & 1))
		return false;
	if (r->month_day.any &&
	    !set_has(&r->month_day, c.day, days_in_month(c.year, c.month) - c.day + 1))
		return false;
	if (r->week_no.any && !week_passes(r, day))
		return false;
	if (!r->year_day.any && !r->nth_any)
		return true;
	year_day = (int)(day - days_from_civil(c.year, 1, 1)) + 1;
	year_length = 337 + days_in_month(c.year, 2);
	if (r->year_day.any && !set_has(&r->year_day, year_day, year_length - year_day + 1))
		return false;
	return !r->nth_any || r->weekday >> weekday & 1 ||
	       nth_passes(r, weekday, &c, year_day, year_length);
}

/* --- periods ------------------------------------------------------------------------------ */

/* The number of the period that a time lies in. */
static int64_t period_number(const struct rule *r, int64_t s)
{
	struct civil c;

	switch (r->freq) {
	case RULE_YEARLY:
		if (r->week_no.any)
			return week_year(r, day_of(s));
		civil_from_s(s, &c);
		return c.year;
	case RULE_MONTHLY:
		civil_from_s(s, &c);
		return c.year * 12LL + c.month - 1;
	case RULE_WEEKLY:
		return floor_div(week_start(r, day_of(s)), 7);
	case RULE_DAILY:
		return day_of(s);
	default:
		return floor_div(s, unit_s[r->freq]);
	}
}

/*
 * The number of the period that intervals are counted from. A start near New Year belongs to the
 * year whose week it is in, as the year of its rule; one that the rule does not give belongs to the
 * year of its date.
 */
static int64_t first_period(const struct rule *r, int64_t start)
{
	struct civil c;

	if (r->freq != RULE_YEARLY || !r->week_no.any || r->interval == 1 ||
	    day_passes(r, day_of(start)))
		return period_number(r, start);
	civil_from_s(start, &c);
	return c.year;
}

/* The first day of a period of a day or more. */
static int64_t period_day(const struct rule *r, int64_t n)
{
	int64_t day;

	switch (r->freq) {
	case RULE_YEARLY:
		return r->week_no.any ? first_week(r, (int)n) : days_from_civil((int)n, 1, 1);
	case RULE_MONTHLY:
		return days_from_civil((int)floor_div(n, 12), (int)(n - 12 * floor_div(n, 12)) + 1,
				       1);
	case RULE_WEEKLY:
		day = n * 7;
		return day + (7 + r->wkst - weekday_of(day)) % 7;
	default:
		return n;
	}
}

/* Beyond all years: computing its days would not be safe. */
static bool period_beyond(const struct rule *r, int64_t n)
{
	static const int64_t last[] = {
		[RULE_YEARLY] = 9999,
		[RULE_MONTHLY] = 9999 * 12 + 11,
		[RULE_WEEKLY] = END_OF_TIME / DAY_S / 7,
		[RULE_DAILY] = END_OF_TIME / DAY_S,
		[RULE_HOURLY] = END_OF_TIME / 3600,
		[RULE_MINUTELY] = END_OF_TIME / 60,
		[RULE_SECONDLY] = END_OF_TIME,
	};

	return n > last[r->freq];
}

/* The first step whose period does not end before s. */
static int64_t steps_to(const struct rule_walk *w, int64_t s)
{
	int64_t n = period_number(&w->r, s) - w->base;

	return n <= 0 ? 0 : (n + w->r.interval - 1) / w->r.interval;
}

static bool fill_days(struct rule_walk *w, int64_t n)
{
	int64_t first = period_day(&w->r, n);
	int64_t end = period_day(&w->r, n + 1);

	w->work += end - first;
	if (first * DAY_S >= w->to)
		return false;
	for (int64_t day = first; day < end; day++)
		if (day_passes(&w->r, day))
			w->days[w->day_count++] = day;
	w->hours = w->r.hour;
	w->minutes = w->r.minute;
	w->seconds = w->r.second;
	w->steps++;
	return true;
}

/*
 * A period below a day. When its day, hour or minute does not pass, the walk goes on after that
 * day, hour or minute: what never matches costs a step a day, not one a second.
 */
static bool fill_time(struct rule_walk *w, int64_t n)
{
	const struct rule *r = &w->r;
	int64_t s = n * unit_s[r->freq];
	int64_t day = day_of(s);
	int hour = (int)(s - day * DAY_S) / 3600, minute = (int)(s - day * DAY_S) / 60 % 60;
	int64_t resume = 0;

	if (s >= w->to)
		return false;
	if (!day_passes(r, day))
		resume = (day + 1) * DAY_S;
	else if (!(r->hour >> hour & 1))
		resume = day * DAY_S + (hour + 1) * 3600;
	else if (r->freq > RULE_HOURLY && !(r->minute >> minute & 1))
		resume = day * DAY_S + hour * 3600 + (minute + 1) * 60;
	if (resume) {
		w->steps = steps_to(w, resume);
		return true;
	}
	w->steps++;
	w->work += RULE_TIME_WORK;
	w->days[w->day_count++] = day;
	w->hours = UINT64_C(1) << hour;
	w->minutes = r->freq == RULE_HOURLY ? r->minute : UINT64_C(1) << minute;
	w->seconds = r->freq == RULE_SECONDLY ? r->second & UINT64_C(1) << s % 60 : r->second;
	return true;
}

/* --- the results of a period -------------------------------------------------------------- */

static int64_t times_a_day(const struct rule_walk *w)
{
	return (int64_t)bit_count(w->hours) * bit_count(w->minutes) * bit_count(w->seconds);
}

static int64_t result(const struct rule_walk *w, int64_t n)
{
	int64_t times = times_a_day(w);
	int rest = (int)(n % times);
	int seconds = bit_count(w->seconds), minutes = bit_count(w->minutes);

	return w->days[n / times] * DAY_S + bit_number(w->hours, rest / seconds / minutes) * 3600 +
	       bit_number(w->minutes, rest / seconds % minutes) * 60 +
	       bit_number(w->seconds, rest % seconds);
}

static int below(uint64_t mask, int bit)
{
	return bit_count(mask & ((UINT64_C(1) << bit) - 1));
}

/* How many of a day's times are before this second of it. */
static int64_t times_before(const struct rule_walk *w, int s)
{
	int hour = s / 3600, minute = s / 60 % 60;
	int64_t minutes = bit_count(w->minutes), seconds = bit_count(w->seconds);
	int64_t n = below(w->hours, hour) * minutes * seconds;

	if (!(w->hours >> hour & 1))
		return n;
	n += below(w->minutes, minute) * seconds;
	if (!(w->minutes >> minute & 1))
		return n;
	return n + below(w->seconds, s % 60);
}

/* How many results of the period are before s. */
static int64_t results_before(const struct rule_walk *w, int64_t s)
{
	int64_t day = day_of(s);
	int64_t n = 0, i = 0;

	while ((size_t)n < w->day_count && w->days[n] < day)
		n++;
	i = n * times_a_day(w);
	if ((size_t)n < w->day_count && w->days[n] == day)
		i += times_before(w, (int)(s - day * DAY_S));
	if (!w->r.set_pos.any)
		return i;
	for (n = 0; n < w->size && w->picks[n] < i; n++)
		;
	return n;
}

static int compare_numbers(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return x < y ? -1 : x > y;
}

/* BYSETPOS: which of the period's results count. */
static void pick(struct rule_walk *w)
{
	int64_t all = w->size;
	size_t n = 0, unique = 0;

	for (int i = 0; i < RULE_SET_MAX && i < all; i++) {
		if (w->r.set_pos.up[i / 64] >> i % 64 & 1)
			w->picks[n++] = i;
		if (w->r.set_pos.down[i / 64] >> i % 64 & 1)
			w->picks[n++] = all - 1 - i;
	}
	qsort(w->picks, n, sizeof(*w->picks), compare_numbers);
	for (size_t i = 0; i < n; i++)
		if (!unique || w->picks[unique - 1] != w->picks[i])
			w->picks[unique++] = w->picks[i];
	w->size = (int64_t)unique;
}

/* The next period. False when there is none before the end of the walk. */
static bool fill(struct rule_walk *w)
{
	int64_t n = w->base + w->steps * w->r.interval;
	int64_t skipped;

	w->day_count = 0;
	w->at = w->size = 0;
	w->work++;
	if (period_beyond(&w->r, n) ||
	    !(w->r.freq <= RULE_DAILY ? fill_days(w, n) : fill_time(w, n)))
		return false;
	w->size = (int64_t)w->day_count * times_a_day(w);
	if (w->r.set_pos.any)
		pick(w);
	if (!w->size)
		return true;
	/* A rule begins at the start of its series, also within a period. */
	w->at = results_before(w, w->start);
	skipped = results_before(w, w->from) - w->at;
	if (skipped > 0) {
		w->at += skipped;
		w->given += skipped;
	}
	return true;
}

int rule_walk_next(struct rule_walk *w, int64_t *out, struct err *err)
{
	while (!w->over) {
		if (w->r.count >= 0 && w->given >= w->r.count)
			break;
		if (w->work > RULE_MAX_WORK)
			return err_set(err, ERR_INVALID, "more than %d days or %d times to look at",
				       RULE_MAX_WORK, RULE_MAX_WORK / RULE_TIME_WORK);
		if (w->at < w->size) {
			int64_t s = result(w, w->r.set_pos.any ? w->picks[w->at] : w->at);

			if (s >= w->to)
				break;
			w->at++;
			w->given++;
			w->work++;
			*out = s;
			return 1;
		}
		if (!fill(w))
			break;
	}
	w->over = true;
	return 0;
}

/* --- the beginning ------------------------------------------------------------------------ */

static void close_days(struct rule *r, int64_t start)
{
	int weekday = weekday_of(day_of(start));
	struct civil c;

	civil_from_s(start, &c);
	if (r->freq >= RULE_WEEKLY) {
		/* A number before a weekday means something in months and years only. */
		for (int i = 0; i < 7; i++)
			if (r->nth[i].any)
				r->weekday |= UINT64_C(1) << i;
		r->nth_any = false;
	}
	if (r->weekday || r->nth_any || r->month_day.any || r->year_day.any)
		return;
	if (r->week_no.any) {
		/* The week is known, the day in it is not. */
		if (r->freq == RULE_YEARLY)
			r->weekday = UINT64_C(1) << weekday;
		return;
	}
	if (r->freq == RULE_WEEKLY)
		r->weekday = UINT64_C(1) << weekday;
	if (r->freq == RULE_YEARLY && !r->month)
		r->month = UINT64_C(1) << c.month;
	if (r->freq <= RULE_MONTHLY)
		set_only(&r->month_day, c.day);
}

static void close_times(struct rule *r, int64_t start, bool all_day)
{
	struct civil c;

	civil_from_s(start, &c);
	if (all_day) /* "BYHOUR, ... MUST be ignored" with a date */
		r->hour = r->minute = r->second = 0;
	if (!r->hour)
		r->hour = r->freq < RULE_HOURLY ? UINT64_C(1) << c.hour : ALL_HOURS;
	if (!r->minute)
		r->minute = r->freq < RULE_MINUTELY ? UINT64_C(1) << c.minute : ALL_SIXTY;
	if (!r->second)
		r->second = r->freq < RULE_SECONDLY ? UINT64_C(1) << c.second : ALL_SIXTY;
}

void rule_close(struct rule *r, int64_t start, bool all_day)
{
	close_days(r, start);
	close_times(r, start, all_day);
}

bool rule_in_step(const struct rule *r, int64_t start, int64_t at)
{
	return (period_number(r, at) - first_period(r, start)) % r->interval == 0;
}

int rule_walk_init(struct rule_walk *w, const struct rule *r, int64_t start, bool all_day,
		   int64_t from, int64_t to, struct err *err)
{
	if (all_day && r->freq > RULE_DAILY)
		return err_set(err, ERR_INVALID, "an all-day series repeats by days at least");
	memset(w, 0, sizeof(*w));
	w->r = *r;
	rule_close(&w->r, start, all_day);
	w->start = start;
	w->from = from > start ? from : start;
	w->to = to < END_OF_TIME ? to : END_OF_TIME;
	w->base = first_period(&w->r, start);
	if (r->count < 0 && w->from > start)
		w->steps = steps_to(w, w->from);
	return 0;
}
