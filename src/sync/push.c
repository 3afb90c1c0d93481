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
#include "sync/engine.h"

#include <string.h>

#include "base/log.h"
#include "base/random.h"
#include "base/time.h"
#include "base/xalloc.h"
#include "base/banned.h"
#include "model/event.h"
#include "sync/merge.h"

#define ROUNDS_MAX 5 /* of one event in one run: 409, 412, ... may each cost another */

enum job_state { JOB_DUE, JOB_DONE, JOB_WAITS };
enum job_kind { JOB_INSERT, JOB_REVIVE, JOB_PATCH, JOB_DELETE };

struct job {
	int64_t rowid;
	enum job_state state;
	enum job_kind kind;
	bool alone;        /* not in a batch */
	bool tried_before; /* an earlier attempt may have reached Google */
	struct event row;  /* as sent */
	struct outbox op;
	struct strbuf path;
	struct json_object *body;
	char *if_match;
};

struct push {
	struct engine *e;
	const struct calendar *c;
	struct calendar_result *r;
	struct job *jobs;
	size_t count;
	bool stop;      /* nothing more can be sent in this run */
	struct err why; /* the first reason why something still waits */
};

static void job_reset(struct job *j)
{
	event_release(&j->row);
	outbox_release(&j->op);
	memset(&j->row, 0, sizeof(j->row));
	memset(&j->op, 0, sizeof(j->op));
	strbuf_release(&j->path);
	json_object_put(TAKE(j->body));
	free(TAKE(j->if_match));
}

static void keep_reason(struct push *p, const struct err *err)
{
	if (p->why.code == ERR_NONE)
		p->why = *err;
}

/* --- prepare ------------------------------------------------------------------------------- */

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
	json_set_str(j->body, "status", "confirmed");
	set_path(p, j, j->row.id);
	if (strcmp(j->row.etag, ETAG_UNKNOWN) != 0)
		j->if_match = xstrdup(j->row.etag);
}

/* The request for one job from the row as it is now. out_send false: nothing is left to send. */
static int prepare(struct push *p, struct job *j, bool *out_send, struct err *err)
{
	bool found;

	job_reset(j);
	*out_send = false;
	if (store_outbox_get(p->e->store, j->rowid, &j->op, &found, err))
		return -1;
	if (!found || j->op.state != OUTBOX_QUEUED) {
		j->state = JOB_DONE;
		return 0;
	}
	if (store_event_get_row(p->e->store, j->rowid, &j->row, err))
		return -1;
	j->alone |= is_type(j->row.resource, "workingLocation"); /* not supported in batches */
	j->tried_before = j->op.attempts > 0;
	switch (j->op.op) {
	case PENDING_CREATE:
		prepare_create(p, j);
		break;
	case PENDING_UPDATE:
		j->kind = JOB_PATCH;
		j->body = event_patch(j->row.base, j->row.resource);
		j->if_match = xstrdup_null(j->row.etag);
		set_path(p, j, j->row.id);
		break;
	default:
		j->kind = JOB_DELETE;
		j->if_match = xstrdup_null(j->row.at_google ? j->row.etag : NULL);
		set_path(p, j, j->row.id);
	}
	j->op.attempts++;
	*out_send = true;
	return store_outbox_put(p->e->store, &j->op, err);
}

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
		if (prepare(p, j, &send, err)) {
			store_rollback(p->e->store);
			return -1;
		}
		if (send)
			round[(*out_count)++] = j;
	}
	return store_commit(p->e->store, err);
}

static const char *method(enum job_kind kind)
{
	static const char *const methods[] = {
		[JOB_INSERT] = "POST",
		[JOB_REVIVE] = "PUT",
		[JOB_PATCH] = "PATCH",
		[JOB_DELETE] = "DELETE",
	};

	return methods[kind];
}

static struct gcall job_call(const struct job *j)
{
	return (struct gcall){
		.method = method(j->kind),
		.path = j->path.buf,
		.body = j->kind == JOB_DELETE ? NULL : j->body,
		.if_match = j->if_match,
	};
}

/* --- settle -------------------------------------------------------------------------------- */

static int read_remote(struct push *p, const char *id, struct json_object **out, struct err *err)
{
	AUTO(strbuf_release) struct strbuf path = STRBUF_INIT;
	struct gcall call = {.method = "GET"};

	path_events(&path, p->c->google_id, id);
	call.path = path.buf;
	return google_call(p->e->google, &call, out, err);
}

/* Google's answer over an edit that was made here while the request was under way. */
static int merge_answer(struct push *p, const struct job *j, struct event *now,
			struct json_object *answer, struct err *err)
{
	AUTO(outbox_release) struct outbox op = {0};
	struct merge_result m;
	bool found;

	if (store_outbox_get(p->e->store, now->rowid, &op, &found, err))
		return -1;
	merge_event(j->row.resource, now->resource, answer, true, &m);
	if (!now->hidden) {
		json_object_put(now->resource);
		now->resource = json_object_get(m.merged);
	}
	json_object_put(m.merged);
	json_object_put(now->base);
	now->base = json_clone(answer);
	xstr_set(&now->etag, json_str(answer, "etag"));
	now->at_google = true;
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

static int write_deleted(struct push *p, struct job *j, struct err *err)
{
	return store_event_delete(p->e->store, j->rowid, err);
}

static int in_transaction(struct push *p, struct job *j, struct json_object *answer,
			  int (*write)(struct push *, struct job *, struct json_object *,
				       struct err *),
			  struct err *err)
{
	if (store_begin(p->e->store, err))
		return -1;
	if (!write(p, j, answer, err))
		return store_commit(p->e->store, err);
	store_rollback(p->e->store);
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

static int settle_good(struct push *p, struct job *j, struct json_object *answer, struct err *err)
{
	struct sync_counts *n = &p->r->pushed;

	j->state = JOB_DONE;
	if (j->kind == JOB_DELETE) {
		n->deleted++;
		return write_deleted(p, j, err);
	}
	if (j->kind == JOB_PATCH)
		n->updated++;
	else
		n->created++;
	return in_transaction(p, j, answer, write_answer, err);
}

/* The id belongs to somebody else, or cannot be used again: the event goes out under a new one. */
static int write_new_id(struct push *p, struct job *j, struct json_object *unused, struct err *err)
{
	AUTO(event_release) struct event now = {0};
	char id[27];

	(void)unused;
	if (store_event_get_row(p->e->store, j->rowid, &now, err))
		return -1;
	random_event_id(id);
	log_info("push", "event %s: the id is taken at Google, going on as %s", now.id, id);
	xstr_set(&now.id, id);
	json_set_str(now.resource, "id", id);
	xstr_set(&now.etag, NULL);
	return store_event_put(p->e->store, &now, err);
}

/* Whether an event that answers to our id at Google is the one that we sent: we sent it before, it
 * says what we say, or it was made since the edit was queued. */
static bool is_ours(const struct push *p, const struct job *j, const struct json_object *remote)
{
	const char *created = json_str(remote, "created");
	struct rfc3339 t;
	struct err ignored;
	int64_t queued = j->op.created_ms + google_clock_skew_ms(p->e->google);

	if (j->tried_before || event_equal(j->row.resource, remote))
		return true;
	if (!created || rfc3339_parse(created, &t, &ignored) || !t.has_offset)
		return false;
	return t.utc * 1000 + 2000 >= queued; /* Google writes whole seconds */
}

static int settle_duplicate(struct push *p, struct job *j, struct err *err)
{
	AUTO(json_object_put) struct json_object *remote = NULL;
	struct err lookup;

	if (read_remote(p, j->row.id, &remote, &lookup)) {
		if (lookup.code != ERR_NOT_FOUND && lookup.code != ERR_GONE) {
			*err = lookup;
			return -1;
		}
		return in_transaction(p, j, NULL, write_new_id, err);
	}
	if (!is_ours(p, j, remote))
		return in_transaction(p, j, NULL, write_new_id, err);
	if (event_is_cancelled(remote)) {
		/* It arrived, and was deleted there before we heard of it: gone is gone. */
		p->r->pulled.deleted++;
		j->state = JOB_DONE;
		return write_deleted(p, j, err);
	}
	p->r->pushed.created++;
	return in_transaction(p, j, remote, write_remote, err);
}

/* Google does not find what it shows us, as it was when we asked to change it: an occurrence that
 * its series no longer has, a tombstone that nothing can revive. Asking again changes nothing. */
static bool is_stuck(const struct job *j, const struct json_object *remote, const struct err *why)
{
	const char *etag = json_str(remote, "etag");

	return why->code != ERR_PRECONDITION && etag && j->if_match && !strcmp(etag, j->if_match);
}

static int write_refused(struct push *p, struct job *j, const struct err *why, struct err *err);

/* 412, or the event is gone: see what Google has now, and plan anew. */
static int settle_moved_on(struct push *p, struct job *j, const struct err *why, struct err *err)
{
	AUTO(json_object_put) struct json_object *remote = NULL;
	struct err lookup;

	if (read_remote(p, j->row.id, &remote, &lookup) && lookup.code != ERR_NOT_FOUND &&
	    lookup.code != ERR_GONE) {
		*err = lookup;
		return -1;
	}
	if (is_stuck(j, remote, why))
		return j->kind == JOB_REVIVE ? in_transaction(p, j, NULL, write_new_id, err)
					     : write_refused(p, j, why, err);
	if (j->kind == JOB_REVIVE && remote && event_is_cancelled(remote)) {
		/* The tombstone changed: go on with its new etag. */
		xstr_set(&j->row.etag, json_str(remote, "etag"));
		return store_event_put(p->e->store, &j->row, err);
	}
	if (j->kind == JOB_REVIVE && !remote)
		return in_transaction(p, j, NULL, write_new_id, err);
	if (j->kind == JOB_DELETE && (!remote || event_is_cancelled(remote)))
		p->r->pushed.deleted++; /* by us before, or by somebody: it is what was wanted */
	return in_transaction(p, j, remote, write_remote, err);
}

/* Nothing is wrong with the event: it waits for a better time. */
static int write_waits(struct push *p, struct job *j, const struct err *why, struct err *err)
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
	if (!found || (op.last_error && !strcmp(op.last_error, why->msg))) {
		store_rollback(p->e->store);
		return 0;
	}
	xstr_set(&op.last_error, why->msg);
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

/* Google said no to this event: it is not sent again until it is edited. */
static int write_refused(struct push *p, struct job *j, const struct err *why, struct err *err)
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

/* Trouble that has nothing to do with this one event. */
static bool is_general(const struct err *e)
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
		/* An answer that is none: the request may have been carried out all the same. */
		return e->http_status && e->http_status < 400;
	}
}

static int settle_bad(struct push *p, struct job *j, const struct err *why, bool in_batch,
		      struct err *err)
{
	bool gone = why->code == ERR_NOT_FOUND || why->code == ERR_GONE;

	log_debug("push", "event %s: %s: %d %s", j->row.id, method(j->kind), why->http_status,
		  why->reason);
	if (is_general(why)) {
		if (in_batch) { /* a part is tried again, alone, with all the patience of a call */
			j->alone = true;
			return 0;
		}
		p->stop = true;
		return write_waits(p, j, why, err);
	}
	if (j->kind == JOB_INSERT && why->code == ERR_DUPLICATE)
		return settle_duplicate(p, j, err);
	if (j->kind == JOB_INSERT && gone) /* the calendar, that is */
		return write_waits(p, j, why, err);
	if (j->kind == JOB_DELETE && gone)
		return settle_good(p, j, NULL, err);
	if (why->code == ERR_PRECONDITION || gone)
		return settle_moved_on(p, j, why, err);
	if (j->kind == JOB_REVIVE)
		return in_transaction(p, j, NULL, write_new_id, err);
	return write_refused(p, j, why, err);
}

/* A good answer to a write is the event itself. An insert that Google gave another id all the
 * same is adopted under that one: sending it again would double it. */
static bool is_event(const struct job *j, const struct json_object *answer)
{
	const char *id = json_str(answer, "id");

	return j->kind == JOB_DELETE || (id && (j->kind == JOB_INSERT || !strcmp(id, j->row.id)));
}

static int settle(struct push *p, struct job *j, struct json_object *answer, const struct err *why,
		  bool in_batch, struct err *err)
{
	struct err odd;
	int result;

	if (why->code == ERR_NONE && !is_event(j, answer)) {
		err_set(&odd, ERR_GOOGLE, "Google's answer is no event");
		odd.http_status = 200;
		why = &odd;
	}
	if (why->code == ERR_NONE)
		return settle_good(p, j, answer, err);
	result = settle_bad(p, j, why, in_batch, err);
	if (result && err->code != ERR_STORE && is_general(err)) {
		/* A look-up that it took did not get through: later. */
		struct err lookup = *err;

		p->stop = true;
		return write_waits(p, j, &lookup, err);
	}
	return result;
}

/* --- rounds -------------------------------------------------------------------------------- */

static int send_one(struct push *p, struct job *j, struct err *err)
{
	AUTO(json_object_put) struct json_object *answer = NULL;
	struct gcall call = job_call(j);
	struct err why = {0};

	if (j->kind == JOB_PATCH && !json_object_object_length(j->body)) {
		j->state = JOB_DONE; /* both sides say the same already */
		return in_transaction(p, j, j->row.base, write_answer, err);
	}
	google_call(p->e->google, &call, &answer, &why);
	return settle(p, j, answer, &why, false, err);
}

static int send_batch(struct push *p, struct job **jobs, size_t count, struct err *err)
{
	struct gresult results[GOOGLE_BATCH_MAX] = {0};
	struct gcall calls[GOOGLE_BATCH_MAX] = {0};
	struct err why;
	int result = 0;

	for (size_t i = 0; i < count; i++)
		calls[i] = job_call(jobs[i]);
	if (google_batch(p->e->google, calls, count, results, &why)) {
		/* A refusal of the envelope (a proxy that knows no batches, a smaller limit) says
		 * nothing of its parts: they go out one by one. */
		p->stop = is_general(&why);
		for (size_t i = 0; i < count && !result; i++) {
			jobs[i]->alone = true;
			if (p->stop)
				result = write_waits(p, jobs[i], &why, err);
		}
		return result;
	}
	for (size_t i = 0; i < count; i++) {
		if (!result)
			result = settle(p, jobs[i], results[i].json, &results[i].err, true, err);
		gresult_release(&results[i]);
	}
	return result;
}

static bool fits_batch(const struct job *j)
{
	return !j->alone && !(j->kind == JOB_PATCH && !json_object_object_length(j->body));
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
	if (p->stop || !waiting)
		return 0;
	return waiting == 1 ? send_one(p, batch[0], err) : send_batch(p, batch, waiting, err);
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
	if (p->why.code != ERR_NONE) {
		*err = p->why;
		return -1;
	}
	for (size_t i = 0; i < p->count; i++)
		if (p->jobs[i].state == JOB_DUE)
			return err_set(err, ERR_NETWORK,
				       "an event keeps changing at Google: later");
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
	AUTO(event_release) struct event row = {0};
	int64_t start, end;
	bool all_day;

	*out = !rowids || listed(op->event_rowid, rowids, count);
	if (!*out || !o->has_window)
		return 0;
	if (store_event_get_row(p->e->store, op->event_rowid, &row, err))
		return -1;
	*out = event_span(row.resource, p->c->time_zone, &start, &end, &all_day) &&
	       start < o->end_utc && end > o->start_utc;
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

int push_calendar(struct engine *e, const struct calendar *c, const int64_t *rowids, size_t count,
		  struct calendar_result *r, struct err *err)
{
	AUTO(outbox_list_release) struct outbox_list list = {0};
	struct push p = {.e = e, .c = c, .r = r};
	int result = 0;

	if (store_outbox_list(e->store, 0, c->id, clock_now_ms(e->clock), 0, &list, err))
		return -1;
	p.jobs = xcalloc(list.count, sizeof(*p.jobs));
	for (size_t i = 0; i < list.count && !result; i++) {
		bool take = false;

		result = wanted(&p, &list.items[i], rowids, count, &take, err);
		if (take && e->options->dry_run) {
			count_plan(&p, &list.items[i]);
		} else if (take) {
			p.jobs[p.count].path = (struct strbuf)STRBUF_INIT;
			p.jobs[p.count++].rowid = list.items[i].event_rowid;
		}
	}
	if (!result && p.count)
		result = push_jobs(&p, err);
	for (size_t i = 0; i < p.count; i++)
		job_reset(&p.jobs[i]);
	free(p.jobs);
	return result;
}
