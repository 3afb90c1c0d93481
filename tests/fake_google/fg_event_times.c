#include "fg_draft.h"

#include <string.h>

#include "base/time.h"

#include "base/banned.h"

static int fail_kinds(struct fg_call *call)
{
	return fg_fail_invalid(call,
			       "Start and end times must either both be date or both be dateTime.");
}

static int fail_zone(struct fg_call *call, const char *which, bool missing)
{
	AUTO(free)
	char *message = xasprintf("%s time zone definition for %s time.",
				  missing ? "Missing" : "Invalid", which);

	return missing ? fg_fail_required(call, message) : fg_fail_invalid(call, message);
}

static int fail_format(struct fg_call *call, const char *value)
{
	AUTO(free)
	char *message = xasprintf("Invalid value for: Invalid format: \"%s\"", value);

	return fg_fail_invalid(call, message);
}

/* One EventDateTime as sent: kind, form and zone. `recurs`: it needs a zone of its own. */
static int check_point(struct fg_draft *d, const char *key, bool recurs, struct fg_when *out)
{
	const struct json_object *edt = json_get(d->next, key);
	const char *date = json_str(edt, "date");
	const char *time = json_str(edt, "dateTime");
	const char *zone = json_str(edt, "timeZone");
	struct rfc3339 t;
	struct civil day;
	struct err err;

	if (!date && !time) {
		AUTO(free) char *message = xasprintf("Missing %s time.", key);

		return fg_fail_required(d->call, message);
	}
	if (date && time)
		return fail_kinds(d->call);
	if (zone && !zone_valid(zone))
		return fail_zone(d->call, key, false);
	if (date && date_parse(date, &day, &err))
		return fail_format(d->call, date);
	if (time && rfc3339_parse(time, &t, &err))
		return fail_format(d->call, time);
	if (time && !zone && (recurs || !t.has_offset))
		return fail_zone(d->call, key, true);
	return fg_when_parse(edt, d->entry->cal->zone, out)
		       ? fail_format(d->call, date ? date : time)
		       : 0;
}

static void write_point(struct fg_draft *d, const char *key, const struct fg_when *w)
{
	const char *zone = json_str(json_get(d->next, key), "timeZone");
	AUTO(free) char *keep = w->all_day ? NULL : xstrdup_null(zone);

	json_set(d->next, key, fg_when_new(w, keep, d->entry->cal->zone));
}

static bool recurs(const struct fg_draft *d)
{
	return fg_len(json_get(d->next, "recurrence")) > 0;
}

/* Stored times that nobody touches stay, also those that could not be written today. */
static bool untouched(const struct fg_draft *d)
{
	return d->old && d->how == FG_PATCH && !fg_draft_sent(d, "start") &&
	       !fg_draft_sent(d, "end") && !fg_draft_sent(d, "recurrence");
}

int fg_check_times(struct fg_draft *d)
{
	struct fg_when start, end;

	if (untouched(d))
		return 0;
	/* Order matters: Google complains about the end first. */
	if (!json_get(d->next, "end"))
		return fg_fail_required(d->call, "Missing end time.");
	if (!json_get(d->next, "start"))
		return fg_fail_required(d->call, "Missing start time.");
	if (check_point(d, "end", recurs(d), &end) || check_point(d, "start", recurs(d), &start))
		return -1;
	if (start.all_day != end.all_day)
		return fail_kinds(d->call);
	if (end.s <= start.s)
		return fg_fail(d->call, 400, "calendar", "timeRangeEmpty",
			       "The specified time range is empty.", "parameter", "timeMax");
	if (recurs(d) && !start.all_day &&
	    strcmp(json_str(json_get(d->next, "start"), "timeZone"),
		   json_str(json_get(d->next, "end"), "timeZone")) != 0)
		return fail_zone(d->call, "end", false);
	write_point(d, "start", &start);
	write_point(d, "end", &end);
	json_del(d->next, "endTimeUnspecified");
	return 0;
}

int fg_check_recurrence(struct fg_draft *d)
{
	const struct json_object *lines = json_get(d->next, "recurrence");
	const char *wrong;

	if (!lines || !fg_draft_sent(d, "recurrence"))
		return 0;
	if (fg_len(lines) && json_get(d->next, "recurringEventId"))
		return fg_fail_invalid(d->call, "Recurring instances cannot have a recurrence.");
	wrong = fg_series_check(lines, json_str(json_get(d->next, "start"), "date") != NULL);
	return wrong ? fg_fail_invalid(d->call, wrong) : 0;
}
