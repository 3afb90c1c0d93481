/*
 * Numbers of rows, and where in an array of the caller's each stands: what would be a walk through
 * thousands of accounts or calendars for each of thousands is a look.
 *
 * Order  add all, then sort once, then find.
 */
#ifndef BASE_ID_MAP_H
#define BASE_ID_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"

struct id_place {
	int64_t id;
	size_t place;
};

struct id_map {
	struct id_place *items;
	size_t count, room;
};
void id_map_release(struct id_map *m);

void id_map_add(struct id_map *m, int64_t id, size_t place);
void id_map_sort(struct id_map *m);
/* out_place NULL: whether it is there. Of one that was added twice, any. */
bool id_map_find(const struct id_map *m, int64_t id, size_t *out_place);

DEFINE_AUTO_VALUE(struct id_map, id_map_release)

#endif
