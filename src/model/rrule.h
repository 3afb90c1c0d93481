/*
 * Syntax of the lines in an event's "recurrence" list. Pure; what a rule means is libical's
 * business (src/ical).
 *
 * Source  RFC 5545 sections 3.3.10, 3.8.5; Google: no DTSTART or DTEND lines
 */
#ifndef MODEL_RRULE_H
#define MODEL_RRULE_H

#include "base/err.h"

/* One line: RRULE:, EXRULE:, RDATE or EXDATE with its parameters.
 * ERR_INVALID says what is wrong. */
int recurrence_line_check(const char *line, struct err *err);

#endif
