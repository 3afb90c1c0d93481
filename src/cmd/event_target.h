/*
 * What `event edit`, `rm` and `respond` work on: an event, or an occurrence of a series, and with
 * which scope.
 *
 * The id may be that of a single event, of a series, of an exception, or an instance id of a
 * series. --occurrence names an occurrence of the series (also by an id of another one):
 *   a time   by the time that it starts by the rule, or else that it was moved to
 *   a day    when only one is on it; both in the series' own zone
 * --scope   this: that occurrence (what an occurrence has without it); following: it and all later
 *           ones; all: the series (what a series has without it)
 */
#ifndef CMD_EVENT_TARGET_H
#define CMD_EVENT_TARGET_H

#include "cmd/cmd.h"
#include "ical/recur.h"
#include "store/store.h"

enum event_scope { SCOPE_THIS, SCOPE_FOLLOWING, SCOPE_ALL };

struct event_target {
	enum event_scope scope; /* of a single event: SCOPE_ALL */
	struct calendar calendar;
	bool named; /* an occurrence is: `at` and `occurrence` are there */
	struct event
		event; /* the single event or the series; an exception whose series is not here */
	struct occurrence at;    /* by the rule */
	struct event occurrence; /* its row; rowid 0: it has none, but the resource is there */
};
void event_target_release(struct event_target *t);
DEFINE_AUTO_VALUE(struct event_target, event_target_release)

/*
 * occurrence and scope are the options' values, NULL = not given. "following" from the first
 * occurrence on is "all".
 * Errors  those of cmd_event(); ERR_USAGE (a scope that needs an occurrence, an event that is no
 *         series), ERR_NOT_FOUND (no such occurrence, or it is deleted), ERR_AMBIGUOUS (several
 *         that day: lists them), ERR_INVALID (a time that cannot be read)
 */
int event_target_find(struct cmd_context *cx, const char *id, const char *occurrence,
		      const char *scope, struct event_target *out, struct err *err);

#define SCOPE_OPTIONS(S, occurrence_field, scope_field)                      \
	OPT_STRING(0, "occurrence", S, occurrence_field, "TIME",             \
		   "the occurrence of a series that starts then"),           \
		OPT_CHOICE(0, "scope", S, scope_field, "this|following|all", \
			   "that one alone, the later ones too, or the whole series")

#endif
