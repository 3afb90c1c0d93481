/*
 * json-c with the limits and short names that the rest of the program uses.
 *
 * Ownership is json-c's: an object from json_parse() or json_clone() is the
 * caller's (AUTO(json_object_put)), one from json_get() is borrowed from its
 * parent, json_set() takes the value it is given.
 */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"

#define JSON_MAX_DEPTH 32

DEFINE_AUTO(struct json_object, json_object_put)

/*
 * Parse one JSON value that fills the whole of buf (white space around it is
 * allowed). Strict: valid UTF-8, no comments, no trailing text, depth limit.
 * Errors: ERR_INVALID, with the offset.
 */
int json_parse(const char *buf, size_t len, struct json_object **out, struct err *err);
/* The same with another limit than JSON_MAX_DEPTH, of at least 1. */
int json_parse_deep(const char *buf, size_t len, int depth, struct json_object **out,
		    struct err *err);

/* The same for a text with a secret in it, of at most JSON_SECRET_MAX bytes: no copy is left in memory
 * that was given back but the answer, which json_put_secret() wipes before it gives it back (nobody
 * else may hold a part of it). AUTO(json_put_secret) */
#define JSON_SECRET_MAX (1 << 20)
int json_parse_secret(const char *buf, size_t len, struct json_object **out, struct err *err);
void json_put_secret(struct json_object *obj);
DEFINE_AUTO(struct json_object, json_put_secret)

/* A member, or NULL when obj is no object, has no such key, or holds null there. Borrowed. */
struct json_object *json_get(const struct json_object *obj, const char *key);
bool json_has(const struct json_object *obj, const char *key); /* the key is there, null or not */
/* A string member, or NULL when it is absent or no string. Borrowed. */
const char *json_str(const struct json_object *obj, const char *key);
/* The same where another type, or a NUL behind which nobody would see the rest, is refused: -1.
 * *out NULL: it is absent, or null. Borrowed. */
int json_word(const struct json_object *obj, const char *key, const char **out);
/* With defaults for an absent member or one of another type. json_int() also takes a decimal
 * string, as Google sends int64 so. */
bool json_flag(const struct json_object *obj, const char *key, bool absent);
int64_t json_int(const struct json_object *obj, const char *key, int64_t absent);
/* a/b/c through nested objects; NULL when any is missing. Borrowed. */
struct json_object *json_path(const struct json_object *obj, const char *path);
const char *json_path_str(const struct json_object *obj, const char *path);

void json_set(struct json_object *obj, const char *key, struct json_object *value_take);
void json_set_str(struct json_object *obj, const char *key, const char *s); /* NULL sets null */
void json_set_int(struct json_object *obj, const char *key, int64_t n);
void json_set_bool(struct json_object *obj, const char *key, bool b);
void json_del(struct json_object *obj, const char *key);

struct json_object *json_clone(const struct json_object *obj); /* deep; NULL gives NULL */
/* NULL equals null; objects whatever their key order; 1 equals 1.0 */
bool json_equal(const struct json_object *a, const struct json_object *b);

/* Compact text. Borrowed: valid until obj changes or is printed again. "null" for NULL. */
const char *json_text(struct json_object *obj);

#endif
