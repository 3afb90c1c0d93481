/* What the parts of the engine share within one run over one account. Not for other directories. */
#ifndef SYNC_ENGINE_H
#define SYNC_ENGINE_H

#include "google/google.h"
#include "store/store.h"
#include "sync/sync.h"

struct engine {
	struct store *store;
	struct clock *clock;
	struct google *google;
	const struct sync_options *options;
	int64_t generation; /* of the full pull that is going on; else 0 */
	/* Ids of changed occurrences that the pull has shown alive, as a set; NULL: no pull goes
	 * on. */
	struct json_object *alive;
};

/* Trouble that every other calendar of the account would meet, too. */
bool engine_is_fatal(const struct err *err);
/* What Google's refusal of a whole calendar means to a person. */
void engine_explain_calendar(const struct calendar *c, struct err *err);
/* Of the account with a's id, under its lock. deadline_ms: of the whole run from now; 0 = none.
 * no_writes: as in struct google_options. */
int engine_open_google(const struct sync_env *env, const struct account *a,
		       enum google_patience patience, int64_t deadline_ms, bool no_writes,
		       struct google **out, struct err *err);

/*
 * One calendar, and what became of it: into r, the store, and the account's result. pull false:
 * only what waits is sent. Counts are added to those that r has.
 *
 * Returns true when every other calendar of the account would meet the same trouble.
 */
bool engine_sync_calendar(struct engine *e, const struct calendar *c, bool pull,
			  struct calendar_result *r, struct sync_result *out);
/* What the queue holds of an account, and what comes into it meanwhile. */
int engine_sync_queued(struct engine *e, const struct account *a, struct sync_result *out,
		       struct err *err);
/* Whether the queue holds something of the account that is due. */
int engine_is_queued(const struct sync_env *env, const struct account *a, bool *out,
		     struct err *err);

/* "calendars/<id>/events" and, with an id, "/<event id>"; encoded. */
void path_events(struct strbuf *sb, const char *calendar_id, const char *event_id);

/*
 * Pull one calendar: incrementally with its sync token, else in full with a sweep after the last
 * page. Each page is one transaction; the new sync token is in the last one.
 *
 * Errors  what google_call() says; ERR_MASS_DELETE: the sweep was stopped
 */
int pull_calendar(struct engine *e, const struct calendar *c, struct calendar_result *r,
		  struct err *err);
/* Only what lies in the options' window; never touches the sync token. */
int pull_window(struct engine *e, const struct calendar *c, struct calendar_result *r,
		struct err *err);

/* A row is replaced or deleted, or comes: into the event's log (sync/version.h). */
int engine_changed(struct engine *e, const struct event *row, const char *origin,
		   struct json_object *before, const struct json_object *after, struct err *err);

/* --- reconcile.c: both sides changed. Inside the caller's transaction. ------------------- */

/*
 * Merge Google's version into a row whose edit waits, by the run's policy; what is left of the
 * edit goes on waiting as an update. base NULL: there was no common version (the row is our own
 * insert, found at Google). Contested fields are recorded; under `manual` the row then waits.
 */
int reconcile_merge(struct engine *e, struct event *row, const struct json_object *base,
		    struct json_object *item, struct calendar_result *r, struct err *err);
/* Google deleted what was edited here: the edit goes out as an event that Google must get again.
 * tombstone may be NULL. */
int reconcile_revive(struct engine *e, struct event *row, const struct json_object *tombstone,
		     struct calendar_result *r, struct err *err);
/* Google changed what was deleted here: the row is Google's version again. */
int reconcile_restore(struct engine *e, struct event *row, struct json_object *item,
		      struct calendar_result *r, struct err *err);

/* The row is Google's version and nothing waits. */
int row_become_remote(struct engine *e, struct event *row, struct json_object *item,
		      struct err *err);

/*
 * events.get, tombstones too; calendar: Google's id. A 404 may pass (Google advises to try again):
 * what depends on it is to wait for so many in a row.
 *
 * Errors  ERR_NOT_FOUND, ERR_GONE: there is no such event; ERR_GOOGLE with http_status 200: what
 *         came is another event, or none
 */
#define GET_ONCE   1
#define GET_SURELY 3
int engine_get_event(struct engine *e, const char *calendar, const char *id, int tries,
		     struct json_object **out, struct err *err);

/* Etag of a tombstone that we have not seen. */
#define ETAG_UNKNOWN "gone"

/* Google says that this event is no longer there. Inside the caller's transaction. tombstone may
 * be NULL. */
int apply_gone(struct engine *e, struct event *row, const struct json_object *tombstone,
	       struct calendar_result *r, struct err *err);
/* A series that has no row is gone: what is here of it goes, but for edits and what the pull showed
 * alive. Inside the caller's transaction. */
int apply_series_gone(struct engine *e, int64_t calendar_id, const char *id,
		      struct calendar_result *r, struct err *err);
/* Google's version of an event that is there (or a cancelled occurrence). row NULL: none here.
 * Inside the caller's transaction. */
int apply_item(struct engine *e, const struct calendar *c, struct event *row,
	       struct json_object *item, struct calendar_result *r, struct err *err);

/* --- move.c: rows that wait to be moved to another calendar (outbox.move_from) -------------- */

/* A pull shows an item that has no row in its calendar. out_taken: its row is in another one, where
 * it waits to be moved to, and has taken what changed. Inside the caller's transaction. */
int move_seen_at_source(struct engine *e, const struct calendar *c, struct json_object *item,
			struct calendar_result *r, bool *out_taken, struct err *err);
/* A pull shows an item in the calendar of its row, which may wait to be moved there: it has been.
 * out_taken: nothing is to be done with the item. Inside the caller's transaction. */
int move_seen_at_destination(struct engine *e, struct event *row, const struct json_object *item,
			     bool *out_taken, struct err *err);

/*
 * Push what waits in a calendar (only these events unless rowids is NULL).
 *
 * Returns 0 when every change went out, was refused by Google (r->failed_events) or turned out
 * to be done; -1 with the first reason why some still wait.
 */
int push_calendar(struct engine *e, const struct calendar *c, const int64_t *rowids, size_t count,
		  struct calendar_result *r, struct err *err);

/* Whether an item is an event that can be read: 0, or -1 and what is wrong with it. */
int aside_check(const struct json_object *item, struct err *why);
/* One that cannot: into the store with what is wrong. row NULL: none here. Inside the caller's
 * transaction. */
int aside_set(struct engine *e, const struct calendar *c, struct event *row,
	      const struct json_object *item, const struct err *why, struct calendar_result *r,
	      struct err *err);
/* Whether a row is set aside. */
int aside_is(struct engine *e, const struct event *row, bool *out, struct err *err);

/* When Google changed an event, by its clock; INT64_MIN when it does not say so. */
int64_t remote_updated_ms(const struct json_object *resource);
/* Google gives the time at which an event was made in whole seconds: an edit within the first one
 * is not noticed. */
bool remote_edited_since_made(const struct json_object *resource);
/* When Google's version was made, by our clock; false: it does not say. */
bool remote_made_ms(const struct engine *e, const struct json_object *remote, int64_t *out);
/* Whether the local version of a row was made after Google's, by clocks set to Google's. */
bool local_is_newer(const struct engine *e, const struct event *row,
		    const struct json_object *remote);

#endif
