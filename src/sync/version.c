#include "sync/version.h"

#include "base/banned.h"
#include "model/event.h"

static int add(struct store *s, const struct version_note *n, enum history_op op,
	       struct json_object *version, struct err *err)
{
	const struct history h = {
		.calendar_id = n->calendar_id,
		.event_id = (char *)n->event_id,
		.op = op,
		.origin = (char *)n->origin,
		.at_ms = n->at_ms,
		.command_id = n->command_id,
		.local_only = version && n->local_only,
		.resource = version,
	};

	return store_history_add(s, &h, err);
}

int version_changed(struct store *s, const struct version_note *n, struct json_object *before,
		    const struct json_object *after, struct err *err)
{
	bool was = before && !event_is_cancelled(before);
	bool is = after && !event_is_cancelled(after);

	if (was && is)
		return add(s, n, HISTORY_UPDATE, before, err);
	if (was)
		return add(s, n, HISTORY_DELETE, before, err);
	return is ? add(s, n, HISTORY_CREATE, NULL, err) : 0;
}

int version_kept(struct store *s, const struct version_note *n, struct json_object *version,
		 struct err *err)
{
	return add(s, n, HISTORY_KEPT, version, err);
}
