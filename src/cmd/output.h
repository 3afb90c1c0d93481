/*
 * What commands print. Data goes to stdout, everything else to stderr (log.h). A write error on
 * stdout makes main exit with 1, so no call here returns one.
 *
 * JSON is one line per answer, ending in a newline. In what people read, every text that came from
 * a server or a file goes through term_clean() (table cells and out_text() do it themselves).
 */
#ifndef CMD_OUTPUT_H
#define CMD_OUTPUT_H

#include "cmd/cmd.h"
#include "store/store.h"

/* Print an answer and remember that one was given (cx->json_printed). */
void out_json(struct cmd_context *cx, struct json_object *answer_take);
/* One line of an NDJSON answer. */
void out_ndjson(struct cmd_context *cx, struct json_object *obj);

/* printf to stdout; the caller has cleaned what needs it. */
void out_printf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A line for people: nothing under --quiet. */
void out_note(const struct cmd_context *cx, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* {"success": false, "error": {...}} */
struct json_object *json_failure(const struct err *e);
/* The exit status of {"code", "message"}; 1 for a code that is not known. */
int json_error_status(const struct json_object *error);

/* An event as design.md section 3 says: Google's resource plus account, calendar, googleEventId,
 * syncStatus, lastSyncError, pendingOp. Caller's. */
struct json_object *json_event(const struct event *e);
struct json_object *json_account(const struct account *a);
/* Of a calendar's "push", for tables: what it means for its owner. */
const char *out_push(const char *state);
struct json_object *json_calendar(const struct calendar *c);
/* RFC 3339 UTC, or null for 0 */
struct json_object *json_time_ms(int64_t ms);

enum out_style { OUT_PLAIN, OUT_BOLD, OUT_GOOD, OUT_WARN, OUT_BAD, OUT_DIM };
/* Whether stdout gets colour; and the escape sequences, "" when it gets none. */
bool out_color(const struct cmd_context *cx);
const char *out_style_on(const struct cmd_context *cx, enum out_style style);
const char *out_style_off(const struct cmd_context *cx);

/*
 * A table for people: aligned columns, cut to the terminal's width where a column allows it. When
 * stdout is no terminal nothing is cut.
 */
struct table;

enum table_column_flags {
	TABLE_RIGHT = 1 << 0, /* aligned to the right */
	TABLE_CUT = 1 << 1,   /* may be cut short on a narrow terminal */
};

struct table *table_new(const struct cmd_context *cx);
void table_free(struct table *t);
void table_column(struct table *t, const char *title, unsigned flags);
void table_row(struct table *t); /* begins a row; cells follow from left to right */
void table_cell(struct table *t, const char *text); /* NULL = empty */
void table_cell_styled(struct table *t, const char *text, enum out_style style);
void table_cellf(struct table *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void table_print(struct table *t); /* header and rows; prints nothing when there is no row */

/* "2026-01-15 10:00" in the system's zone; "never" for 0. */
#define OUT_TIME_LEN 24
void out_time_ms(int64_t ms, char buf[OUT_TIME_LEN]);
/* "3 min ago", "2 h ago", "5 d ago" */
void out_age_ms(int64_t age_ms, char buf[OUT_TIME_LEN]);

DEFINE_AUTO(struct table, table_free)

#endif
