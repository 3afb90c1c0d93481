#include "sync/split.h"

#include <string.h>

#include "base/banned.h"
#include "model/event.h"
#include "sync/merge.h"

/* Kept a series although it happens once: Google's ids of its occurrences stay what they are. */
#define ONCE "RRULE:FREQ=DAILY;COUNT=1"

void split_exception_release(struct split_exception *x)
{
	occurrence_release(&x->at);
	json_object_put(x->base);
	json_object_put(x->resource);
	memset(x, 0, sizeof(*x));
}

struct json_object *split_instance(const struct json_object *master, const char *zone,
				   const struct occurrence *at)
{
	static const char *const own[] = {"etag", "htmlLink", "updated", "created"};
	struct json_object *r = recur_instance(master, zone, at);

	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		json_del(r, own[i]);
	return r;
}

int split_is_first(const struct json_object *master, const char *zone, const struct occurrence *at,
		   bool *out, struct err *err)
{
	AUTO(occurrence_list_release) struct occurrence_list list = {0};

	if (recur_expand(master, zone, RECUR_PAST, at->start_utc, 1, &list, err))
		return -1;
	*out = !list.count;
	return 0;
}

static void at_least_once(struct json_object *lines)
{
	if (!json_object_array_length(lines))
		json_object_array_add(lines, json_object_new_string(ONCE));
}

int split_old(const struct json_object *master, const char *zone, const struct occurrence *at,
	      struct json_object **out_recurrence, struct err *err)
{
	if (recur_trim(master, zone, at->start_utc, out_recurrence, err))
		return -1;
	at_least_once(*out_recurrence);
	return 0;
}

int split_new(const struct json_object *master, const char *zone, const struct occurrence *at,
	      struct json_object **out, struct err *err)
{
	static const char *const instance[] = {"id", "recurringEventId", "originalStartTime",
					       "iCalUID", "sequence"};
	AUTO(json_object_put) struct json_object *r = NULL;
	struct json_object *lines = NULL;

	if (recur_rest(master, zone, at->start_utc, &lines, err))
		return -1;
	at_least_once(lines);
	r = split_instance(master, zone, at);
	for (size_t i = 0; i < ARRAY_SIZE(instance); i++)
		json_del(r, instance[i]);
	json_set(r, "recurrence", lines);
	event_new_conference(r, json_get(master, "conferenceData"));
	*out = TAKE(r);
	return 0;
}

/* --- exceptions ---------------------------------------------------------------------------- */

/* What was changed of the occurrence, over what the new series says of it. */
static struct json_object *carried(const struct json_object *exception,
				   const struct json_object *was, const struct json_object *is,
				   bool named)
{
	const struct merge_rule rule = {.contested = named ? MERGE_REMOTE : MERGE_LOCAL};
	AUTO(merge_result_release) struct merge_result m = {0};
	struct json_object *r;

	merge_event(was, exception, is, &rule, &m);
	r = json_clone(m.merged);
	/* A link of its own would be one that was made for the old occurrence. */
	if (json_get(is, "conferenceData"))
		json_set(r, "conferenceData", json_clone(json_get(is, "conferenceData")));
	else
		json_del(r, "conferenceData");
	return r;
}

int split_carry(const struct split *s, const struct json_object *exception, int64_t original_utc,
		bool cancelled, struct split_exception *out, struct err *err)
{
	AUTO(split_exception_release) struct split_exception x = {0};
	AUTO(occurrence_release) struct occurrence before = {0};
	AUTO(json_object_put) struct json_object *was = NULL;
	bool had, has;
	int64_t start;

	if (recur_find(s->old, s->zone, original_utc, &before, &had, err) ||
	    recur_shift_start(s->whole, s->new, s->zone, original_utc, &start, err) ||
	    recur_find(s->new, s->zone, start, &x.at, &has, err))
		return -1;
	x.goes = !had || !has;
	if (!x.goes) {
		was = split_instance(s->old, s->zone, &before);
		x.base = split_instance(s->new, s->zone, &x.at);
	}
	if (!x.goes && !cancelled) {
		x.resource = carried(exception, was, x.base, original_utc == s->at_utc);
		if (event_equal(x.resource, x.base)) {
			json_object_put(x.resource);
			x.resource = NULL;
		}
	}
	*out = x;
	memset(&x, 0, sizeof(x));
	return 0;
}
