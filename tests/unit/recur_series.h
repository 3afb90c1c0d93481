/* Series for the tests of src/ical. Include behind cmocka.h. */
#ifndef RECUR_SERIES_H
#define RECUR_SERIES_H

#include <string.h>

#include "base/strbuf.h"
#include "base/time.h"
#include "base/xalloc.h"
#include "ical/recur.h"

static struct err err;

/* start: "2026-01-05T09:00:00" in a zone, or "2026-01-05"; lines: joined by |. */
static struct json_object *series(const char *start, const char *end, const char *zone,
				  const char *lines)
{
	struct json_object *master = json_object_new_object();
	struct json_object *list = json_object_new_array();
	AUTO(free) char *copy = xstrdup(lines);
	const char *const at[] = {start, end};
	char *rest = copy, *line;

	json_set_str(master, "id", "abcde");
	json_set_str(master, "summary", "Standup");
	for (size_t i = 0; i < 2; i++) {
		struct json_object *time = json_object_new_object();

		json_set_str(time, strchr(at[i], 'T') ? "dateTime" : "date", at[i]);
		if (strchr(at[i], 'T'))
			json_set_str(time, "timeZone", zone);
		json_set(master, i ? "end" : "start", time);
	}
	while ((line = strsep(&rest, "|")))
		if (*line)
			json_object_array_add(list, json_object_new_string(line));
	json_set(master, "recurrence", list);
	return master;
}

static int64_t utc_of(const char *text)
{
	struct rfc3339 t;

	assert_int_equal(rfc3339_parse(text, &t, &err), 0);
	assert_true(t.has_offset);
	return t.utc;
}

static void expand(const struct json_object *master, const char *zone, int64_t from, int64_t to,
		   size_t max, struct occurrence_list *out)
{
	if (recur_expand(master, zone, from, to, max, out, &err))
		fail_msg("%s", err.msg);
}

#endif
