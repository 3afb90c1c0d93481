#include "fg_control.h"

#include <string.h>

#include "base/banned.h"

enum kind {
	KIND_BOOL,
	KIND_COUNT,   /* 0 or more; null = 0 */
	KIND_STATUS,  /* 403 or 429 */
	KIND_SCOPES,  /* array of scopes, or null */
	KIND_STRINGS, /* array of strings, or null */
	KIND_TEXT,    /* of letters and digits, or null */
};

static const struct key {
	const char *name;
	enum kind kind;
	size_t offset;
} keys[] = {
#define KEY(name, kind)                                       \
	{                                                     \
#name, kind, offsetof(struct fg_config, name) \
	}
	KEY(max_page, KIND_COUNT),
	KEY(empty_pages, KIND_BOOL),
	KEY(log_requests, KIND_BOOL),
	KEY(rotate_refresh_tokens, KIND_BOOL),
	KEY(rate_per_minute, KIND_COUNT),
	KEY(rate_status, KIND_STATUS),
	KEY(granted_scopes, KIND_SCOPES),
	KEY(delegated_scopes, KIND_SCOPES),
	KEY(refresh_token_expires_in, KIND_COUNT),
	KEY(access_token_ttl, KIND_COUNT),
	KEY(token_mark, KIND_TEXT),
	KEY(max_batch_parts, KIND_COUNT),
	KEY(webhook_verify, KIND_BOOL),
	KEY(verified_domains, KIND_STRINGS),
	KEY(allow_http_webhook, KIND_BOOL),
	KEY(push_duplicates, KIND_BOOL),
	KEY(push_sync_first, KIND_BOOL),
	KEY(push_drop_every, KIND_COUNT),
#undef KEY
};

void fg_config_init(struct fg *fg)
{
	fg->config = (struct fg_config){
		.log_requests = true,
		.rate_status = 403,
		.access_token_ttl = 3599,
		.max_batch_parts = 1000,
		.allow_http_webhook = fg->options.allow_http_webhook,
	};
}

void fg_config_release(struct fg *fg)
{
	json_object_put(fg->config.granted_scopes);
	json_object_put(fg->config.delegated_scopes);
	json_object_put(fg->config.verified_domains);
	json_object_put(fg->config.token_mark);
}

static int check_list(const struct key *key, struct json_object *value, struct err *err)
{
	if (!value)
		return 0;
	if (!json_object_is_type(value, json_type_array))
		return err_set(err, ERR_INVALID, "'%s' wants an array or null", key->name);
	for (size_t i = 0; i < json_object_array_length(value); i++) {
		struct json_object *item = json_object_array_get_idx(value, i);
		uint32_t scope;

		if (!json_object_is_type(item, json_type_string))
			return err_set(err, ERR_INVALID, "'%s' wants strings", key->name);
		if (key->kind == KIND_SCOPES &&
		    !fg_scopes_parse(json_object_get_string(item), &scope))
			return err_set(err, ERR_INVALID, "unknown scope '%s'",
				       json_object_get_string(item));
	}
	return 0;
}

static int check_text(const struct key *key, struct json_object *value, struct err *err)
{
	const char *s = value ? json_object_get_string(value) : "";

	if ((value && !json_object_is_type(value, json_type_string)) || strlen(s) > 40 ||
	    s[strspn(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/+=")])
		return err_set(err, ERR_INVALID, "'%s' wants up to 40 characters of base64",
			       key->name);
	return 0;
}

static int check_number(const struct key *key, struct json_object *value, struct err *err)
{
	int64_t n = value ? json_object_get_int64(value) : 0;

	if (value && !json_object_is_type(value, json_type_int))
		return err_set(err, ERR_INVALID, "'%s' wants a number", key->name);
	if (n < 0 || n > INT32_MAX)
		return err_set(err, ERR_INVALID, "'%s' is out of range", key->name);
	if (key->kind == KIND_STATUS && n != 403 && n != 429)
		return err_set(err, ERR_INVALID, "'%s' is 403 or 429", key->name);
	return 0;
}

static int check(const struct key *key, struct json_object *value, struct err *err)
{
	if (key->kind == KIND_SCOPES || key->kind == KIND_STRINGS)
		return check_list(key, value, err);
	if (key->kind == KIND_TEXT)
		return check_text(key, value, err);
	if (key->kind != KIND_BOOL)
		return check_number(key, value, err);
	if (!json_object_is_type(value, json_type_boolean))
		return err_set(err, ERR_INVALID, "'%s' wants true or false", key->name);
	return 0;
}

static void apply(struct fg *fg, const struct key *key, struct json_object *value)
{
	void *at = (char *)&fg->config + key->offset;

	switch (key->kind) {
	case KIND_BOOL:
		*(bool *)at = json_object_get_boolean(value);
		break;
	case KIND_COUNT:
	case KIND_STATUS:
		*(int *)at = value ? json_object_get_int(value) : 0;
		break;
	case KIND_SCOPES:
	case KIND_STRINGS:
	case KIND_TEXT:
		json_object_put(*(struct json_object **)at);
		*(struct json_object **)at = json_clone(value);
		break;
	}
}

static const struct key *key_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

int fg_config_set(struct fg *fg, const struct json_object *spec, struct err *err)
{
	struct json_object *obj = (struct json_object *)spec;

	json_object_object_foreach (obj, name, value) {
		const struct key *key = key_find(name);

		if (!key)
			return err_set(err, ERR_INVALID, "unknown key '%s'", name);
		if (check(key, value, err))
			return -1;
	}
	json_object_object_foreach (obj, name2, value2)
		apply(fg, key_find(name2), value2);
	return 0;
}

struct json_object *fg_config_dump(const struct fg *fg)
{
	struct json_object *obj = json_object_new_object();

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		const void *at = (const char *)&fg->config + keys[i].offset;

		if (keys[i].kind == KIND_BOOL)
			json_set_bool(obj, keys[i].name, *(const bool *)at);
		else if (keys[i].kind == KIND_COUNT || keys[i].kind == KIND_STATUS)
			json_set_int(obj, keys[i].name, *(const int *)at);
		else
			json_set(obj, keys[i].name, json_clone(*(struct json_object *const *)at));
	}
	return obj;
}
