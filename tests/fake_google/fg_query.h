/*
 * One events.list or events.instances: what it asks for (fg_query.c), which events that is
 * (fg_event_match.c), and its pages (fg_listing.c).
 */
#ifndef FG_QUERY_H
#define FG_QUERY_H

#include "fg_model.h"

enum fg_order { FG_ORDER_NONE, FG_ORDER_START, FG_ORDER_UPDATED };

struct fg_query {
	struct fg_entry *entry;
	struct fg_view view;
	bool incremental; /* has a sync token */
	uint64_t since;   /* its change number */
	bool late;        /* a fault: the run shows nothing newer than as_of */
	uint64_t as_of;
	bool single_events;
	bool show_deleted;
	bool keeps_token;    /* a full run that ends with nextSyncToken */
	int64_t time_min;    /* s UTC; INT64_MIN = none */
	int64_t time_max;    /* s UTC; FG_NEVER = none */
	int64_t updated_min; /* us; -1 = none */
	int64_t horizon;     /* s UTC; endless series end here */
	enum fg_order order;
	const char *q, *ical_uid;
	struct fg_call *call; /* for the repeatable parameters */
	size_t page;
	uint64_t hash; /* of everything: a page token is good for this alone */
};

/* One line of a listing. It is rendered when its page is asked for. */
struct fg_ref {
	struct fg_event *ev;
	struct fg_when at; /* an occurrence of the series ev */
	bool occurrence;
	bool gone; /* an occurrence that was there, or the event itself as a single one */
	int64_t sort;
	struct json_object *res; /* owned: the event as it was; NULL = as it is then */
	bool stub;               /* of res */
};

struct fg_refs {
	struct fg_ref *list;
	size_t count, alloc;
};
void fg_refs_release(struct fg_refs *r);
DEFINE_AUTO_VALUE(struct fg_refs, fg_refs_release)
struct fg_ref *fg_refs_add(struct fg_refs *r, struct fg_event *ev);

/* -1 after answering. */
int fg_query_init(struct fg_call *call, struct fg_entry *e, struct fg_query *out);
int fg_query_instances(struct fg_call *call, struct fg_entry *e, struct fg_query *out);
char *fg_query_sync_token(const struct fg_query *q, uint64_t seq); /* the caller frees it */

void fg_match_all(const struct fg_query *q, struct fg_refs *out);
void fg_match_changes(const struct fg_query *q, struct fg_refs *out);
void fg_match_series(const struct fg_query *q, struct fg_event *master, struct fg_refs *out);
void fg_match_sort(const struct fg_query *q, struct fg_refs *refs);
/* What a reference stands for now; NULL = nothing any more. The caller owns it. */
struct json_object *fg_match_render(const struct fg_query *q, const struct fg_ref *ref);
/* An event as an answer before its last change would have shown it; NULL when that is nothing, or
 * when nothing tells it from the newer one. The caller owns it. */
struct json_object *fg_match_older(const struct fg_query *q, const struct fg_ref *ref);

/* Answer one page: the first of refs (emptied when the rest is kept for later pages), or with
 * refs NULL the one that the pageToken parameter names. */
int fg_listing_reply(const struct fg_query *q, struct fg_refs *refs);

#endif
