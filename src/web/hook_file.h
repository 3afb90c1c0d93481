/*
 * The webhook's database as the receiver holds it, for months: the file that is open must be the
 * one at the path, or what is noted goes where nobody looks (a backup was put back, the folder was
 * made anew).
 */
#ifndef WEB_HOOK_FILE_H
#define WEB_HOOK_FILE_H

#include "base/cleanup.h"
#include "store/hook.h"

struct hook_file;

/* Made when it is missing. Errors: as of hook_open(). */
int hook_file_open(const char *path, struct hook_file **out, struct err *err);
void hook_file_close(struct hook_file *f); /* NULL allowed */
/* The database, opened again when the file is another one; not made again when it is gone.
 * Borrowed, until the next call. */
int hook_file_get(struct hook_file *f, struct hook **out, struct err *err);

const char *hook_file_path(const struct hook_file *f);

DEFINE_AUTO(struct hook_file, hook_file_close)

#endif
