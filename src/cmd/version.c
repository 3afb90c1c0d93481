#include "cmd/cmd.h"
#include "cmd/output.h"

static int run_version(struct cmd_context *cx, struct err *err)
{
	(void)err;
	if (cx->global.json) {
		struct json_object *answer = json_object_new_object();

		json_set_str(answer, "version", CALSYNC_VERSION);
		out_json(cx, answer);
	} else {
		out_printf("calsync %s\n", CALSYNC_VERSION);
	}
	return 0;
}

const struct cmd cmd_version = {
	.name = "version",
	.summary = "print the version",
	.run = run_version,
};
