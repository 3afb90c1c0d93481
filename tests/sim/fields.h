/*
 * What people write into events. Every value is made from a number that nobody else in the history
 * has, so that it can be found again; colours, flags and the like have too few values for that.
 */
#ifndef SIM_FIELDS_H
#define SIM_FIELDS_H

#include "base/json.h"
#include "rng.h"

enum fields_of {
	FIELDS_EVENT,
	FIELDS_SERIES,
	FIELDS_OCCURRENCE,
	FIELDS_INVITATION, /* somebody else's event: the own answer, and what is private */
};
enum fields_of fields_scope(const struct json_object *resource);

/* Numbers that one op may use: from op.no * FIELDS_NUMBERS. */
#define FIELDS_NUMBERS 8

/* A new event with the mark m<no>. series: with a rule. Caller's. */
struct json_object *fields_make(struct rng *r, unsigned no, bool series);
/* Change one to three fields in place. */
void fields_change(struct rng *r, unsigned no, enum fields_of what, struct json_object *resource);

/* A guest's entry, borrowed; NULL = not invited. */
struct json_object *fields_guest(const struct json_object *resource, const char *email);
void fields_invite(struct json_object *resource, const char *email);
/* The guest answers, with a comment of the op's own. */
void fields_answer(struct rng *r, unsigned no, const char *email, struct json_object *resource);

#endif
