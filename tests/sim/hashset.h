/* A growing set of 64-bit hashes. Zero it to start; 0 is never a member. */
#ifndef SIM_HASHSET_H
#define SIM_HASHSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/xalloc.h"

struct hashset {
	uint64_t *slots;
	size_t size, count; /* size is a power of two, or 0 */
};

static inline uint64_t *hashset_slot(const struct hashset *s, uint64_t h)
{
	size_t i = (size_t)h & (s->size - 1);

	while (s->slots[i] && s->slots[i] != h)
		i = (i + 1) & (s->size - 1);
	return &s->slots[i];
}

static inline bool hashset_has(const struct hashset *s, uint64_t h)
{
	return s->size && *hashset_slot(s, h);
}

static inline void hashset_add(struct hashset *s, uint64_t h)
{
	struct hashset bigger = {.size = s->size ? s->size * 2 : 256};
	uint64_t *slot;

	if (s->count * 2 >= s->size) {
		bigger.slots = xcalloc(bigger.size, sizeof(*bigger.slots));
		bigger.count = s->count;
		for (size_t i = 0; i < s->size; i++)
			if (s->slots[i])
				*hashset_slot(&bigger, s->slots[i]) = s->slots[i];
		free(s->slots);
		*s = bigger;
	}
	slot = hashset_slot(s, h);
	s->count += !*slot;
	*slot = h;
}

static inline void hashset_release(struct hashset *s)
{
	free(s->slots);
	*s = (struct hashset){0};
}

/* Of three texts, each with its end. */
static inline uint64_t hash_texts(const char *a, const char *b, const char *c)
{
	const char *const texts[] = {a, b, c};
	uint64_t h = 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		for (const char *p = texts[i];; p++) {
			h = (h ^ (unsigned char)*p) * 0x100000001b3ULL;
			if (!*p)
				break;
		}
	return h ? h : 1;
}

#endif
