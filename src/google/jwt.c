/* The service account grant: a JWT signed with the account's key, traded for a token (RFC 7523). */
#include "google/oauth.h"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#include "base/json.h"
#include "base/xalloc.h"
#include "google/oauth_internal.h"
#include "secret/secret.h"

#include "base/banned.h"

#define LIFETIME_S 3600
/* Google's own name for the audience, also behind a proxy that stands in for it. */
#define AUDIENCE "https://oauth2.googleapis.com/token"
#define GRANT    "urn:ietf:params:oauth:grant-type:jwt-bearer"
/* A clock off by more than this is worth a second try with Google's time. */
#define SKEW_MS 60000

DEFINE_AUTO(EVP_PKEY, EVP_PKEY_free)
DEFINE_AUTO(EVP_MD_CTX, EVP_MD_CTX_free)
DEFINE_AUTO(BIO, BIO_free_all)

/* Never ask on the terminal for the passphrase of an encrypted key. */
static int no_passphrase(char *buf, int size, int rwflag, void *arg)
{
	(void)buf;
	(void)size;
	(void)rwflag;
	(void)arg;
	return -1;
}

static EVP_PKEY *read_key(const char *pem)
{
	AUTO(BIO_free_all) BIO *bio = BIO_new_mem_buf(pem, -1);
	AUTO(EVP_PKEY_free) EVP_PKEY *key = NULL;

	if (!bio)
		abort(); /* out of memory */
	key = PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL);
	if (!key || EVP_PKEY_base_id(key) != EVP_PKEY_RSA)
		return NULL;
	return TAKE(key);
}

/* jwt holds header.claims; append ".signature". */
static int sign(EVP_PKEY *key, struct strbuf *jwt, struct err *err)
{
	AUTO(EVP_MD_CTX_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	AUTO(free) unsigned char *signature = NULL;
	const unsigned char *text = (const unsigned char *)jwt->buf;
	size_t n = 0;

	if (!ctx || EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, key) != 1 ||
	    EVP_DigestSign(ctx, NULL, &n, text, jwt->len) != 1)
		return err_set(err, ERR_FAILED, "the service account's key cannot sign");
	signature = xmalloc(n);
	if (EVP_DigestSign(ctx, signature, &n, text, jwt->len) != 1)
		return err_set(err, ERR_FAILED, "the service account's key cannot sign");
	strbuf_addc(jwt, '.');
	base64url_add(jwt, signature, n);
	return 0;
}

static void add_json(struct strbuf *jwt, struct json_object *obj)
{
	const char *text = json_text(obj);

	base64url_add(jwt, text, strlen(text));
}

struct service_key { /* borrowed from the parsed file, except pkey */
	const char *email, *id;
	EVP_PKEY *pkey;
};

static int build_jwt(const struct service_key *key, const char *subject, const char *scopes,
		     int64_t now_s, struct strbuf *jwt, struct err *err)
{
	AUTO(json_object_put) struct json_object *header = json_object_new_object();
	AUTO(json_object_put) struct json_object *claims = json_object_new_object();

	json_set_str(header, "alg", "RS256");
	json_set_str(header, "typ", "JWT");
	if (key->id)
		json_set_str(header, "kid", key->id);
	json_set_str(claims, "iss", key->email);
	json_set_str(claims, "scope", scopes);
	json_set_str(claims, "aud", AUDIENCE);
	json_set_int(claims, "iat", now_s);
	json_set_int(claims, "exp", now_s + LIFETIME_S);
	if (subject)
		json_set_str(claims, "sub", subject);
	strbuf_reserve(jwt, 4096);
	add_json(jwt, header);
	strbuf_addc(jwt, '.');
	add_json(jwt, claims);
	return sign(key->pkey, jwt, err);
}

static int trade(struct transport *t, struct clock *clock, const char *base_url,
		 const struct service_key *key, const char *subject, const char *scopes,
		 int64_t correction_ms, struct oauth_token *out, int64_t *skew_ms, struct err *err)
{
	AUTO(secret_wipe_strbuf) struct strbuf jwt = STRBUF_INIT;
	AUTO(secret_wipe_strbuf) struct strbuf form = STRBUF_INIT;
	int64_t now_s = (clock_now_ms(clock) + correction_ms) / 1000;

	if (build_jwt(key, subject, scopes, now_s, &jwt, err))
		return -1;
	strbuf_reserve(&form, jwt.len + 256);
	oauth_form_add(&form, "grant_type", GRANT);
	oauth_form_add(&form, "assertion", jwt.buf);
	return oauth_token_request(t, clock, base_url, &form, out, skew_ms, err);
}

int oauth_service_account(struct transport *t, struct clock *clock, const char *base_url,
			  const char *key_json, size_t key_len, const char *subject,
			  const char *scopes, struct oauth_token *out, struct err *err)
{
	AUTO(json_put_secret) struct json_object *root = NULL;
	AUTO(EVP_PKEY_free) EVP_PKEY *pkey = NULL;
	struct service_key key;
	const char *type, *pem;
	int64_t skew_ms = 0;
	int rc;

	if (json_parse_secret(key_json, key_len, &root, err))
		return err_wrap(err, "the service account's key is no JSON; download it again from "
				     "Google's console");
	type = json_str(root, "type");
	if (!type || strcmp(type, "service_account"))
		return err_set(err, ERR_INVALID,
			       "the key is not of a service account (its \"type\" is missing or "
			       "another); make a key of type JSON for one in Google's console");
	if (json_word(root, "client_email", &key.email) ||
	    json_word(root, "private_key_id", &key.id) || json_word(root, "private_key", &pem) ||
	    !key.email || !pem)
		return err_set(err, ERR_INVALID,
			       "the service account's key lacks a usable client_email or "
			       "private_key; make a "
			       "new key of type JSON in Google's console");
	pkey = read_key(pem);
	if (!pkey)
		return err_set(
			err, ERR_INVALID,
			"the service account's private_key is no RSA key in PEM form; make a "
			"new key of type JSON in Google's console");
	key.pkey = pkey;
	rc = trade(t, clock, base_url, &key, subject, scopes, 0, out, &skew_ms, err);
	/* invalid_grant is what a wrong clock gets too, and that is not the login's fault. */
	if (rc && err->code == ERR_TOKEN_EXPIRED && (skew_ms > SKEW_MS || skew_ms < -SKEW_MS))
		rc = trade(t, clock, base_url, &key, subject, scopes, skew_ms, out, &skew_ms, err);
	return rc;
}

char *oauth_quota_user(const char *subject)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	struct strbuf sb = STRBUF_INIT;

	if (!EVP_Digest(subject, strlen(subject), digest, NULL, EVP_sha256(), NULL))
		return NULL; /* no SHA-256 in this libcrypto: a login failed long before */
	for (int i = 0; i < 20; i++)
		strbuf_addf(&sb, "%02x", digest[i]);
	return strbuf_detach(&sb);
}
