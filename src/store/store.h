/*
 * The local store: one SQLite file that holds accounts, calendars, events, what
 * waits to be sent, and what syncs did. All SQL is behind this header.
 *
 * Ownership  Every struct that a function fills is released by its _release function; strings in
 *            it are owned and may be NULL where the comment says so. Functions that take a const
 *            struct copy what they keep. Out structs need no initialisation.
 * Units      *_ms are milliseconds since 1970 UTC (0 = never), *_utc seconds.
 * Errors     ERR_STORE for anything SQLite reports (busy, full, corrupt, not a database, newer
 *            schema), ERR_NOT_FOUND where a row is asked for by name.
 * Writes     happen inside store_begin() .. store_commit(); a write call outside of one runs in
 *            a transaction of its own. WAL, synchronous=FULL: committed means on disk.
 */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/strbuf.h"
#include "model/channel.h"

struct id_map;
struct store;

enum store_open_flags {
	STORE_CREATE = 1 << 0, /* make the file (0600) and its folders (0700) when missing */
};

/* Open, check application_id and bring the schema up to date. Without STORE_CREATE a missing file
 * is ERR_NOT_CONNECTED ("no account is connected yet; run 'calsync connect'"). */
int store_open(const char *path, unsigned flags, struct store **out, struct err *err);
void store_close(struct store *s);             /* rolls an open transaction back; NULL allowed */
const char *store_path(const struct store *s); /* borrowed */

/* BEGIN IMMEDIATE; waits up to 10 s for another writer. Not nested. */
#define store_begin(s, err) store_begin_at((s), __FILE__, __LINE__, (err))
int store_begin_at(struct store *s, const char *file, int line, struct err *err);
int store_commit(struct store *s, struct err *err); /* on failure the transaction is rolled back */
void store_rollback(struct store *s);               /* allowed when none is open */
bool store_in_transaction(const struct store *s);

/* A small table of facts about this store (the key provider, ...). Value NULL deletes. */
int store_meta_set(struct store *s, const char *key, const char *value, struct err *err);
int store_meta_get(struct store *s, const char *key, char **out, struct err *err); /* NULL: none */

/* What this store is known by to files that are its own: random, made when it is first asked for, and
 * kept for good, also in a backup. */
int store_identity(struct store *s, char **out, struct err *err);
/* The same, but nothing is written. NULL: nobody has asked for it yet. */
int store_identity_look(struct store *s, char **out, struct err *err);

/* --- accounts ---------------------------------------------------------------------------- */

#define ACCOUNT_STATES(X)                                                                         \
	X(ACCOUNT_CONNECTED, "connected")                                                         \
	X(ACCOUNT_REAUTH_REQUIRED, "reauth_required") /* invalid_grant: sends nothing any more */ \
	X(ACCOUNT_DISCONNECTED, "disconnected")       /* by the user; events kept */
enum account_state {
#define X(id, name) id,
	ACCOUNT_STATES(X)
#undef X
};
const char *account_state_name(enum account_state state);

struct account {
	int64_t id;  /* 0 = not stored yet */
	char *name;  /* unique, what -a takes */
	char *email; /* the id of its primary calendar */
	enum account_state state;
	char *base_url;  /* host it was connected with; "" = Google's own */
	char *auth;      /* "installed" or "service_account" */
	char *client_id; /* OAuth client; NULL for a service account */
	char *subject;   /* service account: the user it acts for; else NULL */
	char *scopes;    /* granted, space separated */
	bool read_only;
	int64_t connected_ms;
	int64_t token_expires_ms; /* of the stored access token; 0 = none */
	int64_t last_sync_ms;     /* last good sync */
	char *last_error;         /* of the last sync; NULL = it was good */
	int64_t not_before_ms;    /* no request before (Retry-After); 0 = free */
	char *list_sync_token;    /* of calendarList; NULL = full list next */
};
void account_release(struct account *a);
/* An account's name as a word of a shell command, for messages that name one. Caller's. */
char *account_word(const char *name);
/* ERR_TOKEN_EXPIRED "Calendar token expired. ...", with the command that repairs it; returns -1. */
int account_must_reconnect(const char *name, struct err *err);
/* 0 when it may send requests; else as above, or ERR_NOT_CONNECTED. */
int account_check_state(const struct account *a, struct err *err);

struct account_list {
	struct account *items;
	size_t count;
};
void account_list_release(struct account_list *l);
/* Ids to places in the list; sorted. */
void account_list_map(const struct account_list *l, struct id_map *out);

int store_account_add(struct store *s, struct account *a, struct err *err); /* sets a->id */
int store_account_update(struct store *s, const struct account *a, struct err *err); /* by id */
int store_account_get(struct store *s, const char *name, struct account *out, struct err *err);
/* By its id, whatever it is called by now. */
int store_account_get_id(struct store *s, int64_t account_id, struct account *out, struct err *err);
int store_account_list(struct store *s, struct account_list *out, struct err *err); /* by name */
/* The account with all its calendars, events and secrets. */
int store_account_remove(struct store *s, int64_t account_id, struct err *err);

/* Sealed secrets, opaque here, each under a name that its writer gives it (cmd/connect_save.c). get
 * appends to out; ERR_NOT_FOUND when there is none. field NULL in delete: all of the account. */
int store_secret_put(struct store *s, int64_t account_id, const char *field, const void *sealed,
		     size_t len, struct err *err);
int store_secret_get(struct store *s, int64_t account_id, const char *field, struct strbuf *out,
		     struct err *err);
int store_secret_delete(struct store *s, int64_t account_id, const char *field, struct err *err);

struct sealed_secret {
	char *field;
	struct strbuf sealed;
};

struct sealed_secret_list {
	struct sealed_secret *items;
	size_t count;
};
void sealed_secret_list_release(struct sealed_secret_list *l);
/* All that an account has, under whatever names; in order of these. */
int store_secret_list(struct store *s, int64_t account_id, struct sealed_secret_list *out,
		      struct err *err);

/* --- calendars --------------------------------------------------------------------------- */

/* A full pull that was interrupted: where it goes on. */
struct pull_progress {
	char *page_token;   /* of the next page; NULL = none was interrupted */
	int64_t generation; /* of the rows that it has seen */
	int64_t seen;       /* items so far */
	bool holes;         /* one of them could not be read */
	int64_t at_ms;      /* of its last page */
};

struct calendar {
	int64_t id; /* 0 = not stored yet */
	int64_t account_id;
	char *account; /* the account's name; filled by reads only */
	char *google_id;
	char *summary;     /* summaryOverride or summary */
	char *time_zone;   /* IANA; never NULL ("UTC" when Google names none) */
	char *access_role; /* Google's word */
	bool primary;
	bool selected;                /* synced */
	bool gone;                    /* no longer on the account's list: nothing is deleted here */
	struct json_object *resource; /* CalendarListEntry as Google sent it */
	char *sync_token;             /* NULL = full pull next */
	int64_t last_sync_ms;         /* last good sync of this calendar */
	char *last_error;             /* NULL = the last one was good */
	struct pull_progress progress;
	enum push_state push; /* whether it is to have a push channel (store/channel.h) */
};
void calendar_release(struct calendar *c);
bool calendar_is_pulled_in_full(const struct calendar *c); /* next: all of its pages, or the rest */
bool calendar_takes_writes(const struct calendar *c);      /* by its role */

struct calendar_list {
	struct calendar *items;
	size_t count;
};
void calendar_list_release(struct calendar_list *l);

/* Insert, or update by (account_id, google_id), the descriptive fields (google_id .. primary, gone,
 * resource); selected is only used on insert, sync fields never. Sets c->id. out_changed: whether
 * a row was written; unchanged rows are not. */
int store_calendar_upsert(struct store *s, struct calendar *c, bool *out_changed, struct err *err);
int store_calendar_get(struct store *s, int64_t id, struct calendar *out, struct err *err);
/* account_id 0 = of all accounts; ordered by account, primary first, then summary */
int store_calendar_list(struct store *s, int64_t account_id, struct calendar_list *out,
			struct err *err);
int store_calendar_set_selected(struct store *s, int64_t id, bool selected, struct err *err);
int store_calendar_set_gone(struct store *s, int64_t id, bool gone, struct err *err);
/* Stores all three. sync_token NULL = full pull next; last_error NULL = the last sync was good. */
int store_calendar_set_sync(struct store *s, int64_t id, const char *sync_token,
			    int64_t last_sync_ms, const char *last_error, struct err *err);

/* p NULL: none is under way any more. */
int store_calendar_set_progress(struct store *s, int64_t id, const struct pull_progress *p,
				struct err *err);

/* A calendar that shall be synced, because a notification came or a sync failed. */
struct sync_request {
	int64_t calendar_id;
	int64_t account_id; /* filled by reads */
	char *account;      /* name; filled by reads */
	char *calendar;     /* google_id; filled by reads */
	int64_t ticket;     /* grows with each asking */
	int64_t requested_ms;
	int attempts;
	int64_t not_before_ms; /* 0 = at once */
	char *reason;          /* "notification", "retry", ... */
	char *last_error;      /* NULL = none yet */
};
void sync_request_release(struct sync_request *r);

struct sync_request_list {
	struct sync_request *items;
	size_t count;
};
void sync_request_list_release(struct sync_request_list *l);

/* One row a calendar: asking again raises its ticket, clears not_before_ms and keeps attempts. */
int store_request_add(struct store *s, int64_t calendar_id, const char *reason, int64_t now_ms,
		      struct err *err);
int store_request_get(struct store *s, int64_t calendar_id, struct sync_request *out,
		      bool *out_found, struct err *err);
/* Oldest first; account_id 0 = any; due_ms: not_before_ms <= it, -1 = all. */
int store_request_list(struct store *s, int64_t account_id, int64_t due_ms,
		       struct sync_request_list *out, struct err *err);
/* Served: gone, unless somebody has asked since (its ticket is another one). */
int store_request_done(struct store *s, int64_t calendar_id, int64_t ticket, struct err *err);
/* Not served: one attempt more, not again before. */
int store_request_failed(struct store *s, int64_t calendar_id, int64_t not_before_ms,
			 const char *error, struct err *err);
int store_request_drop(struct store *s, int64_t calendar_id, struct err *err);
/* Connected accounts with a request or an entry of the outbox that is due, by name; those last of
 * which a calendar is due that is pulled in full. */
int store_queue_accounts(struct store *s, int64_t now_ms, struct account_list *out,
			 struct err *err);
/* When the first of those is due that wait for a later try; 0 = none does. */
int store_queue_next(struct store *s, int64_t now_ms, int64_t *out_ms, struct err *err);

/* --- events ------------------------------------------------------------------------------ */

#define PENDING_OPS(X)              \
	X(PENDING_NONE, NULL)       \
	X(PENDING_CREATE, "create") \
	X(PENDING_UPDATE, "update") \
	X(PENDING_DELETE, "delete")
enum pending_op {
#define X(id, name) id,
	PENDING_OPS(X)
#undef X
};
const char *pending_op_name(enum pending_op op); /* NULL for none */

#define SYNC_STATUSES(X)                                                                         \
	X(SYNC_LOCAL_ONLY, "local_only") /* this version is only here: never sent, or waiting */ \
	X(SYNC_SYNCED, "synced")                                                                 \
	X(SYNC_ERROR, "error") /* Google refused it */
enum sync_status {
#define X(id, name) id,
	SYNC_STATUSES(X)
#undef X
};
const char *sync_status_name(enum sync_status status);
int sync_status_parse(const char *name, enum sync_status *out); /* -1: unknown */

/*
 * One event of one calendar.
 *
 *   resource  what the user sees: Google's resource, with local edits applied
 *   base      Google's last known version, kept only while a local edit waits (else NULL);
 *             an event that Google does not have yet has none
 */
struct event {
	int64_t rowid; /* 0 = not stored yet */
	int64_t calendar_id;
	char *id; /* Google's id (ours before Google has it); unique per calendar */
	struct json_object *resource; /* never NULL */
	struct json_object *base;
	char *etag;     /* of base or resource at Google; NULL = not at Google */
	bool at_google; /* exists there as far as we know */
	enum sync_status sync_status;
	enum pending_op pending; /* of its outbox entry; kept in step by store_outbox_* */
	bool hidden;             /* a delete waits: not listed */
	char *last_error;        /* lastSyncError; NULL = none */
	int64_t changed_ms;      /* of the last local change; 0 = never changed here */
	int64_t generation;      /* of the full pull that saw it last */
	/* Filled by reads only: */
	char *account;  /* name */
	char *calendar; /* google_id of the calendar */
};
void event_release(struct event *e);

struct event_list {
	struct event *items;
	size_t count;
};
void event_list_release(struct event_list *l);

/* Insert (rowid 0, sets it) or update. Index columns are derived from e->resource here. */
int store_event_put(struct store *s, struct event *e, struct err *err);
int store_event_delete(struct store *s, int64_t rowid, struct err *err); /* its outbox row too */
/* false in *out_found: no such row, out untouched */
int store_event_get(struct store *s, int64_t calendar_id, const char *id, struct event *out,
		    bool *out_found, struct err *err);
/* The one of this id that waits to be moved away from a calendar: it is in another one here, and
 * Google still has it there. */
int store_event_get_moving(struct store *s, int64_t from_calendar_id, const char *id,
			   struct event *out, bool *out_found, struct err *err);
int store_event_get_row(struct store *s, int64_t rowid, struct event *out, struct err *err);
/* Only note that a full pull saw the row (one column). */
int store_event_touch(struct store *s, int64_t rowid, int64_t generation, struct err *err);

struct event_query {
	int64_t account_id;             /* 0 = any */
	int64_t calendar_id;            /* 0 = any */
	const char *id;                 /* exactly; NULL = any */
	const char *id_prefix;          /* NULL = any */
	const char *recurring_event_id; /* the exceptions of this series; NULL = any */
	bool has_start, has_end;
	int64_t start_utc;      /* events that end after */
	int64_t end_utc;        /* events that start before */
	bool masters;           /* in a window: also masters of series that may occur in it */
	const char *search;     /* substring of summary, description, location; case-insensitive */
	int sync_status;        /* enum sync_status, -1 = any */
	bool include_hidden;    /* also rows whose delete waits */
	bool include_cancelled; /* also cancelled exceptions of a series */
	size_t limit;           /* 0 = none */
};
#define EVENT_QUERY_INIT          \
	{                         \
		.sync_status = -1 \
	}

/* Rows in order of start, then id. fn borrows the event; a non-zero return ends the walk with that
 * value. It may read the store, but not write events: take a store_event_list() for that.
 * Returns 0, -1 on error, or fn's value. */
int store_event_each(struct store *s, const struct event_query *q,
		     int (*fn)(const struct event *e, void *arg), void *arg, struct err *err);
int store_event_list(struct store *s, const struct event_query *q, struct event_list *out,
		     struct err *err);
/* The rows of a series' changed and cancelled occurrences, hidden ones too. */
int store_event_occurrences(struct store *s, int64_t calendar_id, const char *series_id,
			    struct event_list *out, struct err *err);
/* Rows at Google of a calendar whose generation differs from the given one: what a full pull did
 * not show. Whatever their pending op is. */
int store_event_unseen(struct store *s, int64_t calendar_id, int64_t generation,
		       struct event_list *out, struct err *err);
/* The highest generation of a row of the calendar; 0 = there is none. */
int store_event_last_generation(struct store *s, int64_t calendar_id, int64_t *out,
				struct err *err);
/* Cancelled occurrences without a change that waits, of a series that is not in the calendar. */
int store_event_orphans(struct store *s, int64_t calendar_id, struct event_list *out,
			struct err *err);
int store_event_count(struct store *s, int64_t calendar_id, int64_t *out_at_google,
		      struct err *err);
/* Counts by sync status and by pending op; account_id 0 = all. */
struct event_counts {
	int64_t by_status[3];  /* indexed by enum sync_status */
	int64_t by_pending[4]; /* indexed by enum pending_op */
};
int store_event_counts(struct store *s, int64_t account_id, struct event_counts *out,
		       struct err *err);

/* --- history ----------------------------------------------------------------------------- */

#define HISTORY_OPS(X)              \
	X(HISTORY_CREATE, "create") \
	X(HISTORY_UPDATE, "update") \
	X(HISTORY_DELETE, "delete") \
	X(HISTORY_KEPT, "kept") /* a version that never was the visible one: a conflict's loser */
enum history_op {
#define X(id, name) id,
	HISTORY_OPS(X)
#undef X
};
const char *history_op_name(enum history_op op);

/* What happened to one event here: the version that was replaced or deleted. */
struct history {
	int64_t id; /* version number of `event log`, seq of `changes`; grows; 0 = not stored yet */
	int64_t calendar_id;
	char *event_id;
	enum history_op op;
	char *origin; /* "local", "google", "merge" */
	int64_t at_ms;
	int64_t command_id; /* the local command that did it; 0 = none */
	bool local_only;    /* that version was to stay here (--no-sync): nothing of it waited */
	struct json_object *resource; /* before the change; NULL for a create */
	/* Filled by reads only: */
	char *account;  /* name */
	char *calendar; /* google_id of the calendar */
	char *command;  /* name of the local command; NULL = none, or forgotten */
};
void history_release(struct history *h);

struct history_list {
	struct history *items;
	size_t count;
};
void history_list_release(struct history_list *l);

/* Appends a copy; h->id is not looked at. */
int store_history_add(struct store *s, const struct history *h, struct err *err);
int store_history_get(struct store *s, int64_t id, struct history *out, bool *out_found,
		      struct err *err);

struct history_query {
	int64_t account_id;   /* 0 = any */
	int64_t calendar_id;  /* 0 = any */
	const char *event_id; /* NULL = any */
	int64_t command_id;   /* 0 = any */
	int64_t after;        /* only ids above */
	bool has_moment;      /* only what happened in [from_ms, until_ms] */
	int64_t from_ms, until_ms;
	bool changes; /* leave HISTORY_KEPT out */
	bool newest_first;
	size_t limit; /* 0 = none */
};
int store_history_list(struct store *s, const struct history_query *q, struct history_list *out,
		       struct err *err);
/* The event goes on under another id, its log with it. */
int store_history_rename(struct store *s, int64_t calendar_id, const char *id, const char *new_id,
			 struct err *err);
/* Ids of events that are or were here, also hidden and cancelled ones. */
struct event_name {
	int64_t account_id;
	char *account; /* name */
	char *id;
};
void event_name_release(struct event_name *n);

struct event_name_list {
	struct event_name *items;
	size_t count;
};
void event_name_list_release(struct event_name_list *l);
/* Those that begin so, by id; each once an account. account_id 0 = any. */
int store_event_names(struct store *s, int64_t account_id, const char *prefix, size_t limit,
		      struct event_name_list *out, struct err *err);
/* Highest id that was ever given and lowest one that is still there (0 = none). */
int store_history_range(struct store *s, int64_t *out_first, int64_t *out_last, struct err *err);
/* Who follows the changes and has seen no more than lower ids than this has missed some that are no
 * longer there: they were pruned, or their account was removed. 0 = nothing was ever missed. */
int store_history_floor(struct store *s, int64_t *out, struct err *err);
/* All that is there now counts as missed. */
int store_history_raise_floor(struct store *s, struct err *err);
/* Whether there is anything that store_history_prune() would forget. */
int store_history_due(struct store *s, int64_t before_ms, bool *out, struct err *err);
/* Forget what is older, and commands and conflicts that were settled before (waiting ones stay). */
int store_history_prune(struct store *s, int64_t before_ms, struct err *err);

/* A local command that is about to change events. */
int store_command_add(struct store *s, const char *name, int64_t now_ms, int64_t *out_id,
		      struct err *err);
/* The command is over: its row goes when nothing in the log names it. */
int store_command_drop_unused(struct store *s, int64_t id, struct err *err);
struct command {
	int64_t id;
	int64_t at_ms;
	char *name;
};
void command_release(struct command *c);
/* The newest one that changed something (of this account; 0 = any) and was not taken back. */
int store_command_last(struct store *s, int64_t account_id, struct command *out, bool *out_found,
		       struct err *err);
int store_command_set_undone(struct store *s, int64_t id, int64_t now_ms, struct err *err);

/* --- conflicts --------------------------------------------------------------------------- */

#define CONFLICT_STATES(X)                                                  \
	X(CONFLICT_WAITING, "waiting")   /* under `manual`: for a person */ \
	X(CONFLICT_DECIDED, "decided")   /* by the policy */                \
	X(CONFLICT_RESOLVED, "resolved") /* by a person, or by itself since */
enum conflict_state {
#define X(id, name) id,
	CONFLICT_STATES(X)
#undef X
};
const char *conflict_state_name(enum conflict_state state);

struct conflict {
	int64_t id; /* 0 = not stored yet */
	/* The event then; a read gives its calendar and id as they are now,
	 * while the row is there. */
	int64_t event_rowid;
	int64_t calendar_id;
	char *event_id;
	/* Waiting is read as such only as long as the row's outbox entry has OUTBOX_CONFLICT; else
	 * it reads as resolved, by itself. */
	enum conflict_state state;
	char *policy; /* that was in force: "merge", "newest", "local", "remote", "manual" */
	char *taken;  /* "local", "remote", "both"; NULL while it waits */
	int64_t at_ms;
	int64_t resolved_ms;        /* by a person; 0 = not */
	struct json_object *fields; /* list of the contested fields' names */
	struct json_object *base, *local,
		*remote; /* local NULL: deleted here; remote NULL: there */
	/* Filled by reads only: */
	char *account;  /* name */
	char *calendar; /* google_id of the calendar */
};
void conflict_release(struct conflict *c);

struct conflict_list {
	struct conflict *items;
	size_t count;
};
void conflict_list_release(struct conflict_list *l);

/* Insert (id 0, sets it) or update by id. */
int store_conflict_put(struct store *s, struct conflict *c, struct err *err);
int store_conflict_get(struct store *s, int64_t id, struct conflict *out, bool *out_found,
		       struct err *err);
/* The one that waits for this event. */
int store_conflict_waiting(struct store *s, int64_t event_rowid, struct conflict *out,
			   bool *out_found, struct err *err);
struct conflict_query {
	int64_t account_id;       /* 0 = any */
	int64_t calendar_id;      /* 0 = any */
	const char *event_id;     /* NULL = any */
	const char *event_prefix; /* of event ids; NULL = any */
	int state;                /* enum conflict_state; -1 = any */
	size_t limit;             /* 0 = none */
};
#define CONFLICT_QUERY_INIT \
	{                   \
		.state = -1 \
	}
/* Newest first. */
int store_conflict_list(struct store *s, const struct conflict_query *q, struct conflict_list *out,
			struct err *err);
int store_conflict_count(struct store *s, int64_t account_id, int64_t *out_waiting,
			 struct err *err);

/* --- outbox ------------------------------------------------------------------------------ */

#define OUTBOX_STATES(X)                                                                    \
	X(OUTBOX_QUEUED, "queued")     /* goes out when not_before_ms has come */           \
	X(OUTBOX_HELD, "held")         /* --no-sync: stays until the user says otherwise */ \
	X(OUTBOX_REFUSED, "refused")   /* Google said no: stays until edited or retried */  \
	X(OUTBOX_CONFLICT, "conflict") /* both sides changed: stays until a person decides */
enum outbox_state {
#define X(id, name) id,
	OUTBOX_STATES(X)
#undef X
};
const char *outbox_state_name(enum outbox_state state);

/* At most one per event: later edits of a waiting event fold into it. */
struct outbox {
	int64_t id; /* grows with each new entry; 0 = not stored yet */
	int64_t event_rowid;
	int64_t calendar_id; /* filled by reads */
	char *event_id;      /* filled by reads */
	enum pending_op op;  /* never PENDING_NONE */
	enum outbox_state state;
	int64_t created_ms;
	int attempts;          /* recorded, and committed, before each request */
	int64_t not_before_ms; /* 0 = at once */
	char *send_updates;    /* "none", "all", "externalOnly" */
	char *late_updates; /* as send_updates, of the edits since the last attempt; NULL = none */
	struct json_object *sent; /* versions never answered, a list (sync/sent.h); NULL = none */
	int64_t move_from;        /* calendar where Google still has the event; 0 = no move waits */
	char *last_error;         /* NULL = none yet */
};
void outbox_release(struct outbox *o);

struct outbox_list {
	struct outbox *items;
	size_t count;
};
void outbox_list_release(struct outbox_list *l);

/* Insert or replace the entry of o->event_rowid; sets o->id. Keeps event.pending in step. */
int store_outbox_put(struct store *s, struct outbox *o, struct err *err);
int store_outbox_get(struct store *s, int64_t event_rowid, struct outbox *out, bool *out_found,
		     struct err *err);
int store_outbox_delete(struct store *s, int64_t event_rowid, struct err *err);
/* Oldest first. calendar_id/account_id 0 = any. due_ms: only queued ones with not_before_ms <= it;
 * -1 = all states. limit 0 = none. */
int store_outbox_list(struct store *s, int64_t account_id, int64_t calendar_id, int64_t due_ms,
		      size_t limit, struct outbox_list *out, struct err *err);

/* --- budgets ----------------------------------------------------------------------------- */

/* Units count for a minute from when they were spent, at the latest: no minute of what is really
 * spent is above the limit. */
#define RATE_WINDOW_MS   60000
#define RATE_LEASE_MS    5000 /* a rest that is not spent by then is to be given back */
#define RATE_BUCKETS_MAX 2

struct rate_bucket { /* borrowed */
	const char *name;
	int64_t limit; /* units in a window */
};

struct rate_wish {
	int need;       /* at least so many */
	int most;       /* and so many when there are */
	int64_t now_ms; /* wall clock: it is the one that processes share */
};

struct rate_lease { /* all zero: none */
	int64_t rows[RATE_BUCKETS_MAX];
	size_t count;
	int left; /* units; whoever uses some subtracts them */
	int64_t until_ms;
};

/*
 * Take units of all buckets, or of none: *out_wait_ms is 0, or how long to wait before asking
 * again. What is left of the lease before is given back. One transaction, or part of the caller's.
 */
int store_rate_take(struct store *s, const struct rate_bucket *buckets, size_t count,
		    const struct rate_wish *wish, struct rate_lease *lease, int64_t *out_wait_ms,
		    struct err *err);
/* Give back what is left. Writes nothing when that is nothing. */
int store_rate_return(struct store *s, struct rate_lease *lease, int64_t now_ms, struct err *err);

/* --- runs -------------------------------------------------------------------------------- */

struct run_record {
	int64_t id;
	int64_t account_id;
	char *account; /* filled by reads */
	char *kind;    /* "sync", "push" (after an edit), ... */
	int64_t started_ms, finished_ms;
	bool success;
	char *error;                /* NULL = none */
	struct json_object *detail; /* the account's part of sync's JSON */
};
void run_record_release(struct run_record *r);

struct run_list {
	struct run_record *items;
	size_t count;
};
void run_list_release(struct run_list *l);

/* Adds one and forgets the account's runs beyond the last 1,000. */
int store_run_add(struct store *s, const struct run_record *r, struct err *err);
/* Newest first; account_id 0 = all. */
int store_run_list(struct store *s, int64_t account_id, size_t limit, struct run_list *out,
		   struct err *err);

DEFINE_AUTO(struct store, store_close)
DEFINE_AUTO_VALUE(struct account, account_release)
DEFINE_AUTO_VALUE(struct account_list, account_list_release)
DEFINE_AUTO_VALUE(struct sealed_secret_list, sealed_secret_list_release)
DEFINE_AUTO_VALUE(struct calendar, calendar_release)
DEFINE_AUTO_VALUE(struct calendar_list, calendar_list_release)
DEFINE_AUTO_VALUE(struct event, event_release)
DEFINE_AUTO_VALUE(struct event_list, event_list_release)
DEFINE_AUTO_VALUE(struct history, history_release)
DEFINE_AUTO_VALUE(struct history_list, history_list_release)
DEFINE_AUTO_VALUE(struct event_name, event_name_release)
DEFINE_AUTO_VALUE(struct event_name_list, event_name_list_release)
DEFINE_AUTO_VALUE(struct command, command_release)
DEFINE_AUTO_VALUE(struct conflict, conflict_release)
DEFINE_AUTO_VALUE(struct conflict_list, conflict_list_release)
DEFINE_AUTO_VALUE(struct sync_request, sync_request_release)
DEFINE_AUTO_VALUE(struct sync_request_list, sync_request_list_release)
DEFINE_AUTO_VALUE(struct outbox, outbox_release)
DEFINE_AUTO_VALUE(struct outbox_list, outbox_list_release)
DEFINE_AUTO_VALUE(struct run_record, run_record_release)
DEFINE_AUTO_VALUE(struct run_list, run_list_release)

#endif
