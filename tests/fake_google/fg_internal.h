/*
 * What the parts of the fake Google share. Outside tests/fake_google/ only fg.h counts.
 *
 * A request becomes a struct fg_call; the router (fg_route.c) has checked the route, the bearer
 * token, the scopes, the query parameters' names, the `fields` mask and that the body is JSON
 * before a handler of fg_api.h sees it. The handler sends exactly one answer through
 * fg_reply_*() or fg_fail*().
 *
 * Convention: whatever answers with an error returns -1, so that a check can be written
 * `if (check(call)) return -1;` and a handler may end with `return fg_fail_*(...)`. The router
 * ignores the value beyond asserting that an answer was made.
 */
#ifndef FG_INTERNAL_H
#define FG_INTERNAL_H

#include "fg.h"

#include "base/cleanup.h"
#include "base/xalloc.h"

/* Scopes below https://www.googleapis.com/auth/ ; the bits of a token's grant and of a method's
 * list. Not Calendar's, but granted at consent all the same: openid, email, profile. */
#define FG_SCOPES(X)                                                      \
	X(FG_S_CALENDAR, "calendar")                                      \
	X(FG_S_READONLY, "calendar.readonly")                             \
	X(FG_S_EVENTS, "calendar.events")                                 \
	X(FG_S_EVENTS_READONLY, "calendar.events.readonly")               \
	X(FG_S_EVENTS_OWNED, "calendar.events.owned")                     \
	X(FG_S_EVENTS_OWNED_READONLY, "calendar.events.owned.readonly")   \
	X(FG_S_EVENTS_PUBLIC_READONLY, "calendar.events.public.readonly") \
	X(FG_S_EVENTS_FREEBUSY, "calendar.events.freebusy")               \
	X(FG_S_FREEBUSY, "calendar.freebusy")                             \
	X(FG_S_APP_CREATED, "calendar.app.created")                       \
	X(FG_S_LIST, "calendar.calendarlist")                             \
	X(FG_S_LIST_READONLY, "calendar.calendarlist.readonly")           \
	X(FG_S_CALENDARS, "calendar.calendars")                           \
	X(FG_S_CALENDARS_READONLY, "calendar.calendars.readonly")         \
	X(FG_S_ACLS, "calendar.acls")                                     \
	X(FG_S_ACLS_READONLY, "calendar.acls.readonly")                   \
	X(FG_S_SETTINGS_READONLY, "calendar.settings.readonly")           \
	X(FG_S_EMAIL, "userinfo.email")                                   \
	X(FG_S_PROFILE, "userinfo.profile")

enum fg_scope_index {
#define X(bit, name) bit##_I,
	FG_SCOPES(X)
#undef X
		FG_S_OPENID_I,
};
enum fg_scope {
#define X(bit, name) bit = 1 << bit##_I,
	FG_SCOPES(X)
#undef X
		FG_S_OPENID = 1 << FG_S_OPENID_I,
};

struct fg_account {
	struct fg_account *next;
	char *email;                /* owned; also the primary calendar's id */
	char *display_name;         /* owned; NULL = none */
	char *time_zone;            /* owned; IANA name */
	char *sub;                  /* owned; decimal user id */
	bool service;               /* a service account acting for itself */
	struct fg_account_cal *cal; /* the model's (fg_cal.c); NULL before fg_account_created() */
};

/* POST /sandbox/config; reset with the rest. */
struct fg_config {
	int max_page;     /* cap on any page size; 0 = none */
	bool empty_pages; /* an empty page with nextPageToken between pages */
	bool log_requests;
	bool rotate_refresh_tokens;
	int rate_per_minute;                  /* 0 = off */
	int rate_status;                      /* 403 or 429 */
	struct json_object *granted_scopes;   /* owned array of strings; NULL = as asked */
	struct json_object *delegated_scopes; /* owned; domain-wide delegation; NULL = all */
	int refresh_token_expires_in;         /* s; 0 = the field is absent */
	int access_token_ttl;                 /* s */
	struct json_object *token_mark; /* owned string in all tokens and codes; NULL = none */
	int max_batch_parts;
	bool webhook_verify;     /* refuse addresses whose host is not in verified_domains */
	bool allow_http_webhook; /* http:// to a loopback address is a valid webhook */
	bool push_duplicates;    /* every notification is sent twice */
	bool push_sync_first;    /* the sync message is due before the watch answer */
	int push_drop_every;     /* every n-th notification is lost; 0 = none */
	struct json_object *verified_domains; /* owned array of strings; NULL = none */
};

/* A growing array. */
#define FG_LIST(type)         \
	struct {              \
		type *list;   \
		size_t count; \
	}
/* Append an element set to zero; v is &state->pages and the like. */
#define FG_LIST_ADD(v)                                                                    \
	({                                                                                \
		(v)->list = xreallocarray((v)->list, (v)->count + 1, sizeof(*(v)->list)); \
		memset(&(v)->list[(v)->count], 0, sizeof(*(v)->list));                    \
		&(v)->list[(v)->count++];                                                 \
	})

/* How a fault bends an answer that is otherwise good. n: see README.md, "Faults". */
enum fg_bend {
	FG_BEND_NONE,
	FG_BEND_REORDER,      /* the items of a page in another order */
	FG_BEND_REPEAT,       /* some items of a page twice */
	FG_BEND_OLDER,        /* a page repeats an event of an earlier page as it was before */
	FG_BEND_DAMAGE,       /* the n-th item of a page has a start that is none */
	FG_BEND_EMPTY,        /* a page without items before this one */
	FG_BEND_LATE,         /* a listing from before the last n changes */
	FG_BEND_STALE,        /* an event as it was before its last change */
	FG_BEND_PART_LOST,    /* the n-th part of a batch is carried out, its answer is missing */
	FG_BEND_PART_SKIPPED, /* it is not carried out, and its answer is missing */
};

struct fg_service {
	char *email; /* owned; of the service account */
	void *key;   /* EVP_PKEY, owned */
};

struct fg_param {
	char *name;  /* owned, decoded */
	char *value; /* owned, decoded */
};

struct fg_method; /* fg_edge.h: the row of the method table */
struct fg_mask;   /* a parsed `fields` value */

struct fg_call {
	struct fg *fg;
	const struct http_request *req; /* headers, raw body */
	const struct fg_method *method; /* NULL outside /calendar/v3 */
	char **segments;                /* decoded path segments below /calendar/v3/ */
	size_t nsegments;
	const char *calendar_id; /* {calendarId} as sent ("primary" not resolved), or NULL */
	const char *event_id;    /* {eventId}, or NULL */
	const char *sub_id;      /* {setting} or {ruleId}, or NULL */
	struct fg_param *params; /* in the order of the query */
	size_t nparams;
	struct json_object *body;   /* object; NULL = no body was sent (an empty one) */
	struct fg_account *account; /* whose token it is; set for every API method */
	uint32_t scopes;            /* enum fg_scope bits of the token */
	const char *client_id;      /* of the token */
	struct fg_mask *mask;       /* NULL = everything */
	bool in_batch;              /* a part: working locations cannot be written */
	enum fg_bend bend;          /* a fault that the handler carries out */
	int bend_n;
	struct http_response *out;
	int log_n; /* number of its entry in the request log */
};

struct fg {
	struct fg_options options; /* strings owned */
	uint64_t rng;
	int64_t clock_offset_ms;
	int64_t clock_fixed_ms; /* 0 = the system's clock plus the offset */
	int64_t last_stamp_us;
	struct fg_account *accounts; /* in order of creation */
	struct fg_config config;
	struct fg_cal_state *cal;         /* fg_cal.c */
	struct fg_oauth_state *oauth;     /* fg_oauth.c */
	struct fg_push_state *push;       /* fg_push.c */
	struct fg_control_state *control; /* fg_control.c */
	int64_t delay_ms;
	unsigned faults_hit;
	FG_LIST(struct fg_service) services; /* registered at start; a reset keeps them */
	struct json_object *loads; /* owned array of JSON texts: what a reset loads again */
};

/* -- fg.c: clock, random, accounts ------------------------------------------------------- */

int64_t fg_now_ms(const struct fg *fg);
/* A new change's time: never the same twice, microseconds, at least the clock's. Google's etag
 * of an event is "\"%lld\"" of twice this; `updated` is this in ms. */
int64_t fg_stamp_us(struct fg *fg);
uint64_t fg_random(struct fg *fg);
uint64_t fg_random_below(struct fg *fg, uint64_t limit);
void fg_random_bytes(struct fg *fg, void *buf, size_t n);
/* n characters of base32hex (0-9a-v): 26 is a server-made event id. The caller frees it. */
char *fg_new_id(struct fg *fg, size_t n);
/* n characters of base64url: tokens, codes. The caller frees it. */
char *fg_new_token(struct fg *fg, const char *prefix, size_t n);

struct fg_account *fg_account_find(const struct fg *fg, const char *email); /* any case; or NULL */
/* Borrowed; calls fg_account_created(). NULL zone = the sandbox's default. */
struct fg_account *fg_account_add(struct fg *fg, const char *email, const char *display_name,
				  const char *time_zone);

/* -- fg_route.c: parameters, violations, conditions -------------------------------------- */

const char *fg_param(const struct fg_call *call, const char *name); /* the last one; or NULL */
/* The i-th value of a repeated parameter, from 0; NULL past the end. */
const char *fg_param_n(const struct fg_call *call, const char *name, size_t i);
/* true/false (any case); anything else answers 400 and gives -1. Absent: *out untouched. */
int fg_param_bool(struct fg_call *call, const char *name, bool *out);
/* A decimal of min or more; anything else answers 400 and gives -1. Absent: *out untouched. */
int fg_param_int(struct fg_call *call, const char *name, int64_t min, int64_t *out);
const char *fg_header(const struct fg_call *call, const char *name); /* request header, or NULL */

/* Note for GET /sandbox/violations: the client did what Google refuses silently. */
void fg_violation(struct fg_call *call, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Whether one of these enum fg_scope bits is granted; else answers 403 and gives -1. The
 * router has done this for the method's own list. */
int fg_require_scope(struct fg_call *call, uint32_t scopes);

/* If-Match against the current etag (with its quotes): -1 after answering 412. */
int fg_check_if_match(struct fg_call *call, const char *etag);
/* If-None-Match: true after answering 304 (empty, with the ETag header). */
bool fg_not_modified(struct fg_call *call, const char *etag);

/* -- fg_error.c: answers ------------------------------------------------------------------ */

/* `fields` and prettyPrint applied; an ETag header is set from a string member "etag". Returns 0. */
int fg_reply_json(struct fg_call *call, int status, struct json_object *obj_take);
int fg_reply_empty(struct fg_call *call, int status);                  /* 204, 304; returns 0 */
int fg_reply_html(struct fg_call *call, int status, const char *html); /* returns 0 */

/* The Calendar backend's envelope: keys errors, code, message. location_type ("parameter",
 * "header") and location may be NULL. Returns -1. */
int fg_fail(struct fg_call *call, int status, const char *domain, const char *reason,
	    const char *message, const char *location_type, const char *location);
/* The front end's envelope: code, message, errors, status, details. outer is the message
 * outside errors[], details (taken) may be NULL. Returns -1. */
int fg_fail_front(struct fg_call *call, int status, const char *outer, const char *reason,
		  const char *message, const char *location, const char *rpc_status,
		  struct json_object *details_take);
/* Often needed, all through fg_fail(). */
int fg_fail_invalid(struct fg_call *call, const char *message); /* 400 global invalid */
int fg_fail_param(struct fg_call *call, const char *message, const char *param); /* + location */
int fg_fail_required(struct fg_call *call, const char *message); /* 400 global required */
int fg_fail_not_found(struct fg_call *call);                     /* 404 global notFound */
int fg_fail_forbidden(struct fg_call *call);                     /* 403 global forbidden */

/* A compiler looks into one file at a time: tell it what these return (as base/err.h does). */
static inline int fg_failed(void)
{
	return -1;
}
#define fg_fail(...)           (fg_fail(__VA_ARGS__), fg_failed())
#define fg_fail_front(...)     (fg_fail_front(__VA_ARGS__), fg_failed())
#define fg_fail_invalid(...)   (fg_fail_invalid(__VA_ARGS__), fg_failed())
#define fg_fail_param(...)     (fg_fail_param(__VA_ARGS__), fg_failed())
#define fg_fail_required(...)  (fg_fail_required(__VA_ARGS__), fg_failed())
#define fg_fail_not_found(...) (fg_fail_not_found(__VA_ARGS__), fg_failed())
#define fg_fail_forbidden(...) (fg_fail_forbidden(__VA_ARGS__), fg_failed())

/* Google's own printing: one space per level, or compact. */
void fg_json_print(struct strbuf *sb, struct json_object *obj, bool pretty);

/* -- fg_control.c ------------------------------------------------------------------------- */

/* A mail that Google would have sent to a guest: GET /sandbox/mail. what: "invitation",
 * "update", "cancellation". */
void fg_mail(struct fg *fg, const char *to, const char *event_id, const char *send_updates,
	     const char *what);

/* -- fg_push.c: to be called by the model ------------------------------------------------- */

/* An event of this calendar was created, changed or deleted: every channel on the collection
 * of this account gets a message (event_type filters; NULL = default). Call it once for each
 * account that sees the calendar. calendar_id is the real id, never "primary". */
void fg_push_changed(struct fg *fg, struct fg_account *account, const char *calendar_id,
		     const char *event_type);
void fg_push_list_changed(struct fg *fg, struct fg_account *account); /* its calendarList */

#endif
