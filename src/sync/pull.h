/* What pull.c, pull_series.c, sweep.c and window.c share: one pull of one calendar. Not for other
 * files. */
#ifndef SYNC_PULL_H
#define SYNC_PULL_H

#include "sync/engine.h"

struct pull {
	struct engine *e;
	const struct calendar *c;
	struct calendar_result *r;
	const char *sync_token;       /* NULL = full */
	int64_t started_ms;           /* of a full pull, also when an earlier run began it */
	bool resumed;                 /* a full pull that an earlier run began */
	int64_t seen;                 /* items of a full pull */
	bool window;                  /* only what lies in the options' window */
	bool busy_only;               /* the role shows times alone: see busy.c */
	bool holes;                   /* an item could not be read: absence says nothing */
	bool late;                    /* the listing and events.get contradict each other */
	bool orphans;                 /* a cancelled occurrence came whose series is not here */
	bool paged;                   /* the last request was for a page behind the first */
	bool stored;                  /* the calendar has a progress in the store */
	struct json_object *seen_ids; /* window: a set */
	struct json_object *asked;    /* series that events.get was asked for, a set; NULL = none */
	struct json_object *cancelled_in; /* series of cancelled occurrences that came, alike */
	struct json_object *gone;         /* ids that this run saw deleted or cancelled: a set */
};

static inline void pull_release(struct pull *p)
{
	json_object_put(p->asked);
	json_object_put(p->cancelled_in);
	json_object_put(TAKE(p->e->alive));
}
DEFINE_AUTO_VALUE(struct pull, pull_release)

/* Page by page from this token on (NULL = page one), each in a transaction of its own. */
int pull_pages(struct pull *p, const char *page_token, struct err *err);

/* events.get. ERR_NOT_FOUND, ERR_GONE: there is none. *out NULL: what came is no event. */
int pull_get(struct pull *p, const char *id, int tries, struct json_object **out, struct err *err);

/*
 * What an item says where times alone are shown. *out is the caller's; NULL: nothing that is not
 * known here. row NULL: none here.
 */
int busy_item(struct pull *p, const struct event *row, const struct json_object *item,
	      struct json_object **out, struct err *err);

/*
 * Before the last page of a full listing is stored: an event that changed at Google when the
 * listing began or later may be missing from it and be there all the same. What events.get still
 * finds is added to the page. One that changed before is a contradiction (p->late): nothing is
 * swept then, and the next pull is a full one again.
 */
int sweep_ask(struct pull *p, struct json_object *page, struct err *err);
/* Before a page of a window is stored: what it lists and is over is taken off it. */
int window_ask(struct pull *p, struct json_object *page, struct err *err);

/* --- pull_series.c -------------------------------------------------------------------------- */

/* Before a page is stored: an exception may come without its series, whether it changed or is not
 * shown to us at all. What events.get finds is added to the page; each series is asked for once. */
int series_ask(struct pull *p, struct json_object *page, struct err *err);
/* A cancelled occurrence of this series came. */
void series_note_cancelled(struct pull *p, const char *series);
/* With the last page: Google resets the exceptions that a changed series has no place for; what is
 * kept of a cancelled occurrence means nothing then. */
int series_prune(struct pull *p, struct err *err);

/* Rows that a full listing did not show go, in the transaction of its last page. */
int sweep(struct pull *p, struct err *err);

#endif
