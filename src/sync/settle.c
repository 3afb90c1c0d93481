/* What became of a request that was pushed: into the store, and the next step of its job. */
#include "sync/push.h"

#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "base/xalloc.h"
#include "base/banned.h"
#include "google/event_id.h"
#include "model/event.h"
#include "sync/merge.h"
#include "sync/occurrences.h"
#include "sync/queue.h"
#include "sync/sent.h"
#include "sync/version.h"
#include "sync/wire.h"

const char *job_method(enum job_kind kind)
{
	static const char *const methods[] = {
		[JOB_INSERT] = "POST",   [JOB_REVIVE] = "PUT", [JOB_PATCH] = "PATCH",
		[JOB_DELETE] = "DELETE", [JOB_MOVE] = "POST",  [JOB_LOOK] = "GET",
	};

	return methods[kind];
}

static void keep_reason(struct push *p, const struct err *err)
{
	if (p->why.code == ERR_NONE)
		p->why = *err;
}

static int no_event(struct err *err)
{
	err_set(err, ERR_GOOGLE, "Google's answer is no event");
	err->http_status = 200;
	return -1;
}

/* Google's answer over an edit that was made here while the request was under way. */
static int merge_answer(struct push *p, const struct job *j, struct event *now,
			struct json_object *answer, struct err *err)
{
	static const struct merge_rule ours = {.contested = MERGE_LOCAL};
	const struct version_note made = {.calendar_id = now->calendar_id,
					  .event_id = now->id,
					  .origin = "google",
					  .at_ms = clock_now_ms(p->e->clock)};
	AUTO(outbox_release) struct outbox op = {0};
	AUTO(merge_result_release) struct merge_result m = {0};
	bool found;

	if (store_outbox_get(p->e->store, now->rowid, &op, &found, err))
		return -1;
	merge_event(j->row.resource, now->resource, answer, &ours, &m);
	if (now->hidden) { /* what is deleted here is what Google has, and goes with it */
		if (!event_equal(j->row.resource, answer) &&
		    version_kept(p->e->store, &made, answer, err))
			return -1;
		json_object_put(now->resource);
		now->resource = json_clone(answer);
		json_object_put(TAKE(now->base));
	} else {
		if (!event_equal(now->resource, m.merged) &&
		    engine_changed(p->e, now, "merge", now->resource, m.merged, err))
			return -1;
		json_object_put(now->resource);
		now->resource = json_object_get(m.merged);
		json_object_put(now->base);
		now->base = json_clone(answer);
	}
	json_object_put(TAKE(op.sent));
	/* Those who were to be mailed about what went out have been. */
	free(op.send_updates);
	op.send_updates = TAKE(op.late_updates);
	xstr_set(&now->etag, json_str(answer, "etag"));
	now->at_google = true;
	now->sync_status = SYNC_LOCAL_ONLY; /* also when the edit took back what was under way */
	if (store_event_put(p->e->store, now, err))
		return -1;
	op.event_rowid = now->rowid;
	op.op = now->hidden ? PENDING_DELETE : PENDING_UPDATE;
	return store_outbox_put(p->e->store, &op, err);
}

static int write_answer(struct push *p, struct job *j, struct json_object *answer, struct err *err)
{
	AUTO(event_release) struct event now = {0};

	if (store_event_get_row(p->e->store, j->rowid, &now, err))
		return -1;
	xstr_set(&now.id, json_str(answer, "id"));
	if (now.changed_ms != j->row.changed_ms)
		return merge_answer(p, j, &now, answer, err);
	/* Google made something else of it than what was sent. */
	if (!event_equal(now.resource, answer) &&
	    engine_changed(p->e, &now, "google", now.resource, answer, err))
		return -1;
	json_object_put(now.resource);
	now.resource = json_clone(answer);
	json_object_put(TAKE(now.base));
	xstr_set(&now.etag, json_str(answer, "etag"));
	now.at_google = true;
	now.sync_status = SYNC_SYNCED;
	xstr_set(&now.last_error, NULL);
	now.pending = PENDING_NONE;
	if (store_outbox_delete(p->e->store, j->rowid, err))
		return -1;
	return store_event_put(p->e->store, &now, err);
}

static int write_deleted(struct push *p, struct job *j, struct json_object *unused, struct err *err)
{
	AUTO(event_release) struct event now = {0};
	bool kept = false;

	(void)unused;
	if (store_event_get_row(p->e->store, j->rowid, &now, err))
		return err->code == ERR_NOT_FOUND ? 0 : -1;
	/* The delete was taken back while it was under way: that is an edit, which beats it. */
	if (now.changed_ms != j->row.changed_ms && !now.hidden)
		return apply_gone(p->e, &now, NULL, p->r, err);
	if (event_is_master(j->row.resource) && occurrences_drop(p->e->store, &j->row, err))
		return -1;
	if (event_is_exception(j->row.resource) && instance_cancelled(p, &now, &kept, err))
		return -1;
	return kept ? 0 : store_event_delete(p->e->store, j->rowid, err);
}

int push_deleted(struct push *p, struct job *j, struct err *err)
{
	j->state = JOB_DONE;
	p->r->pushed.deleted++;
	return push_in_transaction(p, j, NULL, write_deleted, err);
}

int push_in_transaction(struct push *p, struct job *j, struct json_object *answer,
			int (*write)(struct push *, struct job *, struct json_object *,
				     struct err *),
			struct err *err)
{
	AUTO(event_release) struct event now = {0};
	struct err why, gone;

	if (store_begin(p->e->store, err))
		return -1;
	if (!write(p, j, answer, &why))
		return store_commit(p->e->store, err);
	store_rollback(p->e->store);
	/* Taken back meanwhile: there is nothing left to write. A pull tells what Google has. */
	if (why.code == ERR_NOT_FOUND && store_event_get_row(p->e->store, j->rowid, &now, &gone) &&
	    gone.code == ERR_NOT_FOUND)
		return 0;
	*err = why;
	return -1;
}

static int write_remote(struct push *p, struct job *j, struct json_object *remote, struct err *err)
{
	AUTO(event_release) struct event now = {0};

	if (store_event_get_row(p->e->store, j->rowid, &now, err))
		return -1;
	if (!remote || (event_is_cancelled(remote) && !event_is_exception(remote)))
		return apply_gone(p->e, &now, remote, p->r, err);
	return apply_item(p->e, p->c, &now, remote, p->r, err);
}

int push_take_remote(struct push *p, struct job *j, struct json_object *remote, struct err *err)
{
	return push_in_transaction(p, j, remote, write_remote, err);
}

static int settle_good(struct push *p, struct job *j, struct json_object *answer, struct err *err)
{
	struct sync_counts *n = &p->r->pushed;

	if (j->kind == JOB_MOVE) { /* what is left of an edit is due */
		n->updated++;
		/* What it lost in its old calendar no pull of the new one tells. */
		if (event_is_master(answer))
			instance_note_other_series(p, j->row.id);
		return move_done(p, j, answer, err);
	}
	if (j->kind == JOB_LOOK)
		return instance_looked(p, j, answer, err);
	if (j->kind == JOB_DELETE)
		return push_deleted(p, j, err);
	j->state = JOB_DONE;
	if (j->kind == JOB_PATCH) {
		n->updated++;
		instance_note_change(p, j, answer);
	} else {
		n->created++;
	}
	return push_in_transaction(p, j, answer, write_answer, err);
}

/* A row goes on under another id, and its log with it. To those who follow what changes the old one
 * is gone, and a new one is there. */
static int rename_row(struct push *p, struct event *row, const char *id, struct err *err)
{
	struct json_object *seen = row->hidden ? NULL : row->resource;

	if (!strcmp(row->id, id))
		return store_event_put(p->e->store, row, err);
	if (store_history_rename(p->e->store, row->calendar_id, row->id, id, err) ||
	    engine_changed(p->e, row, "google", seen, NULL, err))
		return -1;
	xstr_set(&row->id, id);
	json_set_str(row->resource, "id", id);
	if (engine_changed(p->e, row, "google", NULL, seen ? row->resource : NULL, err))
		return -1;
	return store_event_put(p->e->store, row, err);
}

/* A changed occurrence of a series that is another one at Google now, which knows it by the id of that
 * series. */
static int follow_series(struct push *p, struct event *row, const struct event *series,
			 const char *old, struct err *err)
{
	AUTO(outbox_release) struct outbox op = {0};
	size_t n = strlen(old);
	AUTO(free) char *own = NULL;
	bool found, merged = false;

	if (strncmp(row->id, old, n) != 0 || row->id[n] != '_')
		return 0; /* of a split series, whose occurrences are named after the one before */
	if (store_outbox_get(p->e->store, row->rowid, &op, &found, err))
		return -1;
	own = xasprintf("%s%s", series->id, row->id + n);
	if (strcmp(own, row->id) != 0 &&
	    push_make_room(p, row, row->calendar_id, own, &merged, err))
		return -1;
	if (merged)
		return 0;
	json_set_str(row->resource, "recurringEventId", series->id);
	json_object_put(TAKE(row->base));
	xstr_set(&row->etag, NULL);
	row->at_google = event_is_cancelled(row->resource);
	row->sync_status = SYNC_LOCAL_ONLY;
	if (found && op.op == PENDING_DELETE) { /* computed there: it is looked at before it goes */
		row->at_google = false;
		op.move_from = 0;
		return rename_row(p, row, own, err) || store_outbox_put(p->e->store, &op, err) ? -1
											       : 0;
	}
	if (row->at_google) { /* it takes place there, until it is cancelled again */
		row->base = json_clone(row->resource);
		json_set_str(row->base, "status", "confirmed");
	} else if (instance_computed(p, series->resource, row->resource, &row->base, err)) {
		return -1;
	} else if (!row->base) {
		xstr_set(&row->etag, ETAG_UNKNOWN);
	}
	if (rename_row(p, row, own, err))
		return -1;
	op.event_rowid = row->rowid;
	op.move_from = 0;
	op.op = row->base ? PENDING_UPDATE : PENDING_CREATE;
	if (op.state == OUTBOX_CONFLICT) /* the version that it met is gone with the old series */
		op.state = OUTBOX_QUEUED;
	if (!found)
		op.created_ms = clock_now_ms(p->e->clock);
	return store_outbox_put(p->e->store, &op, err);
}

int push_series_renewed(struct push *p, const struct event *series, const char *old,
			struct err *err)
{
	AUTO(event_list_release) struct event_list occurrences = {0};
	struct event_query q = EVENT_QUERY_INIT;

	q.calendar_id = series->calendar_id;
	q.recurring_event_id = old;
	q.include_hidden = q.include_cancelled = true;
	if (store_event_list(p->e->store, &q, &occurrences, err))
		return -1;
	for (size_t i = 0; i < occurrences.count; i++)
		if (follow_series(p, &occurrences.items[i], series, old, err))
			return -1;
	return 0;
}

void push_event_renewed(struct event *row)
{
	AUTO(json_object_put)
	struct json_object *had = json_object_get(json_get(row->resource, "conferenceData"));

	event_new_conference(row->resource, had);
	if (row->base)
		event_new_conference(row->base, NULL);
}

/* The id belongs to somebody else, or cannot be used again: the event goes out under a new one. */
static int write_new_id(struct push *p, struct job *j, struct json_object *unused, struct err *err)
{
	AUTO(event_release) struct event now = {0};
	AUTO(free) char *old = NULL;
	bool merged;
	char id[27];

	(void)unused;
	if (store_event_get_row(p->e->store, j->rowid, &now, err))
		return -1;
	event_id_after(p->c->google_id, now.id, id);
	log_info("push", "event %s: the id is taken at Google, going on as %s", now.id, id);
	old = xstrdup(now.id);
	if (push_make_room(p, &now, now.calendar_id, id, &merged, err))
		return -1;
	xstr_set(&now.etag, NULL);
	push_event_renewed(&now);
	if (!merged && rename_row(p, &now, id, err))
		return -1;
	xstr_set(&now.id, id);
	return push_series_renewed(p, &now, old, err);
}

int push_new_id(struct push *p, struct job *j, struct err *err)
{
	j->renamed = true;
	return push_in_transaction(p, j, NULL, write_new_id, err);
}

/* The tombstone changed: go on with its new etag. */
static int write_tombstone(struct push *p, struct job *j, struct json_object *tombstone,
			   struct err *err)
{
	const char *etag = json_str(tombstone, "etag");
	AUTO(event_release) struct event now = {0};

	if (store_event_get_row(p->e->store, j->rowid, &now, err))
		return -1;
	xstr_set(&now.etag, etag ? etag : ETAG_UNKNOWN);
	return store_event_put(p->e->store, &now, err);
}

/* Deleted at Google before we heard that it had arrived. */
static int write_arrived_and_gone(struct push *p, struct job *j, struct json_object *unused,
				  struct err *err)
{
	AUTO(event_release) struct event now = {0};

	(void)unused;
	if (store_event_get_row(p->e->store, j->rowid, &now, err) ||
	    engine_changed(p->e, &now, "google", now.hidden ? NULL : now.resource, NULL, err))
		return -1;
	return store_event_delete(p->e->store, j->rowid, err);
}

int push_arrived_and_gone(struct push *p, struct job *j, struct err *err)
{
	p->r->pulled.deleted++;
	j->state = JOB_DONE;
	return push_in_transaction(p, j, NULL, write_arrived_and_gone, err);
}

/* Whether an event that answers to our id at Google is the one that we sent: we sent it before, it
 * says what we say, it was made since the edit was queued, or its id says that another store brought
 * the same event back. */
static bool is_ours(const struct push *p, const struct job *j, const struct json_object *remote)
{
	const char *created = json_str(remote, "created");
	struct rfc3339 t;
	struct err ignored;
	int64_t queued = j->op.created_ms + google_clock_skew_ms(p->e->google);

	if (j->tried_before || j->unsure || j->renamed || event_equal(j->row.resource, remote))
		return true;
	if (!created || rfc3339_parse(created, &t, &ignored) || !t.has_offset)
		return false;
	return t.utc * 1000 + 2000 >= queued; /* Google writes whole seconds */
}

static int settle_duplicate(struct push *p, struct job *j, struct err *err)
{
	AUTO(json_object_put) struct json_object *remote = NULL;
	struct err lookup;

	if (engine_get_event(p->e, p->c->google_id, j->row.id, GET_SURELY, &remote, &lookup)) {
		if (lookup.code != ERR_NOT_FOUND && lookup.code != ERR_GONE) {
			*err = lookup;
			return -1;
		}
		return push_new_id(p, j, err);
	}
	if (!is_ours(p, j, remote))
		return push_new_id(p, j, err);
	if (event_is_cancelled(remote)) /* gone is gone, unless it was edited here since */
		return j->renamed || (j->tried_before && !j->sent_before && !j->unsure)
			       ? push_in_transaction(p, j, remote, write_tombstone, err)
			       : push_arrived_and_gone(p, j, err);
	p->r->pushed.created++;
	return push_take_remote(p, j, remote, err);
}

/* Nothing is wrong with the event: it waits for a better time. */
int push_waits(struct push *p, struct job *j, const struct err *why, struct err *err)
{
	AUTO(outbox_release) struct outbox op = {0};
	AUTO(event_release) struct event now = {0};
	bool found;

	j->state = JOB_WAITS;
	keep_reason(p, why);
	if (store_begin(p->e->store, err))
		return -1;
	if (store_outbox_get(p->e->store, j->rowid, &op, &found, err))
		goto fail;
	if (!found) {
		store_rollback(p->e->store);
		return 0;
	}
	xstr_set(&op.last_error, why->msg);
	op.not_before_ms = queue_next_try_ms(p->e->clock, op.attempts, why);
	if (store_outbox_put(p->e->store, &op, err) ||
	    store_event_get_row(p->e->store, j->rowid, &now, err))
		goto fail;
	xstr_set(&now.last_error, why->msg);
	if (!store_event_put(p->e->store, &now, err))
		return store_commit(p->e->store, err);
fail:
	store_rollback(p->e->store);
	return -1;
}

int push_refused(struct push *p, struct job *j, const struct err *why, struct err *err)
{
	AUTO(outbox_release) struct outbox op = {0};
	AUTO(event_release) struct event now = {0};
	bool found;

	j->state = JOB_DONE;
	p->r->failed_events++;
	if (store_begin(p->e->store, err))
		return -1;
	if (store_outbox_get(p->e->store, j->rowid, &op, &found, err) ||
	    store_event_get_row(p->e->store, j->rowid, &now, err))
		goto fail;
	if (!found || now.changed_ms != j->row.changed_ms) {
		store_rollback(p->e->store); /* edited since: that version may do better */
		return 0;
	}
	op.state = OUTBOX_REFUSED;
	xstr_set(&op.last_error, why->msg);
	now.sync_status = SYNC_ERROR;
	xstr_set(&now.last_error, why->msg);
	if (!store_outbox_put(p->e->store, &op, err) && !store_event_put(p->e->store, &now, err))
		return store_commit(p->e->store, err);
fail:
	store_rollback(p->e->store);
	return -1;
}

/* Google has the version that the request was made against. */
static bool is_as_known(const struct job *j, const struct json_object *remote)
{
	const char *etag = json_str(remote, "etag");

	return etag && j->if_match && !strcmp(etag, j->if_match);
}

int push_missed(struct push *p, struct job *j, const struct err *why, struct err *err)
{
	if (j->missed)
		return push_waits(p, j, why, err);
	j->missed = true;
	return 0;
}

static int write_look_again(struct push *p, struct job *j, struct json_object *unused,
			    struct err *err)
{
	AUTO(event_release) struct event now = {0};

	(void)unused;
	if (store_event_get_row(p->e->store, j->rowid, &now, err))
		return -1;
	xstr_set(&now.etag, NULL);
	return store_event_put(p->e->store, &now, err);
}

/* 412, or the event is gone: see what Google has now, and plan anew. */
static int settle_moved_on(struct push *p, struct job *j, const struct err *why, struct err *err)
{
	AUTO(json_object_put) struct json_object *remote = NULL;
	AUTO(json_object_put) struct json_object *moved = NULL;
	struct err lookup;

	j->found_in = 0;
	if (engine_get_event(p->e, p->c->google_id, j->row.id, GET_SURELY, &remote, &lookup) &&
	    lookup.code != ERR_NOT_FOUND && lookup.code != ERR_GONE) {
		*err = lookup;
		return -1;
	}
	if (j->kind == JOB_PATCH && is_as_known(j, remote) && !json_object_object_length(j->body))
		return push_in_step(p, j, err);
	if (why->code != ERR_PRECONDITION && is_as_known(j, remote) && !event_is_cancelled(remote))
		return push_missed(p, j, why, err);
	/* Google does not find what it shows us, as it was when we asked to change it: an occurrence
	 * that its series no longer has, a tombstone that nothing can revive. Asking again changes
	 * nothing. */
	if (why->code != ERR_PRECONDITION && is_as_known(j, remote) && !j->missed) {
		j->missed = true; /* unless that passes */
		return 0;
	}
	if (why->code != ERR_PRECONDITION && is_as_known(j, remote) &&
	    event_is_exception(j->row.resource) && move_look_elsewhere(p, j, &moved, err))
		return -1;
	if (j->found_in) /* with its series */
		return push_follow(p, j, moved, err);
	if (why->code != ERR_PRECONDITION && is_as_known(j, remote))
		return j->kind == JOB_REVIVE ? push_new_id(p, j, err)
					     : push_refused(p, j, why, err);
	/* A series has changed, and with it what is computed from it: look at that again. */
	if (j->kind == JOB_DELETE && remote && !event_is_cancelled(remote) &&
	    occurrence_is_computed(&j->row) && !j->missed) {
		j->missed = true;
		return push_in_transaction(p, j, NULL, write_look_again, err);
	}
	if (j->kind == JOB_REVIVE && remote && event_is_cancelled(remote))
		return push_in_transaction(p, j, remote, write_tombstone, err);
	if (j->kind == JOB_REVIVE && !remote)
		return push_new_id(p, j, err);
	if (j->kind == JOB_DELETE && (!remote || event_is_cancelled(remote)))
		p->r->pushed.deleted++; /* by us before, or by somebody: it is what was wanted */
	return push_take_remote(p, j, remote, err);
}

/* Trouble that has nothing to do with this one event. */
bool push_is_general(const struct err *e)
{
	switch (e->code) {
	case ERR_TOKEN_EXPIRED:
	case ERR_NOT_CONNECTED:
	case ERR_NETWORK:
	case ERR_RATE_LIMITED:
	case ERR_UNAUTHORIZED:
	case ERR_STORE:
	case ERR_SECRET:
	case ERR_FAILED:
		return true;
	case ERR_FORBIDDEN:
		return !strcmp(e->reason, "insufficientPermissions") ||
		       !strcmp(e->reason, "accessNotConfigured");
	default:
		/* The login service's refusals (invalid_client, unauthorized_client): their names
		 * have an underscore, Calendar's reasons never do. */
		if (e->code == ERR_GOOGLE && strchr(e->reason, '_'))
			return true;
		/* An answer that is none: the request may have been carried out all the same. */
		return e->http_status && e->http_status < 400;
	}
}

static int write_forget_sent(struct push *p, struct job *j, struct json_object *unused,
			     struct err *err)
{
	AUTO(outbox_release) struct outbox op = {0};
	bool found;

	(void)unused;
	if (store_outbox_get(p->e->store, j->rowid, &op, &found, err))
		return -1;
	if (!found)
		return 0;
	op.sent = sent_drop_last(op.sent);
	return store_outbox_put(p->e->store, &op, err);
}

int push_forget_sent(struct push *p, struct job *j, struct err *err)
{
	if (!j->sent_now || j->unsure)
		return 0;
	j->sent_now = false;
	return push_in_transaction(p, j, NULL, write_forget_sent, err);
}

/* The calendar takes no writes from us any more. Of a move it may be either calendar: that one is
 * refused, so that it can be taken back. */
static bool has_lost_role(const struct job *j, const struct err *why)
{
	return j->kind != JOB_MOVE && why->code == ERR_FORBIDDEN &&
	       !strcmp(why->reason, "requiredAccessLevel");
}

static int settle_bad(struct push *p, struct job *j, const struct err *why, bool in_batch,
		      struct err *err)
{
	bool gone = why->code == ERR_NOT_FOUND || why->code == ERR_GONE;

	log_debug("push", "event %s: %s: %d %s", j->row.id, job_method(j->kind), why->http_status,
		  why->reason);
	if (push_is_general(why) || has_lost_role(j, why)) {
		if (in_batch) { /* a part is tried again, alone, with all the patience of a call */
			j->alone = true;
			return 0;
		}
		p->stop = true;
		return push_waits(p, j, why, err);
	}
	if (push_forget_sent(p, j, err))
		return -1;
	if (j->kind == JOB_MOVE && (gone || why->code == ERR_DUPLICATE))
		return move_missed(p, j, why, err);
	if (j->op.move_from && j->kind == JOB_DELETE && (gone || why->code == ERR_PRECONDITION))
		return move_delete_missed(p, j, why, err);
	if (j->kind == JOB_INSERT && why->code == ERR_DUPLICATE)
		return settle_duplicate(p, j, err);
	if (j->kind == JOB_INSERT && gone) /* the calendar, that is */
		return push_waits(p, j, why, err);
	if ((j->kind == JOB_DELETE && why->code == ERR_GONE) ||
	    (j->kind == JOB_LOOK && j->op.op == PENDING_DELETE && gone))
		return push_deleted(p, j, err);
	if (j->kind == JOB_LOOK && gone)
		return push_in_transaction(p, j, NULL, write_remote, err);
	if (why->code == ERR_PRECONDITION || gone)
		return settle_moved_on(p, j, why, err);
	if (j->kind == JOB_REVIVE)
		return push_new_id(p, j, err);
	return push_refused(p, j, why, err);
}

/* A good answer to a write is the event itself. An insert that Google gave another id all the
 * same is adopted under that one (sending it again would double it), unless it is another event's. */
static int check_answer(const struct push *p, const struct job *j, const struct json_object *answer,
			bool *out_good, struct err *err)
{
	AUTO(event_release) struct event other = {0};
	const char *id = wire_item_id(answer);
	struct err unreadable;
	bool taken;

	*out_good = j->kind == JOB_DELETE;
	if (*out_good || !id || aside_check(answer, &unreadable))
		return 0;
	*out_good = !strcmp(id, j->row.id);
	if (*out_good || j->kind != JOB_INSERT)
		return 0;
	if (store_event_get(p->e->store, p->c->id, id, &other, &taken, err))
		return -1;
	*out_good = !taken;
	return 0;
}

int push_settle(struct push *p, struct job *j, struct json_object *answer, const struct err *why,
		bool in_batch, struct err *err)
{
	struct err odd;
	bool good;
	int result;

	if (why->code == ERR_NONE) {
		if (check_answer(p, j, answer, &good, err))
			return -1;
		if (good)
			return settle_good(p, j, answer, err);
		no_event(&odd);
		why = &odd;
		if (!in_batch) /* the others have nothing to do with it */
			return push_waits(p, j, why, err);
	}
	result = settle_bad(p, j, why, in_batch, err);
	if (result && err->code != ERR_STORE && push_is_general(err)) {
		/* A look-up that it took did not get through: later. */
		struct err lookup = *err;

		p->stop = lookup.code != ERR_GOOGLE; /* no event: of this one alone */
		return push_waits(p, j, &lookup, err);
	}
	return result;
}

int push_in_step(struct push *p, struct job *j, struct err *err)
{
	j->state = JOB_DONE;
	return push_in_transaction(p, j, j->row.base, write_answer, err);
}

int push_look(struct push *p, struct job *j, struct err *err)
{
	struct err why = {0};

	err_set(&why, ERR_PRECONDITION, "what was sent was never answered");
	return push_settle(p, j, NULL, &why, false, err);
}
