/*
 * The queue: changes that wait to be sent (the outbox), and calendars that shall be synced
 * (requests). When the next try is due, why something waits, and what a person may do about it.
 */
#ifndef SYNC_QUEUE_H
#define SYNC_QUEUE_H

#include "base/clock.h"
#include "base/strbuf.h"
#include "store/store.h"

/* Trouble that time may mend: the network, an error or a limit at Google. */
bool queue_may_pass(const struct err *why);

/* When to try again what has failed so many times (1, 2, ...): after one minute, two, four, ... an
 * hour, less up to a half at random; what will not pass by itself after an hour. Never before a
 * Retry-After. 0 (at once) when the account must be connected again: nothing is tried before. */
int64_t queue_next_try_ms(struct clock *clock, int attempts, const struct err *why);

/* A calendar could not be synced: its request waits, or one is made when the trouble may pass.
 * Trouble with that goes to the log. */
void queue_sync_failed(struct store *s, struct clock *clock, const struct calendar *c,
		       const struct err *why);

/* Why an entry of the outbox is not at Google yet, as one line for people; appended. */
void queue_why_unsent(const struct account *a, const struct calendar *c, const struct outbox *op,
		      int64_t now_ms, struct strbuf *out);
/* The same of a calendar that shall be synced. */
void queue_why_unsynced(const struct account *a, const struct sync_request *r, struct strbuf *out);

/*
 * `queue retry`: what Google refused, what --no-sync holds and what waits for its next try is
 * queued to go out at once; an event that was kept local (no entry at all) is queued as a new one.
 * Inside the caller's transaction.
 * Errors  ERR_CONFLICT (a person has to decide first), ERR_NOT_FOUND (nothing of it waits)
 */
int queue_retry(struct store *s, int64_t rowid, struct err *err);

/*
 * `queue drop`: what waits is not sent. An update is taken back to Google's version, a deleted
 * event is there again, a new one stays here alone. The dropped version goes into the event's log.
 * Inside the caller's transaction, with the account's lock: nobody sends it meanwhile. Errors
 * ERR_CONFLICT, ERR_NOT_FOUND, ERR_INVALID (it waits to be moved)
 */
int queue_drop(struct store *s, struct clock *clock, int64_t rowid, int64_t command_id,
	       struct err *err);

#endif
