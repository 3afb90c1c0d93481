#include "cmd/window.h"

#include "base/when.h"
#include "base/banned.h"

int window_parse(const char *start, const char *end, const char *zone, int64_t now_utc,
		 struct window *out, struct err *err)
{
	struct window w = {.has_start = start, .has_end = end};
	struct when at;

	if (start) {
		if (when_parse(start, zone, now_utc, &at, err))
			return err_wrap(err, "--start");
		w.start_utc = at.utc;
	}
	if (end) {
		struct duration day = {.days = 1};

		if (when_parse(end, zone, now_utc, &at, err) ||
		    (at.is_day && when_add(at.utc, &day, zone, &at, err)))
			return err_wrap(err, "--end");
		w.end_utc = at.utc;
	}
	if (start && end && w.end_utc <= w.start_utc)
		return err_set(err, ERR_INVALID, "--end '%s' is not after --start '%s'", end,
			       start);
	*out = w;
	return 0;
}
