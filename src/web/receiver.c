#include "web/receiver.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/xalloc.h"
#include "web/answers.h"
#include "web/daemons.h"
#include "web/head_check.h"
#include "web/peers.h"
#include "base/banned.h"

#define BODY_SKIPPED   65536 /* bytes of a body without a declared end: then it is cut off */
#define ACCEPTS_MAX    64    /* in a row, from one listener */
#define ACCEPT_REST_MS 100   /* when there are no descriptors */
/* Of refused requests, with -v: who sends many must not fill the journal. */
#define LOG_LINES     10
#define LOG_PERIOD_MS 60000

/* A connection, with the request that it is about. */
struct visitor {
	struct peer peer; /* first */
	bool is_metrics;
	const char *target; /* where it stands; its end was made a NUL */
	size_t target_len;  /* as it came */
	struct head_check head;
	struct hook_request request;
	struct hook_message message;
	enum hook_verdict verdict;
	bool begun;      /* its headers were judged */
	bool is_chunked; /* many read such a body in many ways: nothing is read behind it */
	size_t body;     /* bytes so far */
	bool is_batched, is_settled;
	enum hook_outcome outcome;
	size_t place; /* in the batch */
};

struct receiver {
	struct receiver_options o;
	const struct mhd *mhd;
	bool is_lax; /* libmicrohttpd takes heads that are not well written */
	struct answers answers;
	struct daemons daemons;
	struct peers peers;
	struct visitor *coming; /* is being added; NULL = libmicrohttpd has it */
	struct hook_batch *batch;
	struct visitor **waiting; /* by place in the batch; NULL = it has gone away */
	size_t waiting_room;
	int64_t accept_from_ms; /* not before */
	bool is_finishing;
	int64_t log_since_ms;
	unsigned log_lines;
};

static int64_t now_ms(const struct receiver *r)
{
	return r->o.clock->mono_ms(r->o.clock);
}

static void count(struct receiver *r, enum metric_outcome outcome)
{
	r->o.metrics->outcomes[outcome]++;
}

static void log_refusal(struct receiver *r, const char *why)
{
	int64_t now = now_ms(r);

	if (log_level() < 1)
		return;
	if (!r->log_since_ms || now - r->log_since_ms >= LOG_PERIOD_MS) {
		if (r->log_lines > LOG_LINES)
			log_info("webhookd", "%u more requests were refused",
				 r->log_lines - LOG_LINES);
		r->log_since_ms = now;
		r->log_lines = 0;
	}
	if (++r->log_lines <= LOG_LINES)
		log_info("webhookd", "refused a request: %s", why);
}

/* --- requests ---------------------------------------------------------------------------- */

/* The first line has come. MHD would decode the path: what counts is how it was written. */
static void *on_target(void *arg, const char *target, struct MHD_Connection *connection)
{
	struct receiver *r = arg;
	struct visitor *v =
		r->mhd->get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)
			->socket_context;

	v->begun = v->is_batched = v->is_settled = false;
	v->body = 0;
	v->target = target;
	v->target_len = strlen(target);
	hook_request_begin(&v->request, v->is_metrics, target);
	return v;
}

static void forget_request(struct receiver *r, struct visitor *v)
{
	if (v->is_batched)
		r->waiting[v->place] = NULL;
	v->is_batched = false;
}

static void on_request_end(void *arg, struct MHD_Connection *connection, void **at,
			   enum MHD_RequestTerminationCode why)
{
	struct receiver *r = arg;
	struct visitor *v = *at;

	(void)connection;
	(void)why;
	if (!v)
		return;
	forget_request(r, v);
	peers_restart(&r->peers, &v->peer, now_ms(r));
	*at = NULL;
}

static enum MHD_Result take_header(void *arg, enum MHD_ValueKind kind, const char *name,
				   size_t name_len, const char *value, size_t value_len)
{
	struct visitor *v = arg;

	(void)kind;
	head_check_header(&v->head, name, name_len, value, value_len);
	hook_request_header(&v->request, name, name_len, value, value_len);
	return MHD_YES;
}

static void take_head(struct receiver *r, struct MHD_Connection *c, struct visitor *v,
		      const char *method, const char *version)
{
	const union MHD_ConnectionInfo *size =
		r->mhd->get_connection_info(c, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);

	head_check_begin(&v->head, method, v->target, v->target_len, version);
	r->mhd->get_connection_values_n(c, MHD_HEADER_KIND, take_header, v);
	v->request.is_loose = r->is_lax && !head_check_end(&v->head, size->header_size);
	v->is_chunked = v->request.fields[HOOK_FIELD_ENCODING].at;
}

/* Whether its connection is to end with this answer. */
static bool is_last(const struct receiver *r, struct MHD_Connection *c, const struct visitor *v)
{
	return r->is_finishing || v->is_chunked ||
	       daemons_is_old(&r->daemons,
			      r->mhd->get_connection_info(c, MHD_CONNECTION_INFO_DAEMON)->daemon);
}

static enum MHD_Result refuse(struct receiver *r, struct MHD_Connection *c, const struct visitor *v,
			      enum metric_outcome outcome, enum answer answer, bool close)
{
	count(r, outcome);
	return answers_send(&r->answers, c, answer, close || is_last(r, c, v));
}

/* The headers are there. What makes no sense to read on is answered at once, which closes the
 * connection; the rest when it is complete. */
static enum MHD_Result begin(struct receiver *r, struct MHD_Connection *c, struct visitor *v,
			     const char *method, const char *version)
{
	const char *why;

	v->begun = true;
	take_head(r, c, v, method, version);
	v->verdict = hook_request_judge(&v->request, method, version, &v->message, &why);
	if (why)
		log_refusal(r, why);
	if (v->verdict == HOOK_BAD_FRAMING)
		return refuse(r, c, v, METRIC_MALFORMED, ANSWER_BAD, true);
	if (v->verdict == HOOK_BODY_TOO_LARGE)
		return refuse(r, c, v, METRIC_MALFORMED, ANSWER_TOO_LARGE, true);
	if (v->verdict == HOOK_HEADERS_TOO_LARGE)
		return refuse(r, c, v, METRIC_MALFORMED, ANSWER_HEADERS, true);
	return MHD_YES;
}

static void put_into_batch(struct receiver *r, struct visitor *v)
{
	v->place = hook_batch_add(r->batch, &v->message);
	if (v->place >= r->waiting_room) {
		r->waiting_room = 2 * r->waiting_room + 16;
		r->waiting = xreallocarray(r->waiting, r->waiting_room, sizeof(struct visitor *));
	}
	r->waiting[v->place] = v;
	v->is_batched = true;
	v->peer.is_busy = true;
}

static void settle(struct receiver *r)
{
	r->o.settle(r->o.arg, r->batch);
	for (size_t i = 0; i < hook_batch_count(r->batch); i++) {
		struct visitor *v = r->waiting[i];

		if (!v)
			continue;
		v->outcome = hook_batch_outcome(r->batch, i);
		v->is_settled = true;
		v->is_batched = false;
	}
	hook_batch_clear(r->batch);
}

static enum MHD_Result answer_outcome(struct receiver *r, struct MHD_Connection *c,
				      struct visitor *v)
{
	static const struct {
		enum metric_outcome metric;
		enum answer answer;
		const char *why;
	} table[] = {
		[HOOK_NOTED] = {METRIC_ACCEPTED, ANSWER_NO_CONTENT, NULL},
		[HOOK_REPEATED] = {METRIC_REPEATED, ANSWER_NO_CONTENT, NULL},
		[HOOK_NO_CHANNEL] = {METRIC_UNKNOWN, ANSWER_NOT_FOUND, "unknown channel"},
		[HOOK_NO_TOKEN] = {METRIC_TOKEN, ANSWER_NOT_FOUND, "wrong token"},
		[HOOK_NO_RESOURCE] = {METRIC_RESOURCE, ANSWER_NOT_FOUND, "wrong resource id"},
		[HOOK_FAILED] = {METRIC_FAILED, ANSWER_TRY_LATER, NULL},
	};

	v->peer.is_busy = false;
	if (table[v->outcome].why)
		log_refusal(r, table[v->outcome].why);
	return refuse(r, c, v, table[v->outcome].metric, table[v->outcome].answer, false);
}

static enum MHD_Result answer_metrics(struct receiver *r, struct MHD_Connection *c,
				      const struct visitor *v)
{
	AUTO(strbuf_release) struct strbuf text = STRBUF_INIT;

	r->o.add_metrics(r->o.arg, &text);
	return answers_send_text(&r->answers, c, text.buf, text.len, is_last(r, c, v));
}

/* All of the request has come. */
static enum MHD_Result finish(struct receiver *r, struct MHD_Connection *c, struct visitor *v)
{
	if (v->body > HOOK_BODY_MAX)
		return refuse(r, c, v, METRIC_MALFORMED, ANSWER_TOO_LARGE, true);
	switch (v->verdict) {
	case HOOK_MESSAGE:
		if (!v->is_settled && !v->is_batched)
			put_into_batch(r, v);
		/* Nobody else is there who could share a commit with it. */
		if (v->is_batched && r->peers.count == 1)
			settle(r);
		if (v->is_settled)
			return answer_outcome(r, c, v);
		return MHD_YES; /* without an answer: we are called again in the next round */
	case HOOK_HEALTH:
		return answers_send(&r->answers, c,
				    r->o.is_healthy(r->o.arg) ? ANSWER_OK : ANSWER_TRY_LATER,
				    is_last(r, c, v));
	case HOOK_METRICS:
		return answer_metrics(r, c, v);
	case HOOK_WANTS_POST:
		return refuse(r, c, v, METRIC_MALFORMED, ANSWER_POST_ONLY, false);
	case HOOK_WANTS_GET:
		return refuse(r, c, v, METRIC_MALFORMED, ANSWER_GET_ONLY, false);
	case HOOK_NOT_FOUND:
		return refuse(r, c, v, METRIC_NOT_FOUND, ANSWER_NOT_FOUND, false);
	default:
		return refuse(r, c, v, METRIC_MALFORMED, ANSWER_BAD, false);
	}
}

static enum MHD_Result on_request(void *arg, struct MHD_Connection *c, const char *url,
				  const char *method, const char *version, const char *data,
				  size_t *size, void **at)
{
	struct receiver *r = arg;
	struct visitor *v = *at;

	(void)url;
	(void)data;
	if (!v->begun)
		return begin(r, c, v, method, version);
	if (*size) {
		v->body += *size;
		*size = 0;
		return v->body > BODY_SKIPPED ? MHD_NO : MHD_YES;
	}
	return finish(r, c, v);
}

/* --- connections ------------------------------------------------------------------------- */

static void on_connection(void *arg, struct MHD_Connection *c, void **socket_context,
			  enum MHD_ConnectionNotificationCode what)
{
	struct receiver *r = arg;
	struct visitor *v = *socket_context;

	(void)c;
	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		*socket_context = r->coming;
		r->coming = NULL;
		return;
	}
	forget_request(r, v);
	peers_remove(&r->peers, &v->peer);
	free(v);
	*socket_context = NULL;
}

static void add(struct receiver *r, const struct listener *l, int fd, const struct sockaddr *addr,
		socklen_t len)
{
	struct visitor *v = xcalloc(1, sizeof(*v));
	bool is_pushed;

	v->is_metrics = l->is_metrics;
	v->peer.fd = fd;
	peer_set_address(&v->peer, addr);
	if (!peers_make_room(&r->peers, &v->peer, r->o.connections, r->o.connections_per_address,
			     &is_pushed)) {
		r->o.metrics->connections_refused++;
		close(fd);
		free(v);
		return;
	}
	r->o.metrics->connections++;
	r->o.metrics->connections_pushed += is_pushed;
	peers_add(&r->peers, &v->peer, now_ms(r));
	r->coming = v;
	daemons_add(&r->daemons, !l->is_unix && !l->is_metrics, fd, addr, len);
	if (r->coming) {
		peers_remove(&r->peers, &v->peer);
		free(v);
		r->coming = NULL;
	}
}

bool receiver_wants_more(const struct receiver *r)
{
	return now_ms(r) >= r->accept_from_ms;
}

void receiver_accept(struct receiver *r, const struct listener *l)
{
	for (int i = 0; i < ACCEPTS_MAX; i++) {
		struct sockaddr_storage addr = {0};
		socklen_t len = sizeof(addr);
		int fd = accept4(l->fd, (struct sockaddr *)&addr, &len,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd >= 0) {
			add(r, l, fd, (const struct sockaddr *)&addr, len);
		} else if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS ||
			   errno == ENOMEM) {
			r->accept_from_ms = now_ms(r) + ACCEPT_REST_MS;
			return;
		} else if (errno != ECONNABORTED && errno != EINTR) {
			return;
		}
	}
}

/* --- from outside ------------------------------------------------------------------------ */

int receiver_new(const struct receiver_options *o, struct receiver **out, struct err *err)
{
	AUTO(receiver_free) struct receiver *r = NULL;
	const struct mhd *mhd;

	if (mhd_load(&mhd, err))
		return -1;
	r = xcalloc(1, sizeof(*r));
	r->o = *o;
	r->mhd = mhd;
	r->is_lax = !strncmp(mhd->get_version(), "0.", 2);
	r->batch = hook_batch_new();
	answers_init(&r->answers, mhd);
	r->daemons = (struct daemons){
		.mhd = mhd,
		/* Ours is the limit that counts; those that are shut down are not closed yet. */
		.connections = 2 * o->connections + 2 * ACCEPTS_MAX,
		.on_target = on_target,
		.on_request = on_request,
		.on_request_end = on_request_end,
		.on_connection = on_connection,
		.arg = r,
	};
	if (daemons_start(&r->daemons, err))
		return -1;
	*out = TAKE(r);
	return 0;
}

void receiver_free(struct receiver *r)
{
	if (!r)
		return;
	daemons_stop(&r->daemons);
	answers_release(&r->answers);
	hook_batch_free(r->batch);
	free(r->waiting);
	free(r);
}

int receiver_set_tls(struct receiver *r, const char *cert, const char *key, struct err *err)
{
	return daemons_set_tls(&r->daemons, cert, key, err);
}

size_t receiver_pollfds(const struct receiver *r, struct pollfd fds[DAEMONS_MAX])
{
	return daemons_pollfds(&r->daemons, fds);
}

int64_t receiver_timeout_ms(const struct receiver *r)
{
	int64_t now = now_ms(r), wait = peers_timeout_ms(&r->peers, now);

	if (now < r->accept_from_ms)
		clock_sooner(&wait, r->accept_from_ms - now);
	clock_sooner(&wait, daemons_timeout_ms(&r->daemons));
	return wait;
}

static void run_daemons(struct receiver *r)
{
	r->o.metrics->connections_expired += peers_expire(&r->peers, now_ms(r));
	daemons_run(&r->daemons);
}

void receiver_run(struct receiver *r)
{
	run_daemons(r);
	if (!hook_batch_count(r->batch))
		return;
	settle(r);
	run_daemons(r); /* makes the answers */
	run_daemons(r); /* sends them */
}

size_t receiver_open(const struct receiver *r)
{
	return r->peers.count;
}

void receiver_finish(struct receiver *r)
{
	r->is_finishing = true;
}

void receiver_hang_up(struct receiver *r)
{
	peers_expire_all(&r->peers);
}
