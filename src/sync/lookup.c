/* events.get: what Google has now of one event. */
#include "base/banned.h"
#include "sync/engine.h"
#include "sync/wire.h"

#define ASK_AGAIN_MS 400

int engine_get_event(struct engine *e, const char *calendar, const char *id, int tries,
		     struct json_object **out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf path = STRBUF_INIT;
	AUTO(json_object_put) struct json_object *answer = NULL;
	struct gcall call = {.method = "GET"};

	path_events(&path, calendar, id);
	call.path = path.buf;
	call.salvage = "";
	while (google_call(e->google, &call, &answer, err)) {
		if (err->code != ERR_NOT_FOUND || --tries == 0)
			return -1;
		e->clock->sleep_ms(e->clock, ASK_AGAIN_MS);
	}
	if (!wire_is_event(answer, id)) { /* it must not become the row */
		err_set(err, ERR_GOOGLE, "Google's answer is no event");
		err->http_status = 200;
		return -1;
	}
	*out = TAKE(answer);
	return 0;
}
