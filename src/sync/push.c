/*
 * Pushing: what waits in the outbox, to Google.
 *
 *   QUEUED --[prepare: attempt recorded, committed]--> SENT --[settle]--> done, row in step
 *      ^                                                |
 *      +------[again: 409, 412, 404, no answer]---------+----> REFUSED (4xx: waits for an edit)
 *
 * I1  An attempt is committed before its first byte is sent: order matters: intent, send, result.
 * I2  Sending again is harmless: an insert carries an id that we chose (409: read it, is it ours?),
 *     update and delete carry the etag that they were planned against (412: read, merge, again).
 * I3  What was edited here while its request was under way is merged over the answer, never lost.
 */
#include "sync/push.h"

#include <string.h>

#include "base/xalloc.h"
#include "base/banned.h"
#include "model/event.h"
#include "sync/sent.h"

#define ROUNDS_MAX 8 /* of one event in one run: 409, 412, ... may each cost another */

static int prepare_all(struct push *p, struct job **round, size_t *out_count, struct err *err)
{
	*out_count = 0;
	if (store_begin(p->e->store, err))
		return -1;
	for (size_t i = 0; i < p->count; i++) {
		struct job *j = &p->jobs[i];
		bool send;

		if (j->state != JOB_DUE)
			continue;
		if (job_prepare(p, j, &send, err)) {
			store_rollback(p->e->store);
			return -1;
		}
		if (send)
			round[(*out_count)++] = j;
	}
	return store_commit(p->e->store, err);
}

static struct gcall job_call(const struct job *j)
{
	return (struct gcall){
		.method = job_method(j->kind),
		.path = j->path.buf,
		.body = j->body,
		.if_match = j->if_match,
	};
}

static int send_one(struct push *p, struct job *j, struct err *err)
{
	AUTO(json_object_put) struct json_object *answer = NULL;
	struct gcall call = job_call(j);
	struct err why = {0};

	j->went_out = true;
	if (job_is_empty_patch(j)) /* back to what Google had, unless what was tried has arrived */
		return j->tried_before ? push_look(p, j, err) : push_in_step(p, j, err);
	if (job_is_unguarded(j))
		return delete_look(p, j, err);
	if (job_has_to_look(j))
		return revive_look(p, j, err);
	j->looked = false;
	if (!google_call(p->e->google, &call, &answer, &why))
		why = (struct err){0};
	j->unsure = google_was_unsure(p->e->google);
	return push_settle(p, j, answer, &why, false, err);
}

static int send_batch(struct push *p, struct job **jobs, size_t count, struct err *err)
{
	struct gresult results[GOOGLE_BATCH_MAX] = {0};
	struct gcall calls[GOOGLE_BATCH_MAX] = {0};
	struct err why;
	int failed, result = 0;

	for (size_t i = 0; i < count; i++) {
		calls[i] = job_call(jobs[i]);
		jobs[i]->went_out = true;
	}
	failed = google_batch(p->e->google, calls, count, results, &why);
	for (size_t i = 0; i < count; i++)
		jobs[i]->unsure = google_was_unsure(p->e->google);
	if (failed) {
		/* A refusal of the envelope (a proxy that knows no batches, a smaller limit) says
		 * nothing of its parts: they go out one by one. */
		p->stop = push_is_general(&why);
		for (size_t i = 0; i < count && !result; i++) {
			jobs[i]->alone = true;
			if (!p->stop || why.code == ERR_RATE_LIMITED) /* not carried out */
				result = push_forget_sent(p, jobs[i], err);
			if (!result && p->stop)
				result = push_waits(p, jobs[i], &why, err);
		}
		return result;
	}
	for (size_t i = 0; i < count; i++) {
		if (!result)
			result = push_settle(p, jobs[i], results[i].json, &results[i].err, true,
					     err);
		gresult_release(&results[i]);
	}
	return result;
}

static bool fits_batch(const struct job *j)
{
	return !j->alone && !job_is_empty_patch(j) && j->kind != JOB_REVIVE && !job_is_unguarded(j);
}

/* Prepared, and then nothing more could be sent: no attempt, which would let a later one take an
 * event with its id for ours. */
static int take_back_attempt(struct push *p, const struct job *j, struct err *err)
{
	AUTO(outbox_release) struct outbox op = {0};
	bool found;

	if (j->kind == JOB_LOOK) /* counts as none */
		return 0;
	if (store_outbox_get(p->e->store, j->rowid, &op, &found, err))
		return -1;
	if (!found || op.attempts == 0) /* edited meanwhile */
		return 0;
	op.attempts--;
	if (j->sent_now)
		op.sent = sent_drop_last(op.sent);
	return store_outbox_put(p->e->store, &op, err);
}

static int take_back_attempts(struct push *p, struct job **round, size_t count, struct err *err)
{
	if (store_begin(p->e->store, err))
		return -1;
	for (size_t i = 0; i < count; i++) {
		if (!round[i]->went_out && take_back_attempt(p, round[i], err)) {
			store_rollback(p->e->store);
			return -1;
		}
	}
	return store_commit(p->e->store, err);
}

static int send_round(struct push *p, struct job **round, size_t count, struct err *err)
{
	struct job *batch[GOOGLE_BATCH_MAX];
	size_t waiting = 0;

	for (size_t i = 0; i < count && !p->stop; i++) {
		if (count > 1 && fits_batch(round[i])) {
			batch[waiting++] = round[i];
			if (waiting < GOOGLE_BATCH_MAX)
				continue;
			waiting = 0;
			if (send_batch(p, batch, GOOGLE_BATCH_MAX, err))
				return -1;
		} else if (send_one(p, round[i], err)) {
			return -1;
		}
	}
	if (p->stop)
		return take_back_attempts(p, round, count, err);
	if (!waiting)
		return 0;
	return waiting == 1 ? send_one(p, batch[0], err) : send_batch(p, batch, waiting, err);
}

/* The series waits for a person, not for another try: so does the occurrence, and no sync fails. */
static int wait_for_person(struct push *p, struct job *j, struct err *err)
{
	const char *why = "Google refused its series";

	if (j->series_state == OUTBOX_HELD)
		why = "its series is kept back by --no-sync";
	else if (j->series_state == OUTBOX_CONFLICT)
		why = "its series was changed on both sides";
	j->state = JOB_DONE;
	if (j->op.last_error && !strcmp(j->op.last_error, why))
		return 0;
	xstr_set(&j->op.last_error, why);
	return store_outbox_put(p->e->store, &j->op, err);
}

/* After the last round: what is still due waits, each with its own reason. That is trouble of these
 * events alone, which must not keep the others and Google's changes away. */
static int leave_the_rest(struct push *p, struct err *err)
{
	struct err series, moving;

	err_set(&series, ERR_GOOGLE, "its series is not at Google yet");
	err_set(&moving, ERR_GOOGLE, "it keeps changing at Google: later");
	for (size_t i = 0; i < p->count; i++) {
		struct job *j = &p->jobs[i];
		int result = 0;

		if (j->state != JOB_DUE)
			continue;
		if (j->for_series && j->series_state != OUTBOX_QUEUED)
			result = wait_for_person(p, j, err);
		else if (j->for_series || !p->stop)
			result = push_waits(p, j, j->for_series ? &series : &moving, err);
		if (result)
			return -1;
	}
	return 0;
}

static int push_jobs(struct push *p, struct err *err)
{
	AUTO(free) struct job **round = xcalloc(p->count, sizeof(*round));

	for (int n = 0; n < ROUNDS_MAX && !p->stop; n++) {
		size_t count;

		if (prepare_all(p, round, &count, err))
			return -1;
		if (!count)
			break;
		if (send_round(p, round, count, err))
			return -1;
	}
	if (leave_the_rest(p, err))
		return -1;
	if (p->why.code != ERR_NONE) {
		*err = p->why;
		return -1;
	}
	return 0;
}

static bool listed(int64_t rowid, const int64_t *rowids, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (rowids[i] == rowid)
			return true;
	return false;
}

/* Whether an entry is one of rowids (NULL = any) and lies in the run's window, if it has one. */
static int wanted(const struct push *p, const struct outbox *op, const int64_t *rowids,
		  size_t count, bool *out, struct err *err)
{
	const struct sync_options *o = p->e->options;
	AUTO(event_list_release) struct event_list l = {0};
	struct event_query q = EVENT_QUERY_INIT;

	*out = !rowids || listed(op->event_rowid, rowids, count);
	if (!*out || !o->has_window)
		return 0;
	q.calendar_id = p->c->id;
	q.id = op->event_id;
	q.has_start = q.has_end = q.masters = true; /* a series by its occurrences */
	q.start_utc = o->start_utc;
	q.end_utc = o->end_utc;
	q.include_hidden = q.include_cancelled = true;
	if (store_event_list(p->e->store, &q, &l, err))
		return -1;
	*out = l.count > 0;
	return 0;
}

static void count_plan(struct push *p, const struct outbox *op)
{
	struct sync_counts *n = &p->r->pushed;

	if (op->op == PENDING_CREATE)
		n->created++;
	else if (op->op == PENDING_UPDATE)
		n->updated++;
	else
		n->deleted++;
}

/* The events that were named, and the series of occurrences among them: those go first. */
static int with_series(struct engine *e, const struct calendar *c, const int64_t *rowids,
		       size_t *count, int64_t **out, struct err *err)
{
	AUTO(free) int64_t *all = xcalloc(*count * 2, sizeof(*all));
	size_t n = *count;

	for (size_t i = 0; i < *count; i++) {
		AUTO(event_release) struct event row = {0};
		AUTO(event_release) struct event master = {0};
		bool found = false;
		struct err gone;

		all[i] = rowids[i];
		if (store_event_get_row(e->store, rowids[i], &row, &gone))
			continue; /* deleted since, or of another calendar's turn */
		if (row.calendar_id == c->id && event_is_exception(row.resource) &&
		    store_event_get(e->store, c->id, json_str(row.resource, "recurringEventId"),
				    &master, &found, err))
			return -1;
		if (found)
			all[n++] = master.rowid;
	}
	*count = n;
	*out = TAKE(all);
	return 0;
}

int push_calendar(struct engine *e, const struct calendar *c, const int64_t *rowids, size_t count,
		  struct calendar_result *r, struct err *err)
{
	AUTO(account_release) struct account account = {0};
	AUTO(outbox_list_release) struct outbox_list list = {0};
	AUTO(free) int64_t *all = NULL;
	struct push p = {.e = e, .c = c, .r = r};
	int result = 0;

	if (store_account_get(e->store, c->account, &account, err))
		return -1;
	/* An edit from before it was connected read-only waits for a login that may write; one in a
	 * calendar where the role was lost waits until it is back. queue_why_unsent() says so. */
	if (account.read_only || c->gone || !calendar_takes_writes(c))
		return 0;
	/* A queue that is drained keeps to the times of the next tries; a sync that somebody (or an
	 * hourly timer) asked for tries everything. */
	if (store_outbox_list(e->store, 0, c->id,
			      e->options->queued ? clock_now_ms(e->clock) : INT64_MAX, 0, &list,
			      err) ||
	    (rowids && with_series(e, c, rowids, &count, &all, err)))
		return -1;
	p.jobs = xcalloc(list.count, sizeof(*p.jobs));
	for (size_t i = 0; i < list.count && !result; i++) {
		bool take = false;

		result = wanted(&p, &list.items[i], all, count, &take, err);
		if (take && e->options->dry_run) {
			count_plan(&p, &list.items[i]);
		} else if (take) {
			p.jobs[p.count].path = (struct strbuf)STRBUF_INIT;
			p.jobs[p.count++].rowid = list.items[i].event_rowid;
		}
	}
	if (!result && p.count)
		result = push_jobs(&p, err);
	/* A pull would tell, too; after a single edit there is none. */
	if (!result && (rowids || p.other_series))
		result = instance_read_again(&p, err);
	json_object_put(p.reset);
	for (size_t i = 0; i < p.count; i++)
		job_reset(&p.jobs[i]);
	free(p.jobs);
	return result;
}
