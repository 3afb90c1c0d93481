/* A folder below $TMPDIR for tests, and its removal with all that is in it. */
#ifndef TESTS_TEMP_TREE_H
#define TESTS_TEMP_TREE_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMP_TREE_LEN 256 /* of a path, with the NUL */

/* Run as root, some tests become nobody to see what rights do: a $TMPDIR that is closed to others
 * does not serve them. */
static inline const char *temp_tree_base(void)
{
	const char *base = getenv("TMPDIR");
	struct stat st;

	if (!base || !*base || stat(base, &st) || (geteuid() == 0 && !(st.st_mode & S_IXOTH)))
		return "/tmp";
	return base;
}

/* -1 when it cannot be made, or its path is too long. */
static inline int temp_tree_make(char path[TEMP_TREE_LEN])
{
	int n = snprintf(path, TEMP_TREE_LEN, "%s/calsync-unit-XXXXXX", temp_tree_base());

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
