/*
 * The engine's front: bring one account, one calendar or one event into step with Google.
 *
 *   sync_account():  lock -> calendarList -> for each calendar: push outbox -> pull -> push again
 *                    queued: lock -> for each calendar that is asked for, the same; those that only
 *                    have something to send push
 *   sync_events():   lock -> push the given events, one try each (after a local edit)
 */
#ifndef SYNC_SYNC_H
#define SYNC_SYNC_H

#include "base/clock.h"
#include "google/transport.h"
#include "secret/secret.h"
#include "store/store.h"
#include "sync/plan.h"

struct sync_env { /* all borrowed */
	struct store *store;
	struct secret_box *box;
	struct transport *transport;
	struct clock *clock;
	enum conflict_policy conflict; /* of sync_events(); sync_account() has its options */
	int64_t history_ms;            /* how long versions are kept; 0 = for ever */
	int64_t project_units;         /* quota a minute of one OAuth client; 0 = Google's usual */
};

struct sync_counts {
	int64_t created, updated, deleted;
};

struct calendar_result {
	char *calendar; /* Google's id */
	char *summary;
	bool success, full;        /* full: pulled without a sync token */
	bool is_cut_short;         /* a full pull that made way: its request stays */
	struct err err;            /* code ERR_NONE when success */
	struct sync_counts pulled; /* changed in the local store */
	struct sync_counts pushed; /* changed at Google */
	int64_t conflicts;         /* fields changed on both sides, or an edit against a delete */
	int64_t waiting;           /* of them, those that wait for a person */
	int64_t failed_events;     /* refused by Google, now in status error */
	int64_t unreadable;        /* sent by Google, set aside: status error, or without an id */
};

struct sync_result { /* of one account */
	char *account;
	bool success;   /* every calendar and event went well */
	struct err err; /* the account's own trouble, or its first calendar's */
	struct sync_counts pulled, pushed;
	int64_t conflicts, requests, failed_events, unreadable;
	int64_t conflicts_waiting; /* in the whole account, from this run or an earlier one */
	struct calendar_result *calendars;
	size_t calendar_count;
};
void sync_result_release(struct sync_result *r);
/* One element of "accounts" in sync's JSON: account, success, error, stats, pushed, conflicts,
 * requests, calendars. Also what the log of runs keeps. Caller's. */
struct json_object *sync_result_json(const struct sync_result *r);
struct json_object *sync_counts_json(const struct sync_counts *n); /* created, updated, deleted */
/* null, or {"code", "message"} as a failure has it. */
struct json_object *sync_error_json(const struct err *err);

struct sync_options {
	const char *calendar; /* Google id; NULL = every selected one */
	bool full;            /* forget sync tokens first */
	bool dry_run;         /* read and plan, write nothing anywhere */
	bool queued;          /* only what the queue holds and is due; no list of calendars */
	/* With queued: a full pull makes way for what comes into this webhook's database; NULL = for
	 * nothing. */
	const char *makes_way;
	bool has_window; /* only events in [start_utc, end_utc) */
	int64_t start_utc, end_utc;
	int64_t wait_ms;       /* for the account's lock; 0 = do not wait */
	int64_t allow_deletes; /* the absence guard lets a sweep of up to this many pass */
	enum conflict_policy conflict;
};

/*
 * Without `queued` everything that waits is sent, whenever its next try was due; a calendar that
 * fails, and may do better later, is asked for again (store_request_add()).
 *
 * Returns 0 when the account could be worked on, whatever its calendars say (see out); -1 when
 * nothing could be done at all: ERR_LOCKED, ERR_TOKEN_EXPIRED, ERR_NOT_CONNECTED, ERR_STORE, ... .
 * out is filled in both cases.
 */
int sync_account(const struct sync_env *env, const struct account *account,
		 const struct sync_options *o, struct sync_result *out, struct err *err);
/* Note as the account's last run that one could not even begin (its key is gone), for `status`.
 * Of env only store and clock are used; trouble with that goes to the log. */
void sync_note_failure(const struct sync_env *env, const struct account *account,
		       const struct sync_result *result);

/*
 * Send what waits for these events of one account, one try each, no backoff, within about
 * 5 seconds. Returns 0 when every one of them is in step afterwards (or held by --no-sync); else
 * -1 with the first reason. The changes stay queued (or become status error) in that case.
 */
int sync_events(const struct sync_env *env, const struct account *account, const int64_t *rowids,
		size_t count, struct err *err);

/* The account's list of calendars brought up to date; *out_changed counts rows written. */
struct google;
int sync_calendar_list(struct google *g, struct store *s, struct account *account,
		       int64_t *out_changed, struct err *err);
/* The same in two halves, for a login that is not in the store yet: all of the list, as an array of
 * pages (caller's) with nothing written; and what it says of the account, whose row is there, in
 * the caller's transaction. */
int sync_calendar_list_fetch(struct google *g, struct json_object **out, struct err *err);
int sync_calendar_list_take(struct store *s, struct account *account,
			    const struct json_object *pages, struct err *err);

DEFINE_AUTO_VALUE(struct sync_result, sync_result_release)

#endif
