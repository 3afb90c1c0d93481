/*
 * Secrets at rest: sealed with AES-256-GCM under a key that does not lie in the database.
 *
 * Shape   sealed = version byte 1 | 12-byte nonce | ciphertext | 16-byte tag
 * AAD     "calsync" NUL account NUL field NUL version byte: a value moved to another account,
 *         field or version does not open. "account" is the row id in decimal: it never changes.
 * Errors  ERR_SECRET, always with what to do; a value that does not open is never replaced here.
 * Source  NIST SP 800-38D
 */
#ifndef SECRET_SECRET_H
#define SECRET_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"
#include "base/strbuf.h"

#define SECRET_KEY_LEN 32

/* Where the key lives. Providers: "file" now; the Secret Service and systemd credentials are
 * further entries of the same table. A key is one line of 64 hex digits in all of them. */
struct key_provider {
	const char *name; /* as in the config and in the store's meta table */
	/* Read the key; ERR_NOT_FOUND when this provider holds none yet. */
	int (*load)(const char *where, unsigned char key[SECRET_KEY_LEN], struct err *err);
	/* Make a new random key and keep it; refuses to replace one that is there. */
	int (*create)(const char *where, struct err *err);
};
const struct key_provider *key_provider_find(const char *name); /* NULL = unknown */

struct secret_box; /* holds the key in locked, non-dumped memory, wiped on free */

/* where: the key file's path for "file". create: make the key when there is none (first connect). */
int secret_box_open(const struct key_provider *p, const char *where, bool create,
		    struct secret_box **out, struct err *err);
void secret_box_free(struct secret_box *box);

/* Both append to out. */
int secret_seal(const struct secret_box *box, const char *account, const char *field,
		const void *plain, size_t len, struct strbuf *out, struct err *err);
int secret_unseal(const struct secret_box *box, const char *account, const char *field,
		  const void *sealed, size_t len, struct strbuf *out, struct err *err);

void secret_wipe(void *p, size_t n);        /* not optimised away */
void secret_wipe_strbuf(struct strbuf *sb); /* wipes all of its memory, then releases it */
void secret_wipe_str(char **s);             /* wipes and frees a string; *s is NULL then */
void secret_no_core_dumps(void);            /* RLIMIT_CORE 0, PR_SET_DUMPABLE 0 */

DEFINE_AUTO(struct secret_box, secret_box_free)
DEFINE_AUTO_VALUE(struct strbuf, secret_wipe_strbuf)
/* AUTO(secret_wipe_str) char *s = NULL; */
static inline void secret_wipe_str_ptr(char **s)
{
	secret_wipe_str(s);
}

#endif
