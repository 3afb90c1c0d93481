#include "base/random.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

static uint64_t test_state;

void random_seed_for_tests(uint64_t seed)
{
	test_state = seed;
}

static uint64_t test_next(void)
{
	test_state ^= test_state << 13;
	test_state ^= test_state >> 7;
	test_state ^= test_state << 17;
	return test_state * 0x2545F4914F6CDD1DULL;
}

void random_bytes(void *buf, size_t n)
{
	unsigned char *p = buf;

	while (n && test_state) {
		*p++ = (unsigned char)(test_next() >> 56);
		n--;
	}
	while (n) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0) {
			perror("calsync: getrandom");
			abort();
		}
		p += got;
		n -= (size_t)got;
	}
}

uint64_t random_below(uint64_t limit)
{
	uint64_t threshold = -limit % limit; /* 2^64 mod limit: below it the draw is biased */
	uint64_t r;

	do {
		random_bytes(&r, sizeof(r));
	} while (r < threshold);
	return r % limit;
}

void random_event_id(char *buf)
{
	static const char alphabet[] = "0123456789abcdefghijklmnopqrstuv";
	unsigned char bytes[26];

	random_bytes(bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		buf[i] = alphabet[bytes[i] & 31];
	buf[sizeof(bytes)] = '\0';
}

void random_uuid(char buf[RANDOM_UUID_LEN])
{
	static const char digits[] = "0123456789abcdef";
	unsigned char b[16];
	size_t n = 0;

	random_bytes(b, sizeof(b));
	b[6] = (unsigned char)((b[6] & 0x0f) | 0x40); /* version 4 */
	b[8] = (unsigned char)((b[8] & 0x3f) | 0x80); /* variant 10 */
	for (size_t i = 0; i < sizeof(b); i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			buf[n++] = '-';
		buf[n++] = digits[b[i] >> 4];
		buf[n++] = digits[b[i] & 15];
	}
	buf[n] = '\0';
}
