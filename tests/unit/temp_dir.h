/* A folder for one test program: made before its tests, gone with all that is in it afterwards. */
#ifndef TESTS_TEMP_DIR_H
#define TESTS_TEMP_DIR_H

#include "temp_tree.h"

static char dir[TEMP_TREE_LEN];

static inline int temp_dir_make(void **state)
{
	(void)state;
	return temp_tree_make(dir);
}

static inline int temp_dir_remove(void **state)
{
	(void)state;
	return temp_tree_remove(dir);
}

#endif
