/* Which version of an event's log comes back, and what comes back with it. */
#include "sync/restore.h"

#include <string.h>

#include "base/xalloc.h"
#include "base/banned.h"
#include "ical/recur.h"
#include "model/event.h"

#define OVERLAP_MAX 1000 /* occurrences of one series at the same time */

void restore_plan_release(struct restore_plan *p)
{
	history_release(&p->version);
	history_list_release(&p->along);
	memset(p, 0, sizeof(*p));
}

static bool is_visible(const struct event *e)
{
	return !e->hidden && !event_is_cancelled(e->resource);
}

/* The calendar where the event lives: that of the version when it lives in several. When it lives
 * in none: where it was last, it may have been moved since the version. */
static int choose_place(const struct event_list *living, const struct history_list *log,
			const struct history *version, struct restore_plan *p, struct err *err)
{
	const struct event *now = living->count == 1 ? &living->items[0] : NULL;

	for (size_t i = 0; i < living->count; i++)
		if (living->items[i].calendar_id == version->calendar_id)
			now = &living->items[i];
	if (!now && living->count)
		return err_set(err, ERR_AMBIGUOUS,
			       "event '%s' is in calendars '%s' and '%s', but its version is one "
			       "of another calendar",
			       version->event_id, living->items[0].calendar,
			       living->items[1].calendar);
	p->living = now != NULL;
	p->calendar_id = now ? now->calendar_id : version->calendar_id;
	for (size_t i = 0; !now && i < log->count; i++) {
		if (log->items[i].op == HISTORY_KEPT)
			continue;
		p->calendar_id = log->items[i].calendar_id;
		break;
	}
	return 0;
}

/* In the log, newest first. NULL resource of a living event: nothing to compare with. */
static const struct history *choose_version(const struct history_list *log,
					    const struct json_object *now)
{
	for (size_t i = 0; i < log->count; i++) {
		const struct history *h = &log->items[i];

		if (h->op != HISTORY_KEPT && h->resource &&
		    (!now || !event_equal(h->resource, now)))
			return h;
	}
	return NULL;
}

static const struct history *find_version(const struct history_list *log, int64_t version)
{
	for (size_t i = 0; i < log->count; i++)
		if (log->items[i].id == version)
			return &log->items[i];
	return NULL;
}

static int check_version(const struct history *h, const char *id, int64_t version, struct err *err)
{
	if (!h && version)
		return err_set(err, ERR_NOT_FOUND,
			       "event '%s' has no version %lld; 'calsync event log %s' lists them",
			       id, (long long)version, id);
	if (!h)
		return err_set(err, ERR_INVALID,
			       "event '%s' has no version that differs from what it is now", id);
	if (!h->resource)
		return err_set(err, ERR_INVALID,
			       "version %lld is where event '%s' came to be: there was none before",
			       (long long)h->id, id);
	if (event_is_cancelled(h->resource))
		return err_set(err, ERR_INVALID,
			       "version %lld of event '%s' is a cancelled one; 'calsync event rm' "
			       "deletes it",
			       (long long)h->id, id);
	return 0;
}

/* The change after which an event was no longer there: the newest one, if it is that. */
static const struct history *last_delete(const struct history_list *log, int64_t calendar_id)
{
	for (size_t i = 0; i < log->count; i++) {
		const struct history *h = &log->items[i];

		if (h->op != HISTORY_KEPT && h->calendar_id == calendar_id)
			return h->op == HISTORY_DELETE ? h : NULL;
	}
	return NULL;
}

static int read_log(struct store *s, const char *id, int64_t account_id, int64_t calendar_id,
		    struct history_list *out, struct err *err)
{
	struct history_query q = {.account_id = account_id,
				  .calendar_id = calendar_id,
				  .event_id = id,
				  .newest_first = true};

	return store_history_list(s, &q, out, err);
}

/* Whether this is still the last word on its event: nothing of it is here. */
static int still_gone(struct store *s, const struct history *h, bool *out, struct err *err)
{
	AUTO(history_list_release) struct history_list log = {0};
	AUTO(event_release) struct event row = {0};
	const struct history *last = h;
	bool found;

	if (read_log(s, h->event_id, 0, h->calendar_id, &log, err) ||
	    store_event_get(s, h->calendar_id, h->event_id, &row, &found, err))
		return -1;
	if (h->op == HISTORY_DELETE)
		last = last_delete(&log, h->calendar_id);
	*out = last && last->id == h->id && !(found && is_visible(&row));
	return 0;
}

static bool same_hand(const struct history *a, const struct history *b)
{
	return a->command_id == b->command_id && !strcmp(a->origin, b->origin);
}

/* Whether an event is in the list already. */
static bool is_listed(const struct history_list *l, const char *event_id)
{
	for (size_t i = 0; i < l->count; i++)
		if (!strcmp(l->items[i].event_id, event_id))
			return true;
	return false;
}

/* What a log row says of an occurrence that went with its series: that it was there, or that it was
 * a cancelled one. Of a delete that came in two steps, first it and then the series, the first. */
static bool went_along(const struct history *h, const struct history_list *before)
{
	return h->op == HISTORY_DELETE ||
	       (h->op == HISTORY_KEPT && event_is_cancelled(h->resource) &&
		!is_listed(before, h->event_id));
}

/* The occurrences that went with a series: see the header. */
static int find_along(struct store *s, const struct history *series, struct history_list *out,
		      struct err *err)
{
	AUTO(history_list_release) struct history_list near = {0};
	struct history_query q = {.calendar_id = series->calendar_id};

	q.command_id = series->command_id;
	q.has_moment = !series->command_id;
	q.from_ms = series->at_ms - RESTORE_MOMENT_MS;
	q.until_ms = series->at_ms + RESTORE_MOMENT_MS;
	if (store_history_list(s, &q, &near, err))
		return -1;
	for (size_t i = 0; i < near.count; i++) {
		struct history *h = &near.items[i];
		const char *master = json_str(h->resource, "recurringEventId");
		bool gone;

		if (!master || strcmp(master, series->event_id) != 0 || !same_hand(h, series) ||
		    !went_along(h, out))
			continue;
		if (still_gone(s, h, &gone, err))
			return -1;
		if (!gone)
			continue;
		out->items = xreallocarray(out->items, out->count + 1, sizeof(*out->items));
		out->items[out->count++] = *h;
		memset(h, 0, sizeof(*h));
	}
	return 0;
}

/* A cancelled occurrence that never was anything but one of its series: as the series says. */
static int from_series(struct store *s, const struct event *row, struct history *out,
		       struct err *err)
{
	const char *series = json_str(row->resource, "recurringEventId");
	AUTO(calendar_release) struct calendar c = {0};
	AUTO(event_release) struct event master = {0};
	AUTO(occurrence_list_release) struct occurrence_list list = {0};
	struct recur_stamp stamp;
	int64_t at;
	size_t base;
	bool found;

	if (!series || !recur_instance_parse(row->id, &base, &stamp))
		return 0;
	if (store_calendar_get(s, row->calendar_id, &c, err) ||
	    store_event_get(s, row->calendar_id, series, &master, &found, err))
		return -1;
	if (!found)
		return 0;
	at = recur_stamp_utc(&stamp, c.time_zone);
	if (recur_expand(master.resource, c.time_zone, at, at + 1, OVERLAP_MAX, &list, err))
		return -1;
	for (size_t i = 0; i < list.count && !out->resource; i++)
		if (list.items[i].start_utc == at)
			out->resource =
				recur_instance(master.resource, c.time_zone, &list.items[i]);
	out->calendar_id = row->calendar_id;
	out->event_id = xstrdup(row->id);
	out->op = HISTORY_DELETE;
	return 0;
}

/* The log says nothing of it, but it is here and cancelled. */
static int find_cancelled(struct store *s, int64_t account_id, const char *id,
			  struct restore_plan *p, struct err *err)
{
	AUTO(event_list_release) struct event_list rows = {0};
	struct event_query q = EVENT_QUERY_INIT;

	q.account_id = account_id;
	q.id = id;
	q.include_cancelled = true;
	if (store_event_list(s, &q, &rows, err))
		return -1;
	for (size_t i = 0; i < rows.count && !p->version.resource; i++) {
		history_release(&p->version);
		if (event_is_cancelled(rows.items[i].resource) &&
		    from_series(s, &rows.items[i], &p->version, err))
			return -1;
	}
	p->calendar_id = p->version.calendar_id;
	return 0;
}

static void take_version(struct history_list *log, const struct history *h, struct history *out)
{
	struct history *mine = &log->items[h - log->items];

	*out = *mine;
	memset(mine, 0, sizeof(*mine));
}

int restore_find(struct store *s, int64_t account_id, const char *event_id, int64_t version,
		 struct restore_plan *out, struct err *err)
{
	AUTO(restore_plan_release) struct restore_plan p = {0};
	AUTO(history_list_release) struct history_list log = {0};
	AUTO(event_list_release) struct event_list living = {0};
	struct event_query q = EVENT_QUERY_INIT;
	const struct history *h, *gone;

	q.account_id = account_id;
	q.id = event_id;
	if (read_log(s, event_id, account_id, 0, &log, err) ||
	    store_event_list(s, &q, &living, err))
		return -1;
	if (!log.count && !living.count && !version) {
		if (find_cancelled(s, account_id, event_id, &p, err))
			return -1;
		if (p.version.resource) {
			*out = p;
			memset(&p, 0, sizeof(p));
			return 0;
		}
	}
	if (!version && living.count > 1)
		return err_set(err, ERR_AMBIGUOUS,
			       "event '%s' is in calendars '%s' and '%s'; say which version, as "
			       "'calsync event log %s' lists them",
			       event_id, living.items[0].calendar, living.items[1].calendar,
			       event_id);
	h = version ? find_version(&log, version)
		    : choose_version(&log, living.count ? living.items[0].resource : NULL);
	if (check_version(h, event_id, version, err) || choose_place(&living, &log, h, &p, err))
		return -1;
	gone = last_delete(&log, p.calendar_id);
	if (!living.count && gone) {
		p.local_only = gone->local_only;
		if (event_is_master(h->resource) && find_along(s, gone, &p.along, err))
			return -1;
	}
	take_version(&log, h, &p.version);
	*out = p;
	memset(&p, 0, sizeof(p));
	return 0;
}
