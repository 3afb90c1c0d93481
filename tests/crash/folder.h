/* Folders with small files: copied and removed whole. */
#ifndef CRASH_FOLDER_H
#define CRASH_FOLDER_H

#include <stdbool.h>

#include "base/err.h"

/* A new one below $TMPDIR, else in memory where there is /dev/shm (thousands of commits sync their
 * files), else below /tmp. NULL: err is set. */
char *folder_make(struct err *err);
int folder_remove(const char *path, struct err *err); /* none there is fine */
/* to becomes what from is: files, folders, modes; what it held before is gone. */
int folder_copy(const char *from, const char *to, struct err *err);
/* to's file becomes from's; both names are whole. out_found false: there is none. */
int folder_copy_file(const char *from, const char *to, bool *out_found, struct err *err);

#endif
