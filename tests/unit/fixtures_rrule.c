/*
 * Rules with known occurrences, collected from other programs' tests, through recur_expand().
 *
 * Run by `make check-fixtures FIXTURES=DIR`; DIR/rrule/NAME.tsv. Columns: dtstart, tzid, rrule
 * (several joined by |), expected, complete, extra (further lines joined by |; START-AT=TIME: the
 * walk begins there; INVALID: to be refused), check, source, note; libical-counts.tsv has dtstart,
 * tzid, rrule, expected_count, source, note. One test a row.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "base/time.h"
#include "base/xalloc.h"
#include "ical/recur.h"
#include "ical/rule.h"

#include "base/banned.h"

enum { DTSTART, TZID, RRULE, EXPECTED, COMPLETE, EXTRA, CHECK, SOURCE, NOTE, COLUMNS };

static int row_count, bad_count;

/* Rows that two collections give differently, or that were known to be wrong where they come from:
 * what RFC 5545 says of them. */
static const struct decision {
	const char *dtstart, *rule, *expected, *why;
} decisions[] = {
	{"19970902T090000", "FREQ=YEARLY;COUNT=3;BYWEEKNO=20",
	 "19980512T090000,19990518T090000,20000516T090000",
	 "the week is given, the day in it comes from DTSTART (3.3.10), as it does in the rows of"
	 " libical-icalrecur.tsv"},
	{"20240229", "FREQ=YEARLY;BYMONTHDAY=29;COUNT=3", "20240229,20240329,20240429",
	 "BYMONTHDAY expands a year: each month has the day, as in the rows of dateutil.tsv"},
	{"20240201", "FREQ=YEARLY;BYMONTHDAY=-29,-1;COUNT=4", "20240201,20240229,20240303,20240331",
	 "the same"},
	{"20241230", "FREQ=YEARLY;BYMONTH=12;BYMONTHDAY=30;BYWEEKNO=1;UNTIL=20320101",
	 "20241230,20251230,20301230,20311230",
	 "marked as not implemented by libical: 30 December in a week one, as each part says"},
};

static const struct decision *decision(const char *cols[COLUMNS])
{
	for (size_t i = 0; i < ARRAY_SIZE(decisions); i++)
		if (!strcmp(decisions[i].dtstart, cols[DTSTART]) &&
		    !strcmp(decisions[i].rule, cols[RRULE]))
			return &decisions[i];
	return NULL;
}

/*
 * RFC 7529: what this libical does not run rightly is refused, never given wrongly: the leap months of
 * the Chinese calendar (it searches for some without end) and INTERVAL in other calendars (2013,
 * 2014, 2016 for every second year). Russian is no calendar of ICU's.
 */
static bool unsupported(const char *rule)
{
	return !strcmp(rule, "RSCALE=RUSSIAN;FREQ=YEARLY") ||
	       (strstr(rule, "RSCALE=CHINESE") && (strstr(rule, "L;") || strstr(rule, "INTERVAL")));
}

/* --- a row as a series -------------------------------------------------------------------- */

static struct json_object *time_of(const char *stamp, const char *zone)
{
	struct json_object *time = json_object_new_object();
	struct civil c = {0};
	char text[32];

	sscanf(stamp, "%4d%2d%2dT%2d%2d%2d", &c.year, &c.month, &c.day, &c.hour, &c.minute,
	       &c.second);
	if (!strchr(stamp, 'T')) {
		date_format(&c, text);
		json_set_str(time, "date", text);
		return time;
	}
	rfc3339_format(civil_to_s(&c), 0, text);
	text[strlen(text) - 1] = '\0';
	json_set_str(time, "dateTime", text);
	json_set_str(time, "timeZone", *zone ? zone : "UTC");
	return time;
}

static void add_lines(struct json_object *list, const char *prefix, const char *joined)
{
	AUTO(free) char *copy = xstrdup(joined);
	char *at = copy, *one;

	while ((one = strsep(&at, "|"))) {
		AUTO(free) char *line = xasprintf("%s%s", prefix, one);

		if (*one && strncmp(one, "START-AT=", 9) != 0 && strcmp(one, "INVALID") != 0)
			json_object_array_add(list, json_object_new_string(line));
	}
}

static struct json_object *series(const char *cols[COLUMNS])
{
	struct json_object *master = json_object_new_object();
	struct json_object *lines = json_object_new_array();

	json_set_str(master, "id", "row");
	json_set(master, "start", time_of(cols[DTSTART], cols[TZID]));
	json_set(master, "end", time_of(cols[DTSTART], cols[TZID]));
	add_lines(lines, "RRULE:", cols[RRULE]);
	add_lines(lines, "", cols[EXTRA]);
	json_set(master, "recurrence", lines);
	return master;
}

static const char *zone_of(const char *cols[COLUMNS])
{
	return *cols[TZID] ? cols[TZID] : "UTC";
}

/* The civil time of an occurrence as the tables write it. */
static void add_text(struct strbuf *out, const struct occurrence *o, const char *cols[COLUMNS])
{
	struct civil c;

	if (o->all_day)
		civil_from_days(o->day, &c);
	else
		zone_civil(zone_of(cols), o->start_utc, &c);
	strbuf_addf(out, "%04d%02d%02d", c.year, c.month, c.day);
	if (!o->all_day)
		strbuf_addf(out, "T%02d%02d%02d%s", c.hour, c.minute, c.second,
			    strchr(cols[DTSTART], 'Z') ? "Z" : "");
}

/* --- one row ------------------------------------------------------------------------------ */

/* The occurrences from a time on, at most max; the start of the series where no rule gives it is
 * Google's, not theirs. */
static int expand(const char *cols[COLUMNS], int64_t from, size_t max, bool keep_start,
		  struct strbuf *out, struct err *err)
{
	AUTO(json_object_put) struct json_object *master = series(cols);
	AUTO(occurrence_list_release) struct occurrence_list list = {0};
	size_t n = 0;

	if (recur_expand(master, zone_of(cols), from, RECUR_FUTURE, max + 1, &list, err))
		return -1;
	for (size_t i = 0; i < list.count && n < max; i++) {
		AUTO(strbuf_release) struct strbuf one = STRBUF_INIT;

		add_text(&one, &list.items[i], cols);
		if (!keep_start && !strcmp(one.buf, cols[DTSTART]))
			continue;
		strbuf_addf(out, "%s%s", n++ ? "," : "", one.buf);
	}
	return 0;
}

/* START-AT: what a window that begins there must show, the end of the expected list. */
static bool tail_ok(const char *cols[COLUMNS], const char *expected, struct strbuf *got)
{
	const char *at = strstr(cols[EXTRA], "START-AT=");
	struct stamp stamp;
	struct civil c;
	int64_t from;
	struct err err;

	if (!at)
		return true;
	at += strlen("START-AT=");
	while (strncmp(expected, at, strcspn(at, "|")) < 0 && strchr(expected, ','))
		expected = strchr(expected, ',') + 1;
	strbuf_reset(got);
	if (!stamp_parse(at, strcspn(at, "|"), &stamp))
		return false;
	civil_from_s(stamp.s, &c);
	zone_to_utc(zone_of(cols), &c, &from);
	return !expand(cols, from - 1, 10000, true, got, &err) && !strcmp(got->buf, expected);
}

static void report(bool ok, const char *where, const char *cols[COLUMNS], const char *what)
{
	row_count++;
	bad_count += !ok;
	printf("%sok %d - %s %s %s%s%s\n", ok ? "" : "not ", row_count, where, cols[DTSTART],
	       cols[RRULE], *cols[EXTRA] ? " " : "", cols[EXTRA]);
	if (!ok)
		printf("# %s\n", what);
}

static void check_row(const char *where, const char *cols[COLUMNS])
{
	AUTO(strbuf_release) struct strbuf got = STRBUF_INIT;
	const struct decision *d = decision(cols);
	const char *expected = d ? d->expected : cols[EXPECTED];
	bool keep_start = !strncmp(expected, cols[DTSTART], strlen(cols[DTSTART]));
	bool refuse = strstr(cols[EXTRA], "INVALID") || unsupported(cols[RRULE]);
	size_t max = *expected ? 1 : 0;
	struct err err;

	for (const char *p = expected; *p; p++)
		max += *p == ',';
	if (strcmp(cols[COMPLETE], "no") != 0)
		max++; /* there must be no more */
	if (expand(cols, RECUR_PAST, max, keep_start, &got, &err))
		report(refuse && err.code == ERR_INVALID &&
			       (strstr(cols[EXTRA], "INVALID") || strstr(err.msg, "not supported")),
		       where, cols, err.msg);
	else
		report(!refuse && !strcmp(got.buf, expected) && tail_ok(cols, expected, &got),
		       where, cols, got.buf);
	if (d)
		printf("# decided: %s\n", d->why);
}

/* dateutil also takes BYWEEKDAY, which is its own word: to be refused, and right as BYDAY. */
static void check_dateutil(const char *where, const char *cols[COLUMNS])
{
	AUTO(strbuf_release) struct strbuf rule = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf got = STRBUF_INIT;
	const char *word = strstr(cols[RRULE], "BYWEEKDAY");
	struct err err;

	if (word) {
		if (!expand(cols, RECUR_PAST, 9, false, &got, &err) || err.code != ERR_INVALID)
			report(false, where, cols, "BYWEEKDAY is not refused");
		strbuf_add(&rule, cols[RRULE], (size_t)(word - cols[RRULE]));
		strbuf_addf(&rule, "BYDAY%s", word + strlen("BYWEEKDAY"));
		cols[RRULE] = rule.buf;
	}
	check_row(where, cols);
}

static void check_count(const char *where, const char *cols[COLUMNS])
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	const char *expected = cols[EXPECTED], *note = cols[EXTRA];
	size_t n = 0;
	struct err err;

	cols[EXTRA] = "";
	/* Two rows leave out of their columns what their note says. */
	if (strstr(note, "Use EXDATE"))
		cols[EXTRA] = "EXDATE:20020402T114500Z";
	if (strstr(note, "using 2 EXRULEs"))
		cols[EXTRA] = "EXRULE:FREQ=WEEKLY;BYDAY=SA|EXRULE:FREQ=WEEKLY;BYDAY=SU";
	for (int keep = 0; keep < 2; keep++) {
		strbuf_reset(&text);
		if (expand(cols, RECUR_PAST, 1000, keep, &text, &err)) {
			report(false, where, cols, err.msg);
			return;
		}
		n = *text.buf != '\0';
		for (const char *p = text.buf; *p; p++)
			n += *p == ',';
		if (n == strtoul(expected, NULL, 10))
			break;
	}
	report(n == strtoul(expected, NULL, 10), where, cols, text.buf);
}

/* --- a table ------------------------------------------------------------------------------ */

static void run_file(const char *dir, const char *name, int least,
		     void (*check)(const char *where, const char *cols[COLUMNS]))
{
	AUTO(free) char *path = xasprintf("%s/rrule/%s", dir, name);
	AUTO(fclose) FILE *f = fopen(path, "r");
	AUTO(free) char *line = NULL;
	size_t size = 0;
	int before = row_count;

	for (int n = 1; f && getline(&line, &size, f) > 0; n++) {
		AUTO(free) char *where = xasprintf("%s:%d", name, n);
		const char *cols[COLUMNS];
		char *at = line;

		line[strcspn(line, "\n")] = '\0';
		for (int i = 0; i < COLUMNS; i++)
			cols[i] = at ? strsep(&at, "\t") : "";
		if (n > 1)
			check(where, cols);
	}
	if (row_count - before < least) {
		row_count++;
		bad_count++;
		printf("not ok %d - %s has at least %d rows\n", row_count, path, least);
	}
}

int main(void)
{
	const char *dir = getenv("FIXTURES");

	if (!dir) {
		fprintf(stderr, "FIXTURES is not set\n");
		return 2;
	}
	run_file(dir, "dateutil.tsv", 200, check_dateutil);
	run_file(dir, "libical-icalrecur.tsv", 130, check_row);
	run_file(dir, "libical-rscale.tsv", 30, check_row);
	run_file(dir, "libical-counts.tsv", 50, check_count);
	printf("1..%d\n", row_count);
	return bad_count ? 1 : 0;
}
