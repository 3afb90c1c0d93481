/*
 * Every VEVENT of a collection of iCalendar files, the broken ones too, as a series.
 *
 * Run by `make check-fixtures FIXTURES=DIR`; every file below DIR/ics that ends in .ics or .ical. The
 * files hold no lists of their occurrences. What is checked of each event: recur_expand() comes back
 * in time, either with ERR_INVALID or with a list that is in order, as long as COUNT says, agrees
 * with recur_has(), with windows and with both halves of a cut, and is what the model of Google
 * gives (tests/fake_google: another program, on libical). One test a file.
 */
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "../fake_google/fg_model.h"
#include "base/io.h"
#include "base/strbuf.h"
#include "base/time.h"
#include "base/xalloc.h"
#include "ical/recur.h"
#include "ical/rule.h"
#include "model/event.h"

#include "base/banned.h"

#define ZONE     "Europe/Berlin" /* of the calendar: of floating times */
#define MAX      200
#define CALL_S   5
#define FAR      4102444800 /* 2100 */
#define FILES_OK 380

static struct {
	int files, bad_files, events, series, refused, compared;
} tally;

/* --- reading ------------------------------------------------------------------------------ */

/* The next content line, unfolded; NULL at the end. */
static char *next_line(const char **text)
{
	struct strbuf line = STRBUF_INIT;

	if (!**text)
		return NULL;
	for (;;) {
		size_t n = strcspn(*text, "\r\n");

		strbuf_add(&line, *text, n);
		*text += n;
		*text += strspn(*text, "\r");
		*text += **text == '\n';
		if (**text != ' ' && **text != '\t')
			return strbuf_detach(&line);
		++*text;
	}
}

static bool named(const char *line, const char *name)
{
	size_t n = strlen(name);

	return !strncasecmp(line, name, n) && (line[n] == ':' || line[n] == ';');
}

/* The TZID of a line, when the tz database knows it. */
static char *line_zone(const char *line)
{
	const char *at = strcasestr(line, ";TZID=");
	size_t n = at ? strcspn(at + 6, ";:") : 0;
	AUTO(free) char *zone = NULL;

	if (!n || at > strchr(line, ':'))
		return NULL;
	zone = at[6] == '"' && n > 2 ? xstrndup(at + 7, n - 2) : xstrndup(at + 6, n);
	return zone_valid(zone) ? TAKE(zone) : NULL;
}

/* What an importer does with names of zones that nobody knows: the event's own is meant. */
static char *without_unknown_zone(const char *line)
{
	AUTO(free) char *zone = line_zone(line);
	const char *at = strcasestr(line, ";TZID=");
	const char *colon = strchr(line, ':');

	if (zone || !at || !colon || at > colon)
		return xstrdup(line);
	return xasprintf("%.*s%s", (int)(at - line), line, at + 1 + strcspn(at + 1, ";:"));
}

/* {"date"} or {"dateTime", "timeZone"}; NULL: no such time. */
static struct json_object *time_of(const char *line)
{
	const char *value = strchr(line, ':');
	AUTO(free) char *zone = line_zone(line);
	struct json_object *time;
	struct stamp stamp;
	struct civil c;
	char text[RFC3339_LEN];

	if (!value || !stamp_parse(value + 1, strlen(value + 1), &stamp))
		return NULL;
	time = json_object_new_object();
	civil_from_s(stamp.s, &c);
	date_format(&c, text);
	if (stamp.kind != STAMP_DATE) {
		rfc3339_format(stamp.s, 0, text);
		if (stamp.kind == STAMP_LOCAL)
			text[strlen(text) - 1] = '\0';
		json_set_str(time, "timeZone",
			     stamp.kind == STAMP_UTC ? "UTC"
			     : zone                  ? zone
						     : ZONE);
	}
	json_set_str(time, stamp.kind == STAMP_DATE ? "date" : "dateTime", text);
	return time;
}

/* A VEVENT's lines so far. */
struct vevent {
	struct json_object *start, *end, *lines;
};

static void vevent_line(struct vevent *v, const char *line)
{
	static const char *const names[] = {"RRULE", "EXRULE", "RDATE", "EXDATE"};

	if (named(line, "DTSTART") && !v->start)
		v->start = time_of(line);
	else if (named(line, "DTEND") && !v->end)
		v->end = time_of(line);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (named(line, names[i])) {
			AUTO(free) char *clean = without_unknown_zone(line);

			json_object_array_add(v->lines, json_object_new_string(clean));
		}
	}
}

/* --- checks ------------------------------------------------------------------------------- */

static int complain(const struct json_object *master, const char *what, const char *more)
{
	AUTO(free) char *text = xstrdup(json_text((struct json_object *)master));

	printf("# %s %s: %.900s\n", what, more, text);
	return -1;
}

static int expand(const struct json_object *master, int64_t from, int64_t to, size_t max,
		  struct occurrence_list *out, struct err *err)
{
	clock_t began = clock();
	int status = recur_expand(master, ZONE, from, to, max, out, err);

	if ((double)(clock() - began) / CLOCKS_PER_SEC > CALL_S) {
		complain(master, "took too long", "");
		exit(1);
	}
	return status;
}

static int check_order(const struct json_object *master, const struct occurrence_list *l)
{
	for (size_t i = 0; i < l->count; i++) {
		const struct occurrence *o = &l->items[i];
		AUTO(json_object_put)
		struct json_object *instance = recur_instance(master, ZONE, o);
		int64_t start, end;
		struct err err;
		bool all_day, has;

		if (o->end_utc < o->start_utc ||
		    (i && (o->start_utc <= o[-1].start_utc || !strcmp(o->id, o[-1].id))))
			return complain(master, "out of order", o->id);
		if (!event_span(instance, ZONE, &start, &end, &all_day) || start != o->start_utc ||
		    end != o->end_utc || all_day != o->all_day)
			return complain(master, "instance is elsewhere", o->id);
		if (recur_has(master, ZONE, o->start_utc, &has, &err) || !has)
			return complain(master, "has() does not know", o->id);
		if (i + 1 < l->count && o[1].start_utc == o->start_utc + 1)
			continue;
		if (recur_has(master, ZONE, o->start_utc + 1, &has, &err) || has)
			return complain(master, "has() knows more than", o->id);
	}
	return 0;
}

static int check_windows(const struct json_object *master, const struct occurrence_list *l)
{
	for (size_t i = 0; i < l->count; i += 1 + l->count / 8) {
		AUTO(occurrence_list_release) struct occurrence_list part = {0};
		const struct occurrence *o = &l->items[i];
		size_t n = 0;
		struct err err;

		if (expand(master, o->start_utc - 1, o->start_utc + 1, MAX, &part, &err))
			return complain(master, "no window", err.msg);
		while (n < part.count && strcmp(part.items[n].id, o->id) != 0)
			n++;
		if (n == part.count)
			return complain(master, "not in its window", o->id);
	}
	return 0;
}

static int check_cut(const struct json_object *master, const struct occurrence_list *l)
{
	const struct occurrence *o;
	AUTO(json_object_put) struct json_object *old = json_clone(master);
	AUTO(json_object_put) struct json_object *rest = NULL;
	AUTO(occurrence_list_release) struct occurrence_list first = {0};
	AUTO(occurrence_list_release) struct occurrence_list second = {0};
	struct json_object *lines;
	struct err err;

	if (l->count < 3)
		return 0;
	o = &l->items[l->count / 2];
	if (recur_trim(master, ZONE, o->start_utc, &lines, &err))
		return complain(master, "cannot be trimmed", err.msg);
	json_set(old, "recurrence", lines);
	if (expand(old, RECUR_PAST, FAR, MAX, &first, &err) || first.count != l->count / 2)
		return complain(old, "is not the first half at", o->id);
	if (recur_rest(master, ZONE, o->start_utc, &lines, &err))
		return complain(master, "has no rest", err.msg);
	rest = recur_instance(master, ZONE, o);
	json_set(rest, "recurrence", lines);
	if (expand(rest, RECUR_PAST, FAR, l->count - l->count / 2, &second, &err) ||
	    second.count != l->count - l->count / 2)
		return complain(rest, "is not the second half at", o->id);
	for (size_t i = 0; i < second.count; i++)
		if (second.items[i].start_utc != o[i].start_utc)
			return complain(rest, "is another second half at", o->id);
	return 0;
}

/* What libical 3.0 gets wrong is left out of the comparison. */
static bool libical_knows(const char *line)
{
	static const char *const not [] = {"BYWEEKNO", "BYYEARDAY", "BYSETPOS",
					   "RSCALE",   "SECONDLY",  "MINUTELY"};

	for (size_t i = 0; i < ARRAY_SIZE(not ); i++)
		if (strcasestr(line, not [i]))
			return false;
	return true;
}

static int check_against_google(const struct json_object *master, const struct occurrence_list *l)
{
	const struct json_object *lines = json_get(master, "recurrence");
	AUTO(fg_times_release) struct fg_times times = {0};
	int64_t until = l->truncated ? l->items[l->count - 1].start_utc : FAR;

	for (size_t i = 0; i < json_object_array_length(lines); i++)
		if (!libical_knows(json_object_get_string(json_object_array_get_idx(lines, i))))
			return 0;
	if (fg_series_check(lines, json_path_str(master, "start/date") != NULL))
		return complain(master, "is refused by", "Google's model");
	fg_series_expand(master, ZONE, until, &times);
	tally.compared++;
	for (size_t i = 0; i < l->count && l->items[i].start_utc < until; i++) {
		const struct occurrence *o = &l->items[i];
		int64_t key = o->all_day ? o->day * DAY_S : o->start_utc;

		if (i >= times.count || times.list[i].s != key)
			return complain(master, "Google's model has another", o->id);
	}
	return 0;
}

static size_t count_of(const struct json_object *lines)
{
	const char *line = json_object_get_string(json_object_array_get_idx(lines, 0));
	const char *at = strcasestr(line, "COUNT=");

	return json_object_array_length(lines) == 1 && at && !strcasestr(line, "UNTIL=")
		       ? strtoul(at + 6, NULL, 10)
		       : 0;
}

static int check_series(const struct json_object *master)
{
	AUTO(occurrence_list_release) struct occurrence_list list = {0};
	size_t count = count_of(json_get(master, "recurrence"));
	struct err err = {0};

	tally.series++;
	if (expand(master, RECUR_PAST, FAR, MAX, &list, &err)) {
		tally.refused++;
		if (err.code != ERR_INVALID || !*err.msg)
			return complain(master, "failed", err.msg);
		printf("# refused: %s\n", err.msg);
		return 0;
	}
	/* The start may be beside the rule. */
	if (count && count < MAX && list.count != count && list.count != count + 1)
		return complain(master, "COUNT is not kept", "");
	if (check_order(master, &list) || check_windows(master, &list) || check_cut(master, &list))
		return -1;
	return list.count ? check_against_google(master, &list) : 0;
}

/* --- files -------------------------------------------------------------------------------- */

static int check_event(struct vevent *v)
{
	AUTO(json_object_put) struct json_object *master = json_object_new_object();
	bool series = json_object_array_length(v->lines) && v->start;

	tally.events++;
	json_set_str(master, "id", "abcde");
	json_set(master, "start", v->start);
	json_set(master, "end", v->end ? v->end : json_clone(v->start));
	json_set(master, "recurrence", v->lines);
	*v = (struct vevent){0};
	return series ? check_series(master) : 0;
}

static int check_text(const char *text)
{
	struct vevent v = {0};
	char *line;
	int bad = 0;

	while ((line = next_line(&text))) {
		if (!strcasecmp(line, "BEGIN:VEVENT")) {
			if (v.lines)
				bad |= check_event(&v);
			v.lines = json_object_new_array();
		} else if (v.lines && !strcasecmp(line, "END:VEVENT")) {
			bad |= check_event(&v);
		} else if (v.lines) {
			vevent_line(&v, line);
		}
		free(line);
	}
	if (v.lines) /* the file ends within it */
		bad |= check_event(&v);
	return bad;
}

static int check_file(const char *path, const struct stat *st, int type)
{
	const char *dot = strrchr(path, '.');
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err err;
	int bad;

	(void)st;
	if (type != FTW_F || !dot || (strcmp(dot, ".ics") != 0 && strcmp(dot, ".ical") != 0))
		return 0;
	bad = io_read_file(path, SIZE_MAX, &text, &err) || check_text(text.buf);
	tally.files++;
	tally.bad_files += bad != 0;
	printf("%sok %d - %s\n", bad ? "not " : "", tally.files, strstr(path, "/ics/") + 5);
	return 0;
}

int main(void)
{
	const char *dir = getenv("FIXTURES");
	AUTO(free) char *path = xasprintf("%s/ics", dir ? dir : "");

	if (!dir || ftw(path, check_file, 16)) {
		fprintf(stderr, "FIXTURES is not set, or %s cannot be read\n", path);
		return 2;
	}
	if (tally.files < FILES_OK || tally.compared < 150) {
		tally.files++;
		tally.bad_files++;
		printf("not ok %d - enough files and series\n", tally.files);
	}
	printf("# %d events, %d series, %d refused, %d compared with Google's model\n",
	       tally.events, tally.series, tally.refused, tally.compared);
	printf("1..%d\n", tally.files);
	return tally.bad_files ? 1 : 0;
}
