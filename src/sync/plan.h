/*
 * The planner: what to do about one event, given what each side says. Pure.
 *
 *   here     what the local row is
 *   remote   what Google says, by the row's etag: the version that we know, another one, that an
 *            occurrence of a series is cancelled (in a version we do not know), or that it is gone
 *
 *               | unchanged | changed | cancelled | gone     why
 *   ------------+-----------+---------+-----------+---------
 *   absent      | insert    | insert  | insert    | nothing  a cancelled occurrence is kept, too
 *   in step     | nothing   | replace | replace   | remove
 *   local only  | adopt     | adopt   | adopt     | nothing  made here, found at Google: it is ours
 *   create      | adopt     | adopt   | adopt     | nothing  our insert arrived, its answer did not
 *   revive      | adopt     | adopt   | nothing   | nothing  an edit that beat a delete; goes out
 *   update      | nothing   | merge   | reinstate | revive   an edit beats a delete
 *   delete      | nothing   | restore | agree     | remove   an edit beats a delete; both deleted
 *   conflict    | nothing   | merge   | reinstate | revive   waits for a person, is judged anew
 *
 * A merge that finds contested fields follows the policy (struct merge_rule), or under `manual`
 * waits: both versions stay until a person decides, everything else goes on.
 * docs/sync.md and calsync-model(7) say the same in the same words.
 */
#ifndef SYNC_PLAN_H
#define SYNC_PLAN_H

#include <stdbool.h>
#include <stdint.h>

#define PLAN_HERE(X)                                                                     \
	X(HERE_ABSENT, "absent")                                                         \
	X(HERE_IN_STEP, "in step")       /* the row is Google's version */               \
	X(HERE_LOCAL_ONLY, "local only") /* never sent, nothing waits */                 \
	X(HERE_CREATE, "create")         /* an insert waits, or its answer was lost */   \
	X(HERE_REVIVE, "revive")         /* an edit waits for what Google has deleted */ \
	X(HERE_UPDATE, "update")                                                         \
	X(HERE_DELETE, "delete")                                                         \
	X(HERE_CONFLICT, "conflict") /* an edit that waits for a person */
enum plan_here {
#define X(id, name) id,
	PLAN_HERE(X)
#undef X
};

#define PLAN_REMOTE(X)                   \
	X(REMOTE_UNCHANGED, "unchanged") \
	X(REMOTE_CHANGED, "changed")     \
	X(REMOTE_CANCELLED, "cancelled") \
	X(REMOTE_GONE, "gone")
enum plan_remote {
#define X(id, name) id,
	PLAN_REMOTE(X)
#undef X
};

#define PLAN_ACTIONS(X)                                                                         \
	X(PLAN_NOTHING, "nothing")                                                              \
	X(PLAN_INSERT, "insert")       /* a new row from remote */                              \
	X(PLAN_REPLACE, "replace")     /* the row becomes remote */                             \
	X(PLAN_REMOVE, "remove")       /* the row goes, and what waited with it */              \
	X(PLAN_ADOPT, "adopt")         /* our own insert: take it as base, merge */             \
	X(PLAN_MERGE, "merge")         /* by field; what is left of the edit goes on waiting */ \
	X(PLAN_REINSTATE, "reinstate") /* merge, and the occurrence takes place again */        \
	X(PLAN_REVIVE, "revive")   /* the edit waits, as an event that Google must get again */ \
	X(PLAN_RESTORE, "restore") /* the delete is dropped, the row becomes remote */          \
	X(PLAN_AGREE, "agree")     /* both deleted the occurrence: the row becomes remote */
enum plan_action {
#define X(id, name) id,
	PLAN_ACTIONS(X)
#undef X
};

enum plan_action plan_event(enum plan_here here, enum plan_remote remote);

const char *plan_here_name(enum plan_here here);
const char *plan_remote_name(enum plan_remote remote);
const char *plan_action_name(enum plan_action action);

/*
 * What is done where both sides changed the same field (`sync --conflict`, `sync.conflict`).
 *
 *   merge    the newer edit wins the field; guests and properties are looked into
 *   newest   the newer edit wins the field; every field is one unit
 *   local    this side wins the field
 *   remote   Google's side wins the field
 *   manual   nobody wins: both versions stay until a person decides
 *
 * Which edit is newer is judged by Google's clock.
 */
#define CONFLICT_POLICIES(X)       \
	X(POLICY_MERGE, "merge")   \
	X(POLICY_NEWEST, "newest") \
	X(POLICY_LOCAL, "local")   \
	X(POLICY_REMOTE, "remote") \
	X(POLICY_MANUAL, "manual")
enum conflict_policy {
#define X(id, name) id,
	CONFLICT_POLICIES(X)
#undef X
};
const char *conflict_policy_name(enum conflict_policy policy);
int conflict_policy_parse(const char *name, enum conflict_policy *out); /* -1: no such one */

struct merge_rule;
/* The rule for one merge. local_newer: by Google's clock. */
struct merge_rule plan_rule(enum conflict_policy policy, bool local_newer);

#endif
