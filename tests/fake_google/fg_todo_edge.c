/* NEEDSWORK: parts of the edge that are not written yet; shrinks to nothing. */
#include "fg_edge.h"

#define WEAK __attribute__((weak))
#pragma GCC diagnostic ignored "-Wunused-parameter"

WEAK int fg_mask_parse(const char *text, struct fg_mask **out)
{
	return 0;
}
WEAK void fg_mask_free(struct fg_mask *mask)
{
}
WEAK struct json_object *fg_mask_apply(const struct fg_mask *m, struct json_object *o)
{
	return o;
}
WEAK void fg_schema_check(struct fg_call *c, const char *s, const struct json_object *b)
{
}
WEAK int fg_batch_handle(struct fg_call *call)
{
	return -1;
}
WEAK struct fg_push_state *fg_push_new(void)
{
	return NULL;
}
WEAK void fg_push_free(struct fg_push_state *push)
{
}
WEAK void fg_push_changed(struct fg *fg, struct fg_account *a, const char *c, const char *e)
{
}
WEAK void fg_push_list_changed(struct fg *fg, struct fg_account *a)
{
}
WEAK int fg_events_watch(struct fg_call *call)
{
	return fg_fail_not_found(call);
}
WEAK int fg_calendar_list_watch(struct fg_call *call)
{
	return fg_fail_not_found(call);
}
WEAK int fg_settings_watch(struct fg_call *call)
{
	return fg_fail_not_found(call);
}
WEAK int fg_acl_watch(struct fg_call *call)
{
	return fg_fail_not_found(call);
}
WEAK int fg_channels_stop(struct fg_call *call)
{
	return fg_fail_not_found(call);
}

WEAK struct json_object *fg_push_dump(struct fg *fg)
{
	return json_object_new_array();
}
WEAK void fg_push_grant_gone(struct fg *fg, struct fg_account *a, const char *client_id)
{
}
WEAK bool fg_next_notification(struct fg *fg, struct http_request *out)
{
	return false;
}
WEAK int64_t fg_next_due_ms(const struct fg *fg)
{
	return -1;
}
WEAK void fg_notification_result(struct fg *fg, const struct http_request *sent, int status)
{
}
WEAK void fg_notification_release(struct http_request *req)
{
}
