/* Sends what Google sends by itself: notifications, POSTed by libcurl without blocking. */
#ifndef FG_DELIVER_H
#define FG_DELIVER_H

#include "fg.h"

struct deliver;

struct deliver *deliver_new(struct fg *fg);
void deliver_free(struct deliver *d); /* gives up on what is under way */
/* Start what is due, go on with what is under way, tell the model how it ended. */
void deliver_run(struct deliver *d);
/* Wait for one of fds (readable), for progress here, or until timeout_ms is over. */
void deliver_wait(struct deliver *d, const int *fds, unsigned int count, int64_t timeout_ms);

#endif
