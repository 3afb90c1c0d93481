#include "web/metrics.h"

#include <inttypes.h>

#include "base/banned.h"

void metrics_batch(struct metrics *m, size_t messages)
{
	size_t i = 0;

	while (i < METRIC_BATCH_BUCKETS && messages > (size_t)1 << i)
		i++;
	if (i < METRIC_BATCH_BUCKETS)
		m->batch_buckets[i]++;
	m->batches++;
	m->batched += messages;
}

static void head(struct strbuf *out, const char *name, const char *type, const char *help)
{
	strbuf_addf(out, "# HELP calsync_webhook_%s %s\n# TYPE calsync_webhook_%s %s\n", name, help,
		    name, type);
}

static void number(struct strbuf *out, const char *name, const char *type, const char *help,
		   int64_t n)
{
	head(out, name, type, help);
	strbuf_addf(out, "calsync_webhook_%s %" PRId64 "\n", name, n);
}

static void counter(struct strbuf *out, const char *name, const char *help, uint64_t n)
{
	number(out, name, "counter", help, (int64_t)n);
}

static void seconds(struct strbuf *out, const char *name, const char *help, int64_t ms)
{
	head(out, name, "gauge", help);
	strbuf_addf(out, "calsync_webhook_%s %" PRId64 ".%03d\n", name, ms / 1000,
		    (int)(ms % 1000));
}

static void outcomes(const struct metrics *m, struct strbuf *out)
{
	static const char *const names[] = {
#define X(code, name) name,
		METRIC_OUTCOMES(X)
#undef X
	};

	head(out, "requests_total", "counter", "Requests by how they ended.");
	for (size_t i = 0; i < METRIC_OUTCOME_COUNT; i++)
		strbuf_addf(out, "calsync_webhook_requests_total{outcome=\"%s\"} %" PRIu64 "\n",
			    names[i], m->outcomes[i]);
}

static void batches(const struct metrics *m, struct strbuf *out)
{
	uint64_t sum = 0;

	head(out, "batch_messages", "histogram", "Notifications that were committed together.");
	for (size_t i = 0; i < METRIC_BATCH_BUCKETS; i++) {
		sum += m->batch_buckets[i];
		strbuf_addf(out, "calsync_webhook_batch_messages_bucket{le=\"%d\"} %" PRIu64 "\n",
			    1 << i, sum);
	}
	strbuf_addf(out,
		    "calsync_webhook_batch_messages_bucket{le=\"+Inf\"} %" PRIu64 "\n"
		    "calsync_webhook_batch_messages_sum %" PRIu64 "\n"
		    "calsync_webhook_batch_messages_count %" PRIu64 "\n",
		    m->batches, m->batched, m->batches);
}

void metrics_text(const struct metrics *m, const struct metrics_now *now, struct strbuf *out)
{
	outcomes(m, out);
	number(out, "connections", "gauge", "Open connections.", (int64_t)now->open);
	counter(out, "connections_total", "Connections that were accepted.", m->connections);
	counter(out, "connections_refused_total", "Connections for which there was no room.",
		m->connections_refused);
	counter(out, "connections_pushed_out_total",
		"Connections that were closed to make room for another.", m->connections_pushed);
	counter(out, "connections_expired_total", "Connections that ran out of time.",
		m->connections_expired);
	counter(out, "commits_total", "Transactions that were committed.", m->commits);
	counter(out, "commits_failed_total", "Batches that the database did not take.",
		m->commits_failed);
	batches(m, out);
	if (now->wakes >= 0)
		number(out, "wakes", "gauge", "Calendars that wait for a sync.", now->wakes);
	number(out, "database_up", "gauge", "Whether the webhook's database takes notifications.",
	       now->database_up);
	counter(out, "drains_total", "Runs of the queue that have ended.", m->drains);
	counter(out, "drains_failed_total", "Those of them that failed.", m->drains_failed);
	number(out, "drain_failures", "gauge", "Runs that failed in a row.", now->drain_failures);
	seconds(out, "last_drain_timestamp_seconds",
		"End of the last run that went well; 0 = none.", m->last_drain_ms);
	seconds(out, "start_time_seconds", "When this process began.", m->start_ms);
	seconds(out, "uptime_seconds", "How long it has run.", now->now_ms - m->start_ms);
}
