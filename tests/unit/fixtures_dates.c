/*
 * Time phrases collected from other programs' tests, read by ours.
 *
 * Run by `make check-fixtures FIXTURES=DIR`; every DIR/dates/X.tsv but the index is read:
 *   phrase  kind  now  tz  start  end  allday  source  note      (tab separated, a header line)
 * A row that says start=ERROR must be refused by us too. Another row is ours when applies() says
 * so; then our answer must be the row's. The rest is counted, by reason.
 */
#include <dirent.h>
#include <inttypes.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/when.h"
#include "base/xalloc.h"

#include "base/banned.h"

enum column { PHRASE, KIND, NOW, TZ, START, END, ALLDAY, SOURCE, NOTE, COLUMNS };

static int rows_ok, rows_bad, rows_other;

static bool matches(const char *pattern, const char *text)
{
	regex_t re;
	bool ok;

	if (regcomp(&re, pattern, REG_EXTENDED | REG_ICASE | REG_NOSUB))
		abort();
	ok = !regexec(&re, text, 0, NULL, 0);
	regfree(&re);
	return ok;
}

/* Our grammar, written a second time, as patterns. */
#define WEEKDAY  "(mon|tues|wednes|thurs|fri|satur|sun)day"
#define DAY      "(today|tomorrow|yesterday|" WEEKDAY "|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2})"
#define TIME     "([0-9]{1,2}:[0-9]{2}(:[0-9]{2})?|[0-9]{1,2}(:[0-9]{2}){0,2} ?(am|pm))"
#define ONE_TIME "^(now|" DAY "|" TIME "|" DAY " (at )?" TIME "|" TIME " " DAY ")$"
#define AMOUNT   "[0-9]+(\\.[0-9]+)? ?[a-z]+"
#define ONE_SPAN "^ *[+-]?" AMOUNT "( ?" AMOUNT ")* *$"

/* NULL: this row is ours; else why not. */
static const char *applies(char *const *row)
{
	if (!strcmp(row[KIND], "duration"))
		return matches(ONE_SPAN, row[PHRASE])
			       ? NULL
			       : "a bare number, h:mm, or a sign inside: not one reading";
	if (strcmp(row[KIND], "datetime"))
		return "two times or free text";
	if (!matches(ONE_TIME, row[PHRASE]))
		return "words that we do not take";
	if (strstr(row[NOTE], "default day date("))
		return "a clock time counted from another day than today";
	if (strstr(row[NOTE], "resolve to the past") && matches("^" WEEKDAY "$", row[PHRASE]))
		return "a weekday in the past";
	return NULL;
}

static int64_t row_now(const char *text, const char *zone)
{
	struct civil c = {.year = 2026, .month = 1, .day = 15, .hour = 12};
	int64_t utc;

	if (*text) {
		c.hour = 0;
		if (sscanf(text, "%d-%d-%d%*1[T ]%d:%d:%d", &c.year, &c.month, &c.day, &c.hour,
			   &c.minute, &c.second) < 3)
			abort();
	}
	zone_to_utc(zone, &c, &utc);
	return utc;
}

/* The row's start in the form that ours is printed in. */
static char *row_want(char *const *row, int64_t now_utc, const char *zone)
{
	int days, hour, minute;
	struct civil c;

	if (sscanf(row[START], "now+%d day at %d:%d", &days, &hour, &minute) == 3) {
		zone_civil(zone, now_utc, &c);
		civil_from_days(days_from_civil(c.year, c.month, c.day) + days, &c);
		return xasprintf("%04d-%02d-%02dT%02d:%02d:00", c.year, c.month, c.day, hour,
				 minute);
	}
	return xstrdup(row[START]);
}

static char *our_answer(char *const *row, int64_t now_utc, const char *zone)
{
	struct duration d;
	struct when w;
	struct err err;

	if (!strcmp(row[KIND], "duration")) {
		if (duration_parse(row[PHRASE], &d, &err))
			return xstrdup("ERROR");
		return xasprintf("%" PRId64 " s", duration_seconds(&d));
	}
	if (when_parse(row[PHRASE], zone, now_utc, &w, &err))
		return xstrdup("ERROR");
	/* A source that knows instants only says the day's first one. */
	if (w.is_day && *row[ALLDAY])
		return xasprintf("%04d-%02d-%02d", w.civil.year, w.civil.month, w.civil.day);
	return xasprintf("%04d-%02d-%02dT%02d:%02d:%02d", w.civil.year, w.civil.month, w.civil.day,
			 w.civil.hour, w.civil.minute, w.civil.second);
}

static void check_row(const char *file, int line, char *const *row)
{
	const char *zone = *row[TZ] ? row[TZ] : "UTC";
	const char *why = NULL;
	int64_t now;

	if (strcmp(row[START], "ERROR"))
		why = applies(row);
	if (why) {
		rows_other++;
		printf("# %s:%d '%s' is not ours: %s\n", file, line, row[PHRASE], why);
		return;
	}
	now = row_now(row[NOW], zone);
	{
		AUTO(free) char *want = row_want(row, now, zone);
		AUTO(free) char *got = our_answer(row, now, zone);
		bool ok = !strcmp(want, got);

		*(ok ? &rows_ok : &rows_bad) += 1;
		printf("%s %d - %s:%d '%s'\n", ok ? "ok" : "not ok", rows_ok + rows_bad, file, line,
		       row[PHRASE]);
		if (!ok)
			printf("# got %s, want %s\n", got, want);
	}
}

static void check_file(const char *dir, const char *name)
{
	AUTO(free) char *path = xasprintf("%s/%s", dir, name);
	AUTO(fclose) FILE *f = fopen(path, "re");
	AUTO(free) char *line = NULL;
	size_t alloc = 0;
	ssize_t len;

	if (!f) {
		rows_bad++;
		printf("not ok %d - cannot open %s\n", rows_ok + rows_bad, path);
		return;
	}
	for (int n = 1; (len = getline(&line, &alloc, f)) > 0; n++) {
		char *row[COLUMNS];
		char *rest = line;
		int i = 0;

		line[strcspn(line, "\n")] = '\0';
		while (i < COLUMNS && rest)
			row[i++] = strsep(&rest, "\t");
		if (n > 1 && i == COLUMNS) {
			check_row(name, n, row);
		} else if (n > 1) {
			rows_bad++;
			printf("not ok %d - %s:%d has %d columns\n", rows_ok + rows_bad, name, n,
			       i);
		}
	}
}

int main(void)
{
	const char *fixtures = getenv("FIXTURES");
	AUTO(free) char *dir = xasprintf("%s/dates", fixtures ? fixtures : ".");
	struct dirent **names;
	int n = scandir(dir, &names, NULL, alphasort);

	if (n < 0) {
		printf("not ok 1 - cannot read %s (set FIXTURES)\n", dir);
		return 1;
	}
	for (int i = 0; i < n; i++) {
		const char *name = names[i]->d_name;
		size_t len = strlen(name);

		if (len > 4 && !strcmp(name + len - 4, ".tsv") && strcmp(name, "index.tsv"))
			check_file(dir, name);
		free(names[i]);
	}
	free(names);
	printf("1..%d\n# %d rows are not of our grammar\n", rows_ok + rows_bad, rows_other);
	return rows_bad || !rows_ok;
}
