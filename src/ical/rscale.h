/*
 * Rules of other calendars (RFC 7529): Chinese New Year, Ramadan, the Hebrew months. libical and
 * ICU know them. By years and months only (rule_parse() sees to it), and RSCALE_MAX_YEARS from the
 * beginning of a walk: ICU takes up to half a millisecond a month.
 */
#ifndef ICAL_RSCALE_H
#define ICAL_RSCALE_H

#include "ical/rule.h"

#define RSCALE_MAX_YEARS 150

/* The version of libical, loaded for that: caller frees; NULL: there is none, *out_why says why. */
char *rscale_library_version(const char **out_why);

struct rscale_walk {
	void *iterator; /* libical's */
	char *name;     /* of the calendar */
	int64_t from, to, end;
	int64_t left; /* of COUNT; -1 = none */
};

/* As rule_walk_init() and rule_walk_next(); value: the rule's text. Errors: ERR_INVALID: libical
 * (or the ICU below it) does not know this calendar or rule; more years to look at. */
int rscale_walk_init(struct rscale_walk *w, const struct rule *r, const char *value, int64_t start,
		     bool all_day, int64_t from, int64_t to, struct err *err);
int rscale_walk_next(struct rscale_walk *w, int64_t *out, struct err *err);
void rscale_walk_release(struct rscale_walk *w);
DEFINE_AUTO_VALUE(struct rscale_walk, rscale_walk_release)

#endif
