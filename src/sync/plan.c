#include "sync/plan.h"

enum plan_action plan_event(enum plan_here here, enum plan_remote remote)
{
	static const enum plan_action table[][3] = {
		/*                UNCHANGED     CHANGED       GONE */
		[HERE_ABSENT] = {PLAN_INSERT, PLAN_INSERT, PLAN_NOTHING},
		[HERE_IN_STEP] = {PLAN_NOTHING, PLAN_REPLACE, PLAN_REMOVE},
		[HERE_CREATE] = {PLAN_ADOPT, PLAN_ADOPT, PLAN_NOTHING},
		[HERE_UPDATE] = {PLAN_NOTHING, PLAN_MERGE, PLAN_REVIVE},
		[HERE_DELETE] = {PLAN_NOTHING, PLAN_RESTORE, PLAN_REMOVE},
	};

	return table[here][remote];
}

const char *plan_action_name(enum plan_action action)
{
	static const char *const names[] = {
		[PLAN_NOTHING] = "nothing", [PLAN_INSERT] = "insert",   [PLAN_REPLACE] = "replace",
		[PLAN_REMOVE] = "remove",   [PLAN_ADOPT] = "adopt",     [PLAN_MERGE] = "merge",
		[PLAN_REVIVE] = "revive",   [PLAN_RESTORE] = "restore",
	};

	return names[action];
}
