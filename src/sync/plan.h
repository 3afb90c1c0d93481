/*
 * The planner: what to do about one event, given what each side says. Pure.
 *
 *   here        what the local row is: absent, in step, or holding an edit that waits
 *   remote      what Google says: the same version as our base (etag), a changed one, or gone
 *
 *              | remote unchanged | remote changed        | remote gone
 *   -----------+------------------+-----------------------+---------------------------
 *   absent     | -                | INSERT                | NOTHING
 *   in step    | NOTHING          | REPLACE               | REMOVE
 *   create     | -                | ADOPT (it is ours)    | NOTHING (goes out as planned)
 *   update     | NOTHING (waits)  | MERGE                 | REVIVE (edit beats delete)
 *   delete     | NOTHING (waits)  | RESTORE (edit beats   | REMOVE (both deleted)
 *              |                  | delete)               |
 */
#ifndef SYNC_PLAN_H
#define SYNC_PLAN_H

#include <stdbool.h>

enum plan_here { HERE_ABSENT, HERE_IN_STEP, HERE_CREATE, HERE_UPDATE, HERE_DELETE };
enum plan_remote { REMOTE_UNCHANGED, REMOTE_CHANGED, REMOTE_GONE };

enum plan_action {
	PLAN_NOTHING,
	PLAN_INSERT,  /* a new row from remote */
	PLAN_REPLACE, /* the row becomes remote */
	PLAN_REMOVE,  /* the row goes, and what waited with it */
	PLAN_ADOPT,   /* remote is our own insert whose answer was lost: take it as base, merge */
	PLAN_MERGE,   /* three-way merge; what is left of the edit goes on waiting */
	PLAN_REVIVE,  /* the edit goes on waiting, as an event that Google must get again */
	PLAN_RESTORE, /* the delete is dropped, the row becomes remote */
};

enum plan_action plan_event(enum plan_here here, enum plan_remote remote);
const char *plan_action_name(enum plan_action action);

#endif
