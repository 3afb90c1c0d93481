#include "ical/rscale.h"

#include <dlfcn.h>
#include <libical/ical.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"

#include "base/banned.h"

/* libical brings ICU, 35 MB of it: loaded when the first of such rules is met,
 * which is hardly ever. */
#define ICAL_FUNCTIONS(X)                 \
	X(icalerror_clear_errno)          \
	X(icalerror_set_errors_are_fatal) \
	X(icalerrno_return)               \
	X(icaltime_is_null_time)          \
	X(icaltime_null_time)             \
	X(icalrecurrencetype_from_string) \
	X(icalrecur_iterator_new)         \
	X(icalrecur_iterator_set_start)   \
	X(icalrecur_iterator_next)        \
	X(icalrecur_iterator_free)

static struct {
#define X(name) __typeof__(name) *name##_;
	ICAL_FUNCTIONS(X)
#undef X
	bool loaded;
	char error[200]; /* why loading failed */
} lib;

static void load_library(void)
{
	void *handle = dlopen("libical.so.3", RTLD_NOW | RTLD_LOCAL);
	void *symbol;

	if (!handle) {
		snprintf(lib.error, sizeof(lib.error), "%s", dlerror());
		return;
	}
	/* POSIX gives function pointers only through a data pointer. */
#define X(name)                                                                          \
	symbol = dlsym(handle, #name);                                                   \
	if (!symbol) {                                                                   \
		snprintf(lib.error, sizeof(lib.error), "libical.so.3 has no %s", #name); \
		return;                                                                  \
	}                                                                                \
	memcpy(&lib.name##_, &symbol, sizeof(symbol));
	ICAL_FUNCTIONS(X)
#undef X
	lib.icalerror_set_errors_are_fatal_(0);
	lib.loaded = true;
}

/* libical has no function that tells: the file's own name does, "libical.so.3.0.16". */
char *rscale_library_version(const char **out_why)
{
	AUTO(free) char *file = NULL;
	const char *at;
	Dl_info where;

	if (!lib.loaded && !*lib.error)
		load_library();
	*out_why = lib.error;
	if (!lib.loaded)
		return NULL;
	if (dladdr((void *)lib.icalrecur_iterator_new_, &where) && where.dli_fname)
		file = realpath(where.dli_fname, NULL);
	at = file ? strstr(file, ".so.") : NULL;
	return xstrdup(at ? at + 4 : "3");
}

static struct icaltimetype ical_time(int64_t s, bool all_day)
{
	struct icaltimetype t = lib.icaltime_null_time_();
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

	if (!lib.loaded && !*lib.error)
		load_library();
	if (!lib.loaded)
		return err_set(err, ERR_INVALID, "rule '%s': not supported without libical: %s",
			       value, lib.error);
	*w = (struct rscale_walk){
		.from = from, .to = to, .end = end < to ? end : to, .left = r->count};
	lib.icalerror_clear_errno_();
	rule = lib.icalrecurrencetype_from_string_(value);
	rule.until = lib.icaltime_null_time_(); /* the caller's */
	if (rule.freq != ICAL_NO_RECURRENCE && *lib.icalerrno_return_() == ICAL_NO_ERROR)
		w->iterator = lib.icalrecur_iterator_new_(rule, ical_time(start, all_day));
	w->name = rule.rscale; /* the iterator borrows it */
	if (!w->iterator)
		return err_set(err, ERR_INVALID, "rule '%s': this RSCALE is not supported", value);
	if (begin > start &&
	    !lib.icalrecur_iterator_set_start_(w->iterator, ical_time(begin, all_day)))
		w->left = 0; /* over before that */
	return 0;
}

int rscale_walk_next(struct rscale_walk *w, int64_t *out, struct err *err)
{
	while (w->left) {
		struct icaltimetype t = lib.icalrecur_iterator_next_(w->iterator);
		struct civil c = {t.year, t.month, t.day, t.hour, t.minute, t.second};
		int64_t s = civil_to_s(&c);

		if (lib.icaltime_is_null_time_(t) || s >= w->end) {
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
		lib.icalrecur_iterator_free_(w->iterator);
	w->iterator = NULL;
	free(w->name);
	w->name = NULL;
}
