#include "google/channel.h"

#include <stdio.h>
#include <string.h>

#include "base/strbuf.h"
#include "base/xalloc.h"
#include "google/internal.h"

#include "base/banned.h"

#define RESOURCE_ID_MAX 512
#define LIFE_MAX_MS     (366 * 24 * 60 * 60 * INT64_C(1000)) /* what is more is a slip */

static struct json_object *watch_body(const struct watch_request *r)
{
	struct json_object *body = json_object_new_object();
	struct json_object *params = json_object_new_object();
	char ttl[24];

	snprintf(ttl, sizeof(ttl), "%lld", (long long)r->ttl_s);
	json_set_str(params, "ttl", ttl);
	json_set_str(body, "id", r->id);
	json_set_str(body, "type", "web_hook");
	json_set_str(body, "address", r->address);
	json_set_str(body, "token", r->token);
	json_set(body, "params", params);
	return body;
}

static bool is_resource_id(const char *id)
{
	if (!id || !*id || strlen(id) > RESOURCE_ID_MAX)
		return false;
	for (; *id; id++)
		if (*id <= ' ' || *id >= 0x7f)
			return false;
	return true;
}

static int read_channel(struct google *g, const struct json_object *answer, char **out_resource_id,
			int64_t *out_expiration_ms, struct err *err)
{
	const char *resource = json_str(answer, "resourceId");
	int64_t expiration = json_int(answer, "expiration", 0); /* int64, as string or number */
	int64_t now = clock_now_ms(g->o.clock);

	if (!is_resource_id(resource)) {
		err_set(err, ERR_GOOGLE, "the answer to events.watch names no resource");
		err->http_status = 200;
		return -1;
	}
	*out_resource_id = xstrdup(resource);
	*out_expiration_ms = expiration > 0 && expiration < now + LIFE_MAX_MS ? expiration : 0;
	return 0;
}

int google_watch_events(struct google *g, const struct watch_request *r, char **out_resource_id,
			int64_t *out_expiration_ms, struct err *err)
{
	AUTO(json_object_put) struct json_object *body = watch_body(r);
	AUTO(json_object_put) struct json_object *answer = NULL;
	AUTO(strbuf_release) struct strbuf path = STRBUF_INIT;
	struct gcall call = {.method = "POST", .body = body};

	strbuf_adds(&path, "calendars/");
	strbuf_add_urlencoded(&path, r->calendar);
	strbuf_adds(&path, "/events/watch?prettyPrint=false");
	call.path = path.buf;
	if (google_call(g, &call, &answer, err))
		return -1;
	return read_channel(g, answer, out_resource_id, out_expiration_ms, err);
}

int google_stop_channel(struct google *g, const char *id, const char *resource_id, struct err *err)
{
	AUTO(json_object_put) struct json_object *body = json_object_new_object();
	struct gcall call = {
		.method = "POST", .path = "channels/stop?prettyPrint=false", .body = body};

	json_set_str(body, "id", id);
	json_set_str(body, "resourceId", resource_id);
	return google_call(g, &call, NULL, err);
}
