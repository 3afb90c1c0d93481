#include "cmd/same_user.h"

#include <string.h>
#include <strings.h>

#include "base/json.h"
#include "base/banned.h"

static bool is_service(const struct account *a)
{
	return !strcmp(a->auth, "service_account");
}

/* Google's client ids begin with the number of the project: "NUMBER-REST.apps.googleusercontent.com".
 * Others are of one project only when they are the same. */
static bool same_project(const char *x, const char *y)
{
	size_t number = strspn(x, "0123456789");

	if (number && x[number] == '-' && !strncmp(x, y, number + 1))
		return true;
	return !strcmp(x, y);
}

static bool same_grant(const struct account *a, const struct account *b)
{
	return !is_service(a) && !is_service(b) && a->client_id && b->client_id &&
	       same_project(a->client_id, b->client_id);
}

static bool same_user(const struct account *a, const struct account *b)
{
	return b->id != a->id && b->state == ACCOUNT_CONNECTED && !strcasecmp(a->email, b->email) &&
	       !strcmp(a->base_url, b->base_url);
}

int same_user_names(struct cmd_context *cx, const struct account *a, bool grant,
		    struct json_object **out, struct err *err)
{
	AUTO(account_list_release) struct account_list all = {0};
	struct json_object *names = NULL;

	if (store_account_list(cx->store, &all, err))
		return -1;
	for (size_t i = 0; i < all.count; i++) {
		const struct account *b = &all.items[i];

		if (!same_user(a, b) || (grant && !same_grant(a, b)))
			continue;
		if (!names)
			names = json_object_new_array();
		json_object_array_add(names, json_object_new_string(b->name));
	}
	*out = names;
	return 0;
}
