#include "base/salvage.h"

#include <string.h>

#include "base/strbuf.h"
#include "base/term.h"
#include "base/xalloc.h"
#include "base/banned.h"

/* An element stands two levels deep: read alone it may be as deep as in its place. */
#define ELEMENT_DEPTH (JSON_MAX_DEPTH - 2)
#define MEMBER_DEPTH  (ELEMENT_DEPTH - 1)

struct text { /* what is left to read */
	const char *at, *end;
};

struct span {
	const char *buf;
	size_t len;
};

static void skip_space(struct text *t)
{
	while (t->at < t->end && strchr(" \t\r\n", *t->at) && *t->at)
		t->at++;
}

/* The character is next: go past it. */
static bool take(struct text *t, char c)
{
	skip_space(t);
	if (t->at == t->end || *t->at != c)
		return false;
	t->at++;
	return true;
}

/* Behind the closing quote of the string that begins here; false when there is none. */
static bool skip_string(struct text *t)
{
	for (t->at++; t->at < t->end; t->at++) {
		if (*t->at == '\\' && t->at + 1 < t->end)
			t->at++;
		else if (*t->at == '"')
			return t->at++, true;
	}
	return false;
}

/* Behind the bracket that closes the one here, however deep; of what kind is not looked at. */
static bool skip_nested(struct text *t)
{
	size_t depth = 0;

	while (t->at < t->end) {
		char c = *t->at;

		if (c == '"') {
			if (!skip_string(t))
				return false;
			continue;
		}
		t->at++;
		if (c == '{' || c == '[')
			depth++;
		else if ((c == '}' || c == ']') && !--depth)
			return true;
	}
	return false;
}

/* One value, whatever it is: up to the comma or bracket behind it. */
static bool take_value(struct text *t, struct span *out)
{
	skip_space(t);
	out->buf = t->at;
	if (t->at == t->end)
		return false;
	if (*t->at == '{' || *t->at == '[') {
		if (!skip_nested(t))
			return false;
	} else if (*t->at == '"') {
		if (!skip_string(t))
			return false;
	} else {
		while (t->at < t->end && !strchr(",]}", *t->at))
			t->at++;
	}
	out->len = (size_t)(t->at - out->buf);
	return out->len > 0;
}

static int parse(const struct span *s, int depth, struct json_object **out, struct err *err)
{
	return json_parse_deep(s->buf, s->len, depth, out, err);
}

/* --- damage ------------------------------------------------------------------------------ */

static void free_damage(struct json_object *obj, void *text)
{
	(void)obj;
	free(text);
}

const char *json_damage(const struct json_object *obj)
{
	/* Of an object only this file sets it. */
	if (!json_object_is_type(obj, json_type_object))
		return NULL;
	return json_object_get_userdata((struct json_object *)obj);
}

/* The first damage counts. */
static void note_damage(struct json_object *obj, const struct span *key, const char *why)
{
	AUTO(free) char *raw = xstrndup(key->buf, key->len < 40 ? key->len : 40);
	AUTO(free) char *name = term_clean(raw);

	if (!json_damage(obj))
		json_object_set_userdata(obj, xasprintf("%s cannot be read (%s)", name, why),
					 free_damage);
}

/* --- members and elements ---------------------------------------------------------------- */

/* "key": value, up to the comma or the bracket; false when that is not what stands here. */
static bool take_member(struct text *t, struct span *key, struct span *value)
{
	skip_space(t);
	if (t->at == t->end || *t->at != '"')
		return false;
	key->buf = t->at;
	if (!skip_string(t))
		return false;
	key->len = (size_t)(t->at - key->buf);
	return take(t, ':') && take_value(t, value);
}

static bool is_over(struct text *t)
{
	skip_space(t);
	return t->at == t->end;
}

/* NULL when the text is no object that ends where it should. */
static struct json_object *salvage_members(const struct span *s, int depth)
{
	AUTO(json_object_put) struct json_object *obj = json_object_new_object();
	struct text t = {s->buf, s->buf + s->len};
	struct span key, value;

	if (!take(&t, '{'))
		return NULL;
	if (take(&t, '}'))
		return is_over(&t) ? TAKE(obj) : NULL;
	do {
		AUTO(json_object_put) struct json_object *name = NULL;
		struct json_object *v = NULL;
		struct err why;

		if (!take_member(&t, &key, &value))
			return NULL;
		if (parse(&key, 1, &name, &why) || parse(&value, depth, &v, &why))
			note_damage(obj, &key, why.msg);
		else
			json_set(obj, json_object_get_string(name), v);
	} while (take(&t, ','));
	return take(&t, '}') && is_over(&t) ? TAKE(obj) : NULL;
}

static int salvage_element(const struct span *s, struct json_object **out)
{
	struct err why;

	if (!parse(s, ELEMENT_DEPTH, out, &why))
		return 0;
	*out = salvage_members(s, MEMBER_DEPTH);
	return *out ? 0 : -1;
}

static struct json_object *salvage_list(const struct span *s)
{
	AUTO(json_object_put) struct json_object *list = json_object_new_array();
	struct text t = {s->buf, s->buf + s->len};
	struct span value;

	if (!take(&t, '['))
		return NULL;
	if (take(&t, ']'))
		return TAKE(list);
	do {
		struct json_object *element = NULL;

		if (!take_value(&t, &value) || salvage_element(&value, &element))
			return NULL;
		json_object_array_add(list, element);
	} while (take(&t, ','));
	return take(&t, ']') ? TAKE(list) : NULL;
}

static bool is_key(const struct span *key, const char *name)
{
	return key->len == strlen(name) + 2 && !memcmp(key->buf + 1, name, strlen(name));
}

/* All members but the list have to be whole. */
static struct json_object *salvage_object(const struct span *s, const char *list)
{
	AUTO(json_object_put) struct json_object *obj = json_object_new_object();
	struct text t = {s->buf, s->buf + s->len};
	struct span key, value;

	if (!take(&t, '{'))
		return NULL;
	do {
		AUTO(json_object_put) struct json_object *name = NULL;
		struct json_object *v = NULL;
		struct err ignored;

		if (!take_member(&t, &key, &value))
			return NULL;
		if (is_key(&key, list))
			v = salvage_list(&value);
		else if (parse(&key, 1, &name, &ignored) ||
			 parse(&value, MEMBER_DEPTH, &v, &ignored))
			return NULL;
		if (!v && is_key(&key, list))
			return NULL;
		json_set(obj, name ? json_object_get_string(name) : list, v);
	} while (take(&t, ','));
	return take(&t, '}') && is_over(&t) ? TAKE(obj) : NULL;
}

int json_salvage(const char *buf, size_t len, const char *list, struct json_object **out,
		 struct err *err)
{
	const struct span all = {buf, len};
	struct json_object *obj;

	if (!json_parse(buf, len, out, err))
		return 0;
	obj = list ? salvage_object(&all, list) : salvage_members(&all, MEMBER_DEPTH);
	if (!obj)
		return -1; /* err is that of the whole */
	*out = obj;
	return 0;
}
