#include "cmd/cmd.h"

const struct cmd cmd_event_group = {
	.name = "event",
	.summary = "add, change, remove and show events",
	.help = "Times are read as described in 'calsync help event add'. An event is named by its "
		"id, or\n"
		"by the first four or more characters of it when no other event's id begins so.\n",
};
