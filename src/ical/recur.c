#include "ical/recur.h"

#include <string.h>

#include "base/time.h"
#include "base/xalloc.h"
#include "ical/series.h"
#include "base/banned.h"

/* --- ids ---------------------------------------------------------------------------------- */

/* The first master's id, of which Google splits further ones off as id_Ryyyymmdd[Thhmmss]. */
static size_t base_len(const char *master_id)
{
	const char *mark = master_id;
	struct stamp stamp;

	while ((mark = strstr(mark, "_R"))) {
		if (stamp_parse(mark + 2, strlen(mark + 2), &stamp) && stamp.kind != STAMP_UTC)
			return (size_t)(mark - master_id);
		mark += 2;
	}
	return strlen(master_id);
}

char *recur_instance_id(const char *master_id, bool all_day, int64_t start_utc, int64_t day)
{
	int base = (int)base_len(master_id);
	struct civil c;

	if (all_day) {
		civil_from_days(day, &c);
		return xasprintf("%.*s_%04d%02d%02d", base, master_id, c.year, c.month, c.day);
	}
	civil_from_s(start_utc, &c);
	return xasprintf("%.*s_%04d%02d%02dT%02d%02d%02dZ", base, master_id, c.year, c.month, c.day,
			 c.hour, c.minute, c.second);
}

bool recur_instance_parse(const char *id, size_t *out_base_len, struct recur_stamp *out)
{
	const char *mark = strrchr(id, '_');
	struct stamp stamp;

	if (!mark || mark == id || !stamp_parse(mark + 1, strlen(mark + 1), &stamp) ||
	    stamp.kind == STAMP_LOCAL)
		return false;
	*out_base_len = (size_t)(mark - id);
	*out = (struct recur_stamp){.all_day = stamp.kind == STAMP_DATE, .at = stamp.s};
	return true;
}

int64_t recur_stamp_utc(const struct recur_stamp *s, const char *zone)
{
	struct civil c;
	int64_t utc;

	if (!s->all_day)
		return s->at;
	civil_from_s(s->at, &c);
	zone_to_utc(zone, &c, &utc);
	return utc;
}

bool recur_master_named(const char *master_id, const char *base, size_t len)
{
	return !strncmp(master_id, base, len) && (!master_id[len] || base_len(master_id) == len);
}

/* --- occurrences -------------------------------------------------------------------------- */

void occurrence_release(struct occurrence *o)
{
	free(o->id);
	*o = (struct occurrence){0};
}

void occurrence_list_release(struct occurrence_list *l)
{
	for (size_t i = 0; i < l->count; i++)
		occurrence_release(&l->items[i]);
	free(l->items);
	*l = (struct occurrence_list){0};
}

static int64_t floor_day(int64_t s)
{
	return s / DAY_S - (s % DAY_S < 0);
}

static struct occurrence occurrence_at(const struct series *s, const char *master_id,
				       const struct point *p)
{
	struct occurrence o = {.all_day = s->all_day};

	o.start_utc = series_utc(s, p->key);
	o.end_utc = series_utc(s, p->key + p->length);
	if (o.all_day) {
		o.day = floor_day(p->key);
		o.days = (p->length + DAY_S - 1) / DAY_S;
	}
	o.id = recur_instance_id(master_id, o.all_day, o.start_utc, o.day);
	return o;
}

/* What the window's bounds may be, moved by an event's length: far from the ends of int64_t. */
static int64_t bounded(int64_t utc)
{
	if (utc < RECUR_PAST)
		return RECUR_PAST;
	return utc > RECUR_FUTURE ? RECUR_FUTURE : utc;
}

int recur_expand(const struct json_object *master, const char *zone, int64_t from_utc,
		 int64_t to_utc, size_t max, struct occurrence_list *out, struct err *err)
{
	AUTO(series_release) struct series s = {0};
	AUTO(points_release) struct points p = {0};
	const char *id = json_str(master, "id");
	/* The keys of an all-day series are off its instants by the zone. */
	int64_t margin;
	bool truncated;

	if (series_read(master, zone, &s, err))
		return -1;
	margin = s.all_day ? 2 * DAY_S : 0;
	from_utc = bounded(from_utc);
	to_utc = bounded(to_utc);
	if (series_points(&s, from_utc - s.length - margin, to_utc + margin,
			  max > SIZE_MAX - 8 ? max : max + 8, &p, &truncated, err))
		return -1;
	occurrence_list_release(out);
	out->items = xcalloc(p.count ? p.count : 1, sizeof(*out->items));
	for (size_t i = 0; i < p.count; i++) {
		struct occurrence o = occurrence_at(&s, id ? id : "", &p.items[i]);
		bool inside = o.end_utc > from_utc && o.start_utc < to_utc;

		if (i == p.count - 1 && o.start_utc >= to_utc)
			truncated = false; /* what was cut is beyond the window */
		if (inside && out->count < max) {
			out->items[out->count++] = o;
			continue;
		}
		out->truncated |= inside;
		free(o.id);
	}
	out->truncated |= truncated;
	return 0;
}

int recur_has(const struct json_object *master, const char *zone, int64_t start_utc, bool *out,
	      struct err *err)
{
	AUTO(series_release) struct series s = {0};
	bool has;

	if (series_read(master, zone, &s, err) || series_has(&s, start_utc, &has, err))
		return -1;
	*out = has;
	return 0;
}

int recur_find(const struct json_object *master, const char *zone, int64_t start_utc,
	       struct occurrence *out, bool *out_found, struct err *err)
{
	AUTO(occurrence_list_release) struct occurrence_list list = {0};

	*out_found = false;
	/* One of no length ends where a window that begins with it does. */
	if (recur_expand(master, zone, start_utc - 1, start_utc + 1, SIZE_MAX, &list, err))
		return -1;
	for (size_t i = 0; i < list.count && !*out_found; i++) {
		if (list.items[i].start_utc != start_utc)
			continue;
		*out = list.items[i];
		list.items[i].id = NULL;
		*out_found = true;
	}
	return 0;
}

/* --- the instance as a resource ----------------------------------------------------------- */

/* As Google writes it: in the calendar's zone, with the name of the event's. */
static struct json_object *time_new(int64_t utc, const struct json_object *of, const char *zone)
{
	struct json_object *time = json_object_new_object();
	char buf[RFC3339_LEN];

	rfc3339_format(utc, zone_offset(zone, utc), buf);
	json_set_str(time, "dateTime", buf);
	if (json_str(of, "timeZone"))
		json_set_str(time, "timeZone", json_str(of, "timeZone"));
	return time;
}

static struct json_object *date_new(int64_t day)
{
	struct json_object *time = json_object_new_object();
	char buf[DATE_LEN];
	struct civil c;

	civil_from_days(day, &c);
	date_format(&c, buf);
	json_set_str(time, "date", buf);
	return time;
}

struct json_object *recur_instance(const struct json_object *master, const char *zone,
				   const struct occurrence *o)
{
	struct json_object *r = json_clone(master);
	const struct json_object *start = json_get(master, "start"), *end = json_get(master, "end");

	json_del(r, "recurrence");
	json_set_str(r, "id", o->id);
	json_set_str(r, "recurringEventId", json_str(master, "id"));
	json_set(r, "start", o->all_day ? date_new(o->day) : time_new(o->start_utc, start, zone));
	json_set(r, "end",
		 o->all_day ? date_new(o->day + o->days)
			    : time_new(o->end_utc, end ? end : start, zone));
	json_set(r, "originalStartTime", json_clone(json_get(r, "start")));
	return r;
}
