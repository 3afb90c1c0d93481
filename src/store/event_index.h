/*
 * The columns of an event row that come from its resource: what queries and views look at, so
 * that they need no JSON.
 */
#ifndef STORE_EVENT_INDEX_H
#define STORE_EVENT_INDEX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "store/internal.h"

/* What a window has to reckon with when it looks for rows by their start. Values are stored. */
enum event_reach {
	REACH_SHORT = 0,  /* ends within EVENT_SHORT_S of its start */
	REACH_LONG = 1,   /* lasts longer */
	REACH_SERIES = 2, /* a master: occurs until until_utc */
};
#define EVENT_SHORT_S ((int64_t)31 * DAY_S)

struct event_index {
	bool cancelled, all_day;
	bool has_span;              /* start_utc, end_utc and both texts are set */
	int64_t start_utc, end_utc; /* end exclusive */
	enum event_reach reach;
	bool has_until;
	int64_t until_utc;         /* no occurrence ends after this; may be later than needed */
	int64_t google_updated_ms; /* 0 = not given */
	char start_time[RFC3339_LEN], end_time[RFC3339_LEN]; /* dates when all_day, else UTC */
	/* Borrowed from the resource; NULL = not there. */
	const char *status, *recurring_event_id, *ical_uid, *summary, *location, *description;
};

/* zone: the calendar's, which decides when an all-day event begins. */
void event_index_derive(struct json_object *resource, const char *zone, struct event_index *out);
/* Binds :cancelled ... :description; changed_ms goes into :updated_ms. ix lives until the
 * statement is done. */
void event_index_bind(struct stmt *st, const struct event_index *ix, int64_t changed_ms);

/* Derive again for every row of a calendar whose time zone has changed. */
int event_index_rebuild(struct store *s, int64_t calendar_id, struct err *err);

#endif
