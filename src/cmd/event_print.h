/* Events as people read them. Times are shown in the system's zone. */
#ifndef CMD_EVENT_PRINT_H
#define CMD_EVENT_PRINT_H

#include "cmd/cmd.h"
#include "store/store.h"

/* "2026-01-15 10:00", "2026-01-15" for an all-day event, "" without a start. */
void event_text_start(const struct json_object *resource, const char *zone, struct strbuf *out);
/* The last day of an all-day event (not Google's exclusive one). */
void event_text_end(const struct json_object *resource, const char *zone, struct strbuf *out);
/* "2026-01-15 10:00-11:00", "2026-01-15 22:00 - 2026-01-16 01:00", "2026-01-15 - 2026-01-17" */
void event_text_span(const struct json_object *resource, const char *zone, struct strbuf *out);
/* "", "local only", "queued", "refused", "unreadable": what a reader should know of its sync. */
const char *event_text_state(const struct event *e);

#endif
