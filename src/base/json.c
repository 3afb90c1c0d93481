#include "base/json.h"

#include <errno.h>
#include <json-c/printbuf.h>
#include <limits.h>
#include <string.h>

#include "base/term.h"
#include "base/xalloc.h"

DEFINE_AUTO(struct json_tokener, json_tokener_free)

static bool only_space(const char *s, size_t n)
{
	for (; n; s++, n--)
		if (!strchr(" \t\r\n", *s) || !*s)
			return false;
	return true;
}

/* json-c takes 'key' for a member's name even when it is strict; outside of strings no JSON has
 * such a quote. */
static const char *find_single_quote(const char *buf, size_t len)
{
	bool in_string = false;

	for (size_t i = 0; i < len; i++) {
		if (in_string && buf[i] == '\\')
			i++;
		else if (buf[i] == '"')
			in_string = !in_string;
		else if (!in_string && buf[i] == '\'')
			return buf + i;
	}
	return NULL;
}

int json_parse(const char *buf, size_t len, struct json_object **out, struct err *err)
{
	return json_parse_deep(buf, len, JSON_MAX_DEPTH, out, err);
}

static int parse(struct json_tokener *tok, const char *buf, size_t len, struct json_object **out,
		 struct err *err)
{
	AUTO(json_object_put) struct json_object *obj = NULL;
	enum json_tokener_error status;
	const char *quote;
	size_t end;

	if (len > INT_MAX - 1)
		return err_set(err, ERR_INVALID, "JSON text is too large");
	quote = find_single_quote(buf, len);
	if (quote)
		return err_set(err, ERR_INVALID, "JSON is malformed at byte %zu: single quote",
			       (size_t)(quote - buf));
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_ALLOW_TRAILING_CHARS |
					    JSON_TOKENER_VALIDATE_UTF8);
	obj = json_tokener_parse_ex(tok, buf, (int)len);
	status = json_tokener_get_error(tok);
	end = json_tokener_get_parse_end(tok);
	/* A bare number ends only where something follows it: tell the tokener the text is over. */
	if (status == json_tokener_continue) {
		obj = json_tokener_parse_ex(tok, "", 1);
		status = json_tokener_get_error(tok);
		end = len;
	}
	if (status == json_tokener_continue)
		return err_set(err, ERR_INVALID, "JSON text ends early");
	if (status != json_tokener_success)
		return err_set(err, ERR_INVALID, "JSON is malformed at byte %zu: %s", end,
			       json_tokener_error_desc(status));
	if (!only_space(buf + end, len - end))
		return err_set(err, ERR_INVALID,
			       "JSON is malformed at byte %zu: text after the end", end);
	/* json-c lets surrogates pass. */
	if (!utf8_valid(buf, len))
		return err_set(err, ERR_INVALID, "JSON is malformed: invalid utf-8");
	*out = TAKE(obj);
	return 0;
}

int json_parse_deep(const char *buf, size_t len, int depth, struct json_object **out,
		    struct err *err)
{
	AUTO(json_tokener_free) struct json_tokener *tok = json_tokener_new_ex(depth);

	if (!tok)
		abort();
	return parse(tok, buf, len, out, err);
}

/* The tokener collects each string in a buffer of its own: that is made large enough beforehand, so
 * that it leaves nothing behind as it grows, and wiped. */
int json_parse_secret(const char *buf, size_t len, struct json_object **out, struct err *err)
{
	AUTO(json_tokener_free) struct json_tokener *tok = json_tokener_new_ex(JSON_MAX_DEPTH);
	int rc;

	if (!tok)
		abort();
	if (len > JSON_SECRET_MAX)
		return err_set(err, ERR_INVALID, "JSON text is too large");
	if (printbuf_memset(tok->pb, 0, 0, (int)len + 1) < 0)
		abort();
	printbuf_reset(tok->pb);
	rc = parse(tok, buf, len, out, err);
	explicit_bzero(tok->pb->buf, (size_t)tok->pb->size);
	return rc;
}

void json_put_secret(struct json_object *obj)
{
	if (json_object_is_type(obj, json_type_string)) {
		explicit_bzero((char *)json_object_get_string(obj),
			       (size_t)json_object_get_string_len(obj));
	} else if (json_object_is_type(obj, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(obj); i++)
			json_put_secret(json_object_get(json_object_array_get_idx(obj, i)));
	} else if (json_object_is_type(obj, json_type_object)) {
		json_object_object_foreach (obj, key, value) {
			(void)key;
			json_put_secret(json_object_get(value));
		}
	}
	json_object_put(obj);
}

struct json_object *json_get(const struct json_object *obj, const char *key)
{
	struct json_object *value = NULL;

	if (!obj || !json_object_is_type(obj, json_type_object))
		return NULL;
	json_object_object_get_ex(obj, key, &value);
	return value;
}

bool json_has(const struct json_object *obj, const char *key)
{
	return obj && json_object_is_type(obj, json_type_object) &&
	       json_object_object_get_ex(obj, key, NULL);
}

const char *json_str(const struct json_object *obj, const char *key)
{
	struct json_object *value = json_get(obj, key);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

int json_word(const struct json_object *obj, const char *key, const char **out)
{
	struct json_object *value = json_get(obj, key);

	*out = json_str(obj, key);
	if (!value)
		return 0;
	return *out && strlen(*out) == (size_t)json_object_get_string_len(value) ? 0 : -1;
}

bool json_flag(const struct json_object *obj, const char *key, bool absent)
{
	struct json_object *value = json_get(obj, key);

	return json_object_is_type(value, json_type_boolean) ? json_object_get_boolean(value)
							     : absent;
}

int64_t json_int(const struct json_object *obj, const char *key, int64_t absent)
{
	struct json_object *value = json_get(obj, key);
	char *end;
	long long n;

	if (json_object_is_type(value, json_type_int))
		return json_object_get_int64(value);
	if (!json_object_is_type(value, json_type_string) || !json_object_get_string_len(value))
		return absent;
	errno = 0;
	n = strtoll(json_object_get_string(value), &end, 10);
	return errno || *end ? absent : n;
}

struct json_object *json_path(const struct json_object *obj, const char *path)
{
	struct json_object *at = NULL;

	for (;;) {
		size_t n = strcspn(path, "/");
		AUTO(free) char *key = xstrndup(path, n);

		at = json_get(obj, key);
		if (!at || !path[n])
			return at;
		obj = at;
		path += n + 1;
	}
}

const char *json_path_str(const struct json_object *obj, const char *path)
{
	struct json_object *value = json_path(obj, path);

	return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
}

void json_set(struct json_object *obj, const char *key, struct json_object *value_take)
{
	if (json_object_object_add(obj, key, value_take))
		abort();
}

void json_set_str(struct json_object *obj, const char *key, const char *s)
{
	json_set(obj, key, s ? json_object_new_string(s) : NULL);
}

void json_set_int(struct json_object *obj, const char *key, int64_t n)
{
	json_set(obj, key, json_object_new_int64(n));
}

void json_set_bool(struct json_object *obj, const char *key, bool b)
{
	json_set(obj, key, json_object_new_boolean(b));
}

void json_del(struct json_object *obj, const char *key)
{
	json_object_object_del(obj, key);
}

struct json_object *json_clone(const struct json_object *obj)
{
	struct json_object *copy = NULL;

	if (!obj)
		return NULL;
	if (json_object_deep_copy((struct json_object *)obj, &copy, NULL))
		abort();
	return copy;
}

bool json_equal(const struct json_object *a, const struct json_object *b)
{
	return json_object_equal((struct json_object *)a, (struct json_object *)b);
}

const char *json_text(struct json_object *obj)
{
	return json_object_to_json_string_ext(obj, JSON_C_TO_STRING_PLAIN |
							   JSON_C_TO_STRING_NOSLASHESCAPE);
}
