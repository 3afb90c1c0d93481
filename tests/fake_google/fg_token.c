#include "fg_model.h"

#include <string.h>

#include "base/strbuf.h"

#include "base/banned.h"

struct json_object *fg_shallow(const struct json_object *obj)
{
	struct json_object *copy = json_object_new_object();

	json_object_object_foreach ((struct json_object *)obj, key, value)
		json_set(copy, key, json_object_get(value));
	return copy;
}

void fg_map_put(struct lh_table *map, const char *key_borrowed, void *value)
{
	struct lh_entry *entry = lh_table_lookup_entry(map, key_borrowed);

	if (entry)
		lh_table_delete_entry(map, entry);
	if (lh_table_insert(map, key_borrowed, value))
		abort();
}

void fg_map_del(struct lh_table *map, const char *key)
{
	struct lh_entry *entry = lh_table_lookup_entry(map, key);

	if (entry)
		lh_table_delete_entry(map, entry);
}

uint64_t fg_hash(uint64_t h, const char *s)
{
	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * 0x100000001b3ULL;
	return h;
}

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void base64url(struct strbuf *out, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i += 3) {
		unsigned v = (unsigned)(unsigned char)text[i] << 16;
		size_t n = len - i < 3 ? len - i : 3;

		if (n > 1)
			v |= (unsigned)(unsigned char)text[i + 1] << 8;
		if (n > 2)
			v |= (unsigned char)text[i + 2];
		for (size_t k = 0; k < 4; k++)
			strbuf_addc(out, k <= n ? alphabet[v >> (18 - 6 * k) & 63] : '=');
	}
}

char *fg_token_base64(const char *text)
{
	struct strbuf out = STRBUF_INIT;

	base64url(&out, text, strlen(text));
	return strbuf_detach(&out);
}

static bool unbase64url(struct strbuf *out, const char *s)
{
	unsigned v = 0, bits = 0;

	for (; *s && *s != '='; s++) {
		const char *at = strchr(alphabet, *s);

		if (!at)
			return false;
		v = v << 6 | (unsigned)(at - alphabet);
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			strbuf_addc(out, (char)(v >> bits & 255));
		}
	}
	return s[strspn(s, "=")] == '\0';
}

/* The checksum goes first, so that tokens that differ in their last digit look unlike. */
char *fg_token_seal(const char *text)
{
	AUTO(strbuf_release) struct strbuf plain = STRBUF_INIT;
	struct strbuf out = STRBUF_INIT;

	strbuf_addf(&plain, "%08x%s", (unsigned)(fg_hash(FG_HASH_INIT, text) >> 16), text);
	base64url(&out, plain.buf, plain.len);
	return strbuf_detach(&out);
}

char *fg_token_open(const char *token)
{
	AUTO(strbuf_release) struct strbuf plain = STRBUF_INIT;
	char sum[9];

	if (!unbase64url(&plain, token) || plain.len < 9 || strlen(plain.buf) != plain.len)
		return NULL;
	snprintf(sum, sizeof(sum), "%08x", (unsigned)(fg_hash(FG_HASH_INIT, plain.buf + 8) >> 16));
	return memcmp(sum, plain.buf, 8) ? NULL : xstrdup(plain.buf + 8);
}

/* These say how an answer is written down, not what is in it. */
static bool shapes_answer(const char *name)
{
	static const char *const names[] = {"pageToken", "fields",      "alt",    "prettyPrint",
					    "key",       "quotaUser",   "userIp", "oauth_token",
					    "$.xgafv",   "access_token"};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

/* A sum, so that the order of the parameters does not matter. */
uint64_t fg_query_hash(const struct fg_call *call)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < call->nparams; i++) {
		const struct fg_param *p = &call->params[i];

		if (!shapes_answer(p->name))
			sum += fg_hash(fg_hash(fg_hash(FG_HASH_INIT, p->name), "="), p->value);
	}
	return sum;
}

int fg_page_size(struct fg_call *call, int absent, int cap, size_t *out)
{
	int64_t n = absent;

	if (fg_param_int(call, "maxResults", 1, &n))
		return -1;
	if (n > cap)
		n = cap;
	if (call->fg->config.max_page > 0 && n > call->fg->config.max_page)
		n = call->fg->config.max_page;
	*out = (size_t)n;
	return 0;
}

void fg_collection_etag(char buf[48], uint64_t a, uint64_t b)
{
	static const char digits[] = "0123456789abcdefghijklmnopqrstuv";
	uint64_t v = a * 0x9E3779B97F4A7C15ULL ^ (b + 1) * 0xC2B2AE3D27D4EB4FULL;
	char text[14];

	for (size_t i = 0; i < sizeof(text) - 1; i++, v >>= 5)
		text[i] = digits[v & 31];
	text[sizeof(text) - 1] = '\0';
	snprintf(buf, 48, "\"p32%so0o\"", text);
}
