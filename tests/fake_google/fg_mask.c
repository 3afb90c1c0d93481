/*
 * Partial answers: fields=kind,items(id,start/dateTime),a/b
 *
 *   mask  = item *("," item)
 *   item  = name *("/" name) [ "(" mask ")" ]
 *   name  = "*" / 1*(letter / digit / "_" / "-")
 */
#include "fg_edge.h"

#include <ctype.h>
#include <string.h>

#include "base/banned.h"

#define MAX_DEPTH   16
#define MAX_MATCHES 8

struct fg_mask {
	char *name;             /* owned; NULL at the root */
	bool whole;             /* named without members: everything below it */
	struct fg_mask **below; /* owned */
	size_t count;
};

void fg_mask_free(struct fg_mask *mask)
{
	if (!mask)
		return;
	for (size_t i = 0; i < mask->count; i++)
		fg_mask_free(mask->below[i]);
	free(mask->below);
	free(mask->name);
	free(mask);
}

DEFINE_AUTO(struct fg_mask, fg_mask_free)

static struct fg_mask *child(struct fg_mask *parent, const char *name, size_t len)
{
	struct fg_mask *node;

	for (size_t i = 0; i < parent->count; i++)
		if (strlen(parent->below[i]->name) == len &&
		    !strncmp(parent->below[i]->name, name, len))
			return parent->below[i];
	node = xcalloc(1, sizeof(*node));
	node->name = xstrndup(name, len);
	parent->below = xreallocarray(parent->below, parent->count + 1, sizeof(*parent->below));
	parent->below[parent->count++] = node;
	return node;
}

static size_t name_len(const char *s)
{
	size_t n = 0;

	if (*s == '*')
		return 1;
	while (isalnum((unsigned char)s[n]) || s[n] == '_' || s[n] == '-')
		n++;
	return n;
}

/* The members below one schema; NULL = anything goes. Sets *bad for an unknown name. */
static const char *schema_below(const char *schema, const char *name, size_t len, bool *bad)
{
	AUTO(free) char *key = xstrndup(name, len);
	const struct fg_field *field;

	if (!schema || !strcmp(key, "*"))
		return NULL;
	field = fg_field_find(schema, key);
	*bad = !field;
	return field && field->ref && strcmp(field->ref, "*") != 0 ? field->ref : NULL;
}

static const char *parse_list(const char *s, const char *schema, struct fg_mask *into, int depth);

/* Returns where it stopped, or NULL. */
static const char *parse_item(const char *s, const char *schema, struct fg_mask *into, int depth)
{
	bool bad = false;

	for (;;) {
		size_t n = name_len(s);

		if (!n || ++depth > MAX_DEPTH)
			return NULL;
		schema = schema_below(schema, s, n, &bad);
		if (bad)
			return NULL;
		into = child(into, s, n);
		s += n;
		if (*s != '/')
			break;
		s++;
	}
	if (*s != '(') {
		into->whole = true;
		return s;
	}
	s = parse_list(s + 1, schema, into, depth);
	return s && *s == ')' ? s + 1 : NULL;
}

static const char *parse_list(const char *s, const char *schema, struct fg_mask *into, int depth)
{
	for (;;) {
		s = parse_item(s, schema, into, depth);
		if (!s || *s != ',')
			return s;
		s++;
	}
}

int fg_mask_parse(const char *text, const char *schema, struct fg_mask **out)
{
	AUTO(fg_mask_free) struct fg_mask *root = NULL;
	const char *end;

	if (!text || !*text)
		return 0;
	root = xcalloc(1, sizeof(*root));
	end = parse_list(text, schema, root, 0);
	if (!end || *end)
		return -1;
	*out = TAKE(root);
	return 0;
}

/* Keep what any of the nodes selects. Borrows obj, returns a new reference or NULL: nothing. */
static struct json_object *filter(const struct fg_mask *const *nodes, size_t count,
				  struct json_object *obj)
{
	struct json_object *out;

	for (size_t i = 0; i < count; i++)
		if (nodes[i]->whole)
			return json_object_get(obj);
	if (json_object_is_type(obj, json_type_array)) {
		out = json_object_new_array();
		for (size_t i = 0; i < json_object_array_length(obj); i++) {
			struct json_object *item = json_object_array_get_idx(obj, i);

			item = filter(nodes, count, item);
			json_object_array_add(out, item ? item : json_object_new_object());
		}
		return out;
	}
	if (!json_object_is_type(obj, json_type_object))
		return NULL;
	out = json_object_new_object();
	json_object_object_foreach (obj, key, value) {
		const struct fg_mask *hits[MAX_MATCHES];
		struct json_object *kept;
		size_t n = 0;

		for (size_t i = 0; i < count; i++)
			for (size_t k = 0; k < nodes[i]->count && n < MAX_MATCHES; k++)
				if (!strcmp(nodes[i]->below[k]->name, key) ||
				    !strcmp(nodes[i]->below[k]->name, "*"))
					hits[n++] = nodes[i]->below[k];
		kept = n ? filter(hits, n, value) : NULL;
		if (kept)
			json_set(out, key, kept);
	}
	return out;
}

struct json_object *fg_mask_apply(const struct fg_mask *mask, struct json_object *obj_take)
{
	AUTO(json_object_put) struct json_object *obj = obj_take;

	return filter(&mask, 1, obj);
}
