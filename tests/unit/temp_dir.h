/* A folder for one test program: made before its tests, gone with all that is in it afterwards. */
#ifndef TESTS_TEMP_DIR_H
#define TESTS_TEMP_DIR_H

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

static char dir[] = "/tmp/calsync-unit-XXXXXX";

static inline int temp_dir_make(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static inline int temp_dir_unlink(const char *path, const struct stat *st, int kind,
				  struct FTW *place)
{
	(void)st;
	(void)kind;
	(void)place;
	return remove(path);
}

static inline int temp_dir_remove(void **state)
{
	(void)state;
	return nftw(dir, temp_dir_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

#endif
