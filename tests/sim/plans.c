/* Counts what the planner decides: the linker puts this in front of plan_event(). */
#include "cover.h"
#include "sync/plan.h"

enum plan_action __real_plan_event(enum plan_here here, enum plan_remote remote);
enum plan_action __wrap_plan_event(enum plan_here here, enum plan_remote remote);

enum plan_action __wrap_plan_event(enum plan_here here, enum plan_remote remote)
{
	enum plan_action action = __real_plan_event(here, remote);

	COVER(plans[action]);
	return action;
}
