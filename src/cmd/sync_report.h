/*
 * The parts of `calsync sync`: sync.c says what to do and does it, several accounts at a time (jobs.h),
 * sync_report.c tells how it went. Between them an account is the JSON of sync_result_json().
 */
#ifndef CMD_SYNC_REPORT_H
#define CMD_SYNC_REPORT_H

#include "cmd/context.h"

struct sync_reporting {
	bool dry_run, exit_code;
	bool queued; /* --queued: what Google announced is what it is run for */
	/* Why what Google announced is not in the queue; code ERR_NONE = it is. */
	struct err notifications;
};

/* Print the answer for these accounts, all trouble on stderr; returns the exit status. */
int sync_report(struct cmd_context *cx, struct json_object *accounts,
		const struct sync_reporting *how);

#endif
