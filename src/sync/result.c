/* A run's outcome as JSON: one home for the shape that `sync`, `log` and `status` show. */
#include "sync/sync.h"

#include <stdlib.h>
#include <string.h>

#include "base/banned.h"

void sync_result_release(struct sync_result *r)
{
	for (size_t i = 0; i < r->calendar_count; i++) {
		free(r->calendars[i].calendar);
		free(r->calendars[i].summary);
	}
	free(r->calendars);
	free(r->account);
	memset(r, 0, sizeof(*r));
}

struct json_object *sync_counts_json(const struct sync_counts *n)
{
	struct json_object *obj = json_object_new_object();

	json_set_int(obj, "created", n->created);
	json_set_int(obj, "updated", n->updated);
	json_set_int(obj, "deleted", n->deleted);
	return obj;
}

struct json_object *sync_error_json(const struct err *err)
{
	struct json_object *obj;

	if (err->code == ERR_NONE)
		return NULL;
	obj = json_object_new_object();
	json_set_str(obj, "code", err_name(err->code));
	json_set_str(obj, "message", err->msg);
	return obj;
}

static struct json_object *calendar_json(const struct calendar_result *r)
{
	struct json_object *obj = json_object_new_object();

	json_set_str(obj, "calendar", r->calendar);
	json_set_str(obj, "summary", r->summary);
	json_set_bool(obj, "success", r->success);
	json_set(obj, "error", sync_error_json(&r->err));
	json_set_bool(obj, "full", r->full);
	json_set(obj, "stats", sync_counts_json(&r->pulled));
	json_set(obj, "pushed", sync_counts_json(&r->pushed));
	json_set_int(obj, "conflicts", r->conflicts);
	json_set_int(obj, "failedEvents", r->failed_events);
	json_set_int(obj, "unreadable", r->unreadable);
	return obj;
}

struct json_object *sync_result_json(const struct sync_result *r)
{
	struct json_object *obj = json_object_new_object();
	struct json_object *calendars = json_object_new_array();

	for (size_t i = 0; i < r->calendar_count; i++)
		json_object_array_add(calendars, calendar_json(&r->calendars[i]));
	json_set_str(obj, "account", r->account);
	json_set_bool(obj, "success", r->success);
	json_set(obj, "error", sync_error_json(&r->err));
	json_set(obj, "stats", sync_counts_json(&r->pulled));
	json_set(obj, "pushed", sync_counts_json(&r->pushed));
	json_set_int(obj, "conflicts", r->conflicts);
	json_set_int(obj, "conflictsWaiting", r->conflicts_waiting);
	json_set_int(obj, "failedEvents", r->failed_events);
	json_set_int(obj, "unreadable", r->unreadable);
	json_set_int(obj, "requests", r->requests);
	json_set(obj, "calendars", calendars);
	return obj;
}
