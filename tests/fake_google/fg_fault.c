#include "fg_control.h"

#include <string.h>

#include "base/banned.h"

static const struct {
	const char *name;
	enum fg_fault_action action;
	enum fg_bend bend;
} actions[] = {
	{"status", FG_FAULT_STATUS, FG_BEND_NONE},
	{"status_after", FG_FAULT_STATUS_AFTER, FG_BEND_NONE},
	{"drop_before", FG_FAULT_DROP_BEFORE, FG_BEND_NONE},
	{"drop_after", FG_FAULT_DROP_AFTER, FG_BEND_NONE},
	{"truncate", FG_FAULT_TRUNCATE, FG_BEND_NONE},
	{"delay", FG_FAULT_DELAY, FG_BEND_NONE},
	{"garbage", FG_FAULT_GARBAGE, FG_BEND_NONE},
	{"reorder", FG_FAULT_BEND, FG_BEND_REORDER},
	{"repeat", FG_FAULT_BEND, FG_BEND_REPEAT},
	{"older", FG_FAULT_BEND, FG_BEND_OLDER},
	{"damage", FG_FAULT_BEND, FG_BEND_DAMAGE},
	{"empty_page", FG_FAULT_BEND, FG_BEND_EMPTY},
	{"late", FG_FAULT_BEND, FG_BEND_LATE},
	{"stale", FG_FAULT_BEND, FG_BEND_STALE},
	{"part_lost", FG_FAULT_BEND, FG_BEND_PART_LOST},
	{"part_skipped", FG_FAULT_BEND, FG_BEND_PART_SKIPPED},
};

/* What Google would say with a status when the test names no reason. */
static const struct {
	int status;
	const char *domain, *reason, *message;
} usual[] = {
	{400, "global", "badRequest", "Bad Request"},
	{401, "global", "authError", "Invalid Credentials"},
	{403, "usageLimits", "rateLimitExceeded", "Rate Limit Exceeded"},
	{404, "global", "notFound", "Not Found"},
	{409, "global", "conflict", "Conflict"},
	{410, "global", "deleted", "Resource has been deleted"},
	{412, "global", "conditionNotMet", "Precondition Failed"},
	{429, "usageLimits", "rateLimitExceeded", "Rate Limit Exceeded"},
};

static void rule_release(struct fg_fault_rule *rule)
{
	free(rule->method);
	free(rule->match);
	free(rule->domain);
	free(rule->reason);
	free(rule->message);
}

void fg_faults_clear(struct fg_control_state *control)
{
	for (size_t i = 0; i < control->faults.count; i++)
		rule_release(&control->faults.list[i]);
	free(control->faults.list);
	control->faults.list = NULL;
	control->faults.count = 0;
}

static const char *action_name(const struct fg_fault_rule *rule)
{
	for (size_t i = 0; i < ARRAY_SIZE(actions); i++)
		if (actions[i].action == rule->action && actions[i].bend == rule->bend)
			return actions[i].name;
	return "none";
}

static int check_keys(const struct json_object *spec, struct err *err)
{
	static const char known[] = " method match after times action status domain reason message "
				    "retry_after delay_ms n ";

	json_object_object_foreach ((struct json_object *)spec, key, value) {
		AUTO(free) char *padded = xasprintf(" %s ", key);

		(void)value;
		if (!strstr(known, padded))
			return err_set(err, ERR_INVALID, "unknown key '%s' in a fault", key);
	}
	return 0;
}

static void fill_answer(struct fg_fault_rule *rule, const struct json_object *spec)
{
	const char *domain = json_str(spec, "domain");
	const char *reason = json_str(spec, "reason");
	const char *message = json_str(spec, "message");
	const char *usual_domain = "global";
	const char *usual_reason = rule->status >= 500 ? "backendError" : "badRequest";
	const char *usual_message = rule->status >= 500 ? "Backend Error" : "Bad Request";

	for (size_t i = 0; i < ARRAY_SIZE(usual); i++) {
		if (usual[i].status != rule->status)
			continue;
		usual_domain = usual[i].domain;
		usual_reason = usual[i].reason;
		usual_message = usual[i].message;
	}
	rule->domain = xstrdup(domain ? domain : usual_domain);
	rule->reason = xstrdup(reason ? reason : usual_reason);
	rule->message = xstrdup(message ? message : reason ? reason : usual_message);
}

int fg_fault_add(struct fg *fg, const struct json_object *spec, int *out_id, struct err *err)
{
	const char *action = json_str(spec, "action");
	const char *match = json_str(spec, "match");
	struct fg_fault_rule rule = {0};
	struct fg_fault_rule *at;

	if (check_keys(spec, err))
		return -1;
	for (size_t i = 0; action && i < ARRAY_SIZE(actions); i++)
		if (!strcmp(actions[i].name, action)) {
			rule.action = actions[i].action;
			rule.bend = actions[i].bend;
		}
	if (rule.action == FG_FAULT_NONE)
		return err_set(err, ERR_INVALID, "unknown action '%s'", action ? action : "");
	rule.status = (int)json_int(spec, "status", 503);
	if (rule.status < 200 || rule.status > 599)
		return err_set(err, ERR_INVALID, "status %d is out of range", rule.status);
	rule.skip = (int)json_int(spec, "after", 0);
	rule.times = (int)json_int(spec, "times", 1);
	if (!rule.times)
		rule.times = -1;
	rule.retry_after = (int)json_int(spec, "retry_after", 0);
	rule.delay_ms = json_int(spec, "delay_ms", 0);
	rule.n = (int)json_int(spec, "n", 1);
	rule.method = xstrdup_null(json_str(spec, "method"));
	rule.match = xstrdup(match ? match : "");
	fill_answer(&rule, spec);
	rule.id = ++fg->control->fault_count;
	at = FG_LIST_ADD(&fg->control->faults);
	*at = rule;
	*out_id = rule.id;
	return 0;
}

struct json_object *fg_faults_dump(const struct fg *fg)
{
	struct json_object *list = json_object_new_array();

	for (size_t i = 0; i < fg->control->faults.count; i++) {
		const struct fg_fault_rule *rule = &fg->control->faults.list[i];
		struct json_object *obj = json_object_new_object();

		json_set_int(obj, "id", rule->id);
		json_set_str(obj, "method", rule->method);
		json_set_str(obj, "match", rule->match);
		json_set_int(obj, "after", rule->skip);
		json_set_int(obj, "times", rule->times); /* left; -1 = for ever */
		json_set_str(obj, "action", action_name(rule));
		json_set_int(obj, "status", rule->status);
		json_set_str(obj, "domain", rule->domain);
		json_set_str(obj, "reason", rule->reason);
		json_set_str(obj, "message", rule->message);
		json_set_int(obj, "retry_after", rule->retry_after);
		json_set_int(obj, "delay_ms", rule->delay_ms);
		json_set_int(obj, "n", rule->n);
		json_object_array_add(list, obj);
	}
	return list;
}

void fg_fault_take(struct fg *fg, const char *method, const char *target, bool part,
		   struct fg_fault *out)
{
	*out = (struct fg_fault){0};
	for (size_t i = 0; i < fg->control->faults.count; i++) {
		struct fg_fault_rule *rule = &fg->control->faults.list[i];

		if (!rule->times || (rule->method && strcmp(rule->method, method) != 0) ||
		    !strstr(target, rule->match))
			continue;
		/* A part has no connection of its own that could drop. */
		if (part && rule->action != FG_FAULT_STATUS &&
		    rule->action != FG_FAULT_STATUS_AFTER)
			continue;
		if (rule->skip > 0) {
			rule->skip--;
			continue;
		}
		if (rule->times > 0)
			rule->times--;
		out->action = rule->action;
		out->bend = rule->bend;
		out->n = rule->n;
		out->status = rule->status;
		out->domain = rule->domain;
		out->reason = rule->reason;
		out->message = rule->message;
		out->retry_after = rule->retry_after;
		out->delay_ms = rule->delay_ms;
		return;
	}
}
