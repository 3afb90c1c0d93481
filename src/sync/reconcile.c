/*
 * Both sides changed: the merge is carried out, and what was contested becomes a record.
 *
 * I1  The version that loses is in the event's log, or in the record, before the row changes.
 * I2  Under `manual` a contested row keeps its edit and its base; Google's version lies in the
 *     record. Its outbox entry has the state 'conflict' exactly as long as the record waits.
 */
#include <string.h>

#include "base/log.h"
#include "base/time.h"
#include "base/xalloc.h"
#include "base/banned.h"
#include "model/event.h"
#include "sync/engine.h"
#include "sync/merge.h"
#include "sync/occurrences.h"
#include "sync/sent.h"
#include "sync/version.h"

/* --- records ----------------------------------------------------------------------------- */

struct versions { /* that met; borrowed; NULL as in struct conflict */
	struct json_object *base, *local, *remote;
};

static int record(struct engine *e, const struct event *row, const struct versions *v,
		  struct json_object *fields, const char *taken, struct err *err)
{
	struct conflict c = {
		.event_rowid = row->rowid,
		.calendar_id = row->calendar_id,
		.event_id = row->id,
		.state = CONFLICT_DECIDED,
		.policy = (char *)conflict_policy_name(e->options->conflict),
		.taken = (char *)taken,
		.at_ms = clock_now_ms(e->clock),
		.fields = fields,
		.base = v->base,
		.local = v->local,
		.remote = v->remote,
	};

	return store_conflict_put(e->store, &c, err);
}

/* One that waited is over, because there is nothing to decide any more. */
static int close_waiting(struct engine *e, const struct event *row, const char *taken,
			 struct err *err)
{
	AUTO(conflict_release) struct conflict c = {0};
	bool found;

	if (store_conflict_waiting(e->store, row->rowid, &c, &found, err))
		return -1;
	if (!found)
		return 0;
	c.state = CONFLICT_RESOLVED;
	xstr_set(&c.taken, taken);
	return store_conflict_put(e->store, &c, err);
}

/* The row waits for a person: one record for it, with the versions as they are now. */
static int wait_for_person(struct engine *e, struct event *row, const struct versions *v,
			   struct json_object *fields, struct calendar_result *r, struct err *err)
{
	AUTO(conflict_release) struct conflict c = {0};
	AUTO(outbox_release) struct outbox op = {0};
	bool found, queued;

	if (store_conflict_waiting(e->store, row->rowid, &c, &found, err) ||
	    store_outbox_get(e->store, row->rowid, &op, &queued, err))
		return -1;
	if (!found) {
		r->conflicts++;
		c.event_rowid = row->rowid;
		c.calendar_id = row->calendar_id;
		c.event_id = xstrdup(row->id);
		c.policy = xstrdup(conflict_policy_name(POLICY_MANUAL));
		c.at_ms = clock_now_ms(e->clock);
	}
	r->waiting++;
	json_object_put(c.fields);
	json_object_put(c.base);
	json_object_put(c.local);
	json_object_put(c.remote);
	c.fields = json_object_get(fields);
	c.base = json_object_get(v->base);
	c.local = json_object_get(v->local);
	c.remote = json_object_get(v->remote);
	if (store_conflict_put(e->store, &c, err))
		return -1;
	if (!queued) {
		op.event_rowid = row->rowid;
		op.created_ms = row->changed_ms;
	}
	op.op = PENDING_UPDATE;
	op.state = OUTBOX_CONFLICT;
	free(row->last_error);
	row->last_error = xasprintf("changed here and at Google: 'calsync conflicts show %lld'",
				    (long long)c.id);
	xstr_set(&op.last_error, row->last_error);
	row->at_google = true;
	row->sync_status = SYNC_LOCAL_ONLY; /* also when Google had refused the edit */
	if (e->generation)
		row->generation = e->generation;
	return store_outbox_put(e->store, &op, err) || store_event_put(e->store, row, err) ? -1 : 0;
}

/* --- merge ------------------------------------------------------------------------------- */

/* Whether a conflict waits for this row (then a person decides, whatever the policy of this run),
 * and whether it met just these two versions. */
static int look_for_waiting(struct engine *e, const struct event *row,
			    const struct json_object *item, bool *out_waits, bool *out_same,
			    struct err *err)
{
	AUTO(conflict_release) struct conflict c = {0};
	const char *had, *has = json_str(item, "etag");

	if (store_conflict_waiting(e->store, row->rowid, &c, out_waits, err))
		return -1;
	had = *out_waits ? json_str(c.remote, "etag") : NULL;
	*out_same = had && has && !strcmp(had, has) && event_equal(c.local, row->resource);
	return 0;
}

/* What is left of the edit waits as an update of the event that Google has. */
static int queue_as_update(struct engine *e, const struct event *row, struct err *err)
{
	AUTO(outbox_release) struct outbox op = {0};
	bool found;

	if (store_outbox_get(e->store, row->rowid, &op, &found, err))
		return -1;
	if (!found) {
		op.event_rowid = row->rowid;
		op.created_ms = row->changed_ms;
		op.state = OUTBOX_HELD; /* of --no-sync: nobody asked to send it */
	}
	op.op = PENDING_UPDATE;
	json_object_put(TAKE(op.sent)); /* the base says what has arrived */
	if (op.state == OUTBOX_CONFLICT) {
		op.state = OUTBOX_QUEUED;
		xstr_set(&op.last_error, NULL);
	}
	return store_outbox_put(e->store, &op, err);
}

/* The log and the record, before the row changes (I1). */
static int write_down(struct engine *e, const struct event *row, const struct versions *v,
		      const struct merge_result *m, const struct merge_rule *rule,
		      struct calendar_result *r, struct err *err)
{
	const struct version_note lost = {.calendar_id = row->calendar_id,
					  .event_id = row->id,
					  .origin = "google",
					  .at_ms = clock_now_ms(e->clock)};
	const char *taken = rule->contested == MERGE_LOCAL ? "local" : "remote";

	if (!event_equal(row->resource, m->merged) &&
	    engine_changed(e, row, "merge", row->resource, m->merged, err))
		return -1;
	if (!merge_contested(m))
		return close_waiting(e, row, NULL, err);
	r->conflicts++;
	if (close_waiting(e, row, taken, err) || record(e, row, v, m->fields, taken, err))
		return -1;
	return rule->contested == MERGE_LOCAL ? version_kept(e->store, &lost, v->remote, err) : 0;
}

/* The row becomes what was merged. */
static int take_merged(struct engine *e, struct event *row, struct json_object *item,
		       const struct merge_result *m, struct err *err)
{
	if (!m->local_left)
		return row_become_remote(e, row, item, err);
	json_object_put(row->resource);
	row->resource = json_object_get(m->merged);
	json_object_put(row->base);
	row->base = json_clone(item);
	xstr_set(&row->etag, json_str(item, "etag"));
	row->at_google = true;
	if (row->sync_status != SYNC_ERROR) { /* what Google refused stays so until it is edited */
		row->sync_status = SYNC_LOCAL_ONLY;
		xstr_set(&row->last_error, NULL);
	}
	if (e->generation)
		row->generation = e->generation;
	if (store_event_put(e->store, row, err))
		return -1;
	return queue_as_update(e, row, err);
}

/* Deleted, and made again by somebody who brought it back. */
static bool is_remade(const struct json_object *base, const struct json_object *there)
{
	const char *was = json_str(base, "created"), *is = json_str(there, "created");

	return was && is && strcmp(was, is) != 0;
}

/* Guests and properties of both sides meet (merge.h), unless the newer edit wins all of a field. */
static bool is_merged_by_part(const struct engine *e, const char *field)
{
	return e->options->conflict != POLICY_NEWEST &&
	       (!strcmp(field, "attendees") || !strcmp(field, "extendedProperties"));
}

/*
 * A base by which each field that was edited here wins, for whoever made the event again overwrote
 * nothing: an edit beats the delete in between. But when it was edited since, a field that differs
 * on both sides is as contested as any.
 */
static struct json_object *edits_win(const struct engine *e, const struct json_object *base,
				     const struct json_object *local,
				     const struct json_object *there)
{
	struct json_object *made = json_clone(there);
	bool is_edited = remote_edited_since_made(there);

	for (size_t i = 0; i < event_field_count(); i++) {
		const char *name = event_field_name(i);
		struct json_object *value = json_get(local, name);

		if (!event_field_equal(name, value, json_get(base, name))) {
			if (!is_edited && !is_merged_by_part(e, name))
				continue;
			value = json_get(base, name);
		}
		if (value)
			json_set(made, name, json_clone(value));
		else
			json_del(made, name);
	}
	return made;
}

/* The last version that both sides had: base, with what was sent and has arrived. out_held: the
 * edit is one that --no-sync keeps here; may be NULL. */
static int common_version(struct engine *e, const struct event *row, const struct json_object *base,
			  const struct json_object *item, struct json_object **out, bool *out_held,
			  struct err *err)
{
	AUTO(outbox_release) struct outbox op = {0};
	bool found;

	if (store_outbox_get(e->store, row->rowid, &op, &found, err))
		return -1;
	*out = sent_base(op.sent, base, item);
	if (is_remade(base, item)) {
		struct json_object *made = edits_win(e, *out, row->resource, item);

		json_object_put(*out);
		*out = made;
	}
	if (out_held)
		*out_held = found && op.state == OUTBOX_HELD;
	return 0;
}

/* Under a policy by which the newer edit wins: fields that were edited here before Google's version
 * was made, although others were edited since. */
static int older_fields(struct engine *e, const struct event *row, const struct json_object *item,
			struct json_object **out, struct err *err)
{
	AUTO(outbox_release) struct outbox op = {0};
	int64_t made_ms;
	bool found;

	if ((e->options->conflict != POLICY_MERGE && e->options->conflict != POLICY_NEWEST) ||
	    !remote_made_ms(e, item, &made_ms))
		return 0;
	if (store_outbox_get(e->store, row->rowid, &op, &found, err))
		return -1;
	*out = sent_older(op.sent, row->resource, made_ms);
	return 0;
}

/* Made here, found at Google, and nobody knows how: what differs was edited here or there since,
 * and the newer side, which is ours, is right. What only Google has was added there: from here
 * nobody can have taken off what was never here. */
static struct json_object *guessed_base(const struct json_object *local,
					const struct json_object *remote)
{
	struct json_object *base = json_clone(remote);

	for (size_t i = 0; i < event_field_count(); i++)
		if (!json_get(local, event_field_name(i)))
			json_del(base, event_field_name(i));
	return base;
}

int reconcile_merge(struct engine *e, struct event *row, const struct json_object *known,
		    struct json_object *item, struct calendar_result *r, struct err *err)
{
	AUTO(json_object_put) struct json_object *base = NULL;
	AUTO(json_object_put) struct json_object *older = NULL;
	bool newer = local_is_newer(e, row, item);
	struct merge_rule rule = plan_rule(e->options->conflict, newer);
	AUTO(merge_result_release) struct merge_result m = {0};
	struct versions v;
	bool waits, same, manual, held = false;

	if (look_for_waiting(e, row, item, &waits, &same, err) ||
	    common_version(e, row, known, item, &base, &held, err) ||
	    older_fields(e, row, item, &older, err))
		return -1;
	rule.remote_fields = older;
	if (same) {
		r->waiting++;
		return 0;
	}
	if (!base && newer)
		base = guessed_base(row->resource, item);
	v = (struct versions){base, row->resource, item};
	if (held && e->options->conflict == POLICY_MANUAL)
		rule.contested = MERGE_LOCAL;
	merge_event(base, row->resource, item, &rule, &m);
	/* What is held back decides nothing, and must not be sent when a conflict is decided. */
	manual = merge_contested(&m) && !held && (waits || e->options->conflict == POLICY_MANUAL);
	if (!manual) /* an edit that a person decides about stays what is seen here */
		r->pulled.updated += !event_equal(row->resource, m.merged);
	if (e->options->dry_run) {
		r->conflicts += merge_contested(&m) > 0;
		r->waiting += manual;
		return 0;
	}
	if (manual)
		return wait_for_person(e, row, &v, m.fields, r, err);
	if (write_down(e, row, &v, &m, &rule, r, err))
		return -1;
	return take_merged(e, row, item, &m, err);
}

/* --- an edit and a delete ---------------------------------------------------------------- */

/* An etag on a row that is not at Google says that the id is taken there, by a tombstone that has
 * to be revived. */
int reconcile_revive(struct engine *e, struct event *row, const struct json_object *tombstone,
		     struct calendar_result *r, struct err *err)
{
	AUTO(json_object_put) struct json_object *none = json_object_new_array();
	const struct versions v = {row->base, row->resource, NULL};
	AUTO(outbox_release) struct outbox op = {0};
	const char *etag;
	bool found;

	r->conflicts++;
	if (e->options->dry_run)
		return 0;
	if (close_waiting(e, row, "local", err) || record(e, row, &v, none, "local", err))
		return -1;
	/* Its base stays: the event may come back before the edit goes out. */
	row->at_google = false;
	etag = json_str(tombstone, "etag");
	xstr_set(&row->etag, etag ? etag : ETAG_UNKNOWN);
	if (row->sync_status != SYNC_ERROR)
		xstr_set(&row->last_error, NULL);
	if (event_is_cancelled(row->resource))
		json_set_str(row->resource, "status", "confirmed");
	if (store_event_put(e->store, row, err) ||
	    store_outbox_get(e->store, row->rowid, &op, &found, err))
		return -1;
	op.event_rowid = row->rowid;
	op.op = PENDING_CREATE;
	if (op.state == OUTBOX_CONFLICT)
		op.state = OUTBOX_QUEUED;
	return store_outbox_put(e->store, &op, err);
}

/* What changed at Google is only what we had sent before: nobody edited what is to be deleted. */
static int delete_goes_on(struct engine *e, struct event *row, struct json_object *item,
			  struct err *err)
{
	json_object_put(row->resource);
	row->resource = json_object_get(item);
	xstr_set(&row->etag, json_str(item, "etag"));
	row->at_google = true;
	if (e->generation)
		row->generation = e->generation;
	return store_event_put(e->store, row, err);
}

int reconcile_restore(struct engine *e, struct event *row, struct json_object *item,
		      struct calendar_result *r, struct err *err)
{
	AUTO(json_object_put) struct json_object *none = json_object_new_array();
	AUTO(json_object_put) struct json_object *common = NULL;
	const struct versions v = {row->resource, NULL, item};
	const struct version_note how = {.origin = "google", .at_ms = clock_now_ms(e->clock)};

	if (common_version(e, row, row->at_google ? row->resource : NULL, item, &common, NULL, err))
		return -1;
	if (common && event_equal(common, item))
		return e->options->dry_run ? 0 : delete_goes_on(e, row, item, err);
	r->conflicts++;
	r->pulled.created++;
	if (e->options->dry_run)
		return 0;
	if (record(e, row, &v, none, "remote", err) ||
	    engine_changed(e, row, "google", NULL, item, err))
		return -1;
	if (event_is_master(item) && occurrences_show(e->store, row, &how, err))
		return -1;
	return row_become_remote(e, row, item, err);
}
