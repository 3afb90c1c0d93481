#include "sync/resolve.h"

#include <string.h>

#include "base/xalloc.h"
#include "base/banned.h"
#include "model/event.h"
#include "sync/merge.h"
#include "sync/version.h"

static const struct merge_rule local_wins = {.contested = MERGE_LOCAL};
static const struct merge_rule remote_wins = {.contested = MERGE_REMOTE};

static const char *const take_names[] = {"local", "remote", "both"};

void resolution_release(struct resolution *r)
{
	event_release(&r->event);
	event_release(&r->other);
}

struct decision {
	struct store *s;
	struct clock *clock;
	const struct conflict *c;
	enum resolve_take take;
	const struct local_options *o;
	struct resolution *out;
};

static const struct merge_rule *rule_of(enum resolve_take take)
{
	return take == TAKE_LOCAL ? &local_wins : &remote_wins;
}

static int note_resolved(struct store *s, const struct conflict *c, const char *taken,
			 int64_t now_ms, struct err *err)
{
	struct conflict now = *c; /* borrows */

	now.state = CONFLICT_RESOLVED;
	now.taken = (char *)taken;
	now.resolved_ms = now_ms;
	return store_conflict_put(s, &now, err);
}

/* By its number, whatever its id and calendar have become; by its id when it was made anew (a
 * version restored from the log). */
static int find_row(const struct decision *d, struct event *out, bool *out_found, struct err *err)
{
	struct err why;

	*out_found = !store_event_get_row(d->s, d->c->event_rowid, out, &why);
	if (*out_found)
		return 0;
	if (why.code != ERR_NOT_FOUND) {
		*err = why;
		return -1;
	}
	return store_event_get(d->s, d->c->calendar_id, d->c->event_id, out, out_found, err);
}

static int gone(const struct decision *d, struct err *err)
{
	return err_set(err, ERR_NOT_FOUND,
		       "event '%s' is no longer there; 'calsync event restore %s' brings it back",
		       d->c->event_id, d->c->event_id);
}

/* The version that loses, as an event of its own. */
static int add_other(const struct decision *d, const struct json_object *loser, struct err *err)
{
	AUTO(json_object_put) struct json_object *resource = json_clone(loser);

	json_del(resource, "id");
	json_set_str(resource, "status", "confirmed");
	return local_add(d->s, d->clock, d->c->calendar_id, resource, d->o, &d->out->other, err);
}

/* --- one that waits ---------------------------------------------------------------------- */

static int release_edit(const struct decision *d, struct outbox *op, struct err *err)
{
	op->op = PENDING_UPDATE;
	op->state = d->o->no_sync ? OUTBOX_HELD : OUTBOX_QUEUED;
	op->not_before_ms = 0;
	xstr_set(&op->last_error, NULL);
	local_widen_send_updates(op, d->o->send_updates);
	return store_outbox_put(d->s, op, err);
}

/* Google's version is the base now; what the merge leaves of the edit goes out. */
static int write_merged(const struct decision *d, struct event *row, const struct merge_result *m,
			struct err *err)
{
	AUTO(outbox_release) struct outbox op = {0};
	bool found;

	/* What waits has such an entry: store.h, struct conflict. */
	if (store_outbox_get(d->s, row->rowid, &op, &found, err))
		return -1;
	json_object_put(row->resource);
	row->resource = json_object_get(m->merged);
	json_object_put(TAKE(row->base));
	xstr_set(&row->etag, json_str(d->c->remote, "etag"));
	xstr_set(&row->last_error, NULL);
	row->changed_ms = local_later_than(row->changed_ms, d->clock);
	row->sync_status = m->local_left || op.move_from ? SYNC_LOCAL_ONLY : SYNC_SYNCED;
	if (!m->local_left && !op.move_from) /* a move goes out all the same */
		return store_outbox_delete(d->s, row->rowid, err) || store_event_put(d->s, row, err)
			       ? -1
			       : 0;
	row->base = json_clone(d->c->remote);
	return store_event_put(d->s, row, err) || release_edit(d, &op, err) ? -1 : 0;
}

static int decide_waiting(const struct decision *d, struct err *err)
{
	AUTO(event_release) struct event row = {0};
	AUTO(merge_result_release) struct merge_result m = {0};
	const struct version_note note = {.calendar_id = d->c->calendar_id,
					  .event_id = d->c->event_id,
					  .origin = "merge",
					  .at_ms = clock_now_ms(d->clock),
					  .command_id = d->o->command_id};
	bool found;

	if (find_row(d, &row, &found, err))
		return -1;
	if (!found)
		return gone(d, err);
	if (d->take == TAKE_BOTH && add_other(d, row.resource, err))
		return -1;
	merge_event(d->c->base, row.resource, d->c->remote, rule_of(d->take), &m);
	if (!event_equal(row.resource, m.merged) &&
	    version_changed(d->s, &note, row.resource, m.merged, err))
		return -1;
	if (write_merged(d, &row, &m, err))
		return -1;
	return store_event_get_row(d->s, row.rowid, &d->out->event, err);
}

/* --- one that was decided ---------------------------------------------------------------- */

/* An edit met a delete: the edit stands until now. */
static int decide_delete(const struct decision *d, struct err *err)
{
	const char *edited = d->c->local ? "local" : "remote";
	AUTO(event_release) struct event row = {0};
	bool found, row_gone = false;

	if (d->take == TAKE_BOTH)
		return err_set(err, ERR_INVALID,
			       "one side deleted the event: take local or remote, not both");
	if (find_row(d, &row, &found, err))
		return -1;
	if (!found)
		return gone(d, err);
	if (!strcmp(take_names[d->take], edited))
		return store_event_get_row(d->s, row.rowid, &d->out->event, err);
	d->out->deleted = true;
	if (row.hidden)
		return 0;
	if (local_delete(d->s, d->clock, row.rowid, d->o, &row_gone, err))
		return -1;
	return row_gone ? 0 : store_event_get_row(d->s, row.rowid, &d->out->event, err);
}

/* The contested fields as the person wants them, on top of what was edited since. */
static int turn_over(const struct decision *d, const struct event *row, struct err *err)
{
	const struct conflict *c = d->c;
	AUTO(merge_result_release) struct merge_result wanted = {0};
	AUTO(json_object_put) struct json_object *target = json_clone(row->resource);

	merge_event(c->base, c->local, c->remote, rule_of(d->take), &wanted);
	for (size_t i = 0; i < json_object_array_length(c->fields); i++) {
		const char *name = json_object_get_string(json_object_array_get_idx(c->fields, i));
		struct json_object *v = json_get(wanted.merged, name);

		if (v)
			json_set(target, name, json_clone(v));
		else
			json_del(target, name);
	}
	return local_edit(d->s, d->clock, row->rowid, target, d->o, &d->out->event, err);
}

static int decide_again(const struct decision *d, struct err *err)
{
	const struct conflict *c = d->c;
	AUTO(event_release) struct event row = {0};
	bool found;

	if (!c->taken)
		return err_set(err, ERR_INVALID,
			       "this conflict went away by itself: there is nothing to decide");
	if (!c->local || !c->remote)
		return decide_delete(d, err);
	if (find_row(d, &row, &found, err))
		return -1;
	if (!found && d->take != TAKE_BOTH)
		return gone(d, err);
	if (d->take == TAKE_BOTH && strcmp(c->taken, "both") != 0 &&
	    add_other(d, !strcmp(c->taken, "local") ? c->remote : c->local, err))
		return -1;
	if (!found)
		return 0;
	if (d->take != TAKE_BOTH)
		return turn_over(d, &row, err);
	return store_event_get_row(d->s, row.rowid, &d->out->event, err);
}

int conflict_resolve(struct store *s, struct clock *clock, const struct conflict *c,
		     enum resolve_take take, const struct local_options *o, struct resolution *out,
		     struct err *err)
{
	struct decision d = {s, clock, c, take, o, out};
	bool own = !store_in_transaction(s);
	int result;

	if (own && store_begin(s, err))
		return -1;
	result = c->state == CONFLICT_WAITING ? decide_waiting(&d, err) : decide_again(&d, err);
	if (!result)
		result = note_resolved(s, c, take_names[take], clock_now_ms(clock), err);
	if (own && !result)
		return store_commit(s, err);
	if (own)
		store_rollback(s);
	return result;
}

/* --- local changes while one waits ------------------------------------------------------- */

int conflict_waits(struct store *s, const struct event *row, bool *out, struct err *err)
{
	AUTO(conflict_release) struct conflict c = {0};

	return store_conflict_waiting(s, row->rowid, &c, out, err);
}

int conflict_refuse_waiting(struct store *s, const struct event *row, struct err *err)
{
	AUTO(conflict_release) struct conflict c = {0};
	bool waits;

	if (store_conflict_waiting(s, row->rowid, &c, &waits, err))
		return -1;
	if (!waits)
		return 0;
	return err_set(err, ERR_CONFLICT,
		       "event '%s' was changed here and at Google: decide first, with 'calsync "
		       "conflicts resolve %lld'",
		       row->id, (long long)c.id);
}

int conflict_settle(struct store *s, struct event *row, int64_t now_ms, struct err *err)
{
	AUTO(conflict_release) struct conflict c = {0};
	bool waits;

	if (store_conflict_waiting(s, row->rowid, &c, &waits, err))
		return -1;
	if (!waits)
		return 0;
	json_object_put(row->base);
	row->base = json_object_get(c.remote);
	row->at_google = true;
	xstr_set(&row->etag, json_str(c.remote, "etag"));
	return note_resolved(s, &c, "local", now_ms, err);
}
