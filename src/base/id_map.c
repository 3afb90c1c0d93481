#include "base/id_map.h"

#include <stdlib.h>
#include <string.h>

#include "base/xalloc.h"
#include "base/banned.h"

void id_map_release(struct id_map *m)
{
	free(m->items);
	memset(m, 0, sizeof(*m));
}

void id_map_add(struct id_map *m, int64_t id, size_t place)
{
	if (m->count == m->room) {
		m->room = m->room ? 2 * m->room : 16;
		m->items = xreallocarray(m->items, m->room, sizeof(*m->items));
	}
	m->items[m->count++] = (struct id_place){.id = id, .place = place};
}

static int compare_ids(const void *a, const void *b)
{
	const struct id_place *x = a, *y = b;

	return (x->id > y->id) - (x->id < y->id);
}

void id_map_sort(struct id_map *m)
{
	if (m->count)
		qsort(m->items, m->count, sizeof(*m->items), compare_ids);
}

bool id_map_find(const struct id_map *m, int64_t id, size_t *out_place)
{
	struct id_place wanted = {.id = id};
	const struct id_place *found = NULL;

	if (m->count)
		found = bsearch(&wanted, m->items, m->count, sizeof(*m->items), compare_ids);
	if (found && out_place)
		*out_place = found->place;
	return found;
}
