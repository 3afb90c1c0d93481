/* Quota units taken in the last minute: one budget for all processes that share the store. */
#include <assert.h>
#include <string.h>

#include "base/xalloc.h"
#include "store/internal.h"

#include "base/banned.h"

/* A clock that was set back must not lock anybody out: what seems to come is taken for now. */
static const char sql_rate_clamp[] =
	"UPDATE rate SET at_ms = :now WHERE bucket = :bucket AND at_ms > :latest";

static const char sql_rate_forget[] =
	"DELETE FROM rate WHERE bucket = :bucket AND at_ms <= :before";

static int tidy(struct store *s, const char *bucket, int64_t now_ms, struct err *err)
{
	AUTO(stmt_done) struct stmt *clamp = NULL;
	AUTO(stmt_done) struct stmt *forget = NULL;

	if (db_prepare(s->db, sql_rate_clamp, &clamp, err))
		return -1;
	stmt_text(clamp, ":bucket", bucket);
	stmt_int(clamp, ":now", now_ms);
	stmt_int(clamp, ":latest", now_ms + RATE_LEASE_MS);
	if (stmt_run(clamp, err) || db_prepare(s->db, sql_rate_forget, &forget, err))
		return -1;
	stmt_text(forget, ":bucket", bucket);
	stmt_int(forget, ":before", now_ms - RATE_WINDOW_MS);
	return stmt_run(forget, err);
}

static const char sql_rate_sum[] =
	"SELECT coalesce(sum(units), 0) FROM rate WHERE bucket = :bucket";

static int sum(struct store *s, const char *bucket, int64_t *out, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_rate_sum, &st, err))
		return -1;
	stmt_text(st, ":bucket", bucket);
	if (stmt_step(st, err) < 0)
		return -1;
	*out = col_int(st, 0);
	return 0;
}

static const char sql_rate_oldest[] =
	"SELECT at_ms, units FROM rate WHERE bucket = :bucket ORDER BY at_ms";

/* When so many units more will be free. */
static int wait_for(struct store *s, const char *bucket, int64_t units, int64_t now_ms,
		    int64_t *out_wait_ms, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	int status = 1;

	if (db_prepare(s->db, sql_rate_oldest, &st, err))
		return -1;
	stmt_text(st, ":bucket", bucket);
	while (units > 0 && (status = stmt_step(st, err)) == 1) {
		units -= col_int(st, 1);
		*out_wait_ms = col_int(st, 0) + RATE_WINDOW_MS - now_ms;
	}
	return status < 0 ? -1 : 0;
}

/* How much of a bucket is free, and when `need` will be. */
static int look(struct store *s, const struct rate_bucket *b, int64_t need, int64_t now_ms,
		int64_t *out_free, int64_t *out_wait_ms, struct err *err)
{
	int64_t spent;

	if (tidy(s, b->name, now_ms, err) || sum(s, b->name, &spent, err))
		return -1;
	*out_free = b->limit - spent;
	*out_wait_ms = 0;
	if (*out_free >= need)
		return 0;
	return wait_for(s, b->name, need - *out_free, now_ms, out_wait_ms, err);
}

static const char sql_rate_add[] = "INSERT INTO rate (bucket, at_ms, units)"
				   " VALUES (:bucket, :at, :units) RETURNING rate_id";

static int add(struct store *s, const char *bucket, int units, int64_t at_ms, int64_t *out_id,
	       struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_rate_add, &st, err))
		return -1;
	stmt_text(st, ":bucket", bucket);
	stmt_int(st, ":at", at_ms);
	stmt_int(st, ":units", units);
	return stmt_run_id(st, out_id, err);
}

/* What was used of it was used until now. Numbers come back once a row is forgotten: it is ours
 * only with its time. */
static const char sql_rate_return[] = "UPDATE rate SET units = units - :left,"
				      " at_ms = CASE WHEN at_ms > :now THEN :now ELSE at_ms END"
				      " WHERE rate_id = :id AND at_ms = :at AND units >= :left";
static const char sql_rate_empty[] = "DELETE FROM rate WHERE rate_id = :id AND units = 0";

static int give_back(struct store *s, struct rate_lease *lease, int64_t now_ms, struct err *err)
{
	for (size_t i = 0; i < lease->count; i++) {
		AUTO(stmt_done) struct stmt *st = NULL;
		AUTO(stmt_done) struct stmt *empty = NULL;

		if (db_prepare(s->db, sql_rate_return, &st, err))
			return -1;
		stmt_int(st, ":id", lease->rows[i]);
		stmt_int(st, ":now", now_ms);
		stmt_int(st, ":at", lease->until_ms);
		stmt_int(st, ":left", lease->left);
		if (stmt_run(st, err) || db_prepare(s->db, sql_rate_empty, &empty, err))
			return -1;
		stmt_int(empty, ":id", lease->rows[i]);
		if (stmt_run(empty, err))
			return -1;
	}
	memset(lease, 0, sizeof(*lease));
	return 0;
}

static int take(struct store *s, const struct rate_bucket *buckets, size_t count,
		const struct rate_wish *wish, struct rate_lease *lease, int64_t *out_wait_ms,
		struct err *err)
{
	int64_t got = wish->most;

	if (give_back(s, lease, wish->now_ms, err))
		return -1;
	*out_wait_ms = 0;
	for (size_t i = 0; i < count; i++) {
		/* More than there ever is: all of it. */
		int64_t need = wish->need < buckets[i].limit ? wish->need : buckets[i].limit;
		int64_t available, wait;

		if (look(s, &buckets[i], need, wish->now_ms, &available, &wait, err))
			return -1;
		if (available < need && wait > *out_wait_ms)
			*out_wait_ms = wait;
		if (got > available)
			got = available;
	}
	if (*out_wait_ms)
		return 0;
	lease->left = (int)(got > wish->need ? got : wish->need);
	/* What is needed now is spent now; a rest may be spent until the lease ends. */
	lease->until_ms = wish->now_ms + (lease->left > wish->need ? RATE_LEASE_MS : 0);
	for (lease->count = 0; lease->count < count; lease->count++)
		if (add(s, buckets[lease->count].name, lease->left, lease->until_ms,
			&lease->rows[lease->count], err))
			return -1;
	return 0;
}

int store_rate_take(struct store *s, const struct rate_bucket *buckets, size_t count,
		    const struct rate_wish *wish, struct rate_lease *lease, int64_t *out_wait_ms,
		    struct err *err)
{
	struct db_join join;
	struct rate_lease now = *lease;
	int64_t wait = 0;

	assert(count <= RATE_BUCKETS_MAX && wish->need <= wish->most);
	if (db_join_begin(s->db, &join, err) ||
	    db_join_end(s->db, &join, take(s, buckets, count, wish, &now, &wait, err), err))
		return -1;
	*lease = now;
	*out_wait_ms = wait;
	return 0;
}

int store_rate_return(struct store *s, struct rate_lease *lease, int64_t now_ms, struct err *err)
{
	struct db_join join;
	struct rate_lease now = *lease;

	if (!lease->left)
		return 0;
	if (db_join_begin(s->db, &join, err) ||
	    db_join_end(s->db, &join, give_back(s, &now, now_ms, err), err))
		return -1;
	*lease = now;
	return 0;
}
