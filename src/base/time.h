/*
 * Instants, civil times and time zones.
 *
 * Units   *_utc are seconds since 1970-01-01 00:00 UTC, *_ms milliseconds, offset_s seconds
 *         east of UTC. A civil time has no zone. Proleptic Gregorian calendar, years 0001..9999.
 * Zones   IANA names looked up in the system's tz database (through libc). Not for use from
 *         several threads at once: libc keeps one current zone for the process.
 * Source  RFC 3339 section 5.6; Google's EventDateTime.
 */
#ifndef BASE_TIME_H
#define BASE_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct civil {
	int year, month, day;     /* month 1..12, day 1..31 */
	int hour, minute, second; /* second 0..60 when parsed; 60 is kept as 59 */
};

#define DAY_S 86400

int64_t days_from_civil(int year, int month, int day); /* days since 1970-01-01 */
void civil_from_days(int64_t days, struct civil *out); /* sets the date, clears the time */
int64_t civil_to_s(const struct civil *c);             /* seconds as if it were UTC */
void civil_from_s(int64_t s, struct civil *out);
int civil_weekday(const struct civil *c); /* 0 = Sunday */
int days_in_month(int year, int month);

/* yyyy-mm-dd, nothing around it, a day that exists. Errors: ERR_INVALID. */
int date_parse(const char *s, struct civil *out, struct err *err);
#define DATE_LEN 11 /* with the NUL */
void date_format(const struct civil *c, char buf[DATE_LEN]);

struct rfc3339 {
	struct civil civil; /* as written */
	int ms;             /* fraction, cut to milliseconds */
	bool has_offset;
	int offset_s; /* 0 without one */
	int64_t utc;  /* of civil and offset; meaningless without an offset */
};

/* date "T" time [fraction] [offset]; the offset may be missing (Google allows that beside a
 * timeZone). Lower case t and z are accepted, a space in place of T is not. Errors: ERR_INVALID. */
int rfc3339_parse(const char *s, struct rfc3339 *out, struct err *err);
#define RFC3339_LEN 32
void rfc3339_format(int64_t utc, int offset_s, char buf[RFC3339_LEN]); /* ...+02:00, or Z for 0 */
void rfc3339_format_ms(int64_t ms, char buf[RFC3339_LEN]);             /* ...:00.123Z */

/* Whether the tz database knows this name. Only letters, digits, / _ + - and no "..". */
bool zone_valid(const char *name);
/* The system's own zone: $TZ, /etc/localtime, else "UTC". Static. */
const char *zone_system(void);
/* Offset of a zone at an instant; an unknown zone counts as UTC. */
int zone_offset(const char *name, int64_t utc);
void zone_civil(const char *name, int64_t utc, struct civil *out);

enum zone_fit {
	ZONE_EXACT,
	ZONE_GAP,     /* skipped by a change: moved forward by the length of the gap */
	ZONE_OVERLAP, /* occurs twice: the first one taken */
};
/* The instant of a civil time in a zone. */
enum zone_fit zone_to_utc(const char *name, const struct civil *c, int64_t *out_utc);

#endif
