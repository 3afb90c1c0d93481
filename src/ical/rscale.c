#include "ical/rscale.h"

#include <libical/ical.h>

#include "base/xalloc.h"
#include "base/banned.h"

static struct icaltimetype ical_time(int64_t s, bool all_day)
{
	struct icaltimetype t = icaltime_null_time();
	struct civil c;

	civil_from_s(s, &c);
	t.year = c.year;
	t.month = c.month;
	t.day = c.day;
	t.is_date = all_day;
	if (!all_day) {
		t.hour = c.hour;
		t.minute = c.minute;
		t.second = c.second;
	}
	return t;
}

int rscale_walk_init(struct rscale_walk *w, const struct rule *r, const char *value, int64_t start,
		     bool all_day, int64_t from, int64_t to, struct err *err)
{
	/* libical loses the step of an INTERVAL when it does not begin at the start. */
	int64_t begin = r->count < 0 && r->interval == 1 && from > start ? from : start;
	int64_t end = begin + RSCALE_MAX_YEARS * 366LL * DAY_S;
	struct icalrecurrencetype rule;

	*w = (struct rscale_walk){
		.from = from, .to = to, .end = end < to ? end : to, .left = r->count};
	icalerror_set_errors_are_fatal(0);
	icalerror_clear_errno();
	rule = icalrecurrencetype_from_string(value);
	rule.until = icaltime_null_time(); /* the caller's */
	if (rule.freq != ICAL_NO_RECURRENCE && icalerrno == ICAL_NO_ERROR)
		w->iterator = icalrecur_iterator_new(rule, ical_time(start, all_day));
	w->name = rule.rscale; /* the iterator borrows it */
	if (!w->iterator)
		return err_set(err, ERR_INVALID, "rule '%s': this RSCALE is not supported", value);
	if (begin > start && !icalrecur_iterator_set_start(w->iterator, ical_time(begin, all_day)))
		w->left = 0; /* over before that */
	return 0;
}

int rscale_walk_next(struct rscale_walk *w, int64_t *out, struct err *err)
{
	while (w->left) {
		struct icaltimetype t = icalrecur_iterator_next(w->iterator);
		struct civil c = {t.year, t.month, t.day, t.hour, t.minute, t.second};
		int64_t s = civil_to_s(&c);

		if (icaltime_is_null_time(t) || s >= w->end) {
			w->left = 0;
			if (w->end < w->to)
				return err_set(err, ERR_INVALID,
					       "a rule with RSCALE is looked at for %d years only",
					       RSCALE_MAX_YEARS);
			return 0;
		}
		w->left -= w->left > 0;
		if (s < w->from)
			continue;
		*out = s;
		return 1;
	}
	return 0;
}

void rscale_walk_release(struct rscale_walk *w)
{
	if (w->iterator)
		icalrecur_iterator_free(w->iterator);
	w->iterator = NULL;
	free(w->name);
	w->name = NULL;
}
