#include "store/event_index.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "base/xalloc.h"
#include "model/event.h"

#include "base/banned.h"

/*
 * The UNTIL of a rule as seconds, as if it were UTC, whatever its form: yyyymmdd["T"hhmmss["Z"]].
 * False: none there, or not readable.
 */
static bool rule_until(const char *rule, int64_t *out)
{
	const char *p = strcasestr(rule, "UNTIL=");
	struct civil c = {0};
	int digits[8];

	if (!p)
		return false;
	p += strlen("UNTIL=");
	for (int i = 0; i < 8; i++) {
		if (!isdigit((unsigned char)p[i]))
			return false;
		digits[i] = p[i] - '0';
	}
	c.year = digits[0] * 1000 + digits[1] * 100 + digits[2] * 10 + digits[3];
	c.month = digits[4] * 10 + digits[5];
	c.day = digits[6] * 10 + digits[7];
	if (c.year < 1 || c.month < 1 || c.month > 12 || c.day < 1 ||
	    c.day > days_in_month(c.year, c.month))
		return false;
	*out = civil_to_s(&c);
	return true;
}

/* When a series is surely over: the last day that a rule names, two days for the time of day and
 * the zone, and the length of one event. A rule by count or without end,
 * or single dates: unknown. */
static bool series_until(const struct json_object *recurrence, int64_t duration_s, int64_t *out)
{
	bool known = false;
	int64_t last = 0;

	for (size_t i = 0; i < json_object_array_length(recurrence); i++) {
		const char *line = json_object_get_string(json_object_array_get_idx(recurrence, i));
		int64_t until;

		if (!line || !strncasecmp(line, "EX", 2)) /* EXDATE, EXRULE only take away */
			continue;
		if (strncasecmp(line, "RRULE", 5) || !rule_until(line, &until))
			return false;
		last = !known || until > last ? until : last;
		known = true;
	}
	if (known)
		*out = last + 2 * DAY_S + duration_s;
	return known;
}

static void derive_span(struct json_object *resource, const char *zone, struct event_index *ix)
{
	struct json_object *recurrence = json_get(resource, "recurrence");
	const char *date;

	ix->has_span = event_span(resource, zone, &ix->start_utc, &ix->end_utc, &ix->all_day);
	if (!ix->has_span)
		return;
	if (ix->end_utc - ix->start_utc > EVENT_SHORT_S)
		ix->reach = REACH_LONG;
	if (event_is_master(resource)) {
		ix->reach = REACH_SERIES;
		ix->has_until =
			json_object_is_type(recurrence, json_type_array) &&
			series_until(recurrence, ix->end_utc - ix->start_utc, &ix->until_utc);
	}
	rfc3339_format(ix->start_utc, 0, ix->start_time);
	rfc3339_format(ix->end_utc, 0, ix->end_time);
	if (!ix->all_day)
		return;
	/* event_span() has read these dates: they are of the right form. */
	date = json_path_str(resource, "start/date");
	if (!date)
		date = json_path_str(resource, "originalStartTime/date");
	snprintf(ix->start_time, sizeof(ix->start_time), "%s", date ? date : "");
	date = json_path_str(resource, "end/dateTime") ? NULL : json_path_str(resource, "end/date");
	snprintf(ix->end_time, sizeof(ix->end_time), "%s", date ? date : ix->start_time);
}

void event_index_derive(struct json_object *resource, const char *zone, struct event_index *out)
{
	const char *updated = json_str(resource, "updated");
	struct event_index ix = {0};
	struct rfc3339 t;
	struct err ignored; /* Google's business: without a readable time there is none */

	derive_span(resource, zone, &ix);
	ix.cancelled = event_is_cancelled(resource);
	if (updated && !rfc3339_parse(updated, &t, &ignored) && t.has_offset)
		ix.google_updated_ms = t.utc * 1000 + t.ms;
	ix.status = json_str(resource, "status");
	ix.recurring_event_id = json_str(resource, "recurringEventId");
	ix.ical_uid = json_str(resource, "iCalUID");
	ix.summary = json_str(resource, "summary");
	ix.location = json_str(resource, "location");
	ix.description = json_str(resource, "description");
	*out = ix;
}

static void bind_optional(struct stmt *st, const char *name, bool is_set, int64_t value)
{
	if (is_set)
		stmt_int(st, name, value);
	else
		stmt_null(st, name);
}

void event_index_bind(struct stmt *st, const struct event_index *ix, int64_t changed_ms)
{
	stmt_bool(st, ":cancelled", ix->cancelled);
	stmt_bool(st, ":all_day", ix->all_day);
	bind_optional(st, ":start_utc", ix->has_span, ix->start_utc);
	bind_optional(st, ":end_utc", ix->has_span, ix->end_utc);
	stmt_int(st, ":reach", ix->reach);
	bind_optional(st, ":until_utc", ix->has_until, ix->until_utc);
	stmt_int(st, ":updated_ms",
		 changed_ms > ix->google_updated_ms ? changed_ms : ix->google_updated_ms);
	stmt_text(st, ":start_time", ix->has_span ? ix->start_time : NULL);
	stmt_text(st, ":end_time", ix->has_span ? ix->end_time : NULL);
	stmt_text(st, ":status", ix->status);
	stmt_text(st, ":recurring_event_id", ix->recurring_event_id);
	stmt_text(st, ":ical_uid", ix->ical_uid);
	stmt_text(st, ":summary", ix->summary);
	stmt_text(st, ":location", ix->location);
	stmt_text(st, ":description", ix->description);
}

/* --- rebuild ----------------------------------------------------------------------------- */

static const char sql_span_update[] =
	"UPDATE event SET all_day = :all_day, start_utc = :start_utc, end_utc = :end_utc,"
	" reach = :reach, until_utc = :until_utc, start_time = :start_time, end_time = :end_time"
	" WHERE event_row = :row";

static int span_update(struct store *s, int64_t row, const struct event_index *ix, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_span_update, &st, err))
		return -1;
	stmt_int(st, ":row", row);
	stmt_bool(st, ":all_day", ix->all_day);
	bind_optional(st, ":start_utc", ix->has_span, ix->start_utc);
	bind_optional(st, ":end_utc", ix->has_span, ix->end_utc);
	stmt_int(st, ":reach", ix->reach);
	bind_optional(st, ":until_utc", ix->has_until, ix->until_utc);
	stmt_text(st, ":start_time", ix->has_span ? ix->start_time : NULL);
	stmt_text(st, ":end_time", ix->has_span ? ix->end_time : NULL);
	return stmt_run(st, err);
}

static const char sql_row_source[] =
	"SELECT e.id, e.resource, c.time_zone"
	" FROM event e JOIN calendar c ON c.calendar_id = e.calendar_id"
	" WHERE e.event_row = :row";

static int rebuild_row(struct store *s, int64_t row, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	AUTO(json_object_put) struct json_object *resource = NULL;
	struct event_index ix;
	int status;

	if (db_prepare(s->db, sql_row_source, &st, err))
		return -1;
	stmt_int(st, ":row", row);
	status = stmt_step(st, err);
	if (status != 1)
		return status;
	if (col_json(st, 1, "event", col_text(st, 0), &resource, err))
		return -1;
	event_index_derive(resource, col_text(st, 2), &ix);
	return span_update(s, row, &ix, err);
}

static const char sql_rows_of[] = "SELECT event_row FROM event WHERE calendar_id = :calendar";

/* The numbers first: a walk would be disturbed by updates to the index that it may go by. */
int event_index_rebuild(struct store *s, int64_t calendar_id, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	AUTO(free) int64_t *rows = NULL;
	size_t count = 0;
	int status;

	if (db_prepare(s->db, sql_rows_of, &st, err))
		return -1;
	stmt_int(st, ":calendar", calendar_id);
	while ((status = stmt_step(st, err)) == 1) {
		if (!(count & (count + 1))) /* 0, 1, 3, 7, ...: double */
			rows = xreallocarray(rows, 2 * count + 1, sizeof(*rows));
		rows[count++] = col_int(st, 0);
	}
	for (size_t i = 0; !status && i < count; i++)
		status = rebuild_row(s, rows[i], err);
	return status;
}
