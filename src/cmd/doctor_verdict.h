/*
 * What `doctor` makes of what it saw. Pure: numbers and words in, a verdict out.
 */
#ifndef CMD_DOCTOR_VERDICT_H
#define CMD_DOCTOR_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FINDING_STATUSES(X)                                                 \
	X(FINDING_OK, "ok")                                                 \
	X(FINDING_WARNING, "warning") /* works, but not for long or well */ \
	X(FINDING_ERROR, "error")     /* something does not work */         \
	X(FINDING_SKIPPED, "skipped") /* nothing to look at, or told not to */
enum finding_status {
#define X(id, name) id,
	FINDING_STATUSES(X)
#undef X
};
const char *finding_status_name(enum finding_status status);

/* --- the configuration ------------------------------------------------------------------- */

/* Whether some part of the program reads this setting. */
bool verdict_key_known(const char *key);
/* The known setting that was perhaps meant; NULL = none is near. Static. */
const char *verdict_key_near(const char *key);
/* What is wrong with the value of a known setting: "it is ...", static; NULL = nothing. */
const char *verdict_value(const char *key, const char *value, enum finding_status *out_status);
/* The i-th known setting; NULL behind the last. */
const char *verdict_key_at(size_t i);

/* --- the rest ---------------------------------------------------------------------------- */

#define CLOCK_WARNING_S 60
#define CLOCK_ERROR_S   (5 * 60)
/* How far the clock may be from Google's; either way. */
enum finding_status verdict_clock(int64_t skew_ms);

/* Free space beside a store of so many bytes: it doubles at worst when a WAL is folded. */
enum finding_status verdict_space(uint64_t free_bytes, uint64_t store_bytes);

/* What is wrong with BACKEND_URL ("is ...", static), and whether it may work all the same (a
 * warning); NULL = it will do. base_url is what stands in for Google, "" = Google itself. */
const char *verdict_channel(const char *url, const char *base_url, enum finding_status *out_status);

/* The first line of `systemctl is-enabled`; "" = it said nothing. */
enum timer_state {
	TIMER_ENABLED,
	TIMER_INSTALLED, /* the unit is there and does not run */
	TIMER_MASKED,
	TIMER_ABSENT,
	TIMER_UNKNOWN, /* no answer that means anything: no user manager */
};
enum timer_state verdict_timer(const char *word);

/* -1, 0, 1: "3.9.1" is before "3.40.1"; what follows the numbers does not count. */
int version_compare(const char *a, const char *b);
/* What is known against a version of "libcurl", "SQLite", "libcrypto", ...; NULL = nothing. */
struct known_bad {
	const char *library;
	const char *from, *before; /* versions from .. before, that one not included */
	enum finding_status status;
	const char *why;
	const char *mend;
};
const struct known_bad *verdict_version(const char *library, const char *version);

/* What to do about a request that failed in that part (HTTP_FAILED_*). Static. */
const char *verdict_network_mend(const char *part);

#endif
