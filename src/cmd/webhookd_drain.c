#include "cmd/webhookd_drain.h"

#include <signal.h>
#include <sys/wait.h>

#include "base/log.h"
#include "base/random.h"
#include "store/bell.h"
#include "web/child.h"
#include "base/banned.h"

#define BELL_AGAIN_MS  5000
#define LOOK_EVERY_MS  15000 /* whether what failed is due, or somebody else has left a wake */
#define WRITE_AGAIN_MS 5000  /* whether the database takes what it did not */

static int64_t mono(const struct drainer *d)
{
	return d->w->clock->mono_ms(d->w->clock);
}

/* --- the database ------------------------------------------------------------------------ */

/* A state is told when it changes, not at every request. err: of what has just failed. */
static void tell_database(struct drainer *d, bool was_bad, const struct err *err)
{
	bool is_bad = d->is_read_bad || d->is_write_bad;

	if (is_bad && !was_bad)
		log_error("webhookd", "%s; notifications are answered with 503 until it is mended",
			  err->msg);
	else if (!is_bad && was_bad)
		log_note("webhookd", "the webhook's database works again");
}

static void note_read(struct drainer *d, bool is_bad, const struct err *err)
{
	bool was_bad = d->is_read_bad || d->is_write_bad;

	d->is_read_bad = is_bad;
	tell_database(d, was_bad, err);
}

void drainer_note_write(struct drainer *d, bool is_bad, const struct err *err)
{
	bool was_bad = d->is_read_bad || d->is_write_bad;

	d->is_write_bad = is_bad;
	if (!is_bad)
		d->is_read_bad = false;
	else if (d->look_ms > mono(d) + WRITE_AGAIN_MS)
		d->look_ms = mono(d) + WRITE_AGAIN_MS;
	tell_database(d, was_bad, err);
}

/* Nobody may come while it is bad: a proxy that asks for our health sends nobody. */
static void try_to_write(struct drainer *d)
{
	struct hook *hook;
	struct err err = {0};
	int rc = hook_file_get(d->w->file, &hook, &err) || hook_try_to_write(hook, &err);

	drainer_note_write(d, rc, &err);
}

/* Calendars that wait; -1 = the database does not answer. */
int64_t drainer_count_wakes(struct drainer *d)
{
	struct hook *hook;
	struct err err = {0};
	int64_t n;
	int rc = hook_file_get(d->w->file, &hook, &err) || hook_wake_count(hook, &n, &err);

	note_read(d, rc, &err);
	return rc ? -1 : n;
}

bool drainer_is_database_well(struct drainer *d)
{
	return drainer_count_wakes(d) >= 0 && !d->is_write_bad;
}

/* --- the drain --------------------------------------------------------------------------- */

static void ring(struct drainer *d)
{
	struct err err = {0};
	bool was_waiting = d->bell_waits;

	d->bell_waits = bell_ring(hook_file_path(d->w->file), &err);
	if (!d->bell_waits)
		return;
	d->bell_ms = mono(d) + BELL_AGAIN_MS;
	if (!was_waiting)
		log_error("webhookd", "%s; trying again", err.msg);
}

/* Calendars wait in the database, committed. */
void drainer_tell(struct drainer *d)
{
	if (d->w->drains)
		drain_news(&d->drain, mono(d));
	else
		ring(d);
}

/* The same when it may be so: at the start, or when an owner has come back. */
void drainer_tell_if_any(struct drainer *d)
{
	if (drainer_count_wakes(d) <= 0)
		d->bell_waits = false; /* nothing to ring for */
	else
		drainer_tell(d);
}

/* What others leave in the database: a sync that failed, word of when the queue is due again;
 * `watch`, a wake for what changed before there was a channel. */
static int read_left(struct drainer *d, int64_t *at_ms, bool *came, struct err *err)
{
	struct hook *hook;

	return hook_file_get(d->w->file, &hook, err) || hook_next_get(hook, at_ms, err) ||
			       hook_wake_is_new(hook, came, err)
		       ? -1
		       : 0;
}

/* may_tell: also what is due now; not right behind a sync, which has just done what it could. */
static void look_for_left(struct drainer *d, bool may_tell)
{
	struct err err = {0};
	int64_t at_ms, now_ms = clock_now_ms(d->w->clock);
	bool came;
	int rc = read_left(d, &at_ms, &came, &err);

	d->look_ms = mono(d) + LOOK_EVERY_MS;
	note_read(d, rc, &err);
	if (rc)
		return;
	d->tries_wait = at_ms > 0;
	/* A start that is planned is no sooner for a wake: the one before may have failed. */
	if (may_tell && ((at_ms > 0 && at_ms <= now_ms) || (came && !d->drain.is_due)))
		drainer_tell(d);
	else if (at_ms > now_ms && at_ms - now_ms < LOOK_EVERY_MS)
		d->look_ms = mono(d) + at_ms - now_ms;
}

static void look(struct drainer *d)
{
	look_for_left(d, true);
	if (d->is_write_bad)
		try_to_write(d);
}

static void start_drain(struct drainer *d)
{
	struct err err = {0};

	if (d->is_stopping || !drain_wants_start(&d->drain, mono(d)))
		return;
	drain_started(&d->drain, mono(d));
	log_debug("webhookd", "drain: starting");
	if (!child_start(d->w->drain_args, &d->child, &err))
		return;
	log_error("webhookd", "%s", err.msg);
	d->metrics->drains++;
	d->metrics->drains_failed++;
	drain_ended(&d->drain, mono(d), DRAIN_FAILED, true, (uint32_t)random_below(UINT32_MAX));
}

/* In place of a status: it ended well, and what it was started for is still there. */
#define DRAINED_NOTHING (-1)

static void say_drain(struct drainer *d, int status)
{
	int64_t wait = drain_timeout_ms(&d->drain, mono(d));
	int n = d->drain.failures;
	/* The same again and again: now and then. */
	bool is_told = status == d->drain_status && (n & (n - 1));

	d->drain_status = status;
	if (is_told)
		return;
	if (status == DRAINED_NOTHING)
		log_warn("webhookd",
			 "sync of the queue ended well, and the notifications that it was to take "
			 "wait on: does it read this database (CALSYNC_WEBHOOK_DB, "
			 "webhook.database)? next in %lld s",
			 (long long)(wait + 999) / 1000);
	else if (WIFSIGNALED(status))
		log_warn("webhookd", "sync of the queue was ended by signal %d; next in %lld s",
			 WTERMSIG(status), (long long)(wait + 999) / 1000);
	else
		log_warn("webhookd", "sync of the queue failed with exit status %d; next in %lld s",
			 WEXITSTATUS(status), (long long)(wait + 999) / 1000);
}

void drainer_reap(struct drainer *d)
{
	int status;
	int64_t waiting;
	enum drain_end end;

	if (!d->child || !child_reap(d->child, &status))
		return;
	d->child = 0;
	end = drain_judge(status);
	d->metrics->drains++;
	d->metrics->drains_failed += end != DRAIN_DONE;
	if (end == DRAIN_DONE)
		d->metrics->last_drain_ms = clock_now_ms(d->w->clock);
	waiting = drainer_count_wakes(d);
	drain_ended(&d->drain, mono(d), end, waiting != 0, (uint32_t)random_below(UINT32_MAX));
	if (d->is_stopping)
		return;
	look_for_left(d, false);
	if (end != DRAIN_DONE) {
		say_drain(d, status);
	} else if (d->drain.failures && waiting > 0) { /* nobody has asked since */
		say_drain(d, DRAINED_NOTHING);
	} else if (d->drain_status && !d->tries_wait) {
		/* Else it had nothing to do yet. */
		log_note("webhookd", "sync of the queue works again");
		d->drain_status = 0;
	}
}

/* --- time -------------------------------------------------------------------------------- */

void drainer_begin(struct drainer *d)
{
	/* A sync that was killed with us may have taken over what waited here. */
	if (d->w->drains)
		drain_news(&d->drain, mono(d));
	else
		drainer_tell_if_any(d);
}

void drainer_tick(struct drainer *d)
{
	if (d->bell_waits && mono(d) >= d->bell_ms) {
		d->bell_ms = mono(d) + BELL_AGAIN_MS;
		drainer_tell_if_any(d);
	}
	if (!d->is_stopping && !d->child && mono(d) >= d->look_ms)
		look(d);
	start_drain(d);
}

int64_t drainer_timeout_ms(const struct drainer *d)
{
	int64_t now = mono(d), wait = -1;

	if (!d->is_stopping)
		wait = drain_timeout_ms(&d->drain, now);
	if (!d->is_stopping && !d->child)
		clock_sooner(&wait, clock_until(d->look_ms, now));
	if (d->bell_waits)
		clock_sooner(&wait, clock_until(d->bell_ms, now));
	return wait;
}

void drainer_stop(struct drainer *d)
{
	d->is_stopping = true;
	if (d->child)
		kill(d->child, SIGTERM);
}
