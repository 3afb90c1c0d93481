/*
 * One recurrence rule (RFC 5545 section 3.3.10), and the walk over what it gives.
 *
 * Why not libical's iterator: 3.0.16 gives other dates than RFC 5545 for a third of the rules that
 * its own later test suite holds (BYWEEKNO, BYYEARDAY, BYSETPOS, BYDAY with BYMONTHDAY, a YEARLY
 * rule by BYMONTHDAY alone), does not return from some that never match, and walks from the start
 * of a series to any window. So a rule is read into bit sets and run here, period by period: the
 * days of a period are those that pass every BY part, each with every time of day; BYSETPOS picks
 * among them. A walk can begin anywhere, as periods are numbered.
 *
 * Civil times are seconds as if they were UTC (civil_to_s()); no zone is known here.
 */
#ifndef ICAL_RULE_H
#define ICAL_RULE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/time.h"

enum rule_freq { /* the finer, the greater */
		 RULE_YEARLY,
		 RULE_MONTHLY,
		 RULE_WEEKLY,
		 RULE_DAILY,
		 RULE_HOURLY,
		 RULE_MINUTELY,
		 RULE_SECONDLY,
};

/* A set of numbers 1..366, and the same counted from the end. */
#define RULE_SET_MAX   366
#define RULE_SET_WORDS 6
struct rule_set {
	uint64_t up[RULE_SET_WORDS], down[RULE_SET_WORDS];
	bool any;
};

/* The longest period is a year of 53 weeks. */
#define RULE_MAX_DAYS 371

enum stamp_kind { STAMP_DATE, STAMP_LOCAL, STAMP_UTC };
struct stamp {
	enum stamp_kind kind;
	int64_t s; /* civil, or seconds UTC */
};
/* yyyymmdd, yyyymmddThhmmss or yyyymmddThhmmssZ of exactly len bytes. */
bool stamp_parse(const char *s, size_t len, struct stamp *out);

struct rule {
	enum rule_freq freq;
	int64_t interval; /* >= 1 */
	int64_t count;    /* -1 = none */
	bool has_until;
	struct stamp until;
	int wkst;               /* 0 = Sunday */
	uint64_t month;         /* bits 1..12. In these, 0 = not given: */
	uint64_t hour;          /* bits 0..23 */
	uint64_t minute;        /* bits 0..59 */
	uint64_t second;        /* bits 0..59 */
	uint64_t weekday;       /* bits 0..6: those of BYDAY without a number */
	bool nth_any;           /* BYDAY names a weekday with a number */
	struct rule_set nth[7]; /* of each weekday */
	struct rule_set month_day, year_day, week_no, set_pos;
	bool rscale;    /* RSCALE: see rscale.h. Its months are not in `month`: */
	int leap_month; /* the last leap month among them; 0 = none */
};

#define RULE_MAX_RSCALE_INTERVAL 1000
#define RULE_MAX_RSCALE_LENGTH   250

/* value: what follows "RRULE:". Errors: ERR_INVALID (malformed, out of range, not supported). */
int rule_parse(const char *value, struct rule *out, struct err *err);

/* Where a walk stands. To be left alone. */
struct rule_walk {
	struct rule r; /* with nothing left open */
	int64_t start, from, to;
	int64_t base;  /* number of the period that the start lies in */
	int64_t steps; /* intervals from there to the next period to look at */
	int64_t given; /* results so far; with COUNT those before `from` too */
	int64_t work;  /* see RULE_MAX_WORK */
	bool over;
	/* The period at hand: each of its days with each time of the masks. */
	int64_t days[RULE_MAX_DAYS];
	size_t day_count;
	uint64_t hours, minutes, seconds;
	int64_t picks[2 * RULE_SET_MAX]; /* BYSETPOS: numbers of the results that count */
	int64_t at, size;                /* number of the next result, and how many there are */
};

/* So many days a walk looks at: enough for a result on each day of 9999 years. A time below a day
 * counts for several: it costs as much, and nobody has a use for so many. */
#define RULE_MAX_WORK  12000000
#define RULE_TIME_WORK 6

/*
 * Begin at the first result not before `from`, end before `to`. start: of the series; a date when
 * all_day. What the rule leaves open (the hour, the day of the month, ...) is taken from the start.
 * With COUNT the results are counted from the start, whatever `from` is. Needs no release.
 * Errors: ERR_INVALID (an all-day series by the hour).
 */
int rule_walk_init(struct rule_walk *w, const struct rule *r, int64_t start, bool all_day,
		   int64_t from, int64_t to, struct err *err);
/* 1 and the next result, in order and each once; 0 at the end; -1 beyond the bound
 * (ERR_INVALID). */
int rule_walk_next(struct rule_walk *w, int64_t *out, struct err *err);

/* Take from the start what the rule leaves open, as rule_walk_init() does. */
void rule_close(struct rule *r, int64_t start, bool all_day);
/* Whether the period that `at` lies in is one of those that the rule's
 * INTERVAL meets from start. r: closed. */
bool rule_in_step(const struct rule *r, int64_t start, int64_t at);

#endif
