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
#include <unistd.h>

#include "base/io.h"
#include "base/log.h"
#include "base/xalloc.h"
#include "cmd/webhookd_drain.h"
#include "secret/secret.h"
#include "web/metrics.h"
#include "web/notify.h"
#include "web/receiver.h"
#include "base/banned.h"

#define PEM_MAX (256 * 1024)
/* From SIGTERM on: requests that are under way may end, then the child; all within 5 seconds. */
#define STOP_GRACE_MS 500
#define STOP_KILL_MS  3000

struct loop {
	struct webhookd *w;
	struct receiver *receiver;
	struct metrics metrics;
	struct drainer drainer;
	int signal_fd;
	bool is_stopping, has_hung_up, has_killed;
	int64_t stop_ms;
	int64_t watchdog_ms; /* how often; 0 = not wanted */
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

/* --- asked by the receiver --------------------------------------------------------------- */

static bool is_healthy(void *arg)
{
	struct loop *l = arg;

	return drainer_is_database_well(&l->drainer);
}

static void add_metrics(void *arg, struct strbuf *out)
{
	struct loop *l = arg;
	struct metrics_now now = {
		.now_ms = clock_now_ms(l->w->clock),
		.open = receiver_open(l->receiver),
		.wakes = drainer_count_wakes(&l->drainer),
		.database_up = drainer_is_database_well(&l->drainer),
		.drain_failures = l->drainer.drain.failures,
	};

	metrics_text(&l->metrics, &now, out);
}

/* --- notifications ----------------------------------------------------------------------- */

static void settle(void *arg, struct hook_batch *batch)
{
	struct loop *l = arg;
	struct hook_settled done = {0};
	struct hook *hook = NULL;
	struct err err = {0};
	int rc = hook_file_get(l->w->file, &hook, &err);

	if (rc)
		hook_batch_fail(batch);
	else
		rc = hook_batch_settle(batch, hook, clock_now_ms(l->w->clock), &done, &err);
	if (rc || done.committed)
		drainer_note_write(&l->drainer, rc, &err);
	l->metrics.commits_failed += rc != 0;
	if (done.committed) {
		l->metrics.commits++;
		metrics_batch(&l->metrics, hook_batch_count(batch));
	}
	if (done.wakes)
		drainer_tell(&l->drainer);
	else if (done.syncs) /* an owner is there, perhaps again */
		drainer_tell_if_any(&l->drainer);
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
	drainer_stop(&l->drainer);
}

/* Returns whether all is over. */
static bool go_on_stopping(struct loop *l)
{
	int64_t since = mono(l) - l->stop_ms;

	if (since >= STOP_GRACE_MS && !l->has_hung_up) {
		receiver_hang_up(l->receiver);
		l->has_hung_up = true;
	}
	if (since >= STOP_KILL_MS && l->drainer.child && !l->has_killed) {
		kill(l->drainer.child, SIGKILL); /* it survives that: the store is made for it */
		l->has_killed = true;
	}
	return (!receiver_open(l->receiver) || since >= STOP_KILL_MS) && !l->drainer.child;
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
	drainer_reap(&l->drainer);
	if (wants_stop)
		stop(l);
	else if (wants_reload && !l->is_stopping)
		reload(l);
}

static int timeout_ms(const struct loop *l)
{
	int64_t now = mono(l), wait = receiver_timeout_ms(l->receiver);

	clock_sooner(&wait, drainer_timeout_ms(&l->drainer));
	if (l->is_stopping)
		clock_sooner(&wait, clock_until(l->stop_ms + (l->has_hung_up ? STOP_KILL_MS
									     : STOP_GRACE_MS),
						now));
	if (l->watchdog_ms)
		clock_sooner(&wait, clock_until(l->watchdog_due_ms, now));
	return wait > INT32_MAX ? INT32_MAX : (int)wait;
}

static void tick(struct loop *l)
{
	drainer_tick(&l->drainer);
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
		.settle = settle,
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
	drainer_begin(&l->drainer);
	return 0;
}

int webhookd_run(struct webhookd *w, struct err *err)
{
	struct loop l = {.w = w, .signal_fd = -1, .drainer = {.w = w, .metrics = &l.metrics}};
	int rc = begin(&l, err);

	while (!rc && !(l.is_stopping && go_on_stopping(&l)))
		rc = turn(&l, err);
	receiver_free(l.receiver);
	if (l.signal_fd >= 0)
		close(l.signal_fd);
	return rc;
}
