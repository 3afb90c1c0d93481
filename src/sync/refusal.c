/* What Google did not carry out, and what that leads to: another round of the job, a later try, an
 * event that is adopted, renamed or gone, or a refusal that waits for an edit. */
#include "sync/push.h"

#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "base/xalloc.h"
#include "base/banned.h"
#include "model/event.h"
#include "sync/occurrences.h"
#include "sync/queue.h"
#include "sync/sent.h"

static void keep_reason(struct push *p, const struct err *err)
{
	if (p->why.code == ERR_NONE)
		p->why = *err;
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
 * says what we say, it was made since the edit was queued, or its id says that another store
 * brought the same event back. */
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

/* Whether what was deleted there came from an earlier version than the one that is here: of those
 * that were sent and never answered, only one can have arrived. */
static bool arrived_before_edit(const struct job *j, const struct json_object *tombstone)
{
	AUTO(json_object_put) struct json_object *came_from = NULL;

	if (!json_has(tombstone, "start"))
		return false;
	came_from = sent_base(j->op.sent, NULL, tombstone);
	return came_from && !event_equal(came_from, j->row.resource);
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
		return j->renamed || (j->tried_before && !j->sent_before && !j->unsure) ||
				       arrived_before_edit(j, remote)
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
	if (store_begin(p->e->store, err))
		return -1;
	if (store_outbox_get(p->e->store, j->rowid, &op, &found, err) ||
	    store_event_get_row(p->e->store, j->rowid, &now, err))
		goto fail;
	if (!found || now.changed_ms != j->row.changed_ms) {
		store_rollback(p->e->store); /* edited since: that version may do better */
		return 0;
	}
	p->r->failed_events++;
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

/*
 * Google does not find what it shows us, as it was when we asked to change it: that passes, or it is an
 * occurrence that its series no longer has, or a tombstone that nothing can revive. An occurrence may
 * have gone elsewhere with its series. Asking once more changes nothing.
 */
static int settle_stuck(struct push *p, struct job *j, const struct err *why, struct err *err)
{
	AUTO(json_object_put) struct json_object *moved = NULL;

	if (!j->missed) {
		j->missed = true;
		return 0;
	}
	if (event_is_exception(j->row.resource)) {
		if (move_look_elsewhere(p, j, &moved, err))
			return -1;
		if (j->found_in)
			return push_follow(p, j, moved, err);
	}
	return j->kind == JOB_REVIVE ? push_new_id(p, j, err) : push_refused(p, j, why, err);
}

/* 412, or the event is gone: see what Google has now, and plan anew. */
static int settle_moved_on(struct push *p, struct job *j, const struct err *why, struct err *err)
{
	AUTO(json_object_put) struct json_object *remote = NULL;
	struct err lookup;
	bool as_known, cancelled;

	if (engine_get_event(p->e, p->c->google_id, j->row.id, GET_SURELY, &remote, &lookup) &&
	    lookup.code != ERR_NOT_FOUND && lookup.code != ERR_GONE) {
		*err = lookup;
		return -1;
	}
	as_known = is_as_known(j, remote);
	cancelled = event_is_cancelled(remote);
	if (j->kind == JOB_PATCH && as_known && !json_object_object_length(j->body))
		return push_in_step(p, j, err);
	if (why->code != ERR_PRECONDITION && as_known)
		return cancelled ? settle_stuck(p, j, why, err) : push_missed(p, j, why, err);
	/* A series has changed, and with it what is computed from it: look at that again. */
	if (j->kind == JOB_DELETE && remote && !cancelled && occurrence_is_computed(&j->row) &&
	    !j->missed) {
		j->missed = true;
		return push_in_transaction(p, j, NULL, write_look_again, err);
	}
	if (j->kind == JOB_REVIVE && cancelled)
		return push_in_transaction(p, j, remote, write_tombstone, err);
	if (j->kind == JOB_REVIVE && !remote)
		return push_new_id(p, j, err);
	if (j->kind == JOB_DELETE && (!remote || cancelled))
		return delete_is_done(p, j, remote, err);
	return push_take_remote(p, j, remote, err);
}

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

int push_settle_bad(struct push *p, struct job *j, const struct err *why, bool in_batch,
		    struct err *err)
{
	bool gone = why->code == ERR_NOT_FOUND || why->code == ERR_GONE;
	bool general = push_is_general(why) || has_lost_role(j, why);

	log_debug("push", "event %s: %s: %d %s", j->row.id, job_method(j->kind), why->http_status,
		  why->reason);
	/* A rate limit comes before anything is carried out, or, kept to by ourselves, before it is
	 * sent. */
	if ((!general || why->code == ERR_RATE_LIMITED) && push_forget_sent(p, j, err))
		return -1;
	if (general) {
		if (in_batch) { /* a part is tried again, alone, with all the patience of a call */
			j->alone = true;
			return 0;
		}
		p->stop = true;
		return push_waits(p, j, why, err);
	}
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
		return delete_is_done(p, j, NULL, err);
	if (j->kind == JOB_LOOK && gone)
		return push_take_remote(p, j, NULL, err);
	if (why->code == ERR_PRECONDITION || gone)
		return settle_moved_on(p, j, why, err);
	if (j->kind == JOB_REVIVE)
		return push_new_id(p, j, err);
	return push_refused(p, j, why, err);
}
