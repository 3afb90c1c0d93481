/*
 * What the driver and kill.so, inside the process that is to die, tell each other.
 *
 * kill.so does nothing unless both variables are there. They are descriptors' numbers: of memory
 * that both have mapped, struct crash_page, and of the socket that start.c takes requests from.
 */
#ifndef CRASH_PAGE_H
#define CRASH_PAGE_H

#include <stdint.h>

#define CRASH_PAGE_ENV    "CALSYNC_CRASH_PAGE"
#define CRASH_START_ENV   "CALSYNC_CRASH_START"
#define CRASH_EFFECTS_MAX 16384

/* Where the process ends: without having begun the effect, with half of its bytes written, or with
 * all of it done. */
enum crash_when { CRASH_BEFORE, CRASH_HALF, CRASH_AFTER };

struct crash_effect {
	uint32_t can_half; /* it writes two bytes or more */
	char what[60];     /* call, file, bytes: "pwrite64 calsync.db-wal 4096" */
};

struct crash_page {
	/* From the driver. */
	uint32_t at; /* the effect that ends the process, from 1; 0 = none */
	uint32_t when;
	/* From the process. */
	uint32_t count; /* effects that were begun, the last one included */
	struct crash_effect effects[CRASH_EFFECTS_MAX]; /* effects[n - 1] is the n-th */
};

#endif
