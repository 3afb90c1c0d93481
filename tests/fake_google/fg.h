/*
 * A model of Google's side: state plus request -> response, no I/O, deterministic.
 *
 * Two front doors lead to fg_handle(): the simulation calls it directly, and
 * calsync-sandbox (main.c, server.c) puts HTTP before it. It refuses what Google refuses.
 * Time is its own clock, ids and tokens come from its own seeded generator, so that a run can
 * be repeated exactly.
 *
 * What Google sends by itself (push notifications) is queued in the model and
 * taken out with fg_next_notification(): whoever owns the network delivers it.
 *
 * Layout of the parts, each with its own state struct, owned by struct fg:
 *   fg.c          create, free, clock, random, accounts
 *   fg_route.c    routing a request to its part; fg_params.c, fg_methods.c (the table)
 *   fg_error.c    answers and both error envelopes; fg_mask.c partial answers
 *   fg_schema.c   members that a body may have (fg_members.c)
 *   fg_oauth.c    tokens; fg_consent.c the page, fg_jwt.c service accounts, fg_scope.c
 *   fg_cal*.c     calendars, calendarList, settings, colors, ACL roles, freeBusy
 *   fg_event*.c   events: list and sync tokens, reads, writes, series expansion
 *   fg_push.c     channels; fg_notify.c the notifications they cause
 *   fg_batch.c    multipart/mixed
 *   fg_control.c  /sandbox/...; fg_config.c, fg_fault.c, fg_log.c
 *   server.c, deliver.c, main.c  libmicrohttpd, delivery of notifications, options
 */
#ifndef FG_H
#define FG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/json.h"
#include "google/transport.h"

struct fg;

struct fg_options {
	uint64_t seed;        /* 0 = 1 */
	int64_t now_ms;       /* start of its clock, ms since 1970; 0 = follow the system's clock */
	const char *base_url; /* scheme://host[:port] that it believes to be reached at */
	const char *account;  /* the first account's address; NULL = user1@example.com */
	const char *time_zone;   /* of the accounts it makes; NULL = Europe/Berlin */
	int64_t latency_ms;      /* every answer is held back so long */
	bool allow_http_webhook; /* webhooks may be http://, to a loopback address */
};

struct fg *fg_new(const struct fg_options *options);
void fg_free(struct fg *fg);

/*
 * Answer one request. req->url may be absolute or start with '/'.
 *
 * out     HTTP_RESPONSE_INIT on entry
 * Returns 0, or -1 when a fault says that the connection drops without an answer
 *         (before or after the request took effect), or FG_TRUNCATED when out is whole but
 *         only half of its body may reach the client.
 */
#define FG_TRUNCATED 1
int fg_handle(struct fg *fg, const struct http_request *req, struct http_response *out);

/* Milliseconds that the last request's answer is to be held back (faults, --latency); the
 * model itself never sleeps. */
int64_t fg_delay_ms(const struct fg *fg);

/* How many faults had an effect so far: a rule that bends an answer may find nothing to bend. */
unsigned fg_faults_hit(const struct fg *fg);
/* How often a client did what Google refuses silently: GET /sandbox/violations says what. */
size_t fg_violations(const struct fg *fg);
/* Set its clock, which stands still from then on. */
void fg_set_clock(struct fg *fg, int64_t now_ms);

/* Every event that it holds, tombstones too, calendar by calendar in order of creation. */
struct fg_held {
	const char *calendar, *id;    /* borrowed, all of them */
	struct json_object *resource; /* as answered; not to be changed */
	bool stub; /* moved away, or an exception whose occurrence is gone: listed by id alone */
};
/* Stops at the first return value that is not 0, and returns it. */
int fg_each_event(struct fg *fg, int (*fn)(const struct fg_held *held, void *arg), void *arg);

/* The next notification due, as a request to POST (caller releases it with
 * fg_notification_release), or false when none waits. status 0 = could not be delivered. */
bool fg_next_notification(struct fg *fg, struct http_request *out);
/* ms until the next one is due (0 = now); -1 = none waits. */
int64_t fg_next_due_ms(const struct fg *fg);
void fg_notification_result(struct fg *fg, const struct http_request *sent, int status);
void fg_notification_release(struct http_request *req);

/*
 * Load event JSON: one resource, an array of them, an Events list answer, a CalendarList
 * answer, or an object {"account", "calendars": [{"id", ..., "events": []}]}. Missing ids are
 * minted, repeated ids and unquoted etags accepted as recorded data has them.
 */
int fg_load(struct fg *fg, const char *text, size_t len, struct err *err);

/* Register a service account's key file (its public half). A reset keeps it. ERR_INVALID. */
int fg_service_account_add(struct fg *fg, const char *key_json, size_t len, struct err *err);

/* A transport whose exchange() is fg_handle(); fg must outlive it. A dropped connection is
 * ERR_NETWORK. */
struct transport *fg_transport_new(struct fg *fg);

#endif
