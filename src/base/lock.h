/*
 * Locks between processes: open-file-description locks on bytes of the file "<database>-lock". The
 * kernel drops them with the descriptor, however its process ends. What the bytes stand for is the
 * business of those who lock them; they need not exist.
 *
 *   id * 16, 16 bytes      one syncer of account id (sync/lock.h)
 *   2^40 + id, one byte    one renewal of the token of account id; 2^40, 2^40 bytes: no renewal at
 *                          all (google/google.h)
 *   2^41 + id, one byte    one worker on the push channels of account id (sync/lock.h)
 *
 * Source  fcntl(2), F_OFD_SETLK
 */
#ifndef BASE_LOCK_H
#define BASE_LOCK_H

#include <stdint.h>

#include "base/clock.h"
#include "base/err.h"

/* The lock file of a database, by whichever link it is named. Caller frees. */
char *lock_path(const char *db_path);

/*
 * Lock these bytes of the file at path, which is made (0600) when it is missing; wait up to wait_ms
 * (0 = not at all) while another holds them.
 *
 * out_fd  closing it lets go; not inherited by programs that are started
 * Errors  ERR_LOCKED: still held by another; ERR_STORE: the file cannot be opened or locked
 */
int lock_take(const char *path, int64_t start, int64_t len, struct clock *clock, int64_t wait_ms,
	      int *out_fd, struct err *err);

#endif
