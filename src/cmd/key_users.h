/*
 * The stores that a key file serves: PATH.stores beside it, the real path of a store a line, in the
 * order in which they came. Nothing is taken out: one that is there no more may come back.
 */
#ifndef CMD_KEY_USERS_H
#define CMD_KEY_USERS_H

#include <stdbool.h>

#include "base/err.h"

/* On disk when it returns; nothing is written when the store is there already. Errors: ERR_SECRET. */
int key_users_add(const char *key_path, const char *store_path, struct err *err);
/* Whether the key file may serve another store than this one; true also when nobody can tell. */
bool key_users_has_others(const char *key_path, const char *store_path);

#endif
