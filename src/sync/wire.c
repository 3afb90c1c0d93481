#include "sync/wire.h"

#include <string.h>

#include "base/banned.h"

#define ID_MAX    2048 /* an occurrence has its series' id of up to 1024, and a time */
#define PAGES_MAX 20000

bool wire_id_usable(const char *id)
{
	if (!id || !*id || strlen(id) > ID_MAX || !strcmp(id, ".") || !strcmp(id, ".."))
		return false;
	for (; *id; id++)
		if (*id <= ' ' || *id >= 0x7f)
			return false;
	return true;
}

const char *wire_item_id(const struct json_object *item)
{
	const char *id = json_str(item, "id");

	/* A text with a zero in it would be taken for the one that ends there. */
	if (!wire_id_usable(id) ||
	    strlen(id) != (size_t)json_object_get_string_len(json_get(item, "id")))
		return NULL;
	return id;
}

bool wire_is_event(const struct json_object *answer, const char *id)
{
	const char *has = wire_item_id(answer);

	return has && !strcmp(has, id);
}

int wire_next_page(const struct json_object *page, struct json_object *seen, const char *what,
		   const char **out_next, struct err *err)
{
	struct json_object *token = json_get(page, "nextPageToken");
	const char *next;

	if (!token) {
		*out_next = NULL;
		return 0;
	}
	/* Not the last page: taking it for one would sweep what the rest of the list holds. */
	if (!json_object_is_type(token, json_type_string))
		return err_set(err, ERR_GOOGLE, "%s names a next page that is no string", what);
	next = json_object_get_string(token);
	if (json_has(seen, next))
		return err_set(err, ERR_GOOGLE, "%s names the same next page again and again",
			       what);
	if (json_object_object_length(seen) >= PAGES_MAX)
		return err_set(err, ERR_GOOGLE, "%s has more than %d pages", what, PAGES_MAX);
	json_set_bool(seen, next, true);
	*out_next = next;
	return 0;
}
