/*
 * JSON of which a part is damaged: nested too deep, not UTF-8, no JSON at all. What stands beside
 * it is read all the same, as long as strings and brackets say where the part ends.
 */
#ifndef BASE_SALVAGE_H
#define BASE_SALVAGE_H

#include <stddef.h>

#include "base/err.h"
#include "base/json.h"

/*
 * Read an object. Text that json_parse() takes gives what json_parse() gives. Otherwise
 *
 *   list      names a member that is an array: an object in it loses its damaged members. The rest
 *             has to be whole.
 *   list NULL the object itself loses its damaged members.
 *
 * Errors  ERR_INVALID as json_parse(), of the whole text
 */
int json_salvage(const char *buf, size_t len, const char *list, struct json_object **out,
		 struct err *err);

/* What is wrong with an object of which json_salvage() left something out: "'location' cannot be
 * read (...)". NULL: it is whole. Borrowed; a clone has none. */
const char *json_damage(const struct json_object *obj);

#endif
