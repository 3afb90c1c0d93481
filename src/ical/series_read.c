#include "ical/series.h"

#include <string.h>
#include <strings.h>

#include "base/duration.h"
#include "base/xalloc.h"
#include "model/event.h"
#include "base/banned.h"

/* --- dates -------------------------------------------------------------------------------- */

bool date_item(const char **text, const char **out_item, size_t *out_len)
{
	if (!*text)
		return false;
	*out_item = *text;
	*out_len = strcspn(*text, ",");
	*text = (*text)[*out_len] ? *text + *out_len + 1 : NULL;
	return true;
}

static const char *line_zone(const struct series *s, const struct series_line *line)
{
	return zone_valid(line->zone) ? line->zone : s->zone;
}

static int64_t stamp_key(const struct series *s, const struct series_line *line,
			 const struct stamp *stamp)
{
	int64_t civil = stamp->s;
	int64_t day_s = (stamp->s % DAY_S + DAY_S) % DAY_S;
	struct civil c;
	int64_t utc;

	if (s->all_day)
		return civil - day_s;
	if (stamp->kind == STAMP_UTC)
		return civil;
	if (stamp->kind == STAMP_DATE) /* a day of a timed series: at its usual time */
		civil += (s->start % DAY_S + DAY_S) % DAY_S;
	if (civil == s->start && !strcmp(line_zone(s, line), s->zone))
		return s->start_key;
	civil_from_s(civil, &c);
	zone_to_utc(line_zone(s, line), &c, &utc);
	return utc;
}

/* What follows the slash of a period: an end, or a duration. False: neither. */
static bool period_length(const struct series *s, const struct series_line *line, const char *text,
			  size_t len, int64_t start_key, int64_t *out)
{
	AUTO(free) char *copy = xstrndup(text, len);
	struct duration d;
	struct stamp end;
	struct err ignored; /* of a duration; the caller has a better message */

	if (stamp_parse(text, len, &end)) {
		*out = stamp_key(s, line, &end) - start_key;
		return true;
	}
	if (duration_parse(copy, &d, &ignored))
		return false;
	*out = d.days * DAY_S + d.seconds;
	return true;
}

static bool date_read(const struct series *s, const struct series_line *line, const char *item,
		      size_t len, struct point *out)
{
	const char *slash = memchr(item, '/', len);
	size_t first = slash ? (size_t)(slash - item) : len;
	struct stamp stamp;

	if (!stamp_parse(item, first, &stamp))
		return false;
	out->key = stamp_key(s, line, &stamp);
	out->length = s->length;
	if (slash && !period_length(s, line, slash + 1, len - first - 1, out->key, &out->length))
		return false;
	if (out->length < 0)
		out->length = 0;
	return true;
}

struct point series_date(const struct series *s, const struct series_line *line, const char *item,
			 size_t len)
{
	struct point p = {0};

	(void)date_read(s, line, item, len, &p);
	return p;
}

/* --- reading ------------------------------------------------------------------------------ */

static void read_zone(struct series_line *line, const char *param, size_t len)
{
	if (len <= 5 || strncasecmp(param, "TZID=", 5) != 0)
		return;
	param += 5;
	len -= 5;
	if (len > 2 && param[0] == '"' && param[len - 1] == '"') {
		param++;
		len -= 2;
	}
	if (len < sizeof(line->zone)) {
		memcpy(line->zone, param, len);
		line->zone[len] = '\0';
	}
}

static bool split_line(const char *text, struct series_line *line)
{
	static const char *const names[] = {"RRULE", "EXRULE", "RDATE", "EXDATE"};
	size_t name = strcspn(text, ";:");
	const char *p = text + name;
	size_t kind = 0;

	while (kind < ARRAY_SIZE(names) &&
	       (strlen(names[kind]) != name || strncasecmp(names[kind], text, name) != 0))
		kind++;
	while (*p == ';') {
		size_t len = strcspn(++p, ";:");

		read_zone(line, p, len);
		p += len;
	}
	if (kind == ARRAY_SIZE(names) || *p != ':')
		return false;
	line->kind = (enum line_kind)kind;
	line->text = text;
	line->value = p + 1;
	return true;
}

static int read_dates(const struct series *s, const struct series_line *line, struct err *err)
{
	const char *at = line->value, *item;
	struct point p;
	size_t len;

	if (*line->zone && !zone_valid(line->zone))
		return err_set(err, ERR_INVALID, "'%s': time zone '%s' is not known", line->text,
			       line->zone);
	while (date_item(&at, &item, &len))
		if (!date_read(s, line, item, len, &p))
			return err_set(err, ERR_INVALID, "'%s': '%.*s' is no date or time",
				       line->text, (int)len, item);
	return 0;
}

static int read_line(struct series *s, const struct json_object *item, struct err *err)
{
	const char *text = json_object_is_type(item, json_type_string)
				   ? json_object_get_string((struct json_object *)item)
				   : NULL;
	struct series_line line = {0};
	struct rule r;

	if (!text || !split_line(text, &line))
		return err_set(err, ERR_INVALID, "'%s' is no recurrence line",
			       text ? text : json_text((struct json_object *)item));
	if (line.kind == LINE_RDATE || line.kind == LINE_EXDATE) {
		if (read_dates(s, &line, err))
			return -1;
	} else {
		if (rule_parse(line.value, &r, err))
			return -1;
		line.rule = xmalloc(sizeof(r));
		*line.rule = r;
	}
	s->lines[s->count++] = line;
	return 0;
}

static const char *known_zone(const char *zone, const char *otherwise)
{
	return zone && zone_valid(zone) ? zone : otherwise;
}

static int read_span(const struct json_object *master, struct series *s, struct err *err)
{
	const struct json_object *start = json_get(master, "start");
	const struct json_object *end = json_get(master, "end");
	const char *date = json_str(start, "dateTime") ? NULL : json_str(start, "date");
	int64_t end_utc = 0;
	struct civil c;
	struct err ignored; /* an end that cannot be read is none */

	s->all_day = date;
	if (date) {
		if (date_parse(date, &c, err))
			return err_wrap(err, "start");
		s->start = s->start_key = civil_to_s(&c);
		s->length = DAY_S;
		date = json_str(end, "date");
		if (date && !date_parse(date, &c, &ignored) && civil_to_s(&c) > s->start)
			s->length = civil_to_s(&c) - s->start;
		return 0;
	}
	if (!event_time_utc(start, s->cal_zone, &s->start_key))
		return err_set(err, ERR_INVALID, "the series has no start that can be read");
	s->start = s->start_key + zone_offset(s->zone, s->start_key);
	if (event_time_utc(end, s->cal_zone, &end_utc) && end_utc > s->start_key)
		s->length = end_utc - s->start_key;
	return 0;
}

int series_read(const struct json_object *master, const char *cal_zone, struct series *out,
		struct err *err)
{
	const struct json_object *lines = json_get(master, "recurrence");
	size_t n =
		json_object_is_type(lines, json_type_array) ? json_object_array_length(lines) : 0;
	AUTO(series_release) struct series s = {.cal_zone = known_zone(cal_zone, "UTC")};

	s.zone = known_zone(json_path_str(master, "start/timeZone"), s.cal_zone);
	if (read_span(master, &s, err))
		return -1;
	s.lines = xcalloc(n ? n : 1, sizeof(*s.lines));
	for (size_t i = 0; i < n; i++)
		if (read_line(&s, json_object_array_get_idx(lines, i), err))
			return -1;
	*out = s;
	s = (struct series){0};
	return 0;
}

void series_release(struct series *s)
{
	for (size_t i = 0; i < s->count; i++)
		free(s->lines[i].rule);
	free(s->lines);
	*s = (struct series){0};
}
