/*
 * What was written, by whom, and who knew of it: the ground on which a loss is called a loss.
 *
 * A write is (event, unit, value, who). An event is its mark (units.h), so it stays the same event
 * under another id or in another calendar; an occurrence of a series that somebody changed is an
 * event of its own. Making an event writes all its units; clearing a field writes "". Almost every
 * value occurs once in a history, so that finding it says which write it was.
 *
 * Who writes sees a view: a person at Google what Google holds at that moment, a person at a store
 * the store's row. A write overwrites the value of its unit that it saw; a delete overwrites all
 * values that it saw, and with a series those of its occurrences that it saw.
 *
 * L1  Nothing is lost. At the end each write's value is
 *      - in the event's unit at Google, and so in every store; or
 *      - overwritten by somebody who saw it (whether that write stands or not: it is asked in its
 *        turn); or
 *      - in a log: a write of a store's in the log of that store, one at Google in the log of some
 *        store; or
 *      - in a row of the store that wrote it, of any store if it was written at Google, which is
 *        rightly out of step (held by --no-sync, or refused by Google for a reason that was
 *        checked).
 *     One excuse, since Google itself does it and no request can guard against it: a value in an
 *     occurrence that was written at Google and never reached any store, when the series' times,
 *     rule or life were changed by somebody who had not seen it.
 * L2  Nothing is doubled. A mark is in at most one event that lives at Google; in exactly one
 *     when nobody deleted the event, and its making is not held or refused. An occurrence that
 *     was edited and outlives its series becomes an event of its own, which still has the mark of
 *     the series: such events have no rule, and no two of them the same time.
 * L3  Nothing is revived. An event that was deleted by somebody who knew all its values, and that
 *     nobody wrote to afterwards, lives nowhere at the end, unless the delete is held. An occurrence
 *     that was deleted with its series lives again with it, when the series' delete is beaten.
 * L4  An edit beats a delete, and edits of different fields both stand. A value that nobody who
 *     overwrote or deleted had seen is at Google at the end, in an event with its mark; unless the
 *     field was written by two people who did not know of each other: then one of them has lost
 *     a conflict. Not asked of occurrences, which go with their series, nor of meetings of others,
 *     which only their organizer can bring back (their values are in the log, by L1), nor of
 *     units with few values (colours, flags), whose writes cannot be told apart.
 *
 * A value that is overwritten on a store within one sync, by what came from Google, must be in its
 * log at once: store_lost() in watch.c asks that after each sync.
 */
#ifndef SIM_LEDGER_H
#define SIM_LEDGER_H

#include "base/json.h"
#include "base/strbuf.h"
#include "history.h"
#include "units.h"

#define AT_GOOGLE (-1) /* who: else the index of a store */

struct ledger;
struct ledger *ledger_new(void);
void ledger_free(struct ledger *l);

/* An event was `before` to who, and was made `after`; before NULL: who made it. no: for people. */
void ledger_write(struct ledger *l, int who, unsigned no, const struct json_object *before,
		  const struct json_object *after);
/* A change that is no unit: the event goes to another calendar. */
void ledger_move(struct ledger *l, int who, unsigned no, const struct json_object *seen,
		 const char *to);
/* who deleted the event, and saw this of it. Occurrences of a series: one call each. */
void ledger_delete(struct ledger *l, int who, unsigned no, const struct json_object *seen);

/* The store's log holds this version. */
void ledger_logged(struct ledger *l, int store, const struct json_object *version);
bool ledger_has_logged(const struct ledger *l, int store, const char *mark, const char *unit,
		       const char *value);
/* Or as a version of one of its occurrences: one that became an event of its own has its mark. */
bool ledger_has_logged_apart(const struct ledger *l, int store, const char *mark, const char *unit,
			     const char *value);
/* A row of the store held this. */
void ledger_held(struct ledger *l, const struct json_object *version);

/* How things are at the end. */
struct ending {
	struct ending_event {
		char *mark; /* owned */
		struct units units;
		const char *id, *calendar; /* borrowed */
		int store;  /* AT_GOOGLE: it lives there; else a row that is out of step */
		bool taken; /* out of step, and its making was never taken by Google */
	} * list;
	size_t count;
};
void ending_add(struct ending *e, int store, const struct json_object *resource, const char *id,
		const char *calendar, bool taken);
void ending_release(struct ending *e);

/* L1 to L4: returns NULL, or the rule's name, and why it is broken. */
const char *ledger_judge(const struct ledger *l, const struct ending *e, struct strbuf *why);

DEFINE_AUTO_VALUE(struct ending, ending_release)

#endif
