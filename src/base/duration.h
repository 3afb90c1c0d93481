/*
 * What people type for a length of time.
 *
 * Forms    10m, 1h30m, 90min, 2 days, 1.5h, 1w2d, "1 hour 30 minutes", ISO 8601 PT1H30M, P1D; in
 *          any case. One sign, in front, counts for the whole.
 * Refused  a number without its unit; months and years, which have no fixed length; a sign inside.
 * Source   RFC 5545 section 3.3.6 (a day is a nominal day), ISO 8601
 */
#ifndef BASE_DURATION_H
#define BASE_DURATION_H

#include <stdint.h>

#include "base/err.h"

struct duration {
	int64_t days;    /* nominal: the wall clock stays */
	int64_t seconds; /* exact; of the same sign as days */
};

/* Errors: ERR_INVALID, showing what is accepted. Less than 1,000 years in all. */
int duration_parse(const char *text, struct duration *out, struct err *err);
/* With days of 24 hours. */
int64_t duration_seconds(const struct duration *d);

#endif
