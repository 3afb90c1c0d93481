/* One calendar: what waits is sent, what changed is fetched, what is left is sent. */
#include <string.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "base/banned.h"
#include "sync/engine.h"
#include "sync/queue.h"

static int exchange(struct engine *e, const struct calendar *c, bool pull,
		    struct calendar_result *r, struct err *err)
{
	struct err unsent = {0};

	if (!pull)
		return push_calendar(e, c, NULL, 0, r, err);
	/* First what is ours, so that a pull finds its echoes in step. What could not be sent
	 * does not keep Google's changes away, unless nothing gets through at all. */
	if (push_calendar(e, c, NULL, 0, r, &unsent) && unsent.code == ERR_STORE) {
		*err = unsent;
		return -1;
	}
	if (unsent.code == ERR_TOKEN_EXPIRED || unsent.code == ERR_NOT_CONNECTED ||
	    unsent.code == ERR_NETWORK || unsent.code == ERR_RATE_LIMITED) {
		*err = unsent;
		return -1;
	}
	if (e->options->has_window ? pull_window(e, c, r, err) : pull_calendar(e, c, r, err))
		return -1;
	/* A merge may have left something to send, an edit may have come in meanwhile, and the role
	 * may have changed. */
	if (!e->options->dry_run && unsent.code == ERR_NONE) {
		AUTO(calendar_release) struct calendar now = {0};

		if (store_calendar_get(e->store, c->id, &now, err))
			return -1;
		push_calendar(e, &now, NULL, 0, r, &unsent);
	}
	if (!strcmp(unsent.reason, "requiredAccessLevel")) /* the edits wait for it */
		return err_set(err, ERR_READ_ONLY,
			       "calendar '%s' is read-only now: what waits there is kept",
			       c->summary);
	if (unsent.code != ERR_NONE) {
		*err = unsent;
		return -1;
	}
	return 0;
}

void engine_explain_calendar(const struct calendar *c, struct err *err)
{
	if (err->code == ERR_NOT_FOUND || err->code == ERR_FORBIDDEN) {
		/* 404 is ERR_NOT_FOUND to us, but the calendar is known here: not a wrong name. */
		err_wrap(err, "calendar '%s' may not be read", c->summary);
		err->code = ERR_FORBIDDEN;
	}
}

/* What became of it, into the store; the request that was there when it began is served now, or
 * has to wait. A window serves nobody: it is not the calendar. */
static void note_outcome(struct engine *e, const struct calendar *c,
			 const struct sync_request *asked, const struct calendar_result *r)
{
	AUTO(calendar_release) struct calendar now = {0};
	struct err err;

	if (r->success) {
		if (asked && !r->is_cut_short &&
		    store_request_done(e->store, c->id, asked->ticket, &err))
			log_warn("sync", "the request to sync '%s' stays: %s, ignoring", c->summary,
				 err.msg);
		return;
	}
	/* The token as it is now: pages of an incremental pull may have moved nothing yet. */
	if (store_calendar_get(e->store, c->id, &now, &err) ||
	    store_calendar_set_sync(e->store, c->id, now.sync_token, now.last_sync_ms, r->err.msg,
				    &err))
		log_warn("sync", "cannot note that '%s' failed: %s, ignoring", c->summary, err.msg);
	if (!e->options->has_window)
		queue_sync_failed(e->store, e->clock, c, &r->err);
}

bool engine_is_fatal(const struct err *err)
{
	return err->code == ERR_TOKEN_EXPIRED || err->code == ERR_NOT_CONNECTED ||
	       err->code == ERR_STORE || err->code == ERR_SECRET || err->code == ERR_NETWORK;
}

static int read_request(struct engine *e, const struct calendar *c, bool pull,
			struct sync_request *out, bool *out_found, struct err *err)
{
	*out_found = false;
	if (!pull || e->options->has_window)
		return 0;
	return store_request_get(e->store, c->id, out, out_found, err);
}

static int sync_calendar(struct engine *e, const struct calendar *c, bool pull,
			 struct calendar_result *r)
{
	AUTO(sync_request_release) struct sync_request asked = {0};
	bool found = false;
	struct err why;

	xstr_set(&r->calendar, c->google_id);
	xstr_set(&r->summary, c->summary);
	r->err = (struct err){0};
	/* Read before the first request goes out: who asks later is not served by this. */
	r->success =
		!read_request(e, c, pull, &asked, &found, &why) && !exchange(e, c, pull, r, &why);
	if (!r->success) {
		r->err = why; /* an error that was overcome leaves no trace */
		engine_explain_calendar(c, &r->err);
		log_info("sync", "calendar '%s': %s", c->summary, r->err.msg);
	}
	if (!e->options->dry_run)
		note_outcome(e, c, found ? &asked : NULL, r);
	return r->success ? 0 : -1;
}

bool engine_sync_calendar(struct engine *e, const struct calendar *c, bool pull,
			  struct calendar_result *r, struct sync_result *out)
{
	if (!sync_calendar(e, c, pull, r) && !r->failed_events)
		return false;
	out->success = false;
	if (out->err.code == ERR_NONE && r->err.code != ERR_NONE)
		out->err = r->err;
	return engine_is_fatal(&r->err);
}
