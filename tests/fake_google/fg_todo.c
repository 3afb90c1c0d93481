/* NEEDSWORK: what the model does not answer yet. Each real definition replaces a weak one here;
 * this file goes when none is left. */
#include "fg_api.h"

#define WEAK __attribute__((weak))

#define X(name)                                                                           \
	WEAK int name(struct fg_call *call)                                               \
	{                                                                                 \
		return fg_fail(call, 501, "global", "notImplemented", #name, NULL, NULL); \
	}
FG_MODEL_HANDLERS(X)
#undef X

WEAK struct fg_cal_state *fg_cal_state_new(struct fg *fg)
{
	(void)fg;
	return NULL;
}

WEAK void fg_cal_state_free(struct fg *fg, struct fg_cal_state *cal)
{
	(void)fg, (void)cal;
}

WEAK void fg_account_created(struct fg *fg, struct fg_account *account)
{
	(void)fg, (void)account;
}

WEAK struct json_object *fg_cal_dump(struct fg *fg, struct fg_account *account)
{
	(void)fg, (void)account;
	return json_object_new_object();
}

WEAK int fg_cal_load(struct fg *fg, struct fg_account *account, const char *calendar_id,
		     const struct json_object *data, struct err *err)
{
	(void)fg, (void)account, (void)calendar_id, (void)data;
	return err_set(err, ERR_FAILED, "loading is not there yet");
}

WEAK void fg_cal_expire_tokens(struct fg *fg, struct fg_account *account, bool sync, bool page)
{
	(void)fg, (void)account, (void)sync, (void)page;
}

WEAK int fg_cal_control_put(struct fg *fg, struct fg_account *account,
			    const struct json_object *spec, struct json_object **out_entry,
			    struct err *err)
{
	(void)fg, (void)account, (void)spec, (void)out_entry;
	return err_set(err, ERR_FAILED, "not there yet");
}

WEAK int fg_cal_control_delete(struct fg *fg, struct fg_account *account, const char *id,
			       struct err *err)
{
	(void)fg, (void)account, (void)id;
	return err_set(err, ERR_FAILED, "not there yet");
}

WEAK int fg_cal_watch_target(struct fg_call *call, const char **out_id)
{
	(void)out_id;
	return fg_fail_not_found(call);
}
