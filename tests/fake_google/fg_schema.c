#include "fg_edge.h"

#include <string.h>

#include "base/banned.h"

const struct fg_field *fg_field_find(const char *schema, const char *name)
{
	for (const struct fg_field *f = fg_fields; f->schema; f++)
		if (!strcmp(f->name, name) && !strcmp(f->schema, schema))
			return f;
	return NULL;
}

static void check(struct fg_call *call, const char *schema, const char *prefix,
		  const struct json_object *obj)
{
	if (json_object_is_type(obj, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(obj); i++)
			check(call, schema, prefix, json_object_array_get_idx(obj, i));
		return;
	}
	if (!json_object_is_type(obj, json_type_object))
		return;
	json_object_object_foreach ((struct json_object *)obj, name, value) {
		const struct fg_field *field = fg_field_find(schema, name);
		AUTO(free) char *path = xasprintf("%s%s", prefix, name);
		AUTO(free) char *below = xasprintf("%s.", path);

		if (!field) {
			fg_violation(call, "unknown field '%s' in the body", path);
			continue;
		}
		/* import alone may set another organizer */
		if (field->read_only &&
		    !(!strcmp(path, "organizer") && !strcmp(call->method->id, "events.import"))) {
			fg_violation(call, "read-only field '%s' in the body", path);
			continue;
		}
		if (field->ref && strcmp(field->ref, "*") != 0)
			check(call, field->ref, below, value);
	}
}

void fg_schema_check(struct fg_call *call, const char *schema, const struct json_object *body)
{
	check(call, schema, "", body);
}
