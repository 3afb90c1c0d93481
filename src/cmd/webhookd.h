/* What the files of `webhookd` share: webhookd.c reads the options, webhookd_loop.c runs,
 * webhookd_drain.c starts the syncs. */
#ifndef CMD_WEBHOOKD_H
#define CMD_WEBHOOKD_H

#include "cmd/cmd.h"
#include "web/hook_file.h"
#include "web/listen.h"

struct webhookd {
	struct clock *clock;
	struct hook_file *file;
	struct listener_list listeners;
	size_t connections, connections_per_address;
	const char *tls_cert, *tls_key; /* files, borrowed; NULL = no TLS */
	bool drains;                    /* else it rings the bell */
	const char *drain_args[12];     /* of the child, borrowed; ends with NULL */
};

/* Serve until SIGTERM or SIGINT, which must be blocked, as SIGHUP and SIGCHLD: webhookd_block(). */
int webhookd_run(struct webhookd *w, struct err *err);
void webhookd_block_signals(void);

#endif
