/*
 * Start and end of an event from --start, --end, --duration, --all-day and --timezone.
 *
 * Of an edited event, what is not given stays: its zone, its kind (unless --all-day or the form of
 * --start says otherwise) and its length (a change between timed and all-day starts from the days
 * it touched, or an hour). --timezone alone shows the same instants in another zone.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/when.h"
#include "cmd/event_options.h"
#include "model/event.h"
#include "base/banned.h"

#define HOUR_S 3600

/* Instants of a timed event, days since 1970 (end exclusive) of an all-day one. */
struct span {
	bool all_day;
	int64_t start, end;
};

static int64_t civil_day(const struct civil *c)
{
	return days_from_civil(c->year, c->month, c->day);
}

static int64_t day_at(const char *zone, int64_t utc)
{
	struct civil c;

	zone_civil(zone, utc, &c);
	return civil_day(&c);
}

/* false: a new event, nothing there yet. */
static bool read_span(const struct json_object *resource, const char *zone, struct span *out)
{
	if (!event_span(resource, "UTC", &out->start, &out->end, &out->all_day))
		return false;
	if (out->all_day) {
		out->start /= DAY_S;
		out->end /= DAY_S;
	} else {
		event_span(resource, zone, &out->start, &out->end, &out->all_day);
	}
	return true;
}

static void warn_moved(const char *option, const char *text, const struct when *w)
{
	if (w->fit == ZONE_GAP)
		log_warn("event",
			 "%s '%s' is skipped by a clock change in %s; it is moved to %02d:%02d",
			 option, text, w->zone, w->civil.hour, w->civil.minute);
	if (w->fit == ZONE_OVERLAP)
		log_info("event", "%s '%s' occurs twice in %s; the first one is taken", option,
			 text, w->zone);
}

/* A bare time of day is on the day of the instant `on` rather than today (has_on). */
static int parse_time(const char *option, const char *text, const char *zone, int64_t now_utc,
		      bool has_on, int64_t on, struct when *out, struct err *err)
{
	if (when_parse(text, zone, now_utc, out, err))
		return err_wrap(err, "%s", option);
	if (out->clock_only && has_on && when_parse(text, zone, on, out, err))
		return err_wrap(err, "%s", option);
	warn_moved(option, text, out);
	return 0;
}

static int parse_start(const struct event_options *o, const char *zone, int64_t now_utc,
		       const struct span *was, bool edited, struct span *out, struct err *err)
{
	struct when w;

	if (!o->start && !edited)
		return err_set(err, ERR_USAGE, "an event needs a start; say --start TIME");
	if (!o->start) {
		out->all_day = o->all_day || was->all_day;
		out->start = out->all_day && !was->all_day ? day_at(zone, was->start) : was->start;
		return 0;
	}
	if (parse_time("--start", o->start, zone, now_utc, edited && !was->all_day, was->start, &w,
		       err))
		return -1;
	out->all_day = o->all_day || w.is_day;
	out->start = out->all_day ? civil_day(&w.civil) : w.utc;
	return 0;
}

static int parse_end(const struct event_options *o, const char *zone, int64_t now_utc,
		     struct span *out, struct err *err)
{
	struct when w;

	if (parse_time("--end", o->end, zone, now_utc, !out->all_day, out->start, &w, err))
		return -1;
	if (out->all_day && !w.is_day)
		return err_set(
			err, ERR_INVALID,
			"--end '%s' has a time of day, but the event is all-day; give --end a "
			"day, or --start a time of day too",
			o->end);
	if (!out->all_day && w.is_day)
		return err_set(err, ERR_INVALID,
			       "--end '%s' is a day, but the event begins at a time of day; give "
			       "--end a time of day too, or say --all-day",
			       o->end);
	out->end = out->all_day ? civil_day(&w.civil) + 1 : w.utc;
	if (out->end <= out->start)
		return err_set(err, ERR_INVALID, "the end '%s' is not after the start", o->end);
	return 0;
}

static int parse_duration(const struct event_options *o, const char *zone, struct span *out,
			  struct err *err)
{
	struct duration d;
	struct when w;

	if (duration_parse(o->duration, &d, err))
		return err_wrap(err, "--duration");
	if (duration_seconds(&d) <= 0)
		return err_set(err, ERR_INVALID, "--duration '%s' is not more than nothing",
			       o->duration);
	if (out->all_day && duration_seconds(&d) % DAY_S)
		return err_set(err, ERR_INVALID,
			       "--duration '%s' is not in whole days, but the event is all-day",
			       o->duration);
	if (out->all_day) {
		out->end = out->start + duration_seconds(&d) / DAY_S;
		return 0;
	}
	if (when_add(out->start, &d, zone, &w, err))
		return err_wrap(err, "--duration");
	warn_moved("--duration", o->duration, &w);
	out->end = w.utc;
	return 0;
}

/* The end when none is given: the old length, or an hour, or the day. */
static void keep_length(const struct span *was, bool edited, const char *zone, struct span *out)
{
	if (edited && was->all_day == out->all_day)
		out->end = out->start + (was->end - was->start);
	else if (edited && out->all_day)
		out->end = out->start + day_at(zone, was->end - (was->end > was->start)) -
			   day_at(zone, was->start) + 1;
	else
		out->end = out->start + (out->all_day ? 1 : HOUR_S);
}

static void set_time(struct json_object *resource, const char *key, bool all_day, int64_t at,
		     const char *zone)
{
	struct json_object *time = json_object_new_object();
	char buf[RFC3339_LEN];

	if (all_day) {
		struct civil day;

		civil_from_days(at, &day);
		date_format(&day, buf);
		json_set_str(time, "date", buf);
	} else {
		rfc3339_format(at, zone_offset(zone, at), buf);
		json_set_str(time, "dateTime", buf);
		json_set_str(time, "timeZone", zone);
	}
	json_set(resource, key, time);
}

/* The zone that times are read in: --timezone, the event's own, the calendar's. */
static int choose_zone(const struct event_options *o, const char *calendar_zone,
		       const struct json_object *resource, const char **out, struct err *err)
{
	const char *own = json_path_str(resource, "start/timeZone");

	if (o->timezone && !zone_valid(o->timezone))
		return err_set(err, ERR_INVALID,
			       "unknown time zone '%s'; use a name like Europe/Berlin",
			       o->timezone);
	if (o->timezone)
		*out = o->timezone;
	else if (own && zone_valid(own))
		*out = own;
	else
		*out = calendar_zone && zone_valid(calendar_zone) ? calendar_zone : zone_system();
	return 0;
}

/* Google expands a timed series in one zone, which it must be told. */
static void zone_for_series(struct json_object *resource, const char *zone)
{
	static const char *const keys[] = {"start", "end"};

	if (!event_is_master(resource))
		return;
	for (size_t i = 0; i < 2; i++) {
		struct json_object *time = json_get(resource, keys[i]);

		if (json_str(time, "dateTime") && !json_str(time, "timeZone"))
			json_set_str(time, "timeZone", zone);
	}
}

int event_times_apply(const struct event_options *o, const char *calendar_zone, int64_t now_utc,
		      struct json_object *resource, struct err *err)
{
	struct span was = {0}, now = {0};
	const char *zone = NULL;
	bool edited, given = o->start || o->end || o->duration || o->all_day || o->timezone;

	if (o->end && o->duration)
		return err_set(err, ERR_USAGE, "--end and --duration exclude each other");
	if (choose_zone(o, calendar_zone, resource, &zone, err))
		return -1;
	edited = read_span(resource, zone, &was);
	if (!given && json_has(resource, "id")) { /* also one whose times make no sense to us */
		zone_for_series(resource, zone);
		return 0;
	}
	if (parse_start(o, zone, now_utc, &was, edited, &now, err))
		return -1;
	if (o->end) {
		if (parse_end(o, zone, now_utc, &now, err))
			return -1;
	} else if (o->duration) {
		if (parse_duration(o, zone, &now, err))
			return -1;
	} else {
		keep_length(&was, edited, zone, &now);
	}
	{
		/* zone may be the resource's own string, which goes away with the old start. */
		char kept[ZONE_NAME_LEN];
		bool moved = !edited || was.all_day != now.all_day || was.start != now.start ||
			     (o->timezone && !now.all_day);

		snprintf(kept, sizeof(kept), "%s", zone);
		if (moved)
			set_time(resource, "start", now.all_day, now.start, kept);
		if (moved || was.end != now.end)
			set_time(resource, "end", now.all_day, now.end, kept);
		zone_for_series(resource, kept);
	}
	return 0;
}
