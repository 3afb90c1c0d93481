/*
 * The parts of `calsync status`: status.c and status_channels.c gather everything into the JSON answer
 * and judge it, status_show.c renders that answer for people, status_prometheus.c for Prometheus.
 */
#ifndef CMD_STATUS_H
#define CMD_STATUS_H

#include "cmd/context.h"
#include "store/hook.h"

struct gather {
	struct cmd_context *cx;
	int64_t now_ms;
	int64_t late_ms;
	/* Borrowed from the answer. */
	struct json_object *problems, *channels, *notifications;
	struct hook *hook;   /* the webhook's database, borrowed; NULL = there is none, or: */
	struct err hook_err; /* it cannot be read, and what it knows is not judged; else ERR_NONE */
	bool push_wanted;    /* a calendar relies on notifications */
	bool reconnect;      /* an account must be connected again */
};

__attribute__((format(printf, 4, 5))) void status_problem(struct gather *g, const char *account,
							  const char *kind, const char *fmt, ...);

/* Opens it and reads all of it once; fills g->hook_err. NULL: see struct gather. */
struct hook *status_open_hook(struct gather *g);
/* Behind the channels: trouble with it is a problem for who relies on it, else goes to the log. */
void status_judge_hook(struct gather *g);
/* The channels of an account, and calendars that should have one and have none. */
int status_channels(struct gather *g, const struct account *a, struct err *err);
/* What Google announced and no sync has taken yet. */
int status_notifications(struct gather *g, const struct account_list *accounts, struct err *err);

void status_show(const struct cmd_context *cx, struct json_object *answer);
/* Text exposition format 0.0.4 */
void status_prometheus(struct json_object *answer);

#endif
