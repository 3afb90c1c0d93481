/*
 * A look into a store's file over a connection of the simulation's own: what is there is not asked
 * of the code that is being tested.
 */
#ifndef SIM_PEEK_H
#define SIM_PEEK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"

struct peek;
struct peek *peek_open(const char *path); /* ends the program when it cannot */
void peek_close(struct peek *p);          /* NULL allowed */
/* All tables as they were in a new store: the next history may use the file again. */
void peek_wipe(struct peek *p);

struct peek_row { /* of the table event; its outbox entry */
	int64_t row, calendar;
	char *id, *etag;                     /* owned; etag NULL = none */
	char *text, *base_text;              /* owned; resource and base; base NULL = none */
	struct json_object *resource, *base; /* owned; parsed by peek_parse() alone */
	bool at_google, hidden;
	char *sync_status; /* owned */
	char *op, *state;  /* owned; of what waits; NULL = nothing */
	char *last_error;  /* owned; NULL = none */
	int64_t move_from; /* calendar; 0 = no move waits */
};

struct peek_rows {
	struct peek_row *list;
	size_t count;
};
void peek_rows(struct peek *p, struct peek_rows *out); /* not parsed */
void peek_parsed(struct peek *p, struct peek_rows *out);
void peek_parse(struct peek_row *row);
void peek_rows_release(struct peek_rows *r);

/* Versions that the log has since the last call, and those of all conflicts. */
void peek_log(struct peek *p, void (*fn)(void *arg, const struct json_object *version), void *arg);

/* Of everything that is committed. */
uint64_t peek_digest(struct peek *p);
/* Without what a sync that finds nothing has to write: tokens, times, its own record. */
uint64_t peek_digest_idle(struct peek *p);

DEFINE_AUTO_VALUE(struct peek_rows, peek_rows_release)

#endif
