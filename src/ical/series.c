#include "ical/series.h"

#include <string.h>
#include <strings.h>

#include "base/duration.h"
#include "base/xalloc.h"
#include "ical/recur.h"
#include "ical/rscale.h"
#include "model/event.h"
#include "base/banned.h"

/* Civil time and instant are at most so far apart, a gap (a skipped day in Samoa) included. */
#define ZONE_MARGIN ((int64_t)2 * DAY_S)

/* --- keys --------------------------------------------------------------------------------- */

int64_t series_key(const struct series *s, int64_t civil)
{
	struct civil c;
	int64_t utc;

	if (s->all_day)
		return civil;
	/* The start may be the second of two; its rule means that one. */
	if (civil == s->start)
		return s->start_key;
	civil_from_s(civil, &c);
	zone_to_utc(s->zone, &c, &utc);
	return utc;
}

int64_t series_utc(const struct series *s, int64_t key)
{
	struct civil c;
	int64_t utc;

	if (!s->all_day)
		return key;
	civil_from_s(key, &c);
	zone_to_utc(s->cal_zone, &c, &utc);
	return utc;
}

static int64_t zone_s(const char *zone, int64_t utc)
{
	return utc + zone_offset(zone, utc);
}

int64_t series_key_of_utc(const struct series *s, int64_t utc)
{
	int64_t civil;

	if (!s->all_day)
		return utc;
	civil = zone_s(s->cal_zone, utc);
	return civil - ((civil % DAY_S) + DAY_S) % DAY_S;
}

int64_t series_civil(const struct series *s, int64_t key)
{
	if (s->all_day)
		return key;
	return key == s->start_key ? s->start : zone_s(s->zone, key);
}

int64_t series_until(const struct series *s, const struct rule *r)
{
	int64_t until = r->until.s;
	int64_t utc;
	struct civil c;

	if (s->all_day) {
		if (r->until.kind == STAMP_UTC)
			until = zone_s(s->cal_zone, until);
		return until;
	}
	if (r->until.kind == STAMP_UTC)
		return until;
	if (r->until.kind == STAMP_DATE) /* that day still belongs to it */
		until += DAY_S - 1;
	civil_from_s(until, &c);
	zone_to_utc(s->zone, &c, &utc);
	return utc;
}

/* --- points ------------------------------------------------------------------------------- */

void points_release(struct points *p)
{
	free(p->items);
	*p = (struct points){0};
}

static void points_add(struct points *p, int64_t key, int64_t length)
{
	if (p->count == p->alloc) {
		p->alloc = p->alloc ? p->alloc * 2 : 16;
		p->items = xreallocarray(p->items, p->alloc, sizeof(*p->items));
	}
	p->items[p->count++] = (struct point){key, length};
}

/* Of two with the same start the longer one comes first: an RDATE may give a period of its own. */
static int compare_points(const void *a, const void *b)
{
	const struct point *x = a, *y = b;

	if (x->key != y->key)
		return x->key < y->key ? -1 : 1;
	return x->length > y->length ? -1 : x->length < y->length;
}

static int compare_keys(const void *a, const void *b)
{
	int64_t x = ((const struct point *)a)->key, y = ((const struct point *)b)->key;

	return x < y ? -1 : x > y;
}

static void points_sort(struct points *p)
{
	size_t n = 0;

	if (p->count)
		qsort(p->items, p->count, sizeof(*p->items), compare_points);
	for (size_t i = 0; i < p->count; i++)
		if (!n || p->items[n - 1].key != p->items[i].key)
			p->items[n++] = p->items[i];
	p->count = n;
}

static void points_remove(struct points *p, const struct points *gone)
{
	size_t n = 0;

	if (!gone->count)
		return;
	for (size_t i = 0; i < p->count; i++)
		if (!bsearch(&p->items[i], gone->items, gone->count, sizeof(*gone->items),
			     compare_keys))
			p->items[n++] = p->items[i];
	p->count = n;
}

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

static void add_dates(const struct series *s, enum line_kind kind, struct points *out)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct series_line *line = &s->lines[i];
		const char *at = line->value, *item;
		size_t len;

		while (line->kind == kind && date_item(&at, &item, &len)) {
			struct point p = series_date(s, line, item, len);

			points_add(out, p.key, p.length);
		}
	}
}

/* --- rules -------------------------------------------------------------------------------- */

/* One walk, whoever makes it. */
struct walk {
	bool rscale;
	struct rule_walk own;
	struct rscale_walk other;
};

static void walk_release(struct walk *w)
{
	rscale_walk_release(&w->other);
}
DEFINE_AUTO_VALUE(struct walk, walk_release)

static int walk_init(struct walk *w, const struct series *s, const struct series_line *line,
		     int64_t from, int64_t to, struct err *err)
{
	w->rscale = line->rule->rscale;
	if (!w->rscale)
		return rule_walk_init(&w->own, line->rule, s->start, s->all_day, from, to, err);
	return rscale_walk_init(&w->other, line->rule, line->value, s->start, s->all_day, from, to,
				err);
}

static int walk_next(struct walk *w, int64_t *out, struct err *err)
{
	return w->rscale ? rscale_walk_next(&w->other, out, err)
			 : rule_walk_next(&w->own, out, err);
}

static int64_t plus(int64_t a, int64_t b) /* keys come from callers: not beyond all bounds */
{
	int64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? a : sum;
}

/* The rule's results with from <= key < to. More than max of them: *horizon becomes the first key
 * that is no longer told. */
static int add_rule(const struct series *s, const struct series_line *line, int64_t from,
		    int64_t to, size_t max, int64_t *horizon, struct points *out, struct err *err)
{
	AUTO(walk_release) struct walk w = {0};
	int64_t until = line->rule->has_until ? series_until(s, line->rule) : INT64_MAX - 1;
	int64_t civil, key;
	size_t n = 0;
	int status;

	if (until < to)
		to = until + 1;
	if (walk_init(&w, s, line, plus(from, -ZONE_MARGIN), plus(to, ZONE_MARGIN), err))
		return err_wrap(err, "'%s'", line->text);
	while ((status = walk_next(&w, &civil, err)) == 1) {
		key = series_key(s, civil);
		if (key < from || key >= to || key < s->start_key)
			continue;
		if (n++ == max) {
			if (key < *horizon)
				*horizon = key;
			return 0;
		}
		points_add(out, key, s->length);
	}
	return status ? err_wrap(err, "'%s'", line->text) : 0;
}

static int add_rules(const struct series *s, enum line_kind kind, int64_t from, int64_t to,
		     size_t max, int64_t *horizon, struct points *out, struct err *err)
{
	for (size_t i = 0; i < s->count; i++)
		if (s->lines[i].kind == kind &&
		    add_rule(s, &s->lines[i], from, to, max, horizon, out, err))
			return -1;
	return 0;
}

int series_count_before(const struct series *s, const struct series_line *line, int64_t key,
			int64_t *out_keys, int64_t *out_civil, struct err *err)
{
	AUTO(walk_release) struct walk w = {0};
	int64_t civil = series_civil(s, key);
	int64_t keys = 0, civils = 0, at;
	int status;

	if (walk_init(&w, s, line, s->start, civil + ZONE_MARGIN, err))
		return err_wrap(err, "'%s'", line->text);
	while ((status = walk_next(&w, &at, err)) == 1) {
		keys += series_key(s, at) < key;
		civils += at < civil;
	}
	if (status)
		return err_wrap(err, "'%s'", line->text);
	*out_keys = keys;
	*out_civil = civils;
	return 0;
}

/* --- the set ------------------------------------------------------------------------------ */

/* Only what is in the window, or an RDATE that reaches into it. */
static void points_clip(struct points *p, int64_t from, int64_t to)
{
	size_t n = 0;

	for (size_t i = 0; i < p->count; i++)
		if (p->items[i].key < to &&
		    (p->items[i].key >= from || plus(p->items[i].key, p->items[i].length) > from))
			p->items[n++] = p->items[i];
	p->count = n;
}

static void points_cut(struct points *p, size_t max, int64_t horizon, bool *truncated)
{
	*truncated = horizon != INT64_MAX;
	while (p->count && p->items[p->count - 1].key >= horizon)
		p->count--;
	if (p->count > max) {
		p->count = max;
		*truncated = true;
	}
}

int series_points(const struct series *s, int64_t from, int64_t to, size_t max, struct points *out,
		  bool *out_truncated, struct err *err)
{
	AUTO(points_release) struct points have = {0};
	AUTO(points_release) struct points gone = {0};
	int64_t horizon = INT64_MAX, never = INT64_MAX;
	size_t enough;
	bool truncated;

	add_dates(s, LINE_EXDATE, &gone);
	/* Of each rule so many that max are left even if every EXDATE is one of them. */
	enough = max > SIZE_MAX - gone.count ? SIZE_MAX : max + gone.count;
	points_add(&have, s->start_key, s->length);
	add_dates(s, LINE_RDATE, &have);
	points_clip(&have, from, to);
	if (add_rules(s, LINE_RRULE, from, to, enough, &horizon, &have, err))
		return -1;
	points_sort(&have);
	if (have.count &&
	    add_rules(s, LINE_EXRULE, have.items[0].key, have.items[have.count - 1].key + 1,
		      SIZE_MAX, &never, &gone, err))
		return -1;
	points_sort(&gone);
	points_remove(&have, &gone);
	points_cut(&have, max, horizon, &truncated);
	points_release(out);
	*out = have;
	have = (struct points){0};
	*out_truncated = truncated;
	return 0;
}

int series_has(const struct series *s, int64_t utc, bool *out, struct err *err)
{
	AUTO(points_release) struct points p = {0};
	int64_t key = series_key_of_utc(s, utc);
	/* A day that a zone skipped (Apia, 30 December 2011) begins with the next one. */
	int64_t from = s->all_day ? key - DAY_S : key;
	bool truncated, has = false;

	if (series_points(s, from, key + 1, SIZE_MAX, &p, &truncated, err))
		return -1;
	for (size_t i = 0; i < p.count; i++)
		has |= p.items[i].key >= from && series_utc(s, p.items[i].key) == utc;
	*out = has;
	return 0;
}

/* Backwards in windows that grow, so that neither a dense series nor one with long breaks costs more
 * than a few walks. */
int series_last_before(const struct series *s, int64_t key, bool *out_found, int64_t *out,
		       struct err *err)
{
	AUTO(points_release) struct points all = {0};
	int64_t end = key;
	bool truncated;

	for (int64_t width = 3600; end > RECUR_PAST; width *= 8) {
		int64_t from = end - width > RECUR_PAST ? end - width : RECUR_PAST;
		size_t n;

		if (series_points(s, from, end, SIZE_MAX, &all, &truncated, err))
			return -1;
		for (n = all.count; n && all.items[n - 1].key < from; n--)
			;
		if (n) {
			*out_found = true;
			*out = all.items[n - 1].key;
			return 0;
		}
		end = from;
	}
	*out_found = false;
	return 0;
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
	s->start = zone_s(s->zone, s->start_key);
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
