/* Syncs, and how a history ends. */
#include <string.h>

#include "base/xalloc.h"
#include "cover.h"
#include "rng.h"
#include "world.h"

#include "base/banned.h"

#define ROUNDS 3

static struct sync_options options_of(const struct op *op)
{
	struct rng r = rng_from(op->seed, 3);
	struct sync_options o = {0};

	o.full = op->kind == OP_SYNC_FULL;
	o.dry_run = op->kind == OP_SYNC_DRY;
	if (op->kind == OP_SYNC_WINDOW) {
		o.has_window = true;
		o.start_utc = SIM_NOW_MS / 1000 + (int64_t)rng_below(&r, 150) * 86400;
		o.end_utc = o.start_utc + (int64_t)(1 + rng_below(&r, 60)) * 86400;
	}
	return o;
}

static void note_result(struct side *s, const struct sync_result *r)
{
	world_trace(s->world,
		    "       %s: pulled %d/%d/%d, pushed %d/%d/%d, conflicts %d, refused %d%s%s",
		    r->success ? "good" : "failed", (int)r->pulled.created, (int)r->pulled.updated,
		    (int)r->pulled.deleted, (int)r->pushed.created, (int)r->pushed.updated,
		    (int)r->pushed.deleted, (int)r->conflicts, (int)r->failed_events,
		    r->success ? "" : ": ", r->success ? "" : r->err.msg);
	if (r->conflicts)
		COVER(seen[SEEN_CONFLICT]);
}

static int run_sync(struct side *s, const struct sync_options *o, struct err *err)
{
	AUTO(sync_result_release) struct sync_result result = {0};
	AUTO(account_release) struct account a = {0};
	int status;

	if (store_account_get(s->store, "me", &a, err))
		return -1;
	status = sync_account(&s->env, &a, o, &result, err);
	note_result(s, &result);
	if (!status && !result.success) {
		*err = result.err;
		if (err->code == ERR_NONE)
			err_set(err, ERR_GOOGLE, "events were refused");
		return -1;
	}
	return status;
}

/* Some of what waits, one try each, as a command does behind an edit. */
static int push(struct side *s, const struct op *op, struct err *err)
{
	AUTO(account_release) struct account a = {0};
	AUTO(peek_rows_release) struct peek_rows rows = {0};
	AUTO(free) int64_t *waiting = NULL;
	struct rng r = rng_from(op->seed, 3);
	size_t count = 0;

	if (store_account_get(s->store, "me", &a, err))
		return -1;
	peek_rows(s->peek, &rows);
	waiting = xcalloc(rows.count, sizeof(*waiting));
	for (size_t i = 0; i < rows.count; i++)
		if (rows.list[i].op && rng_chance(&r, 60))
			waiting[count++] = rows.list[i].row;
	return count ? sync_events(&s->env, &a, waiting, count, err) : 0;
}

/* A dry run writes nothing anywhere. */
static void check_dry(struct side *s, uint64_t digest)
{
	if (peek_digest_idle(s->peek) != digest)
		world_break(s->world, "Y a dry run writes nothing", "store %d", s->index + 1);
	if (s->writes)
		world_break(s->world, "Y a dry run sends nothing that writes", "store %d",
			    s->index + 1);
}

bool op_sync(struct side *s, const struct op *op, const struct step *step)
{
	bool again = s->working, dry = op->kind == OP_SYNC_DRY;
	struct sync_options o = options_of(op);
	struct watch watch;
	struct err err;
	enum point point;
	uint64_t digest = 0;
	bool died;
	int status;

	if (dry && !again)
		digest = peek_digest_idle(s->peek);
	watch_begin(s, &watch);
	s->step = step;
	s->requests = s->lists = s->calendar_lists = s->writes = 0;
	s->working = true;
	if (step)
		crash_arm(s, step->crash);
	status = op->kind == OP_PUSH ? push(s, op, &err) : run_sync(s, &o, &err);
	s->working = again;
	s->step = NULL;
	died = crash_over(s, &point);
	if (again && !status && op->kind != OP_PUSH)
		world_break(s->world, "K one syncer an account", "store %d synced twice at once",
			    s->index + 1);
	if (status && !died)
		world_trace(s->world, "       %s", err.msg);
	if (status && err.code == ERR_MASS_DELETE)
		COVER(seen[SEEN_GUARD]);
	watch_end(s, &watch);
	if (dry && !again && !died && !(step && step->while_count))
		check_dry(s, digest);
	return true;
}

bool op_any(struct world *w, const struct op *op, const struct step *step)
{
	struct side *s = &w->sides[op->store];
	bool done;

	if (!op_is_at_google(op->kind) && op->store >= w->h->stores)
		return false;
	if (op_is_at_google(op->kind))
		world_trace(w, "%4d %s", op->no, op_words(op->kind));
	else
		world_trace(w, "%4d store %d: %s", op->no, op->store + 1, op_words(op->kind));
	if (op_is_at_google(op->kind))
		done = op_at_google(w, op);
	else if (op_is_sync(op->kind))
		done = op_sync(s, op, step);
	else
		done = op_at_store(s, op, step ? step->crash : 0);
	if (done)
		COVER(ops[op->kind]);
	else
		world_trace(w, "       (nothing)");
	return done;
}

/* --- the end ---------------------------------------------------------------------------------- */

/* A person at the store sees that a sweep was stopped, looks, and lets it go on. */
static int sync_allowing(struct side *s, struct err *err)
{
	struct sync_options o = {0};

	if (!run_sync(s, &o, err))
		return 0;
	if (err->code != ERR_MASS_DELETE)
		return -1;
	COVER(seen[SEEN_GUARD]);
	o.allow_deletes = 1000;
	return run_sync(s, &o, err);
}

/* Whether the store's outbox holds what shall still go out. */
static bool is_waiting(struct side *s)
{
	AUTO(peek_rows_release) struct peek_rows rows = {0};
	bool waits = false;

	peek_parsed(s->peek, &rows);
	for (size_t i = 0; i < rows.count; i++)
		waits |= rows.list[i].state && !strcmp(rows.list[i].state, "queued") &&
			 !check_waits_for_series(&rows, &rows.list[i]);
	return waits;
}

static void calm_sync(struct world *w, struct side *s, int round)
{
	struct watch watch;
	struct err err;

	world_trace(w, "     store %d: sync, round %d", s->index + 1, round);
	w->now_ms += 60000;
	watch_begin(s, &watch);
	s->requests = s->lists = s->calendar_lists = s->writes = 0;
	if (sync_allowing(s, &err)) {
		world_trace(w, "       %s", err.msg);
		if (round == ROUNDS && err.code != ERR_GOOGLE)
			world_break(w, "E syncs are good again when nothing goes wrong",
				    "store %d: %s", s->index + 1, err.msg);
	}
	watch_end(s, &watch);
	if (round == ROUNDS && s->writes)
		COVER(seen[SEEN_THIRD_ROUND]);
}

/* (e) The next sync writes nothing, and asks once for the calendars and once for each of them. */
static void check_idle(struct side *s)
{
	struct world *w = s->world;
	struct sync_options o = {0};
	uint64_t before = peek_digest_idle(s->peek);
	struct err err;
	int lists;

	world_trace(w, "     store %d: sync, with nothing to do", s->index + 1);
	w->now_ms += 60000;
	s->requests = s->lists = s->calendar_lists = s->writes = 0;
	if (run_sync(s, &o, &err) && err.code != ERR_GOOGLE)
		world_break(w, "E syncs are good again when nothing goes wrong", "store %d: %s",
			    s->index + 1, err.msg);
	lists = s->lists;
	if (s->writes)
		world_break(w, "I a second sync writes nothing at Google", "store %d: %d writes",
			    s->index + 1, s->writes);
	if (s->calendar_lists > 1 || lists > w->h->calendars ||
	    s->requests > 2 + w->h->calendars) /* one of them may be a new token */
		world_break(w, "I a second sync asks once for each calendar",
			    "store %d: %d requests, %d of events", s->index + 1, s->requests,
			    lists);
	if (peek_digest_idle(s->peek) != before)
		world_break(w, "I a second sync writes nothing in the store", "store %d",
			    s->index + 1);
}

void world_end(struct world *w)
{
	bool waits = true;

	world_trace(w, "     --- faults are over");
	w->now_ms += 86400000;
	for (int i = 0; i < w->h->stores; i++)
		side_connect(&w->sides[i]);
	for (int round = 1; round <= ROUNDS && !w->broken; round++)
		for (int i = 0; i < w->h->stores && !w->broken; i++)
			calm_sync(w, &w->sides[i], round);
	for (int i = 0; i < w->h->stores && !w->broken; i++) {
		waits = is_waiting(&w->sides[i]);
		if (waits)
			world_break(w, "S nothing waits", "store %d", i + 1);
	}
	if (!w->broken)
		check_sides(w);
	if (!w->broken)
		check_ledger(w);
	for (int i = 0; i < w->h->stores && !w->broken; i++)
		check_idle(&w->sides[i]);
}
