/*
 * --start and --end of a command that looks at a span of time (event list, sync).
 *
 * A day given to --end is inside the window: `--start today --end today` is today.
 */
#ifndef CMD_WINDOW_H
#define CMD_WINDOW_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct window {
	bool has_start, has_end;
	int64_t start_utc, end_utc; /* [start, end) */
};

/* start, end: as typed, NULL = not given. Errors: ERR_INVALID (no time, or end not after start). */
int window_parse(const char *start, const char *end, const char *zone, int64_t now_utc,
		 struct window *out, struct err *err);

#endif
