/* What a secret is known by when it is not kept itself, and how two of them are compared.
 * Source: FIPS 180-4 (SHA-256) */
#ifndef SECRET_DIGEST_H
#define SECRET_DIGEST_H

#include <stdbool.h>
#include <stddef.h>

#define DIGEST_LEN 32

void digest_sha256(const void *data, size_t len, unsigned char out[DIGEST_LEN]);
/* In the same time, wherever they differ. */
bool digest_equal(const unsigned char a[DIGEST_LEN], const unsigned char b[DIGEST_LEN]);

#endif
