/*
 * The webhook's database (store/hook.h) that cannot be used, in words for who has to mend it. It is
 * shared by receiver and syncer, which may be two users: what is wrong is often who may write where.
 */
#ifndef CMD_HOOK_TROUBLE_H
#define CMD_HOOK_TROUBLE_H

#include "base/err.h"

/*
 * Why this process may not read and write the file, make files beside it, or take its bell away:
 * "'/x/webhook.db' is of user 'a' and group 'b' (mode 0660), and this is user 'c'". The caller's;
 * NULL = it may, or there is no file.
 */
char *hook_barrier(const char *path);

/* What wakes_absorb() said becomes a message for a person: what waits, why, and what tells more.
 * The code stays. */
void hook_explain(const char *path, struct err *err);

#endif
