/*
 * `calsync doctor`: each check adds findings, and none ends the run. Nothing is changed: no file
 * made, no row written, no token sent.
 */
#ifndef CMD_DOCTOR_H
#define CMD_DOCTOR_H

#include "cmd/cmd.h"
#include "cmd/doctor_verdict.h"
#include "store/store.h"

struct doctor_opts {
	bool offline, quick;
};

struct finding {
	const char *check; /* static: "config", "key", ... */
	enum finding_status status;
	char *message;
	char *mend;     /* a command or a sentence; NULL = nothing to do */
	bool reconnect; /* an error that connecting the account again ends */
};

struct doctor {
	struct cmd_context *cx; /* config NULL: there is not even a place for one */
	const struct doctor_opts *o;
	int64_t now_ms;
	struct finding *list;
	size_t count;
	struct account_list accounts; /* that were looked at; empty when they cannot be read */
	bool accounts_known;
	bool clock_known;
	int64_t skew_ms;       /* of Google's clock, when that is known */
	const char *clock_why; /* when it is not; static */
};

/* Add a finding; the message is one line. */
void doctor_add(struct doctor *d, const char *check, enum finding_status status, const char *fmt,
		...) __attribute__((format(printf, 4, 5)));
/* How to mend the last one. */
void doctor_mend(struct doctor *d, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* Forget what came after the first `count` ones. */
void doctor_drop(struct doctor *d, size_t count);

/* In this order. */
void doctor_config(struct doctor *d);
/* The files, the database, and what it says of key and accounts. Errors: --account names none. */
int doctor_store(struct doctor *d, struct err *err);
void doctor_key(struct doctor *d);      /* with cx->store, part of doctor_store() */
void doctor_accounts(struct doctor *d); /* as well */
void doctor_network(struct doctor *d);
void doctor_clock(struct doctor *d); /* by what the network said */
void doctor_channel(struct doctor *d);
void doctor_webhook(struct doctor *d); /* its database; with cx->store when there is one */
void doctor_timers(struct doctor *d);
void doctor_libraries(struct doctor *d);

#endif
