#include "ical/series.h"

#include <string.h>

#include "base/xalloc.h"
#include "ical/recur.h"
#include "ical/rscale.h"
#include "base/banned.h"

/* Civil time and instant are less apart than this, a gap (a skipped day in Samoa) included. */
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

	if (utc < RECUR_PAST)
		utc = RECUR_PAST;
	if (utc > RECUR_FUTURE)
		utc = RECUR_FUTURE;
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

/*
 * The civil times that may have a key in [from, to): an instant plus one of the offsets that hold
 * around it, as a change of clocks may be near. Wider would do, but costs a rule that repeats by
 * the second two days of results.
 */
static void civil_window(const struct series *s, int64_t *from, int64_t *to)
{
	int64_t low = INT64_MAX, high = INT64_MIN;

	if (s->all_day)
		return;
	for (int i = -1; i <= 1; i++) {
		int early = zone_offset(s->zone, plus(*from, i * ZONE_MARGIN));
		int late = zone_offset(s->zone, plus(*to, i * ZONE_MARGIN));

		low = early < low ? early : low;
		high = late > high ? late : high;
	}
	*from = plus(*from, low);
	*to = plus(*to, high);
}

/* The rule's results with from <= key < to. More than max of them: *horizon becomes the first key
 * that is no longer told. */
static int add_rule(const struct series *s, const struct series_line *line, int64_t from,
		    int64_t to, size_t max, int64_t *horizon, struct points *out, struct err *err)
{
	AUTO(walk_release) struct walk w = {0};
	int64_t until = line->rule->has_until ? series_until(s, line->rule) : INT64_MAX - 1;
	int64_t first = from, end, civil, key;
	size_t n = 0;
	int status;

	if (until < to)
		to = until + 1;
	end = to;
	civil_window(s, &first, &end);
	if (walk_init(&w, s, line, first, end, err))
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

/* Backwards in windows that grow, so that neither a dense series nor one with long breaks costs
 * more than a few walks. */
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
