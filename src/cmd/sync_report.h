/*
 * The parts of `calsync sync`: sync.c says what to do, sync_jobs.c does several accounts at a time,
 * sync_report.c tells how it went. Between them an account is the JSON of sync_result_json().
 */
#ifndef CMD_SYNC_REPORT_H
#define CMD_SYNC_REPORT_H

#include "cmd/context.h"

/* Sync one account; whatever happens is in the answer. Caller's. */
struct json_object *sync_one(struct cmd_context *cx, const struct account *a,
			     const struct sync_options *o);

/*
 * One child process an account, at most `jobs` at a time, each with its own store and transport.
 * Closes cx->store: no database handle may cross a fork. calendars[i] NULL = every selected one.
 * Returns an array in the order of the accounts; a child that dies is an account that failed.
 */
struct json_object *sync_in_parallel(struct cmd_context *cx, const struct account_list *accounts,
				     char *const *calendars, const struct sync_options *options,
				     size_t jobs);

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
