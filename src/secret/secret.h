/*
 * Secrets at rest: sealed with AES-256-GCM under a key that does not lie in the database.
 *
 * Shape   sealed = version byte 1 | 12-byte nonce | ciphertext | 16-byte tag
 * AAD     "calsync" NUL account NUL field NUL version byte: a value moved to another account,
 *         field or version does not open. What "account" is: store/account_seal.h.
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

/*
 * Where the key lives. A key is one line of 64 hex digits in all of them.
 *
 *   file            where: the key file's path
 *   secret-service  where: the store's key id; libsecret, in a process of its own
 *   credential      where: a path below $CREDENTIALS_DIRECTORY; systemd writes it, nobody else
 *
 * While a key is exchanged for another one, both are kept: the new one at KEY_NEXT of `where`.
 */
struct key_provider {
	const char *name; /* as in the config and in the store's meta table */
	/* Read the key. ERR_NOT_FOUND: this provider holds none there. */
	int (*load)(const char *where, unsigned char key[SECRET_KEY_LEN], struct err *err);
	/* Keep this key; one that is there already is replaced, or (replace false) an error. Either
	 * the old or the new one is there, whatever happens. */
	int (*save)(const char *where, const unsigned char key[SECRET_KEY_LEN], bool replace,
		    struct err *err);
	/* No error when there is none. */
	int (*remove)(const char *where, struct err *err);
	/* Whether a new store may keep its key here now, without asking anybody. ERR_NOT_FOUND: it
	 * may not, as this place is not there; ERR_LOCKED: this one does not let us in now; else
	 * what is there is wrong, and is to be mended. */
	int (*answers)(const char *where, struct err *err);
};
#define KEY_NEXT ".next"
const struct key_provider *key_provider_find(const char *name); /* NULL = unknown */
const struct key_provider *key_provider_at(size_t i);           /* in order; NULL = no more */
/* A new random key, where none is yet. */
int key_create(const struct key_provider *p, const char *where, struct err *err);

/* "ab12" of 32 bytes, without line end, and back (-1:
 * not 64 hex digits and at most one line end). */
#define KEY_HEX_LEN (2 * SECRET_KEY_LEN)
void key_to_hex(const unsigned char key[SECRET_KEY_LEN], char out[KEY_HEX_LEN + 1]);
int key_from_hex(const char *s, size_t len, unsigned char key[SECRET_KEY_LEN]);

/*
 * Why a key cannot be had, in err->reason: each is mended in another way. "" = by something else.
 */
#define KEY_GONE       "key_gone"       /* its place is empty */
#define KEY_OTHER      "key_other"      /* a key is there, and not this store's */
#define KEY_SPOILT     "key_spoilt"     /* what is there is no key */
#define KEY_MODE       "key_mode"       /* others may read it */
#define KEY_OWNER      "key_owner"      /* the file is another user's */
#define KEY_LINK       "key_link"       /* a symbolic link is in its place */
#define KEY_KIND       "key_kind"       /* a folder or a pipe is in its place */
#define KEY_DENIED     "key_denied"     /* the file cannot be opened */
#define KEY_LOCKED     "key_locked"     /* the keyring wants a password first */
#define KEY_SILENT     "key_silent"     /* the keyring does not answer in time */
#define KEY_NO_SERVICE "key_no_service" /* no keyring is there, or it fails */
#define KEY_CREDENTIAL "key_credential" /* systemd has not placed it as it is to be */

struct secret_box; /* holds the key in locked, non-dumped memory, wiped on free */

/* The key that lies there; ERR_NOT_FOUND: none does. create: as secret_box_make(). */
int secret_box_open(const struct key_provider *p, const char *where, bool create,
		    struct secret_box **out, struct err *err);
/* The first connect: the key that lies there, or else a new one. *out_made: it is new, and
 * ours; said also on failure, when what was kept could not be read back. */
int secret_box_make(const struct key_provider *p, const char *where, struct secret_box **out,
		    bool *out_made, struct err *err);
/*
 * The key that belongs to a store, by what secret_box_check() wrote down about it (hex): the one at
 * `where`, or, when an exchange was interrupted, the next one (*out_next). ERR_SECRET: none does.
 */
int secret_box_open_checked(const struct key_provider *p, const char *where, const char *check,
			    struct secret_box **out, bool *out_next, struct err *err);
/* A value by which this key is known again, and whether a key is the one that such a value was made
 * of. The store's meta table holds it as KEY_CHECK. Appends hex digits. */
#define KEY_CHECK "key_check"
int secret_box_check(const struct secret_box *box, struct strbuf *out, struct err *err);
bool secret_box_is_known_by(const struct secret_box *box, const char *check);
/* A box with a new random key that lies nowhere yet, and the key of a box put somewhere. */
struct secret_box *secret_box_random(void);
int secret_box_save(const struct secret_box *box, const struct key_provider *p, const char *where,
		    bool replace, struct err *err);
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
