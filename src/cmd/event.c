#include "cmd/cmd.h"

const struct cmd cmd_event_group = {
	.name = "event",
	.summary = "add, change, remove and show events",
	.help = "An event is named by its id, or by the first four or more characters of it\n"
		"when no other event's id begins so. 'calsync event add --help' says how\n"
		"times are written.\n",
};
