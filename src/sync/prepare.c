/* What goes out for an event that waits: the request, from its row as it is now. */
#include "sync/push.h"

#include <string.h>

#include "base/xalloc.h"
#include "base/banned.h"
#include "model/event.h"
#include "sync/sent.h"

void job_reset(struct job *j)
{
	event_release(&j->row);
	outbox_release(&j->op);
	memset(&j->row, 0, sizeof(j->row));
	memset(&j->op, 0, sizeof(j->op));
	strbuf_release(&j->path);
	json_object_put(TAKE(j->body));
	free(TAKE(j->if_match));
	free(TAKE(j->from));
	json_object_put(TAKE(j->tombstone));
}

static bool is_due(const struct push *p, int64_t rowid)
{
	for (size_t i = 0; i < p->count; i++)
		if (p->jobs[i].rowid == rowid)
			return p->jobs[i].state == JOB_DUE;
	return false;
}

static void set_path(struct push *p, struct job *j, const char *event_id)
{
	path_events(&j->path, p->c->google_id, event_id);
	strbuf_addf(&j->path, "?sendUpdates=%s", j->op.send_updates ? j->op.send_updates : "none");
	if (json_has(j->body, "conferenceData"))
		strbuf_adds(&j->path, "&conferenceDataVersion=1");
	if (json_has(j->body, "attachments"))
		strbuf_adds(&j->path, "&supportsAttachments=true");
}

static bool is_type(const struct json_object *resource, const char *type)
{
	const char *has = json_str(resource, "eventType");

	return has && !strcmp(has, type);
}

static void prepare_create(struct push *p, struct job *j)
{
	j->body = event_insert_body(j->row.resource);
	j->kind = j->row.etag ? JOB_REVIVE : JOB_INSERT;
	if (j->kind == JOB_INSERT) {
		set_path(p, j, NULL);
		return;
	}
	json_del(j->body, "id");
	if (!json_has(j->body, "status")) /* without one it would stay cancelled */
		json_set_str(j->body, "status", "confirmed");
	set_path(p, j, j->row.id);
	if (strcmp(j->row.etag, ETAG_UNKNOWN) != 0)
		j->if_match = xstrdup(j->row.etag);
}

static void prepare_update(struct push *p, struct job *j)
{
	j->kind = JOB_PATCH;
	j->body = event_patch(j->row.base, j->row.resource);
	j->if_match = xstrdup_null(j->row.etag);
	set_path(p, j, j->row.id);
}

/*
 * An occurrence means something to Google only when its series is there, in this calendar: it waits
 * for one that is to be made or moved. Other changes of the series go first too, so that the order
 * is always the same, and so that what is looked at is not changed by ourselves meanwhile.
 * out_wait: not in this round.
 */
static int check_series(struct push *p, struct job *j, bool *out_wait, struct err *err)
{
	const char *series = json_str(j->row.resource, "recurringEventId");
	AUTO(event_release) struct event master = {0};
	AUTO(outbox_release) struct outbox op = {0};
	bool found;

	*out_wait = j->for_series = false;
	if (!series)
		return 0;
	if (store_event_get(p->e->store, p->c->id, series, &master, &found, err) ||
	    (found && store_outbox_get(p->e->store, master.rowid, &op, &found, err)))
		return -1;
	if (!found)
		return 0;
	j->series_state = op.state;
	/* It goes with it, or comes along when an edit at Google beats the delete. */
	if (master.hidden) {
		*out_wait = j->for_series = j->op.move_from != 0;
		return 0;
	}
	j->for_series = op.op == PENDING_CREATE || op.move_from;
	*out_wait = j->for_series || (op.op == PENDING_UPDATE && op.state == OUTBOX_QUEUED &&
				      is_due(p, master.rowid));
	return 0;
}

bool job_has_to_look(const struct job *j)
{
	return j->kind == JOB_REVIVE && (!j->looked || !j->if_match);
}

bool job_is_unguarded(const struct job *j)
{
	return j->kind == JOB_DELETE && !j->if_match && !j->op.move_from;
}

bool job_is_empty_patch(const struct job *j)
{
	return j->kind == JOB_PATCH && !json_object_object_length(j->body);
}

/* Of a version that may be there: not of a tombstone. An occurrence is there by its series. */
static const char *known_etag(const struct event *row)
{
	if (row->at_google)
		return row->etag;
	return row->etag && event_is_exception(row->resource) &&
			       strcmp(row->etag, ETAG_UNKNOWN) != 0
		       ? row->etag
		       : NULL;
}

int job_prepare(struct push *p, struct job *j, bool *out_send, struct err *err)
{
	bool found, waits;

	job_reset(j);
	j->sent_now = j->went_out = false;
	*out_send = false;
	if (store_outbox_get(p->e->store, j->rowid, &j->op, &found, err))
		return -1;
	if (!found || j->op.state != OUTBOX_QUEUED) {
		j->state = JOB_DONE;
		return 0;
	}
	if (store_event_get_row(p->e->store, j->rowid, &j->row, err))
		return -1;
	if (j->row.calendar_id != p->c->id) { /* moved on meanwhile: that calendar's turn */
		j->state = JOB_DONE;
		return 0;
	}
	if (check_series(p, j, &waits, err))
		return -1;
	if (waits)
		return 0;
	if (j->row.sync_status == SYNC_ERROR) { /* set aside: see aside.c, A1 */
		j->state = JOB_DONE;
		return 0;
	}
	j->alone |= is_type(j->row.resource, "workingLocation"); /* not supported in batches */
	j->tried_before = j->op.attempts > 0;
	if (j->op.move_from && move_prepare(p, j, err))
		return -1;
	if (instance_needs_look(j)) {
		j->kind = JOB_LOOK;
		path_events(&j->path, p->c->google_id, j->row.id);
		*out_send = true;
		return 0;
	}
	switch (j->op.move_from ? PENDING_NONE : j->op.op) {
	case PENDING_NONE: /* move_prepare() did it */
		break;
	case PENDING_CREATE:
		prepare_create(p, j);
		break;
	case PENDING_UPDATE:
		prepare_update(p, j);
		break;
	default:
		j->kind = JOB_DELETE;
		j->if_match = xstrdup_null(known_etag(&j->row));
		set_path(p, j, j->row.id);
	}
	if (j->kind != JOB_DELETE && j->kind != JOB_MOVE && !job_is_empty_patch(j) &&
	    !job_has_to_look(j))
		j->op.sent = sent_add(j->op.sent, j->row.resource, j->row.changed_ms, &j->sent_now);
	j->sent_before = j->tried_before && !j->sent_now;
	j->op.attempts++;
	free(TAKE(j->op.late_updates));
	*out_send = true;
	return store_outbox_put(p->e->store, &j->op, err);
}
