/* Reading event rows, for the files of src/store that select them. */
#ifndef STORE_EVENT_ROW_H
#define STORE_EVENT_ROW_H

#include "store/internal.h"

/* The columns that event_read() expects. LEFT JOINs although the rows are always there: they keep
 * the event's own indexes in front when SQLite chooses its path. */
#define EVENT_SELECT                                                                            \
	"SELECT e.event_row, e.calendar_id, e.id, e.etag, e.at_google, e.sync_status, o.op,"    \
	" e.hidden, e.last_error, e.changed_ms, e.generation, a.name, c.google_id, e.resource," \
	" e.base, e.start_utc"
#define EVENT_FROM                                               \
	" FROM event e"                                          \
	" LEFT JOIN calendar c ON c.calendar_id = e.calendar_id" \
	" LEFT JOIN account a ON a.account_id = c.account_id"    \
	" LEFT JOIN outbox o ON o.event_row = e.event_row"

/* ERR_STORE, naming the event, when a column holds what this program never writes. */
int event_read(struct stmt *st, struct event *out, struct err *err);
int pending_op_parse(const char *name, enum pending_op *out); /* NULL is PENDING_NONE */
void event_list_add(struct event_list *l, struct event *e_take);

/* The SELECT for a query, without its values: also for tests that ask for its plan. */
void event_query_text(struct strbuf *sql, const struct event_query *q);

#endif
