/* Random bytes from the kernel; a test may replace them by a seeded sequence. */
#ifndef BASE_RANDOM_H
#define BASE_RANDOM_H

#include <stddef.h>
#include <stdint.h>

void random_bytes(void *buf, size_t n); /* ends the program when the kernel has none */
uint64_t random_below(uint64_t limit);  /* 0 .. limit-1, limit > 0, no modulo bias */

/* 26 characters of base32hex (RFC 4648 section 7, lower case), 130 random bits: a valid
 * client-made Google event id. buf holds 27 bytes. */
void random_event_id(char *buf);

/* A random UUID, version 4 (RFC 9562 section 5.4), in lower case. */
#define RANDOM_UUID_LEN 37
void random_uuid(char buf[RANDOM_UUID_LEN]);

/* From now on a deterministic sequence (xorshift): for tests, never for secrets. 0 ends it. */
void random_seed_for_tests(uint64_t seed);

#endif
