/*
 * The parts of `calsync status`: status.c gathers everything into the JSON answer and judges it,
 * status_show.c renders that answer for people and for Prometheus.
 */
#ifndef CMD_STATUS_H
#define CMD_STATUS_H

#include "cmd/context.h"

void status_show(const struct cmd_context *cx, struct json_object *answer);
/* Text exposition format 0.0.4 */
void status_prometheus(struct json_object *answer);

#endif
