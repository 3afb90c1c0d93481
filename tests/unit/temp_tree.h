/* A folder below $TMPDIR for tests, and its removal with all that is in it. */
#ifndef TESTS_TEMP_TREE_H
#define TESTS_TEMP_TREE_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#define TEMP_TREE_LEN 256 /* of a path, with the NUL */

/* -1 when it cannot be made, or $TMPDIR is too long for path. */
static inline int temp_tree_make(char path[TEMP_TREE_LEN])
{
	const char *base = getenv("TMPDIR");
	int n = snprintf(path, TEMP_TREE_LEN, "%s/calsync-unit-XXXXXX",
			 base && *base ? base : "/tmp");

	return n < TEMP_TREE_LEN && mkdtemp(path) ? 0 : -1;
}

static inline int temp_tree_unlink(const char *path, const struct stat *st, int kind,
				   struct FTW *place)
{
	(void)st, (void)kind, (void)place;
	return remove(path);
}

static inline int temp_tree_remove(const char *path)
{
	return nftw(path, temp_tree_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
