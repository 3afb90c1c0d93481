#include "sync/queue.h"

#include <string.h>

#include "base/log.h"
#include "base/random.h"
#include "base/time.h"
#include "base/xalloc.h"
#include "base/banned.h"
#include "model/event.h"
#include "sync/local_series.h"
#include "sync/occurrences.h"

#define SPACING_FIRST_MS (60 * 1000LL)
#define SPACING_CAP_MS   (60 * 60 * 1000LL)

bool queue_may_pass(const struct err *why)
{
	return why->code == ERR_NETWORK || why->code == ERR_RATE_LIMITED;
}

int64_t queue_next_try_ms(struct clock *clock, int attempts, const struct err *why)
{
	int64_t spacing = queue_may_pass(why) ? SPACING_FIRST_MS : SPACING_CAP_MS;
	int64_t least = (int64_t)why->retry_after * 1000;

	/* A dead login keeps it back by itself, and a new one shall find it due. */
	if (why->code == ERR_TOKEN_EXPIRED || why->code == ERR_NOT_CONNECTED)
		return 0;
	for (int i = 1; i < attempts && spacing < SPACING_CAP_MS; i++)
		spacing *= 2;
	if (spacing > SPACING_CAP_MS)
		spacing = SPACING_CAP_MS;
	/* Those that failed together do not come back together. */
	spacing -= (int64_t)random_below((uint64_t)spacing / 2 + 1);
	return clock_now_ms(clock) + (spacing > least ? spacing : least);
}

static int sync_failed(struct store *s, struct clock *clock, const struct calendar *c,
		       const struct err *why, struct err *err)
{
	AUTO(sync_request_release) struct sync_request asked = {0};
	bool found;

	if (store_request_get(s, c->id, &asked, &found, err))
		return -1;
	if (!found) {
		if (!queue_may_pass(why))
			return 0;
		if (store_request_add(s, c->id, "retry", clock_now_ms(clock), err))
			return -1;
	}
	return store_request_failed(s, c->id, queue_next_try_ms(clock, asked.attempts + 1, why),
				    why->msg, err);
}

void queue_sync_failed(struct store *s, struct clock *clock, const struct calendar *c,
		       const struct err *why)
{
	bool own = !store_in_transaction(s);
	struct err err;

	if ((!own || !store_begin(s, &err)) && !sync_failed(s, clock, c, why, &err) &&
	    (!own || !store_commit(s, &err)))
		return;
	if (own)
		store_rollback(s);
	log_warn("queue", "cannot note that '%s' shall be synced again: %s, ignoring", c->summary,
		 err.msg);
}

/* --- why it waits -------------------------------------------------------------------------- */

/* What keeps everything of an account or a calendar back, whatever it is. */
static bool is_kept_back(const struct account *a, struct strbuf *out)
{
	AUTO(free) char *word = account_word(a->name);

	if (a->state == ACCOUNT_REAUTH_REQUIRED)
		strbuf_addf(out, "the account must be connected again: calsync connect %s", word);
	else if (a->state == ACCOUNT_DISCONNECTED)
		strbuf_adds(out, "the account is disconnected");
	else
		return false;
	return true;
}

static bool is_closed(const struct account *a, const struct calendar *c, struct strbuf *out)
{
	if (c->gone)
		strbuf_adds(out, "the calendar is no longer on the account's list");
	else if (a->read_only)
		strbuf_adds(out, "the account is connected read-only");
	else if (!calendar_takes_writes(c))
		strbuf_addf(out, "the calendar is read-only (your role there is '%s')",
			    c->access_role);
	else
		return false;
	return true;
}

static void add_time(struct strbuf *out, int64_t ms)
{
	char text[RFC3339_LEN];

	rfc3339_format(ms / 1000, 0, text);
	strbuf_adds(out, text);
}

void queue_why_unsent(const struct account *a, const struct calendar *c, const struct outbox *op,
		      int64_t now_ms, struct strbuf *out)
{
	const char *said = op->last_error;

	switch (op->state) {
	case OUTBOX_HELD:
		strbuf_adds(out, "kept back by --no-sync");
		return;
	case OUTBOX_CONFLICT:
		strbuf_adds(out, "changed on both sides: see 'calsync conflicts'");
		return;
	case OUTBOX_REFUSED:
		strbuf_adds(out, said ? said : "Google refused it");
		return;
	case OUTBOX_QUEUED:
		break;
	}
	if (is_kept_back(a, out) || is_closed(a, c, out))
		return;
	if (a->not_before_ms > now_ms) {
		strbuf_adds(out, "Google asked not to be called before ");
		add_time(out, a->not_before_ms);
	} else {
		strbuf_adds(out, said ? said : "not sent yet");
	}
}

void queue_why_unsynced(const struct account *a, const struct sync_request *r, struct strbuf *out)
{
	static const struct {
		const char *reason, *text;
	} texts[] = {
		{"notification", "Google announced a change"},
		{"retry", "its last sync failed"},
		{"selected", "it was selected for sync again"},
		{"edit", "an event was changed while a sync was running"},
	};

	if (is_kept_back(a, out))
		return;
	if (r->last_error) {
		strbuf_adds(out, r->last_error);
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (!strcmp(texts[i].reason, r->reason)) {
			strbuf_adds(out, texts[i].text);
			return;
		}
	}
	strbuf_adds(out, r->reason);
}

/* --- what a person may do ------------------------------------------------------------------ */

static int undecided(const struct event *row, struct err *err)
{
	return err_set(err, ERR_CONFLICT,
		       "event '%s' was changed on both sides: decide with 'calsync conflicts "
		       "resolve %s'",
		       row->id, row->id);
}

static int nothing_waits(const struct event *row, struct err *err)
{
	return err_set(err, ERR_NOT_FOUND, "nothing of event '%s' waits to be sent", row->id);
}

/* An occurrence goes out with its series. */
static int retry_series(struct store *s, const struct event *row, struct err *err)
{
	AUTO(event_release) struct event series = {0};
	bool found;

	if (store_event_get(s, row->calendar_id, json_str(row->resource, "recurringEventId"),
			    &series, &found, err))
		return -1;
	return found ? queue_retry(s, series.rowid, err) : nothing_waits(row, err);
}

int queue_retry(struct store *s, int64_t rowid, struct err *err)
{
	AUTO(event_release) struct event row = {0};
	AUTO(outbox_release) struct outbox op = {0};
	bool found;

	if (store_event_get_row(s, rowid, &row, err) ||
	    store_outbox_get(s, rowid, &op, &found, err))
		return -1;
	if (found && op.state == OUTBOX_CONFLICT)
		return undecided(&row, err);
	if (!found && (row.at_google || row.hidden))
		return nothing_waits(&row, err);
	if (!found && event_is_exception(row.resource))
		return retry_series(s, &row, err);
	if (!found && event_is_master(row.resource) && local_occurrences_queue(s, &row, err))
		return -1;
	if (!found) { /* event add --no-sync */
		op.event_rowid = rowid;
		op.op = PENDING_CREATE;
		op.created_ms = row.changed_ms;
	}
	op.state = OUTBOX_QUEUED;
	op.not_before_ms = 0;
	xstr_set(&op.last_error, NULL);
	row.sync_status = SYNC_LOCAL_ONLY;
	xstr_set(&row.last_error, NULL);
	return store_outbox_put(s, &op, err) || store_event_put(s, &row, err) ? -1 : 0;
}

/* The row as it is without the change; `after` is what a reader then sees. */
static int take_back(struct store *s, struct event *row, const struct outbox *op,
		     int64_t command_id, struct err *err)
{
	const struct version_note n = {row->calendar_id, row->id,    "local",
				       row->changed_ms,  command_id, false};
	bool computed =
		event_is_exception(row->resource) && !row->at_google && op->op != PENDING_CREATE;
	AUTO(json_object_put) struct json_object *before = NULL;

	if (!row->hidden)
		before = json_object_get(row->resource);
	else if (event_is_master(row->resource) && occurrences_show(s, row, &n, err))
		return -1;
	if (row->base) {
		json_object_put(row->resource);
		row->resource = TAKE(row->base);
	}
	row->hidden = false;
	row->sync_status = row->at_google ? SYNC_SYNCED : SYNC_LOCAL_ONLY;
	xstr_set(&row->last_error, NULL);
	if (op->op != PENDING_CREATE && version_changed(s, &n, before, row->resource, err))
		return -1;
	if (computed) /* as its series says: no row */
		return store_event_delete(s, row->rowid, err);
	return store_outbox_delete(s, row->rowid, err) || store_event_put(s, row, err) ? -1 : 0;
}

int queue_drop(struct store *s, struct clock *clock, int64_t rowid, int64_t command_id,
	       struct err *err)
{
	AUTO(event_release) struct event row = {0};
	AUTO(outbox_release) struct outbox op = {0};
	int64_t now = clock_now_ms(clock);
	bool found;

	if (store_event_get_row(s, rowid, &row, err) ||
	    store_outbox_get(s, rowid, &op, &found, err))
		return -1;
	if (!found)
		return nothing_waits(&row, err);
	if (op.state == OUTBOX_CONFLICT)
		return undecided(&row, err);
	if (op.move_from)
		return err_set(err, ERR_INVALID,
			       "event '%s' waits to be moved: move it back with 'calsync event "
			       "move'",
			       row.id);
	if (op.op == PENDING_CREATE && event_is_master(row.resource) &&
	    local_occurrences_keep(s, &row, err))
		return -1;
	row.changed_ms = now > row.changed_ms ? now : row.changed_ms + 1;
	return take_back(s, &row, &op, command_id, err);
}
