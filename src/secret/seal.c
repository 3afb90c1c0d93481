#include "secret/secret.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/random.h"
#include "base/xalloc.h"
#include "secret/provider.h"

#include "base/banned.h"

#define VERSION   1
#define NONCE_LEN 12
#define TAG_LEN   16
#define OVERHEAD  (1 + NONCE_LEN + TAG_LEN)
#define MAX_PLAIN (1 << 20) /* far above any token or key file */

struct secret_box {
	unsigned char *key; /* a page of its own: locked, left out of core dumps */
	size_t page;        /* its size */
};

DEFINE_AUTO(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)

static struct secret_box *box_new(void)
{
	struct secret_box *box = xcalloc(1, sizeof(*box));
	void *page;

	box->page = (size_t)sysconf(_SC_PAGESIZE);
	page = mmap(NULL, box->page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (page == MAP_FAILED)
		abort(); /* out of memory */
	/* Best effort: RLIMIT_MEMLOCK may be zero, and the tool must work there too. */
	(void)mlock(page, box->page);
	(void)madvise(page, box->page, MADV_DONTDUMP);
	box->key = page;
	return box;
}

void secret_box_free(struct secret_box *box)
{
	if (!box)
		return;
	secret_wipe(box->key, box->page);
	munmap(box->key, box->page);
	free(box);
}

static int no_key(const struct key_provider *p, const char *where, struct err *err)
{
	err_set(err, ERR_SECRET,
		"the key that opens the stored logins is missing (%s: '%s'); put it back, or "
		"connect the accounts again with --force",
		p->name, where);
	return key_trouble(err, KEY_GONE);
}

int secret_box_make(const struct key_provider *p, const char *where, struct secret_box **out,
		    bool *out_made, struct err *err)
{
	AUTO(secret_box_free) struct secret_box *box = box_new();
	struct err first;

	*out_made = false;
	if (p->load(where, box->key, err)) {
		if (err->code != ERR_NOT_FOUND)
			return -1;
		*out_made = !key_create(p, where, &first);
		/* When another process makes one at the same moment, ours is not kept and theirs is
		 * read. Ours is read back, too: one that cannot be read again is never used. */
		if (p->load(where, box->key, err)) {
			if (*out_made)
				return err_wrap(err,
						"the key that was just made cannot be read back");
			*err = first;
			return -1;
		}
	}
	*out = TAKE(box);
	return 0;
}

int secret_box_open(const struct key_provider *p, const char *where, bool create,
		    struct secret_box **out, struct err *err)
{
	AUTO(secret_box_free) struct secret_box *box = NULL;
	bool made;

	if (create)
		return secret_box_make(p, where, out, &made, err);
	box = box_new();
	if (p->load(where, box->key, err))
		return -1;
	*out = TAKE(box);
	return 0;
}

/* --- which key it is --------------------------------------------------------------------- */

#define CHECK_OWNER "store"
#define CHECK_FIELD "key check"
#define CHECK_TEXT  "calsync"

int secret_box_check(const struct secret_box *box, struct strbuf *out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf sealed = STRBUF_INIT;

	if (secret_seal(box, CHECK_OWNER, CHECK_FIELD, CHECK_TEXT, strlen(CHECK_TEXT), &sealed,
			err))
		return -1;
	for (size_t i = 0; i < sealed.len; i++)
		strbuf_addf(out, "%02x", (unsigned char)sealed.buf[i]);
	return 0;
}

bool secret_box_is_known_by(const struct secret_box *box, const char *check)
{
	AUTO(strbuf_release) struct strbuf sealed = STRBUF_INIT;
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;
	struct err err;
	unsigned byte;

	for (; sscanf(check, "%2x", &byte) == 1 && check[1]; check += 2)
		strbuf_addc(&sealed, (char)byte);
	return !secret_unseal(box, CHECK_OWNER, CHECK_FIELD, sealed.buf, sealed.len, &text, &err);
}

int secret_box_open_checked(const struct key_provider *p, const char *where, const char *check,
			    struct secret_box **out, bool *out_next, struct err *err)
{
	AUTO(secret_box_free) struct secret_box *box = box_new();
	AUTO(secret_box_free) struct secret_box *next = box_new();
	AUTO(strbuf_release) struct strbuf second = STRBUF_INIT;
	struct err none;
	int rc = p->load(where, box->key, err);

	*out_next = false;
	if (!rc && (!check || secret_box_is_known_by(box, check))) {
		*out = TAKE(box);
		return 0;
	}
	if (rc && err->code != ERR_NOT_FOUND) /* what does not answer has no next one either */
		return -1;
	strbuf_addf(&second, "%s" KEY_NEXT, where);
	if (check && !p->load(second.buf, next->key, &none) &&
	    secret_box_is_known_by(next, check)) {
		*out = TAKE(next);
		*out_next = true;
		return 0;
	}
	if (rc)
		return no_key(p, where, err);
	err_set(err, ERR_SECRET,
		"the key in %s ('%s') is not the one that this store's logins are sealed with; "
		"nothing was changed: put the right one back, or connect the accounts again with "
		"--force",
		p->name, where);
	return key_trouble(err, KEY_OTHER);
}

struct secret_box *secret_box_random(void)
{
	struct secret_box *box = box_new();

	random_bytes(box->key, SECRET_KEY_LEN);
	return box;
}

int secret_box_save(const struct secret_box *box, const struct key_provider *p, const char *where,
		    bool replace, struct err *err)
{
	AUTO(secret_box_free) struct secret_box *kept = box_new();

	if (p->save(where, box->key, replace, err))
		return -1;
	/* A keyring may say yes and keep nothing. */
	if (p->load(where, kept->key, err))
		return err_wrap(err, "the key that was just kept cannot be read back");
	return !CRYPTO_memcmp(box->key, kept->key, SECRET_KEY_LEN)
		       ? 0
		       : err_set(err, ERR_SECRET,
				 "%s gives back another key than it was given ('%s')", p->name,
				 where);
}

/* --- sealing ----------------------------------------------------------------------------- */

static void make_aad(const char *account, const char *field, struct strbuf *out)
{
	strbuf_add(out, "calsync", sizeof("calsync"));
	strbuf_add(out, account, strlen(account) + 1);
	strbuf_add(out, field, strlen(field) + 1);
	strbuf_addc(out, VERSION);
}

int secret_seal(const struct secret_box *box, const char *account, const char *field,
		const void *plain, size_t len, struct strbuf *out, struct err *err)
{
	AUTO(EVP_CIPHER_CTX_free) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	AUTO(strbuf_release) struct strbuf aad = STRBUF_INIT;
	AUTO(free) unsigned char *sealed = NULL;
	unsigned char *nonce, *text;
	int n = 0, rest = 0;

	if (len > MAX_PLAIN)
		return err_set(err, ERR_SECRET, "a secret of %zu bytes is too large", len);
	make_aad(account, field, &aad);
	sealed = xmalloc(len + OVERHEAD);
	sealed[0] = VERSION;
	nonce = sealed + 1;
	text = nonce + NONCE_LEN;
	random_bytes(nonce, NONCE_LEN);
	if (!ctx || !EVP_EncryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, box->key, nonce) ||
	    !EVP_EncryptUpdate(ctx, NULL, &n, (unsigned char *)aad.buf, (int)aad.len) ||
	    !EVP_EncryptUpdate(ctx, text, &n, plain, (int)len) ||
	    !EVP_EncryptFinal_ex(ctx, text + n, &rest) ||
	    !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_LEN, text + len))
		return err_set(err, ERR_SECRET, "cannot encrypt a secret: libcrypto failed");
	strbuf_add(out, sealed, len + OVERHEAD);
	return 0;
}

int secret_unseal(const struct secret_box *box, const char *account, const char *field,
		  const void *sealed, size_t len, struct strbuf *out, struct err *err)
{
	AUTO(EVP_CIPHER_CTX_free) EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	AUTO(strbuf_release) struct strbuf aad = STRBUF_INIT;
	AUTO(secret_wipe_strbuf) struct strbuf plain = STRBUF_INIT;
	const unsigned char *in = sealed;
	unsigned char tag[TAG_LEN];
	size_t text_len = len - OVERHEAD;
	int n = 0, rest = 0;

	if (len < OVERHEAD || len > MAX_PLAIN + OVERHEAD || in[0] < VERSION)
		return err_set(err, ERR_SECRET,
			       "the stored %s is damaged; connect the account again", field);
	if (in[0] > VERSION)
		return err_set(err, ERR_SECRET,
			       "the stored %s was sealed by a newer calsync (format %d); use that "
			       "version, or connect the account again",
			       field, in[0]);
	make_aad(account, field, &aad);
	strbuf_reserve(&plain, text_len + 1);
	memcpy(tag, in + len - TAG_LEN, TAG_LEN);
	if (!ctx || !EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, box->key, in + 1) ||
	    !EVP_DecryptUpdate(ctx, NULL, &n, (unsigned char *)aad.buf, (int)aad.len) ||
	    !EVP_DecryptUpdate(ctx, (unsigned char *)plain.buf, &n, in + 1 + NONCE_LEN,
			       (int)text_len) ||
	    !EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_LEN, tag) ||
	    !EVP_DecryptFinal_ex(ctx, (unsigned char *)plain.buf + n, &rest))
		return err_set(
			err, ERR_SECRET,
			"the stored %s does not open with this key: the key file or the "
			"database was replaced or damaged; put the right one back, or connect "
			"the account again",
			field);
	strbuf_add(out, plain.buf, text_len);
	return 0;
}

void secret_wipe(void *p, size_t n)
{
	explicit_bzero(p, n);
}

void secret_wipe_strbuf(struct strbuf *sb)
{
	if (sb->alloc)
		secret_wipe(sb->buf, sb->alloc);
	strbuf_release(sb);
}

void secret_wipe_str(char **s)
{
	if (*s)
		secret_wipe(*s, strlen(*s));
	free(*s);
	*s = NULL;
}

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif

void secret_no_core_dumps(void)
{
	const struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none);
#ifndef __SANITIZE_ADDRESS__
	/* LeakSanitizer traces its own process at exit and cannot when it is not dumpable. */
	(void)prctl(PR_SET_DUMPABLE, 0);
#endif
}
