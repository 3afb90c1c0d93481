#include "fg_query.h"

#include <string.h>

#include "base/banned.h"

int fg_events_list(struct fg_call *call)
{
	struct fg_entry *e = fg_access(call, FG_ROLE_FREEBUSY);
	AUTO(fg_refs_release) struct fg_refs refs = {0};
	struct fg_query query;

	if (!e || fg_query_init(call, e, &query))
		return -1;
	if (fg_param(call, "pageToken"))
		return fg_listing_reply(&query, NULL);
	if (query.incremental)
		fg_match_changes(&query, &refs);
	else
		fg_match_all(&query, &refs);
	if (query.order)
		fg_match_sort(&query, &refs);
	return fg_listing_reply(&query, &refs);
}

static int keep_original_start(struct fg_call *call, const struct fg_query *q, struct fg_refs *refs)
{
	const char *value = fg_param(call, "originalStart");
	AUTO(json_object_put) struct json_object *edt = NULL;
	struct fg_when want;
	size_t n = 0;

	if (!value)
		return 0;
	edt = json_object_new_object();
	json_set_str(edt, strchr(value, 'T') ? "dateTime" : "date", value);
	if (fg_when_parse(edt, q->entry->cal->zone, &want))
		return fg_fail_param(call, "Invalid Value", "originalStart");
	for (size_t i = 0; i < refs->count; i++)
		if (refs->list[i].sort == fg_when_utc(&want, q->entry->cal->zone))
			refs->list[n++] = refs->list[i];
	refs->count = n;
	return 0;
}

int fg_events_instances(struct fg_call *call)
{
	struct fg_entry *e = fg_access(call, FG_ROLE_FREEBUSY);
	AUTO(fg_refs_release) struct fg_refs refs = {0};
	struct fg_query query;
	struct fg_event *master;

	if (!e)
		return -1;
	master = fg_event_find(e->cal, call->event_id);
	if (!master)
		return fg_fail_not_found(call);
	if (fg_query_instances(call, e, &query))
		return -1;
	if (fg_param(call, "pageToken"))
		return fg_listing_reply(&query, NULL);
	if (!fg_event_is_series(master))
		return fg_fail_invalid(call, "Invalid Value");
	fg_match_series(&query, master, &refs);
	if (keep_original_start(call, &query, &refs))
		return -1;
	fg_match_sort(&query, &refs);
	return fg_listing_reply(&query, &refs);
}
