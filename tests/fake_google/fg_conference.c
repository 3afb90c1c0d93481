#include "fg_model.h"

#include <string.h>

#include "base/banned.h"

struct json_object *fg_conference_done(struct json_object *data, const char *letters)
{
	AUTO(free)
	char *code = xasprintf("%.3s-%.4s-%.3s", letters, letters + 3, letters + 7);
	AUTO(free) char *uri = xasprintf("https://meet.google.com/%s", code);
	struct json_object *out = json_object_new_object();
	struct json_object *point = json_object_new_object();
	struct json_object *points = json_object_new_array();
	struct json_object *solution = json_object_new_object();
	struct json_object *key = json_object_new_object();

	json_set_str(json_path(data, "createRequest/status"), "statusCode", "success");
	json_set_str(point, "entryPointType", "video");
	json_set_str(point, "uri", uri);
	json_set_str(point, "label", uri + strlen("https://"));
	json_object_array_add(points, point);
	json_set(data, "entryPoints", points);
	json_set_str(key, "type", "hangoutsMeet");
	json_set(solution, "key", key);
	json_set_str(solution, "name", "Google Meet");
	json_set_str(solution, "iconUri",
		     "https://fonts.gstatic.com/s/i/productlogos/meet_2020q4/v6/"
		     "web-512dp/logo_meet_2020q4_color_2x_web_512dp.png");
	json_set(data, "conferenceSolution", solution);
	json_set_str(data, "conferenceId", code);
	json_set_str(out, "uri", uri);
	return out;
}
