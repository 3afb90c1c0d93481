/* The simulation's own random numbers (splitmix64): the same seed, the same history, everywhere. */
#ifndef SIM_RNG_H
#define SIM_RNG_H

#include <stdbool.h>
#include <stdint.h>

struct rng {
	uint64_t state;
};

static inline uint64_t rng_mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
	z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
	return z ^ (z >> 31);
}

static inline uint64_t rng_next(struct rng *r)
{
	r->state += 0x9E3779B97F4A7C15ULL;
	return rng_mix(r->state);
}

/* 0 .. limit-1; 0 for a limit of 0. */
static inline uint32_t rng_below(struct rng *r, uint32_t limit)
{
	return limit ? (uint32_t)((rng_next(r) >> 32) % limit) : 0;
}

static inline bool rng_chance(struct rng *r, uint32_t percent)
{
	return rng_below(r, 100) < percent;
}

/* One of several independent sequences that a seed has. */
static inline struct rng rng_from(uint64_t seed, uint64_t which)
{
	return (struct rng){rng_mix(rng_mix(seed + 0x9E3779B97F4A7C15ULL) ^
				    (which + 1) * 0xD6E8FEB86659FD93ULL)};
}

#endif
