/*
 * What event list and agenda have in common: which events,
 * and their rows in the formats for programs.
 */
#ifndef CMD_EVENT_ROWS_H
#define CMD_EVENT_ROWS_H

#include "cmd/cmd.h"
#include "store/store.h"

#define EVENT_ROWS_FORMATS "table|json|ndjson|tsv"
/* What --format says, or --json in its absence. */
const char *event_rows_format(const struct cmd_context *cx, const char *format);

/* The account wished for, one calendar of it (NULL = all), a text (NULL = any). out_calendar_zone:
 * the zone of that calendar, else the system's. Borrows search. */
int event_rows_query(struct cmd_context *cx, const char *calendar, const char *search,
		     struct event_query *out, char out_calendar_zone[64], struct err *err);

struct event_rows {
	struct cmd_context *cx;
	size_t count; /* printed so far */
};

/* One event, as store_event_each() calls for it; arg: struct event_rows. JSON is opened by the
 * first row, so that an error before it can still be a JSON answer. */
int event_row_json(const struct event *e, void *arg);
int event_row_ndjson(const struct event *e, void *arg);
int event_row_tsv(const struct event *e, void *arg);
void event_rows_json_end(struct event_rows *rows); /* also of no row at all */
void event_rows_tsv_head(void);

#endif
