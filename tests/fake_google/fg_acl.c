#include "fg_api.h"

/* Sharing rules are set through /sandbox/calendars; this sandbox does not speak acl.*. */
static int not_here(struct fg_call *call)
{
	fg_reply_html(call, 501,
		      "<!DOCTYPE html><title>Error 501 (Not Implemented)</title>"
		      "<p>The sandbox does not implement acl methods.\n");
	return -1;
}

int fg_acl_list(struct fg_call *call)
{
	return not_here(call);
}

int fg_acl_get(struct fg_call *call)
{
	return not_here(call);
}

int fg_acl_insert(struct fg_call *call)
{
	return not_here(call);
}

int fg_acl_patch(struct fg_call *call)
{
	return not_here(call);
}

int fg_acl_update(struct fg_call *call)
{
	return not_here(call);
}

int fg_acl_delete(struct fg_call *call)
{
	return not_here(call);
}
