/* Walks over events: the SQL is put together from the parts that a query asks for. */
#include <string.h>

#include "base/xalloc.h"
#include "store/event_index.h"
#include "store/event_row.h"
#include "store/internal.h"

#include "base/banned.h"

/* --- the text ---------------------------------------------------------------------------- */

static bool has_window(const struct event_query *q)
{
	return q->has_start || q->has_end;
}

/* What every arm of the query shares. */
static void add_filters(struct strbuf *sql, const struct event_query *q)
{
	strbuf_adds(sql, EVENT_SELECT EVENT_FROM " WHERE 1 = 1");
	if (q->calendar_id)
		strbuf_adds(sql, " AND e.calendar_id = :calendar");
	if (q->account_id)
		strbuf_adds(sql, " AND e.calendar_id IN (SELECT n.calendar_id FROM calendar n"
				 " WHERE n.account_id = :account)");
	/* A window is looked for calendar by calendar: the index of starts has them apart. */
	else if (has_window(q) && !q->calendar_id && !q->id && !q->id_prefix)
		strbuf_adds(sql, " AND e.calendar_id IN (SELECT n.calendar_id FROM calendar n)");
	if (q->id)
		strbuf_adds(sql, " AND e.id = :id");
	if (q->id_prefix)
		strbuf_adds(sql, " AND e.id >= :prefix AND e.id < :prefix_end");
	if (q->recurring_event_id)
		strbuf_adds(sql, " AND e.recurring_event_id = :series");
	if (q->search)
		strbuf_adds(sql, " AND (lower(e.summary) LIKE lower(:search) ESCAPE '\\'"
				 " OR lower(e.description) LIKE lower(:search) ESCAPE '\\'"
				 " OR lower(e.location) LIKE lower(:search) ESCAPE '\\')");
	if (q->sync_status >= 0)
		strbuf_adds(sql, " AND e.sync_status = :status");
	if (!q->include_hidden)
		strbuf_adds(sql, " AND e.hidden = 0");
	if (!q->include_cancelled)
		strbuf_adds(sql, " AND e.cancelled = 0");
}

/*
 * A window in two arms, as an index on start alone cannot say what is still going on:
 *
 *   short  rows that start in the window, or at most EVENT_SHORT_S before it
 *   reach  the few that last longer, and masters of series: all that start before its end
 */
static void add_window(struct strbuf *sql, const struct event_query *q)
{
	AUTO(strbuf_release) struct strbuf arm = STRBUF_INIT;

	add_filters(&arm, q);
	if (q->has_end)
		strbuf_adds(&arm, " AND e.start_utc < :end");
	else
		strbuf_adds(&arm, " AND e.start_utc IS NOT NULL");
	strbuf_adds(sql, arm.buf);
	strbuf_adds(sql, " AND e.reach = 0");
	if (q->has_start)
		strbuf_adds(sql, " AND e.start_utc > :start_short AND e.end_utc > :start");
	strbuf_adds(sql, " UNION ALL ");
	strbuf_adds(sql, arm.buf);
	strbuf_adds(sql, " AND e.reach > 0"); /* as the partial index says it */
	if (q->has_start && q->masters)
		strbuf_adds(sql, " AND (e.end_utc > :start OR (e.reach = 2 AND"
				 " (e.until_utc IS NULL OR e.until_utc > :start)))");
	else if (q->has_start)
		strbuf_adds(sql, " AND e.end_utc > :start");
}

void event_query_text(struct strbuf *sql, const struct event_query *q)
{
	if (has_window(q))
		add_window(sql, q);
	else
		add_filters(sql, q);
	/* Rows without a start come first. */
	strbuf_adds(sql, has_window(q) ? " ORDER BY start_utc, id"
				       : " ORDER BY e.start_utc NULLS FIRST, e.id");
	if (q->limit)
		strbuf_adds(sql, " LIMIT :limit");
}

/* --- the values -------------------------------------------------------------------------- */

/* %text% for LIKE, with its wildcards taken literally. */
static void like_pattern(struct strbuf *out, const char *text)
{
	strbuf_addc(out, '%');
	for (; *text; text++) {
		if (strchr("%_\\", *text))
			strbuf_addc(out, '\\');
		strbuf_addc(out, *text);
	}
	strbuf_addc(out, '%');
}

/* A seconds value far outside of what a calendar holds must not wrap when it is moved. */
static int64_t before_by(int64_t utc, int64_t seconds)
{
	return utc < INT64_MIN + seconds ? INT64_MIN : utc - seconds;
}

struct query_texts { /* live until the statement is done */
	struct strbuf sql, prefix_end, search;
};

static void query_texts_release(struct query_texts *t)
{
	strbuf_release(&t->sql);
	strbuf_release(&t->prefix_end);
	strbuf_release(&t->search);
}
DEFINE_AUTO_VALUE(struct query_texts, query_texts_release)

static void query_bind(struct stmt *st, const struct event_query *q, struct query_texts *t)
{
	if (q->calendar_id)
		stmt_int(st, ":calendar", q->calendar_id);
	if (q->account_id)
		stmt_int(st, ":account", q->account_id);
	if (q->id)
		stmt_text(st, ":id", q->id);
	if (q->id_prefix) {
		/* The highest code point ends the range: no id holds it. */
		strbuf_adds(&t->prefix_end, q->id_prefix);
		strbuf_adds(&t->prefix_end, "\xf4\x8f\xbf\xbf");
		stmt_text(st, ":prefix", q->id_prefix);
		stmt_text(st, ":prefix_end", t->prefix_end.buf);
	}
	if (q->recurring_event_id)
		stmt_text(st, ":series", q->recurring_event_id);
	if (q->search) {
		like_pattern(&t->search, q->search);
		stmt_text(st, ":search", t->search.buf);
	}
	if (q->sync_status >= 0)
		stmt_text(st, ":status", sync_status_name((enum sync_status)q->sync_status));
	if (q->has_start) {
		stmt_int(st, ":start", q->start_utc);
		stmt_int(st, ":start_short", before_by(q->start_utc, EVENT_SHORT_S));
	}
	if (q->has_end)
		stmt_int(st, ":end", q->end_utc);
	if (q->limit)
		stmt_int(st, ":limit", q->limit > INT64_MAX ? INT64_MAX : (int64_t)q->limit);
}

/* --- walks ------------------------------------------------------------------------------- */

int store_event_each(struct store *s, const struct event_query *q,
		     int (*fn)(const struct event *e, void *arg), void *arg, struct err *err)
{
	AUTO(query_texts_release)
	struct query_texts texts = {STRBUF_INIT, STRBUF_INIT, STRBUF_INIT};
	AUTO(stmt_done) struct stmt *st = NULL;
	int status;

	event_query_text(&texts.sql, q);
	if (db_prepare(s->db, texts.sql.buf, &st, err))
		return -1;
	query_bind(st, q, &texts);
	while ((status = stmt_step(st, err)) == 1) {
		AUTO(event_release) struct event e = {0};

		if (event_read(st, &e, err))
			return -1;
		status = fn(&e, arg);
		if (status)
			return status;
	}
	return status;
}

/* All rows of a statement. */
static int read_all(struct stmt *st, struct event_list *out, struct err *err)
{
	AUTO(event_list_release) struct event_list list = {0};
	int status;

	while ((status = stmt_step(st, err)) == 1) {
		struct event e;

		if (event_read(st, &e, err))
			return -1;
		event_list_add(&list, &e);
	}
	if (status < 0)
		return -1;
	*out = list;
	memset(&list, 0, sizeof(list));
	return 0;
}

int store_event_list(struct store *s, const struct event_query *q, struct event_list *out,
		     struct err *err)
{
	AUTO(query_texts_release)
	struct query_texts texts = {STRBUF_INIT, STRBUF_INIT, STRBUF_INIT};
	AUTO(stmt_done) struct stmt *st = NULL;

	event_query_text(&texts.sql, q);
	if (db_prepare(s->db, texts.sql.buf, &st, err))
		return -1;
	query_bind(st, q, &texts);
	return read_all(st, out, err);
}

int store_event_occurrences(struct store *s, int64_t calendar_id, const char *series_id,
			    struct event_list *out, struct err *err)
{
	struct event_query q = EVENT_QUERY_INIT;

	q.calendar_id = calendar_id;
	q.recurring_event_id = series_id;
	q.include_hidden = q.include_cancelled = true;
	return store_event_list(s, &q, out, err);
}

static const char sql_event_unseen[] = EVENT_SELECT EVENT_FROM
	" WHERE e.calendar_id = :calendar AND e.at_google = 1 AND e.generation < :generation"
	" UNION ALL " EVENT_SELECT EVENT_FROM
	" WHERE e.calendar_id = :calendar AND e.at_google = 1 AND e.generation > :generation";

int store_event_unseen(struct store *s, int64_t calendar_id, int64_t generation,
		       struct event_list *out, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_event_unseen, &st, err))
		return -1;
	stmt_int(st, ":calendar", calendar_id);
	stmt_int(st, ":generation", generation);
	return read_all(st, out, err);
}

/* The index has the two kinds of rows apart. */
static const char sql_last_generation[] =
	"SELECT coalesce((SELECT max(e.generation) FROM event e"
	"  WHERE e.calendar_id = :calendar AND e.at_google = 1), 0),"
	" coalesce((SELECT max(e.generation) FROM event e"
	"  WHERE e.calendar_id = :calendar AND e.at_google = 0), 0)";

int store_event_last_generation(struct store *s, int64_t calendar_id, int64_t *out, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	int64_t there, here;

	if (db_prepare(s->db, sql_last_generation, &st, err))
		return -1;
	stmt_int(st, ":calendar", calendar_id);
	if (stmt_step(st, err) < 0)
		return -1;
	there = col_int(st, 0);
	here = col_int(st, 1);
	*out = there > here ? there : here;
	return 0;
}

/* Every cancelled occurrence of the calendar is looked at: for a pull that met an odd one. */
static const char sql_event_orphans[] = EVENT_SELECT EVENT_FROM
	" WHERE e.calendar_id = :calendar AND e.cancelled = 1 AND e.recurring_event_id IS NOT NULL"
	" AND o.event_row IS NULL"
	" AND NOT EXISTS (SELECT 1 FROM event m"
	"  WHERE m.calendar_id = e.calendar_id AND m.id = e.recurring_event_id)";

int store_event_orphans(struct store *s, int64_t calendar_id, struct event_list *out,
			struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_event_orphans, &st, err))
		return -1;
	stmt_int(st, ":calendar", calendar_id);
	return read_all(st, out, err);
}

/* --- counts ------------------------------------------------------------------------------ */

static const char sql_event_count[] =
	"SELECT count(*) FROM event WHERE calendar_id = :calendar AND at_google = 1";

int store_event_count(struct store *s, int64_t calendar_id, int64_t *out_at_google, struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, sql_event_count, &st, err))
		return -1;
	stmt_int(st, ":calendar", calendar_id);
	if (stmt_step(st, err) < 0)
		return -1;
	*out_at_google = col_int(st, 0);
	return 0;
}

/* Of one account each goes by its calendars: who asks for thousands of accounts in turn must not
 * walk through the events of all of them every time. */

/* Cancelled exceptions are no events to a reader; a hidden row (its delete waits) still counts. */
#define COUNT_STATUS                                                           \
	"SELECT sum(CASE WHEN e.sync_status = :local_only THEN 1 ELSE 0 END)," \
	" sum(CASE WHEN e.sync_status = :synced THEN 1 ELSE 0 END),"           \
	" sum(CASE WHEN e.sync_status = :error THEN 1 ELSE 0 END)"             \
	" FROM event e WHERE e.cancelled = 0"

static const char sql_count_status[] = COUNT_STATUS;
static const char sql_count_status_of[] =
	COUNT_STATUS " AND e.calendar_id IN"
		     " (SELECT c.calendar_id FROM calendar c WHERE c.account_id = :account)";

static int count_status(struct store *s, int64_t account_id, struct event_counts *out,
			struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;

	if (db_prepare(s->db, account_id ? sql_count_status_of : sql_count_status, &st, err))
		return -1;
	if (account_id)
		stmt_int(st, ":account", account_id);
	stmt_text(st, ":local_only", sync_status_name(SYNC_LOCAL_ONLY));
	stmt_text(st, ":synced", sync_status_name(SYNC_SYNCED));
	stmt_text(st, ":error", sync_status_name(SYNC_ERROR));
	if (stmt_step(st, err) < 0)
		return -1;
	out->by_status[SYNC_LOCAL_ONLY] = col_int(st, 0);
	out->by_status[SYNC_SYNCED] = col_int(st, 1);
	out->by_status[SYNC_ERROR] = col_int(st, 2);
	return 0;
}

#define COUNT_PENDING "SELECT o.op, count(*), sum(CASE WHEN e.cancelled = 0 THEN 1 ELSE 0 END)"

static const char sql_count_pending[] =
	COUNT_PENDING " FROM outbox o JOIN event e ON e.event_row = o.event_row GROUP BY o.op";
static const char sql_count_pending_of[] =
	COUNT_PENDING " FROM calendar c CROSS JOIN outbox o ON o.calendar_id = c.calendar_id"
		      " CROSS JOIN event e ON e.event_row = o.event_row"
		      " WHERE c.account_id = :account GROUP BY o.op";

/* Also takes what has an entry off by_pending[PENDING_NONE], which starts as all events. */
static int count_pending(struct store *s, int64_t account_id, struct event_counts *out,
			 struct err *err)
{
	AUTO(stmt_done) struct stmt *st = NULL;
	int status;

	if (db_prepare(s->db, account_id ? sql_count_pending_of : sql_count_pending, &st, err))
		return -1;
	if (account_id)
		stmt_int(st, ":account", account_id);
	while ((status = stmt_step(st, err)) == 1) {
		enum pending_op op;

		if (pending_op_parse(col_text(st, 0), &op))
			return err_set(err, ERR_STORE, "stored outbox is damaged: unknown op");
		out->by_pending[op] = col_int(st, 1);
		out->by_pending[PENDING_NONE] -= col_int(st, 2);
	}
	return status;
}

int store_event_counts(struct store *s, int64_t account_id, struct event_counts *out,
		       struct err *err)
{
	struct event_counts counts = {0};

	if (count_status(s, account_id, &counts, err))
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(counts.by_status); i++)
		counts.by_pending[PENDING_NONE] += counts.by_status[i];
	if (count_pending(s, account_id, &counts, err))
		return -1;
	*out = counts;
	return 0;
}
