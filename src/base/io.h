/*
 * Whole files: read with a limit, replaced in one step, and the folders they need.
 *
 * Errors  ERR_NOT_FOUND when the file is not there, else ERR_FAILED; the message names the path.
 */
#ifndef BASE_IO_H
#define BASE_IO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/strbuf.h"

/* Appends the file to out; one larger than limit bytes, or no regular file, is refused. Symbolic
 * links are followed. */
int io_read_file(const char *path, size_t limit, struct strbuf *out, struct err *err);
/* Same from an open descriptor up to its end (a pipe too); name is for messages. */
int io_read_fd(int fd, const char *name, size_t limit, struct strbuf *out, struct err *err);
int io_write_all(int fd, const void *data, size_t len); /* 0, or -1 with errno */

/* path holds either its old content or all of the new, whatever happens;
 * on disk when it returns. */
int io_write_file(const char *path, const void *data, size_t len, mode_t mode, struct err *err);
/* Also when to is there already; on disk when it returns. from stays where it is on failure. */
int io_rename(const char *from, const char *to, struct err *err);
/* Put a new file in place, complete and on disk; err->code ERR_LOCKED when path exists already. */
int io_create_file(const char *path, const void *data, size_t len, mode_t mode, struct err *err);

/* mkdir -p: those that are missing get mode, those that exist stay as they are. */
int io_mkdir_p(const char *path, mode_t mode, struct err *err);
int io_mkdir_parents(const char *path, mode_t mode, struct err *err); /* of a file */

/* Let this process have so many descriptors open at a time, as far as its hard limit goes. false:
 * *out_limit is what it may have. */
bool io_allow_open(size_t wanted, size_t *out_limit);

#endif
