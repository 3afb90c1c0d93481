/* What became of a request that was pushed: into the store, and the next step of its job. What
 * Google did not carry out goes on in refusal.c. */
#include "sync/push.h"

#include <string.h>

#include "base/time.h"
#include "base/xalloc.h"
#include "base/banned.h"
#include "model/event.h"
#include "sync/merge.h"
#include "sync/occurrences.h"
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

/* Whether Google may only compute the occurrence still: no patch has gone out, or what went out has
 * not arrived. */
static int may_be_computed(struct push *p, const struct event *row, struct json_object *remote,
			   bool *out, struct err *err)
{
	AUTO(json_object_put) struct json_object *common = NULL;
	AUTO(outbox_release) struct outbox op = {0};
	bool found;

	*out = occurrence_is_computed(row);
	if (!*out)
		return 0;
	if (store_outbox_get(p->e->store, row->rowid, &op, &found, err))
		return -1;
	common = sent_base(op.sent, row->base, remote);
	*out = !op.sent || event_equal(common, row->base);
	return 0;
}

static int write_remote(struct push *p, struct job *j, struct json_object *remote, struct err *err)
{
	bool gone = !remote || (event_is_cancelled(remote) && !event_is_exception(remote));
	AUTO(event_release) struct event now = {0};
	bool was_computed, taken;

	if (store_event_get_row(p->e->store, j->rowid, &now, err))
		return -1;
	/* Moved on while it was asked for: the move tells the rest. */
	if (now.calendar_id != p->c->id)
		return gone ? 0 : move_seen_at_source(p->e, p->c, remote, p->r, &taken, err);
	if (gone)
		return apply_gone(p->e, &now, remote, p->r, err);
	if (may_be_computed(p, &now, remote, &was_computed, err) ||
	    apply_item(p->e, p->c, &now, remote, p->r, err))
		return -1;
	return was_computed ? instance_merged(p, j->rowid, remote, true, err) : 0;
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

/* A good answer to a write is the event itself. An insert that Google gave another id all the
 * same is adopted under that one (sending it again would double it), unless it is another
 * event's. */
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
	result = push_settle_bad(p, j, why, in_batch, err);
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
