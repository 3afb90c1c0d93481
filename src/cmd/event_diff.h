/* What differs between two versions of an event, in words and as names of fields. */
#ifndef CMD_EVENT_DIFF_H
#define CMD_EVENT_DIFF_H

#include "base/json.h"
#include "base/strbuf.h"

/* "title: 'Old' -> 'New'; when: 2026-01-15 10:00-11:00 -> ...; guests: +ann@example.com". Times in
 * the given zone, long texts cut; not yet cleaned for a terminal. "" when no writable field
 * differs. */
void event_diff_text(const struct json_object *before, const struct json_object *after,
		     const char *zone, struct strbuf *out);

/* The writable fields that differ, by Google's names. Caller's. Either may be NULL. */
struct json_object *event_diff_fields(const struct json_object *before,
				      const struct json_object *after);

/* A text in quotes, cut to some 40 characters; "nothing" for NULL or "". */
void event_diff_quote(const char *text, struct strbuf *out);

#endif
