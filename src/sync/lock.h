/*
 * One syncer an account: a lock on the account's record in the file "<database>-lock"
 * (base/lock.h). The kernel drops it with its holder, however that ends.
 */
#ifndef SYNC_LOCK_H
#define SYNC_LOCK_H

#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"

struct account_lock;

/* Waits up to wait_ms (0 = not at all). ERR_LOCKED names the holder's process. */
int account_lock_take(const char *db_path, int64_t account_id, struct clock *clock, int64_t wait_ms,
		      struct account_lock **out, struct err *err);
/* The same for the account's push channels, which a long sync shall not keep from being renewed.
 * Closing out_fd lets go. */
int channel_lock_take(const char *db_path, int64_t account_id, struct clock *clock, int64_t wait_ms,
		      int *out_fd, struct err *err);
void account_lock_free(struct account_lock *lock); /* releases it */

static inline void account_lock_free_ptr(struct account_lock **l)
{
	account_lock_free(*l);
}

#endif
