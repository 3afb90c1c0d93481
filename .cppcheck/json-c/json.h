/* For cppcheck only, which does not read the system's headers: the macros of json-c in their
 * simplest form. */
#define json_object_object_foreach(obj, key, val) \
	char *key = json_key(obj);                \
	struct json_object *val = json_val(obj);  \
	for (; key; key = json_key(obj), val = json_val(obj))
