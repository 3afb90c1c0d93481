/*
 * The lines of a series, read (inside of src/ical). recur.h says what they mean.
 *
 * A key is what occurrences are told apart and sorted by: the instant, in an all-day series the
 * date's midnight as if it were UTC.
 */
#ifndef ICAL_SERIES_H
#define ICAL_SERIES_H

#include "base/json.h"
#include "ical/rule.h"

enum line_kind { LINE_RRULE, LINE_EXRULE, LINE_RDATE, LINE_EXDATE };

struct series_line {
	enum line_kind kind;
	const char *text;  /* borrowed */
	const char *value; /* after the colon */
	char zone[64];     /* TZID; "" = none */
	struct rule *rule; /* of the two kinds of rules */
};

struct series {
	bool all_day;
	const char *zone;     /* of the civil times; borrowed */
	const char *cal_zone; /* borrowed */
	int64_t start;        /* civil */
	int64_t start_key;
	int64_t length; /* seconds, of an occurrence */
	struct series_line *lines;
	size_t count;
};

/* Borrows from master and cal_zone. Errors: ERR_INVALID. */
int series_read(const struct json_object *master, const char *cal_zone, struct series *out,
		struct err *err);
void series_release(struct series *s);
DEFINE_AUTO_VALUE(struct series, series_release)

struct point {
	int64_t key, length;
};
struct points {
	struct point *items;
	size_t count, alloc;
};
void points_release(struct points *p);
DEFINE_AUTO_VALUE(struct points, points_release)

/*
 * The occurrences with from <= key < to, sorted; RDATEs with a longer period of their own also when
 * they only reach into it. max: as in recur_expand().
 */
int series_points(const struct series *s, int64_t from, int64_t to, size_t max, struct points *out,
		  bool *out_truncated, struct err *err);
/* The last occurrence before a key. */
int series_last_before(const struct series *s, int64_t key, bool *out_found, int64_t *out,
		       struct err *err);

int64_t series_key(const struct series *s, int64_t civil);
/* Times outside of the years 1 to 9999 count as their ends. */
int64_t series_key_of_utc(const struct series *s, int64_t utc);
int64_t series_utc(const struct series *s, int64_t key);
int64_t series_civil(const struct series *s, int64_t key);
/* The last key that a rule's UNTIL lets pass. */
int64_t series_until(const struct series *s, const struct rule *r);
/* Whether an occurrence starts then. */
int series_has(const struct series *s, int64_t utc, bool *out, struct err *err);
/* How many results a rule has with a key before this one, and with a civil time before its. */
int series_count_before(const struct series *s, const struct series_line *line, int64_t key,
			int64_t *out_keys, int64_t *out_civil, struct err *err);
/* The next item of an RDATE's or EXDATE's value: at *text, *out_len bytes; false at the end. */
bool date_item(const char **text, const char **out_item, size_t *out_len);
/* The point that it names; series_read() has seen that it can be read. */
struct point series_date(const struct series *s, const struct series_line *line, const char *item,
			 size_t len);

#endif
