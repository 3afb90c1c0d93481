/*
 * The loop of `webhookd`: one thread, everything by poll().
 *
 *   poll -> signals -> accept -> read and judge -> settle the batch, answer it -> drain -> watchdog
 *
 * Whatever comes while a batch is written to disk is the next batch: under load many notifications
 * share a commit, and one that comes alone is committed at once.
 */
#include "cmd/webhookd.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/random.h"
#include "base/xalloc.h"
#include "secret/secret.h"
#include "web/child.h"
#include "web/drain.h"
#include "web/metrics.h"
#include "web/notify.h"
#include "web/receiver.h"
#include "base/banned.h"

#define PEM_MAX       (256 * 1024)
#define BELL_AGAIN_MS 5000
#define LOOK_EVERY_MS 15000 /* whether what failed is due */
/* From SIGTERM on: requests that are under way may end, then the child; all within 5 seconds. */
#define STOP_GRACE_MS 500
#define STOP_KILL_MS  3000

struct loop {
	struct webhookd *w;
	struct receiver *receiver;
	struct metrics metrics;
	struct drain drain;
	pid_t child; /* 0 = none runs */
	int signal_fd;
	bool is_stopping, has_hung_up, has_killed;
	int64_t stop_ms;
	bool is_database_bad; /* as was said last */
	int drain_status;     /* as was said last; 0 = well */
	bool bell_waits;      /* it could not be rung */
	int64_t bell_ms;      /* when to try again */
	int64_t look_ms;      /* when to look again for what is due */
	bool tries_wait;      /* something has failed, and is due later */
	int64_t watchdog_ms;  /* how often; 0 = not wanted */
	int64_t watchdog_due_ms;
};

static const int signals[] = {SIGTERM, SIGINT, SIGHUP, SIGCHLD};

static void signal_set(sigset_t *out)
{
	sigemptyset(out);
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaddset(out, signals[i]);
}

void webhookd_block_signals(void)
{
	sigset_t set;

	signal_set(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
}

static int64_t mono(const struct loop *l)
{
	return l->w->clock->mono_ms(l->w->clock);
}

/* --- the database ------------------------------------------------------------------------ */

/* A state is told when it changes, not at every request. */
static void database_is(struct loop *l, bool is_bad, const struct err *err)
{
	if (is_bad && !l->is_database_bad)
		log_error("webhookd", "%s; notifications are answered with 503 until it is mended",
			  err->msg);
	else if (!is_bad && l->is_database_bad)
		log_note("webhookd", "the webhook's database works again");
	l->is_database_bad = is_bad;
}

/* Calendars that wait; -1 = the database does not answer. */
static int64_t count_wakes(struct loop *l)
{
	struct hook *hook;
	struct err err = {0};
	int64_t n;
	int rc = hook_file_get(l->w->file, &hook, &err) || hook_wake_count(hook, &n, &err);

	database_is(l, rc, &err);
	return rc ? -1 : n;
}

static bool is_healthy(void *arg)
{
	return count_wakes(arg) >= 0;
}

static void add_metrics(void *arg, struct strbuf *out)
{
	struct loop *l = arg;
	struct metrics_now now = {
		.now_ms = clock_now_ms(l->w->clock),
		.open = receiver_open(l->receiver),
		.wakes = count_wakes(l),
		.drain_failures = l->drain.failures,
	};

	metrics_text(&l->metrics, &now, out);
}

/* --- the drain --------------------------------------------------------------------------- */

static void ring(struct loop *l, struct hook *hook)
{
	struct err err = {0};
	bool was_waiting = l->bell_waits;

	l->bell_waits = hook_bell_ring(hook, &err);
	if (!l->bell_waits)
		return;
	l->bell_ms = mono(l) + BELL_AGAIN_MS;
	if (!was_waiting)
		log_error("webhookd", "%s; trying again", err.msg);
}

/* Calendars wait in the database, committed. */
static void tell(struct loop *l, struct hook *hook)
{
	if (l->w->drains)
		drain_news(&l->drain, mono(l));
	else
		ring(l, hook);
}

/* The same when it may be so: at the start, or when an owner has come back. */
static void tell_if_any(struct loop *l)
{
	struct hook *hook;
	struct err err = {0};

	if (count_wakes(l) <= 0)
		l->bell_waits = false; /* nothing to ring for */
	else if (!hook_file_get(l->w->file, &hook, &err))
		tell(l, hook);
}

/* A sync that failed has left word of when the queue is due again. may_tell: also that it is now;
 * not right behind a sync, which has just done what it could. */
static void look_for_tries(struct loop *l, bool may_tell)
{
	struct hook *hook;
	struct err err = {0};
	int64_t at_ms, now_ms = clock_now_ms(l->w->clock);
	int rc = hook_file_get(l->w->file, &hook, &err) || hook_next_get(hook, &at_ms, &err);

	l->look_ms = mono(l) + LOOK_EVERY_MS;
	database_is(l, rc, &err);
	if (rc)
		return;
	l->tries_wait = at_ms > 0;
	if (may_tell && at_ms > 0 && at_ms <= now_ms)
		tell(l, hook);
	else if (at_ms > now_ms && at_ms - now_ms < LOOK_EVERY_MS)
		l->look_ms = mono(l) + at_ms - now_ms;
}

static void start_drain(struct loop *l)
{
	struct err err = {0};

	if (l->is_stopping || !drain_wants_start(&l->drain, mono(l)))
		return;
	drain_started(&l->drain, mono(l));
	log_debug("webhookd", "drain: starting");
	if (!child_start(l->w->drain_args, &l->child, &err))
		return;
	log_error("webhookd", "%s", err.msg);
	l->metrics.drains++;
	l->metrics.drains_failed++;
	drain_ended(&l->drain, mono(l), DRAIN_FAILED, true, (uint32_t)random_below(UINT32_MAX));
}

/* In place of a status: it ended well, and what it was started for is still there. */
#define DRAINED_NOTHING (-1)

static void say_drain(struct loop *l, int status)
{
	int64_t wait = drain_timeout_ms(&l->drain, mono(l));
	int n = l->drain.failures;
	/* The same again and again: now and then. */
	bool is_told = status == l->drain_status && (n & (n - 1));

	l->drain_status = status;
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

static void reap_drain(struct loop *l)
{
	int status;
	int64_t waiting;
	enum drain_end end;

	if (!l->child || !child_reap(l->child, &status))
		return;
	l->child = 0;
	end = drain_judge(status);
	l->metrics.drains++;
	l->metrics.drains_failed += end != DRAIN_DONE;
	if (end == DRAIN_DONE)
		l->metrics.last_drain_ms = clock_now_ms(l->w->clock);
	waiting = count_wakes(l);
	drain_ended(&l->drain, mono(l), end, waiting != 0, (uint32_t)random_below(UINT32_MAX));
	if (l->is_stopping)
		return;
	look_for_tries(l, false);
	if (end != DRAIN_DONE) {
		say_drain(l, status);
	} else if (l->drain.failures && waiting > 0) { /* nobody has asked since */
		say_drain(l, DRAINED_NOTHING);
	} else if (l->drain_status && !l->tries_wait) {
		/* Else it had nothing to do yet. */
		log_note("webhookd", "sync of the queue works again");
		l->drain_status = 0;
	}
}

/* --- notifications ----------------------------------------------------------------------- */

static void settle(struct loop *l)
{
	struct hook_batch *batch = receiver_batch(l->receiver);
	struct hook_settled done = {0};
	struct hook *hook = NULL;
	struct err err = {0};
	int rc;

	if (!hook_batch_count(batch))
		return;
	rc = hook_file_get(l->w->file, &hook, &err);
	if (rc)
		hook_batch_fail(batch);
	else
		rc = hook_batch_settle(batch, hook, clock_now_ms(l->w->clock), &done, &err);
	database_is(l, rc, &err);
	l->metrics.commits_failed += rc != 0;
	if (done.committed) {
		l->metrics.commits++;
		metrics_batch(&l->metrics, hook_batch_count(batch));
	}
	if (done.wakes)
		tell(l, hook);
	else if (done.syncs) /* an owner is there, perhaps again */
		tell_if_any(l);
	receiver_answer(l->receiver);
}

/* --- TLS --------------------------------------------------------------------------------- */

static void warn_of_readers(const char *path)
{
	struct stat st;

	if (!stat(path, &st) && (st.st_mode & 077))
		log_warn("webhookd",
			 "others than its owner can read the TLS key '%s' (mode %03o): chmod 600 "
			 "'%s'",
			 path, (unsigned)st.st_mode & 0777, path);
}

static int load_tls(struct loop *l, struct err *err)
{
	AUTO(strbuf_release) struct strbuf cert = STRBUF_INIT;
	AUTO(secret_wipe_strbuf) struct strbuf key = STRBUF_INIT;

	strbuf_reserve(&key, PEM_MAX); /* no copy of it is left behind by growing */
	if (io_read_file(l->w->tls_cert, PEM_MAX, &cert, err) ||
	    io_read_file(l->w->tls_key, PEM_MAX, &key, err)) {
		err->code = ERR_USAGE; /* as of one that is no good */
		return -1;
	}
	warn_of_readers(l->w->tls_key);
	if (receiver_set_tls(l->receiver, cert.buf, key.buf, err))
		return err_wrap(err, "certificate '%s', key '%s'", l->w->tls_cert, l->w->tls_key);
	return 0;
}

static void reload(struct loop *l)
{
	AUTO(free)
	char *state = xasprintf("RELOADING=1\nMONOTONIC_USEC=%lld", (long long)mono(l) * 1000);
	struct err err = {0};

	notify_send(state);
	if (!l->w->tls_cert)
		log_note("webhookd", "reload: there is no certificate to read again");
	else if (load_tls(l, &err))
		log_error("webhookd", "reload: %s; going on with the old ones", err.msg);
	else
		log_note("webhookd", "reload: new connections get the certificate in '%s'",
			 l->w->tls_cert);
	notify_send("READY=1");
}

/* --- the end ----------------------------------------------------------------------------- */

static void stop(struct loop *l)
{
	if (l->is_stopping)
		return;
	l->is_stopping = true;
	l->stop_ms = mono(l);
	notify_send("STOPPING=1");
	log_note("webhookd", "stopping");
	listener_list_release(&l->w->listeners);
	receiver_finish(l->receiver);
	if (l->child)
		kill(l->child, SIGTERM);
}

/* Returns whether all is over. */
static bool go_on_stopping(struct loop *l)
{
	int64_t since = mono(l) - l->stop_ms;

	if (since >= STOP_GRACE_MS && !l->has_hung_up) {
		receiver_hang_up(l->receiver);
		l->has_hung_up = true;
	}
	if (since >= STOP_KILL_MS && l->child && !l->has_killed) {
		kill(l->child, SIGKILL); /* it survives that: the store is made for it */
		l->has_killed = true;
	}
	return (!receiver_open(l->receiver) || since >= STOP_KILL_MS) && !l->child;
}

/* --- the loop ---------------------------------------------------------------------------- */

static void read_signals(struct loop *l)
{
	struct signalfd_siginfo info;
	bool wants_reload = false, wants_stop = false;

	while (read(l->signal_fd, &info, sizeof(info)) == sizeof(info)) {
		wants_reload = wants_reload || info.ssi_signo == SIGHUP;
		wants_stop = wants_stop || info.ssi_signo == SIGTERM || info.ssi_signo == SIGINT;
	}
	reap_drain(l);
	if (wants_stop)
		stop(l);
	else if (wants_reload && !l->is_stopping)
		reload(l);
}

static void sooner(int64_t *wait, int64_t ms)
{
	if (ms >= 0 && (*wait < 0 || ms < *wait))
		*wait = ms;
}

static int64_t until(int64_t then, int64_t now)
{
	return then > now ? then - now : 0;
}

static int timeout_ms(const struct loop *l)
{
	int64_t now = mono(l), wait = receiver_timeout_ms(l->receiver);

	if (l->is_stopping)
		sooner(&wait, l->has_hung_up ? until(l->stop_ms + STOP_KILL_MS, now)
					     : until(l->stop_ms + STOP_GRACE_MS, now));
	else
		sooner(&wait, drain_timeout_ms(&l->drain, now));
	if (!l->is_stopping && !l->child)
		sooner(&wait, until(l->look_ms, now));
	if (l->bell_waits)
		sooner(&wait, until(l->bell_ms, now));
	if (l->watchdog_ms)
		sooner(&wait, until(l->watchdog_due_ms, now));
	return wait > INT32_MAX ? INT32_MAX : (int)wait;
}

static void tick(struct loop *l)
{
	if (l->bell_waits && mono(l) >= l->bell_ms) {
		l->bell_ms = mono(l) + BELL_AGAIN_MS;
		tell_if_any(l);
	}
	if (!l->is_stopping && !l->child && mono(l) >= l->look_ms)
		look_for_tries(l, true);
	start_drain(l);
	if (l->watchdog_ms && mono(l) >= l->watchdog_due_ms) {
		notify_send("WATCHDOG=1");
		l->watchdog_due_ms = mono(l) + l->watchdog_ms;
	}
}

static int turn(struct loop *l, struct err *err)
{
	const struct listener_list *listeners = &l->w->listeners;
	AUTO(free)
	struct pollfd *fds = xcalloc(1 + DAEMONS_MAX + listeners->count, sizeof(*fds));
	short wanted = receiver_wants_more(l->receiver) ? POLLIN : 0;
	size_t n = 1, first;

	fds[0] = (struct pollfd){.fd = l->signal_fd, .events = POLLIN};
	for (size_t i = 0; i < listeners->count; i++)
		fds[n++] = (struct pollfd){.fd = listeners->items[i].fd, .events = wanted};
	first = n;
	n += receiver_pollfds(l->receiver, fds + first);
	if (poll(fds, n, timeout_ms(l)) < 0 && errno != EINTR)
		return err_set(err, ERR_FAILED, "cannot wait for requests: %s", strerror(errno));
	for (size_t i = 0; i < listeners->count; i++)
		if (fds[1 + i].revents & POLLIN)
			receiver_accept(l->receiver, &listeners->items[i]);
	receiver_run(l->receiver);
	settle(l);
	if (fds[0].revents) /* last: it closes listeners */
		read_signals(l);
	tick(l);
	return 0;
}

static void say_listening(const struct webhookd *w)
{
	for (size_t i = 0; i < w->listeners.count; i++) {
		const struct listener *l = &w->listeners.items[i];

		log_note("webhookd", "listening on %s%s", l->name,
			 l->is_metrics                ? " for metrics"
			 : w->tls_cert && !l->is_unix ? " with TLS"
						      : "");
	}
}

static int begin(struct loop *l, struct err *err)
{
	struct receiver_options o = {
		.clock = l->w->clock,
		.metrics = &l->metrics,
		.connections = l->w->connections,
		.connections_per_address = l->w->connections_per_address,
		.is_healthy = is_healthy,
		.add_metrics = add_metrics,
		.arg = l,
	};
	sigset_t set;

	signal_set(&set);
	l->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (l->signal_fd < 0)
		return err_set(err, ERR_FAILED, "cannot wait for signals: %s", strerror(errno));
	if (receiver_new(&o, &l->receiver, err) || (l->w->tls_cert && load_tls(l, err)))
		return -1;
	l->metrics.start_ms = clock_now_ms(l->w->clock);
	l->watchdog_ms = notify_watchdog_ms();
	say_listening(l->w);
	notify_send("READY=1");
	/* A sync that was killed with us may have taken over what waited here. */
	if (l->w->drains)
		drain_news(&l->drain, mono(l));
	else
		tell_if_any(l);
	return 0;
}

int webhookd_run(struct webhookd *w, struct err *err)
{
	struct loop l = {.w = w, .signal_fd = -1};
	int rc = begin(&l, err);

	while (!rc && !(l.is_stopping && go_on_stopping(&l)))
		rc = turn(&l, err);
	receiver_free(l.receiver);
	if (l.signal_fd >= 0)
		close(l.signal_fd);
	return rc;
}
