/*
 * One run of this very program beside the receiver.
 *
 * It gets descriptors 0 to 2 alone (0 and 1 are /dev/null, 2 is ours), no blocked signals, and a
 * SIGTERM when we die. The environment is ours without what the service manager said to us, and
 * without the client secret: only 'connect' asks for that.
 */
#ifndef WEB_CHILD_H
#define WEB_CHILD_H

#include <sys/types.h>

#include "base/err.h"

/* argv: without the program's name, ends with NULL. The caller reaps it. ERR_FAILED. */
int child_start(const char *const argv[], pid_t *out, struct err *err);
/* 1 and its status, when it has ended; 0 = it has not. */
int child_reap(pid_t pid, int *out_status);

#endif
