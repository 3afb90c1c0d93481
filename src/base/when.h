/*
 * What people type for a time.
 *
 * Times      (upper or lower case, runs of white space count as one space)
 *   2026-01-15T10:00:00+02:00   RFC 3339, also with Z, with a space for the T, without seconds
 *   2026-01-15 10:00[:30]       in the zone; without an offset, so is the line above
 *   2026-01-15                  a day; 2026-1-5 too: year first leaves no doubt
 *   now                         the instant
 *   today tomorrow yesterday    a day, or with a time an instant: tomorrow 9:30
 *   monday .. sunday, mon .. sun
 *                               the next such day after today; with a time that is still ahead
 *                               today, today counts too
 *   14:00[:30] 2pm 2:30 pm      today; before or after any of the days above, "at" may be between
 *   +2h -45m +3d +1d12h         from now; days and weeks keep the wall clock across DST changes
 * Refused    whatever different people read differently: 01/02/2026, 1.2.2026, 10, next friday.
 * Source     RFC 3339; design.md "Times"
 */
#ifndef BASE_WHEN_H
#define BASE_WHEN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/duration.h"
#include "base/err.h"
#include "base/time.h"

#define ZONE_NAME_LEN 64 /* with the NUL: zone_valid() takes no longer name */

struct when {
	bool is_day;              /* a civil day, no time was given */
	bool clock_only;          /* a time of day and no day: today's was taken */
	struct civil civil;       /* the day (time 0), or the wall clock in zone */
	int64_t utc;              /* the instant; of a day its first one in zone */
	char zone[ZONE_NAME_LEN]; /* the zone it was read in */
	enum zone_fit fit;        /* ZONE_GAP: civil and utc are already moved forward */
};

/*
 * Read a time. zone: a name that zone_valid() accepts. now_utc: what now and today are.
 * Errors: ERR_INVALID, showing what is accepted.
 */
int when_parse(const char *text, const char *zone, int64_t now_utc, struct when *out,
	       struct err *err);

/* An instant plus a duration in a zone: first the days by the calendar, then the seconds by the
 * clock. Errors: ERR_INVALID when that leaves the years 0001..9999. */
int when_add(int64_t utc, const struct duration *d, const char *zone, struct when *out,
	     struct err *err);

#endif
