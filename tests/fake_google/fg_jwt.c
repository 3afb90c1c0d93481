#include "fg_oauth.h"

#include <string.h>

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "base/banned.h"

DEFINE_AUTO(BIO, BIO_free_all)
DEFINE_AUTO(EVP_MD_CTX, EVP_MD_CTX_free)

#define GRACE_S 300 /* between Google's clock and the caller's */

/* -- base64url ------------------------------------------------------------------------------ */

char *fg_base64url(const void *data, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const unsigned char *p = data;
	struct strbuf sb = STRBUF_INIT;

	for (size_t i = 0; i < len; i += 3) {
		uint32_t v = (uint32_t)p[i] << 16;

		if (i + 1 < len)
			v |= (uint32_t)p[i + 1] << 8;
		if (i + 2 < len)
			v |= p[i + 2];
		strbuf_addc(&sb, digits[v >> 18]);
		strbuf_addc(&sb, digits[v >> 12 & 63]);
		if (i + 1 < len)
			strbuf_addc(&sb, digits[v >> 6 & 63]);
		if (i + 2 < len)
			strbuf_addc(&sb, digits[v & 63]);
	}
	return strbuf_detach(&sb);
}

static int digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '-' || c == '+')
		return 62;
	return c == '_' || c == '/' ? 63 : -1;
}

unsigned char *fg_base64url_decode(const char *s, size_t len, size_t *out_len)
{
	unsigned char *out;
	uint32_t bits = 0;
	int have = 0;
	size_t n = 0;

	while (len && s[len - 1] == '=')
		len--;
	out = xmalloc(len / 4 * 3 + 4);
	for (size_t i = 0; i < len; i++) {
		int v = digit_value(s[i]);

		if (v < 0) {
			free(out);
			return NULL;
		}
		bits = bits << 6 | (uint32_t)v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[n++] = (unsigned char)(bits >> have);
		}
	}
	out[n] = '\0';
	*out_len = n;
	return out;
}

/* -- keys ----------------------------------------------------------------------------------- */

static EVP_PKEY *key_read(const struct json_object *file)
{
	const char *private_pem = json_str(file, "private_key");
	const char *public_pem = json_str(file, "public_key");
	const char *pem = private_pem ? private_pem : public_pem;
	AUTO(BIO_free_all) BIO *bio = NULL;

	if (!pem)
		return NULL;
	bio = BIO_new_mem_buf(pem, -1);
	if (!bio)
		abort();
	return private_pem ? PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL)
			   : PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
}

int fg_service_account_add(struct fg *fg, const char *key_json, size_t len, struct err *err)
{
	AUTO(json_object_put) struct json_object *file = NULL;
	struct fg_service *service;
	const char *type, *email;
	EVP_PKEY *key;

	if (json_parse(key_json, len, &file, err))
		return -1;
	type = json_str(file, "type");
	email = json_str(file, "client_email");
	if (!type || strcmp(type, "service_account") != 0 || !email)
		return err_set(err, ERR_INVALID, "not a service account's key file");
	key = key_read(file);
	if (!key)
		return err_set(err, ERR_INVALID, "no readable private_key or public_key");
	service = FG_LIST_ADD(&fg->services);
	service->email = xstrdup(email);
	service->key = key;
	return 0;
}

void fg_services_release(struct fg *fg)
{
	for (size_t i = 0; i < fg->services.count; i++) {
		free(fg->services.list[i].email);
		EVP_PKEY_free(fg->services.list[i].key);
	}
	free(fg->services.list);
}

static const struct fg_service *service_find(const struct fg *fg, const char *email)
{
	for (size_t i = 0; i < fg->services.count; i++)
		if (!strcmp(fg->services.list[i].email, email))
			return &fg->services.list[i];
	return NULL;
}

/* -- the assertion -------------------------------------------------------------------------- */

struct jwt {
	size_t signed_len; /* of header.claims */
	struct json_object *header, *claims;
	unsigned char *signature;
	size_t signature_len;
};

static void jwt_release(struct jwt *jwt)
{
	json_object_put(jwt->header);
	json_object_put(jwt->claims);
	free(jwt->signature);
}
DEFINE_AUTO_VALUE(struct jwt, jwt_release)

static struct json_object *part_parse(const char *s, size_t len)
{
	struct json_object *obj = NULL;
	size_t n;
	AUTO(free) unsigned char *text = fg_base64url_decode(s, len, &n);
	struct err err;

	if (!text || json_parse((char *)text, n, &obj, &err))
		return NULL;
	if (json_object_is_type(obj, json_type_object))
		return obj;
	json_object_put(obj);
	return NULL;
}

static bool jwt_parse(const char *text, struct jwt *out)
{
	const char *dot = strchr(text, '.');
	const char *dot2 = dot ? strchr(dot + 1, '.') : NULL;

	if (!dot2 || strchr(dot2 + 1, '.'))
		return false;
	out->header = part_parse(text, (size_t)(dot - text));
	out->claims = part_parse(dot + 1, (size_t)(dot2 - dot - 1));
	out->signature = fg_base64url_decode(dot2 + 1, strlen(dot2 + 1), &out->signature_len);
	out->signed_len = (size_t)(dot2 - text);
	return out->header && out->claims && out->signature;
}

static bool signature_good(const struct jwt *jwt, const char *text, void *key)
{
	AUTO(EVP_MD_CTX_free) EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	const char *alg = json_str(jwt->header, "alg");

	if (!ctx)
		abort();
	return alg && !strcmp(alg, "RS256") &&
	       EVP_DigestVerifyInit(ctx, NULL, EVP_sha256(), NULL, key) == 1 &&
	       EVP_DigestVerify(ctx, jwt->signature, jwt->signature_len,
				(const unsigned char *)text, jwt->signed_len) == 1;
}

static bool audience_good(const struct fg *fg, const char *aud)
{
	AUTO(free) char *own = xasprintf("%s/token", fg->options.base_url);

	return aud &&
	       (!strcmp(aud, "https://oauth2.googleapis.com/token") ||
		!strcmp(aud, "https://www.googleapis.com/oauth2/v4/token") ||
		!strcmp(aud, "https://accounts.google.com/o/oauth2/token") || !strcmp(aud, own));
}

static bool times_good(const struct fg *fg, const struct json_object *claims)
{
	int64_t now = fg_now_ms(fg) / 1000;
	int64_t iat = json_int(claims, "iat", 0);
	int64_t exp = json_int(claims, "exp", 0);

	return iat > 0 && exp > iat && exp - iat <= 3600 && iat <= now + GRACE_S &&
	       exp >= now - GRACE_S;
}

/* Whose data the token is for: the delegated user's, or the service account's own. */
static struct fg_account *subject(struct fg *fg, const struct json_object *claims,
				  const char *issuer)
{
	const char *sub = json_str(claims, "sub");
	struct fg_account *account;

	if (sub && strcmp(sub, issuer) != 0) {
		account = fg_account_find(fg, sub);
		return account && !account->service ? account : NULL;
	}
	account = fg_account_find(fg, issuer);
	if (account)
		return account;
	account = fg_account_add(fg, issuer, NULL, "UTC");
	account->service = true;
	return account;
}

static bool delegation_allows(const struct fg *fg, uint32_t scopes)
{
	struct json_object *list = fg->config.delegated_scopes;
	uint32_t allowed = 0;

	if (!list)
		return true;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		uint32_t one;

		if (fg_scopes_parse(json_object_get_string(json_object_array_get_idx(list, i)),
				    &one))
			allowed |= one;
	}
	return !(scopes & ~allowed);
}

static int invalid(struct fg_call *call, const char *why)
{
	return fg_oauth_fail(call, 400, "invalid_grant", why);
}

static int answer(struct fg_call *call, const struct jwt *jwt, const char *issuer)
{
	const char *scope = json_str(jwt->claims, "scope");
	const char *sub = json_str(jwt->claims, "sub");
	struct fg *fg = call->fg;
	struct json_object *obj;
	uint32_t scopes = 0;

	if (!scope || !*scope)
		return fg_oauth_fail(call, 400, "invalid_scope",
				     "Empty or missing scope not allowed.");
	if (!fg_scopes_parse(scope, &scopes) || !scopes)
		return fg_oauth_fail(call, 400, "invalid_scope",
				     "Invalid OAuth scope or ID token audience provided.");
	if (sub && strcmp(sub, issuer) != 0 && !delegation_allows(fg, scopes))
		return fg_oauth_fail(call, 401, "unauthorized_client",
				     "Client is unauthorized to retrieve access tokens using this "
				     "method, or client not authorized for any of the scopes "
				     "requested.");
	call->account = subject(fg, jwt->claims, issuer);
	if (!call->account)
		return invalid(call, "Invalid email or User ID");
	obj = json_object_new_object();
	json_set_str(obj, "access_token", fg_oauth_issue(fg, call->account, issuer, scopes));
	json_set_int(obj, "expires_in", fg->config.access_token_ttl);
	json_set_str(obj, "token_type", "Bearer");
	return fg_reply_json(call, 200, obj);
}

int fg_jwt_grant(struct fg_call *call, const struct fg_param *form, size_t count)
{
	const char *text = fg_params_get(form, count, "assertion");
	AUTO(jwt_release) struct jwt jwt = {0};
	const struct fg_service *service;
	const char *issuer;

	if (!text || !*text)
		return fg_oauth_fail(call, 400, "invalid_request",
				     "Missing required parameter: assertion");
	if (!jwt_parse(text, &jwt))
		return invalid(call, "Bad Request");
	issuer = json_str(jwt.claims, "iss");
	service = issuer ? service_find(call->fg, issuer) : NULL;
	if (!service)
		return invalid(call, "Invalid grant: account not found");
	if (!signature_good(&jwt, text, service->key))
		return invalid(call, "Invalid JWT Signature.");
	if (!audience_good(call->fg, json_str(jwt.claims, "aud")))
		return invalid(call, "Invalid JWT: Failed audience check. The right audience is "
				     "https://oauth2.googleapis.com/token");
	if (!times_good(call->fg, jwt.claims))
		return invalid(call, "Invalid JWT: Token must be a short-lived token (60 minutes) "
				     "and in a reasonable timeframe. Check your iat and exp values "
				     "in the JWT claim.");
	return answer(call, &jwt, issuer);
}
