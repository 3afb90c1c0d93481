#include "fg_internal.h"

#include <string.h>

#include "fg_edge.h"

#include "base/banned.h"

static void newline(struct strbuf *sb, int level)
{
	strbuf_addc(sb, '\n');
	for (int i = 0; i < level; i++)
		strbuf_addc(sb, ' ');
}

static void print_scalar(struct strbuf *sb, struct json_object *obj)
{
	strbuf_adds(sb, json_object_to_json_string_ext(
				obj, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
}

static void print_key(struct strbuf *sb, const char *key)
{
	AUTO(json_object_put) struct json_object *name = json_object_new_string(key);

	print_scalar(sb, name);
}

static void print_value(struct strbuf *sb, struct json_object *obj, bool pretty, int level)
{
	bool array = json_object_is_type(obj, json_type_array);
	bool first = true;

	if (!array && !json_object_is_type(obj, json_type_object)) {
		print_scalar(sb, obj);
		return;
	}
	strbuf_addc(sb, array ? '[' : '{');
	if (array) {
		for (size_t i = 0; i < json_object_array_length(obj); i++) {
			if (i)
				strbuf_addc(sb, ',');
			if (pretty)
				newline(sb, level + 1);
			print_value(sb, json_object_array_get_idx(obj, i), pretty, level + 1);
			first = false;
		}
	} else {
		json_object_object_foreach (obj, key, value) {
			if (!first)
				strbuf_addc(sb, ',');
			if (pretty)
				newline(sb, level + 1);
			print_key(sb, key);
			strbuf_adds(sb, pretty ? ": " : ":");
			print_value(sb, value, pretty, level + 1);
			first = false;
		}
	}
	if (pretty && !first)
		newline(sb, level);
	strbuf_addc(sb, array ? ']' : '}');
}

void fg_json_print(struct strbuf *sb, struct json_object *obj, bool pretty)
{
	print_value(sb, obj, pretty, 0);
	if (pretty)
		strbuf_addc(sb, '\n');
}

static bool wants_pretty(const struct fg_call *call)
{
	const char *value = fg_param(call, "prettyPrint");

	return !value || (strcmp(value, "false") != 0 && strcmp(value, "0") != 0);
}

static void send_json(struct fg_call *call, int status, struct json_object *obj)
{
	struct http_response *out = call->out;

	http_response_release(out);
	out->status = status;
	http_headers_add(&out->headers, "Content-Type", "application/json; charset=UTF-8");
	fg_json_print(&out->body, obj, wants_pretty(call));
}

int fg_reply_json(struct fg_call *call, int status, struct json_object *obj_take)
{
	AUTO(json_object_put) struct json_object *obj = obj_take;
	AUTO(free) char *etag = xstrdup_null(json_str(obj, "etag"));

	if (call->mask)
		obj = fg_mask_apply(call->mask, TAKE(obj));
	send_json(call, status, obj);
	if (etag)
		http_headers_add(&call->out->headers, "ETag", etag);
	return 0;
}

int fg_reply_empty(struct fg_call *call, int status)
{
	http_response_release(call->out);
	call->out->status = status;
	return 0;
}

int fg_reply_html(struct fg_call *call, int status, const char *html)
{
	http_response_release(call->out);
	call->out->status = status;
	http_headers_add(&call->out->headers, "Content-Type", "text/html; charset=UTF-8");
	strbuf_adds(&call->out->body, html);
	return 0;
}

int(fg_fail)(struct fg_call *call, int status, const char *domain, const char *reason,
	     const char *message, const char *location_type, const char *location)
{
	AUTO(json_object_put) struct json_object *root = json_object_new_object();
	struct json_object *error = json_object_new_object();
	struct json_object *list = json_object_new_array();
	struct json_object *item = json_object_new_object();

	json_set_str(item, "domain", domain);
	json_set_str(item, "reason", reason);
	json_set_str(item, "message", message);
	if (location_type)
		json_set_str(item, "locationType", location_type);
	if (location)
		json_set_str(item, "location", location);
	json_object_array_add(list, item);
	json_set(error, "errors", list);
	json_set_int(error, "code", status);
	json_set_str(error, "message", message);
	json_set(root, "error", error);
	send_json(call, status, root);
	return -1;
}

int(fg_fail_front)(struct fg_call *call, int status, const char *outer, const char *reason,
		   const char *message, const char *location, const char *rpc_status,
		   struct json_object *details_take)
{
	AUTO(json_object_put) struct json_object *root = json_object_new_object();
	struct json_object *error = json_object_new_object();
	struct json_object *list = json_object_new_array();
	struct json_object *item = json_object_new_object();

	json_set_str(item, "message", message);
	json_set_str(item, "domain", "global");
	json_set_str(item, "reason", reason);
	if (location) {
		json_set_str(item, "location", location);
		json_set_str(item, "locationType", "header");
	}
	json_object_array_add(list, item);
	json_set_int(error, "code", status);
	json_set_str(error, "message", outer);
	json_set(error, "errors", list);
	json_set_str(error, "status", rpc_status);
	if (details_take)
		json_set(error, "details", details_take);
	json_set(root, "error", error);
	send_json(call, status, root);
	return -1;
}

int(fg_fail_invalid)(struct fg_call *call, const char *message)
{
	return fg_fail(call, 400, "global", "invalid", message, NULL, NULL);
}

int(fg_fail_param)(struct fg_call *call, const char *message, const char *param)
{
	return fg_fail(call, 400, "global", "invalid", message, "parameter", param);
}

int(fg_fail_required)(struct fg_call *call, const char *message)
{
	return fg_fail(call, 400, "global", "required", message, NULL, NULL);
}

int(fg_fail_not_found)(struct fg_call *call)
{
	return fg_fail(call, 404, "global", "notFound", "Not Found", NULL, NULL);
}

int(fg_fail_forbidden)(struct fg_call *call)
{
	return fg_fail(call, 403, "global", "forbidden", "Forbidden", NULL, NULL);
}
