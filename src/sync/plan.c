#include "sync/plan.h"

#include <string.h>

#include "base/cleanup.h"
#include "base/banned.h"
#include "sync/merge.h"

enum plan_action plan_event(enum plan_here here, enum plan_remote remote)
{
#define N PLAN_NOTHING
	static const enum plan_action table[][4] = {
		/*                   UNCHANGED    CHANGED       CANCELLED       GONE */
		[HERE_ABSENT] = {PLAN_INSERT, PLAN_INSERT, PLAN_INSERT, N},
		[HERE_IN_STEP] = {N, PLAN_REPLACE, PLAN_REPLACE, PLAN_REMOVE},
		[HERE_LOCAL_ONLY] = {PLAN_ADOPT, PLAN_ADOPT, PLAN_ADOPT, N},
		[HERE_CREATE] = {PLAN_ADOPT, PLAN_ADOPT, PLAN_ADOPT, N},
		[HERE_REVIVE] = {PLAN_ADOPT, PLAN_ADOPT, N, N},
		[HERE_UPDATE] = {N, PLAN_MERGE, PLAN_REINSTATE, PLAN_REVIVE},
		[HERE_DELETE] = {N, PLAN_RESTORE, PLAN_AGREE, PLAN_REMOVE},
		[HERE_CONFLICT] = {N, PLAN_MERGE, PLAN_REINSTATE, PLAN_REVIVE},
	};
#undef N

	return table[here][remote];
}

const char *plan_here_name(enum plan_here here)
{
	static const char *const names[] = {
#define X(id, name) name,
		PLAN_HERE(X)
#undef X
	};

	return names[here];
}

const char *plan_remote_name(enum plan_remote remote)
{
	static const char *const names[] = {
#define X(id, name) name,
		PLAN_REMOTE(X)
#undef X
	};

	return names[remote];
}

const char *plan_action_name(enum plan_action action)
{
	static const char *const names[] = {
#define X(id, name) name,
		PLAN_ACTIONS(X)
#undef X
	};

	return names[action];
}

/* --- policies ---------------------------------------------------------------------------- */

static const char *const policy_names[] = {
#define X(id, name) name,
	CONFLICT_POLICIES(X)
#undef X
};

const char *conflict_policy_name(enum conflict_policy policy)
{
	return policy_names[policy];
}

int conflict_policy_parse(const char *name, enum conflict_policy *out)
{
	for (size_t i = 0; i < ARRAY_SIZE(policy_names); i++) {
		if (strcmp(policy_names[i], name) != 0)
			continue;
		*out = (enum conflict_policy)i;
		return 0;
	}
	return -1;
}

struct merge_rule plan_rule(enum conflict_policy policy, bool local_newer)
{
	struct merge_rule rule = {
		.contested = local_newer ? MERGE_LOCAL : MERGE_REMOTE,
		.whole = policy == POLICY_NEWEST,
	};

	if (policy == POLICY_LOCAL)
		rule.contested = MERGE_LOCAL;
	if (policy == POLICY_REMOTE)
		rule.contested = MERGE_REMOTE;
	return rule;
}
