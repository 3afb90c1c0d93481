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
WEAK struct fg_oauth_state *fg_oauth_new(struct fg *fg)
{
	return NULL;
}
WEAK void fg_oauth_free(struct fg_oauth_state *oauth)
{
}
WEAK int fg_oauth_handle(struct fg_call *call, const char *path)
{
	return -1;
}
WEAK bool fg_oauth_check(struct fg *fg, const char *t, struct fg_token *out)
{
	out->account = fg_account_find(fg, t);
	out->scopes = 0xffffffff;
	out->client_id = "x";
	return out->account;
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
WEAK struct fg_control_state *fg_control_new(void)
{
	return NULL;
}
WEAK void fg_control_free(struct fg_control_state *control)
{
}
WEAK void fg_config_init(struct fg *fg)
{
}
WEAK void fg_config_release(struct fg *fg)
{
}
WEAK int fg_control_handle(struct fg_call *call, const char *path)
{
	return fg_fail_not_found(call);
}
WEAK void fg_fault_take(struct fg *fg, const char *m, const char *t, bool part,
			struct fg_fault *out)
{
	*out = (struct fg_fault){0};
}
WEAK int fg_log_request(struct fg *fg, const struct http_request *req, int batch_n)
{
	return 1;
}
WEAK void fg_log_answer(struct fg *fg, int n, int status, const char *account)
{
}
WEAK void fg_log_violation(struct fg *fg, int n, const char *m, const char *p, const char *w)
{
}
WEAK bool fg_rate_take(struct fg *fg, struct fg_account *account, int units)
{
	return true;
}
WEAK void fg_mail(struct fg *fg, const char *a, const char *b, const char *c, const char *d)
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
