/* What the edge's own parts share; the model needs fg_api.h only. */
#ifndef FG_EDGE_H
#define FG_EDGE_H

#include <string.h>

#include "fg_api.h"

struct fg_method {
	const char *id;     /* "events.list" */
	const char *verb;   /* "GET" */
	const char *path;   /* below /calendar/v3/, with {calendarId} and the like */
	uint32_t scopes;    /* enum fg_scope bits, any one suffices */
	const char *params; /* known query parameters, each with a space on both sides; "" = none */
	const char *schema; /* of the body, or NULL when none is read */
	const char *answer; /* schema of the answer, or NULL when it has no body */
	int (*handler)(struct fg_call *call);
};
extern const struct fg_method fg_methods[]; /* ends with a row of NULLs */

/* -- fg_route.c --------------------------------------------------------------------------- */

/* Split a query (or form body) into decoded pairs; appends. */
void fg_params_parse(const char *text, size_t len, struct fg_param **list, size_t *count);
void fg_params_free(struct fg_param *list, size_t count);
const char *fg_params_get(const struct fg_param *list, size_t count, const char *name);
char *fg_url_decode(const char *s, size_t len, bool plus_is_space); /* the caller's */
/* The path and query of a request URL, with scheme and host taken off; borrowed. */
const char *fg_url_target(const char *url);

/*
 * Serve one request or one part of a batch: log, faults, dispatch, log the status.
 * batch_n   the outer request's number in the log, 0 for an outer request
 * Returns   -1 when the connection is to be dropped (never for a part)
 */
int fg_serve(struct fg *fg, const struct http_request *req, struct http_response *out, int batch_n);

/* -- fg_mask.c: partial answers ----------------------------------------------------------- */

/* A NULL or empty text gives NULL: everything. -1: the mask is malformed, or names a member
 * that `schema` does not have. */
int fg_mask_parse(const char *text, const char *schema, struct fg_mask **out);
void fg_mask_free(struct fg_mask *mask);
struct json_object *fg_mask_apply(const struct fg_mask *mask, struct json_object *obj_take);

/* -- fg_schema.c, fg_members.c ------------------------------------------------------------- */

struct fg_field {
	const char *schema, *name;
	const char *ref; /* schema of its members; "*" = any; NULL = a scalar */
	bool read_only;
};
extern const struct fg_field fg_fields[]; /* ends with a row of NULLs */

const struct fg_field *fg_field_find(const char *schema, const char *name); /* or NULL */
/* Violations for unknown and read-only members of a body. */
void fg_schema_check(struct fg_call *call, const char *schema, const struct json_object *body);

/* -- fg_oauth.c --------------------------------------------------------------------------- */

struct fg_token {
	struct fg_account *account;
	uint32_t scopes;
	const char *client_id;
};

struct fg_oauth_state *fg_oauth_new(void);
void fg_oauth_free(struct fg_oauth_state *oauth);
/* /o/oauth2/..., /token, /revoke, /device/code: answers and returns 0, or -1 when the path is none of these. */
int fg_oauth_handle(struct fg_call *call, const char *path);
/* {"error", "error_description"} with this status; returns -1. */
int fg_oauth_fail(struct fg_call *call, int status, const char *error, const char *description);
/* Look an access token up: false when it is unknown, expired or revoked. */
bool fg_oauth_check(struct fg *fg, const char *access_token, struct fg_token *out);
/* An access token without any consent, that does not expire: POST /sandbox/token. The
 * caller's. */
char *fg_oauth_mint(struct fg *fg, struct fg_account *account, uint32_t scopes);
/* A refresh token of the installed client, as a consent gives it. Borrowed. */
const char *fg_oauth_mint_refresh(struct fg *fg, struct fg_account *account, uint32_t scopes);
void fg_oauth_expire(struct fg *fg, struct fg_account *account, bool access, bool refresh);
/* Full URLs or short names, space separated; unknown ones give false. */
bool fg_scopes_parse(const char *text, uint32_t *out);
char *fg_scopes_text(uint32_t scopes); /* full URLs, space separated; the caller's */
void fg_services_release(struct fg *fg);

/* -- fg_batch.c --------------------------------------------------------------------------- */

int fg_batch_handle(struct fg_call *call);

/* -- fg_push.c ---------------------------------------------------------------------------- */

struct fg_push_state *fg_push_new(void);
void fg_push_free(struct fg_push_state *push);
struct json_object *fg_push_dump(struct fg *fg);
struct json_object **fg_push_log(struct fg *fg); /* the array of deliveries, for tests */
/* A grant ended: its channels end too. */
void fg_push_grant_gone(struct fg *fg, struct fg_account *account, const char *client_id);

/* -- fg_control.c ------------------------------------------------------------------------- */

struct fg_control_state *fg_control_new(void);
void fg_control_free(struct fg_control_state *control);
void fg_config_init(struct fg *fg);
void fg_config_release(struct fg *fg);
int fg_control_handle(struct fg_call *call, const char *path);
/* Forget everything and start again as after fg_new() and the loads that followed it. */
void fg_reset(struct fg *fg);

enum fg_fault_action {
	FG_FAULT_NONE,
	FG_FAULT_STATUS,
	FG_FAULT_STATUS_AFTER,
	FG_FAULT_DROP_BEFORE,
	FG_FAULT_DROP_AFTER,
	FG_FAULT_TRUNCATE,
	FG_FAULT_DELAY,
	FG_FAULT_GARBAGE,
	FG_FAULT_BEND,
};
struct fg_fault {
	enum fg_fault_action action;
	int status;
	const char *domain, *reason, *message; /* borrowed until the next fault is set or cleared */
	int retry_after;                       /* s; 0 = no header */
	int64_t delay_ms;
	enum fg_bend bend;
	int n;
};
/* The fault that hits this request, counted as used. part: inside a batch only status kinds. */
void fg_fault_take(struct fg *fg, const char *method, const char *target, bool part,
		   struct fg_fault *out);

int fg_log_request(struct fg *fg, const struct http_request *req, int batch_n); /* its number */
void fg_log_answer(struct fg *fg, int n, int status, const char *account);
void fg_log_violation(struct fg *fg, int n, const char *method, const char *path, const char *what);

/* Count `units` of an account's quota; false when the sliding minute is full. */
bool fg_rate_take(struct fg *fg, struct fg_account *account, int units);

#endif
